/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume, implemented with libntfs-3g: an open file, its streams and its metadata. */
#include "ntfs/volume-ntfs.h"

#include "util/bytes.h"

#define SECURITY_DESCRIPTOR_MAX (1u << 20) /* bytes; Windows allows 64 KiB for each ACL */
#define EXTENDED_ATTRIBUTES_MAX (1u << 20)
#define STREAMS_MAX             1024u

/* ---- names, times, attributes -------------------------------------------------------------- */

static int file_read_names(struct volume_ntfs_file *file, struct volume_metadata *metadata,
			   struct bs_error *err)
{
	NTFS_SEARCH *search = ntfs_attr_get_search_ctx(file->inode, NULL);
	const FILE_NAME_ATTR *name;

	if (!search)
		return ntfs_fail(file->volume, err, "reading a name");
	while ((name = ntfs_next_name(search))) {
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
	/* At most one of several hard links in a folder has a separate 8.3 name. */
	if (metadata->name_space != NAMESPACE_WIN32)
		metadata->short_name[0] = '\0';
	return 0;
}

/* Returns the tag, which is the first word of the data, or 0 if the reparse point is damaged. */
static uint32_t file_read_reparse_tag(ntfs_inode *inode)
{
	NTFS_ATTRIBUTE *data = NULL;
	uint8_t word[4];

	if (!(inode->flags & FILE_ATTR_REPARSE_POINT))
		return 0;
	data = ntfs_attr_open(inode, AT_REPARSE_POINT, AT_UNNAMED, 0);
	if (!data || ntfs_attr_pread(data, 0, sizeof(word), word) != (s64)sizeof(word))
		return 0;
	return load_le32(word);
}

int volume_ntfs_stat(struct volume_file *base, struct volume_metadata *metadata,
		     struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	ntfs_inode *inode = file->inode;

	*metadata = (struct volume_metadata){
		.is_folder = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0,
		.is_metadata = inode->mft_no < FILE_first_user,
		.attributes = le32_to_cpu(inode->flags),
		.reparse_tag = file_read_reparse_tag(inode),
		.created = (uint64_t)sle64_to_cpu(inode->creation_time),
		.modified = (uint64_t)sle64_to_cpu(inode->last_data_change_time),
		.changed = (uint64_t)sle64_to_cpu(inode->last_mft_change_time),
		.accessed = (uint64_t)sle64_to_cpu(inode->last_access_time),
	};
	if (!metadata->is_folder)
		metadata->size = (uint64_t)inode->data_size;
	return file_read_names(file, metadata, err);
}

/*
 * Copies the file's sizes and attributes to the FILE_NAME attributes in its record.  When an inode
 * is closed, the library updates only the copies of these attributes in the folders' indexes.
 */
static int file_sync_names(ntfs_inode *inode)
{
	NTFS_SEARCH *search = ntfs_attr_get_search_ctx(inode, NULL);
	bool is_folder = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0;
	FILE_NAME_ATTR *name;

	if (!search)
		return -1;
	while ((name = ntfs_next_name(search))) {
		name->file_attributes = (name->file_attributes & ~FILE_ATTR_VALID_FLAGS) |
					(inode->flags & FILE_ATTR_VALID_FLAGS);
		name->data_size = cpu_to_sle64(is_folder ? 0 : inode->data_size);
		name->allocated_size = cpu_to_sle64(is_folder ? 0 : inode->allocated_size);
		ntfs_inode_mark_dirty(search->ntfs_ino);
	}
	return 0;
}

int volume_ntfs_close_file(struct volume_file *base, struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	int result = 0;

	if (NInoFileNameDirty(file->inode))
		result = file_sync_names(file->inode);
	if (ntfs_inode_close(file->inode) < 0)
		result = -1;
	if (result < 0)
		ntfs_fail(file->volume, err, "closing a file");
	free(file);
	return result;
}

int volume_ntfs_set_attributes(struct volume_file *base, uint32_t attributes, struct bs_error *err)
{
	ntfs_inode *inode = volume_ntfs_file(base)->inode;

	(void)err;
	inode->flags = (inode->flags & ~cpu_to_le32(FILE_ATTRIBUTES_COPIED)) |
		       cpu_to_le32(attributes & FILE_ATTRIBUTES_COPIED);
	NInoFileNameSetDirty(inode);
	ntfs_inode_mark_dirty(inode);
	return 0;
}

/* In STANDARD_INFORMATION, FILE_NAME and ntfs_inode, the times have the same field names. */
#define COPY_TIMES(to, from)                                                                       \
	do {                                                                                       \
		(to)->creation_time = (from)->creation_time;                                       \
		(to)->last_data_change_time = (from)->last_data_change_time;                       \
		(to)->last_mft_change_time = (from)->last_mft_change_time;                         \
		(to)->last_access_time = (from)->last_access_time;                                 \
	} while (0)

/*
 * The library's ntfs_inode_set_times() sets three times, and sets the fourth (the change of the
 * record) to the current time.  This function sets all four in STANDARD_INFORMATION and in the
 * names.  Because of the TimesSet flag, the library also sets them in the folder's index when it
 * closes the inode.
 */
int volume_ntfs_set_times(struct volume_file *base, const struct volume_metadata *times,
			  struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	ntfs_inode *inode = file->inode;
	NTFS_SEARCH *search = ntfs_attr_get_search_ctx(inode, NULL);
	STANDARD_INFORMATION *standard;
	FILE_NAME_ATTR *name;

	if (!search || ntfs_attr_lookup(AT_STANDARD_INFORMATION, AT_UNNAMED, 0, CASE_SENSITIVE, 0,
					NULL, 0, search) < 0)
		return ntfs_fail(file->volume, err, "setting the times");
	inode->creation_time = cpu_to_sle64((s64)times->created);
	inode->last_data_change_time = cpu_to_sle64((s64)times->modified);
	inode->last_mft_change_time = cpu_to_sle64((s64)times->changed);
	inode->last_access_time = cpu_to_sle64((s64)times->accessed);
	standard = ntfs_value(search->attr);
	COPY_TIMES(standard, inode);
	ntfs_inode_mark_dirty(search->ntfs_ino);
	ntfs_attr_reinit_search_ctx(search);
	while ((name = ntfs_next_name(search))) {
		COPY_TIMES(name, inode);
		ntfs_inode_mark_dirty(search->ntfs_ino);
	}
	set_nino_flag(inode, TimesSet);
	NInoFileNameSetDirty(inode);
	return 0;
}

/* ---- security, extended attributes --------------------------------------------------------- */

/* Calls `get` twice: without a buffer, it returns the size; with a buffer, it copies the value. */
static int file_read_sized(struct volume_ntfs_file *file,
			   int (*get)(struct volume_ntfs_file *, char *, size_t), size_t maximum,
			   uint8_t **value, size_t *size, const char *what, struct bs_error *err)
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
	if (!*value)
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

static int file_get_security(struct volume_ntfs_file *file, char *value, size_t size)
{
	struct SECURITY_CONTEXT context = {.vol = file->volume->ntfs};

	return ntfs_get_ntfs_acl(&context, file->inode, value, size);
}

static int file_get_extended_attributes(struct volume_ntfs_file *file, char *value, size_t size)
{
	return ntfs_get_ntfs_ea(file->inode, value, size);
}

int volume_ntfs_security(struct volume_file *base, uint8_t **descriptor, size_t *size,
			 struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);

