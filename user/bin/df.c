/* SPDX-License-Identifier: MIT */
/* user/bin/df.c - df [path...]: the file system's blocks in KiB. */
#include <stdio.h>
#include <sys/statvfs.h>

static int show(const char *path)
{
	struct statvfs s;

	if (statvfs(path, &s)) return perror(path), 1;
	printf("%-16s %10llu KiB, %10llu free\n", path, (unsigned long long)s.f_blocks * s.f_frsize / 1024,
	       (unsigned long long)s.f_bavail * s.f_frsize / 1024);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 1) return show("/");
	for (int i = 1; i < argc; i++) failed |= show(argv[i]);
	return failed;
}
