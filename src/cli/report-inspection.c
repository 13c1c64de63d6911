/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text report of an inspection: the partitions, the boot chain, the room for the conversion,
 * the findings, and the next step.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report-findings.h"
#include "cli/report-text.h"
#include "report/amount.h"
#include "report/drawing.h"
#include "report/need.h"

#define INDENT       2
#define DETAIL       25 /* the column at which the details of a link or a finding begin */
#define ROLES_COLUMN 4

static void inspection_title(struct output *output, const char *title)
{
	print_end(output);
	print_to(output, INDENT);
	print_styled(output, STYLE_STRONG, "%s", title);
}

static const char *inspection_format(const char *format)
{
#define NAME(id, driver, title, ...) {#id, title},
	static const char *const names[][2] = {BS_FORMATS(NAME)};
#undef NAME

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(format, names[i][0]) == 0)
			return names[i][1];
	return format;
}

static void inspection_heading(struct output *output, const char *image, bool verbose,
			       const struct bs_inspection *inspection)
{
	bool named = inspection->windows_name[0] != '\0';
	bool built = inspection->windows_build[0] != '\0';

	print_styled(output, STYLE_STRONG, "%s", image);
	print(output, ": ");
	print_wrapped(output, INDENT, "%s, %s%s%s%s%s%s", inspection_format(inspection->format),
		      size_format(inspection->disk_size).text, named ? ", " : "",
		      inspection->windows_name, built ? " (" : "", inspection->windows_build,
		      built ? ")" : "");
	print_end(output);
	if (verbose)
		print_item(output, INDENT,
			   "disk signature %08x; file: %llu bytes; disk inside: %llu bytes",
			   inspection->disk_signature,
			   (unsigned long long)inspection->container_size,
			   (unsigned long long)inspection->disk_size);
}

/* ---- the partitions ----------------------------------------------------------------------- */

static const char *inspection_filesystem(const struct bs_partition *partition)
{
	static const char *const names[BS_FS_COUNT] = {
		[BS_FS_UNKNOWN] = "unknown",     [BS_FS_NTFS] = "NTFS",
		[BS_FS_BITLOCKER] = "BitLocker", [BS_FS_FAT] = "FAT",
		[BS_FS_EXTENDED] = "extended",
	};

	return partition->filesystem < BS_FS_COUNT ? names[partition->filesystem] : "unknown";
}

#define ROLES_SIZE 32

/* "System, Windows, Active" in at most 23 characters.  Microsoft's "boot volume" is that with
 * Windows, which nobody expects; so the report says "Windows". */
static void inspection_format_roles(const struct bs_partition *partition, char roles[ROLES_SIZE])
{
	char *end = roles;

	*end = '\0';
	if (partition->is_system)
		end = stpcpy(end, "System, ");
	if (partition->is_boot)
		end = stpcpy(end, "Windows, ");
	if (partition->active)
		end = stpcpy(end, "Active, ");
	if (end > roles)
		end[-2] = '\0';
}

static unsigned inspection_widest_roles(const struct bs_inspection *inspection)
{
	unsigned widest = (unsigned)strlen("Roles");

	for (uint32_t i = 0; i < inspection->partition_count; i++) {
		char roles[ROLES_SIZE];

		inspection_format_roles(&inspection->partitions[i], roles);
		if (strlen(roles) > widest)
			widest = (unsigned)strlen(roles);
	}
	return widest;
}

static void inspection_roles(struct output *output, const struct bs_partition *partition)
{
	char roles[ROLES_SIZE];

	inspection_format_roles(partition, roles);
	print(output, "%3u", partition->number);
	print_to(output, ROLES_COLUMN);
	print_styled(output,
		     partition->is_boot     ? STYLE_BOOT
		     : partition->is_system ? STYLE_SYSTEM
					    : STYLE_PLAIN,
		     "%s", roles);
}

/* The details of a partition for a terminal on which the table has no room. */
static void inspection_narrow_partition(struct output *output, const struct bs_partition *partition)
{
	print_end(output);
	print_item(output, ROLES_COLUMN, "%s, %s%s%s%s", inspection_filesystem(partition),
		   size_format(partition->size).text, partition->usage_known ? ", " : "",
		   partition->usage_known ? size_format(partition->free).text : "",
		   partition->usage_known ? " free" : "");
	if (partition->label[0] != '\0')
		print_item(output, ROLES_COLUMN, "label: %s", partition->label);
}

