/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of tcp share with each other, and with nobody else.
 *
 *   tcp.c          the object: start, stop, the table of peers
 *   tcp_peer.c     one peer: making and ending it, its clock
 *   tcp_sock.c     sockets: options, connecting, whole frames in and out
 *   tcp_accept.c   the listening socket, and who may come in
 *   tcp_hello.c    the handshake
 *   tcp_link.c     the thread of a peer that connects, and ends a connection
 *   tcp_recv.c     receiving, by that thread or by a task that waits
 *   tcp_send.c     sending, and the thread of a peer that does so
 *   tcp_req.c      requests to a peer: slots, replies, deadlines
 *   tcp_serve.c    requests of a peer: handlers, room for replies
 *   tcp_room.c     what room each says that it has
 *
 * Lock order, outermost first:
 *
 *   r2tcp.mutex         adding, removing and configuring
 *   r2tcp_peer.mutex    which sockets a peer has; held to shut one down, so
 *                       that its owner cannot release it meanwhile
 *   the socket's own lock
 *   its sk_callback_lock  whom it tells what, when it has something
 *
 *   r2tcp_peer.lock     spinlock, taken last and alone: queues, slots, state
 *
 * Who sends or receives may be in a page fault, and hold locks of mm and of
 * folios: all but the first two are taken inside of those.
 *
 * No lock is held while anything of another layer is called, nor while waiting
 * for a peer.
 */
#ifndef _RAMSTER_TCP_PRIVATE_H
#define _RAMSTER_TCP_PRIVATE_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include "tcp.h"

/* All times that are not configured, each with its reason. */
enum r2tcp_times {
	/* Deadlines and keepalive need not be more exact than this. */
	R2TCP_TICK_MS		= 100,
	/* To connect, and to shake hands: each is a round trip or two. */
	R2TCP_HELLO_MS		= 5000,
	/*
	 * A request whose deadline has passed while it is on its way through
	 * the socket gets this long to come out of it, before the connection
	 * is given up: closing costs all other requests.
	 */
	R2TCP_GRACE_MS		= 1000,
	/*
	 * A peer that was waited for in vain is in doubt for this long, even
	 * if it is heard from: who reads many pages ahead, one by one, has
	 * asked for the last of them by then.
	 */
	R2TCP_DOUBT_MS		= 1000,
	/* Refusals double the pause between attempts, up to 2^this. */
	R2TCP_MAX_BACKOFF	= 6,
};

/* Requests compete for room only with those of their own class. */
enum r2tcp_class {
	R2TCP_GETS,
	R2TCP_BATCHES,
	R2TCP_NR_WINDOWS,
	R2TCP_PONGS = R2TCP_NR_WINDOWS,	/* only as replies */
	R2TCP_NR_CLASSES,
};

enum r2tcp_kind {
	R2TCP_REQUEST,
	R2TCP_REPLY,
	R2TCP_PING,
	R2TCP_ROOM,
};

enum {
	R2TCP_NR_SLOTS		= R2_MAX_GETS + R2_MAX_BATCHES,
	R2TCP_REPLY_SIZE	= R2_MAX_PAGE + sizeof(struct r2_get_reply),
	/* Bytes that a GET may find before it; more than any frame. */
	R2TCP_NOTSENT		= 128 * 1024,
	/* Frames that a task waits for are sent together, up to this many. */
	R2TCP_GATHER		= 32,
	/* And so many when that may take its time, as none comes back before. */
	R2TCP_GATHER_WAITING	= 8,
	/* What is received ahead of its turn, so that few calls are needed. */
	R2TCP_AHEAD		= 16 * 1024,
};

/**
 * struct r2tcp_slot - a request that was given to the sender
 * @id: its id, whose low byte is the number of this slot; 0 if free
 * @req: the request; NULL if it has timed out after it was sent.  The slot is
 *	then kept, as the peer still counts the request, until the reply comes
 * @type: of the request
 * @items: of the request
 * @sending: the sender reads the request
 * @receiving: the receiver writes into the request's buffer
 * @finished: the result is set; the last of the two hands the request back
 * @expired: jiffies when it timed out, if @req is NULL
 * @sent: nothing of the request is left to be sent
 *
 * Protected by the lock of the peer.  A request in a slot is handed back only
 * when neither thread uses it.
 */
