/* SPDX-License-Identifier: MIT */
/* fs/sysv_shm.c - RING 3 - System V shared memory: the table of segments.
 *
 * Path:  call.c > [sysv_shm.c]
 * A segment is an object without a pager, as a tmpfs file is; the kernel maps it as it is told (THEN_MAP), and counts
 * its users.
 * POSIX.1-2017 shmget(), shmat(), shmctl(); where they leave it open, Linux.
 *
 * H1  A segment with `removed` has no key; it goes with its last user, at the latest when shm_sweep() looks next.
 *     Until then it can be attached by its number, as on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "fs/call.h"
#include "fs/vfs_share.h"

#define SEGMENTS_MAX 4096               /* Linux's SHMMNI; SHARE_SEGMENTS */
#define TODAYS 0x100                    /* IPC_64, the C library's word for today's structures */
#define SIZE_LIMIT   (INT64_MAX & ~4095ull)

struct segment {
	struct segment *next;
	struct vnode vnode;             /* what perm_check() and perm_owner() look at, and the object */
	struct shmid_ds ds;
	bool removed;
};

_Static_assert(sizeof(struct shmid_ds) == 112, "struct shmid_ds is Linux's");

static struct mount no_mount;           /* of segments: one that can be written to */
static struct segment *segments;
static unsigned nsegments;
static int next_id;

/* Where the pointer to the segment is; *result is NULL if there is none of this number. */
static struct segment **segment_by_id(uint64_t id)
{
	struct segment **p = &segments;

	while (*p && (*p)->vnode.ino != id) p = &(*p)->next;
	return p;
}

static struct segment *segment_by_key(key_t key)
{
	struct segment *s = key == IPC_PRIVATE ? NULL : segments;

	while (s && (s->removed || s->ds.shm_perm.__ipc_perm_key != key)) s = s->next;
	return s;
}

static uint64_t segment_users(const struct segment *s)
{
	struct vmo_info info;

	return object_info(s->vnode.object, &info) ? 0 : info.users;
}

static void segment_free(struct segment **p)
{
	struct segment *s = *p;

	*p = s->next;
	nsegments--;
	object_close(&s->vnode);
	share_give(SHARE_SEGMENTS, s->ds.shm_perm.cuid, 1);
	free(s);
}

void shm_sweep(void)
{
	struct segment **p = &segments;

	while (*p) {
		if ((*p)->removed && segment_users(*p) == 0) segment_free(p);
		else p = &(*p)->next;
	}
}

static int segment_new(const struct call *call)
{
	uint64_t size = call->arg[1];
	struct cred c = call->cred;
	struct segment *s;
	int rc;

	if (size == 0 || size > SIZE_LIMIT) return -EINVAL;
	if (!share_take(SHARE_SEGMENTS, c.uid, 1)) return -ENOSPC;
	s = calloc(1, sizeof(*s));
	size = (size + 4095) & ~4095ull;
	rc = s ? object_create(&s->vnode, size, size, VMO_EPHEMERAL | VMO_SEGMENT, (struct times){0}, &s->vnode.object) :
	         -ENOMEM;
	if (rc) {
		share_give(SHARE_SEGMENTS, c.uid, 1);
		free(s);
		return rc;
	}
	s->vnode.mnt = &no_mount;
	s->vnode.mode = call->arg[2] & 0777;
	s->vnode.uid = s->ds.shm_perm.cuid = c.uid;
	s->vnode.gid = s->ds.shm_perm.cgid = c.gid;
	s->vnode.ino = next_id++;
	s->ds.shm_perm.__ipc_perm_key = (key_t)call->arg[0];
	s->ds.shm_segsz = call->arg[1];
	s->ds.shm_cpid = (pid_t)vfs_caller.pid;
	s->ds.shm_ctime = now_ns() / 1000000000;
	s->next = segments;
	segments = s;
	nsegments++;
	return (int)s->vnode.ino;
}

/* Bits of a mode, of owner, group and others, as those that perm_check() asks for. */
static unsigned mode_wanted(uint64_t flags)
{
	return (flags >> 6 | flags >> 3 | flags) & 6;
}

/* Key, size, flags -> its number. */
long call_shmget(const struct call *c)
{
	struct segment *s = segment_by_key((key_t)c->arg[0]);
	uint64_t flags = c->arg[2];
	int rc;

	shm_sweep();
	if (flags & SHM_HUGETLB) return -ENOMEM;                /* there are no huge pages to be had */
	if (!s && (key_t)c->arg[0] != IPC_PRIVATE && !(flags & IPC_CREAT)) return -ENOENT;
	if (!s) return segment_new(c);
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL)) return -EEXIST;
	if (c->arg[1] > s->ds.shm_segsz) return -EINVAL;
	rc = perm_check(&s->vnode, mode_wanted(flags), c->cred);
	return rc ? rc : (long)s->vnode.ino;
}

