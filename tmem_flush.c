// SPDX-License-Identifier: GPL-2.0
/*
 * tmem: pages are forgotten: because their owner says so, or to make room.
 */
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "tmem_int.h"

/*
 * one page, some pages, all pages of an object
 */

/**
 * tmem_slot_vacate - a slot holds no page any more
 * @obj: the object; locked
 * @index: the slot
 * @slot: what it holds: a page that is here, or with a peer
 *
 * What a peer has of the page, or will have, it has to forget.  If the page is
 * here in a frame, it is the caller's from now on.
 */
void tmem_slot_vacate(struct tmem_object *obj, u32 index, void *slot)
{
	u64 word = slot_word(slot);

	lockdep_assert_held(&obj->pages.xa_lock);
	if (word)
		slot_set_word(obj, index, word | TMEM_TOMBSTONE);
	else
		slot_erase(obj, index);
	if (slot_is_remote(slot)) {
		tmem_away_del(obj, index, word);
		tmem_debt_add(obj, index, word);
	} else if (slot_is_filled(slot)) {
		tmem_count_filled(obj, slot, -1);
	}
}

/**
 * tmem_slot_flush - forget what a slot holds
 * @obj: the object; locked
 * @index: the slot
 * @slot: what it holds
 * @version: forget this version or an older one; 0 means whichever it is
 *
 * Return: whether there was something that a get would have found.
 */
