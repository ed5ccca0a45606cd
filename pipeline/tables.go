package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Table is a table of a source. The JSON form is part of saved plans.
type Table struct {
	Name       string    `json:"name"`
	Text       string    `json:"text"`                  // the query that reads all of it
	TimeColumn string    `json:"time_column,omitempty"` // that the service filters by; "" if it has none
	Plan       TablePlan `json:"plan,omitempty"`        // Analytics as well if the source does not know
	Columns    Schema    `json:"-"`                     // nil if they are not known
}

// Catalog is implemented by sources that know which tables they have. Errors
// are those of Source.Read.
type Catalog interface {
	// Tables lists the tables by name, those without rows too.
	Tables(ctx context.Context) ([]Table, error)
	// Filled returns the names of those tables of a list that have a row in the
	// window. The list is at most TablesAtOnce long, its tables have a
	// TimeColumn and the plan Analytics. An ErrQuery says that one of them
	// cannot be asked; Ask finds out which.
	Filled(ctx context.Context, tables []Table, w Window) ([]string, error)
	// Missing returns the names that q reads rows from and that the source
	// does not have, or does not show to this credential.
	Missing(ctx context.Context, q Query) ([]string, error)
}

// TablesAtOnce is how many tables one question is about.
const TablesAtOnce = 25

// asksAtOnce is how many such questions are open at a time.
const asksAtOnce = 4

// Ask calls ask for all tables, TablesAtOnce at a time, and for several such
// lists at once. A list that ask refuses with ErrQuery or ErrTooLarge is halved
// until the tables are alone that cannot be asked, so that one of them does not
// hide the others; they are returned with the reason. Any other error ends it.
// What ask finds counts only if it returns nil.
func Ask(ctx context.Context, tables []Table, retry Retry, ask func(context.Context, []Table) error) (refused map[string]error, err error) {
	refused = make(map[string]error)
	lists := slices.Collect(slices.Chunk(tables, TablesAtOnce))
	var mu sync.Mutex // of refused, lists and err
	var half func([]Table) error
	half = func(some []Table) error {
		err := retry.Do(ctx, func() error { return ask(ctx, some) }, nil)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, ErrQuery) && !errors.Is(err, ErrTooLarge):
			return err
		case len(some) == 1:
			mu.Lock()
			defer mu.Unlock()
			refused[some[0].Name] = err
			return nil
		}
		if err := half(some[:len(some)/2]); err != nil {
			return err
		}
		return half(some[len(some)/2:])
	}
	take := func(ended error) (list []Table, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			err = ended
		}
		if err != nil || len(lists) == 0 {
			return nil, false
		}
		list, lists = lists[0], lists[1:]
		return list, true
	}
	inParallel(asksAtOnce, func() {
		for list, ok := take(ctx.Err()); ok; list, ok = take(half(list)) {
		}
	})
	return refused, err
}

// Occupied returns those of the tables that have a row in the window, in their
// order, and the reasons of those that could not be asked.
func Occupied(ctx context.Context, c Catalog, tables []Table, w Window, retry Retry) (occupied []Table, refused map[string]error, err error) {
	filled := make(map[string]bool)
	var mu sync.Mutex
	refused, err = Ask(ctx, tables, retry, func(ctx context.Context, some []Table) error {
		names, err := c.Filled(ctx, some, w)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			for _, name := range names {
				filled[name] = true
			}
		}
		return err
	})
	for _, t := range tables {
		if filled[t.Name] {
			occupied = append(occupied, t)
		}
	}
	return occupied, refused, err
}

// Absence is a query that cannot be read yet.
type Absence struct {
	Query  string   // address
	Tables []string // that it reads and the source does not have
}

// Absent finds the exports whose tables may be missing and are. They are left
// out of a plan, so that nothing is recorded as done and their rows are
// exported once there are some.
func Absent(ctx context.Context, exports []Export, retry Retry) ([]Absence, error) {
	var all []Absence
	for _, e := range exports {
		c, ok := e.Source.(Catalog)
		if !ok || e.Query.MissingTable != MissingSkip {
			continue
		}
		var missing []string
		err := retry.Do(ctx, func() (err error) {
			missing, err = c.Missing(ctx, e.Query)
			return err
		}, nil)
		switch {
		case errors.Is(err, ErrQuery), errors.Is(err, ErrTooLarge):
			// The probe, or the read, will say so of the query itself.
		case err != nil:
			return nil, err
		case len(missing) > 0:
			all = append(all, Absence{e.Query.Address, missing})
		}
	}
	return all, nil
}

// NameMatches reports whether a name fits a pattern in which "*" stands for
// any text.
func NameMatches(pattern, name string) bool { return wild(pattern, name) }
