/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk on the other side of an NBD connection (the network block device protocol, spoken by
 * libnbd).
 *
 * `patience` is the longest wait for the answer to one request, in milliseconds.  If the server is
 * silent for longer, or ends, the operation fails.  All later operations fail too, because nobody
 * knows which of the earlier requests the server has done.
 */
#ifndef BOOTSHIFT_NBD_H
#define BOOTSHIFT_NBD_H

#include <stdbool.h>

#include "disk/disk.h"

/*
 * Opens the default export of the server on a connected stream socket.  The disk owns the socket
 * from now on; on error the function closes it.  The size of the disk is the size of the export,
 * rounded down to the smallest unit that the server reads and writes.
 *
 * `server` is the server's name in messages and must outlive the disk.  Errors: BS_READ_ONLY if
 * `writable` and the export is read-only; BS_SERVER_UNSUITABLE if `writable` and the server cannot
 * flush, or for its block sizes; BS_NO_CONNECTION for a server that cannot be reached, speaks
 * another protocol, refuses or is silent; BS_NO_MEMORY.
 */
MUST_CHECK struct disk *nbd_open_socket(int socket, const char *server, bool writable, int patience,
					struct bs_error *err);

/*
 * Like nbd_open_socket(), with an address as in
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md: nbd://HOST/EXPORT,
 * nbd+unix:///EXPORT?socket=PATH and the like.  The address may name files with keys for TLS, which
 * are then read.  `patience` does not limit the name lookup of HOST: the system sets its own limit.
 */
MUST_CHECK struct disk *nbd_open_uri(const char *uri, bool writable, int patience,
				     struct bs_error *err);

/*
 * Tells the server to disconnect, and waits until the server has closed the connection.  Afterwards
 * the disk can only be closed.  disk_close() without this drops the connection.  Errors: BS_IO.
 */
MUST_CHECK int nbd_disconnect(struct disk *disk, struct bs_error *err);

/* Returns false after an error that made the connection unusable, and after nbd_disconnect(). */
bool nbd_is_connected(const struct disk *disk);

#endif
