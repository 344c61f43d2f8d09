# SPDX-License-Identifier: GPL-2.0
# `make test-kernels`: do the programs load, and do the packet tests pass, on kernels other than
# this host's? KERNELS="6.1" for one of them. No root; apt, qemu, busybox and cpio, see
# scripts/test-kernels.sh. Not part of `make test`, because it downloads kernels.

KERNELS ?= 6.1 6.12

# A tree of its own, without the sanitizers: they are slow under emulation and run in `make test`.
KERNELS_BUILD := $(BUILD)/kernels/programs
KERNELS_PROGRAMS := $(packet_TESTS:$(BUILD)/%=$(KERNELS_BUILD)/%) \
	$(KERNELS_BUILD)/tests/kernels/verifier

$(BUILD)/tests/kernels/verifier: tests/kernels/verifier.c $(dp_SAN_OBJECTS) $(lib_SAN_OBJECTS) \
		| $(SKELETONS)
	@mkdir -p $(@D)
	$(CC) $(SAN_CFLAGS) -o $@ $(filter %.c %.o,$^) $(call pkg-libs,$(DP_PACKAGES) $(LIB_PACKAGES)) -lm

.PHONY: test-kernels
test-kernels:
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(KERNELS_BUILD) SANITIZE= $(KERNELS_PROGRAMS)
	@scripts/test-kernels.sh $(BUILD)/kernels $(KERNELS)
