// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcp_req.c, tcp_send.c and tcp_serve.c: each request ends once, with
 * its reply or with an error.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <net/sock.h>
#include "tcp_test.h"

/* Checklist E14.  The smallest page, and the largest that can be held. */
static void r2tcp_test_get(struct kunit *test)
{
	static const u32 sizes[] = { 0, 1, 7, 4031, R2_MAX_PAGE };
	struct fake_node *a, *b;
	unsigned int i;

	fake_start_pair(test, &a, &b);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		fake_wait_page(test, fake_submit_get(test, a, 1, sizes[i],
						     10000, false));
}

/* The longest PUT there can be, and a FLUSH with the most items. */
static void r2tcp_test_batches(struct kunit *test)
{
	const unsigned int n = R2_MAX_ITEMS, each = R2_MAX_PAYLOAD / n;
	struct r2_put_item *item;
	struct r2_flush_item *flush;
	struct fake_node *a, *b;
	struct fake_req *req;
	unsigned int i;
	u8 *buf;

	buf = kunit_kzalloc(test, R2_MAX_PAYLOAD, GFP_KERNEL);
	flush = kunit_kcalloc(test, R2_MAX_ITEMS, sizeof(*flush), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_NOT_NULL(test, flush);
	for (i = 0; i < n; i++) {
		item = (void *)buf + i * each;
		item->page.version = cpu_to_le64(1);
		item->len = cpu_to_le16(each - sizeof(*item));
	}
	for (i = 0; i < R2_MAX_ITEMS; i++)
		flush[i].page.version = cpu_to_le64(1);

	fake_start_pair(test, &a, &b);
	req = fake_new_batch(test, R2_PUT, buf, R2_MAX_PAYLOAD, n, 10000);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
	fake_wait_req(test, req, 0);
	KUNIT_EXPECT_EQ(test, req->req.reply_len, n);
	KUNIT_EXPECT_NULL(test, memchr_inv(req->reply, R2_OK, n));

	req = fake_new_batch(test, R2_FLUSH, flush,
			     R2_MAX_ITEMS * sizeof(*flush), R2_MAX_ITEMS,
			     10000);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
	fake_wait_req(test, req, 0);
	KUNIT_EXPECT_EQ(test, req->req.reply_len, R2_MAX_ITEMS);

	/* An empty page is refused, by its status. */
	memset(buf, 0, sizeof(*item));
	((struct r2_put_item *)buf)->page.version = cpu_to_le64(1);
	req = fake_new_batch(test, R2_PUT, buf, sizeof(*item), 1, 10000);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
	fake_wait_req(test, req, 0);
	KUNIT_EXPECT_EQ(test, req->reply[0], R2_NO_ROOM);
}

/*
 * Both sides count the same pages, those that were accepted and no others; and
 * the time of a fetch is what who asked has waited.
 */
static void r2tcp_test_page_counts(struct kunit *test)
{
	struct {
		struct r2_put_item item;
		u8 data[R2_ALIGN];
		struct r2_put_item refused;
	} put = {};
	struct r2tcp_peer_stats at_a, at_b;
	struct fake_node *a, *b;
	struct fake_req *req;

	put.item.page.version = cpu_to_le64(1);
	put.item.len = cpu_to_le16(sizeof(put.data));
	put.refused.page.version = cpu_to_le64(1);
	fake_start_pair(test, &a, &b);
	req = fake_new_batch(test, R2_PUT, &put, sizeof(put), 2, 10000);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
	fake_wait_req(test, req, 0);
	fake_get_works(test, a, 1);
	fake_get_works(test, a, 1);
	at_a = fake_stats(test, a, 1);
	at_b = fake_stats(test, b, 0);
	KUNIT_EXPECT_EQ(test, at_a.pages_sent, 1);
	KUNIT_EXPECT_EQ(test, at_b.pages_taken, 1);
	KUNIT_EXPECT_EQ(test, at_a.pages_fetched, 2);
	KUNIT_EXPECT_EQ(test, at_b.pages_returned, 2);
	KUNIT_EXPECT_EQ(test, at_a.pages_taken + at_a.pages_returned, 0);
	KUNIT_EXPECT_EQ(test, at_b.pages_sent + at_b.pages_fetched, 0);

	WRITE_ONCE(b->stall, true);
	req = fake_submit_get(test, a, 1, 1, 10000, false);
	msleep(100);
	fake_resume(b);
	fake_wait_page(test, req);
	KUNIT_EXPECT_GE(test, fake_stats(test, a, 1).fetch_max_us, 90000);
	KUNIT_EXPECT_GE(test, fake_stats(test, a, 1).fetch_us,
			at_a.fetch_us + 90000);
}

/*
 * Regression: 3.1.11, frames of two senders mixed in one connection; and 3.4.1,
 * two nodes that fill each other's sockets.  Both sides ask and answer as much
 * as they may at the same time, through sockets that hold next to nothing: all
 * of it comes to its end, and every byte is right.
 */
static void r2tcp_test_both_ways(struct kunit *test)
{
	struct fake_req *get[2][R2_MAX_GETS], *put[2][R2_MAX_BATCHES];
	struct fake_node *node[2];
	unsigned int i, side, round;

	fake_start_pair(test, &node[0], &node[1]);
	fake_small_sndbuf(node[0], 1);
	fake_small_sndbuf(node[1], 0);
	for (round = 0; round < 3; round++) {
		for (side = 0; side < 2; side++)
			fake_fill_deaf(test, node[side], put[side],
				       R2_MAX_BATCHES, 20000);
		for (i = 0; i < R2_MAX_GETS; i++)
			for (side = 0; side < 2; side++)
				get[side][i] =
					fake_submit_get(test, node[side], !side,
							R2_MAX_PAGE - i, 20000,
							false);
		for (side = 0; side < 2; side++) {
			for (i = 0; i < R2_MAX_GETS; i++)
				fake_wait_page(test, get[side][i]);
			for (i = 0; i < R2_MAX_BATCHES; i++)
				fake_wait_req(test, put[side][i], 0);
		}
	}
	for (side = 0; side < 2; side++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&node[side]->downs), 0);
		KUNIT_EXPECT_EQ(test, fake_stats(test, node[side],
						 !side).bad_frames, 0);
	}
}

