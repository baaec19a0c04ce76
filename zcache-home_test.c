// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of zcache-home.c: what becomes of the copy that a peer has of a
 * swap page when the page is read.
 *
 * The store is one that no hook knows of; its page was sent to node 5, which is
 * this test.
 */
#include <kunit/test.h>
#include <linux/frontswap.h>

#include "zcache_test.h"

#define HOME_NODE	5
#define HOME_LEN	1000

struct home_ctx {
	struct zcache z;
	struct tmem_handle handle;
	u64 version;
	u8 data[TMEM_MAX_BLOB];
	u8 out[TMEM_MAX_BLOB];
};

static unsigned int home_refused;

static void home_no_room(void)
{
	home_refused++;
}

static const struct ramster_ops home_ops = {
	.no_room = home_no_room,
};

/* Put a page, and send it away. */
static void home_send(struct kunit *test)
{
	struct home_ctx *ctx = test->priv;
	struct tmem_blob blob = { .data = ctx->data, .len = HOME_LEN };
	struct tmem_handle handle[2];
	u64 version[2];

	memset(ctx->data, 'x', HOME_LEN);
	KUNIT_ASSERT_EQ(test, 0, tmem_put(ctx->z.swap, &ctx->handle.oid,
					  ctx->handle.index, &blob,
					  GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(ctx->z.tmem,
						     TMEM_PERSISTENT, handle,
						     version));
	blob = (struct tmem_blob) { .data = ctx->out, .version = version[0] };
	KUNIT_ASSERT_EQ(test, 0, tmem_send_begin(ctx->z.tmem, handle, tmem_peer(HOME_NODE),
						 &blob));
	KUNIT_ASSERT_TRUE(test, tmem_send_done(ctx->z.tmem, handle, version[0],
					       tmem_peer(HOME_NODE), TMEM_SEND_STORED));
	ctx->version = version[0];
}

static int home_test_init(struct kunit *test)
{
	struct home_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	zcache_test_create(test, &ctx->z);
	ctx->z.ops = &home_ops;
	home_refused = 0;
	ctx->handle = (struct tmem_handle) {
		.client = TMEM_CLIENT_LOCAL,
		.pool = ZCACHE_SWAP_POOL,
		.oid.word[0] = 3,
		.index = 4,
	};
	home_send(test);
	return 0;
}

static void home_test_exit(struct kunit *test)
{
	struct home_ctx *ctx = test->priv;

	if (ctx)
		zcache_test_destroy(&ctx->z);
}

/* The page has come, and been decompressed, for a load with these flags. */
static int home_loaded(struct home_ctx *ctx, unsigned int flags)
{
	return zcache_swap_loaded(&ctx->z, &ctx->handle, ctx->data, HOME_LEN,
				  flags);
}

/* What a get says now: 0, -EREMOTE or -ENOENT. */
static int home_get(struct home_ctx *ctx, struct tmem_blob *blob)
{
	*blob = (struct tmem_blob) { .data = ctx->out };
	return tmem_get(ctx->z.swap, &ctx->handle.oid, ctx->handle.index, blob);
}

/* Whether the peer has to be told to forget its copy. */
static bool home_owed(struct kunit *test)
{
	struct home_ctx *ctx = test->priv;
	struct tmem_debt debt;

	if (!tmem_collect_debts(ctx->z.tmem, HOME_NODE, &debt, 1))
		return false;
	KUNIT_EXPECT_EQ(test, debt.version, ctx->version);
	return true;
}

/* By default the copy stays, whatever the load allows, and can be read again. */
static void home_test_stays(struct kunit *test)
{
	struct home_ctx *ctx = test->priv;
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, 0, home_loaded(ctx, FRONTSWAP_MAY_EXCL));
	KUNIT_EXPECT_EQ(test, 0, home_loaded(ctx, 0));
	KUNIT_EXPECT_EQ(test, -EREMOTE, home_get(ctx, &blob));
	KUNIT_EXPECT_EQ(test, blob.version, ctx->version);
	KUNIT_EXPECT_FALSE(test, home_owed(test));
}

