/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of remotify share, and nobody else sees.
 */
#ifndef _RAMSTER_REMOTIFY_PRIVATE_H
#define _RAMSTER_REMOTIFY_PRIVATE_H

#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "pressure.h"
#include "ramster_int.h"
#include "remotify.h"

/* Enough to keep sending while the answers to earlier batches travel. */
#define NR_PUT_BATCHES		7
static_assert(NR_PUT_BATCHES + 1 <= R2_MAX_BATCHES);

/**
 * struct put_copy - a batch of pages on its way to one of its peers
 * @ask: the request
 * @put: the batch
 * @restarts: how often the peer had been restarted when it was sent
 * @sent: tcp has taken it
 */
struct put_copy {
	struct r2net_request ask;
	struct put_batch *put;
	unsigned int restarts;
	bool sent;
};

/**
 * struct put_batch - pages on their way to peers, to all of them the same
 * @batch: the message
 * @remotify: back pointer
 * @kind: kind of all pages
 * @to: the peers
 * @copy: the requests, one for each of @to
 * @left: requests that have not ended, and one more while they are made
 * @busy: with tcp; cleared, with release, by who receives the last answer
 * @page: name, version and length of each page
 */
struct put_batch {
	struct r2net_batch batch;
	struct remotify *remotify;
	enum tmem_kind kind;
	struct tmem_peers to;
	struct put_copy copy[TMEM_COPIES];
	atomic_t left;
	bool busy;
	struct put_page {
		struct tmem_handle handle;
		u64 version;
		u32 len;
	} page[R2_MAX_ITEMS];
};

/**
 * struct flush_batch - what a peer is being told to forget
 * @batch: the message
 * @ask: the request
 * @remotify: back pointer
 * @to: the peer
 * @busy: as in struct put_batch
 * @debt: what is settled when the peer has answered
 */
struct flush_batch {
	struct r2net_batch batch;
	struct r2net_request ask;
	struct remotify *remotify;
	u8 to;
	bool busy;
	struct tmem_debt debt[R2_MAX_ITEMS];
};

/**
 * struct remotify - the mover of a node
 * @node: the node
 * @tmem: the index whose pages it moves
 * @task: the thread
 * @wait: where the thread sleeps
 * @kicked: there may be work
 * @enable: whether pages are sent, by kind
 * @halted: whether the node is going down
 * @asked: how often somebody has asked for pages to be sent, or not to be
 * @hold: swap pages are held back while the store has no more than so many
 * @pressure: how much has to be sent; the thread's own
 * @turn: kind whose turn it is; the thread's own
 * @turn_left: frames that it may still send before it is the other's turn
 * @target: node number of the peer that gets them; or REMOTIFY_ANYBODY; -1:
 *	unset
 * @placement: chooses who gets them
 * @restarts: how often each peer was restarted
 * @put: batches of pages
 * @peers_lock: protects @peers
 * @peers: struct flush_batch by node number
 */
struct remotify {
	struct ramster_node *node;
	struct tmem *tmem;
	struct task_struct *task;
	wait_queue_head_t wait;
	bool kicked;
	bool enable[TMEM_NR_KINDS];
	bool halted;
	unsigned int asked;
	u64 hold;
	struct pressure pressure;
	enum tmem_kind turn;
	unsigned int turn_left;
	int target;
	struct placement *placement;
	unsigned int restarts[R2_MAX_NODES];
	struct put_batch *put[NR_PUT_BATCHES];
	struct mutex peers_lock;	/* see remotify.c */
	struct xarray peers;
};

static inline unsigned long remotify_deadline(const struct remotify *remotify)
{
	unsigned int ms = READ_ONCE(remotify->node->info.idle_timeout_ms);

	return jiffies + msecs_to_jiffies(ms);
}

/* remotify_put.c */
int remotify_alloc_puts(struct remotify *remotify);
void remotify_free_puts(struct remotify *remotify);
void remotify_put_pass(struct remotify *remotify);
void remotify_quiesce(void);

/* remotify_debts.c */
void remotify_flush_pass(struct remotify *remotify);
void remotify_drop_all_debts(struct remotify *remotify);
void remotify_free_peers(struct remotify *remotify);

#endif /* _RAMSTER_REMOTIFY_PRIVATE_H */
