#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# Where the instructions go, from what plugin.c has counted.
#
#	profile.py PROFILE RESULTS BUILD PAGES TOP CSV
#
# Prints for each measure a table of source files, an arm beside the other, then
# for each arm the functions that take most; CSV gets all of them.
import bisect
import csv
import os
import re
import subprocess
import sys
from collections import defaultdict

OWN = re.compile("ramster/|drivers/(block|nvme)|mm/(z|frontswap)|lib/lzo|"
                 "crypto/|lib/rhash")
MEASURES = ("store", "load", "send", "fetch", "forget")
WORDS = {
    "store": "a stored page",
    "load": "a local load",
    "send": "a page sent",
    "fetch": "a page fetched",
    "forget": "a page freed that is away",
}


class Symbols:
    """The kernel's functions: by address, and from which source file."""

    def __init__(self, build):
        files = self.files(build)
        self.addresses, names = [], []
        for line in open(os.path.join(build, "System.map")):
            address, kind, name = line.split()
            if kind in "tTwW":
                self.addresses.append(int(address, 16))
                names.append(name)
        where = [files.get(name, {"?"}) for name in names]
        self.names = [(name, self.nearest(where, i))
                      for i, name in enumerate(names)]

    @staticmethod
    def nearest(where, i):
        """Static functions of one name: what stands beside it is of its file."""
        if len(where[i]) == 1:
            return min(where[i])
        for distance in range(1, 500):
            for j in (i - distance, i + distance):
                if 0 <= j < len(where) and len(where[j]) == 1 and \
                   where[j] <= where[i]:
                    return min(where[j])
        return "(several)"

    @staticmethod
    def files(build):
        objects = []
        for top, dirs, names in os.walk(build):
            dirs[:] = [d for d in dirs if d not in
                       ("tools", "scripts", "vdso", "compressed", "realmode")]
            objects += [os.path.join(top, n) for n in names
                        if n.endswith(".o") and n not in ("vmlinux.o", "built-in.o")]
        of = defaultdict(set)
        for i in range(0, len(objects), 500):
            text = subprocess.run(["nm", "-A", "--defined-only"] +
                                  objects[i:i + 500], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True).stdout
            for line in text.splitlines():
                path, _, rest = line.partition(":")
                word = rest.split()
                if len(word) == 3 and word[1] in "tTwW":
                    path = os.path.relpath(path, build)[:-2]
                    of[word[2]].add(path.replace("drivers/staging/", ""))
        return {n: Symbols.finest(w) for n, w in of.items()}

    @staticmethod
    def finest(paths):
        """An object that is linked from others has their names, too."""
        if len(paths) > 1:
            fine = {p for p in paths if not p.endswith(("/zcache", "/ramster"))}
            return fine or paths
        return paths

    def find(self, address):
        if address < 1 << 63:
            return "(user space)", "(user space)"
        if address >= 0xffffffffa0000000:
            return "(module)", "(module)"
        i = bisect.bisect_right(self.addresses, address) - 1
        return self.names[i]


class Profile:
    """Of one arm, content and measure: instructions a page."""

    def __init__(self):
        self.own = defaultdict(float)
        self.all = defaultdict(float)
        self.calls = defaultdict(float)
        self.edge_calls = defaultdict(float)
        self.edge_all = defaultdict(float)
        self.rounds = 0

    def total(self):
        return sum(self.own.values())

    def by_file(self):
        files = defaultdict(float)
        for (_, where), n in self.own.items():
            files[where] += n
        return files


def sections(results):
    """Of each section: (arm, content, measure), or None while it warms up."""
    found = []
    for line in open(results):
        word = line.split()
        if word[:1] in (["got"], ["warm"]) and word[3] in MEASURES:
            found.append(tuple(word[1:4]) if word[0] == "got" else None)
    return found


def read(path, found, symbols):
    profiles = {key: Profile() for key in found if key}
    p = None
    for line in open(path):
        word = line.split()
        if word[0] == "section":
            key = found[int(word[1])]
            p = profiles[key] if key else None
            if p:
                p.rounds += 1
        elif p and word[0] == "block":
            p.own[symbols.find(int(word[1], 16))] += int(word[2]) * int(word[3])
        elif p and word[0] == "call":
            name = symbols.find(int(word[1], 16))
            p.calls[name] += int(word[2])
            p.all[name] += int(word[3])
        elif p and word[0] == "edge":
            names = tuple(symbols.find(int(a, 16)) for a in word[1:3])
            p.edge_calls[names] += int(word[3])
            p.edge_all[names] += int(word[4])
    return profiles


