/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targets behind an NBD server.  Each target has a connection of its own: so after a failed flush
 * another connection can be used, and reading back does not see what the connection that wrote may
 * have kept.
 *
 * Whether a flush reaches the server's storage, and whether other clients write to the export, only
 * the server knows.  That the server offers flush is checked before anything is written.
 */
#include <string.h>

#include "disk/nbd.h"
#include "transaction/target.h"

#define PATIENCE 30000 /* milliseconds without an answer after which a server is taken for dead */
/* The same for one more connection to a server that has just answered to the first. */
#define FURTHER_PATIENCE 5000

static int target_nbd_open(struct target *target, const char *uri, enum target_access access,
			   struct bs_error *err)
{
	target->name = strdup(uri);
	if (!target->name)
		return fail_memory(err);
	/* A new connection has no cache on our side, so TARGET_REREAD needs nothing more. */
	target->disk = nbd_open_uri(uri, access == TARGET_WRITE, PATIENCE, err);
	return target->disk ? 0 : -1;
}

static int target_nbd_look(const struct target *target, struct target_status *status,
			   struct bs_error *err)
{
	(void)err;
	*status = (struct target_status){.length = disk_size(target->disk), .mode = 0600};
	return 0;
}

/* Until the server has closed its end as well, it may count this among its clients. */
static void target_nbd_disconnect(struct disk *disk)
{
	struct bs_error ignored;

	if (disk)
		(void)!nbd_disconnect(disk, &ignored);
	disk_close(disk);
}

/*
 * A commit has three connections open at once: `target`, one that writes, and one that reads back.
 * A server may not accept so many clients.  nbdkit then closes the connection.  qemu-nbd leaves the
 * client waiting until another client has left.
 */
static int target_nbd_check_writable(const struct target *target, struct bs_error *err)
{
	struct disk *writing = nbd_open_uri(target->name, true, FURTHER_PATIENCE, err);
	struct disk *reading_back =
		writing ? nbd_open_uri(target->name, false, FURTHER_PATIENCE, err) : NULL;
	int result = reading_back ? 0 : -1;

	if (result < 0 && err->code == BS_NO_CONNECTION) {
		fail_prefix(err, "a fix needs three connections at once, and the server accepts %s",
			    writing ? "only two" : "only one");
		err->code = BS_SERVER_UNSUITABLE;
	}
	target_nbd_disconnect(reading_back);
	target_nbd_disconnect(writing);
	return result;
}

static void target_nbd_close(struct target *target)
{
	target_nbd_disconnect(target->disk);
}

const struct target_operations target_nbd_operations = {
	.open = target_nbd_open,
	.close = target_nbd_close,
	.look = target_nbd_look,
	.check_writable = target_nbd_check_writable,
};
