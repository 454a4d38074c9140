/* SPDX-License-Identifier: MIT */
/* user/posix/main.c - runs the conformance tests: all of them, or those whose name or assertion is given.
 *
 *      posix [-d directory] [-l] [name or assertion ...]      -l lists them and runs nothing
 *
 * The output is TAP: `ok 7 MS4 sync_with_async_is_refused`; a failed one is `not ok`, with what failed before it in
 * lines that begin with `#`.  Status 0: none failed and at least one ran.
 */
#include <dirent.h>

#include "posix.h"

extern const struct test *const __start_tests[], *const __stop_tests[];

#define TIME_LIMIT 60
enum { OK = 0, NOT_OK = 1, SKIPPED = 77 };

static bool split;

bool split_world(void)
{
	return split;
}

/* A store through a mapping, and what read() says: the definition of the two worlds. */
static void find_world(void)
{
	int fd = open("world", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char c = 0, *p;

	if (fd < 0 || ftruncate(fd, PAGE)) return;
	if (pread(fd, &c, 1, 0) != 1) return;
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) return;
	p[0] = 1;
	split = pread(fd, &c, 1, 0) == 1 && c != 1;
	munmap(p, PAGE);
	close(fd);
	unlink("world");
}

/* Remove a directory and what is in it. */
static void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[512];

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (unlink(name) && (errno == EISDIR || errno == EPERM)) remove_tree(name);
	}
	if (d) closedir(d);
	rmdir(path);
}

static int run_one(const struct test *t)
{
	char dir[64];
	pid_t pid;
	int st;

	snprintf(dir, sizeof(dir), "posix.%d", getpid());
	remove_tree(dir);
	if (mkdir(dir, 0700)) {
		printf("# mkdir %s: %s\n", dir, strerror(errno));
		return NOT_OK;
	}
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		printf("# fork: %s\n", strerror(errno));
		return NOT_OK;
	}
	if (pid == 0) {
		if (chdir(dir)) _exit(NOT_OK);
		alarm(TIME_LIMIT);
		t->run();
		exit(expect_(true, "", "", 0, false) ? OK : NOT_OK);
	}
	waitpid(pid, &st, 0);
	remove_tree(dir);
	if (WIFEXITED(st) && (WEXITSTATUS(st) == OK || WEXITSTATUS(st) == SKIPPED)) return WEXITSTATUS(st);
	if (WIFSIGNALED(st))
		printf("# ended by signal %d%s\n", WTERMSIG(st), WTERMSIG(st) == SIGALRM ? ": it took too long" : "");
	return NOT_OK;
}

static bool wanted(const struct test *t, char **names, int n)
{
	for (int i = 0; i < n; i++) {
		if (!strcmp(t->name, names[i]) || !strcmp(t->id, names[i])) return true;
	}
	return n == 0;
}

int main(int argc, char **argv)
{
	static const char *const word[] = {[OK] = "ok", [NOT_OK] = "not ok", [SKIPPED] = "ok"};
	int ran = 0, failed = 0, skipped = 0, c;
	bool list = false;

	while ((c = getopt(argc, argv, "d:l")) != -1) {
		if (c == 'l') list = true;
		else if (c != 'd' || chdir(optarg)) return fprintf(stderr, "posix: bad argument\n"), 2;
	}
	if (!list) {
		find_world();
		printf("# world: %s\n", split ? "split" : "unified");
	}
	for (const struct test *const *t = __start_tests; t < __stop_tests; t++) {
		int result;

		if (!wanted(*t, argv + optind, argc - optind)) continue;
		ran++;
		if (list) {
			printf("%s %s\n", (*t)->id, (*t)->name);
			continue;
		}
		result = run_one(*t);
		failed += result == NOT_OK;
		skipped += result == SKIPPED;
		printf("%s %d %s %s%s\n", word[result], ran, (*t)->id, (*t)->name, result == SKIPPED ? " # SKIP" : "");
		fflush(stdout);
	}
	if (!list) printf("1..%d\n# %d passed, %d failed, %d skipped\n", ran, ran - failed - skipped, failed, skipped);
	return failed || !ran;
}
