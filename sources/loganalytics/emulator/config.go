package emulator

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What a Config without workspace or principal serves.
const (
	DemoWorkspaceID  = "5f0c1e2a-3b4d-4c5e-8f60-718293a4b5c6"
	DemoTenantID     = "c0ffee00-1a2b-4c3d-9e4f-5a6b7c8d9e0f"
	DemoClientID     = "0a1b2c3d-4e5f-4061-8273-94a5b6c7d8e9"
	DemoClientSecret = "demo~secret.for-the-emulator"
)

// Config says what an Emulator serves and how strictly. The zero value serves
// no tables under the demo names with the limits of the real service.
type Config struct {
	// Data are the tables of every workspace in WorkspaceIDs. Nil is none.
	Data *Dataset
	// WorkspaceIDs are the GUIDs that are served; none means DemoWorkspaceID.
	WorkspaceIDs []string
	// Others are further workspaces, by GUID, with data of their own: what the
	// "workspaces" of a request and workspace("...") may name.
	Others map[string]*Dataset
	// Names are the names of workspaces by GUID; one without is called by it.
	Names map[string]string
	// Unreadable are workspaces, by GUID, that nobody may read. A request that
	// names one beside others is refused or, with Shrink, answered without its
	// rows and without a word; so is one for a resource, whatever Shrink says.
	Unreadable []string
	Shrink     bool
	// Resources are Azure resources that exist besides those whose _ResourceId
	// occurs in a row.
	Resources []string
	// Principals may ask for tokens; none means the demo principal. The first
	// one is the machine's own identity, too.
	Principals []Principal
	// Cloud is "public", which "" is too, "usgov" or "china": the audience whose
	// tokens are accepted. Tokens for the others are issued and refused.
	Cloud string
	// IdentityHeader is what a request to the identity endpoint of App Service
	// must prove itself with; "" takes any.
	IdentityHeader string
	// TokenLifetime is how long a token is accepted, 86399 s if zero.
	TokenLifetime time.Duration
	// Limits bound answers and requests.
	Limits Limits
	// TimespanEnds says which ends of a timespan exclude their instant. The
	// service documents neither, so a client must be right under all four.
	TimespanEnds Ends
	// SearchTime is how the search route takes the times that the query states.
	// Pages of different years differ, so a client must be right under both.
	SearchTime SearchTime
	// WholeStatistics lets the statistics of a truncated answer state the size of
	// what was asked for. Otherwise they state that of what was sent. Nobody has
	// recorded which it is.
	WholeStatistics bool
	// NoContent answers 204 where the workspaces hold not a single row.
	NoContent bool
	// FuzzyWarnings adds a PartialError of severity Warning to the answer of a
	// fuzzy union that lacks a leg, as has been reported of the service.
	FuzzyWarnings bool
	// OldWording gives the messages of truncated answers and of syntax errors as
	// of 2021.
	OldWording bool
	// KeepOrder reads tables in the order of their rows. Otherwise each query
	// sees them in an order of its own, as with the real service, and only a
	// sort gives a promise.
	KeepOrder bool
	// HoldBack hides a row until Now has reached its ingestion time.
	HoldBack bool
	// CacheLifetime is how long a reply is repeated to the same question that
	// does not forbid it: 120 s if zero, never if negative.
	CacheLifetime time.Duration
	// Seed determines the order of rows and the draws of faults.
	Seed uint64
	// Now is the clock of tokens, caches, rate limits and queries; time.Now if
	// nil. It is called concurrently. Waiting in a queue and delays take real
	// time whatever it says.
	Now func() time.Time
	// Faults are tried in order for each request; the first that fires is used.
	Faults []Fault
	// Observe is told about each request after its answer, by the goroutine
	// that serves it, so it must be safe for concurrent use. It may be nil.
	Observe func(Exchange)
}

// Ends says which ends of a timespan exclude their instant.
type Ends struct {
	StartExclusive bool
	EndExclusive   bool
}

// SearchTime is a rule of the search route for a query that states times.
type SearchTime string

