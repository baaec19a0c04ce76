// SPDX-License-Identifier: GPL-2.0
/*
 * ramster: members of a cluster come up and go.
 *
 * Builds a node up from its parts when the node manager says so, and takes it
 * down in reverse.  What the parts do stands in their own files: foreign.c
 * holds pages of peers, remotify.c moves this kernel's pages, fetch.c brings
 * them back.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <net/net_namespace.h>

#include "foreign.h"
#include "heartbeat.h"
#include "ramster_int.h"
#include "recall.h"
#include "remotify.h"
#include "repair.h"
#include "selfshrink.h"
#include "torture.h"

/* The node that moves this kernel's own pages, or NULL. */
static struct ramster_node __rcu *ramster_owner;
/* The node of the initial network namespace, owner or not, or NULL. */
static struct ramster_node *ramster_machine;
static DEFINE_MUTEX(ramster_mutex);
DEFINE_STATIC_SRCU(ramster_srcu);

/*
 * the seam to zcache
 */

/**
 * struct ramster_plug - pages that were asked for, but not sent for
 * @cb: place among what a task does at the end of a readahead
 * @node: who has asked; NULL if what follows is not valid
 * @from: the peer
 * @idx: held, so that the node stays
 */
struct ramster_plug {
	struct blk_plug_cb cb;
	struct ramster_node *node;
	u8 from;
	int idx;
};

static void ramster_unplug(struct blk_plug_cb *cb, bool from_schedule)
{
	struct ramster_plug plug = *container_of(cb, struct ramster_plug, cb);

	kfree(container_of(cb, struct ramster_plug, cb));
	__acquire(&ramster_srcu);
	if (from_schedule)
		r2tcp_push_later(plug.node->tcp, plug.from);
	else
		r2tcp_push(plug.node->tcp, plug.from);
	srcu_read_unlock(&ramster_srcu, plug.idx);
}

/*
 * A readahead asks for page after page.  So that they go out together, this waits
 * for its end, or until the task has to sleep for something else.  Returns
 * whether that is still to come.
 */
static bool ramster_plug(struct ramster_node *node, u8 from)
{
	struct blk_plug_cb *cb;
	struct ramster_plug *plug;

	/*
	 * The pointer only says which peer: a node stays until it is unplugged,
	 * so there is no other one before that.
	 */
	cb = blk_check_plugged(ramster_unplug, (void *)(from + 1UL),
			       sizeof(*plug));
	if (!cb)
		return false;
	plug = container_of(cb, struct ramster_plug, cb);
	if (!plug->node) {
		plug->node = node;
		plug->from = from;
		plug->idx = srcu_read_lock(&ramster_srcu);
		/* ramster_unplug() has it from here on. */
		__release(&ramster_srcu);
	}
	return true;
}

static int ramster_fetch(const struct tmem_handle *handle, enum tmem_kind kind,
			 u64 version, struct tmem_peers peers, long patience,
			 ramster_fetched_fn fetched, void *arg)
{
	struct ramster_node *node;
	int idx, err = -EIO;

	idx = srcu_read_lock(&ramster_srcu);
	node = srcu_dereference(ramster_owner, &ramster_srcu);
	if (node) {
		peers = fetch_order(node, peers);
		err = fetch_page(node, handle, kind, version, peers, patience,
				 fetched, arg);
	}
	if (err == -EINPROGRESS && !patience &&
	    !ramster_plug(node, peers.node[0]))
		r2tcp_push(node->tcp, peers.node[0]);
	srcu_read_unlock(&ramster_srcu, idx);
	return err;
}

static void ramster_kick(void)
{
	struct ramster_node *node;
	int idx;

	idx = srcu_read_lock(&ramster_srcu);
	node = srcu_dereference(ramster_owner, &ramster_srcu);
	if (node)
		remotify_kick(node->remotify);
	srcu_read_unlock(&ramster_srcu, idx);
}

static void ramster_no_room(void)
{
	struct ramster_node *node;
	int idx;

	idx = srcu_read_lock(&ramster_srcu);
	node = srcu_dereference(ramster_owner, &ramster_srcu);
	if (node)
		atomic64_inc(&node->count.remote_nomem);
	srcu_read_unlock(&ramster_srcu, idx);
}

