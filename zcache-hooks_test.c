// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what the hooks call: zcache-file.c and zcache-swap.c, with the
 * one store that there is and a cluster that is played by the test.
 */
#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/cleancache.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/frontswap.h>
#include <linux/gfp.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/string.h>

#include "zcache.h"

#define COUNT(member)	atomic64_read(&zcache.count.member)

/* Numbers that no file gets. */
#define OBJECT		BIT_ULL(62)
#define AREA		3
#define NODE		9

/**
 * struct hooks_ctx - what each test starts with
 * @set: parameters as they were
 * @was_on: whether the store ran before
 * @page: a page on its way in
 * @out: a page that is filled
 * @data: bytes of the page that is with the peer
 * @len: number of them
 * @answer: what the peer answers, or 1: nothing, in that time
 * @refuse: what the request itself returns
 * @patience: how long the page would have been waited for, in jiffies
 * @stored: how often the cluster was told of a page
 */
struct hooks_ctx {
	struct zcache_settings set;
	bool was_on;
	struct page *page, *out;
	u8 data[TMEM_MAX_BLOB];
	unsigned int len;
	int answer;
	int refuse;
	long patience;
	unsigned int stored;
};

/* The seam's functions have no argument for it; tests run one by one. */
static struct hooks_ctx *hooks;

static int fake_fetch(const struct tmem_handle *handle, enum tmem_kind kind,
		      u64 version, struct tmem_peers peers, long patience,
		      ramster_fetched_fn fetched, void *arg)
{
	hooks->patience = patience;
	if (hooks->refuse || kind != TMEM_EPHEMERAL ||
	    peers.node[0] != NODE)
		return -EIO;
	if (hooks->answer > 0)
		return -ETIMEDOUT;
	return fetched(arg, hooks->answer, hooks->data, hooks->len, true);
}

static void fake_owes(void)
{
}

static void fake_stored(void)
{
	hooks->stored++;
}

static const struct ramster_ops fake_cluster = {
	.fetch = fake_fetch,
	.owes = fake_owes,
	.stored = fake_stored,
};

static int hooks_init(struct kunit *test)
{
	struct hooks_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	hooks = ctx;
	test->priv = ctx;
	ctx->set = zcache.set;
	ctx->was_on = zcache.tmem;
	ctx->page = alloc_page(GFP_KERNEL);
	ctx->out = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->page);
	KUNIT_ASSERT_NOT_NULL(test, ctx->out);
	KUNIT_ASSERT_EQ(test, 0, zcache_switch(&zcache, true));
	zcache.set.file_take_all = true;
	zcache.set.swap_take_all = true;
	return 0;
}

static void hooks_exit(struct kunit *test)
{
	struct hooks_ctx *ctx = test->priv;
	u64 object;

	if (!ctx)
		return;
	/* for a test that was cut short */
	zcache_unregister_ramster(&fake_cluster);
	if (zcache.tmem)
		for (object = OBJECT; object < OBJECT + 4; object++)
			zcache_file_ops.invalidate_object(object);
	if (!ctx->was_on)
		KUNIT_EXPECT_EQ(test, 0, zcache_switch(&zcache, false));
	zcache.set = ctx->set;
	if (ctx->page)
		__free_page(ctx->page);
	if (ctx->out)
		__free_page(ctx->out);
	hooks = NULL;
}

static void write_page(struct page *page, unsigned int n)
{
	u8 *data = page_address(page);
	unsigned int i;

	memset(data, n, PAGE_SIZE);
	for (i = 0; i < 64; i++)
		data[i] = n * 17 + i;
}

static int put(u64 object, pgoff_t index, unsigned int n)
{
	write_page(hooks->page, n);
	return zcache_file_ops.put(object, index, hooks->page);
}

/* The page is there and just what was put; and after that it is not. */
static bool got(u64 object, pgoff_t index, unsigned int n)
{
	memset(page_address(hooks->out), 0xee, PAGE_SIZE);
	if (zcache_file_ops.get(object, index, hooks->out))
		return false;
	write_page(hooks->page, n);
	return !memcmp(page_address(hooks->page), page_address(hooks->out),
		       PAGE_SIZE);
}

