/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The judge without an image: for each rule, the facts of a sound disk with one fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "survey/judge.h"
#include "survey/rules.h"

#define MIB    (1ull << 20)
#define SYSTEM 0
#define BOOT   1

static struct facts facts;
static struct fact_file files[64];
static struct fact_element elements[BS_ELEMENTS_MAX + 1];
static struct bs_inspection report;

static struct fact_partition sound_partition(uint32_t number, uint64_t start, uint64_t size)
{
	return (struct fact_partition){
		.is = {.number = number,
		       .type = MBR_TYPE_NTFS,
		       .active = number == 1,
		       .start = start,
		       .size = size,
		       .filesystem = BS_FS_NTFS,
		       .usage_known = true,
		       .free = size / 2,
		       .cluster_size = 4096},
		.boot_record = {.kind = VBR_BOOTMGR,
				.bytes_per_sector = 512,
				.cluster_size = 4096,
				.hidden_sectors = (uint32_t)(start / 512),
				.sectors = size / 512 - 1},
	};
}

static void add_file(const char *path, bool is_folder, uint64_t size)
{
	struct fact_file *file = &facts.files.items[facts.files.count++];

	*file = (struct fact_file){.file = {.is_folder = is_folder, .size = size}};
	snprintf(file->file.path, sizeof(file->file.path), "%s", path);
}

static struct boot_item *add_item(const char *path, enum boot_item_reason reason)
{
	struct boot_item *item = &facts.items[facts.item_count++];

	*item = (struct boot_item){.reason = reason};
	snprintf(item->path, sizeof(item->path), "%s", path);
	return item;
}

static struct fact_found found(enum fact_found_kind kind, const char *path)
{
	struct fact_found there = {.kind = kind, .size = 1000};

	snprintf(there.path, sizeof(there.path), "%s", path);
	return there;
}

static struct fact_element *add_element(const char *object)
{
	struct fact_element *element = &facts.elements.items[facts.elements.count++];

	*element = (struct fact_element){.on_system = true};
	snprintf(element->object, sizeof(element->object), "%s", object);
	return element;
}

static void move_from_fat(void)
{
	facts.partitions[0].is.filesystem = BS_FS_FAT;
	facts.partitions[0].boot_record.kind = VBR_FAT_BOOTMGR;
}

/* A disk with a system and a boot volume, as Windows makes them, to which a fix applies. */
static void make_sound(void)
{
	const struct bs_options options = {.needed_room = 100 * MIB};
	struct fact_entry entry = {.object = "{default}",
				   .description = "Windows 7",
				   .path = USUAL_LOADER,
				   .device = {.kind = BCD_DEVICE_PARTITION, .disk_signature = 7},
				   .has_device = true,
				   .is_windows = true,
				   .index = BOOT};

	facts_begin(&facts, 10000 * MIB, &options);
	facts.table = TABLE_GOOD;
	facts.mbr_code = MBR_CODE_STANDARD;
	facts.found_signature = facts.disk_signature = 7;
	facts.partition_count = 2;
	facts.partitions[SYSTEM] = sound_partition(1, MIB, 100 * MIB);
	facts.partitions[BOOT] = sound_partition(2, 101 * MIB, 9000 * MIB);
	facts.active_count = 1;
	facts.active_index = SYSTEM;
	facts.system_index = SYSTEM;
	facts.files.items = memset(files, 0, sizeof(files));
	facts.elements.items = memset(elements, 0, sizeof(elements));
	add_file(BOOT_MANAGER, false, 400000);
	add_file(BOOT_FOLDER, true, 0);
	add_file(BOOT_BCD_PATH, false, 32768);
	add_item(BOOT_MANAGER, BOOT_ITEM_OF_BOOTMGR);
	add_item(BOOT_FOLDER, BOOT_ITEM_OF_BOOTMGR);
	facts.bootmgr = (struct fact_bootmgr){.was_read = true, .is_there = true, .size = 400000};
	facts.bcd = BCD_GOOD;
	facts.first = facts.starts = entry;
	facts.boot_index = BOOT;
	snprintf(facts.loader_path, sizeof(facts.loader_path), USUAL_LOADER);
	facts.loader = facts.default_loader = (struct fact_loader){LOADER_GOOD, 600000};
	add_element("{bootmgr}")->found = found(FOUND_FILE, BOOT_MANAGER);
}

/* ---- possible faults ----------------------------------------------------------------------- */

static void start_tool(int32_t index)
{
	facts.first.is_windows = false;
	facts.first.index = index;
}

static void lose_windows(uint32_t signature)
{
	facts.starts.device.disk_signature = signature;
	facts.starts.index = facts.boot_index = -1;
	facts.loader = facts.default_loader = (struct fact_loader){LOADER_UNREAD, 0};
}

