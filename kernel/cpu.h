/* SPDX-License-Identifier: MIT */
/* kernel/cpu.h - RING 0 - per-CPU data, instructions that C cannot say, other CPUs, interrupts, a trap's registers. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include "abi/facts.h"
#include "kernel/lock.h"

#define MAX_CPUS 16

struct pmap;

/* Free pages (mm/frame.c): a CPU's own, or everybody's. */
struct frames { struct spinlock lock; struct list pages; uint64_t n; };
extern struct frames frames_all;
#define SPARES_MAX 64                   /* that a CPU keeps; half as many go between it and all others' list at once */

/* %gs:0 in ring 0.  Its CPU alone touches it, interrupts off, but for [s] runq_lock and what has a lock of its own. */
struct cpu {
	struct cpu *self;               /* offset 0 */
	struct thread *thread;          /* offset 8: who runs; [s] for others */
	uint64_t user_rsp;              /* offset 16: scratch of the system-call entry */
	struct boot_tss *tss;           /* offset 24; its rsp0 is the running thread's */
	uint32_t id;
	uint32_t lock_depth;            /* spinlocks held */
	bool     lock_irq;              /* were interrupts on before the first one? */
	struct pmap *pmap;              /* whose CR3 is loaded */
	struct thread *idle;
	struct thread *last;            /* [s] who ran before, for sched_finish(): its state is saved */
	bool     resched;               /* switch at the next return to ring 3; others only set it, with [s] */
	struct spinlock runq_lock;
	struct list runq[2];            /* [s] S5: those that go first, the others */
	uint32_t nready;                /* [s] threads on both; others read it for a guess */
	bool     program;               /* [s] who runs is one's; likewise */
	uint64_t turn_end;              /* [s] S5: the first go first until then, time_mono() */
	uint64_t quantum_end;           /* [s] the running thread's */
	struct list sleepers;           /* [s] until a moment, the first one's first */
	uint64_t clock_at;              /* the APIC timer interrupts then; ~0: never */
	struct frames spares;
	union { struct facts_cpu counts; struct facts_cpu; };           /* for all to read */
};

extern struct cpu cpus[MAX_CPUS];
extern uint32_t ncpus;

/* On that CPU, before anything else.  idle: the thread that runs already, on its stack */
struct bootinfo;
void cpu_init(const struct bootinfo *, uint32_t id, struct thread *idle);

#ifndef QUIRE_HOST
static inline struct cpu *this_cpu(void)
{
	struct cpu *c;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(c));
	return c;
}
static inline struct thread *current_thread(void)
{
	struct thread *t;

	__asm__ volatile("mov %%gs:8, %0" : "=r"(t));
	return t;
}
static inline void outb(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outw(uint16_t port, uint16_t v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
#define MSR_FS_BASE 0xc0000100u
#define MSR_KERNEL_GS_BASE 0xc0000102u  /* ring 3's GS base while ring 0 runs (SDM 2B SWAPGS) */
static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (uint64_t)hi << 32;
}
static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}
static inline uint64_t read_cr2(void) { uint64_t v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline uint64_t read_cr3(void) { uint64_t v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static inline void write_cr3(uint64_t v) { __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory"); }
static inline void invlpg(uint64_t va) { __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory"); }
static inline void irq_enable(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void irq_disable(void) { __asm__ volatile("cli" : : : "memory"); }
/* Interrupts off; were they on? */
static inline bool irq_off(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; pop %0; cli" : "=r"(flags) : : "memory");
	return flags & 0x200;
}
#else
struct cpu *this_cpu(void);
struct thread *current_thread(void);
uint64_t read_cr3(void);
void write_cr3(uint64_t v);
void invlpg(uint64_t va);
void irq_enable(void);
bool irq_off(void);
#endif

extern bool cpu_has_smap;       /* set before the first user process */

/* ---- further CPUs: started, interrupted */

void smp_start(void);           /* every CPU that ACPI lists */
void smp_stop_others(void);     /* panic: they halt for good */
void cpu_kick(struct cpu *);    /* it looks at its run queue, timer and signals soon; also a CPU that idles */

void shootdown_poll(void);      /* pmap.c N2: forget what others ask; wherever a CPU waits with interrupts off */

/* ---- interrupts: the local APIC, and vectors */

					/* BOOT_*_VECTOR, and */
#define VECTOR_KICK      0xf0           /* from another CPU: look at your queue */
#define VECTOR_SHOOTDOWN 0xf1           /* shootdown_poll() */

void apic_send(const struct cpu *, uint32_t what);      /* a vector */
void apic_eoi(void);
void apic_timer_set(uint64_t ns);       /* one interrupt after this time, or after a second if that is sooner */

/* ---- registers as an entry from ring 3 (or a trap in ring 0) saves them */

/* Order of pushes in entry.S, which is that of struct sigcontext; the last five are the CPU's (SDM 3A 6.14.2). */
struct trapframe {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx;
	uint64_t vector, error;         /* system call: vector 0x100, error = its number (orig_rax) */
	uint64_t rip, cs, rflags, rsp, ss;
};

#define TRAP_SYSCALL 0x100
#define USER_CS 0x33            /* as on Linux, so that sigcontext looks the same */
#define USER_SS 0x2b
#define KERNEL_CS 0x08

static inline bool trap_from_user(const struct trapframe *tf) { return (tf->cs & 3) == 3; }

void trap_fatal(struct trapframe *) __attribute__((noreturn));  /* panic.c: an exception that ring 0 must not cause */
/* syscall.c: called with interrupts on; the result goes to tf->rax. */
void syscall_dispatch(struct trapframe *tf);
/* signal.c: called on every way back to ring 3, interrupts on; may not return (fatal signal). */
void signal_deliver(struct trapframe *tf);
/* signal.c: the current thread did something wrong (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP): forced, with siginfo. */
void signal_fault(int signo, int code, uaddr_t addr, struct trapframe *tf);
/* usercopy.c: where a fault at kernel address rip continues (the copy then returns -EFAULT); 0: nowhere. */
uint64_t usercopy_fixup(uint64_t rip);

#endif
