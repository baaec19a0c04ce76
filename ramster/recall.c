// SPDX-License-Identifier: GPL-2.0
/*
 * recall: pages leave a peer that needs its RAM for itself.
 *
 * A peer says how many frames with pages of this node it wants back (ROOM, see
 * r2wire.h), and again as that falls.  Nothing is sent to it until it wants none
 * (placement.c).  Its pages leave it in two ways:
 *
 * Of pages that another peer has, too, which is there, it is just told to forget
 * its copy.  They have one copy then; repair.c sees to a second one.  What it is to be told is in
 * a batch, one for each peer, and nowhere else.  So the batch is sent again until
 * the peer has answered, before anything else is done with it, or until the peer
 * is removed.  It does no harm to a peer that was restarted meanwhile.
 *
 * Other pages come home, as for repair.c, and leave again for somebody else, if
 * there is anybody (remotify.c).  Without room at home, which they may need for a
 * moment only, they stay, and it is tried again.
 *
 * A peer has no more of its pages taken away in a round than its frames may hold;
 * what that has brought, it says before the next round.
 *
 * For each peer there is a worker, which waits for fetches and for nothing else;
 * an answer sets it to work again.
 *
 * Lock: recall.home_lock, a mutex, below which are those of tmem and tcp.
 */
#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "homing.h"
#include "r2net.h"
#include "ramster_int.h"
#include "recall.h"
#include "remotify.h"
#include "repair.h"

/* From round to round; longer than a peer needs to say what it still wants. */
#define RECALL_PAUSE		msecs_to_jiffies(250)

/* Pages that a frame may hold. */
#define RECALL_PER_FRAME	2

/* Pages that come home at a time; and that are asked for, beside faults. */
#define RECALL_BATCH		512
#define RECALL_WINDOW		48
static_assert(RECALL_WINDOW < R2_MAX_GETS);

/* Without room at home: so many pages may be here, on their way to others. */
#define RECALL_TRANSIT		1024

/* How long a node that goes down waits for the answers to its last batches. */
#define RECALL_FAREWELL		(2 * HZ)

#define RECALL_BATCH_SIZE	(R2_MAX_ITEMS * sizeof(struct r2_flush_item))

/**
 * struct recall - what takes pages away from peers
 * @node: whose pages
 * @tmem: their index
 * @has_room: whether pages may come home, to stay
 * @wait: where recall_halt() waits
 * @home_lock: held while pages come home; protects @homing
 * @homing: brings them
 * @peers: struct recall_peer by node number
 */
struct recall {
	struct ramster_node *node;
	struct tmem *tmem;
	bool (*has_room)(void);
	wait_queue_head_t wait;
	struct mutex home_lock; /* protects homing */
	struct homing *homing;
	struct xarray peers;
};

/**
 * struct recall_peer - a peer, and what it is to be told to forget
 * @recall: back pointer
 * @node: its number
 * @work: the worker
 * @next: jiffies when the next round may begin
 * @left: pages that may still be taken away in this round
 * @batch: what it has not yet said that it has forgotten
 * @ask: the request that tells it
 * @busy: with tcp; cleared, with release, by who receives the answer
 * @debt: room to list what goes into the batch
 */
struct recall_peer {
	struct recall *recall;
	u8 node;
	struct delayed_work work;
	unsigned long next;
	u64 left;
	struct r2net_batch batch;
	struct r2net_request ask;
	bool busy;
	struct tmem_debt debt[R2_MAX_ITEMS];
};

static void recall_queue(struct recall_peer *peer, unsigned long delay)
{
	mod_delayed_work(system_unbound_wq, &peer->work, delay);
}

/*
 * pages that another peer has, too
 */

/* What has failed is sent again; without a connection, when there is one. */
static void recall_done(struct r2tcp_req *req)
{
	struct recall_peer *peer = container_of(req, struct recall_peer,
						ask.req);
	struct recall *recall = peer->recall;
	bool done = !req->result;

	if (done)
		r2net_batch_reset(&peer->batch);
	/* Pairs with recall_work() and recall_idle(). */
	smp_store_release(&peer->busy, false);
	recall_queue(peer, done ? 0 : RECALL_PAUSE);
	wake_up(&recall->wait);
}

static void recall_submit(struct recall_peer *peer)
{
	struct ramster_node *node = peer->recall->node;
	unsigned int ms = READ_ONCE(node->info.idle_timeout_ms);

	peer->busy = true;
	if (!r2net_batch_submit(&peer->batch, &peer->ask, node->tcp, peer->node,
				jiffies + msecs_to_jiffies(ms), recall_done))
		return;
	peer->busy = false;
	recall_queue(peer, RECALL_PAUSE);
}

