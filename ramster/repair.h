/* SPDX-License-Identifier: GPL-2.0 */
/*
 * repair: pages that have lost a copy get another one.
 */
#ifndef _RAMSTER_REPAIR_H
#define _RAMSTER_REPAIR_H

#include <linux/types.h>

struct ramster_node;
struct repair;
struct tmem;

/* The module parameter repair_pages_per_second. */
extern unsigned int repair_rate;

struct repair *repair_create(struct ramster_node *node, struct tmem *tmem);
void repair_halt(struct repair *repair);
void repair_destroy(struct repair *repair);
void repair_kick(struct repair *repair);
u64 repair_at_risk(const struct ramster_node *node);

#endif /* _RAMSTER_REPAIR_H */
