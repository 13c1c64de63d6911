/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/recheck.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "boot/bcd.h"
#include "disk/window.h"
#include "survey/reader.h"
#include "util/bytes.h"
#include "volume/scoped.h"
#include "windows/plan.h"
#include "windows/rebuild.h"
#include "windows/verify.h"

struct recheck {
	struct verification own;
	struct volume *source; /* NULL: the partition that the files came from is not readable */
	const struct survey *survey;
	const struct bs_options *options;
	struct differences *found;
	uint32_t missing;   /* number of planned files that are not there */
	bool by_plan_alone; /* told that at least one copy was compared only with the plan */
};

/* ---- the plan of an earlier fix ------------------------------------------------------------- */

bool recheck_plan_is_hashed(const struct bs_plan *plan)
{
	for (uint32_t i = 0; i < plan->file_count; i++)
		if (!all_zero(plan->files[i].sha256, sizeof(plan->files[i].sha256)))
			return true;
	return false;
}

/* The first finding that prevents a fix; NULL: there is none. */
static const struct bs_finding *recheck_refusal(const struct bs_inspection *report)
{
	for (uint32_t i = 0; i < report->finding_count; i++)
		if (bs_code_exit(report->findings[i].code) == BS_EXIT_REFUSED)
			return &report->findings[i];
	return NULL;
}

static int recheck_fail_comparison(const char *reason, struct bs_error *err)
{
	return fail(err, BS_NO_RECORD,
		    "the copies cannot be compared with the files that they were made from: %.360s",
		    reason);
}

static int recheck_fail_plan(const struct bs_inspection *report, struct bs_error *err)
{
	const struct bs_finding *refusal = recheck_refusal(report);

	return recheck_fail_comparison(
		refusal ? refusal->message
			: "the boot files are not on a partition of their own there",
		err);
}

/* Makes the plan of a fix that copies the boot files of options->system_partition. */
static int recheck_plan_from(const struct volume_engine *engine, const struct bs_options *options,
			     struct bs_plan **plan, struct bs_error *err)
{
	SCOPED struct survey *survey = calloc(1, sizeof(*survey));
	int result;

	if (!survey)
		return fail_memory(err);
	result = survey_take(engine, options, survey, err);
	if (result == 0 && survey->report.verdict != BS_VERDICT_FIXABLE)
		result = recheck_fail_plan(&survey->report, err);
	if (result == 0)
		result = plan_make(&survey->facts, plan, err);
	/* Whatever the signature was before that fix: this is the disk's signature now. */
	if (result == 0)
		(*plan)->restored_signature = 0;
	survey_free(survey);
	return result;
}

/*
 * Whether the boot files may be read where they came from.  Both engines use the same rule, so that
 * they find the same: FAT is read only if the user has chosen libguestfs.
 */
static bool recheck_may_read(const struct facts *facts, int32_t index,
			     const struct bs_options *options)
{
	return facts_is_readable(facts, index) &&
	       (facts->partitions[index].is.filesystem != BS_FS_FAT ||
		options->engine == BS_ENGINE_LIBGUESTFS);
}

/* Whether the boot files are with Windows.  The disk's signature may be wrong all the same. */
static bool recheck_is_moved(const struct survey *survey)
{
	const struct bs_inspection *report = &survey->report;

	return report->verdict != BS_VERDICT_UNSUITABLE &&
	       report->system_index == report->boot_index;
}

/* Whether the boot files may have come from a partition: it is none that starts Windows now. */
static bool recheck_is_candidate(const struct survey *survey, int32_t index,
				 const struct bs_options *options)
{
	const struct facts *facts = &survey->facts;

	return facts->partitions[index].is.number <= MBR_ENTRIES &&
	       recheck_may_read(facts, index, options) &&
	       (!recheck_is_moved(survey) || index != facts->boot_index);
}

