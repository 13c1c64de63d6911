/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume over libntfs-3g: one open file, its streams and everything that describes it. */
#include "ntfs/volume-ntfs.h"

#include "util/bytes.h"

#define SECURITY_DESCRIPTOR_MAX (1u << 20) /* bytes; Windows allows 64 KiB for each ACL */
#define EXTENDED_ATTRIBUTES_MAX (1u << 20)
#define STREAMS_MAX             1024u

static void *attribute_value(const ATTR_RECORD *record)
{
	return (u8 *)(uintptr_t)record + le16_to_cpu(record->value_offset);
}

/* ---- names, times, attributes -------------------------------------------------------------- */

static int read_names(struct volume_file *file, struct volume_metadata *metadata,
		      struct bs_error *err)
{
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(file->inode, NULL);

	if (search == NULL)
		return ntfs_fail(file->volume, err, "reading a name");
	while (ntfs_attr_lookup(AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, search) ==
	       0) {
		const FILE_NAME_ATTR *name = attribute_value(search->attr);
		char text[VOLUME_NAME_MAX];

		metadata->links += name->file_name_type != FILE_NAME_DOS;
		if (MREF_LE(name->parent_directory) != MREF(file->folder))
			continue;
		ntfs_name_to_utf8(name->file_name, name->file_name_length, text, sizeof(text));
		if (name->file_name_type == FILE_NAME_DOS) {
			snprintf(metadata->short_name, sizeof(metadata->short_name), "%.39s", text);
		} else if (metadata->name[0] == '\0' || strcasecmp(text, file->name) == 0) {
			memcpy(metadata->name, text, sizeof(metadata->name));
			metadata->name_space = (enum volume_namespace)name->file_name_type;
		}
	}
	ntfs_attr_put_search_ctx(search);
	/* Of hard links in one folder one at most has a separate 8.3 name. */
	if (metadata->name_space != NAMESPACE_WIN32)
		metadata->short_name[0] = '\0';
	return 0;
}

/* The tag is the first word of the data.  Of a damaged point it is 0: it is none that is known. */
static uint32_t read_reparse_tag(ntfs_inode *inode)
{
	uint32_t tag = 0;
	uint8_t word[4];
	ntfs_attr *data;

	if (!(inode->flags & FILE_ATTR_REPARSE_POINT))
		return 0;
	data = ntfs_attr_open(inode, AT_REPARSE_POINT, AT_UNNAMED, 0);
	if (data == NULL)
		return 0;
	if (ntfs_attr_pread(data, 0, sizeof(word), word) == (s64)sizeof(word))
		tag = load_le32(word);
	ntfs_attr_close(data);
	return tag;
}

int volume_stat(struct volume_file *file, struct volume_metadata *metadata, struct bs_error *err)
{
	ntfs_inode *inode = file->inode;

	*metadata = (struct volume_metadata){
		.is_folder = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0,
		.is_metadata = inode->mft_no < FILE_first_user,
		.attributes = le32_to_cpu(inode->flags),
		.reparse_tag = read_reparse_tag(inode),
		.created = (uint64_t)sle64_to_cpu(inode->creation_time),
		.modified = (uint64_t)sle64_to_cpu(inode->last_data_change_time),
		.changed = (uint64_t)sle64_to_cpu(inode->last_mft_change_time),
		.accessed = (uint64_t)sle64_to_cpu(inode->last_access_time),
	};
	if (!metadata->is_folder)
		metadata->size = (uint64_t)inode->data_size;
	return read_names(file, metadata, err);
}

/*
 * Makes the sizes and attributes in the file's own names what they are in the folder's index: the
 * library brings only the index up to date when an inode is closed.
 */