static const struct ramster_ops ramster_ops = {
	.fetch = ramster_fetch,
	.owes = ramster_kick,
	.no_room = ramster_no_room,
	.stored = ramster_kick,
};

/**
 * ramster_owner_get - the node that moves this kernel's own pages
 *
 * Context: process; sleeps. The node stays until ramster_owner_put(), which
 * must follow, also if there is none.
 * Return: the node, or NULL.
 */
struct ramster_node *ramster_owner_get(void)
{
	mutex_lock(&ramster_mutex);
	return rcu_dereference_protected(ramster_owner,
					 lockdep_is_held(&ramster_mutex));
}

/**
 * ramster_machine_get - the node of the initial network namespace
 *
 * As ramster_owner_get(), but also if the node only lends memory.
 * Return: the node, or NULL.
 */
struct ramster_node *ramster_machine_get(void)
{
	mutex_lock(&ramster_mutex);
	return ramster_machine;
}

static void ramster_machine_set(const struct net *net, struct ramster_node *node)
{
	if (!net_eq(net, &init_net))
		return;
	mutex_lock(&ramster_mutex);
	ramster_machine = node;
	mutex_unlock(&ramster_mutex);
}

/**
 * ramster_owner_put - done with ramster_owner_get() or ramster_machine_get()
 */
void ramster_owner_put(void)
{
	mutex_unlock(&ramster_mutex);
}

/*
 * what comes in from peers
 */

static int ramster_put(void *arg, unsigned int peer, const void *payload,
		       unsigned int len, unsigned int items,
		       struct r2tcp_reply *reply)
{
	struct ramster_node *node = arg;

	return foreign_put(node->foreign, peer, payload, len, items, reply);
}

static int ramster_get(void *arg, unsigned int peer, const struct r2_page *page,
		       struct r2tcp_reply *reply)
{
	struct ramster_node *node = arg;

	return foreign_get(node->foreign, peer, page, reply);
}

static int ramster_flush(void *arg, unsigned int peer,
			 const struct r2_flush_item *item, unsigned int items,
			 struct r2tcp_reply *reply)
{
	struct ramster_node *node = arg;

	return foreign_flush(node->foreign, peer, item, items, reply);
}

static void ramster_up(void *arg, unsigned int peer, bool new_instance)
{
	struct ramster_node *node = arg;

	r2hb_connected(node->hb, peer);
	foreign_returned(node->foreign);
	if (new_instance) {
		foreign_forget(node->foreign, peer);
		torture_peer_restarted(node->torture, peer);
	}
	if (!node->remotify)
		return;
	if (new_instance)
		remotify_peer_restarted(node->remotify, peer);
	remotify_kick(node->remotify);
	repair_kick(node->repair);
	recall_kick(node->recall, peer);
}

static void ramster_down(void *arg, unsigned int peer)
{
	struct ramster_node *node = arg;

	/* A broken connection alone loses nothing: all stays where it is. */
	r2hb_disconnected(node->hb, peer);
}

static void ramster_room(void *arg, unsigned int peer, struct r2tcp_room *room)
{
	struct ramster_node *node = arg;

	foreign_room(node->foreign, peer, room);
}

static void ramster_recalls(void *arg, unsigned int peer)
{
	struct ramster_node *node = arg;

	recall_kick(node->recall, peer);
}

static const struct r2tcp_ops ramster_tcp_ops = {
	.put = ramster_put,
	.get = ramster_get,
	.flush = ramster_flush,
	.up = ramster_up,
	.down = ramster_down,
	.room = ramster_room,
	.recalls = ramster_recalls,
};

/*
 * a node that has pages
 */

