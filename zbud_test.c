// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of zbud.
 *
 * Every test has a pool of its own, in which nothing may be left at its end.
 */
#include <kunit/test.h>
#include <linux/align.h>
#include <linux/prandom.h>
#include <linux/sched.h>

#include "zbud.h"

#define HALF		(PAGE_SIZE / 2)
#define FRAME_MASK	(~7UL)
#define BUDDY_BIT	4UL

static int zbud_test_init(struct kunit *test)
{
	test->priv = zbud_create();
	KUNIT_ASSERT_NOT_NULL(test, test->priv);
	return 0;
}

/* Whatever a test did, all frames are back and all counters are 0. */
static void zbud_test_exit(struct kunit *test)
{
	struct zbud_stats stats;

	if (!test->priv)
		return;
	zbud_get_stats(test->priv, &stats);
	KUNIT_EXPECT_EQ(test, stats.frames, 0);
	KUNIT_EXPECT_EQ(test, stats.zpages, 0);
	KUNIT_EXPECT_EQ(test, stats.zbytes, 0);
	KUNIT_EXPECT_EQ(test, stats.buddied, 0);
	KUNIT_EXPECT_EQ(test, stats.unbuddied, 0);
	KUNIT_EXPECT_EQ(test, stats.isolated, 0);
	if (!stats.frames)
		zbud_destroy(test->priv);
}

static unsigned long pending(struct kunit *test, size_t size)
{
	unsigned long handle = 0;

	KUNIT_ASSERT_EQ(test, 0,
			zbud_alloc(test->priv, size, GFP_KERNEL, &handle));
	KUNIT_ASSERT_EQ(test, zbud_size(handle), size);
	return handle;
}

static unsigned long filled(struct kunit *test, size_t size)
{
	unsigned long handle = pending(test, size);

	zbud_ready(test->priv, handle);
	return handle;
}

static bool same_frame(unsigned long a, unsigned long b)
{
	return (a & FRAME_MASK) == (b & FRAME_MASK);
}

/* What zbud_isolate_oldest() has shown. */
struct seen {
	unsigned int n;
	const void *data[2];
	size_t size[2];
};

static void see(void *arg, const void *data, size_t size)
{
	struct seen *seen = arg;

	if (seen->n < 2) {
		seen->data[seen->n] = data;
		seen->size[seen->n] = size;
	}
	seen->n++;
}

static unsigned int isolate(struct kunit *test, struct seen *seen)
{
	unsigned int n;

	*seen = (struct seen){};
	n = zbud_isolate_oldest(test->priv, see, seen);
	KUNIT_EXPECT_EQ(test, n, seen->n);
	return n;
}

/* The next candidate is the frame that holds just this zpage. */
static void expect_isolate(struct kunit *test, unsigned long handle)
{
	struct seen seen;

	KUNIT_ASSERT_EQ(test, isolate(test, &seen), 1);
	KUNIT_EXPECT_PTR_EQ(test, seen.data[0], zbud_data(handle));
	KUNIT_EXPECT_EQ(test, seen.size[0], zbud_size(handle));
}

static void expect_no_candidate(struct kunit *test)
{
	struct seen seen;

	KUNIT_EXPECT_EQ(test, isolate(test, &seen), 0);
}

/* Buddy 0 is at the front, buddy 1 ends in the last chunk, on a boundary. */
static void zbud_test_placement(struct kunit *test)
{
	unsigned long a = filled(test, 100);
	unsigned long b = filled(test, 130);

	KUNIT_EXPECT_TRUE(test, same_frame(a, b));
	KUNIT_EXPECT_EQ(test, a & 3, 0);
	KUNIT_EXPECT_EQ(test, b & 3, 0);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(zbud_data(a)));
	KUNIT_EXPECT_EQ(test, zbud_data(b) - zbud_data(a),
			PAGE_SIZE - 3 * ZBUD_CHUNK_SIZE);
	zbud_free(test->priv, a);
	zbud_free(test->priv, b);
}