static int sync_names(ntfs_inode *inode)
{
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(inode, NULL);
	bool is_folder = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0;

	if (search == NULL)
		return -1;
	while (ntfs_attr_lookup(AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, search) ==
	       0) {
		FILE_NAME_ATTR *name = attribute_value(search->attr);

		name->file_attributes = (name->file_attributes & ~FILE_ATTR_VALID_FLAGS) |
					(inode->flags & FILE_ATTR_VALID_FLAGS);
		name->data_size = cpu_to_sle64(is_folder ? 0 : inode->data_size);
		name->allocated_size = cpu_to_sle64(is_folder ? 0 : inode->allocated_size);
		ntfs_inode_mark_dirty(search->ntfs_ino);
	}
	ntfs_attr_put_search_ctx(search);
	return 0;
}

int volume_close_file(struct volume_file *file, struct bs_error *err)
{
	int result = 0;

	if (file == NULL)
		return 0;
	if (NInoFileNameDirty(file->inode))
		result = sync_names(file->inode);
	if (ntfs_inode_close(file->inode) < 0)
		result = -1;
	if (result < 0)
		ntfs_fail(file->volume, err, "closing a file");
	free(file);
	return result;
}

void volume_done_file(struct volume_file *file)
{
	struct bs_error ignored;

	(void)!volume_close_file(file, &ignored);
}

int volume_set_attributes(struct volume_file *file, uint32_t attributes, struct bs_error *err)
{
	ntfs_inode *inode = file->inode;

	(void)err;
	inode->flags = (inode->flags & ~cpu_to_le32(FILE_ATTRIBUTES_COPIED)) |
		       cpu_to_le32(attributes & FILE_ATTRIBUTES_COPIED);
	NInoFileNameSetDirty(inode);
	ntfs_inode_mark_dirty(inode);
	return 0;
}

/*
 * The library's ntfs_inode_set_times() sets three times and makes the fourth, the change of the
 * record, the current one.  Here all four are copied: into STANDARD_INFORMATION, into the names,
 * and, by way of the TimesSet flag, into the folder's index when the inode is closed.
 */
int volume_set_times(struct volume_file *file, const struct volume_metadata *times,
		     struct bs_error *err)
{
	ntfs_inode *inode = file->inode;
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(inode, NULL);
	STANDARD_INFORMATION *standard;

	if (search == NULL)
		return ntfs_fail(file->volume, err, "setting the times");
	if (ntfs_attr_lookup(AT_STANDARD_INFORMATION, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0,
			     search) < 0) {
		ntfs_attr_put_search_ctx(search);
		return ntfs_fail(file->volume, err, "setting the times");
	}
	inode->creation_time = cpu_to_sle64((s64)times->created);
	inode->last_data_change_time = cpu_to_sle64((s64)times->modified);
	inode->last_mft_change_time = cpu_to_sle64((s64)times->changed);
	inode->last_access_time = cpu_to_sle64((s64)times->accessed);
	standard = attribute_value(search->attr);
	standard->creation_time = inode->creation_time;
	standard->last_data_change_time = inode->last_data_change_time;
	standard->last_mft_change_time = inode->last_mft_change_time;
	standard->last_access_time = inode->last_access_time;
	ntfs_inode_mark_dirty(search->ntfs_ino);
	ntfs_attr_reinit_search_ctx(search);
	while (ntfs_attr_lookup(AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, search) ==
	       0) {
		FILE_NAME_ATTR *name = attribute_value(search->attr);

		name->creation_time = inode->creation_time;
		name->last_data_change_time = inode->last_data_change_time;
		name->last_mft_change_time = inode->last_mft_change_time;
		name->last_access_time = inode->last_access_time;
		ntfs_inode_mark_dirty(search->ntfs_ino);
	}
	ntfs_attr_put_search_ctx(search);
	set_nino_flag(inode, TimesSet);
	NInoFileNameSetDirty(inode);
	return 0;
}

/* ---- security, extended attributes --------------------------------------------------------- */

