#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# Tables, ratios and bars from what the guest of icount.sh found out.
#
#	report.py RESULTS PROFILE PAGES CSV
#
# RESULTS has lines "got ARM CONTENT MEASURE ROUND VALUE", or "warm" for rounds
# that do not count; of the others the median does.  PROFILE is plugin.c's, with a
# section for each line whose measure is one of SECTIONS.  Where the value is
# "@N" it is that section's number of instructions, less N, for each page.  CSV
# is written: arm,content,measure,value,unit.
import csv
import statistics
import sys
from collections import defaultdict

BAR = 1.05
SECTIONS = ("store", "load", "send", "fetch", "forget")
CONTENTS = {
    "half": "a half, random bytes",
    "quarter": "a quarter, random bytes",
    "text": "a half, words",
    "filled": "one byte value",
    "random": "not compressible",
}


class Figures:
    """What was measured: medians and spreads."""

    def __init__(self, results, profile, pages):
        self.rounds = defaultdict(list)
        self.clock = {}
        self.agree = 0          # largest difference of clock and plugin
        totals = [int(line.split()[2]) for line in open(profile)
                  if line.startswith("section")]
        for line in open(results):
            word = line.split()
            if word[:1] == ["clock"]:
                self.clock[word[1]] = word[2:]
            elif word[:1] in (["got"], ["warm"]):
                total = totals.pop(0) if word[3] in SECTIONS else None
                if word[0] == "got":
                    self.add(word, total, pages)

    def add(self, word, total, pages):
        value = word[5]
        if value[0] == "@":
            value = (total - int(value[1:])) / pages
        elif total:
            self.agree = max(self.agree,
                             abs(total / pages / float(value) - 1))
        self.rounds[tuple(word[1:4])].append(float(value))

    def get(self, arm, content, measure):
        values = self.rounds.get((arm, content, measure))
        if not values:
            return None
        # a thread that did nothing in a round is not in it
        rounds = len(self.rounds[arm, content, measure.split(":")[0]])
        values = values + [0] * (rounds - len(values))
        # what the compressor needs differs from page to page
        if arm == "lzo":
            return statistics.fmean(values)
        return statistics.median(values)

    def spread(self, arms):
        """The largest difference of two rounds, as a share of the median."""
        worst = 0, ("none",)
        for key, values in self.rounds.items():
            # a thread's share depends on who happens to be interrupted
            if key[0] not in arms or ":" in key[2] or \
               not statistics.median(values):
                continue
            share = (max(values) - min(values)) / statistics.median(values)
            worst = max(worst, (share, key), key=lambda w: w[0])
        return worst

    def contents(self):
        seen = {key[1] for key in self.rounds}
        return [c for c in CONTENTS if c in seen]

    def write_csv(self, path):
        with open(path, "w", newline="") as out:
            w = csv.writer(out, lineterminator="\n")
            w.writerow(["arm", "content", "measure", "value", "unit"])
            for key, values in self.rounds.items():
                unit = {"bytes": "bytes", "kept": "percent"}.get(
                    key[2], "instructions/page")
                w.writerow(list(key) + ["%.1f" % self.get(*key), unit])
                if key[0] != "lzo" and len(values) > 1:
                    w.writerow(list(key[:2]) + [key[2] + "-spread",
                               "%.1f" % (max(values) - min(values)), unit])
            for content in self.contents():
                self.write_derived(w, content)

    def write_derived(self, w, content):
        for measure in ("store", "load"):
            zram, zcache = (self.get(a, content, measure)
                            for a in ("zram", "zcache"))
            if zram and zcache:
                w.writerow(["zcache", content, measure + "-to-zram",
                            "%.4f" % (zcache / zram), "ratio"])
        for way in ("compress", "decompress"):
            cost = api_cost(self, content, way)
            if cost is not None:
                w.writerow(["lzo", content, "api-cost-" + way, "%.1f" % cost,
                            "instructions/page"])


def number(value):
    return "-" if value is None else "{:,.0f}".format(value)


