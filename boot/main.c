/* SPDX-License-Identifier: MIT */
/* boot/main.c - LOADER - the UEFI application: reads kernel and modules, makes page tables, leaves the firmware, jumps.
 *
 * Path:  OVMF > [main.c] > kernel/entry.S (kernel_entry)
 * Use:   \EFI\BOOT\BOOTX64.EFI of the image; a missing or damaged file ends with its name and status 163.
 */
#include "boot/loader.h"

#define EFER      0xc0000080u
#define EFER_NXE  (1ull << 11)
#define CR0_WP    (1ull << 16)
#define CR4_PGE   (1ull << 7)

static const char *const module_name[] = {"fs", "virtio-blk", "init"};

/* Runs from a page that both address spaces map at the same place. */
__asm__(".text\n"
        ".global jump_start, jump_end\n"
        "jump_start:\n"                 /* rdi bootinfo, rsi CR3, rdx stack, rcx entry */
        "	mov %rsi, %cr3\n"
        "	mov %rdx, %rsp\n"
        "	xor %ebp, %ebp\n"
        "	jmp *%rcx\n"
        "jump_end:\n");
extern char jump_start[], jump_end[];
typedef void(__attribute__((sysv_abi)) * jump_fn)(UINT64 bootinfo, UINT64 cr3, UINT64 stack, UINT64 entry);

static void name_copy(char *to, const char *from, UINTN size)
{
	UINTN i;

	for (i = 0; from[i] && i < size - 1; i++) to[i] = from[i];
	to[i] = 0;
}

static void modules_read(struct bootinfo *bi)
{
	for (unsigned i = 0; i < sizeof(module_name) / sizeof(*module_name); i++) {
		struct boot_module *m = &bi->module[bi->nmodules++];
		char path[64] = "\\quire\\modules\\";
		struct file f;

		name_copy(path + 15, module_name[i], sizeof(path) - 15);
		f = file_read(path);
		file_check(path, &f);
		if (f.len < 64 || f.data[0] != 0x7f || f.data[1] != 'E' || f.data[2] != 'L' || f.data[3] != 'F')
			die("is no ELF file", path);
		name_copy(m->name, module_name[i], sizeof(m->name));
		m->start = (UINT64)f.data;
		m->len = f.len;
	}
}

static UINT64 acpi_rsdp(EFI_SYSTEM_TABLE *st)
{
	EFI_GUID acpi20 = ACPI_20_TABLE_GUID, acpi10 = ACPI_TABLE_GUID;
	UINT64 found = 0;

	for (UINTN i = 0; i < st->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *t = &st->ConfigurationTable[i];

		if (!CompareGuid(&t->VendorGuid, &acpi20)) return (UINT64)t->VendorTable;
		if (!CompareGuid(&t->VendorGuid, &acpi10)) found = (UINT64)t->VendorTable;
	}
	return found;
}

/* What the new tables need of the CPU: NX before a CR3 that uses it, read-only pages read-only for ring 0 too. */
static void cpu_prepare(void)
{
	UINT32 lo, hi;
	UINT64 r;

	__asm__ volatile("cli");
	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(EFER));
	__asm__ volatile("wrmsr" : : "c"(EFER), "a"(lo | (UINT32)EFER_NXE), "d"(hi));
	__asm__ volatile("mov %%cr0, %0" : "=r"(r));
	__asm__ volatile("mov %0, %%cr0" : : "r"(r | CR0_WP));
	__asm__ volatile("mov %%cr4, %0" : "=r"(r));
	__asm__ volatile("mov %0, %%cr4" : : "r"(r | CR4_PGE));
}

EFI_STATUS efi_main(EFI_HANDLE handle, EFI_SYSTEM_TABLE *st)
{
	struct bootinfo *bi;
	struct file kernel;
	struct image k;
	UINT8 *jump, *stack;

	InitializeLib(handle, st);
	uefi_call_wrapper(BS->SetWatchdogTimer, 4, 0, 0, 0, NULL);
	memory_check();
	files_open(handle);
	bi = pages_alloc(sizeof(*bi) / PAGE + 1);
	bi->magic = BOOTINFO_MAGIC;
	kernel = file_read("\\quire\\kernel.elf");
	file_check("\\quire\\kernel.elf", &kernel);
	k = kernel_load(&kernel);
	modules_read(bi);
	cmdline_read(handle, bi->cmdline, sizeof(bi->cmdline));
	bi->acpi_rsdp = acpi_rsdp(st);
	bi->kernel_phys = k.phys;
	bi->kernel_len = k.len;
	bi->symbols = (UINT64)kernel.data;
	bi->symbols_len = kernel.len;
	stack = pages_alloc(4);
	jump = pages_alloc(1);
	CopyMem(jump, jump_start, jump_end - jump_start);
	memory_tables_alloc();

	memory_leave(handle, bi);
	memory_map_all(bi, &k);
	kernel_map(&kernel, &k);
	page_map((UINT64)jump, (UINT64)jump, PTE_P);
	cpu_prepare();
	((jump_fn)jump)(DIRECT_BASE + (UINT64)bi, memory_root(), DIRECT_BASE + (UINT64)stack + 4 * PAGE, k.entry);
	return EFI_LOAD_ERROR;
}
