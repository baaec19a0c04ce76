// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of r2wire.c.
 *
 * Payloads are copied to memory that is exactly as large as they are, so that
 * KASAN sees any look beyond their end.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "r2wire.h"

/* Check a copy that ends where the payload ends; of an empty one, nothing. */
static int on_copy(struct kunit *test, const void *buf, unsigned int len,
		   unsigned int items,
		   int (*check)(const void *payload, unsigned int len,
				unsigned int items))
{
	void *copy = kmemdup(buf, max(len, 1U), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	err = check(len ? copy : NULL, len, items);
	kfree(copy);
	return err;
}

static const struct r2_page good_page = {
	.oid = { cpu_to_le64(1), cpu_to_le64(2), cpu_to_le64(3) },
	.index = cpu_to_le32(4),
	.pool = cpu_to_le32(5),
	.version = cpu_to_le64(6),
};

/*
 * header
 */

/* What is encoded is decoded to the same. */
static void r2wire_hdr_round_trip(struct kunit *test)
{
	struct r2_frame frame;
	struct r2_hdr hdr;

	memset(&hdr, 0xff, sizeof(hdr));
	r2wire_encode_hdr(&hdr, R2_PUT, 3, 3 * 48 + 16, 0x123456789abcdef0);
	KUNIT_ASSERT_EQ(test, r2wire_decode_hdr(&hdr, &frame), 0);
	KUNIT_EXPECT_EQ(test, frame.type, R2_PUT);
	KUNIT_EXPECT_EQ(test, frame.items, 3);
	KUNIT_EXPECT_EQ(test, frame.len, 160);
	KUNIT_EXPECT_EQ(test, frame.id, 0x123456789abcdef0);
}

/*
 * The bytes on the wire are those that r2wire.h promises, on any machine.
 *
 * Regression: 3.5.6.
 */
static void r2wire_hdr_bytes(struct kunit *test)
{
	static const u8 bytes[] = {
		0x31, 0x4d, 0x32, 0x52, 0x04, 0x00, 0x02, 0x00,
		0x60, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
	};
	struct r2_hdr hdr;

	r2wire_encode_hdr(&hdr, R2_PUT, 2, 96, 0x0102030405060708);
	KUNIT_EXPECT_MEMEQ(test, &hdr, bytes, sizeof(hdr));
}

struct hdr_case {
	const char *name;
	enum r2_type type;
	unsigned int items;
	unsigned int len;
	u64 id;
	bool ok;
};

static const struct hdr_case hdr_cases[] = {
	{ "type 0", 0, 0, 0, 1, false },
	{ "type above the last", R2_NR_TYPES, 0, 0, 1, false },
	{ "type 255", 255, 0, 0, 1, false },
	{ "hello", R2_HELLO, 0, 96, 0, true },
	{ "hello with id", R2_HELLO, 0, 96, 1, false },
	{ "hello with items", R2_HELLO, 1, 96, 0, false },
	{ "hello of a short version", R2_HELLO, 0, 4, 0, true },
	{ "hello without a version", R2_HELLO, 0, 3, 0, false },
	{ "hello of a long version", R2_HELLO, 0, R2_MAX_HELLO, 0, true },
	{ "hello longer than any", R2_HELLO, 0, R2_MAX_HELLO + 1, 0, false },
	{ "ping", R2_PING, 0, 0, 1, true },
	{ "ping without id", R2_PING, 0, 0, 0, false },
	{ "ping with payload", R2_PING, 0, 1, 1, false },
	{ "pong", R2_PONG, 0, 8, U64_MAX, true },
	{ "pong with items", R2_PONG, 1, 8, 1, false },
	{ "pong without payload", R2_PONG, 0, 0, 1, false },
	{ "pong long", R2_PONG, 0, 9, 1, false },
	{ "room", R2_ROOM, 0, 16, 1, true },
	{ "room without id", R2_ROOM, 0, 16, 0, false },
	{ "room with items", R2_ROOM, 1, 16, 1, false },
	{ "room short", R2_ROOM, 0, 15, 1, false },
	{ "room long", R2_ROOM, 0, 17, 1, false },
	{ "put of one empty page", R2_PUT, 1, 48, 1, true },
	{ "put without items", R2_PUT, 0, 48, 1, false },
	{ "put without anything", R2_PUT, 0, 0, 1, false },
	{ "put shorter than its items", R2_PUT, 2, 95, 1, false },
	{ "put not aligned", R2_PUT, 1, 52, 1, false },
	{ "put with most items", R2_PUT, 256, 256 * 48, 1, true },
	{ "put with more items", R2_PUT, 257, 257 * 48, 1, false },
	{ "longest put", R2_PUT, 1, R2_MAX_PAYLOAD, 1, true },
	{ "longer put", R2_PUT, 1, R2_MAX_PAYLOAD + 8, 1, false },
	{ "put of 4 GiB", R2_PUT, 1, 0xfffffff8, 1, false },
	{ "put without id", R2_PUT, 1, 48, 0, false },
	{ "put reply", R2_PUT_REPLY, 7, 7, 1, true },
	{ "put reply of none", R2_PUT_REPLY, 0, 0, 1, false },
	{ "put reply short", R2_PUT_REPLY, 7, 6, 1, false },
	{ "put reply long", R2_PUT_REPLY, 7, 8, 1, false },
	{ "put reply of too many", R2_PUT_REPLY, 257, 257, 1, false },
	{ "get", R2_GET, 0, 40, 1, true },
	{ "get with items", R2_GET, 1, 40, 1, false },
	{ "get short", R2_GET, 0, 39, 1, false },
	{ "get long", R2_GET, 0, 48, 1, false },
	{ "get reply of nothing", R2_GET_REPLY, 0, 16, 1, true },
	{ "get reply short", R2_GET_REPLY, 0, 15, 1, false },
	{ "get reply with items", R2_GET_REPLY, 1, 16, 1, false },
	{ "longest get reply", R2_GET_REPLY, 0, 16 + R2_MAX_PAGE, 1, true },
	{ "longer get reply", R2_GET_REPLY, 0, 17 + R2_MAX_PAGE, 1, false },
	{ "flush", R2_FLUSH, 256, 256 * 48, 1, true },
	{ "flush without items", R2_FLUSH, 0, 0, 1, false },
	{ "flush short", R2_FLUSH, 2, 48, 1, false },
	{ "flush long", R2_FLUSH, 2, 144, 1, false },
	{ "flush of too many", R2_FLUSH, 257, 257 * 48, 1, false },
	{ "flush reply", R2_FLUSH_REPLY, 256, 256, 1, true },
	{ "flush reply long", R2_FLUSH_REPLY, 1, 2, 1, false },
};

KUNIT_ARRAY_PARAM_DESC(hdr, hdr_cases, name);

/* Each type, with the lengths and counts at both sides of its limits. */
static void r2wire_hdr_limits(struct kunit *test)
{
	const struct hdr_case *c = test->param_value;
	struct r2_frame frame;
	struct r2_hdr hdr;

	r2wire_encode_hdr(&hdr, c->type, c->items, c->len, c->id);
	KUNIT_EXPECT_EQ(test, r2wire_decode_hdr(&hdr, &frame),
			c->ok ? 0 : -EBADMSG);
}

/* Bytes that mean nothing, and the magic, must be as they are described. */
static void r2wire_hdr_fixed_bytes(struct kunit *test)
{
	static const u8 fixed[] = { 0, 1, 2, 3, 5, 12, 13, 14, 15 };
	struct r2_frame frame;
	struct r2_hdr hdr;
	unsigned int i, bit;

	r2wire_encode_hdr(&hdr, R2_PING, 0, 0, 1);
	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		for (bit = 0; bit < 8; bit++) {
			((u8 *)&hdr)[fixed[i]] ^= 1 << bit;
			KUNIT_EXPECT_EQ(test, r2wire_decode_hdr(&hdr, &frame),
					-EBADMSG);
			((u8 *)&hdr)[fixed[i]] ^= 1 << bit;
		}
	}
	KUNIT_EXPECT_EQ(test, r2wire_decode_hdr(&hdr, &frame), 0);
}

