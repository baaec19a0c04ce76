// SPDX-License-Identifier: GPL-2.0
/*
 * What this node and a peer say to each other of the room that they have.
 *
 * Each says it after the handshake, and when it has changed; the clock of the
 * peer looks.  One such frame is set aside for each peer: while it is in the
 * queue, or at the socket, nothing new is said.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include "tcp_private.h"

/* Room that has changed by no more than this part of the capacity is no news. */
#define R2TCP_ROOM_PART	64

static bool r2tcp_room_is_news(const struct r2tcp_room *said,
			       const struct r2tcp_room *now)
{
	u32 change = max(said->room, now->room) - min(said->room, now->room);

	return said->recall != now->recall ||
	       said->capacity != now->capacity ||
	       change > now->capacity / R2TCP_ROOM_PART;
}

static void r2tcp_room_send(struct r2tcp_peer *peer,
			    const struct r2tcp_room *now)
{
	lockdep_assert_held(&peer->lock);
	peer->said = *now;
	peer->has_said = true;
	peer->say_payload = (struct r2_room) {
		.room = cpu_to_le32(now->room),
		.capacity = cpu_to_le32(now->capacity),
		.recall = cpu_to_le32(now->recall),
	};
	peer->say.payload = &peer->say_payload;
	peer->say.len = sizeof(peer->say_payload);
	r2wire_encode_hdr(&peer->say.hdr, R2_ROOM, 0, peer->say.len,
			  ++peer->last_seq);
	r2tcp_send(peer, &peer->say);
	r2tcp_send_wake(peer);
}

/**
 * r2tcp_room_init() - prepare what a peer is told
 * @peer: the peer, zeroed
 */
void r2tcp_room_init(struct r2tcp_peer *peer)
{
	INIT_LIST_HEAD(&peer->say.node);
	peer->say.kind = R2TCP_ROOM;
}

/**
 * r2tcp_room_begin() - hands were shaken: nothing of this was said yet
 * @peer: the peer; its lock is held
 */
void r2tcp_room_begin(struct r2tcp_peer *peer)
{
	lockdep_assert_held(&peer->lock);
	peer->has_said = false;
	WRITE_ONCE(peer->recall, 0);
}

/**
 * r2tcp_room_say() - tell a peer what room there is here, if that is news
 * @peer: the peer, connected or not
 *
 * Context: task, without locks; does not sleep.
 */
void r2tcp_room_say(struct r2tcp_peer *peer)
{
	struct r2tcp *tcp = peer->tcp;
	struct r2tcp_room now;

	if (!READ_ONCE(peer->connected))
		return;
	tcp->ops->room(tcp->arg, peer->node, &now);
	spin_lock(&peer->lock);
	if (peer->connected && list_empty(&peer->say.node) &&
	    (!peer->has_said || r2tcp_room_is_news(&peer->said, &now)))
		r2tcp_room_send(peer, &now);
	spin_unlock(&peer->lock);
}

/**
 * r2tcp_room_begin_heard() - a peer says what room it has
 * @peer: the peer; connected
 * @frame: header of the ROOM
 *
 * Return: where its payload goes.
 * Context: the link thread.
 */
void *r2tcp_room_begin_heard(struct r2tcp_peer *peer,
			     const struct r2_frame *frame)
{
	return &peer->in.said;
}

/**
 * r2tcp_room_heard() - a peer has said what room it has
 * @peer: the peer; connected
 * @frame: header of the ROOM
 *
 * Return: 0, or a negative errno if the connection must end.
 * Context: the link thread.
 */
int r2tcp_room_heard(struct r2tcp_peer *peer, const struct r2_frame *frame)
{
	const struct r2_room *said = &peer->in.said;
	struct r2tcp *tcp = peer->tcp;
	u32 before, recall;

	if (r2wire_check_room(said))
		return r2tcp_peer_bad(peer, "malformed ROOM");

	before = peer->recall;
	recall = le32_to_cpu(said->recall);
	WRITE_ONCE(peer->room, le32_to_cpu(said->room));
	WRITE_ONCE(peer->capacity, le32_to_cpu(said->capacity));
	WRITE_ONCE(peer->recall, recall);
	if (recall > before && tcp->ops->recalls)
		tcp->ops->recalls(tcp->arg, peer->node);
	return 0;
}
