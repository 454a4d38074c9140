/* SPDX-License-Identifier: MIT */
/* tests/unit/mmfix.h - HOST - a little world for the tests of mm/: an object paged by a scripted disk, and address
 * spaces.
 *
 * Messages to the pager wait in a queue until world_step() plays file server and disk for the oldest one; a thread
 * that sleeps (the test itself) makes the world step, until what it waits for has happened.
 */
#ifndef TESTS_MMFIX_H
#define TESTS_MMFIX_H

#include "abi/pager.h"
#include "tests/checks/check.h"

#define DISK_PAGES 64u

struct world {
	uint8_t disk[DISK_PAGES * PAGE_SIZE];
	bool    hole[DISK_PAGES];       /* no block yet: filled with RUN_ZERO */
	struct kmsg *queue[64];
	unsigned queued;
	bool    hold;                   /* messages wait until the test steps by hand */
	bool    dead;                   /* the pager has ended: no post goes to it */
	int     fill_status, write_status, commit_status, reserve_status;      /* what the script answers */
	unsigned fills, writes, write_pages, commits, reserves, releases, sizes;     /* what was asked */
	void   (*during_commit)(void);  /* another thread, while the device is flushed */
	unsigned last_commit_flags;
	uint64_t last_commit_size;
};

struct fix {
	struct vmo *vmo;
	struct map *map;
};

extern struct world world;
extern struct port pager_port;

int mm_setup(void **st);                /* an object of 8 pages of which page i is full of 'a' + i; one empty map */
int mm_teardown(void **st);             /* checks every invariant, that nothing is left over */
uint64_t vmo_count(void);               /* all objects that there are */
bool world_step(void);                  /* serve the oldest message; false: none */
void world_run(void);                   /* all of them */
uint8_t disk_byte(uint64_t off);
uaddr_t map_file(struct fix *, uint64_t pages, uint32_t prot, uint32_t flags);
int user_store(struct map *, uaddr_t va, uint8_t byte);         /* as a program's store: through the PTE, faulting */
int user_load(struct map *, uaddr_t va);                        /* the byte, or -errno of the fault */
bool pte_writable(struct map *, uaddr_t va);
/* A user's read and write, and those of the kernel's own memory. */
static inline int64_t user_read(struct vmo *v, uint64_t pos, void *buf, uint64_t n, struct readahead *ra)
{
	return pcache_read(v, pos, (struct io){.buf = (uintptr_t)buf, .len = n}, ra);
}
static inline int64_t kernel_read(struct vmo *v, uint64_t pos, void *buf, uint64_t n)
{
	return pcache_read(v, pos, (struct io){.buf = (uintptr_t)buf, .len = n, .kernel = true}, NULL);
}
static inline int64_t user_write(struct vmo *v, uint64_t *pos, const void *buf, uint64_t n, bool append, uint64_t limit)
{
	struct io io = {.buf = (uintptr_t)buf, .len = n, .flags = append ? O_APPEND : 0, .write = true};

	return pcache_write(v, pos, io, limit);
}
static inline int64_t kernel_write(struct vmo *v, uint64_t pos, const void *buf, uint64_t n, uint64_t limit)
{
	return pcache_write(v, &pos, (struct io){.buf = (uintptr_t)buf, .len = n, .write = true, .kernel = true}, limit);
}
struct run *begin_run(struct vmo *, uint64_t index);    /* of a dirty page, to be posted */
void begin_write(struct vmo *, uint64_t index);         /* the page is on its way to the disk; its message waits */

#endif
