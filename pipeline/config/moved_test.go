package config

import (
	"reflect"
	"testing"
)

// Moves come in the order of their steps, and a query may gain a key and lose
// one on the way.
func TestMoves(t *testing.T) {
	p, diags := loadText(t, base+`
query "events" {
  for_each  = toset(["a b", "c"])
  workspace = workspace.soc
  kql       = "Events_CL"
  window { start = "2026-01-01" }
  sinks = [sink.archive]
}
query "lone" {
  workspace = workspace.soc
  kql       = "Events_CL"
  window { start = "2026-01-01" }
  sinks = [sink.archive]
}
moved {
  from = query.mid
  to   = query.events["a b"]
}
moved {
  from = query.first
  to   = query.mid
}
moved {
  from = query.events
  to   = query.events["c"]
}
moved {
  from = query.lone["k"]
  to   = query.lone
}
`)
	if len(diags) > 0 {
		t.Fatalf("unexpected diagnostics:\n%s", show(p, diags))
	}
	want := []Move{
		{"query.first", "query.mid"}, {"query.mid", `query.events["a b"]`},
		{"query.events", `query.events["c"]`}, {`query.lone["k"]`, "query.lone"},
	}
	if !reflect.DeepEqual(p.Moves, want) {
		t.Errorf("moves are\n%v, want\n%v", p.Moves, want)
	}
}
