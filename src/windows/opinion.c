/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/opinion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "survey/reader.h"
#include "util/bytes.h"
#include "volume/scoped.h"
#include "windows/plan.h"
#include "windows/verify.h"

static struct appliance_answer *opinion_ask(const struct appliance_engine *engine,
					    enum appliance_operation operation, uint32_t partition,
					    const char *path, uint64_t offset, struct bs_error *err)
{
	struct appliance_request request = {
		.operation = operation, .partition = partition, .offset = offset};
	struct appliance_answer *answer;

	snprintf(request.path, sizeof(request.path), "%s", path);
	answer = appliance_ask(engine->channel, &request, err);
	if (!answer || answer->error == 0)
		return answer;
	fail(err, BS_SECOND_OPINION, "libguestfs: %s", (const char *)answer->data);
	free(answer);
	return NULL;
}

/* ---- the partitions ------------------------------------------------------------------------ */

static int opinion_partition(const struct appliance_engine *engine, uint32_t number, uint64_t start,
			     uint64_t size, struct bs_error *err)
{
	for (uint32_t i = 0; i < engine->partition_count; i++)
		if (engine->partitions[i].number == number &&
		    engine->partitions[i].start == start && engine->partitions[i].size == size)
			return 0;
	return fail(err, BS_SECOND_OPINION,
		    "parted finds no partition %u with %llu bytes from byte %llu", number,
		    (unsigned long long)size, (unsigned long long)start);
}

static int opinion_active(const struct appliance_engine *engine, const struct bs_plan *plan,
			  struct bs_error *err)
{
	for (uint32_t i = 0; i < engine->partition_count; i++) {
		uint32_t number = engine->partitions[i].number;

		if ((engine->partitions[i].active != 0) != (number == plan->boot_number))
			return fail(err, BS_SECOND_OPINION,
				    "parted says that partition %u is %s, but the fix made "
				    "partition %u the only active one",
				    number, engine->partitions[i].active ? "active" : "not active",
				    plan->boot_number);
	}
	return 0;
}

static int opinion_partitions(const struct appliance_engine *engine, const struct bs_plan *plan,
			      struct bs_error *err)
{
	if (opinion_partition(engine, plan->system_number, plan->system_start, plan->system_size,
			      err) < 0 ||
	    opinion_partition(engine, plan->boot_number, plan->boot_start, plan->boot_size, err) <
		    0)
		return -1;
	return opinion_active(engine, plan, err);
}

/* ---- Windows ------------------------------------------------------------------------------- */

/* Sets *text to the next string of the answer, or returns false at its end. */
static bool opinion_next_text(const struct appliance_answer *answer, uint32_t *offset,
			      const char **text)
{
	const void *end;

	*text = (const char *)answer->data + *offset;
	end = *offset < answer->length ? memchr(*text, '\0', answer->length - *offset) : NULL;
	if (!end)
		return false;
	*offset = (uint32_t)((const uint8_t *)end - answer->data) + 1;
	return true;
}

static int opinion_windows(const struct appliance_engine *engine, const struct bs_plan *plan,
			   struct bs_error *err)
{
	SCOPED struct appliance_answer *answer =
		opinion_ask(engine, APPLIANCE_SYSTEMS, 0, "", 0, err);
	const char *device, *name, *last = "no Windows";
	char boot_device[32];
	uint32_t offset = 0;

	if (!answer)
		return -1;
	snprintf(boot_device, sizeof(boot_device), "/dev/sda%u", plan->boot_number);
	while (opinion_next_text(answer, &offset, &device) &&
	       opinion_next_text(answer, &offset, &name)) {
		if (strcmp(device, boot_device) == 0 && strncasecmp(name, "Windows", 7) == 0)
			return 0;
		last = name;
	}
	return fail(err, BS_SECOND_OPINION,
		    "libguestfs' inspection finds no Windows on partition %u, but %.100s",
		    plan->boot_number, last);
}

/* ---- the boot configuration ---------------------------------------------------------------- */

