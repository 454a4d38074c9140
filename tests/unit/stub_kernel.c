/* SPDX-License-Identifier: MIT */
/* tests/unit/stub_kernel.c - HOST - stands in for kernel/ in unit tests: one thread, on the CPU the test says, locks
 * that are checked.
 *
 * Use:   named in the `links:` line of a test.  What a test or a linked file of the kernel defines itself replaces
 *        the weak functions here.
 * A panic that the test expects (expect_assert_failure) returns there, and all locks are free again; any other one
 * fails the test.  Locks taken out of the order of kernel/lock.h panic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "kernel/lock.h"
#include "kernel/thread.h"
#include "kernel/klib.h"
#include "mm/page.h"
#include "mm/pmap.h"
#include "tests/unit/stub_kernel.h"

#define WEAK __attribute__((weak))
#define LOCKS_MAX 16

uintptr_t direct_base;
void (*host_sleep_hook)(void);
uint64_t host_now = 1000000000;
int host_sleep_status;
uint64_t host_limit[16];
struct cpu cpus[MAX_CPUS];
uint32_t ncpus = 1, host_cpu;

static struct thread host_thread = { .name = "test", .state = THREAD_RUNNING };
static struct spinlock *held[LOCKS_MAX];        /* outermost first */
static unsigned nheld;

WEAK struct cpu *this_cpu(void)
{
	cpus[host_cpu].id = host_cpu;
	return &cpus[host_cpu];
}

WEAK struct thread *current_thread(void) { return &host_thread; }
WEAK uint64_t map_limit(const struct map *m, int resource) { return m ? host_limit[resource] : 0; }
WEAK uint64_t read_cr3(void) { return 0; }
WEAK void write_cr3(uint64_t v) { (void)v; }
WEAK bool irq_off(void) { return false; }
WEAK void irq_enable(void) { }
WEAK void shootdown_poll(void) { }
WEAK void invlpg(uint64_t va) { (void)va; }

/* Another CPU that is interrupted does what it is asked at once. */
WEAK void apic_send(const struct cpu *to, uint32_t what)
{
	uint32_t me = host_cpu;

	(void)what;
	host_cpu = to - cpus;
	shootdown_poll();
	host_cpu = me;
}

/* Text. */
WEAK void kvprintf(const char *fmt, va_list *ap) { vfprintf(stderr, fmt, *ap); }

WEAK void kprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	kvprintf(fmt, &ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	static char text[512];          /* cmocka keeps the pointer */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while (nheld > 0)
		held[--nheld]->owner = NULL;
	this_cpu()->lock_depth = 0;
	mock_assert(0, text, "panic", 0);
	abort();
}

/* Locks: never contended here, so a second lock is a deadlock, and the order can be checked exactly. */
WEAK void spin_lock(struct spinlock *l)
{
	if (l->owner) panic("lock %s taken twice", l->name);
	if (!l->rank) panic("lock %s has no rank: never initialised", l->name ? l->name : "?");
	if (nheld && held[nheld - 1]->rank >= l->rank) panic("lock order: %s inside %s", l->name, held[nheld - 1]->name);
	if (nheld == LOCKS_MAX) panic("too many locks");
	l->owner = this_cpu();
	held[nheld++] = l;
	this_cpu()->lock_depth = nheld;
}

WEAK void spin_unlock(struct spinlock *l)
{
	unsigned i = nheld;

	while (i > 0 && held[i - 1] != l)
		i--;
	if (i == 0) panic("lock %s is not held", l->name);
	memmove(&held[i - 1], &held[i], (nheld - i) * sizeof(held[0]));
	this_cpu()->lock_depth = --nheld;
	l->owner = NULL;
}

WEAK void mutex_init(struct mutex *m, enum lock_rank rank, const char *name)
{
	memset(m, 0, sizeof(*m));
	m->lock = SPINLOCK_INIT(RANK_SCHED, name);
	waitq_init(&m->wait);
	m->rank = rank;
}

WEAK void mutex_lock(struct mutex *m)
{
	if (nheld) panic("mutex %s inside spinlock %s", m->lock.name, held[nheld - 1]->name);
	if (m->owner) panic("mutex %s taken twice", m->lock.name);
	m->owner = current_thread();
}

WEAK void mutex_unlock(struct mutex *m)
{
	if (m->owner != current_thread()) panic("mutex %s is not held", m->lock.name);
	m->owner = NULL;
}

