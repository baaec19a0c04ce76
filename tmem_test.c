// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: put, get, flush, and who may see what.
 *
 * Pages that go to peers are in tmem_move_test.c.
 */
#include <linux/irqflags.h>
#include <linux/limits.h>

#include "tmem_int.h"
#include "tmem_test.h"

/* A get gives exactly what was put, and the page stays. */
static void tmem_test_put_get(struct kunit *test)
{
	u64 version = tmem_test_put(test, 1, 7, 8 * 400);
	struct tmem_blob blob;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
		KUNIT_EXPECT_EQ(test, blob.version, version);
		KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, 8 * 400, 3200));
	}
}

/* What was never put is not found: wrong index, wrong object, wrong word. */
static void tmem_test_absent(struct kunit *test)
{
	u64 n;

	tmem_test_expect_none(test, 1, 7);
	tmem_test_put(test, 1, 7, 1);
	tmem_test_expect_none(test, 1, 8);
	for (n = 2; n < 10; n++)
		tmem_test_expect_none(test, n, 7);
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 2, 7, 0));
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 8, 0));
	KUNIT_EXPECT_EQ(test, tmem_test_flush_object(test, 2, 0), 0);
	tmem_test_expect(test, 1, 7, 1);
}

/* The newest put wins, has a higher version, and takes no more room. */
static void tmem_test_put_again(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 first = tmem_test_put(test, 1, 7, 1);
	struct tmem_stats before = tmem_test_stats(t);
	u64 second = tmem_test_put(test, 1, 7, 1 + 251);
	struct tmem_stats after = tmem_test_stats(t);

	KUNIT_EXPECT_GT(test, second, first);
	tmem_test_expect(test, 1, 7, 1 + 251);
	KUNIT_EXPECT_EQ(test, after.zbud[TMEM_PERSISTENT].frames,
			before.zbud[TMEM_PERSISTENT].frames);
	KUNIT_EXPECT_EQ(test, after.zbud[TMEM_PERSISTENT].zpages, 1);
	KUNIT_EXPECT_EQ(test, after.objects, 1);
}

/* After a flush nothing is found, until the next put. */
static void tmem_test_flush_page(struct kunit *test)
{
	tmem_test_put(test, 1, 7, 1);
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, 0));
	tmem_test_expect_none(test, 1, 7);
	tmem_test_expect_none(test, 1, 7);
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, 0));
	tmem_test_put(test, 1, 7, 2);
	tmem_test_expect(test, 1, 7, 2);
}

/*
 * A flush of a version removes that one and older ones, and none newer.
 *
 * Regression: 3.3.4.
 */
static void tmem_test_flush_version(struct kunit *test)
{
	u64 version;

	/* The first version is 1, and a flush of version 0 is one of any. */
	tmem_test_put(test, 1, 7, 1);
	version = tmem_test_put(test, 1, 7, 1);
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, version - 1));
	tmem_test_expect(test, 1, 7, 1);
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, version));
	tmem_test_expect_none(test, 1, 7);
	tmem_test_put(test, 1, 7, 2);
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, version));
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, version + 9));
}

/* A get and a flush of what was read is an exclusive get: the second misses. */
static void tmem_test_exclusive(struct kunit *test)
{
	struct tmem_blob blob;
	u64 newer;

	tmem_test_put(test, 1, 7, 1);
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, blob.version));
	tmem_test_expect_none(test, 1, 7);

	/* If a put comes between, it is not the one that is removed. */
	tmem_test_put(test, 1, 7, 1);
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	newer = tmem_test_put(test, 1, 7, 2);
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, blob.version));
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	KUNIT_EXPECT_EQ(test, blob.version, newer);
}

/* A flush of an object takes all its pages and no others. */
static void tmem_test_flush_all(struct kunit *test)
{
	u64 version = 0;
	u32 i;

	for (i = 0; i < 100; i++) {
		tmem_test_put(test, 1, i * 1000, i);
		version = tmem_test_put(test, 2, i, i);
	}
	KUNIT_EXPECT_EQ(test, tmem_test_flush_object(test, 1, 0), 100);
	for (i = 0; i < 100; i++) {
		tmem_test_expect_none(test, 1, i * 1000);
		tmem_test_expect(test, 2, i, i);
	}
	tmem_test_put(test, 2, 100, 100);
	KUNIT_EXPECT_EQ(test, tmem_test_flush_object(test, 2, version), 100);
	tmem_test_expect(test, 2, 100, 100);
}

