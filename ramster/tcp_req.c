// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to a peer.
 *
 * A request is in one of two places: in a queue of those that wait for a slot,
 * in the order in which they came; or in a slot, from when it is given to the
 * sender until its reply has come or cannot come any more.  There are as many
 * slots as the protocol allows requests without a reply, so the slots are the
 * window, and nothing is allocated.  The number of the slot is part of the id,
 * so a reply finds its request without a search, and what a peer makes up
 * finds nothing.
 *
 * Three threads may want to end a request: the receiver (a reply came, or the
 * connection broke), the clock (its deadline passed), and whoever removes the
 * peer.  The slot decides: it is looked at and changed under the lock of the
 * peer only, and a request that the sender reads or the receiver writes to
 * stays in its slot until they let go of it.  Whoever takes it out of the slot
 * puts it on a list of his own, drops the lock, and calls @done.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/jiffies.h>
#include "tcp_private.h"

static const struct {
	unsigned int first;
	unsigned int end;
} r2tcp_window[R2TCP_NR_WINDOWS] = {
	[R2TCP_GETS]	= { 0, R2_MAX_GETS },
	[R2TCP_BATCHES]	= { R2_MAX_GETS, R2_MAX_GETS + R2_MAX_BATCHES },
};

#define R2TCP_SLOT_BITS	8

static_assert(R2TCP_NR_SLOTS <= 1 << R2TCP_SLOT_BITS);

static struct r2tcp_slot *r2tcp_slot_of(struct r2tcp_peer *peer, u64 id)
{
	unsigned int nr = id & GENMASK(R2TCP_SLOT_BITS - 1, 0);

	return nr < R2TCP_NR_SLOTS && peer->slots[nr].id == id ?
	       &peer->slots[nr] : NULL;
}

static void r2tcp_slot_free(struct r2tcp_peer *peer, struct r2tcp_slot *slot)
{
	lockdep_assert_held(&peer->lock);
	memset(slot, 0, sizeof(*slot));
	__clear_bit(slot - peer->slots, peer->used);
}

/* Put a request that waits into a slot, and into the sender's queue. */
static void r2tcp_slot_fill(struct r2tcp_peer *peer, unsigned int nr,
			    struct r2tcp_req *req)
{
	struct r2tcp_slot *slot = &peer->slots[nr];

	__set_bit(nr, peer->used);
	list_del_init(&req->out.node);
	req->id = (req->id & ~GENMASK_ULL(R2TCP_SLOT_BITS - 1, 0)) | nr;
	slot->id = req->id;
	slot->req = req;
	slot->type = req->type;
	slot->items = req->items;
	r2wire_encode_hdr(&req->out.hdr, req->type, req->items, req->len,
			  req->id);
	r2tcp_send(peer, &req->out);
}

/*
 * Fill the free slots of a window with requests that wait.  Somebody has to see
 * to it that they are sent.
 */
static void r2tcp_window_fill(struct r2tcp_peer *peer, enum r2tcp_class class)
{
	unsigned int end = r2tcp_window[class].end;
	struct r2tcp_req *req;
	unsigned int nr;

	lockdep_assert_held(&peer->lock);
	while (peer->connected) {
		req = list_first_entry_or_null(&peer->waiting[class],
					       struct r2tcp_req, out.node);
		nr = find_next_zero_bit(peer->used, end,
					r2tcp_window[class].first);
		if (!req || nr >= end)
			break;
		r2tcp_slot_fill(peer, nr, req);
	}
}

static void r2tcp_req_end(struct r2tcp_req *req, int result,
			  struct list_head *done)
{
	req->result = result;
	list_move_tail(&req->out.node, done);
}

/* The result of a request in a slot is known: hand it back if nobody uses it. */
static void r2tcp_slot_finish(struct r2tcp_peer *peer, struct r2tcp_slot *slot,
			      int result, struct list_head *done)
{
	enum r2tcp_class class = r2tcp_class(slot->type);

	lockdep_assert_held(&peer->lock);
	slot->finished = true;
	slot->req->result = result;
	if (slot->sending || slot->receiving)
		return;
	r2tcp_req_end(slot->req, result, done);
	r2tcp_slot_free(peer, slot);
	r2tcp_window_fill(peer, class);
	r2tcp_send_wake(peer);
}

