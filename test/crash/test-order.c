/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be durable before the next step begins, one test for each pair of steps.  test-barriers.c
 * shows that these orders are needed.
 */
#include <string.h>

#include "crash/explore.h"
#include "crash/small.h"
#include "support/test.h"

#define JOURNAL "disk.img.bootshift-undo"

static bool is_byte_change(const char *text)
{
	return strstr(text, "of the image") &&
	       (strncmp(text, "write", 5) == 0 || strncmp(text, "punch", 5) == 0 ||
		strncmp(text, "reserve", 7) == 0 || strncmp(text, "set the length", 14) == 0);
}

/* "*": a change of the image's bytes, space or length.  "$": the end. */
static bool order_matches(const struct recording *recording, int event, const char *pattern)
{
	if (strcmp(pattern, "$") == 0)
		return event == recording->event_count;
	if (event == recording->event_count)
		return false;
	return strcmp(pattern, "*") == 0
		       ? is_byte_change(recording->events[event].text)
		       : strncmp(recording->events[event].text, pattern, strlen(pattern)) == 0;
}

/*
 * After each change, before `next`, there is the sync.  Each of the three begins like the text of
 * an event.
 */
static void order_check(enum action action, const char *change, const char *sync, const char *next)
{
	struct recording *recording;
	struct subject subject;
	bool is_durable = true, changed = false, came = false;

	ck_assert(small_open(&subject, SMALL_GROWS));
	recording = explore_record(&subject, action, NULL);
	for (int event = 0; event <= recording->event_count && !came; event++) {
		if (order_matches(recording, event, change)) {
			is_durable = false;
			changed = true;
		} else if (order_matches(recording, event, sync)) {
			is_durable = true;
		} else if (changed && order_matches(recording, event, next)) {
			came = true;
			ck_assert_msg(is_durable, "not durable: %s", change);
		} else if (!changed && strncmp(next, "write", 5) != 0) { /* marks are made empty */
			ck_assert_msg(!order_matches(recording, event, next), "%s comes first",
				      next);
		}
	}
	ck_assert_msg(came, "there is no: %s", next);
	storage_free(recording);
	small_close(&subject);
}

#define ORDER_TEST(name, action, change, sync, next)                                               \
	TEST(order, name)                                                                          \
	{                                                                                          \
		order_check(action, change, sync, next);                                           \
	}

#define SIGNPOST          "the attribute user.bootshift.undo of the image"
#define MARK(block, file) "write 4096 bytes at " block " of " file

TEST_CASE(order, "order");

/* clang-format off */
ORDER_TEST(a_fix_makes_the_undo_file_durable_before_it_has_its_name, ACTION_FIX,
	   "write ", "sync " JOURNAL ".tmp", "rename")
ORDER_TEST(a_fix_makes_the_name_of_the_undo_file_durable_before_the_image_changes, ACTION_FIX,
	   "rename", "sync the folder", "set " SIGNPOST)
ORDER_TEST(a_fix_makes_the_signpost_durable_before_the_image_changes, ACTION_FIX,
	   "set " SIGNPOST, "sync the image", "*")
ORDER_TEST(a_fix_makes_the_image_durable_before_the_signpost_comes_down, ACTION_FIX,
	   "*", "sync the image", "remove " SIGNPOST)
ORDER_TEST(a_fix_takes_the_signpost_down_durably_before_it_marks_applied, ACTION_FIX,
	   "remove " SIGNPOST, "sync the image", MARK("4096", JOURNAL ".tmp"))
ORDER_TEST(a_fix_makes_applied_durable_before_it_reports_success, ACTION_FIX,
	   "sync the image", "sync " JOURNAL ".tmp", "$")
ORDER_TEST(an_undo_makes_undoing_durable_before_the_image_changes, ACTION_UNDO,
	   MARK("8192", JOURNAL), "sync " JOURNAL, "set " SIGNPOST)
ORDER_TEST(an_undo_makes_the_signpost_durable_before_the_image_changes, ACTION_UNDO,
	   "set " SIGNPOST, "sync the image", "*")
ORDER_TEST(an_undo_makes_the_image_durable_before_the_signpost_comes_down, ACTION_UNDO,
	   "*", "sync the image", "remove " SIGNPOST)
ORDER_TEST(an_undo_takes_the_signpost_down_durably_before_it_marks_done, ACTION_UNDO,
	   "remove " SIGNPOST, "sync the image", MARK("12288", JOURNAL))
ORDER_TEST(an_undo_makes_done_durable_before_the_undo_file_is_removed, ACTION_UNDO,
	   MARK("12288", JOURNAL), "sync " JOURNAL, "remove " JOURNAL)
ORDER_TEST(an_undo_makes_the_removal_of_the_undo_file_durable, ACTION_UNDO,
	   "remove " JOURNAL, "sync the folder", "$")
ORDER_TEST(a_recovery_makes_the_signpost_durable_before_the_image_changes, ACTION_RECOVER,
	   "set " SIGNPOST, "sync the image", "*")
ORDER_TEST(a_recovery_makes_the_image_durable_before_the_signpost_comes_down, ACTION_RECOVER,
	   "*", "sync the image", "remove " SIGNPOST)
ORDER_TEST(a_recovery_takes_the_signpost_down_durably_before_it_marks_done, ACTION_RECOVER,
	   "remove " SIGNPOST, "sync the image", MARK("12288", JOURNAL))
ORDER_TEST(an_accept_removes_the_hint_durably_before_the_undo_file, ACTION_ACCEPT,
	   "remove the attribute user.bootshift.undo-file", "sync the image", "remove " JOURNAL)
ORDER_TEST(an_accept_makes_the_removal_of_the_undo_file_durable, ACTION_ACCEPT,
	   "remove " JOURNAL, "sync the folder", "$")
/* clang-format on */