/* Whether a plan leads to the partition that starts Windows now, if there is one. */
static bool recheck_leads_here(const struct survey *survey, const struct bs_plan *plan)
{
	const struct facts *facts = &survey->facts;

	return !recheck_is_moved(survey) ||
	       plan->boot_number == facts->partitions[facts->boot_index].is.number;
}

static bool recheck_has_boot_files(const struct survey *survey, uint32_t number)
{
	return survey->facts.partitions[facts_index(&survey->facts, number)].is.has_boot_files;
}

/*
 * Makes a plan of the boot files on a partition.  *plan stays NULL if there are none that fit.  If
 * boot files are there, *reason then says why there is no plan.
 */
static int recheck_try_partition(const struct volume_engine *engine, const struct survey *survey,
				 const struct bs_options *options, struct bs_plan **plan,
				 struct bs_error *reason, struct bs_error *err)
{
	if (recheck_plan_from(engine, options, plan, err) < 0) {
		if (err->code != BS_NO_RECORD)
			return -1;
		if (recheck_has_boot_files(survey, options->system_partition))
			*reason = *err;
		return 0;
	}
	if (!*plan || recheck_leads_here(survey, *plan))
		return 0;
	bs_plan_free(*plan);
	*plan = NULL;
	return 0;
}

/* The number of a FAT partition that was not read, but may have the boot files; 0: there is none. */
static uint32_t recheck_unread_fat(const struct facts *facts, const struct bs_options *options)
{
	for (uint32_t i = 0; i < facts->partition_count; i++)
		if (facts->partitions[i].is.filesystem == BS_FS_FAT &&
		    facts->partitions[i].is.number <= MBR_ENTRIES &&
		    options->engine != BS_ENGINE_LIBGUESTFS)
			return facts->partitions[i].is.number;
	return 0;
}

/* A partition with a file system that cannot be read may have the boot files; 0: there is none. */
static uint32_t recheck_unreadable(const struct facts *facts)
{
	for (uint32_t i = 0; i < facts->partition_count; i++) {
		const struct bs_partition *partition = &facts->partitions[i].is;

		if ((partition->filesystem == BS_FS_NTFS ||
		     partition->filesystem == BS_FS_BITLOCKER) &&
		    !facts_is_readable(facts, (int32_t)i))
			return partition->number;
	}
	return 0;
}

/* No partition gave a plan.  *reason is of one with boot files, if there is such a partition. */
static int recheck_fail_search(const struct survey *survey, const struct bs_options *options,
			       const struct bs_error *reason, struct bs_error *err)
{
	uint32_t unreadable = recheck_unreadable(&survey->facts);
	uint32_t fat = recheck_unread_fat(&survey->facts, options);
	char text[48];

	if (reason->code != BS_OK) {
		*err = *reason;
		return -1;
	}
	if (recheck_refusal(&survey->report))
		return recheck_fail_plan(&survey->report, err);
	if (fat != 0)
		return fail(err, BS_NO_RECORD,
			    "the boot files that the fix copied are not on an NTFS partition; "
			    "partition %u is FAT: use --engine libguestfs, or name the plan",
			    fat);
	if (unreadable == 0)
		return fail(err, BS_NO_RECORD,
			    "the boot files that the fix copied are not on the disk any more, or "
			    "the fix copied none");
	snprintf(text, sizeof(text), "partition %u cannot be read", unreadable);
	return recheck_fail_comparison(text, err);
}

/* Whether all new boot files are still as what Windows keeps of them. */
static int recheck_is_rebuilt(const struct volume_engine *engine, const struct bs_plan *plan,
			      const struct survey *survey, const struct bs_options *options,
			      bool *is_rebuilt, struct bs_error *err)
{
	struct differences found = {0};
	int result = recheck_run(engine, plan, survey, options, &found, err);

	*is_rebuilt = result == 0;
	for (size_t i = 0; i < found.count; i++)
		*is_rebuilt &= found.items[i].expected;
	differences_free(&found);
	return result < 0 && err->code != BS_NOT_FIXED ? -1 : 0;
}

