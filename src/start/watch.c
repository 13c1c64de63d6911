/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "start/watch.h"

#include <inttypes.h>
#include <stdio.h>

#include "util/err.h"

#define SECOND 1000000u /* microseconds */

/*
 * A guest that reads nothing new for so long has stopped.  It may read the same sectors in a loop.
 * A slow host makes the guest slow, too, which shows in the time until the first read: so the guest
 * gets at least IDLE_TIMES that time.
 */
#define IDLE       (5 * SECOND)
#define IDLE_TIMES 4u

/* The same after an error screen: the guest only waits for a key. */
#define IDLE_AFTER_ERROR       (2 * SECOND)
#define IDLE_TIMES_AFTER_ERROR 2u

#define NEVER UINT64_MAX

struct watch {
	const struct places *places;
	bool strict;
	struct bs_start *start;
	uint8_t *seen[BS_PLACE_COUNT];          /* a bit for each sector of the place */
	uint32_t sectors[BS_PLACE_COUNT];       /* how many of these bits are set */
	uint64_t first_read;                    /* microseconds; NEVER: none yet */
	uint64_t last_new;                      /* when something was read for the first time */
	bool looked_at_table, looked_at_record; /* again, after the last new sector of the loader */
	bool windows_early; /* SYSTEM or the kernel were read when the loader was not complete yet */
	bool windows_late;  /* and after it was complete */
	bool ran_bootmgr;   /* something else was read after bootmgr was complete */
	bool fonts_late;    /* fonts were read after the BCD */
	uint64_t error_screen; /* when fonts were read after the loader had begun; NEVER: not */
};

struct watch *watch_open(const struct places *places, bool strict, struct bs_start *start,
			 struct bs_error *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch) {
		fail_memory(err);
		return NULL;
	}
	*watch = (struct watch){.places = places,
				.strict = strict,
				.start = start,
				.first_read = NEVER,
				.error_screen = NEVER};
	*start = (struct bs_start){.slot = 1};
	for (unsigned i = 0; i < BS_PLACE_COUNT; i++) {
		struct bs_reading *reading = &start->readings[i];

		reading->partition = places->subjects[i].partition;
		snprintf(reading->path, sizeof(reading->path), "%s", places->subjects[i].path);
		reading->size = places_bytes(places, (enum bs_place)i);
		if (i == BS_PLACE_OLD_SYSTEM || i == BS_PLACE_OTHER)
			continue;
		watch->seen[i] = calloc(places_sectors(places, (enum bs_place)i) / 8 + 1, 1);
		if (!watch->seen[i]) {
			watch_free(watch);
			fail_memory(err);
			return NULL;
		}
	}
	return watch;
}

void watch_free(struct watch *watch)
{
	for (unsigned i = 0; watch && i < BS_PLACE_COUNT; i++)
		free(watch->seen[i]);
	free(watch);
}

/* ---- questions ----------------------------------------------------------------------------- */

static bool watch_has_read(const struct watch *watch, enum bs_place place)
{
	return watch->start->readings[place].read > 0;
}

static bool watch_is_complete(const struct watch *watch, enum bs_place place)
{
	uint32_t sectors = places_sectors(watch->places, place);

	return sectors > 0 && watch->sectors[place] == sectors;
}

/* Whether something was read that only a running loader reads, after the loader. */
static bool watch_loader_ran(const struct watch *watch)
{
	if (!watch_is_complete(watch, BS_PLACE_LOADER))
		return false;
	if (watch->places->is_tool)
		return watch_has_read(watch, BS_PLACE_BCD);
	if (watch->start->readings[BS_PLACE_WINDOWS].size == 0)
		return watch->looked_at_table && watch->looked_at_record &&
		       watch->error_screen == NEVER;
	return watch->windows_late || (watch->windows_early && !watch->places->windows_resident);
}

/* Whether the default entry's program lies on the old system partition. */
static bool watch_starts_old_system(const struct watch *watch)
{
	const struct bs_reading *readings = watch->start->readings;

	return readings[BS_PLACE_OLD_SYSTEM].size > 0 &&
	       readings[BS_PLACE_LOADER].partition == readings[BS_PLACE_OLD_SYSTEM].partition;
}

/*
 * Whether the start shows what was asked.  A fix changes nothing that is read after the loader, so
 * a prepared disk only has to reach the loader, but by way of the files that the fix moved.
 */
