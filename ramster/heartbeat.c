// SPDX-License-Identifier: GPL-2.0
/*
 * Who is alive.
 *
 *	            connected             the connection breaks
 *	UNKNOWN ------------------> UP <------------------------> LOST
 *	   |                        |     connected                 |
 *	   |      not heard from for the dead time, whether there   |
 *	   |              is a connection or not                    |
 *	   +----------------------> DOWN <--------------------------+
 *	                             |  connected
 *	                             +----------> UP
 *
 * and from anywhere to HELD and back, by hand.  Nothing but being heard from
 * makes a node alive, and PING makes one that is alive be heard from, so this
 * does not depend on traffic.  That a node is dead is known at most R2HB_TICK_MS
 * after its dead time.
 *
 * A node that is DOWN is tried to be reached as before, and is UP when it is;
 * if a connection with it is still there, silent, it is cut.  One that is HELD is
 * not, and is refused if it tries.
 *
 * Locks: r2hb.declare, then the locks of tcp, then r2hb.lock, which is a spinlock
 * and taken last.  tcp calls r2hb_connected() and r2hb_disconnected() while it
 * may hold locks of its own; they take r2hb.lock only.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include "heartbeat.h"
#include "r2wire.h"
#include "tcp.h"

#define R2HB_TICK_MS	500

/**
 * struct r2hb_node - what is known of a node
 * @state: whether it is alive
 * @since: jiffies from which its silence counts, if it was last heard earlier
 * @present: it was added
 * @away: it was connected, and is not
 * @away_since: jiffies, 64 bits of them, when that began
 * @reason: why it is in that state, for people; NULL if there is no more to say
 */
struct r2hb_node {
	enum r2hb_state state;
	unsigned long since;
	bool present;
	bool away;
	u64 away_since;
	const char *reason;
};

/**
 * struct r2hb - who is alive, as this node sees it
 * @tcp: its connections
 * @self: its number
 * @declare: serialises what operators do
 * @lock: protects what follows, up to @node
 * @dead_time_ms: who is silent for so long is dead
 * @declared_up: numbers that an operator has declared up
 * @node: the others
 * @wq: where @tick runs, also when memory is short
 * @tick: looks who has been silent for too long
 */
struct r2hb {
	struct r2tcp *tcp;
	unsigned int self;
	struct mutex declare;	/* r2hb_declare_up() and _down() */
	spinlock_t lock;	/* what follows, up to node */
	unsigned int dead_time_ms;
	DECLARE_BITMAP(declared_up, R2_MAX_NODES);
	struct r2hb_node node[R2_MAX_NODES];
	struct workqueue_struct *wq;
	struct delayed_work tick;
};

static const char *const r2hb_state_names[R2HB_NR_STATES] = {
	[R2HB_UNKNOWN]	= "unknown",
	[R2HB_UP]	= "up",
	[R2HB_LOST]	= "lost",
	[R2HB_DOWN]	= "down",
	[R2HB_HELD]	= "down-by-hand",
};

static void r2hb_set(struct r2hb *hb, struct r2hb_node *n,
		     enum r2hb_state state, const char *reason)
{
	lockdep_assert_held(&hb->lock);
	n->state = state;
	n->reason = reason;
}

/* How long a node has been silent, as far as it is held against it. */
static u64 r2hb_silence(const struct r2hb_node *n,
			const struct r2tcp_peer_stats *stats)
{
	return min_t(u64, stats->silent_ms,
		     jiffies_to_msecs(jiffies - n->since));
}

/* Returns true if the node has died just now. */
static bool r2hb_check(struct r2hb *hb, struct r2hb_node *n,
		       const struct r2tcp_peer_stats *stats)
{
	lockdep_assert_held(&hb->lock);
	if (n->state == R2HB_DOWN || n->state == R2HB_HELD)
		return false;
	if (r2hb_silence(n, stats) < hb->dead_time_ms)
		return false;
	r2hb_set(hb, n, R2HB_DOWN, n->state == R2HB_UNKNOWN ?
		 "never heard from" : "not heard from for the dead time");
	return true;
}

static void r2hb_look(struct r2hb *hb, unsigned int node)
{
	struct r2tcp_peer_stats stats;
	const char *reason = NULL;
	bool died = false;

	if (r2tcp_peer_stats(hb->tcp, node, &stats))
		return;
	spin_lock(&hb->lock);
	if (hb->node[node].present) {
		died = r2hb_check(hb, &hb->node[node], &stats);
		reason = hb->node[node].reason;
	}
	spin_unlock(&hb->lock);
	if (!died)
		return;
	pr_notice("node %u is down: %s (%u ms)\n", node, reason,
		  READ_ONCE(hb->dead_time_ms));
	if (stats.connected)
		r2tcp_cut(hb->tcp, node, stats.connection);
}

