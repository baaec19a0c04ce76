#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The tables of Documentation/checklist.rst against the tests.

usage: checklist.py lint
       checklist.py report DIR PART...

lint    the tables are complete, and every test that they name exists
report  a line for each row whose tests have run.  DIR holds a file for each
        part of tools/check.sh that ran, with its lines of PASS and FAIL.
        The parts named are those of which every test was run.

A row passes when all of its tests did.  A row that names none has failed, and
one of whose tests some run on request only is not shown, but while ROWS_MUST is
"named" that alone does not change the exit status.
"""
import os
import re
import sys
from glob import glob

# The one switch: "all" when no row may be without a test any more.
ROWS_MUST = os.environ.get("ROWS_MUST", "all")

MOST_DECLINED = 5
PARTS = ("kunit", "tools", "fuzz", "model", "cluster", "static")
SECTIONS = dict(A=12, B=16, C=8, D=24, E=19, F=15, G=14, H=12, I=12)
ITEMS = (("3.1", range(1, 13)), ("3.2", range(1, 16)), ("3.3", range(1, 17)),
         ("3.4", range(1, 7)), ("3.5", range(3, 11)))

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


class Table:
    """A table of Documentation/: its rows, and what they are called."""

    def __init__(self, name, word, ids, may_decline):
        self.name = name
        self.word = word
        self.ids = ids
        self.may_decline = may_decline
        self.errors = []
        self.rows = []
        path = os.path.join(TOP, "Documentation", name)
        with open(path, encoding="utf-8") as f:
            for nr, line in enumerate(f, 1):
                if not line.startswith("#"):
                    self.add(nr, line.rstrip("\n"))
        self.rows = self.rows[1:]       # the first is the heading

    def add(self, nr, line):
        fields = line.split(";")
        if len(fields) != 4:
            self.errors.append("%s:%d: %d fields, not 4" %
                               (self.name, nr, len(fields)))
            return
        self.rows.append(Row(nr, *fields))

    def declined(self):
        return [row for row in self.rows if row.declined()]

    def check_ids(self):
        found = [row.id for row in self.rows]
        if found != self.ids:
            missing = [i for i in self.ids if i not in found]
            extra = [i for i in found if i not in self.ids]
            self.errors.append("%s: missing: %s; not known: %s; or out of order"
                               % (self.name, " ".join(missing) or "none",
                                  " ".join(extra) or "none"))

    def check(self, exists):
        self.check_ids()
        for row in self.rows:
            at = "%s:%d: %s" % (self.name, row.nr, row.id)
            if not row.what:
                self.errors.append(at + " does not say what it is about")
            if row.declined() and not (self.may_decline and row.remark):
                self.errors.append(at + " is declined without a reason")
            if "declined" in row.tests and len(row.tests) > 1:
                self.errors.append(at + " is declined and has tests")
            for test in row.tests:
                if test != "declined" and not exists(test):
                    self.errors.append("%s: no test %s" % (at, test))
            if not row.tests and ROWS_MUST == "all":
                self.errors.append(at + " has no test")
        if len(self.declined()) > MOST_DECLINED:
            self.errors.append("%s: %d declined" %
                               (self.name, len(self.declined())))


    def check_comments(self, named):
        """Each fault that has a test is named above one."""
        for row in self.rows:
            if row.tests and row.id not in named:
                self.errors.append('%s:%d: no comment "Regression: %s"' %
                                   (self.name, row.nr, row.id))


class Row:
    def __init__(self, nr, ident, what, tests, remark):
        self.nr = nr
        self.id = ident
        self.what = what
        self.tests = tests.split()
        self.remark = remark.strip()

    def declined(self):
        return self.tests == ["declined"]


def tables():
    ids = ["%s%02d" % (s, n + 1) for s in SECTIONS for n in range(SECTIONS[s])]
    items = ["%s.%d" % (s, n) for s, numbers in ITEMS for n in numbers]
    return (Table("checklist.csv", "row", ids, True),
            Table("regressions.csv", "fault", items, False))


# --- lint --------------------------------------------------------------------

def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def kunit_names(text):
    """SUITE.CASE of each test of a source file."""
    cases = {}
    for name, body in re.findall(
            r"struct kunit_case (\w+)\[\] = \{(.*?)\n\};", text, re.S):
        cases[name] = re.findall(r"KUNIT_CASE(?:_\w+)?\(\s*(\w+)", body)
    for body in re.findall(r"struct kunit_suite \w+ = \{(.*?)\n\};", text,
                           re.S):
        suite = re.search(r'\.name = "([^"]+)"', body)
        table = re.search(r"\.test_cases = (\w+)", body)
        if suite and table:
            for case in cases.get(table.group(1), []):
                yield suite.group(1) + "." + case


def known_tests():
    known = set()
    for path in glob(TOP + "/**/*.c", recursive=True):
        known.update("kunit:" + n for n in kunit_names(read(path)))
    for path in glob(TOP + "/patches/*/*.patch"):
        text = re.sub(r"^\+", "", read(path), flags=re.M)
        known.update("kunit:" + n for n in kunit_names(text))
    for path in glob(TOP + "/tools/testing/tests/*.sh"):
        known.update("cluster:" + n for n in
                     re.findall(r"^test_(\w+)\(\)", read(path), re.M))
    for part, body in re.findall(r"^part_(\w+)\(\) \{\n(.*?)^\}",
                                 read(TOP + "/tools/check.sh"), re.M | re.S):
        names = re.findall(r"^\s*check ([\w-]+) ", body, re.M)
        known.update("%s:%s" % (part, n) for n in names)
        if part == "fuzz":
            known.add(part)
    return known


def on_request():
    """Tests that are not run unless somebody names them."""
    names = []
    for path in glob(TOP + "/tools/testing/tests/*.sh"):
        for text in re.findall(r'^ON_REQUEST\+?="(.*)"', read(path), re.M):
            names += text.split()
    return set("cluster:" + n for n in names)


def named_faults():
    """Faults that a comment above a test says it is for."""
    faults = set()
    for pattern in ("/*_test.c", "/*/*_test.c", "/patches/*/*.patch",
                    "/tools/testing/tests/*", "/tools/testing/host/*",
                    "/tools/fuzz/*.c"):
        for path in glob(TOP + pattern):
            for text in re.findall(r"Regression:([\d.,\s*#+]*)", read(path)):
                faults.update(n.strip(".") for n in
                              re.findall(r"\d[\d.]*", text))
    return faults


def lint():
    known = known_tests()
    faults = named_faults()
    errors = []
    for table in tables():
        table.check(known.__contains__)
        if table.word == "fault":
            table.check_comments(faults)
        errors += table.errors
    for error in errors:
        print(error)
    return 1 if errors else 0


# --- report ------------------------------------------------------------------

class Verdicts:
    """What the parts said."""

    def __init__(self, directory, complete):
        self.complete = complete
        self.on_request = on_request()
        self.word = {}
        for part in PARTS:
            try:
                text = read(os.path.join(directory, part))
            except FileNotFoundError:
                continue
            for word, rest in re.findall(r"^(PASS|FAIL|SKIP) (.*)$", text,
                                         re.M):
                self.add(part, word, rest)

    def add(self, part, word, rest):
        name = re.sub(r" \(.*\)$", "", rest)
        if part == "kunit":
            name = ".".join(name.replace("kunit ", "", 1).split("/")[:2])
        # of a test with parameters, all; of a part, all
        for key in (part + ":" + name, part):
            if self.word.get(key, "PASS") == "PASS":
                self.word[key] = word

    def of(self, test):
        """PASS, FAIL, SKIP, None if it did not run, "unknown"."""
        if test in self.word:
            if ":" in test or self.word[test] != "PASS":
                return self.word[test]
            return "PASS" if test in self.complete else None
        if test in self.on_request:
            return None
        return "unknown" if test.split(":")[0] in self.complete else None


def judge(row, verdicts):
    """(word, why) of a row; word is None if not all of its tests have run."""
    if row.declined():
        return "DECLINED", row.remark
    if not row.tests:
        return "FAIL", "no test"
    said = [(test, verdicts.of(test)) for test in row.tests]
    bad = [(t, w) for t, w in said if w not in ("PASS", None)]
    if bad:
        return "FAIL", ", ".join("%s: %s" % (t, w.lower()) for t, w in bad)
    if any(w is None for t, w in said):
        return None, ""
    return "PASS", " ".join(row.tests)


def report(directory, complete):
    verdicts = Verdicts(directory, complete)
    whole = set(PARTS) <= set(complete)
    status = 0
    summary = []
    for table in tables():
        count = dict(PASS=0, FAIL=0, DECLINED=0, unnamed=0, unrun=0)
        for row in table.rows:
            word, why = judge(row, verdicts)
            unnamed = not row.tests
            if word is None or (not whole and (unnamed or row.declined())):
                count["unrun"] += 1
                if whole:
                    print("NOT RUN %s %s %s (%s)" % (table.word, row.id,
                                                     row.what,
                                                     " ".join(row.tests)))
                continue
            count["unnamed" if unnamed else word] += 1
            print("%s %s %s %s (%s)" % (word, table.word, row.id, row.what,
                                        why))
        if count["FAIL"]:
            status = 1
        if ROWS_MUST == "all" and (count["unnamed"] or count["unrun"]):
            status = 1
        if count["DECLINED"] > MOST_DECLINED:
            status = 1
        summary.append("%ss: %d passed, %d failed, %d without a test, "
                       "%d declined, %d not run" %
                       (table.word, count["PASS"], count["FAIL"],
                        count["unnamed"], count["DECLINED"], count["unrun"]))
    print("\n".join(summary))
    return status


def main(args):
    if args == ["lint"]:
        return lint()
    if len(args) >= 2 and args[0] == "report":
        return report(args[1], args[2:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
