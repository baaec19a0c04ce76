// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of a peer.
 *
 * They are handled one at a time, in the thread of the link.  That must never
 * wait for the sender, so the room for all replies that the protocol allows is
 * set aside; a peer that needs more breaks the protocol.
 *
 * Besides, there is room for as many as are sent at a time: the peer may have
 * read these replies, and asked again, before whoever sends them has got round
 * to saying that they were sent.  Of replies to batches that is one.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "tcp_private.h"

static const unsigned int r2tcp_nr_answers[R2TCP_NR_CLASSES] = {
	[R2TCP_GETS]	= R2_MAX_GETS + R2TCP_GATHER,
	[R2TCP_BATCHES]	= R2_MAX_BATCHES + 1,
	[R2TCP_PONGS]	= 1 + 1,
};

enum {
	R2TCP_NR_BUFS	 = R2_MAX_GETS + R2TCP_GATHER + R2_MAX_BATCHES + 1,
	R2TCP_NR_ANSWERS = R2TCP_NR_BUFS + 1 + 1,
};

static_assert(R2TCP_REPLY_SIZE % R2_ALIGN == 0);
static_assert((int)R2TCP_REPLY_SIZE >= (int)R2_MAX_ITEMS);

/* All room for replies is free. */
static void r2tcp_serve_init(struct r2tcp_peer *peer)
{
	struct r2tcp_answer *answer = peer->answers;
	unsigned int class, i;

	for (class = 0; class < R2TCP_NR_CLASSES; class++) {
		INIT_LIST_HEAD(&peer->free[class]);
		for (i = 0; i < r2tcp_nr_answers[class]; i++, answer++) {
			answer->class = class;
			answer->out.kind = R2TCP_REPLY;
			list_add_tail(&answer->out.node, &peer->free[class]);
		}
	}
	/* Replies to PING come last, and have their payload in themselves. */
	for (i = 0; i < R2TCP_NR_BUFS; i++)
		peer->answers[i].reply.buf =
			peer->reply_bufs + i * R2TCP_REPLY_SIZE;
	for (; i < R2TCP_NR_ANSWERS; i++)
		peer->answers[i].reply.buf = &peer->answers[i].pong;
}

/**
 * r2tcp_serve_prepare() - set aside what serving a peer needs
 * @peer: the peer; not connected
 *
 * Done once, before the first attempt to connect, and kept: so connecting needs
 * none of this, which may be when memory is short.
 *
 * Return: 0 or -ENOMEM.  Context: may sleep.
 */
int r2tcp_serve_prepare(struct r2tcp_peer *peer)
{
	if (peer->rx)
		return 0;

	peer->answers = kvcalloc(R2TCP_NR_ANSWERS, sizeof(*peer->answers),
				 GFP_KERNEL);
	peer->reply_bufs = vzalloc(R2TCP_NR_BUFS * R2TCP_REPLY_SIZE);
	peer->ahead = vmalloc(R2TCP_AHEAD);
	peer->rx = vmalloc(R2_MAX_PAYLOAD);
	if (!peer->answers || !peer->reply_bufs || !peer->ahead || !peer->rx) {
		r2tcp_serve_free(peer);
		return -ENOMEM;
	}
	r2tcp_serve_init(peer);
	return 0;
}

/**
 * r2tcp_serve_free() - free what r2tcp_serve_prepare() has set aside
 * @peer: the peer; its threads are gone, or it was never connected
 */
void r2tcp_serve_free(struct r2tcp_peer *peer)
{
	kvfree(peer->answers);
	vfree(peer->reply_bufs);
	vfree(peer->ahead);
	vfree(peer->rx);
	peer->answers = NULL;
	peer->reply_bufs = NULL;
	peer->ahead = NULL;
	peer->rx = NULL;
}

/**
 * r2tcp_serve_reset() - forget the replies, PING and ROOM that were not sent
 * @peer: the peer; its lock is held, it is not connected, the sender is idle,
 *	and its requests have been taken out of the queues
 */
