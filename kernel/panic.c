/* SPDX-License-Identifier: MIT */
/* kernel/panic.c - RING 0 - the end, with what a person needs to find the cause: the broken invariant, registers, a
 * symbolised backtrace, and what the CPU was doing.
 */
#include "kernel/panic.h"

#include "kernel/console.h"
#include "kernel/proc.h"
#include "kernel/trap.h"
#include "mm/page.h"
#include "mm/pmap.h"

#define FRAMES_MAX 24

static int panicking;
static struct { const uint8_t *data; uint64_t len, sym, nsym, str, strlen; } elf;

static uint64_t field(uint64_t off, unsigned n)
{
	uint64_t v = 0;

	if (off <= elf.len && n <= elf.len - off) memcpy(&v, elf.data + off, n);
	return v;
}

/* The .symtab of the kernel's own ELF file (ELF-64 object file format): section headers hold type, offset, size, link. */
void symbols_init(paddr_t at, uint64_t len)
{
	uint64_t shoff, shnum;

	if (!at || len < 64) return;
	elf.data = phys_to_virt(at);
	elf.len = len;
	shoff = field(40, 8);
	shnum = field(60, 2);
	for (uint64_t i = 0; i < shnum; i++) {
		uint64_t sh = shoff + 64 * i, str;

		if (field(sh + 4, 4) != 2) continue;    /* SHT_SYMTAB */
		str = shoff + 64 * field(sh + 40, 4);
		elf.sym = field(sh + 24, 8);
		elf.nsym = field(sh + 32, 8) / 24;
		elf.str = field(str + 24, 8);
		elf.strlen = field(str + 32, 8);
	}
	if (elf.sym > len || elf.nsym > (len - elf.sym) / 24 || elf.str > len || elf.strlen > len - elf.str) elf.nsym = 0;
	if (elf.strlen == 0 || elf.data[elf.str + elf.strlen - 1]) elf.nsym = 0;
}

const char *symbol_at(uint64_t addr, uint64_t *offset)
{
	uint64_t best = 0, name = 0;

	for (uint64_t i = 0; i < elf.nsym; i++) {
		uint64_t s = elf.sym + 24 * i, value = field(s + 8, 8);

		if ((field(s + 4, 1) & 15) != 2 && (field(s + 4, 1) & 15) != 0) continue;      /* functions, labels */
		if (value > addr || value < best || field(s, 4) >= elf.strlen) continue;
		if (value == best && name) continue;
		best = value;
		name = field(s, 4);
	}
	*offset = addr - best;
	return best && *offset < 0x10000 ? (const char *)elf.data + elf.str + name : NULL;
}

static void print_address(uint64_t addr)
{
	uint64_t off;
	const char *name = symbol_at(addr, &off);

	kprintf("  %016lx %s+0x%lx\n", addr, name ? name : "?", name ? off : 0);
}

static bool on_stack(uint64_t fp)
{
	struct thread *t = current_thread();

	if (fp % 8) return false;
	return t && fp >= t->kstack && fp + 16 <= t->kstack + KSTACK_PAGES * PAGE_SIZE;
}

static void backtrace(uint64_t rip, uint64_t fp)
{
	kprintf("backtrace:\n");
	if (rip) print_address(rip);
	for (int i = 0; i < FRAMES_MAX && on_stack(fp); i++) {
		uint64_t *frame = (uint64_t *)fp;

		if (!frame[1]) break;
		print_address(frame[1] - 1);
		if (frame[0] <= fp) break;
		fp = frame[0];
	}
}

static void print_registers(const struct trapframe *tf)
{
	kprintf("rip %016lx rsp %016lx rflags %08lx cs %02lx vector %ld error %lx\n", tf->rip, tf->rsp, tf->rflags, tf->cs,
	        tf->vector, tf->error);
	kprintf("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", tf->rax, tf->rbx, tf->rcx, tf->rdx);
	kprintf("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", tf->rsi, tf->rdi, tf->rbp, tf->r8);
	kprintf("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", tf->r9, tf->r10, tf->r11, tf->r12);
	kprintf("r13 %016lx r14 %016lx r15 %016lx\n", tf->r13, tf->r14, tf->r15);
}

static void print_context(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->thread;
	uint64_t off;

	kprintf("cpu %u was doing: %s; cr2 %016lx cr3 %016lx\n", c->id, c->doing ? c->doing : "?", read_cr2(), read_cr3());
	if (t && t->proc) kprintf("process %u (%s), last system call %ld\n", t->proc->pid, t->proc->name, (long)t->syscall_nr);
	else if (t) kprintf("kernel thread %s\n", t->name ? t->name : "?");
	for (struct spinlock *l = c->locks; l; l = l->below) kprintf("holds the lock: %s\n", l->name);
	(void)off;
}

static void panic_begin(void)
{
	irq_disable();
	console_break_lock();
	if (panicking++) machine_exit(STOP_PANIC);
	this_cpu()->locks = NULL;
}

void panic(const char *fmt, ...)
{
	struct spinlock *held = this_cpu()->locks;
	va_list ap;

	panic_begin();
	kprintf("\nPANIC: ");
	va_start(ap, fmt);
	kvprintf(fmt, ap);
	va_end(ap);
	kprintf("\n");
	this_cpu()->locks = held;
	print_context();
	if (current_thread() && current_thread()->proc && current_thread()->tf) print_registers(current_thread()->tf);
	backtrace(0, (uint64_t)__builtin_frame_address(0));
	machine_exit(STOP_PANIC);
}

void trap_fatal(struct trapframe *tf)
{
	static const char *const name[] = {
		"divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode", "no FPU", "double fault",
		"", "invalid TSS", "segment not present", "stack fault", "general protection", "page fault", "", "x87 error",
		"alignment check", "machine check", "SIMD error",
	};
	struct spinlock *held = this_cpu()->locks;

	panic_begin();
	kprintf("\nPANIC: %s in ring %ld\n", tf->vector < ARRAY_LEN(name) ? name[tf->vector] : "trap", tf->cs & 3);
	if (pmap_is_guard(read_cr2()) && (tf->vector == 8 || tf->vector == 14)) kprintf("kernel stack overflow: a guard page was hit\n");
	this_cpu()->locks = held;
	print_context();
	print_registers(tf);
	backtrace(tf->rip, tf->rbp);
	machine_exit(STOP_PANIC);
}
