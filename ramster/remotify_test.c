// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of remotify.c: what is sent, in which order, and what peers are told.
 */
#include "move_test.h"
#include "remotify_private.h"

/*
 * Ephemeral pages go before persistent ones, and within a kind the oldest go
 * first; what the server sees is what was put.
 */
static void remotify_test_order(struct kunit *test)
{
	enum { PAGES = 60 };
	struct move_node *s, *c;
	u32 i;

	move_pair(test, &s, &c);
	for (i = 0; i < PAGES; i++) {
		move_page(test, c, TMEM_PERSISTENT, i, 0);
		move_page(test, c, TMEM_EPHEMERAL, i, 0);
	}
	/* Both are enabled before there is a target. */
	remotify_set_enable(c->node.remotify, TMEM_EPHEMERAL, true);
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, true);
	remotify_set_target(c->node.remotify, 0);
	WAIT_FOR(test, move_nr_held(s, TMEM_PERSISTENT) == PAGES);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_EPHEMERAL), PAGES);
	KUNIT_ASSERT_EQ(test, s->nr_seen, 2 * PAGES);
	for (i = 0; i < 2 * PAGES; i++) {
		KUNIT_EXPECT_EQ(test, s->seen[i].persistent, i >= PAGES);
		KUNIT_EXPECT_EQ(test, s->seen[i].index, i % PAGES);
	}
	WAIT_FOR(test, move_settled(c));
	move_read_all(test, c, TMEM_PERSISTENT, 0, PAGES);
	move_read_all(test, c, TMEM_EPHEMERAL, 0, PAGES);
}

/* Swap pages get their turn, however many ephemeral ones there are. */
static void remotify_test_turns(struct kunit *test)
{
	struct move_node *s, *c;
	u32 i, first = 0;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_EPHEMERAL, 0, 400);
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	remotify_set_enable(c->node.remotify, TMEM_EPHEMERAL, true);
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, true);
	remotify_set_target(c->node.remotify, 0);
	WAIT_FOR(test, move_nr_held(s, TMEM_EPHEMERAL) == 400);
	for (i = 0; i < s->nr_seen && !s->seen[i].persistent; i++)
		first++;
	/* 100 frames of two pages each. */
	KUNIT_EXPECT_EQ(test, first, 200);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 20);
}

/* Nothing leaves without a target; each kind has a switch, both ways, at once. */
static void remotify_test_enable(struct kunit *test)
{
	struct move_node *s, *c;
	unsigned long begin;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_EPHEMERAL, 0, 10);
	move_pages(test, c, TMEM_PERSISTENT, 0, 10);
	KUNIT_EXPECT_EQ(test, remotify_target(c->node.remotify), -1);
	KUNIT_EXPECT_FALSE(test, remotify_enabled(c->node.remotify,
						  TMEM_PERSISTENT));
	KUNIT_EXPECT_FALSE(test, remotify_enabled(c->node.remotify,
						  TMEM_EPHEMERAL));
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, true);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, s->nr_seen, 0);
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, false);
	remotify_set_target(c->node.remotify, 0);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, s->nr_seen, 0);

	begin = jiffies;
	remotify_set_enable(c->node.remotify, TMEM_EPHEMERAL, true);
	WAIT_FOR(test, move_nr_held(s, TMEM_EPHEMERAL) == 10);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 0);
	remotify_set_enable(c->node.remotify, TMEM_EPHEMERAL, false);
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, true);
	move_pages(test, c, TMEM_EPHEMERAL, 10, 10);
	WAIT_FOR(test, move_nr_held(s, TMEM_PERSISTENT) == 10);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - begin), 2000);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_EPHEMERAL), 10);
	KUNIT_EXPECT_EQ(test, move_own(c).zbud[TMEM_EPHEMERAL].zpages, 10);
}

