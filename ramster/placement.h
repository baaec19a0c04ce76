/* SPDX-License-Identifier: GPL-2.0 */
/*
 * placement: which peers a page goes to.
 */
#ifndef _RAMSTER_PLACEMENT_H
#define _RAMSTER_PLACEMENT_H

#include <linux/types.h>
#include "../tmem.h"

struct placement;
struct ramster_node;

/**
 * struct placement_peer - a peer that might get pages
 * @node: its number
 * @room: page frames that it can lend, less those that are on their way to it
 * @capacity: page frames that it could lend if it had lent none
 */
struct placement_peer {
	u8 node;
	u32 room;
	u32 capacity;
};

struct placement *placement_create(struct ramster_node *node);
void placement_destroy(struct placement *placement);

struct tmem_peers placement_choose(struct placement *placement,
				   unsigned int copies);
void placement_sent(struct placement *placement, u8 node, unsigned int bytes);
void placement_answered(struct placement *placement, u8 node);
void placement_refused(struct placement *placement, u8 node);
bool placement_may_send(struct placement *placement, u8 node);
void placement_forgive(struct placement *placement, u8 node);

struct tmem_peers placement_pick(struct placement_peer *peer, unsigned int nr,
				 unsigned int copies, u32 (*below)(u32 ceil));

#endif /* _RAMSTER_PLACEMENT_H */