/* Calls one of the library's two-step readers: the size first, then the value. */
static int read_sized(struct volume_file *file, int (*get)(struct volume_file *, char *, size_t),
		      size_t maximum, uint8_t **value, size_t *size, const char *what,
		      struct bs_error *err)
{
	int needed = get(file, NULL, 0);

	*value = NULL;
	*size = 0;
	if (needed < 0) {
		errno = -needed;
		return errno == ENODATA ? 0 : ntfs_fail(file->volume, err, what);
	}
	if ((size_t)needed > maximum)
		return fail(err, BS_BOOT_FILE_UNSUPPORTED, "%s: it is too large", what);
	if (needed == 0)
		return 0;
	*value = malloc((size_t)needed);
	if (*value == NULL)
		return fail_memory(err);
	if (get(file, (char *)*value, (size_t)needed) != needed) {
		free(*value);
		*value = NULL;
		errno = EIO;
		return ntfs_fail(file->volume, err, what);
	}
	*size = (size_t)needed;
	return 0;
}

static int get_security(struct volume_file *file, char *value, size_t size)
{
	struct SECURITY_CONTEXT context = {.vol = file->volume->ntfs};

	return ntfs_get_ntfs_acl(&context, file->inode, value, size);
}

static int get_extended_attributes(struct volume_file *file, char *value, size_t size)
{
	return ntfs_get_ntfs_ea(file->inode, value, size);
}

int volume_security(struct volume_file *file, uint8_t **descriptor, size_t *size,
		    struct bs_error *err)
{
	if (ntfs_check_security(file->volume, err) < 0)
		return -1;
	return read_sized(file, get_security, SECURITY_DESCRIPTOR_MAX, descriptor, size,
			  "reading a security descriptor", err);
}

int volume_set_security(struct volume_file *file, const uint8_t *descriptor, size_t size,
			struct bs_error *err)
{
	struct SECURITY_CONTEXT context = {.vol = file->volume->ntfs};

	if (ntfs_check_security(file->volume, err) < 0)
		return -1;
	errno = EIO; /* the library does not always say why */
	if (ntfs_set_ntfs_acl(&context, file->inode, (const char *)descriptor, size, 0) < 0)
		return ntfs_fail(file->volume, err, "setting a security descriptor");
	return 0;
}

int volume_extended_attributes(struct volume_file *file, uint8_t **attributes, size_t *size,
			       struct bs_error *err)
{
	return read_sized(file, get_extended_attributes, EXTENDED_ATTRIBUTES_MAX, attributes, size,
			  "reading the extended attributes", err);
}

int volume_set_extended_attributes(struct volume_file *file, const uint8_t *attributes, size_t size,
				   struct bs_error *err)
{
	errno = EIO;
	if (ntfs_set_ntfs_ea(file->inode, (const char *)attributes, size, 0) < 0)
		return ntfs_fail(file->volume, err, "setting the extended attributes");
	return 0;
}

/* ---- streams ------------------------------------------------------------------------------- */

int volume_streams(struct volume_file *file, struct volume_stream **streams, size_t *count,
		   struct bs_error *err)
{
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(file->inode, NULL);
	struct volume_stream *grown;
	int result = 0;

	*streams = NULL;
	*count = 0;
	if (search == NULL)
		return ntfs_fail(file->volume, err, "reading the streams");
	while (result == 0 &&
	       ntfs_attr_lookup(AT_DATA, NULL, 0, CASE_SENSITIVE, 0, NULL, 0, search) == 0) {
		const ATTR_RECORD *record = search->attr;

		if (record->non_resident && record->lowest_vcn != 0)
			continue; /* the rest of a long stream */
		if (*count == STREAMS_MAX) {
			result = fail(err, BS_BOOT_FILE_UNSUPPORTED,
				      "a file has more than %u streams", STREAMS_MAX);
			break;
		}
		grown = reallocarray(*streams, *count + 1, sizeof(*grown));
		if (grown == NULL) {
			result = fail_memory(err);
			break;
		}
		*streams = grown;
		grown[*count].size = (uint64_t)ntfs_get_attribute_value_length(record);
		ntfs_name_to_utf8((const u8 *)record + le16_to_cpu(record->name_offset),
				  record->name_length, grown[*count].name, VOLUME_NAME_MAX);
		++*count;
	}
	if (result == 0 && errno != ENOENT)
		result = ntfs_fail(file->volume, err, "reading the streams");
	ntfs_attr_put_search_ctx(search);
	if (result < 0) {
		free(*streams);
		*streams = NULL;
	}
	return result;
}

