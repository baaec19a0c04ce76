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
 *   a value      a *word*: node, version and two flags.  Without the flag
 *                TOMBSTONE the page is with that node, in that version; with it
 *                there is no page, but the node may hold that version or will
 *
 * The word of what a peer may hold although its owner does not want it, the
 * debt, is in the slot itself if there is no page, and in the header's @owed of
 * the page that is here otherwise.  The flag SENDING says that a copy is on its
 * way and that tmem_send_done() will tell what became of it; until then the
 * word is not yet a debt that could be settled.  Slots with a debt proper have
 * TMEM_DEBT_MARK, and an object that has such a slot is on the list of debtors.
 *
 * There is one word a slot, so a page with a word is not sent.  That is ensured
 * by not making its zpage ready, and so never isolating it; the page becomes
 * ready when its word goes away.
 *
 * Versions rise with the order in which the pages of an object are stored,
 * because they are drawn under its lock; and a page whose sending ended in
 * doubt gets a new version.  So what a peer is told to forget is always older
 * than what it may be sent afterwards, and a message that comes late, or twice,
 * does no harm, be it for one page or for a whole object.
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

static const struct rhashtable_params tmem_object_params = {
	.key_len = sizeof(struct tmem_oid),
	.key_offset = offsetof(struct tmem_object, oid),
	.head_offset = offsetof(struct tmem_object, link),
	.automatic_shrinking = true,
};

/*
 * objects
 */

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
	INIT_LIST_HEAD(&obj->debtor);
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
	WARN_ON_ONCE(obj->debts);
	obj->dead = true;
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
 * pools
 */

static unsigned long tmem_pool_key(u16 client, u32 id)
{
	return (unsigned long)client << 32 | id;
}

/**
 * tmem_create - make an empty index
 * @owes: called whenever there is a new debt, under spinlocks and maybe with
 *	interrupts off; may be NULL
 * @arg: its argument
 *
 * Context: may sleep.
 * Return: the index, or ERR_PTR(-ENOMEM).
 */
struct tmem *tmem_create(void (*owes)(void *arg), void *arg)
{
	struct tmem *tmem;
	unsigned int kind;

	tmem = kzalloc(sizeof(*tmem), GFP_KERNEL);
	if (!tmem)
		return ERR_PTR(-ENOMEM);
	xa_init(&tmem->pools);
	mutex_init(&tmem->collect_lock);
	spin_lock_init(&tmem->debt_lock);
	INIT_LIST_HEAD(&tmem->debtors);
	tmem->owes = owes;
	tmem->owes_arg = arg;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		tmem->zbud[kind] = zbud_create();
		if (!tmem->zbud[kind]) {
			tmem_destroy(tmem);
			return ERR_PTR(-ENOMEM);
		}
	}
	return tmem;
}
EXPORT_SYMBOL_GPL(tmem_create);

/**
 * tmem_reserve - set frames aside for when there is no free memory
 * @tmem: for which index
 * @kind: for pages of which kind
 * @frames: how many, at least one
 *
 * Context: may sleep.
 * Return: 0, -EINVAL or -ENOMEM, as zbud_reserve().
 */
int tmem_reserve(struct tmem *tmem, enum tmem_kind kind, unsigned int frames)
{
	return zbud_reserve(tmem->zbud[kind], frames);
}
EXPORT_SYMBOL_GPL(tmem_reserve);

/**
 * tmem_destroy - free an index and all that is in it
 * @tmem: index that nobody uses any more
 *
 * Context: may sleep.
 */
void tmem_destroy(struct tmem *tmem)
{
	struct tmem_pool *pool;
	unsigned long key;
	unsigned int kind;

	xa_for_each(&tmem->pools, key, pool)
		tmem_pool_destroy(pool);
	xa_destroy(&tmem->pools);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		zbud_destroy(tmem->zbud[kind]);
	kfree(tmem);
}
EXPORT_SYMBOL_GPL(tmem_destroy);

/**
 * tmem_pool_create - make an empty pool
 * @tmem: where
 * @client: who owns its pages
 * @id: its number
 * @kind: kind of all its pages, for ever
 *
 * Context: may sleep.
 * Return: the pool; ERR_PTR(-EEXIST) if the client has a pool of that number
 *	already, of whatever kind; ERR_PTR(-EINVAL) for an unknown kind; or
 *	ERR_PTR(-ENOMEM).
 */