/* bootmgr searches for the loader of Windows, and both partitions have it. */
static void locate_windows(int32_t index)
{
	facts.starts.device.kind = BCD_DEVICE_LOCATE;
	facts.starts.located = (struct fact_located){USUAL_LOADER, 2, {SYSTEM, BOOT}};
	facts.starts.index = index;
}

/* The signature was changed from 8, as the boot menu and the registry say. */
static void change_signature(void)
{
	facts.disk_signature = facts.starts.device.disk_signature = facts.starts.witness = 8;
	facts.starts.is_at_place = facts.starts.witness_known = true;
}

static struct fact_choice *add_choice(enum boot_ini_kind kind, uint32_t partition)
{
	struct fact_choice *choice = &facts.legacy.choices[facts.legacy.choice_count++];

	choice->ini = (struct boot_ini_choice){.kind = kind, .partition = partition};
	return choice;
}

static void add_legacy(uint32_t index, enum fact_found_kind kind, uint64_t size)
{
	facts.legacy.was_read = true;
	facts.legacy.files[index] = found(kind, fact_legacy_names[index].path);
	facts.legacy.files[index].size = size;
}

static void add_target(enum fact_in_the_way what)
{
	facts.targets[facts.target_count++].what = what;
}

static void add_many_elements(void)
{
	while (facts.elements.count <= BS_ELEMENTS_MAX)
		add_element("{many}")->found = found(FOUND_FILE, BOOT_MANAGER);
}

/* There is no bootmgr, and Windows keeps what new boot files are made of. */
static void make_anew(void)
{
	facts.bootmgr.is_there = false;
	facts.may_rebuild = facts.rebuilds = true;
	facts.rebuild.index = BOOT;
	facts.rebuild.machine = PE_MACHINE_AMD64;
	facts.rebuild.bootmgr =
		(struct fact_bootmgr){.was_read = true, .is_there = true, .size = 400000};
	facts.rebuild.template_kind = TEMPLATE_GOOD;
}

static struct bs_error an_error(enum bs_code code)
{
	return (struct bs_error){code, "something"};
}

