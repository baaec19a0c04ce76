// SPDX-License-Identifier: GPL-2.0
/*
 * The thread of a peer that sends: the only writer of the socket.
 *
 * It knows two queues.  What a task waits for (a GET, the reply to one, PING
 * and PONG) goes before what nobody waits for, so that a read does not stand
 * in line behind 64 KiB of pages being moved.  Both are bounded by the windows
 * of the protocol, in this direction and in the other.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/kthread.h>
#include "tcp_private.h"

static bool r2tcp_is_bulk(const struct r2tcp_out *out)
{
	switch (out->hdr.type) {
	case R2_PUT:
	case R2_PUT_REPLY:
	case R2_FLUSH:
	case R2_FLUSH_REPLY:
		return true;
	default:
		return false;
	}
}

/**
 * r2tcp_send() - give a frame to the sender
 * @peer: whom to send it to; its lock is held
 * @out: the frame; in no queue.  When it was sent, the sender tells whoever
 *	@out->kind belongs to
 */
void r2tcp_send(struct r2tcp_peer *peer, struct r2tcp_out *out)
{
	lockdep_assert_held(&peer->lock);
	list_add_tail(&out->node,
		      r2tcp_is_bulk(out) ? &peer->bulk : &peer->urgent);
	wake_up(&peer->send_wait);
}

static struct r2tcp_req *r2tcp_out_req(struct r2tcp_out *out)
{
	return container_of(out, struct r2tcp_req, out);
}

static struct r2tcp_out *r2tcp_send_next(struct r2tcp_peer *peer)
{
	struct r2tcp_out *out = NULL;

	spin_lock(&peer->lock);
	if (peer->sendable) {
		out = list_first_entry_or_null(&peer->urgent, struct r2tcp_out,
					       node);
		if (!out)
			out = list_first_entry_or_null(&peer->bulk,
						       struct r2tcp_out, node);
	}
	if (out) {
		list_del_init(&out->node);
		peer->sending = out;
		if (out->kind == R2TCP_REQUEST)
			r2tcp_req_sending(peer, r2tcp_out_req(out));
	}
	spin_unlock(&peer->lock);
	return out;
}

static void r2tcp_send_done(struct r2tcp_peer *peer, struct r2tcp_out *out,
			    int err)
{
	LIST_HEAD(done);

	spin_lock(&peer->lock);
	if (err)
		peer->sendable = false;
	peer->sending = NULL;
	if (out->kind == R2TCP_REQUEST)
		r2tcp_req_sent(peer, r2tcp_out_req(out), &done);
	else if (out->kind == R2TCP_REPLY)
		r2tcp_serve_sent(peer, out);
	spin_unlock(&peer->lock);

	wake_up(&peer->link_wait);
	r2tcp_req_complete(&done);
}

static void r2tcp_send_one(struct r2tcp_peer *peer, struct r2tcp_out *out)
{
	int err;

	/* The link thread does not replace the socket while we are busy. */
	err = r2tcp_sock_send(peer->sock, &out->hdr, out->payload, out->len);
	if (err)
		r2tcp_peer_shut(peer, READ_ONCE(peer->epoch));
	else
		atomic64_add(sizeof(out->hdr) + out->len, &peer->tx_bytes);
	r2tcp_send_done(peer, out, err);
}

static bool r2tcp_send_has_work(struct r2tcp_peer *peer)
{
	bool work;

	spin_lock(&peer->lock);
	work = peer->sendable &&
	       (!list_empty(&peer->urgent) || !list_empty(&peer->bulk));
	spin_unlock(&peer->lock);
	return work;
}

/**
 * r2tcp_sender() - body of the sending thread
 * @data: the peer
 *
 * Return: 0.
 */
int r2tcp_sender(void *data)
{
	struct r2tcp_peer *peer = data;
	struct r2tcp_out *out;

	while (!kthread_should_stop()) {
		out = r2tcp_send_next(peer);
		if (out)
			r2tcp_send_one(peer, out);
		else
			wait_event_idle(peer->send_wait,
					kthread_should_stop() ||
					r2tcp_send_has_work(peer));
	}
	return 0;
}

static bool r2tcp_send_is_idle(struct r2tcp_peer *peer)
{
	bool idle;

	spin_lock(&peer->lock);
	idle = !peer->sending;
	spin_unlock(&peer->lock);
	return idle;
}

/**
 * r2tcp_send_end() - wait until the sender has left the socket alone
 * @peer: the peer; its socket has been shut down, and it is not sendable
 */
void r2tcp_send_end(struct r2tcp_peer *peer)
{
	wait_event_idle(peer->link_wait, r2tcp_send_is_idle(peer));
}