/*
 * An object goes with its last page, and comes again.
 *
 * Regression: 3.3.8.
 */
static void tmem_test_objects(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u64 n;

	for (n = 0; n < 200; n++) {
		tmem_test_put(test, n, 1, n);
		tmem_test_put(test, n, U32_MAX, n);
	}
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects, 200);
	for (n = 0; n < 200; n++)
		tmem_test_flush(test, n, 1, 0);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects, 200);
	for (n = 0; n < 200; n++)
		tmem_test_flush(test, n, U32_MAX, 0);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects, 0);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects_max, 200);
	tmem_test_put(test, 0, 1, 5);
	tmem_test_expect(test, 0, 1, 5);
}

/* Indexes go up to 2^32 - 1, and may be far apart. */
static void tmem_test_sparse(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	u32 bit;

	tmem_test_put(test, 1, 0, 40);
	for (bit = 0; bit < 32; bit++)
		tmem_test_put(test, 1, BIT(bit), bit);
	tmem_test_put(test, 1, U32_MAX, 41);
	for (bit = 0; bit < 32; bit++)
		tmem_test_expect(test, 1, BIT(bit), bit);
	tmem_test_expect(test, 1, 0, 40);
	tmem_test_expect(test, 1, U32_MAX, 41);
	KUNIT_EXPECT_GT(test, tmem_count_nodes(t->tmem), 34);
	KUNIT_EXPECT_EQ(test, tmem_test_flush_object(test, 1, 0), 34);
	KUNIT_EXPECT_EQ(test, tmem_count_nodes(t->tmem), 0);
}

/* Blobs of any length up to the limit; versions that fit in a word. */
static void tmem_test_limits(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = tmem_test_blob(t, 3, TMEM_MAX_BLOB);

	KUNIT_EXPECT_EQ(test, 0, tmem_put(t->pool, &oid, 1, &blob, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 1, &blob));
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, 3, TMEM_MAX_BLOB));

	blob = tmem_test_blob(t, 4, 0);
	KUNIT_EXPECT_EQ(test, 0, tmem_put(t->pool, &oid, 1, &blob, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 1, &blob));
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, 4, 0));

	blob = (struct tmem_blob){ .data = t->in, .len = TMEM_MAX_BLOB + 1 };
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tmem_put(t->pool, &oid, 1, &blob, GFP_KERNEL));
	blob = (struct tmem_blob){ .data = t->in, .len = U32_MAX };
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tmem_put(t->pool, &oid, 1, &blob, GFP_KERNEL));
	blob = tmem_test_blob(t, 5, 10);
	blob.version = TMEM_VERSION_MAX + 1;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tmem_put(t->pool, &oid, 1, &blob, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 1, &blob));
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, 4, 0));
	blob = tmem_test_blob(t, 5, 10);
	blob.version = TMEM_VERSION_MAX;
	KUNIT_EXPECT_EQ(test, 0, tmem_put(t->pool, &oid, 1, &blob, GFP_KERNEL));
}

static int server_put(struct kunit *test, u32 seed, u64 version)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = tmem_test_blob(t, seed, tmem_test_len(seed));

	blob.version = version;
	return tmem_put(t->pool, &oid, 7, &blob, GFP_KERNEL);
}

/* A server stores only what is newer than what it has. */
static void tmem_test_server_put(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, 0, server_put(test, 1, 100));
	KUNIT_EXPECT_EQ(test, -ESTALE, server_put(test, 2, 99));
	tmem_test_expect(test, 1, 7, 1);
	/* A repeated request is answered like the first, and changes nothing. */
	KUNIT_EXPECT_EQ(test, 0, server_put(test, 3, 100));
	tmem_test_expect(test, 1, 7, 1);
	KUNIT_EXPECT_EQ(test, 0, server_put(test, 4, 101));
	tmem_test_expect(test, 1, 7, 4);
	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, 1, 7, &blob));
	KUNIT_EXPECT_EQ(test, blob.version, 101);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).zbud[TMEM_PERSISTENT].zpages,
			1);

	/* A late flush of an older version harms nothing. */
	KUNIT_EXPECT_FALSE(test, tmem_test_flush(test, 1, 7, 100));
	tmem_test_expect(test, 1, 7, 4);
	KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 7, 101));
	KUNIT_EXPECT_EQ(test, 0, server_put(test, 5, 1));
}

