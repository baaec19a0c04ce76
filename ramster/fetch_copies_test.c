// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of fetch.c: a page that two peers have, when one of them is of no help.
 *
 * Nodes 0 and 2 lend, node 1 has pages, and each of these is with both: node 0
 * first, so that it is the one that is asked if nothing speaks against it.
 */
#include "move_test.h"

enum {
	COPIES_PAGES = 40,
	/* As fetch.c has it: so long the first one is waited for. */
	COPIES_SHARE_MS = 400,
	/* Without waiting for anybody in vain. */
	COPIES_AT_ONCE_MS = 300,
	/* With one who was waited for in vain. */
	COPIES_SOON_MS = 1000,
};

struct copies {
	struct move_node *a;
	struct move_node *b;
	struct move_node *c;
	struct r2net_batch batch;
	u8 status[R2_MAX_ITEMS];
};

/* How a page was handed over. */
struct copies_get {
	struct completion done;
	unsigned long begin;
	unsigned int calls;
	unsigned int ms;
	int result;
	u32 len;
	u8 data[MOVE_LEN];
};

static void copies_give(struct kunit *test, struct copies *w,
			struct move_node *to)
{
	struct r2tcp_reply reply = { .buf = w->status };

	KUNIT_ASSERT_EQ(test, 0, foreign_put(to->node.foreign, 1, w->batch.buf,
					     w->batch.len, 1, &reply));
	KUNIT_ASSERT_EQ(test, w->status[0], R2_OK);
}

/* Send the oldest page, of which there is but one, to both. */
static void copies_send(struct kunit *test, struct copies *w)
{
	struct tmem_peers both = tmem_peers(0, 2);
	struct tmem_handle handle[2];
	struct tmem_blob blob;
	u64 version[2];

	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(w->c->own, TMEM_PERSISTENT,
						     handle, version));
	r2net_batch_reset(&w->batch);
	blob = (struct tmem_blob) {
		.data = r2net_put_room(&w->batch),
		.version = version[0],
	};
	KUNIT_ASSERT_EQ(test, 0, tmem_send_begin(w->c->own, handle, both,
						 &blob));
	r2net_put_add(&w->batch, handle, TMEM_PERSISTENT, &blob);
	copies_give(test, w, w->a);
	copies_give(test, w, w->b);
	KUNIT_ASSERT_TRUE(test, tmem_send_done(w->c->own, handle, version[0],
					       both, TMEM_SEND_STORED));
}

/* All are connected, and all pages are with both. */
static struct copies *copies_start(struct kunit *test)
{
	struct copies *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	KUNIT_ASSERT_EQ(test, 0, r2net_batch_init(&w->batch, R2_PUT,
						  R2_MAX_PAYLOAD));
	move_pair(test, &w->a, &w->c);
	w->b = move_start(test, 2);
	move_connect(test, w->b, w->c);
	for (i = 0; i < COPIES_PAGES; i++) {
		move_page(test, w->c, TMEM_PERSISTENT, i, 0);
		copies_send(test, w);
	}
	r2net_batch_free(&w->batch);
	KUNIT_ASSERT_EQ(test, move_nr_held(w->a, TMEM_PERSISTENT),
			COPIES_PAGES);
	KUNIT_ASSERT_EQ(test, move_nr_held(w->b, TMEM_PERSISTENT),
			COPIES_PAGES);
	KUNIT_ASSERT_EQ(test, move_own(w->c).lone, 0);
	return w;
}

static struct copies_get *copies_new(struct kunit *test, unsigned int nr)
{
	struct copies_get *get = kunit_kcalloc(test, nr, sizeof(*get),
					       GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, get);
	return get;
}

static int copies_fetched(void *arg, int result, const void *data, u32 len,
			  bool waited)
{
	struct copies_get *get = arg;

	get->calls++;
	get->ms = jiffies_to_msecs(jiffies - get->begin);
	get->result = result;
	get->len = len;
	if (!result && len == MOVE_LEN)
		memcpy(get->data, data, len);
	complete(&get->done);
	return result;
}

