// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: what may happen between two steps of a page's journey,
 * a hundred thousand times, against two indexes that are the servers.  A page goes
 * to one of them, or to both.
 *
 * Messages are delivered in an order that only TCP forbids in life: that is
 * what versions are for.
 */
#include "tmem_test.h"

#define RACE_ROUNDS	100000
#define RACE_CLIENT	42

static const u8 race_nodes[TMEM_COPIES] = { 3, 254 };

/* A server, and what it was told last. */
struct race_server {
	struct tmem *tmem;
	struct tmem_pool *pool;
	struct tmem_debt late;
};

struct race {
	struct kunit *test;
	struct race_server server[TMEM_COPIES];
	struct tmem_peers to;
	struct rnd_state rnd;
	unsigned int both;
	u8 buf[TMEM_MAX_BLOB];
};

static void race_start_server(struct kunit *test, struct race_server *server)
{
	server->tmem = tmem_create(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, server->tmem);
	server->pool = tmem_pool_create(server->tmem, RACE_CLIENT, 1,
					TMEM_PERSISTENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, server->pool);
}

static struct race *race_start(struct kunit *test)
{
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->test = test;
	prandom_seed_state(&race->rnd, 2012);
	for (i = 0; i < TMEM_COPIES; i++)
		race_start_server(test, &race->server[i]);
	return race;
}

static void race_end(struct race *race)
{
	unsigned int i;

	for (i = 0; i < TMEM_COPIES; i++) {
		tmem_test_expect_empty(race->test, race->server[i].tmem);
		tmem_destroy(race->server[i].tmem);
	}
	KUNIT_EXPECT_GT(race->test, race->both, RACE_ROUNDS / 4);
}

static u32 race_draw(struct race *race, u32 below)
{
	return prandom_u32_state(&race->rnd) % below;
}

/* To one server, or the other, or both. */
static struct tmem_peers race_aim(struct race *race)
{
	u32 to = race_draw(race, 4);

	if (to < TMEM_COPIES)
		return tmem_peer(race_nodes[to]);
	race->both++;
	return tmem_peers(race_nodes[0], race_nodes[1]);
}

/* Begin to send the page; returns its version, or 0 if it is no candidate. */
static u64 race_begin(struct race *race, struct tmem_blob *blob)
{
	struct tmem_test *t = race->test->priv;
	struct tmem_handle handle[2];
	u64 version[2];

	if (!tmem_isolate_oldest(t->tmem, TMEM_PERSISTENT, handle, version))
		return 0;
	*blob = (struct tmem_blob) { .data = race->buf, .version = version[0] };
	race->to = race_aim(race);
	KUNIT_ASSERT_EQ(race->test, 0, tmem_send_begin(t->tmem, handle,
						       race->to, blob));
	return version[0];
}

/* The servers store it, and the owner hears of that. */
static bool race_done(struct race *race, const struct tmem_blob *blob)
{
	struct tmem_handle handle = tmem_test_handle(1, 7);
	struct tmem_test *t = race->test->priv;
	unsigned int i;

	for (i = 0; i < TMEM_COPIES; i++) {
		struct tmem_blob copy = *blob;

		if (!tmem_peers_has(race->to, race_nodes[i]))
			continue;
		KUNIT_ASSERT_EQ(race->test, 0,
				tmem_put(race->server[i].pool, &handle.oid, 7,
					 &copy, GFP_KERNEL));
	}
	return tmem_send_done(t->tmem, &handle, blob->version, race->to,
			      TMEM_SEND_STORED);
}

static void race_tell(struct race_server *server, const struct tmem_debt *debt)
{
	if (debt->version)
		tmem_flush(server->pool, &debt->handle.oid, 7, debt->version);
}

/* Servers are told what is owed to them; the message may come again later. */
static void race_settle(struct race *race)
{
	struct tmem_test *t = race->test->priv;
	struct race_server *server;
	struct tmem_debt debt;
	unsigned int i;

	for (i = 0; i < TMEM_COPIES; i++) {
		server = &race->server[i];
		while (tmem_collect_debts(t->tmem, race_nodes[i], &debt, 1)) {
			race_tell(server, &debt);
			server->late = debt;
			tmem_settle_debt(t->tmem, &debt);
		}
	}
}

/* The flush of an earlier round comes once more, or late. */
static bool race_tell_late(struct race *race, const struct tmem_debt *late)
{
	unsigned int i;
	bool told = false;

	for (i = 0; i < TMEM_COPIES; i++) {
		if (race_draw(race, 2))
			continue;
		race_tell(&race->server[i], &late[i]);
		told = true;
	}
	return told;
}

