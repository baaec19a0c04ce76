/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tmem: the index of the store, (client, pool, object, index) -> descriptor.
 *
 * tmem knows no compressor, no network and no hook.  It stores blobs (pages
 * that somebody compressed) in zbud, one word a page in an xarray per object,
 * and keeps the rules of a page's life:
 *
 *   absent ---put---> local ---send_begin---> sending ---send_done---> remote
 *                       ^                        |                        |
 *                       +----- send_done fails --+                        |
 *                       +----- bring_home (and a debt) -------------------+
 *   absent <--debt settled-- flushing (tombstone) <------flush, put-------+
 *
 * A *debt* is the knowledge that a peer holds, or may hold, a version of a
 * page that its owner no longer wants.  A debt lives in the page's own index
 * slot: as a tombstone where the slot holds nothing else, or in the header of
 * the newer local page.  So a flush and the move to *remote* allocate nothing,
 * and there is at most one debt for each slot, because a page that has a debt
 * is not sent until the debt is settled.
 *
 * Lock order: walk_lock of a ring (a mutex) -> object lock -> the spinlocks below
 *             the object hash's mutex -> object lock, when a pool is destroyed
 *
 * The object lock is the xarray's xa_lock.  Taken inside it are the lock of a
 * ring, the zbud pool's lock, the lock of a bucket of the object hash, those of
 * the page and slab allocators and of zbud's mempools, and whatever is taken by
 * the function that is told of a new debt: the lock of a wait queue, and then
 * the scheduler's.  None of these ever calls back into tmem.
 *
 * tmem's own spinlocks are taken in task context only, possibly with interrupts
 * off, never in an interrupt.  So tmem may not be called under a lock that some
 * interrupt takes (the i_pages of a file, say), although interrupts may be off.
 */
#ifndef _RAMSTER_TMEM_H
#define _RAMSTER_TMEM_H

#include <linux/types.h>
#include "zbud.h"

/* The kernel's own pages; peers are their node numbers, 0 to 254. */
#define TMEM_CLIENT_LOCAL	U16_MAX

/* Versions are 53 bits: at a million puts a second, 285 years. */
#define TMEM_VERSION_BITS	53
#define TMEM_VERSION_MAX	((1ULL << TMEM_VERSION_BITS) - 1)

/* Bytes of a blob that fit beside tmem's own header in a zbud frame. */
#define TMEM_HEADER_SIZE	64
#define TMEM_MAX_BLOB		(ZBUD_MAX_SIZE - TMEM_HEADER_SIZE)

enum tmem_kind {
	TMEM_EPHEMERAL,		/* may vanish at any time */
	TMEM_PERSISTENT,	/* kept until it is flushed */
	TMEM_NR_KINDS,
};

/* Room for any node number of a word, in bits; see tmem_drop_debts(). */
#define TMEM_NODES		256

struct tmem_oid {
	u64 word[3];
};

/**
 * struct tmem_handle - the name of a page
 * @client: TMEM_CLIENT_LOCAL or a node number
 * @pool: number of the pool; never reused by a client while it is up
 * @oid: object, e.g. a file or a slice of a swap area
 * @index: page within the object
 */
struct tmem_handle {
	u16 client;
	u32 pool;
	struct tmem_oid oid;
	u32 index;
};

/**
 * struct tmem_blob - the bytes that are stored for a page
 * @data: the bytes (put: read from here; get: copied to here; take: where they
 *	are)
 * @len: number of bytes, 0 to TMEM_MAX_BLOB
 * @crc: checksum that the owner gave; tmem carries it, and never looks at it
 * @version: version of the page
 * @node: with -EREMOTE, the node that holds the page
 * @filled: there are no bytes: the page is made of the byte @fill
 * @fill: that byte; what a page is, the caller knows
 */
struct tmem_blob {
	void *data;
	u32 len;
	u32 crc;
	u64 version;
	u8 node;
	bool filled;
	u8 fill;
};

enum tmem_send_result {
	TMEM_SEND_STORED,	/* the peer has it */
	TMEM_SEND_REFUSED,	/* the peer certainly does not have it */
	TMEM_SEND_UNKNOWN,	/* no answer: it may have it */
};

/**
 * struct tmem_debt - something that a peer must be told to forget
 * @handle: page; with @whole_object the index means nothing
 * @version: forget this version and older ones
 * @node: who has to forget it
 * @whole_object: forget every page of the object up to @version
 */
