/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Says of each disk image in a folder whether its boot files can be moved.
 *
 *   cc -o inspect-folder inspect-folder.c $(pkg-config --cflags --libs bootshift)
 *   ./inspect-folder /srv/images
 */
#include <bootshift.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static void inspect(const char *image)
{
	struct bs_result result;

	bs_inspect(image, NULL, &result); /* with the defaults */
	if (result.error.code != BS_OK)
		printf("%s: %s: %s\n  %s\n", image, bs_code_name(result.error.code),
		       result.error.message, bs_code_advice(result.error.code));
	else if (result.status == BS_STATUS_WOULD_FIX)
		printf("%s: %s, can be fixed: %u boot files\n", image,
		       result.inspection->windows_name, result.inspection->boot_file_count);
	else
		printf("%s: nothing to do\n", image);
	bs_result_free(&result);
}

int main(int count, char **words)
{
	struct dirent **entries;
	int length = count == 2 ? scandir(words[1], &entries, NULL, alphasort) : -1;

	if (length < 0) {
		fprintf(stderr, "usage: inspect-folder FOLDER\n");
		return EXIT_FAILURE;
	}
	for (int i = 0; i < length; i++) {
		struct bs_recognition recognition;
		struct bs_error reason;
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", words[1], entries[i]->d_name);
		if (bs_recognise(path, &recognition, &reason) == BS_EXIT_DONE)
			inspect(path);
		free(entries[i]);
	}
	free(entries);
	return EXIT_SUCCESS;
}
