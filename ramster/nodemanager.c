// SPDX-License-Identifier: GPL-2.0
/*
 * Clusters and nodes as configfs directories.  The files and their rules are
 * described in nodemanager.h; the rules are coded in nodemanager_rules.c.
 *
 * A cluster belongs to the network namespace of whoever made its directory,
 * and keeps that namespace alive until the directory is removed.
 *
 * Locks: configfs's own come first (it serialises mkdir, rmdir and writes to
 * the files of what is being removed); then the mutex of the cluster, which is
 * held while the layer above is called; then r2nm_clusters_lock.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/configfs.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include "nodemanager.h"
#include "nodemanager_rules.h"

#define R2NM_MAX_NODE_NAME	64
/* A node that is not heard from for this long is dead. */
#define R2NM_DEAD_TIME_MS	60000

/**
 * struct r2nm_cluster - directory of a cluster
 * @group: the directory
 * @nodes_group: the directory "node" in it
 * @list: place in r2nm_clusters
 * @net: network namespace
 * @ns_tracker: of our reference to it
 * @mutex: protects what follows, and calls of the layer above
 * @name: name that goes into the handshake
 * @settings: the files that are numbers
 * @fence_panic: what fence_method shows
 * @nodes: list of struct r2nm_entry
 * @ctx: what the layer above made of the local node; NULL without one
 */
struct r2nm_cluster {
	struct config_group group;
	struct config_group nodes_group;
	struct list_head list;
	struct net *net;
	netns_tracker ns_tracker;
	struct mutex mutex;	/* all below, and calls of r2nm_ops */
	char name[R2_CLUSTER_NAME_LEN];
	u32 settings[R2NM_NR_SETTINGS];
	bool fence_panic;
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

static const struct r2nm_ops *r2nm_ops;
static DEFINE_MUTEX(r2nm_clusters_lock);
static LIST_HEAD(r2nm_clusters);

static struct r2nm_cluster *r2nm_to_cluster(struct config_item *item)
{
	return container_of(to_config_group(item), struct r2nm_cluster, group);
}

static struct r2nm_node *r2nm_to_node(struct config_item *item)
{
	return container_of(item, struct r2nm_node, item);
}

static void r2nm_get_info(const struct r2nm_cluster *cluster,
			  struct r2nm_cluster_info *info)
{
	memset(info, 0, sizeof(*info));
	info->net = cluster->net;
	memcpy(info->name, cluster->name, sizeof(info->name));
	info->idle_timeout_ms = cluster->settings[R2NM_IDLE_TIMEOUT];
	info->keepalive_delay_ms = cluster->settings[R2NM_KEEPALIVE_DELAY];
	info->dead_time_ms = R2NM_DEAD_TIME_MS;
	info->reconnect_delay_ms = cluster->settings[R2NM_RECONNECT_DELAY];
	info->get_timeout_ms = cluster->settings[R2NM_GET_TIMEOUT];
	info->capacity_mb = cluster->settings[R2NM_CAPACITY];
}

/* The local node, or NULL. */
static struct r2nm_entry *r2nm_local(struct r2nm_cluster *cluster)
{
	struct r2nm_entry *entry;

