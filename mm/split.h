/* SPDX-License-Identifier: MIT */
/* mm/split.h - RING 0 - vm=split: what the rest of mm/ asks of split.c. */
#ifndef MM_SPLIT_H
#define MM_SPLIT_H

#include "mm/run.h"

extern bool vm_split;                   /* [c] the word vm=split was given */

struct vmo *split_view(struct vmo *file);       /* what mappings show: the file itself when unified; as a user of it */
void split_idle(struct vmo *view);
void split_resized(struct vmo *file);           /* its size changed; no lock held */
void split_times(struct vmo *file);             /* before its times are read or set */
void split_publish(struct vmo *file, uint64_t first, uint64_t last);    /* stores through mappings reach the file */
void split_run(struct run *);
/* Where failed writes are counted. */
static inline struct vmo *vmo_file(struct vmo *v) { return v->split_of ? v->split_of : v; }

#endif
