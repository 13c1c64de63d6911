/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey of other entries in the boot menu: files on the system volume that move, stay, or
 * cannot move; an earlier Windows; and several Windows on one disk.
 */
#include <strings.h>

#include "unit/survey-fixture.h"

/* ---- files that other entries start -------------------------------------------------------- */

#define TOOL "object {2f5b0a98-cce8-11e5-9d3a-0800279c5f11} "
#define DATA "object {2f5b0a99-cce8-11e5-9d3a-0800279c5f11} "

/* A part of long names.  A name has at most 255 letters. */
#define SIXTY_FOUR "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TOO_LONG   SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "a"

static const struct {
	const char *name, *more;
	const char *item;  /* this item moves too, with the folders on its path; NULL: none */
	uint32_t elements; /* elements that move, without those of bootmgr and memdiag */
	enum bs_code code; /* a refusal, or a note */
} files[] = {
	{"boot-sector-by-boot",
	 TOOL "10400008\nelement 11000001 boot\nelement 12000002 string \\NST\\x.mbr\n"
	      "on system\nfile \\NST\\x.mbr size=8192\n",
	 "\\NST\\x.mbr", 0, BS_NOTE_OTHER_LOADER},
	{"boot-sector-by-partition",
	 TOOL "10400008\nelement 11000001 partition system\nelement 12000002 string \\X.MBR\n"
	      "on system\nfile \\x.mbr size=512\n",
	 "\\x.mbr", 1, BS_NOTE_OTHER_LOADER},
	{"boot-sector-in-boot",
	 TOOL "10400008\nelement 11000001 partition system\nelement 12000002 string \\boot\\x.mbr\n"
	      "on system\nfile \\Boot\\x.mbr size=512\n",
	 NULL, 1, BS_OK},
	{"boot-sector-missing",
	 TOOL "10400008\nelement 11000001 boot\nelement 12000002 string \\NST\\x.mbr\n", NULL, 0,
	 BS_OK},
	{"boot-sector-elsewhere",
	 TOOL "10400008\nelement 11000001 partition windows\nelement 12000002 string \\x.mbr\n"
	      "on windows\nfile \\x.mbr size=512\n",
	 NULL, 0, BS_OK},
	{"grldr-by-ntldr",
	 "object {ntldr} 10300006\nelement 11000001 boot\nelement 12000002 string \\grldr\n"
	 "on system\nfile \\grldr size=9000\n",
	 "\\grldr", 0, BS_NOTE_OTHER_LOADER},
	{"sdi-by-boot",
	 DATA "30000000\nelement 31000003 boot\nelement 32000004 string \\Tools\\boot.sdi\n"
	      "on system\nfile \\Tools\\boot.sdi size=9000\n",
	 "\\Tools\\boot.sdi", 0, BS_OK},
	{"ramdisk-by-boot",
	 TOOL "10200003\nelement 11000001 ramdisk boot \\a\\b\\tool.wim "
	      "{2f5b0a99-cce8-11e5-9d3a-0800279c5f11}\n"
	      "on system\nfile \\a\\b\\tool.wim size=9000\n",
	 "\\a\\b\\tool.wim", 0, BS_OK},
	{"tool-by-boot",
	 TOOL "10200005\nelement 11000001 boot\nelement 12000002 string \\tool.exe\n"
	      "on system\nfile \\tool.exe size=9000\n",
	 "\\tool.exe", 0, BS_OK},
	{"tool-by-partition",
	 TOOL "10200005\nelement 11000001 partition system\nelement 12000002 string \\tool.exe\n"
	      "on system\nfile \\tool.exe size=9000\n",
	 NULL, 0, BS_NOTE_STAYS},
	{"windows-by-boot",
	 TOOL "10200003\nelement 11000001 boot\n"
	      "element 12000002 string \\Windows\\system32\\winload.exe\n"
	      "on system\nfile \\Windows\\System32\\winload.exe size=9000\n",
	 NULL, 0, BS_ENTRY_WOULD_BREAK},
	{"windows-folder-by-boot",
	 TOOL "10200003\nelement 21000001 boot\nelement 22000002 string \\Windows\n"
	      "on system\nfolder \\Windows\n",
	 NULL, 0, BS_ENTRY_WOULD_BREAK},
	{"resume-by-boot",
	 TOOL "10200004\nelement 11000001 boot\n"
	      "element 12000002 string \\Windows\\system32\\winresume.exe\n"
	      "on system\nfile \\Windows\\System32\\winresume.exe size=9000\n",
	 NULL, 0, BS_ENTRY_WOULD_BREAK},
	{"windows-by-boot-missing",
	 TOOL "10200003\nelement 11000001 boot\n"
	      "element 12000002 string \\Windows\\system32\\winload.exe\n"
	      "element 21000001 boot\nelement 22000002 string \\Windows\n",
	 NULL, 0, BS_OK},
	{"vhd-by-boot",
	 TOOL
	 "10200003\nelement 11000001 vhd boot \\win.vhd\non system\nfile \\win.vhd size=9000\n",
	 NULL, 0, BS_ENTRY_WOULD_BREAK},
	{"spelled-oddly",
	 TOOL "10400008\nelement 11000001 partition system\n"
	      "element 12000002 string \\\\nst\\\\X.MBR\\\n"
	      "on system\nfile \\NST\\x.mbr size=512\n",
	 "\\NST\\x.mbr", 1, BS_NOTE_OTHER_LOADER},
	{"boot-sector-is-a-folder",
	 TOOL "10400008\nelement 11000001 boot\nelement 12000002 string \\Recovery\n"
	      "on system\nfile \\Recovery\\x.wim size=512\n",
	 NULL, 0, BS_OK},
	{"boot-sector-is-metadata",
	 TOOL "10400008\nelement 11000001 boot\nelement 12000002 string \\$Boot\n", NULL, 0, BS_OK},
	{"boot-sector-below-metadata",
	 TOOL "10400008\nelement 11000001 boot\nelement 12000002 string \\.\\bootmgr\n", NULL, 0,
	 BS_OK},
	{"too-long-a-name",
	 TOOL "10400008\nelement 11000001 boot\nelement 12000002 string \\" TOO_LONG "\n", NULL, 0,
	 BS_OK},
	{"in-place-of-windows",
	 TOOL "10400008\nelement 11000001 boot\n"
	      "element 12000002 string \\Windows\\System32\\ntoskrnl.exe\n"
	      "on system\nfile \\Windows\\system32\\ntoskrnl.exe size=512\n"
	      "on windows\nfile \\Windows\\System32\\ntoskrnl.exe size=9000\n",
	 NULL, 0, BS_BOOT_FILE_UNSUPPORTED},
	{"started-from-both",
	 TOOL "10400008\nelement 11000001 boot\nelement 12000002 string \\x.mbr\n" DATA
	      "10400008\nelement 11000001 partition windows\nelement 12000002 string \\x.mbr\n"
	      "on system\nfile \\x.mbr size=512\non windows\nfile \\x.mbr size=700\n",
	 NULL, 0, BS_ENTRY_WOULD_BREAK},
	{"started-from-the-other-boot-folder",
	 TOOL "10200003\nelement 11000001 ramdisk windows \\boot\\tool\\t.wim "
	      "{2f5b0a99-cce8-11e5-9d3a-0800279c5f11}\n"
	      "on windows\nfile \\Boot\\tool\\t.wim size=9000\n",
	 NULL, 0, BS_ENTRY_WOULD_BREAK},
	{"started-from-the-other-boot-folder-missing",
	 TOOL "10200003\nelement 11000001 ramdisk windows \\boot\\tool\\t.wim "
	      "{2f5b0a99-cce8-11e5-9d3a-0800279c5f11}\n",
	 NULL, 0, BS_OK},
	{"vhd-by-partition",
	 TOOL "10200003\nelement 11000001 vhd system \\win.vhd\n"
	      "on system\nfile \\win.vhd size=9000\n",
	 NULL, 0, BS_NOTE_STAYS},
};

