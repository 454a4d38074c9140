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

#include "abi/facts.h"

/* arg[0] the call's number, arg[1..6] its arguments, arg[7] the caller's pid | tid << 32; lend[0] all of its memory.
 * => status 0, arg[0] the result; or status -errno */
#define PM_CALL 0x400u

/* PM_SLEEP: clock_nanosleep of a clock that the kernel cannot wait for.  arg[4] is 0, or arg[1] of the answer before.
 * => arg[0] how many ns to sleep before it is asked again, 0: it is over; arg[1] when on that clock it will be */

/* Stops, by the thread that took the signal: arg[0] the process's pid, arg[1] the signal. */
#define PM_STOPPED   0x401u             /* => arg[0] 1: it must not, nobody could continue its group */
#define PM_CONTINUED 0x402u             /* in any case, after that */

/* A bit of its port: there is no memory.  It is raised until there is. */
#define NOTIFY_NO_MEMORY 1u

/* Notes.  word[0]: which, and pid << 32.  A birth has PM_SIGNAL(what the parent gets at its end; 0: nothing), and in
 * word[1] who made it: its parent, or with PM_SIBLING its parent's other child. */
#define PM_NOTE      0xffu              /* which */
#define PM_BORN      1u
#define PM_ENDED     2u                 /* a zombie, until SYS_proc_reap */
#define PM_SIGNAL(n) ((n) << 8)         /* 7 bits */
#define PM_SIBLING   0x10000u

/* execve is such a call, of a process of its own: arg[4] is where the stack ends in the new program's memory, in which
 * the vDSO is mapped.  lend[1] is all of that memory, to be written to.
 * => arg[0] 0; arg[1] where in it a struct exec_plan lies and the pieces behind that; arg[2], arg[3] the nodes of program
 * and interpreter, or 0, which were opened and are the caller's to close; handle[0], handle[1] their objects. */
struct exec_plan {
	uint64_t entry;                 /* where the new program begins */
	struct program_layout program;  /* with which stack, words and heap */
	uint32_t exec_stack;            /* 1: code may run on its stack */
	uint32_t npieces;
	struct proc_attr attr;          /* its name and rights; of a server all of it */
};

/* Pages of an object, private ones; behind `bytes` of it zeros, if there are any, up to the end of a page. */
struct exec_piece {
	uint64_t addr, off, bytes;      /* addr and off: multiples of a page */
	uint32_t zeros;
	uint16_t prot, object;          /* PROT_*; which handle, or EXEC_ZEROS: no object */
};
#define EXEC_ZEROS 2u

/* fork, vfork, clone and clone3 are such calls, too: fork and vfork as the clone that they are.  arg[6] is the set of
 * signals that were pending when it began.  The answer is a plan, which ring 0 carries out: */
struct clone_plan {                     /* arg[0] and on */
	uint64_t result;                /* 0 */
	uint64_t flags;                 /* CLONE_VM, VFORK, PARENT, THREAD, SETTLS, *TID, CLEAR_SIGHAND count */
	uint64_t stack;                 /* 0: at its maker's address */
	uint64_t parent_tid, child_tid, tls;
	uint64_t pid;                   /* it gets the first that is free from here on; 0: after the last one made */
	uint64_t note;                  /* PM_SIGNAL, PM_SIBLING: said again when it is born */
};

/* SYS_signal_post's answers. */
enum {
	SIGNAL_NOT,                     /* it is not pending: ignored, or (asked, removed) there is none */
	SIGNAL_PENDING,                 /* it was already; a timer's counts these expirations as overruns */
	SIGNAL_QUEUED,                  /* it is now */
};
#define TIMER_ASK    (-1)               /* instead of a number of overruns: is its signal pending? */
#define TIMER_REMOVE (-2)               /* and it shall not be */

#define QUIRE_NAMES {"Quire", "quire", "1.0", "#1", "x86_64", "(none)"}     /* uname(2), until the host gets another */

#endif
