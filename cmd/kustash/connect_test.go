package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/sinks"
)

var update = flag.Bool("update", false, "rewrite golden files")

// allTypes has a column of each type, and names that need quotes.
var allTypes = pipeline.Schema{
	{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Flag", Type: pipeline.Bool}, {Name: "Small", Type: pipeline.Int},
	{Name: "Large", Type: pipeline.Long}, {Name: "Ratio", Type: pipeline.Real}, {Name: "Price", Type: pipeline.Decimal},
	{Name: "Note", Type: pipeline.String}, {Name: "Took", Type: pipeline.Timespan}, {Name: "Key", Type: pipeline.GUID},
	{Name: "Payload", Type: pipeline.Dynamic}, {Name: "a\"b'c`d]e.😀", Type: pipeline.String}, {Name: "note", Type: pipeline.Real, As: "note_2"},
}

// sampleConnector has views as connect makes them: one over files of several
// formats, of which the first lacks a column, one without files, and one without
// columns.
func sampleConnector(t *testing.T, e engine, at location) *connector {
	t.Helper()
	c := &connector{engine: e, session: &session{snapshot: &ledger.Snapshot{Seq: 7, Lineage: "lineage", Hash: strings.Repeat("0123456789ab", 6)}}, places: []location{at}}
	v := view{name: "events_It_s", rows: 60, files: 6, notes: []string{"query.events[\"It's\\n😀\"] in sink.cold: 60 rows in 6 files\nDROP", "Done: 2026-01-01T00:00Z … 2026-01-07T00:00Z"}}
	digits := allTypes.DigitNames(func(pipeline.Column) bool { return true })
	for _, k := range allTypes {
		v.columns = append(v.columns, column{k.FileName(), k.Type, digits[k.FileName()]})
	}
	for i, st := range []sinks.Stored{
		{Format: "parquet"}, {Format: "parquet", Types: map[string]string{"TimeGenerated": "byte_array", "Price": "decimal(38,10)"}},
		{Format: "csv.gz"}, {Format: "csv header=false"}, {Format: "jsonl"}, {Format: "jsonl.gz dynamic=json"},
	} {
		enc, err := encodingOf(st)
		if err == nil {
			err = e.encodes(enc)
		}
		name, addressErr := e.address(at, "events/It%27s/date=2026-01-0"+string(rune('1'+i))+"/x."+strings.Fields(st.Format)[0])
		if err != nil || addressErr != nil {
			t.Fatal(err, addressErr)
		}
		columns := allTypes
		if i == 0 {
			columns = allTypes[:11]
		}
		v.scans = append(v.scans, &scan{encoding: enc, fields: enc.fields(columns), files: []string{name}})
	}
	c.views = []view{v,
		{name: "none", columns: v.columns, notes: []string{"query.none in sink.cold: 0 rows in no files", "No window of it is done."}},
		{name: "unread", notes: []string{"query.unread in sink.cold: nothing has been read yet"}},
	}
	return c
}

func TestConnectGolden(t *testing.T) {
	cold, err := placeAt("https://acct.blob.core.windows.net/sentinel/prod/")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			got := strings.ReplaceAll(sampleConnector(t, e, cold).text(), tool(), "kustash VERSION")
			name := filepath.Join("..", "..", "testdata", "connect", e.name+".golden")
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal([]byte(got), want) {
				t.Errorf("got\n%s\nwant the text of %s; -update rewrites it", got, name)
			}
			for line := range strings.SplitSeq(got, "\n") {
				if strings.HasPrefix(line, "DROP") {
					t.Errorf("the address of a query ends its comment: %q", line)
				}
			}
		})
	}
}

