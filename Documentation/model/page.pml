// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a page with copies, repair and recall: a model for spin.
 *
 * Documentation/model.rst tells what is modelled and what is not, and which
 * function of the driver each part stands for; tools/model/run checks it.
 *
 * A page has one owner and never meets another page, so each owner has one.
 * What is one step here happens there under one lock, or in one thread.
 *
 * After each step, c_code does two things.  It checks the properties.  And it
 * makes states that are alike the same: versions are only ever compared, so
 * they are numbered anew from 1, in the same order; and servers are all the
 * same, so they are sorted.  That is why nothing has to be counted and bounded:
 * there is any number of puts, moves, crashes, broken connections, and messages
 * that come late or twice.
 */

/* What can happen; tools/model/run chooses. */
#ifndef OWNERS
#define OWNERS 1		/* or 2 */
#endif
#ifndef READS
#define READS 1			/* loads of pages that are away */
#endif
#ifndef LATE
#define LATE 1			/* requests at a time that outlive who waited */
#endif
#ifndef SERVER_CRASH
#define SERVER_CRASH 1
#endif
#ifndef OWNER_CRASH
#define OWNER_CRASH 1
#endif
#ifndef BREAK
#define BREAK 1			/* connections break, and are made again */
#endif
#ifndef HOME
#define HOME 1			/* pages come home: repair, recall, or for room */
#endif
#ifndef CRASHES
#define CRASHES -1		/* at most so many, of whomever; -1: any number */
#endif
#ifndef PUTS
#define PUTS -1			/* at most so many by each owner; likewise */
#endif
#ifndef SINGLE
#define SINGLE 0		/* a page may also be sent to one server alone */
#endif
#ifndef ANY_ORDER
#define ANY_ORDER 0		/* whatever order, and a PUT may come several times */
#endif
#ifndef CALM
#define CALM 0			/* from some time on no faults, and no wishes */
#endif
#ifndef SORT
#define SORT 1			/* 0: servers keep their numbers in a trace */
#endif
#define SERVERS 3

/* Who it is whose pages a server looks for: the one at the other end. */
#define CLIENT(o) (o)

/* states of a page */
#define ABSENT	0
#define LOCAL	1		/* in a frame, perhaps on its way: @sending */
#define REMOTE	2

/* states of a request; from DONE on it is the answer that is on its way */
#define IDLE	0
#define ASKED	1
#define DONE	2
#define REFUSED	3
#define STALE	4

/* What an owner knows of its page. */
typedef Page {
	byte state;
	byte version;		/* in the header or in the word; 0 if ABSENT */
	bit newest;		/* LOCAL: these are the bytes of the last put */
	byte owed;		/* version of the owed word, or 0 */
	bit sending;		/* flag of that word */
	bit sent_newest;	/* as @newest, of what is sent */
	bit refused;		/* by one of those who were asked */
	byte home;		/* the fetch that is to bring the page home */
	byte home_version;
	bit home_newest;
	byte read;		/* the fetch for a load */
	byte read_version;
	bit read_newest;
	/* of these no owner knows */
	byte top;		/* highest version that anybody remembers */
	byte puts;		/* how many there were, if that is bounded */
	bit wanted;		/* it was put, and not flushed since */
	bit lost		/* all servers that had it have crashed */
};

/* What an owner knows of a server, and what is under way between them. */
typedef Link {
	byte put;		/* the PUT; its version is @owed */
	bit stored;		/* what came of it, until all have answered */
	bit unknown;
	byte flush;		/* the FLUSH */
	byte flush_version;
	bit in_word;		/* REMOTE: the word names it */
	bit in_owed;		/* the owed word does, if not @sending */
	bit tried;		/* it was asked by a load, and had no copy */
	bit up;			/* connected */
	bit walk;		/* words are yet to be walked through for it */
	bit reborn;		/* its next HELLO says a new instance */
	bit owner_reborn;	/* the owner's does */
	/* requests that nobody waits for */
	byte late_put;
	bit late_put_newest;
	byte late_flush;
	/* of this nobody knows */
	bit died		/* crashed since it was sent the page */
};

