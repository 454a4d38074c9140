/* SPDX-License-Identifier: MIT */
/* boot/servers.c - LOADER - the boot modules, and the servers that they become: one driver for each disk.
 *
 * Path:  loader.c > [servers.c] > file.c, elf.c;  kernel/main.c makes them processes */
#include "boot/loader.h"

static const char *const modules[BOOT_MODULES] = {
	[BOOT_FS] = "modules/fs", [BOOT_VIRTIO_BLK] = "modules/virtio-blk", [BOOT_PM] = "modules/pm",
	[BOOT_INIT] = "modules/init",
};

static struct boot_server nameless[BOOT_MODULES];

void modules_read(struct bootinfo *bi)
{
	for (unsigned i = 0; i < BOOT_MODULES; i++) {
		struct blob file = file_read(modules[i], 0);
		struct proc_attr *attr = &nameless[i].plan.attr;

		attr->umask = 022;
		attr->dumpable = 1;
		efi->BootServices->SetMem(attr->rlimit, sizeof(attr->rlimit), 0xff);    /* RLIM_INFINITY */
		nameless[i].module = i;
		elf_module_plan(&file, modules[i], &bi->module[i], &nameless[i]);
	}
}

/* The random bytes are for its stack guard: no secret. */
static void server_make(struct boot_server *s, unsigned module, const char *name)
{
	UINTN len = text_len(name) + 1;

	*s = nameless[module];
	memcpy(s->words.name, name, len);
	memcpy(s->plan.attr.name, name, len);
	s->plan.program.env = s->plan.program.env_end = s->plan.program.args + len;
	s->words.random[0] = s->words.random[1] = __builtin_ia32_rdtsc() * 0x9e3779b97f4a7c15ull;
}

void servers_list(struct bootinfo *bi)
{
	struct boot_server *s = bi->server;

	server_make(s++, BOOT_INIT, "init");
	for (unsigned i = 0; i < bi->machine.ndisks; i++) {
		char name[] = "virtio-blk:vda";         /* the program, its disk */

		name[sizeof(name) - 2] += i;
		server_make(s++, BOOT_VIRTIO_BLK, name);
	}
	server_make(s++, BOOT_FS, "fs");
	server_make(s++, BOOT_PM, "pm");
	server_make(s++, BOOT_PM, "pm:exec");
}
