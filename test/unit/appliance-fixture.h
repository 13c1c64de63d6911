/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One appliance for all tests of a case.  The virtual machine is emulated, as in CI. */
#ifndef BOOTSHIFT_TEST_APPLIANCE_FIXTURE_H
#define BOOTSHIFT_TEST_APPLIANCE_FIXTURE_H

#include <stdlib.h>

#include "appliance/appliance-engine.h"
#include "appliance/appliance.h"
#include "support/sample.h"

static struct bs_appliance appliance;
static struct appliance_loan loan;

/* Before and after all tests of the case. */
static inline void open_appliance(void)
{
	struct bs_error err = {0};

	setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 0);
	ASSERT_OK(bs_appliance_open(&appliance, &err));
}

static inline void close_appliance(void)
{
	bs_appliance_close(&appliance);
}

/* The disk is not used by others until give_back(). */
static inline void borrow(struct disk *disk, struct appliance_engine *engine)
{
	struct bs_error err = {0};

	ASSERT_OK(appliance_borrow(&loan, &appliance, disk, NULL, NULL, &err));
	ASSERT_OK(appliance_engine_open(engine, disk, loan.channel, &err));
}

static inline void give_back(void)
{
	struct bs_error err = {0};

	ASSERT_OK(appliance_return(&loan, &err));
}

#endif
