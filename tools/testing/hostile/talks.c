// SPDX-License-Identifier: GPL-2.0
/*
 * Conversations: more than the peer may ask at a time, what ends half-way,
 * what is well-formed and refused, and connections of which nothing comes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hostile.h"

/* So many replies that no more of them fit into the sockets. */
static int fill_up(int fd, unsigned int gets)
{
	int small = 2304;
	unsigned int i;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (put_own(fd, OWN_BYTES))
		return -1;
	for (i = 0; i < gets; i++) {
		make_get();
		out.hdr.id = cpu_to_le64(100 + i);
		put_out(fd);
	}
	return 0;
}

/*
 * Here replies do come, to what was allowed.  Not before they are read is there
 * room for more, so the peer first gets the time to see what it was sent.
 */
static int closed_in_the_end(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLRDHUP };
	int got;

	poll(&poll_fd, 1, 3000);
	do {
		got = take_frame(fd);
	} while (got > 0);
	return got;
}

static int many_gets(int fd)
{
	return fill_up(fd, 8 * R2_MAX_GETS) || closed_in_the_end(fd);
}

static int many_batches(int fd)
{
	unsigned int i;

	if (fill_up(fd, R2_MAX_GETS))
		return -1;
	for (i = 0; i < 2 * R2_MAX_BATCHES; i++) {
		make_flush();
		put_out(fd);
	}
	return closed_in_the_end(fd);
}

static int many_pings(int fd)
{
	unsigned int i;

	if (fill_up(fd, R2_MAX_GETS))
		return -1;
	for (i = 0; i < 8; i++) {
		set_hdr(R2_PING, 0, 0, 1 + i);
		put_out(fd);
	}
	return closed_in_the_end(fd);
}

static int half_header(int fd)
{
	make_get();
	put_bytes(fd, &out, 11);
	shutdown(fd, SHUT_WR);
	return take_end(fd);
}

static int half_payload(int fd)
{
	make_put(2000);
	put_bytes(fd, &out, sizeof(out.hdr) + 1000);
	shutdown(fd, SHUT_WR);
	return take_end(fd);
}

/* It is given up after the idle timeout, as if there were nobody. */
static int half_and_silence(int fd)
{
	make_put(2000);
	put_bytes(fd, &out, sizeof(out.hdr) + 1000);
	for (;;) {
		int got = take_bytes(fd, &in.hdr, sizeof(in.hdr));

		if (got <= 0)
			return got;
	}
}

/* Wants back what it never had, with all room there can be, or none. */
static int many_rooms(int fd)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		make_room(i & 1 ? ~0U : 0, i & 1 ? ~0U : i, i & 2 ? ~0U : 0);
		put_out(fd);
	}
	make_room(0, 0, 0);
	put_out(fd);
	return alive(fd);
}

static int no_pages(int fd)
{
	static const __u64 oids[] = { 0, 1, 2, 3, 7, 8, ~0ULL };
	static const __u32 pools[] = { 0, 1, 2, 15, 16, 255, 0x80000000, ~0U };
	const struct r2_get_reply none = {
		.status = cpu_to_le16(R2_NOT_FOUND),
	};
	unsigned int i, j;

	for (i = 0; i < COUNT(oids); i++) {
		for (j = 0; j < COUNT(pools); j++) {
			make_get();
			out_page->oid[0] = cpu_to_le64(oids[i]);
			out_page->index = cpu_to_le32(i * j);
			out_page->pool = cpu_to_le32(pools[j]);
			put_out(fd);
			if (take_reply(fd, R2_GET_REPLY, 2))
				return -1;
			if (le32_to_cpu(in.hdr.len) != sizeof(none) ||
			    memcmp(in.payload, &none, sizeof(none)))
				return trouble_is("found something");
		}
	}
	return alive(fd);
}

