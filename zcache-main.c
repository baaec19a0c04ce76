// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: a compressed store for pages that are being swapped out and for clean
 * pages of files.
 *
 * The store starts and stops here.  zcache.h says which file does what.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/err.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/shrinker.h>

#include "zcache-comp.h"
#include "zcache.h"

/*
 * A machine that is short of memory has none free just when a page is stored.
 * Each frame takes two pages, so a few frames set aside get it over the moment:
 * 1/64 of RAM, within limits.
 */
#define ZCACHE_RESERVE_SHIFT	6
#define ZCACHE_RESERVE_MIN	64U
#define ZCACHE_RESERVE_MAX	16384U

struct zcache zcache = {
	.lock = __MUTEX_INITIALIZER(zcache.lock),
	.set = ZCACHE_DEFAULTS,
};

static unsigned int zcache_reserve(void)
{
	return clamp_t(unsigned long, totalram_pages() >> ZCACHE_RESERVE_SHIFT,
		       ZCACHE_RESERVE_MIN, ZCACHE_RESERVE_MAX);
}

static int zcache_start_pools(struct zcache *zcache)
{
	struct tmem *tmem = zcache->tmem;

	zcache->swap = tmem_pool_create(tmem, TMEM_CLIENT_LOCAL,
					ZCACHE_SWAP_POOL, TMEM_PERSISTENT);
	if (IS_ERR(zcache->swap))
		return PTR_ERR(zcache->swap);
	zcache->file = tmem_pool_create(tmem, TMEM_CLIENT_LOCAL,
					ZCACHE_FILE_POOL, TMEM_EPHEMERAL);
	return PTR_ERR_OR_ZERO(zcache->file);
}

static void zcache_stop_store(struct zcache *zcache)
{
	tmem_destroy(zcache->tmem);
	zcache->tmem = NULL;
	zcache->swap = NULL;
	zcache->file = NULL;
}

static int zcache_start_store(struct zcache *zcache)
{
	struct tmem *tmem = tmem_create(zcache_owes, zcache);
	int err;

	if (IS_ERR(tmem))
		return PTR_ERR(tmem);

	zcache->tmem = tmem;
	err = tmem_reserve(tmem, TMEM_PERSISTENT, zcache_reserve());
	if (!err)
		err = zcache_start_pools(zcache);
	if (err)
		zcache_stop_store(zcache);
	return err;
}

static int zcache_start_comp(struct zcache *zcache)
{
	const char *name = zcache->set.comp_name;
	struct zcache_comp *comp = zcache_comp_create(name);

	if (IS_ERR(comp)) {
		pr_err("compressor \"%s\" cannot be used: %pe\n", name, comp);
		return PTR_ERR(comp);
	}
	zcache->comp = comp;
	return 0;
}

static void zcache_stop_comp(struct zcache *zcache)
{
	zcache_comp_destroy(zcache->comp);
	zcache->comp = NULL;
}

/* Without page cache pages there is nothing that could be given back. */
static int zcache_start_shrinker(struct zcache *zcache)
{
	if (zcache->set.disable_cleancache)
		return 0;

	zcache->shrinker = zcache_shrinker_alloc(zcache);
	if (!zcache->shrinker)
		return -ENOMEM;
	shrinker_register(zcache->shrinker);
	return 0;
}

static void zcache_stop_shrinker(struct zcache *zcache)
{
	if (zcache->shrinker)
		shrinker_free(zcache->shrinker);
	zcache->shrinker = NULL;
}

static int zcache_start_hooks(struct zcache *zcache)
{
	int err;

	if (!zcache->set.disable_cleancache) {
		err = zcache_file_start();
		if (err) {
			pr_err("cleancache cannot be had: %d\n", err);
			return err;
		}
	}
	if (!zcache->set.disable_frontswap) {
		err = zcache_swap_start();
		if (err) {
			pr_err("frontswap cannot be had: %d\n", err);
			zcache_file_stop();
			return err;
		}
	}
	return 0;
}

/* Swap pages can only be let go of by those who own them. */
static int zcache_stop_hooks(struct zcache *zcache)
{
	int err;

	if (!zcache->set.disable_frontswap) {
		err = zcache_swap_stop();
		if (err)
			return err;
	}
	zcache_file_stop();
	return 0;
}

static int zcache_start(struct zcache *zcache)
{
	int err;

	lockdep_assert_held(&zcache->lock);
	if (zcache->tmem)
		return 0;

	err = zcache_start_comp(zcache);
	if (err)
		return err;
	err = zcache_start_store(zcache);
	if (err)
		goto err_comp;
	err = zcache_start_shrinker(zcache);
	if (err)
		goto err_store;
	err = zcache_start_hooks(zcache);
	if (err)
		goto err_shrinker;
	zcache_debug_init(zcache);
	pr_info("started, compressor %s, frontswap %s, cleancache %s, cluster %s\n",
		zcache->set.comp_name,
		zcache->set.disable_frontswap ? "off" : "on",
		zcache->set.disable_cleancache ? "off" : "on",
		zcache->set.ramster_enabled ? "allowed" : "off");
	return 0;

err_shrinker:
	zcache_stop_shrinker(zcache);
err_store:
	zcache_stop_store(zcache);
err_comp:
	zcache_stop_comp(zcache);
	return err;
}

static int zcache_stop(struct zcache *zcache)
{
	int err;

	lockdep_assert_held(&zcache->lock);
	if (!zcache->tmem)
		return 0;
	if (zcache->ops)
		return -EBUSY;

	err = zcache_stop_hooks(zcache);
	if (err)
		return err;
	zcache_debug_exit(zcache);
	zcache_stop_shrinker(zcache);
	zcache_stop_store(zcache);
	zcache_stop_comp(zcache);
	pr_info("stopped\n");
	return 0;
}

/**
 * zcache_switch - turn the store on or off
 * @zcache: the store
 * @on: which
 *
 * Before the module is initialised this only says what is wanted then.
 *
 * Context: process; takes zcache.lock; sleeps.
 * Return: 0; -EBUSY if it is to be turned off while swap pages are held or the
 * cluster is up, or if others have the hooks; -ENOENT if there is no such
 * compressor; -ENOMEM.
 */
int zcache_switch(struct zcache *zcache, bool on)
{
	int err = 0;

	mutex_lock(&zcache->lock);
	if (zcache->initialised)
		err = on ? zcache_start(zcache) : zcache_stop(zcache);
	if (!err)
		zcache->set.enabled = on;
	mutex_unlock(&zcache->lock);
	return err;
}

static int __init zcache_init(void)
{
	int err = 0;

	mutex_lock(&zcache.lock);
	if (zcache.set.enabled)
		err = zcache_start(&zcache);
	/* What was wrong may be mended, and "enabled" written again. */
	if (err)
		zcache.set.enabled = false;
	zcache.initialised = true;
	mutex_unlock(&zcache.lock);
	return err;
}

static void __exit zcache_exit(void)
{
	/* The hooks hold a reference until "enabled" has been turned off. */
	mutex_lock(&zcache.lock);
	zcache_stop(&zcache);
	mutex_unlock(&zcache.lock);
}

/* After the compressors, which register as device-level initcalls do. */
late_initcall(zcache_init);
module_exit(zcache_exit);

MODULE_DESCRIPTION("Compressed store for swap pages and clean pages of files");
MODULE_LICENSE("GPL");
