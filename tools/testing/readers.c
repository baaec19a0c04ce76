// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that read pages at random for ever, and say how long the longest of
 * these reads took.
 *
 *	readers [options]
 *
 * Each has memory of its own, of pages that say whose they are and how often they
 * were written (pattern.h).  What is read is compared in full; now and then a page
 * is written anew.  All are in one control group, in which there is room for only
 * a part of the pages: most reads are page faults.
 *
 * A page that is lost (SIGBUS) is counted, given up and written anew.
 *
 * Orders come on standard input, a line each; each is answered by one line that
 * begins with the same two words:
 *
 *	say ID		"say ID alive N reads N ...": what happened since the last say
 *	sweep ID	every process reads each of its pages, and writes it anew; then
 *			the same
 *	exit
 *
 * alive	processes that there are; each of them ends only when it is told
 * stall_ms	the longest that one touch of a page took, or takes, since the last answer
 * late_ms	the longest that a process without such pages, which sleeps for
 *		20 ms at a time, was late: what the machine does, not the pages
 *
 * Books are kept in locked memory, apart from the pages under test.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"

#define MAX_PROCS	16
#define MAX_TOLD	5	/* wrong pages that a process describes */
#define WITNESS_MS	20

/* What a process does, for the one that tells it. */
struct books {
	uint64_t reads, writes, lost, bad;
	uint64_t longest_ns;	/* since it was asked last */
	uint64_t since_ns;	/* when the touch under way began; 0: none is */
	uint32_t swept;		/* the last sweep that it has done */
	enum { STARTS, READY, FILLED } state;
};

static struct {
	struct books books[MAX_PROCS];
	uint32_t sweep;		/* the last that was ordered */
	bool go;
} *shared;

static unsigned int nr_procs = 3, fill = 45, rewrite_percent = 10, pause_us;
static size_t nr_pages, limit_mb = 4;
static const char *cgroup;
static uint64_t seed = 1;
static pid_t pids[MAX_PROCS];
static unsigned int alive;

/* of one process */
static struct books *books;
static uint8_t *mem, *want;
static uint32_t *gens;
static sigjmp_buf bus;
static volatile sig_atomic_t guarded;	/* a SIGBUS now is counted, not fatal */
static uint64_t rnd;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static uint64_t next_random(void)
{
	rnd += 0x9e3779b97f4a7c15ULL;
	return mix(rnd);
}

static void *locked(size_t size, int how)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       how | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED || mlock(p, size)) {
		perror("readers: books");
		exit(2);
	}
	return p;
}

