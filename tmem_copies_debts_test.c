// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: what two peers have to be told of the same page.
 */
#include "tmem_copies_test.h"

static const u8 orders[][TMEM_COPIES] = {
	{ NODE_A, NODE_B },
	{ NODE_B, NODE_A },
};

/* A tombstone stays until both were told, whoever is the first. */
void tmem_copies_test_settle(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_debt debt;
	unsigned int i;
	u64 version;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		t->owes = 0;
		version = remote_on(test, 1, 7, BOTH);
		tmem_test_flush(test, 1, 7, 0);
		KUNIT_EXPECT_EQ(test, t->owes, 1);
		copies_expect_owed(test, 1, 7, version, BOTH);
		copies_pay(test, orders[i][0]);
		copies_expect_owed(test, 1, 7, version,
				   tmem_peer(orders[i][1]));
		copies_expect(test, 0, 0, 1);
		tmem_test_expect_none(test, 1, 7);
		copies_pay(test, orders[i][1]);
		KUNIT_EXPECT_EQ(test, 0, collect(test, orders[i][1], &debt, 1));
		tmem_test_expect_empty(test, t->tmem);
	}
}

/* So does a page that is here: it can be sent when the second one was told. */
void tmem_copies_test_settle_held(struct kunit *test)
{
	u64 version, newer;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		version = remote_on(test, 1, 7, BOTH);
		newer = tmem_test_put(test, 1, 7, 8);
		copies_pay(test, orders[i][0]);
		expect_no_candidate(test);
		KUNIT_EXPECT_EQ(test, -ENOENT, begin(test, 1, 7, newer,
						     NODE_C));
		copies_expect_owed(test, 1, 7, version,
				   tmem_peer(orders[i][1]));
		copies_pay(test, orders[i][1]);
		copies_expect(test, 0, 0, 0);
		expect_isolate(test, 1, 7, newer);
		KUNIT_EXPECT_EQ(test, 0, begin_on(test, 1, 7, newer, BOTH));
		KUNIT_EXPECT_TRUE(test, done_by(test, 1, 7, newer, BOTH,
						TMEM_SEND_STORED));
		copies_expect_at(test, 1, 7, BOTH, newer);
		tmem_test_flush(test, 1, 7, 0);
		copies_pay(test, NODE_A);
		copies_pay(test, NODE_B);
	}
}

/*
 * Nothing is settled twice: what one of them was told again, or a third one, or of
 * another version, is not what the other one has to be told.
 */
void tmem_copies_test_settle_other(struct kunit *test)
{
	u64 version = remote_on(test, 1, 7, BOTH);
	struct tmem_debt debt, other;

	tmem_test_put(test, 1, 7, 8);
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_A, &debt, 1));
	other = debt;
	other.version--;
	settle(test, &other);
	other.version += 2;
	settle(test, &other);
	other = debt;
	other.node = NODE_C;
	settle(test, &other);
	copies_expect_owed(test, 1, 7, version, BOTH);
	settle(test, &debt);
	settle(test, &debt);
	copies_expect_owed(test, 1, 7, version, tmem_peer(NODE_B));
	debt.whole_object = true;
	settle(test, &debt);
	copies_expect_owed(test, 1, 7, version, tmem_peer(NODE_B));
	tmem_test_expect(test, 1, 7, 8);
}

/* An object of which nothing is left is one message to each of both. */
void tmem_copies_test_whole(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 highest = 0;
	struct tmem_debt debt[4];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		for (k = 0; k < 20; k++)
			highest = remote_on(test, 1, k * 77, k % 2 ? BOTH :
					    tmem_peers(NODE_B, NODE_A));
		tmem_test_flush_object(test, 1, 0);
		copies_expect(test, 0, 0, 20);
		for (k = 0; k < TMEM_COPIES; k++) {
			u8 node = orders[i][k];

			KUNIT_ASSERT_EQ(test, 1, collect(test, node, debt, 4));
			KUNIT_EXPECT_TRUE(test, debt[0].whole_object);
			KUNIT_EXPECT_EQ(test, debt[0].version, highest);
			KUNIT_EXPECT_EQ(test, debt[0].node, node);
			settle(test, &debt[0]);
			KUNIT_EXPECT_EQ(test, 0, collect(test, node, debt, 4));
			copies_expect(test, 0, 0, k ? 0 : 20);
		}
		tmem_test_expect_empty(test, t->tmem);
	}
}

