/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of tmem share, and nobody else sees.
 */
#ifndef _RAMSTER_TMEM_INT_H
#define _RAMSTER_TMEM_INT_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "tmem.h"

#define TMEM_DEBT_MARK		XA_MARK_0
#define TMEM_AWAY_MARK		XA_MARK_1
#define TMEM_LONE_MARK		XA_MARK_2

/*
 * A word: version in bits 0 to 44, one node in 45 to 52, another in 53 to 60, or
 * TMEM_NO_NODE, and two flags.  In a slot the flags say what it is, and no two
 * things look alike:
 *
 *   TOMBSTONE	SENDING
 *	0	   0	the page is with these peers
 *	1	   0	no page; these peers have to be told to forget it
 *	1	   1	no page; it is being sent
 *	0	   1	a page of one byte value, which stands in place of a node
 */
#define TMEM_NODE_SHIFT		TMEM_VERSION_BITS
#define TMEM_NODE_BITS		8
#define TMEM_SENDING		BIT_ULL(61)
#define TMEM_TOMBSTONE		BIT_ULL(62)
#define TMEM_SLOT_FLAGS		(TMEM_SENDING | TMEM_TOMBSTONE)
#define TMEM_FILLED		TMEM_SENDING

/**
 * struct tmem_header - what stands before the bytes of a blob in its zpage
 * @oid: object of the page; with @index, @pool and @client its name, for who
 *	isolates it
 * @version: version of the page
 * @first: version as which these bytes were put; @version is higher if they
 *	have to be sent once more (see tmem_slot_sent())
 * @owed: word of what peers hold, may hold or will hold; or 0
 * @index: page within the object
 * @pool: number of the pool
 * @crc: the owner's checksum
 * @len: bytes of the blob
 * @client: owner of the pool
 *
 * @version and @owed are protected by the object's lock, and do not change
 * while the zpage is ready; the rest never changes.
 */
struct tmem_header {
	struct tmem_oid oid;
	u64 version;
	u64 first;
	u64 owed;
	u32 index;
	u32 pool;
	u32 crc;
	u16 len;
	u16 client;
};

static_assert(sizeof(struct tmem_header) == TMEM_HEADER_SIZE);

/* Objects that have something in common, to be looked at in turn. */
enum tmem_ring_id {
	TMEM_DEBTORS,		/* have slots with a debt */
	TMEM_LENDERS,		/* have persistent pages that are with peers */
	TMEM_NR_RINGS,
};

/**
 * struct tmem_ring - objects of an index that have something in common
 * @walk_lock: one walk at a time; also protects @walk
 * @walk: number of the walk that runs
 * @lock: protects @objects
 * @objects: the objects; the one to be looked at next is the first
 */
struct tmem_ring {
	struct mutex walk_lock; /* one walk at a time */
	u64 walk;
	spinlock_t lock; /* protects objects */
	struct list_head objects;
};

/**
 * struct tmem_place - an object's place on a ring
 * @link: its neighbours, while @slots is not 0
 * @walk: the last walk that has looked at it (the ring's walk_lock)
 * @slots: number of its slots that are why it is there
 */
struct tmem_place {
	struct list_head link;
	u64 walk;
	unsigned int slots;
};

/**
 * struct tmem - one index, with the frames of its pages
 * @pools: all pools by client and number
 * @zbud: frames by kind of page
 * @wipe: frames are cleared when what is in them is given up
 * @version: last version that was given to a page
 * @owes: told about each new debt
 * @owes_arg: its argument
 * @ring: objects to be looked at in turn
 * @objects: as in struct tmem_stats, and so are those that follow
 * @objects_max: highest @objects
 * @remote: pages with peers
 * @lone: likewise
 * @debts: slots with a debt
 * @sending: pages on their way
 * @filled: pages of one byte value, by kind
 * @zeroes: those of them whose bytes are 0
 * @doom_lock: protects @doomed
 * @doomed: objects with pages that were flushed but are still to be freed
 * @doom_work: frees them
 */
struct tmem {
	struct xarray pools;
	struct zbud_pool *zbud[TMEM_NR_KINDS];
	bool wipe;
	atomic64_t version;
	void (*owes)(void *arg);
	void *owes_arg;
	struct tmem_ring ring[TMEM_NR_RINGS];
	atomic64_t objects;
	atomic64_t objects_max;
	atomic64_t remote[TMEM_NR_KINDS];
	atomic64_t lone;
	atomic64_t debts;
	atomic64_t sending;
	atomic64_t filled[TMEM_NR_KINDS];
	atomic64_t zeroes;
	spinlock_t doom_lock; /* protects doomed */
	struct list_head doomed;
	struct work_struct doom_work;
};

