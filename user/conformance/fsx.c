/* SPDX-License-Identifier: MIT */
/* user/conformance/fsx.c - random operations on one file by read, write and mappings, against a model in memory
 * (MM10 to MM14, MM20, MM22, MS1, MS11, MS12, MU3, FS3, FT1, FA1); runs on Linux too.
 *
 * Use:   fsx [-s seed] [-n operations] [-l bytes] [-c period] [-t seconds] [-S] [-e] [-v] [-f script] path
 *        -l the file's largest size   -c every so many operations the whole file is compared   -v say each operation
 *        -S split mode, where read() and mappings meet only in msync   -e also store past the end of the file
 *        -t how long a failing list may be shrunk   -f run this list; what a failing run says at its end is one
 * Path:  main > replay > (a child, on a fresh file) run_all > kinds[].run > expect; after a failure main > shrink >
 *        replay
 */
#define _GNU_SOURCE             /* fallocate and its flags */
#include "fsx.h"
#include <time.h>

#define SHOWN 10                /* operations said when one failed, with that one */

static int verbose, shrink_seconds = 60;

/* ---- operations that change no byte */

static void *keep_page(const struct op *o)
{
	return (void *)(keep + (o->off - o->off % page));
}

static size_t keep_part(const struct op *o)
{
	return o->off % page + o->len;
}

static void do_msync(const struct op *o)
{
	must(msync(keep_page(o), keep_part(o), (int)o->arg) == 0, "msync");
}

static void do_fsync(const struct op *o)
{
	(void)o;
	must(fsync(fd) == 0, "fsync");
}

static void do_fdatasync(const struct op *o)
{
	(void)o;
	must(fdatasync(fd) == 0, "fdatasync");
}

static void do_reopen(const struct op *o)
{
	(void)o;
	must(close(fd) == 0, "close");
	fd = open(path, O_RDWR);
	must(fd >= 0, "open");
}

static void do_remap(const struct op *o)
{
	(void)o;
	must(munmap((void *)keep, keep_len) == 0, "munmap of the long-lived mapping");
	keep_map();
}

static void do_dontneed(const struct op *o)
{
	errno = posix_fadvise(fd, o->off, o->len, POSIX_FADV_DONTNEED);
	must(errno == 0, "posix_fadvise");
}

/* The page table forgets the pages, their stores stay. */
static void do_madvise(const struct op *o)
{
	must(madvise(keep_page(o), keep_part(o), MADV_DONTNEED) == 0, "madvise");
}

static void do_protect(const struct op *o)
{
	must(mprotect(keep_page(o), keep_part(o), PROT_READ) == 0, "mprotect to read");
	do_keepread(o);
	must(mprotect(keep_page(o), keep_part(o), PROT_READ | PROT_WRITE) == 0, "mprotect to write");
}

static void do_check(const struct op *o)
{
	struct stat st;

	(void)o;
	must(fstat(fd, &st) == 0, "fstat");
	if ((size_t)st.st_size != size) bad("fsx: the file's size is %lld, not %zu\n", (long long)st.st_size, size);
	expect_file(0, max, "read of the whole file");
	join();
	expect_mapped(keep, 0, size, "long-lived mapping of the whole file");
	do_mapread(&(struct op){.len = size});
}

/* What is drawn for an operation's argument. */
enum arg { NONE, SEED, SOURCE, FLAGS };

static const struct kind {
	const char *name;
	void (*run)(const struct op *o);
	enum arg arg;
	int weight;             /* how often it is drawn; 0: only by scripts, options and the period */
} kinds[] = {
	{"check",     do_check,     NONE,   0},
	{"stain",     do_stain,     SEED,   0},
	{"read",      do_read,      NONE,   6},
	{"pread",     do_pread,     NONE,   6},
	{"write",     do_write,     SEED,   8},
	{"pwrite",    do_pwrite,    SEED,   8},
	{"append",    do_append,    SEED,   3},
	{"truncate",  do_truncate,  NONE,   4},
	{"punch",     do_punch,     NONE,   4},
	{"reserve",   do_reserve,   NONE,   2},
	{"extend",    do_extend,    NONE,   2},
	{"mapread",   do_mapread,   NONE,   8},
	{"mapwrite",  do_mapwrite,  SEED,   8},
	{"keepread",  do_keepread,  NONE,   8},
	{"keepwrite", do_keepwrite, SEED,  10},
	{"forkwrite", do_forkwrite, SEED,   1},
	{"private",   do_private,   SEED,   4},
	{"pastend",   do_pastend,   SEED,   3},
	{"copyout",   do_copyout,   SOURCE, 5},
	{"copyin",    do_copyin,    SOURCE, 4},
	{"msync",     do_msync,     FLAGS, 10},
	{"fsync",     do_fsync,     NONE,   1},
	{"fdatasync", do_fdatasync, NONE,   1},
	{"reopen",    do_reopen,    NONE,   3},
	{"remap",     do_remap,     NONE,   2},
	{"dontneed",  do_dontneed,  NONE,   3},
	{"madvise",   do_madvise,   NONE,   3},
	{"protect",   do_protect,   NONE,   2},
};
enum { CHECK, STAIN, NKINDS = sizeof(kinds) / sizeof(*kinds) };        /* the first two by name */

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "fsx: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- drawing operations */

