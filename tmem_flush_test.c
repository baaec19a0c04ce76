// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: whole objects flushed, pages dropped to make room, and
 * pages that need no room.
 */
#include "tmem_int.h"
#include "tmem_test.h"

#define NODE	3
#define FILES	2	/* number of the ephemeral pool */

static struct tmem_pool *files(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_pool *pool;

	pool = tmem_pool_find(t->tmem, TMEM_CLIENT_LOCAL, FILES);
	if (!pool)
		pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL, FILES,
					TMEM_EPHEMERAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	return pool;
}

static int eph_put(struct kunit *test, u32 index, u32 len)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = tmem_test_blob(t, index, len);

	return tmem_put(files(test), &oid, index, &blob, GFP_KERNEL);
}

static bool eph_here(struct kunit *test, u32 index)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = { .data = t->out };

	return !tmem_get(files(test), &oid, index, &blob);
}

static int put_fill(struct kunit *test, u64 n, u32 index, u8 fill)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(n);
	struct tmem_blob blob = { .filled = true, .fill = fill };

	return tmem_put(t->pool, &oid, index, &blob, GFP_KERNEL);
}

static void expect_fill(struct kunit *test, u64 n, u32 index, u8 fill)
{
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, n, index, &blob));
	KUNIT_EXPECT_TRUE(test, blob.filled);
	KUNIT_EXPECT_EQ(test, blob.fill, fill);
}

/* Give what is isolated next, which is this page, to a peer. */
static u64 move(struct kunit *test, u64 n, u32 index)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	struct tmem_blob blob = { .data = t->out };
	u64 version[2];

	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, version));
	KUNIT_ASSERT_EQ(test, handle[0].index, index);
	KUNIT_ASSERT_EQ(test, handle[0].oid.word[n % 3], n);
	blob.version = version[0];
	KUNIT_ASSERT_EQ(test, 0,
			tmem_send_begin(t->tmem, handle, tmem_peer(NODE), &blob));
	KUNIT_ASSERT_TRUE(test, tmem_send_done(t->tmem, handle, version[0],
					       tmem_peer(NODE), TMEM_SEND_STORED));
	return version[0];
}

/* Settle all debts; returns how many pages and objects that were. */
static unsigned int settle(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_debt debt[4];
	unsigned int i, nr, all = 0;

	while ((nr = tmem_collect_debts(t->tmem, NODE, debt, 4))) {
		for (i = 0; i < nr; i++)
			tmem_settle_debt(t->tmem, &debt[i]);
		all += nr;
	}
	return all;
}

/*
 * making room
 */

/* The frame that was filled first goes, with both its pages: D17. */
static void tmem_evict_test_order(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_stats stats;
	u32 i, frame;

	for (i = 0; i < 10; i++)
		KUNIT_ASSERT_EQ(test, 0, eph_put(test, i, 1500));
	for (frame = 0; frame < 5; frame++) {
		for (i = 0; i < 10; i++)
			KUNIT_EXPECT_EQ(test, eph_here(test, i), i / 2 >= frame);
		KUNIT_EXPECT_EQ(test, 2, tmem_evict_oldest(t->tmem,
							   TMEM_EPHEMERAL));
	}
	KUNIT_EXPECT_EQ(test, 0, tmem_evict_oldest(t->tmem, TMEM_EPHEMERAL));
	stats = tmem_test_stats(t);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].evicted_zpages, 10);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].evicted_frames, 5);
	tmem_test_expect_empty(test, t->tmem);
}

