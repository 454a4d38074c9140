/* SPDX-License-Identifier: MIT */
/* kernel/console.h - RING 0 - COM1 for log and terminal, port 0xE9 for results, and the end of the machine. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "kernel/klib.h"

void console_lock(void), console_unlock(void);  /* lines of several CPUs do not mix */
extern struct cpu *panicking;                   /* panic.c: whose panic is being told; nobody waits for that lock */
void console_put(char c);                       /* console locked */
void console_interrupt(void);                   /* there is input: the file server is notified */

#define STOP_PANIC  0x55        /* QEMU's status is (value << 1) | 1 */
/* The end: "[end] status=N" on the console, then isa-debug-exit, then ACPI's power off. */
void machine_stop(int status) __attribute__((noreturn));
void machine_exit(unsigned code) __attribute__((noreturn));     /* without the token: something broke */

#endif