/**
 * r2tcp_req_complete() - hand requests back to their owners
 * @done: list of requests that have their result; in no slot and queue
 *
 * Context: no locks held.
 */
void r2tcp_req_complete(struct list_head *done)
{
	struct r2tcp_req *req, *next;

	list_for_each_entry_safe(req, next, done, out.node) {
		/* From its @done on, the request may be gone. */
		list_del_init(&req->out.node);
		req->done(req);
	}
}

/**
 * r2tcp_req_init() - prepare the table of a peer
 * @peer: the peer, zeroed
 */
void r2tcp_req_init(struct r2tcp_peer *peer)
{
	unsigned int i;

	for (i = 0; i < R2TCP_NR_WINDOWS; i++)
		INIT_LIST_HEAD(&peer->waiting[i]);
}

/*
 * Whether a request may wait for a connection.  A break is mended soon or not
 * for long: who would wait longer than the peer has been away already would
 * most likely wait for nothing, and all that want something from it, page by
 * page, would do so anew.  Not before this node has tried, though, if that is
 * its part: a silent break is noticed only after a time that may be longer than
 * anybody waits.
 */
static bool r2tcp_req_worth_waiting(const struct r2tcp_peer *peer,
				    const struct r2tcp_req *req)
{
	unsigned long now = jiffies, patience = 0;

	if (time_before(now, req->deadline))
		patience = req->deadline - now;
	if (r2tcp_connects(peer) && !peer->tried)
		return true;
	return time_before(now, peer->down_since + patience);
}

/**
 * r2tcp_req_doubt() - somebody has waited for a peer in vain
 * @peer: the peer
 *
 * Context: any but interrupts.
 */
void r2tcp_req_doubt(struct r2tcp_peer *peer)
{
	spin_lock(&peer->lock);
	peer->doubted = true;
	peer->doubted_at = jiffies;
	spin_unlock(&peer->lock);
}

/* The doubt ends some time after it began, if the peer was heard from since. */
static bool r2tcp_peer_doubted(struct r2tcp_peer *peer)
{
	unsigned long end = peer->doubted_at + msecs_to_jiffies(R2TCP_DOUBT_MS);

	lockdep_assert_held(&peer->lock);
	if (peer->doubted && time_after_eq(jiffies, end) &&
	    time_after(READ_ONCE(peer->last_rx), peer->doubted_at))
		peer->doubted = false;
	return peer->doubted;
}

/**
 * r2tcp_req_doubted() - whether somebody has waited for a peer in vain
 * @peer: the peer
 *
 * Return: true if so, and it was not heard from since.
 * Context: any but interrupts.
 */
bool r2tcp_req_doubted(struct r2tcp_peer *peer)
{
	bool doubted;

	spin_lock(&peer->lock);
	doubted = r2tcp_peer_doubted(peer);
	spin_unlock(&peer->lock);
	return doubted;
}

static int r2tcp_req_allowed(struct r2tcp_peer *peer,
			     const struct r2tcp_req *req)
{
	lockdep_assert_held(&peer->lock);
	if (peer->dead)
		return -ENOTCONN;
	if (peer->held)
		return req->retry ? -EHOSTUNREACH : -ENOTCONN;
	if (peer->connected)
		return req->optional && r2tcp_peer_doubted(peer) ?
		       -EHOSTUNREACH : 0;
	if (!req->retry)
		return -ENOTCONN;
	return r2tcp_req_worth_waiting(peer, req) ? 0 : -EHOSTUNREACH;
}

/**
 * r2tcp_req_submit() - take a request
 * @peer: whom to ask
 * @req: the request
 *
 * Return: 0, @done will be called; or -ENOTCONN or -EHOSTUNREACH as in
 * r2tcp_submit(), it will not.
 * Context: does not sleep.
 */
