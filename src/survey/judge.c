/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "survey/judge.h"

#include <stdio.h>
#include <string.h>

#include "survey/rules.h"
#include "util/size.h"

/* ---- findings and links -------------------------------------------------------------------- */

static bool judge_code_refuses(enum bs_code code)
{
	return bs_code_exit(code) == BS_EXIT_REFUSED;
}

/* The place for a new finding.  In a full report, a refusal replaces the last note; else NULL. */
static struct bs_finding *judge_finding_place(struct bs_inspection *report, enum bs_code code)
{
	if (report->finding_count < BS_FINDINGS_MAX)
		return &report->findings[report->finding_count++];
	for (uint32_t i = BS_FINDINGS_MAX; i > 0 && judge_code_refuses(code); i--)
		if (!judge_code_refuses(report->findings[i - 1].code))
			return &report->findings[i - 1];
	return NULL;
}

static void judge_add_finding(struct bs_inspection *report, enum bs_code code, const char *message)
{
	struct bs_finding *finding = judge_finding_place(report, code);

	if (!finding)
		return;
	finding->code = code;
	memcpy(finding->message, message, sizeof(finding->message));
}

/*
 * Whether new boot files cure what a rule refuses, or will do so when the user has chosen a Windows.  The links of the boot chain still tell how the old
 * files are.
 */
static bool judge_is_cured(const struct facts *facts, enum bs_code code)
{
	return (facts->rebuilds || facts_lack_windows(facts)) && bs_code_is_cured(code);
}

static void judge_set_link(struct bs_link *link, const struct rule *rule, const char *detail)
{
	link->state = rule->state;
	link->code = rule->code;
	memcpy(link->detail, detail, sizeof(link->detail));
}

/* The first rule that applies sets a link.  *set has one bit for each link that was set. */
static void judge_apply_rule(const struct facts *facts, const struct rule *rule, uint32_t subject,
			     uint32_t *set, struct bs_inspection *report)
{
	struct ruling ruling = {"", ""};

	if (!rule->test(facts, subject, &ruling))
		return;
	if (ruling.finding[0] != '\0' && !judge_is_cured(facts, rule->code))
		judge_add_finding(report, rule->code, ruling.finding);
	if (ruling.link[0] != '\0' && !(*set & 1u << rule->link)) {
		*set |= 1u << rule->link;
		judge_set_link(&report->links[rule->link], rule, ruling.link);
	}
}

/* Consecutive rules with the same kind of subject are all tried on one subject, then the next. */
static void judge_apply_rules(const struct facts *facts, struct bs_inspection *report)
{
	size_t count, end;
	const struct rule *rules = rules_all(&count);
	uint32_t set = 0;

	for (size_t first = 0; first < count; first = end) {
		uint32_t subjects = rules_count_subjects(facts, rules[first].subject);

		for (end = first; end < count && rules[end].subject == rules[first].subject; end++)
			;
		for (uint32_t i = 0; i < subjects; i++)
			for (size_t j = first; j < end; j++)
				judge_apply_rule(facts, &rules[j], i, &set, report);
	}
}

/* ---- the verdict --------------------------------------------------------------------------- */

static bool judge_has_refusal(const struct bs_inspection *report)
{
	for (uint32_t i = 0; i < report->finding_count; i++)
		if (judge_code_refuses(report->findings[i].code))
			return true;
	return false;
}

/* Whether every link is good.  *known is false if no link is broken, but a link is unknown. */
static bool judge_chain_is_good(const struct bs_inspection *report, bool after, bool *known)
{
	bool broken = false, unknown = false;

	for (uint32_t i = 0; i < report->link_count; i++) {
		enum bs_link_state state = report->links[i].state;

		broken |= state == BS_LINK_BROKEN || (state == BS_LINK_REPAIRED && !after);
		unknown |= state == BS_LINK_UNKNOWN;
	}
	*known = broken || !unknown;
	return !broken && !unknown;
}