static uint64_t draw_state;

/* xorshift64: the same list for the same seed, whatever the C library. */
static size_t draw(size_t below)
{
	draw_state ^= draw_state << 13;
	draw_state ^= draw_state >> 7;
	draw_state ^= draw_state << 17;
	return (draw_state >> 11) % below;
}

/* Page boundaries, and the bytes around them, are where files go wrong. */
static size_t draw_offset(void)
{
	size_t off = draw(max + 1), edge = off - off % page;

	switch (draw(5)) {
	case 0:  return edge;
	case 1:  return edge ? edge - 1 - draw(16) : draw(16);
	case 2:  return draw(MIN(4 * page, max));
	default: return off;
	}
}

static size_t draw_length(void)
{
	switch (draw(5)) {
	case 0:  return 1 + draw(16);
	case 1:  return page * (1 + draw(3));
	case 2:  return 1 + draw(max / 4 + 1);
	default: return 1 + draw(3 * page);
	}
}

static struct op draw_op(int with_stain)
{
	static const int flags[] = {
		MS_SYNC, MS_ASYNC, MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, MS_ASYNC | MS_INVALIDATE, 0
	};
	struct op o = {.kind = STAIN};
	size_t len;
	int total = with_stain ? 4 : 0, at;

	o.off = draw_offset();
	len = draw_length();
	o.len = MIN(len, max - o.off);
	for (int i = 0; i < NKINDS; i++) total += kinds[i].weight;
	at = draw(total);
	for (int i = 0; i < NKINDS; i++) {
		if (at >= 0 && at < kinds[i].weight) o.kind = i;
		at -= kinds[i].weight;
	}
	switch (kinds[o.kind].arg) {
	case NONE:   break;
	case SEED:   o.arg = draw(65536); break;
	case SOURCE: o.arg = draw_offset(); break;
	case FLAGS:  o.arg = flags[draw(sizeof(flags) / sizeof(*flags))]; break;
	}
	return o;
}

/* A list of n operations, and a check after each period of them and at the end; *made is its length. */
static struct op *draw_list(int n, int period, int with_stain, int *made)
{
	struct op *list = calloc(n + n / period + 1, sizeof(*list));

	*made = 0;
	if (!list) die("calloc");
	for (int i = 0; i < n; i++) {
		list[(*made)++] = draw_op(with_stain);
		if (i % period == period - 1) list[(*made)++].kind = CHECK;
	}
	list[(*made)++].kind = CHECK;
	return list;
}

/* ---- lists as text: name offset length argument */

static void say_op(const struct op *o)
{
	printf("%s %zu %zu %zu\n", kinds[o->kind].name, o->off, o->len, o->arg);
}

static int parse_op(const char *line, struct op *o)
{
	char name[16];

	o->off = o->len = o->arg = 0;
	if (sscanf(line, "%15s %zu %zu %zu", name, &o->off, &o->len, &o->arg) < 1) return 0;
	for (o->kind = 0; o->kind < NKINDS && strcmp(kinds[o->kind].name, name); o->kind++) continue;
	return o->kind < NKINDS && o->off <= max && o->len <= max - o->off &&
	       (kinds[o->kind].arg != SOURCE || o->arg <= max);
}

static struct op *read_script(const char *file, int *made)
{
	FILE *f = fopen(file, "r");
	struct op *list = NULL;
	char line[128];
	int n = 0, more;

	if (!f) die(file);
	do {
		list = realloc(list, (n + 1) * sizeof(*list));
		if (!list) die("realloc");
		more = fgets(line, sizeof(line), f) != NULL;
		if (!more || line[0] == '#' || line[0] == '\n') continue;
		if (!parse_op(line, &list[n++])) {
			fprintf(stderr, "fsx: no operation within %zu bytes: %s", max, line);
			exit(2);
		}
	} while (more);
	fclose(f);
	list[n] = (struct op){.kind = CHECK};
	*made = n + 1;
	return list;
}

