/* links: fs/ttyjob.c */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_ttyjob.c - HOST - job control over a kernel that is a table of processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <cmocka.h>

#include "abi/name.h"
#include "fs/procfs.h"
#include "fs/ttyjob.h"

/* Session 10: a shell, a foreground job 20, a background job 30 with a child 31.  Session 40 is another one. */
enum { SHELL = 10, FRONT = 20, BACK = 30, CHILD = 31, OTHER = 40 };
static struct facts_proc procs[8];
static struct tty_job job;
static uint32_t to;
static int sent;

long facts(enum facts_kind kind, uint32_t pid, uint64_t index, void *buf, size_t size)
{
	(void)index, (void)size;
	for (struct facts_proc *p = procs; p->pid; p++)
		if (kind == FACTS_NEXT ? p->pid >= pid : p->pid == pid) return memcpy(buf, p, sizeof(*p)), sizeof(*p);
	return -ESRCH;
}

static void signal_group(uint32_t pgid, int signo)
{
	to = pgid;
	sent = signo;
}

static struct facts_proc *proc(uint32_t pid)
{
	for (struct facts_proc *p = procs;; p++)
		if (p->pid == pid) return p;
}

static int fresh(void **st)
{
	static const struct facts_proc start[8] = {
		{.pid = 1, .attr.pgid = 1, .attr.sid = 1, .state = 'S'},
		{.pid = SHELL, .attr.ppid = 1, .attr.pgid = SHELL, .attr.sid = SHELL, .state = 'S'},
		{.pid = FRONT, .attr.ppid = SHELL, .attr.pgid = FRONT, .attr.sid = SHELL, .state = 'S'},
		{.pid = BACK, .attr.ppid = SHELL, .attr.pgid = BACK, .attr.sid = SHELL, .state = 'S'},
		{.pid = CHILD, .attr.ppid = BACK, .attr.pgid = BACK, .attr.sid = SHELL, .state = 'S'},
		{.pid = OTHER, .attr.ppid = 1, .attr.pgid = OTHER, .attr.sid = OTHER, .state = 'S'},
	};

	(void)st;
	memcpy(procs, start, sizeof(procs));
	job = (struct tty_job){.session = SHELL, .foreground = FRONT, .signal = signal_group};
	to = sent = 0;
	return 0;
}

static void foreground_and_strangers_go_on(void **st)
{
	(void)st;
	assert_int_equal(job_check(&job, FRONT, FRONT, SIGTTIN), 0);
	assert_int_equal(job_check(&job, OTHER, OTHER, SIGTTIN), 0);
	assert_int_equal(sent, 0);
}

static void background_is_signalled_as_a_group(void **st)
{
	(void)st;
	assert_int_equal(job_check(&job, CHILD, CHILD, SIGTTIN), -DEV_RESTART);
	assert_int_equal(to, BACK);
	assert_int_equal(sent, SIGTTIN);
}

static void who_ignores_it_reads_an_error_and_may_change(void **st)
{
	(void)st;
	proc(BACK)->ignored = 1ull << (SIGTTIN - 1) | 1ull << (SIGTTOU - 1);
	assert_int_equal(job_check(&job, BACK, BACK, SIGTTIN), -EIO);
	assert_int_equal(job_check(&job, BACK, BACK, SIGTTOU), 0);
	assert_int_equal(sent, 0);
}

static void an_orphaned_group_is_not_stopped(void **st)
{
	(void)st;
	proc(BACK)->attr.ppid = 1;           /* its parent, the shell's subshell, has ended */
	assert_int_equal(job_check(&job, CHILD, CHILD, SIGTTIN), -EIO);
	assert_int_equal(sent, 0);
}

static void a_leader_acquires_a_free_terminal(void **st)
{
	(void)st;
	assert_int_equal(job_acquire(&job, OTHER), -EPERM);     /* it has a session */
	assert_int_equal(job_acquire(&job, SHELL), 0);
	proc(SHELL)->state = 'Z';                               /* J1 */
	assert_int_equal(job_acquire(&job, CHILD), -EPERM);     /* no leader */
	assert_int_equal(job_acquire(&job, OTHER), 0);
	assert_int_equal(job.foreground, OTHER);
}

static void a_leader_that_leaves_hangs_up(void **st)
{
	int32_t pgid, sid;

	(void)st;
	assert_int_equal(job_release(&job, OTHER), -ENOTTY);
	assert_int_equal(job_release(&job, BACK), 0);
	assert_int_equal(job.session, SHELL);
	assert_int_equal(job_release(&job, SHELL), 0);
	assert_int_equal(to, FRONT);
	assert_int_equal(sent, SIGCONT);
	assert_int_equal(job_get(&job, SHELL, &pgid, &sid), -ENOTTY);
}

static void a_leader_that_ends_hangs_up(void **st)
{
	(void)st;
	job_refresh(&job);
	assert_int_equal(sent, 0);
	proc(SHELL)->state = 'Z';
	job_refresh(&job);
	assert_int_equal(to, FRONT);
	assert_int_equal(sent, SIGHUP);
	sent = 0;
	job_refresh(&job);
	assert_int_equal(sent, 0);
}

static void the_foreground_is_a_group_of_the_session(void **st)
{
	int32_t pgid, sid;

	(void)st;
	assert_int_equal(job_set(&job, FRONT, FRONT, OTHER), -EPERM);
	assert_int_equal(job_set(&job, FRONT, FRONT, 77), -ESRCH);
	assert_int_equal(job_set(&job, FRONT, FRONT, -1), -EINVAL);
	assert_int_equal(job_set(&job, OTHER, OTHER, OTHER), -ENOTTY);
	assert_int_equal(job_set(&job, BACK, BACK, BACK), -DEV_RESTART);
	assert_int_equal(sent, SIGTTOU);
	assert_int_equal(job_set(&job, FRONT, FRONT, BACK), 0);
	assert_int_equal(job_get(&job, CHILD, &pgid, &sid), 0);
	assert_int_equal(pgid, BACK);
	assert_int_equal(sid, SHELL);
}

static void keys_signal_the_foreground_alone(void **st)
{
	(void)st;
	job_signal(&job, SIGINT);
	assert_int_equal(to, FRONT);
	proc(SHELL)->state = 'Z';
	job_signal(&job, SIGINT);
	assert_int_equal(sent, SIGHUP);
	sent = 0;
	job_signal(&job, SIGINT);
	assert_int_equal(sent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(foreground_and_strangers_go_on, fresh),
		cmocka_unit_test_setup(background_is_signalled_as_a_group, fresh),
		cmocka_unit_test_setup(who_ignores_it_reads_an_error_and_may_change, fresh),
		cmocka_unit_test_setup(an_orphaned_group_is_not_stopped, fresh),
		cmocka_unit_test_setup(a_leader_acquires_a_free_terminal, fresh),
		cmocka_unit_test_setup(a_leader_that_leaves_hangs_up, fresh),
		cmocka_unit_test_setup(a_leader_that_ends_hangs_up, fresh),
		cmocka_unit_test_setup(the_foreground_is_a_group_of_the_session, fresh),
		cmocka_unit_test_setup(keys_signal_the_foreground_alone, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