/* What a server has of an owner. */
typedef Kept {
	byte version;		/* or 0 */
	bit newest
};

typedef Server {
	Link own[OWNERS];
	Kept kept[OWNERS]
};

Page page[OWNERS];
Server at[SERVERS];
byte crashes;			/* how many there were, if that is bounded */

#if CALM
bit calm;
bit settled;			/* nothing is left to do */
short left;			/* a measure of what is left to do */
#define BUSY (!calm)
#else
#define BUSY true
#endif

/*
 * the properties
 */

bit older;		/* what can be read is not what was put last */
bit revived;		/* what was flushed can be read */
bit missing;		/* no copy, and a server that had one lives */
bit leaked;		/* at rest, a server has what no word names */
bit phantom;		/* at rest, a word names who has no copy */
bit circling;		/* in the calm, something was done in vain */

c_code {
typedef struct Page page_t;
typedef struct Link link_t;
typedef struct Kept kept_t;

static link_t *link_of(int o, int s)
{
	return &now.at[s].own[o];
}

static kept_t *kept_of(int o, int s)
{
	return &now.at[s].kept[CLIENT(o)];
}

/* A get of just this version is answered, with what was kept. */
static int has_copy(int o, int s)
{
	return kept_of(o, s)->version == now.page[o].version &&
	       !link_of(o, s)->owner_reborn;
}

static int copies(int o)
{
	int n = 0, s;

	for (s = 0; s < SERVERS; s++)
		n += link_of(o, s)->in_word && has_copy(o, s);
	return n;
}

static void check_always(int o)
{
	page_t *p = &now.page[o];
	int s;

	now.revived |= p->state != ABSENT && !p->wanted;
	now.missing |= p->state == ABSENT && p->wanted;
	now.older |= p->state == LOCAL && !p->newest;
	if (p->state != REMOTE)
		return;
	for (s = 0; s < SERVERS; s++)
		now.older |= link_of(o, s)->in_word && has_copy(o, s) &&
			 !kept_of(o, s)->newest;
	now.missing |= !copies(o) && !p->lost;
}

static int link_at_rest(const link_t *l)
{
	return l->up && !l->walk && !l->put && !l->flush && !l->late_put &&
	       !l->late_flush;
}

static int at_rest(int o)
{
	return !now.page[o].owed && link_at_rest(link_of(o, 0)) &&
	       link_at_rest(link_of(o, 1)) && link_at_rest(link_of(o, 2));
}

static void check_at_rest(int o)
{
	page_t *p = &now.page[o];
	int s;

	for (s = 0; s < SERVERS; s++) {
		int named = p->state == REMOTE && link_of(o, s)->in_word;

		now.leaked |= !ANY_ORDER && kept_of(o, s)->version &&
			  !(named && has_copy(o, s));
		now.phantom |= named && !p->lost && !has_copy(o, s);
	}
}

/* A server has crashed: did it have the last copy? */
static void note_losses(void)
{
	int o;

	for (o = 0; o < OWNERS; o++)
		now.page[o].lost |= now.page[o].state == REMOTE && !copies(o);
}

/*
 * states that are alike
 */

/* The versions that may yet be compared. */
static int versions_of(int o, unsigned char **v)
{
	page_t *p = &now.page[o];
	int n = 0, s;

	v[n++] = &p->version;
	v[n++] = &p->owed;
	v[n++] = &p->home_version;
	v[n++] = &p->read_version;
	for (s = 0; s < SERVERS; s++) {
		link_t *l = link_of(o, s);
		kept_t *k = kept_of(o, s);

		v[n++] = &l->flush_version;
		v[n++] = &l->late_put;
		v[n++] = &l->late_flush;
		/* of a former instance: it is dropped before it is looked at */
		if (!l->owner_reborn)
			v[n++] = &k->version;
		else if (k->version)
			k->version = 1;
	}
	return n;
}

static void rename_versions(int o)
{
	unsigned char *v[4 + 4 * SERVERS];
	int n = versions_of(o, v), i;
	unsigned int used = 0;

	for (i = 0; i < n; i++)
		used |= 1u << *v[i];
	used &= ~1u;
	for (i = 0; i < n; i++)
		*v[i] = *v[i] ? __builtin_popcount(used & ((2u << *v[i]) - 1)) : 0;
	now.page[o].top = __builtin_popcount(used);
}

static void sort_two_servers(int a, int b)
{
	struct Server spare;

	if (memcmp(&now.at[a], &now.at[b], sizeof(spare)) <= 0)
		return;
	spare = now.at[a];
	now.at[a] = now.at[b];
	now.at[b] = spare;
}

static void sort_servers(void)
{
	sort_two_servers(0, 1);
	sort_two_servers(1, 2);
	sort_two_servers(0, 1);
}

static void swap_owners(void)
{
	page_t page = now.page[0];
	link_t link;
	kept_t kept;
	int s;

	now.page[0] = now.page[OWNERS - 1];
	now.page[OWNERS - 1] = page;
	for (s = 0; s < SERVERS; s++) {
		link = now.at[s].own[0];
		now.at[s].own[0] = now.at[s].own[OWNERS - 1];
		now.at[s].own[OWNERS - 1] = link;
		kept = now.at[s].kept[0];
		now.at[s].kept[0] = now.at[s].kept[OWNERS - 1];
		now.at[s].kept[OWNERS - 1] = kept;
	}
}

/* Of the two orders of owners, the one that comes first. */
static void sort_owners(void)
{
	page_t page[OWNERS];
	struct Server at[SERVERS];
	int order;

	memcpy(page, now.page, sizeof(page));
	memcpy(at, now.at, sizeof(at));
	swap_owners();
	sort_servers();
	order = memcmp(now.page, page, sizeof(page));
	if (!order)
		order = memcmp(now.at, at, sizeof(at));
	if (order < 0)
		return;
	memcpy(now.page, page, sizeof(page));
	memcpy(now.at, at, sizeof(at));
}
}