/*
 * Marks the links that a fix repairs.  After new boot files were made, all links but the
 * MBR's code are good.  After a fix that moves boot files exactly one partition is
 * active, and its boot record starts bootmgr.  After a fix that gives the disk its signature back,
 * bootmgr finds Windows.  A disk where this is impossible is refused.
 */
static void judge_mark_repaired(struct bs_inspection *report)
{
	static const enum bs_link_kind repaired[] = {BS_LINK_ACTIVE, BS_LINK_BOOT_RECORD};
	bool apart = report->system_index != report->boot_index;

	for (size_t i = 0; report->rebuilds && i < report->link_count; i++)
		if (i != BS_LINK_MBR_CODE && report->links[i].state != BS_LINK_GOOD)
			report->links[i].state = BS_LINK_REPAIRED;
	for (size_t i = 0; apart && i < sizeof(repaired) / sizeof(repaired[0]); i++)
		if (report->links[repaired[i]].state == BS_LINK_BROKEN)
			report->links[repaired[i]].state = BS_LINK_REPAIRED;
	if (report->links[BS_LINK_BOOT_VOLUME].code == BS_SIGNATURE_CHANGED)
		report->links[BS_LINK_BOOT_VOLUME].state = BS_LINK_REPAIRED;
}

static bool judge_follows_choice(const struct bs_inspection *report)
{
	return report->links[BS_LINK_ACTIVE].code == BS_SYSTEM_PARTITION &&
	       report->system_index >= 0;
}

/*
 * Leaves a disk alone that needs no fix, if the user wants that.  A fix that repairs the disk's start
 * or the signature is needed.
 */
static void judge_leave_alone(const struct facts *facts, struct bs_inspection *report)
{
	char message[sizeof(report->findings[0].message)];

	if (!facts->only_needed || report->verdict != BS_VERDICT_FIXABLE ||
	    facts_restores_signature(facts) || !report->room_before_known ||
	    report->room_before < report->needed_room || (report->starts_known && !report->starts))
		return;
	snprintf(message, sizeof(message),
		 "the disk is left alone: %s are free on the active partition, and %s are needed",
		 size_format(report->room_before).text, size_format(report->needed_room).text);
	judge_add_finding(report, BS_NOTE_NOT_NEEDED, message);
	report->verdict = BS_VERDICT_NOTHING;
	report->starts_after = report->starts;
	report->starts_after_known = report->starts_known;
}

static void judge_give_verdict(const struct facts *facts, struct bs_inspection *report)
{
	if (judge_has_refusal(report))
		report->verdict = BS_VERDICT_UNSUITABLE;
	else if (report->system_index == report->boot_index && !facts_restores_signature(facts) &&
		 !facts->rebuilds)
		report->verdict = BS_VERDICT_NOTHING;
	else
		report->verdict = BS_VERDICT_FIXABLE;
	if (report->verdict == BS_VERDICT_FIXABLE)
		judge_mark_repaired(report);
	report->starts = judge_chain_is_good(report, false, &report->starts_known);
	if (judge_follows_choice(report))
		report->starts_known = false; /* the chain is not that of the active partition */
	report->starts_after = judge_chain_is_good(report, true, &report->starts_after_known);
	judge_leave_alone(facts, report);
}

/* ---- the rest of the report ---------------------------------------------------------------- */

/* Room on the active partition before and after a fix.  Several or none active: system volume. */
static void judge_tell_room(const struct facts *facts, struct bs_inspection *report)
{
	const struct bs_partition *boot;
	struct fact_room room = facts_room(facts);
	int32_t active = facts->active_count == 1 ? facts->active_index : facts->system_index;

	if (active >= 0) {
		report->room_before_known = report->partitions[active].usage_known;
		report->room_before = report->partitions[active].free;
	}
	if (facts->boot_index < 0 || (facts->system_index < 0 && !facts->rebuilds))
		return;
	boot = &report->partitions[facts->boot_index];
	report->room_after_known = boot->usage_known;
	report->room_after = room.is_known ? room.after : boot->free;
}