	if (ntfs_check_security(file->volume, err) < 0)
		return -1;
	return file_read_sized(file, file_get_security, SECURITY_DESCRIPTOR_MAX, descriptor, size,
			       "reading a security descriptor", err);
}

int volume_ntfs_set_security(struct volume_file *base, const uint8_t *descriptor, size_t size,
			     struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	struct SECURITY_CONTEXT context = {.vol = file->volume->ntfs};

	if (ntfs_check_security(file->volume, err) < 0)
		return -1;
	errno = EIO; /* the library does not always set errno */
	if (ntfs_set_ntfs_acl(&context, file->inode, (const char *)descriptor, size, 0) < 0)
		return ntfs_fail(file->volume, err, "setting a security descriptor");
	return 0;
}

int volume_ntfs_extended_attributes(struct volume_file *base, uint8_t **attributes, size_t *size,
				    struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);

	return file_read_sized(file, file_get_extended_attributes, EXTENDED_ATTRIBUTES_MAX,
			       attributes, size, "reading the extended attributes", err);
}

int volume_ntfs_set_extended_attributes(struct volume_file *base, const uint8_t *attributes,
					size_t size, struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);

	errno = EIO;
	if (ntfs_set_ntfs_ea(file->inode, (const char *)attributes, size, 0) < 0)
		return ntfs_fail(file->volume, err, "setting the extended attributes");
	return 0;
}

/* ---- streams ------------------------------------------------------------------------------- */

