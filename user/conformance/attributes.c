/* SPDX-License-Identifier: MIT */
/* user/conformance/attributes.c - stat and statx, rights by real, effective and supplementary ids, times, O_PATH,
 * descriptors, chroot; each check that fails on a line; runs on Linux too (as root: the rights are about others).
 *
 *      attributes directory
 */
#include "check.h"

#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

#define ALICE 1000
#define BOB   1001

static int become(uid_t uid, gid_t gid) { return setresgid(gid, gid, gid) || setresuid(uid, uid, uid); }
#define AS(uid, ...) CHILD({ OK(become(uid, uid) == 0); __VA_ARGS__; })

static int put(const char *path, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd >= 0) write(fd, "text", 4);
	fchmod(fd, mode);
	return fd;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_mode & 07777;
}

/* struct statx, whose header musl may not have: the words that are looked at. */
struct xstat {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct { int64_t sec; uint32_t nsec; int32_t pad; } atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t rest[14];
};

static int xstat(int dir, const char *path, int flags, struct xstat *x)
{
	return syscall(SYS_statx, dir, path, flags, 0x7ff, x);
}

static void stats(void)
{
	int fd = put("f", 0640), p[2];
	struct xstat x;
	struct stat st;
	struct statfs sf;

	OK(symlink("f", "l") == 0);
	OK(stat("l", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 4);
	OK(xstat(AT_FDCWD, "l", 0, &x) == 0 && (x.mask & 0x7ff) == 0x7ff);
	OK(x.mode == st.st_mode && x.ino == st.st_ino && x.size == 4 && x.nlink == 1 && x.uid == st.st_uid);
	OK(x.mtime.sec == st.st_mtim.tv_sec && x.mtime.nsec == st.st_mtim.tv_nsec && x.blksize == st.st_blksize);
	OK(makedev(x.dev_major, x.dev_minor) == st.st_dev);
	OK(xstat(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, &x) == 0 && S_ISLNK(x.mode) && x.size == 1);
	OK(xstat(fd, "", AT_EMPTY_PATH, &x) == 0 && x.size == 4);
	FAILS(xstat(fd, "", 0, &x), ENOENT);
	FAILS(xstat(AT_FDCWD, "none", 0, &x), ENOENT);
	FAILS(xstat(AT_FDCWD, "f", 0x100000, &x), EINVAL);
	FAILS(xstat(AT_FDCWD, "f", 0x6000, &x), EINVAL);
	FAILS(xstat(AT_FDCWD, (char *)8, 0, &x), EFAULT);
	FAILS(xstat(AT_FDCWD, "f", 0, (struct xstat *)8), EFAULT);
	OK(xstat(AT_FDCWD, "/dev/null", 0, &x) == 0 && x.rdev_major == 1 && x.rdev_minor == 3);
	OK(pipe(p) == 0 && xstat(p[0], "", AT_EMPTY_PATH, &x) == 0 && S_ISFIFO(x.mode));
	OK(fstat(p[1], &st) == 0 && S_ISFIFO(st.st_mode) && st.st_ino == x.ino);
	OK(fstatfs(p[0], &sf) == 0 && sf.f_type == 0x50495045);
	OK(fstatfs(fd, &sf) == 0 && statfs("f", &sf) == 0 && sf.f_bsize > 0);
	FAILS(statfs("none", &sf), ENOENT);
	FAILS(fstatfs(999, &sf), EBADF);
	close(p[0]);
	close(p[1]);
	close(fd);
}

static void real_ids(void)
{
	close(put("secret", 0600));
	close(put("run", 0711));
	OK(access("run", X_OK) == 0);
	OK(access("secret", R_OK | W_OK) == 0);
	FAILS(access("secret", X_OK), EACCES);                  /* even for root somebody must be able to */
	AS(ALICE, FAILS(access("secret", R_OK), EACCES); OK(access("run", X_OK) == 0); OK(access("secret", F_OK) == 0));
	CHILD({                                                 /* real: alice, effective: root */
		OK(setresuid(ALICE, 0, 0) == 0);
		OK(close(open("secret", O_RDONLY)) == 0);
		FAILS(access("secret", R_OK), EACCES);
		OK(syscall(SYS_faccessat2, AT_FDCWD, "secret", R_OK, AT_EACCESS) == 0);
	});
	FAILS(access("run", 8), EINVAL);
	FAILS(syscall(SYS_faccessat2, AT_FDCWD, "run", 0, 0x8000), EINVAL);
}

static void groups(void)
{
	gid_t list[2] = {77, 88};

	if (setgroups(0, list) && errno == ENOSYS) return;
	close(put("g", 0640));
	OK(chown("g", BOB, 77) == 0);
	AS(ALICE, FAILS(open("g", O_RDONLY), EACCES));
	CHILD({
		OK(setgroups(2, list) == 0 && become(ALICE, ALICE) == 0);
		OK(close(open("g", O_RDONLY)) == 0);
		FAILS(open("g", O_RDWR), EACCES);
		OK(access("g", R_OK) == 0);
		close(put("mine", 0644));
	});
	OK(chown("mine", ALICE, ALICE) == 0 || errno == ENOENT);
	close(put("own", 0755));
	OK(chown("own", ALICE, ALICE) == 0);
	CHILD({
		OK(setgroups(2, list) == 0 && become(ALICE, ALICE) == 0);
		OK(chown("own", -1, 88) == 0);
		FAILS(chown("own", -1, 99), EPERM);
		FAILS(chown("own", BOB, -1), EPERM);
		OK(chmod("own", 02755) == 0);
	});
	OK(mode_of("own") == 02755);
	OK(chown("own", ALICE, 99) == 0 && mode_of("own") == 0755);
	AS(ALICE, OK(chmod("own", 02755) == 0));                /* not in group 99 */
	OK(mode_of("own") == 0755);
}

static void set_ids(void)
{
	int fd = put("s", 06755);

	OK(chown("s", ALICE, ALICE) == 0 && mode_of("s") == 0755);
	OK(chmod("s", 06777) == 0);
	OK(write(fd, "x", 1) == 1 && mode_of("s") == 06777);    /* root may */
	AS(BOB, int f = open("s", O_WRONLY); OK(write(f, "x", 1) == 1));
	OK(mode_of("s") == 0777);
	OK(chmod("s", 04777) == 0);
	AS(BOB, OK(truncate("s", 1) == 0));
	OK(mode_of("s") == 0777);
	OK(chmod("s", 04777) == 0);
	AS(BOB, int f = open("s", O_WRONLY); OK(ftruncate(f, 2) == 0));
	OK(mode_of("s") == 0777 && chmod("s", 04777) == 0);
	AS(BOB, OK(open("s", O_WRONLY | O_TRUNC) >= 0));
	OK(mode_of("s") == 0777);
	OK(chmod("s", 02767) == 0 && chown("s", ALICE, ALICE) == 0);
	OK(mode_of("s") == 02767);                              /* the group cannot run it */
	close(fd);
	AS(BOB, FAILS(chmod("s", 0777), EPERM); FAILS(chown("s", BOB, -1), EPERM);
	   FAILS(truncate("secret", 0), EACCES));
	OK(mkdir("sticky", 0777) == 0 && chmod("sticky", 01777) == 0);
	AS(ALICE, close(put("sticky/a", 0666)));
	AS(BOB, FAILS(unlink("sticky/a"), EPERM); FAILS(rename("sticky/a", "sticky/b"), EPERM));
	AS(ALICE, OK(unlink("sticky/a") == 0));
}

static long mtime_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_mtim.tv_sec;
}

