/* SPDX-License-Identifier: MIT */
/* tests/unit/hostdisk.c - HOST - the image, the platter and the kernel's part, as hostdisk.h says. */
#include "tests/unit/hostdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "abi/ipc.h"

#define PAGE 4096u
#define OBJECTS 4096
#define RUNS 16

unsigned disk_writes, disk_flushes;
bool disk_broken;
static uint8_t *platter, *base;         /* what the disk holds; what it held at cut_begin() */
static uint64_t disk_len;
static struct vmo_info object[OBJECTS];
static uint32_t nobjects = 1;
static uint8_t *run_buf[RUNS];

struct logged { uint64_t off; uint32_t len; uint8_t *data; };   /* data NULL: a flush */
static struct logged *log_;
static int nlog, logging;

static void log_add(uint64_t off, uint32_t len, const uint8_t *data)
{
	if (!logging) return;
	log_ = realloc(log_, (nlog + 1) * sizeof(*log_));
	log_[nlog] = (struct logged){off, len, NULL};
	if (data) log_[nlog].data = memcpy(malloc(len), data, len);
	nlog++;
}

static void platter_write(uint64_t off, uint64_t len, const uint8_t *data)
{
	memcpy(platter + off, data, len);
	log_add(off, len, data);
}

int disk_write(struct disk *d, const struct disk_extent *x, size_t n)
{
	disk_writes++;
	if (disk_broken) return -EIO;
	for (size_t i = 0; i < n; i++) {
		if (!(x[i].flags & VMX_FORGET)) platter_write(x[i].off, x[i].len, d->map + x[i].off);
	}
	return 0;
}

int disk_flush(struct disk *d)
{
	(void)d;
	disk_flushes++;
	if (disk_broken) return -EIO;
	log_add(0, 0, NULL);
	return 0;
}

int disk_run_read(struct disk *d, uint32_t run, uint64_t run_off, uint64_t off, uint64_t len)
{
	(void)d;
	memcpy(run_buf[run] + run_off, platter + off, len);
	return 0;
}

int disk_run_write(struct disk *d, uint32_t run, uint64_t run_off, uint64_t off, uint64_t len)
{
	(void)d;
	platter_write(off, len, run_buf[run] + run_off);
	return 0;
}

void disk_run_zero(uint32_t run, uint64_t run_off, uint64_t len)
{
	memset(run_buf[run] + run_off, 0, len);
}

void disk_run_done(uint32_t run, uint64_t run_off, uint64_t len, int status)
{
	(void)run, (void)run_off, (void)len, (void)status;
}

int object_create(struct vnode *vn, uint64_t size, uint64_t max, unsigned flags, struct times t, uint32_t *out)
{
	(void)vn, (void)max, (void)flags;
	if (nobjects == OBJECTS) return -ENOMEM;
	object[nobjects] = (struct vmo_info){.size = size, .atime = t.atime, .mtime = t.mtime, .ctime = t.ctime};
	*out = nobjects++;
	return 0;
}

int object_info(uint32_t o, struct vmo_info *info)
{
	*info = object[o];
	return 0;
}

void object_dirty(uint32_t o, uint64_t pages)
{
	object[o].ndirty = pages;
}

int object_set(uint32_t o, unsigned which, uint64_t value)
{
	if (which == VMO_SET_MTIME) object[o].mtime = value;
	return 0;
}

void object_close(struct vnode *vn)
{
	(void)vn;
}

int64_t clock_behind;

int64_t now_ns(void)
{
	return (time(NULL) - clock_behind) * 1000000000ll;
}

struct vnode *vnode_new(struct mount *m, uint64_t ino, mode_t mode)
{
	struct vnode *vn = calloc(1, sizeof(*vn));

	if (vn) *vn = (struct vnode){.ops = m->ops, .mnt = m, .ino = ino, .mode = mode, .refs = 1};
	return vn;
}

void vnode_ref(struct vnode *vn)
{
	vn->refs++;
}

void vnode_put(struct vnode *vn)
{
	if (--vn->refs == 0) vn->ops->inactive(vn);
}

void vnode_free(struct vnode *vn)
{
	free(vn);
}

static void must(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

void scratch_file(char name[SCRATCH_NAME])
{
	const char *folder = getenv("TMPDIR");
	int fd;

	snprintf(name, SCRATCH_NAME, "%s/quire-ext2-XXXXXX", folder ? folder : "/tmp");
	fd = mkstemp(name);
	if (fd < 0) fail_msg("%s cannot be made", name);
	close(fd);
}

int e2fsck(const char *options, const char *file, const char *log)
{
	char command[2 * SCRATCH_NAME + 100];

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin e2fsck %s %s >%s 2>&1", options, file, log);
	return system(command) >> 8;
}

static void platter_save(const char *file, const uint8_t *bytes)
{
	FILE *f = fopen(file, "w");

	if (!f || fwrite(bytes, 1, disk_len, f) != disk_len || fclose(f)) abort();
}

void image_make(struct fixture *x, unsigned kib, unsigned block, const char *args)
{
	char name[SCRATCH_NAME], command[400];
	int fd;

	*x = (struct fixture){0};
	scratch_file(name);
	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin mke2fs -q -F -t ext2 -b %u %s %s %uk >/dev/null 2>&1",
	         block, args, name, kib);
	must(command);
	disk_len = (uint64_t)kib * 1024;
	platter = malloc(disk_len);
	x->disk.map = aligned_alloc(PAGE, disk_len);
	x->disk.len = disk_len;
	fd = open(name, O_RDONLY);
	if (pread(fd, platter, disk_len, 0) != (ssize_t)disk_len) abort();
	memcpy(x->disk.map, platter, disk_len);
	close(fd);
	unlink(name);
}

