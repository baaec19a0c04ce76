// SPDX-License-Identifier: GPL-2.0
/*
 * torture_model: puts, gets and flushes of the torture test, and what they must
 * come to.
 *
 * What a get must find:
 *
 *   - what was put last, byte by byte, or nothing if it was forgotten;
 *   - a persistent page, unless the peer that has it was restarted or removed
 *     since the page was put;
 *   - an ephemeral page, or nothing.
 *
 * A remote get waits without a lock, so that puts and flushes may overtake it.
 * Then it may fail; but if it does not, it must give what was there when it
 * began, or what was put since: when the peer does not have the page any more,
 * the fetch looks whether it is here.
 */
#define pr_fmt(fmt) "ramster torture: " fmt

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "torture_int.h"
#include "torture_page.h"

/* A get that failed is tried so often, at such intervals, before a page is lost. */
#define TORTURE_TRIES		5
#define TORTURE_RETRY_MS	100

/* As far apart as the indexes of an object's pages can be. */
#define TORTURE_STRIDE		(U32_MAX / (TORTURE_MAX_PAGES - 1))

/*
 * names
 */

const u32 torture_pool_ids[TMEM_NR_KINDS] = {
	[TMEM_PERSISTENT]	= 0,
	[TMEM_EPHEMERAL]	= 1,
};

/* Objects with an odd number are sparse. */
static u32 torture_index(const struct torture_object *obj, unsigned int i)
{
	return obj->number & 1 ? i * TORTURE_STRIDE : i;
}

static struct tmem_oid torture_oid(const struct torture_object *obj)
{
	return (struct tmem_oid) { .word = { obj->number, ~0ULL, 0 } };
}

static struct torture_name torture_name(const struct torture *torture,
					const struct torture_object *obj,
					unsigned int i, u64 generation)
{
	return (struct torture_name) {
		.node = torture->node->info.node,
		.pool = torture_pool_ids[obj->kind],
		.object = obj->number,
		.index = torture_index(obj, i),
		.generation = generation,
	};
}

/*
 * verdicts
 */

static void torture_wrong(struct torture *torture, struct torture_object *obj,
			  unsigned int i, const char *what)
{
	atomic64_inc(&torture->count.mismatches);
	pr_err("wrong: node %u, %s object %u, index %u, generation %llu: %s\n",
	       torture->node->info.node,
	       obj->kind == TMEM_PERSISTENT ? "persistent" : "ephemeral",
	       obj->number, torture_index(obj, i), obj->page[i].generation,
	       what);
}

static void torture_judge(struct torture *torture, struct torture_object *obj,
			  unsigned int i, u64 generation,
			  const struct tmem_blob *blob)
{
	struct torture_name want = torture_name(torture, obj, i, generation);
	enum torture_verdict verdict;

	verdict = torture_page_check(&want, blob->data, blob->len);
	if (verdict != TORTURE_RIGHT)
		torture_wrong(torture, obj, i, torture_verdict_text(verdict));
}

/* The slot is empty from now on, or was found to be. */
static void torture_forget(struct torture *torture, struct torture_page *page)
{
	page->present = false;
	page->generation = atomic64_inc_return(&torture->generation);
}

/* Why a page cannot be had from those who were given it. */
enum torture_excuse {
	TORTURE_GONE,		/* each of them was restarted since */
	TORTURE_UNREACHABLE,	/* one that was not is not connected */
	TORTURE_NO_EXCUSE,	/* one that was not is: it has to have it */
};

static enum torture_excuse torture_excuse(const struct torture *torture,
					  const struct torture_page *page,
					  struct tmem_peers peers)
{
	enum torture_excuse excuse = TORTURE_GONE;
	unsigned int i;
	u8 peer;

	for (i = 0; i < tmem_peers_nr(peers); i++) {
		peer = peers.node[i];
		if (READ_ONCE(torture->restarted[peer]) > page->epoch)
			continue;
		if (r2tcp_connected(torture->node->tcp, peer))
			return TORTURE_NO_EXCUSE;
		excuse = TORTURE_UNREACHABLE;
	}
	return excuse;
}

/*
 * operations
 */

/**
 * torture_put - store a page
 * @torture: whose page
 * @obj: its object; locked
 * @i: its number in the object
 * @buf: room for a page
 *
 * Context: process; sleeps.
 */
