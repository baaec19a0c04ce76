// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of large folios.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include "swap_oracle.h"

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

void test_large_folios(void)
{
	large_folios("64kB", region_pages);
}

void test_huge_folios(void)
{
	large_folios("2048kB", 2048);
}
