/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A clock that counts instructions: under tools/vm --icount the guest's time
 * stamp counter moves by one for each instruction that ran.
 */
#ifndef GUEST_LIB_INSTR_H
#define GUEST_LIB_INSTR_H

#include "util.h"

static inline u64 instr_now(void)
{
	return __builtin_ia32_rdtsc();
}

/* Does it count them? A loop of known length says so. */
bool instr_is_exact(void);

#endif
