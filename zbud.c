// SPDX-License-Identifier: GPL-2.0
/*
 * zbud: two compressed pages in one page frame.  zbud.h tells what for.
 *
 * A frame is divided into chunks of 64 bytes: 64 chunks, if it has 4 KiB.
 * Buddy 0 starts at the front; buddy 1 starts on the chunk boundary that lets
 * it end in the last chunk.  So either may come or go without the other being
 * moved, and a zpage never moves at all: its data may be used without a lock by
 * whoever owns its handle.
 *
 * A frame may be on two lists.  Both follow from what the frame holds, and one
 * function, zbud_place(), puts it there after every change:
 *
 *   unbuddied[n]  it holds one zpage, n chunks are free, and it is not isolated
 *   lru           all its zpages are ready, and it is not isolated
 *
 * A frame with a pending zpage is therefore offered as a partner.  It matters
 * when many zpages stay pending for long, as tmem's do that wait for a peer:
 * each of them would otherwise have a frame for itself.
 *
 * One spinlock protects a pool.  It is taken in task context only, possibly
 * with interrupts off, and no other lock is taken inside it.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "zbud.h"

/* A handle is a frame's address with the buddy in bit 2; bits 0 and 1 are 0. */
#define ZBUD_FRAME_ALIGN	8UL
#define ZBUD_BUDDY_SHIFT	2
#define ZBUD_BUDDIES		2

/**
 * struct zbud_frame - a page frame and what is in it
 * @lru: place among the candidates, or empty
 * @partner: place on one of the pool's unbuddied lists, or empty
 * @data: the frame itself, where it is mapped
 * @size: bytes of each zpage, 0 if there is none
 * @ready: bit per buddy: zbud_ready() was called, and no isolation since
 * @isolated: lent to a walker, until every zpage left is ready again
 *
 * All but @data are protected by the pool's lock; the owner of a handle may
 * read its own zpage's @size without.
 */
struct zbud_frame {
	struct list_head lru;
	struct list_head partner;
	void *data;
	u16 size[ZBUD_BUDDIES];
	u8 ready;
	bool isolated;
};

/**
 * struct zbud_pool - frames of one kind
 * @descs: where descriptors of frames come from, with a reserve
 * @pages: where the frames come from, with a reserve
 * @lock: protects everything below and all frames of the pool
 * @lru: candidates of zbud_isolate_oldest(), oldest first
 * @unbuddied: frames that take a second zpage, by number of free chunks
 * @partners: bit per list of @unbuddied: 0 means that it is empty
 * @stats: counters; buddied and unbuddied are derived when they are asked for
 */
struct zbud_pool {
	mempool_t *descs;
	mempool_t *pages;
	spinlock_t lock; /* the rest, and all frames */
	struct list_head lru;
	struct list_head unbuddied[ZBUD_NR_CHUNKS];
	DECLARE_BITMAP(partners, ZBUD_NR_CHUNKS);
	struct zbud_stats stats;
};

/* All pools share one slab cache: a cache has a name, and names are unique. */
static DEFINE_MUTEX(zbud_cache_mutex);
static struct kmem_cache *zbud_cache;
static unsigned int zbud_cache_users;

static int zbud_cache_get(void)
{
	int err = 0;

	mutex_lock(&zbud_cache_mutex);
	if (!zbud_cache)
		zbud_cache = kmem_cache_create("zbud_frame",
					       sizeof(struct zbud_frame),
					       ZBUD_FRAME_ALIGN, 0, NULL);
	if (zbud_cache)
		zbud_cache_users++;
	else
		err = -ENOMEM;
	mutex_unlock(&zbud_cache_mutex);
	return err;
}

static void zbud_cache_put(void)
{
	mutex_lock(&zbud_cache_mutex);
	if (!--zbud_cache_users) {
		kmem_cache_destroy(zbud_cache);
		zbud_cache = NULL;
	}
	mutex_unlock(&zbud_cache_mutex);
}

