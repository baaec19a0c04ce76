// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of swap areas and of the backend as a whole, which come and go.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include "swap_oracle.h"

static volatile bool stop;

/*
 * swapoff reads every page back, and nothing is left behind; while loads are
 * under way that others have begun, and others want the same pages.
 */
void test_swapoff(void)
{
	struct region r = get_region(region_pages / 2, MAP_PRIVATE);
	struct region s = get_region(region_pages / 2, MAP_SHARED);
	int i, status;
	long deferred;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		knob("defer_percent", 25 * i);
		knob("exclusive_percent", 50);
		knob("delay_ms", i);
		write_all(&r);
		write_all(&s);
		page_out_most(&r);
		page_out_most(&s);
		if (counter("held_pages") < (long)r.nr)
			fail("only %ld pages are held", counter("held_pages"));

		deferred = counter("deferred_loads");
		pid = start_child();
		if (!pid) {
			for (;;) {
				check_all(&r);
				check_all(&s);
			}
		}
		must(!madvise(r.mem, r.nr / 4 * PAGE, MADV_WILLNEED));
		must(!swapoff(device));
		if (counter("held_pages"))
			fail("%ld pages are held", counter("held_pages"));
		if (i && have_torture() && counter("deferred_loads") == deferred)
			fail("no load was deferred");
		kill(pid, SIGKILL);
		must(waitpid(pid, &status, 0) == pid);
		if (WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		if (WTERMSIG(status) != SIGKILL)
			fail("a process died of signal %d", WTERMSIG(status));
		must(!swapon(device, 0));
		check_all(&r);
		check_all(&s);
	}
}

/* swapoff of an area whose pages are lost ends, too, and loses no others. */
void test_swapoff_lost(void)
{
	struct region r = get_region(region_pages / 4, MAP_PRIVATE);
	unsigned long errors;

	need_torture();
	write_all(&r);
	page_out_most(&r);
	knob("fail_percent", 20);
	knob("defer_percent", 50);
	must(!swapoff(device));
	if (counter("held_pages"))
		fail("%ld pages are held", counter("held_pages"));
	must(!swapon(device, 0));
	errors = check_or_sigbus(&r);
	if (!errors || errors == r.nr)
		fail("%lu of %lu pages were lost", errors, r.nr);
}

/* While pages are held, the backend cannot go, and nothing has changed. */
void test_unregister_refused(void)
{
	struct region r = get_region(region_pages / 4, MAP_PRIVATE);
	int ret;

	need_torture();
	write_all(&r);
	page_out_most(&r);
	if (!counter("held_pages"))
		fail("no pages are held");
	ret = try_register(false);
	if (ret != -EBUSY)
		fail("unregister: %s", strerror(-ret));
	check_all(&r);
	write_all(&r);
	page_out_most(&r);
	check_all(&r);

	/* It can when they are gone; slots freed may wait in a cache. */
	must(!swapoff(device));
	ret = try_register(false);
	must(!swapon(device, 0));
	if (ret)
		fail("unregister after swapoff: %s", strerror(-ret));
	write_all(&r);
	page_out_most(&r);
	if (counter("held_pages"))
		fail("pages are held by nobody");
	check_all(&r);
	ret = try_register(true);
	if (ret)
		fail("register: %s", strerror(-ret));
}

/* A backend that fails to prepare for an area fails the swapon, or itself. */
void test_init_fails(void)
{
	int ret;

	need_torture();
	must(!swapoff(device));
	knob("init_error", ENOSPC);
	if (!swapon(device, 0) || errno != ENOSPC)
		fail("swapon: %m");
	ret = try_register(false);
	if (ret)
		fail("unregister: %s", strerror(-ret));
	must(!swapon(device, 0));
	ret = try_register(true);
	if (ret != -ENOSPC)
		fail("register: %s", strerror(-ret));
	knob("init_error", 0);
	ret = try_register(true);
	if (ret)
		fail("register: %s", strerror(-ret));
}

/* How often the backend went, and how often it could not; pages being stored. */
static unsigned int went, refused;

/* Until the backend was given a page; false if there is no time for that. */
static bool wait_for_store(void)
{
	long stores = counter("stores");

	while (!stop && counter("stores") == stores)
		sleep_ms(2);
	return !stop;
}

static void *register_all_the_time(void *arg)
{
	int ret;

	(void)arg;
	random_state = 77;
	while (!stop) {
		knob("reject_percent", 0);
		ret = try_register(true);
		if (ret)
			fail("register: %s", strerror(-ret));
		/* as long as it takes pages, it has some, most of the time */
		while (wait_for_store() && below(4)) {
			ret = try_register(false);
			if (!ret)
				break;
			if (ret != -EBUSY)
				fail("unregister: %s", strerror(-ret));
			/* and it goes on */
			refused += wait_for_store();
		}
		knob("reject_percent", 100);
		sleep_ms(below(20));
		/* slots that were freed may be held while they wait in a cache */
		must(!swapoff(device));
		must(!swapon(device, 0));
		ret = try_register(false);
		if (ret)
			fail("unregister, all refused: %s", strerror(-ret));
		went += !stop;
		sleep_ms(below(20));
	}
	try_register(true);
	return NULL;
}

/* The backend comes and goes while others swap. */
void test_register_race(void)
{
	struct region r = get_region(region_pages / 8, MAP_PRIVATE);
	pthread_t thread;

	need_torture();
	knob("exclusive_percent", 50);
	knob("defer_percent", 50);
	must(!swapoff(device));
	must(!swapon(device, 0));
	stop = false;
	must(!pthread_create(&thread, NULL, register_all_the_time, NULL));
	random_steps(&r, now() + 2 * seconds, false);
	stop = true;
	pthread_join(thread, NULL);
	check_all(&r);
	if (!went)
		fail("the backend never went");
	if (!refused)
		fail("the backend could always go");
}
