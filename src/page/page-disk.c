/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk of an image, drawn as boxes.  The browser makes their widths proportional to the sizes,
 * with a minimum.  Words also say what each box is, for readers who do not see the colours.
 */
#include <string.h>

#include "page/page-parts.h"
#include "report/amount.h"
#include "report/drawing.h"

struct page_disk {
	struct bs_partition partitions[BS_PARTITIONS_MAX];
	size_t count;
	uint64_t size;
	/* Has a role before the fix, so it is wide enough for a role in both drawings. */
	bool wide[BS_PARTITIONS_MAX];
};

static void read_partition(const json_t *object, struct bs_partition *partition)
{
	*partition = (struct bs_partition){
		.number = (uint32_t)page_number(object, "number"),
		.active = page_flag(object, "active"),
		.is_system = page_flag(object, "is_system"),
		.is_boot = page_flag(object, "is_boot"),
		.start = page_number(object, "start"),
		.size = page_number(object, "size"),
	};
	if (strcmp(page_string(object, "filesystem"), "extended") == 0)
		partition->filesystem = BS_FS_EXTENDED;
}

static void read_disk(const struct row *row, struct page_disk *disk)
{
	const json_t *array = json_object_get(row->object, "partitions");

	disk->count = json_array_size(array);
	if (disk->count > BS_PARTITIONS_MAX)
		disk->count = BS_PARTITIONS_MAX;
	for (size_t i = 0; i < disk->count; i++) {
		read_partition(json_array_get(array, i), &disk->partitions[i]);
		disk->wide[i] = disk->partitions[i].is_system || disk->partitions[i].is_boot;
	}
	disk->size = page_number(row->object, "disk_size");
}

/* With the fix, the partition with Windows is the only active one and has the boot files. */
static void apply_fix(struct page_disk *disk, uint64_t active)
{
	for (size_t i = 0; i < disk->count; i++) {
		struct bs_partition *partition = &disk->partitions[i];

		partition->active = partition->is_system = partition->number == active;
	}
}

static const char *partition_role(bool is_system, bool is_boot)
{
	if (is_system && is_boot)
		return " System + Windows";
	if (is_boot)
		return " Windows";
	return is_system ? " System" : "";
}

/* ---- the drawing --------------------------------------------------------------------------- */

/* For screen readers. */
static void write_description(struct html *html, const char *when, const struct drawing_box *boxes,
			      size_t count)
{
	html_text(html, "%s", when);
	for (size_t i = 0; i < count; i++) {
		const struct bs_partition *partition = boxes[i].partition;

		html_text(html, "%s", i == 0 ? ": " : "; ");
		if (partition)
			html_text(html, "partition %u%s%s", partition->number,
				  partition_role(partition->is_system, partition->is_boot),
				  partition->active ? ", active" : "");
		else
			html_markup(html, "unallocated");
		html_text(html, ", %s", size_format(boxes[i].size).text);
	}
}

static const char *box_class(const struct bs_partition *partition)
{
	if (!partition)
		return "gap";
	if (partition->is_boot)
		return "boot";
	return partition->is_system ? "system" : "other";
}

static void write_box(struct html *html, const struct page_disk *disk,
		      const struct drawing_box *box)
{
	const struct bs_partition *partition = box->partition;

	html_markup(html, "<span class=\"");
	html_text(html, "%s", box_class(partition));
	if (partition && disk->wide[partition - disk->partitions])
		html_markup(html, " wide");
	/* At least 1: boxes whose flex-grow is less than 1 in all do not fill the bar. */
	html_markup(html, "\" style=\"flex-grow:");
	html_text(html, "%llu", (unsigned long long)(box->size >> 20) + 1);
	html_markup(html, "\">");
	if (partition) {
		html_text(html, "%u", partition->number);
		if (partition->active)
			html_markup(html, " <b>●</b>");
		html_text(html, "%s", partition_role(partition->is_system, partition->is_boot));
	}
	html_markup(html, "</span>");
}

static void write_bar(struct html *html, const struct page_disk *disk, const char *when)
{
	struct drawing_box boxes[DRAWING_BOXES_MAX];
	size_t count = drawing_boxes(disk->partitions, disk->count, disk->size, boxes);

	html_markup(html, "<span class=\"when\" aria-hidden=\"true\">");
	html_text(html, "%s", when);
	html_markup(html, "</span><div class=\"disk\" role=\"img\" aria-label=\"");
	write_description(html, when, boxes, count);
	html_markup(html, "\">");
	for (size_t i = 0; i < count; i++)
		write_box(html, disk, &boxes[i]);
	html_markup(html, "</div>");
}

void page_disk(struct html *html, const struct row *row)
{
	bool fixed = row->status == BS_STATUS_FIXED;
	struct page_disk disk;

	read_disk(row, &disk);
	if (disk.count == 0)
		return;
	html_markup(html, "<div class=\"disks\">");
	write_bar(html, &disk, fixed ? "before" : "now");
	if (page_has(row->object, "active_after")) {
		apply_fix(&disk, page_number(row->object, "active_after"));
		write_bar(html, &disk, fixed ? "now" : "then");
	}
	html_markup(html, "</div>");
}

/* ---- the table ----------------------------------------------------------------------------- */

/* "ntfs, System + Windows, active" */
static void write_partition_kind(struct html *html, const json_t *object)
{
	const char *file_system = page_string(object, "filesystem");
	const char *role =
		partition_role(page_flag(object, "is_system"), page_flag(object, "is_boot"));
	bool known = *file_system && strcmp(file_system, "unknown") != 0;

	html_text(html, "%s", known ? file_system : "unknown file system");
	if (*role)
		html_text(html, ",%s", role);
	if (page_flag(object, "active"))
		html_markup(html, ", active");
}

static void write_partition_row(struct html *html, const json_t *object)
{
	html_markup(html, "<tr><td>");
	html_text(html, "%llu", (unsigned long long)page_number(object, "number"));
	html_markup(html, "<td><bdi>");
	html_text(html, "%s", page_string(object, "label"));
	html_markup(html, "</bdi><span class=\"faint\">");
	write_partition_kind(html, object);
	html_markup(html, "</span><td>");
	html_text(html, "%s", size_format(page_number(object, "size")).text);
	html_markup(html, "<td>");
	if (page_has(object, "free"))
		html_text(html, "%s", size_format(page_number(object, "free")).text);
}

void page_partitions(struct html *html, const struct row *row)
{
	const json_t *partitions = json_object_get(row->object, "partitions");
	const json_t *object;
	size_t i;

	if (json_array_size(partitions) == 0)
		return;
	html_markup(html, "<div><table class=\"small\"><caption>");
	html_text(html, "Partitions%s", row->status == BS_STATUS_FIXED ? " before the fix" : "");
	html_markup(html, "</caption><tr><th scope=\"col\">No.<th scope=\"col\">Label"
			  "<th scope=\"col\">Size<th scope=\"col\">Free");
	json_array_foreach (partitions, i, object)
		write_partition_row(html, object);
	html_markup(html, "</table></div>");
}
