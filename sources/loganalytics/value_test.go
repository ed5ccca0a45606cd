package loganalytics

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// integerOf is parseInteger by rational arithmetic.
func integerOf(s string) (int64, error) {
	var n json.Number
	if json.Unmarshal([]byte(s), &n) != nil || s == "null" || strings.HasPrefix(s, `"`) || strings.TrimSpace(s) != s {
		return 0, errNotNumber
	}
	r, ok := new(big.Rat).SetString(s)
	switch {
	case !ok:
		return 0, errNotNumber
	case !r.IsInt():
		return 0, errNotInteger
	case !r.Num().IsInt64():
		return 0, errRange
	}
	return r.Num().Int64(), nil
}

func TestParseIntegerAgreesWithRationals(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string {
		var b strings.Builder
		for range r.IntN(n + 1) {
			b.WriteByte("0000123456789"[r.IntN(13)])
		}
		return b.String()
	}
	check := func(s string) {
		t.Helper()
		got, err := parseInteger([]byte(s))
		if want, wantErr := integerOf(s); got != want || err != wantErr {
			t.Errorf("%s: got %d, %v; want %d, %v", s, got, err, want, wantErr)
		}
	}
	for range 20000 {
		s := strings.Repeat("-", r.IntN(2)) + digits(21)
		if r.IntN(2) == 0 {
			s += "." + digits(21)
		}
		if r.IntN(2) == 0 {
			s += string("eE"[r.IntN(2)]) + []string{"", "+", "-"}[r.IntN(3)] + digits(2)
		}
		check(s)
	}
	for _, edge := range []int64{math.MaxInt64, math.MinInt64, 1e18, -1e18, 1e17, math.MaxInt32, math.MinInt32} {
		for d := int64(-2); d <= 2; d++ {
			n := new(big.Int).Add(big.NewInt(edge), big.NewInt(d))
			check(n.String())
			check(n.String() + ".0")
			check(n.String() + "0e-1")
		}
	}
	for _, s := range []string{"", "-", "--1", "+1", "1-", "0x1", "1_0", "١", "1 ", "e", "1e", "1e+", "00", "-00", "1.e1", ".1", "Inf", "null", `"1"`} {
		check(s)
	}
}

func TestShortNumbersAgreeWithLongOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var cells, want []string
	for range 3000 {
		f := float64(r.Int64N(1<<r.IntN(60))) / math.Pow(10, float64(r.IntN(20)))
		s := []string{fmt.Sprintf("%g", f), fmt.Sprintf("%.*f", r.IntN(18), f), fmt.Sprintf("%d", int64(f))}[r.IntN(3)]
		if r.IntN(2) == 0 {
			s = "-" + s
		}
		var v float64
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		cells, want = append(cells, "["+s+"]"), append(want, showRows([][]any{{v}}))
	}
	_, rows, err := decodeRows(t, newDecoder(`{"tables":[{"columns":[{"name":"r","type":"real"}],"rows":[`+strings.Join(cells, ",")+`]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if got := showRows([][]any{row}); got != want[i] {
			t.Errorf("%s: got %swant %s", cells[i], got, want[i])
		}
	}
}

func TestClipValue(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"ü":                         "ü",
		strings.Repeat("漢", 40):     strings.Repeat("漢", 40),
		strings.Repeat("漢", 41):     strings.Repeat("漢", 40) + "…",
		strings.Repeat("a", 100000): strings.Repeat("a", 40) + "…",
	} {
		if got := clipValue([]byte(in)); got != want {
			t.Errorf("%.50q: got %q, want %q", in, got, want)
		}
	}
}

func TestNumbersDoNotAllocate(t *testing.T) {
	for _, s := range []string{"123456789012345678", "-5", "0"} {
		b := []byte(s)
		if n := testing.AllocsPerRun(100, func() { parseInteger(b) }); n > 0 {
			t.Errorf("%s: %v allocations, want none", s, n)
		}
	}
}
