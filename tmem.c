// SPDX-License-Identifier: GPL-2.0
/*
 * tmem: the index of the store.  tmem.h tells what for, and the lock order.
 *
 * A pool finds an object by its 24-byte oid in an rhashtable; an object finds a
 * page by its index in an xarray, whose lock is the object's lock.  A slot of
 * the xarray holds
 *
 *   a pointer    a page that is here: its zbud handle.  The zpage begins with a
 *                struct tmem_header, then come the bytes of the blob
 *   a value      a *word*: one node or two, version and two flags.  Without a
 *                flag the page is with these nodes, in that version; with
 *                TOMBSTONE there is no page, but they may hold that version or
 *                will; with SENDING alone, a page of one byte value, which is
 *                here in full
 *
 * All copies of a page have one version, and so there is one word for them.  The
 * word of what peers may hold although its owner does not want it, the
 * debt, is in the slot itself if there is no page, and in the header's @owed of
 * the page that is here otherwise.  The flag SENDING says that a copy is on its
 * way and that tmem_send_done() will tell what became of it; until then the
 * word is not yet a debt that could be settled.  Slots with a debt proper have
 * TMEM_DEBT_MARK, and an object that has such a slot is on the list of debtors.
 *
 * A slot has no room for a debt and a byte value, so a page of one value that
 * replaces something that a peer has goes the way of all pages.
 *
 * There is one word a slot, so a page with a word is not sent.  That is ensured
 * by not making its zpage ready, and so never isolating it; the page becomes
 * ready when its word goes away.
 *
 * Versions rise with the order in which the pages of an object are stored,
 * because they are drawn under its lock; and a page whose sending ended in
 * doubt gets a new version.  So what a peer is told to forget is always older
 * than what it may be sent afterwards, and a message that comes late, or twice,
 * does no harm, be it for one page or for a whole object.  New pages are refused
 * while there still are versions for those that are here.
 *
 * A large object is flushed in one step all the same: its @doom says up to which
 * version its pages are gone, nobody sees these any more, and a worker frees
 * them.  It is the object that is queued, so this allocates nothing.
 *
 * Life times: an object without pages is dead and leaves the hash at once; it
 * is freed by RCU, and so is a pool.  What finds its pool by a handle does so
 * in an RCU read-side section that ends with the operation, so a pool may be
 * destroyed at any time as far as these are concerned.  Who uses a pool pointer
 * has to see to it that the pool lives.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "tmem_int.h"

/* One call less than memcmp(): this happens for each page, both ways. */
static int tmem_object_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct tmem_oid *oid = &((const struct tmem_object *)obj)->oid;
	const struct tmem_oid *key = arg->key;

	return oid->word[0] != key->word[0] || oid->word[1] != key->word[1] ||
	       oid->word[2] != key->word[2];
}

static const struct rhashtable_params tmem_object_params = {
	.key_len = sizeof(struct tmem_oid),
	.key_offset = offsetof(struct tmem_object, oid),
	.head_offset = offsetof(struct tmem_object, link),
	.obj_cmpfn = tmem_object_cmp,
	.automatic_shrinking = true,
};

/*
 * objects
 */

/**
 * tmem_objects_init - make a pool's hash of objects
 * @pool: the pool; rhashtable_free_and_destroy() undoes it
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int tmem_objects_init(struct tmem_pool *pool)
{
	return rhashtable_init(&pool->objects, &tmem_object_params);
}

/**
 * tmem_object_find - find an object
 * @pool: where
 * @oid: its name
 *
 * Context: any; in an RCU read-side section, for as long as the object is used.
 * Return: the object, which may be dead when it is locked; or NULL.
 */
struct tmem_object *tmem_object_find(struct tmem_pool *pool,
				     const struct tmem_oid *oid)
{
	return rhashtable_lookup(&pool->objects, oid, tmem_object_params);
}

static struct tmem_object *tmem_object_alloc(struct tmem_pool *pool,
					     const struct tmem_oid *oid,
					     gfp_t gfp)
{
	struct tmem_object *obj = kzalloc(sizeof(*obj), gfp);

	if (!obj)
		return NULL;
	obj->oid = *oid;
	obj->pool = pool;
	xa_init(&obj->pages);
	INIT_LIST_HEAD(&obj->doomed);
	return obj;
}

