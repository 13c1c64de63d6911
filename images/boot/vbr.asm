; SPDX-License-Identifier: GPL-3.0-or-later
;
; The NTFS boot record's code: a stand-in for that of Windows Vista and later, or when LOADER is
; NTLDR, of Windows XP.  It reads the rest of itself by the BPB's hidden sectors, finds the $MFT by
; the BPB, looks up the loader in the root folder's index by its name in any case, loads all of it
; to 2000:0000 and jumps there with the disk in DL.  The builder puts the volume's BPB in.
;
; It trusts the BPB and nothing else: what it reads must have the right magic and fixups.  Like the
; real one it cannot start a loader that is compressed (encrypted, sparse), and addresses the disk
; with 32 bits.  Unlike it, it follows an attribute list only for the loader's content, so a $MFT or
; root folder in so many pieces that it needs one ends in a disk read error.

	bits 16
	org 7C00h

%ifndef LOADER
%define LOADER		"BOOTMGR"
%endif
%strlen LOADER_LENGTH	LOADER

; Windows 7's code fills eight sectors and a part of the ninth.  So does this, with room between its
; parts, where there is something else for every loader: so a mixture of two records shows.
%macro sector 1
	times %1 * SECTOR_SIZE - ($ - $$) db LOADER_LENGTH
%endmacro
CODE_END		equ 1028h

REST_SECTORS		equ 15	; of this record, behind the first
RECORD_SECTORS_MAX	equ 8
INDEX_SECTORS_MAX	equ 32

; Memory below the loader.
MFT_RECORD		equ 0A000h	; $MFT's own record
RECORD			equ 0B000h	; that of the root folder, then that of the loader
INDEX_BLOCK		equ 0C000h	; to the end of the segment; later the attribute list
LIST_SIZE_MAX		equ 3E00h
LOADER_SEGMENT		equ 2000h
LOADER_ADDRESS		equ LOADER_SEGMENT * 16
LOADER_SIZE_MAX		equ 9F000h - LOADER_ADDRESS	; the BIOS has its own data behind that

%include "ntfs.inc"

record_start:
	jmp short start
	nop
	db "NTFS    "
	times BPB_END - ($ - $$) db 0	; the volume's own

%define BPB(field)	record_start + BPB_ %+ field

; ---- the first sector: all that is in memory at first -----------------------------------------
start:
	cli
	xor ax, ax
	mov ss, ax
	mov esp, record_start
	mov ds, ax
	mov es, ax
	sti
	cld
	mov [BPB(DRIVE)], dl
	call check_extensions
	jc disk_error
	mov eax, [BPB(HIDDEN_SECTORS)]
	inc eax
	mov ecx, REST_SECTORS
	mov edi, second_sector
	call read_sectors
	jc disk_error
	; Wrong hidden sectors lead to something else than the rest of this, and it may be cut.
	cmp dword [end_mark], END_MARK
	je find_loader
disk_error:
	mov si, cannot_read
	jmp print_and_stop

%include "disk.inc"
%include "console.inc"

cannot_read:	db "A disk read error occurred", 13, 10, 0

	times SECTOR_SIZE - 2 - ($ - $$) db 0
	dw 0AA55h

; ---- the rest ---------------------------------------------------------------------------------
second_sector:

; The names stand at the same place, in the same form, as in Windows' own.
loader_name:
	dw LOADER_LENGTH
	dw __?utf16?__(LOADER)
index_name:
	dw 4
	dw __?utf16?__("$I30")

missing:	db LOADER, " is missing", 13, 10, 0
compressed:	db LOADER, " is compressed", 13, 10, 0
too_large:	db LOADER, " is too large", 13, 10, 0

cluster_sectors:	dd 0
record_sectors:		dd 0
index_sectors:		dd 0
index_unit_sectors:	dd 0	; what an index entry counts its child's place in
mft_data:		dw 0	; $MFT's $DATA attribute
load_at:		dd LOADER_ADDRESS	; where the next part of the loader goes
sectors_left:		dd -1	; of the loader; not yet known
list_end:		dw 0	; of the attribute list

	sector 2

