/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of moving pages share: several nodes, from end to end, over TCP
 * on the loopback device.
 *
 * Node N has the address 127.0.0.(N+1), an index of its own pages with a pool
 * of swap pages and one of file pages, and holds pages of the others.  What a
 * page contains follows from its owner, index and generation.
 */
#ifndef _RAMSTER_MOVE_TEST_H
#define _RAMSTER_MOVE_TEST_H

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/in.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <net/net_namespace.h>

#include "foreign.h"
#include "heartbeat.h"
#include "ramster_int.h"
#include "recall.h"
#include "remotify.h"
#include "repair.h"
#include "selfshrink.h"

#define MOVE_PORT	7787
#define MOVE_NODES	3
#define MOVE_LEN	1900
#define MOVE_SEEN	512
/* Longer than anything takes that is expected to happen. */
#define MOVE_PATIENCE	(20 * HZ)
/* Long enough for what is expected not to happen. */
#define MOVE_WHILE_MS	300

enum { SWAP_POOL, FILE_POOL };

/**
 * struct move_node - one node
 * @node: as ramster.c has it
 * @own: its own pages
 * @pool: its pools, by kind
 * @wait: where a handler stalls
 * @stall: handlers wait
 * @damage: a byte of each page that is given back is wrong
 * @seen: pages that were put here, in the order in which they came
 * @nr_seen: number of them
 * @flushed: items of FLUSH: pages, objects and pools
 */
struct move_node {
	struct ramster_node node;
	struct tmem *own;
	struct tmem_pool *pool[TMEM_NR_KINDS];
	wait_queue_head_t wait;
	bool stall;
	bool damage;
	struct move_seen {
		bool persistent;
		u32 index;
		u64 version;
	} seen[MOVE_SEEN];
	unsigned int nr_seen;
	unsigned int flushed[3];
};

struct move_world {
	struct move_node n[MOVE_NODES];
	u8 in[TMEM_MAX_BLOB];
	u8 out[TMEM_MAX_BLOB];
	unsigned int period_ms;
	bool disabled;
	unsigned int low;
	unsigned int high;
};

/*
 * handlers
 */

static inline void move_stall(struct move_node *n)
{
	wait_event(n->wait, !READ_ONCE(n->stall));
}

static inline void move_resume(struct move_node *n)
{
	WRITE_ONCE(n->stall, false);
	wake_up_all(&n->wait);
}

static inline int move_put(void *arg, unsigned int peer, const void *payload,
			   unsigned int len, unsigned int items,
			   struct r2tcp_reply *reply)
{
	struct move_node *n = arg;
	unsigned int pos = 0;
	struct r2_put put;

	move_stall(n);
	while (n->nr_seen < MOVE_SEEN &&
	       !r2wire_next_put(payload, len, &pos, &put))
		n->seen[n->nr_seen++] = (struct move_seen) {
			.persistent = put.persistent,
			.index = le32_to_cpu(put.page->index),
			.version = le64_to_cpu(put.page->version),
		};
	return foreign_put(n->node.foreign, peer, payload, len, items, reply);
}

static inline int move_get(void *arg, unsigned int peer,
			   const struct r2_page *page,
			   struct r2tcp_reply *reply)
{
	struct move_node *n = arg;
	int err;

	move_stall(n);
	err = foreign_get(n->node.foreign, peer, page, reply);
	if (n->damage && reply->len > sizeof(struct r2_get_reply))
		*(u8 *)(reply->buf + reply->len - 1) ^= 1;
	return err;
}

static inline int move_flush(void *arg, unsigned int peer,
			     const struct r2_flush_item *item,
			     unsigned int items, struct r2tcp_reply *reply)
{
	struct move_node *n = arg;
	unsigned int i;
	u32 flags;

	move_stall(n);
	for (i = 0; i < items; i++) {
		flags = le32_to_cpu(item[i].flags);
		n->flushed[flags & R2_ITEM_POOL ? 2 :
			   flags & R2_ITEM_OBJECT ? 1 : 0]++;
	}
	return foreign_flush(n->node.foreign, peer, item, items, reply);
}