/* Nobody tells the thread of a page: it looks by itself, within a second. */
static void remotify_test_periodic(struct kunit *test)
{
	struct move_node *s, *c;
	unsigned long begin;
	u32 i;

	move_pair(test, &s, &c);
	move_send(c, s, false, true);
	for (i = 0; i < 3; i++) {
		msleep(MOVE_WHILE_MS);
		begin = jiffies;
		move_page(test, c, TMEM_PERSISTENT, i, 0);
		WAIT_FOR(test, move_nr_held(s, TMEM_PERSISTENT) == i + 1);
		KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - begin), 1000);
	}
}

/* All pages of a kind have moved, once, and nothing of them is left behind. */
static void expect_moved(struct kunit *test, struct move_node *s,
			 struct move_node *c, enum tmem_kind kind,
			 unsigned int pages)
{
	struct ramster_counters *count = &c->node.count;

	KUNIT_EXPECT_EQ(test, move_own(c).zbud[kind].frames, 0);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, kind), pages);
	KUNIT_EXPECT_EQ(test, move_held(s).zbud[kind].zpages_max, pages);
	KUNIT_EXPECT_EQ(test, move_count(&count->pages_remoted[kind]), pages);
	KUNIT_EXPECT_EQ(test, move_count(&count->bytes_remoted[kind]),
			pages * MOVE_LEN);
	KUNIT_EXPECT_EQ(test, move_count(&count->pages_remote_failed[kind]),
			0);
}

/*
 * Pages travel compressed: what is on the wire is their bytes and a header
 * each, and little else.  They free their frames, at far more than 200 a second
 * and kind, and are counted by kind.
 */
static void remotify_test_bytes(struct kunit *test)
{
	enum { PAGES = 1000 };
	struct r2tcp_peer_stats before, after;
	struct move_node *s, *c;
	unsigned long begin;
	unsigned int kind;
	u64 bytes;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_EPHEMERAL, 0, PAGES);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	KUNIT_EXPECT_EQ(test, move_own(c).zbud[TMEM_PERSISTENT].frames,
			PAGES / 2);
	KUNIT_ASSERT_EQ(test, 0, r2tcp_peer_stats(c->node.tcp, 0, &before));
	begin = jiffies;
	move_send(c, s, true, true);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		WAIT_FOR(test, move_nr_away(c, kind) == PAGES);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - begin),
			PAGES * 1000 / 200);
	WAIT_FOR(test, move_settled(c));
	KUNIT_ASSERT_EQ(test, 0, r2tcp_peer_stats(c->node.tcp, 0, &after));

	bytes = after.tx_bytes - before.tx_bytes;
	kunit_info(test, "%llu bytes for %u pages of %u, in %u ms", bytes,
		   2 * PAGES, MOVE_LEN, jiffies_to_msecs(jiffies - begin));
	KUNIT_EXPECT_GE(test, bytes, 2ULL * PAGES * MOVE_LEN);
	KUNIT_EXPECT_LE(test, bytes, 2ULL * PAGES *
			(ALIGN(MOVE_LEN, R2_ALIGN) +
			 sizeof(struct r2_put_item) + 8));
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		expect_moved(test, s, c, kind, PAGES);
}

/*
 * Regression: 3.1.4. A page that is refused stays readable, is a candidate
 * again, and is sent when there is room: nothing is stuck.
 */
static void remotify_test_refused(struct kunit *test)
{
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	s->node.info.capacity_mb = 0;
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_count(&c->node.count.pages_remote_failed
				   [TMEM_PERSISTENT]) >= 20);
	move_read_all(test, c, TMEM_PERSISTENT, 0, 20);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 0);
	WAIT_FOR(test, move_settled(c));
	s->node.info.capacity_mb = 16;
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 20);
	KUNIT_EXPECT_EQ(test, move_own(c).zbud[TMEM_PERSISTENT].isolated, 0);
	move_read_all(test, c, TMEM_PERSISTENT, 0, 20);
}

/*
 * A server that answers STALE has something that this node does not know of.
 * The page stays, and is not offered again and again without a pause.
 */
