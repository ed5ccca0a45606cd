// The tables that the readers are tried on: what the service sends for each
// cell, as exact text. Nothing here is computed by the program under test.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const zeros = "00000000-0000-0000-0000-000000000000";

// A cell of one megabyte, with all that text formats must escape.
const large = 'line "of" the, cell\r\n😀\u2028'.repeat(52_429).slice(0, 1 << 20);

// Texts that readers have taken for something else: null, numbers, ends of
// lines, comments, formulas.
const texts = ["plain", "", "Grüße, 世界", 'a "b" c', '"', '""', '"quoted"', "'single'", "one, two", ",", "line\nfeed", "\n",
  "carriage\rreturn", "\r", "both\r\nends\r\n", "emoji 😀👩‍👩‍👧", "sep\u2028ara\u2029tor\u0085", " spaces ", "\ttab\t", " ", "NULL", "null", "\\N", "nan",
  "true", "00123", "1e10", "-0", "2026-03-01", "2026-03-01T00:00:00Z", '{"a":1}', "[1", "back\\slash\\", "\\", "\\n", "a;b|c", "# no comment",
  "=1+1", "\ufeffmark", "\u0001\u001f\u007f", "e\u0301", "\u{10ffff}"];

// Instants that nanoseconds can hold, the first and the last included.
const instants = ["2026-03-01T12:34:56.1234567Z", "1677-09-21T00:12:43.145226Z", "1969-12-31T23:59:59.9999999Z", null,
  "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.0000001Z", "2262-04-11T23:47:16.8547749Z", "2000-02-29T23:59:59.1Z", "1969-12-31T23:59:59.9999995Z"];

// All timespans with what they are in ticks of 100 ns.
const spans = {
  "00:00:00": "0", "00:00:00.0000001": "1", "-00:00:00.0000001": "-1", "1.02:03:04.5678900": "937845678900", "-00:00:10": "-100000000",
  "23:59:59.9999999": "863999999999", "-1.00:00:00": "-864000000000",
  "10675199.02:48:05.4775807": "9223372036854775807", "-10675199.02:48:05.4775808": "-9223372036854775808",
};

const cells = {
  bool: ["true", "false", null],
  int: ["0", "2147483647", "-2147483648", null, "-1", "7"],
  long: ["9223372036854775807", "-9223372036854775808", null, "9007199254740993", "-9007199254740993", "0", "1"],
  real: ["0.1", "NaN", "Infinity", "-Infinity", "-0.0", "0", null, "5e-324", "-5e-324", "1.7976931348623157e308", "-1.7976931348623157e308",
    "2.2250738585072014e-308", "9007199254740992", "1e21", "1e-7", "-123456.789", "0.30000000000000004"],
  decimal: ["1.25", "1234567890123456789012345678901234", "-0.0000000000000000000000000000000001", null, "12345678901234567.89012345678901234",
    "-9999999999999999999999999999999999", "0.10", "0"],
  string: texts,
  datetime: instants,
  // as far as the service goes
  edge: ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", null, "1677-09-21T00:12:43.1452241Z", "0001-01-01T00:00:00.0000001Z",
    "2262-04-11T23:47:16.8547758Z", "1582-10-10T06:00:00.5Z", "1900-02-28T23:59:59.9999999Z"],
  timespan: [...Object.keys(spans), null],
  guid: ["74be27de-1e4e-49d9-b579-fe0b331d3642", null, zeros, "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  dynamic: ['{"a":123}', '{"b": [1, "x", null],  "a": {"\u00fc":"\\u00fc"}}', "[]", "{}", null, "[1,2.50,-0.0,1e300]", "boundedElastic-1", "123", "true",
    "12345678901234567890.123456789", '{"big":9007199254740993}', "{not json", 'text, "with"\nlines', '{"sep":"\u2028","😀":"\\ud83d\\ude00"}', '{"a,b":"c \\"d\\""}', "null"],
};

// Columns of the first table: name, type, values if they are not the type's,
// and the name in files where that is another.
const columns = [
  { name: "TimeGenerated", type: "datetime" },
  { name: "RowId", type: "string" },
  { name: "Flag", type: "bool" },
  { name: "Small", type: "int" },
  { name: "Large", type: "long" },
  { name: "Ratio", type: "real" },
  { name: "Price", type: "decimal" },
  { name: "Note", type: "string" },
  { name: "At", type: "datetime" },
  { name: "Edge", type: "datetime", values: cells.edge },
  { name: "Took", type: "timespan" },
  { name: "Key", type: "guid" },
  { name: "Payload", type: "dynamic" },
  // names that are hard
  { name: "note", type: "long", file: "note_2" },
  { name: "NOTE", type: "string", file: "NOTE_3" },
  { name: "at_100NS", type: "int", file: "at_100NS_2" },
  { name: "with.dot", type: "real" },
  { name: "with space", type: "timespan" },
  { name: 'quo"ted', type: "string" },
  { name: "it's", type: "dynamic" },
  { name: "comma,name", type: "datetime" },
  { name: "emoji 😀", type: "long" },
  { name: "Größe", type: "decimal" },
  { name: " lead", type: "bool" },
  { name: "select", type: "guid" },
  { name: "_ResourceId", type: "string" },
  // never a value
  ...["bool", "int", "long", "real", "decimal", "datetime", "timespan", "guid", "dynamic"].map((type) => ({ name: `No_${type}`, type, values: [null] })),
  { name: "No_string", type: "string", values: [""] }, // the service has no null of this type
];

