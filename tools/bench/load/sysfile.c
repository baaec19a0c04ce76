// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers in files of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static char text[256 * 1024];

/* All of it, in a buffer that the next call uses again; NULL: it is not there. */
static char *file_text(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return NULL;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = 0;
	return text;
}

/* The number that the file begins with; -1: there is none. */
long long file_number(const char *path)
{
	char *p = file_text(path), *end;
	long long n;

	if (!p)
		return -1;
	n = strtoll(p, &end, 10);
	return end == p ? -1 : n;
}

/* The number after a name at the start of a line; -1: there is none. */
long long file_word(const char *path, const char *name)
{
	char *p = file_text(path);
	size_t len = strlen(name);

	for (; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, len) && (p[len] == ' ' || p[len] == '\t'))
			return strtoll(p + len, NULL, 10);
	return -1;
}

bool file_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, value, strlen(value));
	close(fd);
	return n >= 0;
}

/* Free pages, those that CPUs have set aside for themselves included. */
uint64_t free_bytes(void)
{
	char *p = file_text("/proc/zoneinfo"), *line;
	uint64_t pages = 0;

	for (line = p ? strtok(p, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		line += strspn(line, " ");
		if (!strncmp(line, "pages free ", 11))
			pages += strtoull(line + 11, NULL, 10);
		else if (!strncmp(line, "count: ", 7))
			pages += strtoull(line + 7, NULL, 10);
	}
	return pages * PAGE;
}

/* Bytes that the swap disk was given since boot. */
long long disk_written(void)
{
	char *p = file_text("/sys/block/vda/stat");
	long long sectors = 0;

	if (p)
		sscanf(p, "%*u %*u %*u %*u %*u %*u %lld", &sectors);
	return sectors * 512;
}

/* What all CPUs together have idled since boot. */
uint64_t idle_ns(void)
{
	unsigned long long idle = 0, wait = 0;
	char *p = file_text("/proc/stat");

	if (!p || sscanf(p, "cpu %*u %*u %*u %llu %llu", &idle, &wait) != 2)
		die("/proc/stat does not say how long the CPU idled");
	return (idle + wait) * (1000000000ULL / sysconf(_SC_CLK_TCK));
}