/**
 * struct tmem_pool - objects of one client and kind
 * @tmem: where it is
 * @objects: its objects by oid
 * @id: its number
 * @client: whose number that is
 * @kind: kind of its pages
 * @pages: those of them that are here, in frames
 * @words_lock: held while words are dropped; protects @words
 * @words: how far the walk in search of words has come
 * @rcu: for kfree_rcu()
 */
struct tmem_pool {
	struct tmem *tmem;
	struct rhashtable objects;
	u32 id;
	u16 client;
	enum tmem_kind kind;
	atomic64_t pages;
	struct mutex words_lock; /* protects words */
	struct rhashtable_iter words;
	struct rcu_head rcu;
};

/**
 * struct tmem_object - the pages of one oid; pages.xa_lock is its lock
 * @link: place in the pool's hash
 * @oid: its name
 * @pages: slots by index
 * @pool: where it is
 * @dead: it has left the hash and is empty for ever
 * @slots: number of slots that hold something; the tree cannot tell, because a
 *	store that failed may leave nodes without a slot in it
 * @place: its places on the rings of the index
 * @home_next: index at which the search for pages to bring home goes on
 * @creditors: nodes to which a debt was added since the last time that there
 *	was none to that node: a hint that spares most searches
 * @doom: what is up to this version old was flushed, and is not found any more
 * @doom_next: the index from which on such pages are still to be freed
 * @doomed: place among tmem->doomed while there may be any
 * @rcu: for kfree_rcu()
 */
struct tmem_object {
	struct rhash_head link;
	struct tmem_oid oid;
	struct xarray pages;
	struct tmem_pool *pool;
	bool dead;
	unsigned long slots;
	struct tmem_place place[TMEM_NR_RINGS];
	unsigned long home_next;
	DECLARE_BITMAP(creditors, TMEM_NODES);
	u64 doom;
	u32 doom_next;
	struct list_head doomed;
	struct rcu_head rcu;
};

/* Before a page that is here is given up. */
static inline void tmem_page_wipe(struct tmem_pool *pool, void *page)
{
	unsigned long handle = (unsigned long)page;

	if (pool->tmem->wipe)
		memset(zbud_data(handle), 0, zbud_size(handle));
}

/*
 * words and slots
 */

static_assert(TMEM_NODE_SHIFT + TMEM_COPIES * TMEM_NODE_BITS == 61);

static inline u64 word_make(struct tmem_peers peers, u64 version)
{
	return (u64)peers.node[1] << (TMEM_NODE_SHIFT + TMEM_NODE_BITS) |
	       (u64)peers.node[0] << TMEM_NODE_SHIFT | version;
}

static inline struct tmem_peers word_peers(u64 word)
{
	return (struct tmem_peers) { {
		word >> TMEM_NODE_SHIFT,
		word >> (TMEM_NODE_SHIFT + TMEM_NODE_BITS),
	} };
}

static inline bool word_has(u64 word, u8 node)
{
	return tmem_peers_has(word_peers(word), node);
}

/* Whether nobody else has it. */
static inline bool word_is_lone(u64 word)
{
	return word_peers(word).node[1] == TMEM_NO_NODE;
}

static inline u64 word_version(u64 word)
{
	return word & TMEM_VERSION_MAX;
}

/* The same with the other peer alone; without flags. */
static inline u64 word_without(u64 word, u8 node)
{
	return word_make(tmem_peers_without(word_peers(word), node),
			 word_version(word));
}

static inline bool slot_is_local(const void *slot)
{
	return slot && !xa_is_value(slot);
}

static inline u64 word_make_filled(u8 fill, u64 version)
{
	return word_make(tmem_peer(fill), version) | TMEM_FILLED;
}

static inline u8 word_fill(u64 word)
{
	return word >> TMEM_NODE_SHIFT;
}

static inline bool slot_is_remote(const void *slot)
{
	return xa_is_value(slot) && !(xa_to_value(slot) & TMEM_SLOT_FLAGS);
}

static inline bool slot_is_filled(const void *slot)
{
	return xa_is_value(slot) &&
	       (xa_to_value(slot) & TMEM_SLOT_FLAGS) == TMEM_FILLED;
}

static inline bool slot_is_tombstone(const void *slot)
{
	return xa_is_value(slot) && xa_to_value(slot) & TMEM_TOMBSTONE;
}

static inline struct tmem_header *slot_header(void *slot)
{
	return zbud_data((unsigned long)slot);
}

static inline u64 slot_version(void *slot)
{
	if (xa_is_value(slot))
		return word_version(xa_to_value(slot));
	return slot ? slot_header(slot)->version : 0;
}

