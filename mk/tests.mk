# SPDX-License-Identifier: GPL-2.0
# Tests: unit (no root, no libbpf), store (SQLite), check (loopback), packet (BPF_PROG_TEST_RUN), net (namespaces:
# programs in tests/net/c, stories in tests/net/*.sh), cli (stories without root). A file named
# test_* is a test program; what it holds is found by name. All C runs under ASan and UBSan.

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_CFLAGS = $(CPPFLAGS) $(CFLAGS) $(SANITIZE) $(DEPFLAGS)

# Every layer once more, with the sanitizers.
define san-layer
$(1)_SAN_OBJECTS := $$(patsubst user/%.c,$(BUILD)/san/%.o,$$($(1)_SOURCES))
endef
$(foreach l,$(USER_LAYERS),$(eval $(call san-layer,$(l))))
$(BUILD)/san/%.o: user/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(SAN_CFLAGS) -c -o $@ $<

# kind, folder, layers, libraries. Files of the folder not named test_* are linked into each of
# its programs.
define test-kind
$(1)_TESTS := $$(patsubst $(2)/%.c,$(BUILD)/tests/$(1)/%,$$(wildcard $(2)/test_*.c))
$(1)_TEST_OBJECTS := $$(patsubst $(2)/%.c,$(BUILD)/tests/$(1)/%.o, \
	$$(filter-out $(2)/test_% %.bpf.c,$$(wildcard $(2)/*.c))) $(foreach l,$(3),$$($(l)_SAN_OBJECTS))
$(BUILD)/tests/$(1)/%.o: $(2)/%.c
	@mkdir -p $$(@D)
	@echo "  CC      $$@"
	@$$(CC) -Itests -I$(2) $$(SAN_CFLAGS) -c -o $$@ $$<
$(BUILD)/tests/$(1)/test_%: $(BUILD)/tests/$(1)/test_%.o $$($(1)_TEST_OBJECTS)
	@echo "  CC      $$@"
	@$$(CC) $$(CFLAGS) $$(SANITIZE) -o $$@ $$^ $$(call pkg-libs,$(4) cmocka) -lm
.PHONY: $(1)
$(1): $$($(1)_TESTS)
	@scripts/run-tests.sh $(1)
endef
$(eval $(call test-kind,unit,tests/unit,lib,$(LIB_PACKAGES)))
$(eval $(call test-kind,store,tests/store,store lib,$(STORE_PACKAGES) $(LIB_PACKAGES)))
$(eval $(call test-kind,check,tests/check,check lib,$(CHECK_PACKAGES) $(LIB_PACKAGES)))
$(eval $(call test-kind,packet,tests/packet,dp lib,$(DP_PACKAGES) $(LIB_PACKAGES)))
$(eval $(call test-kind,net,tests/net/c,net lib,$(NET_PACKAGES) $(LIB_PACKAGES)))

# The model of the affinity rules: affinity.h as it is, and once for each mutant, as shared objects
# that the search loads. It is a search, so it is built for speed, without the sanitizers.
MODEL := $(BUILD)/tests/model
MODEL_CFLAGS = -std=gnu11 -O2 -g $(WARNINGS) -Iinclude -Itests/model
MODEL_MUTANTS := $(shell sed -n 's/^\([a-z-]*\) | .*/\1/p' tests/model/mutants)
model_TESTS := $(MODEL)/test_model
model_OBJECTS := $(MODEL)/rules.so $(MODEL_MUTANTS:%=$(MODEL)/%.so)
$(MODEL)/mutants.done: tests/model/mutate.py tests/model/mutants include/evenkeel/affinity.h
	@mkdir -p $(@D)
	@echo "  GEN     $@"
	@tests/model/mutate.py include/evenkeel/affinity.h tests/model/mutants $(MODEL)/mutants
	@touch $@
$(MODEL)/rules.so: tests/model/rules.c tests/model/rules.h $(wildcard include/evenkeel/*.h)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(MODEL_CFLAGS) -shared -fPIC -o $@ $<
$(MODEL)/%.so: tests/model/rules.c $(MODEL)/mutants.done tests/model/rules.h
	@$(CC) -I$(MODEL)/mutants/$* $(MODEL_CFLAGS) -w -shared -fPIC -o $@ $<
$(model_TESTS): $(filter-out %/rules.c,$(wildcard tests/model/*.c)) $(wildcard tests/model/*.h) \
		$(wildcard include/evenkeel/*.h) | $(model_OBJECTS)
	@echo "  CC      $@"
	@$(CC) $(MODEL_CFLAGS) -o $@ $(filter %.c,$^) -ldl
unit: $(model_TESTS) $(model_OBJECTS)
.PHONY: model
model: $(model_TESTS) $(model_OBJECTS)
	@BUILD=$(BUILD) $(MODEL)/test_model

# The loop that makes and judges millions of packets in the kernel, around the data path's source.
$(BUILD)/tests/packet/scale.bpf.o: tests/packet/scale.bpf.c tests/packet/scale_job.h \
		bpf/evenkeel.bpf.c $(BPF_HEADERS)
	@mkdir -p $(@D)
	@echo "  BPF     $@"
	@$(CLANG) $(BPF_CFLAGS) -Itests/packet -c -o $@ $<
$(BUILD)/gen/scale.skel.h: $(BUILD)/tests/packet/scale.bpf.o
	@mkdir -p $(@D)
	$(BPFTOOL) gen skeleton $< name scale_bpf > $@.new
	@mv $@.new $@
$(BUILD)/tests/packet/scale.o: $(BUILD)/gen/scale.skel.h

# Whatever includes the skeletons must wait for them.
$(dp_SAN_OBJECTS) $(packet_TESTS:=.o) $(packet_TEST_OBJECTS): | $(SKELETONS)
.SECONDARY: # keep the objects between

# What the lab attaches to veth ends.
$(BUILD)/tests/lib/%.bpf.o: tests/lib/%.bpf.c
	@mkdir -p $(@D)
	@echo "  BPF     $@"
	@$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
# What runs on its clients and servers where a script would be too slow.
$(BUILD)/tests/lib/%: tests/lib/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(SAN_CFLAGS) -o $@ $<

# Drills are installed, on hosts without the sanitizers' libraries.
$(BUILD)/tests/lib/fuse $(BUILD)/tests/lib/visitors: SANITIZE :=

# What the lab preloads into servers.
$(BUILD)/tests/lib/%.so: tests/lib/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -shared -fPIC -o $@ $< -ldl

.PHONY: lab-programs test-programs test demo incidents lint format cli
lab-programs: all $(BUILD)/tests/lib/pass.bpf.o $(BUILD)/tests/lib/crowd \
		$(BUILD)/tests/lib/fuse $(BUILD)/tests/lib/visitors \
		$(BUILD)/tests/lib/quic_id.so $(BUILD)/tests/lib/kill_at.so
test-programs: lab-programs $(model_OBJECTS) $(foreach k,unit model store check packet net,$($(k)_TESTS))
net: lab-programs
cli: all
	@scripts/run-tests.sh cli

# These two install what is missing, build, and only then begin. What root built in a user's
# tree is given back to the user.
give-back = @if [ -n "$$SUDO_UID" ] && [ -d $(BUILD) ]; then chown -Rh "$$SUDO_UID:$$SUDO_GID" $(BUILD); fi
JOBS ?= $(shell nproc)
test:
	@scripts/bootstrap.sh build test
	@$(MAKE) --no-print-directory -j$(JOBS) test-programs
	$(give-back)
	@scripts/run-tests.sh
demo:
	@scripts/bootstrap.sh build test
	@$(MAKE) --no-print-directory -j$(JOBS) lab-programs
	$(give-back)
	@scripts/demo.sh
# Hours: docs/incidents.md. JSON=--json prints each run.
incidents:
	@scripts/bootstrap.sh build test
	@$(MAKE) --no-print-directory -j$(JOBS) lab-programs
	$(give-back)
	@tests/incidents/run.sh $(JSON)
lint:
	@scripts/bootstrap.sh build test lint
	@$(MAKE) --no-print-directory $(SKELETONS)
	@scripts/lint.sh
format:
	find include user bpf tests -name '*.[ch]' -exec clang-format-14 --style=file -i {} +

-include $(shell find $(BUILD)/san $(BUILD)/tests -name '*.d' 2>/dev/null)
