/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules by which the judge goes, all in one table.
 *
 * A rule is a function of the facts: whether it applies and, if so, its words.  The table says the
 * rest.  The rules are tried in the order of their priority, a lower number first.  That is the
 * order of the findings, and of two rules for one link the first that applies sets the link.  So
 * the code that a refused image gets is the code of the first refusal in this table.
 *
 * A new refusal is one line here, one function in one of the rules-*.c, and one test in
 * test-judge.c.
 */
#ifndef BOOTSHIFT_RULES_H
#define BOOTSHIFT_RULES_H

#include "windows/facts.h"

/*
 * What a rule looks at.  A rule on several subjects is tried for each.  Rules that follow each other
 * and have the same kind of subject are all tried on the first subject, then on the next one.
 */
enum rule_subject {
	ON_DISK,      /* there is one */
	ON_FLAG,      /* the flag byte of an entry of the partition table */
	ON_PARTITION, /* any partition */
	ON_PAIR,      /* two partitions: BS_PARTITIONS_MAX * one + the other */
	ON_ROLE,      /* 0: the system volume, 1: the boot volume */
	ON_FILE,      /* a file that moves */
	ON_ELEMENT,   /* a device element of the BCD */
	ON_LEGACY,    /* a file of an earlier Windows */
	ON_CHOICE,    /* a choice in boot.ini */
	ON_ITEM,      /* an item that moves */
	ON_TARGET,    /* something in the way of an item */
	RULE_SUBJECT_COUNT
};

/*
 * What a rule looks at and says.  A rule that applies says something of a link, of a finding, or of
 * both.
 */
struct ruling {
	uint32_t on; /* the index of the subject */
	char link[sizeof(((struct bs_link *)NULL)->detail)];
	char finding[sizeof(((struct bs_finding *)NULL)->message)];
};

