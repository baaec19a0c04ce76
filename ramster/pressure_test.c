// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of pressure.c: when pages are sent, how many, and which have to stay.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/prandom.h>

#include "pressure.h"

/* A machine of so many frames; so the marks are at 500 and 1000. */
#define RAM	10000
#define LOW	500
#define HIGH	1000

struct pressure_ctx {
	struct pressure_past past;
	struct pressure_look look;
	struct pressure_plan plan;
	struct pressure pressure;
	struct tmem *tmem;
	struct tmem_pool *pool;
	unsigned int low, high;
};

static int pressure_test_init(struct kunit *test)
{
	struct pressure_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	ctx->look = (struct pressure_look) {
		.ram = RAM,
		.low = 5,
		.high = 10,
		.frames = { 0, 4000 },
		.zpages = { 0, 8000 },
	};
	ctx->low = pressure_low;
	ctx->high = pressure_high;
	test->priv = ctx;
	return 0;
}

static void pressure_test_exit(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	if (!ctx)
		return;
	pressure_low = ctx->low;
	pressure_high = ctx->high;
	if (!IS_ERR_OR_NULL(ctx->tmem))
		tmem_destroy(ctx->tmem);
}

/* One period later, so much is available. */
static void look_at(struct pressure_ctx *ctx, u64 available)
{
	ctx->look.available = available;
	ctx->look.periods = 1;
	pressure_decide(&ctx->past, &ctx->look, &ctx->plan);
}

/* In the same period: nothing that was has faded, nor did programs take RAM. */
static void look_again(struct pressure_ctx *ctx, u64 available)
{
	ctx->look.available = available;
	ctx->look.periods = 0;
	ctx->past.available = available + ctx->look.leaving;
	pressure_decide(&ctx->past, &ctx->look, &ctx->plan);
}

static void store(struct pressure_ctx *ctx, unsigned int pages)
{
	ctx->look.stored[TMEM_PERSISTENT] += pages;
}

/*
 * when
 */

/* With RAM enough nothing is sent, however much is stored. */
static void pressure_test_idle(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		store(ctx, 100000);
		look_at(ctx, HIGH);
		KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
		KUNIT_EXPECT_EQ(test, ctx->plan.quota, 0);
	}
}

/* Between the marks, without any need, nothing is sent either. */
static void pressure_test_no_need(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	look_at(ctx, LOW);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, 0);
	look_again(ctx, LOW - 1);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_SHORT);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, HIGH - LOW + 1);
}

/*
 * It begins before RAM is short: when what was stored lately, once more, would
 * make it so.
 */
static void pressure_test_begins_ahead(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	store(ctx, 300);
	look_again(ctx, LOW + 300);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
	look_again(ctx, LOW + 299);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_AHEAD);
	KUNIT_EXPECT_GE(test, ctx->plan.quota, HIGH - LOW - 299);
}

/* What programs took lately, once more: that is the same need. */
static void pressure_test_falls(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	unsigned int i;

	/* Nothing is known of what was before. */
	look_at(ctx, HIGH + 350);
	KUNIT_EXPECT_EQ(test, ctx->past.fallen, 0);
	KUNIT_EXPECT_FALSE(test, ctx->plan.near);
	look_at(ctx, HIGH + 150);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
	KUNIT_EXPECT_TRUE(test, ctx->plan.near);
	/* 200, which have lost a thirty-second, and 250 more. */
	look_at(ctx, HIGH - 100);
	KUNIT_EXPECT_EQ(test, ctx->past.fallen, 200 - 7 + 250);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_AHEAD);
	/* What is given back is not missed. */
	look_at(ctx, HIGH + 200);
	KUNIT_EXPECT_EQ(test, ctx->past.fallen, 443 - 14 - 300);
	look_at(ctx, 2 * HIGH);
	KUNIT_EXPECT_EQ(test, ctx->past.fallen, 0);
	/* A little at a time, which would take an hour, is no need. */
	for (i = 2 * HIGH; i > LOW + 100; i -= 3) {
		look_at(ctx, i);
		KUNIT_ASSERT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
	}
}

/* But not above the high mark, however fast pages are stored. */
static void pressure_test_high_mark(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	store(ctx, 100000);
	look_again(ctx, HIGH);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
	look_again(ctx, HIGH - 1);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_AHEAD);
}