static void remotify_test_stale(struct kunit *test)
{
	struct r2net_batch *batch;
	struct tmem_handle handle = move_handle(TMEM_PERSISTENT, 7);
	struct tmem_blob blob = { .len = 8, .version = 1000000 };
	struct r2tcp_reply reply = {};
	struct move_node *s, *c;
	unsigned int seen;

	move_pair(test, &s, &c);
	batch = kunit_kzalloc(test, sizeof(*batch), GFP_KERNEL);
	reply.buf = kunit_kzalloc(test, R2_MAX_ITEMS, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, batch);
	KUNIT_ASSERT_NOT_NULL(test, reply.buf);
	KUNIT_ASSERT_EQ(test, 0, r2net_batch_init(batch, R2_PUT,
						  R2_MAX_PAYLOAD));
	memset(r2net_put_room(batch), 0, blob.len);
	r2net_put_add(batch, &handle, TMEM_PERSISTENT, &blob);
	KUNIT_EXPECT_EQ(test, 0, foreign_put(s->node.foreign, 1, batch->buf,
					     batch->len, 1, &reply));
	r2net_batch_free(batch);

	move_page(test, c, TMEM_PERSISTENT, 7, 0);
	move_send(c, s, false, true);
	WAIT_FOR(test, s->nr_seen >= 1);
	msleep(2500);
	seen = s->nr_seen;
	/* Once a second, at most. */
	KUNIT_EXPECT_LE(test, seen, 4);
	KUNIT_EXPECT_GE(test, seen, 2);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 7, 0));
	KUNIT_EXPECT_GE(test, move_count(&c->node.count.pages_remote_failed
					 [TMEM_PERSISTENT]), seen - 1);
}

/* Without a connection nothing is taken from its place, and nothing is lost. */
static void remotify_test_no_connection(struct kunit *test)
{
	struct move_node *s = move_start(test, 0), *c = move_start(test, 1);
	struct tmem_stats stats;

	move_add_peer(test, c, s);
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	move_pages(test, c, TMEM_EPHEMERAL, 0, 20);
	move_send(c, s, true, true);
	msleep(MOVE_WHILE_MS);
	stats = move_own(c);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].isolated, 0);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].isolated, 0);
	move_read_all(test, c, TMEM_PERSISTENT, 0, 20);
	move_add_peer(test, s, c);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 20);
	WAIT_FOR(test, move_nr_away(c, TMEM_EPHEMERAL) == 20);
}

/*
 * Regression: 3.2.3. The target changes while pages of the same object are with
 * the old one: new ones go to the new one, and all stay readable.
 */
static void remotify_test_target_change(struct kunit *test)
{
	struct move_node *a = move_start(test, 0), *c = move_start(test, 1);
	struct move_node *b = move_start(test, 2);

	move_connect(test, a, c);
	move_connect(test, b, c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	move_send(c, a, false, true);
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) == 20);
	WAIT_FOR(test, move_settled(c));
	remotify_set_target(c->node.remotify, 2);
	move_pages(test, c, TMEM_PERSISTENT, 20, 20);
	WAIT_FOR(test, move_nr_held(b, TMEM_PERSISTENT) == 20);
	KUNIT_EXPECT_EQ(test, move_nr_held(a, TMEM_PERSISTENT), 20);
	WAIT_FOR(test, move_settled(c));
	/* A page of the old target is written anew: it goes to the new one. */
	move_page(test, c, TMEM_PERSISTENT, 5, 1);
	WAIT_FOR(test, move_nr_held(b, TMEM_PERSISTENT) == 21);
	WAIT_FOR(test, move_nr_held(a, TMEM_PERSISTENT) == 19);
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 5, 1));
	move_read_all(test, c, TMEM_PERSISTENT, 6, 34);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 40);
}

/*
 * Regression: 3.1.7. Two nodes send their pages to each other, under the same
 * names: neither sends on what is the other's, and each reads its own.
 */
