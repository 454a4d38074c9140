/* SPDX-License-Identifier: MIT */
/* boot/files.c - LOADER - files of the EFI system partition, and whether they are whole.
 *
 * \quire\sums.txt has a line "CRC32 path" for each file, written by the image builder; a file that it names and that
 * does not match is damaged.
 */
#include "boot/loader.h"

static EFI_FILE_PROTOCOL *root;
static struct file sums;

void files_open(EFI_HANDLE image)
{
	EFI_LOADED_IMAGE *self;
	EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *fs;
	EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID, fs_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;

	if (uefi_call_wrapper(BS->HandleProtocol, 3, image, &image_guid, (void **)&self) ||
	    uefi_call_wrapper(BS->HandleProtocol, 3, self->DeviceHandle, &fs_guid, (void **)&fs) ||
	    uefi_call_wrapper(fs->OpenVolume, 2, fs, &root))
		die("cannot be read", "EFI system partition");
	sums = file_read("\\quire\\sums.txt");
}

struct file file_read(const char *path)
{
	struct file f = {0};
	EFI_FILE_PROTOCOL *h;
	CHAR16 wide[128];
	UINTN i;

	for (i = 0; path[i] && i < 127; i++) wide[i] = path[i];
	wide[i] = 0;
	if (uefi_call_wrapper(root->Open, 5, root, &h, wide, EFI_FILE_MODE_READ, 0)) return f;
	EFI_FILE_INFO *info = LibFileInfo(h);
	UINTN len = info ? info->FileSize : 0;

	f.data = pages_alloc(len / PAGE + 1);
	if (uefi_call_wrapper(h->Read, 3, h, &len, f.data)) die("cannot be read", path);
	f.len = len;
	uefi_call_wrapper(h->Close, 1, h);
	return f;
}

/* CRC-32 of IEEE 802.3, a bit at a time: a megabyte takes a few milliseconds. */
static UINT32 crc32(const UINT8 *p, UINT64 n)
{
	UINT32 table[16], crc = ~0u;

	for (UINT32 i = 0; i < 16; i++) {
		table[i] = i;
		for (int k = 0; k < 4; k++) table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320u : table[i] >> 1;
	}
	for (; n > 0; n--, p++) {
		crc = table[(crc ^ *p) & 15] ^ crc >> 4;
		crc = table[(crc ^ *p >> 4) & 15] ^ crc >> 4;
	}
	return ~crc;
}

static int hex_digit(UINT8 c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The sum on a line "xxxxxxxx path", if it is this path's. */
static BOOLEAN sum_line(const UINT8 *line, UINT64 len, const char *path, UINT32 *sum)
{
	UINT64 i;

	*sum = 0;
	if (len < 10) return FALSE;
	for (i = 0; i < 8; i++) *sum = *sum << 4 | (UINT32)(hex_digit(line[i]) & 15);
	for (i = 9; i < len && path[i - 9]; i++) {
		if (line[i] != (UINT8)path[i - 9]) return FALSE;
	}
	return i == len && !path[i - 9];
}

void file_check(const char *path, const struct file *f)
{
	UINT64 start = 0;
	UINT32 sum;

	if (!f->data) die("is missing on the EFI system partition", path);
	if (f->len == 0) die("is empty", path);
	for (UINT64 i = 0; i < sums.len; i++) {
		if (sums.data[i] != '\n') continue;
		if (sum_line(sums.data + start, i - start, path, &sum) && crc32(f->data, f->len) != sum)
			die("is damaged: its checksum is wrong", path);
		start = i + 1;
	}
}

/* \quire\cmdline.txt, then what the firmware passes (QEMU's -append). */
void cmdline_read(EFI_HANDLE image, char *buf, UINTN size)
{
	struct file f = file_read("\\quire\\cmdline.txt");
	EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
	EFI_LOADED_IMAGE *self;
	UINTN n = 0;

	for (UINT64 i = 0; i < f.len && n < size - 2; i++) {
		if (f.data[i] != '\n' && f.data[i] != '\r') buf[n++] = f.data[i];
	}
	if (!uefi_call_wrapper(BS->HandleProtocol, 3, image, &image_guid, (void **)&self) && self->LoadOptionsSize) {
		CHAR16 *o = self->LoadOptions;

		if (n > 0) buf[n++] = ' ';
		for (UINTN i = 0; i < self->LoadOptionsSize / 2 && o[i] && n < size - 1; i++)
			buf[n++] = o[i] >= ' ' && o[i] < 127 ? o[i] : ' ';
	}
	buf[n] = 0;
}
