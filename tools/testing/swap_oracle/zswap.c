// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of zswap, which gets what frontswap refuses.
 */
#include <pthread.h>
#include <unistd.h>
#include <sys/mman.h>
#include "swap_oracle.h"

static volatile bool stop;

static void *toggle_zswap(void *arg)
{
	(void)arg;
	random_state = 99;
	while (!stop) {
		zswap_set("enabled", below(3) != 0);
		/* next to nothing: what it has is written back */
		zswap_set("max_pool_percent", below(3) ? 20 : 0);
		sleep_ms(below(50));
	}
	return NULL;
}

/* zswap gets what frontswap refuses, and is switched on and off meanwhile. */
void test_zswap_toggle(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	long stored, written;
	pthread_t thread;

	need_torture();
	need_zswap();
	stored = vmstat("zswpout");
	written = vmstat("zswpwb");
	stop = false;
	must(!pthread_create(&thread, NULL, toggle_zswap, NULL));
	random_steps(&r, now() + 3 * seconds, true);
	stop = true;
	pthread_join(thread, NULL);
	check_all(&r);
	if (vmstat("zswpout") <= stored)
		fail("zswap has stored nothing");
	if (vmstat("zswpwb") <= written)
		fail("zswap has written nothing back");
}

/* What the reader below is to look at. */
static char *volatile looked_at;

static void *look_all_the_time(void *arg)
{
	(void)arg;
	while (!stop)
		(void)*(volatile char *)looked_at;
	return NULL;
}

/*
 * Bring about pages that zswap has a copy of and that are in the swap cache:
 * somebody wants the page while it is being compressed, so that it cannot leave
 * afterwards.  When all pages of the region are in memory, such copies are all
 * that zswap has.
 */
static long make_zswap_copies(struct region *r)
{
	unsigned long page;
	pthread_t reader;

	looked_at = r->mem;
	stop = false;
	must(!pthread_create(&reader, NULL, look_all_the_time, NULL));
	for (page = 0; page < r->nr; page++) {
		looked_at = (char *)page_at(r, page);
		usleep(100);
		page_out_range(r, page, 1);
	}
	stop = true;
	pthread_join(reader, NULL);
	touch_all(r);
	return get_number(ZSWAP_DEBUG, "stored_pages");
}

/* Have zswap write all of its pages to the device. */
static void empty_zswap(void)
{
	struct region r = get_region(64, MAP_PRIVATE);
	int i;

	knob("reject_percent", 100);
	zswap_set("max_pool_percent", 0);
	for (i = 0; i < 50 && get_number(ZSWAP_DEBUG, "stored_pages") > 0; i++) {
		write_all(&r);
		page_out(&r);
		sleep_ms(100);
	}
	check_all(&r);
	put_region(&r);
	zswap_set("max_pool_percent", 20);
}

/*
 * zswap has an old copy, the page has changed, and frontswap takes it, or it has
 * become zeroes.  If zswap keeps its copy, it will write it back by way of the
 * swap cache, and that is where a fault looks first.
 */
static void zswap_stale(bool zeroes)
{
	struct region r = get_region(region_pages / 4, MAP_PRIVATE);
	unsigned long page;
	long copies = 0;
	int i;

	need_torture();
	need_zswap();
	empty_zswap();
	for (i = 0; i < 2; i++) {
		zswap_set("enabled", 1);
		knob("reject_percent", 100);
		write_all(&r);
		copies += make_zswap_copies(&r);
		for (page = 0; page < r.nr; page++)
			if (zeroes && page % 8)
				write_page(&r, page, 0);
			else
				next_gen(&r, page);
		knob("reject_percent", 0);
		page_out_most(&r);
		empty_zswap();
		check_all(&r);
	}
	if (!copies)
		fail("zswap never kept a copy of a page in memory");
}

void test_zswap_stale(void)
{
	zswap_stale(false);
}

void test_zswap_stale_zeroes(void)
{
	zswap_stale(true);
}
