// SPDX-License-Identifier: GPL-2.0
/*
 * Frames as they should be, and connections to send them on.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hostile.h"

#define PATIENCE_MS	20000

struct who me = {
	.node = 2,
};

char trouble[200];

/* Says what was different; always -1, for the caller to return. */
int trouble_is(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trouble, sizeof(trouble), format, args);
	va_end(args);
	return -1;
}

/*
 * frames
 */

struct frame out, in;

struct r2_put_item *out_put = (struct r2_put_item *)out.payload;
struct r2_flush_item *out_flush = (struct r2_flush_item *)out.payload;
struct r2_page *out_page = (struct r2_page *)out.payload;
struct r2_hello *out_hello = (struct r2_hello *)out.payload;
static struct r2_get_reply *out_reply = (struct r2_get_reply *)out.payload;

void set_hdr(unsigned int type, unsigned int items, unsigned int len,
	     __u64 id)
{
	memset(&out.hdr, 0, sizeof(out.hdr));
	out.hdr.magic = cpu_to_le32(R2_MAGIC);
	out.hdr.type = type;
	out.hdr.items = cpu_to_le16(items);
	out.hdr.len = cpu_to_le32(len);
	out.hdr.id = cpu_to_le64(id);
}

static struct r2_page own_page(void)
{
	return (struct r2_page) {
		.oid = { cpu_to_le64(7), 0, 0 },
		.index = cpu_to_le32(77),
		.pool = cpu_to_le32(3),
		.version = cpu_to_le64(OWN_VERSION),
	};
}

/* What our page holds depends on where in it, so that a shift is seen. */
__u8 own_byte(unsigned int i)
{
	return i * 7 + i / 256;
}

void make_put(unsigned int len)
{
	unsigned int padded = (len + R2_ALIGN - 1) / R2_ALIGN * R2_ALIGN;
	__u8 *data = (__u8 *)(out_put + 1);
	unsigned int i;

	memset(out_put, 0, sizeof(*out_put));
	memset(data, 0, padded);
	out_put->page = own_page();
	out_put->crc = cpu_to_le32(OWN_CRC);
	out_put->len = cpu_to_le16(len);
	out_put->flags = cpu_to_le16(R2_ITEM_PERSISTENT);
	for (i = 0; i < len; i++)
		data[i] = own_byte(i);
	set_hdr(R2_PUT, 1, sizeof(*out_put) + padded, 1);
}

void make_get(void)
{
	*out_page = own_page();
	set_hdr(R2_GET, 0, sizeof(*out_page), 2);
}

void make_flush(void)
{
	memset(out_flush, 0, sizeof(*out_flush));
	out_flush->page = own_page();
	/* older than what is there, so that it removes nothing */
	out_flush->page.version = cpu_to_le64(1);
	set_hdr(R2_FLUSH, 1, sizeof(*out_flush), 3);
}

void make_room(__u32 room, __u32 capacity, __u32 recall)
{
	struct r2_room *say = (struct r2_room *)out.payload;

	*say = (struct r2_room) {
		.room = cpu_to_le32(room),
		.capacity = cpu_to_le32(capacity),
		.recall = cpu_to_le32(recall),
	};
	set_hdr(R2_ROOM, 0, sizeof(*say), 5);
}

void make_get_reply(unsigned int len, __u64 id)
{
	memset(out_reply, 0, sizeof(*out_reply) + len);
	out_reply->version = cpu_to_le64(1);
	out_reply->len = cpu_to_le16(len);
	set_hdr(R2_GET_REPLY, 0, sizeof(*out_reply) + len, id);
}

void make_hello(void)
{
	*out_hello = me.hello;
	out_hello->node = cpu_to_le16(me.node);
	out_hello->peer = cpu_to_le16(me.peer);
	out_hello->instance = cpu_to_le64(me.instance);
	set_hdr(R2_HELLO, 0, sizeof(*out_hello), 0);
}

/*
 * sockets
 */

int reach(const struct sockaddr_in *from)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0)
		return trouble_is("no socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)from, sizeof(*from)) ||
	    connect(fd, (struct sockaddr *)&me.to, sizeof(me.to))) {
		trouble_is("cannot connect: %s", strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* The other side may have closed meanwhile, which is then seen in reading. */
void put_bytes(int fd, const void *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) < 0 && errno == EAGAIN)
		trouble_is("it does not read");
}