/* Persistent pages are never dropped, whoever asks for it. */
static void tmem_evict_test_persistent(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = tmem_test_blob(t, 2, TMEM_MAX_BLOB);
	bool evicted;

	tmem_test_put(test, 1, 7, 1);
	KUNIT_EXPECT_EQ(test, 0, tmem_evict_oldest(t->tmem, TMEM_PERSISTENT));
	KUNIT_EXPECT_EQ(test, 0, tmem_evict_oldest(t->tmem, TMEM_EPHEMERAL));
	KUNIT_EXPECT_EQ(test, -ENOSPC, tmem_put_evict(t->pool, &oid, 8, &blob,
						      GFP_KERNEL, &evicted));
	KUNIT_EXPECT_FALSE(test, evicted);
	tmem_test_expect(test, 1, 7, 1);
	tmem_test_expect_none(test, 1, 8);
	KUNIT_EXPECT_EQ(test, 0, tmem_test_stats(t).zbud[TMEM_PERSISTENT]
					.evicted_frames);
}

/* A page that is isolated is somebody else's to deal with. */
static void tmem_evict_test_isolated(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	u64 version[2];

	KUNIT_ASSERT_EQ(test, 0, eph_put(test, 1, 3000));
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_EPHEMERAL,
						     handle, version));
	KUNIT_EXPECT_EQ(test, 0, tmem_evict_oldest(t->tmem, TMEM_EPHEMERAL));
	KUNIT_EXPECT_TRUE(test, eph_here(test, 1));
	tmem_send_done(t->tmem, handle, version[0], tmem_peer(NODE), TMEM_SEND_REFUSED);
	KUNIT_EXPECT_EQ(test, 1, tmem_evict_oldest(t->tmem, TMEM_EPHEMERAL));
}

/*
 * A put that evicts gets the frame of the oldest ephemeral pages, and no frame
 * is allocated or freed: D15.  What fits beside another page drops nothing.
 */
static void tmem_evict_test_put(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = tmem_test_blob(t, 5, 1000);
	struct tmem_stats stats;
	bool evicted;
	u32 i;

	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, 0, eph_put(test, i, 3000));
	KUNIT_EXPECT_EQ(test, 0, tmem_put_evict(t->pool, &oid, 5, &blob, 0,
						&evicted));
	KUNIT_EXPECT_TRUE(test, evicted);
	KUNIT_EXPECT_FALSE(test, eph_here(test, 0));
	KUNIT_EXPECT_TRUE(test, eph_here(test, 1));
	KUNIT_EXPECT_EQ(test, 0, tmem_put_evict(t->pool, &oid, 6, &blob, 0,
						&evicted));
	KUNIT_EXPECT_FALSE(test, evicted);
	KUNIT_EXPECT_TRUE(test, eph_here(test, 1));

	/* A page cache put is no different. */
	blob = tmem_test_blob(t, 5, 900);
	KUNIT_EXPECT_EQ(test, 0, tmem_put_evict(files(test), &oid, 9, &blob, 0,
						&evicted));
	KUNIT_EXPECT_FALSE(test, evicted);
	KUNIT_EXPECT_TRUE(test, eph_here(test, 1));
	blob = tmem_test_blob(t, 5, 3000);
	KUNIT_EXPECT_EQ(test, 0, tmem_put_evict(files(test), &oid, 10, &blob,
						0, &evicted));
	KUNIT_EXPECT_TRUE(test, evicted);
	KUNIT_EXPECT_FALSE(test, eph_here(test, 1) && eph_here(test, 2));
	KUNIT_EXPECT_TRUE(test, eph_here(test, 10));

	stats = tmem_test_stats(t);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].frames, 1);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].zpages, 2);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].frames, 2);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].evicted_frames, 2);
}

/* With nothing to evict, a put is refused and nothing has changed: D16. */
static void tmem_evict_test_nothing(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = tmem_test_blob(t, 5, 1000);
	bool evicted;

	KUNIT_EXPECT_EQ(test, -ENOSPC, tmem_put_evict(files(test), &oid, 5,
						      &blob, GFP_KERNEL,
						      &evicted));
	KUNIT_EXPECT_FALSE(test, evicted);
	KUNIT_EXPECT_FALSE(test, eph_here(test, 5));
	tmem_test_expect_empty(test, t->tmem);
}

/*
 * pages that need no frame
 */

/*
 * A page of one byte value takes no frame, is found, replaced, replaces and is
 * flushed like any other, and is counted: D14.
 */
