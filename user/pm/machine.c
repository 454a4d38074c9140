/* SPDX-License-Identifier: MIT */
/* user/pm/machine.c - RING 3 - about the machine: its names, its memory, its end.
 *
 * Path:  main.c > [machine.c] > kernel's facts;  ~NAME_HOST~>  fs/libc.c
 */
#define _GNU_SOURCE                     /* the name of the domain */
#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "abi/name.h"
#include "abi/pm.h"
#include "user/pm/pm.h"

#define SYSINFO_SIZE 112                /* Linux's structure; musl's has room behind it */

static struct utsname names = QUIRE_NAMES;

long pm_uname(struct call *c) { return mem_out(c, c->arg[0], &names, sizeof(names)); }

static long name_set(struct call *c, char name[65])
{
	char new[65] = "";

	if (c->me.attr.euid) return -EPERM;
	if (c->arg[1] >= sizeof(new)) return -EINVAL;
	if (mem_in(c, new, c->arg[0], c->arg[1])) return -EFAULT;
	memcpy(name, new, sizeof(new));
	return 0;
}

/* The file server tells it too, in /proc. */
long pm_sethostname(struct call *c)
{
	struct ipc_msg m = {.op = NAME_HOST};
	long rc = name_set(c, names.nodename);

	m.lend[0] = (struct ipc_lend){(uintptr_t)names.nodename, sizeof(names.nodename), LEND_READ};
	return rc ? rc : q_call(HANDLE_FS, &m);
}

long pm_setdomainname(struct call *c) { return name_set(c, names.domainname); }

uint32_t machine_cpus(void)
{
	struct facts_machine m;

	return q_facts(FACTS_MACHINE, 0, 0, &m, sizeof(m)) > 0 ? m.cpus : 1;
}

/* sysinfo(2): threads, as Linux counts its processes. */
long pm_sysinfo(struct call *c)
{
	struct facts_machine m;
	struct facts_proc f;
	struct sysinfo s;

	if (q_facts(FACTS_MACHINE, 0, 0, &m, sizeof(m)) <= 0) return -EIO;
	memset(&s, 0, sizeof(s));
	for (uint32_t pid = 0; proc_next(&pid, &f);) s.procs += (unsigned short)f.threads;
	s.uptime = (unsigned long)(m.now_ns / 1000000000);
	s.mem_unit = 1;
	s.totalram = m.memory;
	s.freeram = m.free;
	return mem_out(c, c->arg[0], &s, SYSINFO_SIZE);
}

/* reboot(2): the power goes off, after everything dirty went to the disk. */
long pm_reboot(struct call *c)
{
	uint32_t command = (uint32_t)c->arg[2];

	if (c->me.attr.euid) return -EPERM;
	if ((uint32_t)c->arg[0] != 0xfee1dead) return -EINVAL;
	if (command != 0x4321fedc && command != 0xcdef0123 && command != 0x01234567) return -EINVAL;
	sync();
	q_machine_stop(0);
	return -EIO;
}
