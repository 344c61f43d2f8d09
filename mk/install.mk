# SPDX-License-Identifier: GPL-2.0
PREFIX ?= /usr/local
DESTDIR ?=
