// SPDX-License-Identifier: GPL-2.0
/*
 * Encoder and decoder of the protocol in r2wire.h.
 *
 * Whatever is decoded here was chosen by somebody else.  So each function is
 * told how many bytes it may look at, looks at no other, and accepts nothing
 * that r2wire.h does not describe: a byte that means nothing today must be
 * zero, or it can never be given a meaning.
 *
 * Payloads have to be aligned to R2_ALIGN in memory; their inner structures
 * then are, too.  Nothing here sleeps, locks, allocates or logs.
 */
#ifdef R2WIRE_USER
#include "r2wire_user.h"
#else
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#endif
#include "r2wire.h"

/**
 * struct r2wire_shape - what the header of one type of frame may say
 * @min_items: fewest items
 * @max_items: most items
 * @fixed: bytes of payload that are there in any case
 * @per_item: bytes of payload that each item has in any case
 * @slack: bytes by which the payload may be longer than these two
 * @align: the length is a multiple of this
 */
struct r2wire_shape {
	unsigned int min_items;
	unsigned int max_items;
	unsigned int fixed;
	unsigned int per_item;
	unsigned int slack;
	unsigned int align;
};

static const struct r2wire_shape r2wire_shapes[R2_NR_TYPES] = {
	[R2_HELLO]	 = { 0, 0, sizeof(__le32), 0,
			     R2_MAX_HELLO - sizeof(__le32), 1 },
	[R2_PING]	 = { 0, 0, 0, 0, 0, 1 },
	[R2_PONG]	 = { 0, 0, sizeof(struct r2_pong), 0, 0, 1 },
	[R2_PUT]	 = { 1, R2_MAX_ITEMS, 0, sizeof(struct r2_put_item),
			     R2_MAX_PAYLOAD, R2_ALIGN },
	[R2_PUT_REPLY]	 = { 1, R2_MAX_ITEMS, 0, 1, 0, 1 },
	[R2_GET]	 = { 0, 0, sizeof(struct r2_page), 0, 0, 1 },
	[R2_GET_REPLY]	 = { 0, 0, sizeof(struct r2_get_reply), 0,
			     R2_MAX_PAGE, 1 },
	[R2_FLUSH]	 = { 1, R2_MAX_ITEMS, 0, sizeof(struct r2_flush_item),
			     0, 1 },
	[R2_FLUSH_REPLY] = { 1, R2_MAX_ITEMS, 0, 1, 0, 1 },
	[R2_ROOM]	 = { 0, 0, sizeof(struct r2_room), 0, 0, 1 },
};

static bool r2wire_shape_fits(const struct r2wire_shape *shape,
			      unsigned int items, unsigned int len)
{
	unsigned int least = shape->fixed + items * shape->per_item;

	return items >= shape->min_items && items <= shape->max_items &&
	       len >= least && len - least <= shape->slack &&
	       len <= R2_MAX_PAYLOAD && len % shape->align == 0;
}

static bool r2wire_is_zero(const __u8 *bytes, unsigned int len)
{
	while (len--)
		if (*bytes++)
			return false;
	return true;
}

/**
 * r2wire_decode_hdr() - check a header and bring it into host order
 * @hdr: header as received
 * @frame: what it says; only valid after success
 *
 * Return: 0, or -EBADMSG if anything at all is wrong with the header.  After
 * success, @frame->len is a length that this type, with this number of items,
 * can have, and at most R2_MAX_PAYLOAD.
 */
int r2wire_decode_hdr(const struct r2_hdr *hdr, struct r2_frame *frame)
{
	unsigned int type = hdr->type;
	bool hello = type == R2_HELLO;

	if (hdr->magic != cpu_to_le32(R2_MAGIC) || hdr->reserved ||
	    hdr->reserved2)
		return -EBADMSG;
	if (type < R2_HELLO || type >= R2_NR_TYPES)
		return -EBADMSG;

	frame->type = type;
	frame->items = le16_to_cpu(hdr->items);
	frame->len = le32_to_cpu(hdr->len);
	frame->id = le64_to_cpu(hdr->id);

	if (hello == !!frame->id)
		return -EBADMSG;
	if (!r2wire_shape_fits(&r2wire_shapes[type], frame->items, frame->len))
		return -EBADMSG;
	return 0;
}

