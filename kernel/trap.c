/* SPDX-License-Identifier: MIT */
/* kernel/trap.c - RING 0 - every trap and interrupt: whose it is, and what the thread gets for it.
 *
 * Path:  entry.S > [trap.c] > mm/fault.c (page faults), apic.c (interrupts), syscall.c, signal.c
 * Locks: none.
 */
#include "kernel/trap.h"

#include "kernel/apic.h"
#include "kernel/clock.h"
#include "kernel/panic.h"
#include "kernel/proc.h"
#include "mm/map.h"

#define PAGE_FAULT 14

/* signal numbers and codes as on Linux (asm/signal.h, asm-generic/siginfo.h) */
static const struct { uint8_t signo, code; } exception[32] = {
	[0] = {SIGFPE, FPE_INTDIV}, [1] = {SIGTRAP, TRAP_TRACE}, [3] = {SIGTRAP, SI_KERNEL}, [4] = {SIGSEGV, SI_KERNEL},
	[5] = {SIGSEGV, SI_KERNEL}, [6] = {SIGILL, ILL_ILLOPN}, [7] = {SIGSEGV, SI_KERNEL}, [11] = {SIGBUS, SI_KERNEL},
	[12] = {SIGBUS, SI_KERNEL}, [13] = {SIGSEGV, SI_KERNEL}, [16] = {SIGFPE, FPE_FLTINV}, [17] = {SIGBUS, BUS_ADRALN},
	[19] = {SIGFPE, FPE_FLTINV},
};

static uint32_t fault_wants(uint64_t error)
{
	return error & PF_FETCH ? PROT_EXEC : error & PF_WRITE ? PROT_WRITE : PROT_READ;
}

/* Nothing can be reclaimed: the process that asked goes, kernel and servers go on. */
static void out_of_memory(void)
{
	kprintf("quire: out of memory: process %u (%s) is killed\n", current_proc()->pid, current_proc()->name);
	signal_send(current_proc(), SIGKILL, SI_KERNEL, 0);
}

/* A fault that vm_fault() could not mend becomes a signal (POSIX mmap: SIGSEGV, SIGBUS). */
static void fault_signal(struct trapframe *tf, uaddr_t va, int rc)
{
	if (rc == -EFAULT) signal_fault(SIGSEGV, SEGV_MAPERR, va, tf);
	else if (rc == -EACCES) signal_fault(SIGSEGV, SEGV_ACCERR, va, tf);
	else if (rc == -ENOMEM) out_of_memory();
	else if (rc != -EINTR) signal_fault(SIGBUS, BUS_ADRERR, va, tf);
}

static void page_fault(struct trapframe *tf, uaddr_t va)
{
	struct thread *t = current_thread();
	uint64_t fixup = trap_from_user(tf) ? 0 : usercopy_fixup(tf->rip);
	int rc = -EFAULT;

	if (!trap_from_user(tf) && (!fixup || va >= USER_TOP || !t->proc)) {
		if (fixup) {
			tf->rip = fixup;        /* a copy at an address that is nobody's */
			return;
		}
		trap_fatal(tf);
	}
	irq_enable();
	if (t->proc->map) rc = vm_fault(t->proc->map, va, fault_wants(tf->error));
	irq_disable();
	if (rc == 0) return;
	if (fixup) tf->rip = fixup;
	else fault_signal(tf, va, rc);
}

static void exception_handle(struct trapframe *tf)
{
	uint64_t v = tf->vector;

	if (v == PAGE_FAULT) {
		page_fault(tf, read_cr2());
	} else if (!trap_from_user(tf) || !exception[v].signo) {
		trap_fatal(tf);
	} else {
		signal_fault(exception[v].signo, (int8_t)exception[v].code, tf->rip, tf);
	}
}

/* Back to ring 3: first whose turn it is, then signals.  => interrupts off on return */
void trap_exit(struct trapframe *tf)
{
	irq_disable();
	while (this_cpu()->resched || thread_has_signal(current_thread())) {
		irq_enable();
		if (this_cpu()->resched) thread_preempt();
		if (thread_has_signal(current_thread())) signal_deliver(tf);
		irq_disable();
	}
	this_cpu()->doing = "ring 3";
}

void trap_handle(struct trapframe *tf)
{
	struct cpu *c = this_cpu();

	c->doing = tf->vector < 32 ? "exception" : "interrupt";
	if (tf->vector < 32) {
		exception_handle(tf);
	} else if (tf->vector == VECTOR_TIMER) {
		apic_eoi();
		clock_interrupt();
	} else if (tf->vector != VECTOR_SPURIOUS) {
		irq_dispatch(tf->vector);
		apic_eoi();
	}
	if (trap_from_user(tf)) trap_exit(tf);
}

void syscall_handle(struct trapframe *tf)
{
	this_cpu()->doing = "system call";
	current_thread()->syscall_nr = tf->error;
	irq_enable();
	syscall_dispatch(tf);
	trap_exit(tf);
}
