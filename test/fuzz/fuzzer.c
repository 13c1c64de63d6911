/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program for libFuzzer: $FUZZ_TARGET names the target, and $FUZZ_IMAGE the sample image of the
 * target "image".
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"

void *__wrap_memory_large(size_t size);
int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct fuzz_target *target;

/* Not rounded up: so the sanitizer sees the end of the buffer, and has less memory to prepare. */
void *__wrap_memory_large(size_t size)
{
	return malloc(size);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
	const char *name = getenv("FUZZ_TARGET"), *image = getenv("FUZZ_IMAGE");

	(void)count;
	(void)arguments;
	target = name ? fuzz_find(name) : NULL;
	if (!target) {
		fprintf(stderr, "FUZZ_TARGET names no target\n");
		exit(2);
	}
	if (target->run == fuzz_image && image)
		fuzz_image_use(image);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size <= target->longest)
		target->run(bytes, size);
	return 0;
}
