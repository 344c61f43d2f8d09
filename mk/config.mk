# SPDX-License-Identifier: GPL-2.0
# Tools, flags and places.

BUILD ?= build
VERSION := 0.1.0

CLANG ?= clang-14
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

# One warning set for all; warnings are errors.
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wvla -Wundef -Wno-unused-parameter
OPTIMIZE ?= -O2 -g
CPPFLAGS += -Iinclude -Iuser -I$(BUILD)/gen -D_GNU_SOURCE -DEK_VERSION='"$(VERSION)"'
CFLAGS += -std=gnu11 $(OPTIMIZE) $(WARNINGS) -fno-strict-aliasing
DEPFLAGS = -MMD -MP

LIB_PACKAGES := yaml-0.1 jansson nettle
DP_PACKAGES := libbpf
NET_PACKAGES := libmnl
STORE_PACKAGES := sqlite3
CHECK_PACKAGES := libcurl
CLI_PACKAGES := ncurses
DAEMON_PACKAGES := libuv libmicrohttpd
pkg-cflags = $(shell $(PKG_CONFIG) --cflags $(1))
pkg-libs = $(shell $(PKG_CONFIG) --libs $(1))
