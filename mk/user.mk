# SPDX-License-Identifier: GPL-2.0
# User space: each folder of user/ is an archive, linked only into what may use it. That the
# unit tests link with lib alone proves that the pure layer is pure.

USER_LAYERS := lib dp net store check

define layer
$(1)_SOURCES := $$(wildcard user/$(1)/*.c)
$(1)_OBJECTS := $$(patsubst user/%.c,$(BUILD)/obj/%.o,$$($(1)_SOURCES))
$(BUILD)/lib$(1).a: $$($(1)_OBJECTS)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef
$(foreach l,$(USER_LAYERS) daemon cli,$(eval $(call layer,$(l))))

$(BUILD)/obj/%.o: user/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

# Only dp includes the skeletons; they must exist before its first compilation.
SKELETONS := $(BUILD)/gen/evenkeel.skel.h $(BUILD)/gen/decap.skel.h $(BUILD)/gen/lost.skel.h
$(dp_OBJECTS): | $(SKELETONS)

$(BUILD)/evenkeeld: $(daemon_OBJECTS) $(BUILD)/libdp.a $(BUILD)/libnet.a $(BUILD)/libstore.a \
		$(BUILD)/libcheck.a $(BUILD)/liblib.a
	@echo "  CC      $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg-libs,$(DAEMON_PACKAGES) $(DP_PACKAGES) \
		$(NET_PACKAGES) $(STORE_PACKAGES) $(CHECK_PACKAGES) $(LIB_PACKAGES)) -lm

$(BUILD)/evenkeel: $(cli_OBJECTS) $(BUILD)/libdp.a $(BUILD)/libnet.a $(BUILD)/liblib.a
	@echo "  CC      $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg-libs,$(CLI_PACKAGES) $(DP_PACKAGES) $(NET_PACKAGES) $(LIB_PACKAGES)) -lm

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
