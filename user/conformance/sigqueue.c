/* SPDX-License-Identifier: MIT */
/* user/conformance/sigqueue.c - queued signals, sigtimedwait, actions' flags, alternate stacks.  Runs on Linux too. */
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

static volatile int nseen, order[64];
static volatile siginfo_t last;

static void seen(int signo, siginfo_t *si, void *uc)
{
	(void)signo, (void)uc;
	last = *si;
	if (nseen < 64) order[nseen++] = si->si_signo * 1000 + si->si_value.sival_int;
}

static void catch(int signo, int flags)
{
	struct sigaction sa = {.sa_sigaction = seen, .sa_flags = SA_SIGINFO | flags};

	sigfillset(&sa.sa_mask);
	sigaction(signo, &sa, NULL);
}

static void block(int how, int first, int last_)
{
	sigset_t s;

	sigemptyset(&s);
	for (int i = first; i <= last_; i++) sigaddset(&s, i);
	sigprocmask(how, &s, NULL);
}

static int queue(int signo, int value) { return sigqueue(getpid(), signo, (union sigval){.sival_int = value}); }

static void queued_in_order(void)
{
	static const int want[] = {0, 1, 2, 3, 4};

	for (int i = 0; i < 5; i++) catch(SIGRTMIN + i % 2, 0);
	catch(SIGUSR1, 0);
	block(SIG_BLOCK, SIGRTMIN, SIGRTMIN + 1);
	block(SIG_BLOCK, SIGUSR1, SIGUSR1);
	queue(SIGRTMIN + 1, 3);
	queue(SIGRTMIN, 1);
	queue(SIGUSR1, 0);
	queue(SIGUSR1, 9);              /* there is one already: lost */
	queue(SIGRTMIN + 1, 4);
	queue(SIGRTMIN, 2);
	check(nseen == 0);
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	check(nseen == 5);
	/* each handler's frame is pushed over the one before, so the last taken runs first: look at what was taken
	 * when */
	for (int i = 0; i < 5; i++) {
		int found = 0;

		for (int j = 0; j < 5; j++) found |= order[j] % 1000 == want[i];
		check(found);
	}
	check(last.si_code == SI_QUEUE && last.si_pid == getpid() && last.si_uid == getuid());
}

static void waited_for(void)
{
	struct timespec zero = {0, 0}, some = {0, 30000000};
	siginfo_t si;
	sigset_t s, pending;
	long from;

	block(SIG_BLOCK, SIGRTMIN, SIGRTMIN + 3);
	block(SIG_BLOCK, SIGUSR1, SIGUSR2);
	sigemptyset(&s);
	for (int i = 0; i < 4; i++) sigaddset(&s, SIGRTMIN + i);
	sigaddset(&s, SIGUSR1);
	for (int i = 0; i < 3; i++) queue(SIGRTMIN + 2, 10 + i);
	queue(SIGRTMIN + 1, 20);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	check(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2) && sigismember(&pending, SIGRTMIN + 2));
	check(sigtimedwait(&s, &si, &zero) == SIGUSR1 && si.si_code == SI_USER && si.si_pid == getpid());
	check(sigwaitinfo(&s, &si) == SIGRTMIN + 1 && si.si_value.sival_int == 20 && si.si_code == SI_QUEUE);
	for (int i = 0; i < 3; i++) check(sigwaitinfo(&s, &si) == SIGRTMIN + 2 && si.si_value.sival_int == 10 + i);
	check_error(sigtimedwait(&s, &si, &zero), EAGAIN);
	from = ms_now();
	check_error(sigtimedwait(&s, &si, &some), EAGAIN);
	check(ms_now() - from >= 29 && ms_now() - from < PATIENCE);
	some.tv_nsec = -1;
	check_error(sigtimedwait(&s, &si, &some), EINVAL);
	check_error(syscall(SYS_rt_sigtimedwait, &s, &si, &zero, 4), EINVAL);
	if (fork() == 0) {
		ms_sleep(50);
		sigqueue(getppid(), SIGRTMIN + 3, (union sigval){.sival_int = 77});
		_exit(0);
	}
	check(sigwaitinfo(&s, &si) == SIGRTMIN + 3 && si.si_value.sival_int == 77 && si.si_pid != getpid());
	/* another signal interrupts */
	catch(SIGALRM, 0);
	ualarm(100000, 100000);                 /* the first may come too early */
	check_error(syscall(SYS_rt_sigtimedwait, &s, &si, NULL, 8), EINTR);
	ualarm(0, 0);
	/* one that is ignored by default can be waited for */
	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	block(SIG_BLOCK, SIGCHLD, SIGCHLD);
	while (sigtimedwait(&s, &si, &zero) > 0) { }
	if (fork() == 0) _exit(4);
	check(sigwaitinfo(&s, &si) == SIGCHLD && si.si_status == 4 && si.si_code == CLD_EXITED);
}

