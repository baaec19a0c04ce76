// SPDX-License-Identifier: GPL-2.0
/*
 * The thread of a peer that makes the connection and receives.
 *
 * For ever: get a connection, either by connecting (to a node with a lower
 * number) or by waiting for an accepted one that has shaken hands; announce it;
 * receive frames and hand them on until something breaks; clear up.  Only this
 * thread releases a socket that is in use, and only after the sender has let go
 * of it; whoever wants to end the connection shuts the socket down, and this
 * thread finds it broken.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include "tcp_private.h"

/* What was received ahead of its turn. */
static unsigned int r2tcp_link_take(struct r2tcp_peer *peer, void *buf,
				    unsigned int len)
{
	unsigned int n = min(len, peer->ahead_left);

	memcpy(buf, peer->ahead + peer->ahead_at, n);
	peer->ahead_at += n;
	peer->ahead_left -= n;
	return n;
}

static int r2tcp_link_read(struct r2tcp_peer *peer, void *buf, unsigned int len)
{
	int n;

	/* Nobody is to wait for what we have, while we wait for more. */
	r2tcp_link_push(peer);
	n = r2tcp_sock_recv(peer->sock, buf, len);
	if (n > 0) {
		/* Any byte is a sign of life, also in the midst of a frame. */
		WRITE_ONCE(peer->last_rx, jiffies);
		atomic64_add(n, &peer->rx_bytes);
	}
	return n;
}

/**
 * r2tcp_link_recv() - receive from a connected peer
 * @peer: the peer
 * @buf: where to
 * @len: how many bytes
 *
 * Return: 0, or a negative errno, after which the connection must end.
 * Context: the link thread; sleeps until all has come.
 */
int r2tcp_link_recv(struct r2tcp_peer *peer, void *buf, unsigned int len)
{
	int n;

	for (; len; buf += n, len -= n) {
		n = r2tcp_link_take(peer, buf, len);
		if (!n && len < R2TCP_AHEAD) {
			n = r2tcp_link_read(peer, peer->ahead, R2TCP_AHEAD);
			if (n < 0)
				return n;
			peer->ahead_at = 0;
			peer->ahead_left = n;
			n = 0;
		} else if (!n) {
			n = r2tcp_link_read(peer, buf, len);
			if (n < 0)
				return n;
		}
	}
	return 0;
}

static int r2tcp_link_pong(struct r2tcp_peer *peer,
			   const struct r2_frame *frame)
{
	struct r2_pong pong;
	bool expected;
	int err;

	spin_lock(&peer->lock);
	/* The id can be guessed: it must have been sent, at least in part. */
	expected = peer->pinged == frame->id && peer->ping.begun;
	spin_unlock(&peer->lock);
	if (!expected)
		return r2tcp_peer_bad(peer, "PONG without PING");

	err = r2tcp_link_recv(peer, &pong, sizeof(pong));
	if (err)
		return err;
	if (r2wire_check_pong(&pong))
		return r2tcp_peer_bad(peer, "malformed PONG");
	WRITE_ONCE(peer->room, le32_to_cpu(pong.room));
	/* Only now the next PING may be sent. */
	spin_lock(&peer->lock);
	peer->pinged = 0;
	spin_unlock(&peer->lock);
	return 0;
}

static int r2tcp_link_hello(struct r2tcp_peer *peer,
			    const struct r2_frame *frame)
{
	return r2tcp_peer_bad(peer, "second HELLO");
}

static int (*const r2tcp_link_handlers[R2_NR_TYPES])(struct r2tcp_peer *peer,
						     const struct r2_frame *) = {
	[R2_HELLO]	 = r2tcp_link_hello,
	[R2_PING]	 = r2tcp_serve_ping,
	[R2_PONG]	 = r2tcp_link_pong,
	[R2_PUT]	 = r2tcp_serve_put,
	[R2_PUT_REPLY]	 = r2tcp_req_reply,
	[R2_GET]	 = r2tcp_serve_get,
	[R2_GET_REPLY]	 = r2tcp_req_reply,
	[R2_FLUSH]	 = r2tcp_serve_flush,
	[R2_FLUSH_REPLY] = r2tcp_req_reply,
};

static int r2tcp_link_receive(struct r2tcp_peer *peer)
{
	struct r2_frame frame;
	struct r2_hdr hdr;
	int err;

	do {
		err = r2tcp_link_recv(peer, &hdr, sizeof(hdr));
		if (err)
			return err;
		if (r2wire_decode_hdr(&hdr, &frame))
			return r2tcp_peer_bad(peer, "malformed header");
		err = r2tcp_link_handlers[frame.type](peer, &frame);
	} while (!err && !kthread_should_stop());
	return err;
}

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
	peer->ahead_left = 0;
	atomic_inc(&tcp->nr_connected);
	if (!r2tcp_link_begin(peer, restarted, &done)) {
		atomic_dec(&tcp->nr_connected);
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
	return 0;
}

static void r2tcp_link_down(struct r2tcp_peer *peer, int err)
{
	struct r2tcp *tcp = peer->tcp;
	LIST_HEAD(done);

	spin_lock(&peer->lock);
	WRITE_ONCE(peer->connected, false);
	peer->sendable = false;
	peer->down_since = jiffies;
	peer->tried = false;
	spin_unlock(&peer->lock);
	atomic_dec(&tcp->nr_connected);

	r2tcp_peer_shut(peer, peer->epoch);
	r2tcp_send_end(peer);

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
		err = r2tcp_link_receive(peer);
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
