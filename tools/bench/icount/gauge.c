// SPDX-License-Identifier: GPL-2.0
/*
 * The gauge of instructions, as seen from inside a guest of QEMU that runs with
 * -icount shift=0: there the time stamp counter counts the instructions that
 * were executed.  See ../icount.sh.
 *
 *	gauge clock		is that so?
 *	gauge swap ARM CONTENT PAGES ROUNDS [blind]
 *				swap pages out and in, in front of what is swapped
 *				to now; "blind": they come back with anything
 *	gauge send ARM CONTENT PAGES ROUNDS
 *				the same, and in between they move to a peer
 *	gauge lzo CONTENT PAGES	the compressor with and without the crypto API
 *	gauge nbd DEVICE MB	serve a network block device to ourselves, over TCP
 *
 * Prints lines "ARM CONTENT MEASURE ROUND VALUE", instructions for each page,
 * and "bad" lines.  Each page says which it is and when it was written, and is
 * compared in full when it came back.
 *
 * What nobody uses of the CPU while we wait for others has to be left out: a
 * thread of the lowest priority, the idler, is a loop of two instructions and
 * counts how often it went round.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define PAGE		4096UL
#define MAGIC		0x72616d7374657221ULL
#define WARM_UP		2	/* rounds that do not count */
#define RESIDENT	4096	/* pages that are swapped out all the time */
#define MAX_TOLD	5

/*
 * A section is what is executed between these two instructions, which do nothing.
 * plugin.c is told where they are; there must be one of each.
 */
#define MARK(name)	asm volatile(".global " name "; " name ": nop" ::: "memory")

static void __attribute__((noinline, noclone)) mark_begin(void)
{
	MARK("section_mark_begin");
}

static void __attribute__((noinline, noclone)) mark_end(void)
{
	MARK("section_mark_end");
}

static void die(const char *what)
{
	printf("bad: %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * time is instructions
 */

static inline uint64_t now(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high) :: "memory");
	return (uint64_t)high << 32 | low;
}

static uint64_t clock_cost;	/* of now() itself */

static void calibrate(void)
{
	uint64_t best = UINT64_MAX, t;
	int i;

	for (i = 0; i < 100; i++) {
		t = now();
		t = now() - t;
		if (t < best)
			best = t;
	}
	clock_cost = best;
}

/* Two instructions for each turn. */
static void turn(uint64_t turns)
{
	asm volatile("1: dec %0; jnz 1b" : "+r" (turns) :: "cc");
}

/*
 * the idler
 */

static volatile uint64_t idle_turns;
static bool with_idler;

static void *idle(void *unused)
{
	struct sched_param param = { 0 };

	(void)unused;
	if (sched_setscheduler(0, SCHED_IDLE, &param))
		die("sched_setscheduler");
	asm volatile("1: incq %0; jmp 1b" : "+m" (idle_turns));
	return NULL;
}

static void start_idler(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, idle, NULL))
		die("pthread_create");
	with_idler = true;
}

/* What has been executed so far, but for turns of the idler. */
static uint64_t worked(void)
{
	return now() - 2 * idle_turns;
}

/*
 * pages
 */

static uint8_t *mem;
static size_t nr_pages;
static uint64_t generation;
static const char *arm, *content;
static unsigned int nr_bad;

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185ULL;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44dULL;
	return x ^ x >> 33;
}

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1dULL;
}

/* Words, some much more often than others, in no order. */
static void make_text(uint8_t *p, size_t at, uint64_t x)
{
	uint64_t r, letters;
	size_t word, len;

	while (at < PAGE) {
		r = next(&x);
		word = (r & 0x7f) * (r >> 8 & 0x7f) >> 7;
		letters = mix(word + 1);
		for (len = 4 + letters % 8; len && at < PAGE; len--) {
			letters = mix(letters);
			p[at++] = 'a' + letters % 26;
		}
		if (at < PAGE)
			p[at++] = ' ';
	}
}

