// Reads with DuckDB what kustash archives of a table that changes: columns are
// added, removed and given another type while the archive grows. "make interop"
// runs it with the program in KUSTASH; each state of the table is served by an
// emulator of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { DuckDBInstance } from "@duckdb/node-api";

import { cell, line } from "./sample.mjs";

const kustash = process.env.KUSTASH ?? join(import.meta.dirname, "../../bin/kustash");
const root = mkdtempSync(join(tmpdir(), "kustash-duckdb-"));
const perDay = 40;

// The table as it was: on the nth day it had the columns of the nth state.
const first = {
  TimeGenerated: "datetime", Id: "string", Flag: "bool", Small: "int", Large: "long", Ratio: "real", Price: "decimal",
  Note: "string", Took: "timespan", Key: "guid", Payload: "dynamic", Amount: "long",
};
const { Flag, ...kept } = first;
const states = [
  { columns: first, plan: [] },
  {
    columns: { ...first, Extra: "real", note: "string" },
    plan: ["+ Extra (real)", "+ note (string), in files as note_2"],
  },
  {
    columns: { ...kept, Extra: "real", note: "string" },
    plan: ["- Flag: the service does not return it any more; files before keep it"],
  },
  {
    columns: { ...kept, Extra: "real", note: "string", Amount: "string" },
    plan: ["~ Amount: long → string, in files as Amount_string"],
  },
  {
    columns: { ...kept, Extra: "real", note: "string", Amount: "string", Added: "int" },
    plan: ["+ Added (int)"],
  },
];

// What the columns are in files: the name of one whose own is taken, its type
// in DuckDB, and the type of the table's column that it comes from.
const files = {
  TimeGenerated: ["TIMESTAMP WITH TIME ZONE", "datetime"], TimeGenerated_100ns: ["INTEGER"], Id: ["VARCHAR", "string"],
  Flag: ["BOOLEAN", "bool"], Small: ["INTEGER", "int"], Large: ["BIGINT", "long"], Ratio: ["DOUBLE", "real"],
  Price: ["VARCHAR", "decimal"], Note: ["VARCHAR", "string"], Took: ["BIGINT", "timespan"], Key: ["VARCHAR", "guid"],
  Payload: ["VARCHAR", "dynamic"], Amount: ["BIGINT", "long"], Extra: ["DOUBLE", "real"], note_2: ["VARCHAR", "string"],
  Amount_string: ["VARCHAR", "string"], Added: ["INTEGER", "int"], date: ["DATE"],
};

// The rows of all days, each with the columns of its state.
const rows = states.flatMap(({ columns }, day) => Array.from({ length: perDay }, (_, n) => ({
  day, cells: Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, { type, text: cell(name, type, day, n) }])),
})));

// run calls the program in the pipeline's folder, under the emulator of a state.
function run(state, ...args) {
  const end = `-to=2026-03-0${state + 2}`;
  const r = spawnSync(kustash, ["emulator", "-quiet", `-data=${join(root, `state-${state}`)}`, "--", kustash, `-chdir=${root}`, ...args, end],
    { cwd: root, encoding: "utf8" });
  assert.equal(r.status, 0, `${args}: ${r.error ?? ""}${r.stdout}${r.stderr}`);
  return r.stdout;
}

let db;
const told = []; // lines about columns in the plan of each state

before(async () => {
  copyFileSync(join(import.meta.dirname, "main.kustash.hcl"), join(root, "main.kustash.hcl"));
  states.forEach(({ columns }, state) => {
    const dir = join(root, `state-${state}`);
    mkdirSync(dir);
    writeFileSync(join(dir, "Drift_CL.json"), JSON.stringify({ columns: Object.entries(columns).map(([name, type]) => ({ name, type })) }));
    writeFileSync(join(dir, "Drift_CL.jsonl"), rows.filter((r) => r.day <= state).map((r) => line(r, columns) + "\n").join(""));
    const about = (plan) => plan.split("\n").map((l) => l.trim()).filter((l) => /^[+~-] [A-Za-z]/.test(l));
    told.push(about(run(state, "plan")));
    run(state, "apply", "-auto-approve");
    assert.match(run(state, "plan"), /No changes\./);
  });
  db = await (await DuckDBInstance.create(":memory:")).connect();
});

