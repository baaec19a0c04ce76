// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-swap: pages that are being swapped out, from the frontswap hooks.
 *
 * A load of a page that is here allocates nothing; of one that is with a peer,
 * a request from a mempool.  An invalidation allocates nothing, and cannot
 * fail.
 */
#include <linux/bits.h>
#include <linux/frontswap.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include "zcache.h"

/*
 * Each swap area is spread over this many objects, and so over their locks.
 *
 * Slots that are neighbours are in the same object, in runs as long as the
 * clusters from which the swap code gives slots to a CPU.  So the nodes of an
 * object's tree are full, where pages are stored one after the other, which is
 * eleven bytes of index a page; and it can be seen who reads them like that.
 */
#define ZCACHE_SWAP_OBJECTS_SHIFT	8
#define ZCACHE_SWAP_OBJECTS		BIT(ZCACHE_SWAP_OBJECTS_SHIFT)
#define ZCACHE_SWAP_RUN_SHIFT		9

/* What a load allows that is ended later: the folio is all that it knows. */
#define SWAP_DEFERRED	(FRONTSWAP_MAY_DEFER | FRONTSWAP_MAY_EXCL)

/*
 * Who waits for just this page is spared a second page fault if it comes soon:
 * a LAN takes a tenth of that.  The locks that are held meanwhile are let go of
 * then, for as long as it takes.
 */
#define SWAP_PATIENCE	msecs_to_jiffies(8)

static struct tmem_oid swap_oid(unsigned int type, unsigned int nr)
{
	return (struct tmem_oid) {
		.word[0] = (u64)type << ZCACHE_SWAP_OBJECTS_SHIFT | nr,
	};
}

static void swap_handle(unsigned int type, pgoff_t offset,
			struct tmem_handle *handle)
{
	pgoff_t run = offset >> ZCACHE_SWAP_RUN_SHIFT;

	*handle = (struct tmem_handle) {
		.client = TMEM_CLIENT_LOCAL,
		.pool = ZCACHE_SWAP_POOL,
		.oid = swap_oid(type, run & (ZCACHE_SWAP_OBJECTS - 1)),
		.index = run >> ZCACHE_SWAP_OBJECTS_SHIFT <<
				ZCACHE_SWAP_RUN_SHIFT |
			 (offset & ((1UL << ZCACHE_SWAP_RUN_SHIFT) - 1)),
	};
}

/*
 * store
 */

/*
 * A refused store may leave an older copy of the slot in the index: the swap
 * code invalidates it before anybody can ask for it.
 */
static int zcache_swap_store(unsigned int type, pgoff_t offset,
			     struct page *page)
{
	struct zcache_counters *count = &zcache.count;
	struct tmem_handle handle;

	if (offset >> ZCACHE_SWAP_OBJECTS_SHIFT > U32_MAX) {
		atomic64_inc(&count->failed_pers_puts);
		return FRONTSWAP_REJECT;
	}
	if (!READ_ONCE(zcache.set.swap_take_all) &&
	    !zcache_active(page_folio(page))) {
		atomic64_inc(&count->pers_nonactive_puts_ignored);
		return FRONTSWAP_REJECT;
	}

	swap_handle(type, offset, &handle);
	if (zcache_page_put(&zcache, zcache.swap, &handle, page)) {
		atomic64_inc(&count->failed_pers_puts);
		return FRONTSWAP_REJECT;
	}
	atomic64_inc(&count->pers_puts);
	zcache_stored(&zcache);
	return FRONTSWAP_STORED;
}

/*
 * load
 */

/**
 * zcache_exclusive - whether a load drops the copy that the store has
 * @zcache: the store
 * @flags: what the load allows
 *
 * Context: any.
 * Return: true if so.
 */
bool zcache_exclusive(const struct zcache *zcache, unsigned int flags)
{
	return flags & FRONTSWAP_MAY_EXCL &&
	       READ_ONCE(zcache->set.exclusive_gets);
}

/**
 * struct swap_read - a load that its caller waits for to the end
 * @handle: the page
 * @page: page to fill
 * @flags: what its caller allows
 */
struct swap_read {
	const struct tmem_handle *handle;
	struct page *page;
	unsigned int flags;
};

