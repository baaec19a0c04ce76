// SPDX-License-Identifier: GPL-2.0
/*
 * remotify: what peers have to be told to forget.
 *
 * For each peer there is one batch of flushes, which the thread fills from
 * tmem's debts whenever it is free.  A debt whose flush failed stays where it
 * is, and is collected again.
 */
#include <linux/slab.h>

#include "../trace.h"
#include "remotify_private.h"

/* How long a node that goes down waits for its peers to be told. */
#define REMOTIFY_FAREWELL	(2 * HZ)

#define FLUSH_BATCH_SIZE	(R2_MAX_ITEMS * sizeof(struct r2_flush_item))
static_assert(FLUSH_BATCH_SIZE <= R2_MAX_PAYLOAD);

static void flush_count(struct ramster_counters *count,
			const struct tmem_debt *debt, bool done)
{
	if (debt->whole_object)
		atomic64_inc(done ? &count->remote_objects_flushed :
				    &count->remote_object_flushes_failed);
	else
		atomic64_inc(done ? &count->remote_pages_flushed :
				    &count->remote_page_flushes_failed);
}

/* A debt whose flush failed stays where it is, and is collected again. */
static void flush_done(struct r2tcp_req *req)
{
	struct flush_batch *flush = container_of(req, struct flush_batch,
						 ask.req);
	struct remotify *remotify = flush->remotify;
	bool done = !req->result;
	unsigned int i;

	for (i = 0; i < flush->batch.items; i++) {
		flush_count(&remotify->node->count, &flush->debt[i], done);
		if (done)
			tmem_settle_debt(remotify->tmem, &flush->debt[i]);
	}
	r2net_batch_reset(&flush->batch);
	/* Pairs with remotify_flush_peer(): the thread sees an empty batch. */
	smp_store_release(&flush->busy, false);
	if (done || READ_ONCE(remotify->halted))
		remotify_kick(remotify);
}

static void remotify_flush_peer(struct remotify *remotify,
				struct flush_batch *flush)
{
	unsigned int nr, i;

	/* Pairs with flush_done(). */
	if (smp_load_acquire(&flush->busy) ||
	    !r2tcp_connected(remotify->node->tcp, flush->to))
		return;

	nr = tmem_collect_debts(remotify->tmem, flush->to, flush->debt,
				R2_MAX_ITEMS);
	for (i = 0; i < nr; i++) {
		trace_ramster_flush(&flush->debt[i]);
		r2net_flush_add(&flush->batch, &flush->debt[i]);
	}
	if (!nr)
		return;

	flush->busy = true;
	if (r2net_batch_submit(&flush->batch, &flush->ask, remotify->node->tcp,
			       flush->to, remotify_deadline(remotify),
			       flush_done)) {
		r2net_batch_reset(&flush->batch);
		flush->busy = false;
	}
}

/*
 * Forget what is owed to nodes that are not in the cluster.  They will be told
 * nothing, maybe never again; and until then each debt would hold a slot of the
 * index and, under a page that is here, keep that page from being sent.
 */
static void remotify_drop_debts(struct remotify *remotify)
{
	DECLARE_BITMAP(peers, TMEM_NODES);
	struct flush_batch *flush;
	unsigned long node;

	lockdep_assert_held(&remotify->peers_lock);
	bitmap_zero(peers, TMEM_NODES);
	xa_for_each(&remotify->peers, node, flush)
		__set_bit(node, peers);
	tmem_drop_debts(remotify->tmem, peers);
}

/**
 * remotify_drop_all_debts - nobody is told anything, not yet or not any more
 * @remotify: the mover
 *
 * Context: process; may sleep.
 */
void remotify_drop_all_debts(struct remotify *remotify)
{
	DECLARE_BITMAP(none, TMEM_NODES);

	bitmap_zero(none, TMEM_NODES);
	tmem_drop_debts(remotify->tmem, none);
}

/**
 * remotify_flush_pass - tell each peer a batch of what it has to forget
 * @remotify: the mover
 *
 * Context: the thread.
 */
void remotify_flush_pass(struct remotify *remotify)
{
	struct flush_batch *flush;
	unsigned long node;

	mutex_lock(&remotify->peers_lock);
	/* Pages that left with a peer become debts when they are forgotten. */
	remotify_drop_debts(remotify);
	xa_for_each(&remotify->peers, node, flush)
		remotify_flush_peer(remotify, flush);
	mutex_unlock(&remotify->peers_lock);
}

/*
 * peers
 */

/**
 * remotify_add_peer - a peer is in the cluster
 * @remotify: the mover
 * @node: its number
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: 0 or -ENOMEM.
 */
int remotify_add_peer(struct remotify *remotify, unsigned int node)
{
	struct flush_batch *flush = kzalloc(sizeof(*flush), GFP_KERNEL);
	int err;

	if (!flush)
		return -ENOMEM;

	flush->remotify = remotify;
	flush->to = node;
	err = r2net_batch_init(&flush->batch, R2_FLUSH, FLUSH_BATCH_SIZE);
	if (err)
		goto err_batch;

	mutex_lock(&remotify->peers_lock);
	err = xa_insert(&remotify->peers, node, flush, GFP_KERNEL);
	mutex_unlock(&remotify->peers_lock);
	if (err)
		goto err_insert;
	return 0;

err_insert:
	r2net_batch_free(&flush->batch);
err_batch:
	kfree(flush);
	return err;
}

