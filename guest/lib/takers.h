/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takers: processes that take secrets, look at them and drop them, over and over,
 * beside whatever the test does to the kernel meanwhile. How long they go on hangs
 * on counts and not on time.
 */
#ifndef GUEST_LIB_TAKERS_H
#define GUEST_LIB_TAKERS_H

#include "util.h"

#define NR_TAKERS_MAX	8

struct takers;

/*
 * One secret of a random size, held for a random moment. Was it zero when it came
 * and whole when it went?
 */
bool taker_use_secret(u64 *state);

/*
 * Start @nr of them. Between two secrets each rests without one, a random moment
 * of up to @rest_us.
 */
struct takers *takers_start(int nr, unsigned int rest_us);
/* Wait until each has dropped @nr_rounds more; dies if one of them is gone. */
void takers_wait(struct takers *takers, u64 nr_rounds);
/* End them. Were all secrets what they must be? How many were there? */
bool takers_stop(struct takers *takers, u64 *nr_secrets);

#endif