static unsigned long zbud_handle(struct zbud_frame *frame, unsigned int buddy)
{
	return (unsigned long)frame | (buddy << ZBUD_BUDDY_SHIFT);
}

static struct zbud_frame *zbud_frame(unsigned long handle)
{
	return (struct zbud_frame *)(handle & ~(ZBUD_FRAME_ALIGN - 1));
}

static unsigned int zbud_buddy(unsigned long handle)
{
	return (handle >> ZBUD_BUDDY_SHIFT) & 1;
}

static unsigned int zbud_chunks(size_t size)
{
	return DIV_ROUND_UP(size, ZBUD_CHUNK_SIZE);
}

/* Which buddies are there, as a mask like frame->ready. */
static u8 zbud_present(const struct zbud_frame *frame)
{
	return (frame->size[0] ? BIT(0) : 0) | (frame->size[1] ? BIT(1) : 0);
}

static unsigned int zbud_free_chunks(const struct zbud_frame *frame)
{
	return ZBUD_NR_CHUNKS - zbud_chunks(frame->size[0]) -
	       zbud_chunks(frame->size[1]);
}

static void zbud_leave_lru(struct zbud_pool *pool, struct zbud_frame *frame)
{
	if (list_empty(&frame->lru))
		return;
	list_del_init(&frame->lru);
	pool->stats.isolated++;
}

static void zbud_join_lru(struct zbud_pool *pool, struct zbud_frame *frame,
			  bool newest)
{
	/* A candidate that only lost a zpage keeps its place. */
	if (!list_empty(&frame->lru))
		return;
	if (newest)
		list_add_tail(&frame->lru, &pool->lru);
	else
		list_add(&frame->lru, &pool->lru);
	pool->stats.isolated--;
}

/* Put a frame on the lists where it now belongs, and on no other. */
static void zbud_place(struct zbud_pool *pool, struct zbud_frame *frame,
		       bool newest)
{
	u8 present = zbud_present(frame);
	unsigned int free;

	lockdep_assert_held(&pool->lock);
	list_del_init(&frame->partner);
	if (hweight8(present) == 1 && !frame->isolated) {
		free = zbud_free_chunks(frame);
		list_add(&frame->partner, &pool->unbuddied[free]);
		__set_bit(free, pool->partners);
	}
	if (present && present == frame->ready && !frame->isolated)
		zbud_join_lru(pool, frame, newest);
	else
		zbud_leave_lru(pool, frame);
}

/* The half-used frame with the least room that is enough, or NULL. */
static struct zbud_frame *zbud_best_fit(struct zbud_pool *pool, size_t size)
{
	unsigned int free = zbud_chunks(size);
	struct zbud_frame *frame;

	lockdep_assert_held(&pool->lock);
	for_each_set_bit_from(free, pool->partners, ZBUD_NR_CHUNKS) {
		frame = list_first_entry_or_null(&pool->unbuddied[free],
						 struct zbud_frame, partner);
		if (frame)
			return frame;
		/* The list has become empty since. */
		__clear_bit(free, pool->partners);
	}
	return NULL;
}

static struct zbud_frame *zbud_frame_alloc(struct zbud_pool *pool, gfp_t gfp)
{
	struct zbud_frame *frame;
	struct page *page;

	frame = mempool_alloc(pool->descs, gfp);
	if (!frame)
		return NULL;
	page = mempool_alloc(pool->pages, gfp);
	if (!page) {
		mempool_free(frame, pool->descs);
		return NULL;
	}
	memset(frame, 0, sizeof(*frame));
	frame->data = page_address(page);
	INIT_LIST_HEAD(&frame->lru);
	INIT_LIST_HEAD(&frame->partner);
	return frame;
}

static void zbud_count_frame(struct zbud_pool *pool)
{
	struct zbud_stats *stats = &pool->stats;

	stats->isolated++;
	stats->frames++;
	stats->frames_max = max(stats->frames_max, stats->frames);
}