static bool watch_is_proven(const struct watch *watch)
{
	if (!watch->strict)
		return watch_loader_ran(watch);
	return watch_has_read(watch, BS_PLACE_BOOTMGR) && watch_has_read(watch, BS_PLACE_BCD) &&
	       watch_is_complete(watch, BS_PLACE_LOADER);
}

static bool watch_needs_old_system(const struct watch *watch)
{
	return watch->strict &&
	       (watch_has_read(watch, BS_PLACE_OLD_SYSTEM) ||
		(watch_has_read(watch, BS_PLACE_LOADER) && watch_starts_old_system(watch)));
}

/* ---- the drawing --------------------------------------------------------------------------- */

/* Halves the number of slots by making each twice as long. */
static void watch_widen(struct bs_start *start)
{
	for (unsigned i = 0; i < BS_PLACE_COUNT; i++) {
		uint64_t narrow = start->readings[i].activity, wide = 0;

		for (unsigned bit = 0; bit < 64; bit++)
			if (narrow >> bit & 1)
				wide |= UINT64_C(1) << bit / 2;
		start->readings[i].activity = wide;
	}
	start->slot *= 2;
}

static void watch_mark(struct bs_start *start, struct bs_reading *reading, uint32_t milliseconds)
{
	while (milliseconds / start->slot >= 64) /* ends: the slot doubles */
		watch_widen(start);
	reading->activity |= UINT64_C(1) << milliseconds / start->slot;
	if (reading->read == 0)
		reading->first = milliseconds;
	reading->last = (uint32_t)max_u64(reading->last, milliseconds);
}

/* ---- the trace ----------------------------------------------------------------------------- */

/* Counts a sector.  Returns whether it was read for the first time; true where that is unknown. */
static bool watch_count(struct watch *watch, enum bs_place place, uint32_t number)
{
	struct bs_reading *reading = &watch->start->readings[place];

	if (!watch->seen[place]) {
		reading->read += SECTOR_SIZE;
		return true;
	}
	if (bit_is_set(watch->seen[place], number))
		return false;
	bit_set(watch->seen[place], number);
	watch->sectors[place]++;
	reading->read = min_u64((uint64_t)watch->sectors[place] * SECTOR_SIZE, reading->size);
	return true;
}

/* A loader of a volume that is not the active one reads that volume's boot record. */
static bool watch_is_boot_record(const struct watch *watch, enum bs_place place, uint64_t offset)
{
	return place == BS_PLACE_BOOT_RECORD ||
	       (watch->places->loader_volume != 0 && offset == watch->places->loader_volume);
}

/*
 * Follows the boot chain.  `complete`: the loader was complete before this access.  An access that
 * also has a part of the loader may have read more than the guest wants.
 */
static void watch_follow(struct watch *watch, enum bs_place place, uint64_t offset, bool is_new,
			 bool complete, bool touches_loader, uint64_t microseconds)
{
	if (place == BS_PLACE_LOADER && is_new)
		watch->looked_at_table = watch->looked_at_record = false;
	if (complete && place == BS_PLACE_TABLE)
		watch->looked_at_table = true;
	if (complete && watch_is_boot_record(watch, place, offset))
		watch->looked_at_record = true;
	if (place == BS_PLACE_WINDOWS && complete)
		watch->windows_late = true;
	else if (place == BS_PLACE_WINDOWS && !touches_loader &&
		 watch_has_read(watch, BS_PLACE_LOADER))
		watch->windows_early = true;
	if (place != BS_PLACE_BOOTMGR && watch_is_complete(watch, BS_PLACE_BOOTMGR))
		watch->ran_bootmgr = true;
	if (place == BS_PLACE_FONTS && watch_has_read(watch, BS_PLACE_BCD))
		watch->fonts_late = true;
	if (place == BS_PLACE_FONTS && watch_has_read(watch, BS_PLACE_LOADER) &&
	    watch->error_screen == NEVER)
		watch->error_screen = microseconds;
}

static bool watch_touches(const struct watch *watch, uint64_t offset, uint64_t end,
			  enum bs_place place)
{
	uint32_t number;

	for (; offset < end; offset += SECTOR_SIZE)
		if (places_find(watch->places, offset, &number) == place)
			return true;
	return false;
}

