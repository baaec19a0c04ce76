// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: pages that go to peers.
 *
 * The tests of single rules come first: of pages on their way here, of debts in
 * tmem_move_debts_test.c.  Then, in tmem_move_life_test.c, one with random
 * operations in a random order against a model of the owner and real indexes as
 * its servers.
 */
#include "tmem_move_test.h"

/* Pages are offered by name and version, oldest first, two of a frame at once. */
static void tmem_move_test_isolate(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	u64 version[2], a, b, c;

	a = tmem_test_put(test, 1, 5, 100);
	b = tmem_test_put(test, 2, 6, 101);
	c = tmem_test_put(test, 3, 7, 102);
	KUNIT_ASSERT_EQ(test, 2, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, version));
	KUNIT_EXPECT_EQ(test, version[0], a);
	KUNIT_EXPECT_EQ(test, version[1], b);
	KUNIT_EXPECT_EQ(test, handle[0].index, 5);
	KUNIT_EXPECT_EQ(test, handle[1].index, 6);
	KUNIT_EXPECT_EQ(test, handle[1].oid.word[2], 2);
	expect_isolate(test, 3, 7, c);
	expect_no_candidate(test);
	KUNIT_EXPECT_EQ(test, 0, tmem_isolate_oldest(t->tmem, TMEM_EPHEMERAL,
						     handle, version));
}

/* What is sent is what was put; the page can be read while it is on its way. */
static void tmem_move_test_begin(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle = tmem_test_handle(1, 7);
	u64 version = tmem_test_put(test, 1, 7, 55);
	struct tmem_blob blob = { .data = t->out, .version = version };

	expect_isolate(test, 1, 7, version);
	KUNIT_EXPECT_EQ(test, 0, tmem_send_begin(t->tmem, &handle, tmem_peer(NODE_A),
						 &blob));
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, 55, 55));
	expect_held(test, 1, 0, 1, 0);
	tmem_test_expect(test, 1, 7, 55);
	/* It is not sent twice. */
	KUNIT_EXPECT_EQ(test, -ENOENT, begin(test, 1, 7, version, NODE_B));
	expect_held(test, 1, 0, 1, 0);
}

/* A page that was replaced, flushed or never there is not sent. */
static void tmem_move_test_begin_late(struct kunit *test)
{
	u64 version = tmem_test_put(test, 1, 7, 1);

	expect_isolate(test, 1, 7, version);
	tmem_test_put(test, 1, 7, 2);
	KUNIT_EXPECT_EQ(test, -ENOENT, begin(test, 1, 7, version, NODE_A));
	KUNIT_EXPECT_EQ(test, -ENOENT, begin(test, 1, 8, version, NODE_A));
	KUNIT_EXPECT_EQ(test, -ENOENT, begin(test, 2, 7, version, NODE_A));
	tmem_test_flush(test, 1, 7, 0);
	KUNIT_EXPECT_EQ(test, -ENOENT, begin(test, 1, 7, version, NODE_A));
	expect_held(test, 0, 0, 0, 0);
}

/*
 * Only its owner sends a page anywhere: that of another client stays.
 *
 * Regression: 3.1.7.
 */
static void tmem_move_test_begin_foreign(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_pool *pool = tmem_pool_create(t->tmem, 9, TMEM_TEST_POOL,
						  TMEM_PERSISTENT);
	struct tmem_blob blob = tmem_test_blob(t, 1, 100);
	struct tmem_handle handle[2];
	u64 version[2];

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	blob.version = 77;
	handle[0].oid = tmem_test_oid(1);
	KUNIT_EXPECT_EQ(test, 0, tmem_put(pool, &handle[0].oid, 7, &blob,
					  GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, version));
	KUNIT_EXPECT_EQ(test, handle[0].client, 9);
	KUNIT_EXPECT_EQ(test, version[0], 77);
	blob = (struct tmem_blob){ .data = t->out, .version = version[0] };
	KUNIT_EXPECT_EQ(test, -EPERM, tmem_send_begin(t->tmem, &handle[0],
						      tmem_peer(NODE_A), &blob));
	expect_held(test, 1, 0, 0, 0);
	/* It can be put back. */
	tmem_send_done(t->tmem, &handle[0], 77, tmem_peer(NODE_A), TMEM_SEND_REFUSED);
	KUNIT_EXPECT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, version));
	tmem_client_destroy(t->tmem, 9);
}