/**
 * r2wire_check_hello() - check that a HELLO makes sense in itself
 * @hello: payload of the frame
 * @len: bytes of it, at least those of the version; no more are read
 *
 * Whether it suits this node, cluster and configuration is for the caller to
 * find out.
 *
 * Return: 0; -EPROTONOSUPPORT if the version is another, in which case nothing
 * else was looked at; -EBADMSG if the length is not that of this version, or a
 * field has an impossible value.
 */
int r2wire_check_hello(const struct r2_hello *hello, unsigned int len)
{
	unsigned int end = 0;

	if (len < sizeof(hello->version))
		return -EBADMSG;
	if (le32_to_cpu(hello->version) != R2_PROTOCOL_VERSION)
		return -EPROTONOSUPPORT;
	if (len != sizeof(*hello))
		return -EBADMSG;
	if (le16_to_cpu(hello->node) >= R2_MAX_NODES ||
	    le16_to_cpu(hello->peer) >= R2_MAX_NODES || !hello->instance)
		return -EBADMSG;
	if (!hello->idle_timeout_ms || !hello->keepalive_delay_ms ||
	    !hello->dead_time_ms)
		return -EBADMSG;

	while (end < R2_CLUSTER_NAME_LEN && hello->cluster[end])
		end++;
	if (!end || end == R2_CLUSTER_NAME_LEN ||
	    !r2wire_is_zero(hello->cluster + end, R2_CLUSTER_NAME_LEN - end))
		return -EBADMSG;
	return 0;
}

/**
 * r2wire_check_pong() - check the payload of a PONG
 * @pong: the payload
 *
 * Return: 0, or -EBADMSG if a byte that means nothing is not zero.
 */
int r2wire_check_pong(const struct r2_pong *pong)
{
	return pong->reserved ? -EBADMSG : 0;
}

/**
 * r2wire_check_room() - check the payload of a ROOM
 * @room: the payload
 *
 * Return: 0, or -EBADMSG if a byte that means nothing is not zero, or there is
 * more room than there can be.
 */
int r2wire_check_room(const struct r2_room *room)
{
	if (room->reserved)
		return -EBADMSG;
	return le32_to_cpu(room->room) <= le32_to_cpu(room->capacity) ?
	       0 : -EBADMSG;
}

/**
 * r2wire_check_page() - check the name of a page
 * @page: name in wire order
 *
 * Return: 0, or -EBADMSG if the version is outside 1 to R2_MAX_VERSION.
 */
int r2wire_check_page(const struct r2_page *page)
{
	__u64 version = le64_to_cpu(page->version);

	return version && version <= R2_MAX_VERSION ? 0 : -EBADMSG;
}

/**
 * r2wire_next_put() - decode the next page of a PUT
 * @payload: the whole payload
 * @len: bytes of it
 * @pos: where to go on; 0 for the first page, moved on by each success
 * @put: the page; points into @payload
 *
 * Return: 0, or -EBADMSG if the item is malformed or there is no further one.
 */
int r2wire_next_put(const void *payload, unsigned int len, unsigned int *pos,
		    struct r2_put *put)
{
	const struct r2_put_item *item;
	unsigned int left, bytes, padded, flags;
	const __u8 *data;

	if (*pos > len || *pos % R2_ALIGN || len - *pos < sizeof(*item))
		return -EBADMSG;

	item = payload + *pos;
	left = len - *pos - sizeof(*item);
	data = (const __u8 *)(item + 1);
	bytes = le16_to_cpu(item->len);
	padded = (bytes + R2_ALIGN - 1) / R2_ALIGN * R2_ALIGN;
	flags = le16_to_cpu(item->flags);

	if (r2wire_check_page(&item->page) || (flags & ~R2_ITEM_PERSISTENT))
		return -EBADMSG;
	if (bytes > R2_MAX_PAGE || padded > left ||
	    !r2wire_is_zero(data + bytes, padded - bytes))
		return -EBADMSG;

	put->page = &item->page;
	put->data = data;
	put->len = bytes;
	put->crc = le32_to_cpu(item->crc);
	put->persistent = flags & R2_ITEM_PERSISTENT;
	*pos += sizeof(*item) + padded;
	return 0;
}

