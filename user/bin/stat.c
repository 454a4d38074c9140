/* SPDX-License-Identifier: MIT */
/* user/bin/stat.c - stat path...: what the inode says. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void when(const char *name, struct timespec t)
{
	printf("  %s %lld.%09ld\n", name, (long long)t.tv_sec, t.tv_nsec);
}

int main(int argc, char **argv)
{
	int failed = 0;
	struct stat st;

	if (argc < 2) return fputs("usage: stat path...\n", stderr), 2;
	for (int i = 1; i < argc; i++) {
		if (lstat(argv[i], &st)) {
			fprintf(stderr, "stat: %s: %s\n", argv[i], strerror(errno));
			failed = 1;
			continue;
		}
		printf("%s\n  inode %llu  mode %06o  links %lu  uid %u  gid %u\n  size %lld  blocks %lld (512 bytes)\n",
		       argv[i], (unsigned long long)st.st_ino, st.st_mode, (unsigned long)st.st_nlink, st.st_uid,
		       st.st_gid, (long long)st.st_size, (long long)st.st_blocks);
		when("atime", st.st_atim);
		when("mtime", st.st_mtim);
		when("ctime", st.st_ctim);
	}
	return failed;
}
