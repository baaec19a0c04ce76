// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcp with peers that break the protocol: each loses its own
 * connection, and harms nobody else.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/slab.h>
#include <net/sock.h>
#include "tcp_test.h"

struct bad_case {
	const char *name;
	enum r2_type type;
	unsigned int items;
	unsigned int len;	/* as the header says */
	u64 id;
	unsigned int sent;	/* bytes of payload that are there */
	u8 fill;
	unsigned int times;
};

static const struct bad_case bad_cases[] = {
	{ "unknown type", 200, 0, 0, 1, 0, 0, 1 },
	{ "second HELLO", R2_HELLO, 0, 96, 0, 96, 1, 1 },
	{ "PONG without PING", R2_PONG, 0, 8, 1, 8, 0, 1 },
	{ "ROOM of rubbish", R2_ROOM, 0, 16, 1, 16, 0xff, 1 },
	{ "ROOM short", R2_ROOM, 0, 15, 1, 15, 0, 1 },
	{ "too long", R2_PUT, 1, R2_MAX_PAYLOAD + 8, 1, 0, 0, 1 },
	{ "4 GiB", R2_PUT, 1, 0xfffffff8, 1, 0, 0, 1 },
	{ "PUT of version 0", R2_PUT, 1, 48, 1, 48, 0, 1 },
	{ "PUT of rubbish", R2_PUT, 1, 48, 1, 48, 0xff, 1 },
	{ "PUT longer than its item", R2_PUT, 1, 56, 1, 56, 0, 1 },
	{ "GET of version 0", R2_GET, 0, 40, 1, 40, 0, 1 },
	{ "GET of rubbish", R2_GET, 0, 40, 1, 40, 0xff, 1 },
	{ "FLUSH of rubbish", R2_FLUSH, 1, 48, 1, 48, 0xff, 1 },
	{ "reply to nothing", R2_GET_REPLY, 0, 16, 0x100, 16, 0, 1 },
	{ "reply to no slot", R2_GET_REPLY, 0, 16, 0x1ff, 16, 0, 1 },
	{ "status of nothing", R2_PUT_REPLY, 1, 1, 0x140, 1, 0, 1 },
};

/*
 * Checklist E12, E13.  Each closes its own connection, and does not disturb
 * that of another.
 *
 * Regression: 3.5.3.
 */
static void r2tcp_test_bad_frames(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0), *good = fake_start(test, 2);
	const struct bad_case *c;
	struct raw_frame frame;
	struct socket *sock;
	unsigned int i;

	fake_add_peer(test, a, 1);
	fake_add_peer(test, a, 2);
	fake_add_peer(test, good, 0);
	WAIT_FOR(test, good, atomic_read(&good->ups) == 1);
	for (i = 0; i < ARRAY_SIZE(bad_cases); i++) {
		c = &bad_cases[i];
		sock = raw_node(test, 1, 0, 1);
		memset(&frame, c->fill, sizeof(frame));
		r2wire_encode_hdr(&frame.hdr, c->type, c->items, c->len, c->id);
		raw_send(test, sock, &frame, sizeof(frame.hdr) + c->sent);
		raw_closed(test, sock);
		fake_wait_bad(test, a, 1, i + 1);
	}
	WAIT_FOR(test, a, !r2tcp_connected(a->tcp, 1));
	fake_get_works(test, a, 2);
	fake_get_works(test, good, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&good->downs), 0);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 2).bad_frames, 0);
}

