// SPDX-License-Identifier: GPL-2.0
/*
 * fetch: bring a page back from the peer that has it.
 *
 * A page fault waits for this.  The request comes from a mempool, so there is
 * always one, at the latest when another fetch ends; and the time of a fetch
 * begins before it waits for one, so that every fetch ends after
 * get_timeout_ms, or at once when it gets its turn later, whatever the peer
 * does.  A connection that breaks meanwhile is made again by tcp, which then
 * asks once more.  A peer that has been away for as long as a fetch may wait is
 * not waited for at all: r2tcp_submit() answers -EHOSTUNREACH, because others
 * have waited in vain.
 *
 * A page of which there are two copies is asked for where an answer is most
 * likely, and elsewhere if none comes, or none that is of use: at once if it is
 * known that none will, else after a small part of get_timeout_ms, and then in
 * turn, each time for twice as long.  So who dies or stands still holds nobody
 * up for long, and who is only slow is not given up.
 *
 * An ephemeral page is not worth all that, as it is on the disk, too.  Its
 * request is allocated when it is needed, and without memory, or without a
 * connection, it is a miss.  And when one did not come in time, others are not
 * asked for until the peer is heard from: whoever reads many waits once, not for
 * each.
 *
 * The answer is received, checked and unpacked by whoever waits for it, so that
 * several CPUs can fault at once, and nobody is woken only to wake another.  Of a
 * page that nobody waits for here (its folio is locked; or it is to come home)
 * this is done by a worker, for the same reason; but by whoever has received it
 * if nothing else has come, or there is but one CPU: then a worker would only
 * make it later.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "../trace.h"
#include "prefetch.h"
#include "ramster_int.h"
#include "remotify.h"

/* A page that came home meanwhile is read to where the answer would be. */
static_assert(TMEM_MAX_BLOB <= R2_MAX_PAGE);

/* Requests set aside; as many as one peer may have to answer at a time. */
#define FETCH_RESERVE	R2_MAX_GETS

/* Part of get_timeout_ms that is waited for a page that is on the disk, too. */
#define FETCH_EPHEMERAL_SHARE	4

/*
 * So long the first one is waited for who has a page that another one has, too:
 * a hundred round trips or so, and not more than a person notices.
 */
#define FETCH_FIRST_SHARE	msecs_to_jiffies(400)

/*
 * So often that doubles: beyond any get_timeout_ms, so that who goes on asking two
 * who cannot be asked comes to an end.
 */
#define FETCH_DOUBLE		24U
static_assert(400ULL << FETCH_DOUBLE > U32_MAX);

/* Never waits, never touches the reserves: neither the kernel's nor ours. */
#define FETCH_EPHEMERAL_GFP	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)

#define FETCH_REPLY_MAX	(sizeof(struct r2_get_reply) + R2_MAX_PAGE)

/* Who sees to the answer; leaves FETCH_AWAITED once. */
enum fetch_state {
	FETCH_AWAITED,		/* who has asked, and waits */
	FETCH_CAME,		/* the same, as the answer is here */
	FETCH_LEFT,		/* nobody waits: who receives it */
	FETCH_GIVEN_UP,		/* nobody, and nobody wants it */
};

/**
 * struct fetch - one request for a page
 * @req: the request; its reply goes to an allocation of its own: together they
 *	would just not fit into a page
 * @work: where the answer is unpacked
 * @state: an enum fetch_state
 * @waiter: who waits; is told of FETCH_CAME
 * @node: who asks
 * @kind: whether its owner can do without the page
 * @peers: who can be asked for it; the first is, or was
 * @attempt: how often somebody was asked before; 0 if the prefetcher has asked
 * @deadline: jiffies at which to give up
 * @wanted: somebody waits for it, to read it
 * @fetched: called with the page
 * @arg: its argument
 * @page: the page's name on the wire
 */
struct fetch {
	struct r2tcp_req req;
	struct work_struct work;
	atomic_t state;
	struct r2tcp_waiter waiter;
	struct ramster_node *node;
	enum tmem_kind kind;
	struct tmem_peers peers;
	unsigned int attempt;
	unsigned long deadline;
	bool wanted;
	ramster_fetched_fn fetched;
	void *arg;
	struct r2_page page;
};