/* Sleeping: the hook plays everybody else. */
static void host_sleep(void)
{
	if (nheld) panic("sleeps with lock %s held", held[nheld - 1]->name);
	if (!host_sleep_hook) panic("a thread sleeps and nothing can wake it");
	host_sleep_hook();
}

WEAK void waitq_wake_all(struct waitq *q) { (void)q; }
WEAK void waitq_wake_one(struct waitq *q) { (void)q; }

WEAK int sched_sleep(struct spinlock *lk, uint64_t deadline, bool interruptible)
{
	spin_unlock(lk);
	if (deadline == WAIT_FOREVER || host_sleep_hook) host_sleep();
	if (deadline != WAIT_FOREVER) host_now = MAX(host_now, deadline);
	spin_lock(lk);
	if (interruptible && host_sleep_status) return host_sleep_status;
	return deadline == WAIT_FOREVER ? 0 : -ETIMEDOUT;
}

WEAK int waitq_sleep(struct waitq *q, struct spinlock *lk, uint64_t deadline, bool interruptible)
{
	(void)q;
	return sched_sleep(lk, deadline, interruptible);
}

WEAK void thread_sleep(uint64_t ns)
{
	host_now += ns;
	host_sleep();
}

WEAK int oom_wait(void) { return -ENOMEM; }
WEAK void thread_yield(void) { host_sleep(); }
WEAK struct port *fs_port;
WEAK void port_notify(struct port *p, uint64_t bits) { (void)p, (void)bits; }
WEAK void sched_wake(struct thread *t, bool ahead) { (void)t, (void)ahead; }

WEAK bool thread_ends(const struct thread *t) { (void)t; return false; }
WEAK bool thread_has_signal(struct thread *t) { (void)t; return false; }
WEAK uint64_t time_mono(void) { return host_now += 1000; }
WEAK int64_t time_real(void) { return (int64_t)(time_mono() + 1700000000000000000ull); }

/* User memory is host memory. */
WEAK size_t copy_in_part(void *dst, uaddr_t src, size_t n) { memcpy(dst, (void *)src, n); return 0; }
WEAK size_t copy_out_part(uaddr_t dst, const void *src, size_t n) { memcpy((void *)dst, src, n); return 0; }
WEAK int copy_in(void *dst, uaddr_t src, size_t n) { return copy_in_part(dst, src, n) ? -EFAULT : 0; }
WEAK int copy_out(uaddr_t dst, const void *src, size_t n) { return copy_out_part(dst, src, n) ? -EFAULT : 0; }
WEAK bool user_range_ok(uaddr_t start, uint64_t len) { return start + len >= start; }

/* Memory: the heap, unless mm/kmem.c and its neighbours are linked. */
WEAK void *kalloc(size_t size) { return calloc(1, size ? size : 1); }
WEAK void kfree(void *p) { free(p); }

/* Only tests that call host_mm_init() link frame.c and pmap.c. */
#pragma weak page_array
#pragma weak frame_init
#pragma weak frame_alloc
#pragma weak kernel_pmap

void host_kernel_tables(void)
{
	pte_t *root;

	kernel_pmap.root = page_phys(frame_alloc(PAGE_KERNEL, FRAME_ZERO));
	root = phys_to_virt(kernel_pmap.root);
	for (unsigned i = 256; i < 512; i++) root[i] = page_phys(frame_alloc(PAGE_KERNEL, FRAME_ZERO)) | PTE_P | PTE_W;
}

void host_mm_init(unsigned pages)
{
	static struct bootinfo bi = { .magic = BOOTINFO_MAGIC, .nranges = 1, .page_array = PAGE_SIZE };
	uint64_t first = 1 + ROUND_UP(pages * BOOT_PAGE_BYTES, PAGE_SIZE) / PAGE_SIZE;
	static void *ram;

	if (ram) return;
	ram = aligned_alloc(PAGE_SIZE, pages * PAGE_SIZE);
	if (!ram) abort();
	memset(ram, 0xa5, pages * PAGE_SIZE);           /* memory is not zero at power-on */
	direct_base = (uintptr_t)ram;
	bi.npages = pages;
	memset(phys_to_virt(bi.page_array), 0, pages * BOOT_PAGE_BYTES);
	bi.range[0] = (struct boot_range){ first * PAGE_SIZE, (pages - first) * PAGE_SIZE, BOOT_RAM_FREE, 0 };
	frame_init(&bi);
	host_kernel_tables();
}

void host_mm_done(void)
{
	host_sleep_hook = NULL;
	host_sleep_status = 0;
	if (nheld) panic("lock %s is still held", held[nheld - 1]->name);
}