DEFINE_VECTOR(stream_vector, struct volume_stream);

static int file_add_streams(struct volume_ntfs_file *file, struct stream_vector *streams,
			    struct bs_error *err)
{
	NTFS_SEARCH *search = ntfs_attr_get_search_ctx(file->inode, NULL);

	if (!search)
		return ntfs_fail(file->volume, err, "reading the streams");
	while (ntfs_attr_lookup(AT_DATA, NULL, 0, CASE_SENSITIVE, 0, NULL, 0, search) == 0) {
		const ATTR_RECORD *record = search->attr;
		struct volume_stream *stream;

		if (record->non_resident && record->lowest_vcn != 0)
			continue; /* a further part of a long stream */
		if (streams->count == STREAMS_MAX)
			return fail(err, BS_BOOT_FILE_UNSUPPORTED,
				    "a file has more than %u streams", STREAMS_MAX);
		stream = stream_vector_add(streams, err);
		if (!stream)
			return -1;
		stream->size = (uint64_t)ntfs_get_attribute_value_length(record);
		ntfs_name_to_utf8((const u8 *)record + le16_to_cpu(record->name_offset),
				  record->name_length, stream->name, sizeof(stream->name));
	}
	return errno == ENOENT ? 0 : ntfs_fail(file->volume, err, "reading the streams");
}

int volume_ntfs_streams(struct volume_file *base, struct volume_stream **streams, size_t *count,
			struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	struct stream_vector list = {0};
	int result = file_add_streams(file, &list, err);

	if (result < 0)
		stream_vector_free(&list);
	*streams = list.items;
	*count = list.count;
	return result;
}

/*
 * Opens a stream.  If `make` is true, first creates a missing stream.  The caller closes the
 * attribute.  Returns NULL on error.
 */
static ntfs_attr *file_open_stream(struct volume_ntfs_file *file, const char *stream, bool make,
				   const char *what, struct bs_error *err)
{
	NTFS_BYTES ntfschar *allocated = NULL;
	ntfschar *name = AT_UNNAMED; /* the library wants this constant, not an empty string */
	ntfs_attr *attribute;
	int length = 0;

	if (stream[0] != '\0') {
		length = ntfs_name_from_utf8(file->volume, stream, &allocated, err);
		if (length < 0)
			return NULL;
		name = allocated;
	}
	if (make && !ntfs_attr_exist(file->inode, AT_DATA, name, (u32)length) &&
	    ntfs_attr_add(file->inode, AT_DATA, name, (u8)length, NULL, 0) < 0) {
		ntfs_fail(file->volume, err, "making a stream");
		return NULL;
	}
	attribute = ntfs_attr_open(file->inode, AT_DATA, name, (u32)length);
	if (!attribute)
		ntfs_fail(file->volume, err, what);
	return attribute;
}

s64 ntfs_read_unchecked(struct volume_ntfs *volume, ntfs_attr *attribute, uint64_t offset,
			void *bytes, size_t length)
{
	s64 done;

	volume->device.reads_content = true;
	done = ntfs_attr_pread(attribute, (s64)offset, (s64)length, bytes);
	volume->device.reads_content = false;
	return done;
}

int volume_ntfs_read(struct volume_file *base, const char *stream, uint64_t offset, void *buffer,
		     size_t length, struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	NTFS_ATTRIBUTE *attribute = file_open_stream(file, stream, false, "reading a file", err);
	s64 done;

	if (!attribute)
		return -1;
	done = ntfs_read_unchecked(file->volume, attribute, offset, buffer, length);
	if (done == (s64)length)
		return 0;
	if (done >= 0)
		errno = EIO;
	return ntfs_fail(file->volume, err, "reading a file");
}

/*
 * Writes all bytes, or returns -1 with errno.  The library's allocator searches only a part of the
 * volume for free clusters, and notes in full_zones where it found none.  So it fails with ENOSPC
 * while scattered clusters are still free.  Then this function clears full_zones and tries again,
 * until a retry writes nothing.
 */
static int file_write_all(ntfs_attr *attribute, uint64_t offset, const void *buffer, size_t length)
{
	const char *rest = buffer;
	bool has_retried = false;

	while (length > 0) {
		s64 done = ntfs_attr_pwrite(attribute, (s64)offset, (s64)length, rest);

		if (done > 0) {
			offset += (uint64_t)done;
			length -= (size_t)done;
			rest += done;
			has_retried = false;
			continue;
		}
		if (done == 0)
			errno = ENOSPC;
		if (errno != ENOSPC || has_retried)
			return -1;
		attribute->ni->vol->full_zones = 0;
		has_retried = true;
	}
	return 0;
}

