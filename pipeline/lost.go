package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// Lost is an object that counts and that its sink does not have any more.
type Lost struct {
	Query string `json:"query"`
	Sink  string `json:"sink"` // identity
	Receipt
}

// Owner is implemented by sinks that can tell whose archive they hold, without
// writing.
type Owner interface {
	// Owned reports whether the sink has been enrolled. The error says that it
	// belongs to another ledger than that with this lineage.
	Owned(ctx context.Context, lineage string) (enrolled bool, err error)
}

// ErrUnmarked says that a sink of which the ledger knows objects has not even
// the mark of its ledger: most likely it is another place.
var ErrUnmarked = errors.New("the archive's mark _kustash/lineage.json is not there")

// FindLost compares what the sinks of the exports list with what the ledger
// says of them. As long as the numbers of objects agree it asks for no
// receipts. Sinks that cannot list, or may not be listed, are left out.
func FindLost(ctx context.Context, exports []Export, h *History, lineage string) ([]Lost, error) {
	var all []Lost
	asked := make(map[string]bool)
	for _, e := range exports {
		for _, t := range e.Targets {
			if asked[t.Identity] {
				continue
			}
			asked[t.Identity] = true
			if err := Marked(ctx, t, h, lineage); err != nil {
				return nil, err
			}
			lost, err := lostIn(ctx, t, h)
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", t.Address, err)
			}
			all = append(all, lost...)
		}
	}
	return all, nil
}

// Marked returns an error if the ledger knows objects of a sink that does not
// belong to it, or that it has never enrolled: an empty mount, a typo.
func Marked(ctx context.Context, t Target, h *History, lineage string) error {
	owner, ok := t.Sink.(Owner)
	if !ok || h.files(t.Identity) == 0 {
		return nil
	}
	enrolled, err := owner.Owned(ctx, lineage)
	if err == nil && !enrolled {
		err = fmt.Errorf("%w, although the state knows %d files there; is it mounted, and is this the right place? If they are lost for good, \"kustash state rm %s\" forgets them, and apply exports again what the workspace still has",
			ErrUnmarked, h.files(t.Identity), t.Address)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.Address, err)
	}
	return nil
}

// files returns how many objects of a sink count.
func (h *History) files(sink string) int {
	n := 0
	for k, l := range h.lines {
		if k.sink == sink {
			n += l.Files
		}
	}
	return n
}

func lostIn(ctx context.Context, t Target, h *History) ([]Lost, error) {
	lister, ok := t.Sink.(Lister)
	if !ok {
		return nil, nil
	}
	var lines []*Line
	want := 0
	for _, l := range h.Lines() {
		if l.Sink == t.Identity {
			lines = append(lines, l)
			want += l.Files + l.Other + len(l.Past)
		}
	}
	if want == 0 {
		return nil, nil
	}
	there := make(map[string]bool)
	err := lister.List(ctx, func(key string, _ int64) error { there[key] = true; return nil })
	if errors.Is(err, ErrUnreadable) {
		return nil, nil // verify says so
	}
	if err != nil {
		return nil, err
	}
	if len(there) == want {
		return nil, nil
	}
	var lost []Lost
	for _, l := range lines {
		err := l.Objects(ctx, Forever(), func(o Object) bool {
			if o.Standing == Current && o.Key != "" && !there[o.Key] {
				lost = append(lost, Lost{l.Query, l.Sink, o.Receipt})
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return lost, nil
}

// lost adds the slices whose only object is gone to what the targets miss, and
// notes what is gone. Slices of several objects are read again as a whole, see
// demanded: until then the others count on.
func (e Export) lost(ctx context.Context, p *Plan, h *History, missing [][]Window, o PlanOptions) error {
	for i, t := range e.Targets {
		line := h.Line(e.Query.Address, t.Identity)
		for _, lost := range o.Survey.Lost {
			if lost.Query != e.Query.Address || lost.Sink != t.Identity {
				continue
			}
			held, err := line.Held(ctx, lost.Window)
			if err != nil {
				return err
			}
			wanted := e.wanted(lost.Window, o.Only)
			if len(held) == 1 && len(held[0].Objects) == 1 && wanted {
				p.Lost = append(p.Lost, lost)
				missing[i] = append(missing[i], lost.Window)
			}
		}
		missing[i] = Join(missing[i])
	}
	return nil
}
