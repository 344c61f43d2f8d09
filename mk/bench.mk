# SPDX-License-Identifier: GPL-2.0
# `make bench`: ns per packet inside the kernel, beside floors of the same run (root, see
# docs/performance.md). BENCH_ARGS="--json", "--rounds 400", "--rows v6".

BENCH_ARGS ?=

$(BUILD)/tests/bench/bench.bpf.o: tests/bench/bench.bpf.c tests/bench/bench.h bpf/evenkeel.bpf.c \
		$(BPF_HEADERS)
	@mkdir -p $(@D)
	@echo "  BPF     $@" >&2
	@$(CLANG) $(BPF_CFLAGS) -Itests/bench -c -o $@ $<

BENCH_OBJECTS := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%.o,\
	$(filter-out %.bpf.c tests/bench/bench_maglev.c,$(wildcard tests/bench/*.c)))

$(BUILD)/tests/bench/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@" >&2
	@$(CC) $(CPPFLAGS) -Itests/bench $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

# Of the daemon, what judges the spread.
BENCH_DAEMON := $(patsubst %,$(BUILD)/obj/daemon/%.o,skews sample log)

$(BUILD)/tests/bench/bench: $(BENCH_OBJECTS) $(BENCH_DAEMON) $(BUILD)/libdp.a $(BUILD)/liblib.a
	@echo "  LD      $@" >&2
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg-libs,$(DP_PACKAGES) $(LIB_PACKAGES)) -lm -lpthread

# How long tables take to build: a program of its own, of the pure layer alone.
BENCH_MAGLEV := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/bench_maglev.c))
$(BUILD)/tests/bench/bench_maglev: $(BUILD)/tests/bench/bench_maglev.o $(BUILD)/liblib.a
	@echo "  LD      $@" >&2
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg-libs,$(LIB_PACKAGES)) -lm

.PHONY: bench
bench: $(BUILD)/tests/bench/bench $(BUILD)/tests/bench/bench.bpf.o $(BENCH_MAGLEV) \
		$(BUILD)/evenkeel $(BUILD)/evenkeeld
	@scripts/bench.sh $(BUILD)/tests/bench $(BENCH_ARGS)
