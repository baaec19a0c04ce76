// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of pages that are on their way: others share them, free them, or do not
 * wait.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "swap_oracle.h"

/* What part of a region a child shares with its parent by its swap slots. */
static unsigned long count_shared(struct region *r, const uint64_t *parent)
{
	uint64_t *mine = get_locked(r->nr * sizeof(*mine));
	unsigned long page, nr = 0;

	read_pagemap(r, mine);
	for (page = 0; page < r->nr; page++)
		nr += is_swapped(mine[page]) && mine[page] == parent[page];
	return nr;
}

/* A slot shared by several processes; each has its own idea of the page later. */
void test_fork(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	uint64_t *entries = get_locked(r.nr * sizeof(*entries));
	unsigned long shared;
	int i;

	knob("defer_percent", 50);
	knob("exclusive_percent", 30);
	knob("reject_percent", 10);
	write_all(&r);
	page_out_most(&r);
	read_pagemap(&r, entries);
	for (i = 0; i < 4; i++) {
		if (start_child())
			continue;
		random_state = 100 + i;
		shared = count_shared(&r, entries);
		if (shared < r.nr / 2)
			fail("only %lu of %lu slots are shared", shared, r.nr);
		check_all(&r);
		random_steps(&r, now() + seconds, false);
		_exit(0);
	}
	random_steps(&r, now() + seconds, false);
	wait_for_all();
	check_all(&r);
}

/* Processes that come and go all the time, with pages on the way. */
void test_fork_storm(void)
{
	struct region r = get_region(region_pages / 4, MAP_PRIVATE);
	double end = now() + 2 * seconds;
	int i;

	knob("defer_percent", 70);
	knob("exclusive_percent", 50);
	knob("delay_ms", 5);
	write_all(&r);
	while (now() < end) {
		page_out(&r);
		for (i = 0; i < 6; i++) {
			if (start_child())
				continue;
			random_state = mix(getpid());
			for (i = 0; i < 20; i++)
				random_step(&r);
			_exit(0);
		}
		for (i = 0; i < 20; i++)
			random_step(&r);
		wait_for_all();
	}
	check_all(&r);
}

/* Readahead that nobody waits for, and somebody who wants the pages soon. */
void test_willneed(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	long loads;
	int i;

	knob("defer_percent", 80);
	knob("delay_ms", 20);
	for (i = 0; i < 2; i++) {
		knob("exclusive_percent", 50 * i);
		write_all(&r);
		page_out_most(&r);
		loads = counter("loads");
		must(!madvise(r.mem, r.nr * PAGE, MADV_WILLNEED));
		loads = counter("loads") - loads;
		if (loads < (long)r.nr / 2)
			fail("%ld pages were asked for, not %lu", loads, r.nr);
		check_all(&r);
	}
}

/* Forget pages in one of several ways, and expect what that way promises. */
static void forget(struct region *r, unsigned long page, unsigned long nr,
		   int how)
{
	char *mem = r->mem + page * PAGE;
	unsigned long i;

	if (how == 0) {
		must(!madvise(mem, nr * PAGE, MADV_DONTNEED));
	} else if (how == 1) {
		must(mmap(mem, nr * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem);
	} else {
		/* the pages may stay or become zeroes, until they are written */
		must(!madvise(mem, nr * PAGE, MADV_FREE));
		for (i = page; i < page + nr; i++)
			next_gen(r, i);
		return;
	}
	memset(r->gen + page, 0, nr * sizeof(*r->gen));
}

/*
 * The owner loses interest while loads are under way: the slot is freed when the
 * load has ended, and not before.
 */
void test_free_while_loading(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	double end = now() + 2 * seconds;
	unsigned long page;

	knob("defer_percent", 100);
	knob("delay_ms", 10);
	while (now() < end) {
		knob("exclusive_percent", 50 * below(3));
		write_all(&r);
		page_out(&r);
		madvise(r.mem, r.nr * PAGE, MADV_WILLNEED);
		for (page = 0; page + 32 <= r.nr; page += 64)
			forget(&r, page, 32, below(3));
		check_all(&r);
	}
}

/* The same by the death of the process. */
void test_exit_while_loading(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);
	double end = now() + seconds;
	pid_t pid;

	knob("defer_percent", 100);
	knob("delay_ms", 30);
	write_all(&r);
	while (now() < end) {
		page_out(&r);
		pid = start_child();
		if (!pid) {
			madvise(r.mem, r.nr * PAGE, MADV_WILLNEED);
			random_state = mix(now() * 1000);
			for (;;)
				random_step(&r);
		}
		sleep_ms(below(100));
		kill(pid, SIGKILL);
		must(waitpid(pid, NULL, 0) == pid);
	}
	check_all(&r);
}

/* Shared memory that is truncated, as a hole, while it is being loaded. */
void test_punch_while_loading(void)
{
	struct region r = get_region(region_pages, MAP_SHARED);
	double end = now() + seconds;
	unsigned long page;

	knob("defer_percent", 100);
	knob("delay_ms", 10);
	while (now() < end) {
		write_all(&r);
		page_out(&r);
		madvise(r.mem, r.nr * PAGE, MADV_WILLNEED);
		page = below(r.nr / 2);
		must(!madvise(r.mem + page * PAGE, r.nr / 2 * PAGE,
			      MADV_REMOVE));
		memset(r.gen + page, 0, r.nr / 2 * sizeof(*r.gen));
		check_all(&r);
	}
}

/* Whoever waits for another machine can be killed meanwhile. */
void test_killable(void)
{
	struct region r = get_region(64, MAP_PRIVATE);
	double start;
	pid_t pid;

	need_torture();
	write_all(&r);
	knob("defer_percent", 100);
	knob("delay_ms", 1);
	page_out_most(&r);
	/* Each at most 10 s: that none of 64 is late does not happen. */
	knob("delay_ms", 10000);
	pid = start_child();
	if (!pid) {
		check_all(&r);
		_exit(0);
	}
	sleep_ms(1000);
	start = now();
	kill(pid, SIGKILL);
	must(waitpid(pid, NULL, 0) == pid);
	if (now() - start > 2)
		fail("death took %.1f s", now() - start);
	knob("delay_ms", 1);
	check_all(&r);
}