#if CALM
c_code {
/* What is left to be done for a link.  Each step has to make it less. */
static int link_left(int o, int s)
{
	page_t *p = &now.page[o];
	link_t *l = link_of(o, s);
	int flush = l->flush ? 3 - l->flush : 0;	/* ASKED, DONE */
	int left = !!l->late_put + !!l->late_flush + l->walk + 2 * !l->up;

	left += l->put == ASKED ? 2 : !!l->put;
	left += p->read == ASKED && !l->tried;
	if (!l->in_owed || p->sending)
		return left + flush;
	if (flush && l->flush_version == p->owed)
		return left + flush;
	return left + flush + 3;
}

static int all_left(void)
{
	int left = 0, o, s;

	for (o = 0; o < OWNERS; o++) {
		page_t *p = &now.page[o];

		left += p->sending * 20;
		left += p->home == ASKED ? 21 : p->home ? 20 : 0;
		left += p->read == ASKED ? 16 : p->read ? 15 : 0;
		left += 4 * (p->read == ASKED && p->read_version != p->version);
		for (s = 0; s < SERVERS; s++)
			left += link_left(o, s);
	}
	return left;
}

static void check_calm(void)
{
	int left = all_left(), o;

	now.circling |= now.calm && left >= now.left;
	now.left = now.calm ? left : 32767;
	now.settled = now.calm;
	for (o = 0; o < OWNERS; o++)
		now.settled &= at_rest(o) && !now.page[o].home &&
			       !now.page[o].read;
}
}
#endif

c_code {
static void step(void)
{
	int o;

	for (o = 0; o < OWNERS; o++) {
		check_always(o);
		if (at_rest(o))
			check_at_rest(o);
		rename_versions(o);
	}
#if CALM
	check_calm();
#endif
	if (SORT)
		sort_servers();
	if (SORT && OWNERS > 1)
		sort_owners();
}
}