static void times(void)
{
	struct timespec ts[2] = {{11, 5}, {22, 7}}, keep[2] = {{0, UTIME_OMIT}, {33, 0}};
	struct timespec both_now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}}, one_now[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
	struct timespec none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}}, bad[2] = {{0, 1000000000}, {0, 0}};
	struct timeval tv[2] = {{44, 0}, {55, 500000}}, bad_tv[2] = {{0, 1000000}, {0, 0}};
	int fd = put("t", 0666);
	struct stat st;

	OK(utimensat(AT_FDCWD, "t", ts, 0) == 0 && stat("t", &st) == 0);
	OK(st.st_atim.tv_sec == 11 && st.st_atim.tv_nsec == 5 && st.st_mtim.tv_sec == 22 && st.st_mtim.tv_nsec == 7);
	OK(utimensat(AT_FDCWD, "t", keep, 0) == 0 && stat("t", &st) == 0 && st.st_atim.tv_sec == 11 &&
	   mtime_of("t") == 33);
	OK(futimens(fd, ts) == 0 && mtime_of("t") == 22);
	OK(syscall(SYS_utimensat, AT_FDCWD, "none", none, 0) == 0);     /* nothing to do: nothing is looked at */
	FAILS(utimensat(AT_FDCWD, "t", bad, 0), EINVAL);
	FAILS(syscall(SYS_utimensat, fd, NULL, ts, AT_SYMLINK_NOFOLLOW), EINVAL);
	FAILS(syscall(SYS_utimensat, AT_FDCWD, "none", ts, 0), ENOENT);
	OK(syscall(SYS_utimes, "t", tv) == 0 && mtime_of("t") == 55);
	FAILS(syscall(SYS_utimes, "t", bad_tv), EINVAL);
	OK(syscall(SYS_futimesat, AT_FDCWD, "t", NULL) == 0 && mtime_of("t") > 1000000);
	OK(syscall(SYS_utime, "t", &(struct utimbuf){66, 77}) == 0 && mtime_of("t") == 77);
	OK(symlink("t", "tl") == 0 && utimensat(AT_FDCWD, "tl", ts, AT_SYMLINK_NOFOLLOW) == 0 && mtime_of("t") == 77);
	OK(lstat("tl", &st) == 0 && st.st_mtim.tv_sec == 22);
	OK(chown("t", ALICE, ALICE) == 0);
	AS(BOB, {
		OK(utimensat(AT_FDCWD, "t", both_now, 0) == 0); /* write permission is enough */
		OK(utimensat(AT_FDCWD, "t", NULL, 0) == 0);
		FAILS(utimensat(AT_FDCWD, "t", one_now, 0), EPERM);
		FAILS(utimensat(AT_FDCWD, "t", ts, 0), EPERM);
	});
	OK(chmod("t", 0644) == 0);
	AS(BOB, FAILS(utimensat(AT_FDCWD, "t", NULL, 0), EACCES));
	close(fd);
}

