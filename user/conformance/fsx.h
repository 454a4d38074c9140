/* SPDX-License-Identifier: MIT */
/* user/conformance/fsx.h - fsx's operations that move bytes, and the model in memory that the file must equal.
 *
 * A header, for each .c of this folder is a program of its own; fsx.c alone includes it.
 *
 * F1  An operation is told in full by its line `name offset length argument` and by the operations before it: nothing
 *     is drawn while running, so that any sublist of a failing list can be run again.
 * F2  The model's bytes at and after size are 0: growth needs no work.
 */
#ifndef FSX_H
#define FSX_H
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define NOWHERE   ((size_t)-1)

struct op {
	int kind;               /* index into kinds[] */
	size_t off, len;        /* bytes */
	size_t arg;             /* seed of the bytes, source offset, or flags of msync */
};

/* What the child that runs the operations tells its parent: in shared memory, for it may die of a signal. */
struct told {
	volatile int at;                        /* index of the operation that is run */
	volatile int no_punch, no_allocate;     /* the file system cannot do it: dropped */
};

static size_t max = 256 << 10, page, keep_len;
static int split, quiet;
static const char *path;
static struct told *told;

static int fd = -1;
static uint8_t *model, *buf;
static volatile uint8_t *keep;  /* a mapping of the largest size and a page, that lives across operations */
static size_t size;             /* the file's, by the model */
static size_t stained = NOWHERE;        /* the page with bytes stored past the end: its tail is not compared */
static sigjmp_buf on_bus;
static volatile sig_atomic_t bus_expected;

/* ---- saying what is wrong ends the child */

__attribute__((noreturn, format(printf, 1, 2))) static void bad(const char *form, ...)
{
	va_list ap;

	va_start(ap, form);
	if (!quiet) vprintf(form, ap);
	va_end(ap);
	fflush(stdout);
	_exit(1);
}

__attribute__((noreturn)) static void failed_call(const char *what)
{
	bad("fsx: %s fails: %s\n", what, strerror(errno));
}

static void must(int ok, const char *what)
{
	if (!ok) failed_call(what);
}

/* expect: bytes got from file offset off are the model's. */
static void expect(const void *bytes, size_t off, size_t len, const char *how)
{
	const uint8_t *got = bytes;
	size_t first = 0, wrong = 0;

	if (memcmp(got, model + off, len) == 0) return;
	for (size_t i = 0; i < len; i++) {
		if (got[i] == model[off + i]) continue;
		if (!wrong++) first = i;
	}
	bad("fsx: %s of %zu bytes at %zu: offset %zu (page %zu, byte %zu of it): expected %02x, got %02x; "
	    "%zu bytes differ; size %zu\n", how, len, off, off + first, (off + first) / page, (off + first) % page,
	    model[off + first], got[first], wrong, size);
}

/* ---- the model */

static uint8_t byte_of(size_t seed, size_t off)
{
	uint32_t x = (uint32_t)(seed * 2654435761u + off * 40503u);

	return 1 + (x ^ x >> 15) % 255;         /* never 0: a lost byte shows */
}

static void set_size(size_t to)
{
	if (to < size) memset(model + to, 0, size - to);
	if (to / page != stained) stained = NOWHERE;
	size = to;
}

/* Store the operation's bytes through p, which shows the file from off on; volatile, for p may be a mapping. */
static void fill(volatile uint8_t *p, const struct op *o, size_t len)
{
	for (size_t i = 0; i < len; i++) p[i] = byte_of(o->arg, o->off + i);
}

static void model_fill(const struct op *o, size_t len)
{
	if (len && o->off + len > size) set_size(o->off + len);
	fill(model + o->off, o, len);
}

/* The part of an operation that lies before limit. */
static size_t clip(size_t off, size_t len, size_t limit)
{
	return off >= limit ? 0 : MIN(len, limit - off);
}

/* ---- mappings */

