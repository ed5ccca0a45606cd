package loganalytics

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/klauspost/compress/gzip"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
)

// grace is how much longer than the query's own time an answer may take to
// begin: the service keeps a query for up to 3 minutes in its queue
// (https://learn.microsoft.com/azure/azure-monitor/service-limits), and its
// timer is seconds late.
const grace = 4 * time.Minute

// idleTime is how long an answer may stand still once it has begun.
const idleTime = time.Minute

// tokenTime bounds a request for a token.
const tokenTime = time.Minute

// errorBody bounds what is read of an answer that is no success.
const errorBody = 1 << 20

// newClient returns a client that keeps to HTTP/1.1, where a connection
// carries one answer and its deadline can be that answer's, and that follows
// no redirection: the token is for one address. An answer has to begin in the
// longest time of any query; each query has its own.
func newClient(s settings) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:       &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   30 * time.Second,
			ResponseHeaderTimeout: maxTimeout + grace,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			DisableCompression:    true,
			Protocols:             &protocols,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask sends a question and hands the rows of its answer to emit. The error is
// nil only for a complete answer. A token that is not accepted is renewed once,
// and a query that runs out of a time below the service's own is given that.
func (s *Source) ask(ctx context.Context, q question, emit func(arrow.Record) error) (pipeline.Reading, error) {
	var nothing pipeline.Reading
	q.workspaces = s.additional
	if q.path == searchRoute {
		q.class = search
	}
	leave, err := s.governor.enter(ctx, q.class)
	if err != nil {
		return nothing, err
	}
	defer leave()
	q.wait = s.timeout
	token, err := s.tokens.Token(ctx)
	for renewed := false; ; {
		if err != nil {
			return nothing, tokenFailure(ctx, err)
		}
		if err := s.governor.turn(ctx); err != nil {
			return nothing, err
		}
		q.token = token.AccessToken
		reading, f := s.exchange(ctx, q, func(r *http.Request) { azauth.Authorize(r, token) }, emit)
		var failed *failure
		switch {
		case f == nil:
			return reading, nil
		case !errors.As(f, &failed):
			return nothing, f
		case failed.renew && !renewed:
			renewed = true
			token, err = s.tokens.Renew(ctx, token)
		case failed.late && q.wait < maxTimeout:
			q.wait = maxTimeout
		default:
			return nothing, f
		}
	}
}

// exchange sends one request and reads its answer.
func (s *Source) exchange(ctx context.Context, q question, authorize func(*http.Request), emit func(arrow.Record) error) (reading pipeline.Reading, err error) {
	b := &body{idle: s.idle}
	q.sent = time.Now()
	r, err := s.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			b.conn = info.Conn
			// An error here shows in the read that follows.
			_ = info.Conn.SetReadDeadline(time.Now().Add(q.wait + s.grace))
		},
	}), q)
	if err != nil {
		return reading, err
	}
	authorize(r)
	response, err := s.http.Do(r)
	if err != nil {
		return reading, s.noAnswer(ctx, q, err)
	}
	defer response.Body.Close()
	b.raw = response.Body
	plain, err := unpack(response, b)
	if err != nil {
		return reading, s.badBody(ctx, q, response, b, err)
	}
	if response.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(plain, errorBody))
		if err != nil && len(text) == 0 && ctx.Err() != nil {
			return reading, ctx.Err()
		}
		return reading, s.refusal(q, response, text)
	}
	s.governor.accepted(q.class)
	if q.take != nil {
		return reading, s.other(ctx, q, response, b, plain)
	}
	return s.rows(ctx, q, response, b, plain, emit)
}

