/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shows a disk to other programs as an NBD export, in a thread of its own.  The protocol:
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md.
 *
 * The server offers the fixed newstyle handshake, one export whose name does not matter, and simple
 * replies.  Clients cannot make the server allocate more than the longest read or write.
 */
#ifndef BOOTSHIFT_NBD_SERVER_H
#define BOOTSHIFT_NBD_SERVER_H

#include <stdbool.h>

#include "disk/disk.h"

struct nbd_server;

/*
 * Called in the server's thread for each read or write of a client that is within the disk, before
 * it is carried out.
 */
typedef void nbd_server_observer(void *context, uint64_t offset, uint32_t length, bool writes);

/*
 * Starts to serve the disk, read-only, on a stream socket, which listens or is connected to the
 * only client.  The server owns the socket from now on; on error the function closes it.  Until
 * nbd_server_stop(), only the server's thread uses the disk.  `observe` may be NULL.  NULL on
 * error: BS_SYSTEM_LIMIT, BS_NO_MEMORY.
 */
MUST_CHECK struct nbd_server *nbd_server_start(struct disk *disk, int socket,
					       nbd_server_observer *observe, void *context,
					       struct bs_error *err);

/*
 * The same for clients that may also write.  A write that fails with BS_NO_SPACE is an error for the
 * client only.
 */
MUST_CHECK struct nbd_server *nbd_server_start_writable(struct disk *disk, int socket,
							nbd_server_observer *observe, void *context,
							struct bs_error *err);

/*
 * Stops the server and frees it.  The caller first ends clients that could hang, because the
 * function waits for a request that has begun.  Returns 0, or -1 with the first error of the disk,
 * of which the clients have seen only EIO.  NULL is allowed.
 */
MUST_CHECK int nbd_server_stop(struct nbd_server *server, struct bs_error *err);

#endif