/* These set the words for a link, for a finding, or the same for both.  They return true. */
bool say_link(struct ruling *ruling, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool say(struct ruling *ruling, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool say_both(struct ruling *ruling, const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef bool rule_test(const struct facts *facts, struct ruling *ruling);

struct rule {
	unsigned priority;
	enum bs_code code; /* of the finding and of the link */
	enum rule_subject subject;
	int link; /* enum bs_link_kind, or -1: the rule says nothing of a link */
	enum bs_link_state state;
	rule_test *test;
};

/* All of them, with their number. */
const struct rule *rules_all(size_t *count);

/* How a rule leaves a link, for the table. */
#define NO_LINK       -1, BS_LINK_UNKNOWN
#define GOOD(kind)    BS_LINK_##kind, BS_LINK_GOOD
#define BROKEN(kind)  BS_LINK_##kind, BS_LINK_BROKEN
#define UNKNOWN(kind) BS_LINK_##kind, BS_LINK_UNKNOWN

/* X(priority, code, subject, link, name of the function without rule_) */
#define RULES(X)                                                                                   \
	/* the disk and its table (rules-disk.c) */                                                \
	X(100, BS_DISK_ENCRYPTED, ON_DISK, BROKEN(MBR_CODE), disk_is_luks)                         \
	X(101, BS_NO_PARTITION_TABLE, ON_DISK, BROKEN(MBR_CODE), disk_is_one_volume)               \
	X(102, BS_GPT, ON_DISK, BROKEN(MBR_CODE), disk_has_only_gpt)                               \
	X(103, BS_DISK_EMPTY, ON_DISK, BROKEN(MBR_CODE), disk_starts_empty)                        \
	X(104, BS_NO_PARTITION_TABLE, ON_DISK, BROKEN(MBR_CODE), disk_has_no_table)                \
	X(110, BS_OK, ON_DISK, GOOD(MBR_CODE), mbr_code_is_standard)                               \
	X(111, BS_NOTE_MBR_CODE, ON_DISK, BROKEN(MBR_CODE), mbr_code_is_missing)                   \
	X(112, BS_NOTE_MBR_CODE, ON_DISK, UNKNOWN(MBR_CODE), mbr_code_is_another)                  \
	X(120, BS_SECTOR_SIZE, ON_DISK, BROKEN(ACTIVE), disk_has_large_sectors)                    \
	X(121, BS_GPT, ON_DISK, NO_LINK, table_is_protective)                                      \
	X(122, BS_NO_PARTITIONS, ON_DISK, BROKEN(ACTIVE), table_has_no_partitions)                 \
	X(130, BS_PARTITION_TABLE_INVALID, ON_FLAG, NO_LINK, flag_is_invalid)                      \
	X(140, BS_DYNAMIC_DISK, ON_PARTITION, NO_LINK, partition_is_dynamic)                       \
	X(141, BS_STORAGE_SPACES, ON_PARTITION, NO_LINK, partition_is_of_pool)                     \
	X(142, BS_PARTITION_TABLE_INVALID, ON_PARTITION, NO_LINK, partition_is_on_table)           \
	X(143, BS_DISK_CUT_SHORT, ON_PARTITION, NO_LINK, partition_is_cut)                         \
	X(144, BS_PARTITION_TABLE_INVALID, ON_PAIR, NO_LINK, partitions_overlap)                   \
	X(150, BS_SYSTEM_PARTITION, ON_DISK, NO_LINK, wanted_system_is_missing)                    \
	X(151, BS_NO_ACTIVE_PARTITION, ON_DISK, BROKEN(ACTIVE), none_is_active)                    \
	X(152, BS_SEVERAL_ACTIVE, ON_DISK, BROKEN(ACTIVE), several_are_active)                     \
	X(153, BS_SYSTEM_PARTITION, ON_DISK, BROKEN(ACTIVE), extended_is_active)                   \
	X(154, BS_SYSTEM_PARTITION, ON_DISK, BROKEN(ACTIVE), another_is_active)                    \
	X(155, BS_OK, ON_DISK, GOOD(ACTIVE), one_is_active)                                        \
	/* the system volume's boot record and boot files (rules-system.c) */                      \
	X(200, BS_NOT_NTFS, ON_DISK, BROKEN(BOOT_RECORD), record_is_not_ntfs)                      \
	X(201, BS_BITLOCKER, ON_DISK, BROKEN(BOOT_RECORD), record_is_bitlocker)                    \
	X(202, BS_BOOT_CODE_MISSING, ON_DISK, BROKEN(BOOT_RECORD), record_lacks_boot_code)         \
	X(203, BS_NTFS_GEOMETRY, ON_DISK, BROKEN(BOOT_RECORD), record_misfits)                     \
	X(204, BS_NOTE_HIDDEN_SECTORS, ON_DISK, BROKEN(BOOT_RECORD), record_is_elsewhere)          \
	X(205, BS_OK, ON_DISK, GOOD(BOOT_RECORD), record_is_good)                                  \
	X(210, BS_BOOT_FILE_UNSUPPORTED, ON_FILE, NO_LINK, file_is_encrypted)                      \
	X(211, BS_BOOT_FILE_UNSUPPORTED, ON_FILE, NO_LINK, file_is_reparse_point)                  \
	X(212, BS_BOOT_FILE_UNSUPPORTED, ON_FILE, NO_LINK, file_is_twice)                          \
	X(213, BS_BOOT_FILE_UNSUPPORTED, ON_FILE, NO_LINK, file_has_bad_stream_name)               \
	X(220, BS_OK, ON_DISK, UNKNOWN(BOOTMGR), bootmgr_is_unreadable)                            \
	X(221, BS_BOOTMGR_MISSING, ON_DISK, BROKEN(BOOTMGR), bootmgr_is_missing)                   \
	X(222, BS_BOOT_FILE_UNSUPPORTED, ON_DISK, BROKEN(BOOTMGR), bootmgr_is_no_file)             \
	X(223, BS_BOOTMGR_DAMAGED, ON_DISK, BROKEN(BOOTMGR), bootmgr_is_damaged)                   \
	X(224, BS_OK, ON_DISK, GOOD(BOOTMGR), bootmgr_is_good)                                     \
	/* the boot menu (rules-menu.c) */                                                         \
	X(230, BS_BCD_MISSING, ON_DISK, BROKEN(BCD), bcd_is_missing)                               \
	X(231, BS_BCD_DAMAGED, ON_DISK, BROKEN(BCD), bcd_is_damaged)                               \
	X(232, BS_OK, ON_DISK, GOOD(BCD), bcd_is_good)                                             \
	X(240, BS_NO_DEFAULT_ENTRY, ON_DISK, BROKEN(DEFAULT_ENTRY), default_is_missing)            \
	X(241, BS_OK, ON_DISK, UNKNOWN(DEFAULT_ENTRY), default_was_not_looked_at)                  \
	X(242, BS_SIGNATURE_CHANGED, ON_DISK, BROKEN(DEFAULT_ENTRY), default_has_old_signature)    \
	X(243, BS_DEFAULT_ENTRY_BROKEN, ON_DISK, BROKEN(DEFAULT_ENTRY), default_lacks_file)        \
	X(244, BS_OK, ON_DISK, GOOD(DEFAULT_ENTRY), default_is_good)                               \
	X(250, BS_NTFS_GEOMETRY, ON_DISK, BROKEN(BOOT_VOLUME), windows_misfits)                    \
	X(251, BS_OK, ON_DISK, GOOD(BOOT_VOLUME), windows_is_found)                                \
	X(252, BS_SIGNATURE_CHANGED, ON_DISK, BROKEN(BOOT_VOLUME), signature_was_changed)          \
	X(253, BS_OTHER_DISK, ON_DISK, BROKEN(BOOT_VOLUME), windows_is_on_other_disk)              \
	X(254, BS_BOOT_VOLUME_MISSING, ON_DISK, BROKEN(BOOT_VOLUME), windows_is_not_found)         \
	X(255, BS_BOOT_VOLUME_MISSING, ON_DISK, NO_LINK, wanted_boot_is_missing)                   \
	X(260, BS_BCD_DIRTY, ON_DISK, NO_LINK, bcd_is_outdated)                                    \
	X(270, BS_ENTRY_WOULD_BREAK, ON_ELEMENT, NO_LINK, element_would_break)                     \
	X(271, BS_NOTE_OTHER_LOADER, ON_ELEMENT, NO_LINK, element_starts_other_code)               \
	X(280, BS_LEGACY_UNSUPPORTED, ON_LEGACY, NO_LINK, legacy_file_is_unfit)                    \
	X(281, BS_LEGACY_UNSUPPORTED, ON_DISK, NO_LINK, boot_ini_is_unreadable)                    \
	X(282, BS_NOTE_STAYS, ON_CHOICE, NO_LINK, choice_stays)                                    \
	X(283, BS_NOTE_LEGACY, ON_CHOICE, NO_LINK, choice_leads_nowhere)                           \
	X(284, BS_NOTE_STAYS, ON_CHOICE, NO_LINK, choice_reads_system_volume)                      \
	X(285, BS_NOTE_LEGACY, ON_DISK, NO_LINK, boot_ini_is_missing)                              \
	X(290, BS_BOOT_FILE_UNSUPPORTED, ON_DISK, NO_LINK, items_are_too_many)                     \
	X(291, BS_BCD_DAMAGED, ON_DISK, NO_LINK, elements_are_too_many)                            \
	X(292, BS_NOTE_STAYS, ON_DISK, NO_LINK, elements_stay)                                     \
	X(293, BS_ENTRY_WOULD_BREAK, ON_ELEMENT, NO_LINK, element_would_lose_file)                 \
	/* errors of the volumes, and the boot volume (rules-boot.c) */                            \
	X(300, BS_BOOT_FILE_UNSUPPORTED, ON_DISK, NO_LINK, menu_target_cannot_be_read)             \
	X(301, BS_NTFS_DAMAGED, ON_DISK, NO_LINK, menu_target_is_damaged)                          \
	X(302, BS_BOOT_FILE_UNSUPPORTED, ON_DISK, NO_LINK, system_cannot_be_read)                  \
	X(303, BS_NTFS_DAMAGED, ON_DISK, NO_LINK, system_is_damaged)                               \
	X(310, BS_OK, ON_DISK, GOOD(WINLOAD), default_loader_is_good)                              \
	X(311, BS_WINLOAD_MISSING, ON_DISK, BROKEN(WINLOAD), default_loader_is_missing)            \
	X(312, BS_NOTE_WINLOAD, ON_DISK, BROKEN(WINLOAD), default_loader_is_no_program)            \
	X(320, BS_BOOT_CODE_MISSING, ON_DISK, NO_LINK, no_boot_code_anywhere)                      \
	X(321, BS_NOTE_BOOT_CODE, ON_DISK, NO_LINK, boot_code_is_replaced)                         \
	X(322, BS_NOTE_BOOT_CODE, ON_DISK, NO_LINK, hidden_sectors_are_corrected)                  \
	X(330, BS_WINLOAD_MISSING, ON_DISK, NO_LINK, loader_is_missing)                            \
	X(331, BS_NOTE_WINLOAD, ON_DISK, NO_LINK, loader_is_no_program)                            \
	X(340, BS_LEGACY_UNSUPPORTED, ON_ITEM, NO_LINK, legacy_item_meets_folder)                  \
	X(341, BS_BOOT_FILE_UNSUPPORTED, ON_ITEM, NO_LINK, item_meets_folder)                      \
	X(342, BS_BOOT_FILE_UNSUPPORTED, ON_ITEM, NO_LINK, item_meets_windows)                     \
	X(343, BS_BOOT_FILE_UNSUPPORTED, ON_ITEM, NO_LINK, name_is_taken)                          \
	X(344, BS_BOOT_FILE_UNSUPPORTED, ON_ITEM, NO_LINK, short_name_is_taken)                    \
	X(345, BS_BOOT_FILE_UNSUPPORTED, ON_ITEM, NO_LINK, name_is_there_twice)                    \
	X(346, BS_BOOT_FILE_UNSUPPORTED, ON_TARGET, NO_LINK, target_is_no_folder)                  \
	X(347, BS_BOOT_FILE_UNSUPPORTED, ON_TARGET, NO_LINK, target_is_linked)                     \
	X(348, BS_NOTE_REPLACES, ON_ITEM, NO_LINK, item_replaces)                                  \
	X(350, BS_BOOT_FILE_UNSUPPORTED, ON_DISK, NO_LINK, boot_cannot_be_read)                    \
	X(351, BS_NTFS_DAMAGED, ON_DISK, NO_LINK, boot_is_damaged)                                 \
	/* the two volumes, and their room (rules-boot.c) */                                       \
	X(400, BS_BITLOCKER, ON_ROLE, NO_LINK, volume_is_encrypted)                                \
	X(401, BS_NOT_NTFS, ON_ROLE, NO_LINK, volume_is_not_ntfs)                                  \
	X(402, BS_NTFS_GEOMETRY, ON_ROLE, NO_LINK, volume_misfits)                                 \
	X(403, BS_PARTITION_TABLE_INVALID, ON_ROLE, NO_LINK, volume_is_larger)                     \
	X(404, BS_HIBERNATED, ON_ROLE, NO_LINK, volume_is_hibernated)                              \
	X(405, BS_UNCLEAN, ON_ROLE, NO_LINK, volume_is_unclean)                                    \
	X(406, BS_NTFS_DAMAGED, ON_ROLE, NO_LINK, volume_is_damaged)                               \
	X(410, BS_BOOT_VOLUME_LOGICAL, ON_DISK, NO_LINK, boot_is_logical)                          \
	X(420, BS_VOLUME_FULL, ON_DISK, NO_LINK, boot_is_full)                                     \
	X(421, BS_NOTE_ROOM, ON_DISK, NO_LINK, room_is_short)

/* The declarations of the functions. */
#define RULE_FUNCTION(priority, code, subject, link, name) rule_test rule_##name;
RULES(RULE_FUNCTION)
#undef RULE_FUNCTION

/* ---- for the rules and the judge (judge.c) ------------------------------------------------- */

/*
 * The room on the boot volume once the boot files are there, in bytes: `needed` with a reserve,
 * `available` with what gives way, and `after`.  False when it is not known, or nothing moves.
 */
struct room {
	uint64_t needed, available, after;
};
bool rules_room(const struct facts *facts, struct room *room);

/* Whether the Windows that starts by default was not found, and why. */
bool rules_is_unresolved(const struct facts *facts);
bool rules_is_on_other_disk(const struct facts *facts);

#endif
