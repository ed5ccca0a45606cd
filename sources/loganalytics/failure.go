package loganalytics

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// failure is an error of the service, in words that hold no secret.
type failure struct {
	answer Answer // zero if there was none

	text  string
	kind  error // ErrTooLarge, ErrAccess or ErrQuery of package pipeline, or nil
	renew bool  // another token may help
	late  bool  // more time may help
}

// Error implements error.
func (f *failure) Error() string { return f.text }

// Unwrap returns the kind.
func (f *failure) Unwrap() error { return f.kind }

// again makes an error one that is worth another try.
func again(wait time.Duration, err error) error {
	return &pipeline.RetryAfter{Wait: wait, Err: err}
}

// tries makes an error one that is worth so many tries in all.
func tries(n int, err error) error {
	return &pipeline.RetryAfter{Tries: n, Err: err}
}

// fail makes an error about an answer, or with a nil response about none.
func (s *Source) fail(q question, response *http.Response, kind error, text string) *failure {
	id := q.id
	if response != nil {
		if given := response.Header.Get("x-ms-request-id"); given != "" {
			id = given
		}
	}
	return &failure{text: q.clean(text) + " (request " + clip(id, 80) + ")", kind: kind}
}

// noAnswer explains a request that got no answer.
func (s *Source) noAnswer(ctx context.Context, q question, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask %s: %w", s.host(), ctx.Err())
	}
	var (
		unknown  x509.UnknownAuthorityError
		other    x509.HostnameError
		invalid  x509.CertificateInvalidError
		name     *net.DNSError
		record   tls.RecordHeaderError
		deadline net.Error
	)
	refuse := func(text string) error { return s.fail(q, nil, pipeline.ErrAccess, text) }
	retry := func(text string) error { return again(0, s.fail(q, nil, nil, text)) }
	switch {
	case errors.As(err, &unknown):
		return refuse(s.host() + " shows a certificate of an unknown authority; if a proxy or a private endpoint is meant, set ca_file to its authority's certificate")
	case errors.As(err, &other):
		return refuse(s.host() + " shows a certificate for another host; check endpoint")
	case errors.As(err, &invalid):
		return refuse(s.host() + " shows a certificate that is not valid: " + invalid.Error())
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return refuse(s.host() + " does not speak TLS; check endpoint")
	case errors.As(err, &name):
		return retry("the name " + name.Name + " cannot be resolved; check endpoint, proxy and network")
	case errors.Is(err, syscall.ECONNREFUSED):
		return retry(s.host() + " refuses connections; check endpoint, proxy and firewall")
	case strings.Contains(err.Error(), "timeout awaiting response headers"), errors.Is(err, os.ErrDeadlineExceeded):
		// The query runs longer than it was allowed to: fewer rows may help.
		return tries(2, s.fail(q, nil, pipeline.ErrTooLarge, fmt.Sprintf("%s gave no answer within %v", s.host(), q.wait+s.grace)))
	case errors.As(err, &deadline) && deadline.Timeout():
		return retry(s.host() + " cannot be reached in time; check endpoint, proxy and firewall")
	}
	cause := err
	for inner := errors.Unwrap(cause); inner != nil; inner = errors.Unwrap(cause) {
		cause = inner
	}
	return retry("the connection to " + s.host() + " broke before the answer: " + cause.Error())
}

var (
	place      = regexp.MustCompile(`line \[(\d+),\s*(\d+)\]`)
	wholeQuery = regexp.MustCompile(`(?s)Query: '.*`)
	signature  = regexp.MustCompile(`(?i)([?&](?:sig|code|token|api_key|key|password)=)[^&\s"']+`)
)

const hidden = "(sensitive)"

// clean makes a text of the service fit to be shown: places are those of the
// author's text, and what is secret in the request is blacked out.
func (q question) clean(text string) string {
	text = wholeQuery.ReplaceAllString(text, "")
	text = place.ReplaceAllStringFunc(text, func(found string) string {
		m := place.FindStringSubmatch(found)
		line, position, ok := q.place(m[1], m[2])
		if !ok {
			return "a line that kustash has added"
		}
		return fmt.Sprintf("line [%d,%d]", line, position)
	})
	for _, s := range q.secrets() {
		text = strings.ReplaceAll(text, s, hidden)
	}
	text = signature.ReplaceAllString(text, "${1}"+hidden)
	return clip(strings.Join(strings.Fields(text), " "), 1000)
}

// place reads a place of the text that was sent.
func (q question) place(line, position string) (int, int, bool) {
	l, err1 := strconv.Atoi(line)
	p, err2 := strconv.Atoi(position)
	if err1 != nil || err2 != nil {
		return 0, 0, false
	}
	if q.author == nil {
		return l, p, true
	}
	return q.author(l, p)
}

// secrets returns the token and the contents of obfuscated literals, h"…",
// which the service keeps out of its own logs as well.
func (q question) secrets() []string {
	var all []string
	if q.token != "" {
		all = append(all, q.token)
	}
	for _, t := range scan(q.written) {
		literal := q.written[t.start:t.end]
		if t.kind != tokenText && t.kind != tokenBroken || literal[0] != 'h' && literal[0] != 'H' {
			continue
		}
		if inner := strings.Trim(literal[1:], "@\"'`~"); len(inner) > 1 {
			all = append(all, literal, inner)
		}
	}
	return all
}

func clip(text string, runes int) string {
	if r := []rune(text); len(r) > runes {
		return string(r[:runes]) + "…"
	}
	return text
}
