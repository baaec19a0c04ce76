// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-file: clean pages of files, from the cleancache hooks.
 *
 * A page that is read back leaves the store.  All that can go wrong is a miss,
 * and the page is read from its file: a put is refused without harm, a get that
 * takes too long is given up, and a page that cannot be had is forgotten.
 *
 * Memory.  A put allocates as little as can be (zcache-policy.c).  A get of a
 * page that is with a peer allocates what it takes to ask for it, without
 * reclaim, and misses without it.  An invalidation
 * allocates nothing, cannot fail and does not sleep; that of a large file is
 * finished by a worker of tmem.
 */
#include <linux/cleancache.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page-flags.h>

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
	if (!err)
		zcache_stored(&zcache);
	return err;
}

/*
 * get
 */

static int file_fetched(void *arg, int result, const void *data, u32 len,
			bool waited)
{
	return result ?: zcache_page_fill(&zcache, arg, data, len);
}

static int file_get_remote(const struct tmem_handle *handle,
			   const struct tmem_blob *remote, struct page *page)
{
	unsigned int ms = READ_ONCE(zcache.set.get_timeout_ms);

	/* Who does not want to wait at all does not want it. */
	if (!ms)
		return -ETIMEDOUT;
	return zcache_fetch(&zcache, handle, TMEM_EPHEMERAL, remote,
			    msecs_to_jiffies(ms), file_fetched, page);
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
	/* Nobody puts this index while its folio is locked, as it is here. */
	err = zcache_page_take(&zcache, zcache.file, &handle, page, &remote);
	if (err == -EREMOTE) {
		err = file_get_remote(&handle, &remote, page);
		if (err)
			atomic64_inc(&count->eph_lost_gets);
		tmem_flush(zcache.file, &handle.oid, handle.index, 0);
	} else if (!err) {
		atomic64_inc(&count->eph_local_gets);
	}
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
