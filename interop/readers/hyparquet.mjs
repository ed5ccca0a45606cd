// Prints what hyparquet reads in Parquet files, an object each: types as the
// footer has them, cells as exact text. It is a process of its own because a bad
// file can abort the reader.
import "./marks.mjs";

import { readFileSync } from "node:fs";

import { parquetMetadata, parquetRead } from "hyparquet";
import { compressors } from "hyparquet-compressors";

import { hex } from "./cells.mjs";

const same = (value) => value;
const parsers = { timestampFromMicroseconds: same, timestampFromNanoseconds: same };
const text = (value, type) => (value === null || value === undefined ? null : type === "DOUBLE" ? hex(value) : String(value));

// typeOf writes a column's physical, converted and logical type.
function typeOf({ type, repetition_type, converted_type, logical_type: l }) {
  const logical = l && (l.type === "TIMESTAMP" ? `TIMESTAMP(${l.unit},${l.isAdjustedToUTC ? "UTC" : "local"})` : l.type);
  return [type, repetition_type, converted_type, logical].filter((part) => part !== undefined).join(" ");
}

// boundsOf returns by what readers pass over row groups.
function boundsOf({ meta_data: { statistics: s, type } }) {
  return { low: text(s.min_value, type), high: text(s.max_value, type), nulls: String(s.null_count), distinct: s.distinct_count?.toString() };
}

async function read(name) {
  const { buffer, byteOffset, byteLength } = readFileSync(name);
  const file = buffer.slice(byteOffset, byteOffset + byteLength);
  const metadata = parquetMetadata(file, { parsers });
  const [root, ...columns] = metadata.schema;
  const rows = await new Promise((resolve, reject) => parquetRead({ file, metadata, compressors, parsers, onComplete: resolve }).catch(reject));
  return {
    root: root.repetition_type,
    columns: columns.map((e) => [e.name, typeOf(e)]),
    bounds: metadata.row_groups.map((group) => group.columns.map(boundsOf)),
    rows: rows.map((row) => columns.map(({ type }, i) => text(row[i], type))),
  };
}

process.stdout.write(JSON.stringify(await Promise.all(process.argv.slice(2).map(read))));
