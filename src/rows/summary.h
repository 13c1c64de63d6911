/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outcomes of a batch as a whole: counts, what to do next, and the exit status. */
#ifndef BOOTSHIFT_ROWS_SUMMARY_H
#define BOOTSHIFT_ROWS_SUMMARY_H

#include "report/output.h"
#include "rows/row.h"
#include "util/vector.h"

#define SUMMARY_NAMED    3 /* so many images are named; of more, only the first */
#define SUMMARY_NEED_MAX 160

/* Some images by their paths, with the original bytes. */
DEFINE_VECTOR(summary_names, char *);

/* All images with one code. */
struct summary_code {
	uint64_t count;
	struct summary_names names; /* the first SUMMARY_NAMED; all with `all_names` */
};

/* All zeros at first, except `all_names`.  The caller frees it with summary_free(). */
struct summary {
	bool all_names; /* name all images that have a code */
	uint64_t images, statuses[BS_STATUS_COUNT];
	/* Of the images with each status: how many have each need; see need.h. */
	uint64_t needs[BS_STATUS_COUNT][NEED_COUNT];
	/* Disks that do not start, or did not before the fix.  They need a fix whatever the room. */
	uint64_t stopped[BS_STATUS_COUNT];
	uint64_t repaired; /* of the fixed images: stopped, or only the signature was given back */
	uint64_t signatures; /* of the fixed images: only the disk's signature was given back */
	uint64_t upgrades; /* of the images whose need is known: it is that of a feature upgrade */
	struct summary_code codes[BS_CODE_COUNT];
	struct summary_names fixed; /* the first SUMMARY_NAMED */
	/* Fixed disks, or those that would be: where something stays on the old partition. */
	struct summary_code stays;
	uint64_t left_alone;       /* disks that --only-needed has left alone */
	uint64_t earliest, latest; /* when the batches began; see row.h */
	uint64_t bytes;            /* changed bytes of all images */
};

/* The files that a batch left out for one reason. */
struct summary_left_out {
	const char *reason; /* names the files in the plural: "symbolic links" */
	uint64_t count;     /* at least 1 */
};

/* A file that a batch left out although the user may expect it in the batch. */
struct summary_file {
	char *path;
	char *reason; /* "is empty" */
};

/*
 * Facts about a batch that no row contains.  All zeros if nothing is known.  Pointers are borrowed.
 */
struct summary_facts {
	bool rows_only;        /* the report is made from rows, by another command than the batch */
	char *const *words;    /* the command line without the program, for the page */
	int word_count;        /* 0: not known */
	uint64_t begun_at;     /* when the command began, in nanoseconds since 1970; 0: not told */
	uint64_t milliseconds; /* from the start of the batch to its end */
	bool searching;        /* the batch was stopped while it searched for images */
	uint64_t images;       /* all images, including those that an earlier run finished */
	uint64_t begun;        /* images that this run began */
	uint64_t not_begun;    /* images that this run did not begin because it was stopped */
	uint64_t without_row;  /* images that this run began and whose row could not be written */
	const char *rows;      /* the file of rows, for --resume and undo --from; NULL: none */
	bool undo_by_name;     /* no rows are kept: what was fixed is undone image by image */
	const char *undo_directory; /* the folder of all undo files; NULL: the default places */
	const struct summary_left_out *left_out;
	size_t left_out_count;
	const struct summary_file *unexpected; /* the first of these files */
	size_t unexpected_count;
	uint64_t unexpected_more; /* number of other such files */
};

/* Counts an image.  The caller calls it once for each image, with the latest row. */
MUST_CHECK int summary_add(struct summary *summary, const struct row *row, struct bs_error *err);

/*
 * Prints what was left out, the totals, and a table of the outcomes with what to do about each
 * problem.
 */
void summary_print(struct output *output, const struct summary *summary,
		   const struct summary_facts *facts);

/*
 * Says how many images with a status need a fix, what for, how many have room enough, and how many of
 * the others do not start: "3 needed it for the conversion, 1 had room enough, 1 did not start".
 * Returns false if that is not known of any.
 */
bool summary_describe_need(const struct summary *summary, enum bs_status status,
			   char text[SUMMARY_NEED_MAX]);

/* Images per minute; 0 if the batch was too short for a rate. */
double summary_rate(const struct summary_facts *facts);

/*
 * The exit status of the worst outcome.  From the worst to the best: recovery required, failed,
 * refused, all others (BS_EXIT_DONE).
 */
enum bs_exit summary_exit(const struct summary *summary);

/* Lists the codes of one class that occur, the most frequent first.  Returns their number. */
size_t summary_order(const struct summary *summary, enum bs_exit class,
		     enum bs_code order[BS_CODE_COUNT]);

void summary_free(struct summary *summary);

#endif
