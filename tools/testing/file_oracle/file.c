// SPDX-License-Identifier: GPL-2.0
/*
 * The file, and the ways to read and write all of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include "file_oracle.h"

void open_file(int flags)
{
	m.fd = open(m.path, O_RDWR | flags, 0644);
	if (m.fd < 0)
		fail("%s: %m", m.path);
	m.direct = open(m.path, O_RDWR | O_DIRECT);
	if (m.direct < 0)
		fail("%s, direct: %m", m.path);
}

void close_file(void)
{
	close(m.fd);
	close(m.direct);
}

/* A buffer for each thread. */
char *new_buffer(void)
{
	char *data = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(data != MAP_FAILED);
	return data;
}

void write_file(char *data, unsigned long size)
{
	unsigned long pos;
	uint32_t gen = next_gen();

	for (pos = 0; pos < size; pos += CHUNK) {
		model_write(data, pos, CHUNK, gen);
		must(pwrite(m.fd, data, CHUNK, pos) == CHUNK);
	}
	m.size = size;
	must(!fsync(m.fd));
}

void read_range(const char *how, int fd, char *data, unsigned long pos,
		unsigned long len)
{
	ssize_t got = pread(fd, data, len, pos);

	if (got < 0)
		fail("%s at %lu: %m", how, pos);
	if (pos + len <= m.size && (unsigned long)got != len)
		fail("%s at %lu: %zd bytes of %lu", how, pos, got, len);
	check(how, data, pos, got);
}

void read_file(const char *how, char *data)
{
	unsigned long pos, len;

	for (pos = 0; pos < m.size; pos += CHUNK) {
		len = m.size - pos < CHUNK ? m.size - pos : CHUNK;
		read_range(how, m.fd, data, pos, len);
	}
}

/* A file of this test's, empty. */
char *new_file(const char *name)
{
	snprintf(m.path, sizeof(m.path), "%s/%s", dir, name);
	unlink(m.path);
	m.max = file_mb << 20;
	m.size = 0;
	m.file++;
	m.cells = calloc(m.max / CELL + 1, sizeof(struct cell));
	must(m.cells);
	open_file(O_CREAT | O_TRUNC);
	return new_buffer();
}

void remount(void)
{
	close_file();
	if (umount(dir))
		fail("umount: %m");
	if (mount(dev, dir, type, 0, NULL))
		fail("mount: %m");
	open_file(0);
}
