// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs: what can be taken offline and online.
 */
#include <stdio.h>

#include "cpu.h"
#include "kfile.h"

static int set_online(int cpu, const char *state)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return kfile_write(path, state);
}

/*
 * 6.12 counts the fair server of the scheduler among the tasks of its CPU, and
 * warns of a CPU that dies while there is more than one ("Dying CPU not properly
 * vacated!"): now and then it is the server, which has no task any more. Where
 * the kernel lets us, there is none; without a budget it is not started.
 */
static void stop_fair_server(int cpu)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/debug/sched/fair_server/cpu%d/runtime",
		 cpu);
	if (kfile_exists(path) && kfile_number(path, 10))
		kfile_write(path, "0");
}

int cpu_offline(int cpu)
{
	stop_fair_server(cpu);
	return set_online(cpu, "0");
}

int cpu_online(int cpu)
{
	return set_online(cpu, "1");
}