// rows reads the answer of a request that was accepted.
func (s *Source) rows(ctx context.Context, q question, response *http.Response, b *body, plain io.Reader, emit func(arrow.Record) error) (reading pipeline.Reading, err error) {
	if age, _ := strconv.ParseUint(response.Header.Get("Age"), 10, 63); age > 0 {
		return reading, tries(3, s.fail(q, response, nil, fmt.Sprintf("the answer is %d s old although a new one was asked for; "+
			"if there is a proxy on the way, keep it from storing answers", age)))
	}
	var refused error
	a, err := decodeAnswer(plain, func(rec arrow.Record) error {
		refused = emit(rec)
		return refused
	})
	switch {
	case refused != nil:
		return reading, refused
	case err != nil:
		return reading, s.badBody(ctx, q, response, b, err)
	case a.Err != nil:
		return reading, s.partial(q, response, a)
	case s.partly && a.Permissions != nil:
		if hidden := a.Permissions.hidden(q.written); hidden != "" {
			return reading, s.fail(q, response, pipeline.ErrQuery, hidden)
		}
	}
	switch {
	case a.Tables != 1:
		return reading, s.fail(q, response, pipeline.ErrQuery, fmt.Sprintf("the answer has %d results; a query must have one", a.Tables))
	case a.Stats != nil && a.Stats.RowCount != nil && *a.Stats.RowCount != a.Rows:
		return reading, again(0, s.fail(q, response, nil,
			fmt.Sprintf("the answer holds %d rows, but the service counted %d", a.Rows, *a.Stats.RowCount)))
	}
	reading.Received = a.Rows
	if a.Stats != nil && a.Stats.Size != nil {
		reading.Size = *a.Stats.Size
	}
	return reading, nil
}

// badBody explains a body that is no complete answer.
func (s *Source) badBody(ctx context.Context, q question, response *http.Response, b *body, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("read the answer: %w", ctx.Err())
	}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case errors.Is(b.err, os.ErrDeadlineExceeded):
		return tries(2, s.fail(q, response, pipeline.ErrTooLarge, fmt.Sprintf("the answer stood still for %v after %d bytes", s.idle, b.read)))
	case b.err == nil && err == errEmptyAnswer:
		return again(0, s.fail(q, response, nil, "the answer is empty, which is not the same as no rows"))
	case strings.Contains(err.Error(), gatewayLimit):
		return &pipeline.TooLarge{Err: s.fail(q, response, nil, "the answer is larger than the service's gateway lets through")}
	case media != "" && media != "application/json":
		return again(0, s.fail(q, response, nil, fmt.Sprintf("the answer is %q and not JSON; check endpoint and proxy", media)))
	case b.err != nil, errors.Is(err, io.ErrUnexpectedEOF):
		return tries(2, s.fail(q, response, pipeline.ErrTooLarge, fmt.Sprintf("the answer was cut off after %d bytes", b.read)))
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return again(0, s.fail(q, response, nil, "the answer was damaged on its way"))
	}
	return s.fail(q, response, nil, err.Error())
}

// unpack returns the body without its compression.
func unpack(response *http.Response, b *body) (io.Reader, error) {
	switch encoding := strings.ToLower(response.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return b, nil
	case "gzip":
		plain, err := gzip.NewReader(b)
		if err == io.EOF {
			return nil, errEmptyAnswer
		}
		return plain, err
	default:
		return nil, fmt.Errorf("the answer is compressed as %q, which was not asked for", encoding)
	}
}

// body reads an answer and notes what went wrong on the connection. Each read
// has a deadline of its own, so that a slow receiver of rows costs nothing.
type body struct {
	raw  io.Reader
	conn net.Conn
	idle time.Duration
	read int64
	err  error // of the connection; nil for a proper end
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.conn != nil {
		// An error here shows in the read that follows.
		_ = b.conn.SetReadDeadline(time.Now().Add(b.idle))
	}
	n, err := b.raw.Read(p)
	if b.conn != nil {
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	b.read += int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// tokenFailure says what an error of the token endpoint means for a slice.
func tokenFailure(ctx context.Context, err error) error {
	var e *azauth.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("get a token: %w", ctx.Err())
	case errors.As(err, &e) && e.Transient:
		return &pipeline.RetryAfter{Wait: e.Wait, Err: err}
	}
	return &failure{text: err.Error(), kind: pipeline.ErrAccess}
}
