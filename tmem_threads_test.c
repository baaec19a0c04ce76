// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test of tmem: many threads at the same pages.
 *
 * The model is one number a page, its floor: a version that was stored, so that
 * whoever asks later finds that version or a higher one; or one more than a
 * version that was there before a flush, so that nobody finds that one again.
 * What a page holds says which page it is.  Two peers get pages, one of them or
 * both, and one of them loses now and then all that it has.
 *
 * A user-mode Linux has one CPU, so tools/testing/tests/store.sh runs this in a
 * guest that has more.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "tmem_int.h"

enum {
	THREADS	= 16,
	OPS	= 5000,
	PAGES	= 96,		/* of each kind */
	OBJECTS	= 4,
	NODE	= 7,
	OTHER	= 254,
	LEN_MAX	= 700,
};

struct race {
	struct tmem *tmem;
	struct tmem_pool *pool[TMEM_NR_KINDS];
	atomic64_t floor[TMEM_NR_KINDS][PAGES];
	atomic_t bad;		/* rules that were broken */
	atomic_t read;
	atomic_t taken;
	atomic_t missed;
	atomic_t remote;
	atomic_t both;
	atomic_t home;
	atomic_t running;
	struct completion done;
};

struct racer {
	struct race *race;
	struct rnd_state rnd;
	unsigned int nr;
	u8 in[LEN_MAX], out[TMEM_MAX_BLOB];
};

static u32 draw(struct racer *r, u32 below)
{
	return prandom_u32_state(&r->rnd) % below;
}

static struct tmem_oid oid_of(u32 page)
{
	return (struct tmem_oid){ .word[0] = page % OBJECTS };
}

static void bad_if(struct racer *r, bool bad, const char *what, u32 page)
{
	if (!bad)
		return;
	if (atomic_inc_return(&r->race->bad) < 10)
		pr_err("thread %u, page %u: %s\n", r->nr, page, what);
}

/* Some pages are never flushed, and so have to be there for ever. */
static bool is_kept(enum tmem_kind kind, u32 page)
{
	return kind == TMEM_PERSISTENT && page % 2;
}

static void raise(atomic64_t *floor, s64 to)
{
	s64 now = atomic64_read(floor);

	while (now < to && !atomic64_try_cmpxchg(floor, &now, to))
		;
}

static u8 byte_of(u32 seed, u32 i)
{
	return (seed * 2654435761U + i * 40503U) >> 13;
}

static void race_put(struct racer *r, enum tmem_kind kind, u32 page)
{
	u32 i, seed = draw(r, 1 << 24) << 8 | page;
	struct tmem_blob blob = {
		.data = r->in,
		.len = seed >> 8 & 15 ? 40 : LEN_MAX,
		.crc = seed,
		.filled = !draw(r, 16),
		.fill = page,
	};
	struct tmem_oid oid = oid_of(page);
	int err;

	for (i = 0; i < blob.len; i++)
		r->in[i] = byte_of(seed, i);
	err = tmem_put(r->race->pool[kind], &oid, page / OBJECTS, &blob,
		       GFP_KERNEL);
	/* A byte value finds no room in a slot that owes something. */
	bad_if(r, err && !(blob.filled && err == -EBUSY), "put failed", page);
	if (!err)
		raise(&r->race->floor[kind][page], blob.version);
}

static void check_read(struct racer *r, const struct tmem_blob *blob, u32 page)
{
	const u8 *data = blob->data;
	u32 i;

	atomic_inc(&r->race->read);
	if (blob->filled) {
		bad_if(r, blob->fill != page, "wrong value", page);
		return;
	}
	bad_if(r, (blob->crc & 0xff) != page, "another page's bytes", page);
	for (i = 0; i < blob->len; i++)
		if (data[i] != byte_of(blob->crc, i))
			break;
	bad_if(r, i < blob->len, "damaged bytes", page);
}

static bool race_peers_ok(struct tmem_peers peers)
{
	switch (tmem_peers_nr(peers)) {
	case 1:
		return peers.node[0] == NODE || peers.node[0] == OTHER;
	case 2:
		return peers.node[0] == NODE && peers.node[1] == OTHER;
	default:
		return false;
	}
}

static void race_get(struct racer *r, enum tmem_kind kind, u32 page)
{
	struct race *race = r->race;
	s64 floor = atomic64_read(&race->floor[kind][page]);
	struct tmem_blob blob = { .data = r->out };
	struct tmem_oid oid = oid_of(page);
	int err;

	err = tmem_get(race->pool[kind], &oid, page / OBJECTS, &blob);
	if (err == -ENOENT) {
		atomic_inc(&race->missed);
		bad_if(r, floor && is_kept(kind, page), "page lost", page);
		return;
	}
	bad_if(r, blob.version < floor, "old page", page);
	if (err == -EREMOTE) {
		atomic_inc(&race->remote);
		bad_if(r, !race_peers_ok(blob.peers), "wrong node", page);
	} else {
		check_read(r, &blob, page);
	}
}

