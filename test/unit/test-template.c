/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates: the output of each tag, and that a value never becomes markup. */
#include "page/template.h"

#include <stdlib.h>

#include "support/test.h"

static char *written(const char *template, const char *values, template_item *item)
{
	json_t *object = json_loads(values, 0, NULL);
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	struct bs_error err;

	ck_assert_ptr_nonnull(object);
	ck_assert_int_eq(template_write(template, object, item, NULL, stream, &err), 0);
	fclose(stream);
	json_decref(object);
	return text;
}

static const struct {
	const char *template, *values, *written;
} cases[] = {
	/* values */
	{"", "{}", ""},
	{"a } {b} c", "{}", "a } {b} c"},
	{"{{a}}-{{b}}", "{\"a\": \"x\", \"b\": -7}", "x--7"},
	{"<{{a}}{{b}}{{c}}{{d}}{{e}}>", "{\"a\": null, \"b\": true, \"c\": [1], \"d\": {}}", "<>"},
	{"{{a}}", "{\"a\": \"<i> & \\\"'\"}", "&lt;i&gt; &amp; &quot;&#39;"},
	{"{{a}}", "{\"a\": \"{{b}}\", \"b\": \"x\"}", "{{b}}"},
	{"{{a}}", "{\"a\": \"x\\n\\ty\\u202e\"}", "x\\x0a\\x09y\\u202e"},
	/* sections */
	{"{{#a}}[{{b}}]{{/a}}", "{\"a\": [{\"b\": 1}, {\"b\": 2}]}", "[1][2]"},
	{"{{#a}}[{{b}}]{{/a}}", "{\"a\": {\"b\": 1}, \"b\": 2}", "[1]"},
	{"{{#a}}[{{b}}]{{/a}}{{b}}", "{\"a\": {}, \"b\": 2}", "[2]2"},
	{"{{#a}}[{{b}}]{{/a}}", "{\"a\": {\"b\": null}, \"b\": 2}", "[]"},
	{"{{#a}}[{{a}}]{{/a}}", "{\"a\": \"x\"}", "[x]"},
	{"{{#a}}{{#a}}{{b}}{{/a}}.{{/a}}", "{\"a\": [{\"a\": [{\"b\": 1}]}, {\"a\": 0}]}", "1.."},
	{"{{^a}}none{{/a}}{{^b}}none{{/b}}", "{\"a\": 1, \"b\": []}", "none"},
	{"{{#a}}1{{/a}}{{#b}}2{{/b}}{{#c}}3{{/c}}{{#d}}4{{/d}}{{#e}}5{{/e}}{{#f}}6{{/f}}",
	 "{\"a\": null, \"b\": false, \"c\": 0, \"d\": \"\", \"e\": []}", ""},
	{"{{#a}}1{{/a}}{{#b}}2{{/b}}{{#c}}3{{/c}}", "{\"a\": true, \"b\": 5, \"c\": {}}", "123"},
	{"{{?a}}({{#a}}{{b}}{{/a}}){{/a}}", "{\"a\": [{\"b\": 1}, {\"b\": 2}]}", "(12)"},
	{"{{?a}}{{b}}{{/a}}{{?c}}3{{/c}}", "{\"a\": {\"b\": 1}, \"b\": 2, \"c\": []}", "2"},
	/* lines */
	{"a\nb\n\tc\n\t\td\n", "{}", "a\nbcd\n"},
	{"a\n\t{{b}}\n\t{{#c}}\n\t\tx\n\t{{/c}}\n\ty", "{\"b\": 1, \"c\": true}", "a1xy"},
};

TEST_CASE(template, "template");

TEST_EACH(template, each_tag_writes_its_value, cases)
{
	char *text = written(cases[_i].template, cases[_i].values, NULL);

	ck_assert_str_eq(text, cases[_i].written);
	free(text);
}

static int make_three(void *context, size_t index, json_t **item, struct bs_error *err)
{
	(void)context;
	(void)err;
	*item = index < 3 ? json_pack("{s:I}", "index", (json_int_t)index) : NULL;
	return 0;
}

TEST(template, the_items_of_the_long_list_are_made_one_by_one)
{
	char *text = written("{{*items}}{{index}}{{^index}}!{{/index}}{{a}},{{/items}};",
			     "{\"a\": \"x\"}", make_three);

	ck_assert_str_eq(text, "0!x,1x,2x,;");
	free(text);
}

static int make_none(void *context, size_t index, json_t **item, struct bs_error *err)
{
	(void)context;
	(void)index;
	(void)item;
	return fail(err, BS_IO, "broken");
}

TEST(template, an_item_that_cannot_be_made_is_an_error)
{
	json_t *object = json_object();
	FILE *stream = fopen("/dev/null", "w");
	struct bs_error err;

	ck_assert_int_eq(
		template_write("{{*items}}{{/items}}", object, make_none, NULL, stream, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	fclose(stream);
	json_decref(object);
}
