package pipeline

import "time"

// Placer is implemented by sinks whose objects tell by their key where they
// were put and in which format.
type Placer interface {
	// Place returns where an object of q is put whose slice begins at start.
	Place(q Query, start time.Time) (Place, error)
	// PlaceOf returns where an object is that this sink made, with its present
	// settings or earlier ones. It reports false for a key of another form.
	PlaceOf(key string) (Place, bool)
}

// Place is a folder of a sink with the format of an object in it.
type Place struct {
	Folder string `json:"folder"` // below the sink's root, with slashes
	Ext    string `json:"ext"`    // of the file, without the leading dot
}

// Moved says that files which a plan makes in a sink have another format than
// those that are there, or another folder. Those stay, and can be read.
type Moved struct {
	Sink   string `json:"sink"`   // address
	Before Place  `json:"before"` // of the newest file of some query
	After  Place  `json:"after"`  // of that file, if it were made now
}

// moved returns how the sinks of a plan have changed, each change once: the
// format is that of a whole sink, and of the folders one is an example for all.
func moved(p *Plan, exports []Export, h *History) []Moved {
	planned := make(map[lineKey]bool)
	for _, s := range p.Slices {
		for _, sink := range s.Sinks {
			planned[lineKey{s.Query, sink}] = true
		}
	}
	type change struct {
		sink          string
		before, after string // format
		folder        bool
	}
	told := make(map[change]bool)
	var all []Moved
	for _, e := range exports {
		for _, t := range e.Targets {
			placer, ok := t.Sink.(Placer)
			if !ok || !planned[lineKey{e.Query.Address, t.Identity}] {
				continue
			}
			m, ok := movedLine(placer, e.Query, h.Line(e.Query.Address, t.Identity))
			c := change{t.Identity, m.Before.Ext, m.After.Ext, m.Before.Folder != m.After.Folder}
			if !ok || told[c] {
				continue
			}
			told[c] = true
			m.Sink = t.Address
			all = append(all, m)
		}
	}
	return all
}

// movedLine compares the newest file of a query in a sink with what it would be
// now. It reports false where they are alike, or cannot be told.
func movedLine(placer Placer, q Query, l *Line) (m Moved, ok bool) {
	newest := l.newest
	if newest.Key == "" {
		return m, false
	}
	if m.Before, ok = placer.PlaceOf(newest.Key); !ok {
		return m, false
	}
	after, err := placer.Place(q, newest.Start)
	if err != nil {
		return m, false // begin says why
	}
	m.After = after
	return m, m.Before != m.After
}