// The rules of 2025 and 2024: the union of both ranges, or the request's alone.
const (
	SearchTimeUnion     SearchTime = "union" // also if empty
	SearchTimeOfRequest SearchTime = "request"
)

// Principal is an application that may ask for tokens.
type Principal struct {
	Tenant       string // GUID or domain
	ClientID     string
	ClientSecret string // "" has none
	// SecretExpires is when the secret ends; zero is never.
	SecretExpires time.Time
	// Certificates are those with which it may sign an assertion: PS256, or
	// RS256 as older clients do.
	Certificates []*x509.Certificate
	// Federated are the tokens of others that it trusts as an assertion.
	Federated []Federated
	// ObjectID is made of ClientID if empty. ResourceID names it as an identity
	// of a machine; "" is none.
	ObjectID, ResourceID string
	// Roles are those in its tokens: Data.Read if nil, none if empty.
	Roles []string
	// Access is what the query service thinks of it.
	Access Access
	// DeniedFor ends the denial that long after New, as when a role assignment
	// takes effect late. Zero never ends it.
	DeniedFor time.Duration
}

// Federated describes the tokens of another issuer that stand for a principal.
// All of it must fit.
type Federated struct {
	Issuer, Subject string
	Audience        string         // "api://AzureADTokenExchange" if empty
	Key             *rsa.PublicKey // checks the signature, RS256
}

// Access is a right, or the way in which it is denied.
type Access string

// The answers to a principal's first data request: 200, or a 403 in one of the
// shapes that have been seen.
const (
	Allowed            Access = ""
	Denied             Access = "denied"              // InsufficientAccessError and no more
	DeniedUnauthorized Access = "denied-unauthorized" // with UnauthorizedClient inside
	DeniedNetwork      Access = "denied-network"      // with NspValidationFailedError inside
	DeniedUser         Access = "denied-user"         // with AuthorizationFailedError inside
)

// Limits of answers and requests. A zero field is the real service's limit, a
// negative one is none.
type Limits struct {
	Rows         int64 // of an answer: 500,000; beyond it is truncated
	Bytes        int64 // of an answer in the engine's measure: 64,000,000; beyond it is truncated
	GatewayBytes int64 // of an answer's JSON text: 100,000,000; beyond it is refused
	// GatewayStatus is the status of that refusal, which nobody has recorded;
	// 400 if zero.
	GatewayStatus int
	// GatewayCode is its code: ResponsePayloadTooLarge if empty.
	GatewayCode       string
	Concurrency       int           // queries of a principal at once: 5
	SearchConcurrency int           // the same on the search route, beside them: 2
	Queue             int           // queries of a principal that wait: 200
	QueueWait         time.Duration // of one of them: 3 min of real time
	Requests          int           // of a principal, or from an address, in any Window: 200
	Window            time.Duration // 30 s
	// CountBy says whose requests count together.
	CountBy CountBy
	// RowsPerSecond is how many rows within its timespan a query is said to read
	// in a second. One that would take longer than its wait ends with a 504 at
	// once. Zero or less takes no time.
	RowsPerSecond int64
	// MemoryRows is how many rows within its timespan a query can hold; more end
	// it with E_RUNAWAY_QUERY. Zero or less is any number.
	MemoryRows int64
	// RetryAfter is sent with a 429 in whole seconds; zero or less sends none.
	RetryAfter time.Duration
}

// CountBy says whose requests count together for the limit of Requests.
type CountBy string

// The service documents 200 requests "per principal or client address".
const (
	ByEither    CountBy = ""          // a request counts for both, and both must have room
	ByPrincipal CountBy = "principal" // whatever the address
	ByAddress   CountBy = "address"   // whatever the principal
)

// forSearch are the limits of the search route's own gate.
func (l Limits) forSearch() Limits {
	l.Concurrency = l.SearchConcurrency
	return l
}

