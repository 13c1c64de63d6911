/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Amounts: the sizes that are accepted or refused, and the text of amounts. */
#include "report/amount.h"

#include "support/test.h"

#define MIB (1ull << 20)

static const struct {
	const char *text;
	uint64_t bytes;
} accepted[] = {
	{"1", 1},
	{"124780544", 119 * MIB},
	{"124780544B", 119 * MIB},
	{"119M", 119 * MIB},
	{"119MiB", 119 * MIB},
	{"119mib", 119 * MIB},
	{"125MB", 125000000},
	{"0.5G", 512 * MIB},
	{"1.25KiB", 1280},
	{"0.000001T", 1099511}, /* 1099511.627776: what is left of a byte is cut off */
	{"2TB", 2000000000000},
	{"9223372036854775807", INT64_MAX},
};

TEST_CASE(amount, "amount");

TEST_EACH(amount, sizes_are_read_with_their_units, accepted)
{
	struct bs_error err = {0};
	uint64_t bytes = 0;

	ck_assert_int_eq(size_parse(accepted[_i].text, &bytes, &err), 0);
	ck_assert_uint_eq(bytes, accepted[_i].bytes);
}

static const char *const refused[] = {"",           "M",
				      "-1",         "+1",
				      " 1",         "1 M",
				      "1.5",        "1.M",
				      ".5G",        "0x10",
				      "1MM",        "1iB",
				      "0",          "0.0M",
				      "0.1234567G", "1e3",
				      "119 MiB",    "9223372036854775808",
				      "8388608T",   "99999999999999999999"};

TEST_EACH(amount, what_is_no_size_is_refused, refused)
{
	struct bs_error err = {0};
	uint64_t bytes;

	ck_assert_int_eq(size_parse(refused[_i], &bytes, &err), -1);
	ck_assert_int_eq(err.code, BS_USAGE);
	ck_assert_str_ne(err.message, "");
}

static const struct {
	uint64_t bytes;
	const char *text;
} shown[] = {
	{0, "0 bytes"},
	{1, "1 byte"},
	{1023, "1023 bytes"},
	{1024, "1 KiB"},
	{28672, "28 KiB"},
	{100 * MIB, "100 MiB"},
	{15923456, "15.2 MiB"},
	{100 * MIB + 600000, "101 MiB"},
	{1024 * MIB - 1, "1 GiB"}, /* and not "1024 MiB" */
	{42842718208, "39.9 GiB"},
	{UINT64_MAX, "16 EiB"},
};

TEST_EACH(amount, sizes_are_shown_rounded, shown)
{
	ck_assert_str_eq(size_format(shown[_i].bytes).text, shown[_i].text);
}
