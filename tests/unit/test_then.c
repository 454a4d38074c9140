/* SPDX-License-Identifier: MIT */
/* links: tests/unit/stub_kernel.c mm/frame.c mm/pmap.c tests/checks/*.c */
/* tests/unit/test_then.c - HOST - what the file server says is done then: it may say anything, and breaks nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "kernel/cpu.h"
#include "tests/unit/stub_kernel.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "kernel/sys_name.c"

static struct proc proc;
static struct thread thread = { .proc = &proc, .syscall_nr = 217 };
static struct file dir = { .refs = 1, .mode = S_IFDIR, .node = 7 };
static uint64_t then, arg1;             /* the reply */
static unsigned done;                   /* things that were done then */

struct thread *current_thread(void) { return &thread; }

/* As in lock.c: K2. */
void mutex_lock(struct mutex *m)
{
	INVARIANT("K2", thread.mutexes < BIT(m->rank));
	thread.mutexes |= BIT(m->rank);
}

void mutex_unlock(struct mutex *m) { thread.mutexes &= ~BIT(m->rank); }

long name_call(struct kmsg *k, uint32_t op, bool interruptible)
{
	k->m.arg[0] = 5;
	k->m.arg[NAME_THEN] = then;
	k->m.arg[1] = arg1;
	return 5;
}

static long did(void)
{
	done++;
	return 0;
}

int fd_install(struct file *f, int fd, bool cloexec, bool replace)
{
	mutex_lock(&proc.files_lock);
	mutex_unlock(&proc.files_lock);
	file_put(f);
	return did();
}

struct file *fd_get_any(int fd)
{
	file_ref(&dir);
	return &dir;
}

struct file *fd_get(int fd) { return fd_get_any(fd); }
void file_ref(struct file *f) { f->refs++; }
void file_put(struct file *f) { f->refs--; }
struct file *file_alloc(uint32_t flags)
{
	static struct file opened;

	opened = (struct file){ .refs = 1, .flags = flags };
	return &opened;
}

int copy_in_str(char *dst, uaddr_t src, size_t size) { return -EFAULT; }
int64_t fsize_exceeded(int64_t rc, uint64_t pos) { return rc; }
int file_set_size(struct file *f, uint64_t size) { return did(); }
int fifo_open(struct file *f, struct kobj *pipe) { return did(); }
int map_map(struct map *m, uaddr_t *at, uint64_t len, uint32_t prot, uint32_t max, uint32_t flags, struct vmo *v,
            uint64_t off)
{
	return did();
}
void objs_drop(struct kobj *obj[IPC_HANDLES]) { }
uint64_t pipe_bytes(struct pipe *p) { return 0; }
void poll_wake(uint64_t *polled) { }
void split_publish(struct vmo *v, uint64_t first, uint64_t last) { did(); }
const char *syscall_kinds(uint32_t nr) { return "fd addr size"; }
bool thread_has_signal(struct thread *t) { return false; }
int vmo_allocate(struct vmo *v, uint64_t off, uint64_t len, bool keep) { return did(); }
int vmo_invalidate(struct vmo *v, uint64_t first, uint64_t last) { return did(); }
void vmo_prefetch(struct vmo *v, uint64_t first, uint64_t last) { did(); }
int vmo_punch(struct vmo *v, uint64_t off, uint64_t len) { return did(); }
int vmo_sync(struct vmo *v, uint64_t first, uint64_t last, unsigned wb, uint32_t *seen) { return did(); }
void vmo_user_get(struct vmo *v) { }
int vmo_wait(struct vmo *v, uint64_t first, uint64_t last, uint32_t *seen) { return did(); }
const struct file_ops vmo_ops;

static int setup(void **st)
{
	proc.files_lock.rank = dir.lock.rank = RANK_FILE;
	done = 0;
	return 0;
}

/* getdents64 has the directory's lock: nothing but its position may be changed then. */
static void a_directory_is_read_whatever_is_to_be_done_then(void **st)
{
	for (then = THEN_FD; then <= THEN_DROP + 1; then++) {
		if (then == THEN_SEEK) continue;
		assert_int_equal(sys_getdents64(3, 0, 100, 0, 0, 0), -EIO);
		assert_int_equal(done, 0);
		assert_int_equal(thread.mutexes, 0);
		assert_int_equal(dir.refs, 1);
	}
	then = THEN_SEEK;
	arg1 = 99;
	assert_int_equal(sys_getdents64(3, 0, 100, 0, 0, 0), 5);
	assert_int_equal(dir.offset, 99);
	then = THEN_NOTHING;
	assert_int_equal(sys_getdents64(3, 0, 100, 0, 0, 0), 5);
}

/* What was opened becomes a descriptor; pages of what has none are the server's mistake. */
static void other_calls_do_what_they_are_told(void **st)
{
	then = THEN_FD;
	arg1 = S_IFDIR;
	assert_int_equal(sys_forward_open(3, 0, 0, 0, 0, 0), 0);
	assert_int_equal(done, 1);
	for (then = THEN_SIZE; then <= THEN_DROP + 1; then++)
		assert_int_equal(sys_forward_name(3, 0, 0, 0, 0, 0), -EIO);
	assert_int_equal(done, 1);
	assert_int_equal(dir.refs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_directory_is_read_whatever_is_to_be_done_then, setup),
		cmocka_unit_test_setup(other_calls_do_what_they_are_told, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