/* Ask for a page, whoever is the first of @peers. */
static int copies_ask(struct kunit *test, struct copies *w, u32 index,
		      struct tmem_peers peers, long patience,
		      struct copies_get *get)
{
	struct tmem_handle handle = move_handle(TMEM_PERSISTENT, index);
	struct tmem_blob where;
	int err;

	*get = (struct copies_get) { .begin = jiffies };
	init_completion(&get->done);
	KUNIT_ASSERT_EQ(test, -EREMOTE, move_lookup(test, w->c, TMEM_PERSISTENT,
						    index, &where));
	err = fetch_page(&w->c->node, &handle, TMEM_PERSISTENT, where.version,
			 peers, patience, copies_fetched, get);
	if (!patience && err == -EINPROGRESS)
		r2tcp_push(w->c->node.tcp, peers.node[0]);
	return err;
}

static struct tmem_peers copies_order(struct copies *w)
{
	return fetch_order(&w->c->node, tmem_peers(0, 2));
}

/* The page has come, once, and is the right one. */
static void copies_expect(struct kunit *test, u32 index,
			  struct copies_get *get)
{
	struct move_world *world = test->priv;

	KUNIT_ASSERT_NE(test, 0, wait_for_completion_timeout(&get->done,
							     MOVE_PATIENCE));
	KUNIT_EXPECT_EQ(test, get->result, 0);
	KUNIT_EXPECT_EQ(test, get->calls, 1);
	KUNIT_EXPECT_EQ(test, get->len, MOVE_LEN);
	move_fill(world->in, 1, index, 0);
	KUNIT_EXPECT_EQ(test, 0, memcmp(world->in, get->data, MOVE_LEN));
}

/* Read a page as a fault does; returns the milliseconds that it took. */
static unsigned int copies_read(struct kunit *test, struct copies *w, u32 index,
				struct tmem_peers peers, long patience)
{
	struct copies_get *get = copies_new(test, 1);
	unsigned int ms;
	int err;

	err = copies_ask(test, w, index, peers, patience, get);
	KUNIT_EXPECT_EQ(test, err, patience ? 0 : -EINPROGRESS);
	copies_expect(test, index, get);
	ms = get->ms;
	kunit_kfree(test, get);
	return ms;
}

/* Both by one who waits for the page, and by one who does not. */
static const long copies_patience[] = { MAX_SCHEDULE_TIMEOUT, 0 };

static s64 copies_others(struct copies *w)
{
	return move_count(&w->c->node.count.remote_get_other_copy);
}

static s64 copies_asked(struct move_node *n)
{
	return move_count(&n->node.count.foreign_gets);
}

static s64 copies_failed(struct copies *w)
{
	return move_count(&w->c->node.count.remote_unsucc_get[TMEM_PERSISTENT]);
}

/* While nothing is wrong the first one is asked, and nobody else. */
static void fetch_copies_test_first(struct kunit *test)
{
	struct copies *w = copies_start(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(copies_patience); i++)
		copies_read(test, w, 20 - 7 * i, copies_order(w),
			    copies_patience[i]);
	KUNIT_EXPECT_EQ(test, copies_asked(w->a), 2);
	KUNIT_EXPECT_EQ(test, copies_asked(w->b), 0);
	KUNIT_EXPECT_EQ(test, copies_others(w), 0);
}

/* The better one is asked first: who is connected, and not in doubt. */
static void fetch_copies_test_order(struct kunit *test)
{
	struct copies *w = copies_start(test);
	struct ramster_node *c = &w->c->node;

	KUNIT_EXPECT_EQ(test, copies_order(w).node[0], 0);
	r2tcp_doubt(c->tcp, 0);
	KUNIT_EXPECT_EQ(test, copies_order(w).node[0], 2);
	KUNIT_EXPECT_EQ(test, copies_order(w).node[1], 0);
	/* Neither is better. */
	r2tcp_doubt(c->tcp, 2);
	KUNIT_EXPECT_EQ(test, copies_order(w).node[0], 0);
	r2tcp_del_peer(c->tcp, 2);
	KUNIT_EXPECT_EQ(test, copies_order(w).node[0], 0);
	/* One alone is the one, however it is. */
	KUNIT_EXPECT_EQ(test, fetch_order(c, tmem_peer(2)).node[0], 2);
	KUNIT_EXPECT_EQ(test, fetch_order(c, tmem_peer(2)).node[1],
			TMEM_NO_NODE);
}

