package azlogs_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/monitor/query/azlogs"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// ask sends a query to the demo workspace.
func ask(t *testing.T, c *azlogs.Client, text string, span *azlogs.TimeInterval) (azlogs.QueryWorkspaceResponse, error) {
	t.Helper()
	return c.QueryWorkspace(t.Context(), emulator.DemoWorkspaceID, azlogs.QueryBody{Query: &text, Timespan: span}, nil)
}

func TestValues(t *testing.T) {
	s := serve(t, emulator.Config{})
	got, err := ask(t, s.client(t, emulator.DemoClientSecret, noRetries), "Sample_CL | sort by TimeGenerated asc", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Error != nil || len(got.Tables) != 1 {
		t.Fatalf("got %d tables and error %v, want one table", len(got.Tables), got.Error)
	}
	table := got.Tables[0]
	if *table.Name != "PrimaryResult" {
		t.Errorf("got table %q, want PrimaryResult", *table.Name)
	}
	var columns []string
	for _, c := range table.Columns {
		columns = append(columns, *c.Name+":"+string(*c.Type))
	}
	wantColumns := strings.Fields("TimeGenerated:datetime Flag:bool Small:int Large:long Ratio:real Price:decimal " +
		"Note:string Took:timespan Key:guid Payload:dynamic")
	if !slices.Equal(columns, wantColumns) {
		t.Errorf("columns:\ngot  %v\nwant %v", columns, wantColumns)
	}
	want := []azlogs.Row{
		{"2026-03-01T00:00:00.1234567Z", true, -7.0, math.Exp2(40), 0.5, "1.25", "Grüße, 世界 \u2028 \"x\"\n", "01:00:00",
			"74be27de-1e4e-49d9-b579-fe0b331d3642", `{"a":[1,"b",null]}`},
		{"2026-03-01T00:01:00.1234567Z", false, float64(math.MaxInt32), -math.Exp2(63), "Infinity", "-0.0001", "", "-00:00:00.0000001",
			"00000000-0000-0000-0000-000000000000", `[]`},
		{"2026-03-01T00:02:00.1234567Z", nil, nil, nil, nil, nil, "nulls", nil, nil, nil},
	}
	if len(table.Rows) != len(want) {
		t.Fatalf("got %d rows, want %d", len(table.Rows), len(want))
	}
	for i, row := range table.Rows {
		if !reflect.DeepEqual(row, want[i]) {
			t.Errorf("row %d:\ngot  %#v\nwant %#v", i, row, want[i])
		}
	}
	if s.versions["HTTP/2.0"] == 0 || len(s.versions) != 1 {
		t.Errorf("requests by version: got %v, want HTTP/2.0 alone", s.versions)
	}
}

// TestRequestForms sends what Microsoft's clients send where other clients send
// less: an empty Prefer, null for what is left out, durations with a fraction.
func TestRequestForms(t *testing.T) {
	now := sampleStart.Add(time.Hour)
	s := serve(t, emulator.Config{Now: func() time.Time { return now }, TokenLifetime: 100 * 365 * 24 * time.Hour})
	client := s.client(t, emulator.DemoClientSecret, noRetries)
	for _, tt := range []struct {
		name string
		span *azlogs.TimeInterval
		want int // rows
	}{
		{"none", nil, 3},
		{"null", azcore.NullValue[*azlogs.TimeInterval](), 3},
		{"interval", to.Ptr(azlogs.NewTimeInterval(sampleStart.Add(30*time.Second), sampleStart.Add(time.Hour))), 2},
		{"duration", to.Ptr(azlogs.TimeInterval("PT3600.0S")), 3},
		{"short duration", to.Ptr(azlogs.TimeInterval("PT3570.0S")), 2},
		{"another day", to.Ptr(azlogs.NewTimeInterval(sampleStart.AddDate(0, 0, 1), sampleStart.AddDate(0, 0, 2))), 0},
	} {
		text := "Sample_CL // " + tt.name
		got, err := client.QueryWorkspace(t.Context(), emulator.DemoWorkspaceID, azlogs.QueryBody{
			Query: &text, Timespan: tt.span, AdditionalWorkspaces: azcore.NullValue[[]string](),
		}, &azlogs.QueryWorkspaceOptions{Options: &azlogs.QueryOptions{}})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if n := len(got.Tables[0].Rows); n != tt.want || got.Statistics != nil || got.Visualization != nil {
			t.Errorf("%s: got %d rows, statistics %q, render %q; want %d rows and nothing else",
				tt.name, n, got.Statistics, got.Visualization, tt.want)
		}
	}
}

func TestStatistics(t *testing.T) {
	s := serve(t, emulator.Config{})
	text := "Sample_CL"
	got, err := s.client(t, emulator.DemoClientSecret, noRetries).QueryWorkspace(t.Context(), emulator.DemoWorkspaceID,
		azlogs.QueryBody{Query: &text}, &azlogs.QueryWorkspaceOptions{Options: &azlogs.QueryOptions{
			Statistics: to.Ptr(true), Visualization: to.Ptr(true), Wait: to.Ptr(600)}})
	if err != nil {
		t.Fatal(err)
	}
	var statistics struct {
		Query struct {
			Sets []struct {
				Rows int `json:"tableRowCount"`
			} `json:"datasetStatistics"`
		} `json:"query"`
	}
	if err := json.Unmarshal(got.Statistics, &statistics); err != nil {
		t.Fatalf("statistics %q: %v", got.Statistics, err)
	}
	if sets := statistics.Query.Sets; len(sets) != 1 || sets[0].Rows != 3 {
		t.Errorf("got statistics %s, want one table of 3 rows", got.Statistics)
	}
	if !json.Valid(got.Visualization) {
		t.Errorf("got render %q, want JSON", got.Visualization)
	}
}

// TestResource asks for one resource, whose rows are those that name it.
func TestResource(t *testing.T) {
	s := serve(t, emulator.Config{Resources: []string{"/subscriptions/s/resourceGroups/g/providers/p/t/quiet"}})
	client := s.client(t, emulator.DemoClientSecret, noRetries)
	for id, want := range map[string]int{
		"/subscriptions/s/resourceGroups/g/providers/p/t/quiet": 0,
		"subscriptions/s/resourceGroups/g/providers/p/t/quiet":  0,
		"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator/providers/Microsoft.OperationalInsights/workspaces/" +
			emulator.DemoWorkspaceID: 3,
	} {
		text := "Sample_CL"
		got, err := client.QueryResource(t.Context(), id, azlogs.QueryBody{Query: &text}, nil)
		if err != nil {
			t.Errorf("%s: %v", id, err)
		} else if n := len(got.Tables[0].Rows); n != want {
			t.Errorf("%s: got %d rows, want %d", id, n, want)
		}
	}
	text := "Sample_CL"
	_, err := client.QueryResource(t.Context(), "/subscriptions/s/resourceGroups/none", azlogs.QueryBody{Query: &text}, nil)
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) || refused.StatusCode != 404 || refused.ErrorCode != "ResourceNotFoundError" {
		t.Errorf("an unknown resource: got %v", err)
	}
}

