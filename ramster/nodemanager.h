/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nodemanager: clusters and nodes as configfs directories.
 *
 *   /sys/kernel/config/ramster/
 *     CLUSTER/                    mkdir: one for each network namespace
 *       cluster_name              default: the directory's name; must be the
 *                                 same on all nodes; fixed once a node is local
 *       idle_timeout_ms           30000; larger than keepalive_delay_ms; both
 *       keepalive_delay_ms        2000   fixed while a node is connected
 *       reconnect_delay_ms        2000
 *       get_timeout_ms            10000: a read of a remote page waits no longer
 *       capacity_mb               RAM lent to others; default half of all
 *       fence_method              reset or panic; kept and shown, without effect
 *       heartbeat/
 *         dead_threshold          31: a node that is not heard from for
 *                                 (31 - 1) * 2 s is dead; fixed while a node is
 *                                 connected; the same on all nodes
 *         mode                    local or global; kept and shown, without effect
 *         REGION/                 mkdir; kept and shown, without effect
 *       node/
 *         NODE/                   mkdir: one for each node, this one too
 *           num                   0 to 254; after port and address
 *           ipv4_port             1 to 65534
 *           ipv4_address          of one machine: no 0.0.0.0, no multicast
 *           ipv6_address          instead of the IPv4 one
 *           local                 1 on the one node that is this machine; last
 *           state                 read only: whether it is alive
 *
 * Each attribute of a node may be written once.  Writing 1 to local starts the
 * cluster: the listening socket, and a link to each numbered node.  Removing
 * that node stops it; removing another one cuts its connection, but one that
 * was pinned cannot be removed.  Every write that is refused leaves its reason
 * in the kernel's log.
 */
#ifndef _RAMSTER_NODEMANAGER_H
#define _RAMSTER_NODEMANAGER_H

#include <linux/socket.h>
#include <linux/types.h>
#include "r2wire.h"

struct config_item;
struct net;

/**
 * struct r2nm_cluster_info - settings of a cluster, at the time of asking
 * @net: network namespace of who made the cluster directory; stays until the
 *	return of &r2nm_ops.stop
 * @name: name that goes into the handshake
 * @node: number of this node
 * @addr: address and port of this node
 * @idle_timeout_ms: see the file of the same name
 * @keepalive_delay_ms: likewise
 * @dead_time_ms: what heartbeat/dead_threshold stands for
 * @reconnect_delay_ms: likewise
 * @get_timeout_ms: likewise
 * @capacity_mb: likewise
 * @copies: likewise
 * @client_grace_ms: likewise
 */
struct r2nm_cluster_info {
	struct net *net;
	char name[R2_CLUSTER_NAME_LEN];
	unsigned int node;
	struct sockaddr_storage addr;
	unsigned int idle_timeout_ms;
	unsigned int keepalive_delay_ms;
	unsigned int dead_time_ms;
	unsigned int reconnect_delay_ms;
	unsigned int get_timeout_ms;
	unsigned int capacity_mb;
	unsigned int copies;
	unsigned int client_grace_ms;
};

/**
 * struct r2nm_ops - what the layer above does when the configuration changes
 * @start: this machine's node became local; returns the node's context or an
 *	ERR_PTR(), which the write to "local" then returns
 * @stop: the local node is being removed, or not all its peers could be added;
 *	releases what @start made, and all peers without a @del_node for each
 * @add_node: a peer has number, address and port, and the cluster is started
 *	(also called for each such peer right after @start)
 * @del_node: such a peer is being removed
 * @changed: one of the numbers of @info was written; the two timeouts only
 *	while nobody is connected
 * @connected: number of peers connected now; timeouts are frozen while not 0
 * @show_state: print into a page, with a newline, whether a peer is alive
 *
 * Context: all may sleep; they are called one at a time for each cluster,
 * with the cluster's mutex held.
 */
struct r2nm_ops {
	void *(*start)(const struct r2nm_cluster_info *info);
	void (*stop)(void *ctx);
	int (*add_node)(void *ctx, unsigned int node,
			const struct sockaddr_storage *addr);
	void (*del_node)(void *ctx, unsigned int node);
	void (*changed)(void *ctx, const struct r2nm_cluster_info *info);
	unsigned int (*connected)(void *ctx);
	ssize_t (*show_state)(void *ctx, unsigned int node, char *page);
};

int r2nm_init(const struct r2nm_ops *ops);
void r2nm_exit(void);

struct config_item *r2nm_pin(const struct net *net, unsigned int num);
void r2nm_unpin(struct config_item *item);

#endif /* _RAMSTER_NODEMANAGER_H */
