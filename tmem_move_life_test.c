// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: the life of pages, in a random order.
 *
 * An owner, and servers that are indexes of their own.  Between them there are
 * messages: puts that wait to be delivered, are delivered once or more, are
 * answered or not; and flushes, which may come again much later.  What holds of
 * the real transport is kept: a put whose fate is unknown belongs to a broken
 * connection, and so reaches its server before any later flush, or never.
 */
#include "tmem_move_test.h"

enum {
	LIFE_NODES = 3,
	LIFE_LEAVER = LIFE_NODES - 1,
	LIFE_OBJECTS = 5,
	LIFE_INDEXES = 24,
	LIFE_FLIGHTS = 24,
	LIFE_DEBTS = 6,
	LIFE_OLD = 32,
	LIFE_OPS = 200000,
	LIFE_CLIENT = 42,
};

/* What the owner ought to have: the newest content, or nothing. */
struct life_page {
	u64 version;
	u32 seed;
};

/* A put on its way. */
struct flight {
	bool used;
	bool delivered;
	bool stored;
	bool orphaned;		/* the owner has given up waiting */
	u8 node;
	u64 version;
	u32 seed;
	struct tmem_handle handle;
};

/* A server, and what is being told to it. */
struct life_node {
	struct tmem *tmem;
	struct tmem_pool *pool;
	struct tmem_debt debt[LIFE_DEBTS];
	unsigned int debts;
	unsigned int told;
	struct tmem_debt old[LIFE_OLD];
};

struct life {
	struct kunit *test;
	struct tmem_pool *pool;
	enum tmem_kind kind;
	struct rnd_state rnd;
	struct life_node node[LIFE_NODES];
	struct flight flight[LIFE_FLIGHTS];
	struct life_page page[LIFE_OBJECTS][LIFE_INDEXES];
	/* how often the interesting things have happened */
	unsigned int moved, outdated, refused, unknown, late, fetched, missed;
	unsigned int single, whole, again, evicted, dropped, home;
};

static u32 draw(struct life *l, u32 below)
{
	return prandom_u32_state(&l->rnd) % below;
}

static u32 life_index(u32 i)
{
	return i % 2 ? i : i * 0x9e3779b9U;
}

static struct life_page *life_find(struct life *l, const struct tmem_handle *h)
{
	u64 n = h->oid.word[0] + h->oid.word[1] + h->oid.word[2];
	u32 i;

	for (i = 0; i < LIFE_INDEXES; i++)
		if (life_index(i) == h->index)
			break;
	KUNIT_ASSERT_LT(l->test, n, LIFE_OBJECTS);
	KUNIT_ASSERT_LT(l->test, i, LIFE_INDEXES);
	return &l->page[n][i];
}

static void life_put(struct life *l, u64 n, u32 i)
{
	struct tmem_oid oid = tmem_test_oid(n);
	u32 seed = prandom_u32_state(&l->rnd);
	struct tmem_blob blob = tmem_test_blob(l->test->priv, seed,
					       tmem_test_len(seed));

	KUNIT_EXPECT_EQ(l->test, 0, tmem_put(l->pool, &oid, life_index(i),
					     &blob, GFP_KERNEL));
	KUNIT_EXPECT_GT(l->test, blob.version, l->page[n][i].version);
	l->page[n][i] = (struct life_page){ blob.version, seed };
}

/* Ask the server, as an owner does whose page is remote. */
static void life_fetch(struct life *l, const struct tmem_oid *oid, u32 index,
		       const struct tmem_blob *where,
		       const struct life_page *page)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_blob blob = { .data = t->out };
	int err;

	KUNIT_ASSERT_LT(l->test, where->peers.node[0], LIFE_NODES);
	KUNIT_EXPECT_EQ(l->test, where->version, page->version);
	err = tmem_get(l->node[where->peers.node[0]].pool, oid, index, &blob);
	if (err && l->kind == TMEM_EPHEMERAL) {
		l->missed++;
		return;
	}
	l->fetched++;
	KUNIT_EXPECT_EQ(l->test, err, 0);
	KUNIT_EXPECT_EQ(l->test, blob.version, page->version);
	KUNIT_EXPECT_TRUE(l->test, tmem_test_is(&blob, page->seed,
						tmem_test_len(page->seed)));
}

