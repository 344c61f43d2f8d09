# SPDX-License-Identifier: GPL-2.0
# BPF objects and their skeletons. clang 14 is the oldest that must do; -mcpu=v3 is what every
# supported kernel (6.1 and newer) runs and what compare-and-swap needs.

BPF_HEADERS := $(wildcard bpf/*.h include/evenkeel/*.h)
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-address-of-packed-member -Iinclude -Ibpf -I/usr/include/$(shell $(CC) -dumpmachine)

$(BUILD)/%.bpf.o: bpf/%.bpf.c $(BPF_HEADERS)
	@mkdir -p $(@D)
	@echo "  BPF     $@"
	@$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BUILD)/gen/%.skel.h: $(BUILD)/%.bpf.o
	@mkdir -p $(@D)
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@.new
	@mv $@.new $@