int volume_ntfs_write(struct volume_file *base, const char *stream, uint64_t offset,
		      const void *buffer, size_t length, struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	NTFS_ATTRIBUTE *attribute = file_open_stream(file, stream, true, "writing a file", err);

	if (!attribute)
		return -1;
	if (file_write_all(attribute, offset, buffer, length) < 0)
		return ntfs_fail(file->volume, err, "writing a file");
	return 0;
}

/* ---- clusters ------------------------------------------------------------------------------ */

static int file_add_runs(struct volume_ntfs_file *file, const ATTR_RECORD *record,
			 struct range_vector *clusters, struct bs_error *err)
{
	NTFS_BYTES runlist *mapped =
		ntfs_mapping_pairs_decompress(file->volume->ntfs, record, NULL);

	if (!mapped)
		return ntfs_fail(file->volume, err, "reading a file's clusters");
	for (const runlist *run = mapped; run->length != 0; run++) {
		struct range range = {(uint64_t)run->lcn, (uint64_t)run->length};

		if (run->lcn < 0)
			continue; /* a hole, or a part that another record describes */
		if (!range_within(range.offset, range.length,
				  (uint64_t)file->volume->ntfs->nr_clusters))
			return fail(err, BS_NTFS_DAMAGED,
				    "a file's clusters lie outside of the volume");
		if (range_vector_append(clusters, range, err) < 0)
			return -1;
	}
	return 0;
}

uint64_t volume_ntfs_record_number(const struct volume_file *file)
{
	return ((const struct volume_ntfs_file *)file)->inode->mft_no;
}

int volume_ntfs_add_clusters(struct volume_file *base, struct range_vector *clusters,
			     struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	NTFS_SEARCH *search = ntfs_attr_get_search_ctx(file->inode, NULL);
	int result = 0;

	if (!search)
		return ntfs_fail(file->volume, err, "reading a file's clusters");
	while (result == 0 && ntfs_attrs_walk(search) == 0)
		if (search->attr->non_resident)
			result = file_add_runs(file, search->attr, clusters, err);
	return result;
}

int volume_ntfs_locate(struct volume_file *base, uint64_t length, struct range_vector *ranges,
		       struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	uint32_t cluster_size = file->volume->ntfs->cluster_size;
	NTFS_ATTRIBUTE *data = NULL;

	if (file->inode->mrec->flags & MFT_RECORD_IS_DIRECTORY)
		return 0;
	data = ntfs_attr_open(file->inode, AT_DATA, AT_UNNAMED, 0);
	if (data && !NAttrNonResident(data))
		return 0;
	if (!data || ntfs_attr_map_whole_runlist(data) < 0)
		return ntfs_fail(file->volume, err, "reading a file's clusters");
	length = min_u64(length, (uint64_t)data->data_size);
	for (const runlist *run = data->rl; run && run->length != 0 && length > 0; run++) {
		uint64_t part = min_u64(length, (uint64_t)run->length * cluster_size);
		struct range range = {(uint64_t)run->lcn * cluster_size, part};

		if (run->lcn >= 0 && range_vector_append(ranges, range, err) < 0)
			return -1;
		length -= part;
	}
	return 0;
}

int volume_ntfs_locate_record(struct volume_file *base, struct range_vector *ranges,
			      struct bs_error *err)
{
	struct volume_ntfs_file *file = volume_ntfs_file(base);
	ntfs_volume *ntfs = file->volume->ntfs;
	uint64_t offset = file->inode->mft_no * ntfs->mft_record_size;
	uint64_t end = offset + ntfs->mft_record_size;

	while (offset < end) { /* ends: a record has at most 4 KiB, a cluster at least 512 bytes */
		uint64_t inside = offset % ntfs->cluster_size;
		uint64_t part = min_u64(end - offset, ntfs->cluster_size - inside);
		LCN cluster =
			ntfs_attr_vcn_to_lcn(ntfs->mft_na, (VCN)(offset / ntfs->cluster_size));

		if (cluster < 0)
			return ntfs_fail(file->volume, err, "finding a file's record");
		if (range_vector_append(
			    ranges,
			    (struct range){(uint64_t)cluster * ntfs->cluster_size + inside, part},
			    err) < 0)
			return -1;
		offset += part;
	}
	return 0;
}
