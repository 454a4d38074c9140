/* SPDX-License-Identifier: MIT */
/* fs/vfs_fixed.c - RING 3 - file systems whose names are given: nothing is made, removed or renamed in /dev and /proc.
 *
 * Path:  vfs_name.c, vfs_rename.c > [vfs_fixed.c]
 * Use:   FIXED_NAMES among a file system's fs_ops.  -EPERM, as POSIX has it for a directory that does not support it.
 */
#include <errno.h>

#include "fs/vfs_int.h"

int fixed_make(struct vnode *dir, const char *name, size_t len, mode_t mode, struct cred c, struct vnode **out)
{
	(void)dir, (void)name, (void)len, (void)mode, (void)c, (void)out;
	return -EPERM;
}

int fixed_symlink(struct vnode *dir, const char *name, size_t len, const char *target, size_t tlen, struct cred c)
{
	(void)dir, (void)name, (void)len, (void)target, (void)tlen, (void)c;
	return -EPERM;
}

int fixed_link(struct vnode *dir, const char *name, size_t len, struct vnode *target)
{
	(void)dir, (void)name, (void)len, (void)target;
	return -EPERM;
}

int fixed_remove(struct vnode *dir, const char *name, size_t len)
{
	(void)dir, (void)name, (void)len;
	return -EPERM;
}

int fixed_rename(struct vnode *odir, const char *oname, size_t olen, struct vnode *ndir, const char *nname,
                 size_t nlen)
{
	(void)odir, (void)oname, (void)olen, (void)ndir, (void)nname, (void)nlen;
	return -EPERM;
}
