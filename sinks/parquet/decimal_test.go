package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	xitongsys "github.com/xitongsys/parquet-go/parquet"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/sinktest"
)

var nines = strings.Repeat("9", maxPrecision)

// A text becomes the number that it is, or an error; what comes back is the
// number's shortest text.
func TestDecimalValues(t *testing.T) {
	for _, test := range []struct{ typ, text, want string }{
		{"38,10", "0", "0"}, {"38,10", "-0.00", "0"}, {"38,10", "0e99999999999", "0"}, {"38,38", "000", "0"},
		{"38,10", "1.50", "1.5"}, {"38,10", "+1.5", "1.5"}, {"38,10", "15E-1", "1.5"}, {"38,10", "1E-7", "0.0000001"},
		{"38,10", "-1e2", "-100"}, {"38,10", "1.5e+3", "1500"}, {"38,10", ".5", "0.5"}, {"38,10", "5.", "5"}, {"38,10", "0.10101", "0.10101"},
		{"38,10", "0000000000000000000000000000000000000000001.0000000000000000000000000000000000000000", "1"},
		{"38,0", nines, nines}, {"38,0", "-" + nines, "-" + nines}, {"38,38", "0." + nines, "0." + nines}, {"38,38", "-0." + nines, "-0." + nines},
		{"38,0", "79228162514264337593543950335", "79228162514264337593543950335"},
		{"38,19", "9999999999999999999.9999999999999999999", "9999999999999999999.9999999999999999999"},
		{"38,34", "-0.0000000000000000000000000000000001", "-0.0000000000000000000000000000000001"},
		{"1,0", "9", "9"}, {"1,0", "-9.0", "-9"}, {"1,1", "0.9", "0.9"}, {"2,1", "-9.9", "-9.9"}, {"18,2", "9999999999999999.99", "9999999999999999.99"},
		{"20,0", "18446744073709551616", "18446744073709551616"}, {"20,0", "-18446744073709551615", "-18446744073709551615"},
		{"5,2", "999.99", "999.99"},
		{"5,2", "1000", `write decimal = { "Cost" = "6,2" }`}, {"5,2", "0.001", `write decimal = { "Cost" = "6,3" }`},
		{"5,2", "-1234567.0001", `write decimal = { "Cost" = "11,4" }`}, {"5,2", "1e9", `more digits before the point than 3; write decimal = { "Cost" = "12,2" }`},
		{"5,2", "1e-9", `more digits behind the point than 2; write decimal = { "Cost" = "12,9" }`},
		{"38,0", "1" + nines, `take "Cost" out of decimal`}, {"38,38", "1", `take "Cost" out of decimal`}, {"38,0", "1e38", `take "Cost" out of decimal`},
		{"38,10", "1e99999999999", `take "Cost" out of decimal`}, {"38,10", "1e-99999999999", `take "Cost" out of decimal`},
		{"38,10", "", "no number"}, {"38,10", "-", "no number"}, {"38,10", ".", "no number"}, {"38,10", "1e", "no number"}, {"38,10", "e1", "no number"},
		{"38,10", "1.2.3", "no number"}, {"38,10", "1,5", "no number"}, {"38,10", " 1", "no number"}, {"38,10", "--1", "no number"}, {"38,10", "1_000", "no number"},
		{"38,10", "0x10", "no number"}, {"38,10", "NaN", "no number"}, {"38,10", "-Infinity", "no number"}, {"38,10", "1e1.0", "no number"}, {"38,10", "١", "no number"},
	} {
		d, err := parseDecimal(test.typ)
		if err != nil {
			t.Fatal(err)
		}
		value, err := d.appendValue(nil, test.text)
		if err != nil {
			err = d.refuse("Cost", test.text, err)
			for _, want := range []string{test.want, fmt.Sprintf("%.60q", test.text), "does not fit " + test.typ} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q as %s: %v, want %q in it", test.text, test.typ, err, want)
				}
			}
			continue
		}
		if got := string(d.appendText(nil, value)); got != test.want || !d.holds(value) {
			t.Errorf("%q as %s: % x, which is %q (holds: %v), want %q", test.text, test.typ, value, got, d.holds(value), test.want)
		}
	}
}

