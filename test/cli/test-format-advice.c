/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images in formats that bootshift does not change, and its advice.  The test types the command in
 * the advice as it is printed, with the names filled in.  The result is an image that can be fixed.
 */
#include <stdlib.h>

#include "support/images.h"
#include "support/report.h"
#include "support/sample.h"
#include "support/state.h"

#define AS(file)             " && mv " file " disk"
#define BYTE(at, value)      " && printf '\\" value "' | dd of=disk bs=1 seek=" at QUIETLY
#define EDIT(file, from, to) " && sed -i 's/" from "/" to "/' " file
#define QUIETLY              " conv=notrunc status=none"
#define SECRET               "printf secret >key && qemu-img convert -O qcow2 --object secret,id=s,file=key "

/* Shell commands, in a folder with the raw disk a.img, that make "disk". */
static const struct {
	const char *command, *code;
	const char *made; /* the image that the command in the advice makes */
} samples[] = {
	/* QEMU can read these */
	{"qemu-img convert -O qed a.img disk", "format-unsupported", "new"},
	{"qemu-img convert -O parallels a.img disk", "format-unsupported", "new"},
	{"qemu-img convert -O qcow a.img disk", "format-unsupported", "new"},
	{"qemu-img convert -O vmdk a.img disk" BYTE("4", "3") /* version */, "format-unsupported",
	 "new"},
	{"qemu-img convert -O vmdk a.img disk" BYTE("28", "2") /* descriptorOffset */,
	 "format-unsupported", "new"},
	{"qemu-img convert -O vmdk a.img disk" EDIT("disk", "monolithicSparse", "monolithicSpXrse"),
	 "format-unsupported", "new"},
	{"qemu-img convert -O vmdk -o subformat=monolithicFlat a.img b.vmdk && mkdir sub && "
	 "mv b-flat.vmdk sub/b-flat.vmdk" EDIT("b.vmdk", "b-flat", "sub\\/b-flat") AS("b.vmdk"),
	 "format-unsupported", "new"},
	{"qemu-img convert -O vmdk -o subformat=monolithicFlat a.img b.vmdk && "
	 "echo 'changeTrackPath=\"b-ctk.vmdk\"' >line && tr -d '\\0' <b.vmdk | cat - line >disk",
	 "format-unsupported", "new"},
	{"qemu-img convert -O vmdk -o subformat=streamOptimized a.img disk", "container-compressed",
	 "new"},
	{"qemu-img convert -O vmdk -o subformat=monolithicFlat a.img b.vmdk && mkdir sub && "
	 "mv b-flat.vmdk sub && sed -i s:b-flat:sub/b-flat: b.vmdk && "
	 "qemu-img create -q -f qcow2 -b b.vmdk -F vmdk disk.qcow2",
	 "container-differencing", "new"},
	{"qemu-img convert -O qcow2 -o data_file=b.raw a.img disk", "container-split", "new"},
	{"qemu-img convert -O qcow2 a.img disk" BYTE("79", "1") /* marked dirty */,
	 "container-unclean", "disk"},
	{SECRET "-o encrypt.format=luks,encrypt.iter-time=10,encrypt.key-secret=s a.img disk",
	 "container-encrypted", "new"},
	{SECRET "-o encrypt.format=aes,encrypt.key-secret=s a.img disk", "container-encrypted",
	 "new"},
	/* other programs can read these */
	{"ewfacquirestream -q -t disk <a.img", "ewf-image", "new.raw"},
	{"mv a.img a.raw && affconvert -q -ob.aff a.raw" AS("b.aff"), "aff-image", "new"},
	/* packed images */
	{"gzip -1 a.img" AS("a.img.gz"), "packed-gzip", "new"},
	{"bzip2 -1 a.img" AS("a.img.bz2"), "packed-bzip2", "new"},
	{"xz -0 a.img" AS("a.img.xz"), "packed-xz", "new"},
	{"zstd -q --rm a.img" AS("a.img.zst"), "packed-zstd", "new"},
	{"zip -q -1 -m a.zip a.img" AS("a.zip"), "packed-zip", "a.img"},
	{"7z a -mx=1 a.7z a.img >log && rm a.img" AS("a.7z"), "packed-7z", "a.img"},
	{"tar --remove-files -Scf a.tar a.img" AS("a.tar"), "packed-tar", "a.img"},
	/* what could be two things; the guest wrote it to its boot record's place for the name */
	{"cp a.img disk && printf 'QFI\\373' | dd of=disk" QUIETLY, "format-ambiguous", "disk"},
};