func TestViewNames(t *testing.T) {
	names := viewNames{}
	for _, tt := range []struct{ query, want string }{
		{"query.alerts", "alerts"},
		{`query.events["SigninLogs"]`, "events_SigninLogs"},
		{`query.events["signinlogs"]`, "events_signinlogs_2"},
		{`query.events["It's \"😀\""]`, "events_It_s"},
		{`query.events["It s"]`, "events_It_s_2"},
		{`query.events["😀"]`, "events"},
		{`query.events["__"]`, "events_2"},
		{`query.été`, "t"},
		{`query.😀`, "query_"},
	} {
		if got := names.next(tt.query); got != tt.want {
			t.Errorf("view of %s: got %s, want %s", tt.query, got, tt.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	const key = "a/It%27s/date=2026-01-01/x.parquet"
	for _, tt := range []struct{ place, duckdb, adx, synapse, spark string }{
		{"https://acct.blob.core.windows.net/arch", "az://arch/" + key, "https://acct.blob.core.windows.net/arch/a/It%2527s/date=2026-01-01/x.parquet;impersonate",
			"https://acct.blob.core.windows.net/arch/" + key, "abfss://arch@acct.dfs.core.windows.net/" + key},
		{"https://acct.blob.core.chinacloudapi.cn/arch/p/q/", "az://arch/p/q/" + key, "https://acct.blob.core.chinacloudapi.cn/arch/p/q/a/It%2527s/date=2026-01-01/x.parquet;impersonate",
			"https://acct.blob.core.chinacloudapi.cn/arch/p/q/" + key, "abfss://arch@acct.dfs.core.chinacloudapi.cn/p/q/" + key},
		{"http://127.0.0.1:10000/devstoreaccount1/arch/p", "az://arch/p/" + key, "http://127.0.0.1:10000/devstoreaccount1/arch/p/a/It%2527s/date=2026-01-01/x.parquet;impersonate",
			"http://127.0.0.1:10000/devstoreaccount1/arch/p/" + key, "abfss://arch@127.0.0.1:10000/devstoreaccount1/p/" + key},
		{"s3://bucket/p/", "s3://bucket/p/" + key, "", "", "s3a://bucket/p/" + key},
	} {
		at, err := placeAt(tt.place)
		if err != nil {
			t.Errorf("%s: %v", tt.place, err)
			continue
		}
		for i, want := range []string{tt.duckdb, tt.adx, tt.synapse, tt.spark} {
			e := engines()[i]
			if got, err := e.address(at, key); got != want || (err == nil) != (want != "") {
				t.Errorf("%s for %s: got %q (%v), want %q", tt.place, e.name, got, err, want)
			}
		}
	}
	for _, bad := range []string{"https://acct.blob.core.windows.net", "https://acct.blob.core.windows.net/c?sig=x", "https://u:p@host/c", "ftp://host/c", "https://", "s3://"} {
		if got, err := placeAt(bad); err == nil {
			t.Errorf("%s: got %+v, want an error", bad, got)
		}
	}
	for identity, want := range map[string]string{
		"local:archive": "", "azure_blob:https://acct.blob.core.windows.net/arch/p": "acct", "azure_blob:somewhere": "?",
		"s3:s3://bucket/p": "", "s3:https://s3.example.com/bucket": "?", "tape:7": "?",
	} {
		got, err := placeOf("/pipe", identity)
		if (err != nil) != (want == "?") || err == nil && got.account != want {
			t.Errorf("%s: got %+v, %v", identity, got, err)
		}
	}
	folder, err := placeAt(filepath.Join(t.TempDir(), "a[b]*?"))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := duckdbAddress(folder, "x.csv"); !strings.HasSuffix(got, "/a[[]b][*][?]/x.csv") {
		t.Errorf("a folder with the characters of patterns is %s", got)
	}
}

func TestEncodings(t *testing.T) {
	for format, wrong := range map[string]string{
		"csv.br": "compressed as br", "orc": "its format is orc", "csv newline=other": "the setting newline=other", "jsonl dynamic=xml": "the setting dynamic=xml",
	} {
		if _, err := encodingOf(sinks.Stored{Format: format}); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: got %v, want an error about %q", format, err, wrong)
		}
	}
	for key, want := range map[string]string{"q/20260101T000000.0000000Z-20260102T000000.0000000Z-f1-0123abcd.csv.gz": "csv.gz", "a.b/x-0-f1-0123abcd.parquet": "parquet"} {
		if got := usual(key).Format; got != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
	nanosecond := encoding{kind: "parquet", types: map[string]string{"T": "timestamp[ns]"}}
	for _, e := range engines() {
		if err := e.encodes(encoding{kind: "csv", compression: "zstd"}); (err != nil) != (e.name != "duckdb") {
			t.Errorf("%s on a text in zstd: got %v", e.name, err)
		}
		refuses := e.name == "synapse" || e.name == "spark"
		if err := e.encodes(nanosecond); (err != nil) != refuses {
			t.Errorf("%s on nanoseconds: got %v, refuses %v", e.name, err, refuses)
		}
	}
}

// TestDigitNames holds the names against those of real files: a column that has
// the name made for the digits of another one moves it.
func TestDigitNames(t *testing.T) {
	got := pipeline.Schema{{Name: "T", Type: pipeline.Datetime}, {Name: "t_100NS", Type: pipeline.Long}, {Name: "T_100ns_2", Type: pipeline.Datetime}}.DigitNames(func(pipeline.Column) bool { return true })
	want := map[string]string{"T": "T_100ns_3", "T_100ns_2": "T_100ns_2_100ns"}
	if len(got) != len(want) || got["T"] != want["T"] || got["T_100ns_2"] != want["T_100ns_2"] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEngineNames(t *testing.T) {
	if _, err := engineNamed("duckbd"); err == nil || !strings.Contains(err.Error(), `Did you mean "duckdb"?`) {
		t.Errorf("got %v", err)
	}
	if !slices.ContainsFunc(engines(), func(e engine) bool { return e.name == "adx" }) {
		t.Error("adx is missing")
	}
}

// TestAlike finds what a reader that folds case would take for one column.
func TestAlike(t *testing.T) {
	for _, tt := range []struct {
		columns       pipeline.Schema
		first, second string
	}{
		{allTypes, "", ""},
		{pipeline.Schema{{Name: "Note"}, {Name: "N"}, {Name: "note"}}, "Note", "note"},
		{pipeline.Schema{{Name: "É"}, {Name: "x", As: "é"}}, "É", "é"},
	} {
		if first, second := alike(tt.columns); first != tt.first || second != tt.second {
			t.Errorf("%v: got %q, %q, want %q, %q", tt.columns, first, second, tt.first, tt.second)
		}
	}
}

// A setting that the statements for a reader do not undo is refused there.
func TestConnectDialects(t *testing.T) {
	for format, wrong := range map[string]string{
		`csv newline=escape`:             "newline",
		`csv formulas=neutralise`:        "formulas",
		`csv null="NULL \"x\""`:          `null = "NULL \"x\""`,
		`csv.gz header=false newline=no`: "newline=no",
		`csv delimiter=";"`:              "delimiter",
	} {
		for _, e := range engines() {
			enc, err := encodingOf(sinks.Stored{Format: format})
			known := err == nil
			if known {
				err = e.encodes(enc)
			}
			takes := known && (e.name == "duckdb" || wrong == "delimiter" && e.name != "adx")
			if takes != (err == nil) || err != nil && !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s, %s: %v, want it taken: %v, or a word of %s", e.name, format, err, takes, wrong)
			}
		}
	}
}