struct r2tcp_slot {
	u64 id;
	struct r2tcp_req *req;
	enum r2_type type;
	unsigned int items;
	bool sending;
	bool receiving;
	bool finished;
	bool sent;
	unsigned long expired;
};

/**
 * struct r2tcp_answer - room for one reply to the peer
 * @out: the frame; its node is in a free list, in the queue, or in none
 * @class: which free list it belongs to
 * @reply: what the handler fills in
 * @pong: payload of a PONG
 */
struct r2tcp_answer {
	struct r2tcp_out out;
	enum r2tcp_class class;
	struct r2tcp_reply reply;
	struct r2_pong pong;
};

/**
 * struct r2tcp_in - the frame that is being received
 * @hdr: its header, of which @got bytes are here unless it is known
 * @known: the header is here, and decoded
 * @frame: what is in it
 * @buf: where the payload goes; NULL until that is known
 * @got: bytes of header or payload that are here
 * @answer: room for the answer to a request
 * @pong: the payload of a PONG
 * @said: the payload of a ROOM
 * @err: why the connection has to end, or 0
 *
 * Belongs to whoever receives.
 */
struct r2tcp_in {
	struct r2_hdr hdr;
	bool known;
	struct r2_frame frame;
	void *buf;
	unsigned int got;
	struct r2tcp_answer *answer;
	struct r2_pong pong;
	struct r2_room said;
	int err;
};

/**
 * struct r2tcp_peer - another node
 * @tcp: this node
 * @node: number of the other
 * @addr: where it listens and where it connects from
 * @mutex: protects the members up to @instance
 * @stopping: no socket may be added any more
 * @sock: socket of the link thread: connecting, shaking hands or in use
 * @epoch: number of @sock, which no other socket of this node has; written under
 *	@lock as well
 * @greeting: accepted socket that is shaking hands
 * @ready: accepted socket that has shaken hands, for the link thread to take
 * @ready_instance: instance of the peer at the other end of @ready
 * @instance: last instance that was connected; only used by the link thread
 * @lock: protects the members up to @said
 * @incoming: accepted socket that nothing was done with yet
 * @dead: no request may be added any more
 * @connected: hands were shaken, and the connection has not ended
 * @announced: &r2tcp_ops.up has returned, and the connection has not ended
 * @sendable: the sender may send
 * @shut: the clock has given the connection up
 * @held: no connection is wanted; written under @mutex as well
 * @turned_away: the peer wanted to connect since then
 * @hurry: the link thread is not to pause before its next attempt
 * @down_since: jiffies when this node began to be without a connection
 * @tried: an attempt to connect has failed since then
 * @doubted: somebody has waited for the peer in vain
 * @doubted_at: jiffies when that was said
 * @urgent: frames that a task waits for: GET, its reply, PING, PONG; and ROOM
 * @bulk: all other frames
 * @writing: somebody is at the socket, to write, and has @sending for himself; or
 *	has just written, and hands back what has ended by that
 * @sending: frames that are being sent; the first may have been sent in part
 * @waiting: requests for which there was no slot, oldest first
 * @slots: requests that were given to the sender; first the GETs
 * @used: slots that are not free
 * @last_seq: number of the last request
 * @free: room for replies
 * @ping: the PING that we send
 * @pinged: id of the PING without a PONG; 0 if there is none
 * @receiver: the task that is to receive what comes; NULL if that is the link
 *	thread.  Also read without @lock, under RCU
 * @receiving: it is at the socket, and has @in, @ahead and @rx for itself
 * @waiters: tasks that wait for an answer, &struct r2tcp_waiter, oldest first
 * @say: the ROOM that we send
 * @say_payload: its payload
 * @has_said: one was sent since hands were shaken
 * @said: what it said
 * @readable: there may be something to receive; not protected by @lock
 * @in: what has come of a frame
 * @sk_data_ready: what the socket called before it was told to call us
 * @sk_state_change: likewise
 * @last_rx: jiffies when something was received, or the peer was made
 * @room: page frames that the peer can lend, as it said last
 * @capacity: page frames that it could lend if it had lent none, likewise
 * @recall: page frames with pages of ours that it wants back, likewise
 * @link: thread that connects and receives
 * @link_wait: where it waits, but not for something to receive
 * @sender: thread that sends what nobody else does
 * @send_wait: where it waits
 * @greet: shakes hands with an accepted socket
 * @tick: the clock: deadlines and keepalive
 * @answers: room for replies; made before the first attempt to connect
 * @reply_bufs: their buffers
 * @rx: payload being received, R2_MAX_PAYLOAD bytes
 * @ahead: what was received before it was asked for, R2TCP_AHEAD bytes
 * @ahead_at: first of these bytes that was not asked for yet
 * @ahead_left: how many there are from there on
 * @refused: last HELLO that did not suit, without its instance
 * @refusals: how many in a row
 * @warned: @down_since is long ago, and that was said
 * @connects: see struct r2tcp_peer_stats; so are the rest
 * @tx_bytes: likewise
 * @rx_bytes: likewise
 * @bad_frames: likewise
 * @timeouts: likewise
 * @pages_sent: likewise
 * @pages_fetched: likewise
 * @pages_taken: likewise
 * @pages_returned: likewise
 * @fetch_ns: nanoseconds that all of @pages_fetched took
 * @fetch_max_ns: the longest of them; written under @lock
 */