/* Ends each step. */
inline checked() {
	c_code { step(); };
	assert(!revived);
	assert(!older);
	assert(!missing);
	assert(!leaked);
	assert(!phantom);
	assert(!circling)
}

#define P page[o]
#define L at[s].own[o]
#define KEPT at[s].kept[CLIENT(o)]
#define SOME(x) (at[0].own[o].x || at[1].own[o].x || at[2].own[o].x)
#define COUNT(x) ((at[0].own[o].x) + (at[1].own[o].x) + (at[2].own[o].x))

/*
 * the owner: put and flush.  These are wishes of who uses the memory.
 */

#define NEW_VERSION (P.top + 1)

/* All bytes that there are anywhere are not what was put last any more. */
inline outdate() {
	P.sent_newest = 0;
	P.home_newest = 0;
	for (s : 0 .. SERVERS - 1) {
		KEPT.newest = 0;
		L.late_put_newest = 0
	}
	s = 0
}

/* If the page is a remote one: what the peers have is a debt from now on. */
inline word_to_debt() {
	if
	:: P.state == REMOTE ->
		P.owed = P.version;
		for (s : 0 .. SERVERS - 1) {
			L.in_owed = L.in_word;
			L.in_word = 0
		}
		s = 0
	:: else
	fi
}

#define MAY_PUT (PUTS < 0 || P.puts < PUTS)

inline tmem_put() {
	P.puts = P.puts + (PUTS >= 0);
	word_to_debt();
	outdate();
	P.state = LOCAL;
	P.version = NEW_VERSION;
	P.newest = 1;
	P.wanted = 1;
	P.lost = 0
}

inline tmem_flush() {
	word_to_debt();
	outdate();
	P.state = ABSENT;
	P.version = 0;
	P.newest = 0;
	P.wanted = 0;
	P.lost = 0
}

/*
 * the owner: sending
 */

/* Nothing is owed, and so nothing is on its way either. */
#define MAY_SEND (BUSY && P.state == LOCAL && !P.owed)

/* Words that were made before a restart are told from later ones by this. */
#define MAY_SEND_TO(n) (at[n].own[o].up && !at[n].own[o].walk)

inline send_begin(a, b) {
	P.owed = P.version;
	P.sending = 1;
	P.sent_newest = P.newest;
	at[a].own[o].put = ASKED;
	at[b].own[o].put = ASKED
}

/* The compare of the compare-and-swap: the very page that was sent is here. */
#define STILL_SENT (P.state == LOCAL && P.version == P.owed)

/* The swap. */
inline send_commit() {
	P.state = REMOTE;
	P.version = P.owed;
	P.newest = 0;
	P.owed = 0;
	P.lost = 1;
	for (s : 0 .. SERVERS - 1) {
		L.in_word = L.stored;
		P.lost = P.lost && (!L.stored || L.died)
	}
}

inline send_to_debt() {
	for (s : 0 .. SERVERS - 1) {
		L.in_owed = L.stored || L.unknown
	}
	if
	:: STILL_SENT -> P.version = NEW_VERSION
	:: else
	fi
}

inline send_forget() {
	P.sending = 0;
	P.sent_newest = 0;
	P.refused = 0;
	for (s : 0 .. SERVERS - 1) {
		L.stored = 0;
		L.unknown = 0;
		L.died = 0
	}
	s = 0
}

inline send_done() {
	if
	:: !SOME(stored) && !SOME(unknown) -> P.owed = 0
	:: STILL_SENT && !SOME(unknown) && !P.refused && SOME(stored) ->
		send_commit()
	:: else -> send_to_debt()
	fi;
	send_forget()
}

inline put_unknown() {
	L.unknown = 1;
	L.put = IDLE
}

inline put_answered() {
	L.stored = (L.put == DONE);
	L.unknown = (L.put == STALE);
	P.refused = P.refused || L.put == REFUSED;
	L.put = IDLE
}