/* Pools are found by client and number, and there is one of each name. */
static void tmem_test_pools(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_pool *pool;

	KUNIT_EXPECT_PTR_EQ(test, t->pool,
			    tmem_pool_find(t->tmem, TMEM_CLIENT_LOCAL,
					   TMEM_TEST_POOL));
	KUNIT_EXPECT_NULL(test, tmem_pool_find(t->tmem, 3, TMEM_TEST_POOL));
	KUNIT_EXPECT_NULL(test, tmem_pool_find(t->tmem, TMEM_CLIENT_LOCAL, 2));

	pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL, TMEM_TEST_POOL,
				TMEM_EPHEMERAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(pool), -EEXIST);
	pool = tmem_pool_create(t->tmem, 3, 5, TMEM_NR_KINDS);
	KUNIT_EXPECT_EQ(test, PTR_ERR(pool), -EINVAL);

	pool = tmem_pool_create(t->tmem, 0, U32_MAX, TMEM_EPHEMERAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	KUNIT_EXPECT_PTR_EQ(test, pool, tmem_pool_find(t->tmem, 0, U32_MAX));
	KUNIT_EXPECT_EQ(test, tmem_pool_kind(pool), TMEM_EPHEMERAL);
	KUNIT_EXPECT_EQ(test, tmem_pool_kind(t->pool), TMEM_PERSISTENT);
	tmem_pool_destroy(pool);
	KUNIT_EXPECT_NULL(test, tmem_pool_find(t->tmem, 0, U32_MAX));
}

/* A client has room for many filesystems, each in a pool of its own. */
static void tmem_test_many_pools(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob;
	struct tmem_pool *pool;
	u32 id;

	for (id = 0; id < 64; id++) {
		pool = tmem_pool_create(t->tmem, 5, id, TMEM_EPHEMERAL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
		blob = tmem_test_blob(t, id, 100);
		KUNIT_EXPECT_EQ(test, 0,
				tmem_put(pool, &oid, 1, &blob, GFP_KERNEL));
	}
	for (id = 0; id < 64; id++) {
		blob = (struct tmem_blob){ .data = t->out };
		pool = tmem_pool_find(t->tmem, 5, id);
		KUNIT_ASSERT_NOT_NULL(test, pool);
		KUNIT_EXPECT_EQ(test, 0, tmem_get(pool, &oid, 1, &blob));
		KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, id, 100));
	}
	tmem_client_destroy(t->tmem, 5);
	tmem_test_expect_empty(test, t->tmem);
}

/* One client's pools go, the neighbours' stay; so does each pool's content. */
static void tmem_test_clients(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	u16 client;
	u32 id;

	for (client = 4; client <= 6; client++) {
		for (id = 0; id < 3; id++) {
			struct tmem_pool *pool;
			struct tmem_blob blob = tmem_test_blob(t, id, 100);

			pool = tmem_pool_create(t->tmem, client,
						id ? U32_MAX - id : 0,
						id & 1);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
			KUNIT_EXPECT_EQ(test, 0, tmem_put(pool, &oid, 1, &blob,
							  GFP_KERNEL));
		}
	}
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects, 9);
	tmem_client_destroy(t->tmem, 5);
	KUNIT_EXPECT_EQ(test, tmem_test_stats(t).objects, 6);
	KUNIT_EXPECT_NULL(test, tmem_pool_find(t->tmem, 5, 0));
	KUNIT_EXPECT_NOT_NULL(test, tmem_pool_find(t->tmem, 4, U32_MAX - 1));
	KUNIT_EXPECT_NOT_NULL(test, tmem_pool_find(t->tmem, 6, 0));
	tmem_client_destroy(t->tmem, 4);
	tmem_client_destroy(t->tmem, 6);
	tmem_test_expect_empty(test, t->tmem);
}

