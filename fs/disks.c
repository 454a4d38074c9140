/* SPDX-License-Identifier: MIT */
/* fs/disks.c - RING 3 - finds the disks and their partitions, and mounts what is on them.
 *
 * Path:  server.c, srv_file.c > [disks.c] > gpt.c, ext2_super.c (ext2_mount)
 * Each disk is an object paged by its driver; it is mapped once, whole.  A partition is a part of that mapping, so
 * reading a partition table or a superblock is reading memory.  Names are Linux's: vda, vda1, vda2, vdb ...
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "abi/blk.h"
#include "fs/gpt.h"
#include "fs/server.h"

#define VIRTBLK_MAJOR 254u              /* what Linux gives virtio disks when nothing else asks; 16 minors a disk */
#define NAME_TAIL     3                 /* room for a partition's number behind the disk's name */

/* What its driver says of a disk. */
struct disk_info {
	uint64_t sectors;
	bool     readonly;
	uint32_t object, port;          /* handles */
	char     name[DEV_NAME_MAX];
};

struct disk_node disk_nodes[DISK_NODES_MAX];
unsigned ndisk_nodes;

/* A node for bytes [off, off + len) of the disk; NULL: no room for it. */
static struct disk_node *node_add(const struct disk_info *info, uint8_t *map, uint64_t off, uint64_t len)
{
	struct disk_node *n = &disk_nodes[ndisk_nodes];

	if (ndisk_nodes == DISK_NODES_MAX) return NULL;
	if (disk_init(&n->disk, info->port, map, off, len, info->readonly)) return NULL;
	n->object = info->object;
	n->start = off;
	ndisk_nodes++;
	return n;
}

/* Each partition of the table.  A disk without one is as good: a file system may fill it from its start. */
static void parts_add(const struct disk_info *info, uint8_t *map, uint64_t number)
{
	struct gpt_part part[GPT_PARTS];
	struct disk_node *n;
	char why[128] = "";
	int rc = gpt_read(map, info->sectors, part, why, sizeof(why));

	if (rc == -EINVAL) say("/dev/%s: %s", info->name, why);
	for (unsigned i = 0; i < GPT_PARTS; i++) {
		if (part[i].cut)
			say("/dev/%s%u goes on beyond the end of the disk: truncated image?", info->name, i + 1);
		if (!part[i].count) continue;
		n = node_add(info, map, part[i].first * 512, part[i].count * 512);
		if (!n) return;
		snprintf(n->name, sizeof(n->name), "%.*s%u", DEV_NAME_MAX - NAME_TAIL, info->name, i + 1);
		n->cut = part[i].cut;
		n->number = number + i + 1;
	}
}

/* The mapping is of the whole disk, however large: only what is touched is read, and the kernel throws it out again. */
static void disk_add(unsigned index, const struct disk_info *info)
{
	uint64_t bytes = info->sectors * 512, number = makedev(VIRTBLK_MAJOR, index * 16);
	long at = bytes ? q_vmo_map(info->object, 0, (bytes + 4095) & ~4095ull) : -ENXIO;
	struct disk_node *n;

	if (at < 0 && at > -4096) {
		say("/dev/%s: cannot be mapped: %s", info->name, strerror(-(int)at));
		return;
	}
	n = node_add(info, (uint8_t *)at, 0, bytes);
	if (!n) return;
	snprintf(n->name, sizeof(n->name), "%s", info->name);
	n->whole = true;
	n->number = number;
	parts_add(info, (uint8_t *)at, number);
}

/* disks_open: waits for every driver; a dead one's disk is missing, its name is not given to another. */
void disks_open(void)
{
	struct ipc_msg m = {.op = BLK_INFO};
	long rc;

	for (unsigned i = 0; (rc = q_call(HANDLE_DISKS + i, &m)) != -EBADF; i++) {
		struct disk_info info = {m.arg[0], m.arg[1], m.handle[0], HANDLE_DISKS + i, {0}};

		snprintf(info.name, sizeof(info.name), "vd%c", 'a' + i);
		if (!rc) rc = m.status;
		if (!rc) disk_add(i, &info);
		else say("/dev/%s: %s", info.name, rc == -EIO ? "its driver died" : strerror(-(int)rc));
		m = (struct ipc_msg){.op = BLK_INFO};
	}
}

/* disk_by_name: the one that has this name in /dev.  NULL: none has. */
struct disk_node *disk_by_name(const char *name)
{
	if (strncmp(name, "/dev/", 5) == 0) name += 5;
	for (unsigned i = 0; i < ndisk_nodes; i++) {
		if (strcmp(disk_nodes[i].name, name) == 0) return &disk_nodes[i];
	}
	return NULL;
}

struct disk_node *disk_by_number(uint64_t number)
{
	for (unsigned i = 0; i < ndisk_nodes; i++) {
		if (disk_nodes[i].number == number) return &disk_nodes[i];
	}
	return NULL;
}

/* By name: a whole disk and a partition of it are different file systems, if both are ones at all. */
static bool disk_mounted(const struct disk_node *n)
{
	for (const struct mount *m = vfs_mounts; m; m = m->next) {
		if (strcmp(m->type, "ext2") == 0 && strcmp(m->source, n->name) == 0) return true;
	}
	return false;
}

/* mount_disk: the ext2 on this disk or partition, on `covers` (NULL: as the root).
 * => 0; -ENXIO: no such disk; -EBUSY: mounted already, twice would be two minds; what ext2_mount() says.
 *    Whatever goes wrong is said in the log, in one line. */
int mount_disk(const char *name, const char *target, struct vnode *covers, bool readonly)
{
	struct disk_node *n = disk_by_name(name);
	char why[160] = "";
	struct mount *m;
	int rc;

	if (!n) {
		say("%s: %s", name, ndisk_nodes ? "no such disk or partition" : "there is no disk");
		return -ENXIO;
	}
	if (disk_mounted(n)) return -EBUSY;
	m = mount_new("ext2", n->name, target, readonly || n->disk.readonly);
	if (!m) return -ENOMEM;

	rc = ext2_mount(m, &n->disk, m->readonly, why, sizeof(why));
	if (!rc) rc = mount_attach(m, covers);
	if (rc) {
		say("/dev/%s: %s%s", n->name, why[0] ? why : strerror(-rc), n->cut ? " (and the disk ends early)" : "");
		mount_drop(m);
		return rc;
	}
	if (why[0]) say("/dev/%s: mounted read-only: %s", n->name, why);
	return 0;
}
