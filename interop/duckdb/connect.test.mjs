// Feeds what "kustash connect" prints to DuckDB and compares every cell with what
// the emulator served. Each day of the table is kept in another format, some with
// other columns, and one day is read a second time beside its old file.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { DuckDBInstance } from "@duckdb/node-api";

import { cell, line } from "./sample.mjs";

const kustash = process.env.KUSTASH ?? join(import.meta.dirname, "../../bin/kustash");
const root = mkdtempSync(join(tmpdir(), "kustash-connect-[a]-'b'-"));
const perDay = 50;

const first = {
  TimeGenerated: "datetime", Id: "string", Flag: "bool", Small: "int", Large: "long", Ratio: "real", Price: "decimal",
  Note: "string", Took: "timespan", Key: "guid", Payload: "dynamic", Amount: "long", When: "datetime", TimeGenerated_100ns: "string",
};
const { Flag, ...kept } = first;
const later = { ...kept, Extra: "real", note: "string", Amount: "string" };

// The days: how each is kept, and the columns that the table had.
const days = [
  { format: 'format "parquet" {}', columns: first },
  { format: 'format "csv" {\n    compression = "gzip"\n  }', columns: first },
  { format: 'format "csv" {\n    header    = false\n    delimiter = ";"\n    null      = "NULL"\n    newline   = "escape"\n    formulas  = "neutralise"\n  }', columns: later },
  { format: 'format "jsonl" {}', columns: later },
  { format: 'format "jsonl" {\n    compression = "gzip"\n    dynamic     = "json"\n  }', columns: later },
  { format: 'format "parquet" {\n    datetime = "string"\n  }', columns: later },
  { format: 'format "parquet" {\n    datetime_columns = { TimeGenerated = "ns", When = "string" }\n  }', columns: later },
  { format: 'format "parquet" {}', columns: later },
];

// What the view has, in order: the column of the table, and the type in DuckDB.
const columns = [
  ["TimeGenerated", "TIMESTAMP", "datetime"], ["TimeGenerated_100ns", "INTEGER"], ["Id", "VARCHAR", "string"], ["Flag", "BOOLEAN", "bool"],
  ["Small", "INTEGER", "int"], ["Large", "BIGINT", "long"], ["Ratio", "DOUBLE", "real"], ["Price", "VARCHAR", "decimal"], ["Note", "VARCHAR", "string"],
  ["Took", "BIGINT", "timespan"], ["Key", "UUID", "guid"], ["Payload", "JSON", "dynamic"], ["Amount", "BIGINT", "long"], ["When", "TIMESTAMP", "datetime"],
  ["When_100ns", "INTEGER"], ["TimeGenerated_100ns_2", "VARCHAR", "string"], ['select "a".b 😀', "VARCHAR", "string"], ["Amount_string", "VARCHAR", "string"],
  ["Extra", "DOUBLE", "real"], ["note_2", "VARCHAR", "string"],
];

// edges are values at the ends of their types, by type and number of the row.
const edges = {
  datetime: ["0001-01-01T00:00:00.0000000Z", "9999-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.9999999Z", "2026-03-01T00:00:00.0000010Z"],
  timespan: ["-1", "-9223372036854775808", "9223372036854775807", "864000000000"],
  long: ["9223372036854775807", "-9223372036854775808", "0"],
  real: ["-Infinity", "5e-324", "1.7976931348623157e308", "-0.1"],
  string: ["=1+2", "'=1", "'plain", "\\", "\\\\n", "a\\nb\n\\\r", "@x", "-1", " leads and trails\t", "\r", "NULL", "null", "a,b;'c'\r\nd", "\\N \\n", "\u2028", "{}"],
  dynamic: ['"no JSON"', "[]", '{"big":[123456789012345678901234567890, 0.1000000000000000000001]}', '{"b":1,"a":"\\u0001"}'],
};

function value(name, type, day, n) {
  const at = n - 30;
  if (edges[type]?.[at] !== undefined && !["TimeGenerated", "Id"].includes(name)) return edges[type][at];
  return cell(name, type, day, n);
}