/* More requests than the window: they wait, and come in their order. */
static void r2tcp_test_window(struct kunit *test)
{
	const unsigned int n = 3 * R2_MAX_GETS;
	struct fake_req **req;
	struct fake_node *a, *b;
	unsigned int i;

	req = kunit_kcalloc(test, n, sizeof(*req), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, req);
	fake_start_pair(test, &a, &b);
	b->stall = true;
	for (i = 0; i < n; i++)
		req[i] = fake_submit_get(test, a, 1, i, 30000, false);
	msleep(300);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_FALSE(test, completion_done(&req[i]->done));
	fake_resume(b);
	for (i = 0; i < n; i++) {
		fake_wait_page(test, req[i]);
		KUNIT_EXPECT_EQ(test, req[i]->order, i + 1);
	}
	/* The peer never thought that it was sent too many. */
	KUNIT_EXPECT_EQ(test, fake_stats(test, b, 0).bad_frames, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);
}

/*
 * The same with replies that do not fit into the socket, and are sent by whoever
 * comes by: the peer reads some of them and asks for more, while these still
 * count as being sent.  It is not cut off for that.
 */
static void r2tcp_test_window_slow(struct kunit *test)
{
	const unsigned int n = 5 * R2_MAX_GETS;
	struct fake_req **req, **back;
	struct fake_node *a, *b;
	unsigned int i;

	req = kunit_kcalloc(test, n, sizeof(*req), GFP_KERNEL);
	back = kunit_kcalloc(test, n, sizeof(*back), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, req);
	KUNIT_ASSERT_NOT_NULL(test, back);
	fake_start_pair(test, &a, &b);
	fake_small_sndbuf(b, 0);
	for (i = 0; i < n; i++)
		req[i] = fake_submit_get(test, a, 1, R2_MAX_PAGE - i % 64,
					 60000, false);
	/* Each of these makes its task a writer, of what is in the queue then. */
	for (i = 0; i < n; i++) {
		back[i] = fake_submit_get(test, b, 0, i % 64, 60000, false);
		r2tcp_push(b->tcp, 0);
	}
	for (i = 0; i < n; i++) {
		fake_wait_page(test, req[i]);
		fake_wait_page(test, back[i]);
	}
	KUNIT_EXPECT_EQ(test, fake_stats(test, b, 0).bad_frames, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);
}

/*
 * Replies are matched by id, whatever their order.  Regression: 3.5.3, a
 * request had the address in it to which its reply was written.
 */
