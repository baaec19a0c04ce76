// SPDX-License-Identifier: GPL-2.0
/*
 * tmem: pages that go to peers, and what peers have to be told to forget.
 *
 * The word of a slot (see tmem.c) goes through these states:
 *
 *           send_begin               send_done: STORED
 *   none ---------------> SENDING ----------------------> the slot is remote
 *    ^ ^                   |  |                               |
 *    | |  send_done:       |  |  send_done: UNKNOWN, or       | put, flush
 *    | |    REFUSED        |  |  STORED although the page     |
 *    | +-------------------+  |  was replaced or flushed      v
 *    |                        +-----------------------------> debt
 *    +------------------------------------------------------- settle
 */
#include <linux/export.h>
#include <linux/sched.h>

#include "tmem_int.h"

/*
 * rings
 */

/**
 * tmem_rings_init - prepare the rings of an index
 * @tmem: the index
 */
void tmem_rings_init(struct tmem *tmem)
{
	struct tmem_ring *ring;

	for (ring = tmem->ring; ring < tmem->ring + TMEM_NR_RINGS; ring++) {
		mutex_init(&ring->walk_lock);
		spin_lock_init(&ring->lock);
		INIT_LIST_HEAD(&ring->objects);
	}
}

/* One more slot of this object is a reason to look at it. */
static void tmem_ring_add(struct tmem_object *obj, enum tmem_ring_id id)
{
	struct tmem_ring *ring = &obj->pool->tmem->ring[id];
	struct tmem_place *place = &obj->place[id];

	lockdep_assert_held(&obj->pages.xa_lock);
	if (place->slots++)
		return;
	spin_lock(&ring->lock);
	list_add_tail(&place->link, &ring->objects);
	spin_unlock(&ring->lock);
}

/* Returns whether this was the last such slot. */
static bool tmem_ring_del(struct tmem_object *obj, enum tmem_ring_id id)
{
	struct tmem_ring *ring = &obj->pool->tmem->ring[id];
	struct tmem_place *place = &obj->place[id];

	lockdep_assert_held(&obj->pages.xa_lock);
	if (--place->slots)
		return false;
	spin_lock(&ring->lock);
	list_del(&place->link);
	spin_unlock(&ring->lock);
	return true;
}

/*
 * The object to be looked at next, which then becomes the last one; NULL when
 * this walk has seen them all.
 */
static struct tmem_object *tmem_ring_next(struct tmem_ring *ring,
					  enum tmem_ring_id id)
{
	struct tmem_object *obj;

	lockdep_assert_held(&ring->walk_lock);
	spin_lock(&ring->lock);
	obj = list_first_entry_or_null(&ring->objects, struct tmem_object,
				       place[id].link);
	if (obj && obj->place[id].walk == ring->walk)
		obj = NULL;
	if (obj) {
		obj->place[id].walk = ring->walk;
		list_move_tail(&obj->place[id].link, &ring->objects);
	}
	spin_unlock(&ring->lock);
	return obj;
}

/**
 * tmem_ring_walk - look at each object of a ring, in turn
 * @tmem: the index
 * @id: the ring
 * @look: called for an object that is locked and not dead; may change its
 *	slots; returns whether to go on
 * @arg: second argument of @look
 *
 * Each walk begins behind the object where the last one ended.
 *
 * Context: may sleep.  Takes the ring's walk_lock, and the objects' locks.
 */
void tmem_ring_walk(struct tmem *tmem, enum tmem_ring_id id,
		    bool (*look)(struct tmem_object *obj, void *arg),
		    void *arg)
{
	struct tmem_ring *ring = &tmem->ring[id];
	struct tmem_object *obj;
	bool more;

	mutex_lock(&ring->walk_lock);
	ring->walk++;
	do {
		rcu_read_lock();
		obj = tmem_ring_next(ring, id);
		more = obj;
		if (obj) {
			xa_lock(&obj->pages);
			if (!obj->dead)
				more = look(obj, arg);
			tmem_object_unlock(obj);
		}
		rcu_read_unlock();
		cond_resched();
	} while (more);
	mutex_unlock(&ring->walk_lock);
}

/* There is but one copy of a page from now on. */
static void tmem_lone_add(struct tmem_object *obj, u32 index)
{
	__xa_set_mark(&obj->pages, index, TMEM_LONE_MARK);
	atomic64_inc(&obj->pool->tmem->lone);
}

