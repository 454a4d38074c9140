/* SPDX-License-Identifier: MIT */
/* user/conformance/vector.c - AVX registers, MXCSR and the x87 control word of each thread.  Runs on Linux too.
 *
 * They stay across switches, system calls, signals and fork; are seen and changed in a handler's frame; and are fresh in a
 * handler and in a new program. */
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <ucontext.h>

#include "check.h"

#define REGS 16
#define WIDE 32                         /* bytes of a register */
#define MAGIC1 0x46505853u              /* Linux, arch/x86/include/uapi/asm/sigcontext.h: FP_XSTATE_MAGIC1, 2 */
#define MAGIC2 0x46505845u
#define MXCSR_NEW 0x1f80u
#define MXCSR_OURS 0x7f80u              /* round toward zero */
#define FCW_OURS 0x077f                 /* round down */

typedef uint8_t regs[REGS * WIDE] __attribute__((aligned(32)));
struct sw { uint32_t magic1, size; uint64_t features; uint32_t xstate_size; };

static uint32_t high_at;                /* where an XSAVE image has the high halves: CPUID 13.2 EBX */
static volatile sig_atomic_t handled, mxcsr_there, frame_good, change;
static regs expected;

#define EACH(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n)  "vmovdqa " #n "*32(%0), %%ymm" #n "\n"
#define STORE(n) "vmovdqa %%ymm" #n ", " #n "*32(%1)\n"

/* Fill all registers, spin that long, with a system call each time or without, and say what is in them then. */
static void hold(const uint8_t *in, uint8_t *out, long spins, long call)
{
	__asm__ volatile(
		EACH(LOAD)
		"1: cmp $0, %3\n jl 2f\n mov %3, %%rax\n syscall\n"
		"2: pause\n dec %2\n jnz 1b\n"
		EACH(STORE)
		"vzeroupper\n"
		: : "r"(in), "r"(out), "r"(spins), "r"(call)
		: "rax", "rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
		  "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void fill(uint8_t *r, unsigned seed)
{
	for (unsigned i = 0; i < sizeof(regs); i++) r[i] = (seed = seed * 1103515245 + 12345) >> 16;
}

static uint32_t mxcsr_get(void)
{
	uint32_t v;

	__asm__ volatile("stmxcsr %0" : "=m"(v));
	return v & ~0x3fu;              /* without what has happened */
}

static void mxcsr_set(uint32_t v) { __asm__ volatile("ldmxcsr %0" : : "m"(v)); }

static uint16_t fcw_get(void)
{
	uint16_t v;

	__asm__ volatile("fnstcw %0" : "=m"(v));
	return v;
}

static void fcw_set(uint16_t v) { __asm__ volatile("fldcw %0" : : "m"(v)); }

/* ---- switches */

/* Rounds in which registers did not stay; each thread has bits and modes of its own. */
static void *keep(void *arg)
{
	unsigned seed = (uintptr_t)arg;
	long wrong = 0;
	regs in, out;

	mxcsr_set(MXCSR_NEW | (seed & 3) << 13);
	fcw_set(0x37f | (seed & 3) << 10);
	for (unsigned i = 0; i < 30; i++) {
		fill(in, seed * 1000 + i);
		hold(in, out, i & 1 ? 200000 : 200, i & 1 ? -1 : SYS_sched_yield);
		wrong += memcmp(in, out, sizeof(in)) != 0;
	}
	wrong += mxcsr_get() != (MXCSR_NEW | (seed & 3) << 13);
	wrong += fcw_get() != (0x37f | (seed & 3) << 10);
	return (void *)wrong;
}

static void processes(void)
{
	int status, wrong = 0;

	for (uintptr_t i = 1; i <= 4; i++)
		if (fork() == 0) _exit(keep((void *)i) != NULL);
	for (int i = 0; i < 4; i++) {
		wait(&status);
		wrong += status != 0;
	}
	check(wrong == 0);
}

static void threads(void)
{
	pthread_t t[4];
	void *wrong;

	for (uintptr_t i = 0; i < 4; i++) pthread_create(&t[i], NULL, keep, (void *)(i + 1));
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &wrong);
		check(wrong == NULL);
	}
}

/* fork by its number, so that nothing comes between. */
static void child_has_them(void)
{
	regs out;
	int status;

	fill(expected, 77);
	mxcsr_set(MXCSR_OURS);
	hold(expected, out, 1, SYS_fork);
	if (getpid() != getpgrp()) _exit(memcmp(expected, out, sizeof(out)) || mxcsr_get() != MXCSR_OURS);
	check(memcmp(expected, out, sizeof(out)) == 0);
	check(wait(&status) > 0 && status == 0);
	mxcsr_set(MXCSR_NEW);
}

/* ---- handlers */

