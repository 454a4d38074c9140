/* SPDX-License-Identifier: MIT */
/* kernel/syscalls.h - RING 0 - the functions behind the table of system calls (abi/syscalls.h). */
#ifndef KERNEL_SYSCALLS_H
#define KERNEL_SYSCALLS_H

#include "abi/syscalls.h"
#include "kernel/proc.h"

/* One shape for all: the six argument registers (System V ABI with r10 for rcx), a result >= 0 or -errno. */
#define SYSCALL_ARG __attribute__((unused)) uint64_t
#define SYSCALL_SIX(name, a, b, c, d, e, f, ...) \
	long sys_##name(SYSCALL_ARG a, SYSCALL_ARG b, SYSCALL_ARG c, SYSCALL_ARG d, SYSCALL_ARG e, SYSCALL_ARG f)
/* SYSCALL(name) has a0 to a5; SYSCALL(name, addr, len): the first have these names. */
#define SYSCALL(name, ...) SYSCALL_SIX(name, ##__VA_ARGS__, a0, a1, a2, a3, a4, a5, )

#define SYSCALL_PROTOTYPE(number, name, kinds) SYSCALL(name);
SYSCALLS_LINUX(SYSCALL_PROTOTYPE)
SYSCALLS_QUIRE(SYSCALL_PROTOTYPE)
SYSCALL(forward);
SYSCALL(forward_name);
SYSCALL(forward_open);
const char *syscall_kinds(uint32_t nr);        /* of arguments, of a call of Linux's, as the table has them */

#endif