func (l Limits) withDefaults() Limits {
	l.Rows = or(l.Rows, 500_000)
	l.Bytes = or(l.Bytes, 64_000_000)
	l.GatewayBytes = or(l.GatewayBytes, 100_000_000)
	l.GatewayStatus = or(l.GatewayStatus, 400)
	l.GatewayCode = or(l.GatewayCode, "ResponsePayloadTooLarge")
	l.Concurrency = or(l.Concurrency, 5)
	l.SearchConcurrency = or(l.SearchConcurrency, 2)
	l.Queue = or(l.Queue, 200)
	l.QueueWait = or(l.QueueWait, 3*time.Minute)
	l.Requests = or(l.Requests, 200)
	l.Window = or(l.Window, 30*time.Second)
	return l
}

func or[T comparable](v, instead T) T {
	var zero T
	if v == zero {
		return instead
	}
	return v
}

var guidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// withDefaults fills in what is left out and refuses what cannot be served.
func (c Config) withDefaults() (Config, error) {
	if c.Data == nil {
		c.Data = NewDataset()
	}
	if len(c.WorkspaceIDs) == 0 {
		c.WorkspaceIDs = []string{DemoWorkspaceID}
	}
	if len(c.Principals) == 0 {
		c.Principals = []Principal{{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret}}
	}
	c.Cloud = or(c.Cloud, "public")
	c.TokenLifetime = or(c.TokenLifetime, 86399*time.Second)
	c.CacheLifetime = or(c.CacheLifetime, 120*time.Second)
	c.Limits = c.Limits.withDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, c.check()
}

func (c Config) check() error {
	if err := c.checkWorkspaces(); err != nil {
		return err
	}
	if c.Cloud != "public" && c.Cloud != "usgov" && c.Cloud != "china" {
		return fmt.Errorf("cloud %q is not one of public, usgov and china", c.Cloud)
	}
	for i, p := range c.Principals {
		for _, f := range p.Federated {
			if f.Issuer == "" || f.Subject == "" || f.Key == nil {
				return fmt.Errorf("principal %s trusts a federated token without issuer, subject or key", p.ClientID)
			}
		}
		switch {
		case p.Tenant == "" || p.ClientID == "":
			return fmt.Errorf("principal %d has no tenant or no client id", i+1)
		case strings.ContainsAny(p.Tenant, "/ "):
			return fmt.Errorf("tenant %q cannot be part of an address", p.Tenant)
		}
		switch p.Access {
		case Allowed, Denied, DeniedUnauthorized, DeniedNetwork, DeniedUser:
		default:
			return fmt.Errorf("principal %s has the unknown access %q", p.ClientID, p.Access)
		}
	}
	if s := c.SearchTime; s != "" && s != SearchTimeUnion && s != SearchTimeOfRequest {
		return fmt.Errorf("search time %q is not union or request", s)
	}
	if s := c.Limits.CountBy; s != ByEither && s != ByPrincipal && s != ByAddress {
		return fmt.Errorf("requests cannot be counted by %q, only by principal or address", s)
	}
	if s := c.Limits.GatewayStatus; s < 300 || s > 599 {
		return fmt.Errorf("gateway status %d is not one of a refusal", s)
	}
	return checkFaults(c.Faults)
}

func (c Config) checkWorkspaces() error {
	known := make(map[string]bool)
	ids := slices.AppendSeq(slices.Clone(c.WorkspaceIDs), maps.Keys(c.Others))
	for _, id := range ids {
		if !guidForm.MatchString(id) {
			return fmt.Errorf("workspace id %q is not a GUID", id)
		}
		known[strings.ToLower(id)] = true
	}
	named := make(map[string]string)
	for id, name := range c.Names {
		lower := strings.ToLower(name)
		switch {
		case !known[strings.ToLower(id)]:
			return fmt.Errorf("name %q belongs to workspace %s, which is not served", name, id)
		case name == "" || strings.Contains(name, "/"):
			return fmt.Errorf("workspace %s cannot be called %q", id, name)
		case named[lower] != "":
			return fmt.Errorf("workspaces %s and %s are both called %q", named[lower], id, name)
		}
		named[lower] = id
	}
	for _, id := range c.Unreadable {
		if !known[strings.ToLower(id)] {
			return fmt.Errorf("workspace %s is said to be unreadable and is not served", id)
		}
	}
	return nil
}