struct tmem_pool *tmem_pool_create(struct tmem *tmem, u16 client, u32 id,
				   enum tmem_kind kind)
{
	struct tmem_pool *pool;
	int err;

	if (kind >= TMEM_NR_KINDS)
		return ERR_PTR(-EINVAL);
	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->tmem = tmem;
	pool->client = client;
	pool->id = id;
	pool->kind = kind;
	err = rhashtable_init(&pool->objects, &tmem_object_params);
	if (err)
		goto err_free;
	err = xa_insert(&tmem->pools, tmem_pool_key(client, id), pool,
			GFP_KERNEL);
	if (err)
		goto err_hash;
	return pool;

err_hash:
	rhashtable_destroy(&pool->objects);
err_free:
	kfree(pool);
	return ERR_PTR(err == -EBUSY ? -EEXIST : err);
}
EXPORT_SYMBOL_GPL(tmem_pool_create);

/**
 * tmem_pool_find - find a pool by its name
 * @tmem: where
 * @client: who owns its pages
 * @id: its number
 *
 * Context: any; the caller sees to it that the pool is not destroyed meanwhile.
 * Return: the pool, or NULL.
 */
struct tmem_pool *tmem_pool_find(struct tmem *tmem, u16 client, u32 id)
{
	return xa_load(&tmem->pools, tmem_pool_key(client, id));
}
EXPORT_SYMBOL_GPL(tmem_pool_find);

/**
 * tmem_pool_kind - tell the kind of a pool's pages
 * @pool: which
 *
 * Context: any.
 * Return: its kind.
 */
enum tmem_kind tmem_pool_kind(const struct tmem_pool *pool)
{
	return pool->kind;
}
EXPORT_SYMBOL_GPL(tmem_pool_kind);

/* Forget a slot whatever it holds; the object is going away. */
static void tmem_slot_drop(struct tmem_object *obj, u32 index, void *slot)
{
	if (xa_get_mark(&obj->pages, index, TMEM_DEBT_MARK))
		tmem_debt_del(obj, index);
	if (slot_word(slot) & TMEM_SENDING)
		atomic64_dec(&obj->pool->tmem->sending);
	if (slot_is_remote(slot))
		tmem_count_remote(obj, -1);
	if (slot_is_local(slot))
		slot_free_local(obj, slot);
}

static void tmem_object_destroy(void *ptr, void *arg)
{
	struct tmem_object *obj = ptr;
	unsigned long index;
	void *slot;

	xa_lock(&obj->pages);
	obj->dead = true;
	xa_for_each(&obj->pages, index, slot)
		tmem_slot_drop(obj, index, slot);
	xa_unlock(&obj->pages);
	/* Who still waits for the lock looks at @dead and at nothing else. */
	xa_destroy(&obj->pages);
	atomic64_dec(&obj->pool->tmem->objects);
	kfree_rcu(obj, rcu);
}

/**
 * tmem_pool_destroy - free a pool with all its pages
 * @pool: which
 *
 * Nothing of it remains: not its debts either, so peers have to be told to
 * destroy theirs.
 *
 * Context: may sleep.  Nobody uses @pool any more.  Functions that are given a
 * struct tmem_handle or a struct tmem_debt of the pool may run at the same
 * time.
 */
void tmem_pool_destroy(struct tmem_pool *pool)
{
	xa_erase(&pool->tmem->pools, tmem_pool_key(pool->client, pool->id));
	/* Let those finish who have found it by a handle. */
	synchronize_rcu();
	rhashtable_free_and_destroy(&pool->objects, tmem_object_destroy, NULL);
	kfree_rcu(pool, rcu);
}
EXPORT_SYMBOL_GPL(tmem_pool_destroy);

/**
 * tmem_client_destroy - free all pools of a client
 * @tmem: where
 * @client: who owned them
 *
 * Context: as tmem_pool_destroy(), and nobody makes a pool for this client.
 */
void tmem_client_destroy(struct tmem *tmem, u16 client)
{
	struct tmem_pool *pool;
	unsigned long key;

	xa_for_each_range(&tmem->pools, key, pool, tmem_pool_key(client, 0),
			  tmem_pool_key(client, U32_MAX))
		tmem_pool_destroy(pool);
}
EXPORT_SYMBOL_GPL(tmem_client_destroy);

