/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each call of a fix, an undo and a recovery fails in turn: those that change something, those that
 * read, those with which the parent and the worker talk, and the allocations; once, or from then on.  A command that reports success has succeeded; a
 * command that reports a failure has left the image as it was, or says that a recovery is needed;
 * and the code names the cause.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crash/explore.h"
#include "crash/faults.h"
#include "crash/real.h"
#include "crash/small.h"
#include "support/test.h"
#include "worker/remote-wire.h"

/* Everything about a run of a command in which something failed. */
struct failure {
	const struct subject *subject;
	const struct recording *recording; /* what the action touches; NULL: compare everything */
	enum action action;
	const char *what; /* failed, for people */
	bool of_channel;
	int number, error;
	int result; /* of the command */
	struct bs_error err;
};

/* The codes that name the cause of a failure. */
static bool names_cause(enum bs_code code, const struct failure *failure)
{
	if (failure->of_channel)
		return code == BS_WORKER || code == BS_SYSTEM_LIMIT;
	switch (failure->error) {
	case ENOSPC:
	case EDQUOT:
		return code == BS_NO_SPACE;
	case ENOMEM:
		return code == BS_NO_MEMORY;
	default:
		return code == BS_IO;
	}
}

/* A code that says that a recovery is needed has the cause in its message. */
static bool message_has_cause(const struct failure *failure)
{
	return strstr(failure->err.message, strerror(failure->error)) ||
	       (failure->error == ENOMEM && strstr(failure->err.message, "out of memory"));
}

/* Prints what is wrong after the failure, and goes on with the next call: see check_problems(). */
static int problems;

static void note_problem(const struct failure *failure, const char *problem)
{
	bool failed = failure->result < 0;

	problems++;
	printf("%s of %s, %s %d fails with %d; %s: %s%s%s\n", action_title(failure->action),
	       failure->subject->name, failure->what, failure->number, failure->error,
	       failed ? bs_code_name(failure->err.code) : "success",
	       failed ? failure->err.message : "", failed ? ": " : "", problem);
	fflush(stdout);
}

/* At the end of a test. */
static void check_problems(void)
{
	ck_assert_msg(problems == 0, "%d problems after failing calls, see above", problems);
}

/* The image is as the report says.  Afterwards commands make it old. */
static void check_failure(const struct failure *failure)
{
	bool failed = failure->result < 0;
	const char *problem = NULL;

	/* If the image could not be made old, then that is the code; the message has the cause. */
	if (failed && bs_code_exit(failure->err.code) != BS_EXIT_RECOVERY) {
		if (!names_cause(failure->err.code, failure))
			note_problem(failure, "the code does not name the cause");
		problem =
			subject_find_changed(failure->subject, failure->action, failure->recording);
		if (problem)
			note_problem(failure, problem);
	} else if (failed && !message_has_cause(failure)) {
		note_problem(failure, "the message does not name the cause");
	}
	problem = subject_judge(failure->subject, failure->action, !failed, failure->recording);
	if (problem)
		note_problem(failure, problem);
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

TEST_CASE(changes, "failing changes", .tags = "failing");

TEST_LOOP(changes, a_failing_change_leaves_old_or_new_and_its_code_names_the_cause, 0, ACTIONS)
{
	struct subject subject;

	if (!open_subject(&subject, (enum small_kind)(_i / ACTIONS)))
		return;
	fail_each_change(&subject, (enum action)(_i % ACTIONS));
	small_close(&subject);
	check_problems();
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
	check_problems();
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
			if (failure.result < 0)
				note_problem(&failure, "the write is not continued");
		}
	}
	small_close(&subject);
	check_problems();
}

/*
 * Whether a failure of the call harms nothing: the path of the undo file in the image is only a help.
 * An undo ends with the mark DONE and the removal of the undo file, of which one is enough.
 */
static bool may_fail(const struct recording *recording, int number)
{
	const struct event *event = &recording->events[number];
	const char *text = event->is_sync ? event[-1].text : event->text;

	return strstr(text, storage_attributes[1]) ||
	       strncmp(text, "write 4096 bytes at 12288 of ", 29) == 0 ||
	       (strncmp(text, "remove ", 7) == 0 && !strstr(text, " attribute "));
}

