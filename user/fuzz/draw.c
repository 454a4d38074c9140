/* SPDX-License-Identifier: MIT */
/* user/fuzz/draw.c - RING 3 - what a random call is about: files, pipes, devices, memory of every kind, odd numbers.
 *
 * Arguments are drawn by their kind in the kernel's table (build/calls.h): mostly what the call wants, now and then
 * anything at all.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define ARENA 16 /* pages in the middle of it all, with neighbours of other kinds */
#define FDS 16
#define ADDRS 32
#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

#define LINUX_CALL(number, name, kinds) { #name, kinds, number },
#define QUIRE_CALL(number, name, kinds) { #name, kinds, number },
const struct call calls[] = {
#include "calls.h"
};
const unsigned ncalls = LENGTH(calls);

static const char *const path[] = {
	"a",        "b",    "../shared", "d",         "d/e",       "d/../a",    ".",         "..",       "",
	"/",        "/tmp", "/tmp/fuzz", "/bin/true", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/shm/f",
	"/nowhere", "a/",   "link",      "d/link",    "/root",     "./././a",   "tmpfs",     "ext2",     "user.x",
};
static const uint64_t odd[] = {
	0,
	1,
	2,
	3,
	4,
	7,
	8,
	15,
	16,
	24,
	31,
	63,
	64,
	65,
	100,
	127,
	128,
	255,
	256,
	511,
	512,
	1000,
	1023,
	1024,
	PAGE - 1,
	PAGE,
	PAGE + 1,
	2 * PAGE,
	65535,
	65536,
	1 << 20,
	(1 << 20) + 1,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	1ull << 32,
	1ull << 39,
	1ull << 46,
	(1ull << 47) - PAGE,
	(1ull << 47) - 1,
	1ull << 47,
	1ull << 62,
	INT64_MAX,
	1ull << 63,
	-PAGE,
	-513ull,
	-512ull,
	-8ull,
	-2ull,
	-1ull,
	-100ull,
};

static int fd[FDS] = { [0 ... FDS - 1] = -1 };
static uintptr_t addr[ADDRS];
static unsigned naddr;
static char *arena;
static char names[PAGE / 64][64] __attribute__((aligned(PAGE)));

static uint64_t number(uint64_t *s)
{
	switch (below(s, 4)) {
	case 0: return below(s, 40);
	case 1: return draw(s) >> below(s, 64);
	default: return odd[below(s, LENGTH(odd))];
	}
}

/* One bit, or a few, or any. */
static uint64_t flags(uint64_t *s)
{
	uint64_t v = 0;

	if (below(s, 2)) return 0;
	if (below(s, 16) == 0) return number(s);
	for (uint64_t n = below(s, 4); n > 0; n--)
		v |= 1ull << below(s, below(s, 4) ? 16 : 32);
	return v;
}

static uint64_t address(uint64_t *s)
{
	uint64_t at = addr[below(s, naddr)];

	if (below(s, 4)) at = (uintptr_t)arena + below(s, ARENA) * PAGE;
	switch (below(s, 8)) {
	case 0: return at + below(s, PAGE);
	case 1: return at + PAGE - below(s, 64);
	case 2: return below(s, 8) ? at : number(s);
	default: return at;
	}
}

static uint64_t some_fd(uint64_t *s)
{
	switch (below(s, 16)) {
	case 0: return number(s);
	case 1: return (uint64_t)AT_FDCWD;
	case 2: return below(s, 64);
	default: return fd[below(s, FDS)];
	}
}

static uint64_t some_path(uint64_t *s) { return below(s, 16) ? (uintptr_t)names[below(s, LENGTH(path))] : address(s); }

static int is(const char *kinds, const char *what) { return !strncmp(kinds, what, strlen(what)); }

