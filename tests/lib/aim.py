#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Connections that all begin at one backend: their source ports are chosen for that.

aim.py find SOCKET SERVICE/BACKEND SOURCE DEST COUNT   asks evenkeeld where flows go, and prints
                                                       COUNT source ports of such that go there
aim.py send SOURCE DEST RATE SECONDS FILE              a SYN from each port of FILE, by turns
"""
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


def find(path, name, source, dest, count):
    found = 0
    for port in range(FIRST_PORT, 65536):
        flow = f"{source}:{port} > {dest}:{PORT}/tcp"
        backend = ctl.ask(path, "explain", flow=flow)["result"]["new_flow"]["backend"]
        if backend == name:
            print(port)
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


def send(source, dest, rate, seconds, file):
    with open(file, encoding="ascii") as lines:
        ports = [int(line) for line in lines]
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    begin = time.monotonic()
    for i in range(int(rate) * int(seconds)):
        time.sleep(max(0, begin + i / int(rate) - time.monotonic()))
        sock.sendto(syn(source, dest, ports[i % len(ports)]), (dest, 0))


if __name__ == "__main__":
    {"find": find, "send": send}[sys.argv[1]](*sys.argv[2:])
