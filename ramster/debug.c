// SPDX-License-Identifier: GPL-2.0
/*
 * debug: the counters of a node in debugfs.
 *
 * The node of the initial network namespace has them in ramster/, under the
 * names of the original driver; each other node in a directory below, named
 * for its namespace: ramster/net:4026532201/.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "foreign.h"
#include "heartbeat.h"
#include "ramster_int.h"
#include "remotify.h"
#include "torture.h"

/* Whose number a file shows. */
enum debug_source {
	DEBUG_EVENT,		/* atomic64_t in struct ramster_counters */
	DEBUG_FOREIGN,		/* u64 in struct tmem_stats of foreign pages */
	DEBUG_OWN,		/* u64 in struct tmem_stats of own pages */
};

/**
 * struct debug_def - one file
 * @name: its name
 * @source: whose number it shows
 * @offset: of the number in the structure of @source
 */
struct debug_def {
	const char *name;
	enum debug_source source;
	size_t offset;
};

#define EVENT(_member)							\
	{ #_member, DEBUG_EVENT, offsetof(struct ramster_counters, _member) }
#define EVENT_OF(_name, _member)					\
	{ _name, DEBUG_EVENT, offsetof(struct ramster_counters, _member) }
#define FOREIGN(_name, _member)						\
	{ _name, DEBUG_FOREIGN, offsetof(struct tmem_stats, _member) }
#define OWN(_name, _member)						\
	{ _name, DEBUG_OWN, offsetof(struct tmem_stats, _member) }

static const struct debug_def debug_defs[] = {
	EVENT_OF("eph_pages_remoted", pages_remoted[TMEM_EPHEMERAL]),
	EVENT_OF("pers_pages_remoted", pages_remoted[TMEM_PERSISTENT]),
	EVENT_OF("eph_bytes_remoted", bytes_remoted[TMEM_EPHEMERAL]),
	EVENT_OF("pers_bytes_remoted", bytes_remoted[TMEM_PERSISTENT]),
	EVENT_OF("eph_pages_remote_failed",
		 pages_remote_failed[TMEM_EPHEMERAL]),
	EVENT_OF("pers_pages_remote_failed",
		 pages_remote_failed[TMEM_PERSISTENT]),
	EVENT_OF("remotify_ahead_frames", frames_sent[PRESSURE_AHEAD]),
	EVENT_OF("remotify_short_frames", frames_sent[PRESSURE_SHORT]),
	EVENT_OF("remotify_always_frames", frames_sent[PRESSURE_ALWAYS]),
	EVENT_OF("remotify_refaults", refaults),
	EVENT_OF("remotify_looks", looks),
	EVENT_OF("remote_eph_pages_succ_get", remote_succ_get[TMEM_EPHEMERAL]),
	EVENT_OF("remote_pers_pages_succ_get",
		 remote_succ_get[TMEM_PERSISTENT]),
	EVENT_OF("remote_eph_pages_unsucc_get",
		 remote_unsucc_get[TMEM_EPHEMERAL]),
	EVENT_OF("remote_pers_pages_unsucc_get",
		 remote_unsucc_get[TMEM_PERSISTENT]),
	EVENT_OF("pers_pages_remote_nomem", remote_nomem),
	EVENT_OF("pers_pages_home", remote_home),
	EVENT_OF("pers_pages_repaired", remote_repaired),
	EVENT(pages_withdrawn),
	EVENT(pages_recalled),
	EVENT(remote_pages_flushed),
	EVENT(remote_page_flushes_failed),
	EVENT(remote_objects_flushed),
	EVENT(remote_object_flushes_failed),
	EVENT(remote_get_timeouts),
	EVENT(remote_get_corrupt),
	EVENT(remote_get_other_copy),
	EVENT(prefetch_asked),
	EVENT(prefetch_used),
	EVENT(prefetch_unused),
	EVENT(foreign_puts),
	EVENT(foreign_puts_refused),
	EVENT(foreign_eph_evicted),
	EVENT(recalled_wanted),
	EVENT(foreign_gets),
	EVENT(foreign_gets_missed),
	FOREIGN("foreign_eph_pages", zbud[TMEM_EPHEMERAL].zpages),
	FOREIGN("foreign_eph_pages_max", zbud[TMEM_EPHEMERAL].zpages_max),
	FOREIGN("foreign_pers_pages", zbud[TMEM_PERSISTENT].zpages),
	FOREIGN("foreign_pers_pages_max", zbud[TMEM_PERSISTENT].zpages_max),
	FOREIGN("foreign_eph_zbytes", zbud[TMEM_EPHEMERAL].zbytes),
	FOREIGN("foreign_eph_pageframes", zbud[TMEM_EPHEMERAL].frames),
	FOREIGN("foreign_eph_pageframes_max", zbud[TMEM_EPHEMERAL].frames_max),
	FOREIGN("foreign_pers_zbytes", zbud[TMEM_PERSISTENT].zbytes),
	FOREIGN("foreign_pers_pageframes", zbud[TMEM_PERSISTENT].frames),
	FOREIGN("foreign_pers_pageframes_max", zbud[TMEM_PERSISTENT].frames_max),
	FOREIGN("foreign_objects", objects),
	OWN("remote_eph_pages", remote[TMEM_EPHEMERAL]),
	OWN("remote_pers_pages", remote[TMEM_PERSISTENT]),
	OWN("remote_debts", debts),
	OWN("remote_sending", sending),
};

/**
 * struct ramster_debug - the files of one node
 * @dir: their directory; NULL if it is the common one
 * @node: the node
 * @file: what each file shows, by index in debug_defs
 */
struct ramster_debug {
	struct dentry *dir;
	struct ramster_node *node;
	struct debug_file {
		struct ramster_node *node;
		const struct debug_def *def;
	} file[ARRAY_SIZE(debug_defs)];
};

static struct dentry *ramster_dir;

static int debug_get(void *data, u64 *val)
{
	const struct debug_file *file = data;
	struct ramster_node *node = file->node;
	struct tmem_stats stats = {};

	switch (file->def->source) {
	case DEBUG_EVENT:
		*val = atomic64_read((void *)&node->count + file->def->offset);
		return 0;
	case DEBUG_FOREIGN:
		foreign_get_stats(node->foreign, &stats);
		break;
	case DEBUG_OWN:
		if (node->remotify)
			remotify_get_stats(node->remotify, &stats);
		break;
	}
	*val = *(u64 *)((void *)&stats + file->def->offset);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(debug_fops, debug_get, NULL, "%llu\n");

static int peers_show(struct seq_file *seq, void *unused)
{
	struct ramster_node *node = seq->private;
	struct r2tcp_peer_stats stats;
	unsigned int peer;

	seq_puts(seq, "node state connects tx_bytes rx_bytes bad_frames timeouts");
	seq_puts(seq, " pages_sent pages_fetched pages_taken pages_returned");
	seq_puts(seq, " fetch_us fetch_max_us silent_ms room_pages");
	seq_puts(seq, " capacity_pages recall_pages\n");
	for (peer = 0; peer < R2_MAX_NODES; peer++) {
		if (r2tcp_peer_stats(node->tcp, peer, &stats))
			continue;
		seq_printf(seq, "%u %s %llu %llu %llu %llu %llu", peer,
			   r2hb_state_name(r2hb_state(node->hb, peer)),
			   stats.connects,
			   stats.tx_bytes, stats.rx_bytes, stats.bad_frames,
			   stats.timeouts);
		seq_printf(seq, " %llu %llu %llu %llu %llu %llu %llu %u %u %u\n",
			   stats.pages_sent, stats.pages_fetched,
			   stats.pages_taken, stats.pages_returned,
			   stats.fetch_us, stats.fetch_max_us,
			   stats.silent_ms, stats.room, stats.capacity,
			   stats.recall);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(peers);

static int pressure_show(struct seq_file *seq, void *unused)
{
	struct ramster_node *node = seq->private;

	if (node->remotify)
		remotify_print_pressure(node->remotify, seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pressure);

static void debug_create_files(struct ramster_debug *debug, struct dentry *dir)
{
	struct debug_file *file;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(debug_defs); i++) {
		file = &debug->file[i];
		file->node = debug->node;
		file->def = &debug_defs[i];
		debugfs_create_file_unsafe(file->def->name, 0444, dir, file,
					   &debug_fops);
	}
	debugfs_create_file("peers", 0444, dir, debug->node, &peers_fops);
	debugfs_create_file("pressure", 0444, dir, debug->node,
			    &pressure_fops);
}

static void debug_remove_files(struct dentry *dir)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(debug_defs); i++)
		debugfs_lookup_and_remove(debug_defs[i].name, dir);
	debugfs_lookup_and_remove("peers", dir);
	debugfs_lookup_and_remove("pressure", dir);
}

/**
 * ramster_debug_add - show a node's counters
 * @node: the node
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: 0 or -ENOMEM; that debugfs itself fails is ignored, as is usual.
 */
int ramster_debug_add(struct ramster_node *node)
{
	struct ramster_debug *debug = kzalloc(sizeof(*debug), GFP_KERNEL);
	char name[32];

	if (!debug)
		return -ENOMEM;

	debug->node = node;
	node->debug = debug;
	if (!net_eq(node->info.net, &init_net)) {
		snprintf(name, sizeof(name), "net:%u",
			 node->info.net->ns.inum);
		debug->dir = debugfs_create_dir(name, ramster_dir);
	}
	debug_create_files(debug, debug->dir ?: ramster_dir);
	torture_debug_add(node->torture, debug->dir ?: ramster_dir);
	return 0;
}

/**
 * ramster_debug_del - remove a node's counters; waits for their readers
 * @node: the node
 *
 * Context: process; sleeps.
 */
void ramster_debug_del(struct ramster_node *node)
{
	struct ramster_debug *debug = node->debug;

	torture_debug_del(node->torture);
	if (net_eq(node->info.net, &init_net))
		debug_remove_files(ramster_dir);
	debugfs_remove(debug->dir);
	kfree(debug);
	node->debug = NULL;
}

/**
 * ramster_debug_init - make the directory ramster
 */
void ramster_debug_init(void)
{
	ramster_dir = debugfs_create_dir("ramster", NULL);
}

/**
 * ramster_debug_exit - remove the directory ramster
 */
void ramster_debug_exit(void)
{
	debugfs_remove(ramster_dir);
}
