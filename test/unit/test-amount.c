/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Amounts: which texts are read, which are refused, and how amounts are shown. */
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
	{"0.000001T", 1099511}, /* 1099511.627776 bytes, rounded down */
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
	{1024 * MIB - 1, "1 GiB"}, /* not "1024 MiB" */
	{42842718208, "39.9 GiB"},
	{UINT64_MAX, "16 EiB"},
};

TEST_EACH(amount, sizes_are_shown_rounded, shown)
{
	ck_assert_str_eq(size_format(shown[_i].bytes).text, shown[_i].text);
}

static const struct {
	const char *text;
	uint32_t seconds;
} durations[] = {{"90", 90},      {"90s", 90},   {"5m", 300},     {"5min", 300},
		 {"1h30m", 5400}, {"1H", 3600},  {"2d", 172800},  {"1h1m1s", 3661},
		 {"10sec", 10},   {"0h5m", 300}, {"86400", 86400}};

TEST_EACH(amount, durations_are_read_with_their_units, durations)
{
	struct bs_error err = {0};
	uint32_t seconds = 0;

	ck_assert_int_eq(duration_parse(durations[_i].text, 1000000, &seconds, &err), 0);
	ck_assert_uint_eq(seconds, durations[_i].seconds);
}

static const char *const no_durations[] = {
	"",     "0",      "0s",   "m",       "-1",
	"5 m",  "1.5h",   "5x",   "30m1h",   "1h30",
	"5ms",  "1m1m",   "soon", "1000001", "99999999999999999999",
	"90s ", "300000h"};

TEST_EACH(amount, what_is_no_duration_is_refused, no_durations)
{
	struct bs_error err = {0};
	uint32_t seconds;

	ck_assert_int_eq(duration_parse(no_durations[_i], 1000000, &seconds, &err), -1);
	ck_assert_int_eq(err.code, BS_USAGE);
	ck_assert_ptr_nonnull(strstr(err.message, no_durations[_i]));
}
