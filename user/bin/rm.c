/* SPDX-License-Identifier: MIT */
/* user/bin/rm.c - rm [-r] [-f] path... */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int recursive, force, failed;

static void complain(const char *path)
{
	if (force && errno == ENOENT) return;
	fprintf(stderr, "rm: %s: %s\n", path, strerror(errno));
	failed = 1;
}

static void remove_path(const char *path);

static void remove_dir(const char *path)
{
	char full[4096];
	struct dirent *d;
	DIR *dir = opendir(path);

	if (!dir) {
		complain(path);
		return;
	}
	while ((d = readdir(dir))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
		snprintf(full, sizeof(full), "%s/%s", path, d->d_name);
		remove_path(full);
	}
	closedir(dir);
	if (rmdir(path)) complain(path);
}

static void remove_path(const char *path)
{
	struct stat st;

	if (recursive && !lstat(path, &st) && S_ISDIR(st.st_mode)) remove_dir(path);
	else if (unlink(path)) complain(path);
}

int main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "rf")) != -1) {
		if (c == '?') return 2;
		recursive |= c == 'r';
		force |= c == 'f';
	}
	if (optind == argc && !force) return fputs("usage: rm [-r] [-f] path...\n", stderr), 2;
	for (int i = optind; i < argc; i++) remove_path(argv[i]);
	return failed;
}
