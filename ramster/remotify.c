// SPDX-License-Identifier: GPL-2.0
/*
 * remotify: move this kernel's oldest pages to a peer, and settle debts.
 *
 * One thread looks for work; it never waits for a peer.  It fills batches,
 * hands them to tcp, and goes on; the answers are worked off by the thread
 * that receives them.  At most NR_PUT_BATCHES batches of pages are under way,
 * and one of flushes for each peer.
 *
 * Memory.  The batches are set aside at the start.  Nothing is allocated
 * afterwards: a page is copied from its frame into a batch, the move to
 * *remote* happens in the page's own index slot, and so do debts.
 *
 * Locks: peers_lock -> tmem's locks, its mutex included
 *        peers_lock -> the locks of tcp, which for a request are spinlocks
 * Neither tmem nor tcp calls anything that takes peers_lock.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../trace.h"
#include "remotify_private.h"

/* How long the thread sleeps when nobody wakes it. */
#define REMOTIFY_PERIOD		msecs_to_jiffies(100)

/* How long a target that has no room is left in peace. */
#define REMOTIFY_BACKOFF	HZ

/*
 * Frames that one kind may send while the other waits.  Ephemeral pages go
 * first, but swap pages get their turn however many of them there are.
 */
#define REMOTIFY_TURN		100

/* A page is copied into a batch as long as it is. */
static_assert(TMEM_MAX_BLOB <= R2_MAX_PAGE);

/*
 * pages
 */

/*
 * Whether a page may still become a remote one.  Not if its owner has asked for
 * no more pages to be sent, or the peer or this node is about to leave: whoever
 * then brings back what is away must not be overtaken by what was on its way.
 */
static bool put_wanted(const struct put_batch *put, enum tmem_kind kind)
{
	struct remotify *remotify = put->remotify;

	return READ_ONCE(remotify->enable[kind]) &&
	       !READ_ONCE(remotify->halted) &&
	       xa_load(&remotify->peers, put->to);
}

static enum tmem_send_result put_result(const struct put_batch *put,
					unsigned int i)
{
	if (put->batch.req.result)
		return TMEM_SEND_UNKNOWN;

	switch (put->batch.status[i]) {
	case R2_OK:
		/* Not wanted: the page stays, what the peer has is a debt. */
		return put_wanted(put, put->page[i].kind) ? TMEM_SEND_STORED :
							    TMEM_SEND_UNKNOWN;
	case R2_STALE:
		/* It has something of ours that we do not know of. */
		return TMEM_SEND_UNKNOWN;
	default:
		return TMEM_SEND_REFUSED;
	}
}

/*
 * The peer does not take this page.  One that says so of a page that is then
 * flushed, settled and sent again would otherwise be sent it again for ever.
 */
static bool put_declined(const struct put_batch *put, unsigned int i)
{
	return !put->batch.req.result && put->batch.status[i] != R2_OK;
}

static void remotify_back_off(struct remotify *remotify)
{
	WRITE_ONCE(remotify->refused_until, jiffies + REMOTIFY_BACKOFF);
	WRITE_ONCE(remotify->refused, true);
}

static void put_page_done(struct put_batch *put, unsigned int i)
{
	struct remotify *remotify = put->remotify;
	struct ramster_counters *count = &remotify->node->count;
	struct put_page *page = &put->page[i];
	enum tmem_send_result result;
	bool moved;

	/* Pairs with put_quiesce(). */
	rcu_read_lock();
	result = put_result(put, i);
	moved = tmem_send_done(remotify->tmem, &page->handle, page->version,
			       tmem_peer(put->to), result);
	rcu_read_unlock();
	trace_ramster_commit(&page->handle, page->version, put->to, result,
			     moved);
	if (result == TMEM_SEND_STORED) {
		atomic64_inc(&count->pages_remoted[page->kind]);
		atomic64_add(page->len, &count->bytes_remoted[page->kind]);
		return;
	}
	atomic64_inc(&count->pages_remote_failed[page->kind]);
}

/* From here on, what put_wanted() says now holds for every page. */
static void put_quiesce(void)
{
	synchronize_rcu();
}

static void put_release(struct put_batch *put)
{
	struct remotify *remotify = put->remotify;

	r2net_batch_reset(&put->batch);
	/* Pairs with remotify_put_pass(): the thread sees an empty batch. */
	smp_store_release(&put->busy, false);
	remotify_kick(remotify);
}