static void *fetch_alloc(gfp_t gfp, void *pool_data)
{
	struct fetch *fetch = kmalloc(sizeof(*fetch), gfp);

	if (!fetch)
		return NULL;
	fetch->req.reply = kmalloc(FETCH_REPLY_MAX, gfp);
	if (!fetch->req.reply) {
		kfree(fetch);
		return NULL;
	}
	return fetch;
}

static void fetch_free(void *element, void *pool_data)
{
	struct fetch *fetch = element;

	kfree(fetch->req.reply);
	kfree(fetch);
}

static struct fetch *fetch_new(struct ramster_node *node, enum tmem_kind kind)
{
	if (kind == TMEM_EPHEMERAL)
		return fetch_alloc(FETCH_EPHEMERAL_GFP, NULL);
	return mempool_alloc(node->gets, GFP_NOIO);
}

/* Also what was allocated goes to the reserve, if that is not full. */
static void fetch_end(struct fetch *fetch)
{
	mempool_free(fetch, fetch->node->gets);
}

static int fetch_check(struct fetch *fetch, const void **data,
		       unsigned int *len)
{
	struct ramster_counters *count = &fetch->node->count;
	int err = fetch->req.result;

	if (err == -ETIMEDOUT)
		atomic64_inc(&count->remote_get_timeouts);
	if (err)
		return err;

	err = r2net_check_reply(&fetch->page, fetch->req.reply,
				fetch->req.reply_len, data, len);
	if (err == -EBADMSG)
		atomic64_inc(&count->remote_get_corrupt);
	return err;
}

/* The page was asked for by somebody who wants to read it: count, and tell. */
static void fetch_ended(struct fetch *fetch, int err)
{
	struct ramster_counters *count = &fetch->node->count;

	if (!err) {
		atomic64_inc(&count->remote_succ_get[fetch->kind]);
		return;
	}
	atomic64_inc(&count->remote_unsucc_get[fetch->kind]);
	if (fetch->kind != TMEM_PERSISTENT)
		return;
	pr_err_ratelimited("a swap page cannot be had: its peer %s (%d)\n",
			   err == -ENOENT ? "does not have it" :
			   err == -EBADMSG ? "sent damaged bytes" :
			   err == -EHOSTDOWN ? "was restarted or removed" :
			   "does not answer", err);
}

static void fetch_trace_get(const struct fetch *fetch)
{
	struct tmem_handle handle;
	u64 version;

	if (!trace_ramster_get_enabled())
		return;
	r2net_decode_page(&fetch->page, TMEM_CLIENT_LOCAL, &handle, &version);
	trace_ramster_get(&handle, version, fetch->peers.node[0]);
}

static void fetch_trace_reply(const struct fetch *fetch, int err,
			      unsigned int len, bool waited)
{
	struct tmem_handle handle;
	u64 version;

	if (!trace_ramster_reply_enabled())
		return;
	r2net_decode_page(&fetch->page, TMEM_CLIENT_LOCAL, &handle, &version);
	trace_ramster_reply(&handle, version, fetch->peers.node[0], err, len,
			    waited);
}

/**
 * fetch_share - how long one of two is waited for
 * @attempt: how often one of them was asked before
 * @deadline: jiffies at which to give up
 *
 * Return: jiffies at which to ask the other.
 */
unsigned long fetch_share(unsigned int attempt, unsigned long deadline)
{
	unsigned long share = FETCH_FIRST_SHARE << min(attempt, FETCH_DOUBLE);

	return time_before(jiffies + share, deadline) ? jiffies + share :
							deadline;
}

/* Prepare to ask the first of those that can be asked. */
static void fetch_aim(struct fetch *fetch)
{
	bool lone = tmem_peers_nr(fetch->peers) == 1;

	fetch->req.deadline = lone ? fetch->deadline :
			      fetch_share(fetch->attempt, fetch->deadline);
	/*
	 * An ephemeral page is not worth waiting for a connection; nor is one
	 * that another peer has, unless that did not help.
	 */
	fetch->req.retry = fetch->kind == TMEM_PERSISTENT &&
			   (lone || fetch->attempt >= TMEM_COPIES);
}

