/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two halves of the random life of pages share: the owner and its
 * operations, in tmem_move_life_test.c, and its servers and what is on the way to
 * them, in tmem_life_servers_test.c.
 */
#ifndef _RAMSTER_TMEM_LIFE_TEST_H
#define _RAMSTER_TMEM_LIFE_TEST_H

#include "tmem_move_test.h"

enum {
	LIFE_NODES = 3,
	LIFE_LEAVER = LIFE_NODES - 1,
	LIFE_OBJECTS = 5,
	LIFE_INDEXES = 24,
	LIFE_FLIGHTS = 24,
	LIFE_DEBTS = 6,
	LIFE_OLD = 32,
	LIFE_OPS = 200000,
	LIFE_CLIENT = 42,
};

/*
 * struct life_page - what the owner ought to have
 * @version: the newest version; or 0
 * @seed: its content
 * @peers: with whom it is; nobody, if it is here
 * @holders: those of them that have not lost it since, a bitmap
 */
struct life_page {
	u64 version;
	u32 seed;
	struct tmem_peers peers;
	unsigned long holders;
};

/*
 * struct life_leg - a put on its way to one server
 * @delivered: it has arrived, or never will
 * @stored: the server has it
 * @orphaned: the owner has given up waiting, and it may still arrive
 */
struct life_leg {
	u8 node;
	bool delivered;
	bool stored;
	bool orphaned;
};

/*
 * struct flight - a page on its way to one server or two
 * @used: it is, or a part of it may still arrive
 * @answered: the owner was told, or has given up
 */
struct flight {
	bool used;
	bool answered;
	unsigned int legs;
	struct life_leg leg[TMEM_COPIES];
	u64 version;
	u32 seed;
	struct tmem_handle handle;
};

/* A server, and what is being told to it. */
struct life_node {
	struct tmem *tmem;
	struct tmem_pool *pool;
	struct tmem_debt debt[LIFE_DEBTS];
	unsigned int debts;
	unsigned int told;
	struct tmem_debt old[LIFE_OLD];
};

struct life {
	struct kunit *test;
	struct tmem_pool *pool;
	enum tmem_kind kind;
	struct rnd_state rnd;
	struct life_node node[LIFE_NODES];
	struct flight flight[LIFE_FLIGHTS];
	struct life_page page[LIFE_OBJECTS][LIFE_INDEXES];
	/* how often the interesting things have happened */
	unsigned int moved, both, halved, outdated, refused, unknown, late;
	unsigned int fetched, missed, lost;
	unsigned int single, whole, again, evicted, dropped, home, restarts;
};

static inline u32 life_draw(struct life *l, u32 below)
{
	return prandom_u32_state(&l->rnd) % below;
}

/* tmem_life_servers_test.c */
void life_start_server(struct life *l, unsigned int n);
void life_restart(struct life *l, unsigned int n);
void life_fly(struct life *l, struct flight *flight, u8 first,
	      const struct tmem_handle *handle, const struct life_page *page);
struct tmem_peers life_goes_to(const struct flight *flight);
void life_deliver(struct life *l, struct flight *flight);
enum tmem_send_result life_outcome(struct life *l, struct flight *flight,
				   struct tmem_peers *holders);
void life_debt(struct life *l, u8 n, bool answered);
void life_drop(struct life *l);
void life_tell_again(struct life *l);
void life_server_evict(struct life *l);
u64 life_held(struct life *l, unsigned int n);

#endif /* _RAMSTER_TMEM_LIFE_TEST_H */
