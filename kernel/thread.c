/* SPDX-License-Identifier: MIT */
/* kernel/thread.c - RING 0 - making and freeing threads: stack and guard page, what the first switch finds, the FPU.
 *
 *   kstack + 5 pages   +--------------------------+
 *                      | struct thread            |
 *                      | registers of the FPU     |     XSAVE's area, of threads of ring 3
 *   kstack + 4 pages   +--------------------------+  <- TSS.rsp0: where an entry from ring 3 begins to push
 *                      | struct trapframe (tf)    |     ring 3's registers while the thread is in ring 0
 *                      | return address           |     thread_first at the beginning
 *                      | rbx rbp r12 .. r15       |  <- thread->rsp: what context_switch() pops
 *                      |   ...                    |
 *   kstack             +--------------------------+
 *                      | guard page, not mapped   |
 *
 * X1  An area of the FPU fits its place: the loader lets XCR0 enable nothing that makes it larger (boot/control.c).
 *
 * Locks: none.
 */
#include "kernel/thread.h"
#include "mm/page.h"

/* The code that boots becomes the first CPU's idle thread. */
extern char __boot_stack_top[];
struct thread boot_thread = {
	.name = "idle", .doing = "booting", .affinity = ~0ull,
	.kstack = (uint64_t)__boot_stack_top - KSTACK_PAGES * PAGE_SIZE,
	.wait_link = LIST_INIT(boot_thread.wait_link), .proc_link = LIST_INIT(kernel_threads),
};
struct list kernel_threads = LIST_INIT(boot_thread.proc_link);
static uint32_t next_tid = BIT(22);     /* above all pids: a process's first thread has its pid */

extern void thread_first(void);

struct switch_frame { uint64_t r15, r14, r13, r12, rbp, rbx, rip; };    /* what context_switch() pops */

/* fn NULL: a thread of ring 3, which starts with the registers in tf. */
struct thread *thread_create(struct proc *p, const char *name, void (*fn)(void))
{
	_Static_assert(sizeof(struct thread) <= PAGE_SIZE - BOOT_FPU_MAX, "X1");
	uint64_t kstack = (uint64_t)kalloc((KSTACK_PAGES + 1) * PAGE_SIZE), top = kstack + KSTACK_PAGES * PAGE_SIZE;
	struct thread *t = (struct thread *)(top + PAGE_SIZE) - 1;

	if (!kstack) return NULL;
	t->kstack = kstack;
	t->proc = p;
	t->name = name;
	t->doing = "a thread's start";
	t->affinity = ~0ull;
	t->cpu = this_cpu();
	list_init(&t->link);
	list_init(&t->wait_link);
	list_init(&t->proc_link);
	list_init(&t->pending.queue);
	if (p) t->fpu = memcpy((void *)top, fpu_start(), BOOT_FPU_START);
	t->tf = (struct trapframe *)top - 1;
	t->rsp = (uint64_t)t->tf - sizeof(struct switch_frame);
	*(struct switch_frame *)t->rsp = (struct switch_frame){.r12 = (uint64_t)fn, .rip = (uint64_t)thread_first};
	t->tid = __atomic_fetch_add(&next_tid, 1, __ATOMIC_RELAXED);
	if (!p) list_push_back(&kernel_threads, &t->proc_link);
	return t;
}

void thread_free(struct thread *t) { kfree((void *)t->kstack); }

void thread_kernel(const char *name, void (*fn)(void))
{
	struct thread *t = thread_create(NULL, name, fn);

	if (!t) panic("no memory for the kernel thread %s; give the machine 64 MiB", name);
	thread_start(t);
}

/* ---- x87, SSE, AVX and AVX-512 state (SDM 1 ch. 13; FXSAVE without XSAVE): saved and restored at every switch of user
 * threads, which is simple, and under TCG cheaper than a trap.  Ring 0 itself is compiled without these registers. */

/* SDM 1 10.5.1, 13.4.2: what of an area has to be looked at. */
struct area {
	uint8_t  x87[24];
	uint32_t mxcsr;
	uint8_t  xmm[484];
	uint64_t components, reserved[7];       /* the header of XSAVE; without it zeros, as the rest of the page */
};

static bool has_xsave(void) { return frame_bootinfo->control.cr4 & BOOT_CR4_OSXSAVE; }
uint32_t fpu_area_size(void) { return frame_bootinfo->control.fpu_area; }
uint64_t fpu_features(void) { return frame_bootinfo->control.xcr0; }
const void *fpu_start(void) { return frame_bootinfo->control.fpu_start; }

void fpu_save(void *area)
{
	uint32_t which = fpu_features();

	if (has_xsave()) __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(which), "d"(0) : "memory");
	else __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void fpu_restore(const void *area)
{
	uint32_t which = fpu_features();

	if (has_xsave()) __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(which), "d"(0) : "memory");
	else __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* SDM 1 13.8: reserved header bits, unknown components or reserved MXCSR bits would fault. */
bool fpu_area_ok(const void *area)
{
	const struct area *a = area;

	for (size_t i = 0; i < ARRAY_LEN(a->reserved); i++)
		if (a->reserved[i]) return false;
	return !(a->mxcsr & ~0xffffu) && !(a->components & ~fpu_features());
}
