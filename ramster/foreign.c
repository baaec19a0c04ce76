// SPDX-License-Identifier: GPL-2.0
/*
 * foreign: the pages that this node holds for its peers.
 *
 * They are kept in an index and in frames of their own, apart from this
 * kernel's own pages: so a page of one peer can never be taken for this
 * machine's or sent on under its name, and what is lent is known to the frame.
 * Bytes are stored and given back as they came; nothing is ever unpacked here.
 *
 * The client in a handle is the number of the node at the other end of the
 * connection, never something that a message says.
 *
 * Memory.  This machine's own users come first.  A frame is allocated without
 * reclaim and without the reserves, only within capacity_mb, and only while
 * more RAM is available than lend_watermark_mb.  Where that is not so, ephemeral
 * pages are dropped, oldest first: to make room for others, and whenever the
 * kernel asks for memory (a shrinker).  Their owner finds out when it asks for
 * them.  Persistent pages are never dropped, but refused; a refused put is
 * harmless.  A get and a flush allocate nothing.
 *
 * Recall.  Ten times a second it is looked whether there is more lent than may
 * be, or less available than should be.  If so, ephemeral pages are dropped; if
 * that is not enough, each owner of persistent ones is asked, in proportion to
 * how many it has here, to take some away (recall.c).  So that lending and taking
 * back do not follow each other all the time, a recall ends only when somewhat
 * more is available than that below which one begins, and no more is offered than
 * what is available beyond that.
 *
 * A peer that has been away for client_grace_ms is taken for dead: nobody will ever
 * ask for its pages.  If it was only cut off, they are lost to it all the same: it
 * is told that they are not here.
 *
 * What is given up is wiped: it is nobody's business here.
 *
 * What the index takes is not counted.  It is bounded by what is counted: a
 * frame holds two pages at most, and a page that a hostile peer has put where
 * no other is near costs an object and some seven nodes of a tree, about 4 KB.
 * So such a peer can have three times of what it was lent, no more; a pool it
 * can only have R2_MAX_POOLS times.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "foreign.h"
#include "heartbeat.h"
#include "ramster_int.h"

#define FOREIGN_GFP	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)

/* Without a figure: this part of RAM has to stay available, but no more. */
#define FOREIGN_WATERMARK_SHIFT	5
#define FOREIGN_WATERMARK_MAX	(1UL << (30 - PAGE_SHIFT))

/* When a recall ends, so much more is available than when it began. */
#define FOREIGN_SLACK(watermark)	((watermark) / 8)

/* From one look at what is missing to the next. */
#define FOREIGN_PERIOD	msecs_to_jiffies(100)

/* It is this machine that runs short, whichever nodes it has. */
unsigned int foreign_watermark_mb;
module_param_named(lend_watermark_mb, foreign_watermark_mb, uint, 0644);
MODULE_PARM_DESC(lend_watermark_mb,
		 "RAM that stays available here when pages of others are taken; 0: 1/32");

/**
 * struct foreign - the pages held for others
 * @node: who holds them
 * @tmem: their index; client is the owner's node number
 * @shrinker: drops ephemeral pages when the kernel needs memory
 * @gone_lock: held while the pools of a client are destroyed because it is gone
 * @clock: looks what is missing; it alone, or a test, writes what follows
 * @is_short: less RAM is available than should be, or was, and still not enough
 * @recalling: frames are wanted back
 * @held: persistent pages of each client, at the last look that found some missing
 * @wanted: frames that are wanted back of each client
 */
struct foreign {
	struct ramster_node *node;
	struct tmem *tmem;
	struct shrinker *shrinker;
	struct mutex gone_lock; /* see above */
	struct delayed_work clock;
	bool is_short;
	bool recalling;
	u64 held[R2_MAX_NODES];
	u32 wanted[R2_MAX_NODES];
};

/*
 * The shrinker.  Runs in reclaim, whoever's it is: nobody waits for memory with
 * a lock of tmem held, and dropping a page takes none.
 */

static unsigned long foreign_shrink_count(struct shrinker *shrinker,
					  struct shrink_control *sc)
{
	struct foreign *foreign = shrinker->private_data;
	struct tmem_stats stats;

	tmem_get_stats(foreign->tmem, &stats);
	return stats.zbud[TMEM_EPHEMERAL].frames ?: SHRINK_EMPTY;
}

static bool foreign_evict(struct foreign *foreign)
{
	unsigned int dropped;

	dropped = tmem_evict_oldest(foreign->tmem, TMEM_EPHEMERAL);
	atomic64_add(dropped, &foreign->node->count.foreign_eph_evicted);
	return dropped;
}

