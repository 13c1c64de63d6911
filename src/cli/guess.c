/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/guess.h"

#include <stdbool.h>
#include <string.h>

#include "report/text.h"

#define FAR      99
#define WORD_MAX 31
#define LOOKING  (COMMAND_INSPECT | COMMAND_PLAN | COMMAND_FIX)
#define READING  (COMMAND_INSPECT | COMMAND_PLAN | COMMAND_BOOT | COMMAND_VERIFY)
#define ALL                                                                                        \
	(LOOKING | COMMAND_BOOT | COMMAND_VERIFY | COMMAND_UNDO | COMMAND_BATCH | COMMAND_REPORT | \
	 COMMAND_ACCEPT)
#define NOT_FORCE "no option overrides a refusal; the message says what to do"
#define NO_FOLDER "for all images in a folder, use bootshift batch FOLDER"

/* Whether `words`, separated by spaces, contains a word. */
static bool guess_lists(const char *words, const char *word)
{
	size_t length = strlen(word);

	if (length == 0)
		return false;
	for (const char *found = words; (found = strstr(found, word)); found++)
		if ((found == words || found[-1] == ' ') &&
		    (found[length] == ' ' || found[length] == '\0'))
			return true;
	return false;
}

/* A copy in lower case; a word that is too long becomes empty. */
static void guess_lower(const char *word, char lower[WORD_MAX + 1])
{
	size_t length = strlen(word);

	if (length > WORD_MAX)
		length = 0;
	for (size_t i = 0; i < length; i++)
		lower[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] - 'A' + 'a') : word[i];
	lower[length] = '\0';
}

/* A word of up to five letters may have one wrong letter, a longer word two. */
unsigned guess_distance(const char *word, const char *name)
{
	char lower[WORD_MAX + 1];
	unsigned distance, most = strlen(name) > 5 ? 2 : 1;

	guess_lower(word, lower);
	distance = text_distance(lower, name);
	return distance <= most ? distance : FAR;
}

/* ---- commands ------------------------------------------------------------------------------ */

static const struct {
	enum command_bit command;
	const char *words;
} synonyms[] = {
	{COMMAND_INSPECT, "info show check list status ls analyze analyse examine view scan look "
			  "test detect print display describe stat"},
	{COMMAND_VERIFY, "validate confirm recheck re-check audit prove"},
	{COMMAND_PLAN, "simulate dry-run dryrun preview rehearse whatif what-if"},
	/* These may mean any change: none is named. */
	{0, "patch run repair convert rollback roll-back revert restore unfix reset"},
	{COMMAND_BOOT, "start launch prove proof qemu machine"},
	{COMMAND_REPORT, "summary summarize page html"},
};

enum command_bit guess_command(const char *word)
{
	enum command_bit best = 0;
	unsigned least = FAR;
	char lower[WORD_MAX + 1];

	guess_lower(word, lower);
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (guess_lists(synonyms[i].words, lower))
			return synonyms[i].command;
	/* If two commands are equally near, the word is clearly neither. */
	for (enum command_bit bit = COMMAND_FIRST; bit <= COMMAND_LAST; bit <<= 1) {
		unsigned distance = guess_distance(word, command_name(bit));

		if (distance < least) {
			least = distance;
			best = bit;
		} else if (distance == least) {
			best = 0;
		}
	}
	return best;
}

static const struct {
	const char *words, *remark;
} command_remarks[] = {
	{"apply execute", "a plan is carried out by bootshift fix --plan FILE IMAGE"},
	{"resume continue retry",
	 "a batch is continued if it is typed again with --resume --jsonl FILE"},
	{"finish finalize finalise end keep done",
	 "the undo of a fix is ended, and its undo file removed, by bootshift accept IMAGE"},
	{"undo-from undo-batch", "a batch is undone by bootshift undo --from FILE"},
};

const char *guess_command_remark(const char *word)
{
	for (size_t i = 0; i < sizeof(command_remarks) / sizeof(command_remarks[0]); i++)
		if (guess_lists(command_remarks[i].words, word))
			return command_remarks[i].remark;
	return NULL;
}

/* ---- options ------------------------------------------------------------------------------- */