static void tmem_fill_test_life(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_stats stats;
	struct tmem_blob blob;
	u64 version;

	KUNIT_ASSERT_EQ(test, 0, put_fill(test, 1, 7, 0));
	expect_fill(test, 1, 7, 0);
	stats = tmem_test_stats(t);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].frames, 0);
	KUNIT_EXPECT_EQ(test, stats.filled[TMEM_PERSISTENT], 1);
	KUNIT_EXPECT_EQ(test, stats.zeroes, 1);

	KUNIT_ASSERT_EQ(test, 0, put_fill(test, 1, 7, 0xff));
	expect_fill(test, 1, 7, 0xff);
	stats = tmem_test_stats(t);
	KUNIT_EXPECT_EQ(test, stats.filled[TMEM_PERSISTENT], 1);
	KUNIT_EXPECT_EQ(test, stats.zeroes, 0);

	tmem_test_put(test, 1, 7, 1);
	tmem_test_expect(test, 1, 7, 1);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).filled[TMEM_PERSISTENT], 0);

	KUNIT_ASSERT_EQ(test, 0, put_fill(test, 1, 7, 1));
	expect_fill(test, 1, 7, 1);
	KUNIT_EXPECT_EQ(test, 0, tmem_test_stats(t).zbud[TMEM_PERSISTENT]
					.zpages);

	/* Versions rise, and a flush of an older one removes nothing. */
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	version = blob.version;
	KUNIT_EXPECT_GT(test, version, 3);
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, version - 1));
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, version));
	tmem_test_expect_none(test, 1, 7);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).filled[TMEM_PERSISTENT], 0);
	tmem_test_expect_empty(test, t->tmem);
}

/*
 * Regression: 3.2.11, a marker that looked like another state.  No byte value
 * and version is taken for a page at a peer, for a debt or for a page on its
 * way, and such a page is never offered for sending.
 */
static void tmem_fill_test_unmistakable(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	struct tmem_debt debt;
	u64 versions[2];
	unsigned int fill;
	void *slot;

	for (fill = 0; fill < 256; fill++) {
		slot = xa_mk_value(word_make_filled(fill, TMEM_VERSION_MAX));
		KUNIT_EXPECT_TRUE(test, slot_is_filled(slot));
		KUNIT_EXPECT_FALSE(test, slot_is_remote(slot));
		KUNIT_EXPECT_FALSE(test, slot_is_tombstone(slot));
		KUNIT_EXPECT_FALSE(test, slot_is_local(slot));
		KUNIT_EXPECT_EQ(test, slot_word(slot), 0);
		KUNIT_EXPECT_EQ(test, slot_version(slot), TMEM_VERSION_MAX);
		slot = xa_mk_value(word_make(tmem_peer(fill), fill));
		KUNIT_EXPECT_FALSE(test, slot_is_filled(slot));
		slot = xa_mk_value(word_make(tmem_peer(fill), fill) | TMEM_TOMBSTONE);
		KUNIT_EXPECT_FALSE(test, slot_is_filled(slot));
		slot = xa_mk_value(word_make(tmem_peer(fill), fill) | TMEM_SLOT_FLAGS);
		KUNIT_EXPECT_FALSE(test, slot_is_filled(slot));
		KUNIT_ASSERT_EQ(test, 0, put_fill(test, 1, fill, fill));
	}
	KUNIT_EXPECT_EQ(test, 0, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, versions));
	for (fill = 0; fill < 256; fill++) {
		handle[0] = tmem_test_handle(1, fill);
		tmem_send_done(t->tmem, handle, fill, tmem_peer(fill), TMEM_SEND_STORED);
		KUNIT_EXPECT_EQ(test, 0, tmem_collect_debts(t->tmem, fill,
							    &debt, 1));
		expect_fill(test, 1, fill, fill);
	}
}

/*
 * A slot has one word: while a peer has something to forget, a byte value finds
 * no room, and the page that is there stays as it is.
 */
