/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fixes an image, shows the progress, then runs a command, such as a conversion.  If the command
 * fails, the fix is undone.  SIGINT cancels the fix.
 *
 *   cc -o fix-and-convert fix-and-convert.c $(pkg-config --cflags --libs bootshift)
 *   ./fix-and-convert disk.vhd my-conversion disk.vhd
 */
#include <bootshift.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t cancelled;

static void cancel(int number)
{
	(void)number;
	cancelled = 1;
}

/* A later version of the library may have phases without a name here. */
static int show_progress(void *context, const struct bs_progress *progress)
{
	static const char *const names[BS_PHASE_COUNT] = {
		[BS_PHASE_OPENING] = "opening",         [BS_PHASE_REHEARSING] = "rehearsing",
		[BS_PHASE_CHECKING] = "checking",       [BS_PHASE_COMMITTING] = "writing",
		[BS_PHASE_VERIFYING] = "reading again", [BS_PHASE_UNDOING] = "undoing",
	};

	if (progress->phase < BS_PHASE_COUNT && names[progress->phase])
		fprintf(stderr, "%s: %s", (const char *)context, names[progress->phase]);
	else
		fprintf(stderr, "%s: working", (const char *)context);
	if (progress->total != 0)
		fprintf(stderr, ", %.0f %%",
			100.0 * (double)progress->done / (double)progress->total);
	fputc('\n', stderr);
	return cancelled;
}

/* Returns whether the command was successful. */
static int run(char **command)
{
	int status = 0;
	pid_t process = fork();

	if (process == 0) {
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	return process > 0 && waitpid(process, &status, 0) == process && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static int report(const char *image, const struct bs_result *result)
{
	if (result->error.code != BS_OK)
		fprintf(stderr, "%s: %s (%s)\n", image, result->error.message,
			bs_code_name(result->error.code));
	return result->error.code == BS_OK;
}

int main(int count, char **words)
{
	struct bs_options options = {.size = sizeof(options), .progress = show_progress};
	struct bs_result result;
	int fixed, done;

	if (count < 3) {
		fprintf(stderr, "usage: fix-and-convert IMAGE COMMAND...\n");
		return EXIT_FAILURE;
	}
	signal(SIGINT, cancel);
	options.progress_context = words[1];
	bs_fix(words[1], &options, NULL, &result);
	done = report(words[1], &result);
	fixed = result.status == BS_STATUS_FIXED;
	bs_result_free(&result);
	if (!done)
		return EXIT_FAILURE; /* the image is unchanged */
	if (run(words + 2))
		return EXIT_SUCCESS;
	if (fixed) { /* and not fixed already before */
		bs_undo(words[1], &options, &result);
		report(words[1], &result);
		bs_result_free(&result);
	}
	return EXIT_FAILURE;
}
