// SPDX-License-Identifier: GPL-2.0
/*
 * Sending to a peer.
 *
 * There are two queues.  What a task waits for (a GET, the reply to one, PING
 * and PONG) goes before what nobody waits for, so that a read does not stand
 * in line behind 64 KiB of pages being moved.  Both are bounded by the windows
 * of the protocol, in this direction and in the other.
 *
 * There is one writer of the socket at a time: who finds &r2tcp_peer.writing
 * unset, sets it, and takes frames for himself (&r2tcp_peer.sending).  That is
 * either somebody who has put something urgent into the queue and would rather
 * not wait until a thread gets its turn (r2tcp_link_push(), r2tcp_push()): he
 * sends what the socket takes at once, and leaves the rest.  Or it is the thread
 * of the peer, which may wait at the socket.
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
 * r2tcp_send() - put a frame into a queue
 * @peer: whom to send it to; its lock is held
 * @out: the frame; in no queue.  When it was sent, whoever @out->kind belongs
 *	to is told
 *
 * The caller sees to it that somebody sends it: r2tcp_send_wake() or one of the
 * functions that push.
 */
void r2tcp_send(struct r2tcp_peer *peer, struct r2tcp_out *out)
{
	lockdep_assert_held(&peer->lock);
	out->sent = 0;
	out->begun = false;
	list_add_tail(&out->node,
		      r2tcp_is_bulk(out) ? &peer->bulk : &peer->urgent);
}

static bool r2tcp_send_has_work(const struct r2tcp_peer *peer)
{
	return peer->sendable && !peer->writing &&
	       (!list_empty(&peer->sending) || !list_empty(&peer->urgent) ||
		!list_empty(&peer->bulk));
}

/**
 * r2tcp_send_wake() - have the thread send what is in the queues
 * @peer: whom to send it to; its lock is held
 */
void r2tcp_send_wake(struct r2tcp_peer *peer)
{
	lockdep_assert_held(&peer->lock);
	if (r2tcp_send_has_work(peer))
		wake_up(&peer->send_wait);
}

static struct r2tcp_req *r2tcp_out_req(struct r2tcp_out *out)
{
	return container_of(out, struct r2tcp_req, out);
}

/* Take frames from the front of a queue. */
static void r2tcp_send_take(struct r2tcp_peer *peer, struct list_head *queue,
			    unsigned int max)
{
	struct r2tcp_out *out;

	for (; max && !list_empty(queue); max--) {
		out = list_first_entry(queue, struct r2tcp_out, node);
		list_move_tail(&out->node, &peer->sending);
		out->begun = true;
		if (out->kind == R2TCP_REQUEST)
			r2tcp_req_sending(peer, r2tcp_out_req(out), true);
	}
}

/*
 * Become the writer, and take something to write.  Bulk, one frame of it, only by
 * the thread, which may wait, and if nothing urgent is there: so that is what
 * comes next.
 */
static bool r2tcp_send_begin(struct r2tcp_peer *peer, bool bulk)
{
	unsigned int max = bulk ? R2TCP_GATHER_WAITING : R2TCP_GATHER;

	lockdep_assert_held(&peer->lock);
	if (!peer->sendable || peer->writing)
		return false;
	if (!list_empty(&peer->sending))
		max--;
	r2tcp_send_take(peer, &peer->urgent, max);
	if (list_empty(&peer->sending) && bulk)
		r2tcp_send_take(peer, &peer->bulk, 1);
	peer->writing = !list_empty(&peer->sending);
	return peer->writing;
}

static unsigned int r2tcp_out_left(const struct r2tcp_out *out)
{
	return sizeof(out->hdr) + out->len - out->sent;
}

/* One or two pieces: what is left of the header, and of the payload. */
static unsigned int r2tcp_out_vec(const struct r2tcp_out *out,
				  struct kvec vec[2])
{
	unsigned int hdr = sizeof(out->hdr), nr = 0, skip = 0;

	if (out->sent < hdr)
		vec[nr++] = (struct kvec) {
			.iov_base = (void *)&out->hdr + out->sent,
			.iov_len = hdr - out->sent,
		};
	else
		skip = out->sent - hdr;
	if (out->len > skip)
		vec[nr++] = (struct kvec) {
			.iov_base = (void *)out->payload + skip,
			.iov_len = out->len - skip,
		};
	return nr;
}

/* Returns the number of bytes that the socket has taken, or an error. */
static int r2tcp_send_some(struct r2tcp_peer *peer, bool wait)
{
	struct kvec vec[2 * R2TCP_GATHER];
	struct r2tcp_out *out;
	unsigned int nr = 0;
	size_t len = 0;

	/* Nobody else touches these frames while we are the writer. */
	list_for_each_entry(out, &peer->sending, node) {
		nr += r2tcp_out_vec(out, &vec[nr]);
		len += r2tcp_out_left(out);
	}
	/* The link thread does not replace the socket meanwhile. */
	return r2tcp_sock_send(peer->sock, vec, nr, len, wait);
}

static void r2tcp_send_done(struct r2tcp_peer *peer, struct r2tcp_out *out,
			    struct list_head *done)
{
	list_del_init(&out->node);
	if (out->kind == R2TCP_REQUEST)
		r2tcp_req_sent(peer, r2tcp_out_req(out), done);
	else if (out->kind == R2TCP_REPLY)
		r2tcp_serve_sent(peer, out);
}

/* After an error nothing is sent any more, and all is let go of. */
static void r2tcp_send_advance(struct r2tcp_peer *peer, int sent,
			       struct list_head *done)
{
	struct r2tcp_out *out, *next;
	unsigned int left;