/*
 * Regression: 3.3.7. An exclusive load frees the copy of the peer, and leaves no
 * descriptor behind.
 */
static void home_test_exclusive(struct kunit *test)
{
	struct home_ctx *ctx = test->priv;
	struct tmem_blob blob;

	ctx->z.set.keep_remote_copies = false;
	KUNIT_EXPECT_EQ(test, FRONTSWAP_EXCLUSIVE,
			home_loaded(ctx, FRONTSWAP_MAY_EXCL));
	KUNIT_EXPECT_EQ(test, -ENOENT, home_get(ctx, &blob));
	KUNIT_EXPECT_TRUE(test, home_owed(test));
}

/* Any other load brings the page home, and the next get is a local one. */
static void home_test_kept(struct kunit *test)
{
	struct home_ctx *ctx = test->priv;
	struct tmem_blob blob;

	ctx->z.set.keep_remote_copies = false;
	KUNIT_EXPECT_EQ(test, 0, home_loaded(ctx, 0));
	KUNIT_EXPECT_EQ(test, 0, home_get(ctx, &blob));
	KUNIT_EXPECT_EQ(test, blob.len, HOME_LEN);
	KUNIT_EXPECT_EQ(test, 0, memcmp(ctx->out, ctx->data, HOME_LEN));
	KUNIT_EXPECT_TRUE(test, home_owed(test));
	KUNIT_EXPECT_EQ(test, home_refused, 0);
	/* A second one who has fetched it changes nothing. */
	KUNIT_EXPECT_EQ(test, 0, home_loaded(ctx, 0));
	KUNIT_EXPECT_EQ(test, 0, home_get(ctx, &blob));
	KUNIT_EXPECT_EQ(test, home_refused, 0);
}

/* So does every load where exclusive ones are switched off. */
static void home_test_not_exclusive(struct kunit *test)
{
	struct home_ctx *ctx = test->priv;
	struct tmem_blob blob;

	ctx->z.set.keep_remote_copies = false;
	ctx->z.set.exclusive_gets = false;
	KUNIT_EXPECT_EQ(test, 0, home_loaded(ctx, FRONTSWAP_MAY_EXCL));
	KUNIT_EXPECT_EQ(test, 0, home_get(ctx, &blob));
}

/* Without room the copy stays, is counted, and the next get finds it. */
static void home_test_no_room(struct kunit *test)
{
	struct home_ctx *ctx = test->priv;
	struct tmem_blob blob;

	ctx->z.set.keep_remote_copies = false;
	ctx->z.set.max_pool_percent = 0;
	KUNIT_EXPECT_EQ(test, 0, home_loaded(ctx, 0));
	KUNIT_EXPECT_EQ(test, home_refused, 1);
	KUNIT_EXPECT_EQ(test, -EREMOTE, home_get(ctx, &blob));
	KUNIT_EXPECT_EQ(test, blob.version, ctx->version);
	KUNIT_EXPECT_FALSE(test, home_owed(test));
	ctx->z.set.max_pool_percent = 40;
	KUNIT_EXPECT_EQ(test, 0, home_loaded(ctx, 0));
	KUNIT_EXPECT_EQ(test, 0, home_get(ctx, &blob));
}

static struct kunit_case home_test_cases[] = {
	KUNIT_CASE(home_test_stays),
	KUNIT_CASE(home_test_exclusive),
	KUNIT_CASE(home_test_kept),
	KUNIT_CASE(home_test_not_exclusive),
	KUNIT_CASE(home_test_no_room),
	{}
};

static struct kunit_suite home_test_suite = {
	.name = "zcache-home",
	.init = home_test_init,
	.exit = home_test_exit,
	.test_cases = home_test_cases,
};

kunit_test_suite(home_test_suite);
