// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test of tmem: what is left of a page that was given up.
 */
#include "tmem_test.h"
#include "tmem_int.h"

#define WIPE_LEN	500

static struct tmem_blob wipe_blob(struct tmem_test *t, u8 byte, u64 version)
{
	memset(t->in, byte, WIPE_LEN);
	return (struct tmem_blob) {
		.data = t->in,
		.len = WIPE_LEN,
		.version = version,
	};
}

/* Where a page is; two pages share a frame, so it stays readable when one goes. */
static u8 *wipe_where(struct kunit *test, struct tmem_pool *pool, u32 index)
{
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_object *obj;
	void *slot = NULL;

	rcu_read_lock();
	obj = tmem_object_find(pool, &oid);
	if (obj)
		slot = xa_load(&obj->pages, index);
	rcu_read_unlock();
	KUNIT_ASSERT_TRUE(test, slot_is_local(slot));
	return (u8 *)slot_header(slot);
}

static void wipe_expect(struct kunit *test, const u8 *where)
{
	KUNIT_EXPECT_NULL(test, memchr_inv(where, 0, sizeof(struct tmem_header) +
					   WIPE_LEN));
}

/*
 * Regression: 3.5.9. Neither the bytes nor the name of a page of another
 * machine stay in memory when it is flushed, replaced, refused or taken.
 */
static void tmem_wipe_test_freed(struct kunit *test)
{
	struct tmem_test *t = test->priv;
	struct tmem_oid oid = tmem_test_oid(1);
	struct tmem_pool *pool;
	struct tmem_blob blob;
	struct tmem *tmem;
	void *page;
	u8 *a, *b;

	tmem = tmem_create(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tmem);
	tmem_wipe_freed(tmem);
	pool = tmem_pool_create(tmem, 9, 1, TMEM_PERSISTENT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	blob = wipe_blob(t, 'a', 10);
	KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &oid, 1, &blob, GFP_KERNEL));
	blob = wipe_blob(t, 'b', 11);
	KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &oid, 2, &blob, GFP_KERNEL));
	a = wipe_where(test, pool, 1);
	b = wipe_where(test, pool, 2);
	KUNIT_ASSERT_PTR_EQ(test, (void *)((unsigned long)a & PAGE_MASK),
			    (void *)((unsigned long)b & PAGE_MASK));
	KUNIT_EXPECT_EQ(test, a[sizeof(struct tmem_header)], 'a');

	/* Flushed. */
	KUNIT_EXPECT_TRUE(test, tmem_flush(pool, &oid, 1, 0));
	wipe_expect(test, a);
	KUNIT_EXPECT_EQ(test, b[sizeof(struct tmem_header)], 'b');
	/* Refused: it was in the place of the first one for a moment. */
	blob = wipe_blob(t, 'c', 5);
	KUNIT_EXPECT_EQ(test, -ESTALE, tmem_put(pool, &oid, 2, &blob,
						GFP_KERNEL));
	wipe_expect(test, a);
	/* Replaced: the new one is there now. */
	blob = wipe_blob(t, 'd', 12);
	KUNIT_EXPECT_EQ(test, 0, tmem_put(pool, &oid, 2, &blob, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, wipe_where(test, pool, 2), a);
	wipe_expect(test, b);
	/* Taken: when it is freed, and not before. */
	KUNIT_ASSERT_EQ(test, 0, tmem_take(pool, &oid, 2, &blob, &page));
	KUNIT_EXPECT_EQ(test, a[sizeof(struct tmem_header)], 'd');
	blob = wipe_blob(t, 'e', 13);
	KUNIT_ASSERT_EQ(test, 0, tmem_put(pool, &oid, 3, &blob, GFP_KERNEL));
	tmem_page_free(pool, page);
	wipe_expect(test, a);
	tmem_destroy(tmem);
}

static struct kunit_case tmem_wipe_test_cases[] = {
	KUNIT_CASE(tmem_wipe_test_freed),
	{}
};

static struct kunit_suite tmem_wipe_test_suite = {
	.name = "ramster-tmem-wipe",
	.init = tmem_test_init,
	.exit = tmem_test_exit,
	.test_cases = tmem_wipe_test_cases,
};

kunit_test_suite(tmem_wipe_test_suite);
