/* SPDX-License-Identifier: MIT */
/* drivers/virtio-blk/main.c - RING 3 - the block server: messages in, device requests out, completions to the kernel.
 *
 * Path:  fs/blkclient.c (BLK_*) and mm/pager.c (PAGER_* of the disk object)  ~message~>  [main.c] > vblk.c
 * One process per disk.  It owns one PCI function and nothing else, knows no file, and sees of a page only where it is.
 * It has one thread, which sleeps in one place: for messages and interrupts alike.
 *
 * J1  READ and WRITE are answered when the device has all of them; FLUSH when it is done.  While the queue is full,
 *     jobs wait in order, unanswered, and so do those who sent them.
 * J2  A job answered with an error has done nothing to its run: its sender completes it.  Once a part of it has gone to
 *     the device, errors go into the run instead, so that every byte is completed by one side only.
 * J3  A job lives until it has been answered and its last part is done; it closes the run's handle then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/blk.h"
#include "abi/pager.h"
#include "abi/quire.h"
#include "drivers/virtio-blk/vblk.h"

#define SECTOR 512u

static struct vblk_info disk;
static uint32_t object;                         /* handle of the disk object */
static bool noflush;                            /* the test that must see a lost write: "noflush" on the command line */
static uint64_t stats[5];                       /* BLK_STATS */
static struct job *first, **last = &first;      /* J1: not yet given to the device, or not all of it */
static struct job *spare;                       /* ended: for the next request; free() would unmap and malloc() map a page */

static void count(uint32_t type, uint64_t len)
{
	stats[type == BLK_T_FLUSH ? 4 : type == BLK_T_OUT ? 2 : 0]++;
	stats[type == BLK_T_OUT ? 3 : 1] += len / SECTOR;
}

static void answer(uint64_t token, int status)
{
	struct ipc_msg m = {.token = token, .status = status};

	q_reply(&m);                            /* -ESRCH: who asked is gone; the run completes all the same */
}

/* Once: what comes later has nobody to tell. */
static void job_answer(struct job *j, int status)
{
	if (j->token) answer(j->token, status);
	j->token = 0;
}

/* (J3)  Called whenever one of the three has changed. */
static void job_end_check(struct job *j)
{
	if (j->parts || j->len || j->token) return;
	if (j->run) q_close(j->run);
	j->next = spare;
	spare = j;
}

/* From vblk.c: some bytes of the job have moved, or its flush is done. */
void job_part_done(struct job *j, uint64_t off, uint64_t len, int status)
{
	j->parts--;
	if (j->type == BLK_T_FLUSH) job_answer(j, status);
	else q_run_done(j->run, off, len, status);
	job_end_check(j);
}

/* The device will not take what is left of this job.  (J2) */
static void job_fail(struct job *j, int status)
{
	bool begun = j->parts > 0;

	if (begun && j->len) q_run_done(j->run, j->off, j->len, status);
	j->len = 0;
	job_answer(j, begun ? 0 : status);
	job_end_check(j);
}

/* Give the device what waits, in order, until it is full. */
static void jobs_push(void)
{
	while (first) {
		struct job *j = first;
		int rc = vblk_submit(j);

		if (rc == -EAGAIN) return;
		first = j->next;
		if (!first) last = &first;
		if (rc) {
			job_fail(j, rc);
		} else if (j->type != BLK_T_FLUSH) {
			job_answer(j, 0);
			job_end_check(j);
		}
	}
}

/* Queue a job made of this request; takes the run's handle over. */
static void job_start(uint64_t token, uint32_t type, uint32_t run, uint64_t sector, uint64_t off, uint64_t len)
{
	struct job *j = spare ? spare : malloc(sizeof(*j));

	if (!j) {
		if (run) q_close(run);
		answer(token, -ENOMEM);
		return;
	}
	if (j == spare) spare = j->next;
	*j = (struct job){.token = token, .type = type, .run = run, .sector = sector, .off = off, .len = len};
	*last = j;
	last = &j->next;
	count(type, len);
	jobs_push();
}

/* The shape of a request for data.  Whether the run has these bytes the kernel knows (SYS_dev_segments). */
static int data_check(uint32_t type, uint32_t run, uint64_t off, uint64_t len)
{
	if (!run || len == 0 || len % SECTOR || off % SECTOR) return -EINVAL;
	if (len > UINT64_MAX / 2 || off > UINT64_MAX / 2) return -EINVAL;
	return type == BLK_T_OUT && disk.readonly ? -EROFS : 0;
}

/* (J2)  Nothing was done: the sender sees to the run.  Our duplicate of its handle must not keep it alive. */
static void data_refuse(const struct ipc_msg *m, int status)
{
	if (m->handle[0]) q_close(m->handle[0]);
	answer(m->token, status);
}

