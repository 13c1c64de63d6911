/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests that a client sends to the process of the appliance, and their answers.
 *
 * The channel is a socketpair(AF_UNIX, SOCK_SEQPACKET).  The client sends one request and waits for
 * its answer.  Both processes run the same program, forked, so a message is a struct as it lies in
 * memory.  Neither side trusts the other: the client reads untrusted bytes, and so does the
 * appliance.  No request can change a disk, because the appliance has only read-only views.
 */
#ifndef BOOTSHIFT_APPLIANCE_REQUEST_H
#define BOOTSHIFT_APPLIANCE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define APPLIANCE_PATH_MAX 2048u       /* bytes with the final zero */
#define APPLIANCE_NAME_MAX 1024u       /* bytes with the final zero */
#define APPLIANCE_DATA_MAX (96u << 10) /* bytes of an answer; a socket takes twice as many */

/* What `partition`, `path`, `name`, `offset` and `length` of the request mean, and the answer. */
enum appliance_operation {
	/* The partitions that parted finds: struct appliance_partition[]. */
	APPLIANCE_PARTITIONS = 1,
	/* libguestfs' inspection: for each Windows or other system, "DEVICE\0NAME\0". */
	APPLIANCE_SYSTEMS,
	/* Mounts the NTFS or FAT volume of a partition for reading: struct appliance_volume. */
	APPLIANCE_MOUNT,
	APPLIANCE_UNMOUNT,
	/* `path` on a mounted partition, in the spelling of the volume, with slashes. */
	APPLIANCE_SPELLING,
	APPLIANCE_STAT, /* struct appliance_stat */
	/* The names in the folder `path`, without the first `offset` ones: "NAME\0", as many as fit. */
	APPLIANCE_LIST,
	APPLIANCE_ATTRIBUTE, /* the extended attribute `name` of `path`; fails with ENODATA */
	APPLIANCE_READ,      /* `length` bytes at `offset` of `path`, or fewer at its end */
	/* The output of `ntfsresize --info` or `ntfsfix --no-action` for a partition. */
	APPLIANCE_RESIZE_INFO,
	APPLIANCE_FIX_INFO,
	/*
	 * The hive `path` on a mounted partition, as hivex reads it: the object with number `offset`
	 * under \Objects, as "{ID}\0", and for each of its elements struct appliance_element and the
	 * value.  No data: there are no more objects.  Fails with EFBIG for an object that is larger
	 * than an answer.
	 */
	APPLIANCE_BCD_OBJECT,
};

struct appliance_request {
	uint32_t operation;
	uint32_t partition; /* number; 0: none */
	uint64_t offset;
	uint32_t length;
	char path[APPLIANCE_PATH_MAX];
	char name[APPLIANCE_NAME_MAX];
};

struct appliance_answer {
	uint32_t error; /* 0, or an errno */
	uint32_t length;
	uint8_t data[APPLIANCE_DATA_MAX]; /* `length` bytes; after an error: its text, terminated */
};

struct appliance_partition {
	uint32_t number;
	uint32_t active;      /* 0 or 1 */
	uint64_t start, size; /* bytes */
};

struct appliance_volume {
	uint32_t is_fat;       /* 0 or 1 */
	uint32_t cluster_size; /* bytes */
	int32_t probe;         /* NTFS: the exit status of ntfs-3g.probe --readwrite */
	uint64_t free;         /* bytes */
	char label[132];       /* FAT */
};

struct appliance_stat {
	uint64_t inode, mode, size;
};

struct appliance_element {
	uint32_t type;
	uint32_t length; /* bytes of the value, which follows */
};

/*
 * Sends a request and waits for the answer.  `request` needs only the fields that the operation
 * uses.  Returns the answer, which the caller frees.  NULL on error: BS_TIMEOUT; BS_WORKER when the
 * process has ended or answers nonsense, BS_NO_MEMORY.  An answer with an error is no error of this
 * function.
 */
MUST_CHECK struct appliance_answer *
appliance_ask(int socket, const struct appliance_request *request, struct bs_error *err);

/* The process's side.  Returns 1, 0 when the client has closed the channel, or -1 with errno. */
MUST_CHECK int appliance_receive_request(int socket, struct appliance_request *request);
MUST_CHECK int appliance_send_answer(int socket, const struct appliance_answer *answer);

#endif
