// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcp over the loopback device of the initial network namespace.
 *
 * Node N has the address 127.0.0.(N+1).  A node is either a real one with fake
 * handlers, or a raw socket that says what the test wants it to say.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include "tcp_private.h"

#define TEST_PORT	7777
#define TEST_NODES	4
#define TEST_IDLE_MS	3000
/* Longer than anything takes that is expected to happen. */
#define TEST_PATIENCE	(20 * HZ)

/* What a node was told, and what it shall do. */
struct fake_node {
	struct r2tcp *tcp;
	unsigned int num;
	wait_queue_head_t wait;
	atomic_t ups;
	atomic_t new_instances;
	atomic_t downs;
	atomic_t gets;
	bool stall;
};

struct fake_req {
	struct r2tcp_req req;
	struct r2_page page;
	struct completion done;
	struct fake_world *world;
	unsigned int order;
	int calls;
	u8 reply[R2TCP_REPLY_SIZE] __aligned(R2_ALIGN);
};

struct fake_world {
	struct fake_node node[TEST_NODES];
	unsigned int idle_ms;
	atomic_t order;
};

/* What a raw socket sends and receives. */
struct raw_frame {
	struct r2_hdr hdr;
	u8 payload[256] __aligned(R2_ALIGN);
};

/*
 * handlers
 */

static void fake_stall(struct fake_node *node)
{
	wait_event(node->wait, !READ_ONCE(node->stall));
}

static void fake_resume(struct fake_node *node)
{
	WRITE_ONCE(node->stall, false);
	wake_up_all(&node->wait);
}

/* Pages without data are refused. */
static int fake_put(void *arg, unsigned int peer, const void *payload,
		    unsigned int len, unsigned int items,
		    struct r2tcp_reply *reply)
{
	unsigned int pos = 0, i;
	struct r2_put put;
	u8 *status = reply->buf;

	fake_stall(arg);
	for (i = 0; i < items; i++) {
		if (r2wire_next_put(payload, len, &pos, &put))
			return -EBADMSG;
		status[i] = put.len ? R2_OK : R2_NO_ROOM;
	}
	reply->items = items;
	reply->len = items;
	return 0;
}

/* The index of a page says how long it is and what is in it. */
static void fake_page(const struct r2_page *page, void *buf, unsigned int *len)
{
	struct r2_get_reply *head = buf;
	u32 index = le32_to_cpu(page->index);
	unsigned int bytes = index % (R2_MAX_PAGE + 1);

	head->version = page->version;
	head->crc = page->index;
	head->len = cpu_to_le16(bytes);
	head->status = cpu_to_le16(R2_OK);
	memset(head + 1, index, bytes);
	*len = sizeof(*head) + bytes;
}

static int fake_get(void *arg, unsigned int peer, const struct r2_page *page,
		    struct r2tcp_reply *reply)
{
	struct fake_node *node = arg;

	fake_stall(node);
	atomic_inc(&node->gets);
	fake_page(page, reply->buf, &reply->len);
	return 0;
}

static int fake_flush(void *arg, unsigned int peer,
		      const struct r2_flush_item *item, unsigned int items,
		      struct r2tcp_reply *reply)
{
	fake_stall(arg);
	memset(reply->buf, R2_OK, items);
	reply->items = items;
	reply->len = items;
	return 0;
}

static void fake_up(void *arg, unsigned int peer, bool new_instance)
{
	struct fake_node *node = arg;

	if (new_instance)
		atomic_inc(&node->new_instances);
	atomic_inc(&node->ups);
	wake_up_all(&node->wait);
}

static void fake_down(void *arg, unsigned int peer)
{
	struct fake_node *node = arg;

	atomic_inc(&node->downs);
	wake_up_all(&node->wait);
}

static const struct r2tcp_ops fake_ops = {
	.put = fake_put,
	.get = fake_get,
	.flush = fake_flush,
	.up = fake_up,
	.down = fake_down,
};

/*
 * nodes
 */

static struct sockaddr_storage test_addr(unsigned int num, unsigned int port)
{
	struct sockaddr_storage addr = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK + num);
	in->sin_port = htons(port);
	return addr;
}

static struct r2tcp_config test_config(struct kunit *test, unsigned int num)
{
	struct fake_world *world = test->priv;

	return (struct r2tcp_config) {
		.net = &init_net,
		.cluster = "test",
		.node = num,
		.addr = test_addr(num, TEST_PORT),
		.idle_timeout_ms = world->idle_ms,
		.keepalive_delay_ms = 300,
		.reconnect_delay_ms = 50,
	};
}

static struct fake_node *start_config(struct kunit *test,
				      const struct r2tcp_config *config)
{
	struct fake_world *world = test->priv;
	struct fake_node *node = &world->node[config->node];

	KUNIT_ASSERT_NULL(test, node->tcp);
	node->num = config->node;
	node->tcp = r2tcp_start(config, &fake_ops, node);
	if (IS_ERR(node->tcp)) {
		int err = PTR_ERR(node->tcp);

		node->tcp = NULL;
		KUNIT_ASSERT_EQ(test, err, 0);
	}
	return node;
}

static struct fake_node *start_node(struct kunit *test, unsigned int num)
{
	struct r2tcp_config config = test_config(test, num);

	return start_config(test, &config);
}

static void stop_node(struct fake_node *node)
{
	fake_resume(node);
	if (node->tcp)
		r2tcp_stop(node->tcp);
	node->tcp = NULL;
}