after(() => {
  db?.closeSync();
  rmSync(root, { recursive: true, force: true });
});

const archive = `read_parquet('${join(root, "archive").replaceAll("\\", "/").replaceAll("'", "''")}/**/*.parquet', union_by_name = true, hive_partitioning = true)`;

async function ask(sql) {
  const reader = await db.runAndReadAll(sql);
  return { names: reader.columnNames(), types: reader.columnTypes().map(String), rows: reader.getRowsJson() };
}

test("each change shows in the plan before it is archived", () => {
  assert.deepEqual(told, states.map(({ plan }) => plan));
});

test("files of all states are one table", async () => {
  const got = await ask(`SELECT * FROM ${archive} LIMIT 0`);
  assert.deepEqual(Object.fromEntries(got.names.map((name, i) => [name, got.types[i]])),
    Object.fromEntries(Object.entries(files).map(([name, [type]]) => [name, type])));
});

test("a file has the columns of its time, in the service's order", async () => {
  const folder = (day) => archive.replace("/**/", `/drift/date=2026-03-0${day + 1}/`);
  for (const [day, { columns }] of states.entries()) {
    const want = Object.entries(columns).flatMap(([name, type]) => [inFile(name, type), ...(type === "datetime" ? [`${name}_100ns`] : [])]);
    assert.deepEqual((await ask(`SELECT * EXCLUDE (date) FROM ${folder(day)} LIMIT 0`)).names, want);
  }
});

// inFile names a column in files.
function inFile(name, type) {
  if (name === "note") return "note_2";
  return name === "Amount" && type === "string" ? "Amount_string" : name;
}

test("every row is there once, with its values", async () => {
  const expressions = Object.entries(files).flatMap(([name, [, type]]) => {
    if (type === undefined) return [];
    if (type === "datetime") return [`strftime(${name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f') || ${name}_100ns || 'Z' AS ${name}`];
    return [type === "real" ? `${name}` : `CAST(${name} AS VARCHAR) AS ${name}`];
  });
  const got = await ask(`SELECT ${expressions.join(", ")}, CAST(date AS VARCHAR) AS date FROM ${archive}`);
  const texts = got.rows.map((r) => Object.fromEntries(got.names.map((name, i) => [name, r[i] === null ? null : String(r[i])])));
  const want = rows.map(({ day, cells }) => {
    const row = Object.fromEntries(got.names.map((name) => [name, null]));
    row.date = `2026-03-0${day + 1}`;
    for (const [name, { type, text }] of Object.entries(cells)) row[inFile(name, type)] = type === "real" && text !== null ? String(Number(text)) : text;
    return row;
  });
  const byId = (a, b) => (a.Id < b.Id ? -1 : 1);
  assert.deepEqual(texts.sort(byId), want.sort(byId));
});

test("sums are those of the sample data", async () => {
  const sum = (name, type) => rows.reduce((total, { cells }) =>
    cells[name]?.type === type && cells[name].text !== null ? total + BigInt(cells[name].text) : total, 0n);
  const count = (name, type) => rows.filter(({ cells }) => cells[name]?.type === type && cells[name].text !== null).length;
  const got = await ask(`SELECT count(*), CAST(sum(Large) AS VARCHAR), CAST(sum(Took) AS VARCHAR), CAST(sum(Amount) AS VARCHAR),
    CAST(sum(Small) AS VARCHAR), count(Flag), count(Extra), count(Amount_string), count(Added) FROM ${archive}`);
  assert.deepEqual(got.rows[0].map(String), [rows.length, sum("Large", "long"), sum("Took", "timespan"), sum("Amount", "long"),
    sum("Small", "int"), count("Flag", "bool"), count("Extra", "real"), count("Amount", "string"), count("Added", "int")].map(String));
});

test("folders are partitions", async () => {
  const got = await ask(`SELECT CAST(date AS VARCHAR), count(*), min(day(TimeGenerated AT TIME ZONE 'UTC')), max(day(TimeGenerated AT TIME ZONE 'UTC'))
    FROM ${archive} WHERE date >= DATE '2026-03-02' GROUP BY ALL ORDER BY ALL`);
  assert.deepEqual(got.rows.map((r) => r.map(String)), states.slice(1).map((_, i) => [`2026-03-0${i + 2}`, String(perDay), String(i + 2), String(i + 2)]));
});
