// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of r2net.c: what one side encodes the other decodes, and what came back
 * damaged, from another page or in another version is noticed.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "r2net.h"

static const struct tmem_handle r2net_handle = {
	.client = TMEM_CLIENT_LOCAL,
	.pool = 7,
	.oid.word = { 0x1111222233334444, 2, U64_MAX },
	.index = 0xfffffffe,
};

/* A name survives the journey, but for the client, which is who sent it. */
static void r2net_page_round_trip(struct kunit *test)
{
	struct tmem_handle handle;
	struct r2_page page;
	u64 version;

	memset(&page, 0xff, sizeof(page));
	r2net_encode_page(&page, &r2net_handle, TMEM_VERSION_MAX);
	r2net_decode_page(&page, 12, &handle, &version);
	KUNIT_EXPECT_EQ(test, handle.client, 12);
	KUNIT_EXPECT_EQ(test, handle.pool, r2net_handle.pool);
	KUNIT_EXPECT_EQ(test, handle.index, r2net_handle.index);
	KUNIT_EXPECT_MEMEQ(test, &handle.oid, &r2net_handle.oid,
			   sizeof(handle.oid));
	KUNIT_EXPECT_EQ(test, version, TMEM_VERSION_MAX);
}

/*
 * Name, version and each bit of the bytes count for the checksum.
 *
 * Regression: 3.5.8.
 */
static void r2net_checksum_covers(struct kunit *test)
{
	struct tmem_handle other = r2net_handle;
	struct r2_page page, wrong;
	u8 data[64] = { 1, 2, 3 };
	unsigned int i;
	u32 crc;

	r2net_encode_page(&page, &r2net_handle, 5);
	crc = r2net_checksum(&page, data, sizeof(data));
	KUNIT_EXPECT_EQ(test, crc, r2net_checksum(&page, data, sizeof(data)));

	r2net_encode_page(&wrong, &r2net_handle, 6);
	KUNIT_EXPECT_NE(test, crc, r2net_checksum(&wrong, data, sizeof(data)));
	other.index--;
	r2net_encode_page(&wrong, &other, 5);
	KUNIT_EXPECT_NE(test, crc, r2net_checksum(&wrong, data, sizeof(data)));
	KUNIT_EXPECT_NE(test, crc, r2net_checksum(&page, data, 63));

	for (i = 0; i < 8 * sizeof(data); i++) {
		data[i / 8] ^= BIT(i % 8);
		KUNIT_EXPECT_NE(test, crc,
				r2net_checksum(&page, data, sizeof(data)));
		data[i / 8] ^= BIT(i % 8);
	}
}

static void r2net_fill(u8 *data, unsigned int nr, unsigned int len)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, nr);
	prandom_bytes_state(&rnd, data, len);
}

static void r2net_add_page(struct kunit *test, struct r2net_batch *batch,
			   unsigned int nr, unsigned int len)
{
	struct tmem_handle handle = r2net_handle;
	struct tmem_blob blob = { .len = len, .version = nr + 1 };
	void *room = r2net_put_room(batch);

	KUNIT_ASSERT_NOT_NULL(test, room);
	handle.index = nr;
	r2net_fill(room, nr, len);
	r2net_put_add(batch, &handle, TMEM_PERSISTENT, &blob);
}

static void r2net_expect_page(struct kunit *test, const struct r2_put *put,
			      unsigned int nr, unsigned int len)
{
	u8 *data = kunit_kmalloc(test, R2_MAX_PAGE, GFP_KERNEL);
	struct tmem_handle handle;
	u64 version;

	KUNIT_ASSERT_NOT_NULL(test, data);
	r2net_decode_page(put->page, 1, &handle, &version);
	KUNIT_EXPECT_EQ(test, handle.index, nr);
	KUNIT_EXPECT_EQ(test, version, nr + 1);
	KUNIT_EXPECT_TRUE(test, put->persistent);
	KUNIT_ASSERT_EQ(test, put->len, len);
	r2net_fill(data, nr, len);
	KUNIT_EXPECT_MEMEQ(test, put->data, data, len);
	KUNIT_EXPECT_EQ(test, put->crc,
			r2net_checksum(put->page, put->data, put->len));
	kunit_kfree(test, data);
}

/*
 * A batch that is as full as it gets is decoded to the same pages.
 *
 * Regression: 3.5.6.
 */
static void r2net_put_round_trip(struct kunit *test)
{
	static const unsigned int lens[] = { 0, 1, 7, 8, 9, 2000, 3584, 3968,
					     R2_MAX_PAGE };
	struct r2net_batch *batch = kunit_kzalloc(test, sizeof(*batch),
						  GFP_KERNEL);
	unsigned int nr = 0, pos = 0, i;
	struct r2_put put;

	KUNIT_ASSERT_NOT_NULL(test, batch);
	KUNIT_ASSERT_EQ(test, 0, r2net_batch_init(batch, R2_PUT,
						  R2_MAX_PAYLOAD));
	while (r2net_put_room(batch)) {
		r2net_add_page(test, batch, nr, lens[nr % ARRAY_SIZE(lens)]);
		nr++;
	}
	KUNIT_EXPECT_GT(test, nr, 16);
	KUNIT_EXPECT_EQ(test, batch->items, nr);
	KUNIT_EXPECT_LE(test, batch->len, R2_MAX_PAYLOAD);

	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_EQ(test, 0, r2wire_next_put(batch->buf, batch->len,
							 &pos, &put));
		r2net_expect_page(test, &put, i, lens[i % ARRAY_SIZE(lens)]);
	}
	KUNIT_EXPECT_EQ(test, pos, batch->len);
	r2net_batch_free(batch);
}

