/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plans for programs: files, and comparisons. */
#include <stdlib.h>
#include <string.h>

#include "report/plan-file.h"
#include "windows/plan.h"

int bs_plan_write(const char *path, const char *image, const struct bs_plan *plan,
		  struct bs_error *err)
{
	char *location;
	struct plan_origin origin;

	if (replace_file_check(path, &plan_file_kind, err) < 0)
		return -1;
	location = realpath(image, NULL); /* NULL: a URI, or the image is gone */
	plan_origin_set(&origin, image, location ? location : image);
	free(location);
	return plan_file_write(path, &origin, plan, err);
}

struct bs_plan *bs_plan_read(const char *path, struct bs_error *err)
{
	struct plan_origin ignored;

	return plan_file_read(path, &ignored, err);
}

bool bs_plan_differs(const struct bs_plan *earlier, const struct bs_plan *now,
		     char words[BS_DIFFERENCE_MAX])
{
	char difference[BS_DIFFERENCE_MAX];

	return plan_difference(earlier, now, words ? words : difference);
}
