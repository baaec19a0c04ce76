// SPDX-License-Identifier: GPL-2.0
/*
 * prefetch: ask for remote pages before somebody needs them.
 *
 * Who reads one page after the other, or each so-manieth one, waits for a round
 * trip at each page, or at each window of the kernel's readahead.  Here this is
 * noticed, object by object: when the distance from one page to the next has been
 * the same a few times, the pages to come are asked for, first a few, then
 * more.  Their compressed bytes are kept until they are wanted; or, when others
 * want the room, until their reader goes elsewhere, or has not come for a while.
 * Pages that nobody has wanted make the one who is to blame for them ask for half
 * as many; and one whose distance changes starts anew.
 *
 * Nothing can be mistaken: a page is known by its name and version, as it stands
 * in the index at the moment when it is wanted, and a version is given only once.
 * What has been replaced or flushed meanwhile is not found by anybody.
 *
 * Memory.  Room for PREFETCH_PAGES pages is set aside at the start; nothing is
 * allocated afterwards.
 *
 * Locks: prefetch.lock is a spinlock; inside it, that of a peer is taken.
 */
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "prefetch.h"
#include "ramster_int.h"
#include "remotify.h"

/* Pages that are kept or asked for; fewer than a peer answers at a time. */
#define PREFETCH_PAGES		48
static_assert(PREFETCH_PAGES < R2_MAX_GETS);

#define PREFETCH_HASH_BITS	6

/* Readers that can be told apart. */
#define PREFETCH_STREAMS	8

/* How many pages one is ahead of its reader: at first, and at most. */
#define PREFETCH_FIRST		8
#define PREFETCH_MAX		32

/*
 * So often a distance must have been the same.  Neighbours are read by the
 * kernel's own readahead, too, for any page: eight of them, unless somebody has
 * changed page-cluster.
 */
#define PREFETCH_RUN		3
#define PREFETCH_RUN_NEIGHBOURS	10

/* Farther than that, it is by chance. */
#define PREFETCH_STRIDE_MAX	64

/* So many steps of one may be one step. */
#define PREFETCH_GAP		3

/* A page that was not wanted for so long is not going to be. */
#define PREFETCH_KEEP		HZ

/* Who has asked in vain tries again after so many pages. */
#define PREFETCH_RETRY		256

#define PREFETCH_REPLY_MAX	(sizeof(struct r2_get_reply) + R2_MAX_PAGE)

/**
 * struct prefetch_stream - somebody who reads an object
 * @pool: pool of the object
 * @oid: the object
 * @last: index that was read last
 * @next: index that is to be asked for next
 * @stride: distance from the one before to @last; 0: not known
 * @run: how often it has been the same
 * @run_id: which run that is
 * @window: how many pages to be ahead
 * @used: when it was used last, on a clock that counts uses
 */
struct prefetch_stream {
	u32 pool;
	struct tmem_oid oid;
	s64 last;
	s64 next;
	s64 stride;
	unsigned int run;
	u64 run_id;
	unsigned int window;
	u64 used;
};

/**
 * struct prefetch_page - room for a page
 * @req: the request for it
 * @prefetch: back pointer
 * @hash: place among those that can be claimed; unhashed if it is free
 * @list: place among those that are free, or here; empty while it is asked for
 * @name: name and version
 * @from: the peer that was asked
 * @stream: who is to blame
 * @run_id: the run of @stream that it is part of
 * @came: jiffies when it came
 * @claimant: request that is answered with the answer to @req, or NULL
 */
struct prefetch_page {
	struct r2tcp_req req;
	struct prefetch *prefetch;
	struct hlist_node hash;
	struct list_head list;
	struct r2_page name;
	u8 from;
	u8 stream;
	u64 run_id;
	unsigned long came;
	struct r2tcp_req *claimant;
};

