/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which bytes of a container can the guest write?
 *
 * A guest can write anything to its disk, even the header of another format.  It may hope that
 * somebody opens its image as that format, for example as a qcow2 with a backing file of its choice
 * (CVE-2010-3851).  The format decides where in the container the guest's bytes lie:
 *
 *	raw                 everywhere
 *	fixed VHD           everywhere except in the footer, at the end
 *	other formats       not at the start, and nowhere at a place that the guest can choose;
 *	                    but the last bytes of the file may be the guest's
 *	a VMDK descriptor   nowhere
 *
 * So the start and the end can claim different formats, and the decision needs more evidence: the
 * boot signature 55 AA at byte 510.  Every disk that bootshift can fix has this signature.  No
 * header of another format has it: the bytes there are zeros or text.  The rules, in this order:
 *
 * 1. A header at the start and no boot signature: the header is believed, if all of it is good.  A
 *    footer at the end may be the guest's, or the footer of a VHD in the guest's file system.
 * 2. A VHD footer at the end: the footer is believed, whatever is at the start.  A guest cannot
 *    write to the footer.  If the guest keeps its boot signature, a header at the start is ignored.
 * 3. A header and a boot signature at the start, and no footer: the container is refused.  It is a
 *    raw disk whose guest wrote a header, but nothing in the container proves this.  The owner of
 *    the image can decide, with an explicit format.
 * 4. A container without any of these marks is raw.
 *
 * A guest can still harm itself.  If it writes a VHD footer to the end of its raw disk, the disk
 * becomes one sector shorter.  If it writes a container to its disk and gives up its boot
 * signature, bootshift opens that container.  But the guest cannot reach another file: each format
 * refuses other data files, and a parent is opened only if the format is certain (engine/chain.h).
 * A VMDK descriptor names another file, too, but a descriptor is a short text, which is no disk.
 *
 * If the end begins like a footer but has a wrong checksum, the container is refused, not taken for
 * raw: a damaged VHD is far more likely than a guest that wrote such bytes.
 */
#include "format/format.h"

#include <inttypes.h>

#include "disk/cache.h"
#include "format/packed.h"
#include "format/vhd.h"
#include "util/bytes.h"

static const struct format_kind {
	const char *name, *driver;
	const struct format_codec *codec;
} kinds[] = {
#define KIND(id, driver, title, ...) {#id, driver, &id##_codec},
	BS_FORMATS(KIND)
#undef KIND
};

#define KIND_COUNT  (sizeof(kinds) / sizeof(kinds[0]))
#define MAGIC_COUNT (sizeof(kinds[0].codec->magics) / sizeof(kinds[0].codec->magics[0]))

/*
 * Other formats.  bootshift refuses such a file and names its format.  The magic bytes are those of
 * file(1) and of QEMU's drivers.  The advice of `code` says what the user can do.
 */
static const struct foreign {
	struct magic magic;
	enum bs_code code;
	bool is_disk;     /* the file holds a disk, in a format that is not supported */
	bool not_on_mbr;  /* perhaps left from an older use of the disk; ignored if has_mbr */
	const char *what; /* "is ..." */
} foreign[] = {
	{{0, 4, "QED\0"}, BS_FORMAT_UNSUPPORTED, true, false, "a QED image"},
	{{0, 8, "\xbe\xba\xfe\xca\0\0\0\0"},
	 BS_CONTAINER_PART,
	 true,
	 false,
	 "the data of a VMDK (SESparse) that has its descriptor in another file"},
	{{0, 16, "WithoutFreeSpace"}, BS_FORMAT_UNSUPPORTED, true, false, "a Parallels image"},
	{{0, 16, "WithouFreSpacExt"}, BS_FORMAT_UNSUPPORTED, true, false, "a Parallels image"},
	{{0, 8, "EVF\x09\x0d\x0a\xff\x00"}, BS_EWF, true, false, "an EWF (EnCase) image"},
	{{0, 7, "AFF10\r\n"}, BS_AFF, true, false, "an AFF image"},
	{{0, 8, "MSWIM\0\0\0"},
	 BS_HOLDS_NO_DISK,
	 false,
	 false,
	 "a WIM archive: it holds files, not a disk"},
	{{32769, 5, "CD001"},
	 BS_HOLDS_NO_DISK,
	 false,
	 true,
	 "an ISO 9660 image of a CD or DVD, not of a disk"},
	{{0, 3, "\x1f\x8b\x08"}, BS_PACKED_GZIP, false, false, "a file compressed with gzip"},
	{{0, 3, "BZh"}, BS_PACKED_BZIP2, false, true, "a file compressed with bzip2"},
	{{0, 6, "\xfd\x37zXZ\0"}, BS_PACKED_XZ, false, false, "a file compressed with xz"},
	{{0, 4, "\x28\xb5\x2f\xfd"}, BS_PACKED_ZSTD, false, true, "a file compressed with zstd"},
	{{0, 4, "PK\x03\x04"}, BS_PACKED_ZIP, false, false, "a zip archive"},
	{{0, 6, "7z\xbc\xaf\x27\x1c"}, BS_PACKED_7Z, false, false, "a 7z archive"},
	{{257, 5, "ustar"}, BS_PACKED_TAR, false, true, "a tar archive, such as an OVA"},
};

