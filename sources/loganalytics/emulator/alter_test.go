package emulator

import (
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// Columns change under a server that runs, and each query sees those of its
// time.
func TestAlter(t *testing.T) {
	d := events(t, "2026-01-01T00:00:00Z")
	r := serve(t, Config{Data: d, Limits: Limits{Requests: -1}})
	if err := d.Configure("Events", TableOptions{Retention: 1000000 * 3600e9}); err != nil {
		t.Fatal(err)
	}
	timeColumn := kql.Column{Name: "TimeGenerated", Type: pipeline.Datetime}
	id, n := kql.Column{Name: "Name", Type: pipeline.String}, kql.Column{Name: "N", Type: pipeline.Long}
	ids := ""
	for _, step := range []struct {
		name    string
		columns []kql.Column
		row     Row
		want    string
	}{
		{"as it is", nil, nil, `"columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"Name","type":"string"},{"name":"N","type":"long"}]`},
		{"added", []kql.Column{timeColumn, id, n, {Name: "Text", Type: pipeline.String}, {Name: "Real", Type: pipeline.Real}}, nil, `0,"",null]]`},
		{"filled", []kql.Column{timeColumn, id, n, {Name: "Text", Type: pipeline.String}, {Name: "Real", Type: pipeline.Real}},
			Row{"TimeGenerated": "2026-01-01T00:00:01Z", "N": 1, "Text": "x", "Real": 1.5}, `1,"x",1.5]]`},
		{"of another type", []kql.Column{timeColumn, id, {Name: "N", Type: pipeline.String}}, Row{"TimeGenerated": "2026-01-01T00:00:02Z", "N": "two"}, `"","two"]]`},
		{"removed, in another order", []kql.Column{n, timeColumn}, nil, `"columns":[{"name":"N","type":"long"},{"name":"TimeGenerated","type":"datetime"}]`},
	} {
		if step.columns != nil {
			if err := d.Alter("Events", step.columns...); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
		if step.row != nil {
			if err := d.Append("Events", step.row); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
		got := r.send("POST", queryPath, `{"query":"Events | sort by TimeGenerated asc // not cached: `+step.name+`"}`)
		if got.status != 200 || !strings.Contains(got.body, step.want) {
			t.Errorf("%s: %d %s\nwant %s", step.name, got.status, got.body, step.want)
		}
		got = r.send("POST", queryPath, `{"query":"Events | where ingestion_time() > datetime(2020) | sort by TimeGenerated asc | take 1 | project _ItemId // not cached: `+step.name+`"}`)
		if ids == "" {
			ids = got.body
		}
		if got.body != ids {
			t.Errorf("%s: the first row has another id: %s, before %s", step.name, got.body, ids)
		}
		if d.Options("Events").Retention == 0 {
			t.Errorf("%s: the options are gone", step.name)
		}
	}
	before, _ := d.Table("Events")
	for want, err := range map[string]error{
		"alter table Event: there is no such table":             d.Alter("Event", n),
		"alter table Events: column N is there twice":           d.Alter("Events", n, n),
		`alter table Events: column N: "" is not a type of KQL`: d.Alter("Events", kql.Column{Name: "N"}),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if after, _ := d.Table("Events"); after != before {
		t.Error("a refused change has changed the table")
	}
}
