/* links: */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_family.c - HOST - parents, children, who waits, who stops. */
#include "tests/unit/familyfix.h"

/* ---- waiting */

static void a_child_that_ended_is_waited_for_once(void **st)
{
	(void)st;
	birth(SHELL, A);
	assert_int_equal(waited(SHELL, -1, WNOHANG), 0);
	procs[A].used.cpu_ns = 7;
	end(A, 3 << 8);
	assert_int_equal(procs[A].pid, A);              /* a zombie */
	assert_int_equal(waited(SHELL, B, 0), -ECHILD);
	assert_int_equal(waited(SHELL, A, 0), A);
	assert_int_equal(status_out, 3 << 8);
	assert_int_equal(procs[A].pid, 0);
	assert_int_equal(procs[SHELL].attr.child_used.cpu_ns, 7);
	assert_int_equal(waited(SHELL, -1, 0), -ECHILD);
}

static void timers_go_before_the_pid_is_free(void **st)
{
	(void)st;
	birth(SHELL, A);
	assert_int_equal(timerless, 0);
	end(A, 3 << 8);
	assert_int_equal(timerless, 1 << A);
	procs[B] = (struct facts_proc){.pid = B};
	end(B, 3 << 8);                                 /* nobody knows it */
	assert_int_equal(procs[B].pid, 0);
	assert_int_equal(timerless, 1 << A | 1 << B);
}

static void who_waits_hears_of_the_end_after_the_signal(void **st)
{
	uint64_t t;

	(void)st;
	birth(SHELL, A);
	t = wait_for(SHELL, -1, 0);
	assert_false(answer[t].answered);
	assert_true(interruptible[t]);
	end(A, 9);
	assert_true(answer[t].answered && answer[t].result == A && status_out == 9);
	assert_false(interruptible[t]);
	assert_int_equal(answer[t].nsent, 1);
	assert_int_equal(sent[0].pid, SHELL);
	assert_int_equal(sent[0].signo, SIGCHLD);
	assert_int_equal(sent[0].code, CLD_KILLED);
	assert_int_equal(sent[0].status, 9);
}

static void who_waits_for_another_waits_on(void **st)
{
	uint64_t t;

	(void)st;
	birth(SHELL, A);
	birth(SHELL, B);
	t = wait_for(SHELL, B, 0);
	end(A, 0);
	assert_false(answer[t].answered);
	assert_true(interruptible[t]);                  /* the signal ends its waiting */
	end(B, 0);
	assert_true(answer[t].answered && answer[t].result == B);
	assert_int_equal(waited(SHELL, -1, 0), A);
}

static void news_stay_when_who_waited_went_away(void **st)
{
	(void)st;
	birth(SHELL, A);
	gone = wait_for(SHELL, -1, 0);
	end(A, 0);
	assert_false(answer[gone].answered);
	assert_int_equal(waited(SHELL, -1, 0), A);
}

static void news_stay_when_there_is_no_place_for_them(void **st)
{
	(void)st;
	birth(SHELL, A);
	end(A, 0);
	pages_there = false;
	assert_int_equal(waited(SHELL, -1, 0), -EFAULT);
	assert_int_equal(procs[A].pid, A);
	pages_there = true;
	assert_int_equal(waited(SHELL, -1, 0), A);
}

static void children_whom_nobody_wants_go_at_once(void **st)
{
	uint64_t t;

	(void)st;
	birth(SHELL, A);
	birth(SHELL, B);
	procs[SHELL].ignored = 1ull << (SIGCHLD - 1);
	t = wait_for(SHELL, -1, 0);
	end(A, 0);
	assert_int_equal(procs[A].pid, 0);
	assert_false(answer[t].answered);
	procs[SHELL].ignored = 0;
	procs[SHELL].child_flags = SA_NOCLDWAIT_;
	end(B, 0);
	assert_true(answer[t].answered && answer[t].result == -ECHILD);
}

