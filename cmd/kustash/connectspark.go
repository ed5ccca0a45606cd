package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// sparkEngine writes Python for Spark. Its SQL takes one path, or a pattern, for
// each table; only the readers of the session take lists of files.
// https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.DataFrameReader.parquet.html
// https://spark.apache.org/docs/latest/sql-data-sources-csv.html
// https://spark.apache.org/docs/latest/sql-data-sources-json.html
var sparkEngine = engine{
	name:    "spark",
	title:   "Spark (Python, with the session in spark)",
	comment: "#",
	folds:   true,
	address: func(p location, key string) (string, error) {
		switch p.kind {
		case blobPlace:
			return p.lakeURL(key), nil
		case s3Place:
			return "s3a://" + p.root + "/" + p.key(key), nil
		}
		return "file:///" + strings.TrimPrefix(p.root, "/") + "/" + key, nil
	},
	encodes: func(e encoding) error {
		return cmp.Or(e.zstdError("Spark"), e.dialectError("Spark"), e.nanosError("Spark"))
	},
	setUp: func(w *strings.Builder, places []location) {
		for _, p := range places {
			if p.kind != folderPlace {
				w.WriteString("# Who reads is said in the configuration of the session, and in no file:\n" +
					"# https://learn.microsoft.com/azure/synapse-analytics/spark/apache-spark-secure-credentials-with-tokenlibrary\n")
				return
			}
		}
	},
	view: sparkView,
}

var sparkTypes = map[pipeline.Type]string{
	pipeline.Bool: "BOOLEAN", pipeline.Int: "INT", pipeline.Long: "BIGINT", pipeline.Real: "DOUBLE", pipeline.Decimal: "STRING",
	pipeline.String: "STRING", pipeline.Datetime: "TIMESTAMP", pipeline.Timespan: "BIGINT", pipeline.GUID: "STRING", pipeline.Dynamic: "STRING",
}

func sparkName(name string) string { return quoted("`", name, "`") }

// python returns a text as Python writes it: JSON's way, for both know it.
func python(text string) string { return strconv.QuoteToASCII(text) }

func sparkView(w *strings.Builder, v view) {
	if len(v.scans) == 0 {
		var columns []string
		for _, c := range v.columns {
			columns = append(columns, sparkName(c.name)+" "+sparkTypes[c.kql])
			if c.digit != "" {
				columns = append(columns, sparkName(c.digit)+" INT")
			}
		}
		fmt.Fprintf(w, "spark.createDataFrame([], %s)", python(strings.Join(columns, ", ")))
	}
	for i, s := range v.scans {
		if i > 0 {
			w.WriteString(".union(")
		}
		sparkScan(w, s)
		w.WriteString(".selectExpr(\n")
		listed(w, "  ", mapped(sparkSelect(v, s), python))
		w.WriteByte(')')
		if i > 0 {
			w.WriteByte(')')
		}
	}
	fmt.Fprintf(w, ".createOrReplaceTempView(%s)\n", python(v.name))
}

func sparkScan(w *strings.Builder, s *scan) {
	var columns []string
	for _, f := range s.fields {
		columns = append(columns, sparkName(f.name)+" "+sparkStored(f))
		if f.digit != "" {
			columns = append(columns, sparkName(f.digit)+" INT")
		}
	}
	fmt.Fprintf(w, "spark.read.schema(%s)", python(strings.Join(columns, ", ")))
	// A line that does not fit the columns is an error, not a row of nulls.
	options := map[string]string{
		"parquet": ".parquet(*[",
		// The text for null is one that no field has: else an empty text would be one too.
		"csv":   fmt.Sprintf(`.option("mode", "FAILFAST").option("header", %s).option("sep", %s).option("quote", "\"").option("escape", "\"").option("multiLine", True).option("lineSep", "\n").option("nullValue", "\u0001null").csv([`, map[bool]string{true: "True", false: "False"}[s.header], python(s.delimiter)),
		"jsonl": `.option("mode", "FAILFAST").option("lineSep", "\n").json([`,
	}
	w.WriteString(options[s.kind] + "\n")
	listed(w, "  ", mapped(s.files, python))
	w.WriteString("])")
}

// sparkStored returns the type to read a column with.
func sparkStored(f field) string {
	switch f.form {
	case native:
		return sparkTypes[f.kql]
	case ticks:
		return "BIGINT"
	case micros:
		return "TIMESTAMP"
	case fixed:
		return strings.ToUpper(f.kept)
	}
	return "STRING"
}

// sparkSelect returns the columns of the view from those of files.
func sparkSelect(v view, s *scan) []string {
	var all []string
	for _, c := range v.columns {
		value, digit := "CAST(NULL AS "+sparkTypes[c.kql]+")", "CAST(NULL AS INT)"
		if f, ok := s.field(c.name); ok {
			name := sparkName(f.name)
			value = sparkValue(f)
			switch f.form {
			case micros:
				digit = sparkName(f.digit)
			case text:
				digit = fmt.Sprintf("CAST(CASE WHEN %s IS NOT NULL THEN concat('0', regexp_extract(%s, '[.][0-9]{6}([0-9])', 1)) END AS INT)", name, name)
			}
		}
		all = append(all, as(value, sparkName(c.name)))
		if c.kql == pipeline.Datetime {
			all = append(all, as(digit, sparkName(c.digit)))
		}
	}
	return all
}

// sparkValue turns what files have into the type of the view.
func sparkValue(f field) string {
	name := sparkName(f.name)
	switch {
	case f.form == fixed:
		return "CAST(" + name + " AS STRING)"
	case f.form == jsonReal:
		return "CAST(" + name + " AS DOUBLE)"
	case f.form != text || sparkTypes[f.kql] == "STRING":
		return name
	case f.kql == pipeline.Datetime: // the seventh digit would not be one of a TIMESTAMP
		return fmt.Sprintf("CAST(regexp_replace(%s, '([.][0-9]{6})[0-9]', '$1') AS TIMESTAMP)", name)
	case f.kql == pipeline.Timespan:
		return "CAST(" + spanSQL(name, func(pattern string, group int) string {
			return fmt.Sprintf("regexp_extract(%s, %s, %d)", name, literal(pattern), group)
		}, func(text string) string { return "CAST(concat('0', " + text + ") AS DECIMAL(38, 0))" }) + " AS BIGINT)"
	}
	return "CAST(" + name + " AS " + sparkTypes[f.kql] + ")"
}
