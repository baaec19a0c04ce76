// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of foreign.c: what is held for a client that does not come back.
 *
 * Node 0 lends, with a grace time, and so does node 2, without one; node 1 has
 * pages.
 */
#include "move_test.h"

enum { PAGES = 50, GRACE_MS = 700, GRACE_SLACK_MS = 5000 };

static void grace_watch(struct kunit *test, struct move_node *n,
			unsigned int peer)
{
	n->node.hb = r2hb_create(n->node.tcp, n->node.info.node, 60000);
	if (IS_ERR(n->node.hb)) {
		int err = PTR_ERR(n->node.hb);

		n->node.hb = NULL;
		KUNIT_ASSERT_EQ(test, err, 0);
	}
	r2hb_add(n->node.hb, peer);
}

static void grace_start(struct kunit *test, unsigned int grace_ms,
			struct move_node **a, struct move_node **c)
{
	*a = move_start(test, 0);
	*c = move_start(test, 1);
	(*a)->node.info.client_grace_ms = grace_ms;
	grace_watch(test, *a, 1);
	move_connect(test, *a, *c);
	remotify_set_target((*c)->node.remotify, REMOTIFY_ANYBODY);
	remotify_set_enable((*c)->node.remotify, TMEM_PERSISTENT, true);
}

static void grace_fill(struct kunit *test, struct move_node *c)
{
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	WAIT_FOR(test, move_settled(c));
}

static void grace_part(struct kunit *test, struct move_node *a,
		       struct move_node *c)
{
	KUNIT_ASSERT_EQ(test, 0, r2tcp_hold(c->node.tcp, 0));
	WAIT_FOR(test, !r2tcp_connected(a->node.tcp, 1));
}

static void grace_meet(struct kunit *test, struct move_node *a,
		       struct move_node *c)
{
	KUNIT_ASSERT_EQ(test, 0, r2tcp_resume(c->node.tcp, 0));
	WAIT_FOR(test, r2tcp_connected(a->node.tcp, 1));
	WAIT_FOR(test, r2tcp_connected(c->node.tcp, 0));
}

/*
 * Its pages go after the grace time and not before.  When it is back, as the same
 * instance, it is told that they are not there, and makes nothing else of it; what
 * it sends then is kept.
 */
static void foreign_grace_over(struct kunit *test)
{
	struct move_node *a, *c;
	unsigned long begin;
	u32 i;

	grace_start(test, GRACE_MS, &a, &c);
	grace_fill(test, c);
	move_page(test, c, TMEM_EPHEMERAL, 0, 0);
	begin = jiffies;
	grace_part(test, a, c);
	WAIT_FOR(test, !move_nr_held(a, TMEM_PERSISTENT));
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - begin), GRACE_MS - 20);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - begin),
			GRACE_MS + GRACE_SLACK_MS);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), PAGES);

	grace_meet(test, a, c);
	for (i = 0; i < PAGES; i += 10)
		KUNIT_EXPECT_EQ(test, -EIO, move_read(test, c, TMEM_PERSISTENT,
						      i, 0));
	move_page(test, c, TMEM_PERSISTENT, 1, 1);
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) == 1);
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 1, 1));
	msleep(GRACE_MS + MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), 1);
}

/* Who is back in time has lost nothing, however often that happens. */
static void foreign_grace_in_time(struct kunit *test)
{
	struct move_node *a, *c;
	unsigned int i;

	grace_start(test, 5000, &a, &c);
	grace_fill(test, c);
	for (i = 0; i < 4; i++) {
		grace_part(test, a, c);
		msleep(1500);
		KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), PAGES);
		grace_meet(test, a, c);
	}
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
}

/* With 0, it may take for ever. */
static void foreign_grace_never(struct kunit *test)
{
	struct move_node *a, *c;

	grace_start(test, 0, &a, &c);
	grace_fill(test, c);
	grace_part(test, a, c);
	msleep(1500);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), PAGES);
	/* And that may change at any time. */
	WRITE_ONCE(a->node.info.client_grace_ms, GRACE_MS);
	WAIT_FOR(test, !move_nr_held(a, TMEM_PERSISTENT));
}

/* What was dropped is read from the server that has the other copy. */
static void foreign_grace_other_copy(struct kunit *test)
{
	struct move_node *a, *b, *c;

	grace_start(test, GRACE_MS, &a, &c);
	b = move_start(test, 2);
	move_connect(test, b, c);
	grace_fill(test, c);
	KUNIT_ASSERT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), PAGES);
	grace_part(test, a, c);
	WAIT_FOR(test, !move_nr_held(a, TMEM_PERSISTENT));
	grace_meet(test, a, c);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
	KUNIT_EXPECT_EQ(test, move_nr_held(b, TMEM_PERSISTENT), PAGES);
}

static struct kunit_case foreign_grace_cases[] = {
	KUNIT_CASE_SLOW(foreign_grace_over),
	KUNIT_CASE_SLOW(foreign_grace_in_time),
	KUNIT_CASE_SLOW(foreign_grace_never),
	KUNIT_CASE_SLOW(foreign_grace_other_copy),
	{}
};

static void grace_exit(struct kunit *test)
{
	struct move_world *world = test->priv;
	struct r2hb *hb = world ? world->n[0].node.hb : NULL;

	if (hb)
		r2hb_stop(hb);
	move_test_exit(test);
	if (hb)
		r2hb_destroy(hb);
}

static struct kunit_suite foreign_grace_suite = {
	.name = "ramster-foreign-grace",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = grace_exit,
	.test_cases = foreign_grace_cases,
};

kunit_test_suite(foreign_grace_suite);