TEST_LOOP(changes, a_failing_change_or_sync_is_never_reported_as_success, 0, ACTIONS)
{
	struct failure failure = {.action = (enum action)(_i % ACTIONS), .error = EIO};
	struct recording *recording;
	struct subject subject;

	if (!open_subject(&subject, (enum small_kind)(_i / ACTIONS)))
		return;
	failure.subject = &subject;
	recording = explore_record(&subject, failure.action, NULL);
	for (; failure.number < recording->event_count; failure.number++) {
		fail_change(&failure, TROUBLE_FAIL_ONCE);
		if (failure.result == 0 && !may_fail(recording, failure.number))
			note_problem(&failure, recording->events[failure.number].text);
	}
	storage_free(recording);
	small_close(&subject);
	check_problems();
}

TEST_CASE(all_changes, "failing changes of all images", .tags = "crash slow");
TEST_ALSO(all_changes, a_failing_change_leaves_old_or_new_and_its_code_names_the_cause, ACTIONS,
	  SMALL_TESTS(SMALL_KINDS));
TEST_ALSO(all_changes, a_storage_that_dies_at_any_change_leaves_old_or_new, ACTIONS,
	  SMALL_TESTS(SMALL_KINDS));
TEST_ALSO(all_changes, a_short_or_interrupted_write_is_continued, ACTIONS,
	  SMALL_TESTS(SMALL_KINDS));
TEST_ALSO(all_changes, a_failing_change_or_sync_is_never_reported_as_success, ACTIONS,
	  SMALL_TESTS(SMALL_KINDS));

/* ---- reading calls and allocations ------------------------------------------------------------ */

static bool fail_other(struct failure *failure, const struct fault *fault)
{
	static const char *const titles[2][FAULT_KINDS] = {
		{"allocation", "reading call", "starting call", "call of the channel"},
		{"allocation of the worker", "reading call of the worker",
		 "starting call of the worker", "call of the worker's channel"}};
	bool occurred;

	failure->what = titles[fault->in_worker][fault->kind];
	failure->of_channel = fault->kind == FAULT_START || fault->kind == FAULT_CHANNEL;
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
	check_problems();
}

TEST_CASE(others, "failing reads and allocations", .tags = "failing");

TEST_LOOP(others, a_failing_read_leaves_old_or_new_and_its_code_names_the_cause, 0, ACTIONS)
{
	fail_each_other(FAULT_READ, _i);
}

TEST_LOOP(others, a_failing_allocation_leaves_old_or_new_and_its_code_names_the_cause, 0,
	  2 * ACTIONS)
{
	fail_each_other(FAULT_ALLOCATION, _i);
}

/* So many reading calls at the end of an undo and a recovery read the image back. */
#define READ_BACK 40

TEST_LOOP(others, an_image_that_cannot_be_read_back_is_not_called_old, ACTION_UNDO,
	  ACTION_RECOVER + 1)
{
	struct failure failure = {.action = (enum action)_i, .error = EIO};
	struct fault fault = {.kind = FAULT_READ, .number = -1, .and_later = true, .error = EIO};
	struct subject subject;
	int count;

	ck_assert(open_subject(&subject, SMALL_GROWS));
	failure.subject = &subject;
	subject_prepare(&subject, failure.action);
	faults_begin(&fault);
	ck_assert_int_eq(subject_run(&subject, failure.action, &failure.err), 0);
	count = faults_end();
	for (fault.number = count - READ_BACK; fault.number < count; fault.number++) {
		failure.number = fault.number;
		fail_other(&failure, &fault);
	}
	small_close(&subject);
	check_problems();
}

TEST(others, a_message_without_memory_for_its_payload_is_lack_of_memory)
{
	const struct remote_header header = {.kind = REMOTE_MESSAGE, .length = 1};
	const struct fault fault = {.kind = FAULT_ALLOCATION};
	struct remote_message message;
	struct bs_error err = {0};
	int ends[2], result;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], "", 1), 1);
	faults_begin(&fault);
	result = remote_receive_payload(ends[0], &header, 1, REMOTE_FOREVER, &message, &err);
	faults_end();
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(err.code, BS_NO_MEMORY);
	close(ends[0]);
	close(ends[1]);
}

TEST_CASE(all_others, "reads that fail for good", .tags = "crash slow");
TEST_ALSO(all_others, a_failing_read_leaves_old_or_new_and_its_code_names_the_cause, ACTIONS,
	  2 * ACTIONS);

/* ---- the same for a fix of a real image, in the parent and in the worker ------------------------ */

