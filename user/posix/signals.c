/* SPDX-License-Identifier: MIT */
/* user/posix/signals.c - SG1: handlers that mend memory; SG2: handlers on a stack of their own. */
#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)

static volatile int count, seen[16];
static char *volatile area;
static volatile int file;

static void on(int signo, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

	must(sigaction(signo, &sa, NULL) == 0);
}

static char *pages(int n)
{
	return map_at(-1, n * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
}

/* The address of a page with nothing mapped at it or after it; the n pages before it are letters. */
static char *edge(int n)
{
	char *p = pages(n + 1);

	memset(p, 'g', n * PAGE);
	must(munmap(p + n * PAGE, PAGE) == 0);
	return p + n * PAGE;
}

/* ---- SG1 */

static void allow(int signo, siginfo_t *si, void *context)
{
	(void)signo;
	(void)context;
	count++;
	if (si->si_code != SEGV_ACCERR || count > 20) _exit(9);
	mprotect((void *)((uintptr_t)si->si_addr & -PAGE), PAGE, RW);
}

TEST(SG1, a_handler_that_allows_the_store_makes_it_happen)
{
	char *p = pages(4);

	memset(p, 'a', 4 * PAGE);
	must(mprotect(p, 4 * PAGE, PROT_READ) == 0);
	on(SIGSEGV, allow, 0);
	for (int i = 0; i < 4; i++) ((volatile char *)p)[i * PAGE + i] = 'x';
	expect(count == 4);
	for (int i = 0; i < 4; i++) expect(p[i * PAGE + i] == 'x' && p[i * PAGE + i + 1] == 'a');
}

static void map_here(int signo, siginfo_t *si, void *context)
{
	char *at = (char *)((uintptr_t)si->si_addr & -PAGE);

	(void)signo;
	(void)context;
	if (si->si_code != SEGV_MAPERR || ++count > 20) _exit(9);
	if (mmap(at, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at) _exit(8);
	at[0] = 'h';
}

TEST(SG1, a_handler_that_maps_the_page_makes_the_load_happen)
{
	char *p = edge(1);
	volatile char *v = p;

	on(SIGSEGV, map_here, 0);
	expect(v[0] == 'h' && v[1] == 0);
	expect(count == 1);
	expect(v[-1] == 'g');
}

static void grow_file(int signo, siginfo_t *si, void *context)
{
	(void)signo;
	(void)context;
	if (si->si_code != BUS_ADRERR || ++count > 1) _exit(9);
	if (ftruncate(file, 2 * PAGE)) _exit(8);
}

TEST(SG1, a_handler_that_grows_the_file_makes_the_store_happen)
{
	char *p;

	file = new_file("f", PAGE);
	p = map_file(file, 2 * PAGE);
	on(SIGBUS, grow_file, 0);
	*(volatile char *)(p + PAGE + 7) = 'x';
	expect(count == 1);
	publish(p, 2 * PAGE);
	expect(byte_at(file, PAGE + 7) == 'x' && byte_at(file, PAGE) == 0);
}

static void allow_and_spoil(int signo, siginfo_t *si, void *context)
{
	allow(signo, si, context);
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm7\n\txor %%ecx, %%ecx\n\tstd\n\tcld"
	                 ::: "xmm0", "xmm7", "rcx", "cc");
}

TEST(SG1, registers_are_those_of_the_interrupted_instruction)
{
	char *p = pages(1);
	uint64_t x = 0x1122334455667788, y, c = 77, carry;

	must(mprotect(p, PAGE, PROT_READ) == 0);
	on(SIGSEGV, allow_and_spoil, 0);
	__asm__ volatile("movq %[x], %%xmm7\n\tstc\n\tmovb $1, (%[p])\n\tmovl $0, %k[carry]\n\tadcl $0, %k[carry]\n\t"
	                 "movq %%xmm7, %[y]"
	                 : [y] "=r"(y), [carry] "=&r"(carry), "+c"(c) : [x] "r"(x), [p] "r"(p)
	                 : "xmm7", "memory", "cc");
	expect(count == 1 && p[0] == 1);
	expect(y == x && c == 77 && carry == 1);
}

/* ---- SG2 */

static void use_altstack(char *base, size_t n)
{
	stack_t s = {.ss_sp = base, .ss_size = n};

	must(sigaltstack(&s, NULL) == 0);
	area = base;
}

static sigjmp_buf out;

static void leave(int signo, siginfo_t *si, void *context)
{
	char here;

	(void)context;
	seen[0] = signo;
	seen[1] = &here >= area && &here < area + 16 * PAGE;
	seen[2] = si->si_code;
	siglongjmp(out, 1);
}

/* Stores at a stack pointer where nothing is mapped. */
static void lose_the_stack(char *sp)
{
	__asm__ volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tpush %%rax\n\tmov %%rbx, %%rsp"
	                 :: "r"(sp) : "rbx", "memory");
}

