// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of foreign.c: what a peer may do with the RAM that it was lent, and
 * what it may not.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "foreign.h"
#include "ramster_int.h"

struct foreign_ctx {
	struct ramster_node node;
	struct foreign *foreign;
	struct r2net_batch batch;
	struct r2tcp_reply reply;
};

static int foreign_test_init(struct kunit *test)
{
	struct foreign_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	ctx->node.info.capacity_mb = 16;
	ctx->foreign = foreign_create(&ctx->node);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx->foreign);
	KUNIT_ASSERT_EQ(test, 0, r2net_batch_init(&ctx->batch, R2_PUT,
						  R2_MAX_PAYLOAD));
	ctx->reply.buf = kunit_kzalloc(test, R2_MAX_PAGE +
				       sizeof(struct r2_get_reply), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->reply.buf);
	test->priv = ctx;
	return 0;
}

static void foreign_test_exit(struct kunit *test)
{
	struct foreign_ctx *ctx = test->priv;

	if (!ctx)
		return;
	r2net_batch_free(&ctx->batch);
	foreign_destroy(ctx->foreign);
}

static struct tmem_handle foreign_name(u32 index)
{
	return (struct tmem_handle) { .pool = 3, .index = index };
}

/* Put one page of one repeated byte; returns its status. */
static u8 foreign_test_put(struct kunit *test, unsigned int client, u32 index,
			   u64 version, u8 byte)
{
	struct foreign_ctx *ctx = test->priv;
	struct tmem_handle handle = foreign_name(index);
	struct tmem_blob blob = { .len = 1900, .version = version };

	r2net_batch_reset(&ctx->batch);
	memset(r2net_put_room(&ctx->batch), byte, blob.len);
	r2net_put_add(&ctx->batch, &handle, TMEM_PERSISTENT, &blob);
	KUNIT_ASSERT_EQ(test, 0, foreign_put(ctx->foreign, client,
					     ctx->batch.buf, ctx->batch.len, 1,
					     &ctx->reply));
	KUNIT_ASSERT_EQ(test, ctx->reply.items, 1);
	KUNIT_ASSERT_EQ(test, ctx->reply.len, 1);
	return *(u8 *)ctx->reply.buf;
}

/* Get a page; returns its byte, or -1 if it is not there. */
static int foreign_test_get(struct kunit *test, unsigned int client, u32 index,
			    u64 version)
{
	struct foreign_ctx *ctx = test->priv;
	struct tmem_handle handle = foreign_name(index);
	struct r2_page page;
	const void *data;
	unsigned int len;
	int err;

	r2net_encode_page(&page, &handle, version);
	KUNIT_ASSERT_EQ(test, 0, foreign_get(ctx->foreign, client, &page,
					     &ctx->reply));
	err = r2net_check_reply(&page, ctx->reply.buf, ctx->reply.len, &data,
				&len);
	if (err == -ENOENT)
		return -1;
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_EQ(test, len, 1900);
	return *(u8 *)data;
}

static void foreign_test_flush(struct kunit *test, unsigned int client,
			       u32 index, u64 version, bool object)
{
	struct foreign_ctx *ctx = test->priv;
	struct tmem_debt debt = {
		.handle = foreign_name(index),
		.version = version,
		.whole_object = object,
	};

	r2net_batch_reset(&ctx->batch);
	r2net_flush_add(&ctx->batch, &debt);
	KUNIT_ASSERT_EQ(test, 0, foreign_flush(ctx->foreign, client,
					       ctx->batch.buf, 1,
					       &ctx->reply));
	KUNIT_EXPECT_EQ(test, *(u8 *)ctx->reply.buf, R2_OK);
}

static u64 foreign_test_held(struct kunit *test)
{
	struct foreign_ctx *ctx = test->priv;
	struct tmem_stats stats;

	foreign_get_stats(ctx->foreign, &stats);
	return stats.zbud[TMEM_PERSISTENT].zpages;
}

/*
 * Regression: 3.2.2. Bytes come back as they were sent, with the owner's
 * checksum; of a pool that was never heard of, nothing does.
 */
static void foreign_put_get_flush(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 1), -1);
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 9, 1, 'x'), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 1), 'x');
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 1), 'x');
	foreign_test_flush(test, 1, 9, 1, false);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 1), -1);
	KUNIT_EXPECT_EQ(test, foreign_test_held(test), 0);
}

/*
 * Two owners use the same names, and never meet.
 *
 * Regression: 3.5.4, 3.5.5.
 */