static void tmem_lone_del(struct tmem_object *obj, u32 index)
{
	__xa_clear_mark(&obj->pages, index, TMEM_LONE_MARK);
	atomic64_dec(&obj->pool->tmem->lone);
}

/**
 * tmem_away_add - a page is with peers from now on
 * @obj: the object; locked
 * @index: its slot, which is a remote one
 * @word: what it holds
 *
 * Context: task or atomic.
 */
void tmem_away_add(struct tmem_object *obj, u32 index, u64 word)
{
	atomic64_inc(&obj->pool->tmem->remote[obj->pool->kind]);
	/* Ephemeral pages are not brought home: they are on the disk, too. */
	if (obj->pool->kind != TMEM_PERSISTENT)
		return;
	__xa_set_mark(&obj->pages, index, TMEM_AWAY_MARK);
	tmem_ring_add(obj, TMEM_LENDERS);
	if (word_is_lone(word))
		tmem_lone_add(obj, index);
}

/**
 * tmem_away_del - a page is no longer with peers
 * @obj: the object; locked
 * @index: its slot, which was a remote one
 * @word: what it held
 *
 * Context: task or atomic.
 */
void tmem_away_del(struct tmem_object *obj, u32 index, u64 word)
{
	atomic64_dec(&obj->pool->tmem->remote[obj->pool->kind]);
	if (obj->pool->kind != TMEM_PERSISTENT)
		return;
	__xa_clear_mark(&obj->pages, index, TMEM_AWAY_MARK);
	tmem_ring_del(obj, TMEM_LENDERS);
	if (word_is_lone(word))
		tmem_lone_del(obj, index);
}

/**
 * tmem_away_lose - one of two peers does not have a page any more
 * @obj: the object; locked
 * @index: the page's slot
 * @word: what it holds: both
 * @node: the one
 *
 * Context: task or atomic.
 */
void tmem_away_lose(struct tmem_object *obj, u32 index, u64 word, u8 node)
{
	lockdep_assert_held(&obj->pages.xa_lock);
	slot_set_word(obj, index, word_without(word, node));
	tmem_lone_add(obj, index);
}

/*
 * A peer does not have any page of an object any more.  If it had the only copy
 * of one, that stays where it was: whoever asks for it is told that it is gone,
 * and finds nothing else in its place.
 */
static bool tmem_away_forget(struct tmem_object *obj, void *arg)
{
	const u8 node = *(const u8 *)arg;
	unsigned long index;
	void *slot;
	u64 word;

	lockdep_assert_held(&obj->pages.xa_lock);
	xa_for_each_marked(&obj->pages, index, slot, TMEM_AWAY_MARK) {
		word = slot_word(slot);
		if (!word_has(word, node) || word_is_lone(word))
			continue;
		tmem_away_lose(obj, index, word, node);
	}
	return true;
}

/*
 * debts
 */

/**
 * tmem_debt_add - peers have to be told to forget something
 * @obj: the object; locked
 * @index: a slot without a debt
 * @word: its word, without SENDING
 *
 * Context: task or atomic.  Tells who was given to tmem_create().
 */
void tmem_debt_add(struct tmem_object *obj, u32 index, u64 word)
{
	struct tmem_peers peers = word_peers(word);
	struct tmem *tmem = obj->pool->tmem;
	unsigned int i;

	lockdep_assert_held(&obj->pages.xa_lock);
	__xa_set_mark(&obj->pages, index, TMEM_DEBT_MARK);
	for (i = 0; i < tmem_peers_nr(peers); i++)
		__set_bit(peers.node[i], obj->creditors);
	tmem_ring_add(obj, TMEM_DEBTORS);
	atomic64_inc(&tmem->debts);
	if (tmem->owes)
		tmem->owes(tmem->owes_arg);
}

/**
 * tmem_debt_del - all peers have been told, or never will be
 * @obj: the object; locked
 * @index: a slot with a debt; its word is the caller's
 *
 * Context: task or atomic.
 */
void tmem_debt_del(struct tmem_object *obj, u32 index)
{
	lockdep_assert_held(&obj->pages.xa_lock);
	__xa_clear_mark(&obj->pages, index, TMEM_DEBT_MARK);
	if (tmem_ring_del(obj, TMEM_DEBTORS))
		bitmap_zero(obj->creditors, TMEM_NODES);
	atomic64_dec(&obj->pool->tmem->debts);
}