/* No header whatever gives a length that does not fit the buffers. */
static void r2wire_hdr_random(struct kunit *test)
{
	struct rnd_state rnd;
	struct r2_frame frame;
	struct r2_hdr hdr;
	unsigned int i, good = 0;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 200000; i++) {
		r2wire_encode_hdr(&hdr, prandom_u32_state(&rnd) % 12,
				  prandom_u32_state(&rnd) % 300,
				  prandom_u32_state(&rnd) %
				  (i % 2 ? 100 : 2 * R2_MAX_PAYLOAD),
				  prandom_u32_state(&rnd) % 3);
		if (i % 4 == 0)
			((u8 *)&hdr)[prandom_u32_state(&rnd) % sizeof(hdr)] =
				prandom_u32_state(&rnd);
		if (r2wire_decode_hdr(&hdr, &frame))
			continue;
		good++;
		KUNIT_ASSERT_LE(test, frame.len, R2_MAX_PAYLOAD);
		KUNIT_ASSERT_LE(test, frame.items, R2_MAX_ITEMS);
		KUNIT_ASSERT_GE(test, (int)frame.type, R2_HELLO);
		KUNIT_ASSERT_LT(test, (int)frame.type, R2_NR_TYPES);
	}
	KUNIT_EXPECT_GT(test, good, 100);
}

