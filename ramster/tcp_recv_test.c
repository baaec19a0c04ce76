// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcp_recv.c: who receives.
 *
 * Node 0 is a real one.  Its peer is a raw socket, so that nothing comes before
 * the test says so, and in the pieces that it wants.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>
#include "tcp_test.h"

/* A task that wants something of node 1, and waits for it. */
struct recv_wait {
	struct fake_node *node;
	struct task_struct *task;
	struct r2tcp_waiter waiter;
	struct r2tcp_req req;
	struct r2_page page;
	long patience;
	/* Who has received the answer. */
	struct task_struct *by;
	struct completion done;
	bool came;
	struct completion ended;
	u8 reply[R2TCP_REPLY_SIZE] __aligned(R2_ALIGN);
};

static void recv_done(struct r2tcp_req *req)
{
	struct recv_wait *wait = container_of(req, struct recv_wait, req);

	wait->by = current;
	complete(&wait->done);
	r2tcp_waiter_came(&wait->waiter);
}

static int recv_task(void *data)
{
	struct recv_wait *wait = data;

	r2tcp_waiter_init(&wait->waiter);
	wait->req.result = r2tcp_submit(wait->node->tcp, 1, &wait->req);
	if (!wait->req.result)
		wait->came = r2tcp_wait(wait->node->tcp, 1, &wait->waiter,
					wait->patience);
	complete(&wait->ended);
	return 0;
}

static void recv_put_task(void *task)
{
	put_task_struct(task);
}

/* The index says how long the page is; see fake_page(). */
static struct recv_wait *recv_start_with(struct kunit *test,
					 struct fake_node *node, u32 index,
					 long patience, bool retry)
{
	struct recv_wait *wait = kunit_kzalloc(test, sizeof(*wait), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, wait);
	wait->node = node;
	wait->patience = patience;
	init_completion(&wait->done);
	init_completion(&wait->ended);
	wait->page.index = cpu_to_le32(index);
	wait->page.version = cpu_to_le64(1 + index);
	wait->req.type = R2_GET;
	wait->req.payload = &wait->page;
	wait->req.len = sizeof(wait->page);
	wait->req.reply = wait->reply;
	wait->req.reply_max = sizeof(wait->reply);
	wait->req.deadline = jiffies + TEST_PATIENCE;
	wait->req.retry = retry;
	wait->req.done = recv_done;
	wait->task = kthread_create(recv_task, wait, "recv_wait");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, wait->task);
	/* It ends by itself; what it was called is compared afterwards. */
	get_task_struct(wait->task);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, recv_put_task,
							wait->task), 0);
	wake_up_process(wait->task);
	return wait;
}

static struct recv_wait *recv_start(struct kunit *test, struct fake_node *node,
				    u32 index)
{
	return recv_start_with(test, node, index, TEST_PATIENCE, false);
}

static void recv_ended(struct kunit *test, struct recv_wait *wait, bool came)
{
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&wait->ended,
							  TEST_PATIENCE), 0);
	KUNIT_EXPECT_EQ(test, wait->came, came);
}

/* The right page has come, and was received by that task. */
static void recv_got(struct kunit *test, struct recv_wait *wait,
		     const struct task_struct *by)
{
	u8 *expected = kunit_kzalloc(test, R2TCP_REPLY_SIZE, GFP_KERNEL);
	unsigned int len;

	KUNIT_ASSERT_NOT_NULL(test, expected);
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&wait->done,
							  TEST_PATIENCE), 0);
	KUNIT_EXPECT_EQ(test, wait->req.result, 0);
	KUNIT_EXPECT_PTR_EQ(test, wait->by, by);
	fake_page(&wait->page, expected, &len);
	KUNIT_ASSERT_EQ(test, wait->req.reply_len, len);
	KUNIT_EXPECT_MEMEQ(test, wait->reply, expected, len);
}

static bool recv_waits(struct r2tcp_peer *peer, struct task_struct *receiver)
{
	bool waits;

	spin_lock(&peer->lock);
	waits = peer->receiver == receiver && !peer->receiving;
	spin_unlock(&peer->lock);
	return waits;
}

/* Wait until a task, or with NULL the link thread, is to receive. */
static void recv_wait_for(struct kunit *test, struct fake_node *node,
			  struct task_struct *receiver)
{
	struct r2tcp_peer *peer = fake_peer(node, 1);
	unsigned long end = jiffies + TEST_PATIENCE;

	while (!recv_waits(peer, receiver) && time_before(jiffies, end))
		msleep(20);
	KUNIT_ASSERT_TRUE(test, recv_waits(peer, receiver));
}

static struct fake_node *recv_start_node(struct kunit *test,
					 struct socket **sock)
{
	struct fake_node *a = fake_start(test, 0);

