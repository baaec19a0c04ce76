// SPDX-License-Identifier: GPL-2.0
/*
 * The thread of a peer that makes the connection and receives.
 *
 * For ever: get a connection, either by connecting (to a node with a lower
 * number) or by waiting for an accepted one that has shaken hands; announce it;
 * receive frames and hand them on until something breaks; clear up.  Only this
 * thread releases a socket that is in use, and only after whoever sends or
 * receives has let go of it; whoever wants to end the connection shuts the socket
 * down, and this thread finds it broken.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include "tcp_private.h"

/* Returns false if no connection is wanted any more. */
static bool r2tcp_link_begin(struct r2tcp_peer *peer, bool restarted,
			     struct list_head *done)
{
	bool wanted;

	spin_lock(&peer->lock);
	wanted = !peer->held;
	if (wanted) {
		WRITE_ONCE(peer->connected, true);
		peer->sendable = true;
		peer->shut = false;
		peer->doubted = false;
		peer->pinged = 0;
		r2tcp_room_begin(peer);
		r2tcp_req_connected(peer, restarted, done);
		r2tcp_peer_start_clock(peer);
	}
	spin_unlock(&peer->lock);
	return wanted;
}

static int r2tcp_link_up(struct r2tcp_peer *peer, u64 instance)
{
	bool new_instance = peer->instance != instance;
	/* Of a peer that was only added again, who waits may be served. */
	bool restarted = peer->instance && new_instance;
	struct r2tcp *tcp = peer->tcp;
	LIST_HEAD(done);

	WRITE_ONCE(peer->last_rx, jiffies);
	r2tcp_recv_attach(peer);
	atomic_inc(&tcp->nr_connected);
	if (!r2tcp_link_begin(peer, restarted, &done)) {
		atomic_dec(&tcp->nr_connected);
		r2tcp_recv_detach(peer);
		r2tcp_peer_close_sock(peer);
		return -ESHUTDOWN;
	}
	peer->instance = instance;
	peer->refusals = 0;
	peer->warned = false;
	atomic64_inc(&peer->connects);

	pr_info("%s node %u (%pISpc)%s\n",
		r2tcp_connects(peer) ? "connected to" :
				       "accepted a connection from",
		peer->node, &peer->addr, new_instance ? "" : ", again");
	r2tcp_req_complete(&done);
	tcp->ops->up(tcp->arg, peer->node, new_instance);
	WRITE_ONCE(peer->announced, true);
	r2tcp_room_say(peer);
	return 0;
}

static void r2tcp_link_down(struct r2tcp_peer *peer, int err)
{
	struct r2tcp *tcp = peer->tcp;
	LIST_HEAD(done);

	spin_lock(&peer->lock);
	WRITE_ONCE(peer->announced, false);
	WRITE_ONCE(peer->connected, false);
	peer->sendable = false;
	peer->down_since = jiffies;
	peer->tried = false;
	spin_unlock(&peer->lock);
	atomic_dec(&tcp->nr_connected);

	r2tcp_peer_shut(peer, peer->epoch);
	r2tcp_send_end(peer);
	r2tcp_recv_end(peer);
	r2tcp_recv_detach(peer);

	spin_lock(&peer->lock);
	r2tcp_req_disconnected(peer, &done);
	if (peer->held)
		r2tcp_req_give_up(peer, &done);
	r2tcp_serve_reset(peer);
	spin_unlock(&peer->lock);

	r2tcp_peer_close_sock(peer);
	pr_info("no longer connected to node %u (%pISpc): error %d\n",
		peer->node, &peer->addr, err);
	r2tcp_req_complete(&done);
	tcp->ops->down(tcp->arg, peer->node);
	/* Whoever holds the peer waits for this. */
	wake_up(&peer->link_wait);
}

static int r2tcp_link_shake(struct r2tcp_peer *peer, u64 *instance)
{
	struct r2tcp *tcp = peer->tcp;
	int err;

	err = r2tcp_sock_connect(peer->sock, &peer->addr,
				 r2tcp_hello_timeout(tcp));
	if (err)
		return err;
	return r2tcp_hello(peer, peer->sock, instance);
}

static int r2tcp_link_connect(struct r2tcp_peer *peer, u64 *instance)
{
	struct r2tcp *tcp = peer->tcp;
	struct socket *sock;
	int err;

	err = r2tcp_sock_create(tcp->config.net, &tcp->config.addr, &sock);
	if (err)
		return err;
	r2tcp_sock_tune(sock, READ_ONCE(tcp->config.idle_timeout_ms));
	err = r2tcp_peer_set_sock(peer, sock);
	if (err) {
		r2tcp_sock_close(sock);
		return err;
	}
	err = r2tcp_link_shake(peer, instance);
	if (err)
		r2tcp_peer_close_sock(peer);
	return err;
}

