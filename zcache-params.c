// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-params: parameters of the module and words of the kernel's command
 * line.  Documentation/parameters.rst says what they are for.
 *
 * The names without a prefix are those of the original driver.
 */
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "zcache.h"

module_param_named(zcache_comp_name, zcache.set.comp_name, charp, 0444);
MODULE_PARM_DESC(zcache_comp_name, "compressor, by its crypto API name");

module_param_named(ramster_enabled, zcache.set.ramster_enabled, bool, 0444);
MODULE_PARM_DESC(ramster_enabled, "allow the cluster part to start");

module_param_named(disable_cleancache, zcache.set.disable_cleancache, bool,
		   0444);
MODULE_PARM_DESC(disable_cleancache, "take no page cache pages");

module_param_named(disable_frontswap, zcache.set.disable_frontswap, bool, 0444);
MODULE_PARM_DESC(disable_frontswap, "take no swap pages");

module_param_named(frontswap_has_exclusive_gets, zcache.set.exclusive_gets,
		   bool, 0644);
MODULE_PARM_DESC(frontswap_has_exclusive_gets,
		 "a swap page that is loaded leaves the store");

module_param_named(keep_remote_copies, zcache.set.keep_remote_copies, bool,
		   0644);
MODULE_PARM_DESC(keep_remote_copies,
		 "a swap page that is read from a peer stays there until it changes");

module_param_named(disable_frontswap_ignore_nonactive,
		   zcache.set.swap_take_all, bool, 0644);
MODULE_PARM_DESC(disable_frontswap_ignore_nonactive,
		 "take swap pages that were never active as well");

module_param_named(disable_cleancache_ignore_nonactive,
		   zcache.set.file_take_all, bool, 0644);
MODULE_PARM_DESC(disable_cleancache_ignore_nonactive,
		 "take page cache pages that were never active as well");

module_param_named(max_pool_percent, zcache.set.max_pool_percent, uint, 0644);
MODULE_PARM_DESC(max_pool_percent, "share of RAM for swap pages held here");

module_param_named(max_eph_percent, zcache.set.max_eph_percent, uint, 0644);
MODULE_PARM_DESC(max_eph_percent, "share of RAM for page cache pages held here");

module_param_named(eph_target_mb, zcache.set.eph_target_mb, int, 0644);
MODULE_PARM_DESC(eph_target_mb,
		 "MB of page cache pages that stay when RAM is short; -1: as much as the file LRU");

module_param_named(cleancache_get_timeout_ms, zcache.set.get_timeout_ms, uint,
		   0644);
MODULE_PARM_DESC(cleancache_get_timeout_ms,
		 "how long a page cache page may take to come from a peer");

static int set_enabled(const char *val, const struct kernel_param *kp)
{
	bool on;
	int err;

	err = kstrtobool(val, &on);
	return err ? err : zcache_switch(&zcache, on);
}

static const struct kernel_param_ops enabled_ops = {
	.set = set_enabled,
	.get = param_get_bool,
};

module_param_cb(enabled, &enabled_ops, &zcache.set.enabled, 0644);
MODULE_PARM_DESC(enabled, "on or off; off is refused while swap pages are held");

#ifndef MODULE

static int set_wanted(const char *val, const struct kernel_param *kp)
{
	zcache.set.enabled = true;
	if (val && *val)
		zcache.set.comp_name = (char *)val;
	return 0;
}

static int set_ramster(const char *val, const struct kernel_param *kp)
{
	zcache.set.enabled = true;
	zcache.set.ramster_enabled = true;
	return 0;
}

static int set_kept_gets(const char *val, const struct kernel_param *kp)
{
	zcache.set.exclusive_gets = false;
	return 0;
}

static const struct kernel_param_ops wanted_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_wanted,
};

static const struct kernel_param_ops ramster_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_ramster,
};

static const struct kernel_param_ops kept_gets_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_kept_gets,
};

/* As core_param(), but with operations of our own. */
__module_param_call("", zcache, &wanted_ops, NULL, 0, -1, 0);
__module_param_call("", ramster, &ramster_ops, NULL, 0, -1, 0);
__module_param_call("", nofrontswapexclusivegets, &kept_gets_ops, NULL, 0, -1,
		    0);
core_param(nofrontswap, zcache.set.disable_frontswap, bool, 0);
core_param(nocleancache, zcache.set.disable_cleancache, bool, 0);
core_param(nofrontswapignorenonactive, zcache.set.swap_take_all, bool, 0);
core_param(nocleancacheignorenonactive, zcache.set.file_take_all, bool, 0);

#endif
