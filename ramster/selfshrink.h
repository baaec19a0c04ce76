/* SPDX-License-Identifier: GPL-2.0 */
/*
 * selfshrink: bring pages home while this machine is idle.
 */
#ifndef _RAMSTER_SELFSHRINK_H
#define _RAMSTER_SELFSHRINK_H

#include <linux/types.h>

/* The module parameters disable_frontswap_selfshrink, selfshrink_period_ms. */
extern bool selfshrink_disabled;
extern unsigned int selfshrink_period_ms;

struct ramster_node;
struct selfshrink;
struct tmem;

struct selfshrink *selfshrink_start(struct ramster_node *node,
				    struct tmem *tmem);
void selfshrink_stop(struct selfshrink *selfshrink);

#endif /* _RAMSTER_SELFSHRINK_H */