const types = Object.keys(cells).filter((type) => type !== "edge");
const wide = [...columns.slice(0, 2), ...Array.from({ length: 498 }, (_, i) => ({ name: `C${i}_${types[i % types.length]}`, type: types[i % types.length] }))];

// fill gives a table its rows. Lists have different lengths, so that values
// meet in many combinations.
function fill(columns, count) {
  const pick = (values, n, i) => values[(n + (i > 13 ? i : 0)) % values.length];
  return Array.from({ length: count }, (_, n) => columns.map((c, i) => {
    if (c.name === "RowId") return String(n);
    if (c.name === "TimeGenerated") return `2026-03-01T${String(n % 24).padStart(2, "0")}:00:00.${String(1_000_001 + n).padStart(7, "0")}`.replace(/\.?0+$/, "") + "Z";
    return c.name === "Note" && n === 300 ? large : pick(c.values ?? cells[c.type], n, i);
  }));
}

export const tables = {
  types: { table: "Types_CL", columns, rows: fill(columns, 600) },
  wide: { table: "Wide_CL", columns: wide, rows: fill(wide, 60) },
};

// write makes the folder that the emulator serves.
export function write(dir) {
  for (const { table, columns, rows } of Object.values(tables)) {
    writeFileSync(join(dir, `${table}.json`), JSON.stringify({ columns: columns.map(({ name, type }) => ({ name, type })) }));
    writeFileSync(join(dir, `${table}.jsonl`), rows.map((row) => JSON.stringify(Object.fromEntries(
      row.flatMap((text, i) => (text === null ? [] : [[columns[i].name, text]])))) + "\n").join(""));
  }
}

// hex is what a double is compared by: NaN is one value, -0 is not 0.
export function hex(number) {
  if (Number.isNaN(number)) return "NaN";
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  return `0x${view.getBigUint64(0).toString(16).padStart(16, "0")}`;
}

// ticks returns the 100 ns since 1970 of an instant.
function ticks(text) {
  const [, seconds, fraction = ""] = /^(.{19})\.?(\d*)Z$/.exec(text);
  return BigInt(Date.parse(`${seconds}Z`)) * 10_000n + BigInt(fraction.padEnd(7, "0"));
}

const floor = (a, b) => (a - (((a % b) + b) % b)) / b;

// What a cell must be in a file, by kind of column.
const forms = {
  same: (text) => text,
  real: (text) => hex(Number(text)),
  ticks: (text) => spans[text],
  micros: (text) => String(floor(ticks(text), 10n)),
  digits: (text) => String(ticks(text) - floor(ticks(text), 10n) * 10n),
  nanos: (text) => String(ticks(text) * 100n),
};

const kinds = { bool: "bool", int: "int", long: "long", real: "real", timespan: "ticks" };

// parquet returns what a Parquet file must hold: columns with name and kind,
// and rows of texts. datetime is the sink's setting.
export function parquet({ columns, rows }, datetime) {
  const out = columns.flatMap(({ name, type, file = name }, at) => {
    if (type !== "datetime" || datetime === "string") return [{ name: file, kind: kinds[type] ?? "text", at }];
    if (datetime === "ns" && name !== "Edge") return [{ name: file, kind: "nanos", at }];
    return [{ name: file, kind: "micros", at }, { name: `${file}_100ns`, kind: "digits", at }];
  });
  return { columns: out, rows: rows.map((row) => out.map(({ kind, at }) => (row[at] === null ? null : (forms[kind] ?? forms.same)(row[at])))) };
}

// What is left of dynamic texts that are part of the line, as JSON: white space
// is gone, escapes are read, and a null cannot be told from no value.
const inLine = {
  '{"b": [1, "x", null],  "a": {"\u00fc":"\\u00fc"}}': '{"b":[1,"x",null],"a":{"\u00fc":"\u00fc"}}',
  '{"sep":"\u2028","😀":"\\ud83d\\ude00"}': '{"sep":"\u2028","😀":"😀"}',
  null: null,
};

// lines returns what a file of text must hold: doubles by their bits, dynamic
// texts perhaps as JSON, all else as it was sent.
export function lines({ columns, rows }, dynamic = "text") {
  const out = columns.map(({ name, type, file = name }, at) => ({ name: file, kind: type, at }));
  const form = (text, kind) => {
    if (kind === "real" && text !== null) return forms.real(text);
    return kind === "dynamic" && dynamic === "json" && text in inLine ? inLine[text] : text;
  };
  return { columns: out, rows: rows.map((row) => row.map((text, i) => form(text, out[i].kind))) };
}
