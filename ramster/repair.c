// SPDX-License-Identifier: GPL-2.0
/*
 * repair: pages that have lost a copy get another one.
 *
 * A swap page of which there is one copy although two are wanted is at risk: it
 * was sent while one server had room, or the other was restarted or has left.
 * When two have room, it is brought home and sent anew like any page that is
 * here.  So at each moment it is with the one or here, and no third state is
 * needed in which somebody could die.
 *
 * A few pages at a time, and no more than repair_pages_per_second, so that faults
 * and what else is sent have the network.  Where RAM is short, pages leave as fast
 * as they come, the oldest ones first, which these are; and without a frame that
 * is free at this moment none comes.  The walk goes on where it has ended, so that
 * each page has its turn.
 *
 * Nobody waits for this, but whoever stops it; a run waits for fetches, which are
 * bounded by get_timeout_ms.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/bitmap.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "homing.h"
#include "ramster_int.h"
#include "remotify.h"
#include "repair.h"

/* How long to wait when no page came; and when it is not possible. */
#define REPAIR_PAUSE	msecs_to_jiffies(200)
#define REPAIR_REST	(5 * HZ)

unsigned int repair_rate = 2000;
module_param_named(repair_pages_per_second, repair_rate, uint, 0644);
MODULE_PARM_DESC(repair_pages_per_second,
		 "pages that get a second copy again in a second, at most; 0: none");

/**
 * struct repair - what sees to second copies
 * @node: whose pages
 * @homing: brings them home
 * @work: the next run
 */
struct repair {
	struct ramster_node *node;
	struct homing *homing;
	struct delayed_work work;
};

/**
 * repair_at_risk - how many pages have fewer copies than they should
 * @node: whose pages
 *
 * Context: any but interrupts.
 * Return: number of swap pages that are with one peer; 0 if that is enough.
 */
u64 repair_at_risk(const struct ramster_node *node)
{
	struct tmem_stats stats;

	if (!node->remotify || READ_ONCE(node->info.copies) < TMEM_COPIES)
		return 0;
	remotify_get_stats(node->remotify, &stats);
	return stats.lone;
}

/* Whether pages that come home now would be better off when they have left. */
static bool repair_is_possible(struct repair *repair)
{
	struct remotify *remotify = repair->node->remotify;

	return READ_ONCE(repair_rate) &&
	       remotify_enabled(remotify, TMEM_PERSISTENT) &&
	       remotify_copies(remotify) == TMEM_COPIES;
}

/* Returns how many pages came home. */
static unsigned int repair_batch(struct repair *repair)
{
	struct tmem_search search = { .lone = true };
	unsigned int came;

	bitmap_fill(search.nodes, TMEM_NODES);
	if (!homing_collect(repair->homing, &search, READ_ONCE(repair_rate)))
		return 0;
	came = homing_fetch(repair->homing);
	atomic64_add(came, &repair->node->count.remote_repaired);
	return came;
}

static void repair_work(struct work_struct *work)
{
	struct repair *repair = container_of(to_delayed_work(work),
					     struct repair, work);
	unsigned long pause = REPAIR_REST;
	unsigned int came;

	if (!repair_at_risk(repair->node))
		return;
	if (repair_is_possible(repair)) {
		came = repair_batch(repair);
		pause = came ? DIV_ROUND_UP(came * HZ,
					    max(READ_ONCE(repair_rate), 1U)) :
			       REPAIR_PAUSE;
	}
	queue_delayed_work(system_unbound_wq, &repair->work, pause);
}

/**
 * repair_kick - there may be pages at risk
 * @repair: from repair_create(); or NULL
 *
 * Context: any.  Nothing happens after repair_halt().
 */
void repair_kick(struct repair *repair)
{
	if (repair)
		queue_delayed_work(system_unbound_wq, &repair->work, 0);
}

/**
 * repair_create - begin to see to second copies
 * @node: owner of the pages, with its fetches and its mover
 * @tmem: the index of the pages
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: to be given to repair_destroy(); or NULL.
 */
struct repair *repair_create(struct ramster_node *node, struct tmem *tmem)
{
	struct repair *repair = kzalloc(sizeof(*repair), GFP_KERNEL);

	if (!repair)
		return NULL;
	repair->node = node;
	repair->homing = homing_create(node, tmem, HOMING_BATCH, HOMING_BATCH);
	if (!repair->homing) {
		kfree(repair);
		return NULL;
	}
	INIT_DELAYED_WORK(&repair->work, repair_work);
	return repair;
}

/**
 * repair_halt - leave pages as they are
 * @repair: from repair_create(); or NULL
 *
 * Context: process; sleeps until the last fetch has ended.
 */
void repair_halt(struct repair *repair)
{
	if (repair)
		disable_delayed_work_sync(&repair->work);
}

/**
 * repair_destroy - undo repair_create()
 * @repair: halted, and nobody kicks it any more; or NULL
 *
 * Context: process.
 */
void repair_destroy(struct repair *repair)
{
	if (!repair)
		return;
	homing_destroy(repair->homing);
	kfree(repair);
}
