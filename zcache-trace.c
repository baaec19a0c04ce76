// SPDX-License-Identifier: GPL-2.0
/*
 * zcache-trace: where the trace events are made, for the cluster's module, too.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(ramster_send);
EXPORT_TRACEPOINT_SYMBOL_GPL(ramster_commit);
EXPORT_TRACEPOINT_SYMBOL_GPL(ramster_get);
EXPORT_TRACEPOINT_SYMBOL_GPL(ramster_reply);
EXPORT_TRACEPOINT_SYMBOL_GPL(ramster_flush);
