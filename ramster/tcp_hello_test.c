// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcp_hello.c: who is let in.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <net/sock.h>
#include "tcp_test.h"

static void mismatch(struct kunit *test, const struct r2tcp_config *config)
{
	struct fake_node *a = fake_start(test, 0);
	struct fake_node *b = fake_start_config(test, config);

	fake_add_peer(test, a, config->node);
	fake_add_peer(test, b, 0);
	msleep(600);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->ups), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->ups), 0);
	KUNIT_EXPECT_GT(test, fake_stats(test, b, 0).rx_bytes, 0);
	/* A pause of 50 ms that doubles each time: no storm. */
	KUNIT_EXPECT_LE(test, fake_stats(test, b, 0).rx_bytes,
			6 * RAW_HELLO_SIZE);
	KUNIT_EXPECT_EQ(test, fake_stats(test, b, 0).bad_frames, 0);
	fake_stop(a);
	fake_stop(b);
}

/* Checklist E06.  Nodes that are configured differently do not connect. */
static void r2tcp_test_mismatch(struct kunit *test)
{
	struct r2tcp_config config = fake_config(test, 1);

	strscpy(config.cluster, "other", sizeof(config.cluster));
	mismatch(test, &config);
	config = fake_config(test, 1);
	config.idle_timeout_ms++;
	mismatch(test, &config);
	config = fake_config(test, 1);
	config.keepalive_delay_ms++;
	mismatch(test, &config);
	config = fake_config(test, 1);
	config.dead_time_ms++;
	mismatch(test, &config);
}

/*
 * Listen as a node that speaks another version of the protocol, whose HELLO is
 * longer, or that says nothing at all.  Returns how often the other has tried.
 */
static unsigned int count_attempts(struct kunit *test, struct socket *listener,
				   u32 version, unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);
	const unsigned int len = 200;
	struct raw_frame frame;
	unsigned int n = 0;
	struct socket *sock;

	while (time_before(jiffies, end)) {
		if (kernel_accept(listener, &sock, O_NONBLOCK)) {
			msleep(20);
			continue;
		}
		n++;
		sock->sk->sk_rcvtimeo = HZ;
		if (version) {
			memset(&frame, 0xee, sizeof(frame));
			r2wire_encode_hdr(&frame.hdr, R2_HELLO, 0, len, 0);
			*(__le32 *)frame.payload = cpu_to_le32(version);
			raw_send(test, sock, &frame, sizeof(frame.hdr) + len);
			raw_recv(sock, &frame, RAW_HELLO_SIZE);
		}
		sock_release(sock);
	}
	return n;
}

/*
 * Checklist E05.  A node of another version is refused for that, not for
 * breaking the protocol, and tried again less and less often.
 */
static void r2tcp_test_version(struct kunit *test)
{
	struct socket *listener = raw_listen(test, 0);
	struct fake_node *b = fake_start(test, 1);
	unsigned int n;

	fake_add_peer(test, b, 0);
	n = count_attempts(test, listener, R2_PROTOCOL_VERSION + 1, 1500);
	KUNIT_EXPECT_GE(test, n, 2);
	/* Pauses of 50, 100, 200, 400 and 800 ms. */
	KUNIT_EXPECT_LE(test, n, 6);
	KUNIT_EXPECT_EQ(test, fake_stats(test, b, 0).bad_frames, 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(fake_peer(b, 0)->refused.version),
			R2_PROTOCOL_VERSION + 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->ups), 0);
}

/*
 * Checklist E07.  A node that is not there is tried again after each reconnect
 * delay; after the idle timeout that is said, and it goes on.
 */
static void r2tcp_test_retry_connect(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct socket *listener = raw_listen(test, 0);
	struct fake_node *b;

	world->idle_ms = 600;
	b = fake_start(test, 1);
	fake_add_peer(test, b, 0);
	KUNIT_EXPECT_GE(test, count_attempts(test, listener, 0, 300), 2);
	KUNIT_EXPECT_FALSE(test, fake_peer(b, 0)->warned);
	count_attempts(test, listener, 0, 1000);
	KUNIT_EXPECT_TRUE(test, fake_peer(b, 0)->warned);
	KUNIT_EXPECT_GE(test, count_attempts(test, listener, 0, 500), 2);
}

