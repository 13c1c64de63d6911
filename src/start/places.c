/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "start/places.h"

#include <stdlib.h>

/* The order in which places_find() looks; BS_PLACE_OTHER is what is left. */
static const enum bs_place places_order[] = {
	BS_PLACE_TABLE,    BS_PLACE_BOOT_RECORD, BS_PLACE_OLD_RECORD, BS_PLACE_LOADER,
	BS_PLACE_WINDOWS,  BS_PLACE_BOOTMGR,     BS_PLACE_BCD,        BS_PLACE_STATUS,
	BS_PLACE_MESSAGES, BS_PLACE_FONTS,       BS_PLACE_OLD_SYSTEM, BS_PLACE_FILE_SYSTEM,
};

int places_add(struct places *places, enum bs_place place, struct range range, struct bs_error *err)
{
	const struct place_range added = {.range = range, .place = (uint32_t)place};

	return range.length > 0 ? place_ranges_append(&places->ranges, added, err) : 0;
}

void places_free(struct places *places)
{
	place_ranges_free(&places->ranges);
}

static uint64_t places_round_up(uint64_t length)
{
	return (length + SECTOR_SIZE - 1) / SECTOR_SIZE;
}

static int places_compare(const void *left, const void *right)
{
	const struct place_range *a = left, *b = right;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return (a->range.offset > b->range.offset) - (a->range.offset < b->range.offset);
}

/* Removes from a range what the range before it, of the same place, has already. */
static void places_cut(struct place_range *range, const struct place_range *before)
{
	uint64_t end = before->range.offset + places_round_up(before->range.length) * SECTOR_SIZE;
	uint64_t cut;

	if (before->place != range->place || end <= range->range.offset)
		return;
	cut = min_u64(end - range->range.offset, range->range.length);
	range->range.offset += cut;
	range->range.length -= cut;
}

static void places_remove_empty(struct place_ranges *ranges)
{
	size_t kept = 0;

	for (size_t i = 0; i < ranges->count; i++) {
		if (kept > 0)
			places_cut(&ranges->items[i], &ranges->items[kept - 1]);
		if (ranges->items[i].range.length > 0)
			ranges->items[kept++] = ranges->items[i];
	}
	ranges->count = kept;
}

/* Numbers the sectors of each place, and stores where its ranges begin.  False: too many bytes. */
static bool places_number(struct places *places)
{
	uint64_t sectors = 0, all = 0;
	uint32_t place = 0;

	for (size_t i = 0; i < places->ranges.count; i++) {
		struct place_range *range = &places->ranges.items[i];

		if (i == 0 || range->place != range[-1].place)
			sectors = 0;
		while (place <= range->place)
			places->start[place++] = (uint32_t)i;
		range->first = (uint32_t)sectors;
		sectors += places_round_up(range->range.length);
		if (range->place != BS_PLACE_OLD_SYSTEM)
			all += range->range.length;
		if (all > PLACE_BYTES_MAX || sectors > UINT32_MAX)
			return false;
	}
	while (place <= BS_PLACE_COUNT)
		places->start[place++] = (uint32_t)places->ranges.count;
	return true;
}

bool places_seal(struct places *places)
{
	struct place_ranges *ranges = &places->ranges;

	if (ranges->count > PLACE_RANGES_MAX)
		return false;
	if (ranges->count > 0)
		qsort(ranges->items, ranges->count, sizeof(*ranges->items), places_compare);
	places_remove_empty(ranges);
	return places_number(places);
}

/* The range of a place that has the sector, or NULL. */
static const struct place_range *places_search(const struct places *places, enum bs_place place,
					       uint64_t offset)
{
	uint32_t low = places->start[place], high = places->start[place + 1];

	while (low < high) { /* ends: each turn halves what is left */
		uint32_t middle = low + (high - low) / 2;
		const struct place_range *range = &places->ranges.items[middle];

		if (offset < range->range.offset)
			high = middle;
		else if (offset - range->range.offset < range->range.length)
			return range;
		else
			low = middle + 1;
	}
	return NULL;
}

enum bs_place places_find(const struct places *places, uint64_t offset, uint32_t *number)
{
	for (size_t i = 0; i < sizeof(places_order) / sizeof(places_order[0]); i++) {
		const struct place_range *range = places_search(places, places_order[i], offset);

		if (!range)
			continue;
		*number = range->first + (uint32_t)((offset - range->range.offset) / SECTOR_SIZE);
		return places_order[i];
	}
	*number = 0;
	return BS_PLACE_OTHER;
}

uint64_t places_bytes(const struct places *places, enum bs_place place)
{
	uint64_t bytes = 0;

	for (uint32_t i = places->start[place]; i < places->start[place + 1]; i++)
		bytes += places->ranges.items[i].range.length;
	return bytes;
}

uint32_t places_sectors(const struct places *places, enum bs_place place)
{
	uint32_t end = places->start[place + 1];
	const struct place_range *last;

	if (places->start[place] == end)
		return 0;
	last = &places->ranges.items[end - 1];
	return last->first + (uint32_t)places_round_up(last->range.length);
}
