// SPDX-License-Identifier: GPL-2.0-only
/*
 * NUMA nodes, by the system calls for them.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "node.h"

void node_set_policy(int mode, unsigned long mask)
{
	if (syscall(SYS_set_mempolicy, mode, mask ? &mask : NULL,
		    8 * sizeof(mask)))
		die_errno("set_mempolicy");
}

long node_move(const struct area *area, int node, int *status)
{
	size_t nr = area_nr_pages(area);
	int *nodes = malloc(nr * sizeof(*nodes));
	void **pages = malloc(nr * sizeof(*pages));
	long ret;

	if (!nodes || !pages)
		die(EXIT_FAILED, "no memory");
	for (size_t i = 0; i < nr; i++) {
		pages[i] = area_page(area, i);
		nodes[i] = node;
	}
	ret = syscall(SYS_move_pages, 0, nr, pages, node < 0 ? NULL : nodes,
		      status, node < 0 ? 0 : MPOL_MF_MOVE);
	free(pages);
	free(nodes);
	return ret;
}

size_t node_count(const struct area *area, int node)
{
	int *status = calloc(area_nr_pages(area), sizeof(*status));
	size_t nr = 0;

	if (!status)
		die(EXIT_FAILED, "no memory");
	if (node_move(area, -1, status))
		die_errno("move_pages");
	for (size_t i = 0; i < area_nr_pages(area); i++)
		nr += status[i] == node;
	free(status);
	return nr;
}

bool node_holds(const struct area *area, int node)
{
	size_t nr = node_count(area, node);

	if (nr != area_nr_pages(area))
		ktap_note("%zu of %zu pages are on node %d", nr,
			  area_nr_pages(area), node);
	return nr == area_nr_pages(area);
}

long node_vmstat(int node, const char *name)
{
	char path[64], line[128], found[96];
	long value, result = KSTAT_ABSENT;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/vmstat", node);
	file = fopen(path, "re");
	if (!file)
		die_errno("%s", path);
	while (result == KSTAT_ABSENT && fgets(line, sizeof(line), file))
		if (sscanf(line, "%95s %ld", found, &value) == 2 && !strcmp(found, name))
			result = value;
	fclose(file);	/* read only: nothing can be lost */
	return result;
}

void node_leave_blocks(int node, size_t size)
{
	struct area area = secret_area(size);

	node_set_policy(MPOL_BIND, 1UL << node);
	mark_fill_pages(area.start, area_nr_pages(&area), 1);
	node_set_policy(MPOL_DEFAULT, 0);
	area_destroy(&area);
}
