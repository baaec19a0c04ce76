// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcp_link.c, tcp_accept.c and tcp_peer.c: connections come, stay,
 * break and come back.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/in6.h>
#include <linux/sched.h>
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

/* Whether anybody listens at the address of a node. */
static bool listens(struct kunit *test, unsigned int num)
{
	struct sockaddr_storage addr = fake_addr(num, TEST_PORT);
	struct socket *sock;
	int err;

	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_INET, SOCK_STREAM,
					       IPPROTO_TCP, &sock), 0);
	err = kernel_connect(sock, (struct sockaddr *)&addr,
			     sizeof(struct sockaddr_in), 0);
	sock_release(sock);
	return !err;
}

/* Checklist B08.  A node listens from its start to its stop. */
static void r2tcp_test_listens(struct kunit *test)
{
	struct fake_node *a;

	KUNIT_EXPECT_FALSE(test, listens(test, 0));
	a = fake_start(test, 0);
	KUNIT_EXPECT_TRUE(test, listens(test, 0));
	fake_stop(a);
	KUNIT_EXPECT_FALSE(test, listens(test, 0));
}

/* The port at this end of a node's connection. */
static unsigned int local_port(struct fake_node *node, unsigned int num)
{
	struct r2tcp_peer *peer = fake_peer(node, num);
	struct sockaddr_storage addr = {};

	mutex_lock(&peer->mutex);
	if (peer->sock)
		kernel_getsockname(peer->sock, (struct sockaddr *)&addr);
	mutex_unlock(&peer->mutex);
	return ntohs(((struct sockaddr_in *)&addr)->sin_port);
}

/* Checklist E01.  The higher number connects, and only it, and only once. */
static void r2tcp_test_direction(struct kunit *test)
{
	struct fake_node *a, *b;

	fake_start_pair(test, &a, &b);
	KUNIT_EXPECT_EQ(test, local_port(a, 1), TEST_PORT);
	KUNIT_EXPECT_NE(test, local_port(b, 0), TEST_PORT);
	msleep(300);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).connects, 1);
	KUNIT_EXPECT_EQ(test, fake_stats(test, b, 0).connects, 1);
}

/* Checklist E16.  Eight nodes, and a connection for each pair of them. */
static void r2tcp_test_mesh(struct kunit *test)
{
	struct fake_node *node[TEST_NODES];
	unsigned int i, j, links = 0;

	for (i = 0; i < TEST_NODES; i++)
		node[i] = fake_start(test, i);
	for (i = 0; i < TEST_NODES; i++)
		for (j = 0; j < TEST_NODES; j++)
			if (j != i)
				fake_add_peer(test, node[i], j);
	for (i = 0; i < TEST_NODES; i++)
		WAIT_FOR(test, node[i],
			 atomic_read(&node[i]->ups) == TEST_NODES - 1);
	for (i = 0; i < TEST_NODES; i++) {
		links += r2tcp_nr_connected(node[i]->tcp);
		for (j = 0; j < TEST_NODES; j++)
			if (j != i)
				fake_get_works(test, node[i], j);
	}
	KUNIT_EXPECT_EQ(test, links, 2 * 28);
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

/* Checklist E15.  Nobody is a peer twice, nor the node itself. */
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

/* Checklist E02.  Who is unknown, or should wait for us, is not let in. */
static void r2tcp_test_unknown_source(struct kunit *test)
{
	struct fake_node *b = fake_start(test, 1);

	raw_closed(test, raw_connect(test, 3, 1));
	fake_add_peer(test, b, 0);
	raw_closed(test, raw_connect(test, 0, 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&b->ups), 0);
}

/*
 * Regression: 3.2.15, no socket to connect with.  It is survived, and tried
 * again.
 */
static void r2tcp_test_no_socket(struct kunit *test)
{
	struct fake_node *b = fake_start(test, 1), *a;

	fake_add_peer(test, b, 0);
	/* There are no sockets of such a family. */
	WRITE_ONCE(b->tcp->config.addr.ss_family, AF_MAX);
	msleep(200);
	a = fake_start(test, 0);
	fake_add_peer(test, a, 1);
	msleep(300);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->ups), 0);
	WRITE_ONCE(b->tcp->config.addr.ss_family, AF_INET);
	WAIT_FOR(test, b, atomic_read(&b->ups) == 1);
	fake_get_works(test, b, 0);
}

