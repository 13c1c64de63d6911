/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The functions of libnbd that nbd.c calls.  The library is loaded when a disk is opened over NBD:
 * with the libraries that it needs for TLS and URIs, it takes longer to load than half of a fix.
 */
#ifndef BOOTSHIFT_LIBNBD_H
#define BOOTSHIFT_LIBNBD_H

#include <libnbd.h>

#include "util/err.h"

/* X(name): the function nbd_NAME. */
#define LIBNBD_FUNCTIONS(X)                                                                        \
	X(aio_command_completed)                                                                   \
	X(aio_connect_socket)                                                                      \
	X(aio_connect_uri)                                                                         \
	X(aio_disconnect)                                                                          \
	X(aio_flush)                                                                               \
	X(aio_is_closed)                                                                           \
	X(aio_is_connecting)                                                                       \
	X(aio_is_dead)                                                                             \
	X(aio_is_negotiating)                                                                      \
	X(aio_is_ready)                                                                            \
	X(aio_pread)                                                                               \
	X(aio_pwrite)                                                                              \
	X(can_flush)                                                                               \
	X(close)                                                                                   \
	X(create)                                                                                  \
	X(get_block_size)                                                                          \
	X(get_errno)                                                                               \
	X(get_error)                                                                               \
	X(get_size)                                                                                \
	X(is_read_only)                                                                            \
	X(poll)                                                                                    \
	X(set_request_structured_replies)                                                          \
	X(set_uri_allow_local_file)

#define LIBNBD_POINTER(name) __typeof__(nbd_##name) *name;

struct libnbd {
	LIBNBD_FUNCTIONS(LIBNBD_POINTER)
};

/* Loads the library.  Error: BS_SYSTEM_LIMIT, with the reason. */
MUST_CHECK int libnbd_load(struct libnbd *libnbd, struct bs_error *err);

#endif