static void add_peer(struct kunit *test, struct fake_node *node,
		     unsigned int num)
{
	struct sockaddr_storage addr = test_addr(num, TEST_PORT);

	KUNIT_ASSERT_EQ(test, r2tcp_add_peer(node->tcp, num, &addr), 0);
}

#define WAIT_FOR(test, node, condition)					\
	KUNIT_ASSERT_TRUE_MSG(test, wait_event_timeout((node)->wait,	\
				condition, TEST_PATIENCE), #condition)

/* Two real nodes, 0 and 1, that are connected. */
static void start_pair(struct kunit *test, struct fake_node **a,
		       struct fake_node **b)
{
	*a = start_node(test, 0);
	*b = start_node(test, 1);
	add_peer(test, *a, 1);
	add_peer(test, *b, 0);
	WAIT_FOR(test, *a, atomic_read(&(*a)->ups) == 1);
	WAIT_FOR(test, *b, atomic_read(&(*b)->ups) == 1);
}

static struct r2tcp_peer_stats get_stats(struct kunit *test,
					 struct fake_node *node,
					 unsigned int num)
{
	struct r2tcp_peer_stats stats = {};

	KUNIT_ASSERT_EQ(test, r2tcp_peer_stats(node->tcp, num, &stats), 0);
	return stats;
}

/* Wait until so many frames of a peer were found to be bad. */
static void wait_bad(struct kunit *test, struct fake_node *node,
		     unsigned int num, u64 bad)
{
	unsigned long end = jiffies + TEST_PATIENCE;

	while (get_stats(test, node, num).bad_frames != bad &&
	       time_before(jiffies, end))
		msleep(20);
	KUNIT_ASSERT_EQ(test, get_stats(test, node, num).bad_frames, bad);
}

/*
 * requests
 */

static void fake_done(struct r2tcp_req *r)
{
	struct fake_req *req = container_of(r, struct fake_req, req);

	req->calls++;
	req->order = atomic_inc_return(&req->world->order);
	complete(&req->done);
}

static struct fake_req *new_req(struct kunit *test, enum r2_type type,
				u32 index, unsigned int ms)
{
	struct fake_req *req = kunit_kzalloc(test, sizeof(*req), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, req);
	init_completion(&req->done);
	req->world = test->priv;
	req->page.index = cpu_to_le32(index);
	req->page.version = cpu_to_le64(1 + index);
	req->req.type = type;
	req->req.payload = &req->page;
	req->req.len = sizeof(req->page);
	req->req.reply = req->reply;
	req->req.reply_max = sizeof(req->reply);
	req->req.deadline = jiffies + msecs_to_jiffies(ms);
	req->req.done = fake_done;
	req->req.result = 1;
	return req;
}

static struct fake_req *new_batch(struct kunit *test, enum r2_type type,
				  const void *payload, unsigned int len,
				  unsigned int items, unsigned int ms)
{
	struct fake_req *req = new_req(test, type, 0, ms);

	req->req.payload = payload;
	req->req.len = len;
	req->req.items = items;
	return req;
}

static struct fake_req *submit_get(struct kunit *test, struct fake_node *node,
				   unsigned int num, u32 index, unsigned int ms,
				   bool retry)
{
	struct fake_req *req = new_req(test, R2_GET, index, ms);

	req->req.retry = retry;
	KUNIT_ASSERT_EQ(test, r2tcp_submit(node->tcp, num, &req->req), 0);
	return req;
}

static void wait_req(struct kunit *test, struct fake_req *req, int result)
{
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&req->done,
							  TEST_PATIENCE), 0);
	KUNIT_EXPECT_EQ(test, req->req.result, result);
	KUNIT_EXPECT_EQ(test, req->calls, 1);
}

static void wait_page(struct kunit *test, struct fake_req *req)
{
	u8 *expected = kunit_kzalloc(test, R2TCP_REPLY_SIZE, GFP_KERNEL);
	unsigned int len;

	KUNIT_ASSERT_NOT_NULL(test, expected);
	wait_req(test, req, 0);
	fake_page(&req->page, expected, &len);
	KUNIT_ASSERT_EQ(test, req->req.reply_len, len);
	KUNIT_EXPECT_MEMEQ(test, req->reply, expected, len);
	kunit_kfree(test, expected);
}

/* The usual proof that a connection works. */
static void get_works(struct kunit *test, struct fake_node *node,
		      unsigned int num)
{
	wait_page(test, submit_get(test, node, num, 1234, 10000, false));
}

/*
 * raw sockets
 */

static void raw_release(void *sock)
{
	sock_release(sock);
}

/* From the address of @from to that of @to. */
static struct socket *raw_connect(struct kunit *test, unsigned int from,
				  unsigned int to)
{
	struct sockaddr_storage src = test_addr(from, 0);
	struct sockaddr_storage dst = test_addr(to, TEST_PORT);
	struct socket *sock;

	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_INET, SOCK_STREAM,
					       IPPROTO_TCP, &sock), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, raw_release,
							sock), 0);
	sock_no_linger(sock->sk);
	sock->sk->sk_rcvtimeo = TEST_PATIENCE;
	KUNIT_ASSERT_EQ(test, kernel_bind(sock, (struct sockaddr *)&src,
					  sizeof(struct sockaddr_in)), 0);
	KUNIT_ASSERT_EQ(test, kernel_connect(sock, (struct sockaddr *)&dst,
					     sizeof(struct sockaddr_in), 0), 0);
	return sock;
}

static void raw_send(struct kunit *test, struct socket *sock, void *buf,
		     unsigned int len)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct kvec vec = { .iov_base = buf, .iov_len = len };

	if (len)
		KUNIT_ASSERT_EQ(test, kernel_sendmsg(sock, &msg, &vec, 1, len),
				len);
}

