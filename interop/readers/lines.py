"""Prints what Python's own csv and json read in files of text, as hyparquet.mjs does.

usage: lines.py csv|json COLUMNS FILE ...
COLUMNS is a JSON list of those that hold JSON of their own.
"""

import csv
import gzip
import json
import struct
import sys


class Number(str):
    """A number by its digits: what Python makes of them is lost with large ones."""


def bits(number):
    return "NaN" if number != number else "0x" + struct.pack(">d", number).hex()


def text_of(value):
    """A value as text, with JSON in the line as JSON without white space."""
    if isinstance(value, float):
        return bits(value)
    return value if value is None or isinstance(value, str) else as_json(value)


def as_json(value):
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + as_json(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def read_csv(file):
    # A cell may be as long as it likes; the module's own limit is 131,072.
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(file, strict=True)
    names = next(rows)
    return {"columns": [[name, "str"] for name in names], "rows": list(rows)}


def read_json(file, exact):
    """Numbers become Python's, or in columns of exact their digits."""
    columns, rows = {}, []
    for line in file:
        row = json.loads(line)
        digits = json.loads(line, parse_int=Number, parse_float=Number)
        for name, value in row.items():
            columns.setdefault(name, set()).update([] if value is None else [type(value).__name__])
        assert list(row) == list(columns), "a line has other members"
        rows.append([text_of(digits[name] if name in exact else value) for name, value in row.items()])
    return {"columns": [[name, " ".join(sorted(types))] for name, types in columns.items()], "rows": rows}


def read(kind, path, exact):
    unzip = gzip.open if path.endswith(".gz") else open
    # newline: both modules find the ends of lines themselves, and U+2028 is none.
    with unzip(path, "rt", encoding="utf-8", newline="" if kind == "csv" else "\n") as file:
        return read_csv(file) if kind == "csv" else read_json(file, exact)


kind, exact, *paths = sys.argv[1:]
json.dump([read(kind, path, set(json.loads(exact))) for path in paths], sys.stdout)
