/* SPDX-License-Identifier: GPL-2.0 */
/*
 * heartbeat: who is alive.
 *
 * tcp knows what a peer said last, and asks it whether it is there when it has
 * said nothing for a while.  This is where it is decided what follows from that,
 * and where others ask; and where an operator can overrule it.
 */
#ifndef _RAMSTER_HEARTBEAT_H
#define _RAMSTER_HEARTBEAT_H

#include <linux/types.h>

struct r2hb;
struct r2tcp;

/**
 * enum r2hb_state - what is known of another node
 * @R2HB_UNKNOWN: nothing; it has not been connected since it was added
 * @R2HB_UP: it is alive
 * @R2HB_LOST: its connection has broken; it may be alive
 * @R2HB_DOWN: it was not heard from for the dead time
 * @R2HB_HELD: an operator says that it is down, whatever it is
 * @R2HB_NR_STATES: number of states
 */
enum r2hb_state {
	R2HB_UNKNOWN,
	R2HB_UP,
	R2HB_LOST,
	R2HB_DOWN,
	R2HB_HELD,
	R2HB_NR_STATES,
};

struct r2hb *r2hb_create(struct r2tcp *tcp, unsigned int self,
			 unsigned int dead_time_ms);
void r2hb_stop(struct r2hb *hb);
void r2hb_destroy(struct r2hb *hb);
void r2hb_set_dead_time(struct r2hb *hb, unsigned int dead_time_ms);

void r2hb_add(struct r2hb *hb, unsigned int node);
void r2hb_del(struct r2hb *hb, unsigned int node);
void r2hb_connected(struct r2hb *hb, unsigned int node);
void r2hb_disconnected(struct r2hb *hb, unsigned int node);

int r2hb_declare_up(struct r2hb *hb, unsigned int node);
int r2hb_declare_down(struct r2hb *hb, unsigned int node);

u64 r2hb_away_ms(struct r2hb *hb, unsigned int node);
enum r2hb_state r2hb_state(struct r2hb *hb, unsigned int node);
const char *r2hb_state_name(enum r2hb_state state);
ssize_t r2hb_show_state(struct r2hb *hb, unsigned int node, char *page);
ssize_t r2hb_show_declared(struct r2hb *hb, bool up, char *page);

#endif /* _RAMSTER_HEARTBEAT_H */
