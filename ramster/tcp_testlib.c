// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of tcp share: nodes with fake handlers, and raw sockets.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/in.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include "tcp_test.h"

static void fake_stall(struct fake_node *node)
{
	wait_event(node->wait, !READ_ONCE(node->stall));
}

void fake_resume(struct fake_node *node)
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
void fake_page(const struct r2_page *page, void *buf, unsigned int *len)
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
	node->handler = current;
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

	if (node->hb)
		r2hb_connected(node->hb, peer);
	if (new_instance)
		atomic_inc(&node->new_instances);
	atomic_inc(&node->ups);
	wake_up_all(&node->wait);
}

static void fake_down(void *arg, unsigned int peer)
{
	struct fake_node *node = arg;

	if (node->hb)
		r2hb_disconnected(node->hb, peer);
	atomic_inc(&node->downs);
	wake_up_all(&node->wait);
}

/* What is wanted back of a node tells it from the others. */
static void fake_room(void *arg, unsigned int peer, struct r2tcp_room *room)
{
	struct fake_node *node = arg;
	u32 recall = READ_ONCE(node->world->recall);

	*room = (struct r2tcp_room) {
		.room = READ_ONCE(node->world->room),
		.capacity = READ_ONCE(node->world->capacity),
		.recall = recall ? recall + peer : 0,
	};
}

static void fake_recalls(void *arg, unsigned int peer)
{
	struct fake_node *node = arg;

	atomic_inc(&node->recalls);
	wake_up_all(&node->wait);
}

const struct r2tcp_ops fake_ops = {
	.put = fake_put,
	.get = fake_get,
	.flush = fake_flush,
	.up = fake_up,
	.down = fake_down,
	.room = fake_room,
	.recalls = fake_recalls,
};

struct sockaddr_storage fake_addr(unsigned int num, unsigned int port)
{
	struct sockaddr_storage addr = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK + num);
	in->sin_port = htons(port);
	return addr;
}

struct r2tcp_config fake_config(struct kunit *test, unsigned int num)
{
	struct fake_world *world = test->priv;

	return (struct r2tcp_config) {
		.net = &init_net,
		.cluster = "test",
		.node = num,
		.addr = fake_addr(num, TEST_PORT),
		.idle_timeout_ms = world->idle_ms,
		.keepalive_delay_ms = 300,
		.dead_time_ms = 6000,
		.reconnect_delay_ms = 50,
	};
}

struct fake_node *fake_start_config(struct kunit *test,
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

struct fake_node *fake_start(struct kunit *test, unsigned int num)
{
	struct r2tcp_config config = fake_config(test, num);

	return fake_start_config(test, &config);
}

void fake_stop(struct fake_node *node)
{
	fake_resume(node);
	if (node->hb)
		r2hb_stop(node->hb);
	if (node->tcp)
		r2tcp_stop(node->tcp);
	r2tcp_free(node->tcp);
	if (node->hb)
		r2hb_destroy(node->hb);
	node->tcp = NULL;
	node->hb = NULL;
}

/* Have a node know which of its peers, that are to come, are alive. */
void fake_watch(struct kunit *test, struct fake_node *node,
		unsigned int dead_time_ms)
{
	struct r2hb *hb = r2hb_create(node->tcp, node->num, dead_time_ms);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hb);
	node->hb = hb;
}

void fake_add_peer(struct kunit *test, struct fake_node *node,
		   unsigned int num)
{
	struct sockaddr_storage addr = fake_addr(num, TEST_PORT);

	if (node->hb)
		r2hb_add(node->hb, num);
	KUNIT_ASSERT_EQ(test, r2tcp_add_peer(node->tcp, num, &addr), 0);
}

/* Two real nodes, 0 and 1, that are connected. */
void fake_start_pair(struct kunit *test, struct fake_node **a,
		     struct fake_node **b)
{
	*a = fake_start(test, 0);
	*b = fake_start(test, 1);
	fake_add_peer(test, *a, 1);
	fake_add_peer(test, *b, 0);
	WAIT_FOR(test, *a, atomic_read(&(*a)->ups) == 1);
	WAIT_FOR(test, *b, atomic_read(&(*b)->ups) == 1);
}

struct r2tcp_peer_stats fake_stats(struct kunit *test,
				   struct fake_node *node,
				   unsigned int num)
{
	struct r2tcp_peer_stats stats = {};

	KUNIT_ASSERT_EQ(test, r2tcp_peer_stats(node->tcp, num, &stats), 0);
	return stats;
}

/* Break the connection that there is now. */
void fake_cut(struct kunit *test, struct fake_node *node, unsigned int num)
{
	r2tcp_cut(node->tcp, num, fake_stats(test, node, num).connection);
}