/* Where and how the kernel is to map it. */
static int attach_place(uint64_t at, uint64_t how, struct ipc_msg *out)
{
	if ((how & SHM_RND) && at) at &= ~4095ull;
	if (at % 4096 || (!at && (how & SHM_REMAP))) return -EINVAL;
	out->arg[1] = at;
	out->arg[2] = MAP_SHARED | (!at ? 0 : how & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE);
	out->arg[3] = PROT_READ | (how & SHM_RDONLY ? 0 : PROT_WRITE) | (how & SHM_EXEC ? PROT_EXEC : 0);
	return 0;
}

long call_shmat(const struct call *c)
{
	struct segment *s;
	int rc = attach_place(c->arg[1], c->arg[2], c->out);

	if (rc) return rc;
	shm_sweep();
	s = *segment_by_id(c->arg[0]);
	if (!s) return -EINVAL;
	rc = perm_check(&s->vnode, c->arg[2] & SHM_RDONLY ? 4 : 6, c->cred);
	if (rc) return rc;
	s->ds.shm_atime = now_ns() / 1000000000;
	s->ds.shm_lpid = (pid_t)vfs_caller.pid;
	c->out->handle[0] = s->vnode.object;
	c->out->arg[NAME_THEN] = THEN_MAP;
	return 0;
}

static int segment_stat(struct segment *s, const struct call *c)
{
	int rc = perm_check(&s->vnode, 4, c->cred);

	s->ds.shm_nattch = segment_users(s);
	s->ds.shm_perm.mode = s->vnode.mode | (s->removed ? SHM_DEST : 0);
	s->ds.shm_perm.uid = s->vnode.uid;
	s->ds.shm_perm.gid = s->vnode.gid;
	return rc ? rc : mem_out(c, c->arg[2], &s->ds, sizeof(s->ds));
}

static int segment_set(struct segment *s, const struct call *c)
{
	struct shmid_ds ds;
	int rc = mem_in(c, &ds, c->arg[2], sizeof(ds));

	if (rc) return rc;
	s->vnode.mode = ds.shm_perm.mode & 0777;
	s->vnode.uid = ds.shm_perm.uid;
	s->vnode.gid = ds.shm_perm.gid;
	s->ds.shm_ctime = now_ns() / 1000000000;
	return 0;
}

/* Its creator too may change and remove it, whoever owns it now. */
static bool segment_owner(const struct segment *s, struct cred c)
{
	return perm_owner(&s->vnode, c) || c.uid == s->ds.shm_perm.cuid;
}

static int shm_limits(const struct call *c)
{
	struct shminfo limits = {.shmmax = SIZE_LIMIT, .shmmin = 1, .shmmni = SEGMENTS_MAX, .shmseg = SEGMENTS_MAX};

	limits.shmall = limits.shmmax / 4096;
	return mem_out(c, c->arg[2], &limits, sizeof(limits));
}

static int shm_totals(const struct call *c)
{
	struct shm_info sum = {.__used_ids = (int)nsegments};
	struct vmo_info info;

	for (struct segment *s = segments; s; s = s->next) {
		sum.shm_tot += (s->ds.shm_segsz + 4095) / 4096;
		if (!object_info(s->vnode.object, &info)) sum.shm_rss += info.npages;
	}
	return mem_out(c, c->arg[2], &sum, sizeof(sum));
}

/* Number, command, the structure that it wants.  Locking changes nothing. */
long call_shmctl(const struct call *c)
{
	uint32_t cmd = (uint32_t)c->arg[1] & ~(uint32_t)TODAYS;
	struct segment *s;

	shm_sweep();
	if (cmd == IPC_INFO) return shm_limits(c);
	if (cmd == SHM_INFO) return shm_totals(c);
	s = *segment_by_id(c->arg[0]);
	if (!s) return -EINVAL;
	if (cmd == IPC_STAT) return segment_stat(s, c);
	if (cmd > IPC_SET && cmd != SHM_LOCK && cmd != SHM_UNLOCK) return -EINVAL;
	if (!segment_owner(s, c->cred)) return -EPERM;
	if (cmd == IPC_SET) return segment_set(s, c);
	if (cmd == IPC_RMID) s->removed = true;         /* H1 */
	shm_sweep();
	return 0;
}