static inline void move_up(void *arg, unsigned int peer, bool new_instance)
{
	struct move_node *n = arg;

	if (n->node.hb)
		r2hb_connected(n->node.hb, peer);
	foreign_returned(n->node.foreign);
	recall_kick(n->node.recall, peer);
	if (!new_instance)
		return;
	foreign_forget(n->node.foreign, peer);
	remotify_peer_restarted(n->node.remotify, peer);
}

static inline void move_down(void *arg, unsigned int peer)
{
	struct move_node *n = arg;

	if (n->node.hb)
		r2hb_disconnected(n->node.hb, peer);
}

static inline void move_room(void *arg, unsigned int peer,
			     struct r2tcp_room *room)
{
	struct move_node *n = arg;

	foreign_room(n->node.foreign, peer, room);
}

static inline void move_recalls(void *arg, unsigned int peer)
{
	struct move_node *n = arg;

	recall_kick(n->node.recall, peer);
}

static const struct r2tcp_ops move_ops = {
	.put = move_put,
	.get = move_get,
	.flush = move_flush,
	.up = move_up,
	.down = move_down,
	.room = move_room,
	.recalls = move_recalls,
};

/*
 * nodes
 */

static inline struct sockaddr_storage move_addr(unsigned int num)
{
	struct sockaddr_storage addr = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK + num);
	in->sin_port = htons(MOVE_PORT);
	return addr;
}

static inline void move_start_tcp(struct kunit *test, struct move_node *n)
{
	struct r2tcp_config config = {
		.net = &init_net,
		.cluster = "move",
		.node = n->node.info.node,
		.addr = move_addr(n->node.info.node),
		.idle_timeout_ms = n->node.info.idle_timeout_ms,
		.keepalive_delay_ms = 300,
		.dead_time_ms = 4000,
		.reconnect_delay_ms = 50,
	};

	n->node.tcp = r2tcp_start(&config, &move_ops, n);
	if (IS_ERR(n->node.tcp)) {
		int err = PTR_ERR(n->node.tcp);

		n->node.tcp = NULL;
		KUNIT_ASSERT_EQ(test, err, 0);
	}
}

static inline void move_start_own(struct kunit *test, struct move_node *n)
{
	static const u32 id[] = {
		[TMEM_EPHEMERAL] = FILE_POOL,
		[TMEM_PERSISTENT] = SWAP_POOL,
	};
	unsigned int kind;

	n->own = tmem_create(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, n->own);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		n->pool[kind] = tmem_pool_create(n->own, TMEM_CLIENT_LOCAL,
						 id[kind], kind);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, n->pool[kind]);
	}
}

static inline struct move_node *move_start(struct kunit *test, unsigned int num)
{
	struct move_world *world = test->priv;
	struct move_node *n = &world->n[num];

	n->node.info = (struct r2nm_cluster_info) {
		.node = num,
		.net = &init_net,
		.idle_timeout_ms = 5000,
		.get_timeout_ms = 10000,
		.capacity_mb = 16,
		.copies = 2,
	};
	move_start_own(test, n);
	n->node.foreign = foreign_create(&n->node);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, n->node.foreign);
	KUNIT_ASSERT_EQ(test, 0, fetch_start(&n->node));
	n->node.remotify = remotify_create(&n->node, n->own);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, n->node.remotify);
	n->node.repair = repair_create(&n->node, n->own);
	KUNIT_ASSERT_NOT_NULL(test, n->node.repair);
	n->node.recall = recall_create(&n->node, n->own);
	KUNIT_ASSERT_NOT_NULL(test, n->node.recall);
	move_start_tcp(test, n);
	KUNIT_ASSERT_EQ(test, 0, remotify_run(n->node.remotify));
	foreign_run(n->node.foreign);
	return n;
}

