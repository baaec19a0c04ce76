/* SPDX-License-Identifier: GPL-2.0 */
/*
 * r2net: tmem operations as messages.
 *
 * Turns handles, blobs and debts into the payloads of r2wire.h and back.  It
 * sends nothing itself.
 */
#ifndef _RAMSTER_R2NET_H
#define _RAMSTER_R2NET_H

#include <linux/types.h>
#include "r2wire.h"
#include "tcp.h"
#include "../tmem.h"

/**
 * struct r2net_batch - a PUT or FLUSH that is being put together
 * @type: which of them
 * @buf: payload
 * @size: bytes of room in @buf
 * @len: bytes used
 * @items: items added
 */
struct r2net_batch {
	enum r2_type type;
	void *buf;
	unsigned int size;
	unsigned int len;
	unsigned int items;
};

/**
 * struct r2net_request - a batch that is sent to a peer; there may be several
 * @req: the request; its payload is that of the batch
 * @status: the peer's answer, an enum r2_status for each item
 */
struct r2net_request {
	struct r2tcp_req req;
	u8 status[R2_MAX_ITEMS];
};

int r2net_batch_init(struct r2net_batch *batch, enum r2_type type,
		     unsigned int size);
void r2net_batch_free(struct r2net_batch *batch);
void r2net_batch_reset(struct r2net_batch *batch);
int r2net_batch_submit(const struct r2net_batch *batch,
		       struct r2net_request *ask, struct r2tcp *tcp,
		       unsigned int node, unsigned long deadline,
		       void (*done)(struct r2tcp_req *req));

void *r2net_put_room(struct r2net_batch *batch);
void r2net_put_add(struct r2net_batch *batch, const struct tmem_handle *handle,
		   enum tmem_kind kind, const struct tmem_blob *blob);
void r2net_flush_add(struct r2net_batch *batch, const struct tmem_debt *debt);
void r2net_flush_add_pool(struct r2net_batch *batch, u32 pool);

void r2net_encode_page(struct r2_page *page, const struct tmem_handle *handle,
		       u64 version);
void r2net_decode_page(const struct r2_page *page, u16 client,
		       struct tmem_handle *handle, u64 *version);
u32 r2net_checksum(const struct r2_page *page, const void *data,
		   unsigned int len);
int r2net_check_reply(const struct r2_page *page, const void *reply,
		      unsigned int reply_len, const void **data,
		      unsigned int *len);

#endif /* _RAMSTER_R2NET_H */
