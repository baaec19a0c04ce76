// SPDX-License-Identifier: GPL-2.0
/*
 * remotify: pages on their way to peers.
 *
 * A batch holds pages of one kind and goes to one peer, or the same bytes to
 * two.  What becomes of its pages is decided once, when all have answered or
 * never will: a page leaves this machine only if as many as are wanted have it.
 * What only some of them have is a debt, and the page stays.
 *
 * A peer that was restarted after it had answered has lost the page again, and
 * nobody would be told of that any more; so each request remembers how often its
 * peer had been restarted.
 */
#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../trace.h"
#include "placement.h"
#include "remotify_private.h"
#include "repair.h"

/*
 * Frames that one kind may send while the other waits.  Ephemeral pages go
 * first, but swap pages get their turn however many of them there are.
 */
#define REMOTIFY_TURN		100

/* A page is copied into a batch as long as it is. */
static_assert(TMEM_MAX_BLOB <= R2_MAX_PAGE);

/*
 * answers
 */

/*
 * Whether a page may still become a remote one.  Not if its owner has asked for
 * no more pages to be sent, or the peer or this node is about to leave: whoever
 * then brings back what is away must not be overtaken by what was on its way.
 */
static bool put_wanted(const struct put_batch *put, unsigned int nr)
{
	struct remotify *remotify = put->remotify;

	return READ_ONCE(remotify->enable[put->kind]) &&
	       !READ_ONCE(remotify->halted) &&
	       xa_load(&remotify->peers, put->to.node[nr]) &&
	       READ_ONCE(remotify->restarts[put->to.node[nr]]) ==
	       put->copy[nr].restarts;
}

/* What one of the peers has made of a page. */
static enum tmem_send_result put_answer(const struct put_batch *put,
					unsigned int nr, unsigned int i)
{
	const struct put_copy *copy = &put->copy[nr];

	if (!copy->sent)
		return TMEM_SEND_REFUSED;
	if (copy->ask.req.result)
		return TMEM_SEND_UNKNOWN;

	switch (copy->ask.status[i]) {
	case R2_OK:
		/* Not wanted: the page stays, what the peer has is a debt. */
		return put_wanted(put, nr) ? TMEM_SEND_STORED :
					     TMEM_SEND_UNKNOWN;
	case R2_STALE:
		/* It has something of ours that we do not know of. */
		return TMEM_SEND_UNKNOWN;
	default:
		return TMEM_SEND_REFUSED;
	}
}

/*
 * What becomes of a page, and who has it, or may have it.  Less than was wanted
 * is not enough: then what there is has to go.
 */
static enum tmem_send_result put_result(const struct put_batch *put,
					unsigned int i,
					struct tmem_peers *holders)
{
	enum tmem_send_result answer, result = TMEM_SEND_STORED;
	unsigned int nr;

	*holders = put->to;
	for (nr = 0; nr < tmem_peers_nr(put->to); nr++) {
		answer = put_answer(put, nr, i);
		if (answer != TMEM_SEND_STORED)
			result = TMEM_SEND_UNKNOWN;
		if (answer == TMEM_SEND_REFUSED)
			*holders = tmem_peers_without(*holders,
						      put->to.node[nr]);
	}
	return tmem_peers_nr(*holders) ? result : TMEM_SEND_REFUSED;
}

static void put_page_done(struct put_batch *put, unsigned int i)
{
	struct remotify *remotify = put->remotify;
	struct ramster_counters *count = &remotify->node->count;
	struct put_page *page = &put->page[i];
	enum tmem_send_result result;
	struct tmem_peers holders;
	bool moved;

	/* Pairs with remotify_quiesce(). */
	rcu_read_lock();
	result = put_result(put, i, &holders);
	moved = tmem_send_done(remotify->tmem, &page->handle, page->version,
			       holders, result);
	rcu_read_unlock();
	trace_ramster_commit(&page->handle, page->version, put->to, result,
			     moved);
	if (moved && tmem_peers_nr(holders) < READ_ONCE(remotify->node->info.copies))
		repair_kick(remotify->node->repair);
	if (result == TMEM_SEND_STORED) {
		atomic64_inc(&count->pages_remoted[put->kind]);
		atomic64_add(page->len, &count->bytes_remoted[put->kind]);
		return;
	}
	atomic64_inc(&count->pages_remote_failed[put->kind]);
}

/**
 * remotify_quiesce - let what put_wanted() says now hold for every page
 *
 * Context: process; sleeps for an RCU grace period.
 */
void remotify_quiesce(void)
{
	synchronize_rcu();
}

