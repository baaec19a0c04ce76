// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: pages that a peer need not keep, as another has them.
 */
#include "tmem_test.h"

#define NODE_A	3
#define NODE_B	254
#define NODE_C	0

/* Put a page whose content follows from its index, and send it to two peers. */
static u64 with_two(struct kunit *test, u64 n, u32 index, u8 a, u8 b)
{
	struct tmem_test *t = test->priv;
	u64 version = tmem_test_put(test, n, index, index), versions[2];
	struct tmem_blob blob = { .data = t->out, .version = version };
	struct tmem_peers peers = tmem_peers(a, b);
	struct tmem_handle handle[2];

	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, versions));
	KUNIT_ASSERT_EQ(test, 0, tmem_send_begin(t->tmem, handle, peers,
						 &blob));
	KUNIT_ASSERT_TRUE(test, tmem_send_done(t->tmem, handle, version, peers,
					       TMEM_SEND_STORED));
	return version;
}

static unsigned int withdraw(struct kunit *test, u8 node,
			     struct tmem_debt *debt, unsigned int max)
{
	struct tmem_test *t = test->priv;
	DECLARE_BITMAP(others, TMEM_NODES);

	bitmap_fill(others, TMEM_NODES);
	return tmem_withdraw(t->tmem, node, others, debt, max);
}

static u64 lone(struct kunit *test)
{
	return tmem_test_stats(test->priv).lone;
}

static void expect_peers(struct kunit *test, u64 n, u32 index, u8 a, u8 b)
{
	struct tmem_peers peers = tmem_peers(a, b);
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, -EREMOTE, tmem_test_get(test, n, index, &blob));
	KUNIT_EXPECT_EQ(test, tmem_peers_nr(blob.peers), tmem_peers_nr(peers));
	KUNIT_EXPECT_TRUE(test, tmem_peers_has(blob.peers, a));
	if (b != TMEM_NO_NODE)
		KUNIT_EXPECT_TRUE(test, tmem_peers_has(blob.peers, b));
}

/* Nobody asks it for the page any more; the other is, for the same version. */
static void tmem_withdraw_test_page(struct kunit *test)
{
	u64 version = with_two(test, 1, 7, NODE_A, NODE_B);
	struct tmem_debt debt[2];

	KUNIT_EXPECT_EQ(test, lone(test), 0);
	KUNIT_ASSERT_EQ(test, withdraw(test, NODE_B, debt, 2), 1);
	KUNIT_EXPECT_EQ(test, debt->handle.client, TMEM_CLIENT_LOCAL);
	KUNIT_EXPECT_EQ(test, debt->handle.pool, TMEM_TEST_POOL);
	KUNIT_EXPECT_EQ(test, debt->handle.oid.word[1], 1);
	KUNIT_EXPECT_EQ(test, debt->handle.index, 7);
	KUNIT_EXPECT_EQ(test, debt->version, version);
	KUNIT_EXPECT_EQ(test, debt->node, NODE_B);
	KUNIT_EXPECT_FALSE(test, debt->whole_object);
	tmem_test_expect_remote(test, 1, 7, NODE_A, version);
	expect_peers(test, 1, 7, NODE_A, TMEM_NO_NODE);
	KUNIT_EXPECT_EQ(test, lone(test), 1);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(test->priv).debts, 0);
	KUNIT_EXPECT_EQ(test, withdraw(test, NODE_B, debt, 2), 0);
}

/* The only copy of a page stays, whatever its peer wants. */
static void tmem_withdraw_test_only_copy(struct kunit *test)
{
	u64 version = tmem_test_remote(test, 1, 7, NODE_A);
	struct tmem_debt debt[2];

	with_two(test, 1, 8, NODE_A, NODE_B);
	KUNIT_EXPECT_EQ(test, withdraw(test, NODE_C, debt, 2), 0);
	KUNIT_EXPECT_EQ(test, withdraw(test, NODE_A, debt, 2), 1);
	KUNIT_EXPECT_EQ(test, debt->handle.index, 8);
	/* Now the other has the only one. */
	KUNIT_EXPECT_EQ(test, withdraw(test, NODE_B, debt, 2), 0);
	tmem_test_expect_remote(test, 1, 7, NODE_A, version);
	expect_peers(test, 1, 8, NODE_B, TMEM_NO_NODE);
	KUNIT_EXPECT_EQ(test, lone(test), 2);
}

/* In parts, each page once, whichever object it is of and who is the other. */
static void tmem_withdraw_test_parts(struct kunit *test)
{
	enum { PAGES = 100, PART = 7 };
	struct tmem_debt debt[PART];
	unsigned int i, n, all = 0;
	u8 seen[PAGES] = {};

	for (i = 0; i < PAGES; i++)
		with_two(test, i % 5, i * 1000, i % 3 ? NODE_A : NODE_C,
			 NODE_B);
	while ((n = withdraw(test, NODE_B, debt, PART))) {
		KUNIT_ASSERT_LE(test, n, PART);
		all += n;
		while (n--)
			seen[debt[n].handle.index / 1000]++;
		KUNIT_ASSERT_LE(test, all, PAGES);
	}
	KUNIT_EXPECT_EQ(test, all, PAGES);
	KUNIT_EXPECT_EQ(test, lone(test), PAGES);
	for (i = 0; i < PAGES; i++) {
		KUNIT_EXPECT_EQ(test, seen[i], 1);
		expect_peers(test, i % 5, i * 1000, i % 3 ? NODE_A : NODE_C,
			     TMEM_NO_NODE);
	}
}

