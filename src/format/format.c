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

#include "format/describe.h"
#include "format/vhd.h"
#include "format/whole.h"
#include "util/bytes.h"

#define LONGEST_MAGIC 24u

enum { RAW, VHD, VHDX, QCOW2, VMDK, VDI };

static const struct kind {
	const char *name, *driver;
	int (*describe)(struct disk *container, struct format *format, struct bs_error *err);
	/* NULL where there are no tables. */
	int (*check_whole)(struct disk *container, const struct format *format,
			   struct bs_error *err);
	int (*refer)(struct disk *container, const struct reference_taker *taker,
		     struct bs_error *err);
} kinds[] = {
	[RAW] = {"raw", "raw", describe_raw, NULL, NULL},
	[VHD] = {"vhd", "vpc", describe_vhd, whole_check_vhd, refer_vhd},
	[VHDX] = {"vhdx", "vhdx", describe_vhdx, whole_check_vhdx, refer_vhdx},
	[QCOW2] = {"qcow2", "qcow2", describe_qcow2, whole_check_qcow2, refer_qcow2},
	[VMDK] = {"vmdk", "vmdk", describe_vmdk, whole_check_vmdk, refer_vmdk},
	[VDI] = {"vdi", "vdi", describe_vdi, whole_check_vdi, refer_vdi},
};

struct magic {
	uint16_t offset; /* in the container */
	uint8_t length;
	const char *bytes;
};

/* What tells, at the start, what it is.  The bytes are those that QEMU's drivers go by. */
static const struct {
	struct magic magic;
	const struct kind *kind;
} known[] = {
	{{0, 8, "conectix"}, &kinds[VHD]},
	{{0, 8, "vhdxfile"}, &kinds[VHDX]},
	{{0, 4, "QFI\xfb"}, &kinds[QCOW2]},
	{{0, 4, "KDMV"}, &kinds[VMDK]},
	{{0, 4, "COWD"}, &kinds[VMDK]},
	{{0, 21, "# Disk DescriptorFile"}, &kinds[VMDK]},
	{{64, 4, "\x7f\x10\xda\xbe"}, &kinds[VDI]},
};

/*
 * What is refused by its name.  The bytes are those that file(1) and QEMU's drivers go by.  The
 * code says what to do with it.
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

/* Sets *matches to whether the container has these bytes there; one that ends earlier has not. */
static int compare(struct disk *container, const struct magic *magic, bool *matches,
		   struct bs_error *err)
{
	uint8_t found[LONGEST_MAGIC];

	*matches = false;
	if (!range_within(magic->offset, magic->length, disk_size(container)))
		return 0;
	if (disk_read(container, magic->offset, found, magic->length, err) != 0)
		return -1;
	*matches = memcmp(found, magic->bytes, magic->length) == 0;
	return 0;
}

static int describe(struct disk *container, const struct kind *kind, struct format *format,
		    struct bs_error *err)
{
	*format = (struct format){
		.name = kind->name,
		.driver = kind->driver,
		.driver_options = NULL,
	};
	return kind->describe(container, format, err);
}

static const struct kind *find_kind(const char *name, struct bs_error *err)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	fail(err, BS_USAGE, "there is no format %s, only raw, vhd, vhdx, qcow2, vmdk and vdi",
	     name);
	return NULL;
}

/* Sets *kind to what the start of the container claims to be; NULL when that is nothing. */
static int read_claim(struct disk *container, const struct kind **kind, struct bs_error *err)
{
	bool matches;

	*kind = NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && *kind == NULL; i++) {
		if (compare(container, &known[i].magic, &matches, err) != 0)
			return -1;
		if (matches)
			*kind = known[i].kind;
	}
	return 0;
}

/* Sets *found to what is known of another format's mark at the start; NULL when there is none. */
static int find_foreign(struct disk *container, bool has_mbr, const struct foreign **found,
			struct bs_error *err)
{
	bool matches;

