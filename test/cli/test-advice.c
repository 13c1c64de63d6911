/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands in advice can be typed.  For every code: the commands and options in its advice
 * exist.  For problems that can be cured from Linux: the test types the command as it is printed,
 * and then the image is fixed.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/containers.h"
#include "support/report.h"

/* ---- the words of all advices -------------------------------------------------------------- */

static const char *help_of(const char *command)
{
	struct outcome outcome =
		command != NULL ? BOOTSHIFT(command, "--help") : BOOTSHIFT("--help");

	ASSERT_STATUS(outcome, 0);
	return outcome.output;
}

static bool is_verb(const char *word)
{
	static const char *const verbs[] = {"inspect", "plan",  "fix",   "verify",
					    "undo",    "batch", "report"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word, verbs[i]) == 0)
			return true;
	return false;
}

/* The options of Windows programs, from Microsoft's reference of their command lines. */
static const struct {
	const char *name, *words;
} windows[] = {
	{"bcdboot", " /s "},
	{"bcdedit", " /enum /default /delete /f {ID} {ntldr} {current} all "},
	{"bootsect", " /nt60 /mbr "},
	{"chkdsk", " /f "},
	{"convert", " /fs:ntfs "},
	{"del", " /f /a "},
	{"manage-bde", " -off "},
	{"powercfg", " /h off "},
	{"sfc", " /scannow /offbootdir=C:\\ /offwindir=C:\\Windows "},
	{"shutdown", " /s /t 0 "},
};

#define WINDOWS_COUNT (sizeof(windows) / sizeof(windows[0]))

static size_t windows_program(const char *word)
{
	size_t i = 0;

	while (i < WINDOWS_COUNT && strcmp(word, windows[i].name) != 0)
		i++;
	return i;
}

/* The word without punctuation at its end.  The colon after a drive letter stays. */
static const char *bare(const char *word)
{
	size_t length = strlen(word);

	while (length > 0 &&
	       (strchr(",;)", word[length - 1]) != NULL || (word[length - 1] == ':' && length > 2)))
		length--;
	return text("%.*s", (int)length, word + (word[0] == '('));
}

TEST_CASE(advice_tests, "advice");

/* `qemu` is the help text of QEMU's programs. */
static void assert_named_things_exist(enum bs_code code, const char *qemu)
{
	char *words = strdup(bs_code_advice(code)), *rest = NULL;
	const char *help = NULL; /* help of the last of our commands that was named */
	const char *before = ""; /* the previous word */
	size_t program = WINDOWS_COUNT;

	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		const char *name = bare(word);

		if (strcmp(name, "bootshift") == 0) {
			help = help_of(NULL);
		} else if (help != NULL && is_verb(name)) {
			help = help_of(name);
		} else if (strcmp(before, "qemu-img") == 0) {
			program = WINDOWS_COUNT; /* qemu-img has a "convert", too */
		} else if (windows_program(name) < WINDOWS_COUNT) {
			program = windows_program(name);
		} else if (strcmp(name, "--help") == 0) {
			ck_assert_msg(help != NULL, "%s: whose help?", bs_code_name(code));
		} else if (strncmp(name, "--", 2) == 0 && help != NULL) {
			ASSERT_HAS(help, text("%s ", name));
		} else if (strncmp(name, "--", 2) == 0) {
			name = text("%.*s", (int)strcspn(name, "="), name);
			ck_assert_msg(strstr(qemu, name) != NULL ||
					      strstr(help_of("fix"), name) != NULL ||
					      strstr(help_of("batch"), name) != NULL,
				      "%s: nobody has the option %s", bs_code_name(code), name);
		} else if (name[0] == '{' ||
			   (program < WINDOWS_COUNT && (name[0] == '/' || name[0] == '-') &&
			    strncmp(name, "/dev/", 5) != 0)) {
			ck_assert_msg(program < WINDOWS_COUNT, "%s: whose is %s?",
				      bs_code_name(code), name);
			ASSERT_HAS(windows[program].words, text(" %s ", name));
		}
		before = name;
	}
	free(words);
}

