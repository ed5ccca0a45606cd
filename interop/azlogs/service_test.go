// Package azlogs_test holds the emulator against Microsoft's own Go client. The
// emulator shall be good enough for clients that know nothing of it; what this
// client accepts over TLS and HTTP/2, others will.
//
// It is a module of its own, so that the client's modules are not those of
// kustash.
package azlogs_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/monitor/query/azlogs"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// service is an emulator under TLS, and what it was asked.
type service struct {
	*httptest.Server
	*emulator.Emulator

	mu       sync.Mutex
	seen     []emulator.Exchange
	versions map[string]int // requests by version of HTTP
}

// serve starts an emulator with the tables of sample. It ends with the test.
func serve(t *testing.T, c emulator.Config) *service {
	t.Helper()
	s := &service{versions: make(map[string]int)}
	c.Data = sample(t)
	c.KeepOrder = true
	observe := c.Observe
	c.Observe = func(x emulator.Exchange) {
		s.mu.Lock()
		s.seen = append(s.seen, x)
		s.mu.Unlock()
		if observe != nil {
			observe(x)
		}
	}
	var err error
	if s.Emulator, err = emulator.New(c); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.versions[r.Proto]++
		s.mu.Unlock()
		s.Emulator.ServeHTTP(w, r)
	}))
	s.Server.EnableHTTP2 = true
	s.Server.StartTLS()
	t.Cleanup(s.Server.Close)
	return s
}

// statuses returns the status of each request of a route so far.
func (s *service) statuses(route string) (list []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.seen {
		if x.Route == route {
			list = append(list, x.Status)
		}
	}
	return list
}

// client returns Microsoft's client as a program would set it up for a cloud of
// its own: nothing but addresses, the certificate and shorter waits.
func (s *service) client(t *testing.T, secret string, retries int32) *azlogs.Client {
	t.Helper()
	options := azcore.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: s.URL,
			Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
				azlogs.ServiceName: {Endpoint: s.URL, Audience: "https://api.loganalytics.io"},
			},
		},
		Retry:     policy.RetryOptions{MaxRetries: retries, RetryDelay: time.Millisecond, MaxRetryDelay: 10 * time.Millisecond},
		Transport: s.Server.Client(),
	}
	credential, err := azidentity.NewClientSecretCredential(emulator.DemoTenantID, emulator.DemoClientID, secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	client, err := azlogs.NewClient(credential, &azlogs.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// noRetries is what the client takes for none; 0 is its default.
const noRetries = -1

// sampleStart is the time of the first row of Sample_CL; each further row is
// one minute later.
var sampleStart = time.Date(2026, 3, 1, 0, 0, 0, 123456700, time.UTC)

// sample returns a table with a column of every type: a row of usual values, a
// row of extreme ones and a row of nulls.
func sample(t *testing.T) *emulator.Dataset {
	t.Helper()
	at := func(minutes int64) pipeline.Tick {
		return pipeline.TickOf(sampleStart.Add(time.Duration(minutes) * time.Minute))
	}
	data := emulator.NewDataset()
	err := data.Add(&kql.Table{
		Name: "Sample_CL",
		Columns: []kql.Column{
			{Name: "TimeGenerated", Type: pipeline.Datetime},
			{Name: "Flag", Type: pipeline.Bool},
			{Name: "Small", Type: pipeline.Int},
			{Name: "Large", Type: pipeline.Long},
			{Name: "Ratio", Type: pipeline.Real},
			{Name: "Price", Type: pipeline.Decimal},
			{Name: "Note", Type: pipeline.String},
			{Name: "Took", Type: pipeline.Timespan},
			{Name: "Key", Type: pipeline.GUID},
			{Name: "Payload", Type: pipeline.Dynamic},
		},
		Rows: [][]kql.Value{
			{at(0), true, int32(-7), int64(1 << 40), 0.5, kql.Decimal("1.25"), "Grüße, 世界 \u2028 \"x\"\n", kql.Span(36_000_000_000),
				kql.GUID("74be27de-1e4e-49d9-b579-fe0b331d3642"), kql.Dynamic(`{"a":[1,"b",null]}`)},
			{at(1), false, int32(math.MaxInt32), int64(math.MinInt64), math.Inf(1), kql.Decimal("-0.0001"), "", kql.Span(-1),
				kql.GUID("00000000-0000-0000-0000-000000000000"), kql.Dynamic(`[]`)},
			{at(2), nil, nil, nil, nil, nil, "nulls", nil, nil, nil},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
