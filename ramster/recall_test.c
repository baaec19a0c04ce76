// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of recall.c: a server that needs its RAM gets it back.  What it wants of
 * whom is decided in foreign.c, and tested in foreign_recall_test.c.
 *
 * Nodes 0 and 2 lend, node 1 has pages.  A server that may lend nothing any more
 * wants back what it has lent.
 */
#include "move_test.h"

enum { PAGES = 600 };

/* Node 0 is there; node 2, if it is to be; pages go to whoever has room. */
static void recall_start(struct kunit *test, unsigned int copies,
			 struct move_node **a, struct move_node **c,
			 struct move_node **b)
{
	move_pair(test, a, c);
	(*c)->node.info.copies = copies;
	if (b) {
		*b = move_start(test, 2);
		move_connect(test, *b, *c);
	}
	remotify_set_target((*c)->node.remotify, REMOTIFY_ANYBODY);
	remotify_set_enable((*c)->node.remotify, TMEM_PERSISTENT, true);
}

static void recall_fill(struct kunit *test, struct move_node *c, u32 nr)
{
	move_pages(test, c, TMEM_PERSISTENT, 0, nr);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == nr);
	WAIT_FOR(test, move_settled(c));
}

static void recall_lend(struct move_node *n, unsigned int mb)
{
	WRITE_ONCE(n->node.info.capacity_mb, mb);
}

/* What a server wants back of node 1, as that one knows it. */
static u32 recall_wanted(struct move_node *c, unsigned int node)
{
	struct r2tcp_peer_stats stats = {};

	r2tcp_peer_stats(c->node.tcp, node, &stats);
	return stats.recall;
}

static void recall_cut(struct move_node *c, unsigned int node)
{
	struct r2tcp_peer_stats stats = {};

	r2tcp_peer_stats(c->node.tcp, node, &stats);
	r2tcp_cut(c->node.tcp, node, stats.connection);
}

static bool recall_is_over(struct move_node *a, struct move_node *c)
{
	return !move_nr_held(a, TMEM_PERSISTENT) &&
	       !recall_wanted(c, a->node.info.node);
}

static u64 recall_nr_withdrawn(struct move_node *c)
{
	return move_count(&c->node.count.pages_withdrawn);
}

static u64 recall_nr_home(struct move_node *c)
{
	return move_count(&c->node.count.pages_recalled);
}

/*
 * Of pages that another server has, too, no byte moves.  Afterwards they are at
 * risk, until the server has room again.
 */
static void recall_test_two_copies(struct kunit *test)
{
	struct move_node *a, *b, *c;

	recall_start(test, 2, &a, &c, &b);
	recall_fill(test, c, PAGES);
	KUNIT_ASSERT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), PAGES);
	recall_lend(a, 0);
	WAIT_FOR(test, recall_is_over(a, c));
	KUNIT_EXPECT_EQ(test, recall_nr_withdrawn(c), PAGES);
	KUNIT_EXPECT_EQ(test, recall_nr_home(c), 0);
	KUNIT_EXPECT_EQ(test, move_count(&a->node.count.foreign_gets), 0);
	KUNIT_EXPECT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), PAGES);
	KUNIT_EXPECT_EQ(test, repair_at_risk(&c->node), PAGES);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);

	recall_lend(a, 16);
	WAIT_FOR(test, !repair_at_risk(&c->node) && move_settled(c));
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), PAGES);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/*
 * Pages of which another server has a copy that is not there now come home: it may
 * have been restarted, and the copy that is recalled may be the last one.
 */
