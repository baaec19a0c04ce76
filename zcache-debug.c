// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-debug: the counters of zcache and zbud in debugfs.
 *
 * One decimal number a file.  The names are those of the original driver; what
 * each means stands in Documentation/.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>

#include "tmem.h"
#include "zcache-comp.h"
#include "zcache.h"

/**
 * struct held_file - a file that shows one of the things held
 * @name: file name
 * @offset: of the u64 in struct tmem_stats
 */
struct held_file {
	const char *name;
	size_t offset;
};

#define HELD(_name, _member) \
	{ .name = _name, .offset = offsetof(struct tmem_stats, _member) }
#define HELD_EPH(_name, _member) \
	HELD("eph_" _name, zbud[TMEM_EPHEMERAL]._member)
#define HELD_PERS(_name, _member) \
	HELD("pers_" _name, zbud[TMEM_PERSISTENT]._member)

static const struct held_file zcache_held[] = {
	HELD("obj_count", objects),
	HELD("obj_count_max", objects_max),
	HELD("zero_filled_pages", zeroes),
	HELD("eph_filled_pages", filled[TMEM_EPHEMERAL]),
	HELD("pers_filled_pages", filled[TMEM_PERSISTENT]),
	HELD("evicted_eph_zpages", zbud[TMEM_EPHEMERAL].evicted_zpages),
	HELD("evicted_eph_pageframes", zbud[TMEM_EPHEMERAL].evicted_frames),
	HELD_EPH("pageframes", frames),
	HELD_PERS("pageframes", frames),
	HELD_EPH("pageframes_max", frames_max),
	HELD_PERS("pageframes_max", frames_max),
	HELD_EPH("zpages", zpages),
	HELD_PERS("zpages", zpages),
	HELD_EPH("zpages_max", zpages_max),
	HELD_PERS("zpages_max", zpages_max),
	HELD_EPH("zbytes", zbytes),
	HELD_PERS("zbytes", zbytes),
	HELD_EPH("zbytes_max", zbytes_max),
	HELD_PERS("zbytes_max", zbytes_max),
};

static const struct held_file zbud_held[] = {
	HELD_EPH("zbytes", zbytes),
	HELD_PERS("zbytes", zbytes),
	HELD_EPH("cumul_zbytes", cumul_zbytes),
	HELD_PERS("cumul_zbytes", cumul_zbytes),
	HELD_EPH("zpages", zpages),
	HELD_PERS("zpages", zpages),
	HELD_EPH("cumul_zpages", cumul_zpages),
	HELD_PERS("cumul_zpages", cumul_zpages),
	HELD_EPH("pageframes", frames),
	HELD_PERS("pageframes", frames),
	HELD_EPH("buddied_count", buddied),
	HELD_PERS("buddied_count", buddied),
	HELD_EPH("unbuddied_count", unbuddied),
	HELD_PERS("unbuddied_count", unbuddied),
	HELD_EPH("isolated_count", isolated),
	HELD_PERS("isolated_count", isolated),
	HELD_EPH("zombie_count", zombies),
	HELD_PERS("zombie_count", zombies),
	HELD_EPH("evicted_pageframes", evicted_frames),
	HELD_PERS("evicted_pageframes", evicted_frames),
};

/**
 * struct event_file - a file that shows how often something happened
 * @name: file name
 * @offset: of the atomic64_t in struct zcache_counters
 */
struct event_file {
	const char *name;
	size_t offset;
};