	*found = NULL;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]) && *found == NULL; i++) {
		if (compare(container, &foreign[i].magic, &matches, err) != 0)
			return -1;
		if (matches && !(foreign[i].not_on_mbr && has_mbr))
			*found = &foreign[i];
	}
	return 0;
}

static int refuse_foreign(struct disk *container, bool has_mbr, struct bs_error *err)
{
	const struct foreign *found;

	if (find_foreign(container, has_mbr, &found, err) != 0)
		return -1;
	return found == NULL ? 0 : fail(err, found->code, "is %s", found->what);
}

/* True when the start holds what it claims, be it something to refuse. */
static bool is_whole(struct disk *container, const struct kind *claim)
{
	struct format ignored;
	struct bs_error reason;

	return describe(container, claim, &ignored, &reason) == 0 ||
	       reason.code != BS_CONTAINER_CORRUPT;
}

/* The marks of formats that a container carries. */
struct marks {
	bool has_mbr;             /* 55 AA, as a raw disk has it */
	bool has_footer;          /* a VHD's */
	const struct kind *claim; /* by what it begins with; NULL: none */
};

static int read_marks(struct disk *container, struct marks *marks, struct bs_error *err)
{
	uint8_t footer[VHD_FOOTER_SIZE];
	size_t footer_length;

	if (compare(container, &boot_signature, &marks->has_mbr, err) != 0 ||
	    describe_read_footer(container, footer, &footer_length, err) != 0)
		return -1;
	marks->has_footer = footer_length > 0;
	return read_claim(container, &marks->claim, err);
}

/* What the container is by its content, in the four cases of the essay above; NULL on error. */
static const struct kind *decide(struct disk *container, struct bs_error *err)
{
	struct marks marks;
	const struct kind *claim;

	if (read_marks(container, &marks, err) != 0)
		return NULL;
	claim = marks.claim;
	if (claim && !marks.has_mbr && (!marks.has_footer || is_whole(container, claim)))
		return claim;
	if (marks.has_footer)
		return &kinds[VHD];
	if (claim) {
		fail(err, BS_FORMAT_AMBIGUOUS,
		     "begins like a %s image, but has the boot signature of a raw disk",
		     claim->name);
		return NULL;
	}
	return refuse_foreign(container, marks.has_mbr, err) == 0 ? &kinds[RAW] : NULL;
}

int format_detect(struct disk *container, const char *forced, struct format *format,
		  struct bs_error *err)
{
	const struct kind *kind = forced ? find_kind(forced, err) : decide(container, err);

	return kind ? describe(container, kind, format, err) : -1;
}

int format_check_whole(struct disk *container, const struct format *format, struct bs_error *err)
{
	const struct kind *kind = find_kind(format->name, err);

	if (kind == NULL)
		return -1;
	return kind->check_whole ? kind->check_whole(container, format, err) : 0;
}

/*
 * Most files of a folder have no mark, and no more is read of them than where marks are.  Who
 * belongs to whom is for those to say that begin with one.
 */
int format_refer(struct disk *container, const struct reference_taker *taker, struct bs_error *err)
{
	const struct kind *claim;
	struct bs_error reason = {.code = BS_OK};

	if (read_claim(container, &claim, &reason) == 0 && claim &&
	    decide(container, &reason) == claim && claim->refer(container, taker, &reason) == 0)
		return 0;
	if (reason.code == BS_NO_MEMORY)
		return fail(err, BS_NO_MEMORY, "%s", reason.message);
	return 0;
}

int format_recognise(struct disk *container, bool *marked, struct bs_error *err)
{
	const struct foreign *other = NULL;
	struct marks marks;

	if (read_marks(container, &marks, err) != 0)
		return -1;
	*marked = marks.has_footer || marks.claim != NULL;
	if (*marked)
		return 0;
	if (find_foreign(container, marks.has_mbr, &other, err) != 0)
		return -1;
	if (other != NULL && !other->is_disk)
		return fail(err, BS_NOT_AN_IMAGE, "is %s", other->what);
	*marked = other != NULL;
	return 0;
}
