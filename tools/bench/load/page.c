// SPDX-License-Identifier: GPL-2.0
/*
 * Contents of pages.  Each says which page and generation it is, then come
 * words that follow from that and do not compress, then a byte that is repeated
 * to the end.  Any word can be computed without those before it, so a glance at
 * a few of them is cheap.
 */
#include <string.h>

#include "bench.h"

#define MAGIC	0x68636e6562726d52ULL
#define WORDS	(PAGE / 8)
#define GLANCES	8

struct header {
	uint64_t magic, seed, page, gen;
};

/* A file is written once, and read in every round. */
static uint64_t page_seed(void)
{
	return set.file ? 0 : set.seed;
}

static uint64_t key_of(uint64_t page, uint64_t gen)
{
	return mix64(page_seed() ^ mix64(page + 1) ^ mix64(gen << 32));
}

static uint64_t word_of(uint64_t key, size_t i)
{
	return mix64(key + i * 0x9e3779b97f4a7c15ULL);
}

/* The sizes of neighbours differ, by up to a tenth of a page each way. */
static size_t random_end(uint64_t key)
{
	long words = WORDS * set.fill / 100 + key % (WORDS / 5) - WORDS / 10;

	if (words < (long)sizeof(struct header) / 8)
		return sizeof(struct header) / 8;
	return words > (long)WORDS ? WORDS : (size_t)words;
}

static uint64_t tail_of(uint64_t page)
{
	return 0x0101010101010101ULL * ('a' + page % 23);
}

void page_make(void *p, uint64_t page, uint64_t gen)
{
	struct header h = { MAGIC, page_seed(), page, gen };
	uint64_t key = key_of(page, gen), tail = tail_of(page), *w = p;
	size_t i, end = random_end(key);

	memcpy(p, &h, sizeof(h));
	for (i = sizeof(h) / 8; i < end; i++)
		w[i] = word_of(key, i);
	for (; i < WORDS; i++)
		w[i] = tail;
}

/* Who it is, and a few words of it. */
bool page_glance(const void *p, uint64_t page, uint64_t gen)
{
	struct header h = { MAGIC, page_seed(), page, gen };
	uint64_t key = key_of(page, gen);
	size_t i, at, end = random_end(key), first = sizeof(h) / 8;
	const uint64_t *w = p;

	if (memcmp(p, &h, sizeof(h)))
		return false;
	for (i = 0; i < GLANCES && end > first; i++) {
		at = first + (key >> i * 5) % (end - first);
		if (w[at] != word_of(key, at))
			return false;
	}
	return end == WORDS || w[WORDS - 1] == tail_of(page);
}

bool page_right(const void *p, uint64_t page, uint64_t gen)
{
	static uint64_t want[WORDS];

	page_make(want, page, gen);
	return !memcmp(p, want, PAGE);
}
