// SPDX-License-Identifier: GPL-2.0
/*
 * Does memory that went through swap come back as it was?
 *
 * Each page that a test writes says in every word which page it is, and which
 * generation of it.  The tests push pages out, bring them back by all ways that
 * there are, change them on the way, and verify.  An older generation that
 * comes back is told apart from garbage.
 *
 * The tests are for a guest whose kernel has the backend frontswap_torture; its
 * parameters are set as each test needs them.  With another backend the tests
 * that cannot do without it are skipped, and the others take what comes.
 *
 * Each test runs in a process of its own, and must have made the backend work:
 * one that had no page stored has not passed.  Output, a line a test:
 *
 *   ok NAME
 *   ok NAME # SKIP why
 *   not ok NAME: why
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PAGE		4096UL
#define WORDS		(PAGE / sizeof(uint64_t))
/* So many words of a page look random; it can be compressed to about a quarter. */
#define NOISE		(WORDS / 8)

#define TORTURE		"/sys/module/frontswap_torture/parameters/"
#define FRONTSWAP	"/sys/kernel/debug/frontswap/"
#define ZSWAP		"/sys/module/zswap/parameters/"
#define ZSWAP_DEBUG	"/sys/kernel/debug/zswap/"
#define THP		"/sys/kernel/mm/transparent_hugepage/"

/* What a test ends with, besides 0. */
enum { FAILED = 1, SKIPPED = 2 };

static const char *device = "/dev/vda";
static unsigned long region_pages = 4096;
static unsigned int seconds = 4;
static unsigned int timeout = 400;
/* The device takes large folios as they are; that none came is a failure then. */
static bool takes_large;

/* Why a test failed or was skipped.  Shared by all processes of a test. */
static char *reason;

static void __attribute__((format(printf, 2, 3), noreturn))
finish(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!*reason)
		vsnprintf(reason, PAGE, fmt, args);
	va_end(args);
	_exit(status);
}

#define fail(...)	finish(FAILED, __VA_ARGS__)
#define skip(...)	finish(SKIPPED, __VA_ARGS__)
#define must(what)	do { if (!(what)) fail(#what ": %m"); } while (0)

/* Files of the kernel's. */

static int set_file(const char *dir, const char *name, const char *value)
{
	char path[256];
	ssize_t ret;
	int fd, err;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value));
	err = errno;
	close(fd);
	return ret < 0 ? -err : 0;
}

static int set_number(const char *dir, const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return set_file(dir, name, text);
}

static long get_number(const char *dir, const char *name)
{
	char path[256], text[64] = "";
	long value = -1;
	int fd;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) > 0)
		value = text[0] == 'Y' ? 1 : strtol(text, NULL, 0);
	close(fd);
	return value;
}

static long counter(const char *name)
{
	return get_number(FRONTSWAP, name);
}

/* Whether frontswap_torture was the backend when this program was started. */
static bool registered;

static bool have_torture(void)
{
	return get_number(TORTURE, "register") == 1;
}

static void need_torture(void)
{
	if (!have_torture())
		skip("frontswap_torture is not the backend");
}

static void knob(const char *name, long value)
{
	int ret = set_number(TORTURE, name, value);

	if (ret && ret != -ENOENT)
		fail("%s=%ld: %s", name, value, strerror(-ret));
}

static int try_register(bool on)
{
	return set_number(TORTURE, "register", on);
}

/* A backend that takes all, keeps all and answers at once. */
static void plain_backend(void)
{
	knob("reject_percent", 0);
	knob("wt_percent", 0);
	knob("defer_percent", 0);
	knob("exclusive_percent", 0);
	knob("delay_ms", 0);
	knob("lose_percent", 0);
	knob("fail_percent", 0);
	knob("init_error", 0);
}