static unsigned long foreign_shrink_scan(struct shrinker *shrinker,
					 struct shrink_control *sc)
{
	struct foreign *foreign = shrinker->private_data;
	unsigned long freed = 0;

	while (freed < sc->nr_to_scan && foreign_evict(foreign))
		freed++;
	return freed ?: SHRINK_STOP;
}

#if IS_ENABLED(CONFIG_RAMSTER_KUNIT_TEST)
/* For tests, which ask for less than the kernel would. */
struct shrinker *foreign_shrinker(struct foreign *foreign)
{
	return foreign->shrinker;
}
#endif

static int foreign_start_shrinker(struct foreign *foreign)
{
	foreign->shrinker = shrinker_alloc(0, "ramster-foreign:%u",
					   foreign->node->info.node);
	if (!foreign->shrinker)
		return -ENOMEM;
	foreign->shrinker->count_objects = foreign_shrink_count;
	foreign->shrinker->scan_objects = foreign_shrink_scan;
	foreign->shrinker->private_data = foreign;
	shrinker_register(foreign->shrinker);
	return 0;
}

/* Frames that may be lent, and those that are. */
static u64 foreign_capacity(struct foreign *foreign)
{
	u64 mb = READ_ONCE(foreign->node->info.capacity_mb);

	return mb << (20 - PAGE_SHIFT);
}

static u64 foreign_lent(struct foreign *foreign)
{
	struct tmem_stats stats;

	tmem_get_stats(foreign->tmem, &stats);
	return stats.zbud[TMEM_PERSISTENT].frames +
	       stats.zbud[TMEM_EPHEMERAL].frames;
}

/* Frames that this machine wants to have available. */
static u64 foreign_watermark(void)
{
	unsigned int mb = READ_ONCE(foreign_watermark_mb);

	if (mb)
		return (u64)mb << (20 - PAGE_SHIFT);
	return min(totalram_pages() >> FOREIGN_WATERMARK_SHIFT,
		   FOREIGN_WATERMARK_MAX);
}

static u64 foreign_available(void)
{
	return max(si_mem_available(), 0L);
}

/* Whether this machine has no RAM to lend, whatever it has promised. */
static bool foreign_short(void)
{
	return foreign_available() < foreign_watermark();
}

/* What has to be available for a recall to end, and for anything to be offered. */
static u64 foreign_enough(void)
{
	u64 watermark = foreign_watermark();

	return watermark + FOREIGN_SLACK(watermark);
}

/*
 * recall
 */

/* Frames that are missing, of those that are lent. */
static u64 foreign_missing(struct foreign *foreign)
{
	u64 capacity = foreign_capacity(foreign);
	u64 available = foreign_available();
	u64 lent = foreign_lent(foreign);
	u64 over, level, lacking;

	over = lent - min(lent, capacity);
	level = foreign->is_short ? foreign_enough() : foreign_watermark();
	lacking = level - min(available, level);
	foreign->is_short = lacking;
	return min(max(over, lacking), lent);
}

/* Ask each client for its part of the frames that are missing. */
static void foreign_share(struct foreign *foreign, u64 missing)
{
	unsigned int client;
	u64 all = 0, part;

	for (client = 0; client < R2_MAX_NODES; client++) {
		foreign->held[client] = tmem_client_pages(foreign->tmem, client,
							  TMEM_PERSISTENT);
		all += foreign->held[client];
	}
	for (client = 0; client < R2_MAX_NODES; client++) {
		part = all ? DIV64_U64_ROUND_UP(foreign->held[client] * missing,
						all) : 0;
		WRITE_ONCE(foreign->wanted[client],
			   min3(part, foreign->held[client], (u64)U32_MAX));
	}
}

/**
 * foreign_look - look whether frames are missing, and what can be done
 * @foreign: the store
 *
 * Context: task; the clock, or a test without it.
 */
void foreign_look(struct foreign *foreign)
{
	u64 missing = foreign_missing(foreign);
	struct tmem_stats stats;

	if (!missing && !foreign->recalling)
		return;
	foreign->recalling = missing;
	while (missing && foreign_evict(foreign))
		missing--;
	tmem_get_stats(foreign->tmem, &stats);
	missing = min(missing, stats.zbud[TMEM_PERSISTENT].frames);
	foreign_share(foreign, missing);
	atomic64_set(&foreign->node->count.recalled_wanted, missing);
}