static int fetch_ask_first(struct fetch *fetch)
{
	fetch_aim(fetch);
	fetch->attempt++;
	fetch_trace_get(fetch);
	/* From when it is submitted it may be gone, unless it is awaited. */
	return r2tcp_submit(fetch->node->tcp, fetch->peers.node[0],
			    &fetch->req);
}

/* Whether somebody may give another answer if he is given more time. */
static bool fetch_was_hasty(const struct fetch *fetch, int err)
{
	switch (err) {
	case -ETIMEDOUT:
	case -ENOTCONN:
	case -EHOSTUNREACH:
		return time_before(fetch->req.deadline, fetch->deadline);
	default:
		return false;
	}
}

/* That did not help: whom to ask next.  Returns false if there is nobody. */
static bool fetch_next(struct fetch *fetch, int err)
{
	u8 last = fetch->peers.node[0];

	if (time_after_eq(jiffies, fetch->deadline) ||
	    tmem_peers_nr(fetch->peers) == 1)
		return false;
	fetch->peers = tmem_peers_without(fetch->peers, last);
	if (fetch_was_hasty(fetch, err))
		fetch->peers.node[1] = last;
	return true;
}

/* Ask one after the other until somebody can be asked. */
static int fetch_ask(struct fetch *fetch, bool push)
{
	struct r2tcp *tcp = fetch->node->tcp;
	u8 first = fetch->peers.node[0], from;
	int err;

	do {
		from = fetch->peers.node[0];
		err = fetch_ask_first(fetch);
	} while (err && fetch_next(fetch, err));
	/* If somebody else pushes, he only knows of the first. */
	if (!err && (push || from != first))
		r2tcp_push(tcp, from);
	return err;
}

/* The same once more.  Who has waited waits again. */
static int fetch_ask_again(struct fetch *fetch)
{
	if (atomic_read(&fetch->state) == FETCH_CAME) {
		r2tcp_waiter_init(&fetch->waiter);
		atomic_set(&fetch->state, FETCH_AWAITED);
	}
	return fetch_ask(fetch, fetch->req.pushed);
}

/*
 * What was asked for beforehand has not come, or is of no use; of whom, nobody
 * knows any more.  So begin with whoever is the better one now.
 */
static int fetch_ask_anew(struct fetch *fetch)
{
	fetch->peers = fetch_order(fetch->node, fetch->peers);
	return fetch_ask_again(fetch) ?: -EINPROGRESS;
}

/*
 * Somebody did not answer, or not well.  Returns -EINPROGRESS if somebody else
 * was asked; else @err.
 */
static int fetch_elsewhere(struct fetch *fetch, int err)
{
	u8 last = fetch->peers.node[0];

	if (!fetch_next(fetch, err))
		return err;
	if (err == -ETIMEDOUT)
		r2tcp_doubt(fetch->node->tcp, last);
	atomic64_inc(&fetch->node->count.remote_get_other_copy);
	return fetch_ask_again(fetch) ? err : -EINPROGRESS;
}

/*
 * The peer does not have the page any more: it may have come home while it was
 * asked for, or even have left again.  Returns 0 if it is here; -EINPROGRESS if
 * it was asked for where it is now; else @err.
 */
static int fetch_recheck(struct fetch *fetch, int err, const void **data,
			 unsigned int *len)
{
	struct ramster_node *node = fetch->node;
	struct tmem_blob blob = { .data = fetch->req.reply };
	struct tmem_handle handle;
	struct tmem_pool *pool;
	u64 version;

	r2net_decode_page(&fetch->page, TMEM_CLIENT_LOCAL, &handle, &version);
	pool = tmem_pool_find(remotify_tmem(node->remotify), handle.client,
			      handle.pool);
	if (!pool)
		return err;
	switch (tmem_get(pool, &handle.oid, handle.index, &blob)) {
	case 0:
		if (blob.filled)
			return err;
		*data = fetch->req.reply;
		*len = blob.len;
		return 0;
	case -EREMOTE:
		if (blob.version == version)
			return err;
		r2net_encode_page(&fetch->page, &handle, blob.version);
		fetch->peers = fetch_order(node, blob.peers);
		return fetch_ask_again(fetch) ? err : -EINPROGRESS;
	default:
		return err;
	}
}