void torture_put(struct torture *torture, struct torture_object *obj,
		 unsigned int i, void *buf)
{
	u64 generation = atomic64_inc_return(&torture->generation);
	u64 epoch = atomic64_read(&torture->epoch);
	struct torture_name name = torture_name(torture, obj, i, generation);
	struct tmem_oid oid = torture_oid(obj);
	struct tmem_blob blob = { .data = buf };

	lockdep_assert_held(&obj->lock);
	blob.len = torture_page_fill(&name, buf);
	/* Refused: what was there stays. */
	if (tmem_put(torture->pool[obj->kind], &oid, name.index, &blob,
		     GFP_KERNEL | __GFP_NOWARN)) {
		atomic64_inc(&torture->count.puts_refused);
		return;
	}
	atomic64_inc(&torture->count.puts);
	obj->page[i] = (struct torture_page) {
		.generation = generation,
		.epoch = epoch,
		.present = true,
	};
}

/**
 * torture_flush - forget a page, if it is there
 * @torture: whose page
 * @obj: its object; locked
 * @i: its number in the object
 *
 * Context: process.
 */
void torture_flush(struct torture *torture, struct torture_object *obj,
		   unsigned int i)
{
	struct torture_page *page = &obj->page[i];
	struct tmem_oid oid = torture_oid(obj);
	bool found;

	lockdep_assert_held(&obj->lock);
	found = tmem_flush(torture->pool[obj->kind], &oid,
			   torture_index(obj, i), 0);
	if (found && !page->present)
		torture_wrong(torture, obj, i,
			      "a flush found what was not there");
	if (!found && page->present && obj->kind == TMEM_PERSISTENT)
		torture_wrong(torture, obj, i, "a flush did not find it");
	atomic64_inc(&torture->count.flushes);
	torture_forget(torture, page);
}

/**
 * torture_flush_object - forget all pages of an object
 * @torture: whose pages
 * @obj: the object; locked
 *
 * Context: process.
 */
void torture_flush_object(struct torture *torture, struct torture_object *obj)
{
	struct tmem_oid oid = torture_oid(obj);
	unsigned long found, present = 0;
	unsigned int i;

	lockdep_assert_held(&obj->lock);
	found = tmem_flush_object(torture->pool[obj->kind], &oid, 0);
	for (i = 0; i < TORTURE_MAX_PAGES; i++) {
		present += obj->page[i].present;
		torture_forget(torture, &obj->page[i]);
	}
	if (found > present)
		torture_wrong(torture, obj, 0, "the object had more pages");
	if (found < present && obj->kind == TMEM_PERSISTENT)
		torture_wrong(torture, obj, 0, "the object had fewer pages");
	atomic64_inc(&torture->count.object_flushes);
}

/**
 * struct torture_wait - a page that is asked for
 * @buf: where it goes
 * @result: 0 or -EIO
 * @len: bytes of it
 * @done: completed when it is there, or will not come, and was not waited for
 */
struct torture_wait {
	void *buf;
	int result;
	u32 len;
	struct completion done;
};

static int torture_fetched(void *arg, int result, const void *data, u32 len,
			   bool waited)
{
	struct torture_wait *wait = arg;

	wait->result = result;
	wait->len = len;
	if (!result)
		memcpy(wait->buf, data, len);
	if (!waited)
		complete(&wait->done);
	return result;
}

/* Of every four: two wait for what they get, one not for long, one not at all. */
static long torture_patience(u64 version)
{
	static const long patience[4] = {
		MAX_SCHEDULE_TIMEOUT, 0, MAX_SCHEDULE_TIMEOUT, 1,
	};

	return patience[version % ARRAY_SIZE(patience)];
}

/* What tmem_get() has reported as remote. */
static int torture_fetch(struct torture *torture, struct torture_object *obj,
			 unsigned int i, struct tmem_blob *blob)
{
	struct torture_wait wait = { .buf = blob->data };
	struct tmem_handle handle = {
		.client = TMEM_CLIENT_LOCAL,
		.pool = torture_pool_ids[obj->kind],
		.oid = torture_oid(obj),
		.index = torture_index(obj, i),
	};
	struct tmem_peers peers = fetch_order(torture->node, blob->peers);
	int err;

	init_completion(&wait.done);
	err = fetch_page(torture->node, &handle, obj->kind, blob->version,
			 peers, torture_patience(blob->version),
			 torture_fetched, &wait);
	if (err == -EINPROGRESS) {
		r2tcp_push(torture->node->tcp, peers.node[0]);
		/* Bounded by get_timeout_ms. */
		wait_for_completion(&wait.done);
		err = wait.result;
	}
	blob->len = wait.len;
	return err;
}