/*
 * the owner: debts
 */

inline settle() {
	L.in_owed = 0;
	if
	:: !SOME(in_owed) -> P.owed = 0
	:: else
	fi
}

inline flush_begin() {
	L.flush = ASKED;
	L.flush_version = P.owed
}

inline flush_forget() {
	L.flush = IDLE;
	L.flush_version = 0
}

inline settle_debt() {
	if
	:: L.in_owed && !P.sending && P.owed == L.flush_version -> settle()
	:: else
	fi;
	flush_forget()
}

/*
 * the owner: a page comes home, because it is at risk, a peer asks for that, or
 * there is room
 */

inline home_begin() {
	P.home = ASKED;
	P.home_version = P.version
}

inline home_end() {
	P.home = IDLE;
	P.home_version = 0;
	P.home_newest = 0
}

/* Again the compare: the page is where it was fetched from. */
#define STILL_AWAY (P.state == REMOTE && P.version == P.home_version)

inline come_home(new) {
	word_to_debt();
	P.state = LOCAL;
	P.version = NEW_VERSION;
	P.newest = new;
	P.lost = 0
}

inline bring_home() {
	if
	:: STILL_AWAY -> come_home(P.home_newest)
	:: else
	fi;
	home_end()
}

/*
 * the owner: loads.  Nobody puts or flushes a page that is being read.
 */

inline read_begin() {
	P.read = ASKED;
	P.read_version = P.version;
	for (s : 0 .. SERVERS - 1) {
		L.tried = 0
	}
	s = 0
}

inline read_end() {
	P.read = IDLE;
	P.read_version = 0;
	P.read_newest = 0;
	for (s : 0 .. SERVERS - 1) {
		L.tried = 0
	}
	s = 0
}

/* Since it was asked for it has come home, and may even have left again. */
#define PAGE_MOVED (P.state != REMOTE || P.version != P.read_version)

inline read_again() {
	if
	:: P.state == REMOTE -> read_begin()
	:: else -> read_end()
	fi
}

/*
 * Instead of being read again later, the page is kept here.  It need not be where
 * it was fetched from: its bytes are the same for as long as it is being read.
 */
inline read_to_home() {
	if
	:: P.state == REMOTE -> come_home(P.read_newest)
	:: else
	fi;
	read_end()
}

/* One after the other, in whichever order. */
#define MAY_ASK (P.read == ASKED && L.up && (L.in_word || PAGE_MOVED))

#define NOT_WITH(n) (!at[n].own[o].in_word || at[n].own[o].tried)
#define NOBODY_HAS_IT (!PAGE_MOVED && NOT_WITH(0) && NOT_WITH(1) && NOT_WITH(2))

/*
 * the server
 */

inline keep(v, new) {
	KEPT.version = v;
	KEPT.newest = new
}

inline foreign_put(v, new) {
	if
	:: KEPT.version < v -> keep(v, new)
	:: else
	fi
}

inline put_served() {
	L.put = (KEPT.version > P.owed -> STALE : DONE);
	foreign_put(P.owed, P.sent_newest)
}

inline foreign_flush(v) {
	if
	:: KEPT.version <= v -> keep(0, 0)
	:: else
	fi
}

/* It may have no room for what it does not have. */
#define MAY_REFUSE(v) (KEPT.version < v)

/* Requests overtake each other, but not a FLUSH the PUT that it is about. */
#if ANY_ORDER
#define IN_ORDER(v) true
#else
#define IN_ORDER(v) (!L.late_put || L.late_put > v)
#endif

/*
 * connections
 */

#define NR_LATE (COUNT(late_put > 0) + COUNT(late_flush > 0))
#define MAY_BE_LATE (NR_LATE < LATE)
#define MAY_CRASH (CRASHES < 0 || crashes < CRASHES)

inline messages_lost() {
	L.late_put = 0;
	L.late_put_newest = 0;
	L.late_flush = 0;
	flush_forget()
}

