// SPDX-License-Identifier: GPL-2.0
/*
 * Getting all pages out of RAM, and with ramster out of this machine, so that a
 * workload begins with none here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define CHUNK		512	/* pages of one madvise() */
#define PATIENCE_NS	60000000000ULL
#define SPARED		8	/* pages that may stay for good: isolated, shared */
#define D		"/sys/kernel/debug/"
#define MM		"/sys/kernel/mm/ramster/"
#define OBJECT_BYTES	256	/* struct tmem_object, as kmalloc() rounds it */

static void page_out(uint8_t *mem, size_t pages)
{
	size_t i, n;

	for (i = 0; i < pages; i += n) {
		n = pages - i < CHUNK ? pages - i : CHUNK;
		if (madvise(mem + i * PAGE, n * PAGE, MADV_PAGEOUT))
			die("MADV_PAGEOUT: %s", strerror(errno));
	}
}

/* Pages that readahead brought and nobody touched are out of madvise()'s reach. */
static void reclaim(void)
{
	char path[256];

	if (!set.cgroup)
		return;
	snprintf(path, sizeof(path), "%s/memory.reclaim", set.cgroup);
	file_write(path, "256M");	/* EAGAIN: there was not so much */
}

/* mincore() counts pages of the swap cache as well. */
static size_t resident(uint8_t *mem, size_t pages)
{
	static unsigned char vec[CHUNK];
	size_t i, j, n, count = 0;

	for (i = 0; i < pages; i += n) {
		n = pages - i < CHUNK ? pages - i : CHUNK;
		if (mincore(mem + i * PAGE, n * PAGE, vec))
			die("mincore: %s", strerror(errno));
		for (j = 0; j < n; j++)
			count += vec[j] & 1;
	}
	return count;
}

static bool written(void)
{
	return file_word("/proc/meminfo", "Writeback:") == 0;
}

static bool is_ramster(void)
{
	return set.remote && !strcmp(set.remote, "ramster");
}

static bool is_away(void)
{
	return file_number(D "zcache/pers_zpages") == 0 &&
	       file_number(D "ramster/remote_sending") == 0;
}

static bool remotifies(void)
{
	return is_ramster() && file_number(MM "pers_remotify_enable") == 1;
}

void settle(uint8_t *mem, size_t pages)
{
	uint64_t end = now_ns() + PATIENCE_NS;
	size_t left;

	for (;;) {
		page_out(mem, pages);
		left = resident(mem, pages);
		if (left > SPARED) {
			reclaim();
			left = resident(mem, pages);
		}
		if (left <= SPARED && written())
			break;
		if (now_ns() > end)
			die("%zu pages do not leave RAM", left);
		usleep(20000);
	}
	while (remotifies() && !is_away()) {
		if (now_ns() > end)
			die("%lld pages do not leave for the peer",
			    file_number(D "zcache/pers_zpages"));
		usleep(5000);
	}
}

/* Mean size of a page that went to the peer; 0: none did. */
unsigned int compressed_bytes(void)
{
	long long pages = file_number(D "ramster/pers_pages_remoted");

	if (!is_ramster() || pages <= 0)
		return 0;
	return file_number(D "ramster/pers_bytes_remoted") / pages;
}

/* Pages that came from the peer so far; -1: this is not ramster. */
long long remote_gets(void)
{
	return is_ramster() ? file_number(D "ramster/remote_pers_pages_succ_get") : -1;
}

void page_cluster(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	if (!file_write("/proc/sys/vm/page-cluster", text))
		die("page-cluster: %s", strerror(errno));
}

void remotify(bool on)
{
	if (is_ramster() && !file_write(MM "pers_remotify_enable", on ? "1" : "0"))
		die("pers_remotify_enable: %s", strerror(errno));
}

/* A column of the table of peers: of the only one that there is. */
static uint64_t peer_column(unsigned int column)
{
	static char line[512];
	FILE *f = fopen(D "ramster/peers", "r");
	char *p = NULL;

	if (f && fgets(line, sizeof(line), f) && fgets(line, sizeof(line), f))
		for (p = strtok(line, " "); p && column; column--)
			p = strtok(NULL, " ");
	if (f)
		fclose(f);
	if (!p)
		die("the table of peers is not as expected");
	return strtoull(p, NULL, 10);
}

#define TX_BYTES	3

/*
 * With sending off, all was stored here.  Turn it on, and take the time until the
 * last page has been accepted.  The end of it is left out: the rate is that from
 * the first tenth on to the last, seen every few milliseconds, so that neither
 * the start of a thread nor a rest that waits for company counts.
 */
double remotify_drain(uint64_t *bytes, uint64_t *wire, uint64_t *pages)
{
	uint64_t b0 = file_number(D "ramster/pers_bytes_remoted"), b, t, end;
	uint64_t p0 = file_number(D "ramster/pers_pages_remoted");
	uint64_t all = file_number(D "zcache/pers_zpages");
	uint64_t b1 = 0, t1 = 0, b2 = 0, t2 = 0, tx = peer_column(TX_BYTES), p;

	if (!all)
		die("nothing was stored here that could be sent");
	end = now_ns() + PATIENCE_NS;
	remotify(true);
	while (!is_away()) {
		b = file_number(D "ramster/pers_bytes_remoted");
		p = file_number(D "ramster/pers_pages_remoted") - p0;
		t = now_ns();
		if (!b1 && p >= all / 10) {
			b1 = b;
			t1 = t;
		}
		if (p <= all - all / 10) {
			b2 = b;
			t2 = t;
		}
		if (t > end)
			die("pages do not leave for the peer");
		usleep(4000);
	}
	*bytes = file_number(D "ramster/pers_bytes_remoted") - b0;
	*pages = file_number(D "ramster/pers_pages_remoted") - p0;
	*wire = peer_column(TX_BYTES) - tx;
	if (!b1 || t2 <= t1)
		die("pages left faster than could be seen");
	return (b2 - b1) * 1e9 / (t2 - t1);
}

/* What this machine has of pages that are away, by the driver's own counters. */
void report_index(const char *load)
{
	long long nodes = file_number(D "zcache/objnode_count");
	long long objects = file_number(D "zcache/obj_count");
	long long frames = file_number(D "zcache/pers_pageframes");
	long long away = file_number(D "ramster/remote_pers_pages");
	unsigned int size = 0, per_slab = 0, slab_pages = 0;
	char line[512];
	double bytes;
	FILE *f;

	if (!is_ramster() || away <= 0)
		return;
	f = fopen("/proc/slabinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "radix_tree_node %*u %*u %u %u %u", &size,
			   &per_slab, &slab_pages) == 3)
			break;
	if (f)
		fclose(f);
	if (!per_slab)
		die("/proc/slabinfo does not say what a radix_tree_node takes");
	bytes = nodes * (slab_pages * (double)PAGE / per_slab) +
		objects * (double)OBJECT_BYTES + frames * (double)PAGE;
	metric(load, "index", "B/page", "%.2f", bytes / away);
	metric(load, "away", "pages", "%lld", away);
	metric(load, "nodes", "n", "%lld", nodes);
	metric(load, "objects", "n", "%lld", objects);
	metric(load, "frames", "n", "%lld", frames);
}
