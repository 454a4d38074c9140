/* SPDX-License-Identifier: MIT */
/* user/posix/written.c - what a process can see of writing to permanent storage: times, residency, the disk itself. */
#include "written.h"

#include <sys/utsname.h>
#include <time.h>

#define OLD      1000000000l            /* 2001 */
#define SECOND   1000000000ll           /* ns */
#define DISK_MAX (1l << 30)             /* larger than any image of Quire's */

char *clean_pages(int *fd, long n)
{
	*fd = new_file("f", n * PAGE);
	must(fsync(*fd) == 0);
	return map_file(*fd, n * PAGE);
}

void make_old(int fd)
{
	struct timespec t[2] = {{.tv_sec = OLD}, {.tv_sec = OLD}};

	must(futimens(fd, t) == 0);
}

bool is_marked(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0);
	return st.st_mtime != OLD;
}

static int64_t mtime_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0);
	return st.st_mtim.tv_sec * SECOND + st.st_mtim.tv_nsec;
}

/* The clock that times are taken from: on Linux it moves in ticks. */
static int64_t tick(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_REALTIME_COARSE, &t) == 0 || clock_gettime(CLOCK_REALTIME, &t) == 0);
	return t.tv_sec * SECOND + t.tv_nsec;
}

bool is_clean(int fd, char *p)
{
	int64_t before = mtime_of(fd);
	volatile char *v = p;

	while (tick() <= before) usleep(500);
	if (split_world()) {
		publish(p, PAGE);
		return mtime_of(fd) == before;
	}
	*v = *v;
	return mtime_of(fd) != before;
}

bool is_resident(void *p)
{
	unsigned char in;

	must(mincore(p, PAGE, &in) == 0);
	return in & 1;
}

/* Not on Linux, unless POSIX_DISK says so: the disk would be the tester's own. */
struct disk disk_open(void)
{
	struct utsname u;
	struct disk d;
	int fd;

	must(uname(&u) == 0);
	if (!strcmp(u.sysname, "Linux") && !getenv("POSIX_DISK")) skip("the disk is not ours");
	fd = open("/dev/vda", O_RDWR);
	if (fd < 0) skip("no /dev/vda");
	d.size = lseek(fd, 0, SEEK_END);
	must(d.size > 0 && d.size < DISK_MAX);
	d.at = map_file(fd, d.size);
	close(fd);
	return d;
}

void page_unique(char *page, int seed)
{
	struct timespec t;
	uint64_t x;

	must(clock_gettime(CLOCK_REALTIME, &t) == 0);
	x = (uint64_t)t.tv_nsec << 34 ^ (uint64_t)t.tv_sec << 2 ^ (uint64_t)getpid() << 16 ^ (uint64_t)seed;
	for (long i = 0; i < PAGE; i += 8) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		memcpy(page + i, &x, 8);
	}
}

/* What memory holds of the disk may be older than what a file system wrote past it: it has to be read again. */
char *disk_find(struct disk d, const char *page)
{
	uint64_t first;

	memcpy(&first, page, 8);
	must(msync(d.at, d.size, MS_INVALIDATE) == 0);
	for (char *at = d.at; at + PAGE <= d.at + d.size; at += 1024) {
		if (*(uint64_t *)at == first && !memcmp(at, page, PAGE)) return at;
	}
	return NULL;
}
