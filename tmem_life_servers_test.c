// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: the servers of tmem_move_life_test.c, and what is on its way
 * to them.
 */
#include "tmem_life_test.h"

/* A server that has nothing. */
void life_start_server(struct life *l, unsigned int n)
{
	struct life_node *node = &l->node[n];

	node->tmem = tmem_create(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(l->test, node->tmem);
	node->pool = tmem_pool_create(node->tmem, LIFE_CLIENT, LIFE_CLIENT,
				      l->kind);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(l->test, node->pool);
}

/* How many pages a server has. */
u64 life_held(struct life *l, unsigned int n)
{
	struct tmem_stats stats;

	tmem_get_stats(l->node[n].tmem, &stats);
	return stats.zbud[l->kind].zpages;
}

/*
 * puts
 */

/* A page begins its journey, to one server or two of them. */
void life_fly(struct life *l, struct flight *flight, u8 first,
	      const struct tmem_handle *handle, const struct life_page *page)
{
	bool two = l->kind == TMEM_PERSISTENT && life_draw(l, 2);

	*flight = (struct flight) {
		.used = true,
		.legs = two ? 2 : 1,
		.leg[0].node = first,
		.leg[1].node = (first + 1) % LIFE_NODES,
		.version = page->version,
		.seed = page->seed,
		.handle = *handle,
	};
}

struct tmem_peers life_goes_to(const struct flight *flight)
{
	return tmem_peers(flight->leg[0].node, flight->legs > 1 ?
			  flight->leg[1].node : TMEM_NO_NODE);
}

/* Nothing of it is on its way any more. */
static void life_land(struct flight *flight)
{
	unsigned int i;

	for (i = 0; i < flight->legs; i++)
		if (flight->leg[i].orphaned)
			return;
	if (flight->answered)
		flight->used = false;
}

/* A put reaches its server, maybe not for the first time. */
static void life_deliver_leg(struct life *l, struct flight *flight,
			     struct life_leg *leg)
{
	struct tmem_blob blob;
	int err;

	if (leg->delivered && !leg->stored)
		return;
	/* A server may have no room; but what it has, it has. */
	if (leg->delivered || life_draw(l, 6)) {
		blob = tmem_test_blob(l->test->priv, flight->seed,
				      tmem_test_len(flight->seed));
		blob.version = flight->version;
		err = tmem_put(l->node[leg->node].pool, &flight->handle.oid,
			       flight->handle.index, &blob, GFP_KERNEL);
		KUNIT_EXPECT_EQ(l->test, err, 0);
		leg->stored = !err;
	}
	leg->delivered = true;
	l->late += leg->orphaned;
	leg->orphaned = false;
}

/*
 * So do both puts of a page, or one of them: while the owner waits, or what has
 * been given up and is still on its way.
 */
void life_deliver(struct life *l, struct flight *flight)
{
	unsigned int i;

	for (i = 0; flight->used && i < flight->legs; i++)
		if (flight->answered == flight->leg[i].orphaned &&
		    (flight->legs == 1 || life_draw(l, 4)))
			life_deliver_leg(l, flight, &flight->leg[i]);
	life_land(flight);
}

/* The connection is gone, and what was sent on it is at the server, or lost. */
static void life_disconnect(struct life *l, unsigned int n)
{
	struct flight *flight;
	unsigned int i;

	for (flight = l->flight; flight < l->flight + LIFE_FLIGHTS; flight++) {
		for (i = 0; flight->used && i < flight->legs; i++)
			if (flight->leg[i].orphaned &&
			    flight->leg[i].node == n)
				life_deliver_leg(l, flight, &flight->leg[i]);
		life_land(flight);
	}
}

/* One server's part of the answer. */
static enum tmem_send_result life_leg_outcome(struct life *l,
					      struct life_leg *leg)
{
	if (!life_draw(l, 6)) {
		/* It may still be on its way on a connection that broke. */
		leg->orphaned = !leg->delivered && life_draw(l, 2);
		return TMEM_SEND_UNKNOWN;
	}
	/* It will not be delivered any more, or once again. */
	leg->delivered = true;
	return leg->stored ? TMEM_SEND_STORED : TMEM_SEND_REFUSED;
}

/* What the owner learns of a put, or does not, as whoever sends has to tell. */
enum tmem_send_result life_outcome(struct life *l, struct flight *flight,
				   struct tmem_peers *holders)
{
	enum tmem_send_result result = TMEM_SEND_REFUSED, one;
	unsigned int i;

	*holders = tmem_peer(TMEM_NO_NODE);
	for (i = 0; i < flight->legs; i++) {
		one = life_leg_outcome(l, &flight->leg[i]);
		if (one == TMEM_SEND_REFUSED)
			continue;
		*holders = tmem_peers(holders->node[0], flight->leg[i].node);
		if (result != TMEM_SEND_UNKNOWN)
			result = one;
	}
	flight->answered = true;
	life_land(flight);
	return result;
}

/*
 * flushes
 */

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
void life_debt(struct life *l, u8 n, bool answered)
{
	struct tmem_test *t = l->test->priv;
	struct life_node *node = &l->node[n];
	struct tmem_debt *debt;

	if (node->told == node->debts) {
		node->debts = tmem_collect_debts(t->tmem, n, node->debt,
						 1 + life_draw(l, LIFE_DEBTS));
		node->told = 0;
		return;
	}
	life_disconnect(l, n);
	debt = &node->debt[node->told++];
	KUNIT_EXPECT_EQ(l->test, debt->node, n);
	life_tell(l, debt);
	node->old[life_draw(l, LIFE_OLD)] = *debt;
	l->whole += debt->whole_object;
	l->single += !debt->whole_object;
	if (answered)
		tmem_settle_debt(t->tmem, debt);
}

/* A flush of long ago arrives again. */
void life_tell_again(struct life *l)
{
	struct life_node *node = &l->node[life_draw(l, LIFE_NODES)];
	struct tmem_debt *debt = &node->old[life_draw(l, LIFE_OLD)];

	if (!debt->version)
		return;
	l->again++;
	life_tell(l, debt);
}

/*
 * what else happens to a server
 */

/*
 * The last server is told nothing of what is owed to it, as if it had left the
 * cluster and come back.  It ends with pages that nobody wants; that is all.
 */
void life_drop(struct life *l)
{
	struct tmem_test *t = l->test->priv;
	DECLARE_BITMAP(except, TMEM_NODES);

	life_disconnect(l, LIFE_LEAVER);
	bitmap_fill(except, TMEM_NODES);
	__clear_bit(LIFE_LEAVER, except);
	tmem_drop_debts(t->tmem, except);
	l->dropped++;
}

/* What was on its way to a server that was restarted has not come, or is lost. */
static void life_lose_flights(struct life *l, unsigned int n)
{
	struct flight *flight;
	unsigned int i;

	for (flight = l->flight; flight < l->flight + LIFE_FLIGHTS; flight++) {
		for (i = 0; flight->used && i < flight->legs; i++)
			if (flight->leg[i].node == n)
				flight->leg[i] = (struct life_leg) {
					.node = n,
					.delivered = true,
				};
		life_land(flight);
	}
}

/* A server loses all that it has, and comes back. */
void life_restart(struct life *l, unsigned int n)
{
	struct tmem_test *t = l->test->priv;
	struct life_page *page = &l->page[0][0];
	unsigned int i;

	tmem_destroy(l->node[n].tmem);
	life_start_server(l, n);
	life_lose_flights(l, n);
	for (i = 0; i < LIFE_OBJECTS * LIFE_INDEXES; i++, page++) {
		page->holders &= ~BIT(n);
		/* Nobody looks there, unless it was the last one. */
		if (tmem_peers_nr(page->peers) > 1)
			page->peers = tmem_peers_without(page->peers, n);
	}
	tmem_forget_peer(t->tmem, n);
	l->restarts++;
}

/* A server drops its oldest frame: allowed for ephemeral pages. */
void life_server_evict(struct life *l)
{
	struct life_node *node = &l->node[life_draw(l, LIFE_NODES)];
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
