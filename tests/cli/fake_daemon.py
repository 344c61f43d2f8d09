#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Answers like evenkeeld, from files: fake_daemon.py SOCKET FOLDER

FOLDER/COMMAND holds one response a line: the n-th request of that command gets the n-th, or the
last. Besides JSON a line may be `silence` (never answered), `close` (connection closed) or any
other text, which is sent as it is. Requests are appended to FOLDER/requests."""
import json
import os
import socketserver
import sys

folder = sys.argv[2]
asked = {}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline()
        command = json.loads(line)["command"]
        with open(os.path.join(folder, "requests"), "ab") as log:
            log.write(line)
        with open(os.path.join(folder, command), encoding="utf-8") as answers:
            lines = answers.read().splitlines()
        answer = lines[min(asked.get(command, 0), len(lines) - 1)]
        asked[command] = asked.get(command, 0) + 1
        if answer == "silence":
            self.rfile.read()  # until the client has given up
        elif answer != "close":
            self.wfile.write(answer.encode() + b"\n")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


Server(sys.argv[1], Handler).serve_forever()
