/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the backends for tests share: pages set aside, chance, and parameters
 *
 * Each of them is a module of its own and includes this once, after pr_fmt.
 */
#ifndef _RAMSTER_TORTURE_BACKEND_H
#define _RAMSTER_TORTURE_BACKEND_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

static unsigned int pages = 8192;
module_param(pages, uint, 0644);

static atomic_t contract_errors = ATOMIC_INIT(0);

static int get_atomic(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(kp->arg));
}

static const struct kernel_param_ops atomic_ops = {
	.get = get_atomic,
};
module_param_cb(contract_errors, &atomic_ops, &contract_errors, 0444);

static inline bool percent(unsigned int rate)
{
	return get_random_u32_below(100) < READ_ONCE(rate);
}

/* The pages set aside. */
static struct page **copies;
static unsigned int nr_copies;

static inline void free_copies(void)
{
	while (nr_copies)
		__free_page(copies[--nr_copies]);
	kvfree(copies);
	copies = NULL;
}

static inline int alloc_copies(unsigned int nr)
{
	copies = kvcalloc(nr, sizeof(*copies), GFP_KERNEL);
	if (!copies)
		return -ENOMEM;
	for (nr_copies = 0; nr_copies < nr; nr_copies++) {
		copies[nr_copies] = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
		if (!copies[nr_copies]) {
			free_copies();
			return -ENOMEM;
		}
	}
	return 0;
}

/* What each backend does when the parameter register is set. */
static int torture_register(void);
static int torture_unregister(void);

/* Under the lock that all writes to parameters take. */
static bool registered;

static int set_register(const char *val, const struct kernel_param *kp)
{
	bool want;
	int ret = kstrtobool(val, &want);

	/* The kernel's command line is read before there is any memory. */
	if (system_state < SYSTEM_RUNNING && !__is_defined(MODULE))
		return -EINVAL;
	if (ret || want == registered)
		return ret;
	ret = want ? torture_register() : torture_unregister();
	if (!ret)
		registered = want;
	return ret;
}

static const struct kernel_param_ops register_ops = {
	.set = set_register,
	.get = param_get_bool,
};

module_param_cb(register, &register_ops, &registered, 0644);

#endif /* _RAMSTER_TORTURE_BACKEND_H */