	lockdep_assert_held(&peer->lock);
	list_for_each_entry_safe(out, next, &peer->sending, node) {
		left = r2tcp_out_left(out);
		if (sent >= 0 && left > sent) {
			out->sent += sent;
			break;
		}
		if (sent >= 0)
			sent -= left;
		r2tcp_send_done(peer, out, done);
	}
}

/* What was not begun can still be overtaken, or taken back. */
static void r2tcp_send_return(struct r2tcp_peer *peer)
{
	struct r2tcp_out *out, *prev;

	lockdep_assert_held(&peer->lock);
	list_for_each_entry_safe_reverse(out, prev, &peer->sending, node) {
		if (out->sent)
			break;
		out->begun = false;
		if (out->kind == R2TCP_REQUEST)
			r2tcp_req_sending(peer, r2tcp_out_req(out), false);
		list_move(&out->node, r2tcp_is_bulk(out) ? &peer->bulk :
							   &peer->urgent);
	}
}

/*
 * Let go of what was sent.  Requests whose reply has come already end by that, and
 * are handed back while we still are the writer: whoever removes the peer waits
 * for that, and then relies on it that none is left.
 */
static void r2tcp_send_let_go(struct r2tcp_peer *peer, int sent)
{
	LIST_HEAD(done);

	spin_lock(&peer->lock);
	if (sent < 0)
		peer->sendable = false;
	else
		atomic64_add(sent, &peer->tx_bytes);
	r2tcp_send_advance(peer, sent, &done);
	r2tcp_send_return(peer);
	spin_unlock(&peer->lock);
	r2tcp_req_complete(&done);
}

/*
 * Stop being the writer.  From when the lock is let go of, the peer may be
 * gone.
 */
static void r2tcp_send_finish(struct r2tcp_peer *peer)
{
	spin_lock(&peer->lock);
	peer->writing = false;
	r2tcp_send_wake(peer);
	/* It waits for us if the connection has ended. */
	if (!peer->sendable)
		wake_up(&peer->link_wait);
	spin_unlock(&peer->lock);
}

/* Send what was taken; returns whether all of it went. */
static bool r2tcp_send_taken(struct r2tcp_peer *peer, bool wait)
{
	u64 epoch = READ_ONCE(peer->epoch);
	int sent;

	sent = r2tcp_send_some(peer, wait);
	if (sent == -EAGAIN && !wait)
		sent = 0;
	if (sent < 0)
		r2tcp_peer_shut(peer, epoch);
	r2tcp_send_let_go(peer, sent);
	r2tcp_send_finish(peer);
	return sent > 0;
}

/**
 * r2tcp_link_push() - send what is urgent, as far as the socket takes it at once
 * @peer: whom to send it to
 *
 * Context: the link thread; does not wait for the peer.
 */
void r2tcp_link_push(struct r2tcp_peer *peer)
{
	bool more = true;

	/* Only this thread adds replies, so a look is enough. */
	while (more && !list_empty_careful(&peer->urgent)) {
		spin_lock(&peer->lock);
		more = r2tcp_send_begin(peer, false);
		spin_unlock(&peer->lock);
		if (more)
			more = r2tcp_send_taken(peer, false);
	}
}

/**
 * r2tcp_push() - send what is urgent, as far as the socket takes it at once
 * @tcp: this node
 * @node: number of the peer
 *
 * To be called after r2tcp_submit() with &r2tcp_req.pushed.
 *
 * Context: task; may sleep shortly, but does not wait for the peer, nor for
 * memory.
 */
void r2tcp_push(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer;
	bool taken = false;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	if (peer) {
		/* The peer stays while somebody writes. */
		spin_lock(&peer->lock);
		taken = r2tcp_send_begin(peer, false);
		spin_unlock(&peer->lock);
	}
	rcu_read_unlock();
	/* The writer, if that is somebody else, has the thread see to the rest. */
	if (taken)
		r2tcp_send_taken(peer, false);
}

/**
 * r2tcp_push_later() - have what is urgent sent by the thread of the peer
 * @tcp: this node
 * @node: number of the peer
 *
 * Context: any but interrupts; does not sleep.
 */
void r2tcp_push_later(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	if (peer) {
		spin_lock(&peer->lock);
		r2tcp_send_wake(peer);
		spin_unlock(&peer->lock);
	}
	rcu_read_unlock();
}

static bool r2tcp_sender_begin(struct r2tcp_peer *peer)
{
	bool taken;

	spin_lock(&peer->lock);
	taken = r2tcp_send_begin(peer, true);
	spin_unlock(&peer->lock);
	return taken;
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
	bool taken;

	while (!kthread_should_stop()) {
		wait_event_idle(peer->send_wait,
				(taken = r2tcp_sender_begin(peer)) ||
				kthread_should_stop());
		if (taken)
			r2tcp_send_taken(peer, true);
	}
	return 0;
}

static bool r2tcp_send_is_idle(struct r2tcp_peer *peer)
{
	bool idle;

	spin_lock(&peer->lock);
	idle = !peer->writing;
	spin_unlock(&peer->lock);
	return idle;
}

/**
 * r2tcp_send_end() - wait until everybody has left the socket alone
 * @peer: the peer; its socket has been shut down, and it is not sendable
 */
void r2tcp_send_end(struct r2tcp_peer *peer)
{
	wait_event_idle(peer->link_wait, r2tcp_send_is_idle(peer));
}
