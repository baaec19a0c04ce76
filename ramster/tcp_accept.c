// SPDX-License-Identifier: GPL-2.0
/*
 * The listening socket, and who may come in.
 *
 * One thread accepts for all peers, so it never waits for any of them: it looks
 * at the address that a connection comes from, and leaves the handshake to a
 * worker of the peer that the address belongs to.
 *
 * A second connection from a peer that is connected is not refused: a peer
 * that has crashed comes back long before this node would notice that the old
 * connection is dead.  The old one stays in use until the new one has shaken
 * hands.  Of connections that have not shaken hands yet, a newer one replaces an
 * older one that was not even looked at.
 *
 * An address and a HELLO is all that is asked for.  Who sends from the right
 * address can keep the peer from connecting, and if it also knows the name of
 * the cluster and the timeouts it is the peer, and takes its place.  So this is
 * for a network on which only the nodes have these addresses, and only root can
 * send from them.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ratelimit.h>
#include "tcp_private.h"

/* Takes over @sock.  Under RCU, so that the peer cannot go away. */
static struct socket *r2tcp_accept_hand_over(struct r2tcp_peer *peer,
					     struct socket *sock)
{
	struct socket *unwanted = sock;

	spin_lock(&peer->lock);
	if (!peer->dead && !peer->held) {
		swap(unwanted, peer->incoming);
		if (!unwanted)
			queue_work(peer->tcp->greet_wq, &peer->greet);
	}
	spin_unlock(&peer->lock);
	return unwanted;
}

static struct r2tcp_peer *
r2tcp_accept_find(struct r2tcp *tcp, const struct sockaddr_storage *from)
{
	struct r2tcp_peer *peer;
	unsigned int i;

	/* From the top: of two with the same address, one that may connect. */
	for (i = R2_MAX_NODES; i--;) {
		peer = rcu_dereference(tcp->peers[i]);
		if (peer && r2tcp_same_address(&peer->addr, from))
			return peer;
	}
	return NULL;
}

/* It will try again and again; that is said once. */
static void r2tcp_accept_turn_away(struct r2tcp_peer *peer,
				   const struct sockaddr_storage *from)
{
	bool again;

	spin_lock(&peer->lock);
	again = peer->turned_away;
	peer->turned_away = true;
	spin_unlock(&peer->lock);
	if (!again)
		pr_notice("refused a connection from %pISpc: node %u is down by hand\n",
			  from, peer->node);
}

static void r2tcp_accept_one(struct r2tcp *tcp, struct socket *sock)
{
	struct sockaddr_storage from = {};
	struct socket *unwanted = sock;
	struct r2tcp_peer *peer;

	if (kernel_getpeername(sock, (struct sockaddr *)&from) < 0)
		goto out_close;

	rcu_read_lock();
	peer = r2tcp_accept_find(tcp, &from);
	if (!peer)
		pr_notice_ratelimited("refused a connection from %pISpc: no node has this address\n",
				      &from);
	else if (peer->node < tcp->config.node)
		pr_notice_ratelimited("refused a connection from %pISpc: node %u is to wait for ours\n",
				      &from, peer->node);
	else if (READ_ONCE(peer->held))
		r2tcp_accept_turn_away(peer, &from);
	else
		unwanted = r2tcp_accept_hand_over(peer, sock);
	rcu_read_unlock();

out_close:
	if (unwanted)
		r2tcp_sock_close(unwanted);
}

static int r2tcp_acceptor(void *data)
{
	struct r2tcp *tcp = data;
	struct socket *sock;

	while (!kthread_should_stop()) {
		if (!kernel_accept(tcp->listener, &sock, 0))
			r2tcp_accept_one(tcp, sock);
		else if (!kthread_should_stop())
			/* Out of memory, most likely; the peer tries again. */
			msleep(R2TCP_TICK_MS);
	}
	return 0;
}

/* In a worker, lest the socket be charged to whoever wrote to configfs. */
static void r2tcp_accept_listen(struct work_struct *work)
{
	struct r2tcp *tcp = container_of(work, struct r2tcp, listen);

	tcp->listen_error = r2tcp_sock_listen(tcp->config.net,
					      &tcp->config.addr,
					      &tcp->listener);
}

/**
 * r2tcp_accept_start() - listen and accept
 * @tcp: this node
 *
 * Return: 0, or what creating, binding or listening said.  Context: may sleep.
 */
int r2tcp_accept_start(struct r2tcp *tcp)
{
	INIT_WORK(&tcp->listen, r2tcp_accept_listen);
	queue_work(tcp->wq, &tcp->listen);
	flush_work(&tcp->listen);
	if (tcp->listen_error)
		return tcp->listen_error;

	tcp->acceptor = kthread_run(r2tcp_acceptor, tcp, "r2accept/%u",
				    tcp->config.node);
	if (IS_ERR(tcp->acceptor)) {
		sock_release(tcp->listener);
		return PTR_ERR(tcp->acceptor);
	}
	return 0;
}

/**
 * r2tcp_accept_stop() - accept no more
 * @tcp: this node
 *
 * Context: sleeps until the thread is gone, which waits for nobody.
 */
void r2tcp_accept_stop(struct r2tcp *tcp)
{
	/* No longer listening, kernel_accept() fails at once and ever after. */
	r2tcp_sock_shut(tcp->listener);
	kthread_stop(tcp->acceptor);
	sock_release(tcp->listener);
}

static bool r2tcp_greet_begin(struct r2tcp_peer *peer, struct socket *sock)
{
	bool ok;

	mutex_lock(&peer->mutex);
	ok = !peer->stopping && !peer->held;
	if (ok)
		peer->greeting = sock;
	mutex_unlock(&peer->mutex);
	return ok;
}

/* Returns the socket that is to be closed, if any. */
static struct socket *r2tcp_greet_end(struct r2tcp_peer *peer,
				      struct socket *sock, u64 instance,
				      int err)
{
	struct socket *unwanted = sock;

	mutex_lock(&peer->mutex);
	peer->greeting = NULL;
	if (!err && !peer->stopping && !peer->held) {
		/* The link thread will find its connection broken. */
		if (peer->sock)
			r2tcp_sock_shut(peer->sock);
		peer->ready_instance = instance;
		unwanted = peer->ready;
		WRITE_ONCE(peer->ready, sock);
	}
	mutex_unlock(&peer->mutex);
	wake_up(&peer->link_wait);
	return unwanted;
}

static void r2tcp_greet_one(struct r2tcp_peer *peer, struct socket *sock)
{
	u64 instance = 0;
	int err;

	if (r2tcp_greet_begin(peer, sock)) {
		r2tcp_sock_tune(sock, peer->tcp->config.idle_timeout_ms);
		err = r2tcp_hello(peer, sock, &instance);
		sock = r2tcp_greet_end(peer, sock, instance, err);
	}
	if (sock)
		r2tcp_sock_close(sock);
}

/**
 * r2tcp_accept_greet() - shake hands with accepted connections
 * @work: &r2tcp_peer.greet
 */
void r2tcp_accept_greet(struct work_struct *work)
{
	struct r2tcp_peer *peer = container_of(work, struct r2tcp_peer, greet);
	struct socket *sock;

	spin_lock(&peer->lock);
	sock = peer->incoming;
	peer->incoming = NULL;
	spin_unlock(&peer->lock);
	if (sock)
		r2tcp_greet_one(peer, sock);
}
