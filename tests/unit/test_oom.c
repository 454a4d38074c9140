/* links: */
/* SPDX-License-Identifier: MIT */
/* tests/unit/test_oom.c - HOST - who is killed when there is no memory (user/pm/oom.c): the kernel is a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <cmocka.h>

#include "abi/facts.h"

#define ABI_QUIRE_H                             /* the kernel: instead of abi/quire.h */
#define PROCS 8

static struct facts_proc procs[PROCS];          /* by pid; pid 0: not there */
static struct facts_machine machine;
static uint32_t killed;                         /* the last one */
static unsigned nkilled;
static uint64_t now;

static long q_facts(int kind, uint32_t pid, uint64_t index, void *buf, uint64_t size)
{
	(void)index;
	if (kind == FACTS_MACHINE) {
		memcpy(buf, &machine, size);
		return (long)size;
	}
	while (kind == FACTS_NEXT && pid < PROCS && !procs[pid].pid) pid++;
	if (pid >= PROCS || !procs[pid].pid) return -ESRCH;
	memcpy(buf, &procs[pid], size);
	return (long)size;
}

static long q_signal_post(uint32_t pid, uint32_t tid, const void *siginfo, uint64_t timer)
{
	(void)tid, (void)timer;
	assert_int_equal(((const siginfo_t *)siginfo)->si_signo, SIGKILL);
	killed = pid;
	nkilled++;
	procs[pid].state = 'X';
	return 0;
}

#include "user/pm/oom.c"

void say(const char *fmt, ...) { (void)fmt; }
uint64_t mono_ns(void) { return now += NS / 100; }

static void process(uint32_t pid, uint64_t rss, bool server)
{
	procs[pid] = (struct facts_proc){.pid = pid, .rss = rss, .state = 'R', .server = server};
}

static int fresh(void **st)
{
	(void)st;
	memset(procs, 0, sizeof(procs));
	machine = (struct facts_machine){.free = 64, .reserve = 64};
	now += 100 * NS;
	killed = nkilled = 0;
	process(1, 500, true);
	process(2, 1000, true);
	process(3, 10, false);
	process(4, 30, false);
	process(5, 20, false);
	return 0;
}

static void the_one_with_most_pages_is_killed(void **st)
{
	(void)st;
	memory_lack();
	assert_int_equal(killed, 4);
	assert_int_equal(nkilled, 1);
}

static void another_one_is_when_that_was_not_enough(void **st)
{
	(void)st;
	memory_lack();
	memory_lack();                          /* it takes its time */
	assert_int_equal(nkilled, 1);
	procs[4].rss = 0;
	memory_lack();                          /* its pages are freed, one after the other */
	assert_int_equal(nkilled, 1);
	procs[4].state = 'Z';
	memory_lack();
	assert_int_equal(killed, 5);
	assert_int_equal(nkilled, 2);
}

static void who_asked_before_the_end_has_memory(void **st)
{
	(void)st;
	memory_lack();
	procs[4].pid = 0;
	machine.free = 1000;
	memory_lack();
	assert_int_equal(nkilled, 1);
}

static void who_ends_already_is_waited_for_but_not_for_ever(void **st)
{
	(void)st;
	procs[3].state = 'X';
	for (int i = 0; i < 900; i++) memory_lack();
	assert_int_equal(nkilled, 0);
	for (int i = 0; i < 200; i++) memory_lack();
	assert_int_equal(killed, 4);
	assert_int_equal(nkilled, 1);
}

static void one_who_asks_seldom_waits_no_longer(void **st)
{
	(void)st;
	procs[3].state = 'X';
	for (int i = 0; i < 20 && !nkilled; i++, now += NS) memory_lack();
	assert_int_equal(killed, 4);
}

static void the_reserve_is_not_for_what_programs_make(void **st)
{
	void *p;

	(void)st;
	assert_null(pm_alloc(16));
	machine.free = 65;
	p = pm_alloc(16);
	assert_non_null(p);
	free(p);
}

static void zombies_have_nothing_to_give(void **st)
{
	(void)st;
	procs[4].rss = 0;
	procs[4].state = 'Z';
	memory_lack();
	assert_int_equal(killed, 5);
}

static void init_is_the_last(void **st)
{
	(void)st;
	for (int pid = 3; pid <= 5; pid++) procs[pid].pid = 0;
	memory_lack();
	assert_int_equal(killed, 1);
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_one_with_most_pages_is_killed),
		T(another_one_is_when_that_was_not_enough),
		T(who_asked_before_the_end_has_memory),
		T(who_ends_already_is_waited_for_but_not_for_ever),
		T(one_who_asks_seldom_waits_no_longer),
		T(the_reserve_is_not_for_what_programs_make),
		T(zombies_have_nothing_to_give),
		T(init_is_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