/*
 * No connection with the first one: the other one is asked at once, also if it was
 * lost just after somebody has looked.
 */
static void fetch_copies_test_not_connected(struct kunit *test)
{
	struct copies *w = copies_start(test);
	unsigned int i;

	r2tcp_del_peer(w->c->node.tcp, 0);
	for (i = 0; i < ARRAY_SIZE(copies_patience); i++) {
		KUNIT_EXPECT_LT(test, copies_read(test, w, 20 - 7 * i,
						  copies_order(w),
						  copies_patience[i]),
				COPIES_AT_ONCE_MS);
		KUNIT_EXPECT_LT(test, copies_read(test, w, 21 - 7 * i,
						  tmem_peers(0, 2),
						  copies_patience[i]),
				COPIES_AT_ONCE_MS);
	}
	KUNIT_EXPECT_EQ(test, copies_asked(w->b), 4);
	KUNIT_EXPECT_EQ(test, copies_failed(w), 0);
}

/* The connection breaks while the first one is thinking: the other one, at once. */
static void fetch_copies_test_break(struct kunit *test)
{
	struct copies_get *get = copies_new(test, 1);
	struct copies *w = copies_start(test);
	struct r2tcp_peer_stats stats;

	WRITE_ONCE(w->a->stall, true);
	KUNIT_ASSERT_EQ(test, -EINPROGRESS,
			copies_ask(test, w, 9, copies_order(w), 0, get));
	msleep(50);
	KUNIT_EXPECT_EQ(test, get->calls, 0);
	KUNIT_ASSERT_EQ(test, 0, r2tcp_peer_stats(w->c->node.tcp, 0, &stats));
	r2tcp_cut(w->c->node.tcp, 0, stats.connection);
	copies_expect(test, 9, get);
	KUNIT_EXPECT_LT(test, get->ms, COPIES_AT_ONCE_MS);
	KUNIT_EXPECT_EQ(test, copies_others(w), 1);
	KUNIT_EXPECT_EQ(test, copies_asked(w->b), 1);
}

/* The first one does not have it any more. */
static void fetch_copies_test_not_found(struct kunit *test)
{
	struct copies *w = copies_start(test);
	unsigned int i;

	foreign_forget(w->a->node.foreign, 1);
	for (i = 0; i < ARRAY_SIZE(copies_patience); i++) {
		KUNIT_EXPECT_LT(test, copies_read(test, w, 20 - 7 * i,
						  copies_order(w),
						  copies_patience[i]),
				COPIES_AT_ONCE_MS);
		KUNIT_EXPECT_EQ(test, copies_others(w), i + 1);
	}
	KUNIT_EXPECT_EQ(test, copies_asked(w->b), 2);
	KUNIT_EXPECT_EQ(test, copies_failed(w), 0);
	/* It answers, so nobody doubts that it does. */
	KUNIT_EXPECT_FALSE(test, r2tcp_doubted(w->c->node.tcp, 0));
}

/* The first one sends damaged bytes: nobody's data. */
static void fetch_copies_test_damaged(struct kunit *test)
{
	struct copies *w = copies_start(test);
	unsigned int i;

	w->a->damage = true;
	for (i = 0; i < ARRAY_SIZE(copies_patience); i++) {
		copies_read(test, w, 20 - 7 * i, copies_order(w),
			    copies_patience[i]);
		KUNIT_EXPECT_EQ(test, copies_others(w), i + 1);
		KUNIT_EXPECT_EQ(test,
				move_count(&w->c->node.count.remote_get_corrupt),
				i + 1);
	}
	KUNIT_EXPECT_EQ(test, copies_asked(w->b), 2);
	KUNIT_EXPECT_EQ(test, copies_failed(w), 0);
}

/*
 * The first one stands still: who waits has the page soon from the other one, and
 * who comes later does not wait at all.
 */