static void foreign_clients_apart(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 9, 1, 'a'), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 2, 9, 1, 'b'), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 1), 'a');
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 2, 9, 1), 'b');
	foreign_test_flush(test, 2, 9, 1, false);
	foreign_test_flush(test, 3, 9, 1, false);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 1), 'a');
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 2, 9, 1), -1);
}

/*
 * Whatever the order in which messages arrive, the newest version stays.
 *
 * Regression: 3.1.12.
 */
static void foreign_newest_wins(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 9, 5, 'n'), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 9, 4, 'o'), R2_STALE);
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 9, 5, 'n'), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 5), 'n');
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 4), -1);
	foreign_test_flush(test, 1, 9, 4, false);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 5), 'n');
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 9, 6, 'p'), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 9, 6), 'p');
	KUNIT_EXPECT_EQ(test, foreign_test_held(test), 1);
}

/* An object goes with one message, but for what was put after it was meant. */
static void foreign_flush_whole_object(struct kunit *test)
{
	u32 i;

	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, i, i + 1, i),
				R2_OK);
	foreign_test_flush(test, 1, 0, 90, true);
	KUNIT_EXPECT_EQ(test, foreign_test_held(test), 10);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 89, 90), -1);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 90, 91), 90);
}

/*
 * No more than capacity_mb is lent; a refused page is not half there.
 *
 * Regression: 3.4.6.
 */
static void foreign_has_no_room(struct kunit *test)
{
	struct foreign_ctx *ctx = test->priv;
	u32 i;

	ctx->node.info.capacity_mb = 1;
	for (i = 0; i < 600; i++)
		if (foreign_test_put(test, 1, i, 1, 1) != R2_OK)
			break;
	KUNIT_EXPECT_GE(test, i, 256);
	KUNIT_EXPECT_LE(test, i, 512);
	KUNIT_EXPECT_EQ(test, *(u8 *)ctx->reply.buf, R2_NO_ROOM);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, i, 1), -1);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 0, 1), 1);
	foreign_test_flush(test, 1, 0, 600, true);
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, i, 1, 1), R2_OK);
}

/* Put a page of a given pool, kind and length; returns its status. */
static u8 foreign_test_put_as(struct kunit *test, u32 pool, u16 flags,
			      unsigned int len)
{
	struct foreign_ctx *ctx = test->priv;
	struct tmem_handle handle = { .pool = pool, .index = 1 };
	struct tmem_blob blob = { .len = len, .version = 1 };
	struct r2_put_item *item = ctx->batch.buf;

	r2net_batch_reset(&ctx->batch);
	memset(r2net_put_room(&ctx->batch), 0, blob.len);
	r2net_put_add(&ctx->batch, &handle, TMEM_PERSISTENT, &blob);
	item->flags = cpu_to_le16(flags);
	KUNIT_ASSERT_EQ(test, 0, foreign_put(ctx->foreign, 1, ctx->batch.buf,
					     ctx->batch.len, 1, &ctx->reply));
	return *(u8 *)ctx->reply.buf;
}

/* How many pages of each kind are held. */
static void foreign_test_expect_held(struct kunit *test, u64 eph, u64 pers)
{
	struct foreign_ctx *ctx = test->priv;
	struct tmem_stats stats;

	foreign_get_stats(ctx->foreign, &stats);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].zpages, eph);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].zpages, pers);
}

/*
 * Regression: 3.1.9. The first put of a client makes a pool, with its kind; a
 * put of the other kind is refused, whichever was first.
 */
static void foreign_wrong_kind(struct kunit *test)
{
	const u16 pers = R2_ITEM_PERSISTENT;

	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, 3, pers, 8), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, 3, 0, 9),
			R2_WRONG_KIND);
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, 4, 0, 8), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, 4, pers, 9),
			R2_WRONG_KIND);
	foreign_test_expect_held(test, 1, 1);
}

static void foreign_test_destroy_pool(struct kunit *test, unsigned int client,
				      u32 pool)
{
	struct foreign_ctx *ctx = test->priv;

	r2net_batch_reset(&ctx->batch);
	r2net_flush_add_pool(&ctx->batch, pool);
	KUNIT_ASSERT_EQ(test, 0, r2wire_check_flush(ctx->batch.buf,
						    ctx->batch.len, 1));
	KUNIT_ASSERT_EQ(test, 0, foreign_flush(ctx->foreign, client,
					       ctx->batch.buf, 1,
					       &ctx->reply));
	KUNIT_EXPECT_EQ(test, *(u8 *)ctx->reply.buf, R2_OK);
}

/*
 * Regression: 3.3.2. A pool that its owner destroys is gone with all its pages,
 * and its number is free for either kind; other pools and clients are not
 * touched.
 */
