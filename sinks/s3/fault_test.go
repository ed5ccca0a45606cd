package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// line is a client of HTTP that spoils what goes over it. It is used by one
// goroutine.
type line struct {
	seen  []string // names of the requests
	spoil func(n int, name string, r *http.Request) fault
}

type fault int

const (
	none     fault = iota
	lost           // the server has done it, and the answer breaks off
	cut            // the connection breaks in the middle of the body
	busy           // 503
	broken         // 500
	expired        // 403 ExpiredToken
	denied         // 403 AccessDenied
	missing        // 501
	conflict       // 409
)

var answers = map[fault]struct {
	status int
	code   string
}{busy: {503, "SlowDown"}, broken: {500, "InternalError"}, expired: {403, "ExpiredToken"}, denied: {403, "AccessDenied"},
	missing: {501, "NotImplemented"}, conflict: {409, "ConditionalRequestConflict"}}

// nameOf names the request as the service does.
func nameOf(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case q.Has("uploads"):
		return map[string]string{"POST": "CreateMultipartUpload", "GET": "ListMultipartUploads"}[r.Method]
	case q.Has("uploadId"):
		return map[string]string{"POST": "CompleteMultipartUpload", "PUT": "UploadPart", "DELETE": "AbortMultipartUpload"}[r.Method]
	case q.Has("list-type"):
		return "ListObjectsV2"
	}
	return map[string]string{"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}[r.Method]
}

func (l *line) Do(r *http.Request) (*http.Response, error) {
	name := nameOf(r)
	l.seen = append(l.seen, name)
	f := none
	if l.spoil != nil {
		f = l.spoil(len(l.seen), name, r)
	}
	switch f {
	case none:
		return http.DefaultClient.Do(r)
	case lost:
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		_ = answer.Body.Close()
		return nil, fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
	case cut:
		if r.Body == nil || r.ContentLength < 2 {
			answer, err := http.DefaultClient.Do(r)
			if err == nil { // the answer breaks off after half of its bytes
				answer.Body = struct {
					io.Reader
					io.Closer
				}{io.MultiReader(io.LimitReader(answer.Body, answer.ContentLength/2), brokenPipe{}), answer.Body}
			}
			return answer, err
		}
		half := r.ContentLength / 2
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, half), brokenPipe{}))
		return http.DefaultClient.Do(r)
	}
	a := answers[f]
	body := fmt.Sprintf("<Error><Code>%s</Code><Message>two\nlines</Message></Error>", a.code)
	if r.Method == http.MethodHead {
		body = ""
	}
	return &http.Response{StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// write writes, commits and aborts an object, as the engine does, over a line.
func write(s sinks.Store, key string, data []byte, lineage string) (err error) {
	o, err := s.Create(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Abort()) }()
	if _, err := io.Copy(o, bytes.NewReader(data)); err != nil {
		return err
	}
	if err := o.Prepare(ctx, sinks.Metadata{Lineage: lineage, Replaces: []string{}}); err != nil {
		return err
	}
	return o.Commit(ctx)
}

// unfinished counts the uploads that are under way.
func unfinished(t *testing.T, s *Store) (n int) {
	t.Helper()
	found, err := s.client.ListMultipartUploads(ctx, listUploads(s))
	if err != nil {
		t.Fatal(err)
	}
	return len(found.Uploads)
}

// Each request of a write in turn is answered with an error once: it is repeated,
// and nobody sees anything of it. When the error stays, nothing is left.
func TestEachRequestFails(t *testing.T) {
	server := start(t)
	const key = "a/x-f1-01234567.csv"
	for size, name := range map[int]string{100: "short", 2*partSize + 5: "long"} {
		data := noise(size, 1)
		for _, f := range []fault{busy, broken, cut, lost, expired, denied} {
			for _, stays := range []bool{false, true} {
				for at := 1; ; at++ {
					label := fmt.Sprintf("%s/%d-%t-%d", name, f, stays, at)
					l := &line{spoil: func(n int, _ string, r *http.Request) fault {
						if n == at || stays && n > at && r.Method != http.MethodDelete {
							return f
						}
						return none
					}}
					good := impatient(t, configOf(server, label), nil)
					err := write(impatient(t, configOf(server, label), l), key, data, "l")
					if len(l.seen) < at {
						break
					}
					_, openErr := good.Open(ctx, key)
					final := f == expired || f == denied
					switch {
					case err == nil && (!stays && !final || openErr == nil):
						holds(t, good, key, data, "l")
					case err == nil:
						t.Errorf("%s: succeeded, but %v", label, openErr)
					case !stays && !final:
						t.Errorf("%s: %v, want it repeated", label, err)
					case strings.Contains(err.Error(), "\n"):
						t.Errorf("%s: the error has lines: %v", label, err)
					case errors.Is(err, pipeline.ErrExists):
						t.Errorf("%s: %v, but nobody had the key", label, err)
					case openErr == nil && f != lost:
						t.Errorf("%s: %v, but it is there", label, err)
					case openErr == nil:
						holds(t, good, key, data, "l")
					}
					if n := unfinished(t, good); n != 0 && err == nil && f != lost && f != cut {
						t.Errorf("%s: %d uploads are left", label, n)
					}
					if err := good.Sweep(ctx); err != nil || unfinished(t, good) != 0 {
						t.Errorf("%s: sweep: %v, %d uploads are left", label, err, unfinished(t, good))
					}
				}
			}
		}
	}
}