/**
 * struct prefetch - what a node asks for beforehand
 * @node: the node
 * @lock: protects all that follows
 * @clock: counts uses of streams
 * @stream: who reads
 * @free: pages that are nothing
 * @here: pages that have come, oldest first
 * @pages: pages that can be claimed, by name
 * @page: all pages
 */
struct prefetch {
	struct ramster_node *node;
	spinlock_t lock; /* see above */
	u64 clock;
	struct prefetch_stream stream[PREFETCH_STREAMS];
	struct list_head free;
	struct list_head here;
	DECLARE_HASHTABLE(pages, PREFETCH_HASH_BITS);
	struct prefetch_page page[PREFETCH_PAGES];
};

/*
 * pages
 */

static u32 page_key(const struct r2_page *name)
{
	return jhash2((const u32 *)name, sizeof(*name) / sizeof(u32), 0);
}

static struct prefetch_page *page_find(struct prefetch *prefetch,
				       const struct r2_page *name)
{
	struct prefetch_page *page;

	lockdep_assert_held(&prefetch->lock);
	hash_for_each_possible(prefetch->pages, page, hash, page_key(name))
		if (!memcmp(&page->name, name, sizeof(*name)))
			return page;
	return NULL;
}

static void page_free(struct prefetch *prefetch, struct prefetch_page *page)
{
	lockdep_assert_held(&prefetch->lock);
	hash_del(&page->hash);
	page->claimant = NULL;
	list_move(&page->list, &prefetch->free);
}

/* Whether nobody is going to want a page. */
static bool page_is_stale(struct prefetch *prefetch, struct prefetch_page *page)
{
	return page->run_id != prefetch->stream[page->stream].run_id ||
	       time_after(jiffies, page->came + PREFETCH_KEEP);
}

/* What nobody has wanted was asked for in vain: ask for less. */
static void page_drop_oldest(struct prefetch *prefetch)
{
	struct prefetch_stream *stream;
	struct prefetch_page *page;

	page = list_first_entry_or_null(&prefetch->here, struct prefetch_page,
					list);
	if (!page || !page_is_stale(prefetch, page))
		return;
	stream = &prefetch->stream[page->stream];
	if (page->run_id == stream->run_id)
		stream->window /= 2;
	atomic64_inc(&prefetch->node->count.prefetch_unused);
	page_free(prefetch, page);
}

/* Take room for a page, if there is some. */
static struct prefetch_page *page_new(struct prefetch *prefetch,
				      const struct r2_page *name)
{
	struct prefetch_page *page;

	lockdep_assert_held(&prefetch->lock);
	if (list_empty(&prefetch->free))
		page_drop_oldest(prefetch);
	page = list_first_entry_or_null(&prefetch->free, struct prefetch_page,
					list);
	if (!page)
		return NULL;
	list_del_init(&page->list);
	page->name = *name;
	hash_add(prefetch->pages, &page->hash, page_key(name));
	return page;
}

/* The claimant gets the buffer with the answer, and we get its empty one. */
static void page_hand_over(struct prefetch_page *page, struct r2tcp_req *req)
{
	swap(page->req.reply, req->reply);
	req->reply_len = page->req.reply_len;
	req->alone = page->req.alone;
	req->result = 0;
	atomic64_inc(&page->prefetch->node->count.prefetch_used);
}

static bool page_came(const struct prefetch_page *page)
{
	const struct r2_get_reply *reply = page->req.reply;

	return !page->req.result && le16_to_cpu(reply->status) == R2_OK;
}

/* The claimant has to ask itself, whomever it likes. */
static void page_disappoint(struct r2tcp_req *req)
{
	req->result = -EAGAIN;
	req->done(req);
}

