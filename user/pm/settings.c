/* SPDX-License-Identifier: MIT */
/* user/pm/settings.c - RING 3 - prctl, the common part, and personality: little of that means anything here.
 *
 * Path:  main.c > [settings.c] > kernel's facts, proc_set
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "user/pm/pm.h"

#define NAME_LEN 16                     /* with the NUL (prctl(2)) */
#define NSIG_MAX 64
#define CAPS_MAX 40

#define SET(c, member) attr_set(c, &(c)->me, &(c)->me.attr.member, sizeof((c)->me.attr.member))

/* Not farther than the NUL: what follows may not be there. */
static long name_set(struct call *c)
{
	char *name = c->me.attr.name;

	memset(name, 0, sizeof(c->me.attr.name));
	for (int i = 0; i < NAME_LEN - 1; i++) {
		if (mem_in(c, &name[i], c->arg[1] + (uint64_t)i, 1)) return -EFAULT;
		if (!name[i]) break;
	}
	return SET(c, name);
}

static long name_get(struct call *c)
{
	char name[NAME_LEN];

	memcpy(name, c->me.attr.name, sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	return mem_out(c, c->arg[1], name, sizeof(name));
}

static long parent_death_set(struct call *c)
{
	if (c->arg[1] > NSIG_MAX) return -EINVAL;
	c->me.attr.pdeath_signal = (int32_t)c->arg[1];
	return SET(c, pdeath_signal);
}

static long dumpable_set(struct call *c)
{
	if (c->arg[1] > 1) return -EINVAL;
	c->me.attr.dumpable = (uint32_t)c->arg[1];
	return SET(c, dumpable);
}

static long subreaper_set(struct call *c)
{
	c->me.attr.subreaper = c->arg[1] != 0;
	return SET(c, subreaper);
}

static long no_new_privs(struct call *c, bool set)
{
	if (c->arg[2] | c->arg[3] | c->arg[4] || c->arg[1] != set) return -EINVAL;
	if (!set) return c->me.attr.no_new_privs;
	c->me.attr.no_new_privs = 1;
	return SET(c, no_new_privs);
}

long pm_prctl(struct call *c)
{
	const struct proc_attr *a = &c->me.attr;
	uint64_t at = c->arg[1];

	switch ((int)c->arg[0]) {
	case PR_SET_NAME: return name_set(c);
	case PR_GET_NAME: return name_get(c);
	case PR_SET_PDEATHSIG: return parent_death_set(c);
	case PR_GET_PDEATHSIG: return mem_out(c, at, &a->pdeath_signal, sizeof(a->pdeath_signal));
	case PR_SET_DUMPABLE: return dumpable_set(c);
	case PR_GET_DUMPABLE: return a->dumpable;
	case PR_SET_CHILD_SUBREAPER: return subreaper_set(c);
	case PR_GET_CHILD_SUBREAPER: return mem_out(c, at, &a->subreaper, sizeof(a->subreaper));
	case PR_SET_NO_NEW_PRIVS: return no_new_privs(c, true);
	case PR_GET_NO_NEW_PRIVS: return no_new_privs(c, false);
	case PR_GET_TID_ADDRESS: return thread_look(c) ? -ESRCH : mem_out(c, at, &c->me.clear_tid, sizeof(uint64_t));
	case PR_CAPBSET_READ: return at > CAPS_MAX ? -EINVAL : 1;
	}
	return -EINVAL;
}

/* Bits that change a program's memory layout and the like are kept and mean nothing. */
long pm_personality(struct call *c)
{
	uint32_t old = c->me.attr.personality, new = (uint32_t)c->arg[0];

	if (new == UINT32_MAX) return old;
	c->me.attr.personality = new;
	SET(c, personality);
	return old;
}

/* Where a thread keeps the robust mutexes that it owns: of the caller alone. */
long pm_get_robust_list(struct call *c)
{
	uint64_t size = 24;

	if (c->arg[0] && (uint32_t)c->arg[0] != c->tid) return -EPERM;
	if (thread_look(c)) return -ESRCH;
	if (mem_out(c, c->arg[1], &c->me.robust, sizeof(c->me.robust))) return -EFAULT;
	return mem_out(c, c->arg[2], &size, sizeof(size));
}