/* With a factor over 100, in percent, the numbers of the calls that fail grow by it. */
static void fail_real(struct failure *failure, const struct fault *chosen, unsigned factor)
{
	struct fault fault = *chosen;

	failure->error = fault.kind == FAULT_ALLOCATION ? ENOMEM : fault.error;
	for (unsigned number = 0;; number = number * factor / 100 + 1) {
		bool occurred;

		failure->number = fault.number = (int)number;
		occurred = fail_other(failure, &fault);
		/* A signal that interrupts the talk of the processes changes nothing.  The parent reads
		 * what the worker could not read. */
		if ((failure->error == EINTR || (fault.kind == FAULT_READ && fault.in_worker)) &&
		    failure->result < 0)
			note_problem(failure, "the call is not repeated");
		if (!occurred)
			return;
	}
}

/* Fails the calls that the faults describe; their numbers do not count. */
static void fail_real_calls(enum action action, const struct fault *faults, size_t count,
			    unsigned factor)
{
	struct failure failure = {.action = action};
	struct recording *recording;
	struct subject subject;

	ck_assert(real_open(&subject, REAL_RAW));
	subject.hint_may_stay = true;
	recording = explore_record(&subject, action, NULL);
	failure.subject = &subject;
	failure.recording = recording;
	for (size_t i = 0; i < count; i++)
		fail_real(&failure, &faults[i], factor);
	storage_free(recording);
	real_close(&subject);
	check_problems();
}

#define PARENT false
#define WORKER true
#define ONCE   false
#define ALWAYS true

TEST_CASE(real, "failing calls of a real fix", .tags = "failing");

TEST(real, a_real_fix_with_a_failing_call_is_wholly_done_or_not_at_all)
{
	static const struct fault faults[] = {
		{FAULT_ALLOCATION, 0, ONCE, PARENT, 0}, {FAULT_ALLOCATION, 0, ONCE, WORKER, 0},
		{FAULT_READ, 0, ONCE, PARENT, EIO},     {FAULT_READ, 0, ONCE, WORKER, EIO},
		{FAULT_START, 0, ONCE, PARENT, EIO},    {FAULT_CHANNEL, 0, ONCE, PARENT, EIO},
		{FAULT_CHANNEL, 0, ONCE, WORKER, EIO},
	};

	fail_real_calls(ACTION_FIX, faults, sizeof(faults) / sizeof(faults[0]), 3000);
}

TEST(real, a_signal_that_interrupts_the_channel_changes_nothing)
{
	static const struct fault faults[] = {
		{FAULT_CHANNEL, 0, ONCE, PARENT, EINTR},
		{FAULT_CHANNEL, 0, ONCE, WORKER, EINTR},
	};

	fail_real_calls(ACTION_FIX, faults, sizeof(faults) / sizeof(faults[0]), 3000);
}

/* Each combination in its own test, so that a failure does not hide the others. */
static const struct fault real_faults[] = {
	{FAULT_ALLOCATION, 0, ONCE, PARENT, 0},  {FAULT_ALLOCATION, 0, ALWAYS, PARENT, 0},
	{FAULT_ALLOCATION, 0, ONCE, WORKER, 0},  {FAULT_ALLOCATION, 0, ALWAYS, WORKER, 0},
	{FAULT_READ, 0, ONCE, PARENT, EIO},      {FAULT_READ, 0, ALWAYS, PARENT, EIO},
	{FAULT_READ, 0, ONCE, WORKER, EIO},      {FAULT_START, 0, ONCE, PARENT, EIO},
	{FAULT_CHANNEL, 0, ONCE, PARENT, EIO},   {FAULT_CHANNEL, 0, ALWAYS, PARENT, EIO},
	{FAULT_CHANNEL, 0, ONCE, WORKER, EIO},   {FAULT_CHANNEL, 0, ALWAYS, WORKER, EIO},
	{FAULT_CHANNEL, 0, ONCE, PARENT, EINTR}, {FAULT_CHANNEL, 0, ONCE, WORKER, EINTR},
};

TEST_CASE(all_real, "each failing call of a real fix", .tags = "crash");

TEST_EACH(all_real, a_real_fix_with_any_failing_call_is_wholly_done_or_not_at_all, real_faults)
{
	fail_real_calls(ACTION_FIX, &real_faults[_i], 1, 100);
}
