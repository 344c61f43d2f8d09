#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes a copy of affinity.h for each mutant: OUT/NAME/evenkeel/affinity.h.

    mutate.py HEADER MUTANTS OUT

A mutant replaces a text, which must be there exactly once, whatever its white space."""
import os
import re
import sys


def mutants(text):
    for block in re.split(r"\n(?=[a-z])", re.sub(r"(?m)^#.*\n", "", text)):
        if not block.strip():
            continue
        head, _, body = (block.strip() + "\n").partition("\n")
        old, arrow, new = body.partition("\n=>\n")
        if not arrow:
            sys.exit(f"mutant '{head}': no line '=>' between the old and the new text")
        yield head.split("|")[0].strip(), old, new


def main(header, listing, out):
    with open(header, encoding="utf-8") as f:
        rules = f.read()
    with open(listing, encoding="utf-8") as f:
        listing = f.read()
    for name, old, new in mutants(listing):
        pattern = re.compile(r"\s+".join(map(re.escape, old.split())))
        found = len(pattern.findall(rules))
        if found != 1:
            sys.exit(f"mutant '{name}': its old text is in {header} {found} times, not once: "
                     f"mend tests/model/mutants\n{old}")
        folder = os.path.join(out, name, "evenkeel")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "affinity.h"), "w", encoding="utf-8") as f:
            f.write(pattern.sub(lambda _: new, rules))


if __name__ == "__main__":
    main(*sys.argv[1:])
