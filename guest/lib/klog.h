/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log, as it stands now.
 */
#ifndef GUEST_LIB_KLOG_H
#define GUEST_LIB_KLOG_H

/*
 * How many records begin with @start and hold @text behind it? "" serves for
 * any. A record's text ends with a newline.
 */
int klog_count(const char *start, const char *text);

#endif