/* The rest of an object is still one message to the one who has all the rest. */
void tmem_copies_test_whole_after_one(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_debt debt[4];
	u64 version;

	remote_on(test, 1, 1, BOTH);
	version = remote_on(test, 1, 2, BOTH);
	tmem_test_flush(test, 1, 1, 0);
	copies_pay(test, NODE_A);
	tmem_test_flush(test, 1, 2, 0);
	/* The first of these two slots has nothing for A any more. */
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
	KUNIT_EXPECT_EQ(test, debt[0].handle.index, 2);
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_B, debt, 4));
	KUNIT_EXPECT_TRUE(test, debt[0].whole_object);
	KUNIT_EXPECT_EQ(test, debt[0].version, version);

	/* Something that comes meanwhile is not settled with it. */
	version = remote_on(test, 1, 3, BOTH);
	tmem_test_flush(test, 1, 3, 0);
	settle(test, &debt[0]);
	copies_expect(test, 0, 0, 2);
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_B, debt, 4));
	KUNIT_EXPECT_EQ(test, debt[0].version, version);
	settle(test, &debt[0]);
	KUNIT_ASSERT_EQ(test, 1, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_TRUE(test, debt[0].whole_object);
	settle(test, &debt[0]);
	tmem_test_expect_empty(test, t->tmem);
}

/* A page of others, or one that is here, makes it less than all for either. */
void tmem_copies_test_not_whole(struct kunit *test)
{
	struct tmem_debt debt[4];
	u64 version;

	remote_on(test, 1, 1, BOTH);
	remote_on(test, 1, 2, tmem_peers(NODE_A, NODE_C));
	version = remote_on(test, 1, 3, tmem_peers(NODE_C, NODE_B));
	tmem_test_flush_object(test, 1, 0);
	KUNIT_ASSERT_EQ(test, 2, collect(test, NODE_A, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
	KUNIT_ASSERT_EQ(test, 2, collect(test, NODE_B, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
	KUNIT_ASSERT_EQ(test, 2, collect(test, NODE_C, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[0].whole_object);
	settle(test, &debt[0]);
	/* That the second one is A's alone now changes nothing for A. */
	KUNIT_EXPECT_EQ(test, 2, collect(test, NODE_A, debt, 4));
	copies_expect(test, 0, 0, 3);

	/* All that is left is B's, but one of the slots has a page, too. */
	copies_pay(test, NODE_C);
	tmem_test_put(test, 1, 3, 8);
	KUNIT_ASSERT_EQ(test, 2, collect(test, NODE_B, debt, 4));
	KUNIT_EXPECT_FALSE(test, debt[1].whole_object);
	KUNIT_EXPECT_EQ(test, debt[1].handle.index, 3);
	KUNIT_EXPECT_EQ(test, debt[1].version, version);
}

static void drop_all_but(struct kunit *test, int node)
{
	struct tmem_test *t = test->priv;
	DECLARE_BITMAP(except, TMEM_NODES);

	bitmap_zero(except, TMEM_NODES);
	if (node >= 0)
		__set_bit(node, except);
	tmem_drop_debts(t->tmem, except);
}

/* One of both will never be told; the other one still has to be. */
void tmem_copies_test_drop(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version, held, newer;
	struct tmem_debt debt[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		u8 left = orders[i][0], gone = orders[i][1];

		version = remote_on(test, 1, 7, BOTH);
		held = remote_on(test, 2, 8, BOTH);
		tmem_test_flush(test, 1, 7, 0);
		newer = tmem_test_put(test, 2, 8, 9);
		drop_all_but(test, left);
		copies_expect(test, 0, 0, 2);
		expect_no_candidate(test);
		KUNIT_EXPECT_EQ(test, 0, collect(test, gone, debt, 2));
		KUNIT_ASSERT_EQ(test, 2, collect(test, left, debt, 2));
		KUNIT_EXPECT_EQ(test, debt[0].version + debt[1].version,
				version + held);
		settle(test, &debt[0]);
		settle(test, &debt[1]);
		copies_expect(test, 0, 0, 0);
		expect_isolate(test, 2, 8, newer);
		tmem_test_flush(test, 2, 8, 0);
		tmem_test_expect_empty(test, t->tmem);
	}
}

/* None of both will be told; nor who was the only one. */
void tmem_copies_test_drop_all(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 newer;

	remote_on(test, 1, 7, BOTH);
	remote_on(test, 2, 8, BOTH);
	remote(test, 2, 9, NODE_A);
	remote_on(test, 2, 10, BOTH);
	tmem_test_flush(test, 1, 7, 0);
	newer = tmem_test_put(test, 2, 8, 9);
	tmem_test_flush(test, 2, 9, 0);
	copies_expect(test, 1, 0, 3);
	drop_all_but(test, NODE_C);
	/* What is away stays away: it is no debt. */
	copies_expect(test, 1, 0, 0);
	expect_isolate(test, 2, 8, newer);
	tmem_test_expect(test, 2, 8, 9);
	tmem_test_flush_object(test, 2, 0);
	drop_all_but(test, -1);
	tmem_test_expect_empty(test, t->tmem);
}