/* The place at the front is used again when only the back is taken. */
static void zbud_test_front_again(struct kunit *test)
{
	unsigned long a = filled(test, 100);
	unsigned long b = filled(test, 100);
	void *front = zbud_data(a);

	zbud_free(test->priv, a);
	a = filled(test, 200);
	KUNIT_EXPECT_PTR_EQ(test, zbud_data(a), front);
	zbud_free(test->priv, a);
	zbud_free(test->priv, b);
}

/* From one byte to all chunks but one; and that one chunk is not lost. */
static void zbud_test_sizes(struct kunit *test)
{
	struct zbud_pool *pool = test->priv;
	unsigned long handle, rest;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			zbud_alloc(pool, 0, GFP_KERNEL, &handle));
	KUNIT_EXPECT_EQ(test, -EINVAL, zbud_alloc(pool, ZBUD_MAX_SIZE + 1,
						  GFP_KERNEL, &handle));
	handle = filled(test, ZBUD_MAX_SIZE);
	rest = filled(test, ZBUD_CHUNK_SIZE + 1);
	KUNIT_EXPECT_FALSE(test, same_frame(handle, rest));
	zbud_free(pool, rest);
	rest = filled(test, ZBUD_CHUNK_SIZE);
	KUNIT_EXPECT_TRUE(test, same_frame(handle, rest));
	zbud_free(pool, rest);
	rest = filled(test, 1);
	KUNIT_EXPECT_TRUE(test, same_frame(handle, rest));
	zbud_free(pool, rest);
	zbud_free(pool, handle);
}

/* A zpage goes to the fullest frame that has room for it. */
static void zbud_test_best_fit(struct kunit *test)
{
	static const size_t used[] = { 2100, 3000, 2500, 3900 };
	unsigned long frame[ARRAY_SIZE(used)], handle;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(used); i++)
		frame[i] = filled(test, used[i]);

	handle = filled(test, 1000);
	KUNIT_EXPECT_TRUE(test, same_frame(handle, frame[1]));
	zbud_free(test->priv, handle);
	handle = filled(test, 1500);
	KUNIT_EXPECT_TRUE(test, same_frame(handle, frame[2]));
	zbud_free(test->priv, handle);
	handle = filled(test, 1900);
	KUNIT_EXPECT_TRUE(test, same_frame(handle, frame[0]));
	zbud_free(test->priv, handle);
	handle = filled(test, 100);
	KUNIT_EXPECT_TRUE(test, same_frame(handle, frame[3]));
	zbud_free(test->priv, handle);
	for (i = 0; i < ARRAY_SIZE(used); i++)
		zbud_free(test->priv, frame[i]);
}

/* A frame that is full is passed over; when it has room again it is found. */
static void zbud_test_fit_again(struct kunit *test)
{
	unsigned long a = filled(test, PAGE_SIZE / 4 * 3);
	unsigned long b = filled(test, PAGE_SIZE / 4);
	unsigned long c = filled(test, PAGE_SIZE / 4);

	KUNIT_EXPECT_TRUE(test, same_frame(a, b));
	KUNIT_EXPECT_FALSE(test, same_frame(a, c));
	KUNIT_EXPECT_EQ(test, 0, zbud_fit(test->priv, PAGE_SIZE / 4 * 3 + 1));
	zbud_free(test->priv, b);
	b = filled(test, PAGE_SIZE / 4);
	KUNIT_EXPECT_TRUE(test, same_frame(a, b));
	zbud_free(test->priv, a);
	zbud_free(test->priv, b);
	zbud_free(test->priv, c);
	KUNIT_EXPECT_EQ(test, 0, zbud_fit(test->priv, 1));
}

/* Frames are isolated in the order in which they were filled. */
static void zbud_test_oldest_first(struct kunit *test)
{
	unsigned long handle[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(handle); i++)
		handle[i] = filled(test, HALF + 100);
	for (i = 0; i < ARRAY_SIZE(handle); i++)
		expect_isolate(test, handle[i]);
	expect_no_candidate(test);
	for (i = 0; i < ARRAY_SIZE(handle); i++)
		zbud_free(test->priv, handle[i]);
}

