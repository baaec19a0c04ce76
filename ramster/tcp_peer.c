// SPDX-License-Identifier: GPL-2.0
/*
 * One peer: making and ending it, which socket it has, its clock.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include "tcp_private.h"

/**
 * r2tcp_peer_bad() - a peer has broken the protocol
 * @peer: the peer
 * @what: what came, as part of a sentence
 *
 * Return: -EBADMSG, with which the caller ends the connection.
 */
int r2tcp_peer_bad(struct r2tcp_peer *peer, const char *what)
{
	atomic64_inc(&peer->bad_frames);
	pr_notice_ratelimited("node %u (%pISpc) sent: %s; closing the connection\n",
			      peer->node, &peer->addr, what);
	return -EBADMSG;
}

/**
 * r2tcp_peer_set_sock() - give a peer its socket
 * @peer: the peer, without one
 * @sock: the socket
 *
 * Return: 0, or -ESHUTDOWN if the peer is being removed, or no connection with
 * it is wanted; the socket then still is the caller's.  Context: the link thread.
 */
int r2tcp_peer_set_sock(struct r2tcp_peer *peer, struct socket *sock)
{
	int err = 0;

	mutex_lock(&peer->mutex);
	if (peer->stopping || peer->held) {
		err = -ESHUTDOWN;
	} else {
		peer->sock = sock;
		spin_lock(&peer->lock);
		peer->epoch = atomic64_inc_return(&peer->tcp->last_epoch);
		spin_unlock(&peer->lock);
	}
	mutex_unlock(&peer->mutex);
	return err;
}

/**
 * r2tcp_peer_close_sock() - take a peer's socket away and release it
 * @peer: the peer; its sender is idle
 *
 * Context: the link thread.
 */
void r2tcp_peer_close_sock(struct r2tcp_peer *peer)
{
	struct socket *sock;

	mutex_lock(&peer->mutex);
	sock = peer->sock;
	peer->sock = NULL;
	mutex_unlock(&peer->mutex);
	r2tcp_sock_close(sock);
}

/**
 * r2tcp_peer_shut() - shut a connection down, if it is still there
 * @peer: the peer
 * @epoch: which connection, as &r2tcp_peer.epoch was when that was decided
 *
 * Context: may sleep; any thread.
 */
void r2tcp_peer_shut(struct r2tcp_peer *peer, u64 epoch)
{
	mutex_lock(&peer->mutex);
	if (peer->sock && peer->epoch == epoch)
		r2tcp_sock_shut(peer->sock);
	mutex_unlock(&peer->mutex);
}

/* No socket from now on, and nobody waits at one for long. */
static void r2tcp_peer_stop_socks(struct r2tcp_peer *peer)
{
	mutex_lock(&peer->mutex);
	peer->stopping = true;
	if (peer->sock)
		r2tcp_sock_shut(peer->sock);
	if (peer->greeting)
		r2tcp_sock_shut(peer->greeting);
	mutex_unlock(&peer->mutex);
}

/**
 * r2tcp_peer_hold() - end the connection, and make none until told to
 * @peer: the peer, which is not being removed
 * @done: requests that have ended by that
 *
 * Context: sleeps until the connection has ended; the mutex of the node is held.
 */
void r2tcp_peer_hold(struct r2tcp_peer *peer, struct list_head *done)
{
	struct socket *incoming, *ready;

	mutex_lock(&peer->mutex);
	spin_lock(&peer->lock);
	peer->turned_away &= peer->held;
	WRITE_ONCE(peer->held, true);
	incoming = peer->incoming;
	peer->incoming = NULL;
	if (!peer->connected)
		r2tcp_req_give_up(peer, done);
	spin_unlock(&peer->lock);
	ready = peer->ready;
	WRITE_ONCE(peer->ready, NULL);
	if (peer->sock)
		r2tcp_sock_shut(peer->sock);
	if (peer->greeting)
		r2tcp_sock_shut(peer->greeting);
	mutex_unlock(&peer->mutex);

	if (incoming)
		r2tcp_sock_close(incoming);
	if (ready)
		r2tcp_sock_close(ready);
	wait_event_idle(peer->link_wait, !READ_ONCE(peer->connected));
}