/* A get has found nothing. */
static void torture_absent(struct torture *torture, struct torture_object *obj,
			   unsigned int i)
{
	struct torture_page *page = &obj->page[i];

	if (!page->present) {
		atomic64_inc(&torture->count.misses);
		return;
	}
	if (obj->kind == TMEM_EPHEMERAL)
		atomic64_inc(&torture->count.vanished);
	else
		torture_wrong(torture, obj, i, "it is not there");
	torture_forget(torture, page);
}

/* Read a slot, and judge what is here.  Returns what tmem_get() does. */
static int torture_get_local(struct torture *torture,
			     struct torture_object *obj, unsigned int i,
			     struct tmem_blob *blob)
{
	struct torture_page *page = &obj->page[i];
	struct tmem_oid oid = torture_oid(obj);
	int err;

	lockdep_assert_held(&obj->lock);
	err = tmem_get(torture->pool[obj->kind], &oid, torture_index(obj, i),
		       blob);
	if (err != -ENOENT && !page->present) {
		torture_wrong(torture, obj, i, "it was forgotten, and is there");
		return -ENOENT;
	}
	switch (err) {
	case 0:
		torture_judge(torture, obj, i, page->generation, blob);
		atomic64_inc(&torture->count.local_gets);
		break;
	case -ENOENT:
		torture_absent(torture, obj, i);
		break;
	}
	return err;
}

/* The peer did not give an ephemeral page, so there is none any more. */
static void torture_vanished(struct torture *torture,
			     struct torture_object *obj, unsigned int i)
{
	struct tmem_oid oid = torture_oid(obj);

	tmem_flush(torture->pool[obj->kind], &oid, torture_index(obj, i), 0);
	torture_forget(torture, &obj->page[i]);
	atomic64_inc(&torture->count.vanished);
}

static void torture_lost(struct torture *torture, struct torture_object *obj,
			 unsigned int i, struct tmem_peers peers)
{
	atomic64_inc(&torture->count.lost);
	pr_err("lost: node %u, object %u, index %u, generation %llu, by node %u\n",
	       torture->node->info.node, obj->number, torture_index(obj, i),
	       obj->page[i].generation, peers.node[0]);
}

/* A page cannot be had; nobody has touched it meanwhile.  Try again? */
static bool torture_missed(struct torture *torture, struct torture_object *obj,
			   unsigned int i, struct tmem_peers peers,
			   unsigned int try)
{
	struct torture_page *page = &obj->page[i];
	enum torture_excuse excuse = torture_excuse(torture, page, peers);
	struct tmem_oid oid = torture_oid(obj);

	lockdep_assert_held(&obj->lock);
	if (excuse == TORTURE_UNREACHABLE) {
		atomic64_inc(&torture->count.unreachable);
		return false;
	}
	if (obj->kind == TMEM_EPHEMERAL) {
		torture_vanished(torture, obj, i);
		return false;
	}
	if (excuse == TORTURE_NO_EXCUSE) {
		if (try < TORTURE_TRIES)
			return true;
		torture_lost(torture, obj, i, peers);
	} else {
		atomic64_inc(&torture->count.restart_losses);
	}
	tmem_flush(torture->pool[obj->kind], &oid, torture_index(obj, i), 0);
	torture_forget(torture, page);
	return false;
}

/* One attempt; returns whether another one is called for. */
static bool torture_try_get(struct torture *torture, struct torture_object *obj,
			    unsigned int i, void *buf, unsigned int try)
{
	struct torture_page *page = &obj->page[i];
	struct tmem_blob blob = { .data = buf };
	bool again = false;
	u64 generation;
	int err;

	mutex_lock(&obj->lock);
	err = torture_get_local(torture, obj, i, &blob);
	generation = page->generation;
	mutex_unlock(&obj->lock);
	if (err != -EREMOTE)
		return false;

	err = torture_fetch(torture, obj, i, &blob);

	mutex_lock(&obj->lock);
	if (!err) {
		generation = torture_page_between(generation, page->generation,
						  blob.data, blob.len);
		torture_judge(torture, obj, i, generation, &blob);
		atomic64_inc(&torture->count.remote_gets);
	} else if (page->generation != generation) {
		atomic64_inc(&torture->count.overtaken);
	} else {
		again = torture_missed(torture, obj, i, blob.peers, try);
	}
	mutex_unlock(&obj->lock);
	return again;
}

