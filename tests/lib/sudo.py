#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs a command as root whose parent process is a user's, as sudo and su leave it.

sudo.py UID COMMAND...
"""
import os
import sys

begin, go = os.pipe()
child = os.fork()
if child == 0:
    os.read(begin, 1)
    os.execvp(sys.argv[2], sys.argv[2:])
os.setresuid(int(sys.argv[1]), int(sys.argv[1]), int(sys.argv[1]))
os.write(go, b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