static int r2tcp_link_take_ready(struct r2tcp_peer *peer, u64 *instance)
{
	struct socket *sock;
	int err;

	mutex_lock(&peer->mutex);
	sock = peer->ready;
	*instance = peer->ready_instance;
	WRITE_ONCE(peer->ready, NULL);
	mutex_unlock(&peer->mutex);
	if (!sock)
		return -EAGAIN;

	err = r2tcp_peer_set_sock(peer, sock);
	if (err)
		r2tcp_sock_close(sock);
	return err;
}

static void r2tcp_link_wait(struct r2tcp_peer *peer, unsigned int ms)
{
	wait_event_idle_timeout(peer->link_wait,
				kthread_should_stop() ||
				READ_ONCE(peer->ready) ||
				READ_ONCE(peer->hurry) || READ_ONCE(peer->held),
				msecs_to_jiffies(ms));
}

/* The operator has lost patience; what was refused may have been mended. */
static void r2tcp_link_hurry(struct r2tcp_peer *peer)
{
	if (!READ_ONCE(peer->hurry))
		return;
	WRITE_ONCE(peer->hurry, false);
	peer->refusals = 0;
	peer->warned = false;
}

/* Say once in each time without a connection that it has become long. */
static void r2tcp_link_warn(struct r2tcp_peer *peer)
{
	unsigned int limit = READ_ONCE(peer->tcp->config.idle_timeout_ms);

	if (peer->warned || READ_ONCE(peer->held) || kthread_should_stop() ||
	    time_before(jiffies, peer->down_since + msecs_to_jiffies(limit)))
		return;
	peer->warned = true;
	pr_notice("no connection established with node %u (%pISpc) after %u ms, still %s\n",
		  peer->node, &peer->addr, limit,
		  r2tcp_connects(peer) ? "trying" : "waiting for it");
}

static void r2tcp_link_pause(struct r2tcp_peer *peer, int err)
{
	u64 ms = READ_ONCE(peer->tcp->config.reconnect_delay_ms);

	/* What does not suit now will hardly suit in a moment. */
	if (err == -EPERM || err == -EBADMSG)
		ms <<= min_t(unsigned int, peer->refusals++, R2TCP_MAX_BACKOFF);
	r2tcp_link_wait(peer, min_t(u64, ms, U32_MAX));
}

static void r2tcp_link_failed(struct r2tcp_peer *peer)
{
	spin_lock(&peer->lock);
	peer->tried = true;
	spin_unlock(&peer->lock);
}

static int r2tcp_link_get(struct r2tcp_peer *peer, u64 *instance)
{
	int err;

	/* Not under memalloc_noreclaim: this is not worth the reserve. */
	err = r2tcp_serve_prepare(peer);
	if (err)
		return err;
	if (r2tcp_connects(peer))
		return r2tcp_link_connect(peer, instance);
	r2tcp_link_wait(peer, READ_ONCE(peer->tcp->config.idle_timeout_ms));
	return r2tcp_link_take_ready(peer, instance);
}

static int r2tcp_link_run(struct r2tcp_peer *peer, u64 instance)
{
	unsigned int flags = memalloc_noreclaim_save();
	int err;

	err = r2tcp_link_up(peer, instance);
	if (!err) {
		err = r2tcp_recv_link(peer);
		r2tcp_link_down(peer, err);
	}
	memalloc_noreclaim_restore(flags);
	return err;
}

/**
 * r2tcp_link() - body of the thread that connects and receives
 * @data: the peer
 *
 * Return: 0.
 */
int r2tcp_link(void *data)
{
	struct r2tcp_peer *peer = data;
	u64 instance;
	int err;

	while (!kthread_should_stop()) {
		wait_event_idle(peer->link_wait,
				!READ_ONCE(peer->held) ||
				kthread_should_stop());
		r2tcp_link_hurry(peer);
		err = r2tcp_link_get(peer, &instance);
		if (!err)
			err = r2tcp_link_run(peer, instance);
		else
			r2tcp_link_failed(peer);
		r2tcp_link_warn(peer);
		if (r2tcp_connects(peer) || err == -ENOMEM)
			r2tcp_link_pause(peer, err);
	}
	return 0;
}
