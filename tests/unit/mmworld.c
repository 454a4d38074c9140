/* SPDX-License-Identifier: MIT */
/* tests/unit/mmworld.c - HOST - the world of mmworld.h around that of mmfix.c. */
#include "tests/unit/mmworld.h"

#define ipc_call fix_call               /* the calls of mmfix.c, below those of this file */
#include "tests/unit/mmfix.c"
#undef ipc_call

#include <stdlib.h>

#include "kernel/klib.h"

struct script script;

static struct fix *the_fix;
static void *taken[16384];
static unsigned ntaken, nframes;        /* the first nframes are pages, the others small objects */
static size_t taken_size[ARRAY_LEN(taken)];
static jmp_buf thread_end;
static unsigned rounds_left;
static uint64_t kernel_pages;           /* in use before the first test */

/* Each of the script's surprises happens once.  False: there is none */
static bool surprise(void (**hook)(struct fix *))
{
	void (*fn)(struct fix *) = *hook;

	*hook = NULL;
	if (fn) fn(the_fix);
	return fn != NULL;
}

/* The file server gives blocks back. */
static void blocks_free(uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < MIN(end, (uint64_t)DISK_PAGES); i++) world.hole[i] = true;
}

int ipc_call(struct port *p, struct kmsg *k, bool interruptible)
{
	void (*fn)(struct fix *, struct kmsg *) = script.on_call;

	script.on_call = NULL;
	if (fn) fn(the_fix, k);
	if (script.call_status) return script.call_status;
	if (k->m.op == PAGER_PUNCH) {
		assert_ptr_equal(p, &pager_port);
		script.punches++;
		script.punch_off = k->m.arg[1];
		script.punch_len = k->m.arg[2];
		k->m.status = script.punch_status;
		if (!k->m.status) blocks_free(k->m.arg[1] >> PAGE_SHIFT, (k->m.arg[1] + k->m.arg[2]) >> PAGE_SHIFT);
		return 0;
	}
	fix_call(p, k, interruptible);
	if (k->m.op == PAGER_SIZE) {
		k->m.status = script.size_status;
		if (!k->m.status) blocks_free(ROUND_UP(k->m.arg[2], PAGE_SIZE) >> PAGE_SHIFT, DISK_PAGES);
	}
	if (k->m.op == PAGER_RESERVE && script.grant) k->m.arg[0] = script.grant;
	return 0;
}

size_t copy_in_part(void *dst, uaddr_t src, size_t n)
{
	size_t can = src < script.fault_at ? MIN(n, script.fault_at - src) : 0;

	memcpy(dst, (void *)src, can);
	surprise(&script.on_copy);
	return n - can;
}

size_t copy_out_part(uaddr_t dst, const void *src, size_t n)
{
	size_t can = dst < script.fault_at ? MIN(n, script.fault_at - dst) : 0;

	memcpy((void *)dst, src, can);
	surprise(&script.on_copy);
	return n - can;
}

static void patient_sleep(void)
{
	if (surprise(&script.on_sleep)) return;
	if (world_step()) return;
	if (surprise(&script.on_idle)) return;
	if (++script.sleeps > 1000) fail_msg("a thread sleeps and nothing can wake it");
}

void thread_sleep(uint64_t ns)
{
	if (rounds_left > 0 && --rounds_left == 0) longjmp(thread_end, 1);
	host_now += ns;
	patient_sleep();
}

void thread_rounds(void (*thread)(void), unsigned n)
{
	rounds_left = n;
	if (setjmp(thread_end) == 0) thread();
	current_thread()->reserve = false;
}

void memory_take(unsigned left, bool reserve)
{
	static const size_t sizes[] = {2000, 1300, 1000, 800, 560, 400, 250, 190, 128, 96, 64, 32};
	struct page *p;
	void *o;

	current_thread()->reserve = reserve;
	while ((p = frame_alloc(PAGE_KERNEL, 0))) {
		memset(page_virt(p), 0xee, PAGE_SIZE);
		taken[ntaken++] = p;
	}
	nframes = ntaken;
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		while ((o = kalloc(sizes[i]))) {
			assert_true(ntaken < ARRAY_LEN(taken));
			taken_size[ntaken] = sizes[i];
			taken[ntaken++] = o;
		}
	}
	current_thread()->reserve = false;
	for (unsigned i = 0; i < MIN(left, nframes); i++) {
		page_unref(taken[i]);
		taken[i] = NULL;
	}
}

