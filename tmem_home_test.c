// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: pages that come home from peers.
 *
 * That they do so in the midst of everything else that happens to a page is
 * tested in tmem_move_life_test.c, with random operations against a model.
 */
#include "tmem_test.h"

#define NODE_A	3
#define NODE_B	254

static struct tmem_away away_of(u64 n, u32 index, u64 version, u8 node)
{
	return (struct tmem_away) {
		.handle = tmem_test_handle(n, index),
		.version = version,
		.peers = tmem_peer(node),
	};
}

/* Bring a page home whose content follows from its index. */
static int home(struct kunit *test, u64 n, u32 index, u64 version, u8 node)
{
	struct tmem_test *t = test->priv;
	struct tmem_away away = away_of(n, index, version, node);
	struct tmem_blob blob = tmem_test_blob(t, index, tmem_test_len(index));

	return tmem_bring_home(t->tmem, &away, &blob, GFP_NOWAIT);
}

static void expect_held(struct kunit *test, u64 local, u64 away, u64 debts)
{
	struct tmem_stats stats = tmem_test_stats(test->priv);

	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].zpages, local);
	KUNIT_EXPECT_EQ(test, stats.remote[TMEM_PERSISTENT], away);
	KUNIT_EXPECT_EQ(test, stats.debts, debts);
}

static unsigned int collect(struct kunit *test, int node,
			    struct tmem_away *away, unsigned int max)
{
	struct tmem_test *t = test->priv;
	struct tmem_search search = {};

	if (node >= 0)
		__set_bit(node, search.nodes);
	else
		bitmap_fill(search.nodes, TMEM_NODES);
	return tmem_collect_away(t->tmem, &search, away, max);
}

/* The page is readable here, and the peer has to be told to forget its copy. */
static void tmem_home_test_comes(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version = tmem_test_remote(test, 1, 7, NODE_A);
	struct tmem_debt debt;
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, 0, home(test, 1, 7, version, NODE_A));
	tmem_test_expect(test, 1, 7, 7);
	expect_held(test, 1, 0, 1);
	KUNIT_EXPECT_EQ(test, t->owes, 1);
	KUNIT_ASSERT_EQ(test, 1, tmem_collect_debts(t->tmem, NODE_A, &debt, 1));
	KUNIT_EXPECT_EQ(test, debt.version, version);
	/* A flush that comes late must not meet the version that is sent then. */
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	KUNIT_EXPECT_GT(test, blob.version, version);
	tmem_settle_debt(t->tmem, &debt);
	expect_held(test, 1, 0, 0);
	tmem_test_expect(test, 1, 7, 7);
}

/* It is not sent before the peer has forgotten it, and can be sent then. */
static void tmem_home_test_sent_again(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version = tmem_test_remote(test, 1, 7, NODE_A);
	struct tmem_blob blob = { .data = t->out };
	struct tmem_handle handle[2];
	struct tmem_debt debt;
	u64 versions[2];

	KUNIT_ASSERT_EQ(test, 0, home(test, 1, 7, version, NODE_A));
	KUNIT_EXPECT_EQ(test, 0, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, versions));
	KUNIT_ASSERT_EQ(test, 1, tmem_collect_debts(t->tmem, NODE_A, &debt, 1));
	tmem_settle_debt(t->tmem, &debt);
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, versions));
	blob.version = versions[0];
	KUNIT_EXPECT_EQ(test, 0, tmem_send_begin(t->tmem, handle, tmem_peer(NODE_B),
						 &blob));
	KUNIT_EXPECT_TRUE(test, tmem_send_done(t->tmem, handle, versions[0],
					       tmem_peer(NODE_B), TMEM_SEND_STORED));
	tmem_test_expect_remote(test, 1, 7, NODE_B, versions[0]);
	/* An answer of the first journey changes nothing. */
	KUNIT_EXPECT_EQ(test, -ESTALE, home(test, 1, 7, version, NODE_A));
	tmem_test_expect_remote(test, 1, 7, NODE_B, versions[0]);
}

/*
 * Regression: 2.8.3, 3.3.8. A page that was put while it was fetched is the
 * newer one; one that was flushed stays flushed, and so does its object.
 */
static void tmem_home_test_too_late(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 put = tmem_test_remote(test, 1, 7, NODE_A);
	u64 flushed = tmem_test_remote(test, 2, 8, NODE_A);
	struct tmem_debt debt;

	tmem_test_put(test, 1, 7, 99);
	tmem_test_flush(test, 2, 8, 0);
	KUNIT_EXPECT_EQ(test, -ESTALE, home(test, 1, 7, put, NODE_A));
	KUNIT_EXPECT_EQ(test, -ESTALE, home(test, 2, 8, flushed, NODE_A));
	tmem_test_expect(test, 1, 7, 99);
	tmem_test_expect_none(test, 2, 8);
	expect_held(test, 1, 0, 2);
	/* Once the debt is paid there is not even an object. */
	while (tmem_collect_debts(t->tmem, NODE_A, &debt, 1))
		tmem_settle_debt(t->tmem, &debt);
	KUNIT_EXPECT_EQ(test, -ESTALE, home(test, 2, 8, flushed, NODE_A));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects, 1);
}

/* Two who have fetched the same page bring it home once. */
static void tmem_home_test_twice(struct kunit *test)
{
	u64 version = tmem_test_remote(test, 1, 7, NODE_A);

	KUNIT_EXPECT_EQ(test, 0, home(test, 1, 7, version, NODE_A));
	KUNIT_EXPECT_EQ(test, -ESTALE, home(test, 1, 7, version, NODE_A));
	KUNIT_EXPECT_EQ(test, -ESTALE, home(test, 1, 7, version, NODE_B));
	tmem_test_expect(test, 1, 7, 7);
	expect_held(test, 1, 0, 1);
}