int image_mount(struct fixture *x)
{
	return ext2_mount(&x->mnt, &x->disk, false, x->why, sizeof(x->why));
}

void image_unmount(struct fixture *x)
{
	if (x->mnt.ops->unmount(&x->mnt)) abort();
}

void image_free(struct fixture *x)
{
	if (x->mnt.fs && x->mnt.ops->unmount(&x->mnt)) abort();
	free(x->disk.map);
	free(platter);
	for (int i = 0; i < nlog; i++) free(log_[i].data);
	free(log_);
	free(base);
	log_ = NULL;
	base = NULL;
	nlog = logging = 0;
	nobjects = 1;
}

int image_fsck(const struct fixture *x, const char *options)
{
	char name[SCRATCH_NAME], log[SCRATCH_NAME + 10], command[SCRATCH_NAME + 20];
	int status;

	(void)x;
	scratch_file(name);
	platter_save(name, platter);
	snprintf(log, sizeof(log), "%s.log", name);
	status = e2fsck(options, name, log);
	snprintf(command, sizeof(command), "cat %s", log);
	if (status) must(command);
	unlink(name);
	unlink(log);
	return status;
}

void mounted(struct fixture *x, unsigned kib, unsigned block)
{
	image_make(x, kib, block, "");
	assert_int_equal(image_mount(x), 0);
}

void clean_and_free(struct fixture *x)
{
	image_unmount(x);
	assert_int_equal(image_fsck(x, "-fn"), 0);
	image_free(x);
}

int file_write(struct vnode *vn, uint64_t off, const void *data, uint64_t len)
{
	uint64_t first = off / PAGE * PAGE, end = (off + len + PAGE - 1) / PAGE * PAGE, granted, size;
	uint8_t *buf = calloc(1, end - first);
	int rc = vn->ops->open(vn);

	for (uint64_t at = first; !rc && at < end; at += granted) {
		rc = vn->ops->reserve(vn, at, PAGE, &granted);
		if (!rc && granted < PAGE) rc = -ENOSPC;
	}
	if (!rc) {
		run_buf[1] = buf;
		vn->ops->fill(vn, first, end - first, 1);
		memcpy(buf + (off - first), data, len);
		size = object[vn->object].size > off + len ? object[vn->object].size : off + len;
		object[vn->object].size = size;
		rc = vn->ops->write(vn, first, end - first, 1, size);
	}
	free(buf);
	return rc;
}

int file_read(struct vnode *vn, uint64_t off, void *data, uint64_t len)
{
	uint64_t first = off / PAGE * PAGE, end = (off + len + PAGE - 1) / PAGE * PAGE;

	run_buf[1] = calloc(1, end - first);
	vn->ops->fill(vn, first, end - first, 1);
	memcpy(data, run_buf[1] + (off - first), len);
	free(run_buf[1]);
	return 0;
}

int file_commit(struct vnode *vn, unsigned flags)
{
	return vn->ops->commit(vn, flags, object[vn->object].size, (struct times){0, now_ns(), now_ns()});
}

struct vnode *path_get(struct fixture *x, const char *name)
{
	struct vnode *vn;

	return x->mnt.ops->lookup(x->mnt.root, name, strlen(name), &vn) ? NULL : vn;
}

struct vnode *path_create(struct fixture *x, const char *name)
{
	struct vnode *vn;

	return x->mnt.ops->create(x->mnt.root, name, strlen(name), S_IFREG | 0644, (struct cred){0}, &vn) ? NULL : vn;
}

int path_unlink(struct fixture *x, const char *name)
{
	return x->mnt.ops->unlink(x->mnt.root, name, strlen(name));
}

void cut_begin(void)
{
	base = memcpy(malloc(disk_len), platter, disk_len);
	logging = 1;
}

int cut_position(void)
{
	return nlog;
}

/* The model: up to the last flush all is there; each sector written since has its new content or the one before. */
void cut_state(const struct fixture *x, int position, unsigned seed, const char *file)
{
	uint8_t *state = memcpy(malloc(disk_len), base, disk_len);
	int flushed = 0;

	(void)x;
	for (int i = 0; i < position; i++) {
		if (!log_[i].data) flushed = i;
	}
	for (int i = 0; i < position; i++) {
		for (uint32_t at = 0; at < log_[i].len; at += 512) {
			if (i > flushed && rand_r(&seed) % 2) continue;
			memcpy(state + log_[i].off + at, log_[i].data + at, 512);
		}
	}
	platter_save(file, state);
	free(state);
}

bool image_file_has(const char *file, const char *name, const void *data, size_t len)
{
	char command[300];
	uint8_t *got = calloc(1, len + 1);
	bool same;
	FILE *p;

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin debugfs -R 'cat /%s' %s 2>/dev/null", name, file);
	p = popen(command, "r");
	same = p && fread(got, 1, len + 1, p) == len && !memcmp(got, data, len);
	if (p) pclose(p);
	free(got);
	return same;
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