/*
 * HELLO
 */

static void fill_hello(struct r2_hello *hello)
{
	memset(hello, 0, sizeof(*hello));
	hello->version = cpu_to_le32(R2_PROTOCOL_VERSION);
	hello->node = cpu_to_le16(254);
	hello->peer = cpu_to_le16(0);
	hello->instance = cpu_to_le64(1);
	hello->idle_timeout_ms = cpu_to_le32(30000);
	hello->keepalive_delay_ms = cpu_to_le32(2000);
	hello->dead_time_ms = cpu_to_le32(60000);
	memcpy(hello->cluster, "ramster", 7);
}

static int check_hello_copy(const void *payload, unsigned int len,
			    unsigned int items)
{
	return r2wire_check_hello(payload, len);
}

static int check_hello(struct kunit *test, const struct r2_hello *hello)
{
	return on_copy(test, hello, sizeof(*hello), 0, check_hello_copy);
}

static void r2wire_hello(struct kunit *test)
{
	struct r2_hello hello;

	fill_hello(&hello);
	KUNIT_EXPECT_EQ(test, check_hello(test, &hello), 0);
	memset(hello.cluster, 'x', R2_CLUSTER_NAME_LEN - 1);
	KUNIT_EXPECT_EQ(test, check_hello(test, &hello), 0);
}

/* A later version may mean anything by the rest, and be of any length. */
static void r2wire_hello_version(struct kunit *test)
{
	struct r2_hello hello;
	unsigned int len;

	memset(&hello, 0xff, sizeof(hello));
	hello.version = cpu_to_le32(R2_PROTOCOL_VERSION + 1);
	for (len = 4; len <= sizeof(hello); len++)
		KUNIT_EXPECT_EQ(test, on_copy(test, &hello, len, 0,
					      check_hello_copy),
				-EPROTONOSUPPORT);
	KUNIT_EXPECT_EQ(test, on_copy(test, &hello, 3, 0, check_hello_copy),
			-EBADMSG);
}

/* One of this version has the length of this version. */
static void r2wire_hello_length(struct kunit *test)
{
	u8 longer[sizeof(struct r2_hello) + 1] = {};
	struct r2_hello hello;
	unsigned int len;

	fill_hello(&hello);
	for (len = 4; len < sizeof(hello); len++)
		KUNIT_EXPECT_EQ(test, on_copy(test, &hello, len, 0,
					      check_hello_copy), -EBADMSG);
	memcpy(longer, &hello, sizeof(hello));
	KUNIT_EXPECT_EQ(test, on_copy(test, longer, sizeof(longer), 0,
				      check_hello_copy), -EBADMSG);
}

