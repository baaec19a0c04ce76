/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pages of pageload and readers hold: each says who it is.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PAGE		4096UL
#define MAGIC		0x72616d7374657221ULL

struct header {
	uint64_t magic, seed, page, gen;
};

static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185ULL;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44dULL;
	return x ^ x >> 33;
}

/*
 * What a page of a generation is to hold: header, random part (FILL per cent of
 * a page, more or less), repeated byte.  Before the first one it is zeroes.
 */
static inline void make_page(uint8_t *p, uint64_t seed, unsigned int fill,
			     uint64_t page, uint64_t gen)
{
	struct header h = { MAGIC, seed, page, gen };
	uint64_t x = mix(seed ^ mix(page) ^ mix(gen << 32)) | 1, w;
	size_t i, end;

	if (!gen) {
		memset(p, 0, PAGE);
		return;
	}
	memcpy(p, &h, sizeof(h));
	/* the sizes of neighbours differ, by up to a tenth of a page each way */
	end = fill >= 100 ? PAGE : fill == 0 ? sizeof(h) :
		(PAGE * fill / 100 + x % (PAGE / 5) - PAGE / 10) & ~7UL;
	if (end > PAGE)
		end = end > 2 * PAGE ? sizeof(h) : PAGE;
	for (i = sizeof(h); i < end; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		w = x * 0x2545f4914f6cdd1dULL;
		memcpy(p + i, &w, 8);
	}
	if (i < PAGE)
		memset(p + i, 'a' + page % 23, PAGE - i);
}

#endif
