/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of tcp share.  They run over the loopback device of the
 * initial network namespace.
 *
 * Node N has the address 127.0.0.(N+1).  A node is either a real one with fake
 * handlers, or a raw socket that says what the test wants it to say.
 */
#ifndef _RAMSTER_TCP_TEST_H
#define _RAMSTER_TCP_TEST_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/wait.h>
#include "heartbeat.h"
#include "tcp_private.h"

#define TEST_PORT	7777
#define TEST_NODES	8
#define TEST_IDLE_MS	3000
/* Longer than anything takes that is expected to happen. */
#define TEST_PATIENCE	(20 * HZ)

/* What a node was told, and what it shall do. */
struct fake_node {
	struct fake_world *world;
	struct r2tcp *tcp;
	struct r2hb *hb;
	unsigned int num;
	wait_queue_head_t wait;
	atomic_t ups;
	atomic_t new_instances;
	atomic_t downs;
	atomic_t gets;
	struct task_struct *handler;
	atomic_t recalls;
	bool stall;
};

struct fake_req {
	struct r2tcp_req req;
	struct r2_page page;
	struct completion done;
	struct fake_world *world;
	struct r2tcp *tcp;
	bool locked;
	unsigned int order;
	int calls;
	u8 reply[R2TCP_REPLY_SIZE] __aligned(R2_ALIGN);
};

struct fake_world {
	struct fake_node node[TEST_NODES];
	unsigned int idle_ms;
	u32 room;
	u32 capacity;
	u32 recall;
	atomic_t order;
};

/* What a raw socket sends and receives. */
struct raw_frame {
	struct r2_hdr hdr;
	u8 payload[256] __aligned(R2_ALIGN);
};

#define WAIT_FOR(test, node, condition)					\
	KUNIT_ASSERT_TRUE_MSG(test, wait_event_timeout((node)->wait,	\
				condition, TEST_PATIENCE), #condition)

#define RAW_HELLO_SIZE	(sizeof(struct r2_hdr) + sizeof(struct r2_hello))

void fake_resume(struct fake_node *node);
void fake_page(const struct r2_page *page, void *buf, unsigned int *len);
extern const struct r2tcp_ops fake_ops;
struct sockaddr_storage fake_addr(unsigned int num, unsigned int port);
struct r2tcp_config fake_config(struct kunit *test, unsigned int num);
struct fake_node *fake_start_config(struct kunit *test,
				    const struct r2tcp_config *config);
struct fake_node *fake_start(struct kunit *test, unsigned int num);
void fake_stop(struct fake_node *node);
void fake_watch(struct kunit *test, struct fake_node *node,
		unsigned int dead_time_ms);
void fake_add_peer(struct kunit *test, struct fake_node *node,
		   unsigned int num);
void fake_start_pair(struct kunit *test, struct fake_node **a,
		     struct fake_node **b);
struct r2tcp_peer_stats fake_stats(struct kunit *test,
				   struct fake_node *node,
				   unsigned int num);
void fake_cut(struct kunit *test, struct fake_node *node, unsigned int num);
void fake_wait_bad(struct kunit *test, struct fake_node *node,
		   unsigned int num, u64 bad);
struct fake_req *fake_new_req(struct kunit *test, enum r2_type type,
			      u32 index, unsigned int ms);
struct fake_req *fake_new_batch(struct kunit *test, enum r2_type type,
				const void *payload, unsigned int len,
				unsigned int items, unsigned int ms);
struct fake_req *fake_submit_get(struct kunit *test, struct fake_node *node,
				 unsigned int num, u32 index, unsigned int ms,
				 bool retry);
void fake_wait_req(struct kunit *test, struct fake_req *req, int result);
void fake_wait_page(struct kunit *test, struct fake_req *req);
void fake_get_works(struct kunit *test, struct fake_node *node,
		    unsigned int num);
struct socket *raw_connect(struct kunit *test, unsigned int from,
			   unsigned int to);
struct socket *raw_listen(struct kunit *test, unsigned int num);
void raw_send(struct kunit *test, struct socket *sock, void *buf,
	      unsigned int len);
int raw_pong(struct socket *sock, u64 id);
int raw_recv(struct socket *sock, void *buf, unsigned int len);
void raw_next(struct kunit *test, struct socket *sock,
	      struct raw_frame *frame);
void raw_fill_hello(struct kunit *test, struct raw_frame *frame,
		    unsigned int from, unsigned int to, u64 instance);
void fake_small_sndbuf(struct fake_node *node, unsigned int num);
struct r2tcp_peer *fake_peer(struct fake_node *node, unsigned int num);
struct socket *raw_node(struct kunit *test, unsigned int from,
			unsigned int to, u64 instance);
void raw_closed(struct kunit *test, struct socket *sock);
void raw_only_pongs(struct kunit *test, struct socket *sock);
struct fake_node *fake_start_deaf(struct kunit *test, struct socket **sock);
void fake_fill_deaf(struct kunit *test, struct fake_node *node,
		    struct fake_req **req, unsigned int nr, unsigned int ms);
int fake_suite_init(struct kunit_suite *suite);
int fake_test_init(struct kunit *test);
void fake_test_exit(struct kunit *test);

#endif /* _RAMSTER_TCP_TEST_H */
