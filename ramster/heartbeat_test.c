// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of heartbeat.c over real connections: nodes are found alive and dead by
 * themselves, and by hand.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/slab.h>
#include "tcp_test.h"

#define TEST_DEAD_MS	1500
/* A dead node is found out after a tick more, and a busy machine's time. */
#define TEST_SLACK_MS	2500

/* Wait for a state; returns how long that took, in ms. */
static unsigned int wait_state(struct kunit *test, struct fake_node *node,
			       unsigned int num, enum r2hb_state state)
{
	unsigned long start = jiffies, end = start + TEST_PATIENCE;

	while (r2hb_state(node->hb, num) != state && time_before(jiffies, end))
		msleep(20);
	KUNIT_ASSERT_STREQ(test, r2hb_state_name(state),
			   r2hb_state_name(r2hb_state(node->hb, num)));
	return jiffies_to_msecs(jiffies - start);
}

static void expect_shown(struct kunit *test, struct fake_node *node,
			 unsigned int num, const char *text)
{
	char *page = (char *)__get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	r2hb_show_state(node->hb, num, page);
	KUNIT_EXPECT_STREQ(test, page, text);
	free_page((unsigned long)page);
}

static void expect_declared(struct kunit *test, struct fake_node *node,
			    bool up, const char *text)
{
	char *page = (char *)__get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	r2hb_show_declared(node->hb, up, page);
	KUNIT_EXPECT_STREQ(test, page, text);
	free_page((unsigned long)page);
}

/* Nodes 0 and 1, of which the first watches the second. */
static void start_watched(struct kunit *test, struct fake_node **a,
			  struct fake_node **b, unsigned int dead_time_ms)
{
	*a = fake_start(test, 0);
	fake_watch(test, *a, dead_time_ms);
	fake_add_peer(test, *a, 1);
	*b = fake_start(test, 1);
	fake_add_peer(test, *b, 0);
	wait_state(test, *a, 1, R2HB_UP);
}

/* Found alive, found dead within the dead time, found alive again. */
static void r2hb_test_by_itself(struct kunit *test)
{
	struct fake_node *a, *b;
	unsigned int ms;

	start_watched(test, &a, &b, TEST_DEAD_MS);
	expect_shown(test, a, 1, "up\n");
	fake_stop(b);
	wait_state(test, a, 1, R2HB_LOST);
	expect_shown(test, a, 1, "lost: the connection broke\n");
	ms = wait_state(test, a, 1, R2HB_DOWN);
	KUNIT_EXPECT_GE(test, ms, TEST_DEAD_MS - 700);
	KUNIT_EXPECT_LE(test, ms, TEST_DEAD_MS + TEST_SLACK_MS);
	expect_shown(test, a, 1, "down: not heard from for the dead time\n");

	b = fake_start(test, 1);
	fake_add_peer(test, b, 0);
	wait_state(test, a, 1, R2HB_UP);
	fake_get_works(test, a, 1);
}

/* A short break is no death. */
static void r2hb_test_break(struct kunit *test)
{
	struct fake_node *a, *b;
	int i;

	start_watched(test, &a, &b, 3000);
	for (i = 2; i < 7; i++) {
		fake_cut(test, a, 1);
		WAIT_FOR(test, a, atomic_read(&a->ups) == i);
		wait_state(test, a, 1, R2HB_UP);
	}
}

/* A node that never came is dead after the same time. */
static void r2hb_test_never(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	unsigned int ms;

	fake_watch(test, a, TEST_DEAD_MS);
	KUNIT_EXPECT_EQ(test, r2hb_state(a->hb, 1), R2HB_UNKNOWN);
	fake_add_peer(test, a, 1);
	expect_shown(test, a, 1, "unknown: not connected yet\n");
	ms = wait_state(test, a, 1, R2HB_DOWN);
	KUNIT_EXPECT_GE(test, ms, TEST_DEAD_MS - 200);
	KUNIT_EXPECT_LE(test, ms, TEST_DEAD_MS + TEST_SLACK_MS);
	expect_shown(test, a, 1, "down: never heard from\n");
}

