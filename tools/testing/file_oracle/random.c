// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of random operations, by one process or several threads, and of writing.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include "file_oracle.h"

/* One process, and whatever one can do to a file. */
void test_random(void)
{
	char *data = new_file("random");
	struct range r = { .end = m.max, .alone = true };

	write_file(data, m.max * 7 / 8);
	r.until = now() + seconds;
	random_ops(&r);
	print_ops();
	read_file("last read", data);
	must(!fsync(m.fd));
	put_text("/proc/sys/vm/drop_caches", "3");
	read_file("read from the disk", data);
}

/*
 * Whole pages are written without being read first. What was put of them before
 * is there as long as they are resident, and must not be when they have left
 * without being put again.
 */
void test_overwrite(void)
{
	char *data = new_file("overwrite");
	double until = now() + seconds;
	unsigned int rounds = 0;

	while (rounds < 2 || now() < until) {
		write_file(data, m.max);
		reclaim(m.max);
		read_file("after writing over it", data);
		rounds++;
	}
	printf("# %u rounds\n", rounds);
	fflush(stdout);
}

/* Several at a time, each in its part of one file. */
void test_parallel(void)
{
	char *data = new_file("parallel");
	struct range r[THREADS] = { 0 };
	unsigned int i;

	write_file(data, m.max);
	for (i = 0; i < THREADS; i++) {
		r[i].nr = i + 1;
		r[i].start = m.max / THREADS * i;
		r[i].end = m.max / THREADS * (i + 1);
		r[i].until = now() + seconds;
		must(!pthread_create(&r[i].thread, NULL, random_ops, &r[i]));
	}
	for (i = 0; i < THREADS; i++)
		must(!pthread_join(r[i].thread, NULL));
	print_ops();
	read_file("last read", data);
}
