/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which kind an image is, and what holds for all kinds; see target.h. */
#include "transaction/target.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An NBD URI: "nbd", maybe more of a scheme ("s", "+unix", "+vsock"), and "://". */
bool target_is_uri(const char *image)
{
	size_t scheme = strspn(image, "abcdefghijklmnopqrstuvwxyz+");

	return strncmp(image, "nbd", 3) == 0 && strncmp(image + scheme, "://", 3) == 0;
}

struct target *target_open(const char *image, struct bs_error *err)
{
	return target_is_uri(image) ? target_nbd_open(image, false, err)
				    : target_file_open(image, err);
}

struct target *target_reopen(const struct target *target, enum target_access access,
			     const struct transaction_io *io, struct bs_error *err)
{
	/* Each connection starts without a cache on our side: reading again needs nothing more. */
	return target->kind == TARGET_NBD
		       ? target_nbd_open(target->name, access == TARGET_WRITE, err)
		       : target_file_reopen(target, access, io, err);
}

void target_close(struct target *target)
{
	if (target)
		target->operations->close(target);
}

int target_look(const struct target *target, struct target_status *status, struct bs_error *err)
{
	return target->operations->look(target, status, err);
}

int target_check_writable(const struct target *target, struct bs_error *err)
{
	return target->operations->check_writable(target, err);
}

char *target_identity(const struct target *target)
{
	return target->operations->identity(target);
}

/* ---- who else writes ------------------------------------------------------------------------ */

static bool has_times(const struct target *target)
{
	return target->operations->others_wrote != NULL;
}

/* Before a change of ours: the time of change is still that of the one before. */
static void watch_begin(struct target *target)
{
	struct target_status now;
	struct bs_error ignored;

	if (has_times(target) && (target_look(target, &now, &ignored) < 0 ||
				  now.modified.tv_sec != target->modified.tv_sec ||
				  now.modified.tv_nsec != target->modified.tv_nsec))
		target->disturbed = true;
}

/* After a change of ours, also one that failed; returns `result`. */
static int watch_end(struct target *target, int result)
{
	struct target_status now;
	struct bs_error ignored;

	if (has_times(target) && target_look(target, &now, &ignored) == 0)
		target->modified = now.modified;
	return result;
}

bool target_is_disturbed(struct target *target)
{
	watch_begin(target);
	if (has_times(target) && target->operations->others_wrote(target))
		target->disturbed = true;
	return target->disturbed;
}

/* ---- changing it ---------------------------------------------------------------------------- */

int target_write(struct target *target, uint64_t offset, const void *bytes, size_t length,
		 struct bs_error *err)
{
	watch_begin(target);
	return watch_end(target, target->operations->write(target, offset, bytes, length, err));
}

int target_sync(struct target *target, struct bs_error *err)
{
	return target->operations->sync(target, err);
}

int target_seek(const struct target *target, uint64_t position, int whence, uint64_t *found,
		struct bs_error *err)
{
	if (target->operations->seek)
		return target->operations->seek(target, position, whence, found, err);
	*found = whence == SEEK_DATA ? position : disk_size(target->disk);
	return 0;
}

int target_reserve(struct target *target, uint64_t offset, uint64_t length, struct bs_error *err)
{
	if (!target->operations->reserve)
		return 0;
	watch_begin(target);
	return watch_end(target, target->operations->reserve(target, offset, length, err));
}

int target_punch(struct target *target, uint64_t offset, uint64_t length, bool *punched,
		 struct bs_error *err)
{
	*punched = false;
	if (!target->operations->punch)
		return 0;
	watch_begin(target);
	return watch_end(target, target->operations->punch(target, offset, length, punched, err));
}

bool target_has_fixed_length(const struct target *target)
{
	return !target->operations->set_length;
}

int target_set_length(struct target *target, uint64_t length, struct bs_error *err)
{
	watch_begin(target);
	return watch_end(target, target->operations->set_length(target, length, err));
}

int target_set_signpost(struct target *target, const char *journal, struct bs_error *err)
{
	return target->operations->set_signpost
		       ? target->operations->set_signpost(target, journal, err)
		       : 0;
}

int target_remove_signpost(struct target *target, struct bs_error *err)
{
	return target->operations->remove_signpost
		       ? target->operations->remove_signpost(target, err)
		       : 0;
}

int target_read_signpost(const struct target *target, char **journal, struct bs_error *err)
{
	*journal = NULL;
	return target->operations->read_signpost
		       ? target->operations->read_signpost(target, journal, err)
		       : 0;
}
