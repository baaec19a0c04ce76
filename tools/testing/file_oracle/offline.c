// SPDX-License-Identifier: GPL-2.0
/*
 * The test of a file that changes while nothing is mounted.
 */
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include "file_oracle.h"

/* Where on the device the file is. */
static struct fiemap *file_extents(void)
{
	struct fiemap *map;
	unsigned int nr = 256;

	map = calloc(1, sizeof(*map) + nr * sizeof(map->fm_extents[0]));
	must(map);
	map->fm_length = m.size;
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = nr;
	must(!ioctl(m.fd, FS_IOC_FIEMAP, map));
	must(map->fm_mapped_extents && map->fm_mapped_extents < nr);
	return map;
}

/* A file that is changed on the device while nothing is mounted. */
void test_offline(void)
{
	char *data = new_file("offline");
	struct fiemap *map;
	unsigned int i;
	uint32_t gen;
	int disk;

	if (!dev)
		fail("needs a device");
	m.max = 4 << 20;
	write_file(data, m.max);
	read_file("first read", data);
	reclaim(m.max);
	map = file_extents();
	gen = next_gen();
	close_file();
	must(!umount(dir));
	disk = open(dev, O_RDWR);
	must(disk >= 0);
	for (i = 0; i < map->fm_mapped_extents; i++) {
		struct fiemap_extent *e = &map->fm_extents[i];
		unsigned long done, n;

		must(!(e->fe_flags & (FIEMAP_EXTENT_UNKNOWN |
				      FIEMAP_EXTENT_DELALLOC |
				      FIEMAP_EXTENT_ENCODED)));
		/* there may be room behind the end */
		if (e->fe_logical + e->fe_length > m.size)
			e->fe_length = m.size - e->fe_logical;
		for (done = 0; done < e->fe_length; done += n) {
			n = e->fe_length - done < CHUNK ? e->fe_length - done :
			    CHUNK;
			model_write(data, e->fe_logical + done, n, gen);
			must(pwrite(disk, data, n, e->fe_physical + done) ==
			     (ssize_t)n);
		}
	}
	must(!fsync(disk));
	close(disk);
	must(!mount(dev, dir, type, 0, NULL));
	open_file(0);
	read_file("after it was changed on the device", data);
}