	list_for_each_entry(entry, &cluster->nodes, list)
		if (entry->local)
			return entry;
	return NULL;
}

static void r2nm_get_full_info(struct r2nm_cluster *cluster,
			       const struct r2nm_entry *local,
			       struct r2nm_cluster_info *info)
{
	r2nm_get_info(cluster, info);
	info->node = local->num;
	r2nm_entry_addr(local, &info->addr);
}

/* An errno is all that the writer sees; say the rest here. */
static ssize_t r2nm_refuse(struct config_item *item, const char *file,
			   const char *why, int err)
{
	if (why)
		pr_notice_ratelimited("%s/%s: %s (error %d)\n",
				      config_item_name(item), file, why, err);
	else
		pr_notice_ratelimited("%s/%s: error %d\n",
				      config_item_name(item), file, err);
	return err;
}

/*
 * files of a cluster
 */

static ssize_t r2nm_setting_show(struct config_item *item,
				 enum r2nm_setting which, char *page)
{
	return sysfs_emit(page, "%u\n",
			  READ_ONCE(r2nm_to_cluster(item)->settings[which]));
}

static void r2nm_setting_changed(struct r2nm_cluster *cluster)
{
	struct r2nm_cluster_info info;

	if (!cluster->ctx)
		return;
	r2nm_get_full_info(cluster, r2nm_local(cluster), &info);
	r2nm_ops->changed(cluster->ctx, &info);
}

static ssize_t r2nm_setting_store(struct config_item *item,
				  enum r2nm_setting which, const char *file,
				  const char *page, size_t count)
{
	struct r2nm_cluster *cluster = r2nm_to_cluster(item);
	const char *why = NULL;
	bool connected;
	u32 value;
	int err;

	mutex_lock(&cluster->mutex);
	connected = cluster->ctx && r2nm_ops->connected(cluster->ctx);
	err = r2nm_check_setting(cluster->settings, which, page, connected,
				 &value, &why);
	if (!err) {
		WRITE_ONCE(cluster->settings[which], value);
		r2nm_setting_changed(cluster);
	}
	mutex_unlock(&cluster->mutex);
	return err ? r2nm_refuse(item, file, why, err) : count;
}

#define R2NM_SETTING(_file, _which)					\
static const enum r2nm_setting r2nm_which_##_file = _which;		\
									\
static ssize_t r2nm_cluster_##_file##_show(struct config_item *item,	\
					   char *page)			\
{									\
	return r2nm_setting_show(item, r2nm_which_##_file, page);	\
}									\
static ssize_t r2nm_cluster_##_file##_store(struct config_item *item,	\
					    const char *page,		\
					    size_t count)		\
{									\
	return r2nm_setting_store(item, r2nm_which_##_file, #_file,	\
				  page, count);				\
}									\
CONFIGFS_ATTR(r2nm_cluster_, _file)

R2NM_SETTING(idle_timeout_ms, R2NM_IDLE_TIMEOUT);
R2NM_SETTING(keepalive_delay_ms, R2NM_KEEPALIVE_DELAY);
R2NM_SETTING(reconnect_delay_ms, R2NM_RECONNECT_DELAY);
R2NM_SETTING(get_timeout_ms, R2NM_GET_TIMEOUT);
R2NM_SETTING(capacity_mb, R2NM_CAPACITY);

static ssize_t r2nm_cluster_cluster_name_show(struct config_item *item,
					      char *page)
{
	struct r2nm_cluster *cluster = r2nm_to_cluster(item);
	ssize_t len;

	mutex_lock(&cluster->mutex);
	len = sysfs_emit(page, "%s\n", cluster->name);
	mutex_unlock(&cluster->mutex);
	return len;
}

static ssize_t r2nm_cluster_cluster_name_store(struct config_item *item,
					       const char *page, size_t count)
{
	struct r2nm_cluster *cluster = r2nm_to_cluster(item);
	const char *why = "cannot change while a node is local";
	int err = -EBUSY;

	mutex_lock(&cluster->mutex);
	if (!cluster->ctx)
		err = r2nm_check_name(page, cluster->name, &why);
	mutex_unlock(&cluster->mutex);
	return err ? r2nm_refuse(item, "cluster_name", why, err) : count;
}

CONFIGFS_ATTR(r2nm_cluster_, cluster_name);

static ssize_t r2nm_cluster_fence_method_show(struct config_item *item,
					      char *page)
{
	return sysfs_emit(page, "%s\n",
			  READ_ONCE(r2nm_to_cluster(item)->fence_panic) ?
			  "panic" : "reset");
}

/* Nothing is ever fenced; scripts written for the original set it. */
static ssize_t r2nm_cluster_fence_method_store(struct config_item *item,
					       const char *page, size_t count)
{
	struct r2nm_cluster *cluster = r2nm_to_cluster(item);
	size_t len = strcspn(page, "\n");

	if (len != 5 || (strncasecmp(page, "reset", 5) &&
			 strncasecmp(page, "panic", 5)))
		return r2nm_refuse(item, "fence_method",
				   "neither reset nor panic", -EINVAL);
	WRITE_ONCE(cluster->fence_panic, !strncasecmp(page, "panic", 5));
	return count;
}

CONFIGFS_ATTR(r2nm_cluster_, fence_method);

static struct configfs_attribute *r2nm_cluster_attrs[] = {
	&r2nm_cluster_attr_cluster_name,
	&r2nm_cluster_attr_idle_timeout_ms,
	&r2nm_cluster_attr_keepalive_delay_ms,
	&r2nm_cluster_attr_reconnect_delay_ms,
	&r2nm_cluster_attr_get_timeout_ms,
	&r2nm_cluster_attr_capacity_mb,
	&r2nm_cluster_attr_fence_method,
	NULL,
};

/*
 * files of a node
 */

static ssize_t r2nm_node_ipv4_port_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n",
			  READ_ONCE(r2nm_to_node(item)->entry.port));
}

