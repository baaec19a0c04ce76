// SPDX-License-Identifier: GPL-2.0
/*
 * Frames and handshakes of which a field or two break a rule.
 */
#include <string.h>
#include <unistd.h>
#include "hostile.h"

/* Most change one field of something good, which is then sent. */
static void bad_magic(void)
{
	make_get();
	out.hdr.magic ^= cpu_to_le32(1);
}

static void bad_magic_order(void)
{
	make_get();
	out.hdr.magic = cpu_to_le32(__builtin_bswap32(R2_MAGIC));
}

static void http(void)
{
	memset(&out, 0, sizeof(out.hdr));
	memcpy(&out, "GET / HTTP/1.0\r\n\r\n\r\n\r\n", 22);
}

static void hdr_reserved(void)
{
	make_get();
	out.hdr.reserved = 1;
}

static void hdr_reserved2(void)
{
	make_get();
	out.hdr.reserved2 = cpu_to_le32(1U << 31);
}

static void put_version_0(void)
{
	make_put(8);
	out_put->page.version = 0;
}

static void put_version_high(void)
{
	make_put(8);
	out_put->page.version = cpu_to_le64(R2_MAX_VERSION + 1);
}

static void put_flags(void)
{
	make_put(8);
	out_put->flags |= cpu_to_le16(2);
}

static void put_len_high(void)
{
	make_put(R2_MAX_PAGE);
	out_put->len = cpu_to_le16(R2_MAX_PAGE + 1);
	set_hdr(R2_PUT, 1, sizeof(*out_put) + R2_MAX_PAGE + R2_ALIGN, 1);
}

static void put_len_65535(void)
{
	make_put(8);
	out_put->len = cpu_to_le16(65535);
}

static void put_len_beyond(void)
{
	make_put(8);
	out_put->len = cpu_to_le16(9);
}

static void put_pad(void)
{
	make_put(9);
	((__u8 *)(out_put + 1))[15] = 1;
}

static void put_trailing(void)
{
	make_put(8);
	memset((__u8 *)(out_put + 1) + 8, 0, R2_ALIGN);
	set_hdr(R2_PUT, 1, sizeof(*out_put) + 8 + R2_ALIGN, 1);
}

static void put_second_bad(void)
{
	make_put(0);
	out_put[1] = out_put[0];
	out_put[1].page.version = 0;
	set_hdr(R2_PUT, 2, 2 * sizeof(*out_put), 1);
}

static void get_version_0(void)
{
	make_get();
	out_page->version = 0;
}

static void get_version_high(void)
{
	make_get();
	out_page->version = ~0ULL;
}

static void room_reserved(void)
{
	make_room(0, 0, ~0U);
	((struct r2_room *)out.payload)->reserved = cpu_to_le32(1U << 31);
}

static void room_beyond(void)
{
	make_room(0x200, 0x1ff, 0);
}

static void flush_version_0(void)
{
	make_flush();
	out_flush->page.version = 0;
}

static void flush_reserved(void)
{
	make_flush();
	out_flush->reserved = cpu_to_le32(1);
}

static void flush_flags(void)
{
	make_flush();
	out_flush->flags = cpu_to_le32(2);
}

static void flush_object_index(void)
{
	make_flush();
	out_flush->flags = cpu_to_le32(R2_ITEM_OBJECT);
}

static void reply_nobody(void)
{
	make_get_reply(64, 0x100);
}

static void reply_no_slot(void)
{
	make_get_reply(64, 0xff);
}

/* As if it were the address of something. */
static void reply_address(void)
{
	make_get_reply(R2_MAX_PAGE, 0xffff888000001000ULL);
}

static void hello_node_255(void)
{
	out_hello->node = cpu_to_le16(255);
}

static void hello_node_65535(void)
{
	out_hello->node = cpu_to_le16(65535);
}

static void hello_peer_255(void)
{
	out_hello->peer = cpu_to_le16(255);
}

static void hello_instance_0(void)
{
	out_hello->instance = 0;
}

static void hello_idle_0(void)
{
	out_hello->idle_timeout_ms = 0;
}

static void hello_keepalive_0(void)
{
	out_hello->keepalive_delay_ms = 0;
}

static void hello_dead_0(void)
{
	out_hello->dead_time_ms = 0;
}

static void hello_no_name(void)
{
	memset(out_hello->cluster, 0, sizeof(out_hello->cluster));
}

static void hello_endless_name(void)
{
	memset(out_hello->cluster, 'x', sizeof(out_hello->cluster));
}

static void hello_after_name(void)
{
	out_hello->cluster[R2_CLUSTER_NAME_LEN - 1] = 'x';
}

static void hello_short(void)
{
	out.hdr.len = cpu_to_le32(sizeof(*out_hello) - 1);
}

static void hello_long(void)
{
	out.hdr.len = cpu_to_le32(sizeof(*out_hello) + 1);
}

static void instead_ping(void)
{
	set_hdr(R2_PING, 0, 0, 1);
}

static void instead_put(void)
{
	make_put(8);
}

static void instead_get(void)
{
	make_get();
}

static void hello_version_0(void)
{
	out_hello->version = 0;
}

static void hello_version_next(void)
{
	out_hello->version = cpu_to_le32(R2_PROTOCOL_VERSION + 1);
}

static void hello_node_1(void)
{
	out_hello->node = cpu_to_le16(1);
}

static void hello_peer_1(void)
{
	out_hello->peer = cpu_to_le16(1);
}

static void hello_other_name(void)
{
	out_hello->cluster[0] ^= 1;
}

static void hello_idle(void)
{
	out_hello->idle_timeout_ms ^= cpu_to_le32(1);
}

static void hello_dead(void)
{
	out_hello->dead_time_ms ^= cpu_to_le32(1);
}