// Against math/big: a value is exact or an error, for every precision and scale.
func TestDecimalProperty(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	fits := 0
	for range 50_000 {
		d := decimal{precision: 1 + rng.IntN(maxPrecision)}
		d.scale = rng.IntN(d.precision + 1)
		whole, fraction := rng.IntN(22), rng.IntN(22)
		text := []byte{"+-0"[rng.IntN(3)]}
		for i := range whole + fraction + 1 {
			if i == whole {
				text = append(text, '.')
			}
			text = append(text, "0123456789"[rng.IntN(10)&rng.IntN(16)%10])
		}
		if rng.IntN(2) == 0 {
			text = fmt.Appendf(text, "e%d", rng.IntN(30)-15)
		}
		exact, ok := new(big.Rat).SetString(string(text))
		if !ok {
			t.Fatalf("%s is no number to math/big", text)
		}
		scaled := new(big.Rat).Mul(exact, new(big.Rat).SetInt(decimalLimits[d.scale]))
		holds := scaled.IsInt() && scaled.Num().CmpAbs(decimalLimits[d.precision]) < 0
		value, err := d.appendValue(nil, string(text))
		if (err == nil) != holds {
			t.Fatalf("%s as %s: %v, want an error: %v", text, d, err, !holds)
		}
		if err != nil {
			continue
		}
		fits++
		if d.number(value).Cmp(scaled.Num()) != 0 || len(value) != d.size() {
			t.Fatalf("%s as %s: %d in %d bytes, want %d in %d", text, d, d.number(value), len(value), scaled.Num(), d.size())
		}
		back, _ := new(big.Rat).SetString(string(d.appendText(nil, value)))
		if back == nil || back.Cmp(exact) != 0 {
			t.Fatalf("%s as %s comes back as %s", text, d, d.appendText(nil, value))
		}
	}
	if fits < 5000 {
		t.Errorf("%d values fitted, so the test has shown little", fits)
	}
}

// decimalFile returns a file with a column of each kind of decimal, and what its
// rows are.
func decimalFile(t *testing.T, compression string) (f *Format, columns pipeline.Schema, data []byte, texts, digits []any) {
	f = formatOf(t, Options{Compression: compression, Decimal: map[string]string{"Cost": "38,10", "small": "7, 2", "absent": "1,0"}})
	columns = pipeline.Schema{{Name: "Cost", Type: pipeline.Decimal}, {Name: "text", Type: pipeline.Decimal}, {Name: "small", Type: pipeline.Decimal}}
	var rows []sinktest.Row
	for i := range 9000 {
		row := sinktest.Row{fmt.Sprintf("%d.%03d0", i-4500, i%1000), fmt.Sprintf("%d.50", i), fmt.Sprintf("-%d.5", i%7)}
		text, unscaled := any(fmt.Sprintf("-%d.5", i%7)), any(fmt.Sprintf("-%d50", i%7))
		if i%7 == 0 {
			unscaled = "-50"
		}
		if i%10 == 3 {
			row, text, unscaled = sinktest.Row{nil, nil, nil}, nil, nil
		}
		rows, texts, digits = append(rows, row), append(texts, text), append(digits, unscaled)
	}
	return f, columns, written(t, f, columns, rows, 3000), texts, digits
}

// Both libraries read a decimal as the number that it is, from dictionaries and
// without, and Check reads every value.
func TestDecimalsAreRead(t *testing.T) {
	for _, compression := range []string{"zstd", "snappy", "gzip", "none"} {
		_, columns, data, _, digits := decimalFile(t, compression)
		byArrow, schema := byArrow(t, data)
		byOther := byParquetGo(t, data)
		sameContents(t, "arrow against parquet-go", byArrow, byOther)
		for row, want := range digits {
			if got := byOther.cells[2][row]; got != want {
				t.Fatalf("row %d: %v, want %v", row+1, got, want)
			}
		}
		var types []string
		for _, field := range schema.Fields() {
			types = append(types, field.Type.String())
		}
		if got, want := strings.Join(types, " "), "decimal(38, 10) utf8 decimal(7, 2)"; got != want {
			t.Errorf("types %s, want %s", got, want)
		}
		footer, err := readFooter(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		e := footer.Schema[3] // older readers know its converted type only
		if e.ConvertedType == nil || *e.ConvertedType != xitongsys.ConvertedType_DECIMAL || e.GetPrecision() != 7 || e.GetScale() != 2 || e.GetTypeLength() != 4 {
			t.Errorf("column small is %v, want a DECIMAL(7,2) of 4 bytes", e)
		}
		// The settings of who checks are others.
		n, err := formatOf(t, Options{}).Check(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns})
		if err != nil || n != int64(len(digits)) {
			t.Errorf("%s: checked %d rows, %v, want %d", compression, n, err, len(digits))
		}
	}
}