struct opinion_store {
	const struct appliance_engine *engine;
	uint32_t partition;
	const char *path;
};

/* Whether the plan retargets an element.  Marks it in `seen`. */
static bool opinion_is_planned(const struct bs_plan *plan, const char *object, uint32_t element,
			       bool seen[BS_ELEMENTS_MAX])
{
	bool planned = false;

	for (uint32_t i = 0; i < plan->element_count; i++) {
		if (plan->elements[i].element != element ||
		    strcasecmp(plan->elements[i].object, object) != 0)
			continue;
		seen[i] = planned = true;
	}
	return planned;
}

/*
 * Compares the values of an element.  A retargeted one has the start of the boot partition where
 * the old one has the start of the system partition.
 */
static bool opinion_is_right(const struct bs_plan *plan, bool planned, const uint8_t *old,
			     const uint8_t *new, uint32_t length)
{
	bool retargeted = false;

	for (uint32_t i = 0; i < length;) {
		if (planned && length - i >= 8 && load_le64(old + i) == plan->system_start &&
		    load_le64(new + i) == plan->boot_start) {
			retargeted = true;
			i += 8;
		} else if (old[i] == new[i]) {
			i++;
		} else {
			return false;
		}
	}
	return retargeted == planned;
}

static int opinion_object(const struct bs_plan *plan, const struct appliance_answer *old,
			  const struct appliance_answer *new, bool seen[BS_ELEMENTS_MAX],
			  struct bs_error *err)
{
	const char *object, *same;
	uint32_t offset = 0, again = 0;

	if (!opinion_next_text(old, &offset, &object) || !opinion_next_text(new, &again, &same) ||
	    strcmp(object, same) != 0 || old->length != new->length)
		return fail(err, BS_SECOND_OPINION,
			    "hivex finds different objects in the two boot configurations");
	while (old->length - offset >= sizeof(struct appliance_element)) {
		struct appliance_element element, copy;
		bool planned;

		memcpy(&element, old->data + offset, sizeof(element));
		memcpy(&copy, new->data + offset, sizeof(copy));
		offset += sizeof(element);
		planned = opinion_is_planned(plan, object, element.type, seen);
		if (element.type != copy.type || element.length != copy.length ||
		    element.length > old->length - offset ||
		    !opinion_is_right(plan, planned, old->data + offset, new->data + offset,
				      element.length))
			return fail(err, BS_SECOND_OPINION,
				    "hivex finds that element %08x of %.40s in the copy of the "
				    "boot configuration is not %s",
				    element.type, object, planned ? "retargeted" : "as it was");
		offset += element.length;
	}
	return 0;
}

/* Spells a path as the volume stores it. */
static int opinion_spell(const struct appliance_engine *engine, uint32_t partition,
			 char path[BS_PATH_MAX], struct bs_error *err)
{
	SCOPED struct appliance_answer *answer =
		opinion_ask(engine, APPLIANCE_SPELLING, partition, "/Boot/BCD", 0, err);

	if (!answer)
		return -1;
	snprintf(path, BS_PATH_MAX, "%.*s", (int)min_u64(answer->length, BS_PATH_MAX - 1),
		 (const char *)answer->data);
	return 0;
}

static int opinion_objects(const struct appliance_engine *engine, const struct bs_plan *plan,
			   bool seen[BS_ELEMENTS_MAX], struct bs_error *err)
{
	char old_path[BS_PATH_MAX], new_path[BS_PATH_MAX];

	if (opinion_spell(engine, plan->system_number, old_path, err) < 0 ||
	    opinion_spell(engine, plan->boot_number, new_path, err) < 0)
		return -1;
	for (uint64_t i = 0;; i++) { /* ends: the store has no more objects */
		SCOPED struct appliance_answer *old = opinion_ask(
			engine, APPLIANCE_BCD_OBJECT, plan->system_number, old_path, i, err);
		SCOPED struct appliance_answer *new =
			old ? opinion_ask(engine, APPLIANCE_BCD_OBJECT, plan->boot_number, new_path,
					  i, err)
			    : NULL;

		if (!new)
			return -1;
		if (old->length == 0 && new->length == 0)
			return 0;
		if (opinion_object(plan, old, new, seen, err) < 0)
			return -1;
	}
}

