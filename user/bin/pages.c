/* SPDX-License-Identifier: MIT */
/* user/bin/pages.c - pages FILE...: which pages of a file are in memory, which of them are owed to the disk, and which
 * others have mapped; pages PID: the same of a process, by mapping.
 *
 * A file's page is a letter: `.` not in memory, `c` clean, `d` dirty, and `C`, `D` if some process has mapped it.
 * It asks mincore(), then maps each page in memory by itself and reads what smaps says of that mapping.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE  4096ul
#define CHUNK 1024ul            /* pages looked at together: a mapping each */
#define LINE  64

struct mapping { unsigned long start, size, rss, pss, shared, dirty; char name[256]; };

/* Each mapping of smaps in turn; 0: no more. */
static int next_mapping(FILE *f, struct mapping *m)
{
	char line[4400], word[64];
	unsigned long v, start, end;            /* "AnonHugePages" begins with a number, too */
	int at = 0, last = 0;

	while (!last && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &start, &end, &at) == 2) {
			line[strcspn(line, "\n")] = 0;
			m->start = start;
			snprintf(m->name, sizeof(m->name), "%s", line + at);
			m->size = m->rss = m->pss = m->shared = m->dirty = 0;
			continue;
		}
		if (sscanf(line, "%63[^:]: %lu", word, &v) != 2) last = strncmp(line, "VmFlags", 7) == 0;
		else if (!strcmp(word, "Size")) m->size = v;
		else if (!strcmp(word, "Rss")) m->rss = v;
		else if (!strcmp(word, "Pss")) m->pss = v;
		else if (!strncmp(word, "Shared_", 7)) m->shared += v;
		if (strstr(line, "_Dirty:") && !strstr(line, "Pss")) m->dirty += v;
	}
	return last;
}

/* ---- of a process */

static int show_process(const char *pid)
{
	struct mapping m, sum = {0};
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/smaps", pid);
	f = fopen(path, "r");
	if (!f) return perror(path), 1;
	printf("%8s %8s %8s %8s %8s  KiB\n", "size", "resident", "part", "shared", "dirty");
	while (next_mapping(f, &m)) {
		printf("%8lu %8lu %8lu %8lu %8lu  %s\n", m.size, m.rss, m.pss, m.shared, m.dirty, m.name);
		sum.size += m.size, sum.rss += m.rss, sum.pss += m.pss, sum.shared += m.shared, sum.dirty += m.dirty;
	}
	printf("%8lu %8lu %8lu %8lu %8lu  all\n", sum.size, sum.rss, sum.pss, sum.shared, sum.dirty);
	fclose(f);
	return 0;
}

/* ---- of a file */

struct total { unsigned long resident, dirty, mapped; };

/* What smaps says of the pages at base that are in memory, each of which has a mapping of its own. */
static void judge(char *base, unsigned long n, char *state, struct total *t)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	struct mapping m;

	while (f && next_mapping(f, &m)) {
		unsigned long i = (m.start - (uintptr_t)base) / PAGE;

		if (m.start < (uintptr_t)base || i >= n || state[i] == '.' || !m.rss) continue;
		state[i] = m.dirty ? m.shared ? 'D' : 'd' : m.shared ? 'C' : 'c';
		t->dirty += m.dirty != 0;
		t->mapped += m.shared != 0;
	}
	if (f) fclose(f);
}

/* Pages [first, first + n) as letters. */
static int look(int fd, unsigned long first, unsigned long n, char *state, struct total *t)
{
	char *base = mmap(NULL, n * PAGE, PROT_READ, MAP_SHARED, fd, first * PAGE);
	unsigned char in[CHUNK];

	if (base == MAP_FAILED || mincore(base, n * PAGE, in)) return -1;
	for (unsigned long i = 0; i < n; i++) {
		state[i] = in[i] & 1 ? 'c' : '.';
		if (!(in[i] & 1)) continue;
		t->resident++;
		/* other rights than its neighbour has: then the two stay two mappings */
		mmap(base + i * PAGE, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd,
		     (first + i) * PAGE);
		(void)*(volatile char *)(base + i * PAGE);
	}
	judge(base, n, state, t);
	return munmap(base, n * PAGE);
}

static int show_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct total t = {0};
	struct stat st;
	char state[CHUNK];
	unsigned long pages, n;

	if (fd < 0 || fstat(fd, &st)) return perror(path), 1;
	pages = ((unsigned long)st.st_size + PAGE - 1) / PAGE;
	for (unsigned long first = 0; first < pages; first += n) {
		n = pages - first < CHUNK ? pages - first : CHUNK;
		if (look(fd, first, n, state, &t)) return perror(path), 1;
		for (unsigned long i = 0; i < n; i += LINE)
			printf("%8lu  %.*s\n", first + i, (int)(n - i < LINE ? n - i : LINE), state + i);
	}
	printf("%s: %lu pages, %lu in memory, %lu dirty, %lu mapped\n", path, pages, t.resident, t.dirty, t.mapped);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc < 2) return fprintf(stderr, "pages FILE... | PID\n"), 2;
	for (int i = 1; i < argc; i++) {
		if (strspn(argv[i], "0123456789") == strlen(argv[i])) failed |= show_process(argv[i]);
		else failed |= show_file(argv[i]);
	}
	return failed;
}