static void fetch_copies_stalls(struct kunit *test, long patience)
{
	struct copies *w = copies_start(test);
	unsigned int ms, i;

	WRITE_ONCE(w->a->stall, true);
	ms = copies_read(test, w, 20, copies_order(w), patience);
	KUNIT_EXPECT_GE(test, ms, COPIES_SHARE_MS - 50);
	KUNIT_EXPECT_LT(test, ms, COPIES_SOON_MS);
	KUNIT_EXPECT_EQ(test, copies_others(w), 1);
	KUNIT_EXPECT_TRUE(test, r2tcp_doubted(w->c->node.tcp, 0));
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_LT(test, copies_read(test, w, 3 + i * i,
						  copies_order(w), patience),
				COPIES_AT_ONCE_MS);
	KUNIT_EXPECT_EQ(test, copies_others(w), 1);
	KUNIT_EXPECT_EQ(test, copies_asked(w->b), 5);
	/* Its answer comes at last, and nobody takes notice. */
	move_resume(w->a);
	WAIT_FOR(test, copies_asked(w->a) == 1);
	WAIT_FOR(test, !r2tcp_doubted(w->c->node.tcp, 0));
	copies_read(test, w, 30, copies_order(w), patience);
	KUNIT_EXPECT_EQ(test, copies_asked(w->a), 2);
}

static void fetch_copies_test_stalls_awaited(struct kunit *test)
{
	fetch_copies_stalls(test, MAX_SCHEDULE_TIMEOUT);
}

static void fetch_copies_test_stalls_deferred(struct kunit *test)
{
	fetch_copies_stalls(test, 0);
}

/* Who does not want to wait for so long has it all the same, later, and once. */
static void fetch_copies_test_impatient(struct kunit *test)
{
	struct copies_get *get = copies_new(test, 1);
	struct copies *w = copies_start(test);

	WRITE_ONCE(w->a->stall, true);
	KUNIT_EXPECT_EQ(test, -EINPROGRESS,
			copies_ask(test, w, 20, copies_order(w),
				   msecs_to_jiffies(50), get));
	KUNIT_EXPECT_EQ(test, get->calls, 0);
	copies_expect(test, 20, get);
	KUNIT_EXPECT_LT(test, get->ms, COPIES_SOON_MS);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, get->calls, 1);
}

/* Both stand still; one of them comes back in time, whichever it is. */
static void fetch_copies_one_comes_back(struct kunit *test, bool first)
{
	struct copies_get *get = copies_new(test, 2);
	struct copies *w = copies_start(test);

	WRITE_ONCE(w->a->stall, true);
	WRITE_ONCE(w->b->stall, true);
	KUNIT_ASSERT_EQ(test, -EINPROGRESS,
			copies_ask(test, w, 20, copies_order(w), 0, &get[0]));
	KUNIT_ASSERT_EQ(test, -EINPROGRESS,
			copies_ask(test, w, 9, copies_order(w), 1, &get[1]));
	msleep(1500);
	KUNIT_EXPECT_EQ(test, get[0].calls + get[1].calls, 0);
	move_resume(first ? w->a : w->b);
	copies_expect(test, 20, &get[0]);
	copies_expect(test, 9, &get[1]);
	KUNIT_EXPECT_LT(test, get[0].ms, 5000);
	KUNIT_EXPECT_LT(test, get[1].ms, 5000);
	KUNIT_EXPECT_GE(test, copies_others(w), 2);
	KUNIT_EXPECT_EQ(test, copies_failed(w), 0);
}

static void fetch_copies_test_first_comes_back(struct kunit *test)
{
	fetch_copies_one_comes_back(test, true);
}

static void fetch_copies_test_second_comes_back(struct kunit *test)
{
	fetch_copies_one_comes_back(test, false);
}

/* Neither has it, or not well: an error, once, and the other one was asked once. */
static void fetch_copies_test_both_lost(struct kunit *test)
{
	struct copies_get *get = copies_new(test, 1);
	struct copies *w = copies_start(test);
	unsigned int i;

	foreign_forget(w->a->node.foreign, 1);
	w->b->damage = true;
	for (i = 0; i < ARRAY_SIZE(copies_patience); i++) {
		copies_ask(test, w, 20 - 7 * i, copies_order(w),
			   copies_patience[i], get);
		KUNIT_ASSERT_NE(test, 0,
				wait_for_completion_timeout(&get->done,
							    MOVE_PATIENCE));
		msleep(MOVE_WHILE_MS);
		KUNIT_EXPECT_EQ(test, get->result, -EIO);
		KUNIT_EXPECT_EQ(test, get->calls, 1);
		KUNIT_EXPECT_EQ(test, copies_others(w), i + 1);
		KUNIT_EXPECT_EQ(test, copies_asked(w->b), i + 1);
		KUNIT_EXPECT_EQ(test, copies_failed(w), i + 1);
	}
}

