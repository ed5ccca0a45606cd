package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// duckdbEngine writes SQL for DuckDB: CREATE VIEW over its own readers of
// files, with every type said, so that nothing is guessed from values.
// https://duckdb.org/docs/stable/data/csv/overview
// https://duckdb.org/docs/stable/data/json/loading_json
var duckdbEngine = engine{
	name:    "duckdb",
	title:   "DuckDB",
	comment: "--",
	folds:   true,
	address: duckdbAddress,
	encodes: func(encoding) error { return nil },
	setUp:   duckdbSetUp,
	view:    duckdbView,
}

func duckdbAddress(p location, key string) (string, error) {
	switch p.kind {
	case blobPlace:
		return "az://" + p.container + "/" + p.key(key), nil
	case s3Place:
		return "s3://" + p.root + "/" + p.key(key), nil
	}
	// In a folder's own name these would be patterns; keys have none of them.
	plain := strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(p.root)
	return plain + "/" + key, nil
}

// duckdbSetUp loads what reads from the network.
// https://duckdb.org/docs/stable/core_extensions/azure
func duckdbSetUp(w *strings.Builder, places []location) {
	var told []string
	for _, p := range places {
		extension, name, secret := "", "", ""
		switch p.kind {
		case blobPlace:
			extension, name = "azure", p.account+"_"+p.container
			secret = fmt.Sprintf("TYPE azure, PROVIDER credential_chain, ACCOUNT_NAME %s, SCOPE %s", literal(p.account), literal("az://"+p.container+"/"))
		case s3Place:
			extension, name = "httpfs", p.root
			secret = fmt.Sprintf("TYPE s3, PROVIDER credential_chain, SCOPE %s", literal("s3://"+p.root+"/"))
		}
		if extension == "" {
			continue
		}
		if !slices.Contains(told, extension) {
			told = append(told, extension)
			fmt.Fprintf(w, "INSTALL %s;\nLOAD %s;\n", extension, extension)
		}
		fmt.Fprintf(w, "-- Who reads is said by a secret of the session, which belongs into no file:\n-- CREATE SECRET %s (%s);\n", oneLine(duckdbName(name)), oneLine(secret))
	}
}

var duckdbTypes = map[pipeline.Type]string{
	pipeline.Bool: "BOOLEAN", pipeline.Int: "INTEGER", pipeline.Long: "BIGINT", pipeline.Real: "DOUBLE", pipeline.Decimal: "VARCHAR",
	pipeline.String: "VARCHAR", pipeline.Datetime: "TIMESTAMP", pipeline.Timespan: "BIGINT", pipeline.GUID: "UUID", pipeline.Dynamic: "JSON",
}

func duckdbName(name string) string { return quoted(`"`, name, `"`) }

func duckdbView(w *strings.Builder, v view) {
	fmt.Fprintf(w, "CREATE OR REPLACE VIEW %s AS\n", duckdbName(v.name))
	for i, s := range v.scans {
		if i > 0 {
			w.WriteString("UNION ALL\n")
		}
		w.WriteString("SELECT\n")
		listed(w, "  ", duckdbSelect(v, s))
		duckdbScan(w, s)
	}
	if len(v.scans) == 0 {
		w.WriteString("SELECT\n")
		listed(w, "  ", duckdbSelect(v, &scan{}))
		w.WriteString("WHERE false\n")
	}
	w.WriteString(";\n")
}

// duckdbSelect returns the columns of the view from those of files.
func duckdbSelect(v view, s *scan) []string {
	var all []string
	add := func(expression, name string) { all = append(all, as(expression, duckdbName(name))) }
	for _, c := range v.columns {
		f, ok := s.field(c.name)
		value, digit := "CAST(NULL AS "+duckdbTypes[c.kql]+")", "CAST(NULL AS INTEGER)"
		if ok {
			value = duckdbValue(f)
		}
		add(value, c.name)
		if c.kql != pipeline.Datetime {
			continue
		}
		switch {
		case ok && f.form == micros:
			digit = duckdbName(f.digit)
		case ok && f.form == text: // no digit is a 0, and no time has none
			digit = fmt.Sprintf("CAST(CASE WHEN %s IS NOT NULL THEN '0' || regexp_extract(%s, '[.][0-9]{6}([0-9])', 1) END AS INTEGER)", duckdbName(f.name), duckdbName(f.name))
		}
		add(digit, c.digit)
	}
	return all
}