static void page_done(struct r2tcp_req *req)
{
	struct prefetch_page *page =
		container_of(req, struct prefetch_page, req);
	struct prefetch *prefetch = page->prefetch;
	bool came = page_came(page);
	struct r2tcp_req *claimant;

	/* Who wants others of its pages should not have to find that out. */
	if (req->result == -ETIMEDOUT)
		r2tcp_doubt(prefetch->node->tcp, page->from);

	spin_lock(&prefetch->lock);
	claimant = page->claimant;
	if (!claimant && !came)
		atomic64_inc(&prefetch->node->count.prefetch_unused);
	if (claimant && came)
		page_hand_over(page, claimant);
	if (claimant || !came)
		page_free(prefetch, page);
	else
		list_add_tail(&page->list, &prefetch->here);
	page->came = jiffies;
	spin_unlock(&prefetch->lock);

	if (claimant && came)
		claimant->done(claimant);
	else if (claimant)
		page_disappoint(claimant);
}

/* If somebody else has the page, too, nobody is to wait long for this peer. */
static unsigned long page_deadline(struct prefetch_page *page,
				   enum tmem_kind kind, bool lone)
{
	unsigned long deadline = fetch_deadline(page->prefetch->node, kind);

	return lone ? deadline : fetch_share(0, deadline);
}

static void page_fill_req(struct prefetch_page *page, enum tmem_kind kind,
			  bool lone)
{
	page->req = (struct r2tcp_req) {
		.type = R2_GET,
		.payload = &page->name,
		.len = sizeof(page->name),
		.reply = page->req.reply,
		.reply_max = PREFETCH_REPLY_MAX,
		.deadline = page_deadline(page, kind, lone),
		.optional = true,
		.pushed = true,
		.done = page_done,
	};
}

/* It cannot be sent: it is as if nobody had wanted to. */
static void page_not_asked(struct prefetch_page *page)
{
	struct prefetch *prefetch = page->prefetch;
	struct r2tcp_req *claimant;

	spin_lock(&prefetch->lock);
	claimant = page->claimant;
	page_free(prefetch, page);
	spin_unlock(&prefetch->lock);
	if (claimant)
		page_disappoint(claimant);
}

/*
 * Ask a peer for a page, unless it was asked for already.  Returns false if there
 * is no room for it, or the peer cannot be asked.
 */
static bool page_ask(struct prefetch *prefetch,
		     const struct prefetch_stream *stream,
		     const struct r2_page *name, enum tmem_kind kind,
		     struct tmem_peers peers)
{
	bool lone = tmem_peers_nr(peers) == 1;
	struct prefetch_page *page = NULL;
	bool known;

	spin_lock(&prefetch->lock);
	known = page_find(prefetch, name);
	if (!known)
		page = page_new(prefetch, name);
	if (page) {
		page->stream = stream - prefetch->stream;
		page->run_id = stream->run_id;
		page->from = peers.node[0];
		page_fill_req(page, kind, lone);
	}
	spin_unlock(&prefetch->lock);
	if (!page)
		return known;
	if (r2tcp_submit(prefetch->node->tcp, peers.node[0], &page->req)) {
		page_not_asked(page);
		return false;
	}
	atomic64_inc(&prefetch->node->count.prefetch_asked);
	return true;
}

/* Who had rather not wait for a peer in doubt does not wait for this one. */
static bool page_is_late(const struct prefetch_page *page,
			 const struct r2tcp_req *req)
{
	return req->optional &&
	       r2tcp_doubted(page->prefetch->node->tcp, page->from);
}

/**
 * prefetch_claim - somebody wants a page
 * @prefetch: where it may be
 * @name: name and version
 * @req: what it would be asked for with, filled in as for r2tcp_submit()
 *
 * Context: task; does not sleep.
 * Return: PREFETCH_HERE, and @req has its result, and &r2tcp_req.done is not
 * called; PREFETCH_ASKED, and it will be, with the answer, or with -EAGAIN if
 * none came; or PREFETCH_NONE.
 */
enum prefetch_claim prefetch_claim(struct prefetch *prefetch,
				   const struct r2_page *name,
				   struct r2tcp_req *req)
{
	enum prefetch_claim claim = PREFETCH_NONE;
	struct prefetch_page *page;