static const struct magic boot_signature = {510, 2, "\x55\xaa"};

/* ---- the first sector ----------------------------------------------------------------------- */

/* A container whose first sector is read once, because most magic bytes lie there. */
struct head {
	struct disk disk;
	struct disk *container;
	uint8_t bytes[SECTOR_SIZE];
};

static int head_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	const struct head *head = (const struct head *)disk;

	if (!range_within(offset, length, sizeof(head->bytes)))
		return disk_read(head->container, offset, buffer, length, err);
	memcpy(buffer, head->bytes + offset, length);
	return 0;
}

static const struct disk_operations head_operations = {.read = head_read};

/* The head needs no closing, and is good as long as nobody writes to the container. */
static int head_open(struct head *head, struct disk *container, struct bs_error *err)
{
	head->disk = (struct disk){.operations = &head_operations, .size = disk_size(container)};
	head->container = container;
	return disk_read(container, 0, head->bytes,
			 (size_t)min_u64(sizeof(head->bytes), disk_size(container)), err);
}

/* ---- which format it is --------------------------------------------------------------------- */

/* Sets *matches to whether the container has the bytes of `magic`; false if it is too short. */
static int format_compare(struct disk *container, const struct magic *magic, bool *matches,
			  struct bs_error *err)
{
	uint8_t found[MAGIC_LENGTH_MAX];

	*matches = false;
	if (!range_within(magic->offset, magic->length, disk_size(container)))
		return 0;
	if (disk_read(container, magic->offset, found, magic->length, err) < 0)
		return -1;
	*matches = memcmp(found, magic->bytes, magic->length) == 0;
	return 0;
}

static int format_describe(struct disk *container, const struct format_kind *kind,
			   struct format *format, struct bs_error *err)
{
	*format = (struct format){
		.name = kind->name,
		.driver = kind->driver,
		.needs_check = kind->codec->needs_check,
	};
	return kind->codec->describe(container, format, err);
}

static const struct format_kind *format_find_kind(const char *name, struct bs_error *err)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	fail(err, BS_USAGE, "unknown format '%s': it is one of%s", name, BS_FORMAT_NAMES);
	return NULL;
}

const char *format_of_driver(const char *driver)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (strcmp(driver, kinds[i].driver) == 0)
			return kinds[i].name;
	return NULL;
}

static const struct format_kind *format_kind_of(const struct format_codec *codec)
{
	const struct format_kind *kind = kinds;

	while (kind->codec != codec)
		kind++;
	return kind;
}

/* Sets *kind to the format whose magic bytes the container has; NULL when it has none. */
static int format_read_claim(struct disk *container, const struct format_kind **kind,
			     struct bs_error *err)
{
	bool matches = false;

	for (*kind = kinds; *kind < kinds + KIND_COUNT; (*kind)++) {
		const struct magic *magics = (*kind)->codec->magics;

		for (size_t i = 0; i < MAGIC_COUNT && magics[i].length > 0; i++) {
			if (format_compare(container, &magics[i], &matches, err) < 0)
				return -1;
			if (matches)
				return 0;
		}
	}
	*kind = NULL;
	return 0;
}

