package emulator

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Emulator is the service. It is an http.Handler, safe for concurrent use, for
// HTTP/1.1 and HTTP/2, with or without TLS. It keeps no goroutines and needs no
// closing.
type Emulator struct {
	config     Config
	principals map[string]*principal // by lower-case client id
	workspaces map[string]*Dataset   // by lower-case GUID
	names      map[string]string     // lower-case name of a workspace to its GUID
	unreadable map[string]bool       // by lower-case GUID
	tokens     signer
	gate       *gate // of the query route
	searchGate *gate
	rate       *rate
	cache      *cache
	faults     *injector
	orders     *orders
}

// principal is a configured principal with what the service adds to it.
type principal struct {
	Principal
	objectID string
	openFrom time.Time // when a denial ends; zero is never
}

// Exchange is one request and how it was answered, for logs and for tests that
// count what a client asked.
type Exchange struct {
	Route     string // "query", "search", "metadata", "token", "discovery", or "" for an unknown path
	Principal string // client id; "" before one is known
	Workspace string // as the path has it; the id of a resource on its own route
	Query     string
	Timespan  string
	Status    int   // of the answer; what was sent before a cut counts
	Rows      int64 // in the answer
	Partial   bool  // the answer carries an error after its rows
	Cached    bool
	Fault     bool // a configured fault shaped the answer
	Bytes     int64
	Took      time.Duration // of real time
}

// New returns the service that config describes. It keeps a reference to the
// datasets: rows appended to them later are served.
func New(config Config) (*Emulator, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		config:     config,
		principals: make(map[string]*principal),
		workspaces: make(map[string]*Dataset),
		tokens:     newSigner(),
		names:      make(map[string]string),
		unreadable: make(map[string]bool),
		gate:       newGate(config.Limits),
		searchGate: newGate(config.Limits.forSearch()),
		rate:       newRate(config.Limits),
		cache:      newCache(config.CacheLifetime),
		faults:     newInjector(config.Seed, config.Faults),
		orders:     newOrders(config.Seed),
	}
	for _, p := range config.Principals {
		known := &principal{Principal: p, objectID: or(p.ObjectID, uuid.NewSHA1(uuid.NameSpaceOID, []byte(p.ClientID)).String())}
		if p.Roles == nil {
			known.Roles = []string{"Data.Read"}
		}
		if p.DeniedFor > 0 {
			known.openFrom = config.Now().Add(p.DeniedFor)
		}
		e.principals[strings.ToLower(p.ClientID)] = known
	}
	for _, id := range config.WorkspaceIDs {
		e.workspaces[strings.ToLower(id)] = config.Data
	}
	for id, data := range config.Others {
		if data == nil {
			data = NewDataset()
		}
		e.workspaces[strings.ToLower(id)] = data
	}
	for id, name := range config.Names {
		e.names[strings.ToLower(name)] = strings.ToLower(id)
	}
	for _, id := range config.Unreadable {
		e.unreadable[strings.ToLower(id)] = true
	}
	return e, nil
}

// SetFaults replaces the faults, for requests that come after it returns. All
// counts start anew. It is safe while requests are served. A fault that makes
// no sense is an error, and then nothing changes.
func (e *Emulator) SetFaults(faults ...Fault) error {
	if err := checkFaults(faults); err != nil {
		return err
	}
	e.faults.set(faults)
	return nil
}

// ServeHTTP implements http.Handler. Where a fault cuts the connection it
// panics with http.ErrAbortHandler, which the server of net/http turns into a
// broken body.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{e: e, w: &meter{ResponseWriter: w}, r: r, id: uuid.NewString(), began: time.Now()}
	if e.config.Observe != nil {
		defer x.report()
	}
	if failed := x.serve(); failed != nil {
		x.fail(failed)
	}
	x.w.finish()
}

// exchange is a request on its way.
type exchange struct {
	e     *Emulator
	w     *meter
	r     *http.Request
	id    string // x-ms-request-id, and correlationId of an error
	began time.Time
	seen  Exchange
}

func (x *exchange) report() {
	x.seen.Status, x.seen.Bytes, x.seen.Took = x.w.status, x.w.bytes, time.Since(x.began)
	x.e.config.Observe(x.seen)
}

// serve finds the route. A failure that it returns has not been sent.
func (x *exchange) serve() *failure {
	path := strings.Split(strings.Trim(x.r.URL.Path, "/"), "/")
	if len(path) == 4 && path[0] == "v1" && path[1] == "workspaces" {
		return x.data(path[2], path[3])
	}
	if n := len(path) - 1; n > 2 && path[0] == "v1" && strings.EqualFold(path[1], "subscriptions") {
		return x.resource("/"+strings.Join(path[1:n], "/"), path[n])
	}
	return x.login(path)
}

// data serves the routes of the query service.
func (x *exchange) data(workspace, route string) *failure {
	x.dataHeaders()
	x.seen.Workspace = workspace
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodPost {
		return pathNotFound()
	}
	switch {
	case route == "query", route == "metadata", route == "search" && x.r.Method == http.MethodPost:
		x.seen.Route = route
	default:
		return pathNotFound()
	}
	_, who, failed := x.admit(workspace)
	if failed != nil {
		return failed
	}
	x.seen.Principal = who
	guid := strings.ToLower(workspace)
	if workspace == demoWorkspaceName {
		guid = strings.ToLower(x.e.config.WorkspaceIDs[0])
	}
	if x.e.unreadable[guid] {
		return insufficient("", "")
	}
	if !x.e.rate.allow(x.e.config.Now(), x.callers(who)...) {
		return throttled()
	}
	if route == "metadata" {
		return x.metadata(workspace, guid)
	}
	return x.query(reach{workspaces: []string{guid}}, who)
}

// callers are those whose requests are counted with this one: the service
// counts by principal or by client address.
func (x *exchange) callers(who string) []string {
	address, _, err := net.SplitHostPort(x.r.RemoteAddr)
	if err != nil {
		address = x.r.RemoteAddr
	}
	switch x.e.config.Limits.CountBy {
	case ByPrincipal:
		return []string{"principal " + who}
	case ByAddress:
		return []string{"address " + address}
	}
	return []string{"principal " + who, "address " + address}
}

// dataHeaders are on every answer of the query service.
func (x *exchange) dataHeaders() {
	h := x.w.Header()
	h.Set("x-ms-request-id", x.id)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers",
		"Retry-After,Age,WWW-Authenticate,x-resource-identities,x-ms-status-location,x-ms-request-id")
	h.Set("Strict-Transport-Security", "max-age=15724800; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	if id := x.r.Header.Get("x-ms-client-request-id"); id != "" &&
		strings.EqualFold(x.r.Header.Get("x-ms-return-client-request-id"), "true") {
		h.Set("x-ms-client-request-id", id)
	}
}
