/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transaction/ends.h"

static int ends_add_record(void *context, const struct journal_record *record, struct bs_error *err)
{
	const struct journal_range *range = &record->range;

	if (range->kind != JOURNAL_BEYOND)
		return 0;
	return range_vector_append(context, (struct range){range->offset, range->length}, err);
}

int ends_read(struct journal_file *journal, struct range_vector *growths, struct bs_error *err)
{
	const struct journal_header *header = &journal->header;

	*growths = (struct range_vector){0};
	if (!journal_has_room(header))
		return header->old_length == header->new_length
			       ? 0
			       : range_vector_append(
					 growths,
					 range_from_to(header->old_length, header->new_length),
					 err);
	if (journal_file_each(journal, ends_add_record, growths, err) < 0)
		return -1;
	range_vector_merge(growths);
	return 0;
}

int ends_check(const struct target *image, const struct journal_header *header,
	       const struct range_vector *growths, enum ends ends, enum bs_code code,
	       struct bs_error *err)
{
	uint64_t length = header->old_length, wanted = length;
	bool good = !journal_has_room(header) || header->room == disk_size(image->disk);

	for (size_t i = 0; i < growths->count && good; i++) {
		struct range growth = growths->items[i];
		struct target_span file = target_file_at(image, growth.offset);
		bool is_new = file.end == range_end(growth), is_old = file.end == growth.offset;

		/* No file was empty before a fix: an undo must not cut all of one. */
		good = growth.offset > file.start &&
		       ((is_new && ends != ENDS_OLD) || (is_old && ends != ENDS_NEW));
		length += is_new ? growth.length : 0;
	}
	if (ends == ENDS_ANYWHERE || (good && image->status.length == length))
		return 0;
	if (ends == ENDS_NEW)
		wanted = header->new_length;
	if (image->status.length == wanted)
		return fail(err, code, "the files of the image are not as long as they should be");
	return fail(err, code, "the image has %llu bytes and should have %llu",
		    (unsigned long long)image->status.length, (unsigned long long)wanted);
}

int ends_set(struct target *image, const struct range_vector *growths, enum ends ends,
	     struct bs_error *err)
{
	for (size_t i = 0; i < growths->count; i++) {
		struct range growth = growths->items[i];

		if (target_set_end(image, ends == ENDS_NEW ? range_end(growth) : growth.offset,
				   err) < 0)
			return -1;
	}
	return 0;
}