static void r2tcp_test_out_of_order(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct raw_frame *got, frame;
	struct fake_req *req[10];
	unsigned int len, i;
	struct socket *sock;

	got = kunit_kcalloc(test, ARRAY_SIZE(req), sizeof(*got), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, got);
	fake_add_peer(test, a, 1);
	sock = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		req[i] = fake_submit_get(test, a, 1, 100 + i, 10000, false);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		raw_next(test, sock, &got[i]);
	for (i = ARRAY_SIZE(req); i--;) {
		KUNIT_ASSERT_EQ(test, got[i].hdr.type, R2_GET);
		fake_page((void *)got[i].payload, frame.payload, &len);
		r2wire_encode_hdr(&frame.hdr, R2_GET_REPLY, 0, len,
				  le64_to_cpu(got[i].hdr.id));
		raw_send(test, sock, &frame, sizeof(frame.hdr) + len);
	}
	for (i = 0; i < ARRAY_SIZE(req); i++)
		fake_wait_page(test, req[i]);
}

/*
 * A peer that does not answer: the request ends at its deadline; the reply
 * that comes in the end is dropped, and the connection goes on.
 *
 * Regression: 3.4.2.
 */
static void r2tcp_test_deadline(struct kunit *test)
{
	struct fake_node *a, *b;
	struct fake_req *req;
	unsigned long start;

	fake_start_pair(test, &a, &b);
	b->stall = true;
	start = jiffies;
	req = fake_submit_get(test, a, 1, 77, 500, false);
	fake_wait_req(test, req, -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 490);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 2500);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).timeouts, 1);
	memset(req->reply, 0xee, sizeof(req->reply));

	fake_resume(b);
	fake_get_works(test, a, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->gets), 2);
	KUNIT_EXPECT_NULL(test, memchr_inv(req->reply, 0xee,
					   sizeof(req->reply)));
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).bad_frames, 0);
}

/* A request that waits beyond the window has a deadline, too. */
static void r2tcp_test_deadline_waiting(struct kunit *test)
{
	struct fake_req *req[2 * R2_MAX_GETS];
	struct fake_node *a, *b;
	unsigned int i;

	fake_start_pair(test, &a, &b);
	b->stall = true;
	for (i = 0; i < ARRAY_SIZE(req); i++)
		req[i] = fake_submit_get(test, a, 1, i, 300, false);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		fake_wait_req(test, req[i], -ETIMEDOUT);
	fake_resume(b);
	fake_get_works(test, a, 1);
	/* Those that were never sent are not sent now. */
	KUNIT_EXPECT_EQ(test, atomic_read(&b->gets), R2_MAX_GETS + 1);
}

/*
 * A PUT whose deadline passes while the peer does not even read: its buffer is
 * in the hands of the sender, so the connection has to go, but it ends.
 *
 * Regression: 3.4.2.
 */
static void r2tcp_test_deadline_stuck(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_req *req[R2_MAX_BATCHES + 1];
	struct fake_node *a;
	unsigned long start;
	unsigned int i;

	world->idle_ms = 30000;
	a = fake_start_deaf(test, NULL);
	start = jiffies;
	fake_fill_deaf(test, a, req, ARRAY_SIZE(req), 300);
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		KUNIT_ASSERT_TRUE(test,
				  wait_for_completion_timeout(&req[i]->done,
							      TEST_PATIENCE));
		KUNIT_EXPECT_LT(test, req[i]->req.result, 0);
		KUNIT_EXPECT_EQ(test, req[i]->calls, 1);
	}
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	/* Well before the peer would have been called idle. */
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 1200);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 15000);
}

/*
 * A peer that answers PINGs but not requests: these end, but each keeps its
 * place in the window, so in the end the connection has to go.
 */
static void r2tcp_test_deadline_unanswered(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_node *a;
	struct fake_req *req;
	struct socket *sock;
	unsigned long start;

	world->idle_ms = 1500;
	a = fake_start(test, 0);
	fake_add_peer(test, a, 1);
	sock = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	sock->sk->sk_rcvtimeo = 6 * HZ;
	start = jiffies;
	req = fake_submit_get(test, a, 1, 1, 300, false);
	raw_only_pongs(test, sock);
	fake_wait_req(test, req, -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 1700);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 5000);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).timeouts, 1);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
}

