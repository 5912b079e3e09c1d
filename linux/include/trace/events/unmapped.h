/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM unmapped

#if !defined(_TRACE_UNMAPPED_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_UNMAPPED_H

/*
 * What becomes of unmapped pages: flips, map-backs, evacuations and clears, one event
 * each time that their counters in /proc/vmstat grow. The sums agree.
 */

#include <linux/errno.h>
#include <linux/tracepoint.h>
#include <linux/unmapped.h>
#include <linux/vm_event_item.h>

/* The counter that a flip moves is its result. */
#define UNMAPPED_FLIP_RESULTS					\
	EM(UNMAPPED_FLIP,		"unmapped")		\
	EM(UNMAPPED_FLIP_FAIL_ENTRY,	"fail_entry")		\
	EM(UNMAPPED_FLIP_FAIL_TABLE,	"fail_table")		\
	EM(UNMAPPED_FLIP_FAIL_CLAIMED,	"fail_claimed")		\
	EMe(UNMAPPED_FLIP_FAIL_POISON,	"fail_poison")

#define UNMAPPED_BACK_REASONS					\
	EM(UNMAPPED_BACK_REQUEST,	"request")		\
	EM(UNMAPPED_BACK_KSWAPD,	"kswapd")		\
	EM(UNMAPPED_BACK_OOM,		"oom")			\
	EM(UNMAPPED_BACK_PACK,		"pack")			\
	EM(UNMAPPED_BACK_IDLE,		"idle")			\
	EM(UNMAPPED_BACK_RANGE,		"range")		\
	EM(UNMAPPED_BACK_SWITCH,	"switch")		\
	EMe(UNMAPPED_BACK_HIBERNATION,	"hibernation")

#define UNMAPPED_CLEAR_RESULTS					\
	EM(UNMAPPED_CLEAR_RUN,		"run")			\
	EM(UNMAPPED_CLEAR_BATCH,	"batch")		\
	EMe(UNMAPPED_CLEAR_REFUSED,	"refused")

/* User space that reads the formats knows the words, not the enumerators. */
#undef EM
#undef EMe
#define EM(value, word)		TRACE_DEFINE_ENUM(value);
#define EMe(value, word)	TRACE_DEFINE_ENUM(value);

UNMAPPED_FLIP_RESULTS
UNMAPPED_BACK_REASONS
UNMAPPED_CLEAR_RESULTS

#undef EM
#undef EMe
#define EM(value, word)		{ value, word },
#define EMe(value, word)	{ value, word }

/**
 * unmapped_flip - a try to unmap free pages, by now a whole number of blocks
 * @pfn: the first of them
 * @order: their order, at least pageblock_order
 * @result: the counter of /proc/vmstat that grows; UNMAPPED_FLIP by the number
 *	of blocks
 */
TRACE_EVENT(unmapped_flip,

	TP_PROTO(unsigned long pfn, unsigned int order, enum vm_event_item result),

	TP_ARGS(pfn, order, result),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
		__field(int, result)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->order = order;
		__entry->result = result;
	),

	TP_printk("pfn=0x%lx order=%u result=%s",
		  __entry->pfn, __entry->order,
		  __print_symbolic(__entry->result, UNMAPPED_FLIP_RESULTS))
);

/**
 * unmapped_map_back - a block is mapped again
 * @pfn: its first page
 * @order: pageblock_order
 * @reason: who wanted it
 */
TRACE_EVENT(unmapped_map_back,

	TP_PROTO(unsigned long pfn, unsigned int order,
		 enum unmapped_back_reason reason),

	TP_ARGS(pfn, order, reason),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
		__field(int, reason)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->order = order;
		__entry->reason = reason;
	),

	TP_printk("pfn=0x%lx order=%u reason=%s",
		  __entry->pfn, __entry->order,
		  __print_symbolic(__entry->reason, UNMAPPED_BACK_REASONS))
);

/**
 * unmapped_evacuate - a try to move everything in use out of mapped blocks
 * @pfn: their first page
 * @order: their order, at least pageblock_order
 * @error: 0, or why it failed: EBUSY, some page did not move; ENOMEM, there was
 *	nowhere to move it to
 */
TRACE_EVENT(unmapped_evacuate,

	TP_PROTO(unsigned long pfn, unsigned int order, int error),

	TP_ARGS(pfn, order, error),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->order = order;
		__entry->error = error;
	),

	TP_printk("pfn=0x%lx order=%u result=%s",
		  __entry->pfn, __entry->order,
		  __print_symbolic(__entry->error,
				   { 0, "emptied" },
				   { EBUSY, "busy" },
				   { ENOMEM, "no_room" }))
);

/**
 * unmapped_clear - unmapped pages are cleared, because they are freed
 * @pfn: the first of them
 * @nr_pages: how many; one event for all that one call clears
 * @result: whether they follow each other, or were not cleared
 */
TRACE_EVENT(unmapped_clear,

	TP_PROTO(unsigned long pfn, unsigned int nr_pages,
		 enum unmapped_clear_result result),

	TP_ARGS(pfn, nr_pages, result),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, nr_pages)
		__field(int, result)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->nr_pages = nr_pages;
		__entry->result = result;
	),

	TP_printk("pfn=0x%lx nr_pages=%u result=%s",
		  __entry->pfn, __entry->nr_pages,
		  __print_symbolic(__entry->result, UNMAPPED_CLEAR_RESULTS))
);

#undef EM
#undef EMe

#endif /* _TRACE_UNMAPPED_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
