#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Long-lived TCP connections through the balancer.

echo.py serve NAME PORT ADDRESS...        answers each line with "NAME line", until it is ended
echo.py hold COUNT PORT ADDRESS...        COUNT connections, by turns to each address, exchange
                                          lines without a pause; prints "ready" when each has
                                          had an answer, and upon SIGTERM what became of them
"""
import collections
import selectors
import signal
import socket
import sys
import time

# Several retransmissions, which begin at 200 ms: who is silent for longer is taken to be broken.
SILENCE_S = 5


def serve(name, port, *addresses):
    poll = selectors.DefaultSelector()
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, int(port)), family=family, backlog=128)
        poll.register(listener, selectors.EVENT_READ, listener)
    while True:
        for key, _ in poll.select():
            if key.data:
                connection, _ = key.data.accept()
                poll.register(connection, selectors.EVENT_READ)
                continue
            try:
                got = key.fileobj.recv(4096)  # a whole line: the client sends the next after it
                if got:
                    key.fileobj.sendall(name.encode() + b" " + got)
                    continue
            except OSError:
                pass
            poll.unregister(key.fileobj)
            key.fileobj.close()


class Flow:
    def __init__(self, address, port):
        self.sock = socket.create_connection((address, port), timeout=SILENCE_S)
        self.name = f"{address}:{port} from {self.sock.getsockname()[1]}"
        self.server, self.count, self.got, self.trouble = None, 0, b"", None
        self.send()

    def send(self):
        self.sent = time.monotonic()
        self.sock.sendall(b"%d\n" % self.count)

    def receive(self):
        part = self.sock.recv(4096)
        if not part:
            raise ConnectionError("closed by the server")
        self.got += part
        if not self.got.endswith(b"\n"):
            return
        server, number = self.got.split()
        if number != b"%d" % self.count or server != (self.server or server):
            raise ConnectionError(f"{self.got} instead of {self.count} from {self.server}")
        self.server, self.got = server, b""
        self.count += 1
        self.send()

    def step(self, readable):
        """One answer and the next line, if there is one; False when the flow is broken."""
        try:
            if readable:
                self.receive()
            elif time.monotonic() - self.sent > SILENCE_S:
                raise ConnectionError("silence")
        except OSError as error:
            self.trouble = f"{self.name}, {self.server}, after {self.count} exchanges: {error!r}"
        return not self.trouble


def hold(count, port, *addresses):
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    flows = [Flow(addresses[i % len(addresses)], int(port)) for i in range(int(count))]
    poll = selectors.DefaultSelector()
    for flow in flows:
        poll.register(flow.sock, selectors.EVENT_READ, flow)
    ready = False
    while not ended:
        readable = {key.data for key, _ in poll.select(0.2)}
        for flow in [f for f in flows if not f.trouble]:
            if not flow.step(flow in readable):
                poll.unregister(flow.sock)
        if not ready and all(flow.count or flow.trouble for flow in flows):
            ready = print("ready", flush=True) is None
        time.sleep(0.005)  # 200 rounds a second leave the machine to the daemon
    broken = [flow.trouble for flow in flows if flow.trouble]
    print(*broken, sep="\n")
    print("servers", *sorted(collections.Counter(f.server.decode() for f in flows).items()))
    print("exchanges", sum(flow.count for flow in flows), "least", min(f.count for f in flows))
    print("broken", len(broken), "of", len(flows), flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit({"serve": serve, "hold": hold}[sys.argv[1]](*sys.argv[2:]))