	atomic_set(&a->ups, 0);
	fake_add_peer(test, a, 1);
	*sock = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	return a;
}

/* Reads a GET, and makes the answer to it.  Returns its length. */
static unsigned int recv_answer(struct kunit *test, struct socket *sock,
				struct raw_frame *answer)
{
	struct raw_frame get;
	unsigned int len;

	raw_next(test, sock, &get);
	KUNIT_ASSERT_EQ(test, get.hdr.type, R2_GET);
	fake_page((void *)get.payload, answer->payload, &len);
	r2wire_encode_hdr(&answer->hdr, R2_GET_REPLY, 0, len,
			  le64_to_cpu(get.hdr.id));
	return sizeof(answer->hdr) + len;
}

/* The peer wants a page, too. */
static void recv_ask(struct kunit *test, struct socket *sock)
{
	struct raw_frame frame = {};
	struct r2_page *page = (void *)frame.payload;

	page->index = cpu_to_le32(7);
	page->version = cpu_to_le64(1);
	r2wire_encode_hdr(&frame.hdr, R2_GET, 0, sizeof(*page), 1);
	raw_send(test, sock, &frame, sizeof(frame.hdr) + sizeof(*page));
}

static void recv_is_answered(struct kunit *test, struct socket *sock)
{
	struct raw_frame frame;

	raw_next(test, sock, &frame);
	KUNIT_ASSERT_EQ(test, frame.hdr.type, R2_GET_REPLY);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(frame.hdr.id), 1);
}

/* Who waits receives what he waits for; afterwards the thread does again. */
static void r2tcp_test_recv_self(struct kunit *test)
{
	struct raw_frame answer;
	struct recv_wait *wait;
	struct fake_node *a;
	struct socket *sock;
	unsigned int len;

	a = recv_start_node(test, &sock);
	wait = recv_start(test, a, 100);
	len = recv_answer(test, sock, &answer);
	recv_wait_for(test, a, wait->task);
	raw_send(test, sock, &answer, len);
	recv_got(test, wait, wait->task);
	recv_ended(test, wait, true);
	recv_wait_for(test, a, NULL);

	recv_ask(test, sock);
	recv_is_answered(test, sock);
	KUNIT_EXPECT_PTR_EQ(test, a->handler, fake_peer(a, 1)->link);
}

/* He receives for others, too, who then have nothing to wait for. */
static void r2tcp_test_recv_others(struct kunit *test)
{
	struct recv_wait *first, *second;
	struct raw_frame answer[2];
	unsigned int len[2];
	struct fake_node *a;
	struct socket *sock;

	a = recv_start_node(test, &sock);
	first = recv_start(test, a, 100);
	len[0] = recv_answer(test, sock, &answer[0]);
	recv_wait_for(test, a, first->task);
	second = recv_start(test, a, 101);
	len[1] = recv_answer(test, sock, &answer[1]);

	raw_send(test, sock, &answer[1], len[1]);
	recv_got(test, second, first->task);
	recv_ended(test, second, true);
	recv_wait_for(test, a, first->task);
	raw_send(test, sock, &answer[0], len[0]);
	recv_got(test, first, first->task);
	recv_ended(test, first, true);
	recv_wait_for(test, a, NULL);
}

/* Who has what he wants leaves it to the next one that waits. */
static void r2tcp_test_recv_next(struct kunit *test)
{
	struct recv_wait *first, *second;
	struct raw_frame answer[2];
	unsigned int len[2];
	struct fake_node *a;
	struct socket *sock;

	a = recv_start_node(test, &sock);
	first = recv_start(test, a, 100);
	len[0] = recv_answer(test, sock, &answer[0]);
	recv_wait_for(test, a, first->task);
	second = recv_start(test, a, 101);
	len[1] = recv_answer(test, sock, &answer[1]);

	raw_send(test, sock, &answer[0], len[0]);
	recv_got(test, first, first->task);
	recv_ended(test, first, true);
	recv_wait_for(test, a, second->task);
	raw_send(test, sock, &answer[1], len[1]);
	recv_got(test, second, second->task);
	recv_ended(test, second, true);
	recv_wait_for(test, a, NULL);
}

/*
 * What the peer wants is for the thread, also when a task has received the begin
 * of it; and then that task is to receive again.
 */
static void r2tcp_test_recv_request(struct kunit *test)
{
	struct raw_frame answer;
	struct recv_wait *wait;
	struct fake_node *a;
	struct socket *sock;
	unsigned int len;

	a = recv_start_node(test, &sock);
	wait = recv_start(test, a, 100);
	len = recv_answer(test, sock, &answer);
	recv_wait_for(test, a, wait->task);
	recv_ask(test, sock);
	recv_is_answered(test, sock);
	KUNIT_EXPECT_PTR_EQ(test, a->handler, fake_peer(a, 1)->link);
	recv_wait_for(test, a, wait->task);
	raw_send(test, sock, &answer, len);
	recv_got(test, wait, wait->task);
	recv_ended(test, wait, true);
}

