/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sample image under an overlay: a test can change the disk, and the image stays the same.  Also
 * the steps of a fix on this disk, in this process.  Every error here fails the test.
 */
#ifndef BOOTSHIFT_TEST_SAMPLE_H
#define BOOTSHIFT_TEST_SAMPLE_H

#include "disk/overlay.h"
#include "ntfs/ntfs-engine.h"
#include "support/images.h"
#include "survey/survey.h"

/* A disk of 200 MiB with little content in its two volumes: fast, and easy to describe. */
#define SAMPLE_SMALL                                                                               \
	"include images/windows.part\n"                                                            \
	"disk size=200M signature=0x11223344\n"                                                    \
	"partition system start=1M size=40M active\n"                                              \
	"partition windows start=41M size=150M\n"                                                  \
	"on system\n"                                                                              \
	"folder \\ descriptor=root\n"                                                              \
	"file \\bootmgr size=300000 attributes=rhsa descriptor=windows\n"                          \
	"folder \\Boot attributes=hs descriptor=windows-folder\n"                                  \
	"file \\Boot\\BCD hive=bcd attributes=hsa descriptor=system\n"                             \
	"file \\Boot\\memtest.exe size=40000 attributes=a descriptor=windows\n"                    \
	"on windows\n"                                                                             \
	"folder \\ descriptor=root\n"                                                              \
	"file \\Windows\\System32\\winload.exe pe=x86 size=60000 descriptor=windows\n"             \
	"hive bcd root=NewStoreRoot file=\\Boot\\BCD\n"                                            \
	"object {bootmgr} 10100002\n"                                                              \
	"element 11000001 partition system\n"                                                      \
	"element 23000003 object {2f5b0a97-cce8-11e5-9d3a-0800279c5f11}\n"                         \
	"object {memdiag} 10200005\n"                                                              \
	"element 11000001 partition system\n"                                                      \
	"element 12000002 string \\boot\\memtest.exe\n"                                            \
	"object {2f5b0a97-cce8-11e5-9d3a-0800279c5f11} 10200003\n"                                 \
	"element 11000001 partition windows\n"                                                     \
	"element 12000002 string \\Windows\\system32\\winload.exe\n"                               \
	"element 12000004 string Windows\n"                                                        \
	"element 21000001 partition windows\n"

#define SAMPLE_SYSTEM_START (1ull << 20)
#define SAMPLE_SYSTEM_SIZE  (40ull << 20)
#define SAMPLE_BOOT_START   (41ull << 20)
#define SAMPLE_BOOT_SIZE    (150ull << 20)

struct sample {
	int descriptor;
	struct disk *file;
	struct overlay *overlay;
	struct disk *disk;
	struct volume_engine engine;
};

void sample_open(struct sample *sample, const char *image);
void sample_close(struct sample *sample);

/* Opens a sample of SAMPLE_SMALL and the lines in `more`. */
void sample_open_small(struct sample *sample, const char *name, const char *more);

/* Writes all changes of the disk to the image, which must be a raw image of this test. */
void sample_keep(struct sample *sample, const char *image);

/* Writes a part of the disk. */
void sample_write(struct sample *sample, uint64_t offset, const void *bytes, size_t length);

/* The caller frees the result with survey_free() and free(). */
struct survey *sample_survey(struct sample *sample, const struct bs_options *options);

/* The plan of a disk that can be fixed.  The caller frees it with bs_plan_free(). */
struct bs_plan *sample_plan(struct sample *sample);

/* Stages a fix.  Returns the sum of the cluster accounting before the fix. */
uint64_t sample_stage(struct sample *sample, struct bs_plan *plan);

/* A mounted volume. */
struct sample_volume {
	struct volume *volume;
};
void sample_mount(struct sample *sample, uint64_t start, uint64_t size, enum volume_mode mode,
		  struct sample_volume *mounted);
void sample_unmount(struct sample_volume *mounted);

struct volume_file *sample_open_file(struct sample_volume *mounted, const char *path);
void sample_close_file(struct volume_file *file);

/* ntfsfix and ntfsresize must find no fault in the volume.  Returns a file with the volume. */
const char *sample_check_volume(struct sample *sample, uint64_t start, uint64_t size);

#define ASSERT_OK(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.message)

#endif
