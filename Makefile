# SPDX-License-Identifier: MIT
# Makefile - builds loader, kernel, servers and programs; `make help` lists what can be asked for.
#
# build/ is the only output folder.  Every object depends on its headers (-MMD) and on the flags it was made with
# (build/flags), so that `make DEBUG=1` after `make` compiles again what it must and nothing is stale.

#: make run                     install what is missing, build, boot, scenarios, prompt (no terminal: power off)
#: make run EXTRA=dir CMD='/extra/prog arg'
#:                              your program in a fresh machine: its output on stdout and nothing else.  Example:
#:                              mkdir my && musl-gcc -static -o my/prog prog.c && make run EXTRA=my CMD=/extra/prog
#:                              stderr ends with "quire: exit status N" (a signal: 128+n); make turns every N but 0
#:                              into 2, tests/harness/run with the same arguments exits with N itself
#:     IMAGE=file               keep the disk image there afterwards
#:     MEM=256 CPUS=2 QEMU_EXTRA='-drive ...' CMDLINE='words for the kernel' TIMEOUT=600
#: make run DEBIAN=1            with programs straight from Debian's packages (fetched into build/debian: needs the
#:                              network once): busybox as shell and tools, sqlite3, fio, stress-ng, tcc, LMDB's tools;
#:                              ours are in /quire; CMD and the rest as above
#: make test                    unit tests on the host, then the guest's tests; closes with "N passed, N failed"
#:     CPUS=2                   how many each machine has; some tests say themselves
#: make test-one T=name         one unit program, one of its cases, one guest test, or one check of the conformance suite
#: make conformance             the suite on Quire, with vm=split, and on Debian's Linux: writes docs/conformance.md
#: make mutants                 break the kernel on purpose, fault by fault, and see that a check notices (20 minutes)
#: make mutants M=name          one of these faults, or several; tests/mutants/run.py --list names them
#: make bench                   instructions and disk requests of each operation, on Quire and on Debian's Linux
#: make syscalls                write docs/syscalls.md again, from abi/syscalls.h and docs/syscalls.txt
#: make gdb                     QEMU stopped, gdb attached with the symbols of the kernel (CMDLINE=, MEM= as above)
#: make lint                    formatting, and the measures of the style guide
#: make format                  let clang-format rewrite the C files named by F='a.c b.c'
#: make coverage                unit tests again, and the lines and branches they reach
#: make image                   build/quire.img alone
#: make deps                    install what is missing (Debian), or say what is
#: make all | clean             build everything | remove build/
#: make DEBUG=1 ...             with the run-time checks of lock order and invariants

B       := build
DEBUG   ?=
WARN    := -std=gnu11 -fms-extensions -O2 -g -Wall -Wextra -Werror
GCCINC  := $(shell gcc -print-file-name=include 2>/dev/null)
# min-pagesize=0: gcc 12 takes any small constant address for a NULL pointer; ring 0, and programs that fault on
# purpose, mean it.
KFLAGS  := $(WARN) -Wno-unused-parameter -ffreestanding -nostdinc -isystem $(GCCINC) -I. -I$(B) -DQUIRE_RING0 \
           $(if $(DEBUG),-DQUIRE_DEBUG) -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
           -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
           --param=min-pagesize=0 -MMD -MP
KLINK   := -nostdlib -static -no-pie -z max-page-size=4096 -z noexecstack --build-id=none -T linker.ld
EFLAGS  := $(WARN) -I. -I/usr/include/efi -I/usr/include/efi/x86_64 -DGNU_EFI_USE_MS_ABI $(if $(DEBUG),-DQUIRE_DEBUG) -fpic -fshort-wchar \
           -ffreestanding -mno-red-zone -fno-stack-protector -fcf-protection=none -maccumulate-outgoing-args -MMD -MP
ELINK   := -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined -z noexecstack -T /usr/lib/elf_x86_64_efi.lds
SFLAGS  := $(WARN) -Wno-unused-parameter -static -I. -DQUIRE_RING3 -MMD -MP
UFLAGS  := $(WARN) -static -I$(B) --param=min-pagesize=0 -MMD -MP