static int swap_fill(const struct tmem_handle *handle, struct page *page,
		     unsigned int flags, int result, const void *data, u32 len)
{
	if (!result)
		result = zcache_page_fill(&zcache, page, data, len);
	if (!result)
		result = zcache_swap_loaded(&zcache, handle, data, len, flags);
	return result;
}

static int swap_fetched(void *arg, int result, const void *data, u32 len,
			bool waited)
{
	struct swap_read *read = arg;

	return swap_fill(read->handle, read->page, read->flags, result, data,
			 len);
}

static int swap_fetched_folio(void *arg, int result, const void *data, u32 len,
			      bool waited)
{
	struct folio *folio = arg;
	struct tmem_handle handle;

	swap_handle(swp_type(folio->swap), swp_offset(folio->swap), &handle);
	result = swap_fill(&handle, folio_page(folio, 0), SWAP_DEFERRED,
			   result, data, len);
	if (!waited)
		frontswap_load_done(folio, result);
	return result;
}

static int swap_load_remote(const struct tmem_handle *handle,
			    const struct tmem_blob *remote, struct folio *folio,
			    struct page *page, unsigned int flags)
{
	struct swap_read read = {
		.handle = handle,
		.page = page,
		.flags = flags,
	};

	if ((flags & SWAP_DEFERRED) == SWAP_DEFERRED)
		return zcache_fetch(&zcache, handle, TMEM_PERSISTENT, remote,
				    flags & FRONTSWAP_AWAITED ?
				    SWAP_PATIENCE : 0,
				    swap_fetched_folio, folio);

	/* Bounded: the cluster ends each fetch after get_timeout_ms. */
	return zcache_fetch(&zcache, handle, TMEM_PERSISTENT, remote,
			    MAX_SCHEDULE_TIMEOUT, swap_fetched, &read);
}

static int zcache_swap_load(unsigned int type, pgoff_t offset,
			    struct folio *folio, struct page *page,
			    unsigned int flags)
{
	bool exclusive = zcache_exclusive(&zcache, flags);
	struct tmem_handle handle;
	struct tmem_blob remote;
	int err;

	swap_handle(type, offset, &handle);
	/* Nobody stores or invalidates the slot while the folio is locked. */
	if (exclusive)
		err = zcache_page_take(&zcache, zcache.swap, &handle, page,
				       &remote);
	else
		err = zcache_page_get(&zcache, zcache.swap, &handle, page,
				      &remote);
	if (err == -EREMOTE)
		return swap_load_remote(&handle, &remote, folio, page, flags);
	if (err)
		return -EIO;

	atomic64_inc(&zcache.count.local_gets);
	return exclusive ? FRONTSWAP_EXCLUSIVE : 0;
}

/*
 * invalidate
 */

static void zcache_swap_invalidate(unsigned int type, pgoff_t offset)
{
	struct tmem_handle handle;

	swap_handle(type, offset, &handle);
	atomic64_inc(&zcache.count.flush_total);
	if (tmem_flush(zcache.swap, &handle.oid, handle.index, 0))
		atomic64_inc(&zcache.count.flush_found);
}

static void zcache_swap_invalidate_area(unsigned int type)
{
	struct tmem_oid oid;
	unsigned int nr;

	for (nr = 0; nr < ZCACHE_SWAP_OBJECTS; nr++) {
		oid = swap_oid(type, nr);
		atomic64_inc(&zcache.count.flobj_total);
		if (tmem_flush_object(zcache.swap, &oid, 0))
			atomic64_inc(&zcache.count.flobj_found);
	}
}

const struct frontswap_ops zcache_swap_ops = {
	.owner = THIS_MODULE,
	.store = zcache_swap_store,
	.load = zcache_swap_load,
	.invalidate = zcache_swap_invalidate,
	.invalidate_area = zcache_swap_invalidate_area,
};

/**
 * zcache_swap_start - take swap pages from now on
 *
 * Context: process; zcache.lock is held, and everything else is ready.
 * Return: 0; -EBUSY if something else has frontswap.
 */
int zcache_swap_start(void)
{
	return frontswap_register_ops(&zcache_swap_ops);
}

/**
 * zcache_swap_stop - take no swap pages any more
 *
 * Context: process; zcache.lock is held.
 * Return: 0; -EBUSY while swap pages are held.
 */
int zcache_swap_stop(void)
{
	return frontswap_unregister_ops(&zcache_swap_ops);
}
