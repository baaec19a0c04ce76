/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ramster: what the source files of the cluster part share.
 *
 * One struct ramster_node is one member of a cluster, made when a node
 * directory of configfs becomes local.  There may be several in a kernel, one
 * for each network namespace.  The one in the initial namespace is the *owner*:
 * it moves this kernel's own pages.  The others only lend memory, or have pages
 * of their own made for them by the torture test.
 *
 * Locks: the node manager calls for one cluster at a time, with the cluster's
 * mutex held; below it, ramster_mutex guards who the owner is, and what an
 * operator does with it.
 */
#ifndef _RAMSTER_RAMSTER_INT_H
#define _RAMSTER_RAMSTER_INT_H

#include <linux/atomic.h>
#include <linux/mempool.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "nodemanager.h"
#include "pressure.h"
#include "r2net.h"
#include "tcp.h"
#include "../ramster.h"
#include "../tmem.h"

struct foreign;
struct r2hb;
struct ramster_debug;
struct recall;
struct remotify;
struct repair;
struct selfshrink;
struct torture;

/**
 * struct ramster_counters - events of a node, as client unless it says foreign
 * @pages_remoted: pages that a peer accepted, by kind
 * @bytes_remoted: their compressed bytes, by kind
 * @pages_remote_failed: pages whose send failed or was refused, by kind
 * @frames_sent: frames whose pages were sent, by enum pressure_state
 * @refaults: remote gets of pages that had been sent not long before
 * @looks: how often RAM was looked at, to find out whether to send
 * @remote_succ_get: remote gets that filled a page, by kind
 * @remote_unsucc_get: remote gets that ended without the page, by kind
 * @remote_pages_flushed: single-page flushes that a peer acknowledged
 * @remote_page_flushes_failed: single-page flushes to be tried again
 * @remote_objects_flushed: whole-object flushes that a peer acknowledged
 * @remote_object_flushes_failed: whole-object flushes to be tried again
 * @remote_nomem: remote gets whose page stayed with its peer for want of room
 * @remote_home: remote pages that came home because this machine was idle
 * @remote_repaired: remote pages that came home to get a second copy
 * @pages_withdrawn: remote pages that a peer was to forget, as it wanted RAM back
 *	and another peer has them, too
 * @pages_recalled: remote pages that came home because their peer wanted RAM back
 * @remote_get_timeouts: times that a peer did not answer a remote get in time
 * @remote_get_corrupt: answers to remote gets that failed their checks
 * @remote_get_other_copy: remote gets for which somebody else was asked, as one
 *	peer did not answer in time or not well
 * @prefetch_asked: pages asked for before anybody wanted them
 * @prefetch_used: those that were wanted then
 * @prefetch_unused: those that did not come, or were dropped
 * @foreign_puts: pages accepted for others
 * @foreign_puts_refused: pages of others refused
 * @foreign_eph_evicted: ephemeral pages of others dropped to make room
 * @recalled_wanted: frames that are wanted back of others now; no event
 * @foreign_gets: pages given back to others
 * @foreign_gets_missed: requests of others for a page that is not here
 */
struct ramster_counters {
	atomic64_t pages_remoted[TMEM_NR_KINDS];
	atomic64_t bytes_remoted[TMEM_NR_KINDS];
	atomic64_t pages_remote_failed[TMEM_NR_KINDS];
	atomic64_t frames_sent[PRESSURE_NR_STATES];
	atomic64_t refaults;
	atomic64_t looks;
	atomic64_t remote_succ_get[TMEM_NR_KINDS];
	atomic64_t remote_unsucc_get[TMEM_NR_KINDS];
	atomic64_t remote_pages_flushed;
	atomic64_t remote_page_flushes_failed;
	atomic64_t remote_objects_flushed;
	atomic64_t remote_object_flushes_failed;
	atomic64_t remote_nomem;
	atomic64_t remote_home;
	atomic64_t remote_repaired;
	atomic64_t pages_withdrawn;
	atomic64_t pages_recalled;
	atomic64_t remote_get_timeouts;
	atomic64_t remote_get_corrupt;
	atomic64_t remote_get_other_copy;
	atomic64_t prefetch_asked;
	atomic64_t prefetch_used;
	atomic64_t prefetch_unused;
	atomic64_t foreign_puts;
	atomic64_t foreign_puts_refused;
	atomic64_t foreign_eph_evicted;
	atomic64_t recalled_wanted;
	atomic64_t foreign_gets;
	atomic64_t foreign_gets_missed;
};

/**
 * struct ramster_node - one member of a cluster
 * @info: its settings; the timeouts and @info.capacity_mb, @info.copies and
 *	@info.client_grace_ms may change
 * @tcp: its connections
 * @hb: which of its peers are alive
 * @foreign: pages that it holds for its peers
 * @owner: whether its pages are this kernel's
 * @torture: the pages that it has instead; or NULL
 * @remotify: what moves its pages; NULL if it has none
 * @repair: what sees to second copies of its pages; NULL if it has none
 * @recall: what takes its pages away from peers that need RAM; NULL if it has none
 * @target: directory of the node to which it does, pinned; NULL if there is none
 * @selfshrink: what brings them home; NULL unless it is the owner
 * @gets: requests for persistent pages, set aside; NULL if it has none
 * @prefetch: pages asked for beforehand; NULL if it has none
 * @get_wq: where pages that came back are unpacked, if nobody waits for them
 * @count: events
 * @debug: its counters in debugfs
 */
struct ramster_node {
	struct r2nm_cluster_info info;
	struct r2tcp *tcp;
	struct r2hb *hb;
	struct foreign *foreign;
	bool owner;
	struct torture *torture;
	struct remotify *remotify;
	struct repair *repair;
	struct recall *recall;
	struct config_item *target;
	struct selfshrink *selfshrink;
	mempool_t *gets;
	struct prefetch *prefetch;
	struct workqueue_struct *get_wq;
	struct ramster_counters count;
	struct ramster_debug *debug;
};

/* fetch.c */
int fetch_start(struct ramster_node *node);
void fetch_stop(struct ramster_node *node);
unsigned long fetch_deadline(struct ramster_node *node, enum tmem_kind kind);
unsigned long fetch_share(unsigned int attempt, unsigned long deadline);
struct tmem_peers fetch_order(struct ramster_node *node,
			      struct tmem_peers peers);
int fetch_page(struct ramster_node *node, const struct tmem_handle *handle,
	       enum tmem_kind kind, u64 version, struct tmem_peers peers,
	       long patience, ramster_fetched_fn fetched, void *arg);
int fetch_away(struct ramster_node *node, const struct tmem_away *away,
	       ramster_fetched_fn fetched, void *arg);

/* ramster.c */
struct ramster_node *ramster_owner_get(void);
struct ramster_node *ramster_machine_get(void);
void ramster_owner_put(void);

/* sysfs.c */
int ramster_sysfs_init(void);
void ramster_sysfs_exit(void);

/* debug.c */
#ifdef CONFIG_RAMSTER_DEBUG
void ramster_debug_init(void);
void ramster_debug_exit(void);
int ramster_debug_add(struct ramster_node *node);
void ramster_debug_del(struct ramster_node *node);
#else
static inline void ramster_debug_init(void) {}
static inline void ramster_debug_exit(void) {}
static inline int ramster_debug_add(struct ramster_node *node)
{
	return 0;
}

static inline void ramster_debug_del(struct ramster_node *node) {}
#endif

#endif /* _RAMSTER_RAMSTER_INT_H */