const rows = days.flatMap(({ columns }, day) => Array.from({ length: perDay }, (_, n) => ({
  day, cells: Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, { type, text: value(name, type, day, n) }])),
})));

const pipeline = (format) => `
variable "workspace_id" { type = string }
variable "endpoint" { type = string }
variable "authority" { type = string }
credential "client_secret" "reader" {}
workspace "w" {
  workspace_id = var.workspace_id
  endpoint     = var.endpoint
  authority    = var.authority
  auth         = credential.reader
}
sink "local" "archive" {
  path       = "archive"
  superseded = "keep"
  ${format}
}
query "drift" {
  for_each  = toset(["It's \\"😀\\"", "its 2"])
  workspace = workspace.w
  kql       = "Drift_CL | extend ['select \\"a\\".b 😀'] = Note"
  window {
    start = "2026-03-01"
    end   = "2026-03-09"
    slice = "1d"
  }
  sinks = [sink.archive]
}
query "none" {
  workspace = workspace.w
  kql       = "Drift_CL | where Id == 'nobody'"
  window {
    start = "2026-03-01"
    end   = "2026-03-09"
  }
  sinks = [sink.archive]
}
query "unread" {
  workspace = workspace.w
  kql       = "Drift_CL"
  window {
    start = "2026-03-20"
    end   = "2026-03-21"
  }
  sinks = [sink.archive]
}
`;

function call(...args) {
  const env = { ...process.env, KUSTASH_VAR_workspace_id: "00000000-0000-0000-0000-000000000001", KUSTASH_VAR_endpoint: "http://127.0.0.1:1", KUSTASH_VAR_authority: "http://127.0.0.1:1" };
  const r = spawnSync(kustash, args, { cwd: root, encoding: "utf8", env, maxBuffer: 1 << 28 });
  assert.equal(r.status, 0, `${args}: ${r.error ?? ""}${r.stdout}${r.stderr}`);
  return r.stdout;
}

const served = (day, ...args) => call("emulator", "-quiet", `-data=${join(root, `day-${day}`)}`, "--", kustash, `-chdir=${root}`, ...args);

let db;

before(async () => {
  days.forEach(({ format, columns }, day) => {
    const dir = join(root, `day-${day}`);
    mkdirSync(dir);
    writeFileSync(join(dir, "Drift_CL.json"), JSON.stringify({ columns: Object.entries(columns).map(([name, type]) => ({ name, type })) }));
    writeFileSync(join(dir, "Drift_CL.jsonl"), rows.filter((r) => r.day <= day).map((r) => line(r, columns) + "\n").join(""));
    writeFileSync(join(root, "main.kustash.hcl"), pipeline(format));
    served(day, "apply", "-auto-approve", `-to=2026-03-0${day + 2}`);
  });
  served(days.length - 1, "state", "taint", "query.drift@2026-03-08/2026-03-09");
  served(days.length - 1, "apply", "-auto-approve", "-to=2026-03-09");
  db = await (await DuckDBInstance.create(":memory:")).connect();
  await db.run(call("connect"));
});

after(() => {
  db?.closeSync();
  rmSync(root, { recursive: true, force: true });
});

async function ask(sql) {
  const reader = await db.runAndReadAll(sql);
  return { names: reader.columnNames(), types: reader.columnTypes().map((t) => t.alias ?? String(t)), rows: reader.getRowsJson() };
}

test("each query with known columns is a view", async () => {
  const got = await ask("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL");
  assert.deepEqual(got.rows.flat(), ["drift_It_s", "drift_its_2", "none"]);
  assert.match(call("connect"), /-- query.unread in sink.archive: nothing has been read yet/);
});

test("a view has all columns, in order, with their types", async () => {
  for (const name of ["drift_It_s", "drift_its_2"]) {
    const got = await ask(`SELECT column_name, column_type FROM (DESCRIBE ${name})`);
    assert.deepEqual(got.rows, columns.map(([name, type]) => [name, type]));
  }
});

