/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of hostile share; see main.c.
 */
#ifndef _RAMSTER_HOSTILE_H
#define _RAMSTER_HOSTILE_H

#define R2WIRE_USER
#include <netinet/in.h>
#include "../../../ramster/r2wire.h"

/* Of the page that the peer has for us. */
#define OWN_VERSION	1000
#define OWN_BYTES	3000
#define OWN_CRC		0x12345678

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* What becomes of a connection. */
enum outcome { BAD, CLOSED, ALIVE };

/* @hello: as the peer says it, but for who speaks to whom */
struct who {
	struct sockaddr_in from;
	struct sockaddr_in to;
	unsigned int node;
	unsigned int peer;
	__u64 instance;
	struct r2_hello hello;
};

struct frame {
	struct r2_hdr hdr;
	__u8 payload[R2_MAX_PAYLOAD];
};

/* wire.c */
extern struct who me;
extern char trouble[200];
extern struct frame out, in;
/* the payload of @out */
extern struct r2_put_item *out_put;
extern struct r2_flush_item *out_flush;
extern struct r2_page *out_page;
extern struct r2_hello *out_hello;

int trouble_is(const char *format, ...) __attribute__((format(printf, 1, 2)));
void set_hdr(unsigned int type, unsigned int items, unsigned int len, __u64 id);
__u8 own_byte(unsigned int i);
void make_put(unsigned int len);
void make_get(void);
void make_flush(void);
void make_room(__u32 room, __u32 capacity, __u32 recall);
void make_get_reply(unsigned int len, __u64 id);
void make_hello(void);
int reach(const struct sockaddr_in *from);
void put_bytes(int fd, const void *bytes, size_t len);
void put_out(int fd);
int take_bytes(int fd, void *bytes, size_t len);
int take_frame(int fd);
int take_reply(int fd, unsigned int type, __u64 id);
int take_end(int fd);
int alive(int fd);
int take_hello(int fd);
int learn(void);
int greet(void);
int status_is(unsigned int status);
int put_own(int fd, unsigned int len);

/* main.c */
int is_wanted(const char *name);
void verdict(const char *name, const char *rule, enum outcome outcome, int err);

/* headers.c, fields.c, talks.c: their cases, if wanted */
void run_headers(void);
void run_fields(void);
void run_talks(void);

#endif /* _RAMSTER_HOSTILE_H */