static uint32_t count_refusals(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < survey->report.finding_count; i++)
		count += bs_code_exit(survey->report.findings[i].code) == BS_EXIT_REFUSED;
	return count;
}

TEST_CASE(files_of_other_entries, "files of other entries", .teardown = teardown);

TEST_EACH(files_of_other_entries, what_boot_leads_to_moves_and_what_cannot_is_refused, files)
{
	uint32_t items = 0;

	look_at(files[_i].name, files[_i].more);
	if (bs_code_exit(files[_i].code) == BS_EXIT_REFUSED) {
		assert_refused(files[_i].code);
		ck_assert_uint_eq(count_refusals(), 1);
		return;
	}
	assert_fixable();
	for (uint32_t i = 0; i < survey->facts.item_count; i++) {
		if (survey->facts.items[i].reason == BOOT_ITEM_OF_BOOTMGR)
			continue;
		ck_assert_str_eq(survey->facts.items[i].path, files[_i].item);
		items++;
	}
	ck_assert_uint_eq(items, files[_i].item != NULL);
	ck_assert_uint_eq(retargeted(), 2 + files[_i].elements);
	ck_assert_uint_eq(survey->report.finding_count, files[_i].code != BS_OK);
	ck_assert(files[_i].code == BS_OK || has_finding(files[_i].code));
}