static void flush_free(struct flush_batch *flush)
{
	r2net_batch_free(&flush->batch);
	kfree(flush);
}

/**
 * remotify_hide_peer - a peer leaves the cluster: give it nothing more
 * @remotify: the mover
 * @node: its number
 *
 * Context: process; sleeps.
 * Return: to be given to remotify_free_peer() once tcp has no request of the
 * peer any more; may be NULL.
 */
struct flush_batch *remotify_hide_peer(struct remotify *remotify,
				       unsigned int node)
{
	struct flush_batch *flush;

	mutex_lock(&remotify->peers_lock);
	flush = xa_erase(&remotify->peers, node);
	mutex_unlock(&remotify->peers_lock);
	if (remotify_target(remotify) == node)
		remotify_set_target(remotify, -1);
	return flush;
}

/**
 * remotify_free_peer - free what was kept for a peer, and forget its debts
 * @flush: from remotify_hide_peer()
 *
 * If the peer comes back without having been stopped, it still has pages that
 * nobody wants.  They do no harm: only the version of a page that it was given
 * last is ever asked for.
 *
 * Context: process; may sleep.
 */
void remotify_free_peer(struct flush_batch *flush)
{
	struct remotify *remotify;

	if (!flush)
		return;
	remotify = flush->remotify;
	/* Who has other copies is asked for them. */
	remotify_peer_restarted(remotify, flush->to);
	flush_free(flush);
	mutex_lock(&remotify->peers_lock);
	remotify_drop_debts(remotify);
	mutex_unlock(&remotify->peers_lock);
}

/**
 * remotify_free_peers - free what was kept for all peers
 * @remotify: the mover; none of its batches is with tcp
 */
void remotify_free_peers(struct remotify *remotify)
{
	struct flush_batch *flush;
	unsigned long node;

	xa_for_each(&remotify->peers, node, flush)
		flush_free(flush);
	xa_destroy(&remotify->peers);
}

/*
 * the end
 */

/* What a peer was told as the last thing; whether it has heard is all the same. */
static void farewell_done(struct r2tcp_req *req)
{
	struct flush_batch *flush = container_of(req, struct flush_batch,
						 ask.req);

	r2net_batch_reset(&flush->batch);
	/* Pairs with remotify_idle(). */
	smp_store_release(&flush->busy, false);
	remotify_kick(flush->remotify);
}

static void farewell_submit(struct remotify *remotify,
			    struct flush_batch *flush, unsigned long deadline)
{
	u32 pool;

	if (!r2tcp_connected(remotify->node->tcp, flush->to))
		return;
	for (pool = 0; pool < R2_MAX_POOLS; pool++)
		if (tmem_pool_find(remotify->tmem, TMEM_CLIENT_LOCAL, pool))
			r2net_flush_add_pool(&flush->batch, pool);
	if (!flush->batch.items)
		return;

	flush->busy = true;
	if (r2net_batch_submit(&flush->batch, &flush->ask, remotify->node->tcp,
			       flush->to, deadline, farewell_done)) {
		r2net_batch_reset(&flush->batch);
		flush->busy = false;
	}
}

/* Whether no batch is with tcp. */
static bool remotify_idle(struct remotify *remotify)
{
	struct flush_batch *flush;
	unsigned long node;
	unsigned int i;

	for (i = 0; i < NR_PUT_BATCHES; i++)
		/* Pairs with put_release(). */
		if (smp_load_acquire(&remotify->put[i]->busy))
			return false;
	xa_for_each(&remotify->peers, node, flush)
		/* Pairs with flush_done() and farewell_done(). */
		if (smp_load_acquire(&flush->busy))
			return false;
	return true;
}

static bool remotify_wait_idle(struct remotify *remotify,
			       unsigned long deadline)
{
	long left = deadline - jiffies;

	return wait_event_idle_timeout(remotify->wait, remotify_idle(remotify),
				       max(left, 1L));
}

/**
 * remotify_farewell - tell all peers that this node needs nothing any more
 * @remotify: the mover; halted
 *
 * So they need not keep what they have until this node comes back.  Who cannot
 * be told in a short time is not told, and finds out then.
 *
 * Context: process; sleeps for at most REMOTIFY_FAREWELL.
 */
void remotify_farewell(struct remotify *remotify)
{
	unsigned long deadline = jiffies + REMOTIFY_FAREWELL;
	struct flush_batch *flush;
	unsigned long node;

	/* Nothing that is about these pools may be under way. */
	if (!remotify_wait_idle(remotify, deadline))
		return;
	mutex_lock(&remotify->peers_lock);
	xa_for_each(&remotify->peers, node, flush)
		farewell_submit(remotify, flush, deadline);
	mutex_unlock(&remotify->peers_lock);
	remotify_wait_idle(remotify, deadline);
}
