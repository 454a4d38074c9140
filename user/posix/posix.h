/* SPDX-License-Identifier: MIT */
/* user/posix/posix.h - what a conformance test is made of.  Runs on Quire and on Linux alike.
 *
 *      TEST(MS4, sync_with_async_is_refused)
 *      {
 *              int fd = new_file("f", 4096);
 *              char *p = map_file(fd, 4096);
 *
 *              expect_error(msync(p, 4096, MS_SYNC | MS_ASYNC), EINVAL);
 *      }
 *
 * The first word is the assertion's number (tests/conformance/assertions.txt).  Each test runs in a process of its own,
 * in an empty directory of its own that is removed afterwards, and is killed after 60 s.
 *
 * Two worlds: booted with vm=split, Quire's read() and write() work on one copy of a file, mappings on another, and
 * only msync brings them together.  A test that is not about that must hold in both: publish() what was stored before
 * read() is asked for it, refetch() a mapping after write().  A test that is about that asks split_world().
 */
#ifndef USER_POSIX_H
#define USER_POSIX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct test { const char *id, *name; void (*run)(void); };

#define TEST(id, name) \
	static void name(void); \
	static const struct test test_##name = {#id, #name, name}; \
	static const struct test *const entry_##name __attribute__((section("tests"), used)) = &test_##name; \
	static void name(void)

#define PAGE 4096l

/* A condition that must hold: a failure is printed with its line, and the test goes on. */
#define expect(cond) expect_(!!(cond), #cond, __FILE__, __LINE__, true)
/* What the rest of the test needs: a failure ends it. */
#define must(cond) ((cond) ? (void)0 : give_up(#cond, __FILE__, __LINE__))
/* The call fails with this errno. */
#define expect_error(call, error) \
	(errno = 0, expect_((intptr_t)(call) == -1 && errno == (error), #call " fails with " #error, __FILE__, __LINE__, true))
/* A reference to the byte raises this signal with this si_code, and si_addr is the byte's address. */
#define expect_fault(at, store, signo, code) \
	expect_(faults(at, store, signo, code), #at " raises " #signo " " #code, __FILE__, __LINE__, true)
/* All n bytes at p are c. */
#define expect_bytes(p, c, n) expect_(all_are(p, c, n), "all bytes of " #p " are " #c, __FILE__, __LINE__, true)

bool expect_(bool ok, const char *what, const char *file, int line, bool with_errno);
void give_up(const char *what, const char *file, int line) __attribute__((noreturn));
/* Ends the test as skipped: what it needs is not on this system.  Never for what Quire promises. */
void skip(const char *why) __attribute__((noreturn));

/* A new file of n bytes, byte i being pattern(i); open for reading and writing. */
int new_file(const char *name, long n);
char pattern(long i);
/* Are the n bytes at p the pattern from byte `from` on? */
bool is_pattern(const void *p, long from, long n);
bool all_are(const void *p, char c, size_t n);
/* MAP_SHARED, readable and writable, from offset 0; ends the test if that fails. */
char *map_file(int fd, size_t n);
char *map_at(int fd, size_t n, int prot, int flags, off_t offset);
/* n bytes of the file at the offset, through read(); ends the test if there are fewer. */
void read_at(int fd, void *to, size_t n, off_t offset);
void write_at(int fd, const void *from, size_t n, off_t offset);
int byte_at(int fd, off_t offset);              /* -1: past the end */

/* Stores become visible to read(); writes become visible in the mapping: see above. */
long size_of(int fd);
long offset_of(int fd);
bool holds(int fd, const char *text);   /* is the file just the string? */
void publish(void *p, size_t n);
void refetch(void *p, size_t n);
bool split_world(void);

bool faults(volatile void *at, bool store, int signo, int code);
enum { LOAD = 0, STORE = 1 };

/* Runs fn(arg) in a child; its exit status, 128 + signal if one ended it.  expect() works in the child: a failure
 * there makes the test fail when the child is waited for by this function. */
int in_child(void (*fn)(void *), void *arg);

/* A child that runs fn(arg) beside us; child_end() waits for it, and expect() in it counts as with in_child(). */
pid_t child_start(void (*fn)(void *), void *arg);
void child_end(pid_t pid);

void thread_start(pthread_t *t, void *(*fn)(void *), void *arg);
void *thread_join(pthread_t t);

/* Two processes take turns: each side calls turn_wait() and turn_give(); from turns_new(), shared across fork. */
struct turns { int to[2], from[2]; };
struct turns turns_new(void);
void turn_give(int pipe_end[2]);
void turn_wait(int pipe_end[2]);

#endif