struct r2tcp_peer {
	struct r2tcp *tcp;
	unsigned int node;
	struct sockaddr_storage addr;

	struct mutex mutex;	/* which sockets there are */
	bool stopping;
	struct socket *sock;
	u64 epoch;
	struct socket *greeting;
	struct socket *ready;
	u64 ready_instance;
	u64 instance;

	spinlock_t lock;	/* queues, slots, state */
	struct socket *incoming;
	bool dead;
	bool connected;
	bool announced;
	bool sendable;
	bool shut;
	bool held;
	bool turned_away;
	bool hurry;
	unsigned long down_since;
	bool tried;
	bool doubted;
	unsigned long doubted_at;
	struct list_head urgent;
	struct list_head bulk;
	bool writing;
	struct list_head sending;
	struct list_head waiting[R2TCP_NR_WINDOWS];
	struct r2tcp_slot slots[R2TCP_NR_SLOTS];
	DECLARE_BITMAP(used, R2TCP_NR_SLOTS);
	u64 last_seq;
	struct list_head free[R2TCP_NR_CLASSES];
	struct r2tcp_out ping;
	u64 pinged;
	struct task_struct *receiver;
	bool receiving;
	struct list_head waiters;
	struct r2tcp_out say;
	struct r2_room say_payload;
	bool has_said;
	struct r2tcp_room said;

	bool readable;
	struct r2tcp_in in;
	void (*sk_data_ready)(struct sock *sk);
	void (*sk_state_change)(struct sock *sk);
	unsigned long last_rx;
	u32 room;
	u32 capacity;
	u32 recall;
	struct task_struct *link;
	wait_queue_head_t link_wait;
	struct task_struct *sender;
	wait_queue_head_t send_wait;
	struct work_struct greet;
	struct delayed_work tick;
	struct r2tcp_answer *answers;
	void *reply_bufs;
	void *rx;
	void *ahead;
	unsigned int ahead_at;
	unsigned int ahead_left;

	struct r2_hello refused;
	unsigned int refusals;
	bool warned;

	atomic64_t connects;
	atomic64_t tx_bytes;
	atomic64_t rx_bytes;
	atomic64_t bad_frames;
	atomic64_t timeouts;
	atomic64_t pages_sent;
	atomic64_t pages_fetched;
	atomic64_t pages_taken;
	atomic64_t pages_returned;
	atomic64_t fetch_ns;
	atomic64_t fetch_max_ns;
};