static int raw_recv(struct socket *sock, void *buf, unsigned int len)
{
	struct msghdr msg = {};
	struct kvec vec = { .iov_base = buf, .iov_len = len };

	return kernel_recvmsg(sock, &msg, &vec, 1, len, MSG_WAITALL);
}

/* The next frame that is no PING; PINGs are answered. */
static void raw_next(struct kunit *test, struct socket *sock,
		     struct raw_frame *frame)
{
	unsigned int len;

	for (;;) {
		KUNIT_ASSERT_EQ(test, raw_recv(sock, &frame->hdr,
					       sizeof(frame->hdr)),
				sizeof(frame->hdr));
		len = le32_to_cpu(frame->hdr.len);
		KUNIT_ASSERT_LE(test, len, sizeof(frame->payload));
		if (len)
			KUNIT_ASSERT_EQ(test, raw_recv(sock, frame->payload,
						       len), len);
		if (frame->hdr.type != R2_PING)
			break;
		frame->hdr.type = R2_PONG;
		raw_send(test, sock, &frame->hdr, sizeof(frame->hdr));
	}
}

static void raw_fill_hello(struct kunit *test, struct raw_frame *frame,
			   unsigned int from, unsigned int to, u64 instance)
{
	struct r2tcp_config config = test_config(test, from);
	struct r2_hello *hello = (void *)frame->payload;

	memset(frame, 0, sizeof(*frame));
	r2wire_encode_hdr(&frame->hdr, R2_HELLO, 0, sizeof(*hello), 0);
	hello->version = cpu_to_le32(R2_PROTOCOL_VERSION);
	hello->node = cpu_to_le16(from);
	hello->peer = cpu_to_le16(to);
	hello->instance = cpu_to_le64(instance);
	hello->idle_timeout_ms = cpu_to_le32(config.idle_timeout_ms);
	hello->keepalive_delay_ms = cpu_to_le32(config.keepalive_delay_ms);
	strscpy((char *)hello->cluster, config.cluster,
		sizeof(hello->cluster));
}

#define RAW_HELLO_SIZE	(sizeof(struct r2_hdr) + sizeof(struct r2_hello))

static struct r2tcp_peer *fake_peer(struct fake_node *node, unsigned int num)
{
	return rcu_dereference_protected(node->tcp->peers[num], true);
}

/* Have a node's socket hold no more than a little that is to be sent. */
static void fake_small_sndbuf(struct fake_node *node, unsigned int num)
{
	struct r2tcp_peer *peer = fake_peer(node, num);

	mutex_lock(&peer->mutex);
	if (peer->sock) {
		lock_sock(peer->sock->sk);
		peer->sock->sk->sk_userlocks |= SOCK_SNDBUF_LOCK;
		WRITE_ONCE(peer->sock->sk->sk_sndbuf, 16384);
		release_sock(peer->sock->sk);
	}
	mutex_unlock(&peer->mutex);
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

/* A connection that has shaken hands. */
static struct socket *raw_node(struct kunit *test, unsigned int from,
			       unsigned int to, u64 instance)
{
	struct socket *sock = raw_connect(test, from, to);
	struct raw_frame frame;

	raw_fill_hello(test, &frame, from, to, instance);
	raw_send(test, sock, &frame, RAW_HELLO_SIZE);
	raw_next(test, sock, &frame);
	KUNIT_ASSERT_EQ(test, frame.hdr.type, R2_HELLO);
	return sock;
}

/* The other side closes; what it sent before may be anything. */
static void raw_closed(struct kunit *test, struct socket *sock)
{
	u8 byte;
	int n;

	do {
		n = raw_recv(sock, &byte, 1);
	} while (n > 0);
	KUNIT_EXPECT_NE(test, n, -EAGAIN);
}

/* Answer PINGs and nothing else, until the other side closes, or for long. */
static void raw_only_pongs(struct kunit *test, struct socket *sock)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	unsigned long end = jiffies + TEST_PATIENCE;
	struct raw_frame frame;
	struct kvec vec;
	unsigned int len;

	while (time_before(jiffies, end) &&
	       raw_recv(sock, &frame.hdr, sizeof(frame.hdr)) ==
		       sizeof(frame.hdr)) {
		len = le32_to_cpu(frame.hdr.len);
		KUNIT_ASSERT_LE(test, len, sizeof(frame.payload));
		if (len)
			raw_recv(sock, frame.payload, len);
		if (frame.hdr.type != R2_PING)
			continue;
		frame.hdr.type = R2_PONG;
		vec.iov_base = &frame.hdr;
		vec.iov_len = sizeof(frame.hdr);
		kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
	}
}

/*
 * tests: connections
 */

/* Two nodes find each other; both sides are told once, also of the end. */
static void r2tcp_test_handshake(struct kunit *test)
{
	struct fake_node *a, *b;

	start_pair(test, &a, &b);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->new_instances), 1);
	KUNIT_EXPECT_TRUE(test, r2tcp_connected(a->tcp, 1));
	KUNIT_EXPECT_EQ(test, r2tcp_nr_connected(b->tcp), 1);
	KUNIT_EXPECT_EQ(test, get_stats(test, a, 1).connects, 1);
	get_works(test, a, 1);
	get_works(test, b, 0);

	stop_node(b);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->downs), 1);
	KUNIT_EXPECT_FALSE(test, r2tcp_connected(a->tcp, 1));
	KUNIT_EXPECT_EQ(test, r2tcp_nr_connected(a->tcp), 0);
	KUNIT_EXPECT_EQ(test, get_stats(test, a, 1).bad_frames, 0);
}