/* The thread alone goes on with a request of which some is missing. */
static void r2tcp_test_recv_half_request(struct kunit *test)
{
	struct raw_frame frame = {}, answer;
	struct r2_page *page = (void *)frame.payload;
	struct recv_wait *wait, *later;
	unsigned int len, rest = 10;
	struct fake_node *a;
	struct socket *sock;

	a = recv_start_node(test, &sock);
	wait = recv_start(test, a, 100);
	recv_answer(test, sock, &answer);
	recv_wait_for(test, a, wait->task);
	page->version = cpu_to_le64(1);
	r2wire_encode_hdr(&frame.hdr, R2_GET, 0, sizeof(*page), 1);
	len = sizeof(frame.hdr) + sizeof(*page);
	raw_send(test, sock, &frame, len - rest);
	recv_wait_for(test, a, NULL);
	/* Nor does somebody who comes now. */
	later = recv_start(test, a, 101);
	len = recv_answer(test, sock, &answer);
	msleep(50);
	recv_wait_for(test, a, NULL);
	raw_send(test, sock, (u8 *)(page + 1) - rest, rest);
	recv_is_answered(test, sock);
	recv_wait_for(test, a, wait->task);
	raw_send(test, sock, &answer, len);
	recv_got(test, later, wait->task);
	recv_ended(test, later, true);
	fake_cut(test, a, 1);
	recv_ended(test, wait, true);
	KUNIT_EXPECT_EQ(test, wait->req.result, -ENOTCONN);
}

/*
 * A reply comes in pieces, and who receives its first piece does not want to wait
 * for the others: the thread has it in the end, or another task, whole.
 */
static void recv_in_pieces(struct kunit *test, unsigned int piece, bool task)
{
	struct recv_wait *hasty, *patient = NULL;
	struct task_struct *next;
	struct raw_frame answer;
	struct fake_node *a;
	struct socket *sock;
	unsigned int len;

	a = recv_start_node(test, &sock);
	next = fake_peer(a, 1)->link;
	hasty = recv_start_with(test, a, 100, HZ / 2, false);
	len = recv_answer(test, sock, &answer);
	recv_wait_for(test, a, hasty->task);
	if (task) {
		struct raw_frame unused;

		patient = recv_start(test, a, 101);
		next = patient->task;
		recv_answer(test, sock, &unused);
	}
	raw_send(test, sock, &answer, piece);
	recv_ended(test, hasty, false);
	recv_wait_for(test, a, patient ? patient->task : NULL);
	KUNIT_EXPECT_FALSE(test, completion_done(&hasty->done));
	raw_send(test, sock, (u8 *)&answer + piece, len - piece);
	recv_got(test, hasty, next);
	if (patient) {
		fake_cut(test, a, 1);
		recv_ended(test, patient, true);
	}
	fake_stop(a);
}

static void r2tcp_test_recv_in_pieces(struct kunit *test)
{
	unsigned int task;

	for (task = 0; task < 2; task++) {
		recv_in_pieces(test, sizeof(struct r2_hdr) / 2, task);
		recv_in_pieces(test, sizeof(struct r2_hdr), task);
		recv_in_pieces(test, sizeof(struct r2_hdr) + 50, task);
	}
}

/* The peer is removed: nobody waits for it any longer, nor does who removes it. */
static void r2tcp_test_recv_removed(struct kunit *test)
{
	struct recv_wait *wait[2];
	unsigned long begin;
	struct raw_frame answer;
	struct fake_node *a;
	struct socket *sock;
	unsigned int i;

	a = recv_start_node(test, &sock);
	for (i = 0; i < ARRAY_SIZE(wait); i++) {
		wait[i] = recv_start_with(test, a, 100 + i, TEST_PATIENCE, i);
		recv_answer(test, sock, &answer);
		recv_wait_for(test, a, wait[0]->task);
	}
	begin = jiffies;
	r2tcp_del_peer(a->tcp, 1);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begin), 1000);
	for (i = 0; i < ARRAY_SIZE(wait); i++) {
		recv_ended(test, wait[i], true);
		KUNIT_EXPECT_EQ(test, wait[i]->req.result,
				i ? -EHOSTDOWN : -ENOTCONN);
	}
}

/*
 * The connection breaks: who does not want to wait for another one is told at
 * once, and who does gets his page by that.
 */
