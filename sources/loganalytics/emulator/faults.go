package emulator

import (
	"fmt"
	"strings"
	"time"
)

// Fault is something that goes wrong with the requests that match.
type Fault struct {
	Match  Match
	Action Action
}

// Match chooses requests. Route, Query, From and To are conditions of the
// request; all that are set must hold. Nth, Every and Probability choose among
// the requests that meet them, which are counted from 1; none of the three set
// chooses all.
type Match struct {
	// Route is "query" (also if empty), "search", "metadata", "token" or "any".
	Route string
	// Query is a part of the query's text, case-sensitive.
	Query string
	// From and To choose requests whose timespan has an instant in [From, To).
	// A zero bound is open. A request without a timespan covers all times.
	From, To time.Time
	// Nth chooses that request only.
	Nth int
	// Every chooses each that many requests: the 3rd, 6th, 9th for 3.
	Every int
	// Probability chooses with that chance, 0 to 1. The draw depends on the
	// seed, the request and how often it has come, not on other requests.
	Probability float64
	// Times ends the fault after it has fired so often. Zero is never.
	Times int
}

// Action is what happens to a request. What is left zero stays as it is.
type Action struct {
	// Status and Body replace the answer: 500 with an HTML page, 429, an empty
	// 200, 204, a 200 that is not JSON. A Status of 0 with a Body is 200.
	Status int
	Body   string
	// ContentType is that of Body: guessed from its first character if empty.
	ContentType string
	// RetryAfter is sent as it is: seconds or an HTTP date.
	RetryAfter string
	// Cut breaks the connection off after CutAfter bytes of the body as they are
	// on the wire, compressed or not. A shorter body breaks off at its end.
	Cut      bool
	CutAfter int64
	// Reset breaks the connection off before anything is sent.
	Reset bool
	// End ends the body after EndAfter bytes of its JSON as if that were all.
	End      bool
	EndAfter int64
	// CorruptGzip spoils the checksum of a compressed body.
	CorruptGzip bool
	// Delay is waited before anything is sent, Drip before each 16 KiB. Both are
	// real time.
	Delay, Drip time.Duration
	// Takes is how long the query is said to run. If it exceeds the wait of the
	// request, the answer is a 504, at once.
	Takes time.Duration
	// ErrorFirst puts "error" before "tables", RowsFirst "rows" before
	// "columns" and both before "name".
	ErrorFirst, RowsFirst bool
	// StatisticsRows and StatisticsBytes are added to what the statistics tell,
	// NoStatistics leaves them out though they were asked for.
	StatisticsRows, StatisticsBytes int64
	NoStatistics                    bool
	// ExtraKeys puts keys that no reader knows into every object, ADXValues writes
	// values as Azure Data Explorer does: dynamic as JSON, bool as 0 and 1,
	// decimal as a number.
	ExtraKeys, ADXValues bool
	// Stale repeats an answer out of the cache though the request forbids that.
	Stale bool
	// Unreadable are workspaces, GUIDs with commas between them, whose rows the
	// answer lacks without a word.
	Unreadable string
	// ExtraTable appends a second table to the answer.
	ExtraTable bool
	// Partial ends the answer with a PartialError, rows untouched.
	Partial *Partial
}

// Partial is the inner error of a PartialError.
type Partial struct {
	Code     string // "-2133196797" if empty
	Message  string
	Severity int // 2 if zero
	// SeverityName is "Error" if empty and Severity is 2 or less, else "Warning".
	SeverityName string
}

// replaces reports whether the action answers by itself.
func (a Action) replaces() bool { return a.Status != 0 || a.Body != "" || a.ContentType != "" }

func checkFaults(faults []Fault) error {
	for i, f := range faults {
		if err := f.check(); err != nil {
			return fmt.Errorf("faults[%d].%w", i, err)
		}
	}
	return nil
}

// check names the first field that makes no sense, as "match.field: reason".
func (f Fault) check() error {
	m, a := f.Match, f.Action
	switch {
	case m.Route != "" && !strings.Contains(" query search metadata token any ", " "+m.Route+" "):
		return fmt.Errorf("match.route: %q is not query, search, metadata, token or any", m.Route)
	case m.Nth < 0:
		return fmt.Errorf("match.nth: %d is negative", m.Nth)
	case m.Every < 0:
		return fmt.Errorf("match.every: %d is negative", m.Every)
	case m.Times < 0:
		return fmt.Errorf("match.times: %d is negative", m.Times)
	case !(m.Probability >= 0 && m.Probability <= 1):
		return fmt.Errorf("match.probability: %v is not between 0 and 1", m.Probability)
	case !m.From.IsZero() && !m.To.IsZero() && !m.From.Before(m.To):
		return fmt.Errorf("match.to: %s is not after from", m.To.Format(time.RFC3339Nano))
	case a.Status != 0 && (a.Status < 200 || a.Status > 599):
		return fmt.Errorf("action.status: %d is not the status of an answer", a.Status)
	case a.Status == 204 && a.Body != "":
		return fmt.Errorf("action.body: an answer with status 204 has none")
	case a.CutAfter < 0:
		return fmt.Errorf("action.cut_after: %d is negative", a.CutAfter)
	case a.EndAfter < 0:
		return fmt.Errorf("action.end_after: %d is negative", a.EndAfter)
	case a.Delay < 0:
		return fmt.Errorf("action.delay: %s is negative", a.Delay)
	case a.Drip < 0:
		return fmt.Errorf("action.drip: %s is negative", a.Drip)
	case a.Takes < 0:
		return fmt.Errorf("action.takes: %s is negative", a.Takes)
	case a == (Action{}):
		return fmt.Errorf("action: it does nothing")
	}
	return nil
}
