/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the parts of the survey write down what they find. */
#include <stdarg.h>
#include <stdio.h>

#include "windows/survey.h"

void survey_note(struct survey *survey, enum bs_code code, const char *format, ...)
{
	struct bs_inspection *report = &survey->report;
	struct bs_finding *finding = &report->findings[report->finding_count];
	va_list arguments;

	if (report->finding_count == BS_FINDINGS_MAX)
		return;
	report->finding_count++;
	finding->code = code;
	va_start(arguments, format);
	vsnprintf(finding->message, sizeof(finding->message), format, arguments);
	va_end(arguments);
}

void survey_link(struct survey *survey, enum bs_link_kind kind, enum bs_link_state state,
		 const char *format, ...)
{
	struct bs_link *link = &survey->report.links[kind];
	va_list arguments;

	link->state = state;
	va_start(arguments, format);
	vsnprintf(link->detail, sizeof(link->detail), format, arguments);
	va_end(arguments);
}

bool survey_is_content(enum bs_code code)
{
	return code == BS_NTFS || code == BS_NTFS_DAMAGED || code == BS_BCD_DAMAGED ||
	       code == BS_HIBERNATED || code == BS_UNCLEAN;
}
