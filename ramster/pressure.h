/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pressure: how many pages have to leave, because this machine runs short of
 * RAM.  pressure.c tells by which rules.
 */
#ifndef _RAMSTER_PRESSURE_H
#define _RAMSTER_PRESSURE_H

#include <linux/jiffies.h>
#include <linux/types.h>

#include "../tmem.h"

/* The module parameters remotify_low_percent, remotify_high_percent. */
extern unsigned int pressure_low;
extern unsigned int pressure_high;

/* With this as the high mark, RAM is not looked at. */
#define PRESSURE_ALWAYS_PERCENT	100

/* RAM is not looked at more often. */
#define PRESSURE_PERIOD		(HZ / 10)

enum pressure_state {
	PRESSURE_IDLE,		/* there is RAM enough */
	PRESSURE_AHEAD,		/* there will be need of some soon */
	PRESSURE_SHORT,		/* there is need of some now */
	PRESSURE_ALWAYS,	/* nobody asks whether there is */
	PRESSURE_NR_STATES,
};

/**
 * struct pressure_look - what is known at a moment; in frames unless it says so
 * @ram: of this machine
 * @available: of these, could be had at once
 * @low: mark below which RAM is short, in per cent of @ram
 * @high: mark above which there is enough, in per cent of @ram
 * @frames: of the store, with pages that could be sent, by kind
 * @zpages: pages in these, by kind
 * @leaving: of the store, with pages that are on their way to a peer
 * @stored: pages that were ever stored, by kind
 * @refaults: pages that ever came back too soon
 * @periods: of PRESSURE_PERIOD, that have passed since the last look
 */
struct pressure_look {
	u64 ram;
	u64 available;
	unsigned int low;
	unsigned int high;
	u64 frames[TMEM_NR_KINDS];
	u64 zpages[TMEM_NR_KINDS];
	u64 leaving;
	u64 stored[TMEM_NR_KINDS];
	u64 refaults;
	unsigned long periods;
};

/**
 * struct pressure_past - what is remembered from look to look
 * @state: what was found the last time
 * @stored: as in struct pressure_look, then
 * @refaults: likewise
 * @available: likewise, with @leaving
 * @recent: pages stored lately, by kind; the longer ago, the less they count
 * @fallen: how much less is available than lately, likewise
 * @missed: pages that came back too soon lately, likewise
 */
struct pressure_past {
	enum pressure_state state;
	u64 stored[TMEM_NR_KINDS];
	u64 refaults;
	u64 available;
	u64 recent[TMEM_NR_KINDS];
	u64 fallen;
	u64 missed;
};

/**
 * struct pressure_plan - what is to be done until the next look
 * @state: why
 * @near: idle, but maybe not for long
 * @quota: frames that may be sent
 * @stay: frames that stay here, the youngest ones, by kind
 * @window: a page that comes back is a refault if no more pages than this were
 *	stored from when it was until the newest that was sent
 */
struct pressure_plan {
	enum pressure_state state;
	bool near;
	u64 quota;
	u64 stay[TMEM_NR_KINDS];
	u64 window;
};

/**
 * struct pressure - the need of a node to send
 * @always: RAM is not looked at, whatever the marks are
 * @past: what is remembered
 * @plan: what is to be done
 * @available: as it was seen last
 * @looked: jiffies of the last look
 * @begun: there was one, so @looked is valid
 * @newest: highest version that was sent
 *
 * All is the mover's thread's own; others may read @plan, @past, @available and
 * @newest, which need not fit together then.
 */
struct pressure {
	bool always;
	struct pressure_past past;
	struct pressure_plan plan;
	u64 available;
	unsigned long looked;
	bool begun;
	u64 newest;
};

struct seq_file;

void pressure_decide(struct pressure_past *past,
		     const struct pressure_look *look,
		     struct pressure_plan *plan);

void pressure_init(struct pressure *pressure, bool always);
long pressure_update(struct pressure *pressure, struct tmem *tmem,
		     u64 refaults);
bool pressure_asks(const struct pressure *pressure);
bool pressure_may_send(const struct pressure *pressure, struct tmem *tmem,
		       enum tmem_kind kind);
void pressure_sent(struct pressure *pressure, u64 version);
bool pressure_is_refault(const struct pressure *pressure, u64 version);
bool pressure_has_room(const struct pressure *pressure);
void pressure_print(const struct pressure *pressure, struct seq_file *seq);

#endif /* _RAMSTER_PRESSURE_H */
