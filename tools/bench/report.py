#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the figures of tools/bench.sh come to.

usage: report.py [options] RESULTS.CSV

  --rst FILE       write the tables as reStructuredText, too
  --plot BASE      write BASE.svg and BASE.png, by gnuplot
  --command TEXT   what made the figures, for the head of the reST

Times on an emulated or busy machine mean nothing by themselves.  So a time is
only ever shown as its ratio to another one of the same round; then the median of
these ratios over the rounds, with the smallest and the largest.
"""
import argparse
import csv
import statistics
import subprocess
import sys

ARMS = ("disk", "zram", "zswap", "zcache", "nbd", "nvme", "ramster")
NAMES = dict(disk="disk", zram="zram", zswap="zswap", zcache="zcache alone",
             nbd="NBD", nvme="NVMe/TCP", ramster="ramster")
COLUMNS = ("round", "arm", "workload", "metric", "value", "unit")
BASE = "nvme"
ROUNDS = 5      # with fewer, a single disturbance decides

# workload, metric, what it is called; LESS: less is better, MORE: more is
LESS, MORE = "less", "more"
SPEEDS = (
    ("fill", "rate", "fill, pages a second", MORE),
    ("faults", "p50", "random fault, p50", LESS),
    ("faults", "p99", "random fault, p99", LESS),
    ("faults", "p999", "random fault, p99.9", LESS),
    ("scan", "rate", "sequential scan, pages a second", MORE),
    ("strided", "rate", "strided scan, pages a second", MORE),
    ("mix", "rate", "hot and cold mix, touches a second", MORE),
    ("sort", "secs", "sort at twice the RAM, time", LESS),
    ("out", "server_cpu", "server's CPU for each page out", LESS),
    ("faults_alone", "server_cpu", "server's CPU for each fault", LESS),
)
FILES = (
    ("file_seq", "rate", "file in order, pages a second", MORE),
    ("file_random", "rate", "file at random, reads a second", MORE),
)
# amounts, which are no times, are shown as they are
AMOUNTS = (
    ("memory", "client", "client's RAM gone for each page, bytes"),
    ("memory", "server", "server's RAM gone for each page, bytes"),
    ("out", "wire_tx", "on the wire for each page out, bytes"),
    ("out", "disk", "on the client's disk for each page out, bytes"),
    ("faults_alone", "wire_rx", "on the wire for each fault, bytes"),
)


def fail(text):
    """Says what is wrong, and ends."""
    sys.exit("report.py: error: " + text)


class Results:
    """The figures of all rounds."""

    def __init__(self, path):
        self.values = {}
        try:
            with open(path, encoding="utf-8", newline="") as f:
                self.read(path, csv.reader(f))
        except OSError as why:
            fail("cannot read %s: %s" % (path, why.strerror))
        if not self.values:
            fail("%s holds no figures" % path)
        self.rounds = sorted({key[0] for key in self.values})
        self.arms = [arm for arm in ARMS
                     if any(key[1] == arm for key in self.values)]

    def read(self, path, rows):
        """Line by line; what is no figure is an error."""
        for nr, row in enumerate(rows, 1):
            if nr == 1:
                if tuple(row) != COLUMNS:
                    fail("%s:1: the columns are not %s" %
                         (path, ",".join(COLUMNS)))
                continue
            if len(row) != len(COLUMNS):
                fail("%s:%d: %d columns, not %d" %
                     (path, nr, len(row), len(COLUMNS)))
            try:
                number, value = int(row[0]), float(row[4])
            except ValueError:
                fail("%s:%d: a number is not one" % (path, nr))
            key = (number, row[1], row[2], row[3])
            if key in self.values:
                fail("%s:%d: the same figure for the second time" % (path, nr))
            self.values[key] = value

    def amount(self, arm, workload, metric):
        """Of each round that has it."""
        keys = [(r, arm, workload, metric) for r in self.rounds]
        return Spread([self.values[k] for k in keys if k in self.values])

    def ratio(self, over, under):
        """(arm, workload, metric) each, divided within each round."""
        found = []
        for r in self.rounds:
            top = self.values.get((r,) + over)
            bottom = self.values.get((r,) + under)
            if top is not None and bottom:
                found.append(top / bottom)
        return Spread(found)

    def bad(self):
        """How much came back wrong."""
        return sum(v for k, v in self.values.items() if k[3] == "bad")


class Spread:
    """A median, and from where to where."""

    def __init__(self, values):
        self.values = values
        self.median = statistics.median(values) if values else None

    def __bool__(self):
        return bool(self.values)

    def __str__(self):
        return self.text()

    def text(self, more=0):
        """With more digits than usual."""
        if not self.values:
            return "-"
        if len(self.values) == 1:
            return short(self.median, more)
        return "%s [%s, %s]" % (short(self.median, more),
                                short(min(self.values), more),
                                short(max(self.values), more))


def short(value, more=0):
    """Three digits that count, and none of a large number's end lost."""
    size = abs(value)
    if not value:
        return "0"
    return "%.*f" % (0 if size >= 100 else more + (1 if size >= 10 else 2),
                     value)


