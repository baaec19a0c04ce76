// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs: the control files of the node that moves this kernel's own pages,
 * /sys/kernel/mm/ramster/.
 *
 * A write that cannot be carried out fails, and the log says why.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <net/net_namespace.h>

#include "foreign.h"
#include "heartbeat.h"
#include "ramster_int.h"
#include "remotify.h"
#include "repair.h"

/* Raised when a file here, or in configfs, changes its meaning. */
#define INTERFACE_REVISION	8

static struct kobject *ramster_kobj;

static ssize_t interface_revision_show(struct kobject *kobj,
				       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", INTERFACE_REVISION);
}

static struct kobj_attribute interface_revision_attr =
	__ATTR_RO(interface_revision);

static ssize_t remote_pers_pages_show(struct kobject *kobj,
				      struct kobj_attribute *attr, char *buf)
{
	struct ramster_node *node = ramster_owner_get();
	struct tmem_stats stats = {};

	if (node)
		remotify_get_stats(node->remotify, &stats);
	ramster_owner_put();
	return sysfs_emit(buf, "%llu\n", stats.remote[TMEM_PERSISTENT]);
}

static struct kobj_attribute remote_pers_pages_attr =
	__ATTR_RO(remote_pers_pages);

static ssize_t remote_sending_show(struct kobject *kobj,
				   struct kobj_attribute *attr, char *buf)
{
	struct ramster_node *node = ramster_owner_get();
	struct tmem_stats stats = {};

	if (node)
		remotify_get_stats(node->remotify, &stats);
	ramster_owner_put();
	return sysfs_emit(buf, "%llu\n", stats.sending);
}

static struct kobj_attribute remote_sending_attr = __ATTR_RO(remote_sending);

static ssize_t remote_debts_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	struct ramster_node *node = ramster_owner_get();
	struct tmem_stats stats = {};

	if (node)
		remotify_get_stats(node->remotify, &stats);
	ramster_owner_put();
	return sysfs_emit(buf, "%llu\n", stats.debts);
}

static struct kobj_attribute remote_debts_attr = __ATTR_RO(remote_debts);

static ssize_t remote_pages_at_risk_show(struct kobject *kobj,
					 struct kobj_attribute *attr,
					 char *buf)
{
	struct ramster_node *node = ramster_owner_get();
	u64 pages = node ? repair_at_risk(node) : 0;

	ramster_owner_put();
	return sysfs_emit(buf, "%llu\n", pages);
}

static struct kobj_attribute remote_pages_at_risk_attr =
	__ATTR_RO(remote_pages_at_risk);

static ssize_t foreign_pers_pages_show(struct kobject *kobj,
				       struct kobj_attribute *attr, char *buf)
{
	struct ramster_node *node = ramster_machine_get();
	struct tmem_stats stats = {};

	if (node)
		foreign_get_stats(node->foreign, &stats);
	ramster_owner_put();
	return sysfs_emit(buf, "%llu\n", stats.zbud[TMEM_PERSISTENT].zpages);
}

static struct kobj_attribute foreign_pers_pages_attr =
	__ATTR_RO(foreign_pers_pages);

static ssize_t remote_target_nodenum_show(struct kobject *kobj,
					  struct kobj_attribute *attr,
					  char *buf)
{
	struct ramster_node *node = ramster_owner_get();
	int target = node ? remotify_target(node->remotify) : -1;

	ramster_owner_put();
	if (target == REMOTIFY_ANYBODY)
		return sysfs_emit(buf, "any\n");
	if (target < 0)
		return sysfs_emit(buf, "unset\n");
	return sysfs_emit(buf, "%d\n", target);
}

static int parse_target(const char *buf, int *target)
{
	unsigned int num;

	if (sysfs_streq(buf, "unset")) {
		*target = -1;
		return 0;
	}
	if (sysfs_streq(buf, "any")) {
		*target = REMOTIFY_ANYBODY;
		return 0;
	}
	if (kstrtouint(buf, 10, &num) || num >= R2_MAX_NODES) {
		pr_notice("remote_target_nodenum takes a node number, 0 to %d, \"any\" or \"unset\"\n",
			  R2_MAX_NODES - 1);
		return -EINVAL;
	}
	*target = num;
	return 0;
}

