// SPDX-License-Identifier: GPL-2.0
/*
 * tmem: ephemeral pages that take no frame here are dropped, too.
 *
 * A page of one byte value, and one that is with a peer, is a word of the index
 * and no more.  So the frames' LRU does not know it, but words are memory: a
 * sparse file has as many as somebody cares to read, and a peer drops ephemeral
 * pages without telling their owner.  They are dropped in the order in which a
 * walk over the pool's objects comes to them.
 */
#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>

#include "tmem_int.h"

/* Slots that are looked at with the object's lock held. */
#define TMEM_WORDS_BATCH	256

/* Returns the index to go on with; beyond U32_MAX there is no more. */
static unsigned long tmem_object_drop_words(struct tmem_object *obj,
					    unsigned long index,
					    unsigned long nr,
					    unsigned long *dropped)
{
	unsigned int n = 0;
	void *slot;

	lockdep_assert_held(&obj->pages.xa_lock);
	for (slot = xa_find(&obj->pages, &index, U32_MAX, XA_PRESENT); slot;
	     slot = xa_find_after(&obj->pages, &index, U32_MAX, XA_PRESENT)) {
		if (n++ == TMEM_WORDS_BATCH || *dropped >= nr)
			return index;
		if (slot_is_filled(slot) || slot_is_remote(slot)) {
			tmem_slot_flush(obj, index, slot, 0);
			++*dropped;
		}
	}
	return (unsigned long)U32_MAX + 1;
}

/* The object may go away as soon as it is unlocked, but for its memory. */
static void tmem_object_evict_words(struct tmem_object *obj, unsigned long nr,
				    unsigned long *dropped)
{
	unsigned long index = 0;

	while (index <= U32_MAX && *dropped < nr) {
		xa_lock(&obj->pages);
		if (obj->dead)
			index = (unsigned long)U32_MAX + 1;
		else
			index = tmem_object_drop_words(obj, index, nr, dropped);
		tmem_object_unlock(obj);
	}
}

/* Begin again with the first object. */
static void tmem_words_rewind(struct tmem_pool *pool)
{
	rhashtable_walk_stop(&pool->words);
	rhashtable_walk_exit(&pool->words);
	rhashtable_walk_enter(&pool->objects, &pool->words);
	rhashtable_walk_start(&pool->words);
}

/**
 * tmem_evict_words - drop ephemeral pages that take no frame here
 * @pool: of ephemeral pages; with any other kind, nothing is done
 * @nr: how many
 *
 * Pages of one byte value, and pages that are with a peer, which is told.
 * Allocates nothing.
 *
 * Context: task.  Takes the objects' locks, one after the other.
 * Return: number of pages dropped; less than @nr, and maybe 0, if there are no
 * more or if somebody else is at it.
 */
unsigned long tmem_evict_words(struct tmem_pool *pool, unsigned long nr)
{
	struct tmem_object *obj;
	unsigned long dropped = 0;
	unsigned int rounds = 0;

	if (pool->kind != TMEM_EPHEMERAL || !mutex_trylock(&pool->words_lock))
		return 0;
	rhashtable_walk_start(&pool->words);
	/* The rest of this round, and one more from the beginning. */
	while (dropped < nr && rounds < 2) {
		obj = rhashtable_walk_next(&pool->words);
		if (!obj)
			tmem_words_rewind(pool);
		if (IS_ERR_OR_NULL(obj))
			rounds++;
		else
			tmem_object_evict_words(obj, nr, &dropped);
	}
	rhashtable_walk_stop(&pool->words);
	mutex_unlock(&pool->words_lock);
	return dropped;
}
EXPORT_SYMBOL_GPL(tmem_evict_words);
