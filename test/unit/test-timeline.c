/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The drawing of a start fits the terminal, and shows which place was read when. */
#include "report/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "support/test.h"

static struct bs_start start;

static void add(enum bs_place place, const char *path, uint64_t size, uint64_t read, uint32_t first,
		uint32_t last, uint64_t activity)
{
	struct bs_reading *reading = &start.readings[place];

	*reading = (struct bs_reading){.partition = 2,
				       .size = size,
				       .read = read,
				       .first = first,
				       .last = last,
				       .activity = activity};
	strcpy(reading->path, path);
}

static void setup(void)
{
	start = (struct bs_start){.proven = true, .slot = 16};
	add(BS_PLACE_TABLE, "", 512, 512, 100, 900, 1ull << 6 | 1ull << 56);
	add(BS_PLACE_BOOTMGR, "\\bootmgr", 1024, 1024, 200, 300, 0x7ull << 12);
	add(BS_PLACE_LOADER, "\\Windows\\a-name-that-is-longer-than-a-line-has-room.exe", 4096, 512,
	    500, 520, 1ull << 31);
}

/* Prints the drawing.  The caller frees the text. */
static char *draw(unsigned width)
{
	struct output output;
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	output_open(&output, stream, OUTPUT_COLOUR_NEVER);
	output.unicode = false;
	output.width = width;
	timeline_print(&output, &start);
	output_flush(&output);
	fclose(stream);
	return text;
}

TEST_CASE(drawing, "timeline", .setup = setup);

TEST(drawing, each_line_fits_the_terminal)
{
	static const unsigned widths[] = {40, 59, 60, 80, 120};

	for (size_t i = 0; i < 5; i++) {
		char *text = draw(widths[i]);

		for (char *line = text; *line; line += strcspn(line, "\n") + 1)
			ck_assert_msg(strcspn(line, "\n") <= widths[i], "%u: %s", widths[i], text);
		free(text);
	}
}

TEST(drawing, a_place_is_marked_at_the_time_of_its_reads)
{
	char *text = draw(80);
	const char *table = strstr(text, "partition table"), *bootmgr = strstr(text, "\\bootmgr");

	ck_assert_msg(table && bootmgr, "%s", text);
	ck_assert_msg(table[20] == '#' && table[42] == '#' && table[30] == '.', "%s", text);
	ck_assert_msg(bootmgr[20] == '.' && bootmgr[23] == '#' && bootmgr[42] == '.', "%s", text);
	ck_assert_msg(strstr(text, "512 bytes of 4 KiB"), "%s", text);
	ck_assert_msg(strstr(text, "not there"), "%s", text); /* the boot record */
	free(text);
}

TEST(drawing, a_start_that_stopped_is_marked_at_its_place)
{
	char *text;

	start.proven = false;
	start.stopped_place = BS_PLACE_LOADER;
	text = draw(80);
	ck_assert_msg(strstr(text, "X a-name"), "%s", text);
	ck_assert_msg(strstr(text, "+ \\bootmgr"), "%s", text);
	free(text);
}

TEST(drawing, stretches_are_in_the_order_of_time)
{
	struct timeline_stretch stretches[TIMELINE_STRETCHES_MAX];

	start.readings[BS_PLACE_TABLE].activity = 0x5555555555555555u;
	start.readings[BS_PLACE_TABLE].first = 3;
	start.readings[BS_PLACE_TABLE].last = 1000;
	ck_assert_uint_eq(timeline_stretches(&start, BS_PLACE_TABLE, stretches), 32);
	ck_assert_uint_eq(stretches[0].from, 3);
	ck_assert_uint_eq(stretches[0].to, 15);
	ck_assert_uint_eq(stretches[31].from, 62 * 16);
	ck_assert_uint_eq(stretches[31].to, 1000);
}
