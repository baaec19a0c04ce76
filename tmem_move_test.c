// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: pages that go to peers, and debts.
 *
 * The tests of single rules come first, then one with random operations in a
 * random order against a model of the owner and real indexes as its servers.
 */
#include "tmem_test.h"

#define NODE_A	3
#define NODE_B	254

/* Isolate one page, which has to be this one. */
static void expect_isolate(struct kunit *test, u64 n, u32 index, u64 version)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	u64 versions[2];

	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, versions));
	KUNIT_EXPECT_EQ(test, handle[0].client, TMEM_CLIENT_LOCAL);
	KUNIT_EXPECT_EQ(test, handle[0].pool, TMEM_TEST_POOL);
	KUNIT_EXPECT_EQ(test, handle[0].oid.word[n % 3], n);
	KUNIT_EXPECT_EQ(test, handle[0].index, index);
	KUNIT_EXPECT_EQ(test, versions[0], version);
}

static void expect_no_candidate(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	u64 versions[2];

	KUNIT_EXPECT_EQ(test, 0, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, versions));
}

static int begin(struct kunit *test, u64 n, u32 index, u64 version, u8 node)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle = tmem_test_handle(n, index);
	struct tmem_blob blob = { .data = t->out, .version = version };

	return tmem_send_begin(t->tmem, &handle, node, &blob);
}

static bool done(struct kunit *test, u64 n, u32 index, u64 version, u8 node,
		 enum tmem_send_result result)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle = tmem_test_handle(n, index);

	return tmem_send_done(t->tmem, &handle, version, node, result);
}

/* Put a page, isolate it, and begin to send it. */
static u64 sending(struct kunit *test, u64 n, u32 index, u8 node)
{
	u64 version = tmem_test_put(test, n, index, index);

	expect_isolate(test, n, index, version);
	KUNIT_ASSERT_EQ(test, 0, begin(test, n, index, version, node));
	return version;
}

/* Make a page that is with a peer. */
static u64 remote(struct kunit *test, u64 n, u32 index, u8 node)
{
	u64 version = sending(test, n, index, node);

	KUNIT_ASSERT_TRUE(test, done(test, n, index, version, node,
				     TMEM_SEND_STORED));
	return version;
}

static unsigned int collect(struct kunit *test, u8 node, struct tmem_debt *debt,
			    unsigned int max)
{
	struct tmem_test *t = test->priv;

	return tmem_collect_debts(t->tmem, node, debt, max);
}

static void settle(struct kunit *test, const struct tmem_debt *debt)
{
	struct tmem_test *t = test->priv;

	tmem_settle_debt(t->tmem, debt);
}

/* There is just this one debt to this node; it is settled if asked for. */
static void expect_debt(struct kunit *test, u64 n, u32 index, u64 version,
			u8 node, bool pay)
{
	struct tmem_test *t = test->priv;
	struct tmem_debt debt[2];

	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).debts, 1);
	KUNIT_ASSERT_EQ(test, 1, collect(test, node, debt, 2));
	KUNIT_EXPECT_FALSE(test, debt->whole_object);
	KUNIT_EXPECT_EQ(test, debt->handle.client, TMEM_CLIENT_LOCAL);
	KUNIT_EXPECT_EQ(test, debt->handle.pool, TMEM_TEST_POOL);
	KUNIT_EXPECT_EQ(test, debt->handle.oid.word[n % 3], n);
	KUNIT_EXPECT_EQ(test, debt->handle.index, index);
	KUNIT_EXPECT_EQ(test, debt->version, version);
	KUNIT_EXPECT_EQ(test, debt->node, node);
	if (pay)
		settle(test, debt);
}

static void expect_held(struct kunit *test, u64 local, u64 away, u64 on_way,
			u64 debts)
{
	struct tmem_stats stats = tmem_test_stats(test->priv);

	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].zpages, local);
	KUNIT_EXPECT_EQ(test, stats.remote[TMEM_PERSISTENT], away);
	KUNIT_EXPECT_EQ(test, stats.remote[TMEM_EPHEMERAL], 0);
	KUNIT_EXPECT_EQ(test, stats.sending, on_way);
	KUNIT_EXPECT_EQ(test, stats.debts, debts);
}

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
	KUNIT_EXPECT_EQ(test, 0, tmem_send_begin(t->tmem, &handle, NODE_A,
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
						      NODE_A, &blob));
	expect_held(test, 1, 0, 0, 0);
	/* It can be put back. */
	tmem_send_done(t->tmem, &handle[0], 77, NODE_A, TMEM_SEND_REFUSED);
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

/* A flush of a remote page is seen at once, and told to the peer later. */
static void tmem_move_test_flush_remote(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 older = tmem_test_put(test, 1, 7, 7);
	u64 version = remote(test, 1, 7, NODE_A);

	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, older));
	tmem_test_expect_remote(test, 1, 7, NODE_A, version);
	KUNIT_EXPECT_EQ(test, t->owes, 0);
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, version));
	KUNIT_EXPECT_EQ(test, t->owes, 1);
	tmem_test_expect_none(test, 1, 7);
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, 0));
	expect_held(test, 0, 0, 0, 1);
	/* It is listed until it is settled. */
	expect_debt(test, 1, 7, version, NODE_A, false);
	expect_debt(test, 1, 7, version, NODE_A, true);
	tmem_test_expect_empty(test, t->tmem);
}

