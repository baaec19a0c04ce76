// SPDX-License-Identifier: GPL-2.0
/*
 * Use of a region at random: what the tests that want a mix have in common.
 */
#include <sys/mman.h>
#include "swap_oracle.h"

_Thread_local uint64_t random_state = 1;

unsigned long below(unsigned long n)
{
	random_state += 0x9e3779b97f4a7c15ULL;
	return mix(random_state) % n;
}

void random_step(struct region *r)
{
	unsigned long page = below(r->nr), nr = 1 + below(64), end;

	end = page + nr < r->nr ? page + nr : r->nr;
	switch (below(8)) {
	case 0:
		for (; page < end; page++)
			next_gen(r, page);
		break;
	case 1:
		/* stays in the swap cache, is changed, goes to the same slot */
		for (; page < end; page++) {
			check_page(r, page);
			next_gen(r, page);
		}
		break;
	case 2:
		write_page(r, page, 0);
		break;
	case 3:
		madvise(r->mem + page * PAGE, (end - page) * PAGE,
			MADV_WILLNEED);
		break;
	case 4:
	case 5:
		for (; page < end; page++)
			check_page(r, page);
		break;
	default:
		page_out_range(r, page, nr);
	}
}

static void random_knobs(void)
{
	static const char rates[] = { 0, 0, 10, 50, 90, 100 };

	knob("reject_percent", rates[below(sizeof(rates))]);
	knob("wt_percent", rates[below(sizeof(rates))]);
	knob("defer_percent", rates[below(sizeof(rates))]);
	knob("exclusive_percent", rates[below(sizeof(rates))]);
	knob("lose_percent", rates[below(sizeof(rates))]);
	knob("delay_ms", below(3));
}

void random_steps(struct region *r, double end, bool knobs)
{
	unsigned int i;

	do {
		if (knobs)
			random_knobs();
		for (i = 0; i < 100; i++)
			random_step(r);
	} while (now() < end);
	check_all(r);
}