/* ---- running a list */

__attribute__((noreturn)) static void run_all(const struct op *list, int n)
{
	struct sigaction act = {.sa_handler = handle_bus};

	sigaction(SIGBUS, &act, NULL);
	model = calloc(1, keep_len);
	buf = malloc(keep_len);
	must(model && buf, "malloc");
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	must(fd >= 0, path);
	keep_map();
	for (int i = 0; i < n; i++) {
		told->at = i;
		if (verbose && !quiet) say_op(&list[i]), fflush(stdout);
		kinds[list[i].kind].run(&list[i]);
	}
	_exit(0);
}

/* replay: run the list in a child, on a fresh file, for a failure may be the child's death.
 * => the index of the operation that failed, or -1
 */
static int replay(const struct op *list, int n)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	told->at = 0;
	pid = fork();
	if (pid < 0) die("fork");
	if (pid == 0) run_all(list, n);
	if (waitpid(pid, &status, 0) != pid) die("waitpid");
	if (status == 0) return -1;
	if (!quiet && WIFSIGNALED(status)) printf("fsx: killed by signal %d\n", WTERMSIG(status));
	return told->at;
}

/* shrink: leave out ever smaller pieces of the list for as long as what remains fails; the length that remains. */
static int shrink(struct op *list, int n)
{
	struct op *rest = calloc(n, sizeof(*rest));
	time_t end = time(NULL) + shrink_seconds;
	int piece = (n + 1) / 2, removed = 0;

	if (!rest) die("calloc");
	while (piece > 0 && time(NULL) < end) {
		removed = 0;
		for (int at = 0; at < n && time(NULL) < end;) {
			int len = MIN(piece, n - at), failed;

			memcpy(rest, list, at * sizeof(*rest));
			memcpy(rest + at, list + at + len, (n - at - len) * sizeof(*rest));
			failed = replay(rest, n - len);
			if (failed < 0) {
				at += len;
				continue;
			}
			n = failed + 1;
			memcpy(list, rest, n * sizeof(*rest));
			removed = 1;
		}
		if (piece > 1 || !removed) piece /= 2;  /* one at a time until none can go */
	}
	free(rest);
	return n;
}

static int report_failure(struct op *list, int failed)
{
	int n = failed + 1;

	printf("fsx: operation %d failed; the last ones:\n", failed);
	for (int i = n > SHOWN ? n - SHOWN : 0; i < n; i++) say_op(&list[i]);
	quiet = 1;
	if (replay(list, n) < 0) {
		printf("fsx: FAILED, and not when run again: it depends on time\n");
		return 1;
	}
	n = shrink(list, n);
	printf("fsx: FAILED, still with these %d operations:\n", n);
	for (int i = 0; i < n; i++) say_op(&list[i]);
	quiet = 0;
	replay(list, n);
	return 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: fsx [-s seed] [-n operations] [-l bytes] [-c period] [-t seconds] [-S] [-e] [-v] "
			"[-f script] path\n");
	return 2;
}

int main(int argc, char **argv)
{
	int n = 1000, period = 100, with_stain = 0, c, made, failed;
	const char *script = NULL;
	unsigned long seed = 1;
	struct op *list;

	while ((c = getopt(argc, argv, "s:n:l:c:t:f:Sev")) != -1) {
		switch (c) {
		case 's': seed = strtoul(optarg, NULL, 0); break;
		case 'n': n = atoi(optarg); break;
		case 'l': max = strtoul(optarg, NULL, 0); break;
		case 'c': period = atoi(optarg); break;
		case 't': shrink_seconds = atoi(optarg); break;
		case 'f': script = optarg; break;
		case 'S': split = 1; break;
		case 'e': with_stain = 1; break;
		case 'v': verbose = 1; break;
		default:  return usage();
		}
	}
	page = sysconf(_SC_PAGESIZE);
	if (optind != argc - 1 || n < 0 || period < 1 || max < page) return usage();
	path = argv[optind];
	keep_len = (max + page - 1) / page * page + page;
	told = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED) die("mmap");
	draw_state = seed * 0x9e3779b97f4a7c15u | 1;
	list = script ? read_script(script, &made) : draw_list(n, period, with_stain, &made);
	failed = replay(list, made);
	if (failed >= 0) return report_failure(list, failed);
	if (script)
		printf("fsx: %d operations of %s: ok", made - 1, script);
	else
		printf("fsx: %d operations, seed %lu: ok", n, seed);
	if (told->no_punch) printf(", without holes punched");
	if (told->no_allocate) printf(", without fallocate");
	printf("\n");
	return 0;
}
