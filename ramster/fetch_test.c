// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of fetch.c: how a page comes back, or does not.
 */
#include <linux/mempool.h>
#include <linux/sched.h>

#include "move_test.h"

/*
 * Regression: 3.2.1. Gets are counted as they end, by kind; a page that the
 * server has lost is an error, and that is all.
 */
static void fetch_test_get_counts(struct kunit *test)
{
	struct ramster_counters *count;
	struct move_node *s, *c;
	unsigned int kind;

	move_pair(test, &s, &c);
	count = &c->node.count;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		move_pages(test, c, kind, 0, 10);
	move_send(c, s, true, true);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		WAIT_FOR(test, move_nr_away(c, kind) == 10);
	WAIT_FOR(test, move_settled(c));
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		move_read_all(test, c, kind, 0, 7 + kind);
		KUNIT_EXPECT_EQ(test, move_count(&count->remote_succ_get[kind]),
				7 + kind);
		KUNIT_EXPECT_EQ(test,
				move_count(&count->remote_unsucc_get[kind]), 0);
	}
	/* The server has lost them all. */
	foreign_forget(s->node.foreign, 1);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		KUNIT_EXPECT_EQ(test, -EIO, move_read(test, c, kind, 1, 0));
		KUNIT_EXPECT_EQ(test, -EIO, move_read(test, c, kind, 2, 0));
		KUNIT_EXPECT_EQ(test, move_count(&count->remote_succ_get[kind]),
				7 + kind);
		KUNIT_EXPECT_EQ(test,
				move_count(&count->remote_unsucc_get[kind]), 2);
	}
}

/*
 * Regression: 3.5.8. A page that comes back with a single bit wrong is an error,
 * never somebody's data.
 */
static void fetch_test_get_damaged(struct kunit *test)
{
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 4);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 4);
	s->damage = true;
	KUNIT_EXPECT_EQ(test, -EIO, move_read(test, c, TMEM_PERSISTENT, 1, 0));
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_get_corrupt), 1);
	s->damage = false;
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 1, 0));
}

/*
 * Regression: 3.4.2, 3.3.9. Who waits for a server that does not answer waits for a
 * bounded time, and for a page that is on the disk, too, not even that long.
 * Whoever asks later gets the page.
 */
static void fetch_test_get_deadline(struct kunit *test)
{
	struct move_node *s, *c;
	unsigned long begin;
	unsigned int ms;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 4);
	move_pages(test, c, TMEM_EPHEMERAL, 0, 4);
	move_send(c, s, true, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 4);
	WAIT_FOR(test, move_nr_away(c, TMEM_EPHEMERAL) == 4);
	WAIT_FOR(test, move_settled(c));
	c->node.info.get_timeout_ms = 2000;
	WRITE_ONCE(s->stall, true);

	begin = jiffies;
	KUNIT_EXPECT_EQ(test, -EIO, move_read(test, c, TMEM_EPHEMERAL, 1, 0));
	ms = jiffies_to_msecs(jiffies - begin);
	KUNIT_EXPECT_GE(test, ms, 450);
	KUNIT_EXPECT_LE(test, ms, 1500);
	begin = jiffies;
	KUNIT_EXPECT_EQ(test, -EIO, move_read(test, c, TMEM_PERSISTENT, 1, 0));
	ms = jiffies_to_msecs(jiffies - begin);
	KUNIT_EXPECT_GE(test, ms, 1900);
	KUNIT_EXPECT_LE(test, ms, 4000);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_get_timeouts),
			2);
	move_resume(s);
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 2, 0));
}

/*
 * Who reads many pages of a file from a server that does not answer waits for one
 * of them.  A swap page is waited for as ever.  Pages that were missed come when
 * the server answers again: nothing here has forgotten them.
 */
static void fetch_test_get_silent(struct kunit *test)
{
	enum { MANY = 32 };
	struct ramster_counters *count;
	struct move_node *s, *c;
	unsigned long begin;
	u32 i;

	move_pair(test, &s, &c);
	count = &c->node.count;
	move_pages(test, c, TMEM_PERSISTENT, 0, 2);
	move_pages(test, c, TMEM_EPHEMERAL, 0, MANY);
	move_send(c, s, true, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 2);
	WAIT_FOR(test, move_nr_away(c, TMEM_EPHEMERAL) == MANY);
	WAIT_FOR(test, move_settled(c));
	c->node.info.get_timeout_ms = 2000;
	WRITE_ONCE(s->stall, true);

	begin = jiffies;
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, -EIO,
				move_read(test, c, TMEM_EPHEMERAL, i, 0));
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - begin), 1500);
	KUNIT_EXPECT_EQ(test, move_count(&count->remote_get_timeouts), 1);
	KUNIT_EXPECT_EQ(test,
			move_count(&count->remote_unsucc_get[TMEM_EPHEMERAL]),
			MANY);
	KUNIT_EXPECT_EQ(test, -EIO, move_read(test, c, TMEM_PERSISTENT, 1, 0));
	KUNIT_EXPECT_EQ(test, move_count(&count->remote_get_timeouts), 2);

	move_resume(s);
	WAIT_FOR(test, !move_read(test, c, TMEM_EPHEMERAL, 0, 0));
	move_read_all(test, c, TMEM_EPHEMERAL, 0, MANY);
}

