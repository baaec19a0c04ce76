// SPDX-License-Identifier: GPL-2.0
/*
 * A cleancache backend that tests the cleancache core, and file systems
 *
 * It keeps pages as they are, in frames set aside when it is registered: they
 * stand for the RAM of another machine.  It refuses, loses and delays at rates
 * that are module parameters, so that a test which changes files and verifies
 * them sees every path of a page through the cache.  When there is no frame left
 * it drops the page that was put longest ago.  What belongs to an object that is
 * void stays until then: the core must not ask for it.
 *
 * It also watches the core: that a page is put which may be put, that two calls
 * never meet in one page, that none comes from an interrupt.  What goes wrong is
 * counted in the parameter contract_errors.
 *
 * Parameters, in /sys/module/cleancache_torture/parameters:
 *
 *   register           1 makes it the backend, 0 ends that
 *   pages              frames to set aside
 *   refuse_percent     of the puts
 *   lose_percent       of the gets: the page is gone
 *   lie_percent        of the answers that all pages are there: they are not
 *   delay_us           at most, for a get
 *   held               pages that are kept; read only
 *   contract_errors    see above; read only
 *
 * Nothing is allocated by a put or a get.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleancache.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pagemap.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "backend.h"

static unsigned int refuse_percent;
module_param(refuse_percent, uint, 0644);

static unsigned int lose_percent;
module_param(lose_percent, uint, 0644);

static unsigned int lie_percent;
module_param(lie_percent, uint, 0644);

static unsigned int delay_us;
module_param(delay_us, uint, 0644);

static unsigned int held;
module_param(held, uint, 0444);

/**
 * struct frame - a page set aside
 * @copy: the page
 * @object: whose page it is a copy of
 * @index: which one
 * @used: it is a copy
 * @busy: a put or a get is under way
 * @chain: in its bucket, if it is used
 */
struct frame {
	struct page *copy;
	u64 object;
	pgoff_t index;
	bool used;
	bool busy;
	struct hlist_node chain;
};

#define BUCKET_BITS	12

/* Protects all below but the contents of pages whose frame is busy.  A leaf. */
static DEFINE_SPINLOCK(lock);
static struct hlist_head buckets[1 << BUCKET_BITS];
static struct frame *all_frames;
static unsigned int next_frame;

/* A WARN would end the machine in some tests before the oracle has its say. */
static void contract_error(const char *what, u64 object, pgoff_t index)
{
	atomic_inc(&contract_errors);
	pr_err_ratelimited("%s, object %llu page %lu\n", what, object, index);
}

static void check_context(u64 object, pgoff_t index)
{
	might_sleep();
	if (!in_task())
		contract_error("call from an interrupt", object, index);
}

static struct hlist_head *bucket(u64 object, pgoff_t index)
{
	return &buckets[hash_64(object * 31 + index, BUCKET_BITS)];
}

static struct frame *find(u64 object, pgoff_t index)
{
	struct frame *frame;

	lockdep_assert_held(&lock);
	hlist_for_each_entry(frame, bucket(object, index), chain)
		if (frame->object == object && frame->index == index)
			return frame;
	return NULL;
}

static void release(struct frame *frame)
{
	lockdep_assert_held(&lock);
	hlist_del(&frame->chain);
	frame->used = false;
	held--;
}

/* A frame for another page: that of the page that was taken longest ago. */
static struct frame *recycle(void)
{
	struct frame *frame;
	unsigned int i;

	lockdep_assert_held(&lock);
	for (i = 0; i < nr_copies; i++) {
		frame = &all_frames[next_frame];
		next_frame = (next_frame + 1) % nr_copies;
		if (frame->busy)
			continue;
		if (frame->used)
			release(frame);
		return frame;
	}
	return NULL;
}

/* The frame of a page, busy from now on; another one if it has none. */
static struct frame *acquire(u64 object, pgoff_t index, bool create)
{
	struct frame *frame;

