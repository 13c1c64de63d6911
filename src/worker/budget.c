/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/budget.h"

#include "disk/cache.h"
#include "util/bytes.h"
#include "windows/plan.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/*
 * A bitmap has one bit for each cluster, and a cluster has at least 512 bytes.  So a bitmap has at
 * most one byte for each 4096 bytes of its volume.
 */
#define BYTES_PER_BITMAP_BYTE 4096u

/* An inspection walks over at most BS_PLAN_FILES_MAX files, and counts each volume's clusters. */
#define LOOK_READ    (4 * GIB)
#define LOOK_BITMAPS 16u

/*
 * Before a plan is made, a rehearsal reads the boot volume's whole $MFT once, with the extension
 * records out of order.  The parent does not know yet which volume that is, so the disk's size
 * counts.  A recheck makes its plan itself, and may read as much for the files.
 */
#define MFT_READS 2u

/* An inspection writes nothing, but writes that the guard refuses count, too. */
#define LOOK_WRITE (1 * MIB)

/*
 * A worker's cache reads 32 KiB or more at a time.  So it reads a file in fragments of one cluster of 512
 * bytes 64 times.  It also reads ahead, at most two times what it was asked for.  The staging reads
 * each file once, the verification reads the source and the copy.
 */
#define STAGE_READS   66u
#define VERIFY_READS  132u
#define STREAMS       (256 * MIB) /* for named streams, which the plan does not count */
#define FILE_READ     (1 * MIB)   /* records and index blocks on the way to a file, many times */
#define STAGE_BITMAPS 256u        /* searches for free clusters */

/* Each fragment of a copy needs a write for the data, the file's record and the bitmap each. */
#define CONTENT_WRITES 6u
#define FILE_WRITE     (256 * KIB)
#define STAGE_WRITE    (16 * MIB)

/* Mounting for writing empties $LogFile.  This is the longest that chkdsk /L makes. */
#define LOG_FILE_MAX (4 * GIB)

/* Even a request for one byte costs the parent time, so each counts as at least so many bytes. */
#define READ_MIN  CACHE_BLOCK_SIZE /* the worker's cache makes no shorter request */
#define WRITE_MIN (4 * KIB)

/*
 * The zones of a volume are the boot record and its copy, the start of $MFT and of $LogFile, and
 * $Bitmap, in the worst case in fragments of one cluster.  $Bitmap may be longer than needed after
 * a shrink.
 */
#define ZONE_SLACK  (1 * MIB)
#define ZONE_LENGTH 512u
#define ZONE_COUNT  64u

#define PATIENCE_TIMES 5u
/* A worker that reads an image by itself waits for the storage, and the parent for the worker. */
#define WAIT_RATE (1 * MIB) /* bytes that add a second of waiting */

#define PROCESSOR_SECONDS 10u
#define PROCESSOR_RATE    (16 * MIB) /* bytes that add a second of processor time */

/* For run lists and buffers; the size of one bitmap of the disk's clusters is added. */
#define MEMORY (512 * MIB)

static uint64_t budget_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return add_u64(a, b, &sum) ? sum : UINT64_MAX;
}

static uint64_t budget_times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return mul_u64(a, b, &product) ? product : UINT64_MAX;
}

static uint64_t budget_of_bitmap(uint64_t size)
{
	return size / BYTES_PER_BITMAP_BYTE;
}

struct budget budget_for_disk(enum worker_job job, uint64_t disk_size, int patience)
{
	struct budget budget = {
		.read = budget_add(LOOK_READ,
				   budget_times(budget_of_bitmap(disk_size), LOOK_BITMAPS)),
		.write = LOOK_WRITE,
		.patience = patience > 0 ? budget_times((uint64_t)patience, PATIENCE_TIMES) : 0,
	};

	if (job == WORKER_REHEARSE || job == WORKER_RECHECK)
		budget.read = budget_add(budget.read, budget_times(disk_size, MFT_READS));
	return budget;
}

/*
 * Counts the copied files and the files that they replace.  The loop ends, because the number of
 * operations was checked when the plan was unpacked.
 */
static uint64_t budget_count_files(const struct bs_plan *plan)
{
	uint64_t replaced = 0;

	for (uint32_t i = 0; i < plan->operation_count; i++)
		replaced += plan->operations[i].replaces;
	return plan->file_count + min_u64(replaced, BS_PLAN_FILES_MAX);
}