static void r2tcp_test_ipv6(struct kunit *test)
{
	struct r2tcp_config config[2] = { test_config(test, 0),
					  test_config(test, 1) };
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
		node[i] = start_config(test, &config[i]);
	}
	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(test, r2tcp_add_peer(node[i]->tcp, !i,
						     &config[!i].addr), 0);
	WAIT_FOR(test, node[0], atomic_read(&node[0]->ups) == 1);
	WAIT_FOR(test, node[1], atomic_read(&node[1]->ups) == 1);
	get_works(test, node[0], 1);
	get_works(test, node[1], 0);
}

static void r2tcp_test_add_peer(struct kunit *test)
{
	struct sockaddr_storage addr = test_addr(1, TEST_PORT);
	struct fake_node *a = start_node(test, 0);
	struct r2tcp_config config = test_config(test, 1);
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
	config.addr = test_addr(0, TEST_PORT);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(r2tcp_start(&config, &fake_ops,
							  a)), -EADDRINUSE);
}

static void mismatch(struct kunit *test, const struct r2tcp_config *config)
{
	struct fake_node *a = start_node(test, 0);
	struct fake_node *b = start_config(test, config);

	add_peer(test, a, config->node);
	add_peer(test, b, 0);
	msleep(600);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->ups), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->ups), 0);
	KUNIT_EXPECT_GT(test, get_stats(test, b, 0).rx_bytes, 0);
	/* A pause of 50 ms that doubles each time: no storm. */
	KUNIT_EXPECT_LE(test, get_stats(test, b, 0).rx_bytes,
			6 * RAW_HELLO_SIZE);
	KUNIT_EXPECT_EQ(test, get_stats(test, b, 0).bad_frames, 0);
	stop_node(a);
	stop_node(b);
}

/* Nodes that are configured differently do not connect. */
static void r2tcp_test_mismatch(struct kunit *test)
{
	struct r2tcp_config config = test_config(test, 1);

	strscpy(config.cluster, "other", sizeof(config.cluster));
	mismatch(test, &config);
	config = test_config(test, 1);
	config.idle_timeout_ms++;
	mismatch(test, &config);
	config = test_config(test, 1);
	config.keepalive_delay_ms++;
	mismatch(test, &config);
}

/* Once they agree, they do, without being started again. */
static void r2tcp_test_mismatch_mended(struct kunit *test)
{
	struct r2tcp_config config = test_config(test, 1);
	struct fake_node *a = start_node(test, 0), *b;

	config.idle_timeout_ms = 5000;
	b = start_config(test, &config);
	add_peer(test, a, 1);
	add_peer(test, b, 0);
	msleep(300);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->ups), 0);
	KUNIT_EXPECT_EQ(test, r2tcp_set_timeouts(a->tcp, 5000, 300), 0);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	WAIT_FOR(test, b, atomic_read(&b->ups) == 1);
	KUNIT_EXPECT_EQ(test, r2tcp_set_timeouts(a->tcp, 6000, 300), -EBUSY);
}

/* A node that claims another number, or talks to another, is refused. */
static void r2tcp_test_wrong_node(struct kunit *test)
{
	struct fake_node *a = start_node(test, 0);
	struct raw_frame frame;
	struct socket *sock;

	add_peer(test, a, 1);
	add_peer(test, a, 2);
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

/* Who is not configured, or should wait for us, is not let in. */
static void r2tcp_test_unknown_source(struct kunit *test)
{
	struct fake_node *b = start_node(test, 1);

	raw_closed(test, raw_connect(test, 3, 1));
	add_peer(test, b, 0);
	raw_closed(test, raw_connect(test, 0, 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&b->ups), 0);
}

/* After a break the two connect again; nothing was lost. */
static void r2tcp_test_reconnect(struct kunit *test)
{
	struct fake_node *a, *b;
	int i;

	start_pair(test, &a, &b);
	for (i = 1; i <= 5; i++) {
		r2tcp_kick(i % 2 ? a->tcp : b->tcp, i % 2);
		WAIT_FOR(test, a, atomic_read(&a->ups) == i + 1);
		WAIT_FOR(test, b, atomic_read(&b->ups) == i + 1);
		get_works(test, a, 1);
		get_works(test, b, 0);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->new_instances), 1);
	KUNIT_EXPECT_EQ(test, get_stats(test, a, 1).connects, 6);
}

/* Without a word to say, a connection stays; each side hears from the other. */
static void r2tcp_test_keepalive(struct kunit *test)
{
	struct r2tcp_config config[2] = { test_config(test, 0),
					  test_config(test, 1) };
	struct fake_node *node[2];
	u64 rx;
	int i;

	for (i = 0; i < 2; i++) {
		config[i].idle_timeout_ms = 800;
		config[i].keepalive_delay_ms = 200;
		node[i] = start_config(test, &config[i]);
	}
	add_peer(test, node[0], 1);
	add_peer(test, node[1], 0);
	WAIT_FOR(test, node[0], atomic_read(&node[0]->ups) == 1);
	rx = get_stats(test, node[0], 1).rx_bytes;
	msleep(4000);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&node[i]->downs), 0);
	KUNIT_EXPECT_GT(test, get_stats(test, node[0], 1).rx_bytes, rx);
}

