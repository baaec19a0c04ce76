// SPDX-License-Identifier: GPL-2.0
/*
 * r2net: tmem operations as messages.
 */
#include <linux/crc32c.h>
#include <linux/mm.h>
#include <linux/once.h>
#include <linux/random.h>

#include "r2net.h"

/*
 * What a checksum starts with.  It differs from boot to boot, so bytes that a
 * peer kept over our reboot never pass for the page that has their name now.
 */
static u32 r2net_seed(void)
{
	static u32 seed __read_mostly;

	get_random_once(&seed, sizeof(seed));
	return seed;
}

/**
 * r2net_batch_init - set the room for a batch aside
 * @batch: the batch
 * @type: R2_PUT or R2_FLUSH
 * @size: bytes of payload, at most R2_MAX_PAYLOAD
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: 0 or -ENOMEM.
 */
int r2net_batch_init(struct r2net_batch *batch, enum r2_type type,
		     unsigned int size)
{
	batch->buf = kvzalloc(size, GFP_KERNEL);
	if (!batch->buf)
		return -ENOMEM;
	batch->size = size;
	batch->type = type;
	r2net_batch_reset(batch);
	return 0;
}

/**
 * r2net_batch_free - undo r2net_batch_init()
 * @batch: the batch; not with tcp any more
 */
void r2net_batch_free(struct r2net_batch *batch)
{
	kvfree(batch->buf);
	batch->buf = NULL;
}

/**
 * r2net_batch_reset - make a batch empty
 * @batch: the batch; not with tcp any more
 */
void r2net_batch_reset(struct r2net_batch *batch)
{
	batch->len = 0;
	batch->items = 0;
}

/**
 * r2net_batch_submit - hand a batch to tcp
 * @batch: a batch with at least one item, which does not change before all its
 *	requests have ended
 * @ask: the request; not with tcp
 * @tcp: connections of this node
 * @node: the peer
 * @deadline: jiffies at which to give up
 * @done: as &r2tcp_req.done
 *
 * Context: process; allocates nothing, waits for nobody.
 * Return: as r2tcp_submit(); if not 0, @done is not called, and nothing of
 * the batch was sent.
 */
int r2net_batch_submit(const struct r2net_batch *batch,
		       struct r2net_request *ask, struct r2tcp *tcp,
		       unsigned int node, unsigned long deadline,
		       void (*done)(struct r2tcp_req *req))
{
	ask->req = (struct r2tcp_req) {
		.type = batch->type,
		.payload = batch->buf,
		.len = batch->len,
		.items = batch->items,
		.reply = ask->status,
		.reply_max = batch->items,
		.deadline = deadline,
		.done = done,
	};
	return r2tcp_submit(tcp, node, &ask->req);
}

/**
 * r2net_encode_page - name a version of a page, for the wire
 * @page: what travels
 * @handle: the page
 * @version: its version
 */
void r2net_encode_page(struct r2_page *page, const struct tmem_handle *handle,
		       u64 version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(page->oid); i++)
		page->oid[i] = cpu_to_le64(handle->oid.word[i]);
	page->index = cpu_to_le32(handle->index);
	page->pool = cpu_to_le32(handle->pool);
	page->version = cpu_to_le64(version);
}

/**
 * r2net_decode_page - the handle of a page that came over the wire
 * @page: what travelled
 * @client: who is at the other end, from the connection
 * @handle: the handle under which the page is filed here
 * @version: its version
 */
void r2net_decode_page(const struct r2_page *page, u16 client,
		       struct tmem_handle *handle, u64 *version)
{
	unsigned int i;

	handle->client = client;
	handle->pool = le32_to_cpu(page->pool);
	for (i = 0; i < ARRAY_SIZE(page->oid); i++)
		handle->oid.word[i] = le64_to_cpu(page->oid[i]);
	handle->index = le32_to_cpu(page->index);
	*version = le64_to_cpu(page->version);
}

/**
 * r2net_checksum - the owner's checksum of a page
 * @page: name and version, as they travel
 * @data: compressed bytes
 * @len: number of them
 *
 * CRC32C of name, version and bytes, so that a right page under a wrong name,
 * or of another version, fails as damaged bytes do.
 *
 * Return: the checksum.
 */