find_loader:
	call read_parameters
	call read_mft_record
	mov eax, MFT_ROOT
	call read_record
	mov eax, TYPE_INDEX_ROOT
	mov cx, [index_name]
	call find_attribute
	jc disk_error
	add si, [si + ATTRIBUTE_VALUE_OFFSET]
	add si, INDEX_ROOT_HEADER

; From an index header in SI on, down the tree, as names are sorted.
search_node:
	add si, [si]		; to the first entry
.entry:
	test byte [si + ENTRY_FLAGS], ENTRY_IS_LAST
	jnz .descend
	call compare_name
	je found
	jb .descend
	add si, [si + ENTRY_LENGTH]
	jmp .entry
.descend:
	test byte [si + ENTRY_FLAGS], ENTRY_HAS_CHILD
	jz is_missing
	add si, [si + ENTRY_LENGTH]
	mov eax, [si - 8]
	call read_index_block
	jmp search_node

is_missing:
	mov si, missing
	jmp print_and_stop
is_compressed:
	mov si, compressed
	jmp print_and_stop
is_too_large:
	mov si, too_large
	jmp print_and_stop

; The index entry of the loader is at SI.
found:
	mov eax, [si + ENTRY_RECORD]
	call read_record
	test byte [si + RECORD_FLAGS], RECORD_IS_FOLDER
	jnz is_missing
	mov eax, TYPE_ATTRIBUTE_LIST
	xor cx, cx
	call find_attribute
	jnc load_listed
	mov si, RECORD
	call load_part
start_loader:
	mov dl, [BPB(DRIVE)]
	jmp LOADER_SEGMENT:0

; The loader has more records than one, and this is its attribute list at SI: the parts of the
; content follow each other in it.
load_listed:
	call read_list
	mov si, INDEX_BLOCK
.entry:
	cmp si, [list_end]
	jae .ended
	push si
	cmp dword [si + LIST_TYPE], TYPE_DATA
	jne .next
	cmp byte [si + LIST_NAME_LENGTH], 0
	jne .next
	mov eax, [si + LIST_RECORD]
	call read_record
	call load_part
.next:
	pop si
	cmp word [si + LIST_LENGTH], 0
	je disk_error
	add si, [si + LIST_LENGTH]
	jmp .entry
.ended:
	cmp dword [sectors_left], 0
	je start_loader
	jmp disk_error

	sector 3

; Loads the part of the loader's content that is in the record at SI, behind the one before.
load_part:
	mov eax, TYPE_DATA
	xor cx, cx
	call find_attribute
	jc disk_error
	cmp word [si + ATTRIBUTE_FLAGS], 0
	jne is_compressed
	cmp byte [si + ATTRIBUTE_IS_NON_RESIDENT], 0
	je .resident
	cmp dword [si + ATTRIBUTE_LOWEST_VCN], 0
	jne .read
	; The first part tells the size of all.
	cmp dword [si + ATTRIBUTE_DATA_SIZE + 4], 0
	jne is_too_large
	mov ecx, [si + ATTRIBUTE_DATA_SIZE]
	test ecx, ecx
	jz is_missing
	cmp ecx, LOADER_SIZE_MAX
	ja is_too_large
	add ecx, SECTOR_SIZE - 1
	shr ecx, SECTOR_SHIFT
	mov [sectors_left], ecx
.read:
	mov eax, [si + ATTRIBUTE_HIGHEST_VCN]
	sub eax, [si + ATTRIBUTE_LOWEST_VCN]
	inc eax
	mul dword [cluster_sectors]
	mov ecx, [sectors_left]
	cmp ecx, eax
	jbe .fits
	mov ecx, eax
.fits:
	sub [sectors_left], ecx
	xor eax, eax
	mov edi, [load_at]
	call read_stream
	mov [load_at], edi
	ret
.resident:
	mov cx, [si + ATTRIBUTE_VALUE_LENGTH]
	test cx, cx
	jz is_missing
	add si, [si + ATTRIBUTE_VALUE_OFFSET]
	push es
	push word LOADER_SEGMENT
	pop es
	xor di, di
	rep movsb
	pop es
	mov dword [sectors_left], 0
	ret

