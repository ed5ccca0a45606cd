package pipeline

import (
	"context"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"
)

// placing puts objects into a folder of the query, or also of the year.
type placing struct {
	Sink
	ext    string
	yearly bool
}

func (s placing) Place(q Query, start time.Time) (Place, error) {
	p := Place{q.Address, s.ext}
	if s.yearly {
		p.Folder += start.Format("/2006")
	}
	return p, nil
}

func (s placing) PlaceOf(key string) (Place, bool) {
	_, ext, ok := strings.Cut(path.Base(key), ".")
	return Place{path.Dir(key), ext}, ok
}

func TestMoved(t *testing.T) {
	file := func(query, sink, key, start, cut string) Entry {
		return Entry{Query: query, Sink: sink, Receipt: &Receipt{Key: key, Cut: Cut{To: at(cut)}, Rows: 1,
			Window: Window{at(start), at(start).Add(24 * time.Hour)}}}
	}
	old := file("query.a", "s", "query.a/1.parquet", "2026-01-02T00:00:00Z", "2026-02-01T00:00:00Z")
	newer := file("query.a", "s", "query.a/2.csv", "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z")
	empty := file("query.a", "s", "", "2026-01-03T00:00:00Z", "2026-02-03T00:00:00Z")
	other := file("query.b", "s", "query.b/1.parquet", "2026-01-02T00:00:00Z", "2026-02-01T00:00:00Z")
	odd := file("query.a", "s", "query.a/odd", "2026-01-02T00:00:00Z", "2026-02-01T00:00:00Z")
	for _, test := range []struct {
		name string
		past []Entry
		sink placing
		end  string
		want string
	}{
		{"nothing there", nil, placing{ext: "csv"}, "2026-01-09T00:00:00Z", ""},
		{"as it was", []Entry{old}, placing{ext: "parquet"}, "2026-01-09T00:00:00Z", ""},
		{"another format", []Entry{old}, placing{ext: "csv.gz"}, "2026-01-09T00:00:00Z", "query.a parquet -> query.a csv.gz"},
		{"of two queries", []Entry{old, other}, placing{ext: "csv"}, "2026-01-09T00:00:00Z", "query.a parquet -> query.a csv"},
		{"not of the newest file, whose window is an older one", []Entry{old, newer, empty}, placing{ext: "csv"}, "2026-01-09T00:00:00Z", ""},
		{"another folder", []Entry{old, other}, placing{ext: "parquet", yearly: true}, "2026-01-09T00:00:00Z", "query.a parquet -> query.a/2026 parquet"},
		{"nothing to write", []Entry{old}, placing{ext: "csv"}, "2026-01-03T00:00:00Z", ""},
		{"a key that tells nothing", []Entry{odd}, placing{ext: "csv"}, "2026-01-09T00:00:00Z", ""},
	} {
		var entries []Entry
		for _, e := range test.past {
			for _, kind := range []Kind{KindIntended, KindDone} {
				if e.Kind = kind; kind == KindDone || e.Key != "" {
					entries = append(entries, e)
				}
			}
		}
		var exports []Export
		for _, address := range []string{"query.a", "query.b"} {
			exports = append(exports, Export{Query: Query{Address: address}, Targets: []Target{{Address: "sink.s", Identity: "s", Sink: test.sink, Calendar: Daily}},
				Span: Span{Start: Bound{At: at("2026-01-02T00:00:00Z")}, End: Bound{At: at(test.end)}, Step: 24 * time.Hour}})
		}
		p, err := BuildPlan(context.Background(), exports, foldOrFail(t, entries...), at("2026-03-01T00:00:00Z"), PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range p.Moved {
			got = append(got, fmt.Sprintf("%s %s -> %s %s", m.Before.Folder, m.Before.Ext, m.After.Folder, m.After.Ext))
			if m.Sink != "sink.s" {
				t.Errorf("%s: of %s, want sink.s", test.name, m.Sink)
			}
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("%s: %q, want %q", test.name, text, test.want)
		}
	}
}