TEST(SG2, a_handler_runs_on_its_own_stack_when_the_stack_is_gone)
{
	use_altstack(pages(16), 16 * PAGE);
	on(SIGSEGV, leave, SA_ONSTACK);
	if (sigsetjmp(out, 1) == 0) {
		lose_the_stack(edge(0));
		expect(!"came back");
	}
	expect(seen[0] == SIGSEGV && seen[1] && seen[2] == SEGV_MAPERR);
}

static void fault_without_stack(void *unused)
{
	(void)unused;
	on(SIGSEGV, leave, 0);
	lose_the_stack(edge(0));
}

TEST(SG2, without_one_the_process_ends_by_sigsegv)
{
	expect(in_child(fault_without_stack, NULL) == 128 + SIGSEGV);
}

/* Two gigabytes of stack, which nobody has. */
static int __attribute__((noinline)) recurse(volatile char *above, long depth)
{
	volatile char frame[2048];

	frame[0] = above[0];
	return depth ? recurse(frame, depth - 1) + frame[0] : 0;
}

TEST(SG2, endless_recursion_reaches_the_handler)
{
	char first = 0;

	use_altstack(pages(16), 16 * PAGE);
	on(SIGSEGV, leave, SA_ONSTACK);
	if (sigsetjmp(out, 1) == 0) recurse(&first, 1 << 20);
	expect(seen[0] == SIGSEGV && seen[1]);
}

static void look_at_stacks(int signo, siginfo_t *si, void *context)
{
	stack_t s, other = {.ss_sp = area, .ss_size = 16 * PAGE};
	char here;

	(void)si;
	(void)context;
	sigaltstack(NULL, &s);
	seen[count++] = (&here >= area && &here < area + 16 * PAGE) + 2 * !!(s.ss_flags & SS_ONSTACK);
	seen[count++] = sigaltstack(&other, NULL) == -1 && errno == EPERM;
	if (signo == SIGUSR1) raise(SIGUSR2);
}

TEST(SG2, on_the_stack_it_is_told_so_and_cannot_be_changed)
{
	stack_t s;

	use_altstack(pages(16), 16 * PAGE);
	on(SIGUSR1, look_at_stacks, SA_ONSTACK);
	on(SIGUSR2, look_at_stacks, SA_ONSTACK);
	raise(SIGUSR1);
	expect(count == 4);
	for (int i = 0; i < 4; i++) expect(seen[i] == (i % 2 ? 1 : 3));
	expect(sigaltstack(NULL, &s) == 0 && s.ss_flags == 0 && s.ss_sp == area && s.ss_size == 16 * PAGE);
}

TEST(SG2, without_the_flag_or_when_disabled_the_ordinary_stack_is_used)
{
	stack_t off = {.ss_flags = SS_DISABLE}, s, small = {.ss_sp = pages(1), .ss_size = 512};

	use_altstack(pages(16), 16 * PAGE);
	on(SIGUSR2, look_at_stacks, 0);
	raise(SIGUSR2);
	expect(seen[0] == 0 && seen[1] == 0);
	expect(sigaltstack(&off, NULL) == 0);
	on(SIGUSR2, look_at_stacks, SA_ONSTACK);
	raise(SIGUSR2);
	expect(seen[2] == 0);
	expect(sigaltstack(&off, NULL) == 0 && sigaltstack(NULL, &s) == 0 && s.ss_flags == SS_DISABLE);
	expect_error(sigaltstack(&small, NULL), ENOMEM);
}