static void places(void)
{
	int fd = put("p", 0), ends[2], o, d;
	struct stat st;
	char buf[8];

	AS(BOB, o = open("p", O_PATH); OK(o >= 0 && fstat(o, &st) == 0 && st.st_size == 4));
	o = open("p", O_PATH);
	FAILS(read(o, buf, 1), EBADF);
	FAILS(write(o, buf, 1), EBADF);
	FAILS(syscall(SYS_fchmod, o, 0644), EBADF);
	FAILS(ftruncate(o, 0), EBADF);
	FAILS(fsync(o), EBADF);
	OK(mmap(NULL, 1, PROT_READ, MAP_SHARED, o, 0) == MAP_FAILED && errno == EBADF);
	OK((fcntl(o, F_GETFL) & O_PATH) && fcntl(o, F_SETFD, FD_CLOEXEC) == 0);
	FAILS(fcntl(o, F_SETFL, O_APPEND), EBADF);
	OK(dup2(o, 100) == 100 && fstat(100, &st) == 0 && close(100) == 0);
	OK(linkat(o, "", AT_FDCWD, "p2", AT_EMPTY_PATH) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 2);
	AS(BOB, FAILS(linkat(o, "", AT_FDCWD, "sticky/p3", AT_EMPTY_PATH), ENOENT));
	close(o);
	o = open("l", O_PATH | O_NOFOLLOW);
	OK(o >= 0 && readlinkat(o, "", buf, 8) == 1 && buf[0] == 'f');
	OK(fstat(o, &st) == 0 && S_ISLNK(st.st_mode));
	close(o);
	FAILS(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(open("p", O_PATH | O_DIRECTORY), ENOTDIR);
	OK(mkdir("search", 0711) == 0);
	AS(BOB, {
		FAILS(open("search", O_RDONLY), EACCES);
		d = open("search", O_PATH);
		OK(d >= 0 && fchdir(d) == 0 && chdir("../search") == 0);
		FAILS(openat(d, ".", O_RDONLY), EACCES);
	});
	OK(chmod("search", 0600) == 0);
	AS(BOB, FAILS(chdir("search"), EACCES); d = open("search", O_PATH); FAILS(fchdir(d), EACCES));
	FAILS(fchdir(fd), ENOTDIR);
	OK(pipe(ends) == 0);
	FAILS(fchdir(ends[0]), ENOTDIR);
	close(ends[0]), close(ends[1]);
	FAILS(fchdir(ends[0]), EBADF);
	OK(mkfifo("fifo", 0666) == 0);
	FAILS(truncate("fifo", 0), EINVAL);             /* at once: nobody reads it */
	FAILS(truncate("search", 0), EISDIR);
	FAILS(truncate("/dev/null", 0), EINVAL);
	FAILS(truncate("search", -1), EINVAL);
	d = open("/dev/null", O_WRONLY);
	OK(write(d, (void *)4096, 0x7ffff000) == 0x7ffff000);   /* at once: nobody looks at it */
	close(d);
	AS(BOB, FAILS(open("f", O_RDONLY | O_NOATIME), errno); o = open("sticky", O_RDONLY | O_NOATIME);
	   OK(o < 0 && errno == EPERM));
	close(fd);
}

static void descriptors(void)
{
	int fd = put("d", 0600), p[2], n;

	OK((fcntl(fd, F_GETFL) & ~0100000) == O_RDWR);
	OK(pipe(p) == 0 && fcntl(p[0], F_GETPIPE_SZ) == 65536);
	FAILS(fcntl(fd, F_GETPIPE_SZ), EBADF);
	OK(fcntl(fd, F_GETOWN) == 0);
	OK(ioctl(p[0], FIONBIO, &(int){1}) == 0 && (fcntl(p[0], F_GETFL) & O_NONBLOCK));
	OK(ioctl(p[0], FIONBIO, &(int){0}) == 0 && !(fcntl(p[0], F_GETFL) & O_NONBLOCK));
	OK(ioctl(p[0], FIOCLEX) == 0 && fcntl(p[0], F_GETFD) == FD_CLOEXEC && ioctl(p[0], FIONCLEX) == 0);
	OK(write(p[1], "abc", 3) == 3 && ioctl(p[0], FIONREAD, &n) == 0 && n == 3);
	FAILS(ioctl(fd, 0x5401, &n), ENOTTY);
	FAILS(fcntl(fd, 9999), EINVAL);
	FAILS(dup3(fd, fd, 0), EINVAL);
	OK(dup2(fd, 50) == 50 && dup2(fd, 51) == 51 && dup2(fd, 53) == 53);
	OK(syscall(SYS_close_range, 50, 52, 0) == 0);
	FAILS(fcntl(50, F_GETFD), EBADF);
	OK(fcntl(53, F_GETFD) == 0);
	OK(syscall(SYS_close_range, 53, ~0u, 4) == 0 && fcntl(53, F_GETFD) == FD_CLOEXEC);
	FAILS(syscall(SYS_close_range, 5, 4, 0), EINVAL);
	FAILS(syscall(SYS_close_range, 50, 60, 8), EINVAL);
	OK(syscall(SYS_close_range, 50, ~0u, 0) == 0);
	FAILS(fcntl(53, F_GETFD), EBADF);
	close(p[0]);
	close(p[1]);
	close(fd);
}

/* sendfile: processes that share descriptors copy each byte once, and a limit on size is obeyed. */
#define BYTES (256 * 1024)
static void copies(void)
{
	int in = open("in", O_RDWR | O_CREAT | O_TRUNC, 0600), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	static int words[BYTES / 4], found[BYTES / 4];
	pid_t pid[3];
	long sum = 0;

	for (int i = 0; i < BYTES / 4; i++) words[i] = i;
	OK(write(in, words, BYTES) == BYTES && lseek(in, 0, SEEK_SET) == 0);
	for (int i = 0; i < 3; i++) pid[i] = IN_CHILD(while (sendfile(out, in, NULL, 4096) > 0) { });
	for (int i = 0; i < 3; i++) OK(child_end(pid[i]) == 0);
	OK(lseek(in, 0, SEEK_CUR) == BYTES);
	OK(lseek(out, 0, SEEK_CUR) == BYTES && pread(out, words, BYTES, 0) == BYTES);
	for (int i = 0; i < BYTES / 4; i++) found[words[i] % (BYTES / 4)]++;
	for (int i = 0; i < BYTES / 4; i++) sum += found[i] == 1;
	OK(sum == BYTES / 4);
	OK(child_end(IN_CHILD({
		OK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){5000, 5000}) == 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
		OK(ftruncate(out, 0) == 0 && lseek(out, 0, SEEK_SET) == 0 && lseek(in, 0, SEEK_SET) == 0);
		OK(sendfile(out, in, NULL, 10000) == 5000 && lseek(in, 0, SEEK_CUR) == 5000);
		FAILS(sendfile(out, in, NULL, 10000), EFBIG);
		OK(lseek(in, 0, SEEK_CUR) == 5000);
		if (!failed) signal(SIGXFSZ, SIG_DFL);
		sendfile(out, in, NULL, 10000);
	})) == -1);
	close(in);
	close(out);
}

