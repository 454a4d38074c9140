/* SPDX-License-Identifier: MIT */
/* tests/unit/mmworld.h - HOST - the little world of mmfix.h, in which calls fail, memory runs out and things happen
 * meanwhile: in the middle of a sleep, of a call to the pager, of a copy from a user's buffer. */
#ifndef TESTS_MMWORLD_H
#define TESTS_MMWORLD_H

#include "tests/unit/mmfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "kernel/cpu.h"
#include "kernel/thread.h"
#include "mm/vmo.h"
#include "tests/unit/stub_kernel.h"

#define RW (PROT_READ | PROT_WRITE)
#define PG(n) ((uint64_t)(n) * PAGE_SIZE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

struct script {
	int      call_status;           /* what ipc_call() itself returns */
	int      size_status, punch_status;
	uint64_t grant;                 /* bytes of room that RESERVE gives; 0: as many as were asked for */
	unsigned punches;
	uint64_t punch_off, punch_len;  /* of the last one */
	unsigned sleeps;                /* in which nothing was left to do */
	uaddr_t  fault_at;              /* from here on user buffers cannot be copied from or to */
	void   (*on_sleep)(struct fix *);       /* each runs once, then is NULL */
	void   (*on_idle)(struct fix *);        /* in a sleep in which the world has nothing to do */
	void   (*on_call)(struct fix *, struct kmsg *);
	void   (*on_copy)(struct fix *);        /* after the bytes were copied */
};
extern struct script script;

int world_setup(void **st);             /* mm_setup() and a script that says nothing */
int world_teardown(void **st);          /* mm_teardown(), and no page of memory is left over */
/* Somebody has all frames but `left`, filled with 0xee, and all slots of slabs. */
void memory_take(unsigned left, bool reserve);
void memory_slots(size_t size, unsigned n);             /* he gives n objects of this size back */
void memory_give(void);                                 /* and everything */
void thread_rounds(void (*thread)(void), unsigned n);    /* what a kernel thread does, for n - 1 rounds */
uaddr_t map_anon(struct fix *, uint64_t pages, uint32_t flags);         /* read and write */
uaddr_t map_at(struct fix *, uaddr_t at, uint64_t pages, uint32_t prot, uint32_t flags);       /* anonymous, fixed */
void fill_with(struct fix *, uaddr_t at, unsigned pages);       /* stores 'A' + i into page i */
struct page *get_page(struct vmo *, uint64_t index);    /* brought in, not held */
void dirty_page(struct vmo *, uint64_t index, uint8_t byte);
enum page_state state_of(struct vmo *, uint64_t index); /* ABSENT: no page */
unsigned entries_of(struct map *);
/* As script.on_sleep: the disk of the world is too small for an object, so this plays it; nruns runs of so many
 * pages. */
extern unsigned run_pages[4], nruns;
void take_runs(struct fix *);

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
