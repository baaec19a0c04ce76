/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the node manager share with each other, and with nobody
 * else.
 *
 *   nodemanager.c          the subsystem, clusters and their files
 *   nodemanager_node.c     nodes and their files
 *   nodemanager_hb.c       the group heartbeat
 *   nodemanager_rules.c    what may be written
 */
#ifndef _RAMSTER_NODEMANAGER_PRIVATE_H
#define _RAMSTER_NODEMANAGER_PRIVATE_H

#include <linux/configfs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include "nodemanager.h"
#include "nodemanager_rules.h"

/**
 * struct r2nm_cluster - directory of a cluster
 * @group: the directory
 * @nodes_group: the directory "node" in it
 * @hb_group: the directory "heartbeat" in it
 * @list: place in r2nm_clusters; empty once the namespace has gone
 * @mutex: protects what follows, and calls of the layer above
 * @net: network namespace, not held; NULL once it has gone, which is after the
 *	cluster was taken off the list
 * @name: name that goes into the handshake
 * @settings: the files that are numbers
 * @fence_panic: what fence_method shows
 * @hb_global: what heartbeat/mode shows
 * @nodes: list of struct r2nm_entry
 * @ctx: what the layer above made of the local node; NULL without one
 */
struct r2nm_cluster {
	struct config_group group;
	struct config_group nodes_group;
	struct config_group hb_group;
	struct list_head list;
	struct mutex mutex;	/* all below, and calls of r2nm_ops */
	struct net *net;
	char name[R2_CLUSTER_NAME_LEN];
	u32 settings[R2NM_NR_SETTINGS];
	bool fence_panic;
	bool hb_global;
	struct list_head nodes;
	void *ctx;
};

/**
 * struct r2nm_node - directory of a node
 * @item: the directory
 * @cluster: where it is; not to be used once the directory was removed
 * @entry: what was written
 */
struct r2nm_node {
	struct config_item item;
	struct r2nm_cluster *cluster;
	struct r2nm_entry entry;
};

/* nodemanager.c */
extern const struct r2nm_ops *r2nm_ops;

ssize_t r2nm_refuse(struct config_item *item, const char *file,
		    const char *why, int err);
ssize_t r2nm_setting_show(struct r2nm_cluster *cluster, enum r2nm_setting which,
			  char *page);
ssize_t r2nm_setting_store(struct r2nm_cluster *cluster,
			   struct config_item *item, enum r2nm_setting which,
			   const char *file, const char *page, size_t count);
int r2nm_start(struct r2nm_cluster *cluster, const struct r2nm_entry *local);
void r2nm_stop(struct r2nm_cluster *cluster);

/* nodemanager_node.c */
extern const struct config_item_type r2nm_nodes_type;

struct config_item *r2nm_entry_item(struct r2nm_entry *entry);
int r2nm_add_all(struct r2nm_cluster *cluster, const struct r2nm_entry *local);

/* nodemanager_hb.c */
extern const struct config_item_type r2nm_hb_type;

#endif /* _RAMSTER_NODEMANAGER_PRIVATE_H */