static bool missed(u64 object, pgoff_t index)
{
	return zcache_file_ops.get(object, index, hooks->out) == -ENOENT;
}

static bool has(u64 object, pgoff_t index, unsigned long nr)
{
	return zcache_file_ops.has(object, index, nr);
}

/* A page of a file can be read once: D03. */
static void file_exclusive(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, 7, 1));
	KUNIT_EXPECT_TRUE(test, has(OBJECT, 7, 1));
	KUNIT_EXPECT_TRUE(test, got(OBJECT, 7, 1));
	KUNIT_EXPECT_FALSE(test, has(OBJECT, 7, 1));
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 7));
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, 7, 2));
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, 7, 3));
	KUNIT_EXPECT_TRUE(test, got(OBJECT, 7, 3));
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 7));
}

static int swap_store(pgoff_t offset, unsigned int n)
{
	write_page(hooks->page, n);
	return zcache_swap_ops.store(AREA, offset, hooks->page);
}

/* What a load answers; a page that is here needs no folio. */
static int swap_load(pgoff_t offset, unsigned int n, unsigned int flags)
{
	int ret;

	memset(page_address(hooks->out), 0xee, PAGE_SIZE);
	ret = zcache_swap_ops.load(AREA, offset, NULL, hooks->out, flags);
	write_page(hooks->page, n);
	if (ret >= 0 && memcmp(page_address(hooks->page),
			       page_address(hooks->out), PAGE_SIZE))
		return -EBADMSG;
	return ret;
}

/* A swap page leaves the store when it is read, if both sides want it: A07. */
static void swap_exclusive(struct kunit *test)
{
	s64 gets = COUNT(local_gets);

	KUNIT_ASSERT_EQ(test, FRONTSWAP_STORED, swap_store(5, 1));
	KUNIT_EXPECT_EQ(test, 0, swap_load(5, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, swap_load(5, 1, FRONTSWAP_MAY_DEFER));
	zcache.set.exclusive_gets = false;
	KUNIT_EXPECT_EQ(test, 0, swap_load(5, 1, FRONTSWAP_MAY_EXCL));
	KUNIT_EXPECT_EQ(test, 0, swap_load(5, 1, FRONTSWAP_MAY_EXCL));
	zcache.set.exclusive_gets = true;
	KUNIT_EXPECT_EQ(test, FRONTSWAP_EXCLUSIVE,
			swap_load(5, 1, FRONTSWAP_MAY_EXCL));
	KUNIT_EXPECT_EQ(test, COUNT(local_gets), gets + 5);
	/* Lost is an error, never a miss that the device would answer. */
	KUNIT_EXPECT_EQ(test, -EIO, swap_load(5, 1, FRONTSWAP_MAY_EXCL));
	KUNIT_EXPECT_EQ(test, -EIO, swap_load(5, 1, 0));
	KUNIT_EXPECT_EQ(test, COUNT(local_gets), gets + 5);
}

/*
 * The highest index of the store is a good one; beyond it, a page of a file is
 * silently not kept, and a swap page is refused and counted: D07.
 */
static void index_too_large(struct kunit *test)
{
	const pgoff_t last = U32_MAX;
	s64 failed_eph = COUNT(failed_eph_puts);
	s64 failed_pers = COUNT(failed_pers_puts);

	KUNIT_EXPECT_EQ(test, 0, put(OBJECT, last, 1));
	KUNIT_EXPECT_TRUE(test, has(OBJECT, last, 1));
	KUNIT_EXPECT_FALSE(test, has(OBJECT, last, 2));
	KUNIT_EXPECT_NE(test, 0, put(OBJECT, last + 1, 2));
	KUNIT_EXPECT_EQ(test, COUNT(failed_eph_puts), failed_eph);
	KUNIT_EXPECT_FALSE(test, has(OBJECT, last + 1, 1));
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, last + 1));
	/* nor is it mistaken for the page at the low half of its index */
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 0));
	zcache_file_ops.invalidate(OBJECT, last + 1, 1);
	KUNIT_EXPECT_TRUE(test, got(OBJECT, last, 1));

	write_page(hooks->page, 3);
	KUNIT_EXPECT_EQ(test, FRONTSWAP_REJECT,
			zcache_swap_ops.store(AREA, (last + 1) << 8,
					      hooks->page));
	KUNIT_EXPECT_EQ(test, COUNT(failed_pers_puts), failed_pers + 1);
}

