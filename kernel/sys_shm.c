/* SPDX-License-Identifier: MIT */
/* kernel/sys_shm.c - RING 0 - System V shared memory: the mappings are ours, the table is the file server's.
 *
 * Path:  syscall.c > [sys_shm.c] > filedev.c name_call()  ~NAME_SHMAT~>  fs/sysv_shm.c
 * Locks: none here.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "mm/map.h"
#include "mm/vmo.h"

#define SHM_RDONLY 010000
#define SHM_RND    020000
#define SHM_REMAP  040000
#define SHM_EXEC  0100000

/* POSIX shmat: where to, and how.  -EINVAL */
static int shmat_place(uaddr_t *at, uint32_t *flags)
{
	uint32_t how = *flags;

	if ((how & SHM_RND) && *at) *at = ROUND_DOWN(*at, PAGE_SIZE);
	if (*at % PAGE_SIZE || (!*at && (how & SHM_REMAP))) return -EINVAL;
	*flags = MAP_SHARED;
	if (*at) *flags |= how & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	return 0;
}

SYSCALL(shmat)
{
	uint32_t prot = PROT_READ | (a2 & SHM_RDONLY ? 0 : PROT_WRITE), flags = a2;
	struct kmsg k = {.m = {.arg = {a0, a2}}};
	uaddr_t at = a1;
	struct vmo *v;
	int rc = shmat_place(&at, &flags);

	if (!rc) rc = name_call(&k, NAME_SHMAT, false);
	if (rc) return rc;
	if (!k.obj[0] || k.obj[0]->type != KOBJ_VMO) return -EIO;
	v = container_of(k.obj[0], struct vmo, obj);
	rc = map_map(map_limited(), &at, v->max_size, prot | (a2 & SHM_EXEC ? PROT_EXEC : 0), prot | PROT_EXEC, flags, v, 0);
	vmo_unref(v);
	return rc == -EEXIST ? -EINVAL : rc ? rc : (long)at;
}

SYSCALL(shmdt) { return map_detach(current_proc()->map, a0); }