/* A number of /proc/vmstat. */
static long vmstat(const char *name)
{
	char line[128], key[64];
	long value, found = -1;
	FILE *f = fopen("/proc/vmstat", "r");

	must(f);
	while (found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", key, &value) == 2 &&
		    !strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

static void zswap_set(const char *name, long value)
{
	int ret = set_number(ZSWAP, name, value);

	if (ret)
		fail("zswap %s=%ld: %s", name, value, strerror(-ret));
}

static void need_zswap(void)
{
	if (get_number(ZSWAP, "enabled") < 0)
		skip("no zswap");
}

/* Chance and time. */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 33;
	return x;
}

static _Thread_local uint64_t random_state = 1;

static unsigned long below(unsigned long n)
{
	random_state += 0x9e3779b97f4a7c15ULL;
	return mix(random_state) % n;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

/* Regions of memory, and what should be in them. */

struct region {
	char *mem;
	unsigned long nr;
	uint32_t *gen;	/* of each page; 0 is a page of zeroes */
};

/* What this program itself needs to know must not depend on swap. */
static void *get_locked(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED);
	must(!mlock(p, size));
	return p;
}

static struct region get_region(unsigned long nr, int flags)
{
	struct region r = { .nr = nr };

	r.mem = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
		     flags | MAP_ANONYMOUS, -1, 0);
	must(r.mem != MAP_FAILED);
	if (!(flags & MAP_SHARED))
		madvise(r.mem, nr * PAGE, MADV_NOHUGEPAGE);
	r.gen = get_locked(nr * sizeof(*r.gen));
	return r;
}

static void put_region(struct region *r)
{
	munmap(r->mem, r->nr * PAGE);
	munmap(r->gen, r->nr * sizeof(*r->gen));
}

static uint64_t word_of(unsigned long page, uint32_t gen, unsigned long i)
{
	if (!gen)
		return 0;
	if (i == 0)
		return page;
	if (i == 1)
		return gen;
	return mix(((uint64_t)page << 32 | gen) + (i < NOISE ? i << 20 : 0));
}

static uint64_t *page_at(struct region *r, unsigned long page)
{
	return (uint64_t *)(r->mem + page * PAGE);
}

static void write_page(struct region *r, unsigned long page, uint32_t gen)
{
	uint64_t *p = page_at(r, page);
	unsigned long i;

	for (i = 0; i < WORDS; i++)
		p[i] = word_of(page, gen, i);
	r->gen[page] = gen;
}

/* No generation comes twice, not even after a page was zeroes in between. */
static uint32_t generation;

static void next_gen(struct region *r, unsigned long page)
{
	write_page(r, page, ++generation);
}

static void write_all(struct region *r)
{
	unsigned long page;

	for (page = 0; page < r->nr; page++)
		next_gen(r, page);
}

static void check_page(struct region *r, unsigned long page)
{
	volatile uint64_t *p = page_at(r, page);
	unsigned long i;

	for (i = 0; i < WORDS; i++) {
		if (p[i] == word_of(page, r->gen[page], i))
			continue;
		if (p[0] == page)
			fail("page %lu has generation %lu, not %u", page,
			     (unsigned long)p[1], r->gen[page]);
		fail("page %lu generation %u, word %lu: %#lx", page,
		     r->gen[page], i, (unsigned long)p[i]);
	}
}

static void check_all(struct region *r)
{
	unsigned long page;

	for (page = 0; page < r->nr; page++)
		check_page(r, page);
}

/* To have a page in memory and in the swap cache, read it before it is written. */
static void touch_all(struct region *r)
{
	unsigned long page;

	for (page = 0; page < r->nr; page++)
		(void)*(volatile char *)(r->mem + page * PAGE);
}

static void page_out_range(struct region *r, unsigned long page,
			   unsigned long nr)
{
	if (nr > r->nr - page)
		nr = r->nr - page;
	must(!madvise(r->mem + page * PAGE, nr * PAGE, MADV_PAGEOUT));
}

static void page_out(struct region *r)
{
	page_out_range(r, 0, r->nr);
}

