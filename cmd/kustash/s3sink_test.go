//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kustash/kustash/sinks/s3/s3test"
)

// bucketRound is a world of the chaos test whose archive is in a bucket, behind a
// proxy that spoils every so many requests, or all of them; with -1 it lets nobody
// read or list. The server keeps
// objects as files, so that the archive is compared as any other.
func bucketRound(t *testing.T, seed uint64, extra string) (r *round, every *atomic.Int64) {
	t.Helper()
	server := s3test.Start(t, os.Getenv("KUSTASH_TEST_VERSITYGW"))
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	every = &atomic.Int64{}
	var requests atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n, each := requests.Add(1), every.Load()
		switch {
		case each < 0 && (req.Method == http.MethodGet || req.Method == http.MethodHead):
			http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
		case each <= 0 || n%each != 0:
			proxy.ServeHTTP(w, req)
		case each == 1:
			panic(http.ErrAbortHandler) // the connection breaks
		case n%2 == 0: // it is done, and nobody is told
			proxy.ServeHTTP(httptest.NewRecorder(), req)
			panic(http.ErrAbortHandler)
		default:
			http.Error(w, "<Error><Code>SlowDown</Code></Error>", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(front.Close)
	r = &round{world: newWorld(t, rand.New(rand.NewPCG(seed, 78)), false), report: &chaosReport{}, tally: &chaosTally{}}
	if err := os.Symlink(server.Folder, filepath.Join(r.dir, "archive")); err != nil {
		t.Fatal(err)
	}
	r.env["KEY_ID"], r.env["KEY"] = server.KeyID, server.Key
	text, err := os.ReadFile(filepath.Join(r.dir, "main.kustash.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	place := fmt.Sprintf("endpoint = %q\n  path_style = true\n  bucket = %q\n  access_key_id = env(\"KEY_ID\")\n  secret_access_key = env(\"KEY\")\n", front.URL, server.Bucket)
	changed := strings.NewReplacer(`sink "local"`, `sink "s3"`, `path = "archive/`, place+`  prefix = "`).Replace(string(text))
	if extra != "" {
		changed = strings.ReplaceAll(changed, "sinks = [", "sinks = [sink.extra, ") + fmt.Sprintf("\nsink \"s3\" \"extra\" {\n  %s  prefix = \"extra\"\n  %s\n}\n", place, extra)
	}
	r.write("main.kustash.hcl", changed)
	return r, every
}

// Everything works with an archive in a bucket, and no secret of it is shown.
func TestS3Sink(t *testing.T) {
	r, every := bucketRound(t, 1, `format "csv" { compression = "gzip" }`)
	r.expect(exitDone, []string{"init"}, "so are the sinks")
	r.expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	r.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	r.expect(exitDone, []string{"status", "-detailed-exitcode"}, "complete")
	r.expect(exitDone, []string{"verify"}, "no findings")
	r.expect(exitDone, []string{"doctor"}, "archive/csv can be written")
	r.complete()

	// Files that nothing counts are found, and those that are gone.
	if err := os.WriteFile(filepath.Join(r.dir, "archive", "csv", "stray.csv"), []byte("x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r.expect(exitFailed, []string{"verify"}, "stray.csv")
	if err := os.Remove(filepath.Join(r.dir, "archive", "csv", "stray.csv")); err != nil {
		t.Fatal(err)
	}

	// A state that is lost is made again.
	if err := os.Rename(filepath.Join(r.dir, ".kustash"), filepath.Join(r.dir, "lost")); err != nil {
		t.Fatal(err)
	}
	r.expect(exitFailed, []string{"apply", "-auto-approve"}, "kustash state rebuild")
	r.expect(exitDone, []string{"state", "rebuild"}, "Rebuilt:")
	r.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	r.expect(exitDone, []string{"verify"}, "no findings")
	r.complete()

	every.Store(1)
	r.expect(exitFailed, []string{"verify", "-sample=1%"}, "check endpoint, region and the network")
}

// With a bucket that fails now and then, and runs that are killed, each row is in
// one object.
func TestS3SinkFaults(t *testing.T) {
	for seed := range uint64(2) {
		r, every := bucketRound(t, 10+seed, "")
		every.Store(7)
		r.usual = 700 * time.Millisecond
		for range 3 {
			r.killAfter(r.moment())
		}
		every.Store(11)
		r.complete()
	}
}

// Who may only write can export night by night; verify says what it cannot check.
func TestS3SinkWriteOnly(t *testing.T) {
	r, every := bucketRound(t, 30, "")
	every.Store(-1)
	r.expect(exitDone, []string{"init"}, "so are the sinks")
	r.expect(exitDone, []string{"doctor"}, "can be written, but not read")
	r.expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	r.expect(exitDone, []string{"apply", "-auto-approve"}, "No changes.")
	r.expect(exitFailed, []string{"verify"}, "not re-read", "s3:GetObject", "whether files are missing, or strange ones are there, is not checked")
	every.Store(0)
	r.complete()
}
