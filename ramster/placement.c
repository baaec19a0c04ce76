// SPDX-License-Identifier: GPL-2.0
/*
 * placement: which peers a page goes to.
 *
 * Of two peers that are chosen at random, the one gets it of whose capacity the
 * greater part is free.  That comes near to the best choice of all, without
 * everybody choosing the same one, and although what is known of a peer's room
 * is old by then (Mitzenmacher, The Power of Two Choices in Randomized Load
 * Balancing, 1996).  The second copy's peer is chosen in the same way from the
 * others.  Each batch of pages goes where there is room at that moment, so the
 * pages of an object are with many.
 *
 * A peer that wants back what it has lent gets nothing until it has that.  A peer
 * is left in peace for a while when it has refused a page, when it was
 * waited for in vain, and when it has not answered for so long that the batches
 * that it has would soon be all there are.
 *
 * Locks: placement.lock, a spinlock; inside it, that of a peer is taken.
 */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "placement.h"
#include "ramster_int.h"

/* How long a peer that has no room is left in peace. */
#define PLACEMENT_BACKOFF	HZ

/* A peer that owes answers for so long is slow: others are taken before. */
#define PLACEMENT_SLOW		msecs_to_jiffies(300)

/**
 * struct placement_state - what is known of a peer
 * @refused: it has refused a page, or more, until @refused_until
 * @refused_until: jiffies
 * @waiting: batches that it has not answered
 * @since: jiffies when it last had none of these, or answered one
 * @room: frames that it could lend, as it said last
 * @sent: bytes that were sent to it since
 */
struct placement_state {
	bool refused;
	unsigned long refused_until;
	unsigned int waiting;
	unsigned long since;
	u32 room;
	u64 sent;
};

/**
 * struct placement - where the pages of a node go
 * @node: the node
 * @lock: protects all that follows
 * @state: by number of the peer
 * @peer: those that may be chosen
 */
struct placement {
	struct ramster_node *node;
	spinlock_t lock; /* see above */
	struct placement_state state[R2_MAX_NODES];
	struct placement_peer peer[R2_MAX_NODES];
};

/**
 * placement_create - get ready to choose
 * @node: whose pages
 *
 * Context: process; allocates with GFP_KERNEL.
 * Return: it, or NULL.
 */
struct placement *placement_create(struct ramster_node *node)
{
	struct placement *placement = kvzalloc(sizeof(*placement), GFP_KERNEL);

	if (!placement)
		return NULL;
	placement->node = node;
	spin_lock_init(&placement->lock);
	return placement;
}

/**
 * placement_destroy - undo placement_create()
 * @placement: nobody uses it any more; or NULL
 */
void placement_destroy(struct placement *placement)
{
	kvfree(placement);
}

/* Whether the greater part of @a is free; also if only that of @b is not known. */
static bool placement_is_better(const struct placement_peer *a,
				const struct placement_peer *b)
{
	return (u64)a->room * b->capacity > (u64)b->room * a->capacity;
}

static unsigned int placement_pick_one(const struct placement_peer *peer,
				       unsigned int nr, u32 (*below)(u32 ceil))
{
	unsigned int a = below(nr), b;

	if (nr == 1)
		return 0;
	b = below(nr - 1);
	b += b >= a;
	return placement_is_better(&peer[b], &peer[a]) ? b : a;
}

/**
 * placement_pick - choose from those that may be chosen
 * @peer: they; their order changes
 * @nr: number of them
 * @copies: number of peers that are wanted, 1 or 2
 * @below: gives a random number below its argument
 *
 * Return: so many of them, or as many as there are.
 */
struct tmem_peers placement_pick(struct placement_peer *peer, unsigned int nr,
				 unsigned int copies, u32 (*below)(u32 ceil))
{
	u8 node[TMEM_COPIES] = { TMEM_NO_NODE, TMEM_NO_NODE };
	unsigned int i, at;

	for (i = 0; i < min(copies, TMEM_COPIES) && i < nr; i++) {
		at = i + placement_pick_one(peer + i, nr - i, below);
		node[i] = peer[at].node;
		swap(peer[at], peer[i]);
	}
	return tmem_peers(node[0], node[1]);
}

static bool placement_is_refused(struct placement_state *state)
{
	if (state->refused && time_after_eq(jiffies, state->refused_until))
		state->refused = false;
	return state->refused;
}