bool tmem_slot_flush(struct tmem_object *obj, u32 index, void *slot,
		     u64 version)
{
	bool readable = !slot_is_doomed(obj, slot);

	lockdep_assert_held(&obj->pages.xa_lock);
	if (!slot || slot_is_tombstone(slot))
		return false;
	if (version && slot_first(slot) > version)
		return false;

	tmem_slot_vacate(obj, index, slot);
	if (slot_is_local(slot))
		slot_free_local(obj, slot);
	return readable;
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
 * tmem_flush_range - forget neighbours
 * @pool: where
 * @oid: object
 * @index: first page
 * @nr: number of pages; what lies beyond the highest index is not there
 *
 * Context: as tmem_flush().  The object's lock is held for the whole time.
 * Return: number of pages that a get would have found.
 */
unsigned long tmem_flush_range(struct tmem_pool *pool,
			       const struct tmem_oid *oid, u32 index,
			       unsigned long nr)
{
	struct tmem_object *obj;
	unsigned long i, found = 0;
	void *slot;

	if (!nr)
		return 0;
	rcu_read_lock();
	obj = tmem_object_find(pool, oid);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			xa_for_each_range(&obj->pages, i, slot, index,
					  index + nr - 1)
				found += tmem_slot_flush(obj, i, slot, 0);
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
	return found;
}
EXPORT_SYMBOL_GPL(tmem_flush_range);

/*
 * a whole object, without holding anybody up
 */

/* What is freed at a time, with the object's lock held. */
#define TMEM_DOOM_BATCH	64

/**
 * tmem_doom_done - nothing is left in an object that was flushed and not freed
 * @obj: the object; locked
 */
void tmem_doom_done(struct tmem_object *obj)
{
	struct tmem *tmem = obj->pool->tmem;

	lockdep_assert_held(&obj->pages.xa_lock);
	if (list_empty(&obj->doomed))
		return;
	spin_lock(&tmem->doom_lock);
	list_del_init(&obj->doomed);
	spin_unlock(&tmem->doom_lock);
}

/* Free a batch of the pages that were flushed with their object. */
static void tmem_object_reap(struct tmem_object *obj)
{
	unsigned long index = obj->doom_next;
	unsigned int n = 0;
	void *slot;

	lockdep_assert_held(&obj->pages.xa_lock);
	for (slot = xa_find(&obj->pages, &index, ULONG_MAX, XA_PRESENT); slot;
	     slot = xa_find_after(&obj->pages, &index, ULONG_MAX, XA_PRESENT)) {
		if (n++ == TMEM_DOOM_BATCH) {
			obj->doom_next = index;
			return;
		}
		tmem_slot_flush(obj, index, slot, obj->doom);
	}
	tmem_doom_done(obj);
}

/* Returns whether there may be more to do. */
static bool tmem_reap_some(struct tmem *tmem)
{
	struct tmem_object *obj;

	rcu_read_lock();
	spin_lock(&tmem->doom_lock);
	obj = list_first_entry_or_null(&tmem->doomed, struct tmem_object,
				       doomed);
	spin_unlock(&tmem->doom_lock);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			tmem_object_reap(obj);
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
	return obj;
}

/**
 * tmem_doom_work - free what is left of objects that were flushed
 * @work: doom_work of a struct tmem
 *
 * Context: a worker.  Takes the objects' locks.
 */
void tmem_doom_work(struct work_struct *work)
{
	struct tmem *tmem = container_of(work, struct tmem, doom_work);

	while (tmem_reap_some(tmem))
		cond_resched();
}

/**
 * tmem_doom_forget - a pool goes away: the worker is to leave it alone
 * @pool: pool that nobody uses any more
 *
 * Context: may sleep.  After a grace period, the worker is in none of the
 * pool's objects.
 */
void tmem_doom_forget(struct tmem_pool *pool)
{
	struct tmem *tmem = pool->tmem;
	struct tmem_object *obj, *next;

	spin_lock(&tmem->doom_lock);
	list_for_each_entry_safe(obj, next, &tmem->doomed, doomed)
		if (obj->pool == pool)
			list_del_init(&obj->doomed);
	spin_unlock(&tmem->doom_lock);
}

/*
 * Every page of the object has a version up to the last one that was drawn, and
 * one that is put from now on has a higher one.
 */
static bool tmem_object_doom(struct tmem_object *obj)
{
	struct tmem *tmem = obj->pool->tmem;

	lockdep_assert_held(&obj->pages.xa_lock);
	obj->doom = atomic64_read(&tmem->version);
	obj->doom_next = 0;
	spin_lock(&tmem->doom_lock);
	if (list_empty(&obj->doomed))
		list_add_tail(&obj->doomed, &tmem->doomed);
	spin_unlock(&tmem->doom_lock);
	return true;
}

/**
 * tmem_flush_object_atomic - forget all pages of an object, at once
 * @pool: where; a pool of the kernel's own pages, whose versions tmem has drawn
 * @oid: object
 *
 * When this returns no get finds any of the pages.  If there are many, they are
 * freed a little later, by a worker.  Allocates nothing and cannot fail.
 *
 * Context: task or atomic, interrupts on or off.  Takes the object's lock for
 * a bounded time.
 * Return: whether the object had any page.
 */
bool tmem_flush_object_atomic(struct tmem_pool *pool,
			      const struct tmem_oid *oid)
{
	struct tmem_object *obj;
	bool found = false, later = false;
	unsigned long index;
	void *slot;

	rcu_read_lock();
	obj = tmem_object_find(pool, oid);
	if (obj) {
		xa_lock(&obj->pages);
		found = !obj->dead;
		if (found && obj->slots > TMEM_DOOM_BATCH)
			later = tmem_object_doom(obj);
		else if (found)
			xa_for_each(&obj->pages, index, slot)
				tmem_slot_flush(obj, index, slot, 0);
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
	if (later)
		queue_work(system_unbound_wq, &pool->tmem->doom_work);
	return found;
}
EXPORT_SYMBOL_GPL(tmem_flush_object_atomic);

/*
 * making room
 */

/*
 * One frame is wanted.  There may be two when a client has put a page a second
 * time, under the same version, while its frame was isolated.
 */
static void tmem_keep_frame(struct tmem_object *obj, struct zbud_frame **frame,
			    struct zbud_frame *empty)
{
	if (empty && *frame)
		zbud_release(object_zbud(obj), empty);
	else if (empty)
		*frame = empty;
}

/*
 * Drop a page that was isolated, if it is still the same one.  It was ready, so
 * no peer has any of it, and an isolated page gets no word but from whoever
 * isolated it.
 */
static bool tmem_evict_page(struct tmem *tmem, const struct tmem_handle *handle,
			    u64 version, struct zbud_frame **frame)
{
	struct zbud_frame *empty;
	struct tmem_object *obj;
	struct tmem_pool *pool;
	bool dropped = false;
	void *slot;

	rcu_read_lock();
	pool = tmem_pool_find(tmem, handle->client, handle->pool);
	obj = pool ? tmem_object_find(pool, &handle->oid) : NULL;
	if (obj) {
		xa_lock(&obj->pages);
		slot = obj->dead ? NULL : xa_load(&obj->pages, handle->index);
		if (slot_is_local(slot) && slot_version(slot) == version &&
		    !slot_word(slot)) {
			slot_erase(obj, handle->index);
			tmem_page_wipe(pool, slot);
			atomic64_dec(&pool->pages);
			empty = zbud_evict(object_zbud(obj),
					   (unsigned long)slot);
			tmem_keep_frame(obj, frame, empty);
			dropped = true;
		}
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
	return dropped;
}

/**
 * tmem_evict_isolated - drop pages that tmem_isolate_oldest() gave
 * @tmem: where
 * @handle: their names
 * @version: their versions
 * @nr: number of them
 * @dropped: the number of those that were still there is added to this
 *
 * Context: task or atomic.  Takes the locks of the pages' objects.
 * Return: their frame, if it is empty now and nobody else has it; or NULL.
 */
struct zbud_frame *tmem_evict_isolated(struct tmem *tmem,
				       const struct tmem_handle *handle,
				       const u64 *version, unsigned int nr,
				       unsigned int *dropped)
{
	struct zbud_frame *frame = NULL;
	unsigned int i;

	for (i = 0; i < nr; i++)
		*dropped += tmem_evict_page(tmem, &handle[i], version[i],
					    &frame);
	return frame;
}

/*
 * Drop the pages of the oldest ephemeral frame.  Others may free them at the
 * same time, and then it is they who get the frame; then the next one is tried.
 */
static unsigned int tmem_evict(struct tmem *tmem, struct zbud_frame **frame)
{
	struct tmem_handle handle[2];
	unsigned int nr, dropped = 0;
	u64 version[2];

	*frame = NULL;
	do {
		nr = tmem_isolate_oldest(tmem, TMEM_EPHEMERAL, handle, version);
		*frame = tmem_evict_isolated(tmem, handle, version, nr,
					     &dropped);
	} while (nr && !*frame);
	return dropped;
}

/**
 * tmem_evict_frame - drop the oldest ephemeral pages for the sake of their frame
 * @tmem: where
 *
 * Context: task or atomic.  Takes the locks of the pages' objects.
 * Return: an empty frame, for zbud_fill(); NULL if there is no candidate.
 */
struct zbud_frame *tmem_evict_frame(struct tmem *tmem)
{
	struct zbud_frame *frame;

	tmem_evict(tmem, &frame);
	return frame;
}

/**
 * tmem_evict_oldest - drop the pages that were stored first, with their frame
 * @tmem: where
 * @kind: pages of this kind; persistent ones are never dropped
 *
 * Pages of any client may go, and nobody is told.
 *
 * Context: task or atomic.  Takes the locks of the pages' objects.
 * Return: number of pages dropped, 0 if there was no candidate.
 */
unsigned int tmem_evict_oldest(struct tmem *tmem, enum tmem_kind kind)
{
	struct zbud_frame *frame;
	unsigned int dropped;

	if (kind != TMEM_EPHEMERAL)
		return 0;
	dropped = tmem_evict(tmem, &frame);
	if (frame)
		zbud_release(tmem->zbud[kind], frame);
	return dropped;
}
EXPORT_SYMBOL_GPL(tmem_evict_oldest);