/* A peer that asks more than it may, without reading, is cut off. */
static void r2tcp_test_bad_window(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct fake_node *good = fake_start(test, 2);
	struct r2_page *page;
	struct raw_frame frame = {};
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct socket *sock;
	struct kvec vec;
	unsigned int i;
	int n = 1;

	fake_add_peer(test, a, 1);
	fake_add_peer(test, a, 2);
	fake_add_peer(test, good, 0);
	WAIT_FOR(test, good, atomic_read(&good->ups) == 1);
	sock = raw_node(test, 1, 0, 1);
	sock_set_rcvbuf(sock->sk, 4096);
	page = (void *)frame.payload;
	page->version = cpu_to_le64(1);
	page->index = cpu_to_le32(R2_MAX_PAGE);
	for (i = 1; i < 100000 && n > 0; i++) {
		r2wire_encode_hdr(&frame.hdr, R2_GET, 0, sizeof(*page), i);
		vec.iov_base = &frame;
		vec.iov_len = sizeof(frame.hdr) + sizeof(*page);
		n = kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
	}
	KUNIT_EXPECT_LT(test, n, 0);
	fake_wait_bad(test, a, 1, 1);
	fake_get_works(test, a, 2);
}

/* A PING has been given to the sender, who has not got round to it. */
static bool fake_ping_waits(struct fake_node *node, unsigned int num, u64 *id)
{
	struct r2tcp_peer *peer = fake_peer(node, num);
	bool waits;

	spin_lock(&peer->lock);
	waits = !list_empty(&peer->ping.node);
	*id = peer->pinged;
	spin_unlock(&peer->lock);
	return waits;
}

/* A PONG to the PING that is only going to be sent. */
static void r2tcp_test_early_pong(struct kunit *test)
{
	unsigned long end = jiffies + TEST_PATIENCE;
	struct fake_world *world = test->priv;
	struct fake_req *req[2];
	struct fake_node *a;
	struct socket *sock;
	u64 id;

	world->idle_ms = 30000;
	a = fake_start_deaf(test, &sock);
	fake_fill_deaf(test, a, req, ARRAY_SIZE(req), 20000);
	while (!fake_ping_waits(a, 1, &id) && time_before(jiffies, end))
		msleep(20);
	KUNIT_ASSERT_TRUE(test, fake_ping_waits(a, 1, &id));
	KUNIT_ASSERT_EQ(test, raw_pong(sock, id), 0);
	fake_wait_bad(test, a, 1, 1);
	fake_wait_req(test, req[0], -ENOTCONN);
	fake_wait_req(test, req[1], -ENOTCONN);
}

/* The next frame, PINGs included, with its header checked. */
static void next_frame(struct kunit *test, struct socket *sock,
		       struct raw_frame *frame, struct r2_frame *head)
{
	KUNIT_ASSERT_EQ(test, raw_recv(sock, &frame->hdr, sizeof(frame->hdr)),
			sizeof(frame->hdr));
	KUNIT_ASSERT_EQ(test, r2wire_decode_hdr(&frame->hdr, head), 0);
	KUNIT_ASSERT_LE(test, head->len, sizeof(frame->payload));
	if (head->len)
		KUNIT_ASSERT_EQ(test, raw_recv(sock, frame->payload, head->len),
				head->len);
}

/* Receive one frame of each kind that a node sends, and check every byte. */
static void check_frames(struct kunit *test, struct socket *sock,
			 const struct r2_page *page, unsigned long *seen)
{
	struct raw_frame frame;
	struct r2_frame head;

	next_frame(test, sock, &frame, &head);
	__set_bit(head.type, seen);
	switch (head.type) {
	case R2_HELLO:
		KUNIT_EXPECT_EQ(test, r2wire_check_hello((void *)frame.payload,
							 head.len), 0);
		break;
	case R2_PONG:
		KUNIT_EXPECT_EQ(test, r2wire_check_pong((void *)frame.payload),
				0);
		break;
	case R2_ROOM:
		KUNIT_EXPECT_EQ(test, r2wire_check_room((void *)frame.payload),
				0);
		break;
	case R2_GET:
		KUNIT_EXPECT_MEMEQ(test, frame.payload, page, sizeof(*page));
		break;
	case R2_GET_REPLY:
		KUNIT_EXPECT_EQ(test, r2wire_check_get_reply(frame.payload,
							     head.len), 0);
		break;
	case R2_PING:
		KUNIT_EXPECT_EQ(test, raw_pong(sock, head.id), 0);
		break;
	default:
		KUNIT_FAIL(test, "frame of type %u", head.type);
	}
}

