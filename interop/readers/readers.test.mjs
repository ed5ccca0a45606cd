// Has the files of an archive read by programs that are not ours, and compares
// every cell and every type with what the service sent. "make interop-readers"
// runs it with the program in KUSTASH.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { hex, lines, parquet, tables, write } from "./cells.mjs";
import { open, quote } from "./duckdb.mjs";

const kustash = process.env.KUSTASH ?? join(import.meta.dirname, "../../bin/kustash");
const root = mkdtempSync(join(tmpdir(), "kustash-readers-"));
let duckdb;

before(async () => {
  copyFileSync(join(import.meta.dirname, "main.kustash.hcl"), join(root, "main.kustash.hcl"));
  mkdirSync(join(root, "data"));
  write(join(root, "data"));
  const r = spawnSync(kustash, ["emulator", "-quiet", "-keep-order", `-data=${join(root, "data")}`, "--", kustash, `-chdir=${root}`, "apply", "-auto-approve"],
    { cwd: root, encoding: "utf8" });
  assert.equal(r.status, 0, `${r.error ?? ""}${r.stdout}${r.stderr}`);
  duckdb = await open();
});

after(() => {
  duckdb?.close();
  rmSync(root, { recursive: true, force: true });
});

// file returns the one file that a sink has of a table.
function file(sink, table) {
  const dir = join(root, sink, table);
  const names = readdirSync(dir).filter((name) => !name.startsWith("_"));
  assert.equal(names.length, 1, `files in ${dir}: ${names}`);
  return join(dir, names[0]);
}

const answers = new Map();

// run returns what a reader, a program and its arguments, prints about a sink's
// file of a table. It reads all tables at once, for processes cost most.
function run(sink, table, ...reader) {
  const key = [sink, ...reader].join(" ");
  if (!answers.has(key)) {
    const [command, ...args] = reader;
    const r = spawnSync(command, [...args, ...Object.keys(tables).map((each) => file(sink, each))],
      { cwd: import.meta.dirname, encoding: "utf8", maxBuffer: 1 << 28 });
    assert.equal(r.status, 0, `${command} ${args}: ${r.error ?? ""}${r.stderr}`);
    answers.set(key, JSON.parse(r.stdout));
  }
  return answers.get(key)[Object.keys(tables).indexOf(table)];
}

const short = (text) => (text === null ? "null" : JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text));

