// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of placement.c: the rule by which peers are chosen.  What a peer's
 * state has to do with it is in remotify_copies_test.c.
 */
#include <kunit/test.h>
#include <linux/random.h>

#include "placement.h"
#include "r2wire.h"

#define PEERS	7

/* What placement_below() answers next; the functions have no argument for it. */
static u32 placement_draws[8];
static unsigned int placement_drawn;

static u32 placement_below(u32 ceil)
{
	return placement_draws[placement_drawn++] % ceil;
}

/* Nobody is made up, and nobody is chosen twice. */
static void placement_test_few(struct kunit *test)
{
	struct placement_peer peer[2] = {
		{ .node = 0, .room = 1, .capacity = 1 },
		{ .node = 254, .room = 1, .capacity = 1 },
	};
	struct tmem_peers peers;
	unsigned int i;

	peers = placement_pick(peer, 0, 2, get_random_u32_below);
	KUNIT_EXPECT_EQ(test, tmem_peers_nr(peers), 0);
	peers = placement_pick(peer, 1, 2, get_random_u32_below);
	KUNIT_EXPECT_EQ(test, tmem_peers_nr(peers), 1);
	KUNIT_EXPECT_TRUE(test, tmem_peers_has(peers, 0));
	for (i = 0; i < 100; i++) {
		peers = placement_pick(peer, 2, 2, get_random_u32_below);
		KUNIT_EXPECT_TRUE(test, tmem_peers_has(peers, 0));
		KUNIT_EXPECT_TRUE(test, tmem_peers_has(peers, 254));
		peers = placement_pick(peer, 2, 1, get_random_u32_below);
		KUNIT_EXPECT_EQ(test, tmem_peers_nr(peers), 1);
	}
}

/* Of two, the one gets the page of which the greater part is free. */
static void placement_test_better(struct kunit *test)
{
	static const struct placement_peer from[3] = {
		{ .node = 1, .room = 500, .capacity = 1000 },
		{ .node = 2, .room = 60, .capacity = 100 },
		{ .node = 3, .room = U32_MAX / 4, .capacity = U32_MAX },
	};
	static const struct {
		u32 a, b;
		u8 node;
	} draws[] = {
		{ 0, 0, 2 },	/* the first two */
		{ 1, 0, 2 },	/* the same the other way round */
		{ 0, 1, 1 },	/* the first and the third */
		{ 2, 0, 1 },
		{ 1, 1, 2 },	/* the second and the third */
		{ 2, 1, 2 },
	};
	struct placement_peer peer[3];
	struct tmem_peers peers;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(draws); i++) {
		memcpy(peer, from, sizeof(peer));
		placement_drawn = 0;
		placement_draws[0] = draws[i].a;
		placement_draws[1] = draws[i].b;
		peers = placement_pick(peer, 3, 1, placement_below);
		KUNIT_EXPECT_EQ_MSG(test, peers.node[0], draws[i].node,
				    "draw %u", i);
	}
}

/* Each peer that is chosen has one frame less. */
static void take(struct kunit *test, struct placement_peer *peer,
		 struct tmem_peers peers)
{
	unsigned int i, c;

	for (c = 0; c < tmem_peers_nr(peers); c++)
		for (i = 0; i < PEERS; i++)
			if (peer[i].node == peers.node[c]) {
				KUNIT_ASSERT_GT(test, peer[i].room, 0);
				peer[i].room--;
			}
}

static unsigned int level(const struct placement_peer *peer)
{
	return 100 * (u64)(peer->capacity - peer->room) / peer->capacity;
}

/*
 * Seven servers of different sizes fill up alike, with one copy and with two,
 * although what is known of them is a hundred pages old: their levels never
 * differ by more than 15 % of each one's capacity.
 */
static void placement_test_levels(struct kunit *test)
{
	static const u32 size[PEERS] = {
		4000, 8000, 8000, 12000, 16000, 20000, 24000,
	};
	struct placement_peer peer[PEERS], known[PEERS];
	unsigned int copies, i, lo, hi;
	u32 taken, all = 92000;

	for (copies = 1; copies <= TMEM_COPIES; copies++) {
		for (i = 0; i < PEERS; i++)
			peer[i] = (struct placement_peer) {
				.node = i,
				.room = size[i],
				.capacity = size[i],
			};
		for (taken = 0; taken < all / copies * 9 / 10; taken++) {
			if (taken % 100 == 0)
				memcpy(known, peer, sizeof(known));
			take(test, peer,
			     placement_pick(known, PEERS, copies,
					    get_random_u32_below));
			if (taken % 1000)
				continue;
			for (i = 0, lo = 100, hi = 0; i < PEERS; i++) {
				lo = min(lo, level(&peer[i]));
				hi = max(hi, level(&peer[i]));
			}
			KUNIT_EXPECT_LE_MSG(test, hi - lo, 15,
					    "after %u pages of %u copies",
					    taken, copies);
		}
	}
}

static struct kunit_case placement_test_cases[] = {
	KUNIT_CASE(placement_test_few),
	KUNIT_CASE(placement_test_better),
	KUNIT_CASE(placement_test_levels),
	{}
};

static struct kunit_suite placement_test_suite = {
	.name = "ramster-placement",
	.test_cases = placement_test_cases,
};

kunit_test_suite(placement_test_suite);