/* What argument i of a call is. */
static uint64_t argument(uint64_t *s, const struct call *c, int i)
{
	const char *kinds = c->kinds;
	uint64_t v;

	if (below(s, 16) && hint(s, c->name, i, &v)) return v;
	for (; i > 0 && *kinds; i--) {
		kinds += strcspn(kinds, " ");
		kinds += *kinds == ' ';
	}
	if (below(s, 64) == 0) kinds = "";
	if (is(kinds, "fd path") && below(s, 4)) return (uint64_t)AT_FDCWD;
	if (is(kinds, "fd")) return some_fd(s);
	if (is(kinds, "path")) return some_path(s);
	if (is(kinds, "addr")) return below(s, 8) ? address(s) : 0;
	if (is(kinds, "prot")) return below(s, 16) ? below(s, 8) : flags(s);
	if (is(kinds, "flags")) return flags(s);
	if (is(kinds, "mode")) return below(s, 4) ? 0777 : flags(s);
	if (is(kinds, "int")) return below(s, 4) ? below(s, 12) : number(s);
	if (is(kinds, "size")) return below(s, 2) ? below(s, 3 * PAGE) : number(s);
	switch (below(s, 4)) {
	case 0: return address(s);
	case 1: return some_fd(s);
	case 2: return flags(s);
	default: return number(s);
	}
}

/* Vectors, times and lists of calls lie in the arena: a few of its words become addresses and numbers. */
static void stir(uint64_t *s)
{
	volatile uint64_t *word = (uint64_t *)(arena + below(s, ARENA) * PAGE) + below(s, 64);

	for (uint64_t n = below(s, 12); n > 0; n--)
		*word++ = below(s, 2) ? address(s) : below(s, 2) ? below(s, 8) : number(s);
}

/* As root they would end or lame the machine, which root may; anybody may stop himself, which is only slow. */
static int is_left_out(long nr, int as_root)
{
	static const long never[] = { SYS_exit_group, SYS_pause, SYS_rt_sigsuspend, SYS_vfork };
	static const long root[] = {
		SYS_reboot,    SYS_kill,    SYS_tkill,  SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
		SYS_mount,     SYS_umount2, SYS_chroot, SYS_mknod,  SYS_mknodat,         SYS_pidfd_send_signal,
		SYS_prlimit64,
	};

	for (unsigned i = 0; i < LENGTH(never); i++)
		if (nr == never[i]) return 1;
	for (unsigned i = 0; i < LENGTH(root) && as_root; i++)
		if (nr == root[i]) return 1;
	return 0;
}

/* What does nothing, or spoils the child for what follows. */
static int is_rare(const struct call *c)
{
	static const long spoils[] = { SYS_exit,   SYS_execve,    SYS_arch_prctl, SYS_rt_sigreturn, SYS_setitimer,
		                       SYS_alarm,  SYS_setrlimit, SYS_close,      SYS_kill,         SYS_tkill,
		                       SYS_tgkill, SYS_brk,       SYS_sync,       SYS_syncfs };

	for (unsigned i = 0; i < LENGTH(spoils); i++)
		if (c->nr == spoils[i]) return 1;
	return !c->kinds[0] || c->nr >= 0x1000;
}

void call_draw(uint64_t *s, int as_root, struct made *out)
{
	const struct call *c;

	if (below(s, 4) == 0) stir(s);
	do
		c = &calls[below(s, ncalls)];
	while (is_left_out(c->nr, as_root) || (is_rare(c) && below(s, 16)));
	out->nr = below(s, 256) ? (uint64_t)c->nr : number(s);
	if (is_left_out(out->nr, as_root)) out->nr = SYS_getpid;
	for (int i = 0; i < 6; i++)
		out->arg[i] = argument(s, c, i);
}

const char *call_name(uint64_t nr)
{
	for (unsigned i = 0; i < ncalls; i++)
		if ((uint64_t)calls[i].nr == nr) return calls[i].name;
	return "?";
}

/* ---- the things: made by bare calls, for the child's C library may be past using */

static void fd_open(int *n, const char *name, int how)
{
	RAW(SYS_close, fd[*n]);
	fd[(*n)++] = RAW(SYS_open, (uintptr_t)name, how, 0666);
}