static void keep_map(void)
{
	keep = mmap(NULL, keep_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(keep != MAP_FAILED, "mmap of the long-lived mapping");
}

/* In split mode: let the mappings see what write() wrote; let read() see what was stored. */
static void join(void)
{
	if (split) must(msync((void *)keep, keep_len, MS_SYNC | MS_INVALIDATE) == 0, "msync before a mapped access");
}

static void publish(void)
{
	if (split) must(msync((void *)keep, keep_len, MS_SYNC) == 0, "msync after a mapped store");
}

/* A new mapping of the pages of [off, off + len), len > 0; the address of its byte off. */
static volatile uint8_t *map_range(size_t off, size_t len, int flags)
{
	size_t start = off - off % page;
	uint8_t *p = mmap(NULL, off - start + len, PROT_READ | PROT_WRITE, flags, fd, start);

	must(p != MAP_FAILED, "mmap");
	return p + (off - start);
}

static void unmap_range(volatile uint8_t *p, size_t len)
{
	uintptr_t start = (uintptr_t)p - (uintptr_t)p % page;

	must(munmap((void *)start, (uintptr_t)p - start + len) == 0, "munmap");
}

/* MM12: what follows the file's end in its last page is zero. */
static void expect_zero_tail(volatile uint8_t *p, const char *how)
{
	if (size / page == stained) return;
	for (size_t i = size; i % page; i++) {
		if (p[i - size])
			bad("fsx: %s: offset %zu past the end %zu is %02x, not zero\n", how, i, size, p[i - size]);
	}
}

static void expect_read(ssize_t n, size_t off, size_t len, const char *how)
{
	size_t want = clip(off, len, size);

	must(n >= 0, how);
	if ((size_t)n != want) bad("fsx: %s of %zu bytes at %zu gives %zd, not %zu\n", how, len, off, n, want);
	expect(buf, off, want, how);
}

static void expect_file(size_t off, size_t len, const char *how)
{
	expect_read(pread(fd, buf, len, off), off, len, how);
}

static void expect_mapped(volatile uint8_t *p, size_t off, size_t len, const char *how)
{
	expect((const void *)p, off, len, how);
	if (off + len == size) expect_zero_tail(p + len, how);
}

/* ---- operations by read() and write() */

static void do_read(const struct op *o)
{
	must(lseek(fd, o->off, SEEK_SET) == (off_t)o->off, "lseek");
	expect_read(read(fd, buf, o->len), o->off, o->len, "read");
}

static void do_pread(const struct op *o)
{
	expect_file(o->off, o->len, "pread");
}

static void do_write(const struct op *o)
{
	fill(buf, o, o->len);
	must(lseek(fd, o->off, SEEK_SET) == (off_t)o->off, "lseek");
	must(write(fd, buf, o->len) == (ssize_t)o->len, "write");
	model_fill(o, o->len);
}

static void do_pwrite(const struct op *o)
{
	fill(buf, o, o->len);
	must(pwrite(fd, buf, o->len, o->off) == (ssize_t)o->len, "pwrite");
	model_fill(o, o->len);
}

static void do_append(const struct op *o)
{
	struct op at_end = *o;
	size_t len = clip(size, o->len, max);
	int end;

	at_end.off = size;
	end = open(path, O_WRONLY | O_APPEND);
	must(end >= 0, "open for appending");
	fill(buf, &at_end, len);
	must(write(end, buf, len) == (ssize_t)len, "appended write");
	must(close(end) == 0, "close");
	model_fill(&at_end, len);
}

static void do_truncate(const struct op *o)
{
	must(ftruncate(fd, o->off) == 0, "ftruncate");
	set_size(o->off);
}

/* allocate: fallocate; a file system or kernel without it is not at fault. */
static int allocate(int mode, const struct op *o, volatile int *missing)
{
	if (*missing || o->len == 0) return 0;
	if (fallocate(fd, mode, o->off, o->len) == 0) return 1;
	if (errno != ENOSYS && errno != EOPNOTSUPP) failed_call("fallocate");
	*missing = 1;
	return 0;
}

static void do_punch(const struct op *o)
{
	if (!allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, o, &told->no_punch)) return;
	memset(model + o->off, 0, o->len);
}

static void do_reserve(const struct op *o)
{
	allocate(FALLOC_FL_KEEP_SIZE, o, &told->no_allocate);
}

static void do_extend(const struct op *o)
{
	if (allocate(0, o, &told->no_allocate) && o->off + o->len > size) set_size(o->off + o->len);
}

/* ---- operations by mappings */

static void do_mapread(const struct op *o)
{
	size_t len = clip(o->off, o->len, size);
	volatile uint8_t *p;

	if (!len) return;
	join();
	p = map_range(o->off, len, MAP_SHARED);
	expect_mapped(p, o->off, len, "mapped read");
	unmap_range(p, len);
}