static int recheck_try_rebuilt_plan(const struct volume_engine *engine, const struct survey *survey,
				    const struct bs_options *options, struct survey *again,
				    struct bs_plan **plan, struct bs_error *err)
{
	uint32_t boot = survey->facts.partitions[survey->facts.boot_index].is.number;
	bool is_rebuilt;

	if (survey_take_for_new_files(engine, boot, again, err) < 0)
		return -1;
	if (again->report.verdict != BS_VERDICT_FIXABLE)
		return 0;
	if (plan_make(&again->facts, plan, err) < 0 ||
	    recheck_is_rebuilt(engine, *plan, survey, options, &is_rebuilt, err) < 0)
		return -1;
	if (!is_rebuilt) {
		bs_plan_free(*plan);
		*plan = NULL;
	}
	return 0;
}

/*
 * Makes the plan of a fix that made the boot files anew, if there can have been such a fix: each
 * boot file is like what Windows keeps of it.  Otherwise *plan stays NULL, because nobody knows what
 * a file was copied from that is no longer there.
 */
static int recheck_find_rebuilt_plan(const struct volume_engine *engine,
				     const struct survey *survey, const struct bs_options *options,
				     struct bs_plan **plan, struct bs_error *err)
{
	SCOPED struct survey *again = NULL;
	int result;

	if (!recheck_is_moved(survey) || survey->facts.boot_index < 0)
		return 0;
	again = calloc(1, sizeof(*again));
	if (!again)
		return fail_memory(err);
	result = recheck_try_rebuilt_plan(engine, survey, options, again, plan, err);
	survey_free(again);
	return result;
}

/* Tries each partition.  Only one of them may have boot files that start the Windows elsewhere. */
static int recheck_find_plan(const struct volume_engine *engine, const struct survey *survey,
			     const struct bs_options *options, struct bs_plan **plan,
			     struct bs_error *err)
{
	struct bs_options chosen = *options;
	struct bs_error reason = {0};

	for (uint32_t i = 0; i < survey->facts.partition_count; i++) {
		struct bs_plan *another = NULL;

		if (!recheck_is_candidate(survey, (int32_t)i, options))
			continue;
		chosen.system_partition = survey->facts.partitions[i].is.number;
		if (recheck_try_partition(engine, survey, &chosen, &another, &reason, err) < 0)
			return -1;
		if (*plan && another) {
			bs_plan_free(another);
			return fail(err, BS_NO_RECORD,
				    "partitions %u and %u both have such boot files as the fix "
				    "copied: choose one with --system-partition",
				    (*plan)->system_number, chosen.system_partition);
		}
		if (another)
			*plan = another;
	}
	if (!*plan && recheck_find_rebuilt_plan(engine, survey, options, plan, err) < 0)
		return -1;
	return *plan ? 0 : recheck_fail_search(survey, options, &reason, err);
}

int recheck_make_plan(const struct volume_engine *engine, const struct survey *survey,
		      const struct bs_options *options, struct bs_plan **plan, struct bs_error *err)
{
	*plan = NULL;
	return options->system_partition != 0
		       ? recheck_plan_from(engine, options, plan, err)
		       : recheck_find_plan(engine, survey, options, plan, err);
}

/* Compares the plan with the disk before any of its offsets is used. */
static int recheck_compare_plan(const struct bs_plan *plan, const struct survey *survey,
				struct bs_error *err)
{
	const struct facts *facts = &survey->facts;
	int32_t boot = facts_index(facts, plan->boot_number);

