// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: pages that are taken out of the store by who reads them.
 *
 * That threads may do so in the midst of everything else that happens to a page
 * is tested in tmem_threads_test.c.
 */
#include "tmem_int.h"
#include "tmem_test.h"

#define NODE	3
#define FILES	2	/* number of an ephemeral pool */
#define LONG	(8 * 250)	/* a seed of a page of 2000 bytes */

static int take(struct kunit *test, u64 n, u32 index, struct tmem_blob *blob,
		void **page)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(n);

	return tmem_take(t->pool, &oid, index, blob, page);
}

/* The page is taken, and has this seed's content. */
static void *take_page(struct kunit *test, u64 n, u32 index, u32 seed)
{
	struct tmem_blob blob;
	void *page;

	KUNIT_ASSERT_EQ(test, 0, take(test, n, index, &blob, &page));
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_FALSE(test, blob.filled);
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, seed, tmem_test_len(seed)));
	return page;
}

static struct zbud_stats held(struct kunit *test)
{
	return tmem_test_stats(test->priv).zbud[TMEM_PERSISTENT];
}

/* Isolate the oldest frame, which has so many pages. */
static void isolate(struct kunit *test, unsigned int nr,
		    struct tmem_handle handle[2], u64 version[2])
{
	struct tmem_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, nr, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						      handle, version));
}

static void send_begin(struct kunit *test, const struct tmem_handle *handle,
		       u64 version)
{
	struct tmem_test *t = test->priv;
	struct tmem_blob blob = { .data = t->out, .version = version };

	KUNIT_ASSERT_EQ(test, 0, tmem_send_begin(t->tmem, handle, tmem_peer(NODE), &blob));
}

static unsigned int settle(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_debt debt;
	unsigned int n = 0;

	for (; tmem_collect_debts(t->tmem, NODE, &debt, 1); n++)
		tmem_settle_debt(t->tmem, &debt);
	return n;
}

/*
 * Who takes a page has its bytes until he frees them, and nobody finds it any
 * more: D03.
 */
static void tmem_take_test_bytes(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_blob blob;
	u64 version;
	void *page, *none;

	version = tmem_test_put(test, 1, 7, LONG);
	tmem_test_put(test, 1, 8, 2);
	KUNIT_ASSERT_EQ(test, 0, take(test, 1, 7, &blob, &page));
	KUNIT_EXPECT_EQ(test, blob.version, version);
	tmem_test_expect_none(test, 1, 7);
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, take(test, 1, 7, &blob, &none));
	KUNIT_EXPECT_NULL(test, none);
	KUNIT_EXPECT_EQ(test, held(test).zpages, 2);
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, LONG, tmem_test_len(LONG)));

	tmem_page_free(t->pool, page);
	KUNIT_EXPECT_EQ(test, held(test).zpages, 1);
	tmem_page_free(t->pool, take_page(test, 1, 8, 2));
	tmem_test_expect_empty(test, t->tmem);
}

/* What is put while a page is out is another page; neither harms the other. */
static void tmem_take_test_put_again(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_blob blob;
	void *page;
	u64 newer;

	tmem_test_put(test, 1, 7, LONG);
	KUNIT_ASSERT_EQ(test, 0, take(test, 1, 7, &blob, &page));
	newer = tmem_test_put(test, 1, 7, 3);
	KUNIT_EXPECT_GT(test, newer, blob.version);
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, LONG, tmem_test_len(LONG)));
	tmem_page_free(t->pool, page);
	tmem_test_expect(test, 1, 7, 3);
}

/* Absent, of one byte value, or with a peer: there are no bytes to be had. */
static void tmem_take_test_no_bytes(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = { .filled = true, .fill = 0x55 };
	void *page = t;
	u64 version;

	KUNIT_EXPECT_EQ(test, -ENOENT, take(test, 1, 7, &blob, &page));
	KUNIT_EXPECT_NULL(test, page);

	blob = (struct tmem_blob){ .filled = true, .fill = 0x55 };
	KUNIT_ASSERT_EQ(test, 0, tmem_put(t->pool, &oid, 7, &blob, GFP_KERNEL));
	memset(&blob, 0, sizeof(blob));
	page = t;
	KUNIT_EXPECT_EQ(test, 0, take(test, 1, 7, &blob, &page));
	KUNIT_EXPECT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, blob.filled);
	KUNIT_EXPECT_EQ(test, blob.fill, 0x55);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).filled[TMEM_PERSISTENT], 0);
	tmem_test_expect_none(test, 1, 7);

	version = tmem_test_remote(test, 1, 7, NODE);
	page = t;
	KUNIT_EXPECT_EQ(test, -EREMOTE, take(test, 1, 7, &blob, &page));
	KUNIT_EXPECT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, blob.peers.node[0], NODE);
	KUNIT_EXPECT_EQ(test, blob.version, version);
	tmem_test_expect_remote(test, 1, 7, NODE, version);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).debts, 0);
}

/*
 * A page that is on its way is taken like any other; and if the peer got a copy
 * it has to forget that, no matter which of the two ends first.
 */