// TestPartial shows the trap of this client: an answer that lacks rows comes
// with a nil error.
func TestPartial(t *testing.T) {
	s := serve(t, emulator.Config{Limits: emulator.Limits{Rows: 2}})
	got, err := ask(t, s.client(t, emulator.DemoClientSecret, noRetries), "Sample_CL", nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Tables[0].Rows); n != 2 {
		t.Errorf("got %d rows, want the 2 of the limit", n)
	}
	if got.Error == nil || got.Error.Code != "PartialError" || !strings.Contains(got.Error.Error(), "E_QUERY_RESULT_SET_TOO_LARGE") {
		t.Errorf("got error %v, want a PartialError that names the limit", got.Error)
	}
}

func TestWrongSecret(t *testing.T) {
	s := serve(t, emulator.Config{})
	_, err := ask(t, s.client(t, "not the secret", noRetries), "Sample_CL", nil)
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) {
		t.Fatalf("got error %v, want an AuthenticationFailedError", err)
	}
	if failed.RawResponse == nil || failed.RawResponse.StatusCode != http.StatusUnauthorized || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Errorf("got error %v, want status 401 and AADSTS7000215", err)
	}
	if asked := s.statuses("query"); len(asked) > 0 {
		t.Errorf("the query was asked without a token: %v", asked)
	}
}

