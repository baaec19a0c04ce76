/* SPDX-License-Identifier: GPL-2.0 */
/*
 * remotify: move this kernel's oldest pages to a peer, and settle debts.
 */
#ifndef _RAMSTER_REMOTIFY_H
#define _RAMSTER_REMOTIFY_H

#include <linux/types.h>

struct flush_batch;
struct ramster_node;
struct remotify;
struct tmem;
struct tmem_stats;

struct remotify *remotify_create(struct ramster_node *node, struct tmem *tmem);
void remotify_destroy(struct remotify *remotify);
int remotify_run(struct remotify *remotify);
void remotify_halt(struct remotify *remotify);
void remotify_kick(struct remotify *remotify);

void remotify_set_target(struct remotify *remotify, int target);
int remotify_target(const struct remotify *remotify);
void remotify_set_pers_enable(struct remotify *remotify, bool on);
bool remotify_pers_enabled(const struct remotify *remotify);
void remotify_get_stats(const struct remotify *remotify,
			struct tmem_stats *stats);

int remotify_add_peer(struct remotify *remotify, unsigned int node);
struct flush_batch *remotify_hide_peer(struct remotify *remotify,
				       unsigned int node);
void remotify_free_peer(struct flush_batch *flush);

#endif /* _RAMSTER_REMOTIFY_H */