	spin_lock(&lock);
	frame = find(object, index);
	if (frame && frame->busy) {
		contract_error("two calls at a time", object, index);
		frame = NULL;
		create = false;
	}
	if (!frame && create) {
		frame = recycle();
		if (frame) {
			frame->object = object;
			frame->index = index;
			frame->used = true;
			hlist_add_head(&frame->chain, bucket(object, index));
			held++;
		}
	}
	if (frame)
		frame->busy = true;
	spin_unlock(&lock);
	return frame;
}

static void finish(struct frame *frame, bool keep)
{
	spin_lock(&lock);
	frame->busy = false;
	if (!keep)
		release(frame);
	spin_unlock(&lock);
}

static int torture_put(u64 object, pgoff_t index, struct page *page)
{
	struct folio *folio = page_folio(page);
	struct frame *frame;

	check_context(object, index);
	if (!(current->flags & PF_MEMALLOC))
		contract_error("put may recurse", object, index);
	if (!folio_test_locked(folio) || !folio_test_uptodate(folio) ||
	    folio_test_dirty(folio) || folio_test_writeback(folio))
		contract_error("put of a page that may change", object, index);

	/* An older copy stays where it is: that the core gets rid of it is a test. */
	if (percent(refuse_percent))
		return -ENOSPC;
	frame = acquire(object, index, true);
	if (!frame)
		return -ENOMEM;
	copy_highpage(frame->copy, page);
	finish(frame, true);
	return 0;
}

static int torture_get(u64 object, pgoff_t index, struct page *page)
{
	struct frame *frame;
	unsigned int delay = READ_ONCE(delay_us);
	bool lost = percent(lose_percent);

	check_context(object, index);
	if (!folio_test_locked(page_folio(page)))
		contract_error("get without folio lock", object, index);
	frame = acquire(object, index, false);
	if (!frame)
		return -ENOENT;
	if (delay)
		usleep_range(get_random_u32_below(delay), delay);
	if (!lost)
		copy_highpage(page, frame->copy);
	finish(frame, false);
	return lost ? -EIO : 0;
}

static bool torture_has(u64 object, pgoff_t index, unsigned long nr)
{
	bool ret = true;

	if (percent(lie_percent))
		return true;
	spin_lock(&lock);
	while (nr-- && ret)
		ret = find(object, index++);
	spin_unlock(&lock);
	return ret;
}

static void torture_invalidate(u64 object, pgoff_t index, unsigned long nr)
{
	struct frame *frame;

	if (!in_task())
		contract_error("invalidate in an interrupt", object, index);
	spin_lock(&lock);
	for (; nr--; index++) {
		frame = find(object, index);
		if (!frame)
			continue;
		if (frame->busy)
			contract_error("invalidate of a page in use", object,
				       index);
		else
			release(frame);
	}
	spin_unlock(&lock);
}

/*
 * The pages stay: if the core forgot to give the file another number, a test had
 * better notice.
 */
static void torture_invalidate_object(u64 object)
{
	if (!in_task())
		contract_error("invalidate in an interrupt", object, 0);
}

static const struct cleancache_ops torture_ops = {
	.owner = THIS_MODULE,
	.put = torture_put,
	.get = torture_get,
	.has = torture_has,
	.invalidate = torture_invalidate,
	.invalidate_object = torture_invalidate_object,
};

static void free_all_frames(void)
{
	free_copies();
	kvfree(all_frames);
	all_frames = NULL;
	memset(buckets, 0, sizeof(buckets));
	next_frame = 0;
	held = 0;
}

static int alloc_all_frames(unsigned int nr)
{
	unsigned int i;

	all_frames = kvcalloc(nr, sizeof(*all_frames), GFP_KERNEL);
	if (!all_frames || alloc_copies(nr)) {
		free_all_frames();
		return -ENOMEM;
	}
	for (i = 0; i < nr; i++)
		all_frames[i].copy = copies[i];
	return 0;
}

static int torture_register(void)
{
	int ret = alloc_all_frames(pages);

	if (ret)
		return ret;
	ret = cleancache_register_ops(&torture_ops);
	if (ret)
		free_all_frames();
	return ret;
}

static int torture_unregister(void)
{
	cleancache_unregister_ops(&torture_ops);
	free_all_frames();
	return 0;
}

MODULE_DESCRIPTION("Cleancache backend that tests the cleancache core");
MODULE_LICENSE("GPL");
