// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of torture_page.c: an oracle that notices nothing would make every
 * test that rests on it worthless.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "torture_page.h"
#include "../tmem.h"

static const struct torture_name torture_test_name = {
	.node = 3,
	.pool = 1,
	.object = 7,
	.index = 100,
	.generation = 1000,
};

/* A page of that name; its length in *@len. */
static u8 *torture_test_page(struct kunit *test,
			     const struct torture_name *name,
			     unsigned int *len)
{
	u8 *data = kunit_kzalloc(test, TMEM_MAX_BLOB, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	*len = torture_page_fill(name, data);
	KUNIT_ASSERT_LE(test, *len, TMEM_MAX_BLOB);
	return data;
}

/* Pages of all lengths are right under their own names. */
static void torture_page_right(struct kunit *test)
{
	struct torture_name name = torture_test_name;
	unsigned int len, shortest = TMEM_MAX_BLOB, longest = 0;
	u8 *data;

	for (; name.generation < 1200; name.generation++) {
		data = torture_test_page(test, &name, &len);
		KUNIT_EXPECT_EQ(test, TORTURE_RIGHT,
				torture_page_check(&name, data, len));
		shortest = min(shortest, len);
		longest = max(longest, len);
		kunit_kfree(test, data);
	}
	KUNIT_EXPECT_EQ(test, sizeof(name), shortest);
	KUNIT_EXPECT_EQ(test, TMEM_MAX_BLOB, longest);
}

/* Each single bit of a page counts. */
static void torture_page_damaged(struct kunit *test)
{
	struct torture_name name = torture_test_name;
	unsigned int len, i;
	u8 *data;

	/* a page of usual length, which ends within a word */
	do {
		name.generation++;
		data = torture_test_page(test, &name, &len);
	} while (len < 1000 || !(len % 8));
	for (i = 0; i < 8 * len; i++) {
		data[i / 8] ^= BIT(i % 8);
		KUNIT_EXPECT_NE(test, TORTURE_RIGHT,
				torture_page_check(&name, data, len));
		data[i / 8] ^= BIT(i % 8);
	}
	KUNIT_EXPECT_EQ(test, TORTURE_RIGHT,
			torture_page_check(&name, data, len));
	KUNIT_EXPECT_EQ(test, TORTURE_LENGTH,
			torture_page_check(&name, data, len - 1));
	KUNIT_EXPECT_EQ(test, TORTURE_LENGTH,
			torture_page_check(&name, data, 0));
}

/* A page that is right in itself, but another one, is told from the right one. */
static void torture_page_another(struct kunit *test)
{
	const struct torture_name want = torture_test_name;
	struct {
		struct torture_name name;
		enum torture_verdict verdict;
	} other[] = {
		{ want, TORTURE_NODE },
		{ want, TORTURE_PLACE },
		{ want, TORTURE_PLACE },
		{ want, TORTURE_PLACE },
		{ want, TORTURE_OLD },
		{ want, TORTURE_NEW },
	};
	unsigned int len, i;
	u8 *data;

	other[0].name.node++;
	other[1].name.pool++;
	other[2].name.object++;
	other[3].name.index++;
	other[4].name.generation--;
	other[5].name.generation++;
	for (i = 0; i < ARRAY_SIZE(other); i++) {
		data = torture_test_page(test, &other[i].name, &len);
		KUNIT_EXPECT_EQ(test, other[i].verdict,
				torture_page_check(&want, data, len));
	}
}

/* A page that others overtook may be of their time, not of another. */
static void torture_page_overtaken(struct kunit *test)
{
	struct torture_name name = torture_test_name;
	u64 made = name.generation;
	unsigned int len;
	u8 *data;

	data = torture_test_page(test, &name, &len);
	KUNIT_EXPECT_EQ(test, made, torture_page_between(made, made, data, len));
	KUNIT_EXPECT_EQ(test, made,
			torture_page_between(made - 9, made, data, len));
	KUNIT_EXPECT_EQ(test, made,
			torture_page_between(made - 9, made + 1, data, len));
	KUNIT_EXPECT_EQ(test, made - 9,
			torture_page_between(made - 9, made - 1, data, len));
	KUNIT_EXPECT_EQ(test, made + 1,
			torture_page_between(made + 1, made + 9, data, len));
	KUNIT_EXPECT_EQ(test, made - 9,
			torture_page_between(made - 9, made, data,
					     sizeof(name) - 1));
}

static struct kunit_case torture_page_cases[] = {
	KUNIT_CASE(torture_page_right),
	KUNIT_CASE(torture_page_damaged),
	KUNIT_CASE(torture_page_another),
	KUNIT_CASE(torture_page_overtaken),
	{}
};

static struct kunit_suite torture_page_suite = {
	.name = "ramster-torture",
	.test_cases = torture_page_cases,
};

kunit_test_suite(torture_page_suite);