/* A peer that says nothing at all is dropped. */
static void r2tcp_test_idle(struct kunit *test)
{
	struct fake_node *a = start_node(test, 0);
	unsigned long start;

	add_peer(test, a, 1);
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
	a = start_node(test, 0);
	add_peer(test, a, 1);
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

/* The limit for connecting is not that of the connection. */
static void r2tcp_test_send_timeout(struct kunit *test)
{
	struct fake_world *world = test->priv;
	struct fake_node *a, *b;

	world->idle_ms = 60000;
	start_pair(test, &a, &b);
	KUNIT_EXPECT_EQ(test, fake_sndtimeo(a, 1), msecs_to_jiffies(60000));
	KUNIT_EXPECT_EQ(test, fake_sndtimeo(b, 0), msecs_to_jiffies(60000));
}

/*
 * tests: requests
 */

static void r2tcp_test_get(struct kunit *test)
{
	static const u32 sizes[] = { 0, 1, 7, 4031, R2_MAX_PAGE };
	struct fake_node *a, *b;
	unsigned int i;

	start_pair(test, &a, &b);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		wait_page(test, submit_get(test, a, 1, sizes[i], 10000,
					   false));
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

	start_pair(test, &a, &b);
	req = new_batch(test, R2_PUT, buf, R2_MAX_PAYLOAD, n, 10000);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
	wait_req(test, req, 0);
	KUNIT_EXPECT_EQ(test, req->req.reply_len, n);
	KUNIT_EXPECT_NULL(test, memchr_inv(req->reply, R2_OK, n));

	req = new_batch(test, R2_FLUSH, flush, R2_MAX_ITEMS * sizeof(*flush),
			R2_MAX_ITEMS, 10000);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
	wait_req(test, req, 0);
	KUNIT_EXPECT_EQ(test, req->req.reply_len, R2_MAX_ITEMS);

	/* An empty page is refused, by its status. */
	memset(buf, 0, sizeof(*item));
	((struct r2_put_item *)buf)->page.version = cpu_to_le64(1);
	req = new_batch(test, R2_PUT, buf, sizeof(*item), 1, 10000);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
	wait_req(test, req, 0);
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
	start_pair(test, &a, &b);
	req = new_batch(test, R2_PUT, &put, sizeof(put), 2, 10000);
	KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), 0);
	wait_req(test, req, 0);
	get_works(test, a, 1);
	get_works(test, a, 1);
	at_a = get_stats(test, a, 1);
	at_b = get_stats(test, b, 0);
	KUNIT_EXPECT_EQ(test, at_a.pages_sent, 1);
	KUNIT_EXPECT_EQ(test, at_b.pages_taken, 1);
	KUNIT_EXPECT_EQ(test, at_a.pages_fetched, 2);
	KUNIT_EXPECT_EQ(test, at_b.pages_returned, 2);
	KUNIT_EXPECT_EQ(test, at_a.pages_taken + at_a.pages_returned, 0);
	KUNIT_EXPECT_EQ(test, at_b.pages_sent + at_b.pages_fetched, 0);

	WRITE_ONCE(b->stall, true);
	req = submit_get(test, a, 1, 1, 10000, false);
	msleep(100);
	fake_resume(b);
	wait_page(test, req);
	KUNIT_EXPECT_GE(test, get_stats(test, a, 1).fetch_max_us, 90000);
	KUNIT_EXPECT_GE(test, get_stats(test, a, 1).fetch_us,
			at_a.fetch_us + 90000);
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
	start_pair(test, &a, &b);
	b->stall = true;
	for (i = 0; i < n; i++)
		req[i] = submit_get(test, a, 1, i, 30000, false);
	msleep(300);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_FALSE(test, completion_done(&req[i]->done));
	fake_resume(b);
	for (i = 0; i < n; i++) {
		wait_page(test, req[i]);
		KUNIT_EXPECT_EQ(test, req[i]->order, i + 1);
	}
	/* The peer never thought that it was sent too many. */
	KUNIT_EXPECT_EQ(test, get_stats(test, b, 0).bad_frames, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);
}

/* Replies are matched by id, whatever their order. */
static void r2tcp_test_out_of_order(struct kunit *test)
{
	struct fake_node *a = start_node(test, 0);
	struct raw_frame *got, frame;
	struct fake_req *req[10];
	unsigned int len, i;
	struct socket *sock;

	got = kunit_kcalloc(test, ARRAY_SIZE(req), sizeof(*got), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, got);
	add_peer(test, a, 1);
	sock = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		req[i] = submit_get(test, a, 1, 100 + i, 10000, false);
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
		wait_page(test, req[i]);
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

	start_pair(test, &a, &b);
	b->stall = true;
	start = jiffies;
	req = submit_get(test, a, 1, 77, 500, false);
	wait_req(test, req, -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 490);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 2500);
	KUNIT_EXPECT_EQ(test, get_stats(test, a, 1).timeouts, 1);
	memset(req->reply, 0xee, sizeof(req->reply));

	fake_resume(b);
	get_works(test, a, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->gets), 2);
	KUNIT_EXPECT_NULL(test, memchr_inv(req->reply, 0xee,
					   sizeof(req->reply)));
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 0);
	KUNIT_EXPECT_EQ(test, get_stats(test, a, 1).bad_frames, 0);
}

/* A request that waits beyond the window has a deadline, too. */
static void r2tcp_test_deadline_waiting(struct kunit *test)
{
	struct fake_req *req[2 * R2_MAX_GETS];
	struct fake_node *a, *b;
	unsigned int i;

	start_pair(test, &a, &b);
	b->stall = true;
	for (i = 0; i < ARRAY_SIZE(req); i++)
		req[i] = submit_get(test, a, 1, i, 300, false);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		wait_req(test, req[i], -ETIMEDOUT);
	fake_resume(b);
	get_works(test, a, 1);
	/* Those that were never sent are not sent now. */
	KUNIT_EXPECT_EQ(test, atomic_read(&b->gets), R2_MAX_GETS + 1);
}