TEST(files_of_other_entries, a_file_of_two_entries_moves_once_however_they_spell_it)
{
	look_at("two-spellings", TOOL "10400008\nelement 11000001 partition system\n"
				      "element 12000002 string \\\xC3\x84.mbr\n" DATA
				      "10400008\nelement 11000001 partition system\n"
				      "element 12000002 string \\\\\xC3\xA4.MBR\n"
				      "on system\nfile \\\xC3\xA4.mbr size=512\n");
	assert_fixable();
	ck_assert_uint_eq(survey->facts.item_count, 3); /* including bootmgr and \Boot */
	ck_assert_str_eq(survey->facts.items[2].path, "\\\xC3\xA4.mbr");
	ck_assert_uint_eq(retargeted(), 2 + 2);
}

TEST(files_of_other_entries, an_entry_that_would_break_is_named)
{
	look_at("break-named",
		TOOL "10200003\nelement 11000001 boot\nelement 12000002 string \\w\\winload.exe\n"
		     "element 12000004 string \"Old one\"\nelement 21000001 boot\n"
		     "element 22000002 string \\w\non system\nfile \\w\\winload.exe size=9000\n");
	assert_refused(BS_ENTRY_WOULD_BREAK);
	ck_assert_ptr_nonnull(strstr(message_of(BS_ENTRY_WOULD_BREAK),
				     "{2f5b0a98-cce8-11e5-9d3a-0800279c5f11} (Old one)"));
	ck_assert_uint_eq(survey->report.finding_count, 1); /* one finding for both devices */
}

TEST_LOOP(files_of_other_entries,
	  a_folder_on_the_way_to_two_files_is_listed_once_and_not_when_it_is_there, 0, 2)
{
	uint32_t folders = 0;

	look_at(_i == 0 ? "way-new" : "way-there",
		_i == 0 ? TOOL
			"10400008\nelement 11000001 boot\nelement 12000002 string \\NST\\a\n" DATA
			"10400008\nelement 11000001 boot\nelement 12000002 string \\nst\\b\n"
			"on system\nfile \\NST\\a size=512\nfile \\NST\\b size=512\n"
			: TOOL "10400008\nelement 11000001 boot\nelement 12000002 string \\NST\\a\n"
			       "on system\nfile \\NST\\a size=512\non windows\nfolder \\nst\n");
	assert_fixable();
	for (uint32_t i = 0; i < survey->facts.files.count; i++)
		folders += strcasecmp(survey->facts.files.items[i].file.path, "\\NST") == 0 &&
			   !survey->facts.files.items[i].stays;
	ck_assert_uint_eq(folders, _i == 0 ? 1 : 0);
}

static const char *const in_the_way[] = {
	"on windows\nfolder \\NST\\a\n",   /* of the file */
	"on windows\nfile \\NST size=1\n", /* of the folder */
	"on windows\nfolder \\NST attributes=p reparse=0xA0000003:0000000000000000\n", /* and so */
};

TEST_EACH(files_of_other_entries, what_stands_in_the_way_of_a_file_is_not_removed_for_it,
	  in_the_way)
{
	char name[32], *more;

	snprintf(name, sizeof(name), "in-the-way-%d", _i);
	ck_assert_int_gt(asprintf(&more, "%s%s",
				  TOOL "10400008\nelement 11000001 boot\n"
				       "element 12000002 string \\NST\\a\n"
				       "on system\nfile \\NST\\a size=512\n",
				  in_the_way[_i]),
			 0);
	look_at(name, more);
	free(more);
	assert_refused(BS_BOOT_FILE_UNSUPPORTED);
}

/* A default entry that starts a tool, but the tool does not exist. */
#define DIAGNOSTIC "object {bootmgr}\nelement 23000003 object {memdiag}\nobject {memdiag}\n"

static const struct {
	const char *name, *more;
	bool broken;
} tools[] = {
	{"tool-empty", DIAGNOSTIC "on system\nfile \\Boot\\memtest.exe size=0\n", true},
	{"tool-folder",
	 DIAGNOSTIC "on system\nremove \\Boot\\memtest.exe\nfolder \\Boot\\memtest.exe\n", true},
	{"tool-by-boot-missing",
	 DIAGNOSTIC "element 11000001 boot\non system\nremove \\Boot\\memtest.exe\n", true},
	{"tool-by-boot", DIAGNOSTIC "element 11000001 boot\n", false},
	{"tool-on-windows",
	 DIAGNOSTIC "element 11000001 partition windows\nelement 12000002 string \\t.exe\n"
		    "on windows\nfile \\t.exe size=9000\n",
	 false},
	{"tool-on-windows-missing",
	 DIAGNOSTIC "element 11000001 partition windows\nelement 12000002 string \\t.exe\n", true},
	{"tool-on-other-disk", DIAGNOSTIC "element 11000001 foreign 0x12345678 1M\n", true},
};