static int ramster_mover_prepare(struct ramster_node *node, struct tmem *tmem)
{
	int err = fetch_start(node);

	if (err)
		return err;
	node->remotify = remotify_create(node, tmem);
	if (IS_ERR(node->remotify)) {
		err = PTR_ERR(node->remotify);
		goto err_remotify;
	}
	node->repair = repair_create(node, tmem);
	if (!node->repair) {
		err = -ENOMEM;
		goto err_repair;
	}
	node->recall = recall_create(node, tmem);
	if (!node->recall) {
		err = -ENOMEM;
		goto err_recall;
	}
	return 0;

err_recall:
	repair_halt(node->repair);
	repair_destroy(node->repair);
	node->repair = NULL;
err_repair:
	remotify_destroy(node->remotify);
err_remotify:
	node->remotify = NULL;
	fetch_stop(node);
	return err;
}

static int ramster_owner_prepare(struct ramster_node *node)
{
	struct tmem *tmem = zcache_register_ramster(&ramster_ops);
	int err;

	if (IS_ERR(tmem))
		return PTR_ERR(tmem);

	node->owner = true;
	err = ramster_mover_prepare(node, tmem);
	if (err) {
		node->owner = false;
		zcache_unregister_ramster(&ramster_ops);
	}
	return err;
}

static int ramster_torture_prepare(struct ramster_node *node)
{
	int err = ramster_mover_prepare(node, torture_tmem(node->torture));

	if (err) {
		torture_destroy(node->torture);
		node->torture = NULL;
	}
	return err;
}

/* zcache may be switched off, and its index freed, once it has no cluster. */
static void ramster_pages_release(struct ramster_node *node)
{
	if (!node->remotify)
		return;

	/* Those who wait for a page: as the connections are down, not for long. */
	synchronize_srcu(&ramster_srcu);
	fetch_stop(node);
	recall_destroy(node->recall);
	node->recall = NULL;
	repair_destroy(node->repair);
	node->repair = NULL;
	remotify_destroy(node->remotify);
	node->remotify = NULL;
	if (node->owner)
		zcache_unregister_ramster(&ramster_ops);
	torture_destroy(node->torture);
}

/*
 * Only the initial namespace's node owns this kernel's pages, and only if there
 * are any; but each may have pages that were made for a test.
 */
static int ramster_pages_init(struct ramster_node *node)
{
	int err = torture_create(node);

	if (err)
		return err;
	if (node->torture)
		return ramster_torture_prepare(node);
	if (!net_eq(node->info.net, &init_net))
		return 0;

	err = ramster_owner_prepare(node);
	if (err == -ENODEV) {
		pr_notice("zcache is off: node %u only lends memory\n",
			  node->info.node);
		return 0;
	}
	return err;
}

static int ramster_pages_publish(struct ramster_node *node)
{
	int err;

	if (!node->remotify)
		return 0;

	err = remotify_run(node->remotify);
	if (err || !node->owner)
		return err;
	node->selfshrink = selfshrink_start(node,
					    remotify_tmem(node->remotify));
	if (IS_ERR(node->selfshrink)) {
		err = PTR_ERR(node->selfshrink);
		node->selfshrink = NULL;
		remotify_halt(node->remotify);
		return err;
	}
	mutex_lock(&ramster_mutex);
	rcu_assign_pointer(ramster_owner, node);
	mutex_unlock(&ramster_mutex);
	return 0;
}

static void ramster_owner_retract(struct ramster_node *node)
{
	if (!node->owner)
		return;

	mutex_lock(&ramster_mutex);
	RCU_INIT_POINTER(ramster_owner, NULL);
	mutex_unlock(&ramster_mutex);
	selfshrink_stop(node->selfshrink);
	node->selfshrink = NULL;
}

static void ramster_pages_halt(struct ramster_node *node)
{
	struct tmem_stats stats;
	bool idle;

	if (!node->remotify)
		return;

	repair_halt(node->repair);
	idle = recall_halt(node->recall);
	remotify_halt(node->remotify);
	remotify_get_stats(node->remotify, &stats);
	/* Nothing that is about its pools may be under way. */
	if (idle)
		remotify_farewell(node->remotify);
	if (stats.remote[TMEM_PERSISTENT])
		pr_warn("node %u stops while %llu of its swap pages are with peers: they are lost\n",
			node->info.node, stats.remote[TMEM_PERSISTENT]);
}