static void r2hb_tick(struct work_struct *work)
{
	struct r2hb *hb = container_of(to_delayed_work(work), struct r2hb,
				       tick);
	unsigned int node;

	for (node = 0; node < R2_MAX_NODES; node++)
		if (READ_ONCE(hb->node[node].present))
			r2hb_look(hb, node);
	queue_delayed_work(hb->wq, &hb->tick, msecs_to_jiffies(R2HB_TICK_MS));
}

/**
 * r2hb_create() - begin to watch
 * @tcp: connections of this node
 * @self: number of this node
 * @dead_time_ms: who is silent for so long is dead
 *
 * Return: the watcher or an ERR_PTR().  Context: may sleep.
 */
struct r2hb *r2hb_create(struct r2tcp *tcp, unsigned int self,
			 unsigned int dead_time_ms)
{
	struct r2hb *hb = kzalloc(sizeof(*hb), GFP_KERNEL);

	if (!hb)
		return ERR_PTR(-ENOMEM);
	hb->wq = alloc_ordered_workqueue("r2hb/%u", WQ_MEM_RECLAIM, self);
	if (!hb->wq) {
		kfree(hb);
		return ERR_PTR(-ENOMEM);
	}
	hb->tcp = tcp;
	hb->self = self;
	hb->dead_time_ms = dead_time_ms;
	mutex_init(&hb->declare);
	spin_lock_init(&hb->lock);
	INIT_DELAYED_WORK(&hb->tick, r2hb_tick);
	queue_delayed_work(hb->wq, &hb->tick, msecs_to_jiffies(R2HB_TICK_MS));
	return hb;
}

/**
 * r2hb_stop() - watch no more
 * @hb: the watcher
 *
 * It does not use tcp any more when this returns, but tcp may still call it.
 * Context: may sleep.
 */
void r2hb_stop(struct r2hb *hb)
{
	cancel_delayed_work_sync(&hb->tick);
}

/**
 * r2hb_destroy() - free what is left
 * @hb: the watcher, stopped; tcp has stopped, too
 */
void r2hb_destroy(struct r2hb *hb)
{
	destroy_workqueue(hb->wq);
	kfree(hb);
}

/**
 * r2hb_set_dead_time() - change the dead time
 * @hb: the watcher
 * @dead_time_ms: who is silent for so long is dead
 */
void r2hb_set_dead_time(struct r2hb *hb, unsigned int dead_time_ms)
{
	spin_lock(&hb->lock);
	WRITE_ONCE(hb->dead_time_ms, dead_time_ms);
	spin_unlock(&hb->lock);
}

/**
 * r2hb_add() - watch another node
 * @hb: the watcher
 * @node: its number, that is about to be added to tcp
 *
 * What was declared of that number earlier is forgotten with r2hb_del().
 */
void r2hb_add(struct r2hb *hb, unsigned int node)
{
	struct r2hb_node *n = &hb->node[node];

	spin_lock(&hb->lock);
	r2hb_set(hb, n, R2HB_UNKNOWN, "not connected yet");
	n->since = jiffies;
	n->away = false;
	WRITE_ONCE(n->present, true);
	spin_unlock(&hb->lock);
}

/**
 * r2hb_del() - forget a node
 * @hb: the watcher
 * @node: its number, that was removed from tcp
 */
void r2hb_del(struct r2hb *hb, unsigned int node)
{
	spin_lock(&hb->lock);
	WRITE_ONCE(hb->node[node].present, false);
	__clear_bit(node, hb->declared_up);
	spin_unlock(&hb->lock);
}

/**
 * r2hb_connected() - hands were shaken with a node
 * @hb: the watcher
 * @node: its number
 *
 * Context: any but interrupts.
 */
void r2hb_connected(struct r2hb *hb, unsigned int node)
{
	struct r2hb_node *n = &hb->node[node];

	spin_lock(&hb->lock);
	/* r2hb_look() may just have seen how long it was silent before. */
	n->since = jiffies;
	n->away = false;
	if (n->state != R2HB_HELD)
		r2hb_set(hb, n, R2HB_UP, NULL);
	spin_unlock(&hb->lock);
}

/**
 * r2hb_disconnected() - the connection with a node has gone
 * @hb: the watcher
 * @node: its number
 *
 * Context: any but interrupts.
 */
void r2hb_disconnected(struct r2hb *hb, unsigned int node)
{
	struct r2hb_node *n = &hb->node[node];

	spin_lock(&hb->lock);
	n->away = true;
	n->away_since = get_jiffies_64();
	if (n->state == R2HB_UP)
		r2hb_set(hb, n, R2HB_LOST, "the connection broke");
	spin_unlock(&hb->lock);
}

/**
 * r2hb_declare_up() - an operator says that a node is up
 * @hb: the watcher
 * @node: its number
 *
 * It is connected to, or may connect, at once; whether it is alive remains to be
 * seen.  Of this node itself it changes nothing.  Both are remembered, until the
 * node is declared down or removed.
 *
 * Return: 0, also if it was declared before; -ENOENT if there is no such node.
 * Context: may sleep.
 */