static void children_with_other_signals_are_waited_for_otherwise(void **st)
{
	(void)st;
	birth_with(SHELL, A, PM_SIGNAL(SIGUSR1));
	birth_with(SHELL, B, 0);
	end(A, 0);
	end(B, 0);
	assert_int_equal(nsent, 1);
	assert_int_equal(sent[0].signo, SIGUSR1);
	assert_int_equal(waited(SHELL, -1, 0), -ECHILD);
	assert_int_equal(waited(SHELL, -1, (int)CLONE_), A);
	assert_int_equal(waited(SHELL, -1, (int)ALL), B);
}

static void waitid_may_leave_the_news(void **st)
{
	uint64_t t;

	(void)st;
	birth(SHELL, A);
	t = call(SYS_waitid, SHELL, P_ALL, 0, (uintptr_t)&info_out, WEXITED | WNOWAIT);
	assert_false(answer[t].answered);
	end(A, 5 << 8);
	assert_true(answer[t].answered && answer[t].result == 0);
	assert_int_equal(info_out.si_pid, A);
	assert_int_equal(info_out.si_code, CLD_EXITED);
	assert_int_equal(info_out.si_status, 5);
	assert_int_equal(waited(SHELL, 0 - SHELL, 0), A);       /* by its group */
}

/* ---- stops */

static void stops_and_continuations_are_told_once(void **st)
{
	(void)st;
	birth(SHELL, A);
	stop(PM_CONTINUED, A, SIGCONT);                 /* it never said that it stopped */
	assert_int_equal(nsent, 0);
	stop(PM_STOPPED, A, SIGSTOP);
	assert_int_equal(sent[0].code, CLD_STOPPED);
	assert_int_equal(waited(SHELL, A, WNOHANG), 0);
	assert_int_equal(waited(SHELL, A, WUNTRACED), A);
	assert_int_equal(status_out, SIGSTOP << 8 | 0x7f);
	assert_int_equal(waited(SHELL, A, WUNTRACED | WNOHANG), 0);
	procs[SHELL].child_flags = SA_NOCLDSTOP_;
	stop(PM_CONTINUED, A, SIGCONT);
	assert_int_equal(nsent, 1);
	assert_int_equal(waited(SHELL, A, WCONTINUED), A);
	assert_int_equal(status_out, 0xffff);
}

/* One thread goes on, another one stops the process again, and is heard first. */
static void a_continuation_that_comes_late_is_not_told(void **st)
{
	(void)st;
	birth(SHELL, A);
	group_set(A, A);
	stop(PM_STOPPED, A, SIGSTOP);
	stop(PM_STOPPED, A, SIGTSTP);
	nsent = 0;
	stop_told(PM_CONTINUED, A, SIGCONT);            /* it is stopped */
	assert_int_equal(nsent, 0);
	assert_int_equal(waited(SHELL, A, WUNTRACED | WCONTINUED), A);
	assert_int_equal(status_out, SIGTSTP << 8 | 0x7f);
	stop(PM_CONTINUED, A, SIGCONT);
	assert_int_equal(nsent, 1);
}

/* SIGCONT came between the stop and this word of it. */
static void a_stop_that_is_over_is_not_told(void **st)
{
	(void)st;
	birth(SHELL, A);
	group_set(A, A);
	assert_false(stop_told(PM_STOPPED, A, SIGTSTP));
	stop_told(PM_CONTINUED, A, SIGCONT);
	assert_int_equal(nsent, 0);
	assert_int_equal(waited(SHELL, A, WUNTRACED | WCONTINUED | WNOHANG), 0);
}

