// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: pages of which there is but one copy, how they become so,
 * and who finds them.
 */
#include "tmem_copies_test.h"

#define FILES	2	/* number of an ephemeral pool */

/* One page with both, one with A alone, one with B alone: in object @n. */
static void three_away(struct kunit *test, u64 n)
{
	remote_on(test, n, 1, BOTH);
	remote(test, n, 2, NODE_A);
	remote(test, n, 3, NODE_B);
}

static void end_put(struct kunit *test, u32 index)
{
	tmem_test_put(test, 1, index, 8);
}

static void end_flush(struct kunit *test, u32 index)
{
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, index, 0));
}

static void end_range(struct kunit *test, u32 index)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);

	KUNIT_EXPECT_EQ(test, 1, tmem_flush_range(t->pool, &oid, index, 1));
}

static int home(struct kunit *test, u64 n, u32 index, u64 version,
		struct tmem_peers peers)
{
	struct tmem_test *t = test->priv;
	struct tmem_away away = {
		.handle = tmem_test_handle(n, index),
		.version = version,
		.peers = peers,
	};
	struct tmem_blob blob = tmem_test_blob(t, index, tmem_test_len(index));

	return tmem_bring_home(t->tmem, &away, &blob, GFP_NOWAIT);
}

static void end_home(struct kunit *test, u32 index)
{
	struct tmem_blob blob;

	KUNIT_ASSERT_EQ(test, -EREMOTE, tmem_test_get(test, 1, index, &blob));
	KUNIT_EXPECT_EQ(test, 0, home(test, 1, index, blob.version,
				      blob.peers));
}

/* Whatever ends a page's stay with peers: marks and counters know of it. */
void tmem_copies_test_lone_ends(struct kunit *test)
{
	static void (*const end[])(struct kunit *test, u32 index) = {
		end_put, end_flush, end_range, end_home,
	};
	struct tmem_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(end); i++) {
		three_away(test, 1);
		copies_expect(test, 3, 2, 0);
		end[i](test, 2);
		copies_expect(test, 2, 1, 1);
		end[i](test, 1);
		copies_expect(test, 1, 1, 2);
		end[i](test, 3);
		copies_expect(test, 0, 0, 3);
		tmem_test_flush_object(test, 1, 0);
		copies_forget(test, NODE_A);
		copies_expect(test, 0, 0, 2);
		copies_forget(test, NODE_B);
		tmem_test_expect_empty(test, t->tmem);
	}
}

/* So they do when a large object goes at once, and its slots later. */
void tmem_copies_test_lone_flush_object(struct kunit *test)
{
	enum { MANY = 200 };
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_away away;
	struct tmem_search search = {};
	u32 i;

	for (i = 0; i < MANY; i++)
		remote_on(test, 1, i, i % 4 ? BOTH : tmem_peer(NODE_A));
	copies_expect(test, MANY, MANY / 4, 0);
	KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(t->pool, &oid));
	/* Nobody is offered what is gone, even if it is still there. */
	bitmap_fill(search.nodes, TMEM_NODES);
	search.lone = true;
	KUNIT_EXPECT_EQ(test, 0, tmem_collect_away(t->tmem, &search, &away, 1));
	flush_work(&t->tmem->doom_work);
	copies_expect(test, 0, 0, MANY);
	copies_forget(test, NODE_A);
	copies_expect(test, 0, 0, MANY - MANY / 4);
	copies_pay(test, NODE_B);
	tmem_test_expect_empty(test, t->tmem);
}