void r2tcp_serve_reset(struct r2tcp_peer *peer)
{
	lockdep_assert_held(&peer->lock);
	r2tcp_serve_init(peer);
	INIT_LIST_HEAD(&peer->urgent);
	INIT_LIST_HEAD(&peer->bulk);
	INIT_LIST_HEAD(&peer->sending);
	INIT_LIST_HEAD(&peer->ping.node);
	INIT_LIST_HEAD(&peer->say.node);
}

/**
 * r2tcp_serve_sent() - the sender has let go of a reply
 * @peer: the peer; its lock is held
 * @out: the reply
 */
void r2tcp_serve_sent(struct r2tcp_peer *peer, struct r2tcp_out *out)
{
	struct r2tcp_answer *answer =
		container_of(out, struct r2tcp_answer, out);

	lockdep_assert_held(&peer->lock);
	list_add_tail(&out->node, &peer->free[answer->class]);
}

static struct r2tcp_answer *r2tcp_serve_take(struct r2tcp_peer *peer,
					     enum r2tcp_class class)
{
	struct r2tcp_answer *answer;

	spin_lock(&peer->lock);
	answer = list_first_entry_or_null(&peer->free[class],
					  struct r2tcp_answer, out.node);
	if (answer)
		list_del_init(&answer->out.node);
	spin_unlock(&peer->lock);
	return answer;
}

static void r2tcp_serve_answer(struct r2tcp_peer *peer,
			       struct r2tcp_answer *answer, enum r2_type type,
			       u64 id)
{
	struct r2tcp_reply *reply = &answer->reply;

	answer->out.payload = reply->buf;
	answer->out.len = reply->len;
	r2wire_encode_hdr(&answer->out.hdr, type, reply->items, reply->len, id);

	spin_lock(&peer->lock);
	r2tcp_send(peer, &answer->out);
	/* What somebody waits for, this thread sends before it sleeps. */
	if (answer->class == R2TCP_BATCHES)
		r2tcp_send_wake(peer);
	spin_unlock(&peer->lock);
}

static void *r2tcp_serve_room(struct r2tcp_peer *peer, enum r2tcp_class class,
			      const char *too_many)
{
	struct r2tcp_answer *answer = r2tcp_serve_take(peer, class);

	if (!answer)
		return ERR_PTR(r2tcp_peer_bad(peer, too_many));
	answer->reply.items = 0;
	answer->reply.len = 0;
	peer->in.answer = answer;
	return peer->rx;
}

/**
 * r2tcp_serve_begin() - a request is coming: find room for the answer
 * @peer: the peer; connected
 * @frame: header of a PUT, GET or FLUSH
 *
 * An answer that is not used, because of an error, comes back when the connection
 * ends.
 *
 * Return: where the payload goes, or an ERR_PTR() if the connection must end.
 * Context: the link thread.
 */
void *r2tcp_serve_begin(struct r2tcp_peer *peer, const struct r2_frame *frame)
{
	return r2tcp_serve_room(peer, r2tcp_class(frame->type),
				"more requests than allowed");
}

/**
 * r2tcp_serve_begin_ping() - the same for a PING
 * @peer: the peer; connected
 * @frame: header of the request
 *
 * Return: as r2tcp_serve_begin().
 * Context: the link thread.
 */
void *r2tcp_serve_begin_ping(struct r2tcp_peer *peer,
			     const struct r2_frame *frame)
{
	return r2tcp_serve_room(peer, R2TCP_PONGS, "more than one PING");
}

static void r2tcp_serve_count(struct r2tcp_peer *peer,
			      const struct r2tcp_reply *reply,
			      enum r2_type type)
{
	const struct r2_get_reply *get = reply->buf;

	if (type == R2_PUT_REPLY)
		atomic64_add(r2tcp_count_ok(reply->buf, reply->items),
			     &peer->pages_taken);
	else if (type == R2_GET_REPLY && le16_to_cpu(get->status) == R2_OK)
		atomic64_inc(&peer->pages_returned);
}

