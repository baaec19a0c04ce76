// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of zcache-comp.c, with the compressors that this kernel has.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "zcache-comp.h"

struct comp_ctx {
	struct page *in, *out;
};

static int comp_test_init(struct kunit *test)
{
	struct comp_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	ctx->in = alloc_page(GFP_KERNEL);
	ctx->out = alloc_page(GFP_KERNEL);
	return ctx->in && ctx->out ? 0 : -ENOMEM;
}

static void comp_test_exit(struct kunit *test)
{
	struct comp_ctx *ctx = test->priv;

	if (!ctx)
		return;
	if (ctx->in)
		__free_page(ctx->in);
	if (ctx->out)
		__free_page(ctx->out);
}

/* A page of which @random bytes do not compress. */
static void comp_fill(struct page *page, unsigned int seed, unsigned int random)
{
	struct rnd_state rnd;
	u8 *p = page_address(page);

	prandom_seed_state(&rnd, seed);
	memset(p, seed, PAGE_SIZE);
	prandom_bytes_state(&rnd, p, random);
}

static struct zcache_comp *comp_need(struct kunit *test, const char *name)
{
	struct zcache_comp *comp = zcache_comp_create(name);

	if (PTR_ERR_OR_ZERO(comp) == -ENOENT)
		kunit_skip(test, "no %s in this kernel", name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, comp);
	return comp;
}

static unsigned int comp_round_trip(struct kunit *test,
				    struct zcache_comp *comp, unsigned int seed,
				    unsigned int random)
{
	struct zcache_comp_ctx *cc = zcache_comp_begin(comp);
	struct comp_ctx *ctx = test->priv;
	unsigned int len = 0;

	comp_fill(ctx->in, seed, random);
	memset(page_address(ctx->out), 0xee, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, zcache_compress(cc, ctx->in, &len));
	KUNIT_EXPECT_EQ(test, 0, zcache_decompress(cc, zcache_comp_buffer(cc),
						   len, ctx->out));
	zcache_comp_end(cc);
	KUNIT_EXPECT_MEMEQ(test, page_address(ctx->in),
			   page_address(ctx->out), PAGE_SIZE);
	return len;
}

struct comp_name {
	const char *name;
};

static const struct comp_name comp_names[] = {
	{ "lzo" }, { "lzo-rle" }, { "lz4" }, { "zstd" }, { "deflate" },
};

KUNIT_ARRAY_PARAM_DESC(comp, comp_names, name);

/* From a constant page to one of noise, which grows: all come back. */
static void comp_all_kinds_of_pages(struct kunit *test)
{
	const struct comp_name *param = test->param_value;
	struct zcache_comp *comp = comp_need(test, param->name);
	unsigned int random, seed = 1;

	KUNIT_EXPECT_LT(test, comp_round_trip(test, comp, 0, 0), 256);
	for (random = 0; random <= PAGE_SIZE; random += 128)
		comp_round_trip(test, comp, seed++, random);
	KUNIT_EXPECT_GE(test, comp_round_trip(test, comp, 99, PAGE_SIZE),
			PAGE_SIZE - 64);
	zcache_comp_destroy(comp);
}

/*
 * Bytes are read from where they are, to the end of a page frame for instance,
 * and stay as they are.
 */
static void comp_in_place(struct kunit *test)
{
	const struct comp_name *param = test->param_value;
	struct zcache_comp *comp = comp_need(test, param->name);
	struct zcache_comp_ctx *cc = zcache_comp_begin(comp);
	struct comp_ctx *ctx = test->priv;
	struct page *frame = alloc_page(GFP_KERNEL);
	unsigned int len = PAGE_SIZE;
	void *at = NULL;

	comp_fill(ctx->in, 7, PAGE_SIZE / 2);
	KUNIT_EXPECT_EQ(test, 0, zcache_compress(cc, ctx->in, &len));
	if (frame && len < PAGE_SIZE) {
		at = page_address(frame) + PAGE_SIZE - len;
		memcpy(at, zcache_comp_buffer(cc), len);
		KUNIT_EXPECT_EQ(test, 0, zcache_decompress(cc, at, len,
							   ctx->out));
		KUNIT_EXPECT_MEMEQ(test, at, zcache_comp_buffer(cc), len);
	}
	zcache_comp_end(cc);
	KUNIT_EXPECT_NOT_NULL(test, at);
	KUNIT_EXPECT_MEMEQ(test, page_address(ctx->in),
			   page_address(ctx->out), PAGE_SIZE);
	if (frame)
		__free_page(frame);
	zcache_comp_destroy(comp);
}

/*
 * Bytes that end too early are an error, and not a page.
 *
 * Regression: 3.2.12, 3.5.10.
 */
static void comp_short_data(struct kunit *test)
{
	struct zcache_comp *comp = comp_need(test, "lzo");
	struct zcache_comp_ctx *cc = zcache_comp_begin(comp);
	struct comp_ctx *ctx = test->priv;
	unsigned int len = 0;

	comp_fill(ctx->in, 5, PAGE_SIZE / 2);
	KUNIT_EXPECT_EQ(test, 0, zcache_compress(cc, ctx->in, &len));
	KUNIT_EXPECT_EQ(test, -EIO,
			zcache_decompress(cc, zcache_comp_buffer(cc), len / 2,
					  ctx->out));
	KUNIT_EXPECT_EQ(test, -EIO,
			zcache_decompress(cc, zcache_comp_buffer(cc), 1,
					  ctx->out));
	zcache_comp_end(cc);
	zcache_comp_destroy(comp);
}

/* What does not exist is said not to. */
static void comp_unknown_name(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -ENOENT, PTR_ERR(zcache_comp_create("nonesuch")));
	KUNIT_EXPECT_EQ(test, -ENOENT, PTR_ERR(zcache_comp_create("")));
	/* a hash is no compressor */
	KUNIT_EXPECT_EQ(test, -ENOENT, PTR_ERR(zcache_comp_create("crc32c")));
}

/*
 * Each CPU that is up has a context, also when several compressors are there,
 * and one that goes leaves the others theirs.
 */
static void comp_follows_cpus(struct kunit *test)
{
	struct zcache_comp *first = comp_need(test, "lzo");
	struct zcache_comp *second = zcache_comp_create("lzo");

	KUNIT_EXPECT_EQ(test, zcache_comp_contexts(first), num_online_cpus());
	KUNIT_EXPECT_FALSE(test, IS_ERR(second));
	if (!IS_ERR(second)) {
		KUNIT_EXPECT_EQ(test, zcache_comp_contexts(second),
				num_online_cpus());
		zcache_comp_destroy(second);
	}
	comp_round_trip(test, first, 1, 100);
	zcache_comp_destroy(first);
}

static struct kunit_case comp_cases[] = {
	KUNIT_CASE(comp_follows_cpus),
	KUNIT_CASE_PARAM(comp_all_kinds_of_pages, comp_gen_params),
	KUNIT_CASE_PARAM(comp_in_place, comp_gen_params),
	KUNIT_CASE(comp_short_data),
	KUNIT_CASE(comp_unknown_name),
	{}
};

static struct kunit_suite comp_suite = {
	.name = "zcache-comp",
	.init = comp_test_init,
	.exit = comp_test_exit,
	.test_cases = comp_cases,
};

kunit_test_suite(comp_suite);
