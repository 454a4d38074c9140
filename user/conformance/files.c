/* SPDX-License-Identifier: MIT */
/* user/conformance/files.c - names and files as POSIX says: each check on a line, "ok" or "not ok"; runs on Linux
 * too. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failed, checks;

static void check(int ok, const char *what)
{
	checks++;
	if (ok) return;
	failed++;
	printf("not ok: %s (errno %s)\n", what, strerror(errno));
}
#define OK(expr) check((expr), #expr)
#define FAILS(expr, err) (errno = 0, check((expr) == -1 && errno == (err), #expr " fails with " #err))

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0) close(fd);
	return ok;
}

static int holds(const char *path, const char *text)
{
	char buf[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (fd >= 0) close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(buf, text, n);
}

static long links(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : (long)st.st_nlink;
}

/* RENAME_EXCHANGE is tmpfs's; ext2 has none, on Linux neither. */
static void exchange(void)
{
	struct statfs s;

	OK(statfs(".", &s) == 0 && put("x1", "one") && put("x2", "two"));
	if (s.f_type == 0x01021994)
		OK(syscall(SYS_renameat2, AT_FDCWD, "x1", AT_FDCWD, "x2", 2) == 0 && holds("x1", "two"));
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "x1", AT_FDCWD, "none", 2), ENOENT);
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "x1", AT_FDCWD, "x2", 3), EINVAL);
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "x1", AT_FDCWD, "x2", 1), EEXIST);
	OK(unlink("x1") == 0 && unlink("x2") == 0);
}

static void names(void)
{
	struct stat a, b;
	char target[64] = "";

	OK(mkdir("d", 0755) == 0);
	FAILS(mkdir("d", 0755), EEXIST);
	OK(put("d/f", "one"));
	OK(holds("d/f", "one"));
	FAILS(open("d/f", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	FAILS(open("d/none", O_RDONLY), ENOENT);
	FAILS(open("d/f/x", O_RDONLY), ENOTDIR);
	FAILS(open("d", O_WRONLY), EISDIR);
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(unlink("d"), EISDIR);
	OK(link("d/f", "g") == 0 && links("g") == 2);
	OK(stat("d/f", &a) == 0 && stat("g", &b) == 0 && a.st_ino == b.st_ino);
	OK(symlink("d/f", "s") == 0 && holds("s", "one"));
	OK(readlink("s", target, sizeof(target)) == 3 && !strcmp(target, "d/f"));
	OK(symlink("loop", "loop") == 0);
	FAILS(open("loop", O_RDONLY), ELOOP);
	OK(unlink("d/f") == 0 && holds("g", "one") && links("g") == 1);
	exchange();
	FAILS(open("s", O_RDONLY), ENOENT);
	OK(unlink("s") == 0 && unlink("loop") == 0 && unlink("g") == 0 && rmdir("d") == 0);
}

static void renames(void)
{
	OK(mkdir("r", 0755) == 0 && mkdir("r/a", 0755) == 0 && mkdir("r/b", 0755) == 0);
	OK(put("r/f", "f") && put("r/g", "g"));
	OK(rename("r/f", "r/g") == 0 && holds("r/g", "f"));
	FAILS(open("r/f", O_RDONLY), ENOENT);
	OK(rename("r/g", "r/a/h") == 0 && holds("r/a/h", "f"));
	FAILS(rename("r/b", "r/a"), ENOTEMPTY);
	FAILS(rename("r/a/h", "r/b"), EISDIR);
	FAILS(rename("r/b", "r/a/h"), ENOTDIR);
	FAILS(rename("r", "r/a/inside"), EINVAL);
	OK(rename("r/a", "r/b") == 0 && holds("r/b/h", "f"));
	OK(links("r") == 3);
	OK(mkdir("r/c", 0755) == 0 && rename("r/b", "r/c/b") == 0 && holds("r/c/b/../b/h", "f") && links("r") == 3);
	OK(unlink("r/c/b/h") == 0 && rmdir("r/c/b") == 0 && rmdir("r/c") == 0 && rmdir("r") == 0);
}

static void big_directory(void)
{
	char name[64];
	int n = 0, fd, i, seen = 0;
	struct dirent *e;
	DIR *d;

	OK(mkdir("many", 0755) == 0 && chdir("many") == 0);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "file-with-a-rather-long-name-%04d", i);
		fd = open(name, O_WRONLY | O_CREAT, 0644);
		if (fd >= 0) n++;
		close(fd);
	}
	OK(n == 300);
	for (i = 0; i < 300; i += 2) {
		snprintf(name, sizeof(name), "file-with-a-rather-long-name-%04d", i);
		if (unlink(name) == 0) n--;
	}
	d = opendir(".");
	while (d && (e = readdir(d))) seen += e->d_name[0] == 'f';
	if (d) closedir(d);
	OK(n == 150 && seen == 150);
	for (i = 1; i < 300; i += 2) {
		snprintf(name, sizeof(name), "file-with-a-rather-long-name-%04d", i);
		unlink(name);
	}
	OK(chdir("..") == 0 && rmdir("many") == 0);
	memset(name, 'x', sizeof(name));
	char longest[300];
	memset(longest, 'y', sizeof(longest));
	longest[255] = 0;
	OK(put(longest, "z") && unlink(longest) == 0);
	longest[255] = 'y';
	longest[256] = 0;
	FAILS(open(longest, O_RDONLY), ENAMETOOLONG);
}