/*
 * put
 */

/* Put a blob into a frame, with a header that lacks what the slot decides. */
static int tmem_page_alloc(struct tmem_pool *pool, const struct tmem_oid *oid,
			   u32 index, const struct tmem_blob *blob, gfp_t gfp,
			   void **page)
{
	struct tmem_header *header;
	unsigned long handle;
	int err;

	err = zbud_alloc(pool->tmem->zbud[pool->kind],
			 sizeof(*header) + blob->len, gfp, &handle);
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
	return 0;
}

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
 * Returns 0, -EALREADY if it is there, or -ESTALE if something newer was.
 */
static int tmem_may_replace(void *slot, u64 version)
{
	if (!version || slot_version(slot) < version)
		return 0;
	if (slot_version(slot) == version && !slot_is_tombstone(slot))
		return -EALREADY;
	return -ESTALE;
}

/*
 * Store under the object's lock, where only memory can be had that is free at
 * this moment.  PF_MEMALLOC is masked, since neither the xarray nor the hash
 * (see tmem_put_page()) would respect __GFP_NOMEMALLOC: a put never touches
 * the reserves.
 */
static int tmem_slot_store(struct tmem_object *obj, u32 index, void *page,
			   struct tmem_blob *blob)
{
	struct tmem_header *header = slot_header(page);
	void *old = xa_load(&obj->pages, index);
	int err;

	lockdep_assert_held(&obj->pages.xa_lock);
	header->version = blob->version ?: tmem_new_version(obj);
	header->first = header->version;
	header->owed = slot_word(old);
	err = xa_err(__xa_store(&obj->pages, index, page,
				GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN));
	if (err)
		return err;

	obj->slots += !old;
	blob->version = header->version;
	if (slot_is_remote(old)) {
		tmem_count_remote(obj, -1);
		tmem_debt_add(obj, index, header->owed);
	} else if (slot_is_local(old)) {
		slot_free_local(obj, old);
	}
	if (!header->owed)
		slot_ready(obj, page);
	return 0;
}

static int tmem_object_put(struct tmem_object *obj, u32 index, void *page,
			   struct tmem_blob *blob)
{
	int err;

	xa_lock(&obj->pages);
	if (obj->dead) {
		err = -EAGAIN;
	} else {
		err = tmem_may_replace(xa_load(&obj->pages, index),
				       blob->version);
		if (!err)
			err = tmem_slot_store(obj, index, page, blob);
	}
	tmem_object_unlock(obj);
	return err;
}

/* Find or make the object, and store. */
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

/**
 * tmem_put - store a page
 * @pool: where
 * @oid: object
 * @index: page within the object
 * @blob: data, len and crc to store.  version 0 asks for a new version, which
 *	is written back: the owner's put.  Any other is a server's put, and is
 *	stored only over something older.
 * @gfp: for everything that is allocated without a lock.  What is allocated
 *	under one is never waited for, and never taken from the reserves.
 *
 * After an error the slot is as it was.
 *
 * Context: task; sleeps only if @gfp allows it.  Takes the object's lock.
 * Return: 0, also if just this version is here already; -ESTALE if a newer one
 *	is or was; -EINVAL if the blob is too long or the version too high; or
 *	-ENOMEM.
 */
int tmem_put(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	     struct tmem_blob *blob, gfp_t gfp)
{
	void *page;
	int err;

	if (blob->len > TMEM_MAX_BLOB || blob->version > TMEM_VERSION_MAX)
		return -EINVAL;
	err = tmem_page_alloc(pool, oid, index, blob, gfp, &page);
	if (err)
		return err;
	err = tmem_put_page(pool, oid, index, page, blob, gfp);
	if (err)
		zbud_free(pool->tmem->zbud[pool->kind], (unsigned long)page);
	return err == -EALREADY ? 0 : err;
}
EXPORT_SYMBOL_GPL(tmem_put);

/*
 * get
 */

/**
 * tmem_page_read - copy a page that is here
 * @page: what its slot holds; the object is locked
 * @blob: data points to room for TMEM_MAX_BLOB bytes.  Receives the bytes, len,
 *	crc and version.
 */