static ssize_t r2nm_node_ipv4_port_store(struct config_item *item,
					 const char *page, size_t count)
{
	struct r2nm_node *node = r2nm_to_node(item);
	const char *why = NULL;
	unsigned int port;
	int err;

	mutex_lock(&node->cluster->mutex);
	err = r2nm_check_port(&node->entry, page, &port, &why);
	if (!err)
		WRITE_ONCE(node->entry.port, port);
	mutex_unlock(&node->cluster->mutex);
	return err ? r2nm_refuse(item, "ipv4_port", why, err) : count;
}

CONFIGFS_ATTR(r2nm_node_, ipv4_port);

static ssize_t r2nm_addr_show(struct config_item *item, sa_family_t family,
			      char *page)
{
	struct r2nm_node *node = r2nm_to_node(item);
	ssize_t len;

	mutex_lock(&node->cluster->mutex);
	if (node->entry.addr.ss_family == family)
		len = sysfs_emit(page, "%pISc\n", &node->entry.addr);
	else if (family == AF_INET)
		len = sysfs_emit(page, "0.0.0.0\n");
	else
		len = sysfs_emit(page, "::\n");
	mutex_unlock(&node->cluster->mutex);
	return len;
}

static ssize_t r2nm_node_ipv4_address_show(struct config_item *item,
					   char *page)
{
	return r2nm_addr_show(item, AF_INET, page);
}

static ssize_t r2nm_node_ipv4_address_store(struct config_item *item,
					    const char *page, size_t count)
{
	struct r2nm_node *node = r2nm_to_node(item);
	struct sockaddr_storage addr;
	const char *why = NULL;
	int err;

	mutex_lock(&node->cluster->mutex);
	err = r2nm_check_ipv4(&node->cluster->nodes, &node->entry, page, &addr,
			      &why);
	if (!err)
		node->entry.addr = addr;
	mutex_unlock(&node->cluster->mutex);
	return err ? r2nm_refuse(item, "ipv4_address", why, err) : count;
}

CONFIGFS_ATTR(r2nm_node_, ipv4_address);

static ssize_t r2nm_node_ipv6_address_show(struct config_item *item,
					   char *page)
{
	return r2nm_addr_show(item, AF_INET6, page);
}

static ssize_t r2nm_node_ipv6_address_store(struct config_item *item,
					    const char *page, size_t count)
{
	struct r2nm_node *node = r2nm_to_node(item);
	struct sockaddr_storage addr;
	const char *why = NULL;
	int err;

	mutex_lock(&node->cluster->mutex);
	err = r2nm_check_ipv6(node->cluster->net, &node->cluster->nodes,
			      &node->entry, page, &addr, &why);
	if (!err)
		node->entry.addr = addr;
	mutex_unlock(&node->cluster->mutex);
	return err ? r2nm_refuse(item, "ipv6_address", why, err) : count;
}

CONFIGFS_ATTR(r2nm_node_, ipv6_address);

static int r2nm_add_node(struct r2nm_cluster *cluster,
			 const struct r2nm_entry *entry, unsigned int num)
{
	struct sockaddr_storage addr;

	if (!cluster->ctx)
		return 0;
	r2nm_entry_addr(entry, &addr);
	return r2nm_ops->add_node(cluster->ctx, num, &addr);
}

static ssize_t r2nm_node_num_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n",
			  READ_ONCE(r2nm_to_node(item)->entry.num));
}

static ssize_t r2nm_node_num_store(struct config_item *item, const char *page,
				   size_t count)
{
	struct r2nm_node *node = r2nm_to_node(item);
	struct r2nm_cluster *cluster = node->cluster;
	const char *why = NULL;
	unsigned int num;
	int err;

	mutex_lock(&cluster->mutex);
	err = r2nm_check_num(&cluster->nodes, &node->entry, page, &num, &why);
	if (!err)
		err = r2nm_add_node(cluster, &node->entry, num);
	if (!err) {
		WRITE_ONCE(node->entry.num, num);
		node->entry.num_set = true;
	}
	mutex_unlock(&cluster->mutex);
	return err ? r2nm_refuse(item, "num", why, err) : count;
}

CONFIGFS_ATTR(r2nm_node_, num);

static int r2nm_add_all(struct r2nm_cluster *cluster,
			const struct r2nm_entry *local)
{
	struct r2nm_entry *entry;
	int err;

	list_for_each_entry(entry, &cluster->nodes, list) {
		if (entry == local || !entry->num_set)
			continue;
		err = r2nm_add_node(cluster, entry, entry->num);
		if (err)
			return err;
	}
	return 0;
}