test("every row is there once, with its values", async () => {
  const texts = columns.flatMap(([name, , type]) => {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    if (type === "datetime") return [`strftime(${quoted}, '%Y-%m-%dT%H:%M:%S.%f') || coalesce(CAST("${digitsOf(name)}" AS VARCHAR), '?') || 'Z' AS ${quoted}`];
    return type === undefined ? [] : [type === "real" ? quoted : `CAST(${quoted} AS VARCHAR) AS ${quoted}`];
  });
  for (const name of ["drift_It_s", "drift_its_2"]) {
    const got = await ask(`SELECT ${texts.join(", ")} FROM ${name}`);
    const found = got.rows.map((r) => Object.fromEntries(got.names.map((name, i) => [name, r[i] === null ? null : String(r[i])])));
    const byId = (a, b) => (a.Id < b.Id ? -1 : 1);
    assert.deepEqual(found.map(readable).sort(byId), rows.map(wanted).sort(byId));
  }
});

const digitsOf = (name) => `${name}_100ns`;

// readable makes one form of JSON out of several.
function readable(row) {
  return { ...row, Payload: row.Payload === null ? null : JSON.parse(row.Payload) };
}

// The names that other columns have already, ignoring case, or their digits.
const inFile = { note: "note_2", TimeGenerated_100ns: "TimeGenerated_100ns_2" };

// wanted is a row as the view should have it.
function wanted({ day, cells }) {
  const row = Object.fromEntries(columns.filter(([, , type]) => type).map(([name]) => [name, null]));
  for (const [name, { type, text }] of Object.entries(cells)) {
    const inView = inFile[name] ?? (name === "Amount" && type === "string" ? "Amount_string" : name);
    row[inView] = text === null || type !== "real" ? text : String(Number(text));
  }
  row['select "a".b 😀'] = row.Note;
  if (row.Payload !== null) row.Payload = JSON.parse(row.Payload);
  if (day === 6) row.TimeGenerated = row.TimeGenerated.slice(0, -2) + "?Z"; // DuckDB cuts nanoseconds
  return row;
}

test("files that others have taken over from do not count", async () => {
  const got = await ask(`SELECT count(*) FROM glob('${root.replaceAll("'", "''").replaceAll("[", "[[]")}/archive/**/date=2026-03-08/*.parquet')`);
  assert.equal(Number(got.rows[0][0]), 4, "two files of each of two queries");
  const counted = await ask(`SELECT count(*), count(DISTINCT Id) FROM drift_It_s WHERE TimeGenerated >= '2026-03-08'`);
  assert.deepEqual(counted.rows[0].map(Number), [perDay, perDay]);
});

test("the session's time zone is of no matter", async () => {
  await db.run("SET TimeZone = 'Asia/Tokyo'");
  const got = await ask("SELECT CAST(min(TimeGenerated) AS VARCHAR), count(DISTINCT CAST(TimeGenerated AS DATE)) FROM drift_It_s");
  await db.run("SET TimeZone = 'UTC'");
  assert.deepEqual(got.rows[0].map(String), ["2026-03-01 00:00:00.123456", String(days.length)]);
});

test("a query without a file is an empty view with its columns", async () => {
  const got = await ask(`SELECT column_name, column_type FROM (DESCRIBE none)`);
  const known = columns.filter(([name]) => !name.startsWith("select"));
  assert.deepEqual(got.rows, known.map(([name, type]) => [name, type]));
  assert.equal(Number((await ask("SELECT count(*) FROM none")).rows[0][0]), 0);
});

test("-target and -out choose and write", () => {
  const file = join(root, "views.sql");
  assert.match(call("connect", '-target=query.drift["its 2"]@2026-03-02/2026-03-04', `-out=${file}`), /Wrote 1 view over 2 files/);
  const text = readFileSync(file, "utf8");
  assert.match(text, /Done: 2026-03-02T00:00Z … 2026-03-04T00:00Z/);
  assert.doesNotMatch(text, /drift_It_s/);
});
