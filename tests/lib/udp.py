#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Datagrams through the balancer: a server that names itself, a client of many flows.

udp.py serve NAME PORT ADDRESS...      answers each datagram with NAME, until it is ended
udp.py ask COUNT PORT ADDRESS [BYTES]  one datagram, of BYTES bytes, from each of COUNT source
                                       ports, 20000 and up; prints "SOURCE_PORT NAME" for every
                                       answer
"""
import select
import socket
import sys
import time

FIRST_PORT = 20000


def bound(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind((address, port))
    sock.setblocking(False)
    return sock


def serve(name, port, *addresses):
    sockets = [bound(a, int(port)) for a in addresses]
    while True:
        for sock in select.select(sockets, [], [])[0]:
            _, peer = sock.recvfrom(65535)
            sock.sendto(name.encode(), peer)


def ask(count, port, address, size=4):
    wildcard = "::" if ":" in address else "0.0.0.0"
    waiting = {}
    for source in range(FIRST_PORT, FIRST_PORT + int(count)):
        sock = bound(wildcard, source)
        sock.sendto(b"who?".ljust(int(size), b"."), (address, int(port)))
        waiting[sock] = source
    end = time.monotonic() + 3
    while waiting and time.monotonic() < end:
        for sock in select.select(list(waiting), [], [], 0.1)[0]:
            print(waiting.pop(sock), sock.recv(2048).decode())
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit({"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:]))