static void tmem_fill_test_debt(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 version;

	tmem_test_put(test, 1, 7, 1);
	version = move(test, 1, 7);
	KUNIT_EXPECT_EQ(test, -EBUSY, put_fill(test, 1, 7, 0));
	tmem_test_expect_remote(test, 1, 7, NODE, version);
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, put_fill(test, 1, 7, 0));
	tmem_test_expect_none(test, 1, 7);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).debts, 1);
	KUNIT_EXPECT_EQ(test, 1, settle(test));
	KUNIT_EXPECT_EQ(test, 0, put_fill(test, 1, 7, 0));
	expect_fill(test, 1, 7, 0);
}

/*
 * Regression: 3.2.10, what a peer had sent was tested for zeroes as if it were
 * a page.  Only an owner knows what is in a page; a server's put is bytes that
 * mean nothing, be they zeroes or not.
 */
static void tmem_fill_test_server(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = { .filled = true, .version = 5 };

	KUNIT_EXPECT_EQ(test, -EINVAL,
			tmem_put(t->pool, &oid, 7, &blob, GFP_KERNEL));
	tmem_test_expect_none(test, 1, 7);

	memset(t->in, 0, 100);
	blob = (struct tmem_blob){ .data = t->in, .len = 100, .version = 5 };
	KUNIT_EXPECT_EQ(test, 0,
			tmem_put(t->pool, &oid, 7, &blob, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	KUNIT_EXPECT_EQ(test, blob.len, 100);
	KUNIT_EXPECT_FALSE(test, blob.filled);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).filled[TMEM_PERSISTENT], 0);
}

/*
 * flushing
 */

enum { MANY = 1000 };

/*
 * A large object is gone at once, with interrupts off; its frames, and what
 * peers have of it, follow without being waited for.
 */
static void tmem_doom_test_large(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob;
	u32 i, found = 0;

	tmem_test_put(test, 1, 5, 1);
	move(test, 1, 5);
	for (i = 0; i < MANY; i++)
		if (i != 5)
			tmem_test_put(test, 1, i, i);
	KUNIT_ASSERT_EQ(test, 0, put_fill(test, 1, MANY, 3));
	tmem_test_put(test, 2, 1, 1);

	local_irq_disable();
	KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(t->pool, &oid));
	for (i = 0; i <= MANY; i++)
		found += tmem_test_get(test, 1, i, &blob) != -ENOENT;
	found += tmem_has(t->pool, &oid, 5, 1);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, found, 0);

	flush_work(&t->tmem->doom_work);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).zbud[TMEM_PERSISTENT].zpages,
			1);
	KUNIT_EXPECT_EQ(test, 1, settle(test));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects, 1);
	tmem_test_expect(test, 2, 1, 1);
}

/* What is put between the flush and the worker's turn is another page. */
static void tmem_doom_test_put_after(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	u32 i;

	for (i = 0; i < MANY; i++)
		tmem_test_put(test, 1, i, i);
	KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(t->pool, &oid));
	for (i = 0; i < MANY; i += 100)
		tmem_test_put(test, 1, i, i + 1);
	KUNIT_ASSERT_EQ(test, 0, put_fill(test, 1, 50, 9));
	flush_work(&t->tmem->doom_work);
	for (i = 0; i < MANY; i++) {
		if (i == 50)
			expect_fill(test, 1, i, 9);
		else if (i % 100)
			tmem_test_expect_none(test, 1, i);
		else
			tmem_test_expect(test, 1, i, i + 1);
	}
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).zbud[TMEM_PERSISTENT].zpages,
			MANY / 100);
}

