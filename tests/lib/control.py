#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""What a control socket has to bear. Each ATTACK fails unless the daemon answers or closes in
time, and `version` is answered within a second all the while.

control.py SOCKET ATTACK [ARGUMENT...]
"""
import json
import random
import socket
import sys
import threading
import time

import ctl

CUT_OFF_S = 5   # after so long the daemon closes on a client that neither sends nor reads
ANSWER_S = 1    # so long a normal command may take meanwhile
REQUEST_MAX = 16 << 20
USAGE = 2


class Meanwhile:
    """Asks for the version again and again; fails if an answer takes longer than a second."""

    def __init__(self, path):
        self.path, self.stop, self.slowest, self.count = path, threading.Event(), 0, 0
        self.trouble = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.wait(0.005) or not self.count:
            begin = time.monotonic()
            try:
                if ctl.ask(self.path, "version", timeout=ANSWER_S)["exit"]:
                    raise ConnectionError("refused")
            except OSError as error:
                self.trouble = f"version, asked {begin - self.begin:.2f} s in: {error!r}"
                return
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.count += 1

    def __enter__(self):
        self.begin = time.monotonic()
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        print(f"meanwhile {self.count} normal requests, the slowest {self.slowest * 1000:.0f} ms")
        if self.trouble:
            raise SystemExit(self.trouble)


def send(path, data, close=False, timeout=2):
    """What the daemon says to these bytes: an answer, or None when it closes without one."""
    with ctl.connect(path, timeout) as sock:
        try:
            sock.sendall(data)
            if close:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read to the end: the answer says why
        try:
            got = ctl.answer(sock)
        except ConnectionResetError:
            return None
    return json.loads(got) if got else None


def refused(path, data, **options):
    answer = send(path, data, **options)
    if not answer or answer["exit"] != USAGE or not answer["messages"]:
        raise SystemExit(f"{data[:120]} is answered with {answer}")


def is_closed(sock):
    """Answered or closed: something can be read."""
    sock.setblocking(False)
    try:
        sock.recv(1)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


# ---- attacks -------------------------------------------------------------------------------------

NOT_JSON = [b"", b" ", b"{", b"}", b"{}x", b"nonsense", b"\xff\xfe\x00", b"\0", b"[" * 100000,
            b'{"a":' * 100000, b'{"version":1,"version":1,"command":"status","arguments":{}}',
            b'{"version":1,"command":"status\xff","arguments":{}}', b'"\\ud800"', b"1e999999"]


def not_json(path):
    for text in NOT_JSON:
        refused(path, text + b"\n")


def of(command, arguments):
    return {"version": 1, "command": command, "arguments": arguments}


def backend(**change):
    """backend add that would be in order, but for what is changed."""
    good = {"service": "web", "action": "add", "backends": [{"name": "x", "address": "10.0.1.99"}]}
    return of("backend", {**good, **change})


WRONG_TYPES = [
    None, [], {}, 1, "status", True, {"version": 1}, {"version": 1, "command": "status"},
    of(None, {}), of(1, {}), of(["status"], {}), of("status", []), of("status", None),
    of("status", "x"), of("status", {"x": 1}), {**of("status", {}), "more": 1},
    {**of("status", {}), "version": "1"}, {**of("status", {}), "version": 1.0},
    of("apply", {}), of("apply", {"text": 5}), of("apply", {"text": None, "file": "x"}),
    of("apply", {"text": "a\0b", "file": "x"}), of("apply", {"text": "", "file": []}),
    backend(service=1), backend(service=None), backend(action="bad"), backend(action=[]),
    backend(backends=5), backend(backends={}), backend(backends=[]), backend(backends=[5]),
    backend(backends=[[]]), backend(backends=[{"name": 1}]), backend(backends=[{"name": "x"}]),
    backend(backends=[{"name": "x", "address": "10.0.1.99", "weight": "1"}]),
    backend(backends=[{"name": "x", "address": "10.0.1.99", "weight": 1.5}]),
    backend(backends=[{"name": "x", "address": 7}]), backend(more=1),
    of("attach", {}), of("attach", {"interfaces": []}), of("attach", {"interfaces": "eth0"}),
    of("attach", {"interfaces": [1]}), of("attach", {"interfaces": ["../eth0"]}),
    of("attach", {"interfaces": ["e" * 500]}), of("attach", {"interfaces": ["x"] * 500}),
    of("attach", {"interfaces": ["eth0"], "yes": "yes"}), of("detach", {"interfaces": {"a": 1}}),
    of("detach", {"interfaces": "eth0"}), of("detach", {"interfaces": None}),
    of("detach", {"interfaces": 0}), of("detach", {"interfaces": [None]}),
    of("detach", {"interfaces": ["a/b"]}),
    of("detach", {}), of("confirm", {"x": 1}), of("explain", {}), of("explain", {"flow": 1}),
    of("history", {"limit": 0}), of("history", {"limit": -1}), of("history", {"limit": 10**18}),
    of("history", {"limit": "1"}), of("setup", {}), of("setup", {"service": {}}),
    of("doctor", {"x": 1}), of("services", {"x": 1}), of("version", {"x": 1}),
]


def wrong_types(path):
    wrong = []
    for message in WRONG_TYPES:
        try:
            refused(path, ctl.line(message))
        except SystemExit as error:
            wrong.append(str(error))
    if wrong:
        raise SystemExit("\n".join(wrong))


def unknown(path):
    for command in ("", "nope", "STATUS", "status ", "x" * 10000, "%n%s", "status\n"):
        refused(path, ctl.line(of(command, {})))
    for version in (0, 2, -1, 2**31, 2**63 - 1):
        refused(path, ctl.line({**of("status", {}), "version": version}))


def long_line(path):
    """17 MB without an end, and with one; a line just within the limit is read."""
    refused(path, b"x" * (17 << 20), timeout=CUT_OFF_S)
    refused(path, b"x" * (17 << 20) + b"\n", timeout=CUT_OFF_S)
    refused(path, b"x" * (REQUEST_MAX - 1) + b"\n", timeout=CUT_OFF_S)


def half_line(path):
    """Half a line and then the end; half a line, or nothing, and then silence."""
    if send(path, b'{"version": 1, "comm', close=True) or send(path, b"", close=True):
        raise SystemExit("half a line is answered")
    begin = time.monotonic()
    silent = [ctl.connect(path, CUT_OFF_S + 2) for _ in range(6)]
    for sock in silent[:3]:
        sock.sendall(b'{"version": 1, "comm')
    for sock in silent:
        if ctl.answer(sock):
            raise SystemExit("half a line is answered")
        sock.close()
    print(f"cut off after {time.monotonic() - begin:.1f} s")


def many(path, count):
    """So many clients at once that say nothing; in the end each is closed or cut off."""
    clients = [ctl.connect(path, CUT_OFF_S) for _ in range(int(count))]
    end = time.monotonic() + CUT_OFF_S + 2
    while clients and time.monotonic() < end:
        clients = [c for c in clients if not is_closed(c)]
        time.sleep(0.05)
    if clients:
        raise SystemExit(f"{len(clients)} of {count} silent clients are not cut off")


def doctors(path, count):
    """So many slow requests at once: each is answered, with findings or a refusal."""
    clients = [ctl.connect(path, 15) for _ in range(int(count))]
    for sock in clients:
        sock.sendall(ctl.line(of("doctor", {})))
    answers = [json.loads(ctl.answer(sock)) for sock in clients]
    found = sum("findings" in answer["result"] for answer in answers)
    told = sum("try again" in " ".join(answer["messages"]) for answer in answers)
    print(f"{found} with findings, {told} told to try again")
    if not found or found + told != int(count):
        raise SystemExit(f"not all are answered: {answers}")


def noise(path, seed):
    pick = random.Random(seed)
    for _ in range(300):
        send(path, pick.randbytes(pick.choice((1, 10, 100, 5000, 100000))), close=True)
        send(path, pick.randbytes(pick.randrange(500)) + b"\n", close=True)


# Each is refused as it stands, so that no mutation can be a change that is meant.
SEEDS = [
    backend(action="bad"), backend(service="nope", action="remove"),
    backend(backends=[{"name": "x", "address": "300.0.1.999", "weight": 1}]),
    of("attach", {"interfaces": ["nope0"], "generic": True, "yes": False}),
    of("apply", {"text": "services: [1]\nx: {\ny: [\nz: }\n- 1\n? ]\n" * 3, "file": "x"}),
    of("explain", {"flow": "198.51.100.7:40000 > 203.0.113.10:80/tcp"}),
    of("history", {"limit": 5}), of("setup", {"service": "web"}), of("status", {}),
    of("confirm", {"x": 1}), of("detach", {"interfaces": ["nope/0"]}),
]


def mutations(path, seed, count):
    pick = random.Random(seed)
    said = {}
    for _ in range(int(count)):
        data = bytearray(ctl.line(pick.choice(SEEDS)))
        for _ in range(pick.randint(1, 6)):
            at, how = pick.randrange(len(data)), pick.randrange(4)
            if how == 0:
                data[at] = pick.randrange(256)
            elif how == 1:
                data.insert(at, pick.choice(b'{}[]",:\\0-\0\xff'))
            elif how == 2 and len(data) > 1:
                del data[at]
            else:
                data[at:at] = data[at:at + pick.randrange(1, 40)]
        answer = send(path, bytes(data), close=True)
        said[answer and answer["exit"]] = said.get(answer and answer["exit"], 0) + 1
    print("answers by exit status:", said)


def main(path, attack, *arguments):
    with Meanwhile(path):
        globals()[attack](path, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