/*
 * moving a page to a peer
 */

struct tmem_isolated {
	struct tmem_handle *handle;
	u64 *version;
};

static void tmem_peek(void *arg, const void *data, size_t size)
{
	struct tmem_isolated *isolated = arg;
	const struct tmem_header *header = data;

	*isolated->handle++ = (struct tmem_handle) {
		.client = header->client,
		.pool = header->pool,
		.oid = header->oid,
		.index = header->index,
	};
	*isolated->version++ = header->version;
}

/**
 * tmem_isolate_oldest - choose the pages that were stored first
 * @tmem: where
 * @kind: pages of this kind
 * @handle: receives the names of the pages of one frame
 * @version: receives their versions
 *
 * The pages stay where they are and may be read, replaced and flushed by their
 * owners.  Each has to be sent (tmem_send_begin(), tmem_send_done()), flushed
 * with its version, or put back by tmem_send_done() with TMEM_SEND_REFUSED.
 * Pages of any client may come.
 *
 * Context: task or atomic.  Takes the zbud pool's lock.
 * Return: number of pages, 0 to 2.
 */
unsigned int tmem_isolate_oldest(struct tmem *tmem, enum tmem_kind kind,
				 struct tmem_handle handle[2], u64 version[2])
{
	struct tmem_isolated isolated = {
		.handle = handle,
		.version = version,
	};

	return zbud_isolate_oldest(tmem->zbud[kind], tmem_peek, &isolated);
}
EXPORT_SYMBOL_GPL(tmem_isolate_oldest);

/**
 * tmem_handle_find - find the object of a page
 * @tmem: where
 * @handle: the page
 *
 * Context: any; in an RCU read-side section, for as long as the object is used:
 * it also keeps the pool from being freed.
 * Return: the object, which may be dead when it is locked; or NULL.
 */
struct tmem_object *tmem_handle_find(struct tmem *tmem,
				     const struct tmem_handle *handle)
{
	struct tmem_pool *pool;

	pool = tmem_pool_find(tmem, handle->client, handle->pool);
	return pool ? tmem_object_find(pool, &handle->oid) : NULL;
}

static int tmem_slot_send_begin(struct tmem_object *obj, u32 index,
				struct tmem_peers peers, struct tmem_blob *blob)
{
	void *slot = tmem_slot_load(obj, index);

	lockdep_assert_held(&obj->pages.xa_lock);
	if (!slot_is_local(slot) || slot_version(slot) != blob->version ||
	    slot_word(slot))
		return -ENOENT;
	slot_header(slot)->owed = word_make(peers, blob->version) |
				  TMEM_SENDING;
	atomic64_inc(&obj->pool->tmem->sending);
	tmem_page_read(slot, blob);
	return 0;
}

/**
 * tmem_send_begin - read a page that is to be sent to peers
 * @tmem: where
 * @handle: page that was isolated
 * @peers: whom it is to be sent to; one at least
 * @blob: version says which version was isolated; data points to room for
 *	TMEM_MAX_BLOB bytes.  Receives the bytes, len and crc.
 *
 * From now on these peers count as some that may hold this version, until
 * tmem_send_done() was called, which has to happen exactly once, when it is
 * known of each of them, or never will be.
 *
 * Context: task or atomic.  Takes the object's lock.
 * Return: 0; -ENOENT if that version is no longer here, and so nothing is to be
 *	sent or put back; -EPERM for a page of another client, which only its
 *	owner may send anywhere: it stays isolated.
 */
int tmem_send_begin(struct tmem *tmem, const struct tmem_handle *handle,
		    struct tmem_peers peers, struct tmem_blob *blob)
{
	struct tmem_object *obj;
	int err = -ENOENT;

	if (handle->client != TMEM_CLIENT_LOCAL)
		return -EPERM;
	rcu_read_lock();
	obj = tmem_handle_find(tmem, handle);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			err = tmem_slot_send_begin(obj, handle->index, peers,
						   blob);
		xa_unlock(&obj->pages);
	}
	rcu_read_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(tmem_send_begin);

