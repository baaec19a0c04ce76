// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer's mutator for r2wire_fuzz.c: it knows how frames are made, so that
 * what it makes of one is often still one, and gets as far as the checks of
 * the payload.  Bytes that were changed at random seldom pass the header.
 */
#include <string.h>
#include "../../ramster/r2wire.h"
#include "libfuzzer.h"

/* Large enough for a page of most bytes, or for some of fewer. */
enum { MAX_FRAME = 4600 };

static __u64 state;

static __u32 draw(__u32 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 16) % below;
}

static void fill(__u8 *to, unsigned int len)
{
	while (len--)
		*to++ = draw(256);
}

/* Seldom a large one: what is long takes long. */
static unsigned int a_length(unsigned int below)
{
	if (!draw(32))
		return R2_MAX_PAGE - 2 + draw(6);
	return draw(below);
}

static __u64 a_version(void)
{
	static const __u64 some[] = { 0, 1, 2, R2_MAX_VERSION,
				      R2_MAX_VERSION + 1, ~0ULL };

	return draw(4) ? 1 + draw(1000) : some[draw(6)];
}

static void make_page(struct r2_page *page)
{
	fill((__u8 *)page, sizeof(*page));
	page->pool = cpu_to_le32(draw(R2_MAX_POOLS + 1));
	page->version = cpu_to_le64(a_version());
}

static unsigned int make_hello(__u8 *to)
{
	struct r2_hello *hello = (struct r2_hello *)to;
	unsigned int name = draw(8) ? 1 + draw(8) :
				      draw(R2_CLUSTER_NAME_LEN + 1);

	memset(hello, 0, sizeof(*hello));
	hello->version = cpu_to_le32(draw(16) ? R2_PROTOCOL_VERSION : draw(4));
	hello->dead_time_ms = cpu_to_le32(draw(60000));
	hello->room = cpu_to_le32(draw(~0));
	hello->node = cpu_to_le16(draw(257));
	hello->peer = cpu_to_le16(draw(257));
	hello->instance = cpu_to_le64(draw(100));
	hello->idle_timeout_ms = cpu_to_le32(draw(30000));
	hello->keepalive_delay_ms = cpu_to_le32(draw(2000));
	memset(hello->cluster, 'a' + draw(26), name);
	return draw(16) ? sizeof(*hello) : draw(sizeof(*hello));
}

static unsigned int make_pong(__u8 *to)
{
	struct r2_pong *pong = (struct r2_pong *)to;

	pong->room = cpu_to_le32(draw(~0));
	pong->reserved = cpu_to_le32(draw(8) ? 0 : draw(~0));
	return sizeof(*pong);
}

/* Now and then more room than the capacity, by just one. */
static unsigned int make_room(__u8 *to)
{
	struct r2_room *room = (struct r2_room *)to;
	__u32 capacity = draw(~0);

	room->room = cpu_to_le32(draw(4) ? draw(capacity + 1) :
					   capacity + draw(2));
	room->capacity = cpu_to_le32(capacity);
	room->recall = cpu_to_le32(draw(~0));
	room->reserved = cpu_to_le32(draw(8) ? 0 : draw(~0));
	return sizeof(*room);
}

static unsigned int make_put(__u8 *to, unsigned int *items)
{
	struct r2_put_item *item;
	unsigned int i, len, at = 0;

	*items = 1 + draw(4);
	for (i = 0; i < *items; i++) {
		item = (struct r2_put_item *)(to + at);
		len = draw(4) || i ? draw(40) : a_length(160);
		make_page(&item->page);
		item->crc = cpu_to_le32(draw(~0));
		item->len = cpu_to_le16(len);
		item->flags = cpu_to_le16(draw(2));
		at += sizeof(*item);
		fill(to + at, len);
		memset(to + at + len, 0, -len & (R2_ALIGN - 1));
		at += (len + R2_ALIGN - 1) & -R2_ALIGN;
	}
	return at;
}

/* An object or a pool: its fields are zero, but for one now and then. */
static void make_whole(struct r2_flush_item *item)
{
	bool pool = draw(2);

	item->flags = cpu_to_le32(pool ? R2_ITEM_POOL : R2_ITEM_OBJECT);
	if (draw(8))
		item->page.index = 0;
	if (!pool)
		return;
	if (draw(8))
		memset(item->page.oid, 0, sizeof(item->page.oid));
	if (draw(8))
		item->page.version = cpu_to_le64(R2_MAX_VERSION);
}

static unsigned int make_flush(__u8 *to, unsigned int *items)
{
	struct r2_flush_item *item = (struct r2_flush_item *)to;
	unsigned int i;

	*items = 1 + draw(8);
	memset(item, 0, *items * sizeof(*item));
	for (i = 0; i < *items; i++, item++) {
		make_page(&item->page);
		if (draw(2))
			make_whole(item);
	}
	return *items * sizeof(*item);
}