// same compares names, types and all cells. type gives the type that a column
// must have; shown, what the reader makes of a cell.
function same(got, want, type, shown = (text) => text) {
  assert.deepEqual(got.columns, want.columns.map((c) => [c.name, type(c)]));
  const id = want.columns.findIndex(({ name }) => name === "RowId");
  const rows = got.rows.toSorted((a, b) => a[id] - b[id]);
  assert.equal(rows.length, want.rows.length, "rows");
  const wrong = [];
  want.rows.forEach((row, n) => row.forEach((text, i) => {
    const cell = shown(text, want.columns[i]);
    if (rows[n][i] !== cell) wrong.push(`row ${n}, ${want.columns[i].name}: got ${short(rows[n][i])}, want ${short(cell)}`);
  }));
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} cells are wrong`);
}

const forms = { zstd: "micros", snappy: "micros", gzip: "micros", none: "micros", ns: "ns", string: "string" };

// each makes a test of every form of Parquet and of every table.
function each(reader, check) {
  for (const [form, datetime] of Object.entries(forms)) {
    for (const [table, cells] of Object.entries(tables)) {
      test(`${reader}, Parquet, ${form}, ${table}`, () => check(`parquet-${form}`, table, parquet(cells, datetime)));
    }
  }
}

test("parquet-go, Parquet, all", () => {
  const dir = join(root, "want");
  mkdirSync(dir);
  for (const [form, datetime] of Object.entries(forms)) {
    for (const [table, cells] of Object.entries(tables)) {
      writeFileSync(join(dir, `${form}-${table}.json`), JSON.stringify({ file: file(`parquet-${form}`, table), ...parquet(cells, datetime) }));
    }
  }
  const r = spawnSync(process.env.GO ?? "go", ["test", "-count=1", "-run", "^TestForeignArchive$", "-v", "./sinks/parquet"],
    { cwd: join(import.meta.dirname, "../.."), encoding: "utf8", env: { ...process.env, KUSTASH_READERS: dir } });
  assert.equal(r.status, 0, `${r.error ?? ""}${r.stdout}${r.stderr}`);
  assert.equal(r.stdout.match(/^ +--- PASS/gm)?.length, Object.keys(forms).length * Object.keys(tables).length, r.stdout);
});

const physical = {
  bool: "BOOLEAN OPTIONAL", int: "INT32 OPTIONAL", long: "INT64 OPTIONAL", real: "DOUBLE OPTIONAL", ticks: "INT64 OPTIONAL",
  text: "BYTE_ARRAY OPTIONAL UTF8 STRING", micros: "INT64 OPTIONAL TIMESTAMP_MICROS TIMESTAMP(MICROS,UTC)", digits: "INT32 OPTIONAL",
  nanos: "INT64 OPTIONAL TIMESTAMP(NANOS,UTC)",
};

each("hyparquet", (sink, table, want) => {
  const got = run(sink, table, process.execPath, "hyparquet.mjs");
  assert.equal(got.root, "REQUIRED");
  same(got, want, ({ kind }) => physical[kind]);
  assert.deepEqual(got.bounds, [want.columns.map((c, i) => boundsOf(want.rows.map((row) => row[i]), c.kind))]);
});

// boundsOf returns what the footer must say of a column, by which readers pass
// over row groups: NaN is no bound, texts are in the order of their bytes.
function boundsOf(cells, kind) {
  const order = {
    bool: (a, b) => (a < b ? -1 : 1),
    text: (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
    real: (a, b) => number(a) - number(b),
  }[kind] ?? ((a, b) => Number(BigInt(a) - BigInt(b)));
  const present = cells.filter((text) => text !== null);
  const sorted = present.filter((text) => kind !== "real" || text !== "NaN").sort(order);
  return { low: sorted[0] ?? null, high: sorted.at(-1) ?? null, nulls: String(cells.length - present.length) };
}

const number = (bits) => new DataView(BigUint64Array.of(BigInt(bits)).buffer).getFloat64(0, true);

const arrow = {
  bool: "Bool", int: "Int32", long: "Int64", real: "Float64", ticks: "Int64", text: "Utf8",
  micros: "Timestamp<MICROSECOND, UTC>", digits: "Int32", nanos: "Timestamp<NANOSECOND, UTC>",
};
const units = { ticks: "100ns", digits: "100ns of the microsecond before" };

each("Arrow", (sink, table, want) => {
  same(run(sink, table, process.execPath, "arrow.mjs"), want, ({ kind, at }) => {
    const { name, file, type } = tables[table].columns[at];
    const renamed = file === undefined ? "" : `kql.name=${name} `;
    const of = kind === "digits" ? ` kustash.digits_of=${file ?? name}` : "";
    return `${arrow[kind]} ${renamed}kql.type=${type}${of}${units[kind] ? ` kustash.unit=${units[kind]}` : ""}`;
  });
});

const sql = {
  bool: "BOOLEAN", int: "INTEGER", long: "BIGINT", real: "DOUBLE", ticks: "BIGINT", text: "VARCHAR",
  micros: "TIMESTAMP WITH TIME ZONE", digits: "INTEGER", nanos: "TIMESTAMP WITH TIME ZONE",
};

// DuckDB has no nanoseconds with a time zone: it cuts them off, toward 1970.
const cut = (text, { kind }) => (kind === "nanos" && text !== null ? String(BigInt(text) / 1000n) : text);

each("DuckDB", async (sink, table, want) =>
  same(await duckdb.ask(`FROM read_parquet(${quote(file(sink, table))})`), want, ({ kind }) => sql[kind], cut));

// What DuckDB is told to make of JSON.
const fromJSON = { bool: "BOOLEAN", int: "INTEGER", long: "BIGINT", real: "DOUBLE" };

// asJSON returns what DuckDB has of a dynamic value that is part of the line:
// its numbers pass through doubles.
function asJSON(text, { kind }) {
  if (kind !== "dynamic" || text === null) return text;
  if (!/^([\[{]["\]}0-9]|true$|[0-9])/.test(text)) return JSON.stringify(text);
  return text.replace("2.50", "2.5").replace("12345678901234567890.123456789", "12345678901234567000.0");
}

// What Python makes of JSON: a double without a fraction is an int.
const pythonProgram = process.env.PYTHON ?? "python3";
const noPython = spawnSync(pythonProgram, ["--version"]).status !== 0 && `there is no ${pythonProgram}`;
const dynamics = Object.values(tables).flatMap(({ columns }) => columns).filter(({ type }) => type === "dynamic").map(({ name }) => name);
const python = { bool: "bool", int: "int", long: "int", real: "float int str" };

for (const [table, cells] of Object.entries(tables)) {
  for (const compression of ["none", "gzip"]) {
    test(`DuckDB, CSV, ${compression}, ${table}`, async () => {
      const got = await duckdb.ask(`FROM read_csv(${quote(file(`csv-${compression}`, table))}, all_varchar = true, allow_quoted_nulls = false)`);
      same(real(got, cells), trimmed(lines(cells)), () => "VARCHAR");
    });

    test(`Python, CSV, ${compression}, ${table}`, { skip: noPython }, () => {
      const got = run(`csv-${compression}`, table, pythonProgram, "lines.py", "csv", "[]");
      same(real(got, cells), lines(cells), () => "str", (text) => text ?? ""); // it cannot tell null from empty
    });

    for (const dynamic of ["text", "json"]) {
      const sink = `jsonl${dynamic === "json" ? "-json" : ""}-${compression}`;
      const want = lines(cells, dynamic);

      test(`DuckDB, JSON lines, ${compression}, dynamic = ${dynamic}, ${table}`, async () => {
        const columns = want.columns.map((c) => `${quote(c.name)}: ${quote(c.kind === "dynamic" && dynamic === "json" ? "JSON" : fromJSON[c.kind] ?? "VARCHAR")}`);
        const got = await duckdb.ask(`FROM read_json(${quote(file(sink, table))}, format = 'newline_delimited', columns = {${columns.join(", ")}})`);
        same(got, want, ({ kind }) => fromJSON[kind] ?? "VARCHAR", dynamic === "json" ? asJSON : undefined);
      });

      test(`Python, JSON lines, ${compression}, dynamic = ${dynamic}, ${table}`, { skip: noPython }, () => {
        const got = run(sink, table, pythonProgram, "lines.py", "json", JSON.stringify(dynamic === "json" ? dynamics : []));
        const given = new Set(want.columns.filter((_, i) => want.rows.some((row) => row[i] !== null)));
        same(real(got, cells), want, (c) => (given.has(c) ? dynamic === "json" && c.kind === "dynamic" ? "bool dict float int list str" : python[c.kind] ?? "str" : ""));
      });
    }
  }
}

// real makes doubles of the columns that hold them: readers of text give text,
// or a whole number where there is no fraction.
function real(got, { columns }) {
  const double = (text, i) => (columns[i].type === "real" && text && !text.startsWith("0x") ? hex(Number(text)) : text);
  return { columns: got.columns, rows: got.rows.map((row) => row.map(double)) };
}

// trimmed has names as DuckDB gives those of CSV: without spaces around them.
const trimmed = (want) => ({ ...want, columns: want.columns.map((c) => ({ ...c, name: c.name.trim() })) });

const guessed = async (sink, read) => (await duckdb.ask(`SELECT Flag, Small, Large, Ratio, Price, Note, "At", Took, "Key", Payload, No_int
  FROM ${read}(${quote(file(sink, "types"))})`)).columns.map(([, type]) => type).join(" ");

// docs/readers.md says so.
test("DuckDB, types that it finds in text by itself", async () => {
  assert.equal(await guessed("csv-none", "read_csv"),
    "BOOLEAN BIGINT BIGINT DOUBLE DOUBLE VARCHAR TIMESTAMP WITH TIME ZONE VARCHAR VARCHAR VARCHAR VARCHAR");
  assert.equal(await guessed("jsonl-none", "read_json"),
    "BOOLEAN HUGEINT HUGEINT VARCHAR VARCHAR VARCHAR VARCHAR VARCHAR UUID VARCHAR VARCHAR");
});

test("DuckDB, a column of CSV that begins with Infinity is no DOUBLE to it", async () => {
  const { columns, rows } = tables.wide;
  const { name } = columns.find(({ type }, i) => type === "real" && rows[0][i] === "Infinity");
  const got = await duckdb.ask(`SELECT ${name} FROM read_csv(${quote(file("csv-none", "wide"))})`);
  assert.deepEqual(got.columns, [[name, "VARCHAR"]]);
});

test("DuckDB, exact instants of the usual form", async () => {
  const got = await duckdb.ask(`SELECT RowId, strftime(Edge AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f') || Edge_100ns || 'Z'
    FROM read_parquet(${quote(file("parquet-zstd", "types"))}) ORDER BY CAST(RowId AS INTEGER)`);
  const { columns, rows } = tables.types;
  const edge = columns.findIndex(({ name }) => name === "Edge");
  const digits = (text) => text && `${text.slice(0, 19)}.${text.slice(20, -1).padEnd(7, "0")}Z`;
  assert.deepEqual(got.rows, rows.map((row, n) => [String(n), digits(row[edge])]));
});

test("DuckDB, an empty text of CSV is null unless told otherwise", async () => {
  const empty = async (options) => (await duckdb.ask(`SELECT count(No_string) FROM read_csv(${quote(file("csv-none", "types"))}${options})`)).rows[0][0];
  assert.deepEqual([await empty(""), await empty(", allow_quoted_nulls = false")], ["0", String(tables.types.rows.length)]);
});
