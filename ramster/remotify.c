// SPDX-License-Identifier: GPL-2.0
/*
 * remotify: move this kernel's oldest pages to peers, and settle debts.
 *
 * One thread looks for work; it never waits for a peer.  It fills batches,
 * hands them to tcp, and goes on; the answers are worked off by the thread
 * that receives them.  At most NR_PUT_BATCHES batches of pages are under way,
 * and one of flushes for each peer.  How much has to leave, pressure.c decides.
 * This file has the thread and its settings; remotify_put.c sends pages,
 * remotify_debts.c what peers have to forget.
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

#include "placement.h"
#include "remotify_private.h"
#include "repair.h"

/* How long the thread sleeps when nobody wakes it, and there is work. */
#define REMOTIFY_PERIOD		msecs_to_jiffies(100)

/* The same when there is RAM enough: somebody might take it, and tell nobody. */
#define REMOTIFY_WATCH		HZ

/* Whether somebody has asked for pages to be sent, and said where to. */
static bool remotify_is_on(const struct remotify *remotify)
{
	return READ_ONCE(remotify->target) != -1 &&
	       (READ_ONCE(remotify->enable[TMEM_EPHEMERAL]) ||
		READ_ONCE(remotify->enable[TMEM_PERSISTENT]));
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

/*
 * Returns 0 if RAM was looked at; else how long it is until it will be: for ever,
 * if nothing is to be sent.
 */
static long remotify_look(struct remotify *remotify)
{
	struct ramster_counters *count = &remotify->node->count;
	long left;

	if (!remotify_is_on(remotify))
		return MAX_SCHEDULE_TIMEOUT;
	left = pressure_update(&remotify->pressure, remotify->tmem,
			       atomic64_read(&count->refaults));
	if (!left)
		atomic64_inc(&count->looks);
	return left;
}

/* Frames here of the kinds that are sent. */
static u64 remotify_frames(const struct remotify *remotify,
			   const struct tmem_stats *stats)
{
	unsigned int kind;
	u64 frames = 0;

	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		if (READ_ONCE(remotify->enable[kind]))
			frames += stats->zbud[kind].frames;
	return frames;
}

/*
 * How long there is nothing to do.  Whoever stores a page ends that: but only
 * after RAM was looked at, so that this happens no more often than that.
 */
static long remotify_rest(struct remotify *remotify, long left)
{
	struct tmem_stats stats;

	if (!left)
		zcache_await_store();
	/* What is stored from here on is told of. */
	remotify_get_stats(remotify, &stats);
	if (stats.debts || stats.sending)
		return REMOTIFY_PERIOD;
	if (left)
		return left;
	if (!remotify_frames(remotify, &stats))
		return MAX_SCHEDULE_TIMEOUT;
	return pressure_asks(&remotify->pressure) ? REMOTIFY_PERIOD :
						    REMOTIFY_WATCH;
}

/*
 * How long the thread sleeps, if nobody wakes it.  Of pages that are not the
 * kernel's, nobody says that they were stored.
 */
static long remotify_nap(struct remotify *remotify, long left)
{
	return remotify->node->owner ? remotify_rest(remotify, left) :
				       REMOTIFY_PERIOD;
}

static int remotify_thread(void *arg)
{
	struct remotify *remotify = arg;
	long nap = REMOTIFY_PERIOD, left;

	while (!kthread_should_stop()) {
		wait_event_idle_timeout(remotify->wait,
					READ_ONCE(remotify->kicked) ||
					kthread_should_stop(), nap);
		WRITE_ONCE(remotify->kicked, false);
		remotify_flush_pass(remotify);
		left = remotify_look(remotify);
		remotify_check_hold(remotify);
		remotify_put_pass(remotify);
		nap = remotify_nap(remotify, left);
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
	repair_kick(remotify->node->repair);
}

/**
 * remotify_set_target - choose who gets pages from now on
 * @remotify: the mover
 * @target: node number; REMOTIFY_ANYBODY, to send each page to as many as the
 *	cluster keeps copies, chosen anew for each batch; or -1, to nobody
 */
void remotify_set_target(struct remotify *remotify, int target)
{
	WRITE_ONCE(remotify->target, target);
	if (target >= 0)
		placement_forgive(remotify->placement, target);
	remotify_ask(remotify);
}

/**
 * remotify_target - who gets pages
 * @remotify: the mover
 *
 * Return: as it was given to remotify_set_target().
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
		remotify_quiesce();
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
 * @remotify: the mover; if it looks at RAM, it knows that without
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
 * remotify_has_room - whether pages may come home without need
 * @remotify: the mover
 *
 * Context: any.
 * Return: false if they might have to leave again soon.
 */
bool remotify_has_room(const struct remotify *remotify)
{
	return pressure_has_room(&remotify->pressure);
}

/**
 * remotify_note_get - a page is asked back of a peer, because somebody wants it
 * @remotify: the mover
 * @version: of the page
 *
 * Context: any.
 */
void remotify_note_get(struct remotify *remotify, u64 version)
{
	if (pressure_is_refault(&remotify->pressure, version))
		atomic64_inc(&remotify->node->count.refaults);
}

/**
 * remotify_print_pressure - tell why pages are sent, or are not
 * @remotify: the mover
 * @seq: where to
 *
 * Context: process.
 */
void remotify_print_pressure(const struct remotify *remotify,
			     struct seq_file *seq)
{
	pressure_print(&remotify->pressure, seq);
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
	remotify_free_peers(remotify);
	remotify_free_puts(remotify);
	placement_destroy(remotify->placement);
	mutex_destroy(&remotify->peers_lock);
	kfree(remotify);
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
	/* What was made for a test does not relieve this machine. */
	pressure_init(&remotify->pressure, node->torture);
	init_waitqueue_head(&remotify->wait);
	mutex_init(&remotify->peers_lock);
	xa_init(&remotify->peers);
	remotify->placement = placement_create(node);
	err = remotify->placement ? remotify_alloc_puts(remotify) : -ENOMEM;
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
 * remotify_peer_restarted - a peer has lost all that it held
 * @remotify: the mover
 * @node: number of the peer
 *
 * What was just being sent to it counts as not being there from now on.
 *
 * Context: process; sleeps for an RCU grace period.
 */
void remotify_peer_restarted(struct remotify *remotify, unsigned int node)
{
	WRITE_ONCE(remotify->restarts[node], remotify->restarts[node] + 1);
	remotify_quiesce();
	tmem_forget_peer(remotify->tmem, node);
	remotify_kick(remotify);
	repair_kick(remotify->node->repair);
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
	remotify_quiesce();
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