static unsigned int make_statuses(__u8 *to, unsigned int *items)
{
	unsigned int i;

	*items = 1 + draw(R2_MAX_ITEMS);
	for (i = 0; i < *items; i++)
		to[i] = draw(64) ? draw(R2_NR_STATUS) : draw(256);
	return *items;
}

static unsigned int make_get_reply(__u8 *to)
{
	struct r2_get_reply *reply = (struct r2_get_reply *)to;
	unsigned int len = a_length(300);

	memset(reply, 0, sizeof(*reply));
	reply->status = cpu_to_le16(draw(4) ? R2_OK : draw(5));
	if (le16_to_cpu(reply->status) == R2_NOT_FOUND && draw(4))
		return sizeof(*reply);
	reply->version = cpu_to_le64(a_version());
	reply->crc = cpu_to_le32(draw(~0));
	reply->len = cpu_to_le16(len);
	fill(to + sizeof(*reply), len);
	return sizeof(*reply) + len;
}

static unsigned int make_payload(__u8 *to, enum r2_type type,
				 unsigned int *items)
{
	*items = 0;
	switch (type) {
	case R2_HELLO:
		return make_hello(to);
	case R2_PONG:
		return make_pong(to);
	case R2_ROOM:
		return make_room(to);
	case R2_PUT:
		return make_put(to, items);
	case R2_PUT_REPLY:
	case R2_FLUSH_REPLY:
		return make_statuses(to, items);
	case R2_GET:
		make_page((struct r2_page *)to);
		return sizeof(struct r2_page);
	case R2_GET_REPLY:
		return make_get_reply(to);
	case R2_FLUSH:
		return make_flush(to, items);
	default:
		return 0;
	}
}

/* What a header says of the length: the truth, anything, or about the limit. */
static unsigned int claimed_length(unsigned int len)
{
	switch (draw(32)) {
	case 0:
		return draw(70000);
	case 1:
		return R2_MAX_PAYLOAD - R2_ALIGN + draw(4) * R2_ALIGN;
	default:
		return len;
	}
}

/* A frame that keeps all rules, but for a field now and then. */
static unsigned int make_frame(__u8 *to)
{
	enum r2_type type = 1 + draw(R2_NR_TYPES - 1);
	struct r2_hdr *hdr = (struct r2_hdr *)to;
	unsigned int items, len;
	__u64 id;

	len = make_payload(to + sizeof(*hdr), type, &items);
	id = type == R2_HELLO ? 0 : 1 + draw(1000);
	if (!draw(16))
		items += draw(3) - 1;
	if (!draw(16))
		id = 0;
	/* the first type that there is not */
	if (!draw(256))
		type = R2_NR_TYPES;
	r2wire_encode_hdr(hdr, type, items, claimed_length(len), id);
	return sizeof(*hdr) + len;
}

/* After a change of the payload, the header is right again. */
static void mend_frame(__u8 *to, unsigned int len)
{
	static const __u8 item_size[R2_NR_TYPES] = {
		[R2_PUT_REPLY] = 1, [R2_FLUSH_REPLY] = 1, [R2_FLUSH] = 48,
	};
	struct r2_hdr hdr;
	unsigned int items;

	if (len < sizeof(hdr))
		return;
	memcpy(&hdr, to, sizeof(hdr));
	if (hdr.type < R2_HELLO || hdr.type >= R2_NR_TYPES)
		hdr.type = 1 + draw(R2_NR_TYPES - 1);
	len -= sizeof(hdr);
	items = item_size[hdr.type] ? len / item_size[hdr.type] :
				      le16_to_cpu(hdr.items);
	r2wire_encode_hdr(&hdr, hdr.type, items, len,
			  hdr.type == R2_HELLO ? 0 : 1 + draw(1000));
	memcpy(to, &hdr, sizeof(hdr));
}

/* In place of the input, or after it if it is frames already. */
static size_t add_frames(uint8_t *data, size_t size, size_t max)
{
	static __u8 frame[MAX_FRAME] __attribute__((aligned(8)));
	unsigned int len;

	if (!size || data[0] || draw(2))
		size = 0;
	if (!size && max)
		data[size++] = 0;
	do {
		len = make_frame(frame);
		if (size + len > max)
			break;
		memcpy(data + size, frame, len);
		size += len;
	} while (draw(4) == 0);
	return size;
}

/**
 * LLVMFuzzerCustomMutator() - libFuzzer asks for another input
 * @data: input to be changed in place
 * @size: bytes of it
 * @max: bytes that there may be
 * @seed: of random numbers
 *
 * Return: bytes of the new input.
 */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	if (!draw(8))
		return add_frames(data, size, max);
	size = LLVMFuzzerMutate(data, size, max);
	if (size && !data[0] && draw(4))
		mend_frame(data + 1, size - 1);
	return size;
}