static void recall_test_other_is_absent(struct kunit *test)
{
	struct move_node *a, *b, *c;

	recall_start(test, 2, &a, &c, &b);
	recall_fill(test, c, PAGES);
	r2tcp_del_peer(b->node.tcp, 1);
	WAIT_FOR(test, !r2tcp_connected(c->node.tcp, 2));
	recall_lend(a, 0);
	WAIT_FOR(test, !move_nr_held(a, TMEM_PERSISTENT));
	KUNIT_EXPECT_EQ(test, recall_nr_withdrawn(c), 0);
	KUNIT_EXPECT_EQ(test, recall_nr_home(c), PAGES);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/* Pages of which there is one copy go to whoever else has room. */
static void recall_test_one_copy(struct kunit *test)
{
	struct move_node *a, *b, *c;

	recall_start(test, 1, &a, &c, NULL);
	recall_fill(test, c, PAGES);
	b = move_start(test, 2);
	move_connect(test, b, c);
	recall_lend(a, 0);
	WAIT_FOR(test, recall_is_over(a, c));
	WAIT_FOR(test, move_nr_held(b, TMEM_PERSISTENT) == PAGES);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	KUNIT_EXPECT_EQ(test, recall_nr_home(c), PAGES);
	KUNIT_EXPECT_EQ(test, recall_nr_withdrawn(c), 0);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/* Without any other server, they stay at home. */
static void recall_test_no_other(struct kunit *test)
{
	struct move_node *a, *c;

	recall_start(test, 1, &a, &c, NULL);
	recall_fill(test, c, PAGES);
	recall_lend(a, 0);
	WAIT_FOR(test, recall_is_over(a, c));
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_EQ(test, move_own(c).zbud[TMEM_PERSISTENT].zpages, PAGES);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), 0);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/* A server that wants a part back has no more taken away than about that. */
static void recall_test_part(struct kunit *test)
{
	enum { MANY = 2000, FRAMES = 512 };
	struct move_node *a, *c;

	recall_start(test, 1, &a, &c, NULL);
	recall_fill(test, c, MANY);
	KUNIT_ASSERT_GE(test, move_held(a).zbud[TMEM_PERSISTENT].frames,
			MANY / 2);
	recall_lend(a, FRAMES >> (20 - PAGE_SHIFT));
	WAIT_FOR(test, move_held(a).zbud[TMEM_PERSISTENT].frames <= FRAMES);
	WAIT_FOR(test, !recall_wanted(c, 0) && move_settled(c));
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_GE(test, move_held(a).zbud[TMEM_PERSISTENT].frames,
			FRAMES / 2);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT),
			move_nr_away(c, TMEM_PERSISTENT));
	move_read_all(test, c, TMEM_PERSISTENT, 0, MANY);
}

static bool recall_test_room;

static bool recall_test_has_room(void)
{
	return READ_ONCE(recall_test_room);
}

/*
 * Without room at home, pages stay until there is some; if somebody else takes
 * them they come and leave again.
 */
static void recall_test_home_is_full(struct kunit *test)
{
	struct move_node *a, *b, *c;

	recall_start(test, 1, &a, &c, NULL);
	recall_fill(test, c, PAGES);
	recall_test_room = false;
	recall_set_room(c->node.recall, recall_test_has_room);
	recall_lend(a, 0);
	WAIT_FOR(test, recall_wanted(c, 0));
	msleep(2 * MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), PAGES);
	KUNIT_EXPECT_EQ(test, recall_nr_home(c), 0);

	b = move_start(test, 2);
	move_connect(test, b, c);
	WAIT_FOR(test, recall_is_over(a, c));
	WAIT_FOR(test, move_nr_held(b, TMEM_PERSISTENT) == PAGES);

	recall_lend(a, 16);
	recall_lend(b, 0);
	WAIT_FOR(test, recall_is_over(b, c));
	recall_lend(a, 0);
	WAIT_FOR(test, recall_wanted(c, 0));
	WRITE_ONCE(recall_test_room, true);
	WAIT_FOR(test, recall_is_over(a, c));
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/*
 * What the server is to forget is under way, for long; meanwhile the pages are
 * read, replaced and flushed.  It may forget only what it was told.
 */
