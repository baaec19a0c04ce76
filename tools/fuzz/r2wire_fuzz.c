// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the decoder of the protocol, r2wire.c, in user space.
 *
 * An input is either what a peer sends on a connection, frame after frame, or
 * a payload that one decoder is given without the checks that come before it:
 * none of them may rely on those.  Every header and payload lies in a heap
 * block of just its size, so that AddressSanitizer sees a byte read too many.
 *
 * What a decoder accepts must be what r2wire.h allows: the rules are stated
 * here once more, in other words, and what was decoded is encoded again and
 * compared with what came.
 *
 * Regression: 3.5.7.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../ramster/r2wire.h"
#include "libfuzzer.h"

/* What the first byte of an input says about the rest. */
enum mode {
	STREAM,		/* frames */
	HELLO,		/* payloads; first their number of items, two bytes */
	PAGE,
	PUT,
	FLUSH,
	STATUSES,
	GET_REPLY,
	PONG,
	ROOM,
	NR_MODES,
};

#define EXPECT(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: not so: %s\n",		\
				__FILE__, __LINE__, #condition);	\
			abort();					\
		}							\
	} while (0)

static int all_zero(const void *bytes, size_t len)
{
	const __u8 *byte = bytes;
	size_t i;

	for (i = 0; i < len; i++)
		if (byte[i])
			return 0;
	return 1;
}