	if (plan_signature_after(plan) != facts->found_signature)
		return fail(err, BS_PLAN_UNRELATED,
			    "the plan is for a disk with the signature %08x, and this disk has the "
			    "signature %08x",
			    plan_signature_after(plan), facts->found_signature);
	if (boot < 0 || facts->partitions[boot].is.start != plan->boot_start ||
	    facts->partitions[boot].is.size != plan->boot_size)
		return fail(err, BS_PLAN_UNRELATED,
			    "the plan is for a disk whose partition %u has %llu bytes at byte %llu",
			    plan->boot_number, (unsigned long long)plan->boot_size,
			    (unsigned long long)plan->boot_start);
	return 0;
}

/* Checks that the boot volume can be read.  If it cannot, the survey has found out why. */
static int recheck_check_readable(const struct bs_plan *plan, const struct survey *survey,
				  struct bs_error *err)
{
	const struct facts *facts = &survey->facts;
	const struct bs_finding *refusal = recheck_refusal(&survey->report);

	return !refusal || facts_is_readable(facts, facts_index(facts, plan->boot_number))
		       ? 0
		       : fail(err, refusal->code, "%s", refusal->message);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* The files that Windows writes when it starts. */
static bool recheck_is_volatile(const char *path)
{
	static const char *const paths[] = {BOOT_BCD_PATH, BOOT_BCD_PATH ".LOG",
					    BOOT_BCD_PATH ".LOG1", BOOT_BCD_PATH ".LOG2",
					    BOOT_FOLDER "\\BOOTSTAT.DAT"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcasecmp(path, paths[i]) == 0)
			return true;
	return false;
}

/* Whether Windows changes this aspect of the file, or nothing depends on it. */
static bool recheck_expects(const char *path, const char *aspect)
{
	bool written = strcmp(aspect, VERIFY_CONTENT) == 0 || strcmp(aspect, VERIFY_SIZE) == 0 ||
		       strcmp(aspect, VERIFY_ATTRIBUTES) == 0; /* a write sets the archive bit */

	return strcmp(aspect, VERIFY_TIMES) == 0 || (written && recheck_is_volatile(path));
}

static int recheck_note(struct recheck *recheck, const char *path, const char *aspect,
			struct bs_error *err)
{
	return differences_note(recheck->found, path, aspect, recheck_expects(path, aspect), err);
}

static int recheck_with_original(struct recheck *recheck, const struct tree_visit *original,
				 struct volume_file *copy, struct bs_error *err)
{
	for (const struct verify_aspect *aspect = verify_aspects; aspect->name; aspect++) {
		if (aspect->compare(&recheck->own, original, copy, err) == 0)
			continue;
		if (err->code != BS_VERIFY ||
		    recheck_note(recheck, original->path, aspect->name, err) < 0)
			return -1;
	}
	return 0;
}

/* What a plan does not have is told once, because a copy may differ there without being noticed. */
static int recheck_tell_unseen(struct recheck *recheck, struct bs_error *err)
{
	if (recheck->by_plan_alone)
		return 0;
	recheck->by_plan_alone = true;
	return differences_note(recheck->found, "",
				"security descriptors, names, named streams and extended "
				"attributes were not compared, because originals are gone or "
				"were changed",
				true, err);
}

/* Whether the original is still as the plan says.  A plan without hashes was made of it just now. */
static int recheck_is_as_planned(struct recheck *recheck, const struct bs_plan_file *planned,
				 struct volume_file *original,
				 const struct volume_metadata *metadata, bool *is_as_planned,
				 struct bs_error *err)
{
	*is_as_planned =
		metadata->is_folder == planned->is_folder &&
		((metadata->attributes ^ planned->attributes) & FILE_ATTRIBUTES_COPIED) == 0 &&
		(planned->is_folder || metadata->size == planned->size);
	if (!*is_as_planned || planned->is_folder || !recheck->own.hashed ||
	    verify_original(&recheck->own, original, err) == 0)
		return 0;
	*is_as_planned = false;
	return err->code == BS_VERIFY ? 0 : -1;
}

/* The original is gone, or was changed: only the plan says how the copy was made. */
static int recheck_with_plan(struct recheck *recheck, const struct bs_plan_file *planned,
			     struct volume_file *copy, struct bs_error *err)
{
	const struct volume_metadata *copied = &recheck->own.copied;
	uint32_t attributes = planned->attributes & FILE_ATTRIBUTES_COPIED;

