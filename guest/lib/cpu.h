/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs: what can be taken offline and online, in /sys/devices/system/cpu.
 */
#ifndef GUEST_LIB_CPU_H
#define GUEST_LIB_CPU_H

/* 0 or the error; EBUSY for the last one that is online. */
int cpu_offline(int cpu);
int cpu_online(int cpu);

#endif
