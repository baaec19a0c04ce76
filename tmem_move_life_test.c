// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: the life of pages, in a random order.
 *
 * An owner, and servers that are indexes of their own.  Between them there are
 * messages: puts that wait to be delivered, are delivered once or more, are
 * answered or not; and flushes, which may come again much later.  What holds of
 * the real transport is kept: a put whose fate is unknown belongs to a broken
 * connection, and so reaches its server before any later flush, or never.
 *
 * A page goes to one server or two.  What becomes of it at one has nothing to do
 * with the other; and servers are restarted, and have lost all.  Whatever happens, a
 * page can be had, in its newest version, from each server that was given it and
 * has not been restarted since.
 */
#include "tmem_life_test.h"

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

/* It is here, or with version 0, nowhere. */
static void life_here(struct life_page *page, u64 version, u32 seed)
{
	*page = (struct life_page) {
		.version = version,
		.seed = seed,
		.peers = tmem_peer(TMEM_NO_NODE),
	};
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
	life_here(&l->page[n][i], blob.version, seed);
}

/* Ask one server for a page that it has, or has lost. */
static bool life_ask(struct life *l, u8 node, const struct tmem_oid *oid,
		     u32 index, const struct life_page *page)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_blob blob = { .data = t->out };
	int err = tmem_get(l->node[node].pool, oid, index, &blob);

	if (!(page->holders & BIT(node))) {
		/* Nothing, or what it was told in vain to forget. */
		KUNIT_EXPECT_TRUE(l->test, err || blob.version < page->version);
		return false;
	}
	if (err && l->kind == TMEM_EPHEMERAL) {
		l->missed++;
		return true;
	}
	KUNIT_EXPECT_EQ(l->test, err, 0);
	KUNIT_EXPECT_EQ(l->test, blob.version, page->version);
	KUNIT_EXPECT_TRUE(l->test, tmem_test_is(&blob, page->seed,
						tmem_test_len(page->seed)));
	return true;
}

/* Ask the servers, as an owner does whose page is remote. */
static void life_fetch(struct life *l, const struct tmem_oid *oid, u32 index,
		       const struct tmem_blob *where,
		       const struct life_page *page)
{
	unsigned int i, nr = tmem_peers_nr(where->peers), found = 0;

	KUNIT_EXPECT_EQ(l->test, where->version, page->version);
	KUNIT_EXPECT_EQ(l->test, where->peers.node[0], page->peers.node[0]);
	KUNIT_EXPECT_EQ(l->test, where->peers.node[1], page->peers.node[1]);
	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_LT(l->test, where->peers.node[i], LIFE_NODES);
		found += life_ask(l, where->peers.node[i], oid, index, page);
	}
	/* Two are named as long as both have it; the last one, for ever. */
	KUNIT_EXPECT_EQ(l->test, found, hweight_long(page->holders));
	KUNIT_EXPECT_TRUE(l->test, found == nr || nr == 1);
	l->fetched += found;
	l->lost += !found;
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
	KUNIT_EXPECT_EQ(l->test, err == -EREMOTE, !!tmem_peers_nr(page->peers));
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
	u64 version = life_draw(l, 2) ? page->version : 0;

	KUNIT_EXPECT_EQ(l->test, !!page->version,
			tmem_flush(l->pool, &oid, life_index(i), version));
	life_here(page, 0, 0);
}