/* Whatever any other node may have there, with every version it may have. */
static int flush_of_all(int fd)
{
	unsigned int pool, object;

	for (pool = 0; pool < R2_MAX_POOLS; pool++) {
		for (object = 0; object < R2_MAX_ITEMS; object++) {
			make_flush();
			out_flush[object] = out_flush[0];
			out_flush[object].page.oid[0] = cpu_to_le64(object);
			out_flush[object].page.index = 0;
			out_flush[object].page.pool = cpu_to_le32(pool);
			out_flush[object].page.version =
				cpu_to_le64(R2_MAX_VERSION);
			out_flush[object].flags = cpu_to_le32(R2_ITEM_OBJECT);
		}
		out_flush[0] = out_flush[1];
		set_hdr(R2_FLUSH, R2_MAX_ITEMS,
			R2_MAX_ITEMS * sizeof(*out_flush), 3);
		put_out(fd);
		if (take_reply(fd, R2_FLUSH_REPLY, 3))
			return -1;
	}
	return alive(fd);
}

static int put_is(int fd, unsigned int status)
{
	put_out(fd);
	if (take_reply(fd, R2_PUT_REPLY, 1) || status_is(status))
		return -1;
	return alive(fd);
}

static int put_pool_16(int fd)
{
	make_put(8);
	out_put->page.pool = cpu_to_le32(R2_MAX_POOLS);
	return put_is(fd, R2_NO_ROOM);
}

static int put_pool_high(int fd)
{
	make_put(8);
	out_put->page.pool = cpu_to_le32(~0U);
	return put_is(fd, R2_NO_ROOM);
}

static int put_other_kind(int fd)
{
	if (put_own(fd, OWN_BYTES))
		return -1;
	make_put(8);
	out_put->flags = 0;
	return put_is(fd, R2_WRONG_KIND);
}

static int put_stale(int fd)
{
	if (put_own(fd, OWN_BYTES))
		return -1;
	make_put(8);
	out_put->page.version = cpu_to_le64(OWN_VERSION - 1);
	return put_is(fd, R2_STALE);
}

/* What the wire allows, the store may not hold: that is no breach. */
static int put_largest(int fd)
{
	make_put(R2_MAX_PAGE);
	out_put->page.index = cpu_to_le32(78);
	put_out(fd);
	if (take_reply(fd, R2_PUT_REPLY, 1))
		return -1;
	if (in.payload[0] != R2_OK && in.payload[0] != R2_NO_ROOM)
		return trouble_is("status %u", in.payload[0]);
	return alive(fd);
}

/* Of a cached page: any number of times, as long as it is there. */
static int get_cached(int fd)
{
	unsigned int i;

	make_put(64);
	out_put->page.pool = cpu_to_le32(4);
	out_put->flags = 0;
	put_out(fd);
	if (take_reply(fd, R2_PUT_REPLY, 1) || status_is(R2_OK))
		return -1;
	for (i = 0; i < 3; i++) {
		make_get();
		out_page->pool = cpu_to_le32(4);
		put_out(fd);
		if (take_reply(fd, R2_GET_REPLY, 2))
			return -1;
	}
	return alive(fd);
}

static int get_own(int fd)
{
	const struct r2_get_reply *reply = (void *)in.payload;
	const __u8 *data = (const __u8 *)(reply + 1);
	unsigned int i;

	if (put_own(fd, OWN_BYTES))
		return -1;
	make_get();
	put_out(fd);
	if (take_reply(fd, R2_GET_REPLY, 2))
		return -1;
	if (le32_to_cpu(in.hdr.len) != sizeof(*reply) + OWN_BYTES ||
	    le16_to_cpu(reply->len) != OWN_BYTES ||
	    le32_to_cpu(reply->crc) != OWN_CRC ||
	    le64_to_cpu(reply->version) != OWN_VERSION)
		return trouble_is("our page came back as another");
	for (i = 0; i < OWN_BYTES; i++)
		if (data[i] != own_byte(i))
			return trouble_is("byte %u of our page is wrong", i);
	return alive(fd);
}

