/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Completions as a user meets them: a real shell in a real terminal (tmux), where the beginning of
 * a command line and a tab are typed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"

static const char *folder;

static const char *tmux(const char *arguments)
{
	struct outcome outcome = RUN("sh", "-c", text("tmux -S '%s/tmux' %s", folder, arguments));

	ASSERT_STATUS(outcome, 0);
	return outcome.output;
}

static void begin(void)
{
	static const char *const files[] = {"disk.VHD", "disk.txt", "two words.img", "two.txt",
					    "rows.jsonl"};

	folder = test_folder();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		ASSERT_STATUS(RUN("touch", text("%s/%s", folder, files[i])), 0);
	ASSERT_STATUS(RUN("mkdir", text("%s/undo-files", folder)), 0);
	ASSERT_STATUS(RUN("touch", text("%s/undo-file.img", folder)), 0);
	START("tmux", "-D", "-f", "/dev/null", "-S", text("%s/tmux", folder));
	while (access(text("%s/tmux", folder), F_OK) != 0)
		usleep(1000);
}

/* Waits until the screen has `part`.  The test's limit of time ends the wait. */
static void wait_for(const char *part)
{
	while (!strstr(tmux("capture-pane -p -J"), part))
		usleep(20000);
}

/* Each begins with an empty screen and the prompt "ready>". */
static const struct {
	const char *name, *start, *load;
} shells[] = {
	{"bash", "env PS1=ready\\> bash --norc --noprofile -i", "source bootshift"},
	{"zsh", "env PS1=ready\\> zsh -f -i",
	 "fpath=($PWD $fpath); autoload -U compinit; compinit -u -D"},
	{"fish", "env HOME=. XDG_CONFIG_HOME=. XDG_DATA_HOME=. fish --no-config -i",
	 "function fish_prompt; echo -n ready\\>; end; set fish_autosuggestion_enabled 0; "
	 "source bootshift.fish"},
};

#define SHELL_COUNT (sizeof(shells) / sizeof(shells[0]))

/* What is typed before the tab, and what is on the screen then. */
static const struct {
	const char *typed, *completed;
} lines[] = {
	{"bootshift insp", "bootshift inspect "},
	{"bootshift help bat", "bootshift help batch"},
	{"bootshift fix --dry", "bootshift fix --dry-run"},
	{"bootshift plan --outp", "bootshift plan --output"},
	{"bootshift inspect --format vm", "bootshift inspect --format vmdk"},
	{"bootshift plan --engine libg", "bootshift plan --engine libguestfs"},
	{"bootshift batch --retry hib", "bootshift batch --retry hibernated"},
	{"bootshift fix -q dis", "bootshift fix -q disk.VHD"},
	{"bootshift verify two", "bootshift verify two\\ words.img"},
	{"bootshift report ro", "bootshift report rows.jsonl"},
	{"bootshift fix --plan dis", "bootshift fix --plan disk."},
	{"bootshift fix --undo-dir undo", "bootshift fix --undo-dir undo-files/"},
};

#define LINE_COUNT (sizeof(lines) / sizeof(lines[0]))

TEST_CASE(completion, "completion", .setup = begin, .tags = "slow");

TEST_LOOP(completion, a_tab_completes_commands_options_values_and_files, 0, SHELL_COUNT *LINE_COUNT)
{
	size_t shell = (size_t)_i / LINE_COUNT, line = (size_t)_i % LINE_COUNT;

	if (!test_needs_program(shells[shell].name))
		return;
	ASSERT_STATUS(
		RUN("sh", "-c",
		    text("cp \"$(dirname '%s')\"/completions/* '%s'", bootshift_path(), folder)),
		0);
	tmux(text("new-session -d -x 120 -y 20 -c '%s' \"%s\"", folder, shells[shell].start));
	tmux(text("send-keys -l '%s; clear; echo loa\"\"ded'", shells[shell].load));
	tmux("send-keys Enter");
	wait_for("loaded\nready>");
	tmux(text("send-keys -l '%s'", lines[line].typed));
	tmux("send-keys Tab");
	wait_for(text("ready>%s", lines[line].completed));
}