int r2tcp_req_submit(struct r2tcp_peer *peer, struct r2tcp_req *req)
{
	enum r2tcp_class class = r2tcp_class(req->type);
	int err;

	req->out.kind = R2TCP_REQUEST;
	req->out.payload = req->payload;
	req->out.len = req->len;
	req->reply_len = 0;
	req->alone = false;
	req->began = ktime_get_ns();

	spin_lock(&peer->lock);
	err = r2tcp_req_allowed(peer, req);
	if (!err) {
		req->id = ++peer->last_seq << R2TCP_SLOT_BITS;
		list_add_tail(&req->out.node, &peer->waiting[class]);
		r2tcp_window_fill(peer, class);
		if (!req->pushed)
			r2tcp_send_wake(peer);
		r2tcp_peer_start_clock(peer);
	}
	spin_unlock(&peer->lock);
	return err;
}

/**
 * r2tcp_req_connected() - hands were shaken: go on
 * @peer: the peer; its lock is held, and it is connected
 * @restarted: the peer has lost what it held when these requests were made
 * @done: requests that have ended by that
 */
void r2tcp_req_connected(struct r2tcp_peer *peer, bool restarted,
			 struct list_head *done)
{
	struct r2tcp_req *req, *next;
	unsigned int i;

	for (i = 0; i < R2TCP_NR_WINDOWS; i++) {
		list_for_each_entry_safe(req, next, &peer->waiting[i],
					 out.node)
			if (restarted)
				r2tcp_req_end(req, -EHOSTDOWN, done);
		r2tcp_window_fill(peer, i);
	}
	r2tcp_send_wake(peer);
}

/* Back among those that wait, at the place that its age gives it. */
static void r2tcp_req_wait_again(struct r2tcp_peer *peer,
				 struct r2tcp_req *req)
{
	struct list_head *head = &peer->waiting[r2tcp_class(req->type)];
	struct r2tcp_req *other;

	list_for_each_entry(other, head, out.node)
		if (other->id > req->id)
			break;
	/* At the end of the loop, &other->out.node is the head. */
	list_move_tail(&req->out.node, &other->out.node);
}

/* Whoever has sent or received has let go. */
static void r2tcp_slot_disconnected(struct r2tcp_peer *peer,
				    struct r2tcp_slot *slot,
				    struct list_head *done)
{
	struct r2tcp_req *req = slot->req;

	if (!req)
		;
	else if (slot->finished)
		r2tcp_req_end(req, req->result, done);
	else if (req->retry)
		r2tcp_req_wait_again(peer, req);
	else
		r2tcp_req_end(req, -ENOTCONN, done);
	r2tcp_slot_free(peer, slot);
}

/* End those that wait for a slot and are, or are not, to be retried. */
static void r2tcp_req_end_waiting(struct r2tcp_peer *peer, bool retry, int err,
				  struct list_head *done)
{
	struct r2tcp_req *req, *next;
	unsigned int i;

	lockdep_assert_held(&peer->lock);
	for (i = 0; i < R2TCP_NR_WINDOWS; i++)
		list_for_each_entry_safe(req, next, &peer->waiting[i],
					 out.node)
			if (req->retry == retry)
				r2tcp_req_end(req, err, done);
}

/**
 * r2tcp_req_disconnected() - no reply will come to what was sent
 * @peer: the peer; its lock is held, it is not connected, and nobody sends
 *	or receives
 * @done: requests that have ended by that
 */
void r2tcp_req_disconnected(struct r2tcp_peer *peer, struct list_head *done)
{
	unsigned int i;

	r2tcp_req_end_waiting(peer, false, -ENOTCONN, done);
	for_each_set_bit(i, peer->used, R2TCP_NR_SLOTS)
		r2tcp_slot_disconnected(peer, &peer->slots[i], done);
}

/**
 * r2tcp_req_give_up() - end what waits for a connection
 * @peer: the peer; its lock is held; it is held, and not connected
 * @done: requests that have ended by that
 *
 * What is not to be retried ends with the connection, by r2tcp_req_disconnected()
 * in the thread of the link, for which r2tcp_del_peer() waits.
 */
void r2tcp_req_give_up(struct r2tcp_peer *peer, struct list_head *done)
{
	r2tcp_req_end_waiting(peer, true, -EHOSTDOWN, done);
}

/**
 * r2tcp_req_kill() - end all that still waits
 * @peer: the peer; its lock is held; it is dead, and its threads are gone
 * @done: requests that have ended by that
 */
void r2tcp_req_kill(struct r2tcp_peer *peer, struct list_head *done)
{
	r2tcp_req_end_waiting(peer, false, -EHOSTDOWN, done);
	r2tcp_req_end_waiting(peer, true, -EHOSTDOWN, done);
}