/* Nobody sends a page, for many dead times: who is there is alive. */
static void r2hb_test_no_traffic(struct kunit *test)
{
	struct fake_node *a, *b;
	unsigned int i;

	start_watched(test, &a, &b, 2000);
	for (i = 0; i < 80; i++) {
		KUNIT_ASSERT_EQ(test, r2hb_state(a->hb, 1), R2HB_UP);
		msleep(100);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);
}

/*
 * The connection is there, and says nothing; the idle timeout is far.  The dead
 * time counts, and ends the connection.
 */
static void r2hb_test_silent(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_node *a;
	unsigned int ms;

	world->idle_ms = 120000;
	a = fake_start(test, 0);
	fake_watch(test, a, TEST_DEAD_MS);
	fake_add_peer(test, a, 1);
	raw_node(test, 1, 0, 1);
	wait_state(test, a, 1, R2HB_UP);
	ms = wait_state(test, a, 1, R2HB_DOWN);
	KUNIT_EXPECT_LE(test, ms, TEST_DEAD_MS + TEST_SLACK_MS);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	KUNIT_EXPECT_EQ(test, r2hb_state(a->hb, 1), R2HB_DOWN);

	/* It comes back, as the same. */
	raw_node(test, 1, 0, 1);
	wait_state(test, a, 1, R2HB_UP);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 1);
}

/* The dead time can be changed while nodes are watched. */
static void r2hb_test_dead_time(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);

	fake_watch(test, a, 600000);
	fake_add_peer(test, a, 1);
	msleep(1200);
	KUNIT_EXPECT_EQ(test, r2hb_state(a->hb, 1), R2HB_UNKNOWN);
	r2hb_set_dead_time(a->hb, 1000);
	wait_state(test, a, 1, R2HB_DOWN);
}

/*
 * Checklist C02, C03.  Down by hand, whatever it is, and not a word with it; up
 * by hand, and all is as before.
 */
static void r2hb_test_by_hand(struct kunit *test)
{
	struct fake_node *a, *b;
	int i;

	start_watched(test, &a, &b, TEST_DEAD_MS);
	expect_declared(test, a, true, "\n");
	expect_declared(test, a, false, "\n");
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, r2hb_declare_down(a->hb, 1), 0);
	expect_declared(test, a, false, "1\n");
	expect_shown(test, a, 1, "down-by-hand\n");
	KUNIT_EXPECT_FALSE(test, r2tcp_connected(a->tcp, 1));
	msleep(2 * TEST_DEAD_MS);
	KUNIT_EXPECT_EQ(test, r2hb_state(a->hb, 1), R2HB_HELD);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->ups), 1);

	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, r2hb_declare_up(a->hb, 1), 0);
	expect_declared(test, a, false, "\n");
	expect_declared(test, a, true, "1\n");
	wait_state(test, a, 1, R2HB_UP);
	fake_get_works(test, a, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 1);
	/* Of one that is up, it changes nothing. */
	KUNIT_EXPECT_EQ(test, r2hb_declare_up(a->hb, 1), 0);
	KUNIT_EXPECT_EQ(test, r2hb_state(a->hb, 1), R2HB_UP);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 1);
}

/* One that is dead and declared up gets its dead time anew. */
static void r2hb_test_up_when_dead(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);

	fake_watch(test, a, TEST_DEAD_MS);
	fake_add_peer(test, a, 1);
	wait_state(test, a, 1, R2HB_DOWN);
	KUNIT_EXPECT_EQ(test, r2hb_declare_up(a->hb, 1), 0);
	expect_shown(test, a, 1, "unknown: declared up, not connected yet\n");
	KUNIT_EXPECT_GE(test, wait_state(test, a, 1, R2HB_DOWN),
			TEST_DEAD_MS - 200);
}