/* Replaces a word of the advice by a name. */
static const char *replace(const char *command, const char *word, const char *name)
{
	const char *found = strstr(command, word);

	return found == NULL ? command
			     : text("%.*s%s%s", (int)(found - command), command, name,
				    found + strlen(word));
}

/*
 * The command follows the words that say its purpose.  The command already has the name of the
 * image.
 */
static const char *command_of(const char *advice)
{
	static const char ours[] = "bootshift ";
	const char *command = strstr(advice, ": ");

	ck_assert_msg(command != NULL, "%s", advice);
	command = replace(command + 2, "NEW", "new");
	command = replace(command, "FILE", "key");
	if (strncmp(command, ours, strlen(ours)) != 0)
		return command;
	return text("%s %s", bootshift_path(), command + strlen(ours));
}

TEST_CASE(format_advice, "format-advice", .tags = "slow");

TEST_LOOP(format_advice, the_command_in_the_advice_makes_an_image_that_can_be_fixed, 0,
	  (int)(sizeof(samples) / sizeof(samples[0])))
{
	const char *raw = image_copy(image_recipe("small", SAMPLE_SMALL));
	const char *folder = text("%.*s", (int)(strrchr(raw, '/') - raw), raw);
	/* That program recognises the format by the suffix of the name, as bootshift does of a child. */
	const char *name = strcmp(samples[_i].code, "ewf-image") == 0                ? "disk.E01"
			   : strcmp(samples[_i].code, "container-differencing") == 0 ? "disk.qcow2"
										     : "disk";
	const char *disk = text("%s/%s", folder, name);
	const char *made = text("%s/%s", folder, samples[_i].made);
	/* The command only looks, and names the option for the fix. */
	bool looks = strcmp(samples[_i].code, "format-ambiguous") == 0;
	struct image_state before;
	json_t *result;

	free(image_run(0, "cd %s && mv %s a.img && %s", folder, raw, samples[_i].command));
	before = state_take(disk);
	result = report_run("fix", disk, 3, "refused", samples[_i].code);
	state_assert_untouched(disk, &before);
	free(image_run(0, "cd %s && %s", folder, command_of(report_text(result, "advice"))));
	if (looks)
		ASSERT_STATUS(BOOTSHIFT("fix", "--format", "raw", made), 0);
	else
		report_run("fix", made, 0, "fixed", NULL);
	image_remove(disk);
}

/* A converted image would be as useless. */
TEST_LOOP(format_advice, what_holds_no_disk_is_not_to_be_converted, 0, 2)
{
	static const char *const commands[] = {
		"printf 'MSWIM\\0\\0\\0' >disk && truncate -s 1M disk",
		"truncate -s 32769 disk && printf CD001 >>disk && truncate -s 1M disk",
	};
	const char *raw = image_copy(image_recipe("small", SAMPLE_SMALL));
	const char *folder = text("%.*s", (int)(strrchr(raw, '/') - raw), raw);
	json_t *result;

	free(image_run(0, "cd %s && %s", folder, commands[_i]));
	result = report_run("fix", text("%s/disk", folder), 3, "refused", "holds-no-disk");
	ASSERT_HAS_NOT(report_text(result, "advice"), "qemu-img");
	image_remove(raw);
}
