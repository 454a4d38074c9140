/* SPDX-License-Identifier: MIT */
/* kernel/sys_mem.c - RING 0 - the system calls about memory: check everything, then let mm/ commit.
 *
 * Path:  entry.S > syscall.c > [sys_mem.c] > mm/map.c, mm/mapops.c; forward.c name_call()
 * Locks: none here; descriptors are held by a reference.
 */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)
#define MAP_KNOWN (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | \
                   MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_FIXED_NOREPLACE)
#define ADVICE_KNOWN (BIT(MADV_NORMAL) | BIT(MADV_RANDOM) | BIT(MADV_SEQUENTIAL) | BIT(MADV_WILLNEED) | \
                      BIT(MADV_DONTNEED) | BIT(MADV_FREE) | BIT(MADV_REMOVE) | BIT(MADV_DONTFORK) | BIT(MADV_DOFORK) | \
                      BIT(MADV_DONTDUMP) | BIT(MADV_DODUMP) | BIT(MADV_COLD) | BIT(MADV_PAGEOUT) | \
                      BIT(MADV_POPULATE_READ) | BIT(MADV_POPULATE_WRITE))

/* Round [start, start + len) to whole pages.  -EINVAL: it does not begin with one; -ENOMEM: not in the address space */
static int range_pages(uaddr_t start, uint64_t len, uaddr_t *end)
{
	*end = start + ROUND_UP(len, PAGE_SIZE);
	if (start % PAGE_SIZE) return -EINVAL;
	return len > 0 && (start >= USER_TOP || len > USER_TOP - start) ? -ENOMEM : 0;
}

uint64_t map_limit(const struct map *m, int resource)
{
	const struct proc *p = current_proc();

	if (!p || p->map != m) return RLIM_INFINITY;
	if (resource == RLIMIT_MEMLOCK && !p->euid) return RLIM_INFINITY;       /* root may lock all */
	return p->rlimit[resource][0];
}

/* What a mapping of this descriptor may show and do (POSIX mmap: EACCES, ENODEV; assertions MM4, MM6). */
static int mmap_rights(const struct file *f, uint32_t prot, bool shared, uint32_t *max_prot)
{
	bool zero = f->namef & NAMEF_ZERO;

	if ((!f->vmo && !zero) || f->limit) return -ENODEV;
	if (!file_readable(f)) return -EACCES;
	if (shared && (prot & PROT_WRITE) && !file_writable(f)) return -EACCES;
	*max_prot = PROT_ALL;
	if (shared && !file_writable(f)) *max_prot &= ~PROT_WRITE;
	return 0;
}

static int mmap_flags_ok(uint32_t flags, uint32_t prot)
{
	uint32_t type = flags & MAP_TYPE;

	if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && (flags & ~(uint32_t)MAP_KNOWN)) return -EOPNOTSUPP;
	if (flags & MAP_HUGETLB) return -EINVAL;
	return prot & ~(PROT_ALL | PROT_GROWSDOWN | PROT_GROWSUP) ? -EINVAL : 0;
}

SYSCALL(mmap, at, len, prot, flags, fd, off)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	uint32_t max_prot = PROT_ALL;
	FILE_HELD struct file *f = NULL;
	struct vmo *v = NULL;
	int rc = mmap_flags_ok(flags, prot);

	if (rc) return rc;
	if (len == 0 || off % PAGE_SIZE) return -EINVAL;
	if (len > USER_TOP) return -ENOMEM;
	if (!(flags & MAP_ANONYMOUS)) {
		if (off + len < off || off + len > INT64_MAX) return -EOVERFLOW;
		f = fd_get(fd);
		if (!f) return -EBADF;
		rc = mmap_rights(f, prot, shared, &max_prot);
	}

	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) at = ROUND_DOWN(at, PAGE_SIZE);
	if (!rc && f && f->vmo && !(v = split_view(f->vmo))) rc = -ENOMEM;
	if (!rc) rc = map_map(current_proc()->map, &at, len, prot & PROT_ALL, max_prot, flags, v, off);
	if (!rc && v) vmo_touch(f->vmo, VMOC_ATIME);
	if (v) vmo_user_put(v);
	return rc ? rc : (long)at;
}