/* Stored: the page is with the peer, and takes no frame here. */
static void tmem_move_test_stored(struct kunit *test)
{
	u64 version = sending(test, 1, 7, NODE_B);

	KUNIT_EXPECT_TRUE(test, done(test, 1, 7, version, NODE_B,
				     TMEM_SEND_STORED));
	tmem_test_expect_remote(test, 1, 7, NODE_B, version);
	expect_held(test, 0, 1, 0, 0);
	/* A second answer changes nothing. */
	KUNIT_EXPECT_FALSE(test, done(test, 1, 7, version, NODE_B,
				      TMEM_SEND_REFUSED));
	tmem_test_expect_remote(test, 1, 7, NODE_B, version);
}

/*
 * Refused: the page is here as before, and the oldest candidate again.
 *
 * Regression: 3.1.4.
 */
static void tmem_move_test_refused(struct kunit *test)
{
	/* Too long to share a frame. */
	u64 version = sending(test, 1, 2096, NODE_A);
	u64 newer = tmem_test_put(test, 1, 2200, 2200);

	KUNIT_EXPECT_FALSE(test, done(test, 1, 2096, version, NODE_A,
				      TMEM_SEND_REFUSED));
	tmem_test_expect(test, 1, 2096, 2096);
	expect_held(test, 2, 0, 0, 0);
	expect_isolate(test, 1, 2096, version);
	expect_isolate(test, 1, 2200, newer);
}

/*
 * No answer: the page is here, stays here, and is a candidate when settled; but
 * under a new version, lest a late flush of the old one remove what is sent.
 *
 * Regression: 3.1.4.
 */
static void tmem_move_test_unknown(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version = sending(test, 1, 7, NODE_A);
	struct tmem_blob blob;

	KUNIT_EXPECT_FALSE(test, done(test, 1, 7, version, NODE_A,
				      TMEM_SEND_UNKNOWN));
	KUNIT_EXPECT_EQ(test, t->owes, 1);
	tmem_test_expect(test, 1, 7, 7);
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	KUNIT_EXPECT_GT(test, blob.version, version);
	expect_held(test, 1, 0, 0, 1);
	expect_no_candidate(test);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			begin(test, 1, 7, blob.version, NODE_B));
	expect_debt(test, 1, 7, version, NODE_A, true);
	expect_held(test, 1, 0, 0, 0);
	expect_isolate(test, 1, 7, blob.version);
	KUNIT_EXPECT_EQ(test, -ENOENT, begin(test, 1, 7, version, NODE_A));
	KUNIT_EXPECT_EQ(test, 0, begin(test, 1, 7, blob.version, NODE_A));
}

/* The new version is that of the same content: an exclusive get removes it. */
static void tmem_move_test_unknown_flush(struct kunit *test)
{
	u64 version = sending(test, 1, 7, NODE_A);

	done(test, 1, 7, version, NODE_A, TMEM_SEND_UNKNOWN);
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, version));
	tmem_test_expect_none(test, 1, 7);
	expect_debt(test, 1, 7, version, NODE_A, true);
	expect_held(test, 0, 0, 0, 0);
}

/* Isolated, never begun, put back. */
static void tmem_move_test_not_begun(struct kunit *test)
{
	u64 version = tmem_test_put(test, 1, 7, 7);

	expect_isolate(test, 1, 7, version);
	expect_no_candidate(test);
	KUNIT_EXPECT_FALSE(test, done(test, 1, 7, version, NODE_A,
				      TMEM_SEND_REFUSED));
	expect_isolate(test, 1, 7, version);
	expect_held(test, 1, 0, 0, 0);
}

/*
 * Replaced on its way: the new page stays, and what the peer got is a debt.
 *
 * Regression: 3.1.2.
 */
static void tmem_move_test_replaced(struct kunit *test)
{
	enum tmem_send_result result;

	for (result = TMEM_SEND_STORED; result <= TMEM_SEND_UNKNOWN; result++) {
		u64 version = sending(test, 1, 7, NODE_A);
		u64 newer = tmem_test_put(test, 1, 7, 8);
		struct tmem_debt debt;

		expect_held(test, 1, 0, 1, 0);
		/* While it is not known what the peer has, nothing is owed. */
		KUNIT_EXPECT_EQ(test, 0, collect(test, NODE_A, &debt, 1));
		expect_no_candidate(test);
		KUNIT_EXPECT_FALSE(test, done(test, 1, 7, version, NODE_A,
					      result));
		tmem_test_expect(test, 1, 7, 8);
		if (result != TMEM_SEND_REFUSED) {
			expect_held(test, 1, 0, 0, 1);
			expect_no_candidate(test);
			expect_debt(test, 1, 7, version, NODE_A, true);
		}
		expect_held(test, 1, 0, 0, 0);
		expect_isolate(test, 1, 7, newer);
		tmem_test_flush(test, 1, 7, 0);
		tmem_test_expect_empty(test,
				       ((struct tmem_test *)test->priv)->tmem);
	}
}

