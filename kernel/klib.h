/* SPDX-License-Identifier: MIT */
/* kernel/klib.h - RING 0 - the few things everybody needs: types, lists, memory, the log, the panic of an invariant. */
#ifndef KERNEL_KLIB_H
#define KERNEL_KLIB_H
#ifndef QUIRE_RING0
#error "a header of ring 0"
#endif

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/linux.h"

typedef uint64_t uaddr_t;       /* an address in a user's address space: never dereferenced, see usercopy.h */
typedef uint64_t paddr_t;       /* a physical address */

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ull
#define PAGE_MASK  (PAGE_SIZE - 1)
#define USER_TOP   0x00007ffffffff000ull        /* first address past a user's space; its last page stays free */

#define ARRAY_LEN(a)     (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)        ((a) < (b) ? (a) : (b))
#define MAX(a, b)        ((a) > (b) ? (a) : (b))
#define BIT(n)           (1ull << (n))
#define ROUND_DOWN(x, n) ((x) / (n) * (n))
#define ROUND_UP(x, n)   (((x) + (n) - 1) / (n) * (n))
#define container_of(p, type, field) ((type *)((char *)(p) - offsetof(type, field)))

/* Doubly linked list with a head; a node not on a list points to itself. */
struct list { struct list *next, *prev; };
#define LIST_INIT(l) { &(l), &(l) }
static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_insert(struct list *n, struct list *prev)
{
	n->next = prev->next;
	n->prev = prev;
	prev->next->prev = n;
	prev->next = n;
}
static inline void list_push_front(struct list *head, struct list *n) { list_insert(n, head); }
static inline void list_push_back(struct list *head, struct list *n) { list_insert(n, head->prev); }
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
static inline struct list *list_pop_front(struct list *head)
{
	struct list *n = head->next;

	if (n == head) return NULL;
	list_remove(n);
	return n;
}
#define list_for(pos, head)            for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_safe(pos, next_, head) \
	for (struct list *pos = (head)->next, *next_ = pos->next; pos != (head); pos = next_, next_ = pos->next)

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);

/* The kernel's log, on COM1: %d %u %x with or without l, %s %c; widths are filled with zeros. */
void kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *fmt, va_list *ap);

/* panic: the only end for a broken invariant.  Prints it, registers, backtrace, what the CPU was doing; ends QEMU. */
void panic(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define INVARIANT(id, cond) \
	do { \
		if (!(cond)) panic("invariant %s broken: %s (%s:%d, %s)", id, #cond, __FILE__, __LINE__, __func__); \
	} while (0)
/* debug builds only (make DEBUG=1) */
#ifdef QUIRE_DEBUG
#define DEBUG_INVARIANT(id, cond) INVARIANT(id, cond)
#else
#define DEBUG_INVARIANT(id, cond) do { } while (0)
#endif

#endif