SYSCALL(munmap) { return map_unmap(current_proc()->map, a0, a1); }

SYSCALL(mprotect, addr, len, prot)
{
	if (prot & ~PROT_ALL) return -EINVAL;
	return map_protect(current_proc()->map, addr, len, prot);
}

/* POSIX.1-2017 msync; the open cases are decided in docs/architecture.md. */
SYSCALL(msync, addr, len, flags)
{
	uaddr_t end;
	int rc = range_pages(addr, len, &end);

	if (flags & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return -EINVAL;
	if ((flags & MS_ASYNC) && (flags & MS_SYNC)) return -EINVAL;

	return rc ? rc : map_sync(current_proc()->map, addr, end, flags);
}

SYSCALL(brk)
{
	struct map *m = current_proc()->map;
	uint64_t data = map_limit(m, RLIMIT_DATA), start = m->program.brk_start;

	return map_brk(m, a0 > start && a0 - start > data ? 0 : a0);    /* 0: it stays as it is */
}

/* madvise(2).  What is not known here (huge pages, merging, poisoning) is EINVAL, as on a Linux built without it. */
SYSCALL(madvise, addr, len, advice)
{
	uaddr_t end;
	int rc = range_pages(addr, len, &end);

	if (advice > MADV_POPULATE_WRITE || !(ADVICE_KNOWN & BIT(advice)) || addr + len < addr) return -EINVAL;

	return rc || len == 0 ? rc : map_advise(current_proc()->map, addr, end, advice);
}

SYSCALL(mincore, addr, len, vec)
{
	uaddr_t end;
	int rc = range_pages(addr, len, &end);

	if (rc) return rc;
	for (; addr < end; addr += PAGE_SIZE, vec++) {
		int in = map_resident(current_proc()->map, addr);

		if (in < 0) return in;
		if (copy_out(vec, &(uint8_t){in}, 1)) return -EFAULT;
	}
	return 0;
}

/* The whole pages that [start, start + len) touches; POSIX mlock lets the address be any. */
static long lock(uaddr_t start, uint64_t len, uint32_t mcl)
{
	uaddr_t first = ROUND_DOWN(start, PAGE_SIZE), end;
	int rc = range_pages(first, len + (start - first), &end);

	if (start + len < start) return -EINVAL;
	if (len == 0) return 0;

	return rc ? rc : map_lock(current_proc()->map, first, end, mcl, false);
}

SYSCALL(mlock) { return lock(a0, a1, MCL_CURRENT); }
SYSCALL(mlock2)
{
	return a2 & ~(uint64_t)MLOCK_ONFAULT ? -EINVAL : lock(a0, a1, a2 ? MCL_CURRENT | MCL_ONFAULT : MCL_CURRENT);
}
SYSCALL(munlock) { return lock(a0, a1, 0); }

SYSCALL(mlockall)
{
	if (a0 & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) return -EINVAL;
	if (!(a0 & (MCL_CURRENT | MCL_FUTURE))) return -EINVAL;

	return map_lock(current_proc()->map, 0, USER_TOP, a0, true);
}

SYSCALL(munlockall) { return map_lock(current_proc()->map, 0, USER_TOP, 0, true); }

SYSCALL(mremap)
{
	uaddr_t at = a0;
	int rc;

	if (a3 & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) return -EINVAL;
	if ((a3 & MREMAP_FIXED) && !(a3 & MREMAP_MAYMOVE)) return -EINVAL;
	if (at % PAGE_SIZE || a1 > USER_TOP || a2 > USER_TOP) return -EINVAL;

	rc = map_remap(current_proc()->map, &at, a1, a2, a3, a4);
	return rc ? rc : (long)at;
}

SYSCALL(shmdt) { return map_detach(current_proc()->map, a0); }
