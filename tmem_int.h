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
#include <linux/xarray.h>

#include "tmem.h"

#define TMEM_DEBT_MARK		XA_MARK_0

/* A word: version in bits 0 to 52, node in 53 to 60, and two flags. */
#define TMEM_NODE_SHIFT		TMEM_VERSION_BITS
#define TMEM_SENDING		BIT_ULL(61)
#define TMEM_TOMBSTONE		BIT_ULL(62)

/**
 * struct tmem_header - what stands before the bytes of a blob in its zpage
 * @oid: object of the page; with @index, @pool and @client its name, for who
 *	isolates it
 * @version: version of the page
 * @first: version as which these bytes were put; @version is higher if they
 *	have to be sent once more (see tmem_slot_sent())
 * @owed: word of a copy that some peer holds, may hold or will hold; or 0
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

/**
 * struct tmem - one index, with the frames of its pages
 * @pools: all pools by client and number
 * @zbud: frames by kind of page
 * @version: last version that was given to a page
 * @owes: told about each new debt
 * @owes_arg: its argument
 * @collect_lock: one collection at a time; also protects @collection
 * @collection: number of the running collection
 * @debt_lock: protects @debtors
 * @debtors: objects with a debt; the one to be looked at next is the first
 * @objects: as in struct tmem_stats, and so are those that follow
 * @objects_max: highest @objects
 * @remote: pages with a peer
 * @debts: slots with a debt
 * @sending: pages on their way
 */
struct tmem {
	struct xarray pools;
	struct zbud_pool *zbud[TMEM_NR_KINDS];
	atomic64_t version;
	void (*owes)(void *arg);
	void *owes_arg;
	struct mutex collect_lock; /* one collection at a time */
	u64 collection;
	spinlock_t debt_lock; /* protects debtors */
	struct list_head debtors;
	atomic64_t objects;
	atomic64_t objects_max;
	atomic64_t remote[TMEM_NR_KINDS];
	atomic64_t debts;
	atomic64_t sending;
};

/**
 * struct tmem_pool - objects of one client and kind
 * @tmem: where it is
 * @objects: its objects by oid
 * @id: its number
 * @client: whose number that is
 * @kind: kind of its pages
 * @rcu: for kfree_rcu()
 */
struct tmem_pool {
	struct tmem *tmem;
	struct rhashtable objects;
	u32 id;
	u16 client;
	enum tmem_kind kind;
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
 * @debts: number of slots with TMEM_DEBT_MARK
 * @debtor: place among tmem->debtors while @debts is not 0
 * @collection: the last collection that has looked at it (tmem->collect_lock)
 * @creditors: nodes to which a debt was added since the last time that there
 *	was none to that node: a hint that spares most searches
 * @rcu: for kfree_rcu()
 */
struct tmem_object {
	struct rhash_head link;
	struct tmem_oid oid;
	struct xarray pages;
	struct tmem_pool *pool;
	bool dead;
	unsigned long slots;
	unsigned int debts;
	struct list_head debtor;
	u64 collection;
	DECLARE_BITMAP(creditors, TMEM_NODES);
	struct rcu_head rcu;
};

/*
 * words and slots
 */

static inline u64 word_make(u8 node, u64 version)
{
	return (u64)node << TMEM_NODE_SHIFT | version;
}

static inline u8 word_node(u64 word)
{
	return word >> TMEM_NODE_SHIFT;
}

static inline u64 word_version(u64 word)
{
	return word & TMEM_VERSION_MAX;
}

static inline bool slot_is_local(const void *slot)
{
	return slot && !xa_is_value(slot);
}

static inline bool slot_is_remote(const void *slot)
{
	return xa_is_value(slot) && !(xa_to_value(slot) & TMEM_TOMBSTONE);
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
	if (xa_is_value(slot))
		return xa_to_value(slot) & ~TMEM_TOMBSTONE;
	return slot ? slot_header(slot)->owed : 0;
}

static inline struct zbud_pool *object_zbud(const struct tmem_object *obj)
{
	return obj->pool->tmem->zbud[obj->pool->kind];
}

static inline void slot_free_local(struct tmem_object *obj, void *slot)
{
	zbud_free(object_zbud(obj), (unsigned long)slot);
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

static inline void tmem_count_remote(struct tmem_object *obj, int change)
{
	atomic64_add(change, &obj->pool->tmem->remote[obj->pool->kind]);
}

/* tmem.c */
u64 tmem_new_version(struct tmem_object *obj);
struct tmem_object *tmem_object_find(struct tmem_pool *pool,
				     const struct tmem_oid *oid);
void tmem_object_unlock(struct tmem_object *obj)
	__releases(&obj->pages.xa_lock);
void tmem_page_read(void *page, struct tmem_blob *blob);

/* tmem_move.c */
void tmem_debt_add(struct tmem_object *obj, u32 index, u64 word);
void tmem_debt_del(struct tmem_object *obj, u32 index);

#endif /* _RAMSTER_TMEM_INT_H */