/* X(name of the rule, code that makes the rule apply) */
#define CASES(X)                                                                                   \
	X(disk_is_luks, facts.table = TABLE_LUKS)                                                  \
	X(disk_is_one_volume, facts.table = TABLE_ONE_VOLUME)                                      \
	X(disk_has_only_gpt, facts.table = TABLE_GPT_ONLY)                                         \
	X(disk_starts_empty, facts.table = TABLE_ZEROS)                                            \
	X(disk_has_no_table, facts.table = TABLE_NONE)                                             \
	X(mbr_code_is_standard, (void)0)                                                           \
	X(mbr_code_is_missing, facts.mbr_code = MBR_CODE_NONE)                                     \
	X(mbr_code_is_another, facts.mbr_code = MBR_CODE_GRUB)                                     \
	X(disk_has_large_sectors, facts.table = TABLE_LARGE_SECTORS)                               \
	X(table_is_protective, facts.table = TABLE_PROTECTIVE)                                     \
	X(table_has_no_partitions, facts.table = TABLE_NO_PARTITIONS)                              \
	X(flag_is_invalid, facts.flags[3] = 0x81)                                                  \
	X(partition_is_dynamic, facts.partitions[1].is.type = MBR_TYPE_DYNAMIC)                    \
	X(partition_is_of_pool, facts.partitions[1].is.type = MBR_TYPE_SPACES)                     \
	X(partition_is_on_table, facts.partitions[0].is.start = 0)                                 \
	X(partition_is_cut, facts.disk_size = 9000 * MIB)                                          \
	X(partitions_overlap, facts.partitions[0].is.size = 101 * MIB)                             \
	X(wanted_system_is_missing, facts.wanted_system = 3; facts.system_index = -1)              \
	X(none_is_active, facts.active_count = 0; facts.system_index = -1)                         \
	X(several_are_active, facts.active_count = 2; facts.system_index = -1)                     \
	X(extended_is_active, facts.partitions[0].is.filesystem = BS_FS_EXTENDED;                  \
	  facts.system_index = -1)                                                                 \
	X(another_is_active, facts.active_index = BOOT)                                            \
	X(one_is_active, (void)0)                                                                  \
	X(record_is_cut_off, facts.disk_size = 50 * MIB)                                           \
	X(record_is_not_ntfs, facts.partitions[0].boot_record.kind = VBR_NOT_NTFS)                 \
	X(record_is_bitlocker, facts.partitions[0].boot_record.kind = VBR_BITLOCKER)               \
	X(record_starts_no_bootmgr, facts.partitions[0].boot_record.kind = VBR_NTLDR)              \
	X(record_misfits, facts.partitions[0].boot_record.cluster_size = 0)                        \
	X(record_is_elsewhere, facts.partitions[0].boot_record.hidden_sectors = 63)                \
	X(record_is_good, (void)0)                                                                 \
	X(file_is_encrypted, files[2].file.attributes = FILE_IS_ENCRYPTED)                         \
	X(file_is_reparse_point, files[2].file.attributes = FILE_IS_REPARSE_POINT)                 \
	X(file_is_twice, files[2].twice = true)                                                    \
	X(stream_name_is_bad, files[2].bad_stream_name = true)                                     \
	X(source_is_unfit, make_anew(); facts.rebuild.template_kind = TEMPLATE_MISSING)            \
	X(no_code_starts_new_files, make_anew(); facts.mbr_code = MBR_CODE_NONE)                   \
	X(new_files_on_active_partition, make_anew(); facts.partitions[BOOT].is.active = true)     \
	X(several_windows_for_new_files, make_anew(); facts.rebuilds = false;                      \
	  facts.rebuild.windows_count = 2)                                                         \
	X(no_windows_for_new_files, make_anew(); facts.rebuilds = false)                           \
	X(files_are_made_anew, make_anew())                                                        \
	X(bootmgr_is_unreadable, facts.partitions[0].is.usage_known = false)                       \
	X(bootmgr_is_missing, facts.bootmgr.is_there = false)                                      \
	X(bootmgr_is_no_file, facts.bootmgr.attributes = FILE_IS_ENCRYPTED)                        \
	X(bootmgr_is_damaged, facts.bootmgr.is_program = true)                                     \
	X(bootmgr_is_good, (void)0)                                                                \
	X(bcd_is_missing, facts.bcd = BCD_MISSING)                                                 \
	X(bcd_is_too_large, facts.bcd = BCD_TOO_LARGE)                                             \
	X(bcd_is_damaged, facts.bcd = BCD_UNPARSED; facts.bcd_error[0] = 'x')                      \
	X(bcd_is_good, (void)0)                                                                    \
	X(default_is_missing, facts.first.has_device = false)                                      \
	X(default_was_not_looked_at, start_tool(-1); facts.first.device.file = BCD_RAMDISK)        \
	X(default_has_old_signature, lose_windows(8); start_tool(-1);                              \
	  facts.first.is_at_place = facts.starts.is_at_place = true)                               \
	X(default_lacks_its_file, start_tool(SYSTEM))                                              \
	X(default_leads_nowhere, start_tool(-1))                                                   \
	X(default_is_good, (void)0)                                                                \
	X(windows_is_ambiguous, locate_windows(-1))                                                \
	X(several_have_what_is_located, locate_windows(BOOT))                                      \
	X(signature_is_restored, change_signature())                                               \
	X(windows_misfits, facts.partitions[1].boot_record.bytes_per_sector = 4096)                \
	X(another_windows_is_found, facts.wanted_boot = 1)                                         \
	X(windows_is_found, (void)0)                                                               \
	X(signature_was_changed, lose_windows(8); facts.starts.is_at_place = true)                 \
	X(windows_is_on_other_disk, lose_windows(8))                                               \
	X(windows_is_not_found, lose_windows(7))                                                   \
	X(wanted_boot_is_missing, facts.wanted_boot = 3; facts.boot_index = -1)                    \
	X(signature_is_disputed, lose_windows(8); facts.starts.is_at_place = true;                 \
	  facts.starts.witness_known = true; facts.starts.witness = 9)                             \
	X(signature_note, change_signature())                                                      \
	X(signature_of_registry, facts.starts.device.kind = BCD_DEVICE_LOCATE;                     \
	  facts.starts.witness_known = true; facts.starts.witness = 8)                             \
	X(bcd_is_outdated, facts.bcd_outdated = true)                                              \
	X(entry_would_break, add_element("{a}")->fate = FATE_BREAKS)                               \
	X(entry_starts_other_code, add_element("{a}")->fate = FATE_OTHER_CODE)                     \
	X(legacy_file_is_unfit, add_legacy(0, FOUND_FILE, 0))                                      \
	X(boot_ini_is_unreadable, facts.legacy.menu_error = an_error(BS_LEGACY_UNSUPPORTED))       \
	X(choice_stays, add_choice(BOOT_INI_WINDOWS, 1))                                           \
	X(choice_leads_nowhere, add_choice(BOOT_INI_WINDOWS, 3))                                   \
	X(choice_reads_system_volume, add_choice(BOOT_INI_FILE, 0)->reads_system = true)           \
	X(boot_ini_is_missing, facts.legacy.menu_missing = true)                                   \
	X(items_are_too_many, facts.items_left_out = true)                                         \
	X(elements_are_too_many, add_many_elements())                                              \
	X(elements_stay, add_element("{a}")->found = found(FOUND_FILE, "\\Recovery\\boot.sdi"))    \
	X(entry_would_lose_its_file, add_element("{a}")->found = found(FOUND_FILE, "\\Boot\\x");   \
	  elements[1].on_system = false; elements[1].on_boot = true)                               \
	X(elements_need_partition, facts.system_index = BOOT; elements[0].on_system = false;       \
	  elements[0].elsewhere = 1; elements[0].found = found(FOUND_FILE, "\\a\\boot.sdi"))       \
	X(new_menu_needs_partition, make_anew(); facts.rebuild.recovery_index = SYSTEM)            \
	X(entries_name_unsupported_file,                                                           \
	  facts.elements_error = an_error(BS_BOOT_FILE_UNSUPPORTED))                               \
	X(boot_is_damaged_for_entries, facts.elements_error = an_error(BS_NTFS))                   \
	X(system_has_unsupported_file, facts.system_error = an_error(BS_BOOT_FILE_UNSUPPORTED))    \
	X(system_is_damaged, facts.system_error = an_error(BS_NTFS_DAMAGED))                       \
	X(default_loader_is_good, (void)0)                                                         \
	X(default_loader_is_missing, facts.default_loader.kind = LOADER_MISSING)                   \
	X(default_loader_is_no_program, facts.default_loader.kind = LOADER_NO_PROGRAM)             \
	X(boot_code_is_of_fat, move_from_fat(); facts.partitions[1].boot_record.kind = VBR_OTHER)  \
	X(no_boot_code_anywhere, facts.partitions[0].boot_record.kind = VBR_OTHER;                 \
	  facts.partitions[1].boot_record.kind = VBR_OTHER)                                        \
	X(boot_code_is_replaced, facts.partitions[1].boot_record.kind = VBR_NTLDR)                 \
	X(hidden_sectors_are_corrected, facts.partitions[1].boot_record.hidden_sectors = 63)       \
	X(loader_is_missing, facts.loader.kind = LOADER_MISSING)                                   \
	X(loader_is_no_program, facts.loader.kind = LOADER_NO_PROGRAM)                             \
	X(legacy_item_meets_folder,                                                                \
	  add_item("\\ntldr", BOOT_ITEM_OF_LEGACY)->there = found(FOUND_FOLDER, "\\ntldr"))        \
	X(entry_item_meets_folder,                                                                 \
	  add_item("\\x", BOOT_ITEM_OF_ENTRY)->there = found(FOUND_FOLDER, "\\x"))                 \
	X(item_meets_windows,                                                                      \
	  add_item("\\Windows\\x", BOOT_ITEM_OF_ENTRY)->there = found(FOUND_FILE, "\\Windows\\x")) \
	X(name_is_taken, facts.items[0].there = found(FOUND_FILE, "\\bootmanager"))                \
	X(short_name_is_taken, facts.items[0].short_there = found(FOUND_FILE, "\\bootmanager"))    \
	X(name_is_there_twice, facts.items[0].names = 2)                                           \
	X(parent_is_no_folder, add_target(NOT_A_FOLDER))                                           \
	X(replaced_file_is_linked, add_target(HARD_LINKED))                                        \
	X(item_replaces, facts.items[0].replaces = 1)                                              \
	X(boot_has_unsupported_file, facts.boot_error = an_error(BS_BOOT_FILE_UNSUPPORTED))        \
	X(boot_is_damaged, facts.boot_error = an_error(BS_NTFS_DAMAGED))                           \
	X(volume_is_encrypted, facts.partitions[1].is.filesystem = BS_FS_BITLOCKER)                \
	X(volume_is_not_ntfs, facts.partitions[1].is.filesystem = BS_FS_FAT)                       \
	X(system_is_fat, move_from_fat(); facts.partitions[0].is.usage_known = false)              \
	X(volume_misfits, facts.partitions[1].boot_record.cluster_size = 128 << 10)                \
	X(volume_is_larger, facts.partitions[1].boot_record.sectors++)                             \
	X(volume_is_hibernated, facts.partitions[1].obstacle = BS_HIBERNATED)                      \
	X(volume_is_unclean, facts.partitions[0].obstacle = BS_UNCLEAN)                            \
	X(volume_is_damaged, facts.partitions[0].obstacle = BS_NTFS_DAMAGED)                       \
	X(files_come_from_fat, move_from_fat())                                                    \
	X(boot_is_logical, facts.partitions[1].is.number = 5)                                      \
	X(boot_is_full, facts.partitions[1].is.free = MIB)                                         \
	X(room_is_short, facts.needed_room = 5000 * MIB)                                           \
	X(room_of_one_volume_is_short, facts.system_index = BOOT; facts.needed_room = 9001 * MIB)

