/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam between the compressed store and the cluster.
 *
 * zcache is a complete product without a cluster.  When the ramster module is
 * there it registers a struct ramster_ops, gets zcache's index in return, and
 * moves pages out of it with the tmem_send_*() and *_debt() functions; zcache
 * asks for pages that have gone away with @fetch.
 */
#ifndef _RAMSTER_RAMSTER_H
#define _RAMSTER_RAMSTER_H

#include <linux/types.h>
#include "tmem.h"

/**
 * typedef ramster_fetched_fn - a page that was asked for is here, or lost
 * @arg: what was given to &ramster_ops.fetch
 * @result: 0, or -EIO if the page cannot be had
 * @data: the blob as it was put, verified; slab memory, gone after the return
 * @len: bytes of @data
 * @waited: called by who has asked, who has waited for it
 *
 * Context: task; may sleep, but not wait for any peer; allocates nothing, or
 * without the reserves.
 * Return: with @waited, what &ramster_ops.fetch is to return.
 */
typedef int (*ramster_fetched_fn)(void *arg, int result, const void *data,
				  u32 len, bool waited);

/**
 * struct ramster_ops - what the cluster does for the store
 * @fetch: ask a peer for a page that tmem_get() reported as -EREMOTE, and another
 *	one that has it if need be, and wait for it, for @patience jiffies at
 *	most. If it comes or is known to be lost in that time, @fetched is
 *	called, and what it returns is returned. If not, -EINPROGRESS, and
 *	@fetched is called later, within the cluster's get_timeout_ms; it may be
 *	called before the return. Or, if the page is ephemeral, -ETIMEDOUT, and
 *	@fetched is not called; others are misses at once then, until the peer
 *	is heard from. -EIO, and it is not called, if
 *	nobody can be asked. An ephemeral page that cannot be had is a miss and
 *	nothing to complain of. Called in task context; with no patience, waits at
 *	most for other fetches to end; allocates from a mempool only, or for an
 *	ephemeral page without reclaim and without any reserve
 * @no_room: a page that was read, and should have come home, stays with its
 *	peer. Called in any context, as @owes
 * @owes: there are new debts to settle. Called in any context, with spinlocks
 *	held and interrupts off
 * @stored: a page was stored, after zcache_await_store(). Called in task
 *	context, in reclaim
 */
struct ramster_ops {
	int (*fetch)(const struct tmem_handle *handle, enum tmem_kind kind,
		     u64 version, struct tmem_peers peers, long patience,
		     ramster_fetched_fn fetched, void *arg);
	void (*owes)(void);
	void (*no_room)(void);
	void (*stored)(void);
};

bool zcache_ramster_enabled(void);
bool zcache_has_room(void);
void zcache_await_store(void);
struct tmem *zcache_register_ramster(const struct ramster_ops *ops);
void zcache_unregister_ramster(const struct ramster_ops *ops);

#endif /* _RAMSTER_RAMSTER_H */
