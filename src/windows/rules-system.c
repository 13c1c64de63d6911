/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on the system volume: its boot record, the files that move, and bootmgr. */
#include "windows/rules.h"

/* Bytes.  Windows Vista's bootmgr is the smallest, with 325 KiB: what is far below is a part of
 * one, or none. */
#define BOOTMGR_SIZE_MIN (128u << 10)

/* The system volume's boot record when it is of that kind, else NULL. */
static const struct vbr *record_of_kind(const struct facts *facts, enum vbr_kind kind)
{
	const struct vbr *record;

	if (facts->system_index < 0)
		return NULL;
	record = &facts->partitions[facts->system_index].boot_record;
	return record->kind == kind ? record : NULL;
}

/* ---- the boot record ----------------------------------------------------------------------- */

bool rule_record_is_not_ntfs(const struct facts *facts, struct ruling *ruling)
{
	return record_of_kind(facts, VBR_NOT_NTFS) &&
	       say_link(ruling, "%s", vbr_kind_text(VBR_NOT_NTFS));
}

bool rule_record_is_bitlocker(const struct facts *facts, struct ruling *ruling)
{
	return record_of_kind(facts, VBR_BITLOCKER) &&
	       say_link(ruling, "%s", vbr_kind_text(VBR_BITLOCKER));
}

bool rule_record_lacks_boot_code(const struct facts *facts, struct ruling *ruling)
{
	return (record_of_kind(facts, VBR_NTLDR) &&
		say_link(ruling, "%s", vbr_kind_text(VBR_NTLDR))) ||
	       (record_of_kind(facts, VBR_OTHER) &&
		say_link(ruling, "%s", vbr_kind_text(VBR_OTHER)));
}

bool rule_record_misfits(const struct facts *facts, struct ruling *ruling)
{
	const struct vbr *record = record_of_kind(facts, VBR_BOOTMGR);

	return record && vbr_misfit(record) &&
	       say_link(ruling, "the volume has %s", vbr_misfit(record));
}

bool rule_record_is_elsewhere(const struct facts *facts, struct ruling *ruling)
{
	const struct vbr *record = record_of_kind(facts, VBR_BOOTMGR);
	uint64_t sector;

	if (!record)
		return false;
	sector = facts->partitions[facts->system_index].is.start / SECTOR_SIZE;
	return record->hidden_sectors != sector &&
	       say_link(ruling, "it says that the volume starts at sector %u, which is %llu",
			record->hidden_sectors, (unsigned long long)sector);
}

bool rule_record_is_good(const struct facts *facts, struct ruling *ruling)
{
	return record_of_kind(facts, VBR_BOOTMGR) &&
	       say_link(ruling, "%s", vbr_kind_text(VBR_BOOTMGR));
}

/* ---- the files that move ------------------------------------------------------------------- */

/* The kind of a reparse point; the tags are those of [MS-FSCC] 2.1.2.1. */
static const char *reparse_text(uint32_t tag)
{
	switch (tag) {
	case 0x80000017:
		return "compressed by the Windows Overlay Filter (WOF, as compact /exe does it)";
	case 0xA0000003:
		return "a mount point or junction";
	case 0xA000000C:
		return "a symbolic link";
	case 0x80000013:
		return "deduplicated";
	default:
		return "a reparse point";
	}
}

bool rule_file_is_encrypted(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_plan_file *file = &facts->files[ruling->on].file;

	return (file->attributes & FILE_IS_ENCRYPTED) &&
	       say(ruling, "%.300s is encrypted", file->path);
}

bool rule_file_is_reparse_point(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_plan_file *file = &facts->files[ruling->on].file;

	return (file->attributes & (FILE_IS_ENCRYPTED | FILE_IS_REPARSE_POINT)) ==
		       FILE_IS_REPARSE_POINT &&
	       say(ruling, "%.300s is %s", file->path,
		   reparse_text(facts->files[ruling->on].reparse_tag));
}

/* Only tools on Unix make such files.  Windows cannot tell the two apart. */
bool rule_file_is_twice(const struct facts *facts, struct ruling *ruling)
{
	return facts->files[ruling->on].twice &&
	       say(ruling, "%.300s is there twice, in upper and lower case",
		   facts->files[ruling->on].file.path);
}

bool rule_file_has_bad_stream_name(const struct facts *facts, struct ruling *ruling)
{
	return facts->files[ruling->on].bad_stream_name &&
	       say(ruling, "%.300s has a stream with a name that is no valid Unicode",
		   facts->files[ruling->on].file.path);
}

/* ---- bootmgr ------------------------------------------------------------------------------- */

/* bootmgr, when it was looked at and is an ordinary file; else NULL. */
static const struct bs_plan_file *ordinary_bootmgr(const struct facts *facts)
{
	const struct bs_plan_file *file =
		facts->bootmgr_was_read ? facts_find_file(facts, BOOT_MANAGER) : NULL;

	return file && !(file->attributes & (FILE_IS_REPARSE_POINT | FILE_IS_ENCRYPTED)) ? file
											 : NULL;
}

bool rule_bootmgr_is_unreadable(const struct facts *facts, struct ruling *ruling)
{
	return facts->system_index >= 0 && !facts_is_readable(facts, facts->system_index) &&
	       say_link(ruling, "cannot be read");
}

bool rule_bootmgr_is_missing(const struct facts *facts, struct ruling *ruling)
{
	return facts->bootmgr_was_read && !facts_find_file(facts, BOOT_MANAGER) &&
	       say_link(ruling, "missing") &&
	       say(ruling, "the system volume (partition %u) has no \\bootmgr",
		   facts->partitions[facts->system_index].is.number);
}

/* The finding is that of the file. */
bool rule_bootmgr_is_no_file(const struct facts *facts, struct ruling *ruling)
{
	return facts->bootmgr_was_read && facts_find_file(facts, BOOT_MANAGER) &&
	       !ordinary_bootmgr(facts) && say_link(ruling, "it is no ordinary file");
}

/* What keeps the boot record's small reader of NTFS from starting bootmgr. */
bool rule_bootmgr_is_damaged(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_plan_file *bootmgr = ordinary_bootmgr(facts);
	const char *what = NULL;

	if (!bootmgr)
		return false;
	if (bootmgr->attributes & FILE_IS_COMPRESSED)
		what = "compressed"; /* the boot record says so and stops */
	else if (bootmgr->attributes & FILE_IS_SPARSE)
		what = "sparse";
	else if (bootmgr->size == 0)
		what = "empty";
	else if (bootmgr->size < BOOTMGR_SIZE_MIN)
		what = "too small";
	else if (bootmgr->size > BOOTMGR_SIZE_MAX)
		what = "too large";
	else if (facts->bootmgr_is_zeros)
		what = "nothing but zeros";
	else if (facts->bootmgr_is_program) /* bootmgr.exe or bootmgfw.efi, renamed */
		what = "a program of Windows or UEFI, and not what boot code starts";
	return what && say_link(ruling, "it is %s", what) && say(ruling, "\\bootmgr is %s", what);
}

/* After the rule on a damaged one. */
bool rule_bootmgr_is_good(const struct facts *facts, struct ruling *ruling)
{
	const struct bs_plan_file *bootmgr = ordinary_bootmgr(facts);

	return bootmgr && say_link(ruling, "%llu bytes", (unsigned long long)bootmgr->size);
}