#define EXPECT_BAD_HELLO(_test, member, value)				\
do {									\
	struct kunit *__test = (_test);					\
	struct r2_hello __hello;					\
									\
	fill_hello(&__hello);						\
	__hello.member = (value);					\
	KUNIT_EXPECT_EQ_MSG(__test, check_hello(__test, &__hello),	\
			    -EBADMSG, #member);				\
} while (0)

/*
 * A node that has no number is nobody's client.
 *
 * Regression: 3.5.5.
 */
static void r2wire_hello_malformed(struct kunit *test)
{
	struct r2_hello hello;

	EXPECT_BAD_HELLO(test, node, cpu_to_le16(255));
	EXPECT_BAD_HELLO(test, node, cpu_to_le16(0xffff));
	EXPECT_BAD_HELLO(test, peer, cpu_to_le16(255));
	EXPECT_BAD_HELLO(test, instance, 0);
	EXPECT_BAD_HELLO(test, idle_timeout_ms, 0);
	EXPECT_BAD_HELLO(test, keepalive_delay_ms, 0);
	EXPECT_BAD_HELLO(test, dead_time_ms, 0);
	EXPECT_BAD_HELLO(test, cluster[0], 0);
	/* Something after the end of the name. */
	EXPECT_BAD_HELLO(test, cluster[8], 'x');
	EXPECT_BAD_HELLO(test, cluster[R2_CLUSTER_NAME_LEN - 1], 'x');

	/* A name without an end. */
	fill_hello(&hello);
	memset(hello.cluster, 'x', R2_CLUSTER_NAME_LEN);
	KUNIT_EXPECT_EQ(test, check_hello(test, &hello), -EBADMSG);
}

/* What a PONG does not say is zero. */
static void r2wire_pong(struct kunit *test)
{
	struct r2_pong pong = { .room = cpu_to_le32(U32_MAX) };

	KUNIT_EXPECT_EQ(test, r2wire_check_pong(&pong), 0);
	pong.reserved = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, r2wire_check_pong(&pong), -EBADMSG);
}

/* There is no more room than the capacity; what means nothing is zero. */
static void r2wire_room(struct kunit *test)
{
	struct r2_room room = {
		.room = cpu_to_le32(0x100),
		.capacity = cpu_to_le32(0x100),
		.recall = cpu_to_le32(U32_MAX),
	};

	KUNIT_EXPECT_EQ(test, r2wire_check_room(&room), 0);
	room.reserved = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, r2wire_check_room(&room), -EBADMSG);
	room.reserved = 0;
	/* More in the order of the wire, less in that of the host. */
	room.room = cpu_to_le32(0x200);
	room.capacity = cpu_to_le32(0x1ff);
	KUNIT_EXPECT_EQ(test, r2wire_check_room(&room), -EBADMSG);
	room.capacity = cpu_to_le32(U32_MAX);
	KUNIT_EXPECT_EQ(test, r2wire_check_room(&room), 0);
}

/*
 * page
 */

static void r2wire_page_version(struct kunit *test)
{
	struct r2_page page = good_page;

	KUNIT_EXPECT_EQ(test, r2wire_check_page(&page), 0);
	page.version = 0;
	KUNIT_EXPECT_EQ(test, r2wire_check_page(&page), -EBADMSG);
	page.version = cpu_to_le64(R2_MAX_VERSION);
	KUNIT_EXPECT_EQ(test, r2wire_check_page(&page), 0);
	page.version = cpu_to_le64(R2_MAX_VERSION + 1);
	KUNIT_EXPECT_EQ(test, r2wire_check_page(&page), -EBADMSG);
	page.version = cpu_to_le64(U64_MAX);
	KUNIT_EXPECT_EQ(test, r2wire_check_page(&page), -EBADMSG);
}

