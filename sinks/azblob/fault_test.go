package azblob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kustash/kustash/internal/azcontainer"
	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// gate is a proxy in front of the emulator that spoils some requests.
type gate struct {
	*httptest.Server
	spoil atomic.Pointer[func(w http.ResponseWriter, r *http.Request, forward func(http.ResponseWriter)) bool]
}

// gated returns settings that go through a gate.
func gated(t *testing.T) (Config, *gate) {
	t.Helper()
	c := azurite(t)
	connection := c.ConnectionString.Reveal()
	_, rest, _ := strings.Cut(connection, "BlobEndpoint=")
	endpoint, _, _ := strings.Cut(rest, ";")
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	proxy.ErrorLog = nil
	g := &gate{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = target.Host // it is signed
		forward := func(w http.ResponseWriter) { proxy.ServeHTTP(w, r) }
		if spoil := g.spoil.Load(); spoil != nil && (*spoil)(w, r, forward) {
			return
		}
		forward(w)
	}))
	t.Cleanup(g.Close)
	_, key, _ := strings.Cut(connection, "AccountKey=")
	key, _, _ = strings.Cut(key, ";")
	c.ConnectionString, c.AccountURL, c.AccountKey = "", g.URL+target.Path, secret.Text(key)
	return c, g
}

// operation names a request that writes.
func operation(r *http.Request) string {
	switch q := r.URL.Query(); {
	case r.Method == http.MethodPut && q.Get("comp") == "block":
		return "block"
	case r.Method == http.MethodPut && q.Get("comp") == "blocklist":
		return "commit"
	case r.Method == http.MethodGet && q.Get("comp") == "":
		return "read"
	case r.Method == http.MethodGet && q.Get("comp") == "list":
		return "list"
	}
	return r.Method + " " + r.URL.RawQuery
}

// spoilOnce spoils the nth request of an operation and those after it, times of
// them.
func (g *gate) spoilOnce(op string, nth, times int64, with func(http.ResponseWriter, *http.Request, func(http.ResponseWriter))) *atomic.Int64 {
	var seen, spoiled atomic.Int64
	spoil := func(w http.ResponseWriter, r *http.Request, forward func(http.ResponseWriter)) bool {
		if operation(r) != op || seen.Add(1) < nth || spoiled.Load() >= times {
			return false
		}
		spoiled.Add(1)
		with(w, r, forward)
		return true
	}
	g.spoil.Store(&spoil)
	return &spoiled
}

var faults = map[string]func(http.ResponseWriter, *http.Request, func(http.ResponseWriter)){
	"500": func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) { w.WriteHeader(500) },
	"503 after the body": func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("x-ms-error-code", "ServerBusy")
		w.WriteHeader(503)
	},
	"broken in the middle": func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) {
		_, _ = io.CopyN(io.Discard, r.Body, max(r.ContentLength/2, 0))
		panic(http.ErrAbortHandler)
	},
	"done, and the answer lost": func(_ http.ResponseWriter, _ *http.Request, forward func(http.ResponseWriter)) {
		forward(httptest.NewRecorder())
		panic(http.ErrAbortHandler)
	},
	"done, and answered with 500": func(w http.ResponseWriter, _ *http.Request, forward func(http.ResponseWriter)) {
		forward(httptest.NewRecorder())
		w.WriteHeader(500)
	},
}

// Whatever happens to a request, once or for good: an object that is said to be
// there is there, whole, and one that is not said to be there is not half there.
func TestFaults(t *testing.T) {
	data := random(2*blockSize + 100)
	for what, with := range faults {
		for _, op := range []string{"block", "commit"} {
			for _, times := range []int64{1, 1000} {
				t.Run(fmt.Sprintf("%s %s %d", op, what, times), func(t *testing.T) {
					c, g := gated(t)
					s := mustOpen(t, c)
					if err := put(s, "before.bin", []byte("x"), sinks.Metadata{}); err != nil {
						t.Fatal(err)
					}
					spoiled := g.spoilOnce(op, 1, times, with)
					err := put(s, "q/x.bin", data, sinks.Metadata{Lineage: "l"})
					g.spoil.Store(nil)
					if spoiled.Load() == 0 {
						t.Fatal("nothing was spoiled")
					}
					found, openErr := s.Open(ctx, "q/x.bin")
					switch {
					case times == 1 && err != nil:
						t.Errorf("one fault: %v", err)
					case err != nil && (errors.Is(err, pipeline.ErrExists) || strings.Contains(err.Error(), "\n")):
						t.Errorf("%v, want one line and not that somebody else has the name", err)
					case err == nil && openErr != nil:
						t.Errorf("it is said to be there: %v", openErr)
					}
					if openErr == nil {
						defer found.Close()
						if got := get(t, s, "q/x.bin"); !bytes.Equal(got, data) {
							t.Errorf("it holds %d other bytes", len(got))
						}
					} else if !errors.Is(openErr, pipeline.ErrMissing) {
						t.Error(openErr)
					}
				})
			}
		}
	}
}

// A store that says nothing is asked again.
func TestSilence(t *testing.T) {
	for _, op := range []string{"block", "commit"} {
		c, g := gated(t)
		s, err := open(c, nil, azcontainer.Patience{Tries: 3, Try: time.Second, Wait: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		spoiled := g.spoilOnce(op, 1, 1, func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) {
			_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
			time.Sleep(1500 * time.Millisecond) // beyond what one try may take
			panic(http.ErrAbortHandler)
		})
		if err := put(s, "x.bin", random(blockSize+1), sinks.Metadata{}); err != nil || spoiled.Load() != 1 {
			t.Errorf("%s: %v, %d requests without answer", op, err, spoiled.Load())
		}
	}
}

// Reading goes on over a fault, and never gives half of an object.
func TestReadFaults(t *testing.T) {
	data := random(blockSize + 100)
	for what, with := range faults {
		t.Run(what, func(t *testing.T) {
			c, g := gated(t)
			s := mustOpen(t, c)
			if err := put(s, "q/x.bin", data, sinks.Metadata{}); err != nil {
				t.Fatal(err)
			}
			for _, times := range []int64{1, 1000} {
				spoiled := g.spoilOnce("read", 1, times, with)
				content, err := s.Open(ctx, "q/x.bin")
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
				if spoiled.Load() == 0 {
					t.Fatal("nothing was spoiled")
				}
				if times == 1 && (err != nil || !bytes.Equal(got, data)) {
					t.Errorf("one fault: %d bytes, %v", len(got), err)
				}
				if times > 1 && (err == nil || errors.Is(err, pipeline.ErrMismatch) || errors.Is(err, pipeline.ErrMissing)) {
					t.Errorf("no read works: %v, want an error that says nothing of the object", err)
				}
			}
		})
	}
}