// duckdbValue turns what files have into the type of the view.
func duckdbValue(f field) string {
	name := duckdbName(f.name)
	cast := func(as string) string { return "CAST(" + name + " AS " + as + ")" }
	switch {
	case f.form == micros || f.form == nanos:
		return name + " AT TIME ZONE 'UTC'"
	case f.form == native || f.form == ticks || f.form == jsonValue || f.form == jsonReal || f.kql == pipeline.String || f.kql == pipeline.Decimal && f.form == text:
		return name
	case f.kql == pipeline.Dynamic: // what is no JSON was a string of KQL
		return fmt.Sprintf("CASE WHEN json_valid(%s) THEN CAST(%s AS JSON) ELSE to_json(%s) END", name, name, name)
	case f.kql == pipeline.Timespan:
		ticks := spanSQL(name, func(pattern string, group int) string {
			return fmt.Sprintf("regexp_extract(%s, %s, %d)", name, literal(pattern), group)
		}, func(text string) string { return "CAST('0' || " + text + " AS HUGEINT)" })
		return "CAST(" + ticks + " AS BIGINT)"
	}
	return cast(duckdbTypes[f.kql])
}

// duckdbScan reads files. Texts come as texts, and the view casts them: a reader
// that casts knows fewer forms of them.
func duckdbScan(w *strings.Builder, s *scan) {
	options := []string{"hive_partitioning = false"}
	columns := func(as func(field) string) string {
		return "columns = {" + strings.Join(mapped(s.fields, func(f field) string { return literal(f.name) + ": " + literal(as(f)) }), ", ") + "}"
	}
	switch s.kind {
	case "csv":
		options = append(options, "auto_detect = false", fmt.Sprintf("header = %t", s.header), "delim = "+literal(s.delimiter), `quote = '"'`, `escape = '"'`,
			"nullstr = "+literal(s.null), "allow_quoted_nulls = false", `new_line = '\n'`, columns(func(field) string { return "VARCHAR" }))
	case "jsonl":
		options = append(options, "format = 'newline_delimited'", columns(duckdbJSONType))
	}
	if s.compression != "" {
		options = append(options, "compression = "+literal(s.compression))
	}
	reader := map[string]string{"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}[s.kind]
	before, after := "FROM ", "\n"
	if marks := duckdbMarks(s); len(marks) > 0 {
		before, after = "FROM (SELECT * REPLACE (\n  "+strings.Join(marks, ",\n  ")+"\n) FROM ", ")\n"
	}
	fmt.Fprintf(w, "%s%s([\n", before, reader)
	listed(w, "  ", mapped(s.files, literal))
	fmt.Fprintf(w, "], %s)%s", strings.Join(options, ", "), after)
}

// duckdbMarks takes back what the settings newline and formulas have put into
// texts: first the backslashes, then the apostrophe.
func duckdbMarks(s *scan) (columns []string) {
	if !s.escaped && !s.marked {
		return nil
	}
	for _, f := range s.fields {
		if f.kql != pipeline.String && f.kql != pipeline.Dynamic && f.kql != pipeline.GUID {
			continue
		}
		value := duckdbName(f.name)
		if s.escaped { // between pairs of backslashes, each that is left begins a line end
			value = `array_to_string(list_transform(string_split(` + value + `, '\\'), lambda p: replace(replace(p, '\n', chr(10)), '\r', chr(13))), '\')`
		}
		if s.marked {
			value = `regexp_replace(` + value + `, '^''(''*[=+@\t\r\n-])', '\1')`
		}
		columns = append(columns, as(value, duckdbName(f.name)))
	}
	return columns
}

func duckdbJSONType(f field) string {
	if f.form == native || f.form == jsonValue || f.form == jsonReal {
		return duckdbTypes[f.kql]
	}
	return "VARCHAR"
}
