/* SPDX-License-Identifier: MIT */
/* boot/file.c - LOADER - the files below \quire on the partition that the loader itself came from.
 *
 * Path:  loader.c > [file.c] > EFI_SIMPLE_FILE_SYSTEM_PROTOCOL (UEFI 13.4)
 * Use:   file_volume_open() once, file_sums_read() once, then file_read() for each file.
 *
 * sums.txt has a line "crc32 name" for each file, eight hexadecimal digits, name below \quire with '/'.  It is made
 * by tests/harness/mkimage.  A file that it does not list is taken as it is. */
#include "boot/loader.h"

#define PATH_MAX 64
#define INFO_MAX 512            /* EFI_FILE_INFO with a name of ours */

static EFI_FILE_HANDLE volume;
static struct blob sums;

void *page_alloc(UINTN n)
{
	EFI_PHYSICAL_ADDRESS at = 0;

	/* EfiLoaderData is what memmap.c reports as BOOT_RAM_LOADER. */
	if (efi->BootServices->AllocatePages(AllocateAnyPages, EfiLoaderData, n, &at) != EFI_SUCCESS)
		fail_number("too little memory: the firmware has no", n * PAGE / 1024, "KiB in one piece");
	efi->BootServices->SetMem((void *)at, n * PAGE, 0);
	return (void *)at;
}

void file_volume_open(EFI_HANDLE image)
{
	static EFI_GUID image_guid = LOADED_IMAGE_PROTOCOL, fs_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_LOADED_IMAGE *self;
	EFI_FILE_IO_INTERFACE *fs;

	if (efi->BootServices->HandleProtocol(image, &image_guid, (void **)&self) != EFI_SUCCESS ||
	    efi->BootServices->HandleProtocol(self->DeviceHandle, &fs_guid, (void **)&fs) != EFI_SUCCESS ||
	    fs->OpenVolume(fs, &volume) != EFI_SUCCESS)
		fail("cannot be opened as a FAT file system", "the partition that the loader was started from");
}

/* "modules/fs" -> L"\quire\modules\fs" */
static void path_make(CHAR16 *out, const char *name)
{
	static const char top[] = "\\quire\\";
	UINTN n = 0;

	for (const char *p = top; *p; p++)
		out[n++] = (CHAR16)*p;
	for (const char *p = name; *p && n < PATH_MAX - 1; p++)
		out[n++] = *p == '/' ? L'\\' : (CHAR16)*p;
	out[n] = 0;
}

static UINTN file_len(EFI_FILE_HANDLE f, const char *name)
{
	static EFI_GUID info_guid = EFI_FILE_INFO_ID;
	UINT64 buf[INFO_MAX / 8];
	UINTN len = sizeof(buf);

	if (f->GetInfo(f, &info_guid, &len, buf) != EFI_SUCCESS) fail("cannot be read: no information", name);
	return ((EFI_FILE_INFO *)buf)->FileSize;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	return -1;
}

/* The line at *p, which moves past it: its checksum, and whether it is about this name. */
static int sums_line(const char **p, const char *end, const char *name, UINT32 *crc)
{
	const char *q = *p;
	UINTN len = text_len(name);
	int same;

	*crc = 0;
	for (int i = 0; i < 8; i++, q++) {
		if (q >= end || hex_digit(*q) < 0) fail("is damaged", "sums.txt");
		*crc = *crc << 4 | (UINT32)hex_digit(*q);
	}
	if (q >= end || *q++ != ' ') fail("is damaged", "sums.txt");
	same = (UINTN)(end - q) > len && q[len] == '\n';
	for (UINTN i = 0; same && i < len; i++)
		same = q[i] == name[i];
	while (q < end && *q++ != '\n')
		;
	*p = q;
	return same;
}

/* The firmware's CRC is the one of IEEE 802.3 (UEFI 7.5), which zlib.crc32() of the image builder gives as well. */
static void sum_check(const struct blob *file, const char *name)
{
	const char *p = sums.data, *end = p + sums.len;
	UINT32 want, have = 0;

	while (p < end) {
		if (!sums_line(&p, end, name, &want)) continue;
		if (file->len) efi->BootServices->CalculateCrc32(file->data, file->len, &have);
		if (have != want) fail("is damaged: its checksum is not the one in sums.txt", name);
		return;
	}
}

struct blob file_read(const char *name, int optional)
{
	CHAR16 path[PATH_MAX];
	EFI_FILE_HANDLE f;
	struct blob file = { 0 };
	UINTN got;
	EFI_STATUS st;

	path_make(path, name);
	st = volume->Open(volume, &f, path, EFI_FILE_MODE_READ, 0);
	if (st == EFI_NOT_FOUND && optional) return file;
	if (st == EFI_NOT_FOUND) fail("is missing on the boot partition (below \\quire)", name);
	if (st != EFI_SUCCESS) fail("cannot be opened: the boot partition is damaged", name);

	file.len = got = file_len(f, name);
	file.data = page_alloc(PAGES(file.len) + 1);    /* a zero follows: text files end */
	if (f->Read(f, &got, file.data) != EFI_SUCCESS) fail("cannot be read: the disk reports an error", name);
	if (got != file.len) fail("is damaged: it is shorter than its directory entry says", name);
	f->Close(f);
	if (sums.data) sum_check(&file, name);
	return file;
}

void file_sums_read(void)
{
	sums = file_read("sums.txt", 1);
}
