/* SPDX-License-Identifier: MIT */
/* kernel/panic.h - RING 0 - the report of a broken kernel. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "kernel/klib.h"

struct trapframe;
void trap_fatal(struct trapframe *) __attribute__((noreturn));  /* an exception that ring 0 must not cause */
void symbols_init(paddr_t elf, uint64_t len);
const char *symbol_at(uint64_t addr, uint64_t *offset);         /* NULL: unknown */

#endif
