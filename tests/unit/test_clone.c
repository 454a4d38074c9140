/* links: */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_clone.c - HOST - fork and clone (user/pm/clone.c): which flags go together, who may have more. */
#include "tests/unit/familyfix.h"

static struct clone_plan planned;       /* the last answer */

static long q_reply(struct ipc_msg *m)
{
	memcpy(&planned, m->arg, sizeof(planned));
	return 0;
}

/* The caller's memory is ours; its page 0 is not there. */
int mem_in(const struct call *c, void *to, uint64_t at, size_t n)
{
	(void)c;
	if (at < 4096) return -EFAULT;
	memcpy(to, (const void *)(uintptr_t)at, n);
	return 0;
}

#include "user/pm/clone.c"

static long asks(uint32_t me, long (*fn)(struct call *), uint64_t a0, uint64_t a1)
{
	const uint64_t arg[6] = {a0, a1, 22, 33, 44, 0};
	struct call c = {.token = ++last_token, .arg = arg, .me = procs[me]};

	planned = (struct clone_plan){.result = 77};
	return fn(&c);
}
static long fork_of(uint32_t me) { return asks(me, pm_clone, SIGCHLD, 0); }
static long clone3_of(const struct args *a) { return asks(SHELL, pm_clone3, (uintptr_t)a, sizeof(*a)); }

static void a_plan_says_what_clone_asked_for(void **st)
{
	(void)st;
	assert_int_equal(asks(SHELL, pm_clone, 1ull << 40 | CLONE_VM | CLONE_SETTLS | SIGUSR1, 11), 0);
	assert_int_equal(planned.result, 0);
	assert_int_equal(planned.flags, CLONE_VM | CLONE_SETTLS);
	assert_int_equal(planned.stack, 11);
	assert_int_equal(planned.parent_tid, 22);
	assert_int_equal(planned.child_tid, 33);
	assert_int_equal(planned.tls, 44);
	assert_int_equal(planned.pid, SHELL + 1);
	assert_int_equal(planned.note, PM_SIGNAL(SIGUSR1));
	assert_int_equal(asks(SHELL, pm_clone, THREAD_IS | SIGCHLD, 0), 0);
	assert_int_equal(planned.pid, 0);               /* a thread has a number of its own kind */
	assert_int_equal(asks(SHELL, pm_clone, CLONE_PARENT, 0), 0);
	assert_int_equal(planned.note, PM_SIBLING);
}

static void what_a_group_got_before_a_fork_began_is_not_for_the_child(void **st)
{
	struct member *m = member_find(SHELL);

	(void)st;
	m->missed = SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGKILL);
	procs[SHELL].shared_pending = SIGNAL_BIT(SIGINT);
	assert_int_equal(asks(SHELL, pm_clone, THREAD_IS, 0), 0);
	assert_int_equal(m->missed, SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGKILL));
	m->missed |= SIGNAL_BIT(SIGINT);                /* blocked, and came after the call */
	assert_int_equal(fork_of(SHELL), 0);
	assert_int_equal(m->missed, SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGKILL));
}

static void what_does_not_go_together_is_refused(void **st)
{
	static const uint64_t bad[] = {
		CLONE_SIGHAND, CLONE_FILES, CLONE_FS, CLONE_THREAD, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND,
		THREAD_IS | CLONE_VFORK, THREAD_IS | CLONE_PARENT, CLONE_NEWNS, CLONE_PIDFD, 65,
	};

	(void)st;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(asks(SHELL, pm_clone, bad[i], 0), -EINVAL);
	assert_int_equal(asks(INIT, pm_clone, CLONE_PARENT | SIGCHLD, 0), -EINVAL);     /* it has none */
	assert_int_equal(planned.result, 77);
}

