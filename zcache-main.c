// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: a compressed store for pages that are being swapped out.
 *
 * The front end of the store: it turns the frontswap hooks' arguments into
 * handles, compresses and decompresses, and decides what is worth keeping.
 * Where a page is, and whether it is still valid, tmem knows.
 *
 * Memory.  A store runs in reclaim, with PF_MEMALLOC.  It allocates one zbud
 * frame and the index node, both without reclaim and without the kernel's
 * reserves; a frame may come from our own reserve, which freed frames fill up
 * again.  If they are not to be had the page is refused, and goes to the swap
 * device as if we were not there.  A load of a page that is here allocates
 * nothing; of one that is with a peer, a request from a mempool.  A flush
 * allocates nothing, and cannot fail.
 *
 * Locks.  A store or a load holds the folio's lock, then a compressor context
 * (a mutex), then tmem's spinlocks.  A compressor context is never held over a
 * wait for a peer.  Start and stop hold zcache_lock, and inside it the mutex of
 * frontswap and what it takes.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/frontswap.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>

#include "ramster.h"
#include "tmem.h"
#include "zcache-comp.h"
#include "zcache.h"

/* The number of the pool of all swap areas; the cluster sends it along. */
#define ZCACHE_SWAP_POOL	0

/* Each swap area is spread over this many objects, and so over their locks. */
#define ZCACHE_SWAP_OBJECTS_SHIFT	8

/* A swap page that does not shrink below 7/8 is not worth the work. */
#define ZCACHE_MAX_ZSIZE	(PAGE_SIZE / 8 * 7)

/*
 * Above 5/8 no second page of the kind fits into the frame: such pages are
 * taken only as long as better ones have made room for them.
 */
#define ZCACHE_MEAN_ZSIZE	(PAGE_SIZE / 8 * 5)

/*
 * A machine that is short of memory has none free just when a page is stored.
 * Each frame takes two pages, so a few frames set aside get it over the moment:
 * 1/64 of RAM, within limits.
 */
#define ZCACHE_RESERVE_SHIFT	6
#define ZCACHE_RESERVE_MIN	64U
#define ZCACHE_RESERVE_MAX	16384U

#define ZCACHE_GFP	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)

static struct zcache zcache;

/* Serialises start, stop, and the coming and going of the cluster. */
static DEFINE_MUTEX(zcache_lock);

/*
 * Held while a fetch is asked for, which may sleep, so that the cluster's code
 * does not go away meanwhile.  For telling it of a debt, RCU will do.
 */
DEFINE_STATIC_SRCU(zcache_fetch_srcu);

/* Loaded as a module, it is wanted; built in, it waits to be asked for. */
static bool enabled = IS_MODULE(CONFIG_ZCACHE);
static bool ramster_enabled;
static bool disable_frontswap;
static bool initialised;

static char *zcache_comp_name = "lzo";
module_param(zcache_comp_name, charp, 0444);
MODULE_PARM_DESC(zcache_comp_name, "compressor, by its crypto API name");

module_param(ramster_enabled, bool, 0444);
MODULE_PARM_DESC(ramster_enabled, "allow the cluster part to start");

module_param(disable_frontswap, bool, 0444);
MODULE_PARM_DESC(disable_frontswap, "take no swap pages");

static bool frontswap_has_exclusive_gets = true;
module_param(frontswap_has_exclusive_gets, bool, 0644);
MODULE_PARM_DESC(frontswap_has_exclusive_gets,
		 "a swap page that is loaded leaves the store");

static unsigned int max_pool_percent = 40;
module_param(max_pool_percent, uint, 0644);
MODULE_PARM_DESC(max_pool_percent, "share of RAM for swap pages held here");

/*
 * swap slots and handles
 */

static void zcache_swap_handle(unsigned int type, pgoff_t offset,
			       struct tmem_handle *handle)
{
	pgoff_t slice = offset & ((1UL << ZCACHE_SWAP_OBJECTS_SHIFT) - 1);