static const struct {
	const char *option, *words;
} options[] = {
	{"dry-run", "-n --simulate --whatif --what-if --no-act --noop --no-op --test --check "
		    "--preview --pretend --rehearse"},
	{"plan", "-p --plan-file --from-plan"},
	{"output", "--report --write --save --html --page --out-file"},
	{"from", "-f --rows --jsonl --batch --input --all -a"},
	{"jobs", "-J -p --parallel --threads --workers --processes --cpus"},
	{"timeout", "-t --time --time-limit --limit"},
	{"include", "-i --only --pattern --match --filter --name"},
	{"exclude", "-x --skip --ignore --except"},
	{"follow", "-L --follow-links --follow-symlinks --symlinks --dereference"},
	{"jsonl", "--rows --results --log --log-file --json-lines"},
	{"report", "--html --page"},
	{"resume", "-c --continue --restart --again"},
	{"undo-dir", "-d -u --dir --directory --folder --undo --undo-folder --backup --backup-dir "
		     "--journal"},
	{"prove", "--boot --start --proof --prove-start --boot-test"},
	{"screenshot", "-s --picture --screen --screendump --image --png"},
	{"format", "-f -t --type --fmt --image-format"},
	{"pe-size", "-s --size --room --winpe-size"},
	{"changes", "--diff --differences --changed --what"},
	{"need", "--needed --for --purpose"},
	{"only-needed", "--needed-only --skip-enough --if-needed --required"},
	{"rebuild", "--bcdboot --recreate --repair --new-store --rebuild-bcd --rebuildbcd"},
	{"restore-signature", "--signature --disk-signature --fix-signature --set-signature"},
	{"verbose", "--details --detail --long -l"},
	{"quiet", "-s --silent"},
	{"color", "--colors --colours --colour"},
	{"debug", "-d --trace -D"},
	{"help", "-? --usage -H"},
	{"version", "-version"},
};

const char *guess_option(const char *word, size_t index)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (guess_lists(options[i].words, word) && index-- == 0)
			return options[i].option;
	return NULL;
}

static const struct {
	unsigned commands;
	const char *words, *remark;
} remarks[] = {
	{ALL, "-y --yes --assume-yes --no-confirm --confirm --non-interactive -i --interactive",
	 "no command asks questions"},
	{LOOKING, "-f", "the format is --format FMT; nothing can be forced"},
	{ALL & ~(COMMAND_UNDO | COMMAND_ACCEPT), "-f", NOT_FORCE},
	{ALL, "--force --overwrite --ignore-errors --no-check --unsafe", NOT_FORCE},
	{READING, "-n --dry-run --simulate --read-only --readonly -r",
	 "this command never writes to the image"},
	{LOOKING, "-a --all -r -R --recursive --recurse", NO_FOLDER},
	{COMMAND_BATCH, "-a --all -r -R --recursive --recurse",
	 "batch searches the folder and all folders in it anyway"},
	{COMMAND_BATCH, "--format",
	 "batch detects the format of each image; to name it, fix the image alone with bootshift "
	 "fix"},
	{COMMAND_BATCH, "--system-partition --boot-partition",
	 "batch finds the partitions of each image; to name them, fix the image alone with "
	 "bootshift fix"},
	{COMMAND_BATCH, "--plan", "a plan is for one image; to rehearse the batch, use --dry-run"},
	{COMMAND_BATCH, "--from",
	 "a batch is undone by bootshift undo --from FILE, and continued with --resume --jsonl "
	 "FILE"},
	{COMMAND_FIX, "-o --output", "a plan is written by bootshift plan -o FILE IMAGE"},
	{COMMAND_UNDO | COMMAND_ACCEPT, "--include --only --pattern --match --filter --name",
	 "name the images, or patterns of their names, behind --from FILE"},
	{COMMAND_BATCH, "-o --output",
	 "use --jsonl FILE for a file of results, --report FILE for a page"},
	{LOOKING, "-p --partition",
	 "a partition is chosen with --system-partition N or --boot-partition N"},
	{ALL, "--no-color --no-colour", "use --color never"},
	{ALL, "--no-undo --no-backup", "no fix is made without an undo file"},
};

const char *guess_remark(enum command_bit command, const char *word)
{
	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++)
		if ((remarks[i].commands & command) && guess_lists(remarks[i].words, word))
			return remarks[i].remark;
	return NULL;
}
