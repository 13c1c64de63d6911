/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The boot configuration data (BCD) store: a codec on a buffer.
 *
 * A BCD is a registry hive.  \Objects\{guid}\Description holds the object's Type.  Each subkey of
 * \Objects\{guid}\Elements is an element: the subkey's name is the element's number in eight
 * hexadecimal digits, and its value "Element" holds the data.  To point a device at another
 * partition of the same disk, bootshift overwrites eight bytes of each element in place: no length
 * changes.  The hive's checksum stays valid, because it covers only the first 508 bytes.
 *
 * Object and element numbers: Microsoft, "BCD reference" (bcdedit's and WMI's documentation);
 * device elements: reactos boot/environ/include/bl.h (BL_DEVICE_DESCRIPTOR), and real stores, for
 * virtual disks and `locate` the one of ntloader (utils/bcd, written by bcdedit).
 */
#ifndef BOOTSHIFT_BCD_H
#define BOOTSHIFT_BCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define BCD_SIZE_MAX (16u << 20) /* bytes; real stores have 24 KiB to some hundred KiB */

#define BCD_BOOTMGR "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
#define BCD_NTLDR   "{466f5a88-0af2-4f76-9038-095b170dc21c}"
#define BCD_MEMDIAG "{b2721d73-1db4-4c62-bf78-c548a880142d}"

/* Settings that entries inherit. */
#define BCD_GLOBAL_SETTINGS "{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}"
#define BCD_LOADER_SETTINGS "{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}"
#define BCD_RESUME_SETTINGS "{1afa9c49-16ab-4a5c-901b-212802da9460}"

enum bcd_element_id {
	BCD_DEVICE = 0x11000001, /* where the application file is */
	BCD_PATH = 0x12000002,   /* the application file */
	BCD_DESCRIPTION = 0x12000004,
	BCD_OSDEVICE = 0x21000001,
	BCD_SYSTEMROOT = 0x22000002, /* Windows' folder on the osdevice */
	BCD_DEFAULT = 0x23000003,
	BCD_DISPLAY_ORDER = 0x24000001,
	BCD_LOCALE = 0x12000005,
	BCD_INHERIT = 0x14000006,           /* objects whose elements count for this object, too */
	BCD_RECOVERY_SEQUENCE = 0x14000008, /* entries that start if this one fails */
	BCD_RECOVERY_ENABLED = 0x16000009,
	BCD_BAD_MEMORY_ACCESS = 0x1600000B,
	BCD_RESUME_OBJECT = 0x23000003, /* of an entry of Windows: the one that wakes it */
	BCD_BOOTMGR_RESUME = 0x23000006,
	BCD_TOOLS_ORDER = 0x24000010,
	BCD_TIMEOUT = 0x25000004,
	BCD_NO_EXECUTE = 0x25000020,
	BCD_IS_WINPE = 0x26000022,
	BCD_SDI_DEVICE = 0x31000003,
	BCD_SDI_PATH = 0x32000004,
};

/* The kind of program that an object starts: the low 20 bits of an application object's type. */
enum bcd_application {
	BCD_NO_APPLICATION = 0, /* device options, inherited settings and other objects */
	BCD_APPLICATION_BOOTMGR = 2,
	BCD_APPLICATION_WINDOWS = 3,
	BCD_APPLICATION_RESUME = 4,
	BCD_APPLICATION_MEMORY = 5, /* the memory diagnostic */
	BCD_APPLICATION_NTLDR = 6,
	BCD_APPLICATION_SETUPLDR = 7,
	BCD_APPLICATION_BOOT_SECTOR = 8,
	BCD_APPLICATION_STARTUP = 9,
};

struct bcd_element {
	char object[40]; /* "{guid}" */
	uint32_t object_type;
	uint32_t id;
	uint32_t offset, size; /* place and size of the data in the store, bytes */
};

/* An object.  It may have no elements. */
struct bcd_object {
	char object[40];
	uint32_t type;
};

struct bcd {
	const uint8_t *bytes; /* the caller's buffer, which must outlive this struct */
	size_t size;
	bool dirty;        /* BCD.LOG* has newer data: the store must not be edited */
	uint32_t sequence; /* number of the store's last change, for regf_log_is_newer() */
	struct bcd_element *elements;
	size_t count;
	struct bcd_object *objects;
	size_t object_count;
};

