/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of zcache and ramster, system "ramster".  They follow a page:
 *
 *   ramster_store_begin	the store was asked to take a page
 *   ramster_store		it has taken it, or not
 *   ramster_send		a copy goes into a message to a peer
 *   ramster_commit		the peer has answered: the page is remote, or not
 *   ramster_get		somebody asks a peer for a page
 *   ramster_reply		the answer has come, or will not
 *   ramster_flush		a peer is told to forget a page or an object
 *
 * Documentation/tracing.rst says what is in them and what they are good for.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ramster

#if !defined(_RAMSTER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _RAMSTER_TRACE_H

#include <linux/tracepoint.h>
#include "tmem.h"

TRACE_DEFINE_ENUM(TMEM_SEND_STORED);
TRACE_DEFINE_ENUM(TMEM_SEND_REFUSED);
TRACE_DEFINE_ENUM(TMEM_SEND_UNKNOWN);

/* Of an oid only the first word is used by this machine's own pages. */
DECLARE_EVENT_CLASS(ramster_page,

	TP_PROTO(const struct tmem_handle *handle),

	TP_ARGS(handle),

	TP_STRUCT__entry(
		__field(u64, oid)
		__field(u32, pool)
		__field(u32, index)
	),

	TP_fast_assign(
		__entry->oid = handle->oid.word[0];
		__entry->pool = handle->pool;
		__entry->index = handle->index;
	),

	TP_printk("pool=%u oid=%llx index=%u",
		  __entry->pool, __entry->oid, __entry->index)
);

DEFINE_EVENT(ramster_page, ramster_store_begin,

	TP_PROTO(const struct tmem_handle *handle),

	TP_ARGS(handle)
);

TRACE_EVENT(ramster_store,

	TP_PROTO(const struct tmem_handle *handle, unsigned int len,
		 int result),

	TP_ARGS(handle, len, result),

	TP_STRUCT__entry(
		__field(u64, oid)
		__field(u32, pool)
		__field(u32, index)
		__field(u32, len)
		__field(int, result)
	),

	TP_fast_assign(
		__entry->oid = handle->oid.word[0];
		__entry->pool = handle->pool;
		__entry->index = handle->index;
		__entry->len = len;
		__entry->result = result;
	),

	TP_printk("pool=%u oid=%llx index=%u len=%u result=%d",
		  __entry->pool, __entry->oid, __entry->index, __entry->len,
		  __entry->result)
);

/* What is between this machine and a peer. */
DECLARE_EVENT_CLASS(ramster_peer,

	TP_PROTO(const struct tmem_handle *handle, u64 version, u8 node),

	TP_ARGS(handle, version, node),

	TP_STRUCT__entry(
		__field(u64, oid)
		__field(u64, version)
		__field(u32, pool)
		__field(u32, index)
		__field(u8, node)
	),

	TP_fast_assign(
		__entry->oid = handle->oid.word[0];
		__entry->version = version;
		__entry->pool = handle->pool;
		__entry->index = handle->index;
		__entry->node = node;
	),

	TP_printk("pool=%u oid=%llx index=%u version=%llu node=%u",
		  __entry->pool, __entry->oid, __entry->index,
		  __entry->version, __entry->node)
);

DEFINE_EVENT(ramster_peer, ramster_get,

	TP_PROTO(const struct tmem_handle *handle, u64 version, u8 node),

	TP_ARGS(handle, version, node)
);

TRACE_EVENT(ramster_send,

	TP_PROTO(const struct tmem_handle *handle, u64 version,
		 struct tmem_peers peers, unsigned int len),

	TP_ARGS(handle, version, peers, len),

	TP_STRUCT__entry(
		__field(u64, oid)
		__field(u64, version)
		__field(u32, pool)
		__field(u32, index)
		__field(u32, len)
		__field(u8, node)
		__field(u8, other)
	),

	TP_fast_assign(
		__entry->oid = handle->oid.word[0];
		__entry->version = version;
		__entry->pool = handle->pool;
		__entry->index = handle->index;
		__entry->len = len;
		__entry->node = peers.node[0];
		__entry->other = peers.node[1];
	),

	TP_printk("pool=%u oid=%llx index=%u version=%llu node=%u other=%u len=%u",
		  __entry->pool, __entry->oid, __entry->index,
		  __entry->version, __entry->node, __entry->other,
		  __entry->len)
);

TRACE_EVENT(ramster_commit,

	TP_PROTO(const struct tmem_handle *handle, u64 version,
		 struct tmem_peers peers, enum tmem_send_result result,
		 bool moved),

	TP_ARGS(handle, version, peers, result, moved),

	TP_STRUCT__entry(
		__field(u64, oid)
		__field(u64, version)
		__field(u32, pool)
		__field(u32, index)
		__field(u8, node)
		__field(u8, other)
		__field(u8, result)
		__field(bool, moved)
	),

	TP_fast_assign(
		__entry->oid = handle->oid.word[0];
		__entry->version = version;
		__entry->pool = handle->pool;
		__entry->index = handle->index;
		__entry->node = peers.node[0];
		__entry->other = peers.node[1];
		__entry->result = result;
		__entry->moved = moved;
	),

	TP_printk("pool=%u oid=%llx index=%u version=%llu node=%u other=%u result=%s moved=%d",
		  __entry->pool, __entry->oid, __entry->index,
		  __entry->version, __entry->node, __entry->other,
		  __print_symbolic(__entry->result,
				   { TMEM_SEND_STORED, "stored" },
				   { TMEM_SEND_REFUSED, "refused" },
				   { TMEM_SEND_UNKNOWN, "unknown" }),
		  __entry->moved)
);

TRACE_EVENT(ramster_reply,

	TP_PROTO(const struct tmem_handle *handle, u64 version, u8 node,
		 int result, unsigned int len, bool waited),

	TP_ARGS(handle, version, node, result, len, waited),

	TP_STRUCT__entry(
		__field(u64, oid)
		__field(u64, version)
		__field(u32, pool)
		__field(u32, index)
		__field(u32, len)
		__field(int, result)
		__field(u8, node)
		__field(bool, waited)
	),

	TP_fast_assign(
		__entry->oid = handle->oid.word[0];
		__entry->version = version;
		__entry->pool = handle->pool;
		__entry->index = handle->index;
		__entry->len = len;
		__entry->result = result;
		__entry->node = node;
		__entry->waited = waited;
	),

	TP_printk("pool=%u oid=%llx index=%u version=%llu node=%u result=%d len=%u waited=%d",
		  __entry->pool, __entry->oid, __entry->index,
		  __entry->version, __entry->node, __entry->result,
		  __entry->len, __entry->waited)
);

TRACE_EVENT(ramster_flush,

	TP_PROTO(const struct tmem_debt *debt),

	TP_ARGS(debt),

	TP_STRUCT__entry(
		__field(u64, oid)
		__field(u64, version)
		__field(u32, pool)
		__field(u32, index)
		__field(u8, node)
		__field(bool, object)
	),

	TP_fast_assign(
		__entry->oid = debt->handle.oid.word[0];
		__entry->version = debt->version;
		__entry->pool = debt->handle.pool;
		__entry->index = debt->handle.index;
		__entry->node = debt->node;
		__entry->object = debt->whole_object;
	),

	TP_printk("pool=%u oid=%llx index=%u version=%llu node=%u object=%d",
		  __entry->pool, __entry->oid, __entry->index,
		  __entry->version, __entry->node, __entry->object)
);

#endif /* _RAMSTER_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