/* Returns whether the page is with a peer. */
static bool life_get(struct life *l, u64 n, u32 i)
{
	struct tmem_test *t = l->test->priv;
	struct life_page *page = &l->page[n][i];
	struct tmem_oid oid = tmem_test_oid(n);
	struct tmem_blob blob = { .data = t->out };
	int err = tmem_get(l->pool, &oid, life_index(i), &blob);

	KUNIT_EXPECT_EQ(l->test, err == -ENOENT, !page->version);
	if (err == -EREMOTE)
		life_fetch(l, &oid, life_index(i), &blob, page);
	if (!err) {
		KUNIT_EXPECT_EQ(l->test, blob.version, page->version);
		KUNIT_EXPECT_TRUE(l->test,
				  tmem_test_is(&blob, page->seed,
					       tmem_test_len(page->seed)));
	}
	return err == -EREMOTE;
}

static void life_flush(struct life *l, u64 n, u32 i)
{
	struct tmem_oid oid = tmem_test_oid(n);
	struct life_page *page = &l->page[n][i];
	/* Sometimes it is the second half of an exclusive get. */
	u64 version = draw(l, 2) ? page->version : 0;

	KUNIT_EXPECT_EQ(l->test, !!page->version,
			tmem_flush(l->pool, &oid, life_index(i), version));
	page->version = 0;
}

static void life_flush_object(struct life *l, u64 n)
{
	struct tmem_oid oid = tmem_test_oid(n);
	unsigned long found = 0;
	u32 i;

	for (i = 0; i < LIFE_INDEXES; i++) {
		found += !!l->page[n][i].version;
		l->page[n][i].version = 0;
	}
	KUNIT_EXPECT_EQ(l->test, found, tmem_flush_object(l->pool, &oid, 0));
}

/* Most pages of an object go to one node, as a policy may have it. */
static u8 page_node(struct life *l, const struct life_page *page)
{
	return (page - &l->page[0][0]) / LIFE_INDEXES % LIFE_NODES;
}

static struct flight *life_free_flight(struct life *l)
{
	unsigned int i;

	for (i = 0; i < LIFE_FLIGHTS; i++)
		if (!l->flight[i].used)
			return &l->flight[i];
	return NULL;
}

/* Send a page that was isolated, or put it back, or drop it. */
static void life_send(struct life *l, const struct tmem_handle *handle,
		      u64 version)
{
	struct tmem_test *t = l->test->priv;
	struct life_page *page = life_find(l, handle);
	struct flight *flight = life_free_flight(l);
	struct tmem_blob blob = { .data = t->out, .version = version };
	u8 node = draw(l, 8) ? page_node(l, page) : draw(l, LIFE_NODES);
	int err;

	if (l->kind == TMEM_EPHEMERAL && !draw(l, 4)) {
		l->evicted += tmem_flush(l->pool, &handle->oid, handle->index,
					 version);
		if (page->version == version)
			page->version = 0;
		return;
	}
	if (!flight || !draw(l, 8)) {
		tmem_send_done(t->tmem, handle, version, tmem_peer(node),
			       TMEM_SEND_REFUSED);
		return;
	}
	err = tmem_send_begin(t->tmem, handle, tmem_peer(node), &blob);
	KUNIT_EXPECT_EQ(l->test, err, page->version == version ? 0 : -ENOENT);
	if (err)
		return;
	KUNIT_EXPECT_TRUE(l->test, tmem_test_is(&blob, page->seed,
						tmem_test_len(page->seed)));
	*flight = (struct flight) {
		.used = true,
		.node = node,
		.version = version,
		.seed = page->seed,
		.handle = *handle,
	};
}

