/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * If memory runs out in the worker, the error says so, wherever this happens, and is never reported
 * as damage of the image.  Allocations of libntfs-3g and of the program fail in turn, once or from then
 * on; and the address space of the worker is limited.  The sanitizers have an allocator of their own, so
 * with them the tests do nothing.
 */
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <errno.h>

#include "engine/session.h"
#include "support/sample.h"

#if !defined(__SANITIZE_ADDRESS__)

#define PATIENCE 60000 /* milliseconds: enough for a busy machine */
#define STEP     13    /* step from one failing allocation to the next */

/* ---- an allocator that fails on request ---------------------------------------------------- */

/* The code of libntfs-3g, and of the program. */
static struct {
	uintptr_t start, end;
} code[2], *failing = code;
static long countdown; /* allocations until one fails; 0: none fails */
static bool for_good;  /* all later allocations fail too */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static bool fails(const void *caller)
{
	if (countdown == 0 || (uintptr_t)caller < failing->start ||
	    (uintptr_t)caller >= failing->end)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	countdown = for_good;
	errno = ENOMEM;
	return true;
}

#define SHOWN __attribute__((visibility("default"), noinline))

SHOWN void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

SHOWN void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

SHOWN void *realloc(void *block, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}

/* The first object is the program. */
static int find_code(struct dl_phdr_info *info, size_t size, void *context)
{
	bool is_library = strstr(info->dlpi_name, "libntfs-3g") != NULL;

	(void)size;
	(void)context;
	if (!is_library && code[1].end != 0)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X)) {
			code[!is_library].start = info->dlpi_addr + segment->p_vaddr;
			code[!is_library].end = code[!is_library].start + segment->p_memsz;
		}
	}
	return is_library;
}

/* ---- workers ------------------------------------------------------------------------------- */

static struct sample sample;
static const struct worker_task task = {.job = WORKER_REHEARSE};
static long wanted;   /* number of the allocation that fails */
static rlim_t memory; /* bytes of address space */

static void loses_allocations(struct remote_end end, uint64_t size,
			      const struct worker_task *own_task)
{
	countdown = wanted;
	worker_run(end, size, own_task);
}

static void is_short_of_memory(struct remote_end end, uint64_t size,
			       const struct worker_task *own_task)
{
	const struct rlimit limit = {memory, memory};

	setrlimit(RLIMIT_AS, &limit);
	worker_run(end, size, own_task);
}

/* True: the worker succeeds.  False: memory has run out, and no other error occurs. */
static bool run(session_worker *worker, const char *what, unsigned long amount)
{
	struct session_findings findings;
	struct bs_error err = {0};
	bool good = session_run_worker(sample.disk, sample.overlay, &task, worker, PATIENCE,
				       &findings, &err) == 0;

	if (good)
		ck_assert_int_eq(findings.inspection->verdict, BS_VERDICT_FIXABLE);
	ck_assert_msg(good || err.code == BS_NO_MEMORY, "%s %lu: %s: %s", what, amount,
		      bs_code_name(err.code), err.message);
	session_free(&findings);
	overlay_reset(sample.overlay);
	return good;
}

static void setup(void)
{
	sample_open_small(&sample, "session-memory", "");
	dl_iterate_phdr(find_code, NULL);
	ck_assert_uint_ne(code[0].start, 0);
	ck_assert_uint_ne(code[1].start, 0);
}

static void teardown(void)
{
	sample_close(&sample);
}

TEST_CASE(session_memory, "memory", .setup = setup, .teardown = teardown, .tags = "slow");

TEST_LOOP(session_memory, an_allocation_that_fails_is_no_damage, 0, 4)
{
	unsigned exhausted = 0;

	failing = &code[_i / 2];
	for_good = _i % 2 == 1;
	/* Ends when the worker makes fewer allocations. */
	for (wanted = 1; !run(loses_allocations, "allocation", (unsigned long)wanted);
	     wanted += STEP)
		exhausted++;
	ck_assert_uint_gt(exhausted, 20);
}

static rlim_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

TEST(session_memory, an_address_space_that_is_too_small_is_no_damage)
{
	unsigned good = 0, exhausted = 0;
	rlim_t used = address_space();

	for (unsigned long more = 0; more <= 16u << 20; more += 128u << 10) {
		bool done;

		memory = used + more;
		done = run(is_short_of_memory, "bytes of memory", more);
		good += done;
		exhausted += !done;
	}
	ck_assert_uint_gt(good, 0);
	ck_assert_uint_gt(exhausted, 10);
}

#endif