// TestRefusals compares what the client makes of a refused query.
func TestRefusals(t *testing.T) {
	denied := emulator.Principal{Tenant: emulator.DemoTenantID, ClientID: emulator.DemoClientID,
		ClientSecret: emulator.DemoClientSecret, Access: emulator.Denied}
	for _, tt := range []struct {
		name   string
		config emulator.Config
		query  string
		status int
		code   string
		says   string // somewhere in the body
	}{
		{"syntax", emulator.Config{}, "Sample_CL | where", 400, "BadArgumentError", `"SyntaxError"`},
		{"unknown table", emulator.Config{}, "Nonesuch_CL", 400, "BadArgumentError", `"SemanticError"`},
		{"no role", emulator.Config{Principals: []emulator.Principal{denied}}, "Sample_CL", 403, "InsufficientAccessError", ""},
		{"other workspace", emulator.Config{WorkspaceIDs: []string{"11111111-2222-3333-4444-555555555555"}}, "Sample_CL", 404, "", ""},
	} {
		s := serve(t, tt.config)
		_, err := ask(t, s.client(t, emulator.DemoClientSecret, noRetries), tt.query, nil)
		var refused *azcore.ResponseError
		if !errors.As(err, &refused) {
			t.Errorf("%s: got error %v, want a ResponseError", tt.name, err)
			continue
		}
		if refused.StatusCode != tt.status || tt.code != "" && refused.ErrorCode != tt.code || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got status %d, code %s, error %v; want %d, %s, %s",
				tt.name, refused.StatusCode, refused.ErrorCode, err, tt.status, tt.code, tt.says)
		}
	}
}

// TestThrottling lets the emulator's rate limit turn a request away, and the
// client come back when the window has passed.
func TestThrottling(t *testing.T) {
	const window = 30 * time.Second
	var ahead atomic.Int64
	s := serve(t, emulator.Config{
		Limits:        emulator.Limits{Requests: 1, Window: window},
		CacheLifetime: -1,
		Now:           func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		Observe: func(x emulator.Exchange) {
			if x.Status == http.StatusTooManyRequests {
				ahead.Add(int64(window / 2))
			}
		},
	})
	client := s.client(t, emulator.DemoClientSecret, 5)
	for i := range 2 {
		got, err := ask(t, client, "Sample_CL", nil)
		if err != nil {
			t.Fatalf("query %d: %v", i+1, err)
		}
		if n := len(got.Tables[0].Rows); n != 3 {
			t.Errorf("query %d: got %d rows, want 3", i+1, n)
		}
	}
	if got, want := s.statuses("query"), []int{200, 429, 429, 200}; !slices.Equal(got, want) {
		t.Errorf("statuses: got %v, want %v", got, want)
	}
	if got, want := s.statuses("token"), []int{200}; !slices.Equal(got, want) {
		t.Errorf("token requests: got %v, want %v", got, want)
	}
}

// TestCutOff breaks the connection in the middle of the rows: never an answer.
func TestCutOff(t *testing.T) {
	s := serve(t, emulator.Config{Faults: []emulator.Fault{{Action: emulator.Action{Cut: true, CutAfter: 300}}}})
	got, err := ask(t, s.client(t, emulator.DemoClientSecret, noRetries), "Sample_CL", nil)
	if err == nil {
		t.Errorf("got %d tables and no error from a body that breaks off", len(got.Tables))
	}
}