def ratio(a, b):
    return "-" if not a or not b else "%.3f" % (a / b)


def row(name, cells, width=12):
    print("  %-28s" % name + "".join("%*s" % (width, c) for c in cells))


def clock_report(f):
    print("Is an instruction a nanosecond?\n")
    row("a loop of", ["time stamps", "clock, ns"], 14)
    for turns, seen in f.clock.items():
        if turns.isdigit():
            row(number(int(turns)) + " instructions",
                [number(int(v)) for v in seen], 14)
    if "read" in f.clock:
        print("  a reading costs %s, which is subtracted" % f.clock["read"][0])
    print()


def swap_table(f, measure, title):
    """What one measure costs with each arm."""
    print(title + "\n")
    row("contents compress to", ["kernel only", "zram", "zswap", "zcache",
                                 "/zram", "/zswap"])
    for content in f.contents():
        v = {a: f.get(a, content, measure)
             for a in ("nothing", "zram", "zswap", "zcache")}
        if v["zcache"] is None:
            continue
        row(CONTENTS[content], [number(v[a]) for a in v] +
            [ratio(v["zcache"], v["zram"]), ratio(v["zcache"], v["zswap"])])
    print()
    row("beyond \"kernel only\"", ["", "zram", "zswap", "zcache", "/zram",
                                   "/zswap"])
    for content in f.contents():
        base = f.get("nothing", content, measure)
        v = {a: f.get(a, content, measure) for a in ("zram", "zswap", "zcache")}
        if base is None or None in v.values():
            continue
        v = {a: x - base for a, x in v.items()}
        row(CONTENTS[content], [""] + [number(v[a]) for a in v] +
            [ratio(v["zcache"], v["zram"]), ratio(v["zcache"], v["zswap"])])
    print()


def kept_report(f):
    """Pages that an arm did not keep went to the disk behind it."""
    for content in f.contents():
        away = [(a, f.get(a, content, "kept")) for a in ("zram", "zswap", "zcache")]
        away = ["%s kept %.0f %%" % (a, k) for a, k in away
                if k is not None and k < 100]
        if away:
            print("  %s: %s; the rest went to a disk in RAM, which alone takes "
                  "%s to store\n  and %s to load" %
                  (CONTENTS[content], ", ".join(away),
                   number(f.get("disk", content, "store")),
                   number(f.get("disk", content, "load"))))
    print()


def api_cost(f, content, way):
    safe = "lib-compress-safe" if way == "compress" else "lib-decompress"
    api = f.get("lzo", content, "api-" + way)
    lib = f.get("lzo", content, safe)
    return None if api is None or lib is None else api - lib


def lzo_table(f):
    print("The compressor itself (lzo), a page\n")
    row("contents compress to", ["bytes", "compress", "as in API", "+ API",
                                 "decompress", "+ API"])
    for content in f.contents():
        if f.get("lzo", content, "bytes") is None:
            continue
        row(CONTENTS[content],
            [number(f.get("lzo", content, m)) for m in
             ("bytes", "lib-compress", "lib-compress-safe")] +
            [number(api_cost(f, content, "compress")),
             number(f.get("lzo", content, "lib-decompress")),
             number(api_cost(f, content, "decompress"))])
    print("  zram calls the library; the crypto API adds what is under \"+ API\", "
          "and calls for\n  compression another function of it, which minds the "
          "end of the buffer\n")


LOCAL_ARMS = ("nothing", "disk", "zram", "zswap", "zcache")
NET_ARMS = {"ramster": "ramster", "nbd": "NBD", "nvmetcp": "NVMe/TCP"}
THREADS = {
    "remotify": "remotify, the owner's",
    "r2send/0.1": "sender, the owner's",
    "r2link/0.1": "receiver, the owner's",
    "r2send/1.0": "sender, the lender's",
    "r2link/1.0": "receiver, the lender's",
    "own": "who faults or frees",
    "kworker": "work queues",
}


def add(*values):
    return None if None in values else sum(values)


