// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of prefetch.c: what is asked for before somebody needs it, and that it is
 * the right thing, wanted or not.
 */
#include "move_test.h"

/* As prefetch.c has it: so many pages at most are kept or asked for. */
#define PREFETCH_TEST_ROOM	48

static void prefetch_test_away(struct kunit *test, struct move_node **s,
			       struct move_node **c, enum tmem_kind kind, u32 nr)
{
	move_pair(test, s, c);
	move_pages(test, *c, kind, 0, nr);
	move_send(*c, *s, kind == TMEM_EPHEMERAL, kind == TMEM_PERSISTENT);
	WAIT_FOR(test, move_nr_away(*c, kind) == nr);
	WAIT_FOR(test, move_settled(*c));
}

static s64 prefetch_test_asked(struct move_node *n)
{
	return move_count(&n->node.count.prefetch_asked);
}

static s64 prefetch_test_used(struct move_node *n)
{
	return move_count(&n->node.count.prefetch_used);
}

/* Those that are neither used nor dropped fit into the room. */
static void prefetch_test_bounded(struct kunit *test, struct move_node *n)
{
	KUNIT_EXPECT_LE(test, prefetch_test_asked(n) - prefetch_test_used(n) -
			move_count(&n->node.count.prefetch_unused),
			PREFETCH_TEST_ROOM);
}

/*
 * Who reads one page after the other finds most of them here, each asked for
 * once; swap pages and pages of files alike.
 */
static void prefetch_test_sequential(struct kunit *test)
{
	enum { MANY = 300 };
	struct move_node *s, *c;

	prefetch_test_away(test, &s, &c, TMEM_PERSISTENT, MANY);
	move_read_all(test, c, TMEM_PERSISTENT, 0, MANY);
	KUNIT_EXPECT_GT(test, prefetch_test_used(c), MANY * 3 / 4);
	KUNIT_EXPECT_EQ(test, prefetch_test_used(c), prefetch_test_asked(c));
	KUNIT_EXPECT_EQ(test, move_count(&s->node.count.foreign_gets), MANY);
	KUNIT_EXPECT_EQ(test,
			move_count(&c->node.count.remote_succ_get[TMEM_PERSISTENT]),
			MANY);
}

static void prefetch_test_file(struct kunit *test)
{
	enum { MANY = 300 };
	struct move_node *s, *c;

	prefetch_test_away(test, &s, &c, TMEM_EPHEMERAL, MANY);
	move_read_all(test, c, TMEM_EPHEMERAL, 0, MANY);
	KUNIT_EXPECT_GT(test, prefetch_test_used(c), MANY * 3 / 4);
	KUNIT_EXPECT_EQ(test, move_count(&s->node.count.foreign_gets), MANY);
}

/* The same from the end to the beginning, and with pages left out in between. */
static void prefetch_test_strides(struct kunit *test)
{
	enum { MANY = 400 };
	struct move_node *s, *c;
	s64 used;
	int i;

	prefetch_test_away(test, &s, &c, TMEM_PERSISTENT, MANY);
	for (i = MANY - 1; i >= 0; i--)
		KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, i,
						   0));
	used = prefetch_test_used(c);
	KUNIT_EXPECT_GT(test, used, MANY * 3 / 4);

	for (i = 3; i < MANY; i += 7)
		KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, i,
						   0));
	KUNIT_EXPECT_GT(test, prefetch_test_used(c), used + MANY / 7 / 2);
	prefetch_test_bounded(test, c);
}

/*
 * Who reads at random causes no traffic, nor does who reads eight neighbours at a
 * time, as readahead does around any page.
 */
static void prefetch_test_random(struct kunit *test)
{
	enum { MANY = 256 };
	struct move_node *s, *c;
	u32 i, at;

	prefetch_test_away(test, &s, &c, TMEM_PERSISTENT, MANY);
	for (i = 0; i < MANY; i++) {
		at = i * i % 251;
		KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, at,
						   0));
	}
	KUNIT_EXPECT_LE(test, prefetch_test_asked(c), MANY / 16);
	for (i = 0; i < 16; i++)
		move_read_all(test, c, TMEM_PERSISTENT, i * 5 % 16 * 16, 8);
	KUNIT_EXPECT_LE(test, prefetch_test_asked(c), MANY / 16);
}

/* Several at once, each in an object of its own, do not get into each other's way. */
static void prefetch_test_streams(struct kunit *test)
{
	enum { STREAMS = 3, MANY = 100 };
	struct move_node *s, *c;
	u32 i, k;

	move_pair(test, &s, &c);
	for (k = 0; k < STREAMS; k++)
		move_pages(test, c, TMEM_PERSISTENT, k * 1000, MANY);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == STREAMS * MANY);
	for (i = 0; i < MANY; i++)
		for (k = 0; k < STREAMS; k++)
			KUNIT_EXPECT_EQ(test, 0,
					move_read(test, c, TMEM_PERSISTENT,
						  k * 1000 + i, 0));
	KUNIT_EXPECT_GT(test, prefetch_test_used(c), STREAMS * MANY / 2);
	prefetch_test_bounded(test, c);
}

/*
 * Newest wins: pages that are stored anew after they were asked for come as they
 * are now, from wherever they are.
 */