static void r2tcp_test_recv_broken(struct kunit *test)
{
	struct recv_wait *wait[2];
	struct raw_frame answer;
	struct fake_node *a;
	struct socket *sock;
	unsigned int len, i;

	a = recv_start_node(test, &sock);
	for (i = 0; i < ARRAY_SIZE(wait); i++) {
		wait[i] = recv_start_with(test, a, 100 + i, TEST_PATIENCE, i);
		recv_answer(test, sock, &answer);
		recv_wait_for(test, a, wait[0]->task);
	}
	kernel_sock_shutdown(sock, SHUT_RDWR);
	recv_ended(test, wait[0], true);
	KUNIT_EXPECT_EQ(test, wait[0]->req.result, -ENOTCONN);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	KUNIT_EXPECT_FALSE(test, completion_done(&wait[1]->ended));

	sock = raw_node(test, 1, 0, 1);
	len = recv_answer(test, sock, &answer);
	raw_send(test, sock, &answer, len);
	recv_got(test, wait[1], fake_peer(a, 1)->link);
	recv_ended(test, wait[1], true);
}

/* A frame that breaks the protocol ends the connection, whoever receives it. */
static void r2tcp_test_recv_bad(struct kunit *test)
{
	struct raw_frame answer;
	struct recv_wait *wait;
	struct fake_node *a;
	struct socket *sock;

	a = recv_start_node(test, &sock);
	wait = recv_start(test, a, 100);
	recv_answer(test, sock, &answer);
	recv_wait_for(test, a, wait->task);
	answer.hdr.id = cpu_to_le64(le64_to_cpu(answer.hdr.id) + 256);
	raw_send(test, sock, &answer, sizeof(answer.hdr));
	raw_closed(test, sock);
	recv_ended(test, wait, true);
	KUNIT_EXPECT_EQ(test, wait->req.result, -ENOTCONN);
	KUNIT_EXPECT_EQ(test, fake_stats(test, a, 1).bad_frames, 1);
}

/* The end of the stream is found at once, also if it comes with a frame. */
static void r2tcp_test_recv_last(struct kunit *test)
{
	struct raw_frame answer;
	struct recv_wait *wait;
	unsigned long begin;
	struct fake_node *a;
	struct socket *sock;
	unsigned int len;

	a = recv_start_node(test, &sock);
	wait = recv_start(test, a, 100);
	len = recv_answer(test, sock, &answer);
	recv_wait_for(test, a, wait->task);
	begin = jiffies;
	raw_send(test, sock, &answer, len);
	kernel_sock_shutdown(sock, SHUT_RDWR);
	recv_got(test, wait, wait->task);
	recv_ended(test, wait, true);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	/* Silence would be noticed, too, but later. */
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begin),
			TEST_IDLE_MS / 3);
}

/*
 * A task is to receive, and does not get round to it: that does not keep what
 * others wait for.
 */
static void r2tcp_test_recv_late(struct kunit *test)
{
	struct r2tcp_waiter waiter;
	struct raw_frame answer;
	struct r2tcp_peer *peer;
	struct fake_req *req;
	struct fake_node *a;
	struct socket *sock;
	unsigned int len;

	a = recv_start_node(test, &sock);
	peer = fake_peer(a, 1);
	recv_wait_for(test, a, NULL);
	/* As r2tcp_wait() would begin, but then we do something else. */
	r2tcp_waiter_init(&waiter);
	spin_lock(&peer->lock);
	list_add_tail(&waiter.node, &peer->waiters);
	peer->receiver = current;
	spin_unlock(&peer->lock);

	req = fake_submit_get(test, a, 1, 100, 10000, false);
	len = recv_answer(test, sock, &answer);
	raw_send(test, sock, &answer, len);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&req->done, HZ), 0);
	KUNIT_EXPECT_TRUE(test, waiter.late);

	spin_lock(&peer->lock);
	list_del(&waiter.node);
	spin_unlock(&peer->lock);
}

static struct kunit_case r2tcp_recv_cases[] = {
	KUNIT_CASE(r2tcp_test_recv_self),
	KUNIT_CASE(r2tcp_test_recv_others),
	KUNIT_CASE(r2tcp_test_recv_next),
	KUNIT_CASE(r2tcp_test_recv_request),
	KUNIT_CASE(r2tcp_test_recv_half_request),
	KUNIT_CASE(r2tcp_test_recv_in_pieces),
	KUNIT_CASE(r2tcp_test_recv_removed),
	KUNIT_CASE(r2tcp_test_recv_broken),
	KUNIT_CASE(r2tcp_test_recv_bad),
	KUNIT_CASE(r2tcp_test_recv_last),
	KUNIT_CASE(r2tcp_test_recv_late),
	{}
};

static struct kunit_suite r2tcp_recv_suite = {
	.name = "r2tcp_recv",
	.suite_init = fake_suite_init,
	.init = fake_test_init,
	.exit = fake_test_exit,
	.test_cases = r2tcp_recv_cases,
};

kunit_test_suite(r2tcp_recv_suite);