/* A page on its way when its object is flushed does not come back to life. */
static void tmem_doom_test_sending(struct kunit *test)
{
	enum tmem_send_result results[] = {
		TMEM_SEND_STORED, TMEM_SEND_REFUSED, TMEM_SEND_UNKNOWN,
	};
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_handle handle[2];
	struct tmem_blob blob = { .data = t->out };
	u64 version[2];
	u32 i, r;

	for (r = 0; r < ARRAY_SIZE(results); r++) {
		for (i = 0; i < MANY; i++)
			tmem_test_put(test, 1, i, 8 * 400);
		KUNIT_ASSERT_EQ(test, 1,
				tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						    handle, version));
		blob.version = version[0];
		KUNIT_ASSERT_EQ(test, 0,
				tmem_send_begin(t->tmem, handle, tmem_peer(NODE), &blob));
		KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(t->pool, &oid));
		tmem_send_done(t->tmem, handle, version[0], tmem_peer(NODE), results[r]);
		tmem_test_expect_none(test, 1, handle[0].index);
		flush_work(&t->tmem->doom_work);
		tmem_test_expect_none(test, 1, handle[0].index);
		KUNIT_EXPECT_EQ(test, settle(test),
				results[r] != TMEM_SEND_REFUSED);
		tmem_test_expect_empty(test, t->tmem);
	}
}

/* A flushed page that waits to be freed is not sent, nor read for it. */
static void tmem_doom_test_not_sent(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = { .data = t->out };
	struct tmem_handle handle[2];
	u64 version[2];
	u32 i;

	for (i = 0; i < MANY; i++)
		tmem_test_put(test, 1, i, 8 * 400);
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, version));
	blob.version = version[0];
	KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(t->pool, &oid));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			tmem_send_begin(t->tmem, handle, tmem_peer(NODE), &blob));
	flush_work(&t->tmem->doom_work);
	tmem_test_expect_empty(test, t->tmem);
}

/* Its pool may go away while an object still waits to be freed. */
static void tmem_doom_test_pool(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	u32 i;

	for (i = 0; i < MANY; i++)
		KUNIT_ASSERT_EQ(test, 0, eph_put(test, i, 100));
	KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(files(test), &oid));
	tmem_pool_destroy(files(test));
	flush_work(&t->tmem->doom_work);
	tmem_test_expect_empty(test, t->tmem);
}

#if IS_ENABLED(CONFIG_FAILSLAB)
/* Did nobody ask for memory since this was 1? */
static bool nothing_asked_for(void)
{
	bool nothing = current->fail_nth == 1;

	current->fail_nth = 0;
	return nothing;
}

static bool moves_without_memory(struct kunit *test, u32 index)
{
	tmem_test_put(test, 1, index, index);
	current->fail_nth = 1;
	move(test, 1, index);
	return nothing_asked_for();
}

/* Of object 1 the first four pages are at a peer. */
static bool flushes_without_memory(struct kunit *test)
{
	struct tmem_oid oid = tmem_test_oid(1), big = tmem_test_oid(2);
	struct tmem_test *t = test->priv;
	u32 i;

	for (i = 4; i < 8; i++)
		tmem_test_put(test, 1, i, i);
	for (i = 0; i < MANY; i++)
		tmem_test_put(test, 2, i, i);

	current->fail_nth = 1;
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 0, 0));
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 4, 0));
	KUNIT_EXPECT_EQ(test, 2, tmem_flush_range(t->pool, &oid, 3, 3));
	KUNIT_EXPECT_EQ(test, 4, tmem_flush_object(t->pool, &oid, 0));
	KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(t->pool, &big));
	return nothing_asked_for();
}
#endif

#define ROUNDS	4

/*
 * Regression: 3.2.6, a flush needed memory.  Flushes of all kinds, of pages here
 * and at a peer, ask for none; nor does the move to a peer.
 *
 * DEBUG_OBJECTS asks for some once in a while, whoever is there then: not every
 * time.
 */
static void tmem_flush_test_no_memory(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	struct tmem_test *t = test->priv;
	u32 i, round, moves = 0, flushes = 0;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < 4; i++)
			moves += moves_without_memory(test, i);
		flushes += flushes_without_memory(test);
		KUNIT_EXPECT_EQ(test, tmem_test_stats(t).debts, 4);
		flush_work(&t->tmem->doom_work);
		settle(test);
		tmem_test_expect_empty(test, t->tmem);
	}
	KUNIT_EXPECT_GE(test, moves, 4 * ROUNDS - 1);
	KUNIT_EXPECT_GE(test, flushes, ROUNDS - 1);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