/* Ephemeral and persistent pages are never mixed in a frame. */
static void tmem_test_kinds(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = tmem_test_blob(t, 1, 100);
	struct tmem_pool *pool;
	struct tmem_stats stats;

	pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL, 2, TMEM_EPHEMERAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	KUNIT_EXPECT_EQ(test, 0, tmem_put(pool, &oid, 1, &blob, GFP_KERNEL));
	tmem_test_put(test, 1, 1, 2);
	stats = tmem_test_stats(t);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].frames, 1);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].frames, 1);
}

/*
 * Flushes come with interrupts off and under spinlocks.
 *
 * Regression: 3.2.13.
 */
static void tmem_test_atomic(struct kunit *test)
{
	static DEFINE_SPINLOCK(outer);
	unsigned long flags;
	u32 i;

	for (i = 0; i < 200; i++)
		tmem_test_put(test, 1, i, i);
	spin_lock_irqsave(&outer, flags);
	for (i = 0; i < 100; i++)
		tmem_test_flush(test, 1, i, 0);
	tmem_test_flush_object(test, 1, 0);
	spin_unlock_irqrestore(&outer, flags);
	tmem_test_expect_empty(test, ((struct tmem_test *)test->priv)->tmem);
}

/*
 * A put fails at each of its allocations in turn: the slot is as it was, no
 * object is left behind, and nothing is lost.  (The xarray asks twice for a
 * node, so there it takes two failures to fail.)
 *
 * Regression: 3.3.16.
 */
