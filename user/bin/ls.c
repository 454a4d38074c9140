/* SPDX-License-Identifier: MIT */
/* user/bin/ls.c - ls [-l] [-a] [path...]: names in order, with -l their attributes. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static int flag_long, flag_all, failed;

static void complain(const char *path)
{
	fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
	failed = 1;
}

static void mode_text(mode_t m, char *s)
{
	static const char type[] = "?pc?d?b?-?l?s???", rwx[] = "rwxrwxrwx";

	s[0] = type[m >> 12 & 15];
	for (int i = 0; i < 9; i++) s[i + 1] = m & (0400 >> i) ? rwx[i] : '-';
	if (m & S_ISUID) s[3] = m & 0100 ? 's' : 'S';
	if (m & S_ISVTX) s[9] = m & 1 ? 't' : 'T';
	s[10] = 0;
}

static void show(const char *path, const char *name)
{
	char mode[11], when[32], to[4096];
	struct stat st;
	ssize_t n;

	if (!flag_long) {
		puts(name);
		return;
	}
	if (lstat(path, &st)) {
		complain(path);
		return;
	}
	mode_text(st.st_mode, mode);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", gmtime(&st.st_mtime));
	printf("%s %3lu %4u %4u ", mode, (unsigned long)st.st_nlink, st.st_uid, st.st_gid);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) printf("%4u,%3u ", major(st.st_rdev), minor(st.st_rdev));
	else printf("%8lld ", (long long)st.st_size);
	printf("%s %s", when, name);
	n = S_ISLNK(st.st_mode) ? readlink(path, to, sizeof(to) - 1) : -1;
	if (n >= 0) printf(" -> %.*s", (int)n, to);
	putchar('\n');
}

static int visible(const struct dirent *d)
{
	return flag_all || d->d_name[0] != '.';
}

static void list(const char *path)
{
	struct dirent **entry;
	char full[8192];
	int n = scandir(path, &entry, visible, alphasort);

	if (n < 0) {
		complain(path);
		return;
	}
	for (int i = 0; i < n; i++) {
		snprintf(full, sizeof(full), "%s/%s", path, entry[i]->d_name);
		show(full, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
}

int main(int argc, char **argv)
{
	struct stat st;
	int c;

	while ((c = getopt(argc, argv, "la1")) != -1) {
		if (c == '?') return 2;
		flag_long |= c == 'l';
		flag_all |= c == 'a';
	}
	if (optind == argc) list(".");
	for (int i = optind; i < argc; i++) {
		if (lstat(argv[i], &st)) {
			complain(argv[i]);
			continue;
		}
		if (argc - optind > 1 && S_ISDIR(st.st_mode)) printf("%s:\n", argv[i]);
		if (S_ISDIR(st.st_mode)) list(argv[i]);
		else show(argv[i], argv[i]);
	}
	return failed;
}
