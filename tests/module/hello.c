// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module out of tree, for tests/deb: linux-headers has what it includes, one of
 * our own headers too, and the symbols that it links to.
 */
#include <linux/mermap.h>
#include <linux/mm.h>
#include <linux/module.h>

static int __init hello_init(void)
{
	struct sysinfo info;

	si_meminfo(&info);
	pr_info("%lu pages\n", info.totalram);
	return info.totalram ? 0 : -EINVAL;
}

static void __exit hello_exit(void)
{
}

module_init(hello_init);
module_exit(hello_exit);

MODULE_DESCRIPTION("out-of-tree module of the packages' test");
MODULE_LICENSE("GPL");