/* What /proc/self/pagemap has of each page. */

static bool is_present(uint64_t entry)
{
	return entry >> 63;
}

static bool is_swapped(uint64_t entry)
{
	return !is_present(entry) && entry >> 62;
}

static void read_pagemap(struct region *r, uint64_t *entries)
{
	ssize_t size = r->nr * sizeof(*entries);
	int fd = open("/proc/self/pagemap", O_RDONLY);

	must(fd >= 0);
	must(pread(fd, entries, size, (uintptr_t)r->mem / PAGE *
		   sizeof(*entries)) == size);
	close(fd);
}

static unsigned long count_resident(struct region *r)
{
	uint64_t *entries = get_locked(r->nr * sizeof(*entries));
	unsigned long page, nr = 0;

	read_pagemap(r, entries);
	for (page = 0; page < r->nr; page++)
		nr += is_present(entries[page]);
	munmap(entries, r->nr * sizeof(*entries));
	return nr;
}

/*
 * A page that the device was given stays in the swap cache, where it would be
 * found without any of what is tested here, until it is reclaimed once more.
 * For that it has to be mapped.
 */
static void page_out_most(struct region *r)
{
	int i;

	page_out(r);
	for (i = 0; i < 20; i++) {
		sleep_ms(10);
		touch_all(r);
		page_out(r);
		if (count_resident(r) <= r->nr / 10)
			return;
	}
	fail("%lu of %lu pages do not leave", count_resident(r), r->nr);
}

/* Processes. */

static void wait_for_all(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, 0)) > 0) {
		if (WIFSIGNALED(status))
			fail("a process died of signal %d", WTERMSIG(status));
		if (WEXITSTATUS(status))
			_exit(WEXITSTATUS(status));
	}
}

static pid_t start_child(void)
{
	pid_t pid = fork();

	must(pid >= 0);
	return pid;
}

/* Use of a region at random: what the tests that want a mix have in common. */

static void random_step(struct region *r)
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

static void random_steps(struct region *r, double end, bool knobs)
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

/* --- the tests ------------------------------------------------------------ */

/* What was written comes back, and a second time. */
static void test_anon(void)
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
static void test_shmem(void)
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
static void test_deferred(void)
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
static void test_exclusive(void)
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
static void test_overwrite(void)
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
static void test_zeroes(void)
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
static void test_mixed(void)
{
	struct region r = get_region(region_pages, MAP_PRIVATE);

	random_steps(&r, now() + 3 * seconds, true);
}

static void test_mixed_shmem(void)
{
	struct region r = get_region(region_pages, MAP_SHARED);

	random_steps(&r, now() + 2 * seconds, true);
}

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
static void test_fork(void)
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
static void test_fork_storm(void)
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
static void test_willneed(void)
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
static void test_free_while_loading(void)
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
static void test_exit_while_loading(void)
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
static void test_punch_while_loading(void)
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
static void test_killable(void)
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

static sigjmp_buf on_sigbus;

static void sigbus(int sig)
{
	siglongjmp(on_sigbus, sig);
}

static unsigned long check_or_sigbus(struct region *r)
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
static void test_lost(void)
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
static void test_write_through(void)
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
static void test_zswap_toggle(void)
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

static void test_zswap_stale(void)
{
	zswap_stale(false);
}

static void test_zswap_stale_zeroes(void)
{
	zswap_stale(true);
}

/*
 * swapoff reads every page back, and nothing is left behind; while loads are
 * under way that others have begun, and others want the same pages.
 */
static void test_swapoff(void)
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
static void test_swapoff_lost(void)
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
static void test_unregister_refused(void)
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
static void test_init_fails(void)
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
static void test_register_race(void)
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

static void set_thp(const char *size, const char *value)
{
	char dir[128];

	snprintf(dir, sizeof(dir), THP "hugepages-%s/", size);
	if (set_file(dir, "enabled", value))
		skip("no huge pages of %s", size);
}

