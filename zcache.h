/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zcache: what its source files share.
 *
 *   zcache-swap.c  zcache-file.c    hooks' arguments to handles and back
 *            \      /
 *          zcache-page.c            compress, store; read, decompress
 *            /      \
 *   zcache-policy.c  zcache-remote.c  what is kept; what a peer has
 *
 * Locks: zcache.lock (start and stop; the coming and going of the cluster), and
 * inside it what the hooks' registration and the making of a store take.  A
 * store or load of a page holds the folio's lock, then a compressor context (a
 * mutex), then tmem's spinlocks.  A compressor context is never held over a
 * wait for a peer, nor over an allocation that may reclaim.
 */
#ifndef _RAMSTER_ZCACHE_H
#define _RAMSTER_ZCACHE_H

#include <linux/atomic.h>
#include <linux/kconfig.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "ramster.h"
#include "tmem.h"

struct cleancache_ops;
struct dentry;
struct folio;
struct frontswap_ops;
struct page;
struct shrinker;
struct zcache_comp;
struct zcache_comp_ctx;

/* Numbers of the pools; the cluster sends them along. */
#define ZCACHE_SWAP_POOL	0
#define ZCACHE_FILE_POOL	1

/* A swap page that does not shrink below 7/8 is not worth the work. */
#define ZCACHE_MAX_ZSIZE	(PAGE_SIZE / 8 * 7)

/*
 * Above 5/8 no second page of the kind fits into the frame: such pages are
 * taken only as long as better ones have made room for them.
 */
#define ZCACHE_MEAN_ZSIZE	(PAGE_SIZE / 8 * 5)

/**
 * struct zcache_counters - events since start
 * @flush_total: calls to forget a page or neighbours
 * @flush_found: those that found one
 * @flobj_total: calls to forget an object: a file, or a slice of a swap area
 * @flobj_found: those that found one
 * @failed_eph_puts: page cache pages refused, but for inactive ones
 * @failed_pers_puts: swap pages refused, for any reason
 * @failed_getfreepages: no frame to be had from the page allocator, nor from
 *	our reserve
 * @failed_alloc: refused: no memory for the index
 * @pool_limit: refused: swap pages have their share of RAM (max_pool_percent)
 * @compress_poor: refused: compresses too badly by itself
 * @mean_compress_poor: refused: more than 5/8 while the mean is above that
 * @compress_failed: refused: the compressor said no
 * @decompress_failed: pages here that could not be decompressed
 * @eph_ate_tail: page cache puts that took the oldest ephemeral frame, and did
 *	not find room beside another page
 * @eph_ate_tail_failed: those that found none
 * @pers_ate_eph: swap puts that took the oldest ephemeral frame
 * @pers_ate_eph_failed: those that found none
 * @eph_nonactive_puts_ignored: page cache pages turned away as never active
 * @pers_nonactive_puts_ignored: swap pages turned away as never active
 * @eph_puts: page cache pages accepted
 * @pers_puts: swap pages accepted
 * @local_gets: swap pages read from this machine's RAM
 * @remote_gets: swap pages asked of a peer
 * @eph_local_gets: page cache pages read from this machine's RAM
 * @eph_remote_gets: page cache pages asked of a peer
 * @eph_lost_gets: those that did not come, or not in time
 * @last_active_file_pageframes: sizes of the LRU lists, when the shrinker
 *	looked last; so are the three that follow
 * @last_inactive_file_pageframes: see above
 * @last_active_anon_pageframes: see above
 * @last_inactive_anon_pageframes: see above
 */
struct zcache_counters {
	atomic64_t flush_total;
	atomic64_t flush_found;
	atomic64_t flobj_total;
	atomic64_t flobj_found;
	atomic64_t failed_eph_puts;
	atomic64_t failed_pers_puts;
	atomic64_t failed_getfreepages;
	atomic64_t failed_alloc;
	atomic64_t pool_limit;
	atomic64_t compress_poor;
	atomic64_t mean_compress_poor;
	atomic64_t compress_failed;
	atomic64_t decompress_failed;
	atomic64_t eph_ate_tail;
	atomic64_t eph_ate_tail_failed;
	atomic64_t pers_ate_eph;
	atomic64_t pers_ate_eph_failed;
	atomic64_t eph_nonactive_puts_ignored;
	atomic64_t pers_nonactive_puts_ignored;
	atomic64_t eph_puts;
	atomic64_t pers_puts;
	atomic64_t local_gets;
	atomic64_t remote_gets;
	atomic64_t eph_local_gets;
	atomic64_t eph_remote_gets;
	atomic64_t eph_lost_gets;
	atomic64_t last_active_file_pageframes;
	atomic64_t last_inactive_file_pageframes;
	atomic64_t last_active_anon_pageframes;
	atomic64_t last_inactive_anon_pageframes;
};

/**
 * struct zcache_settings - the values of parameters; see zcache-params.c
 * @enabled: whether the store is to run
 * @ramster_enabled: whether the cluster part may start
 * @disable_cleancache: take no page cache pages
 * @disable_frontswap: take no swap pages
 * @exclusive_gets: a swap page that is loaded leaves the store
 * @keep_remote_copies: one that is read from a peer stays there until it
 *	changes
 * @file_take_all: take page cache pages that were never active, too
 * @swap_take_all: take swap pages that were never active, too
 * @max_pool_percent: share of RAM for swap pages
 * @max_eph_percent: share of RAM for page cache pages
 * @eph_target_mb: what the shrinker leaves, in MB; negative: the size of the
 *	file LRU
 * @get_timeout_ms: how long a page cache page may take to come from a peer
 * @comp_name: compressor
 */