/*
 * Returns the bytes to copy: no more than the system volume has, because all come from there.  What
 * is made anew comes from the boot volume.
 */
static uint64_t budget_sum_content(const struct bs_plan *plan)
{
	uint64_t source = plan_rebuilds(plan) ? plan->boot_size : plan->system_size;
	uint64_t sum = STREAMS;

	for (uint32_t i = 0; i < plan->operation_count; i++)
		sum = budget_add(sum, plan->operations[i].bytes);
	return min_u64(sum, source);
}

static void budget_add_zones(struct budget *budget, uint64_t volume_size)
{
	uint64_t bytes = budget_add(budget_times(budget_of_bitmap(volume_size), 2), ZONE_SLACK);

	budget->zone_bytes = budget_add(budget->zone_bytes, bytes);
	budget->zones += (size_t)(bytes / ZONE_LENGTH) + ZONE_COUNT;
}

void budget_add_plan(struct budget *budget, enum worker_job job, const struct bs_plan *plan)
{
	uint64_t files = budget_count_files(plan), content = budget_sum_content(plan);

	budget->read = budget_add(budget->read, budget_times(files, FILE_READ));
	if (job == WORKER_VERIFY || job == WORKER_RECHECK) {
		budget->read = budget_add(budget->read, budget_times(content, VERIFY_READS));
		return;
	}
	budget->read = budget_add(budget->read, budget_times(content, STAGE_READS));
	budget->read = budget_add(budget->read, min_u64(plan->boot_size, LOG_FILE_MAX));
	budget->read = budget_add(budget->read,
				  budget_times(budget_of_bitmap(plan->boot_size), STAGE_BITMAPS));
	budget->write = budget_add(budget->write, STAGE_WRITE);
	budget->write = budget_add(budget->write, budget_times(content, CONTENT_WRITES));
	budget->write = budget_add(budget->write, budget_times(files, FILE_WRITE));
	budget->write = budget_add(budget->write, min_u64(plan->boot_size, LOG_FILE_MAX));
	budget->write = budget_add(budget->write, budget_of_bitmap(plan->boot_size));
	budget_add_zones(budget, plan->system_size);
	budget_add_zones(budget, plan->boot_size);
}

static int budget_exceeded(struct bs_error *err, const char *what)
{
	return fail(err, BS_NTFS_DAMAGED,
		    "the volumes' structures lead in circles: the worker process %s more than for "
		    "any sound disk of this size",
		    what);
}

static bool budget_take(uint64_t *left, uint64_t length, uint64_t minimum)
{
	uint64_t cost = length > minimum ? length : minimum;

	if (cost > *left)
		return false;
	*left -= cost;
	return true;
}

int budget_charge(struct budget *budget, enum remote_use use, uint64_t length, uint64_t waited,
		  struct bs_error *err)
{
	uint64_t limit =
		budget_add(budget->patience, budget_times(budget->served, 1000) / WAIT_RATE);

	budget->waited = budget_add(budget->waited, waited);
	if (budget->patience != 0 && budget->waited > limit)
		return fail(err, BS_TIMEOUT,
			    "the worker process took more than %llu seconds of its own time, far "
			    "longer "
			    "than any sound image takes",
			    (unsigned long long)(limit / 1000));
	if (use == REMOTE_USE_READ && !budget_take(&budget->read, length, READ_MIN))
		return budget_exceeded(err, "reads");
	if (use == REMOTE_USE_WRITE && !budget_take(&budget->write, length, WRITE_MIN))
		return budget_exceeded(err, "writes");
	if (use != REMOTE_USE_MESSAGE)
		budget->served = budget_add(budget->served, length);
	return 0;
}

int budget_charge_zone(struct budget *budget, uint64_t length, struct bs_error *err)
{
	if (budget->zones == 0 || !budget_take(&budget->zone_bytes, length, 0))
		return fail(err, BS_NTFS_DAMAGED,
			    "the volumes' own files are longer, or in more pieces, than on any "
			    "sound disk of this size");
	budget->zones--;
	return 0;
}

uint64_t budget_processor_seconds(uint64_t served)
{
	return PROCESSOR_SECONDS + served / PROCESSOR_RATE;
}

uint64_t budget_memory(uint64_t disk_size)
{
	return budget_add(MEMORY, budget_of_bitmap(disk_size));
}
