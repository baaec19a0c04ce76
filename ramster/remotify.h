/* SPDX-License-Identifier: GPL-2.0 */
/*
 * remotify: move this kernel's oldest pages to peers, and settle debts.
 */
#ifndef _RAMSTER_REMOTIFY_H
#define _RAMSTER_REMOTIFY_H

#include <linux/types.h>
#include "../tmem.h"

struct flush_batch;
struct ramster_node;
struct remotify;
struct seq_file;

/* As a target: whoever has room. */
#define REMOTIFY_ANYBODY	(-2)

/* Swap pages are not held back. */
#define REMOTIFY_HOLD_NONE	U64_MAX

struct remotify *remotify_create(struct ramster_node *node, struct tmem *tmem);
void remotify_destroy(struct remotify *remotify);
int remotify_run(struct remotify *remotify);
void remotify_halt(struct remotify *remotify);
void remotify_farewell(struct remotify *remotify);
void remotify_kick(struct remotify *remotify);

void remotify_set_target(struct remotify *remotify, int target);
int remotify_target(const struct remotify *remotify);
unsigned int remotify_copies(struct remotify *remotify);
void remotify_set_enable(struct remotify *remotify, enum tmem_kind kind,
			 bool on);
bool remotify_enabled(const struct remotify *remotify, enum tmem_kind kind);
void remotify_hold(struct remotify *remotify, u64 pages);
bool remotify_has_room(const struct remotify *remotify);
void remotify_note_get(struct remotify *remotify, u64 version);
void remotify_print_pressure(const struct remotify *remotify,
			     struct seq_file *seq);
unsigned int remotify_asked(const struct remotify *remotify);
struct tmem *remotify_tmem(const struct remotify *remotify);
void remotify_get_stats(const struct remotify *remotify,
			struct tmem_stats *stats);

int remotify_add_peer(struct remotify *remotify, unsigned int node);
struct flush_batch *remotify_hide_peer(struct remotify *remotify,
				       unsigned int node);
void remotify_free_peer(struct flush_batch *flush);
void remotify_peer_restarted(struct remotify *remotify, unsigned int node);

#endif /* _RAMSTER_REMOTIFY_H */