#define CASE_FUNCTION(name, statement)                                                             \
	static void make_##name(void)                                                              \
	{                                                                                          \
		statement;                                                                         \
	}
CASES(CASE_FUNCTION)

static const struct {
	const char *name;
	void (*make)(void);
} cases[] = {
#define CASE_ROW(name, statement) {#name, make_##name},
	CASES(CASE_ROW)};

static const struct rule *rule_called(const char *name)
{
	size_t count;
	const struct rule *rules = rules_all(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	ck_abort_msg("no rule %s", name);
}

/* The message of a finding; NULL: there is none. */
static const char *message_of(enum bs_code code)
{
	for (uint32_t i = 0; i < report.finding_count; i++)
		if (report.findings[i].code == code)
			return report.findings[i].message;
	return NULL;
}

static bool has_finding(enum bs_code code)
{
	return message_of(code) != NULL;
}

static enum bs_code first_refusal(void)
{
	for (uint32_t i = 0; i < report.finding_count; i++)
		if (bs_code_exit(report.findings[i].code) == BS_EXIT_REFUSED)
			return report.findings[i].code;
	return BS_OK;
}

/* ---- each rule ----------------------------------------------------------------------------- */

TEST_CASE(each_rule, "each rule");

TEST(each_rule, a_sound_disk_has_no_findings_and_a_whole_chain)
{
	make_sound();
	judge_facts(&facts, &report);
	ck_assert_uint_eq(report.finding_count, 0);
	ck_assert_int_eq(report.verdict, BS_VERDICT_FIXABLE);
	ck_assert(report.starts && report.starts_known);
	for (uint32_t i = 0; i < report.link_count; i++)
		ck_assert_int_eq(report.links[i].state, BS_LINK_GOOD);
}

TEST(each_rule, a_chosen_partition_that_does_not_exist_is_told_with_those_that_do)
{
	make_sound();
	facts.wanted_system = 3;
	facts.system_index = -1;
	judge_facts(&facts, &report);
	ck_assert_str_eq(report.findings[0].message,
			 "there is no primary partition 3, only 1 and 2");
	ck_assert(!report.starts_known);

	make_sound();
	facts.partition_count = 3;
	facts.partitions[2] = sound_partition(3, 9101 * MIB, 100 * MIB);
	facts.partitions[2].is.filesystem = BS_FS_EXTENDED;
	facts.wanted_boot = 3;
	facts.boot_index = -1;
	judge_facts(&facts, &report);
	ck_assert_str_eq(report.findings[0].message, "there is no partition 3, only 1 and 2");
}

TEST_EACH(each_rule, one_thing_that_is_wrong_gives_the_code_of_its_rule, cases)
{
	const struct rule *rule = rule_called(cases[_i].name);
	struct ruling ruling = {"", ""};
	bool applies = false;

	make_sound();
	cases[_i].make();
	for (uint32_t i = 0; i < rules_count_subjects(&facts, rule->subject) && !applies; i++)
		applies = rule->test(&facts, i, &ruling);
	ck_assert_msg(applies, "%s", rule->name);
	/* A rule has words for a link if and only if the rule names a link. */
	ck_assert_int_eq(ruling.link[0] != '\0', rule->link >= 0);
	judge_facts(&facts, &report);
	if (rule->link >= 0) {
		ck_assert_str_eq(report.links[rule->link].detail, ruling.link);
		ck_assert_int_eq(report.links[rule->link].code, rule->code);
	}
	if (ruling.finding[0] == '\0')
		return;
	ck_assert(has_finding(rule->code));
	if (bs_code_exit(rule->code) == BS_EXIT_REFUSED) {
		ck_assert_int_eq(report.verdict, BS_VERDICT_UNSUITABLE);
		ck_assert_str_eq(bs_code_name(first_refusal()), bs_code_name(rule->code));
	}
}

TEST(each_rule, a_fat_system_volume_that_was_read_is_fixable_with_a_good_boot_record)
{
	make_sound();
	move_from_fat();
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.verdict, BS_VERDICT_FIXABLE);
	ck_assert_int_eq(report.links[BS_LINK_BOOT_RECORD].state, BS_LINK_GOOD);
	ck_assert_uint_eq(report.finding_count, 1);
	ck_assert_int_eq(report.findings[0].code, BS_NOTE_FAT);
	ck_assert(!facts_need_boot_code(&facts));
	facts.partitions[1].boot_record.hidden_sectors = 63; /* a fix keeps the code */
	ck_assert(facts_need_boot_code(&facts));
	facts.partitions[1].boot_record.kind = VBR_NTLDR;
	ck_assert(!facts_need_boot_code(&facts));
}