static void inspection_wide_partition(struct output *output, const struct bs_partition *partition,
				      unsigned roles_width)
{
	print_to(output, ROLES_COLUMN + roles_width);
	print(output, "  %-9s %8s %8s", inspection_filesystem(partition),
	      size_format(partition->size).text,
	      partition->usage_known ? size_format(partition->free).text : "-");
	if (partition->label[0] != '\0')
		print_cut(output, output->width - output->column, "  %s", partition->label);
	print_end(output);
}

static void inspection_place(struct output *output, const struct bs_partition *partition)
{
	char clusters[40] = "";

	if (partition->usage_known)
		snprintf(clusters, sizeof(clusters), ", clusters of %u bytes",
			 partition->cluster_size);
	print_item(output, ROLES_COLUMN, "type %02x, from byte %llu, %llu bytes%s", partition->type,
		   (unsigned long long)partition->start, (unsigned long long)partition->size,
		   clusters);
}

static void inspection_header(struct output *output, unsigned roles_width)
{
	print_style(output, STYLE_FAINT);
	print(output, " No");
	print_to(output, ROLES_COLUMN);
	print(output, "Roles");
	print_to(output, ROLES_COLUMN + roles_width);
	print(output, "  %-9s %8s %8s  Label", "Volume", "Size", "Free");
	print_style(output, STYLE_PLAIN);
	print_end(output);
}

static void inspection_partitions(struct output *output, const struct bs_inspection *inspection,
				  bool verbose)
{
	unsigned roles_width = inspection_widest_roles(inspection);
	bool narrow = output_is_narrow(output);

	if (inspection->partition_count == 0)
		return;
	print_end(output);
	if (!narrow) {
		drawing_print(output, inspection);
		print_end(output);
		inspection_header(output, roles_width);
	}
	for (uint32_t i = 0; i < inspection->partition_count; i++) {
		const struct bs_partition *partition = &inspection->partitions[i];

		inspection_roles(output, partition);
		if (narrow)
			inspection_narrow_partition(output, partition);
		else
			inspection_wide_partition(output, partition, roles_width);
		if (verbose)
			inspection_place(output, partition);
	}
}

/* ---- the boot chain ----------------------------------------------------------------------- */

static void inspection_mark(struct output *output, enum bs_link_state state)
{
	static const struct {
		enum output_style style;
		const char *unicode, *ascii;
	} marks[BS_LINK_STATE_COUNT] = {
		[BS_LINK_GOOD] = {STYLE_GOOD, "✓", "+"},
		[BS_LINK_BROKEN] = {STYLE_BAD, "✗", "X"},
		[BS_LINK_REPAIRED] = {STYLE_WARNING, "✗", "X"},
		[BS_LINK_UNKNOWN] = {STYLE_WARNING, "?", "?"},
	};

	print_style(output, marks[state].style);
	print_symbol(output, marks[state].unicode, marks[state].ascii);
	print_style(output, STYLE_PLAIN);
}

/* The verdict if the disk was started.  A start finds more than the links tell. */
static const char *inspection_started(const struct bs_start *start)
{
	return start->proven ? "the disk starts, as was proven by a start"
			     : "the disk does not start, as was seen in a start";
}

static const char *inspection_chain_verdict(const struct bs_inspection *inspection)
{
	const struct bs_link *active = &inspection->links[BS_LINK_ACTIVE];

	if (inspection->starts)
		return "complete, the disk should start";
	if (active->code == BS_SYSTEM_PARTITION && active->state == BS_LINK_UNKNOWN)
		return "not followed, because the chosen partition does not exist";
	if (active->code == BS_SYSTEM_PARTITION && inspection->system_index >= 0)
		return "that of the chosen partition, not of the active one";
	if (!inspection->starts_known)
		return "no link is broken, but not all could be checked";
	if (inspection->starts_after)
		return "broken, the disk would not start; a fix repairs it";
	return inspection->starts_after_known
		       ? "broken, the disk would not start"
		       : "broken, the disk would not start; a fix may repair it";
}

/* "no partition is active (no-active-partition); the fix repairs it" */
static void inspection_link(struct output *output, const struct bs_link *link)
{
	bool named = link->code != BS_OK;

	print(output, output_is_narrow(output) ? ": " : "");
	print_item(output, output_is_narrow(output) ? 3 * INDENT : DETAIL, "%s%s%s%s%s",
		   link->detail, named ? " (" : "", named ? bs_code_name(link->code) : "",
		   named ? ")" : "", link->state == BS_LINK_REPAIRED ? "; a fix repairs it" : "");
}