u32 r2net_checksum(const struct r2_page *page, const void *data,
		   unsigned int len)
{
	return crc32c(crc32c(r2net_seed(), page, sizeof(*page)), data, len);
}

/**
 * r2net_put_room - where the bytes of one more page go
 * @batch: a PUT batch
 *
 * Return: room for R2_MAX_PAGE bytes, to be followed by r2net_put_add(); NULL
 * if the batch is full.
 */
void *r2net_put_room(struct r2net_batch *batch)
{
	size_t need = sizeof(struct r2_put_item) + ALIGN(R2_MAX_PAGE, R2_ALIGN);

	if (batch->items == R2_MAX_ITEMS || batch->len + need > batch->size)
		return NULL;
	return batch->buf + batch->len + sizeof(struct r2_put_item);
}

/**
 * r2net_put_add - add the page whose bytes were put into r2net_put_room()
 * @batch: a PUT batch
 * @handle: the page
 * @kind: kind of its pool
 * @blob: its version and length
 */
void r2net_put_add(struct r2net_batch *batch, const struct tmem_handle *handle,
		   enum tmem_kind kind, const struct tmem_blob *blob)
{
	struct r2_put_item *item = batch->buf + batch->len;
	unsigned int padded = ALIGN(blob->len, R2_ALIGN);
	void *data = item + 1;

	r2net_encode_page(&item->page, handle, blob->version);
	item->crc = cpu_to_le32(r2net_checksum(&item->page, data, blob->len));
	item->len = cpu_to_le16(blob->len);
	item->flags = cpu_to_le16(kind == TMEM_PERSISTENT ?
				  R2_ITEM_PERSISTENT : 0);
	memset(data + blob->len, 0, padded - blob->len);
	batch->len += sizeof(*item) + padded;
	batch->items++;
}

/**
 * r2net_flush_add - add something to forget
 * @batch: a FLUSH batch with room for it
 * @debt: page or object
 */
void r2net_flush_add(struct r2net_batch *batch, const struct tmem_debt *debt)
{
	struct r2_flush_item *item = batch->buf + batch->len;

	r2net_encode_page(&item->page, &debt->handle, debt->version);
	item->flags = 0;
	item->reserved = 0;
	if (debt->whole_object) {
		item->page.index = 0;
		item->flags = cpu_to_le32(R2_ITEM_OBJECT);
	}
	batch->len += sizeof(*item);
	batch->items++;
}

/**
 * r2net_flush_add_pool - add a pool to forget
 * @batch: a FLUSH batch with room for it
 * @pool: number of the pool
 */
void r2net_flush_add_pool(struct r2net_batch *batch, u32 pool)
{
	struct r2_flush_item *item = batch->buf + batch->len;
	struct tmem_handle handle = { .pool = pool };

	r2net_encode_page(&item->page, &handle, R2_MAX_VERSION);
	item->flags = cpu_to_le32(R2_ITEM_POOL);
	item->reserved = 0;
	batch->len += sizeof(*item);
	batch->items++;
}

/**
 * r2net_check_reply - whether the answer to a GET is the page that was asked for
 * @page: what was asked for
 * @reply: payload of the answer
 * @reply_len: bytes of @reply
 * @data: set to the page's compressed bytes, within @reply
 * @len: set to the number of them
 *
 * Return: 0; -ENOENT if the peer does not have that version; -EBADMSG if the
 * answer has the wrong length, version or checksum.
 */
int r2net_check_reply(const struct r2_page *page, const void *reply,
		      unsigned int reply_len, const void **data,
		      unsigned int *len)
{
	const struct r2_get_reply *head = reply;

	if (r2wire_check_get_reply(reply, reply_len))
		return -EBADMSG;
	if (le16_to_cpu(head->status) != R2_OK)
		return -ENOENT;

	*data = head + 1;
	*len = le16_to_cpu(head->len);
	if (head->version != page->version ||
	    le32_to_cpu(head->crc) != r2net_checksum(page, *data, *len))
		return -EBADMSG;
	return 0;
}