/*
 * What is set aside is for swap pages: for one of a file that is with a peer
 * nobody takes any of it, and it is a miss without memory.
 */
static void fetch_test_get_reserve(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	struct move_fetch *fetch;
	struct move_node *s, *c;
	struct tmem_blob blob;
	mempool_t *gets;
	int kind, err;

	move_pair(test, &s, &c);
	gets = c->node.gets;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		move_pages(test, c, kind, 0, 2);
	move_send(c, s, true, true);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		WAIT_FOR(test, move_nr_away(c, kind) == 2);
	WAIT_FOR(test, move_settled(c));
	fetch = kunit_kzalloc(test, sizeof(*fetch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fetch);
	WRITE_ONCE(s->stall, true);

	move_lookup(test, c, TMEM_EPHEMERAL, 1, &blob);
	current->fail_nth = 1;
	err = move_ask_for(c, TMEM_EPHEMERAL, 1, &blob, fetch);
	current->fail_nth = 0;
	KUNIT_ASSERT_EQ(test, err, -EIO);
	KUNIT_EXPECT_EQ(test, READ_ONCE(gets->curr_nr), gets->min_nr);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_get_timeouts),
			0);

	move_lookup(test, c, TMEM_PERSISTENT, 1, &blob);
	current->fail_nth = 1;
	err = move_ask_for(c, TMEM_PERSISTENT, 1, &blob, fetch);
	current->fail_nth = 0;
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(gets->curr_nr), gets->min_nr - 1);
	move_resume(s);
	KUNIT_EXPECT_EQ(test, 0, move_wait(test, fetch));
	WAIT_FOR(test, READ_ONCE(gets->curr_nr) == gets->min_nr);
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_EPHEMERAL, 1, 0));
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

/*
 * Regression: 3.2.14. Sixty-four that want a page at once wait together, not one
 * after the other; two who want the same page both get it; and the peer can be
 * removed when they have it.
 */
static void fetch_test_get_many(struct kunit *test)
{
	enum { MANY = 64 };
	struct move_world *world = test->priv;
	struct move_node *s, *c;
	struct move_fetch *fetch;
	u32 i;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, MANY);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == MANY);
	WAIT_FOR(test, move_settled(c));
	fetch = kunit_kcalloc(test, MANY, sizeof(*fetch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fetch);
	WRITE_ONCE(s->stall, true);
	/* Asked for while the server answers nobody: so none waits for another. */
	for (i = 0; i < MANY; i++)
		KUNIT_ASSERT_EQ(test, 0, move_ask(test, c, TMEM_PERSISTENT,
						  i / 2, &fetch[i]));
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_FALSE(test, completion_done(&fetch[i].done));
	move_resume(s);
	for (i = 0; i < MANY; i++) {
		KUNIT_EXPECT_EQ(test, 0, move_wait(test, &fetch[i]));
		move_fill(world->in, 1, i / 2, 0);
		KUNIT_EXPECT_EQ(test, 0, memcmp(world->in, fetch[i].data,
						MOVE_LEN));
	}
	r2tcp_del_peer(c->node.tcp, 0);
	KUNIT_EXPECT_FALSE(test, r2tcp_connected(c->node.tcp, 0));
}

/*
 * A page is flushed, or put anew, while somebody waits for what the server has
 * of it: that changes nothing of what is here when the answer comes, and the
 * server forgets its copy.
 */