/**
 * r2tcp_req_pending() - does any request have a deadline ahead
 * @peer: the peer; its lock is held
 *
 * Return: whether the clock has to go on.
 */
bool r2tcp_req_pending(struct r2tcp_peer *peer)
{
	unsigned int i;

	for (i = 0; i < R2TCP_NR_WINDOWS; i++)
		if (!list_empty(&peer->waiting[i]))
			return true;
	return !bitmap_empty(peer->used, R2TCP_NR_SLOTS);
}

/*
 * The reply to a request that has timed out does not come either.  A peer that
 * answers PINGs and not that has lost it; and when it has lost as many as there
 * are slots, nobody would get one any more.
 */
static bool r2tcp_slot_lost(struct r2tcp_peer *peer, struct r2tcp_slot *slot)
{
	unsigned int idle = READ_ONCE(peer->tcp->config.idle_timeout_ms);

	return time_after_eq(jiffies, slot->expired + msecs_to_jiffies(idle));
}

/*
 * A request that was sent keeps its slot, without the request: to the peer it
 * still counts.  Returns true if the request cannot be taken back because it
 * is stuck in the socket, or the slot because the reply does not come.
 */
static bool r2tcp_slot_expire(struct r2tcp_peer *peer, struct r2tcp_slot *slot,
			      struct list_head *done)
{
	struct r2tcp_req *req = slot->req;

	if (!req)
		return r2tcp_slot_lost(peer, slot);
	if (time_before(jiffies, req->deadline))
		return false;
	/* Also one that is finished: the other of the two has yet to let go. */
	if (slot->sending || slot->receiving)
		return time_after_eq(jiffies, req->deadline +
				     msecs_to_jiffies(R2TCP_GRACE_MS));

	atomic64_inc(&peer->timeouts);
	if (slot->sent) {
		r2tcp_req_end(req, -ETIMEDOUT, done);
		slot->req = NULL;
		slot->expired = jiffies;
	} else {
		r2tcp_slot_finish(peer, slot, -ETIMEDOUT, done);
	}
	return false;
}

/**
 * r2tcp_req_expire() - end the requests whose deadline has passed
 * @peer: the peer; its lock is held
 * @done: these requests
 *
 * Return: true if a request or a slot cannot be had back without ending the
 * connection.
 */
bool r2tcp_req_expire(struct r2tcp_peer *peer, struct list_head *done)
{
	struct r2tcp_req *req, *next;
	bool stuck = false;
	unsigned int i;

	lockdep_assert_held(&peer->lock);
	for (i = 0; i < R2TCP_NR_WINDOWS; i++)
		list_for_each_entry_safe(req, next, &peer->waiting[i],
					 out.node)
			if (time_after_eq(jiffies, req->deadline)) {
				atomic64_inc(&peer->timeouts);
				r2tcp_req_end(req, -ETIMEDOUT, done);
			}
	for_each_set_bit(i, peer->used, R2TCP_NR_SLOTS)
		stuck |= r2tcp_slot_expire(peer, &peer->slots[i], done);
	return stuck;
}

/**
 * r2tcp_req_sending() - the sender begins to read a request, or does not after all
 * @peer: the peer; its lock is held
 * @req: the request, in its slot
 * @sending: which
 */
void r2tcp_req_sending(struct r2tcp_peer *peer, struct r2tcp_req *req,
		       bool sending)
{
	struct r2tcp_slot *slot = r2tcp_slot_of(peer, req->id);

	lockdep_assert_held(&peer->lock);
	slot->sending = sending;
}

/**
 * r2tcp_req_sent() - the sender has let go of a request
 * @peer: the peer; its lock is held
 * @req: the request; the reply may have come in already
 * @done: gets the request, in that case
 */
void r2tcp_req_sent(struct r2tcp_peer *peer, struct r2tcp_req *req,
		    struct list_head *done)
{
	struct r2tcp_slot *slot = r2tcp_slot_of(peer, req->id);

	lockdep_assert_held(&peer->lock);
	slot->sending = false;
	slot->sent = true;
	if (slot->finished)
		r2tcp_slot_finish(peer, slot, req->result, done);
}

