package loganalytics

import (
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

// TestCheck gives for each text the words that a problem is about and its
// summary; "" is none, a leading "~" a warning.
func TestCheck(t *testing.T) {
	for _, c := range []struct{ text, about, summary string }{
		{"T", "", ""},
		{"T | where a == 1 | extend b = strcat(a, 'x') | project b, TimeGenerated | project-away b", "", ""},
		{"T | parse a with * 'x' b | mv-expand c to typeof(string) | render table", "", ""},
		{"let n = 5; let f = (x:string) { tolower(x) }; T | where f(a) == 'x' and b > n", "", ""},
		{"union A, (B | where x)", "", ""},
		{"T | where a in ('x', 'y') and b has_any ('z', 'w')", "", ""},
		{"let l = dynamic(['x']); T | where a in~ (l)", "", ""},
		{"let l = datatable(a:string)['x']; T | where a in (l) | lookup l on a | join kind=inner l on a", "", ""},
		{"let w = _GetWatchlist('w') | project k; T | where a !in (w)", "", ""},
		{"T | mv-apply x = a on (where x > 1 | project x)", "", ""},
		{"T | evaluate bag_unpack(d)", "", ""},
		{"T | as X | where a", "", ""},
		{"set query_now = datetime(2026-01-01); T | where a > ago(1d)", "", ""},
		{"T | sort by a", "sort", "~Order within a slice only"},
		{"union isfuzzy=true A, B", "isfuzzy=true", "~Fuzzy union"},
		{"let T = T | where a; T", "T ", "~Table under its own name"},
		{"set truncationmaxrecords=5; T", "set truncationmaxrecords=5", "~Option that changes the answer"},

		{"T | summarize count() by bin(TimeGenerated, 1h)", "summarize", summaryOperator},
		{"T | take 5", "take", summaryOperator},
		{"T | top 5 by a", "top", summaryOperator},
		{"T | distinct a", "distinct", summaryOperator},
		{"T | count", "count", summaryOperator},
		{"T | sample-distinct 5 of a", "sample-distinct", summaryOperator},
		{"T | make-series count() on TimeGenerated step 1h", "make-series", summaryOperator},
		{"T | evaluate pivot(a)", "evaluate", summaryOperator},
		{"T | mv-apply x = a on (summarize count())", "summarize", summaryOperator},
		{"let x = T | summarize by a; U | where b in (x)", "summarize", summaryOperator},
		{"let f = () { T | distinct a }; f()", "distinct", summaryOperator},
		{"T | frobnicate a", "frobnicate", "Unknown operator"},
		{"T | project-sideways a", "project-sideways", "Unknown operator"},
		{"T | ", "", "Unknown operator"},
		{"T || where a", "", "Unknown operator"},
		{"T | join U on a", "join", "Join of two reads"},
		{"T | join kind=inner (U | where b) on a", "join", "Join of two reads"},
		{"let l = datatable(a:string)['x']; T | join l on a", "join", "Join without a kind"},
		{"let l = datatable(a:string)['x']; l | join kind=inner T on a", "join", "Join of two reads"},
		{"let l = datatable(a:string)['x']; T | join kind=fullouter l on a", "join", "Join of two reads"},
		{"T | where a in (U | project b)", "U | project b", "Second read"},
		{"let x = U | project b; T | where a in (x)", "x", "Second read"},
		{"T | where a > toscalar(U | project b)", "U | project b", "Second read"},
		{"T | where a in (U)", "U", "Table or column"},
		{"T | extend n = row_number()", "row_number", "Function of several rows"},
		{"T | extend n = prev(a)", "prev", "Function of several rows"},
		{"T | extend n = series_fit_line(a)", "series_fit_line", "Function of several rows"},
		{"T | where a > ago(1d)", "ago", "Time relative to now"},
		{"T | where a > now() - 1d", "now", "Time relative to now"},
		{"let s = ago(1d); T | where a > s", "ago", "Time relative to now"},
		{"search 'x'", "search", "Search"},
		{"union *", "*", "Tables by pattern"},
		{"union A*", "A*", "Tables by pattern"},
		{"table('T') | where a", "table('T')", "Table elsewhere"},
		{"workspace('w').T", "workspace('w').T", "Table elsewhere"},
		{"_Im_Dns(a=1) | where b", "_Im_Dns(a=1)", "Function of the workspace"},
		{"T | invoke F()", "invoke", "Function of the workspace"},
		{"print 1", "print 1", "Query without a table"},
		{"range x from 1 to 5 step 1", "range x from 1 to 5 step 1", "Query without a table"},
		{"union T, (print 1)", "(print 1)", "Constant rows in a union"},
	} {
		problems := check(c.text, false)
		if c.summary == "" {
			if len(problems) > 0 {
				t.Errorf("check(%q) = %+v, want nothing", c.text, problems)
			}
			continue
		}
		found := false
		for _, p := range problems {
			about := c.text[p.Offset : p.Offset+p.Length]
			if p.Summary == strings.TrimPrefix(c.summary, "~") && p.Warning == (c.summary[0] == '~') && about == strings.TrimSpace(c.about) {
				found = true
				if !p.Warning && !strings.Contains(p.Detail, `slice = "none"`) && p.Summary != "Time relative to now" {
					t.Errorf("check(%q): %q tells no way out", c.text, p.Detail)
				}
			}
		}
		if !found {
			t.Errorf("check(%q) = %+v, want %q about %q", c.text, problems, c.summary, c.about)
		}
	}
}

// TestCheckForm holds for slices and for the whole window.
func TestCheckForm(t *testing.T) {
	for _, c := range []struct{ text, summary string }{
		{"T | where (a", "Unbalanced brackets"},
		{"T | where a)", "Unbalanced brackets"},
		{"T | where (a]", "Unbalanced brackets"},
		{"T | where a == 'x", "Text without an end"},
		{"T | where a == ```x", "Text without an end"},
		{"", "No result"},
		{"// only a comment", "No result"},
		{"let x = 5;", "No result"},
		{".show tables", "Management command"},
		{"T; U", "Several results"},
		{"set best_effort=true; T", "Option that hides missing rows"},
		{"set query_take_max_records = 5; T", "Option that hides missing rows"},
		{"T | where a > slice_start", "One bound of the slice only"},
	} {
		for _, whole := range []bool{false, true} {
			problems := check(c.text, whole)
			if len(problems) == 0 || problems[0].Summary != c.summary || problems[0].Warning {
				t.Errorf("check(%q, %v) = %+v, want %q", c.text, whole, problems, c.summary)
			}
		}
	}
	for _, text := range []string{
		"T | summarize count()", "T | where a > ago(1d)", "search 'x'", "T | join U on a", "print 1", strings.Repeat("(", 500) + "T" + strings.Repeat(")", 500),
	} {
		if problems := check(text, true); len(problems) > 0 {
			t.Errorf("check(%.40q, whole) = %+v, want nothing", text, problems)
		}
		if problems := check(text, false); len(problems) == 0 {
			t.Errorf("check(%.40q) = nothing, want a problem", text)
		}
	}
	if problems := check("T | where a between (slice_start .. slice_end) | summarize count()", false); len(problems) > 0 {
		t.Errorf("a text with both bounds gives %+v, want nothing", problems)
	}
}

func TestFingerprint(t *testing.T) {
	s := &Source{workspace: strings.ToLower(testWorkspace)}
	base := pipeline.Query{Address: "query.a", Text: "T | where a == 'x y'"}
	want := s.Fingerprint(base)
	if !strings.HasPrefix(want, "fp1:") || len(want) != 4+64 {
		t.Errorf("fingerprint %q", want)
	}
	same := []pipeline.Query{
		{Text: "T|where a=='x y'"}, {Text: "// c\nT\r\n\t| where a == 'x y' // d"}, {Text: base.Text, TimeColumn: "TimeGenerated"}, {Text: "\ufeff" + base.Text},
	}
	for _, q := range same {
		if got := s.Fingerprint(q); got != want {
			t.Errorf("%q with %q differs", q.Text, q.TimeColumn)
		}
	}
	other := []pipeline.Query{
		{Text: "T | where a == 'xy'"}, {Text: "T | where a == \"x y\""}, {Text: "T | wherea == 'x y'"}, {Text: base.Text, TimeColumn: "Other"}, {Text: ""},
	}
	for _, q := range other {
		if got := s.Fingerprint(q); got == want {
			t.Errorf("%q with %q is the same", q.Text, q.TimeColumn)
		}
	}
	if got := (&Source{workspace: "other"}).Fingerprint(base); got == want {
		t.Error("another workspace has the same fingerprint")
	}
	// What is written in ledgers must keep its meaning.
	if want != "fp1:"+fingerprintOfBase {
		t.Errorf("fingerprint of the base query is %s", want)
	}
}

const fingerprintOfBase = "f5a7025f4adce7ab8db3e01abfbb8277f21a2f877c0efb630a8a2c7e9cce7c65"
