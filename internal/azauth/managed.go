package azauth

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/oauth2"
)

// ManagedIdentity is the block credential "managed_identity": the identity that
// Azure gives to a machine, an App Service, an Arc server and their like. None
// of the three ids is the identity of the system.
type ManagedIdentity struct {
	ClientID   string `hcl:"client_id,optional"`
	ObjectID   string `hcl:"object_id,optional"`
	ResourceID string `hcl:"resource_id,optional"`
	// Endpoint stands in for the address of the metadata service of virtual
	// machines; only loopback, as of the emulator.
	Endpoint string  `hcl:"endpoint,optional"`
	Limits   *Limits `hcl:"limits,block"`

	RetryDelay time.Duration // the first pause; 0 is 2 s
}

// metadataHost is the address at which each virtual machine finds its metadata
// service (https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service).
const metadataHost = "169.254.169.254"

// Credential checks c and returns what it describes; name is its address, for
// messages. If c sets none of the three ids, the client id is taken from the
// environment where it has one. Nothing is asked of the network. An error about
// one argument is a *pipeline.SettingError.
func (c ManagedIdentity) Credential(name string, env Env) (Credential, error) {
	m := &managedIdentity{name: name, limits: c.Limits, pause: c.RetryDelay}
	given := 0
	for _, a := range []argument{{"client_id", c.ClientID}, {"object_id", c.ObjectID}, {"resource_id", c.ResourceID}} {
		if a.value == "" {
			continue
		}
		if given++; given > 1 {
			return nil, setting(a.name, "keep one of client_id, object_id and resource_id")
		}
		m.id = a.value
	}
	switch {
	case c.ObjectID != "":
		m.kind = azidentity.ObjectID(c.ObjectID)
	case c.ResourceID != "":
		if !strings.HasPrefix(c.ResourceID, "/") {
			return nil, setting("resource_id", "%q is not a resource id such as /subscriptions/.../userAssignedIdentities/NAME", c.ResourceID)
		}
		m.kind = azidentity.ResourceID(c.ResourceID)
	default:
		for _, variable := range []string{"AZURE_CLIENT_ID", "ARM_CLIENT_ID"} {
			if m.id == "" {
				if m.id = lookUp(env, variable); m.id != "" {
					m.origin = " (from " + variable + ")"
				}
			}
		}
		if m.id != "" {
			m.kind = azidentity.ClientID(m.id)
		}
	}
	if err := c.Limits.check(); err != nil {
		return nil, err
	}
	var err error
	if m.address, err = metadataAddress(c.Endpoint, lookUp(env, "AZURE_POD_IDENTITY_AUTHORITY_HOST")); err != nil {
		return nil, err
	}
	return m, nil
}

// metadataAddress returns host and port of the metadata service. The variable
// is that of Microsoft's own libraries.
func metadataAddress(argument, variable string) (string, error) {
	given := argument
	if given == "" {
		given = variable
	}
	if given == "" {
		return metadataHost + ":80", nil
	}
	u, err := url.Parse(given)
	if err == nil && u.Scheme == "http" && (isLoopback(u.Hostname()) || u.Hostname() == metadataHost) && strings.Trim(u.Path, "/") == "" {
		port := u.Port()
		if port == "" {
			port = "80"
		}
		return net.JoinHostPort(u.Hostname(), port), nil
	}
	const want = "%q is not an address of this machine such as http://127.0.0.1:8737"
	if argument != "" {
		return "", setting("endpoint", want, given)
	}
	return "", fmt.Errorf("AZURE_POD_IDENTITY_AUTHORITY_HOST: "+want, given)
}

// managedIdentity is a ManagedIdentity that has been checked.
type managedIdentity struct {
	name    string
	id      string // "" is the system's
	origin  string // where the id comes from, if from the environment
	kind    azidentity.ManagedIDKind
	limits  *Limits
	pause   time.Duration
	address string // of the metadata service
	chained bool   // other ways follow: do not wait for a service that is not there
}

// Principal implements Credential.
func (m *managedIdentity) Principal() string { return strings.ToLower("managed_identity/" + m.id) }

// Limits implements Limited.
func (m *managedIdentity) Limits() Limits { return m.limits.orDefault() }

