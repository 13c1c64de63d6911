/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows are compared as JSON, so spaces between the fields do not matter. */
#include "rows/lost.h"

#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "rows/row.h"
#include "util/vector.h"

struct digest {
	uint8_t bytes[SHA256_DIGEST_SIZE];
};

DEFINE_VECTOR(digests, struct digest);

/* Handles a line; *digest is that of its row, or the row is not valid. */
typedef int line_function(void *context, bool valid, const struct digest *digest,
			  struct bs_error *err);

static int digest_compare(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct digest));
}

static int digest_row(const struct row *row, struct digest *digest, struct bs_error *err)
{
	struct sha256_ctx context;
	char *line = row_line(row);

	if (!line)
		return fail_memory(err);
	sha256_init(&context);
	sha256_update(&context, strlen(line), (const uint8_t *)line);
	sha256_digest(&context, sizeof(digest->bytes), digest->bytes);
	free(line);
	return 0;
}

static int lost_read_line(const char *line, size_t length, line_function *function, void *context,
			  struct bs_error *err)
{
	struct digest digest = {.bytes = {0}};
	struct row row;
	int result = row_parse(line, length, &row, err);
	bool valid = result == 0;

	if (valid)
		result = digest_row(&row, &digest, err);
	else if (err->code == BS_ROW_INVALID)
		result = 0;
	row_free(&row);
	return result == 0 ? function(context, valid, &digest, err) : -1;
}

static int lost_each_line(FILE *file, line_function *function, void *context, struct bs_error *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int result = 0;

	rewind(file);
	while (result == 0 && (length = getline(&line, &room, file)) > 0 &&
	       line[length - 1] == '\n') /* ends with the file */
		result = lost_read_line(line, (size_t)length, function, context, err);
	free(line);
	if (result == 0 && ferror(file))
		result = fail_system(err, "batch results cannot be read");
	return result;
}

/* A line_function: keeps the digest. */
static int lost_keep(void *context, bool valid, const struct digest *digest, struct bs_error *err)
{
	return valid ? digests_append(context, *digest, err) : 0;
}

struct search {
	const struct digests *kept; /* sorted */
	uint64_t lost;
};

/* A line_function: looks for the digest. */
static int lost_look(void *context, bool valid, const struct digest *digest, struct bs_error *err)
{
	struct search *search = context;

	(void)err;
	if (!valid || search->kept->count == 0 ||
	    !bsearch(digest, search->kept->items, search->kept->count, sizeof(*digest),
		     digest_compare))
		search->lost++;
	return 0;
}

int lost_count(FILE *old, FILE *all, uint64_t *lost, struct bs_error *err)
{
	struct digests kept = {.count = 0};
	struct search search = {.kept = &kept};
	int result = lost_each_line(all, lost_keep, &kept, err);

	if (kept.count > 0)
		qsort(kept.items, kept.count, sizeof(kept.items[0]), digest_compare);
	if (result == 0)
		result = lost_each_line(old, lost_look, &search, err);
	*lost = search.lost;
	digests_free(&kept);
	return result;
}