/*
 * Regression: 3.5.6, stack contents and addresses of the kernel in fields that
 * nobody had set.  Of what a node sends, every byte has its meaning or is zero.
 */
static void r2tcp_test_no_leftovers(struct kunit *test)
{
	static const unsigned long all = BIT(R2_HELLO) | BIT(R2_PING) |
					 BIT(R2_PONG) | BIT(R2_GET) |
					 BIT(R2_GET_REPLY) | BIT(R2_ROOM);
	struct fake_node *a = fake_start(test, 0);
	unsigned long end = jiffies + TEST_PATIENCE;
	struct raw_frame frame;
	unsigned long seen = 0;
	struct fake_req *req;
	struct socket *sock;

	fake_add_peer(test, a, 1);
	sock = raw_connect(test, 1, 0);
	raw_fill_hello(test, &frame, 1, 0, 1);
	raw_send(test, sock, &frame, RAW_HELLO_SIZE);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	req = fake_submit_get(test, a, 1, 7, 500, false);
	r2wire_encode_hdr(&frame.hdr, R2_PING, 0, 0, 99);
	raw_send(test, sock, &frame, sizeof(frame.hdr));
	r2wire_encode_hdr(&frame.hdr, R2_GET, 0, sizeof(req->page), 100);
	memcpy(frame.payload, &req->page, sizeof(req->page));
	raw_send(test, sock, &frame, sizeof(frame.hdr) + sizeof(req->page));
	while (seen != all && time_before(jiffies, end))
		check_frames(test, sock, &req->page, &seen);
	KUNIT_EXPECT_EQ(test, seen, all);
	fake_wait_req(test, req, -ETIMEDOUT);
}

/*
 * A reply that is longer than there is room for, or of another kind.
 *
 * Regression: 3.1.10.
 */
static void r2tcp_test_bad_reply(struct kunit *test)
{
	static const enum r2_type types[] = { R2_GET_REPLY, R2_FLUSH_REPLY,
					      R2_GET_REPLY };
	struct fake_node *a = fake_start(test, 0);
	struct raw_frame frame;
	struct fake_req *req;
	struct socket *sock;
	unsigned int i, len;

	fake_add_peer(test, a, 1);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		sock = raw_node(test, 1, 0, 1);
		WAIT_FOR(test, a, r2tcp_connected(a->tcp, 1));
		req = fake_new_req(test, R2_GET, 40, 10000);
		/* Room for all of it, but the last reply is malformed. */
		req->req.reply_max = i ? 56 : 55;
		KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
		raw_next(test, sock, &frame);
		KUNIT_ASSERT_EQ(test, frame.hdr.type, R2_GET);
		fake_page(&req->page, frame.payload, &len);
		KUNIT_ASSERT_EQ(test, len, 56);
		if (i == 2)
			frame.payload[12]++;
		r2wire_encode_hdr(&frame.hdr, types[i], i == 1 ? 56 : 0, len,
				  le64_to_cpu(frame.hdr.id));
		raw_send(test, sock, &frame, sizeof(frame.hdr) + len);
		raw_closed(test, sock);
		fake_wait_req(test, req, -ENOTCONN);
		fake_wait_bad(test, a, 1, i + 1);
		KUNIT_EXPECT_EQ(test, req->reply[56], 0);
		WAIT_FOR(test, a, !r2tcp_connected(a->tcp, 1));
	}
}

static struct kunit_case r2tcp_hostile_cases[] = {
	KUNIT_CASE(r2tcp_test_bad_frames),
	KUNIT_CASE(r2tcp_test_bad_window),
	KUNIT_CASE(r2tcp_test_early_pong),
	KUNIT_CASE(r2tcp_test_no_leftovers),
	KUNIT_CASE(r2tcp_test_bad_reply),
	{}
};

static struct kunit_suite r2tcp_hostile_suite = {
	.name = "r2tcp_hostile",
	.suite_init = fake_suite_init,
	.init = fake_test_init,
	.exit = fake_test_exit,
	.test_cases = r2tcp_hostile_cases,
};

kunit_test_suite(r2tcp_hostile_suite);