// A commit that took effect, and whose answer was lost, is a success; one that
// met the object of another attempt is not.
func TestLostAnswer(t *testing.T) {
	server := start(t)
	for size, request := range map[int]string{10: "PutObject", partSize + 1: "CompleteMultipartUpload"} {
		good := impatient(t, configOf(server, request), nil)
		l := &line{}
		s := impatient(t, configOf(server, request), l)
		data := noise(size, 2)
		l.spoil = once(request, lost)
		o := prepared(t, s, "a/x.csv", data, sinks.Metadata{Lineage: "l", Embedded: true})
		if err := o.Commit(ctx); err != nil {
			t.Errorf("%s: %v, want nil", request, err)
		}
		if n := count(l.seen, request); n < 2 {
			t.Errorf("%s was sent %d times, so the test shows nothing", request, n)
		}
		l.spoil = nil
		if err := write(s, "a/x.csv", data, "other"); !errors.Is(err, pipeline.ErrExists) {
			t.Errorf("%s, another attempt with the same bytes: %v, want %v", request, err, pipeline.ErrExists)
		}
		// Who may only write learns that the key is taken, and not whose it is.
		l.spoil = func(_ int, name string, _ *http.Request) fault {
			if name == "HeadObject" {
				return denied
			}
			return none
		}
		if err := write(s, "a/x.csv", data, "other"); !errors.Is(err, pipeline.ErrExists) || !errors.Is(err, pipeline.ErrUnreadable) || !strings.Contains(err.Error(), "s3:GetObject") {
			t.Errorf("%s, without the right to read: %v, want %v, that it cannot be read, and the right", request, err, pipeline.ErrExists)
		}
		// All answers are lost; the commit is called again.
		l.spoil = func(_ int, name string, _ *http.Request) fault {
			if name == request {
				return lost
			}
			return none
		}
		o = prepared(t, s, "a/y.csv", data, sinks.Metadata{Lineage: "l", Embedded: true})
		first := o.Commit(ctx)
		l.spoil = nil
		if err := o.Commit(ctx); err != nil {
			t.Errorf("%s: commit again after %v: %v, want nil", request, first, err)
		}
		if c, err := good.Open(ctx, "a/y.csv"); err != nil || c.Size() != int64(size) {
			t.Errorf("%s: open %v", request, err)
		}
	}
}

func once(request string, f fault) func(int, string, *http.Request) fault {
	done := false
	return func(_ int, name string, _ *http.Request) fault {
		if name != request || done {
			return none
		}
		done = true
		return f
	}
}

func count(seen []string, name string) (n int) {
	for _, s := range seen {
		if s == name {
			n++
		}
	}
	return n
}

// Another request for the key was under way: the commit is repeated, and a
// conflict that stays is no word about the key.
func TestConflict(t *testing.T) {
	server := start(t)
	for size, request := range map[int]string{10: "PutObject", partSize + 1: "CompleteMultipartUpload"} {
		l := &line{spoil: once(request, conflict)}
		s := impatient(t, configOf(server, request), l)
		o := prepared(t, s, "a/x.csv", noise(size, 3), sinks.Metadata{Embedded: true})
		if err := o.Commit(ctx); err != nil {
			t.Errorf("%s: %v, want it repeated", request, err)
		}
		l.spoil = func(_ int, name string, _ *http.Request) fault {
			if name == request {
				return conflict
			}
			return none
		}
		o = prepared(t, s, "a/y.csv", noise(size, 3), sinks.Metadata{Embedded: true})
		if err := o.Commit(ctx); err == nil || errors.Is(err, pipeline.ErrExists) {
			t.Errorf("%s: a conflict that stays: %v, want an error that is not %v", request, err, pipeline.ErrExists)
		}
		if err := o.Abort(); err != nil {
			t.Error(err)
		}
	}
}
