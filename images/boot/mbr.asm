; SPDX-License-Identifier: GPL-3.0-or-later
;
; The master boot record's code: a stand-in for that of Windows 7, which does the same, says the
; same, and begins with the same 28 bytes, by which it is recognised.  It moves out of the way, takes
; the first entry with an active flag, reads that partition's first sector, and starts it if it ends
; with 55 AA.
;
; An entry before the active one must have a flag of zero.  When none is active, the BIOS is asked
; for something else to start (INT 18h).  The started code gets the disk in DL and, in SI, the
; address of the entry.

	bits 16
	org 600h

%define AT_START	7C00h	; where the BIOS puts this, and where the partition's sector goes
PARTITION_TABLE		equ 1BEh
ENTRY_SIZE		equ 16
ENTRY_FIRST_SECTOR	equ 8
ENTRIES			equ 4
CODE_SIZE		equ 440	; behind it is the disk's signature
SIGNATURE		equ 0AA55h

start:
	db 33h, 0C0h		; xor ax, ax: this assembler has other bytes for it
	mov ss, ax
	mov sp, AT_START
	mov es, ax
	mov ds, ax
	mov si, AT_START
	mov di, start
	mov cx, SECTOR_SIZE
	cld
	rep movsb
	push ax
	push moved
	retf

moved:
	sti
	movzx esp, sp
	mov bp, start + PARTITION_TABLE
	mov cx, ENTRIES
.entry:
	cmp byte [bp], 0
	jl .active
	mov si, invalid_table
	jne print_and_stop
	add bp, ENTRY_SIZE
	loop .entry
	int 18h
.nothing:
	hlt
	jmp .nothing

.active:
	mov si, cannot_load
	call check_extensions
	jc print_and_stop
	mov eax, [bp + ENTRY_FIRST_SECTOR]
	mov ecx, 1
	mov edi, AT_START
	call read_sectors
	jc print_and_stop
	mov si, nothing_there
	cmp word [AT_START + SECTOR_SIZE - 2], SIGNATURE
	jne print_and_stop
	mov si, bp
	jmp 0:AT_START

%include "disk.inc"
%include "console.inc"

invalid_table:	db "Invalid partition table", 13, 10, 0
cannot_load:	db "Error loading operating system", 13, 10, 0
nothing_there:	db "Missing operating system", 13, 10, 0

	times CODE_SIZE - ($ - $$) db 0