; Reads the attribute list at SI to INDEX_BLOCK.
read_list:
	cmp byte [si + ATTRIBUTE_IS_NON_RESIDENT], 0
	je .resident
	mov ecx, [si + ATTRIBUTE_DATA_SIZE]
	cmp ecx, LIST_SIZE_MAX
	ja disk_error
	mov [list_end], cx
	add word [list_end], INDEX_BLOCK
	add ecx, SECTOR_SIZE - 1
	shr ecx, SECTOR_SHIFT
	xor eax, eax
	mov edi, INDEX_BLOCK
	jmp read_stream
.resident:
	mov cx, [si + ATTRIBUTE_VALUE_LENGTH]
	add si, [si + ATTRIBUTE_VALUE_OFFSET]
	mov di, INDEX_BLOCK
	rep movsb
	mov [list_end], di
	ret

	sector 4

; ---- the volume -------------------------------------------------------------------------------

read_parameters:
	mov al, [BPB(SECTORS_PER_CLUSTER)]
	movzx eax, al
	cmp al, 80h
	jbe .plain
	neg al
	mov cl, al
	mov eax, 1
	shl eax, cl
.plain:
	mov [cluster_sectors], eax
	mov al, [BPB(RECORD_SIZE)]
	call size_in_sectors
	cmp eax, RECORD_SECTORS_MAX
	ja disk_error
	mov [record_sectors], eax
	mov al, [BPB(INDEX_SIZE)]
	call size_in_sectors
	cmp eax, INDEX_SECTORS_MAX
	ja disk_error
	mov [index_sectors], eax
	; Children are counted in clusters, unless a cluster is larger than an index block.
	mov ebx, [cluster_sectors]
	cmp eax, ebx
	jae .unit
	mov ebx, 1
.unit:
	mov [index_unit_sectors], ebx
	ret

; AL, a size as the BPB has it, to sectors in EAX.
size_in_sectors:
	movsx eax, al
	test eax, eax
	jns .clusters
	neg al
	mov cl, al
	mov eax, 1
	shl eax, cl
	shr eax, SECTOR_SHIFT
	ret
.clusters:
	mul dword [cluster_sectors]
	ret

	sector 5

; $MFT describes itself, in its own first record.
read_mft_record:
	mov eax, [BPB(MFT_CLUSTER)]
	mul dword [cluster_sectors]
	add eax, [BPB(HIDDEN_SECTORS)]
	mov ecx, [record_sectors]
	mov edi, MFT_RECORD
	mov dl, [BPB(DRIVE)]
	call read_sectors
	jc disk_error
	mov si, MFT_RECORD
	mov eax, 'FILE'
	call apply_fixups
	mov eax, TYPE_DATA
	xor cx, cx
	call find_attribute
	jc disk_error
	mov [mft_data], si
	ret

; Reads record EAX to RECORD; its address is then in SI.
read_record:
	mul dword [record_sectors]
	mov ecx, [record_sectors]
	mov edi, RECORD
	mov si, [mft_data]
	call read_stream
	mov si, RECORD
	mov eax, 'FILE'
	call apply_fixups
	test byte [si + RECORD_FLAGS], RECORD_IN_USE
	jz disk_error
	ret

; Reads the index block at EAX, as an entry counts it, of the folder in RECORD; SI is then the
; address of its index header.
read_index_block:
	mul dword [index_unit_sectors]
	push eax
	mov si, RECORD
	mov eax, TYPE_INDEX_ALLOCATION
	mov cx, [index_name]
	call find_attribute
	pop eax
	jc disk_error
	mov ecx, [index_sectors]
	mov edi, INDEX_BLOCK
	call read_stream
	mov si, INDEX_BLOCK
	mov eax, 'INDX'
	call apply_fixups
	add si, INDEX_BLOCK_HEADER
	ret

	sector 6

; Puts back the last two bytes of each sector of the block at SI, whose magic must be EAX.
apply_fixups:
	cmp [si], eax
	jne disk_error
	mov di, si
	add di, [si + BLOCK_FIXUP_OFFSET]
	mov cx, [si + BLOCK_FIXUP_COUNT]
	mov ax, [di]
	lea bx, [si + SECTOR_SIZE - 2]
