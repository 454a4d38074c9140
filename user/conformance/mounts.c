/* SPDX-License-Identifier: MIT */
/* user/conformance/mounts.c - mount and umount2; each check that fails on a line; runs on Linux too, where that is
 * allowed.
 *
 *      mounts directory [block device with an ext2 [disk and partition of it with another]]
 */
#include "check.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statfs.h>

static int put(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	return fd < 0 ? -1 : write(fd, "text", 4) == 4 ? close(fd) : -1;
}

/* Does /proc/mounts have such a line? */
static int listed(const char *words)
{
	static char text[16384];
	int fd = open("/proc/mounts", O_RDONLY);
	ssize_t n = 0, k;

	while (fd >= 0 && (k = read(fd, text + n, sizeof(text) - 1 - n)) > 0) n += k;
	text[n] = 0;
	close(fd);
	return strstr(text, words) != NULL;
}

static void tmpfs(void)
{
	struct statfs sf;
	struct stat a, b;
	int fd;

	OK(mkdir("m", 0755) == 0 && stat("m", &a) == 0);
	CHILD({ OK(setuid(1000) == 0); FAILS(mount("x", "m", "tmpfs", 0, NULL), EPERM); FAILS(umount("m"), EPERM); });
	OK(mount("some name", "m", "tmpfs", MS_NOEXEC | MS_NODEV, NULL) == 0);
	OK(stat("m", &b) == 0 && a.st_dev != b.st_dev);
	OK(listed("some\\040name ") && listed("/m tmpfs rw,") && listed("noexec"));
	OK(statfs("m", &sf) == 0 && sf.f_type == 0x01021994 && (sf.f_flags & 8));
	OK(put("m/f") == 0 && chmod("m/f", 0755) == 0);
	FAILS(execl("m/f", "m/f", NULL), EACCES);
	FAILS(rmdir("m"), EBUSY);
	FAILS(rename("m/f", "f"), EXDEV);
	fd = open("m/f", O_RDWR);
	FAILS(umount("m"), EBUSY);
	close(fd);
	CHILD({
		int go[2];
		pid_t pid;

		pipe(go);
		pid = IN_CHILD(chdir("m"); write(go[1], "x", 1); pause());
		OK(read(go[0], &(char){0}, 1) == 1);
		FAILS(umount("m"), EBUSY);                      /* somebody stands in it */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	});
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	FAILS(put("m/g"), EROFS);
	FAILS(mkdir("m/d", 0755), EROFS);
	OK(listed("/m tmpfs ro,"));
	OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL) == 0 && put("m/g") == 0);
	FAILS(mount(NULL, "m/f", NULL, MS_REMOUNT, NULL), EINVAL);
	FAILS(umount2("m", 0x1000), EINVAL);
	fd = open("m/f", O_RDWR);
	OK(umount2("m", MNT_DETACH) == 0 && access("m/f", F_OK) == -1 && !listed("/m tmpfs"));
	OK(write(fd, "more", 4) == 4 && fstat(fd, &b) == 0 && b.st_size == 4);
	close(fd);
	OK(mount("x", "m", "tmpfs", 0, NULL) == 0 && put("m/f") == 0);
	OK(umount("m") == 0);
	OK(access("m/f", F_OK) == -1 && !listed("/m tmpfs"));
	FAILS(umount("m"), EINVAL);
	FAILS(umount("none"), ENOENT);
	FAILS(mount("x", "m", "no such type", 0, NULL), ENODEV);
	FAILS(mount("x", "none", "tmpfs", 0, NULL), ENOENT);
	FAILS(mount("nowhere", "m", "ext2", 0, NULL), ENOENT);
	put("file");
	FAILS(mount("file", "m", "ext2", 0, NULL), ENOTBLK);
	FAILS(mount("x", "file", "tmpfs", 0, NULL), ENOTDIR);
	OK(mount("proc", "m", "proc", 0, NULL) == 0 && access("m/self/stat", F_OK) == 0 && umount("m") == 0);
}

static unsigned long blocks_free(const char *path)
{
	struct statfs sf;

	return statfs(path, &sf) == 0 ? sf.f_bfree : 0;
}

