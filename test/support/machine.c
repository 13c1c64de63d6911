/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/machine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/images.h"

#define TIME_LIMIT 600 /* seconds; it only ends a machine that hangs */
#define PAUSE      20  /* milliseconds between two checks */

/* SeaBIOS sends the screen to a serial port: here to the second port, 0x2F8, little-endian. */
#define SCREEN_PORT "name=etc/sercon-port,string=\xF8\x02"

static const char *drive(const char *image)
{
	return text("file=%s,format=raw,snapshot=on", image);
}

/* The content of a file that may not exist yet. */
static const char *content(const char *path)
{
	FILE *file = fopen(path, "re");
	char bytes[4096];
	size_t length;

	if (file == NULL)
		return "";
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	return text("%.*s", (int)length, bytes);
}

/* Waits until the machine has ended, shows the words, or has run too long. */
static void watch(const struct program *program, const char *screen, const char *until)
{
	const struct timespec pause = {.tv_nsec = PAUSE * 1000000l};

	for (int passed = 0; passed < TIME_LIMIT * 1000; passed += PAUSE) {
		if (program_has_ended(program) ||
		    (until != NULL && strstr(content(screen), until) != NULL))
			break;
		nanosleep(&pause, NULL);
	}
}

struct spoken machine_speaks(const char *disk, const char *second, const char *until)
{
	const char *serial = text("%s/serial-%d", images_folder(), (int)getpid());
	const char *screen = text("%s/screen-%d", images_folder(), (int)getpid());
	struct program program =
		START("qemu-system-i386", "-accel", "tcg", "-m", "128", "-nodefaults", "-display",
		      "none", "-vga", "std", "-serial", text("file:%s", serial), "-serial",
		      text("file:%s", screen), "-fw_cfg", SCREEN_PORT, "-device",
		      "isa-debug-exit,iobase=0xf4,iosize=4", "-drive", drive(disk),
		      second != NULL ? "-drive" : NULL, second != NULL ? drive(second) : NULL);
	struct spoken spoken;
	struct outcome outcome;
	bool ended;

	watch(&program, screen, until);
	ended = program_has_ended(&program);
	if (!ended)
		kill(program.process, SIGKILL);
	outcome = program_wait(&program);
	spoken = (struct spoken){.serial = content(serial), .screen = content(screen)};
	unlink(serial);
	unlink(screen);
	ck_assert_msg(ended ? (outcome.status & 1) == 1 && spoken.screen[0] != '\0'
			    : until != NULL && strstr(spoken.screen, until) != NULL,
		      "the machine %s\n%s\nserial port:\n%s\nscreen:\n%s",
		      ended ? "could not start" : "hangs", outcome.errors, spoken.serial,
		      spoken.screen);
	return spoken;
}

void assert_starts(const char *disk, int partition, const char *entry)
{
	struct spoken spoken = machine_speaks(disk, NULL, NULL);

	ASSERT_HAS(spoken.serial, text("bootmgr: from partition %d of disk 0x80\r\n", partition));
	ASSERT_HAS(spoken.serial, text("BOOT OK %s of disk 0x80\r\n", entry));
}

void assert_stops(const char *disk, const char *words)
{
	struct spoken spoken = machine_speaks(disk, NULL, NULL);

	ASSERT_HAS(spoken.serial, words);
	ASSERT_HAS_NOT(spoken.serial, "BOOT OK");
}

void assert_shows(const char *disk, const char *words)
{
	struct spoken spoken = machine_speaks(disk, NULL, words);

	ASSERT_HAS(spoken.screen, words);
	ck_assert_str_eq(spoken.serial, "");
}
