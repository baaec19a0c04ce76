// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: pages that are with two peers.
 *
 * Here stand the words, and pages on their way; what both have to be told is in
 * tmem_copies_debts_test.c, what is left of a page when one of them has lost it
 * in tmem_copies_lone_test.c.  Random operations are in tmem_move_life_test.c.
 */
#include "tmem_copies_test.h"

/* Whoever is given first: nobody takes up no place before somebody. */
static void tmem_copies_test_peers(struct kunit *test)
{
	static const u8 nodes[] = { 0, 1, 254 };
	struct tmem_peers peers;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		peers = tmem_peer(nodes[i]);
		KUNIT_EXPECT_EQ(test, 1, tmem_peers_nr(peers));
		KUNIT_EXPECT_EQ(test, peers.node[0], nodes[i]);
		KUNIT_EXPECT_TRUE(test, tmem_peers_has(peers, nodes[i]));
		KUNIT_EXPECT_FALSE(test, tmem_peers_has(peers, 7));
		peers = tmem_peers(TMEM_NO_NODE, nodes[i]);
		KUNIT_EXPECT_EQ(test, 1, tmem_peers_nr(peers));
		KUNIT_EXPECT_EQ(test, peers.node[0], nodes[i]);
		KUNIT_EXPECT_EQ(test, peers.node[1], TMEM_NO_NODE);
		peers = tmem_peers(nodes[i], 7);
		KUNIT_EXPECT_EQ(test, 2, tmem_peers_nr(peers));
		KUNIT_EXPECT_TRUE(test, tmem_peers_has(peers, nodes[i]));
		KUNIT_EXPECT_TRUE(test, tmem_peers_has(peers, 7));
		KUNIT_EXPECT_FALSE(test, tmem_peers_has(peers, 8));
	}
	KUNIT_EXPECT_EQ(test, 0, tmem_peers_nr(tmem_peer(TMEM_NO_NODE)));
}

/* Who is left takes the first place; who was not there is not missed. */
static void tmem_copies_test_peers_without(struct kunit *test)
{
	struct tmem_peers peers;

	peers = tmem_peers_without(tmem_peers(0, 254), 0);
	KUNIT_EXPECT_EQ(test, peers.node[0], 254);
	KUNIT_EXPECT_EQ(test, peers.node[1], TMEM_NO_NODE);
	peers = tmem_peers_without(tmem_peers(0, 254), 254);
	KUNIT_EXPECT_EQ(test, peers.node[0], 0);
	KUNIT_EXPECT_EQ(test, peers.node[1], TMEM_NO_NODE);
	peers = tmem_peers_without(tmem_peers(0, 254), 7);
	KUNIT_EXPECT_EQ(test, peers.node[0], 0);
	KUNIT_EXPECT_EQ(test, peers.node[1], 254);
	peers = tmem_peers_without(tmem_peer(254), 254);
	KUNIT_EXPECT_EQ(test, 0, tmem_peers_nr(peers));
}

/* What goes into a word comes out of it, and nothing runs into something else. */
static void tmem_copies_test_words(struct kunit *test)
{
	static const u8 nodes[] = { 0, 1, 127, 128, 254, TMEM_NO_NODE };
	static const u64 versions[] = { 1, TMEM_VERSION_MAX };
	unsigned int a, b, v;

	for (a = 0; a < ARRAY_SIZE(nodes) - 1; a++) {
		for (b = 0; b < ARRAY_SIZE(nodes); b++) {
			for (v = 0; v < ARRAY_SIZE(versions); v++) {
				u64 word = word_make(tmem_peers(nodes[a],
								nodes[b]),
						     versions[v]);
				struct tmem_peers peers = word_peers(word);

				KUNIT_EXPECT_EQ(test, peers.node[0], nodes[a]);
				KUNIT_EXPECT_EQ(test, peers.node[1], nodes[b]);
				KUNIT_EXPECT_EQ(test, word_version(word),
						versions[v]);
				KUNIT_EXPECT_EQ(test, word & TMEM_SLOT_FLAGS,
						0);
				KUNIT_EXPECT_EQ(test, word_is_lone(word),
						nodes[b] == TMEM_NO_NODE);
				KUNIT_EXPECT_TRUE(test,
						  slot_is_remote(xa_mk_value(word)));
			}
		}
	}
}

/* One less is the word of the other, without the flags of the old one. */
static void tmem_copies_test_word_without(struct kunit *test)
{
	u64 word = word_make(tmem_peers(0, 254), TMEM_VERSION_MAX);
	u64 rest = word_without(word | TMEM_SLOT_FLAGS, 0);

	KUNIT_EXPECT_TRUE(test, word_has(word, 0));
	KUNIT_EXPECT_TRUE(test, word_has(word, 254));
	KUNIT_EXPECT_FALSE(test, word_has(word, 1));
	KUNIT_EXPECT_EQ(test, rest, word_make(tmem_peer(254),
					      TMEM_VERSION_MAX));
	KUNIT_EXPECT_TRUE(test, word_is_lone(rest));
	KUNIT_EXPECT_FALSE(test, word_has(rest, 0));
	rest = word_without(word, 254);
	KUNIT_EXPECT_EQ(test, rest, word_make(tmem_peer(0), TMEM_VERSION_MAX));
}