/*
 * Regression: 3.2.7, an operation that owed two flushes stopped the kernel.  One
 * may owe as many as there are pages.
 */
static void tmem_flush_test_many_debts(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	u32 i;

	for (i = 0; i < 100; i++) {
		tmem_test_put(test, 1, i, i);
		move(test, 1, i);
	}
	KUNIT_EXPECT_TRUE(test, tmem_flush_object_atomic(t->pool, &oid));
	flush_work(&t->tmem->doom_work);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).debts, 100);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).remote[TMEM_PERSISTENT], 0);
	settle(test);
	tmem_test_expect_empty(test, t->tmem);
}

/* A range is flushed whole, and nothing beside it, up to the last index. */
static void tmem_range_test(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	u32 i;

	for (i = 0; i < 100; i++)
		tmem_test_put(test, 1, i, i);
	tmem_test_put(test, 1, U32_MAX, 1);
	KUNIT_EXPECT_TRUE(test, tmem_has(t->pool, &oid, 0, 100));
	KUNIT_EXPECT_FALSE(test, tmem_has(t->pool, &oid, 0, 101));
	KUNIT_EXPECT_EQ(test, 20, tmem_flush_range(t->pool, &oid, 10, 20));
	KUNIT_EXPECT_EQ(test, 0, tmem_flush_range(t->pool, &oid, 10, 20));
	KUNIT_EXPECT_EQ(test, 0, tmem_flush_range(t->pool, &oid, 50, 0));
	KUNIT_EXPECT_TRUE(test, tmem_has(t->pool, &oid, 0, 10));
	KUNIT_EXPECT_TRUE(test, tmem_has(t->pool, &oid, 30, 70));
	KUNIT_EXPECT_FALSE(test, tmem_has(t->pool, &oid, 9, 2));
	KUNIT_EXPECT_FALSE(test, tmem_has(t->pool, &oid, 29, 2));
	KUNIT_EXPECT_TRUE(test, tmem_has(t->pool, &oid, U32_MAX, 1));
	KUNIT_EXPECT_FALSE(test, tmem_has(t->pool, &oid, U32_MAX, 2));
	KUNIT_EXPECT_EQ(test, 1, tmem_flush_range(t->pool, &oid, U32_MAX, 9));
}

/* Ephemeral words are dropped, of all objects; frames, and swap pages, stay. */
static void tmem_words_test_filled(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_blob blob;
	struct tmem_oid oid;
	u32 i, n;

	for (n = 2; n < 8; n++) {
		oid = tmem_test_oid(n);
		for (i = 0; i < MANY; i++) {
			blob = (struct tmem_blob){ .filled = true, .fill = 7 };
			KUNIT_ASSERT_EQ(test, 0,
					tmem_put(files(test), &oid, i, &blob,
						 GFP_KERNEL));
			KUNIT_ASSERT_EQ(test, 0, put_fill(test, n, i, 7));
		}
	}
	KUNIT_ASSERT_EQ(test, 0, eph_put(test, 3, 100));
	KUNIT_EXPECT_EQ(test, 0, tmem_evict_words(t->pool, 10));
	KUNIT_EXPECT_EQ(test, 10, tmem_evict_words(files(test), 10));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).filled[TMEM_EPHEMERAL],
			6 * MANY - 10);
	KUNIT_EXPECT_EQ(test, 6 * MANY - 10,
			tmem_evict_words(files(test), ULONG_MAX));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).filled[TMEM_EPHEMERAL], 0);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).filled[TMEM_PERSISTENT],
			6 * MANY);
	KUNIT_EXPECT_EQ(test, 0, tmem_evict_words(files(test), 10));
	KUNIT_EXPECT_TRUE(test, eph_here(test, 3));
}

