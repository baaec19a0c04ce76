// SPDX-License-Identifier: GPL-2.0
/*
 * torture_debug: what the torture test is told, and tells, in debugfs: the
 * directory torture of a node's own directory.  Documentation/ABI describes it.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "remotify.h"
#include "torture_int.h"

static int threads_get(void *data, u64 *val)
{
	struct torture *torture = data;

	*val = READ_ONCE(torture->threads);
	return 0;
}

static int threads_set(void *data, u64 val)
{
	return val > TORTURE_MAX_THREADS ? -EINVAL :
					   torture_set_threads(data, val);
}
DEFINE_DEBUGFS_ATTRIBUTE(threads_fops, threads_get, threads_set, "%llu\n");

static int enable_get(void *data, u64 *val)
{
	struct torture *torture = data;

	*val = remotify_enabled(torture->node->remotify, TMEM_PERSISTENT);
	return 0;
}

static int enable_set(void *data, u64 val)
{
	torture_set_enable(data, val);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(enable_fops, enable_get, enable_set, "%llu\n");

/* Signed, so that -1 stands for nobody. */
static int target_get(void *data, u64 *val)
{
	struct torture *torture = data;

	*val = remotify_target(torture->node->remotify);
	return 0;
}

static int target_set(void *data, u64 val)
{
	if ((s64)val < -1 || (s64)val >= R2_MAX_NODES)
		return -EINVAL;
	return torture_set_target(data, val);
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(target_fops, target_get, target_set, "%lld\n");

static int pages_get(void *data, u64 *val)
{
	struct torture *torture = data;

	*val = READ_ONCE(torture->pages);
	return 0;
}

static int pages_set(void *data, u64 val)
{
	struct torture *torture = data;

	if (!val || val > TORTURE_MAX_PAGES)
		return -EINVAL;
	WRITE_ONCE(torture->pages, val);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(pages_fops, pages_get, pages_set, "%llu\n");

static int check_set(void *data, u64 val)
{
	return torture_check(data);
}
DEFINE_DEBUGFS_ATTRIBUTE(check_fops, NULL, check_set, "%llu\n");

static int empty_set(void *data, u64 val)
{
	torture_empty(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(empty_fops, NULL, empty_set, "%llu\n");

/* Everything that is held for this node's own pages, here and elsewhere. */
static int held_get(void *data, u64 *val)
{
	struct torture *torture = data;
	struct tmem_stats stats;
	unsigned int kind;

	tmem_get_stats(torture->tmem, &stats);
	*val = stats.objects + stats.debts + stats.sending;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		*val += stats.remote[kind] + stats.zbud[kind].zpages +
			stats.zbud[kind].frames;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(held_fops, held_get, NULL, "%llu\n");

/**
 * struct torture_def - one line of "results"
 * @name: its name
 * @offset: of the counter in struct torture_counters
 */
struct torture_def {
	const char *name;
	size_t offset;
};

#define RESULT(_member)							\
	{ #_member, offsetof(struct torture_counters, _member) }

static const struct torture_def torture_defs[] = {
	RESULT(puts),
	RESULT(puts_refused),
	RESULT(local_gets),
	RESULT(remote_gets),
	RESULT(misses),
	RESULT(vanished),
	RESULT(overtaken),
	RESULT(unreachable),
	RESULT(flushes),
	RESULT(object_flushes),
	RESULT(restart_losses),
	RESULT(lost),
	RESULT(mismatches),
};

static int results_show(struct seq_file *seq, void *unused)
{
	struct torture *torture = seq->private;
	const struct torture_def *def;
	atomic64_t *count;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(torture_defs); i++) {
		def = &torture_defs[i];
		count = (void *)&torture->count + def->offset;
		seq_printf(seq, "%s %lld\n", def->name, atomic64_read(count));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static void where_show_one(struct seq_file *seq, const char *place,
			   u64 pers, u64 eph)
{
	if (pers || eph)
		seq_printf(seq, "%s %llu %llu\n", place, pers, eph);
}

static int where_show(struct seq_file *seq, void *unused)
{
	struct torture_whereabouts *where;
	struct torture_whereabouts *pers, *eph;
	unsigned int node;
	char place[8];
	int err;

	where = kcalloc(TMEM_NR_KINDS, sizeof(*where), GFP_KERNEL);
	if (!where)
		return -ENOMEM;
	pers = &where[TMEM_PERSISTENT];
	eph = &where[TMEM_EPHEMERAL];
	err = torture_where(seq->private, TMEM_PERSISTENT, pers) ?:
	      torture_where(seq->private, TMEM_EPHEMERAL, eph);
	if (err)
		goto out;
	where_show_one(seq, "absent", pers->absent, eph->absent);
	where_show_one(seq, "local", pers->local, eph->local);
	for (node = 0; node < R2_MAX_NODES; node++) {
		snprintf(place, sizeof(place), "%u", node);
		where_show_one(seq, place, pers->remote[node],
			       eph->remote[node]);
	}
out:
	kfree(where);
	return err;
}
DEFINE_SHOW_ATTRIBUTE(where);

/**
 * torture_debug_add - make the files of a node's torture
 * @torture: whose; NULL makes none
 * @parent: the node's directory
 *
 * Context: process; sleeps.
 */
void torture_debug_add(struct torture *torture, struct dentry *parent)
{
	struct dentry *dir;

	if (!torture)
		return;
	dir = debugfs_create_dir("torture", parent);
	torture->dir = dir;
	debugfs_create_file_unsafe("threads", 0644, dir, torture,
				   &threads_fops);
	debugfs_create_file_unsafe("enable", 0644, dir, torture, &enable_fops);
	debugfs_create_file_unsafe("target", 0644, dir, torture, &target_fops);
	debugfs_create_file_unsafe("pages", 0644, dir, torture, &pages_fops);
	debugfs_create_file_unsafe("check", 0200, dir, torture, &check_fops);
	debugfs_create_file_unsafe("empty", 0200, dir, torture, &empty_fops);
	debugfs_create_file_unsafe("held", 0444, dir, torture, &held_fops);
	debugfs_create_u32("rotate_ms", 0644, dir, &torture->rotate_ms);
	debugfs_create_u32("pause_us", 0644, dir, &torture->pause_us);
	debugfs_create_u64("seed", 0644, dir, &torture->seed);
	debugfs_create_file("results", 0444, dir, torture, &results_fops);
	debugfs_create_file("where", 0444, dir, torture, &where_fops);
}

/**
 * torture_debug_del - remove these files; waits for who uses them
 * @torture: whose; NULL has none
 *
 * Context: process; sleeps, maybe for as long as peers are waited for.
 */
void torture_debug_del(struct torture *torture)
{
	if (torture)
		debugfs_remove(torture->dir);
}