/**
 * torture_get - get a page, and verify it
 * @torture: whose page
 * @obj: its object; not locked
 * @i: its number in the object
 * @buf: room for a page
 *
 * Context: process; sleeps; waits for a peer, and maybe tries again.
 */
void torture_get(struct torture *torture, struct torture_object *obj,
		 unsigned int i, void *buf)
{
	unsigned int try = 1;

	while (torture_try_get(torture, obj, i, buf, try++))
		msleep(TORTURE_RETRY_MS);
}

/*
 * the model as a whole
 */

static u64 torture_bad(const struct torture *torture)
{
	const struct torture_counters *count = &torture->count;

	return atomic64_read(&count->mismatches) +
	       atomic64_read(&count->lost) +
	       atomic64_read(&count->unreachable);
}

static void torture_check_object(struct torture *torture,
				 struct torture_object *obj, void *buf)
{
	unsigned int i;

	for (i = 0; i < TORTURE_MAX_PAGES; i++) {
		if (signal_pending(current))
			return;
		if (READ_ONCE(obj->page[i].present))
			torture_get(torture, obj, i, buf);
		cond_resched();
	}
}

/**
 * torture_check - read and verify every page that should be there
 * @torture: whose pages
 *
 * Context: process; sleeps; waits for peers.
 * Return: 0 if all are right; -EIO if some were not, or could not be had;
 * -EINTR or -ENOMEM if there was no time or room to see.
 */
int torture_check(struct torture *torture)
{
	u64 bad = torture_bad(torture);
	void *buf = kmalloc(TMEM_MAX_BLOB, GFP_KERNEL);
	unsigned int kind, i;

	if (!buf)
		return -ENOMEM;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		for (i = 0; i < TORTURE_OBJECTS; i++)
			torture_check_object(torture,
					     &torture->object[kind][i], buf);
	kfree(buf);
	if (signal_pending(current))
		return -EINTR;
	return torture_bad(torture) == bad ? 0 : -EIO;
}

/**
 * torture_empty - forget every page
 * @torture: whose pages
 *
 * Peers are told in the background.
 *
 * Context: process; sleeps.
 */
void torture_empty(struct torture *torture)
{
	struct torture_object *obj;
	unsigned int kind, i;

	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		for (i = 0; i < TORTURE_OBJECTS; i++) {
			obj = &torture->object[kind][i];
			mutex_lock(&obj->lock);
			torture_flush_object(torture, obj);
			mutex_unlock(&obj->lock);
		}
	}
}

static void torture_where_object(struct torture *torture,
				 struct torture_object *obj, void *buf,
				 struct torture_whereabouts *where)
{
	struct tmem_oid oid = torture_oid(obj);
	struct tmem_blob blob = { .data = buf };
	unsigned int i;

	lockdep_assert_held(&obj->lock);
	for (i = 0; i < TORTURE_MAX_PAGES; i++) {
		if (!obj->page[i].present)
			continue;
		switch (tmem_get(torture->pool[obj->kind], &oid,
				 torture_index(obj, i), &blob)) {
		case 0:
			where->local++;
			break;
		case -EREMOTE:
			where->remote[blob.peers.node[0]]++;
			break;
		default:
			where->absent++;
			break;
		}
	}
}

/**
 * torture_where - tell where the pages are
 * @torture: whose pages
 * @kind: those of this kind
 * @where: filled in; of one moment only if nothing works and nothing moves
 *
 * Context: process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int torture_where(struct torture *torture, enum tmem_kind kind,
		  struct torture_whereabouts *where)
{
	void *buf = kmalloc(TMEM_MAX_BLOB, GFP_KERNEL);
	struct torture_object *obj;
	unsigned int i;

	if (!buf)
		return -ENOMEM;
	memset(where, 0, sizeof(*where));
	for (i = 0; i < TORTURE_OBJECTS; i++) {
		obj = &torture->object[kind][i];
		mutex_lock(&obj->lock);
		torture_where_object(torture, obj, buf, where);
		mutex_unlock(&obj->lock);
	}
	kfree(buf);
	return 0;
}

/**
 * torture_init_model - begin with a model without pages
 * @torture: what is to have it; all zeros
 */
void torture_init_model(struct torture *torture)
{
	struct torture_object *obj;
	unsigned int kind, i;

	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		for (i = 0; i < TORTURE_OBJECTS; i++) {
			obj = &torture->object[kind][i];
			mutex_init(&obj->lock);
			obj->kind = kind;
			obj->number = i;
		}
	}
}
