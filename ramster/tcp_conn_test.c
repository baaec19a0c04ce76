// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcp_link.c, tcp_accept.c and tcp_peer.c: connections come, stay,
 * break and come back.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/in6.h>
#include <net/sock.h>
#include "tcp_test.h"

/* Two nodes find each other; both sides are told once, also of the end. */
static void r2tcp_test_handshake(struct kunit *test)
{
	struct fake_node *a, *b;

	fake_start_pair(test, &a, &b);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->new_instances), 1);
	KUNIT_EXPECT_TRUE(test, r2tcp_connected(a->tcp, 1));
	KUNIT_EXPECT_EQ(test, r2tcp_nr_connected(b->tcp), 1);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).connects, 1);
	fake_get_works(test, a, 1);
	fake_get_works(test, b, 0);

	fake_stop(b);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->downs), 1);
	KUNIT_EXPECT_FALSE(test, r2tcp_connected(a->tcp, 1));
	KUNIT_EXPECT_EQ(test, r2tcp_nr_connected(a->tcp), 0);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).bad_frames, 0);
}

static void r2tcp_test_ipv6(struct kunit *test)
{
	struct r2tcp_config config[2] = { fake_config(test, 0),
					  fake_config(test, 1) };
	struct fake_node *node[2];
	struct sockaddr_in6 *in6;
	unsigned int i;

	if (!IS_ENABLED(CONFIG_IPV6))
		kunit_skip(test, "no IPv6");
	for (i = 0; i < 2; i++) {
		memset(&config[i].addr, 0, sizeof(config[i].addr));
		in6 = (struct sockaddr_in6 *)&config[i].addr;
		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_loopback;
		in6->sin6_port = htons(TEST_PORT + i);
		node[i] = fake_start_config(test, &config[i]);
	}
	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(test, r2tcp_add_peer(node[i]->tcp, !i,
						     &config[!i].addr), 0);
	WAIT_FOR(test, node[0], atomic_read(&node[0]->ups) == 1);
	WAIT_FOR(test, node[1], atomic_read(&node[1]->ups) == 1);
	fake_get_works(test, node[0], 1);
	fake_get_works(test, node[1], 0);
}

static void r2tcp_test_add_peer(struct kunit *test)
{
	struct sockaddr_storage addr = fake_addr(1, TEST_PORT);
	struct fake_node *a = fake_start(test, 0);
	struct r2tcp_config config = fake_config(test, 1);
	struct r2tcp_peer_stats stats;

	KUNIT_EXPECT_EQ(test, r2tcp_add_peer(a->tcp, 0, &addr), -EINVAL);
	KUNIT_EXPECT_EQ(test, r2tcp_add_peer(a->tcp, 255, &addr), -EINVAL);
	KUNIT_EXPECT_EQ(test, r2tcp_add_peer(a->tcp, 1, &addr), 0);
	KUNIT_EXPECT_EQ(test, r2tcp_add_peer(a->tcp, 1, &addr), -EEXIST);
	KUNIT_EXPECT_EQ(test, r2tcp_peer_stats(a->tcp, 2, &stats), -ENOENT);
	KUNIT_EXPECT_EQ(test, r2tcp_peer_stats(a->tcp, 255, &stats), -ENOENT);
	addr.ss_family = AF_INET6;
	KUNIT_EXPECT_EQ(test, r2tcp_add_peer(a->tcp, 2, &addr), -EAFNOSUPPORT);
	r2tcp_del_peer(a->tcp, 1);
	r2tcp_del_peer(a->tcp, 1);
	r2tcp_del_peer(a->tcp, 255);

	/* Where somebody listens already. */
	config.addr = fake_addr(0, TEST_PORT);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(r2tcp_start(&config, &fake_ops,
							  a)), -EADDRINUSE);
}

/* Who is not configured, or should wait for us, is not let in. */
static void r2tcp_test_unknown_source(struct kunit *test)
{
	struct fake_node *b = fake_start(test, 1);

	raw_closed(test, raw_connect(test, 3, 1));
	fake_add_peer(test, b, 0);
	raw_closed(test, raw_connect(test, 0, 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&b->ups), 0);
}

