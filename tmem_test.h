/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit tests of tmem share.
 */
#ifndef _RAMSTER_TMEM_TEST_H
#define _RAMSTER_TMEM_TEST_H

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "tmem.h"

/*
 * struct tmem_test - what each test starts with
 * @tmem: an empty index
 * @pool: a persistent pool of the kernel's own pages in it, number 1
 * @owes: how often tmem has told of a new debt
 * @in: a blob's bytes on their way in
 * @out: room for a blob that is read
 */
struct tmem_test {
	struct tmem *tmem;
	struct tmem_pool *pool;
	unsigned int owes;
	u8 in[TMEM_MAX_BLOB];
	u8 out[TMEM_MAX_BLOB];
};

#define TMEM_TEST_POOL	1

static inline void tmem_test_owes(void *arg)
{
	struct tmem_test *t = arg;

	t->owes++;
}

static inline int tmem_test_init(struct kunit *test)
{
	struct tmem_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->tmem = tmem_create(tmem_test_owes, t);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->tmem);
	test->priv = t;
	t->pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL, TMEM_TEST_POOL,
				   TMEM_PERSISTENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->pool);
	return 0;
}

static inline void tmem_test_expect_empty(struct kunit *test, struct tmem *tmem)
{
	struct tmem_stats stats;
	unsigned int kind;

	tmem_get_stats(tmem, &stats);
	KUNIT_EXPECT_EQ(test, stats.objects, 0);
	KUNIT_EXPECT_EQ(test, stats.debts, 0);
	KUNIT_EXPECT_EQ(test, stats.sending, 0);
	KUNIT_EXPECT_EQ(test, stats.lone, 0);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		KUNIT_EXPECT_EQ(test, stats.remote[kind], 0);
		KUNIT_EXPECT_EQ(test, stats.zbud[kind].zpages, 0);
		KUNIT_EXPECT_EQ(test, stats.zbud[kind].frames, 0);
	}
}

/* Whatever a test left in its pools, nothing is held when they are gone. */
static inline void tmem_test_exit(struct kunit *test)
{
	struct tmem_test *t = test->priv;

	if (!t)
		return;
	tmem_client_destroy(t->tmem, TMEM_CLIENT_LOCAL);
	tmem_test_expect_empty(test, t->tmem);
	tmem_destroy(t->tmem);
}

static inline struct tmem_stats tmem_test_stats(struct tmem_test *t)
{
	struct tmem_stats stats;

	tmem_get_stats(t->tmem, &stats);
	return stats;
}

static inline struct tmem_oid tmem_test_oid(u64 n)
{
	struct tmem_oid oid = {};

	/* Equal in all but one word, which is not always the same. */
	oid.word[n % 3] = n;
	return oid;
}

/* Bytes that follow from a seed, and a checksum that does too. */
static inline struct tmem_blob tmem_test_blob(struct tmem_test *t, u32 seed,
					      u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		t->in[i] = (seed * 2654435761U + i * 40503U) >> 13;
	return (struct tmem_blob){ .data = t->in, .len = len, .crc = ~seed };
}

static inline bool tmem_test_is(const struct tmem_blob *blob, u32 seed, u32 len)
{
	const u8 *data = blob->data;
	u32 i;

	if (blob->len != len || blob->crc != ~seed)
		return false;
	for (i = 0; i < len; i++)
		if (data[i] != (u8)((seed * 2654435761U + i * 40503U) >> 13))
			return false;
	return true;
}

static inline u32 tmem_test_len(u32 seed)
{
	/* Most are short, for speed; each length occurs. */
	return seed % 8 ? seed % 251 : seed % (TMEM_MAX_BLOB + 1);
}

/* Put into the test's own pool; returns the version. */
static inline u64 tmem_test_put(struct kunit *test, u64 n, u32 index, u32 seed)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(n);
	struct tmem_blob blob = tmem_test_blob(t, seed, tmem_test_len(seed));

	KUNIT_ASSERT_EQ(test, 0,
			tmem_put(t->pool, &oid, index, &blob, GFP_KERNEL));
	KUNIT_EXPECT_NE(test, blob.version, 0);
	return blob.version;
}

static inline int tmem_test_get(struct kunit *test, u64 n, u32 index,
				struct tmem_blob *blob)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(n);

	*blob = (struct tmem_blob){ .data = t->out };
	return tmem_get(t->pool, &oid, index, blob);
}

/* The page is here, with this seed's content. */
static inline void tmem_test_expect(struct kunit *test, u64 n, u32 index,
				    u32 seed)
{
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, 0, tmem_test_get(test, n, index, &blob));
	KUNIT_EXPECT_TRUE(test, tmem_test_is(&blob, seed, tmem_test_len(seed)));
}

static inline void tmem_test_expect_none(struct kunit *test, u64 n, u32 index)
{
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, -ENOENT, tmem_test_get(test, n, index, &blob));
}

static inline void tmem_test_expect_remote(struct kunit *test, u64 n, u32 index,
					   u8 node, u64 version)
{
	struct tmem_blob blob;

	KUNIT_EXPECT_EQ(test, -EREMOTE, tmem_test_get(test, n, index, &blob));
	KUNIT_EXPECT_EQ(test, blob.peers.node[0], node);
	KUNIT_EXPECT_EQ(test, blob.version, version);
}

static inline bool tmem_test_flush(struct kunit *test, u64 n, u32 index,
				   u64 version)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(n);

	return tmem_flush(t->pool, &oid, index, version);
}

static inline unsigned long tmem_test_flush_object(struct kunit *test, u64 n,
						   u64 version)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(n);

	return tmem_flush_object(t->pool, &oid, version);
}

static inline struct tmem_handle tmem_test_handle(u64 n, u32 index)
{
	return (struct tmem_handle){
		.client = TMEM_CLIENT_LOCAL,
		.pool = TMEM_TEST_POOL,
		.oid = tmem_test_oid(n),
		.index = index,
	};
}

/* Put a page whose content follows from its index, and send it to a peer. */
static inline u64 tmem_test_remote(struct kunit *test, u64 n, u32 index,
				   u8 node)
{
	struct tmem_test *t = test->priv;
	u64 version = tmem_test_put(test, n, index, index);
	struct tmem_blob blob = { .data = t->out, .version = version };
	struct tmem_handle handle[2];
	u64 versions[2];

	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT,
						     handle, versions));
	KUNIT_ASSERT_EQ(test, version, versions[0]);
	KUNIT_ASSERT_EQ(test, 0, tmem_send_begin(t->tmem, handle, tmem_peer(node), &blob));
	KUNIT_ASSERT_TRUE(test, tmem_send_done(t->tmem, handle, version, tmem_peer(node),
					       TMEM_SEND_STORED));
	return version;
}

#endif /* _RAMSTER_TMEM_TEST_H */
