/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tcp: connections, handshake, framing, requests and replies, keepalive.
 *
 * tcp knows no tmem.  It moves frames of r2wire.h between this node and its
 * peers, matches replies to requests, and hands requests of the peer to a
 * table of handlers.
 *
 * For each peer there are two threads: one that connects (or waits for the
 * peer to do so), shakes hands and receives; and one that sends.  Neither ever
 * waits for the other: replies go through a queue whose room was set aside when
 * the peer was added.  Whoever has asked for a page, or answered, sends that
 * himself if the socket takes it at once (r2tcp_push()); there is one writer at
 * a time, and what has to wait is for the thread.  Whoever waits for a page
 * receives himself meanwhile, if nobody else does (r2tcp_wait()).
 */
#ifndef _RAMSTER_TCP_H
#define _RAMSTER_TCP_H

#include <linux/list.h>
#include <linux/socket.h>
#include <linux/types.h>
#include "r2wire.h"

struct net;
struct task_struct;
struct r2tcp;
struct r2tcp_peer;

/**
 * struct r2tcp_out - a frame that is to be sent; private to tcp
 * @node: place in a queue of the sender
 * @hdr: the header
 * @payload: what follows it
 * @len: bytes of @payload
 * @sent: bytes of both that the socket has taken
 * @kind: what this is embedded in
 * @begun: it was given to the socket, in part at least
 */
struct r2tcp_out {
	struct list_head node;
	struct r2_hdr hdr;
	const void *payload;
	unsigned int len;
	unsigned int sent;
	u8 kind;
	bool begun;
};

/**
 * struct r2tcp_req - a request to a peer; owned by the caller, lent until done
 * @out: private to tcp
 * @id: private to tcp
 * @began: private to tcp
 * @type: R2_PUT, R2_GET or R2_FLUSH
 * @items: items in the payload; 0 for R2_GET
 * @payload: what to send after the header; must not change before @done
 * @len: bytes of @payload
 * @reply: where the reply's payload goes; aligned to R2_ALIGN
 * @reply_max: room there; a longer reply closes the connection
 * @deadline: jiffies at which to give up
 * @retry: survive a broken connection: wait for the next one, if need be send
 *	again, to the same instance of the peer, until @deadline, rather than
 *	end with -ENOTCONN; but not begin to wait for a peer that has been away
 *	for as long as that would take
 * @optional: rather fail than wait for a peer that is in doubt: r2tcp_doubt()
 * @pushed: the caller is going to call r2tcp_push() or r2tcp_push_later(), so
 *	nobody is woken for it
 * @result: 0: @reply_len bytes are in @reply, well-formed; -ENOTCONN: no or a
 *	broken connection, the peer may or may not have acted; -ETIMEDOUT:
 *	deadline passed, the same; -EHOSTDOWN: the peer has come back as a new
 *	instance, is being removed, or no connection with it is wanted
 * @reply_len: bytes of the reply
 * @alone: a reply has come, and nothing else that is to be looked at after
 *	@done
 * @done: called exactly once, in task context, with no lock of tcp held, by a
 *	thread of tcp, by who removes or holds the peer, or by a task in
 *	r2tcp_wait(), which may be in a page fault; maybe under
 *	memalloc_noreclaim; may sleep shortly but not for the network, nor for
 *	who is in a page fault; the request belongs to the caller again
 */
struct r2tcp_req {
	struct r2tcp_out out;
	u64 id;
	u64 began;
	enum r2_type type;
	unsigned int items;
	const void *payload;
	unsigned int len;
	void *reply;
	unsigned int reply_max;
	unsigned long deadline;
	bool retry;
	bool optional;
	bool pushed;
	int result;
	unsigned int reply_len;
	bool alone;
	void (*done)(struct r2tcp_req *req);
};

/**
 * struct r2tcp_waiter - a task that waits for something of a peer
 * @node: private to tcp
 * @task: private to tcp
 * @late: private to tcp
 * @came: private to tcp
 */
struct r2tcp_waiter {
	struct list_head node;
	struct task_struct *task;
	bool late;
	bool came;
};

/**
 * struct r2tcp_reply - room for the answer to a peer's request
 * @items: items in @buf, set by the handler; 0 for GET
 * @len: bytes in @buf, set by the handler
 * @buf: R2_MAX_PAGE + sizeof(struct r2_get_reply) bytes, aligned to R2_ALIGN;
 *	holds leftovers
 */
struct r2tcp_reply {
	unsigned int items;
	unsigned int len;
	void *buf;
};

/**
 * struct r2tcp_room - what RAM a node has for another, in page frames
 * @room: frames that it can lend now, @capacity at most
 * @capacity: frames that it could lend if it had lent none
 * @recall: frames with pages of the other that it wants back
 */
struct r2tcp_room {
	u32 room;
	u32 capacity;
	u32 recall;
};

/**
 * struct r2tcp_ops - what the layer above does with what comes in
 * @put: a PUT came in, well-formed from end to end; fill in the statuses.
 *	Non-zero closes the connection
 * @get: a GET came in, well-formed; fill in a struct r2_get_reply and the data
 * @flush: a FLUSH came in, well-formed; fill in the statuses
 * @up: handshake done; @new_instance if the peer was not seen before or has
 *	lost what it held.  Called before any request of the peer is handled
 * @down: the connection is gone; nothing is lost by that
 * @room: fill in what can be lent now, and what is wanted back of a node
 * @recalls: a peer wants back more than it said before; see
 *	&r2tcp_peer_stats.recall.  May be NULL
 *
 * Context: all are called by the peer's link thread, one at a time for
 * each peer, under memalloc_noreclaim; they must not wait for any peer.  @room
 * does not sleep, and is also called by other threads, at any time between r2tcp_start() and the
 * return of r2tcp_stop().
 */