/* What is to be forgotten, page, object or pool, passes the decoder's checks. */
static void r2net_flush_round_trip(struct kunit *test)
{
	struct r2net_batch *batch = kunit_kzalloc(test, sizeof(*batch),
						  GFP_KERNEL);
	struct tmem_debt debt = { .handle = r2net_handle, .version = 3 };
	const struct r2_flush_item *item;

	KUNIT_ASSERT_NOT_NULL(test, batch);
	KUNIT_ASSERT_EQ(test, 0, r2net_batch_init(batch, R2_FLUSH, 1024));
	r2net_flush_add(batch, &debt);
	debt.whole_object = true;
	r2net_flush_add(batch, &debt);
	r2net_flush_add_pool(batch, 5);
	KUNIT_EXPECT_EQ(test, 0, r2wire_check_flush(batch->buf, batch->len,
						    batch->items));
	item = batch->buf;
	KUNIT_EXPECT_EQ(test, le32_to_cpu(item[2].flags), R2_ITEM_POOL);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(item[2].page.pool), 5);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(item[0].flags), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(item[1].flags), R2_ITEM_OBJECT);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(item[1].page.version), 3);
	r2net_batch_free(batch);
}

static struct r2_get_reply *r2net_make_reply(struct kunit *test,
					     const struct r2_page *page,
					     unsigned int len)
{
	struct r2_get_reply *reply = kunit_kzalloc(test, sizeof(*reply) + len,
						   GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, reply);
	r2net_fill((u8 *)(reply + 1), 1, len);
	reply->version = page->version;
	reply->len = cpu_to_le16(len);
	reply->crc = cpu_to_le32(r2net_checksum(page, reply + 1, len));
	return reply;
}

/*
 * Only just that page in just that version is taken for it.
 *
 * Regression: 3.1.10.
 */
static void r2net_reply_checked(struct kunit *test)
{
	const unsigned int len = 100, all = sizeof(struct r2_get_reply) + len;
	struct r2_get_reply *reply;
	struct r2_page page, other;
	const void *data;
	unsigned int got;

	r2net_encode_page(&page, &r2net_handle, 5);
	r2net_encode_page(&other, &r2net_handle, 6);
	reply = r2net_make_reply(test, &page, len);
	KUNIT_EXPECT_EQ(test, 0, r2net_check_reply(&page, reply, all, &data,
						   &got));
	KUNIT_EXPECT_EQ(test, got, len);
	KUNIT_EXPECT_PTR_EQ(test, data, (const void *)(reply + 1));

	/* another version, and one that only says that it is this one */
	KUNIT_EXPECT_EQ(test, -EBADMSG, r2net_check_reply(&other, reply, all,
							  &data, &got));
	reply->version = other.version;
	KUNIT_EXPECT_EQ(test, -EBADMSG, r2net_check_reply(&other, reply, all,
							  &data, &got));
	reply->version = page.version;

	/* a flipped bit; a byte too few; nothing */
	((u8 *)(reply + 1))[50] ^= 4;
	KUNIT_EXPECT_EQ(test, -EBADMSG, r2net_check_reply(&page, reply, all,
							  &data, &got));
	((u8 *)(reply + 1))[50] ^= 4;
	KUNIT_EXPECT_EQ(test, -EBADMSG, r2net_check_reply(&page, reply, all - 1,
							  &data, &got));
	KUNIT_EXPECT_EQ(test, -EBADMSG, r2net_check_reply(&page, reply, 0,
							  &data, &got));
}

/* "I do not have it" is not damage. */
static void r2net_reply_missing(struct kunit *test)
{
	struct r2_get_reply reply = { .status = cpu_to_le16(R2_NOT_FOUND) };
	struct r2_page page;
	const void *data;
	unsigned int len;

	r2net_encode_page(&page, &r2net_handle, 5);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			r2net_check_reply(&page, &reply, sizeof(reply), &data,
					  &len));
}

static struct kunit_case r2net_cases[] = {
	KUNIT_CASE(r2net_page_round_trip),
	KUNIT_CASE(r2net_checksum_covers),
	KUNIT_CASE(r2net_put_round_trip),
	KUNIT_CASE(r2net_flush_round_trip),
	KUNIT_CASE(r2net_reply_checked),
	KUNIT_CASE(r2net_reply_missing),
	{}
};

static struct kunit_suite r2net_suite = {
	.name = "ramster-r2net",
	.test_cases = r2net_cases,
};

kunit_test_suite(r2net_suite);
