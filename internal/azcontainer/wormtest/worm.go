// Package wormtest answers as a container under an immutability policy does,
// which Microsoft's emulator cannot: what is there can be neither replaced nor
// deleted
// (https://learn.microsoft.com/azure/storage/blobs/immutable-storage-overview).
// It knows just the requests that this tool sends.
package wormtest

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Rule is what protects the container.
type Rule string

// The rules of containers.
const (
	Policy    Rule = "immutability policy"
	LegalHold Rule = "legal hold"
)

// Serve returns the address of an account whose containers are under the rule.
func Serve(t *testing.T, rule Rule) string {
	t.Helper()
	w := &worm{rule: rule, blobs: make(map[string][]byte), block: make(map[string][]byte)}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return server.URL + "/acct"
}

type worm struct {
	rule  Rule
	mu    sync.Mutex
	blobs map[string][]byte // by path
	block map[string][]byte // the last one, by path
}

func (s *worm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(status int, code string) {
		w.Header().Set("x-ms-error-code", code)
		w.WriteHeader(status)
	}
	blob, there := s.blobs[r.URL.Path]
	switch q := r.URL.Query(); {
	case q.Get("restype") == "container" && q.Get("comp") == "list":
		s.list(w, r.URL.Path+"/", q.Get("prefix"))
	case q.Get("restype") == "container" && r.Method == http.MethodGet:
		w.Header().Set("x-ms-has-immutability-policy", strconv.FormatBool(s.rule == Policy))
		w.Header().Set("x-ms-has-legal-hold", strconv.FormatBool(s.rule == LegalHold))
	case r.Method == http.MethodPut && q.Get("comp") == "block":
		s.block[r.URL.Path], _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut && there:
		refuse(http.StatusConflict, s.protected())
	case r.Method == http.MethodPut:
		s.blobs[r.URL.Path] = s.block[r.URL.Path] // one is enough here
		w.WriteHeader(http.StatusCreated)
	case !there:
		refuse(http.StatusNotFound, "BlobNotFound")
	case r.Method == http.MethodDelete:
		refuse(http.StatusConflict, s.protected())
	default:
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob))
	}
}

func (s *worm) list(w http.ResponseWriter, container, prefix string) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, `<?xml version="1.0"?><EnumerationResults><Blobs>`)
	for path, blob := range s.blobs {
		if name, ok := strings.CutPrefix(path, container); ok && strings.HasPrefix(name, prefix) {
			fmt.Fprintf(w, "<Blob><Name>%s</Name><Properties><Content-Length>%d</Content-Length></Properties></Blob>", html.EscapeString(name), len(blob))
		}
	}
	fmt.Fprint(w, `</Blobs><NextMarker/></EnumerationResults>`)
}

// protected is the code of a request that the rule forbids.
func (s *worm) protected() string {
	if s.rule == LegalHold {
		return "BlobImmutableDueToLegalHold"
	}
	return "BlobImmutableDueToPolicy"
}