/* After a break the two connect again; nothing was lost. */
static void r2tcp_test_reconnect(struct kunit *test)
{
	struct fake_node *a, *b;
	int i;

	fake_start_pair(test, &a, &b);
	for (i = 1; i <= 5; i++) {
		fake_cut(test, i % 2 ? a : b, i % 2);
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

/* Who wants to break a connection does not break the next one. */
static void r2tcp_test_cut_late(struct kunit *test)
{
	struct fake_node *a, *b;
	u64 old;

	fake_start_pair(test, &a, &b);
	old = fake_stats(test, a, 1).connection;
	r2tcp_cut(a->tcp, 1, old);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 2);
	KUNIT_EXPECT_NE(test, fake_stats(test, a, 1).connection, old);
	r2tcp_cut(a->tcp, 1, old);
	r2tcp_cut(a->tcp, 2, old);
	r2tcp_cut(a->tcp, 255, old);
	msleep(300);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 1);

	/* ... be it of the same peer, added again. */
	r2tcp_del_peer(a->tcp, 1);
	fake_add_peer(test, a, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 3);
	r2tcp_cut(a->tcp, 1, old);
	msleep(300);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 2);
	fake_get_works(test, a, 1);
}

/*
 * Checklist E08.  Without a word to say, a connection stays for ten times the
 * idle timeout; each side hears from the other.
 */
static void r2tcp_test_keepalive(struct kunit *test)
{
	struct r2tcp_config config[2] = { fake_config(test, 0),
					  fake_config(test, 1) };
	struct fake_node *node[2];
	u64 rx;
	int i;

	for (i = 0; i < 2; i++) {
		config[i].idle_timeout_ms = 600;
		config[i].keepalive_delay_ms = 150;
		node[i] = fake_start_config(test, &config[i]);
	}
	fake_add_peer(test, node[0], 1);
	fake_add_peer(test, node[1], 0);
	WAIT_FOR(test, node[0], atomic_read(&node[0]->ups) == 1);
	rx = fake_stats(test, node[0], 1).rx_bytes;
	msleep(6000);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&node[i]->downs), 0);
	KUNIT_EXPECT_GT(test, fake_stats(test, node[0], 1).rx_bytes, rx);
}

/* Checklist E09.  A peer that says nothing at all is dropped. */
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
 * Checklist E04.  A second connection does the first no harm, be it that it
 * says nothing or that it is somebody else.  But a peer that has crashed comes
 * back before the old connection is known to be dead: it gives way to one that
 * has shaken hands.
 */
static void r2tcp_test_comes_back(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct socket *old, *mute, *other;
	struct raw_frame frame;
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
	other = raw_connect(test, 1, 0);
	raw_fill_hello(test, &frame, 2, 0, 2);
	raw_send(test, other, &frame, RAW_HELLO_SIZE);
	raw_closed(test, other);
	KUNIT_EXPECT_TRUE(test, r2tcp_connected(a->tcp, 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);

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

/*
 * A peer that is held is cut off, and neither connected to nor let in; who
 * waits for it is told.  When it is not held any more, it is the same one.
 */
static void hold(struct kunit *test, struct fake_node *node,
		 struct fake_node *other)
{
	struct fake_req *once = fake_new_req(test, R2_GET, 1, 20000);
	struct fake_req *again;

	other->stall = true;
	again = fake_submit_get(test, node, other->num, 2, 20000, true);
	KUNIT_EXPECT_EQ(test, r2tcp_hold(node->tcp, other->num), 0);
	KUNIT_EXPECT_FALSE(test, r2tcp_connected(node->tcp, other->num));
	fake_wait_req(test, again, -EHOSTDOWN);
	fake_resume(other);
	KUNIT_EXPECT_EQ(test, r2tcp_hold(node->tcp, other->num), 0);
	KUNIT_EXPECT_TRUE(test, fake_stats(test, node, other->num).held);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(node->tcp, other->num, &once->req),
			-ENOTCONN);
	once->req.retry = true;
	KUNIT_EXPECT_EQ(test, r2tcp_submit(node->tcp, other->num, &once->req),
			-EHOSTUNREACH);
	msleep(400);
	KUNIT_EXPECT_EQ(test, atomic_read(&node->ups), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&node->downs), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&other->ups), 1);

	KUNIT_EXPECT_EQ(test, r2tcp_resume(node->tcp, other->num), 0);
	WAIT_FOR(test, node, atomic_read(&node->ups) == 2);
	WAIT_FOR(test, other, atomic_read(&other->ups) == 2);
	fake_get_works(test, node, other->num);
	KUNIT_EXPECT_EQ(test, atomic_read(&node->new_instances), 1);
}

/* By the one that connects. */
static void r2tcp_test_hold_connects(struct kunit *test)
{
	struct fake_node *a, *b;

	fake_start_pair(test, &a, &b);
	hold(test, b, a);
}

/* Checklist E03.  By the one that is connected to: it refuses, for a time. */
static void r2tcp_test_hold_accepts(struct kunit *test)
{
	struct fake_node *a, *b;

	fake_start_pair(test, &a, &b);
	hold(test, a, b);
	KUNIT_EXPECT_EQ(test, r2tcp_hold(a->tcp, 5), -ENOENT);
	KUNIT_EXPECT_EQ(test, r2tcp_resume(a->tcp, 5), -ENOENT);
	KUNIT_EXPECT_EQ(test, r2tcp_hold(a->tcp, 255), -ENOENT);
}