/* Pseudo-random bytes up to some place, and one repeated byte to the end. */
static void make_random(uint8_t *p, size_t at, uint64_t x, unsigned int percent)
{
	size_t end = PAGE * percent / 100;
	uint64_t w;

	/* sizes of neighbours differ, by up to a tenth of a page each way */
	if (percent < 100)
		end += x % (PAGE * percent / 225 + 1) - PAGE * percent / 450;
	for (; at + 8 <= end; at += 8) {
		w = next(&x);
		memcpy(p + at, &w, 8);
	}
	memset(p + at, 'a' + x % 23, PAGE - at);
}

static void make_page(uint8_t *p, uint64_t page)
{
	uint64_t header[4] = { MAGIC, page, generation, ~page };
	/* not of the generation: compressing takes the same in each round */
	uint64_t x = mix(page + 1) | 1;

	if (!strcmp(content, "filled")) {
		/* nothing else fits in */
		memset(p, 1 + (page + generation) % 255, PAGE);
		return;
	}
	if (!strcmp(content, "zero")) {
		memset(p, 0, PAGE);
		return;
	}
	memcpy(p, header, sizeof(header));
	if (!strcmp(content, "text"))
		make_text(p, sizeof(header), x);
	else if (!strcmp(content, "half"))
		make_random(p, sizeof(header), x, 45);
	else if (!strcmp(content, "quarter"))
		make_random(p, sizeof(header), x, 20);
	else if (!strcmp(content, "random"))
		make_random(p, sizeof(header), x, 100);
	else
		die(content);
}

static void write_pages(void)
{
	uint8_t page[PAGE];
	size_t i;

	generation++;
	for (i = 0; i < nr_pages; i++) {
		make_page(page, i);
		memcpy(mem + i * PAGE, page, PAGE);
	}
}

static void check_pages(void)
{
	uint8_t page[PAGE];
	size_t i, at;

	for (i = 0; i < nr_pages; i++) {
		make_page(page, i);
		if (!memcmp(mem + i * PAGE, page, PAGE))
			continue;
		for (at = 0; mem[i * PAGE + at] == page[at]; at++)
			;
		if (nr_bad++ < MAX_TOLD)
			printf("bad: %s %s: page %zu differs at byte %zu\n",
			       arm, content, i, at);
	}
}

/* What pagemap says: mincore() takes the swap cache for memory. */
static size_t swapped(void)
{
	static int fd = -1;
	uint64_t entry[nr_pages];
	size_t i, n = 0;

	if (fd < 0)
		fd = open("/proc/self/pagemap", O_RDONLY);
	if (pread(fd, entry, sizeof(entry), (uintptr_t)mem / PAGE * 8) !=
	    (ssize_t)sizeof(entry))
		die("pagemap");
	for (i = 0; i < nr_pages; i++)
		n += entry[i] >> 62 & 1;
	return n;
}

static void expect_swapped(size_t want)
{
	size_t n = swapped();

	if (n != want && nr_bad++ < MAX_TOLD)
		printf("bad: %s %s: %zu pages of %zu are swapped out, not %zu\n",
		       arm, content, n, nr_pages, want);
}

/*
 * measures
 */

struct section {
	const char *name;
	uint64_t begin;
};

static struct section section_begin(const char *name)
{
	struct section s = { .name = name };

	mark_begin();
	s.begin = worked();
	return s;
}

/* round: negative while it warms up. */
static void section_end(const struct section *s, int round)
{
	uint64_t spent = worked() - s->begin - clock_cost;

	mark_end();
	printf("%s %s %s %s %d %.1f\n", round < 0 ? "warm" : "got", arm,
	       content, s->name, round, (double)spent / nr_pages);
}

/* How much what we swap to says that it holds: $KEPT is a file with a number. */
static double kept(void)
{
	const char *path = getenv("KEPT");
	unsigned long n = 0;
	FILE *f;

	if (!path || !*path)
		return 0;
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lu", &n) != 1)
		die(path);
	fclose(f);
	return n;
}

/* $KEPT counts in these. */
static double kept_unit(void)
{
	const char *unit = getenv("KEPT_UNIT");

	return unit ? atoi(unit) : 1;
}

