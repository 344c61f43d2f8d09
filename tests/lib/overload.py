#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""More than a server takes, and what came of it, as JSON.

overload.py tcp ADDRESS PORT RATE SECONDS        RATE new connections a second, each given half a
                                                 second, so that no SYN is repeated
overload.py udp ADDRESS PORT RATE SECONDS FLOWS  RATE datagrams a second, of FLOWS flows in turn
"""
import errno
import json
import select
import socket
import struct
import sys
import time

GIVEN_S = 0.5
# A pause in which no more than a burst is earned costs nothing.
PAUSE_S = 0.05


class Pace:
    """When the next one is due; how long it went on without pauses."""

    def __init__(self, rate, seconds):
        self.rate, self.begun = rate, time.monotonic()
        self.end, self.sent = self.begun + seconds, 0
        self.last, self.paused = self.begun, 0

    def due(self):
        now = time.monotonic()
        self.paused += max(0, now - self.last - PAUSE_S)
        self.last = now
        # What is late is not made up for.
        late = int((now - self.begun) * self.rate) - self.sent
        return min(max(late, 0), 50), now < self.end

    def says(self, **more):
        seconds = self.last - self.begun
        print(json.dumps({"sent": self.sent, "seconds": seconds,
                          "covered": seconds - self.paused, **more}))


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def knock(address, port):
    sock = socket.socket(family(address), socket.SOCK_STREAM)
    # It leaves nothing behind.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.setblocking(False)
    if sock.connect_ex((address, port)) not in (0, errno.EINPROGRESS):
        raise OSError("no connection can be begun")
    return sock


def tcp(address, port, rate, seconds):
    pace, waiting, connected, going = Pace(float(rate), float(seconds)), {}, 0, True
    poll = select.epoll()
    while going or waiting:
        due, going = pace.due()
        for _ in range(due if going else 0):
            sock = knock(address, int(port))
            waiting[sock.fileno()] = (sock, time.monotonic() + GIVEN_S)
            poll.register(sock.fileno(), select.EPOLLOUT)
            pace.sent += 1
        for number, _ in poll.poll(0.002):
            sock, _ = waiting.pop(number)
            connected += sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            sock.close()
        now = time.monotonic()
        for number in [n for n, (_, end) in waiting.items() if end < now]:
            waiting.pop(number)[0].close()
        if going:
            pace_end = pace.last
    pace.last = pace_end
    pace.says(connected=connected)


def udp(address, port, rate, seconds, flows):
    pace, socks, answers, going = Pace(float(rate), float(seconds)), [], {}, True
    for _ in range(int(flows)):
        socks.append(socket.socket(family(address), socket.SOCK_DGRAM))
        socks[-1].setblocking(False)
        socks[-1].connect((address, int(port)))
    while going:
        due, going = pace.due()
        for _ in range(due):
            socks[pace.sent % len(socks)].send(b"who?")
            pace.sent += 1
        for sock in select.select(socks, [], [], 0.002)[0]:
            sock.recv(2048)
            answers[sock] = answers.get(sock, 0) + 1
    each = pace.sent / len(socks)
    pace.says(answers=sum(answers.values()),
              whole=sum(n > 0.8 * each for n in answers.values()),
              none=sum(answers.get(s, 0) < 0.2 * each for s in socks))


if __name__ == "__main__":
    {"tcp": tcp, "udp": udp}[sys.argv[1]](*sys.argv[2:])
