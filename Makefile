# SPDX-License-Identifier: GPL-3.0-or-later
# Plain GNU make.  Objects go to $(B); everything is rebuilt when the flags change.
# DEBUG=1 builds with assertions: make DEBUG=1 B=build/debug

# The version stands in debian/changelog, and nowhere else.
VERSION := $(shell sed -n '1s/[^0-9]*\([0-9a-z.~]*\).*/\1/p' debian/changelog)
B       ?= build
PREFIX  ?= /usr/local
CC      ?= cc
CFLAGS  ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
	    -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
HARDENING ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection

PACKAGES      := libntfs-3g nettle jansson libseccomp fuse3
LOADED_PACKAGES := libnbd # loaded when it is needed, so only its header counts here
IMAGE_PACKAGES := hivex
TEST_PACKAGES := check hivex libnbd
PKG_CFLAGS    := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS      := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
IMAGE_LIBS    := $(shell pkg-config --libs $(IMAGE_PACKAGES) 2>/dev/null)
TEST_CFLAGS   := $(shell pkg-config --cflags $(TEST_PACKAGES) 2>/dev/null)
TEST_LIBS     := $(shell pkg-config --libs $(TEST_PACKAGES) 2>/dev/null)

missing = $(shell for p in $(1); do pkg-config --exists $$p || echo $$p; done)
ifneq ($(MAKECMDGOALS),clean)
$(if $(call missing,$(PACKAGES) $(LOADED_PACKAGES)),$(error missing: $(call missing,$(PACKAGES) $(LOADED_PACKAGES)): \
	run scripts/install-deps build))
endif

ALL_CFLAGS := -std=gnu11 -fPIC -fvisibility=hidden -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	      -DBOOTSHIFT_VERSION='"$(VERSION)"' -Iinclude -Isrc $(WARNINGS) $(HARDENING) \
	      $(if $(filter 1,$(DEBUG)),,-DNDEBUG) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS := -Wl,-z,relro,-z,now $(LDFLAGS)
SONAME      := libbootshift.so.0

LIB_ROOMS    := util disk format cage qemu machine transaction boot start volume ntfs appliance \
		survey windows worker engine