static void fetch_test_get_too_late(struct kunit *test)
{
	struct tmem_away away[2];
	struct move_fetch *fetch;
	struct move_node *s, *c;
	struct tmem_blob blob;
	u32 i;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 2);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 2);
	WAIT_FOR(test, move_settled(c));
	move_send(c, s, false, false);
	fetch = kunit_kcalloc(test, 2, sizeof(*fetch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fetch);
	WRITE_ONCE(s->stall, true);
	for (i = 0; i < 2; i++) {
		move_lookup(test, c, TMEM_PERSISTENT, i, &blob);
		away[i] = (struct tmem_away) {
			.handle = move_handle(TMEM_PERSISTENT, i),
			.version = blob.version,
			.peers = blob.peers,
		};
		KUNIT_ASSERT_EQ(test, 0, move_ask(test, c, TMEM_PERSISTENT, i,
						  &fetch[i]));
	}
	move_forget(c, TMEM_PERSISTENT, 0);
	move_page(test, c, TMEM_PERSISTENT, 1, 1);
	move_resume(s);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 0, move_wait(test, &fetch[i]));
		blob = (struct tmem_blob) {
			.data = fetch[i].data,
			.len = MOVE_LEN,
		};
		KUNIT_EXPECT_EQ(test, -ESTALE,
				tmem_bring_home(c->own, &away[i], &blob,
						GFP_NOWAIT));
	}
	KUNIT_EXPECT_EQ(test, -ENOENT,
			move_read(test, c, TMEM_PERSISTENT, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, move_read(test, c, TMEM_PERSISTENT, 1, 1));
	WAIT_FOR(test, move_settled(c));
	KUNIT_EXPECT_EQ(test, move_nr_held(s, TMEM_PERSISTENT), 0);
}

/*
 * A page that comes home while somebody waits for what the server has of it is
 * read from here, when the server has forgotten it by then.
 */
static void fetch_test_get_comes_home(struct kunit *test)
{
	struct move_world *world = test->priv;
	struct move_fetch *fetch;
	struct move_node *s, *c;
	struct tmem_away away;
	struct tmem_blob blob;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 1);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 1);
	WAIT_FOR(test, move_settled(c));
	move_send(c, s, false, false);
	move_lookup(test, c, TMEM_PERSISTENT, 0, &blob);
	away = (struct tmem_away) {
		.handle = move_handle(TMEM_PERSISTENT, 0),
		.version = blob.version,
		.peers = blob.peers,
	};
	fetch = kunit_kzalloc(test, sizeof(*fetch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fetch);
	WRITE_ONCE(s->stall, true);
	KUNIT_ASSERT_EQ(test, 0, move_ask(test, c, TMEM_PERSISTENT, 0, fetch));
	move_fill(world->in, 1, 0, 0);
	blob = (struct tmem_blob) { .data = world->in, .len = MOVE_LEN };
	KUNIT_ASSERT_EQ(test, 0, tmem_bring_home(c->own, &away, &blob,
						 GFP_NOWAIT));
	foreign_forget(s->node.foreign, 1);
	move_resume(s);
	KUNIT_EXPECT_EQ(test, 0, move_wait(test, fetch));
	KUNIT_EXPECT_EQ(test, fetch->len, MOVE_LEN);
	move_fill(world->in, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, memcmp(world->in, fetch->data, MOVE_LEN));
}

/*
 * Regression: 3.1.5. A connection that breaks under a get is made again, and the
 * page comes: the server keeps it until it is told that nobody needs it.
 */
static void fetch_test_get_reconnect(struct kunit *test)
{
	struct r2tcp_peer_stats stats;
	struct move_node *s, *c;
	struct move_fetch *fetch;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 4);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 4);
	fetch = kunit_kzalloc(test, sizeof(*fetch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fetch);
	WRITE_ONCE(s->stall, true);
	KUNIT_ASSERT_EQ(test, 0, move_ask(test, c, TMEM_PERSISTENT, 1, fetch));
	msleep(50);
	move_resume(s);
	KUNIT_ASSERT_EQ(test, 0, r2tcp_peer_stats(c->node.tcp, 0, &stats));
	r2tcp_cut(c->node.tcp, 0, stats.connection);
	KUNIT_EXPECT_EQ(test, 0, move_wait(test, fetch));
}

/* How a page was handed over. */
struct fetch_test_wait {
	struct completion done;
	struct task_struct *task;
	unsigned int calls;
	bool waited;
	int result;
};

static int fetch_test_fetched(void *arg, int result, const void *data, u32 len,
			      bool waited)
{
	struct fetch_test_wait *wait = arg;

	wait->calls++;
	wait->task = current;
	wait->waited = waited;
	wait->result = result;
	if (!waited)
		complete(&wait->done);
	/* Anything that the fetch itself does not return. */
	return result ?: 1234;
}

static int fetch_test_patiently(struct kunit *test, struct move_node *n,
				enum tmem_kind kind, u32 index, long patience,
				struct fetch_test_wait *wait)
{
	struct tmem_handle handle = move_handle(kind, index);
	struct tmem_blob where;

	*wait = (struct fetch_test_wait) {};
	init_completion(&wait->done);
	KUNIT_ASSERT_EQ(test, -EREMOTE, move_lookup(test, n, kind, index,
						    &where));
	return fetch_page(&n->node, &handle, kind, where.version, where.peers,
			  patience, fetch_test_fetched, wait);
}

/*
 * Who waits for a page unpacks it, and is answered what came of that.  Who does
 * not want to wait that long is told so; a swap page then comes all the same, to
 * somebody else, once, and a page of a file does not.
 */