/* A frame that receives its second zpage is as new as that. */
static void zbud_test_second_is_newest(struct kunit *test)
{
	unsigned long old = filled(test, HALF + 100);
	unsigned long mid = filled(test, HALF + 200);
	unsigned long new = filled(test, HALF - 150);
	struct seen seen;

	KUNIT_ASSERT_TRUE(test, same_frame(old, new));
	expect_isolate(test, mid);
	KUNIT_EXPECT_EQ(test, isolate(test, &seen), 2);
	KUNIT_EXPECT_PTR_EQ(test, seen.data[0], zbud_data(old));
	KUNIT_EXPECT_PTR_EQ(test, seen.data[1], zbud_data(new));
	zbud_free(test->priv, old);
	zbud_free(test->priv, mid);
	zbud_free(test->priv, new);
}

/* A frame that loses one of two zpages keeps its place. */
static void zbud_test_free_keeps_place(struct kunit *test)
{
	unsigned long a = filled(test, 100);
	unsigned long b = filled(test, 100);
	unsigned long c = filled(test, ZBUD_MAX_SIZE);

	zbud_free(test->priv, a);
	expect_isolate(test, b);
	expect_isolate(test, c);
	zbud_free(test->priv, b);
	zbud_free(test->priv, c);
}

/* No frame is isolated that holds a zpage which is not ready. */
static void zbud_test_pending(struct kunit *test)
{
	unsigned long a = pending(test, 100);
	unsigned long b = pending(test, 100);
	struct zbud_stats stats;
	struct seen seen;

	KUNIT_EXPECT_TRUE(test, same_frame(a, b));
	expect_no_candidate(test);
	zbud_ready(test->priv, b);
	expect_no_candidate(test);
	zbud_get_stats(test->priv, &stats);
	KUNIT_EXPECT_EQ(test, stats.isolated, 1);
	zbud_ready(test->priv, a);
	zbud_get_stats(test->priv, &stats);
	KUNIT_EXPECT_EQ(test, stats.isolated, 0);
	KUNIT_EXPECT_EQ(test, isolate(test, &seen), 2);
	zbud_free(test->priv, a);
	zbud_free(test->priv, b);
}

/* A pending zpage that is given up lets its partner be a candidate again. */
static void zbud_test_pending_freed(struct kunit *test)
{
	unsigned long a = filled(test, 100);
	unsigned long b = pending(test, 100);

	expect_no_candidate(test);
	zbud_free(test->priv, b);
	expect_isolate(test, a);
	zbud_free(test->priv, a);
}

/* An isolated frame is neither filled up nor isolated again. */
static void zbud_test_isolated(struct kunit *test)
{
	unsigned long a = filled(test, 100);
	unsigned long b;

	expect_isolate(test, a);
	expect_no_candidate(test);
	b = filled(test, 100);
	KUNIT_EXPECT_FALSE(test, same_frame(a, b));
	zbud_free(test->priv, b);
	zbud_free(test->priv, a);
}

/* What is put back is the oldest again, whatever was filled meanwhile. */
static void zbud_test_put_back(struct kunit *test)
{
	unsigned long old = filled(test, HALF + 100);
	unsigned long new = filled(test, HALF + 100);

	expect_isolate(test, old);
	zbud_ready(test->priv, old);
	expect_isolate(test, old);
	zbud_ready(test->priv, old);
	/* Said twice, it changes nothing. */
	zbud_ready(test->priv, old);
	expect_isolate(test, old);
	expect_isolate(test, new);
	zbud_free(test->priv, old);
	zbud_free(test->priv, new);
}