.sector:
	dec cx
	jz .done
	add di, 2
	cmp [bx], ax
	jne disk_error
	mov dx, [di]
	mov [bx], dx
	add bx, SECTOR_SIZE
	jmp .sector
.done:
	ret

; Finds the attribute of type EAX in the record at SI: unnamed when CX is 0, $I30 when CX is its
; length.  Its address is then in SI; carry when there is none.
find_attribute:
	add si, [si + RECORD_ATTRIBUTES]
.next:
	cmp dword [si + ATTRIBUTE_TYPE], TYPE_END
	je .absent
	cmp [si + ATTRIBUTE_TYPE], eax
	jne .skip
	cmp [si + ATTRIBUTE_NAME_LENGTH], cl
	jne .skip
	push cx
	push si
	add si, [si + ATTRIBUTE_NAME_OFFSET]
	mov di, index_name + 2
	cmp cx, cx		; no name at all is equal
	repe cmpsw
	pop si
	pop cx
	je .found
.skip:
	cmp word [si + ATTRIBUTE_LENGTH], 0
	je .absent
	add si, [si + ATTRIBUTE_LENGTH]
	jmp .next
.absent:
	stc
.found:
	ret

; Compares the loader's name with that of the index entry at SI, ASCII letters in upper case: the
; flags are those of "cmp loader, entry".  That is the order of the index, too.
compare_name:
	push si
	mov di, loader_name + 2
	mov ch, [loader_name]
	mov cl, [si + ENTRY_NAME_LENGTH]
	add si, ENTRY_NAME
.unit:
	test ch, ch
	jz .ended
	test cl, cl
	jz .ended
	lodsw
	cmp ax, 'a'
	jb .upper
	cmp ax, 'z'
	ja .upper
	sub ax, 'a' - 'A'
.upper:
	cmp [di], ax
	jne .done
	add di, 2
	dec ch
	dec cl
	jmp .unit
.ended:
	cmp ch, cl
.done:
	pop si
	ret

	sector 7

; ---- runs -------------------------------------------------------------------------------------

; Reads ECX sectors of the non-resident attribute at SI, from its sector EAX on, to the linear
; address EDI.
read_stream:
	cmp byte [si + ATTRIBUTE_IS_NON_RESIDENT], 0
	je disk_error
	add si, [si + ATTRIBUTE_RUNS_OFFSET]
	xor edx, edx
.run:
	test ecx, ecx
	jz .done
	call next_run
	cmp eax, ebx
	jb .read
	sub eax, ebx
	jmp .run
.read:
	sub ebx, eax		; what is left of this run
	cmp ebx, ecx
	jbe .part
	mov ebx, ecx
.part:
	push ecx
	push edx
	push ebx
	mov ecx, ebx
	mov ebx, eax
	mov eax, edx
	mul dword [cluster_sectors]
	add eax, ebx
	add eax, [BPB(HIDDEN_SECTORS)]
	mov dl, [BPB(DRIVE)]
	call read_sectors
	jc disk_error
	pop ebx
	pop edx
	pop ecx
	sub ecx, ebx
	xor eax, eax		; the next run counts from its start
	jmp .run
.done:
	ret

; Takes the run at SI: its length, in sectors, to EBX; where it is, in clusters, from where the one
; before was (EDX) to EDX.
next_run:
	push eax
	push ecx
	lodsb
	test al, al
	jz disk_error		; behind the last one
	mov ah, al
	shr ah, 4
	and al, 0Fh
	movzx cx, al
	call load_number
	push ebx
	movzx cx, ah
	test cx, cx
	jz disk_error		; a hole
	call load_number
	add edx, ebx
	pop ebx
	imul ebx, [cluster_sectors]
	pop ecx
	pop eax
	ret

	sector 8

; A signed little-endian number of CX bytes at SI to EBX; SI is then behind it.
load_number:
	add si, cx
	push si
	xor ebx, ebx
	jcxz .done
	dec si
	movsx ebx, byte [si]
	jmp .next
.byte:
	dec si
	shl ebx, 8
	mov bl, [si]
.next:
	loop .byte
.done:
	pop si
	ret

	times CODE_END - 4 - ($ - $$) db LOADER_LENGTH
END_MARK	equ 'rest'
end_mark:	dd END_MARK
