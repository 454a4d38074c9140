/* SPDX-License-Identifier: MIT */
/* tests/conformance/linux_init.c - HOST - pid 1 of the Linux that Quire is compared with: mounts, runs one program on an
 * ext2 disk, its output on the second serial line, and powers off.  The arguments are the program's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const module[] = {
	"virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk",
};

static void check(int rc, const char *what)
{
	if (rc >= 0) return;
	perror(what);
	reboot(RB_POWER_OFF);
}

static void load(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/mod/%s.ko", name);
	fd = open(path, O_RDONLY);
	check(fd, path);
	check(syscall(SYS_finit_module, fd, "", 0), path);
	close(fd);
}

int main(int argc, char **argv)
{
	int fd, st;

	(void)argc;
	mkdir("/dev", 0755), mkdir("/root", 0755), mkdir("/tmp", 01777), mkdir("/proc", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("tmp", "/tmp", "tmpfs", 0, NULL);
	mkdir("/dev/shm", 01777);
	check(mount("shm", "/dev/shm", "tmpfs", 0, NULL), "/dev/shm");
	for (size_t i = 0; i < sizeof(module) / sizeof(*module); i++) load(module[i]);
	for (int i = 0; i < 200 && access("/dev/vda2", F_OK); i++) usleep(10000);
	check(mount("/dev/vda2", "/root", "ext2", 0, NULL), "/dev/vda2");
	check(chdir("/root/root"), "/root/root");
	if (fork() == 0) {
		fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
		dup2(fd, 1);
		dup2(fd, 2);
		setsid();
		setenv("POSIX_DISK", "1", 1);           /* this machine's disk may be written to */
		argv[0] = "/program";
		execv(argv[0], argv);
		_exit(127);
	}
	wait(&st);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