TEST(each_rule, a_fat_system_volume_without_boot_code_is_repaired)
{
	make_sound();
	move_from_fat();
	facts.partitions[0].boot_record.kind = VBR_FAT_OTHER;
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.verdict, BS_VERDICT_FIXABLE);
	ck_assert_int_eq(report.links[BS_LINK_BOOT_RECORD].state, BS_LINK_REPAIRED);
	ck_assert(!report.starts && report.starts_after);
}

TEST(each_rule, a_fat_system_volume_that_is_in_use_is_refused)
{
	make_sound();
	move_from_fat();
	facts.partitions[0].obstacle = BS_UNCLEAN;
	judge_facts(&facts, &report);
	ck_assert_int_eq(first_refusal(), BS_UNCLEAN);
}

/* ---- the table ----------------------------------------------------------------------------- */

TEST_CASE(the_table, "the table of rules");

TEST(the_table, priorities_ascend_so_that_no_two_are_equal)
{
	size_t count;
	const struct rule *rules = rules_all(&count);

	for (size_t i = 1; i < count; i++)
		ck_assert_msg(rules[i - 1].priority < rules[i].priority, "%s", rules[i].name);
}

TEST(the_table, each_rule_has_a_case_here)
{
	size_t count;
	const struct rule *rules = rules_all(&count);

	ck_assert_uint_eq(count, sizeof(cases) / sizeof(cases[0]));
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(cases[i].name, rules[i].name);
}