/*
 * node manager
 */

static int ramster_start_tcp(struct ramster_node *node)
{
	const struct r2nm_cluster_info *info = &node->info;
	struct r2tcp_config config = {
		.net = info->net,
		.node = info->node,
		.addr = info->addr,
		.idle_timeout_ms = info->idle_timeout_ms,
		.keepalive_delay_ms = info->keepalive_delay_ms,
		.dead_time_ms = info->dead_time_ms,
		.reconnect_delay_ms = info->reconnect_delay_ms,
	};
	int err;

	memcpy(config.cluster, info->name, sizeof(config.cluster));
	node->tcp = r2tcp_start(&config, &ramster_tcp_ops, node);
	if (IS_ERR(node->tcp)) {
		err = PTR_ERR(node->tcp);
		goto err_start;
	}
	node->hb = r2hb_create(node->tcp, info->node, info->dead_time_ms);
	if (IS_ERR(node->hb)) {
		err = PTR_ERR(node->hb);
		goto err_hb;
	}
	return 0;

err_hb:
	node->hb = NULL;
	r2tcp_stop(node->tcp);
	r2tcp_free(node->tcp);
err_start:
	node->tcp = NULL;
	return err;
}

static void ramster_stop_tcp(struct ramster_node *node)
{
	r2hb_stop(node->hb);
	r2tcp_stop(node->tcp);
}

/*
 * Once the last page that came is unpacked: if it has come home and left again
 * meanwhile, it may be asked for once more.
 */
static void ramster_free_tcp(struct ramster_node *node)
{
	r2tcp_free(node->tcp);
	r2hb_destroy(node->hb);
}

static void *ramster_start(const struct r2nm_cluster_info *info)
{
	struct ramster_node *node = kzalloc(sizeof(*node), GFP_KERNEL);
	int err;

	if (!node)
		return ERR_PTR(-ENOMEM);
	node->info = *info;

	node->foreign = foreign_create(node);
	if (IS_ERR(node->foreign)) {
		err = PTR_ERR(node->foreign);
		goto err_foreign;
	}
	err = ramster_pages_init(node);
	if (err)
		goto err_pages;
	err = ramster_start_tcp(node);
	if (err)
		goto err_tcp;
	err = ramster_debug_add(node);
	if (err)
		goto err_debug;
	err = ramster_pages_publish(node);
	if (err)
		goto err_publish;
	foreign_run(node->foreign);
	ramster_machine_set(info->net, node);
	pr_info("node %u of cluster %s is up\n", info->node, info->name);
	return node;

err_publish:
	ramster_debug_del(node);
err_debug:
	ramster_stop_tcp(node);
err_tcp:
	ramster_pages_release(node);
	if (node->tcp)
		ramster_free_tcp(node);
err_pages:
	foreign_destroy(node->foreign);
err_foreign:
	kfree(node);
	return ERR_PTR(err);
}

static void ramster_stop(void *ctx)
{
	struct ramster_node *node = ctx;

	ramster_machine_set(node->info.net, NULL);
	ramster_owner_retract(node);
	r2nm_unpin(node->target);
	ramster_debug_del(node);
	foreign_halt(node->foreign);
	torture_halt(node->torture);
	ramster_pages_halt(node);
	ramster_stop_tcp(node);
	ramster_pages_release(node);
	ramster_free_tcp(node);
	foreign_destroy(node->foreign);
	pr_info("node %u of cluster %s is down\n", node->info.node,
		node->info.name);
	kfree(node);
}

static int ramster_add_node(void *ctx, unsigned int peer,
			    const struct sockaddr_storage *addr)
{
	struct ramster_node *node = ctx;
	int err;

	if (node->remotify) {
		err = remotify_add_peer(node->remotify, peer);
		if (err)
			return err;
		err = recall_add_peer(node->recall, peer);
		if (err)
			goto err_recall;
	}
	r2hb_add(node->hb, peer);
	err = r2tcp_add_peer(node->tcp, peer, addr);
	if (err)
		goto err_tcp;
	return 0;

err_tcp:
	r2hb_del(node->hb, peer);
	recall_free_peer(recall_hide_peer(node->recall, peer));
err_recall:
	if (node->remotify)
		remotify_free_peer(remotify_hide_peer(node->remotify, peer));
	return err;
}