struct r2tcp_ops {
	int (*put)(void *arg, unsigned int node, const void *payload,
		   unsigned int len, unsigned int items,
		   struct r2tcp_reply *reply);
	int (*get)(void *arg, unsigned int node, const struct r2_page *page,
		   struct r2tcp_reply *reply);
	int (*flush)(void *arg, unsigned int node,
		     const struct r2_flush_item *item, unsigned int items,
		     struct r2tcp_reply *reply);
	void (*up)(void *arg, unsigned int node, bool new_instance);
	void (*down)(void *arg, unsigned int node);
	void (*room)(void *arg, unsigned int node, struct r2tcp_room *room);
	void (*recalls)(void *arg, unsigned int node);
};

/**
 * struct r2tcp_config - what this node is
 * @net: network namespace; must stay until r2tcp_stop() has returned
 * @cluster: name of the cluster
 * @node: number of this node
 * @addr: address and port to listen on (IPv4 or IPv6)
 * @idle_timeout_ms: a connection silent for this long is dropped
 * @keepalive_delay_ms: PING after this long without receiving anything
 * @dead_time_ms: what the other nodes must agree to call dead; tcp does nothing
 *	else with it
 * @reconnect_delay_ms: pause between two attempts to connect
 */
struct r2tcp_config {
	struct net *net;
	char cluster[R2_CLUSTER_NAME_LEN];
	unsigned int node;
	struct sockaddr_storage addr;
	unsigned int idle_timeout_ms;
	unsigned int keepalive_delay_ms;
	unsigned int dead_time_ms;
	unsigned int reconnect_delay_ms;
};

/**
 * struct r2tcp_peer_stats - counters of one peer, since it was added
 * @connected: a connection is up now
 * @connection: number of the present connection, for r2tcp_cut(); or of a past
 *	one, or of an attempt, if none is up
 * @held: none is wanted: r2tcp_hold()
 * @connects: handshakes done
 * @tx_bytes: bytes sent, headers included
 * @rx_bytes: bytes received, headers included
 * @bad_frames: connections closed for a frame that breaks the protocol
 * @timeouts: requests that ended with -ETIMEDOUT
 * @pages_sent: pages that the peer has accepted, while somebody waited for it
 * @pages_fetched: pages that it gave back, likewise
 * @pages_taken: pages that were accepted from it
 * @pages_returned: pages that were given back to it
 * @fetch_us: microseconds that all of @pages_fetched took, from r2tcp_submit()
 *	to the whole reply
 * @fetch_max_us: the longest of them
 * @silent_ms: since the peer was heard from, or since it was added
 * @room: page frames that it could lend when it last said so
 * @capacity: page frames that it could lend if it had lent none, likewise
 * @recall: page frames with pages of this node that it wants back, likewise
 */
struct r2tcp_peer_stats {
	bool connected;
	u64 connection;
	bool held;
	u64 connects;
	u64 tx_bytes;
	u64 rx_bytes;
	u64 bad_frames;
	u64 timeouts;
	u64 pages_sent;
	u64 pages_fetched;
	u64 pages_taken;
	u64 pages_returned;
	u64 fetch_us;
	u64 fetch_max_us;
	u64 silent_ms;
	u32 room;
	u32 capacity;
	u32 recall;
};

struct r2tcp *r2tcp_start(const struct r2tcp_config *config,
			  const struct r2tcp_ops *ops, void *arg);
void r2tcp_stop(struct r2tcp *tcp);
void r2tcp_free(struct r2tcp *tcp);

int r2tcp_add_peer(struct r2tcp *tcp, unsigned int node,
		   const struct sockaddr_storage *addr);
void r2tcp_del_peer(struct r2tcp *tcp, unsigned int node);
int r2tcp_hold(struct r2tcp *tcp, unsigned int node);
int r2tcp_resume(struct r2tcp *tcp, unsigned int node);
void r2tcp_cut(struct r2tcp *tcp, unsigned int node, u64 connection);
void r2tcp_doubt(struct r2tcp *tcp, unsigned int node);
bool r2tcp_doubted(struct r2tcp *tcp, unsigned int node);
bool r2tcp_connected(struct r2tcp *tcp, unsigned int node);
bool r2tcp_announced(struct r2tcp *tcp, unsigned int node);
unsigned int r2tcp_nr_connected(struct r2tcp *tcp);
int r2tcp_peer_stats(struct r2tcp *tcp, unsigned int node,
		     struct r2tcp_peer_stats *stats);
void r2tcp_set_reconnect_delay(struct r2tcp *tcp, unsigned int ms);
int r2tcp_set_timeouts(struct r2tcp *tcp, unsigned int idle_timeout_ms,
		       unsigned int keepalive_delay_ms,
		       unsigned int dead_time_ms);

int r2tcp_submit(struct r2tcp *tcp, unsigned int node, struct r2tcp_req *req);
void r2tcp_push(struct r2tcp *tcp, unsigned int node);
void r2tcp_push_later(struct r2tcp *tcp, unsigned int node);

void r2tcp_waiter_init(struct r2tcp_waiter *waiter);
void r2tcp_waiter_came(struct r2tcp_waiter *waiter);
bool r2tcp_wait(struct r2tcp *tcp, unsigned int node,
		struct r2tcp_waiter *waiter, long timeout);

#endif /* _RAMSTER_TCP_H */