// TokenSource implements Credential.
func (m *managedIdentity) TokenSource(ctx context.Context, t Target) (oauth2.TokenSource, error) {
	return &managedSource{managedIdentity: m, ctx: ctx, target: t}, nil
}

// managedSource asks once per call. It lives as long as one request does,
// which is why it may hold that request's context.
type managedSource struct {
	*managedIdentity
	ctx         context.Context
	target      Target
	unreachable bool
}

// Token implements oauth2.TokenSource.
func (s *managedSource) Token() (*oauth2.Token, error) {
	transport := &http.Transport{ // without a proxy, and no connection outlives the request
		DialContext:           s.dial,
		DisableKeepAlives:     true,
		ResponseHeaderTimeout: 20 * time.Second,
	}
	c, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}, Retry: s.retry()},
		ID:            s.kind,
	})
	if err != nil {
		return nil, &Error{Credential: s.name, Advice: "managed identities do not work in this way here", Detail: clip(err.Error())}
	}
	// Any claims make the library ask instead of repeating a token that it
	// keeps for the process, and that the service may have refused.
	token, err := c.GetToken(s.ctx, policy.TokenRequestOptions{Scopes: []string{s.target.Audience + "/.default"}, Claims: "{}"})
	if err == nil {
		return fromSDK(token), nil
	}
	if cause := s.ctx.Err(); cause != nil { // the library's error does not wrap it
		return nil, &Error{Credential: s.name, Advice: "given up while waiting for the identity service of this machine", cause: cause}
	}
	return nil, s.explain(err)
}

// retry is what the metadata service asks its users to do
// (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#retry-guidance):
// again after 2, 6, 14 and 30 s. An update takes it up to 70 s; whoever asks for
// the token tries once more then.
func (s *managedSource) retry() policy.RetryOptions {
	o := policy.RetryOptions{MaxRetries: 4, RetryDelay: 2 * time.Second, MaxRetryDelay: 30 * time.Second}
	if s.pause > 0 {
		o.RetryDelay, o.MaxRetryDelay = s.pause, 15*s.pause
	}
	o.StatusCodes = []int{http.StatusGone, http.StatusTooManyRequests}
	for status := 500; status < 512; status++ {
		o.StatusCodes = append(o.StatusCodes, status)
	}
	// Other clouds have a service at the same address, without this path.
	if !s.chained {
		o.StatusCodes = append(o.StatusCodes, http.StatusNotFound)
	}
	return o
}

// dial connects to where the metadata service is. It is a neighbour: if it does
// not answer at once, it is not there.
func (s *managedSource) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 30 * time.Second}
	toMetadata := address == metadataHost+":80"
	if toMetadata {
		address, dialer.Timeout = s.address, 3*time.Second
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil && toMetadata && ctx.Err() == nil {
		s.unreachable = true
		return nil, noService{err}
	}
	return conn, err
}

// noService is an error that azcore does not try again, for its method.
type noService struct{ error }

func (noService) NonRetriable() {}

func (s *managedSource) explain(err error) *Error {
	if s.unreachable {
		return &Error{Credential: s.name, Absent: true, Advice: "nothing answers at " + s.address +
			", so this machine has no managed identity; run on one that has, or choose another kind of credential"}
	}
	e := request{name: s.name, target: s.target, proof: "the identity"}.explainSDK(err)
	e.Credential = s.name
	switch {
	case e.status == http.StatusNotFound && s.chained, e.status == http.StatusForbidden:
		e.Absent = true
		e.Advice = fmt.Sprintf("the service at %s knows of no managed identities (status %d)", s.address, e.status)
	case e.status == http.StatusBadRequest && len(e.Numbers) == 0 && e.Code != "invalid_resource":
		e.Absent = true
		if s.id == "" {
			e.Advice = "this machine has no identity of the system; assign one to it, or name a user-assigned identity by client_id"
		} else {
			e.Advice = fmt.Sprintf("this machine has no identity %q%s; assign it to the machine, or check the id", s.id, s.origin)
		}
	case e.status == http.StatusNotFound:
		e.Transient = true
		e.Advice = "the metadata service does not find the identity yet (status 404); it is worth another try"
	}
	return e
}