TEST(the_table, each_code_of_an_images_content_has_a_rule)
{
	size_t count;
	const struct rule *rules = rules_all(&count);

	for (int code = BS_NO_PARTITION_TABLE; code < BS_CODE_COUNT; code++) {
		/* Only the verification, or a start of the disk, can find the first two.  The third
		 * is about the verdict, so the judge adds it after the rules. */
		bool found = code == BS_BEYOND_REACH || code == BS_START_FAILED ||
			     code == BS_NOTE_NOT_NEEDED;

		for (size_t i = 0; i < count; i++)
			found |= rules[i].code == (enum bs_code)code;
		ck_assert_msg(found, "%s", bs_code_name((enum bs_code)code));
	}
}

TEST(the_table, a_good_link_has_no_code_and_a_broken_one_always_has)
{
	size_t count;
	const struct rule *rules = rules_all(&count);

	for (size_t i = 0; i < count; i++)
		if (rules[i].link >= 0 && rules[i].state != BS_LINK_UNKNOWN)
			ck_assert_int_eq(rules[i].code == BS_OK, rules[i].state == BS_LINK_GOOD);
}

/* ---- findings and the verdict -------------------------------------------------------------- */

TEST_CASE(verdicts, "verdicts");

TEST(verdicts, of_two_refusals_the_one_with_the_higher_priority_comes_first)
{
	make_sound();
	make_boot_is_full();
	make_bcd_is_outdated();
	make_partition_is_dynamic();
	judge_facts(&facts, &report);
	ck_assert_uint_eq(report.finding_count, 3);
	ck_assert_int_eq(report.findings[0].code, BS_DYNAMIC_DISK);
	ck_assert_int_eq(report.findings[1].code, BS_BCD_DIRTY);
	ck_assert_int_eq(report.findings[2].code, BS_VOLUME_FULL);
}

TEST(verdicts, of_too_many_findings_refusals_stay_rather_than_notes)
{
	make_sound();
	for (uint32_t i = 0; i < BS_FINDINGS_MAX + 8; i++)
		add_element("{many}")->fate = FATE_OTHER_CODE;
	make_boot_is_full();
	judge_facts(&facts, &report);
	ck_assert_uint_eq(report.finding_count, BS_FINDINGS_MAX);
	ck_assert_int_eq(report.findings[0].code, BS_NOTE_OTHER_LOADER);
	ck_assert_int_eq(report.findings[BS_FINDINGS_MAX - 1].code, BS_VOLUME_FULL);
}

/* An image chooses the description of an entry, and so the detail of a link. */
TEST(verdicts, no_words_of_an_image_make_a_broken_link_good)
{
	make_sound();
	start_tool(SYSTEM);
	snprintf(facts.first.description, sizeof(facts.first.description), "not reached");
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.links[BS_LINK_DEFAULT_ENTRY].state, BS_LINK_BROKEN);
	ck_assert(!report.starts);
}