static void r2nm_stop(struct r2nm_cluster *cluster)
{
	r2nm_ops->stop(cluster->ctx);
	cluster->ctx = NULL;
}

static int r2nm_start(struct r2nm_cluster *cluster,
		      const struct r2nm_entry *local)
{
	struct r2nm_cluster_info info;
	void *ctx;
	int err;

	r2nm_get_full_info(cluster, local, &info);
	ctx = r2nm_ops->start(&info);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	cluster->ctx = ctx;
	err = r2nm_add_all(cluster, local);
	if (err)
		r2nm_stop(cluster);
	return err;
}

static ssize_t r2nm_node_local_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n",
			  READ_ONCE(r2nm_to_node(item)->entry.local));
}

static ssize_t r2nm_node_local_store(struct config_item *item,
				     const char *page, size_t count)
{
	struct r2nm_node *node = r2nm_to_node(item);
	struct r2nm_cluster *cluster = node->cluster;
	const char *why = NULL;
	bool local = false;
	int err;

	mutex_lock(&cluster->mutex);
	err = r2nm_check_local(&cluster->nodes, &node->entry, page, &local,
			       &why);
	if (!err && local)
		err = r2nm_start(cluster, &node->entry);
	if (!err) {
		WRITE_ONCE(node->entry.local, local);
		node->entry.local_set = true;
	}
	mutex_unlock(&cluster->mutex);
	return err ? r2nm_refuse(item, "local", why, err) : count;
}

CONFIGFS_ATTR(r2nm_node_, local);

static struct configfs_attribute *r2nm_node_attrs[] = {
	&r2nm_node_attr_num,
	&r2nm_node_attr_ipv4_port,
	&r2nm_node_attr_ipv4_address,
	&r2nm_node_attr_ipv6_address,
	&r2nm_node_attr_local,
	NULL,
};

/*
 * directories of nodes
 */

static void r2nm_node_release(struct config_item *item)
{
	kfree(r2nm_to_node(item));
}

static struct configfs_item_operations r2nm_node_item_ops = {
	.release = r2nm_node_release,
};