/* The bytes are read while others do what they like, but for this page. */
static void race_take(struct racer *r, enum tmem_kind kind, u32 page)
{
	atomic64_t *floor = &r->race->floor[kind][page];
	struct tmem_pool *pool = r->race->pool[kind];
	s64 before = atomic64_read(floor);
	struct tmem_oid oid = oid_of(page);
	struct tmem_blob blob;
	void *taken;

	if (is_kept(kind, page) ||
	    tmem_take(pool, &oid, page / OBJECTS, &blob, &taken))
		return;
	bad_if(r, blob.version < before, "old page taken", page);
	raise(floor, blob.version + 1);
	atomic_inc(&r->race->taken);
	cond_resched();
	check_read(r, &blob, page);
	if (taken)
		tmem_page_free(pool, taken);
}

static void race_flush(struct racer *r, enum tmem_kind kind, u32 page)
{
	atomic64_t *floor = &r->race->floor[kind][page];
	s64 before = atomic64_read(floor);
	struct tmem_oid oid = oid_of(page);

	if (is_kept(kind, page))
		return;
	tmem_flush(r->race->pool[kind], &oid, page / OBJECTS, 0);
	if (before)
		raise(floor, before + 1);
}

static void race_flush_object(struct racer *r, u32 page)
{
	struct tmem_oid oid = oid_of(page);

	tmem_flush_object_atomic(r->race->pool[TMEM_EPHEMERAL], &oid);
}

/* Some of those whom it was sent to, or none. */
static struct tmem_peers race_holders(struct racer *r, struct tmem_peers peers)
{
	if (!draw(r, 4))
		peers = tmem_peers_without(peers, NODE);
	if (!draw(r, 4))
		peers = tmem_peers_without(peers, OTHER);
	return peers;
}

/* What a sender does with the oldest frame, and what may become of it. */
static void race_send(struct racer *r, enum tmem_kind kind)
{
	struct tmem_peers peers = draw(r, 4) ? tmem_peers(NODE, OTHER) :
			tmem_peer(draw(r, 2) ? NODE : OTHER), holders;
	struct tmem *tmem = r->race->tmem;
	struct tmem_handle handle[2];
	struct tmem_blob blob = { .data = r->out };
	u64 version[2];
	unsigned int i, n;

	n = tmem_isolate_oldest(tmem, kind, handle, version);
	for (i = 0; i < n; i++) {
		blob.version = version[i];
		if (tmem_send_begin(tmem, &handle[i], peers, &blob))
			continue;
		cond_resched();
		holders = race_holders(r, peers);
		if (tmem_send_done(tmem, &handle[i], version[i], holders,
				   draw(r, 3)) && tmem_peers_nr(holders) > 1)
			atomic_inc(&r->race->both);
	}
}

/* Bytes as the peer would give them: they say which page they are. */
static void race_bytes(struct racer *r, const struct tmem_away *away,
		       struct tmem_blob *blob)
{
	u32 page = away->handle.index * OBJECTS + away->handle.oid.word[0];
	u32 i, seed = draw(r, 1 << 24) << 8 | page;

	*blob = (struct tmem_blob) { .data = r->in, .len = 40, .crc = seed };
	for (i = 0; i < blob->len; i++)
		r->in[i] = byte_of(seed, i);
}

/* A page comes home. */
static void race_home(struct racer *r)
{
	struct tmem_search search = { .lone = draw(r, 2) };
	struct tmem *tmem = r->race->tmem;
	struct tmem_blob blob;
	struct tmem_away away;

	bitmap_fill(search.nodes, TMEM_NODES);
	if (!tmem_collect_away(tmem, &search, &away, 1))
		return;
	cond_resched();
	race_bytes(r, &away, &blob);
	if (!tmem_bring_home(tmem, &away, &blob, GFP_NOWAIT))
		atomic_inc(&r->race->home);
}

/* One thread is the one that tells the peers what to forget. */
static void race_settle(struct racer *r, u8 node)
{
	struct tmem_debt debt[8];
	unsigned int i, n;

	n = tmem_collect_debts(r->race->tmem, node, debt, ARRAY_SIZE(debt));
	for (i = 0; i < n; i++)
		tmem_settle_debt(r->race->tmem, &debt[i]);
}