static void foreign_destroys_pools(struct kunit *test)
{
	const u16 pers = R2_ITEM_PERSISTENT;
	u32 i;

	for (i = 0; i < 10; i++)
		foreign_test_put(test, 1, i, i + 1, 'a');
	foreign_test_put(test, 2, 1, 1, 'b');
	foreign_test_put_as(test, 4, 0, 8);
	foreign_test_expect_held(test, 1, 11);
	foreign_test_destroy_pool(test, 1, 3);
	foreign_test_expect_held(test, 1, 1);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 1, 2), -1);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 2, 1, 1), 'b');
	/* Again, and what never was: nothing happens. */
	foreign_test_destroy_pool(test, 1, 3);
	foreign_test_destroy_pool(test, 1, U32_MAX);
	foreign_test_destroy_pool(test, 1, 4);
	foreign_test_expect_held(test, 0, 1);
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, 4, pers, 8), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, 3, 0, 8), R2_OK);
	foreign_test_expect_held(test, 1, 2);
}

/* Put an ephemeral or persistent page of some length; returns its status. */
static u8 foreign_test_put_kind(struct kunit *test, enum tmem_kind kind,
				u32 index, unsigned int len)
{
	struct foreign_ctx *ctx = test->priv;
	struct tmem_handle handle = { .pool = 8 + kind, .index = index };
	struct tmem_blob blob = { .len = len, .version = 1 };

	r2net_batch_reset(&ctx->batch);
	memset(r2net_put_room(&ctx->batch), index, blob.len);
	r2net_put_add(&ctx->batch, &handle, kind, &blob);
	KUNIT_ASSERT_EQ(test, 0, foreign_put(ctx->foreign, 1, ctx->batch.buf,
					     ctx->batch.len, 1, &ctx->reply));
	return *(u8 *)ctx->reply.buf;
}

static bool foreign_test_has(struct kunit *test, enum tmem_kind kind, u32 index)
{
	struct tmem_handle handle = { .pool = 8 + kind, .index = index };
	struct foreign_ctx *ctx = test->priv;
	struct r2_get_reply *head = ctx->reply.buf;
	struct r2_page page;

	r2net_encode_page(&page, &handle, 1);
	KUNIT_ASSERT_EQ(test, 0, foreign_get(ctx->foreign, 1, &page,
					     &ctx->reply));
	return head->status == cpu_to_le16(R2_OK);
}

/*
 * Ephemeral pages make room for newer ones and for persistent ones, oldest
 * first, without a word to their owner.  Persistent ones stay, whoever comes:
 * then there is no room.  A get of either leaves the page where it is.
 *
 * Regression: 3.2.9.
 */
static void foreign_evicts(struct kunit *test)
{
	enum { FRAMES = 256, LEN = 3000 };
	struct foreign_ctx *ctx = test->priv;
	u32 i;

	ctx->node.info.capacity_mb = 1;
	for (i = 0; i < FRAMES; i++)
		KUNIT_EXPECT_EQ(test, R2_OK,
				foreign_test_put_kind(test, TMEM_EPHEMERAL, i,
						      LEN));
	KUNIT_EXPECT_EQ(test, R2_OK,
			foreign_test_put_kind(test, TMEM_EPHEMERAL, i, LEN));
	foreign_test_expect_held(test, FRAMES, 0);
	KUNIT_EXPECT_FALSE(test, foreign_test_has(test, TMEM_EPHEMERAL, 0));
	KUNIT_EXPECT_TRUE(test, foreign_test_has(test, TMEM_EPHEMERAL, 1));
	KUNIT_EXPECT_TRUE(test, foreign_test_has(test, TMEM_EPHEMERAL, i));

	for (i = 0; i < FRAMES; i++)
		KUNIT_EXPECT_EQ(test, R2_OK,
				foreign_test_put_kind(test, TMEM_PERSISTENT, i,
						      LEN));
	foreign_test_expect_held(test, 0, FRAMES);
	KUNIT_EXPECT_EQ(test, atomic64_read(&ctx->node.count.foreign_eph_evicted),
			FRAMES + 1);
	KUNIT_EXPECT_EQ(test, R2_NO_ROOM,
			foreign_test_put_kind(test, TMEM_PERSISTENT, i, LEN));
	KUNIT_EXPECT_EQ(test, R2_NO_ROOM,
			foreign_test_put_kind(test, TMEM_EPHEMERAL, 1, LEN));
	for (i = 0; i < FRAMES; i++)
		KUNIT_EXPECT_TRUE(test, foreign_test_has(test, TMEM_PERSISTENT,
							 i));
}

