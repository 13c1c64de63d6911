/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of programs that were compiled with another version of the header. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/options.h"
#include "support/sample.h"

TEST_CASE(caller_options, "options of a caller");

static struct teller teller;
static struct bs_options taken;
static struct bs_error err;

/* Returns room for `size` bytes, filled with zeros; the byte behind them cannot be read. */
static void *before_a_wall(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *room =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_uint_lt(size, page);
	ck_assert(room != MAP_FAILED);
	ck_assert_int_eq(mprotect(room + page, page, PROT_NONE), 0);
	return room + page - size;
}

/* The struct as it was before the members from `prove` on came. */
TEST(caller_options, an_old_program_has_a_shorter_struct)
{
	size_t size = offsetof(struct bs_options, prove);
	struct bs_options *old = before_a_wall(size);

	old->size = size;
	old->boot_partition = 3;
	old->second_opinion = true;
	ASSERT_OK(options_take(old, &teller, &taken, &err));
	ck_assert_uint_eq(taken.size, sizeof(taken));
	ck_assert_uint_eq(taken.boot_partition, 3);
	ck_assert(taken.second_opinion && !taken.prove && !taken.progress);
	ck_assert_uint_eq(taken.start_seconds, 0);
}

TEST(caller_options, a_new_program_has_a_longer_struct)
{
	size_t size = sizeof(struct bs_options) + 24;
	struct bs_options *new = before_a_wall(size);

	new->size = size;
	new->rebuild = true;
	ASSERT_OK(options_take(new, &teller, &taken, &err));
	ck_assert(taken.rebuild);
	((uint8_t *)new)[size - 1] = 1;
	ck_assert_int_eq(options_take(new, &teller, &taken, &err), -1);
	ck_assert_int_eq(err.code, BS_USAGE);
}

TEST(caller_options, no_options_are_the_defaults_and_options_without_a_size_are_refused)
{
	static const struct bs_options defaults = {.size = sizeof(defaults)}, none;
	const char *image = image_small("windows-7", false);
	struct bs_result result;

	ASSERT_OK(options_take(NULL, &teller, &taken, &err));
	taken.progress_context = NULL;
	ck_assert_mem_eq(&taken, &defaults, sizeof(taken));
	ck_assert_int_eq(bs_inspect(image, NULL, &result), BS_EXIT_DONE);
	ck_assert_int_eq(result.status, BS_STATUS_WOULD_FIX);
	bs_result_free(&result);
	ck_assert_int_eq(bs_undo(image, &none, &result), BS_EXIT_USAGE);
	ck_assert_int_eq(result.status, BS_STATUS_REFUSED);
	ck_assert_int_eq(result.error.code, BS_USAGE);
	bs_result_free(&result);
}
