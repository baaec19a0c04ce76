// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-policy: what is worth keeping, and where the room comes from.
 *
 * Memory.  A put runs in reclaim, often with PF_MEMALLOC.  It allocates one
 * zbud frame and the index node, both without reclaim and without the kernel's
 * reserves.  For a swap page, a frame may come from our own reserve, which
 * freed frames fill up again.  When there is none, the oldest frame of
 * ephemeral pages is taken, and these are dropped.  If there is no such frame
 * either the page is refused, which never does harm: it goes to the swap
 * device, or is read from its file again.
 *
 * The shrinker only frees: it takes spinlocks of tmem and zbud that nobody
 * holds while he reclaims, so any allocation may call it.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/shrinker.h>
#include <linux/vmstat.h>

#include "zcache.h"

/* Never waits, never touches the reserves. */
#define ZCACHE_PERS_GFP	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)
/* For the sake of clean pages, nobody is even asked to reclaim anything. */
#define ZCACHE_EPH_GFP	(__GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN)

/**
 * zcache_active - has a page been used more than once, as far as is known?
 * @folio: the page; locked
 *
 * The old LRU marks a page "workingset" when it leaves the active list; the
 * multi-generational one when it is read for the second time.  Both do it to
 * one that is read back soon after it was evicted.  What is used through page
 * tables alone leaves no such trace with the latter until then.
 *
 * Context: any.
 * Return: whether the page was active.
 */
bool zcache_active(const struct folio *folio)
{
	return folio_test_workingset(folio) || folio_test_referenced(folio) ||
	       folio_test_active(folio);
}

/*
 * what is refused
 */

static bool frames_reach(u64 frames, unsigned int percent)
{
	return frames >= totalram_pages() / 100 * min(percent, 100U);
}

/**
 * zcache_pers_full - whether swap pages have taken their share of RAM
 * @zcache: the store
 * @held: what is held of them
 *
 * Context: any.
 * Return: true if so.
 */
bool zcache_pers_full(struct zcache *zcache, const struct zbud_stats *held)
{
	return frames_reach(held->frames,
			    READ_ONCE(zcache->set.max_pool_percent));
}

static bool mean_poor(const struct zbud_stats *held)
{
	return held->zbytes > held->zpages * ZCACHE_MEAN_ZSIZE;
}

/* Returns NULL if the page may be stored, else the counter of the reason. */
static atomic64_t *refuse_pers(struct zcache *zcache,
			       const struct zbud_stats *held, unsigned int len)
{
	if (len > ZCACHE_MAX_ZSIZE)
		return &zcache->count.compress_poor;
	if (zcache_pers_full(zcache, held))
		return &zcache->count.pool_limit;
	if (len > ZCACHE_MEAN_ZSIZE && mean_poor(held))
		return &zcache->count.mean_compress_poor;
	return NULL;
}

static atomic64_t *refuse_eph(struct zcache *zcache, unsigned int len)
{
	return len > TMEM_MAX_BLOB ? &zcache->count.compress_poor : NULL;
}

/*
 * where the room comes from
 */

static int keep_in_old(struct zcache *zcache, struct tmem_pool *pool,
		       const struct tmem_handle *handle, struct tmem_blob *blob,
		       gfp_t gfp)
{
	bool pers = tmem_pool_kind(pool) == TMEM_PERSISTENT;
	struct zcache_counters *count = &zcache->count;
	bool evicted;
	int err;

	err = tmem_put_evict(pool, &handle->oid, handle->index, blob, gfp,
			     &evicted);
	if (err == -ENOSPC)
		atomic64_inc(pers ? &count->pers_ate_eph_failed :
				    &count->eph_ate_tail_failed);
	else if (evicted)
		atomic64_inc(pers ? &count->pers_ate_eph :
				    &count->eph_ate_tail);
	return err;
}