TEST_EACH(files_of_other_entries, a_default_tool_that_is_not_there_is_refused, tools)
{
	look_at(tools[_i].name, tools[_i].more);
	ck_assert_int_eq(survey->report.starts, !tools[_i].broken);
	if (tools[_i].broken)
		assert_refused(BS_DEFAULT_ENTRY_BROKEN);
	else
		assert_fixable();
}

/*
 * A default entry with a disk signature that differs from this disk's.  `windows`: the drive C: in
 * the registry of the Windows at that place, if any.
 */
#define OTHERS                                                                                     \
	"object {bootmgr}\nelement 11000001 boot\nobject {memdiag}\nelement 11000001 boot\n"       \
	"object {2f5b0a97-cce8-11e5-9d3a-0800279c5f11}\ndelete 21000001\n"
#define ENTRY_OF(signature, start)                                                                 \
	"object {2f5b0a97-cce8-11e5-9d3a-0800279c5f11}\n"                                          \
	"element 11000001 foreign " signature " " start "\n"
#define KNOWN_BY(bytes)                                                                            \
	"on windows\nfile \\Windows\\System32\\config\\SYSTEM hive=system\n"                       \
	"hive system root=x file=SYSTEM\nkey \\MountedDevices\n"                                   \
	"value \\DosDevices\\C: binary " bytes "\n"

static const struct {
	const char *name, *more;
	enum bs_code code;
} signatures[] = {
	{"signature-changed", OTHERS ENTRY_OF("0x55667788", "41M"), BS_SIGNATURE_CHANGED},
	{"signature-of-one", ENTRY_OF("0x55667788", "41M"), BS_OTHER_DISK},
	{"signature-disputed", ENTRY_OF("0x55667788", "41M") KNOWN_BY("887766550000900200000000"),
	 BS_SIGNATURE_DISPUTED},
	{"signature-third",
	 OTHERS ENTRY_OF("0x55667788", "41M") KNOWN_BY("010203040000900200000000"),
	 BS_SIGNATURE_DISPUTED},
	{"signature-of-other-place",
	 OTHERS ENTRY_OF("0x55667788", "41M") KNOWN_BY("887766550000A00200000000"),
	 BS_SIGNATURE_CHANGED},
	{"signature-of-letters",
	 OTHERS ENTRY_OF("0x55667788", "41M")
		 KNOWN_BY("8877") "value \\DosDevices\\D: binary 887766550000900200000000\n"
				  "value \\DosDevices\\E: binary 010203040000900200000000\n",
	 BS_SIGNATURE_CHANGED},
	{"signature-own", ENTRY_OF("0x55667788", "41M") KNOWN_BY("443322110000900200000000"),
	 BS_OTHER_DISK},
	{"signature-odd", OTHERS ENTRY_OF("0x55667788", "41M") KNOWN_BY("8877"),
	 BS_SIGNATURE_CHANGED},
	{"signature-elsewhere", ENTRY_OF("0x55667788", "42M"), BS_OTHER_DISK},
	{"signature-no-loader",
	 ENTRY_OF("0x55667788", "41M") "on windows\nremove \\Windows\\System32\\winload.exe\n",
	 BS_OTHER_DISK},
	{"signature-of-a-tool",
	 OTHERS DIAGNOSTIC "element 11000001 foreign 0x55667788 1M\n" ENTRY_OF("0x55667788", "41M"),
	 BS_SIGNATURE_CHANGED},
	{"signature-right", ENTRY_OF("0x11223344", "42M"), BS_BOOT_VOLUME_MISSING},
};

TEST_EACH(files_of_other_entries, a_changed_signature_is_told_from_another_disk, signatures)
{
	enum bs_code code = signatures[_i].code;

	look_at(signatures[_i].name, signatures[_i].more);
	assert_refused(code);
	ck_assert_uint_eq(survey->report.earlier_signature,
			  code == BS_SIGNATURE_CHANGED ? 0x55667788 : 0);
	ck_assert_uint_eq(survey->report.advised_partition, code == BS_BOOT_VOLUME_MISSING ? 2 : 0);
	if (code == BS_SIGNATURE_CHANGED)
		ck_assert_ptr_nonnull(strstr(message_of(code), "by 55667788, but "));
	ck_assert(!survey->report.starts && survey->report.starts_known);
}

#define BOTH_SAY OTHERS ENTRY_OF("0x55667788", "41M") KNOWN_BY("887766550000900200000000")

