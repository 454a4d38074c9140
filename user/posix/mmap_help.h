/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_help.h - what the mmap tests share beyond the frame. */
#ifndef USER_POSIX_MMAP_HELP_H
#define USER_POSIX_MMAP_HELP_H

#include "posix.h"

/* new_file(), and in the split world mappings show its pattern too. */
int shown_file(const char *name, long n);

/* What came of a reference: signo 0 if nothing. */
struct fault { int signo, code; char *addr; };
struct fault fault_of(void (*fn)(void *), void *arg);

/* Machine code that returns 42, and a jump to it (for fault_of). */
extern const char code_42[6];
void jump(void *at);
extern int jump_result;

#endif