/* Only pages that were active are taken, and others counted; or all: A09. */
static void active_gate(struct kunit *test)
{
	struct folio *folio = page_folio(hooks->page);
	s64 eph = COUNT(eph_nonactive_puts_ignored);
	s64 pers = COUNT(pers_nonactive_puts_ignored);

	zcache.set.file_take_all = false;
	KUNIT_EXPECT_NE(test, 0, put(OBJECT, 1, 1));
	KUNIT_EXPECT_EQ(test, COUNT(eph_nonactive_puts_ignored), eph + 1);
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 1));
	folio_set_workingset(folio);
	KUNIT_EXPECT_EQ(test, 0, put(OBJECT, 1, 1));
	KUNIT_EXPECT_EQ(test, COUNT(eph_nonactive_puts_ignored), eph + 1);
	folio_clear_workingset(folio);

	/* what was read back was worth it, and is so the next time */
	KUNIT_EXPECT_FALSE(test, folio_test_workingset(page_folio(hooks->out)));
	KUNIT_EXPECT_TRUE(test, got(OBJECT, 1, 1));
	KUNIT_EXPECT_TRUE(test, folio_test_workingset(page_folio(hooks->out)));
	folio_clear_workingset(page_folio(hooks->out));

	zcache.set.swap_take_all = false;
	KUNIT_EXPECT_EQ(test, FRONTSWAP_REJECT,
			zcache_swap_ops.store(AREA, 5, hooks->page));
	KUNIT_EXPECT_EQ(test, COUNT(pers_nonactive_puts_ignored), pers + 1);
	zcache.set.swap_take_all = true;
	KUNIT_EXPECT_EQ(test, FRONTSWAP_STORED,
			zcache_swap_ops.store(AREA, 5, hooks->page));
	zcache_swap_ops.invalidate(AREA, 5);
}

/* Neighbours, and whole files, are forgotten and nothing else is: D05, D24. */
static void file_invalidate(struct kunit *test)
{
	s64 total = COUNT(flush_total), found = COUNT(flush_found);
	s64 obj_total = COUNT(flobj_total), obj_found = COUNT(flobj_found);
	unsigned int i;

	for (i = 0; i < 10; i++)
		KUNIT_ASSERT_EQ(test, 0, put(OBJECT, i, i));
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT + 1, 4, 40));
	zcache_file_ops.invalidate(OBJECT, 2, 4);
	zcache_file_ops.invalidate(OBJECT, 2, 4);
	KUNIT_EXPECT_EQ(test, COUNT(flush_total), total + 2);
	KUNIT_EXPECT_EQ(test, COUNT(flush_found), found + 1);
	KUNIT_EXPECT_TRUE(test, has(OBJECT, 0, 2));
	KUNIT_EXPECT_FALSE(test, has(OBJECT, 2, 1));
	KUNIT_EXPECT_FALSE(test, has(OBJECT, 5, 1));
	KUNIT_EXPECT_TRUE(test, has(OBJECT, 6, 4));

	zcache_file_ops.invalidate_object(OBJECT);
	zcache_file_ops.invalidate_object(OBJECT);
	KUNIT_EXPECT_EQ(test, COUNT(flobj_total), obj_total + 2);
	KUNIT_EXPECT_EQ(test, COUNT(flobj_found), obj_found + 1);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_TRUE(test, missed(OBJECT, i));
	KUNIT_EXPECT_TRUE(test, got(OBJECT + 1, 4, 40));
}

/* Put a page, give it to a peer, and register a cluster that has it. */
static void give_away(struct kunit *test, pgoff_t index, unsigned int n)
{
	struct tmem_handle handle[2];
	struct tmem_blob blob = { .data = hooks->data };
	u64 version[2];

	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, index, n));
	KUNIT_ASSERT_EQ(test, 1, tmem_isolate_oldest(zcache.tmem,
						     TMEM_EPHEMERAL, handle,
						     version));
	blob.version = version[0];
	KUNIT_ASSERT_EQ(test, 0,
			tmem_send_begin(zcache.tmem, handle, tmem_peer(NODE), &blob));
	KUNIT_ASSERT_TRUE(test, tmem_send_done(zcache.tmem, handle, version[0],
					       tmem_peer(NODE), TMEM_SEND_STORED));
	hooks->len = blob.len;
}

