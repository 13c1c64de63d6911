/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose bytes are the container's own?
 *
 * A guest can write whatever it likes to its disk, a foreign header, too, in the hope that somebody
 * opens its image as something else: say, as a qcow2 with a backing file of its choice
 * (CVE-2010-3851).  Where its bytes lie in the container depends on the format:
 *
 *	raw                 everywhere
 *	fixed VHD           everywhere but in the footer, at the end
 *	the others          neither at the start, nor anywhere where it could choose the place;
 *	                    but the last bytes of the file may be its
 *	a VMDK descriptor   nowhere
 *
 * So the start and the end can claim different things, and one more witness is needed: the boot
 * signature 55 AA at byte 510.  Every disk that could be fixed here has it, and no header of
 * another format can: those bytes are zeros in all of them, or text.  That gives, in this order:
 *
 * 1. A header at the start and no boot signature: the start is believed, if all of its header is
 *    good.  A footer at the end may be a guest's, or of a VHD that lies in its file system.
 * 2. A VHD footer at the end: it is believed, whatever is at the start.  A guest cannot write
 *    there, and what it writes to the start besides its boot signature changes nothing.
 * 3. A header at the start of a disk with a boot signature, and no footer: refused.  It is a raw
 *    disk whose guest played a trick, but nothing in the container proves it; the owner of the
 *    image can, with an explicit format.
 * 4. Nothing of all that is raw.
 *
 * What a guest can still do to itself: make its raw disk one sector shorter by writing a VHD footer
 * to its end, or, by giving up its boot signature, have it taken for the disk in the container that
 * it wrote.  It cannot reach another file: parents, backing files and other data files are refused
 * for each format, and the one description that leads elsewhere is a short text, which is no disk.
 *
 * Something that begins like a footer but has a wrong checksum is refused rather than taken for
 * raw: it is far more often a damaged VHD than a guest's joke.
 */
#include "format/format.h"

#include <inttypes.h>

#include "disk/cache.h"
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
 * Files of other formats, which are refused by name.  The bytes are those that file(1) and QEMU's
 * drivers go by.  The advice of the code says what to do.
 */
static const struct foreign {
	struct magic magic;
	enum bs_code code;
	bool is_disk;     /* a disk, though in a form that is not supported */
	bool not_on_mbr;  /* left by an older use of the disk: a boot signature outweighs it */
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

/* Whether the container has the bytes of `magic`.  False if it ends before them. */
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

static const struct format_kind *format_kind_of(const struct format_codec *codec)
{
	const struct format_kind *kind = kinds;

	while (kind->codec != codec)
		kind++;
	return kind;
}

/* Sets *kind to what the start of the container claims to be; NULL when that is nothing. */
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

/* Sets *found to the other format whose mark the container has; NULL when there is none. */
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
	return found ? fail(err, found->code, "is %s", found->what) : 0;
}

/* True when the header at the start is good, even if the container has to be refused. */
static bool format_is_good(struct disk *container, const struct format_kind *claim)
{
	struct format ignored;
	struct bs_error reason;

	return format_describe(container, claim, &ignored, &reason) == 0 ||
	       reason.code != BS_CONTAINER_CORRUPT;
}

/* The marks of formats that a container carries. */
struct marks {
	bool has_mbr;                    /* 55 AA, as a raw disk has it */
	bool has_footer;                 /* a VHD's */
	const struct format_kind *claim; /* by what it begins with; NULL: none */
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

/* Decides the format by the content, in the four cases of the essay above; NULL on error. */
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

int format_detect(struct disk *container, const char *forced, struct format *format,
		  struct bs_error *err)
{
	const struct format_kind *kind =
		forced ? format_find_kind(forced, err) : format_decide(container, err);

	return kind ? format_describe(container, kind, format, err) : -1;
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
	/* Small tables that lie side by side are read in larger pieces, through a cache. */
	cache = cache_open(container, err);
	claims = cache ? claims_new(end, err) : NULL;
	if (claims)
		result = kind->codec->check_tables(cache, claims, err);
	claims_free(claims);
	disk_close(cache);
	return result;
}

/*
 * Most files of a folder have no mark, and no more of them is read than the places of marks.  Only
 * files that begin with a mark can reference other files.
 */
int format_refer(struct disk *container, const struct reference_taker *taker, struct bs_error *err)
{
	const struct format_kind *claim;
	struct bs_error reason = {.code = BS_OK};

	if (format_read_claim(container, &claim, &reason) == 0 && claim && claim->codec->refer &&
	    format_decide(container, &reason) == claim &&
	    claim->codec->refer(container, taker, &reason) == 0)
		return 0;
	return reason.code == BS_NO_MEMORY ? fail_memory(err) : 0;
}

int format_recognise(struct disk *container, bool *marked, struct bs_error *err)
{
	const struct foreign *other = NULL;
	struct marks marks;

	if (format_read_marks(container, &marks, err) < 0)
		return -1;
	*marked = marks.has_footer || marks.claim;
	if (*marked)
		return 0;
	if (format_find_foreign(container, marks.has_mbr, &other, err) < 0)
		return -1;
	if (other && !other->is_disk)
		return fail(err, BS_NOT_AN_IMAGE, "is %s", other->what);
	*marked = other != NULL;
	return 0;
}

/* ---- raw disks ------------------------------------------------------------------------------ */

static int format_describe_raw(struct disk *container, struct format *format, struct bs_error *err)
{
	uint64_t size = disk_size(container);

	if (size == 0)
		return fail(err, BS_NOT_AN_IMAGE, "is empty");
	if (size % SECTOR_SIZE != 0)
		return fail(err, BS_NOT_AN_IMAGE,
			    "the size of %" PRIu64 " bytes is not a multiple of 512, the sector",
			    size);
	codec_describe_window(format, size);
	return 0;
}

const struct format_codec raw_codec = {.describe = format_describe_raw};