/* A peer that has a page whose word is dropped is told to forget it. */
static void tmem_words_test_remote(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_handle handle[2];
	struct tmem_blob blob = { .data = t->out };
	u64 version[2];

	KUNIT_ASSERT_EQ(test, 0, eph_put(test, 3, 100));
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_EPHEMERAL,
						     handle, version));
	blob.version = version[0];
	KUNIT_ASSERT_EQ(test, 0,
			tmem_send_begin(t->tmem, handle, tmem_peer(NODE), &blob));
	KUNIT_EXPECT_EQ(test, 0, tmem_evict_words(files(test), 10));
	KUNIT_ASSERT_TRUE(test, tmem_send_done(t->tmem, handle, version[0],
					       tmem_peer(NODE), TMEM_SEND_STORED));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).remote[TMEM_EPHEMERAL], 1);
	KUNIT_EXPECT_EQ(test, 1, tmem_evict_words(files(test), 10));
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).remote[TMEM_EPHEMERAL], 0);
	KUNIT_EXPECT_EQ(test, settle(test), 1);
	tmem_test_expect_empty(test, t->tmem);
}

/*
 * A client that puts a page again, under the same version, while the frame of
 * the first is being dropped has two frames dropped, and none is lost.
 */
static void tmem_evict_test_two_frames(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_pool *pool = tmem_pool_create(t->tmem, 5, 0,
						  TMEM_EPHEMERAL);
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_handle handle[2];
	unsigned int dropped = 0;
	struct zbud_frame *frame;
	struct tmem_blob blob;
	u64 version[2];
	u32 i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	for (i = 0; i < 2; i++) {
		blob = tmem_test_blob(t, i, 1000);
		blob.version = 9;
		KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &oid, i, &blob,
						  GFP_KERNEL));
	}
	KUNIT_ASSERT_EQ(test, 2, tmem_isolate_oldest(t->tmem, TMEM_EPHEMERAL,
						     handle, version));
	KUNIT_EXPECT_TRUE(test, tmem_flush(pool, &oid, 1, 9));
	blob = tmem_test_blob(t, 1, 1000);
	blob.version = 9;
	KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &oid, 1, &blob, GFP_KERNEL));
	frame = tmem_evict_isolated(t->tmem, handle, version, 2, &dropped);
	KUNIT_EXPECT_EQ(test, 2, dropped);
	KUNIT_ASSERT_NOT_NULL(test, frame);
	zbud_release(t->tmem->zbud[TMEM_EPHEMERAL], frame);
	tmem_client_destroy(t->tmem, 5);
	tmem_test_expect_empty(test, t->tmem);
}

static struct kunit_case tmem_flush_test_cases[] = {
	KUNIT_CASE(tmem_evict_test_order),
	KUNIT_CASE(tmem_evict_test_persistent),
	KUNIT_CASE(tmem_evict_test_isolated),
	KUNIT_CASE(tmem_evict_test_put),
	KUNIT_CASE(tmem_evict_test_nothing),
	KUNIT_CASE(tmem_evict_test_two_frames),
	KUNIT_CASE(tmem_words_test_filled),
	KUNIT_CASE(tmem_words_test_remote),
	KUNIT_CASE(tmem_fill_test_life),
	KUNIT_CASE(tmem_fill_test_unmistakable),
	KUNIT_CASE(tmem_fill_test_debt),
	KUNIT_CASE(tmem_fill_test_server),
	KUNIT_CASE(tmem_doom_test_large),
	KUNIT_CASE(tmem_doom_test_put_after),
	KUNIT_CASE(tmem_doom_test_sending),
	KUNIT_CASE(tmem_doom_test_not_sent),
	KUNIT_CASE(tmem_doom_test_pool),
	KUNIT_CASE(tmem_flush_test_no_memory),
	KUNIT_CASE(tmem_flush_test_many_debts),
	KUNIT_CASE(tmem_range_test),
	{}
};

static struct kunit_suite tmem_flush_test_suite = {
	.name = "ramster-tmem-flush",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_flush_test_cases,
};

kunit_test_suite(tmem_flush_test_suite);
