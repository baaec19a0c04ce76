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

#include <linux/bitmap.h>
#include <linux/types.h>
#include "zbud.h"

/* The kernel's own pages; peers are their node numbers, 0 to 254. */
#define TMEM_CLIENT_LOCAL	U16_MAX

/*
 * Versions are 45 bits: at a hundred thousand puts a second, eleven years.  The
 * last ones are not for new pages, but for those that are here and have to be
 * given another version (see tmem.c).
 */
#define TMEM_VERSION_BITS	45
#define TMEM_VERSION_MAX	((1ULL << TMEM_VERSION_BITS) - 1)
#define TMEM_VERSION_LAST_PUT	(TMEM_VERSION_MAX - (1ULL << 36))

/* On how many peers a page may be. */
#define TMEM_COPIES		2

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
#define TMEM_NO_NODE		(TMEM_NODES - 1)

/**
 * struct tmem_peers - the peers that have a page
 * @node: their numbers, each once, then TMEM_NO_NODE
 */
struct tmem_peers {
	u8 node[TMEM_COPIES];
};

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
 * @peers: with -EREMOTE, who has the page
 * @filled: there are no bytes: the page is made of the byte @fill
 * @fill: that byte; what a page is, the caller knows
 */
struct tmem_blob {
	void *data;
	u32 len;
	u32 crc;
	u64 version;
	struct tmem_peers peers;
	bool filled;
	u8 fill;
};

enum tmem_send_result {
	TMEM_SEND_STORED,	/* on as many peers as is wanted */
	TMEM_SEND_REFUSED,	/* certainly on none */
	TMEM_SEND_UNKNOWN,	/* on some, maybe, and not to stay there */
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
 * struct tmem_away - a page that is with peers
 * @handle: the page
 * @version: version that they have
 * @peers: who has it
 */
struct tmem_away {
	struct tmem_handle handle;
	u64 version;
	struct tmem_peers peers;
};

/**
 * struct tmem_search - which pages that are with peers are looked for
 * @nodes: those that one of these peers has, a bitmap of TMEM_NODES bits
 * @lone: only those of which there is but one copy
 */
struct tmem_search {
	DECLARE_BITMAP(nodes, TMEM_NODES);
	bool lone;
};

/**
 * struct tmem_stats - things held, for counters
 * @objects: objects alive
 * @objects_max: highest @objects ever seen
 * @remote: pages that are with peers, by kind
 * @lone: persistent ones among them of which there is but one copy
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
	u64 lone;
	u64 debts;
	u64 sending;
	u64 filled[TMEM_NR_KINDS];
	u64 zeroes;
	struct zbud_stats zbud[TMEM_NR_KINDS];
};

struct tmem;
struct tmem_pool;

/*
 * One peer, or two; each may be TMEM_NO_NODE.  No kernel-doc: the book cannot have
 * a function and a structure of the same name.
 */
static inline struct tmem_peers tmem_peers(u8 a, u8 b)
{
	if (a == TMEM_NO_NODE)
		return (struct tmem_peers) { { b, a } };
	return (struct tmem_peers) { { a, b } };
}

/**
 * tmem_peer - one peer
 * @node: its number
 *
 * Return: it, and nobody else.
 */
static inline struct tmem_peers tmem_peer(u8 node)
{
	return tmem_peers(node, TMEM_NO_NODE);
}

/**
 * tmem_peers_nr - how many they are
 * @peers: they
 *
 * Return: their number.
 */
static inline unsigned int tmem_peers_nr(struct tmem_peers peers)
{
	return (peers.node[0] != TMEM_NO_NODE) +
	       (peers.node[1] != TMEM_NO_NODE);
}

/**
 * tmem_peers_has - is it one of them
 * @peers: they
 * @node: a number, and not TMEM_NO_NODE
 *
 * Return: whether it is.
 */
static inline bool tmem_peers_has(struct tmem_peers peers, u8 node)
{
	return peers.node[0] == node || peers.node[1] == node;
}

/**
 * tmem_peers_without - the others
 * @peers: they
 * @node: who does not belong to them, or not any more
 *
 * Return: the others.
 */
static inline struct tmem_peers tmem_peers_without(struct tmem_peers peers,
						   u8 node)
{
	unsigned int i;

	for (i = 0; i < TMEM_COPIES; i++)
		if (peers.node[i] == node)
			peers.node[i] = TMEM_NO_NODE;
	return tmem_peers(peers.node[0], peers.node[1]);
}

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
		u64 *version, struct tmem_peers *peers);
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
		    struct tmem_peers peers, struct tmem_blob *blob);
bool tmem_send_done(struct tmem *tmem, const struct tmem_handle *handle,
		    u64 version, struct tmem_peers holders,
		    enum tmem_send_result result);

unsigned int tmem_collect_debts(struct tmem *tmem, u8 node,
				struct tmem_debt *debt, unsigned int max);
void tmem_settle_debt(struct tmem *tmem, const struct tmem_debt *debt);
void tmem_drop_debts(struct tmem *tmem, const unsigned long *except);

unsigned int tmem_collect_away(struct tmem *tmem,
			       const struct tmem_search *search,
			       struct tmem_away *away, unsigned int max);
void tmem_forget_peer(struct tmem *tmem, u8 node);
unsigned int tmem_withdraw(struct tmem *tmem, u8 node,
			   const unsigned long *others, struct tmem_debt *debt,
			   unsigned int max);
int tmem_bring_home(struct tmem *tmem, const struct tmem_away *away,
		    const struct tmem_blob *blob, gfp_t gfp);

u64 tmem_client_pages(struct tmem *tmem, u16 client, enum tmem_kind kind);
u64 tmem_count_nodes(struct tmem *tmem);
void tmem_get_stats(struct tmem *tmem, struct tmem_stats *stats);
void tmem_get_frames(struct tmem *tmem, enum tmem_kind kind,
		     struct zbud_stats *stats);

#endif /* _RAMSTER_TMEM_H */
