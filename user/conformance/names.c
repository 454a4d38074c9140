/* SPDX-License-Identifier: MIT */
/* user/conformance/names.c - calls about names that a server gets as they are (fs/call.c): paths in all kinds
 * of memory, and directories that other threads change meanwhile.  Runs on Linux too.  (musl has a way around EBADF.)
 *   names DIR      the checks, with files in DIR
 */
#include "check.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PAGE 4096
#define HIGH 100                        /* a descriptor that no open() gives here */

static int turns;
static volatile int over;               /* the thread that disturbs may end */

/* A page, and none behind it. */
static char *page_at_the_edge(int fd)
{
	char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd,
	                0);

	check(at != MAP_FAILED && munmap(at + PAGE, PAGE) == 0);
	return at;
}

static void paths_in_memory(void)
{
	char *edge = page_at_the_edge(-1), *from_disk;
	int fd = open("text", O_RDWR | O_CREAT | O_TRUNC, 0600);

	memset(edge, 'x', PAGE);
	strcpy(edge + PAGE - 5, "made");
	check(mkdir(edge + PAGE - 5, 0755) == 0 && access("made", F_OK) == 0);
	memcpy(edge + PAGE - 4, "made", 4);
	check_error(rmdir(edge + PAGE - 4), EFAULT);    /* a text without an end */
	check_error(rmdir((char *)-4096l), EFAULT);
	check_error(rmdir((char *)8), EFAULT);
	check_error(rmdir(""), ENOENT);

	check(ftruncate(fd, PAGE) == 0 && pwrite(fd, "made", 5, 300) == 5 && fsync(fd) == 0);
	check(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	from_disk = page_at_the_edge(fd);
	check(rmdir(from_disk + 300) == 0);
	check_error(access("made", F_OK), ENOENT);
	munmap(from_disk, PAGE);
	munmap(edge, PAGE);
	close(fd);
}

/* x86-64: what may be written may be read; so may what a program never touched. */
static void paths_in_memory_to_be_written(void)
{
	char *edge = page_at_the_edge(-1), *file;
	int fd = open("text", O_RDWR);

	for (int i = 0; i < 100; i++) strcat(edge, "./");
	check(pwrite(fd, edge, PAGE, 0) == PAGE && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	check(mprotect(edge, PAGE, PROT_WRITE) == 0 && access(edge, F_OK) == 0);
	file = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0);
	check(access(file, F_OK) == 0 && *(volatile char *)(file + 400) == 0);
	check(mprotect(edge, PAGE, PROT_NONE) == 0);
	check_error(access(edge, F_OK), EFAULT);
	munmap(edge, PAGE), munmap(file, PAGE), close(fd);
}

static void lengths_of_paths(void)
{
	static char path[PATH_MAX + 1];

	for (int i = 0; i < PATH_MAX; i++) path[i] = i % 2 ? '.' : '/';
	path[PATH_MAX - 1] = 0;
	check(access(path, F_OK) == 0);                 /* PATH_MAX bytes with the NUL */
	path[PATH_MAX - 1] = '/';
	check_error(access(path, F_OK), ENAMETOOLONG);
	check_error(rename("text", path), ENAMETOOLONG);
	check_error(symlink(path, "link"), ENAMETOOLONG);
}

static void answers_in_memory(void)
{
	char *edge = page_at_the_edge(-1);
	struct statfs s;

	check(symlink("text", "link") == 0);
	check(readlink("link", edge + PAGE - 4, 4) == 4 && !memcmp(edge + PAGE - 4, "text", 4));
	check(readlink("link", edge + PAGE - 4, 5) == 4);       /* as long as the text is, not the room for it */
	check_error(readlink("link", edge + PAGE - 3, 4), EFAULT);
	check_error(syscall(SYS_getcwd, edge + PAGE - 1, PAGE), EFAULT);
	check_error(syscall(SYS_getcwd, edge, 1), ERANGE);
	check_error(syscall(SYS_statfs, ".", edge + PAGE - 8), EFAULT);
	check(mprotect(edge, PAGE, PROT_READ) == 0);
	check_error(readlink("link", edge, 4), EFAULT);
	check(statfs(".", &s) == 0 && unlink("link") == 0);
	munmap(edge, PAGE);
}

/* The structure goes to memory that nobody touched, to a page of a file, and to none. */
static void stat_in_memory(void)
{
	int fd = open("text", O_RDWR), to[2];
	char *edge = page_at_the_edge(-1), *file = page_at_the_edge(fd);
	struct stat *last = (struct stat *)(edge + PAGE - sizeof(*last)), *in_file = (struct stat *)file, here;
	char path[200] = "./";

	for (int i = 0; i < 60; i++) strcat(path, "./");
	strcat(path, "text");                           /* longer than what a message has room for */
	check(syscall(SYS_stat, path, last) == 0 && last->st_size == PAGE && S_ISREG(last->st_mode));
	check(syscall(SYS_stat, "text", in_file) == 0 && in_file->st_ino == last->st_ino);
	check(pread(fd, &here, sizeof(here), 0) == sizeof(here) && here.st_ino == last->st_ino);
	check_error(syscall(SYS_stat, "text", edge + PAGE - 8), EFAULT);
	check_error(syscall(SYS_fstat, fd, 8), EFAULT);
	check_error(syscall(SYS_stat, edge + PAGE, &here), EFAULT);
	check_error(syscall(SYS_fstat, HIGH, &here), EBADF);
	check_error(syscall(SYS_fstat, -1, &here), EBADF);
	check_error(syscall(SYS_newfstatat, fd, "x", &here, 0), ENOTDIR);
	check_error(syscall(SYS_newfstatat, fd, "", &here, 0), ENOENT);
	check_error(syscall(SYS_newfstatat, fd, "", &here, 0x10000), EINVAL);
	check(syscall(SYS_newfstatat, fd, "", &here, AT_EMPTY_PATH) == 0 && here.st_ino == last->st_ino);
	check(syscall(SYS_newfstatat, HIGH, "/", &here, 0) == 0 && S_ISDIR(here.st_mode));
	check(syscall(SYS_newfstatat, AT_FDCWD, "", &here, AT_EMPTY_PATH) == 0 && S_ISDIR(here.st_mode));
	check(pipe(to) == 0 && fstat(to[0], &here) == 0 && S_ISFIFO(here.st_mode) && here.st_nlink == 1);
	check(mprotect(edge, PAGE, PROT_READ) == 0);
	check_error(syscall(SYS_stat, "text", edge), EFAULT);
	munmap(edge, PAGE), munmap(file, PAGE), close(fd), close(to[0]), close(to[1]);
}

static void descriptors(void)
{
	int file = open("text", O_RDWR), path = open("text", O_PATH), dir = open(".", O_RDONLY), to[2];
	struct statfs s;

	check(file >= 0 && path >= 0 && dir >= 0 && pipe(to) == 0);
	check(fchmod(file, 0640) == 0 && faccessat(dir, "text", R_OK, 0) == 0);
	check_error(syscall(SYS_fchmod, path, 0600), EBADF);
	check_error(syscall(SYS_utimensat, path, NULL, NULL, 0), EBADF);
	check_error(syscall(SYS_fchmod, -1, 0600), EBADF);
	check_error(syscall(SYS_fchmod, HIGH, 0600), EBADF);
	check_error(syscall(SYS_fchmod, AT_FDCWD, 0600), EBADF);
	check_error(mkdirat(file, "x", 0755), ENOTDIR);
	check_error(mkdirat(to[0], "x", 0755), ENOTDIR);
	check_error(mkdirat(HIGH, "x", 0755), EBADF);
	check_error(mkdirat(HIGH, "", 0755), ENOENT);
	check_error(linkat(HIGH, "text", dir, "", 0), EBADF);
	check_error(mkdirat(HIGH, "/", 0755), EEXIST);  /* which asks no descriptor */
	check(fstatfs(to[0], &s) == 0 && s.f_type == 0x50495045);
	check(fstatfs(path, &s) == 0);
	close(file), close(path), close(dir), close(to[0]), close(to[1]);
}

/* ---- meanwhile */

static void *change_directory(void *arg)
{
	for (int i = 0; !over; i++)
		if (chdir(i % 2 ? "../a" : "../b")) return "chdir";
	return arg;
}

/* Another open file there each time; the one before has gone then. */
static void *change_descriptor(void *arg)
{
	for (int i = 0; !over; i++) {
		int fd = open(i % 2 ? "../a" : "../b", O_RDONLY | O_DIRECTORY);

		if (fd < 0 || dup2(fd, HIGH) != HIGH || close(fd)) return "dup2";
	}
	return arg;
}

/* Not there half of the time, and then it is no directory. */
static void *close_descriptor(void *arg)
{
	for (int i = 0; !over; i++) {
		int fd = open(i % 2 ? "mine" : "others", O_RDWR);

		if (fd < 0 || (i % 2 && dup2(fd, HIGH) != HIGH) || close(fd)) return "open";
		close(HIGH);
	}
	return arg;
}

static pthread_t begin(void *(*fn)(void *))
{
	pthread_t t;

	over = 0;
	check(pthread_create(&t, NULL, fn, NULL) == 0);
	return t;
}

static void end(pthread_t t)
{
	void *why = "join";

	over = 1;
	check(pthread_join(t, &why) == 0 && why == NULL);
}

static void a_descriptor_that_changes_is_one_of_both(void)
{
	int wrong = 0;
	pthread_t t;

	check(dup2(open("../a", O_RDONLY | O_DIRECTORY), HIGH) == HIGH);
	t = begin(change_descriptor);
	for (int i = 0; i < turns && !wrong; i++) wrong = faccessat(HIGH, "same", F_OK, 0) ? errno : 0;
	end(t);
	check(wrong == 0);
	close(HIGH);
}

/* And never of another file, whatever its number was. */
static void a_descriptor_that_is_closed_is_bad(void)
{
	int wrong = 0, done = 0;
	struct stat st;
	pthread_t t;

	check(close(open("mine", O_CREAT | O_RDWR, 0644)) == 0 && close(open("others", O_CREAT | O_RDWR, 0644)) == 0);
	t = begin(close_descriptor);
	for (int i = 0; i < turns && !wrong; i++) {
		if (syscall(SYS_fchmod, HIGH, 0600 + i % 8) == 0) done++;
		else wrong = errno != EBADF;
	}
	end(t);
	check(!wrong && stat("others", &st) == 0 && (st.st_mode & 0777) == 0644);
	check(done == 0 || (stat("mine", &st) == 0 && (st.st_mode & 0770) == 0600));
}

static void a_directory_that_changes_is_one_of_both(void)
{
	char buf[PATH_MAX];
	int wrong = 0;
	pthread_t t;

	check(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0 && mkdir("a/same", 0755) == 0 &&
	      mkdir("b/same", 0755) == 0);
	check(chdir("a") == 0);
	t = begin(change_directory);
	for (int i = 0; i < turns && !wrong; i++) {
		if (access("same", F_OK) || chmod("same", 0755) || utimensat(AT_FDCWD, "same", NULL, 0)) wrong = errno;
		else if (mkdir("new", 0755) && errno != EEXIST) wrong = errno;
		else if (i % 16 == 0 && rename("new", "newer") && errno != ENOENT) wrong = errno;
		else if (!getcwd(buf, sizeof(buf)) || !strchr("ab", buf[strlen(buf) - 1])) wrong = errno;
	}
	end(t);
	check(wrong == 0);
	a_descriptor_that_changes_is_one_of_both();
	a_descriptor_that_is_closed_is_bad();
}

int main(int argc, char **argv)
{
	if (argc != 2 || work_in(argv[1])) return 2;
	turns = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 500 : 50;   /* alone, a CPU changes its thread a hundred times a second */
	paths_in_memory();
	paths_in_memory_to_be_written();
	lengths_of_paths();
	answers_in_memory();
	stat_in_memory();
	descriptors();
	in_child(a_directory_that_changes_is_one_of_both);
	return checked();
}
