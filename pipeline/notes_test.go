package pipeline

import (
	"strings"
	"testing"
	"time"
)

// What lies outside of a window that was narrowed is told, and what a bound has
// left behind that moves with the clock is not.
func TestNotesOfNarrowerWindow(t *testing.T) {
	day := func(n int) Window {
		return Window{dayStart.AddDate(0, 0, n), dayStart.AddDate(0, 0, n+1)}
	}
	h, err := Fold([]Entry{doneEntry("mem:a", day(-2)), doneEntry("mem:a", day(0)), doneEntry("mem:a", day(1)), doneEntry("mem:a", day(3))})
	if err != nil {
		t.Fatal(err)
	}
	absolute := func(days int) Bound { return Bound{At: dayStart.AddDate(0, 0, days)} }
	relative := Bound{Relative: true, Ago: time.Hour}
	for _, test := range []struct {
		start, end Bound
		want       []Window
	}{
		{absolute(-2), absolute(4), nil},
		{absolute(0), absolute(2), []Window{day(-2), day(3)}},
		{absolute(1), relative, []Window{day(-2), day(0)}},
		{relative, absolute(2), []Window{day(3)}},
		{relative, relative, nil},
	} {
		e := exportOf(nil, testTarget(newWorld(), "a", Daily))
		e.Span.Start, e.Span.End = test.start, test.end
		var got []string
		for _, n := range h.Notes([]Export{e}) {
			got = append(got, n.Query+" "+n.Text)
		}
		want := ""
		if test.want != nil {
			want = "query.t has slices beyond its window, " + several(test.want) + "; they are kept, no longer exported"
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%v to %v notes %q, want %q", test.start, test.end, got, want)
		}
	}
	if got, want := several([]Window{day(0), day(2), day(4), day(6), day(8)}), "and 2 more"; !strings.HasSuffix(got, want) {
		t.Errorf("five windows are told as %q, want %q at the end", got, want)
	}
}
