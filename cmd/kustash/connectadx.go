package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// adxEngine writes stored functions for Azure Data Explorer. An external table
// is of folders, so a function reads exactly the current files, and gives the
// values the types of KQL again, which Parquet does not have.
// https://learn.microsoft.com/kusto/query/externaldata-operator
// https://learn.microsoft.com/kusto/management/create-alter-function
// https://learn.microsoft.com/kusto/management/parquet-mapping
var adxEngine = engine{
	name:    "adx",
	title:   "Azure Data Explorer",
	comment: "//",
	address: adxAddress,
	encodes: func(e encoding) error {
		err := cmp.Or(e.zstdError("Azure Data Explorer"), e.dialectError("Azure Data Explorer"))
		if err == nil && e.kind == "csv" && e.delimiter != "," {
			err = fmt.Errorf("it has delimiter = %q, of which connect cannot tell Azure Data Explorer", e.delimiter)
		}
		return err
	},
	setUp: func(w *strings.Builder, _ []location) {
		w.WriteString("// Run the commands one by one, or all of them behind .execute database script <|\n" +
			"// The files are read as whoever calls the function (;impersonate). In its place\n" +
			"// stands \";managed_identity=system\", or a shared access signature, which nobody\n// should write into a function: whoever may read that has it.\n" +
			"// https://learn.microsoft.com/kusto/api/connection-strings/storage-authentication-methods\n")
	},
	view: adxView,
}

func adxAddress(p location, key string) (string, error) {
	if p.kind != blobPlace {
		return "", errNotThere("Azure Data Explorer")
	}
	return p.blobURL(key, true) + ";impersonate", nil
}

func adxName(name string) string { return "['" + adxEscape(name) + "']" }

func adxText(text string) string { return "'" + adxEscape(text) + "'" }

func adxEscape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text)
}

func adxView(w *strings.Builder, v view) {
	fmt.Fprintf(w, ".create-or-alter function with (folder = 'kustash', docstring = %s, skipvalidation = true) %s() {\n", adxText(oneLine(v.notes[0])), adxName(v.name))
	if len(v.scans) == 0 {
		w.WriteString("  datatable(\n")
		listed(w, "    ", mapped(v.columns, func(c column) string { return adxName(c.name) + ": " + string(c.kql) }))
		w.WriteString("  ) []\n")
	}
	for i, s := range v.scans {
		start, indent := "", "  "
		if len(v.scans) > 1 {
			start, indent = "  union\n  (\n", "    "
			if i > 0 {
				start = "  , (\n"
			}
		}
		w.WriteString(start)
		adxScan(w, indent, v, s)
		if len(v.scans) > 1 {
			w.WriteString("  )\n")
		}
	}
	w.WriteString("}\n")
}

func adxScan(w *strings.Builder, indent string, v view, s *scan) {
	w.WriteString(indent + "externaldata(\n")
	var columns []string
	for _, f := range s.fields {
		columns = append(columns, adxName(f.name)+": "+adxStored(f))
		if f.digit != "" {
			columns = append(columns, adxName(f.digit)+": int")
		}
	}
	listed(w, indent+"  ", columns)
	w.WriteString(indent + ") [\n")
	listed(w, indent+"  ", mapped(s.files, func(name string) string { return "h" + adxText(name) }))
	w.WriteString(indent + "] with (" + adxFormat(s.encoding) + ")\n" + indent + "| project\n")
	listed(w, indent+"    ", mapped(v.columns, func(c column) string {
		name, value := adxName(c.name), adxNull(c.kql)
		if f, ok := s.field(c.name); ok {
			value = adxValue(f)
		}
		if value == name {
			return name
		}
		return name + " = " + value
	}))
}

func adxFormat(e encoding) string {
	switch e.kind {
	case "csv":
		return fmt.Sprintf("format = 'csv', ignoreFirstRecord = %t", e.header)
	case "jsonl":
		return "format = 'json'"
	}
	return "format = 'parquet'"
}

// adxStored returns the type to read a column with.
func adxStored(f field) string {
	switch f.form {
	case native, jsonValue:
		return string(f.kql)
	case micros, nanos:
		return "datetime"
	case ticks:
		return "long"
	case fixed:
		return "decimal"
	}
	return "string"
}

// adxValue gives a value its type again.
func adxValue(f field) string {
	name := adxName(f.name)
	switch {
	case f.form == micros:
		return fmt.Sprintf("%s + %s * 1tick", name, adxName(f.digit))
	case f.form == ticks:
		return name + " * 1tick"
	case f.form != text && f.form != jsonReal || f.kql == pipeline.String:
		return name
	case f.kql == pipeline.Dynamic:
		return "parse_json(" + name + ")"
	case f.kql == pipeline.Real:
		return "todouble(" + name + ")"
	}
	return "to" + string(f.kql) + "(" + name + ")"
}

// adxNull is a value that is not there, with its type. KQL has no text that is
// null.
func adxNull(t pipeline.Type) string {
	if t == pipeline.String {
		return "''"
	}
	return string(t) + "(null)"
}