/* From the file server: sectors, all of which have to be there. */
static void blk_data(const struct ipc_msg *m, uint32_t type)
{
	uint64_t sector = m->arg[0], off = m->arg[1], len = m->arg[2];
	int rc = data_check(type, m->handle[0], off, len);

	if (!rc && (sector > disk.sectors || len / SECTOR > disk.sectors - sector)) rc = -EIO;
	if (rc) data_refuse(m, rc);
	else job_start(m->token, type, m->handle[0], sector, off, len);
}

/* From the kernel: pages of the disk object.  The last one can reach beyond the last sector: that part reads as zeros,
 * and what is written there goes nowhere. */
static void pager_data(const struct ipc_msg *m, uint32_t type)
{
	uint64_t off = type == BLK_T_OUT ? m->arg[4] : 0, len = m->arg[2], sector = m->arg[1] / SECTOR, room;
	int rc = data_check(type, m->handle[0], off, len);

	if (!rc && (m->arg[1] % SECTOR || sector >= disk.sectors)) rc = -EIO;
	if (rc) {
		data_refuse(m, rc);
		return;
	}
	room = disk.sectors - sector;
	if (len / SECTOR > room) {
		q_run_done(m->handle[0], off + room * SECTOR, len - room * SECTOR, type == BLK_T_IN ? RUN_ZERO : 0);
		len = room * SECTOR;
	}
	job_start(m->token, type, m->handle[0], sector, off, len);
}

/* A device without FLUSH has no cache that could lose a write: what it has completed is on the disk (5.2.6.2). */
static void flush(const struct ipc_msg *m)
{
	bool left_out = noflush || (m->op == PAGER_COMMIT && (m->arg[1] & COMMIT_NOFLUSH));

	if (left_out || !disk.flush) answer(m->token, 0);
	else job_start(m->token, BLK_T_FLUSH, 0, 0, 0, 0);
}

static void stats_tell(uint64_t token)
{
	struct ipc_msg m = {.token = token};

	memcpy(m.arg, stats, sizeof(stats));
	q_reply(&m);
}

static void info_tell(uint64_t token)
{
	struct ipc_msg m = {.token = token, .arg = {disk.sectors, disk.readonly}, .handle = {object}};

	q_reply(&m);
}

/* One message.  Each of these functions answers it, or leaves that to the job that it starts. */
static void message_handle(const struct ipc_msg *m)
{
	if (m->handle[1]) q_close(m->handle[1]);        /* no request has two */
	switch (m->op) {
	case BLK_READ:      blk_data(m, BLK_T_IN); break;
	case BLK_WRITE:     blk_data(m, BLK_T_OUT); break;
	case PAGER_FILL:    pager_data(m, BLK_T_IN); break;
	case PAGER_WRITE:   pager_data(m, BLK_T_OUT); break;
	case BLK_STATS:     stats_tell(m->token); break;
	case BLK_INFO:      info_tell(m->token); break;
	case BLK_FLUSH:
	case PAGER_COMMIT:  flush(m); break;
	case PAGER_RELEASE:
	case PAGER_SIZE:    data_refuse(m, 0); break;           /* a disk keeps its size, and its pages */
	case PAGER_RESERVE: data_refuse(m, -ENOSPC); break;     /* it does not grow */
	default:            data_refuse(m, -ENOSYS); break;
	}
}

static void message_loop(void) __attribute__((noreturn));
/* Replies and interrupts only ever make room or end jobs: whatever comes, the next step is to give the device more. */
static void message_loop(void)
{
	struct ipc_msg m = {0};

	for (;;) {
		m.token = 0;                    /* replies are sent apart: most are not for the message just received */
		if (q_reply_recv(&m)) continue;
		if (m.token) {
			message_handle(&m);
			continue;
		}
		if (m.arg[0] & NOTIFY_CONFIG) vblk_config_interrupt();
		vblk_interrupt();
		jobs_push();                    /* there is room again */
	}
}

/* The disk's object: its dirty pages are written by vm_write of the file server, whose mapping made them dirty, or by the
 * fsync of a program that wrote to /dev/vda (W4 of mm/writeback.c). */
static long object_make(void)
{
	uint64_t bytes = disk.sectors * SECTOR;
	struct vmo_args a = {
		.port = HANDLE_PORT, .size = bytes, .max_size = bytes, .flags = VMO_NOGROW | (disk.readonly ? VMO_READONLY : 0),
	};
	long rc = disk.sectors > INT64_MAX / SECTOR ? -EINVAL : q_vmo_create(&a);

	object = rc > 0 ? (uint32_t)rc : 0;
	return rc;
}

/* Without a disk there is nothing to serve: the file server, which asks for it, hears that we are dead. */
int main(void)
{
	long rc = vblk_start(&disk);
	char none[2];

	if (!rc) rc = object_make();
	if (rc < 0) {
		say("the disk cannot be used: %s", strerror(-(int)rc));
		return 1;
	}
	noflush = cmdline_word("noflush", none, sizeof(none));
	if (noflush) say("flushes are left out on purpose: nothing is durable");
	message_loop();
}