/* ---- a new boot configuration -------------------------------------------------------------- */

static const struct bs_plan_element *opinion_find(const struct bs_plan *plan, const char *object,
						  uint32_t element)
{
	for (uint32_t i = 0; i < plan->element_count; i++)
		if (plan->elements[i].element == element &&
		    strcasecmp(plan->elements[i].object, object) == 0)
			return &plan->elements[i];
	return NULL;
}

/* Compares an object with the plan.  *count counts the object and its elements. */
static int opinion_new_object(const struct bs_plan *plan, const struct appliance_answer *answer,
			      uint32_t *count, struct bs_error *err)
{
	uint32_t offset = 0;
	const char *object;

	if (!opinion_next_text(answer, &offset, &object) || !opinion_find(plan, object, 0))
		return fail(err, BS_SECOND_OPINION,
			    "hivex finds an object in the new boot configuration that was not "
			    "planned");
	++*count;
	while (answer->length - offset >= sizeof(struct appliance_element)) {
		const struct bs_plan_element *planned;
		struct appliance_element element;

		memcpy(&element, answer->data + offset, sizeof(element));
		offset += sizeof(element);
		planned = opinion_find(plan, object, element.type);
		if (!planned || element.length > answer->length - offset ||
		    element.length != planned->value_size ||
		    memcmp(answer->data + offset, planned->value, element.length) != 0)
			return fail(err, BS_SECOND_OPINION,
				    "hivex finds that element %08x of %.40s in the new boot "
				    "configuration is not as planned",
				    element.type, object);
		offset += element.length;
		++*count;
	}
	return 0;
}

static int opinion_new_objects(const struct appliance_engine *engine, const struct bs_plan *plan,
			       struct bs_error *err)
{
	char path[BS_PATH_MAX];
	uint32_t count = 0;

	if (opinion_spell(engine, plan->boot_number, path, err) < 0)
		return -1;
	for (uint64_t i = 0;; i++) { /* ends: the store has no more objects */
		SCOPED struct appliance_answer *answer =
			opinion_ask(engine, APPLIANCE_BCD_OBJECT, plan->boot_number, path, i, err);

		if (!answer)
			return -1;
		if (answer->length == 0)
			break;
		if (opinion_new_object(plan, answer, &count, err) < 0)
			return -1;
	}
	return count == plan->element_count
		       ? 0
		       : fail(err, BS_SECOND_OPINION,
			      "hivex finds %u objects and elements in the new boot configuration, "
			      "and %u were planned",
			      count, plan->element_count);
}

static int opinion_new_configuration(const struct appliance_engine *engine,
				     const struct bs_plan *plan, struct bs_error *err)
{
	SCOPED_VOLUME *boot = NULL;

	if (volume_open(&engine->base, plan->boot_start, plan->boot_size, VOLUME_READ, &boot, err) <
	    0)
		return -1;
	return opinion_new_objects(engine, plan, err);
}

static int opinion_boot_configuration(const struct appliance_engine *engine,
				      const struct bs_plan *plan, struct bs_error *err)
{
	bool seen[BS_ELEMENTS_MAX] = {false};
	SCOPED_VOLUME *system = NULL;
	SCOPED_VOLUME *boot = NULL;

	if (plan_rebuilds(plan))
		return opinion_new_configuration(engine, plan, err);
	/* Open volumes are mounted, which hivex needs. */
	if (volume_open(&engine->base, plan->system_start, plan->system_size, VOLUME_READ, &system,
			err) < 0 ||
	    volume_open(&engine->base, plan->boot_start, plan->boot_size, VOLUME_READ, &boot, err) <
		    0 ||
	    opinion_objects(engine, plan, seen, err) < 0)
		return -1;
	for (uint32_t i = 0; i < plan->element_count; i++)
		if (!seen[i])
			return fail(err, BS_SECOND_OPINION, "hivex finds no element %08x of %s",
				    plan->elements[i].element, plan->elements[i].object);
	return 0;
}

