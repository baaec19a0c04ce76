// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of remotify: pages of which two peers get a copy.
 */
#include "move_test.h"

/* Nodes 0 and 2 lend, node 1 has pages, which go to whoever has room. */
static void copies_start(struct kunit *test, struct move_node **a,
			 struct move_node **c, struct move_node **b)
{
	move_pair(test, a, c);
	*b = move_start(test, 2);
	move_connect(test, *b, *c);
	remotify_set_target((*c)->node.remotify, REMOTIFY_ANYBODY);
}

static void copies_enable(struct move_node *c, bool on)
{
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, on);
}

static u64 copies_lone(struct move_node *c)
{
	return move_own(c).lone;
}

/* Every swap page is on both servers before its frame is given up. */
static void remotify_test_copies(struct kunit *test)
{
	enum { PAGES = 300 };
	struct move_node *a, *b, *c;
	struct tmem_blob blob;
	u32 i;

	copies_start(test, &a, &c, &b);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	copies_enable(c, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), PAGES);
	KUNIT_EXPECT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), PAGES);
	KUNIT_EXPECT_EQ(test, copies_lone(c), 0);
	KUNIT_EXPECT_EQ(test, move_own(c).zbud[TMEM_PERSISTENT].frames, 0);
	for (i = 0; i < PAGES; i++) {
		KUNIT_ASSERT_EQ(test, -EREMOTE,
				move_lookup(test, c, TMEM_PERSISTENT, i,
					    &blob));
		KUNIT_EXPECT_TRUE(test, tmem_peers_has(blob.peers, 0));
		KUNIT_EXPECT_TRUE(test, tmem_peers_has(blob.peers, 2));
	}
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
	/* A page that is forgotten is forgotten by both. */
	for (i = 0; i < PAGES; i++)
		move_forget(c, TMEM_PERSISTENT, i);
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), 0);
}

/* One copy is enough for who says so, and always for a page of a file. */
static void remotify_test_one_copy(struct kunit *test)
{
	enum { PAGES = 300 };
	struct move_node *a, *b, *c;

	copies_start(test, &a, &c, &b);
	c->node.info.copies = 1;
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	copies_enable(c, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT) +
			      move_nr_held(b, TMEM_PERSISTENT), PAGES);
	KUNIT_EXPECT_EQ(test, copies_lone(c), PAGES);

	c->node.info.copies = 2;
	move_pages(test, c, TMEM_EPHEMERAL, 0, PAGES);
	remotify_set_enable(c->node.remotify, TMEM_EPHEMERAL, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_EPHEMERAL) == PAGES);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_EPHEMERAL) +
			      move_nr_held(b, TMEM_EPHEMERAL), PAGES);
	/* Chance has it that both get some, but for once in 2^18 times. */
	KUNIT_EXPECT_GT(test, move_nr_held(a, TMEM_EPHEMERAL), 0);
	KUNIT_EXPECT_GT(test, move_nr_held(b, TMEM_EPHEMERAL), 0);
}

/* With one server that has room there is one copy, and that is known. */
static void remotify_test_only_one_has_room(struct kunit *test)
{
	enum { PAGES = 20 };
	struct move_node *a, *b, *c;

	copies_start(test, &a, &c, &b);
	b->node.info.capacity_mb = 0;
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	copies_enable(c, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), PAGES);
	KUNIT_EXPECT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_EQ(test, copies_lone(c), PAGES);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/*
 * A page is given up only when both have answered: as long as one has not, it is
 * read from here, although the other has it.
 */
static void remotify_test_waits_for_both(struct kunit *test)
{
	struct move_node *a, *b, *c;
	struct tmem_blob blob;

	copies_start(test, &a, &c, &b);
	WRITE_ONCE(b->stall, true);
	move_page(test, c, TMEM_PERSISTENT, 1, 0);
	copies_enable(c, true);
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) == 1);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, 0, move_lookup(test, c, TMEM_PERSISTENT, 1,
					     &blob));
	move_resume(b);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 1);
	KUNIT_EXPECT_EQ(test, copies_lone(c), 0);
}

/* What was flushed or replaced on the way is forgotten by both servers. */
static void remotify_test_copies_late(struct kunit *test)
{
	struct move_node *a, *b, *c;

	copies_start(test, &a, &c, &b);
	WRITE_ONCE(b->stall, true);
	move_pages(test, c, TMEM_PERSISTENT, 0, 2);
	copies_enable(c, true);
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) == 2);
	move_forget(c, TMEM_PERSISTENT, 0);
	move_page(test, c, TMEM_PERSISTENT, 1, 7);
	move_resume(b);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 1);
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), 1);
	KUNIT_EXPECT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), 1);
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 1, 7));
	KUNIT_EXPECT_EQ(test, -ENOENT, move_read(test, c, TMEM_PERSISTENT, 0,
						 0));
}

/*
 * A server that was restarted has lost what it had taken; also what it had taken
 * shortly before, of which the other server had still to say what it made of it.
 */
static void remotify_test_restarted(struct kunit *test)
{
	enum { PAGES = 30 };
	struct move_node *a, *b, *c;

	copies_start(test, &a, &c, &b);
	/* It would see to what this test counts. */
	repair_halt(c->node.repair);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	copies_enable(c, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	WRITE_ONCE(b->stall, true);
	move_page(test, c, TMEM_PERSISTENT, PAGES, 0);
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) == PAGES + 1);
	remotify_peer_restarted(c->node.remotify, 0);
	KUNIT_EXPECT_EQ(test, copies_lone(c), PAGES);
	move_resume(b);
	/* It is sent again, after both were told to forget it. */
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES + 1);
	KUNIT_EXPECT_EQ(test, copies_lone(c), PAGES);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.pages_remote_failed
							[TMEM_PERSISTENT]), 1);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES + 1);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_get_other_copy),
			0);
}

/* A server that stands still does not keep pages from going to others. */
static void remotify_test_avoids_slow(struct kunit *test)
{
	enum { PAGES = 1000 };
	struct move_node *a, *b, *c;

	copies_start(test, &a, &c, &b);
	c->node.info.copies = 1;
	WRITE_ONCE(b->stall, true);
	move_pages(test, c, TMEM_PERSISTENT, 0, 1);
	copies_enable(c, true);
	/* Until it has something that it does not answer. */
	while (move_own(c).sending == 0 || move_nr_held(a, TMEM_PERSISTENT))
		if (move_nr_away(c, TMEM_PERSISTENT)) {
			move_forget(c, TMEM_PERSISTENT, 0);
			WAIT_FOR(test, move_settled(c));
			move_page(test, c, TMEM_PERSISTENT, 0, 0);
		} else {
			msleep(20);
		}
	msleep(2 * MOVE_WHILE_MS);
	move_pages(test, c, TMEM_PERSISTENT, 1, PAGES - 1);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES - 1);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), PAGES - 1);
	move_resume(b);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
}

static struct kunit_case remotify_copies_cases[] = {
	KUNIT_CASE(remotify_test_copies),
	KUNIT_CASE(remotify_test_one_copy),
	KUNIT_CASE(remotify_test_only_one_has_room),
	KUNIT_CASE(remotify_test_waits_for_both),
	KUNIT_CASE(remotify_test_copies_late),
	KUNIT_CASE(remotify_test_restarted),
	KUNIT_CASE(remotify_test_avoids_slow),
	{}
};

static struct kunit_suite remotify_copies_suite = {
	.name = "ramster-remotify-copies",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = move_test_exit,
	.test_cases = remotify_copies_cases,
};

kunit_test_suite(remotify_copies_suite);