/*
 * PUT
 */

static unsigned int add_put(void *buf, unsigned int pos, unsigned int len,
			    u16 flags)
{
	struct r2_put_item *item = buf + pos;

	memset(item, 0, sizeof(*item));
	item->page = good_page;
	item->crc = cpu_to_le32(0xcafe0000 + len);
	item->len = cpu_to_le16(len);
	item->flags = cpu_to_le16(flags);
	memset(item + 1, 0, ALIGN(len, R2_ALIGN));
	memset(item + 1, 0x5a, len);
	return pos + sizeof(*item) + ALIGN(len, R2_ALIGN);
}

static int check_put(struct kunit *test, const void *buf, unsigned int len,
		     unsigned int items)
{
	return on_copy(test, buf, len, items, r2wire_check_put);
}

/* Pages of all awkward lengths come out as they went in. */
static void r2wire_put_round_trip(struct kunit *test)
{
	static const unsigned int lens[] = { 0, 1, 7, 8, 9, 4031, R2_MAX_PAGE };
	u8 *buf = kunit_kzalloc(test, R2_MAX_PAYLOAD, GFP_KERNEL);
	unsigned int i, len = 0, pos = 0;
	struct r2_put put;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		len = add_put(buf, len, lens[i], i % 2);
	KUNIT_ASSERT_EQ(test, check_put(test, buf, len, ARRAY_SIZE(lens)), 0);

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		KUNIT_ASSERT_EQ(test, r2wire_next_put(buf, len, &pos, &put), 0);
		KUNIT_EXPECT_EQ(test, put.len, lens[i]);
		KUNIT_EXPECT_EQ(test, put.crc, 0xcafe0000 + lens[i]);
		KUNIT_EXPECT_EQ(test, put.persistent, i % 2);
		KUNIT_EXPECT_MEMEQ(test, put.page, &good_page,
				   sizeof(good_page));
		KUNIT_EXPECT_NULL(test, memchr_inv(put.data, 0x5a, put.len));
	}
	KUNIT_EXPECT_EQ(test, pos, len);
	KUNIT_EXPECT_EQ(test, r2wire_next_put(buf, len, &pos, &put), -EBADMSG);
}

/* A payload that ends anywhere but after its last page is refused. */
static void r2wire_put_truncated(struct kunit *test)
{
	u8 *buf = kunit_kzalloc(test, 1024, GFP_KERNEL);
	unsigned int len, cut;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	len = add_put(buf, 0, 100, 0);
	len = add_put(buf, len, 33, 0);
	KUNIT_ASSERT_EQ(test, check_put(test, buf, len, 2), 0);
	for (cut = 0; cut < len; cut++)
		KUNIT_EXPECT_EQ(test, check_put(test, buf, cut, 2), -EBADMSG);
	KUNIT_EXPECT_EQ(test, check_put(test, buf, len, 1), -EBADMSG);
	KUNIT_EXPECT_EQ(test, check_put(test, buf, len, 3), -EBADMSG);
	KUNIT_EXPECT_EQ(test, check_put(test, buf, len + R2_ALIGN, 2),
			-EBADMSG);
}

/*
 * Each field of a page in a PUT that can be wrong.
 *
 * Regression: 3.2.8.
 */