/* Whoever waited is told by a call, under no lock of ours. */
static void r2tcp_test_done_unlocked(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct fake_req *req[2];
	unsigned int i;

	fake_add_peer(test, a, 1);
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		req[i] = fake_new_req(test, R2_GET, 1, 20000);
		req[i]->req.retry = true;
		req[i]->tcp = a->tcp;
	}
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req[0]->req), 0);
	KUNIT_EXPECT_EQ(test, r2tcp_hold(a->tcp, 1), 0);
	KUNIT_EXPECT_EQ(test, r2tcp_resume(a->tcp, 1), 0);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req[1]->req), 0);
	r2tcp_del_peer(a->tcp, 1);
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		fake_wait_req(test, req[i], -EHOSTDOWN);
		KUNIT_EXPECT_FALSE(test, req[i]->locked);
	}
}

/* Told to connect, a node does so at once, however long its pause is. */
static void r2tcp_test_hurry(struct kunit *test)
{
	struct fake_node *b, *a;

	b = fake_start(test, 1);
	r2tcp_set_reconnect_delay(b->tcp, 600000);
	fake_add_peer(test, b, 0);
	msleep(300);
	a = fake_start(test, 0);
	fake_add_peer(test, a, 1);
	msleep(300);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->ups), 0);
	KUNIT_EXPECT_EQ(test, r2tcp_resume(b->tcp, 0), 0);
	WAIT_FOR(test, b, atomic_read(&b->ups) == 1);
	/* Of one that is connected, it changes nothing. */
	KUNIT_EXPECT_EQ(test, r2tcp_resume(b->tcp, 0), 0);
	fake_get_works(test, b, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->downs), 0);
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

/*
 * Regression: 3.4.1, a peer that does not read keeps others waiting.  Its own
 * requests wait, and nobody else's.
 */
static void r2tcp_test_slow_peer(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_node *a, *good;
	struct fake_req *req[4];
	unsigned long start;
	unsigned int i;

	world->idle_ms = 30000;
	a = fake_start_deaf(test, NULL);
	good = fake_start(test, 2);
	fake_add_peer(test, a, 2);
	fake_add_peer(test, good, 0);
	WAIT_FOR(test, good, atomic_read(&good->ups) == 1);
	/* Either end is up when it has the other's HELLO. */
	WAIT_FOR(test, a, r2tcp_connected(a->tcp, 2));
	fake_fill_deaf(test, a, req, ARRAY_SIZE(req), 20000);
	start = jiffies;
	for (i = 0; i < 20; i++) {
		fake_get_works(test, a, 2);
		fake_get_works(test, good, 0);
	}
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 5000);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		KUNIT_EXPECT_FALSE(test, completion_done(&req[i]->done));
	r2tcp_del_peer(a->tcp, 1);
}

/*
 * Regression: 3.4.5, a thread that tries again and again to send into a full
 * socket.  Ours sleeps.
 */
static void r2tcp_test_full_socket(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct task_struct *sender;
	struct fake_req *req[2];
	struct fake_node *a;
	u64 before;

	world->idle_ms = 30000;
	a = fake_start_deaf(test, NULL);
	fake_fill_deaf(test, a, req, ARRAY_SIZE(req), 20000);
	msleep(500);
	sender = fake_peer(a, 1)->sender;
	before = READ_ONCE(sender->se.sum_exec_runtime);
	/* A PING becomes due, and waits as well. */
	msleep(1000);
	KUNIT_EXPECT_LT(test, READ_ONCE(sender->se.sum_exec_runtime) - before,
			100 * NSEC_PER_MSEC);
	KUNIT_EXPECT_FALSE(test, completion_done(&req[0]->done));
	r2tcp_del_peer(a->tcp, 1);
}

static struct kunit_case r2tcp_cases[] = {
	KUNIT_CASE(r2tcp_test_handshake),
	KUNIT_CASE(r2tcp_test_listens),
	KUNIT_CASE(r2tcp_test_direction),
	KUNIT_CASE(r2tcp_test_mesh),
	KUNIT_CASE(r2tcp_test_ipv6),
	KUNIT_CASE(r2tcp_test_add_peer),
	KUNIT_CASE(r2tcp_test_unknown_source),
	KUNIT_CASE(r2tcp_test_no_socket),
	KUNIT_CASE(r2tcp_test_reconnect),
	KUNIT_CASE(r2tcp_test_cut_late),
	KUNIT_CASE(r2tcp_test_keepalive),
	KUNIT_CASE(r2tcp_test_idle),
	KUNIT_CASE(r2tcp_test_comes_back),
	KUNIT_CASE(r2tcp_test_send_timeout),
	KUNIT_CASE(r2tcp_test_hold_connects),
	KUNIT_CASE(r2tcp_test_hold_accepts),
	KUNIT_CASE(r2tcp_test_done_unlocked),
	KUNIT_CASE(r2tcp_test_hurry),
	KUNIT_CASE(r2tcp_test_slow_peer),
	KUNIT_CASE(r2tcp_test_full_socket),
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
