/* SPDX-License-Identifier: MIT */
/* fs/gpt.h - RING 3 - the GUID partition table of a disk that lies in memory. */
#ifndef FS_GPT_H
#define FS_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPT_PARTS 16

struct gpt_part {
	uint64_t first, count;          /* sectors of 512 bytes; count 0: not there */
	bool     cut;                   /* the table says it goes on beyond the end of the disk; count does not */
};

int gpt_read(const uint8_t *disk, uint64_t sectors, struct gpt_part part[GPT_PARTS], char *why, size_t whylen);
uint32_t gpt_crc32(const void *, size_t);

#endif
