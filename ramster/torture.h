/* SPDX-License-Identifier: GPL-2.0 */
/*
 * torture: pages and work for nodes that have none of their own.
 */
#ifndef _RAMSTER_TORTURE_H
#define _RAMSTER_TORTURE_H

#include <linux/types.h>

struct dentry;
struct ramster_node;
struct tmem;
struct torture;

#ifdef CONFIG_RAMSTER_TORTURE
int torture_create(struct ramster_node *node);
void torture_destroy(struct torture *torture);
struct tmem *torture_tmem(const struct torture *torture);
void torture_halt(struct torture *torture);
void torture_peer_restarted(struct torture *torture, unsigned int peer);

/* torture_debug.c */
void torture_debug_add(struct torture *torture, struct dentry *parent);
void torture_debug_del(struct torture *torture);
#else
static inline int torture_create(struct ramster_node *node)
{
	return 0;
}

static inline void torture_destroy(struct torture *torture) {}

static inline struct tmem *torture_tmem(const struct torture *torture)
{
	return NULL;
}

static inline void torture_halt(struct torture *torture) {}
static inline void torture_peer_restarted(struct torture *torture,
					  unsigned int peer) {}
static inline void torture_debug_add(struct torture *torture,
				     struct dentry *parent) {}
static inline void torture_debug_del(struct torture *torture) {}
#endif

#endif /* _RAMSTER_TORTURE_H */