	spin_lock(&prefetch->lock);
	page = page_find(prefetch, name);
	if (page && !list_empty(&page->list)) {
		page_hand_over(page, req);
		page_free(prefetch, page);
		claim = PREFETCH_HERE;
	} else if (page && !page->claimant && !page_is_late(page, req)) {
		page->claimant = req;
		claim = PREFETCH_ASKED;
	}
	spin_unlock(&prefetch->lock);
	return claim;
}

/*
 * streams
 */

static bool stream_reads(const struct prefetch_stream *stream,
			 const struct tmem_handle *handle)
{
	return stream->used && stream->pool == handle->pool &&
	       !memcmp(&stream->oid, &handle->oid, sizeof(handle->oid));
}

/* The stream of an object; in place of the one that was used longest ago. */
static struct prefetch_stream *stream_find(struct prefetch *prefetch,
					   const struct tmem_handle *handle)
{
	struct prefetch_stream *stream, *oldest = prefetch->stream;

	lockdep_assert_held(&prefetch->lock);
	for (stream = prefetch->stream;
	     stream < prefetch->stream + PREFETCH_STREAMS; stream++) {
		if (stream_reads(stream, handle))
			return stream;
		if (stream->used < oldest->used)
			oldest = stream;
	}
	*oldest = (struct prefetch_stream) {
		.pool = handle->pool,
		.oid = handle->oid,
		.last = handle->index,
	};
	return oldest;
}

/* Some neighbours are in memory already, and nobody wants these. */
static bool stream_goes_on(const struct prefetch_stream *stream, s64 stride)
{
	return stride == stream->stride ||
	       (stream->stride == 1 && stride > 0 && stride <= PREFETCH_GAP);
}

static void stream_restart(struct prefetch_stream *stream, s64 stride)
{
	stream->stride = abs(stride) > PREFETCH_STRIDE_MAX ? 0 : stride;
	stream->run = 1;
	stream->run_id = stream->used;
	stream->window = PREFETCH_FIRST;
	stream->next = stream->last;
}

/* One more page was read.  Returns whether it is known how it goes on. */
static bool stream_advance(struct prefetch_stream *stream, s64 index)
{
	s64 stride = index - stream->last;

	if (!stride)
		return false;
	stream->last = index;
	if (!stream->stride || !stream_goes_on(stream, stride)) {
		stream_restart(stream, stride);
		return false;
	}
	/* It was in vain, but that is long ago. */
	if (!(++stream->run % PREFETCH_RETRY) && stream->window < 2)
		stream->window = PREFETCH_FIRST;
	return stream->run > (abs(stream->stride) == 1 ?
			      PREFETCH_RUN_NEIGHBOURS : PREFETCH_RUN);
}

/*
 * How many pages to ask for, from @first on.  None while half of the window is
 * still ahead: so they are asked for in batches.
 */
static unsigned int stream_wants(struct prefetch_stream *stream, s64 *first)
{
	s64 ahead = div64_s64(stream->next - stream->last, stream->stride);
	unsigned int n;

	if (ahead < 1) {
		/* At first, or overtaken. */
		stream->next = stream->last + stream->stride;
		ahead = 1;
	}
	if (!stream->window || ahead > stream->window / 2)
		return 0;
	n = stream->window + 1 - ahead;
	*first = stream->next;
	stream->next += n * stream->stride;
	stream->window = min(2 * stream->window, PREFETCH_MAX);
	return n;
}

/*
 * Ask for one page, if it is with a peer; @from is the last one that was asked.
 * Returns false if that was not possible, and others need not be tried.
 */