/*
 * Regression: 3.3.7. An exclusive get that has seen the page away removes it
 * here, too.
 */
static void tmem_home_test_flush_old_version(struct kunit *test)
{
	u64 older = tmem_test_remote(test, 1, 6, NODE_A);
	u64 version = tmem_test_remote(test, 1, 7, NODE_A);

	KUNIT_ASSERT_EQ(test, 0, home(test, 1, 7, version, NODE_A));
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, older));
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, version));
	tmem_test_expect_none(test, 1, 7);
	expect_held(test, 0, 1, 1);
}

/* Without room here the page stays where it is, as if nobody had tried. */
static void tmem_home_test_no_room(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version = tmem_test_remote(test, 1, 7, NODE_A);
	struct tmem_away away = away_of(1, 7, version, NODE_A);
	struct tmem_blob blob = { .data = t->in, .len = TMEM_MAX_BLOB + 1 };

	KUNIT_EXPECT_EQ(test, -EINVAL, tmem_bring_home(t->tmem, &away, &blob,
						       GFP_NOWAIT));
	tmem_test_expect_remote(test, 1, 7, NODE_A, version);
	expect_held(test, 0, 1, 0);
}

/* Pages are listed by peer; each call goes on where the last one has ended. */
static void tmem_home_test_collect(struct kunit *test)
{
	enum { PAGES = 40, OBJECTS = 4 };
	unsigned int seen[PAGES] = {}, i, n, calls;
	struct tmem_away *away;

	away = kunit_kcalloc(test, PAGES + 1, sizeof(*away), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, away);
	KUNIT_EXPECT_EQ(test, 0, collect(test, -1, away, PAGES));
	for (i = 0; i < PAGES; i++)
		tmem_test_remote(test, i % OBJECTS, i * 1000,
				 i % 8 < 4 ? NODE_A : NODE_B);
	KUNIT_EXPECT_EQ(test, PAGES, collect(test, -1, away, PAGES + 1));
	KUNIT_EXPECT_EQ(test, PAGES / 2, collect(test, NODE_A, away, PAGES));
	for (i = 0; i < PAGES / 2; i++)
		KUNIT_EXPECT_EQ(test, away[i].peers.node[0], NODE_A);
	KUNIT_EXPECT_EQ(test, 0, collect(test, 5, away, PAGES));

	for (calls = 0; calls < 2 * PAGES; calls++) {
		n = collect(test, -1, away, 3);
		KUNIT_ASSERT_EQ(test, n, 3);
		for (i = 0; i < n; i++)
			seen[away[i].handle.index / 1000]++;
	}
	/* All as often as the others, but for where it began and ended. */
	for (i = 0; i < PAGES; i++) {
		KUNIT_EXPECT_GE(test, seen[i], 3);
		KUNIT_EXPECT_LE(test, seen[i], 9);
	}
}

/* What is no longer with a peer is not listed, whatever became of it. */
static void tmem_home_test_collect_only_away(struct kunit *test)
{
	u64 a = tmem_test_remote(test, 1, 1, NODE_A);
	struct tmem_away away[4];

	tmem_test_remote(test, 1, 2, NODE_A);
	tmem_test_remote(test, 1, 3, NODE_A);
	tmem_test_remote(test, 2, 4, NODE_A);
	KUNIT_EXPECT_EQ(test, 4, collect(test, -1, away, 4));
	KUNIT_EXPECT_EQ(test, 0, home(test, 1, 1, a, NODE_A));
	tmem_test_put(test, 1, 2, 5);
	tmem_test_flush(test, 1, 3, 0);
	KUNIT_ASSERT_EQ(test, 1, collect(test, -1, away, 4));
	KUNIT_EXPECT_EQ(test, away[0].handle.index, 4);
	tmem_test_flush_object(test, 2, 0);
	KUNIT_EXPECT_EQ(test, 0, collect(test, -1, away, 4));
}

/* Ephemeral pages are on the disk: nobody brings them home. */
static void tmem_home_test_not_ephemeral(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_blob blob = tmem_test_blob(t, 9, 99);
	struct tmem_handle handle[2];
	struct tmem_pool *pool;
	struct tmem_away away;
	u64 version[2];

	pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL, 5, TMEM_EPHEMERAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	handle[0].oid = tmem_test_oid(1);
	KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &handle[0].oid, 7, &blob,
					  GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_EPHEMERAL,
						     handle, version));
	blob.data = t->out;
	KUNIT_ASSERT_EQ(test, 0, tmem_send_begin(t->tmem, handle, tmem_peer(NODE_A),
						 &blob));
	KUNIT_ASSERT_TRUE(test, tmem_send_done(t->tmem, handle, version[0],
					       tmem_peer(NODE_A), TMEM_SEND_STORED));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).remote[TMEM_EPHEMERAL], 1);
	KUNIT_EXPECT_EQ(test, 0, collect(test, -1, &away, 1));
}

static struct kunit_case tmem_home_test_cases[] = {
	KUNIT_CASE(tmem_home_test_comes),
	KUNIT_CASE(tmem_home_test_sent_again),
	KUNIT_CASE(tmem_home_test_too_late),
	KUNIT_CASE(tmem_home_test_twice),
	KUNIT_CASE(tmem_home_test_flush_old_version),
	KUNIT_CASE(tmem_home_test_no_room),
	KUNIT_CASE(tmem_home_test_collect),
	KUNIT_CASE(tmem_home_test_collect_only_away),
	KUNIT_CASE(tmem_home_test_not_ephemeral),
	{}
};

static struct kunit_suite tmem_home_test_suite = {
	.name = "ramster-tmem-home",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_home_test_cases,
};

kunit_test_suite(tmem_home_test_suite);
