/* SPDX-License-Identifier: MIT */
/* abi/pm.h - BOTH RINGS - the process manager's protocol: Linux's system calls that ring 0 passes on as they are.
 *
 *   program        kernel                               process manager
 *   syscall  --->  forward.c  PM_CALL  -------------->  main.c: a function by the number
 *   (sleeps)                  <----- lend_read, lend_write: arguments in memory, at the program's own addresses
 *                                                       facts, proc_set: what it knows and decides of processes
 *   result   <---             <-----------------------  reply
 */
#ifndef ABI_PM_H
#define ABI_PM_H

/* arg[0] the call's number, arg[1..6] its arguments, arg[7] the caller's pid | tid << 32; lend[0] all of its memory.
 * => status 0, arg[0] the result; -EAGAIN: nothing was done, arg[1] bytes of its memory from arg[0] on are not there to be
 * read, or with arg[2] written: the caller brings the pages and the call begins again; or status -errno */
#define PM_CALL 0x400u

#define QUIRE_NAMES {"Quire", "quire", "1.0", "#1", "x86_64", "(none)"}     /* uname(2), until the host gets another */

#endif
