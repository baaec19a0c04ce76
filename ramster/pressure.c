// SPDX-License-Identifier: GPL-2.0
/*
 * pressure: how many pages have to leave, because this machine runs short of
 * RAM.
 *
 * What remotify sends makes room here, and costs a transfer each way if it is
 * wanted again.  So nothing is sent while there is RAM enough, and when there is
 * not, the pages that were stored first, so many that those who need RAM find
 * it:
 *
 *   available, of all RAM       state    what may be sent
 *   ---- high mark ----------   idle     nothing
 *                               ahead    until high mark and what is needed soon
 *   ---- low mark -----------            are clear; not what was stored just now
 *                               short    the same, and the youngest as well
 *
 * Needed soon.  Who needs a frame takes one that is available, or has a page
 * stored.  So as many will be needed in the next seconds as in the last fewer
 * became available and pages were stored: idle ends when these would lead below
 * the low mark.  It begins above the high mark.  Between the marks, the less there
 * is left the more of this need is kept clear in addition, and the fewer of the
 * pages that were stored lately stay.
 *
 * Refaults.  A page that is fetched soon after it was sent had better stayed.
 * For each of these, of the last seconds, a frame less is sent, as long as RAM is
 * not short.  "Soon" is told by versions, which count what is put: if all that
 * was sent beyond that page would have fitted between the marks, it would be
 * here if just the low mark had been kept clear.
 *
 * What was a moment ago counts half as much two seconds later.
 *
 * RAM that is available is what the kernel believes that programs can have
 * without swapping.  Frames whose pages are on their way count as if they were.
 *
 * pressure_decide() is a function of what it is given, and of nothing else.
 */
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "pressure.h"

/* What happened lately loses this part of its weight in a period. */
#define PRESSURE_FADE		32

/* After so many periods it has none. */
#define PRESSURE_FADED		400

/* Pressure between the marks: from none at the high one to this at the low. */
#define PRESSURE_FULL		256

/* It is this machine that runs short, whichever nodes it has. */
unsigned int pressure_low = 5;
module_param_named(remotify_low_percent, pressure_low, uint, 0644);
MODULE_PARM_DESC(remotify_low_percent,
		 "available RAM below which pages of any age are sent");

unsigned int pressure_high = 10;
module_param_named(remotify_high_percent, pressure_high, uint, 0644);
MODULE_PARM_DESC(remotify_high_percent,
		 "available RAM above which nothing is sent; 100: send always, 0: never");

static const char * const pressure_names[PRESSURE_NR_STATES] = {
	[PRESSURE_IDLE] = "idle",
	[PRESSURE_AHEAD] = "ahead",
	[PRESSURE_SHORT] = "short",
	[PRESSURE_ALWAYS] = "always",
};

/*
 * deciding
 */

static u64 fade(u64 weight, unsigned long periods)
{
	if (periods >= PRESSURE_FADED)
		return 0;
	/* Rounded up, so that it comes to nothing. */
	while (weight && periods--)
		weight -= DIV_ROUND_UP_ULL(weight, PRESSURE_FADE);
	return weight;
}

/* What can be had, now or when what is on its way has arrived. */
static u64 pressure_available(const struct pressure_look *look)
{
	return look->available + look->leaving;
}

/* What was counted since the last look counts in full. */
static void pressure_remember(struct pressure_past *past,
			      const struct pressure_look *look)
{
	unsigned int kind;

	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		past->recent[kind] = fade(past->recent[kind], look->periods) +
				     look->stored[kind] - past->stored[kind];
		past->stored[kind] = look->stored[kind];
	}
	past->fallen = fade(past->fallen, look->periods) + past->available;
	past->fallen -= min(past->fallen, pressure_available(look));
	past->available = pressure_available(look);
	past->missed = fade(past->missed, look->periods) +
		       look->refaults - past->refaults;
	past->refaults = look->refaults;
}

static u64 pressure_mark(const struct pressure_look *look, unsigned int percent)
{
	return div_u64(look->ram * min(percent, 100U), 100);
}

static u64 pressure_high_mark(const struct pressure_look *look)
{
	return pressure_mark(look, look->high);
}

static u64 pressure_low_mark(const struct pressure_look *look)
{
	return pressure_mark(look, min(look->low, look->high));
}

/* Frames that will be needed in the next seconds, if these are like the last. */
static u64 pressure_need(const struct pressure_past *past)
{
	return past->recent[TMEM_EPHEMERAL] + past->recent[TMEM_PERSISTENT] +
	       past->fallen;
}