static void remotify_test_symmetric(struct kunit *test)
{
	struct move_node *a, *b;
	unsigned int kind;

	move_pair(test, &a, &b);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		move_pages(test, a, kind, 0, 50);
		move_pages(test, b, kind, 0, 50);
	}
	move_send(a, b, true, true);
	move_send(b, a, true, true);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		WAIT_FOR(test, move_nr_held(a, kind) == 50);
		WAIT_FOR(test, move_nr_held(b, kind) == 50);
	}
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, a->nr_seen, 100);
	KUNIT_EXPECT_EQ(test, b->nr_seen, 100);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		move_read_all(test, a, kind, 0, 50);
		move_read_all(test, b, kind, 0, 50);
		KUNIT_EXPECT_EQ(test, move_nr_away(a, kind), 50);
		KUNIT_EXPECT_EQ(test, move_nr_away(b, kind), 50);
	}
}

/*
 * Regression: 3.1.2, 3.1.3. A page that is replaced, or flushed, while it is on
 * its way: the newer one is what is read, and the server keeps nothing of the
 * older one.
 */
static void remotify_test_change_while_sent(struct kunit *test)
{
	struct move_node *s, *c;
	u32 i;

	move_pair(test, &s, &c);
	WRITE_ONCE(s->stall, true);
	move_pages(test, c, TMEM_PERSISTENT, 0, 30);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_own(c).sending == 30);
	for (i = 0; i < 10; i++)
		move_page(test, c, TMEM_PERSISTENT, i, 1);
	for (i = 10; i < 20; i++)
		move_forget(c, TMEM_PERSISTENT, i);
	/* Meanwhile all that is there is read without the server. */
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, i,
						   1));
	move_read_all(test, c, TMEM_PERSISTENT, 20, 10);
	move_resume(s);
	WAIT_FOR(test, move_settled(c));
	WAIT_FOR(test, move_nr_held(s, TMEM_PERSISTENT) == 20);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, i,
						   1));
	for (i = 10; i < 20; i++)
		KUNIT_EXPECT_EQ(test, -ENOENT,
				move_read(test, c, TMEM_PERSISTENT, i, 0));
	move_read_all(test, c, TMEM_PERSISTENT, 20, 10);
}

/*
 * pressure
 */

/* With RAM enough, nothing leaves; when it is short, all does. */
static void remotify_test_pressure(struct kunit *test)
{
	struct move_node *s, *c;
	unsigned int kind;

	move_pair(test, &s, &c);
	pressure_high = 0;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		move_pages(test, c, kind, 0, 20);
	move_send(c, s, true, true);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, s->nr_seen, 0);
	KUNIT_EXPECT_EQ(test, move_own(c).sending, 0);
	move_short();
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		WAIT_FOR(test, move_nr_away(c, kind) == 20);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.frames_sent
					 [PRESSURE_SHORT]), 20);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.frames_sent
					 [PRESSURE_ALWAYS]), 0);
	move_read_all(test, c, TMEM_PERSISTENT, 0, 20);
}

/*
 * Somebody gets ready for what comes: what was stored just now stays, and leaves
 * when it has become old; the oldest first.
 */
static void remotify_test_young(struct kunit *test)
{
	enum { PAGES = 100 };
	struct move_node *s, *c;
	u32 i;

	move_pair(test, &s, &c);
	move_short();
	/* Swap pages may not be sent yet. */
	move_send(c, s, true, false);
	WAIT_FOR(test, c->node.remotify->pressure.plan.state == PRESSURE_SHORT);
	pressure_low = 0;
	WAIT_FOR(test, c->node.remotify->pressure.plan.state == PRESSURE_AHEAD);
	move_pages(test, c, TMEM_PERSISTENT, 0, PAGES);
	msleep(MOVE_WHILE_MS);
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, true);
	WAIT_FOR(test, s->nr_seen);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_LE(test, s->nr_seen, 3 * PAGES / 4);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == PAGES);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, s->seen[i].index, i);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.frames_sent
					 [PRESSURE_AHEAD]), PAGES / 2);
}

