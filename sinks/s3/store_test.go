package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Metadata that does not fit, or that is not known when the first part is sent,
// lies beside the object, and goes with it.
func TestMetadataBeside(t *testing.T) {
	server := start(t)
	s := impatient(t, configOf(server, "p"), nil)
	wide := sinks.Metadata{Lineage: "l", Query: `query.a["é %"]`, Replaces: []string{}}
	for n := range 100 {
		wide.Replaces = append(wide.Replaces, fmt.Sprintf("a/date=2026-01-01/%020d.csv", n))
	}
	for key, m := range map[string]sinks.Metadata{"a/wide.csv": wide, "a/long.csv": {Lineage: "l", Replaces: []string{}}} {
		data := noise(partSize+77, 4)
		if key == "a/wide.csv" {
			data = data[:9]
		}
		first := prepared(t, s, key, data, m)
		second := prepared(t, s, key, data, sinks.Metadata{Lineage: "second", Replaces: wide.Replaces})
		if err := first.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if err := second.Commit(ctx); !errors.Is(err, pipeline.ErrExists) {
			t.Errorf("second commit: %v, want %v", err, pipeline.ErrExists)
		}
		if err := second.Abort(); err != nil {
			t.Error(err)
		}
		holds(t, s, key, data, "l")
		if got := keysOf(t, s); len(got) != 2 {
			t.Errorf("%v, want the object and its metadata", got)
		}
		if err := s.Remove(ctx, key); err != nil {
			t.Error(err)
		}
		if got := keysOf(t, s); len(got) != 0 {
			t.Errorf("after the removal there is %v", got)
		}
		if err := s.Remove(ctx, key); !errors.Is(err, pipeline.ErrMissing) {
			t.Errorf("remove again: %v, want %v", err, pipeline.ErrMissing)
		}
	}
}

func keysOf(t *testing.T, s *Store) (keys []string) {
	t.Helper()
	if err := s.List(ctx, func(key string, _ int64) error { keys = append(keys, key); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

// A crash leaves an upload; the next run ends it, and no other's.
func TestSweep(t *testing.T) {
	server := start(t)
	s := impatient(t, configOf(server, "p"), nil)
	const key = "q/date=2026-01-01/20260101T000000.0000000Z-20260102T000000.0000000Z-f1-01234567.csv.gz"
	o := prepared(t, s, key, noise(partSize+1, 5), sinks.Metadata{Embedded: true})
	_ = prepared(t, s, "photos/holiday.mov", noise(partSize+1, 5), sinks.Metadata{Embedded: true})
	elsewhere := impatient(t, configOf(server, "other"), nil)
	_ = prepared(t, elsewhere, key, noise(partSize+1, 5), sinks.Metadata{Embedded: true})
	if n := unfinished(t, s) + unfinished(t, elsewhere); n != 3 {
		t.Fatalf("%d uploads are under way, want 3", n)
	}
	for _, f := range []fault{denied, missing} {
		l := &line{spoil: func(int, string, *http.Request) fault { return f }}
		if err := impatient(t, configOf(server, "p"), l).Sweep(ctx); err != nil {
			t.Errorf("without the right: %v, want nil", err)
		}
	}
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if a, b := unfinished(t, s), unfinished(t, elsewhere); a != 1 || b != 1 {
		t.Errorf("%d and %d uploads are left, want only the two that are not this sink's", a, b)
	}
	if err := o.Commit(ctx); err == nil || errors.Is(err, pipeline.ErrExists) {
		t.Errorf("commit of what was swept: %v, want an error", err)
	}
	if err := o.Abort(); err != nil {
		t.Errorf("abort of it: %v", err)
	}
	if err := s.Probe(ctx); err != nil || unfinished(t, s) != 1 {
		t.Errorf("probe: %v, %d uploads", err, unfinished(t, s))
	}
}

// Whoever may do nothing but write can write.
func TestWriteOnly(t *testing.T) {
	server := start(t)
	l := &line{spoil: func(_ int, name string, r *http.Request) fault {
		if name == "UploadPart" || name == "PutObject" || r.Method == http.MethodPost {
			return none
		}
		return denied
	}}
	s := impatient(t, configOf(server, ""), l)
	for key, size := range map[string]int{"a/short.csv": 10, "a/long.csv": partSize + 10} {
		if err := write(s, key, noise(size, 6), "l"); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		holds(t, impatient(t, configOf(server, ""), nil), key, noise(size, 6), "l")
	}
	o := prepared(t, s, "a/given-up.csv", noise(partSize+10, 6), sinks.Metadata{})
	if err := o.Abort(); err != nil {
		t.Errorf("abort: %v, want nil: a lifecycle rule ends the upload", err)
	}
	if err := s.Probe(ctx); err != nil {
		t.Errorf("probe: %v", err)
	}
}

// Reading asks for windows, repeats what breaks off, and notices that the object
// is another one now.
func TestReading(t *testing.T) {
	server := start(t)
	l := &line{}
	s := impatient(t, configOf(server, "p"), l)
	data := noise(3*windowSize+100, 7)
	if err := write(s, "a/x.bin", data, "l"); err != nil {
		t.Fatal(err)
	}
	c, err := s.Open(ctx, "a/x.bin")
	if err != nil {
		t.Fatal(err)
	}
	l.seen, l.spoil = nil, once("GetObject", cut)
	var got bytes.Buffer
	if _, err := io.CopyBuffer(&got, struct{ io.Reader }{io.NewSectionReader(c, 0, c.Size())}, make([]byte, 4096)); err != nil || !bytes.Equal(got.Bytes(), data) {
		t.Errorf("read %d bytes, %v", got.Len(), err)
	}
	if n := count(l.seen, "GetObject"); n != 5 {
		t.Errorf("%d requests, want 4 windows and one again", n)
	}
	_ = c.Close()

	good := impatient(t, configOf(server, "p"), nil)
	if err := good.Remove(ctx, "a/x.bin"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadAt(make([]byte, 10), 0); !errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("read what was removed: %v, want %v", err, pipeline.ErrMissing)
	}
	if err := write(good, "a/x.bin", noise(len(data), 8), "l"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadAt(make([]byte, 10), 0); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("read what was replaced: %v, want %v", err, pipeline.ErrMismatch)
	}
}

// A service that ignores the condition would let runs replace each other's files:
// it is found out before anything is written.
func TestNoConditions(t *testing.T) {
	server := start(t)
	for _, deaf := range []string{"PutObject", "CompleteMultipartUpload"} {
		good := impatient(t, configOf(server, deaf), nil)
		if err := good.Probe(ctx); err != nil {
			t.Errorf("before the first marker: %v", err)
		}
		if err := write(good, markerKey, []byte("{}\n"), "l"); err != nil {
			t.Fatal(err)
		}
		if err := good.Probe(ctx); err != nil {
			t.Errorf("%v, want nil", err)
		}
		s := impatient(t, configOf(server, deaf), doer(func(r *http.Request) (*http.Response, error) {
			if nameOf(r) != deaf || r.Header.Get("If-None-Match") == "" {
				return http.DefaultClient.Do(r)
			}
			// What the service would say; nothing is replaced.
			body := "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}))
		if err := s.Probe(ctx); err == nil || !strings.Contains(err.Error(), "If-None-Match") {
			t.Errorf("%s without the condition: %v, want an error about it", deaf, err)
		}
		if n := unfinished(t, good); n != 0 {
			t.Errorf("%d uploads are left", n)
		}
	}
}
