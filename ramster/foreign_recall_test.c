// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of foreign.c: what is wanted back of whom when frames are missing.  How
 * the owners go about it is tested in recall_test.c.
 *
 * The clock does not run here; each test looks itself.  All pages are so long
 * that each takes a frame.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "foreign.h"
#include "ramster_int.h"

#define LONG_PAGE	3000

struct lender {
	struct ramster_node node;
	struct foreign *foreign;
	struct r2net_batch batch;
	struct r2tcp_reply reply;
	unsigned int watermark_mb;
};

static int lender_init(struct kunit *test)
{
	struct lender *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->watermark_mb = foreign_watermark_mb;
	foreign_watermark_mb = 1;
	l->node.info.capacity_mb = 16;
	l->foreign = foreign_create(&l->node);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, l->foreign);
	KUNIT_ASSERT_EQ(test, 0, r2net_batch_init(&l->batch, R2_PUT,
						  R2_MAX_PAYLOAD));
	l->reply.buf = kunit_kzalloc(test, R2_MAX_ITEMS, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, l->reply.buf);
	test->priv = l;
	return 0;
}

static void lender_exit(struct kunit *test)
{
	struct lender *l = test->priv;

	if (!l)
		return;
	foreign_watermark_mb = l->watermark_mb;
	r2net_batch_free(&l->batch);
	foreign_destroy(l->foreign);
}

static struct tmem_handle lent_page(enum tmem_kind kind, u32 index)
{
	return (struct tmem_handle) { .pool = 8 + kind, .index = index };
}

static void lend(struct kunit *test, unsigned int client, enum tmem_kind kind,
		 u32 nr)
{
	struct tmem_blob blob = { .len = LONG_PAGE, .version = 1 };
	struct lender *l = test->priv;
	struct tmem_handle handle;
	u32 i;

	for (i = 0; i < nr; i++) {
		handle = lent_page(kind, i);
		r2net_batch_reset(&l->batch);
		memset(r2net_put_room(&l->batch), i, blob.len);
		r2net_put_add(&l->batch, &handle, kind, &blob);
		KUNIT_ASSERT_EQ(test, 0, foreign_put(l->foreign, client,
						     l->batch.buf,
						     l->batch.len, 1,
						     &l->reply));
		KUNIT_ASSERT_EQ(test, *(u8 *)l->reply.buf, R2_OK);
	}
}

/* An owner takes so many pages away. */
static void take_back(struct kunit *test, unsigned int client, u32 first,
		      u32 nr)
{
	struct tmem_debt debt = { .version = 1 };
	struct lender *l = test->priv;
	u32 i;

	for (i = first; i < first + nr; i++) {
		debt.handle = lent_page(TMEM_PERSISTENT, i);
		r2net_batch_reset(&l->batch);
		r2net_flush_add(&l->batch, &debt);
		KUNIT_ASSERT_EQ(test, 0, foreign_flush(l->foreign, client,
						       l->batch.buf, 1,
						       &l->reply));
	}
}

static struct r2tcp_room room_of(struct kunit *test, unsigned int client)
{
	struct lender *l = test->priv;
	struct r2tcp_room room;

	foreign_room(l->foreign, client, &room);
	return room;
}

static u32 wanted(struct kunit *test, unsigned int client)
{
	struct lender *l = test->priv;

	foreign_look(l->foreign);
	return room_of(test, client).recall;
}

static void expect_held(struct kunit *test, u64 eph, u64 pers)
{
	struct lender *l = test->priv;
	struct tmem_stats stats;

	foreign_get_stats(l->foreign, &stats);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_EPHEMERAL].zpages, eph);
	KUNIT_EXPECT_EQ(test, stats.zbud[TMEM_PERSISTENT].zpages, pers);
}

static void expect_all_wanted(struct kunit *test, u64 frames)
{
	struct lender *l = test->priv;

	KUNIT_EXPECT_EQ(test, atomic64_read(&l->node.count.recalled_wanted),
			frames);
}