static void fetch_test_get_patience(struct kunit *test)
{
	struct fetch_test_wait wait;
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 4);
	move_pages(test, c, TMEM_EPHEMERAL, 0, 4);
	move_send(c, s, true, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 4);
	WAIT_FOR(test, move_nr_away(c, TMEM_EPHEMERAL) == 4);
	WAIT_FOR(test, move_settled(c));

	KUNIT_EXPECT_EQ(test, 1234,
			fetch_test_patiently(test, c, TMEM_PERSISTENT, 1,
					     MAX_SCHEDULE_TIMEOUT, &wait));
	KUNIT_EXPECT_TRUE(test, wait.waited);
	KUNIT_EXPECT_PTR_EQ(test, wait.task, current);
	KUNIT_EXPECT_EQ(test, wait.calls, 1);

	WRITE_ONCE(s->stall, true);
	KUNIT_EXPECT_EQ(test, -EINPROGRESS,
			fetch_test_patiently(test, c, TMEM_PERSISTENT, 2, 2,
					     &wait));
	KUNIT_EXPECT_EQ(test, wait.calls, 0);
	move_resume(s);
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&wait.done,
							     MOVE_PATIENCE));
	KUNIT_EXPECT_FALSE(test, wait.waited);
	KUNIT_EXPECT_PTR_NE(test, wait.task, current);
	KUNIT_EXPECT_EQ(test, wait.calls, 1);
	KUNIT_EXPECT_EQ(test, wait.result, 0);

	WRITE_ONCE(s->stall, true);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			fetch_test_patiently(test, c, TMEM_EPHEMERAL, 2, 2,
					     &wait));
	/* Nobody waits for the next one, until the server is heard from. */
	KUNIT_EXPECT_EQ(test, -EIO,
			fetch_test_patiently(test, c, TMEM_EPHEMERAL, 3,
					     MAX_SCHEDULE_TIMEOUT, &wait));
	move_resume(s);
	WAIT_FOR(test, move_count(&s->node.count.foreign_gets) == 3);
	msleep(MOVE_WHILE_MS);
	KUNIT_EXPECT_EQ(test, wait.calls, 0);
	KUNIT_EXPECT_EQ(test,
			move_count(&c->node.count.remote_unsucc_get[TMEM_EPHEMERAL]),
			2);
	KUNIT_EXPECT_EQ(test, move_count(&c->node.count.remote_get_timeouts),
			1);
}

/* A page that has come home while it was asked for is there for who waits, too. */
static void fetch_test_get_patience_home(struct kunit *test)
{
	struct tmem_handle handle = move_handle(TMEM_PERSISTENT, 1);
	struct fetch_test_wait wait = {};
	struct tmem_blob where;
	struct move_node *s, *c;

	move_pair(test, &s, &c);
	move_pages(test, c, TMEM_PERSISTENT, 0, 4);
	move_send(c, s, false, true);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 4);
	KUNIT_ASSERT_EQ(test, -EREMOTE, move_lookup(test, c, TMEM_PERSISTENT, 1,
						    &where));
	/* Put anew, sent anew: whoever still asks for the old version looks again. */
	move_page(test, c, TMEM_PERSISTENT, 1, 1);
	WAIT_FOR(test, move_nr_away(c, TMEM_PERSISTENT) == 4);
	WAIT_FOR(test, move_settled(c));
	init_completion(&wait.done);
	KUNIT_EXPECT_EQ(test, 1234,
			fetch_page(&c->node, &handle, TMEM_PERSISTENT,
				   where.version, where.peers,
				   MAX_SCHEDULE_TIMEOUT, fetch_test_fetched,
				   &wait));
	KUNIT_EXPECT_TRUE(test, wait.waited);
	KUNIT_EXPECT_EQ(test, wait.calls, 1);
}

static struct kunit_case fetch_cases[] = {
	KUNIT_CASE(fetch_test_get_counts),
	KUNIT_CASE(fetch_test_get_damaged),
	KUNIT_CASE_SLOW(fetch_test_get_deadline),
	KUNIT_CASE_SLOW(fetch_test_get_silent),
	KUNIT_CASE(fetch_test_get_reserve),
	KUNIT_CASE(fetch_test_get_many),
	KUNIT_CASE(fetch_test_get_too_late),
	KUNIT_CASE(fetch_test_get_comes_home),
	KUNIT_CASE(fetch_test_get_reconnect),
	KUNIT_CASE(fetch_test_get_patience),
	KUNIT_CASE(fetch_test_get_patience_home),
	{}
};

static struct kunit_suite fetch_suite = {
	.name = "ramster-fetch",
	.suite_init = move_suite_init,
	.init = move_test_init,
	.exit = move_test_exit,
	.test_cases = fetch_cases,
};

kunit_test_suite(fetch_suite);