/* A chosen partition without a Windows is not the volume that the conversion would use. */
TEST(verdicts, a_partition_without_windows_gets_no_note_about_its_room)
{
	make_sound();
	make_room_of_one_volume_is_short();
	facts.loader.kind = LOADER_MISSING;
	judge_facts(&facts, &report);
	ck_assert(!has_finding(BS_NOTE_ROOM));
}

TEST(verdicts, one_volume_needs_no_fix)
{
	make_sound();
	facts.boot_index = facts.starts.index = SYSTEM;
	facts.needed_room = MIB;
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.verdict, BS_VERDICT_NOTHING);
	ck_assert_uint_eq(report.finding_count, 0);
}

TEST(verdicts, a_fix_repairs_the_active_flag_and_the_boot_record_only)
{
	make_sound();
	make_another_is_active();
	make_record_is_elsewhere();
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.links[BS_LINK_ACTIVE].state, BS_LINK_REPAIRED);
	ck_assert_int_eq(report.links[BS_LINK_BOOT_RECORD].state, BS_LINK_REPAIRED);
	ck_assert(!report.starts && report.starts_after);
	make_mbr_code_is_missing();
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.links[BS_LINK_MBR_CODE].state, BS_LINK_BROKEN);
	ck_assert(!report.starts_after && report.starts_after_known);
}

TEST(verdicts, an_unknown_link_leaves_open_whether_the_disk_starts)
{
	make_sound();
	make_mbr_code_is_another();
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.verdict, BS_VERDICT_FIXABLE);
	ck_assert(!report.starts && !report.starts_known);
	ck_assert(!report.starts_after && !report.starts_after_known);
}

/*
 * The boot menu names the partition with Windows by the signature 8, and the disk has 7.  The
 * registry of Windows names 8, 9 or 7, or nothing.  `others`: an entry names the disk by 7.
 */
static const struct {
	uint32_t registry;
	bool others, may_restore;
	enum fact_testimony testimony;
	uint32_t chosen;
	enum bs_code refusal;
} testimonies[] = {
	{8, false, false, TESTIMONY_BOTH, 8, BS_OK},
	{8, true, false, TESTIMONY_DISPUTED, 7, BS_SIGNATURE_DISPUTED},
	{8, true, true, TESTIMONY_DISPUTED, 7, BS_SIGNATURE_DISPUTED},
	{9, false, false, TESTIMONY_DISPUTED, 7, BS_SIGNATURE_DISPUTED},
	{9, false, true, TESTIMONY_DISPUTED, 7, BS_SIGNATURE_DISPUTED},
	{7, false, false, TESTIMONY_NONE, 7, BS_OTHER_DISK},
	{7, false, true, TESTIMONY_NONE, 7, BS_OTHER_DISK},
	{0, false, false, TESTIMONY_MENU, 7, BS_SIGNATURE_CHANGED},
	{0, false, true, TESTIMONY_MENU, 8, BS_OK},
	{0, true, true, TESTIMONY_NONE, 7, BS_OTHER_DISK},
};

TEST_EACH(verdicts, witnesses_tell_a_changed_signature_from_another_disk, testimonies)
{
	make_sound();
	lose_windows(8);
	facts.store_names_disk = testimonies[_i].others;
	facts.may_restore = testimonies[_i].may_restore;
	facts.starts.is_at_place = true;
	facts.starts.witness_known = testimonies[_i].registry != 0;
	facts.starts.witness = testimonies[_i].registry;
	ck_assert_int_eq(facts_testimony(&facts), testimonies[_i].testimony);
	ck_assert_uint_eq(facts_choose_signature(&facts), testimonies[_i].chosen);
	judge_facts(&facts, &report);
	if (testimonies[_i].refusal != BS_OK)
		ck_assert_int_eq(first_refusal(), testimonies[_i].refusal);
	ck_assert_uint_eq(report.earlier_signature,
			  testimonies[_i].testimony == TESTIMONY_BOTH ||
					  testimonies[_i].testimony == TESTIMONY_MENU
				  ? 8
				  : 0);
}

/* A device that names no partition finds its Windows by any signature.  8 is the registry's. */
TEST_LOOP(verdicts, the_registry_alone_gives_a_note_or_with_the_option_its_signature, 0, 2)
{
	make_sound();
	make_signature_of_registry();
	facts.may_restore = _i == 1;
	ck_assert_int_eq(facts_testimony(&facts), TESTIMONY_REGISTRY);
	ck_assert_uint_eq(facts_choose_signature(&facts), _i == 1 ? 8 : 7);
	judge_facts(&facts, &report);
	ck_assert_int_eq(first_refusal(), BS_OK);
	ck_assert(has_finding(BS_NOTE_SIGNATURE));
	facts.starts.witness = 0; /* no signature */
	ck_assert_int_eq(facts_testimony(&facts), TESTIMONY_NONE);
	facts.starts.witness = 8;
	facts.store_names_disk = true;
	ck_assert_int_eq(facts_testimony(&facts), TESTIMONY_NONE);
}

