// The cells of the tables that the tests serve, and the lines that an emulator
// reads them from.

// cell returns a value as the service would hold it: text, so that no digit is
// lost on the way.
export function cell(name, type, day, n) {
  if (n % 11 === 5 && name !== "TimeGenerated" && name !== "Id" && type !== "string") return null;
  switch (type) {
    case "datetime": return `2026-03-0${day + 1}T${String(n % 24).padStart(2, "0")}:00:00.${String(1234567 + n).padStart(7, "0")}Z`;
    case "bool": return String(n % 2 === 0);
    case "int": return String((n % 3 - 1) * 2147483647);
    case "long": return n === 1 ? "-9223372036854775808" : String(9007199254740993n + BigInt(n));
    case "real": return ["0.1", "-1.5e300", "NaN", "Infinity"][n % 4];
    case "decimal": return `${n}.00000000000000000000000000001`;
    case "timespan": return String(n * 36_000_000_001);
    case "guid": return `74be27de-1e4e-49d9-b579-fe0b331d${String(n).padStart(4, "0")}`;
    case "dynamic": return `{"day":${day},"list":[${n},"\\u00fc",null]}`;
  }
  return name === "Id" ? `${day}-${n}` : ["", "plain", "Grüße, 世界", 'a "b"\nc', `${name} ${day} ${n}`][n % 5];
}

// ticks writes a number of 100 ns as the service writes a timespan.
export function ticks(text) {
  const sign = text.startsWith("-") ? "-" : "";
  let rest = BigInt(text.slice(sign.length));
  const part = (unit) => { const n = rest / unit; rest %= unit; return String(n).padStart(2, "0"); };
  const days = rest / 864_000_000_000n;
  rest %= 864_000_000_000n;
  return `${sign}${days > 0 ? `${days}.` : ""}${part(36_000_000_000n)}:${part(600_000_000n)}:${part(10_000_000n)}.${String(rest).padStart(7, "0")}`;
}

// line writes a row for the table of a later state: what that does not have, or
// has with another type, is gone there.
export function line(row, columns) {
  const fields = [];
  for (const [name, { type, text }] of Object.entries(row.cells)) {
    if (text === null || columns[name] !== type) continue;
    const quoted = type === "timespan" ? JSON.stringify(ticks(text)) :
      ["bool", "int", "long", "dynamic"].includes(type) || type === "real" && !/[NI]/.test(text) ? text : JSON.stringify(text);
    fields.push(`${JSON.stringify(name)}:${quoted}`);
  }
  return `{${fields.join(",")}}`;
}