static long thp_stat(const char *size, const char *name)
{
	char dir[128];

	snprintf(dir, sizeof(dir), THP "hugepages-%s/stats/", size);
	return get_number(dir, name);
}

/*
 * Fill a region with large folios.  It is mapped anew, for where there is a page
 * table, there will be no page that takes the place of one.
 */
static void write_large(struct region *r, const char *size)
{
	long before = thp_stat(size, "anon_fault_alloc");
	int i;

	for (i = 0; i < 5; i++) {
		must(mmap(r->mem, r->nr * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		     r->mem);
		must(!madvise(r->mem, r->nr * PAGE, MADV_HUGEPAGE));
		set_number("/proc/sys/vm/", "compact_memory", 1);
		write_all(r);
		if (thp_stat(size, "anon_fault_alloc") > before)
			return;
	}
	fail("there is no memory for large folios");
}

static struct region get_huge_region(unsigned long nr)
{
	struct region r = get_region(nr + 512, MAP_PRIVATE);
	uintptr_t up = -(uintptr_t)r.mem & (512 * PAGE - 1);

	r.mem += up;
	r.nr = nr;
	must(!madvise(r.mem, nr * PAGE, MADV_HUGEPAGE));
	return r;
}

/*
 * Large folios: all pages or none, whatever the backend says of single ones.
 * That a folio was not split first shows in two places: frontswap counts the
 * pages of those it has stored, and the device got those that the backend did
 * not take, or wanted written through.
 */
static const struct {
	int reject, wt;
} large_rounds[] = {
	{ 0, 0 }, { 2, 0 }, { 100, 0 }, { 0, 100 }, { 1, 50 }, { 0, 0 },
};

static void large_round(struct region *r, const char *size, int reject, int wt)
{
	long stored, written;

	/* With free slots here and there, large folios would be split. */
	madvise(r->mem, r->nr * PAGE, MADV_DONTNEED);
	must(!swapoff(device));
	must(!swapon(device, 0));
	plain_backend();
	knob("reject_percent", reject);
	knob("wt_percent", wt);
	knob("defer_percent", 30);
	knob("exclusive_percent", 30);
	knob("lose_percent", 30);

	write_large(r, size);
	stored = counter("large_stores");
	written = thp_stat(size, "swpout");
	page_out_most(r);
	stored = counter("large_stores") - stored;
	written = thp_stat(size, "swpout") - written;
	check_all(r);
	random_steps(r, now(), false);

	if (!stored && !written && !takes_large)
		skip("the device does not take large folios");
	if (!stored && !reject)
		fail("no large folio was stored, %d%% through", wt);
	if (stored && reject == 100)
		fail("large folios were stored, though refused");
	if (!written && (reject == 100 || wt == 100))
		fail("no large folio was written, %d%% refused, %d%% through",
		     reject, wt);
}

static void large_folios(const char *size, unsigned long nr)
{
	struct region r = get_huge_region(nr);
	unsigned int i;

	need_torture();
	set_thp(size, "madvise");
	for (i = 0; i < sizeof(large_rounds) / sizeof(large_rounds[0]); i++)
		large_round(&r, size, large_rounds[i].reject,
			    large_rounds[i].wt);
}

static void test_large_folios(void)
{
	large_folios("64kB", region_pages);
}

static void test_huge_folios(void)
{
	large_folios("2048kB", 2048);
}

/* Take all of the memory that is free, except for so many pages. */
static void fill_memory(unsigned long leave)
{
	unsigned long nr = sysconf(_SC_AVPHYS_PAGES);
	char *p;

	if (nr <= leave)
		return;
	nr -= leave;
	/* if it can be: it is quicker */
	set_file(THP "hugepages-2048kB/", "enabled", "madvise");
	p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(p != MAP_FAILED);
	madvise(p, nr * PAGE, MADV_HUGEPAGE);
	must(!madvise(p, nr * PAGE, MADV_DONTFORK));
	must(!mlock(p, nr * PAGE));
}

/* More than there is, so that it is reclaim that swaps, from all sides. */
static void test_pressure(void)
{
	unsigned long nr = 9216, page;
	struct region r;
	int i;

	fill_memory(nr * 2 / 3);
	r = get_region(nr, MAP_PRIVATE);
	knob("defer_percent", 50);
	knob("exclusive_percent", 50);
	knob("reject_percent", 5);
	write_all(&r);
	for (i = 0; i < 4; i++) {
		pid_t pid = start_child();

		if (pid)
			continue;
		random_state = i;
		for (page = 0; page < 300; page++)
			check_page(&r, below(nr));
		_exit(0);
	}
	wait_for_all();
	for (page = 0; page < 1000; page++)
		next_gen(&r, below(nr));
	check_all(&r);
}

#define CGROUPS	"/tmp/swap_oracle/"
#define GROUP	CGROUPS "test/"

static void make_group(void)
{
	mkdir("/tmp", 0755);
	mkdir(CGROUPS, 0755);
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL))
		skip("no cgroup2: %m");
	set_file(CGROUPS, "cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	if (set_number(GROUP, "memory.max", region_pages / 2 * PAGE))
		skip("no memory controller");
}

