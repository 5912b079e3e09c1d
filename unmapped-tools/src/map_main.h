/* SPDX-License-Identifier: GPL-2.0-only */
/* `unmappedtop map`: argv[0] is "map". Returns the exit code. */
#ifndef UNMAPPED_MAP_MAIN_H
#define UNMAPPED_MAP_MAIN_H

int map_main(int argc, char **argv);

#endif