/*
 * A peer does not take some page.  One that says so of a page that is then
 * flushed, settled and sent again would otherwise be sent it again for ever.
 */
static void put_judge(struct put_batch *put, unsigned int nr)
{
	const struct put_copy *copy = &put->copy[nr];
	unsigned int i;

	if (!copy->sent || copy->ask.req.result)
		return;
	for (i = 0; i < put->batch.items; i++) {
		if (copy->ask.status[i] == R2_OK)
			continue;
		placement_refused(put->remotify->placement, put->to.node[nr]);
		return;
	}
}

static void put_release(struct put_batch *put)
{
	struct remotify *remotify = put->remotify;

	r2net_batch_reset(&put->batch);
	/* Pairs with remotify_put_pass(): the thread sees an empty batch. */
	smp_store_release(&put->busy, false);
	remotify_kick(remotify);
}

/* All have answered, or never will. */
static void put_end(struct put_batch *put)
{
	unsigned int nr, i;

	for (nr = 0; nr < tmem_peers_nr(put->to); nr++)
		put_judge(put, nr);
	for (i = 0; i < put->batch.items; i++)
		put_page_done(put, i);
	put_release(put);
}

static void put_done(struct r2tcp_req *req)
{
	struct put_copy *copy = container_of(req, struct put_copy, ask.req);
	struct put_batch *put = copy->put;
	unsigned int nr = copy - put->copy;

	placement_answered(put->remotify->placement, put->to.node[nr]);
	if (atomic_dec_and_test(&put->left))
		put_end(put);
}

/*
 * filling a batch
 */

/* Returns false if the batch has no room for one more frame's pages. */
static bool put_has_room(struct put_batch *put)
{
	struct r2net_batch *batch = &put->batch;

	return batch->items + 2 <= R2_MAX_ITEMS &&
	       batch->len + 2 * (sizeof(struct r2_put_item) + R2_MAX_PAGE) <=
	       batch->size;
}

static void put_add(struct put_batch *put, const struct tmem_handle *handle,
		    u64 version)
{
	struct put_page *page = &put->page[put->batch.items];
	struct tmem_blob blob = {
		.data = r2net_put_room(&put->batch),
		.version = version,
	};

	/* Gone or replaced meanwhile: then there is nothing to send. */
	if (tmem_send_begin(put->remotify->tmem, handle, put->to, &blob))
		return;

	page->handle = *handle;
	page->version = version;
	page->len = blob.len;
	r2net_put_add(&put->batch, handle, put->kind, &blob);
	trace_ramster_send(handle, version, put->to, blob.len);
}

/* A node that looks at RAM needs no hold, and must not heed it when RAM is short. */
static bool put_is_held(struct remotify *remotify, enum tmem_kind kind)
{
	return kind == TMEM_PERSISTENT &&
	       READ_ONCE(remotify->hold) != REMOTIFY_HOLD_NONE &&
	       remotify->pressure.plan.state == PRESSURE_ALWAYS;
}

static bool put_may_send(struct remotify *remotify, enum tmem_kind kind)
{
	return READ_ONCE(remotify->enable[kind]) &&
	       !put_is_held(remotify, kind) &&
	       pressure_may_send(&remotify->pressure, remotify->tmem, kind);
}

static void put_count_frame(struct remotify *remotify, u64 version)
{
	enum pressure_state why = remotify->pressure.plan.state;

	atomic64_inc(&remotify->node->count.frames_sent[why]);
	pressure_sent(&remotify->pressure, version);
}

