/* SPDX-License-Identifier: MIT */
/* user/pm/session.c - RING 3 - process groups and sessions: who may go where.
 *
 * What follows from them for those that stop is family.c's.  They change here and at fork alone, where a
 * child is put into its parent's: so a group that was looked for may lose its last member meanwhile, but none appears.
 *
 * Path:  main.c > [session.c] > kernel's facts, proc_set
 */
#include <errno.h>

#include "user/pm/family.h"

long pm_getpgrp(struct call *c) { return c->me.attr.pgid; }

long pm_getpgid(struct call *c)
{
	struct facts_proc f;

	return proc_look(c, (uint32_t)c->arg[0], &f) ? -ESRCH : (long)f.attr.pgid;
}

long pm_getsid(struct call *c)
{
	struct facts_proc f;

	return proc_look(c, (uint32_t)c->arg[0], &f) ? -ESRCH : (long)f.attr.sid;
}

static int groups_set(const struct call *c, struct facts_proc *f, uint32_t pgid, uint32_t sid)
{
	struct member *m = member_find(f->pid);
	int rc;

	f->attr.pgid = pgid;
	f->attr.sid = sid;
	rc = attr_set(c, f, &f->attr.pgid, sizeof(f->attr.pgid) + sizeof(f->attr.sid));
	if (m && !rc) m->pgid = pgid, m->sid = sid;
	return rc;
}

/* POSIX setpgid: oneself or a child that has not exec'd yet, within the session, into a group of one's own or one that
 * is there. */
long pm_setpgid(struct call *c)
{
	uint32_t pgid = (uint32_t)c->arg[1];
	struct facts_proc f;

	if ((int)pgid < 0) return -EINVAL;
	if (proc_look(c, (uint32_t)c->arg[0], &f)) return -ESRCH;
	if (!pgid) pgid = f.pid;
	if (f.pid != c->me.pid) {
		if (f.attr.ppid != c->me.pid) return -ESRCH;
		if (f.attr.sid != c->me.attr.sid) return -EPERM;
		if (f.execs) return -EACCES;
	}
	if (f.attr.sid == f.pid) return -EPERM;
	if (pgid != f.pid && !group_exists(pgid, c->me.attr.sid)) return -EPERM;
	return groups_set(c, &f, pgid, f.attr.sid);
}

long pm_setsid(struct call *c)
{
	uint32_t pid = c->me.pid;

	if (group_exists(pid, 0)) return -EPERM;
	return groups_set(c, &c->me, pid, pid) ? -ESRCH : (long)pid;
}
