#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs a program in a terminal of its own and looks at the screen.

    terminal.py COLUMNSxLINES SCRIPT -- COMMAND...

SCRIPT has a step a line:
    see PATTERN        wait until a line of the screen matches
    order A B          wait until a line with the word A is above one with B
    key TEXT           type it; \\x1b[B and such are understood
    size COLUMNSxLINES the window changes
    ends STATUS        wait for the end
Fails with the screen if a step is not done within 10 s, or if the program outlives the script.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte

STEP_S = 10


class Terminal:
    def __init__(self, size, command):
        columns, lines = map(int, size.split("x"))
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if not self.pid:
            # The parent sets the size before the program is let go.
            sys.stdin.read(1)
            os.environ["TERM"] = "linux"
            os.execvp(command[0], command)
        self.size(size)
        os.write(self.fd, b"\n")

    def size(self, size):
        columns, lines = map(int, size.split("x"))
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        if not select.select([self.fd], [], [], 0.05)[0]:
            return
        try:
            self.stream.feed(os.read(self.fd, 65536))
        except OSError:
            time.sleep(0.05)  # the program has ended

    def wait(self, what, done):
        end = time.monotonic() + STEP_S
        while not done():
            if time.monotonic() > end:
                raise SystemExit(f"not within {STEP_S} s: {what}\n" + "\n".join(self.lines()))
            self.read()

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def index(self, word):
        return next((i for i, line in enumerate(self.lines()) if re.search(rf"\b{word}\b", line)), -1)

    def ended(self, status):
        pid, how = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return False
        self.pid = 0
        if os.waitstatus_to_exitcode(how) != status:
            raise SystemExit(f"exit status {os.waitstatus_to_exitcode(how)}, not {status}")
        return True

    def step(self, verb, rest):
        if verb == "see":
            self.wait(rest, lambda: any(re.search(rest, line) for line in self.lines()))
        elif verb == "order":
            first, second = rest.split()
            self.wait(f"{first} above {second}",
                      lambda: -1 < self.index(first) < self.index(second))
        elif verb == "key":
            os.write(self.fd, rest.encode().decode("unicode_escape").encode())
        elif verb == "size":
            self.size(rest)
        elif verb == "ends":
            self.wait("the end", lambda: self.ended(int(rest)))
        else:
            raise SystemExit(f"no such step: {verb}")


def main(size, script, dashes, *command):
    terminal = Terminal(size, command)
    try:
        for line in filter(None, (line.strip() for line in script.splitlines())):
            terminal.step(*line.partition(" ")[::2])
        if terminal.pid:
            raise SystemExit("the program has not ended\n" + "\n".join(terminal.lines()))
    finally:
        if terminal.pid:
            os.kill(terminal.pid, signal.SIGKILL)
            os.waitpid(terminal.pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
