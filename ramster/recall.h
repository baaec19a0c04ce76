/* SPDX-License-Identifier: GPL-2.0 */
/*
 * recall: pages leave a peer that needs its RAM for itself.
 */
#ifndef _RAMSTER_RECALL_H
#define _RAMSTER_RECALL_H

#include <linux/kconfig.h>
#include <linux/types.h>

struct ramster_node;
struct recall;
struct recall_peer;
struct tmem;

struct recall *recall_create(struct ramster_node *node, struct tmem *tmem);
bool recall_halt(struct recall *recall);
void recall_destroy(struct recall *recall);
void recall_kick(struct recall *recall, unsigned int node);

int recall_add_peer(struct recall *recall, unsigned int node);
struct recall_peer *recall_hide_peer(struct recall *recall, unsigned int node);
void recall_free_peer(struct recall_peer *peer);

#if IS_ENABLED(CONFIG_RAMSTER_KUNIT_TEST)
void recall_set_room(struct recall *recall, bool (*has_room)(void));
#endif

#endif /* _RAMSTER_RECALL_H */
