// SPDX-License-Identifier: GPL-2.0
/*
 * A frontswap backend that tests the frontswap core, and those who use swap
 *
 * It keeps pages as they are, in frames set aside when it is registered: they
 * stand for the RAM of another machine.  What it answers is drawn by lot, at
 * rates that are module parameters, so that a test which writes to memory and
 * verifies it sees every path of a page through swap.
 *
 * It also watches the core: that a call comes only for a slot that is held, that
 * two calls never meet in one slot, that a store runs as reclaim does, that no
 * call comes from an interrupt, that all is forgotten before an area goes away.
 * What goes wrong is counted in the parameter contract_errors.  How many of the
 * invalidates could not have slept is in atomic_invalidates: they do as much as
 * the contract allows, take a lock and free, for lockdep to have its say.
 *
 * Parameters, in /sys/module/frontswap_torture/parameters:
 *
 *   register           1 makes it the backend, 0 ends that, or fails with EBUSY
 *   pages              frames to set aside
 *   reject_percent     of the stores
 *   wt_percent         of the stores: write-through
 *   defer_percent      of the loads that may be
 *   exclusive_percent  of the loads that may be
 *   delay_ms           at most, for deferred loads
 *   lose_percent       of the loads of pages written through: copy is gone
 *   fail_percent       of the other loads: an I/O error
 *   init_error         errno for new areas
 *   leak               so many allocations are forgotten; write only
 *   contract_errors    see above; read only
 *   atomic_invalidates see above; read only
 *
 * Nothing is allocated by a store or a load.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/frontswap.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/swap.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "backend.h"

static unsigned int reject_percent;
module_param(reject_percent, uint, 0644);

static unsigned int wt_percent;
module_param(wt_percent, uint, 0644);

static unsigned int defer_percent;
module_param(defer_percent, uint, 0644);

static unsigned int exclusive_percent;
module_param(exclusive_percent, uint, 0644);

static unsigned int delay_ms = 1;
module_param(delay_ms, uint, 0644);

static unsigned int lose_percent;
module_param(lose_percent, uint, 0644);

static unsigned int fail_percent;
module_param(fail_percent, uint, 0644);

static int init_error;
module_param(init_error, int, 0644);

/* Forget so many allocations: for those who look for leaks to be tested. */
static int set_leak(const char *val, const struct kernel_param *kp)
{
	unsigned int nr;
	int ret = kstrtouint(val, 0, &nr);
	void *lost;

	if (ret || system_state < SYSTEM_RUNNING)
		return ret ?: -EINVAL;
	while (nr--) {
		lost = kmalloc(128, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(lost);
	}
	return 0;
}

static const struct kernel_param_ops leak_ops = {
	.set = set_leak,
};
module_param_cb(leak, &leak_ops, NULL, 0200);

static atomic_t atomic_invalidates = ATOMIC_INIT(0);
module_param_cb(atomic_invalidates, &atomic_ops, &atomic_invalidates, 0444);

/**
 * struct frame - a page set aside, and the load of it that was deferred
 * @copy: the page
 * @type: area of the slot
 * @offset: the slot
 * @target: page to be filled
 * @folio: its folio
 * @result: what to say when it is filled
 * @work: fills it
 * @through: it is on the swap device as well
 */
struct frame {
	struct page *copy;
	unsigned int type;
	pgoff_t offset;
	struct page *target;
	struct folio *folio;
	int result;
	struct delayed_work work;
	bool through;
};

/**
 * struct area - a swap area
 * @frames: for each slot what is kept of it, or NULL
 * @busy: bit for each slot that a call is under way for
 * @nr: number of slots
 *
 * No lock: the core promises that calls for one slot exclude each other.
 */
struct area {
	struct frame **frames;
	unsigned long *busy;
	unsigned long nr;
};

static struct area areas[MAX_SWAPFILES];

/* The frames in use are with the areas, the others on a stack. */
static DEFINE_SPINLOCK(free_lock);
static struct frame *all_frames;
static struct frame **free_frames;
static unsigned int nr_free;

static struct workqueue_struct *load_wq;

/* A WARN would end the machine in some tests before the oracle has its say. */
static void contract_error(const char *what, unsigned int type, pgoff_t offset)
{
	atomic_inc(&contract_errors);
	pr_err_ratelimited("%s, area %u slot %lu\n", what, type, offset);
}

/* Pop a frame; NULL if none is free. */
static struct frame *frame_get(void)
{
	struct frame *frame = NULL;

	spin_lock(&free_lock);
	if (nr_free)
		frame = free_frames[--nr_free];
	spin_unlock(&free_lock);
	return frame;
}

/* Whoever gets this frame next must not find an old page that looks right. */
static void frame_put(struct frame *frame)
{
	clear_highpage(frame->copy);
	spin_lock(&free_lock);
	free_frames[nr_free++] = frame;
	spin_unlock(&free_lock);
}

static void slot_enter(unsigned int type, pgoff_t offset)
{
	if (test_and_set_bit(offset, areas[type].busy))
		contract_error("two calls at a time", type, offset);
}

static void slot_leave(unsigned int type, pgoff_t offset)
{
	clear_bit(offset, areas[type].busy);
}

static void slot_drop(unsigned int type, pgoff_t offset)
{
	struct frame *frame = areas[type].frames[offset];

	areas[type].frames[offset] = NULL;
	frame_put(frame);
}

static int torture_store_slot(unsigned int type, pgoff_t offset,
			      struct page *page)
{
	struct frame **slot = &areas[type].frames[offset];

	/* An older copy stays where it is: that the core gets rid of it is a test. */
	if (percent(reject_percent))
		return FRONTSWAP_REJECT;
	if (!*slot)
		*slot = frame_get();
	if (!*slot)
		return FRONTSWAP_REJECT;

	copy_highpage((*slot)->copy, page);
	(*slot)->through = percent(wt_percent);
	return (*slot)->through ? FRONTSWAP_STORED_WT : FRONTSWAP_STORED;
}

static int torture_store(unsigned int type, pgoff_t offset, struct page *page)
{
	int ret;

	might_sleep();
	if (!(current->flags & PF_MEMALLOC))
		contract_error("store may recurse", type, offset);
	if (!folio_test_locked(page_folio(page)))
		contract_error("store without folio lock", type, offset);

	slot_enter(type, offset);
	ret = torture_store_slot(type, offset, page);
	slot_leave(type, offset);
	return ret;
}

/* What a load will say, if all goes well with the copy. */
static int draw_result(struct frame *frame, unsigned int flags)
{
	if (frame->through && percent(lose_percent))
		return -ENOENT;
	if (!frame->through && percent(fail_percent))
		return -EIO;
	if ((flags & FRONTSWAP_MAY_EXCL) && percent(exclusive_percent))
		return FRONTSWAP_EXCLUSIVE;
	return 0;
}

/* Fill the page, and drop the copy if the answer says so. */
static int finish_load(struct frame *frame)
{
	unsigned int type = frame->type;
	pgoff_t offset = frame->offset;
	int result = frame->result;

	if (result >= 0)
		copy_highpage(frame->target, frame->copy);
	if (result == FRONTSWAP_EXCLUSIVE || result == -ENOENT)
		slot_drop(type, offset);
	slot_leave(type, offset);
	return result;
}

static void deferred_load(struct work_struct *work)
{
	struct frame *frame = container_of(to_delayed_work(work), struct frame,
					   work);
	struct folio *folio = frame->folio;

	frontswap_load_done(folio, finish_load(frame));
}

static int torture_load(unsigned int type, pgoff_t offset, struct folio *folio,
			struct page *page, unsigned int flags)
{
	struct frame *frame = areas[type].frames[offset];
	unsigned long delay;

	might_sleep();
	if (!frame) {
		contract_error("load of a slot not held", type, offset);
		return -EIO;
	}

	slot_enter(type, offset);
	frame->type = type;
	frame->offset = offset;
	frame->target = page;
	frame->folio = folio;
	frame->result = draw_result(frame, flags);
	if (!(flags & FRONTSWAP_MAY_DEFER) || !percent(defer_percent))
		return finish_load(frame);

	/* Each its own delay, so that they overtake each other. */
	delay = get_random_u32_below(READ_ONCE(delay_ms) + 1);
	queue_delayed_work(load_wq, &frame->work, msecs_to_jiffies(delay));
	return -EINPROGRESS;
}

static void torture_invalidate(unsigned int type, pgoff_t offset)
{
	if (!in_task())
		contract_error("invalidate in an interrupt", type, offset);
	if (!preemptible())
		atomic_inc(&atomic_invalidates);
	if (!areas[type].frames[offset]) {
		contract_error("invalidate of a slot not held", type, offset);
		return;
	}
	slot_enter(type, offset);
	slot_drop(type, offset);
	slot_leave(type, offset);
}

static void area_free(struct area *area)
{
	kvfree(area->frames);
	bitmap_free(area->busy);
	memset(area, 0, sizeof(*area));
}

static int torture_init(unsigned int type, unsigned long nr_pages)
{
	struct area *area = &areas[type];

	if (init_error)
		return -abs(init_error);
	if (area->frames)
		contract_error("area appears twice", type, 0);

	area->nr = nr_pages;
	area->frames = kvcalloc(nr_pages, sizeof(*area->frames), GFP_KERNEL);
	area->busy = bitmap_zalloc(nr_pages, GFP_KERNEL);
	if (!area->frames || !area->busy) {
		area_free(area);
		return -ENOMEM;
	}
	return 0;
}

static void torture_invalidate_area(unsigned int type)
{
	struct area *area = &areas[type];
	unsigned long i;

	for (i = 0; i < area->nr; i++) {
		if (!area->frames[i])
			continue;
		contract_error("area goes with pages", type, i);
		slot_drop(type, i);
	}
	area_free(area);
}

static const struct frontswap_ops torture_ops = {
	.owner = THIS_MODULE,
	.init = torture_init,
	.store = torture_store,
	.load = torture_load,
	.invalidate = torture_invalidate,
	.invalidate_area = torture_invalidate_area,
};

static void free_all_frames(void)
{
	free_copies();
	kvfree(all_frames);
	kvfree(free_frames);
	all_frames = NULL;
	free_frames = NULL;
	nr_free = 0;
}

static int alloc_all_frames(unsigned int nr)
{
	all_frames = kvcalloc(nr, sizeof(*all_frames), GFP_KERNEL);
	free_frames = kvcalloc(nr, sizeof(*free_frames), GFP_KERNEL);
	if (!all_frames || !free_frames || alloc_copies(nr)) {
		free_all_frames();
		return -ENOMEM;
	}

	for (nr_free = 0; nr_free < nr; nr_free++) {
		struct frame *frame = &all_frames[nr_free];

		frame->copy = copies[nr_free];
		INIT_DELAYED_WORK(&frame->work, deferred_load);
		free_frames[nr_free] = frame;
	}
	return 0;
}

static int torture_register(void)
{
	int ret = alloc_all_frames(pages);

	if (ret)
		return ret;
	ret = -ENOMEM;
	load_wq = alloc_workqueue("frontswap_torture",
				  WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!load_wq)
		goto err_frames;
	ret = frontswap_register_ops(&torture_ops);
	if (ret)
		goto err_wq;
	return 0;

err_wq:
	destroy_workqueue(load_wq);
err_frames:
	free_all_frames();
	return ret;
}

static int torture_unregister(void)
{
	int ret = frontswap_unregister_ops(&torture_ops);

	if (ret)
		return ret;
	if (nr_free != nr_copies)
		contract_error("frames are missing", 0, nr_copies - nr_free);
	/* Waits for those that are still in frontswap_load_done(). */
	destroy_workqueue(load_wq);
	free_all_frames();
	return 0;
}

MODULE_DESCRIPTION("Frontswap backend that tests the frontswap core");
MODULE_LICENSE("GPL");