/* Once it has begun it goes on up to the high mark; then there is a pause. */
static void pressure_test_hysteresis(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	look_at(ctx, LOW - 1);
	look_at(ctx, LOW);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_AHEAD);
	look_at(ctx, HIGH - 1);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_AHEAD);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, 1);
	look_at(ctx, HIGH);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
	look_at(ctx, HIGH - 1);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, 0);
}

/* A mark of 100 means always, all; of 0, never; marks in disorder are one mark. */
static void pressure_test_marks(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	ctx->look.high = 100;
	store(ctx, 1000);
	look_again(ctx, RAM);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_ALWAYS);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, U64_MAX);
	KUNIT_EXPECT_EQ(test, ctx->plan.stay[TMEM_PERSISTENT], 0);
	KUNIT_EXPECT_EQ(test, ctx->plan.window, 0);

	ctx->look.high = 0;
	look_again(ctx, 0);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);

	ctx->look.high = 10;
	ctx->look.low = 400;
	look_again(ctx, HIGH - 1);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_SHORT);
	KUNIT_EXPECT_EQ(test, ctx->plan.stay[TMEM_PERSISTENT], 0);
	look_again(ctx, HIGH);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
}

/*
 * how many
 */

/* What is on its way is not asked for a second time. */
static void pressure_test_leaving(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	look_at(ctx, LOW - 100);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, HIGH - LOW + 100);
	ctx->look.leaving = 450;
	look_again(ctx, LOW - 100);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_AHEAD);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, HIGH - LOW + 100 - 450);
	ctx->look.leaving = HIGH;
	look_at(ctx, LOW - 100);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
}

/* The less there is left, the more is kept clear beyond the high mark. */
static void pressure_test_clears_more(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	static const struct {
		u64 available, more;
	} expect[] = {
		{ HIGH - 125, 200 }, { HIGH - 250, 400 }, { HIGH - 375, 600 },
		{ LOW, 800 }, { LOW - 1, 800 }, { 0, 800 },
	};
	unsigned int i;

	store(ctx, 800);
	for (i = 0; i < ARRAY_SIZE(expect); i++) {
		look_again(ctx, expect[i].available);
		KUNIT_EXPECT_EQ(test, ctx->plan.quota,
				HIGH - expect[i].available + expect[i].more);
	}
}

/* Half of what is stored lately is forgotten in two seconds, all in the end. */
static void pressure_test_fades(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	unsigned int i;

	store(ctx, 10000);
	look_again(ctx, HIGH);
	KUNIT_EXPECT_EQ(test, ctx->past.recent[TMEM_PERSISTENT], 10000);
	for (i = 0; i < 22; i++)
		look_at(ctx, HIGH);
	KUNIT_EXPECT_GE(test, ctx->past.recent[TMEM_PERSISTENT], 4800);
	KUNIT_EXPECT_LE(test, ctx->past.recent[TMEM_PERSISTENT], 5200);
	for (i = 0; i < 400; i++)
		look_at(ctx, HIGH);
	KUNIT_EXPECT_EQ(test, ctx->past.recent[TMEM_PERSISTENT], 0);
}

/* A look after a long time is the same as many looks. */
static void pressure_test_long_time(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct pressure_past past;
	unsigned int i;

	store(ctx, 10000);
	look_again(ctx, HIGH);
	past = ctx->past;
	for (i = 0; i < 30; i++)
		look_at(ctx, HIGH);
	ctx->look.periods = 30;
	pressure_decide(&past, &ctx->look, &ctx->plan);
	KUNIT_EXPECT_EQ(test, past.recent[TMEM_PERSISTENT],
			ctx->past.recent[TMEM_PERSISTENT]);
	ctx->look.periods = ULONG_MAX;
	pressure_decide(&past, &ctx->look, &ctx->plan);
	KUNIT_EXPECT_EQ(test, past.recent[TMEM_PERSISTENT], 0);
}

/*
 * which
 */