	attributes |= plan_added_attributes(recheck->own.plan, planned->path);
	if (!verify_is_new_store(recheck->own.plan, planned->path) &&
	    recheck_tell_unseen(recheck, err) < 0)
		return -1;
	if ((copied->is_folder != planned->is_folder ||
	     (copied->attributes & FILE_ATTRIBUTES_COPIED) != attributes ||
	     (copied->attributes & VERIFY_UNBOOTABLE) != 0) &&
	    recheck_note(recheck, planned->path, VERIFY_ATTRIBUTES, err) < 0)
		return -1;
	if (planned->is_folder || copied->is_folder || !recheck->own.hashed)
		return 0;
	if (copied->size != planned->size) {
		if (recheck_note(recheck, planned->path, VERIFY_SIZE, err) < 0)
			return -1;
	} else if (verify_hash(&recheck->own, copy, err) == 0) {
		return 0;
	} else if (err->code != BS_VERIFY) {
		return -1;
	}
	return recheck_note(recheck, planned->path, VERIFY_CONTENT, err);
}

/* A copy, and whether it was compared with its original. */
struct recheck_original {
	struct recheck *recheck;
	const struct bs_plan_file *planned;
	struct volume_file *copy;
	bool was_compared;
};

static int recheck_visited_original(void *context, const struct tree_visit *visit,
				    struct bs_error *err)
{
	struct recheck_original *original = context;
	struct recheck *recheck = original->recheck;

	if (recheck_is_as_planned(recheck, original->planned, visit->file, visit->metadata,
				  &original->was_compared, err) < 0)
		return -1;
	return original->was_compared ? recheck_with_original(recheck, visit, original->copy, err)
				      : 0;
}

/* Visits the original of a copy, if it is still there.  A new BCD has none. */
static int recheck_visit_original(struct recheck *recheck, const char *path,
				  struct recheck_original *original, struct bs_error *err)
{
	struct volume_metadata metadata;
	struct tree_visit visit = {.path = path, .metadata = &metadata};
	SCOPED_FILE *file = NULL;

	if (verify_is_new_store(recheck->own.plan, path))
		return 0;
	if (plan_rebuilds(recheck->own.plan)) {
		if (rebuild_visit(recheck->own.target, path, recheck_visited_original, original,
				  err) == 0 ||
		    err->code == BS_CHANGED_MEANWHILE)
			return 0;
		return -1;
	}
	if (recheck->source && volume_open_file(recheck->source, path, &file, err) < 0)
		return -1;
	if (!file)
		return 0;
	visit.file = file;
	if (volume_stat(file, &metadata, err) < 0)
		return -1;
	return recheck_visited_original(original, &visit, err);
}

static int recheck_file(struct recheck *recheck, const struct bs_plan_file *planned,
			struct bs_error *err)
{
	SCOPED_FILE *copy = NULL;
	struct recheck_original original = {.recheck = recheck, .planned = planned};