/* The same with a reply that came before the request was sent to its end. */
static void r2tcp_test_deadline_finished(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_req *req[2];
	struct raw_frame frame;
	struct fake_node *a;
	struct socket *sock;
	unsigned long start;

	world->idle_ms = 30000;
	a = fake_start_deaf(test, &sock);
	start = jiffies;
	fake_fill_deaf(test, a, req, ARRAY_SIZE(req), 500);
	/* Its header, in time; then nothing is read any more. */
	do {
		KUNIT_ASSERT_EQ(test, raw_recv(sock, &frame.hdr,
					       sizeof(frame.hdr)),
				sizeof(frame.hdr));
		if (frame.hdr.type == R2_ROOM)
			raw_recv(sock, frame.payload, sizeof(struct r2_room));
	} while (frame.hdr.type == R2_ROOM);
	KUNIT_ASSERT_EQ(test, frame.hdr.type, R2_PUT);
	memset(frame.payload, R2_OK, 16);
	r2wire_encode_hdr(&frame.hdr, R2_PUT_REPLY, 16, 16,
			  le64_to_cpu(frame.hdr.id));
	raw_send(test, sock, &frame, sizeof(frame.hdr) + 16);
	fake_wait_req(test, req[0], 0);
	fake_wait_req(test, req[1], -ENOTCONN);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 15000);
}

/*
 * Checklist E11.  What is in flight when a connection breaks ends with an
 * error, or goes on, as asked.  Regression: 3.1.6, it could be taken for a
 * success.
 */
static void r2tcp_test_retry(struct kunit *test)
{
	struct fake_req *once, *again[3];
	struct fake_node *a, *b;
	unsigned int i;

	fake_start_pair(test, &a, &b);
	b->stall = true;
	once = fake_submit_get(test, a, 1, 1, 20000, false);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		again[i] = fake_submit_get(test, a, 1, 10 + i, 20000, true);
	msleep(100);
	fake_cut(test, a, 1);
	fake_wait_req(test, once, -ENOTCONN);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		KUNIT_EXPECT_FALSE(test, completion_done(&again[i]->done));
	fake_resume(b);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		fake_wait_page(test, again[i]);
	KUNIT_EXPECT_LT(test, again[0]->order, again[1]->order);
	KUNIT_EXPECT_LT(test, again[1]->order, again[2]->order);
}

/* Not connected: who does not want to wait is told so at once. */
static void r2tcp_test_not_connected(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct fake_req *req = fake_new_req(test, R2_GET, 1, 400);
	struct fake_req *late;

	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 0, &req->req), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 255, &req->req), -ENOTCONN);
	fake_add_peer(test, a, 1);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, req->calls, 0);

	late = fake_submit_get(test, a, 1, 1, 400, true);
	fake_wait_req(test, late, -ETIMEDOUT);
	late = fake_submit_get(test, a, 1, 1, 20000, true);
	r2tcp_del_peer(a->tcp, 1);
	fake_wait_req(test, late, -EHOSTDOWN);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), -ENOTCONN);
}

/*
 * Whoever gets its request back as a node ends may send it once more, to whoever
 * has the page by then: in vain, but not into memory that is freed.
 */
static void r2tcp_test_stopped(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0);
	struct fake_req *req;

	fake_add_peer(test, a, 1);
	req = fake_submit_get(test, a, 1, 1, 20000, true);
	r2tcp_stop(a->tcp);
	fake_wait_req(test, req, -EHOSTDOWN);
	req = fake_new_req(test, R2_GET, 1, 400);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), -ENOTCONN);
	r2tcp_doubt(a->tcp, 1);
	r2tcp_free(a->tcp);
	a->tcp = NULL;
}

/* Whether a node is asked for what is optional; if so, it has not answered. */
static bool asked_optional(struct kunit *test, struct fake_node *node,
			   unsigned int num)
{
	struct fake_req *req = fake_new_req(test, R2_GET, 1, 400);
	int err;

	req->req.optional = true;
	err = r2tcp_submit(node->tcp, num, &req->req);
	if (!err)
		fake_wait_req(test, req, -ETIMEDOUT);
	else
		KUNIT_EXPECT_EQ(test, err, -EHOSTUNREACH);
	return !err;
}

/*
 * A peer that somebody has waited for in vain is not asked for what is optional,
 * until it is heard from; and not at once then.
 */
