package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// hostTime bounds what finding and greeting a host may take.
const hostTime = 30 * time.Second

// place is an address that the pipeline has to reach.
type place struct {
	address string // scheme, host and path
	setting string // of the workspace that can change it
}

func (a place) url() *url.URL {
	u, err := url.Parse(a.address)
	if err != nil {
		return &url.URL{Host: a.address}
	}
	return u
}

// hostChecks lists what makes a place reachable. after is called for a place
// that is not, and may find that it need not be.
func (p *patient) hostChecks(a place, after func(context.Context, outcome) outcome) []check {
	u := a.url()
	resolve := check{step: "resolve", target: u.Hostname(), within: p.address, run: func(ctx context.Context) outcome {
		return after(ctx, p.resolve(ctx, a))
	}}
	connect := check{step: "connect", target: u.Host, within: p.address, needs: []string{resolve.id()}, run: func(ctx context.Context) outcome {
		return after(ctx, p.connect(ctx, a))
	}}
	return []check{resolve, connect}
}

// resolve looks up the name of a place, or of the proxy on the way to it.
func (p *patient) resolve(ctx context.Context, a place) outcome {
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	proxy, err := p.access.Proxy(a.address)
	if err != nil {
		return outcome{status: failed, detail: "the proxy's address is not understood: " + err.Error(), help: "proxy",
			advice: []string{"Mend HTTPS_PROXY, or take it away if there is no proxy."}}
	}
	name, through := a.url().Hostname(), ""
	if proxy != nil {
		name, through = proxy.Hostname(), fmt.Sprintf("through the proxy %s, which is ", proxy.Host)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return healthy("%san address already", through)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return unresolved(name, a, proxy != nil, err)
	}
	var private bool
	var addresses []string
	for _, ip := range found {
		ip = ip.Unmap()
		private = private || ip.IsPrivate()
		addresses = append(addresses, ip.String())
	}
	h := healthy("%s%s", through, strings.Join(addresses, ", "))
	if private && proxy == nil {
		h.facts = append(h.facts, "an address of a private network: a private endpoint answers for this name")
	}
	return h
}

func unresolved(name string, a place, isProxy bool, err error) outcome {
	f := outcome{status: failed, help: "dns"}
	var unknown *net.DNSError
	switch {
	case isProxy:
		f.detail = "the proxy's name " + name + " cannot be resolved"
		f.advice, f.help = []string{"Mend HTTPS_PROXY, or take it away if there is no proxy."}, "proxy"
	case errors.As(err, &unknown) && unknown.IsNotFound:
		f.detail = "there is no host of this name"
		f.advice = []string{
			fmt.Sprintf("If the workspace sets %s, correct it; without it the cloud's own address is used.", a.setting),
			"With a private endpoint, its DNS zone must be linked to this network. To see what the name is here:\nnslookup " + name,
		}
	default:
		f.detail = "the name cannot be resolved: " + innermost(err)
		f.advice = []string{"Check the network and the DNS server of this machine:\nnslookup " + name,
			"If only a proxy leads out of this network, set HTTPS_PROXY to it."}
	}
	return f
}

// connect greets a place in the way in which it will be asked, without a
// token. Any answer will do.
func (p *patient) connect(ctx context.Context, a place) outcome {
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	u := a.url()
	greeting, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Scheme+"://"+u.Host+"/", nil)
	if err != nil {
		return outcome{status: failed, detail: err.Error(), help: "connect"}
	}
	response, err := p.access.Client.Do(greeting)
	if err != nil {
		return unreachable(a, err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	if response.StatusCode == http.StatusProxyAuthRequired {
		return proxyPassword()
	}
	if at, err := http.ParseTime(response.Header.Get("Date")); err == nil && a.setting == "endpoint" {
		// The header has no fractions of a second.
		p.offset, p.hasOffset = time.Since(at.Add(time.Second/2)), true
	}
	if response.TLS == nil {
		return healthy("answers, without TLS as is allowed on loopback")
	}
	h := healthy("answers, %s", tls.VersionName(response.TLS.Version))
	if chain := response.TLS.PeerCertificates; len(chain) > 0 {
		h.facts = append(h.facts, fmt.Sprintf("certificate by %s, valid to %s", issuerOf(chain[0]), chain[0].NotAfter.UTC().Format(time.DateOnly)))
	}
	return h
}

// issuerOf names who has signed a certificate.
func issuerOf(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return c.Issuer.CommonName
	}
	return c.Issuer.String()
}

func proxyPassword() outcome {
	return outcome{status: failed, help: "proxy", detail: "the proxy asks for a password",
		advice: []string{"Put user and password into the proxy's address:\nHTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"}}
}

// unreachable explains why a place gave no answer.
func unreachable(a place, err error) outcome {
	u := a.url()
	server := u.Host
	if u.Port() == "" {
		server += ":443"
	}
	var (
		unknown x509.UnknownAuthorityError
		other   x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		timeout net.Error
	)
	firewall := []string{
		fmt.Sprintf("Let this machine through to %s in firewall and network rules.", server),
		"If only a proxy leads out of this network, set HTTPS_PROXY to it.",
		fmt.Sprintf("If the workspace sets %s, check it.", a.setting),
	}
	f := outcome{status: failed, help: "connect", advice: firewall}
	switch {
	case errors.As(err, &unknown):
		f.help, f.detail = "tls", "its certificate is by an authority that this machine does not know"
		if unknown.Cert != nil {
			f.detail += ": " + issuerOf(unknown.Cert)
		}
		f.advice = []string{
			"If a proxy or private endpoint with a certificate of your own is meant, save its authority's certificate as PEM and set ca_file of the workspace to it. To see the certificates:\nopenssl s_client -showcerts -connect " + server,
			"If not, somebody is between this machine and the service: ask who runs the network.",
		}
	case errors.As(err, &other):
		f.help, f.detail = "tls", "its certificate is for another host: "+strings.Join(other.Certificate.DNSNames, ", ")
		f.advice = []string{fmt.Sprintf("Check %s of the workspace, and that the name leads to the right machine.", a.setting)}
	case errors.As(err, &invalid):
		f.help, f.detail = "tls", "its certificate is not valid: "+invalid.Error()
		f.advice = []string{"Check the clock of this machine: " + time.Now().UTC().Format(time.RFC3339), "Ask who runs the host to renew its certificate."}
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		f.help, f.detail = "tls", "it does not speak TLS"
		f.advice = []string{fmt.Sprintf("Check %s of the workspace: scheme, host and port.", a.setting)}
	case strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)):
		return proxyPassword()
	case errors.Is(err, syscall.ECONNREFUSED):
		f.detail = "nobody listens there: the connection is refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		f.detail = fmt.Sprintf("no answer within %v", hostTime)
	default:
		f.detail = "no answer: " + innermost(err)
	}
	return f
}

// innermost returns the text of the innermost error.
func innermost(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}