/* Node 0, with a node 1 that does not read, and no room for what it will not. */
static struct fake_node *start_deaf(struct kunit *test, struct socket **sock)
{
	struct fake_node *a = start_node(test, 0);
	struct socket *deaf;

	add_peer(test, a, 1);
	deaf = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	sock_set_rcvbuf(deaf->sk, 4096);
	fake_small_sndbuf(a, 1);
	if (sock)
		*sock = deaf;
	return a;
}

/* Keep the sender of that node busy: PUTs of 64 KB. */
static void fill_deaf(struct kunit *test, struct fake_node *a,
		      struct fake_req **req, unsigned int nr, unsigned int ms)
{
	const unsigned int n = 16, each = sizeof(struct r2_put_item) + 4000;
	struct r2_put_item *item;
	unsigned int i;
	u8 *buf;

	buf = kunit_kzalloc(test, n * each, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (i = 0; i < n; i++) {
		item = (void *)buf + i * each;
		item->page.version = cpu_to_le64(1);
		item->len = cpu_to_le16(4000);
	}
	for (i = 0; i < nr; i++) {
		req[i] = new_batch(test, R2_PUT, buf, n * each, n, ms);
		KUNIT_ASSERT_EQ(test, r2tcp_submit(a->tcp, 1, &req[i]->req), 0);
	}
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
	a = start_deaf(test, NULL);
	start = jiffies;
	fill_deaf(test, a, req, ARRAY_SIZE(req), 300);
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&req[i]->done,
								  TEST_PATIENCE),
				0);
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
	a = start_node(test, 0);
	add_peer(test, a, 1);
	sock = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	sock->sk->sk_rcvtimeo = 6 * HZ;
	start = jiffies;
	req = submit_get(test, a, 1, 1, 300, false);
	raw_only_pongs(test, sock);
	wait_req(test, req, -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 1700);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 5000);
	KUNIT_EXPECT_EQ(test, get_stats(test, a, 1).timeouts, 1);
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
	a = start_deaf(test, &sock);
	start = jiffies;
	fill_deaf(test, a, req, ARRAY_SIZE(req), 500);
	/* Its header, in time; then nothing is read any more. */
	KUNIT_ASSERT_EQ(test, raw_recv(sock, &frame.hdr, sizeof(frame.hdr)),
			sizeof(frame.hdr));
	KUNIT_ASSERT_EQ(test, frame.hdr.type, R2_PUT);
	memset(frame.payload, R2_OK, 16);
	r2wire_encode_hdr(&frame.hdr, R2_PUT_REPLY, 16, 16,
			  le64_to_cpu(frame.hdr.id));
	raw_send(test, sock, &frame, sizeof(frame.hdr) + 16);
	wait_req(test, req[0], 0);
	wait_req(test, req[1], -ENOTCONN);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 15000);
}

/*
 * What is in flight when a connection breaks ends, or goes on, as asked.
 *
 * Regression: 3.1.6.
 */
static void r2tcp_test_retry(struct kunit *test)
{
	struct fake_req *once, *again[3];
	struct fake_node *a, *b;
	unsigned int i;

	start_pair(test, &a, &b);
	b->stall = true;
	once = submit_get(test, a, 1, 1, 20000, false);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		again[i] = submit_get(test, a, 1, 10 + i, 20000, true);
	msleep(100);
	r2tcp_kick(a->tcp, 1);
	wait_req(test, once, -ENOTCONN);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		KUNIT_EXPECT_FALSE(test, completion_done(&again[i]->done));
	fake_resume(b);
	for (i = 0; i < ARRAY_SIZE(again); i++)
		wait_page(test, again[i]);
	KUNIT_EXPECT_LT(test, again[0]->order, again[1]->order);
	KUNIT_EXPECT_LT(test, again[1]->order, again[2]->order);
}

/* Not connected: who does not want to wait is told so at once. */
static void r2tcp_test_not_connected(struct kunit *test)
{
	struct fake_node *a = start_node(test, 0);
	struct fake_req *req = new_req(test, R2_GET, 1, 400);
	struct fake_req *late;

	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 0, &req->req), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 255, &req->req), -ENOTCONN);
	add_peer(test, a, 1);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, req->calls, 0);

	late = submit_get(test, a, 1, 1, 400, true);
	wait_req(test, late, -ETIMEDOUT);
	late = submit_get(test, a, 1, 1, 20000, true);
	r2tcp_del_peer(a->tcp, 1);
	wait_req(test, late, -EHOSTDOWN);
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req), -ENOTCONN);
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
	struct fake_node *a = start_node(test, 0), *b;
	struct fake_req *req = new_req(test, R2_GET, 1, 0);
	struct fake_req *waits;
	struct socket *sock;

	add_peer(test, a, 1);
	sock = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	kernel_sock_shutdown(sock, SHUT_RDWR);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	waits = submit_get(test, a, 1, 1, 700, true);
	wait_req(test, waits, -ETIMEDOUT);

	KUNIT_EXPECT_EQ(test, try_get(test, a, 1, req, 600), -EHOSTUNREACH);
	req->req.deadline = jiffies - HZ;
	KUNIT_EXPECT_EQ(test, r2tcp_submit(a->tcp, 1, &req->req),
			-EHOSTUNREACH);
	KUNIT_EXPECT_EQ(test, req->calls, 0);
	KUNIT_ASSERT_EQ(test, try_get(test, a, 1, req, 30000), 0);
	b = start_node(test, 1);
	b->tcp->instance = 1;
	add_peer(test, b, 0);
	wait_page(test, req);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 1);
}