/* The number of the only partition with boot files, or 0. */
static uint32_t judge_advise_system(const struct facts *facts)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < facts->partition_count; i++) {
		if (!facts->partitions[i].is.has_boot_files)
			continue;
		if (number != 0)
			return 0;
		number = facts->partitions[i].is.number;
	}
	return number;
}

/* Sets the fields that the advice needs if Windows was not found. */
static void judge_advise_boot(const struct facts *facts, struct bs_inspection *report)
{
	bool unresolved = facts_is_lost(facts);
	bool wrong_choice = facts->wanted_boot != 0 &&
			    (facts->boot_index < 0 || facts->boot_index != facts->starts.index);
	int32_t index = facts->windows_index;

	if (facts_restores_signature(facts))
		report->earlier_signature = facts->disk_signature;
	else if (facts_signature_changed(facts, &facts->starts))
		report->earlier_signature = facts->starts.device.disk_signature;
	if (wrong_choice && !unresolved)
		index = facts->starts.index;
	else if (!wrong_choice && (!unresolved || facts_testimony(facts) != TESTIMONY_NONE ||
				   facts_is_on_other_disk(facts)))
		return;
	report->advised_partition = index >= 0 ? facts->partitions[index].is.number : 0;
	report->no_windows = unresolved && facts->windows_count == 0;
}

static void judge_tell_found(const struct facts *facts, struct bs_inspection *report)
{
	report->disk_signature = facts->found_signature;
	report->partition_count = facts->partition_count;
	for (uint32_t i = 0; i < facts->partition_count; i++) {
		report->partitions[i] = facts->partitions[i].is;
		report->partitions[i].is_system = (int32_t)i == facts->system_index;
		report->partitions[i].is_boot = (int32_t)i == facts->boot_index;
	}
	report->system_index = facts->system_index;
	report->boot_index = facts->boot_index;
	report->rebuilds = facts->rebuilds;
	report->can_rebuild = !facts->rebuilds && facts_can_rebuild(facts);
	for (uint32_t i = 0; i < facts->files.count; i++) {
		if (facts->files.items[i].file.is_folder)
			continue;
		report->boot_file_count++;
		report->boot_file_bytes += facts->files.items[i].file.size;
	}
	memcpy(report->loader_path, facts->loader_path, sizeof(report->loader_path));
	memcpy(report->windows_name, facts->windows_name, sizeof(report->windows_name));
	memcpy(report->windows_build, facts->windows_build, sizeof(report->windows_build));
}

void judge_begin(struct bs_inspection *report, uint64_t disk_size, const struct bs_options *options)
{
	*report = (struct bs_inspection){
		.disk_size = disk_size,
		.system_index = -1,
		.boot_index = -1,
		.needed_room =
			options->needed_room != 0 ? options->needed_room : BS_DEFAULT_PE_SIZE,
		.link_count = BS_LINK_KIND_COUNT,
	};
	for (uint32_t i = 0; i < BS_LINK_KIND_COUNT; i++)
		report->links[i] = (struct bs_link){
			.kind = (enum bs_link_kind)i,
			.state = BS_LINK_UNKNOWN,
			.detail = "not reached",
		};
}

void judge_facts(const struct facts *facts, struct bs_inspection *report)
{
	const struct bs_options options = {.needed_room = facts->needed_room};

	judge_begin(report, facts->disk_size, &options);
	judge_tell_found(facts, report);
	report->advised_partition = facts->system_index < 0 ? judge_advise_system(facts) : 0;
	if (facts->bcd == BCD_GOOD && facts->first.has_device)
		judge_advise_boot(facts, report);
	if (facts->rebuilds)
		report->advised_partition = facts->partitions[facts->boot_index].is.number;
	judge_tell_room(facts, report);
	judge_apply_rules(facts, report);
	judge_give_verdict(facts, report);
}