/* Wait until so many frames of a peer were found to be bad. */
void fake_wait_bad(struct kunit *test, struct fake_node *node,
		   unsigned int num, u64 bad)
{
	unsigned long end = jiffies + TEST_PATIENCE;

	while (fake_stats(test, node, num).bad_frames != bad &&
	       time_before(jiffies, end))
		msleep(20);
	KUNIT_ASSERT_EQ(test, fake_stats(test, node, num).bad_frames, bad);
}

static void fake_done(struct r2tcp_req *r)
{
	struct fake_req *req = container_of(r, struct fake_req, req);

	req->calls++;
	req->locked |= req->tcp && mutex_is_locked(&req->tcp->mutex);
	req->order = atomic_inc_return(&req->world->order);
	complete(&req->done);
}

struct fake_req *fake_new_req(struct kunit *test, enum r2_type type,
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

struct fake_req *fake_new_batch(struct kunit *test, enum r2_type type,
				const void *payload, unsigned int len,
				unsigned int items, unsigned int ms)
{
	struct fake_req *req = fake_new_req(test, type, 0, ms);

	req->req.payload = payload;
	req->req.len = len;
	req->req.items = items;
	return req;
}

struct fake_req *fake_submit_get(struct kunit *test, struct fake_node *node,
				 unsigned int num, u32 index, unsigned int ms,
				 bool retry)
{
	struct fake_req *req = fake_new_req(test, R2_GET, index, ms);

	req->req.retry = retry;
	KUNIT_ASSERT_EQ(test, r2tcp_submit(node->tcp, num, &req->req), 0);
	return req;
}

void fake_wait_req(struct kunit *test, struct fake_req *req, int result)
{
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&req->done,
							  TEST_PATIENCE), 0);
	KUNIT_EXPECT_EQ(test, req->req.result, result);
	KUNIT_EXPECT_EQ(test, req->calls, 1);
}

void fake_wait_page(struct kunit *test, struct fake_req *req)
{
	u8 *expected = kunit_kzalloc(test, R2TCP_REPLY_SIZE, GFP_KERNEL);
	unsigned int len;

	KUNIT_ASSERT_NOT_NULL(test, expected);
	fake_wait_req(test, req, 0);
	fake_page(&req->page, expected, &len);
	KUNIT_ASSERT_EQ(test, req->req.reply_len, len);
	KUNIT_EXPECT_MEMEQ(test, req->reply, expected, len);
	kunit_kfree(test, expected);
}

/* The usual proof that a connection works. */
void fake_get_works(struct kunit *test, struct fake_node *node,
		    unsigned int num)
{
	fake_wait_page(test, fake_submit_get(test, node, num, 1234, 10000,
					     false));
}

static void raw_release(void *sock)
{
	sock_release(sock);
}

/* From the address of @from to that of @to. */
struct socket *raw_connect(struct kunit *test, unsigned int from,
			   unsigned int to)
{
	struct sockaddr_storage src = fake_addr(from, 0);
	struct sockaddr_storage dst = fake_addr(to, TEST_PORT);
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

/* What listens at the address of a node, and accepts without waiting. */
struct socket *raw_listen(struct kunit *test, unsigned int num)
{
	struct sockaddr_storage addr = fake_addr(num, TEST_PORT);
	struct socket *sock;

	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_INET, SOCK_STREAM,
					       IPPROTO_TCP, &sock), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, raw_release,
							sock), 0);
	sock_set_reuseaddr(sock->sk);
	KUNIT_ASSERT_EQ(test, kernel_bind(sock, (struct sockaddr *)&addr,
					  sizeof(struct sockaddr_in)), 0);
	KUNIT_ASSERT_EQ(test, kernel_listen(sock, 64), 0);
	return sock;
}

void raw_send(struct kunit *test, struct socket *sock, void *buf,
	      unsigned int len)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct kvec vec = { .iov_base = buf, .iov_len = len };

	if (len)
		KUNIT_ASSERT_EQ(test, kernel_sendmsg(sock, &msg, &vec, 1, len),
				len);
}

int raw_recv(struct socket *sock, void *buf, unsigned int len)
{
	struct msghdr msg = {};
	struct kvec vec = { .iov_base = buf, .iov_len = len };

	return kernel_recvmsg(sock, &msg, &vec, 1, len, MSG_WAITALL);
}

/* The answer to a PING.  Returns 0 or a negative errno. */
int raw_pong(struct socket *sock, u64 id)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct {
		struct r2_hdr hdr;
		struct r2_pong pong;
	} frame = {};
	struct kvec vec = { .iov_base = &frame, .iov_len = sizeof(frame) };
	int n;

	r2wire_encode_hdr(&frame.hdr, R2_PONG, 0, sizeof(frame.pong), id);
	n = kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
	return min(n, 0);
}