/* A pool takes with it what it had with peers, and what is on its way to them. */
void tmem_copies_test_lone_pool(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 sent, gone;

	sent = sending_to(test, 1, 8, BOTH);
	gone = sending_to(test, 1, 9, BOTH);
	tmem_test_flush(test, 1, 9, 0);
	three_away(test, 1);
	three_away(test, 2);
	tmem_test_flush(test, 2, 1, 0);
	tmem_test_put(test, 2, 2, 5);
	copies_expect(test, 4, 3, 2);
	tmem_pool_destroy(t->pool);
	tmem_test_expect_empty(test, t->tmem);
	KUNIT_EXPECT_FALSE(test, done_by(test, 1, 8, sent, BOTH,
					 TMEM_SEND_STORED));
	KUNIT_EXPECT_FALSE(test, done_by(test, 1, 9, gone, BOTH,
					 TMEM_SEND_UNKNOWN));
	copies_forget(test, NODE_A);
	tmem_test_expect_empty(test, t->tmem);
}

static struct tmem_pool *files(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_pool *pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL,
						  FILES, TMEM_EPHEMERAL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	return pool;
}

static void file_away(struct kunit *test, struct tmem_pool *pool, u32 index,
		      struct tmem_peers peers)
{
	struct tmem_test *t = test->priv;
	struct tmem_blob blob = tmem_test_blob(t, index, 99);
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_handle handle[2];
	u64 version[2];

	KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &oid, index, &blob,
					  GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_EPHEMERAL,
						     handle, version));
	blob.data = t->out;
	KUNIT_ASSERT_EQ(test, 0, tmem_send_begin(t->tmem, handle, peers,
						 &blob));
	KUNIT_ASSERT_TRUE(test, tmem_send_done(t->tmem, handle, version[0],
					       peers, TMEM_SEND_STORED));
}

/* Of a page of a file one copy is enough: nobody counts them, or looks for it. */
void tmem_copies_test_ephemeral(struct kunit *test)
{
	struct tmem_pool *pool = files(test);
	struct tmem_test *t = test->priv;
	struct tmem_search search = {};
	struct tmem_away away;

	file_away(test, pool, 1, BOTH);
	file_away(test, pool, 2, tmem_peer(NODE_A));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).remote[TMEM_EPHEMERAL], 2);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).lone, 0);
	bitmap_fill(search.nodes, TMEM_NODES);
	KUNIT_EXPECT_EQ(test, 0, tmem_collect_away(t->tmem, &search, &away, 1));
	search.lone = true;
	KUNIT_EXPECT_EQ(test, 0, tmem_collect_away(t->tmem, &search, &away, 1));
	/* Whoever has one of those that are dropped is told. */
	KUNIT_EXPECT_EQ(test, 2, tmem_evict_words(pool, 4));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).debts, 2);
	copies_pay(test, NODE_B);
	copies_pay(test, NODE_A);
	tmem_test_expect_empty(test, t->tmem);
}

static unsigned int search_for(struct kunit *test, int a, int b, bool lone,
			       struct tmem_away *away, unsigned int max)
{
	struct tmem_test *t = test->priv;
	struct tmem_search search = { .lone = lone };

	if (a >= 0)
		__set_bit(a, search.nodes);
	if (b >= 0)
		__set_bit(b, search.nodes);
	return tmem_collect_away(t->tmem, &search, away, max);
}

/* A page is found by each of those who have it, and as a lone one if it is. */
void tmem_copies_test_collect(struct kunit *test)
{
	struct tmem_away away[8];

	three_away(test, 1);
	KUNIT_EXPECT_EQ(test, 3, search_for(test, NODE_A, NODE_B, false, away,
					    8));
	KUNIT_EXPECT_EQ(test, 2, search_for(test, NODE_A, -1, false, away, 8));
	KUNIT_EXPECT_EQ(test, 2, search_for(test, NODE_B, NODE_C, false, away,
					    8));
	KUNIT_EXPECT_EQ(test, 0, search_for(test, NODE_C, -1, false, away, 8));
	KUNIT_EXPECT_EQ(test, 0, search_for(test, -1, -1, false, away, 8));
	KUNIT_EXPECT_EQ(test, 2, search_for(test, NODE_A, NODE_B, true, away,
					    8));
	KUNIT_EXPECT_EQ(test, 0, search_for(test, NODE_C, -1, true, away, 8));
	KUNIT_ASSERT_EQ(test, 1, search_for(test, NODE_B, -1, true, away, 8));
	KUNIT_EXPECT_EQ(test, away[0].handle.index, 3);
	KUNIT_EXPECT_EQ(test, away[0].peers.node[0], NODE_B);
	KUNIT_EXPECT_EQ(test, away[0].peers.node[1], TMEM_NO_NODE);

	copies_forget(test, NODE_B);
	KUNIT_EXPECT_EQ(test, 2, search_for(test, NODE_A, -1, true, away, 8));
	KUNIT_ASSERT_EQ(test, 1, search_for(test, NODE_B, -1, false, away, 8));
	KUNIT_EXPECT_EQ(test, away[0].handle.index, 3);
}