	*handle = (struct tmem_handle) {
		.client = TMEM_CLIENT_LOCAL,
		.pool = ZCACHE_SWAP_POOL,
		.oid.word[0] = (u64)type << ZCACHE_SWAP_OBJECTS_SHIFT | slice,
		.index = offset >> ZCACHE_SWAP_OBJECTS_SHIFT,
	};
}

/*
 * what is worth keeping
 */

static bool zcache_pool_full(const struct zbud_stats *held)
{
	unsigned long limit = totalram_pages() / 100 *
			      min(READ_ONCE(max_pool_percent), 100U);

	return held->frames >= limit;
}

static bool zcache_mean_poor(const struct zbud_stats *held)
{
	return held->zbytes > held->zpages * ZCACHE_MEAN_ZSIZE;
}

/* Returns NULL if the page may be stored, else the counter of the reason. */
static atomic64_t *zcache_refuse(unsigned int len)
{
	struct tmem_stats stats;
	const struct zbud_stats *held = &stats.zbud[TMEM_PERSISTENT];

	if (len > ZCACHE_MAX_ZSIZE)
		return &zcache.count.compress_poor;

	tmem_get_stats(zcache.tmem, &stats);
	if (zcache_pool_full(held))
		return &zcache.count.pool_limit;
	if (len > ZCACHE_MEAN_ZSIZE && zcache_mean_poor(held))
		return &zcache.count.mean_compress_poor;
	return NULL;
}

/*
 * store
 */

static int zcache_put(struct zcache_comp_ctx *ctx,
		      const struct tmem_handle *handle, struct page *page)
{
	struct tmem_blob blob = { .data = zcache_comp_buffer(ctx) };
	atomic64_t *refused;

	if (zcache_compress(ctx, page, &blob.len)) {
		atomic64_inc(&zcache.count.compress_failed);
		return -EINVAL;
	}

	refused = zcache_refuse(blob.len);
	if (refused) {
		atomic64_inc(refused);
		return -ENOSPC;
	}

	if (tmem_put(zcache.swap, &handle->oid, handle->index, &blob,
		     ZCACHE_GFP)) {
		atomic64_inc(&zcache.count.failed_alloc);
		return -ENOMEM;
	}
	return 0;
}

/*
 * A refused store may leave an older copy of the slot in the index: the swap
 * code invalidates it before anybody can ask for it.
 */
static int zcache_frontswap_store(unsigned int type, pgoff_t offset,
				  struct page *page)
{
	struct tmem_handle handle;
	struct zcache_comp_ctx *ctx;
	int err;

	if (offset >> ZCACHE_SWAP_OBJECTS_SHIFT > U32_MAX)
		return FRONTSWAP_REJECT;

	zcache_swap_handle(type, offset, &handle);
	ctx = zcache_comp_begin(zcache.comp);
	err = zcache_put(ctx, &handle, page);
	zcache_comp_end(ctx);
	if (err) {
		atomic64_inc(&zcache.count.failed_pers_puts);
		return FRONTSWAP_REJECT;
	}
	atomic64_inc(&zcache.count.pers_puts);
	return FRONTSWAP_STORED;
}

/*
 * load
 */

static int zcache_fill(struct zcache_comp_ctx *ctx, const void *data,
		       unsigned int len, struct page *page)
{
	int err = zcache_decompress(ctx, data, len, page);

	if (err) {
		atomic64_inc(&zcache.count.decompress_failed);
		pr_err_ratelimited("a stored page does not decompress\n");
	}
	return err;
}

/**
 * struct zcache_wait - a load that waits for its page to come from a peer
 * @page: page to fill
 * @result: 0 or -EIO, once @done
 * @done: completed when the page is filled or lost
 */
struct zcache_wait {
	struct page *page;
	int result;
	struct completion done;
};

