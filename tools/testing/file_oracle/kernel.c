// SPDX-License-Identifier: GPL-2.0
/*
 * Files of the kernel: what it counts, and the control group of a test.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include "file_oracle.h"

#define CGROUP		"/sys/fs/cgroup/file_oracle/"
#define CLEANCACHE	"/sys/kernel/debug/cleancache/"

int put_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

long counter(const char *name)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), CLEANCACHE "%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atol(text);
}

/* Pages read from the device so far. */
long disk_pages(void)
{
	unsigned long reads, merged, sectors = 0;
	const char *name;
	char path[128];
	FILE *f;

	if (!dev)
		return 0;
	name = strrchr(dev, '/') + 1;
	snprintf(path, sizeof(path), "/sys/block/%s/stat", name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu %lu", &reads, &merged, &sectors) != 3)
		sectors = 0;
	fclose(f);
	return sectors / 8;
}

/* Have memory of this control group reclaimed. */
void reclaim(unsigned long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", bytes);
	/* it may not find so much */
	put_text(CGROUP "memory.reclaim", text);
}

void enter_cgroup(void)
{
	char text[32];

	if (!limit_mb)
		return;
	mkdir(CGROUP, 0755);
	snprintf(text, sizeof(text), "%lu", limit_mb << 20);
	if (put_text(CGROUP "memory.max", text))
		fail("cannot set the memory limit: %m");
	if (put_text(CGROUP "cgroup.procs", "0"))
		fail("cannot enter the control group: %m");
}
