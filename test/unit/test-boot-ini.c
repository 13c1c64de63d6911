/* SPDX-License-Identifier: GPL-3.0-or-later */
/* boot.ini: its choices, in all spellings, and files that are not a boot.ini. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/boot-ini.h"

#include "support/store.h"

static struct boot_ini ini;

static int parse_bytes(const char *text, size_t length, struct bs_error *err)
{
	uint8_t *exact = malloc(length + 1); /* the sanitizer sees a byte more, but for none */
	int result;

	memcpy(exact, text, length);
	result = boot_ini_parse(exact, length, &ini, err);
	free(exact);
	return result;
}

static void parse(const char *text)
{
	struct bs_error err = {0};

	ck_assert_msg(parse_bytes(text, strlen(text), &err) == 0, "%s", err.message);
}

static void assert_windows(uint32_t index, uint32_t disk, uint32_t partition)
{
	ck_assert_uint_lt(index, ini.count);
	ck_assert_int_eq(ini.choices[index].kind, BOOT_INI_WINDOWS);
	ck_assert_uint_eq(ini.choices[index].disk, disk);
	ck_assert_uint_eq(ini.choices[index].partition, partition);
}

static void assert_file(uint32_t index, const char *path)
{
	ck_assert_uint_lt(index, ini.count);
	ck_assert_int_eq(ini.choices[index].kind, BOOT_INI_FILE);
	ck_assert_str_eq(ini.choices[index].path, path);
}

TEST_CASE(boot_ini_tests, "boot.ini");

TEST(boot_ini_tests, the_menu_of_windows_xp_is_read)
{
	parse("[boot loader]\r\n"
	      "timeout=30\r\n"
	      "default=multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS\r\n"
	      "[operating systems]\r\n"
	      "multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS=\"Microsoft Windows XP\" "
	      "/fastdetect\r\n"
	      "multi(0)disk(0)rdisk(1)partition(12)\\WINNT=\"Windows 2000\" /noexecute=optin\r\n"
	      "C:\\CMDCONS\\BOOTSECT.DAT=\"Recovery Console\" /cmdcons\r\n"
	      "C:\\=\"Microsoft Windows\"\r\n");
	ck_assert_uint_eq(ini.count, 4);
	assert_windows(0, 0, 1);
	ck_assert(ini.choices[0].is_default);
	ck_assert_str_eq(ini.choices[0].text, "multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS");
	assert_windows(1, 1, 12);
	ck_assert(!ini.choices[1].is_default);
	assert_file(2, "\\CMDCONS\\BOOTSECT.DAT");
	assert_file(3, "\\BOOTSECT.DOS");
}

/* The same choice in many spellings. */
static const char *const spellings[] = {
	"[operating systems]\nmulti(0)disk(0)rdisk(0)partition(2)\\WINDOWS=x\n",
	"[operating systems]\nmulti(0)disk(0)rdisk(0)partition(2)\\WINDOWS=x",
	"[Operating Systems]\r\nMULTI(0)DISK(0)RDISK(0)PARTITION(2)\\WINDOWS=x\r\n",
	"\r\n  [operating systems]  \r\n\t multi(0)disk(0)rdisk(0)partition(2)\\WINDOWS  =x\r\n",
	"[operating systems]\n;multi(0)disk(0)rdisk(0)partition(1)=x\n"
	"multi(0)disk(0)rdisk(0)partition(2)\\WINDOWS=\"\xE9\xFF\"\n",
	"[boot loader]\ndefault=multi(0)disk(0)rdisk(0)partition(2)\\WINDOWS\n"
	"[operating systems]\nmulti(0)disk(0)rdisk(0)partition(2)\\windows=x\n",
	"[boot loader]\nDEFAULT = \"multi(0)disk(0)rdisk(0)partition(2)\\WINDOWS\"\n",
	"[other]\nC:\\X=x\n[operating "
	"systems]\nmulti(0)disk(0)rdisk(0)partition(2)=x\n[last]\nD:\\=x\n",
	"no section=x\n[operating systems]\nno equals sign\nmulti(0)disk(0)rdisk(0)partition(2)=\n",
};

TEST_EACH(boot_ini_tests, a_choice_is_read_however_it_is_written, spellings)
{
	parse(spellings[_i]);
	ck_assert_uint_eq(ini.count, 1);
	assert_windows(0, 0, 2);
}

static const char *const others[] = {
	"scsi(0)disk(1)rdisk(0)partition(1)\\WINDOWS",
	"signature(8b467c12)disk(1)rdisk(0)partition(2)\\WINDOWS",
	"multi(0)disk(0)rdisk(0)",
	"multi(0)disk(0)rdisk(0)partition()\\WINDOWS",
	"multi(0)disk(0)rdisk(0)partition(1",
	"multi(0)disk(0)rdisk(0)partition(-1)",
	"multi(0)",
	"C:\\\xC4RGER.DAT", /* in an unknown code page */
	"\\WINDOWS",
	"",
};

TEST_EACH(boot_ini_tests, what_is_not_understood_is_called_other, others)
{
	char text[200];

	snprintf(text, sizeof(text), "[operating systems]\n%s=x\n", others[_i]);
	parse(text);
	ck_assert_uint_eq(ini.count, 1);
	ck_assert_int_eq(ini.choices[0].kind, BOOT_INI_OTHER);
}

TEST(boot_ini_tests, nothing_is_in_an_empty_one)
{
	parse("");
	ck_assert_uint_eq(ini.count, 0);
	parse("\n\n[operating systems]");
	ck_assert_uint_eq(ini.count, 0);
}

static void assert_refused(const char *text, size_t length, const char *why)
{
	struct bs_error err = {0};

	ck_assert_int_eq(parse_bytes(text, length, &err), -1);
	ck_assert_int_eq(err.code, BS_LEGACY_UNSUPPORTED);
	ck_assert_msg(strstr(err.message, why) != NULL, "%s", err.message);
}

TEST(boot_ini_tests, what_is_no_text_is_refused)
{
	assert_refused("\xFF\xFE[\0b\0", 6, "not text");
}

TEST(boot_ini_tests, what_is_too_large_is_refused)
{
	char *large = malloc(BOOT_INI_SIZE_MAX + 1);

	memset(large, '\n', BOOT_INI_SIZE_MAX + 1);
	assert_refused(large, BOOT_INI_SIZE_MAX + 1, "too large");
	large[BOOT_INI_SIZE_MAX - 1] = '\0';
	parse(large);
	free(large);
}

TEST(boot_ini_tests, too_long_a_line_is_refused)
{
	char text[400] = "[operating systems]\n";

	memset(text + 20, 'x', 258); /* a path of 259 characters with its backslash */
	strcpy(text + 278, "=x\n");
	parse(text);
	strcpy(text + 278, "x=x\n");
	assert_refused(text, strlen(text), "a line that is too long");
}

TEST(boot_ini_tests, more_choices_than_fit_are_refused)
{
	char text[2000] = "[operating systems]\n";

	for (int i = 0; i < BOOT_INI_CHOICES_MAX; i++)
		sprintf(text + strlen(text), "C:\\%d=x\n", i);
	parse(text);
	ck_assert_uint_eq(ini.count, BOOT_INI_CHOICES_MAX);
	strcat(text, "C:\\more=x\n");
	assert_refused(text, strlen(text), "too many lines");
}