/* The same of the node that connects: refused once it has tried in vain. */
static void r2tcp_test_away_connects(struct kunit *test)
{
	struct fake_req *req = new_req(test, R2_GET, 1, 0);
	unsigned long end = jiffies + TEST_PATIENCE;
	struct fake_node *a, *b;

	start_pair(test, &a, &b);
	stop_node(a);
	WAIT_FOR(test, b, atomic_read(&b->downs) == 1);
	wait_req(test, submit_get(test, b, 0, 1, 700, true), -ETIMEDOUT);
	while (try_get(test, b, 0, req, 600) == 0 && time_before(jiffies, end))
		wait_req(test, req, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, try_get(test, b, 0, req, 600), -EHOSTUNREACH);

	a = start_node(test, 0);
	add_peer(test, a, 1);
	WAIT_FOR(test, b, atomic_read(&b->ups) == 2);
	get_works(test, b, 0);
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
	start_pair(test, &a, &b);
	/* The thread that would answer our PINGs is busy. */
	a->stall = true;
	first = submit_get(test, b, 0, 1, 30000, true);
	WAIT_FOR(test, b, atomic_read(&b->downs) == 1);
	second = submit_get(test, b, 0, 2, 2500, true);
	fake_resume(a);
	wait_page(test, first);
	wait_page(test, second);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->new_instances), 1);
}

/* A peer that was restarted has nothing of what it held. */
static void r2tcp_test_new_instance(struct kunit *test)
{
	struct fake_node *a, *b;
	struct fake_req *req;

	start_pair(test, &a, &b);
	stop_node(b);
	WAIT_FOR(test, a, atomic_read(&a->downs) == 1);
	req = submit_get(test, a, 1, 1, 20000, true);
	b = start_node(test, 1);
	add_peer(test, b, 0);
	wait_req(test, req, -EHOSTDOWN);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 2);
	get_works(test, a, 1);
}

/*
 * A peer that was removed and added again has not been restarted by that: who
 * waits for it is served.
 */
static void r2tcp_test_added_again(struct kunit *test)
{
	struct fake_node *a, *b;
	struct fake_req *req;

	start_pair(test, &a, &b);
	r2tcp_del_peer(a->tcp, 1);
	WAIT_FOR(test, b, atomic_read(&b->downs) == 1);
	r2tcp_del_peer(b->tcp, 0);
	add_peer(test, a, 1);
	req = submit_get(test, a, 1, 1, 20000, true);
	add_peer(test, b, 0);
	wait_page(test, req);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->new_instances), 2);
}

/*
 * A peer is removed with requests on the way.
 *
 * Regression: 3.1.6.
 */
static void r2tcp_test_del_peer(struct kunit *test)
{
	struct fake_req *once, *again;
	struct fake_node *a, *b;

	start_pair(test, &a, &b);
	b->stall = true;
	once = submit_get(test, a, 1, 1, 20000, false);
	again = submit_get(test, a, 1, 2, 20000, true);
	r2tcp_del_peer(a->tcp, 1);
	KUNIT_EXPECT_TRUE(test, completion_done(&once->done));
	KUNIT_EXPECT_TRUE(test, completion_done(&again->done));
	wait_req(test, once, -ENOTCONN);
	wait_req(test, again, -EHOSTDOWN);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->downs), 1);
}

/*
 * tests: hostile peers
 */

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
	{ "second HELLO", R2_HELLO, 0, 88, 0, 88, 1, 1 },
	{ "PONG without PING", R2_PONG, 0, 0, 1, 0, 0, 1 },
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
 * Each closes its own connection, and does not disturb that of another.
 *
 * Regression: 3.5.3.
 */
static void r2tcp_test_bad_frames(struct kunit *test)
{
	struct fake_node *a = start_node(test, 0), *good = start_node(test, 2);
	const struct bad_case *c;
	struct raw_frame frame;
	struct socket *sock;
	unsigned int i;

	add_peer(test, a, 1);
	add_peer(test, a, 2);
	add_peer(test, good, 0);
	WAIT_FOR(test, good, atomic_read(&good->ups) == 1);
	for (i = 0; i < ARRAY_SIZE(bad_cases); i++) {
		c = &bad_cases[i];
		sock = raw_node(test, 1, 0, 1);
		memset(&frame, c->fill, sizeof(frame));
		r2wire_encode_hdr(&frame.hdr, c->type, c->items, c->len, c->id);
		raw_send(test, sock, &frame, sizeof(frame.hdr) + c->sent);
		raw_closed(test, sock);
		wait_bad(test, a, 1, i + 1);
	}
	WAIT_FOR(test, a, !r2tcp_connected(a->tcp, 1));
	get_works(test, a, 2);
	get_works(test, good, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&good->downs), 0);
	KUNIT_EXPECT_EQ(test, get_stats(test, a, 2).bad_frames, 0);
}

