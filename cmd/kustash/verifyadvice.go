package main

import (
	"fmt"

	"github.com/kustash/kustash/pipeline"
)

// adviceAfter says what to do about findings of a type, in the order in which
// it is told. Types that are not here say it themselves.
var adviceAfter = []struct{ kind, text string }{
	{"ledger", `Ledger: put the state's folder back from a copy, all of it, then verify again. No file of the archive was compared.`},
	{"behind", `Behind: the state is older than the archive. Put its newest copy back; if there is none, move the state away and make it again with "kustash state rebuild".`},
	{"missing", `Missing files: "kustash apply" brings them back, from another sink of the query or from the workspace.`},
	{"damaged", `Damaged files: restore them from a copy, or have them read again with the command that each names.`},
	{"unknown", `Unknown files: find out who put them there and move them out of the sink's folder. If they look like kustash's own, the state is older than the archive: put its newest copy back.`},
	{"forgotten", `Forgotten files: move them out of the sink's folder, where readers would count their rows.`},
	{"marker", `Marks: make sure that this is the archive of this state, then put _kustash/lineage.json back from a copy, or write it anew.`},
	{"unreadable", `Unreadable: mend what the message names, then verify again.`},
}

// advice returns what to do about a type of finding; "" if its text says it.
func advice(kind string) string {
	for _, a := range adviceAfter {
		if a.kind == kind {
			return a.text
		}
	}
	return ""
}

// gone is the finding of a file that counts and is not there.
func gone(t pipeline.Target, query string, r pipeline.Receipt) finding {
	return finding{Type: "missing", Sink: t.Address, Query: query, Key: r.Key,
		Text: fmt.Sprintf("the file of %v with %s rows is gone", r.Window, amount(r.Rows))}
}

// damaged is the finding of a file that is not what was written.
func damaged(t pipeline.Target, query string, r pipeline.Receipt, err error) finding {
	again := readAgain(query, r.Window)
	return finding{Type: "damaged", Sink: t.Address, Query: query, Key: r.Key,
		Text: fmt.Sprintf("%v; to read it again: %s", err, again), Advice: "restore it from a copy, or read it again: " + again}
}

// marker is the finding of a mark that says nothing. Where it is known what it
// has to say, that is told.
func (c *checker) marker(t pipeline.Target, err error) finding {
	f := finding{Type: "marker", Sink: t.Address, Text: err.Error()}
	if s, ok := t.Sink.(interface{ Mark(lineage string) string }); ok {
		f.Text += "; the mark of this state is the line " + s.Mark(c.snapshot.Lineage)
	}
	return f
}

// unread is a file that is not in the sample.
type unread struct {
	query string
	pipeline.Receipt
}

// compareSizes holds the files that were not read against the list of the sink.
func (c *checker) compareSizes(t pipeline.Target, sizes map[string]int64) {
	for _, u := range c.unread {
		switch size, ok := sizes[u.Key]; {
		case !ok:
			c.find(gone(t, u.query, u.Receipt))
		case size != u.Bytes:
			c.find(damaged(t, u.query, u.Receipt, fmt.Errorf("it has %d bytes, the receipt %d", size, u.Bytes)))
		}
	}
	c.unread = nil
}

// readAgain is the command that reads the slice of a file again.
func readAgain(query string, w pipeline.Window) string {
	return fmt.Sprintf("kustash apply -replace='%s@%s/%s'", query, pipeline.ShortTime(w.Start), pipeline.ShortTime(w.End))
}