/*
 * clients that are gone
 */

static void foreign_pool_destroy(struct foreign *foreign, unsigned int client,
				 u32 id)
{
	struct tmem_pool *pool;

	pool = tmem_pool_find(foreign->tmem, client, id);
	if (!pool)
		return;
	tmem_pool_destroy(pool);
	pr_info_ratelimited("node %u: pool %u of node %u is destroyed\n",
			    foreign->node->info.node, id, client);
}

static void foreign_destroy_pools(struct foreign *foreign, unsigned int client)
{
	u32 id;

	lockdep_assert_held(&foreign->gone_lock);
	for (id = 0; id < R2_MAX_POOLS; id++)
		foreign_pool_destroy(foreign, client, id);
}

/**
 * foreign_forget - a peer was started anew, or removed: forget what it owned
 * @foreign: the store
 * @client: number of the peer
 *
 * Context: the peer's receiving thread, or there is none: so none of its requests
 * is under way.
 */
void foreign_forget(struct foreign *foreign, unsigned int client)
{
	mutex_lock(&foreign->gone_lock);
	foreign_destroy_pools(foreign, client);
	mutex_unlock(&foreign->gone_lock);
}

/**
 * foreign_returned - a peer is connected again
 * @foreign: the store
 *
 * Context: the peer's receiving thread, after the heartbeat knows, and before any
 * of its requests; sleeps while pages of somebody who is gone are forgotten, who
 * may have been this peer.
 */
void foreign_returned(struct foreign *foreign)
{
	mutex_lock(&foreign->gone_lock);
	mutex_unlock(&foreign->gone_lock);
}

static u64 foreign_nr_held(struct foreign *foreign, unsigned int client)
{
	return tmem_client_pages(foreign->tmem, client, TMEM_PERSISTENT) +
	       tmem_client_pages(foreign->tmem, client, TMEM_EPHEMERAL);
}

/* A peer may be back at any time: but then it waits in foreign_returned(). */
static void foreign_expire(struct foreign *foreign, unsigned int client,
			   unsigned int grace)
{
	struct ramster_node *node = foreign->node;
	u64 pages;

	if (r2hb_away_ms(node->hb, client) < grace)
		return;
	mutex_lock(&foreign->gone_lock);
	pages = foreign_nr_held(foreign, client);
	if (pages && r2hb_away_ms(node->hb, client) >= grace) {
		pr_notice("node %u: node %u has been away for %u ms: its %llu pages are dropped\n",
			  node->info.node, client, grace, pages);
		foreign_destroy_pools(foreign, client);
	}
	mutex_unlock(&foreign->gone_lock);
}

/* Forget what belongs to those who have been away for too long. */
static void foreign_expire_all(struct foreign *foreign)
{
	unsigned int grace = READ_ONCE(foreign->node->info.client_grace_ms);
	unsigned int client;

	for (client = 0; grace && client < R2_MAX_NODES; client++)
		foreign_expire(foreign, client, grace);
}

static void foreign_clock(struct work_struct *work)
{
	struct foreign *foreign = container_of(to_delayed_work(work),
					       struct foreign, clock);

	foreign_look(foreign);
	if (foreign->node->hb)
		foreign_expire_all(foreign);
	queue_delayed_work(system_unbound_wq, &foreign->clock, FOREIGN_PERIOD);
}

/**
 * foreign_run - begin to look after what is lent
 * @foreign: the store
 */
void foreign_run(struct foreign *foreign)
{
	queue_delayed_work(system_unbound_wq, &foreign->clock, FOREIGN_PERIOD);
}

/**
 * foreign_halt - look no more
 * @foreign: the store, running or not
 *
 * Context: process; sleeps until the last look has ended.
 */
void foreign_halt(struct foreign *foreign)
{
	disable_delayed_work_sync(&foreign->clock);
}

/**
 * foreign_create - get ready to hold pages of others
 * @node: who will hold them
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: the store or an ERR_PTR().
 */
struct foreign *foreign_create(struct ramster_node *node)
{
	struct foreign *foreign = kzalloc(sizeof(*foreign), GFP_KERNEL);
	int err;

	if (!foreign)
		return ERR_PTR(-ENOMEM);