class Bar:
    """Something that has to be reached."""

    def __init__(self, name, figure, limit, at_most, beside=""):
        self.name = name
        self.figure = figure
        self.limit = limit
        self.at_most = at_most
        self.beside = beside

    def verdict(self):
        """In one word, or two."""
        if not self.figure:
            return "not measured"
        met = (self.figure.median <= self.limit if self.at_most else
               self.figure.median >= self.limit)
        return "met" if met else "not met"

    def row(self):
        """Name with the limit, figure, verdict."""
        name = "%s: at %s %s" % (self.name, "most" if self.at_most else "least",
                                 short(self.limit))
        # what misses a bar by little must not look as if it met it
        return [name, self.figure.text(1) + self.beside, self.verdict()]


def stores_seen(r):
    """In how many stores nobody slept."""
    count = r.amount("ramster", "store", "count")
    return " in %d stores" % count.median if count else ""


def bars(r):
    """All of them; what another arm has of the same is said beside."""
    floors = {arm: r.ratio((arm, "faults", "p50"), (arm, "ping", "p50"))
              for arm in ("nvme", "nbd", "ramster")}
    beside = " (NVMe/TCP %s, NBD %s)" % (floors["nvme"], floors["nbd"])
    return [
        Bar("remote fault p50 / ping-pong of the same bytes",
            floors["ramster"], 1.10, True, beside),
        Bar("remote fault p99 / NVMe/TCP's",
            r.ratio(("ramster", "faults", "p99"), (BASE, "faults", "p99")),
            0.8, True),
        Bar("sequential scan of remote pages, throughput / NVMe/TCP's",
            r.ratio(("ramster", "scan", "rate"), (BASE, "scan", "rate")),
            3, False),
        Bar("remotify, compressed bytes a second / TCP stream",
            r.ratio(("ramster", "remotify", "rate"),
                    ("ramster", "remotify", "stream")), 0.9, False),
        Bar("client's RAM for each remote page, bytes, by the driver's counters",
            r.amount("ramster", "held", "index"), 16, True),
        Bar("bytes sent for each page / its compressed size, in batches",
            r.ratio(("ramster", "remotify", "frames"),
                    ("ramster", "remotify", "compressed")), 1.03, True),
        Bar("sort at twice the RAM, time / NVMe/TCP's",
            r.ratio(("ramster", "sort", "secs"), (BASE, "sort", "secs")),
            0.6, True),
        Bar("sleeps of whoever stores a page, traced", r.amount("ramster", "store", "waits"),
            0, True, stores_seen(r)),
    ]


def ratio_rows(r, what, arms, base):
    """A row for each figure: of each arm, its ratio to that of base."""
    for workload, metric, name, better in what:
        cells = ["1" if arm == base and r.amount(arm, workload, metric) else
                 str(r.ratio((arm, workload, metric), (base, workload, metric)))
                 for arm in arms]
        if any(cell not in ("-", "1") for cell in cells):
            yield ["%s (%s is better)" % (name, better)] + cells


def amount_rows(r, arms):
    """The same of amounts, without a ratio."""
    for workload, metric, name in AMOUNTS:
        cells = [str(r.amount(arm, workload, metric)) for arm in arms]
        if any(cell != "-" for cell in cells):
            yield [name] + cells


def floor_rows(r, arms):
    """Of each arm with a network: faults by the ping-pong beside them."""
    for metric, name in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9")):
        yield ["random fault / ping-pong of the same bytes, " + name] + [
            str(r.ratio((arm, "faults", metric), (arm, "ping", metric)))
            for arm in arms]


def tables(r):
    """Title, heading and rows of each table."""
    yield ("Bars", ["bar", "figure", "met or not"], [b.row() for b in bars(r)])
    names = [NAMES[arm] for arm in r.arms]
    if BASE in r.arms:
        yield ("Ratios to NVMe/TCP in the same round", [""] + names,
               list(ratio_rows(r, SPEEDS, r.arms, BASE)))
    net = [arm for arm in r.arms if r.amount(arm, "ping", "p50")]
    if net:
        yield ("Ratios to TCP alone", [""] + [NAMES[arm] for arm in net],
               list(floor_rows(r, net)))
    yield ("Amounts", [""] + names, list(amount_rows(r, r.arms)))
    files = [arm for arm in r.arms if r.amount(arm, "file_seq", "rate")]
    if "disk" in files:
        kinds = dict(disk="cleancache off")
        yield ("Reading a file larger than the RAM, ratios to reading it without "
               "cleancache", [""] + [kinds.get(arm, NAMES[arm]) for arm in files],
               list(ratio_rows(r, FILES, files, "disk")))


def summary(r):
    """What was measured."""
    absent = [NAMES[arm] for arm in ARMS if arm not in r.arms]
    text = ("%d round%s; each cell is a median over the rounds, and in brackets the "
            "smallest and the largest." % (len(r.rounds),
                                           "" if len(r.rounds) == 1 else "s"))
    if len(r.rounds) < ROUNDS:
        text += ("  Fewer than %d rounds: these figures are not to be relied on, and "
                 "no bar is met or missed for good." % ROUNDS)
    if absent:
        text += "  Not measured: %s." % ", ".join(absent)
    bad = r.bad()
    return text + ("  All contents were right." if not bad else
                   "  WRONG CONTENTS: %d." % bad)