/* A process in the group uses more memory than that has. */
static void use_group(void)
{
	struct region r;

	if (!start_child()) {
		must(!set_number(GROUP, "cgroup.procs", getpid()));
		r = get_region(region_pages, MAP_PRIVATE);
		write_all(&r);
		random_steps(&r, now() + seconds, false);
		_exit(0);
	}
	wait_for_all();
}

static void remove_group(void)
{
	rmdir(GROUP);
	umount(CGROUPS);
}

/* A control group at its limit: reclaim by the process that faults. */
static void test_memcg(void)
{
	make_group();
	knob("defer_percent", 50);
	knob("exclusive_percent", 50);
	knob("reject_percent", 5);
	use_group();
	remove_group();
}

/*
 * A control group that may not use the swap device, only zswap, and a backend
 * that wants each page written through: it must get none, or none could leave.
 */
static void test_memcg_no_writeback(void)
{
	struct region r = get_region(64, MAP_PRIVATE);
	long stores, rejects, zswap;

	need_torture();
	need_zswap();
	make_group();
	zswap_set("enabled", 1);
	knob("wt_percent", 100);
	if (set_number(GROUP, "memory.zswap.writeback", 0))
		skip("no memory.zswap.writeback");

	/* Others may. */
	write_all(&r);
	page_out_most(&r);
	check_all(&r);

	stores = counter("stores");
	rejects = counter("rejects");
	zswap = vmstat("zswpout");
	use_group();
	if (counter("stores") != stores)
		fail("%ld pages were stored", counter("stores") - stores);
	if (counter("rejects") == rejects)
		fail("no pages were refused");
	if (vmstat("zswpout") == zswap)
		fail("zswap got no pages");
	remove_group();
}