static bool prefetch_ask(struct prefetch *prefetch,
			 const struct prefetch_stream *stream,
			 struct tmem_pool *pool,
			 const struct tmem_handle *handle, int *from)
{
	struct tmem_peers peers;
	struct r2_page name;
	u64 version;

	if (tmem_locate(pool, &handle->oid, handle->index, &version, &peers) !=
	    -EREMOTE)
		return true;
	peers = fetch_order(prefetch->node, peers);
	r2net_encode_page(&name, handle, version);
	if (!page_ask(prefetch, stream, &name, tmem_pool_kind(pool), peers))
		return false;
	/* Who has some of the pages is asked before somebody else is. */
	if (*from >= 0 && *from != peers.node[0])
		r2tcp_push(prefetch->node->tcp, *from);
	*from = peers.node[0];
	return true;
}

/* What could not be asked for is to be asked for next time. */
static void stream_take_back(struct prefetch *prefetch,
			     struct prefetch_stream *stream, u64 run_id,
			     s64 index)
{
	spin_lock(&prefetch->lock);
	if (stream->run_id == run_id)
		stream->next = index;
	spin_unlock(&prefetch->lock);
}

/**
 * prefetch_note - a page was wanted: ask for what is wanted next
 * @prefetch: who asks
 * @handle: the page
 *
 * Context: task; may sleep shortly, but does not wait for a peer.
 */
void prefetch_note(struct prefetch *prefetch, const struct tmem_handle *handle)
{
	struct ramster_node *node = prefetch->node;
	struct prefetch_stream *stream;
	struct tmem_handle next = *handle;
	struct tmem_pool *pool;
	s64 index = 0, stride;
	unsigned int n = 0;
	int from = -1;
	u64 run_id;

	spin_lock(&prefetch->lock);
	stream = stream_find(prefetch, handle);
	stream->used = ++prefetch->clock;
	if (stream_advance(stream, handle->index))
		n = stream_wants(stream, &index);
	stride = stream->stride;
	run_id = stream->run_id;
	spin_unlock(&prefetch->lock);

	pool = n ? tmem_pool_find(remotify_tmem(node->remotify), handle->client,
				  handle->pool) : NULL;
	if (!pool)
		return;
	for (; n && index >= 0 && index <= U32_MAX; n--, index += stride) {
		next.index = index;
		if (!prefetch_ask(prefetch, stream, pool, &next, &from)) {
			stream_take_back(prefetch, stream, run_id, index);
			break;
		}
	}
	if (from >= 0)
		r2tcp_push(node->tcp, from);
}

/*
 * start and stop
 */

/**
 * prefetch_destroy - free what was set aside
 * @prefetch: from prefetch_create(), or NULL; its node's connections are stopped,
 *	so nothing is asked for
 *
 * Context: process.
 */
void prefetch_destroy(struct prefetch *prefetch)
{
	unsigned int i;

	if (!prefetch)
		return;
	for (i = 0; i < PREFETCH_PAGES; i++)
		kfree(prefetch->page[i].req.reply);
	kvfree(prefetch);
}

/**
 * prefetch_create - set aside what is needed to ask for pages beforehand
 * @node: who will ask
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: it, or NULL.
 */
struct prefetch *prefetch_create(struct ramster_node *node)
{
	struct prefetch *prefetch = kvzalloc(sizeof(*prefetch), GFP_KERNEL);
	struct prefetch_page *page;

	if (!prefetch)
		return NULL;
	prefetch->node = node;
	spin_lock_init(&prefetch->lock);
	INIT_LIST_HEAD(&prefetch->free);
	INIT_LIST_HEAD(&prefetch->here);
	hash_init(prefetch->pages);
	for (page = prefetch->page; page < prefetch->page + PREFETCH_PAGES;
	     page++) {
		page->prefetch = prefetch;
		list_add(&page->list, &prefetch->free);
		page->req.reply = kmalloc(PREFETCH_REPLY_MAX, GFP_KERNEL);
		if (!page->req.reply) {
			prefetch_destroy(prefetch);
			return NULL;
		}
	}
	return prefetch;
}
