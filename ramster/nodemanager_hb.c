// SPDX-License-Identifier: GPL-2.0
/*
 * The group heartbeat of a cluster in configfs.
 *
 * Only dead_threshold does anything: see heartbeat.c.  There are no beats on a
 * disk, so there is nothing for a mode and for regions to choose; scripts
 * written for the original set them all the same, so they are checked, kept and
 * shown.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "nodemanager_private.h"

#define R2NM_MAX_REGION_NAME	32

static struct r2nm_cluster *r2nm_hb_cluster(struct config_item *item)
{
	return container_of(to_config_group(item), struct r2nm_cluster,
			    hb_group);
}

static ssize_t r2nm_hb_dead_threshold_show(struct config_item *item, char *page)
{
	return r2nm_setting_show(r2nm_hb_cluster(item), R2NM_DEAD_THRESHOLD,
				 page);
}

static ssize_t r2nm_hb_dead_threshold_store(struct config_item *item,
					    const char *page, size_t count)
{
	return r2nm_setting_store(r2nm_hb_cluster(item), item,
				  R2NM_DEAD_THRESHOLD, "dead_threshold", page,
				  count);
}

CONFIGFS_ATTR(r2nm_hb_, dead_threshold);

static ssize_t r2nm_hb_mode_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n",
			  READ_ONCE(r2nm_hb_cluster(item)->hb_global) ?
			  "global" : "local");
}

static ssize_t r2nm_hb_mode_store(struct config_item *item, const char *page,
				  size_t count)
{
	const char *why = NULL;
	bool global;
	int err;

	err = r2nm_check_mode(page, &global, &why);
	if (err)
		return r2nm_refuse(item, "mode", why, err);
	WRITE_ONCE(r2nm_hb_cluster(item)->hb_global, global);
	return count;
}

CONFIGFS_ATTR(r2nm_hb_, mode);

static struct configfs_attribute *r2nm_hb_attrs[] = {
	&r2nm_hb_attr_dead_threshold,
	&r2nm_hb_attr_mode,
	NULL,
};

static void r2nm_region_release(struct config_item *item)
{
	kfree(item);
}

static struct configfs_item_operations r2nm_region_item_ops = {
	.release = r2nm_region_release,
};

static const struct config_item_type r2nm_region_type = {
	.ct_item_ops = &r2nm_region_item_ops,
	.ct_owner = THIS_MODULE,
};

static struct config_item *r2nm_region_make(struct config_group *group,
					    const char *name)
{
	struct config_item *item;

	if (strlen(name) > R2NM_MAX_REGION_NAME)
		return ERR_PTR(r2nm_refuse(&group->cg_item, name,
					   "name too long", -ENAMETOOLONG));
	item = kzalloc(sizeof(*item), GFP_KERNEL);
	if (!item)
		return ERR_PTR(-ENOMEM);
	config_item_init_type_name(item, name, &r2nm_region_type);
	return item;
}

static struct configfs_group_operations r2nm_hb_group_ops = {
	.make_item = r2nm_region_make,
};

const struct config_item_type r2nm_hb_type = {
	.ct_group_ops = &r2nm_hb_group_ops,
	.ct_attrs = r2nm_hb_attrs,
	.ct_owner = THIS_MODULE,
};