	if (volume_open_file(recheck->own.target, planned->path, &copy, err) < 0)
		return -1;
	if (!copy) {
		recheck->missing++;
		return recheck_note(recheck, planned->path, "missing", err);
	}
	original.copy = copy;
	if (volume_stat(copy, &recheck->own.copied, err) < 0 ||
	    recheck_visit_original(recheck, planned->path, &original, err) < 0)
		return -1;
	return original.was_compared ? 0 : recheck_with_plan(recheck, planned, copy, err);
}

static bool recheck_is_planned(const struct bs_plan *plan, const char *path)
{
	for (uint32_t i = 0; i < plan->file_count; i++)
		if (strcasecmp(plan->files[i].path, path) == 0)
			return true;
	return false;
}

/* A file that came later harms nothing, but somebody may want to know of it. */
static int recheck_visited(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	struct recheck *recheck = context;

	return recheck_is_planned(recheck->own.plan, visit->path)
		       ? 0
		       : differences_note(recheck->found, visit->path, "new", true, err);
}

static int recheck_new_files(struct recheck *recheck, struct bs_error *err)
{
	const struct bs_plan *plan = recheck->own.plan;
	bool ignored;

	for (uint32_t i = 0; i < plan->operation_count; i++)
		if (plan->operations[i].kind == BS_OPERATION_COPY &&
		    tree_walk(recheck->own.target, plan->operations[i].path, recheck_visited,
			      recheck, &ignored, err) < 0)
			return -1;
	return 0;
}

static int recheck_files(struct recheck *recheck, struct bs_error *err)
{
	const struct bs_plan *plan = recheck->own.plan;

	for (uint32_t i = 0; i < plan->file_count; i++) {
		recheck->own.cursor = i;
		if (recheck_file(recheck, &plan->files[i], err) < 0)
			return -1;
	}
	if (recheck->missing == plan->file_count)
		return fail(err, BS_NOT_FIXED, "none of the boot files is on partition %u",
			    plan->boot_number);
	return recheck_new_files(recheck, err);
}

/* ---- the boot configuration ----------------------------------------------------------------- */

/* What is wrong with an element; NULL: nothing is.  Sets whether the element harms nothing. */
static const char *recheck_judge_device(const struct bs_plan *plan, const struct bcd *bcd,
					const struct bcd_element *element, bool *is_harmless)
{
	struct bcd_device device;

	*is_harmless = false;
	if (!element)
		return "is gone";
	bcd_device(bcd, element, &device);
	if (device.kind == BCD_DEVICE_PARTITION)
		return device.partition_offset == plan->boot_start ? NULL
								   : "names another partition";
	*is_harmless = device.kind == BCD_DEVICE_BOOT || device.kind == BCD_DEVICE_LOCATE;
	return device.kind == BCD_DEVICE_BOOT     ? "names the partition of bootmgr"
	       : device.kind == BCD_DEVICE_LOCATE ? "leaves bootmgr to search for the partition"
						  : "names no partition";
}

static int recheck_element(struct recheck *recheck, const struct bcd *bcd,
			   const struct bs_plan_element *planned, struct bs_error *err)
{
	bool is_harmless;
	const char *wrong = recheck_judge_device(recheck->own.plan, bcd,
						 bcd_find(bcd, planned->object, planned->element),
						 &is_harmless);
	char what[160];

	if (!wrong)
		return 0;
	snprintf(what, sizeof(what), "element %08x of %s %s", planned->element, planned->object,
		 wrong);
	return differences_note(recheck->found, BOOT_BCD_PATH, what, is_harmless, err);
}

/* Finds retargeted elements that do not name the partition.  The survey reports a damaged store. */
static int recheck_elements(struct recheck *recheck, struct bs_error *err)
{
	const struct bs_plan *plan = recheck->own.plan;
	SCOPED uint8_t *bytes = NULL;
	struct bcd bcd = {0};
	size_t size;
	int result =
		tree_read(recheck->own.target, BOOT_BCD_PATH, BCD_SIZE_MAX, &bytes, &size, err);

	if (result == 0 && bytes)
		result = bcd_parse(bytes, size, &bcd, err);
	/* The survey checks the entry of a new store that starts Windows. */
	for (uint32_t i = 0;
	     result == 0 && bytes && !plan_rebuilds(plan) && i < plan->element_count; i++)
		result = recheck_element(recheck, &bcd, &plan->elements[i], err);
	bcd_free(&bcd);
	return result < 0 && (err->code == BS_BCD_DAMAGED || err->code == BS_BOOT_FILE_UNSUPPORTED)
		       ? 0
		       : result;
}

/* ---- what starts the disk ------------------------------------------------------------------- */

static int recheck_active(struct recheck *recheck, struct bs_error *err)
{
	const struct facts *facts = &recheck->survey->facts;
	uint32_t boot = recheck->own.plan->boot_number;

	for (uint32_t i = 0; i < facts->partition_count; i++) {
		const struct bs_partition *partition = &facts->partitions[i].is;
		char what[80];

		if (partition->active == (partition->number == boot))
			continue;
		snprintf(what, sizeof(what), "partition %u is %s", partition->number,
			 partition->active ? "active" : "not active");
		if (differences_note(recheck->found, "", what, false, err) < 0)
			return -1;
	}
	return 0;
}

static int recheck_boot_record(struct recheck *recheck, struct disk *window, struct bs_error *err)
{
	if (verify_boot_record(window, recheck->own.plan, err) == 0)
		return 0;
	return err->code == BS_VERIFY
		       ? differences_note(recheck->found, "", err->message, false, err)
		       : -1;
}

int recheck_chain(const struct bs_inspection *report, struct differences *found,
		  struct bs_error *err)
{
	char what[sizeof(((struct bs_difference *)NULL)->what)];

