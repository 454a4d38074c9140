/* SPDX-License-Identifier: MIT */
/* kernel/trap.c - RING 0 - every trap and interrupt: whose it is, and what the thread gets for it.
 *
 * Path:  entry.S > [trap.c] > mm/fault.c (page faults), main.c and console.c (interrupts), syscall.c, signal.c
 * Locks: none, and none may be held when ring 3 goes on (K4 of lock.c).
 */
#include "kernel/proc.h"
#include "mm/map.h"

#define PAGE_FAULT 14
#define X87_ERROR  16
#define SIMD_ERROR 19
#define PF_WRITE   2                    /* bits of a page fault's error code (SDM 3A 4.7) */
#define PF_RESERVED 8                   /* a page table is damaged */
#define PF_FETCH   16

/* What an exception of ring 3 becomes, as on Linux; not listed: SIGSEGV.  Code 0: SI_KERNEL, without an address. */
static const struct { uint8_t signo, code; } exception[32] = {
	[0]  = {SIGFPE,  FPE_INTDIV},   /* divide error */
	[1]  = {SIGTRAP, TRAP_TRACE},   /* single step */
	[3]  = {SIGTRAP},               /* int3 */
	[6]  = {SIGILL,  ILL_ILLOPN},   /* invalid opcode */
	[11] = {SIGBUS},                /* segment not present */
	[12] = {SIGBUS},                /* stack segment: an address that is not canonical, through rsp */
	[17] = {SIGBUS,  BUS_ADRALN},   /* alignment check */
	[X87_ERROR]  = {SIGFPE, FPE_FLTINV},
	[SIMD_ERROR] = {SIGFPE, FPE_FLTINV},
};

/* FPE_* by exception flag: invalid, denormal, zero divide, overflow, underflow, inexact (SDM 1 8.5, 11.5). */
static const uint8_t fpe_code[6] = {7, 5, 3, 4, 5, 6};

/* Which unmasked exception it was: the FPU still holds ring 3's state, ring 0 does not use it. */
static int fpe_of(uint64_t vector)
{
	uint16_t status, control;
	uint32_t mxcsr, raised;

	if (vector == X87_ERROR) {
		__asm__ volatile("fnstsw %0; fnstcw %1" : "=m"(status), "=m"(control));
		raised = status & ~control;
	} else {
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		raised = mxcsr & ~(mxcsr >> 7);
	}
	raised &= BIT(ARRAY_LEN(fpe_code)) - 1;
	return raised ? fpe_code[__builtin_ctz(raised)] : FPE_FLTINV;
}

/* A fault that vm_fault() could not mend becomes a signal (POSIX mmap: SIGSEGV, SIGBUS). */
static void fault_signal(struct trapframe *tf, uaddr_t va, int rc)
{
	if (rc == -EFAULT) signal_fault(SIGSEGV, SEGV_MAPERR, va, tf);
	else if (rc == -EACCES) signal_fault(SIGSEGV, SEGV_ACCERR, va, tf);
	else if (rc == -ENOMEM) signal_send(current_proc(), SIGKILL);
	else signal_fault(SIGBUS, BUS_ADRERR, va, tf);
}

/* What the thread uses of the CPU from here to there is system time (getrusage).  Not counted: interrupts. */
static void ring0_enter(struct thread *t)
{
	t->sys_since = t->used.cpu_ns + time_mono() - t->run_since;
}

static void ring0_leave(struct thread *t)
{
	uint64_t ns = t->used.cpu_ns + time_mono() - t->run_since - t->sys_since;

	t->used.sys_ns += ns;
	this_cpu()->sys_ns += ns;       /* of the CPU on which it ends */
	t->sys_since = 0;
}

/* Ring 0 may fault in a copy to or from ring 3's memory alone.  With a lock held, when vm_fault() could not sleep, that
 * fails: the caller tries without the lock (futex.c).  => interrupts off on entry and return */
static void page_fault(struct trapframe *tf, uaddr_t va)
{
	struct proc *p;
	bool user = trap_from_user(tf);
	uint64_t fixup = user ? 0 : usercopy_fixup(tf->rip);
	uint32_t wants = tf->error & PF_FETCH ? PROT_EXEC : tf->error & PF_WRITE ? PROT_WRITE : PROT_READ;
	int rc = -EFAULT;

	if ((!user && !fixup) || (tf->error & PF_RESERVED)) trap_fatal(tf);
	p = current_proc();
	if (p && p->map && va < USER_TOP && this_cpu()->lock_depth == 0) {
		if (user) ring0_enter(current_thread());
		irq_enable();
		rc = vm_fault(p->map, va, wants);
		irq_disable();
		if (user) ring0_leave(current_thread());
	}
	if (rc == 0) return;
	if (user) fault_signal(tf, va, rc);
	else tf->rip = fixup;
}

static void exception_handle(struct trapframe *tf)
{
	uint64_t v = tf->vector;
	int signo = exception[v].signo ? exception[v].signo : SIGSEGV, code = exception[v].code;

	if (v == X87_ERROR || v == SIMD_ERROR) code = fpe_of(v);
	if (v == PAGE_FAULT) page_fault(tf, read_cr2());
	else if (!trap_from_user(tf)) trap_fatal(tf);
	else signal_fault(signo, code ? code : SI_KERNEL, code ? tf->rip : 0, tf);
}

/* Back to ring 3: first whose turn it is, then signals.  A program may have asked for an rip that is not canonical
 * (sigreturn, a handler's address): IRET would fault on it in ring 0, so it gets its signal here.
 * => interrupts off on return */
void trap_exit(struct trapframe *tf)
{
	struct thread *t = current_thread();

	INVARIANT("K4", this_cpu()->lock_depth == 0);
	irq_disable();
	while (this_cpu()->resched || thread_has_signal(t) || tf->rip >= USER_TOP) {
		irq_enable();
		thread_pause();
		if (tf->rip >= USER_TOP) signal_fault(SIGSEGV, SEGV_MAPERR, tf->rip, tf);
		if (thread_has_signal(t)) signal_deliver(tf);
		irq_disable();
	}
	t->doing = "ring 3";
}

/* Its end is told first: until we return nothing interrupts here. */
static void interrupt_handle(uint64_t vector)
{
	apic_eoi();
	switch (vector) {
	case BOOT_TIMER_VECTOR:
	case VECTOR_KICK:      sched_tick(); break;
	case VECTOR_SHOOTDOWN: shootdown_poll(); break;
	case BOOT_COM1_VECTOR: console_interrupt(); break;
	default:               device_interrupt(vector); break;
	}
}

void trap_handle(struct trapframe *tf)
{
	struct thread *t = current_thread();
	const char *doing = t->doing;

	if (tf->vector >= 32) t->doing = "interrupt";
	else if (trap_from_user(tf)) t->doing = tf->vector == PAGE_FAULT ? "page fault" : "exception";
	if (tf->vector < 32) exception_handle(tf);
	else if (tf->vector != BOOT_SPURIOUS_VECTOR) interrupt_handle(tf->vector);
	if (trap_from_user(tf)) trap_exit(tf);
	else t->doing = doing;
}

void syscall_handle(struct trapframe *tf)
{
	struct thread *t = current_thread();

	t->syscall_nr = tf->error;
	irq_enable();
	ring0_enter(t);
	syscall_dispatch(tf);
	ring0_leave(t);
	trap_exit(tf);
}