static void tmem_test_no_memory(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	struct tmem_test *t = test->priv;
	unsigned int nth, failures = 0, objects;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob;
	int err;

	/* First without an object; then with one whose tree must grow. */
	for (objects = 0; objects < 2; objects++) {
		for (nth = 1; nth < 20; nth++) {
			if (objects)
				tmem_test_put(test, 1, 3, 1);
			blob = tmem_test_blob(t, 9, TMEM_MAX_BLOB);
			current->fail_nth = nth;
			err = tmem_put(t->pool, &oid, 1 << 20, &blob,
				       GFP_NOWAIT | __GFP_NOWARN);
			current->fail_nth = 0;
			if (err) {
				failures++;
				/* first the frame, then the index */
				KUNIT_EXPECT_EQ(test, err,
						nth > 1 ?
						-ENOMEM : -ENOSPC);
				tmem_test_expect_none(test, 1, 1 << 20);
				KUNIT_EXPECT_EQ(test, objects,
						tmem_test_stats(t).objects);
			}
			if (objects)
				tmem_test_expect(test, 1, 3, 1);
			tmem_test_flush_object(test, 1, 0);
			tmem_test_expect_empty(test, t->tmem);
		}
	}
	/* The frame's descriptor twice, the object once. */
	KUNIT_EXPECT_GE(test, failures, 3);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

#if IS_ENABLED(CONFIG_FAILSLAB)
/* As __xa_store() of something at 1 << 20, without its second attempt. */
static int store_once(struct tmem_object *obj, unsigned int nth)
{
	XA_STATE(xas, &obj->pages, 1 << 20);

	xas_lock(&xas);
	current->fail_nth = nth;
	xas_store(&xas, xa_mk_value(1));
	current->fail_nth = 0;
	if (!xas_error(&xas))
		xas_store(&xas, NULL);
	xas_unlock(&xas);
	return xas_error(&xas);
}
#endif

/*
 * A store that fails half-way leaves nodes without a slot in the tree.  The
 * object dies with its last page all the same.
 */
static void tmem_test_no_memory_nodes(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	unsigned int nth, left = 0;
	struct tmem_object *obj;

	for (nth = 1; nth < 8; nth++) {
		tmem_test_put(test, 1, 3, 1);
		rcu_read_lock();
		obj = tmem_object_find(t->pool, &oid);
		rcu_read_unlock();
		KUNIT_ASSERT_NOT_NULL(test, obj);

		left += store_once(obj, nth) == -ENOMEM;
		KUNIT_EXPECT_TRUE(test, tmem_test_flush(test, 1, 3, 0));
		tmem_test_expect_empty(test, t->tmem);
	}
	KUNIT_EXPECT_GE(test, left, 3);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

/*
 * Random operations against a model: an array that says what was put last.
 * Two pools of two kinds; one takes owner's puts, the other a server's.
 */
enum { RND_POOLS = 2, RND_OBJECTS = 7, RND_INDEXES = 40, RND_OPS = 150000 };

struct model_page {
	u64 version;
	u32 seed;
};

struct model {
	struct kunit *test;
	struct tmem_pool *pool[RND_POOLS];
	struct rnd_state rnd;
	u32 version;
	unsigned int stale;
	unsigned int found;
	struct model_page page[RND_POOLS][RND_OBJECTS][RND_INDEXES];
};

static u32 draw(struct model *m, u32 below)
{
	return prandom_u32_state(&m->rnd) % below;
}

static u32 model_index(u32 i)
{
	/* Half of them dense, half of them all over the place. */
	return i % 2 ? i : i * 0x9e3779b9U;
}

static void random_put(struct model *m, unsigned int p, u64 n, u32 i)
{
	struct model_page *page = &m->page[p][n][i];
	struct tmem_oid oid = tmem_test_oid(n);
	u32 seed = prandom_u32_state(&m->rnd);
	struct tmem_blob blob = tmem_test_blob(m->test->priv, seed,
					       tmem_test_len(seed));
	int err, expected = 0;

	m->version++;
	/* The server's versions come from a window, so some are too old. */
	if (p)
		blob.version = m->version - draw(m, min(m->version, 500U));
	if (blob.version && blob.version < page->version)
		expected = -ESTALE;
	err = tmem_put(m->pool[p], &oid, model_index(i), &blob, GFP_KERNEL);
	KUNIT_EXPECT_EQ(m->test, err, expected);
	m->stale += expected == -ESTALE;
	if (err || (p && blob.version == page->version))
		return;
	KUNIT_EXPECT_GT(m->test, blob.version, page->version);
	page->version = blob.version;
	page->seed = seed;
}

static void random_get(struct model *m, unsigned int p, u64 n, u32 i)
{
	struct tmem_test *t = m->test->priv;
	struct model_page *page = &m->page[p][n][i];
	struct tmem_oid oid = tmem_test_oid(n);
	struct tmem_blob blob = { .data = t->out };
	int err = tmem_get(m->pool[p], &oid, model_index(i), &blob);

	KUNIT_EXPECT_EQ(m->test, err, page->version ? 0 : -ENOENT);
	if (err)
		return;
	m->found++;
	KUNIT_EXPECT_EQ(m->test, blob.version, page->version);
	KUNIT_EXPECT_TRUE(m->test, tmem_test_is(&blob, page->seed,
						tmem_test_len(page->seed)));
}

static void random_take(struct model *m, unsigned int p, u64 n, u32 i)
{
	struct model_page *page = &m->page[p][n][i];
	struct tmem_oid oid = tmem_test_oid(n);
	struct tmem_blob blob;
	void *taken;
	int err = tmem_take(m->pool[p], &oid, model_index(i), &blob, &taken);

	KUNIT_EXPECT_EQ(m->test, err, page->version ? 0 : -ENOENT);
	if (err)
		return;
	m->found++;
	KUNIT_EXPECT_EQ(m->test, blob.version, page->version);
	KUNIT_EXPECT_TRUE(m->test, tmem_test_is(&blob, page->seed,
						tmem_test_len(page->seed)));
	tmem_page_free(m->pool[p], taken);
	page->version = 0;
}

/* The model's flush; a version of 0 is any. */
static bool model_flush(struct model_page *page, u64 version)
{
	if (!page->version || (version && page->version > version))
		return false;
	page->version = 0;
	return true;
}

static u64 random_version(struct model *m, const struct model_page *page)
{
	if (!draw(m, 2) || !page->version)
		return 0;
	return max_t(s64, page->version + 2 - draw(m, 5), 1);
}

static void random_flush(struct model *m, unsigned int p, u64 n, u32 i)
{
	struct model_page *page = &m->page[p][n][i];
	struct tmem_oid oid = tmem_test_oid(n);
	u64 version = random_version(m, page);
	bool found = tmem_flush(m->pool[p], &oid, model_index(i), version);

	KUNIT_EXPECT_EQ(m->test, found, model_flush(page, version));
}

static void random_flush_object(struct model *m, unsigned int p, u64 n, u32 i)
{
	struct tmem_oid oid = tmem_test_oid(n);
	u64 version = random_version(m, &m->page[p][n][i]);
	unsigned long found = tmem_flush_object(m->pool[p], &oid, version);
	unsigned long expected = 0;

	for (i = 0; i < RND_INDEXES; i++)
		expected += model_flush(&m->page[p][n][i], version);
	KUNIT_EXPECT_EQ(m->test, found, expected);
}

static void check_all(struct model *m)
{
	struct tmem_test *t = m->test->priv;
	struct tmem_stats stats = tmem_test_stats(t);
	struct zbud_stats held;
	u64 pages, objects = 0;
	unsigned int p, n, i;

	for (p = 0; p < RND_POOLS; p++) {
		pages = 0;
		for (n = 0; n < RND_OBJECTS; n++) {
			u64 before = pages;

			for (i = 0; i < RND_INDEXES; i++) {
				random_get(m, p, n, i);
				pages += !!m->page[p][n][i].version;
			}
			objects += pages > before;
		}
		KUNIT_EXPECT_EQ(m->test, stats.zbud[p].zpages, pages);
		tmem_get_frames(t->tmem, p, &held);
		KUNIT_EXPECT_MEMEQ(m->test, &held, &stats.zbud[p],
				   sizeof(held));
	}
	KUNIT_EXPECT_EQ(m->test, stats.objects, objects);
	KUNIT_EXPECT_EQ(m->test, stats.debts, 0);
}

static void tmem_test_random(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int op, p;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	for (p = 0; p < RND_POOLS; p++) {
		m->pool[p] = tmem_pool_create(t->tmem, p ? TMEM_CLIENT_LOCAL : 9,
					      10, p);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m->pool[p]);
	}
	prandom_seed_state(&m->rnd, 192);
	for (op = 0; op < RND_OPS; op++) {
		u64 n = draw(m, RND_OBJECTS);
		u32 i = draw(m, RND_INDEXES);

		p = draw(m, RND_POOLS);
		switch (draw(m, 16)) {
		case 0 ... 6:
			random_put(m, p, n, i);
			break;
		case 7 ... 11:
			random_get(m, p, n, i);
			break;
		case 12:
			random_take(m, p, n, i);
			break;
		case 13 ... 14:
			random_flush(m, p, n, i);
			break;
		default:
			if (!draw(m, 8))
				random_flush_object(m, p, n, i);
		}
		if (!(op & 4095))
			check_all(m);
	}
	check_all(m);
	kunit_info(test, "%u operations, %u pages read, %u puts too old",
		   RND_OPS, m->found, m->stale);
	KUNIT_EXPECT_GT(test, m->found, RND_OPS / 10);
	KUNIT_EXPECT_GT(test, m->stale, RND_OPS / 100);
	tmem_client_destroy(t->tmem, 9);
}

static struct kunit_case tmem_test_cases[] = {
	KUNIT_CASE(tmem_test_put_get),
	KUNIT_CASE(tmem_test_absent),
	KUNIT_CASE(tmem_test_put_again),
	KUNIT_CASE(tmem_test_flush_page),
	KUNIT_CASE(tmem_test_flush_version),
	KUNIT_CASE(tmem_test_exclusive),
	KUNIT_CASE(tmem_test_flush_all),
	KUNIT_CASE(tmem_test_objects),
	KUNIT_CASE(tmem_test_sparse),
	KUNIT_CASE(tmem_test_limits),
	KUNIT_CASE(tmem_test_server_put),
	KUNIT_CASE(tmem_test_pools),
	KUNIT_CASE(tmem_test_many_pools),
	KUNIT_CASE(tmem_test_clients),
	KUNIT_CASE(tmem_test_kinds),
	KUNIT_CASE(tmem_test_atomic),
	KUNIT_CASE(tmem_test_no_memory),
	KUNIT_CASE(tmem_test_no_memory_nodes),
	KUNIT_CASE_SLOW(tmem_test_random),
	{}
};

static struct kunit_suite tmem_test_suite = {
	.name = "ramster-tmem",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_test_cases,
};

kunit_test_suite(tmem_test_suite);