static int check_target(struct ramster_node *node, int target)
{
	if (!node) {
		pr_notice("no target can be set: this machine's node is not up\n");
		return -ENODEV;
	}
	if (target == node->info.node) {
		pr_notice("node %d is this machine; it cannot be the target\n",
			  target);
		return -ELOOP;
	}
	if (target >= 0 && r2hb_state(node->hb, target) != R2HB_UP) {
		pr_notice("node %d is not up; it cannot be the target\n",
			  target);
		return -ENOTCONN;
	}
	return 0;
}

static int try_target(int target)
{
	int err = check_target(ramster_owner_get(), target);

	ramster_owner_put();
	return err;
}

/* The directory of the target is pinned: not with ramster_mutex held. */
static int set_target(int target)
{
	struct config_item *pin = NULL;
	struct ramster_node *node;
	int err;

	if (target >= 0) {
		pin = r2nm_pin(&init_net, target);
		if (IS_ERR(pin))
			return PTR_ERR(pin);
	}
	node = ramster_owner_get();
	err = check_target(node, target);
	if (!err) {
		remotify_set_target(node->remotify, target);
		swap(node->target, pin);
	}
	ramster_owner_put();
	r2nm_unpin(pin);
	return err;
}

static ssize_t remote_target_nodenum_store(struct kobject *kobj,
					   struct kobj_attribute *attr,
					   const char *buf, size_t len)
{
	int target, err;

	err = parse_target(buf, &target);
	if (!err)
		err = try_target(target);
	if (!err)
		err = set_target(target);
	if (err)
		return err;
	if (target == REMOTIFY_ANYBODY)
		pr_info("pages go to whoever has room\n");
	else if (target < 0)
		pr_info("no node is the remotification target\n");
	else
		pr_info("node %d is the remotification target\n", target);
	return len;
}

static struct kobj_attribute remote_target_nodenum_attr =
	__ATTR_RW(remote_target_nodenum);

/* Nodes that were declared up, or down. */
static ssize_t show_declared(bool up, char *buf)
{
	struct ramster_node *node = ramster_machine_get();
	ssize_t len;

	if (node)
		len = r2hb_show_declared(node->hb, up, buf);
	else
		len = sysfs_emit(buf, "\n");
	ramster_owner_put();
	return len;
}

static int parse_node(const char *file, const char *buf, unsigned int *num)
{
	if (!kstrtouint(buf, 10, num) && *num < R2_MAX_NODES)
		return 0;
	pr_notice("%s takes a node number, 0 to %d\n", file, R2_MAX_NODES - 1);
	return -EINVAL;
}

/* Why a node was not declared anything. */
static int refuse_node(const char *file, unsigned int num, int err)
{
	switch (err) {
	case -ENODEV:
		pr_notice("%s: this machine's node is not up yet; write it again when it is\n",
			  file);
		break;
	case -ELOOP:
		pr_notice("%s: node %u is this machine; remove its directory in configfs instead\n",
			  file, num);
		break;
	case -ENOENT:
		pr_notice("%s: there is no node %u in configfs\n", file, num);
		break;
	}
	return err;
}

static ssize_t manual_node_up_show(struct kobject *kobj,
				   struct kobj_attribute *attr, char *buf)
{
	return show_declared(true, buf);
}

static ssize_t manual_node_up_store(struct kobject *kobj,
				    struct kobj_attribute *attr,
				    const char *buf, size_t len)
{
	struct ramster_node *node;
	unsigned int num;
	int err;

	err = parse_node("manual_node_up", buf, &num);
	if (err)
		return err;

	node = ramster_machine_get();
	err = node ? r2hb_declare_up(node->hb, num) : -ENODEV;
	ramster_owner_put();
	return err ? refuse_node("manual_node_up", num, err) : len;
}

static struct kobj_attribute manual_node_up_attr = __ATTR_RW(manual_node_up);

static ssize_t manual_node_down_show(struct kobject *kobj,
				     struct kobj_attribute *attr, char *buf)
{
	return show_declared(false, buf);
}

/* Returns the pin of its directory, if pages were sent to it. */
static struct config_item *drop_target(struct ramster_node *node, int num)
{
	struct config_item *pin = NULL;