/* A page that must not be lost did not come: where else it may be. */
static int fetch_again(struct fetch *fetch, int err, const void **data,
		       unsigned int *len)
{
	int again = fetch_elsewhere(fetch, err);

	if (again == -EINPROGRESS || !fetch->wanted)
		return again;
	return fetch_recheck(fetch, err, data, len);
}

/*
 * Returns what was made of the answer; or -EINPROGRESS if the page was asked for
 * once more.
 */
static int fetch_unpack(struct fetch *fetch, bool waited)
{
	const void *data = NULL;
	unsigned int len = 0;
	int err;

	err = fetch_check(fetch, &data, &len);
	if (err != -EAGAIN)
		fetch_trace_reply(fetch, err, len, waited);
	if (err && !fetch->attempt)
		err = fetch_ask_anew(fetch);
	if (err && err != -EINPROGRESS && fetch->kind == TMEM_PERSISTENT)
		err = fetch_again(fetch, err, &data, &len);
	if (err == -EINPROGRESS)
		return err;
	if (fetch->wanted)
		fetch_ended(fetch, err);
	err = fetch->fetched(fetch->arg, err ? -EIO : 0, data, len, waited);
	fetch_end(fetch);
	return err;
}

static void fetch_work(struct work_struct *work)
{
	fetch_unpack(container_of(work, struct fetch, work), false);
}

/* Whether whoever has received the answer had better unpack it himself. */
static bool fetch_is_for_receiver(const struct fetch *fetch)
{
	return fetch->wanted && !fetch->req.result &&
	       (fetch->req.alone || num_online_cpus() == 1);
}

static void fetch_done(struct r2tcp_req *req)
{
	struct fetch *fetch = container_of(req, struct fetch, req);

	if (req->optional && req->result == -ETIMEDOUT)
		r2tcp_doubt(fetch->node->tcp, fetch->peers.node[0]);

	if (atomic_cmpxchg(&fetch->state, FETCH_AWAITED, FETCH_CAME) ==
	    FETCH_AWAITED)
		r2tcp_waiter_came(&fetch->waiter);
	else if (atomic_read(&fetch->state) == FETCH_GIVEN_UP)
		fetch_end(fetch);
	else if (fetch_is_for_receiver(fetch))
		fetch_unpack(fetch, false);
	else
		queue_work(fetch->node->get_wq, &fetch->work);
}

/*
 * Returns whether the answer has come in time, or was about to come.  If not, the
 * request is whoever's receives it.
 */
static bool fetch_came(struct fetch *fetch, long patience,
		       enum fetch_state otherwise)
{
	struct r2tcp *tcp = fetch->node->tcp;

	if (r2tcp_wait(tcp, fetch->peers.node[0], &fetch->waiter, patience))
		return true;
	if (atomic_cmpxchg(&fetch->state, FETCH_AWAITED, otherwise) ==
	    FETCH_AWAITED)
		return false;
	r2tcp_wait(tcp, fetch->peers.node[0], &fetch->waiter,
		   MAX_SCHEDULE_TIMEOUT);
	return true;
}

/*
 * An ephemeral page is given up: who comes next does not wait for this peer.  A
 * persistent one is left to whoever receives it.
 */
static int fetch_wait(struct fetch *fetch, long patience)
{
	enum tmem_kind kind = fetch->kind;
	struct ramster_node *node = fetch->node;
	u8 from = fetch->peers.node[0];
	int err = -EINPROGRESS;

	do {
		if (!fetch_came(fetch, patience, kind == TMEM_PERSISTENT ?
				FETCH_LEFT : FETCH_GIVEN_UP))
			break;
		err = fetch_unpack(fetch, true);
	} while (err == -EINPROGRESS);
	if (err != -EINPROGRESS || kind == TMEM_PERSISTENT)
		return err;

	atomic64_inc(&node->count.remote_unsucc_get[kind]);
	atomic64_inc(&node->count.remote_get_timeouts);
	r2tcp_doubt(node->tcp, from);
	return -ETIMEDOUT;
}