/* The very page that was sent is still here: commit the move, or undo it. */
static bool tmem_slot_sent(struct tmem_object *obj, u32 index, void *slot,
			   u64 word, enum tmem_send_result result)
{
	switch (result) {
	case TMEM_SEND_STORED:
		slot_set_word(obj, index, word);
		tmem_away_add(obj, index, word);
		slot_free_local(obj, slot);
		return true;
	case TMEM_SEND_REFUSED:
		slot_header(slot)->owed = 0;
		slot_ready(obj, slot);
		return false;
	case TMEM_SEND_UNKNOWN:
		/*
		 * The peers will be told to forget this version, maybe more
		 * than once.  If the page went there again under the same
		 * version, the last of these messages could remove the only
		 * copy.
		 */
		slot_header(slot)->version = tmem_new_version(obj);
		slot_header(slot)->owed = word;
		tmem_debt_add(obj, index, word);
		return false;
	}
	return false;
}

/* The page was replaced or flushed since: only what peers have is at issue. */
static void tmem_slot_sent_late(struct tmem_object *obj, u32 index, void *slot,
				u64 word, enum tmem_send_result result)
{
	bool refused = result == TMEM_SEND_REFUSED;

	if (slot_is_local(slot)) {
		slot_header(slot)->owed = refused ? 0 : word;
		if (refused)
			slot_ready(obj, slot);
	} else if (refused) {
		slot_erase(obj, index);
	} else {
		slot_set_word(obj, index, word | TMEM_TOMBSTONE);
	}
	if (!refused)
		tmem_debt_add(obj, index, word);
}

/* Whether just this is on its way, to these peers and maybe another. */
static bool slot_is_sending(void *slot, u64 version, struct tmem_peers holders)
{
	u64 word = slot_word(slot);
	unsigned int i;

	if (!(word & TMEM_SENDING) || word_version(word) != version)
		return false;
	for (i = 0; i < tmem_peers_nr(holders); i++)
		if (!word_has(word, holders.node[i]))
			return false;
	return true;
}

static bool tmem_slot_send_done(struct tmem_object *obj, u32 index,
				u64 version, struct tmem_peers holders,
				enum tmem_send_result result)
{
	void *slot = xa_load(&obj->pages, index);
	u64 word = word_make(holders, version);
	bool same;

	lockdep_assert_held(&obj->pages.xa_lock);
	same = slot_is_local(slot) && slot_version(slot) == version;
	if (!slot_is_sending(slot, version, holders)) {
		/* Isolated, never begun, and now put back. */
		if (same && !slot_word(slot) && result == TMEM_SEND_REFUSED)
			slot_ready(obj, slot);
		return false;
	}
	atomic64_dec(&obj->pool->tmem->sending);
	if (same)
		return tmem_slot_sent(obj, index, slot, word, result);
	tmem_slot_sent_late(obj, index, slot, word, result);
	return false;
}

/**
 * tmem_send_done - tell what became of a page that was sent
 * @tmem: where
 * @handle: page
 * @version: version that was sent
 * @holders: with TMEM_SEND_STORED, those of the peers that have it, while the
 *	others certainly do not; with TMEM_SEND_UNKNOWN, those that may have it.
 *	With none, it is as with TMEM_SEND_REFUSED, where they are of no account
 * @result: what is to become of the page
 *
 * If just that version is still in its slot and the holders have it, the page
 * is with them from now on.  If it has been replaced or flushed meanwhile, what
 * they have, or may have, is a debt.  With TMEM_SEND_UNKNOWN, that is a debt
 * too, and the page has a new version from now on.  With TMEM_SEND_REFUSED, the
 * page goes back among the candidates, also if tmem_send_begin() was never
 * called for it.
 *
 * Allocates nothing.
 *
 * Context: task or atomic.  Takes the object's lock.
 * Return: whether the page became a remote one.
 */
bool tmem_send_done(struct tmem *tmem, const struct tmem_handle *handle,
		    u64 version, struct tmem_peers holders,
		    enum tmem_send_result result)
{
	struct tmem_object *obj;
	bool moved = false;

	/* A page that nobody has must not become one that nobody can ask for. */
	if (!tmem_peers_nr(holders))
		result = TMEM_SEND_REFUSED;
	else if (result == TMEM_SEND_REFUSED)
		holders = tmem_peer(TMEM_NO_NODE);
	rcu_read_lock();
	obj = tmem_handle_find(tmem, handle);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			moved = tmem_slot_send_done(obj, handle->index, version,
						    holders, result);
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
	return moved;
}
EXPORT_SYMBOL_GPL(tmem_send_done);

/*
 * collecting and settling debts
 */