int r2hb_declare_up(struct r2hb *hb, unsigned int node)
{
	struct r2hb_node *n = &hb->node[node];
	int err = -ENOENT;

	mutex_lock(&hb->declare);
	spin_lock(&hb->lock);
	if (n->present || node == hb->self) {
		__set_bit(node, hb->declared_up);
		err = 0;
	}
	if (n->present && n->state != R2HB_UP) {
		r2hb_set(hb, n, R2HB_UNKNOWN, "declared up, not connected yet");
		n->since = jiffies;
	}
	spin_unlock(&hb->lock);
	/* If it is removed meanwhile, there is nothing to be resumed. */
	if (!err && node != hb->self)
		r2tcp_resume(hb->tcp, node);
	mutex_unlock(&hb->declare);
	return err;
}

/**
 * r2hb_declare_down() - an operator says that a node is down
 * @hb: the watcher
 * @node: its number
 *
 * Its connection is cut, and no other is made or accepted until it is declared
 * up.
 *
 * Return: 0, also if it was declared before; -ELOOP for this node itself;
 * -ENOENT if there is no such node.
 * Context: sleeps until the connection has gone, not for the peer.
 */
int r2hb_declare_down(struct r2hb *hb, unsigned int node)
{
	struct r2hb_node *n = &hb->node[node];
	int err = -ENOENT;

	if (node == hb->self)
		return -ELOOP;
	mutex_lock(&hb->declare);
	spin_lock(&hb->lock);
	if (n->present) {
		__clear_bit(node, hb->declared_up);
		r2hb_set(hb, n, R2HB_HELD, NULL);
		err = 0;
	}
	spin_unlock(&hb->lock);
	if (!err)
		r2tcp_hold(hb->tcp, node);
	mutex_unlock(&hb->declare);
	return err;
}

/**
 * r2hb_away_ms() - for how long there has been no connection with a node
 * @hb: the watcher
 * @node: its number
 *
 * A connection that is there but silent is cut in time, and counts from then on.
 *
 * Return: milliseconds; 0 if it is connected, was never, or there is no such node.
 */
u64 r2hb_away_ms(struct r2hb *hb, unsigned int node)
{
	u64 ms = 0;

	if (node >= R2_MAX_NODES)
		return ms;
	spin_lock(&hb->lock);
	if (hb->node[node].present && hb->node[node].away)
		ms = jiffies64_to_msecs(get_jiffies_64() -
					hb->node[node].away_since);
	spin_unlock(&hb->lock);
	return ms;
}

/**
 * r2hb_state() - is a node alive
 * @hb: the watcher
 * @node: its number
 *
 * Return: its state; R2HB_UNKNOWN if there is no such node.
 */
enum r2hb_state r2hb_state(struct r2hb *hb, unsigned int node)
{
	enum r2hb_state state = R2HB_UNKNOWN;

	if (node >= R2_MAX_NODES)
		return state;
	spin_lock(&hb->lock);
	if (hb->node[node].present)
		state = hb->node[node].state;
	spin_unlock(&hb->lock);
	return state;
}

/**
 * r2hb_state_name() - a state in a word
 * @state: the state
 *
 * Return: the word.
 */
const char *r2hb_state_name(enum r2hb_state state)
{
	return r2hb_state_names[state];
}

/**
 * r2hb_show_state() - print whether a node is alive, and why it is thought so
 * @hb: the watcher
 * @node: its number, below R2_MAX_NODES
 * @page: a page
 *
 * Return: bytes printed.
 */
ssize_t r2hb_show_state(struct r2hb *hb, unsigned int node, char *page)
{
	const struct r2hb_node *n = &hb->node[node];
	const char *reason;
	const char *name;

	spin_lock(&hb->lock);
	name = r2hb_state_name(n->state);
	reason = n->reason;
	spin_unlock(&hb->lock);
	if (!reason)
		return sysfs_emit(page, "%s\n", name);
	return sysfs_emit(page, "%s: %s\n", name, reason);
}

/**
 * r2hb_show_declared() - print the nodes that were declared up, or down
 * @hb: the watcher
 * @up: which
 * @page: a page
 *
 * Return: bytes printed: numbers with blanks between them, and a newline.
 */
ssize_t r2hb_show_declared(struct r2hb *hb, bool up, char *page)
{
	unsigned int node;
	ssize_t len = 0;
	bool shown;

	spin_lock(&hb->lock);
	for (node = 0; node < R2_MAX_NODES; node++) {
		if (up)
			shown = test_bit(node, hb->declared_up);
		else
			shown = hb->node[node].present &&
				hb->node[node].state == R2HB_HELD;
		if (shown)
			len += sysfs_emit_at(page, len, "%s%u", len ? " " : "",
					     node);
	}
	spin_unlock(&hb->lock);
	return len + sysfs_emit_at(page, len, "\n");
}
