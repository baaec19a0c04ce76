// SPDX-License-Identifier: GPL-2.0
/*
 * torture: pages and work for nodes that have none of their own.
 *
 * Several nodes can live in one kernel, one for each network namespace, but
 * only one of them can be the owner of the kernel's own pages.  For tests, the
 * parameter "torture" gives the others an index of their own, from which their
 * pages are moved, fetched and forgotten by the code that does it for the
 * owner's: remotify, fetch, tcp, and foreign of the peers.  Nothing of that
 * knows about torture, and nothing here can reach a page of the owner: its
 * index is another one, and a peer files pages under the number of the node at
 * the other end of the connection.
 *
 * Threads put, get and forget pages at random, under the same names at all
 * nodes; torture_model.c says what must come of it.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "remotify.h"
#include "torture_int.h"

enum torture_mode {
	TORTURE_OFF,
	TORTURE_OTHERS,		/* nodes outside of the initial namespace */
	TORTURE_ALL,
	TORTURE_NR_MODES,
};

static unsigned int torture_mode;

static int torture_mode_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, TORTURE_OFF,
				     TORTURE_NR_MODES - 1);
}

static const struct kernel_param_ops torture_mode_ops = {
	.set = torture_mode_set,
	.get = param_get_uint,
};
module_param_cb(torture, &torture_mode_ops, &torture_mode, 0644);
MODULE_PARM_DESC(torture, "Nodes started from now on torture the cluster: 0 none, 1 those outside of the initial network namespace, 2 all");

/*
 * targets
 */

/**
 * torture_set_target - choose who gets pages from now on
 * @torture: whose pages
 * @target: node number; REMOTIFY_ANYBODY; or -1 for nobody
 *
 * Context: process.
 * Return: 0; -ELOOP for the node itself; -ENOTCONN if it is not connected.
 */
int torture_set_target(struct torture *torture, int target)
{
	struct ramster_node *node = torture->node;

	if (target == node->info.node)
		return -ELOOP;
	if (target >= 0 && !r2tcp_connected(node->tcp, target))
		return -ENOTCONN;
	remotify_set_target(node->remotify, target);
	return 0;
}

/**
 * torture_set_enable - start or stop sending pages
 * @torture: whose pages
 * @on: whether they are sent
 *
 * Context: process; sleeps.
 */
void torture_set_enable(struct torture *torture, bool on)
{
	struct remotify *rm = torture->node->remotify;

	remotify_set_enable(rm, TMEM_PERSISTENT, on);
	remotify_set_enable(rm, TMEM_EPHEMERAL, on);
}

/* The next node that is connected, in the order of numbers. */
static void torture_rotate(struct torture *torture)
{
	int target = remotify_target(torture->node->remotify);
	unsigned int i;

	if (target == REMOTIFY_ANYBODY)
		return;
	for (i = 0; i < R2_MAX_NODES; i++) {
		target = (target + 1) % R2_MAX_NODES;
		if (!torture_set_target(torture, target))
			return;
	}
}

static void torture_rotate_sometimes(struct torture *torture)
{
	unsigned int ms = READ_ONCE(torture->rotate_ms);

	if (!ms || time_before(jiffies, READ_ONCE(torture->rotated) +
					msecs_to_jiffies(ms)))
		return;
	WRITE_ONCE(torture->rotated, jiffies);
	torture_rotate(torture);
}

/*
 * threads
 */

/**
 * struct torture_work - one thread
 * @torture: whose thread it is
 * @task: the thread
 * @seed: where its random numbers begin
 * @buf: room for a page
 */
struct torture_work {
	struct torture *torture;
	struct task_struct *task;
	u64 seed;
	u8 buf[TMEM_MAX_BLOB];
};

static void torture_step(struct torture *torture, struct rnd_state *rnd,
			 void *buf)
{
	u32 dice = prandom_u32_state(rnd) % 256;
	u32 what = prandom_u32_state(rnd);
	struct torture_object *obj =
		&torture->object[what & 1][(what >> 1) % TORTURE_OBJECTS];
	unsigned int i = (what >> 8) % READ_ONCE(torture->pages);

	if (dice >= 128) {
		torture_get(torture, obj, i, buf);
		return;
	}
	mutex_lock(&obj->lock);
	if (dice == 0)
		torture_flush_object(torture, obj);
	else if (dice < 24)
		torture_flush(torture, obj, i);
	else
		torture_put(torture, obj, i, buf);
	mutex_unlock(&obj->lock);
}

static int torture_thread(void *arg)
{
	struct torture_work *work = arg;
	struct torture *torture = work->torture;
	struct rnd_state rnd;
	unsigned int us;

	prandom_seed_state(&rnd, work->seed);
	while (!kthread_should_stop()) {
		torture_rotate_sometimes(torture);
		torture_step(torture, &rnd, work->buf);
		us = READ_ONCE(torture->pause_us);
		if (us)
			usleep_range(us, us + us / 2);
		cond_resched();
	}
	return 0;
}

