/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may be written to the files of a cluster: parsing, ranges, order,
 * duplicates.  No configfs here, and no state but what is handed in.
 *
 * An errno is all that a shell sees of a refused write, so each function also
 * says in words what was wrong, for the log.
 */
#ifndef _RAMSTER_NODEMANAGER_RULES_H
#define _RAMSTER_NODEMANAGER_RULES_H

#include <linux/list.h>
#include <linux/socket.h>
#include <linux/types.h>
#include "r2wire.h"

struct net;

/* The settings of a cluster that are numbers. */
enum r2nm_setting {
	R2NM_IDLE_TIMEOUT,
	R2NM_KEEPALIVE_DELAY,
	R2NM_DEAD_THRESHOLD,
	R2NM_RECONNECT_DELAY,
	R2NM_GET_TIMEOUT,
	R2NM_CAPACITY,
	R2NM_COPIES,
	R2NM_CLIENT_GRACE,
	R2NM_NR_SETTINGS,
};

/**
 * struct r2nm_entry - what is known of a node
 * @list: place in the cluster's list of nodes
 * @addr: address and port; the family is AF_UNSPEC as long as no address is set
 * @port: port; 0 if not set
 * @num: number
 * @num_set: @num was written
 * @local: this machine is this node
 * @local_set: @local was written
 */
struct r2nm_entry {
	struct list_head list;
	struct sockaddr_storage addr;
	unsigned int port;
	unsigned int num;
	bool num_set;
	bool local;
	bool local_set;
};

int r2nm_check_setting(const u32 *settings, enum r2nm_setting which,
		       const char *text, bool connected, u32 *value,
		       const char **why);
u32 r2nm_dead_time_ms(u32 threshold);
int r2nm_check_mode(const char *text, bool *global, const char **why);
int r2nm_check_fence(const char *text, bool *panic, const char **why);
int r2nm_check_name(const char *text, char *name, const char **why);
int r2nm_check_port(const struct r2nm_entry *entry, const char *text,
		    unsigned int *port, const char **why);
int r2nm_check_ipv4(const struct list_head *nodes,
		    const struct r2nm_entry *entry, const char *text,
		    struct sockaddr_storage *addr, const char **why);
int r2nm_check_ipv6(struct net *net, const struct list_head *nodes,
		    const struct r2nm_entry *entry, const char *text,
		    struct sockaddr_storage *addr, const char **why);
int r2nm_check_num(const struct list_head *nodes,
		   const struct r2nm_entry *entry, const char *text,
		   unsigned int *num, const char **why);
int r2nm_check_local(const struct list_head *nodes,
		     const struct r2nm_entry *entry, const char *text,
		     bool *local, const char **why);
void r2nm_entry_addr(const struct r2nm_entry *entry,
		     struct sockaddr_storage *addr);

#endif /* _RAMSTER_NODEMANAGER_RULES_H */
