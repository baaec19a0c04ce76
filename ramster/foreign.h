/* SPDX-License-Identifier: GPL-2.0 */
/*
 * foreign: the pages that this node holds for its peers.
 */
#ifndef _RAMSTER_FOREIGN_H
#define _RAMSTER_FOREIGN_H

#include <linux/kconfig.h>
#include <linux/types.h>
#include "tcp.h"
#include "../tmem.h"

struct foreign;
struct ramster_node;

/* The module parameter lend_watermark_mb. */
extern unsigned int foreign_watermark_mb;

struct foreign *foreign_create(struct ramster_node *node);
void foreign_run(struct foreign *foreign);
void foreign_look(struct foreign *foreign);
void foreign_halt(struct foreign *foreign);
void foreign_destroy(struct foreign *foreign);
void foreign_returned(struct foreign *foreign);
void foreign_forget(struct foreign *foreign, unsigned int client);
void foreign_room(struct foreign *foreign, unsigned int client,
		  struct r2tcp_room *room);
void foreign_get_stats(struct foreign *foreign, struct tmem_stats *stats);

int foreign_put(struct foreign *foreign, unsigned int client,
		const void *payload, unsigned int len, unsigned int items,
		struct r2tcp_reply *reply);
int foreign_get(struct foreign *foreign, unsigned int client,
		const struct r2_page *page, struct r2tcp_reply *reply);
int foreign_flush(struct foreign *foreign, unsigned int client,
		  const struct r2_flush_item *item, unsigned int items,
		  struct r2tcp_reply *reply);

#if IS_ENABLED(CONFIG_RAMSTER_KUNIT_TEST)
struct shrinker *foreign_shrinker(struct foreign *foreign);
#endif

#endif /* _RAMSTER_FOREIGN_H */