#define EVENT(_member) \
	{ .name = #_member, .offset = offsetof(struct zcache_counters, _member) }

static const struct event_file zcache_events[] = {
	EVENT(flush_total),
	EVENT(flush_found),
	EVENT(flobj_total),
	EVENT(flobj_found),
	EVENT(failed_eph_puts),
	EVENT(failed_pers_puts),
	EVENT(failed_getfreepages),
	EVENT(failed_alloc),
	EVENT(pool_limit),
	EVENT(compress_poor),
	EVENT(mean_compress_poor),
	EVENT(compress_failed),
	EVENT(decompress_failed),
	EVENT(eph_ate_tail),
	EVENT(eph_ate_tail_failed),
	EVENT(pers_ate_eph),
	EVENT(pers_ate_eph_failed),
	EVENT(eph_nonactive_puts_ignored),
	EVENT(pers_nonactive_puts_ignored),
	EVENT(eph_puts),
	EVENT(pers_puts),
	EVENT(local_gets),
	EVENT(remote_gets),
	EVENT(eph_local_gets),
	EVENT(eph_remote_gets),
	EVENT(eph_lost_gets),
	EVENT(last_active_file_pageframes),
	EVENT(last_inactive_file_pageframes),
	EVENT(last_active_anon_pageframes),
	EVENT(last_inactive_anon_pageframes),
};

/* There is one zcache, so one whose holdings these files show. */
static struct zcache *shown;

static int held_get(void *data, u64 *val)
{
	const struct held_file *file = data;
	struct tmem_stats stats;

	tmem_get_stats(shown->tmem, &stats);
	*val = *(u64 *)((void *)&stats + file->offset);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(held_fops, held_get, NULL, "%llu\n");

static int event_get(void *data, u64 *val)
{
	*val = atomic64_read((atomic64_t *)data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(event_fops, event_get, NULL, "%llu\n");

/* Counted when somebody looks, and so the maximum is of what was seen. */
static int objnode_get(void *data, u64 *val)
{
	atomic64_t *max = &shown->objnodes_max;
	u64 nodes = tmem_count_nodes(shown->tmem);
	s64 seen = atomic64_read(max);

	while (nodes > seen && !atomic64_try_cmpxchg(max, &seen, nodes))
		;
	*val = nodes;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(objnode_fops, objnode_get, NULL, "%llu\n");

static int contexts_get(void *data, u64 *val)
{
	*val = zcache_comp_contexts(shown->comp);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(contexts_fops, contexts_get, NULL, "%llu\n");

static void held_create(struct dentry *dir, const struct held_file *file,
			size_t nr)
{
	for (; nr--; file++)
		debugfs_create_file_unsafe(file->name, 0444, dir, (void *)file,
					   &held_fops);
}

static void event_create(struct zcache *zcache)
{
	const struct event_file *event = zcache_events;
	size_t nr;

	for (nr = ARRAY_SIZE(zcache_events); nr--; event++)
		debugfs_create_file_unsafe(event->name, 0444, zcache->debugfs,
					   (void *)&zcache->count +
					   event->offset, &event_fops);
	debugfs_create_file_unsafe("objnode_count_max", 0444, zcache->debugfs,
				   &zcache->objnodes_max, &event_fops);
}

/**
 * zcache_debug_init - make the directories zcache and zbud
 * @zcache: the store; must stay until zcache_debug_exit()
 *
 * Failures are ignored, as is usual for debugfs.
 *
 * Context: process; may sleep.
 */
void zcache_debug_init(struct zcache *zcache)
{
	struct dentry *dir = debugfs_create_dir("zcache", NULL);

	shown = zcache;
	zcache->debugfs = dir;
	zcache->zbud_debugfs = debugfs_create_dir("zbud", NULL);
	held_create(dir, zcache_held, ARRAY_SIZE(zcache_held));
	held_create(zcache->zbud_debugfs, zbud_held, ARRAY_SIZE(zbud_held));
	event_create(zcache);
	debugfs_create_file_unsafe("objnode_count", 0444, dir, NULL,
				   &objnode_fops);
	debugfs_create_file_unsafe("comp_contexts", 0444, dir, NULL,
				   &contexts_fops);
}

/**
 * zcache_debug_exit - remove the directories; waits for readers
 * @zcache: the store
 *
 * Context: process; sleeps.
 */
void zcache_debug_exit(struct zcache *zcache)
{
	debugfs_remove(zcache->debugfs);
	debugfs_remove(zcache->zbud_debugfs);
	shown = NULL;
}
