// SPDX-License-Identifier: GPL-2.0
/*
 * Rules for what may be written to the files of a cluster.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <net/ipv6.h>
#include "nodemanager_rules.h"
#include "tcp_private.h"
#include "../tmem.h"

static int r2nm_no(const char **why, const char *what, int err)
{
	*why = what;
	return err;
}

/* A decimal number from @min to @max, with at most a newline after it. */
static int r2nm_number(const char *text, u64 min, u64 max, u64 *value,
		       const char **why)
{
	int err = kstrtou64(text, 10, value);

	if (err == -ERANGE || (!err && *value > max))
		return r2nm_no(why, "number too large", -ERANGE);
	if (err)
		return r2nm_no(why, "not a decimal number", -EINVAL);
	if (*value < min)
		return r2nm_no(why, "number too small", -EINVAL);
	return 0;
}

static u64 r2nm_ram_mb(void)
{
	return (u64)totalram_pages() >> (20 - PAGE_SHIFT);
}

/* A dead threshold counts beats, the first of which is not waited for. */
#define R2NM_BEAT_MS		2000
#define R2NM_MAX_THRESHOLD	((U32_MAX - 1) / R2NM_BEAT_MS + 1)

/**
 * r2nm_dead_time_ms() - what a dead threshold stands for
 * @threshold: the threshold, of the values that r2nm_check_setting() accepts
 *
 * Return: a node that is not heard from for so many milliseconds is dead.
 */
u32 r2nm_dead_time_ms(u32 threshold)
{
	return (threshold - 1) * R2NM_BEAT_MS;
}

static const struct {
	u64 min;
	u64 max;
	bool frozen;	/* while a peer is connected, which has the same */
} r2nm_limits[R2NM_NR_SETTINGS] = {
	[R2NM_IDLE_TIMEOUT]	= { 1, U32_MAX - 1, true },
	[R2NM_KEEPALIVE_DELAY]	= { 1, U32_MAX - 1, true },
	[R2NM_DEAD_THRESHOLD]	= { 3, R2NM_MAX_THRESHOLD, true },
	[R2NM_RECONNECT_DELAY]	= { 1, U32_MAX - 1, false },
	[R2NM_GET_TIMEOUT]	= { 1, U32_MAX - 1, false },
	[R2NM_CAPACITY]		= { 0, U64_MAX, false },
	[R2NM_COPIES]		= { 1, TMEM_COPIES, false },
	[R2NM_CLIENT_GRACE]	= { 0, U32_MAX - 1, false },
};

static int r2nm_check_frozen(const u32 *settings, enum r2nm_setting which,
			     bool connected, u32 value, const char **why)
{
	u32 idle = which == R2NM_IDLE_TIMEOUT ? value :
					settings[R2NM_IDLE_TIMEOUT];
	u32 keepalive = which == R2NM_KEEPALIVE_DELAY ? value :
					settings[R2NM_KEEPALIVE_DELAY];
	u32 threshold = which == R2NM_DEAD_THRESHOLD ? value :
					settings[R2NM_DEAD_THRESHOLD];

	if (idle <= keepalive)
		return r2nm_no(why, "idle_timeout_ms must be larger than keepalive_delay_ms",
			       -EINVAL);
	/* Who is alive but idle is heard from once in a keepalive delay. */
	if (which != R2NM_IDLE_TIMEOUT &&
	    r2nm_dead_time_ms(threshold) / 2 < keepalive)
		return r2nm_no(why, "dead_threshold must stand for twice keepalive_delay_ms",
			       -EINVAL);
	if (connected && value != settings[which])
		return r2nm_no(why, "cannot change while a node is connected",
			       -EINVAL);
	return 0;
}

/**
 * r2nm_check_setting() - a number of the cluster is written
 * @settings: all of them, as they are
 * @which: the one
 * @text: what is written
 * @connected: whether any peer is connected
 * @value: what to set it to, after success
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EINVAL for what is no number, for 0 milliseconds, for a dead
 * threshold below 3, for an idle timeout that is not larger than the keepalive
 * delay, for a dead threshold that stands for less than twice that delay, and
 * for another value of any of these three while a peer is connected; -ERANGE for
 * 2^32 - 1 milliseconds and above, for a threshold that stands for as much, for
 * more megabytes than there are, and for more copies than can be told apart.
 */
int r2nm_check_setting(const u32 *settings, enum r2nm_setting which,
		       const char *text, bool connected, u32 *value,
		       const char **why)
{
	u64 max = r2nm_limits[which].max;
	u64 number;
	int err;

	if (which == R2NM_CAPACITY)
		max = min_t(u64, r2nm_ram_mb(), U32_MAX);
	err = r2nm_number(text, r2nm_limits[which].min, max, &number, why);
	if (!err && r2nm_limits[which].frozen)
		err = r2nm_check_frozen(settings, which, connected, number,
					why);
	if (!err)
		*value = number;
	return err;
}

