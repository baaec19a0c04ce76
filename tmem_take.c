// SPDX-License-Identifier: GPL-2.0
/*
 * tmem: who reads a page takes it out of the store.
 *
 * One lookup does for a get and the flush that follows it, and nothing is
 * copied: the bytes are read where they are, with no lock held.
 *
 * A page that was taken is in no slot.  So nobody finds it, sends it or drops
 * it, but its frame is occupied until it is freed.  A walker that has isolated
 * the frame may still know the page's name; he finds that the page is gone, as
 * after a flush, and the frame goes back among the candidates, or becomes free,
 * when the page is freed.
 */
#include <linux/export.h>

#include "tmem_int.h"

static int tmem_slot_take(struct tmem_object *obj, u32 index,
			  struct tmem_blob *blob, void **page)
{
	void *slot = tmem_slot_load(obj, index);
	int err = 0;

	lockdep_assert_held(&obj->pages.xa_lock);
	if (slot_is_local(slot)) {
		blob->filled = false;
		tmem_page_look(slot, blob);
		*page = slot;
	} else {
		/* Copies no bytes, there are none. */
		err = tmem_slot_get(slot, blob);
	}
	if (!err)
		tmem_slot_vacate(obj, index, slot);
	return err;
}

/**
 * tmem_take - read a page that is here, and forget it
 * @pool: where; a pool of the kernel's own pages
 * @oid: object
 * @index: page within the object
 * @blob: receives the same as from tmem_get(); but data points to where the
 *	bytes are, which stay there until tmem_page_free()
 * @page: receives what tmem_page_free() has to be given; or NULL, if there are
 *	no bytes or the page is not here
 *
 * A page that is with a peer stays as it is.  If a peer has or will have a copy
 * of what was taken, because it was being sent, that is a debt, as after
 * tmem_flush().  Allocates nothing.
 *
 * Context: task or atomic.  Takes the object's lock.
 * Return: 0, -EREMOTE if a peer has it, or -ENOENT.
 */
int tmem_take(struct tmem_pool *pool, const struct tmem_oid *oid, u32 index,
	      struct tmem_blob *blob, void **page)
{
	struct tmem_object *obj;
	int err = -ENOENT;

	*page = NULL;
	rcu_read_lock();
	obj = tmem_object_find(pool, oid);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			err = tmem_slot_take(obj, index, blob, page);
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(tmem_take);
