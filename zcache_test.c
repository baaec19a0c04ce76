// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the store as a whole: whole pages go in and come out, and what
 * is kept, refused and dropped follows the rules of zcache-policy.c.
 *
 * Each test has a store of its own, which no hook knows of.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/string.h>
#include <linux/vmstat.h>

#include "zcache_test.h"

#define COUNT(z, member)	atomic64_read(&(z)->count.member)

struct zcache_ctx {
	struct zcache z;
	struct page *in, *out;
};

static struct tmem_handle handle_of(u32 n)
{
	return (struct tmem_handle) {
		.client = TMEM_CLIENT_LOCAL,
		.oid.word[0] = n % 7,
		.index = n / 7,
	};
}

/*
 * A page whose content follows from @seed.  With lzo, a byte in each @random
 * bytes of noise costs one: so the length is known within a few percent.
 */
static void fill(struct page *page, u32 seed, unsigned int random)
{
	struct rnd_state rnd;
	u32 *p = page_address(page);

	memset(p, 0x55, PAGE_SIZE);
	prandom_seed_state(&rnd, seed);
	prandom_bytes_state(&rnd, p, random);
	p[PAGE_SIZE / 4 - 1] = seed;
}

static int put(struct zcache_ctx *ctx, struct tmem_pool *pool, u32 n,
	       unsigned int random)
{
	struct tmem_handle handle = handle_of(n);

	fill(ctx->in, n, random);
	return zcache_page_put(&ctx->z, pool, &handle, ctx->in);
}

static int get(struct zcache_ctx *ctx, struct tmem_pool *pool, u32 n)
{
	struct tmem_handle handle = handle_of(n);
	struct tmem_blob remote;

	memset(page_address(ctx->out), 0xee, PAGE_SIZE);
	return zcache_page_get(&ctx->z, pool, &handle, ctx->out, &remote);
}

static int take(struct zcache_ctx *ctx, struct tmem_pool *pool, u32 n)
{
	struct tmem_handle handle = handle_of(n);
	struct tmem_blob remote;

	memset(page_address(ctx->out), 0xee, PAGE_SIZE);
	return zcache_page_take(&ctx->z, pool, &handle, ctx->out, &remote);
}

/* Is the page there, and is it just what was put? */
static bool same(struct zcache_ctx *ctx, struct tmem_pool *pool, u32 n,
		 unsigned int random)
{
	if (get(ctx, pool, n))
		return false;
	fill(ctx->in, n, random);
	return !memcmp(page_address(ctx->in), page_address(ctx->out),
		       PAGE_SIZE);
}

/* The same, and is it gone then? */
static bool same_once(struct zcache_ctx *ctx, struct tmem_pool *pool, u32 n,
		      unsigned int random)
{
	if (take(ctx, pool, n))
		return false;
	fill(ctx->in, n, random);
	return !memcmp(page_address(ctx->in), page_address(ctx->out),
		       PAGE_SIZE) && get(ctx, pool, n) == -ENOENT;
}

static void flush(struct tmem_pool *pool, u32 n)
{
	struct tmem_handle handle = handle_of(n);

	tmem_flush(pool, &handle.oid, handle.index, 0);
}

static struct tmem_stats stats_of(struct zcache_ctx *ctx)
{
	struct tmem_stats stats;

	tmem_get_stats(ctx->z.tmem, &stats);
	return stats;
}

static int zcache_test_init(struct kunit *test)
{
	struct zcache_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	struct zcache *z;

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	z = &ctx->z;
	zcache_test_create(test, z);
	z->set.max_pool_percent = 100;
	z->set.max_eph_percent = 100;
	ctx->in = alloc_page(GFP_KERNEL);
	ctx->out = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->in);
	KUNIT_ASSERT_NOT_NULL(test, ctx->out);
	z->file = tmem_pool_create(z->tmem, TMEM_CLIENT_LOCAL, ZCACHE_FILE_POOL,
				   TMEM_EPHEMERAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, z->file);
	return 0;
}