/* Which of two words is written, as the original did: in any case of letters. */
static int r2nm_check_word(const char *text, const char *no, const char *yes,
			   bool abbreviated, bool *value)
{
	size_t len = strcspn(text, "\n");

	if (!len || text[len + !!text[len]])
		return -EINVAL;
	if (!strncasecmp(text, no, len) && (abbreviated || !no[len]))
		*value = false;
	else if (!strncasecmp(text, yes, len) && (abbreviated || !yes[len]))
		*value = true;
	else
		return -EINVAL;
	return 0;
}

/**
 * r2nm_check_mode() - the mode of the heartbeat is written
 * @text: what is written
 * @global: whether it is global, after success
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EINVAL for what neither local nor global begins with.
 */
int r2nm_check_mode(const char *text, bool *global, const char **why)
{
	int err = r2nm_check_word(text, "local", "global", true, global);

	return err ? r2nm_no(why, "neither local nor global", err) : 0;
}

/**
 * r2nm_check_fence() - the fence method is written
 * @text: what is written
 * @panic: whether it is panic, after success
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EINVAL for what is neither reset nor panic.
 */
int r2nm_check_fence(const char *text, bool *panic, const char **why)
{
	int err = r2nm_check_word(text, "reset", "panic", false, panic);

	return err ? r2nm_no(why, "neither reset nor panic", err) : 0;
}

/**
 * r2nm_check_name() - the name of the cluster is written
 * @text: what is written
 * @name: R2_CLUSTER_NAME_LEN bytes for the name, padded with zeros
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EINVAL if it is empty or not printable; -ENAMETOOLONG.
 */
int r2nm_check_name(const char *text, char *name, const char **why)
{
	size_t len = strcspn(text, "\n"), i;

	if (!len)
		return r2nm_no(why, "empty name", -EINVAL);
	if (len >= R2_CLUSTER_NAME_LEN)
		return r2nm_no(why, "name too long", -ENAMETOOLONG);
	for (i = 0; i < len; i++)
		if (!isgraph(text[i]))
			return r2nm_no(why, "name with blanks or worse",
				       -EINVAL);
	memset(name, 0, R2_CLUSTER_NAME_LEN);
	memcpy(name, text, len);
	return 0;
}

/**
 * r2nm_check_port() - a node's port is written
 * @entry: the node
 * @text: what is written
 * @port: the port, after success
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EBUSY if it is set; -EINVAL, -ERANGE unless it is 1 to 65534.
 */
int r2nm_check_port(const struct r2nm_entry *entry, const char *text,
		    unsigned int *port, const char **why)
{
	u64 value;
	int err;

	if (entry->port)
		return r2nm_no(why, "is set already", -EBUSY);
	err = r2nm_number(text, 1, 65534, &value, why);
	if (!err)
		*port = value;
	return err;
}

/* One octet and what ends it: a dot, or for the last one the end. */
static int r2nm_octet(const char **text, char end, u8 *octet, const char **why)
{
	unsigned int value = 0, digits = 0;

	for (; isdigit(**text); (*text)++, digits++) {
		value = value * 10 + **text - '0';
		if (value > 255)
			return r2nm_no(why, "number above 255 in the address",
				       -ERANGE);
	}
	if (!digits || digits > 3)
		return r2nm_no(why, "not a dotted quad", -EINVAL);
	if (!end && **text == '\n')
		(*text)++;
	if (**text != end)
		return r2nm_no(why, "not a dotted quad", -EINVAL);
	(*text)++;
	*octet = value;
	return 0;
}

static int r2nm_parse_ipv4(const char *text, __be32 *addr, const char **why)
{
	u8 octet[4];
	int i, err;

	for (i = 0; i < 4; i++) {
		err = r2nm_octet(&text, i < 3 ? '.' : '\0', &octet[i], why);
		if (err)
			return err;
	}
	memcpy(addr, octet, sizeof(*addr));
	if (ipv4_is_zeronet(*addr) || ipv4_is_multicast(*addr) ||
	    ipv4_is_lbcast(*addr))
		return r2nm_no(why, "not the address of one machine", -EINVAL);
	return 0;
}

static int r2nm_check_addr(const struct list_head *nodes,
			   const struct sockaddr_storage *addr,
			   const char **why)
{
	const struct r2nm_entry *other;

	list_for_each_entry(other, nodes, list)
		if (r2tcp_same_address(&other->addr, addr))
			return r2nm_no(why, "another node has this address",
				       -EEXIST);
	return 0;
}

/**
 * r2nm_check_ipv4() - a node's IPv4 address is written
 * @nodes: list of all nodes
 * @entry: the node
 * @text: what is written
 * @addr: the address, without the port, after success
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EBUSY if an address is set; -ERANGE for an octet above 255;
 * -EINVAL for what is no dotted quad or no unicast address; -EEXIST if another
 * node has it.
 */
int r2nm_check_ipv4(const struct list_head *nodes,
		    const struct r2nm_entry *entry, const char *text,
		    struct sockaddr_storage *addr, const char **why)
{
	struct sockaddr_in *in = (struct sockaddr_in *)addr;
	int err;