/* Lone pages are found in turn, among many that are not, and none is left out. */
void tmem_copies_test_collect_in_turn(struct kunit *test)
{
	enum { PAGES = 60, LONE = PAGES / 5, CALLS = LONE };
	unsigned int seen[PAGES] = {}, i, n, calls;
	struct tmem_away away[3];

	for (i = 0; i < PAGES; i++)
		remote_on(test, i % COPIES_OBJECTS, i * 1000,
			  i % 5 ? BOTH : tmem_peer(NODE_A));
	for (calls = 0; calls < CALLS; calls++) {
		n = search_for(test, NODE_A, NODE_B, true, away,
			       ARRAY_SIZE(away));
		KUNIT_ASSERT_EQ(test, n, 3);
		for (i = 0; i < n; i++)
			seen[away[i].handle.index / 1000]++;
	}
	for (i = 0; i < PAGES; i++)
		if (i % 5)
			KUNIT_EXPECT_EQ(test, seen[i], 0);
		else
			KUNIT_EXPECT_EQ(test, seen[i], 3);
}

/* Both have to forget the page that has come home before it is sent again. */
void tmem_copies_test_home(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version = remote_on(test, 1, 7, BOTH);
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, -ESTALE, home(test, 1, 7, version - 1, BOTH));
	copies_expect(test, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, home(test, 1, 7, version, BOTH));
	KUNIT_EXPECT_EQ(test, t->owes, 1);
	tmem_test_expect(test, 1, 7, 7);
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	KUNIT_EXPECT_GT(test, blob.version, version);
	copies_expect_owed(test, 1, 7, version, BOTH);
	copies_pay(test, NODE_A);
	expect_no_candidate(test);
	copies_expect(test, 0, 0, 1);
	copies_pay(test, NODE_B);
	expect_isolate(test, 1, 7, blob.version);
	copies_expect(test, 0, 0, 0);
}

/*
 * One of both loses the page while it is fetched from the other: it is the same
 * page still, and comes home; only who has it yet is owed something.
 */
void tmem_copies_test_home_after_forget(struct kunit *test)
{
	u64 version = remote_on(test, 1, 7, BOTH);

	copies_forget(test, NODE_A);
	KUNIT_EXPECT_EQ(test, 0, home(test, 1, 7, version, BOTH));
	tmem_test_expect(test, 1, 7, 7);
	copies_expect_owed(test, 1, 7, version, tmem_peer(NODE_B));
	copies_expect(test, 0, 0, 1);
}

/*
 * Who has lost all is not asked for what another one has, too; of these pages
 * there is but one copy now.  Nothing else changes, and nothing is owed.
 */