/* Who can be relied on to have what we believe that it has, at this moment. */
static void recall_list_others(struct recall_peer *peer, unsigned long *others)
{
	struct r2tcp *tcp = peer->recall->node->tcp;
	unsigned int i;

	bitmap_zero(others, TMEM_NODES);
	for (i = 0; i < R2_MAX_NODES; i++)
		if (i != peer->node && r2tcp_announced(tcp, i))
			__set_bit(i, others);
}

/* Returns how many pages the peer is to be told to forget. */
static unsigned int recall_withdraw(struct recall_peer *peer, unsigned int max)
{
	struct ramster_node *node = peer->recall->node;
	struct tmem *tmem = peer->recall->tmem;
	DECLARE_BITMAP(others, TMEM_NODES);
	struct tmem_stats stats;
	unsigned int n, i;

	/* Spare the walk if there is no second copy of anything. */
	tmem_get_stats(tmem, &stats);
	if (stats.lone >= stats.remote[TMEM_PERSISTENT])
		return 0;
	recall_list_others(peer, others);
	n = tmem_withdraw(tmem, peer->node, others, peer->debt,
			  min(max, (unsigned int)R2_MAX_ITEMS));
	for (i = 0; i < n; i++)
		r2net_flush_add(&peer->batch, &peer->debt[i]);
	atomic64_add(n, &node->count.pages_withdrawn);
	if (n)
		repair_kick(node->repair);
	return n;
}

/*
 * pages that nobody else has, or that somebody else has who is not there now
 */

/* Whether they may come home; if there is no room, only to leave again. */
static bool recall_may_come(struct recall *recall)
{
	struct remotify *remotify = recall->node->remotify;
	struct tmem_stats stats;

	if (!recall->has_room || recall->has_room())
		return true;
	tmem_get_stats(recall->tmem, &stats);
	return stats.zbud[TMEM_PERSISTENT].zpages < RECALL_TRANSIT &&
	       remotify_enabled(remotify, TMEM_PERSISTENT) &&
	       remotify_copies(remotify);
}

/* Returns how many pages came home. */
static unsigned int recall_home(struct recall_peer *peer, unsigned int max)
{
	struct tmem_search search = {};
	struct recall *recall = peer->recall;
	unsigned int came = 0;

	if (!recall_may_come(recall))
		return 0;
	__set_bit(peer->node, search.nodes);
	mutex_lock(&recall->home_lock);
	if (homing_collect(recall->homing, &search, max))
		came = homing_fetch(recall->homing);
	mutex_unlock(&recall->home_lock);
	atomic64_add(came, &recall->node->count.pages_recalled);
	return came;
}

/*
 * the worker
 */

/* Pages that may be taken away now, of a peer that wants so many frames back. */
static unsigned int recall_quota(struct recall_peer *peer, u32 frames)
{
	u64 pages = RECALL_PER_FRAME * (u64)frames;

	if (!peer->left && time_after_eq(jiffies, peer->next)) {
		peer->left = pages;
		peer->next = jiffies + RECALL_PAUSE;
	}
	peer->left = min(peer->left, pages);
	return min_t(u64, peer->left, U32_MAX);
}

/* The batch is empty: look what else there is for the peer. */
static void recall_step(struct recall_peer *peer, u32 frames)
{
	unsigned int quota = recall_quota(peer, frames), n = 0;

	if (quota)
		n = recall_withdraw(peer, quota);
	peer->left -= n;
	if (n) {
		recall_submit(peer);
		return;
	}
	if (quota)
		n = recall_home(peer, quota);
	peer->left -= n;
	if (!n)
		peer->left = 0;
	recall_queue(peer, n ? 0 : RECALL_PAUSE);
}

static void recall_work(struct work_struct *work)
{
	struct recall_peer *peer = container_of(to_delayed_work(work),
						struct recall_peer, work);
	struct r2tcp *tcp = peer->recall->node->tcp;
	struct r2tcp_peer_stats stats;

	/* Pairs with recall_done(), which queues this again. */
	if (smp_load_acquire(&peer->busy))
		return;
	if (r2tcp_peer_stats(tcp, peer->node, &stats) || !stats.connected)
		return;
	if (peer->batch.items)
		recall_submit(peer);
	else if (stats.recall)
		recall_step(peer, stats.recall);
}

/**
 * recall_kick - a peer may want pages to be taken away
 * @recall: from recall_create(); or NULL
 * @node: number of the peer
 *
 * To be called when it wants more, and when it is connected again.
 *
 * Context: task; the peer is not being freed.  Nothing happens after
 * recall_halt().
 */
void recall_kick(struct recall *recall, unsigned int node)
{
	struct recall_peer *peer = recall ? xa_load(&recall->peers, node) : NULL;

	if (peer)
		recall_queue(peer, 0);
}