/**
 * r2tcp_peer_resume() - connect, at once
 * @peer: the peer
 */
void r2tcp_peer_resume(struct r2tcp_peer *peer)
{
	mutex_lock(&peer->mutex);
	spin_lock(&peer->lock);
	WRITE_ONCE(peer->held, false);
	WRITE_ONCE(peer->hurry, !peer->connected);
	peer->down_since = jiffies;
	spin_unlock(&peer->lock);
	mutex_unlock(&peer->mutex);
	wake_up(&peer->link_wait);
}

/**
 * r2tcp_peer_start_clock() - there is something to watch
 * @peer: the peer; its lock is held, so that it is not dead
 */
void r2tcp_peer_start_clock(struct r2tcp_peer *peer)
{
	lockdep_assert_held(&peer->lock);
	if (!peer->dead)
		queue_delayed_work(peer->tcp->wq, &peer->tick,
				   msecs_to_jiffies(R2TCP_TICK_MS));
}

static void r2tcp_peer_ping(struct r2tcp_peer *peer)
{
	/* The last one may have been answered before it was quite sent. */
	if (peer->pinged || !list_empty(&peer->ping.node))
		return;
	peer->pinged = ++peer->last_seq;
	r2wire_encode_hdr(&peer->ping.hdr, R2_PING, 0, 0, peer->pinged);
	r2tcp_send(peer, &peer->ping);
	r2tcp_send_wake(peer);
}

/* Returns true if the peer has been silent for too long. */
static bool r2tcp_peer_keepalive(struct r2tcp_peer *peer)
{
	const struct r2tcp_config *config = &peer->tcp->config;
	unsigned int idle = READ_ONCE(config->idle_timeout_ms);
	unsigned int keepalive = READ_ONCE(config->keepalive_delay_ms);
	unsigned long last_rx = READ_ONCE(peer->last_rx);

	if (time_after_eq(jiffies, last_rx + msecs_to_jiffies(keepalive)))
		r2tcp_peer_ping(peer);
	return time_after_eq(jiffies, last_rx + msecs_to_jiffies(idle));
}

/* Returns why the connection is to be shut down, or NULL. */
static const char *r2tcp_peer_check(struct r2tcp_peer *peer,
				    struct list_head *done)
{
	bool stuck = r2tcp_req_expire(peer, done);
	const char *why = NULL;

	if (!peer->connected || peer->shut)
		return NULL;
	r2tcp_recv_check(peer);
	if (r2tcp_peer_keepalive(peer))
		why = "idle for too long";
	else if (stuck)
		why = "a request is stuck in the connection";
	peer->shut = why;
	return why;
}

static void r2tcp_peer_tick(struct work_struct *work)
{
	struct r2tcp_peer *peer = container_of(to_delayed_work(work),
					       struct r2tcp_peer, tick);
	const char *why;
	LIST_HEAD(done);
	u64 epoch;

	r2tcp_room_say(peer);
	spin_lock(&peer->lock);
	epoch = peer->epoch;
	why = r2tcp_peer_check(peer, &done);
	if (peer->connected || r2tcp_req_pending(peer))
		r2tcp_peer_start_clock(peer);
	spin_unlock(&peer->lock);

	if (why) {
		pr_notice("node %u (%pISpc): %s (%u ms since it was last heard), closing the connection\n",
			  peer->node, &peer->addr, why,
			  jiffies_to_msecs(jiffies - READ_ONCE(peer->last_rx)));
		r2tcp_peer_shut(peer, epoch);
	}
	r2tcp_req_complete(&done);
}

