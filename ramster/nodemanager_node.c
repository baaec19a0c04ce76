// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes of a cluster as configfs directories.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "nodemanager_private.h"

#define R2NM_MAX_NODE_NAME	64

static struct r2nm_node *r2nm_to_node(struct config_item *item)
{
	return container_of(item, struct r2nm_node, item);
}

/**
 * r2nm_entry_item() - the directory of a node
 * @entry: what is known of the node
 *
 * Return: the directory.
 */
struct config_item *r2nm_entry_item(struct r2nm_entry *entry)
{
	return &container_of(entry, struct r2nm_node, entry)->item;
}

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

/* A namespace that has gone does not come back. */
static int r2nm_gone(const struct r2nm_cluster *cluster, const char **why)
{
	lockdep_assert_held(&cluster->mutex);
	if (cluster->net)
		return 0;
	*why = "the network namespace of this cluster has gone";
	return -ENODEV;
}

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
	err = r2nm_gone(node->cluster, &why);
	if (!err)
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

/**
 * r2nm_add_all() - make peers of all nodes that have a number
 * @cluster: the cluster, just started; its mutex is held
 * @local: this machine's node
 *
 * Return: 0 or a negative errno, after which some may have been made.
 */
int r2nm_add_all(struct r2nm_cluster *cluster, const struct r2nm_entry *local)
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
	err = r2nm_gone(cluster, &why);
	if (!err)
		err = r2nm_check_local(&cluster->nodes, &node->entry, page,
				       &local, &why);
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

static ssize_t r2nm_node_state_show(struct config_item *item, char *page)
{
	struct r2nm_node *node = r2nm_to_node(item);
	struct r2nm_cluster *cluster = node->cluster;
	ssize_t len;

	mutex_lock(&cluster->mutex);
	if (!cluster->ctx || !node->entry.num_set)
		len = sysfs_emit(page, "offline\n");
	else if (node->entry.local)
		len = sysfs_emit(page, "local\n");
	else
		len = r2nm_ops->show_state(cluster->ctx, node->entry.num, page);
	mutex_unlock(&cluster->mutex);
	return len;
}

CONFIGFS_ATTR_RO(r2nm_node_, state);

static struct configfs_attribute *r2nm_node_attrs[] = {
	&r2nm_node_attr_num,
	&r2nm_node_attr_ipv4_port,
	&r2nm_node_attr_ipv4_address,
	&r2nm_node_attr_ipv6_address,
	&r2nm_node_attr_local,
	&r2nm_node_attr_state,
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
	if (!cluster->ctx)
		;
	else if (node->entry.local)
		r2nm_stop(cluster);
	else if (node->entry.num_set)
		r2nm_ops->del_node(cluster->ctx, node->entry.num);
	mutex_unlock(&cluster->mutex);
	config_item_put(item);
}

static struct configfs_group_operations r2nm_nodes_group_ops = {
	.make_item = r2nm_node_make,
	.drop_item = r2nm_node_drop,
};

const struct config_item_type r2nm_nodes_type = {
	.ct_group_ops = &r2nm_nodes_group_ops,
	.ct_owner = THIS_MODULE,
};