static bool placement_is_slow(const struct placement_state *state)
{
	return state->waiting &&
	       time_after(jiffies, state->since + PLACEMENT_SLOW);
}

/* Frames that are left when what was sent since is there, two pages to each. */
static u32 placement_room(struct placement_state *state,
			  const struct r2tcp_peer_stats *stats)
{
	u64 used;

	if (stats->room != state->room) {
		state->room = stats->room;
		state->sent = 0;
	}
	used = div_u64(state->sent, PAGE_SIZE);
	return used < state->room ? state->room - used : 0;
}

/*
 * List who may be chosen; with @slow, also those that are slow.  A peer that has
 * just filled up has no room by our reckoning, and may have some.
 */
static unsigned int placement_list(struct placement *placement, bool slow)
{
	struct r2tcp *tcp = placement->node->tcp;
	struct placement_state *state;
	struct r2tcp_peer_stats stats;
	unsigned int i, nr = 0;

	lockdep_assert_held(&placement->lock);
	for (i = 0; i < R2_MAX_NODES; i++) {
		state = &placement->state[i];
		if (!r2tcp_announced(tcp, i) || placement_is_refused(state) ||
		    (!slow && (placement_is_slow(state) ||
			       r2tcp_doubted(tcp, i))) ||
		    r2tcp_peer_stats(tcp, i, &stats) || !stats.room ||
		    stats.recall)
			continue;
		placement->peer[nr++] = (struct placement_peer) {
			.node = i,
			.room = placement_room(state, &stats),
			.capacity = stats.capacity,
		};
	}
	return nr;
}

/**
 * placement_choose - choose who gets the next batch of pages
 * @placement: where pages go
 * @copies: on how many peers each is to be, 1 or 2
 *
 * Context: task; does not sleep.
 * Return: that many; fewer if there are not as many that have room.
 */
struct tmem_peers placement_choose(struct placement *placement,
				   unsigned int copies)
{
	struct tmem_peers peers;
	unsigned int nr;

	spin_lock(&placement->lock);
	nr = placement_list(placement, false);
	if (nr < copies)
		nr = placement_list(placement, true);
	peers = placement_pick(placement->peer, nr, copies,
			       get_random_u32_below);
	spin_unlock(&placement->lock);
	return peers;
}

/**
 * placement_sent - a batch is on its way to a peer
 * @placement: where pages go
 * @node: the peer
 * @bytes: bytes of the batch
 */
void placement_sent(struct placement *placement, u8 node, unsigned int bytes)
{
	struct placement_state *state = &placement->state[node];

	spin_lock(&placement->lock);
	if (!state->waiting++)
		state->since = jiffies;
	state->sent += bytes;
	spin_unlock(&placement->lock);
}

/**
 * placement_answered - a batch has come to its end
 * @placement: where pages go
 * @node: the peer that it was sent to
 */
void placement_answered(struct placement *placement, u8 node)
{
	struct placement_state *state = &placement->state[node];

	spin_lock(&placement->lock);
	state->waiting--;
	state->since = jiffies;
	spin_unlock(&placement->lock);
}

/**
 * placement_refused - a peer has not taken a page
 * @placement: where pages go
 * @node: the peer
 */
void placement_refused(struct placement *placement, u8 node)
{
	struct placement_state *state = &placement->state[node];

	spin_lock(&placement->lock);
	state->refused_until = jiffies + PLACEMENT_BACKOFF;
	state->refused = true;
	spin_unlock(&placement->lock);
}

/**
 * placement_may_send - whether a peer may be sent pages now
 * @placement: where pages go
 * @node: the peer
 *
 * Return: true if so; false if it has refused some a short time ago, wants some
 * back, or is not connected.
 */
bool placement_may_send(struct placement *placement, u8 node)
{
	struct r2tcp_peer_stats stats;
	bool refused;

	spin_lock(&placement->lock);
	refused = placement_is_refused(&placement->state[node]);
	spin_unlock(&placement->lock);
	return !refused &&
	       !r2tcp_peer_stats(placement->node->tcp, node, &stats) &&
	       r2tcp_announced(placement->node->tcp, node) && !stats.recall;
}

/**
 * placement_forgive - forget that a peer has refused pages
 * @placement: where pages go
 * @node: the peer
 */
void placement_forgive(struct placement *placement, u8 node)
{
	spin_lock(&placement->lock);
	placement->state[node].refused = false;
	spin_unlock(&placement->lock);
}
