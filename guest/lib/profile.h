/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marks for tools/profile, which counts the instructions between calls of these.
 */
#ifndef GUEST_LIB_PROFILE_H
#define GUEST_LIB_PROFILE_H

void profile_begin(void);
void profile_end(void);

#endif
