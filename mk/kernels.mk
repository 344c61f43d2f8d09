# SPDX-License-Identifier: GPL-2.0
# `make test-kernels`: do the programs load, do the packet tests pass, and does traffic go through
# native XDP on virtio-net, on kernels other than this host's, compiled by the oldest clang and by
# the newest? KERNELS="6.1" for one kernel. `make bench-kernels`: instructions per packet there.
# Neither is part of `make test`: they download kernels and take minutes (CONTRIBUTING.md).

KERNELS ?= 6.1 6.12
COMPILERS ?= clang-14 clang-19
BENCH_KERNEL ?= 6.1

# A tree for each compiler, without the sanitizers: they are slow under emulation and run in
# `make test`. The first compiler's has all, the others' what their object may change.
KERNELS_BUILD := $(BUILD)/kernels/programs
KERNELS_TESTS := $(packet_TESTS) $(BUILD)/tests/kernels/verifier
KERNELS_PROGRAMS := $(KERNELS_TESTS) $(BUILD)/evenkeel $(BUILD)/evenkeeld \
	$(BUILD)/tests/lib/pass.bpf.o

$(BUILD)/tests/kernels/verifier: tests/kernels/verifier.c tests/kernels/limits.h \
		$(dp_SAN_OBJECTS) $(lib_SAN_OBJECTS) | $(SKELETONS)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(SAN_CFLAGS) -DEK_CLANG='"$(notdir $(CLANG))"' -o $@ $(filter %.c %.o,$^) \
		$(call pkg-libs,$(DP_PACKAGES) $(LIB_PACKAGES)) -lm

.PHONY: kernels-programs kernels-tests test-kernels
kernels-programs: $(KERNELS_PROGRAMS)
kernels-tests: $(KERNELS_TESTS)

test-kernels:
	@scripts/bootstrap.sh build test kernels
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(KERNELS_BUILD)/$(firstword $(COMPILERS)) \
		CLANG=$(firstword $(COMPILERS)) SANITIZE= kernels-programs
	@for clang in $(wordlist 2,9,$(COMPILERS)); do \
		$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(KERNELS_BUILD)/$$clang CLANG=$$clang \
			SANITIZE= kernels-tests || exit 1; \
	done
	$(give-back)
	@scripts/test-kernels.sh $(BUILD)/kernels "$(COMPILERS)" $(KERNELS)

# Instructions are counted of what users run: no sanitizers here either.
BENCH_KERNELS_PROGRAMS := $(BUILD)/evenkeel $(BUILD)/evenkeeld $(BUILD)/tests/kernels/frames \
	$(BUILD)/tests/kernels/frames.bpf.o
BENCH_KERNELS_ARGS ?=

$(BUILD)/tests/kernels/frames.bpf.o: tests/kernels/frames.bpf.c tests/kernels/frames.h
	@mkdir -p $(@D)
	@echo "  BPF     $@"
	@$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BUILD)/tests/kernels/frames: tests/kernels/frames.c tests/kernels/frames.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(call pkg-libs,$(DP_PACKAGES))

.PHONY: bench-kernels-programs bench-kernels
bench-kernels-programs: $(BENCH_KERNELS_PROGRAMS)

bench-kernels:
	@scripts/bootstrap.sh build test kernels >&2
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(KERNELS_BUILD)/$(CLANG) CLANG=$(CLANG) \
		SANITIZE= bench-kernels-programs >&2
	$(give-back)
	@scripts/bench-kernels.sh $(BUILD)/kernels $(CLANG) $(BENCH_KERNEL) $(BENCH_KERNELS_ARGS)
