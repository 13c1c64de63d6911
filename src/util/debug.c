/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/debug.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* "" if the variable is unset or 0, or if the program has more rights than its caller. */
static const char *debug_wanted(void)
{
	const char *value = secure_getenv("BOOTSHIFT_DEBUG");

	return value && strcmp(value, "0") != 0 ? value : "";
}

bool debug_shows(enum debug_level level)
{
	const char *wanted = debug_wanted();
	enum debug_level shown = *wanted ? DEBUG_STEPS : DEBUG_OFF;

	if (strchr(wanted, '2'))
		shown = DEBUG_MESSAGES;
	return level <= shown;
}

bool debug_waits(void)
{
	return strstr(debug_wanted(), "wait") != NULL;
}

void debug_stop(const char *what)
{
	if (!debug_waits())
		return;
	debug_print(DEBUG_STEPS, "%s waits: gdb -p %d, or: kill -CONT %d", what, (int)getpid(),
		    (int)getpid());
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a stopped process would keep its parent's locks */
	raise(SIGSTOP);
}

/* Uses write(), not stdio: the worker's filter does not let the worker write to a stream. */
void debug_print(enum debug_level level, const char *format, ...)
{
	int number = errno;
	va_list arguments;
	char line[1024];
	size_t length;

	if (!debug_shows(level))
		return;
	length = (size_t)snprintf(line, sizeof(line), "bootshift[%d]: ", (int)getpid());
	va_start(arguments, format);
	vsnprintf(line + length, sizeof(line) - length, format, arguments);
	va_end(arguments);
	length = strlen(line);
	line[length] = '\n';
	(void)!write(STDERR_FILENO, line, length + 1);
	errno = number;
}
