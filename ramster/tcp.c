// SPDX-License-Identifier: GPL-2.0
/*
 * A node as tcp sees it: the table of peers, and what others may ask of it.
 * The list of files and the lock order are in tcp_private.h.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/err.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "tcp_private.h"

static int r2tcp_create_queues(struct r2tcp *tcp)
{
	tcp->wq = alloc_workqueue("r2tcp/%u", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
				  tcp->config.node);
	if (!tcp->wq)
		return -ENOMEM;
	tcp->greet_wq = alloc_workqueue("r2greet/%u",
					WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
					tcp->config.node);
	if (!tcp->greet_wq) {
		destroy_workqueue(tcp->wq);
		return -ENOMEM;
	}
	return 0;
}

static void r2tcp_destroy_queues(struct r2tcp *tcp)
{
	destroy_workqueue(tcp->greet_wq);
	destroy_workqueue(tcp->wq);
}

static struct r2tcp *r2tcp_alloc(const struct r2tcp_config *config,
				 const struct r2tcp_ops *ops, void *arg)
{
	struct r2tcp *tcp = kzalloc(sizeof(*tcp), GFP_KERNEL);

	if (!tcp)
		return NULL;
	tcp->config = *config;
	tcp->ops = ops;
	tcp->arg = arg;
	mutex_init(&tcp->mutex);
	do {
		tcp->instance = get_random_u64();
	} while (!tcp->instance);
	return tcp;
}

static bool r2tcp_config_ok(const struct r2tcp_config *config)
{
	return config->node < R2_MAX_NODES && config->idle_timeout_ms &&
	       config->keepalive_delay_ms && config->dead_time_ms &&
	       config->cluster[0] &&
	       memchr(config->cluster, 0, sizeof(config->cluster)) &&
	       (config->addr.ss_family == AF_INET ||
		config->addr.ss_family == AF_INET6);
}

/**
 * r2tcp_start() - start this node: listen, and accept from nobody yet
 * @config: what this node is; copied
 * @ops: what to do with what comes in; must stay valid
 * @arg: first argument of @ops
 *
 * Return: the node; or an ERR_PTR(): -EINVAL, -ENOMEM, or why the address could
 * not be listened at (-EADDRINUSE, -EADDRNOTAVAIL).
 *
 * Context: may sleep.
 */
struct r2tcp *r2tcp_start(const struct r2tcp_config *config,
			  const struct r2tcp_ops *ops, void *arg)
{
	struct r2tcp *tcp;
	int err;

	if (!r2tcp_config_ok(config))
		return ERR_PTR(-EINVAL);
	tcp = r2tcp_alloc(config, ops, arg);
	if (!tcp)
		return ERR_PTR(-ENOMEM);

	err = r2tcp_create_queues(tcp);
	if (err)
		goto err_free;
	err = r2tcp_accept_start(tcp);
	if (err)
		goto err_queues;
	pr_info("node %u of cluster %s listens at %pISpc\n", config->node,
		config->cluster, &config->addr);
	return tcp;

err_queues:
	r2tcp_destroy_queues(tcp);
err_free:
	kfree(tcp);
	return ERR_PTR(err);
}

/**
 * r2tcp_stop() - end this node
 * @tcp: the node; nobody may be calling any function with it but r2tcp_submit(),
 *	r2tcp_push(), r2tcp_push_later(), r2tcp_doubt() and r2tcp_doubted(), which
 *	find no peer any more
 *
 * Ends all peers as r2tcp_del_peer() does.  r2tcp_free() has to follow.
 * Context: sleeps, not for any peer.
 */
void r2tcp_stop(struct r2tcp *tcp)
{
	unsigned int i;

	r2tcp_accept_stop(tcp);
	for (i = 0; i < R2_MAX_NODES; i++)
		r2tcp_del_peer(tcp, i);
	r2tcp_destroy_queues(tcp);
	pr_info("node %u of cluster %s stopped\n", tcp->config.node,
		tcp->config.cluster);
}