/*
 * A put over a remote page is here, but not sent before the peer was told.
 *
 * Regression: 3.1.12.
 */
static void tmem_move_test_put_remote(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version = remote(test, 1, 7, NODE_A);
	u64 newer = tmem_test_put(test, 1, 7, 8);

	KUNIT_EXPECT_EQ(test, t->owes, 1);
	tmem_test_expect(test, 1, 7, 8);
	expect_held(test, 1, 0, 0, 1);
	expect_no_candidate(test);
	KUNIT_EXPECT_EQ(test, -ENOENT, begin(test, 1, 7, newer, NODE_B));
	/* The next put inherits the debt, and so does the tombstone. */
	newer = tmem_test_put(test, 1, 7, 9);
	expect_debt(test, 1, 7, version, NODE_A, false);
	tmem_test_flush(test, 1, 7, 0);
	expect_debt(test, 1, 7, version, NODE_A, false);
	newer = tmem_test_put(test, 1, 7, 10);
	expect_held(test, 1, 0, 0, 1);
	expect_no_candidate(test);
	expect_debt(test, 1, 7, version, NODE_A, true);
	expect_isolate(test, 1, 7, newer);
	tmem_test_expect(test, 1, 7, 10);
}

/* A put of a server's version does not bring back what was flushed. */
static void tmem_move_test_put_tombstone(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = tmem_test_blob(t, 1, 10);

	blob.version = remote(test, 1, 7, NODE_A);
	KUNIT_EXPECT_EQ(test, 0, tmem_put(t->pool, &oid, 7, &blob, GFP_KERNEL));
	tmem_test_expect_remote(test, 1, 7, NODE_A, blob.version);
	tmem_test_flush(test, 1, 7, 0);
	KUNIT_EXPECT_EQ(test, -ESTALE,
			tmem_put(t->pool, &oid, 7, &blob, GFP_KERNEL));
	tmem_test_expect_none(test, 1, 7);
	blob.version++;
	KUNIT_EXPECT_EQ(test, 0, tmem_put(t->pool, &oid, 7, &blob, GFP_KERNEL));
}

/* A debt that was paid by a message about something else stays. */
static void tmem_move_test_settle_other(struct kunit *test)
{
	struct tmem_debt debt, other;
	u64 version = remote(test, 1, 7, NODE_A);

	tmem_test_put(test, 1, 7, 8);
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_A, &debt, 1));
	other = debt;
	other.version--;
	settle(test, &other);
	other = debt;
	other.version++;
	settle(test, &other);
	other = debt;
	other.node = NODE_B;
	settle(test, &other);
	other = debt;
	other.handle.index++;
	settle(test, &other);
	other = debt;
	other.handle.pool++;
	settle(test, &other);
	other = debt;
	other.whole_object = true;
	other.version--;
	settle(test, &other);
	expect_debt(test, 1, 7, version, NODE_A, true);
	/* Paid twice. */
	settle(test, &debt);
	tmem_test_expect(test, 1, 7, 8);
	expect_held(test, 1, 0, 0, 0);
}

/*
 * An object of which only tombstones are left is one message, not many.
 *
 * Regression: 3.3.11.
 */
static void tmem_move_test_whole_object(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_debt debt[4];
	u64 highest = 0;
	u32 i;

	for (i = 0; i < 50; i++)
		highest = remote(test, 1, i * 77, NODE_A);
	KUNIT_EXPECT_EQ(test, tmem_test_flush_object(test, 1, highest - 1), 49);
	KUNIT_EXPECT_EQ(test, 4, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);

	KUNIT_EXPECT_EQ(test, tmem_test_flush_object(test, 1, 0), 1);
	expect_held(test, 0, 0, 0, 50);
	KUNIT_EXPECT_EQ(test, 0, collect(test, NODE_B, debt, 4));
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_TRUE(test, debt[0].whole_object);
	KUNIT_EXPECT_EQ(test, debt[0].version, highest);

	/* A page that comes while the peer is told is not lost. */
	tmem_test_put(test, 1, 77, 5);
	tmem_test_put(test, 1, 78, 6);
	settle(test, &debt[0]);
	tmem_test_expect(test, 1, 77, 5);
	tmem_test_expect(test, 1, 78, 6);
	expect_held(test, 2, 0, 0, 0);
	tmem_test_flush_object(test, 1, 0);
	tmem_test_expect_empty(test, t->tmem);
}