static void tmem_count_object(struct tmem *tmem)
{
	s64 objects = atomic64_inc_return(&tmem->objects);
	s64 seen = atomic64_read(&tmem->objects_max);

	while (objects > seen &&
	       !atomic64_try_cmpxchg(&tmem->objects_max, &seen, objects))
		;
}

/*
 * Find an object, or make *@spare it and set that to NULL.  If the hash has
 * other plans, *@spare stays the caller's.
 */
static struct tmem_object *tmem_object_get(struct tmem_pool *pool,
					   const struct tmem_oid *oid,
					   struct tmem_object **spare)
{
	struct tmem_object *obj;

	if (!*spare)
		return tmem_object_find(pool, oid);
	obj = rhashtable_lookup_get_insert_fast(&pool->objects, &(*spare)->link,
						tmem_object_params);
	if (!obj) {
		obj = *spare;
		*spare = NULL;
		tmem_count_object(pool->tmem);
	}
	return obj;
}

/* Nobody finds the object any more; who has found it looks at @dead. */
static void tmem_object_kill(struct tmem_object *obj)
{
	lockdep_assert_held(&obj->pages.xa_lock);
	WARN_ON_ONCE(obj->place[TMEM_DEBTORS].slots ||
		     obj->place[TMEM_LENDERS].slots);
	obj->dead = true;
	tmem_doom_done(obj);
	rhashtable_remove_fast(&obj->pool->objects, &obj->link,
			       tmem_object_params);
	atomic64_dec(&obj->pool->tmem->objects);
}

/**
 * tmem_object_unlock - let go of an object that may have lost its last slot
 * @obj: the object; locked, maybe dead
 *
 * An object without slots dies at once; others may still wait for its lock.
 *
 * Context: in the RCU read-side section in which the object was found.
 */
void tmem_object_unlock(struct tmem_object *obj)
	__releases(&obj->pages.xa_lock)
{
	bool dies = !obj->dead && !obj->slots;

	if (dies)
		tmem_object_kill(obj);
	xa_unlock(&obj->pages);
	if (dies) {
		/* The nodes that a store which failed has left. */
		xa_destroy(&obj->pages);
		kfree_rcu(obj, rcu);
	}
}

/*
 * put
 */

/*
 * Room for a blob: in a frame that is half used; or else in a new frame, or in
 * that of the oldest ephemeral pages.
 */
static int tmem_room(struct tmem_pool *pool, size_t size, bool *evicted,
		     gfp_t gfp, unsigned long *handle)
{
	struct zbud_pool *zbud = pool->tmem->zbud[pool->kind];
	struct zbud_frame *frame;

	if (!evicted)
		return zbud_alloc(zbud, size, gfp, handle) ? -ENOSPC : 0;

	*handle = zbud_fit(zbud, size);
	if (*handle)
		return 0;
	frame = tmem_evict_frame(pool->tmem);
	if (!frame)
		return -ENOSPC;
	*evicted = true;
	*handle = zbud_fill(zbud, frame, size);
	return 0;
}

/**
 * tmem_page_alloc - put a blob into a frame
 * @pool: pool of the page
 * @oid: its object
 * @index: its index
 * @blob: data, len and crc; len is at most TMEM_MAX_BLOB
 * @evicted: rather than a new frame, take that of the oldest ephemeral pages;
 *	receives whether that was necessary.  NULL: do not
 * @gfp: for the frame
 * @page: receives what its slot is to hold; the header lacks what the slot
 *	decides, version, first and owed
 *
 * Context: task; sleeps only if @gfp allows it.
 * Return: 0 or -ENOSPC.
 */
int tmem_page_alloc(struct tmem_pool *pool, const struct tmem_oid *oid,
		    u32 index, const struct tmem_blob *blob, bool *evicted,
		    gfp_t gfp, void **page)
{
	struct tmem_header *header;
	unsigned long handle;
	int err;

	err = tmem_room(pool, sizeof(*header) + blob->len, evicted, gfp,
			&handle);
	if (err)
		return err;
	*page = (void *)handle;
	header = slot_header(*page);
	*header = (struct tmem_header) {
		.oid = *oid,
		.index = index,
		.pool = pool->id,
		.client = pool->client,
		.crc = blob->crc,
		.len = blob->len,
	};
	memcpy(header + 1, blob->data, blob->len);
	atomic64_inc(&pool->pages);
	return 0;
}

