// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is swapped: filled, touched at random, scanned, and used as
 * programs do that have a few hot pages and many cold ones.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bench.h"

#define READAHEAD	3	/* page-cluster, but for single faults */
#define STRIDE		8
#define LANES		2	/* of the strided scan: all would take too long */
#define BATCH		250	/* faults, then so many pings, by turns */
#define SAMPLE		16	/* where pages are many, one in so many is verified */
#define HOT		10	/* per cent of the pages that are hot */
#define WRITES		4	/* of the mix, one touch in so many writes */

static uint8_t *mem;
static size_t nr;
static uint32_t *gens, *order;
static struct latencies took, pings;
static size_t bad;

static void found_bad(const char *where, size_t page)
{
	if (bad++ < 10)
		fprintf(stderr, "bad page %zu in %s\n", page, where);
}

static uint8_t *at(size_t page)
{
	return mem + page * PAGE;
}

static void write_page(size_t page)
{
	gens[page]++;
	page_make(at(page), page, gens[page]);
}

static void glance(const char *where, size_t page)
{
	if (!page_glance(at(page), page, gens[page]))
		found_bad(where, page);
}

static void fill(void)
{
	long long written = disk_written();
	struct phase run, out;
	size_t i;

	phase_begin(&out, "out");
	phase_begin(&run, "fill");
	for (i = 0; i < nr; i++)
		write_page(i);
	phase_end(&run, nr);
	settle(mem, nr);
	phase_end(&out, nr);
	metric("out", "disk", "B/page", "%.1f", (double)(disk_written() - written) / nr);
}

/* Memory that is gone on both sides since all of it was still there. */
static void report_memory(uint64_t here, uint64_t there)
{
	struct peer_state s;

	peer_state(&s);
	metric("memory", "client", "B/page", "%.1f",
	       (double)((int64_t)(here - free_bytes())) / nr);
	metric("memory", "server", "B/page", "%.1f",
	       (double)((int64_t)(there - s.free_bytes)) / nr);
	report_index("memory");
}

static void shuffle(void)
{
	uint64_t random = set.seed;
	size_t i, j;
	uint32_t t;

	for (i = 0; i < nr; i++)
		order[i] = i;
	for (i = nr - 1; i > 0; i--) {
		j = next_random(&random) % (i + 1);
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
}

static uint64_t majors(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_majflt;
}

/* One fault, as the program sees it; then, beside the clock, all of the page. */
static void fault(size_t page)
{
	uint64_t before = majors(), t = now_ns();

	(void)*(volatile uint8_t *)at(page);
	t = now_ns() - t;
	if (majors() != before)
		latency_add(&took, t);
	if (!page_right(at(page), page, gens[page]))
		found_bad("faults", page);
}

/* What a reply of ramster holds is known only now. */
static void fit_answer(void)
{
	unsigned int compressed = compressed_bytes();

	if (compressed)
		set.answer += compressed;
	metric("ping", "answer", "B", "%u", set.answer);
}

/*
 * By turns with pings, so that what disturbs this machine disturbs both.  What a
 * phase says of time and wire includes the pings, so only the latencies are said,
 * and what the wire had without them.
 */
static void faults(void)
{
	size_t i, end, n = set.faults < nr ? set.faults : nr;
	struct phase run;

	long long gets = remote_gets();

	page_cluster(0);
	shuffle();
	fit_answer();
	for (i = 0; i < n; i = end) {
		end = i + BATCH < n ? i + BATCH : n;
		for (; i < end; i++)
			fault(order[i]);
		if (set.peer && set.ask)
			floor_ping(&pings, BATCH);
	}
	if (set.peer && set.ask)
		floor_ping_end();
	/* a second lot for what the wire and the server see of them */
	end = n + BATCH < nr ? n + BATCH : nr;
	phase_begin(&run, "faults_alone");
	for (i = n; i < end; i++)
		fault(order[i]);
	if (end > n)
		phase_end(&run, end - n);
	/* else it is something else that was measured */
	if (gets >= 0 && remote_gets() - gets < (long long)(n * 9 / 10))
		die("of %zu faults, only %lld were for a page of the peer", n,
		    remote_gets() - gets);
	latency_report(&took, "faults");
	latency_report(&pings, "ping");
	page_cluster(READAHEAD);
}

/* Every page in so many, then the next lane. */
static void scan(const char *name, size_t stride, size_t lanes)
{
	size_t lane, i, n = 0;
	struct phase run;

	settle(mem, nr);
	phase_begin(&run, name);
	for (lane = 0; lane < lanes; lane++)
		for (i = lane; i < nr; i += stride, n++)
			glance(name, i);
	phase_end(&run, n);
}

/* Half of the touches go to the hot pages, half to any of the others. */
static void hot_and_cold(void)
{
	size_t hot = nr * HOT / 100, i, page;
	uint64_t random = set.seed + 1, r;
	struct phase run;

	settle(mem, nr);
	phase_begin(&run, "mix");
	for (i = 0; i < set.mix; i++) {
		r = next_random(&random);
		page = r & 1 ? (r >> 8) % hot : hot + (r >> 8) % (nr - hot);
		if ((r >> 1) % WRITES)
			glance("mix", page);
		else
			write_page(page);
	}
	phase_end(&run, set.mix);
}

static void verify(void)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!page_right(at(i), i, gens[i]))
			found_bad("the end", i);
	metric("verify", "bad", "pages", "%zu", bad);
}

/* New contents that stay here, compressed, until they are let go all at once. */
static void send_all(void)
{
	uint64_t bytes, wire, pages;
	double rate, before, after;
	size_t i;

	if (!set.remote || strcmp(set.remote, "ramster"))
		return;
	remotify(false);
	for (i = 0; i < nr; i++)
		write_page(i);
	settle(mem, nr);
	before = floor_bulk(700);
	rate = remotify_drain(&bytes, &wire, &pages);
	after = floor_bulk(700);
	metric("remotify", "rate", "MB/s", "%.3f", rate / 1e6);
	metric("remotify", "stream", "MB/s", "%.3f", (before + after) / 2 / 1e6);
	metric("remotify", "compressed", "B/page", "%.1f", (double)bytes / pages);
	metric("remotify", "frames", "B/page", "%.1f", (double)wire / pages);
}

static void set_up(void)
{
	nr = set.mb * 256UL;
	gens = locked(nr * sizeof(*gens));
	order = locked(nr * sizeof(*order));
	latency_init(&took, nr);
	latency_init(&pings, nr + BATCH);
	if (mlockall(MCL_CURRENT))
		die("mlockall: %s", strerror(errno));
	mem = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	madvise(mem, nr * PAGE, MADV_NOHUGEPAGE);
	page_cluster(READAHEAD);
}

/*
 * What a swap area that is nearly full of remote pages takes here.  The index is
 * a tree by place in the area, so it is where the area is full that its nodes
 * are, too.
 */
int held_main(void)
{
	size_t i;

	set_up();
	for (i = 0; i < nr; i++)
		write_page(i);
	settle(mem, nr);
	report_index("held");
	for (i = 0; i < nr; i += SAMPLE)
		glance("held", i);
	metric("held", "bad", "pages", "%zu", bad);
	return bad != 0;
}

int swap_main(void)
{
	struct peer_state s;
	uint64_t here;

	set_up();
	peer_state(&s);
	here = free_bytes();
	fill();
	report_memory(here, s.free_bytes);
	faults();
	scan("scan", 1, 1);
	scan("strided", STRIDE, LANES);
	hot_and_cold();
	send_all();
	verify();
	return bad != 0;
}