static bool r2tcp_reply_suits(const struct r2tcp_slot *slot,
			      const struct r2_frame *frame)
{
	/* It must have been sent, at least in part, and not been answered. */
	if (slot->finished || !(slot->sent || slot->sending))
		return false;
	if (frame->items != slot->items)
		return false;
	switch (slot->type) {
	case R2_PUT:
		return frame->type == R2_PUT_REPLY;
	case R2_GET:
		return frame->type == R2_GET_REPLY;
	case R2_FLUSH:
		return frame->type == R2_FLUSH_REPLY;
	default:
		return false;
	}
}

/**
 * r2tcp_req_begin_reply() - a reply is coming: find where its payload goes
 * @peer: the peer; connected
 * @frame: header of the reply
 *
 * Return: the place, which stays until r2tcp_req_reply() or until the connection
 * ends; or an ERR_PTR() if it must end.
 * Context: who receives.
 */
void *r2tcp_req_begin_reply(struct r2tcp_peer *peer,
			    const struct r2_frame *frame)
{
	struct r2tcp_slot *slot;
	void *buf = NULL;

	spin_lock(&peer->lock);
	slot = r2tcp_slot_of(peer, frame->id);
	if (slot && r2tcp_reply_suits(slot, frame)) {
		if (!slot->req)
			buf = peer->rx;
		else if (frame->len <= slot->req->reply_max)
			buf = slot->req->reply;
		slot->receiving = buf;
	}
	spin_unlock(&peer->lock);
	return buf ?: ERR_PTR(r2tcp_peer_bad(peer,
					     "reply to nothing, or too long"));
}

static void r2tcp_count_fetch(struct r2tcp_peer *peer, u64 ns)
{
	atomic64_inc(&peer->pages_fetched);
	atomic64_add(ns, &peer->fetch_ns);
	if (ns > atomic64_read(&peer->fetch_max_ns))
		atomic64_set(&peer->fetch_max_ns, ns);
}

static int r2tcp_reply_check(const struct r2tcp_peer *peer,
			     const struct r2_frame *frame)
{
	const void *buf = peer->in.buf;

	if (frame->type == R2_GET_REPLY)
		return r2wire_check_get_reply(buf, frame->len);
	return r2wire_check_statuses(buf, frame->len, frame->items);
}

/* For the counters of the peer: pages that it took, and gave back. */
static void r2tcp_reply_count(struct r2tcp_peer *peer,
			      const struct r2_frame *frame,
			      const struct r2tcp_req *req)
{
	const struct r2_get_reply *get = req->reply;

	if (frame->type == R2_PUT_REPLY)
		atomic64_add(r2tcp_count_ok(req->reply, frame->items),
			     &peer->pages_sent);
	else if (frame->type == R2_GET_REPLY &&
		 le16_to_cpu(get->status) == R2_OK)
		r2tcp_count_fetch(peer, ktime_get_ns() - req->began);
}

/**
 * r2tcp_req_reply() - a reply has come
 * @peer: the peer; connected
 * @frame: header of the reply; its payload is where r2tcp_req_begin_reply() said
 *
 * Return: 0, or a negative errno if the connection must end, and the slot with it.
 * Context: who receives.
 */
int r2tcp_req_reply(struct r2tcp_peer *peer, const struct r2_frame *frame)
{
	struct r2tcp_slot *slot;
	LIST_HEAD(done);

	if (r2tcp_reply_check(peer, frame))
		return r2tcp_peer_bad(peer, "malformed reply");

	spin_lock(&peer->lock);
	slot = r2tcp_slot_of(peer, frame->id);
	slot->receiving = false;
	if (slot->req) {
		slot->req->reply_len = frame->len;
		slot->req->alone = !peer->ahead_left;
		r2tcp_reply_count(peer, frame, slot->req);
		r2tcp_slot_finish(peer, slot, 0, &done);
	} else {
		r2tcp_slot_free(peer, slot);
		r2tcp_window_fill(peer, frame->type == R2_GET_REPLY ?
				  R2TCP_GETS : R2TCP_BATCHES);
		r2tcp_send_wake(peer);
	}
	spin_unlock(&peer->lock);
	r2tcp_req_complete(&done);
	return 0;
}