/* The boot menu and the registry agree, or the registry by another letter than C:. */
static const struct {
	const char *name, *more;
} agreements[] = {
	{"signature-agreed", BOTH_SAY},
	{"signature-agreed-by-letter",
	 OTHERS ENTRY_OF("0x55667788", "41M")
		 KNOWN_BY("887766550000A00200000000") "value \\DosDevices\\Z: binary "
						      "887766550000900200000000\n"},
	{"signature-agreed-by-c",
	 BOTH_SAY "value \\DosDevices\\E: binary 010203040000900200000000\n"},
	{"signature-agreed-behind-a-tool", DIAGNOSTIC
	 "element 11000001 foreign 0x55667788 1M\nobject {bootmgr}\n"
	 "element 11000001 boot\n" ENTRY_OF("0x55667788", "41M")
		 KNOWN_BY("887766550000900200000000") "hive bcd\nobject "
						      "{2f5b0a97-cce8-11e5-9d3a-0800279c5f11}"
						      "\ndelete 21000001\n"},
};

TEST_EACH(files_of_other_entries, two_witnesses_give_a_disk_its_signature_back, agreements)
{
	look_at(agreements[_i].name, agreements[_i].more);
	assert_fixable();
	ck_assert_uint_eq(survey->report.earlier_signature, 0x55667788);
	ck_assert_uint_eq(survey->report.disk_signature, 0x11223344);
	ck_assert_ptr_nonnull(
		strstr(message_of(BS_NOTE_SIGNATURE), "by 55667788, not by 11223344"));
	ck_assert(!survey->report.starts && survey->report.starts_known);
}

/* There are two files in one folder.  No name may belong to both, not even an 8.3 name. */
static const struct {
	const char *name, *item, *more, *owner;
} names_taken[] = {
	{"short-name", "\\linuxboot.bin",
	 "file \\linuxboot.bin size=512 short=LINUXB~1.BIN\n"
	 "on windows\nfile \\linuxbridge.bin size=1 short=LINUXB~1.BIN\n",
	 "\\linuxbridge.bin"},
	{"name", "\\LINUXB~1.BIN",
	 "file \\LINUXB~1.BIN size=512 short=none\n"
	 "on windows\nfile \\linuxbridge.bin size=1 short=LINUXB~1.BIN\n",
	 "\\linuxbridge.bin"},
};

TEST_EACH(files_of_other_entries, a_name_that_is_another_files_at_the_target_is_refused,
	  names_taken)
{
	char *more;

	ck_assert_int_gt(asprintf(&more,
				  TOOL "10400008\nelement 11000001 boot\n"
				       "element 12000002 string %s\non system\n%s",
				  names_taken[_i].item, names_taken[_i].more),
			 0);
	look_at(names_taken[_i].name, more);
	free(more);
	assert_refused(BS_BOOT_FILE_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(message_of(BS_BOOT_FILE_UNSUPPORTED), names_taken[_i].owner));
}

/* An earlier attempt on Unix can leave such files.  Windows would see only one of them. */
TEST_LOOP(files_of_other_entries, two_files_at_the_target_that_differ_in_case_are_refused, 0, 2)
{
	struct sample_volume windows;
	struct bs_error err;

	sample_open_small(&sample, "twins", "");
	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &windows);
	ASSERT_OK(volume_create(windows.volume, "\\", _i == 0 ? "bootmgr" : "boot", _i == 1, &err));
	ASSERT_OK(volume_create(windows.volume, "\\", _i == 0 ? "BOOTMGR" : "Boot", _i == 1, &err));
	sample_unmount(&windows);
	look(&no_options);
	assert_refused(BS_BOOT_FILE_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(message_of(BS_BOOT_FILE_UNSUPPORTED), "2 times"));
}

TEST(files_of_other_entries, more_files_than_a_plan_has_room_for_are_refused)
{
	char *more = strdup(""), *longer;

	for (int i = 0; i < BOOT_ITEMS_MAX; i++) {
		ck_assert_int_gt(
			asprintf(&longer,
				 "%sobject {2f5b0b%02x-cce8-11e5-9d3a-0800279c5f11} 10400008\n"
				 "element 11000001 boot\nelement 12000002 string \\%d.mbr\n"
				 "on system\nfile \\%d.mbr size=512\n",
				 more, i, i, i),
			0);
		free(more);
		more = longer;
	}
	look_at("many-items", more);
	free(more);
	assert_refused(BS_BOOT_FILE_UNSUPPORTED);
	ck_assert_uint_eq(survey->facts.item_count, BOOT_ITEMS_MAX);
}

/* Gives a file or a stream a name that no program on Windows could have made. */
static const struct {
	const char *sample, *more;
	unsigned places; /* minimum number of places that have the name */
} lone_surrogates[] = {
	{"surrogate", "on system\nfile \\Boot\\qzq.txt size=9 short=none\n", 2},
	{"surrogate-stream", "on system\nstream \\bootmgr:qzq.txt size=9\n", 1},
};

