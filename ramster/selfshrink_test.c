// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of selfshrink.c: pages that come home while nothing happens.
 */
#include "move_test.h"

static void move_start_selfshrink(struct kunit *test, struct move_node *n,
				  unsigned int period_ms)
{
	selfshrink_period_ms = period_ms;
	n->node.selfshrink = selfshrink_start(&n->node, n->own);
	if (IS_ERR(n->node.selfshrink)) {
		int err = PTR_ERR(n->node.selfshrink);

		n->node.selfshrink = NULL;
		KUNIT_ASSERT_EQ(test, err, 0);
	}
}

/*
 * Regression: 3.3.10. Without growth, all swap pages come home in the end, a
 * twentieth in a period, and do not leave again although they may; the file
 * pages stay. Here they count as own ones.
 */
static void selfshrink_test_selfshrink(struct kunit *test)
{
	enum { PAGES = 200, PERIOD = 50 };
	struct move_node *s, *c;
	unsigned long begin;
	unsigned int ms;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	move_pages(test, c, TMEM_EPHEMERAL, 0, 10);
	move_send(c, s, true, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	begin = jiffies;
	move_start_selfshrink(test, c, PERIOD);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) <= PAGES / 2);
	ms = jiffies_to_msecs(jiffies - begin);
	/* Three periods of patience; 0.95 ^ 14 is still more than a half. */
	KUNIT_EXPECT_GE(test, ms, (3 + 13) * PERIOD);
	WAIT_FOR(test, move_nr_held(s, TMEM_PERSISTENT) == 0);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 0);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_EPHEMERAL), 10);
	KUNIT_EXPECT_EQ(test, move_nr_held(c, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_EQ(test, move_own(c).zbud[TMEM_PERSISTENT].zpages, PAGES);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_home), PAGES);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_succ_get
					 [TMEM_PERSISTENT]), 0);
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);

	/* The store grows: there is need again. */
	move_page(test, c, TMEM_PERSISTENT, PAGES, 0);
	WAIT_FOR(test, move_nr_held(s, TMEM_PERSISTENT) > PAGES / 2);
}

/* As long as the store grows, nothing comes home. */
static void selfshrink_test_selfshrink_growth(struct kunit *test)
{
	struct move_node *s, *c;
	u32 i;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 100);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 100);
	move_start_selfshrink(test, c, 100);
	for (i = 0; i < 20; i++) {
		move_page(test, c, TMEM_PERSISTENT, 100 + i, 0);
		msleep(60);
	}
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_home), 0);
	WAIT_FOR(test, move_count(&c->node.count.remote_home));
}

/* Switched off, the count does not fall, however idle the machine is. */
static void selfshrink_test_selfshrink_off(struct kunit *test)
{
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 50);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 50);
	selfshrink_disabled = true;
	move_start_selfshrink(test, c, 20);
	msleep(500);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 50);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_home), 0);
	selfshrink_disabled = false;
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 0);
}

/* Pages change while they come home: the newest is what is read. */
static void selfshrink_test_selfshrink_races(struct kunit *test)
{
	struct move_node *s, *c;
	u8 generation[100] = {};
	u32 i, round;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 100);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 100);
	move_start_selfshrink(test, c, 5);
	for (round = 1; round < 20; round++) {
		for (i = round % 3; i < 100; i += 3) {
			generation[i] = round;
			move_page(test, c, TMEM_PERSISTENT, i, round);
		}
		for (i = 0; i < 100; i++)
			KUNIT_EXPECT_EQ(test, 0,
					move_read(test, c, TMEM_PERSISTENT, i,
						  generation[i]));
		/*
		 * Now and then long enough for it to begin: whoever looks in the
		 * midst of a put sees a page more, and the clock has both look
		 * and put at the same moment.
		 */
		msleep(round % 4 ? 20 : 100);
	}
	for (i = 0; i < 100; i++)
		move_forget(c, TMEM_PERSISTENT, i);
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_GT(test, move_count(&c->node.count.remote_home), 0);
}

/*
 * Where RAM is looked at: nothing comes home as long as it might be sent again,
 * and what has come home is not.
 */
static void selfshrink_test_pressure(struct kunit *test)
{
	enum { PAGES = 50 };
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	pressure_low = 0;
	pressure_high = PRESSURE_ALWAYS_PERCENT - 1;
	move_start_selfshrink(test, c, 20);
	msleep(500);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), PAGES);
	pressure_high = 1;
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 0);
	/* Somebody who asks for pages to be sent ends a hold. */
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, true);
	s->nr_seen = 0;
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, s->nr_seen, 0);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 0);
}

static struct kunit_case selfshrink_cases[] = {
	KUNIT_CASE_SLOW(selfshrink_test_selfshrink),
	KUNIT_CASE_SLOW(selfshrink_test_selfshrink_growth),
	KUNIT_CASE(selfshrink_test_selfshrink_off),
	KUNIT_CASE(selfshrink_test_selfshrink_races),
	KUNIT_CASE(selfshrink_test_pressure),
	{}
};

static struct kunit_suite selfshrink_suite = {
	.name = "ramster-selfshrink",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = move_test_exit,
	.test_cases = selfshrink_cases,
};

kunit_test_suite(selfshrink_suite);