	foreign->node = node;
	foreign->tmem = tmem_create(NULL, NULL);
	if (IS_ERR(foreign->tmem)) {
		err = PTR_ERR(foreign->tmem);
		goto err_tmem;
	}
	tmem_wipe_freed(foreign->tmem);
	mutex_init(&foreign->gone_lock);
	INIT_DELAYED_WORK(&foreign->clock, foreign_clock);
	err = foreign_start_shrinker(foreign);
	if (err)
		goto err_shrinker;
	return foreign;

err_shrinker:
	tmem_destroy(foreign->tmem);
err_tmem:
	kfree(foreign);
	return ERR_PTR(err);
}

/**
 * foreign_destroy - forget everything that is held for others
 * @foreign: the store; nobody uses it any more
 *
 * Context: process; may sleep.
 */
void foreign_destroy(struct foreign *foreign)
{
	foreign_halt(foreign);
	shrinker_free(foreign->shrinker);
	tmem_destroy(foreign->tmem);
	kfree(foreign);
}

/**
 * foreign_get_stats - what is held
 * @foreign: the store
 * @stats: filled in
 */
void foreign_get_stats(struct foreign *foreign, struct tmem_stats *stats)
{
	tmem_get_stats(foreign->tmem, stats);
}

/**
 * foreign_room - what can be lent to a peer
 * @foreign: the store
 * @client: number of the peer
 * @room: filled in
 *
 * Context: any but interrupts.
 */
void foreign_room(struct foreign *foreign, unsigned int client,
		  struct r2tcp_room *room)
{
	u64 capacity = foreign_capacity(foreign);
	u64 lent = foreign_lent(foreign), left, spare;

	left = capacity - min(lent, capacity);
	spare = foreign_available();
	spare -= min(foreign_enough(), spare);
	*room = (struct r2tcp_room) {
		.room = min3(left, spare, (u64)U32_MAX),
		.capacity = min_t(u64, capacity, U32_MAX),
		.recall = READ_ONCE(foreign->wanted[client]),
	};
}

/* Whether one more page of this kind may be taken; drops older ones for it. */
static bool foreign_make_room(struct foreign *foreign, enum tmem_kind kind,
			      bool is_short)
{
	/* In the place of pages that are only a convenience, a swap page may. */
	if (is_short)
		return kind == TMEM_PERSISTENT && foreign_evict(foreign);
	while (foreign_lent(foreign) >= foreign_capacity(foreign))
		if (!foreign_evict(foreign))
			return false;
	return true;
}

static struct tmem_pool *foreign_pool(struct foreign *foreign, u16 client,
				      u32 id, enum tmem_kind kind)
{
	struct tmem_pool *pool = tmem_pool_find(foreign->tmem, client, id);
	unsigned int noio, flags = current->flags;

	if (pool)
		return pool;
	if (id >= R2_MAX_POOLS)
		return ERR_PTR(-ENOSPC);

	/* The reserves are not for this; nor must it wait for anybody's I/O. */
	noio = memalloc_noio_save();
	current->flags &= ~PF_MEMALLOC;
	pool = tmem_pool_create(foreign->tmem, client, id, kind);
	current_restore_flags(flags, PF_MEMALLOC);
	memalloc_noio_restore(noio);
	if (!IS_ERR(pool))
		pr_info_ratelimited("node %u: pool %u is made for %s pages of node %u\n",
				    foreign->node->info.node, id,
				    kind == TMEM_PERSISTENT ? "swap" : "file",
				    client);
	return pool;
}

/* Without a frame at the moment, that of the oldest ephemeral pages will do. */
static int foreign_store(struct tmem_pool *pool,
			 const struct tmem_handle *handle,
			 struct tmem_blob *blob)
{
	bool evicted;
	int err;

	err = tmem_put(pool, &handle->oid, handle->index, blob, FOREIGN_GFP);
	if (err == -ENOSPC)
		err = tmem_put_evict(pool, &handle->oid, handle->index, blob,
				     FOREIGN_GFP, &evicted);
	return err;
}

static enum r2_status foreign_put_one(struct foreign *foreign, u16 client,
				      const struct r2_put *put, bool is_short)
{
	enum tmem_kind kind = put->persistent ? TMEM_PERSISTENT :
						TMEM_EPHEMERAL;
	struct tmem_blob blob = {
		.data = (void *)put->data,
		.len = put->len,
		.crc = put->crc,
	};
	struct tmem_handle handle;
	struct tmem_pool *pool;
	int err;

	r2net_decode_page(put->page, client, &handle, &blob.version);
	/* The wire allows for more than a frame has room for. */
	if (put->len > TMEM_MAX_BLOB ||
	    !foreign_make_room(foreign, kind, is_short))
		return R2_NO_ROOM;

	pool = foreign_pool(foreign, client, handle.pool, kind);
	if (IS_ERR(pool))
		return R2_NO_ROOM;
	if (tmem_pool_kind(pool) != kind)
		return R2_WRONG_KIND;

	err = foreign_store(pool, &handle, &blob);
	if (err == -ESTALE)
		return R2_STALE;
	return err ? R2_NO_ROOM : R2_OK;
}