/**
 * r2tcp_free() - free a node that was stopped
 * @tcp: the node, or NULL; nobody may be calling any function with it
 *
 * Whoever submits requests from where they are done() can do so until then.
 * Context: any.
 */
void r2tcp_free(struct r2tcp *tcp)
{
	kfree(tcp);
}

static int r2tcp_may_add(struct r2tcp *tcp, unsigned int node,
			 const struct sockaddr_storage *addr)
{
	lockdep_assert_held(&tcp->mutex);
	if (node >= R2_MAX_NODES || node == tcp->config.node)
		return -EINVAL;
	if (addr->ss_family != tcp->config.addr.ss_family)
		return -EAFNOSUPPORT;
	return rcu_access_pointer(tcp->peers[node]) ? -EEXIST : 0;
}

/**
 * r2tcp_add_peer() - add another node, and connect to it for as long as it is
 * @tcp: this node
 * @node: number of the other
 * @addr: its address and port
 *
 * Return: 0; -EEXIST if the number is taken; -EINVAL if it is this node's own or
 * out of range; -EAFNOSUPPORT if one address is IPv4 and the other IPv6;
 * -ENOMEM.  Context: may sleep, not for the peer.
 */
int r2tcp_add_peer(struct r2tcp *tcp, unsigned int node,
		   const struct sockaddr_storage *addr)
{
	struct r2tcp_peer *peer;
	int err;

	mutex_lock(&tcp->mutex);
	err = r2tcp_may_add(tcp, node, addr);
	if (!err) {
		peer = r2tcp_peer_create(tcp, node, addr);
		err = PTR_ERR_OR_ZERO(peer);
	}
	if (!err) {
		rcu_assign_pointer(tcp->peers[node], peer);
		r2tcp_peer_run(peer);
	}
	mutex_unlock(&tcp->mutex);
	return err;
}

/**
 * r2tcp_del_peer() - end the connection with another node and forget it
 * @tcp: this node
 * @node: number of the other; nothing happens if there is none
 *
 * Its requests have ended when this returns, with -ENOTCONN or -EHOSTDOWN, but
 * for those to be retried that r2tcp_hold() is handing back just then; if it was
 * connected, &r2tcp_ops.down was called.
 *
 * Context: may sleep, not for the peer.  Not from a function of &struct
 * r2tcp_ops, nor from &r2tcp_req.done, some of which are called before this
 * returns, with no lock of tcp held.
 */
void r2tcp_del_peer(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer;
	LIST_HEAD(done);

	if (node >= R2_MAX_NODES)
		return;
	mutex_lock(&tcp->mutex);
	peer = rcu_replace_pointer(tcp->peers[node], NULL,
				   lockdep_is_held(&tcp->mutex));
	if (peer) {
		synchronize_rcu();
		r2tcp_peer_destroy(peer, &done);
	}
	mutex_unlock(&tcp->mutex);
	r2tcp_req_complete(&done);
}

/* A peer stays as long as the mutex is held. */
static struct r2tcp_peer *r2tcp_peer_lock(struct r2tcp *tcp, unsigned int node)
{
	mutex_lock(&tcp->mutex);
	if (node >= R2_MAX_NODES)
		return NULL;
	return rcu_dereference_protected(tcp->peers[node],
					 lockdep_is_held(&tcp->mutex));
}

/**
 * r2tcp_hold() - end the connection with a peer, and make none until told to
 * @tcp: this node
 * @node: number of the peer
 *
 * Its requests end with -EHOSTDOWN or -ENOTCONN, and so will those to come.
 *
 * Return: 0, also if that is so already; -ENOENT if there is no such peer.
 * Context: sleeps until the connection has ended, not for the peer.  Not from a
 * function of &struct r2tcp_ops, nor from &r2tcp_req.done, some of which are
 * called before this returns, with no lock of tcp held.
 */
int r2tcp_hold(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer = r2tcp_peer_lock(tcp, node);
	LIST_HEAD(done);

	if (peer)
		r2tcp_peer_hold(peer, &done);
	mutex_unlock(&tcp->mutex);
	r2tcp_req_complete(&done);
	return peer ? 0 : -ENOENT;
}