void watch_take(struct watch *watch, const struct watch_access *access)
{
	uint64_t offset = access->offset / SECTOR_SIZE * SECTOR_SIZE;
	uint64_t end = access->offset + access->length;
	uint32_t milliseconds = (uint32_t)min_u64(access->microseconds / 1000, UINT32_MAX);
	bool complete = watch_is_complete(watch, BS_PLACE_LOADER), touches_loader;

	if (access->writes)
		return;
	if (watch->first_read == NEVER)
		watch->first_read = access->microseconds;
	touches_loader = watch_touches(watch, offset, end, BS_PLACE_LOADER);
	for (; offset < end; offset += SECTOR_SIZE) {
		uint32_t number;
		enum bs_place place = places_find(watch->places, offset, &number);
		bool is_new;

		watch_mark(watch->start, &watch->start->readings[place], milliseconds);
		is_new = watch_count(watch, place, number);
		if (is_new)
			watch->last_new = max_u64(watch->last_new, access->microseconds);
		watch_follow(watch, place, offset, is_new, complete, touches_loader,
			     access->microseconds);
	}
}

/* Returns whether more than `least`, and `times` the time of the first read, is over. */
static bool watch_is_over(const struct watch *watch, uint64_t since, uint64_t now, uint64_t least,
			  uint64_t times)
{
	return now > since && now - since > max_u64(least, times * watch->first_read);
}

enum watch_verdict watch_judge(const struct watch *watch, uint64_t microseconds)
{
	if (watch_needs_old_system(watch))
		return WATCH_STOPPED;
	if (watch_loader_ran(watch))
		return WATCH_PROVEN;
	if (watch->first_read == NEVER)
		return WATCH_OPEN;
	/* A key at an error screen may make the guest read for ever. */
	if (watch->error_screen != NEVER && watch_is_over(watch, watch->error_screen, microseconds,
							  IDLE_AFTER_ERROR, IDLE_TIMES_AFTER_ERROR))
		return WATCH_STOPPED;
	return watch_is_over(watch, watch->last_new, microseconds, IDLE, IDLE_TIMES) ? WATCH_STOPPED
										     : WATCH_OPEN;
}

/* ---- where it stopped ---------------------------------------------------------------------- */

/* The link behind the last one that was reached. */
static enum bs_link_kind watch_find_stop(const struct watch *watch)
{
	const struct places *places = watch->places;
	bool record_ran = watch_has_read(watch, BS_PLACE_FILE_SYSTEM) ||
			  watch_is_complete(watch, BS_PLACE_BOOT_RECORD);

	if (watch_has_read(watch, BS_PLACE_LOADER))
		return BS_LINK_WINLOAD;
	if (watch_has_read(watch, BS_PLACE_BCD)) {
		if (!places->has_default)
			return BS_LINK_BCD;
		return places->has_windows && !places->is_tool &&
				       watch->start->readings[BS_PLACE_LOADER].size == 0
			       ? BS_LINK_WINLOAD
			       : BS_LINK_DEFAULT_ENTRY;
	}
	if (watch_has_read(watch, BS_PLACE_BOOTMGR))
		return watch->ran_bootmgr ? BS_LINK_BCD : BS_LINK_BOOTMGR;
	if (record_ran)
		return BS_LINK_BOOTMGR;
	if (watch_has_read(watch, BS_PLACE_BOOT_RECORD))
		return BS_LINK_BOOT_RECORD;
	return places->has_active ? BS_LINK_MBR_CODE : BS_LINK_ACTIVE;
}

/* "\\bootmgr on partition 1", "the boot record of partition 2" */
struct watch_text {
	char text[200];
};

static struct watch_text watch_name(const struct watch *watch, enum bs_place place)
{
	const struct bs_reading *reading = &watch->start->readings[place];
	const char *path = reading->path;
	struct watch_text name;

	if (place == BS_PLACE_TABLE)
		snprintf(name.text, sizeof(name.text), "the first sector");
	else if (place == BS_PLACE_BOOT_RECORD)
		snprintf(name.text, sizeof(name.text), "the boot record of partition %" PRIu32,
			 reading->partition);
	else if (reading->partition != 0)
		snprintf(name.text, sizeof(name.text), "%.160s on partition %" PRIu32, path,
			 reading->partition);
	else
		snprintf(name.text, sizeof(name.text), "%.160s", path);
	return name;
}

/* The place that the link which failed should have read. */
static enum bs_place watch_place_of(enum bs_link_kind link)
{
	switch (link) {
	case BS_LINK_MBR_CODE:
	case BS_LINK_ACTIVE:
		return BS_PLACE_TABLE;
	case BS_LINK_BOOT_RECORD:
		return BS_PLACE_BOOT_RECORD;
	case BS_LINK_BOOTMGR:
		return BS_PLACE_BOOTMGR;
	case BS_LINK_BCD:
		return BS_PLACE_BCD;
	case BS_LINK_DEFAULT_ENTRY:
	case BS_LINK_BOOT_VOLUME:
	case BS_LINK_WINLOAD:
	case BS_LINK_KIND_COUNT:
		break;
	}
	return BS_PLACE_LOADER;
}