/* ---- the boot volume ----------------------------------------------------------------------- */

#define OUTPUT_SHOWN 240u /* bytes of a program's output in a message */

/* The end of a program's output in one line. */
static void opinion_quote(const struct appliance_answer *answer, char text[OUTPUT_SHOWN + 1])
{
	uint32_t length = (uint32_t)min_u64(answer->length, OUTPUT_SHOWN);

	memcpy(text, answer->data + answer->length - length, length);
	text[length] = '\0';
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
}

/* The output of the program ends with its exit status. */
static int opinion_program(const struct appliance_engine *engine,
			   enum appliance_operation operation, const char *program,
			   const struct bs_plan *plan, struct bs_error *err)
{
	static const char good[] = "status 0";
	SCOPED struct appliance_answer *answer =
		opinion_ask(engine, operation, plan->boot_number, "", 0, err);
	size_t length = answer ? answer->length : 0;
	char text[OUTPUT_SHOWN + 1];

	if (!answer)
		return -1;
	length -= length > 0 && answer->data[length - 1] == '\n';
	if (length >= strlen(good) &&
	    memcmp(answer->data + length - strlen(good), good, strlen(good)) == 0)
		return 0;
	opinion_quote(answer, text);
	return fail(err, BS_SECOND_OPINION, "%s is not content with partition %u: %s", program,
		    plan->boot_number, text);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int opinion_structure(const struct appliance_engine *engine, const struct bs_plan *plan,
			     struct bs_error *err)
{
	if (opinion_program(engine, APPLIANCE_RESIZE_INFO, "ntfsresize", plan, err) < 0)
		return -1;
	return opinion_program(engine, APPLIANCE_FIX_INFO, "ntfsfix", plan, err);
}

/* Makes an error about the content an opinion.  Returns -1. */
static int opinion_fail(struct bs_error *err)
{
	if (err->code == BS_VERIFY || reader_is_content(err->code)) {
		err->code = BS_SECOND_OPINION;
		fail_prefix(err, "read by libguestfs");
	}
	return -1;
}

int opinion_run(const struct appliance_engine *engine, const struct bs_plan *plan,
		const struct bs_options *options, struct bs_error *err)
{
	if (opinion_partitions(engine, plan, err) < 0)
		return -1;
	if (!plan_moves_files(plan))
		return verify_run(&engine->base, plan, options, 0, err) < 0
			       ? opinion_fail(err)
			       : opinion_windows(engine, plan, err);
	if (opinion_structure(engine, plan, err) < 0)
		return -1;
	if (opinion_boot_configuration(engine, plan, err) < 0 ||
	    verify_run(&engine->base, plan, options, 0, err) < 0)
		return opinion_fail(err);
	return opinion_windows(engine, plan, err);
}

int opinion_of_earlier_fix(const struct appliance_engine *engine, const struct bs_plan *plan,
			   const struct differences *found, struct bs_error *err)
{
	struct bs_error ignored;
	bool system_is_gone = opinion_partition(engine, plan->system_number, plan->system_start,
						plan->system_size, &ignored) < 0;

	if (opinion_partition(engine, plan->boot_number, plan->boot_start, plan->boot_size, err) <
		    0 ||
	    opinion_active(engine, plan, err) < 0 ||
	    (plan_moves_files(plan) && opinion_structure(engine, plan, err) < 0))
		return -1;
	if (plan_moves_files(plan) && !system_is_gone && !differences_have(found, BOOT_BCD_PATH) &&
	    opinion_boot_configuration(engine, plan, err) < 0)
		return opinion_fail(err);
	return opinion_windows(engine, plan, err);
}
