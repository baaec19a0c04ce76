// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake.
 *
 * Both sides say at once who they are and what they expect, and both compare;
 * the checks are symmetric, so both come to the same verdict.  A mismatch is a
 * matter of configuration: it is logged when it appears or changes, not each
 * time it is found again.  What it says is not to be trusted, nor how often.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/ratelimit.h>
#include <linux/string.h>
#include "tcp_private.h"

/**
 * struct r2tcp_greeting - HELLO as it travels
 * @hdr: header
 * @hello: payload
 */
struct r2tcp_greeting {
	struct r2_hdr hdr;
	struct r2_hello hello;
};

/**
 * r2tcp_hello_timeout() - how long a step of making a connection may take
 * @tcp: this node
 *
 * Return: milliseconds.
 */
unsigned int r2tcp_hello_timeout(const struct r2tcp *tcp)
{
	return min_t(unsigned int, R2TCP_HELLO_MS,
		     READ_ONCE(tcp->config.idle_timeout_ms));
}

static void r2tcp_hello_fill(struct r2tcp_peer *peer, struct r2_hello *hello)
{
	struct r2tcp *tcp = peer->tcp;
	const struct r2tcp_config *config = &tcp->config;
	struct r2tcp_room now;

	tcp->ops->room(tcp->arg, peer->node, &now);
	memset(hello, 0, sizeof(*hello));
	hello->version = cpu_to_le32(R2_PROTOCOL_VERSION);
	hello->node = cpu_to_le16(config->node);
	hello->peer = cpu_to_le16(peer->node);
	hello->instance = cpu_to_le64(tcp->instance);
	hello->idle_timeout_ms =
		cpu_to_le32(READ_ONCE(config->idle_timeout_ms));
	hello->keepalive_delay_ms =
		cpu_to_le32(READ_ONCE(config->keepalive_delay_ms));
	hello->dead_time_ms = cpu_to_le32(READ_ONCE(config->dead_time_ms));
	hello->room = cpu_to_le32(now.room);
	strscpy((char *)hello->cluster, config->cluster,
		sizeof(hello->cluster));
}

/* True once for each different HELLO that is refused. */
static bool r2tcp_hello_is_news(struct r2tcp_peer *peer,
				const struct r2_hello *theirs)
{
	struct r2_hello seen = *theirs;

	seen.instance = 0;
	seen.room = 0;
	if (!memcmp(&seen, &peer->refused, sizeof(seen)))
		return false;
	peer->refused = seen;
	return true;
}

static int r2tcp_hello_refuse(struct r2tcp_peer *peer,
			      const struct r2_hello *mine,
			      const struct r2_hello *theirs)
{
	if (!r2tcp_hello_is_news(peer, theirs))
		return -EPERM;

	if (theirs->version != mine->version)
		pr_notice_ratelimited("node %u (%pISpc) refused: it speaks protocol version %u, this node %u\n",
				      peer->node, &peer->addr,
				      le32_to_cpu(theirs->version),
				      le32_to_cpu(mine->version));
	else if (memcmp(theirs->cluster, mine->cluster, sizeof(mine->cluster)))
		pr_notice_ratelimited("node %u (%pISpc) refused: it is of cluster %*pE, this node of %.64s\n",
				      peer->node, &peer->addr,
				      (int)strnlen((const char *)theirs->cluster,
						   sizeof(theirs->cluster)),
				      theirs->cluster, mine->cluster);
	else if (theirs->node != mine->peer || theirs->peer != mine->node)
		pr_notice_ratelimited("node %u (%pISpc) refused: it calls itself %u and this node %u, which is %u\n",
				      peer->node, &peer->addr,
				      le16_to_cpu(theirs->node),
				      le16_to_cpu(theirs->peer),
				      le16_to_cpu(mine->node));
	else
		pr_notice_ratelimited("node %u (%pISpc) refused: its idle_timeout_ms is %u, its keepalive_delay_ms %u, its dead time %u ms; here they are %u, %u and %u\n",
				      peer->node, &peer->addr,
				      le32_to_cpu(theirs->idle_timeout_ms),
				      le32_to_cpu(theirs->keepalive_delay_ms),
				      le32_to_cpu(theirs->dead_time_ms),
				      le32_to_cpu(mine->idle_timeout_ms),
				      le32_to_cpu(mine->keepalive_delay_ms),
				      le32_to_cpu(mine->dead_time_ms));
	return -EPERM;
}

