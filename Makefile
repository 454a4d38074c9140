# SPDX-License-Identifier: MIT
# Makefile - builds loader, kernel, servers and programs; `make help` lists what can be asked for.

B       := build
GCCINC  := $(shell gcc -print-file-name=include)
WARN    := -std=gnu11 -O2 -g -Wall -Wextra -Werror
DEBUG   ?=
KFLAGS  := $(WARN) -ffreestanding -nostdinc -isystem $(GCCINC) -I. -DQUIRE_RING0 $(if $(DEBUG),-DQUIRE_DEBUG) \
           -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
           -fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -MMD
SFLAGS  := $(WARN) -I. -DQUIRE_RING3 -static -MMD
UFLAGS  := $(WARN) -static
EFLAGS  := -std=gnu11 -O2 -Wall -Wextra -Werror -I. -I/usr/include/efi -I/usr/include/efi/x86_64 -DGNU_EFI_USE_MS_ABI \
           -fpic -fshort-wchar -ffreestanding -mno-red-zone -fno-stack-protector -maccumulate-outgoing-args -MMD

KSRC    := $(wildcard kernel/*.c kernel/*.S mm/*.c)
KOBJ    := $(patsubst %,$(B)/%.o,$(KSRC))
EOBJ    := $(patsubst %.c,$(B)/%.c.o,$(wildcard boot/*.c))
PROGS   := $(patsubst user/bin/%.c,$(B)/root/bin/%,$(wildcard user/bin/*.c)) \
           $(patsubst user/demo/%.c,$(B)/root/demo/%,$(wildcard user/demo/*.c)) \
           $(patsubst user/conformance/%.c,$(B)/root/conformance/%,$(wildcard user/conformance/*.c)) \
           $(if $(wildcard user/sh/*.c),$(B)/root/bin/sh)
MODULES := $(B)/fs.elf $(B)/virtio-blk.elf $(B)/init.elf
STRIPPED := $(patsubst $(B)/%,$(B)/strip/%,$(B)/kernel.elf $(MODULES))
PARTS   := $(B)/BOOTX64.EFI $(STRIPPED) $(PROGS)

.DELETE_ON_ERROR:
.PHONY: help all deps run test test-one gdb lint format coverage clean
help:
	@sed -n 's/^#: //p' Makefile

#: make run                     install what is missing, build, boot, scenarios, prompt (no terminal: power off)
#: make run EXTRA=dir CMD='/extra/prog arg'   run your program in a fresh machine; see README.md
#:      IMAGE=file MEM=256 CPUS=1 QEMU_EXTRA='...' CMDLINE='strace'   pass on
#:      example: mkdir my && musl-gcc -static -o my/prog prog.c && make run EXTRA=my CMD=/extra/prog
#: make test                    unit tests on the host, then the guest's tests; closes with N passed, N failed
#: make test-one T=name         one unit program, one of its cases, or one guest test
#: make gdb                     QEMU stopped, gdb attached with the symbols of kernel and servers
#: make lint                    formatting, and the measures of the style guide
#: make DEBUG=1 ...             with run-time checks of lock order and invariants (after make clean)
#: make deps | all | clean | format | coverage

all: $(PARTS)

deps:
	@tests/harness/deps

run: deps
	@tests/harness/run --from-make EXTRA='$(EXTRA)' CMD='$(subst ','\'',$(CMD))' IMAGE='$(IMAGE)' MEM='$(MEM)' CPUS='$(CPUS)' \
		QEMU_EXTRA='$(subst ','\'',$(QEMU_EXTRA))' CMDLINE='$(CMDLINE)'

test: deps
	@$(MAKE) -s all
	@python3 tests/harness/runner.py

test-one: deps
	@$(MAKE) -s all
	@python3 tests/harness/runner.py '$(T)'

gdb: deps
	@$(MAKE) -s all
	@tests/harness/gdb

lint:
	@tests/style/lint

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

coverage:
	@python3 tests/harness/runner.py --coverage

clean:
	rm -rf $(B)

# ---- kernel
$(B)/kernel/%.o: kernel/% ; @mkdir -p $(@D) && gcc $(KFLAGS) -c $< -o $@
$(B)/mm/%.o: mm/% ; @mkdir -p $(@D) && gcc $(KFLAGS) -c $< -o $@
$(B)/kernel.elf: $(KOBJ) linker.ld
	@ld -nostdlib -static -no-pie -z max-page-size=4096 -z noexecstack --build-id=none -T linker.ld $(KOBJ) -o $@

# ---- loader
$(B)/boot/%.o: boot/% ; @mkdir -p $(@D) && gcc $(EFLAGS) -c $< -o $@
$(B)/BOOTX64.EFI: $(EOBJ)
	@ld -nostdlib -znocombreloc -shared -Bsymbolic -T /usr/lib/elf_x86_64_efi.lds /usr/lib/crt0-efi-x86_64.o $(EOBJ) \
		-L/usr/lib -lefi -lgnuefi -o $(B)/loader.so
	@objcopy -j .text -j .sdata -j .data -j .rodata -j .dynamic -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' \
		-j .reloc --target=efi-app-x86_64 $(B)/loader.so $@

# ---- servers: static musl programs that the loader brings
$(B)/fs.elf: $(wildcard fs/*.c) ; @mkdir -p $(B) && musl-gcc $(filter-out -MMD,$(SFLAGS)) $(filter %.c,$^) -o $@
$(B)/virtio-blk.elf: $(wildcard drivers/virtio-blk/*.c) ; @mkdir -p $(B) && musl-gcc $(filter-out -MMD,$(SFLAGS)) $(filter %.c,$^) -o $@
$(B)/init.elf: $(wildcard user/init/*.c) ; @mkdir -p $(B) && musl-gcc $(filter-out -MMD,$(SFLAGS)) $(filter %.c,$^) -o $@
$(B)/fs.elf: $(wildcard fs/*.h abi/*.h)
$(B)/virtio-blk.elf: $(wildcard drivers/virtio-blk/*.h abi/*.h)
$(B)/init.elf: $(wildcard abi/*.h user/init/*.h)
# the kernel keeps its symbols (backtraces), but not its debug information
$(B)/strip/%: $(B)/% ; @mkdir -p $(@D) && strip --strip-debug $< -o $@

# ---- programs: POSIX alone, no header of ours
$(B)/root/bin/sh: $(wildcard user/sh/*.c user/sh/*.h) ; @mkdir -p $(@D) && musl-gcc $(UFLAGS) $(filter %.c,$^) -o $@ -s
$(B)/root/%: user/%.c ; @mkdir -p $(@D) && musl-gcc $(UFLAGS) $< -o $@ -s

-include $(KOBJ:.o=.d) $(EOBJ:.o=.d)