	for (uint32_t i = 0; i < report->link_count; i++) {
		const struct bs_link *link = &report->links[i];

		if (link->state != BS_LINK_BROKEN && link->state != BS_LINK_REPAIRED)
			continue;
		snprintf(what, sizeof(what), "the disk would not start: %s: %.200s",
			 verify_link_label(link->kind), link->detail);
		if (differences_note(found, "", what, false, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* Opens the partition that the boot files came from.  It may be gone, or hold something else. */
static int recheck_open_source(struct recheck *recheck, const struct volume_engine *engine,
			       struct bs_error *err)
{
	const struct bs_plan *plan = recheck->own.plan;
	const struct facts *facts = &recheck->survey->facts;
	int32_t index = facts_index(facts, plan->system_number);

	if (plan_rebuilds(plan) || index < 0 || !recheck_may_read(facts, index, recheck->options) ||
	    facts->partitions[index].is.start != plan->system_start ||
	    facts->partitions[index].is.size != plan->system_size)
		return 0;
	return volume_open(engine, plan->system_start, plan->system_size, VOLUME_READ,
			   &recheck->source, err);
}

static int recheck_volumes(struct recheck *recheck, struct disk *window, struct bs_error *err)
{
	if (!plan_moves_files(recheck->own.plan))
		return recheck_chain(&recheck->survey->report, recheck->found, err);
	if (recheck_active(recheck, err) < 0 || recheck_boot_record(recheck, window, err) < 0 ||
	    recheck_chain(&recheck->survey->report, recheck->found, err) < 0 ||
	    recheck_files(recheck, err) < 0)
		return -1;
	return recheck_elements(recheck, err);
}

int recheck_run(const struct volume_engine *engine, const struct bs_plan *plan,
		const struct survey *survey, const struct bs_options *options,
		struct differences *found, struct bs_error *err)
{
	struct recheck recheck = {.survey = survey, .options = options, .found = found};
	SCOPED_DISK *window = NULL;
	int result;

	if (recheck_compare_plan(plan, survey, err) < 0 ||
	    recheck_check_readable(plan, survey, err) < 0)
		return -1;
	window = window_open(engine->disk, plan->boot_start, plan->boot_size, err);
	if (!window)
		return -1;
	result = verify_begin(&recheck.own, engine, plan, err);
	recheck.own.hashed = recheck_plan_is_hashed(plan);
	if (result == 0)
		result = recheck_open_source(&recheck, engine, err);
	if (result == 0)
		result = recheck_volumes(&recheck, window, err);
	volume_done(recheck.source);
	verify_end(&recheck.own);
	return result;
}
