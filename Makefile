# SPDX-License-Identifier: GPL-2.0
# evenkeel: `make` builds without root, `sudo make demo` shows it, `sudo make test` tests it.
# Every product is below build/.

include mk/config.mk
include mk/deps.mk
include mk/user.mk
include mk/bpf.mk
include mk/tests.mk
include mk/kernels.mk
include mk/bench.mk
include mk/install.mk

.DEFAULT_GOAL := all
.PHONY: all clean
all: $(BUILD)/evenkeel $(BUILD)/evenkeeld $(BUILD)/evenkeel.bpf.o $(BUILD)/decap.bpf.o

clean:
	rm -rf $(BUILD)