/* The version from which on the slot's content has been the newest. */
static inline u64 slot_first(void *slot)
{
	return slot_is_local(slot) ? slot_header(slot)->first :
				     slot_version(slot);
}

/* What a peer has or may get to have of this page, with SENDING; or 0. */
static inline u64 slot_word(void *slot)
{
	if (slot_is_filled(slot))
		return 0;
	if (xa_is_value(slot))
		return xa_to_value(slot) & ~TMEM_TOMBSTONE;
	return slot ? slot_header(slot)->owed : 0;
}

/* Was it there when the whole object was flushed?  Then nobody may see it. */
static inline bool slot_is_doomed(const struct tmem_object *obj, void *slot)
{
	return slot && slot_first(slot) <= obj->doom;
}

/* What a slot holds as far as the owner knows; the object is locked. */
static inline void *tmem_slot_load(struct tmem_object *obj, u32 index)
{
	void *slot = xa_load(&obj->pages, index);

	return slot_is_doomed(obj, slot) ? NULL : slot;
}

static inline struct zbud_pool *object_zbud(const struct tmem_object *obj)
{
	return obj->pool->tmem->zbud[obj->pool->kind];
}

static inline void slot_free_local(struct tmem_object *obj, void *slot)
{
	tmem_page_free(obj->pool, slot);
}

static inline void slot_ready(struct tmem_object *obj, void *slot)
{
	zbud_ready(object_zbud(obj), (unsigned long)slot);
}

/*
 * Write a word over a slot that holds something.  No node of the tree is needed
 * for that, so it cannot fail.
 */
static inline void slot_set_word(struct tmem_object *obj, u32 index, u64 word)
{
	void *old = __xa_store(&obj->pages, index, xa_mk_value(word), 0);

	WARN_ON_ONCE(!old || xa_is_err(old));
}

/* Make a slot that holds something empty. */
static inline void slot_erase(struct tmem_object *obj, u32 index)
{
	void *old = __xa_erase(&obj->pages, index);

	if (!WARN_ON_ONCE(!old))
		obj->slots--;
}

static inline void tmem_count_filled(struct tmem_object *obj, const void *slot,
				     int change)
{
	struct tmem *tmem = obj->pool->tmem;

	atomic64_add(change, &tmem->filled[obj->pool->kind]);
	if (!word_fill(xa_to_value(slot)))
		atomic64_add(change, &tmem->zeroes);
}

/* tmem.c */
int tmem_page_alloc(struct tmem_pool *pool, const struct tmem_oid *oid,
		    u32 index, const struct tmem_blob *blob, bool *evicted,
		    gfp_t gfp, void **page);
int tmem_objects_init(struct tmem_pool *pool);
u64 tmem_new_version(struct tmem_object *obj);
struct tmem_object *tmem_object_find(struct tmem_pool *pool,
				     const struct tmem_oid *oid);
void tmem_object_unlock(struct tmem_object *obj)
	__releases(&obj->pages.xa_lock);
void tmem_page_look(void *page, struct tmem_blob *blob);
void tmem_page_read(void *page, struct tmem_blob *blob);
int tmem_slot_get(void *slot, struct tmem_blob *blob);

/* tmem_flush.c */
void tmem_slot_vacate(struct tmem_object *obj, u32 index, void *slot);
bool tmem_slot_flush(struct tmem_object *obj, u32 index, void *slot,
		     u64 version);
struct zbud_frame *tmem_evict_isolated(struct tmem *tmem,
				       const struct tmem_handle *handle,
				       const u64 *version, unsigned int nr,
				       unsigned int *dropped);
struct zbud_frame *tmem_evict_frame(struct tmem *tmem);
void tmem_doom_work(struct work_struct *work);
void tmem_doom_forget(struct tmem_pool *pool);
void tmem_doom_done(struct tmem_object *obj);

/* tmem_move.c */
struct tmem_object *tmem_handle_find(struct tmem *tmem,
				     const struct tmem_handle *handle);
void tmem_rings_init(struct tmem *tmem);
void tmem_ring_walk(struct tmem *tmem, enum tmem_ring_id id,
		    bool (*look)(struct tmem_object *obj, void *arg),
		    void *arg);
void tmem_away_add(struct tmem_object *obj, u32 index, u64 word);
void tmem_away_del(struct tmem_object *obj, u32 index, u64 word);
void tmem_away_lose(struct tmem_object *obj, u32 index, u64 word, u8 node);
void tmem_debt_add(struct tmem_object *obj, u32 index, u64 word);
void tmem_debt_del(struct tmem_object *obj, u32 index);

#endif /* _RAMSTER_TMEM_INT_H */