/* What was stored lately stays; the less of it, the less RAM there is. */
static void pressure_test_young_stay(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	static const struct {
		u64 available, stay;
	} expect[] = {
		{ HIGH - 125, 300 }, { HIGH - 250, 200 }, { HIGH - 375, 100 },
		{ LOW, 0 }, { LOW - 1, 0 },
	};
	unsigned int i;

	/* 800 pages are in 400 frames, here. */
	store(ctx, 800);
	for (i = 0; i < ARRAY_SIZE(expect); i++) {
		look_again(ctx, expect[i].available);
		KUNIT_EXPECT_EQ(test, ctx->plan.stay[TMEM_PERSISTENT],
				expect[i].stay);
		KUNIT_EXPECT_EQ(test, ctx->plan.stay[TMEM_EPHEMERAL], 0);
	}
}

/* More than there is cannot stay: much of what was stored is gone again. */
static void pressure_test_young_are_gone(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	store(ctx, 1000000);
	look_again(ctx, HIGH - 250);
	KUNIT_EXPECT_EQ(test, ctx->plan.stay[TMEM_PERSISTENT], 2000);
	ctx->look.frames[TMEM_PERSISTENT] = 0;
	ctx->look.zpages[TMEM_PERSISTENT] = 0;
	look_again(ctx, HIGH - 250);
	KUNIT_EXPECT_EQ(test, ctx->plan.stay[TMEM_PERSISTENT], 0);
}

/* Each kind has its young pages. */
static void pressure_test_kinds(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	ctx->look.frames[TMEM_EPHEMERAL] = 1000;
	ctx->look.zpages[TMEM_EPHEMERAL] = 1000;
	ctx->look.stored[TMEM_EPHEMERAL] = 600;
	store(ctx, 400);
	look_again(ctx, HIGH - 250);
	KUNIT_EXPECT_EQ(test, ctx->plan.stay[TMEM_EPHEMERAL], 300);
	KUNIT_EXPECT_EQ(test, ctx->plan.stay[TMEM_PERSISTENT], 100);
	/* Both are a need of RAM. */
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, 250 + 1000 / 2);
}

/*
 * refaults
 */

/* Each page that came back lately keeps a frame here; that fades. */
static void pressure_test_refaults(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	unsigned int i;

	look_at(ctx, LOW - 1);
	ctx->look.refaults = 100;
	look_at(ctx, LOW + 100);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, 400 - 100);
	for (i = 0; i < 22; i++)
		look_at(ctx, LOW + 100);
	KUNIT_EXPECT_GE(test, ctx->plan.quota, 400 - 55);
	KUNIT_EXPECT_LE(test, ctx->plan.quota, 400 - 40);
	for (i = 0; i < 100; i++)
		look_at(ctx, LOW + 100);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, 400);
}

/* However many there are, the low mark is kept clear. */
static void pressure_test_refaults_when_short(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	ctx->look.refaults = 1000000;
	look_again(ctx, LOW - 200);
	KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_SHORT);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, 200);
	look_at(ctx, LOW);
	KUNIT_EXPECT_EQ(test, ctx->plan.quota, 0);
}

/*
 * at random
 */

static u64 need_of(const struct pressure_ctx *ctx)
{
	return ctx->past.recent[0] + ctx->past.recent[1] + ctx->past.fallen;
}

static void expect_sane(struct kunit *test, const struct pressure_ctx *ctx)
{
	u64 available = ctx->look.available + ctx->look.leaving;
	const struct pressure_plan *plan = &ctx->plan;

	KUNIT_ASSERT_LE(test, plan->stay[0], ctx->look.frames[0]);
	KUNIT_ASSERT_LE(test, plan->stay[1], ctx->look.frames[1]);
	if (available >= HIGH)
		KUNIT_ASSERT_EQ(test, plan->state, PRESSURE_IDLE);
	if (plan->state == PRESSURE_IDLE) {
		KUNIT_ASSERT_EQ(test, plan->quota, 0);
		KUNIT_ASSERT_GE(test, available, LOW);
		return;
	}
	KUNIT_ASSERT_LE(test, plan->quota, HIGH - available + need_of(ctx));
	if (available >= LOW)
		return;
	KUNIT_ASSERT_EQ(test, plan->state, PRESSURE_SHORT);
	KUNIT_ASSERT_GE(test, plan->quota, LOW - available);
	KUNIT_ASSERT_EQ(test, plan->stay[0] + plan->stay[1], 0);
}