TEST_EACH(files_of_other_entries, a_name_with_a_lone_surrogate_is_refused_as_such, lone_surrogates)
{
	static const char name[] = "q\0z\0q\0.\0t\0x\0t";
	uint8_t *bytes = malloc(SAMPLE_SYSTEM_SIZE), *at;
	struct bs_error err = {0};
	uint32_t changed = 0;

	sample_open_small(&sample, lone_surrogates[_i].sample, lone_surrogates[_i].more);
	ASSERT_OK(disk_read(sample.disk, SAMPLE_SYSTEM_START, bytes, SAMPLE_SYSTEM_SIZE, &err));
	for (at = bytes; (at = memmem(at, SAMPLE_SYSTEM_SIZE - (size_t)(at - bytes), name,
				      sizeof(name) - 1)) != NULL;
	     at++, changed++)
		sample_write(&sample, SAMPLE_SYSTEM_START + (uint64_t)(at - bytes) + 2, "\x00\xD8",
			     2);
	free(bytes);
	ck_assert_uint_ge(changed, lone_surrogates[_i].places);
	look(&no_options);
	assert_refused(BS_BOOT_FILE_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(message_of(BS_BOOT_FILE_UNSUPPORTED), "not valid Unicode"));
}

TEST(files_of_other_entries, the_kind_of_a_reparse_point_is_told)
{
	sample_open(&sample, image_built("wof-bootmgr", false));
	look(&no_options);
	assert_refused(BS_BOOT_FILE_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(message_of(BS_BOOT_FILE_UNSUPPORTED), "Overlay Filter"));
	assert_link(BS_LINK_BOOTMGR, BS_LINK_BROKEN, BS_BOOT_FILE_UNSUPPORTED);
}

TEST(files_of_other_entries, a_missing_bootmgr_is_not_said_to_stay)
{
	sample_open(&sample, image_built("bootmgr-missing", false));
	look(&no_options);
	assert_refused(BS_BOOTMGR_MISSING);
	ck_assert(!has_finding(BS_NOTE_STAYS));
}

/* ---- an earlier Windows -------------------------------------------------------------------- */

#define LEGACY                                                                                     \
	"object {ntldr} 10300006\nelement 11000001 partition system\n"                             \
	"element 12000002 string \\ntldr\non system\nfile \\ntldr size=9000\n"                     \
	"file \\NTDETECT.COM size=9000\n"