	if (node->remotify && remotify_target(node->remotify) == num) {
		remotify_set_target(node->remotify, -1);
		swap(node->target, pin);
		pr_info("no node is the remotification target: node %d was it, and is down by hand\n",
			num);
	}
	return pin;
}

static ssize_t manual_node_down_store(struct kobject *kobj,
				      struct kobj_attribute *attr,
				      const char *buf, size_t len)
{
	struct config_item *pin = NULL;
	struct ramster_node *node;
	unsigned int num;
	int err;

	err = parse_node("manual_node_down", buf, &num);
	if (err)
		return err;

	node = ramster_machine_get();
	err = node ? r2hb_declare_down(node->hb, num) : -ENODEV;
	if (!err)
		pin = drop_target(node, num);
	ramster_owner_put();
	r2nm_unpin(pin);
	return err ? refuse_node("manual_node_down", num, err) : len;
}

static struct kobj_attribute manual_node_down_attr =
	__ATTR_RW(manual_node_down);

static ssize_t enable_show(enum tmem_kind kind, char *buf)
{
	struct ramster_node *node = ramster_owner_get();
	bool on = node && remotify_enabled(node->remotify, kind);

	ramster_owner_put();
	return sysfs_emit(buf, "%d\n", on);
}

static ssize_t enable_store(const char *name, enum tmem_kind kind,
			    const char *buf, size_t len)
{
	struct ramster_node *node;
	unsigned long on;

	if (kstrtoul(buf, 10, &on)) {
		pr_notice("%s takes an unsigned decimal number\n", name);
		return -EINVAL;
	}

	node = ramster_owner_get();
	if (node)
		remotify_set_enable(node->remotify, kind, on);
	else
		pr_notice("nothing can be enabled: this machine's node is not up\n");
	ramster_owner_put();
	return node ? len : -ENODEV;
}

static ssize_t pers_remotify_enable_show(struct kobject *kobj,
					 struct kobj_attribute *attr, char *buf)
{
	return enable_show(TMEM_PERSISTENT, buf);
}

static ssize_t pers_remotify_enable_store(struct kobject *kobj,
					  struct kobj_attribute *attr,
					  const char *buf, size_t len)
{
	return enable_store(attr->attr.name, TMEM_PERSISTENT, buf, len);
}

static struct kobj_attribute pers_remotify_enable_attr =
	__ATTR_RW(pers_remotify_enable);

static ssize_t eph_remotify_enable_show(struct kobject *kobj,
					struct kobj_attribute *attr, char *buf)
{
	return enable_show(TMEM_EPHEMERAL, buf);
}

static ssize_t eph_remotify_enable_store(struct kobject *kobj,
					 struct kobj_attribute *attr,
					 const char *buf, size_t len)
{
	return enable_store(attr->attr.name, TMEM_EPHEMERAL, buf, len);
}

static struct kobj_attribute eph_remotify_enable_attr =
	__ATTR_RW(eph_remotify_enable);

static struct attribute *ramster_attrs[] = {
	&interface_revision_attr.attr,
	&remote_pers_pages_attr.attr,
	&remote_sending_attr.attr,
	&remote_debts_attr.attr,
	&remote_pages_at_risk_attr.attr,
	&foreign_pers_pages_attr.attr,
	&manual_node_up_attr.attr,
	&manual_node_down_attr.attr,
	&remote_target_nodenum_attr.attr,
	&pers_remotify_enable_attr.attr,
	&eph_remotify_enable_attr.attr,
	NULL,
};

static const struct attribute_group ramster_group = {
	.attrs = ramster_attrs,
};

/**
 * ramster_sysfs_init - make the control files
 *
 * Context: process; may sleep.
 * Return: 0 or a negative errno.
 */
int ramster_sysfs_init(void)
{
	int err;

	ramster_kobj = kobject_create_and_add("ramster", mm_kobj);
	if (!ramster_kobj)
		return -ENOMEM;

	err = sysfs_create_group(ramster_kobj, &ramster_group);
	if (err)
		kobject_put(ramster_kobj);
	return err;
}

/**
 * ramster_sysfs_exit - remove the control files; waits for their users
 */
void ramster_sysfs_exit(void)
{
	kobject_put(ramster_kobj);
}