/* --- running them --------------------------------------------------------- */

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(name)	{ #name, test_##name }

static const struct test tests[] = {
	TEST(anon),
	TEST(shmem),
	TEST(deferred),
	TEST(exclusive),
	TEST(overwrite),
	TEST(zeroes),
	TEST(mixed),
	TEST(mixed_shmem),
	TEST(fork),
	TEST(fork_storm),
	TEST(willneed),
	TEST(free_while_loading),
	TEST(exit_while_loading),
	TEST(punch_while_loading),
	TEST(killable),
	TEST(lost),
	TEST(write_through),
	TEST(zswap_toggle),
	TEST(zswap_stale),
	TEST(zswap_stale_zeroes),
	TEST(swapoff),
	TEST(swapoff_lost),
	TEST(unregister_refused),
	TEST(init_fails),
	TEST(register_race),
	TEST(large_folios),
	TEST(huge_folios),
	TEST(memcg),
	TEST(memcg_no_writeback),
	TEST(pressure),
};

#define NR_TESTS	(sizeof(tests) / sizeof(tests[0]))

/* The process of a test. */
static void run_child(const struct test *test)
{
	long stores = counter("stores");
	long errors = get_number(TORTURE, "contract_errors");

	setpgid(0, 0);
	random_state = 1;
	plain_backend();
	test->run();
	if (counter("stores") == stores && test->run != test_init_fails)
		fail("the backend was given nothing");
	if (get_number(TORTURE, "contract_errors") != errors)
		fail("the backend found fault with its calls, see the log");
	_exit(0);
}

/* Wait for a process, but not for ever. */
static int wait_timeout(pid_t pid, int *status)
{
	double end = now() + timeout;

	while (waitpid(pid, status, WNOHANG) != pid) {
		if (now() > end) {
			kill(-pid, SIGKILL);
			waitpid(pid, status, 0);
			return -1;
		}
		sleep_ms(20);
	}
	kill(-pid, SIGKILL);
	return 0;
}

/* What a test that failed may have left. */
static void restore(void)
{
	if (swapon(device, 0) && errno != EBUSY)
		printf("# swapon: %s\n", strerror(errno));
	if (registered)
		try_register(true);
	plain_backend();
	set_number(ZSWAP, "enabled", 0);
	set_number(ZSWAP, "max_pool_percent", 20);
	set_file(THP "hugepages-64kB/", "enabled", "never");
	set_file(THP "hugepages-2048kB/", "enabled", "never");
	umount(CGROUPS);
}

static bool run_test(const struct test *test)
{
	double start = now();
	bool late;
	int status;
	pid_t pid;

	*reason = 0;
	pid = fork();
	if (!pid)
		run_child(test);
	late = wait_timeout(pid, &status);
	restore();

	if (late)
		printf("not ok %s: not finished after %u s\n", test->name,
		       timeout);
	else if (WIFSIGNALED(status))
		printf("not ok %s: signal %d\n", test->name, WTERMSIG(status));
	else if (WEXITSTATUS(status) == SKIPPED)
		printf("ok %s # SKIP %s\n", test->name, reason);
	else if (WEXITSTATUS(status))
		printf("not ok %s: %s\n", test->name, reason);
	else
		printf("ok %s\n", test->name);
	fprintf(stderr, "# %s: %.1f s\n", test->name, now() - start);
	return !late && WIFEXITED(status) && WEXITSTATUS(status) != FAILED;
}

static void usage(void)
{
	unsigned int i;

	printf("usage: swap_oracle [-l] [-d SWAP-DEVICE] [-n PAGES] ");
	printf("[-s SECONDS] [-t TIMEOUT] [TEST...]\n");
	printf("  -l  it is a failure if the device takes no large folios\n");
	printf("tests:");
	for (i = 0; i < NR_TESTS; i++)
		printf(" %s", tests[i].name);
	printf("\n");
	exit(2);
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool good = true;
	unsigned int i;
	int opt;

	while ((opt = getopt(argc, argv, "ld:n:s:t:h")) != -1) {
		switch (opt) {
		case 'l':
			takes_large = true;
			break;
		case 'd':
			device = optarg;
			break;
		case 'n':
			region_pages = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 't':
			timeout = strtoul(optarg, NULL, 0);
			break;
		default:
			usage();
		}
	}

	setvbuf(stdout, NULL, _IOLBF, 0);
	reason = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reason == MAP_FAILED || mlockall(MCL_CURRENT)) {
		perror("swap_oracle");
		return 2;
	}
	if (counter("held_pages") < 0) {
		printf("not ok swap_oracle: no frontswap in debugfs\n");
		return 1;
	}
	registered = have_torture();
	for (i = 0; i < NR_TESTS; i++)
		if (wanted(tests[i].name, argv + optind))
			good &= run_test(&tests[i]);
	return !good;
}