/*
 * Regression: 3.4.6. A machine that is short of RAM itself takes nothing more,
 * however much it has promised, unless in the place of ephemeral pages.
 */
static void foreign_own_users_first(struct kunit *test)
{
	unsigned int before = foreign_watermark_mb;

	KUNIT_EXPECT_EQ(test, R2_OK, foreign_test_put_kind(test, TMEM_EPHEMERAL,
							   1, 3000));
	KUNIT_EXPECT_EQ(test, R2_OK, foreign_test_put_kind(test,
							   TMEM_PERSISTENT, 1,
							   3000));
	/* More than any machine has: it is always short. */
	foreign_watermark_mb = U32_MAX;
	KUNIT_EXPECT_EQ(test, R2_NO_ROOM,
			foreign_test_put_kind(test, TMEM_EPHEMERAL, 2, 3000));
	KUNIT_EXPECT_EQ(test, R2_OK,
			foreign_test_put_kind(test, TMEM_PERSISTENT, 2, 3000));
	foreign_test_expect_held(test, 0, 2);
	KUNIT_EXPECT_EQ(test, R2_NO_ROOM,
			foreign_test_put_kind(test, TMEM_PERSISTENT, 3, 3000));
	foreign_test_expect_held(test, 0, 2);
	KUNIT_EXPECT_TRUE(test, foreign_test_has(test, TMEM_PERSISTENT, 1));
	foreign_watermark_mb = before;
	KUNIT_EXPECT_EQ(test, R2_OK,
			foreign_test_put_kind(test, TMEM_PERSISTENT, 3, 3000));
}

static struct r2tcp_room foreign_test_room(struct kunit *test)
{
	struct foreign_ctx *ctx = test->priv;
	struct r2tcp_room room;

	foreign_room(ctx->foreign, 1, &room);
	return room;
}

/*
 * What is said of the room is what is left of the capacity, and not more than
 * what this machine can do without.
 */
static void foreign_says_room(struct kunit *test)
{
	unsigned int before = foreign_watermark_mb;
	struct foreign_ctx *ctx = test->priv;
	unsigned int mb;
	u32 i;

	ctx->node.info.capacity_mb = 1;
	KUNIT_EXPECT_EQ(test, foreign_test_room(test).room, 256);
	KUNIT_EXPECT_EQ(test, foreign_test_room(test).capacity, 256);
	for (i = 0; i < 10; i++)
		foreign_test_put_kind(test, i & 1, i, 3000);
	KUNIT_EXPECT_EQ(test, foreign_test_room(test).room, 246);
	KUNIT_EXPECT_EQ(test, foreign_test_room(test).capacity, 256);
	ctx->node.info.capacity_mb = 0;
	KUNIT_EXPECT_EQ(test, foreign_test_room(test).room, 0);

	/* More is promised than the machine has, but for some 4 MiB. */
	ctx->node.info.capacity_mb = U32_MAX;
	mb = si_mem_available() >> (20 - PAGE_SHIFT);
	KUNIT_ASSERT_GT(test, mb, 16);
	/* A recall would end with an eighth more than this. */
	foreign_watermark_mb = (mb - 4) * 8 / 9;
	KUNIT_EXPECT_LT(test, foreign_test_room(test).room, 8 * 256);
	KUNIT_EXPECT_GT(test, foreign_test_room(test).room, 0);
	KUNIT_EXPECT_EQ(test, foreign_test_room(test).capacity, U32_MAX);
	foreign_watermark_mb = U32_MAX;
	KUNIT_EXPECT_EQ(test, foreign_test_room(test).room, 0);
	foreign_watermark_mb = before;
}

/*
 * When the kernel needs memory, ephemeral pages of others go, as many as it
 * asks for, and persistent ones do not.
 */
static void foreign_shrinks(struct kunit *test)
{
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = 10 };
	struct foreign_ctx *ctx = test->priv;
	struct shrinker *shrinker = foreign_shrinker(ctx->foreign);
	u32 i;

	KUNIT_EXPECT_EQ(test, SHRINK_EMPTY,
			shrinker->count_objects(shrinker, &sc));
	for (i = 0; i < 30; i++) {
		foreign_test_put_kind(test, TMEM_EPHEMERAL, i, 3000);
		foreign_test_put_kind(test, TMEM_PERSISTENT, i, 3000);
	}
	KUNIT_EXPECT_EQ(test, 30, shrinker->count_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, 10, shrinker->scan_objects(shrinker, &sc));
	foreign_test_expect_held(test, 20, 30);
	KUNIT_EXPECT_FALSE(test, foreign_test_has(test, TMEM_EPHEMERAL, 9));
	KUNIT_EXPECT_TRUE(test, foreign_test_has(test, TMEM_EPHEMERAL, 10));
	sc.nr_to_scan = 100;
	KUNIT_EXPECT_EQ(test, 20, shrinker->scan_objects(shrinker, &sc));
	KUNIT_EXPECT_EQ(test, SHRINK_STOP,
			shrinker->scan_objects(shrinker, &sc));
	foreign_test_expect_held(test, 0, 30);
}