/*
 * A byte stands where a node would: also that which is the number of nobody.  No
 * page of one byte value is ever taken for one that is with a peer.
 */
static void tmem_copies_test_filled(struct kunit *test)
{
	static const u8 fill[] = { 0, 1, 254, 255 };
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob;
	unsigned int i;
	void *slot;

	for (i = 0; i < ARRAY_SIZE(fill); i++) {
		slot = xa_mk_value(word_make_filled(fill[i], TMEM_VERSION_MAX));
		KUNIT_EXPECT_TRUE(test, slot_is_filled(slot));
		KUNIT_EXPECT_FALSE(test, slot_is_remote(slot));
		KUNIT_EXPECT_FALSE(test, slot_is_tombstone(slot));
		KUNIT_EXPECT_EQ(test, slot_word(slot), 0);
		KUNIT_EXPECT_EQ(test, slot_version(slot), TMEM_VERSION_MAX);

		blob = (struct tmem_blob) { .filled = true, .fill = fill[i] };
		KUNIT_EXPECT_EQ(test, 0, tmem_put(t->pool, &oid, i, &blob,
						  GFP_KERNEL));
		KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, i, &blob));
		KUNIT_EXPECT_TRUE(test, blob.filled);
		KUNIT_EXPECT_EQ(test, blob.fill, fill[i]);
	}
	copies_forget(test, fill[1]);
	copies_expect(test, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).filled[TMEM_PERSISTENT],
			ARRAY_SIZE(fill));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).zeroes, 1);
}

/* Both have it: the page is with both, and takes no frame here. */
static void tmem_copies_test_stored(struct kunit *test)
{
	u64 version = sending_to(test, 1, 7, BOTH);

	copies_expect(test, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, done_by(test, 1, 7, version, BOTH,
					TMEM_SEND_STORED));
	copies_expect_at(test, 1, 7, BOTH, version);
	copies_expect(test, 1, 0, 0);
	expect_held(test, 0, 1, 0, 0);
	/* A second answer changes nothing. */
	KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version,
					 tmem_peer(NODE_A), TMEM_SEND_STORED));
	copies_expect_at(test, 1, 7, BOTH, version);
	copies_expect(test, 1, 0, 0);
}

/* It is no matter in which order they are named. */
static void tmem_copies_test_order(struct kunit *test)
{
	struct tmem_peers turned = tmem_peers(NODE_B, NODE_A);
	u64 version = sending_to(test, 1, 7, BOTH);

	KUNIT_EXPECT_TRUE(test, done_by(test, 1, 7, version, turned,
					TMEM_SEND_STORED));
	copies_expect_at(test, 1, 7, turned, version);
	copies_expect(test, 1, 0, 0);
}

/* One has it and the other one certainly not: it is with that one, alone. */
static void tmem_copies_test_stored_on_one(struct kunit *test)
{
	static const u8 nodes[] = { NODE_A, NODE_B };
	unsigned int i;
	u64 version;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		version = sending_to(test, 1, i, BOTH);
		KUNIT_EXPECT_TRUE(test, done_by(test, 1, i, version,
						tmem_peer(nodes[i]),
						TMEM_SEND_STORED));
		copies_expect_at(test, 1, i, tmem_peer(nodes[i]), version);
		copies_expect(test, i + 1, i + 1, 0);
	}
	/* Nothing is owed to who does not have it. */
	tmem_test_flush(test, 1, 0, 0);
	copies_expect_owed(test, 1, 0, version - 1, tmem_peer(NODE_A));
	copies_expect(test, 1, 1, 1);
}

static const struct tmem_peers some_of_both[] = {
	{ { NODE_A, TMEM_NO_NODE } },
	{ { NODE_B, TMEM_NO_NODE } },
	{ { NODE_A, NODE_B } },
};

/*
 * Nobody knows: the page stays, under a new version, and is no candidate before
 * each of those that may have it was told to forget it.  Others are not told.
 */
