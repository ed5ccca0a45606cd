package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
)

// shelf is a source with tables, of which some cannot be asked.
type shelf struct {
	filled, odd map[string]bool
	missing     []string
	fail        error

	mu    sync.Mutex
	asked []int // lengths of the lists
	busy  int   // times to be asked again
}

func (s *shelf) Read(context.Context, Slice, func(arrow.Record) error) (Reading, error) {
	return Reading{}, nil
}
func (s *shelf) Tables(context.Context) ([]Table, error)          { return nil, s.fail }
func (s *shelf) Missing(context.Context, Query) ([]string, error) { return s.missing, s.fail }
func (s *shelf) Filled(_ context.Context, tables []Table, _ Window) (names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy > 0 {
		s.busy--
		return []string{tables[0].Name}, &RetryAfter{Err: errors.New("busy")}
	}
	s.asked = append(s.asked, len(tables))
	if s.fail != nil {
		return nil, s.fail
	}
	for _, t := range tables {
		if s.odd[t.Name] {
			return names, fmt.Errorf("%w: no %s", ErrQuery, t.Name)
		}
		if s.filled[t.Name] {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

func TestOccupied(t *testing.T) {
	var tables []Table
	filled, odd := make(map[string]bool), make(map[string]bool)
	for i := range 60 {
		name := fmt.Sprintf("T%02d", i)
		tables = append(tables, Table{Name: name})
		filled[name] = i%3 == 0
		odd[name] = i == 7 || i == 8 || i == 59
	}
	s := &shelf{filled: filled, odd: odd, busy: 2}
	occupied, refused, err := Occupied(context.Background(), s, tables, Window{}, quick)
	if err != nil {
		t.Fatal(err)
	}
	for name := range odd {
		if (refused[name] != nil) != odd[name] {
			t.Errorf("%s: refused with %v", name, refused[name])
		}
	}
	var got, want []string
	for _, table := range occupied {
		got = append(got, table.Name)
	}
	for _, table := range tables {
		if filled[table.Name] && !odd[table.Name] {
			want = append(want, table.Name)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("occupied\n got %v\nwant %v", got, want)
	}
	for _, n := range s.asked {
		if n > TablesAtOnce {
			t.Errorf("asked of %d tables at once, want at most %d", n, TablesAtOnce)
		}
	}
	if len(s.asked) > 30 {
		t.Errorf("asked %d times", len(s.asked))
	}
	s.fail = ErrAccess
	if _, _, err := Occupied(context.Background(), s, tables, Window{}, quick); !errors.Is(err, ErrAccess) {
		t.Errorf("without access: %v", err)
	}
}

func TestAbsent(t *testing.T) {
	export := func(name string, m MissingTable, s Source) Export {
		return Export{Query: Query{Address: name, MissingTable: m}, Source: s}
	}
	got, err := Absent(context.Background(), []Export{
		export("a", MissingSkip, &shelf{missing: []string{"X", "Y"}}),
		export("b", MissingSkip, &shelf{}),
		export("c", MissingError, &shelf{missing: []string{"X"}}),
		export("d", MissingSkip, &shelf{missing: []string{"X"}, fail: fmt.Errorf("%w: syntax", ErrQuery)}),
	}, quick)
	if err != nil || fmt.Sprint(got) != "[{a [X Y]}]" {
		t.Errorf("absent: %v, %v; want a alone, with X and Y", got, err)
	}
	if _, err := Absent(context.Background(), []Export{export("a", MissingSkip, &shelf{fail: ErrAccess})}, quick); !errors.Is(err, ErrAccess) {
		t.Errorf("without access: %v", err)
	}
}

// quick tries again without waiting.
var quick = Retry{Attempts: 4, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