/* In the order of ramster.c. */
static inline void move_stop(struct move_node *n)
{
	bool idle;

	move_resume(n);
	selfshrink_stop(n->node.selfshrink);
	n->node.selfshrink = NULL;
	repair_halt(n->node.repair);
	idle = recall_halt(n->node.recall);
	if (n->node.tcp) {
		remotify_halt(n->node.remotify);
		if (idle)
			remotify_farewell(n->node.remotify);
		r2tcp_stop(n->node.tcp);
	}
	fetch_stop(&n->node);
	r2tcp_free(n->node.tcp);
	n->node.tcp = NULL;
	recall_destroy(n->node.recall);
	n->node.recall = NULL;
	repair_destroy(n->node.repair);
	n->node.repair = NULL;
	if (n->node.remotify)
		remotify_destroy(n->node.remotify);
	n->node.remotify = NULL;
	if (!IS_ERR_OR_NULL(n->node.foreign))
		foreign_destroy(n->node.foreign);
	n->node.foreign = NULL;
	if (!IS_ERR_OR_NULL(n->own))
		tmem_destroy(n->own);
	n->own = NULL;
}

/* The nodes talk through the loopback device, and nobody else may have opened it. */
static inline int move_suite_init(struct kunit_suite *suite)
{
	int err;

	rtnl_lock();
	err = dev_open(init_net.loopback_dev, NULL);
	rtnl_unlock();
	return err;
}

static inline int move_test_init(struct kunit *test)
{
	struct move_world *world = kunit_kzalloc(test, sizeof(*world),
						 GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, world);
	for (i = 0; i < MOVE_NODES; i++)
		init_waitqueue_head(&world->n[i].wait);
	world->period_ms = selfshrink_period_ms;
	world->disabled = selfshrink_disabled;
	selfshrink_disabled = false;
	world->low = pressure_low;
	world->high = pressure_high;
	/* Most tests want pages to move, and have RAM enough. */
	pressure_high = PRESSURE_ALWAYS_PERCENT;
	test->priv = world;
	return 0;
}

static inline void move_test_exit(struct kunit *test)
{
	struct move_world *world = test->priv;
	unsigned int i;

	if (!world)
		return;
	selfshrink_period_ms = world->period_ms;
	selfshrink_disabled = world->disabled;
	pressure_low = world->low;
	pressure_high = world->high;
	for (i = 0; i < MOVE_NODES; i++)
		move_resume(&world->n[i]);
	for (i = 0; i < MOVE_NODES; i++)
		move_stop(&world->n[i]);
}

