/* SPDX-License-Identifier: MIT */
/* user/demo/persist.c - a struct persisted, and read back by another process, also after a reboot (MS1, MS2).
 * `persist write [file]`, then `persist check [file]`.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct state { char magic[8]; int version, count; double ratio; char name[40]; };
static const struct state expected = {"QUIRE", 3, 42, 0.625, "what msync promised"};

int main(int argc, char **argv)
{
	int writing = argc > 1 && !strcmp(argv[1], "write");
	const char *path = argc > 2 ? argv[2] : "state.bin";
	int fd = open(path, writing ? O_RDWR | O_CREAT : O_RDONLY, 0644);
	struct state *s;

	if (fd < 0 || (writing && ftruncate(fd, sizeof(*s)))) return perror(path), 1;
	s = mmap(NULL, sizeof(*s), writing ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (s == MAP_FAILED) return perror("mmap"), 1;
	if (writing) {
		*s = expected;
		if (msync(s, sizeof(*s), MS_SYNC)) return perror("msync"), 1;
		puts("written");
		return 0;
	}
	if (memcmp(s, &expected, sizeof(*s))) return puts("something else came back"), 1;
	printf("%s: version %d, count %d, ratio %.3f, \"%s\"\npersist ok\n", s->magic, s->version, s->count, s->ratio,
	       s->name);
	return 0;
}