void tmem_copies_test_forget_away(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 first = remote_on(test, 1, 1, BOTH);
	u64 second = remote_on(test, 1, 2, tmem_peers(NODE_B, NODE_A));
	u64 third = remote_on(test, 1, 3, tmem_peers(NODE_B, NODE_C));
	u64 other = remote_on(test, 2, 1, BOTH);

	tmem_test_put(test, 1, 4, 4);
	copies_expect(test, 4, 0, 0);
	copies_forget(test, NODE_A);
	copies_expect_at(test, 1, 1, tmem_peer(NODE_B), first);
	copies_expect_at(test, 1, 2, tmem_peer(NODE_B), second);
	copies_expect_at(test, 1, 3, tmem_peers(NODE_B, NODE_C), third);
	copies_expect_at(test, 2, 1, tmem_peer(NODE_B), other);
	tmem_test_expect(test, 1, 4, 4);
	copies_expect(test, 4, 3, 0);
	/* Again, and one that has nothing. */
	copies_forget(test, NODE_A);
	copies_forget(test, 77);
	copies_expect(test, 4, 3, 0);
	KUNIT_EXPECT_EQ(test, t->owes, 0);
	/* Who has lost it is told nothing of it. */
	tmem_test_flush(test, 1, 1, 0);
	copies_expect_owed(test, 1, 1, first, tmem_peer(NODE_B));
}

/*
 * The last copy is lost: the page stays where it was, so that who asks for it is
 * told so, and never finds anything else in its place.
 */
void tmem_copies_test_forget_last(struct kunit *test)
{
	u64 version = remote_on(test, 1, 7, BOTH);
	struct tmem_debt debt;

	copies_forget(test, NODE_A);
	copies_forget(test, NODE_B);
	copies_expect_at(test, 1, 7, tmem_peer(NODE_B), version);
	copies_expect(test, 1, 1, 0);
	copies_forget(test, NODE_B);
	copies_forget(test, NODE_A);
	copies_expect_at(test, 1, 7, tmem_peer(NODE_B), version);
	copies_expect(test, 1, 1, 0);
	tmem_test_put(test, 1, 7, 8);
	KUNIT_EXPECT_EQ(test, 0, collect(test, NODE_A, &debt, 1));
	copies_expect_owed(test, 1, 7, version, tmem_peer(NODE_B));
}

/* Who has lost all need not be told to forget any of it; the others do. */
void tmem_copies_test_forget_debts(struct kunit *test)
{
	u64 both, held, alone, newer;

	both = remote_on(test, 1, 1, BOTH);
	/* Too long to share a frame. */
	held = remote_on(test, 1, 2200, BOTH);
	alone = remote(test, 1, 3, NODE_A);
	remote(test, 2, 2096, NODE_A);
	tmem_test_flush(test, 1, 1, 0);
	tmem_test_put(test, 1, 2200, 2200);
	tmem_test_flush(test, 1, 3, 0);
	newer = tmem_test_put(test, 2, 2096, 2096);
	KUNIT_EXPECT_LT(test, both, held);
	KUNIT_EXPECT_LT(test, held, alone);
	copies_expect(test, 0, 0, 4);
	expect_no_candidate(test);

	copies_forget(test, NODE_A);
	copies_expect(test, 0, 0, 2);
	expect_isolate(test, 2, 2096, newer);
	expect_no_candidate(test);
	tmem_test_flush(test, 1, 2200, 0);
	/* Two tombstones of B, and nothing else. */
	copies_pay(test, NODE_B);
	copies_expect(test, 0, 0, 0);
}

/*
 * What is on its way is not known of.  That it was lost is for tmem_send_done() to
 * tell; what is told is believed.
 */
void tmem_copies_test_forget_sending(struct kunit *test)
{
	u64 sent = sending_to(test, 1, 1, BOTH);
	u64 flushed = sending_to(test, 1, 2, BOTH);
	u64 replaced = sending_to(test, 2, 3, BOTH);

	tmem_test_flush(test, 1, 2, 0);
	tmem_test_put(test, 2, 3, 4);
	copies_forget(test, NODE_A);
	copies_forget(test, NODE_B);
	expect_held(test, 2, 0, 3, 0);
	copies_expect(test, 0, 0, 0);
	expect_no_candidate(test);
	tmem_test_expect(test, 1, 1, 1);
	KUNIT_EXPECT_TRUE(test, done_by(test, 1, 1, sent, tmem_peer(NODE_B),
					TMEM_SEND_STORED));
	copies_expect_at(test, 1, 1, tmem_peer(NODE_B), sent);
	done_by(test, 1, 2, flushed, tmem_peer(NODE_B), TMEM_SEND_UNKNOWN);
	copies_expect_owed(test, 1, 2, flushed, tmem_peer(NODE_B));
	done_by(test, 2, 3, replaced, BOTH, TMEM_SEND_REFUSED);
	copies_expect(test, 1, 1, 1);
}

