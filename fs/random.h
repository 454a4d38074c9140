/* SPDX-License-Identifier: MIT */
/* fs/random.h - RING 3 - random bytes. */
#ifndef FS_RANDOM_H
#define FS_RANDOM_H

#include <stddef.h>

void random_fill(void *buf, size_t n);

#endif
