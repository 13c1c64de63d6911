/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A template is not parsed into a tree.  Each section is searched again when it is written. */
#include "page/template.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "report/text.h"

#define NAME_LENGTH 32 /* with the final zero */
#define DEPTH_MAX   16 /* objects around a tag */

struct template
{
	FILE *stream;
	template_item *item;
	void *context;
	const json_t *objects[DEPTH_MAX]; /* borrowed; the innermost one is the last */
	size_t depth;
};

struct tag {
	char kind; /* one of #^?*, or '=' for a value */
	char name[NAME_LENGTH];
	const char *start, *end;
};

/* ---- tags ---------------------------------------------------------------------------------- */

/* Finds the first tag in a part of the template.  False if there is none. */
static bool template_find_tag(const char *start, const char *end, struct tag *tag)
{
	const char *name, *name_end;
	bool has_kind;

	tag->start = memmem(start, (size_t)(end - start), "{{", 2);
	if (!tag->start)
		return false;
	name = tag->start + 2;
	has_kind = *name != '\0' && strchr("#^?*/", *name);
	tag->kind = has_kind ? *name++ : '=';
	name_end = strstr(name, "}}");
	assert(name_end && name_end > name && name_end - name < NAME_LENGTH);
	snprintf(tag->name, sizeof(tag->name), "%.*s", (int)(name_end - name), name);
	tag->end = name_end + 2;
	return true;
}

/* Finds the tag that closes a section. */
static void template_find_close(const struct tag *open, const char *end, struct tag *close)
{
	const char *start = open->end;

	for (unsigned depth = 1; depth > 0; start = close->end) {
		bool found = template_find_tag(start, end, close);

		assert(found);
		(void)found; /* used by assert() only */
		if (close->kind == '/')
			depth--;
		else if (close->kind != '=')
			depth++;
	}
	assert(strcmp(open->name, close->name) == 0);
}

/* ---- values -------------------------------------------------------------------------------- */

static const json_t *template_look_up(const struct template *template, const char *name)
{
	for (size_t i = template->depth; i > 0; i--) {
		const json_t *value = json_object_get(template->objects[i - 1], name);

		if (value)
			return value;
	}
	return NULL;
}

static bool template_is_empty(const json_t *value)
{
	if (json_is_array(value))
		return json_array_size(value) == 0;
	if (json_is_string(value))
		return json_string_length(value) == 0;
	if (json_is_integer(value))
		return json_integer_value(value) == 0;
	return !value || json_is_null(value) || json_is_false(value);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void template_write_markup(const struct template *template, const char *start,
				  const char *end)
{
	while (start < end) {
		if (start[0] == '\n' && start[1] == '\t')
			start += 1 + strspn(start + 1, "\t");
		else
			fputc(*start++, template->stream);
	}
}

/* Escapes all characters with a meaning in content or in a quoted attribute. */
static void template_write_escaped(const struct template *template, const char *text)
{
	static const char *const entities[UINT8_MAX + 1] = {
		['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;",
	};

	for (; *text != '\0'; text++) {
		const char *entity = entities[(uint8_t)*text];

		if (entity)
			fputs(entity, template->stream);
		else
			fputc(*text, template->stream);
	}
}

static int template_write_value(const struct template *template, const json_t *value,
				struct bs_error *err)
{
	char *visible;

	if (json_is_integer(value))
		fprintf(template->stream, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (!json_is_string(value))
		return 0;
	visible = text_visible(json_string_value(value), true);
	if (!visible)
		return fail_memory(err);
	template_write_escaped(template, visible);
	free(visible);
	return 0;
}

static int template_write_part(struct template *template, const char *start, const char *end,
			       struct bs_error *err);

/* Writes a part of the template with the names of an object. */
static int template_write_object(struct template *template, const json_t *object, const char *start,
				 const char *end, struct bs_error *err)
{
	int result;

	assert(template->depth < DEPTH_MAX);
	template->objects[template->depth++] = object;
	result = template_write_part(template, start, end, err);
	template->depth--;
	return result;
}

static int template_write_long_list(struct template *template, const struct tag *open,
				    const char *end, struct bs_error *err)
{
	int result = 0;

	for (size_t i = 0; result == 0; i++) {
		json_t *item = NULL;

		result = template->item(template->context, i, &item, err);
		if (result < 0 || !item)
			break;
		result = template_write_object(template, item, open->end, end, err);
		json_decref(item);
	}
	return result;
}

/* Writes a section; its content ends at `end`. */
static int template_write_section(struct template *template, const struct tag *open,
				  const char *end, struct bs_error *err)
{
	const json_t *value = template_look_up(template, open->name), *item;
	size_t i;

	if (open->kind == '*')
		return template_write_long_list(template, open, end, err);
	if (template_is_empty(value) != (open->kind == '^'))
		return 0;
	if (open->kind == '#' && json_is_object(value))
		return template_write_object(template, value, open->end, end, err);
	if (open->kind != '#' || !json_is_array(value))
		return template_write_part(template, open->end, end, err);
	json_array_foreach (value, i, item)
		if (template_write_object(template, item, open->end, end, err) < 0)
			return -1;
	return 0;
}

static int template_write_part(struct template *template, const char *start, const char *end,
			       struct bs_error *err)
{
	struct tag tag, close;

	for (; template_find_tag(start, end, &tag); start = close.end) {
		int result;

		template_write_markup(template, start, tag.start);
		close = tag;
		assert(tag.kind != '/');
		if (tag.kind != '=')
			template_find_close(&tag, end, &close);
		result = tag.kind == '='
				 ? template_write_value(template,
							template_look_up(template, tag.name), err)
				 : template_write_section(template, &tag, close.start, err);
		if (result < 0)
			return -1;
	}
	template_write_markup(template, start, end);
	return 0;
}

int template_write(const char *text, const json_t *values, template_item *item, void *context,
		   FILE *stream, struct bs_error *err)
{
	struct template template = {.stream = stream, .item = item, .context = context};

	return template_write_object(&template, values, text, text + strlen(text), err);
}