/* Of two owners each is asked for its part, and again as that falls. */
static void foreign_recall_shares(struct kunit *test)
{
	struct lender *l = test->priv;

	lend(test, 1, TMEM_PERSISTENT, 300);
	lend(test, 254, TMEM_PERSISTENT, 100);
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 0);
	l->node.info.capacity_mb = 1;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 108);
	KUNIT_EXPECT_EQ(test, wanted(test, 254), 36);
	KUNIT_EXPECT_EQ(test, wanted(test, 2), 0);
	KUNIT_EXPECT_EQ(test, room_of(test, 1).room, 0);
	KUNIT_EXPECT_EQ(test, room_of(test, 1).capacity, 256);
	expect_all_wanted(test, 144);

	take_back(test, 1, 0, 100);
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 30);
	KUNIT_EXPECT_EQ(test, wanted(test, 254), 15);
	take_back(test, 254, 0, 44);
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 0);
	KUNIT_EXPECT_EQ(test, wanted(test, 254), 0);
	expect_all_wanted(test, 0);
	expect_held(test, 0, 256);
}

/* What its owner can do without goes first, and then nothing may be wanted. */
static void foreign_recall_ephemeral_first(struct kunit *test)
{
	struct lender *l = test->priv;

	lend(test, 1, TMEM_PERSISTENT, 100);
	lend(test, 1, TMEM_EPHEMERAL, 200);
	lend(test, 2, TMEM_EPHEMERAL, 10);
	l->node.info.capacity_mb = 1;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 0);
	expect_held(test, 156, 100);
	expect_all_wanted(test, 0);
	l->node.info.capacity_mb = 0;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 100);
	KUNIT_EXPECT_EQ(test, wanted(test, 2), 0);
	expect_held(test, 0, 100);
}

/* However short this machine is: what must not be lost stays until it is taken. */
static void foreign_recall_drops_none(struct kunit *test)
{
	unsigned int i;

	lend(test, 1, TMEM_PERSISTENT, 100);
	lend(test, 2, TMEM_PERSISTENT, 50);
	foreign_watermark_mb = U32_MAX;
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, wanted(test, 1), 100);
		KUNIT_EXPECT_EQ(test, wanted(test, 2), 50);
		expect_held(test, 0, 150);
	}
	/* An owner that is gone for good is asked for nothing more. */
	foreign_forget(((struct lender *)test->priv)->foreign, 1);
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 0);
	KUNIT_EXPECT_EQ(test, wanted(test, 2), 50);
}

/*
 * It begins below the watermark, and ends above that by an eighth; what is
 * available in between begins nothing, and is not offered.
 */
static void foreign_recall_hysteresis(struct kunit *test)
{
	unsigned int mb = si_mem_available() >> (20 - PAGE_SHIFT);
	struct lender *l = test->priv;

	KUNIT_ASSERT_GT(test, mb, 64);
	lend(test, 1, TMEM_PERSISTENT, 50);
	foreign_watermark_mb = mb - 4;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 0);
	KUNIT_EXPECT_EQ(test, room_of(test, 1).room, 0);
	foreign_watermark_mb = mb + 4;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 50);
	foreign_watermark_mb = mb - 4;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 50);
	foreign_watermark_mb = mb / 2;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 0);
	KUNIT_EXPECT_GT(test, room_of(test, 1).room, 0);
	foreign_watermark_mb = mb - 4;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 0);
	/* What is wanted back for another reason has no such margin. */
	l->node.info.capacity_mb = 0;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 50);
	l->node.info.capacity_mb = 16;
	KUNIT_EXPECT_EQ(test, wanted(test, 1), 0);
}

static struct kunit_case foreign_recall_cases[] = {
	KUNIT_CASE(foreign_recall_shares),
	KUNIT_CASE(foreign_recall_ephemeral_first),
	KUNIT_CASE(foreign_recall_drops_none),
	KUNIT_CASE(foreign_recall_hysteresis),
	{}
};

static struct kunit_suite foreign_recall_suite = {
	.name = "ramster-foreign-recall",
	.init = lender_init,
	.exit = lender_exit,
	.test_cases = foreign_recall_cases,
};

kunit_test_suite(foreign_recall_suite);
