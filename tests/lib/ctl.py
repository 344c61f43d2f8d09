# SPDX-License-Identifier: GPL-2.0
"""The control protocol for the stories' Python: one request and one answer a connection."""
import json
import socket
import struct


def connect(path, timeout):
    """Blocks like `evenkeel` while the backlog is full; Python's own timeout would not."""
    sock = socket.socket(socket.AF_UNIX)
    seconds = struct.pack("ll", int(timeout), int(timeout % 1 * 1e6))
    for bound in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, bound, seconds)
    sock.connect(path)
    return sock


def request(command, **arguments):
    return {"version": 1, "command": command, "arguments": arguments}


def line(message):
    return json.dumps(message).encode() + b"\n"


def answer(sock):
    """The answer's line, b"" if the daemon closes without one; OSError if neither comes."""
    got = b""
    while not got.endswith(b"\n"):
        part = sock.recv(1 << 16)
        if not part:
            break
        got += part
    return got


def ask(path, command, timeout=5, **arguments):
    """The whole answer; OSError if there is none."""
    with connect(path, timeout) as sock:
        sock.sendall(line(request(command, **arguments)))
        got = answer(sock)
    if not got.endswith(b"\n"):
        raise ConnectionResetError("the daemon has closed without an answer")
    return json.loads(got)
