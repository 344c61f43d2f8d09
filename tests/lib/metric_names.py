#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Do documents, alert rules and dashboards speak of the metrics that there are?

    metric_names.py METRICS --documented FILE     its table has all of them, with their labels
    metric_names.py METRICS --used FILE...        what is used in them is there

METRICS is the answer of GET /metrics. Prints what is wrong; exit status 1 then.
"""
import re
import sys

HISTOGRAMS = {}  # family: the names of its samples
NAME = re.compile(r"\b(?:evenkeel|process)_[a-z_]+\b")


def known(path):
    """Names of families, each with the labels of its samples; None without a sample. A histogram is
    also known by the names of its samples."""
    labels, histogram = {}, None
    for line in open(path, encoding="utf-8"):
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:4]
            labels[name] = None
            histogram = name if kind == "histogram" else None
        elif not line.startswith("#"):
            name, _, rest = line[: line.rindex(" ")].partition("{")
            found = re.findall(r'(?:^|,)([a-z_]+)="', rest)
            if histogram:
                HISTOGRAMS.setdefault(histogram, set()).add(name)
                labels[histogram] = [label for label in found if label != "le"]
            labels[name] = found
    return labels


def documented(path, labels):
    rows = {}
    labels = {n: l for n, l in labels.items() if not any(n in s for s in HISTOGRAMS.values())}
    for line in open(path, encoding="utf-8"):
        row = re.match(r"\| `([a-z_]+)` \|([^|]*)\|", line)
        if row and NAME.fullmatch(row[1]):
            rows[row[1]] = re.findall(r"`([a-z_]+)`", row[2])
    for name in sorted(labels.keys() - rows.keys()):
        yield f"{path}: {name} is missing"
    for name in sorted(rows.keys() - labels.keys()):
        yield f"{path}: there is no {name}"
    for name in sorted(rows.keys() & labels.keys()):
        if labels[name] is not None and rows[name] != labels[name]:
            yield f"{path}: {name} has the labels {labels[name]}, not {rows[name]}"


def used(path, labels):
    text = open(path, encoding="utf-8").read()
    names = NAME.findall(text)
    if not names:
        yield f"{path}: no metric is used"
    for name in sorted(set(names) - labels.keys()):
        yield f"{path}: there is no {name}"
    for name, selector in re.findall(f"({NAME.pattern})" + r"\{([^}]*)\}", text):
        for label in re.findall(r"([a-z_]+)\s*(?:=|!=|=~|!~)\s*\\?\"", selector):
            if labels.get(name) is not None and label not in labels[name] + ["instance", "job"]:
                yield f"{path}: {name} has no label {label}"


def main(metrics, mode, *paths):
    labels = known(metrics)
    check = {"--documented": documented, "--used": used}[mode]
    wrong = [complaint for path in paths for complaint in check(path, labels)]
    print("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
