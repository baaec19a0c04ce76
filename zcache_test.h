/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit tests of the store share: a store that no hook knows of.
 */
#ifndef _RAMSTER_ZCACHE_TEST_H
#define _RAMSTER_ZCACHE_TEST_H

#include <kunit/test.h>
#include <linux/err.h>

#include "zcache-comp.h"
#include "zcache.h"

/* It has default settings, and a pool for swap pages. */
static inline void zcache_test_create(struct kunit *test, struct zcache *z)
{
	z->set = (struct zcache_settings)ZCACHE_DEFAULTS;
	z->comp = zcache_comp_create("lzo");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, z->comp);
	z->tmem = tmem_create(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, z->tmem);
	z->swap = tmem_pool_create(z->tmem, TMEM_CLIENT_LOCAL, ZCACHE_SWAP_POOL,
				   TMEM_PERSISTENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, z->swap);
}

/* It may not have been created as a whole. */
static inline void zcache_test_destroy(struct zcache *z)
{
	if (!IS_ERR_OR_NULL(z->tmem))
		tmem_destroy(z->tmem);
	if (!IS_ERR_OR_NULL(z->comp))
		zcache_comp_destroy(z->comp);
}

#endif /* _RAMSTER_ZCACHE_TEST_H */