static void limits_of_the_queue(void)
{
	struct rlimit l = {5, 5};
	int n = 0;

	check(getrlimit(RLIMIT_SIGPENDING, &l) == 0 && l.rlim_cur > 100);
	l.rlim_cur = l.rlim_max = 5;
	if (getuid() == 0) check(setuid(54322) == 0);   /* on Linux it is the user's */
	check(setrlimit(RLIMIT_SIGPENDING, &l) == 0);
	block(SIG_BLOCK, SIGRTMIN, SIGRTMIN + 1);
	while (n < 100 && queue(SIGRTMIN, n) == 0) n++;
	check(n == 5 && errno == EAGAIN);
	check(kill(getpid(), SIGRTMIN + 1) == 0);       /* kill never fails for it */
}

static void who_may_pretend(void)
{
	siginfo_t si = {.si_signo = SIGUSR1, .si_code = SI_USER};
	pid_t p = fork();

	if (p == 0) {
		pause();
		_exit(0);
	}
	check_error(syscall(SYS_rt_sigqueueinfo, p, SIGUSR1, &si), EPERM);
	si.si_code = SI_TKILL;
	check_error(syscall(SYS_rt_tgsigqueueinfo, p, p, SIGUSR1, &si), EPERM);
	si.si_code = -60;
	check_error(syscall(SYS_rt_sigqueueinfo, p, 65, &si), EINVAL);
	check_error(syscall(SYS_rt_sigqueueinfo, 888888, SIGUSR1, &si), ESRCH);
	check(syscall(SYS_rt_tgsigqueueinfo, p, p, SIGUSR1, &si) == 0);
	waitpid(p, NULL, 0);
	si.si_code = SI_USER;
	catch(SIGUSR1, 0);
	check(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si) == 0 && last.si_code == SI_USER);
	check(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1) == 0 && last.si_code == SI_TKILL &&
	      last.si_pid == getpid());
	check_error(syscall(SYS_tgkill, getpid(), 777777, 0), ESRCH);
	check_error(syscall(SYS_tgkill, getpid(), 0, SIGUSR1), EINVAL);
	check(syscall(SYS_tkill, syscall(SYS_gettid), 0) == 0);
}

static void flags_of_actions(void)
{
	struct sigaction sa;

	catch(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	check(nseen == 1 && sa.sa_handler == SIG_DFL);
	catch(SIGUSR1, 0);
	block(SIG_BLOCK, SIGUSR1, SIGUSR1);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);                       /* a pending one is dropped */
	catch(SIGUSR1, 0);
	block(SIG_UNBLOCK, SIGUSR1, SIGUSR1);
	check(nseen == 1);
	check_error(sigaction(SIGKILL, &sa, NULL), EINVAL);
	check_error(sigaction(65, &sa, NULL), EINVAL);
}

static volatile int depth, deepest;
static void nested(int signo)
{
	if (++depth > deepest) deepest = depth;
	if (depth < 3) raise(signo);
	depth--;
}

static void nodefer(void)
{
	struct sigaction sa = {.sa_handler = nested, .sa_flags = SA_NODEFER};

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	check(deepest == 3);
}

/* ---- the alternate stack */

static char *alt;
static volatile int on_alt, flags_inside;

static void where(int signo)
{
	char here;
	stack_t now;

	(void)signo;
	on_alt = &here >= alt && &here < alt + 65536;
	sigaltstack(NULL, &now);
	flags_inside = now.ss_flags;
}