/* Sets *found to the unsupported format whose magic bytes the container has, or to NULL. */
static int format_find_foreign(struct disk *container, bool has_mbr, const struct foreign **found,
			       struct bs_error *err)
{
	bool matches;

	*found = NULL;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]) && !*found; i++) {
		if (format_compare(container, &foreign[i].magic, &matches, err) < 0)
			return -1;
		if (matches && !(foreign[i].not_on_mbr && has_mbr))
			*found = &foreign[i];
	}
	return 0;
}

static int format_refuse_foreign(struct disk *container, bool has_mbr, struct bs_error *err)
{
	const struct foreign *found;

	if (format_find_foreign(container, has_mbr, &found, err) < 0)
		return -1;
	return found ? packed_refuse(container, found->code, found->what, err) : 0;
}

/* Returns whether the header at the start is good, even if the container has to be refused. */
static bool format_is_good(struct disk *container, const struct format_kind *claim)
{
	struct format ignored;
	struct bs_error reason;

	return format_describe(container, claim, &ignored, &reason) == 0 ||
	       reason.code != BS_CONTAINER_CORRUPT;
}

/* The evidence for the formats of a container. */
struct marks {
	bool has_mbr;                    /* the boot signature 55 AA of a raw disk */
	bool has_footer;                 /* the footer of a VHD */
	const struct format_kind *claim; /* the format of the magic bytes; NULL: none */
};

static int format_read_marks(struct disk *container, struct marks *marks, struct bs_error *err)
{
	uint8_t footer[VHD_FOOTER_SIZE];
	size_t footer_length;

	if (format_compare(container, &boot_signature, &marks->has_mbr, err) < 0 ||
	    vhd_read_footer(container, footer, &footer_length, err) < 0)
		return -1;
	marks->has_footer = footer_length > 0;
	return format_read_claim(container, &marks->claim, err);
}

/* Decides the format by the content, by the four rules at the head of this file; NULL on error. */
static const struct format_kind *format_decide(struct disk *container, struct bs_error *err)
{
	struct marks marks;
	const struct format_kind *claim;

	if (format_read_marks(container, &marks, err) < 0)
		return NULL;
	claim = marks.claim;
	if (claim && !marks.has_mbr && (!marks.has_footer || format_is_good(container, claim)))
		return claim;
	if (marks.has_footer)
		return format_kind_of(&vhd_codec);
	if (claim) {
		fail(err, BS_FORMAT_AMBIGUOUS,
		     "begins like a %s image, but has the boot signature of a raw disk",
		     claim->name);
		return NULL;
	}
	return format_refuse_foreign(container, marks.has_mbr, err) < 0
		       ? NULL
		       : format_kind_of(&raw_codec);
}

/*
 * The format that a container has instead of the forced one; NULL: unknown.  The boot signature
 * decides whether it may be raw: then forcing raw is right, whatever else is in it.
 */
static const struct format_kind *format_find_other(struct disk *container,
						   const struct format_kind *forced)
{
	const struct format_kind *kind;
	struct format ignored;
	struct bs_error reason;
	bool has_mbr;

	if (format_compare(container, &boot_signature, &has_mbr, &reason) < 0)
		return NULL;
	kind = format_decide(container, &reason);
	if (!kind || kind == forced || (forced->codec == &raw_codec && has_mbr) ||
	    (kind->codec == &raw_codec && !has_mbr) ||
	    format_describe(container, kind, &ignored, &reason) < 0)
		return NULL;
	return kind;
}

/* A wrong --format must not look like damage, or like a disk without partitions. */
static int format_describe_forced(struct disk *container, const char *name, struct format *format,
				  struct bs_error *err)
{
	const struct format_kind *forced = format_find_kind(name, err), *other = NULL;
	int result;

	if (!forced)
		return -1;
	result = format_describe(container, forced, format, err);
	if (result < 0 || forced->codec == &raw_codec)
		other = format_find_other(container, forced);
	return other ? fail(err, BS_FORMAT_DIFFERS, "the format is %s, not %s", other->name,
			    forced->name)
		     : result;
}