static int torture_start_thread(struct torture *torture)
{
	struct torture_work *work = kmalloc(sizeof(*work), GFP_KERNEL);
	struct task_struct *task;

	lockdep_assert_held(&torture->lock);
	if (!work)
		return -ENOMEM;
	work->torture = torture;
	work->seed = torture->seed + torture->started;
	task = kthread_create(torture_thread, work, "torture/%u",
			      torture->node->info.node);
	if (IS_ERR(task)) {
		kfree(work);
		return PTR_ERR(task);
	}
	work->task = task;
	torture->started++;
	torture->work[torture->threads++] = work;
	wake_up_process(task);
	return 0;
}

/* It ends after the operation that it is at, which waits for a peer at most. */
static void torture_stop_thread(struct torture *torture)
{
	struct torture_work *work;

	lockdep_assert_held(&torture->lock);
	work = torture->work[--torture->threads];
	kthread_stop(work->task);
	kfree(work);
}

/**
 * torture_set_threads - let so many threads work
 * @torture: for whom
 * @threads: how many; 0 stops the work
 *
 * Context: process; sleeps until threads that are to end have ended, each of
 * which may wait for a peer until get_timeout_ms, and some times again.
 * Return: 0, -EINVAL if that is too many, or -ENOMEM.
 */
int torture_set_threads(struct torture *torture, unsigned int threads)
{
	int err = 0;

	if (threads > TORTURE_MAX_THREADS)
		return -EINVAL;
	mutex_lock(&torture->lock);
	while (!err && torture->threads < threads)
		err = torture_start_thread(torture);
	while (torture->threads > threads)
		torture_stop_thread(torture);
	mutex_unlock(&torture->lock);
	return err;
}

/*
 * start and stop
 */

static void torture_owes(void *arg)
{
	struct torture *torture = arg;

	remotify_kick(torture->node->remotify);
}

static bool torture_wanted(const struct ramster_node *node)
{
	switch (READ_ONCE(torture_mode)) {
	case TORTURE_OTHERS:
		return !net_eq(node->info.net, &init_net);
	case TORTURE_ALL:
		return true;
	default:
		return false;
	}
}

static int torture_create_store(struct torture *torture)
{
	struct tmem_pool *pool;
	unsigned int kind;

	torture->tmem = tmem_create(torture_owes, torture);
	if (IS_ERR(torture->tmem))
		return PTR_ERR(torture->tmem);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		pool = tmem_pool_create(torture->tmem, TMEM_CLIENT_LOCAL,
					torture_pool_ids[kind], kind);
		if (IS_ERR(pool)) {
			tmem_destroy(torture->tmem);
			return PTR_ERR(pool);
		}
		torture->pool[kind] = pool;
	}
	return 0;
}

/**
 * torture_create - give a node pages of its own, if the parameter says so
 * @node: the node; its @torture is set, or NULL
 *
 * No thread works yet.
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: 0 or -ENOMEM.
 */
int torture_create(struct ramster_node *node)
{
	struct torture *torture;
	int err;

	if (!torture_wanted(node))
		return 0;
	torture = kvzalloc(sizeof(*torture), GFP_KERNEL);
	if (!torture)
		return -ENOMEM;
	torture->node = node;
	torture->seed = get_random_u64();
	torture->pages = TORTURE_MAX_PAGES;
	mutex_init(&torture->lock);
	torture_init_model(torture);
	err = torture_create_store(torture);
	if (err) {
		kvfree(torture);
		return err;
	}
	node->torture = torture;
	return 0;
}

/**
 * torture_destroy - free a node's pages
 * @torture: halted, and its pages are not moved any more; or NULL
 *
 * Context: process; sleeps.
 */
void torture_destroy(struct torture *torture)
{
	if (!torture)
		return;
	tmem_destroy(torture->tmem);
	kvfree(torture);
}

/**
 * torture_tmem - the index of a node's own pages
 * @torture: the node's
 *
 * Return: the index.
 */
struct tmem *torture_tmem(const struct torture *torture)
{
	return torture->tmem;
}

/**
 * torture_halt - stop the work for good
 * @torture: whose; its files in debugfs are gone; or NULL
 *
 * Context: process; sleeps, as torture_set_threads().
 */
void torture_halt(struct torture *torture)
{
	if (torture)
		torture_set_threads(torture, 0);
}

/**
 * torture_peer_restarted - a peer has lost the pages that it had
 * @torture: whose pages these were; or NULL
 * @peer: number of the peer
 *
 * Context: the peer's receiving thread, or while the peer is being removed.
 */
void torture_peer_restarted(struct torture *torture, unsigned int peer)
{
	if (torture)
		WRITE_ONCE(torture->restarted[peer],
			   atomic64_inc_return(&torture->epoch));
}