/* Direct, indirect, double and triple indirect blocks, with holes between. */
static void sparse(void)
{
	static const off_t at[] = {0, 11 * 1024, 13 * 1024, 300 * 1024, 5 << 20, 70 << 20, 1100ll << 20, 5000ll << 20};
	int fd = open("sparse", O_RDWR | O_CREAT | O_TRUNC, 0644), good = 1;
	struct stat st;
	char buf[16];

	OK(fd >= 0);
	for (unsigned i = 0; i < sizeof(at) / sizeof(*at); i++) {
		snprintf(buf, sizeof(buf), "at %u", i);
		good &= pwrite(fd, buf, sizeof(buf), at[i]) == sizeof(buf);
	}
	OK(good && fsync(fd) == 0);
	OK(fstat(fd, &st) == 0 && st.st_size == at[7] + 16 && st.st_blocks < 1000);
	for (unsigned i = 0; i < sizeof(at) / sizeof(*at); i++) {
		char want[16];

		snprintf(want, sizeof(want), "at %u", i);
		good &= pread(fd, buf, sizeof(buf), at[i]) == sizeof(buf) && !strcmp(buf, want);
	}
	OK(good);
	OK(pread(fd, buf, 8, 2 << 20) == 8 && !memcmp(buf, "\0\0\0\0\0\0\0\0", 8));
	OK(ftruncate(fd, 300 * 1024 + 2) == 0 && pread(fd, buf, 16, 300 * 1024) == 2 && !memcmp(buf, "at", 2));
	OK(ftruncate(fd, 301 * 1024) == 0 && pread(fd, buf, 8, 300 * 1024) == 8 && !memcmp(buf, "at\0\0\0\0\0\0", 8));
	OK(close(fd) == 0 && unlink("sparse") == 0);
}

static void unlinked_but_open(void)
{
	int fd = open("gone", O_RDWR | O_CREAT, 0644);
	struct stat st;
	char c = 0;

	OK(fd >= 0 && unlink("gone") == 0 && write(fd, "x", 1) == 1);
	OK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 1);
	OK(pread(fd, &c, 1, 0) == 1 && c == 'x' && close(fd) == 0);
	FAILS(open("gone", O_RDONLY), ENOENT);
}

static void attributes(void)
{
	struct timespec t[2] = {{1000000000, 0}, {1100000000, 0}};
	struct stat st;
	int fd;

	OK(put("attr", "12345") && chmod("attr", 0640) == 0 && stat("attr", &st) == 0 && (st.st_mode & 07777) == 0640);
	OK(utimensat(AT_FDCWD, "attr", t, 0) == 0 && stat("attr", &st) == 0 && st.st_mtime == 1100000000 &&
	   st.st_atime == 1000000000);
	fd = open("attr", O_WRONLY | O_APPEND);
	OK(fd >= 0 && write(fd, "6", 1) == 1 && fstat(fd, &st) == 0 && st.st_size == 6 && st.st_mtime > 1100000000);
	OK(lseek(fd, 0, SEEK_CUR) == 6 && ftruncate(fd, 2) == 0 && lseek(fd, 0, SEEK_CUR) == 6 && close(fd) == 0);
	OK(truncate("attr", 3) == 0 && stat("attr", &st) == 0 && st.st_size == 3 && unlink("attr") == 0);
	FAILS(truncate("attr", 3), ENOENT);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "files.dir";

	if ((mkdir(dir, 0755) && errno != EEXIST) || chdir(dir)) return perror(dir), 1;
	names();
	renames();
	big_directory();
	sparse();
	unlinked_but_open();
	attributes();
	printf("%d checks, %d failed\n", checks, failed);
	return failed != 0;
}
