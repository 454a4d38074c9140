/* SPDX-License-Identifier: MIT */
/* fs/gpt.c - RING 3 - the GUID partition table (UEFI 2.10 section 5.3): where the partitions of a disk lie.
 *
 * Path:  disks.c > [gpt.c]
 * Use:   gpt_read() on the mapped disk.  Everything read is checked before it is believed: the disk may hold anything.
 *
 * There are two copies: one at the start, one whose header is the disk's last sector.  If the first is damaged the
 * second serves; a truncated image has lost it, but its first copy tells what is missing.
 */
#include "fs/gpt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECTOR 512u
#define ENTRIES_MAX 1024u

/* UEFI 2.10 table 5-5: offsets within the header. */
enum { H_SIZE = 12, H_CRC = 16, H_MY_LBA = 24, H_ENTRIES = 72, H_COUNT = 80, H_ENTRY_SIZE = 84, H_ENTRIES_CRC = 88,
       H_END = 92 };
/* Table 5-6: within an entry. */
enum { E_TYPE = 0, E_FIRST = 32, E_LAST = 40 };

/* Fields are little-endian, whatever the CPU, and not aligned. */
static uint64_t le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0) v = v << 8 | p[bytes];
	return v;
}

/* CRC-32 of ISO 3309, a bit at a time: 16 KiB a disk are not worth a table. */
static uint32_t crc_step(uint32_t crc, const uint8_t *p, size_t n)
{
	while (n-- > 0) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

uint32_t gpt_crc32(const void *p, size_t n)
{
	return ~crc_step(~0u, p, n);
}

/* Is there a sound header in this sector?  NULL: yes; else what is wrong with it. */
static const char *header_check(const uint8_t *disk, uint64_t sectors, uint64_t lba)
{
	const uint8_t *h = disk + lba * SECTOR;
	uint8_t copy[SECTOR];
	uint64_t size, entries, count, entry;

	if (memcmp(h, "EFI PART", 8) != 0) return "no signature";
	size = le(h + H_SIZE, 4);
	if (size < H_END || size > SECTOR) return "its header's size is wrong";
	memcpy(copy, h, SECTOR);
	memset(copy + H_CRC, 0, 4);             /* the sum is of the header with this field zero */
	if (gpt_crc32(copy, size) != le(h + H_CRC, 4)) return "its header's checksum is wrong";
	if (le(h + H_MY_LBA, 8) != lba) return "its header is not where it says";

	entries = le(h + H_ENTRIES, 8);
	count = le(h + H_COUNT, 4);
	entry = le(h + H_ENTRY_SIZE, 4);
	if (count == 0 || count > ENTRIES_MAX || entry < 128 || entry > 4096 || entry % 8)
		return "its entries have odd sizes";
	if (entries < 2 || entries >= sectors || count * entry > (sectors - entries) * SECTOR)
		return "its entries lie beyond the end of the disk";
	if (gpt_crc32(disk + entries * SECTOR, count * entry) != le(h + H_ENTRIES_CRC, 4))
		return "its entries' checksum is wrong";
	return NULL;
}

/* One entry.  Its checksum was right, but its numbers can still be nonsense: such a partition is not there. */
static void part_read(const uint8_t *e, uint64_t sectors, struct gpt_part *p)
{
	static const uint8_t unused[16];
	uint64_t first = le(e + E_FIRST, 8), last = le(e + E_LAST, 8);

	memset(p, 0, sizeof(*p));
	if (memcmp(e + E_TYPE, unused, sizeof(unused)) == 0 || first < 2 || last < first) return;
	p->cut = last >= sectors;
	if (first >= sectors) return;           /* all of it is missing */
	p->first = first;
	p->count = (p->cut ? sectors : last + 1) - first;
}

/* gpt_read: part[i] becomes partition i + 1; those that are not there have count 0.
 * => 0; -ENOENT: no table; -EINVAL: two damaged ones, `why` says what is wrong with the first */
int gpt_read(const uint8_t *disk, uint64_t sectors, struct gpt_part part[GPT_PARTS], char *why, size_t whylen)
{
	const char *first, *second;
	const uint8_t *h, *e;
	uint64_t entry;

	memset(part, 0, GPT_PARTS * sizeof(*part));
	if (sectors < 4) {
		snprintf(why, whylen, "the disk is too small");
		return -ENOENT;
	}
	first = header_check(disk, sectors, 1);
	second = first ? header_check(disk, sectors, sectors - 1) : NULL;
	if (second) {
		/* Without a signature in either place this is no damaged table, but none. */
		bool none = memcmp(disk + SECTOR, "EFI PART", 8) != 0 &&
		            memcmp(disk + (sectors - 1) * SECTOR, "EFI PART", 8) != 0;

		snprintf(why, whylen, "partition table: %s", first);
		return none ? -ENOENT : -EINVAL;
	}

	h = disk + (first ? sectors - 1 : 1) * SECTOR;
	e = disk + le(h + H_ENTRIES, 8) * SECTOR;
	entry = le(h + H_ENTRY_SIZE, 4);
	for (unsigned i = 0; i < GPT_PARTS && i < le(h + H_COUNT, 4); i++) part_read(e + i * entry, sectors, &part[i]);
	return 0;
}
