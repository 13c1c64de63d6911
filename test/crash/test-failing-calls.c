/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each call of a fix, an undo and a recovery fails in turn: those that change something, those that
 * read, and the allocations; once, or from then on.  A command that reports success has succeeded; a
 * command that reports a failure has left the image as it was, or says that a recovery is needed;
 * and the code names the cause.
 */
#include <errno.h>

#include "crash/explore.h"
#include "crash/faults.h"
#include "crash/real.h"
#include "crash/small.h"
#include "support/test.h"

/* Everything about a run of a command in which something failed. */
struct failure {
	const struct subject *subject;
	const struct recording *recording; /* what the action touches; NULL: compare everything */
	enum action action;
	const char *what; /* failed, for people */
	int number, error;
	bool and_later;
	int result; /* of the command */
	struct bs_error err;
};

/* The codes that name the cause of an error number. */
static bool names_cause(enum bs_code code, int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return code == BS_NO_SPACE;
	case ENOMEM:
		return code == BS_NO_MEMORY;
	default:
		return code == BS_IO;
	}
}

static void check_code(const struct failure *failure)
{
	enum bs_code code = failure->err.code;

	if (bs_code_exit(code) == BS_EXIT_RECOVERY)
		return; /* the message has the cause */
	ck_assert_msg(names_cause(code, failure->error), "%s of %s, %s %d fails with %d: %s (%s)",
		      action_title(failure->action), failure->subject->name, failure->what,
		      failure->number, failure->error, bs_code_name(code), failure->err.message);
}

/* The image is as the report says.  Afterwards commands make it old. */
static void check_failure(const struct failure *failure)
{
	const char *problem;

	if (failure->result < 0) {
		check_code(failure);
		if (bs_code_exit(failure->err.code) != BS_EXIT_RECOVERY) {
			problem = subject_find_changed(failure->subject, failure->action,
						       failure->recording);
			ck_assert_msg(!problem, "%s of %s, %s %d fails with %d, %s: %s",
				      action_title(failure->action), failure->subject->name,
				      failure->what, failure->number, failure->error,
				      bs_code_name(failure->err.code), problem);
		}
	}
	problem = subject_judge(failure->subject, failure->action, failure->result == 0,
				failure->recording);
	ck_assert_msg(!problem, "%s of %s, %s %d fails with %d: %s", action_title(failure->action),
		      failure->subject->name, failure->what, failure->number, failure->error,
		      problem);
}

static bool open_subject(struct subject *subject, enum small_kind kind)
{
	bool is_open = small_open(subject, kind);

	subject->hint_may_stay = true;
	return is_open;
}

/* ---- calls that change something -------------------------------------------------------------- */

/* False: the command has fewer calls. */
static bool fail_change(struct failure *failure, enum trouble trouble)
{
	const struct recorder_trouble chosen = {trouble, failure->number, failure->error};
	bool troubled;

	failure->what = "change";
	subject_prepare(failure->subject, failure->action);
	recorder_start(failure->subject->folder, failure->subject->image, &chosen);
	failure->result = subject_run(failure->subject, failure->action, &failure->err);
	storage_free(recorder_stop());
	troubled = recorder_was_troubled();
	if (failure->result == 0)
		subject_note_new(failure->subject, failure->action);
	check_failure(failure);
	return troubled;
}

static void fail_each_change(const struct subject *subject, enum action action)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT, EINTR};
	static const enum trouble troubles[] = {TROUBLE_FAIL_ONCE, TROUBLE_FAIL_FROM};

	for (int way = 0; way < 8; way++) {
		struct failure failure = {
			.subject = subject, .action = action, .error = errors[way / 2]};

		if (errors[way / 2] == EINTR && troubles[way % 2] == TROUBLE_FAIL_FROM)
			continue; /* a write is repeated as long as signals interrupt it */
		for (bool more = true; more; failure.number++)
			more = fail_change(&failure, troubles[way % 2]);
	}
}

TEST_CASE(changes, "failing changes");

TEST_LOOP(changes, a_failing_change_leaves_old_or_new_and_its_code_names_the_cause, 0, ACTIONS)
{
	struct subject subject;

	if (!open_subject(&subject, (enum small_kind)(_i / ACTIONS)))
		return;
	fail_each_change(&subject, (enum action)(_i % ACTIONS));
	small_close(&subject);
}

TEST_LOOP(changes, a_storage_that_dies_at_any_change_leaves_old_or_new, 0, ACTIONS)
{
	struct failure failure = {.action = (enum action)(_i % ACTIONS), .error = EIO};
	struct subject subject;

	if (!open_subject(&subject, (enum small_kind)(_i / ACTIONS)))
		return;
	failure.subject = &subject;
	for (bool more = true; more; failure.number++)
		more = fail_change(&failure, TROUBLE_DIES);
	small_close(&subject);
}

