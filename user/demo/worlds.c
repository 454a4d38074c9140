/* SPDX-License-Identifier: MIT */
/* user/demo/worlds.c - one program, two worlds: does read() see a store, does a mapping see a write()?
 *
 * Run it at the prompt, then again after `make run CMDLINE=vm=split`, and compare.  It passes in both: what POSIX promises
 * is the same, and only the steps that POSIX leaves open differ.  mm/split.c is all that makes the difference.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static int fd, wrong;
static char *map;

static char file_byte(off_t at)
{
	char c = '?';

	if (pread(fd, &c, 1, at) != 1) perror("pread");
	return c;
}

/* What was seen; must: which byte POSIX promises, 0: either. */
static void show(const char *step, char seen, char must)
{
	int ok = !must || seen == must;

	printf("%-58s %c%s\n", step, seen, ok ? "" : "   WRONG");
	wrong += !ok;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void store_then_read(void)
{
	printf("\nA store, looked at with read():\n");
	map[0] = 'B';
	show("  map[0] = 'B'; the mapping says", map[0], 'B');
	show("  read() says", file_byte(0), 0);
	printf("      B: one copy of the page, and read() copies from it (unified)\n"
	       "      a: read() has a copy of its own, which nobody told (split)\n");
	if (msync(map, PAGE, MS_SYNC)) die("msync");
	show("  after msync(MS_SYNC) read() says", file_byte(0), 'B');
}

static void write_then_load(void)
{
	printf("\nA write(), looked at through the mapping:\n");
	if (pwrite(fd, "C", 1, PAGE) != 1) die("pwrite");
	show("  pwrite('C'); read() says", file_byte(PAGE), 'C');
	show("  the mapping says", map[PAGE], 0);
	printf("      C: the same page (unified)      a: the mapping's own copy (split)\n");
	if (msync(map + PAGE, PAGE, MS_INVALIDATE)) die("msync");
	show("  after msync(MS_INVALIDATE) the mapping says", map[PAGE], 'C');
}

/* What a program may not do where the worlds are split: change one page in both ways. */
static void both_ways(void)
{
	char before;

	printf("\nBoth in one page, and then msync:\n");
	map[2 * PAGE] = 'D';
	if (pwrite(fd, "E", 1, 2 * PAGE + 1) != 1) die("pwrite");
	before = file_byte(2 * PAGE + 1);
	if (msync(map + 2 * PAGE, PAGE, MS_SYNC)) die("msync");
	show("  the stored byte, by read()", file_byte(2 * PAGE), 'D');
	show("  the written byte beside it, before msync", before, 'E');
	show("  and after it", file_byte(2 * PAGE + 1), 0);
	printf("      E: nothing can be lost (unified)\n"
	       "      a: msync copied the mapping's whole page over the file's (split).  POSIX mmap leaves it to the\n"
	       "         program to keep the two ways apart; a unified cache makes that unnecessary\n");
}

int main(void)
{
	static char a[3 * PAGE];

	fd = open("worlds.tmp", O_RDWR | O_CREAT | O_TRUNC, 0644);
	memset(a, 'a', sizeof(a));
	if (fd < 0 || write(fd, a, sizeof(a)) != sizeof(a)) die("worlds.tmp");
	map = mmap(NULL, sizeof(a), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) die("mmap");
	if (map[0] != 'a' || map[PAGE] != 'a' || map[2 * PAGE] != 'a') wrong++;         /* all pages are mapped and filled now */

	printf("Three pages of 'a', mapped and read.\n");
	store_then_read();
	write_then_load();
	both_ways();
	unlink("worlds.tmp");
	printf("\n%s\n", wrong ? "a promise of POSIX was broken" : "every promise of POSIX was kept");
	return wrong ? 1 : 0;
}
