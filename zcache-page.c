// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-page: a page goes into the store and comes back.
 *
 * A page of one byte value, of zeroes mostly, is not compressed: the value is
 * all that is kept.  That is looked for in pages of this machine only, before
 * they are compressed; what peers send is never looked at.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "trace.h"
#include "zcache-comp.h"
#include "zcache.h"

/*
 * Does a page hold one byte value only?  Few pages do that look like it at
 * their beginning and their end.
 */
static bool page_is_filled(struct page *page, u8 *fill)
{
	const u8 *data = kmap_local_page(page);
	bool filled;

	*fill = data[0];
	filled = data[PAGE_SIZE - 1] == *fill &&
		 !memchr_inv(data, *fill, PAGE_SIZE);
	kunmap_local(data);
	return filled;
}

static int page_put_compressed(struct zcache *zcache, struct tmem_pool *pool,
			       const struct tmem_handle *handle,
			       struct page *page, unsigned int *len)
{
	struct zcache_comp_ctx *ctx = zcache_comp_begin(zcache->comp);
	struct tmem_blob blob = { .data = zcache_comp_buffer(ctx) };
	int err;

	err = zcache_compress(ctx, page, &blob.len);
	*len = blob.len;
	if (err)
		atomic64_inc(&zcache->count.compress_failed);
	else
		err = zcache_keep(zcache, pool, handle, &blob);
	zcache_comp_end(ctx);
	return err;
}

/**
 * zcache_page_put - store a page
 * @zcache: the store
 * @pool: for pages of which kind
 * @handle: its name
 * @page: its contents, which nobody changes meanwhile
 *
 * An error leaves an older page of that name as it is, for the caller to flush.
 *
 * Context: process, in reclaim; may sleep.  Allocates without reclaim.
 * Return: 0, or an error, which means that the page is not kept and nothing
 * worse.
 */
int zcache_page_put(struct zcache *zcache, struct tmem_pool *pool,
		    const struct tmem_handle *handle, struct page *page)
{
	unsigned int len = 0;
	int err = -EBUSY;
	u8 fill;

	trace_ramster_store_begin(handle);
	/* A slot that owes a peer something has no room for a value. */
	if (page_is_filled(page, &fill))
		err = zcache_keep_filled(zcache, pool, handle, fill);
	if (err == -EBUSY)
		err = page_put_compressed(zcache, pool, handle, page, &len);
	trace_ramster_store(handle, len, err);
	return err;
}

static int page_decompress(struct zcache *zcache, struct zcache_comp_ctx *ctx,
			   const void *data, unsigned int len,
			   struct page *page)
{
	int err = zcache_decompress(ctx, data, len, page);

	if (err) {
		atomic64_inc(&zcache->count.decompress_failed);
		pr_err_ratelimited("a stored page does not decompress\n");
	}
	return err;
}

/**
 * zcache_page_fill - decompress the bytes of a page
 * @zcache: the store
 * @page: page to fill
 * @data: compressed bytes, in memory that is directly mapped
 * @len: number of them
 *
 * Context: process; may sleep.  Allocates nothing.
 * Return: 0 or -EIO.
 */
int zcache_page_fill(struct zcache *zcache, struct page *page, const void *data,
		     unsigned int len)
{
	struct zcache_comp_ctx *ctx = zcache_comp_begin(zcache->comp);
	int err = page_decompress(zcache, ctx, data, len, page);

	zcache_comp_end(ctx);
	return err;
}

static void page_set(struct page *page, u8 fill)
{
	void *data = kmap_local_page(page);

	memset(data, fill, PAGE_SIZE);
	kunmap_local(data);
}

/**
 * zcache_page_get - read a page that is here
 * @zcache: the store
 * @pool: where
 * @handle: its name
 * @page: page to fill
 * @remote: with -EREMOTE, receives version and node for zcache_fetch()
 *
 * The page stays in the store.  zcache_page_take() is cheaper.
 *
 * Context: process; may sleep.  Allocates nothing.
 * Return: 0; -EREMOTE if a peer has it; -ENOENT; or -EIO if it does not
 * decompress.
 */
int zcache_page_get(struct zcache *zcache, struct tmem_pool *pool,
		    const struct tmem_handle *handle, struct page *page,
		    struct tmem_blob *remote)
{
	struct zcache_comp_ctx *ctx = zcache_comp_begin(zcache->comp);
	int err;

	*remote = (struct tmem_blob){ .data = zcache_comp_buffer(ctx) };
	err = tmem_get(pool, &handle->oid, handle->index, remote);
	if (!err && remote->filled)
		page_set(page, remote->fill);
	else if (!err)
		err = page_decompress(zcache, ctx, remote->data, remote->len,
				      page);
	remote->data = NULL;
	zcache_comp_end(ctx);
	return err;
}

/*
 * A swap page that does not decompress is an I/O error; but what has failed may
 * be the compressor and not the page, so who asks next may have more luck.  The
 * bytes go back the way they came: there is room for them in the frame that they
 * have left, unless somebody else is faster.
 */
static void page_put_back(struct zcache *zcache, struct tmem_pool *pool,
			  const struct tmem_handle *handle,
			  const struct tmem_blob *taken, void *zpage)
{
	struct zcache_comp_ctx *ctx = zcache_comp_begin(zcache->comp);
	struct tmem_blob blob = {
		.data = zcache_comp_buffer(ctx),
		.len = taken->len,
		.crc = taken->crc,
	};

	memcpy(blob.data, taken->data, blob.len);
	tmem_page_free(pool, zpage);
	if (zcache_keep_again(zcache, pool, handle, &blob))
		pr_err_ratelimited("no room to keep that page; it is lost\n");
	zcache_comp_end(ctx);
}

/**
 * zcache_page_take - read a page that is here, and drop it from the store
 * @zcache: the store
 * @pool: where
 * @handle: its name; nobody stores or invalidates it meanwhile
 * @page: page to fill
 * @remote: with -EREMOTE, receives version and node for zcache_fetch(), and the
 *	page is still with that node
 *
 * A swap page that does not decompress stays in the store, if there is room; a
 * page cache page does not.
 *
 * Context: process; may sleep.  Allocates nothing, unless it fails.
 * Return: 0; -EREMOTE if a peer has it; -ENOENT; or -EIO if it does not
 * decompress.
 */
int zcache_page_take(struct zcache *zcache, struct tmem_pool *pool,
		     const struct tmem_handle *handle, struct page *page,
		     struct tmem_blob *remote)
{
	void *zpage;
	int err;

	err = tmem_take(pool, &handle->oid, handle->index, remote, &zpage);
	if (err)
		return err;
	if (!zpage) {
		page_set(page, remote->fill);
		return 0;
	}
	err = zcache_page_fill(zcache, page, remote->data, remote->len);
	if (err && tmem_pool_kind(pool) == TMEM_PERSISTENT)
		page_put_back(zcache, pool, handle, remote, zpage);
	else
		tmem_page_free(pool, zpage);
	return err;
}
