package loganalytics

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
)

const (
	testWorkspace = "12345678-ABCD-4321-9876-0123456789ab"
	testSecret    = "s3cret~that.must-not.show"
	testToken     = "eyJ0b2tlbi10aGF0LW11c3Qtbm90LXNob3c"
)

// service is a token endpoint and a query endpoint that answers as a test
// says.
type service struct {
	*httptest.Server
	answer http.HandlerFunc
	raw    http.HandlerFunc // in place of answer, for requests of another form
	list   http.HandlerFunc // answers for metadata; nil has none
	token  string           // answer of the token endpoint; "" makes up tokens

	mu     sync.Mutex
	tokens int
	asked  []asked
}

// asked is a query request as it came.
type asked struct {
	method, path string
	header       http.Header
	body         map[string]string
}

func newService(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/token") {
		s.mu.Lock()
		s.tokens++
		n := s.tokens
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if s.token != "" {
			fmt.Fprint(w, s.token)
			return
		}
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"%s-%d"}`, testToken, n)
		return
	}
	switch {
	case !strings.HasSuffix(r.URL.Path, "/metadata"):
	case s.list == nil:
		reply(404, `{"error":{"code":"PathNotFoundError","message":"The requested path does not exist"}}`)(w, r)
		return
	default:
		s.list(w, r)
		return
	}
	if s.raw != nil {
		s.raw(w, r)
		return
	}
	text, err := io.ReadAll(r.Body)
	one := asked{r.Method, r.URL.Path, r.Header, nil}
	if err == nil {
		err = json.Unmarshal(text, &one.body)
	}
	if err != nil {
		http.Error(w, err.Error(), 599)
		return
	}
	s.mu.Lock()
	s.asked = append(s.asked, one)
	s.mu.Unlock()
	s.answer(w, r)
}

// source returns a Source of the service that retries nothing and waits for
// nothing.
func (s *service) source(t *testing.T, change ...func(*Config)) *Source {
	t.Helper()
	c := Config{WorkspaceID: testWorkspace, Endpoint: s.URL, Authority: s.URL, Tool: "kustash/9.8.7"}
	for _, f := range change {
		f(&c)
	}
	governors := NewGovernors()
	governors.Pause = time.Millisecond
	source, err := New(c, testCredential(t), governors)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.http.CloseIdleConnections)
	return source
}

func testCredential(t *testing.T) azauth.Credential {
	t.Helper()
	cred, err := azauth.ClientSecret{TenantID: "contoso.example", ClientID: "app", ClientSecret: secret.Text(testSecret),
		Limits: &azauth.Limits{Requests: 1000}}.Credential("credential.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	return cred
}

// reply answers with a status and a body.
func reply(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// raw answers with bytes of its own and closes the connection.
func raw(head string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// A connection that is closed with something unread is reset, and takes
		// what was sent with it.
		_, _ = io.Copy(io.Discard, r.Body)
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(buffered, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\n\r\n", head)
		buffered.Write(body)
		buffered.Flush()
	}
}

func zipped(body string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, body)
	z.Close()
	return b.Bytes()
}

// collect counts records and rows, and keeps the values as text.
type collect struct {
	records int
	rows    int64
	columns []string
	values  []string
}

func (c *collect) emit(rec arrow.Record) error {
	c.records++
	c.rows += rec.NumRows()
	c.columns = nil
	for _, f := range rec.Schema().Fields() {
		c.columns = append(c.columns, f.Name)
	}
	for i := range int(rec.NumRows()) {
		for j := range int(rec.NumCols()) {
			c.values = append(c.values, rec.Column(j).ValueStr(i))
		}
	}
	return nil
}

func testSlice(text string) pipeline.Slice {
	return pipeline.Slice{Query: pipeline.Query{Address: "query.q", Text: text}, Window: testWindow}
}

const threeRows = `{"tables":[{"name":"PrimaryResult","columns":[{"name":"s","type":"string"},{"name":"n","type":"long"}],` +
	`"rows":[["a",9223372036854775807],["b",-1],["",null]]}],"statistics":{"query":{"datasetStatistics":[{"tableRowCount":3,"tableSize":55}]}}}`
