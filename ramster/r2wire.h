/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol between two RAMster nodes: every constant, every limit and
 * every structure that travels, and nothing else.  This file and r2wire.c also
 * compile in user space (-D R2WIRE_USER), for fuzzing.
 *
 * A connection is one TCP stream.  Each direction carries frames: a header,
 * then exactly @len bytes of payload.  All integers are little-endian and
 * naturally aligned; every byte is defined, reserved ones are zero and are
 * checked to be zero.
 *
 * 1. The node with the higher number connects.  Both sides send HELLO at once
 *    and nothing else before they have received and accepted the other's.  In
 *    any version of the protocol HELLO begins with that version, and is no
 *    longer than R2_MAX_HELLO; so nodes of different versions can say so.
 * 2. Requests (PUT, GET, FLUSH, PING) carry an id that the sender chooses;
 *    the one reply to each carries the same id.  Replies come in any order.
 *    ROOM is a statement: it has an id, and there is no reply to it.
 * 3. At most R2_MAX_GETS GET requests and R2_MAX_BATCHES PUT and FLUSH
 *    requests may be without a reply in each direction; a peer that sends
 *    more is cut off.  So both sides can set the room for replies aside.
 *    Of PINGs, one may be without its PONG.
 * 4. Versions are given by the owner of a page and only rise.  A PUT of an
 *    older version than is held is refused (R2_STALE); of the same version is
 *    answered as if it had been stored again.  A FLUSH removes its version
 *    and older ones.  So the order of frames does not matter for correctness.
 *    A FLUSH of a pool removes every version, and the pool: who sends it has
 *    no other request under way that is about this pool, and sends none
 *    before the reply.  The pool's number may then be used anew, for either
 *    kind.
 * 5. A frame that breaks a rule closes the connection it came on; no reply.
 */
#ifndef _RAMSTER_R2WIRE_H
#define _RAMSTER_R2WIRE_H

#ifdef R2WIRE_USER
#include "r2wire_user.h"
#else
#include <linux/build_bug.h>
#include <linux/types.h>
#endif

#define R2_MAGIC		0x52324d31	/* "1M2R" on the wire */
#define R2_PROTOCOL_VERSION	3
#define R2_MAX_VERSION		((1ULL << 45) - 1)	/* of a page */

enum r2_limits {
	R2_MAX_NODES		= 255,		/* node numbers 0 to 254 */
	R2_CLUSTER_NAME_LEN	= 64,
	R2_MAX_HELLO		= 1024,		/* bytes, of any version */
	R2_MAX_PAGE		= 4032,		/* bytes of one stored page */
	R2_MAX_PAYLOAD		= 64 * 1024,	/* bytes after a header */
	R2_MAX_ITEMS		= 256,		/* pages in a PUT or FLUSH */
	R2_MAX_GETS		= 64,		/* GETs without a reply */
	R2_MAX_BATCHES		= 8,		/* PUTs and FLUSHes likewise */
	R2_MAX_POOLS		= 16,		/* of a node; R2_NO_ROOM above */
	R2_ALIGN		= 8,		/* page data in a PUT is padded to this */
};

enum r2_type {
	R2_HELLO	= 1,
	R2_PING		= 2,
	R2_PONG		= 3,
	R2_PUT		= 4,
	R2_PUT_REPLY	= 5,
	R2_GET		= 6,
	R2_GET_REPLY	= 7,
	R2_FLUSH	= 8,
	R2_FLUSH_REPLY	= 9,
	R2_ROOM		= 10,
	R2_NR_TYPES,
};

/* Result of one item; not errno, whose numbers differ between machines. */
enum r2_status {
	R2_OK		= 0,
	R2_NO_ROOM	= 1,	/* PUT: this peer cannot or will not keep it */
	R2_STALE	= 2,	/* PUT: a newer version is held */
	R2_NOT_FOUND	= 3,	/* GET: no such page, or not this version */
	R2_WRONG_KIND	= 4,	/* PUT: the pool is of the other kind */
	R2_NR_STATUS,
};

enum r2_item_flags {
	R2_ITEM_PERSISTENT	= 1 << 0,	/* PUT: kind of the pool */
	R2_ITEM_OBJECT		= 1 << 1,	/* FLUSH: the whole object */
	R2_ITEM_POOL		= 1 << 2,	/* FLUSH: the whole pool */
};

/**
 * struct r2_hdr - starts every frame
 * @magic: R2_MAGIC
 * @type: enum r2_type
 * @reserved: zero
 * @items: number of items in the payload of PUT, FLUSH and their replies
 * @len: bytes of payload that follow
 * @reserved2: zero
 * @id: chosen by who asks or states, repeated in the reply; zero in HELLO, and
 *	only there
 */
struct r2_hdr {
	__le32 magic;
	__u8 type;
	__u8 reserved;
	__le16 items;
	__le32 len;
	__le32 reserved2;
	__le64 id;
};

static_assert(sizeof(struct r2_hdr) == 24);

/**
 * struct r2_hello - payload of HELLO, sent by both sides
 * @version: R2_PROTOCOL_VERSION; must be equal; the first in any version
 * @node: number of the sender
 * @peer: number of the node that the sender believes to speak to
 * @instance: random number, not zero, made when the sender's cluster was
 *	started; a new one says that the sender has lost all it held and owned
 *	before
 * @idle_timeout_ms: must be equal on both sides
 * @keepalive_delay_ms: must be equal on both sides
 * @dead_time_ms: a node that is not heard from for this long is dead; must be
 *	equal on both sides
 * @room: page frames that the sender can lend now, as in struct r2_pong
 * @cluster: name of the cluster, padded with zeros; must be equal
 */