# The library reads and writes plan files, too.
PLAN_SOURCES := $(addprefix src/report/,plan-file.c json-fields.c replace-file.c moment.c text.c)
LIB_SOURCES  := $(sort $(foreach room,$(LIB_ROOMS),$(wildcard src/$(room)/*.c)) $(PLAN_SOURCES))
CLI_SOURCES  := $(filter-out $(PLAN_SOURCES),$(sort $(wildcard src/cli/*.c src/batch/*.c \
			src/page/*.c src/rows/*.c src/report/*.c)))
IMAGE_SOURCES := $(sort $(wildcard images/*.c))
UNIT_SOURCES := $(sort $(wildcard test/unit/*.c))
SUPPORT_SOURCES := $(sort $(wildcard test/support/*.c))
CLI_TEST_SOURCES := $(sort $(wildcard test/cli/*.c))
CODES_PAGE := $(B)/man/bootshift-codes.7
COMPLETIONS := $(addprefix $(B)/completions/,bootshift _bootshift bootshift.fish)
BOOT_TEST_SOURCES := $(sort $(wildcard test/boot/*.c))
CRASH_TEST_SOURCES := $(sort $(wildcard test/crash/*.c))
FUZZ_MAIN_SOURCES := test/fuzz/fuzzer.c test/fuzz/seeds.c
FUZZ_SOURCES := $(filter-out $(FUZZ_MAIN_SOURCES),$(sort $(wildcard test/fuzz/*.c)))
comma := ,
objects = $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all check test check-slow check-package engines-test crash-test fuzz mutants boot-test lint syntax sanitize install uninstall dist clean help
.DELETE_ON_ERROR:

# One short line for each file that is made; V=1 prints the whole commands.
silent = $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
brief = $(if $(V),,$(if $(silent),@,@printf '  %-5s %s\n' $(1) $@;))

all: $(B)/bootshift $(B)/libbootshift.so $(B)/libbootshift.a $(COMPLETIONS) $(CODES_PAGE) ## the program and the library

# What the comment beside a target says of it.
help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' $(MAKEFILE_LIST) | while read -r target text; do \
		printf '  make %-13s %s\n' "$$target" "$$text"; done
	@echo '  V=1 prints whole commands; B=FOLDER builds elsewhere; CK_RUN_SUITE=NAME picks a suite;'
	@echo '  test/support/test.h tells more, and how to debug a test'

# --- flags: a file that changes only when they do -------------------------------------------
FLAGS := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PKG_LIBS) $(TEST_LIBS)
$(B)/flags: force
	@mkdir -p $(B)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || \
	 printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@
.PHONY: force

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call brief,CC)$(CC) $(ALL_CFLAGS) $(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libbootshift.a: $(call objects,$(LIB_SOURCES))
	@rm -f $@
	$(call brief,AR)$(AR) rcs $@ $^

$(B)/libbootshift.so: $(call objects,$(LIB_SOURCES)) src/libbootshift.map
	$(call brief,LINK)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=src/libbootshift.map \
		$(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(PKG_LIBS)

# The command uses the shared library, as any program does: that proves that the library shows all that
# is needed.  Functions that are of use everywhere are in both.
COMMON_SOURCES := $(filter-out src/util/codes.c,$(sort $(wildcard src/util/*.c) $(PLAN_SOURCES)))
COMMAND_PARTS := $(call objects,$(CLI_SOURCES)) $(B)/libbootshift.so $(B)/common.a
$(B)/common.a: $(call objects,$(COMMON_SOURCES))
	@rm -f $@
	$(call brief,AR)$(AR) rcs $@ $^

# $(1): the folder in which the command looks for the library first, or nothing.
link_command = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(addprefix -Wl$(comma)-rpath$(comma),$(1)) -o $@ \
	$(COMMAND_PARTS) -Wl,--as-needed $(PKG_LIBS)
$(B)/bootshift: $(COMMAND_PARTS)
	@ln -sf libbootshift.so $(B)/$(SONAME)
	$(call brief,LINK)$(call link_command,'$$ORIGIN')
# The installed command does not look for the library in its own folder.
$(B)/installed/bootshift: $(COMMAND_PARTS) force
	@mkdir -p $(@D)
	$(call brief,LINK)$(call link_command,$(filter-out /lib/% /usr/lib/%,$(LIBDIR)))

# Completions for shells, from the program's own help.
$(B)/completions/bootshift: target_shell := bash
$(B)/completions/_bootshift: target_shell := zsh
$(B)/completions/bootshift.fish: target_shell := fish
$(COMPLETIONS): $(B)/bootshift scripts/completions
	@mkdir -p $(@D)
	$(call brief,GEN)B=$(B) scripts/completions $(target_shell) >$@

# The manual page of the codes, from the program's own table.
$(CODES_PAGE): $(B)/bootshift scripts/codes-page man/bootshift.1
	@mkdir -p $(@D)
	$(call brief,GEN)B=$(B) scripts/codes-page >$@

# The template of the page of a batch.
$(B)/src/page/page.o: EXTRA_CFLAGS := -Wa,-Isrc/page
$(B)/src/page/page.o: src/page/page.html

# --- what starts the sample images: boot code, and a bootmgr of one file for the BIOS -----------
BOOT := $(B)/images/boot
BOOT_CODE := $(addprefix $(BOOT)/,mbr.bin vbr-bootmgr.bin vbr-ntldr.bin bootmgr.bin)
BOOT_CFLAGS := -std=gnu11 -m32 -march=i386 -Os -ffreestanding -fno-pic -fno-stack-protector \
	       -fno-asynchronous-unwind-tables -fcf-protection=none $(WARNINGS)
NASM := nasm -Wall -Iimages/boot/

$(BOOT)/mbr.bin: images/boot/mbr.asm
$(BOOT)/vbr-bootmgr.bin $(BOOT)/vbr-ntldr.bin: images/boot/vbr.asm
$(BOOT)/vbr-ntldr.bin: NASM += -DLOADER='"NTLDR"'
$(BOOT)/mbr.bin $(BOOT)/vbr-bootmgr.bin $(BOOT)/vbr-ntldr.bin:
	@mkdir -p $(@D)
	$(call brief,NASM)$(NASM) -f bin -MD $(@:.bin=.d) -MP -o $@ $<

$(BOOT)/entry.o: images/boot/entry.asm
	@mkdir -p $(@D)
	$(call brief,NASM)$(NASM) -f elf32 -o $@ $<

$(BOOT)/%.o: images/boot/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call brief,CC)$(CC) $(BOOT_CFLAGS) -MMD -MP -c -o $@ $<

$(BOOT)/bootmgr.bin: images/boot/bootmgr.ld $(BOOT)/entry.o \
		$(call objects,$(sort $(wildcard images/boot/*.c)))
	$(call brief,LINK)$(LD) -m elf_i386 --oformat binary -T $^ -o $@

# --- sample images -------------------------------------------------------------------------
$(B)/images/boot-code.o: EXTRA_CFLAGS := -Wa,-I$(BOOT)
$(B)/images/boot-code.o: $(BOOT_CODE)
$(B)/build-image: $(call objects,$(IMAGE_SOURCES))
	$(call brief,LINK)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(IMAGE_LIBS)

# --- tests: they register themselves, see test/support/test.h --------------------------------
TEST_PROGRAM_SOURCES := $(SUPPORT_SOURCES) $(filter-out src/cli/main.c,$(CLI_SOURCES))
$(B)/unit-tests: $(call objects,$(UNIT_SOURCES) $(FUZZ_SOURCES))
$(B)/cli-tests: $(call objects,$(CLI_TEST_SOURCES))
$(B)/boot-tests: $(call objects,$(BOOT_TEST_SOURCES))
$(B)/crash-tests: $(call objects,$(CRASH_TEST_SOURCES))
$(B)/unit-tests $(B)/cli-tests $(B)/boot-tests $(B)/crash-tests: $(call objects,$(TEST_PROGRAM_SOURCES)) \
		$(B)/libbootshift.a | $(B)/build-image
	$(call brief,LINK)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(PKG_LIBS) $(TEST_LIBS)
# test/unit/test-hostile.c has another worker.
$(B)/unit-tests: private ALL_LDFLAGS += -Wl$(comma)--wrap=worker_run
# The calls that test/crash/recorder.c and faults.c see.
WRAPPED_CALLS := open64 pwrite64 write fsync fdatasync fallocate64 ftruncate64 rename unlink fsetxattr \
		 fremovexattr fanotify_init malloc calloc realloc strdup strndup pread64 fstat64 lstat64 \
		 lseek64 fgetxattr flock stat64 fstatvfs64 access faccessat getxattr realpath opendir \
		 readdir64 fopen64 aligned_alloc asprintf __asprintf_chk \
		 sendmsg recvmsg socketpair setsockopt poll fork
$(B)/crash-tests: private ALL_LDFLAGS += $(addprefix -Wl$(comma)--wrap=,$(WRAPPED_CALLS))
$(call objects,$(UNIT_SOURCES) $(CLI_TEST_SOURCES) $(BOOT_TEST_SOURCES) $(CRASH_TEST_SOURCES) \
	$(FUZZ_SOURCES) $(FUZZ_MAIN_SOURCES)): \
	EXTRA_CFLAGS := $(TEST_CFLAGS) -Itest
$(B)/cli-tests $(B)/boot-tests: | $(B)/bootshift

# The JSON documents that the tests have seen are validated by the schema.
KEEP_DOCUMENTS := BOOTSHIFT_DOCUMENTS=$(abspath $(B)/documents)

# Each program runs its cases side by side.  What has the tag `slow` is for check-slow, and `engines`
# for engines-test.
check: $(B)/unit-tests $(B)/crash-tests $(B)/cli-tests ## the everyday tests
	@rm -f $(B)/documents
	@CK_EXCLUDE_TAGS='slow engines' $(KEEP_DOCUMENTS) $(B)/cli-tests; cli=$$?; \
	scripts/check-schema $(B)/documents; schema=$$?; \
	CK_EXCLUDE_TAGS='slow crash mutants' $(B)/crash-tests; crash=$$?; \
	CK_EXCLUDE_TAGS='slow engines' $(B)/unit-tests && exit $$((cli || schema || crash))

# Only the tests whose names contain $(T), slow ones too.
test: $(B)/unit-tests $(B)/crash-tests $(B)/cli-tests ## with T=NAME: the tests with such names
	$(if $(T),,$(error say which: make test T=NAME))
	@T='$(T)' $(B)/unit-tests; unit=$$?; T='$(T)' $(B)/crash-tests; crash=$$?; \
	T='$(T)' $(B)/cli-tests && exit $$((unit || crash))

# Sample images for the tests, built with this build-image unless $BUILD_IMAGE names another.
$(call objects,$(SUPPORT_SOURCES)): EXTRA_CFLAGS := $(TEST_CFLAGS) -Itest \
	-DBUILD_IMAGE='"$(abspath $(B)/build-image)"'

# --- tests that take longer -----------------------------------------------------------------
# The everyday tests have their images in memory, if that is large enough; these have a disk.
ON_DISK := TMPDIR=$${TMPDIR:-/tmp}

check-slow boot-test sanitize: SHARE ?= 4
check-slow: all $(B)/build-image $(B)/unit-tests $(B)/crash-tests $(B)/cli-tests boot-test ## the tests that take longer
	B=$(B) scripts/check-images
	B=$(B) scripts/check-slurm
	B=$(B) scripts/check-abi
	B=$(B) scripts/check-install
	$(ON_DISK) CK_INCLUDE_TAGS=slow $(SHARED) $(B)/unit-tests
	CK_INCLUDE_TAGS=slow $(B)/crash-tests
	$(ON_DISK) CK_INCLUDE_TAGS=slow $(KEEP_DOCUMENTS) $(SHARED) $(B)/cli-tests
	scripts/check-schema $(B)/documents

# Builds and installs the Debian packages in a clean Debian, and runs the example role: five minutes, 3 GiB
# of $TMPDIR, and a mirror of Debian.
check-package: all $(B)/build-image ## the Debian packages in a clean Debian, and the Ansible role
	B=$(B) scripts/check-package
	B=$(B) scripts/check-ansible

# Takes a survey of each sample with libntfs-3g and in libguestfs' appliance.
engines-test: $(B)/build-image $(B)/unit-tests ## both engines find the same in all samples
	@$(ON_DISK) CK_INCLUDE_TAGS=engines $(B)/unit-tests

# Cuts the power in every way during fixes, undos and recoveries, kills, and makes calls fail.
# $$CRASH_SEED chooses other states.  check-slow has the shorter part of it.
crash-test: $(B)/crash-tests ## cuts the power 200,000 times, in every way
	@CK_INCLUDE_TAGS=crash $(B)/crash-tests >$(B)/crash-test.log; status=$$?; cat $(B)/crash-test.log; \
	awk '/^states: /{states += $$2; bad += $$4} \
	     END {printf "%d states\n%d bad\n", states, bad; exit !states || bad}' \
	     $(B)/crash-test.log && exit $$status

# Inputs that nobody thought of, for all that reads bytes of others.  $$FUZZ_SECONDS is the time of each
# target, and $$FUZZ_TARGETS names some of them.
fuzz: ## fuzzes each parser, under the sanitizers
	B=$(B) scripts/fuzz

FUZZ_PROGRAM_OBJECTS := $(call objects,$(FUZZ_SOURCES) $(filter-out src/cli/main.c,$(CLI_SOURCES)))
$(B)/fuzz $(B)/seeds: $(FUZZ_PROGRAM_OBJECTS) $(B)/libbootshift.a
	$(call brief,LINK)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(PKG_LIBS)
$(B)/fuzz: $(B)/test/fuzz/fuzzer.o
$(B)/fuzz: private ALL_LDFLAGS += -fsanitize=fuzzer -Wl$(comma)--wrap=memory_large
$(B)/seeds: $(B)/test/fuzz/seeds.o

mutants: ## breaks the program on purpose: the tests must notice
	scripts/mutants

# check-slow, boot-test and sanitize run each fourth test: all of them take hours of a processor.  The
# commit decides which, so that the same commit has the same tests, and another one others.  SHARE=1
# runs all.
SHARED = TEST_SHARE=$(SHARE) TEST_SEED=$$(git rev-parse --short=6 HEAD 2>/dev/null)

# Starts sample disks in virtual machines, before and after.
boot-test: $(B)/boot-tests ## starts sample disks in virtual machines
	@$(ON_DISK) TEST_JOBS=$$(nproc) $(KEEP_DOCUMENTS) $(SHARED) $(B)/boot-tests

# The everyday tests of a program that is built with the sanitizers; and, of those that take longer,
# samples through the survey, and damage to what is parsed.  Leaks count.  Of the tests of crashes, only
# those in which calls fail: the others run the same code again and again.
SANITIZED := $(addprefix $(B)/sanitized/,bootshift build-image unit-tests crash-tests)
sanitize: $(B)/cli-tests $(B)/build-image ## the everyday tests with the address and undefined behaviour sanitizers
	$(MAKE) B=$(B)/sanitized DEBUG=1 HARDENING= \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all' \
		$(SANITIZED)
	@export $(SHARED); CK_EXCLUDE_TAGS='slow engines stops' $(B)/sanitized/unit-tests; unit=$$?; \
	CK_INCLUDE_TAGS=failing $(B)/sanitized/crash-tests; crash=$$?; \
	CK_EXCLUDE_TAGS='slow engines counts' BOOTSHIFT=$(abspath $(B)/sanitized/bootshift) \
	$(B)/cli-tests && \
	exit $$((unit || crash))
	$(ON_DISK) CK_INCLUDE_TAGS=samples $(SHARED) $(B)/sanitized/unit-tests
	$(ON_DISK) CK_INCLUDE_TAGS=damage $(B)/sanitized/unit-tests

# The compiler's warnings about the program, without building it.
syntax: $(LIB_SOURCES) $(CLI_SOURCES)
	$(CC) -fsyntax-only $(ALL_CFLAGS) $^

lint: ## everything that judges the source without running it
	scripts/lint

# --- installing -----------------------------------------------------------------------------
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man

# What is installed, as FILE=PLACE.  The shells look for completions in these folders.
place_page = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
INSTALLED := \
	$(B)/libbootshift.so=$(LIBDIR)/$(SONAME) \
	$(B)/libbootshift.a=$(LIBDIR)/libbootshift.a \
	$(B)/bootshift.pc=$(LIBDIR)/pkgconfig/bootshift.pc \
	include/bootshift.h=$(INCLUDEDIR)/bootshift.h \
	schema/bootshift.schema.json=$(DATADIR)/bootshift/bootshift.schema.json \
	$(B)/completions/bootshift=$(DATADIR)/bash-completion/completions/bootshift \
	$(B)/completions/_bootshift=$(DATADIR)/zsh/site-functions/_bootshift \
	$(B)/completions/bootshift.fish=$(DATADIR)/fish/vendor_completions.d/bootshift.fish \
	$(foreach page,$(wildcard man/*) $(CODES_PAGE),$(page)=$(call place_page,$(page)))

$(B)/bootshift.pc: include/bootshift.pc.in force
	@sed -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' -e 's|@PACKAGES@|$(PACKAGES)|' $< >$@

install: all $(B)/bootshift.pc $(B)/installed/bootshift ## into PREFIX, which is /usr/local
	install -D -m 755 $(B)/installed/bootshift $(DESTDIR)$(BINDIR)/bootshift
	$(foreach entry,$(INSTALLED),install -D -m 644 \
		$(subst =, $(DESTDIR),$(entry))$(newline))
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libbootshift.so

uninstall: ## removes what install put there
	rm -f $(DESTDIR)$(BINDIR)/bootshift $(DESTDIR)$(LIBDIR)/libbootshift.so \
		$(foreach entry,$(INSTALLED),$(DESTDIR)$(lastword $(subst =, ,$(entry))))

define newline


endef

# The same bytes each time.  The version is in the archive, in debian/changelog.
dist: ## the source of the last commit, as an archive
	@mkdir -p $(B)
	git -c tar.umask=022 -c tar.tar.xz.command='xz --threads=1' archive --prefix=bootshift-$(VERSION)/ \
		-o $(B)/bootshift-$(VERSION).tar.xz HEAD

clean: ## removes the build folder
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