/* A server that the page is said to be with has just this. */
static void race_expect_at(struct race *race, unsigned int i, u64 version,
			   u32 seed)
{
	struct tmem_test *t = race->test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob = { .data = t->out };

	KUNIT_ASSERT_EQ(race->test, 0, tmem_get(race->server[i].pool, &oid, 7,
						&blob));
	KUNIT_EXPECT_EQ(race->test, blob.version, version);
	KUNIT_ASSERT_TRUE(race->test, tmem_test_is(&blob, seed,
						   tmem_test_len(seed)));
}

/* Whoever reads the page now gets this content, from wherever it is. */
static void race_expect(struct race *race, u32 seed)
{
	struct tmem_blob blob;
	int err = tmem_test_get(race->test, 1, 7, &blob);
	unsigned int i;

	if (err == -EREMOTE) {
		for (i = 0; i < TMEM_COPIES; i++)
			if (tmem_peers_has(blob.peers, race_nodes[i]))
				race_expect_at(race, i, blob.version, seed);
		return;
	}
	KUNIT_ASSERT_EQ(race->test, err, 0);
	KUNIT_ASSERT_TRUE(race->test, tmem_test_is(&blob, seed,
						   tmem_test_len(seed)));
}

static u32 race_seed(u32 round)
{
	/* Short pages, for speed. */
	return round * 8 + 1;
}

/*
 * Regression: 3.1.2. A page that is put anew while it is being sent is never
 * lost: the newest bytes are read, and the server is told to forget the others.
 */
static void tmem_race_test_put_during_send(struct kunit *test)
{
	struct race *race = race_start(test);
	struct tmem_blob blob;
	u32 round, again;

	for (round = 0; round < RACE_ROUNDS; round++) {
		tmem_test_put(test, 1, 7, race_seed(round));
		KUNIT_ASSERT_NE(test, 0, race_begin(race, &blob));
		for (again = race_draw(race, 2); again; again--)
			tmem_test_put(test, 1, 7, race_seed(~round));
		tmem_test_put(test, 1, 7, race_seed(round + 1));
		KUNIT_ASSERT_FALSE(test, race_done(race, &blob));
		race_expect(race, race_seed(round + 1));
		race_settle(race);
		race_expect(race, race_seed(round + 1));
		tmem_test_flush(test, 1, 7, 0);
		if (!(round & 1023))
			cond_resched();
	}
	race_end(race);
}

/*
 * Regression: 3.1.12, 3.3.4. A put over a page that is away, which is then sent,
 * while the flush of the old copy comes before, in between, late or twice: the
 * newer bytes are always read.
 */
static void tmem_race_test_flush_before_put(struct kunit *test)
{
	struct race *race = race_start(test);
	unsigned int away = 0, held = 0, late = 0, i;
	struct tmem_debt first[TMEM_COPIES];
	struct tmem_blob blob;
	u32 round;

	for (round = 0; round < RACE_ROUNDS; round++) {
		tmem_test_put(test, 1, 7, race_seed(round));
		if (!race_draw(race, 4))
			race_settle(race);
		if (!race_begin(race, &blob)) {
			/* It waits until all servers have been told. */
			held++;
			race_expect(race, race_seed(round));
			race_settle(race);
			KUNIT_ASSERT_NE(test, 0, race_begin(race, &blob));
		}
		for (i = 0; i < TMEM_COPIES; i++)
			first[i] = race->server[i].late;
		race_tell_late(race, first);
		away += race_done(race, &blob);
		race_expect(race, race_seed(round));
		late += race_tell_late(race, first);
		race_expect(race, race_seed(round));
		if (!(round & 1023))
			cond_resched();
	}
	KUNIT_EXPECT_EQ(test, away, RACE_ROUNDS);
	KUNIT_EXPECT_GT(test, held, RACE_ROUNDS / 2);
	KUNIT_EXPECT_GT(test, late, RACE_ROUNDS / 4);
	tmem_test_flush(test, 1, 7, 0);
	race_settle(race);
	race_end(race);
}

static struct kunit_case tmem_race_test_cases[] = {
	KUNIT_CASE_SLOW(tmem_race_test_put_during_send),
	KUNIT_CASE_SLOW(tmem_race_test_flush_before_put),
	{}
};

static struct kunit_suite tmem_race_test_suite = {
	.name = "ramster-tmem-race",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_race_test_cases,
};

kunit_test_suite(tmem_race_test_suite);