static void r2wire_put_malformed(struct kunit *test)
{
	u8 *buf = kunit_kzalloc(test, 8192, GFP_KERNEL);
	struct r2_put_item *item = (void *)buf;
	unsigned int len, i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	len = add_put(buf, 0, R2_MAX_PAGE, 0);
	item->len = cpu_to_le16(R2_MAX_PAGE + 1);
	KUNIT_EXPECT_EQ(test, check_put(test, buf, 8192, 1), -EBADMSG);
	item->len = cpu_to_le16(0xffff);
	KUNIT_EXPECT_EQ(test, check_put(test, buf, len, 1), -EBADMSG);

	for (i = 1; i < 16; i++) {
		len = add_put(buf, 0, 16, 1 << i);
		KUNIT_EXPECT_EQ(test, check_put(test, buf, len, 1), -EBADMSG);
	}

	len = add_put(buf, 0, 16, 0);
	item->page.version = 0;
	KUNIT_EXPECT_EQ(test, check_put(test, buf, len, 1), -EBADMSG);

	/* Each byte of the padding. */
	for (i = 9; i < 16; i++) {
		len = add_put(buf, 0, 9, 0);
		buf[sizeof(*item) + i] = 1;
		KUNIT_EXPECT_EQ(test, check_put(test, buf, len, 1), -EBADMSG);
	}
}

/* A position that does not come from the function does no harm. */
static void r2wire_put_position(struct kunit *test)
{
	static const unsigned int bad[] = { 1, 47, 49, 64, 72, U32_MAX - 7,
					    U32_MAX };
	u8 buf[64] __aligned(R2_ALIGN);
	unsigned int i, pos;
	struct r2_put put;

	KUNIT_ASSERT_EQ(test, add_put(buf, 0, 16, 0), sizeof(buf));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		pos = bad[i];
		KUNIT_EXPECT_EQ(test, r2wire_next_put(buf, sizeof(buf), &pos,
						      &put), -EBADMSG);
		KUNIT_EXPECT_EQ(test, pos, bad[i]);
	}
}

/*
 * FLUSH
 */

static int check_flush(struct kunit *test, const void *buf, unsigned int len,
		       unsigned int items)
{
	return on_copy(test, buf, len, items, r2wire_check_flush);
}

static void fill_flush(struct r2_flush_item *item, unsigned int nr)
{
	for (; nr; nr--, item++) {
		memset(item, 0, sizeof(*item));
		item->page = good_page;
		if (nr % 2)
			continue;
		item->flags = cpu_to_le32(R2_ITEM_OBJECT);
		item->page.index = 0;
	}
}

static void r2wire_flush(struct kunit *test)
{
	struct r2_flush_item item[3];
	unsigned int cut;

	fill_flush(item, 3);
	KUNIT_EXPECT_EQ(test, check_flush(test, item, sizeof(item), 3), 0);
	for (cut = 0; cut < sizeof(item); cut++)
		KUNIT_EXPECT_EQ(test, check_flush(test, item, cut, 3),
				-EBADMSG);
	KUNIT_EXPECT_EQ(test, check_flush(test, item, sizeof(item), 2),
			-EBADMSG);
	/* A count that would make the length wrap around. */
	KUNIT_EXPECT_EQ(test, check_flush(test, item, 0, 0x80000000), -EBADMSG);
}

static void r2wire_flush_malformed(struct kunit *test)
{
	struct r2_flush_item item[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		fill_flush(item, 3);
		item[i].reserved = cpu_to_le32(1);
		KUNIT_EXPECT_EQ(test, check_flush(test, item, sizeof(item), 3),
				-EBADMSG);
		fill_flush(item, 3);
		item[i].page.version = 0;
		KUNIT_EXPECT_EQ(test, check_flush(test, item, sizeof(item), 3),
				-EBADMSG);
		/* With the flag of a PUT. */
		fill_flush(item, 3);
		item[i].flags = cpu_to_le32(R2_ITEM_PERSISTENT);
		KUNIT_EXPECT_EQ(test, check_flush(test, item, sizeof(item), 3),
				-EBADMSG);
		/* An object has no index. */
		fill_flush(item, 3);
		item[i].flags = cpu_to_le32(R2_ITEM_OBJECT);
		item[i].page.index = cpu_to_le32(1);
		KUNIT_EXPECT_EQ(test, check_flush(test, item, sizeof(item), 3),
				-EBADMSG);
	}
}

struct pool_case {
	const char *name;
	u64 oid;
	u32 index;
	u32 flags;
	u64 version;
	bool ok;
};

