// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of tmem: what may happen between two steps of a page's journey,
 * a hundred thousand times, against an index that is the server.
 *
 * Messages are delivered in an order that only TCP forbids in life: that is
 * what versions are for.
 */
#include "tmem_test.h"

#define NODE		3
#define RACE_ROUNDS	100000
#define RACE_CLIENT	42

struct race {
	struct kunit *test;
	struct tmem *server;
	struct tmem_pool *theirs;
	struct rnd_state rnd;
	struct tmem_debt late;
	u8 buf[TMEM_MAX_BLOB];
};

static struct race *race_start(struct kunit *test)
{
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->test = test;
	prandom_seed_state(&race->rnd, 2012);
	race->server = tmem_create(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, race->server);
	race->theirs = tmem_pool_create(race->server, RACE_CLIENT, 1,
					TMEM_PERSISTENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, race->theirs);
	return race;
}

static void race_end(struct race *race)
{
	tmem_test_expect_empty(race->test, race->server);
	tmem_destroy(race->server);
}

static u32 race_draw(struct race *race, u32 below)
{
	return prandom_u32_state(&race->rnd) % below;
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
	KUNIT_ASSERT_EQ(race->test, 0, tmem_send_begin(t->tmem, handle, tmem_peer(NODE),
						       blob));
	return version[0];
}

/* The server stores it, and the owner hears of that. */
static bool race_done(struct race *race, const struct tmem_blob *blob)
{
	struct tmem_handle handle = tmem_test_handle(1, 7);
	struct tmem_test *t = race->test->priv;
	struct tmem_blob copy = *blob;

	KUNIT_ASSERT_EQ(race->test, 0, tmem_put(race->theirs, &handle.oid, 7,
						&copy, GFP_KERNEL));
	return tmem_send_done(t->tmem, &handle, blob->version, tmem_peer(NODE),
			      TMEM_SEND_STORED);
}

static void race_tell(struct race *race, const struct tmem_debt *debt)
{
	if (debt->version)
		tmem_flush(race->theirs, &debt->handle.oid, 7, debt->version);
}

/* The server is told what is owed to it; the message may come again later. */
static void race_settle(struct race *race)
{
	struct tmem_test *t = race->test->priv;
	struct tmem_debt debt;

	while (tmem_collect_debts(t->tmem, NODE, &debt, 1)) {
		race_tell(race, &debt);
		race->late = debt;
		tmem_settle_debt(t->tmem, &debt);
	}
}

/* Whoever reads the page now gets this content, from wherever it is. */
static void race_expect(struct race *race, u32 seed)
{
	struct tmem_test *t = race->test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_blob blob, copy = { .data = t->out };
	int err = tmem_test_get(race->test, 1, 7, &blob);

	if (err == -EREMOTE) {
		err = tmem_get(race->theirs, &oid, 7, &copy);
		KUNIT_EXPECT_EQ(race->test, copy.version, blob.version);
		blob = copy;
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
	unsigned int away = 0, held = 0, late = 0;
	struct tmem_debt first;
	struct tmem_blob blob;
	u32 round;

	for (round = 0; round < RACE_ROUNDS; round++) {
		tmem_test_put(test, 1, 7, race_seed(round));
		if (!race_draw(race, 4))
			race_settle(race);
		if (!race_begin(race, &blob)) {
			/* It waits until the server has been told. */
			held++;
			race_expect(race, race_seed(round));
			race_settle(race);
			KUNIT_ASSERT_NE(test, 0, race_begin(race, &blob));
		}
		/* The flush of an earlier round comes once more, or late. */
		first = race->late;
		if (race_draw(race, 2))
			race_tell(race, &first);
		away += race_done(race, &blob);
		race_expect(race, race_seed(round));
		if (race_draw(race, 2)) {
			race_tell(race, &first);
			late++;
		}
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