int format_detect(struct disk *container, const char *forced, struct format *format,
		  struct bs_error *err)
{
	const struct format_kind *kind;
	struct head head;

	if (head_open(&head, container, err) < 0)
		return -1;
	if (forced)
		return format_describe_forced(&head.disk, forced, format, err);
	kind = format_decide(&head.disk, err);
	return kind ? format_describe(&head.disk, kind, format, err) : -1;
}

int format_check_tables(struct disk *container, const struct format *format, struct bs_error *err)
{
	const struct format_kind *kind = format_find_kind(format->name, err);
	uint64_t end = disk_size(container);
	struct claims *claims;
	struct disk *cache;
	int result = -1;

	if (!kind)
		return -1;
	if (format->access != FORMAT_DRIVER)
		return range_within(format->offset, format->length, end)
			       ? 0
			       : fail(err, BS_CONTAINER_CORRUPT,
				      "the file is cut short: it ends at byte %" PRIu64
				      ", the disk in it at %" PRIu64,
				      end, format->offset + format->length);
	if (format->unfinished || !kind->codec->check_tables)
		return 0;
	/* The cache reads small neighbouring tables in larger pieces. */
	cache = cache_open(container, err);
	claims = cache ? claims_new(end, format->disk_size, err) : NULL;
	if (claims)
		result = kind->codec->check_tables(cache, claims, err);
	claims_free(claims);
	disk_close(cache);
	return result;
}

/*
 * Only files with magic bytes can reference other files.  Most files of a folder have no magic
 * bytes; of these files the function reads only the places of magic bytes.
 */
int format_refer(struct disk *container, const struct reference_taker *taker, struct bs_error *err)
{
	const struct format_kind *claim;
	struct bs_error reason = {.code = BS_OK};
	struct head head;

	if (head_open(&head, container, &reason) == 0 &&
	    format_read_claim(&head.disk, &claim, &reason) == 0 && claim && claim->codec->refer &&
	    format_decide(&head.disk, &reason) == claim &&
	    claim->codec->refer(&head.disk, taker, &reason) == 0)
		return 0;
	return reason.code == BS_NO_MEMORY ? fail_memory(err) : 0;
}

int format_recognise(struct disk *container, bool *marked, struct bs_error *err)
{
	const struct foreign *other = NULL;
	struct marks marks;
	struct head head;

	if (head_open(&head, container, err) < 0 || format_read_marks(&head.disk, &marks, err) < 0)
		return -1;
	*marked = marks.has_footer || marks.claim;
	if (*marked)
		return 0;
	if (format_find_foreign(&head.disk, marks.has_mbr, &other, err) < 0)
		return -1;
	if (other && !other->is_disk) {
		packed_refuse(container, other->code, other->what, err);
		if (err->code == BS_HOLDS_NO_DISK)
			err->code = BS_NOT_AN_IMAGE;
		return -1;
	}
	*marked = other != NULL;
	return 0;
}

/* ---- raw disks ------------------------------------------------------------------------------ */

/* A file that begins like a disk is a disk that was cut short, or a fixed VHD that was. */
static int format_fail_size(struct disk *container, struct bs_error *err)
{
	const char *cut = "";
	bool has_mbr;

	if (format_compare(container, &boot_signature, &has_mbr, err) < 0)
		return -1;
	if (has_mbr)
		cut = ": the file was cut short";
	return fail(err, has_mbr ? BS_DISK_CUT_SHORT : BS_NOT_AN_IMAGE,
		    "the size, %" PRIu64 " bytes, is not a multiple of the sector size, 512%s",
		    disk_size(container), cut);
}

static int format_describe_raw(struct disk *container, struct format *format, struct bs_error *err)
{
	uint64_t size = disk_size(container);

	if (size == 0)
		return fail(err, BS_NOT_AN_IMAGE, "is empty");
	if (size % SECTOR_SIZE != 0)
		return format_fail_size(container, err);
	codec_describe_window(format, size);
	return 0;
}

const struct format_codec raw_codec = {.describe = format_describe_raw};