/* A page that comes back at once is counted, one that comes back late is not. */
static void remotify_test_refault(struct kunit *test)
{
	struct move_node *s, *c;
	u64 window;

	move_pair(test, &s, &c);
	move_short();
	pressure_low = 98;
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 20);
	move_read_all(test, c, TMEM_PERSISTENT, 0, 20);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.refaults), 20);
	/* The rest of the world is sent, in between. */
	window = c->node.remotify->pressure.plan.window;
	KUNIT_EXPECT_GT(test, window, 20);
	c->node.remotify->pressure.newest += window;
	move_read_all(test, c, TMEM_PERSISTENT, 0, 20);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.refaults), 20);
}

/* Where RAM is looked at, what is held back leaves when that is short. */
static void remotify_test_hold(struct kunit *test)
{
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	move_send(c, s, false, false);
	remotify_set_enable(c->node.remotify, TMEM_PERSISTENT, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 20);
	remotify_hold(c->node.remotify, 1000);
	move_pages(test, c, TMEM_PERSISTENT, 20, 20);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 20);
	move_short();
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 40);
}

static s64 looks_in(struct move_node *n, unsigned int ms)
{
	s64 before = move_count(&n->node.count.looks);

	msleep(ms);
	return move_count(&n->node.count.looks) - before;
}

/*
 * A machine that has RAM enough is left alone: without pages to send nobody
 * looks, with some it is once a second; and whoever stores ends that.
 */
static void remotify_test_rests(struct kunit *test)
{
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	pressure_high = 0;
	/* As the kernel's own pages are, whose storing is told of. */
	c->node.owner = true;
	move_send(c, s, false, true);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, looks_in(c, 1500), 0);
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	KUNIT_EXPECT_EQ(test, looks_in(c, 500), 0);
	remotify_kick(c->node.remotify);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_LE(test, looks_in(c, 2500), 3);
	KUNIT_EXPECT_GE(test, looks_in(c, 2500), 2);
	/* RAM runs short, and nobody says so. */
	move_short();
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 20);
	WAIT_FOR(test, move_settled(c));
	msleep(MOVE_WHILE_MS);
	/* Nothing is left: nobody looks, however short it is. */
	KUNIT_EXPECT_EQ(test, looks_in(c, 1000), 0);
	remotify_set_target(c->node.remotify, -1);
	move_page(test, c, TMEM_PERSISTENT, 20, 0);
	remotify_kick(c->node.remotify);
	KUNIT_EXPECT_EQ(test, looks_in(c, 1000), 0);
	c->node.owner = false;
	remotify_kick(c->node.remotify);
}

/*
 * debts
 */

/*
 * Regression: 3.3.1, 3.3.3, 3.3.11. What is flushed is gone at the server soon,
 * of either kind, also while nothing is sent; and is no longer counted here.
 */
static void remotify_test_flush(struct kunit *test)
{
	struct move_node *s, *c;
	unsigned long begin;
	unsigned int kind;
	u32 i;

	move_pair(test, &s, &c);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		move_pages(test, c, kind, 0, 20);
	move_send(c, s, true, true);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		WAIT_FOR(test, move_nr_away(c, kind) == 20);
	move_send(c, s, false, false);
	remotify_set_target(c->node.remotify, -1);

	begin = jiffies;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		for (i = 0; i < 15; i++)
			move_forget(c, kind, i);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		KUNIT_EXPECT_EQ(test, move_nr_away(c, kind), 5);
		WAIT_FOR(test, move_nr_held(s, kind) == 5);
	}
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - begin), 2000);
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test,
			move_count(&c->node.count.remote_pages_flushed), 30);
}