static int zcache_fill_fetched(struct page *page, int result, const void *data,
			       u32 len)
{
	struct zcache_comp_ctx *ctx;

	if (result)
		return result;

	ctx = zcache_comp_begin(zcache.comp);
	result = zcache_fill(ctx, data, len, page);
	zcache_comp_end(ctx);
	return result;
}

static void zcache_fetched_wait(void *arg, int result, const void *data,
				u32 len)
{
	struct zcache_wait *wait = arg;

	wait->result = zcache_fill_fetched(wait->page, result, data, len);
	complete(&wait->done);
}

static void zcache_fetched_deferred(void *arg, int result, const void *data,
				    u32 len)
{
	struct folio *folio = arg;

	result = zcache_fill_fetched(folio_page(folio, 0), result, data, len);
	frontswap_load_done(folio, result);
}

/* Ask the cluster for a page, if there is a cluster. */
static int zcache_fetch(const struct tmem_handle *handle, enum tmem_kind kind,
			const struct tmem_blob *blob,
			ramster_fetched_fn fetched, void *arg)
{
	const struct ramster_ops *ops;
	int idx, err = -EIO;

	idx = srcu_read_lock(&zcache_fetch_srcu);
	ops = READ_ONCE(zcache.ops);
	if (ops) {
		atomic64_inc(&zcache.count.remote_gets);
		err = ops->fetch(handle, kind, blob->version, blob->node,
				 fetched, arg);
	}
	srcu_read_unlock(&zcache_fetch_srcu, idx);
	return err;
}

/*
 * The copy at the peer stays valid, and is kept until the slot is stored again
 * or freed: a page that is only read can then be reclaimed without a transfer.
 */
static int zcache_load_remote(const struct tmem_handle *handle,
			      const struct tmem_blob *blob, struct folio *folio,
			      struct page *page, unsigned int flags)
{
	struct zcache_wait wait = { .page = page };
	int err;

	if (flags & FRONTSWAP_MAY_DEFER) {
		err = zcache_fetch(handle, TMEM_PERSISTENT, blob,
				   zcache_fetched_deferred, folio);
		return err ? err : -EINPROGRESS;
	}

	init_completion(&wait.done);
	err = zcache_fetch(handle, TMEM_PERSISTENT, blob, zcache_fetched_wait,
			   &wait);
	if (err)
		return err;
	/* Bounded: the cluster ends each fetch after get_timeout_ms. */
	wait_for_completion(&wait.done);
	return wait.result;
}

static int zcache_frontswap_load(unsigned int type, pgoff_t offset,
				 struct folio *folio, struct page *page,
				 unsigned int flags)
{
	struct zcache_comp_ctx *ctx = zcache_comp_begin(zcache.comp);
	struct tmem_blob blob = { .data = zcache_comp_buffer(ctx) };
	struct tmem_handle handle;
	int err;

	zcache_swap_handle(type, offset, &handle);
	err = tmem_get(zcache.swap, &handle.oid, handle.index, &blob);
	if (!err)
		err = zcache_fill(ctx, blob.data, blob.len, page);
	zcache_comp_end(ctx);

	if (err == -EREMOTE)
		return zcache_load_remote(&handle, &blob, folio, page, flags);
	if (err)
		return -EIO;

	atomic64_inc(&zcache.count.local_gets);
	if (!(flags & FRONTSWAP_MAY_EXCL) ||
	    !READ_ONCE(frontswap_has_exclusive_gets))
		return 0;
	/*
	 * Whatever its version is: the page may have been sent meanwhile, under
	 * a newer one.  Nobody stores the slot while the folio is locked.
	 */
	tmem_flush(zcache.swap, &handle.oid, handle.index, 0);
	return FRONTSWAP_EXCLUSIVE;
}

/*
 * invalidate
 */

static void zcache_frontswap_invalidate(unsigned int type, pgoff_t offset)
{
	struct tmem_handle handle;

	zcache_swap_handle(type, offset, &handle);
	atomic64_inc(&zcache.count.flush_total);
	if (tmem_flush(zcache.swap, &handle.oid, handle.index, 0))
		atomic64_inc(&zcache.count.flush_found);
}