static const struct config_item_type r2nm_node_type = {
	.ct_item_ops = &r2nm_node_item_ops,
	.ct_attrs = r2nm_node_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *r2nm_node_make(struct config_group *group,
					  const char *name)
{
	struct r2nm_cluster *cluster =
		container_of(group, struct r2nm_cluster, nodes_group);
	struct r2nm_node *node;

	if (strlen(name) > R2NM_MAX_NODE_NAME)
		return ERR_PTR(r2nm_refuse(&group->cg_item, name,
					   "name too long", -ENAMETOOLONG));
	node = kzalloc(sizeof(*node), GFP_KERNEL);
	if (!node)
		return ERR_PTR(-ENOMEM);
	node->cluster = cluster;
	config_item_init_type_name(&node->item, name, &r2nm_node_type);

	mutex_lock(&cluster->mutex);
	list_add_tail(&node->entry.list, &cluster->nodes);
	mutex_unlock(&cluster->mutex);
	return &node->item;
}

static void r2nm_node_drop(struct config_group *group, struct config_item *item)
{
	struct r2nm_node *node = r2nm_to_node(item);
	struct r2nm_cluster *cluster = node->cluster;

	mutex_lock(&cluster->mutex);
	list_del(&node->entry.list);
	/* A node without a number is nobody's peer. */
	if (node->entry.local)
		r2nm_stop(cluster);
	else if (node->entry.num_set && cluster->ctx)
		r2nm_ops->del_node(cluster->ctx, node->entry.num);
	mutex_unlock(&cluster->mutex);
	config_item_put(item);
}

static struct configfs_group_operations r2nm_nodes_group_ops = {
	.make_item = r2nm_node_make,
	.drop_item = r2nm_node_drop,
};

static const struct config_item_type r2nm_nodes_type = {
	.ct_group_ops = &r2nm_nodes_group_ops,
	.ct_owner = THIS_MODULE,
};

/*
 * directories of clusters
 */

static void r2nm_cluster_release(struct config_item *item)
{
	struct r2nm_cluster *cluster = r2nm_to_cluster(item);

	put_net_track(cluster->net, &cluster->ns_tracker);
	kfree(cluster);
}

static struct configfs_item_operations r2nm_cluster_item_ops = {
	.release = r2nm_cluster_release,
};

static const struct config_item_type r2nm_cluster_type = {
	.ct_item_ops = &r2nm_cluster_item_ops,
	.ct_attrs = r2nm_cluster_attrs,
	.ct_owner = THIS_MODULE,
};

static const u32 r2nm_defaults[R2NM_NR_SETTINGS] = {
	[R2NM_IDLE_TIMEOUT]	= 30000,
	[R2NM_KEEPALIVE_DELAY]	= 2000,
	[R2NM_RECONNECT_DELAY]	= 2000,
	[R2NM_GET_TIMEOUT]	= 10000,
};

static struct r2nm_cluster *r2nm_cluster_alloc(const char *name)
{
	struct r2nm_cluster *cluster = kzalloc(sizeof(*cluster), GFP_KERNEL);

	if (!cluster)
		return NULL;
	mutex_init(&cluster->mutex);
	INIT_LIST_HEAD(&cluster->nodes);
	strscpy(cluster->name, name, sizeof(cluster->name));
	memcpy(cluster->settings, r2nm_defaults, sizeof(r2nm_defaults));
	cluster->settings[R2NM_CAPACITY] =
		(totalram_pages() / 2) >> (20 - PAGE_SHIFT);
	cluster->net = get_net_track(current->nsproxy->net_ns,
				     &cluster->ns_tracker, GFP_KERNEL);
	return cluster;
}

/* At most one cluster for each network namespace. */
static int r2nm_cluster_register(struct r2nm_cluster *cluster)
{
	struct r2nm_cluster *other;
	int err = 0;

	mutex_lock(&r2nm_clusters_lock);
	list_for_each_entry(other, &r2nm_clusters, list)
		if (net_eq(other->net, cluster->net))
			err = -ENOSPC;
	if (!err)
		list_add(&cluster->list, &r2nm_clusters);
	mutex_unlock(&r2nm_clusters_lock);
	return err;
}

static struct config_group *r2nm_cluster_make(struct config_group *group,
					      const char *name)
{
	struct r2nm_cluster *cluster;
	int err;

	if (strlen(name) >= R2_CLUSTER_NAME_LEN)
		return ERR_PTR(r2nm_refuse(&group->cg_item, name,
					   "name too long", -ENAMETOOLONG));
	cluster = r2nm_cluster_alloc(name);
	if (!cluster)
		return ERR_PTR(-ENOMEM);
	config_group_init_type_name(&cluster->group, name, &r2nm_cluster_type);

	err = r2nm_cluster_register(cluster);
	if (err) {
		r2nm_refuse(&group->cg_item, name,
			    "this network namespace has a cluster already",
			    err);
		config_group_put(&cluster->group);
		return ERR_PTR(err);
	}
	config_group_init_type_name(&cluster->nodes_group, "node",
				    &r2nm_nodes_type);
	configfs_add_default_group(&cluster->nodes_group, &cluster->group);
	return &cluster->group;
}

static void r2nm_cluster_drop(struct config_group *group,
			      struct config_item *item)
{
	struct r2nm_cluster *cluster = r2nm_to_cluster(item);

	mutex_lock(&r2nm_clusters_lock);
	list_del(&cluster->list);
	mutex_unlock(&r2nm_clusters_lock);
	configfs_remove_default_groups(&cluster->group);
	config_item_put(item);
}

static struct configfs_group_operations r2nm_subsys_group_ops = {
	.make_group = r2nm_cluster_make,
	.drop_item = r2nm_cluster_drop,
};

static const struct config_item_type r2nm_subsys_type = {
	.ct_group_ops = &r2nm_subsys_group_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem r2nm_subsys = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "ramster",
			.ci_type = &r2nm_subsys_type,
		},
	},
};

/**
 * r2nm_init() - offer the directory "ramster" in configfs
 * @ops: what to do when something is configured
 *
 * Return: 0 or a negative errno.  Context: may sleep.
 */
int r2nm_init(const struct r2nm_ops *ops)
{
	int err;

	r2nm_ops = ops;
	mutex_init(&r2nm_subsys.su_mutex);
	config_group_init(&r2nm_subsys.su_group);
	err = configfs_register_subsystem(&r2nm_subsys);
	if (err)
		mutex_destroy(&r2nm_subsys.su_mutex);
	return err;
}

/**
 * r2nm_exit() - take the directory away
 *
 * There are no clusters in it: each keeps the module from being unloaded.
 * Context: may sleep.
 */
void r2nm_exit(void)
{
	configfs_unregister_subsystem(&r2nm_subsys);
	mutex_destroy(&r2nm_subsys.su_mutex);
}