static void zbud_count_zpage(struct zbud_pool *pool, size_t size)
{
	struct zbud_stats *stats = &pool->stats;

	stats->zpages++;
	stats->zpages_max = max(stats->zpages_max, stats->zpages);
	stats->zbytes += size;
	stats->zbytes_max = max(stats->zbytes_max, stats->zbytes);
	stats->cumul_zpages++;
	stats->cumul_zbytes += size;
}

/* Reserve room in a frame that has some; the new zpage is pending. */
static unsigned long zbud_attach(struct zbud_pool *pool,
				 struct zbud_frame *frame, size_t size)
{
	unsigned int buddy = frame->size[0] ? 1 : 0;

	frame->size[buddy] = size;
	zbud_count_zpage(pool, size);
	zbud_place(pool, frame, true);
	return zbud_handle(frame, buddy);
}

static int zbud_create_mempools(struct zbud_pool *pool)
{
	pool->descs = mempool_create_slab_pool(0, zbud_cache);
	pool->pages = mempool_create_page_pool(0, 0);
	return pool->descs && pool->pages ? 0 : -ENOMEM;
}

static void zbud_free_pool(struct zbud_pool *pool)
{
	mempool_destroy(pool->pages);
	mempool_destroy(pool->descs);
	kfree(pool);
	zbud_cache_put();
}

/**
 * zbud_create - make an empty pool, without a reserve
 *
 * Context: may sleep.
 * Return: the pool, or NULL for want of memory.
 */
struct zbud_pool *zbud_create(void)
{
	struct zbud_pool *pool;
	unsigned int i;

	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return NULL;
	if (zbud_cache_get()) {
		kfree(pool);
		return NULL;
	}
	if (zbud_create_mempools(pool)) {
		zbud_free_pool(pool);
		return NULL;
	}
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->lru);
	for (i = 0; i < ZBUD_NR_CHUNKS; i++)
		INIT_LIST_HEAD(&pool->unbuddied[i]);
	return pool;
}

/**
 * zbud_reserve - set frames aside for when there is no free memory
 * @pool: for whom
 * @frames: how many, at least one
 *
 * They are used when the page allocator has nothing at the moment, and are
 * replaced by the frames that are freed next.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL if @frames is 0 or impossible; or -ENOMEM, after which
 *	some of them may have been set aside.
 */
int zbud_reserve(struct zbud_pool *pool, unsigned int frames)
{
	int err;

	/* A mempool takes a number that is not positive for a bug. */
	if (!frames || frames > INT_MAX)
		return -EINVAL;
	err = mempool_resize(pool->descs, frames);
	if (err)
		return err;
	return mempool_resize(pool->pages, frames);
}

/**
 * zbud_destroy - free a pool
 * @pool: pool in which nothing is held any more, or NULL
 *
 * A pool that still holds something is left alone, with a warning: a leak does
 * less harm than a handle that leads to freed memory.
 *
 * Context: may sleep; nobody else uses the pool.
 */
void zbud_destroy(struct zbud_pool *pool)
{
	if (!pool || WARN_ON_ONCE(pool->stats.frames))
		return;
	zbud_free_pool(pool);
}

/**
 * zbud_alloc - make room for a zpage
 * @pool: where
 * @size: bytes, 1 to ZBUD_MAX_SIZE
 * @gfp: for the frame and its descriptor; the frame must be directly mapped,
 *	 so no __GFP_HIGHMEM
 * @handle: receives the handle, whose two lowest bits are 0
 *
 * The zpage is pending: its frame is not isolated before zbud_ready().
 *
 * Context: task; sleeps only if @gfp allows it.
 * Return: 0, -EINVAL for an impossible size, or -ENOMEM.
 */
int zbud_alloc(struct zbud_pool *pool, size_t size, gfp_t gfp,
	       unsigned long *handle)
{
	struct zbud_frame *frame;

	if (!size || size > ZBUD_MAX_SIZE)
		return -EINVAL;
	*handle = zbud_fit(pool, size);
	if (*handle)
		return 0;
	frame = zbud_frame_alloc(pool, gfp);
	if (!frame)
		return -ENOMEM;
	*handle = zbud_fill(pool, frame, size);
	return 0;
}