static void put_done(struct r2tcp_req *req)
{
	struct put_batch *put = container_of(req, struct put_batch, batch.req);
	unsigned int i;

	for (i = 0; i < put->batch.items; i++) {
		if (put_declined(put, i))
			remotify_back_off(put->remotify);
		put_page_done(put, i);
	}
	put_release(put);
}

/* Returns false if the batch has no room for one more frame's pages. */
static bool put_has_room(struct put_batch *put)
{
	struct r2net_batch *batch = &put->batch;

	return batch->items + 2 <= R2_MAX_ITEMS &&
	       batch->len + 2 * (sizeof(struct r2_put_item) + R2_MAX_PAGE) <=
	       batch->size;
}

static void put_add(struct put_batch *put, const struct tmem_handle *handle,
		    enum tmem_kind kind, u64 version)
{
	struct put_page *page = &put->page[put->batch.items];
	struct tmem_blob blob = {
		.data = r2net_put_room(&put->batch),
		.version = version,
	};

	/* Gone or replaced meanwhile: then there is nothing to send. */
	if (tmem_send_begin(put->remotify->tmem, handle, tmem_peer(put->to),
			    &blob))
		return;

	page->handle = *handle;
	page->version = version;
	page->len = blob.len;
	page->kind = kind;
	r2net_put_add(&put->batch, handle, kind, &blob);
	trace_ramster_send(handle, version, put->to, blob.len);
}

static bool put_may_send(struct remotify *remotify, enum tmem_kind kind)
{
	if (!READ_ONCE(remotify->enable[kind]))
		return false;
	return kind != TMEM_PERSISTENT ||
	       READ_ONCE(remotify->hold) == REMOTIFY_HOLD_NONE;
}

/* Returns false if there is no frame of this kind to take. */
static bool put_add_frame(struct put_batch *put, enum tmem_kind kind)
{
	struct tmem_handle handle[2];
	u64 version[2];
	unsigned int nr, i;

	if (!put_may_send(put->remotify, kind))
		return false;
	nr = tmem_isolate_oldest(put->remotify->tmem, kind, handle, version);
	for (i = 0; i < nr; i++)
		put_add(put, &handle[i], kind, version[i]);
	return nr;
}

static void put_turn(struct remotify *remotify, enum tmem_kind kind)
{
	remotify->turn = kind;
	remotify->turn_left = REMOTIFY_TURN;
}

static void put_next_turn(struct remotify *remotify)
{
	put_turn(remotify, remotify->turn == TMEM_EPHEMERAL ? TMEM_PERSISTENT :
							      TMEM_EPHEMERAL);
}

/* A kind that has nothing to send gives its turn away. */
static bool put_add_next_frame(struct put_batch *put)
{
	struct remotify *remotify = put->remotify;
	unsigned int i;

	if (!remotify->turn_left)
		put_next_turn(remotify);
	for (i = 0; i < TMEM_NR_KINDS; i++) {
		if (put_add_frame(put, remotify->turn)) {
			remotify->turn_left--;
			return true;
		}
		put_next_turn(remotify);
	}
	/* Whatever comes next, ephemeral pages are sent first. */
	put_turn(remotify, TMEM_EPHEMERAL);
	return false;
}

/* Returns false if there was no page left to take. */
static bool put_fill(struct put_batch *put)
{
	while (put_has_room(put))
		if (!put_add_next_frame(put))
			return false;
	return true;
}

/* Returns false if the target does not take pages now. */
static bool put_submit(struct put_batch *put)
{
	struct remotify *remotify = put->remotify;
	unsigned int i;

	put->busy = true;
	if (!r2net_batch_submit(&put->batch, remotify->node->tcp, put->to,
				remotify_deadline(remotify), put_done))
		return true;

	/* Nothing of it was sent. */
	for (i = 0; i < put->batch.items; i++)
		tmem_send_done(remotify->tmem, &put->page[i].handle,
			       put->page[i].version, tmem_peer(put->to),
			       TMEM_SEND_REFUSED);
	r2net_batch_reset(&put->batch);
	put->busy = false;
	return false;
}

static bool remotify_may_put(struct remotify *remotify, int target)
{
	if (target < 0 || (!READ_ONCE(remotify->enable[TMEM_EPHEMERAL]) &&
			   !READ_ONCE(remotify->enable[TMEM_PERSISTENT])))
		return false;
	if (READ_ONCE(remotify->refused)) {
		if (time_before(jiffies, READ_ONCE(remotify->refused_until)))
			return false;
		WRITE_ONCE(remotify->refused, false);
	}
	return r2tcp_connected(remotify->node->tcp, target);
}