static void tmem_take_test_sending(struct kunit *test)
{
	static const enum tmem_send_result results[] = {
		TMEM_SEND_STORED, TMEM_SEND_REFUSED, TMEM_SEND_UNKNOWN,
	};
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	u64 version[2];
	unsigned int i;
	void *page;

	for (i = 0; i < 2 * ARRAY_SIZE(results); i++) {
		tmem_test_put(test, 1, 7, LONG);
		isolate(test, 1, handle, version);
		send_begin(test, handle, version[0]);
		page = take_page(test, 1, 7, LONG);
		if (i % 2)
			tmem_page_free(t->pool, page);
		KUNIT_EXPECT_EQ(test, tmem_test_stats(t).sending, 1);
		KUNIT_EXPECT_FALSE(test, tmem_send_done(t->tmem, handle,
							version[0], tmem_peer(NODE),
							results[i / 2]));
		tmem_test_expect_none(test, 1, 7);
		if (!(i % 2))
			tmem_page_free(t->pool, page);
		KUNIT_EXPECT_EQ(test, settle(test),
				results[i / 2] != TMEM_SEND_REFUSED);
		tmem_test_expect_empty(test, t->tmem);
		KUNIT_EXPECT_EQ(test, held(test).isolated, 0);
		KUNIT_EXPECT_EQ(test, held(test).zombies, 0);
	}
}

/* A page that has a debt leaves it behind. */
static void tmem_take_test_debt(struct kunit *test)
{
	struct tmem_test *t = test->priv;

	tmem_test_remote(test, 1, 7, NODE);
	tmem_test_put(test, 1, 7, LONG);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).debts, 1);
	tmem_page_free(t->pool, take_page(test, 1, 7, LONG));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).debts, 1);
	tmem_test_expect_none(test, 1, 7);
	KUNIT_EXPECT_EQ(test, settle(test), 1);
	tmem_test_expect_empty(test, t->tmem);
}

/*
 * A frame that is isolated while a page of it is out is a candidate again when
 * its other page was put back and that one was freed, in either order.
 */
static void tmem_take_test_isolated(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	struct tmem_blob blob = { .data = t->out };
	unsigned int i, k;
	u64 version[2];
	void *page;

	for (i = 0; i < 2; i++) {
		tmem_test_put(test, 1, 7, 1);
		tmem_test_put(test, 1, 8, 2);
		page = take_page(test, 1, 7, 1);
		isolate(test, 2, handle, version);
		k = handle[0].index == 8 ? 0 : 1;
		blob.version = version[1 - k];
		KUNIT_EXPECT_EQ(test, -ENOENT,
				tmem_send_begin(t->tmem, &handle[1 - k], tmem_peer(NODE),
						&blob));
		if (i)
			tmem_page_free(t->pool, page);
		tmem_send_done(t->tmem, &handle[k], version[k], tmem_peer(NODE),
			       TMEM_SEND_REFUSED);
		if (!i)
			tmem_page_free(t->pool, page);
		KUNIT_EXPECT_EQ(test, held(test).zombies, 0);
		isolate(test, 1, handle, version);
		KUNIT_EXPECT_EQ(test, handle[0].index, 8);
		KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 8, 0));
		tmem_test_expect_empty(test, t->tmem);
	}
}

/* A frame in which a page is out is not given to a page that needs one. */
static void tmem_take_test_evict(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob;
	struct tmem_pool *pool;
	void *page;
	u32 i;

	pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL, FILES,
				TMEM_EPHEMERAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	for (i = 0; i < 3; i++) {
		blob = tmem_test_blob(t, i, 1500);
		KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &oid, i, &blob,
						  GFP_KERNEL));
	}
	KUNIT_ASSERT_EQ(test, 0, tmem_take(pool, &oid, 0, &blob, &page));
	/* The second page of that frame, and the next frame. */
	KUNIT_EXPECT_EQ(test, 2, tmem_evict_oldest(t->tmem, TMEM_EPHEMERAL));
	KUNIT_EXPECT_EQ(test, 0, tmem_evict_oldest(t->tmem, TMEM_EPHEMERAL));
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, 0, 1500));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).zbud[TMEM_EPHEMERAL].frames,
			1);
	tmem_page_free(pool, page);
	tmem_test_expect_empty(test, t->tmem);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).zbud[TMEM_EPHEMERAL].zombies,
			0);
}

/* Nobody takes a page of an object that was flushed, freed or not yet. */
static void tmem_take_test_doomed(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob;
	u32 i, taken = 0;
	void *page;

	for (i = 0; i < 1000; i++)
		tmem_test_put(test, 1, i, 1);
	local_irq_disable();
	KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(t->pool, &oid));
	for (i = 0; i < 1000; i++)
		taken += !take(test, 1, i, &blob, &page);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, taken, 0);
	flush_work(&t->tmem->doom_work);
	tmem_test_expect_empty(test, t->tmem);
}

static struct kunit_case tmem_take_test_cases[] = {
	KUNIT_CASE(tmem_take_test_bytes),
	KUNIT_CASE(tmem_take_test_put_again),
	KUNIT_CASE(tmem_take_test_no_bytes),
	KUNIT_CASE(tmem_take_test_sending),
	KUNIT_CASE(tmem_take_test_debt),
	KUNIT_CASE(tmem_take_test_isolated),
	KUNIT_CASE(tmem_take_test_evict),
	KUNIT_CASE(tmem_take_test_doomed),
	{}
};

static struct kunit_suite tmem_take_test_suite = {
	.name = "ramster-tmem-take",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_take_test_cases,
};

kunit_test_suite(tmem_take_test_suite);