/* What the peer is owed is settled as the cluster would. */
static unsigned int debts(void)
{
	struct tmem_debt debt[4];
	unsigned int i, n;

	n = tmem_collect_debts(zcache.tmem, NODE, debt, ARRAY_SIZE(debt));
	for (i = 0; i < n; i++)
		tmem_settle_debt(zcache.tmem, &debt[i]);
	return n;
}

/*
 * A page comes back from a peer, and leaves a debt and nothing else.
 * Regression: 3.3.7, its descriptor stayed.
 */
static void file_remote(struct kunit *test)
{
	s64 remote = COUNT(eph_remote_gets), lost = COUNT(eph_lost_gets);

	give_away(test, 3, 33);
	KUNIT_EXPECT_TRUE(test, has(OBJECT, 3, 1));
	KUNIT_ASSERT_FALSE(test, IS_ERR(zcache_register_ramster(&fake_cluster)));
	KUNIT_EXPECT_TRUE(test, got(OBJECT, 3, 33));
	KUNIT_EXPECT_EQ(test, COUNT(eph_remote_gets), remote + 1);
	KUNIT_EXPECT_EQ(test, COUNT(eph_lost_gets), lost);
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 3));
	KUNIT_EXPECT_EQ(test, debts(), 1);
	zcache_unregister_ramster(&fake_cluster);
}

/*
 * A page that a peer has lost is a miss, once and for all; so is one that no
 * cluster is there to fetch, or that comes damaged.
 */
static void file_remote_lost(struct kunit *test)
{
	s64 lost = COUNT(eph_lost_gets);

	give_away(test, 3, 1);
	KUNIT_EXPECT_FALSE(test, got(OBJECT, 3, 1));
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 3));
	KUNIT_EXPECT_EQ(test, debts(), 1);

	KUNIT_ASSERT_FALSE(test, IS_ERR(zcache_register_ramster(&fake_cluster)));
	give_away(test, 3, 1);
	hooks->refuse = -EIO;
	KUNIT_EXPECT_FALSE(test, got(OBJECT, 3, 1));
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 3));
	KUNIT_EXPECT_EQ(test, debts(), 1);

	hooks->refuse = 0;
	hooks->answer = -EIO;
	give_away(test, 3, 1);
	KUNIT_EXPECT_FALSE(test, got(OBJECT, 3, 1));
	KUNIT_EXPECT_EQ(test, debts(), 1);

	hooks->answer = 0;
	give_away(test, 3, 1);
	memset(hooks->data, 0xff, 16);
	KUNIT_EXPECT_FALSE(test, got(OBJECT, 3, 1));
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 3));
	KUNIT_EXPECT_EQ(test, debts(), 1);
	KUNIT_EXPECT_EQ(test, COUNT(eph_lost_gets), lost + 4);
	zcache_unregister_ramster(&fake_cluster);
}

/* Nobody waits longer than was said. */
static void file_remote_late(struct kunit *test)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR(zcache_register_ramster(&fake_cluster)));
	zcache.set.get_timeout_ms = 30;
	hooks->answer = 1;
	give_away(test, 3, 1);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			zcache_file_ops.get(OBJECT, 3, hooks->out));
	KUNIT_EXPECT_EQ(test, hooks->patience, msecs_to_jiffies(30));
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 3));
	KUNIT_EXPECT_EQ(test, debts(), 1);
	zcache_unregister_ramster(&fake_cluster);
}

