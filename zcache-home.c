// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-home: swap pages that are read while a peer has them.
 *
 * By default the peer's copy stays, and valid, until the slot is stored again or
 * freed: a page that is only read can then be reclaimed without a transfer.
 * Without keep_remote_copies, an exclusive load drops it, and any other brings
 * the page home into the store, if there is room.
 */
#include <linux/export.h>
#include <linux/frontswap.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>

#include "zcache-comp.h"
#include "zcache.h"

/* This part of RAM has to be available, or no page comes home from a peer. */
#define ZCACHE_ROOM_SHIFT	3

#define ZCACHE_HOME_GFP	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)

static bool has_room(struct zcache *zcache)
{
	struct tmem *tmem = READ_ONCE(zcache->tmem);
	struct tmem_stats stats = {};

	if (tmem)
		tmem_get_stats(tmem, &stats);
	return !zcache_pers_full(zcache, &stats.zbud[TMEM_PERSISTENT]) &&
	       si_mem_available() >
	       (long)(totalram_pages() >> ZCACHE_ROOM_SHIFT);
}

/**
 * zcache_has_room - whether pages that are with peers may come home
 *
 * Context: task; the cluster is registered, so that the store stays.
 * Return: true if the store is within its share of RAM, and more of that is
 *	available than new pages will want soon.
 */
bool zcache_has_room(void)
{
	return has_room(&zcache);
}
EXPORT_SYMBOL_GPL(zcache_has_room);

static void no_room(struct zcache *zcache)
{
	const struct ramster_ops *ops;

	rcu_read_lock();
	ops = READ_ONCE(zcache->ops);
	if (ops)
		ops->no_room();
	rcu_read_unlock();
}

static int bring_home(struct zcache *zcache, const struct tmem_handle *handle,
		      const struct tmem_blob *fetched)
{
	struct zcache_comp_ctx *ctx = zcache_comp_begin(zcache->comp);
	struct tmem_blob blob = { .data = zcache_comp_buffer(ctx) };
	struct tmem_away away = { .handle = *handle };
	int err = 0;

	/* It may have come home already. */
	if (tmem_get(zcache->swap, &handle->oid, handle->index, &blob) ==
	    -EREMOTE) {
		away.version = blob.version;
		away.peers = blob.peers;
		err = has_room(zcache) ?
			tmem_bring_home(zcache->tmem, &away, fetched,
					ZCACHE_HOME_GFP) : -ENOSPC;
	}
	zcache_comp_end(ctx);
	return err;
}

/**
 * zcache_swap_loaded - a swap page that was with a peer has been read
 * @zcache: the store
 * @handle: the page; nobody stores or invalidates its slot meanwhile
 * @data: its compressed bytes
 * @len: number of them
 * @flags: what the load allows
 *
 * Context: process; no compressor context is held.
 * Return: what the load answers: 0 or FRONTSWAP_EXCLUSIVE.
 */
int zcache_swap_loaded(struct zcache *zcache, const struct tmem_handle *handle,
		       const void *data, u32 len, unsigned int flags)
{
	struct tmem_blob fetched = { .data = (void *)data, .len = len };

	if (READ_ONCE(zcache->set.keep_remote_copies))
		return 0;
	if (zcache_exclusive(zcache, flags)) {
		tmem_flush(zcache->swap, &handle->oid, handle->index, 0);
		return FRONTSWAP_EXCLUSIVE;
	}
	if (bring_home(zcache, handle, &fetched) == -ENOSPC)
		no_room(zcache);
	return 0;
}