inline disconnect() {
	messages_lost();
	if
	:: L.put -> put_unknown()
	:: else
	fi
}

/* It had stored a page that is still being sent to another one. */
inline doubt_stored() {
	L.unknown = L.unknown || L.stored;
	L.stored = 0
}

/* A new instance has lost all that it held, and wants nothing of what it owned. */
inline connect() {
	L.up = 1;
	if
	:: L.owner_reborn -> keep(0, 0)
	:: else
	fi;
	if
	:: L.reborn ->
		doubt_stored();
		L.walk = 1
	:: else
	fi;
	L.owner_reborn = 0;
	L.reborn = 0
}

/* Of the words that name the node, those that name another one lose it. */
inline forget_node() {
	L.in_word = L.in_word && COUNT(in_word) == 1;
	L.walk = 0
}

inline crash_counted() {
	crashes = crashes + (CRASHES >= 0)
}

inline server_lost() {
	L.died = P.sending && (L.died || L.put || L.stored);
	disconnect();
	keep(0, 0);
	L.up = 0;
	L.walk = 0;
	L.reborn = 1
}

inline server_crash() {
	crash_counted();
	for (o : 0 .. OWNERS - 1) {
		server_lost()
	}
	o = 0;
	c_code { note_losses(); }
}

inline owner_crash() {
	crash_counted();
	P.state = ABSENT;
	P.version = 0;
	P.newest = 0;
	P.owed = 0;
	P.wanted = 0;
	P.lost = 0;
	for (s : 0 .. SERVERS - 1) {
		messages_lost();
		L.put = IDLE;
		L.in_word = 0;
		L.in_owed = 0;
		L.up = 0;
		L.walk = 0;
		L.reborn = 0;
		L.owner_reborn = 1
	}
	send_forget();
	home_end();
	read_end()
}

/*
 * what happens
 */

proctype owner(byte o)
{
	byte s;

end_owner:
	do
	:: d_step { BUSY && !P.read && MAY_PUT -> tmem_put(); checked() }
	:: d_step { BUSY && !P.read && P.state -> tmem_flush(); checked() }

	:: d_step { MAY_SEND && MAY_SEND_TO(0) && MAY_SEND_TO(1) ->
		send_begin(0, 1); checked() }
	:: d_step { MAY_SEND && MAY_SEND_TO(0) && MAY_SEND_TO(2) ->
		send_begin(0, 2); checked() }
	:: d_step { MAY_SEND && MAY_SEND_TO(1) && MAY_SEND_TO(2) ->
		send_begin(1, 2); checked() }
#if SINGLE
	:: d_step { MAY_SEND && MAY_SEND_TO(0) -> send_begin(0, 0); checked() }
	:: d_step { MAY_SEND && MAY_SEND_TO(1) -> send_begin(1, 1); checked() }
	:: d_step { MAY_SEND && MAY_SEND_TO(2) -> send_begin(2, 2); checked() }
#endif
	:: d_step { P.sending && !SOME(put) -> send_done(); checked() }

#if HOME
	:: d_step { BUSY && P.state == REMOTE && !P.home ->
		home_begin(); checked() }
	:: d_step { P.home == DONE -> bring_home(); checked() }
	/* no answer, no copy, or no memory */
	:: d_step { P.home == ASKED -> home_end(); checked() }
#endif

#if READS
	:: d_step { BUSY && P.state == REMOTE && !P.read ->
		read_begin(); checked() }
	:: d_step { P.read == DONE ->
		older = older || !P.read_newest;
		read_end(); checked() }
	:: d_step { P.read == DONE ->
		older = older || !P.read_newest;
		read_to_home(); checked() }
	:: d_step { P.read == ASKED && PAGE_MOVED -> read_again(); checked() }
	:: d_step { P.read == ASKED && NOBODY_HAS_IT ->
		missing = missing || !P.lost;
		read_end(); checked() }
#endif
#if OWNER_CRASH
	:: d_step { BUSY && SOME(up) && MAY_CRASH -> owner_crash(); checked() }
#endif
	od
}