/*
 * Flushed on its way: nothing is found any more, and the rest as above.
 *
 * Regression: 3.1.3, 3.2.5.
 */
static void tmem_move_test_flushed(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	enum tmem_send_result result;

	for (result = TMEM_SEND_STORED; result <= TMEM_SEND_UNKNOWN; result++) {
		u64 version = sending(test, 1, 7, NODE_A);
		struct tmem_debt debt;

		KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, 0));
		KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, 0));
		tmem_test_expect_none(test, 1, 7);
		expect_held(test, 0, 0, 1, 0);
		KUNIT_EXPECT_EQ(test, 0, collect(test, NODE_A, &debt, 1));
		KUNIT_EXPECT_FALSE(test, done(test, 1, 7, version, NODE_A,
					      result));
		tmem_test_expect_none(test, 1, 7);
		if (result != TMEM_SEND_REFUSED)
			expect_debt(test, 1, 7, version, NODE_A, true);
		tmem_test_expect_empty(test, t->tmem);
	}
}

/* Flushed and put again on its way: still there is one word for the peer. */
static void tmem_move_test_flushed_and_put(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	enum tmem_send_result result;

	for (result = TMEM_SEND_STORED; result <= TMEM_SEND_UNKNOWN; result++) {
		u64 version = sending(test, 1, 7, NODE_A), newer;

		tmem_test_flush(test, 1, 7, 0);
		tmem_test_put(test, 1, 7, 8);
		tmem_test_flush(test, 1, 7, 0);
		newer = tmem_test_put(test, 1, 7, 9);
		expect_held(test, 1, 0, 1, 0);
		expect_no_candidate(test);
		KUNIT_EXPECT_FALSE(test, done(test, 1, 7, version, NODE_A,
					      result));
		tmem_test_expect(test, 1, 7, 9);
		if (result != TMEM_SEND_REFUSED)
			expect_debt(test, 1, 7, version, NODE_A, true);
		expect_isolate(test, 1, 7, newer);
		tmem_test_flush(test, 1, 7, 0);
		tmem_test_expect_empty(test, t->tmem);
	}
}

static struct kunit_case tmem_move_test_cases[] = {
	KUNIT_CASE(tmem_move_test_isolate),
	KUNIT_CASE(tmem_move_test_begin),
	KUNIT_CASE(tmem_move_test_begin_late),
	KUNIT_CASE(tmem_move_test_begin_foreign),
	KUNIT_CASE(tmem_move_test_stored),
	KUNIT_CASE(tmem_move_test_refused),
	KUNIT_CASE(tmem_move_test_unknown),
	KUNIT_CASE(tmem_move_test_unknown_flush),
	KUNIT_CASE(tmem_move_test_not_begun),
	KUNIT_CASE(tmem_move_test_replaced),
	KUNIT_CASE(tmem_move_test_flushed),
	KUNIT_CASE(tmem_move_test_flushed_and_put),
	KUNIT_CASE(tmem_move_test_flush_remote),
	KUNIT_CASE(tmem_move_test_put_remote),
	KUNIT_CASE(tmem_move_test_put_tombstone),
	KUNIT_CASE(tmem_move_test_settle_other),
	KUNIT_CASE(tmem_move_test_whole_object),
	KUNIT_CASE(tmem_move_test_not_whole),
	KUNIT_CASE(tmem_move_test_not_whole_local),
	KUNIT_CASE(tmem_move_test_whole_then_more),
	KUNIT_CASE(tmem_move_test_rotation),
	KUNIT_CASE(tmem_move_test_dead_node),
	KUNIT_CASE(tmem_move_test_drop),
	KUNIT_CASE(tmem_move_test_drop_held),
	KUNIT_CASE(tmem_move_test_drop_sending),
	KUNIT_CASE(tmem_move_test_pool_destroy),
	KUNIT_CASE_SLOW(tmem_move_test_life_persistent),
	KUNIT_CASE_SLOW(tmem_move_test_life_ephemeral),
	{}
};

static struct kunit_suite tmem_move_test_suite = {
	.name = "ramster-tmem-move",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_move_test_cases,
};

kunit_test_suite(tmem_move_test_suite);
