/* SPDX-License-Identifier: MIT */
/* user/pm/limits.c - RING 3 - what a process may use at most: kept here, obeyed by ring 0.
 *
 * Path:  main.c > [limits.c] > kernel's facts, proc_set
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "user/pm/pm.h"

#define FD_MAX 1024                     /* kernel/file.h */

/* prlimit(2): of another process with all the same ids, or for root. */
static bool may_limit(const struct call *c, const struct facts_proc *f)
{
	const struct proc_attr *a = &c->me.attr, *b = &f->attr;

	return f->pid == c->me.pid || !a->euid ||
	       (a->uid == b->uid && a->uid == b->euid && a->uid == b->suid &&
	        a->gid == b->gid && a->gid == b->egid && a->gid == b->sgid);
}

static long limit(struct call *c, uint32_t pid, uint64_t which, uint64_t set, uint64_t get)
{
	struct facts_proc f;
	uint64_t new[2], old[2], *limit;

	if (which >= PROC_RLIMITS) return -EINVAL;
	if (set && mem_in(c, new, set, sizeof(new))) return -EFAULT;
	if (set && new[0] > new[1]) return -EINVAL;
	if (set && which == RLIMIT_NOFILE && new[1] > FD_MAX) return -EPERM;
	if (proc_look(c, pid, &f)) return -ESRCH;
	if (!may_limit(c, &f)) return -EPERM;
	limit = f.attr.rlimit[which];
	if (set && new[1] > limit[1] && c->me.attr.euid) return -EPERM;

	memcpy(old, limit, sizeof(old));
	if (get && mem_out(c, get, old, sizeof(old))) return -EFAULT;
	if (!set) return 0;
	memcpy(limit, new, sizeof(new));
	return attr_set(c, &f, limit, sizeof(new));
}

long pm_getrlimit(struct call *c) { return limit(c, 0, c->arg[0], 0, c->arg[1]); }
long pm_setrlimit(struct call *c) { return limit(c, 0, c->arg[0], c->arg[1], 0); }
long pm_prlimit64(struct call *c) { return limit(c, (uint32_t)c->arg[0], c->arg[1], c->arg[2], c->arg[3]); }
