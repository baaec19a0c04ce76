// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of memory, and what should be in them.
 */
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include "swap_oracle.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define WORDS		(PAGE / sizeof(uint64_t))
/* So many words of a page look random; it can be compressed to about a quarter. */
#define NOISE		(WORDS / 8)

/* What this program itself needs to know must not depend on swap. */
void *get_locked(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED);
	must(!mlock(p, size));
	return p;
}

struct region get_region(unsigned long nr, int flags)
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

void put_region(struct region *r)
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

uint64_t *page_at(struct region *r, unsigned long page)
{
	return (uint64_t *)(r->mem + page * PAGE);
}

void write_page(struct region *r, unsigned long page, uint32_t gen)
{
	uint64_t *p = page_at(r, page);
	unsigned long i;

	for (i = 0; i < WORDS; i++)
		p[i] = word_of(page, gen, i);
	r->gen[page] = gen;
}

/* No generation comes twice, not even after a page was zeroes in between. */
static uint32_t generation;

void next_gen(struct region *r, unsigned long page)
{
	write_page(r, page, ++generation);
}

void write_all(struct region *r)
{
	unsigned long page;

	for (page = 0; page < r->nr; page++)
		next_gen(r, page);
}

void check_page(struct region *r, unsigned long page)
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

void check_all(struct region *r)
{
	unsigned long page;

	for (page = 0; page < r->nr; page++)
		check_page(r, page);
}

/* To have a page in memory and in the swap cache, read it before it is written. */
void touch_all(struct region *r)
{
	unsigned long page;

	for (page = 0; page < r->nr; page++)
		(void)*(volatile char *)(r->mem + page * PAGE);
}

void page_out_range(struct region *r, unsigned long page,
		    unsigned long nr)
{
	if (nr > r->nr - page)
		nr = r->nr - page;
	must(!madvise(r->mem + page * PAGE, nr * PAGE, MADV_PAGEOUT));
}

void page_out(struct region *r)
{
	page_out_range(r, 0, r->nr);
}

/* What /proc/self/pagemap has of each page. */

static bool is_present(uint64_t entry)
{
	return entry >> 63;
}

bool is_swapped(uint64_t entry)
{
	return !is_present(entry) && entry >> 62;
}

void read_pagemap(struct region *r, uint64_t *entries)
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
void page_out_most(struct region *r)
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