static const struct pool_case pool_cases[] = {
	{ "pool", 0, 0, R2_ITEM_POOL, R2_MAX_VERSION, true },
	{ "with an object", 1, 0, R2_ITEM_POOL, R2_MAX_VERSION, false },
	{ "with an index", 0, 1, R2_ITEM_POOL, R2_MAX_VERSION, false },
	{ "of a version", 0, 0, R2_ITEM_POOL, R2_MAX_VERSION - 1, false },
	{ "beyond all versions", 0, 0, R2_ITEM_POOL, R2_MAX_VERSION + 1,
	  false },
	{ "and object", 0, 0, R2_ITEM_POOL | R2_ITEM_OBJECT, R2_MAX_VERSION,
	  false },
	{ "unknown flag", 0, 0, R2_ITEM_POOL << 1, R2_MAX_VERSION, false },
};

/* A pool is destroyed by an item that says so, and nothing else. */
static void r2wire_flush_pool(struct kunit *test)
{
	const struct pool_case *c;
	struct r2_flush_item item;
	unsigned int word;

	for (c = pool_cases; c < pool_cases + ARRAY_SIZE(pool_cases); c++) {
		for (word = 0; word < ARRAY_SIZE(item.page.oid); word++) {
			memset(&item, 0, sizeof(item));
			item.page.pool = cpu_to_le32(3);
			item.page.oid[word] = cpu_to_le64(c->oid);
			item.page.index = cpu_to_le32(c->index);
			item.page.version = cpu_to_le64(c->version);
			item.flags = cpu_to_le32(c->flags);
			KUNIT_EXPECT_EQ_MSG(test, c->ok ? 0 : -EBADMSG,
					    check_flush(test, &item,
							sizeof(item), 1),
					    "%s", c->name);
		}
	}
}

/*
 * replies
 */

static void r2wire_statuses(struct kunit *test)
{
	u8 status[R2_NR_STATUS + 1];
	unsigned int i;

	for (i = 0; i < sizeof(status); i++)
		status[i] = i;
	KUNIT_EXPECT_EQ(test, r2wire_check_statuses(status, 5, 5), 0);
	KUNIT_EXPECT_EQ(test, r2wire_check_statuses(status, 4, 5), -EBADMSG);
	KUNIT_EXPECT_EQ(test, r2wire_check_statuses(status, 5, 4), -EBADMSG);
	KUNIT_EXPECT_EQ(test, r2wire_check_statuses(status, 6, 6), -EBADMSG);
	status[0] = 255;
	KUNIT_EXPECT_EQ(test, r2wire_check_statuses(status, 1, 1), -EBADMSG);
}

struct get_case {
	const char *name;
	u64 version;
	u32 crc;
	u16 len;
	u16 status;
	unsigned int bytes;
	bool ok;
};

static const struct get_case get_cases[] = {
	{ "page", 1, 2, 100, R2_OK, 116, true },
	{ "empty page", 1, 0, 0, R2_OK, 16, true },
	{ "largest page", R2_MAX_VERSION, 2, R2_MAX_PAGE, R2_OK,
	  16 + R2_MAX_PAGE, true },
	{ "larger page", 1, 2, R2_MAX_PAGE + 1, R2_OK, 17 + R2_MAX_PAGE,
	  false },
	{ "length beyond the payload", 1, 2, 101, R2_OK, 116, false },
	{ "length short of the payload", 1, 2, 99, R2_OK, 116, false },
	{ "largest length", 1, 2, 0xffff, R2_OK, 116, false },
	{ "version 0", 0, 2, 100, R2_OK, 116, false },
	{ "version too large", R2_MAX_VERSION + 1, 2, 100, R2_OK, 116, false },
	{ "nothing", 0, 0, 0, R2_NOT_FOUND, 16, true },
	{ "nothing, with a version", 1, 0, 0, R2_NOT_FOUND, 16, false },
	{ "nothing, with a checksum", 0, 1, 0, R2_NOT_FOUND, 16, false },
	{ "nothing, with data", 0, 0, 1, R2_NOT_FOUND, 17, false },
	{ "status of a PUT", 0, 0, 0, R2_STALE, 16, false },
	{ "unknown status", 0, 0, 0, R2_NR_STATUS, 16, false },
	{ "cut short", 1, 0, 0, R2_OK, 15, false },
	{ "no bytes at all", 1, 0, 0, R2_OK, 0, false },
};