static void jail(void)
{
	char cwd[256];

	OK(mkdir("jail", 0755) == 0 && mkdir("jail/in", 0755) == 0);
	close(put("outside", 0644));
	AS(ALICE, FAILS(chroot("jail"), EPERM));
	FAILS(chroot("outside"), ENOTDIR);
	CHILD({
		int out = open(".", O_RDONLY);

		OK(chroot("jail") == 0);
		OK(chdir("/in") == 0 && chdir("../../..") == 0);
		OK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/"));
		FAILS(open("/outside", O_RDONLY), ENOENT);
		FAILS(open("../outside", O_RDONLY), ENOENT);
		FAILS(access("/outside", F_OK), ENOENT);
		OK(mkdir("/../made", 0755) == 0);
		OK(close(open("/in", O_RDONLY)) == 0);
		OK(symlink("/in", "link") == 0 && chdir("link") == 0);
		CHILD(OK(chdir("/") == 0 && close(open("in", O_RDONLY)) == 0));
		OK(close(openat(out, "outside", O_RDONLY)) == 0);       /* what is open stays open */
		OK(fchdir(out) == 0 && syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0 && cwd[0] == '(');
	});
	OK(close(open("outside", O_RDONLY)) == 0);
	OK(access("jail/made", F_OK) == 0);
}

int main(int argc, char **argv)
{
	umask(0);
	if (work_in(argc > 1 ? argv[1] : NULL)) return 2;
	stats();
	real_ids();
	groups();
	set_ids();
	times();
	places();
	descriptors();
	copies();
	jail();
	return checked();
}
