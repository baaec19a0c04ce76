/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit tests of pages with two copies share.
 */
#ifndef _RAMSTER_TMEM_COPIES_TEST_H
#define _RAMSTER_TMEM_COPIES_TEST_H

#include "tmem_int.h"
#include "tmem_move_test.h"

/* The lowest number that a node can have; NODE_B is the highest. */
#define NODE_C	0

#define BOTH	tmem_peers(NODE_A, NODE_B)

/* Objects that copies_expect() looks at: 0 to COPIES_OBJECTS - 1. */
#define COPIES_OBJECTS	4

/* What there is, as the slots themselves say. */
struct copies_count {
	u64 remote;
	u64 lone;
	u64 debts;
	u64 sending;
};

/* The marks of a slot say what its word says. */
static inline void copies_count_slot(struct kunit *test,
				     struct tmem_object *obj,
				     unsigned long index, void *slot,
				     struct copies_count *count)
{
	bool remote = slot_is_remote(slot);
	bool lone = remote && word_is_lone(slot_word(slot));
	bool sending = slot_word(slot) & TMEM_SENDING;
	bool debt = slot_word(slot) && !remote && !sending;

	KUNIT_EXPECT_EQ(test, remote, xa_get_mark(&obj->pages, index,
						  TMEM_AWAY_MARK));
	KUNIT_EXPECT_EQ(test, lone, xa_get_mark(&obj->pages, index,
						TMEM_LONE_MARK));
	KUNIT_EXPECT_EQ(test, debt, xa_get_mark(&obj->pages, index,
						TMEM_DEBT_MARK));
	count->remote += remote;
	count->lone += lone;
	count->debts += debt;
	count->sending += sending;
}

static inline void copies_count_object(struct kunit *test,
				       struct tmem_object *obj,
				       struct copies_count *count)
{
	unsigned long index;
	void *slot;

	xa_lock(&obj->pages);
	xa_for_each(&obj->pages, index, slot)
		copies_count_slot(test, obj, index, slot, count);
	xa_unlock(&obj->pages);
}

/*
 * So many pages are away, with so many of them there is but one copy, and so many
 * slots owe something.  Marks and counters say so, too.
 */
static inline void copies_expect(struct kunit *test, u64 away, u64 lone,
				 u64 debts)
{
	struct tmem_stats stats = tmem_test_stats(test->priv);
	struct tmem_test *t = test->priv;
	struct copies_count count = {};
	struct tmem_object *obj;
	struct tmem_oid oid;
	u64 n;

	rcu_read_lock();
	for (n = 0; n < COPIES_OBJECTS; n++) {
		oid = tmem_test_oid(n);
		obj = tmem_object_find(t->pool, &oid);
		if (obj)
			copies_count_object(test, obj, &count);
	}
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, count.remote, away);
	KUNIT_EXPECT_EQ(test, count.lone, lone);
	KUNIT_EXPECT_EQ(test, count.debts, debts);
	KUNIT_EXPECT_EQ(test, stats.remote[TMEM_PERSISTENT], away);
	KUNIT_EXPECT_EQ(test, stats.lone, lone);
	KUNIT_EXPECT_EQ(test, stats.debts, debts);
	KUNIT_EXPECT_EQ(test, stats.sending, count.sending);
}

/* The page is with these, in this order, and in this version. */
static inline void copies_expect_at(struct kunit *test, u64 n, u32 index,
				    struct tmem_peers peers, u64 version)
{
	struct tmem_blob blob;

	tmem_test_expect_remote(test, n, index, peers.node[0], version);
	KUNIT_EXPECT_EQ(test, -EREMOTE, tmem_test_get(test, n, index, &blob));
	KUNIT_EXPECT_EQ(test, blob.peers.node[1], peers.node[1]);
}

/* Just this is owed to just these; nothing is settled. */
static inline void copies_expect_owed(struct kunit *test, u64 n, u32 index,
				      u64 version, struct tmem_peers peers)
{
	static const u8 nodes[] = { NODE_A, NODE_B, NODE_C };
	struct tmem_debt debt;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		if (tmem_peers_has(peers, nodes[i]))
			expect_debt(test, n, index, version, nodes[i], false);
		else
			KUNIT_EXPECT_EQ(test, 0, collect(test, nodes[i], &debt,
							 1));
}

/* A peer is told the one thing that it is owed. */
static inline void copies_pay(struct kunit *test, u8 node)
{
	struct tmem_debt debt[2];

	KUNIT_ASSERT_EQ(test, 1, collect(test, node, debt, 2));
	KUNIT_EXPECT_EQ(test, debt->node, node);
	settle(test, debt);
}

static inline void copies_forget(struct kunit *test, u8 node)
{
	struct tmem_test *t = test->priv;

	tmem_forget_peer(t->tmem, node);
}

/* One suite, in tmem_copies_test.c, has the cases of the other files too. */

/* tmem_copies_debts_test.c */
void tmem_copies_test_settle(struct kunit *test);
void tmem_copies_test_settle_held(struct kunit *test);
void tmem_copies_test_settle_other(struct kunit *test);
void tmem_copies_test_whole(struct kunit *test);
void tmem_copies_test_whole_after_one(struct kunit *test);
void tmem_copies_test_not_whole(struct kunit *test);
void tmem_copies_test_drop(struct kunit *test);
void tmem_copies_test_drop_all(struct kunit *test);

/* tmem_copies_lone_test.c */
void tmem_copies_test_lone_ends(struct kunit *test);
void tmem_copies_test_lone_flush_object(struct kunit *test);
void tmem_copies_test_lone_pool(struct kunit *test);
void tmem_copies_test_ephemeral(struct kunit *test);
void tmem_copies_test_collect(struct kunit *test);
void tmem_copies_test_collect_in_turn(struct kunit *test);
void tmem_copies_test_home(struct kunit *test);
void tmem_copies_test_home_after_forget(struct kunit *test);
void tmem_copies_test_forget_away(struct kunit *test);
void tmem_copies_test_forget_last(struct kunit *test);
void tmem_copies_test_forget_debts(struct kunit *test);
void tmem_copies_test_forget_sending(struct kunit *test);
void tmem_copies_test_forget_back(struct kunit *test);
void tmem_copies_test_last_versions(struct kunit *test);

#endif /* _RAMSTER_TMEM_COPIES_TEST_H */