/* Two zpages of an isolated frame, each freed or put back, in both orders. */
static void zbud_test_isolated_orders(struct kunit *test)
{
	struct zbud_pool *pool = test->priv;
	unsigned long h[2], more;
	unsigned int how, first, i;
	struct seen seen;

	for (how = 0; how < 8; how++) {
		unsigned int freed = how & 3;

		h[0] = filled(test, 1000);
		h[1] = filled(test, 1000);
		first = how >> 2;
		KUNIT_ASSERT_EQ(test, isolate(test, &seen), 2);
		for (i = 0; i < 2; i++) {
			unsigned int buddy = first ^ i;

			if (freed & BIT(buddy))
				zbud_free(pool, h[buddy]);
			else
				zbud_ready(pool, h[buddy]);
			if (!i)
				expect_no_candidate(test);
		}
		switch (hweight8(freed)) {
		case 0:
			KUNIT_EXPECT_EQ(test, isolate(test, &seen), 2);
			zbud_free(pool, h[0]);
			zbud_free(pool, h[1]);
			break;
		case 1:
			/* The other is a candidate, and takes a partner. */
			i = freed & 1;
			more = filled(test, 2000);
			KUNIT_EXPECT_TRUE(test, same_frame(more, h[i]));
			zbud_free(pool, more);
			expect_isolate(test, h[i]);
			zbud_free(pool, h[i]);
			break;
		}
	}
}

/* An isolated frame one of whose zpages was freed waits for the other one. */
static void zbud_test_isolated_half(struct kunit *test)
{
	unsigned long a = filled(test, 100);
	unsigned long b = filled(test, 100);
	unsigned long c;
	struct seen seen;

	KUNIT_ASSERT_EQ(test, isolate(test, &seen), 2);
	zbud_free(test->priv, a);
	c = filled(test, 100);
	KUNIT_EXPECT_FALSE(test, same_frame(b, c));
	zbud_free(test->priv, c);
	expect_no_candidate(test);
	zbud_ready(test->priv, b);
	expect_isolate(test, b);
	zbud_free(test->priv, b);
}

/*
 * Counters tell what is held, and the most that ever was.
 *
 * Regression: 3.3.12.
 */
static void zbud_test_stats(struct kunit *test)
{
	unsigned long a = filled(test, 1000);
	unsigned long b = filled(test, 2000);
	unsigned long c = pending(test, 3000);
	struct zbud_stats stats;

	zbud_get_stats(test->priv, &stats);
	KUNIT_EXPECT_EQ(test, stats.frames, 2);
	KUNIT_EXPECT_EQ(test, stats.zpages, 3);
	KUNIT_EXPECT_EQ(test, stats.zbytes, 6000);
	KUNIT_EXPECT_EQ(test, stats.buddied, 1);
	KUNIT_EXPECT_EQ(test, stats.unbuddied, 1);
	KUNIT_EXPECT_EQ(test, stats.isolated, 1);
	zbud_free(test->priv, a);
	zbud_free(test->priv, b);
	zbud_free(test->priv, c);
	zbud_get_stats(test->priv, &stats);
	KUNIT_EXPECT_EQ(test, stats.frames_max, 2);
	KUNIT_EXPECT_EQ(test, stats.zpages_max, 3);
	KUNIT_EXPECT_EQ(test, stats.zbytes_max, 6000);
	KUNIT_EXPECT_EQ(test, stats.cumul_zpages, 3);
	KUNIT_EXPECT_EQ(test, stats.cumul_zbytes, 6000);
}