/* What was flushed, replaced or flushed with its object is not withdrawn. */
static void tmem_withdraw_test_gone(struct kunit *test)
{
	struct tmem_debt debt[4];

	with_two(test, 1, 1, NODE_A, NODE_B);
	with_two(test, 1, 2, NODE_A, NODE_B);
	with_two(test, 2, 3, NODE_A, NODE_B);
	tmem_test_flush(test, 1, 1, 0);
	tmem_test_put(test, 1, 2, 99);
	tmem_test_flush_object(test, 2, 0);
	KUNIT_EXPECT_EQ(test, withdraw(test, NODE_A, debt, 4), 0);
	KUNIT_EXPECT_EQ(test, lone(test), 0);
	tmem_test_expect(test, 1, 2, 99);
}

/*
 * What becomes of a page afterwards concerns the other peer alone: the first is
 * owed nothing, as whoever withdrew the page tells it.
 */
static void tmem_withdraw_test_then_flushed(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version = with_two(test, 1, 1, NODE_A, NODE_B);
	struct tmem_debt debt[2], owed;

	KUNIT_ASSERT_EQ(test, withdraw(test, NODE_A, debt, 2), 1);
	tmem_test_flush(test, 1, 1, 0);
	KUNIT_EXPECT_EQ(test, lone(test), 0);
	KUNIT_EXPECT_EQ(test, tmem_collect_debts(t->tmem, NODE_A, &owed, 1), 0);
	KUNIT_ASSERT_EQ(test, tmem_collect_debts(t->tmem, NODE_B, &owed, 1), 1);
	KUNIT_EXPECT_EQ(test, owed.version, version);
	tmem_settle_debt(t->tmem, &owed);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects, 0);
}

/*
 * A page that was fetched before it was withdrawn is the same page, and comes home;
 * under another version, which a flush of the first, however late, does not meet.
 */
static void tmem_withdraw_test_then_home(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version = with_two(test, 1, 7, NODE_A, NODE_B);
	struct tmem_away away = {
		.handle = tmem_test_handle(1, 7),
		.version = version,
		.peers = tmem_peers(NODE_A, NODE_B),
	};
	struct tmem_blob blob = tmem_test_blob(t, 7, tmem_test_len(7));
	struct tmem_debt debt[2];

	KUNIT_ASSERT_EQ(test, withdraw(test, NODE_A, debt, 2), 1);
	expect_peers(test, 1, 7, NODE_B, TMEM_NO_NODE);
	KUNIT_EXPECT_EQ(test, 0, tmem_bring_home(t->tmem, &away, &blob,
						 GFP_NOWAIT));
	tmem_test_expect(test, 1, 7, 7);
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	KUNIT_EXPECT_GT(test, blob.version, debt->version);
	KUNIT_EXPECT_EQ(test, lone(test), 0);
}

/* A page is not withdrawn if the other peer is not there: it may have gone. */
static void tmem_withdraw_test_absent(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	DECLARE_BITMAP(others, TMEM_NODES);
	struct tmem_debt debt[2];

	with_two(test, 1, 7, NODE_A, NODE_B);
	bitmap_fill(others, TMEM_NODES);
	__clear_bit(NODE_B, others);
	KUNIT_EXPECT_EQ(test, 0, tmem_withdraw(t->tmem, NODE_A, others, debt,
					       2));
	expect_peers(test, 1, 7, NODE_A, NODE_B);
	KUNIT_EXPECT_EQ(test, lone(test), 0);
	/* It is of no account whether the one is there that wants it back. */
	__set_bit(NODE_B, others);
	__clear_bit(NODE_A, others);
	KUNIT_EXPECT_EQ(test, 1, tmem_withdraw(t->tmem, NODE_A, others, debt,
					       2));
	expect_peers(test, 1, 7, NODE_B, TMEM_NO_NODE);
}

static struct kunit_case tmem_withdraw_test_cases[] = {
	KUNIT_CASE(tmem_withdraw_test_page),
	KUNIT_CASE(tmem_withdraw_test_only_copy),
	KUNIT_CASE(tmem_withdraw_test_absent),
	KUNIT_CASE(tmem_withdraw_test_parts),
	KUNIT_CASE(tmem_withdraw_test_gone),
	KUNIT_CASE(tmem_withdraw_test_then_flushed),
	KUNIT_CASE(tmem_withdraw_test_then_home),
	{}
};

static struct kunit_suite tmem_withdraw_test_suite = {
	.name = "ramster-tmem-withdraw",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_withdraw_test_cases,
};

kunit_test_suite(tmem_withdraw_test_suite);