objects  = $(patsubst %,$(B)/%.o,$(wildcard $(1)))
programs = $(patsubst user/$(1)/%.c,$(B)/root/$(1)/%,$(wildcard user/$(1)/*.c))
KOBJ    := $(call objects,kernel/*.c kernel/*.S mm/*.c $(if $(DEBUG),tests/checks/*.c))
EOBJ    := $(call objects,boot/*.c boot/*.S)
FSOBJ   := $(call objects,fs/*.c)
BLKOBJ  := $(call objects,drivers/virtio-blk/*.c)
INITOBJ := $(call objects,user/init/*.c)
PMOBJ   := $(call objects,user/pm/*.c)
SHOBJ   := $(call objects,user/sh/*.c)
POSIX   := $(call objects,user/posix/*.c)
FUZZ    := $(call objects,user/fuzz/*.c)
LIBOBJ  := $(call objects,user/lib/*.c)
PROGS   := $(call programs,bin) $(call programs,demo) $(call programs,conformance) $(if $(SHOBJ),$(B)/root/bin/sh) \
           $(B)/root/conformance/posix $(B)/root/conformance/fuzz
ELFS    := $(B)/kernel.elf $(B)/fs.elf $(B)/virtio-blk.elf $(B)/pm.elf $(B)/init.elf
PARTS   := $(B)/BOOTX64.EFI $(patsubst $(B)/%,$(B)/strip/%,$(ELFS)) $(PROGS)

# A single quote in a value must not end the shell's word.
quote    = '$(subst ','\'',$(1))'
SETTINGS = EXTRA=$(call quote,$(EXTRA)) CMD=$(call quote,$(CMD)) IMAGE=$(call quote,$(IMAGE)) MEM=$(call quote,$(MEM)) \
           CPUS=$(call quote,$(CPUS)) QEMU_EXTRA=$(call quote,$(QEMU_EXTRA)) CMDLINE=$(call quote,$(CMDLINE)) \
           TIMEOUT=$(call quote,$(TIMEOUT)) DEBIAN=$(call quote,$(DEBIAN)) DEBUG=$(call quote,$(DEBUG))

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help all image deps run test test-one conformance mutants bench syscalls gdb lint format coverage clean FORCE
help:
	@sed -n 's/^#: //p' Makefile

all: $(PARTS)

image: $(PARTS)
	@python3 tests/harness/mkimage.py --build $(B) --out $(B)/quire.img --cmdline $(call quote,$(CMDLINE)) \
		$(if $(EXTRA),--extra $(call quote,$(EXTRA)))

deps:
	@tests/harness/deps

run:
	@tests/harness/run $(SETTINGS)

test: deps
	@CPUS=$(call quote,$(CPUS)) python3 tests/harness/runner.py

test-one: deps
	@CPUS=$(call quote,$(CPUS)) python3 tests/harness/runner.py $(call quote,$(T))

conformance: deps all
	@python3 tests/conformance/ledger.py

mutants: deps
	@python3 tests/mutants/run.py $(M)

bench: deps all
	@python3 tests/bench/bench.py

syscalls:
	@python3 docs/syscalls.py

coverage: deps
	@python3 tests/harness/runner.py --coverage

gdb:
	@tests/harness/gdb $(SETTINGS)

lint:
	@tests/style/lint

format:
	@clang-format -i $(F)

clean:
	rm -rf $(B)

# ---- what everything was compiled with
$(B)/flags: FORCE
	@mkdir -p $(@D); f='$(KFLAGS) $(KLINK) $(EFLAGS) $(ELINK) $(SFLAGS) $(UFLAGS)'; \
		echo "$$f" | cmp -s - $@ || echo "$$f" >$@

# ---- kernel (RING 0)
$(B)/kernel/%.o: kernel/% $(B)/flags ; @mkdir -p $(@D) && gcc $(KFLAGS) -c $< -o $@
$(B)/mm/%.o: mm/% $(B)/flags ; @mkdir -p $(@D) && gcc $(KFLAGS) -c $< -o $@
$(B)/tests/checks/%.o: tests/checks/% $(B)/flags ; @mkdir -p $(@D) && gcc $(KFLAGS) -c $< -o $@
$(B)/kernel.elf: $(KOBJ) linker.ld ; @ld $(KLINK) $(KOBJ) -o $@

# All system calls by name, Linux's and ours: what abi/syscalls.h has not has a name here.
$(B)/calls.h: docs/syscalls.py abi/syscalls.h ; @mkdir -p $(@D) && python3 $< --calls >$@
$(B)/user/pm/main.c.o $(B)/user/fuzz/draw.c.o $(B)/user/bin/strace.c.o: $(B)/calls.h
$(B)/user/pm/main.c.o: SFLAGS += -I$(B)
$(B)/user/bin/strace.c.o: UFLAGS += -I. -DQUIRE_RING3

# ---- loader: an ELF shared object that becomes a PE program (gnu-efi)
$(B)/boot/%.o: boot/% $(B)/flags ; @mkdir -p $(@D) && gcc $(EFLAGS) -c $< -o $@
$(B)/boot/vdso.S.o: EFLAGS += -Wa,-I$(B)
$(B)/boot/vdso.S.o: $(B)/vdso.so
$(B)/loader.so: $(EOBJ) ; @ld $(ELINK) /usr/lib/crt0-efi-x86_64.o $(EOBJ) -L/usr/lib -lgnuefi -o $@
$(B)/BOOTX64.EFI: $(B)/loader.so
	@objcopy -j .text -j .sdata -j .data -j .rodata -j .dynamic -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' \
		-j .reloc --target=efi-app-x86_64 $< $@

# ---- servers (RING 3): static musl programs that the loader brings
$(B)/fs/%.o: fs/% $(B)/flags ; @mkdir -p $(@D) && musl-gcc $(SFLAGS) -c $< -o $@
$(B)/drivers/%.o: drivers/% $(B)/flags ; @mkdir -p $(@D) && musl-gcc $(SFLAGS) -c $< -o $@
$(B)/user/init/%.o: user/init/% $(B)/flags ; @mkdir -p $(@D) && musl-gcc $(SFLAGS) -c $< -o $@
$(B)/user/pm/%.o: user/pm/% $(B)/flags ; @mkdir -p $(@D) && musl-gcc $(SFLAGS) -c $< -o $@
$(B)/user/lib/%.o: user/lib/% $(B)/flags ; @mkdir -p $(@D) && musl-gcc $(SFLAGS) -c $< -o $@
$(B)/fs.elf: $(FSOBJ) $(LIBOBJ)
$(B)/virtio-blk.elf: $(BLKOBJ) $(LIBOBJ)
$(B)/pm.elf: $(PMOBJ) $(LIBOBJ)
$(B)/init.elf: $(INITOBJ) $(LIBOBJ)
$(B)/fs.elf $(B)/virtio-blk.elf $(B)/pm.elf $(B)/init.elf: ; @mkdir -p $(@D) && musl-gcc -static $(filter %.o,$^) -o $@

# The image gets them without debug information; the kernel keeps its symbol table, for backtraces.
$(B)/strip/kernel.elf: $(B)/kernel.elf ; @mkdir -p $(@D) && strip --strip-debug $< -o $@
$(B)/strip/%: $(B)/% ; @mkdir -p $(@D) && strip $< -o $@

# ---- the vDSO (RING 3): the loader carries it, ring 0 gives it to programs and never runs it
$(B)/vdso.so: user/vdso/vdso.c user/vdso/vdso.lds abi/vdso.h $(B)/flags
	@gcc $(WARN) -g0 -I. -fPIC -ffreestanding -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
		-nostdlib -shared -Wl,-soname=linux-vdso.so.1,--hash-style=both,--build-id=none,-z,max-page-size=4096 \
		-Wl,-z,noexecstack,-T,user/vdso/vdso.lds $< -o $@ && strip $@

# ---- programs (RING 3): POSIX alone, no header of ours
$(B)/user/%.o: user/% $(B)/flags ; @mkdir -p $(@D) && musl-gcc $(UFLAGS) -c $< -o $@
$(B)/root/bin/sh: $(SHOBJ) ; @mkdir -p $(@D) && musl-gcc -static -s $(SHOBJ) -o $@
$(B)/root/conformance/posix: $(POSIX) ; @mkdir -p $(@D) && musl-gcc -static -s $(POSIX) -o $@
$(B)/root/conformance/fuzz: $(FUZZ) ; @mkdir -p $(@D) && musl-gcc -static -s $(FUZZ) -o $@
# An address of its own: what counts instructions there (tests/bench) must not take other programs for this one.
$(B)/bench.full: $(B)/user/conformance/bench.c.o ; @musl-gcc -static -Wl,-Ttext-segment=0x70000000 $< -o $@
$(B)/root/conformance/bench: $(B)/bench.full ; @mkdir -p $(@D) && strip $< -o $@
$(B)/root/%: $(B)/user/%.c.o ; @mkdir -p $(@D) && musl-gcc -static -s $< -o $@

.SECONDARY:
-include $(patsubst %.o,%.d,$(KOBJ) $(EOBJ) $(FSOBJ) $(BLKOBJ) $(INITOBJ) $(PMOBJ) $(SHOBJ) $(LIBOBJ) $(POSIX) $(FUZZ)) \
         $(patsubst $(B)/root/%,$(B)/user/%.c.d,$(PROGS))