/* Without memory for the descriptor: an error, and nothing is held. */
static void zbud_test_no_memory(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	unsigned long handle = 0;
	int err;

	current->fail_nth = 1;
	err = zbud_alloc(test->priv, 100, GFP_NOWAIT | __GFP_NOWARN, &handle);
	current->fail_nth = 0;
	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	if (!err)
		zbud_free(test->priv, handle);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

#if IS_ENABLED(CONFIG_FAILSLAB)
/* As in a machine that has no memory free at the moment. */
static int alloc_starved(struct kunit *test, unsigned long *handle)
{
	int err;

	current->fail_nth = 1;
	err = zbud_alloc(test->priv, ZBUD_MAX_SIZE, GFP_NOWAIT | __GFP_NOWARN,
			 handle);
	current->fail_nth = 0;
	return err;
}
#endif

/*
 * What was set aside serves when there is no memory; what is freed fills it up
 * again; and it can be given back.
 */
static void zbud_test_reserve(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	enum { NR = 4 };
	unsigned long handle[NR], more;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, -EINVAL, zbud_reserve(test->priv, 0));
	KUNIT_ASSERT_EQ(test, 0, zbud_reserve(test->priv, NR));
	for (i = 0; i < NR; i++)
		KUNIT_ASSERT_EQ(test, 0, alloc_starved(test, &handle[i]));
	KUNIT_EXPECT_EQ(test, -ENOMEM, alloc_starved(test, &more));

	zbud_free(test->priv, handle[0]);
	KUNIT_ASSERT_EQ(test, 0, alloc_starved(test, &handle[0]));
	KUNIT_EXPECT_EQ(test, -ENOMEM, alloc_starved(test, &more));

	for (i = 0; i < NR; i++)
		zbud_free(test->priv, handle[i]);
	KUNIT_ASSERT_EQ(test, 0, zbud_reserve(test->priv, 1));
	KUNIT_ASSERT_EQ(test, 0, alloc_starved(test, &handle[0]));
	KUNIT_EXPECT_EQ(test, -ENOMEM, alloc_starved(test, &more));
	zbud_free(test->priv, handle[0]);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

/* Pages of about half a frame or less: nearly two to each frame. */
static void zbud_test_density(struct kunit *test)
{
	enum { NR = 4000 };
	unsigned long *handle;
	struct rnd_state rnd;
	struct zbud_stats stats;
	unsigned int i;

	handle = kunit_kcalloc(test, NR, sizeof(*handle), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, handle);
	prandom_seed_state(&rnd, 2012);
	for (i = 0; i < NR; i++)
		handle[i] = filled(test, 1 + prandom_u32_state(&rnd) % HALF);
	/* A store is seldom only filled: half of it goes, and comes again. */
	for (i = 0; i < NR; i += 2)
		zbud_free(test->priv, handle[i]);
	for (i = 0; i < NR; i += 2)
		handle[i] = filled(test, 1 + prandom_u32_state(&rnd) % HALF);
	zbud_get_stats(test->priv, &stats);
	kunit_info(test, "%llu zpages in %llu frames: %llu.%02llu", stats.zpages,
		   stats.frames, stats.zpages / stats.frames,
		   stats.zpages * 100 / stats.frames % 100);
	KUNIT_EXPECT_GE(test, stats.zpages * 10, stats.frames * 19);
	for (i = 0; i < NR; i++)
		zbud_free(test->priv, handle[i]);
}

/*
 * Random operations against a model.
 *
 * The model knows of zpages only.  A frame is the (at most two) zpages whose
 * handles differ in the buddy's bit; it is a candidate if all of them are
 * READY, and @stamp tells its age since it last became one.
 */
enum state { NONE, PENDING, READY, ISOLATED };

struct zpage {
	unsigned long handle;
	enum state state;
	u32 size;
	u32 seed;
	s64 stamp;
};

enum { NR_ZPAGES = 200, NR_OPS = 60000 };

struct model {
	struct kunit *test;
	struct rnd_state rnd;
	s64 newest;
	s64 oldest;
	unsigned int isolated;
	unsigned int shared;
	struct zpage zpage[NR_ZPAGES];
};

static u32 draw(struct model *m, u32 below)
{
	return prandom_u32_state(&m->rnd) % below;
}

/* The content says which zpage it is, and then what its seed gives. */
static void fill(u8 *data, u32 size, u32 seed)
{
	u32 i;

	for (i = 0; i < size; i++)
		data[i] = seed >> 8 * (i & 3);
}

static bool intact(const u8 *data, u32 size, u32 seed)
{
	u32 i;

	for (i = 0; i < size; i++)
		if (data[i] != (u8)(seed >> 8 * (i & 3)))
			return false;
	return true;
}

static struct zpage *partner(struct model *m, const struct zpage *z)
{
	unsigned int i;

	for (i = 0; i < NR_ZPAGES; i++)
		if (m->zpage[i].state != NONE &&
		    m->zpage[i].handle == (z->handle ^ BUDDY_BIT))
			return &m->zpage[i];
	return NULL;
}

static bool candidate(struct model *m, const struct zpage *z)
{
	const struct zpage *other = partner(m, z);

	return z->state == READY && (!other || other->state == READY);
}

static void became_candidate(struct model *m, struct zpage *z, s64 stamp)
{
	struct zpage *other = partner(m, z);

	z->stamp = stamp;
	if (other)
		other->stamp = stamp;
}

static u32 chunks(u32 size)
{
	return ALIGN(size, ZBUD_CHUNK_SIZE) / ZBUD_CHUNK_SIZE;
}

/* Chunks free in the fullest frame that would do, or 0 for a new frame. */
static u32 model_best_fit(struct model *m, u32 size)
{
	u32 i, best = 0;

	for (i = 0; i < NR_ZPAGES; i++) {
		const struct zpage *z = &m->zpage[i];
		u32 free = ZBUD_NR_CHUNKS - chunks(z->size);

		if (z->state == NONE || z->state == ISOLATED ||
		    free < chunks(size) || (best && free >= best) ||
		    partner(m, z))
			continue;
		best = free;
	}
	return best;
}

static void random_alloc(struct model *m, struct zpage *z)
{
	u32 size = 4 + draw(m, draw(m, 4) ? 2200 : ZBUD_MAX_SIZE - 4);
	u32 fit = model_best_fit(m, size);
	struct zpage *other;

	z->handle = pending(m->test, size);
	z->state = PENDING;
	z->size = size;
	/* The seed's low half names the zpage for see_random(). */
	z->seed = draw(m, U16_MAX) << 16 | (z - m->zpage);
	fill(zbud_data(z->handle), size, z->seed);

	other = partner(m, z);
	KUNIT_EXPECT_EQ(m->test, !!other, !!fit);
	if (other) {
		KUNIT_EXPECT_EQ(m->test, fit,
				ZBUD_NR_CHUNKS - chunks(other->size));
		m->shared++;
	}
}

static void random_ready(struct model *m, struct zpage *z)
{
	bool before = candidate(m, z);
	enum state state = z->state;

	zbud_ready(m->test->priv, z->handle);
	z->state = READY;
	if (!before && candidate(m, z))
		became_candidate(m, z, state == PENDING ? ++m->newest :
							  --m->oldest);
}

static void random_free(struct model *m, struct zpage *z)
{
	struct zpage *other = partner(m, z);
	bool before = candidate(m, z);

	KUNIT_EXPECT_TRUE(m->test, intact(zbud_data(z->handle), z->size,
					  z->seed));
	zbud_free(m->test->priv, z->handle);
	z->state = NONE;
	if (other && !before && candidate(m, other))
		became_candidate(m, other, --m->oldest);
}

static struct zpage *model_oldest(struct model *m)
{
	struct zpage *oldest = NULL;
	unsigned int i;

	for (i = 0; i < NR_ZPAGES; i++) {
		struct zpage *z = &m->zpage[i];

		if (z->state == READY && (!oldest || z->stamp < oldest->stamp) &&
		    candidate(m, z))
			oldest = z;
	}
	return oldest;
}

static void see_random(void *arg, const void *data, size_t size)
{
	struct model *m = arg;
	const u8 *id = data;
	unsigned int i = id[0] | id[1] << 8;

	KUNIT_EXPECT_LT(m->test, i, NR_ZPAGES);
	if (i >= NR_ZPAGES)
		return;
	KUNIT_EXPECT_EQ(m->test, m->zpage[i].state, READY);
	KUNIT_EXPECT_EQ(m->test, m->zpage[i].size, size);
	m->zpage[i].state = ISOLATED;
	m->isolated++;
}

static void random_isolate(struct model *m)
{
	struct zpage *z = model_oldest(m);
	struct zpage *other = z ? partner(m, z) : NULL;
	unsigned int n;

	n = zbud_isolate_oldest(m->test->priv, see_random, m);
	KUNIT_EXPECT_EQ(m->test, n, !!z + !!other);
	if (z)
		KUNIT_EXPECT_EQ(m->test, z->state, ISOLATED);
	if (other)
		KUNIT_EXPECT_EQ(m->test, other->state, ISOLATED);
}

static void check_stats(struct model *m)
{
	struct zbud_stats stats;
	u64 zpages = 0, zbytes = 0, buddies = 0, candidates = 0;
	unsigned int i;

	for (i = 0; i < NR_ZPAGES; i++) {
		const struct zpage *z = &m->zpage[i];
		bool shared;

		if (z->state == NONE)
			continue;
		shared = partner(m, z);
		zpages++;
		zbytes += z->size;
		buddies += shared;
		if (candidate(m, z))
			candidates += shared ? 1 : 2;
		KUNIT_EXPECT_TRUE(m->test, intact(zbud_data(z->handle), z->size,
						  z->seed));
	}
	zbud_get_stats(m->test->priv, &stats);
	KUNIT_EXPECT_EQ(m->test, stats.zpages, zpages);
	KUNIT_EXPECT_EQ(m->test, stats.zbytes, zbytes);
	KUNIT_EXPECT_EQ(m->test, stats.buddied, buddies / 2);
	KUNIT_EXPECT_EQ(m->test, stats.frames, zpages - buddies / 2);
	KUNIT_EXPECT_EQ(m->test, stats.isolated, stats.frames - candidates / 2);
}

static void zbud_test_random(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int op, i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	prandom_seed_state(&m->rnd, 612);
	for (op = 0; op < NR_OPS; op++) {
		struct zpage *z = &m->zpage[draw(m, NR_ZPAGES)];

		if (!draw(m, 4))
			random_isolate(m);
		else if (z->state == NONE)
			random_alloc(m, z);
		else if (z->state != READY && draw(m, 3))
			random_ready(m, z);
		else if (!draw(m, 3))
			random_free(m, z);
		if (!(op & 1023))
			check_stats(m);
	}
	check_stats(m);
	kunit_info(test, "%u operations, %u partners found, %u zpages isolated",
		   NR_OPS, m->shared, m->isolated);
	KUNIT_EXPECT_GT(test, m->shared, NR_OPS / 50);
	KUNIT_EXPECT_GT(test, m->isolated, NR_OPS / 50);
	for (i = 0; i < NR_ZPAGES; i++)
		if (m->zpage[i].state != NONE)
			random_free(m, &m->zpage[i]);
}

static struct kunit_case zbud_test_cases[] = {
	KUNIT_CASE(zbud_test_placement),
	KUNIT_CASE(zbud_test_front_again),
	KUNIT_CASE(zbud_test_sizes),
	KUNIT_CASE(zbud_test_best_fit),
	KUNIT_CASE(zbud_test_fit_again),
	KUNIT_CASE(zbud_test_oldest_first),
	KUNIT_CASE(zbud_test_second_is_newest),
	KUNIT_CASE(zbud_test_free_keeps_place),
	KUNIT_CASE(zbud_test_pending),
	KUNIT_CASE(zbud_test_pending_freed),
	KUNIT_CASE(zbud_test_isolated),
	KUNIT_CASE(zbud_test_put_back),
	KUNIT_CASE(zbud_test_isolated_orders),
	KUNIT_CASE(zbud_test_isolated_half),
	KUNIT_CASE(zbud_test_stats),
	KUNIT_CASE(zbud_test_no_memory),
	KUNIT_CASE(zbud_test_reserve),
	KUNIT_CASE(zbud_test_density),
	KUNIT_CASE_SLOW(zbud_test_random),
	{}
};

static struct kunit_suite zbud_test_suite = {
	.name = "ramster-zbud",
	.init = zbud_test_init,
	.exit = zbud_test_exit,
	.test_cases = zbud_test_cases,
};

kunit_test_suite(zbud_test_suite);
