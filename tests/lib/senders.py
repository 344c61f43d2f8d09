#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Open-loop load: whatever comes back, so much is sent, for so many seconds.

senders.py udp SECONDS RATE BYTES DEST PORT FIRST COUNT   RATE datagrams a second, by turns from COUNT
                                                          addresses from FIRST on, one flow each
senders.py connect SECONDS RATE DEST PORT [FIRST COUNT]   RATE connections a second, each closed when
                                                          it is there, given up after 2 s; by turns
                                                          from COUNT addresses from FIRST on
senders.py forge SECONDS RATE DEST PORT FIRST COUNT       RATE SYNs a second in the name of COUNT
                                                          addresses, which nobody has
"""
import ipaddress
import random
import select
import socket
import struct
import sys
import time

GIVEN_UP_S = 2


def paced(seconds, rate):
    """Yields `rate` times a second; what is late is made up for."""
    begin = time.monotonic()
    for i in range(int(seconds * rate)):
        wait = begin + i / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield i


def addresses(first, count):
    return [str(ipaddress.ip_address(first) + i) for i in range(int(count))]


def udp(seconds, rate, size, dest, port, first, count):
    socks = []
    for source in addresses(first, count):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((source, 0))
        sock.setblocking(False)
        socks.append(sock)
    data = b"." * int(size)
    for i in paced(float(seconds), float(rate)):
        try:
            socks[i % len(socks)].sendto(data, (dest, int(port)))
        except (BlockingIOError, ConnectionRefusedError):
            pass


def connect(seconds, rate, dest, port, first=None, count=0):
    waiting = {}
    sources = addresses(first, count) if first else []
    for i in paced(float(seconds), float(rate)):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        if sources:
            sock.bind((sources[i % len(sources)], 0))
        if sock.connect_ex((dest, int(port))) == 0:
            sock.close()
        else:
            waiting[sock] = time.monotonic() + GIVEN_UP_S
        for done in select.select([], list(waiting), [], 0)[1]:
            del waiting[done]
            done.close()
        for late in [s for s, until in waiting.items() if until < time.monotonic()]:
            del waiting[late]
            late.close()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def syn_of(source, dest, port):
    ends = socket.inet_aton(source) + socket.inet_aton(dest)
    sport, isn = random.randrange(1024, 65536), random.randrange(1 << 32)
    fields = (sport, int(port), isn, 0, 0x5002, 65535)
    head = struct.pack("!HHIIHH", *fields)
    check = checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, 20) + head + b"\0" * 4)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0) + ends
    return ip + head + struct.pack("!HH", check, 0)


def forge(seconds, rate, dest, port, first, count):
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sources = addresses(first, count)
    for i in paced(float(seconds), float(rate)):
        raw.sendto(syn_of(sources[i % len(sources)], dest, port), (dest, 0))


if __name__ == "__main__":
    sys.exit({"udp": udp, "connect": connect, "forge": forge}[sys.argv[1]](*sys.argv[2:]))