enum bcd_device_kind {
	BCD_DEVICE_OTHER,     /* unknown, or a kind that bootshift does not change (GPT,
			       * network...) */
	BCD_DEVICE_BOOT,      /* the volume from which bootmgr was loaded */
	BCD_DEVICE_LOCATE,    /* the first volume that has the path */
	BCD_DEVICE_PARTITION, /* a partition of an MBR disk */
};

/* A device can also be a file on one of the devices above. */
enum bcd_file_kind {
	BCD_NO_FILE,
	BCD_RAMDISK, /* bootmgr loads the file into memory */
	BCD_VHD,     /* a virtual disk; the device is a volume in it */
};

struct bcd_device {
	enum bcd_device_kind kind; /* for a file: the device that holds the file */
	enum bcd_file_kind file;
	/* Only for BCD_DEVICE_PARTITION: */
	uint32_t disk_signature;
	uint64_t partition_offset; /* bytes from the start of the disk */
	uint32_t field_offset;     /* where the store has partition_offset (eight bytes) */
	/* The path of the file.  For BCD_NO_FILE and BCD_DEVICE_LOCATE: the path for which bootmgr
	 * searches the volumes; empty if the store does not give it. */
	char path[BS_PATH_MAX];
};

/*
 * Reads all elements.  The caller frees *bcd with bcd_free(), also on error.  Errors:
 * BS_BCD_DAMAGED with what is wrong, BS_NO_MEMORY.
 */
MUST_CHECK int bcd_parse(const uint8_t *bytes, size_t size, struct bcd *bcd, struct bs_error *err);
void bcd_free(struct bcd *bcd);

/* Finds an element; NULL if there is none.  The case of `object` is ignored. */
const struct bcd_element *bcd_find(const struct bcd *bcd, const char *object, uint32_t id);

/* Copies a string element, or the first string of a list, as UTF-8; "" if `element` is NULL. */
void bcd_text(const struct bcd *bcd, const struct bcd_element *element, char *text, size_t size);

/* Copies string `index` (from 0) of a list of strings.  Returns false if the list is shorter. */
bool bcd_list_text(const struct bcd *bcd, const struct bcd_element *element, size_t index,
		   char *text, size_t size);

/* Returns the kind of program that an element's object starts (ntldr's by its GUID). */
uint32_t bcd_application(const struct bcd_element *element);

/* Finds the object that starts by default: bootmgr's default, or the first in its display order. */
bool bcd_default_object(const struct bcd *bcd, char object[40]);

/* Parses a device element.  The kind is BCD_DEVICE_OTHER for NULL and for unknown data. */
void bcd_device(const struct bcd *bcd, const struct bcd_element *element,
		struct bcd_device *device);

/*
 * Sets `path` to the file that a device element refers to.  If the device is itself a file, this is
 * the device's file.  Otherwise another element of the same object has the path (path for device,
 * systemroot for osdevice, and so on).  `path` is empty if there is no file.
 */
void bcd_device_file(const struct bcd *bcd, const struct bcd_element *element,
		     const struct bcd_device *device, char *path, size_t size);

/* Returns whether an element with this number holds a device. */
bool bcd_is_device(uint32_t id);

/*
 * Makes the device element of a partition: BCD_PARTITION_SIZE bytes.  bcd_put_ramdisk() makes that of
 * a RAM disk from the file `path` on the partition.  `options` is the object of device options.  It
 * returns the length, or 0 if `size` bytes are too few.
 */
#define BCD_PARTITION_SIZE 88u
void bcd_put_partition(uint8_t value[BCD_PARTITION_SIZE], uint64_t offset, uint32_t signature);
uint32_t bcd_put_ramdisk(uint8_t *value, uint32_t size, uint64_t offset, uint32_t signature,
			 const char *path, const char *options);

/* Writes the GUID at the start of a device element as text: the object of its options. */
void bcd_options_object(const struct bcd *bcd, const struct bcd_element *element, char object[40]);

#endif
