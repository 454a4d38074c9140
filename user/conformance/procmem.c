/* SPDX-License-Identifier: MIT */
/* user/conformance/procmem.c - /proc/PID/maps and smaps: what is mapped, dirty, shared.  Runs on Linux too. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "look.h"

/* The line of maps or smaps in text whose range holds the address; it is cut there. */
static char *line_of(uintptr_t va)
{
	unsigned long lo, hi;

	for (char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		if (sscanf(at, "%lx-%lx ", &lo, &hi) == 2 && lo <= va && va < hi) return at;
	}
	return NULL;
}

static int line_has(uintptr_t va, const char *rights, const char *name)
{
	char *line = line_of(va), *end = line ? strchr(line, '\n') : NULL, *gap = line ? strchr(line, ' ') : NULL;
	size_t n = strlen(name);

	return end && gap && strncmp(gap + 1, rights, 4) == 0 && (size_t)(end - line) > n &&
	       memcmp(end - n, name, n) == 0;
}

static void maps(void)
{
	char exe[512] = "", *heap = (char *)syscall(SYS_brk, 0);        /* musl has no sbrk() */
	unsigned long lo, hi, last = 0;
	int fd = open("mapped file", O_RDWR | O_CREAT | O_TRUNC, 0600), ordered = 1, local;
	char *p;

	claim((char *)syscall(SYS_brk, heap + PAGE) == heap + PAGE, "brk");
	heap[0] = 1;
	claim(ftruncate(fd, 3 * PAGE) == 0, "ftruncate");
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE);
	claim(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0, "exe");
	claim(slurp("/proc/self/maps", 1000) > 0, "maps");
	for (char *at = text; *at; at = strchr(at, '\n') + 1) {
		ordered &= sscanf(at, "%lx-%lx ", &lo, &hi) == 2 && last <= lo && lo < hi;
		last = hi;
	}
	claim(ordered, "lines rise and do not overlap");
	claim(line_has((uintptr_t)&maps, "r-xp", exe), "the program's text");
	claim(line_has((uintptr_t)&local, "rw-p", "[stack]"), "[stack]");
	claim(line_has((uintptr_t)heap, "rw-p", "[heap]"), "[heap]");
	claim(line_has((uintptr_t)p, "rw-s", "/mapped file"), "a shared file");
	claim(line_of((uintptr_t)p) && strstr(line_of((uintptr_t)p), " 00001000 ") != NULL, "its offset");
	unlink("mapped file");
	slurp("/proc/self/maps", 4096);
	claim(line_has((uintptr_t)p, "rw-s", "/mapped file (deleted)"), "a file without a name");
	munmap(p, 2 * PAGE);
	close(fd);
}

/* A number of the mapping at va in smaps of pid, in KiB. */
static unsigned long smap(pid_t pid, void *va, const char *name)
{
	char *line, want[64];

	if (slurp_of(pid, "smaps") <= 0 || !(line = line_of((uintptr_t)va))) return ~0ul;
	snprintf(want, sizeof(want), "\n%s:", name);
	line = strstr(line, want);
	return line ? strtoul(line + strlen(want), NULL, 10) : ~0ul;
}

/* Dirty, too: a program that was just built is owed to its disk. */
static unsigned long shared(pid_t pid, void *va)
{
	return smap(pid, va, "Shared_Clean") + smap(pid, va, "Shared_Dirty");
}

static void smaps(void)
{
	char *p = mmap(NULL, 17 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t self = getpid(), c;

	mprotect(p, PAGE, PROT_READ);           /* so that what lies between is a mapping of its own */
	mprotect(p + 16 * PAGE, PAGE, PROT_READ);
	for (int i = 2; i < 7; i++) p[i * PAGE] = 1;
	claim(smap(self, p + PAGE, "Size") == 60 && smap(self, p + PAGE, "Rss") == 20 &&
	              smap(self, p + PAGE, "Pss") == 20,
	      "Rss");
	claim(smap(self, p + PAGE, "Private_Dirty") == 20 && smap(self, p + PAGE, "Anonymous") == 20,
	      "anonymous pages are private");
	c = child_asleep();
	claim(smap(c, p + PAGE, "Shared_Dirty") == 20 && smap(c, p + PAGE, "Pss") == 10, "after fork they are shared");
	p[2 * PAGE] = 2;
	claim(smap(c, p + PAGE, "Shared_Dirty") == 16 && smap(self, p + PAGE, "Private_Dirty") == 4,
	      "a copied page is private again");
	claim(shared(c, (void *)&smaps) >= 4, "text is shared");
	claim(smap(c, (void *)&smaps, "Pss") < smap(c, (void *)&smaps, "Rss"), "and counts in parts");
	claim(slurp_of(c, "smaps_rollup") > 0 && strstr(text, "[rollup]") && value("Rss:", 10) >= 20, "smaps_rollup");
	end(c);
	claim(mlock(p + 3 * PAGE, PAGE) == 0 && smap(self, p + 3 * PAGE, "Locked") == 4, "a locked page");
	munmap(p, 17 * PAGE);
}

/* Two processes that exec'd the same file have its text from one page cache. */
static void shared_text(void)
{
	char *argv[] = {"procmem", "sleep", NULL};
	pid_t c = fork();

	if (c == 0) {
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	for (int i = 0; i < 6000 && (slurp_of(c, "cmdline") != 14 || state_of(c) != 'S'); i++) usleep(10000);
	claim(shared(c, (void *)&shared_text) >= 4, "text of two programs from one file is shared");
	claim(smap(c, (void *)&shared_text, "Anonymous") == 0, "and nobody's own");
	end(c);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/procmem.XXXXXX";

	if (argc > 1 && strcmp(argv[1], "sleep") == 0) return pause();
	(void)argv;
	if (!mkdtemp(folder) || chdir(folder)) return 2;
	maps();
	smaps();
	shared_text();
	if (chdir("/") || rmdir(folder)) return 2;
	return checked();
}