/* A job of the shell's, two processes: stopped, it goes on when the shell ends; and does not stop any more. */
static void a_stopped_group_without_a_shell_goes_on(void **st)
{
	(void)st;
	birth(SHELL, A);
	group_set(A, A);
	birth(A, B);
	assert_false(stop(PM_STOPPED, A, SIGTSTP));
	assert_false(stop(PM_STOPPED, B, SIGTSTP));
	nsent = 0;
	end(SHELL, 0);
	assert_int_equal(nsent, 5);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(sent[i].pid, i < 2 ? A : B);
		assert_int_equal(sent[i].signo, i % 2 ? SIGCONT : SIGHUP);
	}
	assert_int_equal(sent[4].signo, SIGCHLD);
	stop(PM_CONTINUED, A, SIGCONT);
	stop(PM_CONTINUED, B, SIGCONT);
	assert_true(stop(PM_STOPPED, B, SIGTSTP));
}

static void an_orphan_is_not_stopped_but_by_sigstop(void **st)
{
	(void)st;
	birth(SHELL, A);
	group_set(A, A);
	end(SHELL, 0);
	nsent = 0;
	assert_true(stop(PM_STOPPED, A, SIGTTIN));
	stop(PM_CONTINUED, A, SIGCONT);                 /* nobody hears of it */
	assert_int_equal(nsent, 0);
	assert_false(stop(PM_STOPPED, A, SIGSTOP));
	assert_int_equal(sent[nsent - 1].code, CLD_STOPPED);
}

/* ---- families */

static void orphans_belong_to_init(void **st)
{
	uint64_t t;

	(void)st;
	birth(SHELL, A);
	birth_with(A, B, PM_SIGNAL(SIGUSR1));
	birth(A, C);
	end(C, 0);
	t = wait_for(INIT, C, 0);
	assert_int_equal(answer[t].result, -ECHILD);
	t = wait_for(INIT, -1, 0);
	end(A, 0);
	assert_int_equal(procs[B].attr.ppid, INIT);
	assert_true(answer[t].answered && answer[t].result == C);
	end(B, 0);
	assert_int_equal(sent[nsent - 1].signo, SIGCHLD);
	assert_int_equal(waited(INIT, B, 0), B);
	assert_int_equal(waited(SHELL, -1, 0), A);
}

static void orphans_belong_to_who_asked_for_them(void **st)
{
	(void)st;
	birth(SHELL, A);
	birth(A, B);
	procs[SHELL].attr.subreaper = 1;
	end(A, 0);
	assert_int_equal(procs[B].attr.ppid, SHELL);
}

static void a_sibling_is_its_makers_parents(void **st)
{
	(void)st;
	birth_with(SHELL, A, PM_SIGNAL(SIGUSR2));
	birth_with(A, B, PM_SIBLING);
	assert_int_equal(procs[B].attr.ppid, SHELL);
	end(B, 0);
	assert_int_equal(sent[0].pid, SHELL);
	assert_int_equal(sent[0].signo, SIGUSR2);
}

static void a_parents_death_is_told_once(void **st)
{
	(void)st;
	birth(SHELL, A);
	birth(A, B);
	procs[SHELL].attr.subreaper = 1;
	procs[B].attr.pdeath_signal = SIGTERM;
	end(A, 0);
	assert_int_equal(sent[0].pid, B);
	assert_int_equal(sent[0].signo, SIGTERM);
	nsent = 0;
	end(SHELL, 0);
	assert_int_equal(nsent, 2);                     /* of A, a zombie that is init's now, and of its own end */
	assert_int_equal(sent[0].pid, INIT);
	assert_int_equal(sent[1].pid, INIT);
}

static void who_inherits_children_waits_for_their_parent(void **st)
{
	uint64_t t;

	(void)st;
	birth(SHELL, A);
	t = wait_for(INIT, -1, 0);
	end(SHELL, 0);
	assert_true(answer[t].answered && answer[t].result == SHELL);
	assert_int_equal(answer[t].nsent, 1);
}

static void who_inherits_children_wants_no_zombies(void **st)
{
	uint64_t t;

	(void)st;
	birth(SHELL, A);
	birth(A, B);
	procs[SHELL].attr.subreaper = 1;
	procs[SHELL].ignored = 1ull << (SIGCHLD - 1);
	t = wait_for(SHELL, -1, 0);
	end(A, 0);
	assert_false(answer[t].answered);
	assert_int_equal(procs[A].pid, 0);
}

