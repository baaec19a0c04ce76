// SPDX-License-Identifier: GPL-2.0
/*
 * Clusters as configfs directories.  The files and their rules are described in
 * nodemanager.h; the rules are coded in nodemanager_rules.c.
 *
 * A cluster belongs to the network namespace of whoever made its directory, and
 * stops when that goes away, as everything in it does.  The directory stays,
 * for its owner to remove, and can no longer be used.
 *
 * Locks: configfs's own come first (it serialises mkdir, rmdir and writes to
 * the files of what is being removed), and those under which a namespace ends;
 * then the mutex of the cluster, which is held while the layer above is called;
 * then r2nm_clusters_lock.
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
#include "nodemanager_private.h"

const struct r2nm_ops *r2nm_ops;
static DEFINE_MUTEX(r2nm_clusters_lock);
static LIST_HEAD(r2nm_clusters);

static struct r2nm_cluster *r2nm_to_cluster(struct config_item *item)
{
	return container_of(to_config_group(item), struct r2nm_cluster, group);
}

static void r2nm_get_info(const struct r2nm_cluster *cluster,
			  struct r2nm_cluster_info *info)
{
	memset(info, 0, sizeof(*info));
	info->net = cluster->net;
	memcpy(info->name, cluster->name, sizeof(info->name));
	info->idle_timeout_ms = cluster->settings[R2NM_IDLE_TIMEOUT];
	info->keepalive_delay_ms = cluster->settings[R2NM_KEEPALIVE_DELAY];
	info->dead_time_ms =
		r2nm_dead_time_ms(cluster->settings[R2NM_DEAD_THRESHOLD]);
	info->reconnect_delay_ms = cluster->settings[R2NM_RECONNECT_DELAY];
	info->get_timeout_ms = cluster->settings[R2NM_GET_TIMEOUT];
	info->capacity_mb = cluster->settings[R2NM_CAPACITY];
	info->copies = cluster->settings[R2NM_COPIES];
	info->client_grace_ms = cluster->settings[R2NM_CLIENT_GRACE];
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

/**
 * r2nm_refuse() - say in the log why something was refused
 * @item: the directory
 * @file: the file in it, or what was to be made in it
 * @why: the reason, or NULL if the error says it all
 * @err: the error
 *
 * Return: @err.  Context: any.
 */
ssize_t r2nm_refuse(struct config_item *item, const char *file,
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

/**
 * r2nm_setting_show() - a number of the cluster is read
 * @cluster: the cluster
 * @which: the number
 * @page: where to print it
 *
 * Return: bytes printed.
 */
ssize_t r2nm_setting_show(struct r2nm_cluster *cluster, enum r2nm_setting which,
			  char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(cluster->settings[which]));
}

static void r2nm_setting_changed(struct r2nm_cluster *cluster)
{
	struct r2nm_cluster_info info;

	if (!cluster->ctx)
		return;
	r2nm_get_full_info(cluster, r2nm_local(cluster), &info);
	r2nm_ops->changed(cluster->ctx, &info);
}

/**
 * r2nm_setting_store() - a number of the cluster is written
 * @cluster: the cluster
 * @item: the directory that the file is in
 * @which: the number
 * @file: name of the file
 * @page: what is written
 * @count: bytes of it
 *
 * Return: @count, or the error of r2nm_check_setting(), with its reason in the
 * log.  Context: may sleep.
 */
ssize_t r2nm_setting_store(struct r2nm_cluster *cluster,
			   struct config_item *item, enum r2nm_setting which,
			   const char *file, const char *page, size_t count)
{
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
	return r2nm_setting_show(r2nm_to_cluster(item),			\
				 r2nm_which_##_file, page);		\
}									\
static ssize_t r2nm_cluster_##_file##_store(struct config_item *item,	\
					    const char *page,		\
					    size_t count)		\
{									\
	return r2nm_setting_store(r2nm_to_cluster(item), item,		\
				  r2nm_which_##_file, #_file, page,	\
				  count);				\
}									\
CONFIGFS_ATTR(r2nm_cluster_, _file)

R2NM_SETTING(idle_timeout_ms, R2NM_IDLE_TIMEOUT);
R2NM_SETTING(keepalive_delay_ms, R2NM_KEEPALIVE_DELAY);
R2NM_SETTING(reconnect_delay_ms, R2NM_RECONNECT_DELAY);
R2NM_SETTING(get_timeout_ms, R2NM_GET_TIMEOUT);
R2NM_SETTING(capacity_mb, R2NM_CAPACITY);
R2NM_SETTING(copies, R2NM_COPIES);
R2NM_SETTING(client_grace_ms, R2NM_CLIENT_GRACE);

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
	const char *why = NULL;
	bool panic;
	int err;

	err = r2nm_check_fence(page, &panic, &why);
	if (err)
		return r2nm_refuse(item, "fence_method", why, err);
	WRITE_ONCE(r2nm_to_cluster(item)->fence_panic, panic);
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
	&r2nm_cluster_attr_copies,
	&r2nm_cluster_attr_client_grace_ms,
	&r2nm_cluster_attr_fence_method,
	NULL,
};

/*
 * start and stop
 */

/**
 * r2nm_stop() - stop a cluster
 * @cluster: the cluster, started; its mutex is held
 */
void r2nm_stop(struct r2nm_cluster *cluster)
{
	lockdep_assert_held(&cluster->mutex);
	r2nm_ops->stop(cluster->ctx);
	cluster->ctx = NULL;
}