void tmem_page_read(void *page, struct tmem_blob *blob)
{
	const struct tmem_header *header = slot_header(page);

	blob->len = header->len;
	blob->crc = header->crc;
	blob->version = header->version;
	memcpy(blob->data, header + 1, header->len);
}

static int tmem_slot_get(void *slot, struct tmem_blob *blob)
{
	if (slot_is_local(slot)) {
		tmem_page_read(slot, blob);
		return 0;
	}
	if (!slot_is_remote(slot))
		return -ENOENT;
	blob->version = slot_version(slot);
	blob->node = word_node(slot_word(slot));
	return -EREMOTE;
}

/**
 * tmem_get - read a page
 * @pool: where
 * @oid: object
 * @index: page within the object
 * @blob: data points to room for TMEM_MAX_BLOB bytes.  Receives the bytes, len,
 *	crc and version of a page that is here; version and node of one that is
 *	with a peer.
 *
 * The page stays.  A get that shall remove it is followed by tmem_flush(): with
 * that version, if somebody may put the page meanwhile; else with 0, because a
 * page that is sent twice has another version by then.
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
			err = tmem_slot_get(xa_load(&obj->pages, index), blob);
		xa_unlock(&obj->pages);
	}
	rcu_read_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(tmem_get);

/*
 * flush
 */

/* Returns whether there was something readable to be forgotten. */
static bool tmem_slot_flush(struct tmem_object *obj, u32 index, void *slot,
			    u64 version)
{
	u64 word = slot_word(slot);

	lockdep_assert_held(&obj->pages.xa_lock);
	if (!slot || slot_is_tombstone(slot))
		return false;
	if (version && slot_first(slot) > version)
		return false;

	if (word)
		slot_set_word(obj, index, word | TMEM_TOMBSTONE);
	else
		slot_erase(obj, index);
	if (slot_is_remote(slot)) {
		tmem_count_remote(obj, -1);
		tmem_debt_add(obj, index, word);
	} else {
		slot_free_local(obj, slot);
	}
	return true;
}

/**
 * tmem_flush - forget a page
 * @pool: where
 * @oid: object
 * @index: page within the object
 * @version: forget this version or an older one; 0 means whichever it is
 *
 * Allocates nothing.  If a peer has to be told, that is a debt from now on.
 *
 * Context: task or atomic, interrupts on or off.  Takes the object's lock.
 * Return: whether there was something that a get would have found.
 */
bool tmem_flush(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
		u64 version)
{
	struct tmem_object *obj;
	bool found = false;

	rcu_read_lock();
	obj = tmem_object_find(pool, oid);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			found = tmem_slot_flush(obj, index,
						xa_load(&obj->pages, index),
						version);
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
	return found;
}
EXPORT_SYMBOL_GPL(tmem_flush);

/**
 * tmem_flush_object - forget all pages of an object
 * @pool: where
 * @oid: object
 * @version: forget this version or older ones; 0 means whichever they are
 *
 * Context: as tmem_flush().  The object's lock is held for the whole time.
 * Return: number of pages that a get would have found.
 */
unsigned long tmem_flush_object(struct tmem_pool *pool,
				const struct tmem_oid *oid, u64 version)
{
	struct tmem_object *obj;
	unsigned long index, found = 0;
	void *slot;

	rcu_read_lock();
	obj = tmem_object_find(pool, oid);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			xa_for_each(&obj->pages, index, slot)
				found += tmem_slot_flush(obj, index, slot,
							 version);
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
	return found;
}
EXPORT_SYMBOL_GPL(tmem_flush_object);

/**
 * tmem_get_stats - read the counters
 * @tmem: where
 * @stats: receives them; each is exact, but they are not of one moment
 *
 * Context: task or atomic.  Takes the locks of the zbud pools.
 */
void tmem_get_stats(struct tmem *tmem, struct tmem_stats *stats)
{
	unsigned int kind;

	stats->objects = atomic64_read(&tmem->objects);
	stats->objects_max = atomic64_read(&tmem->objects_max);
	stats->debts = atomic64_read(&tmem->debts);
	stats->sending = atomic64_read(&tmem->sending);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		stats->remote[kind] = atomic64_read(&tmem->remote[kind]);
		zbud_get_stats(tmem->zbud[kind], &stats->zbud[kind]);
	}
}
EXPORT_SYMBOL_GPL(tmem_get_stats);
