/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz targets: one function for each kind of bytes that bootshift reads and did not write itself.
 *
 * The same functions run in two programs:
 * - build/fuzz/fuzz, with libFuzzer (`make fuzz`), looks for inputs.
 * - build/unit-tests runs each input that is kept in test/fuzz/regressions/TARGET.
 *
 * A target checks more than that nothing crashes: FUZZ_CHECK() says what must hold for every input.
 * Where a checksum would stop nearly every changed input, the target first runs the input as it is,
 * and then once more with the checksums set right.
 *
 * To add a target: a function, its row in targets.c, and its seeds in seeds.c.
 */
#ifndef BOOTSHIFT_FUZZ_H
#define BOOTSHIFT_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Ends the process if something is not as it must be. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_fail(__FILE__, __LINE__, #condition);                                 \
	} while (0)

/* Whether the string in a fixed array ends within the array. */
#define TERMINATED(array) (strnlen((array), sizeof(array)) < sizeof(array))

_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* The name of the input, for this message.  Empty: unknown. */
extern const char *fuzz_input;

typedef void fuzz_function(const uint8_t *bytes, size_t size);

struct fuzz_target {
	const char *name;
	fuzz_function *run;
	size_t longest; /* bytes of an input */
};

/* Ends with a target without a name. */
extern const struct fuzz_target fuzz_targets[];

/* NULL: there is no such target. */
const struct fuzz_target *fuzz_find(const char *name);

/* boot.c */
fuzz_function fuzz_mbr, fuzz_vbr, fuzz_element, fuzz_bcd, fuzz_log, fuzz_boot_ini;
/* containers.c: the input is a list of patches, see patches.h */
fuzz_function fuzz_vhd, fuzz_vhdx, fuzz_qcow2, fuzz_vmdk, fuzz_vdi, fuzz_packed;
/* files.c */
fuzz_function fuzz_journal, fuzz_plan, fuzz_row;
/* messages.c */
fuzz_function fuzz_message;
/* channel.c */
fuzz_function fuzz_to_parent, fuzz_to_worker;
/* nbd.c */
fuzz_function fuzz_nbd;
/* image.c */
fuzz_function fuzz_image;

/* The sample image, a raw disk, that fuzz_image() patches.  Called once, before the first run. */
void fuzz_image_use(const char *path);

/*
 * Makes the first inputs of the targets "message", "to-parent" and "to-worker", which are structures as
 * they lie in memory.  No file keeps them: it would miss its aim as soon as a structure changes.
 */
typedef void fuzz_taker(const char *target, const char *name, const void *bytes, size_t size);
void fuzz_make_messages(fuzz_taker *take);
void fuzz_make_channel_inputs(fuzz_taker *take);

#endif
