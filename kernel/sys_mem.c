/* SPDX-License-Identifier: MIT */
/* kernel/sys_mem.c - RING 0 - the system calls about memory: check everything, then let mm/ commit.
 *
 * Path:  entry.S > syscall.c > [sys_mem.c] > mm/map.c, mm/mapops.c
 * Locks: none here; descriptors are held by a reference.
 */
#include "abi/name.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"
#include "mm/map.h"

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

/* Round [start, start + len) to whole pages.  false: it leaves the address space */
static bool range_pages(uaddr_t start, uint64_t len, uaddr_t *end)
{
	if (start >= USER_TOP || len > USER_TOP - start) return false;
	*end = start + ROUND_UP(len, PAGE_SIZE);
	return true;
}

/* What a mapping of this descriptor may show and do (POSIX mmap: EACCES, ENODEV; assertions MM4, MM6). */
static int mmap_rights(const struct file *f, uint32_t prot, bool shared, uint32_t *max_prot)
{
	bool zero = f->kind == FILE_DEVICE && (f->namef & NAMEF_ZERO);

	if (f->kind != FILE_VMO && !zero) return -ENODEV;
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
	if (type == MAP_SHARED_VALIDATE && (flags & MAP_SYNC)) return -EOPNOTSUPP;
	if (flags & MAP_HUGETLB) return -EINVAL;
	return prot & ~(PROT_ALL | PROT_GROWSDOWN | PROT_GROWSUP) ? -EINVAL : 0;
}

SYSCALL(mmap)
{
	uint64_t addr = a0;
	uint64_t len = a1;
	uint64_t prot = a2;
	uint64_t flags = a3;
	uint64_t fd = a4;
	uint64_t off = a5;
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	uint32_t max_prot = PROT_ALL;
	struct file *f = NULL;
	uaddr_t at = addr;
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
	if (!rc) rc = map_map(current_proc()->map, &at, len, prot & PROT_ALL, max_prot, flags, f ? f->vmo : NULL, off);
	if (!rc && f && f->vmo) vmo_touch(f->vmo, VMOC_ATIME);
	if (f) file_put(f);
	return rc ? rc : (long)at;
}

SYSCALL(munmap)
{
	return map_unmap(current_proc()->map, a0, a1);
}

SYSCALL(mprotect)
{
	uint64_t addr = a0;
	uint64_t len = a1;
	uint64_t prot = a2;
	if (prot & ~PROT_ALL) return -EINVAL;
	return map_protect(current_proc()->map, addr, len, prot);
}

/* POSIX.1-2017 msync; the open cases are decided in docs/architecture.md. */
SYSCALL(msync)
{
	uint64_t addr = a0;
	uint64_t len = a1;
	uint64_t flags = a2;
	uaddr_t end;

	if (flags & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return -EINVAL;
	if ((flags & MS_ASYNC) && (flags & MS_SYNC)) return -EINVAL;
	if (addr % PAGE_SIZE) return -EINVAL;
	if (len == 0) return 0;
	if (!range_pages(addr, len, &end)) return -ENOMEM;

	return map_sync(current_proc()->map, addr, end, flags);
}

SYSCALL(brk)
{
	uaddr_t now = 0;

	map_brk(current_proc()->map, a0, &now);
	return now;
}

/* madvise: DONTNEED drops private pages (they come back as zeros, or from the file); the others are only advice. */
SYSCALL(madvise)
{
	uint64_t addr = a0;
	uint64_t len = a1;
	uint64_t advice = a2;
	uaddr_t end;

	if (addr % PAGE_SIZE || advice > MADV_DONTNEED) return -EINVAL;
	if (!range_pages(addr, len, &end)) return -ENOMEM;
	if (len == 0) return 0;

	return map_advise(current_proc()->map, addr, end, advice);
}

SYSCALL(mincore)
{
	uint64_t addr = a0;
	uint64_t len = a1;
	uint64_t vec = a2;
	uint8_t in[64];
	uaddr_t end;

	if (addr % PAGE_SIZE) return -EINVAL;
	if (!range_pages(addr, len, &end)) return -ENOMEM;
	while (addr < end) {
		uint64_t n = MIN((end - addr) >> PAGE_SHIFT, sizeof(in));
		int rc = map_resident(current_proc()->map, addr, n, in);

		if (!rc) rc = copy_out(vec, in, n);
		if (rc) return rc;
		addr += n << PAGE_SHIFT;
		vec += n;
	}
	return 0;
}