/* In a new frame, unless this kind has as many as it may. */
static int keep(struct zcache *zcache, struct tmem_pool *pool,
		const struct tmem_handle *handle, struct tmem_blob *blob,
		bool full, gfp_t gfp)
{
	int err = -ENOSPC;

	if (!full) {
		err = tmem_put(pool, &handle->oid, handle->index, blob, gfp);
		if (err == -ENOSPC)
			atomic64_inc(&zcache->count.failed_getfreepages);
	}
	if (err == -ENOSPC)
		err = keep_in_old(zcache, pool, handle, blob, gfp);
	if (err == -ENOMEM)
		atomic64_inc(&zcache->count.failed_alloc);
	return err;
}

/**
 * zcache_keep - store compressed bytes, if they are worth it
 * @zcache: the store
 * @pool: for pages of which kind
 * @handle: name of the page
 * @blob: its bytes
 *
 * Counts what happens, but for the verdict itself.
 *
 * Context: process, in reclaim; does not sleep.
 * Return: 0; or -ENOSPC or -ENOMEM if the page was refused.
 */
int zcache_keep(struct zcache *zcache, struct tmem_pool *pool,
		const struct tmem_handle *handle, struct tmem_blob *blob)
{
	enum tmem_kind kind = tmem_pool_kind(pool);
	struct zbud_stats held;
	atomic64_t *refused;
	bool full;

	tmem_get_frames(zcache->tmem, kind, &held);
	if (kind == TMEM_PERSISTENT)
		refused = refuse_pers(zcache, &held, blob->len);
	else
		refused = refuse_eph(zcache, blob->len);
	if (refused) {
		atomic64_inc(refused);
		return -ENOSPC;
	}
	if (kind == TMEM_PERSISTENT)
		return keep(zcache, pool, handle, blob, false, ZCACHE_PERS_GFP);

	full = frames_reach(held.frames,
			    READ_ONCE(zcache->set.max_eph_percent));
	return keep(zcache, pool, handle, blob, full, ZCACHE_EPH_GFP);
}

/**
 * zcache_keep_again - store compressed bytes that were taken out a moment ago
 * @zcache: the store
 * @pool: for swap pages; what may vanish is not worth it
 * @handle: name of the page
 * @blob: its bytes
 *
 * Nobody is asked whether they are worth it: they have been accepted once.
 *
 * Context: process; does not sleep.
 * Return: 0; or -ENOSPC or -ENOMEM if there is no room for them.
 */
int zcache_keep_again(struct zcache *zcache, struct tmem_pool *pool,
		      const struct tmem_handle *handle, struct tmem_blob *blob)
{
	return keep(zcache, pool, handle, blob, false, ZCACHE_PERS_GFP);
}

/**
 * zcache_keep_filled - store a page that is made of one byte value
 * @zcache: the store
 * @pool: for pages of which kind
 * @handle: name of the page
 * @fill: the value
 *
 * Context: process, in reclaim; does not sleep.
 * Return: 0; -ENOMEM if the page was refused; -EBUSY if there is no room for
 * the value, and the page is to be stored like any other.
 */
int zcache_keep_filled(struct zcache *zcache, struct tmem_pool *pool,
		       const struct tmem_handle *handle, u8 fill)
{
	struct tmem_blob blob = { .filled = true, .fill = fill };
	int err;

	err = tmem_put(pool, &handle->oid, handle->index, &blob,
		       tmem_pool_kind(pool) == TMEM_PERSISTENT ?
		       ZCACHE_PERS_GFP : ZCACHE_EPH_GFP);
	if (err == -ENOMEM)
		atomic64_inc(&zcache->count.failed_alloc);
	return err;
}

/*
 * Ephemeral pages without a frame, of one byte value or with a peer, are words
 * of the index.  Those of a sparse file take up to a tree's node each, those of
 * a dense one eight bytes: so many of them count as one frame.
 */
#define ZCACHE_WORDS_PER_FRAME	16

/* What is dropped at a time: more than a put can add. */
#define ZCACHE_WORDS_BATCH	32

static u64 eph_words(const struct tmem_stats *stats)
{
	return stats->filled[TMEM_EPHEMERAL] + stats->remote[TMEM_EPHEMERAL];
}

