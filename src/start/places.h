/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The map of a disk for a start: what each sector is for.
 *
 * A worker makes the map from the survey and the run lists of files.  It sends the map as plain
 * data, so the parent checks the map before it uses it.  A disk may lack any of the places: the map
 * then has the rest.  Places may overlap: a small file lies in $MFT.  Then the more special place
 * counts (places_order in places.c).
 */
#ifndef BOOTSHIFT_START_PLACES_H
#define BOOTSHIFT_START_PLACES_H

#include "util/range.h"

#define PLACE_RANGES_MAX 65536u
/* Bytes in all places but the old system partition.  The reader keeps a bit for each sector. */
#define PLACE_BYTES_MAX (64ull << 30)

/* A part of the disk.  The offset is a multiple of SECTOR_SIZE; the length need not be one. */
struct place_range {
	struct range range;
	uint32_t place; /* enum bs_place */
	uint32_t first; /* set by places_seal(): number of sectors of the same place before */
};
DEFINE_VECTOR(place_ranges, struct place_range);

struct place_subject {
	uint32_t partition;     /* number; 0: none */
	char path[BS_PATH_MAX]; /* of the file, as the volume or the BCD has it; empty: none */
};

struct places {
	struct place_subject subjects[BS_PLACE_COUNT];
	uint64_t loader_volume; /* where the loader's partition starts; 0: unknown */
	bool has_active;        /* exactly one partition is active */
	bool has_default;       /* the BCD has a default entry, and its device is known */
	bool is_tool;     /* the default entry starts a program that is no loader of Windows */
	bool has_windows; /* the loader's partition has a folder \Windows */
	/* The content of these files is in their file records, which a start also reads otherwise. */
	bool loader_resident, windows_resident;
	struct place_ranges ranges;         /* after places_seal(): by place, then by offset */
	uint32_t start[BS_PLACE_COUNT + 1]; /* index of the first range of each place */
};

/* Adds a range; a range of length 0 is ignored.  Error: BS_NO_MEMORY. */
MUST_CHECK int places_add(struct places *places, enum bs_place place, struct range range,
			  struct bs_error *err);

/*
 * Ends the adding: sorts the ranges, and cuts ranges of one place that overlap.  All ranges must lie
 * within the disk.  Returns false if there are too many ranges or bytes.
 */
bool places_seal(struct places *places);

/*
 * Finds what a sector of a sealed map is for.  *number is the number of the sector among the sectors
 * of its place, from 0; 0 for BS_PLACE_OTHER.
 */
enum bs_place places_find(const struct places *places, uint64_t offset, uint32_t *number);

/* The size of a place in a sealed map: in bytes, and in sectors. */
uint64_t places_bytes(const struct places *places, enum bs_place place);
uint32_t places_sectors(const struct places *places, enum bs_place place);

void places_free(struct places *places);

#endif
