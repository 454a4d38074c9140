/* SPDX-License-Identifier: MIT */
/* kernel/sys_mem.c - RING 0 - the system calls about memory: check everything, then let mm/ commit.
 *
 * Path:  entry.S > syscall.c > [sys_mem.c] > mm/map.c, mm/mapops.c
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

/* What a descriptor's mapping may show and do: POSIX mmap, EACCES, ENODEV (assertions MM4, MM6).  map_map() checks the
 * place. */
SYSCALL(mmap, at, len, prot, flags, fd, off)
{
	FILE_HELD struct file *f = flags & MAP_ANONYMOUS ? NULL : fd_get(fd);
	uint32_t type = flags & MAP_TYPE, max_prot = PROT_ALL;
	struct vmo *v = NULL;
	int rc;

	if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && (flags & ~(uint32_t)MAP_KNOWN)) return -EOPNOTSUPP;
	if ((flags & MAP_HUGETLB) || (prot & ~(PROT_ALL | PROT_GROWSDOWN | PROT_GROWSUP))) return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		if (!f) return -EBADF;
		if ((!f->vmo && !(f->namef & NAMEF_ZERO)) || f->limit) return -ENODEV;
		if (type != MAP_PRIVATE && !file_writable(f)) max_prot &= ~PROT_WRITE;
		if (!file_readable(f) || (prot & PROT_ALL & ~max_prot)) return -EACCES;
	}

	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) at = ROUND_DOWN(at, PAGE_SIZE);
	if (f && f->vmo && !(v = split_view(f->vmo))) return -ENOMEM;
	rc = map_map(current_proc()->map, &at, len, prot & PROT_ALL, max_prot, flags, v, off);
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

SYSCALL(brk) { return map_brk(current_proc()->map, a0); }

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

	rc = map_remap(current_proc()->map, &at, a1, a2, a3, a4);
	return rc ? rc : (long)at;
}

SYSCALL(shmdt) { return map_detach(current_proc()->map, a0); }