/**
 * tmem_page_free - give up a page that is here
 * @pool: its pool
 * @page: what its slot held, or what tmem_take() gave
 *
 * Context: task or atomic.  Takes the zbud pool's lock.
 */
void tmem_page_free(struct tmem_pool *pool, void *page)
{
	tmem_page_wipe(pool, page);
	atomic64_dec(&pool->pages);
	zbud_free(pool->tmem->zbud[pool->kind], (unsigned long)page);
}
EXPORT_SYMBOL_GPL(tmem_page_free);

/**
 * tmem_new_version - draw a version for a page
 * @obj: its object; locked, so that the versions of its pages rise in time
 *
 * Return: a version that no page had before.
 */
u64 tmem_new_version(struct tmem_object *obj)
{
	lockdep_assert_held(&obj->pages.xa_lock);
	return atomic64_inc_return(&obj->pool->tmem->version);
}

/*
 * May a page of this version (0: a new one) replace what is in the slot?
 * Returns 0, -EALREADY if it is there, -ESTALE if something newer was, or -ENOSPC
 * if new pages cannot be told from old ones any more.
 */
static int tmem_may_replace(const struct tmem *tmem, void *slot, u64 version)
{
	if (!version)
		return atomic64_read(&tmem->version) < TMEM_VERSION_LAST_PUT ?
		       0 : -ENOSPC;
	if (slot_version(slot) < version)
		return 0;
	if (slot_version(slot) == version && !slot_is_tombstone(slot))
		return -EALREADY;
	return -ESTALE;
}

/*
 * Write a slot under the object's lock, where only memory can be had that is
 * free at this moment.  PF_MEMALLOC is masked, since neither the xarray nor the
 * hash (see tmem_put_page()) would respect __GFP_NOMEMALLOC: a put never touches
 * the reserves.
 */
static int tmem_slot_write(struct tmem_object *obj, u32 index, void *old,
			   void *slot)
{
	int err;

	err = xa_err(__xa_store(&obj->pages, index, slot,
				GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN));
	if (!err)
		obj->slots += !old;
	return err;
}

/* What was in a slot is no longer there; a debt that it had is the caller's. */
static void tmem_slot_replaced(struct tmem_object *obj, u32 index, void *old)
{
	if (slot_is_remote(old))
		tmem_away_del(obj, index, slot_word(old));
	else if (slot_is_filled(old))
		tmem_count_filled(obj, old, -1);
	else if (slot_is_local(old))
		slot_free_local(obj, old);
}

static int tmem_slot_store(struct tmem_object *obj, u32 index, void *old,
			   void *page, struct tmem_blob *blob)
{
	struct tmem_header *header = slot_header(page);
	int err;

	lockdep_assert_held(&obj->pages.xa_lock);
	header->version = blob->version ?: tmem_new_version(obj);
	header->first = header->version;
	header->owed = slot_word(old);
	err = tmem_slot_write(obj, index, old, page);
	if (err)
		return err;

	blob->version = header->version;
	if (slot_is_remote(old))
		tmem_debt_add(obj, index, header->owed);
	tmem_slot_replaced(obj, index, old);
	if (!header->owed)
		slot_ready(obj, page);
	return 0;
}

/* The same without a frame, for a page of one byte value. */
static int tmem_slot_store_fill(struct tmem_object *obj, u32 index, void *old,
				struct tmem_blob *blob)
{
	u64 version;
	void *slot;
	int err;

	lockdep_assert_held(&obj->pages.xa_lock);
	if (slot_word(old))
		return -EBUSY;
	version = tmem_new_version(obj);
	slot = xa_mk_value(word_make_filled(blob->fill, version));
	err = tmem_slot_write(obj, index, old, slot);
	if (err)
		return err;

	blob->version = version;
	tmem_slot_replaced(obj, index, old);
	tmem_count_filled(obj, slot, 1);
	return 0;
}

static int tmem_object_put(struct tmem_object *obj, u32 index, void *page,
			   struct tmem_blob *blob)
{
	void *old;
	int err;

	xa_lock(&obj->pages);
	if (obj->dead) {
		err = -EAGAIN;
	} else {
		old = xa_load(&obj->pages, index);
		err = tmem_may_replace(obj->pool->tmem, old, blob->version);
		if (!err && page)
			err = tmem_slot_store(obj, index, old, page, blob);
		else if (!err)
			err = tmem_slot_store_fill(obj, index, old, blob);
	}
	tmem_object_unlock(obj);
	return err;
}