/* It has to be all of the object, all of one node, and nothing on its way. */
static void tmem_move_test_not_whole(struct kunit *test)
{
	struct tmem_debt debt[4];
	u64 version;

	remote(test, 1, 1, NODE_A);
	remote(test, 1, 2, NODE_A);
	version = sending(test, 1, 3, NODE_A);
	tmem_test_flush_object(test, 1, 0);
	KUNIT_EXPECT_EQ(test, 2, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
	KUNIT_EXPECT_FALSE(test, debt[1].whole_object);
	done(test, 1, 3, version, NODE_A, TMEM_SEND_STORED);
	KUNIT_EXPECT_EQ(test, 1, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_TRUE(test, debt[0].whole_object);
	KUNIT_EXPECT_EQ(test, debt[0].version, version);
	settle(test, &debt[0]);

	remote(test, 1, 1, NODE_A);
	remote(test, 1, 2, NODE_A);
	remote(test, 1, 3, NODE_B);
	tmem_test_flush_object(test, 1, 0);
	KUNIT_EXPECT_EQ(test, 2, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
	KUNIT_EXPECT_EQ(test, 1, collect(test, NODE_B, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
	settle(test, &debt[0]);

	remote(test, 1, 3, NODE_A);
	KUNIT_EXPECT_EQ(test, 2, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
}

/* A page that is here, with a debt or without, makes it less than all. */
static void tmem_move_test_not_whole_local(struct kunit *test)
{
	static const u8 node[] = { 0, NODE_A };
	struct tmem_debt debt[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(node); i++) {
		remote(test, 1, 1, node[i]);
		remote(test, 1, 2, node[i]);
		remote(test, 1, 3, node[i]);
		tmem_test_flush_object(test, 1, 0);
		tmem_test_put(test, 1, 2, 8);
		KUNIT_EXPECT_EQ(test, 3, collect(test, node[i], debt, 4));
		KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
		settle(test, &debt[1]);
		KUNIT_EXPECT_EQ(test, debt[1].handle.index, 2);
		KUNIT_EXPECT_EQ(test, 2, collect(test, node[i], debt, 4));
		KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
		tmem_test_flush(test, 1, 2, 0);
		KUNIT_EXPECT_EQ(test, 1, collect(test, node[i], debt, 4));
		KUNIT_EXPECT_TRUE(test, debt[0].whole_object);
		settle(test, &debt[0]);
		expect_held(test, 0, 0, 0, 0);
	}
}

/* Later tombstones are not paid with an earlier message. */
static void tmem_move_test_whole_then_more(struct kunit *test)
{
	struct tmem_debt debt[4];
	u64 version;

	remote(test, 1, 1, NODE_A);
	remote(test, 1, 2, NODE_A);
	tmem_test_flush_object(test, 1, 0);
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_A, debt, 4));
	version = remote(test, 1, 3, NODE_A);
	tmem_test_flush(test, 1, 3, 0);
	settle(test, &debt[0]);
	expect_debt(test, 1, 3, version, NODE_A, true);
	expect_held(test, 0, 0, 0, 0);
}

/*
 * Each call goes on where the last one ended: no object waits for ever.
 *
 * Regression: 3.3.5.
 */
static void tmem_move_test_rotation(struct kunit *test)
{
	enum { OBJECTS = 10 };
	unsigned int seen[OBJECTS] = {}, i, calls, n;
	struct tmem_debt debt[3];

	for (i = 0; i < OBJECTS; i++) {
		/* One page stays, so that each object has single debts. */
		remote(test, i, 0, NODE_A);
		for (n = 1; n <= 4; n++) {
			remote(test, i, n, NODE_A);
			tmem_test_flush(test, i, n, 0);
		}
	}
	for (calls = 0; calls < OBJECTS; calls++) {
		n = collect(test, NODE_A, debt, 3);
		KUNIT_EXPECT_EQ(test, n, 3);
		for (i = 0; i < n; i++)
			seen[debt[i].handle.oid.word[0] +
			     debt[i].handle.oid.word[1] +
			     debt[i].handle.oid.word[2]]++;
	}
	for (i = 0; i < OBJECTS; i++)
		KUNIT_EXPECT_EQ(test, seen[i], 3);
}

/* What is owed to a node that is away does not hide what others are owed. */
static void tmem_move_test_dead_node(struct kunit *test)
{
	struct tmem_debt debt[8];
	u64 version;
	u32 i;

	for (i = 0; i < 20; i++) {
		remote(test, i % 4, i, NODE_A);
		tmem_test_flush(test, i % 4, i, 0);
	}
	version = remote(test, 2, 100, NODE_B);
	tmem_test_flush(test, 2, 100, 0);
	for (i = 0; i < 5; i++) {
		KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_B, debt, 8));
		KUNIT_EXPECT_EQ(test, debt[0].version, version);
		KUNIT_EXPECT_EQ(test, 8, collect(test, NODE_A, debt, 8));
		KUNIT_EXPECT_EQ(test, debt[0].node, NODE_A);
	}
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_B, debt, 8));
	settle(test, &debt[0]);
	KUNIT_EXPECT_EQ(test, 0, collect(test, NODE_B, debt, 8));
	expect_held(test, 0, 0, 0, 20);
}

/* Settle all that is owed to nodes other than @node. */
static void drop_all_but(struct kunit *test, int node)
{
	struct tmem_test *t = test->priv;
	DECLARE_BITMAP(except, TMEM_NODES);

	bitmap_zero(except, TMEM_NODES);
	if (node >= 0)
		__set_bit(node, except);
	tmem_drop_debts(t->tmem, except);
}

/*
 * What is owed to a node that left holds nothing; the others' debts stay.
 *
 * Regression: 3.2.4.
 */