static void recall_test_changes(struct kunit *test)
{
	struct move_node *a, *b, *c;
	u32 i;

	recall_start(test, 2, &a, &c, &b);
	recall_fill(test, c, PAGES);
	WRITE_ONCE(a->stall, true);
	recall_lend(a, 0);
	WAIT_FOR(test, recall_nr_withdrawn(c));
	for (i = 0; i < PAGES; i += 3)
		move_page(test, c, TMEM_PERSISTENT, i, 1);
	for (i = 1; i < PAGES; i += 3)
		move_forget(c, TMEM_PERSISTENT, i);
	for (i = 0; i < PAGES; i += 50)
		KUNIT_EXPECT_EQ(test, i % 3 == 1 ? -ENOENT : 0,
				move_read(test, c, TMEM_PERSISTENT, i,
					  i % 3 == 0));
	/* And then it has room again, and is sent the newer ones. */
	recall_lend(a, 16);
	move_resume(a);
	WAIT_FOR(test, !recall_wanted(c, 0));
	WAIT_FOR(test, move_settled(c) && !repair_at_risk(&c->node));
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) == PAGES / 3 * 2);
	KUNIT_EXPECT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), PAGES / 3 * 2);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, i % 3 == 1 ? -ENOENT : 0,
				move_read(test, c, TMEM_PERSISTENT, i,
					  i % 3 == 0));
}

/* Recalls come and go, while pages change: the newest is what is read. */
static void recall_test_races(struct kunit *test)
{
	struct move_node *a, *b, *c;
	u8 generation[100] = {};
	u32 i, round;

	recall_start(test, 2, &a, &c, &b);
	move_pages(test, c, TMEM_PERSISTENT, 0, 100);
	for (round = 1; round < 30; round++) {
		recall_lend(a, round % 4 < 2 ? 16 : 0);
		recall_lend(b, round % 7 < 5 ? 16 : 0);
		for (i = round % 3; i < 100; i += 3) {
			generation[i] = round;
			move_page(test, c, TMEM_PERSISTENT, i, round);
		}
		for (i = 0; i < 100; i++)
			KUNIT_EXPECT_EQ(test, 0,
					move_read(test, c, TMEM_PERSISTENT, i,
						  generation[i]));
		msleep(70);
	}
	KUNIT_EXPECT_GT(test, recall_nr_withdrawn(c) + recall_nr_home(c), 0);
	for (i = 0; i < 100; i++)
		move_forget(c, TMEM_PERSISTENT, i);
	WAIT_FOR(test, move_settled(c));
	WAIT_FOR(test, !move_nr_held(a, TMEM_PERSISTENT));
	WAIT_FOR(test, !move_nr_held(b, TMEM_PERSISTENT));
}

/* A connection breaks before the server has said that it has forgotten. */
static void recall_test_broken(struct kunit *test)
{
	struct move_node *a, *b, *c;

	recall_start(test, 2, &a, &c, &b);
	recall_fill(test, c, PAGES);
	WRITE_ONCE(a->stall, true);
	recall_lend(a, 0);
	WAIT_FOR(test, recall_nr_withdrawn(c));
	recall_cut(c, 0);
	WAIT_FOR(test, !r2tcp_connected(c->node.tcp, 0));
	/* It does not want them any more, but they are withdrawn. */
	recall_lend(a, 16);
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, false);
	move_resume(a);
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) ==
		       PAGES - recall_nr_withdrawn(c));
	KUNIT_EXPECT_EQ(test, move_own(c).lone, recall_nr_withdrawn(c));
	KUNIT_EXPECT_GT(test, recall_nr_withdrawn(c), 0);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/* A server that wants pages back is sent none, not even if it is pinned. */