/* The image in the frame, as programs look for it. */
static void frame_look(uint8_t *image)
{
	struct sw sw;
	uint32_t magic2;
	uint64_t present;

	memcpy(&sw, image + 464, sizeof(sw));
	memcpy(&magic2, image + sw.xstate_size, 4);
	memcpy(&present, image + 512, 8);
	frame_good = sw.magic1 == MAGIC1 && magic2 == MAGIC2 && sw.size == sw.xstate_size + 4 && (sw.features & 7) == 7 &&
	             (present & 7) == 7 && ((uintptr_t)image & 63) == 0;
	for (int i = 0; i < REGS && frame_good; i++)
		frame_good = !memcmp(image + 160 + 16 * i, expected + WIDE * i, 16) &&
		             !memcmp(image + high_at + 16 * i, expected + WIDE * i + 16, 16);
}

static void handler(int signo, siginfo_t *info, void *context)
{
	uint8_t *image = (void *)((ucontext_t *)context)->uc_mcontext.fpregs;
	regs trash;

	(void)signo, (void)info;
	mxcsr_there = mxcsr_get();
	frame_look(image);
	if (change) {
		memset(image + 160 + 16 * 3, 0xa3, 16);
		memset(image + high_at + 16 * 3, 0xb3, 16);
	}
	memset(trash, 0xee, sizeof(trash));
	hold(trash, trash, 10, SYS_sched_yield);
	mxcsr_set(MXCSR_NEW | 0x2000);
	handled++;
}

static void interrupted(int flags)
{
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
	struct itimerval tick = {{0, 3000}, {0, 3000}}, off = {{0, 0}, {0, 0}};
	int wrong = 0;
	regs out;

	sigaction(SIGALRM, &a, NULL);
	handled = change = 0;
	fill(expected, 5);
	setitimer(ITIMER_REAL, &tick, NULL);
	for (int i = 0; i < 100000 && handled < 20; i++) {
		mxcsr_set(MXCSR_OURS);
		hold(expected, out, 100000, -1);
		wrong += memcmp(expected, out, sizeof(out)) || mxcsr_get() != MXCSR_OURS;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	mxcsr_set(MXCSR_NEW);
	check(handled >= 20);
	check(wrong == 0);
}

/* tkill to itself comes between the registers' being filled and their being read. */
static void signal_now(const uint8_t *in, uint8_t *out)
{
	long tid = gettid();

	__asm__ volatile(
		EACH(LOAD)
		"syscall\n"
		EACH(STORE)
		"vzeroupper\n"
		: : "r"(in), "r"(out), "a"(SYS_tkill), "D"(tid), "S"(SIGALRM) : "rcx", "r11", "memory", "cc");
}

static void frame(void)
{
	regs out;

	change = 0;
	fill(expected, 9);
	mxcsr_set(MXCSR_OURS);
	signal_now(expected, out);
	check(mxcsr_get() == MXCSR_OURS);
	check(frame_good);
	check(mxcsr_there == MXCSR_NEW);                /* a handler begins with a fresh state */
	check(memcmp(expected, out, sizeof(out)) == 0);
	change = 1;
	signal_now(expected, out);
	memset(expected + WIDE * 3, 0xa3, 16);
	memset(expected + WIDE * 3 + 16, 0xb3, 16);
	check(memcmp(expected, out, sizeof(out)) == 0); /* what the handler put into the frame */
	mxcsr_set(MXCSR_NEW);
}

static void altstack(void)
{
	size_t size = getauxval(AT_MINSIGSTKSZ);
	stack_t st = {.ss_size = size + 8192};          /* and room for the handler itself */

	check(size > high_at + 256);
	st.ss_sp = malloc(st.ss_size);
	check(sigaltstack(&st, NULL) == 0);
	interrupted(SA_ONSTACK);
}

/* A header that XRSTOR would refuse: the program dies, nobody else. */
static void damage(int signo, siginfo_t *info, void *context)
{
	uint8_t *image = (void *)((ucontext_t *)context)->uc_mcontext.fpregs;

	(void)signo, (void)info;
	memset(image + 512, 0xff, 64);
}

static void damaged(void)
{
	struct sigaction a = {.sa_sigaction = damage, .sa_flags = SA_SIGINFO};
	int status;
	pid_t p = fork();

	if (p == 0) {
		sigaction(SIGALRM, &a, NULL);
		raise(SIGALRM);
		_exit(0);
	}
	check(waitpid(p, &status, 0) == p && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void new_program(char *self)
{
	int status;
	pid_t p = fork();

	if (p == 0) {
		mxcsr_set(MXCSR_OURS);
		fcw_set(FCW_OURS);
		execl(self, self, "=fresh", (char *)NULL);
		_exit(99);
	}
	check(waitpid(p, &status, 0) == p && status == 0);
}

int main(int argc, char **argv)
{
	unsigned a, b, c, d;

	if (argc > 1) return mxcsr_get() != MXCSR_NEW || fcw_get() != 0x37f;
	__cpuid_count(1, 0, a, b, c, d);
	check((c >> 27 & 3) == 3);              /* OSXSAVE, AVX: the CPU has it, and the kernel enabled XSAVE */
	if (failed) return checked();
	__cpuid_count(13, 2, a, high_at, c, d);
	setpgid(0, 0);
	processes();
	threads();
	child_has_them();
	interrupted(0);
	frame();
	altstack();
	damaged();
	new_program(argv[0]);
	return checked();
}
