/* SPDX-License-Identifier: MIT */
/* tests/checks/hooks.c - RING 0, DEBUG BUILDS - what is looked at when it happens: locks, memory that was freed.
 *
 * Path:  lock.c, frame.c, kmem.c, syscall.c, panic.c > DEBUG_CALL() > [hooks.c]
 * Locks: none are taken but by check_some().  What is kept of a CPU it alone touches, with interrupts off. */
#include "boot/bootinfo.h"
#include "kernel/thread.h"
#include "mm/page.h"
#include "tests/checks/check.h"

#define CHECK_MAP 64                    /* system calls between two looks */
#define CHECK_ALL 4096
#define POISON    0x6b                  /* the bytes of what is free */
#define TAIL_FILL 0xfd                  /* bytes of a slot past the size asked for */
#define PAGE_POISONED 1u                /* flags of a FREE page: it is; pages that never were in use hold anything */

static struct spinlock *locks[MAX_CPUS][RANKS]; /* those that a CPU holds or waits for */
static uint64_t chance[MAX_CPUS];               /* random numbers, for the delays */

/* Now and then all that can be counted is, so that what breaks an invariant is found near to it. */
void check_some(struct map *m)
{
	static uint32_t calls;
	const uint32_t n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);

	if (m && n % CHECK_MAP == 0) map_check(m);
	if (n % CHECK_ALL == 0) frame_check(), kmem_check();
}

/* ---- locks: their order (K2 of lock.c); with the word delay=SEED a pause of random length at one lock in 16, and now
 * and then the end of a thread's turn, so that races that need an unlucky moment get one.  One CPU with one seed does
 * the same each time. */

void lock_delay(void)
{
	struct cpu *c = this_cpu();
	uint64_t *r = &chance[c->id];

	if (!frame_bootinfo || !frame_bootinfo->delay) return;
	if (!*r) *r = frame_bootinfo->delay * 0x9e3779b97f4a7c15ull + c->id;
	*r = *r * 6364136223846793005ull + 1442695040888963407ull;
	if (*r >> 54 == 0) c->resched = true;
	if (*r >> 60) return;
	for (uint64_t n = *r >> 40 & 1023; n > 0; n--) {
		shootdown_poll();
		__builtin_ia32_pause();
	}
}

void lock_taken(struct spinlock *l)
{
	struct spinlock **mine = locks[this_cpu()->id];

	for (unsigned r = l->rank; r < RANKS; r++)
		if (mine[r])
			panic("invariant K2 broken: lock order: %s (%d) taken while holding %s (%d)", l->name, l->rank,
			      mine[r]->name, r);
	mine[l->rank] = l;
	__atomic_add_fetch(&l->taken, 1, __ATOMIC_RELAXED);
	lock_delay();
}

void lock_released(struct spinlock *l) { locks[this_cpu()->id][l->rank] = NULL; }

void locks_print(void)
{
	for (int r = RANKS - 1; r > 0; r--)
		if (locks[this_cpu()->id][r]) kprintf("holds the lock: %s\n", locks[this_cpu()->id][r]->name);
}

/* ---- memory: a store to what was freed shows when it is given out again, a store past an object's end when it is freed */

void page_poison(struct page *p)
{
	memset(page_virt(p), POISON, PAGE_SIZE);
	p->flags = PAGE_POISONED;
}

static bool filled_with(const uint8_t *b, unsigned from, unsigned to, uint8_t what)
{
	while (from < to && b[from] == what) from++;
	return from == to;
}

void page_given(struct page *p)
{
	if (p->flags == PAGE_POISONED) INVARIANT("F1", filled_with(page_virt(p), 0, PAGE_SIZE, POISON));
}

/* Its first word was the list's.  The last word of a slot holds the size asked for, but of one that is a whole page. */
void slot_given(void *slot, unsigned slot_bytes, size_t size)
{
	unsigned end = slot_bytes - DEBUG_TAIL;

	INVARIANT("K4", filled_with(slot, sizeof(void *), slot_bytes, POISON));
	if (slot_bytes == PAGE_SIZE) return;
	memset((uint8_t *)slot + size, TAIL_FILL, end - size);
	*(uint64_t *)((uint8_t *)slot + end) = size;
}

void slot_freed(void *slot, unsigned slot_bytes)
{
	unsigned end = slot_bytes - DEBUG_TAIL;
	uint64_t size;

	INVARIANT("K4", (uintptr_t)slot % PAGE_SIZE % slot_bytes == 0);
	size = *(uint64_t *)((uint8_t *)slot + end);
	if (slot_bytes < PAGE_SIZE) INVARIANT("K4", size <= end && filled_with(slot, size, end, TAIL_FILL));
	memset(slot, POISON, slot_bytes);
}
