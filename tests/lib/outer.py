#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Which outer headers pass an interface.

    outer.py INTERFACE        until the end of input: then prints, once each, "PROTOCOL SOURCE
                              SOURCE_PORT" of every tunnelled packet that was seen (the port is
                              0 without UDP)

Prints "ready" when it listens.
"""
import select
import socket
import struct
import sys

GUE_PORT = 6080
TUNNELS = (4, 17, 41)
OUTGOING = 4  # PACKET_OUTGOING: sockets see what a bridge port sends


def outer(frame):
    """Protocol, source and UDP source port, None if it is no tunnel."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800:
        protocol, source, rest = frame[23], socket.inet_ntop(socket.AF_INET, frame[26:30]), 34
    elif kind == 0x86DD:
        protocol, source, rest = frame[20], socket.inet_ntop(socket.AF_INET6, frame[22:38]), 54
    else:
        return None
    if protocol not in TUNNELS:
        return None
    if protocol != 17:
        return protocol, source, 0
    port, dest = struct.unpack_from("!HH", frame, rest)
    return (protocol, source, port) if dest == GUE_PORT else None


def main():
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sniffer.bind((sys.argv[1], 0))
    print("ready", flush=True)
    seen = set()
    while True:
        readable, _, _ = select.select([sniffer, sys.stdin], [], [])
        if sniffer in readable:
            frame, address = sniffer.recvfrom(128)
            if address[2] == OUTGOING and len(frame) >= 58:
                seen.add(outer(frame))
        elif not sys.stdin.readline():
            break
    for protocol, source, port in sorted(seen - {None}):
        print(protocol, source, port)


main()