static void zcache_frontswap_invalidate_area(unsigned int type)
{
	struct tmem_handle handle;
	pgoff_t slice;

	for (slice = 0; slice < 1 << ZCACHE_SWAP_OBJECTS_SHIFT; slice++) {
		zcache_swap_handle(type, slice, &handle);
		tmem_flush_object(zcache.swap, &handle.oid, 0);
	}
}

static const struct frontswap_ops zcache_frontswap_ops = {
	.owner = THIS_MODULE,
	.store = zcache_frontswap_store,
	.load = zcache_frontswap_load,
	.invalidate = zcache_frontswap_invalidate,
	.invalidate_area = zcache_frontswap_invalidate_area,
};

/*
 * the cluster
 */

static void zcache_owes(void *arg)
{
	const struct ramster_ops *ops;

	rcu_read_lock();
	ops = READ_ONCE(zcache.ops);
	if (ops)
		ops->owes();
	rcu_read_unlock();
}

/**
 * zcache_ramster_enabled - whether the cluster part was asked for
 *
 * Return: true if zcache runs and "ramster" was given.
 */
bool zcache_ramster_enabled(void)
{
	return READ_ONCE(enabled) && ramster_enabled;
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

	mutex_lock(&zcache_lock);
	tmem = zcache.tmem;
	if (!tmem)
		tmem = ERR_PTR(-ENODEV);
	else if (zcache.ops)
		tmem = ERR_PTR(-EBUSY);
	else
		WRITE_ONCE(zcache.ops, ops);
	mutex_unlock(&zcache_lock);
	return tmem;
}
EXPORT_SYMBOL_GPL(zcache_register_ramster);

/**
 * zcache_unregister_ramster - the cluster goes away
 * @ops: as registered
 *
 * Pages that are still with a peer can then not be read any more: their loads
 * end with an I/O error.
 *
 * Context: process; sleeps until nobody is in a function of @ops.
 */
