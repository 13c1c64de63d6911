/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk on the other side of an NBD connection (the network block device protocol, spoken by
 * libnbd).
 *
 * `patience` is how long to wait for the answer to one request, in milliseconds.  A server that
 * stays silent for longer, or ends, is an error.  From then on every operation is an error, because
 * it is unknown which of the earlier requests were done.
 */
#ifndef BOOTSHIFT_NBD_H
#define BOOTSHIFT_NBD_H

#include <stdbool.h>

#include "disk/disk.h"

/*
 * Opens the default export behind a connected stream socket, which belongs to the disk from now
 * on, also when opening fails.  The size is that of the export, rounded down to the smallest unit
 * that the server reads and writes.
 *
 * `server` is what messages call the other side, and outlives the disk.  A writable disk needs a
 * server that can flush.  Errors: BS_READ_ONLY for an export that cannot be written when
 * `writable`, BS_SERVER_UNSUITABLE for one that cannot be flushed; BS_NO_CONNECTION for a server
 * that cannot be reached, speaks something else, refuses, is silent; BS_NO_MEMORY.
 */
MUST_CHECK struct disk *nbd_open_socket(int socket, const char *server, bool writable, int patience,
					struct bs_error *err);

/*
 * The same with an address, as in
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md: nbd://HOST/EXPORT,
 * nbd+unix:///EXPORT?socket=PATH and the like.  It may name files, which are then read: the keys
 * for TLS.  Finding the address of a host's name is up to the system and its own limits of time.
 */
MUST_CHECK struct disk *nbd_open_uri(const char *uri, bool writable, int patience,
				     struct bs_error *err);

/*
 * Tells the server that this was all, and waits until it has closed the connection.  Afterwards
 * the disk can only be closed; one that is closed without this just hangs up.  Errors: BS_IO.
 */
MUST_CHECK int nbd_disconnect(struct disk *disk, struct bs_error *err);

/* False once an operation has failed in a way that leaves the connection of no more use. */
bool nbd_is_connected(const struct disk *disk);

#endif