static void r2tcp_test_doubt(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_node *a;
	unsigned long begin;
	struct socket *sock;
	struct r2_page page;
	struct r2_room room;
	struct r2_hdr hdr;

	/* The connection must not end by its silence. */
	world->idle_ms = 4 * jiffies_to_msecs(TEST_PATIENCE);
	a = fake_start(test, 0);
	r2tcp_doubt(a->tcp, 1);
	r2tcp_doubt(a->tcp, 255);
	fake_add_peer(test, a, 1);
	r2tcp_doubt(a->tcp, 1);
	sock = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	KUNIT_EXPECT_TRUE(test, asked_optional(test, a, 1));

	begin = jiffies;
	r2tcp_doubt(a->tcp, 1);
	KUNIT_EXPECT_FALSE(test, asked_optional(test, a, 1));
	fake_wait_req(test, fake_submit_get(test, a, 1, 2, 100, false),
		      -ETIMEDOUT);
	do {
		KUNIT_ASSERT_EQ(test, raw_recv(sock, &hdr, sizeof(hdr)),
				sizeof(hdr));
		if (hdr.type == R2_GET)
			raw_recv(sock, &page, sizeof(page));
		if (hdr.type == R2_ROOM)
			raw_recv(sock, &room, sizeof(room));
	} while (hdr.type != R2_PING);
	KUNIT_ASSERT_EQ(test, raw_pong(sock, le64_to_cpu(hdr.id)), 0);
	msleep(100);
	/* On a machine that stood still meanwhile that second is over. */
	if (jiffies_to_msecs(jiffies - begin) < 900)
		KUNIT_EXPECT_FALSE(test, asked_optional(test, a, 1));
	/* Nothing but that PONG is ever heard of it. */
	while (jiffies_to_msecs(jiffies - begin) < 1100)
		msleep(50);
	KUNIT_EXPECT_TRUE(test, asked_optional(test, a, 1));
	r2tcp_doubt(a->tcp, 1);
	msleep(1100);
	KUNIT_EXPECT_FALSE(test, asked_optional(test, a, 1));
}

static int try_get(struct kunit *test, struct fake_node *node,
		   unsigned int num, struct fake_req *req, unsigned int ms)
{
	req->req.retry = true;
	req->req.deadline = jiffies + msecs_to_jiffies(ms);
	return r2tcp_submit(node->tcp, num, &req->req);
}

/*
 * A peer that has been away for as long as a request would wait is not waited
 * for; by one that can wait longer it is, and that one is served if the peer is
 * back in time.  This node waits to be connected to.
 */
static void r2tcp_test_away(struct kunit *test)
{
	struct fake_node *a = fake_start(test, 0), *b;
	struct fake_req *req = fake_new_req(test, R2_GET, 1, 0);
	struct fake_req *waits;
	struct socket *sock;

	fake_add_peer(test, a, 1);
	sock = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	kernel_sock_shutdown(sock, SHUT_RDWR);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	waits = fake_submit_get(test, a, 1, 1, 700, true);
	fake_wait_req(test, waits, -ETIMEDOUT);

	KUNIT_EXPECT_EQ(test, try_get(test, a, 1, req, 600), -EHOSTUNREACH);
	req->req.deadline = jiffies - HZ;
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req),
			-EHOSTUNREACH);
	KUNIT_EXPECT_EQ(test, req->calls, 0);
	KUNIT_ASSERT_EQ(test, try_get(test, a, 1, req, 30000), 0);
	b = fake_start(test, 1);
	b->tcp->instance = 1;
	fake_add_peer(test, b, 0);
	fake_wait_page(test, req);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 1);
}

/* The same of the node that connects: refused once it has tried in vain. */
static void r2tcp_test_away_connects(struct kunit *test)
{
	struct fake_req *req = fake_new_req(test, R2_GET, 1, 0);
	unsigned long end = jiffies + TEST_PATIENCE;
	struct fake_node *a, *b;

	fake_start_pair(test, &a, &b);
	fake_stop(a);
	WAIT_FOR(test, b, atomic_read(&b->downs) == 1);
	fake_wait_req(test, fake_submit_get(test, b, 0, 1, 700, true),
		      -ETIMEDOUT);
	while (try_get(test, b, 0, req, 600) == 0 && time_before(jiffies, end))
		fake_wait_req(test, req, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, try_get(test, b, 0, req, 600), -EHOSTUNREACH);

	a = fake_start(test, 0);
	fake_add_peer(test, a, 1);
	WAIT_FOR(test, b, atomic_read(&b->ups) == 2);
	fake_get_works(test, b, 0);
}

/*
 * A peer that falls silent, for longer than the request was to wait, and is
 * back as soon as it is connected to: the silence is not held against it.
 */
