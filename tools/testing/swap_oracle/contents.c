// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of what comes back, by each answer that a backend may give.
 */
#include <sys/mman.h>
#include "swap_oracle.h"

/* What was written comes back, and a second time. */
void test_anon(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	int i;

	write_all(&r);
	for (i = 0; i < 2; i++) {
		page_out_most(&r);
		check_all(&r);
	}
}

/* As above for shared memory, which has other code paths in both directions. */
void test_shmem(void)
{
	struct region r = get_region(region_pages, MAP_SHARED);
	int i;

	for (i = 0; i < 3; i++) {
		write_all(&r);
		knob("defer_percent", 50 * i);
		knob("exclusive_percent", 100 - 50 * i);
		page_out_most(&r);
		check_all(&r);
		page_out_most(&r);
		check_all(&r);
	}
}

/* All pages of a window are asked for before the first one is waited for. */
void test_deferred(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	long before = counter("deferred_loads");

	need_torture();
	knob("defer_percent", 100);
	knob("delay_ms", 3);
	write_all(&r);
	page_out_most(&r);
	check_all(&r);
	if (counter("deferred_loads") <= before)
		fail("no load was deferred");
}

/* The copy in the backend is gone after the load: the page must be written again. */
void test_exclusive(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	int i;

	need_torture();
	knob("exclusive_percent", 100);
	write_all(&r);
	for (i = 0; i < 3; i++) {
		knob("defer_percent", 50 * i);
		page_out_most(&r);
		check_all(&r);
	}
}

/*
 * A page that was loaded and changed is written to the slot it came from.  If
 * the backend takes it, it replaces; if it does not, what it has is void.
 */
void test_overwrite(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	int i;

	need_torture();
	write_all(&r);
	for (i = 0; i < 6; i++) {
		page_out_most(&r);
		touch_all(&r);
		write_all(&r);
		knob("reject_percent", i % 2 ? 0 : 100);
		knob("defer_percent", i % 3 ? 0 : 100);
		page_out_most(&r);
		check_all(&r);
	}
}

/* The same for pages that become zeroes, which the zero map has from then on. */
void test_zeroes(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	unsigned long page;
	long held;
	int i;

	for (i = 0; i < 3; i++) {
		write_all(&r);
		page_out_most(&r);
		touch_all(&r);
		held = counter("held_pages");
		for (page = i % 2; page < r.nr; page += 2)
			write_page(&r, page, 0);
		page_out_most(&r);
		/* half of them; not all pages leave */
		held -= counter("held_pages");
		if (have_torture() && held < (long)r.nr / 4)
			fail("the backend keeps pages that are zeroes: %ld gone",
			     held);
		check_all(&r);
	}
}

/* Rejects, write-through, deferred, exclusive and lost copies in any mix. */
void test_mixed(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);

	random_steps(&r, now() + 3 * seconds, true);
}

void test_mixed_shmem(void)
{
	struct region r = get_region(region_pages, MAP_SHARED);

	random_steps(&r, now() + 2 * seconds, true);
}
