/* SPDX-License-Identifier: MIT */
/* fs/libc.c - RING 3 - functions of the C library that would ask the process manager: it may be waiting for us.
 *
 * Path:  procfs_sys.c, tmpfs.c > [libc.c] > kernel's facts; the process manager  ~NAME_HOST~>  server.c > [libc.c]
 */
#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "abi/name.h"
#include "abi/pm.h"
#include "fs/procfs.h"
#include "fs/server.h"

static struct utsname names = QUIRE_NAMES;

int uname(struct utsname *u)
{
	*u = names;
	return 0;
}

int sysinfo(struct sysinfo *si)
{
	struct facts_machine m;

	if (facts(FACTS_MACHINE, 0, 0, &m, sizeof(m)) <= 0) return -1;
	*si = (struct sysinfo){.totalram = m.memory, .freeram = m.free, .mem_unit = 1};
	return 0;
}

static int host_named(const struct ipc_msg *in, struct ipc_msg *out)
{
	(void)out;
	return lent_read(in->token, 0, names.nodename, sizeof(names.nodename));
}

handler srv_host_handler(uint32_t op) { return op == NAME_HOST ? host_named : NULL; }
