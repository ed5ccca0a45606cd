// Package azcontainer opens containers of Azure Blob Storage, for archives and
// for the state.
//
// Start at Config, the arguments that every block of the kind "azure_blob" has,
// and its method Open. Errors become one line with a next step by Explain.
package azcontainer

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

// Config says which container, and who asks.
type Config struct {
	// AccountURL is the account's address, such as
	// https://acct.blob.core.windows.net. That of a Data Lake (.dfs.) is taken
	// for the account's blobs: they are the same objects.
	AccountURL string `hcl:"account_url,optional"`
	Container  string `hcl:"container"`
	Prefix     string `hcl:"prefix,optional"` // of all names

	// At most one of these. With none, a credential is asked for a token; plain
	// http, which is for loopback addresses, goes without.
	ConnectionString secret.Text `hcl:"connection_string,optional"`
	AccountKey       secret.Text `hcl:"account_key,optional"`
	SASToken         secret.Text `hcl:"sas_token,optional"`
}

// Audience is the service that a token for blobs is for, in every cloud.
const Audience = "https://storage.azure.com"

// Check returns what is wrong with the settings, as a *pipeline.SettingError.
// It touches nothing.
func (c Config) Check() error {
	switch {
	case strings.TrimSpace(c.Container) == "":
		return setting("container", errors.New("name the container to write to"))
	case strings.Contains(c.Container, "/"):
		return setting("container", fmt.Errorf("%q holds a slash; folders in the container are the prefix", c.Container))
	case len(c.secrets()) > 1:
		return setting(c.secrets()[1], errors.New("give one of connection_string, account_key and sas_token, or none and a credential"))
	case c.ConnectionString != "" && c.AccountURL != "":
		return setting("account_url", errors.New("the connection string names the account already; leave this out"))
	case c.ConnectionString == "" && c.AccountURL == "":
		return setting("account_url", errors.New("name the account, such as https://ACCOUNT.blob.core.windows.net"))
	case strings.HasPrefix(c.Prefix, "/"):
		return setting("prefix", fmt.Errorf("%q begins with a slash; names in a container do not", c.Prefix))
	case c.AccountURL == "":
		return nil
	}
	return c.checkAddress()
}

func (c Config) checkAddress() error {
	u, err := url.Parse(c.AccountURL)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.User != nil:
		return setting("account_url", errors.New("it is no address such as https://ACCOUNT.blob.core.windows.net; a SAS token is an argument of its own"))
	case u.Scheme == "http" && !loopback(u.Hostname()), u.Scheme != "http" && u.Scheme != "https":
		return setting("account_url", errors.New("it must begin with https; plain http is for loopback addresses only"))
	case strings.Trim(u.Path, "/") != "" && strings.HasSuffix(u.Hostname(), ".net"):
		return setting("account_url", fmt.Errorf("%q is more than the account; the container and the prefix are arguments of their own", u.Path))
	}
	return nil
}

// secrets returns the names of the secrets that are set.
func (c Config) secrets() (names []string) {
	for _, s := range []struct {
		name string
		text secret.Text
	}{{"connection_string", c.ConnectionString}, {"account_key", c.AccountKey}, {"sas_token", c.SASToken}} {
		if s.text != "" {
			names = append(names, s.name)
		}
	}
	return names
}

// NeedsToken reports whether a credential is asked: the settings hold no secret.
func (c Config) NeedsToken() bool {
	return len(c.secrets()) == 0 && !strings.HasPrefix(c.AccountURL, "http://")
}

func setting(name string, err error) error { return &pipeline.SettingError{Name: name, Err: err} }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Authority returns where tokens for the account are issued, by the cloud that
// its name ends in
// (https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
func (c Config) Authority() string {
	u, err := url.Parse(c.AccountURL)
	switch {
	case err != nil:
		return ""
	case strings.HasSuffix(u.Hostname(), ".usgovcloudapi.net"):
		return "https://login.microsoftonline.us"
	case strings.HasSuffix(u.Hostname(), ".chinacloudapi.cn"):
		return "https://login.partner.microsoftonline.cn"
	}
	return ""
}

// Account returns the address of the account's blobs; "" where only the
// connection string knows it.
func (c Config) Account() string {
	return strings.Replace(strings.TrimSuffix(c.AccountURL, "/"), ".dfs.core.", ".blob.core.", 1)
}

// Folder returns the prefix of all names: it ends in a slash, or is empty.
func (c Config) Folder() string {
	if c.Prefix == "" || strings.HasSuffix(c.Prefix, "/") {
		return c.Prefix
	}
	return c.Prefix + "/"
}

// Place names where names with the prefix are, for messages: no secret is in it.
func (c Config) Place() string {
	where := c.Account()
	if where == "" {
		where = endpoint(c.ConnectionString.Reveal())
	}
	return strings.TrimSuffix(where+"/"+c.Container+"/"+c.Folder(), "/")
}

// endpoint returns the address of the account that a connection string names.
func endpoint(connection string) string {
	fields := make(map[string]string)
	for pair := range strings.SplitSeq(connection, ";") {
		name, value, _ := strings.Cut(pair, "=")
		fields[strings.TrimSpace(name)] = value
	}
	if address, _, _ := strings.Cut(fields["BlobEndpoint"], "?"); address != "" {
		return strings.TrimSuffix(address, "/")
	}
	suffix := fields["EndpointSuffix"]
	if suffix == "" {
		suffix = "core.windows.net"
	}
	if fields["AccountName"] == "" {
		return "the account of the connection string"
	}
	return "https://" + fields["AccountName"] + ".blob." + suffix
}

// Token gets the tokens with which requests are sent.
type Token = azcore.TokenCredential

// Patience bounds what the module repeats by itself where the store is out of
// reach, busy, or has lost an answer.
type Patience struct {
	Tries int
	Try   time.Duration // of one request
	Wait  time.Duration // between two, at most
}

// Open returns the container. It touches nothing. token is asked where
// NeedsToken says so; it may be nil where not.
func (c Config) Open(token Token, p Patience) (*container.Client, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	options := &container.ClientOptions{ClientOptions: policy.ClientOptions{
		Retry:     policy.RetryOptions{MaxRetries: int32(p.Tries - 1), TryTimeout: p.Try, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: p.Wait},
		Telemetry: policy.TelemetryOptions{ApplicationID: "kustash"},
	}}
	address := c.Account() + "/" + c.Container
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
	case !c.NeedsToken():
		return container.NewClientWithNoCredential(address, options)
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