static void look_anywhere(struct pressure_ctx *ctx, struct rnd_state *rnd)
{
	struct pressure_look *look = &ctx->look;
	unsigned int kind;

	look->available = prandom_u32_state(rnd) % (2 * HIGH);
	look->leaving = prandom_u32_state(rnd) % 4 ? 0 :
			prandom_u32_state(rnd) % HIGH;
	look->periods = prandom_u32_state(rnd) % 50;
	look->refaults += prandom_u32_state(rnd) % 300;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		look->frames[kind] = prandom_u32_state(rnd) % 3000;
		look->zpages[kind] = look->frames[kind] +
			prandom_u32_state(rnd) % (look->frames[kind] + 1);
		look->stored[kind] += prandom_u32_state(rnd) % 500;
	}
	pressure_decide(&ctx->past, look, &ctx->plan);
}

/* Whatever there is, and was: what must hold for every plan does. */
static void pressure_test_random(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct rnd_state rnd;
	unsigned int i;
	u64 quota;

	prandom_seed_state(&rnd, 6122);
	for (i = 0; i < 100000; i++) {
		look_anywhere(ctx, &rnd);
		expect_sane(test, ctx);
		if (!ctx->look.available || ctx->plan.state == PRESSURE_IDLE)
			continue;
		/* A frame less, and nothing else: no less has to leave. */
		quota = ctx->plan.quota;
		look_again(ctx, ctx->look.available - 1);
		KUNIT_ASSERT_GE(test, ctx->plan.quota, quota);
	}
}

/*
 * together with a machine
 */

/**
 * struct machine - a machine whose programs want ever more RAM
 * @free: frames that are available
 * @frames: frames of the store, two pages each
 * @way: frames that were sent, and still take room
 * @sent: frames that were sent in all
 */
struct machine {
	u64 free;
	u64 frames;
	u64 way;
	u64 sent;
};

/* A period; programs take @want frames, and the peer as many as are on the way. */
static void machine_run(struct pressure_ctx *ctx, struct machine *m, u64 want)
{
	u64 send;

	m->free -= min(m->free, want);
	m->free += m->way;
	m->way = 0;
	ctx->look.frames[TMEM_PERSISTENT] = m->frames;
	ctx->look.zpages[TMEM_PERSISTENT] = 2 * m->frames;
	look_at(ctx, m->free);
	send = min(ctx->plan.quota, m->frames -
		   min(m->frames, ctx->plan.stay[TMEM_PERSISTENT]));
	m->frames -= send;
	m->way = send;
	m->sent += send;
}

/*
 * The store is full of what nobody has touched for long, and programs begin to
 * take RAM, faster and faster: as long as there is something to send, RAM is not
 * short.
 */
static void pressure_test_stays_ahead(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct machine m = { .free = 3000, .frames = 4000 };
	unsigned int i;

	for (i = 0; m.frames && i < 1000; i++) {
		/* One page is stored for each frame that they take. */
		store(ctx, i / 2);
		machine_run(ctx, &m, i / 2);
		KUNIT_ASSERT_GE(test, m.free, LOW);
	}
	KUNIT_EXPECT_EQ(test, m.frames, 0);
	kunit_info(test, "%llu frames were sent in %u periods", m.sent, i);
}

/* What is sent is enough, and no more: then it is quiet, and stays so. */
static void pressure_test_settles(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct machine m = { .free = 3000, .frames = 4000 };
	unsigned int i;
	u64 sent;

	machine_run(ctx, &m, 2600);
	for (i = 0; i < 20; i++)
		machine_run(ctx, &m, 0);
	KUNIT_EXPECT_EQ(test, m.sent, HIGH - 400);
	KUNIT_EXPECT_EQ(test, m.free, HIGH);
	sent = m.sent;
	/* What comes and goes between the marks does not matter. */
	for (i = 0; i < 100; i++) {
		machine_run(ctx, &m, 100);
		m.free += 100;
		KUNIT_EXPECT_EQ(test, ctx->plan.state, PRESSURE_IDLE);
	}
	KUNIT_EXPECT_EQ(test, m.sent, sent);
}

/*
 * looking
 */