static void inspection_chain(struct output *output, const struct bs_inspection *inspection,
			     const struct bs_start *start)
{
	static const char *const names[BS_LINK_KIND_COUNT] = {
		[BS_LINK_MBR_CODE] = "MBR code",
		[BS_LINK_ACTIVE] = "active partition",
		[BS_LINK_BOOT_RECORD] = "boot record",
		[BS_LINK_BOOTMGR] = "bootmgr",
		[BS_LINK_BCD] = "\\Boot\\BCD",
		[BS_LINK_DEFAULT_ENTRY] = "default entry",
		[BS_LINK_BOOT_VOLUME] = "Windows partition",
		[BS_LINK_WINLOAD] = "Windows loader",
	};

	if (inspection->link_count == 0)
		return;
	inspection_title(output, "Boot chain");
	print(output, ": ");
	print_wrapped(output, 2 * INDENT, "%s",
		      start ? inspection_started(start) : inspection_chain_verdict(inspection));
	print_end(output);
	for (uint32_t i = 0; i < inspection->link_count; i++) {
		const struct bs_link *link = &inspection->links[i];

		print_to(output, 2 * INDENT);
		inspection_mark(output, link->state);
		print(output, " %s", names[link->kind]);
		inspection_link(output, link);
	}
}

static void inspection_start(struct output *output, const struct bs_start *start)
{
	if (!start)
		return;
	inspection_title(output, "Start in a virtual machine");
	print(output, ": ");
	print_wrapped(output, 2 * INDENT, "%s", start->evidence);
	print_end(output);
	report_start(output, start);
}

/* ---- the conversion ----------------------------------------------------------------------- */

static void inspection_before(struct output *output, const struct bs_inspection *inspection,
			      uint64_t room, const char *failure)
{
	bool known = inspection->room_before_known;
	bool enough = inspection->room_before >= room;
	struct amount_text needed = size_format(room);

	print_to(output, 2 * INDENT);
	print_style(output, !known ? STYLE_WARNING : enough ? STYLE_GOOD : STYLE_BAD);
	if (known)
		print_wrapped(output, 2 * INDENT,
			      "%s with %s: it needs %s on the active partition, which has %s free.",
			      enough ? "It should not fail" : "It would fail", failure, needed.text,
			      size_format(inspection->room_before).text);
	else
		print_wrapped(
			output, 2 * INDENT,
			"It needs %s on the active partition, where the free space is unknown.",
			needed.text);
	print_style(output, STYLE_PLAIN);
	print_end(output);
}

static void inspection_after(struct output *output, const struct bs_inspection *inspection,
			     uint64_t room)
{
	bool enough = inspection->room_after >= room;

	if (inspection->verdict != BS_VERDICT_FIXABLE || !inspection->room_after_known)
		return;
	print_to(output, 2 * INDENT);
	print_style(output, enough ? STYLE_GOOD : STYLE_BAD);
	print_wrapped(output, 2 * INDENT, "After a fix there would be %s free, which is %s.",
		      size_format(inspection->room_after).text,
		      enough ? "enough" : "still too little");
	print_style(output, STYLE_PLAIN);
	print_end(output);
}

/* The room that --need says is that of the conversion, unless it is for the upgrade alone. */
static void inspection_conversion(struct output *output, const struct bs_inspection *inspection)
{
	uint64_t room = inspection->needed_room == BS_UPGRADE_ROOM ? BS_DEFAULT_PE_SIZE
								   : inspection->needed_room;

	inspection_title(output, "Conversion by SCVMM");
	print_end(output);
	inspection_before(output, inspection, room, "error 3140");
	inspection_after(output, inspection, room);
	inspection_title(output, "Feature upgrade of Windows 10 or 11");
	print_end(output);
	inspection_before(output, inspection, BS_UPGRADE_ROOM,
			  "\"We couldn't update the system reserved partition\"");
	inspection_after(output, inspection, BS_UPGRADE_ROOM);
}

/* ---- findings and the next step ----------------------------------------------------------- */

static void inspection_findings(struct output *output, const struct advice_subject *subject)
{
	const struct bs_inspection *inspection = subject->inspection;

	if (inspection->finding_count == 0)
		return;
	inspection_title(output, "Findings");
	print_end(output);
	report_findings(output, subject, false);
}