static void page_out(int round)
{
	double before = kept();
	struct section s = section_begin("store");

	if (madvise(mem, nr_pages * PAGE, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	section_end(&s, round);
	expect_swapped(nr_pages);
	if (round >= 0)
		printf("got %s %s kept %d %.1f\n", arm, content, round,
		       (kept() - before) / kept_unit() * 100 / nr_pages);
}

/* A fault each; the loop itself is four instructions a page. */
static void read_pages(const char *name, int round)
{
	struct section s = section_begin(name);
	size_t i;

	for (i = 0; i < nr_pages; i++)
		*(volatile uint8_t *)(mem + i * PAGE);
	section_end(&s, round);
	expect_swapped(0);
}

static void swap_round(int round, bool blind)
{
	write_pages();
	page_out(round);
	read_pages("load", round);
	if (!blind)
		check_pages();
}

static void map_pages(size_t pages)
{
	nr_pages = pages;
	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		die("mmap");
	if (madvise(mem, pages * PAGE, MADV_NOHUGEPAGE))
		die("MADV_NOHUGEPAGE");
}

/*
 * Nobody's store is empty but for what is measured: other pages are there first,
 * and stay, so that what is made once for many pages is made.
 */
static void fill_store(void)
{
	map_pages(RESIDENT);
	write_pages();
	if (madvise(mem, nr_pages * PAGE, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	expect_swapped(nr_pages);
}

static int do_swap(size_t pages, int rounds, bool blind)
{
	int round;

	fill_store();
	map_pages(pages);
	for (round = -WARM_UP; round < rounds; round++)
		swap_round(round, blind);
	return nr_bad != 0;
}

/*
 * what the crypto API costs
 */

/* One page: its compressed size, then what each way costs. */
static void lzo_page(unsigned int nr)
{
	static const char *const name[] = {
		"bytes", "lib-compress", "lib-compress-safe", "api-compress",
		"lib-decompress", "api-decompress",
	};
	const char *path = "/sys/kernel/debug/icount/lzo";
	uint8_t page[PAGE];
	unsigned int i;
	char line[100], *at = line;
	ssize_t n;
	int fd;

	make_page(page, nr);
	fd = open(path, O_RDWR);
	if (fd < 0 || write(fd, page, PAGE) != (ssize_t)PAGE)
		die(path);
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		die(path);
	line[n] = 0;
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		printf("got lzo %s %s %u %lu\n", content, name[i], nr,
		       strtoul(at, &at, 10));
}

static int do_lzo(void)
{
	unsigned int i;

	generation = 1;
	for (i = 0; i < nr_pages; i++)
		lzo_page(i);
	return 0;
}

/*
 * is an instruction a nanosecond?
 */

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Least of several: without a tick of the timer in it. */
static void clock_loop(uint64_t turns)
{
	uint64_t t, ns, tsc = UINT64_MAX, mono = UINT64_MAX;
	int i;

	for (i = 0; i < 20; i++) {
		t = now();
		turn(turns);
		t = now() - t - clock_cost;
		if (t < tsc)
			tsc = t;
		ns = monotonic();
		turn(turns);
		ns = monotonic() - ns;
		if (ns < mono)
			mono = ns;
	}
	printf("clock %lu %lu %lu\n", 2 * turns, tsc, mono);
}

static int do_clock(void)
{
	uint64_t t, w;

	printf("clock read %lu\n", clock_cost);
	clock_loop(1000);
	clock_loop(100000);
	clock_loop(1000000);
	start_idler();
	/* it runs from now on, whenever we sleep */
	usleep(20000);
	t = now();
	w = worked();
	usleep(100000);
	printf("clock idle %lu %lu\n", now() - t, worked() - w);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	mlockall(MCL_CURRENT);
	calibrate();
	if (!strcmp(what, "clock"))
		return do_clock();
	if (!strcmp(what, "lzo") && argc == 4) {
		content = argv[2];
		nr_pages = strtoul(argv[3], NULL, 10);
		return do_lzo();
	}
	if (!strcmp(what, "swap") && argc >= 6) {
		arm = argv[2];
		content = argv[3];
		return do_swap(strtoul(argv[4], NULL, 10), atoi(argv[5]),
			       argc > 6);
	}
	fprintf(stderr, "gauge: what is %s?\n", what);
	return 2;
}
