/* SPDX-License-Identifier: GPL-2.0 */
/*
 * homing: pages that are with peers are fetched, and kept here.
 */
#ifndef _RAMSTER_HOMING_H
#define _RAMSTER_HOMING_H

#include "../tmem.h"

struct homing;
struct ramster_node;

/* So many pages come at a time; a fault's request finds room beside them. */
#define HOMING_BATCH	16

struct homing *homing_create(struct ramster_node *node, struct tmem *tmem,
			     unsigned int batch, unsigned int window);
void homing_destroy(struct homing *homing);
unsigned int homing_collect(struct homing *homing, struct tmem_search *search,
			    unsigned int max);
unsigned int homing_fetch(struct homing *homing);

#endif /* _RAMSTER_HOMING_H */