static void r2tcp_test_silent(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_req *first, *second;
	struct fake_node *a, *b;

	world->idle_ms = 3000;
	fake_start_pair(test, &a, &b);
	/* The thread that would answer our PINGs is busy. */
	a->stall = true;
	first = fake_submit_get(test, b, 0, 1, 30000, true);
	WAIT_FOR(test, b, atomic_read(&b->downs) == 1);
	second = fake_submit_get(test, b, 0, 2, 2500, true);
	fake_resume(a);
	fake_wait_page(test, first);
	fake_wait_page(test, second);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->new_instances), 1);
}

/*
 * A peer that was restarted has nothing of what it held.  Regression: 3.1.8, it
 * could not be told from what it was before.
 */
static void r2tcp_test_new_instance(struct kunit *test)
{
	struct fake_node *a, *b;
	struct fake_req *req;

	fake_start_pair(test, &a, &b);
	fake_stop(b);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	req = fake_submit_get(test, a, 1, 1, 20000, true);
	b = fake_start(test, 1);
	fake_add_peer(test, b, 0);
	fake_wait_req(test, req, -EHOSTDOWN);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 2);
	fake_get_works(test, a, 1);
}

/*
 * A peer that was removed and added again has not been restarted by that: who
 * waits for it is served.
 */
static void r2tcp_test_added_again(struct kunit *test)
{
	struct fake_node *a, *b;
	struct fake_req *req;

	fake_start_pair(test, &a, &b);
	r2tcp_del_peer(a->tcp, 1);
	WAIT_FOR(test, b, atomic_read(&b->downs) == 1);
	r2tcp_del_peer(b->tcp, 0);
	fake_add_peer(test, a, 1);
	req = fake_submit_get(test, a, 1, 1, 20000, true);
	fake_add_peer(test, b, 0);
	fake_wait_page(test, req);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 2);
}

/* A peer is removed with requests on the way.  Regression: 3.1.6, as above. */
static void r2tcp_test_del_peer(struct kunit *test)
{
	struct fake_req *once, *again;
	struct fake_node *a, *b;

	fake_start_pair(test, &a, &b);
	b->stall = true;
	once = fake_submit_get(test, a, 1, 1, 20000, false);
	again = fake_submit_get(test, a, 1, 2, 20000, true);
	r2tcp_del_peer(a->tcp, 1);
	KUNIT_EXPECT_TRUE(test, completion_done(&once->done));
	KUNIT_EXPECT_TRUE(test, completion_done(&again->done));
	fake_wait_req(test, once, -ENOTCONN);
	fake_wait_req(test, again, -EHOSTDOWN);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 1);
}

static struct kunit_case r2tcp_req_cases[] = {
	KUNIT_CASE(r2tcp_test_get),
	KUNIT_CASE(r2tcp_test_batches),
	KUNIT_CASE(r2tcp_test_page_counts),
	KUNIT_CASE(r2tcp_test_both_ways),
	KUNIT_CASE(r2tcp_test_window),
	KUNIT_CASE(r2tcp_test_window_slow),
	KUNIT_CASE(r2tcp_test_out_of_order),
	KUNIT_CASE(r2tcp_test_deadline),
	KUNIT_CASE(r2tcp_test_deadline_waiting),
	KUNIT_CASE(r2tcp_test_deadline_stuck),
	KUNIT_CASE(r2tcp_test_deadline_unanswered),
	KUNIT_CASE(r2tcp_test_deadline_finished),
	KUNIT_CASE(r2tcp_test_retry),
	KUNIT_CASE(r2tcp_test_not_connected),
	KUNIT_CASE(r2tcp_test_stopped),
	KUNIT_CASE_SLOW(r2tcp_test_doubt),
	KUNIT_CASE(r2tcp_test_away),
	KUNIT_CASE(r2tcp_test_away_connects),
	KUNIT_CASE(r2tcp_test_silent),
	KUNIT_CASE(r2tcp_test_new_instance),
	KUNIT_CASE(r2tcp_test_added_again),
	KUNIT_CASE(r2tcp_test_del_peer),
	{}
};

static struct kunit_suite r2tcp_req_suite = {
	.name = "r2tcp_req",
	.suite_init = fake_suite_init,
	.init = fake_test_init,
	.exit = fake_test_exit,
	.test_cases = r2tcp_req_cases,
};

kunit_test_suite(r2tcp_req_suite);
