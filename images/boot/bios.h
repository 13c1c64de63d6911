/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What bootmgr gets from the machine: sectors, a screen with a serial line beside it, and memory.
 */
#ifndef BOOT_BIOS_H
#define BOOT_BIOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECTOR_SIZE 512u
#define FIRST_DISK  0x80u /* the BIOS' number of the first hard disk */

/* entry.asm knows the offsets of these. */
struct bios_registers {
	uint32_t eax, ebx, ecx, edx, esi;
	uint32_t interrupt;
	uint32_t flags; /* after the call */
};

/* Calls the BIOS with these registers; EAX and the flags come back.  They must be on the stack. */
void bios_call(struct bios_registers *registers);

/* Reads whole sectors, from the disk's sector `first` on; false when the BIOS cannot. */
bool disk_read(uint8_t disk, uint32_t first, uint32_t count, void *buffer);

/* A line that is put together and then printed; what does not fit is cut off. */
struct line {
	char text[160];
	uint32_t length;
};

void add_text(struct line *line, const char *text);
void add_number(struct line *line, uint32_t number);
void add_hexadecimal(struct line *line, uint32_t number, unsigned digits);
/* UTF-16; what is not ASCII becomes a question mark. */
void add_wide(struct line *line, const uint16_t *units, uint32_t count);

/*
 * On the screen and then on the serial line, as a whole: some BIOS show the screen on that, too.
 * The line is empty afterwards.
 */
void print_line(struct line *line);

/* Whether the machine has a serial line. */
bool somebody_listens(void);

/* Ends the virtual machine if it has a port for that, else stops the processor. */
enum machine_end {
	MACHINE_FAILED = 1,
	MACHINE_BOOTED = 16,
};
_Noreturn void machine_stop(enum machine_end end);

/* Memory above 1 MiB, handed out once and never taken back. */
struct memory {
	uint8_t *next, *end;
};

struct memory memory_all(void);

/* NULL when there is not so much left. */
void *memory_take(struct memory *memory, uint32_t size);

#endif
