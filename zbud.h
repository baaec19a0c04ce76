/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zbud: two compressed pages in one page frame.
 *
 * An allocator that knows nothing of its users.  It stores byte ranges
 * ("zpages") of at most ZBUD_MAX_SIZE bytes, at most two in a frame, keeps the
 * frames in the order in which they were filled, and lends the oldest one to a
 * walker ("isolates" it) without taking it away from its owners.
 *
 * Life of a zpage::
 *
 *   zbud_alloc() -> pending -- zbud_ready() --> on the LRU
 *        |                                       |      ^
 *        |                       zbud_isolate_oldest()  zbud_ready()
 *        |                                       v      |
 *        +--------- zbud_free() <----------- isolated --+
 *
 * A frame is a candidate of zbud_isolate_oldest() only while each of its
 * zpages is ready.  One whose only zpage is pending may be given a second one;
 * one that is isolated may not.
 *
 * Whoever frees a zpage or calls zbud_ready() on it must make sure that nobody
 * else frees it meanwhile (tmem: the object's lock).
 */
#ifndef _RAMSTER_ZBUD_H
#define _RAMSTER_ZBUD_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/types.h>

#define ZBUD_CHUNK_SHIFT	6
#define ZBUD_CHUNK_SIZE		BIT(ZBUD_CHUNK_SHIFT)
#define ZBUD_NR_CHUNKS		(PAGE_SIZE >> ZBUD_CHUNK_SHIFT)
/* A zpage never fills a whole frame: such a page is not worth keeping. */
#define ZBUD_MAX_SIZE		(PAGE_SIZE - ZBUD_CHUNK_SIZE)

struct zbud_frame;
struct zbud_pool;

/**
 * struct zbud_stats - what a pool holds, for counters
 * @frames: page frames in use now
 * @frames_max: highest @frames ever seen
 * @zpages: zpages stored now
 * @zpages_max: highest @zpages ever seen
 * @zbytes: bytes of all zpages stored now
 * @zbytes_max: highest @zbytes ever seen
 * @cumul_zpages: zpages ever stored
 * @cumul_zbytes: bytes ever stored
 * @buddied: frames that hold two zpages
 * @unbuddied: frames that hold one zpage
 * @isolated: frames that are not candidates now (pending or isolated)
 * @zombies: those of them that were lent to a walker, and not put back
 * @evicted_zpages: zpages ever dropped to make room
 * @evicted_frames: frames that became empty by that
 */
struct zbud_stats {
	u64 frames;
	u64 frames_max;
	u64 zpages;
	u64 zpages_max;
	u64 zbytes;
	u64 zbytes_max;
	u64 cumul_zpages;
	u64 cumul_zbytes;
	u64 buddied;
	u64 unbuddied;
	u64 isolated;
	u64 zombies;
	u64 evicted_zpages;
	u64 evicted_frames;
};

struct zbud_pool *zbud_create(void);
void zbud_destroy(struct zbud_pool *pool);
int zbud_reserve(struct zbud_pool *pool, unsigned int frames);

int zbud_alloc(struct zbud_pool *pool, size_t size, gfp_t gfp,
	       unsigned long *handle);
unsigned long zbud_fit(struct zbud_pool *pool, size_t size);
unsigned long zbud_fill(struct zbud_pool *pool, struct zbud_frame *frame,
			size_t size);
void zbud_free(struct zbud_pool *pool, unsigned long handle);
struct zbud_frame *zbud_evict(struct zbud_pool *pool, unsigned long handle);
void zbud_release(struct zbud_pool *pool, struct zbud_frame *frame);
void *zbud_data(unsigned long handle);
size_t zbud_size(unsigned long handle);
void zbud_ready(struct zbud_pool *pool, unsigned long handle);

/**
 * typedef zbud_peek_fn - look at one zpage of a frame that is being isolated
 * @arg: what was given to zbud_isolate_oldest()
 * @data: first byte of the zpage
 * @size: its size in bytes
 *
 * Context: the pool's spinlock is held; must not sleep or call zbud.
 */
typedef void (*zbud_peek_fn)(void *arg, const void *data, size_t size);

unsigned int zbud_isolate_oldest(struct zbud_pool *pool, zbud_peek_fn peek,
				 void *arg);
void zbud_get_stats(struct zbud_pool *pool, struct zbud_stats *stats);

#endif /* _RAMSTER_ZBUD_H */
