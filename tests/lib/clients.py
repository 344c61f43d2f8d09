#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Many clients with an address each, some of which are heavy; all connections carry data.

clients.py find SOCKET BACKEND DEST PORT COUNT ADDRESS...   asks evenkeeld where clients' flows go, and
                                                            prints COUNT addresses that go to it
clients.py run DEST PORT TIMES FILE ADDRESS...              until SIGTERM: each address has a
        connection for about a second, then another; every eighth has one that never ends. Those in
        FILE have TIMES as many. Each connection sends a line four times a second and compares the
        answer of `crowd serve`, whose name must stay the same. Prints what became of them.
"""
import asyncio
import os
import random
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ctl  # noqa: E402

PAUSE = 0.25
# Several retransmissions, which begin at 200 ms.
SILENCE = 8
FILLING = "x" * 200


def find(path, name, dest, port, count, *addresses):
    found = 0
    for address in addresses:
        flow = f"{address}:1024 > {dest}:{port}/tcp"
        if ctl.ask(path, "explain", flow=flow)["result"]["new_flow"]["backend"] == name:
            print(address)
            found += 1
            if found == int(count):
                return
    sys.exit(f"clients.py: {name} has no {count} of these clients")


class Crowd:
    def __init__(self, dest, port):
        self.dest, self.port = dest, int(port)
        self.ended = asyncio.Event()
        self.whole = self.broken = self.exchanges = 0

    async def exchange(self, reader, writer, server):
        line = f"{random.getrandbits(32)} {FILLING}"
        writer.write(line.encode() + b"\n")
        answer = await asyncio.wait_for(reader.readline(), SILENCE)
        name, _, rest = answer.decode().rstrip("\n").partition(" ")
        if rest != line or server not in (None, name):
            raise ConnectionError(f"{server} was to answer {line[:9]}, and was: {answer[:40]}")
        self.exchanges += 1
        return name

    async def pause(self):
        try:
            await asyncio.wait_for(self.ended.wait(), PAUSE * random.uniform(0.9, 1.1))
        except asyncio.TimeoutError:
            pass

    async def connection(self, address, exchanges):
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(self.dest, self.port, local_addr=(address, 0)), SILENCE
        )
        server = None
        while exchanges and not self.ended.is_set():
            server = await self.exchange(reader, writer, server)
            exchanges -= 1
            await self.pause()
        writer.close()
        await writer.wait_closed()
        self.whole += 1

    async def client(self, address, exchanges):
        while not self.ended.is_set():
            try:
                await self.connection(address, exchanges or random.randint(3, 5))
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                self.broken += 1
                print(f"{address}: {error!r}", flush=True)
                await self.pause()


async def crowd(dest, port, times, file, addresses):
    with open(file, encoding="ascii") as lines:
        heavy = set(lines.read().split())
    c = Crowd(dest, port)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, c.ended.set)
    clients = [c.client(a, -1 if i % 8 == 0 else 0) for i, a in enumerate(addresses)]
    clients += [c.client(a, 0) for a in heavy for _ in range(int(times) - 1)]
    await asyncio.gather(*clients)
    print(f"whole {c.whole} broken {c.broken} exchanges {c.exchanges}", flush=True)


def run(dest, port, times, file, *addresses):
    asyncio.run(crowd(dest, port, times, file, addresses))


if __name__ == "__main__":
    {"find": find, "run": run}[sys.argv[1]](*sys.argv[2:])
