/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The images that a fix applies to.  Some tests are repeated with each of them. */
#ifndef BOOTSHIFT_TEST_SAMPLES_H
#define BOOTSHIFT_TEST_SAMPLES_H

#include "support/sample.h"
#include "support/state.h"

static const struct {
	const char *recipe;
	bool vhd;
} samples[] = {
	{"windows-7", false},
	{"windows-7", true},
	{"windows-10", false},
	{"older-try", false},
	{"compressed-root", true},
	{"mkntfs-boot-record", false},
	{"wrong-hidden-sectors", false},
	{"ntldr-boot-record", false},
};

#define SAMPLE_COUNT ((int)(sizeof(samples) / sizeof(samples[0])))

static inline const char *sample_copy(int i)
{
	return image_copy(image_built(samples[i].recipe, samples[i].vhd));
}

/* A fresh image of Windows 7. */
static inline const char *windows_7(void)
{
	return sample_copy(0);
}

/*
 * A fresh image of 200 MiB with little content.  A fix takes almost no time, so a test can make
 * many fixes.
 */
static inline const char *small_image(void)
{
	return image_copy(image_recipe("small", SAMPLE_SMALL));
}

#endif