/**
 * struct r2tcp - this node
 * @config: as given; the delays may change
 * @ops: the layer above
 * @arg: its argument
 * @instance: random, for HELLO
 * @last_epoch: the last number that a socket was given
 * @mutex: protects changes of @peers and @config
 * @peers: by number; read under RCU
 * @nr_connected: how many of them are connected
 * @wq: the clocks
 * @greet_wq: handshakes of accepted sockets; they wait for the peer, so they
 *	are kept apart from the clocks
 * @listen: makes the listening socket, in a task that is nobody's
 * @listen_error: what came of it
 * @listener: the listening socket
 * @acceptor: thread that accepts
 */
struct r2tcp {
	struct r2tcp_config config;
	const struct r2tcp_ops *ops;
	void *arg;
	u64 instance;
	atomic64_t last_epoch;
	struct mutex mutex;	/* changes of peers and config */
	struct r2tcp_peer __rcu *peers[R2_MAX_NODES];
	atomic_t nr_connected;
	struct workqueue_struct *wq;
	struct workqueue_struct *greet_wq;
	struct work_struct listen;
	int listen_error;
	struct socket *listener;
	struct task_struct *acceptor;
};

/**
 * r2tcp_class() - which window a request belongs to
 * @type: of the request
 *
 * Return: the window.
 */
static inline enum r2tcp_class r2tcp_class(enum r2_type type)
{
	return type == R2_GET ? R2TCP_GETS : R2TCP_BATCHES;
}

/**
 * r2tcp_count_ok() - how many items went well
 * @status: payload of a PUT_REPLY
 * @items: statuses in it
 *
 * Return: number of those that are R2_OK.
 */
static inline unsigned int r2tcp_count_ok(const u8 *status, unsigned int items)
{
	unsigned int i, ok = 0;

	for (i = 0; i < items; i++)
		ok += status[i] == R2_OK;
	return ok;
}

/**
 * r2tcp_connects() - which of the two makes the connection
 * @peer: the other
 *
 * Return: true if it is this node, false if the peer does.
 */
static inline bool r2tcp_connects(const struct r2tcp_peer *peer)
{
	return peer->tcp->config.node > peer->node;
}

/* tcp.c */
struct r2tcp_peer *r2tcp_peer_find(struct r2tcp *tcp, unsigned int node);

/* tcp_peer.c */
struct r2tcp_peer *r2tcp_peer_create(struct r2tcp *tcp, unsigned int node,
				     const struct sockaddr_storage *addr);
void r2tcp_peer_run(struct r2tcp_peer *peer);
void r2tcp_peer_destroy(struct r2tcp_peer *peer, struct list_head *done);
int r2tcp_peer_set_sock(struct r2tcp_peer *peer, struct socket *sock);
void r2tcp_peer_close_sock(struct r2tcp_peer *peer);
void r2tcp_peer_shut(struct r2tcp_peer *peer, u64 epoch);
void r2tcp_peer_hold(struct r2tcp_peer *peer, struct list_head *done);
void r2tcp_peer_resume(struct r2tcp_peer *peer);
void r2tcp_peer_start_clock(struct r2tcp_peer *peer);
int r2tcp_peer_bad(struct r2tcp_peer *peer, const char *what);

/* tcp_sock.c */
bool r2tcp_same_address(const struct sockaddr_storage *a,
			const struct sockaddr_storage *b);
int r2tcp_sock_listen(struct net *net, const struct sockaddr_storage *addr,
		      struct socket **sock);
int r2tcp_sock_create(struct net *net, const struct sockaddr_storage *from,
		      struct socket **sock);
int r2tcp_sock_connect(struct socket *sock, const struct sockaddr_storage *to,
		       unsigned int timeout_ms);
void r2tcp_sock_tune(struct socket *sock, unsigned int timeout_ms);
void r2tcp_sock_set_rcvtimeo(struct socket *sock, unsigned int timeout_ms);
void r2tcp_sock_shut(struct socket *sock);
void r2tcp_sock_close(struct socket *sock);
int r2tcp_sock_send(struct socket *sock, struct kvec *vec, unsigned int nr,
		    size_t len, bool wait);
int r2tcp_sock_recv(struct socket *sock, void *buf, unsigned int len,
		    bool wait);
bool r2tcp_sock_ended(struct socket *sock);