static void zcache_test_exit(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;

	if (!ctx)
		return;
	zcache_test_destroy(&ctx->z);
	if (ctx->in)
		__free_page(ctx->in);
	if (ctx->out)
		__free_page(ctx->out);
}

/*
 * From zeroes to noise, of both kinds: what is accepted comes back, byte by
 * byte, as often as it is read; and once more when it leaves the store.
 */
static void zcache_test_contents(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	unsigned int random, taken = 0;

	for (random = 0; random <= PAGE_SIZE - 4; random += 60) {
		if (!put(ctx, ctx->z.swap, random, random)) {
			taken++;
			KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.swap, random,
						     random));
		}
		if (!put(ctx, ctx->z.file, random, random)) {
			taken++;
			KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.file, random,
						     random));
		}
	}
	KUNIT_EXPECT_GT(test, taken, 100);
	for (random = 0; random <= PAGE_SIZE - 4; random += 60) {
		if (!get(ctx, ctx->z.swap, random))
			taken -= same_once(ctx, ctx->z.swap, random, random);
		if (!get(ctx, ctx->z.file, random))
			taken -= same_once(ctx, ctx->z.file, random, random);
	}
	KUNIT_EXPECT_EQ(test, taken, 0);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).objects, 0);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_PERSISTENT].frames, 0);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_EPHEMERAL].frames, 0);
}

/* A second put wins, and needs no more room than the first: D02. */
static void zcache_test_put_again(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	unsigned int i;

	for (i = 0; i < 10; i++)
		KUNIT_ASSERT_EQ(test, 0, put(ctx, ctx->z.swap, 1, 1000 + i));
	KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.swap, 1, 1009));
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_PERSISTENT].zpages, 1);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_PERSISTENT].frames, 1);
}

/* Pages of about half a size at most are stored two to a frame: D09. */
static void zcache_test_two_a_frame(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	struct tmem_stats stats;
	unsigned int i;

	for (i = 0; i < 400; i++)
		KUNIT_ASSERT_EQ(test, 0, put(ctx, ctx->z.swap, i,
					     100 + i * 4));
	stats = stats_of(ctx);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].zpages, 400);
	KUNIT_EXPECT_LE(test, stats.zbud[TMEM_PERSISTENT].frames, 210);
}

/* Noise is refused, by either kind's limit, and counted: D11, D12. */
static void zcache_test_oversize(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;

	KUNIT_EXPECT_NE(test, 0, put(ctx, ctx->z.file, 1, PAGE_SIZE - 4));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, compress_poor));
	KUNIT_EXPECT_NE(test, 0, put(ctx, ctx->z.swap, 1, PAGE_SIZE - 4));
	KUNIT_EXPECT_EQ(test, 2, COUNT(&ctx->z, compress_poor));

	/* Between the limits, only a page that may vanish is taken. */
	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.file, 2, 3700));
	KUNIT_EXPECT_NE(test, 0, put(ctx, ctx->z.swap, 2, 3700));
	KUNIT_EXPECT_EQ(test, 3, COUNT(&ctx->z, compress_poor));
	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.swap, 3, 3300));
	KUNIT_EXPECT_EQ(test, stats_of(ctx).objects, 2);
}

/*
 * While the mean of what is held is above 5/8, nothing above 5/8 is taken; when
 * it has fallen, it is again: D13.
 */
static void zcache_test_mean(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.swap, 1, 3200));
	KUNIT_EXPECT_NE(test, 0, put(ctx, ctx->z.swap, 2, 3200));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, mean_compress_poor));
	/* page cache pages have no such rule, and do not count here */
	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.file, 3, 200));
	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.file, 4, 3200));
	KUNIT_EXPECT_NE(test, 0, put(ctx, ctx->z.swap, 2, 3200));

	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.swap, 5, 200));
	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.swap, 2, 3200));
	KUNIT_EXPECT_EQ(test, 2, COUNT(&ctx->z, mean_compress_poor));
}

/* The share of RAM of swap pages has an end, and what is held stays. */
static void zcache_test_pool_limit(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.swap, 1, 1000));
	ctx->z.set.max_pool_percent = 0;
	KUNIT_EXPECT_NE(test, 0, put(ctx, ctx->z.swap, 2, 1000));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, pool_limit));
	KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.swap, 1, 1000));
}