/* No HELLO, half a HELLO, or something else. */
static void r2tcp_test_bad_hello(struct kunit *test)
{
	struct fake_node *a = start_node(test, 0);
	struct r2_hello *hello;
	struct raw_frame frame;
	struct socket *sock;

	add_peer(test, a, 1);
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
	wait_bad(test, a, 1, 3);

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

	wait_bad(test, a, 1, 3);
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
	a = start_node(test, 0);
	add_peer(test, a, 1);
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

/* A peer that asks more than it may, without reading, is cut off. */
static void r2tcp_test_bad_window(struct kunit *test)
{
	struct fake_node *a = start_node(test, 0);
	struct fake_node *good = start_node(test, 2);
	struct r2_page *page;
	struct raw_frame frame = {};
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct socket *sock;
	struct kvec vec;
	unsigned int i;
	int n = 1;

	add_peer(test, a, 1);
	add_peer(test, a, 2);
	add_peer(test, good, 0);
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
	wait_bad(test, a, 1, 1);
	get_works(test, a, 2);
}

/* A PONG to the PING that is only going to be sent. */
static void r2tcp_test_early_pong(struct kunit *test)
{
	unsigned long end = jiffies + TEST_PATIENCE;
	struct fake_world *world = test->priv;
	struct fake_req *req[2];
	struct raw_frame frame;
	struct fake_node *a;
	struct socket *sock;
	u64 id;

	world->idle_ms = 30000;
	a = start_deaf(test, &sock);
	fill_deaf(test, a, req, ARRAY_SIZE(req), 20000);
	while (!fake_ping_waits(a, 1, &id) && time_before(jiffies, end))
		msleep(20);
	KUNIT_ASSERT_TRUE(test, fake_ping_waits(a, 1, &id));
	r2wire_encode_hdr(&frame.hdr, R2_PONG, 0, 0, id);
	raw_send(test, sock, &frame, sizeof(frame.hdr));
	wait_bad(test, a, 1, 1);
	wait_req(test, req[0], -ENOTCONN);
	wait_req(test, req[1], -ENOTCONN);
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
	struct fake_node *a = start_node(test, 0);
	struct raw_frame frame;
	struct fake_req *req;
	struct socket *sock;
	unsigned int i, len;

	add_peer(test, a, 1);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		sock = raw_node(test, 1, 0, 1);
		WAIT_FOR(test, a, r2tcp_connected(a->tcp, 1));
		req = new_req(test, R2_GET, 40, 10000);
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
		wait_req(test, req, -ENOTCONN);
		wait_bad(test, a, 1, i + 1);
		KUNIT_EXPECT_EQ(test, req->reply[56], 0);
		WAIT_FOR(test, a, !r2tcp_connected(a->tcp, 1));
	}
}

/*
 * suite
 */

static int r2tcp_suite_init(struct kunit_suite *suite)
{
	int err;

	rtnl_lock();
	err = dev_open(init_net.loopback_dev, NULL);
	rtnl_unlock();
	return err;
}

static int r2tcp_test_init(struct kunit *test)
{
	struct fake_world *world;
	unsigned int i;

	world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	if (!world)
		return -ENOMEM;
	for (i = 0; i < TEST_NODES; i++)
		init_waitqueue_head(&world->node[i].wait);
	world->idle_ms = TEST_IDLE_MS;
	test->priv = world;
	return 0;
}

/* Also after a test that was given up half-way. */
static void r2tcp_test_exit(struct kunit *test)
{
	struct fake_world *world = test->priv;
	unsigned int i;

	for (i = 0; world && i < TEST_NODES; i++)
		stop_node(&world->node[i]);
}

static struct kunit_case r2tcp_cases[] = {
	KUNIT_CASE(r2tcp_test_handshake),
	KUNIT_CASE(r2tcp_test_ipv6),
	KUNIT_CASE(r2tcp_test_add_peer),
	KUNIT_CASE(r2tcp_test_mismatch),
	KUNIT_CASE(r2tcp_test_mismatch_mended),
	KUNIT_CASE(r2tcp_test_wrong_node),
	KUNIT_CASE(r2tcp_test_unknown_source),
	KUNIT_CASE(r2tcp_test_reconnect),
	KUNIT_CASE(r2tcp_test_keepalive),
	KUNIT_CASE(r2tcp_test_idle),
	KUNIT_CASE(r2tcp_test_comes_back),
	KUNIT_CASE(r2tcp_test_send_timeout),
	KUNIT_CASE(r2tcp_test_get),
	KUNIT_CASE(r2tcp_test_batches),
	KUNIT_CASE(r2tcp_test_page_counts),
	KUNIT_CASE(r2tcp_test_window),
	KUNIT_CASE(r2tcp_test_out_of_order),
	KUNIT_CASE(r2tcp_test_deadline),
	KUNIT_CASE(r2tcp_test_deadline_waiting),
	KUNIT_CASE(r2tcp_test_deadline_stuck),
	KUNIT_CASE(r2tcp_test_deadline_unanswered),
	KUNIT_CASE(r2tcp_test_deadline_finished),
	KUNIT_CASE(r2tcp_test_retry),
	KUNIT_CASE(r2tcp_test_not_connected),
	KUNIT_CASE(r2tcp_test_away),
	KUNIT_CASE(r2tcp_test_away_connects),
	KUNIT_CASE(r2tcp_test_silent),
	KUNIT_CASE(r2tcp_test_new_instance),
	KUNIT_CASE(r2tcp_test_added_again),
	KUNIT_CASE(r2tcp_test_del_peer),
	KUNIT_CASE(r2tcp_test_bad_frames),
	KUNIT_CASE(r2tcp_test_bad_hello),
	KUNIT_CASE(r2tcp_test_slow_hello),
	KUNIT_CASE(r2tcp_test_bad_window),
	KUNIT_CASE(r2tcp_test_early_pong),
	KUNIT_CASE(r2tcp_test_bad_reply),
	{}
};

static struct kunit_suite r2tcp_suite = {
	.name = "r2tcp",
	.suite_init = r2tcp_suite_init,
	.init = r2tcp_test_init,
	.exit = r2tcp_test_exit,
	.test_cases = r2tcp_cases,
};

kunit_test_suite(r2tcp_suite);
