# SPDX-License-Identifier: GPL-2.0
# Is everything there that a build needs? `make` itself never installs: it says what is missing
# and how to get it, in one line, before the first compiler error.

UNBUILT_GOALS := clean help bootstrap demo test bench lint format uninstall \
	test-kernels bench-kernels
ifneq ($(filter-out $(UNBUILT_GOALS),$(or $(MAKECMDGOALS),all)),)
MISSING := $(shell scripts/bootstrap.sh --missing build \
	$(if $(filter unit packet net store check lab-programs,$(MAKECMDGOALS)),test))
ifneq ($(MISSING),)
$(error missing packages: $(MISSING); install them with `sudo make bootstrap`)
endif
endif

# Goals that install first run make again for the rest, so that the check above sees the result.
.PHONY: bootstrap
bootstrap:
	@scripts/bootstrap.sh build test lint