static bool r2tcp_hello_suits(const struct r2_hello *mine,
			      const struct r2_hello *theirs)
{
	return theirs->node == mine->peer && theirs->peer == mine->node &&
	       theirs->idle_timeout_ms == mine->idle_timeout_ms &&
	       theirs->keepalive_delay_ms == mine->keepalive_delay_ms &&
	       theirs->dead_time_ms == mine->dead_time_ms &&
	       !memcmp(theirs->cluster, mine->cluster, sizeof(mine->cluster));
}

static int r2tcp_hello_check(struct r2tcp_peer *peer,
			     const struct r2_hello *mine,
			     const struct r2_hello *theirs, unsigned int len)
{
	switch (r2wire_check_hello(theirs, len)) {
	case 0:
		break;
	case -EPROTONOSUPPORT:
		return r2tcp_hello_refuse(peer, mine, theirs);
	default:
		return r2tcp_peer_bad(peer, "malformed HELLO");
	}
	if (!r2tcp_hello_suits(mine, theirs))
		return r2tcp_hello_refuse(peer, mine, theirs);

	memset(&peer->refused, 0, sizeof(peer->refused));
	WRITE_ONCE(peer->room, le32_to_cpu(theirs->room));
	/* Until it says, which is the next thing that it does. */
	WRITE_ONCE(peer->capacity, max(peer->capacity, peer->room));
	return 0;
}

/* All must have come at @deadline: each byte would start a timeout anew. */
static int r2tcp_hello_recv(struct r2tcp_peer *peer, struct socket *sock,
			    void *buf, unsigned int len, unsigned long deadline)
{
	unsigned long now;
	int n;

	for (; len; buf += n, len -= n) {
		now = jiffies;
		if (time_after_eq(now, deadline))
			return -ETIMEDOUT;
		r2tcp_sock_set_rcvtimeo(sock, jiffies_to_msecs(deadline - now));
		n = r2tcp_sock_recv(sock, buf, len, true);
		if (n < 0)
			return n;
		atomic64_add(n, &peer->rx_bytes);
	}
	return 0;
}

/*
 * On success @len is the length of what the peer sent; of a longer HELLO than
 * ours, which is of another version, the end is not read.
 */
static int r2tcp_hello_exchange(struct r2tcp_peer *peer, struct socket *sock,
				struct r2tcp_greeting *mine,
				struct r2tcp_greeting *theirs,
				unsigned int *len)
{
	unsigned long deadline = jiffies +
		msecs_to_jiffies(r2tcp_hello_timeout(peer->tcp));
	struct kvec vec = { .iov_base = mine, .iov_len = sizeof(*mine) };
	struct r2_frame frame;
	int err;

	/* A new socket takes so little at once, and as a whole. */
	err = r2tcp_sock_send(sock, &vec, 1, sizeof(*mine), true);
	if (err >= 0 && err != sizeof(*mine))
		err = -EIO;
	if (err < 0)
		return err;
	atomic64_add(sizeof(*mine), &peer->tx_bytes);

	err = r2tcp_hello_recv(peer, sock, &theirs->hdr, sizeof(theirs->hdr),
			       deadline);
	if (err)
		return err;
	if (r2wire_decode_hdr(&theirs->hdr, &frame) || frame.type != R2_HELLO)
		return r2tcp_peer_bad(peer, "something else than a HELLO");
	*len = frame.len;
	memset(&theirs->hello, 0, sizeof(theirs->hello));
	return r2tcp_hello_recv(peer, sock, &theirs->hello,
				min_t(unsigned int, frame.len,
				      sizeof(theirs->hello)), deadline);
}

/**
 * r2tcp_hello() - shake hands
 * @peer: who should be at the other end
 * @sock: a tuned socket that is connected to the peer's address
 * @instance: instance of the peer, after success
 *
 * Return: 0; -EPERM if the other is not who it should be or is
 * configured differently, which was logged; -EBADMSG if it breaks the
 * protocol; or what the socket said.
 *
 * Context: sleeps, for r2tcp_hello_timeout() at most, as a HELLO does not fill
 * a socket.  Not called twice at the same time for a peer.
 */
int r2tcp_hello(struct r2tcp_peer *peer, struct socket *sock, u64 *instance)
{
	struct r2tcp_greeting mine, theirs;
	unsigned int len;
	int err;

	r2wire_encode_hdr(&mine.hdr, R2_HELLO, 0, sizeof(mine.hello), 0);
	r2tcp_hello_fill(peer, &mine.hello);

	err = r2tcp_hello_exchange(peer, sock, &mine, &theirs, &len);
	if (!err)
		err = r2tcp_hello_check(peer, &mine.hello, &theirs.hello, len);
	if (err)
		return err;

	r2tcp_sock_set_rcvtimeo(sock, 0);
	*instance = le64_to_cpu(theirs.hello.instance);
	return 0;
}