/**
 * r2nm_start() - start a cluster
 * @cluster: the cluster, in a namespace that has not gone; its mutex is held
 * @local: this machine's node
 *
 * Return: 0 or a negative errno.  Context: may sleep.
 */
int r2nm_start(struct r2nm_cluster *cluster, const struct r2nm_entry *local)
{
	struct r2nm_cluster_info info;
	struct net *net;
	void *ctx;
	int err;

	lockdep_assert_held(&cluster->mutex);
	/*
	 * Starting may wait for a module that registers with the namespaces;
	 * so ours must not be on its way out, waiting for our mutex.
	 */
	net = maybe_get_net(cluster->net);
	if (!net)
		return -ENODEV;

	r2nm_get_full_info(cluster, local, &info);
	ctx = r2nm_ops->start(&info);
	err = PTR_ERR_OR_ZERO(ctx);
	if (!err) {
		cluster->ctx = ctx;
		err = r2nm_add_all(cluster, local);
		if (err)
			r2nm_stop(cluster);
	}
	put_net(net);
	return err;
}

/*
 * directories of clusters
 */

static void r2nm_cluster_release(struct config_item *item)
{
	kfree(r2nm_to_cluster(item));
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
	[R2NM_DEAD_THRESHOLD]	= 31,
	[R2NM_RECONNECT_DELAY]	= 2000,
	[R2NM_GET_TIMEOUT]	= 10000,
	[R2NM_COPIES]		= 2,
	[R2NM_CLIENT_GRACE]	= 600000,
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
	cluster->net = current->nsproxy->net_ns;
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
	config_group_init_type_name(&cluster->hb_group, "heartbeat",
				    &r2nm_hb_type);
	configfs_add_default_group(&cluster->hb_group, &cluster->group);
	return &cluster->group;
}

static void r2nm_cluster_drop(struct config_group *group,
			      struct config_item *item)
{
	struct r2nm_cluster *cluster = r2nm_to_cluster(item);

	mutex_lock(&r2nm_clusters_lock);
	list_del_init(&cluster->list);
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

/*
 * what others do with clusters and nodes
 */

/* Returns with a reference to its directory, or NULL. */
static struct r2nm_cluster *r2nm_cluster_get(const struct net *net, bool hide)
{
	struct r2nm_cluster *cluster, *found = NULL;

	mutex_lock(&r2nm_clusters_lock);
	list_for_each_entry(cluster, &r2nm_clusters, list)
		if (net_eq(cluster->net, net))
			found = cluster;
	if (found) {
		config_group_get(&found->group);
		if (hide)
			list_del_init(&found->list);
	}
	mutex_unlock(&r2nm_clusters_lock);
	return found;
}

static struct config_item *r2nm_node_get(struct r2nm_cluster *cluster,
					 unsigned int num)
{
	struct config_item *item = NULL;
	struct r2nm_entry *entry;

	mutex_lock(&cluster->mutex);
	list_for_each_entry(entry, &cluster->nodes, list)
		if (entry->num_set && entry->num == num)
			item = config_item_get(r2nm_entry_item(entry));
	mutex_unlock(&cluster->mutex);
	return item;
}

/**
 * r2nm_pin() - keep a node's directory from being removed
 * @net: namespace of the cluster
 * @num: number of the node
 *
 * Return: the directory, for r2nm_unpin(); or an ERR_PTR(): -ENOENT if there is
 * no such node.
 * Context: may sleep; not from a function of &struct r2nm_ops, and with no lock
 * held that one of these takes.
 */
struct config_item *r2nm_pin(const struct net *net, unsigned int num)
{
	struct r2nm_cluster *cluster = r2nm_cluster_get(net, false);
	struct config_item *item;
	int err;

	if (!cluster)
		return ERR_PTR(-ENOENT);
	item = r2nm_node_get(cluster, num);
	config_group_put(&cluster->group);
	if (!item)
		return ERR_PTR(-ENOENT);

	err = configfs_depend_item(&r2nm_subsys, item);
	if (err) {
		config_item_put(item);
		return ERR_PTR(err);
	}
	return item;
}

/**
 * r2nm_unpin() - allow it again
 * @item: from r2nm_pin(), or NULL
 *
 * Context: may sleep; also from a function of &struct r2nm_ops.
 */
void r2nm_unpin(struct config_item *item)
{
	if (!item)
		return;
	configfs_undepend_item(item);
	config_item_put(item);
}

static void __net_exit r2nm_net_exit(struct net *net)
{
	struct r2nm_cluster *cluster = r2nm_cluster_get(net, true);

	if (!cluster)
		return;
	mutex_lock(&cluster->mutex);
	if (cluster->ctx) {
		pr_notice("cluster %s stops: its network namespace goes away\n",
			  cluster->name);
		r2nm_stop(cluster);
	}
	cluster->net = NULL;
	mutex_unlock(&cluster->mutex);
	config_group_put(&cluster->group);
}

/* Registered as a device is: it ends before the layers that it stands on. */
static struct pernet_operations r2nm_net_ops = {
	.exit = r2nm_net_exit,
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
	err = register_pernet_device(&r2nm_net_ops);
	if (err)
		return err;
	mutex_init(&r2nm_subsys.su_mutex);
	config_group_init(&r2nm_subsys.su_group);
	err = configfs_register_subsystem(&r2nm_subsys);
	if (err) {
		mutex_destroy(&r2nm_subsys.su_mutex);
		unregister_pernet_device(&r2nm_net_ops);
	}
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
	unregister_pernet_device(&r2nm_net_ops);
}