/* After a break the two connect again; nothing was lost. */
static void r2tcp_test_reconnect(struct kunit *test)
{
	struct fake_node *a, *b;
	int i;

	fake_start_pair(test, &a, &b);
	for (i = 1; i <= 5; i++) {
		r2tcp_kick(i % 2 ? a->tcp : b->tcp, i % 2);
		WAIT_FOR(test, a, atomic_read(&a->ups) == i + 1);
		WAIT_FOR(test, b, atomic_read(&b->ups) == i + 1);
		fake_get_works(test, a, 1);
		fake_get_works(test, b, 0);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->new_instances), 1);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).connects, 6);
}

/* Without a word to say, a connection stays; each side hears from the other. */
static void r2tcp_test_keepalive(struct kunit *test)
{
	struct r2tcp_config config[2] = { fake_config(test, 0),
					  fake_config(test, 1) };
	struct fake_node *node[2];
	u64 rx;
	int i;

	for (i = 0; i < 2; i++) {
		config[i].idle_timeout_ms = 800;
		config[i].keepalive_delay_ms = 200;
		node[i] = fake_start_config(test, &config[i]);
	}
	fake_add_peer(test, node[0], 1);
	fake_add_peer(test, node[1], 0);
	WAIT_FOR(test, node[0], atomic_read(&node[0]->ups) == 1);
	rx = fake_stats(test, node[0], 1).rx_bytes;
	msleep(4000);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&node[i]->downs), 0);
	KUNIT_EXPECT_GT(test, fake_stats(test, node[0], 1).rx_bytes, rx);
}

/* A peer that says nothing at all is dropped. */
static void r2tcp_test_idle(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	unsigned long start;

	fake_add_peer(test, a, 1);
	raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	start = jiffies;
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 2500);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 10000);
}

/*
 * A peer that has crashed comes back before the old connection is known to be
 * dead: the old one gives way, but only to one that has shaken hands.
 */
static void r2tcp_test_comes_back(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct socket *old, *mute;
	struct fake_node *a;

	/* The old connection must not end by its own silence meanwhile. */
	world->idle_ms = 4 * jiffies_to_msecs(TEST_PATIENCE);
	a = fake_start(test, 0);
	fake_add_peer(test, a, 1);
	old = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	mute = raw_connect(test, 1, 0);
	msleep(200);
	KUNIT_EXPECT_TRUE(test, r2tcp_connected(a->tcp, 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);
	kernel_sock_shutdown(mute, SHUT_RDWR);

	raw_node(test, 1, 0, 2);
	raw_closed(test, old);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 1);
}

/* How long sending may take on a node's connection; -1 if there is none. */
static long fake_sndtimeo(struct fake_node *node, unsigned int num)
{
	struct r2tcp_peer *peer = fake_peer(node, num);
	long timeo = -1;

	mutex_lock(&peer->mutex);
	if (peer->sock)
		timeo = READ_ONCE(peer->sock->sk->sk_sndtimeo);
	mutex_unlock(&peer->mutex);
	return timeo;
}

/* The limit for connecting is not that of the connection. */
static void r2tcp_test_send_timeout(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_node *a, *b;

	world->idle_ms = 60000;
	fake_start_pair(test, &a, &b);
	KUNIT_EXPECT_EQ(test, fake_sndtimeo(a, 1), msecs_to_jiffies(60000));
	KUNIT_EXPECT_EQ(test, fake_sndtimeo(b, 0), msecs_to_jiffies(60000));
}

static struct kunit_case r2tcp_cases[] = {
	KUNIT_CASE(r2tcp_test_handshake),
	KUNIT_CASE(r2tcp_test_ipv6),
	KUNIT_CASE(r2tcp_test_add_peer),
	KUNIT_CASE(r2tcp_test_unknown_source),
	KUNIT_CASE(r2tcp_test_reconnect),
	KUNIT_CASE(r2tcp_test_keepalive),
	KUNIT_CASE(r2tcp_test_idle),
	KUNIT_CASE(r2tcp_test_comes_back),
	KUNIT_CASE(r2tcp_test_send_timeout),
	{}
};

static struct kunit_suite r2tcp_suite = {
	.name = "r2tcp",
	.suite_init = fake_suite_init,
	.init = fake_test_init,
	.exit = fake_test_exit,
	.test_cases = r2tcp_cases,
};

kunit_test_suite(r2tcp_suite);