static void life_flush_object(struct life *l, u64 n)
{
	struct tmem_oid oid = tmem_test_oid(n);
	unsigned long found = 0;
	u32 i;

	for (i = 0; i < LIFE_INDEXES; i++) {
		found += !!l->page[n][i].version;
		life_here(&l->page[n][i], 0, 0);
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
	u8 node = life_draw(l, 8) ? page_node(l, page) :
				    life_draw(l, LIFE_NODES);
	int err;

	if (l->kind == TMEM_EPHEMERAL && !life_draw(l, 4)) {
		l->evicted += tmem_flush(l->pool, &handle->oid, handle->index,
					 version);
		if (page->version == version)
			life_here(page, 0, 0);
		return;
	}
	if (!flight || !life_draw(l, 8)) {
		tmem_send_done(t->tmem, handle, version, tmem_peer(node),
			       TMEM_SEND_REFUSED);
		return;
	}
	life_fly(l, flight, node, handle, page);
	err = tmem_send_begin(t->tmem, handle, life_goes_to(flight), &blob);
	KUNIT_EXPECT_EQ(l->test, err, page->version == version ? 0 : -ENOENT);
	flight->used = !err;
	if (!err)
		KUNIT_EXPECT_TRUE(l->test,
				  tmem_test_is(&blob, page->seed,
					       tmem_test_len(page->seed)));
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
		if (!life_draw(l, 6))
			life_put(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		else if (!life_draw(l, 6))
			life_flush(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		life_send(l, &handle[i], version[i]);
	}
}

static struct flight *life_pick(struct life *l)
{
	return &l->flight[life_draw(l, LIFE_FLIGHTS)];
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
	life_here(page, blob.version, page->seed);
}

/* The page is with those who have it from now on. */
static void life_moved(struct life *l, struct life_page *page,
		       struct tmem_peers holders, unsigned int asked)
{
	unsigned int i;

	page->peers = holders;
	for (i = 0; i < tmem_peers_nr(holders); i++)
		page->holders |= BIT(holders.node[i]);
	l->moved++;
	l->both += tmem_peers_nr(holders) > 1;
	l->halved += tmem_peers_nr(holders) < asked;
}

/* The owner learns, or gives up on, what became of a put. */
static void life_answer(struct life *l, struct flight *flight)
{
	struct tmem_test *t = l->test->priv;
	enum tmem_send_result result;
	struct tmem_peers holders;
	struct life_page *page;
	bool moved, newest;

	if (!flight->used || flight->answered)
		return;
	page = life_find(l, &flight->handle);
	result = life_outcome(l, flight, &holders);
	moved = tmem_send_done(t->tmem, &flight->handle, flight->version,
			       holders, result);
	newest = page->version == flight->version;
	KUNIT_EXPECT_EQ(l->test, moved, newest && result == TMEM_SEND_STORED);
	if (moved)
		life_moved(l, page, holders, flight->legs);
	else if (newest && result == TMEM_SEND_UNKNOWN)
		life_renewed(l, &flight->handle, page);
	l->outdated += result == TMEM_SEND_STORED && !moved;
	l->refused += result == TMEM_SEND_REFUSED;
	l->unknown += result == TMEM_SEND_UNKNOWN;
}

/* Something happens to a page while it is fetched.  Returns what comes of that. */
static int life_disturb(struct life *l, struct life_page *page)
{
	u64 at = page - &l->page[0][0];

	if (!life_draw(l, 4)) {
		life_put(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		return -ESTALE;
	}
	if (!life_draw(l, 4)) {
		life_flush(l, at / LIFE_INDEXES, at % LIFE_INDEXES);
		return -ESTALE;
	}
	if (!life_draw(l, 16))
		life_restart(l, life_draw(l, LIFE_NODES));
	return 0;
}

/*
 * A page comes home, which was fetched some time ago: something may have
 * happened to it meanwhile.
 */
static void life_home(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	struct tmem_blob blob = { .data = t->out };
	struct tmem_search search = { .lone = life_draw(l, 2) };
	struct life_page *page;
	struct tmem_away away;
	int err, want;

	bitmap_fill(search.nodes, TMEM_NODES);
	if (!tmem_collect_away(t->tmem, &search, &away, 1))
		return;
	page = life_find(l, &away.handle);
	KUNIT_EXPECT_EQ(l->test, away.version, page->version);
	if (search.lone)
		KUNIT_EXPECT_EQ(l->test, 1, tmem_peers_nr(away.peers));
	/* There is none any more. */
	if (!page->holders)
		return;
	KUNIT_EXPECT_EQ(l->test, 0,
			tmem_get(l->node[__ffs(page->holders)].pool,
				 &away.handle.oid, away.handle.index, &blob));
	KUNIT_EXPECT_EQ(l->test, blob.version, page->version);
	want = life_disturb(l, page);
	err = tmem_bring_home(t->tmem, &away, &blob, GFP_NOWAIT);
	KUNIT_EXPECT_EQ(l->test, err, want);
	if (err)
		return;
	life_renewed(l, &away.handle, page);
	l->home++;
}

/* All that can be asked is right, and so are the counters. */
static void life_check(struct life *l)
{
	struct tmem_stats stats = tmem_test_stats(l->test->priv);
	u64 away = 0, here = 0, on_way = 0, lone = 0;
	unsigned int n, i;

	for (n = 0; n < LIFE_OBJECTS; n++) {
		for (i = 0; i < LIFE_INDEXES; i++) {
			bool is_away = life_get(l, n, i);

			away += is_away;
			lone += tmem_peers_nr(l->page[n][i].peers) == 1;
			here += l->page[n][i].version && !is_away;
		}
	}
	for (i = 0; i < LIFE_FLIGHTS; i++)
		on_way += l->flight[i].used && !l->flight[i].answered;
	KUNIT_EXPECT_EQ(l->test, stats.remote[l->kind], away);
	KUNIT_EXPECT_EQ(l->test, stats.remote[!l->kind], 0);
	KUNIT_EXPECT_EQ(l->test, stats.lone,
			l->kind == TMEM_PERSISTENT ? lone : 0);
	KUNIT_EXPECT_EQ(l->test, stats.zbud[l->kind].zpages, here);
	KUNIT_EXPECT_EQ(l->test, stats.sending, on_way);
}

static void life_step(struct life *l)
{
	u64 n = life_draw(l, LIFE_OBJECTS);
	u32 i = life_draw(l, LIFE_INDEXES);

	switch (life_draw(l, 32)) {
	case 0 ... 4:
		life_put(l, n, i);
		break;
	case 5 ... 7:
		life_get(l, n, i);
		break;
	case 8:
		life_flush(l, n, i);
		break;
	case 9:
		if (!life_draw(l, 2))
			life_flush_object(l, n);
		break;
	case 10 ... 13:
		life_isolate(l);
		break;
	case 14 ... 20:
		life_deliver(l, life_pick(l));
		break;
	case 21 ... 26:
		life_answer(l, life_pick(l));
		break;
	case 27 ... 29:
		life_debt(l, life_draw(l, LIFE_NODES), life_draw(l, 6));
		break;
	case 30:
		life_tell_again(l);
		break;
	default:
		if (!life_draw(l, 4))
			life_home(l);
		if (!life_draw(l, 8))
			life_server_evict(l);
		if (!life_draw(l, 64))
			life_drop(l);
		if (!life_draw(l, 32))
			life_restart(l, life_draw(l, LIFE_NODES));
	}
}

/* All is paid. */
static void life_pay(struct life *l)
{
	unsigned int n;

	for (n = 0; n < LIFE_NODES; n++) {
		/* A round that lists nothing, after one that was finished. */
		do {
			while (l->node[n].told < l->node[n].debts)
				life_debt(l, n, true);
			life_debt(l, n, true);
		} while (l->node[n].debts);
	}
}

/* Who has stayed has what the words of the owner's pages say, and no more. */
static void life_check_servers(struct life *l)
{
	struct life_page *page = &l->page[0][0];
	u64 has[LIFE_NODES] = {};
	unsigned int i, n;

	for (i = 0; i < LIFE_OBJECTS * LIFE_INDEXES; i++, page++)
		for (n = 0; n < LIFE_NODES; n++)
			has[n] += !!(page->holders & BIT(n));
	for (n = 0; n < LIFE_LEAVER; n++)
		if (l->kind == TMEM_PERSISTENT)
			KUNIT_EXPECT_EQ(l->test, has[n], life_held(l, n));
		else
			KUNIT_EXPECT_GE(l->test, has[n], life_held(l, n));
}

/* Everything comes to rest, is forgotten, and is paid. */
static void life_end(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	unsigned int i, n;

	for (i = 0; i < LIFE_FLIGHTS; i++) {
		life_deliver(l, &l->flight[i]);
		life_answer(l, &l->flight[i]);
		life_deliver(l, &l->flight[i]);
	}
	life_check(l);
	life_pay(l);
	life_check(l);
	life_check_servers(l);
	for (n = 0; n < LIFE_OBJECTS; n++)
		life_flush_object(l, n);
	life_pay(l);
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
	for (n = 0; n < LIFE_NODES; n++)
		life_start_server(l, n);
	for (n = 0; n < LIFE_OBJECTS * LIFE_INDEXES; n++)
		life_here(&l->page[0][0] + n, 0, 0);
}

static void life_tell_counts(struct life *l)
{
	kunit_info(l->test, "%u moved, %u to two, %u to one of two, %u outdated, %u refused, %u unknown, %u late",
		   l->moved, l->both, l->halved, l->outdated, l->refused,
		   l->unknown, l->late);
	kunit_info(l->test, "%u fetched, %u missed, %u lost, %u evicted, %u home, %u restarts",
		   l->fetched, l->missed, l->lost, l->evicted, l->home,
		   l->restarts);
	kunit_info(l->test, "told %u, %u whole, %u again, dropped %u",
		   l->single, l->whole, l->again, l->dropped);
}

/* What is to be tried has been tried. */
static void life_expect_counts(struct life *l)
{
	KUNIT_EXPECT_GT(l->test, l->moved, LIFE_OPS / 200);
	KUNIT_EXPECT_GT(l->test, l->outdated, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(l->test, l->refused, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(l->test, l->unknown, LIFE_OPS / 2000);
	KUNIT_EXPECT_GT(l->test, l->late, LIFE_OPS / 20000);
	KUNIT_EXPECT_GT(l->test, l->fetched, LIFE_OPS / 800);
	KUNIT_EXPECT_GT(l->test, l->whole, LIFE_OPS / 20000);
	KUNIT_EXPECT_GT(l->test, l->dropped, LIFE_OPS / 20000);
	KUNIT_EXPECT_GT(l->test, l->restarts, LIFE_OPS / 20000);
	KUNIT_EXPECT_GT(l->test, l->lost, 0);
	if (l->kind != TMEM_PERSISTENT)
		return;
	KUNIT_EXPECT_GT(l->test, l->home, LIFE_OPS / 1000);
	KUNIT_EXPECT_GT(l->test, l->both, LIFE_OPS / 1000);
	KUNIT_EXPECT_GT(l->test, l->halved, LIFE_OPS / 2000);
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
	life_tell_counts(l);
	life_expect_counts(l);
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