TEST(advice_tests, what_an_advice_names_exists)
{
	const char *qemu =
		text("%s%s%s", RUN("qemu-img", "--help").output,
		     RUN("qemu-img", "convert", "--help").output, RUN("qemu-nbd", "--help").output);

	for (int code = BS_OK + 1; code < BS_CODE_COUNT; code++)
		assert_named_things_exist((enum bs_code)code, qemu);
}

/* ---- commands -------------------------------------------------------------------------------- */

/* The command with which an advice ends, or NULL. */
static const char *command_in(const char *advice)
{
	static const char *const programs[] = {"bootshift ", "qemu-img ", "qemu-io ",
					       "cryptsetup "};

	while ((advice = strstr(advice, ": ")) != NULL) {
		advice += 2;
		for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
			if (strncmp(advice, programs[i], strlen(programs[i])) == 0)
				return advice;
	}
	return NULL;
}

static const char *with(const char *command, const char *word, const char *value)
{
	const char *found = strstr(command, word);

	if (found == NULL)
		return command;
	return text("%.*s%s%s", (int)(found - command), command, value,
		    with(found + strlen(word), word, value));
}

/* Runs a command in a folder, with the bootshift under test on the path. */
static struct outcome type_in(const char *folder, const char *command)
{
	const char *path = bootshift_path();

	return RUN("sh", "-c",
		   text("PATH='%.*s':$PATH; cd '%s' && %s", (int)(strrchr(path, '/') - path), path,
			folder, command));
}

/*
 * The image is not an image of a disk, so only the command line is tested.  Instead of libguestfs,
 * the loader finds a file that is no library.
 */
TEST_LOOP(advice_tests, a_command_in_an_advice_is_one, BS_OK + 1, BS_CODE_COUNT)
{
	const char *command = command_in(bs_code_advice((enum bs_code)_i));
	const char *folder = test_folder();
	struct outcome outcome;

	if (command == NULL || strncmp(command, "cryptsetup", 10) == 0)
		return;
	ASSERT_STATUS(RUN("truncate", "-s", "1M", text("%s/image", folder)), 0);
	ASSERT_STATUS(RUN("sh", "-c", text("echo >'%s/libguestfs.so.0'", folder)), 0);
	command = text("LD_LIBRARY_PATH=. %s", command);
	command = with(with(with(command, "IMAGE", "image"), "SNAPSHOT", "image"), "NEW", "new");
	command = with(with(command, " N ", " 1 "), "SECONDS", "5");
	outcome = type_in(folder, with(command, " tells how", ""));
	ck_assert_msg(outcome.status != 2 && outcome.status < 126, "%s\n%s", command,
		      outcome.errors);
	ASSERT_HAS_NOT(outcome.errors, "unrecognized");
	ASSERT_HAS_NOT(outcome.errors, "nvalid option");
	ASSERT_HAS_NOT(outcome.errors, "not found");
}

/* ---- typed as printed ------------------------------------------------------------------------ */

/* The command that bootshift printed when it refused an image with this code. */
static const char *printed(struct outcome outcome, const char *code)
{
	const char *mark = text(" (%s); ", code), *found = strstr(outcome.errors, mark), *command;

	ck_assert_msg(found != NULL, "no %s in: %s%s", code, outcome.output, outcome.errors);
	command = command_in(found);
	ck_assert_msg(command != NULL, "no command in: %s", found);
	return text("%.*s", (int)strcspn(command, "\n"), command);
}

static void type(const char *command)
{
	struct outcome outcome = type_in(images_folder(), command);

	ck_assert_msg(outcome.status == 0, "%s\n%s%s", command, outcome.output, outcome.errors);
}

/* The advice is to look first.  What that prints as the next command is typed, too. */
static void look_and_type(const char *command)
{
	struct outcome outcome = type_in(images_folder(), command);
	const char *next = strstr(outcome.output, "Next: bootshift fix ");

	ck_assert_msg(strncmp(command, "bootshift inspect ", 18) == 0, "%s", command);
	ck_assert_msg(next != NULL, "%s\n%s%s", command, outcome.output, outcome.errors);
	next += strlen("Next: ");
	type(text("%.*s", (int)strcspn(next, "\n"), next));
}

