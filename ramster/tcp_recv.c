// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving from a peer.
 *
 * There is one receiver of a connection at a time.  Most often that is the thread
 * of the peer.  But who waits for an answer of that peer would have to be woken
 * by that thread, as soon as it has been woken itself and has received the
 * answer; so he receives himself meanwhile, until his own answer has come, or he
 * does not want to wait any longer.  Then it is for the next one that waits, or
 * for the thread again.
 *
 * So nobody sleeps inside of the socket: it tells us when something has come,
 * and we wake the one that is to receive it, and nobody else.  What has come of a
 * frame so far is kept in the peer (&r2tcp_peer.in), so that another one can go
 * on with it; he may do so whenever nobody is at it.
 *
 * Only the thread handles requests of the peer, and ends a connection.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <net/sock.h>
#include <trace/events/sock.h>
#include "tcp_private.h"

/*
 * the socket tells
 */

/* He may have left meanwhile, and does not mind; even have ended, hence RCU. */
static void r2tcp_recv_wake(struct r2tcp_peer *peer)
{
	rcu_read_lock();
	wake_up_process(READ_ONCE(peer->receiver) ?: peer->link);
	rcu_read_unlock();
}

static void r2tcp_recv_ready(struct r2tcp_peer *peer)
{
	WRITE_ONCE(peer->readable, true);
	/* Pairs with r2tcp_recv_pass(): who is to receive finds that, or is found. */
	smp_mb();
	r2tcp_recv_wake(peer);
}

static void r2tcp_recv_data_ready(struct sock *sk)
{
	struct r2tcp_peer *peer;

	trace_sk_data_ready(sk);
	read_lock_bh(&sk->sk_callback_lock);
	peer = sk->sk_user_data;
	if (peer)
		r2tcp_recv_ready(peer);
	read_unlock_bh(&sk->sk_callback_lock);
}

