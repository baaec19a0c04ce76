// SPDX-License-Identifier: GPL-2.0
/*
 * selfshrink: bring pages home while this machine is idle.
 *
 * Local RAM is faster, a peer that fails takes less with it, and what it lends
 * is for those who need it.  So when the swap pages of the store have not grown
 * for three periods, and as long as there is room here, a twentieth of those
 * that are with peers comes home in each period, and all when there are no more
 * than 20.  It ends when the store grows, when room runs short, or when somebody
 * asks for pages to be sent.
 *
 * While pages come home, and as long as nothing has changed since, remotify
 * holds swap pages back: otherwise they would leave again at once.
 *
 * A page is fetched as for a page fault, but only a few at a time, so that
 * faults hardly notice.  It comes home by tmem_bring_home(), which respects
 * whatever happens to the page meanwhile.
 *
 * Nobody waits for this, but whoever stops it; a run waits for fetches, which
 * are bounded by get_timeout_ms.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "ramster_int.h"
#include "remotify.h"
#include "selfshrink.h"

/* Periods without growth before the first page comes home. */
#define SELFSHRINK_PATIENCE	3

/* This part of the pages that are away comes home in a period ... */
#define SELFSHRINK_PART		20

/* ... so many at a time. */
#define SELFSHRINK_BATCH	16

#define SELFSHRINK_GFP	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)

bool selfshrink_disabled;
module_param_named(disable_frontswap_selfshrink, selfshrink_disabled, bool,
		   0644);
MODULE_PARM_DESC(disable_frontswap_selfshrink,
		 "leave pages with peers while this machine is idle");

unsigned int selfshrink_period_ms = 5000;
module_param(selfshrink_period_ms, uint, 0644);
MODULE_PARM_DESC(selfshrink_period_ms, "time between two looks at the store");

#ifndef MODULE
core_param(noselfshrink, selfshrink_disabled, bool, 0);
#endif

/**
 * struct selfshrink_page - a page that is being fetched
 * @owner: back pointer
 * @away: the page
 */
struct selfshrink_page {
	struct selfshrink *owner;
	struct tmem_away away;
};

/**
 * struct selfshrink - what brings pages home
 * @node: whose pages
 * @tmem: the index of these pages
 * @work: the next run
 * @done: completed when no page is being fetched
 * @last: swap pages of the store at the last run, here and away
 * @asked: what remotify_asked() said then
 * @left: runs without growth that are still to be waited for
 * @stopping: no further page is asked for
 * @busy: pages that are being fetched, and one while there will be more
 * @came: pages of this batch that came home
 * @page: these pages
 * @away: room to list them
 */
struct selfshrink {
	struct ramster_node *node;
	struct tmem *tmem;
	struct delayed_work work;
	struct completion done;
	u64 last;
	unsigned int asked;
	unsigned int left;
	bool stopping;
	atomic_t busy;
	atomic_t came;
	struct selfshrink_page page[SELFSHRINK_BATCH];
	struct tmem_away away[SELFSHRINK_BATCH];
};

static void selfshrink_put_busy(struct selfshrink *selfshrink)
{
	/* Whoever waits may free all this: complete() is the last to touch it. */
	if (atomic_dec_and_test(&selfshrink->busy))
		complete(&selfshrink->done);
}

static int selfshrink_fetched(void *arg, int result, const void *data,
			      u32 len, bool waited)
{
	struct selfshrink_page *page = arg;
	struct selfshrink *selfshrink = page->owner;
	struct tmem_blob blob = { .data = (void *)data, .len = len };

	if (!result && !tmem_bring_home(selfshrink->tmem, &page->away, &blob,
					SELFSHRINK_GFP)) {
		atomic_inc(&selfshrink->came);
		atomic64_inc(&selfshrink->node->count.remote_home);
	}
	selfshrink_put_busy(selfshrink);
	return 0;
}

static void selfshrink_fetch(struct selfshrink *selfshrink,
			     struct selfshrink_page *page)
{
	atomic_inc(&selfshrink->busy);
	if (fetch_away(selfshrink->node, &page->away, selfshrink_fetched, page))
		selfshrink_put_busy(selfshrink);
}

/* Hold swap pages back, unless somebody has just asked for them to be sent. */
static void selfshrink_hold(struct selfshrink *selfshrink, u64 pages)
{
	struct remotify *remotify = selfshrink->node->remotify;

	remotify_hold(remotify, pages);
	/* Pairs with remotify_ask(), which counts before it ends the hold. */
	smp_mb();
	if (remotify_asked(remotify) != selfshrink->asked)
		remotify_hold(remotify, REMOTIFY_HOLD_NONE);
}

