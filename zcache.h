/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zcache: what its source files share.
 */
#ifndef _RAMSTER_ZCACHE_H
#define _RAMSTER_ZCACHE_H

#include <linux/atomic.h>
#include <linux/types.h>

struct dentry;
struct ramster_ops;
struct tmem;
struct tmem_pool;
struct zcache_comp;

/**
 * struct zcache_counters - events since start
 * @flush_total: invalidations of a slot that the swap code asked for
 * @flush_found: those that found a page
 * @failed_pers_puts: stores refused, for any of the reasons below
 * @failed_alloc: refused: no memory for the page or its index
 * @pool_limit: refused: the store has its share of RAM (max_pool_percent)
 * @compress_poor: refused: compresses to more than 7/8 of a page
 * @mean_compress_poor: refused: more than 5/8 while the mean is above that
 * @compress_failed: refused: the compressor said no
 * @decompress_failed: loads that ended with an I/O error for this reason
 * @pers_puts: stores accepted
 * @local_gets: loads answered from this machine's RAM
 * @remote_gets: loads passed on to a peer
 */
struct zcache_counters {
	atomic64_t flush_total;
	atomic64_t flush_found;
	atomic64_t failed_pers_puts;
	atomic64_t failed_alloc;
	atomic64_t pool_limit;
	atomic64_t compress_poor;
	atomic64_t mean_compress_poor;
	atomic64_t compress_failed;
	atomic64_t decompress_failed;
	atomic64_t pers_puts;
	atomic64_t local_gets;
	atomic64_t remote_gets;
};

/**
 * struct zcache - the compressed store
 * @tmem: index of all pages
 * @swap: the one pool of all swap areas
 * @comp: compressor
 * @ops: the cluster, or NULL
 * @debugfs: directory of the counters
 * @zbud_debugfs: directory of the allocator's counters
 * @count: events
 */
struct zcache {
	struct tmem *tmem;
	struct tmem_pool *swap;
	struct zcache_comp *comp;
	const struct ramster_ops *ops;
	struct dentry *debugfs;
	struct dentry *zbud_debugfs;
	struct zcache_counters count;
};

#ifdef CONFIG_ZCACHE_DEBUG
void zcache_debug_init(struct zcache *zcache);
void zcache_debug_exit(struct zcache *zcache);
#else
static inline void zcache_debug_init(struct zcache *zcache) {}
static inline void zcache_debug_exit(struct zcache *zcache) {}
#endif

#endif /* _RAMSTER_ZCACHE_H */