// What comes back is the number; whoever was told that all comes back as it was
// written gets an error instead.
func TestDecimalsAreDecoded(t *testing.T) {
	f, columns, data, texts, _ := decimalFile(t, "zstd")
	plain := formatOf(t, Options{})
	if f.Exact(columns) || !f.Exact(columns[1:2]) || !plain.Exact(columns) {
		t.Errorf("exact: %v for named columns, %v for one that is not, %v without names; want false, true, true", f.Exact(columns), f.Exact(columns[1:2]), plain.Exact(columns))
	}
	m, row := sinks.Metadata{Columns: columns}, 0
	err := f.Decode(t.Context(), bytes.NewReader(data), int64(len(data)), m, func(rec arrow.Record) error {
		for i := range int(rec.NumRows()) {
			var got any
			if a := rec.Column(2).(*array.String); a.IsValid(i) {
				got = a.Value(i)
			}
			if got != texts[row] {
				t.Fatalf("row %d: %v, want %v", row+1, got, texts[row])
			}
			row++
		}
		return nil
	})
	if err != nil || row != len(texts) {
		t.Errorf("decoded %d rows, %v, want %d", row, err, len(texts))
	}
	err = plain.Decode(t.Context(), bytes.NewReader(data), int64(len(data)), m, func(arrow.Record) error {
		t.Error("rows were handed over")
		return nil
	})
	if !errors.Is(err, pipeline.ErrInexact) || !strings.Contains(err.Error(), `decimal = { "Cost" = "38,10" }`) {
		t.Errorf("decoding without the setting: %v, want %v", err, pipeline.ErrInexact)
	}
}

// An error about a value says where it is and what to write.
func TestDecimalDoesNotFit(t *testing.T) {
	columns := pipeline.Schema{{Name: "other", Type: pipeline.Long}, {Name: "cost", Type: pipeline.Decimal, As: "cost_2"}}
	e, err := formatOf(t, Options{Decimal: map[string]string{"cost_2": "5,2"}}).NewEncoder(new(bytes.Buffer), columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(sinktest.Record(columns, []sinktest.Row{{int64(1), "1.00"}, {nil, nil}})); err != nil {
		t.Fatal(err)
	}
	err = e.Write(sinktest.Record(columns, []sinktest.Row{{int64(1), "1"}, {int64(2), "1234.5"}}))
	want := `column cost_2, row 4: "1234.5" does not fit 5,2: it has more digits before the point than 3; write decimal = { "cost_2" = "6,2" } in the block format "parquet"`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestDecimalOfAnotherType(t *testing.T) {
	columns := pipeline.Schema{{Name: "Cost", Type: pipeline.Real}}
	_, err := formatOf(t, Options{Decimal: map[string]string{"Cost": "5,2"}}).NewEncoder(new(bytes.Buffer), columns.Arrow())
	if err == nil || !strings.Contains(err.Error(), "column Cost is of the type real") {
		t.Errorf("%v, want an error that names the column and its type", err)
	}
}

// A file whose column has another type than the metadata's is none of theirs.
func TestCheckOfForeignDecimals(t *testing.T) {
	_, columns, data, _, _ := decimalFile(t, "none")
	columns[0].Type = pipeline.String
	if _, err := formatOf(t, Options{}).Check(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns}); err == nil {
		t.Error("a decimal was taken for a string")
	}
	d := decimal{3, 1}
	for value, want := range map[string]bool{"\x03\xe7": true, "\x03\xe8": false, "\xfc\x19": true, "\xfc\x18": false, "\x00": false, "": false} {
		if got := d.holds([]byte(value)); got != want {
			t.Errorf("% x as a value of %s: %v, want %v", value, d, got, want)
		}
	}
}