def as_text(r):
    """For a terminal."""
    out = [summary(r), ""]
    for title, head, rows in tables(r):
        if not rows:
            continue
        widths = [max(len(row[i]) for row in [head] + rows)
                  for i in range(len(head))]
        line = " | ".join("%%-%ds" % w for w in widths)
        out += [title, ""]
        out += [("  " + line % tuple(head)).rstrip(),
                "  " + "-+-".join("-" * w for w in widths)]
        out += [("  " + line % tuple(row)).rstrip() for row in rows]
        out.append("")
    return "\n".join(out)


def as_rst(r, command):
    """For the documents."""
    out = [".. SPDX-License-Identifier: GPL-2.0",
           ".. written by tools/bench/report.py", ""]
    if command:
        out += ["Made by ``%s``." % command, ""]
    out += [summary(r), ""]
    for title, head, rows in tables(r):
        if not rows:
            continue
        out += [".. list-table:: " + title, "   :header-rows: 1", ""]
        for row in [head] + rows:
            out += ["   %s - %s" % ("*" if i == 0 else " ", cell or "\\")
                    for i, cell in enumerate(row)]
        out.append("")
    return "\n".join(out)


PLOT = """
set style data histogram
set style histogram errorbars gap 2 lw 1
set style fill solid 0.85 border -1
set boxwidth 0.9
set logscale y
set grid ytics lc rgb "#cccccc"
set key outside below center horizontal
set ylabel "times as fast as NVMe/TCP"
set title "%s"
set xtics nomirror scale 0
set ytics nomirror
set border 3
set xrange [-0.6:*]
"""

COLOURS = dict(disk="#999999", zram="#e0c060", zswap="#c09030", zcache="#70a050",
               nbd="#c06060", nvme="#7070b0", ramster="#208030")

PLOTTED = (
    ("faults", "p50", "fault p50", LESS),
    ("faults", "p99", "fault p99", LESS),
    ("scan", "rate", "scan", MORE),
    ("strided", "rate", "strided", MORE),
    ("mix", "rate", "mix", MORE),
    ("sort", "secs", "sort", LESS),
    ("fill", "rate", "fill", MORE),
)


def speed(r, arm, workload, metric, better):
    """How many times as fast as the base."""
    mine, base = (arm, workload, metric), (BASE, workload, metric)
    return r.ratio(mine, base) if better == MORE else r.ratio(base, mine)


def plot_data(r):
    """A line for each workload: for each arm median, minimum and maximum."""
    for workload, metric, name, better in PLOTTED:
        cells = []
        for arm in r.arms:
            s = speed(r, arm, workload, metric, better)
            cells += ["%g %g %g" % (s.median, min(s.values), max(s.values))
                      if s else "? ? ?"]
        if any(cell != "? ? ?" for cell in cells):
            yield '"%s" %s' % (name, " ".join(cells))


def plot(r, base):
    """By gnuplot."""
    if BASE not in r.arms:
        fail("nothing to plot: all is relative to %s, which was not measured" %
             NAMES[BASE])
    script = PLOT % (
        "The same work on the same pages, medians of %d round%s, lines from least "
        "to most\\nNBD, NVMe/TCP and ramster keep pages on another machine" %
        (len(r.rounds), "" if len(r.rounds) == 1 else "s"))
    script += "$data << END\n%s\nEND\n" % "\n".join(plot_data(r))
    parts = []
    for i, arm in enumerate(r.arms):
        first = 2 + 3 * i
        parts.append('$data using %d:%d:%d%s title "%s" lc rgb "%s"' %
                     (first, first + 1, first + 2,
                      ":xtic(1)" if i == 0 else "", NAMES[arm], COLOURS[arm]))
    draw = "plot %s, 1 with lines lc rgb \"black\" notitle\n" % ", ".join(parts)
    for terminal, suffix in (("svg size 960,520 dynamic background rgb 'white'", "svg"),
                             ("pngcairo size 1440,780 fontscale 1.25", "png")):
        out = 'set terminal %s\nset output "%s.%s"\n' % (terminal, base, suffix)
        try:
            run = subprocess.run(["gnuplot", "-"], input=out + script + draw,
                                 text=True, capture_output=True, check=False)
        except OSError as why:
            fail("gnuplot: %s" % why.strerror)
        if run.returncode:
            fail("gnuplot: " + run.stderr.strip())


def main():
    """The report goes to standard output."""
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1]
                                     .split("\n\nTimes")[0])
    parser.add_argument("csv")
    parser.add_argument("--rst")
    parser.add_argument("--plot")
    parser.add_argument("--command", default="")
    args = parser.parse_args()
    r = Results(args.csv)
    print(as_text(r))
    if args.rst:
        with open(args.rst, "w", encoding="utf-8") as f:
            f.write(as_rst(r, args.command))
    if args.plot:
        plot(r, args.plot)
    sys.exit(1 if r.bad() else 0)


if __name__ == "__main__":
    main()