KUNIT_ARRAY_PARAM_DESC(get, get_cases, name);

static int check_get_reply_copy(const void *payload, unsigned int len,
				unsigned int items)
{
	return r2wire_check_get_reply(payload, len);
}

/*
 * Pages that come back, with lengths at both sides of their limits.
 *
 * Regression: 3.2.8.
 */
static void r2wire_get_reply(struct kunit *test)
{
	const struct get_case *c = test->param_value;
	struct r2_get_reply *reply = kunit_kzalloc(test, 8192, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, reply);
	reply->version = cpu_to_le64(c->version);
	reply->crc = cpu_to_le32(c->crc);
	reply->len = cpu_to_le16(c->len);
	reply->status = cpu_to_le16(c->status);
	KUNIT_EXPECT_EQ(test, on_copy(test, reply, c->bytes, 0,
				      check_get_reply_copy),
			c->ok ? 0 : -EBADMSG);
}

/*
 * anything
 */

/* Whatever comes, no function looks beyond the end or goes on for ever. */
static void r2wire_random_payload(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int i, len, items, flip;
	u8 *buf;

	prandom_seed_state(&rnd, 2);
	for (i = 0; i < 20000; i++) {
		len = prandom_u32_state(&rnd) % (i % 8 ? 256 : 5000);
		items = prandom_u32_state(&rnd) % 6;
		buf = kmalloc(max(len, 1U), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, buf);
		prandom_bytes_state(&rnd, buf, len);
		/* Mostly right, so that the checks are got through. */
		if (len >= 160 && i % 2) {
			add_put(buf, add_put(buf, 0, i % 20, 0), 8, 1);
			flip = prandom_u32_state(&rnd) % 160;
			buf[flip] ^= prandom_u32_state(&rnd);
		}
		r2wire_check_put(buf, len, items);
		r2wire_check_flush(buf, len, items);
		r2wire_check_statuses(buf, len, items);
		r2wire_check_get_reply(buf, len);
		kfree(buf);
	}
	KUNIT_SUCCEED(test);
}

static struct kunit_case r2wire_cases[] = {
	KUNIT_CASE(r2wire_hdr_round_trip),
	KUNIT_CASE(r2wire_hdr_bytes),
	KUNIT_CASE_PARAM(r2wire_hdr_limits, hdr_gen_params),
	KUNIT_CASE(r2wire_hdr_fixed_bytes),
	KUNIT_CASE(r2wire_hdr_random),
	KUNIT_CASE(r2wire_hello),
	KUNIT_CASE(r2wire_hello_version),
	KUNIT_CASE(r2wire_hello_length),
	KUNIT_CASE(r2wire_hello_malformed),
	KUNIT_CASE(r2wire_pong),
	KUNIT_CASE(r2wire_room),
	KUNIT_CASE(r2wire_page_version),
	KUNIT_CASE(r2wire_put_round_trip),
	KUNIT_CASE(r2wire_put_truncated),
	KUNIT_CASE(r2wire_put_malformed),
	KUNIT_CASE(r2wire_put_position),
	KUNIT_CASE(r2wire_flush),
	KUNIT_CASE(r2wire_flush_malformed),
	KUNIT_CASE(r2wire_flush_pool),
	KUNIT_CASE(r2wire_statuses),
	KUNIT_CASE_PARAM(r2wire_get_reply, get_gen_params),
	KUNIT_CASE(r2wire_random_payload),
	{}
};

static struct kunit_suite r2wire_suite = {
	.name = "r2wire",
	.test_cases = r2wire_cases,
};

kunit_test_suite(r2wire_suite);