/* Find or make the object, and store @page, or the value if it is NULL. */
static int tmem_put_page(struct tmem_pool *pool, const struct tmem_oid *oid,
			 u32 index, void *page, struct tmem_blob *blob,
			 gfp_t gfp)
{
	struct tmem_object *obj, *spare = NULL;
	unsigned long flags = current->flags;
	int err;

	do {
		current->flags &= ~PF_MEMALLOC;
		rcu_read_lock();
		obj = tmem_object_get(pool, oid, &spare);
		if (!obj)
			err = -EAGAIN;
		else if (IS_ERR(obj))
			err = -ENOMEM;
		else
			err = tmem_object_put(obj, index, page, blob);
		rcu_read_unlock();
		current_restore_flags(flags, PF_MEMALLOC);

		if (err == -EAGAIN && !spare) {
			spare = tmem_object_alloc(pool, oid, gfp);
			if (!spare)
				err = -ENOMEM;
		}
	} while (err == -EAGAIN);
	kfree(spare);
	return err;
}

static int tmem_put_blob(struct tmem_pool *pool, const struct tmem_oid *oid,
			 u32 index, struct tmem_blob *blob, bool *evicted,
			 gfp_t gfp)
{
	void *page = NULL;
	int err;

	if (blob->len > TMEM_MAX_BLOB || blob->version > TMEM_VERSION_MAX ||
	    (blob->filled && blob->version))
		return -EINVAL;
	if (!blob->filled) {
		err = tmem_page_alloc(pool, oid, index, blob, evicted, gfp,
				      &page);
		if (err)
			return err;
	}
	err = tmem_put_page(pool, oid, index, page, blob, gfp);
	if (err && page)
		tmem_page_free(pool, page);
	return err == -EALREADY ? 0 : err;
}

/**
 * tmem_put - store a page
 * @pool: where
 * @oid: object
 * @index: page within the object
 * @blob: data, len and crc to store.  version 0 asks for a new version, which
 *	is written back: the owner's put.  Any other is a server's put, and is
 *	stored only over something older.  With filled, which is for owners, the
 *	page is not stored but described: it is made of the byte fill
 * @gfp: for everything that is allocated without a lock.  What is allocated
 *	under one is never waited for, and never taken from the reserves.
 *
 * After an error the slot is as it was.
 *
 * Context: task; sleeps only if @gfp allows it.  Takes the object's lock.
 * Return: 0, also if just this version is here already; -ESTALE if a newer one
 *	is or was; -EINVAL if the blob is too long or the version too high;
 *	-ENOSPC if no frame can be had; -ENOMEM if the index cannot grow; or,
 *	only with filled, -EBUSY if the slot has no room for the value, because a
 *	peer has to be told something.
 */
int tmem_put(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	     struct tmem_blob *blob, gfp_t gfp)
{
	return tmem_put_blob(pool, oid, index, blob, NULL, gfp);
}
EXPORT_SYMBOL_GPL(tmem_put);

/**
 * tmem_put_evict - store a page in place of the oldest ephemeral ones
 * @pool: where
 * @oid: object
 * @index: page within the object
 * @blob: as tmem_put()
 * @gfp: as tmem_put(); no frame is allocated
 * @evicted: receives whether a frame was taken from ephemeral pages
 *
 * The page goes into a frame that is half used; or else, into the frame of the
 * oldest ephemeral pages, which are dropped, whatever @pool's kind is.
 *
 * Context: as tmem_put().  Takes the locks of the objects of these pages.
 * Return: as tmem_put(); -ENOSPC if there is no ephemeral frame.
 */
int tmem_put_evict(struct tmem_pool *pool, const struct tmem_oid *oid,
		   u32 index, struct tmem_blob *blob, gfp_t gfp, bool *evicted)
{
	*evicted = false;
	return tmem_put_blob(pool, oid, index, blob, evicted, gfp);
}
EXPORT_SYMBOL_GPL(tmem_put_evict);

/*
 * get
 */

/**
 * tmem_page_look - find the bytes of a page that is here
 * @page: what its slot holds; the object is locked
 * @blob: receives all but filled: data points to where the bytes are
 */
