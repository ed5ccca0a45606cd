// Prints what parquet-wasm, which is Rust's Arrow, reads in Parquet files, as
// hyparquet.mjs does.
import "./marks.mjs";

import { readFileSync } from "node:fs";

import { tableFromIPC, Type } from "apache-arrow";
import { readParquet } from "parquet-wasm";

import { hex } from "./cells.mjs";

// cells returns a column's cells as text. Timestamps are taken from memory: the
// library's own way to them is a double.
function cells(column) {
  const { typeId } = column.type;
  if (typeId === Type.Timestamp) {
    return column.data.flatMap((d) => Array.from({ length: d.length }, (_, i) => (d.getValid(i) ? String(d.values[i]) : null)));
  }
  return [...column].map((value) => (value === null ? null : typeId === Type.Float ? hex(value) : String(value)));
}

// typeOf writes a field's type and metadata.
function typeOf({ type, nullable, metadata }) {
  return [type, ...(nullable ? [] : ["required"]), ...[...metadata].map((pair) => pair.join("=")).sort()].join(" ");
}

function read(name) {
  const table = tableFromIPC(readParquet(new Uint8Array(readFileSync(name))).intoIPCStream());
  const { fields } = table.schema;
  const texts = fields.map((_, at) => cells(table.getChildAt(at)));
  return {
    columns: fields.map((field) => [field.name, typeOf(field)]),
    rows: Array.from({ length: table.numRows }, (_, row) => texts.map((column) => column[row])),
  };
}

process.stdout.write(JSON.stringify(process.argv.slice(2).map(read)));