/* Counts and tells, and gives the answer, that a page was not asked for. */
static int fetch_refuse(struct ramster_node *node, enum tmem_kind kind,
			struct tmem_peers peers, int err)
{
	atomic64_inc(&node->count.remote_unsucc_get[kind]);
	if (err == -ETIMEDOUT)
		atomic64_inc(&node->count.remote_get_timeouts);
	if (kind != TMEM_PERSISTENT)
		return -EIO;
	pr_err_ratelimited("a swap page cannot be had: it is with node %u, %s\n",
			   peers.node[0], err == -ETIMEDOUT ?
			   "and too many wait for theirs" :
			   err == -EHOSTUNREACH ?
			   "which has been silent for too long" :
			   "which is not in the cluster");
	return -EIO;
}

/**
 * fetch_deadline - how long a fetch may take
 * @node: who asks
 * @kind: kind of the page
 *
 * An ephemeral page is on the disk as well, so that nobody waits long for it.
 *
 * Return: jiffies at which to give up.
 */
unsigned long fetch_deadline(struct ramster_node *node, enum tmem_kind kind)
{
	unsigned int ms = READ_ONCE(node->info.get_timeout_ms);

	if (kind == TMEM_EPHEMERAL)
		ms = DIV_ROUND_UP(ms, FETCH_EPHEMERAL_SHARE);
	return jiffies + msecs_to_jiffies(ms);
}

static void fetch_fill(struct fetch *fetch, struct ramster_node *node,
		       const struct tmem_handle *handle, enum tmem_kind kind,
		       u64 version, unsigned long deadline)
{
	fetch->node = node;
	fetch->kind = kind;
	fetch->attempt = 0;
	fetch->deadline = deadline;
	INIT_WORK(&fetch->work, fetch_work);
	atomic_set(&fetch->state, FETCH_LEFT);
	r2net_encode_page(&fetch->page, handle, version);
	fetch->req = (struct r2tcp_req) {
		.type = R2_GET,
		.payload = &fetch->page,
		.len = sizeof(fetch->page),
		.reply = fetch->req.reply,
		.reply_max = FETCH_REPLY_MAX,
		.optional = kind == TMEM_EPHEMERAL,
		.done = fetch_done,
	};
}

/* Takes the request; or frees it, and answers why it was not taken. */
static int fetch_submit(struct fetch *fetch)
{
	int err = -ETIMEDOUT;

	if (time_before(jiffies, fetch->deadline))
		err = fetch_ask(fetch, false);
	if (err)
		fetch_end(fetch);
	return err;
}

/*
 * Have the page come, from who was asked for it already, or now.  Returns 0 if it
 * is here; -EINPROGRESS; or an error, and the request is freed.
 */
static int fetch_begin(struct fetch *fetch)
{
	struct prefetch *prefetch = fetch->node->prefetch;
	int err;

	fetch_aim(fetch);
	switch (prefetch_claim(prefetch, &fetch->page, &fetch->req)) {
	case PREFETCH_HERE:
		return 0;
	case PREFETCH_ASKED:
		return -EINPROGRESS;
	default:
		err = fetch_submit(fetch);
		return err ?: -EINPROGRESS;
	}
}

/* Whether an answer may be expected now. */
static bool fetch_can_ask(struct ramster_node *node, u8 peer)
{
	return peer != TMEM_NO_NODE && r2tcp_connected(node->tcp, peer) &&
	       !r2tcp_doubted(node->tcp, peer);
}

/**
 * fetch_order - whom to ask first for a page
 * @node: who asks
 * @peers: who has it
 *
 * Context: any but interrupts.
 * Return: the same, the better one first.
 */
struct tmem_peers fetch_order(struct ramster_node *node,
			      struct tmem_peers peers)
{
	if (tmem_peers_nr(peers) > 1 && !fetch_can_ask(node, peers.node[0]) &&
	    fetch_can_ask(node, peers.node[1]))
		swap(peers.node[0], peers.node[1]);
	return peers;
}