static void tmem_debt_fill(struct tmem_debt *debt,
			   const struct tmem_object *obj, u8 node)
{
	*debt = (struct tmem_debt) {
		.handle.client = obj->pool->client,
		.handle.pool = obj->pool->id,
		.handle.oid = obj->oid,
		.node = node,
	};
}

/*
 * Is there nothing in this object but tombstones, at least two, of this node?
 * Returns the highest of their versions, else 0.
 */
static u64 tmem_object_all_owed(struct tmem_object *obj, u8 node)
{
	unsigned long index;
	u64 version = 0;
	void *slot;

	if (obj->place[TMEM_DEBTORS].slots < 2)
		return 0;
	xa_for_each(&obj->pages, index, slot) {
		if (!slot_is_tombstone(slot) ||
		    slot_word(slot) & TMEM_SENDING ||
		    !word_has(slot_word(slot), node))
			return 0;
		version = max(version, slot_version(slot));
	}
	return version;
}

/**
 * struct tmem_collection - a walk that lists debts
 * @node: whom they are owed to
 * @debt: receives them
 * @max: room in @debt
 * @n: debts listed
 */
struct tmem_collection {
	u8 node;
	struct tmem_debt *debt;
	unsigned int max;
	unsigned int n;
};

static bool tmem_object_collect(struct tmem_object *obj, void *arg)
{
	struct tmem_collection *c = arg;
	struct tmem_debt *debt;
	bool found = false;
	unsigned long index;
	u64 version;
	void *slot;

	lockdep_assert_held(&obj->pages.xa_lock);
	if (!test_bit(c->node, obj->creditors))
		return true;
	version = tmem_object_all_owed(obj, c->node);
	if (version) {
		debt = &c->debt[c->n++];
		tmem_debt_fill(debt, obj, c->node);
		debt->version = version;
		debt->whole_object = true;
		return c->n < c->max;
	}
	xa_for_each_marked(&obj->pages, index, slot, TMEM_DEBT_MARK) {
		if (!word_has(slot_word(slot), c->node))
			continue;
		if (c->n == c->max)
			return false;
		debt = &c->debt[c->n++];
		tmem_debt_fill(debt, obj, c->node);
		debt->handle.index = index;
		debt->version = word_version(slot_word(slot));
		found = true;
	}
	if (!found)
		__clear_bit(c->node, obj->creditors);
	return c->n < c->max;
}

/**
 * tmem_collect_debts - list what a peer has to be told to forget
 * @tmem: where
 * @node: the peer
 * @debt: receives the debts
 * @max: room in @debt, in debts; not 0
 *
 * Nothing is changed: a debt is listed again and again until it is settled.
 * So there has to be one caller for a node at a time, who settles, or gives up
 * on, what was listed before it asks again.
 *
 * Each call begins behind the object where the last one ended.
 *
 * Context: may sleep.  Takes the locks of the objects that owe something.
 * Return: number of debts, 0 if none was owed to @node when the call began.
 */
unsigned int tmem_collect_debts(struct tmem *tmem, u8 node,
				struct tmem_debt *debt, unsigned int max)
{
	struct tmem_collection c = {
		.node = node,
		.debt = debt,
		.max = max,
	};

	tmem_ring_walk(tmem, TMEM_DEBTORS, tmem_object_collect, &c);
	return c.n;
}
EXPORT_SYMBOL_GPL(tmem_collect_debts);

/* Others still have to be told. */
static void tmem_slot_owe(struct tmem_object *obj, u32 index, void *slot,
			  u64 word)
{
	if (slot_is_local(slot))
		slot_header(slot)->owed = word;
	else
		slot_set_word(obj, index, word | TMEM_TOMBSTONE);
}

/*
 * A peer has forgotten the version that the slot's word names, and what is
 * older.  When all have, a page that waited for this can be sent: one that
 * replaced a remote page as the newest, one whose sending ended in doubt as the
 * oldest, which it was before.
 */
static void tmem_slot_settle(struct tmem_object *obj, u32 index, void *slot,
			     u8 node)
{
	u64 word = slot_word(slot);

	lockdep_assert_held(&obj->pages.xa_lock);
	if (!word_is_lone(word)) {
		tmem_slot_owe(obj, index, slot, word_without(word, node));
		return;
	}
	tmem_debt_del(obj, index);
	if (slot_is_local(slot)) {
		slot_header(slot)->owed = 0;
		slot_ready(obj, slot);
	} else {
		slot_erase(obj, index);
	}
}