static void tmem_move_test_drop(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version;
	u32 i;

	for (i = 0; i < 20; i++)
		remote(test, i % 4, i, NODE_B);
	remote(test, 3, 100, NODE_A);
	for (i = 0; i < 20; i++)
		tmem_test_flush(test, i % 4, i, 0);
	tmem_test_flush(test, 3, 100, 0);
	expect_held(test, 0, 0, 0, 21);
	drop_all_but(test, NODE_B);
	expect_held(test, 0, 0, 0, 20);
	drop_all_but(test, NODE_B);
	expect_held(test, 0, 0, 0, 20);

	version = remote(test, 3, 100, NODE_A);
	tmem_test_flush(test, 3, 100, 0);
	drop_all_but(test, NODE_A);
	KUNIT_EXPECT_EQ(test, 1, tmem_test_stats(t).objects);
	expect_debt(test, 3, 100, version, NODE_A, false);
	drop_all_but(test, -1);
	tmem_test_expect_empty(test, t->tmem);
}

/* A page that waited for a node that left can be sent to another one. */
static void tmem_move_test_drop_held(struct kunit *test)
{
	u64 replaced, unknown;
	struct tmem_debt debt;

	remote(test, 1, 7, NODE_B);
	remote(test, 1, 2096, NODE_B);
	replaced = tmem_test_put(test, 1, 2096, 2096);
	unknown = sending(test, 1, 2200, NODE_B);
	done(test, 1, 2200, unknown, NODE_B, TMEM_SEND_UNKNOWN);
	/* The same content, as the next version. */
	unknown++;
	expect_held(test, 2, 1, 0, 2);
	expect_no_candidate(test);

	drop_all_but(test, NODE_A);
	expect_held(test, 2, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, collect(test, NODE_B, &debt, 1));
	expect_isolate(test, 1, 2200, unknown);
	expect_isolate(test, 1, 2096, replaced);
	KUNIT_EXPECT_EQ(test, 0, begin(test, 1, 2096, replaced, NODE_A));
	done(test, 1, 2096, replaced, NODE_A, TMEM_SEND_STORED);
	done(test, 1, 2200, unknown, NODE_A, TMEM_SEND_REFUSED);
	tmem_test_expect_remote(test, 1, 2096, NODE_A, replaced);

	/* What it still has becomes a debt when it is forgotten. */
	tmem_test_flush(test, 1, 7, 0);
	expect_held(test, 1, 1, 0, 1);
	drop_all_but(test, NODE_A);
	expect_held(test, 1, 1, 0, 0);
}

/* What is on its way is not known yet, and dropped when it is. */
static void tmem_move_test_drop_sending(struct kunit *test)
{
	u64 version = sending(test, 1, 7, NODE_B);

	tmem_test_flush(test, 1, 7, 0);
	drop_all_but(test, -1);
	expect_held(test, 0, 0, 1, 0);
	done(test, 1, 7, version, NODE_B, TMEM_SEND_UNKNOWN);
	expect_held(test, 0, 0, 0, 1);
	drop_all_but(test, -1);
	expect_held(test, 0, 0, 0, 0);
}

/*
 * A pool goes with whatever is in it; late answers find nothing.
 *
 * Regression: 3.2.7.
 */
static void tmem_move_test_pool_destroy(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 a = sending(test, 1, 1, NODE_A);
	u64 b = sending(test, 1, 2, NODE_A);
	struct tmem_debt debt = {
		.handle = tmem_test_handle(1, 4),
		.node = NODE_A,
	};
	u64 c;

	c = sending(test, 1, 3, NODE_A);
	tmem_test_flush(test, 1, 2, 0);
	remote(test, 1, 4, NODE_A);
	debt.version = remote(test, 1, 5, NODE_A);
	tmem_test_flush(test, 1, 5, 0);
	remote(test, 2, 6, NODE_A);
	done(test, 2, 7, sending(test, 2, 7, NODE_B), NODE_B,
	     TMEM_SEND_UNKNOWN);
	tmem_test_put(test, 1, 3, 5);
	expect_held(test, 3, 2, 3, 2);

	tmem_pool_destroy(t->pool);
	tmem_test_expect_empty(test, t->tmem);
	KUNIT_EXPECT_FALSE(test, done(test, 1, 1, a, NODE_A, TMEM_SEND_STORED));
	KUNIT_EXPECT_FALSE(test, done(test, 1, 2, b, NODE_A,
				      TMEM_SEND_UNKNOWN));
	KUNIT_EXPECT_FALSE(test, done(test, 1, 3, c, NODE_A,
				      TMEM_SEND_REFUSED));
	settle(test, &debt);
	KUNIT_EXPECT_EQ(test, 0, collect(test, NODE_A, &debt, 1));
	tmem_test_expect_empty(test, t->tmem);
}

/*
 * The life of pages, in a random order.
 *
 * An owner, and servers that are indexes of their own.  Between them there are
 * messages: puts that wait to be delivered, are delivered once or more, are
 * answered or not; and flushes, which may come again much later.  What holds of
 * the real transport is kept: a put whose fate is unknown belongs to a broken
 * connection, and so reaches its server before any later flush, or never.
 */
