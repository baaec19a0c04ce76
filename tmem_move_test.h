/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit tests of pages that go to peers share.
 */
#ifndef _RAMSTER_TMEM_MOVE_TEST_H
#define _RAMSTER_TMEM_MOVE_TEST_H

#include "tmem_test.h"

#define NODE_A	3
#define NODE_B	254

/* Isolate one page, which has to be this one. */
static inline void expect_isolate(struct kunit *test, u64 n, u32 index,
				  u64 version)
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

static inline void expect_no_candidate(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	u64 versions[2];

	KUNIT_EXPECT_EQ(test, 0, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, versions));
}

static inline int begin_on(struct kunit *test, u64 n, u32 index, u64 version,
			   struct tmem_peers peers)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle = tmem_test_handle(n, index);
	struct tmem_blob blob = { .data = t->out, .version = version };

	return tmem_send_begin(t->tmem, &handle, peers, &blob);
}

static inline int begin(struct kunit *test, u64 n, u32 index, u64 version,
			u8 node)
{
	return begin_on(test, n, index, version, tmem_peer(node));
}

static inline bool done_by(struct kunit *test, u64 n, u32 index, u64 version,
			   struct tmem_peers holders,
			   enum tmem_send_result result)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle = tmem_test_handle(n, index);

	return tmem_send_done(t->tmem, &handle, version, holders, result);
}

static inline bool done(struct kunit *test, u64 n, u32 index, u64 version,
			u8 node, enum tmem_send_result result)
{
	return done_by(test, n, index, version, tmem_peer(node), result);
}

/* Put a page, isolate it, and begin to send it. */
static inline u64 sending_to(struct kunit *test, u64 n, u32 index,
			     struct tmem_peers peers)
{
	u64 version = tmem_test_put(test, n, index, index);

	expect_isolate(test, n, index, version);
	KUNIT_ASSERT_EQ(test, 0, begin_on(test, n, index, version, peers));
	return version;
}

static inline u64 sending(struct kunit *test, u64 n, u32 index, u8 node)
{
	return sending_to(test, n, index, tmem_peer(node));
}

/* Make a page that is with peers. */
static inline u64 remote_on(struct kunit *test, u64 n, u32 index,
			    struct tmem_peers peers)
{
	u64 version = sending_to(test, n, index, peers);

	KUNIT_ASSERT_TRUE(test, done_by(test, n, index, version, peers,
					TMEM_SEND_STORED));
	return version;
}

static inline u64 remote(struct kunit *test, u64 n, u32 index, u8 node)
{
	return remote_on(test, n, index, tmem_peer(node));
}

static inline unsigned int collect(struct kunit *test, u8 node,
				   struct tmem_debt *debt, unsigned int max)
{
	struct tmem_test *t = test->priv;

	return tmem_collect_debts(t->tmem, node, debt, max);
}

static inline void settle(struct kunit *test, const struct tmem_debt *debt)
{
	struct tmem_test *t = test->priv;

	tmem_settle_debt(t->tmem, debt);
}

/* There is just this one debt to this node; it is settled if asked for. */
static inline void expect_debt(struct kunit *test, u64 n, u32 index,
			       u64 version, u8 node, bool pay)
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

static inline void expect_held(struct kunit *test, u64 local, u64 away,
			       u64 on_way, u64 debts)
{
	struct tmem_stats stats = tmem_test_stats(test->priv);

	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].zpages, local);
	KUNIT_EXPECT_EQ(test, stats.remote[TMEM_PERSISTENT], away);
	KUNIT_EXPECT_EQ(test, stats.remote[TMEM_EPHEMERAL], 0);
	KUNIT_EXPECT_EQ(test, stats.sending, on_way);
	KUNIT_EXPECT_EQ(test, stats.debts, debts);
}

/* One suite, in tmem_move_test.c, has the cases of the other files too. */

/* tmem_move_debts_test.c */
void tmem_move_test_flush_remote(struct kunit *test);
void tmem_move_test_put_remote(struct kunit *test);
void tmem_move_test_put_tombstone(struct kunit *test);
void tmem_move_test_settle_other(struct kunit *test);
void tmem_move_test_whole_object(struct kunit *test);
void tmem_move_test_not_whole(struct kunit *test);
void tmem_move_test_not_whole_local(struct kunit *test);
void tmem_move_test_whole_then_more(struct kunit *test);
void tmem_move_test_rotation(struct kunit *test);
void tmem_move_test_dead_node(struct kunit *test);
void tmem_move_test_drop(struct kunit *test);
void tmem_move_test_drop_held(struct kunit *test);
void tmem_move_test_drop_sending(struct kunit *test);
void tmem_move_test_pool_destroy(struct kunit *test);

/* tmem_move_life_test.c */
void tmem_move_test_life_persistent(struct kunit *test);
void tmem_move_test_life_ephemeral(struct kunit *test);

#endif /* _RAMSTER_TMEM_MOVE_TEST_H */
