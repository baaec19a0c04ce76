/* SPDX-License-Identifier: GPL-2.0 */
/*
 * torture: what its work and its controls share.
 */
#ifndef _RAMSTER_TORTURE_INT_H
#define _RAMSTER_TORTURE_INT_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "ramster_int.h"
#include "torture.h"
#include "../tmem.h"

struct torture_work;

#define TORTURE_MAX_THREADS	16
#define TORTURE_OBJECTS		16	/* of each kind */
#define TORTURE_MAX_PAGES	128	/* of an object */

/**
 * struct torture_counters - what the work came to
 * @puts: pages stored
 * @puts_refused: pages that the store did not take
 * @local_gets: pages found here; right, as all that follow unless it is said
 * @remote_gets: pages that a peer gave
 * @misses: gets of a page that is not there, and should not be
 * @vanished: ephemeral pages that a peer had dropped
 * @overtaken: remote gets that met with a put or a flush, and got nothing
 * @unreachable: gets that failed because the peer was not connected
 * @flushes: pages forgotten
 * @object_flushes: whole objects forgotten
 * @restart_losses: pages lost with a peer that was restarted or removed
 * @lost: persistent pages lost for no such reason
 * @mismatches: wrong pages, and wrong answers other than @lost
 */
struct torture_counters {
	atomic64_t puts;
	atomic64_t puts_refused;
	atomic64_t local_gets;
	atomic64_t remote_gets;
	atomic64_t misses;
	atomic64_t vanished;
	atomic64_t overtaken;
	atomic64_t unreachable;
	atomic64_t flushes;
	atomic64_t object_flushes;
	atomic64_t restart_losses;
	atomic64_t lost;
	atomic64_t mismatches;
};

/**
 * struct torture_page - what a get must find
 * @generation: of the newest put or flush; never the same twice
 * @epoch: &torture.epoch just before that put
 * @present: it was a put
 */
struct torture_page {
	u64 generation;
	u64 epoch;
	bool present;
};

/**
 * struct torture_object - the pages of one object
 * @lock: protects @page, and is held while a page is stored or forgotten; not
 *	while one comes from a peer
 * @kind: their kind
 * @number: which one of its kind
 * @page: the model
 */
struct torture_object {
	struct mutex lock;	/* see above; taken before those of tmem */
	enum tmem_kind kind;
	u32 number;
	struct torture_page page[TORTURE_MAX_PAGES];
};

/**
 * struct torture - the work of one node
 * @node: the node
 * @tmem: its index
 * @pool: its pools, by kind
 * @lock: protects @work and @threads
 * @threads: number of threads that run
 * @work: these
 * @started: number of threads ever started; makes their seeds differ
 * @seed: where their random numbers begin
 * @pages: pages of each object that are used, at most TORTURE_MAX_PAGES
 * @rotate_ms: how often the target changes; 0: it stays
 * @pause_us: how long a thread sleeps after each operation
 * @rotated: jiffies of the last change of target
 * @generation: last generation given to a page
 * @epoch: number of restarts of peers that were seen
 * @restarted: value of @epoch after each peer's last restart
 * @count: results
 * @dir: its files in debugfs
 * @object: the model, by kind
 */
struct torture {
	struct ramster_node *node;
	struct tmem *tmem;
	struct tmem_pool *pool[TMEM_NR_KINDS];
	struct mutex lock;	/* see above; taken before those of objects */
	unsigned int threads;
	struct torture_work *work[TORTURE_MAX_THREADS];
	unsigned int started;
	u64 seed;
	u32 pages;
	u32 rotate_ms;
	u32 pause_us;
	unsigned long rotated;
	atomic64_t generation;
	atomic64_t epoch;
	u64 restarted[R2_MAX_NODES];
	struct torture_counters count;
	struct dentry *dir;
	struct torture_object object[TMEM_NR_KINDS][TORTURE_OBJECTS];
};

/**
 * struct torture_whereabouts - where the pages of a model are
 * @absent: pages that should be there and are not
 * @local: pages that are here
 * @remote: pages by the peer that has them
 */
struct torture_whereabouts {
	u64 absent;
	u64 local;
	u64 remote[R2_MAX_NODES];
};

/* torture_model.c */
extern const u32 torture_pool_ids[TMEM_NR_KINDS];
void torture_init_model(struct torture *torture);
void torture_put(struct torture *torture, struct torture_object *obj,
		 unsigned int i, void *buf);
void torture_flush(struct torture *torture, struct torture_object *obj,
		   unsigned int i);
void torture_flush_object(struct torture *torture, struct torture_object *obj);
void torture_get(struct torture *torture, struct torture_object *obj,
		 unsigned int i, void *buf);
int torture_check(struct torture *torture);
void torture_empty(struct torture *torture);
int torture_where(struct torture *torture, enum tmem_kind kind,
		  struct torture_whereabouts *where);

/* torture.c */
int torture_set_threads(struct torture *torture, unsigned int threads);
int torture_set_target(struct torture *torture, int target);
void torture_set_enable(struct torture *torture, bool on);

#endif /* _RAMSTER_TORTURE_INT_H */