/* Swap pages are held back until the store grows: then there is need for it. */
static void remotify_check_hold(struct remotify *remotify)
{
	u64 hold = READ_ONCE(remotify->hold);
	struct tmem_stats stats;

	if (hold == REMOTIFY_HOLD_NONE)
		return;
	tmem_get_stats(remotify->tmem, &stats);
	if (stats.zbud[TMEM_PERSISTENT].zpages +
	    stats.remote[TMEM_PERSISTENT] > hold)
		WRITE_ONCE(remotify->hold, REMOTIFY_HOLD_NONE);
}

static void remotify_put_pass(struct remotify *remotify)
{
	int target = READ_ONCE(remotify->target);
	struct put_batch *put;
	bool more = true;
	unsigned int i;

	remotify_check_hold(remotify);

	for (i = 0; more && i < NR_PUT_BATCHES; i++) {
		put = remotify->put[i];
		/* Pairs with put_release(). */
		if (smp_load_acquire(&put->busy))
			continue;
		if (!remotify_may_put(remotify, target))
			return;

		put->to = target;
		more = put_fill(put);
		if (put->batch.items && !put_submit(put))
			return;
	}
}

/*
 * the thread
 */

/**
 * remotify_kick - there may be something to send
 * @remotify: the mover
 *
 * Context: any in which a task may be woken.
 */
void remotify_kick(struct remotify *remotify)
{
	/* While the node goes down, somebody else waits than the thread. */
	if (READ_ONCE(remotify->kicked) && !READ_ONCE(remotify->halted))
		return;
	WRITE_ONCE(remotify->kicked, true);
	wake_up(&remotify->wait);
}

static int remotify_thread(void *arg)
{
	struct remotify *remotify = arg;

	while (!kthread_should_stop()) {
		wait_event_idle_timeout(remotify->wait,
					READ_ONCE(remotify->kicked) ||
					kthread_should_stop(),
					REMOTIFY_PERIOD);
		WRITE_ONCE(remotify->kicked, false);
		remotify_flush_pass(remotify);
		remotify_put_pass(remotify);
	}
	return 0;
}

/*
 * settings
 */

/* Somebody has spoken: that goes before whatever was found to be best. */
static void remotify_ask(struct remotify *remotify)
{
	WRITE_ONCE(remotify->asked, remotify->asked + 1);
	/* Pairs with selfshrink_hold(). */
	smp_mb();
	WRITE_ONCE(remotify->hold, REMOTIFY_HOLD_NONE);
	remotify_kick(remotify);
}

/**
 * remotify_set_target - choose who gets pages from now on
 * @remotify: the mover
 * @target: node number, or -1 to send to nobody
 */
void remotify_set_target(struct remotify *remotify, int target)
{
	WRITE_ONCE(remotify->target, target);
	WRITE_ONCE(remotify->refused, false);
	remotify_ask(remotify);
}

/**
 * remotify_target - who gets pages
 * @remotify: the mover
 *
 * Return: node number, or -1.
 */
int remotify_target(const struct remotify *remotify)
{
	return READ_ONCE(remotify->target);
}

/**
 * remotify_set_enable - start or stop sending pages of a kind
 * @remotify: the mover
 * @kind: the kind
 * @on: whether they are sent
 *
 * When they are not, no page of that kind becomes a remote one after the return,
 * not even if it was on its way.
 *
 * Context: process; sleeps for an RCU grace period.
 */
void remotify_set_enable(struct remotify *remotify, enum tmem_kind kind,
			 bool on)
{
	WRITE_ONCE(remotify->enable[kind], on);
	if (!on)
		put_quiesce();
	remotify_ask(remotify);
}

/**
 * remotify_enabled - whether pages of a kind are sent
 * @remotify: the mover
 * @kind: the kind
 *
 * Return: true if so.
 */
bool remotify_enabled(const struct remotify *remotify, enum tmem_kind kind)
{
	return READ_ONCE(remotify->enable[kind]);
}

/**
 * remotify_hold - hold swap pages back until there is need to send them
 * @remotify: the mover
 * @pages: until the store has more swap pages than this, here and away together;
 *	or until somebody chooses a target or enables sending; REMOTIFY_HOLD_NONE:
 *	not any longer
 */
