// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that only read: what a file holds that was written once, or that somebody
 * else has made.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "file_oracle.h"

/* Written once, read again and again: the disk is read less than that. */
void test_reread(void)
{
	char *data = new_file("reread");
	long pages, disk, hits;
	unsigned int pass;

	write_file(data, m.max);
	/* all of it has to be read once before it is worth anything */
	read_file("first read", data);
	for (pass = 2; pass < 4; pass++) {
		disk = disk_pages();
		hits = counter("succ_gets");
		read_file("read again", data);
		pages = m.size / PAGE;
		disk = disk_pages() - disk;
		hits = counter("succ_gets") - hits;
		printf("# pass %u: %ld pages, %ld read from the disk, %ld got\n",
		       pass, pages, disk, hits);
	}
	fflush(stdout);
	/*
	 * Without cleancache, reading in order what does not fit into memory
	 * reads all of it each time. So what was got was not read.
	 */
	if (want_hits && hits < pages / 8)
		fail("%ld hits in %ld pages", hits, pages);
	if (want_hits && dev && disk > pages - hits * 3 / 4)
		fail("%ld pages read from the disk, though %ld of %ld were got",
		     disk, hits, pages);
}

/* Several processes read all of a file, in order and mapped, here and there. */
static void readers(double until)
{
	struct range all = { .end = m.size / CHUNK * CHUNK };
	unsigned int i;
	int status, bad = 0;

	for (i = 0; i < THREADS; i++) {
		char *data;

		if (fork())
			continue;
		data = new_buffer();
		rnd_state = mix(seed + i);
		while (now() < until) {
			if (i % 2)
				read_file("read", data);
			else
				do_op(rnd(2) ? READ : READ_MAP, &all, data);
		}
		_exit(0);
	}
	for (i = 0; i < THREADS; i++) {
		must(wait(&status) > 0);
		bad |= status;
	}
	if (bad)
		fail("a reader has failed");
}

void test_readers(void)
{
	char *data = new_file("readers");

	write_file(data, m.max);
	readers(now() + seconds);
}

/* A file of generation 1 that somebody else has made. */
static void model_made_file(void)
{
	unsigned long nr;

	m.max = m.size;
	m.file = 1;
	m.cells = calloc(m.max / CELL + 1, sizeof(struct cell));
	must(m.cells);
	for (nr = 0; nr < m.max / CELL; nr++)
		m.cells[nr] = (struct cell){ 1, nr, CELL, 1 };
}

/* File systems that cannot be written to. */
void test_readonly(void)
{
	char *data = new_buffer();
	long hits = counter("succ_gets"), disk = disk_pages();
	struct stat st;

	snprintf(m.path, sizeof(m.path), "%s/file", dir);
	m.fd = open(m.path, O_RDONLY);
	must(m.fd >= 0);
	must(!fstat(m.fd, &st));
	m.size = st.st_size;
	model_made_file();
	read_file("first read", data);
	read_file("second read", data);
	printf("# %lu pages, read twice: %ld read from the disk, %ld got\n",
	       m.size / PAGE, disk_pages() - disk,
	       counter("succ_gets") - hits);
	fflush(stdout);
	readers(now() + seconds);
	if (want_hits && counter("succ_gets") - hits < (long)(m.size / PAGE / 8))
		fail("only %ld hits", counter("succ_gets") - hits);
}

void make_file(const char *path)
{
	char *data = new_buffer();

	m.fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(m.fd >= 0);
	m.size = file_mb << 20;
	model_made_file();
	m.gen = 0;
	write_file(data, m.size);
}