static void inspection_fixable(struct output *output, const struct advice_subject *subject)
{
	const struct bs_inspection *inspection = subject->inspection;
	const struct bs_partition *partitions = inspection->partitions;

	print_fix_command(output, subject->image, subject->options, NULL);
	print(output, " ");
	if (inspection->rebuilds) {
		print_wrapped(output, INDENT,
			      "would make %s (%s) on partition %u anew, and make it "
			      "the active partition.",
			      count_format(inspection->boot_file_count, "file").text,
			      size_format(inspection->boot_file_bytes).text,
			      partitions[inspection->boot_index].number);
		return;
	}
	if (inspection->system_index == inspection->boot_index) {
		print_wrapped(output, INDENT, "would give the disk its signature %08x back.",
			      inspection->earlier_signature);
		return;
	}
	print_wrapped(output, INDENT, "would move %s (%s)",
		      count_format(inspection->boot_file_count, "file").text,
		      size_format(inspection->boot_file_bytes).text);
	if (inspection->system_index < 0 || inspection->boot_index < 0) {
		print(output, ".");
		return;
	}
	print(output, " ");
	print_wrapped(
		output, INDENT,
		"from partition %u to partition %u, and make partition %u the active partition.",
		partitions[inspection->system_index].number,
		partitions[inspection->boot_index].number,
		partitions[inspection->boot_index].number);
	if (inspection->earlier_signature == 0)
		return;
	print(output, " ");
	print_wrapped(output, INDENT, "It would also give the disk its signature %08x back.",
		      inspection->earlier_signature);
}

/* Whether a fix would change nothing that matters: the room is there, and the disk starts. */
static bool inspection_needs_nothing(const struct bs_inspection *inspection)
{
	bool repairs = inspection->starts_known && !inspection->starts && inspection->starts_after;

	return inspection->verdict == BS_VERDICT_FIXABLE && !repairs &&
	       conversion_need(inspection) == NEED_NOTHING;
}

/* The advice of the first finding that prevents a fix, or NULL.  The caller frees it. */
static char *inspection_first_advice(struct output *output, const struct advice_subject *subject)
{
	const struct bs_inspection *inspection = subject->inspection;

	for (uint32_t i = 0; i < inspection->finding_count; i++) {
		char *advice;

		if (finding_is_note(&inspection->findings[i]))
			continue;
		advice = advice_make(inspection->findings[i].code, subject);
		if (!advice)
			output->error = ENOMEM;
		return advice;
	}
	return NULL;
}

/* What follows from a refusal: the image has to change, or the command needs an option. */
static void inspection_unsuitable(struct output *output, const struct advice_subject *subject)
{
	char *advice = inspection_first_advice(output, subject);
	const char *command = advice ? advice_command(advice) : NULL;

	if (command && strncmp(command, "bootshift fix ", 14) == 0)
		print_wrapped(output, INDENT,
			      "the command above; without its option, bootshift fix would refuse "
			      "this image.");
	else if (command && strncmp(command, "bootshift ", 10) == 0)
		print_wrapped(output, INDENT,
			      "the command above; bootshift fix needs the same option, and would "
			      "refuse this image without it.");
	else if (advice && *advice != '\0')
		print_wrapped(output, INDENT,
			      "follow the advice above; until then, bootshift fix would refuse "
			      "this image.");
	else
		print_wrapped(output, INDENT,
			      "bootshift fix would refuse this image, for the reason above.");
	free(advice);
}

static void inspection_next(struct output *output, const struct advice_subject *subject)
{
	enum bs_verdict verdict = subject->inspection->verdict;

	if (inspection_needs_nothing(subject->inspection)) {
		print_end(output);
		print_style(output, STYLE_STRONG);
		print_item(output, INDENT, "Not needed for the %s; possible:",
			   need_noun(subject->inspection->needed_room));
		print_style(output, STYLE_PLAIN);
		print_to(output, INDENT);
	} else {
		inspection_title(output, "Next: ");
	}
	if (verdict == BS_VERDICT_FIXABLE)
		inspection_fixable(output, subject);
	else if (verdict == BS_VERDICT_NOTHING)
		print_wrapped(output, INDENT,
			      "nothing to do: the boot files are on the partition with Windows.");
	else
		inspection_unsuitable(output, subject);
	print_end(output);
}

void report_inspection(struct output *output, const char *image, const struct settings *settings,
		       const struct bs_result *result)
{
	const struct bs_inspection *inspection = result->inspection;
	const struct advice_subject subject = {
		.image = image, .options = &settings->options, .inspection = inspection};

	if (!inspection)
		return;
	inspection_heading(output, image, settings->verbose, inspection);
	report_parents(output, result);
	inspection_partitions(output, inspection, settings->verbose);
	inspection_chain(output, inspection, result->start);
	inspection_start(output, result->start);
	inspection_conversion(output, inspection);
	inspection_findings(output, &subject);
	/* If only the surroundings of the image prevent a fix, the error says what to do. */
	if (inspection->verdict != BS_VERDICT_FIXABLE || result->error.code == BS_OK)
		inspection_next(output, &subject);
	if (report_is_fixed(result))
		report_fixed(output, &subject, result);
	if (settings->changes && result->written)
		report_changes(output, result, settings->verbose);
}