static void tmem_copies_test_unknown(struct kunit *test)
{
	struct tmem_blob blob;
	unsigned int i, k;
	u64 version;

	for (i = 0; i < ARRAY_SIZE(some_of_both); i++) {
		version = sending_to(test, 1, 7, BOTH);
		KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version,
						 some_of_both[i],
						 TMEM_SEND_UNKNOWN));
		tmem_test_expect(test, 1, 7, 7);
		KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
		KUNIT_EXPECT_GT(test, blob.version, version);
		copies_expect_owed(test, 1, 7, version, some_of_both[i]);
		for (k = 0; k < tmem_peers_nr(some_of_both[i]); k++) {
			copies_expect(test, 0, 0, 1);
			expect_no_candidate(test);
			copies_pay(test, some_of_both[i].node[k]);
		}
		copies_expect(test, 0, 0, 0);
		expect_isolate(test, 1, 7, blob.version);
		tmem_test_flush(test, 1, 7, 0);
	}
}

/* Nobody has it: it is here as before, and a candidate again. */
static void tmem_copies_test_refused(struct kunit *test)
{
	u64 version = sending_to(test, 1, 7, BOTH);

	KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version, BOTH,
					 TMEM_SEND_REFUSED));
	tmem_test_expect(test, 1, 7, 7);
	copies_expect(test, 0, 0, 0);
	expect_held(test, 1, 0, 0, 0);
	expect_isolate(test, 1, 7, version);
}

/* Who was not asked to hold a page does not hold it: then nothing is known yet. */
static void tmem_copies_test_not_asked(struct kunit *test)
{
	static const struct tmem_peers others[] = {
		{ { NODE_C, TMEM_NO_NODE } },
		{ { NODE_A, NODE_C } },
		{ { NODE_C, NODE_B } },
	};
	u64 version = sending_to(test, 1, 7, BOTH);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version,
						 others[i], TMEM_SEND_STORED));
		KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version,
						 others[i],
						 TMEM_SEND_UNKNOWN));
	}
	KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version - 1, BOTH,
					 TMEM_SEND_STORED));
	tmem_test_expect(test, 1, 7, 7);
	expect_held(test, 1, 0, 1, 0);
	copies_expect(test, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, done_by(test, 1, 7, version, BOTH,
					TMEM_SEND_STORED));
	copies_expect_at(test, 1, 7, BOTH, version);
}

/* With nobody who has it, or may, it is refused, whatever is said beside that. */
static void tmem_copies_test_nobody(struct kunit *test)
{
	struct tmem_peers nobody = tmem_peer(TMEM_NO_NODE);
	enum tmem_send_result result;
	u64 version;

	for (result = TMEM_SEND_STORED; result <= TMEM_SEND_UNKNOWN; result++) {
		version = sending_to(test, 1, 7, BOTH);
		KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version, nobody,
						 result));
		tmem_test_expect(test, 1, 7, 7);
		expect_held(test, 1, 0, 0, 0);
		expect_isolate(test, 1, 7, version);
		tmem_test_flush(test, 1, 7, 0);
	}
}

/* And if it is refused, it does not matter who is said to have it. */
static void tmem_copies_test_refused_by_others(struct kunit *test)
{
	u64 version = sending_to(test, 1, 7, BOTH);

	KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version,
					 tmem_peers(NODE_C, NODE_A),
					 TMEM_SEND_REFUSED));
	expect_held(test, 1, 0, 0, 0);
	expect_isolate(test, 1, 7, version);
}

/* What may become of a page while it is on its way to both. */
static void change_put(struct kunit *test)
{
	tmem_test_put(test, 1, 7, 8);
}

static void change_flush(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, 0));
}

static void change_take(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob;
	void *page;

	KUNIT_ASSERT_EQ(test, 0, tmem_take(t->pool, &oid, 7, &blob, &page));
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, 7, tmem_test_len(7)));
	tmem_page_free(t->pool, page);
}

static void change_flush_put(struct kunit *test)
{
	change_flush(test);
	change_put(test);
}

static const struct copies_change {
	void (*change)(struct kunit *test);
	bool here;		/* a page is there afterwards: 8's content */
} copies_changes[] = {
	{ change_put, true },
	{ change_flush, false },
	{ change_take, false },
	{ change_flush_put, true },
};

static void late_expect_page(struct kunit *test, bool here)
{
	if (here)
		tmem_test_expect(test, 1, 7, 8);
	else
		tmem_test_expect_none(test, 1, 7);
}

/* One page, one thing that becomes of it, and one answer that comes after that. */
static void late_round(struct kunit *test, const struct copies_change *c,
		       struct tmem_peers holders, enum tmem_send_result result)
{
	struct tmem_test *t = test->priv;
	u64 version = sending_to(test, 1, 7, BOTH);
	unsigned int i;

	c->change(test);
	expect_held(test, c->here, 0, 1, 0);
	copies_expect(test, 0, 0, 0);
	expect_no_candidate(test);
	KUNIT_EXPECT_FALSE(test, done_by(test, 1, 7, version, holders,
					 result));
	late_expect_page(test, c->here);
	if (result != TMEM_SEND_REFUSED) {
		expect_held(test, c->here, 0, 0, 1);
		copies_expect_owed(test, 1, 7, version, holders);
		for (i = 0; i < tmem_peers_nr(holders); i++) {
			copies_expect(test, 0, 0, 1);
			expect_no_candidate(test);
			copies_pay(test, holders.node[i]);
			late_expect_page(test, c->here);
		}
	}
	copies_expect(test, 0, 0, 0);
	if (c->here)
		KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, 0));
	tmem_test_expect_empty(test, t->tmem);
}

