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
 * Where pages are sent when RAM is short, there has to be more of it than would
 * have them sent again.  Where they are always sent, remotify holds swap pages
 * back while pages come home, and as long as nothing has changed since:
 * otherwise they would leave again at once.
 *
 * Nobody waits for this, but whoever stops it; a run waits for fetches, which
 * are bounded by get_timeout_ms.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "homing.h"
#include "ramster_int.h"
#include "remotify.h"
#include "selfshrink.h"

/* Periods without growth before the first page comes home. */
#define SELFSHRINK_PATIENCE	3

/* This part of the pages that are away comes home in a period. */
#define SELFSHRINK_PART		20

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
 * struct selfshrink - what brings pages home
 * @node: whose pages
 * @tmem: the index of these pages
 * @homing: brings them
 * @work: the next run
 * @last: swap pages of the store at the last run, here and away
 * @asked: what remotify_asked() said then
 * @left: runs without growth that are still to be waited for
 * @stopping: no further page is asked for
 */
struct selfshrink {
	struct ramster_node *node;
	struct tmem *tmem;
	struct homing *homing;
	struct delayed_work work;
	u64 last;
	unsigned int asked;
	unsigned int left;
	bool stopping;
};

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
	unsigned int n, came;

	bitmap_fill(search.nodes, TMEM_NODES);
	n = homing_collect(selfshrink->homing, &search, max);
	/* A page that is coming home is counted twice for a moment. */
	selfshrink_hold(selfshrink, selfshrink->last + n);
	came = homing_fetch(selfshrink->homing);
	atomic64_add(came, &selfshrink->node->count.remote_home);
	selfshrink_hold(selfshrink, selfshrink->last);
	return came;
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

static bool selfshrink_has_room(const struct selfshrink *selfshrink)
{
	return zcache_has_room() &&
	       remotify_has_room(selfshrink->node->remotify);
}

static void selfshrink_home(struct selfshrink *selfshrink, u64 goal)
{
	struct tmem_stats stats;
	unsigned int came;

	while (goal) {
		tmem_get_stats(selfshrink->tmem, &stats);
		if (selfshrink_disturbed(selfshrink, &stats) ||
		    !selfshrink_has_room(selfshrink))
			return;
		came = selfshrink_batch(selfshrink,
					min_t(u64, goal, HOMING_BATCH));
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
	if (!selfshrink_idle(selfshrink, &stats) ||
	    !selfshrink_has_room(selfshrink)) {
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
	selfshrink->homing = homing_create(node, tmem, HOMING_BATCH,
					   HOMING_BATCH);
	if (!selfshrink->homing) {
		kfree(selfshrink);
		return ERR_PTR(-ENOMEM);
	}
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
	homing_destroy(selfshrink->homing);
	kfree(selfshrink);
}