static void fds_make(void)
{
	int n = 0, two[2] = { -1, -1 };

	RAW(SYS_chmod, (uintptr_t) "a", 0666); /* the child before us may have thought otherwise */
	RAW(SYS_chmod, (uintptr_t) "b", 0666);
	fd_open(&n, "a", O_RDWR | O_CREAT);
	fd_open(&n, "a", O_RDONLY);
	fd_open(&n, "b", O_RDWR | O_CREAT | O_APPEND);
	fd_open(&n, "../shared", O_RDWR);
	RAW(SYS_mkdir, (uintptr_t) "d", 0777);
	RAW(SYS_symlink, (uintptr_t) "a", (uintptr_t) "link");
	fd_open(&n, ".", O_RDONLY | O_DIRECTORY);
	fd_open(&n, "d", O_RDONLY | O_DIRECTORY);
	fd_open(&n, "/tmp/fuzz", O_RDWR | O_CREAT);
	fd_open(&n, "/dev/null", O_RDWR);
	fd_open(&n, "/dev/zero", O_RDWR);
	fd_open(&n, "/dev/full", O_RDWR);
	fd_open(&n, "/bin/true", O_RDONLY);
	RAW(SYS_close, fd[n]);
	fd[n++] = RAW(SYS_memfd_create, (uintptr_t) "m", 0);
	for (int i = 0; i < 2; i++) {
		RAW(SYS_close, fd[n]);
		RAW(SYS_close, fd[n + 1]);
		RAW(SYS_pipe2, (uintptr_t)two, i ? O_NONBLOCK : 0);
		fd[n++] = two[0];
		fd[n++] = two[1];
	}
}

static uintptr_t map(uintptr_t at, size_t pages, int prot, int how, int of, size_t from)
{
	return RAW(SYS_mmap, at, pages * PAGE, prot, how | (at ? MAP_FIXED : 0), of, from * PAGE);
}

/* Pages of the file's end, and past it, are there to be cut off and to come back. */
static void arena_make(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	uintptr_t a = map((uintptr_t)arena, ARENA + 6, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	arena = (char *)a;
	map(a + 4 * PAGE, 2, rw, MAP_SHARED, fd[0], 0);
	map(a + 8 * PAGE, 2, rw, MAP_PRIVATE, fd[0], 1);
	map(a + 12 * PAGE, 1, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	map(a + ARENA * PAGE, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map(a + (ARENA + 1) * PAGE, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map(a + (ARENA + 2) * PAGE, 2, rw, MAP_SHARED, fd[0], 0);
	RAW(SYS_munmap, a + (ARENA + 4) * PAGE, PAGE);
	for (naddr = 0; naddr < 6; naddr++)
		addr[naddr] = a + (ARENA + naddr) * PAGE;
}

static void memory_make(uint64_t *s)
{
	static const uintptr_t nowhere[] = {
		0, 8, (1ul << 47) - PAGE, 1ul << 47, 0xffff800000000000ul, 0xffffffff80100000ul, -PAGE,
	};

	arena_make();
	addr[naddr++] = map(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd[0], 0);
	addr[naddr++] = map(0, 8, PROT_READ, MAP_SHARED, fd[1], 0);
	addr[naddr++] = map(0, 8, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd[2], 0);
	addr[naddr++] = map(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd[3], 0);
	addr[naddr++] = map(0, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd[6], 0);
	addr[naddr++] = map(0, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd[11], 0);
	addr[naddr++] = (uintptr_t)names;
	for (unsigned i = 0; i < LENGTH(nowhere); i++)
		addr[naddr++] = nowhere[i];
	if (below(s, 8) == 0) addr[naddr++] = (uintptr_t)memory_make & -PAGE;
	if (below(s, 8) == 0) addr[naddr++] = (uintptr_t)&s & -PAGE;
}

int things_mend(uintptr_t at)
{
	uintptr_t page = at & -PAGE;

	if (page - (uintptr_t)arena >= ARENA * PAGE && page != (uintptr_t)names) return 0;
	return map(page, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == page;
}

void things_make(uint64_t *s)
{
	fds_make();
	RAW(SYS_ftruncate, fd[0], below(s, 10 * PAGE));
	RAW(SYS_ftruncate, fd[11], below(s, 3 * PAGE));
	memory_make(s);
	for (unsigned i = 0; i < LENGTH(path); i++)
		strcpy(names[i], path[i]);
	for (int i = 0; i < 40; i++)
		stir(s);
}