/* What is refused costs nothing: no pool is made for it. */
static void foreign_refused_pools(struct kunit *test)
{
	const u16 kind = R2_ITEM_PERSISTENT;
	const u32 last = R2_MAX_POOLS - 1;

	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, R2_MAX_POOLS, kind, 8),
			R2_NO_ROOM);
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, U32_MAX, kind, 8),
			R2_NO_ROOM);
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, last, kind,
						  TMEM_MAX_BLOB + 1),
			R2_NO_ROOM);
	/* So it is still free to be of the other kind. */
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, last, 0, TMEM_MAX_BLOB),
			R2_OK);
}

/*
 * Regression: 3.4.3. Nothing of the reserves is used, and the receiving thread
 * keeps its right to them.
 */
static void foreign_keeps_memalloc(struct kunit *test)
{
	unsigned int flags = memalloc_noreclaim_save();

	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, 5, 0, 8), R2_OK);
	KUNIT_EXPECT_TRUE(test, current->flags & PF_MEMALLOC);
	KUNIT_EXPECT_FALSE(test, current->flags & PF_MEMALLOC_NOIO);
	memalloc_noreclaim_restore(flags);
	KUNIT_EXPECT_EQ(test, foreign_test_put_as(test, 6, 0, 8), R2_OK);
	KUNIT_EXPECT_FALSE(test, current->flags & PF_MEMALLOC);
}

/* A PUT that is cut short, or goes on after its last page, is an error. */
static void foreign_malformed(struct kunit *test)
{
	struct foreign_ctx *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 1, 1, 1), R2_OK);
	KUNIT_EXPECT_NE(test, 0, foreign_put(ctx->foreign, 1, ctx->batch.buf,
					     ctx->batch.len - 8, 1,
					     &ctx->reply));
	KUNIT_EXPECT_NE(test, 0, foreign_put(ctx->foreign, 1, ctx->batch.buf,
					     ctx->batch.len, 2, &ctx->reply));
	KUNIT_EXPECT_NE(test, 0, foreign_put(ctx->foreign, 1, ctx->batch.buf,
					     ctx->batch.len + 8, 1,
					     &ctx->reply));
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 1, 1), 1);
}

/*
 * A client that was started anew takes nothing from what it had, nor others.
 *
 * Regression: 3.1.8, 3.3.6.
 */
static void foreign_forgets_a_client(struct kunit *test)
{
	struct foreign_ctx *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 1, 1, 'a'), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 2, 1, 1, 'b'), R2_OK);
	foreign_forget(ctx->foreign, 1);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 1, 1), -1);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 2, 1, 1), 'b');
	KUNIT_EXPECT_EQ(test, foreign_test_put(test, 1, 1, 1, 'c'), R2_OK);
	KUNIT_EXPECT_EQ(test, foreign_test_get(test, 1, 1, 1), 'c');
}

static struct kunit_case foreign_cases[] = {
	KUNIT_CASE(foreign_put_get_flush),
	KUNIT_CASE(foreign_clients_apart),
	KUNIT_CASE(foreign_newest_wins),
	KUNIT_CASE(foreign_flush_whole_object),
	KUNIT_CASE(foreign_has_no_room),
	KUNIT_CASE(foreign_wrong_kind),
	KUNIT_CASE(foreign_destroys_pools),
	KUNIT_CASE(foreign_evicts),
	KUNIT_CASE(foreign_own_users_first),
	KUNIT_CASE(foreign_says_room),
	KUNIT_CASE(foreign_shrinks),
	KUNIT_CASE(foreign_refused_pools),
	KUNIT_CASE(foreign_keeps_memalloc),
	KUNIT_CASE(foreign_malformed),
	KUNIT_CASE(foreign_forgets_a_client),
	{}
};

static struct kunit_suite foreign_suite = {
	.name = "ramster-foreign",
	.init = foreign_test_init,
	.exit = foreign_test_exit,
	.test_cases = foreign_cases,
};

kunit_test_suite(foreign_suite);
