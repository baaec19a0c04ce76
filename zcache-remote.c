// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-remote: the store's side of the seam to the cluster.  ramster.h has
 * the other.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>

#include "zcache.h"

/*
 * Held while a page is asked for and waited for, so that the cluster's code
 * does not go away meanwhile.  For telling it of a debt, RCU will do.
 */
DEFINE_STATIC_SRCU(zcache_fetch_srcu);

/**
 * zcache_fetch - ask the cluster for a page, if there is a cluster
 * @zcache: the store
 * @handle: the page
 * @kind: kind of its pool
 * @remote: version and peers, as tmem_get() gave them
 * @patience: jiffies that the caller waits for it
 * @fetched: see &ramster_ops.fetch
 * @arg: its argument
 *
 * Context: process; may sleep, with no compressor context.
 * Return: as &ramster_ops.fetch; -EIO without a cluster.
 */
int zcache_fetch(struct zcache *zcache, const struct tmem_handle *handle,
		 enum tmem_kind kind, const struct tmem_blob *remote,
		 long patience, ramster_fetched_fn fetched, void *arg)
{
	const struct ramster_ops *ops;
	int idx, err = -EIO;

	idx = srcu_read_lock(&zcache_fetch_srcu);
	ops = READ_ONCE(zcache->ops);
	if (ops) {
		atomic64_inc(kind == TMEM_PERSISTENT ?
			     &zcache->count.remote_gets :
			     &zcache->count.eph_remote_gets);
		err = ops->fetch(handle, kind, remote->version,
				 remote->peers, patience, fetched, arg);
	}
	srcu_read_unlock(&zcache_fetch_srcu, idx);
	return err;
}

/**
 * zcache_owes - tell the cluster that a peer has something to forget
 * @arg: the store
 *
 * Context: any; spinlocks may be held, interrupts may be off.
 */
void zcache_owes(void *arg)
{
	struct zcache *zcache = arg;
	const struct ramster_ops *ops;

	rcu_read_lock();
	ops = READ_ONCE(zcache->ops);
	if (ops)
		ops->owes();
	rcu_read_unlock();
}

/**
 * zcache_await_store - have the cluster told when the next page is stored
 *
 * That is done once; but if several are stored at a time it may be told of each.
 *
 * Context: any.
 */
void zcache_await_store(void)
{
	WRITE_ONCE(zcache.awaited, true);
	/* Pairs with zcache_stored(): who now sees no page will be told of it. */
	smp_mb();
}
EXPORT_SYMBOL_GPL(zcache_await_store);

/**
 * zcache_tell_stored - tell the cluster that a page was stored
 * @zcache: the store
 *
 * Context: process, in reclaim.
 */
void zcache_tell_stored(struct zcache *zcache)
{
	const struct ramster_ops *ops;

	WRITE_ONCE(zcache->awaited, false);
	rcu_read_lock();
	ops = READ_ONCE(zcache->ops);
	if (ops)
		ops->stored();
	rcu_read_unlock();
}

/**
 * zcache_ramster_enabled - whether the cluster part was asked for
 *
 * Return: true if zcache runs and "ramster" was given.
 */
bool zcache_ramster_enabled(void)
{
	return READ_ONCE(zcache.set.enabled) && zcache.set.ramster_enabled;
}
EXPORT_SYMBOL_GPL(zcache_ramster_enabled);

/**
 * zcache_register_ramster - the cluster is ready to take and fetch pages
 * @ops: what it does; must stay until zcache_unregister_ramster() succeeds
 *
 * Context: process; may sleep.
 * Return: the index from which pages are to be taken; ERR_PTR(-ENODEV) if
 * zcache is not running; ERR_PTR(-EBUSY) if there is a cluster already.
 */
struct tmem *zcache_register_ramster(const struct ramster_ops *ops)
{
	struct tmem *tmem;

	mutex_lock(&zcache.lock);
	tmem = zcache.tmem;
	if (!tmem)
		tmem = ERR_PTR(-ENODEV);
	else if (zcache.ops)
		tmem = ERR_PTR(-EBUSY);
	else
		WRITE_ONCE(zcache.ops, ops);
	mutex_unlock(&zcache.lock);
	return tmem;
}
EXPORT_SYMBOL_GPL(zcache_register_ramster);

/**
 * zcache_unregister_ramster - the cluster goes away
 * @ops: as registered
 *
 * Pages that are still with a peer can then not be read any more: loads of swap
 * pages end with an I/O error.
 *
 * Context: process; sleeps until nobody is in a function of @ops.
 */
void zcache_unregister_ramster(const struct ramster_ops *ops)
{
	mutex_lock(&zcache.lock);
	if (zcache.ops == ops)
		WRITE_ONCE(zcache.ops, NULL);
	WRITE_ONCE(zcache.awaited, false);
	mutex_unlock(&zcache.lock);
	synchronize_srcu(&zcache_fetch_srcu);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(zcache_unregister_ramster);