/* The attribute's name as the library wants it: the unnamed one is a constant, not an empty
 * string.  *allocated is freed by the caller. */
static int stream_name(struct volume_file *file, const char *stream, ntfschar **name, u32 *length,
		       ntfschar **allocated, struct bs_error *err)
{
	int characters;

	*allocated = NULL;
	*name = AT_UNNAMED;
	*length = 0;
	if (stream[0] == '\0')
		return 0;
	characters = ntfs_name_from_utf8(file->volume, stream, allocated, err);
	if (characters < 0)
		return -1;
	*name = *allocated;
	*length = (u32)characters;
	return 0;
}

int volume_read(struct volume_file *file, const char *stream, uint64_t offset, void *buffer,
		size_t length, struct bs_error *err)
{
	ntfschar *name, *allocated;
	u32 name_length;
	ntfs_attr *attribute;
	s64 done = -1;

	if (length == 0)
		return 0;
	if (stream_name(file, stream, &name, &name_length, &allocated, err) < 0)
		return -1;
	attribute = ntfs_attr_open(file->inode, AT_DATA, name, name_length);
	if (attribute != NULL) {
		file->volume->device.reads_content = true;
		done = ntfs_attr_pread(attribute, (s64)offset, (s64)length, buffer);
		file->volume->device.reads_content = false;
		if (done >= 0 && done < (s64)length)
			errno = EIO;
		ntfs_attr_close(attribute);
	}
	free(allocated);
	return done == (s64)length ? 0 : ntfs_fail(file->volume, err, "reading a file");
}

/*
 * Writes all of it, or returns -1 with errno.  The library's allocator looks only so far for free
 * clusters, remembers in full_zones where it found none, and says ENOSPC while there are some left
 * when they lie scattered: it is made to look again for as long as that brings us on.
 */
static int write_whole(ntfs_attr *attribute, uint64_t offset, const void *buffer, size_t length)
{
	const char *rest = buffer;
	bool looked_again = false;

	while (length != 0) {
		s64 done = ntfs_attr_pwrite(attribute, (s64)offset, (s64)length, rest);

		if (done > 0) {
			offset += (uint64_t)done;
			length -= (size_t)done;
			rest += done;
			looked_again = false;
			continue;
		}
		if (done == 0)
			errno = ENOSPC;
		if (errno != ENOSPC || looked_again)
			return -1;
		attribute->ni->vol->full_zones = 0;
		looked_again = true;
	}
	return 0;
}

int volume_write(struct volume_file *file, const char *stream, uint64_t offset, const void *buffer,
		 size_t length, struct bs_error *err)
{
	ntfschar *name, *allocated;
	u32 name_length;
	ntfs_attr *attribute;
	int result = -1;

	if (stream_name(file, stream, &name, &name_length, &allocated, err) < 0)
		return -1;
	if (!ntfs_attr_exist(file->inode, AT_DATA, name, name_length) &&
	    ntfs_attr_add(file->inode, AT_DATA, name, (u8)name_length, NULL, 0) < 0) {
		free(allocated);
		return ntfs_fail(file->volume, err, "making a stream");
	}
	attribute = ntfs_attr_open(file->inode, AT_DATA, name, name_length);
	if (attribute != NULL) {
		int problem;

		result = write_whole(attribute, offset, buffer, length);
		problem = errno;
		ntfs_attr_close(attribute);
		errno = problem;
	}
	free(allocated);
	return result == 0 ? 0 : ntfs_fail(file->volume, err, "writing a file");
}

