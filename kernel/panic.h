/* SPDX-License-Identifier: MIT */
/* kernel/panic.h - RING 0 - the report of a broken kernel, and what a debugger may call. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "kernel/klib.h"

struct thread;
struct trapframe;

void trap_fatal(struct trapframe *) __attribute__((noreturn));  /* an exception that ring 0 must not cause */
void symbols_init(paddr_t elf, uint64_t len);                   /* the kernel's own ELF file; 0: none */
const char *symbol_at(uint64_t addr, uint64_t *offset);         /* NULL: unknown */
/* rip (0: not known) and the callers by frame pointers from fp, within the stack of t. */
void backtrace_print(const struct thread *t, uint64_t rip, uint64_t fp);

/* debug.c.  For gdb, stopped in ring 0: `call debug_threads()`.  They print to the console and take no lock. */
void debug_threads(void);                       /* all threads: state, process, system call, what they wait in */
void debug_cpus(void);                          /* who runs, what waits to run, timers, locks */
void debug_panic_test(const char *how);         /* the word panic=HOW of the command line */

#endif