static void tmem_object_settle(struct tmem_object *obj,
			       const struct tmem_debt *debt)
{
	unsigned long index = debt->whole_object ? 0 : debt->handle.index;
	unsigned long last = debt->whole_object ? ULONG_MAX : index;
	void *slot;
	u64 word;

	/* Words with SENDING have no mark: what comes of these is not known. */
	for (slot = xa_find(&obj->pages, &index, last, TMEM_DEBT_MARK); slot;
	     slot = xa_find_after(&obj->pages, &index, last, TMEM_DEBT_MARK)) {
		word = slot_word(slot);
		if (word_has(word, debt->node) &&
		    (word_version(word) == debt->version ||
		     (debt->whole_object &&
		      word_version(word) < debt->version)))
			tmem_slot_settle(obj, index, slot, debt->node);
	}
}

/**
 * tmem_settle_debt - a peer has forgotten what it was told to forget
 * @tmem: where
 * @debt: as it was listed
 *
 * Nothing happens if the debt is gone.
 *
 * Context: task or atomic.  Takes the object's lock.
 */
void tmem_settle_debt(struct tmem *tmem, const struct tmem_debt *debt)
{
	struct tmem_object *obj;

	rcu_read_lock();
	obj = tmem_handle_find(tmem, &debt->handle);
	if (obj) {
		xa_lock(&obj->pages);
		if (!obj->dead)
			tmem_object_settle(obj, debt);
		tmem_object_unlock(obj);
	}
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(tmem_settle_debt);

static void tmem_slot_drop_debts(struct tmem_object *obj, u32 index,
				 const unsigned long *except)
{
	struct tmem_peers peers;
	unsigned int i;

	peers = word_peers(slot_word(xa_load(&obj->pages, index)));
	for (i = 0; i < TMEM_COPIES; i++)
		if (peers.node[i] != TMEM_NO_NODE &&
		    !test_bit(peers.node[i], except))
			tmem_slot_settle(obj, index,
					 xa_load(&obj->pages, index),
					 peers.node[i]);
}

static bool tmem_object_drop_debts(struct tmem_object *obj, void *arg)
{
	const unsigned long *except = arg;
	unsigned long index;
	void *slot;

	lockdep_assert_held(&obj->pages.xa_lock);
	if (bitmap_subset(obj->creditors, except, TMEM_NODES))
		return true;
	xa_for_each_marked(&obj->pages, index, slot, TMEM_DEBT_MARK)
		tmem_slot_drop_debts(obj, index, except);
	bitmap_and(obj->creditors, obj->creditors, except, TMEM_NODES);
	return true;
}

/**
 * tmem_drop_debts - settle what no peer will ever be told
 * @tmem: where
 * @except: nodes whose debts stay, a bitmap of TMEM_NODES bits
 *
 * A peer that is told nothing keeps pages that nobody asks for any more.  That
 * is a waste there, and does no harm here: a page that is sent to it later has
 * a higher version, and only just this version is asked for.
 *
 * What becomes of a page whose sending has not ended is not known, and may be a
 * debt afterwards.
 *
 * Context: may sleep.  Takes the locks of the objects that owe something, each
 * for as long as it takes to settle all that the object owes.
 */
void tmem_drop_debts(struct tmem *tmem, const unsigned long *except)
{
	tmem_ring_walk(tmem, TMEM_DEBTORS, tmem_object_drop_debts,
		       (void *)except);
}
EXPORT_SYMBOL_GPL(tmem_drop_debts);

/**
 * tmem_forget_peer - a peer has lost all that it held
 * @tmem: where
 * @node: the peer
 *
 * Nobody looks there for a swap page that another peer has, too (pages of files
 * are with one at most, and are found to be gone when they are asked for); and what
 * it had to be told is settled.  What is just being sent to it is not known of yet: see to
 * it that tmem_send_done() hears of the loss.
 *
 * Context: may sleep.  Takes the locks of the objects that have something with
 * peers, one after the other.
 */
void tmem_forget_peer(struct tmem *tmem, u8 node)
{
	DECLARE_BITMAP(except, TMEM_NODES);

	tmem_ring_walk(tmem, TMEM_LENDERS, tmem_away_forget, &node);
	bitmap_fill(except, TMEM_NODES);
	__clear_bit(node, except);
	tmem_drop_debts(tmem, except);
}
EXPORT_SYMBOL_GPL(tmem_forget_peer);