/* As in `testimonies`; with the option, the signature is given back. */
static const struct {
	uint32_t registry;
	bool others;
	enum bs_code code;
	const char *words;
} witnesses[] = {
	{8, false, BS_NOTE_SIGNATURE,
	 ": the boot menu and the registry of Windows name this disk by"},
	{0, false, BS_NOTE_SIGNATURE, ": the boot menu names this disk by 00000008"},
	{8, true, BS_SIGNATURE_DISPUTED, "the boot menu contradicts itself"},
	{9, false, BS_SIGNATURE_DISPUTED, "and the registry of the Windows on it by 00000009"},
};

TEST_EACH(verdicts, who_names_another_signature_is_told, witnesses)
{
	const char *message;

	make_sound();
	lose_windows(8);
	facts.store_names_disk = witnesses[_i].others;
	facts.may_restore = true;
	facts.starts.is_at_place = true;
	facts.starts.witness_known = witnesses[_i].registry != 0;
	facts.starts.witness = witnesses[_i].registry;
	facts.disk_signature = facts_choose_signature(&facts);
	judge_facts(&facts, &report);
	message = message_of(witnesses[_i].code);
	ck_assert_msg(message && strstr(message, witnesses[_i].words), "%s", message);
}

TEST(verdicts, new_files_go_to_the_active_partition_if_it_was_chosen_or_is_the_only_primary_one)
{
	make_sound();
	make_anew();
	facts.partitions[BOOT].is.active = true;
	judge_facts(&facts, &report);
	ck_assert(has_finding(BS_REBUILD_UNCHOSEN));
	facts.wanted_boot = facts.partitions[BOOT].is.number;
	judge_facts(&facts, &report);
	ck_assert(!has_finding(BS_REBUILD_UNCHOSEN));
	facts.wanted_boot = 0;
	facts.partitions[SYSTEM].is.number = 5;
	judge_facts(&facts, &report);
	ck_assert(!has_finding(BS_REBUILD_UNCHOSEN));
}

/* --only-needed: the small volume has 50 MiB free.  A disk that does not start is fixed all the same. */
static const struct {
	uint64_t needed;
	bool starts;
	enum bs_verdict verdict;
} rooms[] = {
	{50 * MIB, true, BS_VERDICT_NOTHING},
	{50 * MIB + 1, true, BS_VERDICT_FIXABLE},
	{50 * MIB, false, BS_VERDICT_FIXABLE},
};

TEST_EACH(verdicts, a_disk_with_room_enough_is_left_alone_if_that_is_wanted, rooms)
{
	make_sound();
	facts.needed_room = rooms[_i].needed;
	facts.only_needed = true;
	if (!rooms[_i].starts)
		facts.partitions[SYSTEM].boot_record.kind = VBR_OTHER;
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.verdict, rooms[_i].verdict);
	ck_assert(has_finding(BS_NOTE_NOT_NEEDED) == (rooms[_i].verdict == BS_VERDICT_NOTHING));
	facts.only_needed = false;
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.verdict, BS_VERDICT_FIXABLE);
}

/* A disk that needs nothing but its signature is fixed, and its boot record stays as it is. */
TEST(verdicts, a_disk_that_needs_only_its_signature_can_be_fixed)
{
	make_sound();
	change_signature();
	facts.system_index = facts.active_index = BOOT;
	facts.partitions[BOOT].boot_record.hidden_sectors = 63;
	judge_facts(&facts, &report);
	ck_assert_int_eq(report.verdict, BS_VERDICT_FIXABLE);
	ck_assert_int_eq(report.links[BS_LINK_BOOT_VOLUME].state, BS_LINK_REPAIRED);
	ck_assert_int_eq(report.links[BS_LINK_BOOT_RECORD].state, BS_LINK_BROKEN);
	ck_assert(!report.starts && !report.starts_after);
}

TEST(verdicts, the_only_partition_with_a_windows_is_advised)
{
	make_sound();
	lose_windows(7);
	facts.windows_count = 1;
	facts.windows_index = BOOT;
	judge_facts(&facts, &report);
	ck_assert_uint_eq(report.advised_partition, 2);
	ck_assert(!report.no_windows);
	facts.windows_count = 0;
	facts.windows_index = -1;
	judge_facts(&facts, &report);
	ck_assert_uint_eq(report.advised_partition, 0);
	ck_assert(report.no_windows);
}