struct r2_hello {
	__le32 version;
	__le16 node;
	__le16 peer;
	__le64 instance;
	__le32 idle_timeout_ms;
	__le32 keepalive_delay_ms;
	__le32 dead_time_ms;
	__le32 room;
	__u8 cluster[R2_CLUSTER_NAME_LEN];
};

static_assert(sizeof(struct r2_hello) == 32 + R2_CLUSTER_NAME_LEN);
static_assert(sizeof(struct r2_hello) <= R2_MAX_HELLO);

/**
 * struct r2_pong - payload of PONG
 * @room: page frames that the sender can lend now, to all its peers together;
 *	a hint, as others take from it, too; the most that there can be if more
 * @reserved: zero
 */
struct r2_pong {
	__le32 room;
	__le32 reserved;
};

static_assert(sizeof(struct r2_pong) == 8);

/**
 * struct r2_room - payload of ROOM; what it says holds until the next one
 * @room: page frames that the sender can lend now, as in struct r2_pong; at most
 *	@capacity
 * @capacity: page frames that it could lend if it had lent none
 * @recall: page frames that it needs for itself, among those that hold pages of
 *	the receiver; it keeps them until the receiver has taken its pages away
 * @reserved: zero
 *
 * Sent after HELLO, and when it has changed; not for each small change of @room.
 */
struct r2_room {
	__le32 room;
	__le32 capacity;
	__le32 recall;
	__le32 reserved;
};

static_assert(sizeof(struct r2_room) == 16);

/**
 * struct r2_page - names a version of a page
 * @oid: object
 * @index: page within the object
 * @pool: pool of the owner, below R2_MAX_POOLS; the owner is whoever is at the
 *	other end
 * @version: 1 to R2_MAX_VERSION
 */
struct r2_page {
	__le64 oid[3];
	__le32 index;
	__le32 pool;
	__le64 version;
};

static_assert(sizeof(struct r2_page) == 40);

/**
 * struct r2_put_item - one page of a PUT, followed by its data
 * @page: name and version
 * @crc: the owner's checksum; stored and returned as it is
 * @len: bytes of data, 0 to R2_MAX_PAGE; padded with zeros to R2_ALIGN
 * @flags: R2_ITEM_PERSISTENT or 0
 */
struct r2_put_item {
	struct r2_page page;
	__le32 crc;
	__le16 len;
	__le16 flags;
};

static_assert(sizeof(struct r2_put_item) == 48);

/**
 * struct r2_flush_item - one page, object or pool of a FLUSH
 * @page: name; this version and older ones are to be forgotten
 * @flags: 0; R2_ITEM_OBJECT, and the index is zero; or R2_ITEM_POOL, and all
 *	is zero but the pool and the version, which is R2_MAX_VERSION
 * @reserved: zero
 */
struct r2_flush_item {
	struct r2_page page;
	__le32 flags;
	__le32 reserved;
};

static_assert(sizeof(struct r2_flush_item) == 48);

/**
 * struct r2_get_reply - payload of GET_REPLY, followed by the data
 * @version: version that follows; zero if none
 * @crc: as the owner gave it with the PUT; zero if none
 * @len: bytes of data that follow; not padded; zero if none
 * @status: R2_OK or R2_NOT_FOUND
 */
struct r2_get_reply {
	__le64 version;
	__le32 crc;
	__le16 len;
	__le16 status;
};

static_assert(sizeof(struct r2_get_reply) == 16);

/*
 * Payload of the other frames:
 *   GET                       one struct r2_page
 *   PUT_REPLY, FLUSH_REPLY    one __u8 (enum r2_status) for each item
 *   PING                      none
 */

/**
 * struct r2_frame - a header in host order, after its checks
 * @type: enum r2_type
 * @items: number of items
 * @len: bytes of payload
 * @id: request id
 */
struct r2_frame {
	enum r2_type type;
	unsigned int items;
	unsigned int len;
	__u64 id;
};

/**
 * struct r2_put - one page of a PUT, decoded; points into the payload
 * @page: name and version, still in wire order
 * @data: first byte of the data
 * @len: bytes of data
 * @crc: checksum
 * @persistent: kind of the pool
 */
struct r2_put {
	const struct r2_page *page;
	const void *data;
	unsigned int len;
	__u32 crc;
	bool persistent;
};

/* r2wire.c; each returns 0 or a negative errno, and reads only what it is given */
int r2wire_decode_hdr(const struct r2_hdr *hdr, struct r2_frame *frame);
int r2wire_check_hello(const struct r2_hello *hello, unsigned int len);
int r2wire_check_pong(const struct r2_pong *pong);
int r2wire_check_room(const struct r2_room *room);
int r2wire_check_page(const struct r2_page *page);
int r2wire_next_put(const void *payload, unsigned int len, unsigned int *pos,
		    struct r2_put *put);
int r2wire_check_put(const void *payload, unsigned int len,
		     unsigned int items);
int r2wire_check_flush(const void *payload, unsigned int len,
		       unsigned int items);
int r2wire_check_statuses(const void *payload, unsigned int len,
			  unsigned int items);
int r2wire_check_get_reply(const void *payload, unsigned int len);
void r2wire_encode_hdr(struct r2_hdr *hdr, enum r2_type type,
		       unsigned int items, unsigned int len, __u64 id);

#endif /* _RAMSTER_R2WIRE_H */
