/* SPDX-License-Identifier: MIT */
/* user/conformance/promises.c - makes changes durable, one after the other, in every way there is: the program of the test
 * that cuts the power at each write (tests/guest/test_everycut.py).
 *
 * promises device directory seed n
 * mounts the device there.  Before each change it prints "number way file offset length"; after the call that makes it
 * durable it stores the number in the file `kept`, durably too.  So a disk on which `kept` says N holds changes 1 to N whole.
 * The bytes of change i are its number again and again, 8 bytes each, where they lie; offsets and lengths are multiples of 8.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 6
#define LEN_MAX 24000u          /* past the twelve direct blocks of 1 KiB */
#define PAGE 4096u

static uint64_t chance;
static int dir;
static char bytes[LEN_MAX];
static struct { char name[8]; uint32_t len; int there; } file[FILES];

static uint32_t draw(uint32_t below)
{
	chance = chance * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(chance >> 33) % below;
}

static uint32_t draw8(uint32_t below) { return draw(below / 8 + 1) * 8; }

static void must(int ok, const char *what)
{
	if (ok) return;
	perror(what);
	exit(1);
}

static void bytes_of(int number, uint32_t len)
{
	char one[16];

	snprintf(one, sizeof(one), "%07d\n", number);
	for (uint32_t i = 0; i < len; i += 8) memcpy(bytes + i, one, 8);
}

static int opened(const char *name, int flags)
{
	int fd = openat(dir, name, O_RDWR | flags, 0644);

	must(fd >= 0, name);
	return fd;
}

static void put(int fd, uint32_t off, uint32_t len)
{
	must(pwrite(fd, bytes, len, off) == (ssize_t)len, "pwrite");
}

/* A file of `len` bytes under this name, itself durable. */
static void made(const char *name, uint32_t len, int flags)
{
	int fd = opened(name, O_CREAT | flags);

	put(fd, 0, len);
	must(fsync(fd) == 0 && close(fd) == 0, "fsync");
}

static void mapped(const char *name, uint32_t off, uint32_t len, int flags)
{
	int fd = opened(name, 0);
	uint32_t first = off / PAGE * PAGE;
	char *at = mmap(NULL, off + len - first, PROT_READ | PROT_WRITE, MAP_SHARED, fd, first);

	must(at != MAP_FAILED, "mmap");
	memcpy(at + (off - first), bytes, len);
	must(msync(at, off + len - first, flags) == 0, "msync");
	if (flags == MS_ASYNC) must(fdatasync(fd) == 0, "fdatasync");
	must(munmap(at, off + len - first) == 0 && close(fd) == 0, "munmap");
}

/* ---- the ways: offset and length are of the bytes that change; each is durable when it returns */

struct piece { const char *name; uint32_t off, len; };

static void way_new(const struct piece *p)
{
	made(p->name, p->len, O_EXCL);
	must(fsync(dir) == 0, "fsync of the directory");
}

static void way_msync(const struct piece *p) { mapped(p->name, p->off, p->len, MS_SYNC); }
static void way_async(const struct piece *p) { mapped(p->name, p->off, p->len, MS_ASYNC); }

static void way_write(const struct piece *p)
{
	int fd = opened(p->name, 0);

	put(fd, p->off, p->len);
	must(fdatasync(fd) == 0 && close(fd) == 0, "fdatasync");
}

static void way_osync(const struct piece *p)
{
	int fd = opened(p->name, p->off % 16 ? O_SYNC : O_DSYNC);

	put(fd, p->off, p->len);
	close(fd);
}

static void way_replace(const struct piece *p)
{
	made("tmp", p->len, O_TRUNC);
	must(renameat(dir, "tmp", dir, p->name) == 0 && fsync(dir) == 0, "rename");
}

static void way_unlink(const struct piece *p)
{
	must(unlinkat(dir, p->name, 0) == 0 && fsync(dir) == 0, "unlink");
}

static void way_cut(const struct piece *p)
{
	int fd = opened(p->name, 0);

	must(ftruncate(fd, p->off) == 0 && fsync(fd) == 0 && close(fd) == 0, "ftruncate");
}

enum { NEW, MSYNC, ASYNC, WRITE, GROW, OSYNC, REPLACE, UNLINK, CUT, WAYS };
static const struct { const char *name; void (*fn)(const struct piece *); } ways[WAYS] = {
	{"new", way_new}, {"msync", way_msync}, {"async", way_async}, {"write", way_write}, {"grow", way_write},
	{"osync", way_osync}, {"replace", way_replace}, {"unlink", way_unlink}, {"cut", way_cut},
};

/* ---- one change after the other */

static void change(int number)
{
	int f = (int)draw(FILES);
	uint32_t way = file[f].there ? 1 + draw(WAYS - 1) : NEW, old = file[f].len, off = 0, len = 8 + draw8(LEN_MAX / 2 - 16);

	if (way == GROW && old + len > LEN_MAX) way = CUT;
	if (way == GROW) off = old;
	if (way == MSYNC || way == ASYNC || way == WRITE || way == OSYNC || way == CUT) {
		off = draw8(old - 8);
		if (way == CUT && !off) off = 8;
		len = way == CUT ? 0 : 8 + draw8(old - off - 8);
	}
	printf("%d %s %s %u %u\n", number, ways[way].name, file[f].name, off, len);
	bytes_of(number, len);
	ways[way].fn(&(struct piece){file[f].name, off, len});
	file[f].there = way != UNLINK;
	if (way == GROW) file[f].len = off + len;
	if (way == CUT) file[f].len = off;
	if (way == NEW || way == REPLACE) file[f].len = len;
}

/* What nobody promises anything about keeps metadata moving meanwhile. */
static void noise(int number)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "noise%u", draw(4));
	fd = opened(name, O_CREAT | (draw(2) ? O_TRUNC : O_APPEND));
	bytes_of(number, 3000);
	must(write(fd, bytes, 3000) == 3000 && close(fd) == 0, name);
	if (draw(3) == 0) unlinkat(dir, name, 0);
	snprintf(name, sizeof(name), "d%u", draw(3));
	if (mkdirat(dir, name, 0755)) unlinkat(dir, name, AT_REMOVEDIR);
}

int main(int argc, char **argv)
{
	volatile int *kept;
	int fd, n;

	if (argc != 5) return fputs("usage: promises device directory seed n\n", stderr), 2;
	mkdir(argv[2], 0755);
	must(mount(argv[1], argv[2], "ext2", 0, "") == 0, argv[1]);
	chance = strtoull(argv[3], NULL, 10);
	n = atoi(argv[4]);
	dir = open(argv[2], O_RDONLY | O_DIRECTORY);
	must(dir >= 0, argv[2]);
	made("kept", 512, O_EXCL);
	must(fsync(dir) == 0, "fsync of the directory");
	fd = opened("kept", 0);
	kept = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(kept != MAP_FAILED, "mmap");
	for (int f = 0; f < FILES; f++) snprintf(file[f].name, sizeof(file[f].name), "f%d", f);
	for (int i = 0; i <= n; i++) {
		if (i) change(i);
		*kept = i;
		must(msync((void *)kept, PAGE, MS_SYNC) == 0, "msync");
		if (draw(2)) noise(i);
	}
	must(munmap((void *)kept, PAGE) == 0 && close(fd) == 0 && close(dir) == 0 && umount(argv[2]) == 0, "umount");
	return 0;
}