/* Neither answers: an error, once, when it was waited for long enough. */
static void fetch_copies_test_both_stall(struct kunit *test)
{
	struct copies_get *get = copies_new(test, 1);
	struct copies *w = copies_start(test);
	unsigned int i;

	w->c->node.info.get_timeout_ms = 1500;
	WRITE_ONCE(w->a->stall, true);
	WRITE_ONCE(w->b->stall, true);
	for (i = 0; i < ARRAY_SIZE(copies_patience); i++) {
		copies_ask(test, w, 20 - 7 * i, copies_order(w),
			   copies_patience[i], get);
		KUNIT_ASSERT_NE(test, 0,
				wait_for_completion_timeout(&get->done,
							    MOVE_PATIENCE));
		KUNIT_EXPECT_EQ(test, get->result, -EIO);
		KUNIT_EXPECT_GE(test, get->ms, 1400);
		KUNIT_EXPECT_LT(test, get->ms, 3000);
		KUNIT_EXPECT_EQ(test, copies_failed(w), i + 1);
	}
	move_resume(w->a);
	move_resume(w->b);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, get->calls, 1);
}

/*
 * Neither is in the cluster: an error at once, however long a fetch may take, and
 * nobody is told of it twice.
 */
static void fetch_copies_test_both_gone(struct kunit *test)
{
	struct copies_get *get = copies_new(test, 1);
	struct copies *w = copies_start(test);
	unsigned long begin = jiffies;

	r2tcp_del_peer(w->c->node.tcp, 0);
	r2tcp_del_peer(w->c->node.tcp, 2);
	KUNIT_EXPECT_EQ(test, -EIO, copies_ask(test, w, 3, copies_order(w), 0,
					       get));
	w->c->node.info.get_timeout_ms = 110 * MSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, -EIO, copies_ask(test, w, 20, copies_order(w),
					       MAX_SCHEDULE_TIMEOUT, get));
	KUNIT_EXPECT_EQ(test, get->calls, 0);
	KUNIT_EXPECT_EQ(test, copies_failed(w), 2);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begin), 2000);
}

/* A page that is to come home comes from the other one, too. */
static void fetch_copies_test_away(struct kunit *test)
{
	struct copies_get *get = copies_new(test, 1);
	struct copies *w = copies_start(test);
	struct tmem_blob where;
	struct tmem_away away;

	foreign_forget(w->a->node.foreign, 1);
	move_lookup(test, w->c, TMEM_PERSISTENT, 5, &where);
	away = (struct tmem_away) {
		.handle = move_handle(TMEM_PERSISTENT, 5),
		.version = where.version,
		.peers = where.peers,
	};
	init_completion(&get->done);
	get->begin = jiffies;
	KUNIT_ASSERT_EQ(test, 0, fetch_away(&w->c->node, &away, copies_fetched,
					    get));
	copies_expect(test, 5, get);
	KUNIT_EXPECT_EQ(test, copies_asked(w->b), 1);
}

static s64 copies_prefetched(struct copies *w)
{
	return move_count(&w->c->node.count.prefetch_asked);
}

/* Read until it is known how it goes on, and nearly so far that this is used. */
static void copies_run_up(struct kunit *test, struct copies *w)
{
	u32 i;

	for (i = 0; i < 10; i++)
		copies_read(test, w, i, copies_order(w), 0);
	KUNIT_ASSERT_EQ(test, copies_prefetched(w), 0);
}

/*
 * What was asked for beforehand does not come: who wants it asks the other one,
 * and has waited once.
 */