def number(n):
    return "{:,.0f}".format(n) if n >= 0.5 else "."


def files_table(arms, top):
    """arms: name to Profile.  What all have in common is at its bottom."""
    files = {a: p.by_file() for a, p in arms.items()}
    names = sorted({f for by in files.values() for f in by},
                   key=lambda n: -max(by.get(n, 0) for by in files.values()))
    print("  %-34s" % "source file" + "".join("%10s" % a for a in arms))
    for name in names[:top]:
        print("  %-34s" % name[-34:] + "".join("%10s" % number(by.get(name, 0))
                                         for by in files.values()))
    print("  %-34s" % "others" + "".join(
        "%10s" % number(sum(by.get(n, 0) for n in names[top:]))
        for by in files.values()))
    print("  %-34s" % "all" + "".join("%10s" % number(p.total())
                                      for p in arms.values()))
    print()


def functions_table(p, top):
    print("  %10s %6s %8s %10s  %s" % ("by itself", "share", "calls",
                                       "with those", "function"))
    print("  %10s %6s %8s %10s" % ("", "", "", "it calls"))
    for name in sorted(p.own, key=lambda n: -p.own[n])[:top]:
        print("  %10s %5.1f%% %8s %10s  %s (%s)" % (
            number(p.own[name]), 100 * p.own[name] / p.total(),
            "%.2f" % p.calls[name] if p.calls[name] else ".",
            number(p.all[name]), name[0], name[1]))
    print()


def own_table(p, top):
    """What is done for the arm's sake: its functions with all they call."""
    names = [n for n in p.all if OWN.match(n[1])]
    if not names:
        return
    print("  %10s %8s %10s  %s" % ("with those", "calls", "by itself",
                                   "function of what is swapped to"))
    print("  %10s" % "it calls")
    for name in sorted(names, key=lambda n: -p.all[n])[:top]:
        print("  %10s %8.2f %10s  %s (%s)" % (
            number(p.all[name]), p.calls[name], number(p.own[name]),
            name[0], name[1]))
    print()


def outside_table(p, top):
    """What those functions call of the rest of the kernel."""
    names = [e for e in p.edge_all if OWN.match(e[0][1]) and
             not OWN.match(e[1][1]) and p.edge_all[e] >= 0.5]
    if not names:
        return
    print("  %10s %8s  %s" % ("with those", "calls",
                              "what they call of the rest of the kernel"))
    print("  %10s" % "it calls")
    for edge in sorted(names, key=lambda e: -p.edge_all[e])[:top]:
        print("  %10s %8.2f  %s > %s" % (
            number(p.edge_all[edge]), p.edge_calls[edge], edge[0][0],
            edge[1][0]))
    print()


def write_csv(path, profiles):
    with open(path, "w", newline="") as out:
        w = csv.writer(out, lineterminator="\n")
        w.writerow(["arm", "content", "measure", "function", "file",
                    "instructions", "calls", "with_callees"])
        for key, p in profiles.items():
            for name in sorted(p.own, key=lambda n: -p.own[n]):
                w.writerow(list(key) + list(name) +
                           ["%.2f" % d[name] for d in (p.own, p.calls, p.all)])


def main():
    path, results, build, pages, top, out = sys.argv[1:]
    symbols = Symbols(build)
    profiles = read(path, sections(results), symbols)
    for p in profiles.values():
        for d in (p.own, p.all, p.calls, p.edge_calls, p.edge_all):
            for name in d:
                d[name] /= p.rounds * int(pages)
    groups = defaultdict(dict)
    for (arm, content, measure), p in profiles.items():
        groups[measure, content][arm] = p
    for (measure, content), arms in groups.items():
        print("\nInstructions of %s (%s), by source file\n" %
              (WORDS[measure], content))
        files_table(arms, int(top))
        for arm, p in arms.items():
            if arm in ("nothing", "disk"):
                continue
            print("%s: functions of %s (%s)\n" % (arm, WORDS[measure], content))
            functions_table(p, int(top))
            own_table(p, int(top))
            outside_table(p, int(top))
    write_csv(out, profiles)


main()