enum {
	LIFE_NODES = 3,
	LIFE_LEAVER = LIFE_NODES - 1,
	LIFE_OBJECTS = 5,
	LIFE_INDEXES = 24,
	LIFE_FLIGHTS = 24,
	LIFE_DEBTS = 6,
	LIFE_OLD = 32,
	LIFE_OPS = 200000,
	LIFE_CLIENT = 42,
};

/* What the owner ought to have: the newest content, or nothing. */
struct life_page {
	u64 version;
	u32 seed;
};

/* A put on its way. */
struct flight {
	bool used;
	bool delivered;
	bool stored;
	bool orphaned;		/* the owner has given up waiting */
	u8 node;
	u64 version;
	u32 seed;
	struct tmem_handle handle;
};

/* A server, and what is being told to it. */
struct life_node {
	struct tmem *tmem;
	struct tmem_pool *pool;
	struct tmem_debt debt[LIFE_DEBTS];
	unsigned int debts;
	unsigned int told;
	struct tmem_debt old[LIFE_OLD];
};

struct life {
	struct kunit *test;
	struct tmem_pool *pool;
	enum tmem_kind kind;
	struct rnd_state rnd;
	struct life_node node[LIFE_NODES];
	struct flight flight[LIFE_FLIGHTS];
	struct life_page page[LIFE_OBJECTS][LIFE_INDEXES];
	/* how often the interesting things have happened */
	unsigned int moved, outdated, refused, unknown, late, fetched, missed;
	unsigned int single, whole, again, evicted, dropped, home;
};

static u32 draw(struct life *l, u32 below)
{
	return prandom_u32_state(&l->rnd) % below;
}

static u32 life_index(u32 i)
{
	return i % 2 ? i : i * 0x9e3779b9U;
}

static struct life_page *life_find(struct life *l, const struct tmem_handle *h)
{
	u64 n = h->oid.word[0] + h->oid.word[1] + h->oid.word[2];
	u32 i;

	for (i = 0; i < LIFE_INDEXES; i++)
		if (life_index(i) == h->index)
			break;
	KUNIT_ASSERT_LT(l->test, n, LIFE_OBJECTS);
	KUNIT_ASSERT_LT(l->test, i, LIFE_INDEXES);
	return &l->page[n][i];
}

static void life_put(struct life *l, u64 n, u32 i)
{
	struct tmem_oid oid = tmem_test_oid(n);
	u32 seed = prandom_u32_state(&l->rnd);
	struct tmem_blob blob = tmem_test_blob(l->test->priv, seed,
					       tmem_test_len(seed));

	KUNIT_EXPECT_EQ(l->test, 0, tmem_put(l->pool, &oid, life_index(i),
					     &blob, GFP_KERNEL));
	KUNIT_EXPECT_GT(l->test, blob.version, l->page[n][i].version);
	l->page[n][i] = (struct life_page){ blob.version, seed };
}

/* Ask the server, as an owner does whose page is remote. */
static void life_fetch(struct life *l, const struct tmem_oid *oid, u32 index,
		       const struct tmem_blob *where,
		       const struct life_page *page)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_blob blob = { .data = t->out };
	int err;

	KUNIT_ASSERT_LT(l->test, where->node, LIFE_NODES);
	KUNIT_EXPECT_EQ(l->test, where->version, page->version);
	err = tmem_get(l->node[where->node].pool, oid, index, &blob);
	if (err && l->kind == TMEM_EPHEMERAL) {
		l->missed++;
		return;
	}
	l->fetched++;
	KUNIT_EXPECT_EQ(l->test, err, 0);
	KUNIT_EXPECT_EQ(l->test, blob.version, page->version);
	KUNIT_EXPECT_TRUE(l->test, tmem_test_is(&blob, page->seed,
						tmem_test_len(page->seed)));
}

/* Returns whether the page is with a peer. */
static bool life_get(struct life *l, u64 n, u32 i)
{
	struct tmem_test *t = l->test->priv;
	struct life_page *page = &l->page[n][i];
	struct tmem_oid oid = tmem_test_oid(n);
	struct tmem_blob blob = { .data = t->out };
	int err = tmem_get(l->pool, &oid, life_index(i), &blob);

	KUNIT_EXPECT_EQ(l->test, err == -ENOENT, !page->version);
	if (err == -EREMOTE)
		life_fetch(l, &oid, life_index(i), &blob, page);
	if (!err) {
		KUNIT_EXPECT_EQ(l->test, blob.version, page->version);
		KUNIT_EXPECT_TRUE(l->test,
				  tmem_test_is(&blob, page->seed,
					       tmem_test_len(page->seed)));
	}
	return err == -EREMOTE;
}

static void life_flush(struct life *l, u64 n, u32 i)
{
	struct tmem_oid oid = tmem_test_oid(n);
	struct life_page *page = &l->page[n][i];
	/* Sometimes it is the second half of an exclusive get. */
	u64 version = draw(l, 2) ? page->version : 0;

	KUNIT_EXPECT_EQ(l->test, !!page->version,
			tmem_flush(l->pool, &oid, life_index(i), version));
	page->version = 0;
}