/*
 * Pages of one byte value use no frame, come back as they were, and are counted:
 * D14.  A page that only begins and ends like one is not one.
 */
static void zcache_test_filled(struct kunit *test)
{
	static const u8 values[] = { 0, 1, 0x55, 0xff };
	struct zcache_ctx *ctx = test->priv;
	struct tmem_handle handle;
	struct tmem_stats stats;
	unsigned int i;
	u8 *data;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		handle = handle_of(i);
		memset(page_address(ctx->in), values[i], PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, 0,
				zcache_page_put(&ctx->z, ctx->z.swap, &handle,
						ctx->in));
		KUNIT_EXPECT_EQ(test, 0, get(ctx, ctx->z.swap, i));
		KUNIT_EXPECT_MEMEQ(test, page_address(ctx->in),
				   page_address(ctx->out), PAGE_SIZE);
	}
	stats = stats_of(ctx);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].frames, 0);
	KUNIT_EXPECT_EQ(test, stats.filled[TMEM_PERSISTENT], 4);
	KUNIT_EXPECT_EQ(test, stats.zeroes, 1);

	data = page_address(ctx->in);
	data[PAGE_SIZE / 2] ^= 1;
	KUNIT_ASSERT_EQ(test, 0, zcache_page_put(&ctx->z, ctx->z.swap, &handle,
						 ctx->in));
	KUNIT_EXPECT_EQ(test, 0, get(ctx, ctx->z.swap, i - 1));
	KUNIT_EXPECT_MEMEQ(test, data, page_address(ctx->out), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).filled[TMEM_PERSISTENT], 3);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_PERSISTENT].zpages, 1);

	for (i = 0; i < 3; i++) {
		memset(data, values[i], PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, 0, take(ctx, ctx->z.swap, i));
		KUNIT_EXPECT_MEMEQ(test, data, page_address(ctx->out),
				   PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, -ENOENT, take(ctx, ctx->z.swap, i));
	}
	KUNIT_EXPECT_EQ(test, stats_of(ctx).filled[TMEM_PERSISTENT], 0);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zeroes, 0);
}

#define GARBAGE	100

static void put_garbage(struct kunit *test, struct tmem_pool *pool, u32 n)
{
	static const u8 garbage[GARBAGE] = { 0xff, 0xff, 0xff, 1, 2, 3 };
	struct tmem_handle handle = handle_of(n);
	struct tmem_blob blob = {
		.data = (void *)garbage,
		.len = GARBAGE,
		.crc = n,
	};

	KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &handle.oid, handle.index,
					  &blob, GFP_KERNEL));
}

/*
 * Regression: 3.2.12, a compressor that fails stopped the kernel.  Bytes that do
 * not decompress are an I/O error of that page.
 */
static void zcache_test_damaged(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;

	put_garbage(test, ctx->z.swap, 1);
	KUNIT_EXPECT_EQ(test, -EIO, get(ctx, ctx->z.swap, 1));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, decompress_failed));
	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.swap, 2, 100));
	KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.swap, 2, 100));
}

/*
 * A swap page that is to leave the store, and does not decompress, stays with
 * all its bytes, for as often as somebody tries.  It is an I/O error each time,
 * and its neighbour in the frame is as it was.  A page cache page is a miss.
 */