/* Returns how many pages came home. */
static unsigned int selfshrink_batch(struct selfshrink *selfshrink,
				     unsigned int max)
{
	struct tmem_search search = {};
	unsigned int i, n;

	for (i = 0; i < R2_MAX_NODES; i++)
		if (r2tcp_connected(selfshrink->node->tcp, i))
			__set_bit(i, search.nodes);
	n = tmem_collect_away(selfshrink->tmem, &search, selfshrink->away,
			      min_t(unsigned int, max, SELFSHRINK_BATCH));
	/* A page that is coming home is counted twice for a moment. */
	selfshrink_hold(selfshrink, selfshrink->last + n);
	reinit_completion(&selfshrink->done);
	atomic_set(&selfshrink->busy, 1);
	atomic_set(&selfshrink->came, 0);
	for (i = 0; i < n; i++) {
		selfshrink->page[i].owner = selfshrink;
		selfshrink->page[i].away = selfshrink->away[i];
		selfshrink_fetch(selfshrink, &selfshrink->page[i]);
	}
	/* Bounded: each fetch ends after get_timeout_ms. */
	selfshrink_put_busy(selfshrink);
	wait_for_completion(&selfshrink->done);
	selfshrink_hold(selfshrink, selfshrink->last);
	return atomic_read(&selfshrink->came);
}

static u64 selfshrink_pages(const struct tmem_stats *stats)
{
	return stats->zbud[TMEM_PERSISTENT].zpages +
	       stats->remote[TMEM_PERSISTENT];
}

/* Whether something has changed that ends the rest of this machine. */
static bool selfshrink_disturbed(struct selfshrink *selfshrink,
				 const struct tmem_stats *stats)
{
	return READ_ONCE(selfshrink->stopping) ||
	       READ_ONCE(selfshrink_disabled) ||
	       selfshrink_pages(stats) > selfshrink->last ||
	       remotify_asked(selfshrink->node->remotify) !=
	       selfshrink->asked;
}

static void selfshrink_home(struct selfshrink *selfshrink, u64 goal)
{
	struct tmem_stats stats;
	unsigned int came;

	while (goal) {
		tmem_get_stats(selfshrink->tmem, &stats);
		if (selfshrink_disturbed(selfshrink, &stats) ||
		    !zcache_has_room())
			return;
		came = selfshrink_batch(selfshrink,
					min_t(u64, goal, SELFSHRINK_BATCH));
		if (!came)
			return;
		goal -= came;
	}
}

/* Returns whether this machine has been at rest for long enough. */
static bool selfshrink_idle(struct selfshrink *selfshrink,
			    const struct tmem_stats *stats)
{
	u64 pages = selfshrink_pages(stats);
	bool disturbed = selfshrink_disturbed(selfshrink, stats);

	selfshrink->last = pages;
	selfshrink->asked = remotify_asked(selfshrink->node->remotify);
	if (!pages || disturbed) {
		selfshrink->left = SELFSHRINK_PATIENCE;
		return false;
	}
	if (selfshrink->left)
		selfshrink->left--;
	return !selfshrink->left;
}

static void selfshrink_run(struct selfshrink *selfshrink)
{
	struct remotify *remotify = selfshrink->node->remotify;
	struct tmem_stats stats;
	u64 away;

	tmem_get_stats(selfshrink->tmem, &stats);
	if (!selfshrink_idle(selfshrink, &stats) || !zcache_has_room()) {
		remotify_hold(remotify, REMOTIFY_HOLD_NONE);
		return;
	}
	away = stats.remote[TMEM_PERSISTENT];
	selfshrink_hold(selfshrink, selfshrink->last);
	selfshrink_home(selfshrink, away > SELFSHRINK_PART ?
			DIV_ROUND_UP_ULL(away, SELFSHRINK_PART) : away);
}

static void selfshrink_queue(struct selfshrink *selfshrink)
{
	unsigned int ms = max(READ_ONCE(selfshrink_period_ms), 1U);

	queue_delayed_work(system_unbound_wq, &selfshrink->work,
			   msecs_to_jiffies(ms));
}

static void selfshrink_work(struct work_struct *work)
{
	struct selfshrink *selfshrink =
		container_of(to_delayed_work(work), struct selfshrink, work);

	selfshrink_run(selfshrink);
	if (!READ_ONCE(selfshrink->stopping))
		selfshrink_queue(selfshrink);
}

/**
 * selfshrink_start - begin to watch whether this machine is idle
 * @node: owner of the pages, with its fetches and its mover
 * @tmem: the index of the pages
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: to be given to selfshrink_stop(); or ERR_PTR(-ENOMEM).
 */
struct selfshrink *selfshrink_start(struct ramster_node *node,
				    struct tmem *tmem)
{
	struct selfshrink *selfshrink = kzalloc(sizeof(*selfshrink),
						GFP_KERNEL);

	if (!selfshrink)
		return ERR_PTR(-ENOMEM);
	selfshrink->node = node;
	selfshrink->tmem = tmem;
	selfshrink->left = SELFSHRINK_PATIENCE;
	init_completion(&selfshrink->done);
	INIT_DELAYED_WORK(&selfshrink->work, selfshrink_work);
	selfshrink_queue(selfshrink);
	pr_info("node %u: selfshrinking is %s\n", node->info.node,
		READ_ONCE(selfshrink_disabled) ? "off" : "started");
	return selfshrink;
}

/**
 * selfshrink_stop - let pages stay where they are
 * @selfshrink: from selfshrink_start(); or NULL
 *
 * Context: process; sleeps until the last fetch has ended.
 */
void selfshrink_stop(struct selfshrink *selfshrink)
{
	if (!selfshrink)
		return;
	WRITE_ONCE(selfshrink->stopping, true);
	cancel_delayed_work_sync(&selfshrink->work);
	kfree(selfshrink);
}