static enum pressure_state pressure_find(const struct pressure_past *past,
					 const struct pressure_look *look)
{
	u64 available = pressure_available(look);
	u64 low = pressure_low_mark(look);

	if (look->high >= PRESSURE_ALWAYS_PERCENT)
		return PRESSURE_ALWAYS;
	if (available >= pressure_high_mark(look))
		return PRESSURE_IDLE;
	if (available < low)
		return PRESSURE_SHORT;
	if (past->state == PRESSURE_AHEAD || past->state == PRESSURE_SHORT)
		return PRESSURE_AHEAD;
	return available < low + pressure_need(past) ? PRESSURE_AHEAD :
						       PRESSURE_IDLE;
}

/* 0 at the high mark, PRESSURE_FULL at the low one and below. */
static u64 pressure_level(const struct pressure_look *look)
{
	u64 available = pressure_available(look);
	u64 high = pressure_high_mark(look);
	u64 low = pressure_low_mark(look);

	if (available >= high)
		return 0;
	if (available <= low)
		return PRESSURE_FULL;
	return div64_u64((high - available) * PRESSURE_FULL, high - low);
}

/* Frames to be sent; RAM is below the high mark. */
static u64 pressure_quota(const struct pressure_past *past,
			  const struct pressure_look *look)
{
	u64 available = pressure_available(look);
	u64 low = pressure_low_mark(look);
	u64 want = pressure_high_mark(look) - available +
		   pressure_need(past) * pressure_level(look) / PRESSURE_FULL;
	u64 must = available < low ? low - available : 0;

	return max(must, want - min(want, past->missed));
}

/* Frames of pages that were stored too short a time ago to be sent. */
static u64 pressure_stay(const struct pressure_past *past,
			 const struct pressure_look *look, enum tmem_kind kind)
{
	u64 young = min(past->recent[kind], look->zpages[kind]);

	if (!young)
		return 0;
	young = div64_u64(young * look->frames[kind], look->zpages[kind]);
	return young * (PRESSURE_FULL - pressure_level(look)) / PRESSURE_FULL;
}

static void pressure_plan(const struct pressure_past *past,
			  const struct pressure_look *look,
			  struct pressure_plan *plan)
{
	unsigned int kind;

	plan->quota = pressure_quota(past, look);
	for (kind = 0; kind < TMEM_NR_KINDS; kind++)
		plan->stay[kind] = pressure_stay(past, look, kind);
}

/**
 * pressure_decide - find out what has to be sent until the next look
 * @past: what is remembered; all zero before the first look
 * @look: what is known now
 * @plan: filled in
 *
 * Context: any.
 */
void pressure_decide(struct pressure_past *past,
		     const struct pressure_look *look,
		     struct pressure_plan *plan)
{
	pressure_remember(past, look);
	past->state = pressure_find(past, look);
	*plan = (struct pressure_plan) { .state = past->state };
	switch (past->state) {
	case PRESSURE_ALWAYS:
		plan->quota = U64_MAX;
		return;
	case PRESSURE_AHEAD:
	case PRESSURE_SHORT:
		pressure_plan(past, look, plan);
		break;
	default:
		break;
	}
	plan->near = plan->state == PRESSURE_IDLE &&
		     pressure_available(look) <
		     pressure_high_mark(look) + pressure_need(past);
	/* Two pages a frame. */
	plan->window = 2 * (pressure_high_mark(look) - pressure_low_mark(look));
}

/*
 * looking
 */

/**
 * pressure_init - nothing is known yet
 * @pressure: what is to be initialised
 * @always: never look at RAM: pages are sent as if the high mark were 100
 */
void pressure_init(struct pressure *pressure, bool always)
{
	memset(pressure, 0, sizeof(*pressure));
	pressure->always = always;
}

static unsigned int pressure_high_percent(const struct pressure *pressure)
{
	return pressure->always ? PRESSURE_ALWAYS_PERCENT :
				  READ_ONCE(pressure_high);
}

static u64 available_now(void)
{
	return max(si_mem_available(), 0L);
}

static void pressure_look(const struct pressure *pressure, struct tmem *tmem,
			  struct pressure_look *look)
{
	struct zbud_stats held;
	unsigned int kind;

	look->ram = totalram_pages();
	look->available = available_now();
	look->low = READ_ONCE(pressure_low);
	look->high = pressure_high_percent(pressure);
	look->leaving = 0;
	for (kind = 0; kind < TMEM_NR_KINDS; kind++) {
		tmem_get_frames(tmem, kind, &held);
		look->frames[kind] = held.frames;
		look->zpages[kind] = held.zpages;
		look->stored[kind] = held.cumul_zpages;
		look->leaving += held.zombies;
	}
}

