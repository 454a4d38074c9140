/* SPDX-License-Identifier: MIT */
/* user/posix/written.h - what a process can see of writing to permanent storage.
 *
 * A page that was written is clean and write-protected, so the next store into it marks the file's times; a store into
 * a page that is dirty already does not before the page is written.  is_clean() rests on that.  In the split world a
 * store need not mark anything before msync; there is_clean() looks whether msync has something to write.
 */
#ifndef USER_POSIX_WRITTEN_H
#define USER_POSIX_WRITTEN_H

#include "posix.h"

/* n pages of a new file, all of them on permanent storage and mapped; *fd is its descriptor. */
char *clean_pages(int *fd, long n);
/* Was the page at p written since the last store into it through this mapping?  It may be dirty or clean afterwards. */
bool is_clean(int fd, char *p);
/* Gives the file old times; have they been marked since? */
void make_old(int fd);
bool is_marked(int fd);
bool is_resident(void *p);

/* The disk below the file system, mapped whole; skips the test where there is none that may be written to. */
struct disk { char *at; size_t size; };
struct disk disk_open(void);
/* Fills a page with bytes that are nowhere else, and finds such a page on the disk: NULL if it is not there. */
void page_unique(char *page, int seed);
char *disk_find(struct disk d, const char *page);

#endif