static void zcache_test_damaged_stays(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	struct tmem_handle handle = handle_of(1);
	u8 *data = page_address(ctx->in);
	struct tmem_blob blob = { .data = data };
	unsigned int i;

	put_garbage(test, ctx->z.swap, 1);
	KUNIT_ASSERT_EQ(test, 0, put(ctx, ctx->z.swap, 2, 100));
	for (i = 1; i <= 3; i++) {
		KUNIT_EXPECT_EQ(test, -EIO, take(ctx, ctx->z.swap, 1));
		KUNIT_EXPECT_EQ(test, i, COUNT(&ctx->z, decompress_failed));
	}
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_PERSISTENT].zpages, 2);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_PERSISTENT].frames, 1);
	KUNIT_EXPECT_EQ(test, 0, tmem_get(ctx->z.swap, &handle.oid,
					  handle.index, &blob));
	KUNIT_EXPECT_EQ(test, blob.len, GARBAGE);
	KUNIT_EXPECT_EQ(test, blob.crc, 1);
	KUNIT_EXPECT_EQ(test, data[2], 0xff);
	KUNIT_EXPECT_EQ(test, data[5], 3);
	KUNIT_EXPECT_TRUE(test, same_once(ctx, ctx->z.swap, 2, 100));
	flush(ctx->z.swap, 1);

	put_garbage(test, ctx->z.file, 1);
	KUNIT_EXPECT_EQ(test, -EIO, take(ctx, ctx->z.file, 1));
	KUNIT_EXPECT_EQ(test, 4, COUNT(&ctx->z, decompress_failed));
	KUNIT_EXPECT_EQ(test, -ENOENT, take(ctx, ctx->z.file, 1));
	KUNIT_EXPECT_EQ(test, stats_of(ctx).objects, 0);
}

#if IS_ENABLED(CONFIG_FAILSLAB)
/* As in a machine that has no free memory at the moment. */
static int put_starved(struct zcache_ctx *ctx, struct tmem_pool *pool, u32 n,
		       unsigned int random, unsigned int nth)
{
	struct tmem_handle handle = handle_of(n);
	int err;

	fill(ctx->in, n, random);
	current->fail_nth = nth;
	err = zcache_page_put(&ctx->z, pool, &handle, ctx->in);
	current->fail_nth = 0;
	return err;
}
#endif

/*
 * If there is no frame for it any more, a damaged page is lost: an error for
 * whoever asks for it, and nothing is held.
 */
static void zcache_test_damaged_lost(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	struct zcache_ctx *ctx = test->priv;

	put_garbage(test, ctx->z.swap, 1);
	current->fail_nth = 1;
	KUNIT_EXPECT_EQ(test, -EIO, take(ctx, ctx->z.swap, 1));
	current->fail_nth = 0;
	KUNIT_EXPECT_EQ(test, -ENOENT, take(ctx, ctx->z.swap, 1));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, decompress_failed));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, failed_getfreepages));
	KUNIT_EXPECT_EQ(test, stats_of(ctx).objects, 0);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_PERSISTENT].frames, 0);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

/*
 * With no free frame, a put takes that of the oldest ephemeral pages, whatever
 * its own kind: D15, D17.  With none of these, it is refused: D16.
 */
static void zcache_test_ouroboros(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	struct zcache_ctx *ctx = test->priv;
	struct tmem_stats stats;
	unsigned int i;

	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, 0, put(ctx, ctx->z.file, i, 3000));
	KUNIT_EXPECT_EQ(test, 0, put_starved(ctx, ctx->z.file, 4, 3000, 1));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, failed_getfreepages));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, eph_ate_tail));
	KUNIT_EXPECT_EQ(test, -ENOENT, get(ctx, ctx->z.file, 0));
	KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.file, 1, 3000));

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, 0,
				put_starved(ctx, ctx->z.swap, i, 2200, 1));
		KUNIT_EXPECT_EQ(test, -ENOENT, get(ctx, ctx->z.file, i + 1));
		KUNIT_EXPECT_TRUE(test, i == 3 || same(ctx, ctx->z.file, i + 2,
						       3000));
	}
	KUNIT_EXPECT_EQ(test, 4, COUNT(&ctx->z, pers_ate_eph));

	KUNIT_EXPECT_NE(test, 0, put_starved(ctx, ctx->z.swap, 9, 2200, 1));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, pers_ate_eph_failed));
	KUNIT_EXPECT_EQ(test, -ENOENT, get(ctx, ctx->z.swap, 9));
	KUNIT_EXPECT_NE(test, 0, put_starved(ctx, ctx->z.file, 9, 2500, 1));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, eph_ate_tail_failed));
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.swap, i, 2200));

	stats = stats_of(ctx);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].evicted_frames, 5);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].evicted_zpages, 5);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].frames, 0);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].frames, 4);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

