// SPDX-License-Identifier: GPL-2.0
/*
 * Fills anonymous memory with pages that say who they are, lets the kernel
 * swap them, and checks every byte that comes back.
 *
 *	pageload [options] STAGE...	stages from the command line, in order
 *	pageload [options] --stdin	stages from standard input, a line each
 *
 * Each page starts with magic, seed, page number and generation; then come
 * pseudo-random bytes that follow from these, and one repeated byte to the end.
 * How much of a page is random (--fill) decides how well it compresses.  What
 * is read is compared in full with what was written last, so an old version, a
 * neighbour's page and a damaged byte are all noticed and told apart.
 *
 * Books are kept in locked memory, apart from the pages under test.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define MAX_THREADS	64
#define STACK		(256 * 1024)
#define MAX_TOLD	10	/* wrong pages that are described */
#define SLOW_NS		3000	/* a touch above this may have been a fault */

struct worker {
	pthread_t thread;
	unsigned int nr;
	sigjmp_buf bus;
	bool guarded;		/* a SIGBUS now is counted, not fatal */
	uint64_t major;
	uint8_t want[PAGE];
};

enum touch { READ, WRITE };

struct stage {
	const char *name;
	enum touch how;
	bool random;
	unsigned int percent;
};

static uint8_t *mem;
static size_t nr_pages;
static uint32_t *gens;		/* by page; 0: never written, or dropped */
static uint8_t *lost;		/* by page: its last touch was a SIGBUS */
static uint32_t *order;		/* a permutation of the pages */
static uint32_t *lat;		/* fault latencies of this stage, ns */
static size_t nr_lat, nr_done, nr_bad, nr_lost, nr_major;	/* of this stage */
static size_t all_bad, all_lost;
static uint32_t generation;
static uint64_t seed = 1;
static unsigned int nr_threads = 1, fill = 45, progress_s;
static bool tolerate, minor_too;
static struct worker workers[MAX_THREADS];
static __thread struct worker *self;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void on_sigbus(int sig, siginfo_t *si, void *ctx)
{
	uint8_t *at = si->si_addr;

	(void)ctx;
	if (self && self->guarded && at >= mem && at < mem + nr_pages * PAGE)
		siglongjmp(self->bus, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void describe(uint64_t page, const uint8_t *got, const uint8_t *want)
{
	const struct header *h = (const void *)got;
	size_t i;

	for (i = 0; i < PAGE && got[i] == want[i]; i++)
		;
	flockfile(stdout);
	printf("bad page %lu gen %u: differs at byte %zu; ", page, gens[page], i);
	printf("says magic %s seed %lu page %lu gen %lu\n",
	       h->magic == MAGIC ? "right" : "wrong", h->seed, h->page, h->gen);
	fflush(stdout);
	funlockfile(stdout);
}

static void note_latency(struct worker *w, uint64_t ns)
{
	struct rusage ru;
	bool major;
	size_t i;

	if (ns < SLOW_NS)
		return;
	getrusage(RUSAGE_THREAD, &ru);
	major = (uint64_t)ru.ru_majflt != w->major;
	w->major = ru.ru_majflt;
	if (major)
		__atomic_fetch_add(&nr_major, 1, __ATOMIC_RELAXED);
	if (!major && !minor_too)
		return;
	i = __atomic_fetch_add(&nr_lat, 1, __ATOMIC_RELAXED);
	if (i < nr_pages)
		lat[i] = ns > UINT32_MAX ? UINT32_MAX : ns;
}

static void read_page(struct worker *w, uint64_t page)
{
	volatile uint8_t *p = mem + page * PAGE;
	uint64_t t = now_ns();

	(void)*p;
	note_latency(w, now_ns() - t);
	make_page(w->want, seed, fill, page, gens[page]);
	if (memcmp((const void *)p, w->want, PAGE)) {
		if (__atomic_fetch_add(&nr_bad, 1, __ATOMIC_RELAXED) < MAX_TOLD)
			describe(page, (const void *)p, w->want);
	}
}

static void write_page(struct worker *w, uint64_t page)
{
	uint8_t *p = mem + page * PAGE;
	uint64_t t;

	if (lost[page]) {
		madvise(p, PAGE, MADV_DONTNEED);
		lost[page] = 0;
	}
	make_page(w->want, seed, fill, page, generation);
	t = now_ns();
	*(volatile uint8_t *)p = w->want[0];
	note_latency(w, now_ns() - t);
	memcpy(p, w->want, PAGE);
	gens[page] = generation;
}

static void touch_page(struct worker *w, uint64_t page, enum touch how)
{
	if (sigsetjmp(w->bus, 1)) {
		w->guarded = false;
		lost[page] = 1;
		__atomic_fetch_add(&nr_lost, 1, __ATOMIC_RELAXED);
		return;
	}
	w->guarded = true;
	if (how == READ)
		read_page(w, page);
	else
		write_page(w, page);
	w->guarded = false;
}

static const struct stage *current;

static void *work(void *arg)
{
	struct worker *w = arg;
	struct rusage ru;
	size_t i, page;

	self = w;
	getrusage(RUSAGE_THREAD, &ru);
	w->major = ru.ru_majflt;
	for (i = w->nr; i < nr_pages; i += nr_threads) {
		page = current->random ? order[i] : i;
		__atomic_fetch_add(&nr_done, 1, __ATOMIC_RELAXED);
		if (current->percent < 100 &&
		    mix(seed ^ page ^ (uint64_t)generation << 40) % 100 >= current->percent)
			continue;
		touch_page(w, page, current->how);
	}
	return NULL;
}

static void *tell_progress(void *arg)
{
	(void)arg;
	for (;;) {
		sleep(progress_s);
		printf("progress %s %zu/%zu\n", current->name, nr_done, nr_pages);
		fflush(stdout);
	}
	return NULL;
}

static void start_thread(pthread_t *t, unsigned int nr, void *(*fn)(void *), void *arg)
{
	static uint8_t stacks[MAX_THREADS + 1][STACK] __attribute__((aligned(4096)));
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stacks[nr], STACK);
	mlock(stacks[nr], STACK);
	if (pthread_create(t, &attr, fn, arg)) {
		perror("pthread_create");
		exit(2);
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* In place and without memory of its own, unlike qsort(): few enough calls. */
static void sort_latencies(size_t n)
{
	size_t gap, i, j;
	uint32_t v;

	for (gap = n / 2; gap; gap /= 2)
		for (i = gap; i < n; i++) {
			v = lat[i];
			for (j = i; j >= gap && by_value(&lat[j - gap], &v) > 0; j -= gap)
				lat[j] = lat[j - gap];
			lat[j] = v;
		}
}

static void report(uint64_t ns)
{
	size_t n = nr_lat < nr_pages ? nr_lat : nr_pages;

	sort_latencies(n);
	printf("stage %s: pages %zu secs %.1f bad %zu lost %zu major %zu ",
	       current->name, nr_done, ns / 1e9, nr_bad, nr_lost, nr_major);
	printf("p50_us %u p99_us %u max_us %u\n",
	       n ? lat[n / 2] / 1000 : 0, n ? lat[n - 1 - n / 100] / 1000 : 0,
	       n ? lat[n - 1] / 1000 : 0);
	fflush(stdout);
	all_bad += nr_bad;
	all_lost += nr_lost;
}

static void run_threads(const struct stage *s)
{
	pthread_t teller;
	unsigned int i;
	uint64_t t;

	current = s;
	nr_done = 0;
	nr_bad = 0;
	nr_lost = 0;
	nr_major = 0;
	nr_lat = 0;
	if (s->how == WRITE)
		generation++;
	t = now_ns();
	if (progress_s)
		start_thread(&teller, MAX_THREADS, tell_progress, NULL);
	for (i = 0; i < nr_threads; i++) {
		workers[i].nr = i;
		start_thread(&workers[i].thread, i, work, &workers[i]);
	}
	for (i = 0; i < nr_threads; i++)
		pthread_join(workers[i].thread, NULL);
	if (progress_s) {
		pthread_cancel(teller);
		pthread_join(teller, NULL);
	}
	report(now_ns() - t);
}

static void advise(const char *name, int advice)
{
	const size_t chunk = 512;
	size_t i, n;
	uint64_t t = now_ns();

	for (i = 0; i < nr_pages; i += n) {
		n = nr_pages - i < chunk ? nr_pages - i : chunk;
		if (madvise(mem + i * PAGE, n * PAGE, advice)) {
			perror(name);
			exit(2);
		}
	}
	printf("stage %s: pages %zu secs %.1f\n", name, nr_pages,
	       (now_ns() - t) / 1e9);
	fflush(stdout);
}

static void drop(unsigned int percent)
{
	size_t i, n = 0;

	generation++;
	for (i = 0; i < nr_pages; i++) {
		if (mix(seed ^ i ^ (uint64_t)generation << 40) % 100 >= percent)
			continue;
		madvise(mem + i * PAGE, PAGE, MADV_DONTNEED);
		gens[i] = 0;
		lost[i] = 0;
		n++;
	}
	printf("stage drop: pages %zu\n", n);
	fflush(stdout);
}

/* A child reads everything while the parent still has it: pages are shared. */
static void forked(const struct stage *s)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		run_threads(s);
		_exit(all_bad ? 1 : all_lost && !tolerate ? 2 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("fork");
		exit(2);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 1)
		all_bad++;
	else if (WEXITSTATUS(status))
		all_lost++;
}

static size_t resident(void)
{
	static unsigned char vec[512];
	size_t i, j, n, count = 0;

	for (i = 0; i < nr_pages; i += n) {
		n = nr_pages - i < sizeof(vec) ? nr_pages - i : sizeof(vec);
		if (mincore(mem + i * PAGE, n * PAGE, vec))
			return 0;
		for (j = 0; j < n; j++)
			count += vec[j] & 1;
	}
	return count;
}

/* False: the end. */
static bool run_stage(char *text)
{
	struct stage s = { .name = text, .percent = 100 };
	char *value = strchr(text, '=');
	unsigned int n = 0;

	if (value) {
		*value++ = 0;
		n = atoi(value);
	}
	if (!strcmp(text, "exit"))
		return false;
	if (!strcmp(text, "write") || !strcmp(text, "rewrite")) {
		s.how = WRITE;
		s.random = !strcmp(text, "rewrite");
		s.percent = value ? n : 100;
		run_threads(&s);
	} else if (!strcmp(text, "read") || !strcmp(text, "readseq")) {
		s.random = !strcmp(text, "read");
		s.percent = value ? n : 100;
		run_threads(&s);
	} else if (!strcmp(text, "fork")) {
		s.random = true;
		forked(&s);
	} else if (!strcmp(text, "pageout")) {
		advise(text, MADV_PAGEOUT);
	} else if (!strcmp(text, "willneed")) {
		advise(text, MADV_WILLNEED);
	} else if (!strcmp(text, "drop")) {
		drop(value ? n : 100);
	} else if (!strcmp(text, "resident")) {
		printf("stage resident: pages %zu\n", resident());
	} else if (!strcmp(text, "sleep")) {
		sleep(n);
		printf("stage sleep: secs %u\n", n);
	} else {
		fprintf(stderr, "pageload: no stage %s\n", text);
		exit(2);
	}
	fflush(stdout);
	return true;
}

static void *books(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED || mlock(p, size)) {
		perror("pageload: books");
		exit(2);
	}
	return p;
}

static void set_up(size_t mb, bool shared, int huge)
{
	size_t i, j;
	uint32_t t;

	nr_pages = mb * 256;
	gens = books(nr_pages * sizeof(*gens));
	lost = books(nr_pages);
	lat = books(nr_pages * sizeof(*lat));
	order = books(nr_pages * sizeof(*order));
	for (i = 0; i < nr_pages; i++)
		order[i] = i;
	for (i = nr_pages - 1; i > 0; i--) {
		j = mix(seed + i * 0x9e3779b97f4a7c15ULL) % (i + 1);
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	/* program, heap and stack too, but not what comes after */
	if (mlockall(MCL_CURRENT))
		perror("pageload: mlockall");
	mem = mmap(NULL, nr_pages * PAGE, PROT_READ | PROT_WRITE,
		   (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS |
		   MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED) {
		perror("pageload: mmap");
		exit(2);
	}
	if (huge)
		madvise(mem, nr_pages * PAGE,
			huge > 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

static void usage(void)
{
	fputs("usage: pageload [options] STAGE... | --stdin\n"
	      "  --mb N         size of the memory (default 64)\n"
	      "  --threads N    at once (default 1)\n"
	      "  --seed N       other seeds, other contents (default 1)\n"
	      "  --fill N       per cent of a page that do not compress (default 45)\n"
	      "  --shared       shared memory (shmem) instead of private\n"
	      "  --huge|--nohuge  MADV_HUGEPAGE or MADV_NOHUGEPAGE\n"
	      "  --tolerate     lost pages (SIGBUS) are counted but no failure\n"
	      "  --minor        minor faults count for the latencies too\n"
	      "  --progress N   a line every N seconds\n"
	      "stages:\n"
	      "  write, rewrite[=PERCENT]     a new generation, in order or at random\n"
	      "  readseq, read[=PERCENT]      verify, in order or at random\n"
	      "  pageout, willneed, drop[=PERCENT], fork, resident, sleep=SECS, exit\n"
	      "status: 0 right, 1 wrong contents, 2 lost pages or cannot go on\n",
	      stderr);
	exit(2);
}

static unsigned long number(char **argv)
{
	if (!argv[1])
		usage();
	return strtoul(argv[1], NULL, 0);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus,
				.sa_flags = SA_SIGINFO | SA_NODEFER };
	static char line[256];
	bool from_stdin = false, shared = false;
	int huge = 0;
	size_t mb = 64;

	(void)argc;
	for (argv++; *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--mb"))
			mb = number(argv++);
		else if (!strcmp(*argv, "--threads"))
			nr_threads = number(argv++);
		else if (!strcmp(*argv, "--seed"))
			seed = number(argv++);
		else if (!strcmp(*argv, "--fill"))
			fill = number(argv++);
		else if (!strcmp(*argv, "--progress"))
			progress_s = number(argv++);
		else if (!strcmp(*argv, "--shared"))
			shared = true;
		else if (!strcmp(*argv, "--huge"))
			huge = 1;
		else if (!strcmp(*argv, "--nohuge"))
			huge = -1;
		else if (!strcmp(*argv, "--tolerate"))
			tolerate = true;
		else if (!strcmp(*argv, "--minor"))
			minor_too = true;
		else if (!strcmp(*argv, "--stdin"))
			from_stdin = true;
		else
			usage();
	}
	if (!mb || !nr_threads || nr_threads > MAX_THREADS ||
	    from_stdin == !!*argv)
		usage();
	sigaction(SIGBUS, &sa, NULL);
	set_up(mb, shared, huge);
	if (from_stdin) {
		puts("stage start:");
		fflush(stdout);
		while (fgets(line, sizeof(line), stdin)) {
			line[strcspn(line, "\n")] = 0;
			if (*line && !run_stage(line))
				break;
		}
	} else {
		while (*argv && run_stage(*argv))
			argv++;
	}
	printf("result bad %zu lost %zu\n", all_bad, all_lost);
	return all_bad ? 1 : all_lost && !tolerate ? 2 : 0;
}