static void make_store(struct kunit *test, unsigned int pages)
{
	struct pressure_ctx *ctx = test->priv;
	struct tmem_oid oid = { .word[0] = 1 };
	struct tmem_blob blob = { .len = 1900 };
	unsigned int i;

	ctx->tmem = tmem_create(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx->tmem);
	ctx->pool = tmem_pool_create(ctx->tmem, TMEM_CLIENT_LOCAL, 0,
				     TMEM_PERSISTENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx->pool);
	blob.data = kunit_kzalloc(test, blob.len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, blob.data);
	for (i = 0; i < pages; i++) {
		blob.version = 0;
		KUNIT_ASSERT_EQ(test, 0, tmem_put(ctx->pool, &oid, i, &blob,
						  GFP_KERNEL));
	}
}

/* RAM is not looked at twice in a period; and the first look sees nothing new. */
static void pressure_test_rate(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct pressure *p = &ctx->pressure;
	unsigned int i, looks = 0;
	unsigned long begin;
	long left;

	make_store(test, 20);
	pressure_high = 99;
	pressure_init(p, false);
	KUNIT_EXPECT_EQ(test, pressure_update(p, ctx->tmem, 0), 0);
	KUNIT_EXPECT_EQ(test, p->past.recent[TMEM_PERSISTENT], 0);
	left = pressure_update(p, ctx->tmem, 0);
	KUNIT_EXPECT_GT(test, left, 0);
	KUNIT_EXPECT_LE(test, left, PRESSURE_PERIOD);
	begin = jiffies;
	for (i = 0; i < 25; i++) {
		msleep(20);
		looks += !pressure_update(p, ctx->tmem, 0);
	}
	KUNIT_EXPECT_GE(test, looks, 2);
	KUNIT_EXPECT_LE(test, looks, 1 + (jiffies - begin) / PRESSURE_PERIOD);
}

/* Who has pages that were made for a test sends them, whatever RAM there is. */
static void pressure_test_always(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct pressure *p = &ctx->pressure;
	unsigned int i;

	make_store(test, 2);
	pressure_high = 0;
	pressure_init(p, true);
	pressure_update(p, ctx->tmem, 0);
	KUNIT_EXPECT_TRUE(test, pressure_asks(p));
	KUNIT_EXPECT_TRUE(test, pressure_has_room(p));
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_TRUE(test, pressure_may_send(p, ctx->tmem,
							  TMEM_PERSISTENT));
		pressure_sent(p, i);
	}
	KUNIT_EXPECT_FALSE(test, pressure_is_refault(p, 9));
}

/* No more frames are sent than the plan says, and none that is to stay. */
static void pressure_test_keeps_to_plan(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct pressure *p = &ctx->pressure;

	make_store(test, 20);
	pressure_init(p, false);
	KUNIT_EXPECT_FALSE(test, pressure_asks(p));
	KUNIT_EXPECT_FALSE(test, pressure_may_send(p, ctx->tmem,
						   TMEM_PERSISTENT));
	/* 20 pages are in 10 frames. */
	p->plan = (struct pressure_plan) {
		.state = PRESSURE_AHEAD,
		.quota = 2,
		.stay = { [TMEM_PERSISTENT] = 10 },
	};
	KUNIT_EXPECT_TRUE(test, pressure_asks(p));
	KUNIT_EXPECT_FALSE(test, pressure_may_send(p, ctx->tmem,
						   TMEM_PERSISTENT));
	p->plan.stay[TMEM_PERSISTENT] = 9;
	KUNIT_EXPECT_TRUE(test, pressure_may_send(p, ctx->tmem,
						  TMEM_PERSISTENT));
	pressure_sent(p, 1);
	KUNIT_EXPECT_TRUE(test, pressure_may_send(p, ctx->tmem,
						  TMEM_PERSISTENT));
	pressure_sent(p, 2);
	KUNIT_EXPECT_FALSE(test, pressure_may_send(p, ctx->tmem,
						   TMEM_PERSISTENT));
}