static void life_flush_object(struct life *l, u64 n)
{
	struct tmem_oid oid = tmem_test_oid(n);
	unsigned long found = 0;
	u32 i;

	for (i = 0; i < LIFE_INDEXES; i++) {
		found += !!l->page[n][i].version;
		l->page[n][i].version = 0;
	}
	KUNIT_EXPECT_EQ(l->test, found, tmem_flush_object(l->pool, &oid, 0));
}

/* Most pages of an object go to one node, as a policy may have it. */
static u8 page_node(struct life *l, const struct life_page *page)
{
	return (page - &l->page[0][0]) / LIFE_INDEXES % LIFE_NODES;
}

static struct flight *life_free_flight(struct life *l)
{
	unsigned int i;

	for (i = 0; i < LIFE_FLIGHTS; i++)
		if (!l->flight[i].used)
			return &l->flight[i];
	return NULL;
}

/* Send a page that was isolated, or put it back, or drop it. */
static void life_send(struct life *l, const struct tmem_handle *handle,
		      u64 version)
{
	struct tmem_test *t = l->test->priv;
	struct life_page *page = life_find(l, handle);
	struct flight *flight = life_free_flight(l);
	struct tmem_blob blob = { .data = t->out, .version = version };
	u8 node = draw(l, 8) ? page_node(l, page) : draw(l, LIFE_NODES);
	int err;

	if (l->kind == TMEM_EPHEMERAL && !draw(l, 4)) {
		l->evicted += tmem_flush(l->pool, &handle->oid, handle->index,
					 version);
		if (page->version == version)
			page->version = 0;
		return;
	}
	if (!flight || !draw(l, 8)) {
		tmem_send_done(t->tmem, handle, version, node,
			       TMEM_SEND_REFUSED);
		return;
	}
	err = tmem_send_begin(t->tmem, handle, node, &blob);
	KUNIT_EXPECT_EQ(l->test, err, page->version == version ? 0 : -ENOENT);
	if (err)
		return;
	KUNIT_EXPECT_TRUE(l->test, tmem_test_is(&blob, page->seed,
						tmem_test_len(page->seed)));
	*flight = (struct flight) {
		.used = true,
		.node = node,
		.version = version,
		.seed = page->seed,
		.handle = *handle,
	};
}