static void assert_fixed(const char *image)
{
	report_run("fix", image, 0, "nothing-to-do", NULL);
}

static const struct {
	const char *more, *option, *code;
} choices[] = {
	{"partition system active=no\n", NULL, "no-active-partition"},
	{"partition windows active\n", NULL, "several-active-partitions"},
	{"", "--system-partition=4", "system-partition-unsuitable"},
	{"", "--boot-partition=4", "boot-volume-missing"},
};

TEST_EACH(advice_tests, the_advised_partition_is_the_right_one, choices)
{
	const char *recipe = text("%s%s", SAMPLE_SMALL, choices[_i].more);
	const char *image = image_copy(image_recipe(text("choice-%d", _i), recipe));
	const char *option = choices[_i].option != NULL ? choices[_i].option : "--quiet";

	look_and_type(printed(BOOTSHIFT("fix", option, image), choices[_i].code));
	assert_fixed(image);
	image_remove(image);
}

TEST(advice_tests, the_options_that_were_given_go_on_to_count)
{
	const char *recipe = SAMPLE_SMALL "partition system active=no\n";
	const char *image = image_copy(image_recipe("choice-0", recipe)), *folder = test_folder();
	struct image_state before = state_take(image);

	look_and_type(printed(BOOTSHIFT("fix", "--format", "raw", "--undo-dir", folder, image),
			      "no-active-partition"));
	ck_assert_str_eq(state_folder(image), before.folder);
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-dir", folder, image), 0);
	state_assert_restored(image, &before);
	image_remove(image);
}

#define SIGNATURE_CHANGED SAMPLE_SMALL "patch disk 0x1B8 hex=55667788\n"

static const struct container_kind kinds[] = {
	{"vhd", "vpc", "", false, NULL},
	{"vhd", "vpc", "-o subformat=fixed,force_size=on", false, NULL},
	{"vhdx", "vhdx", "", true, NULL},
	{"qcow2", "qcow2", "", true, NULL},
	{"vmdk", "vmdk", "", true, NULL},
	{"vdi", "vdi", "", true, NULL},
	{"raw", "raw", "", false, NULL},
};

TEST_EACH(advice_tests, a_changed_signature_is_put_back, kinds)
{
	const char *raw = image_recipe("signature-changed", SIGNATURE_CHANGED);
	const char *image = container_make(&kinds[_i], raw);

	type(printed(BOOTSHIFT("inspect", image), "disk-signature-changed"));
	ASSERT_HAS(BOOTSHIFT("inspect", image).output, "complete, the disk should start");
	ASSERT_HAS(BOOTSHIFT("fix", image).output, "nothing to do");
	image_remove(image);
}

/* The text report also has the command on a line of its own, whatever the width. */
TEST(advice_tests, a_command_is_not_broken_into_lines)
{
	const char *image = image_copy(image_recipe("signature-changed", SIGNATURE_CHANGED));
	struct outcome outcome = BOOTSHIFT("inspect", image);
	const char *command = strstr(outcome.output, "        bootshift fix --restore");

	ck_assert_ptr_nonnull(command);
	type(text("%.*s", (int)strcspn(command, "\n"), command));
	ASSERT_HAS(BOOTSHIFT("inspect", image).output, "complete, the disk should start");
	image_remove(image);
}

TEST_LOOP(advice_tests, an_odd_name_can_be_typed, 0, 4)
{
	static const char *const names[] = {"a b's \"c\" $HOME", "-c", "nbd:x", "fat:y.img"};
	const char *image = image_copy(image_recipe("signature-changed", SIGNATURE_CHANGED));
	const char *folder = text("%.*s", (int)(strrchr(image, '/') - image), image);
	const char *command = text("bootshift inspect -- \"$(cat name)\"");
	struct outcome outcome;

	ck_assert_int_eq(rename(image, text("%s/%s", folder, names[_i])), 0);
	ASSERT_STATUS(
		RUN("sh", "-c", text("printf %%s \"$1\" >'%s/name'", folder), "sh", names[_i]), 0);
	outcome = type_in(folder, command);
	ASSERT_STATUS(outcome, 3);
	outcome = type_in(folder, printed(outcome, "disk-signature-changed"));
	ASSERT_STATUS(outcome, 0);
	ASSERT_STATUS(type_in(folder, command), 0);
	image_remove(image);
}