proctype link(byte o; byte s)
{
end_link:
	do
	/* requests come to the server */
	:: d_step { L.put == ASKED -> put_served(); checked() }
	:: d_step { L.put == ASKED && MAY_REFUSE(P.owed) ->
		L.put = REFUSED; checked() }
#if ANY_ORDER
	:: d_step { L.put == ASKED && !L.late_put && MAY_BE_LATE ->
		L.late_put = P.owed;
		L.late_put_newest = P.sent_newest; checked() }
	:: d_step { L.late_put ->
		foreign_put(L.late_put, L.late_put_newest); checked() }
#endif
	:: d_step { L.flush == ASKED && IN_ORDER(L.flush_version) ->
		foreign_flush(L.flush_version);
		L.flush = DONE; checked() }
	:: d_step { P.home == ASKED && L.up && KEPT.version == P.home_version ->
		P.home_newest = KEPT.newest;
		P.home = DONE; checked() }
#if READS
	:: d_step { MAY_ASK && KEPT.version == P.read_version ->
		P.read_newest = KEPT.newest;
		P.read = DONE; checked() }
	:: d_step { MAY_ASK && KEPT.version != P.read_version && !L.tried ->
		L.tried = 1; checked() }
#endif

	/* answers come to the owner, and debts are settled */
	:: d_step { L.put > ASKED -> put_answered(); checked() }
	:: d_step { L.in_owed && !P.sending && L.up && !L.flush ->
		flush_begin(); checked() }
	:: d_step { L.flush == DONE -> settle_debt(); checked() }

	/* the connection is made, and breaks; what was not answered is sent anew */
	:: d_step { !L.up -> connect(); checked() }
#if BREAK
	:: d_step { BUSY && (L.put || L.flush || L.late_put || L.late_flush) ->
		disconnect(); checked() }
	:: d_step { BUSY && L.put > ASKED ->
		messages_lost();
		L.put = ASKED; checked() }
#endif
	:: d_step { L.walk -> forget_node(); checked() }
	/* what the node is owed need not be told any more, but may be */
	:: d_step { L.walk && L.in_owed && !P.sending ->
		settle();
		forget_node(); checked() }

#if LATE
	/* the owner does not wait any longer, but the request may yet arrive */
	:: d_step { BUSY && L.put == ASKED && !L.late_put && MAY_BE_LATE ->
		L.late_put = P.owed;
		L.late_put_newest = P.sent_newest;
		put_unknown(); checked() }
	:: d_step { BUSY && L.flush == ASKED && !L.late_flush && MAY_BE_LATE ->
		L.late_flush = L.flush_version;
		flush_forget(); checked() }
	:: d_step { L.late_put ->
		foreign_put(L.late_put, L.late_put_newest);
		L.late_put = 0;
		L.late_put_newest = 0; checked() }
	:: d_step { L.late_put && MAY_REFUSE(L.late_put) ->
		L.late_put = 0;
		L.late_put_newest = 0; checked() }
	:: d_step { L.late_flush && IN_ORDER(L.late_flush) ->
		foreign_flush(L.late_flush);
		L.late_flush = 0; checked() }
#endif
	od
}

proctype server(byte s)
{
	byte o;

end_server:
	do
	:: d_step { BUSY && MAY_CRASH &&
		    (at[s].own[0].up || at[s].own[OWNERS - 1].up) ->
		server_crash(); checked() }
	od
}

init {
	c_code { step(); };
	atomic {
		run owner(0);
		run link(0, 0);
		run link(0, 1);
		run link(0, 2);
#if OWNERS > 1
		run owner(1);
		run link(1, 0);
		run link(1, 1);
		run link(1, 2);
#endif
#if SERVER_CRASH
		run server(0);
		run server(1);
		run server(2)
#endif
	}
#if CALM
	d_step { calm = 1; checked() }
	settled		/* or this is where spin finds an invalid end state */
#endif
}