static void prefetch_test_replaced(struct kunit *test)
{
	enum { MANY = 60 };
	struct move_node *s, *c;
	u32 i;

	prefetch_test_away(test, &s, &c, TMEM_PERSISTENT, MANY);
	move_read_all(test, c, TMEM_PERSISTENT, 0, 16);
	WAIT_FOR(test, prefetch_test_asked(c) > 0);
	for (i = 16; i < MANY; i++)
		move_page(test, c, TMEM_PERSISTENT, i, 1);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == MANY);
	WAIT_FOR(test, move_settled(c));
	for (i = 16; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, i,
						   1));
	prefetch_test_bounded(test, c);
}

/*
 * What nobody wants is dropped for what somebody may, and asked for less and less:
 * here, by one who reads a few pages of each object and goes on to the next.
 */
static void prefetch_test_in_vain(struct kunit *test)
{
	enum { OBJECTS = 20, FEW = 14, MANY = 40 };
	struct move_node *s, *c;
	u32 i;

	move_pair(test, &s, &c);
	for (i = 0; i < OBJECTS; i++)
		move_pages(test, c, TMEM_PERSISTENT, i * 1000, MANY);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == OBJECTS * MANY);
	for (i = 0; i < OBJECTS; i++)
		move_read_all(test, c, TMEM_PERSISTENT, i * 1000, FEW);
	KUNIT_EXPECT_GT(test, move_count(&c->node.count.prefetch_unused), 0);
	prefetch_test_bounded(test, c);
	/* And all of them can still be had. */
	for (i = 0; i < OBJECTS; i++)
		move_read_all(test, c, TMEM_PERSISTENT, i * 1000, MANY);
}

/*
 * A connection that breaks takes what was asked for beforehand with it; whoever
 * wants one of these pages asks anew.
 */
static void prefetch_test_break(struct kunit *test)
{
	enum { MANY = 120 };
	struct r2tcp_peer_stats stats;
	struct move_fetch *fetch;
	struct move_node *s, *c;
	u32 i;

	fetch = kunit_kcalloc(test, 3, sizeof(*fetch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fetch);
	prefetch_test_away(test, &s, &c, TMEM_PERSISTENT, MANY);
	move_read_all(test, c, TMEM_PERSISTENT, 0, 10);
	WRITE_ONCE(s->stall, true);
	/* The last of them was asked for already, and is now wanted. */
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 0, move_ask(test, c, TMEM_PERSISTENT,
						  10 + i, &fetch[i]));
	KUNIT_EXPECT_GT(test, prefetch_test_asked(c), 0);
	move_resume(s);
	KUNIT_ASSERT_EQ(test, 0, r2tcp_peer_stats(c->node.tcp, 0, &stats));
	r2tcp_cut(c->node.tcp, 0, stats.connection);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 0, move_wait(test, &fetch[i]));
	move_read_all(test, c, TMEM_PERSISTENT, 10, MANY - 10);
}

/* Pages that follow each other may be with different peers: all are asked. */
static void prefetch_test_two_peers(struct kunit *test)
{
	enum { MANY = 200 };
	struct move_node *s, *c, *t;
	u32 i;

	move_pair(test, &s, &c);
	t = move_start(test, 2);
	move_connect(test, t, c);
	move_pages(test, c, TMEM_PERSISTENT, 0, MANY / 2);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == MANY / 2);
	remotify_set_target(c->node.remotify, 2);
	for (i = MANY / 2; i < MANY; i++)
		move_page(test, c, TMEM_PERSISTENT, i, 0);
	/* Every third of the first ones goes to the other peer. */
	for (i = 0; i < MANY / 2; i += 3)
		move_page(test, c, TMEM_PERSISTENT, i, 0);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == MANY);
	WAIT_FOR(test, move_settled(c));
	move_read_all(test, c, TMEM_PERSISTENT, 0, MANY);
	KUNIT_EXPECT_GT(test, prefetch_test_used(c), MANY / 2);
	KUNIT_EXPECT_GT(test, move_count(&t->node.count.foreign_gets),
			MANY / 2);
	KUNIT_EXPECT_EQ(test, prefetch_test_used(c), prefetch_test_asked(c));
}

/* Pages that the server has lost are lost to who wants them, and to nobody else. */
static void prefetch_test_lost(struct kunit *test)
{
	enum { MANY = 60 };
	struct move_node *s, *c;
	u32 i;

	prefetch_test_away(test, &s, &c, TMEM_PERSISTENT, MANY);
	move_read_all(test, c, TMEM_PERSISTENT, 0, 9);
	foreign_forget(s->node.foreign, 1);
	for (i = 9; i < 20; i++)
		KUNIT_EXPECT_EQ(test, -EIO, move_read(test, c, TMEM_PERSISTENT,
						      i, 0));
	KUNIT_EXPECT_EQ(test,
			move_count(&c->node.count.remote_unsucc_get[TMEM_PERSISTENT]),
			11);
}

static struct kunit_case prefetch_test_cases[] = {
	KUNIT_CASE(prefetch_test_sequential),
	KUNIT_CASE(prefetch_test_file),
	KUNIT_CASE(prefetch_test_strides),
	KUNIT_CASE(prefetch_test_random),
	KUNIT_CASE(prefetch_test_streams),
	KUNIT_CASE(prefetch_test_replaced),
	KUNIT_CASE(prefetch_test_in_vain),
	KUNIT_CASE(prefetch_test_break),
	KUNIT_CASE(prefetch_test_two_peers),
	KUNIT_CASE(prefetch_test_lost),
	{}
};

static struct kunit_suite prefetch_suite = {
	.name = "ramster-prefetch",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = move_test_exit,
	.test_cases = prefetch_test_cases,
};

kunit_test_suite(prefetch_suite);
