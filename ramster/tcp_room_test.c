// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcp_room.c: what a node says of its room, when, and how often.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <net/sock.h>
#include "tcp_test.h"

/* Several ticks of the clock: long enough for what is not to be said. */
#define ROOM_WHILE_MS	500

static void room_set(struct kunit *test, u32 room, u32 capacity, u32 recall)
{
	struct fake_world *world = test->priv;

	WRITE_ONCE(world->capacity, capacity);
	WRITE_ONCE(world->room, room);
	WRITE_ONCE(world->recall, recall);
}

/* Wait for a ROOM; PINGs are answered.  Returns whether one came in time. */
static bool room_next(struct socket *sock, struct r2_room *room,
		      unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);
	struct r2_hdr hdr;

	sock->sk->sk_rcvtimeo = msecs_to_jiffies(50);
	while (time_before(jiffies, end)) {
		if (raw_recv(sock, &hdr, sizeof(hdr)) != sizeof(hdr))
			continue;
		if (hdr.type == R2_PING)
			raw_pong(sock, le64_to_cpu(hdr.id));
		if (hdr.type == R2_ROOM && hdr.id)
			return raw_recv(sock, room, sizeof(*room)) ==
			       sizeof(*room);
	}
	return false;
}

static void room_expect(struct kunit *test, struct socket *sock, u32 room,
			u32 capacity, u32 recall)
{
	struct r2_room said = {};

	KUNIT_ASSERT_TRUE(test, room_next(sock, &said, 10000));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(said.room), room);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(said.capacity), capacity);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(said.recall), recall);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(said.reserved), 0);
}

static void room_expect_nothing(struct kunit *test, struct socket *sock)
{
	struct r2_room said;

	KUNIT_EXPECT_FALSE(test, room_next(sock, &said, ROOM_WHILE_MS));
}

/* It is said after the handshake, and then only what is news. */
static void r2tcp_test_room_news(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct socket *sock;

	room_set(test, 5000, 6400, 0);
	fake_add_peer(test, a, 1);
	sock = raw_node(test, 1, 0, 1);
	room_expect(test, sock, 5000, 6400, 0);
	room_expect_nothing(test, sock);
	/* A 64th of the capacity, which is not enough. */
	room_set(test, 4900, 6400, 0);
	room_expect_nothing(test, sock);
	room_set(test, 4899, 6400, 0);
	room_expect(test, sock, 4899, 6400, 0);
	/* From there, and not from where it was before. */
	room_set(test, 4999, 6400, 0);
	room_expect_nothing(test, sock);
	room_set(test, 4999, 6400, 1);
	room_expect(test, sock, 4999, 6400, 1 + 1);
	room_set(test, 4999, 6399, 1);
	room_expect(test, sock, 4999, 6399, 1 + 1);
	room_set(test, 4999, 6399, 0);
	room_expect(test, sock, 4999, 6399, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);
}

/* What a connection was told, the next one is told anew. */
static void r2tcp_test_room_again(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct socket *sock;
	unsigned int i;

	room_set(test, 5000, 6400, 7);
	fake_add_peer(test, a, 1);
	for (i = 1; i <= 3; i++) {
		sock = raw_node(test, 1, 0, 1);
		room_expect(test, sock, 5000, 6400, 7 + 1);
		kernel_sock_shutdown(sock, SHUT_RDWR);
		WAIT_FOR(test, a, atomic_read(&a->downs) == i);
	}
}

static bool room_is_known(struct kunit *test, struct fake_node *node,
			  unsigned int num, u32 recall)
{
	unsigned long end = jiffies + TEST_PATIENCE;

	while (fake_stats(test, node, num).recall != recall &&
	       time_before(jiffies, end))
		msleep(20);
	return fake_stats(test, node, num).recall == recall;
}

/* What is heard is kept; who wants more than before is reported, no other. */
static void r2tcp_test_room_heard(struct kunit *test)
{
	struct fake_node *a, *b;

	room_set(test, 12345, 23456, 0);
	fake_start_pair(test, &a, &b);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).room, 12345);
	KUNIT_EXPECT_GE(test, fake_stats(test, a, 1).capacity, 12345);
	room_set(test, 12345, 34567, 10);
	KUNIT_ASSERT_TRUE(test, room_is_known(test, a, 1, 10 + 0));
	KUNIT_ASSERT_TRUE(test, room_is_known(test, b, 0, 10 + 1));
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).capacity, 34567);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).room, 12345);
	WAIT_FOR(test, a, atomic_read(&a->recalls) == 1);
	room_set(test, 12345, 34567, 5);
	KUNIT_ASSERT_TRUE(test, room_is_known(test, a, 1, 5));
	KUNIT_EXPECT_EQ(test, atomic_read(&a->recalls), 1);
	room_set(test, 12345, 34567, 6);
	WAIT_FOR(test, a, atomic_read(&a->recalls) == 2);
	/* Whoever was told that it is over, as nobody was there, is told again. */
	fake_cut(test, a, 1);
	WAIT_FOR(test, a, atomic_read(&a->recalls) == 3);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).recall, 6);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).bad_frames, 0);
}

/* A PONG says how much room there is, too small a change for a ROOM. */
static void r2tcp_test_room_pong(struct kunit *test)
{
	unsigned long end = jiffies + TEST_PATIENCE;
	struct fake_node *a, *b;

	room_set(test, 12345, 60000, 0);
	fake_start_pair(test, &a, &b);
	room_set(test, 12346, 60000, 0);
	while (fake_stats(test, a, 1).room != 12346 && time_before(jiffies, end))
		msleep(50);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).room, 12346);
}

/* To a peer that does not read, nothing more is said than fits into one frame. */
static void r2tcp_test_room_one(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct r2tcp_peer *peer;
	struct fake_req *req[2];
	struct r2tcp_out *out;
	unsigned int i, n = 0;
	struct fake_node *a;

	world->idle_ms = 30000;
	a = fake_start_deaf(test, NULL);
	fake_fill_deaf(test, a, req, ARRAY_SIZE(req), 20000);
	peer = fake_peer(a, 1);
	for (i = 1; i <= 5; i++) {
		room_set(test, 0, 0, i);
		msleep(250);
	}
	spin_lock(&peer->lock);
	list_for_each_entry(out, &peer->urgent, node)
		n += out->hdr.type == R2_ROOM;
	KUNIT_EXPECT_FALSE(test, list_empty(&peer->say.node));
	KUNIT_EXPECT_LT(test, le32_to_cpu(peer->say_payload.recall), 5 + 1);
	spin_unlock(&peer->lock);
	KUNIT_EXPECT_EQ(test, n, 1);
}

static struct kunit_case r2tcp_room_cases[] = {
	KUNIT_CASE_SLOW(r2tcp_test_room_news),
	KUNIT_CASE(r2tcp_test_room_again),
	KUNIT_CASE(r2tcp_test_room_heard),
	KUNIT_CASE(r2tcp_test_room_pong),
	KUNIT_CASE(r2tcp_test_room_one),
	{}
};

static struct kunit_suite r2tcp_room_suite = {
	.name = "r2tcp_room",
	.suite_init = fake_suite_init,
	.init = fake_test_init,
	.exit = fake_test_exit,
	.test_cases = r2tcp_room_cases,
};

kunit_test_suite(r2tcp_room_suite);
