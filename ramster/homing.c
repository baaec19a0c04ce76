// SPDX-License-Identifier: GPL-2.0
/*
 * homing: pages that are with peers are fetched, and kept here.
 *
 * A page is fetched as for a page fault, but only a few at a time, so that
 * faults hardly notice.  It comes home by tmem_bring_home(), which respects
 * whatever happens to the page meanwhile, and after which all that had it have
 * to be told to forget it.
 *
 * Memory.  A frame for each page, without reclaim and without the reserves; if
 * there is none, the page stays where it is.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "homing.h"
#include "ramster_int.h"

#define HOMING_GFP	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)

/**
 * struct homing_page - a page that is being fetched
 * @homing: back pointer
 * @away: the page
 */
struct homing_page {
	struct homing *homing;
	struct tmem_away away;
};

/**
 * struct homing - pages that are to come home
 * @node: whose pages
 * @tmem: their index
 * @done: completed when no page is being fetched
 * @wait: where the caller waits for the window
 * @window: how many may be fetched at the same time
 * @flying: how many are
 * @batch: room in @page and @away
 * @busy: pages that are being fetched, and one while there will be more
 * @came: pages of this batch that came home
 * @nr: pages of this batch
 * @away: room to list them
 * @page: these pages
 */
struct homing {
	struct ramster_node *node;
	struct tmem *tmem;
	struct completion done;
	wait_queue_head_t wait;
	unsigned int window;
	atomic_t flying;
	unsigned int batch;
	atomic_t busy;
	atomic_t came;
	unsigned int nr;
	struct tmem_away *away;
	struct homing_page page[] __counted_by(batch);
};

/**
 * homing_create - get ready to bring pages home
 * @node: owner of the pages, with its fetches
 * @tmem: the index of the pages
 * @batch: pages that are chosen at a time
 * @window: pages of these that are fetched at the same time; below R2_MAX_GETS,
 *	so that page faults find room beside them
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: to be given to homing_destroy(); or NULL.
 */
struct homing *homing_create(struct ramster_node *node, struct tmem *tmem,
			     unsigned int batch, unsigned int window)
{
	struct homing *homing;

	homing = kvzalloc(struct_size(homing, page, batch), GFP_KERNEL);
	if (!homing)
		return NULL;
	homing->batch = batch;
	homing->away = kvcalloc(batch, sizeof(*homing->away), GFP_KERNEL);
	if (!homing->away) {
		kvfree(homing);
		return NULL;
	}
	homing->window = window;
	init_waitqueue_head(&homing->wait);
	homing->node = node;
	homing->tmem = tmem;
	init_completion(&homing->done);
	return homing;
}

/**
 * homing_destroy - undo homing_create()
 * @homing: nobody uses it; or NULL
 */
void homing_destroy(struct homing *homing)
{
	if (!homing)
		return;
	kvfree(homing->away);
	kvfree(homing);
}

/* Half of the window is filled at a time, so that it is not woken for each page. */
static unsigned int homing_low(const struct homing *homing)
{
	return homing->window / 2;
}

/* A page is here, or will not come. */
static void homing_landed(struct homing *homing)
{
	if (atomic_dec_return(&homing->flying) == homing_low(homing))
		wake_up(&homing->wait);
	/* Whoever waits may free all this: complete() is the last to touch it. */
	if (atomic_dec_and_test(&homing->busy))
		complete(&homing->done);
}

static int homing_fetched(void *arg, int result, const void *data, u32 len,
			  bool waited)
{
	struct homing_page *page = arg;
	struct homing *homing = page->homing;
	struct tmem_blob blob = { .data = (void *)data, .len = len };

	if (!result && !tmem_bring_home(homing->tmem, &page->away, &blob,
					HOMING_GFP))
		atomic_inc(&homing->came);
	homing_landed(homing);
	return 0;
}

/**
 * homing_collect - choose pages that are to come home
 * @homing: it has no pages yet
 * @search: which; its nodes are restricted to those that are connected
 * @max: how many at most
 *
 * Each call goes on behind the pages that the last one has found.
 *
 * Context: process; may sleep.
 * Return: number of pages, at most the batch.
 */
unsigned int homing_collect(struct homing *homing, struct tmem_search *search,
			    unsigned int max)
{
	unsigned long i;

	for_each_set_bit(i, search->nodes, R2_MAX_NODES)
		if (!r2tcp_connected(homing->node->tcp, i))
			__clear_bit(i, search->nodes);
	homing->nr = tmem_collect_away(homing->tmem, search, homing->away,
				       min(max, homing->batch));
	return homing->nr;
}

static void homing_fetch_page(struct homing *homing, struct homing_page *page)
{
	if (atomic_read(&homing->flying) >= homing->window)
		wait_event_idle(homing->wait, atomic_read(&homing->flying) <=
					      homing_low(homing));
	atomic_inc(&homing->flying);
	atomic_inc(&homing->busy);
	if (fetch_away(homing->node, &page->away, homing_fetched, page))
		homing_landed(homing);
}

/**
 * homing_fetch - fetch the pages that were chosen, and keep them here
 * @homing: after homing_collect()
 *
 * After get_timeout_ms no further page is asked for: who does not answer is not
 * waited for once for each window.
 *
 * Context: process; sleeps until the last page has come, for twice get_timeout_ms
 * at most.
 * Return: number of pages that came home.
 */
unsigned int homing_fetch(struct homing *homing)
{
	unsigned long end = fetch_deadline(homing->node, TMEM_PERSISTENT);
	unsigned int i;

	reinit_completion(&homing->done);
	atomic_set(&homing->busy, 1);
	atomic_set(&homing->came, 0);
	for (i = 0; i < homing->nr && time_before(jiffies, end); i++) {
		homing->page[i].homing = homing;
		homing->page[i].away = homing->away[i];
		homing_fetch_page(homing, &homing->page[i]);
	}
	if (atomic_dec_and_test(&homing->busy))
		complete(&homing->done);
	wait_for_completion(&homing->done);
	homing->nr = 0;
	return atomic_read(&homing->came);
}