/* What a close ends has ended for the next call, of whomever: an unlinked file, what keeps a file system busy, a lock. */
static void closes(const char *dev, const char *type)
{
	static char text[100 * 1024];
	unsigned long before;
	int fd, held, go[2];
	pid_t pid;

	OK(mount(dev, "m", type, 0, NULL) == 0 && pipe(go) == 0);
	OK(put("m/h") == 0);
	memset(text, 'x', sizeof(text));
	sync();
	before = blocks_free("m");
	fd = open("m/u", O_RDWR | O_CREAT, 0600);
	OK(write(fd, text, sizeof(text)) == sizeof(text) && fsync(fd) == 0 && unlink("m/u") == 0);
	OK(blocks_free("m") + sizeof(text) / 8192 <= before);    /* of tmpfs: free memory, which others use, too */
	close(fd);
	OK(blocks_free("m") + sizeof(text) / 8192 > before);

	held = open("m/h", O_RDWR);
	OK(flock(held, LOCK_EX) == 0);
	pid = IN_CHILD({
		close(held);                                            /* the lock is its parent's too */
		fd = open("m/h", O_RDWR);
		FAILS(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
		OK(write(go[1], "x", 1) == 1 && flock(fd, LOCK_EX) == 0);
	});
	OK(read(go[0], &(char){0}, 1) == 1);
	ms_sleep(100);
	close(held);                                                    /* nothing else is asked of anybody */
	OK(child_end(pid) == 0);

	pid = IN_CHILD({
		for (int i = 0; i < 20; i++) OK(open("m/h", O_RDWR) >= 0);
	});
	OK(child_end(pid) == 0);
	for (int i = 0; i < 20; i++) close(open("m/h", O_RDONLY));
	OK(umount("m") == 0);
	close(go[0]);
	close(go[1]);
}

static void disk(const char *dev)
{
	int fd = open(dev, O_RDONLY), n = 0;
	unsigned long size = 0, sectors = 0;

	OK(ioctl(fd, BLKGETSIZE64, &size) == 0 && ioctl(fd, BLKGETSIZE, &sectors) == 0 && size == 512 * sectors);
	OK(lseek(fd, 0, SEEK_END) == (long)size && size > 0);
	OK(ioctl(fd, BLKSSZGET, &n) == 0 && n == 512 && ioctl(fd, BLKFLSBUF) == 0);
	FAILS(ioctl(fd, FIONREAD, &n), ENOTTY);
	close(fd);
	OK(mount(dev, "m", "ext2", MS_RDONLY, NULL) == 0);
	FAILS(put("m/f"), EROFS);
	OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL) == 0);
	OK(put("m/f") == 0);
	FAILS(mount(dev, "m", "ext2", 0, NULL), EBUSY);
	fd = open("m/f", O_RDWR);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL) == 0);
	close(fd);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	OK(access("m/f", R_OK) == 0);
	OK(umount("m") == 0);
	OK(mount(dev, "m", "ext2", 0, NULL) == 0 && unlink("m/f") == 0 && umount("m") == 0);
}

/* A partition: its own first and last byte, and nothing of its neighbours. */
static void partition(const char *whole, const char *part)
{
	int w = open(whole, O_RDONLY), p = open(part, O_RDWR);
	unsigned long size = 0, disk = 0;
	char buf[4096], old[4], now[4];
	unsigned short magic = 0;

	OK(ioctl(p, BLKGETSIZE64, &size) == 0 && ioctl(w, BLKGETSIZE64, &disk) == 0 && size > 0 && size < disk);
	OK(pread(p, &magic, 2, 1024 + 56) == 2 && magic == 0xef53);
	OK(lseek(p, -100, SEEK_END) == (long)size - 100);
	OK(read(p, buf, sizeof(buf)) == 100 && read(p, buf, sizeof(buf)) == 0);
	FAILS(write(p, buf, 1), ENOSPC);
	OK(pread(p, old, 4, size - 4) == 4 && pwrite(p, "last and more", 13, size - 4) == 4);
	OK(pread(p, now, 4, size - 4) == 4 && !memcmp(now, "last", 4) && fsync(p) == 0);
	OK(pwrite(p, old, 4, size - 4) == 4);
	close(w);
	close(p);
}

int main(int argc, char **argv)
{
	if (work_in(argc > 1 ? argv[1] : NULL)) return 2;
	tmpfs();
	closes("some name", "tmpfs");
	if (argc > 2) disk(argv[2]);
	if (argc > 2) closes(argv[2], "ext2");
	if (argc > 4) partition(argv[3], argv[4]);
	return checked();
}
