# SPDX-License-Identifier: GPL-2.0
# Tests: unit (no root, no libbpf, under ASan and UBSan), packet (BPF_PROG_TEST_RUN), net
# (namespaces). A file is a test program; what it holds is found by name.

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

# The pure layer once more, with the sanitizers.
lib_SAN_OBJECTS := $(patsubst user/%.c,$(BUILD)/san/%.o,$(lib_SOURCES))
$(BUILD)/san/%.o: user/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SANITIZE) $(DEPFLAGS) -c -o $@ $<

$(BUILD)/tests/unit/%: tests/unit/%.c $(lib_SAN_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) $(SANITIZE) $(DEPFLAGS) -o $@ $< $(lib_SAN_OBJECTS) \
		$(call pkg-libs,$(LIB_PACKAGES)) -lcmocka -lm

-include $(shell find $(BUILD)/san $(BUILD)/tests -name '*.d' 2>/dev/null)

.PHONY: unit
unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do $$t; done
