/* SPDX-License-Identifier: MIT */
/* abi/trace.h - BOTH RINGS - what a traced process writes into its pipe at each system call: one record, never in parts.
 *
 * exit and exit_group tell before they do it (TRACE_NO_RESULT), all others afterwards. */
#ifndef ABI_TRACE_H
#define ABI_TRACE_H

#include <stdint.h>

#define TRACE_TEXTS     3
#define TRACE_WHICH     {0, 1, 3}       /* the arguments that may be paths, or text that is written */
#define TRACE_TEXT      64
#define TRACE_NO_RESULT INT64_MAX

struct trace_record {
	uint64_t nr, arg[6];
	int64_t  result;                /* as ring 0 has it: below -511 it starts again after a signal */
	uint32_t pid, pad;
	char     name[16];              /* of the program; cut */
	char     text[TRACE_TEXTS][TRACE_TEXT];         /* what the argument pointed to before the call; cut, "": nothing */
};

#endif
