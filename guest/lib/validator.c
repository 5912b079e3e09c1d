// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own check of its invariants.
 */
#include <stdio.h>
#include <string.h>

#include "kfile.h"
#include "ktap.h"
#include "validator.h"

#define VALIDATE	"/sys/kernel/debug/unmapped/validate"

bool validator_exists(void)
{
	return kfile_exists(VALIDATE);
}

bool validator_is_content(void)
{
	bool content = false;
	char line[160];
	FILE *file;

	if (!validator_exists())
		return true;
	file = fopen(VALIDATE, "re");
	if (!file)
		die_errno(VALIDATE);
	/* "0 faults", or their number and a line for each of the first ones */
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "0 faults"))
			content = true;
		else
			ktap_note("validator: %s", line);
	}
	fclose(file);	/* read only: nothing can be lost */
	return content;
}

void validator_result(const char *what)
{
	if (validator_exists())
		ktap_ok(validator_is_content(), "%s", what);
	else
		ktap_skip("no validator in this kernel", "%s", what);
}

void validator_report(void)
{
	validator_result("the validator is content");
}
