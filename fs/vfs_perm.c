/* SPDX-License-Identifier: MIT */
/* fs/vfs_perm.c - RING 3 - who may do what: owner, group, others, the sticky bit (POSIX.1-2017 4.5, 4.3).
 *
 * Path:  vfs_path.c, vfs_name.c, vfs_rename.c, vfs_attr.c > [vfs_perm.c]
 * The kernel tells the caller's effective uid and gid with every message.  uid 0 passes, but may execute only what
 * somebody may execute.
 */
#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fs/vfs_int.h"

/* The kernel is asked about supplementary groups when everything else did not decide. */
bool perm_in_group(uint32_t gid, struct cred c)
{
	return c.gid == gid || (c.pid && cred_has_group(c, gid));
}

/* perm_check: R_OK | W_OK | X_OK on the file itself.
 * => -EROFS before -EACCES, as Linux has it; devices on a read-only file system can be written. */
int perm_check(const struct vnode *vn, unsigned want, struct cred c)
{
	unsigned bits = vn->mode & 7, group = vn->mode >> 3 & 7;
	bool data = S_ISREG(vn->mode) || S_ISDIR(vn->mode) || S_ISLNK(vn->mode);

	if ((want & W_OK) && vn->mnt->readonly && data) return -EROFS;
	if ((want & X_OK) && S_ISREG(vn->mode) && (vn->mnt->flags & MS_NOEXEC)) return -EACCES;
	if (c.uid == 0) {
		if ((want & X_OK) && !S_ISDIR(vn->mode) && !(vn->mode & 0111)) return -EACCES;
		return 0;
	}
	/* The first class that fits decides, even if a later one would allow more.  Groups are asked about if it matters. */
	if (c.uid == vn->uid) bits = vn->mode >> 6 & 7;
	else if (((group ^ bits) & want) && perm_in_group(vn->gid, c)) bits = group;
	return (want & ~bits) ? -EACCES : 0;
}

/* chmod(), utimensat() and others ask for the owner, whatever the mode says. */
bool perm_owner(const struct vnode *vn, struct cred c)
{
	return c.uid == 0 || c.uid == vn->uid;
}

/* perm_delete: may a name of `victim` leave `dir`?  In a sticky directory only for who owns one of the two. */
int perm_delete(const struct vnode *dir, const struct vnode *victim, struct cred c)
{
	int rc = perm_check(dir, W_OK | X_OK, c);

	if (rc) return rc;
	if ((dir->mode & S_ISVTX) && !perm_owner(dir, c) && !perm_owner(victim, c)) return -EPERM;
	return 0;
}