/* "783 of 1182 bytes of \bootmgr on partition 1 were read" */
static void watch_tell_amount(const struct watch *watch, enum bs_place place, const char *after,
			      char *text, size_t size)
{
	const struct bs_reading *reading = &watch->start->readings[place];
	struct watch_text name = watch_name(watch, place);

	if (reading->size == 0)
		snprintf(text, size, "%s is not there", name.text);
	else if (reading->read == 0)
		snprintf(text, size, "%s was not read", name.text);
	else if (reading->read < reading->size)
		snprintf(text, size, "only %" PRIu64 " of %" PRIu64 " bytes of %s were read",
			 reading->read, reading->size, name.text);
	else
		snprintf(text, size, "%s was read in full%s", name.text, after);
}

static void watch_tell_table(const struct watch *watch, char *text, size_t size)
{
	if (!watch_has_read(watch, BS_PLACE_TABLE))
		snprintf(text, size, "nothing was read from the disk");
	else if (!watch->places->has_active)
		snprintf(text, size, "the first sector was read, but no partition is active");
	else
		snprintf(text, size,
			 "the first sector was read, but not the boot record of the "
			 "active partition");
}

static void watch_tell_stop(const struct watch *watch, char *text, size_t size)
{
	static const char *const after[BS_PLACE_COUNT] = {
		[BS_PLACE_BOOT_RECORD] = ", but nothing that it should read next",
		[BS_PLACE_BOOTMGR] = ", but nothing that it should read next",
		[BS_PLACE_BCD] = ", but it names no program that can start",
		[BS_PLACE_LOADER] = ", but nothing that a running loader reads next",
	};
	enum bs_place place = watch->start->stopped_place;

	if (place == BS_PLACE_TABLE)
		watch_tell_table(watch, text, size);
	else
		watch_tell_amount(watch, place, after[place], text, size);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void watch_tell_proof(const struct watch *watch, char *text, size_t size)
{
	struct watch_text loader = watch_name(watch, BS_PLACE_LOADER);

	if (!watch_loader_ran(watch))
		snprintf(text, size,
			 "%s was read in full; nothing that a running loader reads was read after "
			 "it, but that does not depend on the fix%s",
			 loader.text,
			 watch->fonts_late ? "; \\Boot\\Fonts were read, as for an error screen"
					   : "");
	else if (watch->places->is_tool)
		snprintf(text, size, "%s, which the default entry starts, was read in full",
			 loader.text);
	else if (watch->start->readings[BS_PLACE_WINDOWS].size > 0)
		snprintf(text, size, "%s was read in full, and then %s", loader.text,
			 watch_name(watch, BS_PLACE_WINDOWS).text);
	else
		snprintf(text, size,
			 "%s was read in full, and then the partition table and the boot record "
			 "again (the volume has no SYSTEM hive and no kernel to read next)",
			 loader.text);
}

static void watch_tell_old_system(const struct watch *watch, char *text, size_t size)
{
	snprintf(text, size,
		 "partition %" PRIu32
		 ", which should not be needed any more, was read on the way to %s",
		 watch->start->readings[BS_PLACE_OLD_SYSTEM].partition,
		 watch_name(watch, watch->start->stopped_place).text);
}

static void watch_tell_failure(const struct watch *watch, char *text, size_t size)
{
	char stop[360] = "";

	watch_tell_stop(watch, stop, sizeof(stop));
	snprintf(text, size, "%s%s", stop,
		 watch->fonts_late ? "; then \\Boot\\Fonts, as for an error screen" : "");
}

void watch_finish(struct watch *watch)
{
	struct bs_start *start = watch->start;

	start->proven = watch_is_proven(watch) && !watch_needs_old_system(watch);
	start->stopped_at = start->proven ? BS_LINK_KIND_COUNT : watch_find_stop(watch);
	start->stopped_place = watch_place_of(start->stopped_at);
	if (start->proven)
		watch_tell_proof(watch, start->evidence, sizeof(start->evidence));
	else if (watch_needs_old_system(watch))
		watch_tell_old_system(watch, start->evidence, sizeof(start->evidence));
	else
		watch_tell_failure(watch, start->evidence, sizeof(start->evidence));
}