TEST_LOOP(changes, a_short_or_interrupted_write_is_continued, 0, ACTIONS)
{
	static const enum trouble troubles[] = {TROUBLE_SHORT, TROUBLE_INTERRUPT};
	struct subject subject;

	if (!open_subject(&subject, (enum small_kind)(_i / ACTIONS)))
		return;
	for (int way = 0; way < 2; way++) {
		struct failure failure = {
			.subject = &subject, .action = (enum action)(_i % ACTIONS), .error = EINTR};

		for (bool more = true; more; failure.number++) {
			more = fail_change(&failure, troubles[way]);
			ck_assert_msg(failure.result == 0, "change %d: %s", failure.number,
				      failure.err.message);
		}
	}
	small_close(&subject);
}

TEST_CASE(all_changes, "failing changes of all images", .tags = "crash");
TEST_ALSO(all_changes, a_failing_change_leaves_old_or_new_and_its_code_names_the_cause, ACTIONS,
	  SMALL_TESTS(SMALL_KINDS));
TEST_ALSO(all_changes, a_storage_that_dies_at_any_change_leaves_old_or_new, ACTIONS,
	  SMALL_TESTS(SMALL_KINDS));
TEST_ALSO(all_changes, a_short_or_interrupted_write_is_continued, ACTIONS,
	  SMALL_TESTS(SMALL_KINDS));

/* ---- reading calls and allocations ------------------------------------------------------------ */

static bool fail_other(struct failure *failure, const struct fault *fault)
{
	bool occurred;

	failure->what = fault->kind == FAULT_READ ? "reading call" : "allocation";
	subject_prepare(failure->subject, failure->action);
	faults_begin(fault);
	failure->result = subject_run(failure->subject, failure->action, &failure->err);
	faults_end();
	occurred = faults_occurred();
	if (failure->result == 0)
		subject_note_new(failure->subject, failure->action);
	check_failure(failure);
	return occurred;
}

/* From 0 to ACTIONS: each call fails once; from ACTIONS on: all later calls fail as well. */
static void fail_each_other(enum fault_kind kind, int way)
{
	struct failure failure = {.action = (enum action)(way % ACTIONS),
				  .error = kind == FAULT_READ ? EIO : ENOMEM};
	struct fault fault = {.kind = kind, .and_later = way >= ACTIONS, .error = EIO};
	struct subject subject;

	ck_assert(open_subject(&subject, SMALL_GROWS));
	failure.subject = &subject;
	for (bool more = true; more; failure.number++) {
		fault.number = failure.number;
		more = fail_other(&failure, &fault);
	}
	small_close(&subject);
}

TEST_CASE(others, "failing reads and allocations");

TEST_LOOP(others, a_failing_read_leaves_old_or_new_and_its_code_names_the_cause, 0, ACTIONS)
{
	fail_each_other(FAULT_READ, _i);
}

TEST_LOOP(others, a_failing_allocation_leaves_old_or_new_and_its_code_names_the_cause, 0,
	  2 * ACTIONS)
{
	fail_each_other(FAULT_ALLOCATION, _i);
}

TEST_CASE(all_others, "reads that fail for good", .tags = "crash");
TEST_ALSO(all_others, a_failing_read_leaves_old_or_new_and_its_code_names_the_cause, ACTIONS,
	  2 * ACTIONS);

/* ---- the same for a fix of a real image, in the parent and in the worker ------------------------ */

/*
 * There are too many calls to fail each of them: the numbers of those that fail grow by a factor, in
 * percent.
 */
static void fail_real(struct failure *failure, struct fault fault, unsigned factor)
{
	fault.error = failure->error = fault.kind == FAULT_READ ? EIO : ENOMEM;
	for (unsigned number = 0;; number = number * factor / 100 + 1) {
		failure->number = fault.number = (int)number;
		if (!fail_other(failure, &fault))
			return;
	}
}

static void fail_real_ways(unsigned factor, int ways)
{
	struct failure failure = {.action = ACTION_FIX};
	struct recording *recording;
	struct subject subject;

	ck_assert(real_open(&subject, REAL_RAW));
	subject.hint_may_stay = true;
	recording = explore_record(&subject, ACTION_FIX, NULL);
	failure.subject = &subject;
	failure.recording = recording;
	for (int way = 0; way < ways; way++)
		fail_real(&failure,
			  (struct fault){.kind = (enum fault_kind)(way % 2),
					 .in_worker = way / 2 % 2,
					 .and_later = way / 4},
			  factor);
	storage_free(recording);
	real_close(&subject);
}

TEST_CASE(real, "failing reads and allocations of a real fix");

TEST(real, a_real_fix_with_a_failing_call_is_wholly_done_or_not_at_all)
{
	fail_real_ways(3000, 4);
}

TEST_CASE(all_real, "many failing reads and allocations of a real fix", .tags = "crash");

TEST(all_real, a_real_fix_with_any_failing_call_is_wholly_done_or_not_at_all)
{
	fail_real_ways(120, 8);
}
