#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Connections that all begin at one backend: their source ports are chosen for that.

aim.py find SOCKET BACKEND FIRST SOURCES DEST COUNT   asks evenkeeld where flows go, and prints "SOURCE
                                                      PORT" of COUNT such that go there, by turns from
                                                      as many addresses, FIRST and up
aim.py send DEST RATE SECONDS FILE                    a SYN from each line of FILE, by turns
"""
import ipaddress
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ctl  # noqa: E402

PORT = 80
FIRST_PORT = 1024


def find(path, name, first, sources, dest, count):
    found = 0
    for i in range(65536 - FIRST_PORT):
        source, port = ipaddress.ip_address(first) + i % int(sources), FIRST_PORT + i
        flow = f"{source}:{port} > {dest}:{PORT}/tcp"
        backend = ctl.ask(path, "explain", flow=flow)["result"]["new_flow"]["backend"]
        if backend == name:
            print(source, port)
            found += 1
            if found == int(count):
                return
    sys.exit(f"aim.py: {name} has no {count} flows")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, dest, port):
    head = struct.pack("!HHIIBBHHH", port, PORT, random.getrandbits(32), 0, 5 << 4, 2, 65535, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(dest) + struct.pack("!HH", 6, len(head))
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def send(dest, rate, seconds, file):
    with open(file, encoding="ascii") as lines:
        flows = [line.split() for line in lines]
    socks = {}
    for source in {source for source, _ in flows}:
        socks[source] = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        socks[source].bind((source, 0))
    begin = time.monotonic()
    for i in range(int(rate) * int(seconds)):
        time.sleep(max(0, begin + i / int(rate) - time.monotonic()))
        source, port = flows[i % len(flows)]
        socks[source].sendto(syn(source, dest, int(port)), (dest, 0))


if __name__ == "__main__":
    {"find": find, "send": send}[sys.argv[1]](*sys.argv[2:])