/* The next frame that is neither ROOM nor PING; PINGs are answered. */
void raw_next(struct kunit *test, struct socket *sock,
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
		if (frame->hdr.type == R2_ROOM)
			continue;
		if (frame->hdr.type != R2_PING)
			break;
		KUNIT_ASSERT_EQ(test, raw_pong(sock,
					       le64_to_cpu(frame->hdr.id)), 0);
	}
}

void raw_fill_hello(struct kunit *test, struct raw_frame *frame,
		    unsigned int from, unsigned int to, u64 instance)
{
	struct r2tcp_config config = fake_config(test, from);
	struct r2_hello *hello = (void *)frame->payload;

	memset(frame, 0, sizeof(*frame));
	r2wire_encode_hdr(&frame->hdr, R2_HELLO, 0, sizeof(*hello), 0);
	hello->version = cpu_to_le32(R2_PROTOCOL_VERSION);
	hello->node = cpu_to_le16(from);
	hello->peer = cpu_to_le16(to);
	hello->instance = cpu_to_le64(instance);
	hello->idle_timeout_ms = cpu_to_le32(config.idle_timeout_ms);
	hello->keepalive_delay_ms = cpu_to_le32(config.keepalive_delay_ms);
	hello->dead_time_ms = cpu_to_le32(config.dead_time_ms);
	strscpy((char *)hello->cluster, config.cluster,
		sizeof(hello->cluster));
}

struct r2tcp_peer *fake_peer(struct fake_node *node, unsigned int num)
{
	return rcu_dereference_protected(node->tcp->peers[num], true);
}

/* Have a node's socket hold no more than a little that is to be sent. */
void fake_small_sndbuf(struct fake_node *node, unsigned int num)
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

/* A connection that has shaken hands. */
struct socket *raw_node(struct kunit *test, unsigned int from,
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
void raw_closed(struct kunit *test, struct socket *sock)
{
	u8 byte;
	int n;

	do {
		n = raw_recv(sock, &byte, 1);
	} while (n > 0);
	KUNIT_EXPECT_NE(test, n, -EAGAIN);
}

/* Answer PINGs and nothing else, until the other side closes, or for long. */
void raw_only_pongs(struct kunit *test, struct socket *sock)
{
	unsigned long end = jiffies + TEST_PATIENCE;
	struct raw_frame frame;
	unsigned int len;

	while (time_before(jiffies, end) &&
	       raw_recv(sock, &frame.hdr, sizeof(frame.hdr)) ==
	       sizeof(frame.hdr)) {
		len = le32_to_cpu(frame.hdr.len);
		KUNIT_ASSERT_LE(test, len, sizeof(frame.payload));
		if (len)
			raw_recv(sock, frame.payload, len);
		if (frame.hdr.type == R2_PING)
			raw_pong(sock, le64_to_cpu(frame.hdr.id));
	}
}

/* Node 0, with a node 1 that does not read, and no room for what it leaves. */
struct fake_node *fake_start_deaf(struct kunit *test, struct socket **sock)
{
	struct fake_node *a = fake_start(test, 0);
	struct socket *deaf;

	fake_add_peer(test, a, 1);
	deaf = raw_node(test, 1, 0, 1);
	WAIT_FOR(test, a, atomic_read(&a->ups) == 1);
	sock_set_rcvbuf(deaf->sk, 4096);
	fake_small_sndbuf(a, 1);
	if (sock)
		*sock = deaf;
	return a;
}

/* Keep the sender of that node busy: PUTs of 64 KB. */
void fake_fill_deaf(struct kunit *test, struct fake_node *node,
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
		req[i] = fake_new_batch(test, R2_PUT, buf, n * each, n, ms);
		KUNIT_ASSERT_EQ(test, r2tcp_submit(node->tcp, !node->num,
						   &req[i]->req), 0);
	}
}

int fake_suite_init(struct kunit_suite *suite)
{
	int err;

	rtnl_lock();
	err = dev_open(init_net.loopback_dev, NULL);
	rtnl_unlock();
	return err;
}

int fake_test_init(struct kunit *test)
{
	struct fake_world *world;
	unsigned int i;

	world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	if (!world)
		return -ENOMEM;
	for (i = 0; i < TEST_NODES; i++) {
		world->node[i].world = world;
		init_waitqueue_head(&world->node[i].wait);
	}
	world->idle_ms = TEST_IDLE_MS;
	test->priv = world;
	return 0;
}

/* Also after a test that was given up half-way. */
void fake_test_exit(struct kunit *test)
{
	struct fake_world *world = test->priv;
	unsigned int i;

	for (i = 0; world && i < TEST_NODES; i++)
		fake_stop(&world->node[i]);
}