/*
 * The page is replaced, flushed or taken on its way: the answer changes nothing
 * of what is here, and those who have it, or may, are told to forget it.
 */
static void tmem_copies_test_late(struct kunit *test)
{
	enum tmem_send_result result;
	unsigned int c, h;

	for (c = 0; c < ARRAY_SIZE(copies_changes); c++)
		for (h = 0; h < ARRAY_SIZE(some_of_both); h++)
			for (result = TMEM_SEND_STORED;
			     result <= TMEM_SEND_UNKNOWN; result++)
				late_round(test, &copies_changes[c],
					   some_of_both[h], result);
}

/* A put over a page that is with both: it waits for both, and inherits both. */
static void tmem_copies_test_put_over(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	u64 version = remote_on(test, 1, 7, BOTH), newer;
	struct tmem_blob blob = { .filled = true, .fill = 9 };

	/* There is no room for the two of them and a byte. */
	KUNIT_EXPECT_EQ(test, -EBUSY, tmem_put(t->pool, &oid, 7, &blob,
					       GFP_KERNEL));
	copies_expect_at(test, 1, 7, BOTH, version);
	copies_expect(test, 1, 0, 0);
	tmem_test_put(test, 1, 7, 8);
	copies_expect(test, 0, 0, 1);
	tmem_test_flush(test, 1, 7, 0);
	copies_expect_owed(test, 1, 7, version, BOTH);
	newer = tmem_test_put(test, 1, 7, 9);
	copies_expect_owed(test, 1, 7, version, BOTH);
	expect_no_candidate(test);
	copies_pay(test, NODE_B);
	expect_no_candidate(test);
	copies_pay(test, NODE_A);
	expect_isolate(test, 1, 7, newer);
	tmem_test_expect(test, 1, 7, 9);
}

static struct kunit_case tmem_copies_test_cases[] = {
	KUNIT_CASE(tmem_copies_test_peers),
	KUNIT_CASE(tmem_copies_test_peers_without),
	KUNIT_CASE(tmem_copies_test_words),
	KUNIT_CASE(tmem_copies_test_word_without),
	KUNIT_CASE(tmem_copies_test_filled),
	KUNIT_CASE(tmem_copies_test_stored),
	KUNIT_CASE(tmem_copies_test_order),
	KUNIT_CASE(tmem_copies_test_stored_on_one),
	KUNIT_CASE(tmem_copies_test_unknown),
	KUNIT_CASE(tmem_copies_test_refused),
	KUNIT_CASE(tmem_copies_test_not_asked),
	KUNIT_CASE(tmem_copies_test_nobody),
	KUNIT_CASE(tmem_copies_test_refused_by_others),
	KUNIT_CASE(tmem_copies_test_late),
	KUNIT_CASE(tmem_copies_test_put_over),
	KUNIT_CASE(tmem_copies_test_settle),
	KUNIT_CASE(tmem_copies_test_settle_held),
	KUNIT_CASE(tmem_copies_test_settle_other),
	KUNIT_CASE(tmem_copies_test_whole),
	KUNIT_CASE(tmem_copies_test_whole_after_one),
	KUNIT_CASE(tmem_copies_test_not_whole),
	KUNIT_CASE(tmem_copies_test_drop),
	KUNIT_CASE(tmem_copies_test_drop_all),
	KUNIT_CASE(tmem_copies_test_lone_ends),
	KUNIT_CASE(tmem_copies_test_lone_flush_object),
	KUNIT_CASE(tmem_copies_test_lone_pool),
	KUNIT_CASE(tmem_copies_test_ephemeral),
	KUNIT_CASE(tmem_copies_test_collect),
	KUNIT_CASE(tmem_copies_test_collect_in_turn),
	KUNIT_CASE(tmem_copies_test_home),
	KUNIT_CASE(tmem_copies_test_home_after_forget),
	KUNIT_CASE(tmem_copies_test_forget_away),
	KUNIT_CASE(tmem_copies_test_forget_last),
	KUNIT_CASE(tmem_copies_test_forget_debts),
	KUNIT_CASE(tmem_copies_test_forget_sending),
	KUNIT_CASE(tmem_copies_test_forget_back),
	KUNIT_CASE(tmem_copies_test_last_versions),
	{}
};

static struct kunit_suite tmem_copies_test_suite = {
	.name = "ramster-tmem-copies",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_copies_test_cases,
};

kunit_test_suite(tmem_copies_test_suite);
