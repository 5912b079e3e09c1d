// SPDX-License-Identifier: GPL-2.0-only
/*
 * A clock that counts instructions.
 */
#include "instr.h"

#define NR_ROUNDS	100000UL

/* Two instructions a round. */
static u64 time_of_loop(void)
{
	u64 start = instr_now();
	u64 left = NR_ROUNDS;

	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(left) : : "cc");
	return instr_now() - start;
}

bool instr_is_exact(void)
{
	u64 best = time_of_loop();

	/* The shortest of a few: an interrupt may fall into one. */
	for (int i = 0; i < 5; i++) {
		u64 time = time_of_loop();

		if (time < best)
			best = time;
	}
	return best >= 2 * NR_ROUNDS && best < 2 * NR_ROUNDS + NR_ROUNDS / 100;
}
