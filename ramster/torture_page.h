/* SPDX-License-Identifier: GPL-2.0 */
/*
 * torture_page: pages that say what they are, for the torture test.
 */
#ifndef _RAMSTER_TORTURE_PAGE_H
#define _RAMSTER_TORTURE_PAGE_H

#include <linux/types.h>

/**
 * struct torture_name - what a page says of itself
 * @node: who owns it
 * @pool: its pool
 * @object: number of its object
 * @index: its place in the object
 * @generation: which put of its owner made it
 */
struct torture_name {
	u32 node;
	u32 pool;
	u32 object;
	u32 index;
	u64 generation;
};

/* What is wrong with a page, if anything. */
enum torture_verdict {
	TORTURE_RIGHT,
	TORTURE_LENGTH,		/* not as long as it was */
	TORTURE_NODE,		/* another node's page */
	TORTURE_PLACE,		/* a page of this node, from another place */
	TORTURE_OLD,		/* an older generation */
	TORTURE_NEW,		/* a generation that is yet to come */
	TORTURE_BYTES,		/* the name is right, the rest is not */
	TORTURE_NR_VERDICTS,
};

unsigned int torture_page_fill(const struct torture_name *name, void *data);
enum torture_verdict torture_page_check(const struct torture_name *want,
					const void *data, unsigned int len);
u64 torture_page_between(u64 first, u64 last, const void *data,
			 unsigned int len);
const char *torture_verdict_text(enum torture_verdict verdict);

#endif /* _RAMSTER_TORTURE_PAGE_H */
