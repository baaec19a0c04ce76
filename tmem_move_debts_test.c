// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: debts, which are what peers have to be told.
 */
#include "tmem_move_test.h"

/* A flush of a remote page is seen at once, and told to the peer later. */
void tmem_move_test_flush_remote(struct kunit *test)
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
void tmem_move_test_put_remote(struct kunit *test)
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
void tmem_move_test_put_tombstone(struct kunit *test)
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
void tmem_move_test_settle_other(struct kunit *test)
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
void tmem_move_test_whole_object(struct kunit *test)
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
void tmem_move_test_not_whole(struct kunit *test)
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
void tmem_move_test_not_whole_local(struct kunit *test)
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
void tmem_move_test_whole_then_more(struct kunit *test)
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
void tmem_move_test_rotation(struct kunit *test)
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
void tmem_move_test_dead_node(struct kunit *test)
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
void tmem_move_test_drop(struct kunit *test)
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
void tmem_move_test_drop_held(struct kunit *test)
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
void tmem_move_test_drop_sending(struct kunit *test)
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
void tmem_move_test_pool_destroy(struct kunit *test)
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
