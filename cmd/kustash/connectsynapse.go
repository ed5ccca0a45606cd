package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// synapseEngine writes views for the serverless SQL pool of Synapse, whose
// OPENROWSET takes a list of files.
// https://learn.microsoft.com/azure/synapse-analytics/sql/develop-openrowset
// https://learn.microsoft.com/azure/synapse-analytics/sql/query-json-files
var synapseEngine = engine{
	name:    "synapse",
	title:   "the serverless SQL pool of Synapse",
	comment: "--",
	address: func(p location, key string) (string, error) {
		if p.kind != blobPlace {
			return "", errNotThere("Synapse")
		}
		return p.blobURL(key, false), nil
	},
	encodes: func(e encoding) error {
		return cmp.Or(e.zstdError("Synapse"), e.dialectError("Synapse"), e.nanosError("Synapse"))
	},
	setUp: func(w *strings.Builder, _ []location) {
		w.WriteString("-- Run it in a database of your own, whose collation is one of UTF-8:\n" +
			"-- CREATE DATABASE archive COLLATE Latin1_General_100_BIN2_UTF8;\n" +
			"-- The files are read as whoever asks. A credential of the database serves logins\n-- that Azure does not know; its secret belongs into no file:\n" +
			"-- https://learn.microsoft.com/azure/synapse-analytics/sql/develop-storage-files-storage-access-control\n")
	},
	view: synapseView,
}

const synapseText = "VARCHAR(MAX) COLLATE Latin1_General_100_BIN2_UTF8"

var synapseTypes = map[pipeline.Type]string{
	pipeline.Bool: "BIT", pipeline.Int: "INT", pipeline.Long: "BIGINT", pipeline.Real: "FLOAT", pipeline.Decimal: synapseText,
	pipeline.String: synapseText, pipeline.Datetime: "DATETIME2(7)", pipeline.Timespan: "BIGINT", pipeline.GUID: "UNIQUEIDENTIFIER", pipeline.Dynamic: synapseText,
}

func synapseName(name string) string { return quoted("[", name, "]") }

func synapseView(w *strings.Builder, v view) {
	fmt.Fprintf(w, "CREATE OR ALTER VIEW %s AS\n", synapseName(v.name))
	scans := v.scans
	if len(scans) == 0 {
		scans = []*scan{{}}
	}
	for i, s := range scans {
		if i > 0 {
			w.WriteString("UNION ALL\n")
		}
		w.WriteString("SELECT\n")
		listed(w, "  ", mapped(v.columns, func(c column) string {
			value := "CAST(NULL AS " + strings.TrimSuffix(synapseTypes[c.kql], " COLLATE Latin1_General_100_BIN2_UTF8") + ")"
			if f, ok := s.field(c.name); ok {
				value = synapseValue(f)
			}
			return as(value, synapseName(c.name))
		}))
		if len(s.files) == 0 {
			w.WriteString("WHERE 1 = 0\n")
			continue
		}
		synapseScan(w, s)
	}
	w.WriteString(";\nGO\n")
}

// synapseScan reads files. Lines of JSON come as a table of one column, which
// OPENJSON takes apart.
func synapseScan(w *strings.Builder, s *scan) {
	options := "FORMAT = 'PARQUET'"
	columns := mapped(synapseColumns(s), func(c [2]string) string { return synapseName(c[0]) + " " + c[1] })
	if s.kind != "parquet" {
		parser := "2.0"
		if s.compression != "" {
			parser = "1.0', DATA_COMPRESSION = 'org.apache.hadoop.io.compress.GzipCodec"
		}
		options = fmt.Sprintf("FORMAT = 'CSV', PARSER_VERSION = '%s'", parser)
	}
	switch s.kind {
	case "csv":
		first := 1
		if s.header {
			first = 2
		}
		options += fmt.Sprintf(", FIRSTROW = %d, FIELDTERMINATOR = %s, FIELDQUOTE = '\"', ROWTERMINATOR = '0x0a'", first, literal(s.delimiter))
		columns = mapped(s.fields, func(f field) string { return synapseName(f.name) + " " + synapseText })
		for i := range columns {
			columns[i] += fmt.Sprintf(" %d", i+1)
		}
	case "jsonl":
		options += ", FIELDTERMINATOR = '0x0b', FIELDQUOTE = '0x0b', ROWTERMINATOR = '0x0a'"
		columns = []string{"[kustash_line] " + synapseText + " 1"}
	}
	w.WriteString("FROM OPENROWSET(BULK (\n")
	listed(w, "  ", mapped(s.files, literal))
	fmt.Fprintf(w, "), %s)\nWITH (\n", options)
	listed(w, "  ", columns)
	w.WriteString(") AS [files]\n")
	if s.kind == "jsonl" {
		w.WriteString("CROSS APPLY OPENJSON([kustash_line]) WITH (\n")
		listed(w, "  ", mapped(s.fields, func(f field) string {
			path := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.name)
			as := "NVARCHAR(MAX) " + literal(`$."`+path+`"`)
			if f.form == jsonValue {
				as += " AS JSON"
			}
			return synapseName(f.name) + " " + as
		}))
		w.WriteString(") AS [row]\n")
	}
}

