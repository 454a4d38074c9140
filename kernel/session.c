/* SPDX-License-Identifier: MIT */
/* kernel/session.c - RING 0 - process groups that become orphans.  Who belongs together says user/pm/session.c.
 *
 * Path:  proc.c > pgrp_leave(); signal.c > pgrp_orphaned_locked()
 * Locks: proc_tree_lock around pgid and sid.
 */
#include "kernel/proc.h"

static struct proc *member_of(struct list *l) { return container_of(l, struct proc, all_link); }

/* ---- orphaned groups (POSIX 3.264): nobody of the session outside the group could continue a member */

/* Does p's parent keep p's group from being an orphan?  => tree lock held */
static bool linked_locked(const struct proc *p)
{
	return p->parent && !p->dead && p->parent->pgid != p->pgid && p->parent->sid == p->sid;
}

bool pgrp_orphaned_locked(uint32_t pgid, const struct proc *but)
{
	list_for(l, &all_procs) {
		struct proc *p = member_of(l);

		if (p->pgid == pgid && p != but && p->parent != but && linked_locked(p) && !p->parent->exiting) return false;
	}
	return true;
}

static void pgrp_continue(uint32_t pgid)
{
	struct proc *p;

	for (uint32_t pid = 0; (p = proc_next(pid)); proc_unref(p)) {
		pid = p->pid;
		if (p->pgid != pgid) continue;
		signal_send(p, SIGHUP, SI_KERNEL, 0);
		signal_send(p, SIGCONT, SI_KERNEL, 0);
	}
}

/* Is this group an orphan by p's end?  A parent that ends continues nobody: who stops meanwhile would stay so.
 * => tree lock held */
static bool strands_locked(uint32_t pgid, const struct proc *p)
{
	bool linked = false;

	list_for(l, &all_procs) {
		const struct proc *q = member_of(l);

		if (q->pgid == pgid && (q == p || q->parent == p) && linked_locked(q)) linked = true;
	}
	return linked && pgrp_orphaned_locked(pgid, p);
}

/* Of the groups with a stopped member, which are few; no others have anything to hear.  One at a time: signals are not
 * sent with the tree locked. */
void pgrp_leave(struct proc *p)
{
	uint32_t pgid = 0, last;

	do {
		last = pgid;
		pgid = 0;
		spin_lock(&proc_tree_lock);
		list_for(l, &all_procs) {
			const struct proc *q = member_of(l);

			if (q->stopped && q != p && q->pgid != last && strands_locked(q->pgid, p)) pgid = q->pgid;
			if (pgid) break;
		}
		spin_unlock(&proc_tree_lock);
		if (pgid) pgrp_continue(pgid);
	} while (pgid);
}
