package pipeline

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05.9999999Z", s)
	if err != nil {
		panic(err)
	}
	return t
}

func window(start, end string) Window { return Window{at(start), at(end)} }

func TestParseTime(t *testing.T) {
	tests := []struct{ in, want string }{
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000000Z"},
		{"1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.9999999Z"},
		{"2015-12-31T23:59:59.9Z", "2015-12-31T23:59:59.9000000Z"},
		{"2024-02-29T12:00:00.0000001Z", "2024-02-29T12:00:00.0000001Z"},
		{"2000-02-29T00:00:00.12Z", "2000-02-29T00:00:00.1200000Z"},
		{"9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"},
	}
	for _, test := range tests {
		tick, err := ParseTime(test.in)
		if err != nil {
			t.Errorf("ParseTime(%q): %v", test.in, err)
			continue
		}
		if got := tick.Time().Format(TimeLayout); got != test.want {
			t.Errorf("ParseTime(%q) = %s, want %s", test.in, got, test.want)
		}
		if fromBytes, err := ParseTime([]byte(test.in)); err != nil || fromBytes != tick {
			t.Errorf("ParseTime of bytes %q = %v, %v, want %v", test.in, fromBytes, err, tick)
		}
		if got := TickOf(tick.Time()); got != tick {
			t.Errorf("TickOf(Time(%d)) = %d", tick, got)
		}
	}
	for _, bad := range []string{"", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00.12345678Z", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "0000-01-01T00:00:00Z",
		"2026-01-01 00:00:00Z", "2026-01-01T00:00:00+00:00Z", "2026-01-01T00:00:00x1Z", "１026-01-01T00:00:00Z"} {
		if tick, err := ParseTime(bad); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", bad, tick)
		}
	}
}

func TestUnixMicros(t *testing.T) {
	for _, test := range []struct {
		in     string
		micros int64
		digit  int32
	}{
		{"1970-01-01T00:00:00Z", 0, 0},
		{"1970-01-01T00:00:00.0000019Z", 1, 9},
		{"1969-12-31T23:59:59.9999999Z", -1, 9},
		{"1969-12-31T23:59:59.999999Z", -1, 0},
		{"0001-01-01T00:00:00Z", -62135596800000000, 0},
	} {
		tick, err := ParseTime(test.in)
		if err != nil {
			t.Fatal(err)
		}
		micros, digit := tick.UnixMicros()
		if micros != test.micros || digit != test.digit {
			t.Errorf("UnixMicros of %s = %d, %d, want %d, %d", test.in, micros, digit, test.micros, test.digit)
		}
	}
}