/**
 * r2wire_check_put() - check the payload of a PUT from end to end
 * @payload: the whole payload
 * @len: bytes of it
 * @items: number of items that the header promised
 *
 * Return: 0 if r2wire_next_put() will succeed @items times and then be at the
 * end, or -EBADMSG.
 */
int r2wire_check_put(const void *payload, unsigned int len, unsigned int items)
{
	unsigned int pos = 0;
	struct r2_put put;

	while (items--)
		if (r2wire_next_put(payload, len, &pos, &put))
			return -EBADMSG;
	return pos == len ? 0 : -EBADMSG;
}

static int r2wire_check_flush_item(const struct r2_flush_item *item)
{
	const struct r2_page *page = &item->page;

	if (r2wire_check_page(page) || item->reserved)
		return -EBADMSG;

	switch (le32_to_cpu(item->flags)) {
	case 0:
		return 0;
	case R2_ITEM_OBJECT:
		return page->index ? -EBADMSG : 0;
	case R2_ITEM_POOL:
		if (page->oid[0] || page->oid[1] || page->oid[2] || page->index)
			return -EBADMSG;
		return le64_to_cpu(page->version) == R2_MAX_VERSION ? 0 :
								      -EBADMSG;
	default:
		return -EBADMSG;
	}
}

/**
 * r2wire_check_flush() - check the payload of a FLUSH from end to end
 * @payload: an array of struct r2_flush_item
 * @len: bytes of it
 * @items: number of items that the header promised
 *
 * Return: 0 or -EBADMSG.
 */
int r2wire_check_flush(const void *payload, unsigned int len,
		       unsigned int items)
{
	const struct r2_flush_item *item = payload;

	if (items > R2_MAX_ITEMS || len != items * sizeof(*item))
		return -EBADMSG;

	for (; items; items--, item++)
		if (r2wire_check_flush_item(item))
			return -EBADMSG;
	return 0;
}

/**
 * r2wire_check_statuses() - check the payload of a PUT_REPLY or FLUSH_REPLY
 * @payload: one byte for each item
 * @len: bytes of it
 * @items: number of items that were asked for
 *
 * Return: 0 or -EBADMSG.
 */
int r2wire_check_statuses(const void *payload, unsigned int len,
			  unsigned int items)
{
	const __u8 *status = payload;

	if (len != items)
		return -EBADMSG;
	while (items--)
		if (*status++ >= R2_NR_STATUS)
			return -EBADMSG;
	return 0;
}

/**
 * r2wire_check_get_reply() - check the payload of a GET_REPLY
 * @payload: a struct r2_get_reply and the data
 * @len: bytes of both
 *
 * Return: 0 or -EBADMSG.  The data is not compared with its checksum.
 */
int r2wire_check_get_reply(const void *payload, unsigned int len)
{
	const struct r2_get_reply *reply = payload;
	unsigned int bytes;
	__u64 version;

	if (len < sizeof(*reply))
		return -EBADMSG;
	bytes = le16_to_cpu(reply->len);
	version = le64_to_cpu(reply->version);
	if (bytes > R2_MAX_PAGE || bytes != len - sizeof(*reply))
		return -EBADMSG;

	switch (le16_to_cpu(reply->status)) {
	case R2_OK:
		return version && version <= R2_MAX_VERSION ? 0 : -EBADMSG;
	case R2_NOT_FOUND:
		return version || bytes || reply->crc ? -EBADMSG : 0;
	default:
		return -EBADMSG;
	}
}

/**
 * r2wire_encode_hdr() - fill in a header
 * @hdr: header; every byte of it is written
 * @type: type of frame
 * @items: number of items, 0 for types that have none
 * @len: bytes of payload that will follow
 * @id: request id
 */
void r2wire_encode_hdr(struct r2_hdr *hdr, enum r2_type type,
		       unsigned int items, unsigned int len, __u64 id)
{
	hdr->magic = cpu_to_le32(R2_MAGIC);
	hdr->type = type;
	hdr->reserved = 0;
	hdr->items = cpu_to_le16(items);
	hdr->len = cpu_to_le32(len);
	hdr->reserved2 = 0;
	hdr->id = cpu_to_le64(id);
}