/* The index cannot grow: refused, counted, and nothing of it is left: D18. */
static void zcache_test_no_index(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	struct zcache_ctx *ctx = test->priv;
	struct tmem_stats stats;

	/* The frame's descriptor is the first, the object the second. */
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			put_starved(ctx, ctx->z.swap, 1, 1000, 2));
	KUNIT_EXPECT_EQ(test, 1, COUNT(&ctx->z, failed_alloc));
	KUNIT_EXPECT_EQ(test, 0, COUNT(&ctx->z, failed_getfreepages));
	KUNIT_EXPECT_EQ(test, -ENOENT, get(ctx, ctx->z.swap, 1));
	stats = stats_of(ctx);
	KUNIT_EXPECT_EQ(test, stats.objects, 0);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].frames, 0);
	KUNIT_EXPECT_EQ(test, tmem_count_nodes(ctx->z.tmem), 0);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

/*
 * Beyond its share of RAM, a page cache put takes the place of the oldest, unless
 * there is room beside one.
 */
static void zcache_test_eph_limit(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	unsigned int i;

	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, 0, put(ctx, ctx->z.file, i, 3000));
	ctx->z.set.max_eph_percent = 0;
	for (; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.file, i, 3000));
		KUNIT_EXPECT_EQ(test, -ENOENT, get(ctx, ctx->z.file, i - 4));
		KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.file, i - 3, 3000));
	}
	KUNIT_EXPECT_EQ(test, 4, COUNT(&ctx->z, eph_ate_tail));
	KUNIT_EXPECT_EQ(test, 0, put(ctx, ctx->z.file, 8, 300));
	KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.file, 4, 3000));
	KUNIT_EXPECT_EQ(test, 4, COUNT(&ctx->z, eph_ate_tail));
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_EPHEMERAL].frames, 4);
}

/*
 * Regression: 3.3.15, a shrinker that added where it should subtract; and it
 * keeps to the host's contract: it counts what is above the target and never
 * less than none, frees no more than it is asked for, oldest first, and says
 * what it has freed: D19.
 */
static void zcache_test_shrinker(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	struct shrinker *shrinker = zcache_shrinker_alloc(&ctx->z);
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };
	unsigned int i, frames = (1 << (20 - PAGE_SHIFT)) + 20;

	KUNIT_ASSERT_NOT_NULL(test, shrinker);
	KUNIT_EXPECT_EQ(test, SHRINK_EMPTY,
			shrinker->count_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, COUNT(&ctx->z, last_inactive_file_pageframes),
			global_node_page_state(NR_INACTIVE_FILE));

	for (i = 0; i < frames; i++)
		KUNIT_ASSERT_EQ(test, 0, put(ctx, ctx->z.file, i, 3000));
	KUNIT_ASSERT_EQ(test, 0, put(ctx, ctx->z.swap, 1, 3000));
	KUNIT_ASSERT_EQ(test, stats_of(ctx).zbud[TMEM_EPHEMERAL].frames,
			frames);

	ctx->z.set.eph_target_mb = 1;
	KUNIT_EXPECT_EQ(test, 20, shrinker->count_objects(shrinker, &sc));
	sc.nr_to_scan = 8;
	KUNIT_EXPECT_EQ(test, 8, shrinker->scan_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, sc.nr_scanned, 8);
	KUNIT_EXPECT_EQ(test, 12, shrinker->count_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, -ENOENT, get(ctx, ctx->z.file, 7));
	KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.file, 8, 3000));

	sc.nr_to_scan = 1000;
	KUNIT_EXPECT_EQ(test, 12, shrinker->scan_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, 0, shrinker->count_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, SHRINK_STOP,
			shrinker->scan_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, stats_of(ctx).zbud[TMEM_EPHEMERAL].frames,
			frames - 20);

	ctx->z.set.eph_target_mb = 0;
	sc.nr_to_scan = 1000;
	KUNIT_EXPECT_EQ(test, frames - 20,
			shrinker->scan_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, SHRINK_EMPTY,
			shrinker->count_objects(shrinker, &sc));
	KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.swap, 1, 3000));
	shrinker_free(shrinker);
}

