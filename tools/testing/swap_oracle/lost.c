// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of pages that the backend has lost.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include "swap_oracle.h"

static sigjmp_buf on_sigbus;

static void sigbus(int sig)
{
	siglongjmp(on_sigbus, sig);
}

unsigned long check_or_sigbus(struct region *r)
{
	volatile unsigned long page, errors = 0;

	signal(SIGBUS, sigbus);
	for (page = 0; page < r->nr; page++) {
		if (sigsetjmp(on_sigbus, 1))
			errors++;
		else
			check_page(r, page);
	}
	signal(SIGBUS, SIG_DFL);
	return errors;
}

/* A lost page is SIGBUS for those who want it, and never an older page. */
void test_lost(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	unsigned long errors;
	long before = counter("load_errors");

	need_torture();
	/* Have an older generation on the device. */
	knob("reject_percent", 100);
	write_all(&r);
	page_out_most(&r);
	touch_all(&r);
	write_all(&r);
	knob("reject_percent", 0);
	page_out_most(&r);

	knob("fail_percent", 30);
	knob("defer_percent", 50);
	errors = check_or_sigbus(&r);
	if (!errors || counter("load_errors") == before)
		fail("no page was lost");
	if (errors == r.nr)
		fail("all pages were lost");
}

/* A page that was written through is never lost. */
void test_write_through(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	int i;

	need_torture();
	knob("wt_percent", 100);
	for (i = 0; i < 3; i++) {
		knob("lose_percent", 0);
		write_all(&r);
		page_out_most(&r);
		touch_all(&r);
		write_all(&r);
		page_out_most(&r);
		knob("lose_percent", i == 2 ? 50 : 100);
		knob("defer_percent", 50 * i);
		check_all(&r);
	}
}