/* A whole object is one item of one message, whatever the number of its pages. */
static void remotify_test_flush_object(struct kunit *test)
{
	struct tmem_oid oid = move_oid(0);
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 100);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 100);
	WAIT_FOR(test, move_settled(c));
	tmem_flush_object(c->pool[TMEM_PERSISTENT], &oid, 0);
	KUNIT_EXPECT_EQ(test, move_nr_away(c, TMEM_PERSISTENT), 0);
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_EQ(test, s->flushed[1], 1);
	KUNIT_EXPECT_EQ(test, s->flushed[0], 0);
	KUNIT_EXPECT_EQ(test,
			move_count(&c->node.count.remote_objects_flushed), 1);
}

/*
 * Regression: 3.3.5. A flush that fails is counted and repeated until the peer
 * has heard it.
 */
static void remotify_test_flush_fails(struct kunit *test)
{
	struct move_node *s, *c;
	u32 i;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 20);
	WAIT_FOR(test, move_settled(c));
	move_send(c, s, false, false);
	WRITE_ONCE(s->stall, true);
	for (i = 0; i < 10; i++)
		move_forget(c, TMEM_PERSISTENT, i);
	msleep(MOVE_WHILE_MS);
	move_break(test, c, s);
	WAIT_FOR(test,
		 move_count(&c->node.count.remote_page_flushes_failed));
	KUNIT_EXPECT_EQ(test, move_own(c).debts, 10);
	move_resume(s);
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 10);
	move_read_all(test, c, TMEM_PERSISTENT, 10, 10);
}

/*
 * Regression: 3.3.2. A node that goes down tells its peers, who need not wait
 * for it to come back; its pools are gone, too, and may be of another kind then.
 */
static void remotify_test_farewell(struct kunit *test)
{
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	move_pages(test, c, TMEM_EPHEMERAL, 0, 20);
	move_send(c, s, true, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 20);
	WAIT_FOR(test, move_nr_away(c, TMEM_EPHEMERAL) == 20);
	move_stop(c);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 0);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_EPHEMERAL), 0);
	KUNIT_EXPECT_EQ(test, move_held(s).objects, 0);
	KUNIT_EXPECT_EQ(test, s->flushed[2], 2);
}

/* A server that does not answer delays the end of a node only so long. */
static void remotify_test_farewell_unheard(struct kunit *test)
{
	struct move_node *s, *c;
	unsigned long begin;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 20);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 20);
	WRITE_ONCE(s->stall, true);
	begin = jiffies;
	move_stop(c);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - begin), 6000);
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 20);
}

static struct kunit_case remotify_cases[] = {
	KUNIT_CASE(remotify_test_order),
	KUNIT_CASE(remotify_test_turns),
	KUNIT_CASE(remotify_test_enable),
	KUNIT_CASE(remotify_test_periodic),
	KUNIT_CASE(remotify_test_bytes),
	KUNIT_CASE(remotify_test_refused),
	KUNIT_CASE(remotify_test_stale),
	KUNIT_CASE(remotify_test_no_connection),
	KUNIT_CASE(remotify_test_target_change),
	KUNIT_CASE(remotify_test_symmetric),
	KUNIT_CASE(remotify_test_change_while_sent),
	KUNIT_CASE(remotify_test_pressure),
	KUNIT_CASE_SLOW(remotify_test_young),
	KUNIT_CASE(remotify_test_refault),
	KUNIT_CASE(remotify_test_hold),
	KUNIT_CASE_SLOW(remotify_test_rests),
	KUNIT_CASE(remotify_test_flush),
	KUNIT_CASE(remotify_test_flush_object),
	KUNIT_CASE(remotify_test_flush_fails),
	KUNIT_CASE(remotify_test_farewell),
	KUNIT_CASE_SLOW(remotify_test_farewell_unheard),
	{}
};

static struct kunit_suite remotify_suite = {
	.name = "ramster-remotify",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = move_test_exit,
	.test_cases = remotify_cases,
};

kunit_test_suite(remotify_suite);