/* tcp_accept.c */
int r2tcp_accept_start(struct r2tcp *tcp);
void r2tcp_accept_stop(struct r2tcp *tcp);
void r2tcp_accept_greet(struct work_struct *work);

/* tcp_hello.c */
unsigned int r2tcp_hello_timeout(const struct r2tcp *tcp);
int r2tcp_hello(struct r2tcp_peer *peer, struct socket *sock, u64 *instance);

/* tcp_link.c */
int r2tcp_link(void *data);

/* tcp_recv.c */
void r2tcp_recv_attach(struct r2tcp_peer *peer);
void r2tcp_recv_detach(struct r2tcp_peer *peer);
int r2tcp_recv_link(struct r2tcp_peer *peer);
void r2tcp_recv_end(struct r2tcp_peer *peer);
void r2tcp_recv_check(struct r2tcp_peer *peer);

/* tcp_send.c */
int r2tcp_sender(void *data);
void r2tcp_send(struct r2tcp_peer *peer, struct r2tcp_out *out);
void r2tcp_send_wake(struct r2tcp_peer *peer);
void r2tcp_link_push(struct r2tcp_peer *peer);
void r2tcp_send_end(struct r2tcp_peer *peer);

/* tcp_req.c */
void r2tcp_req_init(struct r2tcp_peer *peer);
int r2tcp_req_submit(struct r2tcp_peer *peer, struct r2tcp_req *req);
void r2tcp_req_connected(struct r2tcp_peer *peer, bool restarted,
			 struct list_head *done);
void r2tcp_req_disconnected(struct r2tcp_peer *peer, struct list_head *done);
void r2tcp_req_give_up(struct r2tcp_peer *peer, struct list_head *done);
void r2tcp_req_kill(struct r2tcp_peer *peer, struct list_head *done);
void r2tcp_req_doubt(struct r2tcp_peer *peer);
bool r2tcp_req_doubted(struct r2tcp_peer *peer);
bool r2tcp_req_expire(struct r2tcp_peer *peer, struct list_head *done);
bool r2tcp_req_pending(struct r2tcp_peer *peer);
void r2tcp_req_sending(struct r2tcp_peer *peer, struct r2tcp_req *req,
		       bool sending);
void r2tcp_req_sent(struct r2tcp_peer *peer, struct r2tcp_req *req,
		    struct list_head *done);
void *r2tcp_req_begin_reply(struct r2tcp_peer *peer,
			    const struct r2_frame *frame);
int r2tcp_req_reply(struct r2tcp_peer *peer, const struct r2_frame *frame);
void r2tcp_req_complete(struct list_head *done);

/* tcp_serve.c */
int r2tcp_serve_prepare(struct r2tcp_peer *peer);
void r2tcp_serve_free(struct r2tcp_peer *peer);
void r2tcp_serve_reset(struct r2tcp_peer *peer);
void r2tcp_serve_sent(struct r2tcp_peer *peer, struct r2tcp_out *out);
void *r2tcp_serve_begin(struct r2tcp_peer *peer, const struct r2_frame *frame);
void *r2tcp_serve_begin_ping(struct r2tcp_peer *peer,
			     const struct r2_frame *frame);
int r2tcp_serve_put(struct r2tcp_peer *peer, const struct r2_frame *frame);
int r2tcp_serve_get(struct r2tcp_peer *peer, const struct r2_frame *frame);
int r2tcp_serve_flush(struct r2tcp_peer *peer, const struct r2_frame *frame);
int r2tcp_serve_ping(struct r2tcp_peer *peer, const struct r2_frame *frame);

/* tcp_room.c */
void r2tcp_room_init(struct r2tcp_peer *peer);
void r2tcp_room_begin(struct r2tcp_peer *peer);
void r2tcp_room_say(struct r2tcp_peer *peer);
void *r2tcp_room_begin_heard(struct r2tcp_peer *peer,
			     const struct r2_frame *frame);
int r2tcp_room_heard(struct r2tcp_peer *peer, const struct r2_frame *frame);

#endif /* _RAMSTER_TCP_PRIVATE_H */
