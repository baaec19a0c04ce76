// SPDX-License-Identifier: GPL-2.0
/*
 * tmem: pages that come home from peers, although nobody has asked for them.
 *
 * A page that is with a peer is listed, fetched by whoever can, and put in the
 * place of its descriptor, if that is still the same: a page that was put,
 * flushed or brought home meanwhile wins.  What the peer has is a debt from
 * then on.
 *
 * The page gets a new version, as one does whose sending ended in doubt: the
 * peer will be told to forget the old one, maybe more than once, and the last
 * of these messages must not remove what is sent to it afterwards.
 */
#include <linux/export.h>

#include "tmem_int.h"

/**
 * struct tmem_found - a walk that lists pages that are with peers
 * @search: which pages
 * @away: receives them
 * @max: room in @away
 * @n: pages listed
 */
struct tmem_found {
	const struct tmem_search *search;
	struct tmem_away *away;
	unsigned int max;
	unsigned int n;
};

static void tmem_found_add(struct tmem_found *s, const struct tmem_object *obj,
			   u32 index, u64 word)
{
	s->away[s->n++] = (struct tmem_away) {
		.handle.client = obj->pool->client,
		.handle.pool = obj->pool->id,
		.handle.oid = obj->oid,
		.handle.index = index,
		.version = word_version(word),
		.peers = word_peers(word),
	};
}

static bool tmem_is_wanted(const struct tmem_search *search, u64 word)
{
	struct tmem_peers peers = word_peers(word);
	unsigned int i;

	for (i = 0; i < tmem_peers_nr(peers); i++)
		if (test_bit(peers.node[i], search->nodes))
			return true;
	return false;
}

/* Returns the index behind the last one that was looked at. */
static unsigned long tmem_search_slots(struct tmem_found *s,
				       struct tmem_object *obj,
				       unsigned long first, unsigned long last)
{
	xa_mark_t mark = s->search->lone ? TMEM_LONE_MARK : TMEM_AWAY_MARK;
	unsigned long index = first;
	void *slot;

	for (slot = xa_find(&obj->pages, &index, last, mark); slot;
	     slot = xa_find_after(&obj->pages, &index, last, mark)) {
		if (s->n == s->max)
			return index;
		if (!slot_is_doomed(obj, slot) &&
		    tmem_is_wanted(s->search, slot_word(slot)))
			tmem_found_add(s, obj, index, slot_word(slot));
	}
	return last + 1;
}

/* Goes on where the last search of this object has ended. */
static bool tmem_object_search(struct tmem_object *obj, void *arg)
{
	unsigned long next = obj->home_next;
	struct tmem_found *s = arg;

	lockdep_assert_held(&obj->pages.xa_lock);
	obj->home_next = tmem_search_slots(s, obj, next, U32_MAX);
	if (s->n < s->max && next)
		obj->home_next = tmem_search_slots(s, obj, 0, next - 1);
	if (obj->home_next > U32_MAX)
		obj->home_next = 0;
	return s->n < s->max;
}

/**
 * tmem_collect_away - list persistent pages that are with peers
 * @tmem: where
 * @search: which of them
 * @away: receives the pages
 * @max: room in @away, in pages; not 0
 *
 * Nothing is changed.  Each call begins behind the page where the last one
 * ended, so that a page that cannot be had does not hide the others.
 *
 * Context: may sleep.  Takes the locks of the objects that have such pages.
 * Return: number of pages, 0 if there was none when the call began.
 */
unsigned int tmem_collect_away(struct tmem *tmem,
			       const struct tmem_search *search,
			       struct tmem_away *away, unsigned int max)
{
	struct tmem_found s = {
		.search = search,
		.away = away,
		.max = max,
	};

	tmem_ring_walk(tmem, TMEM_LENDERS, tmem_object_search, &s);
	return s.n;
}
EXPORT_SYMBOL_GPL(tmem_collect_away);

/*
 * Put the page into the slot if that is still the one that was fetched.  A peer
 * may have lost its copy meanwhile; that is no other page.
 */
static int tmem_slot_bring_home(struct tmem_object *obj, u32 index, void *page,
				u64 version)
{
	void *old = tmem_slot_load(obj, index);
	struct tmem_header *header = slot_header(page);
	u64 word = slot_word(old);

	lockdep_assert_held(&obj->pages.xa_lock);
	if (!slot_is_remote(old) || word_version(word) != version)
		return -ESTALE;

	header->first = version;
	header->version = tmem_new_version(obj);
	header->owed = word;
	/* The slot is there, so this needs no memory. */
	old = __xa_store(&obj->pages, index, page, 0);
	WARN_ON_ONCE(xa_is_err(old));
	tmem_away_del(obj, index, word);
	tmem_debt_add(obj, index, word);
	return 0;
}

/**
 * tmem_bring_home - a page that is with a peer has been fetched: keep it here
 * @tmem: where
 * @away: the page and its version, as it was listed, or as tmem_get() has told;
 *	who has it by now, tmem knows
 * @blob: data and len, verified; crc
 * @gfp: for the frame, which is all that is allocated; must not sleep
 *
 * The page is as readable here as it was there.  It is not sent anywhere before
 * all peers that had it have been told to forget it.
 *
 * Context: task.  Takes the object's lock.
 * Return: 0; -ESTALE if the page was put, flushed or brought home meanwhile;
 *	-EINVAL if the blob is too long; or -ENOSPC.  After an error all is as
 *	it was.
 */
int tmem_bring_home(struct tmem *tmem, const struct tmem_away *away,
		    const struct tmem_blob *blob, gfp_t gfp)
{
	const struct tmem_handle *handle = &away->handle;
	struct tmem_object *obj;
	void *page;
	int err;

	if (blob->len > TMEM_MAX_BLOB)
		return -EINVAL;
	rcu_read_lock();
	obj = tmem_handle_find(tmem, handle);
	err = obj ? tmem_page_alloc(obj->pool, &handle->oid, handle->index,
				    blob, NULL, gfp, &page) : -ESTALE;
	if (err)
		goto unlock;

	xa_lock(&obj->pages);
	err = obj->dead ? -ESTALE :
		tmem_slot_bring_home(obj, handle->index, page, away->version);
	xa_unlock(&obj->pages);
	if (err)
		tmem_page_free(obj->pool, page);
unlock:
	rcu_read_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(tmem_bring_home);