/**
 * zbud_fit - make room for a zpage in a frame that is half used
 * @pool: where
 * @size: bytes, 1 to ZBUD_MAX_SIZE
 *
 * Context: task or atomic; takes the pool's lock.
 * Return: the handle of a pending zpage; 0 if no frame has so much room.
 */
unsigned long zbud_fit(struct zbud_pool *pool, size_t size)
{
	struct zbud_frame *frame;
	unsigned long handle = 0;

	spin_lock(&pool->lock);
	frame = zbud_best_fit(pool, size);
	if (frame)
		handle = zbud_attach(pool, frame, size);
	spin_unlock(&pool->lock);
	return handle;
}

/**
 * zbud_fill - make room for a zpage in an empty frame
 * @pool: where; whose frame it was before does not matter
 * @frame: from zbud_evict()
 * @size: bytes, 1 to ZBUD_MAX_SIZE
 *
 * Context: task or atomic; takes the pool's lock.
 * Return: the handle of a pending zpage.
 */
unsigned long zbud_fill(struct zbud_pool *pool, struct zbud_frame *frame,
			size_t size)
{
	unsigned long handle;

	spin_lock(&pool->lock);
	zbud_count_frame(pool);
	handle = zbud_attach(pool, frame, size);
	spin_unlock(&pool->lock);
	return handle;
}

/* All that is left in a frame is ready: it is not lent any more, if it was. */
static void zbud_return(struct zbud_pool *pool, struct zbud_frame *frame)
{
	if (zbud_present(frame) != frame->ready || !frame->isolated)
		return;
	frame->isolated = false;
	pool->stats.zombies--;
}

/* Take a zpage out of its frame; returns whether nothing is left in it. */
static bool zbud_detach(struct zbud_pool *pool, struct zbud_frame *frame,
			unsigned int buddy)
{
	u8 present;

	lockdep_assert_held(&pool->lock);
	pool->stats.zpages--;
	pool->stats.zbytes -= frame->size[buddy];
	frame->size[buddy] = 0;
	frame->ready &= ~BIT(buddy);
	present = zbud_present(frame);
	zbud_return(pool, frame);
	zbud_place(pool, frame, false);
	if (present)
		return false;
	pool->stats.frames--;
	pool->stats.isolated--;
	return true;
}

/**
 * zbud_free - give a zpage up
 * @pool: where it is
 * @handle: the zpage, in whatever state
 *
 * A frame that becomes empty goes back to the page allocator at once, unless
 * the reserve is not full.  One that becomes a candidate because only this
 * zpage was in the way is taken to be as old as any: it was filled before.
 *
 * Context: task or atomic, interrupts on or off; takes the pool's lock.
 */
void zbud_free(struct zbud_pool *pool, unsigned long handle)
{
	struct zbud_frame *frame = zbud_frame(handle);
	bool empty;

	spin_lock(&pool->lock);
	empty = zbud_detach(pool, frame, zbud_buddy(handle));
	spin_unlock(&pool->lock);
	if (empty)
		zbud_release(pool, frame);
}

/**
 * zbud_evict - drop a zpage to make room
 * @pool: where it is
 * @handle: the zpage
 *
 * As zbud_free(), but the frame is not given back.
 *
 * Context: task or atomic, interrupts on or off; takes the pool's lock.
 * Return: the frame, if it is empty now: for zbud_fill() or zbud_release().
 * Else NULL.
 */
struct zbud_frame *zbud_evict(struct zbud_pool *pool, unsigned long handle)
{
	struct zbud_frame *frame = zbud_frame(handle);
	bool empty;

	spin_lock(&pool->lock);
	empty = zbud_detach(pool, frame, zbud_buddy(handle));
	pool->stats.evicted_zpages++;
	pool->stats.evicted_frames += empty;
	spin_unlock(&pool->lock);
	return empty ? frame : NULL;
}