/* A handler that answers nonsense would have the peer close the connection. */
static int r2tcp_serve_end(struct r2tcp_peer *peer,
			   const struct r2_frame *frame,
			   struct r2tcp_answer *answer, enum r2_type type)
{
	const struct r2tcp_reply *reply = &answer->reply;
	int err;

	if (type == R2_GET_REPLY)
		err = r2wire_check_get_reply(reply->buf, reply->len);
	else
		err = r2wire_check_statuses(reply->buf, reply->len,
					    frame->items);
	if (WARN_ON_ONCE(err || reply->len > R2TCP_REPLY_SIZE ||
			 reply->items != frame->items))
		return -EINVAL;
	r2tcp_serve_count(peer, reply, type);
	r2tcp_serve_answer(peer, answer, type, frame->id);
	return 0;
}

/**
 * r2tcp_serve_put() - handle a PUT
 * @peer: the peer; connected
 * @frame: header of the request; its payload is there
 *
 * Return: 0, or a negative errno if the connection must end.
 * Context: the link thread.
 */
int r2tcp_serve_put(struct r2tcp_peer *peer, const struct r2_frame *frame)
{
	struct r2tcp_answer *answer = peer->in.answer;
	struct r2tcp *tcp = peer->tcp;

	if (r2wire_check_put(peer->rx, frame->len, frame->items))
		return r2tcp_peer_bad(peer, "malformed PUT");
	if (tcp->ops->put(tcp->arg, peer->node, peer->rx, frame->len,
			  frame->items, &answer->reply))
		return r2tcp_peer_bad(peer, "unacceptable PUT");
	return r2tcp_serve_end(peer, frame, answer, R2_PUT_REPLY);
}

/**
 * r2tcp_serve_get() - handle a GET
 * @peer: the peer; connected
 * @frame: header of the request; its payload is there
 *
 * Return: 0, or a negative errno if the connection must end.
 * Context: the link thread.
 */
int r2tcp_serve_get(struct r2tcp_peer *peer, const struct r2_frame *frame)
{
	struct r2tcp_answer *answer = peer->in.answer;
	struct r2tcp *tcp = peer->tcp;

	if (r2wire_check_page(peer->rx))
		return r2tcp_peer_bad(peer, "malformed GET");
	if (tcp->ops->get(tcp->arg, peer->node, peer->rx, &answer->reply))
		return r2tcp_peer_bad(peer, "unacceptable GET");
	return r2tcp_serve_end(peer, frame, answer, R2_GET_REPLY);
}

/**
 * r2tcp_serve_flush() - handle a FLUSH
 * @peer: the peer; connected
 * @frame: header of the request; its payload is there
 *
 * Return: 0, or a negative errno if the connection must end.
 * Context: the link thread.
 */
int r2tcp_serve_flush(struct r2tcp_peer *peer, const struct r2_frame *frame)
{
	struct r2tcp_answer *answer = peer->in.answer;
	struct r2tcp *tcp = peer->tcp;

	if (r2wire_check_flush(peer->rx, frame->len, frame->items))
		return r2tcp_peer_bad(peer, "malformed FLUSH");
	if (tcp->ops->flush(tcp->arg, peer->node, peer->rx, frame->items,
			    &answer->reply))
		return r2tcp_peer_bad(peer, "unacceptable FLUSH");
	return r2tcp_serve_end(peer, frame, answer, R2_FLUSH_REPLY);
}

/**
 * r2tcp_serve_ping() - answer a PING
 * @peer: the peer; connected
 * @frame: header of the request
 *
 * Return: 0, or a negative errno if the connection must end.
 * Context: the link thread.
 */
int r2tcp_serve_ping(struct r2tcp_peer *peer, const struct r2_frame *frame)
{
	struct r2tcp_answer *answer = peer->in.answer;
	struct r2tcp *tcp = peer->tcp;
	struct r2tcp_room now;

	tcp->ops->room(tcp->arg, peer->node, &now);
	answer->pong = (struct r2_pong) {
		.room = cpu_to_le32(now.room),
	};
	answer->reply.len = sizeof(answer->pong);
	r2tcp_serve_answer(peer, answer, R2_PONG, frame->id);
	return 0;
}
