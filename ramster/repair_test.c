// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of repair.c: pages that have lost a copy get another one.
 */
#include "move_test.h"

enum { PAGES = 100 };

/* Nodes 0 and 2 lend, node 1 has pages, which go to whoever has room. */
static void repair_start_nodes(struct kunit *test, struct move_node **a,
			       struct move_node **c, struct move_node **b)
{
	move_pair(test, a, c);
	*b = move_start(test, 2);
	remotify_set_target((*c)->node.remotify, REMOTIFY_ANYBODY);
	remotify_set_enable((*c)->node.remotify, TMEM_PERSISTENT, true);
}

/* Every page is with both servers, once, and nobody owes anything. */
static bool repair_all_have(struct move_node *a, struct move_node *c,
			    struct move_node *b)
{
	return move_nr_away(c, TMEM_PERSISTENT) == PAGES &&
	       !repair_at_risk(&c->node) && move_settled(c) &&
	       move_nr_held(a, TMEM_PERSISTENT) == PAGES &&
	       move_nr_held(b, TMEM_PERSISTENT) == PAGES;
}

/* What was sent while one server was there is sent to two when there are two. */
static void repair_test_second_comes(struct kunit *test)
{
	struct move_node *a, *b, *c;

	repair_start_nodes(test, &a, &c, &b);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	KUNIT_EXPECT_EQ(test, repair_at_risk(&c->node), PAGES);
	msleep(MOVE_WHILE_MS);
	/* Nothing is gained by fetching them now. */
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_repaired), 0);

	move_connect(test, b, c);
	WAIT_FOR(test, repair_all_have(a, c, b));
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_repaired),
			PAGES);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/* What a server has lost gets its second copy again, and only that. */
static void repair_test_restarted(struct kunit *test)
{
	struct move_node *a, *b, *c;

	repair_start_nodes(test, &a, &c, &b);
	move_connect(test, b, c);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	WAIT_FOR(test, repair_all_have(a, c, b));
	foreign_forget(b->node.foreign, 1);
	KUNIT_ASSERT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), 0);
	remotify_peer_restarted(c->node.remotify, 2);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
	WAIT_FOR(test, repair_all_have(a, c, b));
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_repaired),
			PAGES);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/* A page that changes while it is repaired is the new one everywhere. */
static void repair_test_changes(struct kunit *test)
{
	struct move_node *a, *b, *c;
	u32 i;

	repair_start_nodes(test, &a, &c, &b);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	WRITE_ONCE(a->stall, true);
	move_connect(test, b, c);
	msleep(MOVE_WHILE_MS);
	for (i = 0; i < PAGES; i += 2)
		move_page(test, c, TMEM_PERSISTENT, i, 1);
	move_resume(a);
	WAIT_FOR(test, repair_all_have(a, c, b));
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, i,
						   !(i & 1)));
}

/* No more than so many in a second; with 0, none. */
static void repair_test_rate(struct kunit *test)
{
	unsigned int rate = repair_rate;
	struct move_node *a, *b, *c;
	unsigned long begin;

	repair_start_nodes(test, &a, &c, &b);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	repair_rate = 0;
	move_connect(test, b, c);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_repaired), 0);
	repair_rate = PAGES;
	begin = jiffies;
	repair_kick(c->node.repair);
	WAIT_FOR(test, repair_all_have(a, c, b));
	/* The last batch, of a sixth, is not waited for. */
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - begin), 700);
	repair_rate = rate;
}

/* Who is content with one copy has no page at risk. */
static void repair_test_one_is_enough(struct kunit *test)
{
	struct move_node *a, *b, *c;

	repair_start_nodes(test, &a, &c, &b);
	c->node.info.copies = 1;
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	move_connect(test, b, c);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, repair_at_risk(&c->node), 0);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_repaired), 0);
	KUNIT_EXPECT_EQ(test, move_own(c).lone, PAGES);
}

static struct kunit_case repair_test_cases[] = {
	KUNIT_CASE(repair_test_second_comes),
	KUNIT_CASE(repair_test_restarted),
	KUNIT_CASE(repair_test_changes),
	KUNIT_CASE(repair_test_rate),
	KUNIT_CASE(repair_test_one_is_enough),
	{}
};

static struct kunit_suite repair_test_suite = {
	.name = "ramster-repair",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = move_test_exit,
	.test_cases = repair_test_cases,
};

kunit_test_suite(repair_test_suite);
