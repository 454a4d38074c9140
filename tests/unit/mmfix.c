/* SPDX-License-Identifier: MIT */
/* tests/unit/mmfix.c - HOST - the little world of mmfix.h. */
#include <string.h>

#include "tests/unit/mmfix.h"

#include "tests/unit/stub_kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct world world;
struct port pager_port;

/* The message system of ring 0, played by the test: a post waits in the queue, a call is answered at once. */
bool ipc_post(struct port *p, struct kmsg *k)
{
	assert_ptr_equal(p, &pager_port);
	if (world.dead) return false;
	assert_true(world.queued < ARRAY_LEN(world.queue));
	world.queue[world.queued++] = k;
	return true;
}

int ipc_call(struct port *p, struct kmsg *k, bool interruptible)
{
	assert_ptr_equal(p, &pager_port);
	(void)interruptible;
	if (k->m.op == PAGER_RESERVE) {
		world.reserves++;
		k->m.arg[0] = k->m.arg[2];
		k->m.status = world.reserve_status;
	} else if (k->m.op == PAGER_COMMIT) {
		world.commits++;
		world.last_commit_flags = k->m.arg[1];
		world.last_commit_size = k->m.arg[2];
		k->m.status = world.commit_status;
		if (world.during_commit) world.during_commit();
	} else {
		assert_int_equal(k->m.op, PAGER_SIZE);
		world.sizes++;
		k->m.status = 0;
	}
	return 0;
}

static void serve_fill(struct run *r)
{
	world.fills++;
	for (uint64_t off = r->off; off < r->off + r->len; off += PAGE_SIZE) {
		uint64_t page = r->first + (off >> PAGE_SHIFT);

		if (world.fill_status) {
			assert_int_equal(run_done(r, off, PAGE_SIZE, world.fill_status), 0);
		} else if (page >= DISK_PAGES || world.hole[page]) {
			assert_int_equal(run_done(r, off, PAGE_SIZE, RUN_ZERO), 0);
		} else {
			memcpy(page_virt(r->page[off >> PAGE_SHIFT]), world.disk + page * PAGE_SIZE, PAGE_SIZE);
			assert_int_equal(run_done(r, off, PAGE_SIZE, 0), 0);
		}
	}
}

static void serve_write(struct run *r)
{
	uint64_t off = r->off;

	world.writes++;
	world.write_pages += r->npages;
	while (off < r->off + r->len) {
		uint64_t n = MIN(PAGE_SIZE - (off & PAGE_MASK), r->off + r->len - off);
		uint64_t at = (r->first << PAGE_SHIFT) + off;

		assert_true(at + n <= sizeof(world.disk));
		if (!world.write_status) {
			memcpy(world.disk + at, (char *)page_virt(r->page[off >> PAGE_SHIFT]) + (off & PAGE_MASK), n);
			world.hole[at >> PAGE_SHIFT] = false;
		}
		off += n;
	}
	assert_int_equal(run_done(r, r->off, r->len, world.write_status), 0);
}

bool world_step(void)
{
	struct kmsg *k = world.queue[0];
	struct run *r;

	if (world.queued == 0) return false;
	memmove(world.queue, world.queue + 1, --world.queued * sizeof(k));
	if (k->m.op == PAGER_RELEASE) {
		world.releases++;
	} else {
		r = container_of(k->obj[0], struct run, obj);
		if (r->op == PAGER_FILL) serve_fill(r);
		else serve_write(r);
	}
	k->m.status = 0;
	k->done(k);
	return true;
}

void world_run(void)
{
	while (world_step()) { }
}

uint8_t disk_byte(uint64_t off)
{
	return world.disk[off];
}

static void world_sleep(void)
{
	if (!world_step()) fail_msg("a thread sleeps and nothing can wake it");
}

int mm_setup(void **st)
{
	struct fix *f = test_calloc(1, sizeof(*f));

	memset(&world, 0, sizeof(world));
	memset(host_limit, 0xff, sizeof(host_limit));
	host_mm_init(2048);
	host_sleep_hook = world_sleep;
	kobj_init(&pager_port.obj, KOBJ_PORT, NULL);
	for (unsigned i = 0; i < DISK_PAGES; i++) memset(world.disk + i * PAGE_SIZE, 'a' + i % 26, PAGE_SIZE);
	f->vmo = vmo_create(&pager_port, 7, 8 * PAGE_SIZE, 1ull << 40, 0);
	f->map = map_create();
	assert_non_null(f->vmo);
	assert_non_null(f->map);
	*st = f;
	return 0;
}

uint64_t vmo_count(void)
{
	uint64_t n = 0;

	for (struct vmo *v = NULL; (v = vmo_next(v));) n++;
	return n;
}

int mm_teardown(void **st)
{
	struct fix *f = *st;

	world_run();
	vmo_check(f->vmo);
	map_check(f->map);
	map_put(f->map);
	world_run();
	vmo_check(f->vmo);
	vmo_unref(f->vmo);
	world_run();
	assert_int_equal(vmo_count(), 0);
	assert_int_equal(dirty_pages, 0);
	test_free(f);
	return 0;
}

uaddr_t map_file(struct fix *f, uint64_t pages, uint32_t prot, uint32_t flags)
{
	uaddr_t at = 0;

	assert_int_equal(map_map(f->map, &at, pages * PAGE_SIZE, prot, PROT_READ | PROT_WRITE, flags, f->vmo, 0), 0);
	return at;
}

static uint8_t *user_byte(struct map *m, uaddr_t va, bool write, int *rc)
{
	pte_t pte;

	for (int tries = 0; tries < 3; tries++) {
		pte = pmap_get(&m->pmap, va);
		if ((pte & PTE_P) && (!write || (pte & PTE_W)))
			return (uint8_t *)phys_to_virt(pte & PTE_ADDR) + (va & PAGE_MASK);
		*rc = vm_fault(m, va, write ? PROT_WRITE : PROT_READ);
		if (*rc) return NULL;
	}
	fail_msg("a fault was mended three times and still faults");
	return NULL;
}

int user_store(struct map *m, uaddr_t va, uint8_t byte)
{
	int rc = 0;
	uint8_t *p = user_byte(m, va, true, &rc);

	if (p) *p = byte;
	return rc;
}

int user_load(struct map *m, uaddr_t va)
{
	int rc = 0;
	uint8_t *p = user_byte(m, va, false, &rc);

	return p ? *p : rc;
}

bool pte_writable(struct map *m, uaddr_t va)
{
	return pmap_get(&m->pmap, va) & PTE_W;
}

struct run *begin_run(struct vmo *v, uint64_t index)
{
	struct page *p = page_at(v, index);
	struct run *r;

	spin_lock(&v->lock);
	r = run_create_locked(v, PAGER_WRITE, index);
	page_clear(p, PTE_W);
	page_set_state(p, PG_WRITING);
	page_ref(p);
	r->page[r->npages++] = p;
	spin_unlock(&v->lock);
	return r;
}

void begin_write(struct vmo *v, uint64_t index)
{
	run_post(begin_run(v, index));
}
