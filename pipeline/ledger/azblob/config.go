package azblob

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
)

// Config is the block state "azure_blob".
type Config struct {
	AccountURL string `hcl:"account_url,optional"` // such as https://acct.blob.core.windows.net
	Container  string `hcl:"container"`
	Prefix     string `hcl:"prefix,optional"` // of all names

	// At most one of these; with none, a token of the default chain is used.
	ConnectionString secret.Text `hcl:"connection_string,optional"`
	AccountKey       secret.Text `hcl:"account_key,optional"`
	SASToken         secret.Text `hcl:"sas_token,optional"`
}

// Audience is the service that a token for blobs is for.
const Audience = "https://storage.azure.com"

// Check returns what is wrong with the settings, as a *pipeline.SettingError.
// It touches nothing.
func (c Config) Check() error {
	set := 0
	for _, s := range []secret.Text{c.ConnectionString, c.AccountKey, c.SASToken} {
		if s != "" {
			set++
		}
	}
	switch {
	case strings.TrimSpace(c.Container) == "":
		return setting("container", errors.New("name the container that keeps the state"))
	case set > 1:
		return setting("account_key", errors.New("give one of connection_string, account_key and sas_token, or none for the default chain"))
	case c.ConnectionString != "" && c.AccountURL != "":
		return setting("account_url", errors.New("the connection string names the account already; leave this out"))
	case c.ConnectionString == "" && c.AccountURL == "":
		return setting("account_url", errors.New("name the account, such as https://ACCOUNT.blob.core.windows.net"))
	case strings.HasPrefix(c.Prefix, "/"):
		return setting("prefix", fmt.Errorf("%q begins with a slash; names in a container do not", c.Prefix))
	}
	if c.AccountURL == "" {
		return nil
	}
	u, err := url.Parse(c.AccountURL)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.User != nil:
		return setting("account_url", errors.New("it is no address such as https://ACCOUNT.blob.core.windows.net; a SAS token is an argument of its own"))
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	default:
		return setting("account_url", errors.New("it must begin with https; plain http is for loopback addresses only"))
	}
	return nil
}

func setting(name string, err error) error { return &pipeline.SettingError{Name: name, Err: err} }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Open returns the store. It touches nothing. token is asked where the settings
// hold no secret; it may be nil then only.
func Open(c Config, token azcore.TokenCredential) (*Store, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	client, err := c.client(token)
	if err != nil {
		return nil, err
	}
	prefix := c.Prefix
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	place, _, _ := strings.Cut(client.URL(), "?") // behind it is the SAS token
	return &Store{client: client, prefix: prefix, place: strings.TrimSuffix(place+"/"+prefix, "/")}, nil
}

// Place names where the state is, for messages.
func (c Config) Place() string {
	where := c.AccountURL
	if where == "" {
		where = "the account of the connection string"
	}
	return strings.TrimSuffix(strings.TrimSuffix(where, "/")+"/"+c.Container+"/"+strings.Trim(c.Prefix, "/"), "/")
}

// Bounds of the module's own retries: the state is small, and whoever waits for
// it holds a lock that has to be renewed.
const (
	tries    = 4
	tryLimit = 15 * time.Second
)

func (c Config) client(token azcore.TokenCredential) (*container.Client, error) {
	options := &container.ClientOptions{ClientOptions: policy.ClientOptions{
		Retry:     policy.RetryOptions{MaxRetries: tries - 1, TryTimeout: tryLimit, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 3 * time.Second},
		Telemetry: policy.TelemetryOptions{ApplicationID: "kustash"},
	}}
	address := strings.TrimSuffix(c.AccountURL, "/") + "/" + c.Container
	switch {
	case c.ConnectionString != "":
		client, err := container.NewClientFromConnectionString(c.ConnectionString.Reveal(), c.Container, options)
		if err != nil {
			return nil, setting("connection_string", errors.New("it is not one: it names AccountName and AccountKey or SharedAccessSignature, separated by semicolons"))
		}
		return client, nil
	case c.AccountKey != "":
		u, err := url.Parse(c.AccountURL)
		if err != nil {
			return nil, err
		}
		key, err := container.NewSharedKeyCredential(account(u), c.AccountKey.Reveal())
		if err != nil {
			return nil, setting("account_key", errors.New("it is not the base64 text that the portal shows"))
		}
		return container.NewClientWithSharedKeyCredential(address, key, options)
	case c.SASToken != "":
		return container.NewClientWithNoCredential(address+"?"+strings.TrimPrefix(c.SASToken.Reveal(), "?"), options)
	}
	return container.NewClient(address, token, options)
}

// account returns the name of the account: the first part of the host, or of the
// path where the host is an address, as with emulators.
func account(u *url.URL) string {
	if name, _, ok := strings.Cut(u.Hostname(), "."); ok && net.ParseIP(u.Hostname()) == nil {
		return name
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return name
}
