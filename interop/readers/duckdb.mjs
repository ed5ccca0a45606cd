// DuckDB, which interop/duckdb installs: the same version, and 70 MB once.
import "./marks.mjs";

import { createRequire } from "node:module";

import { hex } from "./cells.mjs";

const { DuckDBInstance, DuckDBTimestampTZValue } = createRequire(new URL("../duckdb/package.json", import.meta.url))("@duckdb/node-api");

// open returns a function that asks a database of its own and gets columns, a
// name and a type each, and rows of exact text, doubles by their bits.
export async function open() {
  const db = await (await DuckDBInstance.create(":memory:")).connect();
  const text = (value, type) => {
    if (value === null) return null;
    if (value instanceof DuckDBTimestampTZValue) return String(value.micros);
    return type === "DOUBLE" ? hex(value) : String(value);
  };
  const ask = async (sql) => {
    const reader = await db.runAndReadAll(sql);
    const types = reader.columnTypes().map(String);
    return {
      columns: reader.columnNames().map((name, i) => [name, types[i]]),
      rows: reader.getRows().map((row) => row.map((value, i) => text(value, types[i]))),
    };
  };
  return { ask, close: () => db.closeSync() };
}

// quote writes a text of SQL.
export const quote = (text) => `'${text.replaceAll("'", "''")}'`;