#define BOOT_INI(text) "file \\boot.ini line=\"[operating systems]\" line=" text "\n"
#define ON_PARTITION(number)                                                                       \
	BOOT_INI("\"multi(0)disk(0)rdisk(0)partition(" #number ")\\WINDOWS=x\"")

static const struct {
	const char *name, *more;
	uint32_t items; /* number of items that move too */
	enum bs_code code;
} legacy[] = {
	{"xp", ON_PARTITION(1), 3, BS_NOTE_STAYS},
	{"xp-2", ON_PARTITION(2), 3, BS_OK},
	{"xp-3", ON_PARTITION(3), 3, BS_NOTE_LEGACY},
	{"xp-0", ON_PARTITION(0), 3, BS_NOTE_LEGACY},
	{"xp-disk-1", BOOT_INI("\"multi(0)disk(0)rdisk(1)partition(9)\\WINDOWS=x\""), 3, BS_OK},
	{"xp-scsi", BOOT_INI("\"scsi(0)disk(0)rdisk(0)partition(9)\\WINDOWS=x\""), 3, BS_OK},
	{"xp-all", ON_PARTITION(1) "file \\bootfont.bin size=0\nfile \\NTBOOTDD.SYS size=900\n", 5,
	 BS_NOTE_STAYS},
	{"xp-no-menu", "", 2, BS_NOTE_LEGACY},
	{"xp-file", BOOT_INI("\"C:\\LINUX.BIN=x\"") "file \\linux.bin size=512\n", 4, BS_OK},
	{"xp-file-missing", BOOT_INI("\"C:\\LINUX.BIN=x\""), 3, BS_OK},
	{"xp-dos", BOOT_INI("\"C:\\=x\"") "file \\bootsect.dos size=512\n", 4, BS_OK},
	{"xp-console",
	 BOOT_INI("\"C:\\c\\b.dat=x\"") "file \\c\\b.dat size=512 seed=0\n"
					"patch \\c\\b.dat 0x1C hex=00080000\n"
					"patch \\c\\b.dat 510 hex=55AA\n",
	 4, BS_NOTE_STAYS},
	{"xp-console-other",
	 BOOT_INI("\"C:\\c\\b.dat=x\"") "file \\c\\b.dat size=512 seed=0\n"
					"patch \\c\\b.dat 0x1C hex=00090000\n"
					"patch \\c\\b.dat 510 hex=55AA\n",
	 4, BS_OK},
	{"xp-console-unsigned",
	 BOOT_INI("\"C:\\c\\b.dat=x\"") "file \\c\\b.dat size=512 seed=0\n"
					"patch \\c\\b.dat 0x1C hex=00080000\n"
					"patch \\c\\b.dat 510 hex=5500\n",
	 4, BS_OK},
	{"xp-console-long",
	 BOOT_INI("\"C:\\c\\b.dat=x\"") "file \\c\\b.dat size=16384 seed=0\n"
					"patch \\c\\b.dat 0x1C hex=00080000\n"
					"patch \\c\\b.dat 510 hex=55AA\n",
	 4, BS_NOTE_STAYS},
	{"xp-loader-empty", "file \\ntldr size=0\n", 0, BS_LEGACY_UNSUPPORTED},
	{"xp-loader-folder", "remove \\ntldr\nfolder \\ntldr\n", 0, BS_LEGACY_UNSUPPORTED},
	{"xp-detect-folder", "remove \\NTDETECT.COM\nfolder \\NTDETECT.COM\n", 0,
	 BS_LEGACY_UNSUPPORTED},
	{"xp-menu-empty", "file \\boot.ini size=0\n", 0, BS_LEGACY_UNSUPPORTED},
	{"xp-menu-folder", "folder \\boot.ini\n", 0, BS_LEGACY_UNSUPPORTED},
	{"xp-menu-large", "file \\boot.ini size=65537\n", 0, BS_LEGACY_UNSUPPORTED},
	{"xp-menu-no-text", "file \\boot.ini hex=FFFE5B00\n", 0, BS_LEGACY_UNSUPPORTED},
	{"xp-in-the-way", ON_PARTITION(1) "on windows\nfolder \\ntldr\n", 0, BS_LEGACY_UNSUPPORTED},
	{"xp-replaced", ON_PARTITION(2) "on windows\nfile \\ntldr size=7\n", 3, BS_NOTE_REPLACES},
};

TEST_CASE(an_earlier_windows, "an earlier Windows", .teardown = teardown);

TEST_EACH(an_earlier_windows, an_earlier_windows_moves_along_or_is_refused, legacy)
{
	char *more;

	ck_assert_int_gt(asprintf(&more, "%s%s", LEGACY, legacy[_i].more), 0);
	look_at(legacy[_i].name, more);
	free(more);
	if (bs_code_exit(legacy[_i].code) == BS_EXIT_REFUSED) {
		assert_refused(legacy[_i].code);
		return;
	}
	assert_fixable();
	ck_assert_uint_eq(survey->facts.item_count, 2 + legacy[_i].items);
	ck_assert_uint_eq(retargeted(), 3); /* including that of ntldr */
	ck_assert_uint_eq(survey->report.finding_count, legacy[_i].code != BS_OK);
	ck_assert(legacy[_i].code == BS_OK || has_finding(legacy[_i].code));
}

TEST_LOOP(an_earlier_windows, partitions_are_counted_as_ntldr_counts_them, 0, 2)
{
	/* The disk has three partitions: the logical one counts, the extended one does not. */
	sample_open_small(&sample, _i == 0 ? "xp-count-3" : "xp-count-4",
			  _i == 0 ? LEGACY ON_PARTITION(3) : LEGACY ON_PARTITION(4));
	write_entry(3, 0, 0x0F, 192 * MIB, 7 * MIB);
	write_extended(192 * MIB, 63, 100, 0);
	look(&no_options);
	assert_fixable();
	ck_assert_int_eq(has_finding(BS_NOTE_LEGACY), _i == 1);
}

TEST(an_earlier_windows, files_of_an_earlier_windows_that_no_entry_starts_stay)
{
	look_at("xp-unused", "on system\nfile \\ntldr size=0\nfolder \\boot.ini\n");
	assert_fixable();
	ck_assert_uint_eq(survey->facts.item_count, 2);
}

/* ---- several Windows ----------------------------------------------------------------------- */

#define OTHER "{6d3e2c40-cce9-11e5-9d3a-0800279c5f11}"
#define SECOND_WINDOWS                                                                             \
	"partition windows size=100M\npartition other start=141M size=50M\non other\n"             \
	"folder \\ descriptor=root\n"                                                              \
	"file \\Windows\\System32\\winload.exe pe=x86 size=50000\nhive bcd\nobject " OTHER         \
	" 10200003\nelement 11000001 partition other\n"                                            \
	"element 12000002 string \\Windows\\system32\\winload.exe\n"
#define ORDER(first, second) "object {bootmgr}\nelement 24000001 objects " first " " second "\n"
#define MAIN                 "{2f5b0a97-cce8-11e5-9d3a-0800279c5f11}"

static const struct {
	const char *name, *more;
	uint32_t chosen;
	int32_t boot, starts; /* indexes of partitions */
} several[] = {
	{"several-default", ORDER(OTHER, MAIN), 0, 1, 1},
	{"several-other", "object {bootmgr}\nelement 23000003 object " OTHER "\n", 0, 2, 2},
	{"several-order", "object {bootmgr}\ndelete 23000003\n" ORDER(OTHER, MAIN), 0, 2, 2},
	{"several-tool", "object {bootmgr}\nelement 23000003 object {memdiag}\n" ORDER(OTHER, MAIN),
	 0, 2, 2},
	{"several-tool-2",
	 "object {bootmgr}\nelement 23000003 object {memdiag}\n" ORDER(MAIN, OTHER), 0, 1, 1},
	{"several-legacy",
	 LEGACY ON_PARTITION(1) "object {bootmgr}\nelement 23000003 object {ntldr}\n"
				"element 24000001 objects {ntldr} " OTHER " " MAIN "\n",
	 0, 2, 2},
	{"several-chosen", "", 3, 2, 1},
	{"several-chosen-default", "", 2, 1, 1},
	{"several-recovery-first", /* the recovery is a loader too, but in a RAM disk */
	 "object {bootmgr}\nelement 23000003 object {memdiag}\n"
	 "object {00000000-cce9-11e5-9d3a-0800279c5f11} 10200003\n"
	 "element 11000001 ramdisk other \\Winre.wim " MAIN
	 "\n" ORDER("{00000000-cce9-11e5-9d3a-0800279c5f11}", MAIN),
	 0, 1, 1},
};

TEST_CASE(several_windows, "several Windows", .teardown = teardown);

TEST_EACH(several_windows, the_boot_volume_is_the_default_windows_or_the_chosen_one, several)
{
	const struct bs_options options = {.boot_partition = several[_i].chosen};
	char *more, detail[128];

	ck_assert_int_gt(asprintf(&more, "%s%s", SECOND_WINDOWS, several[_i].more), 0);
	sample_open_small(&sample, several[_i].name, more);
	free(more);
	look(&options);
	assert_fixable();
	ck_assert_int_eq(survey->report.boot_index, several[_i].boot);
	snprintf(detail, sizeof(detail), "partition %d", several[_i].starts + 1);
	if (several[_i].boot != several[_i].starts)
		snprintf(detail, sizeof(detail),
			 "partition %d, which the boot menu starts; partition %d was chosen",
			 several[_i].starts + 1, several[_i].boot + 1);
	ck_assert_str_eq(survey->report.links[BS_LINK_BOOT_VOLUME].detail, detail);
	ck_assert_ptr_nonnull(strstr(survey->report.links[BS_LINK_WINLOAD].detail,
				     several[_i].starts == 1 ? " 60000 " : " 50000 "));
	ck_assert(survey->report.starts && survey->report.starts_after);
	/* No entry of either Windows is touched. */
	for (uint32_t i = 0; i < survey->facts.elements.count; i++) {
		const struct fact_element *element = &survey->facts.elements.items[i];

		if (!facts_is_retargeted(&survey->facts, element))
			continue;
		ck_assert_str_ne(element->object, OTHER);
		ck_assert_str_ne(element->object, MAIN);
	}
}

TEST(several_windows, the_loader_of_a_chosen_windows_is_looked_for_there)
{
	const struct bs_options options = {.boot_partition = 3};

	sample_open_small(&sample, "several-missing",
			  SECOND_WINDOWS "on other\nremove \\Windows\\System32\\winload.exe\n");
	look(&options);
	assert_refused(BS_WINLOAD_MISSING);
	assert_link(BS_LINK_WINLOAD, BS_LINK_GOOD, BS_OK); /* of the default entry */
}

TEST(several_windows, of_two_entries_on_a_chosen_partition_the_first_in_the_menu_counts)
{
	const struct bs_options options = {.boot_partition = 3};

	sample_open_small(&sample, "several-shared",
			  SECOND_WINDOWS
			  "object {00000000-cce9-11e5-9d3a-0800279c5f11} 10200003\n"
			  "element 11000001 partition other\n"
			  "element 12000002 string \\nothing.exe\n" ORDER(MAIN, OTHER));
	look(&options);
	assert_fixable();
	ck_assert_str_eq(survey->report.loader_path, "\\Windows\\system32\\winload.exe");
}
