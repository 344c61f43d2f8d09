#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The queries of a Grafana dashboard, variables replaced as Grafana would.

    dashboard_queries.py FILE --rules     as recording rules, for promtool to parse
    dashboard_queries.py FILE --ask URL   asks Prometheus: none may fail, most must have a result
"""
import json
import sys
import urllib.parse
import urllib.request

VARIABLES = {"$__rate_interval": "1m", "$instance": ".*", "$service": ".*"}


def queries(dashboard):
    found = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", [])]
    found += [a["expr"] for a in dashboard["annotations"]["list"]]
    for query in found:
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        if "$" in query:
            raise SystemExit(f"a variable that is not known: {query}")
        yield query


def rules(found):
    group = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(found)]
    print(json.dumps({"groups": [{"name": "dashboard", "rules": group}]}))


def ask(found, url):
    """urllib raises an error for each status but 200, as a query that cannot be answered has."""
    empty = []
    for query in found:
        data = urllib.parse.urlencode({"query": query}).encode()
        with urllib.request.urlopen(f"{url}/api/v1/query", data, timeout=3) as answer:
            if not json.load(answer)["data"]["result"]:
                empty.append(query)
    print(f"{len(empty)} of {len(found)} have no result:", *empty, sep="\n")
    return len(empty) > len(found) // 3


def main(path, mode, *arguments):
    with open(path, encoding="utf-8") as file:
        found = list(queries(json.load(file)))
    return {"--rules": rules, "--ask": ask}[mode](found, *arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
