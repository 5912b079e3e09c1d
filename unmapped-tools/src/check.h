/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does Debian have a newer kernel than the one that runs? Prints one line and
 * returns EXIT_OK (it has none) or EXIT_FAILED (it has); dies with EXIT_CANNOT
 * where nobody can tell.
 */
#ifndef UNMAPPED_CHECK_H
#define UNMAPPED_CHECK_H

int check_kernel(void);

#endif
