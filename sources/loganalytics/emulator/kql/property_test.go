package kql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// burst is a table of random times in one day, many of them equal.
func burst(t testing.TB, rows int, seed uint64) memory {
	r := rand.New(rand.NewPCG(seed, 1))
	table := &Table{Name: "B", Columns: []Column{
		{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "text", Type: pipeline.String},
		{Name: "_ItemId", Type: pipeline.String, Hidden: true},
	}}
	day := tick(t, "2026-01-01")
	for i := range rows {
		at := pipeline.Tick(r.Int64N(ticksPerDay))
		if r.IntN(3) == 0 {
			at = pipeline.Tick(r.Int64N(24) * ticksPerHour) // on a bound
		}
		table.Rows = append(table.Rows, []Value{day + at, fmt.Sprint("row ", i), fmt.Sprintf("%08x", i)})
	}
	return memory{"B": table}
}

func evaluate(t testing.TB, db Database, query string) [][]Value {
	t.Helper()
	r, err := Evaluate(context.Background(), query, db, Options{Now: now})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return r.Tables[0].Rows
}

func literalOf(at pipeline.Tick) string { return "datetime(" + text(at) + ")" }

// TestSlicesPartition: half-open slices of the time axis hold each row once,
// and so do hash parts of a slice.
func TestSlicesPartition(t *testing.T) {
	for seed := range uint64(4) {
		db := burst(t, 500, seed)
		r := rand.New(rand.NewPCG(seed, 2))
		start := tick(t, "2026-01-01")
		seen := map[string]int{}
		for at := start; at < start+pipeline.Tick(ticksPerDay); {
			end := min(at+pipeline.Tick(1+r.Int64N(3)*ticksPerHour), start+pipeline.Tick(ticksPerDay))
			shadow := fmt.Sprintf("let B = B | where TimeGenerated >= %s and TimeGenerated < %s;\n", literalOf(at), literalOf(end))
			for part := range 3 {
				for _, row := range evaluate(t, db, shadow+fmt.Sprintf("B | where hash(_ItemId, 3) == %d | project _ItemId", part)) {
					seen[row[0].(string)]++
				}
			}
			at = end
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("seed %d: row %s came %d times", seed, id, n)
			}
		}
		if len(seen) != 500 {
			t.Errorf("seed %d: got %d rows, want 500", seed, len(seen))
		}
	}
}

// TestBinsSum: counts and sizes by bin add up to those of the table, whatever
// the bin.
func TestBinsSum(t *testing.T) {
	db := burst(t, 700, 9)
	whole := evaluate(t, db, "B | summarize count(), sum(estimate_data_size(*))")[0]
	for _, bin := range []string{"1tick", "7m", "1h", "1d", "10d"} {
		var count, size int64
		for _, row := range evaluate(t, db, "B | summarize count(), sum(estimate_data_size(*)) by bin(TimeGenerated, "+bin+")") {
			count += row[1].(int64)
			size += row[2].(int64)
		}
		if count != whole[0] || size != whole[1] {
			t.Errorf("bin %s: got %d rows of %d bytes, want %v", bin, count, size, whole)
		}
	}
}

// TestOrderIsTotal: sorting is a permutation, and the order holds.
func TestOrderIsTotal(t *testing.T) {
	db := burst(t, 300, 5)
	rows := evaluate(t, db, "B | sort by TimeGenerated asc, _ItemId asc | project TimeGenerated, _ItemId")
	if len(rows) != 300 {
		t.Fatalf("got %d rows, want 300", len(rows))
	}
	for i := 1; i < len(rows); i++ {
		a, b := rows[i-1], rows[i]
		if order, _ := compare(a[0], b[0]); order > 0 || order == 0 && a[1].(string) >= b[1].(string) {
			t.Fatalf("rows %v and %v are out of order", a, b)
		}
	}
}

// TestTableUntouched: evaluation leaves the tables as they were.
func TestTableUntouched(t *testing.T) {
	db := sample(t)
	before := fmt.Sprint(db["E"].Columns, db["E"].Rows)
	for _, query := range []string{
		"E | sort by n desc", "E | extend n = 0, _ItemId = 'x'", "E | project-rename m = n", "E | parse Computer with * 'a' x",
		"E | parse-where Computer with 'a'", "union E, E | project-away n", "E | mv-expand Tags.l", "E | distinct *", "E | join E on n",
	} {
		evaluate(t, db, query)
	}
	if after := fmt.Sprint(db["E"].Columns, db["E"].Rows); after != before {
		t.Errorf("got  %s\nwant %s", after, before)
	}
}

// FuzzEvaluate: no text panics, takes the process down or answers with rows
// that do not fit their columns.
func FuzzEvaluate(f *testing.F) {
	for _, seed := range []string{
		"E | where n > 1 and TimeGenerated < now() | summarize count(), arg_max(n, *) by bin(TimeGenerated, 1h)",
		"let T = datatable(a:long, b:dynamic)[1, dynamic({'x': [1, 2]})]; T | mv-expand c = b.x to typeof(long) | join kind=fullouter E on $left.c == $right.n",
		"let f = (x:long, T:(*)) { T | where n == x }; union withsource=s f(1, E), U*, (print x = 1)",
		"print strcat('a', split('a b', ' ')[1], 1.5 * 2d, -1 % 0, datetime(2026) - 1tick, guid(null), decimal(1.5) / 3)",
		"E | parse kind=regex Computer with * '([' x:int | top 3 by n nulls first | project-reorder *a*, n desc | getschema",
		"search in (E, U) 'a' or n between (1 .. 2) | render x with (y=1)",
		"let n = Twice(2); union Recent, ByComputer('a'), Nested, workspace('x').E | invoke Above(least = 1) | where n in (Loop) and Ping() | extend p = pack_all(true)",
	} {
		f.Add(seed)
	}
	db := withLibrary(f)
	f.Fuzz(func(t *testing.T, query string) {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		r, err := Evaluate(ctx, query, db, Options{Now: now, Interval: &Interval{End: now}})
		var fault *Error
		if err != nil && (err == ctx.Err() || err == errNoWorkspace) {
			return
		}
		if err != nil {
			if !errors.As(err, &fault) || fault.Code == "" || fault.Message == "" {
				t.Fatalf("%q: got error %v, want an *Error", query, err)
			}
			return
		}
		for _, table := range r.Tables {
			checkTypes(t, query, table)
		}
	})
}

func BenchmarkFilterByTime(b *testing.B) {
	db := burst(b, 200_000, 1)
	for b.Loop() {
		evaluate(b, db, "B | where TimeGenerated >= datetime(2026-01-01) and TimeGenerated < datetime(2026-01-01T01:00:00Z)")
	}
}

func BenchmarkCountByBin(b *testing.B) {
	db := burst(b, 100_000, 1)
	for b.Loop() {
		evaluate(b, db, "B | summarize count(), sum(estimate_data_size(*)) by bin(TimeGenerated, 5m)")
	}
}
