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

#include <stdint.h>

/* arg[0] the call's number, arg[1..6] its arguments, arg[7] the caller's pid | tid << 32; lend[0] all of its memory.
 * => status 0, arg[0] the result; -EAGAIN: nothing was done, arg[1] bytes of its memory from arg[0] on are not there to be
 * read, or with arg[2] written: the caller brings the pages and the call begins again; or status -errno */
#define PM_CALL 0x400u

/* A timer rings: SYS_timer_signal.  id < 0: an interval timer, whose signal tells nothing of it, and which outlives exec. */
struct timer_signal {
	uint32_t pid, tid;              /* tid 0: the process */
	uint64_t start_ns;
	uint32_t execs;
	int32_t signo, id, pad;
	uint64_t value;
};
#define TIMER_ASK    0ull               /* instead of a number of expirations */
#define TIMER_REMOVE (~0ull)
enum {                                  /* the answer */
	TIMER_NOT,                      /* it is not pending: ignored, or (asked, removed) there is none */
	TIMER_PENDING,                  /* it was already, and counts them as overruns */
	TIMER_QUEUED,                   /* it is now */
};

#define QUIRE_NAMES {"Quire", "quire", "1.0", "#1", "x86_64", "(none)"}     /* uname(2), until the host gets another */

#endif
