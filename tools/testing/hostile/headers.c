// SPDX-License-Identifier: GPL-2.0
/*
 * Frames whose header alone breaks a rule, by what it says of the payload.
 */
#include <string.h>
#include <unistd.h>
#include "hostile.h"

/* All of it is in the header; some of what it promises may follow. */
struct hdr_case {
	const char *name;
	const char *rule;
	unsigned int type;
	unsigned int items;
	unsigned int len;
	__u64 id;
	unsigned int sent;
};

enum { HELLO = sizeof(struct r2_hello) };

static const struct hdr_case hdr_cases[] = {
	{ "type-0", "type: enum r2_type", 0, 0, 0, 1, 0 },
	{ "type-last", "type: enum r2_type", R2_NR_TYPES, 0, 0, 1, 0 },
	{ "type-255", "type: enum r2_type", 255, 0, 0, 1, 0 },
	{ "second-hello", "1: HELLO once", R2_HELLO, 0, HELLO, 0, HELLO },
	{ "hello-with-id", "id: zero in HELLO", R2_HELLO, 0, HELLO, 1, HELLO },
	{ "ping-without-id", "id: zero only in HELLO", R2_PING, 0, 0, 0, 0 },
	{ "get-without-id", "id: zero only in HELLO", R2_GET, 0, 40, 0, 40 },
	{ "put-without-id", "id: zero only in HELLO", R2_PUT, 1, 48, 0, 48 },
	{ "ping-with-payload", "PING: none", R2_PING, 0, 8, 1, 8 },
	{ "ping-with-items", "items: only in PUT, FLUSH", R2_PING, 1, 0, 1, 0 },
	{ "pong-unasked", "2: one reply to each", R2_PONG, 0, 8, 1, 8 },
	{ "pong-empty", "PONG: one struct r2_pong", R2_PONG, 0, 0, 1, 0 },
	{ "pong-long", "PONG: one struct r2_pong", R2_PONG, 0, 16, 1, 16 },
	{ "room-without-id", "id: zero only in HELLO", R2_ROOM, 0, 16, 0, 16 },
	{ "room-empty", "ROOM: one struct r2_room", R2_ROOM, 0, 0, 1, 0 },
	{ "room-short", "ROOM: one struct r2_room", R2_ROOM, 0, 15, 1, 15 },
	{ "room-long", "ROOM: one struct r2_room", R2_ROOM, 0, 17, 1, 17 },
	{ "room-of-1", "items: only in PUT, FLUSH", R2_ROOM, 1, 16, 1, 16 },
	{ "hello-too-long", "R2_MAX_HELLO", R2_HELLO, 0, 1025, 0, 0 },
	{ "put-of-nothing", "items: a PUT has some", R2_PUT, 0, 0, 1, 0 },
	{ "put-of-257", "R2_MAX_ITEMS", R2_PUT, 257, 257 * 48, 1, 0 },
	{ "put-of-65535", "R2_MAX_ITEMS", R2_PUT, 65535, 65536, 1, 0 },
	{ "put-short", "len: room for its items", R2_PUT, 2, 48, 1, 48 },
	{ "put-unaligned", "R2_ALIGN", R2_PUT, 1, 49, 1, 49 },
	{ "put-too-long", "R2_MAX_PAYLOAD", R2_PUT, 1, 65544, 1, 0 },
	{ "put-2-gib", "R2_MAX_PAYLOAD", R2_PUT, 1, 0x80000000, 1, 4096 },
	{ "put-4-gib", "R2_MAX_PAYLOAD", R2_PUT, 1, 0xfffffff8, 1, 4096 },
	{ "get-short", "GET: one struct r2_page", R2_GET, 0, 39, 1, 39 },
	{ "get-long", "GET: one struct r2_page", R2_GET, 0, 41, 1, 41 },
	{ "get-empty", "GET: one struct r2_page", R2_GET, 0, 0, 1, 0 },
	{ "get-of-2", "items: only in PUT, FLUSH", R2_GET, 2, 80, 1, 80 },
	{ "get-4-gib", "GET: one struct r2_page", R2_GET, 0, ~0U, 1, 4096 },
	{ "flush-of-nothing", "items: a FLUSH has some", R2_FLUSH, 0, 0, 1, 0 },
	{ "flush-short", "len: as items say", R2_FLUSH, 2, 48, 1, 48 },
	{ "flush-long", "len: as items say", R2_FLUSH, 1, 96, 1, 96 },
	{ "flush-of-257", "R2_MAX_ITEMS", R2_FLUSH, 257, 257 * 48, 1, 0 },
	{ "put-reply-unasked", "2: one reply to each", R2_PUT_REPLY, 1, 1,
	  0x140, 1 },
	{ "put-reply-empty", "items: as in the PUT", R2_PUT_REPLY, 0, 0, 1, 0 },
	{ "put-reply-long", "len: as items say", R2_PUT_REPLY, 1, 2, 1, 2 },
	{ "put-reply-of-257", "R2_MAX_ITEMS", R2_PUT_REPLY, 257, 257, 1, 257 },
	{ "flush-reply-unasked", "2: one reply to each", R2_FLUSH_REPLY, 1, 1,
	  0x141, 1 },
	{ "get-reply-short", "struct r2_get_reply", R2_GET_REPLY, 0, 15, 1,
	  15 },
	{ "get-reply-too-long", "R2_MAX_PAGE", R2_GET_REPLY, 0, 16 + 4033, 1,
	  0 },
	{ "get-reply-4-gib", "R2_MAX_PAGE", R2_GET_REPLY, 0, ~0U, 1, 4096 },
	{ "get-reply-items", "items: only in PUT, FLUSH", R2_GET_REPLY, 1, 16,
	  1, 16 },
};

static int run_hdr(const struct hdr_case *c)
{
	int fd = greet(), err;

	if (fd < 0)
		return -1;
	memset(out.payload, 0, c->sent);
	set_hdr(c->type, c->items, c->len, c->id);
	put_bytes(fd, &out, sizeof(out.hdr) + c->sent);
	err = take_end(fd);
	close(fd);
	return err;
}

void run_headers(void)
{
	const struct hdr_case *c;

	for (c = hdr_cases; c < hdr_cases + COUNT(hdr_cases); c++)
		if (is_wanted(c->name))
			verdict(c->name, c->rule, BAD, run_hdr(c));
}