/*
 * A file of zeroes may have any number of pages: those of one byte value and
 * those with a peer are limited as well, and reclaim can have them all.
 */
static void zcache_test_words(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	struct shrinker *shrinker = zcache_shrinker_alloc(&ctx->z);
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };
	struct tmem_handle handle;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, shrinker);
	for (i = 0; i < 1000; i++) {
		handle = handle_of(i);
		KUNIT_ASSERT_EQ(test, 0,
				zcache_keep_filled(&ctx->z, ctx->z.file,
						   &handle, 0));
		KUNIT_ASSERT_EQ(test, 0,
				zcache_keep_filled(&ctx->z, ctx->z.swap,
						   &handle, 0));
	}
	KUNIT_ASSERT_EQ(test, 0, put(ctx, ctx->z.file, 1000, 3000));
	zcache_trim_words(&ctx->z);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).filled[TMEM_EPHEMERAL], 1000);
	ctx->z.set.max_eph_percent = 0;
	zcache_trim_words(&ctx->z);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).filled[TMEM_EPHEMERAL], 968);

	ctx->z.set.eph_target_mb = 1;
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(968, 16),
			shrinker->count_objects(shrinker, &sc));
	sc.nr_to_scan = 3;
	KUNIT_EXPECT_EQ(test, 3, shrinker->scan_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, stats_of(ctx).filled[TMEM_EPHEMERAL], 920);
	sc.nr_to_scan = 1000;
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(920, 16),
			shrinker->scan_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, stats_of(ctx).filled[TMEM_EPHEMERAL], 0);
	KUNIT_EXPECT_EQ(test, stats_of(ctx).filled[TMEM_PERSISTENT], 1000);
	KUNIT_EXPECT_TRUE(test, same(ctx, ctx->z.file, 1000, 3000));
	shrinker_free(shrinker);
}

/* A page counts as active by any of the marks that reclaim leaves. */
static void zcache_test_active(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	struct folio *folio = page_folio(ctx->in);

	KUNIT_EXPECT_FALSE(test, zcache_active(folio));
	folio_set_workingset(folio);
	KUNIT_EXPECT_TRUE(test, zcache_active(folio));
	folio_clear_workingset(folio);
	folio_set_referenced(folio);
	KUNIT_EXPECT_TRUE(test, zcache_active(folio));
	folio_clear_referenced(folio);
	KUNIT_EXPECT_FALSE(test, zcache_active(folio));
}

/*
 * A million random puts, gets and flushes of both kinds against a model, of one
 * byte value, text, noise and what lies between: D01.  A swap page is
 * what was put last, or was never taken; a page of a file may also be gone.
 */
enum { RND_PAGES = 512, RND_OPS = 1000000 };

struct rnd_page {
	bool there;
	u32 seed;
	u32 random;
};

struct rnd_model {
	struct rnd_state rnd;
	struct rnd_page page[2][RND_PAGES];
	unsigned int taken, read, gone;
};

static u32 draw(struct rnd_model *m, u32 below)
{
	return prandom_u32_state(&m->rnd) % below;
}

static void fill_text(char *text, u32 seed)
{
	static const char * const words[] = {
		"page ", "frame ", "store ", "peer, ", "is ", "in ", "the ",
		"swapped ", "out. ", "who ", "asks ", "for ", "its ", "bytes\n",
	};
	struct rnd_state rnd;
	unsigned int used = 0;

	prandom_seed_state(&rnd, seed);
	memset(text, ' ', PAGE_SIZE);
	while (used < PAGE_SIZE - 16) {
		const char *word = words[prandom_u32_state(&rnd) %
					 ARRAY_SIZE(words)];

		memcpy(text + used, word, strlen(word));
		used += strlen(word);
	}
}

static void rnd_fill(struct zcache_ctx *ctx, const struct rnd_page *p)
{
	u8 *data = page_address(ctx->in);

	switch (p->seed % 8) {
	case 0:		/* one byte value, or almost */
		memset(data, p->seed >> 8, PAGE_SIZE);
		data[p->random] ^= p->seed & 8;
		break;
	case 1:		/* text */
		fill_text(data, p->seed);
		break;
	default:	/* a little noise; or noise all over, for one in 16 */
		fill(ctx->in, p->seed, p->random);
	}
}

