// Checks queries as kustash sends them with the KQL parser that Microsoft
// publishes: what parsed before parses after, with the same result, and every
// plain reference to a table is one to the let that filters it.
//
//   node conformance.js SCHEMAS QUERIES
//
// SCHEMAS is a folder of JSON files {"table", "columns": [{"name", "type"}]},
// QUERIES a file that TestWriteConformance of sources/loganalytics wrote.
"use strict";

const fs = require("fs");
const path = require("path");
const vm = require("vm");

const parser = path.join(__dirname, "node_modules", "@kusto", "language-service-next");
for (const name of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(parser, name), "utf8"), { filename: name });
}
const { Symbols, KustoCode, GlobalState, Syntax } = Kusto.Language;
const list = (items) => (items ? System.Linq.Enumerable.from(items).ToArray() : []);

// Every table of a workspace has this column, also where its page leaves the
// standard columns out.
const timeColumn = "TimeGenerated";

function readTables(dir) {
  const tables = [];
  for (const name of fs.readdirSync(dir).filter((n) => n.endsWith(".json")).sort()) {
    const { table, columns } = JSON.parse(fs.readFileSync(path.join(dir, name), "utf8"));
    if (!table) continue;
    if (!columns.some((c) => c.name === timeColumn)) columns.push({ name: timeColumn, type: "datetime" });
    const form = columns.map((c) => `['${c.name}']:${c.type}`).join(", ");
    tables.push(Symbols.TableSymbol.From(`(${form})`).WithName(table));
  }
  return tables;
}

// databaseFor returns a database with the tables that a text may mean: the
// parser looks through all of them for each name.
function databaseFor(text, tables) {
  const wild = /\b(search|find)\b|\bunion\b[^|]*\*/.test(text);
  const some = tables.filter((t) => wild || text.includes(t.Name));
  return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", some));
}

// analyse returns the errors of a text, the columns of its result, and its
// parsed form.
function analyse(text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const errors = list(code.GetDiagnostics())
    .filter((d) => d.Severity === "Error")
    .map((d) => ({ code: d.Code, message: d.Message }));
  const result = code.ResultType;
  const columns = result && result.Columns ? list(result.Columns).map((c) => `${c.Name}:${c.Type.Name}`) : [];
  return { code, errors, columns: columns.join(", ") };
}

// added returns the errors of after whose code is not as often in before: a
// message names what was found for a name, which may be a let now.
function added(before, after) {
  const rest = before.map((e) => e.code);
  return after.filter((e) => {
    const at = rest.indexOf(e.code);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

// bare returns the tables that a text names outside of the lets put in front
// of it, and of which a name still means the database's own, and how many names
// mean a let.
function references(code, lets, tables) {
  const ours = [];
  for (const element of list(code.Syntax.Statements)) {
    const statement = element.Element$1 || element.Element || element;
    if (!(statement instanceof Syntax.LetStatement)) continue;
    if (ours.length < lets.length) ours.push(statement);
  }
  const bare = [];
  let filtered = 0;
  const inside = (node) => ours.some((s) => node.TextStart >= s.TextStart && node.End <= s.End);
  Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => {
    if (!(node instanceof Syntax.NameReference) || inside(node)) return;
    const parent = node.Parent;
    if (parent instanceof Syntax.PathExpression && parent.Selector === node) return; // of another workspace
    const symbol = node.ReferencedSymbol;
    if (tables.has(symbol)) bare.push(symbol.Name);
    else if (symbol instanceof Symbols.VariableSymbol && lets.includes(symbol.Name)) filtered++;
  });
  return { bare, filtered };
}

function main(schemas, queries) {
  const all = readTables(schemas);
  const tables = new Set(all);
  const totals = { tables: all.length, queries: 0, "queries without an error": 0, "reads under the filter": 0 };
  const faults = [];
  for (const line of fs.readFileSync(queries, "utf8").split("\n").filter(Boolean)) {
    const query = JSON.parse(line);
    const globals = databaseFor(query.text, all);
    const before = analyse(query.text, globals);
    if (++totals.queries % 500 === 0) console.error(`${totals.queries} queries, ${faults.length} faults`);
    if (before.errors.length === 0) totals["queries without an error"]++;
    for (const variant of query.variants) {
      // Where a text has mistakes, only the list of tables tells what it reads,
      // and nothing what its count would be.
      if ((!variant.known || variant.count) && before.errors.length > 0) continue;
      totals[variant.name] = (totals[variant.name] || 0) + 1;
      const fault = (what) => faults.push(`${query.id}, ${variant.name}: ${what}`);
      const after = analyse(variant.text, globals);
      const errors = added(before.errors, after.errors);
      if (errors.length > 0) fault(errors.map((e) => `${e.code} ${e.message}`).join("; "));
      const want = variant.count ? "Count:long" : before.columns;
      if (after.columns !== want) fault(`the result is (${after.columns}), want (${want})`);
      const { bare, filtered } = references(after.code, variant.lets, tables);
      totals["reads under the filter"] += filtered;
      for (const name of bare) {
        if (!query.own.includes(name)) fault(`${name} is read without the filter`);
      }
    }
  }
  for (const [name, n] of Object.entries(totals)) console.log(`${String(n).padStart(7)} ${name}`);
  console.log(`${String(faults.length).padStart(7)} faults`);
  for (const fault of faults.slice(0, 50)) console.log(fault);
  return faults.length === 0 ? 0 : 1;
}

if (process.argv.length !== 4) {
  console.error("usage: node conformance.js SCHEMAS QUERIES");
  process.exit(2);
}
process.exit(main(process.argv[2], process.argv[3]));