static void store(uint64_t *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

static uint64_t load(uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static void raise_to(uint64_t *to, uint64_t value)
{
	uint64_t old = load(to);

	while (old < value &&
	       !__atomic_compare_exchange_n(to, &old, value, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* --- a process ------------------------------------------------------------- */

static void on_sigbus(int sig, siginfo_t *si, void *ctx)
{
	uint8_t *at = si->si_addr;

	(void)ctx;
	if (guarded && at >= mem && at < mem + nr_pages * PAGE)
		siglongjmp(bus, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void touch_ends(void)
{
	uint64_t since = load(&books->since_ns);

	if (since)
		raise_to(&books->longest_ns, now_ns() - since);
	store(&books->since_ns, 0);
}

/* What is measured: one byte, for which the page has to come. */
static void touch(size_t page)
{
	store(&books->since_ns, now_ns());
	(void)*(volatile uint8_t *)(mem + page * PAGE);
	touch_ends();
}

static void describe(size_t page)
{
	const uint8_t *got = mem + page * PAGE;
	const struct header *h = (const void *)got;
	size_t i;

	for (i = 0; i < PAGE && got[i] == want[i]; i++)
		;
	/* one line, in one piece */
	printf("bad page %zu of process %lu gen %u: differs at byte %zu; "
	       "says magic %s process %lu page %lu gen %lu\n",
	       page, seed, gens[page], i, h->magic == MAGIC ? "right" : "wrong",
	       h->seed, h->page, h->gen);
	fflush(stdout);
}

static void read_page(size_t page)
{
	touch(page);
	make_page(want, seed, fill, page, gens[page]);
	if (memcmp(mem + page * PAGE, want, PAGE) && books->bad++ < MAX_TOLD)
		describe(page);
	books->reads++;
}

static void write_page(size_t page)
{
	touch(page);
	make_page(want, seed, fill, page, gens[page] + 1);
	memcpy(mem + page * PAGE, want, PAGE);
	gens[page]++;
	books->writes++;
}

/* False if the page is lost. */
static bool try_page(size_t page, void (*visit)(size_t page))
{
	if (sigsetjmp(bus, 1)) {
		guarded = false;
		touch_ends();
		return false;
	}
	guarded = true;
	visit(page);
	guarded = false;
	return true;
}

static void visit_page(size_t page, void (*visit)(size_t page))
{
	if (try_page(page, visit))
		return;
	books->lost++;
	madvise(mem + page * PAGE, PAGE, MADV_DONTNEED);
	if (!try_page(page, write_page))
		books->bad++;
}

/*
 * A page may be in memory and yet be the same that is swapped: then nobody notices
 * for a while that the swapped one is lost.  When all are written, what is swapped
 * is new.
 */
static void sweep(uint32_t number)
{
	size_t i;

	for (i = 0; i < nr_pages; i++) {
		visit_page(i, read_page);
		visit_page(i, write_page);
	}
	__atomic_store_n(&books->swept, number, __ATOMIC_RELEASE);
}

static void work(void)
{
	uint32_t ordered;
	size_t page;

	for (;;) {
		ordered = __atomic_load_n(&shared->sweep, __ATOMIC_ACQUIRE);
		if (ordered != books->swept)
			sweep(ordered);
		page = next_random() % nr_pages;
		visit_page(page, next_random() % 100 < rewrite_percent ?
				 write_page : read_page);
		if (pause_us)
			usleep(pause_us);
	}
}

static void set_up(unsigned int nr)
{
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	books = &shared->books[nr];
	seed += nr;
	rnd = mix(seed);
	gens = locked(nr_pages * sizeof(*gens), MAP_PRIVATE);
	want = locked(PAGE, MAP_PRIVATE);
	/* program, heap and stack too, but not what comes after */
	if (mlockall(MCL_CURRENT))
		perror("readers: mlockall");
	mem = mmap(NULL, nr_pages * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED) {
		perror("readers: mmap");
		exit(2);
	}
	madvise(mem, nr_pages * PAGE, MADV_NOHUGEPAGE);
	__atomic_store_n(&books->state, READY, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		usleep(10000);
	for (i = 0; i < nr_pages; i++)
		visit_page(i, write_page);
	__atomic_store_n(&books->state, FILLED, __ATOMIC_RELEASE);
}

/* --- who tells ------------------------------------------------------------- */

static unsigned long long cgroup_number(const char *file)
{
	unsigned long long n = 0;
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &n) != 1)
		perror(path);
	if (f)
		fclose(f);
	return n;
}

/* From now on there is room for so much more than there is now. */
static void set_limit(void)
{
	unsigned long long limit = cgroup_number("memory.current") +
				   (limit_mb << 20);
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.max", cgroup);
	f = fopen(path, "w");
	if (!f || fprintf(f, "%llu", limit) < 0 || fclose(f)) {
		perror(path);
		exit(2);
	}
}

static void collect(void)
{
	unsigned int i;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < nr_procs; i++)
			if (pids[i] == pid)
				break;
		alive--;
		printf("process %u ended, status %#x\n", i, status);
		fflush(stdout);
	}
}

/* Wait until all processes have come so far, or one has ended. */
static void wait_for(unsigned int state)
{
	unsigned int i;

	for (i = 0; i < nr_procs; i++)
		while (__atomic_load_n(&shared->books[i].state,
				       __ATOMIC_ACQUIRE) < state &&
		       alive == nr_procs) {
			usleep(10000);
			collect();
		}
}

static bool all_swept(void)
{
	unsigned int i;

	for (i = 0; i < nr_procs; i++)
		if (__atomic_load_n(&shared->books[i].swept,
				    __ATOMIC_ACQUIRE) != shared->sweep)
			return false;
	return true;
}

static uint64_t take_stall(struct books *b)
{
	uint64_t longest = __atomic_exchange_n(&b->longest_ns, 0,
					       __ATOMIC_RELAXED);
	uint64_t since = load(&b->since_ns), now = now_ns();

	return since && now - since > longest ? now - since : longest;
}

static void tell(const char *order, uint64_t late)
{
	uint64_t reads = 0, writes = 0, lost = 0, bad = 0, stall = 0, longest;
	struct books *b;
	unsigned int i;

	for (i = 0; i < nr_procs; i++) {
		b = &shared->books[i];
		reads += load(&b->reads);
		writes += load(&b->writes);
		lost += load(&b->lost);
		bad += load(&b->bad);
		longest = take_stall(b);
		if (longest > stall)
			stall = longest;
	}
	printf("%s alive %u reads %lu writes %lu lost %lu bad %lu stall_ms %lu late_ms %lu\n",
	       order, alive, reads, writes, lost, bad, stall / 1000000,
	       late / 1000000);
	fflush(stdout);
}

/* False: the end. */
static bool take_order(char *line, size_t size)
{
	ssize_t n = read(0, line, size - 1);

	if (n <= 0)
		return false;
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	if (!strncmp(line, "sweep ", 6))
		__atomic_fetch_add(&shared->sweep, 1, __ATOMIC_RELEASE);
	return strcmp(line, "exit");
}

/* One order at a time: nobody gives another before this one is answered. */
static void serve(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	uint64_t late = 0, begin, took;
	char line[128] = "";

	for (;;) {
		begin = now_ns();
		if (poll(&in, 1, WITNESS_MS) > 0) {
			if (!take_order(line, sizeof(line)))
				return;
		} else {
			took = now_ns() - begin;
			if (took > late + WITNESS_MS * 1000000ULL)
				late = took - WITNESS_MS * 1000000ULL;
		}
		collect();
		if (!*line || !all_swept())
			continue;
		tell(line, late);
		*line = 0;
		late = 0;
	}
}

static void usage(void)
{
	fputs("usage: readers [options]\n"
	      "  --cgroup DIR   the control group that this is in\n"
	      "  --limit MB     pages of all processes that may be in memory (4)\n"
	      "  --mb N         size of the memory of each (4)\n"
	      "  --procs N      processes (3)\n"
	      "  --rewrite N    per cent of pages that are written when read (10)\n"
	      "  --pause US     after each page (0)\n"
	      "  --fill N       per cent of a page that do not compress (45)\n"
	      "  --seed N       other contents, other order (1)\n", stderr);
	exit(2);
}

static unsigned long number(char **argv)
{
	if (!argv[1])
		usage();
	return strtoul(argv[1], NULL, 0);
}

static void options(char **argv)
{
	size_t mb = 4;

	for (argv++; *argv; argv += 2) {
		if (!argv[1])
			usage();
		if (!strcmp(*argv, "--cgroup"))
			cgroup = argv[1];
		else if (!strcmp(*argv, "--limit"))
			limit_mb = number(argv);
		else if (!strcmp(*argv, "--mb"))
			mb = number(argv);
		else if (!strcmp(*argv, "--procs"))
			nr_procs = number(argv);
		else if (!strcmp(*argv, "--rewrite"))
			rewrite_percent = number(argv);
		else if (!strcmp(*argv, "--pause"))
			pause_us = number(argv);
		else if (!strcmp(*argv, "--fill"))
			fill = number(argv);
		else if (!strcmp(*argv, "--seed"))
			seed = number(argv) * MAX_PROCS;
		else
			usage();
	}
	if (!mb || !nr_procs || nr_procs > MAX_PROCS)
		usage();
	nr_pages = mb << 20 >> 12;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus,
				.sa_flags = SA_SIGINFO | SA_NODEFER };
	unsigned int i;

	(void)argc;
	options(argv);
	shared = locked(sizeof(*shared), MAP_SHARED);
	sigaction(SIGBUS, &sa, NULL);
	for (i = 0; i < nr_procs; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			set_up(i);
			work();
		}
		if (pids[i] < 0) {
			perror("readers: fork");
			return 2;
		}
		alive++;
	}
	if (mlockall(MCL_CURRENT))
		perror("readers: mlockall");
	wait_for(READY);
	if (cgroup)
		set_limit();
	__atomic_store_n(&shared->go, true, __ATOMIC_RELEASE);
	wait_for(FILLED);
	puts("readers are ready");
	fflush(stdout);
	serve();
	for (i = 0; i < nr_procs; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
