/* SPDX-License-Identifier: MIT */
/* user/pm/main.c - RING 3 - the process manager: system calls of Linux that need no ring 0, one after the other.
 *
 * Path:  kernel/forward.c  ~PM_CALL~>  [main.c] > sched.c, cred.c ...  ~lend_read, lend_write, facts, proc_set~>  kernel
 * It has one thread, so what a call looks at, checks and sets is as if at one moment for all other calls that come here.
 * It waits for no page of the caller's (user/lib/lent.c), but for the file server to tell it the host's name, and, in a
 * process of its own, for programs (exec.c).  No server waits for it, but whoever waits for memory,
 * servers too (oom.c): so it has a share of the reserve.
 * Of a process it keeps its timers (timer.c) and its family (family.c); all else that it decides is in the kernel
 * (struct proc_attr), and ends with it.
 */
#include "user/pm/family.h"
#include "user/pm/timer.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/syscalls.h"

static long pm_none(struct call *c)
{
	return c->nr == SYS_socket || c->nr == SYS_socketpair ? -EAFNOSUPPORT : -EOPNOTSUPP;
}

#define LINUX_CALL(number, name, kinds) [number] = #name,
#define QUIRE_CALL(number, name, kinds)
static const char *const linux_names[] = {
#include "calls.h"                      /* all that Linux has; made by docs/syscalls.py */
};
#define NNAMES (sizeof(linux_names) / sizeof(linux_names[0]))

/* A program that asks for what Linux has and Quire does not: told once, so that it can be seen but not fill the log. */
static long pm_unknown(const struct call *c, uint64_t nr)
{
	static bool told[NNAMES] = {[SYS_rseq] = true};         /* C libraries ask for it and do without */

	if (nr < NNAMES && linux_names[nr] && !told[nr])
		say("no system call %lu %s (%s)", nr, linux_names[nr], c->me.attr.name);
	if (nr < NNAMES) told[nr] = true;
	return -ENOSYS;
}

#define CALL(number, name, kinds) [number] = pm_##name,
#define NONE(number, name, kinds) [number] = pm_none,
static const call_fn calls[] = {
	SYSCALLS_PM(CALL) SYSCALLS_REFUSED(NONE)
	[SYS_execve] = pm_execve,       /* ring 0 makes the new memory, and asks what goes there */
	[SYS_fork] = pm_clone, [SYS_vfork] = pm_clone,  /* ring 0 makes then what is planned here */
	[SYS_clone] = pm_clone, [SYS_clone3] = pm_clone3,
	[SYS_clock_nanosleep] = pm_clock_nanosleep,     /* by clocks that ring 0 cannot wait for */
};
#define NCALLS (sizeof(calls) / sizeof(calls[0]))

int mem_in(const struct call *c, void *to, uint64_t at, size_t n) { return lent_read(c->token, at, to, n); }

int mem_out(const struct call *c, uint64_t at, const void *from, size_t n) { return lent_write(c->token, at, from, n); }

/* What is missing is so up to the end of the stack, as it is written from below. */
int mem_new(const struct call *c, uint64_t at, const void *from, size_t n)
{
	return lent_write_up_to(c->token, 1, at, from, n, c->arg[3]);
}

int mem_text(const struct call *c, char *to, uint64_t at, size_t size) { return lent_text(c->token, at, to, size); }

int proc_facts(uint32_t pid, struct facts_proc *f)
{
	return q_facts(FACTS_PROC, pid, 0, f, sizeof(*f)) > 0 ? 0 : -ESRCH;
}

int thread_look(struct call *c)
{
	return q_facts(FACTS_PROC, c->me.pid, c->tid, &c->me, sizeof(c->me)) > 0 ? 0 : -ESRCH;
}

int proc_look(const struct call *c, uint32_t pid, struct facts_proc *f)
{
	return proc_facts(pid ? pid : c->me.pid, f);
}

bool proc_next(uint32_t *pid, struct facts_proc *f)
{
	if (q_facts(FACTS_NEXT, *pid + 1, 0, f, sizeof(*f)) <= 0) return false;
	*pid = f->pid;
	return true;
}

int attr_set(const struct call *c, const struct facts_proc *f, const void *part, size_t n)
{
	return (int)q_proc_set(c->token, f->pid, (uint64_t)((const char *)part - (const char *)&f->attr), part, n);
}

/* The caller sleeps, or has been killed: then nobody is left to answer.  => the answer */
static struct ipc_msg serve(const struct ipc_msg *m)
{
	struct ipc_msg reply = {.token = m->token};
	static struct call c;
	long r = -ENOSYS;

	if (m->op == PM_STOPPED || m->op == PM_CONTINUED)
		return (struct ipc_msg){.token = m->token, .arg = {family_stop(m)}};

	c.token = m->token;
	c.nr = (uint32_t)m->arg[0];
	c.tid = (uint32_t)(m->arg[7] >> 32);
	c.arg = m->arg + 1;
	c.answered = false;
	c.more = 0;
	if (m->op == PM_CALL) r = proc_facts((uint32_t)m->arg[7], &c.me);
	if (!r) r = m->arg[0] < NCALLS && calls[c.nr] ? calls[c.nr](&c) : pm_unknown(&c, m->arg[0]);
	if (c.answered) return (struct ipc_msg){0};
	reply.arg[0] = (uint64_t)r;
	reply.arg[1] = c.more;
	lent_missing(&reply);
	return reply;
}

void serve_again(uint64_t token, const uint64_t arg[IPC_ARGS])
{
	struct ipc_msg m = {.token = token, .op = PM_CALL};

	memcpy(m.arg, arg, sizeof(m.arg));
	m = serve(&m);
	if (m.token) q_reply(&m);
}

int main(void)
{
	struct ipc_msg m = {0};

	for (;;) {
		if (q_reply_recv_until(&m, timers_run())) {
			m.token = 0;
			continue;
		}
		for (int i = 0; i < IPC_HANDLES; i++)
			if (m.handle[i]) q_close(m.handle[i]);
		if (m.note[0]) family_note(m.note);
		if (m.op == OP_NOTIFY && m.arg[0] & NOTIFY_NO_MEMORY) memory_lack();
		m = m.token ? serve(&m) : (struct ipc_msg){0};
	}
}