/**
 * zcache_trim_words - drop some ephemeral words, if there are too many
 * @zcache: the store
 *
 * Each page that is a word now was put once, so it is enough to look at each
 * put.
 *
 * Context: process, in reclaim; does not sleep.  Allocates nothing.
 */
void zcache_trim_words(struct zcache *zcache)
{
	struct tmem_stats stats;

	tmem_get_stats(zcache->tmem, &stats);
	if (frames_reach(eph_words(&stats) / ZCACHE_WORDS_PER_FRAME,
			 READ_ONCE(zcache->set.max_eph_percent)))
		tmem_evict_words(zcache->file, ZCACHE_WORDS_BATCH);
}

/*
 * memory pressure
 */

static u64 sample(atomic64_t *last, enum node_stat_item item)
{
	u64 pages = global_node_page_state(item);

	atomic64_set(last, pages);
	return pages;
}

/* How many ephemeral frames are to stay when memory is short. */
static u64 eph_target(struct zcache *zcache)
{
	struct zcache_counters *count = &zcache->count;
	int mb = READ_ONCE(zcache->set.eph_target_mb);
	u64 file;

	file = sample(&count->last_active_file_pageframes, NR_ACTIVE_FILE);
	file += sample(&count->last_inactive_file_pageframes, NR_INACTIVE_FILE);
	sample(&count->last_active_anon_pageframes, NR_ACTIVE_ANON);
	sample(&count->last_inactive_anon_pageframes, NR_INACTIVE_ANON);
	return mb < 0 ? file : (u64)mb << (20 - PAGE_SHIFT);
}

/* Frames beyond the target, and never less than none. */
static u64 eph_excess(struct zcache *zcache, const struct tmem_stats *stats)
{
	u64 frames = stats->zbud[TMEM_EPHEMERAL].frames;
	u64 target = eph_target(zcache);

	return frames > target ? frames - target : 0;
}

static unsigned long shrink_count(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	struct zcache *zcache = shrinker->private_data;
	struct tmem_stats stats;
	u64 excess, words;

	tmem_get_stats(zcache->tmem, &stats);
	excess = eph_excess(zcache, &stats);
	words = eph_words(&stats);
	if (!stats.zbud[TMEM_EPHEMERAL].frames && !words)
		return SHRINK_EMPTY;
	return excess + DIV_ROUND_UP_ULL(words, ZCACHE_WORDS_PER_FRAME);
}

static unsigned long shrink_words(struct zcache *zcache, unsigned long frames)
{
	unsigned long words;

	words = tmem_evict_words(zcache->file, frames * ZCACHE_WORDS_PER_FRAME);
	return DIV_ROUND_UP(words, ZCACHE_WORDS_PER_FRAME);
}

static unsigned long shrink_scan(struct shrinker *shrinker,
				 struct shrink_control *sc)
{
	struct zcache *zcache = shrinker->private_data;
	unsigned long freed = 0;
	struct tmem_stats stats;
	u64 nr;

	tmem_get_stats(zcache->tmem, &stats);
	nr = min_t(u64, eph_excess(zcache, &stats), sc->nr_to_scan);
	while (freed < nr && tmem_evict_oldest(zcache->tmem, TMEM_EPHEMERAL))
		freed++;
	if (freed < sc->nr_to_scan)
		freed += shrink_words(zcache, sc->nr_to_scan - freed);
	sc->nr_scanned = freed;
	return freed ?: SHRINK_STOP;
}

/**
 * zcache_shrinker_alloc - make the shrinker of ephemeral frames
 * @zcache: the store; must stay until shrinker_free()
 *
 * It gives frames back, oldest first, while there are more than the file LRU
 * has pages, or than was declared (eph_target_mb); and then pages that are words
 * of the index, counted in frames, too.
 *
 * Context: process; allocates.
 * Return: a shrinker to be registered, or NULL.
 */
struct shrinker *zcache_shrinker_alloc(struct zcache *zcache)
{
	struct shrinker *shrinker = shrinker_alloc(0, "zcache");

	if (!shrinker)
		return NULL;
	shrinker->count_objects = shrink_count;
	shrinker->scan_objects = shrink_scan;
	shrinker->private_data = zcache;
	return shrinker;
}
