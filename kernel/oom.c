/* SPDX-License-Identifier: MIT */
/* kernel/oom.c - RING 0 - no page is free and none can be reclaimed: the process that has most of them is killed.
 *
 * Path:  trap.c > mm/fault.c vm_fault() > [oom.c] > signal.c
 * Servers and init stay.  The thread that asked waits for the other's end, and then tries again; if its own process is
 * the largest, or is being killed already, it is told that there is no memory, and dies on its way back to ring 3.
 * Locks: none on entry; p->lock while a process is looked at.
 */
#include "kernel/console.h"
#include "kernel/proc.h"
#include "mm/map.h"

#define OOM_TRIES 1000u                 /* looks, 10 ms apart, at a process that is to end */

/* Pages in its page tables, which its end may set free; 0: none, or it is not to be killed. */
static uint64_t oom_pages(struct proc *p)
{
	uint64_t n;

	spin_lock(&p->lock);
	n = p->map && !p->server ? p->map->pmap.resident : 0;
	spin_unlock(&p->lock);
	return n;
}

static bool oom_dying(const struct proc *p) { return p && p->exiting; }

/* The one that is ending already, else the largest: a reference; NULL: there is none. */
static struct proc *oom_victim(void)
{
	struct proc *p, *most = NULL;
	uint64_t pages = 0;

	for (uint32_t pid = 2; (p = proc_seek(pid)) && !oom_dying(most); proc_unref(p)) {
		uint64_t n = oom_pages(p);

		pid = p->pid + 1;
		if (n == 0 || (n <= pages && !oom_dying(p))) continue;
		if (most) proc_unref(most);
		proc_ref(p);
		most = p;
		pages = n;
	}
	if (p) proc_unref(p);
	return most;
}

int oom_wait(void)
{
	struct proc *me = current_proc(), *p = oom_victim();
	uint32_t tries = p && p != me && !oom_dying(me) ? OOM_TRIES : 0;

	if (p && !oom_dying(p)) {
		kprintf("quire: no memory: %s (%u) is killed for its %lu pages\n", p->name, p->pid, oom_pages(p));
		signal_send(p, SIGKILL);
	}
	while (tries && oom_pages(p) && !oom_dying(me)) {
		thread_sleep(10 * 1000 * 1000);
		tries--;
	}
	if (p) proc_unref(p);
	return tries ? 0 : -ENOMEM;
}
