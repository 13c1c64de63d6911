; SPDX-License-Identifier: GPL-3.0-or-later
;
; The beginning of bootmgr: from the boot record's 16-bit world to C in 32 bits, and back for each
; call of the BIOS.
;
; The boot record loads the file to 2000:0000 and jumps there with the disk in DL.  A part of the
; file stops at once, as with Windows' own.  The C code runs with flat segments and without
; interrupts; its stack lies below 64 KiB, where both worlds reach it.

LOADED_AT	equ 20000h
LOADED_SEGMENT	equ LOADED_AT / 16
STACK_END	equ 7C00h	; the boot record begins here

CODE_32		equ 08h
DATA_32		equ 10h
CODE_16		equ 18h
DATA_16		equ 20h

; struct bios_registers of bios.h
REGISTERS_EAX		equ 0
REGISTERS_EBX		equ 4
REGISTERS_ECX		equ 8
REGISTERS_EDX		equ 12
REGISTERS_ESI		equ 16
REGISTERS_INTERRUPT	equ 20
REGISTERS_FLAGS		equ 24

END_MARK	equ 'last'

	global bios_call
	extern boot_manager
	extern end_mark_offset	; from the start of the file

	section .entry progbits alloc exec nowrite align=16
	bits 16
start:
	cli
	xor ax, ax
	mov es, ax
	mov ss, ax
	mov esp, STACK_END
	movzx edi, dl		; kept for the C code
	push cs
	pop ds
	mov si, corrupt - start
	cmp dword [end_mark_offset], END_MARK
	jne print_and_stop
	mov ds, ax
	mov ax, 2401h		; let address line 20 through
	int 15h
	cli
	o32 lgdt [cs:gdt_register - start]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword CODE_32:flat

	bits 32
flat:
	mov ax, DATA_32
	mov ds, ax
	mov es, ax
	mov ss, ax
	cld
	push edi
	call boot_manager
.halt:
	hlt
	jmp .halt

	bits 16
%include "console.inc"
corrupt:	db "BOOTMGR image is corrupt.  The system cannot boot.", 13, 10, 0

; void bios_call(struct bios_registers *registers)
	bits 32
bios_call:
	pushad
	mov ebx, [esp + 36]
	jmp CODE_16:(segmented - start)
	bits 16
segmented:
	mov ax, DATA_16
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov eax, cr0
	and al, 0FEh
	mov cr0, eax
	jmp LOADED_SEGMENT:(real - start)
real:
	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	push bx
	mov di, [bx + REGISTERS_INTERRUPT]
	shl di, 2		; its place in the table of interrupts
	mov eax, [bx + REGISTERS_EAX]
	mov ecx, [bx + REGISTERS_ECX]
	mov edx, [bx + REGISTERS_EDX]
	mov esi, [bx + REGISTERS_ESI]
	mov ebx, [bx + REGISTERS_EBX]
	sti
	pushf			; what the interrupt's own return takes off again
	cli
	call far [di]
	pushf
	pop di
	pop bx
	mov [bx + REGISTERS_EAX], eax
	mov [bx + REGISTERS_FLAGS], di
	cli
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword CODE_32:.flat_again
	bits 32
.flat_again:
	mov ax, DATA_32
	mov ds, ax
	mov es, ax
	mov ss, ax
	popad
	ret

	align 8
gdt:	; all marked as accessed, or the processor would do that, in what is compared with the file
	dq 0
	dq 00CF9B000000FFFFh	; CODE_32: all memory
	dq 00CF93000000FFFFh	; DATA_32
	dq 00009B020000FFFFh	; CODE_16: 64 KiB from LOADED_AT on
	dq 000093000000FFFFh	; DATA_16: the first 64 KiB
gdt_register:
	dw gdt_register - gdt - 1
	dd gdt

	section .end progbits alloc noexec nowrite align=4
	dd END_MARK