static void clone3_reads_what_it_knows(void **st)
{
	struct { struct args a; char more[8]; } big = {.a = {.stack = 4096, .stack_size = 8192}};

	(void)st;
	assert_int_equal(clone3_of(&big.a), 0);
	assert_int_equal(planned.stack, 3 * 4096);
	assert_int_equal(asks(SHELL, pm_clone3, (uintptr_t)&big, ARGS_MIN), 0);
	assert_int_equal(asks(SHELL, pm_clone3, (uintptr_t)&big, sizeof(big)), 0);
	big.more[7] = 1;
	assert_int_equal(asks(SHELL, pm_clone3, (uintptr_t)&big, sizeof(big)), -E2BIG);
	assert_int_equal(asks(SHELL, pm_clone3, (uintptr_t)&big, ARGS_MIN - 1), -EINVAL);
	assert_int_equal(asks(SHELL, pm_clone3, (uintptr_t)&big, ARGS_MAX + 1), -E2BIG);
	assert_int_equal(asks(SHELL, pm_clone3, 16, ARGS_MIN), -EFAULT);
	assert_int_equal(planned.result, 77);
}

static void clone3_refuses_what_makes_no_sense(void **st)
{
	static const struct args bad[] = {
		{.stack = 4096}, {.stack_size = 4096}, {.stack = ~0ull, .stack_size = 1},
		{.stack = 4096, .stack_size = ~0ull}, {.stack = 4096, .stack_size = USER_TOP},
		{.exit_signal = 65}, {.flags = SIGCHLD}, {.flags = CLONE_DETACHED}, {.set_tid = 1},
		{.flags = CLONE_PARENT, .exit_signal = SIGCHLD}, {.flags = THREAD_IS, .exit_signal = SIGCHLD},
	};
	const struct args tids = {.set_tid = 1, .set_tids = 1};

	(void)st;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) assert_int_equal(clone3_of(&bad[i]), -EINVAL);
	assert_int_equal(clone3_of(&tids), -EINVAL);
	procs[SHELL].attr.euid = 7;
	assert_int_equal(clone3_of(&tids), -EPERM);
}

static void a_users_threads_are_counted(void **st)
{
	(void)st;
	birth(SHELL, A);
	birth(A, B);
	procs[A].attr.uid = procs[B].attr.uid = procs[A].attr.euid = 7;
	procs[A].attr.rlimit[RLIMIT_NPROC][0] = 4;
	procs[A].threads = 2;
	assert_int_equal(fork_of(A), 0);
	procs[B].threads = 2;
	assert_int_equal(fork_of(A), -EAGAIN);
	assert_int_equal(asks(A, pm_clone, THREAD_IS, 0), -EAGAIN);
	procs[B].threads = 1;
	end(B, 0);
	procs[B].threads = 0;                           /* a zombie counts one */
	assert_int_equal(fork_of(A), 0);
	procs[A].attr.rlimit[RLIMIT_NPROC][0] = 3;
	assert_int_equal(fork_of(A), -EAGAIN);
	procs[A].attr.euid = 0;                         /* with root's rights there is no limit */
	assert_int_equal(fork_of(A), 0);
}

static void numbers_rise_and_begin_again(void **st)
{
	(void)st;
	last_pid = 0;
	assert_int_equal(fork_of(SHELL), 0);
	assert_int_equal(planned.pid, 0);               /* the kernel counts on from the servers' */
	birth(SHELL, A);
	fork_of(SHELL);
	assert_int_equal(planned.pid, A + 1);
	fork_of(SHELL);                                 /* another thread: the first child may not be there yet */
	assert_int_equal(planned.pid, A + 2);
	last_pid = PID_MAX - 1;
	fork_of(SHELL);
	assert_int_equal(planned.pid, PID_WRAP);
}

static void a_groups_or_sessions_number_is_nobodys(void **st)
{
	(void)st;
	birth(SHELL, A);
	birth(SHELL, 9);
	member_find(A)->pgid = A + 1;
	member_find(9)->sid = A + 2;
	last_pid = SHELL;
	fork_of(SHELL);
	assert_int_equal(planned.pid, A + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_plan_says_what_clone_asked_for),
		T(what_a_group_got_before_a_fork_began_is_not_for_the_child),
		T(what_does_not_go_together_is_refused),
		T(clone3_reads_what_it_knows),
		T(clone3_refuses_what_makes_no_sense),
		T(a_users_threads_are_counted),
		T(numbers_rise_and_begin_again),
		T(a_groups_or_sessions_number_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