/* Who has lost all and comes back is as good as anybody else. */
void tmem_copies_test_forget_back(struct kunit *test)
{
	u64 version = remote_on(test, 1, 7, BOTH), newer;

	copies_forget(test, NODE_A);
	copies_expect(test, 1, 1, 0);
	KUNIT_EXPECT_EQ(test, 0, home(test, 1, 7, version, tmem_peer(NODE_B)));
	copies_expect_owed(test, 1, 7, version, tmem_peer(NODE_B));
	copies_pay(test, NODE_B);
	newer = version + 1;
	expect_isolate(test, 1, 7, newer);
	KUNIT_ASSERT_EQ(test, 0, begin_on(test, 1, 7, newer, BOTH));
	KUNIT_EXPECT_TRUE(test, done_by(test, 1, 7, newer, BOTH,
					TMEM_SEND_STORED));
	copies_expect_at(test, 1, 7, BOTH, newer);
	copies_expect(test, 1, 0, 0);
}

static int put_again(struct kunit *test, u32 index, bool filled)
{
	struct tmem_test *t = test->priv;
	struct tmem_blob blob = tmem_test_blob(t, 99, 9);
	struct tmem_oid oid = tmem_test_oid(1);

	if (filled)
		blob = (struct tmem_blob) { .filled = true };
	return tmem_put(t->pool, &oid, index, &blob, GFP_KERNEL);
}

/*
 * When versions run short nothing new is taken; what is here is as it was, and can
 * be sent, also after a journey of which nobody knows the end, come home, and be
 * flushed.
 */
void tmem_copies_test_last_versions(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 away = remote_on(test, 1, 1, BOTH), last;
	struct tmem_blob blob;
	unsigned int i;

	atomic64_set(&t->tmem->version, TMEM_VERSION_LAST_PUT - 1);
	last = sending_to(test, 1, 2, BOTH);
	KUNIT_EXPECT_EQ(test, last, TMEM_VERSION_LAST_PUT);
	for (i = 1; i <= 3; i++) {
		KUNIT_EXPECT_EQ(test, -ENOSPC, put_again(test, i, false));
		KUNIT_EXPECT_EQ(test, -ENOSPC, put_again(test, i, true));
	}
	copies_expect_at(test, 1, 1, BOTH, away);
	tmem_test_expect(test, 1, 2, 2);
	tmem_test_expect_none(test, 1, 3);

	done_by(test, 1, 2, last, BOTH, TMEM_SEND_UNKNOWN);
	copies_pay(test, NODE_A);
	copies_pay(test, NODE_B);
	expect_isolate(test, 1, 2, last + 1);
	KUNIT_ASSERT_EQ(test, 0, begin_on(test, 1, 2, last + 1, BOTH));
	KUNIT_EXPECT_TRUE(test, done_by(test, 1, 2, last + 1, BOTH,
					TMEM_SEND_STORED));
	copies_expect_at(test, 1, 2, BOTH, last + 1);
	KUNIT_EXPECT_EQ(test, 0, home(test, 1, 1, away, BOTH));
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 1, &blob));
	KUNIT_EXPECT_EQ(test, blob.version, last + 2);
	KUNIT_EXPECT_EQ(test, tmem_test_flush_object(test, 1, 0), 2);
	copies_pay(test, NODE_A);
	copies_pay(test, NODE_B);
	tmem_test_expect_empty(test, t->tmem);
}