#define WAIT_FOR(test, condition)					\
do {									\
	unsigned long end = jiffies + MOVE_PATIENCE;			\
	bool met;							\
									\
	do {								\
		met = (condition);					\
		if (met)						\
			break;						\
		msleep(20);						\
	} while (time_before(jiffies, end));				\
	KUNIT_ASSERT_TRUE_MSG(test, met, #condition);			\
} while (0)

static inline void move_add_peer(struct kunit *test, struct move_node *a,
				 struct move_node *b)
{
	struct sockaddr_storage addr = move_addr(b->node.info.node);

	KUNIT_ASSERT_EQ(test, 0, remotify_add_peer(a->node.remotify,
						   b->node.info.node));
	KUNIT_ASSERT_EQ(test, 0, recall_add_peer(a->node.recall,
						 b->node.info.node));
	KUNIT_ASSERT_EQ(test, 0, r2tcp_add_peer(a->node.tcp, b->node.info.node,
						&addr));
}

static inline void move_connect(struct kunit *test, struct move_node *a,
				struct move_node *b)
{
	move_add_peer(test, a, b);
	move_add_peer(test, b, a);
	WAIT_FOR(test, r2tcp_connected(a->node.tcp, b->node.info.node));
	WAIT_FOR(test, r2tcp_connected(b->node.tcp, a->node.info.node));
}

/* Node 0 lends, node 1 has pages; both are connected. */
static inline void move_pair(struct kunit *test, struct move_node **server,
			     struct move_node **client)
{
	*server = move_start(test, 0);
	*client = move_start(test, 1);
	move_connect(test, *server, *client);
}

/* Break the connection: all that is under way ends, and it is made again. */
static inline void move_break(struct kunit *test, struct move_node *a,
			      struct move_node *b)
{
	struct sockaddr_storage addr = move_addr(b->node.info.node);

	r2tcp_del_peer(a->node.tcp, b->node.info.node);
	KUNIT_ASSERT_EQ(test, 0, r2tcp_add_peer(a->node.tcp, b->node.info.node,
						&addr));
}

static inline void move_send(struct move_node *from, struct move_node *to,
			     bool eph, bool pers)
{
	remotify_set_target(from->node.remotify, to->node.info.node);
	remotify_set_enable(from->node.remotify, TMEM_EPHEMERAL, eph);
	remotify_set_enable(from->node.remotify, TMEM_PERSISTENT, pers);
}

/* From now on each node that looks at RAM finds that there is too little. */
static inline void move_short(void)
{
	pressure_low = PRESSURE_ALWAYS_PERCENT - 1;
	pressure_high = PRESSURE_ALWAYS_PERCENT - 1;
}

/*
 * pages
 */

static inline struct tmem_stats move_own(struct move_node *n)
{
	struct tmem_stats stats;

	tmem_get_stats(n->own, &stats);
	return stats;
}

static inline struct tmem_stats move_held(struct move_node *n)
{
	struct tmem_stats stats;

	foreign_get_stats(n->node.foreign, &stats);
	return stats;
}

static inline u64 move_nr_held(struct move_node *n, enum tmem_kind kind)
{
	return move_held(n).zbud[kind].zpages;
}

static inline u64 move_nr_away(struct move_node *n, enum tmem_kind kind)
{
	return move_own(n).remote[kind];
}

/* Nothing is under way, and nobody has to be told anything. */
static inline bool move_settled(struct move_node *n)
{
	struct tmem_stats stats = move_own(n);

	return !stats.sending && !stats.debts;
}

static inline void move_fill(u8 *data, unsigned int node, u32 index, u8 generation)
{
	u32 i;

	for (i = 0; i < MOVE_LEN; i++)
		data[i] = (index * 2654435761U + node * 97 + generation * 31 +
			   i * 40503U) >> 11;
}

static inline struct tmem_oid move_oid(u32 index)
{
	return (struct tmem_oid) { .word[0] = 1 + index / 1000 };
}

static inline void move_page(struct kunit *test, struct move_node *n,
			     enum tmem_kind kind, u32 index, u8 generation)
{
	struct move_world *world = test->priv;
	struct tmem_blob blob = { .data = world->in, .len = MOVE_LEN };
	struct tmem_oid oid = move_oid(index);

	move_fill(world->in, n->node.info.node, index, generation);
	KUNIT_ASSERT_EQ(test, 0, tmem_put(n->pool[kind], &oid, index, &blob,
					  GFP_KERNEL));
}

static inline void move_pages(struct kunit *test, struct move_node *n,
			      enum tmem_kind kind, u32 first, u32 nr)
{
	u32 i;

	for (i = first; i < first + nr; i++)
		move_page(test, n, kind, i, 0);
}

static inline int move_lookup(struct kunit *test, struct move_node *n,
			      enum tmem_kind kind, u32 index,
			      struct tmem_blob *blob)
{
	struct move_world *world = test->priv;
	struct tmem_oid oid = move_oid(index);

	*blob = (struct tmem_blob) { .data = world->out };
	return tmem_get(n->pool[kind], &oid, index, blob);
}

static inline void move_forget(struct move_node *n, enum tmem_kind kind, u32 index)
{
	struct tmem_oid oid = move_oid(index);

	tmem_flush(n->pool[kind], &oid, index, 0);
}

struct move_fetch {
	struct completion done;
	int result;
	u32 len;
	u8 data[MOVE_LEN];
};

static inline int move_fetched(void *arg, int result, const void *data, u32 len,
			       bool waited)
{
	struct move_fetch *fetch = arg;

	fetch->result = result;
	fetch->len = len;
	if (!result && len <= MOVE_LEN)
		memcpy(fetch->data, data, len);
	complete(&fetch->done);
	return result;
}

static inline struct tmem_handle move_handle(enum tmem_kind kind, u32 index)
{
	return (struct tmem_handle) {
		.client = TMEM_CLIENT_LOCAL,
		.pool = kind == TMEM_PERSISTENT ? SWAP_POOL : FILE_POOL,
		.oid = move_oid(index),
		.index = index,
	};
}

static inline int move_ask_for(struct move_node *n, enum tmem_kind kind,
			       u32 index, const struct tmem_blob *where,
			       struct move_fetch *fetch)
{
	struct tmem_peers peers = fetch_order(&n->node, where->peers);
	struct tmem_handle handle = move_handle(kind, index);
	int err;

	init_completion(&fetch->done);
	err = fetch_page(&n->node, &handle, kind, where->version, peers,
			 0, move_fetched, fetch);
	if (err != -EINPROGRESS)
		return err;
	r2tcp_push(n->node.tcp, peers.node[0]);
	return 0;
}

static inline int move_ask(struct kunit *test, struct move_node *n,
			   enum tmem_kind kind, u32 index,
			   struct move_fetch *fetch)
{
	struct tmem_blob blob;

	KUNIT_ASSERT_EQ(test, -EREMOTE, move_lookup(test, n, kind, index,
						    &blob));
	return move_ask_for(n, kind, index, &blob, fetch);
}

static inline int move_wait(struct kunit *test, struct move_fetch *fetch)
{
	KUNIT_ASSERT_NE(test, 0, wait_for_completion_timeout(&fetch->done,
							     MOVE_PATIENCE));
	return fetch->result;
}

/* Read a page, wherever it is, and compare it. */
static inline int move_read(struct kunit *test, struct move_node *n,
			    enum tmem_kind kind, u32 index, u8 generation)
{
	struct move_world *world = test->priv;
	struct move_fetch *fetch;
	struct tmem_blob blob;
	int err;

	err = move_lookup(test, n, kind, index, &blob);
	move_fill(world->in, n->node.info.node, index, generation);
	if (!err) {
		KUNIT_EXPECT_EQ(test, blob.len, MOVE_LEN);
		KUNIT_EXPECT_EQ(test, 0, memcmp(world->in, blob.data,
						MOVE_LEN));
	}
	if (err != -EREMOTE)
		return err;

	fetch = kunit_kzalloc(test, sizeof(*fetch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fetch);
	err = move_ask_for(n, kind, index, &blob, fetch);
	if (!err)
		err = move_wait(test, fetch);
	if (!err) {
		KUNIT_EXPECT_EQ(test, fetch->len, MOVE_LEN);
		KUNIT_EXPECT_EQ(test, 0, memcmp(world->in, fetch->data,
						MOVE_LEN));
	}
	kunit_kfree(test, fetch);
	return err;
}

static inline void move_read_all(struct kunit *test, struct move_node *n,
				 enum tmem_kind kind, u32 first, u32 nr)
{
	u32 i;

	for (i = first; i < first + nr; i++)
		KUNIT_EXPECT_EQ(test, 0, move_read(test, n, kind, i, 0));
}

static inline u64 move_count(atomic64_t *count)
{
	return atomic64_read(count);
}

#endif /* _RAMSTER_MOVE_TEST_H */
