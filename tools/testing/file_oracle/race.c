// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of readers that race with who changes a file behind the page cache.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/mman.h>
#include "file_oracle.h"

/*
 * Readers and reclaim go on all the time, in a part of a file that is being
 * changed behind the page cache.  When that is over, nobody must see how it was.
 */
static struct {
	unsigned long pos, len;
	/* what is being changed */
	volatile unsigned long at;
	volatile bool stop;
	unsigned long rounds;
} race;

static void *race_reader(void *arg)
{
	char *data = new_buffer(), *map;
	unsigned long n = 64 << 10, i;

	rnd_state = mix(seed + (unsigned long)arg);
	map = mmap(NULL, race.len, PROT_READ, MAP_SHARED, m.fd, race.pos);
	must(map != MAP_FAILED);
	while (!race.stop) {
		unsigned long off = rnd(2) ? race.at : rnd(race.len / n) * n;

		/* what they read may be old or new */
		if (rnd(4)) {
			must(pread(m.fd, data, n, race.pos + off) >= 0);
			continue;
		}
		for (i = 0; i < n; i += PAGE)
			*(volatile char *)data = map[off + i];
		madvise(map, race.len, MADV_DONTNEED);
	}
	return NULL;
}

static void *race_reclaim(void *arg)
{
	(void)arg;
	while (!race.stop)
		reclaim(race.len);
	return NULL;
}

static void race_round(bool punch, char *data)
{
	unsigned long pos;
	uint32_t gen = next_gen();

	for (pos = race.pos; pos < race.pos + race.len; pos += CHUNK) {
		race.at = pos - race.pos;
		model_write(data, pos, CHUNK, gen);
		must(pwrite(punch ? m.fd : m.direct, data, CHUNK, pos) == CHUNK);
		if (!punch)
			read_range("after a direct write", m.fd, data, pos,
				   CHUNK);
	}
	if (!punch)
		return;
	must(!fsync(m.fd));
	for (pos = race.pos; pos < race.pos + race.len; pos += CHUNK) {
		race.at = pos - race.pos;
		must(do_fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  pos, CHUNK));
		model_zero(pos, CHUNK);
		read_range("after a punch", m.fd, data, pos, CHUNK);
	}
}

static void run_race(const char *name, bool punch)
{
	char *data = new_file(name);
	pthread_t threads[4];
	double until;
	unsigned long i;

	m.max = 2 << 20;
	write_file(data, m.max);
	race.pos = 0;
	race.len = m.max;
	for (i = 0; i < 3; i++)
		must(!pthread_create(&threads[i], NULL, race_reader, (void *)i));
	must(!pthread_create(&threads[3], NULL, race_reclaim, NULL));
	until = now() + seconds;
	for (race.rounds = 0; now() < until; race.rounds++)
		race_round(punch, data);
	race.stop = true;
	for (i = 0; i < 4; i++)
		must(!pthread_join(threads[i], NULL));
	read_file("last read", data);
	printf("# %lu rounds\n", race.rounds);
	fflush(stdout);
}

void test_race_direct(void)
{
	run_race("race_direct", false);
}

void test_race_punch(void)
{
	run_race("race_punch", true);
}
