/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rows/location.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/text.h"

#define FILE_SCHEME "file://"

/* Characters that are not escaped in the path of a URI: RFC 3986, "unreserved", and the slash. */
static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-._~/";

/* Does not resolve symbolic links, so the path need not exist. */
static char *location_make_absolute(const char *path)
{
	char *folder, *absolute;

	if (path[0] == '/')
		return strdup(path);
	folder = getcwd(NULL, 0);
	if (asprintf(&absolute, "%s/%s", folder ? folder : "", path) < 0)
		absolute = NULL;
	free(folder);
	return absolute;
}

const char *location_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] != '\0' ? slash + 1 : path;
}

char *location_of(const char *image)
{
	char *resolved = realpath(image, NULL);

	return resolved ? resolved : location_make_absolute(image);
}

/* The start of the last `count` components of a path. */
static const char *path_last_parts(const char *path, size_t count)
{
	const char *start = path + strlen(path);

	for (; start > path; start--)
		if (start[-1] == '/' && count-- == 1)
			break;
	return start;
}

/* The components from the first invalid byte to the end are also the end of the location. */
char *location_as_found(const char *location, const char *path)
{
	const char *invalid = strstr(path, TEXT_REPLACEMENT), *bytes;
	size_t parts = 1, head;
	char *text, *found;

	if (!invalid)
		return strdup(path);
	for (const char *slash = invalid; (slash = strchr(slash, '/')); slash++)
		parts++;
	head = (size_t)(path_last_parts(path, parts) - path);
	bytes = path_last_parts(location, parts);
	text = text_valid(bytes);
	if (!text)
		return NULL;
	if (strcmp(text, path + head) != 0)
		found = strdup(location);
	else if (asprintf(&found, "%.*s%s", (int)head, path, bytes) < 0)
		found = NULL;
	free(text);
	return found;
}

char *location_to_uri(const char *location)
{
	char *uri, *end;

	if (location[0] != '/')
		return strdup(location);
	uri = malloc(strlen(FILE_SCHEME) + 3 * strlen(location) + 1);
	if (!uri)
		return NULL;
	end = stpcpy(uri, FILE_SCHEME);
	for (; *location != '\0'; location++) {
		if (strchr(unreserved, *location))
			*end++ = *location;
		else
			end += sprintf(end, "%%%02X", (unsigned char)*location);
	}
	*end = '\0';
	return uri;
}

/* The value of a hexadecimal digit; -1 for any other character, also the final zero. */
static int uri_digit(char character)
{
	static const char digits[] = "0123456789ABCDEF0123456789abcdef";
	const char *found = character != '\0' ? strchr(digits, character) : NULL;

	return found ? (int)((found - digits) % 16) : -1;
}

/* Decodes in place, because a location is never longer than its URI. */
bool location_from_uri(char *uri)
{
	const char *from = uri + strlen(FILE_SCHEME);
	char *to = uri;

	if (strncmp(uri, FILE_SCHEME, strlen(FILE_SCHEME)) != 0)
		return strncmp(uri, "nbd", 3) == 0;
	if (*from != '/')
		return false;
	while (*from != '\0') {
		int high, low;

		if (*from != '%') {
			*to++ = *from++;
			continue;
		}
		high = uri_digit(from[1]);
		low = high >= 0 ? uri_digit(from[2]) : -1;
		if (low < 0 || 16 * high + low == 0)
			return false;
		*to++ = (char)(16 * high + low);
		from += 3;
	}
	*to = '\0';
	return true;
}