func TestParseSpan(t *testing.T) {
	for in, want := range map[string]int64{
		"00:00:00": 0, "00:00:10": 100_000_000, "00:00:00.1250000": 1_250_000, "00:00:00.0000001": 1,
		"-00:00:00.0000001": -1, "1.02:03:04.5": 937_845_000_000,
		"10675199.02:48:05.4775807":  9223372036854775807,
		"-10675199.02:48:05.4775808": -9223372036854775808,
	} {
		if got, err := ParseSpan(in); err != nil || got != want {
			t.Errorf("ParseSpan(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "-", "00:00", "1", "24:00:00", "00:60:00", "00:00:60", "00:00:00.", "00:00:00.12345678",
		".00:00:00", "1.", "10675199.02:48:05.4775808", "99999999999999999999.00:00:00", "--00:00:01", "00:00:00x"} {
		if got, err := ParseSpan(bad); err == nil {
			t.Errorf("ParseSpan(%q) = %d, want an error", bad, got)
		}
	}
}

// Subtract and Join are checked against sets of single ticks.
func TestWindowArithmetic(t *testing.T) {
	base := TickOf(at("1999-12-31T23:59:59Z"))
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() Window {
		a, b := rng.Int64N(40), rng.Int64N(40)
		return Window{(base + Tick(a)).Time(), (base + Tick(b)).Time()}
	}
	ticks := func(windows ...Window) map[Tick]bool {
		set := make(map[Tick]bool)
		for _, w := range windows {
			for tick := TickOf(w.Start); tick < TickOf(w.End); tick++ {
				set[tick] = true
			}
		}
		return set
	}
	for range 3000 {
		w := random()
		taken := make([]Window, rng.IntN(5))
		for i := range taken {
			taken[i] = random()
		}
		want := ticks(w)
		for tick := range ticks(taken...) {
			delete(want, tick)
		}
		left := w.Subtract(taken)
		if got := ticks(left...); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v without %v = %v", w, taken, left)
		}
		if joined := Join(taken); !reflect.DeepEqual(ticks(joined...), ticks(taken...)) {
			t.Fatalf("Join(%v) = %v", taken, joined)
		}
		n, atom := int64(1+rng.IntN(9)), time.Duration(rng.IntN(4))*TickSize
		pieces := w.Divide(n, atom)
		if got := Join(pieces); len(pieces) > int(n) || !w.Empty() && (len(got) != 1 || got[0] != w) || w.Empty() && len(pieces) > 0 {
			t.Fatalf("%v in %d pieces = %v", w, n, pieces)
		}
		for i, piece := range pieces {
			if piece.Empty() || i > 0 && (!piece.Start.Equal(pieces[i-1].End) || atom > 0 && !Floor(piece.Start, atom).Equal(piece.Start)) {
				t.Fatalf("%v in %d pieces by %v = %v", w, n, atom, pieces)
			}
		}
		if n > 1 && atom == 0 && w.Ticks() > 1 && len(pieces) < 2 {
			t.Fatalf("%v has %d ticks and was not cut in %d pieces", w, w.Ticks(), n)
		}
	}
}

func TestCalendar(t *testing.T) {
	for _, test := range []struct {
		calendar Calendar
		in, want string
	}{
		{FiveMinutes, "2026-01-31T23:59:59.9999999Z", "2026-02-01T00:00:00Z"},
		{FiveMinutes, "2026-01-31T23:50:00Z", "2026-01-31T23:55:00Z"},
		{Hourly, "2026-01-31T23:59:59.9999999Z", "2026-02-01T00:00:00Z"},
		{Daily, "2024-02-28T00:00:00Z", "2024-02-29T00:00:00Z"},
		{Monthly, "2026-01-31T12:00:00Z", "2026-02-01T00:00:00Z"},
		{Monthly, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{Yearly, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
	} {
		if got, ok := test.calendar.Next(at(test.in)); !ok || !got.Equal(at(test.want)) {
			t.Errorf("%v.Next(%s) = %v, %v, want %s", test.calendar, test.in, got, ok, test.want)
		}
	}
	if got, ok := NoCalendar.Next(at("2026-01-01T00:00:00Z")); ok {
		t.Errorf("NoCalendar.Next = %v, want none", got)
	}
}

func TestSpanResolve(t *testing.T) {
	now := at("2026-05-10T12:34:56.7Z")
	ago := func(d time.Duration) Bound { return Bound{Relative: true, Ago: d} }
	abs := func(s string) Bound { return Bound{At: at(s)} }
	for _, test := range []struct {
		name string
		span Span
		want Window
	}{
		{"relative", Span{Start: ago(48 * time.Hour), End: ago(0), Settle: 30 * time.Minute},
			window("2026-05-08T12:00:00Z", "2026-05-10T12:00:00Z")},
		{"settle moves the end back an hour", Span{Start: ago(2 * time.Hour), End: ago(0), Settle: 40 * time.Minute},
			window("2026-05-10T10:00:00Z", "2026-05-10T11:00:00Z")},
		{"grid of the step", Span{Start: ago(48 * time.Hour), End: ago(0), Step: 24 * time.Hour},
			window("2026-05-08T00:00:00Z", "2026-05-10T00:00:00Z")},
		{"absolute to the tick", Span{Start: abs("2026-01-01T00:00:00.0000001Z"), End: abs("2026-02-01T00:00:00.0000003Z")},
			window("2026-01-01T00:00:00.0000001Z", "2026-02-01T00:00:00.0000003Z")},
		{"absolute end to come", Span{Start: abs("2026-05-01T00:00:00Z"), End: abs("2026-06-01T00:00:00Z"), Settle: time.Hour},
			window("2026-05-01T00:00:00Z", "2026-05-10T11:00:00Z")},
		{"start to come", Span{Start: abs("2027-01-01T00:00:00Z"), End: ago(0)},
			window("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z")},
		{"whole, settled", Span{Whole: true, Start: abs("2026-01-01T00:00:00Z"), End: abs("2026-05-10T12:00:00Z"), Settle: 30 * time.Minute},
			window("2026-01-01T00:00:00Z", "2026-05-10T12:00:00Z")},
		{"whole, not settled", Span{Whole: true, Start: abs("2026-01-01T00:00:00Z"), End: abs("2026-05-10T12:10:00Z"), Settle: 30 * time.Minute},
			window("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")},
	} {
		if got := test.span.Resolve(now); !got.Start.Equal(test.want.Start) || !got.End.Equal(test.want.End) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSchemaExtend(t *testing.T) {
	known := Schema(nil)
	extend := func(answer Schema) []string {
		file, grown := known.Extend(answer, false)
		known = grown
		names := make([]string, len(file))
		for i, c := range file {
			names[i] = c.FileName()
		}
		return names
	}
	for _, step := range []struct {
		answer Schema
		want   []string
	}{
		{Schema{{Name: "Time", Type: Datetime}, {Name: "id", Type: Long}, {Name: "ID", Type: String}}, []string{"Time", "id", "ID_2"}},
		{Schema{{Name: "ID", Type: String}, {Name: "Time", Type: Datetime}}, []string{"ID_2", "Time"}},
		{Schema{{Name: "id", Type: String}, {Name: "New", Type: Bool}}, []string{"id_string", "New"}},
		{Schema{{Name: "id", Type: Long}, {Name: "new", Type: Bool}}, []string{"id", "new_2"}},
		{Schema{{Name: "id", Type: String}}, []string{"id_string"}},
		{Schema{{Name: "Time", Type: Datetime}, {Name: "time_100NS", Type: Long}}, []string{"Time", "time_100NS_2"}},
		{Schema{{Name: "x", Type: Long}, {Name: "x", Type: Long}, {Name: "x_2", Type: Long}}, []string{"x", "x_2", "x_2_2"}},
	} {
		if got := extend(step.answer); !reflect.DeepEqual(got, step.want) {
			t.Errorf("Extend(%v) gives %v, want %v", step.answer, got, step.want)
		}
		if exact, _ := Schema(nil).Extend(Schema{{Name: "id", Type: Long}, {Name: "ID", Type: Long}, {Name: "ID", Type: Long}}, true); exact[1].FileName() != "ID" || exact[2].FileName() != "ID_2" {
			t.Errorf("exact names become %v, want id, ID and ID_2", exact)
		}
		back, err := SchemaOf(step.answer.Arrow())
		if err != nil || back.Hash() != step.answer.Hash() {
			t.Errorf("SchemaOf(Arrow(%v)) = %v, %v", step.answer, back, err)
		}
	}
}
