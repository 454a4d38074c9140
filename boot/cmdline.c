/* SPDX-License-Identifier: MIT */
/* boot/cmdline.c - LOADER - the command line: cmdline.txt of the disk, then what the firmware was told (LoadOptions).
 *
 * Path:  loader.c > [cmdline.c] > file.c
 * Use:   cmdline_make() once; then `cmdline`, and cmdline_number(). */
#include "boot/loader.h"

#ifdef QUIRE_DEBUG
#define DEBUG_BUILD 1                   /* the kernel beside this loader has tests/checks/ in it */
#else
#define DEBUG_BUILD 0
#endif

char cmdline[BOOT_CMDLINE_MAX];

/* Append one character to the command line. */
static void cmdline_put(UINTN *n, char c)
{
	if (*n >= sizeof(cmdline) - 1) fail_number("the kernel's command line is longer than", *n, "bytes");
	cmdline[(*n)++] = c;
}

/* Boot options that OVMF made by itself carry a GUID here: only plain text is taken for text. */
static UINTN load_options_len(const EFI_LOADED_IMAGE *self)
{
	const CHAR16 *s = self->LoadOptions;
	UINTN n = self->LoadOptionsSize / 2;

	if (!s || self->LoadOptionsSize % 2) return 0;
	while (n && s[n - 1] == 0)
		n--;
	for (UINTN i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~') return 0;
	return n;
}

/* What stands behind this beginning of a word; NULL: there is no such word. */
static const char *word_find(const char *word)
{
	UINTN n = text_len(word);

	for (const char *at = cmdline; *at; at++) {
		UINTN same = 0;

		while (same < n && at[same] == word[same])
			same++;
		if (same == n && (at == cmdline || at[-1] == ' ')) return at + n;
	}
	return NULL;
}

UINT64 cmdline_number(const char *word)
{
	UINT64 n = 0;

	for (const char *c = word_find(word); c && *c >= '0' && *c <= '9'; c++)
		n = n * 10 + (UINT64)(*c - '0');
	return n;
}

static void words_use(struct bootinfo *bi)
{
	if (word_find("delay=")) bi->delay = cmdline_number("delay=") + 1;
	if (bi->delay && !DEBUG_BUILD) say_number("only a debug build (make DEBUG=1) has delays, so not", bi->delay - 1, "");
	if (word_find("vm=split")) bi->split = 1;
	if (word_find("panic=test")) bi->panic = BOOT_PANIC_TEST;
	if (word_find("panic=stack")) bi->panic = BOOT_PANIC_STACK;
	if (word_find("panic=fault")) bi->panic = BOOT_PANIC_FAULT;
}

void cmdline_make(EFI_HANDLE image, struct bootinfo *bi)
{
	static EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	struct blob file = file_read("cmdline.txt", 1);
	EFI_LOADED_IMAGE *self;
	UINTN n = 0, extra = 0;

	for (UINTN i = 0; i < file.len; i++) {
		char c = ((char *)file.data)[i];

		cmdline_put(&n, c == '\n' || c == '\r' || c == 0 ? ' ' : c);
	}
	if (efi->BootServices->HandleProtocol(image, &guid, (void **)&self) == EFI_SUCCESS)
		extra = load_options_len(self);
	if (n && extra) cmdline_put(&n, ' ');
	for (UINTN i = 0; i < extra; i++)
		cmdline_put(&n, (char)((CHAR16 *)self->LoadOptions)[i]);
	while (n && cmdline[n - 1] == ' ')
		n--;
	cmdline[n] = 0;
	words_use(bi);
}
