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
	EVENT(failed_pers_puts),
	EVENT(failed_alloc),
	EVENT(pool_limit),
	EVENT(compress_poor),
	EVENT(mean_compress_poor),
	EVENT(compress_failed),
	EVENT(decompress_failed),
	EVENT(pers_puts),
	EVENT(local_gets),
	EVENT(remote_gets),
};

/* There is one zcache, so one index whose holdings these files show. */
static struct tmem *shown;

static int held_get(void *data, u64 *val)
{
	const struct held_file *file = data;
	struct tmem_stats stats;

	tmem_get_stats(shown, &stats);
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

static void held_create(struct dentry *dir, const struct held_file *file,
			size_t nr)
{
	for (; nr--; file++)
		debugfs_create_file_unsafe(file->name, 0444, dir, (void *)file,
					   &held_fops);
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
	const struct event_file *event = zcache_events;
	size_t nr;

	shown = zcache->tmem;
	zcache->debugfs = debugfs_create_dir("zcache", NULL);
	zcache->zbud_debugfs = debugfs_create_dir("zbud", NULL);
	held_create(zcache->debugfs, zcache_held, ARRAY_SIZE(zcache_held));
	held_create(zcache->zbud_debugfs, zbud_held, ARRAY_SIZE(zbud_held));
	for (nr = ARRAY_SIZE(zcache_events); nr--; event++)
		debugfs_create_file_unsafe(event->name, 0444, zcache->debugfs,
					   (void *)&zcache->count +
					   event->offset, &event_fops);
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
