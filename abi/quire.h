/* SPDX-License-Identifier: MIT */
/* abi/quire.h - RING 3 - Quire's own system calls as functions.
 *
 * Each returns >= 0 or -errno, never -1 with errno.  abi/ipc.h says what they do; arguments are in its order. */
#ifndef ABI_QUIRE_H
#define ABI_QUIRE_H
#ifdef QUIRE_RING0
#error "a header of ring 3"
#endif

#include "abi/ipc.h"

/* The instruction itself: musl's syscall() would turn the result into errno. */
static inline long quire_call(long n, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return r;
}
#define QUIRE(n, a, b, c, d, e, f) \
	quire_call(n, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))

static inline long q_call(uint32_t port, struct ipc_msg *m) { return QUIRE(SYS_ipc_call, port, m, 0, 0, 0, 0); }
static inline long q_reply(struct ipc_msg *m) { return QUIRE(SYS_ipc_reply, m, 0, 0, 0, 0, 0); }
static inline long q_reply_recv_until(struct ipc_msg *m, uint64_t deadline)
{
	return QUIRE(SYS_ipc_reply_recv, m, deadline, 0, 0, 0, 0);
}
static inline long q_reply_recv(struct ipc_msg *m) { return q_reply_recv_until(m, 0); }
static inline long q_lend_read(uint64_t token, int which, uint64_t off, void *buf, uint64_t len)
{
	return QUIRE(SYS_lend_read, token, which, off, buf, len, 0);
}
static inline long q_lend_write(uint64_t token, int which, uint64_t off, const void *buf, uint64_t len)
{
	return QUIRE(SYS_lend_write, token, which, off, buf, len, 0);
}
static inline long q_close(uint32_t h) { return QUIRE(SYS_handle_close, h, 0, 0, 0, 0, 0); }
static inline long q_vmo_create(const struct vmo_args *a) { return QUIRE(SYS_vmo_create, a, 0, 0, 0, 0, 0); }
static inline long q_vmo_info(uint32_t h, struct vmo_info *i) { return QUIRE(SYS_vmo_info, h, i, 0, 0, 0, 0); }
static inline long q_vmo_set(uint32_t h, int which, uint64_t v) { return QUIRE(SYS_vmo_set, h, which, v, 0, 0, 0); }
static inline long q_vmo_map(uint32_t h, uint64_t off, uint64_t len)
{
	return QUIRE(SYS_vmo_map, h, off, len, 0, 0, 0);
}
static inline long q_vmo_read(uint32_t h, uint64_t off, void *buf, uint64_t len)
{
	return QUIRE(SYS_vmo_read, h, off, buf, len, 0, 0);
}
static inline long q_pipe_create(void) { return QUIRE(SYS_pipe_create, 0, 0, 0, 0, 0, 0); }
static inline long q_vm_write(const void *at, uint64_t len, uint32_t vmx)
{
	return QUIRE(SYS_vm_write, at, len, vmx, 0, 0, 0);
}
static inline long q_run_done(uint32_t run, uint64_t off, uint64_t len, int status)
{
	return QUIRE(SYS_run_done, run, off, len, status, 0, 0);
}
static inline long q_dev_segments(uint32_t run, uint64_t off, uint64_t len, struct dev_seg *s, int max)
{
	return QUIRE(SYS_dev_segments, run, off, len, s, max, 0);
}
static inline void q_con_write(int channel, const void *buf, uint64_t n)
{
	const char *at = (const char *)buf;

	for (long done = 0; n > 0 && done >= 0; at += done, n -= (uint64_t)done)
		done = QUIRE(SYS_con_write, channel, at, n, 0, 0, 0);
}
static inline long q_con_read(void *buf, uint64_t n) { return QUIRE(SYS_con_read, buf, n, 0, 0, 0, 0); }
static inline void q_machine_stop(int status) { QUIRE(SYS_machine_stop, status, 0, 0, 0, 0, 0); }
static inline long q_facts(int kind, uint32_t pid, uint64_t index, void *buf, uint64_t size)
{
	return QUIRE(SYS_facts, kind, pid, index, buf, size, 0);
}
static inline long q_proc_set(uint64_t token, uint32_t pid, uint64_t off, const void *buf, uint64_t len)
{
	return QUIRE(SYS_proc_set, token, pid, off, buf, len, 0);
}
static inline long q_proc_reap(uint32_t pid) { return QUIRE(SYS_proc_reap, pid, 0, 0, 0, 0, 0); }
static inline long q_signal_post(uint32_t pid, uint32_t tid, const void *siginfo, uint64_t timer)
{
	return QUIRE(SYS_signal_post, pid, tid, siginfo, timer, 0, 0);
}
static inline long q_call_signals(uint64_t token, int any) { return QUIRE(SYS_call_signals, token, any, 0, 0, 0, 0); }
static inline long q_time_set(int64_t ns) { return QUIRE(SYS_time_set, ns, 0, 0, 0, 0, 0); }
static inline long q_thread_bind(uint32_t pid, uint32_t tid, uint64_t set)
{
	return QUIRE(SYS_thread_bind, pid, tid, set, 0, 0, 0);
}
static inline long q_poll_wake(void) { return QUIRE(SYS_poll_wake, 0, 0, 0, 0, 0, 0); }

#endif
