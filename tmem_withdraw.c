// SPDX-License-Identifier: GPL-2.0
/*
 * tmem: a peer is relieved of pages that another one has, too.
 *
 * The peer goes out of the page's word, so that nobody asks it for the page any
 * more; that it has to be told to forget its copy is not a debt, as the slot holds
 * the word of who has the other one.  Whoever has called has the list, and tells
 * the peer.  If that comes late, or twice, it does no harm: a page has another
 * version whenever it is sent again.
 */
#include <linux/export.h>

#include "tmem_int.h"

/**
 * struct tmem_withdrawal - a walk that withdraws pages
 * @node: the peer
 * @others: who has to have a page, too
 * @debt: receives what it has to be told to forget
 * @max: room in @debt
 * @n: pages withdrawn
 */
struct tmem_withdrawal {
	u8 node;
	const unsigned long *others;
	struct tmem_debt *debt;
	unsigned int max;
	unsigned int n;
};

static void tmem_withdrawal_add(struct tmem_withdrawal *w,
				const struct tmem_object *obj, u32 index,
				u64 word)
{
	w->debt[w->n++] = (struct tmem_debt) {
		.handle.client = obj->pool->client,
		.handle.pool = obj->pool->id,
		.handle.oid = obj->oid,
		.handle.index = index,
		.version = word_version(word),
		.node = w->node,
	};
}

/* Whether somebody else has the page who is known to be there. */
static bool tmem_is_dispensable(const struct tmem_withdrawal *w, u64 word)
{
	struct tmem_peers rest;

	if (!word_has(word, w->node))
		return false;
	rest = tmem_peers_without(word_peers(word), w->node);
	return tmem_peers_nr(rest) && test_bit(rest.node[0], w->others);
}

static bool tmem_object_withdraw(struct tmem_object *obj, void *arg)
{
	struct tmem_withdrawal *w = arg;
	unsigned long index;
	void *slot;
	u64 word;

	lockdep_assert_held(&obj->pages.xa_lock);
	xa_for_each_marked(&obj->pages, index, slot, TMEM_AWAY_MARK) {
		word = slot_word(slot);
		/* What was flushed is going to be a debt, to both. */
		if (!tmem_is_dispensable(w, word) || slot_is_doomed(obj, slot))
			continue;
		tmem_withdrawal_add(w, obj, index, word);
		tmem_away_lose(obj, index, word, w->node);
		if (w->n == w->max)
			return false;
	}
	return true;
}

/**
 * tmem_withdraw - choose pages that a peer need not keep, as another has them
 * @tmem: where
 * @node: the peer
 * @others: the other one has to be one of these, a bitmap of TMEM_NODES bits: those
 *	that are there, and are not about to be found to have been restarted
 * @debt: receives what the peer has to be told to forget: it is said here once,
 *	and remembered nowhere else
 * @max: room in @debt; not 0
 *
 * Of each of these pages there is but one copy from now on, with the other peer.
 * Not to be given to tmem_settle_debt().  Allocates nothing.
 *
 * Context: may sleep.  Takes the locks of the objects that have such pages.
 * Return: number of pages; 0 if nobody else has any page that @node has.
 */
unsigned int tmem_withdraw(struct tmem *tmem, u8 node,
			   const unsigned long *others, struct tmem_debt *debt,
			   unsigned int max)
{
	struct tmem_withdrawal w = {
		.node = node,
		.others = others,
		.debt = debt,
		.max = max,
	};

	tmem_ring_walk(tmem, TMEM_LENDERS, tmem_object_withdraw, &w);
	return w.n;
}
EXPORT_SYMBOL_GPL(tmem_withdraw);
