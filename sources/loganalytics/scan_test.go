package loganalytics

import (
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

// significant returns the tokens that are neither space nor comment.
func significant(text string) []string {
	var all []string
	for _, t := range scan(text) {
		if t.kind != tokenSpace && t.kind != tokenComment {
			all = append(all, text[t.start:t.end])
		}
	}
	return all
}

func TestScan(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"T|where A==1", "T·|·where·A·==·1"},
		{"// T | x\nU", "U"},
		{"U // it's a \"comment", "U"},
		{"U//x\r\nV", "U·V"},
		{`"a // b" c`, `"a // b"·c`},
		{`"a\"b" c`, `"a\"b"·c`},
		{`'a"b' c`, `'a"b'·c`},
		{`"a\\" c`, `"a\\"·c`},
		{`@"a\" c`, `@"a\"·c`},
		{`@'a''b' c`, `@'a''b'·c`},
		{"@\"a\nb\" c", "@\"a\nb\"·c"},
		{`h"s" H'x' h@"a\" hat`, `h"s"·H'x'·h@"a\"·hat`},
		{"```a\n'b|``` c", "```a\n'b|```·c"},
		{"~~~a`b~~~ c", "~~~a`b~~~·c"},
		{"h```s``` c", "h```s```·c"},
		{"\"a\nb", "\"a·\n·b"},
		{"1d 0x1F 1.5e-3 1e+4 2.5h 1..5", "1d·0x1F·1.5e-3·1e+4·2.5h·1·..·5"},
		{"0xE-1", "0xE·-·1"},
		{"['a b'] x.y a=~'b'", "[·'a b'·]·x·.·y·a·=~·'b'"},
		{"mv-expand !in~ (a)", "mv·-·expand·!·in·~·(·a·)"},
		{"Größe_1 $left _x", "Größe_1·$left·_x"},
		{"a\u00a0b\ufeffc", "a·b·c"},
		{"\xff\xfe", "\xff·\xfe"},
		{"datetime(2026-01-01T00:00:00Z)", "datetime·(·2026·-·01·-·01T00·:·00·:·00Z·)"},
	} {
		got := significant(c.text)
		if c.text == "\"a\nb" { // a broken literal ends with its line
			got = []string{got[0], "\n", got[1]}
		}
		if s := strings.Join(got, "·"); s != c.want {
			t.Errorf("scan(%q):\n got %s\nwant %s", c.text, s, c.want)
		}
	}
}

func TestScanBroken(t *testing.T) {
	for _, text := range []string{`"a`, `'`, `@"a`, "```a``", "~~~", `h"x`, `h@'`, "\"a\\\nb\""} {
		if !hasBroken(text) {
			t.Errorf("%q has no broken literal, want one", text)
		}
	}
	for _, text := range []string{`""`, `''`, `@""`, "``````", "h", "@", "`", "~"} {
		if hasBroken(text) {
			t.Errorf("%q has a broken literal, want none", text)
		}
	}
}

func hasBroken(text string) bool {
	for _, t := range scan(text) {
		if t.kind == tokenBroken {
			return true
		}
	}
	return false
}

// keepsText fails unless the author's text stands in what is sent, byte for
// byte, with at most one piece put into it.
func keepsText(t *testing.T, text, sent string) {
	t.Helper()
	text = strings.TrimPrefix(text, "\ufeff")
	sent = strings.TrimPrefix(sent, "\ufeff")
	front := 0
	for front < len(text) && front < len(sent) && text[front] == sent[front] {
		front++
	}
	if len(sent) < len(text) || !strings.HasSuffix(sent, text[front:]) {
		t.Fatalf("the text was not kept:\n%q\nis sent as\n%q", text, sent)
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"T | where A == 'x' // c", "@\"a\"\"", "```", "h@'", "let x = 1; x", "((([{", "\xff'", "1e-", "['a']", "union (A|take 1), B*",
		"mv-apply x on (where y)", "let f=(a:int){a};f(1)", "set a=1; T", "slice_start slice_end", "join kind=inner (T) on x", "search in (A,B) 'x'",
		"T|summarize count() by bin(TimeGenerated,1h)", "let s=time(1.0:0:0);T|distinct bin(TimeGenerated,s)", "T|extend (a,b)=c|project d=bin(TimeGenerated,1.5h),*",
		"T|project-away T*|project-rename a=TimeGenerated", "T|evaluate pivot(a,b,TimeGenerated)", "T|evaluate bag_unpack(d):(*)", "T|render x;//",
		"find in (A) where b project TimeGenerated", "union withsource=a A,B", "T|where TimeGenerated!between(datetime(1)..x)", "Usage|where ['Usage']==d.Usage"} {
		f.Add(s)
	}
	known := &catalog{tables: map[string]*tableInfo{
		"T":     {Name: "T", TimeColumn: "TimeGenerated", Columns: pipeline.Schema{{Name: "TimeGenerated", Type: pipeline.Datetime}}},
		"Usage": {Name: "Usage", TimeColumn: "When"},
	}}
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, token := range scan(text) {
			if token.start != at || token.end <= at {
				t.Fatalf("token [%d,%d) after byte %d of %q", token.start, token.end, at, text)
			}
			at = token.end
		}
		if at != len(text) {
			t.Fatalf("tokens end at %d of %d in %q", at, len(text), text)
		}
		for _, catalog := range []*catalog{nil, known} {
			for _, plan := range []pipeline.TablePlan{pipeline.Analytics, pipeline.Basic} {
				fuzzText(t, pipeline.Query{Text: text, Plan: plan}, catalog)
			}
		}
	})
}

func fuzzText(t *testing.T, q pipeline.Query, known *catalog) {
	for _, whole := range []bool{false, true} {
		j := check(q, whole, known)
		for _, p := range j.Problems {
			if p.Offset < 0 || p.Length < 0 || p.Offset+p.Length > len(q.Text) {
				t.Fatalf("problem %q at %d+%d lies outside of %q", p.Summary, p.Offset, p.Length, q.Text)
			}
		}
		if j.Atom < 0 || j.Atom > maxAtom || j.Atom%pipeline.TickSize != 0 {
			t.Fatalf("%q has the atom %v", q.Text, j.Atom)
		}
	}
	for _, part := range []string{"", "a0"} {
		if r, err := rewrite(q, testWindow, testCut, part, known); err == nil {
			keepsText(t, q.Text, r.text)
		}
		if r, err := countText(q, testWindow, testCut, part, known); err == nil && !strings.Contains(r.text, " | count") {
			t.Fatalf("%q is counted by %q", q.Text, r.text)
		}
	}
}
