/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prefetch: ask for remote pages before somebody needs them.
 */
#ifndef _RAMSTER_PREFETCH_H
#define _RAMSTER_PREFETCH_H

#include "../tmem.h"
#include "tcp.h"

struct prefetch;
struct ramster_node;

enum prefetch_claim {
	PREFETCH_NONE,		/* nobody has asked for it */
	PREFETCH_ASKED,		/* it is on its way: the claimant gets it */
	PREFETCH_HERE,		/* the claimant has it */
};

struct prefetch *prefetch_create(struct ramster_node *node);
void prefetch_destroy(struct prefetch *prefetch);

enum prefetch_claim prefetch_claim(struct prefetch *prefetch,
				   const struct r2_page *name,
				   struct r2tcp_req *req);
void prefetch_note(struct prefetch *prefetch, const struct tmem_handle *handle);

#endif /* _RAMSTER_PREFETCH_H */
