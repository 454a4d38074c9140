/* SPDX-License-Identifier: MIT */
/* kernel/sys_shm.c - RING 0 - System V shared memory: its table is the file server's, the mappings are ours.
 *
 * Path:  syscall.c > [sys_shm.c] > filedev.c name_call()  ~NAME_SHMGET ...~>  fs/sysv_shm.c
 * Locks: none here.
 */
#include "kernel/name.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "mm/map.h"
#include "mm/vmo.h"

#define IPC_64   0x100                  /* the C library's word for today's structures */
#define SHM_RDONLY 010000
#define SHM_RND    020000
#define SHM_REMAP  040000
#define SHM_EXEC  0100000

SYSCALL(shmget)
{
	struct kmsg k = {.m = {.arg = {a0, a1, a2}}};
	int rc = name_call(&k, NAME_SHMGET, false);

	return rc ? rc : (long)k.m.arg[0];
}

/* Bytes of the structures of Linux x86-64, by command: IPC_SET, IPC_STAT (shmid_ds), IPC_INFO (shminfo), SHM_INFO (shm_info) */
static const uint8_t ctl_size[] = {[1] = 112, [2] = 112, [3] = 72, [14] = 48};

SYSCALL(shmctl)
{
	uint32_t cmd = a1 & ~(uint64_t)IPC_64;
	struct kmsg k = {.m = {.arg = {a0, cmd}}, .lender = current_proc()->map};


	if (cmd < sizeof(ctl_size) && ctl_size[cmd]) k.m.lend[0] = (struct ipc_lend){a2, ctl_size[cmd], LEND_READ | LEND_WRITE};
	return name_call(&k, NAME_SHMCTL, false);
}

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