static void recall_test_sends_nothing(struct kunit *test)
{
	struct move_node *a, *b, *c;
	unsigned int seen;

	recall_start(test, 2, &a, &c, &b);
	recall_fill(test, c, PAGES);
	/* Nobody does as it wishes. */
	recall_halt(c->node.recall);
	recall_lend(a, 1);
	WAIT_FOR(test, recall_wanted(c, 0));
	seen = a->nr_seen;
	a->nr_seen = 0;
	KUNIT_ASSERT_GT(test, seen, 0);
	remotify_set_target(c->node.remotify, 0);
	move_page(test, c, TMEM_PERSISTENT, 0, 1);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, a->nr_seen, 0);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), PAGES - 1);
	remotify_set_target(c->node.remotify, REMOTIFY_ANYBODY);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	KUNIT_EXPECT_EQ(test, a->nr_seen, 0);
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 0, 1));
}

/* A node that goes down while the server has not answered does not hang. */
static void recall_test_stops(struct kunit *test)
{
	struct move_node *a, *b, *c;

	recall_start(test, 2, &a, &c, &b);
	recall_fill(test, c, PAGES);
	WRITE_ONCE(a->stall, true);
	recall_lend(a, 0);
	WAIT_FOR(test, recall_nr_withdrawn(c));
	KUNIT_EXPECT_FALSE(test, recall_halt(c->node.recall));
	move_resume(a);
	KUNIT_EXPECT_TRUE(test, recall_halt(c->node.recall));
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_GT(test, move_nr_held(a, TMEM_PERSISTENT), 0);
}

/*
 * A server that wants its RAM back and does not give any page: whoever stops the
 * recall waits for some of these, and not for all, one after the other.
 */
static void recall_test_silent(struct kunit *test)
{
	struct move_node *a, *c;
	unsigned long begin;

	recall_start(test, 1, &a, &c, NULL);
	recall_fill(test, c, PAGES);
	c->node.info.get_timeout_ms = 500;
	WRITE_ONCE(a->stall, true);
	recall_lend(a, 0);
	WAIT_FOR(test, recall_wanted(c, 0));
	msleep(MOVE_WHILE_MS);
	begin = jiffies;
	recall_halt(c->node.recall);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - begin), 3000);
	KUNIT_EXPECT_EQ(test, recall_nr_home(c), 0);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), PAGES);
}

/*
 * How long it takes to send pages, and to have 95 % of them back, is in the log.
 * The limit is a wide one: with all these checks, and one CPU, what is measured is
 * what a page costs, and not what the connection carries.
 */
static void recall_test_speed(struct kunit *test)
{
	enum { MANY = 6000 };
	unsigned int sent, came;
	struct move_node *a, *c;
	unsigned long begin;

	recall_start(test, 1, &a, &c, NULL);
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, false);
	move_pages(test, c, TMEM_PERSISTENT, 0, MANY);
	begin = jiffies;
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == MANY);
	sent = jiffies_to_msecs(jiffies - begin);
	begin = jiffies;
	recall_lend(a, 0);
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) <= MANY / 20);
	came = jiffies_to_msecs(jiffies - begin);
	kunit_info(test, "%u pages: sent in %u ms, 95 %% recalled in %u ms\n",
		   MANY, sent, came);
	KUNIT_EXPECT_LE(test, came, 4 * sent + 2000);
}

static struct kunit_case recall_test_cases[] = {
	KUNIT_CASE(recall_test_two_copies),
	KUNIT_CASE(recall_test_other_is_absent),
	KUNIT_CASE(recall_test_one_copy),
	KUNIT_CASE(recall_test_no_other),
	KUNIT_CASE(recall_test_part),
	KUNIT_CASE_SLOW(recall_test_home_is_full),
	KUNIT_CASE(recall_test_changes),
	KUNIT_CASE_SLOW(recall_test_races),
	KUNIT_CASE(recall_test_broken),
	KUNIT_CASE(recall_test_sends_nothing),
	KUNIT_CASE_SLOW(recall_test_stops),
	KUNIT_CASE_SLOW(recall_test_silent),
	KUNIT_CASE_SLOW(recall_test_speed),
	{}
};

static struct kunit_suite recall_test_suite = {
	.name = "ramster-recall",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = move_test_exit,
	.test_cases = recall_test_cases,
};

kunit_test_suite(recall_test_suite);
