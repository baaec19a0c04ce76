/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zcache-comp: compress and decompress single pages through the crypto API.
 *
 * The only file that knows the crypto API.  One context for each possible CPU
 * is made in advance, so that nothing is allocated while a page is on its way
 * out; a context is held under a mutex, as the compressor may sleep.
 */
#ifndef _RAMSTER_ZCACHE_COMP_H
#define _RAMSTER_ZCACHE_COMP_H

#include <linux/types.h>

struct page;
struct zcache_comp;
struct zcache_comp_ctx;

struct zcache_comp *zcache_comp_create(const char *name);
void zcache_comp_destroy(struct zcache_comp *comp);
unsigned int zcache_comp_contexts(struct zcache_comp *comp);

struct zcache_comp_ctx *zcache_comp_begin(struct zcache_comp *comp);
void zcache_comp_end(struct zcache_comp_ctx *ctx);
void *zcache_comp_buffer(struct zcache_comp_ctx *ctx);

int zcache_compress(struct zcache_comp_ctx *ctx, struct page *page,
		    unsigned int *len);
int zcache_decompress(struct zcache_comp_ctx *ctx, const void *src,
		      unsigned int len, struct page *page);

#endif /* _RAMSTER_ZCACHE_COMP_H */