/* Once they agree, they do, without being started again. */
static void r2tcp_test_mismatch_mended(struct kunit *test)
{
	struct r2tcp_config config = fake_config(test, 1);
	struct fake_node *a = fake_start(test, 0), *b;

	config.idle_timeout_ms = 5000;
	b = fake_start_config(test, &config);
	fake_add_peer(test, a, 1);
	fake_add_peer(test, b, 0);
	msleep(300);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->ups), 0);
	KUNIT_EXPECT_EQ(test, r2tcp_set_timeouts(a->tcp, 5000, 300, 6000), 0);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	WAIT_FOR(test, b, atomic_read(&b->ups) == 1);
	KUNIT_EXPECT_EQ(test, r2tcp_set_timeouts(a->tcp, 6000, 300, 6000),
			-EBUSY);
}

/* A node that claims another number, or talks to another, is refused. */
static void r2tcp_test_wrong_node(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct raw_frame frame;
	struct socket *sock;

	fake_add_peer(test, a, 1);
	fake_add_peer(test, a, 2);
	sock = raw_connect(test, 1, 0);
	raw_fill_hello(test, &frame, 2, 0, 1);
	raw_send(test, sock, &frame, RAW_HELLO_SIZE);
	raw_closed(test, sock);
	sock = raw_connect(test, 1, 0);
	raw_fill_hello(test, &frame, 1, 3, 1);
	raw_send(test, sock, &frame, RAW_HELLO_SIZE);
	raw_closed(test, sock);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->ups), 0);
}

/* No HELLO, half a HELLO, or something else. */
static void r2tcp_test_bad_hello(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct r2_hello *hello;
	struct raw_frame frame;
	struct socket *sock;

	fake_add_peer(test, a, 1);
	sock = raw_connect(test, 1, 0);
	r2wire_encode_hdr(&frame.hdr, R2_PING, 0, 0, 1);
	raw_send(test, sock, &frame, sizeof(frame.hdr));
	raw_closed(test, sock);

	sock = raw_connect(test, 1, 0);
	memset(&frame, 'G', sizeof(frame));
	raw_send(test, sock, &frame, sizeof(frame));
	raw_closed(test, sock);

	sock = raw_connect(test, 1, 0);
	raw_fill_hello(test, &frame, 1, 0, 1);
	hello = (void *)frame.payload;
	memset(hello->cluster, 'x', sizeof(hello->cluster));
	raw_send(test, sock, &frame, RAW_HELLO_SIZE);
	raw_closed(test, sock);
	fake_wait_bad(test, a, 1, 3);

	/* Of another version: a mismatch, not a breach. */
	sock = raw_connect(test, 1, 0);
	raw_fill_hello(test, &frame, 1, 0, 1);
	hello->version = cpu_to_le32(R2_PROTOCOL_VERSION + 1);
	raw_send(test, sock, &frame, RAW_HELLO_SIZE);
	raw_closed(test, sock);

	/* Who stops in the middle is not waited for. */
	sock = raw_connect(test, 1, 0);
	raw_fill_hello(test, &frame, 1, 0, 1);
	raw_send(test, sock, &frame, RAW_HELLO_SIZE - 1);
	raw_closed(test, sock);

	fake_wait_bad(test, a, 1, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->ups), 0);
	raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
}

/* A HELLO that comes drop by drop gets no more time than another. */
static void r2tcp_test_slow_hello(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct raw_frame frame;
	struct fake_node *a;
	struct socket *sock;
	unsigned int i;
	struct kvec vec;
	int n = 1;

	world->idle_ms = 1000;
	a = fake_start(test, 0);
	fake_add_peer(test, a, 1);
	sock = raw_connect(test, 1, 0);
	raw_fill_hello(test, &frame, 1, 0, 1);
	for (i = 0; i < 12 && n > 0; i++) {
		vec.iov_base = (u8 *)&frame + i;
		vec.iov_len = 1;
		n = kernel_sendmsg(sock, &msg, &vec, 1, 1);
		msleep(300);
	}
	KUNIT_EXPECT_GT(test, i, 3);
	KUNIT_EXPECT_LT(test, n, 0);
	/* The node is ready for the next. */
	raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
}

static struct kunit_case r2tcp_hello_cases[] = {
	KUNIT_CASE(r2tcp_test_mismatch),
	KUNIT_CASE(r2tcp_test_version),
	KUNIT_CASE(r2tcp_test_retry_connect),
	KUNIT_CASE(r2tcp_test_mismatch_mended),
	KUNIT_CASE(r2tcp_test_wrong_node),
	KUNIT_CASE(r2tcp_test_bad_hello),
	KUNIT_CASE(r2tcp_test_slow_hello),
	{}
};

static struct kunit_suite r2tcp_hello_suite = {
	.name = "r2tcp_hello",
	.suite_init = fake_suite_init,
	.init = fake_test_init,
	.exit = fake_test_exit,
	.test_cases = r2tcp_hello_cases,
};

kunit_test_suite(r2tcp_hello_suite);