void zcache_unregister_ramster(const struct ramster_ops *ops)
{
	mutex_lock(&zcache_lock);
	if (zcache.ops == ops)
		WRITE_ONCE(zcache.ops, NULL);
	mutex_unlock(&zcache_lock);
	synchronize_srcu(&zcache_fetch_srcu);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(zcache_unregister_ramster);

/*
 * start and stop
 */

static unsigned int zcache_reserve(void)
{
	return clamp_t(unsigned long, totalram_pages() >> ZCACHE_RESERVE_SHIFT,
		       ZCACHE_RESERVE_MIN, ZCACHE_RESERVE_MAX);
}

static int zcache_start_store(void)
{
	struct tmem_pool *pool;
	int err;

	zcache.tmem = tmem_create(zcache_owes, NULL);
	if (IS_ERR(zcache.tmem))
		return PTR_ERR(zcache.tmem);

	err = tmem_reserve(zcache.tmem, TMEM_PERSISTENT, zcache_reserve());
	if (err)
		goto err_tmem;

	pool = tmem_pool_create(zcache.tmem, TMEM_CLIENT_LOCAL,
				ZCACHE_SWAP_POOL, TMEM_PERSISTENT);
	if (IS_ERR(pool)) {
		err = PTR_ERR(pool);
		goto err_tmem;
	}
	zcache.swap = pool;
	return 0;

err_tmem:
	tmem_destroy(zcache.tmem);
	return err;
}

static int zcache_start(void)
{
	int err;

	lockdep_assert_held(&zcache_lock);
	if (zcache.tmem)
		return 0;

	zcache.comp = zcache_comp_create(zcache_comp_name);
	if (IS_ERR(zcache.comp)) {
		err = PTR_ERR(zcache.comp);
		pr_err("compressor \"%s\" cannot be used: %pe\n",
		       zcache_comp_name, zcache.comp);
		goto err_comp;
	}

	err = zcache_start_store();
	if (err)
		goto err_store;

	if (!disable_frontswap) {
		err = frontswap_register_ops(&zcache_frontswap_ops);
		if (err) {
			pr_err("frontswap cannot be had: %d\n", err);
			goto err_frontswap;
		}
	}
	zcache_debug_init(&zcache);
	pr_info("started, compressor %s, frontswap %s, cluster %s\n",
		zcache_comp_name, disable_frontswap ? "off" : "on",
		ramster_enabled ? "allowed" : "off");
	return 0;

err_frontswap:
	tmem_destroy(zcache.tmem);
err_store:
	zcache.tmem = NULL;
	zcache_comp_destroy(zcache.comp);
err_comp:
	zcache.comp = NULL;
	return err;
}

static int zcache_stop(void)
{
	int err;

	lockdep_assert_held(&zcache_lock);
	if (!zcache.tmem)
		return 0;
	if (zcache.ops)
		return -EBUSY;

	if (!disable_frontswap) {
		err = frontswap_unregister_ops(&zcache_frontswap_ops);
		if (err)
			return err;
	}
	zcache_debug_exit(&zcache);
	tmem_destroy(zcache.tmem);
	zcache_comp_destroy(zcache.comp);
	zcache.tmem = NULL;
	zcache.swap = NULL;
	zcache.comp = NULL;
	pr_info("stopped\n");
	return 0;
}

static int zcache_set_enabled(const char *val, const struct kernel_param *kp)
{
	bool on;
	int err;

	err = kstrtobool(val, &on);
	if (err)
		return err;

	mutex_lock(&zcache_lock);
	if (initialised)
		err = on ? zcache_start() : zcache_stop();
	if (!err)
		enabled = on;
	mutex_unlock(&zcache_lock);
	return err;
}

static const struct kernel_param_ops zcache_enabled_ops = {
	.set = zcache_set_enabled,
	.get = param_get_bool,
};

module_param_cb(enabled, &zcache_enabled_ops, &enabled, 0644);
MODULE_PARM_DESC(enabled, "on or off; off is refused while pages are held");

static int __init zcache_init(void)
{
	int err = 0;

	mutex_lock(&zcache_lock);
	if (enabled)
		err = zcache_start();
	initialised = !err;
	mutex_unlock(&zcache_lock);
	return err;
}

static void __exit zcache_exit(void)
{
	/* frontswap holds a reference until "enabled" has been turned off. */
	mutex_lock(&zcache_lock);
	zcache_stop();
	mutex_unlock(&zcache_lock);
}

#ifndef MODULE
/* The names without a prefix are those of the original driver. */

static int zcache_set_wanted(const char *val, const struct kernel_param *kp)
{
	enabled = true;
	if (val && *val)
		zcache_comp_name = (char *)val;
	return 0;
}

static int zcache_set_ramster(const char *val, const struct kernel_param *kp)
{
	enabled = true;
	ramster_enabled = true;
	return 0;
}

static int zcache_set_kept_gets(const char *val, const struct kernel_param *kp)
{
	frontswap_has_exclusive_gets = false;
	return 0;
}

static const struct kernel_param_ops zcache_wanted_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = zcache_set_wanted,
};

static const struct kernel_param_ops zcache_ramster_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = zcache_set_ramster,
};

static const struct kernel_param_ops zcache_kept_gets_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = zcache_set_kept_gets,
};

/* As core_param(), but with operations of our own. */
__module_param_call("", zcache, &zcache_wanted_ops, NULL, 0, -1, 0);
__module_param_call("", ramster, &zcache_ramster_ops, NULL, 0, -1, 0);
__module_param_call("", nofrontswapexclusivegets, &zcache_kept_gets_ops, NULL,
		    0, -1, 0);
core_param(nofrontswap, disable_frontswap, bool, 0);
#endif

/* After the compressors, which register as device-level initcalls do. */
late_initcall(zcache_init);
module_exit(zcache_exit);

MODULE_DESCRIPTION("Compressed store for swap pages");
MODULE_LICENSE("GPL");