/* A frame whose pages are on their way is not one that stays. */
static void pressure_test_stay_here(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct pressure *p = &ctx->pressure;
	struct tmem_handle handle[2];
	u64 version[2];
	unsigned int i;

	make_store(test, 20);
	pressure_init(p, false);
	p->plan = (struct pressure_plan) {
		.state = PRESSURE_AHEAD,
		.quota = 100,
		.stay = { [TMEM_PERSISTENT] = 7 },
	};
	for (i = 0; pressure_may_send(p, ctx->tmem, TMEM_PERSISTENT); i++) {
		KUNIT_ASSERT_LT(test, i, 10);
		KUNIT_ASSERT_EQ(test, 2,
				tmem_isolate_oldest(ctx->tmem, TMEM_PERSISTENT,
						    handle, version));
		pressure_sent(p, version[1]);
	}
	KUNIT_EXPECT_EQ(test, i, 3);
}

/* A page is a refault if it is not much older than the newest that was sent. */
static void pressure_test_refault(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct pressure *p = &ctx->pressure;

	pressure_init(p, false);
	p->plan = (struct pressure_plan) {
		.state = PRESSURE_SHORT, .quota = 10, .window = 100,
	};
	pressure_sent(p, 5000);
	/* Order does not matter. */
	pressure_sent(p, 4000);
	KUNIT_EXPECT_TRUE(test, pressure_is_refault(p, 5000));
	KUNIT_EXPECT_TRUE(test, pressure_is_refault(p, 4901));
	KUNIT_EXPECT_FALSE(test, pressure_is_refault(p, 4900));
	KUNIT_EXPECT_FALSE(test, pressure_is_refault(p, 1));
}

/* The window is what would fit between the marks, also while nothing is sent. */
static void pressure_test_window(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;

	look_at(ctx, HIGH);
	KUNIT_EXPECT_EQ(test, ctx->plan.window, 2 * (HIGH - LOW));
	look_at(ctx, LOW - 1);
	KUNIT_EXPECT_EQ(test, ctx->plan.window, 2 * (HIGH - LOW));
}

/* Nothing comes home that would be sent again soon. */
static void pressure_test_has_room(struct kunit *test)
{
	struct pressure_ctx *ctx = test->priv;
	struct pressure *p = &ctx->pressure;

	pressure_init(p, false);
	pressure_low = 0;
	pressure_high = 0;
	KUNIT_EXPECT_TRUE(test, pressure_has_room(p));
	pressure_high = 99;
	KUNIT_EXPECT_FALSE(test, pressure_has_room(p));
	/* Above 100 in all: nobody has that. */
	pressure_high = 67;
	KUNIT_EXPECT_FALSE(test, pressure_has_room(p));
	pressure_high = 100;
	KUNIT_EXPECT_TRUE(test, pressure_has_room(p));
}

static struct kunit_case pressure_cases[] = {
	KUNIT_CASE(pressure_test_idle),
	KUNIT_CASE(pressure_test_no_need),
	KUNIT_CASE(pressure_test_begins_ahead),
	KUNIT_CASE(pressure_test_falls),
	KUNIT_CASE(pressure_test_high_mark),
	KUNIT_CASE(pressure_test_hysteresis),
	KUNIT_CASE(pressure_test_marks),
	KUNIT_CASE(pressure_test_leaving),
	KUNIT_CASE(pressure_test_clears_more),
	KUNIT_CASE(pressure_test_fades),
	KUNIT_CASE(pressure_test_long_time),
	KUNIT_CASE(pressure_test_young_stay),
	KUNIT_CASE(pressure_test_young_are_gone),
	KUNIT_CASE(pressure_test_kinds),
	KUNIT_CASE(pressure_test_refaults),
	KUNIT_CASE(pressure_test_refaults_when_short),
	KUNIT_CASE(pressure_test_random),
	KUNIT_CASE(pressure_test_stays_ahead),
	KUNIT_CASE(pressure_test_settles),
	KUNIT_CASE(pressure_test_rate),
	KUNIT_CASE(pressure_test_always),
	KUNIT_CASE(pressure_test_keeps_to_plan),
	KUNIT_CASE(pressure_test_stay_here),
	KUNIT_CASE(pressure_test_refault),
	KUNIT_CASE(pressure_test_window),
	KUNIT_CASE(pressure_test_has_room),
	{}
};

static struct kunit_suite pressure_suite = {
	.name = "ramster-pressure",
	.init = pressure_test_init,
	.exit = pressure_test_exit,
	.test_cases = pressure_cases,
};

kunit_test_suite(pressure_suite);