static void alternate_stack(void)
{
	struct sigaction sa = {.sa_handler = where, .sa_flags = SA_ONSTACK};
	stack_t s = {.ss_size = 65536}, now;

	alt = s.ss_sp = malloc(65536);
	check(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE);
	check(sigaltstack(&s, NULL) == 0);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	check(on_alt && flags_inside == SS_ONSTACK);
	s.ss_flags = (int)(1u << 31);                   /* SS_AUTODISARM */
	check(sigaltstack(&s, NULL) == 0);
	raise(SIGUSR1);
	check(on_alt && flags_inside == SS_DISABLE);
	check(sigaltstack(NULL, &now) == 0 && now.ss_flags == (int)(1u << 31) && now.ss_sp == alt);
	s.ss_flags = 77;
	check_error(sigaltstack(&s, NULL), EINVAL);
	s.ss_flags = 0;
	s.ss_size = 100;
	check_error(sigaltstack(&s, NULL), ENOMEM);
}

static void overflow_handler(int signo)
{
	(void)signo;
	_exit(42);
}

static int deep(int n)
{
	volatile char room[4096];

	room[0] = (char)n;
	return (n < 1 << 30 ? deep(n + 1) : 0) + room[0];
}

static void stack_overflow(void)
{
	struct sigaction sa = {.sa_handler = overflow_handler, .sa_flags = SA_ONSTACK};
	stack_t s = {.ss_size = 65536, .ss_sp = malloc(65536)};
	int st;
	pid_t p = fork();

	if (p == 0) {
		sigaltstack(&s, NULL);
		sigaction(SIGSEGV, &sa, NULL);
		_exit(deep(0));
	}
	check(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == 42);
	/* the frame of another handler that finds no stack: SIGSEGV on the alternate one */
	p = fork();
	if (p == 0) {
		sigaltstack(&s, NULL);
		sigaction(SIGSEGV, &sa, NULL);
		signal(SIGUSR1, where);
		__asm__ volatile("mov $0x7000, %%rsp; mov $39, %%eax; syscall; mov %%eax, %%edi; mov $10, %%esi;"
		                 "mov $62, %%eax; syscall; ud2" : : : "rax", "rdi", "rsi");
	}
	check(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == 42);
}


/* ---- threads: a process's signal goes to one that does not block it */

static volatile int got_in_thread;

static void *thread_waits(void *arg)
{
	siginfo_t si;

	got_in_thread = sigwaitinfo(arg, &si) == SIGRTMIN ? si.si_value.sival_int : -1;
	return NULL;
}

static void to_a_thread(void)
{
	pthread_t t;
	sigset_t s;

	block(SIG_BLOCK, SIGRTMIN, SIGRTMIN);
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	pthread_create(&t, NULL, thread_waits, &s);
	ms_sleep(50);
	queue(SIGRTMIN, 31);
	pthread_join(t, NULL);
	check(got_in_thread == 31);
}

static void permissions(void)
{
	pid_t p;

	if (getuid()) return;
	p = fork();
	if (p == 0) {
		ms_sleep(20000);
		_exit(0);
	}
	if (setuid(54323)) _exit(1);
	check_error(kill(p, SIGTERM), EPERM);
	check_error(kill(p, 0), EPERM);
	check(kill(p, SIGCONT) == 0);                   /* of the same session */
	check_error(kill(1, SIGTERM), EPERM);
	check_error(syscall(SYS_tgkill, p, p, SIGTERM), EPERM);
}

static void a_group(void)
{
	int st;
	pid_t p[3];

	setpgid(0, 0);
	for (int i = 0; i < 3; i++) {
		p[i] = fork();
		while (!p[i]) pause();
	}
	signal(SIGUSR1, SIG_IGN);
	check(kill(0, SIGUSR1) == 0);
	for (int i = 0; i < 3; i++) check(waitpid(p[i], &st, 0) == p[i] && WTERMSIG(st) == SIGUSR1);
	check_error(kill(-31998, 0), ESRCH);
	check_error(kill(getpid(), 65), EINVAL);
	check_error(kill(-2147483647 - 1, 0), ESRCH);
}

int main(void)
{
	in_child(queued_in_order);
	in_child(waited_for);
	in_child(limits_of_the_queue);
	in_child(who_may_pretend);
	in_child(flags_of_actions);
	in_child(nodefer);
	in_child(alternate_stack);
	in_child(stack_overflow);
	in_child(to_a_thread);
	in_child(permissions);
	in_child(a_group);
	return checked();
}