/* This node itself, and nodes that there are not. */
static void r2hb_test_nobody(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);

	fake_watch(test, a, TEST_DEAD_MS);
	fake_add_peer(test, a, 3);
	KUNIT_EXPECT_EQ(test, r2hb_declare_down(a->hb, 0), -ELOOP);
	KUNIT_EXPECT_EQ(test, r2hb_declare_down(a->hb, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, r2hb_declare_up(a->hb, 1), -ENOENT);
	expect_declared(test, a, true, "\n");
	/* The how-to of the original has each node declare itself as well. */
	KUNIT_EXPECT_EQ(test, r2hb_declare_up(a->hb, 0), 0);
	KUNIT_EXPECT_EQ(test, r2hb_declare_up(a->hb, 3), 0);
	expect_declared(test, a, true, "0 3\n");
	KUNIT_EXPECT_EQ(test, r2hb_state(a->hb, 1), R2HB_UNKNOWN);
	KUNIT_EXPECT_EQ(test, r2hb_state(a->hb, 255), R2HB_UNKNOWN);
}

/* How long a node is away counts from the break, and not while it is there. */
static void r2hb_test_away(struct kunit *test)
{
	struct fake_node *a, *b;
	u64 ms;

	start_watched(test, &a, &b, 60000);
	msleep(200);
	KUNIT_EXPECT_EQ(test, r2hb_away_ms(a->hb, 1), 0);
	KUNIT_EXPECT_EQ(test, r2hb_away_ms(a->hb, 2), 0);
	KUNIT_EXPECT_EQ(test, r2hb_away_ms(a->hb, 255), 0);
	KUNIT_EXPECT_EQ(test, r2tcp_hold(b->tcp, 0), 0);
	wait_state(test, a, 1, R2HB_LOST);
	msleep(300);
	ms = r2hb_away_ms(a->hb, 1);
	KUNIT_EXPECT_GE(test, ms, 250);
	KUNIT_EXPECT_LE(test, ms, 300 + TEST_SLACK_MS);
	/* Nor does it matter what an operator says. */
	KUNIT_EXPECT_EQ(test, r2hb_declare_down(a->hb, 1), 0);
	KUNIT_EXPECT_GE(test, r2hb_away_ms(a->hb, 1), ms);
	KUNIT_EXPECT_EQ(test, r2hb_declare_up(a->hb, 1), 0);
	KUNIT_EXPECT_EQ(test, r2tcp_resume(b->tcp, 0), 0);
	wait_state(test, a, 1, R2HB_UP);
	KUNIT_EXPECT_EQ(test, r2hb_away_ms(a->hb, 1), 0);
	r2tcp_del_peer(a->tcp, 1);
	r2hb_del(a->hb, 1);
	KUNIT_EXPECT_EQ(test, r2hb_away_ms(a->hb, 1), 0);
}

/* A node that was removed, and added again, starts with a clean sheet. */
static void r2hb_test_removed(struct kunit *test)
{
	struct fake_node *a, *b;

	start_watched(test, &a, &b, TEST_DEAD_MS);
	KUNIT_EXPECT_EQ(test, r2hb_declare_down(a->hb, 1), 0);
	r2tcp_del_peer(a->tcp, 1);
	r2hb_del(a->hb, 1);
	expect_declared(test, a, false, "\n");
	KUNIT_EXPECT_EQ(test, r2hb_declare_up(a->hb, 1), -ENOENT);
	fake_add_peer(test, a, 1);
	wait_state(test, a, 1, R2HB_UP);
}

static struct kunit_case r2hb_cases[] = {
	KUNIT_CASE(r2hb_test_by_itself),
	KUNIT_CASE(r2hb_test_break),
	KUNIT_CASE(r2hb_test_never),
	KUNIT_CASE(r2hb_test_no_traffic),
	KUNIT_CASE(r2hb_test_silent),
	KUNIT_CASE(r2hb_test_dead_time),
	KUNIT_CASE(r2hb_test_by_hand),
	KUNIT_CASE(r2hb_test_up_when_dead),
	KUNIT_CASE(r2hb_test_nobody),
	KUNIT_CASE(r2hb_test_removed),
	KUNIT_CASE(r2hb_test_away),
	{}
};

static struct kunit_suite r2hb_suite = {
	.name = "r2hb",
	.suite_init = fake_suite_init,
	.init = fake_test_init,
	.exit = fake_test_exit,
	.test_cases = r2hb_cases,
};

kunit_test_suite(r2hb_suite);