static void life_isolate(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_handle handle[2];
	u64 version[2];
	unsigned int i, n;

	n = tmem_isolate_oldest(t->tmem, l->kind, handle, version);
	for (i = 0; i < n; i++) {
		/* Something may happen between isolation and sending. */
		struct life_page *page = life_find(l, &handle[i]);
		u64 at = page - &l->page[0][0];

		KUNIT_EXPECT_EQ(l->test, page->version, version[i]);
		if (!draw(l, 6))
			life_put(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		else if (!draw(l, 6))
			life_flush(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		life_send(l, &handle[i], version[i]);
	}
}

static struct flight *life_pick(struct life *l)
{
	return &l->flight[draw(l, LIFE_FLIGHTS)];
}

/* A put reaches its server, maybe not for the first time. */
static void life_deliver(struct life *l, struct flight *flight)
{
	struct tmem_blob blob;
	int err;

	if (!flight->used || (flight->delivered && !flight->stored))
		return;
	/* A server may have no room; but what it has, it has. */
	if (!flight->delivered && !draw(l, 6)) {
		flight->delivered = true;
	} else {
		blob = tmem_test_blob(l->test->priv, flight->seed,
				      tmem_test_len(flight->seed));
		blob.version = flight->version;
		err = tmem_put(l->node[flight->node].pool, &flight->handle.oid,
			       flight->handle.index, &blob, GFP_KERNEL);
		KUNIT_EXPECT_EQ(l->test, err, 0);
		flight->stored = !err;
		flight->delivered = true;
	}
	if (flight->orphaned) {
		flight->used = false;
		l->late++;
	}
}

/* The same content, but under a version that no message knows yet. */
static void life_renewed(struct life *l, const struct tmem_handle *handle,
			 struct life_page *page)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_blob blob = { .data = t->out };

	KUNIT_EXPECT_EQ(l->test, 0, tmem_get(l->pool, &handle->oid,
					     handle->index, &blob));
	KUNIT_EXPECT_GT(l->test, blob.version, page->version);
	page->version = blob.version;
}

/* The owner learns, or gives up on, what became of a put. */
static void life_answer(struct life *l, struct flight *flight)
{
	struct tmem_test *t = l->test->priv;
	struct life_page *page;
	enum tmem_send_result result;
	bool moved, newest;

	if (!flight->used || flight->orphaned)
		return;
	page = life_find(l, &flight->handle);
	if (!draw(l, 5))
		result = TMEM_SEND_UNKNOWN;
	else if (flight->stored)
		result = TMEM_SEND_STORED;
	else
		result = TMEM_SEND_REFUSED;
	moved = tmem_send_done(t->tmem, &flight->handle, flight->version,
			       tmem_peer(flight->node), result);
	newest = page->version == flight->version;
	KUNIT_EXPECT_EQ(l->test, moved, newest && result == TMEM_SEND_STORED);
	if (newest && result == TMEM_SEND_UNKNOWN)
		life_renewed(l, &flight->handle, page);
	l->moved += moved;
	l->outdated += result == TMEM_SEND_STORED && !moved;
	l->refused += result == TMEM_SEND_REFUSED;
	l->unknown += result == TMEM_SEND_UNKNOWN;
	/* It may still be on its way on the connection that broke. */
	if (result == TMEM_SEND_UNKNOWN && !flight->delivered && draw(l, 2))
		flight->orphaned = true;
	else
		flight->used = false;
}

/* A server does what a debt asks for. */
static void life_tell(struct life *l, const struct tmem_debt *debt)
{
	struct life_node *node = &l->node[debt->node];

	if (debt->whole_object)
		tmem_flush_object(node->pool, &debt->handle.oid, debt->version);
	else
		tmem_flush(node->pool, &debt->handle.oid, debt->handle.index,
			   debt->version);
}

/* One more debt of the last collection is told; else there is a new one. */
static void life_debt(struct life *l, u8 n, bool answered)
{
	struct tmem_test *t = l->test->priv;
	struct life_node *node = &l->node[n];
	struct tmem_debt *debt;
	unsigned int i;

	if (node->told == node->debts) {
		node->debts = tmem_collect_debts(t->tmem, n, node->debt,
						 1 + draw(l, LIFE_DEBTS));
		node->told = 0;
		return;
	}
	/* What was sent on an earlier connection is either here or lost. */
	for (i = 0; i < LIFE_FLIGHTS; i++)
		if (l->flight[i].orphaned && l->flight[i].node == n)
			life_deliver(l, &l->flight[i]);
	debt = &node->debt[node->told++];
	KUNIT_EXPECT_EQ(l->test, debt->node, n);
	life_tell(l, debt);
	node->old[draw(l, LIFE_OLD)] = *debt;
	l->whole += debt->whole_object;
	l->single += !debt->whole_object;
	if (answered)
		tmem_settle_debt(t->tmem, debt);
}

/*
 * The last server is told nothing of what is owed to it, as if it had left the
 * cluster and come back.  It ends with pages that nobody wants; that is all.
 */
static void life_drop(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	DECLARE_BITMAP(except, TMEM_NODES);
	unsigned int i;

	/* The connection is gone, and what was sent on it is here or lost. */
	for (i = 0; i < LIFE_FLIGHTS; i++)
		if (l->flight[i].orphaned && l->flight[i].node == LIFE_LEAVER)
			life_deliver(l, &l->flight[i]);
	bitmap_fill(except, TMEM_NODES);
	__clear_bit(LIFE_LEAVER, except);
	tmem_drop_debts(t->tmem, except);
	l->dropped++;
}

/*
 * A page comes home, which was fetched some time ago: something may have
 * happened to it meanwhile.
 */
static void life_home(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_blob blob = { .data = t->out };
	struct tmem_search search = {};
	struct life_page *page;
	struct tmem_away away;
	int err, want = 0;
	u64 at;

	bitmap_fill(search.nodes, TMEM_NODES);
	if (!tmem_collect_away(t->tmem, &search, &away, 1))
		return;
	page = life_find(l, &away.handle);
	KUNIT_EXPECT_EQ(l->test, away.version, page->version);
	KUNIT_EXPECT_EQ(l->test, 0,
			tmem_get(l->node[away.peers.node[0]].pool, &away.handle.oid,
				 away.handle.index, &blob));
	KUNIT_EXPECT_EQ(l->test, blob.version, page->version);
	at = page - &l->page[0][0];
	if (!draw(l, 4)) {
		life_put(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		want = -ESTALE;
	} else if (!draw(l, 4)) {
		life_flush(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		want = -ESTALE;
	}
	err = tmem_bring_home(t->tmem, &away, &blob, GFP_NOWAIT);
	KUNIT_EXPECT_EQ(l->test, err, want);
	if (err)
		return;
	life_renewed(l, &away.handle, page);
	l->home++;
}

/* A flush of long ago arrives again. */
static void life_tell_again(struct life *l)
{
	struct life_node *node = &l->node[draw(l, LIFE_NODES)];
	struct tmem_debt *debt = &node->old[draw(l, LIFE_OLD)];

	if (!debt->version)
		return;
	l->again++;
	life_tell(l, debt);
}

/* A server drops its oldest frame: allowed for ephemeral pages. */
static void life_server_evict(struct life *l)
{
	struct life_node *node = &l->node[draw(l, LIFE_NODES)];
	struct tmem_handle handle[2];
	u64 version[2];
	unsigned int i, n;

	if (l->kind != TMEM_EPHEMERAL)
		return;
	n = tmem_isolate_oldest(node->tmem, l->kind, handle, version);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_TRUE(l->test, tmem_flush(node->pool,
						      &handle[i].oid,
						      handle[i].index,
						      version[i]));
}

/* All that can be asked is right, and so are the counters. */
static void life_check(struct life *l)
{
	struct tmem_stats stats = tmem_test_stats(l->test->priv);
	u64 away = 0, here = 0, on_way = 0;
	unsigned int n, i;

	for (n = 0; n < LIFE_OBJECTS; n++) {
		for (i = 0; i < LIFE_INDEXES; i++) {
			bool is_away = life_get(l, n, i);

			away += is_away;
			here += l->page[n][i].version && !is_away;
		}
	}
	for (i = 0; i < LIFE_FLIGHTS; i++)
		on_way += l->flight[i].used && !l->flight[i].orphaned;
	KUNIT_EXPECT_EQ(l->test, stats.remote[l->kind], away);
	KUNIT_EXPECT_EQ(l->test, stats.remote[!l->kind], 0);
	KUNIT_EXPECT_EQ(l->test, stats.zbud[l->kind].zpages, here);
	KUNIT_EXPECT_EQ(l->test, stats.sending, on_way);
}

static void life_step(struct life *l)
{
	u64 n = draw(l, LIFE_OBJECTS);
	u32 i = draw(l, LIFE_INDEXES);

	switch (draw(l, 32)) {
	case 0 ... 5:
		life_put(l, n, i);
		break;
	case 6 ... 8:
		life_get(l, n, i);
		break;
	case 9 ... 10:
		life_flush(l, n, i);
		break;
	case 11:
		if (!draw(l, 5))
			life_flush_object(l, n);
		break;
	case 12 ... 15:
		life_isolate(l);
		break;
	case 16 ... 21:
		life_deliver(l, life_pick(l));
		break;
	case 22 ... 26:
		life_answer(l, life_pick(l));
		break;
	case 27 ... 29:
		life_debt(l, draw(l, LIFE_NODES), draw(l, 6));
		break;
	case 30:
		life_tell_again(l);
		break;
	default:
		if (!draw(l, 4))
			life_home(l);
		if (!draw(l, 8))
			life_server_evict(l);
		if (!draw(l, 64))
			life_drop(l);
	}
}

/* Everything comes to rest, is forgotten, and is paid. */
static void life_end(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	unsigned int i, n;

	for (i = 0; i < LIFE_FLIGHTS; i++) {
		life_deliver(l, &l->flight[i]);
		life_answer(l, &l->flight[i]);
	}
	life_check(l);
	for (n = 0; n < LIFE_OBJECTS; n++)
		life_flush_object(l, n);
	for (n = 0; n < LIFE_NODES; n++) {
		/* A round that lists nothing, after one that was finished. */
		do {
			while (l->node[n].told < l->node[n].debts)
				life_debt(l, n, true);
			life_debt(l, n, true);
		} while (l->node[n].debts);
	}
	tmem_test_expect_empty(l->test, t->tmem);
	/* No server that stayed has something that nobody wants. */
	for (n = 0; n < LIFE_LEAVER; n++)
		tmem_test_expect_empty(l->test, l->node[n].tmem);
}

static void life_start(struct life *l, enum tmem_kind kind, u64 seed)
{
	struct tmem_test *t = l->test->priv;
	unsigned int n;

	prandom_seed_state(&l->rnd, seed);
	l->kind = kind;
	l->pool = tmem_pool_create(t->tmem, TMEM_CLIENT_LOCAL, LIFE_CLIENT,
				   kind);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(l->test, l->pool);
	for (n = 0; n < LIFE_NODES; n++) {
		l->node[n].tmem = tmem_create(NULL, NULL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(l->test, l->node[n].tmem);
		l->node[n].pool = tmem_pool_create(l->node[n].tmem,
						   LIFE_CLIENT, LIFE_CLIENT,
						   kind);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(l->test, l->node[n].pool);
	}
}

static void life_run(struct kunit *test, enum tmem_kind kind, u64 seed)
{
	struct life *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	unsigned int op, n;

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->test = test;
	life_start(l, kind, seed);
	for (op = 0; op < LIFE_OPS; op++) {
		life_step(l);
		if (!(op & 2047))
			life_check(l);
	}
	life_end(l);
	kunit_info(test, "%u moved, %u outdated, %u refused, %u unknown, %u late",
		   l->moved, l->outdated, l->refused, l->unknown, l->late);
	kunit_info(test, "%u fetched, %u missed, %u evicted; told %u, %u whole, %u again, dropped %u, home %u",
		   l->fetched, l->missed, l->evicted, l->single, l->whole,
		   l->again, l->dropped, l->home);
	KUNIT_EXPECT_GT(test, l->moved, LIFE_OPS / 200);
	KUNIT_EXPECT_GT(test, l->outdated, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(test, l->refused, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(test, l->unknown, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(test, l->late, LIFE_OPS / 20000);
	KUNIT_EXPECT_GT(test, l->fetched, LIFE_OPS / 800);
	KUNIT_EXPECT_GT(test, l->whole, LIFE_OPS / 20000);
	KUNIT_EXPECT_GT(test, l->dropped, LIFE_OPS / 20000);
	if (kind == TMEM_PERSISTENT)
		KUNIT_EXPECT_GT(test, l->home, LIFE_OPS / 1000);
	for (n = 0; n < LIFE_NODES; n++)
		tmem_destroy(l->node[n].tmem);
}

void tmem_move_test_life_persistent(struct kunit *test)
{
	life_run(test, TMEM_PERSISTENT, 2011);
}

void tmem_move_test_life_ephemeral(struct kunit *test)
{
	life_run(test, TMEM_EPHEMERAL, 2013);
}