void memory_slots(size_t size, unsigned n)
{
	size_t best = 4096;

	for (unsigned i = nframes; i < ntaken; i++)
		if (taken_size[i] >= size) best = MIN(best, taken_size[i]);
	for (unsigned i = ntaken; n > 0 && i-- > nframes;) {
		if (!taken[i] || taken_size[i] != best) continue;
		kfree(taken[i]);
		taken[i] = NULL;
		n--;
	}
	assert_int_equal(n, 0);
}

void memory_give(void)
{
	while (ntaken-- > nframes) kfree(taken[ntaken]);
	ntaken = 0;
	for (unsigned i = 0; i < nframes; i++)
		if (taken[i]) page_unref(taken[i]);
	nframes = 0;
	kmem_check();
	frame_check();
}

static uint64_t pages_in_use(enum page_use use)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < page_array_len; i++) n += page_array[i].use == use;
	return n;
}

int world_setup(void **st)
{
	mm_setup(st);
	the_fix = *st;
	script = (struct script){.fault_at = ~0ull};
	host_sleep_hook = patient_sleep;
	rounds_left = 0;
	vm_split = false;
	if (kernel_pages == 0) kernel_pages = pages_in_use(PAGE_KERNEL);
	return 0;
}

/* Each class of small objects may keep one slab (kmem.c K3). */
int world_teardown(void **st)
{
	memory_give();
	pmap_check(&the_fix->map->pmap);
	mm_teardown(st);
	assert_int_equal(pages_in_use(PAGE_ANON), 0);
	assert_int_equal(pages_in_use(PAGE_OBJECT), 0);
	assert_in_range(pages_in_use(PAGE_KERNEL), 0, kernel_pages + 12);
	return 0;
}

uaddr_t map_anon(struct fix *f, uint64_t pages, uint32_t flags)
{
	uaddr_t at = 0;

	assert_int_equal(map_map(f->map, &at, PG(pages), RW, RW, flags | MAP_ANONYMOUS, NULL, 0), 0);
	return at;
}

uaddr_t map_at(struct fix *f, uaddr_t at, uint64_t pages, uint32_t prot, uint32_t flags)
{
	assert_int_equal(map_map(f->map, &at, PG(pages), prot, RW | PROT_EXEC, flags | ANON | MAP_FIXED, NULL, 0), 0);
	return at;
}

void fill_with(struct fix *f, uaddr_t at, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++) assert_int_equal(user_store(f->map, at + PG(i), 'A' + i), 0);
}

struct page *get_page(struct vmo *v, uint64_t index)
{
	struct page *p;

	assert_int_equal(pcache_get(v, index, NULL, &p), 0);
	page_unref(p);
	return p;
}

void dirty_page(struct vmo *v, uint64_t index, uint8_t byte)
{
	struct page *p = get_page(v, index);

	spin_lock(&v->lock);
	*(uint8_t *)page_virt(p) = byte;
	page_dirty_locked(v, p);
	spin_unlock(&v->lock);
}

enum page_state state_of(struct vmo *v, uint64_t index)
{
	struct page *p = page_at(v, index);

	return p ? p->state : PG_ABSENT;
}

unsigned entries_of(struct map *m)
{
	unsigned n = 0;

	map_for(e, m, 0, USER_TOP) n++;
	return n;
}

unsigned run_pages[4], nruns;

void take_runs(struct fix *f)
{
	(void)f;
	for (nruns = 0; world.queued > 0; nruns++) {
		struct kmsg *k = world.queue[--world.queued];
		struct run *r = container_of(k->obj[0], struct run, obj);

		run_pages[nruns] = r->npages;
		assert_int_equal(run_done(r, 0, r->len, 0), 0);
		k->done(k);
	}
}