static void a_zombie_is_told_to_its_heir(void **st)
{
	(void)st;
	birth(INIT, A);
	birth(A, B);
	birth(B, C);
	procs[A].attr.subreaper = 1;
	procs[A].ignored = 1ull << (SIGCHLD - 1);
	end(C, 0);
	end(B, 0);
	assert_int_equal(procs[C].pid, 0);
}

static void waiters_that_went_away_are_forgotten(void **st)
{
	unsigned n = 0;

	(void)st;
	birth(SHELL, A);
	procs[SHELL].threads = 2;
	for (int i = 0; i < 90; i++) gone = wait_for(SHELL, -1, 0);
	for (struct waiter *w = member_find(SHELL)->waiters; w; w = w->next) n++;
	assert_true(n <= 3);
}

static void kill_it(struct member *m, void *arg)
{
	(void)arg;
	m->missed = SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGTERM);
}

static void a_child_in_the_making_gets_what_its_group_is_sent(void **st)
{
	(void)st;
	birth(SHELL, A);
	group_each(member_find(A)->pgid, kill_it, NULL);
	birth(A, B);
	assert_int_equal(nsent, 2);
	assert_true(sent[0].pid == B && sent[0].signo == SIGKILL);
	assert_true(sent[1].pid == B && sent[1].signo == SIGTERM);
}

/* Else a program could signal what its parent becomes by exec. */
static void an_exit_signal_ends_with_the_program(void **st)
{
	(void)st;
	birth_with(SHELL, A, PM_SIGNAL(SIGKILL));
	birth_with(SHELL, B, PM_SIGNAL(SIGUSR1));
	procs[B].execs = 1;
	end(B, 0);
	assert_int_equal(sent[0].signo, SIGCHLD);
	procs[SHELL].execs++;
	end(A, 0);
	assert_int_equal(sent[1].signo, SIGCHLD);
}

static void a_child_for_whom_there_is_no_memory_ends(void **st)
{
	(void)st;
	no_memory = true;
	birth(SHELL, A);
	assert_int_equal(sent[0].pid, A);
	assert_int_equal(sent[0].signo, SIGKILL);
	end(A, SIGKILL);
	assert_int_equal(procs[A].pid, 0);
	assert_int_equal(waited(SHELL, -1, 0), -ECHILD);
	no_memory = false;
	procs[SHELL].attr.rlimit[0][0] = 7;             /* nor for its limit */
	birth(SHELL, B);
	assert_int_equal(sent[nsent - 1].pid, B);
	assert_int_equal(sent[nsent - 1].signo, SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_child_that_ended_is_waited_for_once),
		T(timers_go_before_the_pid_is_free),
		T(who_waits_hears_of_the_end_after_the_signal),
		T(who_waits_for_another_waits_on),
		T(news_stay_when_who_waited_went_away),
		T(news_stay_when_there_is_no_place_for_them),
		T(children_whom_nobody_wants_go_at_once),
		T(children_with_other_signals_are_waited_for_otherwise),
		T(waitid_may_leave_the_news),
		T(stops_and_continuations_are_told_once),
		T(a_continuation_that_comes_late_is_not_told), T(a_stop_that_is_over_is_not_told),
		T(a_stopped_group_without_a_shell_goes_on),
		T(an_orphan_is_not_stopped_but_by_sigstop),
		T(orphans_belong_to_init),
		T(orphans_belong_to_who_asked_for_them),
		T(a_sibling_is_its_makers_parents),
		T(a_parents_death_is_told_once),
		T(who_inherits_children_waits_for_their_parent),
		T(who_inherits_children_wants_no_zombies),
		T(a_zombie_is_told_to_its_heir),
		T(waiters_that_went_away_are_forgotten),
		T(an_exit_signal_ends_with_the_program),
		T(a_child_in_the_making_gets_what_its_group_is_sent),
		T(a_child_for_whom_there_is_no_memory_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
