#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Changes backends without a pause and kills evenkeeld while it works on one.

churn.py SOCKET PID SEED SECONDS SERVICE...

Weights, drains, additions and removals, one after another for up to SECONDS; then SIGKILL to PID
at a random moment of the next change. Prints as JSON what was acknowledged, and what the backends
are when that last change is in force and when it is not:

  {changes, acknowledged: [revision], before: {SERVICE: {NAME: WEIGHT}}, after: ...}

WEIGHT is null when drained.
"""
import copy
import json
import os
import random
import signal
import sys
import threading
import time

import ctl

# What the gates stand against is another story (test_gates.sh).
ANYWAY = {"force": "share,growth,load,eligible,answering,services", "reason": "a story"}


def backends(services):
    """{service: {name: backend}} of those configured."""
    return {s["name"]: {b["name"]: b for b in s["backends"] if b["state"] != "leaving"}
            for s in services}


class Churn:
    def __init__(self, path, seed, names):
        self.path, self.random, self.names = path, random.Random(seed), names
        status = ctl.ask(path, "status")["result"]
        self.acknowledged, self.seconds = [status["revision"]], []
        now = backends(status["services"])
        self.address = {n: b["address"] for s in names for n, b in now[s].items()}
        self.weight = {s: {n: b["weight"] for n, b in now[s].items()} for s in names}
        self.drained = {s: {n for n, b in now[s].items() if b["state"].startswith("drain")}
                        for s in names}

    def facts(self):
        return {s: {n: None if n in self.drained[s] else w for n, w in self.weight[s].items()}
                for s in self.names}

    def choose(self):
        """A change that has an effect: (arguments of `backend`, how the model changes)."""
        service = self.random.choice(self.names)
        weight, drained = self.weight[service], self.drained[service]
        missing = sorted(set(self.address) - set(weight))
        name = self.random.choice(sorted(weight))
        serving = len(weight) - len(drained)
        action = self.random.choice(["set", "set", "drain", "add", "remove"])
        one = {"name": name}
        if action == "add" and missing:
            name = self.random.choice(missing)
            one = {"name": name, "address": self.address[name],
                   "weight": self.random.randint(50, 150)}
            change = lambda: weight.update({name: one["weight"]})
        elif name in drained:
            action, change = "undrain", lambda: drained.discard(name)
        elif action == "drain" and serving > 2:
            change = lambda: drained.add(name)
        elif action == "remove" and serving > 2:
            change = lambda: weight.pop(name)
        else:
            action, one["weight"] = "set", weight[name] % 150 + 50
            change = lambda: weight.update({name: one["weight"]})
        return {"service": service, "action": action, "backends": [one]}, change

    def ask(self, arguments):
        """True when the change is acknowledged; False when the daemon is gone."""
        begin = time.monotonic()
        try:
            got = ctl.ask(self.path, "backend", **arguments, **ANYWAY)
        except OSError:
            return False
        if got["exit"] or not got["result"]["changed"]:
            raise SystemExit(f"{arguments} is answered with {got}")
        self.seconds.append(time.monotonic() - begin)
        self.acknowledged.append(got["result"]["revision"])
        return True

    def run(self, seconds):
        end = time.monotonic() + self.random.uniform(0.1, seconds)
        while time.monotonic() < end or len(self.seconds) < 3:
            arguments, change = self.choose()
            if not self.ask(arguments):
                raise SystemExit(f"the daemon has ended by itself during {arguments}")
            change()

    def kill(self, pid):
        usual = sorted(self.seconds)[len(self.seconds) // 2]
        arguments, change = self.choose()
        killer = threading.Timer(self.random.uniform(0, usual), os.kill, (pid, signal.SIGKILL))
        before = copy.deepcopy(self.facts())
        killer.start()
        acknowledged = self.ask(arguments)
        change()
        after = self.facts()
        killer.join()
        return {"changes": len(self.seconds), "usual_ms": round(usual * 1000, 1),
                "last": arguments, "acknowledged": self.acknowledged,
                "before": after if acknowledged else before, "after": after}


def main(path, pid, seed, seconds, *names):
    churn = Churn(path, seed, names)
    churn.run(float(seconds))
    print(json.dumps(churn.kill(int(pid))))


if __name__ == "__main__":
    main(*sys.argv[1:])