// synapseColumns returns the columns of Parquet files with the types to read
// them with.
func synapseColumns(s *scan) [][2]string {
	var all [][2]string
	for _, f := range s.fields {
		as := synapseText
		switch f.form {
		case native, ticks:
			as = synapseTypes[f.kql]
		case micros:
			as = "DATETIME2(7)"
		case fixed:
			as = strings.ToUpper(f.kept)
		}
		all = append(all, [2]string{f.name, as})
		if f.digit != "" {
			all = append(all, [2]string{f.digit, "INT"})
		}
	}
	return all
}

// synapseValue turns what files have into the type of the view. FLOAT has no
// NaN and no infinity; in a text they become NULL.
func synapseValue(f field) string {
	name := synapseName(f.name)
	switch {
	case f.form == micros:
		return fmt.Sprintf("DATEADD(NANOSECOND, 100 * %s, %s)", synapseName(f.digit), name)
	case f.form == fixed:
		return "CAST(" + name + " AS VARCHAR(MAX))"
	case f.kql == pipeline.GUID:
		return "CAST(" + name + " AS UNIQUEIDENTIFIER)"
	case f.form == native && f.kql == pipeline.Real:
		return "CAST(" + name + " AS FLOAT)"
	case f.form == ticks:
		return name
	case f.kql == pipeline.Timespan:
		return synapseSpan(name)
	case f.kql == pipeline.Real:
		return fmt.Sprintf("CAST(CASE WHEN %s NOT IN ('NaN', 'Infinity', '-Infinity') THEN %s END AS FLOAT)", name, name)
	case f.kql == pipeline.String || f.kql == pipeline.Decimal || f.kql == pipeline.Dynamic:
		return name
	case f.kql == pipeline.Datetime:
		return fmt.Sprintf("CAST(%s AS DATETIME2(7))", name)
	}
	return "CAST(" + name + " AS " + synapseTypes[f.kql] + ")"
}

// synapseSpan returns the ticks of a timespan's text. T-SQL has no patterns with
// groups, so it counts places: [-][d.]hh:mm:ss[.fffffff].
func synapseSpan(name string) string {
	colon := "CHARINDEX(':', " + name + ")"
	at := func(from, n string) string {
		return fmt.Sprintf("CAST(SUBSTRING(%s, %s, %s) AS DECIMAL(38, 0))", name, from, n)
	}
	days := fmt.Sprintf("CASE WHEN CHARINDEX('.', LEFT(%[1]s, %[2]s)) > 0 THEN CAST(REPLACE(LEFT(%[1]s, CHARINDEX('.', %[1]s) - 1), '-', '') AS DECIMAL(38, 0)) ELSE 0 END", name, colon)
	fraction := fmt.Sprintf("CAST(LEFT(SUBSTRING(%s, %s + 7, 7) + '0000000', 7) AS DECIMAL(38, 0))", name, colon)
	return fmt.Sprintf("CAST(CASE WHEN LEFT(%s, 1) = '-' THEN -1 ELSE 1 END * (%s * 864000000000 + %s * 36000000000 + %s * 600000000 + %s * 10000000 + %s) AS BIGINT)",
		name, days, at(colon+" - 2", "2"), at(colon+" + 1", "2"), at(colon+" + 4", "2"), fraction)
}