/* A copy after whose last byte there is nothing. */
static void *exact(const void *bytes, size_t len)
{
	void *copy = malloc(len);

	EXPECT(copy || !len);
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

/*
 * the rules, once more
 */

static int version_allowed(__le64 version)
{
	return le64_to_cpu(version) - 1 < (1ULL << 45) - 1;
}

static int hello_allowed(const struct r2_hello *hello)
{
	size_t name = strnlen((const char *)hello->cluster,
			      R2_CLUSTER_NAME_LEN);

	return le16_to_cpu(hello->node) <= 254 &&
	       le16_to_cpu(hello->peer) <= 254 && hello->instance &&
	       hello->idle_timeout_ms && hello->keepalive_delay_ms &&
	       hello->dead_time_ms &&
	       name >= 1 && name <= R2_CLUSTER_NAME_LEN - 1 &&
	       all_zero(hello->cluster + name, R2_CLUSTER_NAME_LEN - name);
}

static int flush_item_allowed(const struct r2_flush_item *item)
{
	static const struct r2_page no_page;
	struct r2_page page = item->page;

	if (!version_allowed(page.version) || item->reserved)
		return 0;
	switch (le32_to_cpu(item->flags)) {
	case 0:
		return 1;
	case R2_ITEM_OBJECT:
		return !page.index;
	case R2_ITEM_POOL:
		if (le64_to_cpu(page.version) != (1ULL << 45) - 1)
			return 0;
		page.pool = 0;
		page.version = 0;
		return !memcmp(&page, &no_page, sizeof(page));
	default:
		return 0;
	}
}

static int get_reply_allowed(const struct r2_get_reply *reply, size_t len)
{
	size_t bytes = len - sizeof(*reply);

	if (bytes > 4032 || le16_to_cpu(reply->len) != bytes)
		return 0;
	if (le16_to_cpu(reply->status) == R2_OK)
		return version_allowed(reply->version);
	return le16_to_cpu(reply->status) == R2_NOT_FOUND && !bytes &&
	       !reply->version && !reply->crc;
}

/*
 * payloads
 */

static void try_hello(const void *payload, size_t len)
{
	const struct r2_hello *hello = payload;
	int err = r2wire_check_hello(hello, len);

	if (len < 4)
		EXPECT(err == -EBADMSG);
	else if (le32_to_cpu(hello->version) != R2_PROTOCOL_VERSION)
		EXPECT(err == -EPROTONOSUPPORT);
	else
		EXPECT(err == (len == sizeof(*hello) && hello_allowed(hello) ?
			       0 : -EBADMSG));
}

static void try_pong(const void *payload, size_t len)
{
	const struct r2_pong *pong = payload;

	if (len == sizeof(*pong))
		EXPECT(!pong->reserved == !r2wire_check_pong(pong));
}

static void try_room(const void *payload, size_t len)
{
	const struct r2_room *room = payload;
	int allowed;

	if (len != sizeof(*room))
		return;
	allowed = !room->reserved &&
		  le32_to_cpu(room->capacity) >= le32_to_cpu(room->room);
	EXPECT(allowed == !r2wire_check_room(room));
}

static void try_page(const void *payload, size_t len)
{
	const struct r2_page *page = payload;

	if (len == sizeof(*page))
		EXPECT(version_allowed(page->version) ==
		       !r2wire_check_page(page));
}

/* Encodes the page as its owner would; returns where the next one goes. */
static __u8 *put_again(__u8 *to, const struct r2_put *put)
{
	struct r2_put_item *item = (struct r2_put_item *)to;
	size_t padded = (put->len + 7) & ~(size_t)7;

	memset(item, 0, sizeof(*item) + padded);
	item->page = *put->page;
	item->crc = cpu_to_le32(put->crc);
	item->len = cpu_to_le16(put->len);
	item->flags = cpu_to_le16(put->persistent ? R2_ITEM_PERSISTENT : 0);
	memcpy(item + 1, put->data, put->len);
	return to + sizeof(*item) + padded;
}

static void put_inside(const struct r2_put *put, const __u8 *payload,
		       unsigned int from, unsigned int to)
{
	const __u8 *data = put->data;

	EXPECT(to % R2_ALIGN == 0 && to > from);
	EXPECT((const __u8 *)put->page == payload + from);
	EXPECT(data == payload + from + sizeof(struct r2_put_item));
	EXPECT(put->len <= 4032);
	EXPECT(data + put->len <= payload + to && to - from < 4096);
	EXPECT(version_allowed(put->page->version));
}

/* The decoder walks on its own; returns how many pages it found. */
static unsigned int try_next_put(const void *payload, size_t len,
				 unsigned int items, unsigned int *pos)
{
	__u8 *again = malloc(len + R2_MAX_PAGE + sizeof(struct r2_put_item));
	__u8 *end = again;
	unsigned int n, from;
	struct r2_put put;

	EXPECT(again);
	*pos = 0;
	for (n = 0; n < items; n++) {
		from = *pos;
		if (r2wire_next_put(payload, len, pos, &put)) {
			EXPECT(*pos == from);
			break;
		}
		EXPECT(*pos <= len);
		put_inside(&put, payload, from, *pos);
		end = put_again(end, &put);
	}
	EXPECT(end - again == *pos && !memcmp(again, payload, *pos));
	free(again);
	return n;
}

static void try_put(const void *payload, size_t len, unsigned int items)
{
	unsigned int n, pos, anywhere;
	struct r2_put put;

	n = try_next_put(payload, len, items, &pos);
	EXPECT((n == items && pos == len) ==
	       !r2wire_check_put(payload, len, items));
	/* A position that does not come from the decoder */
	anywhere = items;
	if (!r2wire_next_put(payload, len, &anywhere, &put))
		put_inside(&put, payload, items, anywhere);
}

static void try_flush(const void *payload, size_t len, unsigned int items)
{
	const struct r2_flush_item *item = payload;
	int allowed = items <= 256 && len == items * sizeof(*item);
	unsigned int i;

	for (i = 0; allowed && i < items; i++)
		allowed = flush_item_allowed(&item[i]);
	EXPECT(allowed == !r2wire_check_flush(payload, len, items));
}

static void try_statuses(const void *payload, size_t len, unsigned int items)
{
	const __u8 *status = payload;
	int allowed = len == items;
	unsigned int i;

	for (i = 0; allowed && i < items; i++)
		allowed = status[i] <= R2_WRONG_KIND;
	EXPECT(allowed == !r2wire_check_statuses(payload, len, items));
}

static void try_get_reply(const void *payload, size_t len)
{
	int allowed = len >= sizeof(struct r2_get_reply) &&
		      get_reply_allowed(payload, len);

	EXPECT(allowed == !r2wire_check_get_reply(payload, len));
}

static void try_payload(enum mode mode, const void *bytes, size_t len,
			unsigned int items)
{
	void *payload = exact(bytes, len);

	switch (mode) {
	case HELLO:
		try_hello(payload, len);
		break;
	case PAGE:
		try_page(payload, len);
		break;
	case PUT:
		try_put(payload, len, items);
		break;
	case FLUSH:
		try_flush(payload, len, items);
		break;
	case STATUSES:
		try_statuses(payload, len, items);
		break;
	case GET_REPLY:
		try_get_reply(payload, len);
		break;
	case PONG:
		try_pong(payload, len);
		break;
	case ROOM:
		try_room(payload, len);
		break;
	default:
		break;
	}
	free(payload);
}

/*
 * frames
 */

/* How each type of frame is decoded, and the lengths that it can have. */
struct type {
	enum mode mode;
	unsigned int min_items;
	unsigned int min;
	unsigned int max;
	unsigned int per_item;
};

static const struct type types[R2_NR_TYPES] = {
	[R2_HELLO]	 = { HELLO, 0, 4, 1024, 0 },
	[R2_PING]	 = { STREAM, 0, 0, 0, 0 },
	[R2_PONG]	 = { PONG, 0, 8, 8, 0 },
	[R2_PUT]	 = { PUT, 1, 48, 65536, 48 },
	[R2_PUT_REPLY]	 = { STATUSES, 1, 1, 256, 1 },
	[R2_GET]	 = { PAGE, 0, 40, 40, 0 },
	[R2_GET_REPLY]	 = { GET_REPLY, 0, 16, 16 + 4032, 0 },
	[R2_FLUSH]	 = { FLUSH, 1, 48, 256 * 48, 48 },
	[R2_FLUSH_REPLY] = { STATUSES, 1, 1, 256, 1 },
	[R2_ROOM]	 = { ROOM, 0, 16, 16, 0 },
};

static int length_allowed(const struct type *type, const struct r2_frame *frame)
{
	if (frame->len < type->min || frame->len > type->max)
		return 0;
	if (type->mode == PUT)
		return frame->len % 8 == 0 &&
		       frame->len >= frame->items * type->per_item;
	return !type->per_item || frame->len == frame->items * type->per_item;
}

static int hdr_allowed(const struct r2_hdr *hdr)
{
	struct r2_frame frame = {
		.items = le16_to_cpu(hdr->items),
		.len = le32_to_cpu(hdr->len),
	};
	const struct type *type;

	if (memcmp(&hdr->magic, "1M2R", 4) || hdr->reserved || hdr->reserved2)
		return 0;
	if (hdr->type == 0 || hdr->type >= R2_NR_TYPES)
		return 0;
	type = &types[hdr->type];
	EXPECT(type->min || type->mode == STREAM);	/* none is forgotten */
	return !hdr->id == (hdr->type == R2_HELLO) &&
	       frame.items >= type->min_items &&
	       frame.items <= (type->min_items ? 256 : 0) &&
	       length_allowed(type, &frame);
}

/* Returns whether the frame that follows can be told from what follows it. */
static int try_hdr(const void *bytes, struct r2_frame *frame)
{
	struct r2_hdr *hdr = exact(bytes, sizeof(*hdr));
	struct r2_hdr again;
	int err = r2wire_decode_hdr(hdr, frame);

	EXPECT(err == (hdr_allowed(hdr) ? 0 : -EBADMSG));
	if (!err) {
		EXPECT(frame->len <= R2_MAX_PAYLOAD);
		memset(&again, 0xff, sizeof(again));
		r2wire_encode_hdr(&again, frame->type, frame->items, frame->len,
				  frame->id);
		EXPECT(!memcmp(&again, hdr, sizeof(again)));
	}
	free(hdr);
	return !err;
}

static void try_stream(const __u8 *bytes, size_t len)
{
	struct r2_frame frame;

	while (len >= sizeof(struct r2_hdr) && try_hdr(bytes, &frame)) {
		bytes += sizeof(struct r2_hdr);
		len -= sizeof(struct r2_hdr);
		if (frame.len > len)
			break;
		try_payload(types[frame.type].mode, bytes, frame.len,
			    frame.items);
		bytes += frame.len;
		len -= frame.len;
	}
}

/**
 * LLVMFuzzerTestOneInput() - libFuzzer has an input
 * @data: the input
 * @size: bytes of it
 *
 * Return: 0.  A finding does not return.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum mode mode;

	if (size < 3)
		return 0;
	mode = data[0] % NR_MODES;
	if (mode == STREAM)
		try_stream(data + 1, size - 1);
	else
		try_payload(mode, data + 3, size - 3, data[1] | data[2] << 8);
	return 0;
}
