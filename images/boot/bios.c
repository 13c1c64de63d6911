/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bios.h"

#include "bytes.h"

#define INTERRUPT_VIDEO 0x10
#define INTERRUPT_DISK  0x13
#define FLAG_CARRY      1u

#define SERIAL_DATA   0x3F8
#define SERIAL_STATUS 0x3FD
#define SERIAL_READY  0x20
#define MISSING_PORT  0xFF /* so it reads; a missing serial port thus is ready */
#define EXIT_PORT     0xF4 /* QEMU's isa-debug-exit: the status is 2 * value + 1 */

/* Where the BIOS reads to: below 1 MiB, and apart from the boot record and this program. */
#define BOUNCE_BUFFER  0x10000u
#define BOUNCE_SECTORS 64u

#define MEMORY_START ((uint8_t *)0x100000)
#define MEMORY_SIZE  (48u << 20)

static inline void port_write(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* ---- what the compiler may call ------------------------------------------------------------ */

void *memcpy(void *to, const void *from, size_t length)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(length) : : "memory");
	return to;
}

void *memset(void *to, int value, size_t length)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(length) : "a"(value) : "memory");
	return to;
}

int memcmp(const void *left, const void *right, size_t length)
{
	const uint8_t *a = left, *b = right;

	for (size_t i = 0; i < length; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

/* ---- disks --------------------------------------------------------------------------------- */

/* Phoenix, "Enhanced Disk Drive Specification" 1.1: the packet of INT 13h function 42h. */
struct address_packet {
	uint16_t size, sectors, offset, segment;
	uint64_t first;
};
_Static_assert(sizeof(struct address_packet) == 16, "as the BIOS expects it");

static bool read_to_bounce_buffer(uint8_t disk, uint32_t first, uint32_t count)
{
	struct address_packet packet = {
		.size = sizeof(packet),
		.sectors = (uint16_t)count,
		.segment = BOUNCE_BUFFER / 16,
		.first = first,
	};
	struct bios_registers registers = {
		.eax = 0x4200,
		.edx = disk,
		.esi = (uint32_t)&packet,
		.interrupt = INTERRUPT_DISK,
	};

	bios_call(&registers);
	return (registers.flags & FLAG_CARRY) == 0;
}

bool disk_read(uint8_t disk, uint32_t first, uint32_t count, void *buffer)
{
	uint8_t *to = buffer;

	while (count > 0) {
		uint32_t part = count < BOUNCE_SECTORS ? count : BOUNCE_SECTORS;

		if (!read_to_bounce_buffer(disk, first, part))
			return false;
		memcpy(to, (const void *)BOUNCE_BUFFER, part * SECTOR_SIZE);
		first += part;
		count -= part;
		to += part * SECTOR_SIZE;
	}
	return true;
}

/* ---- what is said -------------------------------------------------------------------------- */

static void add_character(struct line *line, char character)
{
	if (line->length < sizeof(line->text))
		line->text[line->length++] = character;
}

void add_text(struct line *line, const char *text)
{
	for (; *text != '\0'; text++)
		add_character(line, *text);
}

void add_number(struct line *line, uint32_t number)
{
	char digits[11];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	add_text(line, at);
}

void add_hexadecimal(struct line *line, uint32_t number, unsigned digits)
{
	add_text(line, "0x");
	while (digits-- > 0)
		add_character(line, "0123456789abcdef"[number >> (4 * digits) & 0xF]);
}

void add_wide(struct line *line, const uint16_t *units, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		add_character(line, units[i] >= ' ' && units[i] < 0x7F ? (char)units[i] : '?');
}

static void show(char character)
{
	struct bios_registers registers = {
		.eax = 0x0E00 | (uint8_t)character,
		.ebx = 7,
		.interrupt = INTERRUPT_VIDEO,
	};

	bios_call(&registers);
}

static void send(char character)
{
	while ((port_read(SERIAL_STATUS) & SERIAL_READY) == 0)
		;
	port_write(SERIAL_DATA, (uint8_t)character);
}

static void put_line(const struct line *line, void (*put)(char character))
{
	for (uint32_t i = 0; i < line->length; i++)
		put(line->text[i]);
	put('\r');
	put('\n');
}

void print_line(struct line *line)
{
	put_line(line, show);
	put_line(line, send);
	line->length = 0;
}

bool somebody_listens(void)
{
	return port_read(SERIAL_STATUS) != MISSING_PORT;
}

/* ---- the machine --------------------------------------------------------------------------- */

_Noreturn void machine_stop(enum machine_end end)
{
	port_write(EXIT_PORT, (uint8_t)end);
	for (;;)
		__asm__ volatile("cli; hlt");
}

struct memory memory_all(void)
{
	return (struct memory){.next = MEMORY_START, .end = MEMORY_START + MEMORY_SIZE};
}

void *memory_take(struct memory *memory, uint32_t size)
{
	uint32_t whole = (size + 15) & ~15u;
	uint8_t *taken = memory->next;

	if (whole < size || whole > (uint32_t)(memory->end - memory->next))
		return NULL;
	memory->next += whole;
	return taken;
}
