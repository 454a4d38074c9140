/* SPDX-License-Identifier: MIT */
/* kernel/klib.h - RING 0 - the few things everybody needs: types, lists, memory, the log, the panic of an invariant,
 * copies from and to ring 3, the console. */
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

typedef uint64_t uaddr_t;       /* an address in a user's address space: never dereferenced, see copy_in() */
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
/* Each thing of this type that is linked there by this member; _safe: it may be removed meanwhile. */
#define list_each(type, e, head, link) \
	for (type *e = container_of((head)->next, type, link); &e->link != (head); \
	     e = container_of(e->link.next, type, link))
#define list_each_safe(type, e, head, link) \
	for (type *e = container_of((head)->next, type, link), *e##_next; \
	     e##_next = container_of(e->link.next, type, link), &e->link != (head); e = e##_next)

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);

/* kmem.c: zeroed kernel objects; kfree knows the size.  Above a page: whole pages at neighbouring addresses with a
 * guard page below.  NULL: no memory.  May use the reserve when the current thread may. */
void *kalloc(size_t size);
void kfree(void *);

/* The kernel's log, on COM1: %d %u %x with or without l, %s %c; widths are filled with zeros. */
void kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *fmt, va_list *ap);

/* panic: the only end for a broken invariant.  Prints it, registers, backtrace, what the CPU was doing; ends QEMU. */
void panic(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define INVARIANT(id, cond) \
	do { \
		if (!(cond)) panic("invariant %s broken: %s (%s:%d, %s)", id, #cond, __FILE__, __LINE__, __func__); \
	} while (0)
/* make DEBUG=1 links tests/checks/ to the kernel, which looks at what happens in these places. */
#ifdef QUIRE_DEBUG
#include "tests/checks/hooks.h"
#else
#define DEBUG_CALL(call) ((void)0)
#define DEBUG_TAIL 0u
#endif

/* ---- usercopy.c: the only place where ring 0 touches a user's memory.
 *
 * All check the range against USER_TOP, open SMAP for the copy, and survive a fault that vm_fault() cannot
 * mend: -EFAULT (also for SIGBUS cases).  They may sleep: no spinlock and no map mutex held.
 */
int copy_in(void *dst, uaddr_t src, size_t n);          /* 0 or -EFAULT */
int copy_out(uaddr_t dst, const void *src, size_t n);
/* The same, but tell how many bytes were NOT copied (0: all): for short reads and writes. */
size_t copy_in_part(void *dst, uaddr_t src, size_t n);
size_t copy_out_part(uaddr_t dst, const void *src, size_t n);
int copy_in_str(char *dst, uaddr_t src, size_t size);   /* length without NUL; -EFAULT, -ENAMETOOLONG */
/* A word at once, for futex.c: may be called with a spinlock held, and then fails if the page has to be fetched. */
int user_load32(uint32_t *to, uaddr_t from);
int user_swap32(uaddr_t at, uint32_t *old, uint32_t new);       /* compare and swap; *old: what was there */
/* A read or a write: what is moved, and how. */
struct io {
	uaddr_t buf;                    /* a user's buffer, or of a vector; or the kernel's */
	uint64_t len;                   /* bytes; or pieces of the vector */
	uint32_t flags;                 /* O_APPEND, O_SYNC ... of the descriptor, and for this call */
	bool write, vector, kernel;
};
static inline void io_advance(struct io *io, uint64_t n)
{
	io->buf += n;
	io->len -= n;
}
/* Between the buffer's first n bytes and a page.  As copy_in_part(): of the kernel's none is left. */
static inline size_t io_copy(const struct io *io, void *page, size_t n)
{
	if (!io->kernel) return io->write ? copy_in_part(page, io->buf, n) : copy_out_part(io->buf, page, n);
	if (io->write) memcpy(page, (void *)io->buf, n);
	else memcpy((void *)io->buf, page, n);
	return 0;
}
bool user_range_ok(uaddr_t start, uint64_t len);        /* lies below USER_TOP without wrapping */

/* ---- console.c: COM1 for log and terminal, port 0xE9 for results, and the end of the machine */

void console_lock(void), console_unlock(void);  /* lines of several CPUs do not mix */
extern struct cpu *panicking;                   /* panic.c: whose panic is being told; nobody waits for that lock */
void console_put(char c);                       /* console locked */
void console_interrupt(void);                   /* there is input: the file server is notified */

#define STOP_PANIC  0x55        /* QEMU's status is (value << 1) | 1 */
void machine_exit(unsigned code) __attribute__((noreturn));     /* by isa-debug-exit, then ACPI's power off */

#endif