/* Grows the file first if need be: a store into pages that just came into being. */
static void do_mapwrite(const struct op *o)
{
	volatile uint8_t *p;

	if (!o->len) return;
	if (o->off + o->len > size) must(ftruncate(fd, o->off + o->len) == 0, "ftruncate");
	join();
	p = map_range(o->off, o->len, MAP_SHARED);
	fill(p, o, o->len);
	publish();
	unmap_range(p, o->len);
	model_fill(o, o->len);
}

static void do_keepread(const struct op *o)
{
	join();
	expect_mapped(keep + o->off, o->off, clip(o->off, o->len, size), "read through the long-lived mapping");
}

static void do_keepwrite(const struct op *o)
{
	size_t len = clip(o->off, o->len, size);

	join();
	fill(keep + o->off, o, len);
	publish();
	model_fill(o, len);
}

/* A child stores through the mapping that it inherited, and ends: its dirty pages must not go with its page table. */
static void do_forkwrite(const struct op *o)
{
	size_t len = clip(o->off, o->len, size);
	int status = -1;
	pid_t pid;

	join();
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		fill(keep + o->off, o, len);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (status) bad("fsx: the child that stores ends with status %#x\n", status);
	publish();
	model_fill(o, len);
}

/* Private stores are seen through their mapping, with the file's bytes around them, and nowhere else. */
static void do_private(const struct op *o)
{
	size_t len = clip(o->off, o->len, size), before = o->off % page;
	volatile uint8_t *p;

	if (!len) return;
	join();
	p = map_range(o->off, len, MAP_PRIVATE);
	fill(p, o, len);
	expect((const void *)(p - before), o->off - before, before, "private mapping before the store");
	for (size_t i = 0; i < len; i++) {
		if (p[i] != byte_of(o->arg, o->off + i)) bad("fsx: offset %zu: a private store is lost\n", o->off + i);
	}
	must(msync((void *)(p - before), before + len, MS_SYNC) == 0, "msync of a private mapping");
	expect_file(o->off, len, "pread after a private store");
	expect((const void *)(keep + o->off), o->off, len, "shared mapping after a private store");
	unmap_range(p, len);
}

/* Bytes past the end, in the last page: they must never become the file's (MM13). */
static void do_stain(const struct op *o)
{
	size_t len = size % page ? page - size % page : 0;

	if (!len) return;
	join();
	for (size_t i = 0; i < len; i++) keep[size + i] = byte_of(o->arg, size + i);
	publish();
	stained = size / page;
}

static void handle_bus(int sig)
{
	if (bus_expected) siglongjmp(on_bus, 1);
	signal(sig, SIG_DFL);                   /* the access is made again, and ends the child */
}

/* The first page that is wholly past the end, and the mapping's last: SIGBUS (MM14, MM20). */
static void do_pastend(const struct op *o)
{
	size_t at[2] = {(size + page - 1) / page * page, keep_len - 1};

	for (int i = 0; i < 2; i++) {
		bus_expected = 1;
		if (sigsetjmp(on_bus, 1) == 0) {
			if (o->arg & 1)
				keep[at[i]] = 1;
			else
				(void)keep[at[i]];
			bad("fsx: no SIGBUS at offset %zu, the file ends at %zu\n", at[i], size);
		}
		bus_expected = 0;
	}
}

/* write() whose buffer is a mapping of the same file, at offset arg. */
static void do_copyout(const struct op *o)
{
	size_t len = clip(o->arg, o->len, size);

	if (!len || (o->arg < o->off + len && o->off < o->arg + len)) return;   /* overlapping: no order is promised */
	join();
	must(pwrite(fd, (const void *)(keep + o->arg), len, o->off) == (ssize_t)len, "pwrite from a mapping");
	if (o->off + len > size) set_size(o->off + len);
	memcpy(model + o->off, model + o->arg, len);
}

/* read() from offset arg into a mapping of the same file. */
static void do_copyin(const struct op *o)
{
	size_t len = clip(o->arg, clip(o->off, o->len, size), size);

	if (!len || (o->arg < o->off + len && o->off < o->arg + len)) return;
	join();
	must(pread(fd, (void *)(keep + o->off), len, o->arg) == (ssize_t)len, "pread into a mapping");
	publish();
	memcpy(model + o->off, model + o->arg, len);
}

#endif
