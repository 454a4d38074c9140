/* SPDX-License-Identifier: MIT */
/* user/conformance/big.c - a file larger than memory: written, read and stored to through one mapping, synced, read
 * back (MM23, MS1, MS17).  `big path mebibytes`
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS 16384u            /* in a piece of 64 KiB */
#define STRIDE (7 * 1024u)      /* one word in seven pages is changed */

static unsigned buf[WORDS];

static int write_all(int fd, unsigned pieces)
{
	for (unsigned i = 0; i < pieces; i++) {
		for (unsigned k = 0; k < WORDS; k++) buf[k] = i * WORDS + k;
		if (write(fd, buf, sizeof(buf)) != sizeof(buf)) return perror("write"), 1;
	}
	return 0;
}

static unsigned read_back(int fd, unsigned pieces)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < pieces; i++) {
		if (pread(fd, buf, sizeof(buf), (off_t)i * sizeof(buf)) != sizeof(buf)) return perror("pread"), 1;
		for (unsigned k = 0; k < WORDS; k++) {
			unsigned at = i * WORDS + k;

			bad += buf[k] != (at % STRIDE ? at : ~at);
		}
	}
	return bad;
}

int main(int argc, char **argv)
{
	unsigned mib = argc > 2 ? atoi(argv[2]) : 100, words = mib << 18, bad = 0;
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644) : -1;
	unsigned *map;

	if (fd < 0) return perror("big"), 1;
	if (write_all(fd, mib * 16)) return 1;
	map = mmap(NULL, (size_t)mib << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) return perror("mmap"), 1;
	for (unsigned i = 0; i < words; i += 1024) bad += map[i] != i;
	for (unsigned i = 0; i < words; i += STRIDE) map[i] = ~i;
	if (msync(map, (size_t)mib << 20, MS_SYNC) || munmap(map, (size_t)mib << 20)) return perror("msync"), 1;
	bad += read_back(fd, mib * 16);
	printf("%u MiB, %u words wrong\n", mib, bad);
	return bad != 0;
}