/* A disk below a snapshot must not change: neither by a fix nor by a restored signature. */
TEST(advice_tests, no_signature_is_put_back_below_a_snapshot)
{
	const char *raw = image_recipe("signature-changed", SIGNATURE_CHANGED);
	const char *image = container_make(&kinds[3], raw);
	struct outcome outcome;

	free(image_run(0, "qemu-img create -q -f qcow2 -F qcow2 -b %s %s.snapshot", image, image));
	outcome = BOOTSHIFT("fix", image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(container-has-children)");
	ASSERT_HAS_NOT(outcome.errors, "--restore-signature");
	image_remove(image);
}

TEST_LOOP(advice_tests, a_new_plan_takes_the_place_of_one_that_is_of_no_use, 0, 2)
{
	const char *image = small_image(), *folder = test_folder();
	const char *plan = text("%s/plan", folder);
	bool stale = _i == 0;

	ASSERT_STATUS(BOOTSHIFT("plan", "-o", plan, image), 0);
	if (stale)
		ASSERT_STATUS(BOOTSHIFT("plan", "-o", plan, windows_7()), 0);
	else
		file_flip(plan, 0);
	type(with(printed(BOOTSHIFT("fix", "--plan", plan, image),
			  stale ? "plan-stale" : "plan-invalid"),
		  "FILE", text("%s/new", folder)));
	ASSERT_STATUS(BOOTSHIFT("fix", "--plan", text("%s/new", folder), image), 0);
	assert_fixed(image);
	image_remove(image);
}

/* A LUKS container with the disk in it.  QEMU makes the container without help from the kernel. */
static const char *encrypted(const char *raw, const char *folder)
{
	const char *path = text("%s/image", folder);

	free(image_run(0,
		       "qemu-img convert --object secret,id=key,data=password -f raw -O luks "
		       "-o key-secret=key,iter-time=10 '%s' '%s'",
		       raw, path));
	return path;
}

TEST_CASE(encrypted_tests, "encrypted", .tags = "slow");

static bool has_device_mapper(void)
{
	return RUN("dmsetup", "create", "--notable", "bootshift-probe").status == 0 &&
	       RUN("dmsetup", "remove", "bootshift-probe").status == 0;
}

TEST(encrypted_tests, an_encrypted_disk_can_be_opened)
{
	const char *image = encrypted(image_recipe("small", SAMPLE_SMALL), test_folder());
	const char *command = printed(BOOTSHIFT("fix", image), "disk-encrypted");

	ASSERT_HAS(RUN("cryptsetup", "--help").output, "open <device>");
	ck_assert_str_eq(command, text("cryptsetup open %s decrypted && bootshift fix "
				       "/dev/mapper/decrypted",
				       image));
	if (!test_needs_kernel(has_device_mapper(), "the device mapper"))
		return;
	type(text("echo password | %s", command));
	type("cryptsetup close decrypted");
}

TEST(advice_tests, a_file_that_is_made_writable_is_fixed)
{
	const char *image = small_image();

	ck_assert_int_eq(chmod(image, 0444), 0);
	ASSERT_HAS(BOOTSHIFT("fix", image).errors, " (read-only); make it writable ");
	ck_assert_int_eq(chmod(image, 0644), 0);
	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	image_remove(image);
}

TEST(advice_tests, a_shorter_name_is_one_that_leaves_room)
{
	const char *image = small_image();
	const char *folder = text("%.*s", (int)(strrchr(image, '/') - image), image);
	const char *long_name = text("%s/%0240d", folder, 0);

	ck_assert_int_eq(rename(image, long_name), 0);
	ASSERT_HAS(BOOTSHIFT("fix", long_name).errors,
		   "too long by 4 bytes (name-too-long); shorten the image's name by that much");
	ck_assert_int_eq(rename(long_name, text("%s/%0236d", folder, 0)), 0);
	ASSERT_STATUS(BOOTSHIFT("fix", text("%s/%0236d", folder, 0)), 0);
	image_remove(image);
}