/**
 * r2tcp_resume() - connect again, at once
 * @tcp: this node
 * @node: number of the peer
 *
 * Ends what r2tcp_hold() began, and any pause between two attempts.
 *
 * Return: 0, -ENOENT if there is no such peer.  Context: may sleep.
 */
int r2tcp_resume(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer = r2tcp_peer_lock(tcp, node);

	if (peer)
		r2tcp_peer_resume(peer);
	mutex_unlock(&tcp->mutex);
	return peer ? 0 : -ENOENT;
}

/**
 * r2tcp_cut() - break the connection with a peer; it will be made again
 * @tcp: this node
 * @node: number of the peer
 * @connection: which, from &r2tcp_peer_stats.connection; nothing happens if that
 *	has ended, even if there is another one now
 *
 * Context: may sleep.
 */
void r2tcp_cut(struct r2tcp *tcp, unsigned int node, u64 connection)
{
	struct r2tcp_peer *peer = r2tcp_peer_lock(tcp, node);

	if (peer)
		r2tcp_peer_shut(peer, connection);
	mutex_unlock(&tcp->mutex);
}

/* Under RCU. */
struct r2tcp_peer *r2tcp_peer_find(struct r2tcp *tcp, unsigned int node)
{
	return node < R2_MAX_NODES ? rcu_dereference(tcp->peers[node]) : NULL;
}

/**
 * r2tcp_doubt() - somebody has waited for another node in vain
 * @tcp: this node
 * @node: number of the other; nothing happens if there is none
 *
 * Until it is heard from, and for R2TCP_DOUBT_MS at least, it is not asked for
 * what is optional.  It is for the caller to say how long is too long.
 *
 * Context: any but interrupts.
 */
void r2tcp_doubt(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	if (peer)
		r2tcp_req_doubt(peer);
	rcu_read_unlock();
}

/**
 * r2tcp_doubted() - is another node in doubt, as r2tcp_doubt() has it
 * @tcp: this node
 * @node: number of the other
 *
 * Return: whether; not if there is none.
 * Context: any but interrupts, also with spinlocks held.
 */
bool r2tcp_doubted(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer;
	bool doubted;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	doubted = peer && r2tcp_req_doubted(peer);
	rcu_read_unlock();
	return doubted;
}

/**
 * r2tcp_connected() - is a connection with another node up
 * @tcp: this node
 * @node: number of the other
 *
 * Return: whether; it may have changed by the time the caller looks.
 * Context: any but interrupts.
 */
bool r2tcp_connected(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer;
	bool connected;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	connected = peer && READ_ONCE(peer->connected);
	rcu_read_unlock();
	return connected;
}

/**
 * r2tcp_announced() - is another node connected, and the layer above knows of it
 * @tcp: this node
 * @node: number of the other
 *
 * A node that was restarted is connected a moment before that is told: then it has
 * lost what it is still believed to have.
 *
 * Return: whether &r2tcp_ops.up has returned for this connection; it may have
 * ended by the time the caller looks.
 * Context: any but interrupts.
 */
bool r2tcp_announced(struct r2tcp *tcp, unsigned int node)
{
	struct r2tcp_peer *peer;
	bool announced;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	announced = peer && READ_ONCE(peer->announced);
	rcu_read_unlock();
	return announced;
}

/**
 * r2tcp_nr_connected() - how many connections are up
 * @tcp: this node
 *
 * Return: the number of peers.
 */
unsigned int r2tcp_nr_connected(struct r2tcp *tcp)
{
	return atomic_read(&tcp->nr_connected);
}

/**
 * r2tcp_peer_stats() - read the counters of a peer
 * @tcp: this node
 * @node: number of the peer
 * @stats: the counters
 *
 * Return: 0, or -ENOENT if there is no such peer.
 * Context: any but interrupts.
 */
