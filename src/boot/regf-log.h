/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transaction log of a registry hive (BCD.LOG1 and the like): a codec on buffers, no I/O.
 *
 * Since Windows 8.1 changes are written to the log first and into the hive up to an hour later.  A
 * log is a base block like the hive's, of file type 6, in one sector, and entries from the second
 * sector on: each with a sequence number, pages of the hive, and two Marvin32 hashes.  Logs are not
 * cleared, so most entries are old ones.  (github.com/msuhanov/regf, "Format of transaction log
 * files"; the hash: Microsoft, SymCrypt, marvin32.c.)
 */
#ifndef BOOTSHIFT_REGF_LOG_H
#define BOOTSHIFT_REGF_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGF_LOG_SIZE_MAX (16u << 20) /* bytes; the log of a BCD has up to some hundred KiB */

/*
 * Whether a log holds changes that come right behind those of a hive whose two sequence numbers
 * are both `sequence`: valid entries that begin with that number or the next one, and go beyond it.
 * Windows itself would apply them only if the hive's numbers also differed, but then somebody or
 * something has undone that sign.  Entries with other numbers are old, or of another hive that had
 * the name before.  Logs of the older format hold nothing for a hive whose numbers are equal.
 */
bool regf_log_is_newer(const uint8_t *log, size_t size, uint32_t sequence);

/* The Marvin32 hash with the seed of registry logs. */
uint64_t regf_log_hash(const uint8_t *bytes, size_t length);

#endif