/* Also by shutting it down ourselves.  The writer sleeps at the socket. */
static void r2tcp_recv_state_change(struct sock *sk)
{
	struct r2tcp_peer *peer;

	read_lock_bh(&sk->sk_callback_lock);
	peer = sk->sk_user_data;
	if (peer) {
		peer->sk_state_change(sk);
		r2tcp_recv_ready(peer);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/**
 * r2tcp_recv_attach() - begin to receive from a socket
 * @peer: the peer; it has a socket that has shaken hands
 *
 * Context: the link thread.  r2tcp_recv_detach() undoes it.
 */
void r2tcp_recv_attach(struct r2tcp_peer *peer)
{
	struct sock *sk = peer->sock->sk;

	memset(&peer->in, 0, sizeof(peer->in));
	peer->ahead_left = 0;
	peer->receiver = NULL;
	peer->receiving = false;
	/* Something may have come before we are told. */
	peer->readable = true;

	write_lock_bh(&sk->sk_callback_lock);
	peer->sk_data_ready = sk->sk_data_ready;
	peer->sk_state_change = sk->sk_state_change;
	sk->sk_user_data = peer;
	WRITE_ONCE(sk->sk_data_ready, r2tcp_recv_data_ready);
	sk->sk_state_change = r2tcp_recv_state_change;
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * r2tcp_recv_detach() - the socket is going to be released
 * @peer: the peer; nobody receives
 *
 * Context: the link thread.
 */
void r2tcp_recv_detach(struct r2tcp_peer *peer)
{
	struct sock *sk = peer->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = NULL;
	WRITE_ONCE(sk->sk_data_ready, peer->sk_data_ready);
	sk->sk_state_change = peer->sk_state_change;
	write_unlock_bh(&sk->sk_callback_lock);
}

/*
 * frames
 */

static void *r2tcp_recv_begin_pong(struct r2tcp_peer *peer,
				   const struct r2_frame *frame)
{
	bool expected;

	spin_lock(&peer->lock);
	/* The id can be guessed: it must have been sent, at least in part. */
	expected = peer->pinged == frame->id && peer->ping.begun;
	spin_unlock(&peer->lock);
	return expected ? &peer->in.pong :
			  ERR_PTR(r2tcp_peer_bad(peer, "PONG without PING"));
}

static int r2tcp_recv_pong(struct r2tcp_peer *peer,
			   const struct r2_frame *frame)
{
	const struct r2_pong *pong = &peer->in.pong;

	if (r2wire_check_pong(pong))
		return r2tcp_peer_bad(peer, "malformed PONG");
	WRITE_ONCE(peer->room, le32_to_cpu(pong->room));
	/* Only now the next PING may be sent. */
	spin_lock(&peer->lock);
	peer->pinged = 0;
	spin_unlock(&peer->lock);
	return 0;
}

static void *r2tcp_recv_begin_hello(struct r2tcp_peer *peer,
				    const struct r2_frame *frame)
{
	return ERR_PTR(r2tcp_peer_bad(peer, "second HELLO"));
}

/*
 * What to do with a frame: say where its payload goes, or ERR_PTR(); and when it
 * is there, return 0 or a negative errno.
 */
static const struct {
	void *(*begin)(struct r2tcp_peer *peer, const struct r2_frame *frame);
	int (*end)(struct r2tcp_peer *peer, const struct r2_frame *frame);
	bool request;	/* or a wish: only the link thread does it */
} r2tcp_recv_types[R2_NR_TYPES] = {
	[R2_HELLO]	 = { r2tcp_recv_begin_hello },
	[R2_PING]	 = { r2tcp_serve_begin_ping, r2tcp_serve_ping, true },
	[R2_PONG]	 = { r2tcp_recv_begin_pong, r2tcp_recv_pong },
	[R2_PUT]	 = { r2tcp_serve_begin, r2tcp_serve_put, true },
	[R2_PUT_REPLY]	 = { r2tcp_req_begin_reply, r2tcp_req_reply },
	[R2_GET]	 = { r2tcp_serve_begin, r2tcp_serve_get, true },
	[R2_GET_REPLY]	 = { r2tcp_req_begin_reply, r2tcp_req_reply },
	[R2_FLUSH]	 = { r2tcp_serve_begin, r2tcp_serve_flush, true },
	[R2_FLUSH_REPLY] = { r2tcp_req_begin_reply, r2tcp_req_reply },
	[R2_ROOM]	 = { r2tcp_room_begin_heard, r2tcp_room_heard, true },
};

static bool r2tcp_recv_by_link(const struct r2tcp_peer *peer)
{
	return current == peer->link;
}

/* Whether nobody but the link thread can go on. */
static bool r2tcp_recv_for_link(const struct r2tcp_peer *peer)
{
	const struct r2tcp_in *in = &peer->in;

	return in->err || (in->known && r2tcp_recv_types[in->frame.type].request);
}

/* What was received ahead of its turn. */
static unsigned int r2tcp_recv_take(struct r2tcp_peer *peer, void *buf,
				    unsigned int len)
{
	unsigned int n = min(len, peer->ahead_left);

	memcpy(buf, peer->ahead + peer->ahead_at, n);
	peer->ahead_at += n;
	peer->ahead_left -= n;
	return n;
}

/*
 * Returns how many bytes have come, -EAGAIN, or another error.  The socket tells
 * of each byte, and of its end, once.
 */
static int r2tcp_recv_read(struct r2tcp_peer *peer, void *buf, unsigned int len)
{
	int n;

	/* Nobody is to wait for what we have, while we wait for more. */
	if (r2tcp_recv_by_link(peer))
		r2tcp_link_push(peer);
	if (!READ_ONCE(peer->readable))
		return -EAGAIN;
	WRITE_ONCE(peer->readable, false);
	n = r2tcp_sock_recv(peer->sock, buf, len, false);
	if (n < 0)
		return n;
	/* Was that all?  That the stream ends is found only after what came first. */
	if (n == len || r2tcp_sock_ended(peer->sock))
		WRITE_ONCE(peer->readable, true);
	/* Any byte is a sign of life, also in the midst of a frame. */
	WRITE_ONCE(peer->last_rx, jiffies);
	atomic64_add(n, &peer->rx_bytes);
	return n;
}

/* Header or payload, of which some may be there already.  Returns as above, or 0. */
static int r2tcp_recv_part(struct r2tcp_peer *peer, void *buf, unsigned int len)
{
	struct r2tcp_in *in = &peer->in;
	int n;

	while (in->got < len) {
		in->got += r2tcp_recv_take(peer, buf + in->got, len - in->got);
		if (in->got == len)
			break;
		if (len - in->got < R2TCP_AHEAD) {
			n = r2tcp_recv_read(peer, peer->ahead, R2TCP_AHEAD);
			if (n < 0)
				return n;
			peer->ahead_at = 0;
			peer->ahead_left = n;
		} else {
			n = r2tcp_recv_read(peer, buf + in->got, len - in->got);
			if (n < 0)
				return n;
			in->got += n;
		}
	}
	return 0;
}

static int r2tcp_recv_header(struct r2tcp_peer *peer)
{
	struct r2tcp_in *in = &peer->in;
	int err;

	if (in->known)
		return 0;
	err = r2tcp_recv_part(peer, &in->hdr, sizeof(in->hdr));
	if (err)
		return err;
	if (r2wire_decode_hdr(&in->hdr, &in->frame))
		return r2tcp_peer_bad(peer, "malformed header");
	in->known = true;
	in->got = 0;
	in->buf = NULL;
	return 0;
}

static int r2tcp_recv_payload(struct r2tcp_peer *peer)
{
	struct r2tcp_in *in = &peer->in;
	void *buf;

	if (!in->buf) {
		buf = r2tcp_recv_types[in->frame.type].begin(peer, &in->frame);
		if (IS_ERR(buf))
			return PTR_ERR(buf);
		in->buf = buf;
	}
	return r2tcp_recv_part(peer, in->buf, in->frame.len);
}

/* Go on with a frame, as far as that is possible now. */
static int r2tcp_recv_frame(struct r2tcp_peer *peer)
{
	struct r2tcp_in *in = &peer->in;
	int err;

	err = r2tcp_recv_header(peer);
	if (err)
		return err;
	if (r2tcp_recv_for_link(peer) && !r2tcp_recv_by_link(peer)) {
		WRITE_ONCE(peer->readable, true);
		return -EAGAIN;
	}
	err = r2tcp_recv_payload(peer);
	if (err)
		return err;
	in->known = false;
	in->got = 0;
	return r2tcp_recv_types[in->frame.type].end(peer, &in->frame);
}

/*
 * who receives
 */

static struct r2tcp_waiter *r2tcp_recv_next(struct r2tcp_peer *peer)
{
	struct r2tcp_waiter *waiter;

	lockdep_assert_held(&peer->lock);
	if (!peer->connected || r2tcp_recv_for_link(peer))
		return NULL;
	list_for_each_entry(waiter, &peer->waiters, node)
		if (!waiter->late && !READ_ONCE(waiter->came))
			return waiter;
	return NULL;
}

/* Whoever is to receive from now on is only woken if there is something. */
static void r2tcp_recv_pass(struct r2tcp_peer *peer)
{
	struct r2tcp_waiter *next = r2tcp_recv_next(peer);

	WRITE_ONCE(peer->receiver, next ? next->task : NULL);
	if (peer->ahead_left)
		WRITE_ONCE(peer->readable, true);
	/* Pairs with r2tcp_recv_ready(). */
	smp_mb();
	if (READ_ONCE(peer->readable))
		r2tcp_recv_wake(peer);
}

static bool r2tcp_recv_is_mine(const struct r2tcp_peer *peer)
{
	return (peer->receiver ?: peer->link) == current;
}

/* Returns whether there is something to receive for the caller. */
static bool r2tcp_recv_begin(struct r2tcp_peer *peer)
{
	bool begun;

	spin_lock(&peer->lock);
	begun = r2tcp_recv_is_mine(peer) && !peer->receiving &&
		READ_ONCE(peer->readable);
	if (begun)
		peer->receiving = true;
	spin_unlock(&peer->lock);
	return begun;
}

/* The link thread lets those go first that wait; others keep it while they do. */
static void r2tcp_recv_finish(struct r2tcp_peer *peer, int err)
{
	spin_lock(&peer->lock);
	peer->receiving = false;
	if (err && err != -EAGAIN) {
		peer->in.err = err;
		WRITE_ONCE(peer->readable, true);
	}
	if (r2tcp_recv_by_link(peer) || r2tcp_recv_for_link(peer))
		r2tcp_recv_pass(peer);
	spin_unlock(&peer->lock);
}

static int r2tcp_recv_link_some(struct r2tcp_peer *peer)
{
	int err = peer->in.err;

	while (!err && !kthread_should_stop())
		err = r2tcp_recv_frame(peer);
	return err;
}

static bool r2tcp_recv_link_wait(struct r2tcp_peer *peer)
{
	bool begun;

	for (;;) {
		set_current_state(TASK_IDLE);
		begun = r2tcp_recv_begin(peer);
		if (begun || kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return begun;
}

/**
 * r2tcp_recv_link() - receive, when nobody else does, until the connection breaks
 * @peer: the peer; connected
 *
 * Return: why it has to end, or 0 if the thread is to stop.
 * Context: the link thread.
 */
int r2tcp_recv_link(struct r2tcp_peer *peer)
{
	int err = 0;

	while (r2tcp_recv_link_wait(peer)) {
		err = r2tcp_recv_link_some(peer);
		r2tcp_recv_finish(peer, err);
		if (err != -EAGAIN)
			return err;
	}
	return 0;
}

/* Those that wait have been told, and have gone. */
static bool r2tcp_recv_is_idle(struct r2tcp_peer *peer)
{
	bool idle;

	spin_lock(&peer->lock);
	idle = list_empty(&peer->waiters);
	spin_unlock(&peer->lock);
	return idle;
}

/**
 * r2tcp_recv_end() - wait until nobody but the link thread receives
 * @peer: the peer; not connected any more
 *
 * Context: the link thread.
 */
void r2tcp_recv_end(struct r2tcp_peer *peer)
{
	struct r2tcp_waiter *waiter;

	spin_lock(&peer->lock);
	list_for_each_entry(waiter, &peer->waiters, node)
		wake_up_process(waiter->task);
	spin_unlock(&peer->lock);
	wait_event_idle(peer->link_wait, r2tcp_recv_is_idle(peer));
}

/**
 * r2tcp_recv_check() - whoever is to receive does not get round to it
 * @peer: the peer; its lock is held
 *
 * A task may be kept from running, for instance by a limit of its control group.
 * Others are not to wait for that.
 *
 * Context: the clock.
 */
void r2tcp_recv_check(struct r2tcp_peer *peer)
{
	struct r2tcp_waiter *waiter;

	lockdep_assert_held(&peer->lock);
	if (!peer->receiver || peer->receiving || !READ_ONCE(peer->readable))
		return;
	list_for_each_entry(waiter, &peer->waiters, node)
		if (waiter->task == peer->receiver)
			waiter->late = true;
	r2tcp_recv_pass(peer);
}

/*
 * waiting
 */

/**
 * r2tcp_waiter_init() - the caller is going to wait
 * @waiter: what he waits with
 */
void r2tcp_waiter_init(struct r2tcp_waiter *waiter)
{
	INIT_LIST_HEAD(&waiter->node);
	waiter->task = current;
	waiter->late = false;
	waiter->came = false;
}

/**
 * r2tcp_waiter_came() - end the wait
 * @waiter: who waits; it may be gone when this returns
 *
 * Context: any.
 */
void r2tcp_waiter_came(struct r2tcp_waiter *waiter)
{
	struct task_struct *task;

	rcu_read_lock();
	task = waiter->task;
	/* Pairs with r2tcp_wait(): what has come is there. */
	smp_store_release(&waiter->came, true);
	if (task != current)
		wake_up_process(task);
	rcu_read_unlock();
}

/* Until r2tcp_waiter_leave() the peer stays, if one is returned. */
static struct r2tcp_peer *r2tcp_waiter_join(struct r2tcp *tcp,
					    unsigned int node,
					    struct r2tcp_waiter *waiter)
{
	struct r2tcp_peer *peer;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	if (peer) {
		spin_lock(&peer->lock);
		if (peer->connected) {
			list_add_tail(&waiter->node, &peer->waiters);
			if (!peer->receiver && !peer->receiving)
				r2tcp_recv_pass(peer);
		}
		spin_unlock(&peer->lock);
	}
	rcu_read_unlock();
	return list_empty(&waiter->node) ? NULL : peer;
}

/* From when the lock is let go of, the peer may be gone. */
static void r2tcp_waiter_leave(struct r2tcp_peer *peer,
			       struct r2tcp_waiter *waiter)
{
	spin_lock(&peer->lock);
	list_del_init(&waiter->node);
	if (peer->receiver == current)
		r2tcp_recv_pass(peer);
	if (!peer->connected)
		wake_up(&peer->link_wait);
	spin_unlock(&peer->lock);
}

static void r2tcp_waiter_recv(struct r2tcp_peer *peer,
			      struct r2tcp_waiter *waiter)
{
	unsigned int flags = memalloc_noreclaim_save();
	int err;

	/* What is here already is done with more cheaply now than by the next. */
	do {
		err = r2tcp_recv_frame(peer);
	} while (!err && (!READ_ONCE(waiter->came) || peer->ahead_left));
	r2tcp_recv_finish(peer, err ?: -EAGAIN);
	memalloc_noreclaim_restore(flags);
}

/* Without a peer, only wait.  Returns what is left of the time. */
static long r2tcp_waiter_sleep(struct r2tcp_peer *peer,
			       struct r2tcp_waiter *waiter, long timeout)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (READ_ONCE(waiter->came) || !timeout ||
		    (peer && !READ_ONCE(peer->connected)))
			break;
		if (!peer || !r2tcp_recv_begin(peer)) {
			timeout = schedule_timeout(timeout);
			continue;
		}
		__set_current_state(TASK_RUNNING);
		r2tcp_waiter_recv(peer, waiter);
	}
	__set_current_state(TASK_RUNNING);
	return timeout;
}

/**
 * r2tcp_wait() - wait until r2tcp_waiter_came() is called
 * @tcp: this node
 * @node: number of the peer whose answer is waited for
 * @waiter: from r2tcp_waiter_init(), called by the same task
 * @timeout: jiffies to wait at most
 *
 * Meanwhile the caller may receive what comes from that peer, for himself and
 * others.  That the connection has broken does not end the wait.
 *
 * Context: task; sleeps, uninterruptibly.  Calls &r2tcp_req.done of any request
 * to that peer.
 * Return: whether it was called.
 */
bool r2tcp_wait(struct r2tcp *tcp, unsigned int node,
		struct r2tcp_waiter *waiter, long timeout)
{
	struct r2tcp_peer *peer = r2tcp_waiter_join(tcp, node, waiter);

	if (peer) {
		timeout = r2tcp_waiter_sleep(peer, waiter, timeout);
		r2tcp_waiter_leave(peer, waiter);
	}
	r2tcp_waiter_sleep(NULL, waiter, timeout);
	/* Pairs with r2tcp_waiter_came(). */
	return smp_load_acquire(&waiter->came);
}
