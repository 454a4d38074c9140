/* SPDX-License-Identifier: MIT */
/* kernel/trap.h - RING 0 - registers as an entry from ring 3 (or a trap in ring 0) saves them. */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include "kernel/klib.h"

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