static int get_other_version(int fd)
{
	const struct r2_get_reply *reply = (void *)in.payload;

	if (put_own(fd, OWN_BYTES))
		return -1;
	make_get();
	out_page->version = cpu_to_le64(OWN_VERSION + 1);
	put_out(fd);
	if (take_reply(fd, R2_GET_REPLY, 2))
		return -1;
	if (le16_to_cpu(reply->status) != R2_NOT_FOUND)
		return trouble_is("found a version that was never put");
	return alive(fd);
}

struct talk_case {
	const char *name;
	const char *rule;
	enum outcome outcome;
	int (*talk)(int fd);
};

static const struct talk_case talk_cases[] = {
	{ "many-gets", "3: R2_MAX_GETS", BAD, many_gets },
	{ "many-batches", "3: R2_MAX_BATCHES", BAD, many_batches },
	{ "many-pings", "3: one PING", BAD, many_pings },
	{ "half-header", "a frame is whole", CLOSED, half_header },
	{ "half-payload", "a frame is whole", CLOSED, half_payload },
	{ "half-and-silence", "idle_timeout_ms", CLOSED, half_and_silence },
	{ "many-rooms", "ROOM at any time", ALIVE, many_rooms },
	{ "no-such-pages", "R2_NOT_FOUND", ALIVE, no_pages },
	{ "flush-of-all", "the owner is who sent it", ALIVE, flush_of_all },
	{ "put-pool-16", "R2_MAX_POOLS", ALIVE, put_pool_16 },
	{ "put-pool-high", "R2_MAX_POOLS", ALIVE, put_pool_high },
	{ "put-other-kind", "R2_WRONG_KIND", ALIVE, put_other_kind },
	{ "put-stale", "R2_STALE", ALIVE, put_stale },
	{ "put-largest", "R2_MAX_PAGE", ALIVE, put_largest },
	{ "get-cached", "GET", ALIVE, get_cached },
	{ "get-own", "GET", ALIVE, get_own },
	{ "get-other-version", "R2_NOT_FOUND", ALIVE, get_other_version },
};

static int run_talk(const struct talk_case *c)
{
	int fd = greet(), err;

	if (fd < 0)
		return -1;
	err = c->talk(fd);
	close(fd);
	return err;
}

static int half_hello(void)
{
	int fd = reach(&me.from), err;

	if (fd < 0)
		return -1;
	make_hello();
	put_bytes(fd, &out, 50);
	err = take_hello(fd) || take_end(fd) ? -1 : 0;
	close(fd);
	return err;
}

static int stranger(void)
{
	struct sockaddr_in from = me.from;
	int fd, err;

	/* The address after ours is ours as well, but of no node. */
	from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + 1);
	fd = reach(&from);
	if (fd < 0)
		return -1;
	make_hello();
	put_out(fd);
	err = take_end(fd);
	close(fd);
	return err;
}

/* Each is opened and left; then many at once, of which nothing comes. */
static int many_connections(void)
{
	static int fds[200];
	int i, fd;

	for (i = 0; i < 100; i++) {
		fd = reach(&me.from);
		if (fd < 0)
			return -1;
		close(fd);
	}
	for (i = 0; i < 200; i++) {
		fds[i] = reach(&me.from);
		if (fds[i] < 0)
			return -1;
	}
	for (i = 0; i < 200; i++)
		close(fds[i]);
	return 0;
}

struct connection_case {
	const char *name;
	const char *rule;
	int (*run)(void);
};

static const struct connection_case connection_cases[] = {
	{ "half-hello", "HELLO within the timeout", half_hello },
	{ "stranger", "only nodes of the cluster", stranger },
	{ "many-connections", "one connection of a node", many_connections },
};

void run_talks(void)
{
	const struct connection_case *connection;
	const struct talk_case *talk;
	unsigned int i;

	for (i = 0; i < COUNT(talk_cases); i++) {
		talk = &talk_cases[i];
		if (is_wanted(talk->name))
			verdict(talk->name, talk->rule, talk->outcome,
				run_talk(talk));
	}
	for (i = 0; i < COUNT(connection_cases); i++) {
		connection = &connection_cases[i];
		if (is_wanted(connection->name))
			verdict(connection->name, connection->rule, CLOSED,
				connection->run());
	}
}