#if IS_ENABLED(CONFIG_RAMSTER_KUNIT_TEST)
/* For tests, which have no store that could be full. */
void recall_set_room(struct recall *recall, bool (*has_room)(void))
{
	WRITE_ONCE(recall->has_room, has_room);
}
#endif

/*
 * peers
 */

/**
 * recall_add_peer - a peer is in the cluster
 * @recall: from recall_create()
 * @node: its number
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: 0 or -ENOMEM.
 */
int recall_add_peer(struct recall *recall, unsigned int node)
{
	struct recall_peer *peer = kvzalloc(sizeof(*peer), GFP_KERNEL);
	int err;

	if (!peer)
		return -ENOMEM;
	peer->recall = recall;
	peer->node = node;
	peer->next = jiffies;
	INIT_DELAYED_WORK(&peer->work, recall_work);
	err = r2net_batch_init(&peer->batch, R2_FLUSH, RECALL_BATCH_SIZE);
	if (err)
		goto err_batch;
	err = xa_insert(&recall->peers, node, peer, GFP_KERNEL);
	if (err)
		goto err_insert;
	return 0;

err_insert:
	r2net_batch_free(&peer->batch);
err_batch:
	kvfree(peer);
	return err;
}

/**
 * recall_hide_peer - a peer leaves the cluster: take nothing more from it
 * @recall: from recall_create(); or NULL
 * @node: its number
 *
 * Context: process; sleeps until the last fetch has ended.
 * Return: to be given to recall_free_peer() once tcp has neither a request of the
 * peer any more, nor its thread; may be NULL.
 */
struct recall_peer *recall_hide_peer(struct recall *recall, unsigned int node)
{
	struct recall_peer *peer;

	peer = recall ? xa_erase(&recall->peers, node) : NULL;
	if (peer)
		disable_delayed_work_sync(&peer->work);
	return peer;
}

/**
 * recall_free_peer - free what was kept for a peer
 * @peer: from recall_hide_peer()
 *
 * If the peer comes back without having been stopped, it may have pages that
 * nobody asks for: see remotify_free_peer().
 */
void recall_free_peer(struct recall_peer *peer)
{
	if (!peer)
		return;
	r2net_batch_free(&peer->batch);
	kvfree(peer);
}

/*
 * start and stop
 */

/**
 * recall_create - get ready to take pages away from peers that want that
 * @node: owner of the pages, with its fetches and its mover
 * @tmem: the index of the pages
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: to be given to recall_destroy(); or NULL.
 */
struct recall *recall_create(struct ramster_node *node, struct tmem *tmem)
{
	struct recall *recall = kzalloc(sizeof(*recall), GFP_KERNEL);

	if (!recall)
		return NULL;
	recall->homing = homing_create(node, tmem, RECALL_BATCH, RECALL_WINDOW);
	if (!recall->homing) {
		kfree(recall);
		return NULL;
	}
	recall->node = node;
	recall->tmem = tmem;
	/* Pages that were made for a test are not the store's. */
	recall->has_room = node->owner ? zcache_has_room : NULL;
	init_waitqueue_head(&recall->wait);
	mutex_init(&recall->home_lock);
	xa_init(&recall->peers);
	return recall;
}

static bool recall_idle(struct recall *recall)
{
	struct recall_peer *peer;
	unsigned long node;

	xa_for_each(&recall->peers, node, peer)
		/* Pairs with recall_done(). */
		if (smp_load_acquire(&peer->busy))
			return false;
	return true;
}

/**
 * recall_halt - leave pages where they are
 * @recall: from recall_create(); or NULL
 *
 * Context: process; sleeps until the last fetch has ended, and for the answers to
 * the last batches, RECALL_FAREWELL at most.
 * Return: whether no batch is with tcp any more.
 */
bool recall_halt(struct recall *recall)
{
	struct recall_peer *peer;
	unsigned long node;

	if (!recall)
		return true;
	xa_for_each(&recall->peers, node, peer)
		disable_delayed_work_sync(&peer->work);
	return wait_event_idle_timeout(recall->wait, recall_idle(recall),
				       RECALL_FAREWELL);
}

/**
 * recall_destroy - undo recall_create()
 * @recall: halted, and its node's connections are stopped; or NULL
 *
 * Context: process.
 */
void recall_destroy(struct recall *recall)
{
	struct recall_peer *peer;
	unsigned long node;

	if (!recall)
		return;
	xa_for_each(&recall->peers, node, peer)
		recall_free_peer(peer);
	xa_destroy(&recall->peers);
	mutex_destroy(&recall->home_lock);
	homing_destroy(recall->homing);
	kfree(recall);
}