static void fetch_copies_test_prefetch_stalls(struct kunit *test)
{
	struct copies_get *get = copies_new(test, 3);
	struct copies *w = copies_start(test);
	unsigned int i;

	copies_run_up(test, w);
	WRITE_ONCE(w->a->stall, true);
	/* The last of them was asked for already, and is now wanted. */
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, -EINPROGRESS,
				copies_ask(test, w, 10 + i, copies_order(w), 0,
					   &get[i]));
	KUNIT_EXPECT_GT(test, copies_prefetched(w), 0);
	for (i = 0; i < 3; i++) {
		copies_expect(test, 10 + i, &get[i]);
		KUNIT_EXPECT_LT(test, get[i].ms, COPIES_SOON_MS);
	}
	/* That one was never asked of who stands still by who wants it. */
	KUNIT_EXPECT_EQ(test, copies_others(w), 2);
	KUNIT_EXPECT_EQ(test, copies_failed(w), 0);
}

/* The same with a connection that breaks, for one who waits. */
static void fetch_copies_test_prefetch_break(struct kunit *test)
{
	struct copies *w = copies_start(test);
	unsigned int i;

	copies_run_up(test, w);
	for (i = 10; i < 12; i++)
		copies_read(test, w, i, copies_order(w), 0);
	KUNIT_EXPECT_GT(test, copies_prefetched(w), 0);
	r2tcp_del_peer(w->c->node.tcp, 0);
	for (i = 12; i < COPIES_PAGES; i++)
		KUNIT_EXPECT_LT(test, copies_read(test, w, i, copies_order(w),
						  MAX_SCHEDULE_TIMEOUT),
				COPIES_AT_ONCE_MS);
	KUNIT_EXPECT_EQ(test, copies_failed(w), 0);
}

/*
 * What was asked for beforehand is here and damaged; and it is not known any more
 * from whom it came.  The other one has it all the same.
 */
static void fetch_copies_test_prefetch_damaged(struct kunit *test)
{
	struct copies *w = copies_start(test);
	s64 prefetched;
	unsigned int i;

	copies_run_up(test, w);
	w->a->damage = true;
	for (i = 10; i < 12; i++)
		copies_read(test, w, i, copies_order(w), 0);
	prefetched = copies_prefetched(w);
	KUNIT_ASSERT_GT(test, prefetched, 0);
	WAIT_FOR(test, copies_asked(w->a) == 12 + prefetched);
	msleep(MOVE_WHILE_MS);
	r2tcp_doubt(w->c->node.tcp, 0);
	KUNIT_EXPECT_EQ(test, copies_order(w).node[0], 2);
	copies_read(test, w, 12, copies_order(w), 0);
	copies_read(test, w, 13, copies_order(w), MAX_SCHEDULE_TIMEOUT);
	KUNIT_EXPECT_EQ(test, copies_failed(w), 0);
}

static struct kunit_case fetch_copies_cases[] = {
	KUNIT_CASE(fetch_copies_test_first),
	KUNIT_CASE(fetch_copies_test_order),
	KUNIT_CASE(fetch_copies_test_not_connected),
	KUNIT_CASE(fetch_copies_test_break),
	KUNIT_CASE(fetch_copies_test_not_found),
	KUNIT_CASE(fetch_copies_test_damaged),
	KUNIT_CASE_SLOW(fetch_copies_test_stalls_awaited),
	KUNIT_CASE_SLOW(fetch_copies_test_stalls_deferred),
	KUNIT_CASE(fetch_copies_test_impatient),
	KUNIT_CASE_SLOW(fetch_copies_test_first_comes_back),
	KUNIT_CASE_SLOW(fetch_copies_test_second_comes_back),
	KUNIT_CASE(fetch_copies_test_both_lost),
	KUNIT_CASE_SLOW(fetch_copies_test_both_stall),
	KUNIT_CASE(fetch_copies_test_both_gone),
	KUNIT_CASE(fetch_copies_test_away),
	KUNIT_CASE(fetch_copies_test_prefetch_stalls),
	KUNIT_CASE(fetch_copies_test_prefetch_break),
	KUNIT_CASE(fetch_copies_test_prefetch_damaged),
	{}
};

static struct kunit_suite fetch_copies_suite = {
	.name = "ramster-fetch-copies",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = move_test_exit,
	.test_cases = fetch_copies_cases,
};

kunit_test_suite(fetch_copies_suite);