static void ramster_del_node(void *ctx, unsigned int peer)
{
	struct ramster_node *node = ctx;
	struct flush_batch *flush = NULL;
	struct recall_peer *withdrawn;

	withdrawn = recall_hide_peer(node->recall, peer);
	if (node->remotify)
		flush = remotify_hide_peer(node->remotify, peer);
	r2tcp_del_peer(node->tcp, peer);
	r2hb_del(node->hb, peer);
	recall_free_peer(withdrawn);
	remotify_free_peer(flush);
	foreign_forget(node->foreign, peer);
	torture_peer_restarted(node->torture, peer);
}

static void ramster_set_timeouts(struct ramster_node *node,
				 const struct r2nm_cluster_info *info)
{
	if (info->idle_timeout_ms == node->info.idle_timeout_ms &&
	    info->keepalive_delay_ms == node->info.keepalive_delay_ms &&
	    info->dead_time_ms == node->info.dead_time_ms)
		return;

	/* The node manager has looked, but a peer may have connected since. */
	if (r2tcp_set_timeouts(node->tcp, info->idle_timeout_ms,
			       info->keepalive_delay_ms, info->dead_time_ms)) {
		pr_warn("node %u: a peer has just connected, with the timeouts of before; set them again when none is\n",
			info->node);
		return;
	}
	WRITE_ONCE(node->info.idle_timeout_ms, info->idle_timeout_ms);
	node->info.keepalive_delay_ms = info->keepalive_delay_ms;
	node->info.dead_time_ms = info->dead_time_ms;
	r2hb_set_dead_time(node->hb, info->dead_time_ms);
}

static void ramster_changed(void *ctx, const struct r2nm_cluster_info *info)
{
	struct ramster_node *node = ctx;

	WRITE_ONCE(node->info.get_timeout_ms, info->get_timeout_ms);
	WRITE_ONCE(node->info.capacity_mb, info->capacity_mb);
	WRITE_ONCE(node->info.copies, info->copies);
	WRITE_ONCE(node->info.client_grace_ms, info->client_grace_ms);
	repair_kick(node->repair);
	r2tcp_set_reconnect_delay(node->tcp, info->reconnect_delay_ms);
	ramster_set_timeouts(node, info);
}

static unsigned int ramster_connected(void *ctx)
{
	struct ramster_node *node = ctx;

	return r2tcp_nr_connected(node->tcp);
}

static ssize_t ramster_show_state(void *ctx, unsigned int peer, char *page)
{
	struct ramster_node *node = ctx;

	return r2hb_show_state(node->hb, peer, page);
}

static const struct r2nm_ops ramster_nm_ops = {
	.start = ramster_start,
	.stop = ramster_stop,
	.add_node = ramster_add_node,
	.del_node = ramster_del_node,
	.changed = ramster_changed,
	.connected = ramster_connected,
	.show_state = ramster_show_state,
};

/*
 * module
 */

static int __init ramster_init(void)
{
	int err;

	/* Built in, it waits to be asked for; loading it is asking. */
	if (!IS_MODULE(CONFIG_RAMSTER) && !zcache_ramster_enabled())
		return 0;

	ramster_debug_init();
	err = ramster_sysfs_init();
	if (err)
		goto err_sysfs;
	err = r2nm_init(&ramster_nm_ops);
	if (err)
		goto err_nm;
	return 0;

err_nm:
	ramster_sysfs_exit();
err_sysfs:
	ramster_debug_exit();
	return err;
}

static void __exit ramster_exit(void)
{
	r2nm_exit();
	ramster_sysfs_exit();
	ramster_debug_exit();
}

/* After zcache, which stands before it in the Makefile. */
late_initcall(ramster_init);
module_exit(ramster_exit);

MODULE_DESCRIPTION("Pages of zcache in the RAM of other machines");
MODULE_LICENSE("GPL");
