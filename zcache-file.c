// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-file: clean pages of files, from the cleancache hooks.
 *
 * A page that is read back leaves the store.  All that can go wrong is a miss,
 * and the page is read from its file: a put is refused without harm, a get that
 * takes too long is given up, and a page that cannot be had is forgotten.
 *
 * Memory.  A put allocates as little as can be (zcache-policy.c).  A get of a
 * page that is with a peer allocates what it takes to ask for it, and a few bytes
 * to wait with, without reclaim, and misses without them.  An invalidation
 * allocates nothing, cannot fail and does not sleep; that of a large file is
 * finished by a worker of tmem.
 */
#include <linux/cleancache.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page-flags.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "zcache.h"

static void file_handle(u64 object, pgoff_t index, struct tmem_handle *handle)
{
	*handle = (struct tmem_handle) {
		.client = TMEM_CLIENT_LOCAL,
		.pool = ZCACHE_FILE_POOL,
		.oid.word[0] = object,
		.index = index,
	};
}

static int zcache_file_put(u64 object, pgoff_t index, struct page *page)
{
	struct zcache_counters *count = &zcache.count;
	struct tmem_handle handle;
	int err;

	if (index > U32_MAX)
		return -EFBIG;
	if (!READ_ONCE(zcache.set.file_take_all) &&
	    !zcache_active(page_folio(page))) {
		atomic64_inc(&count->eph_nonactive_puts_ignored);
		return -EPERM;
	}

	file_handle(object, index, &handle);
	err = zcache_page_put(&zcache, zcache.file, &handle, page);
	zcache_trim_words(&zcache);
	atomic64_inc(err ? &count->failed_eph_puts : &count->eph_puts);
	return err;
}

/*
 * get
 */

enum file_wait_state {
	FILE_WAITING,	/* somebody waits, and nothing came */
	FILE_FILLING,	/* it came, and the page belongs to who fills it */
	FILE_GIVEN_UP,	/* nobody waits any more: the page is not ours */
};

/**
 * struct file_wait - a get that waits for its page to come from a peer
 * @page: page to fill, while @state lets one
 * @result: 0 or an error, once @done
 * @state: an enum file_wait_state; leaves FILE_WAITING once
 * @refs: held by who waits and by who fetches
 * @done: completed when the page is filled or lost
 */
struct file_wait {
	struct page *page;
	int result;
	atomic_t state;
	refcount_t refs;
	struct completion done;
};

static struct file_wait *file_wait_alloc(struct page *page)
{
	struct file_wait *wait = kmalloc(sizeof(*wait),
					 GFP_NOWAIT | __GFP_NOWARN);

	if (!wait)
		return NULL;
	wait->page = page;
	atomic_set(&wait->state, FILE_WAITING);
	refcount_set(&wait->refs, 2);
	init_completion(&wait->done);
	return wait;
}

static void file_wait_put(struct file_wait *wait)
{
	if (refcount_dec_and_test(&wait->refs))
		kfree(wait);
}

/* Whoever is first decides; returns whether that was the caller. */
static bool file_wait_turn(struct file_wait *wait, enum file_wait_state to)
{
	return atomic_cmpxchg(&wait->state, FILE_WAITING, to) == FILE_WAITING;
}

static void file_fetched(void *arg, int result, const void *data, u32 len)
{
	struct file_wait *wait = arg;

	if (file_wait_turn(wait, FILE_FILLING)) {
		if (!result)
			result = zcache_page_fill(&zcache, wait->page, data,
						  len);
		wait->result = result;
		complete(&wait->done);
	}
	file_wait_put(wait);
}

static int file_wait(struct file_wait *wait)
{
	unsigned long timeout =
		msecs_to_jiffies(READ_ONCE(zcache.set.get_timeout_ms));

	if (wait_for_completion_timeout(&wait->done, timeout))
		return wait->result;
	if (file_wait_turn(wait, FILE_GIVEN_UP))
		return -ETIMEDOUT;
	/* It is being decompressed just now. */
	wait_for_completion(&wait->done);
	return wait->result;
}

static int file_get_remote(const struct tmem_handle *handle,
			   const struct tmem_blob *remote, struct page *page)
{
	struct file_wait *wait = file_wait_alloc(page);
	int err;

	if (!wait)
		return -ENOMEM;
	err = zcache_fetch(&zcache, handle, TMEM_EPHEMERAL, remote,
			   file_fetched, wait);
	if (err)
		file_wait_put(wait);
	else
		err = file_wait(wait);
	file_wait_put(wait);
	/* A readahead asks for many pages, and is not to wait for each. */
	if (err == -ETIMEDOUT)
		zcache_late(&zcache, remote->node);
	return err;
}

/*
 * Found or lost, the page is not here any more afterwards: what has missed once
 * misses until it is put again.
 */
static int zcache_file_get(u64 object, pgoff_t index, struct page *page)
{
	struct zcache_counters *count = &zcache.count;
	struct tmem_handle handle;
	struct tmem_blob remote;
	int err;

	if (index > U32_MAX)
		return -ENOENT;

	file_handle(object, index, &handle);
	err = zcache_page_get(&zcache, zcache.file, &handle, page, &remote);
	if (err == -ENOENT)
		return err;
	if (err == -EREMOTE) {
		err = file_get_remote(&handle, &remote, page);
		if (err)
			atomic64_inc(&count->eph_lost_gets);
	} else if (!err) {
		atomic64_inc(&count->eph_local_gets);
	}
	/* Nobody puts this index while its folio is locked, as it is here. */
	tmem_flush(zcache.file, &handle.oid, handle.index, 0);
	/* It was worth keeping once, and was wanted again. */
	if (!err)
		folio_set_workingset(page_folio(page));
	return err;
}

static bool zcache_file_has(u64 object, pgoff_t index, unsigned long nr)
{
	struct tmem_handle handle;

	if (index > U32_MAX)
		return false;
	file_handle(object, index, &handle);
	return tmem_has(zcache.file, &handle.oid, handle.index, nr);
}

/*
 * invalidate
 */

static void zcache_file_invalidate(u64 object, pgoff_t index, unsigned long nr)
{
	struct tmem_handle handle;

	if (index > U32_MAX)
		return;
	file_handle(object, index, &handle);
	atomic64_inc(&zcache.count.flush_total);
	if (tmem_flush_range(zcache.file, &handle.oid, handle.index, nr))
		atomic64_inc(&zcache.count.flush_found);
}

static void zcache_file_invalidate_object(u64 object)
{
	struct tmem_handle handle;

	file_handle(object, 0, &handle);
	atomic64_inc(&zcache.count.flobj_total);
	if (tmem_flush_object_atomic(zcache.file, &handle.oid))
		atomic64_inc(&zcache.count.flobj_found);
}

const struct cleancache_ops zcache_file_ops = {
	.owner = THIS_MODULE,
	.put = zcache_file_put,
	.get = zcache_file_get,
	.has = zcache_file_has,
	.invalidate = zcache_file_invalidate,
	.invalidate_object = zcache_file_invalidate_object,
};

/**
 * zcache_file_start - take page cache pages from now on
 *
 * Context: process; zcache.lock is held, and everything else is ready.
 * Return: 0; -EBUSY if something else has cleancache.
 */
int zcache_file_start(void)
{
	return cleancache_register_ops(&zcache_file_ops);
}

/**
 * zcache_file_stop - take no page cache pages any more
 *
 * Context: process; zcache.lock is held.  Sleeps until nobody is in a function
 * of this file; what is held may then be dropped.
 */
void zcache_file_stop(void)
{
	cleancache_unregister_ops(&zcache_file_ops);
}