static void hello_keepalive(void)
{
	out_hello->keepalive_delay_ms ^= cpu_to_le32(1);
}

struct field_case {
	const char *name;
	const char *rule;
	enum outcome outcome;
	void (*make)(void);
};

/* After the handshake. */
static const struct field_case frame_cases[] = {
	{ "magic", "magic: R2_MAGIC", BAD, bad_magic },
	{ "magic-order", "magic: little-endian", BAD, bad_magic_order },
	{ "http", "magic: R2_MAGIC", BAD, http },
	{ "hdr-reserved", "reserved: zero", BAD, hdr_reserved },
	{ "hdr-reserved2", "reserved2: zero", BAD, hdr_reserved2 },
	{ "put-version-0", "version: from 1", BAD, put_version_0 },
	{ "put-version-high", "R2_MAX_VERSION", BAD, put_version_high },
	{ "put-flags", "flags: R2_ITEM_PERSISTENT or 0", BAD, put_flags },
	{ "put-len-high", "R2_MAX_PAGE", BAD, put_len_high },
	{ "put-len-65535", "R2_MAX_PAGE", BAD, put_len_65535 },
	{ "put-len-beyond", "len: within the payload", BAD, put_len_beyond },
	{ "put-pad", "len: padded with zeros", BAD, put_pad },
	{ "put-trailing", "items: as many as there are", BAD, put_trailing },
	{ "put-second-bad", "version: from 1", BAD, put_second_bad },
	{ "get-version-0", "version: from 1", BAD, get_version_0 },
	{ "get-version-high", "R2_MAX_VERSION", BAD, get_version_high },
	{ "room-reserved", "reserved: zero", BAD, room_reserved },
	{ "room-beyond", "room: at most the capacity", BAD, room_beyond },
	{ "flush-version-0", "version: from 1", BAD, flush_version_0 },
	{ "flush-reserved", "reserved: zero", BAD, flush_reserved },
	{ "flush-flags", "flags: R2_ITEM_OBJECT or 0", BAD, flush_flags },
	{ "flush-object-index", "with it, the index is zero", BAD,
	  flush_object_index },
	{ "reply-to-nobody", "2: one reply to each", BAD, reply_nobody },
	{ "reply-to-no-slot", "2: one reply to each", BAD, reply_no_slot },
	{ "reply-to-an-address", "2: one reply to each", BAD, reply_address },
};

/* In place of the HELLO, which is there already. */
static const struct field_case hello_cases[] = {
	{ "hello-node-255", "R2_MAX_NODES", BAD, hello_node_255 },
	{ "hello-node-65535", "R2_MAX_NODES", BAD, hello_node_65535 },
	{ "hello-peer-255", "R2_MAX_NODES", BAD, hello_peer_255 },
	{ "hello-instance-0", "instance: not zero", BAD, hello_instance_0 },
	{ "hello-idle-0", "idle_timeout_ms: not zero", BAD, hello_idle_0 },
	{ "hello-keepalive-0", "keepalive_delay_ms: not zero", BAD,
	  hello_keepalive_0 },
	{ "hello-dead-0", "dead_time_ms: not zero", BAD, hello_dead_0 },
	{ "hello-no-name", "cluster: a name", BAD, hello_no_name },
	{ "hello-endless-name", "R2_CLUSTER_NAME_LEN", BAD,
	  hello_endless_name },
	{ "hello-after-name", "cluster: padded with zeros", BAD,
	  hello_after_name },
	{ "hello-short", "len: of struct r2_hello", BAD, hello_short },
	{ "hello-long", "len: of struct r2_hello", BAD, hello_long },
	{ "ping-for-hello", "1: nothing before HELLO", BAD, instead_ping },
	{ "put-for-hello", "1: nothing before HELLO", BAD, instead_put },
	{ "get-for-hello", "1: nothing before HELLO", BAD, instead_get },
	{ "http-for-hello", "magic: R2_MAGIC", BAD, http },
	{ "hello-version-0", "version: must be equal", CLOSED,
	  hello_version_0 },
	{ "hello-version-next", "version: must be equal", CLOSED,
	  hello_version_next },
	{ "hello-node-1", "node: of whose address this is", CLOSED,
	  hello_node_1 },
	{ "hello-peer-1", "peer: whom it reaches", CLOSED, hello_peer_1 },
	{ "hello-other-name", "cluster: must be equal", CLOSED,
	  hello_other_name },
	{ "hello-idle", "idle_timeout_ms: must be equal", CLOSED, hello_idle },
	{ "hello-keepalive", "keepalive_delay_ms: must be equal", CLOSED,
	  hello_keepalive },
	{ "hello-dead", "dead_time_ms: must be equal", CLOSED, hello_dead },
};

static int run_frame(const struct field_case *c)
{
	int fd = greet(), err;

	if (fd < 0)
		return -1;
	c->make();
	put_out(fd);
	err = take_end(fd);
	close(fd);
	return err;
}

static int run_hello(const struct field_case *c)
{
	int fd = reach(&me.from), err;

	if (fd < 0)
		return -1;
	make_hello();
	c->make();
	put_out(fd);
	err = take_hello(fd) || take_end(fd) ? -1 : 0;
	close(fd);
	return err;
}

void run_fields(void)
{
	const struct field_case *c;

	for (c = frame_cases; c < frame_cases + COUNT(frame_cases); c++)
		if (is_wanted(c->name))
			verdict(c->name, c->rule, c->outcome, run_frame(c));
	for (c = hello_cases; c < hello_cases + COUNT(hello_cases); c++)
		if (is_wanted(c->name))
			verdict(c->name, c->rule, c->outcome, run_hello(c));
}