struct tmem_debt {
	struct tmem_handle handle;
	u64 version;
	u8 node;
	bool whole_object;
};

/**
 * struct tmem_away - a page that is with a peer
 * @handle: the page
 * @version: version that the peer has
 * @node: the peer
 */
struct tmem_away {
	struct tmem_handle handle;
	u64 version;
	u8 node;
};

/**
 * struct tmem_stats - things held, for counters
 * @objects: objects alive
 * @objects_max: highest @objects ever seen
 * @remote: pages that are with a peer, by kind
 * @debts: slots whose peer has to be told to forget something
 * @sending: pages of which a copy is on its way
 * @filled: pages of a single byte value, which have no frame, by kind
 * @zeroes: those of them whose value is 0
 * @zbud: what the frames hold, by kind
 */
struct tmem_stats {
	u64 objects;
	u64 objects_max;
	u64 remote[TMEM_NR_KINDS];
	u64 debts;
	u64 sending;
	u64 filled[TMEM_NR_KINDS];
	u64 zeroes;
	struct zbud_stats zbud[TMEM_NR_KINDS];
};

struct tmem;
struct tmem_pool;

struct tmem *tmem_create(void (*owes)(void *arg), void *arg);
void tmem_destroy(struct tmem *tmem);
void tmem_wipe_freed(struct tmem *tmem);
int tmem_reserve(struct tmem *tmem, enum tmem_kind kind, unsigned int frames);

struct tmem_pool *tmem_pool_create(struct tmem *tmem, u16 client, u32 id,
				   enum tmem_kind kind);
struct tmem_pool *tmem_pool_find(struct tmem *tmem, u16 client, u32 id);
enum tmem_kind tmem_pool_kind(const struct tmem_pool *pool);
void tmem_pool_destroy(struct tmem_pool *pool);
void tmem_client_destroy(struct tmem *tmem, u16 client);

int tmem_put(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	     struct tmem_blob *blob, gfp_t gfp);
int tmem_put_evict(struct tmem_pool *pool, const struct tmem_oid *oid,
		   u32 index, struct tmem_blob *blob, gfp_t gfp, bool *evicted);
int tmem_get(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	     struct tmem_blob *blob);
int tmem_locate(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
		u64 *version, u8 *node);
int tmem_take(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	      struct tmem_blob *blob, void **page);
void tmem_page_free(struct tmem_pool *pool, void *page);
bool tmem_has(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	      unsigned long nr);
bool tmem_flush(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
		u64 version);
unsigned long tmem_flush_object(struct tmem_pool *pool,
				const struct tmem_oid *oid, u64 version);
unsigned long tmem_flush_range(struct tmem_pool *pool,
			       const struct tmem_oid *oid, u32 index,
			       unsigned long nr);
bool tmem_flush_object_atomic(struct tmem_pool *pool,
			      const struct tmem_oid *oid);
unsigned int tmem_evict_oldest(struct tmem *tmem, enum tmem_kind kind);
unsigned long tmem_evict_words(struct tmem_pool *pool, unsigned long nr);

unsigned int tmem_isolate_oldest(struct tmem *tmem, enum tmem_kind kind,
				 struct tmem_handle handle[2], u64 version[2]);
int tmem_send_begin(struct tmem *tmem, const struct tmem_handle *handle,
		    u8 node, struct tmem_blob *blob);
bool tmem_send_done(struct tmem *tmem, const struct tmem_handle *handle,
		    u64 version, u8 node, enum tmem_send_result result);

unsigned int tmem_collect_debts(struct tmem *tmem, u8 node,
				struct tmem_debt *debt, unsigned int max);
void tmem_settle_debt(struct tmem *tmem, const struct tmem_debt *debt);
void tmem_drop_debts(struct tmem *tmem, const unsigned long *except);

unsigned int tmem_collect_away(struct tmem *tmem, const unsigned long *nodes,
			       struct tmem_away *away, unsigned int max);
int tmem_bring_home(struct tmem *tmem, const struct tmem_away *away,
		    const struct tmem_blob *blob, gfp_t gfp);

u64 tmem_count_nodes(struct tmem *tmem);
void tmem_get_stats(struct tmem *tmem, struct tmem_stats *stats);
void tmem_get_frames(struct tmem *tmem, enum tmem_kind kind,
		     struct zbud_stats *stats);

#endif /* _RAMSTER_TMEM_H */