/* Returns false if there is no frame of this kind to take. */
static bool put_add_frame(struct put_batch *put)
{
	struct tmem_handle handle[2];
	u64 version[2];
	unsigned int nr, i;

	if (!put_may_send(put->remotify, put->kind))
		return false;
	nr = tmem_isolate_oldest(put->remotify->tmem, put->kind, handle,
				 version);
	for (i = 0; i < nr; i++)
		put_add(put, &handle[i], version[i]);
	if (nr)
		put_count_frame(put->remotify, max(version[0], version[nr - 1]));
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

/* Whom the pages of a kind go to now; nobody, if nobody takes them. */
static struct tmem_peers put_choose(struct remotify *remotify,
				    enum tmem_kind kind)
{
	int target = READ_ONCE(remotify->target);
	unsigned int copies = 1;

	if (kind == TMEM_PERSISTENT)
		copies = READ_ONCE(remotify->node->info.copies);
	if (target == REMOTIFY_ANYBODY)
		return placement_choose(remotify->placement, copies);
	if (target >= 0 && placement_may_send(remotify->placement, target))
		return tmem_peer(target);
	return tmem_peer(TMEM_NO_NODE);
}

/**
 * remotify_copies - on how many peers a swap page would be that is sent now
 * @remotify: the mover
 *
 * Context: task; does not sleep.
 * Return: that number; 0 if nobody would take it.
 */
unsigned int remotify_copies(struct remotify *remotify)
{
	return tmem_peers_nr(put_choose(remotify, TMEM_PERSISTENT));
}

/* Fill a batch with pages of the kind whose turn it is. */
static void put_fill(struct put_batch *put)
{
	struct remotify *remotify = put->remotify;

	put->kind = remotify->turn;
	if (!put_may_send(remotify, put->kind))
		return;
	put->to = put_choose(remotify, put->kind);
	if (!tmem_peers_nr(put->to))
		return;
	while (put_has_room(put) && remotify->turn_left && put_add_frame(put))
		remotify->turn_left--;
}

/*
 * Fill a batch.  A kind that has nothing to send gives its turn away.  Returns
 * false if there is nothing to send of either.
 */
static bool put_fill_next(struct put_batch *put)
{
	struct remotify *remotify = put->remotify;
	unsigned int i;

	if (!remotify->turn_left)
		put_next_turn(remotify);
	for (i = 0; i < TMEM_NR_KINDS; i++) {
		put_fill(put);
		if (put->batch.items)
			return true;
		put_next_turn(remotify);
	}
	/* Whatever comes next, ephemeral pages are sent first. */
	put_turn(remotify, TMEM_EPHEMERAL);
	return false;
}

/*
 * sending a batch
 */

static void put_submit_copy(struct put_batch *put, unsigned int nr)
{
	struct remotify *remotify = put->remotify;
	struct put_copy *copy = &put->copy[nr];
	u8 to = put->to.node[nr];

	copy->restarts = READ_ONCE(remotify->restarts[to]);
	placement_sent(remotify->placement, to, put->batch.len);
	atomic_inc(&put->left);
	copy->sent = true;
	if (!r2net_batch_submit(&put->batch, &copy->ask, remotify->node->tcp,
				to, remotify_deadline(remotify), put_done))
		return;
	/* Nothing of it was sent. */
	copy->sent = false;
	placement_answered(remotify->placement, to);
	atomic_dec(&put->left);
}

static void put_submit(struct put_batch *put)
{
	unsigned int nr;

	put->busy = true;
	atomic_set(&put->left, 1);
	for (nr = 0; nr < tmem_peers_nr(put->to); nr++)
		put_submit_copy(put, nr);
	if (atomic_dec_and_test(&put->left))
		put_end(put);
}

/**
 * remotify_put_pass - send pages, as far as there are batches and takers
 * @remotify: the mover
 *
 * Context: the thread.
 */
void remotify_put_pass(struct remotify *remotify)
{
	struct put_batch *put;
	unsigned int i;

	for (i = 0; i < NR_PUT_BATCHES; i++) {
		put = remotify->put[i];
		/* Pairs with put_release(). */
		if (smp_load_acquire(&put->busy))
			continue;
		if (!put_fill_next(put))
			return;
		put_submit(put);
	}
}

/*
 * start and stop
 */

/**
 * remotify_free_puts - undo remotify_alloc_puts(), also if it has failed
 * @remotify: the mover; none of its batches is with tcp
 */
void remotify_free_puts(struct remotify *remotify)
{
	unsigned int i;

	for (i = 0; i < NR_PUT_BATCHES; i++) {
		if (!remotify->put[i])
			continue;
		r2net_batch_free(&remotify->put[i]->batch);
		kvfree(remotify->put[i]);
	}
}

/**
 * remotify_alloc_puts - set the batches aside
 * @remotify: the mover
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: 0 or -ENOMEM.
 */
int remotify_alloc_puts(struct remotify *remotify)
{
	struct put_batch *put;
	unsigned int i, nr;
	int err;

	put_turn(remotify, TMEM_EPHEMERAL);
	for (i = 0; i < NR_PUT_BATCHES; i++) {
		put = kvzalloc(sizeof(*put), GFP_KERNEL);
		if (!put)
			return -ENOMEM;
		put->remotify = remotify;
		for (nr = 0; nr < TMEM_COPIES; nr++)
			put->copy[nr].put = put;
		remotify->put[i] = put;
		err = r2net_batch_init(&put->batch, R2_PUT, R2_MAX_PAYLOAD);
		if (err)
			return err;
	}
	return 0;
}