void put_out(int fd)
{
	put_bytes(fd, &out, sizeof(out.hdr) + le32_to_cpu(out.hdr.len));
}

/* 1: all of it is here; 0: closed; -1: neither, for too long */
int take_bytes(int fd, void *bytes, size_t len)
{
	ssize_t n;

	for (; len; bytes = (char *)bytes + n, len -= n) {
		n = recv(fd, bytes, len, 0);
		if (n == 0 || (n < 0 && (errno == ECONNRESET || errno == EPIPE)))
			return 0;
		if (n < 0)
			return trouble_is("it says nothing: %s", strerror(errno));
	}
	return 1;
}

/*
 * The next frame but for PINGs, which are answered, and what the peer says of its
 * room; as take_bytes().
 */
int take_frame(int fd)
{
	int got;

	for (;;) {
		got = take_bytes(fd, &in.hdr, sizeof(in.hdr));
		if (got <= 0)
			return got;
		if (le32_to_cpu(in.hdr.len) > R2_MAX_PAYLOAD)
			return trouble_is("it sent a frame that is too long");
		if (in.hdr.reserved || in.hdr.reserved2)
			return trouble_is("it sent bytes that have no meaning");
		got = take_bytes(fd, in.payload, le32_to_cpu(in.hdr.len));
		if (got > 0 && in.hdr.type == R2_ROOM)
			continue;
		if (got <= 0 || in.hdr.type != R2_PING)
			return got;
		in.hdr.type = R2_PONG;
		in.hdr.len = cpu_to_le32(sizeof(struct r2_pong));
		memset(in.payload, 0, sizeof(struct r2_pong));
		put_bytes(fd, &in, sizeof(in.hdr) + sizeof(struct r2_pong));
	}
}

/* Wait for a reply of that type and id; 0 if it came. */
int take_reply(int fd, unsigned int type, __u64 id)
{
	int got = take_frame(fd);

	if (got < 0)
		return -1;
	if (!got)
		return trouble_is("closed, where type %u was due", type);
	if (in.hdr.type != type || le64_to_cpu(in.hdr.id) != id)
		return trouble_is("got type %u, id %llu, where %u, %llu was due",
			       in.hdr.type,
			       (unsigned long long)le64_to_cpu(in.hdr.id),
			       type, (unsigned long long)id);
	return 0;
}

/* 0 if the connection ends and nothing but PING and ROOM comes before that. */
int take_end(int fd)
{
	int got = take_frame(fd);

	if (got > 0)
		return trouble_is("answered with type %u", in.hdr.type);
	return got;
}

int alive(int fd)
{
	set_hdr(R2_PING, 0, 0, 4711);
	put_out(fd);
	return take_reply(fd, R2_PONG, 4711);
}

int take_hello(int fd)
{
	int got = take_frame(fd);

	if (got <= 0)
		return got ? -1 : trouble_is("closed before its HELLO");
	if (in.hdr.type != R2_HELLO)
		return trouble_is("type %u before its HELLO", in.hdr.type);
	return 0;
}

/* The peer speaks first; what it expects of us is what it says itself. */
int learn(void)
{
	int fd = reach(&me.from), err;

	if (fd < 0)
		return -1;
	err = take_hello(fd);
	if (!err && le32_to_cpu(in.hdr.len) != sizeof(me.hello))
		err = trouble_is("its HELLO has %u bytes",
				 le32_to_cpu(in.hdr.len));
	memcpy(&me.hello, in.payload, sizeof(me.hello));
	close(fd);
	return err;
}

/* A connection that has shaken hands. */
int greet(void)
{
	int fd = reach(&me.from);

	if (fd < 0)
		return -1;
	make_hello();
	put_out(fd);
	if (take_hello(fd) || alive(fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A reply of statuses must be of just this one. */
int status_is(unsigned int status)
{
	if (le32_to_cpu(in.hdr.len) != 1 || le16_to_cpu(in.hdr.items) != 1)
		return trouble_is("a reply of %u bytes", le32_to_cpu(in.hdr.len));
	if (in.payload[0] != status)
		return trouble_is("status %u, not %u", in.payload[0], status);
	return 0;
}

int put_own(int fd, unsigned int len)
{
	make_put(len);
	put_out(fd);
	return take_reply(fd, R2_PUT_REPLY, 1) || status_is(R2_OK);
}