static void life_isolate(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_handle handle[2];
	u64 version[2];
	unsigned int i, n;

	n = tmem_isolate_oldest(t->tmem, l->kind, handle, version);
	for (i = 0; i < n; i++) {
		/* Something may happen between isolation and sending. */
		struct life_page *page = life_find(l, &handle[i]);
		u64 at = page - &l->page[0][0];

		KUNIT_EXPECT_EQ(l->test, page->version, version[i]);
		if (!draw(l, 6))
			life_put(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		else if (!draw(l, 6))
			life_flush(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		life_send(l, &handle[i], version[i]);
	}
}

static struct flight *life_pick(struct life *l)
{
	return &l->flight[draw(l, LIFE_FLIGHTS)];
}

/* A put reaches its server, maybe not for the first time. */
static void life_deliver(struct life *l, struct flight *flight)
{
	struct tmem_blob blob;
	int err;

	if (!flight->used || (flight->delivered && !flight->stored))
		return;
	/* A server may have no room; but what it has, it has. */
	if (!flight->delivered && !draw(l, 6)) {
		flight->delivered = true;
	} else {
		blob = tmem_test_blob(l->test->priv, flight->seed,
				      tmem_test_len(flight->seed));
		blob.version = flight->version;
		err = tmem_put(l->node[flight->node].pool, &flight->handle.oid,
			       flight->handle.index, &blob, GFP_KERNEL);
		KUNIT_EXPECT_EQ(l->test, err, 0);
		flight->stored = !err;
		flight->delivered = true;
	}
	if (flight->orphaned) {
		flight->used = false;
		l->late++;
	}
}

/* The same content, but under a version that no message knows yet. */
static void life_renewed(struct life *l, const struct tmem_handle *handle,
			 struct life_page *page)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_blob blob = { .data = t->out };

	KUNIT_EXPECT_EQ(l->test, 0, tmem_get(l->pool, &handle->oid,
					     handle->index, &blob));
	KUNIT_EXPECT_GT(l->test, blob.version, page->version);
	page->version = blob.version;
}

/* The owner learns, or gives up on, what became of a put. */
static void life_answer(struct life *l, struct flight *flight)
{
	struct tmem_test *t = l->test->priv;
	struct life_page *page;
	enum tmem_send_result result;
	bool moved, newest;

	if (!flight->used || flight->orphaned)
		return;
	page = life_find(l, &flight->handle);
	if (!draw(l, 5))
		result = TMEM_SEND_UNKNOWN;
	else if (flight->stored)
		result = TMEM_SEND_STORED;
	else
		result = TMEM_SEND_REFUSED;
	moved = tmem_send_done(t->tmem, &flight->handle, flight->version,
			       flight->node, result);
	newest = page->version == flight->version;
	KUNIT_EXPECT_EQ(l->test, moved, newest && result == TMEM_SEND_STORED);
	if (newest && result == TMEM_SEND_UNKNOWN)
		life_renewed(l, &flight->handle, page);
	l->moved += moved;
	l->outdated += result == TMEM_SEND_STORED && !moved;
	l->refused += result == TMEM_SEND_REFUSED;
	l->unknown += result == TMEM_SEND_UNKNOWN;
	/* It may still be on its way on the connection that broke. */
	if (result == TMEM_SEND_UNKNOWN && !flight->delivered && draw(l, 2))
		flight->orphaned = true;
	else
		flight->used = false;
}

/* A server does what a debt asks for. */
static void life_tell(struct life *l, const struct tmem_debt *debt)
{
	struct life_node *node = &l->node[debt->node];

	if (debt->whole_object)
		tmem_flush_object(node->pool, &debt->handle.oid, debt->version);
	else
		tmem_flush(node->pool, &debt->handle.oid, debt->handle.index,
			   debt->version);
}

/* One more debt of the last collection is told; else there is a new one. */
static void life_debt(struct life *l, u8 n, bool answered)
{
	struct tmem_test *t = l->test->priv;
	struct life_node *node = &l->node[n];
	struct tmem_debt *debt;
	unsigned int i;

	if (node->told == node->debts) {
		node->debts = tmem_collect_debts(t->tmem, n, node->debt,
						 1 + draw(l, LIFE_DEBTS));
		node->told = 0;
		return;
	}
	/* What was sent on an earlier connection is either here or lost. */
	for (i = 0; i < LIFE_FLIGHTS; i++)
		if (l->flight[i].orphaned && l->flight[i].node == n)
			life_deliver(l, &l->flight[i]);
	debt = &node->debt[node->told++];
	KUNIT_EXPECT_EQ(l->test, debt->node, n);
	life_tell(l, debt);
	node->old[draw(l, LIFE_OLD)] = *debt;
	l->whole += debt->whole_object;
	l->single += !debt->whole_object;
	if (answered)
		tmem_settle_debt(t->tmem, debt);
}

/*
 * The last server is told nothing of what is owed to it, as if it had left the
 * cluster and come back.  It ends with pages that nobody wants; that is all.
 */
static void life_drop(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	DECLARE_BITMAP(except, TMEM_NODES);
	unsigned int i;

	/* The connection is gone, and what was sent on it is here or lost. */
	for (i = 0; i < LIFE_FLIGHTS; i++)
		if (l->flight[i].orphaned && l->flight[i].node == LIFE_LEAVER)
			life_deliver(l, &l->flight[i]);
	bitmap_fill(except, TMEM_NODES);
	__clear_bit(LIFE_LEAVER, except);
	tmem_drop_debts(t->tmem, except);
	l->dropped++;
}

/*
 * A page comes home, which was fetched some time ago: something may have
 * happened to it meanwhile.
 */
static void life_home(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	DECLARE_BITMAP(nodes, TMEM_NODES);
	struct tmem_blob blob = { .data = t->out };
	struct life_page *page;
	struct tmem_away away;
	int err, want = 0;
	u64 at;

	bitmap_fill(nodes, TMEM_NODES);
	if (!tmem_collect_away(t->tmem, nodes, &away, 1))
		return;
	page = life_find(l, &away.handle);
	KUNIT_EXPECT_EQ(l->test, away.version, page->version);
	KUNIT_EXPECT_EQ(l->test, 0,
			tmem_get(l->node[away.node].pool, &away.handle.oid,
				 away.handle.index, &blob));
	KUNIT_EXPECT_EQ(l->test, blob.version, page->version);
	at = page - &l->page[0][0];
	if (!draw(l, 4)) {
		life_put(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		want = -ESTALE;
	} else if (!draw(l, 4)) {
		life_flush(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		want = -ESTALE;
	}
	err = tmem_bring_home(t->tmem, &away, &blob, GFP_NOWAIT);
	KUNIT_EXPECT_EQ(l->test, err, want);
	if (err)
		return;
	life_renewed(l, &away.handle, page);
	l->home++;
}

/* A flush of long ago arrives again. */
static void life_tell_again(struct life *l)
{
	struct life_node *node = &l->node[draw(l, LIFE_NODES)];
	struct tmem_debt *debt = &node->old[draw(l, LIFE_OLD)];

	if (!debt->version)
		return;
	l->again++;
	life_tell(l, debt);
}

/* A server drops its oldest frame: allowed for ephemeral pages. */
static void life_server_evict(struct life *l)
{
	struct life_node *node = &l->node[draw(l, LIFE_NODES)];
	struct tmem_handle handle[2];
	u64 version[2];
	unsigned int i, n;

	if (l->kind != TMEM_EPHEMERAL)
		return;
	n = tmem_isolate_oldest(node->tmem, l->kind, handle, version);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_TRUE(l->test, tmem_flush(node->pool,
						      &handle[i].oid,
						      handle[i].index,
						      version[i]));
}

/* All that can be asked is right, and so are the counters. */
static void life_check(struct life *l)
{
	struct tmem_stats stats = tmem_test_stats(l->test->priv);
	u64 away = 0, here = 0, on_way = 0;
	unsigned int n, i;

	for (n = 0; n < LIFE_OBJECTS; n++) {
		for (i = 0; i < LIFE_INDEXES; i++) {
			bool is_away = life_get(l, n, i);

			away += is_away;
			here += l->page[n][i].version && !is_away;
		}
	}
	for (i = 0; i < LIFE_FLIGHTS; i++)
		on_way += l->flight[i].used && !l->flight[i].orphaned;
	KUNIT_EXPECT_EQ(l->test, stats.remote[l->kind], away);
	KUNIT_EXPECT_EQ(l->test, stats.remote[!l->kind], 0);
	KUNIT_EXPECT_EQ(l->test, stats.zbud[l->kind].zpages, here);
	KUNIT_EXPECT_EQ(l->test, stats.sending, on_way);
}

static void life_step(struct life *l)
{
	u64 n = draw(l, LIFE_OBJECTS);
	u32 i = draw(l, LIFE_INDEXES);

	switch (draw(l, 32)) {
	case 0 ... 5:
		life_put(l, n, i);
		break;
	case 6 ... 8:
		life_get(l, n, i);
		break;
	case 9 ... 10:
		life_flush(l, n, i);
		break;
	case 11:
		if (!draw(l, 5))
			life_flush_object(l, n);
		break;
	case 12 ... 15:
		life_isolate(l);
		break;
	case 16 ... 21:
		life_deliver(l, life_pick(l));
		break;
	case 22 ... 26:
		life_answer(l, life_pick(l));
		break;
	case 27 ... 29:
		life_debt(l, draw(l, LIFE_NODES), draw(l, 6));
		break;
	case 30:
		life_tell_again(l);
		break;
	default:
		if (!draw(l, 4))
			life_home(l);
		if (!draw(l, 8))
			life_server_evict(l);
		if (!draw(l, 64))
			life_drop(l);
	}
}

/* Everything comes to rest, is forgotten, and is paid. */
static void life_end(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	unsigned int i, n;

	for (i = 0; i < LIFE_FLIGHTS; i++) {
		life_deliver(l, &l->flight[i]);
		life_answer(l, &l->flight[i]);
	}
	life_check(l);
	for (n = 0; n < LIFE_OBJECTS; n++)
		life_flush_object(l, n);
	for (n = 0; n < LIFE_NODES; n++) {
		/* A round that lists nothing, after one that was finished. */
		do {
			while (l->node[n].told < l->node[n].debts)
				life_debt(l, n, true);
			life_debt(l, n, true);
		} while (l->node[n].debts);
	}
	tmem_test_expect_empty(l->test, t->tmem);
	/* No server that stayed has something that nobody wants. */
	for (n = 0; n < LIFE_LEAVER; n++)
		tmem_test_expect_empty(l->test, l->node[n].tmem);
}

static void life_start(struct life *l, enum tmem_kind kind, u64 seed)
{
	struct tmem_test *t = l->test->priv;
	unsigned int n;

	prandom_seed_state(&l->rnd, seed);
	l->kind = kind;
	l->pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL, LIFE_CLIENT,
				   kind);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(l->test, l->pool);
	for (n = 0; n < LIFE_NODES; n++) {
		l->node[n].tmem = tmem_create(NULL, NULL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(l->test, l->node[n].tmem);
		l->node[n].pool = tmem_pool_create(l->node[n].tmem,
						   LIFE_CLIENT, LIFE_CLIENT,
						   kind);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(l->test, l->node[n].pool);
	}
}

static void life_run(struct kunit *test, enum tmem_kind kind, u64 seed)
{
	struct life *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	unsigned int op, n;

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->test = test;
	life_start(l, kind, seed);
	for (op = 0; op < LIFE_OPS; op++) {
		life_step(l);
		if (!(op & 2047))
			life_check(l);
	}
	life_end(l);
	kunit_info(test, "%u moved, %u outdated, %u refused, %u unknown, %u late",
		   l->moved, l->outdated, l->refused, l->unknown, l->late);
	kunit_info(test, "%u fetched, %u missed, %u evicted; told %u, %u whole, %u again, dropped %u, home %u",
		   l->fetched, l->missed, l->evicted, l->single, l->whole,
		   l->again, l->dropped, l->home);
	KUNIT_EXPECT_GT(test, l->moved, LIFE_OPS / 200);
	KUNIT_EXPECT_GT(test, l->outdated, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(test, l->refused, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(test, l->unknown, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(test, l->late, LIFE_OPS / 20000);
	KUNIT_EXPECT_GT(test, l->fetched, LIFE_OPS / 800);
	KUNIT_EXPECT_GT(test, l->whole, LIFE_OPS / 20000);
	KUNIT_EXPECT_GT(test, l->dropped, LIFE_OPS / 20000);
	if (kind == TMEM_PERSISTENT)
		KUNIT_EXPECT_GT(test, l->home, LIFE_OPS / 1000);
	for (n = 0; n < LIFE_NODES; n++)
		tmem_destroy(l->node[n].tmem);
}

static void tmem_move_test_life_persistent(struct kunit *test)
{
	life_run(test, TMEM_PERSISTENT, 2011);
}

static void tmem_move_test_life_ephemeral(struct kunit *test)
{
	life_run(test, TMEM_EPHEMERAL, 2013);
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