static void r2tcp_peer_init(struct r2tcp_peer *peer)
{
	mutex_init(&peer->mutex);
	spin_lock_init(&peer->lock);
	INIT_LIST_HEAD(&peer->urgent);
	INIT_LIST_HEAD(&peer->bulk);
	INIT_LIST_HEAD(&peer->sending);
	INIT_LIST_HEAD(&peer->waiters);
	init_waitqueue_head(&peer->link_wait);
	init_waitqueue_head(&peer->send_wait);
	INIT_WORK(&peer->greet, r2tcp_accept_greet);
	INIT_DELAYED_WORK(&peer->tick, r2tcp_peer_tick);
	INIT_LIST_HEAD(&peer->ping.node);
	peer->ping.kind = R2TCP_PING;
	peer->down_since = jiffies;
	peer->last_rx = jiffies;
	r2tcp_req_init(peer);
	r2tcp_room_init(peer);
}

static int r2tcp_peer_create_threads(struct r2tcp_peer *peer)
{
	unsigned int self = peer->tcp->config.node;

	peer->sender = kthread_create(r2tcp_sender, peer, "r2send/%u.%u", self,
				      peer->node);
	if (IS_ERR(peer->sender))
		return PTR_ERR(peer->sender);

	peer->link = kthread_create(r2tcp_link, peer, "r2link/%u.%u", self,
				    peer->node);
	if (IS_ERR(peer->link)) {
		kthread_stop(peer->sender);
		return PTR_ERR(peer->link);
	}
	return 0;
}

/**
 * r2tcp_peer_create() - make a peer
 * @tcp: this node
 * @node: number of the peer
 * @addr: address and port of the peer
 *
 * Return: the peer or an ERR_PTR().  Context: may sleep.
 */
struct r2tcp_peer *r2tcp_peer_create(struct r2tcp *tcp, unsigned int node,
				     const struct sockaddr_storage *addr)
{
	struct r2tcp_peer *peer = kvzalloc(sizeof(*peer), GFP_KERNEL);
	int err;

	if (!peer)
		return ERR_PTR(-ENOMEM);
	peer->tcp = tcp;
	peer->node = node;
	peer->addr = *addr;
	r2tcp_peer_init(peer);
	err = r2tcp_peer_create_threads(peer);
	if (err) {
		kvfree(peer);
		return ERR_PTR(err);
	}
	return peer;
}

/**
 * r2tcp_peer_run() - begin to connect
 * @peer: a new peer, in the table already: the layer above may call us from
 *	its first callback
 */
void r2tcp_peer_run(struct r2tcp_peer *peer)
{
	wake_up_process(peer->sender);
	wake_up_process(peer->link);
}

/* Connections that nobody has taken. */
static void r2tcp_peer_close_rest(struct r2tcp_peer *peer)
{
	if (peer->incoming)
		r2tcp_sock_close(peer->incoming);
	if (peer->ready)
		r2tcp_sock_close(peer->ready);
}

/**
 * r2tcp_peer_destroy() - end a peer
 * @peer: the peer; no longer in the table, and an RCU grace period has passed
 * @done: the rest of its requests; all others have been handed back when this
 *	returns
 *
 * Context: sleeps, not for the peer; at most for the rest of an attempt to
 * connect that had not yet begun to wait, r2tcp_hello_timeout().
 */
void r2tcp_peer_destroy(struct r2tcp_peer *peer, struct list_head *done)
{
	spin_lock(&peer->lock);
	peer->dead = true;
	spin_unlock(&peer->lock);

	r2tcp_peer_stop_socks(peer);
	cancel_work_sync(&peer->greet);
	kthread_stop(peer->link);
	kthread_stop(peer->sender);
	cancel_delayed_work_sync(&peer->tick);
	r2tcp_peer_close_rest(peer);

	spin_lock(&peer->lock);
	r2tcp_req_kill(peer, done);
	spin_unlock(&peer->lock);

	r2tcp_serve_free(peer);
	kvfree(peer);
}