struct zcache_settings {
	bool enabled;
	bool ramster_enabled;
	bool disable_cleancache;
	bool disable_frontswap;
	bool exclusive_gets;
	bool keep_remote_copies;
	bool file_take_all;
	bool swap_take_all;
	unsigned int max_pool_percent;
	unsigned int max_eph_percent;
	int eph_target_mb;
	unsigned int get_timeout_ms;
	char *comp_name;
};

/* Loaded as a module, it is wanted; built in, it waits to be asked for. */
#define ZCACHE_DEFAULTS {						\
	.enabled = IS_MODULE(CONFIG_ZCACHE),				\
	.exclusive_gets = true,						\
	.keep_remote_copies = true,					\
	.swap_take_all = true,						\
	.max_pool_percent = 40,						\
	.max_eph_percent = 25,						\
	.eph_target_mb = -1,						\
	.get_timeout_ms = 1000,						\
	.comp_name = "lzo",						\
}

/**
 * struct zcache - the compressed store
 * @lock: serialises start, stop, and the coming and going of the cluster
 * @set: parameters
 * @initialised: the module's init function has run
 * @tmem: index of all pages; NULL when the store does not run
 * @swap: the one pool of all swap areas
 * @file: the one pool of all files
 * @comp: compressor
 * @ops: the cluster, or NULL
 * @awaited: the cluster wants to know when a page is stored
 * @shrinker: gives ephemeral frames back, or NULL
 * @debugfs: directory of the counters
 * @zbud_debugfs: directory of the allocator's counters
 * @objnodes_max: most nodes of the index that were ever counted
 * @count: events
 */
struct zcache {
	struct mutex lock; /* see above */
	struct zcache_settings set;
	bool initialised;
	struct tmem *tmem;
	struct tmem_pool *swap;
	struct tmem_pool *file;
	struct zcache_comp *comp;
	const struct ramster_ops *ops;
	bool awaited;
	struct shrinker *shrinker;
	struct dentry *debugfs;
	struct dentry *zbud_debugfs;
	atomic64_t objnodes_max;
	struct zcache_counters count;
};

/* The hooks' functions have no argument that could say which; there is one. */
extern struct zcache zcache;

/* zcache-main.c */
int zcache_switch(struct zcache *zcache, bool on);

/* zcache-swap.c */
extern const struct frontswap_ops zcache_swap_ops;
bool zcache_exclusive(const struct zcache *zcache, unsigned int flags);
int zcache_swap_start(void);
int zcache_swap_stop(void);

/* zcache-file.c */
extern const struct cleancache_ops zcache_file_ops;
int zcache_file_start(void);
void zcache_file_stop(void);

/* zcache-page.c */
int zcache_page_put(struct zcache *zcache, struct tmem_pool *pool,
		    const struct tmem_handle *handle, struct page *page);
int zcache_page_get(struct zcache *zcache, struct tmem_pool *pool,
		    const struct tmem_handle *handle, struct page *page,
		    struct tmem_blob *remote);
int zcache_page_take(struct zcache *zcache, struct tmem_pool *pool,
		     const struct tmem_handle *handle, struct page *page,
		     struct tmem_blob *remote);
int zcache_page_fill(struct zcache *zcache, struct page *page, const void *data,
		     unsigned int len);

/* zcache-policy.c */
bool zcache_active(const struct folio *folio);
int zcache_keep(struct zcache *zcache, struct tmem_pool *pool,
		const struct tmem_handle *handle, struct tmem_blob *blob);
int zcache_keep_again(struct zcache *zcache, struct tmem_pool *pool,
		      const struct tmem_handle *handle, struct tmem_blob *blob);
int zcache_keep_filled(struct zcache *zcache, struct tmem_pool *pool,
		       const struct tmem_handle *handle, u8 fill);
bool zcache_pers_full(struct zcache *zcache, const struct zbud_stats *held);
void zcache_trim_words(struct zcache *zcache);
struct shrinker *zcache_shrinker_alloc(struct zcache *zcache);

/* zcache-home.c */
int zcache_swap_loaded(struct zcache *zcache, const struct tmem_handle *handle,
		       const void *data, u32 len, unsigned int flags);

/* zcache-remote.c */
int zcache_fetch(struct zcache *zcache, const struct tmem_handle *handle,
		 enum tmem_kind kind, const struct tmem_blob *remote,
		 long patience, ramster_fetched_fn fetched, void *arg);
void zcache_owes(void *arg);
void zcache_tell_stored(struct zcache *zcache);

/* After a page was stored, and then counted. */
static inline void zcache_stored(struct zcache *zcache)
{
	/* Pairs with zcache_await_store(). */
	smp_mb__after_atomic();
	if (unlikely(READ_ONCE(zcache->awaited)))
		zcache_tell_stored(zcache);
}

#ifdef CONFIG_ZCACHE_DEBUG
void zcache_debug_init(struct zcache *zcache);
void zcache_debug_exit(struct zcache *zcache);
#else
static inline void zcache_debug_init(struct zcache *zcache) {}
static inline void zcache_debug_exit(struct zcache *zcache) {}
#endif

#endif /* _RAMSTER_ZCACHE_H */
