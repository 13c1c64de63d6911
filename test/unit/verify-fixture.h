/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the tests of the verification: a staged sample, the result of its verification, and
 * functions that change a file and restore its times, as somebody would who wants to hide the
 * change.
 */
#ifndef BOOTSHIFT_TEST_VERIFY_FIXTURE_H
#define BOOTSHIFT_TEST_VERIFY_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sample.h"
#include "windows/plan.h"
#include "windows/stage.h"
#include "windows/verify.h"

static struct sample sample;
static struct bs_plan *plan;
static uint64_t clusters;

static inline void teardown(void)
{
	bs_plan_free(plan);
	sample_close(&sample);
}

static inline void assert_verified(void)
{
	const struct bs_options options = {0};
	struct bs_error err = {0};

	ASSERT_OK(verify_run(&sample.engine, plan, &options, clusters, &err));
}

static inline void assert_noticed(const char *text)
{
	const struct bs_options options = {0};
	struct bs_error err = {0};

	ck_assert_int_eq(verify_run(&sample.engine, plan, &options, clusters, &err), -1);
	ck_assert_int_eq(err.code, BS_VERIFY);
	ck_assert_msg(strstr(err.message, text) != NULL, "%s", err.message);
}

static struct sample_volume target;

static inline struct volume_file *edit(const char *path, struct volume_metadata *before)
{
	struct volume_file *file;
	struct bs_error err = {0};

	sample_mount(&sample, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE, VOLUME_WRITE, &target);
	file = sample_open_file(&target, path);
	ASSERT_OK(volume_stat(file, before, &err));
	return file;
}

static inline void end_edit(struct volume_file *file, const struct volume_metadata *before)
{
	struct bs_error err = {0};

	ASSERT_OK(volume_set_times(file, before, &err));
	sample_close_file(file);
	sample_unmount(&target);
}

static inline void write_into(const char *path, const char *stream, uint64_t offset,
			      const void *bytes, size_t length)
{
	struct volume_metadata before;
	struct volume_file *file = edit(path, &before);
	struct bs_error err = {0};

	ASSERT_OK(volume_write(file, stream, offset, bytes, length, &err));
	end_edit(file, &before);
}

#endif
