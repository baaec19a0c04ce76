// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a file that does not fit into RAM.  The first reading is not counted:
 * it leaves what can be left in RAM, here or elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define GENERATION	1
#define CHUNK		16	/* pages of one read() in order */

static uint8_t buf[CHUNK * PAGE] __attribute__((aligned(4096)));
static size_t bad;

static int make(int fd, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		page_make(buf, i, GENERATION);
		if (!write_all(fd, buf, PAGE))
			die("%s: %s", set.file, strerror(errno));
	}
	if (fsync(fd))
		die("%s: %s", set.file, strerror(errno));
	return 0;
}

typedef bool (*verify)(const void *p, uint64_t page, uint64_t gen);

static void read_pages(int fd, size_t first, size_t pages, verify right)
{
	size_t i;

	if (pread(fd, buf, pages * PAGE, first * PAGE) != (ssize_t)(pages * PAGE))
		die("%s: cannot read page %zu: %s", set.file, first, strerror(errno));
	for (i = 0; i < pages; i++)
		if (!right(buf + i * PAGE, first + i, GENERATION))
			bad++;
}

static void in_order(int fd, size_t nr)
{
	size_t i;

	for (i = 0; i + CHUNK <= nr; i += CHUNK)
		read_pages(fd, i, CHUNK, page_glance);
}

static void at_random(int fd, size_t nr)
{
	uint64_t random = set.seed;
	unsigned int i;

	for (i = 0; i < set.mix; i++)
		read_pages(fd, next_random(&random) % nr, 1, page_right);
}

static int measure(int fd, size_t nr)
{
	struct phase run;

	in_order(fd, nr);
	phase_begin(&run, "file_seq");
	in_order(fd, nr);
	phase_end(&run, nr);
	/* a read at random is for one page */
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	phase_begin(&run, "file_random");
	at_random(fd, nr);
	phase_end(&run, set.mix);
	metric("file_seq", "bad", "pages", "%zu", bad);
	return bad != 0;
}

int file_main(bool making)
{
	size_t nr = set.mb * 256UL;
	int fd;

	if (!set.file)
		die("--file: which one?");
	fd = open(set.file, making ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY, 0600);
	if (fd < 0)
		die("%s: %s", set.file, strerror(errno));
	return making ? make(fd, nr) : measure(fd, nr);
}