static void rnd_put(struct kunit *test, struct rnd_model *m,
		    struct tmem_pool *pool, struct rnd_page *p, u32 n)
{
	struct zcache_ctx *ctx = test->priv;
	struct tmem_handle handle = handle_of(n);

	p->seed = prandom_u32_state(&m->rnd);
	p->random = draw(m, 16) ? draw(m, 300) : draw(m, PAGE_SIZE - 4);
	rnd_fill(ctx, p);
	p->there = !zcache_page_put(&ctx->z, pool, &handle, ctx->in);
	m->taken += p->there;
	/* As the hooks do when a page is refused. */
	if (!p->there)
		flush(pool, n);
}

static void rnd_get(struct kunit *test, struct rnd_model *m,
		    struct tmem_pool *pool, struct rnd_page *p, u32 n)
{
	struct zcache_ctx *ctx = test->priv;
	int err = get(ctx, pool, n);

	if (!p->there || (err && pool == ctx->z.file)) {
		KUNIT_EXPECT_EQ(test, err, -ENOENT);
		m->gone += p->there;
		p->there = false;
		return;
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	rnd_fill(ctx, p);
	KUNIT_EXPECT_TRUE(test, !memcmp(page_address(ctx->in),
					page_address(ctx->out), PAGE_SIZE));
	m->read++;
}

static void zcache_test_random(struct kunit *test)
{
	struct zcache_ctx *ctx = test->priv;
	struct rnd_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct tmem_pool *pool;
	struct rnd_page *p;
	unsigned int op, kind;
	u32 n;

	KUNIT_ASSERT_NOT_NULL(test, m);
	prandom_seed_state(&m->rnd, 1);
	for (op = 0; op < RND_OPS; op++) {
		kind = draw(m, 2);
		n = draw(m, RND_PAGES);
		pool = kind ? ctx->z.swap : ctx->z.file;
		p = &m->page[kind][n];
		switch (draw(m, 16)) {
		case 0 ... 5:
			rnd_put(test, m, pool, p, n);
			break;
		case 6:
			flush(pool, n);
			p->there = false;
			break;
		case 7:
			if (!draw(m, 4))
				tmem_evict_oldest(ctx->z.tmem, TMEM_EPHEMERAL);
			break;
		default:
			rnd_get(test, m, pool, p, n);
		}
	}
	kunit_info(test, "%u operations, %u pages taken, %u read, %u gone",
		   RND_OPS, m->taken, m->read, m->gone);
	KUNIT_EXPECT_GT(test, m->read, RND_OPS / 4);
	KUNIT_EXPECT_GT(test, m->gone, RND_OPS / 1000);
}

static struct kunit_case zcache_cases[] = {
	KUNIT_CASE(zcache_test_contents),
	KUNIT_CASE(zcache_test_put_again),
	KUNIT_CASE(zcache_test_two_a_frame),
	KUNIT_CASE(zcache_test_oversize),
	KUNIT_CASE(zcache_test_mean),
	KUNIT_CASE(zcache_test_pool_limit),
	KUNIT_CASE(zcache_test_filled),
	KUNIT_CASE(zcache_test_damaged),
	KUNIT_CASE(zcache_test_damaged_stays),
	KUNIT_CASE(zcache_test_damaged_lost),
	KUNIT_CASE(zcache_test_ouroboros),
	KUNIT_CASE(zcache_test_no_index),
	KUNIT_CASE(zcache_test_eph_limit),
	KUNIT_CASE(zcache_test_shrinker),
	KUNIT_CASE(zcache_test_words),
	KUNIT_CASE(zcache_test_active),
	KUNIT_CASE_SLOW(zcache_test_random),
	{}
};

static struct kunit_suite zcache_suite = {
	.name = "zcache",
	.init = zcache_test_init,
	.exit = zcache_test_exit,
	.test_cases = zcache_cases,
};

kunit_test_suite(zcache_suite);
