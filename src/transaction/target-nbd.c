/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targets behind an NBD server.  Each is a connection of its own: one whose flush failed is not
 * used again, and reading back does not see what the writing connection may have kept.
 *
 * What the server does is its affair: whether a flush reaches its storage, and who else writes to
 * the export.  That it knows flush at all is asked for before anything is written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/nbd.h"
#include "transaction/target.h"

#define PATIENCE 30000 /* milliseconds without an answer after which a server is taken for dead */

static int nbd_look(const struct target *target, struct target_status *status, struct bs_error *err)
{
	(void)err;
	*status = (struct target_status){.length = disk_size(target->disk), .mode = 0600};
	return 0;
}

/* As many connections as a commit has at once: a server may not take so many clients. */
static int nbd_check_writable(const struct target *target, struct bs_error *err)
{
	struct target *writing = target_nbd_open(target->name, true, err);
	struct target *reading_back = writing ? target_nbd_open(target->name, false, err) : NULL;
	int result = reading_back ? 0 : -1;

	if (result < 0 && err->code == BS_NO_CONNECTION)
		fail_prefix(err, "changing it takes three connections at once, and %s fails",
			    writing ? "the third" : "the second");
	target_close(reading_back);
	target_close(writing);
	return result;
}

static char *nbd_identity(const struct target *target)
{
	char *identity;

	return asprintf(&identity, "%s %llu", target->name,
			(unsigned long long)target->status.length) < 0
		       ? NULL
		       : identity;
}

static int nbd_write(struct target *target, uint64_t offset, const void *bytes, size_t length,
		     struct bs_error *err)
{
	return disk_write(target->disk, offset, bytes, length, err);
}

static int nbd_sync(struct target *target, struct bs_error *err)
{
	return disk_flush(target->disk, err);
}

/* Until the server has closed its end as well, it may count this among its clients. */
static void nbd_close(struct target *target)
{
	struct bs_error ignored;

	if (target->disk)
		(void)!nbd_disconnect(target->disk, &ignored);
	disk_close(target->disk);
	free(target->name);
	free(target);
}

static const struct target_operations nbd_operations = {
	.look = nbd_look,
	.check_writable = nbd_check_writable,
	.identity = nbd_identity,
	.write = nbd_write,
	.sync = nbd_sync,
	.close = nbd_close,
};

struct target *target_nbd_open(const char *uri, bool writable, struct bs_error *err)
{
	struct target *target = calloc(1, sizeof(*target));

	if (!target) {
		fail_memory(err);
		return NULL;
	}
	target->operations = &nbd_operations;
	target->kind = TARGET_NBD;
	target->name = strdup(uri);
	if (!target->name) {
		fail_memory(err);
		goto out;
	}
	target->disk = nbd_open_uri(uri, writable, PATIENCE, err);
	if (target->disk && target_look(target, &target->status, err) == 0)
		return target;
out:
	target_close(target);
	return NULL;
}