/**
 * zbud_release - give an empty frame back
 * @pool: whose reserve may need it
 * @frame: from zbud_evict()
 *
 * Context: task or atomic, interrupts on or off.
 */
void zbud_release(struct zbud_pool *pool, struct zbud_frame *frame)
{
	mempool_free(virt_to_page(frame->data), pool->pages);
	mempool_free(frame, pool->descs);
}

/**
 * zbud_data - where a zpage is
 * @handle: the zpage
 *
 * Context: any; the caller sees to it that the zpage is not freed meanwhile.
 * Return: its first byte.  Buddy 0 is page aligned, buddy 1 chunk aligned.
 */
void *zbud_data(unsigned long handle)
{
	struct zbud_frame *frame = zbud_frame(handle);
	void *data = frame->data;

	if (zbud_buddy(handle))
		data += PAGE_SIZE - zbud_chunks(frame->size[1]) * ZBUD_CHUNK_SIZE;
	return data;
}

/**
 * zbud_size - how long a zpage is
 * @handle: the zpage
 *
 * Context: as zbud_data().
 * Return: bytes, as given to zbud_alloc().
 */
size_t zbud_size(unsigned long handle)
{
	return zbud_frame(handle)->size[zbud_buddy(handle)];
}

/**
 * zbud_ready - a zpage may be isolated from now on
 * @pool: where it is
 * @handle: a pending zpage, or one of an isolated frame that is put back
 *
 * When all zpages of the frame are ready, it becomes a candidate: a frame that
 * was being filled as the newest, one that was isolated as the oldest.  A zpage
 * that is ready already stays as it is.
 *
 * Context: task or atomic, interrupts on or off; takes the pool's lock.
 */
void zbud_ready(struct zbud_pool *pool, unsigned long handle)
{
	struct zbud_frame *frame = zbud_frame(handle);
	bool newest;

	spin_lock(&pool->lock);
	newest = !frame->isolated;
	frame->ready |= BIT(zbud_buddy(handle));
	zbud_return(pool, frame);
	zbud_place(pool, frame, newest);
	spin_unlock(&pool->lock);
}

/**
 * zbud_isolate_oldest - take the frame that was filled first off the lists
 * @pool: where
 * @peek: called for each zpage of the frame, under the pool's lock
 * @arg: first argument of @peek
 *
 * The zpages remain their owners', who may read and free them.  The frame is
 * neither filled up nor isolated again until each zpage left in it was made
 * ready again.
 *
 * Context: task or atomic; takes the pool's lock.
 * Return: number of zpages in the frame, 0 if there is no candidate.
 */
unsigned int zbud_isolate_oldest(struct zbud_pool *pool, zbud_peek_fn peek,
				 void *arg)
{
	struct zbud_frame *frame;
	unsigned int buddy, n = 0;

	spin_lock(&pool->lock);
	frame = list_first_entry_or_null(&pool->lru, struct zbud_frame, lru);
	if (frame) {
		frame->isolated = true;
		pool->stats.zombies++;
		frame->ready = 0;
		zbud_place(pool, frame, false);
		for (buddy = 0; buddy < ZBUD_BUDDIES; buddy++) {
			if (!frame->size[buddy])
				continue;
			peek(arg, zbud_data(zbud_handle(frame, buddy)),
			     frame->size[buddy]);
			n++;
		}
	}
	spin_unlock(&pool->lock);
	return n;
}

/**
 * zbud_get_stats - read the counters of a pool
 * @pool: which
 * @stats: receives them; all are of one moment
 *
 * Context: task or atomic; takes the pool's lock.
 */
void zbud_get_stats(struct zbud_pool *pool, struct zbud_stats *stats)
{
	spin_lock(&pool->lock);
	*stats = pool->stats;
	spin_unlock(&pool->lock);
	/* A frame holds one zpage or two, never none. */
	stats->buddied = stats->zpages - stats->frames;
	stats->unbuddied = stats->frames - stats->buddied;
}