int r2tcp_peer_stats(struct r2tcp *tcp, unsigned int node,
		     struct r2tcp_peer_stats *stats)
{
	struct r2tcp_peer *peer;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	if (peer) {
		/* That silence must be this connection's. */
		spin_lock(&peer->lock);
		stats->connected = peer->connected;
		stats->connection = peer->epoch;
		stats->silent_ms =
			jiffies_to_msecs(jiffies - READ_ONCE(peer->last_rx));
		spin_unlock(&peer->lock);
		stats->held = READ_ONCE(peer->held);
		stats->connects = atomic64_read(&peer->connects);
		stats->tx_bytes = atomic64_read(&peer->tx_bytes);
		stats->rx_bytes = atomic64_read(&peer->rx_bytes);
		stats->bad_frames = atomic64_read(&peer->bad_frames);
		stats->timeouts = atomic64_read(&peer->timeouts);
		stats->pages_sent = atomic64_read(&peer->pages_sent);
		stats->pages_fetched = atomic64_read(&peer->pages_fetched);
		stats->pages_taken = atomic64_read(&peer->pages_taken);
		stats->pages_returned = atomic64_read(&peer->pages_returned);
		stats->fetch_us = div_u64(atomic64_read(&peer->fetch_ns),
					  NSEC_PER_USEC);
		stats->fetch_max_us = div_u64(atomic64_read(&peer->fetch_max_ns),
					      NSEC_PER_USEC);
		stats->room = READ_ONCE(peer->room);
		stats->capacity = READ_ONCE(peer->capacity);
		stats->recall = READ_ONCE(peer->recall);
	}
	rcu_read_unlock();
	return peer ? 0 : -ENOENT;
}

/**
 * r2tcp_set_reconnect_delay() - change the pause between attempts to connect
 * @tcp: this node
 * @ms: milliseconds; a pause that has begun is not changed
 */
void r2tcp_set_reconnect_delay(struct r2tcp *tcp, unsigned int ms)
{
	WRITE_ONCE(tcp->config.reconnect_delay_ms, ms);
}

/**
 * r2tcp_set_timeouts() - change what both sides must agree on
 * @tcp: this node
 * @idle_timeout_ms: see &struct r2tcp_config
 * @keepalive_delay_ms: see &struct r2tcp_config
 * @dead_time_ms: see &struct r2tcp_config
 *
 * Return: 0, or -EBUSY if a peer is connected.  A handshake that is under way
 * may still come to its end with the old values.
 */
int r2tcp_set_timeouts(struct r2tcp *tcp, unsigned int idle_timeout_ms,
		       unsigned int keepalive_delay_ms,
		       unsigned int dead_time_ms)
{
	if (r2tcp_nr_connected(tcp))
		return -EBUSY;
	WRITE_ONCE(tcp->config.idle_timeout_ms, idle_timeout_ms);
	WRITE_ONCE(tcp->config.keepalive_delay_ms, keepalive_delay_ms);
	WRITE_ONCE(tcp->config.dead_time_ms, dead_time_ms);
	return 0;
}

/**
 * r2tcp_submit() - send a request to a peer
 * @tcp: this node
 * @node: number of the peer
 * @req: the request, with all members filled in that are not private or results;
 *	lent until &r2tcp_req.done is called
 *
 * A request beyond the window of the protocol waits for its turn.
 *
 * Return: 0, @done will be called exactly once, maybe before this returns;
 * -ENOTCONN if there is no such peer, or it is not connected and @req is not to
 * be retried; -EHOSTUNREACH if it has not been connected for as long as @req
 * would wait, or is in doubt and @req optional: @done will not be called.
 *
 * Context: any but interrupts, also with spinlocks held, but none that are
 * taken by interrupts; does not sleep or allocate.
 */
int r2tcp_submit(struct r2tcp *tcp, unsigned int node, struct r2tcp_req *req)
{
	struct r2tcp_peer *peer;
	int err = -ENOTCONN;

	rcu_read_lock();
	peer = r2tcp_peer_find(tcp, node);
	if (peer)
		err = r2tcp_req_submit(peer, req);
	rcu_read_unlock();
	return err;
}
