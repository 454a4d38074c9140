/* SPDX-License-Identifier: MIT */
/* tests/checks/hooks.h - RING 0, DEBUG BUILDS - what DEBUG_CALL() calls, where ring 0 says that something happens. */
#ifndef CHECKS_HOOKS_H
#define CHECKS_HOOKS_H

#define DEBUG_CALL(call) call
#define DEBUG_TAIL 8u                   /* bytes that kmem.c leaves at the end of a slot, for slot_given() */

struct map;
struct page;
struct spinlock;

void check_some(struct map *);          /* syscall.c: a system call ends; NULL: of a process without a map */

void lock_taken(struct spinlock *);     /* lock.c: this CPU is about to take it */
void lock_released(struct spinlock *);
void lock_delay(void);                  /* it has just released one */
void locks_print(void);                 /* panic.c: those that this CPU holds */

void page_poison(struct page *);        /* frame.c, kmem.c: nobody may store into it from now on */
void page_given(struct page *);         /* frame.c: did anybody? */
void slot_given(void *slot, unsigned slot_bytes, size_t size);  /* kmem.c: to an object of size bytes */
void slot_freed(void *slot, unsigned slot_bytes);

#endif