/* ---- clusters ------------------------------------------------------------------------------ */

static int file_add_clusters(struct volume_file *file, const ATTR_RECORD *record,
			     struct range_vector *clusters, struct bs_error *err)
{
	runlist *mapped = ntfs_mapping_pairs_decompress(file->volume->ntfs, record, NULL);
	int result = 0;

	if (mapped == NULL)
		return ntfs_fail(file->volume, err, "reading a file's clusters");
	for (const runlist *run = mapped; run->length != 0 && result == 0; run++) {
		struct range range = {(uint64_t)run->lcn, (uint64_t)run->length};

		if (run->lcn < 0)
			continue; /* a hole, or the part that another record describes */
		if (range_within(range.offset, range.length,
				 (uint64_t)file->volume->ntfs->nr_clusters))
			result = range_vector_append(clusters, range, err);
		else
			result = fail(err, BS_NTFS_DAMAGED,
				      "a file's clusters lie outside of the volume");
	}
	free(mapped);
	return result;
}

uint64_t volume_record_number(const struct volume_file *file)
{
	return file->inode->mft_no;
}

int volume_add_clusters(struct volume_file *file, struct range_vector *clusters,
			struct bs_error *err)
{
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(file->inode, NULL);
	int result = 0;

	if (search == NULL)
		return ntfs_fail(file->volume, err, "reading a file's clusters");
	while (result == 0 && ntfs_attrs_walk(search) == 0)
		if (search->attr->non_resident)
			result = file_add_clusters(file, search->attr, clusters, err);
	ntfs_attr_put_search_ctx(search);
	return result;
}

static int file_check_range(struct volume *volume, struct range range, struct bs_error *err)
{
	uint64_t first = range.offset, length = range.length;
	uint8_t used[4096];

	while (length != 0) {
		uint64_t part = min_u64(length, sizeof(used) * 8 - first % 8);
		size_t bytes = (first % 8 + part + 7) / 8;

		if (ntfs_attr_pread(volume->ntfs->lcnbmp_na, (s64)(first / 8), (s64)bytes, used) !=
		    (s64)bytes)
			return ntfs_fail(volume, err, "reading the cluster bitmap");
		for (uint64_t bit = first % 8; bit < first % 8 + part; bit++)
			if (!(used[bit / 8] >> bit % 8 & 1))
				return fail(err, BS_NTFS_DAMAGED,
					    "a file's cluster is marked as free");
		first += part;
		length -= part;
	}
	return 0;
}

int volume_check_clusters(struct volume *volume, const struct range_vector *clusters,
			  struct bs_error *err)
{
	for (size_t i = 0; i < clusters->count; i++)
		if (file_check_range(volume, clusters->items[i], err) < 0)
			return -1;
	return 0;
}

int volume_locate(struct volume_file *file, uint64_t length, struct range_vector *ranges,
		  struct bs_error *err)
{
	uint32_t cluster_size = file->volume->ntfs->cluster_size;
	ntfs_attr *data = ntfs_attr_open(file->inode, AT_DATA, AT_UNNAMED, 0);
	int result = 0;

	if (data == NULL || ntfs_attr_map_whole_runlist(data) < 0) {
		result = ntfs_fail(file->volume, err, "reading a file's clusters");
		goto out;
	}
	length = min_u64(length, (uint64_t)data->data_size);
	for (const runlist *run = data->rl; run != NULL && run->length != 0 && length != 0; run++) {
		uint64_t part = min_u64(length, (uint64_t)run->length * cluster_size);

		if (run->lcn >= 0)
			result = range_vector_append(
				ranges, (struct range){(uint64_t)run->lcn * cluster_size, part},
				err);
		if (result < 0)
			break;
		length -= part;
	}
out:
	if (data != NULL)
		ntfs_attr_close(data);
	return result;
}
