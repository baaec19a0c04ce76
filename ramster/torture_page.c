// SPDX-License-Identifier: GPL-2.0
/*
 * torture_page: pages that say what they are, for the torture test.
 *
 * A page begins with its name; the rest, and how long it is, follow from the
 * name.  So who has the name that a page should have knows each of its bytes,
 * and a page that is not right mostly tells whose it is.
 */
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "torture_page.h"
#include "../tmem.h"

/* The longest pages of all do not fit beside another one in a frame. */
#define TORTURE_USUAL_LEN	1900

/* A finalizer with full avalanche: equal names only give equal streams. */
static u64 torture_mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static u64 torture_seed(const struct torture_name *name)
{
	u64 x = torture_mix(((u64)name->node << 32 | name->pool) + 1);

	x = torture_mix(x ^ ((u64)name->object << 32 | name->index));
	return torture_mix(x ^ name->generation);
}

static u64 torture_word(u64 seed, unsigned int pos)
{
	return torture_mix(seed + (pos + 1) * GOLDEN_RATIO_64);
}

/* One page in sixteen is as long as can be, one as short. */
static unsigned int torture_page_len(const struct torture_name *name)
{
	u64 seed = torture_seed(name);

	switch (seed & 15) {
	case 0:
		return TMEM_MAX_BLOB;
	case 1:
		return sizeof(*name);
	default:
		return sizeof(*name) +
		       (seed >> 32) % (TORTURE_USUAL_LEN - sizeof(*name));
	}
}

/**
 * torture_page_fill - make a page
 * @name: its name
 * @data: room for TMEM_MAX_BLOB bytes
 *
 * Return: its length in bytes.
 */
unsigned int torture_page_fill(const struct torture_name *name, void *data)
{
	unsigned int len = torture_page_len(name), pos;
	u64 word, seed = torture_seed(name);

	memcpy(data, name, sizeof(*name));
	for (pos = sizeof(*name); pos < len; pos += sizeof(word)) {
		word = torture_word(seed, pos);
		memcpy(data + pos, &word, min(len - pos, sizeof(word)));
	}
	return len;
}

/**
 * torture_page_between - which generation must a page be of, that took its time?
 * @first: the one that was there when it was asked for
 * @last: the one that is there now
 * @data: its bytes
 * @len: number of them
 *
 * Return: the one that it says it is of, if that came after @first, and not after
 * @last; else @first.
 */
u64 torture_page_between(u64 first, u64 last, const void *data,
			 unsigned int len)
{
	struct torture_name name;

	if (len < sizeof(name))
		return first;
	memcpy(&name, data, sizeof(name));
	return name.generation > first && name.generation <= last ?
	       name.generation : first;
}

static enum torture_verdict torture_check_name(const struct torture_name *want,
					       const struct torture_name *name)
{
	if (name->node != want->node)
		return TORTURE_NODE;
	if (name->pool != want->pool || name->object != want->object ||
	    name->index != want->index)
		return TORTURE_PLACE;
	if (name->generation < want->generation)
		return TORTURE_OLD;
	return name->generation > want->generation ? TORTURE_NEW :
						     TORTURE_RIGHT;
}

/**
 * torture_page_check - compare a page with what it should be
 * @want: the name that it should have
 * @data: its bytes
 * @len: number of them
 *
 * Return: TORTURE_RIGHT if each byte is as torture_page_fill() has made it; or
 * what is wrong, where another name counts before damage.
 */
enum torture_verdict torture_page_check(const struct torture_name *want,
					const void *data, unsigned int len)
{
	u64 word, seed = torture_seed(want);
	enum torture_verdict verdict;
	struct torture_name name;
	unsigned int pos;

	if (len < sizeof(name))
		return TORTURE_LENGTH;
	memcpy(&name, data, sizeof(name));
	verdict = torture_check_name(want, &name);
	if (verdict != TORTURE_RIGHT)
		return verdict;
	if (len != torture_page_len(want))
		return TORTURE_LENGTH;
	for (pos = sizeof(name); pos < len; pos += sizeof(word)) {
		word = torture_word(seed, pos);
		if (memcmp(data + pos, &word, min(len - pos, sizeof(word))))
			return TORTURE_BYTES;
	}
	return TORTURE_RIGHT;
}

static const char * const torture_texts[] = {
	[TORTURE_RIGHT]		= "right",
	[TORTURE_LENGTH]	= "of another length",
	[TORTURE_NODE]		= "of another node",
	[TORTURE_PLACE]		= "of another place",
	[TORTURE_OLD]		= "of an older generation",
	[TORTURE_NEW]		= "of a generation to come",
	[TORTURE_BYTES]		= "damaged",
};

static_assert(ARRAY_SIZE(torture_texts) == TORTURE_NR_VERDICTS);

/**
 * torture_verdict_text - what is wrong with a page, in words
 * @verdict: from torture_page_check()
 *
 * Return: a text that follows "the page is".
 */
const char *torture_verdict_text(enum torture_verdict verdict)
{
	return torture_texts[verdict];
}
