package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

// carryOut records the moves of the moved blocks that have not been made. It
// needs the lock.
func (s *session) carryOut(ctx context.Context) error {
	return s.move(func(moves []pipeline.Entry) error { return errors.Join(s.ledger.Append(ctx, moves...), s.refold(ctx)) })
}

// move makes the moves of the moved blocks that have not been made, and notes
// them. One that cannot be made is noted too: what it is about stays as it is.
func (s *session) move(record func([]pipeline.Entry) error) error {
	s.recall()
	for _, m := range s.Moves {
		moves, taken := s.moves(m.From, m.To)
		for _, address := range taken {
			s.moved = append(s.moved, fmt.Sprintf("%s has a history of its own, so it does not take over that of %s, whose rows are kept; remove the moved block", address, m.From))
		}
		if len(moves)+len(taken) == 0 && !s.history.Knows(m.To) {
			if hint := config.DidYouMean(m.From, s.left()); hint != "" {
				s.moved = append(s.moved, fmt.Sprintf("%s is to take over from %s, of which the state knows nothing.%s", m.To, m.From, hint))
			}
		}
		for _, e := range moves {
			s.moved = append(s.moved, fmt.Sprintf("%s was %s: %s with it", e.Query, e.Was, s.belongings(e.Was)))
		}
		if len(moves) == 0 {
			continue
		}
		if err := record(moves); err != nil {
			return err
		}
	}
	return nil
}

// belongings words what a query takes along.
func (s *session) belongings(address string) string {
	var rows int64
	for _, l := range s.history.Lines() {
		if l.Query == address {
			rows = max(rows, l.Rows) // the same rows in each sink
		}
	}
	switch rows {
	case 0:
		return "what the state knows of it goes"
	case 1:
		return "its row goes"
	}
	return "its " + amount(rows) + " rows go"
}

// left returns the queries that the state knows and the pipeline does not
// declare.
func (s *session) left() []string {
	declared := make(map[string]bool)
	for _, e := range s.exports() {
		declared[e.Query.Address] = true
	}
	var left []string
	for _, address := range s.history.Addresses() {
		if !declared[address] {
			left = append(left, address)
		}
	}
	return left
}

// moves returns the entries that give what the state knows of one address to
// another, none if it knows nothing of the first. A query without a key takes
// its instances along to another without one. What would be given to an address
// that has a history is left out: those addresses are taken.
func (s *session) moves(from, to string) (moves []pipeline.Entry, taken []string) {
	instances := strings.Contains(from, "[") == strings.Contains(to, "[")
	for _, address := range s.history.Addresses() {
		key, ok := strings.CutPrefix(address, from)
		switch {
		case !ok || key != "" && (key[0] != '[' || !instances):
		case s.history.Knows(to + key):
			taken = append(taken, to+key)
		default:
			moves = append(moves, pipeline.Entry{Kind: pipeline.KindMoved, Query: to + key, Was: address})
		}
	}
	return moves, taken
}

// queryAddress returns the address of one query, or of all instances of one,
// that somebody has written, as the state writes it.
func queryAddress(text string) (string, error) {
	s, err := pipeline.ParseSelector(text)
	if err != nil {
		return "", err
	}
	if _, timed := s.Window(); timed || !strings.HasPrefix(text, "query.") || strings.Contains(text, "*") {
		return "", fmt.Errorf("%q is no query's address, such as query.NAME or query.NAME[\"key\"]", text)
	}
	name, key, keyed := strings.Cut(strings.TrimSuffix(text, "]"), "[")
	if !keyed {
		return name, nil
	}
	return name + `["` + strings.Trim(key, `"'`) + `"]`, nil
}

var stateMvVerb = verb{
	name:  "state mv",
	brief: "give what is recorded of a query to another address",
	usage: "[-chdir=DIR] state mv [flags] FROM TO",
	help: `Gives all that the state knows of the query FROM to the query TO, of which it
knows nothing: what is done stays done under the new name, in the files that are
there. query.NAME takes all instances along; query.NAME and query.NAME["key"] may
also take over from each other. A block moved { from = query.A  to = query.B } does
the same.`,
	run: runStateMv,
}

func runStateMv(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o stateChange
	o.add(f)
	rest, err := p.parse(f, v, args, 2)
	if err != nil {
		return 0, err
	}
	if len(rest) != 2 {
		return 0, errors.New("state mv needs two addresses: \"kustash state mv query.OLD query.NEW\"")
	}
	from, err := queryAddress(rest[0])
	if err != nil {
		return 0, err
	}
	to, err := queryAddress(rest[1])
	if err != nil {
		return 0, err
	}
	var moved int
	var hints []string
	err = p.change(ctx, v, &o, func(s *session) ([]pipeline.Entry, string, error) {
		all, taken := s.moves(from, to)
		switch {
		case from == to:
			return nil, "", fmt.Errorf("both addresses are %s", from)
		case len(taken) > 0:
			return nil, "", fmt.Errorf("the state has a history of %s already, and two cannot be joined; choose another address, or give that one another first", taken[0])
		case len(all) == 0:
			return nil, "", fmt.Errorf("the state knows nothing of %s.%s", from, config.DidYouMean(from, s.history.Addresses()))
		}
		moved, hints = len(all), s.afterMoves(all)
		return all, "", nil
	})
	if err != nil || o.json {
		return exitDone, err
	}
	p.printf("%s %s, from %s to %s.\n", p.paint(green, "Moved:"), queries(moved), from, to)
	for _, hint := range hints {
		p.printf("  %s %s\n", p.paint(yellow, "!"), hint)
	}
	return exitDone, nil
}

// afterMoves says what the next apply makes of moves that the pipeline does not
// go along with.
func (s *session) afterMoves(moves []pipeline.Entry) []string {
	var hints []string
	declared := make(map[string]bool)
	for _, e := range s.exports() {
		declared[e.Query.Address] = true
	}
	for _, m := range moves {
		if declared[m.Was] {
			hints = append(hints, m.Was+" is still declared: the next apply exports it from the beginning")
		}
		if !declared[m.Query] {
			hints = append(hints, m.Query+" is not declared: what it has is kept, and no longer exported")
		}
	}
	return hints
}
