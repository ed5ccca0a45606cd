// Checks the commands that "kustash connect -for=adx" prints with the KQL parser
// that Microsoft publishes: no error, and the types that the table had.
//
//   npm ci && node connect.js [FILE]
//
// FILE is what was printed; without one it is the text that the Go tests expect.
"use strict";

const fs = require("fs");
const path = require("path");
const vm = require("vm");

const parser = path.join(__dirname, "node_modules", "@kusto", "language-service-next");
for (const name of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(parser, name), "utf8"), { filename: name });
}
const { KustoCode, GlobalState } = Kusto.Language;
const list = (items) => (items ? System.Linq.Enumerable.from(items).ToArray() : []);

const text = fs.readFileSync(process.argv[2] ?? path.join(__dirname, "..", "..", "testdata", "connect", "adx.golden"), "utf8");
const commands = text.split(/^(?=\.create-or-alter function)/m).slice(1);
let wrong = commands.length === 0;
for (const command of commands) {
  const body = command.slice(command.indexOf("{\n") + 2, command.lastIndexOf("}"));
  for (const part of [command, body]) {
    for (const d of list(KustoCode.ParseAndAnalyze(part, GlobalState.Default).GetDiagnostics())) {
      console.log(`${d.Severity} ${d.Code} ${d.Message}: ${part.slice(d.Start, d.Start + 60)}`);
      wrong = true;
    }
  }
  const columns = list(KustoCode.ParseAndAnalyze(body, GlobalState.Default).ResultType.Columns);
  console.log(`${command.match(/\['([^']*)'\]\(\)/)[1]}: ${columns.map((c) => `${c.Name}:${c.Type.Name}`).join(", ")}`);
}
process.exitCode = wrong ? 1 : 0;
