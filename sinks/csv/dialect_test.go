package csv_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/sinktest"
)

var pair = pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.String}}

// What a dialect makes of a text, byte by byte; and it comes back.
func TestDialects(t *testing.T) {
	semicolon := csv.Options{Delimiter: ";", Null: "NULL"}
	tab := csv.Options{Delimiter: "\t"}
	pipe := csv.Options{Delimiter: "|", Null: "-"}
	lines := csv.Options{Newline: "escape", Null: `\N`}
	formulas := csv.Options{Formulas: "neutralise"}
	both := csv.Options{Formulas: "neutralise", Newline: "escape", Null: "'=x"}
	for _, test := range []struct {
		o     csv.Options
		value any
		want  string
	}{
		{semicolon, nil, "NULL"}, {semicolon, "NULL", `"NULL"`}, {semicolon, "null", "null"}, {semicolon, "", `""`},
		{semicolon, "a,b", "a,b"}, {semicolon, "a;b", `"a;b"`}, {semicolon, "a\nb", "\"a\nb\""}, {semicolon, `a\b`, `a\b`},
		{tab, nil, ""}, {tab, "a\tb", "\"a\tb\""}, {tab, "a,;|b", "a,;|b"}, {tab, "\t", "\"\t\""},
		{pipe, nil, "-"}, {pipe, "-", `"-"`}, {pipe, "a|b", `"a|b"`}, {pipe, "-5", "-5"},
		{lines, nil, `\N`}, {lines, `\N`, `\\N`}, {lines, "a\nb", `a\nb`}, {lines, "a\r\nb", `a\r\nb`}, {lines, `a\nb`, `a\\nb`},
		{lines, `\`, `\\`}, {lines, "\n", `\n`}, {lines, "\n,", `"\n,"`}, {lines, "=1", "=1"}, {lines, " \n", `" \n"`},
		{formulas, "=1+1", "'=1+1"}, {formulas, "+1", "'+1"}, {formulas, "-5", "'-5"}, {formulas, "@x", "'@x"},
		{formulas, "\t=1", "'\t=1"}, {formulas, "\r=1", "\"'\r=1\""}, {formulas, "\n=1", "\"'\n=1\""}, {formulas, "=a,b", `"'=a,b"`},
		{formulas, "'=1", "''=1"}, {formulas, "''@", "'''@"}, {formulas, "'", "'"}, {formulas, "''", "''"}, {formulas, "'a=1", "'a=1"},
		{formulas, "a=1", "a=1"}, {formulas, " =1", `" =1"`}, {formulas, "", `""`}, {formulas, nil, ""},
		{both, nil, "'=x"}, {both, "=x", `"'=x"`}, {both, "'=x", "''=x"}, {both, "\r\n=1", `'\r\n=1`}, {both, `\=`, `\\=`},
	} {
		rec := sinktest.Record(pair, []sinktest.Row{{test.value, "z"}})
		got := encode(t, test.o, pair, rec)
		delimiter := test.o.Delimiter
		if delimiter == "" {
			delimiter = ","
		}
		if want := "a" + delimiter + "b\n" + test.want + delimiter + "z\n"; got != want {
			t.Errorf("%q with %s: got %q, want %q", test.value, newFormat(t, test.o).Settings(), got, want)
		}
		decoded, err := decode(newFormat(t, test.o), pair, []byte(got))
		if err != nil {
			t.Errorf("%q: %v", got, err)
			continue
		}
		sinktest.SameValues(t, pair, decoded, []arrow.Record{rec})
	}
}

// A formula is a text of any column that others may have filled; a number, a
// time or a timespan is none.
func TestFormulasByType(t *testing.T) {
	columns := pipeline.Schema{
		{Name: "=string", Type: pipeline.String}, {Name: "dynamic", Type: pipeline.Dynamic}, {Name: "guid", Type: pipeline.GUID}, {Name: "int", Type: pipeline.Int},
		{Name: "long", Type: pipeline.Long}, {Name: "real", Type: pipeline.Real}, {Name: "decimal", Type: pipeline.Decimal}, {Name: "timespan", Type: pipeline.Timespan},
	}
	rec := sinktest.Record(columns, []sinktest.Row{{"-1", "-1", "-1", int32(-1), int64(-1), -1.5, "-1.50", "-00:00:01"}, {nil, nil, nil, nil, nil, math.Inf(-1), nil, nil}})
	want := "'=string,dynamic,guid,int,long,real,decimal,timespan\n'-1,'-1,'-1,-1,-1,-1.5,-1.50,-00:00:01\n,,,,,-Infinity,,\n"
	if got := encode(t, csv.Options{Formulas: "neutralise"}, columns, rec); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The text of a null is no value, whatever the type; in a file of one column
// it can stand alone.
func TestNullText(t *testing.T) {
	columns := pipeline.Schema{{Name: "NaN", Type: pipeline.Real}, {Name: "b", Type: pipeline.Bool}, {Name: "i", Type: pipeline.Int}}
	for null, want := range map[string]string{
		"NaN":  "\"NaN\",b,i\n\"NaN\",true,1\nNaN,NaN,NaN\n",
		"true": "NaN,b,i\nNaN,\"true\",1\ntrue,true,true\n",
		"1":    "NaN,b,i\nNaN,true,\"1\"\n1,1,1\n",
	} {
		rec := sinktest.Record(columns, []sinktest.Row{{math.NaN(), true, int32(1)}, {nil, nil, nil}})
		got := encode(t, csv.Options{Null: null}, columns, rec)
		if got != want {
			t.Errorf("null = %q: got %q, want %q", null, got, want)
		}
		decoded, err := decode(newFormat(t, csv.Options{Null: null}), columns, []byte(got))
		if err != nil {
			t.Fatal(err)
		}
		sinktest.SameValues(t, columns, decoded, []arrow.Record{rec})
	}
	rec := sinktest.Record(pair[:1], []sinktest.Row{{nil}, {""}, {"NULL"}, {nil}})
	if got, want := encode(t, csv.Options{Null: "NULL"}, pair[:1], rec), "a\nNULL\n\"\"\n\"NULL\"\nNULL\n"; got != want {
		t.Errorf("a column alone: got %q, want %q", got, want)
	}
}

// How an object is read depends on what its metadata say, not on the settings
// of today.
func TestOtherSettings(t *testing.T) {
	rows := append(sinktest.Extremes(), sinktest.RandomRows(100, 2)...)
	for name, o := range options {
		t.Run(name, func(t *testing.T) {
			store := sinktest.NewMemory()
			written := sinktest.Records(sinktest.Columns, rows, 50)
			sink := func(o csv.Options) *sinks.Sink {
				s, err := sinks.New(sinks.Options{Format: newFormat(t, o), Store: store})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			tx, err := sink(o).Begin(ctx, sinktest.File(1, sinktest.Columns))
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range written {
				if err := tx.Write(rec); err != nil {
					t.Fatal(err)
				}
			}
			receipt, err := tx.Prepare(ctx)
			if err == nil {
				err = tx.Commit(ctx)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, today := range []csv.Options{{}, {Delimiter: "|", Null: "-", Newline: "escape", Formulas: "neutralise", Header: &off}} {
				today.Compression = o.Compression
				s := sink(today)
				if err := s.Verify(ctx, receipt); err != nil {
					t.Error(err)
				}
				sinktest.SameValues(t, sinktest.Columns, sinktest.ReadBack(t, s, receipt, sinktest.Columns), written)
			}
		})
	}
}

// A file that its dialect cannot have written is refused by both readers.
func TestForeignFiles(t *testing.T) {
	f := newFormat(t, csv.Options{})
	for _, test := range []struct{ settings, text string }{
		{"newline=escape", "a,b\n\"x\ny\",z\n"},
		{"newline=escape", "a,b\n\"x\ry\",z\n"},
		{"newline=escape", "a,b\nx\\,z\n"},
		{"newline=escape", "a,b\nx\\ty,z\n"},
		{"newline=escape", "a,\\b\nx,z\n"},
		{"formulas=neutralise", "a,b\nx,=z\n"},
		{"formulas=neutralise", "a,b\nx,\"\tz\"\n"},
		{"formulas=neutralise", "a,=b\nx,z\n"},
		{`delimiter=";"`, "a,b\nx,z\n"},
		{"header=false", "a,b\nx,z,z\n"},
		{"formulas=strip", "a,b\nx,z\n"},
		{"comments=yes", "a,b\nx,z\n"},
		{`null="`, "a,b\nx,z\n"},
		{"", "a,b\nx,z\r"},
		{"", "a,b\nx,z"},
		{"", ""},
	} {
		m := sinks.Metadata{Columns: pair, Format: "csv " + test.settings}
		data := []byte(test.text)
		if rows, err := f.Check(ctx, bytes.NewReader(data), int64(len(data)), m); err == nil {
			t.Errorf("check, %s: %q: %d rows and no error", test.settings, data, rows)
		}
		err := f.Decode(ctx, bytes.NewReader(data), int64(len(data)), m, func(arrow.Record) error { return nil })
		if err == nil {
			t.Errorf("decode, %s: %q: no error", test.settings, data)
		}
	}
	m := sinks.Metadata{Format: "csv header=false"}
	if _, err := f.Check(ctx, strings.NewReader(strings.Repeat(",", 1<<17)+"\n"), 1<<17+1, m); err == nil || !strings.Contains(err.Error(), "fields") {
		t.Errorf("many fields of unknown columns: %v, want an error about them", err)
	}
}
