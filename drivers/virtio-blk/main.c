/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/main.c - RING 3 - the block server: messages in, requests to the device, completions to the kernel.
 *
 * Path:  fs/blkclient.c (BLK_*), mm/pager.c (PAGER_* of the disk object) ~message~> [main.c] > vblk.c
 * It has one thread and sleeps only in ipc_recv.  READ and WRITE are answered when the device has them; while its
 * queue is full, messages wait unanswered, and with them their senders.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/blk.h"
#include "abi/pager.h"
#include "abi/quire.h"
#include "drivers/virtio-blk/vblk.h"

static uint64_t sectors;
static bool noflush;                    /* a test's command line: lie about flushes */

/* A request that waits for room in the queue: the rest of one message. */
static struct waiting { struct vblk_request r; uint64_t token; struct waiting *next; } pool[256], *pool_free, *first, **last = &first;
static bool pool_ready;

static struct waiting *waiting_new(void)
{
	struct waiting *w;

	for (unsigned i = 0; !pool_ready && i < sizeof(pool) / sizeof(*pool); i++) {
		pool[i].next = pool_free;
		pool_free = &pool[i];
	}
	pool_ready = true;
	w = pool_free;
	if (w) pool_free = w->next;
	return w;
}

static void answer(uint64_t token, int status)
{
	struct ipc_msg m = {.token = token, .status = status};

	q_reply(&m);
}

/* Each part of a message holds no handle of its own: the last one that ends closes it. */
static uint16_t parts[4096];            /* requests under way, by run handle */

static void data_done(struct vblk_request *r, int status)
{
	q_run_done(r->run, r->off, r->len, status);
	if (r->run < 4096 && --parts[r->run] > 0) return;
	q_close(r->run);
}

static void flush_done(struct vblk_request *r, int status)
{
	answer(r->token, status);
}

/* Pass on as much of the message as the queue takes.  true: all of it, and its sender has been answered */
static bool push(struct waiting *w)
{
	struct vblk_request *r = &w->r, part;

	while (r->type == BLK_T_FLUSH || r->len > 0) {
		int rc;

		part = *r;
		if (part.len > vblk_part_max()) part.len = vblk_part_max();
		rc = vblk_submit(&part);
		if (rc == -EAGAIN) return false;
		if (r->type == BLK_T_FLUSH) {
			if (rc) answer(w->token, rc);
			return true;
		}
		if (rc) q_run_done(r->run, part.off, part.len, rc);
		else if (r->run < 4096) parts[r->run]++;
		r->off += part.len;
		r->len -= part.len;
		r->sector += part.len / 512;
	}
	if (r->run < 4096 && --parts[r->run] == 0) q_close(r->run);     /* the message's own share */
	answer(w->token, 0);
	return true;
}

static void push_all(void)
{
	while (first && push(first)) {
		struct waiting *w = first;

		first = w->next;
		if (!first) last = &first;
		w->next = pool_free;
		pool_free = w;
	}
}

static void enqueue(uint64_t token, const struct vblk_request *r)
{
	struct waiting *w = waiting_new();

	if (!w || (r->type != BLK_T_FLUSH && r->run >= 4096)) {
		if (r->type != BLK_T_FLUSH) q_close(r->run);
		answer(token, -ENOMEM);
		return;
	}
	w->r = *r;
	w->token = token;
	w->next = NULL;
	if (r->type != BLK_T_FLUSH) parts[r->run] = 1;
	*last = w;
	last = &w->next;
	push_all();
}

/* Move [off, off+len) of the run from or to the disk.  What lies past the last sector of the disk reads as zero. */
static void data(struct ipc_msg *m, uint32_t type, uint64_t sector, uint64_t off, uint64_t len)
{
	struct vblk_request r = {.type = type, .sector = sector, .run = m->handle[0], .off = off, .len = len, .done = data_done};
	uint64_t room = sector < sectors ? (sectors - sector) * 512 : 0;

	if (!r.run) {
		answer(m->token, -EINVAL);
		return;
	}
	if (len > room && type == BLK_T_IN) {
		q_run_zero(r.run, off + room, len - room);
		r.len = room;
	} else if (len > room) {
		q_run_done(r.run, off + room, len - room, room ? 0 : -EIO);
		r.len = room;
	}
	enqueue(m->token, &r);
}

static void flush(struct ipc_msg *m)
{
	struct vblk_request r = {.type = BLK_T_FLUSH, .done = flush_done, .token = m->token};

	if (noflush || !vblk_has_flush() || (m->op == PAGER_COMMIT && (m->arg[1] & COMMIT_NOFLUSH))) answer(m->token, 0);
	else enqueue(m->token, &r);
}

static void handle(struct ipc_msg *m)
{
	switch (m->op) {
	case BLK_READ: data(m, BLK_T_IN, m->arg[0], m->arg[1], m->arg[2]); return;
	case BLK_WRITE: data(m, BLK_T_OUT, m->arg[0], m->arg[1], m->arg[2]); return;
	case PAGER_FILL: data(m, BLK_T_IN, m->arg[1] / 512, 0, m->arg[2]); return;
	case PAGER_WRITE: data(m, BLK_T_OUT, m->arg[1] / 512, m->arg[4], m->arg[2]); return;
	case BLK_FLUSH:
	case PAGER_COMMIT: flush(m); return;
	case PAGER_RELEASE: answer(m->token, 0); return;
	default:
		for (int i = 0; i < IPC_HANDLES; i++) {
			if (m->handle[i]) q_close(m->handle[i]);
		}
		answer(m->token, m->op == PAGER_RESERVE ? -ENOSPC : -ENOSYS);
	}
}

int main(void)
{
	char cmdline[512] = "";
	struct ipc_msg m = {0};
	bool readonly;
	int rc = vblk_start(&sectors, &readonly);

	if (rc) {
		fprintf(stderr, "the device cannot be started: %s\n", strerror(-rc));
		return 1;
	}
	q_cmdline(cmdline, sizeof(cmdline));
	noflush = strstr(cmdline, "noflush") != NULL;
	rc = q_disk_register(HANDLE_PORT, sectors, readonly ? DISK_READONLY : 0);
	if (rc < 0) return 1;
	for (;;) {
		m.token = 0;
		if (q_reply_recv(HANDLE_PORT, &m, -1)) continue;
		if (m.token) {
			handle(&m);
		} else if (m.arg[0] & DONE_BIT) {
			vblk_interrupt();
			push_all();
		}
	}
}