	if (entry->addr.ss_family != AF_UNSPEC)
		return r2nm_no(why, "an address is set already", -EBUSY);
	memset(addr, 0, sizeof(*addr));
	in->sin_family = AF_INET;
	err = r2nm_parse_ipv4(text, &in->sin_addr.s_addr, why);
	return err ?: r2nm_check_addr(nodes, addr, why);
}

static int r2nm_parse_ipv6(struct net *net, const char *text,
			   struct sockaddr_storage *addr, const char **why)
{
	const struct in6_addr *in6 =
		&((struct sockaddr_in6 *)addr)->sin6_addr;
	/* An address, %, the name of an interface, and a newline. */
	char copy[INET6_ADDRSTRLEN + IFNAMSIZ + 2];

	if (strscpy(copy, text, sizeof(copy)) < 0 ||
	    inet_pton_with_scope(net, AF_INET6, strim(copy), NULL, addr))
		return r2nm_no(why, "not an IPv6 address", -EINVAL);
	if (__ipv6_addr_needs_scope_id(__ipv6_addr_type(in6)) &&
	    !((struct sockaddr_in6 *)addr)->sin6_scope_id)
		return r2nm_no(why, "a link-local address needs %interface",
			       -EINVAL);
	if (ipv6_addr_any(in6) || ipv6_addr_is_multicast(in6) ||
	    ipv6_addr_v4mapped(in6))
		return r2nm_no(why, "not the address of one machine", -EINVAL);
	return 0;
}

/**
 * r2nm_check_ipv6() - a node's IPv6 address is written
 * @net: network namespace, for the scope of link-local addresses
 * @nodes: list of all nodes
 * @entry: the node
 * @text: what is written
 * @addr: the address, without the port, after success
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EBUSY if an address is set; -EINVAL for what is no IPv6 address or
 * no unicast one; -EEXIST if another node has it.
 */
int r2nm_check_ipv6(struct net *net, const struct list_head *nodes,
		    const struct r2nm_entry *entry, const char *text,
		    struct sockaddr_storage *addr, const char **why)
{
	int err;

	if (entry->addr.ss_family != AF_UNSPEC)
		return r2nm_no(why, "an address is set already", -EBUSY);
	memset(addr, 0, sizeof(*addr));
	err = r2nm_parse_ipv6(net, text, addr, why);
	return err ?: r2nm_check_addr(nodes, addr, why);
}

/**
 * r2nm_check_num() - a node's number is written
 * @nodes: list of all nodes
 * @entry: the node
 * @text: what is written
 * @num: the number, after success
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EBUSY if it is set; -EINVAL for what is no number, or if address
 * or port are not set; -ERANGE for 255 and above; -EEXIST if another node has
 * it.
 */
int r2nm_check_num(const struct list_head *nodes,
		   const struct r2nm_entry *entry, const char *text,
		   unsigned int *num, const char **why)
{
	const struct r2nm_entry *other;
	u64 value;
	int err;

	if (entry->num_set)
		return r2nm_no(why, "is set already", -EBUSY);
	err = r2nm_number(text, 0, R2_MAX_NODES - 1, &value, why);
	if (err)
		return err;
	if (!entry->port || entry->addr.ss_family == AF_UNSPEC)
		return r2nm_no(why, "port and address have to be set before",
			       -EINVAL);
	list_for_each_entry(other, nodes, list)
		if (other->num_set && other->num == value)
			return r2nm_no(why, "another node has this number",
				       -EEXIST);
	*num = value;
	return 0;
}

/**
 * r2nm_check_local() - it is written whether a node is this machine
 * @nodes: list of all nodes
 * @entry: the node
 * @text: what is written
 * @local: whether, after success
 * @why: what is wrong, otherwise
 *
 * Return: 0; -EBUSY if it is set, or if another node is local; -EINVAL for what
 * is no number, or if the number is not set; -ERANGE.
 */
int r2nm_check_local(const struct list_head *nodes,
		     const struct r2nm_entry *entry, const char *text,
		     bool *local, const char **why)
{
	const struct r2nm_entry *other;
	u64 value;
	int err;

	if (entry->local_set)
		return r2nm_no(why, "is set already", -EBUSY);
	err = r2nm_number(text, 0, U32_MAX, &value, why);
	if (err)
		return err;
	if (!entry->num_set)
		return r2nm_no(why, "port, address and num have to be set before",
			       -EINVAL);
	list_for_each_entry(other, nodes, list)
		if (value && other->local)
			return r2nm_no(why, "another node is local", -EBUSY);
	*local = value;
	return 0;
}

/**
 * r2nm_entry_addr() - the address of a node, with its port
 * @entry: a node with both
 * @addr: filled in
 */
void r2nm_entry_addr(const struct r2nm_entry *entry,
		     struct sockaddr_storage *addr)
{
	*addr = entry->addr;
	if (addr->ss_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_port = htons(entry->port);
	else
		((struct sockaddr_in *)addr)->sin_port = htons(entry->port);
}