/* The cluster is told of a page that is stored, once for each time it asks. */
static void stored_is_told(struct kunit *test)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR(zcache_register_ramster(&fake_cluster)));
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, 3, 1));
	KUNIT_EXPECT_EQ(test, hooks->stored, 0);
	zcache_await_store();
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, 4, 1));
	KUNIT_EXPECT_EQ(test, hooks->stored, 1);
	KUNIT_ASSERT_EQ(test, FRONTSWAP_STORED, swap_store(5, 1));
	KUNIT_EXPECT_EQ(test, hooks->stored, 1);
	zcache_await_store();
	KUNIT_ASSERT_EQ(test, FRONTSWAP_STORED, swap_store(6, 1));
	KUNIT_EXPECT_EQ(test, hooks->stored, 2);

	/* What is refused is not stored. */
	zcache_await_store();
	zcache.set.file_take_all = false;
	KUNIT_EXPECT_NE(test, 0, put(OBJECT, 5, 1));
	zcache.set.max_pool_percent = 0;
	KUNIT_EXPECT_EQ(test, FRONTSWAP_REJECT, swap_store(7, 1));
	KUNIT_EXPECT_EQ(test, hooks->stored, 2);

	/* Who has gone is told nothing, nor is who comes after him. */
	zcache_unregister_ramster(&fake_cluster);
	zcache.set.file_take_all = true;
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, 5, 1));
	KUNIT_ASSERT_FALSE(test, IS_ERR(zcache_register_ramster(&fake_cluster)));
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, 6, 1));
	KUNIT_EXPECT_EQ(test, hooks->stored, 2);
	zcache_unregister_ramster(&fake_cluster);
	zcache_swap_ops.invalidate_area(AREA);
}

/* The store goes on and off, drops clean pages, and refuses it to a cluster. */
static void switch_off(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, put(OBJECT, 3, 1));
	KUNIT_ASSERT_FALSE(test, IS_ERR(zcache_register_ramster(&fake_cluster)));
	KUNIT_EXPECT_EQ(test, -EBUSY, zcache_switch(&zcache, false));
	zcache_unregister_ramster(&fake_cluster);
	KUNIT_EXPECT_EQ(test, 0, zcache_switch(&zcache, false));
	KUNIT_EXPECT_NULL(test, zcache.tmem);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			PTR_ERR(zcache_register_ramster(&fake_cluster)));
	KUNIT_EXPECT_EQ(test, 0, zcache_switch(&zcache, true));
	KUNIT_EXPECT_TRUE(test, missed(OBJECT, 3));

	/* An unknown compressor: it does not start. */
	KUNIT_EXPECT_EQ(test, 0, zcache_switch(&zcache, false));
	zcache.set.comp_name = "nonesuch";
	KUNIT_EXPECT_EQ(test, -ENOENT, zcache_switch(&zcache, true));
	KUNIT_EXPECT_NULL(test, zcache.tmem);
	zcache.set.comp_name = hooks->set.comp_name;
	KUNIT_EXPECT_EQ(test, 0, zcache_switch(&zcache, true));
}

/*
 * Slots that are neighbours share the nodes of the index: with sixty-four to a
 * node, a page costs 10 or 11 bytes, and no two slots are taken for each other.
 */
static void swap_neighbours(struct kunit *test)
{
	u64 nodes = tmem_count_nodes(zcache.tmem);
	const unsigned int nr = 4096;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		memset(page_address(hooks->page), i % 251, PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, FRONTSWAP_STORED,
				zcache_swap_ops.store(3, i, hooks->page));
	}
	nodes = tmem_count_nodes(zcache.tmem) - nodes;
	KUNIT_EXPECT_LE(test, nodes, (u64)nr / 64 + nr / 512);

	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				zcache_swap_ops.load(3, i, NULL, hooks->out, 0));
		KUNIT_EXPECT_EQ(test, *(u8 *)page_address(hooks->out), i % 251);
		zcache_swap_ops.invalidate(3, i);
	}
	zcache_swap_ops.invalidate_area(3);
}

static struct kunit_case hooks_cases[] = {
	KUNIT_CASE(file_exclusive),
	KUNIT_CASE(swap_exclusive),
	KUNIT_CASE(index_too_large),
	KUNIT_CASE(active_gate),
	KUNIT_CASE(file_invalidate),
	KUNIT_CASE(swap_neighbours),
	KUNIT_CASE(file_remote),
	KUNIT_CASE(file_remote_lost),
	KUNIT_CASE(file_remote_late),
	KUNIT_CASE(stored_is_told),
	KUNIT_CASE(switch_off),
	{}
};

static struct kunit_suite hooks_suite = {
	.name = "zcache-hooks",
	.init = hooks_init,
	.exit = hooks_exit,
	.test_cases = hooks_cases,
};

kunit_test_suite(hooks_suite);