/**
 * pressure_update - look at RAM, unless that was done a moment ago
 * @pressure: the need to send
 * @tmem: the index whose pages are sent
 * @refaults: how often pressure_is_refault() ever said so
 *
 * Context: the mover's thread.  Takes the locks of zbud's pools.
 * Return: 0 if it has looked; else jiffies until it will.
 */
long pressure_update(struct pressure *pressure, struct tmem *tmem, u64 refaults)
{
	struct pressure_look look = { .refaults = refaults };
	unsigned long now = jiffies;

	look.periods = (now - pressure->looked) / PRESSURE_PERIOD;
	if (pressure->begun && !look.periods)
		return pressure->looked + PRESSURE_PERIOD - now;

	pressure_look(pressure, tmem, &look);
	/* What was stored before the first look was not stored lately. */
	if (!pressure->begun)
		memcpy(pressure->past.stored, look.stored, sizeof(look.stored));
	pressure->begun = true;
	pressure->looked = now;
	WRITE_ONCE(pressure->available, look.available);
	pressure_decide(&pressure->past, &look, &pressure->plan);
	return 0;
}

/**
 * pressure_asks - whether there is need to send, or may be at the next look
 * @pressure: the need to send
 *
 * Context: the mover's thread.
 * Return: true if so.
 */
bool pressure_asks(const struct pressure *pressure)
{
	return pressure->plan.state != PRESSURE_IDLE || pressure->plan.near;
}

/**
 * pressure_may_send - whether one more frame may be sent
 * @pressure: the need to send
 * @tmem: the index whose pages are sent
 * @kind: kind of the frame
 *
 * Context: the mover's thread.  May take the lock of a zbud pool.
 * Return: true if so.
 */
bool pressure_may_send(const struct pressure *pressure, struct tmem *tmem,
		       enum tmem_kind kind)
{
	struct zbud_stats held;

	if (!pressure->plan.quota)
		return false;
	if (!pressure->plan.stay[kind])
		return true;
	tmem_get_frames(tmem, kind, &held);
	return held.frames - held.isolated > pressure->plan.stay[kind];
}

/**
 * pressure_sent - a frame is being sent
 * @pressure: the need to send; pressure_may_send() has said yes
 * @version: of a page of it
 *
 * Context: the mover's thread.
 */
void pressure_sent(struct pressure *pressure, u64 version)
{
	if (pressure->plan.state != PRESSURE_ALWAYS)
		pressure->plan.quota--;
	if (version > pressure->newest)
		WRITE_ONCE(pressure->newest, version);
}

/**
 * pressure_is_refault - whether a page comes back too soon
 * @pressure: the need to send
 * @version: of the page, which a peer has
 *
 * Context: any.
 * Return: true if so.
 */
bool pressure_is_refault(const struct pressure *pressure, u64 version)
{
	u64 newest = READ_ONCE(pressure->newest);
	u64 window = READ_ONCE(pressure->plan.window);

	return window && version + window > newest;
}

/**
 * pressure_has_room - whether pages may come home without need
 * @pressure: the need to send
 *
 * There has to be so much more than the high mark as it is above the low one,
 * halved: else what comes home would be sent again, by and by.
 *
 * Context: any.
 * Return: true if so; also if pages are always sent.
 */
bool pressure_has_room(const struct pressure *pressure)
{
	struct pressure_look look = {
		.ram = totalram_pages(),
		.low = READ_ONCE(pressure_low),
		.high = pressure_high_percent(pressure),
	};
	u64 high = pressure_high_mark(&look);

	if (look.high >= PRESSURE_ALWAYS_PERCENT)
		return true;
	return available_now() >= high + (high - pressure_low_mark(&look)) / 2;
}

/**
 * pressure_print - tell why pages are sent, or are not
 * @pressure: the need to send
 * @seq: where to
 *
 * Context: process.
 */
void pressure_print(const struct pressure *pressure, struct seq_file *seq)
{
	const struct pressure_plan *plan = &pressure->plan;
	const struct pressure_past *past = &pressure->past;

	seq_printf(seq, "state %s\n", pressure_names[READ_ONCE(plan->state)]);
	seq_printf(seq, "available %llu\n", READ_ONCE(pressure->available));
	seq_printf(seq, "need %llu\n", pressure_need(past));
	seq_printf(seq, "missed %llu\n", READ_ONCE(past->missed));
	seq_printf(seq, "quota %llu\n", READ_ONCE(plan->quota));
	seq_printf(seq, "eph_stay %llu\n",
		   READ_ONCE(plan->stay[TMEM_EPHEMERAL]));
	seq_printf(seq, "pers_stay %llu\n",
		   READ_ONCE(plan->stay[TMEM_PERSISTENT]));
}