void remotify_hold(struct remotify *remotify, u64 pages)
{
	u64 before = READ_ONCE(remotify->hold);

	WRITE_ONCE(remotify->hold, pages);
	if (pages == REMOTIFY_HOLD_NONE && before != pages)
		remotify_kick(remotify);
}

/**
 * remotify_asked - how often somebody has chosen a target or enabled sending
 * @remotify: the mover
 *
 * Return: a number that is another one each time.
 */
unsigned int remotify_asked(const struct remotify *remotify)
{
	return READ_ONCE(remotify->asked);
}

/**
 * remotify_tmem - the index from which pages are moved
 * @remotify: the mover
 *
 * Return: the index.
 */
struct tmem *remotify_tmem(const struct remotify *remotify)
{
	return remotify->tmem;
}

/**
 * remotify_get_stats - what the index from which pages are moved holds
 * @remotify: the mover
 * @stats: filled in
 */
void remotify_get_stats(const struct remotify *remotify,
			struct tmem_stats *stats)
{
	tmem_get_stats(remotify->tmem, stats);
}

/*
 * start and stop
 */

static void remotify_free(struct remotify *remotify)
{
	unsigned int i;

	remotify_free_peers(remotify);
	for (i = 0; i < NR_PUT_BATCHES; i++) {
		if (!remotify->put[i])
			continue;
		r2net_batch_free(&remotify->put[i]->batch);
		kvfree(remotify->put[i]);
	}
	mutex_destroy(&remotify->peers_lock);
	kfree(remotify);
}

static int remotify_alloc_batches(struct remotify *remotify)
{
	struct put_batch *put;
	unsigned int i;
	int err;

	for (i = 0; i < NR_PUT_BATCHES; i++) {
		put = kvzalloc(sizeof(*put), GFP_KERNEL);
		if (!put)
			return -ENOMEM;
		put->remotify = remotify;
		remotify->put[i] = put;
		err = r2net_batch_init(&put->batch, R2_PUT, R2_MAX_PAYLOAD);
		if (err)
			return err;
	}
	return 0;
}

/**
 * remotify_create - make a mover, which does not move yet
 * @node: its node
 * @tmem: the index whose pages it will move
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: the mover, without target and not enabled; or an ERR_PTR().
 */
struct remotify *remotify_create(struct ramster_node *node, struct tmem *tmem)
{
	struct remotify *remotify = kzalloc(sizeof(*remotify), GFP_KERNEL);
	int err;

	if (!remotify)
		return ERR_PTR(-ENOMEM);

	remotify->node = node;
	remotify->tmem = tmem;
	remotify->target = -1;
	remotify->hold = REMOTIFY_HOLD_NONE;
	put_turn(remotify, TMEM_EPHEMERAL);
	init_waitqueue_head(&remotify->wait);
	mutex_init(&remotify->peers_lock);
	xa_init(&remotify->peers);
	err = remotify_alloc_batches(remotify);
	if (err) {
		remotify_free(remotify);
		return ERR_PTR(err);
	}
	/* Of a former cluster, whose peers forget this node by themselves. */
	remotify_drop_all_debts(remotify);
	return remotify;
}

/**
 * remotify_run - start the thread
 * @remotify: the mover; its node's connections are started
 *
 * Context: process; sleeps.
 * Return: 0 or the error of making the thread.
 */
int remotify_run(struct remotify *remotify)
{
	struct task_struct *task = kthread_run(remotify_thread, remotify,
					       "remotify");

	if (IS_ERR(task))
		return PTR_ERR(task);
	remotify->task = task;
	return 0;
}

/**
 * remotify_halt - stop the thread, and let no page become a remote one
 * @remotify: the mover
 *
 * Batches may still be with tcp; they end when the connections are stopped.  So
 * what is remote when this returns is all that there will be.
 *
 * Context: process; sleeps.
 */
void remotify_halt(struct remotify *remotify)
{
	WRITE_ONCE(remotify->halted, true);
	put_quiesce();
	if (remotify->task)
		kthread_stop(remotify->task);
	remotify->task = NULL;
}

/**
 * remotify_destroy - free a mover
 * @remotify: the mover; halted, and its node's connections are stopped
 *
 * Debts that are left are forgotten: the peers drop what they hold for this
 * node when it comes back under a new instance id.
 *
 * Context: process; may sleep.
 */
void remotify_destroy(struct remotify *remotify)
{
	remotify_drop_all_debts(remotify);
	remotify_free(remotify);
}
