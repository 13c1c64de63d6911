/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the parts of the survey write down what they find. */
#include <stdarg.h>
#include <stdio.h>

#include "windows/survey.h"

static bool is_note(enum bs_code code)
{
	return bs_code_exit(code) == BS_EXIT_DONE;
}

/* The place for one more finding; of too many a refusal takes that of the last note. */
static struct bs_finding *place_for(struct bs_inspection *report, enum bs_code code)
{
	if (report->finding_count < BS_FINDINGS_MAX)
		return &report->findings[report->finding_count++];
	if (is_note(code))
		return NULL;
	for (uint32_t i = BS_FINDINGS_MAX; i > 0; i--)
		if (is_note(report->findings[i - 1].code))
			return &report->findings[i - 1];
	return NULL;
}

void survey_note(struct survey *survey, enum bs_code code, const char *format, ...)
{
	struct bs_finding *finding = place_for(&survey->report, code);
	va_list arguments;

	if (finding == NULL)
		return;
	finding->code = code;
	va_start(arguments, format);
	vsnprintf(finding->message, sizeof(finding->message), format, arguments);
	va_end(arguments);
}

static void set_link(struct survey *survey, enum bs_link_kind kind, enum bs_link_state state,
		     enum bs_code code, const char *format, va_list arguments)
	__attribute__((format(printf, 5, 0)));

static void set_link(struct survey *survey, enum bs_link_kind kind, enum bs_link_state state,
		     enum bs_code code, const char *format, va_list arguments)
{
	struct bs_link *link = &survey->report.links[kind];

	link->state = state;
	link->code = code;
	vsnprintf(link->detail, sizeof(link->detail), format, arguments);
}

void survey_good(struct survey *survey, enum bs_link_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_link(survey, kind, BS_LINK_GOOD, BS_OK, format, arguments);
	va_end(arguments);
}

void survey_broken(struct survey *survey, enum bs_link_kind kind, enum bs_code code,
		   const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_link(survey, kind, BS_LINK_BROKEN, code, format, arguments);
	va_end(arguments);
}

void survey_unknown(struct survey *survey, enum bs_link_kind kind, enum bs_code code,
		    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_link(survey, kind, BS_LINK_UNKNOWN, code, format, arguments);
	va_end(arguments);
}

bool survey_is_content(enum bs_code code)
{
	return code == BS_NTFS || code == BS_NTFS_DAMAGED || code == BS_BCD_DAMAGED ||
	       code == BS_HIBERNATED || code == BS_UNCLEAN;
}

int survey_blame(struct survey *survey, const char *role, uint32_t partition,
		 const struct bs_error *err)
{
	bool unsupported = err->code == BS_BOOT_FILE_UNSUPPORTED;

	if (!unsupported && !survey_is_content(err->code))
		return -1;
	survey_note(survey, unsupported ? BS_BOOT_FILE_UNSUPPORTED : BS_NTFS_DAMAGED,
		    "the %s volume (partition %u): %.400s", role, partition, err->message);
	return 0;
}
