// SPDX-License-Identifier: GPL-2.0
/*
 * tmem: indexes and their pools come and go, and what they hold is counted.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "tmem_int.h"

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
	tmem_rings_init(tmem);
	spin_lock_init(&tmem->doom_lock);
	INIT_LIST_HEAD(&tmem->doomed);
	INIT_WORK(&tmem->doom_work, tmem_doom_work);
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
 * tmem_wipe_freed - clear what is given up from now on
 * @tmem: index whose pages are none of this machine's business
 *
 * Context: before the first page is put.
 */
void tmem_wipe_freed(struct tmem *tmem)
{
	tmem->wipe = true;
}
EXPORT_SYMBOL_GPL(tmem_wipe_freed);

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
	cancel_work_sync(&tmem->doom_work);
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
	err = tmem_objects_init(pool);
	if (err)
		goto err_free;
	mutex_init(&pool->words_lock);
	rhashtable_walk_enter(&pool->objects, &pool->words);
	err = xa_insert(&tmem->pools, tmem_pool_key(client, id), pool,
			GFP_KERNEL);
	if (err)
		goto err_hash;
	return pool;

err_hash:
	rhashtable_walk_exit(&pool->words);
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
		tmem_away_del(obj, index, slot_word(slot));
	if (slot_is_filled(slot))
		tmem_count_filled(obj, slot, -1);
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
	tmem_doom_forget(pool);
	/* Let those finish who have found it by a handle, or an object of it. */
	synchronize_rcu();
	rhashtable_walk_exit(&pool->words);
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

/**
 * tmem_client_pages - count the pages of a client that are here, in frames
 * @tmem: where
 * @client: whose pages
 * @kind: of this kind
 *
 * Context: task or atomic.
 * Return: number of pages.
 */
u64 tmem_client_pages(struct tmem *tmem, u16 client, enum tmem_kind kind)
{
	struct tmem_pool *pool;
	unsigned long key;
	u64 pages = 0;

	/* Pools may go away meanwhile. */
	rcu_read_lock();
	xa_for_each_range(&tmem->pools, key, pool, tmem_pool_key(client, 0),
			  tmem_pool_key(client, U32_MAX))
		if (pool->kind == kind)
			pages += atomic64_read(&pool->pages);
	rcu_read_unlock();
	return pages;
}
EXPORT_SYMBOL_GPL(tmem_client_pages);

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
	stats->lone = atomic64_read(&tmem->lone);
	stats->debts = atomic64_read(&tmem->debts);
	stats->sending = atomic64_read(&tmem->sending);
	stats->zeroes = atomic64_read(&tmem->zeroes);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		stats->remote[kind] = atomic64_read(&tmem->remote[kind]);
		stats->filled[kind] = atomic64_read(&tmem->filled[kind]);
		zbud_get_stats(tmem->zbud[kind], &stats->zbud[kind]);
	}
}
EXPORT_SYMBOL_GPL(tmem_get_stats);

/**
 * tmem_get_frames - read the counters of one kind's frames, and no others
 * @tmem: where
 * @kind: kind of pages
 * @stats: receives them; all are of one moment
 *
 * Context: task or atomic.  Takes the lock of the zbud pool.
 */
void tmem_get_frames(struct tmem *tmem, enum tmem_kind kind,
		     struct zbud_stats *stats)
{
	zbud_get_stats(tmem->zbud[kind], stats);
}
EXPORT_SYMBOL_GPL(tmem_get_frames);

/* The nodes of a tree are at most six deep: an index has 32 bits. */
static unsigned long tmem_nodes_below(struct tmem_object *obj, void *entry)
{
	unsigned long nodes = 1;
	struct xa_node *node;
	unsigned int i;

	if (!xa_is_node(entry))
		return 0;
	node = xa_to_node(entry);
	for (i = 0; node->shift && i < XA_CHUNK_SIZE; i++)
		nodes += tmem_nodes_below(obj, xa_entry_locked(&obj->pages,
							       node, i));
	return nodes;
}

static u64 tmem_pool_nodes(struct tmem_pool *pool)
{
	struct rhashtable_iter iter;
	struct tmem_object *obj;
	u64 nodes = 0;

	rhashtable_walk_enter(&pool->objects, &iter);
	rhashtable_walk_start(&iter);
	while ((obj = rhashtable_walk_next(&iter))) {
		/* The hash has grown, and begins anew. */
		if (IS_ERR(obj)) {
			nodes = 0;
			continue;
		}
		xa_lock(&obj->pages);
		nodes += tmem_nodes_below(obj, xa_head_locked(&obj->pages));
		xa_unlock(&obj->pages);
		rhashtable_walk_stop(&iter);
		cond_resched();
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return nodes;
}

/**
 * tmem_count_nodes - count the nodes of all trees of the index
 * @tmem: where; its pools stay
 *
 * Walks over all objects, so it is for those who are curious.
 *
 * Context: may sleep.  Takes the objects' locks, one after the other.
 * Return: number of nodes; a guess if objects come and go meanwhile.
 */
u64 tmem_count_nodes(struct tmem *tmem)
{
	struct tmem_pool *pool;
	unsigned long key;
	u64 nodes = 0;

	xa_for_each(&tmem->pools, key, pool)
		nodes += tmem_pool_nodes(pool);
	return nodes;
}
EXPORT_SYMBOL_GPL(tmem_count_nodes);
