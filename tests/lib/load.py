#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""An HTTP server that says how loaded it is: load.py PORT CAPACITY MODE

Its load is what came in on eth0 in the last four seconds, as percent of CAPACITY bytes a second. While
the file MODE says `garbage` the answer is no number; while it says `silent` there is none.
"""
import http.server
import socketserver
import sys
import threading
import time

SPAN = 4.0
PAUSE = 0.25


def received():
    with open("/proc/net/dev", encoding="ascii") as lines:
        for line in lines:
            name, _, rest = line.partition(":")
            if name.strip() == "eth0":
                return int(rest.split()[0])
    raise LookupError("there is no eth0")


class Meter:
    def __init__(self, capacity):
        self.capacity = capacity
        self.seen = [(time.monotonic(), received())]

    def run(self):
        while True:
            time.sleep(PAUSE)
            self.seen = self.seen[-int(SPAN / PAUSE) :] + [(time.monotonic(), received())]

    def load(self):
        (begin, before), (end, after) = self.seen[0], self.seen[-1]
        rate = (after - before) / (end - begin) if end > begin else 0
        return min(100, 100 * rate / self.capacity)


class Handler(http.server.BaseHTTPRequestHandler):
    meter = mode = None

    def do_GET(self):
        with open(self.mode, encoding="ascii") as file:
            mode = file.read().strip()
        if mode == "silent":
            time.sleep(5)
            return
        text = "busy\n" if mode == "garbage" else f"{self.meter.load():.1f}%\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main(port, capacity, mode):
    Handler.meter, Handler.mode = Meter(float(capacity)), mode
    threading.Thread(target=Handler.meter.run, daemon=True).start()
    Server(("", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