/**
 * foreign_put - a peer asks to keep pages
 * @foreign: the store
 * @client: number of the peer
 * @payload: payload of the PUT
 * @len: bytes of it
 * @items: number of pages that it must hold
 * @reply: filled in with a status for each page
 *
 * Context: the peer's receiving thread.
 * Return: 0; -EPROTO if the payload is malformed.
 */
int foreign_put(struct foreign *foreign, unsigned int client,
		const void *payload, unsigned int len, unsigned int items,
		struct r2tcp_reply *reply)
{
	struct ramster_counters *count = &foreign->node->count;
	unsigned int pos = 0, i;
	bool is_short = foreign_short();
	u8 *status = reply->buf;
	struct r2_put put;

	for (i = 0; i < items; i++) {
		if (r2wire_next_put(payload, len, &pos, &put))
			return -EPROTO;
		status[i] = foreign_put_one(foreign, client, &put, is_short);
		atomic64_inc(status[i] == R2_OK ? &count->foreign_puts :
						  &count->foreign_puts_refused);
	}
	if (pos != len)
		return -EPROTO;

	reply->items = items;
	reply->len = items;
	return 0;
}

/**
 * foreign_get - a peer asks for a page of its own
 * @foreign: the store
 * @client: number of the peer
 * @page: name and version, in wire order
 * @reply: filled in with a struct r2_get_reply and the bytes
 *
 * Context: the peer's receiving thread.
 * Return: 0.
 */
int foreign_get(struct foreign *foreign, unsigned int client,
		const struct r2_page *page, struct r2tcp_reply *reply)
{
	struct ramster_counters *count = &foreign->node->count;
	struct r2_get_reply *head = reply->buf;
	struct tmem_blob blob = { .data = head + 1 };
	struct tmem_handle handle;
	struct tmem_pool *pool;
	u64 version;

	r2net_decode_page(page, client, &handle, &version);
	memset(head, 0, sizeof(*head));
	reply->items = 0;
	reply->len = sizeof(*head);

	pool = tmem_pool_find(foreign->tmem, client, handle.pool);
	if (!pool ||
	    tmem_get(pool, &handle.oid, handle.index, &blob) ||
	    blob.version != version) {
		head->status = cpu_to_le16(R2_NOT_FOUND);
		atomic64_inc(&count->foreign_gets_missed);
		return 0;
	}
	head->version = cpu_to_le64(blob.version);
	head->crc = cpu_to_le32(blob.crc);
	head->len = cpu_to_le16(blob.len);
	head->status = cpu_to_le16(R2_OK);
	reply->len += blob.len;
	atomic64_inc(&count->foreign_gets);
	return 0;
}

static void foreign_flush_one(struct foreign *foreign, u16 client,
			      const struct r2_flush_item *item)
{
	u32 flags = le32_to_cpu(item->flags);
	struct tmem_handle handle;
	struct tmem_pool *pool;
	u64 version;

	r2net_decode_page(&item->page, client, &handle, &version);
	if (flags & R2_ITEM_POOL) {
		foreign_pool_destroy(foreign, client, handle.pool);
		return;
	}
	pool = tmem_pool_find(foreign->tmem, client, handle.pool);
	if (!pool)
		return;
	if (flags & R2_ITEM_OBJECT)
		tmem_flush_object(pool, &handle.oid, version);
	else
		tmem_flush(pool, &handle.oid, handle.index, version);
}

/**
 * foreign_flush - a peer asks to forget pages
 * @foreign: the store
 * @client: number of the peer
 * @item: pages, objects and pools, checked
 * @items: number of them
 * @reply: filled in; a flush always succeeds
 *
 * Context: the peer's receiving thread.
 * Return: 0.
 */
int foreign_flush(struct foreign *foreign, unsigned int client,
		  const struct r2_flush_item *item, unsigned int items,
		  struct r2tcp_reply *reply)
{
	unsigned int i;

	for (i = 0; i < items; i++)
		foreign_flush_one(foreign, client, &item[i]);
	memset(reply->buf, R2_OK, items);
	reply->items = items;
	reply->len = items;
	return 0;
}