def net_table(f):
    """What it takes to have a page at another machine, both sides together."""
    print("Instructions for a page at another machine, both sides together\n")
    row("", ["store", "send", "together", "fetch", "forget"])
    for arm, name in NET_ARMS.items():
        for content in f.contents():
            store, send, fetch, forget = (
                f.get(arm, content, m)
                for m in ("store", "send", "fetch", "forget"))
            if fetch is None:
                continue
            row(name if len(f.contents()) == 1 else
                "%s (%s)" % (name, content),
                [number(v) for v in
                 (store, send, add(store, send) if send else store, fetch,
                  forget)])
    print("  NBD and NVMe/TCP write to the other machine's RAM at once, and as "
          "it is; ramster\n  compresses first (store), and sends in batches "
          "(send); a fetch decompresses. Each\n  fault waits for its page, no "
          "readahead. forget: a process frees pages that are away\n")


def threads_table(f, content):
    """Who does it; a thread's share has the interrupts that came to it."""
    names = [t for t in THREADS if any(
        f.get("ramster", content, "%s:%s" % (m, t))
        for m in ("send", "fetch", "forget"))]
    if not names:
        return
    print("Of these, ramster's threads (%s)\n" % content)
    row("", ["send", "fetch", "forget"])
    for name in names:
        row(THREADS[name],
            [number(f.get("ramster", content, "%s:%s" % (m, name)))
             for m in ("send", "fetch", "forget")])
    rest = []
    for m in ("send", "fetch", "forget"):
        total = f.get("ramster", content, m)
        known = [f.get("ramster", content, "%s:%s" % (m, t)) for t in names]
        rest.append(None if total is None else
                    number(max(0, total - sum(k for k in known if k))))
    row("interrupts, idling, the rest", rest)
    print("  a thread that sends over veth also does what the other side's "
          "network does with it\n")


def bar(f, content, measure, way):
    zram, zcache = (f.get(a, content, measure) for a in ("zram", "zcache"))
    if not zram or not zcache:
        return
    met = zcache <= BAR * zram
    line = "  %s  %-5s %-26s %s of zram's, at most %.2f" % (
        "met    " if met else "NOT MET", measure, CONTENTS[content],
        ratio(zcache, zram), BAR)
    if not met:
        line += "; %s too many" % number(zcache - BAR * zram)
        api = api_cost(f, content, way)
        if api is not None:
            line += ", the crypto API's own are %s (%s without)" % (
                number(api), ratio(zcache - api, zram))
    print(line)


def bars(f):
    print("Bars\n")
    for measure, way in (("store", "compress"), ("load", "decompress")):
        for content in f.contents():
            kept = f.get("zcache", content, "kept")
            if kept == 100:
                bar(f, content, measure, way)
            elif kept is not None and content != "random":
                print("  NOT MET  %-5s %-26s zcache kept only %.0f %%" %
                      (measure, CONTENTS[content], kept))
    print()


def spread_report(f):
    for arms, name in ((LOCAL_ARMS, "here"), (NET_ARMS, "over the network")):
        share, key = f.spread(arms)
        if share:
            print("Rounds of what happens %s differ by %.1f %% at most (%s)" %
                  (name, share * 100, " ".join(key)))
    if f.agree:
        print("The clock and the count of the code that was executed differ by "
              "%.2f %% at most" % (f.agree * 100))
    print()


def main():
    f = Figures(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    print()
    if f.clock:
        clock_report(f)
    if any(key[0] == "zcache" for key in f.rounds):
        swap_table(f, "store", "Instructions for a stored page")
        swap_table(f, "load", "Instructions for a local load")
        kept_report(f)
    if any(key[0] in NET_ARMS for key in f.rounds):
        net_table(f)
        for content in f.contents():
            threads_table(f, content)
    if any(key[0] == "lzo" for key in f.rounds):
        lzo_table(f)
    if any(key[0] == "zcache" for key in f.rounds):
        bars(f)
    spread_report(f)
    f.write_csv(sys.argv[4])


main()
