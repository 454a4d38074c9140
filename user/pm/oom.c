/* SPDX-License-Identifier: MIT */
/* user/pm/oom.c - RING 3 - no page is free and none can be reclaimed: the process that has most of them is killed.
 *
 * Path:  kernel's vm_fault() > oom_wait()  ~NOTIFY_NO_MEMORY~>  main.c > [oom.c] > kernel's facts, signal_post
 * Who waits for a page asks again, at least every 1.1 s (mm/pagecache.c), until it has one or is killed itself.  Nothing
 * here needs memory, or waits for a server.  Servers stay, and init, unless nobody else is left.
 */
#include <signal.h>
#include <stdlib.h>

#include "user/pm/timer.h"

#define PID_INIT 1
#define ENDS_NS  (10 * NS)              /* whose end lasts longer is not waited for */
#define AGAIN_NS (5 * NS)               /* nobody asked for so long: it is another want */

struct choice {
	struct facts_proc most;         /* rss 0: nobody has pages */
	bool ending;                    /* somebody's pages are to come */
};

/* Of processes with pages in their page tables, which their end may set free.  Who ends has some until it is a zombie. */
static void look(const struct facts_proc *f, struct choice *to)
{
	if (f->server) return;
	if (f->state == 'X') to->ending = true;
	else if (f->rss > to->most.rss) to->most = *f;
}

static void end(const struct facts_proc *f)
{
	const siginfo_t info = {.si_signo = SIGKILL, .si_code = SI_KERNEL};

	say("no memory: %s (%u) is killed for its %lu pages", f->attr.name, f->pid, (unsigned long)f->rss);
	q_signal_post(f->pid, 0, &info, 0);
}

/* One after the other.  Who asked may have its page by now. */
void memory_lack(void)
{
	static uint64_t last, since;    /* when somebody asked; since when somebody ends */
	struct choice to = {.most = {.pid = PID_INIT, .attr.name = "init"}};
	struct facts_proc f = {.pid = PID_INIT};
	struct facts_machine m;
	uint64_t now = mono_ns();

	if (q_facts(FACTS_MACHINE, 0, 0, &m, sizeof(m)) <= 0 || m.free > 2 * m.reserve) return;
	while (q_facts(FACTS_NEXT, f.pid + 1, 0, &f, sizeof(f)) > 0) look(&f, &to);
	if (!to.ending || now - last > AGAIN_NS) since = now;
	last = now;
	if (to.ending && now - since < ENDS_NS) return;
	end(&to.most);
	since = now;
}

/* pm_alloc: for what programs make here.  With nothing but the reserve free it is NULL: without that nobody could be ended. */
void *pm_alloc(size_t n)
{
	struct facts_machine m;

	return q_facts(FACTS_MACHINE, 0, 0, &m, sizeof(m)) <= 0 || m.free <= m.reserve ? NULL : calloc(1, n);
}