static void race_once(struct racer *r)
{
	enum tmem_kind kind = draw(r, TMEM_NR_KINDS);
	u32 page = draw(r, PAGES);

	switch (draw(r, 32)) {
	case 0 ... 9:
		race_put(r, kind, page);
		break;
	case 10 ... 20:
		race_get(r, kind, page);
		break;
	case 21 ... 23:
		race_take(r, kind, page);
		break;
	case 24 ... 26:
		race_flush(r, kind, page);
		break;
	case 27:
		race_flush_object(r, page);
		break;
	case 28:
		tmem_evict_oldest(r->race->tmem, TMEM_EPHEMERAL);
		break;
	case 29:
		race_home(r);
		break;
	default:
		race_send(r, kind);
	}
	if (r->nr)
		return;
	race_settle(r, NODE);
	race_settle(r, OTHER);
	if (!draw(r, 64))
		tmem_forget_peer(r->race->tmem, OTHER);
}

static int racer_run(void *data)
{
	struct racer *r = data;
	struct race *race = r->race;
	unsigned int i;

	for (i = 0; i < OPS; i++) {
		race_once(r);
		cond_resched();
	}
	kfree(r);
	if (atomic_dec_and_test(&race->running))
		complete(&race->done);
	return 0;
}

static void racer_start(struct kunit *test, struct race *race, unsigned int nr)
{
	struct racer *r = kzalloc(sizeof(*r), GFP_KERNEL);
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->race = race;
	r->nr = nr;
	prandom_seed_state(&r->rnd, nr + 1);
	atomic_inc(&race->running);
	task = kthread_run(racer_run, r, "tmem_race/%u", nr);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
}

static void race_end(struct kunit *test, struct race *race)
{
	struct tmem_stats stats;
	struct tmem_debt debt;
	unsigned int kind;

	flush_work(&race->tmem->doom_work);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		struct tmem_oid oid = {};

		for (; oid.word[0] < OBJECTS; oid.word[0]++)
			tmem_flush_object(race->pool[kind], &oid, 0);
	}
	while (tmem_collect_debts(race->tmem, NODE, &debt, 1))
		tmem_settle_debt(race->tmem, &debt);
	tmem_forget_peer(race->tmem, OTHER);
	tmem_get_stats(race->tmem, &stats);
	KUNIT_EXPECT_EQ(test, stats.objects, 0);
	KUNIT_EXPECT_EQ(test, stats.debts, 0);
	KUNIT_EXPECT_EQ(test, stats.sending, 0);
	KUNIT_EXPECT_EQ(test, stats.lone, 0);
	KUNIT_EXPECT_EQ(test, stats.zeroes, 0);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		KUNIT_EXPECT_EQ(test, stats.zbud[kind].frames, 0);
		KUNIT_EXPECT_EQ(test, stats.zbud[kind].zombies, 0);
		KUNIT_EXPECT_EQ(test, stats.remote[kind], 0);
		KUNIT_EXPECT_EQ(test, stats.filled[kind], 0);
	}
	KUNIT_EXPECT_EQ(test, tmem_count_nodes(race->tmem), 0);
}

/*
 * Sixteen threads put, read, take, flush, send and drop the same pages: D08.
 * None is ever found in an older state, none that has to stay is lost, no bytes
 * are mixed up, and in the end nothing is held.
 */
static void tmem_threads_test(struct kunit *test)
{
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, race);
	init_completion(&race->done);
	race->tmem = tmem_create(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, race->tmem);
	for (i = 0; i < TMEM_NR_KINDS; i++) {
		race->pool[i] = tmem_pool_create(race->tmem, TMEM_CLIENT_LOCAL,
						 i, i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, race->pool[i]);
	}
	for (i = 0; i < THREADS; i++)
		racer_start(test, race, i);
	wait_for_completion(&race->done);

	kunit_info(test, "%u operations, %d read, %d taken, %d with a peer, %d missed, %d sent to two, %d home",
		   THREADS * OPS, atomic_read(&race->read),
		   atomic_read(&race->taken), atomic_read(&race->remote),
		   atomic_read(&race->missed), atomic_read(&race->both),
		   atomic_read(&race->home));
	KUNIT_EXPECT_EQ(test, atomic_read(&race->bad), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&race->read), THREADS * OPS / 10);
	KUNIT_EXPECT_GT(test, atomic_read(&race->taken), THREADS * OPS / 100);
	KUNIT_EXPECT_GT(test, atomic_read(&race->remote), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&race->both), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&race->home), 0);
	race_end(test, race);
	tmem_destroy(race->tmem);
}

static struct kunit_case tmem_threads_cases[] = {
	KUNIT_CASE_SLOW(tmem_threads_test),
	{}
};

static struct kunit_suite tmem_threads_suite = {
	.name = "ramster-tmem-threads",
	.test_cases = tmem_threads_cases,
};

kunit_test_suite(tmem_threads_suite);