/**
 * fetch_page - ask a peer for a page
 * @node: who asks
 * @handle: the page
 * @kind: whether its owner can do without it
 * @version: the version that the peer was given
 * @peers: who has it, in the order of fetch_order()
 * @patience: jiffies that the caller waits for the page; with 0, the request is
 *	put into the queue, and it is for the caller to have it sent, by
 *	r2tcp_push() to the first of @peers
 * @fetched: see &ramster_ops.fetch
 * @arg: its argument
 *
 * Context: process, in a page fault; may wait for another fetch to end, unless
 * the page is ephemeral.
 * Return: what @fetched returns; -EINPROGRESS if it will be, or was, called by
 * somebody else; -ETIMEDOUT if it will not be called, as the page is ephemeral
 * and has not come in time; or -EIO if it will not be called because there is no
 * such peer, because it has been away for as long as a fetch may wait, because
 * other fetches took all the time that this one had, or because the page is
 * ephemeral, and there is no memory to ask for it, or the peer was asked for
 * another and has been silent since.
 */
int fetch_page(struct ramster_node *node, const struct tmem_handle *handle,
	       enum tmem_kind kind, u64 version, struct tmem_peers peers,
	       long patience, ramster_fetched_fn fetched, void *arg)
{
	unsigned long deadline = fetch_deadline(node, kind);
	struct fetch *fetch = fetch_new(node, kind);
	int err;

	if (!fetch)
		return fetch_refuse(node, kind, peers, -ENOMEM);
	fetch_fill(fetch, node, handle, kind, version, deadline);
	fetch->peers = peers;
	fetch->wanted = true;
	fetch->req.pushed = true;
	fetch->fetched = fetched;
	fetch->arg = arg;
	if (patience) {
		r2tcp_waiter_init(&fetch->waiter);
		atomic_set(&fetch->state, FETCH_AWAITED);
	}

	err = fetch_begin(fetch);
	if (err && err != -EINPROGRESS)
		return fetch_refuse(node, kind, peers, err);
	if (patience && err)
		r2tcp_push(node->tcp, peers.node[0]);
	prefetch_note(node->prefetch, handle);
	remotify_note_get(node->remotify, version);
	if (!err)
		err = fetch_unpack(fetch, true);
	/* From here on the request may be gone, unless it is awaited. */
	return err == -EINPROGRESS && patience ? fetch_wait(fetch, patience) :
						 err;
}

/**
 * fetch_away - ask a peer for a persistent page that nobody waits for
 * @node: who asks
 * @away: the page
 * @fetched: as in fetch_page()
 * @arg: its argument
 *
 * Does not count as a get, and complains of nothing: whoever wants to read the
 * page will.
 *
 * Context: process; may wait for another fetch to end.
 * Return: 0 or a negative errno.
 */
int fetch_away(struct ramster_node *node, const struct tmem_away *away,
	       ramster_fetched_fn fetched, void *arg)
{
	unsigned long deadline = fetch_deadline(node, TMEM_PERSISTENT);
	struct fetch *fetch = fetch_new(node, TMEM_PERSISTENT);

	fetch_fill(fetch, node, &away->handle, TMEM_PERSISTENT, away->version,
		   deadline);
	fetch->peers = fetch_order(node, away->peers);
	fetch->wanted = false;
	fetch->fetched = fetched;
	fetch->arg = arg;
	return fetch_submit(fetch);
}

/**
 * fetch_stop - undo fetch_start()
 * @node: who asked; its connections are stopped, so every request has ended
 *
 * Context: process; sleeps until the last answer is unpacked.
 */
void fetch_stop(struct ramster_node *node)
{
	if (node->get_wq)
		destroy_workqueue(node->get_wq);
	prefetch_destroy(node->prefetch);
	mempool_destroy(node->gets);
	node->get_wq = NULL;
	node->prefetch = NULL;
	node->gets = NULL;
}

/**
 * fetch_start - set aside what fetches need
 * @node: who will ask
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: 0 or -ENOMEM.
 */
int fetch_start(struct ramster_node *node)
{
	node->get_wq = alloc_workqueue("ramster_get",
				       WQ_UNBOUND | WQ_MEM_RECLAIM | WQ_HIGHPRI,
				       0);
	if (!node->get_wq)
		return -ENOMEM;

	node->gets = mempool_create(FETCH_RESERVE, fetch_alloc, fetch_free,
				    NULL);
	node->prefetch = prefetch_create(node);
	if (!node->gets || !node->prefetch) {
		fetch_stop(node);
		return -ENOMEM;
	}
	return 0;
}