void tmem_page_look(void *page, struct tmem_blob *blob)
{
	struct tmem_header *header = slot_header(page);

	blob->len = header->len;
	blob->crc = header->crc;
	blob->version = header->version;
	blob->data = header + 1;
}

/**
 * tmem_page_read - copy a page that is here
 * @page: what its slot holds; the object is locked
 * @blob: data points to room for TMEM_MAX_BLOB bytes.  Receives the bytes, len,
 *	crc and version.
 */
void tmem_page_read(void *page, struct tmem_blob *blob)
{
	void *to = blob->data;

	tmem_page_look(page, blob);
	memcpy(to, blob->data, blob->len);
	blob->data = to;
}

/**
 * tmem_slot_get - read what a slot holds
 * @slot: what it holds, as far as its owner knows; the object is locked
 * @blob: as for tmem_get()
 *
 * Return: as tmem_get().
 */
int tmem_slot_get(void *slot, struct tmem_blob *blob)
{
	blob->filled = slot_is_filled(slot);
	if (blob->filled) {
		blob->fill = word_fill(xa_to_value(slot));
		blob->version = slot_version(slot);
		blob->len = 0;
		return 0;
	}
	if (slot_is_local(slot)) {
		tmem_page_read(slot, blob);
		return 0;
	}
	if (!slot_is_remote(slot))
		return -ENOENT;
	blob->version = slot_version(slot);
	blob->peers = word_peers(slot_word(slot));
	return -EREMOTE;
}

/**
 * tmem_get - read a page
 * @pool: where
 * @oid: object
 * @index: page within the object
 * @blob: data points to room for TMEM_MAX_BLOB bytes.  Receives the bytes, len,
 *	crc and version of a page that is here; filled, fill and version of one
 *	that is made of a single byte value; version and node of one that is
 *	with a peer
 *
 * The page stays.  tmem_take() is the get that removes it.
 *
 * Context: task or atomic.  Takes the object's lock.
 * Return: 0, -EREMOTE if a peer has it, or -ENOENT.
 */
int tmem_get(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	     struct tmem_blob *blob)
{
	struct tmem_object *obj;
	int err = -ENOENT;

	rcu_read_lock();
	obj = tmem_object_find(pool, oid);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			err = tmem_slot_get(tmem_slot_load(obj, index), blob);
		xa_unlock(&obj->pages);
	}
	rcu_read_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(tmem_get);

/**
 * tmem_locate - where is a page?
 * @pool: where to look
 * @oid: object
 * @index: page within the object
 * @version: with -EREMOTE, receives its version
 * @peers: with -EREMOTE, receives who has it
 *
 * Context: task or atomic.  Takes the object's lock.
 * Return: 0 if it is here, -EREMOTE if a peer has it, or -ENOENT.
 */
int tmem_locate(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
		u64 *version, struct tmem_peers *peers)
{
	struct tmem_object *obj;
	void *slot = NULL;

	rcu_read_lock();
	obj = tmem_object_find(pool, oid);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			slot = tmem_slot_load(obj, index);
		if (slot_is_remote(slot)) {
			*version = slot_version(slot);
			*peers = word_peers(slot_word(slot));
		}
		xa_unlock(&obj->pages);
	}
	rcu_read_unlock();
	if (slot_is_remote(slot))
		return -EREMOTE;
	return slot && !slot_is_tombstone(slot) ? 0 : -ENOENT;
}
EXPORT_SYMBOL_GPL(tmem_locate);

/**
 * tmem_has - are these pages here, or with a peer?
 * @pool: where
 * @oid: object
 * @index: first page
 * @nr: number of pages
 *
 * Context: task or atomic.  Takes the object's lock.
 * Return: whether a get of each of them would have found something.
 */
bool tmem_has(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	      unsigned long nr)
{
	struct tmem_object *obj;
	unsigned long i = 0;
	void *slot;

	rcu_read_lock();
	obj = tmem_object_find(pool, oid);
	if (obj) {
		xa_lock(&obj->pages);
		for (; !obj->dead && i < nr && index + i <= U32_MAX; i++) {
			slot = tmem_slot_load(obj, index + i);
			if (!slot || slot_is_tombstone(slot))
				break;
		}
		xa_unlock(&obj->pages);
	}
	rcu_read_unlock();
	return obj && i == nr;
}
EXPORT_SYMBOL_GPL(tmem_has);
