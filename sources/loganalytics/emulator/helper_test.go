package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// shared finds a file beside the repository, or skips the test.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("there is no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(append([]string{dir, "..", "shared"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the shared data is absent: %v", err)
	}
	return path
}

func recorded(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(shared(t, "reference", "recorded", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(raw), "\n")
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: at("2026-01-10T12:00:00Z")} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func at(s string) time.Time { return tick(s).Time() }

func tick(s string) pipeline.Tick {
	t, err := parseInstant(s)
	if err != nil {
		panic(err)
	}
	return t
}

// events is a small table with one row at each of the times.
func events(t *testing.T, times ...string) *Dataset {
	t.Helper()
	d := NewDataset()
	err := d.Add(&kql.Table{Name: "Events", Columns: []kql.Column{
		{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Name", Type: pipeline.String}, {Name: "N", Type: pipeline.Long}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range times {
		if err := d.Append("Events", Row{"TimeGenerated": at, "Name": string(rune('a' + i%26)), "N": i}); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// remote is an emulator behind a loopback server, with a token.
type remote struct {
	t      *testing.T
	e      *Emulator
	server *httptest.Server
	client *http.Client
	token  string
}

func serve(t *testing.T, c Config) *remote {
	t.Helper()
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	// Without this a client adds Accept-Encoding and undoes gzip by itself.
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	r := &remote{t: t, e: e, server: s, client: client}
	r.token = r.login(c)
	return r
}

func (r *remote) login(c Config) string {
	r.t.Helper()
	p := Principal{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret}
	if len(c.Principals) > 0 {
		p = c.Principals[0]
	}
	got := r.form("/"+p.Tenant+"/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {p.ClientID},
		"client_secret": {p.ClientSecret}, "scope": {"https://api.loganalytics.io/.default"}})
	var reply struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(got.body), &reply); err != nil || reply.Token == "" {
		r.t.Fatalf("log in: status %d: %s", got.status, got.body)
	}
	return reply.Token
}

// reply is an answer read to its end, or as far as it went.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

func (r *remote) form(path string, values url.Values, more ...string) reply {
	return r.send("POST", path, values.Encode(), append(more, "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")...)
}

// send makes a request; more are header names and values, "" takes one away.
func (r *remote) send(method, path, body string, more ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(more); i += 2 {
		req.Header.Set(more[i], more[i+1])
		if more[i+1] == "" {
			req.Header.Del(more[i])
		}
	}
	res, err := r.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(raw), err}
}

const queryPath = "/v1/workspaces/" + DemoWorkspaceID + "/query"

// query asks over the route that everybody uses, past the cache.
func (r *remote) query(text, timespan string, more ...string) reply {
	r.t.Helper()
	in := map[string]any{"query": text}
	if timespan != "" {
		in["timespan"] = timespan
	}
	return r.send("POST", queryPath, string(compact(in)), append([]string{"Cache-Control", "no-cache"}, more...)...)
}

// envelope is an answer's JSON as a client sees it.
type envelope struct {
	Tables []struct {
		Name    string
		Columns []struct{ Name, Type string }
		Rows    [][]any
	}
	Error      *partial
	Statistics struct {
		Query struct {
			DatasetStatistics []struct{ TableRowCount, TableSize int64 }
		}
	}
}

func (r reply) decode(t *testing.T) envelope {
	t.Helper()
	var e envelope
	d := json.NewDecoder(strings.NewReader(r.body))
	d.UseNumber()
	if err := d.Decode(&e); err != nil || r.status != 200 {
		t.Fatalf("status %d, %v: %.300s", r.status, err, r.body)
	}
	return e
}

// names returns the Name column of Events, sorted by no one.
func (e envelope) names() string {
	var all []string
	for _, row := range e.Tables[0].Rows {
		all = append(all, row[1].(string))
	}
	return strings.Join(all, "")
}
