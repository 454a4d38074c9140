/* SPDX-License-Identifier: MIT */
/* user/pm/shm.c - RING 3 - System V shared memory, but for the mappings: shmget() and shmctl().
 *
 * Path:  main.c > [shm.c] > request.c  ~message~>  fs/sysv_shm.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/shm.h>

#include "abi/name.h"
#include "user/pm/pm.h"

#define TODAYS 0x100                    /* IPC_64, the C library's word for today's structures */

long pm_shmget(struct call *c)
{
	long rc;

	req_begin();
	for (int i = 0; i < 3; i++) req.m.arg[i] = c->arg[i];
	rc = req_send(c, 0, NAME_SHMGET);
	return rc ? rc : (long)req.m.arg[0];
}

long pm_shmctl(struct call *c)
{
	static const uint8_t size[] = {          /* of Linux's structures by command */
		[IPC_SET] = sizeof(struct shmid_ds), [IPC_STAT] = sizeof(struct shmid_ds),
		[IPC_INFO] = sizeof(struct shminfo), [SHM_INFO] = sizeof(struct shm_info),
	};
	uint32_t cmd = (uint32_t)c->arg[1] & ~(uint32_t)TODAYS;
	size_t n = cmd < sizeof(size) ? size[cmd] : 0;
	char buf[sizeof(struct shmid_ds)] = {0};
	long rc;

	req_begin();
	req.m.arg[0] = c->arg[0];
	req.m.arg[1] = cmd;
	if (n) req.m.lend[0] = (struct ipc_lend){(uint64_t)buf, n, LEND_READ | LEND_WRITE};
	if (cmd == IPC_SET && mem_in(c, buf, c->arg[2], n)) return -EFAULT;
	rc = req_send(c, 0, NAME_SHMCTL);
	return rc || cmd == IPC_SET ? rc : mem_out(c, c->arg[2], buf, n);
}
