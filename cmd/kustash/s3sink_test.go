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
// proxy that spoils every so many requests, or all of them. The server keeps
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
		case each == 0 || n%each != 0:
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
	r.env["S3_ID"], r.env["S3_KEY"] = server.KeyID, server.Key
	text, err := os.ReadFile(filepath.Join(r.dir, "main.kustash.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	place := fmt.Sprintf("endpoint = %q\n  path_style = true\n  bucket = %q\n  access_key_id = env(\"S3_ID\")\n  secret_access_key = env(\"S3_KEY\")\n", front.URL, server.Bucket)
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
	expect := func(wantCode int, args []string, words ...string) {
		t.Helper()
		code, output := r.run(args...)
		for _, w := range words {
			if !strings.Contains(output, w) {
				t.Errorf("%v does not say %q:\n%s", args, w, output)
			}
		}
		if code != wantCode {
			t.Fatalf("%v: exit %d, want %d\n%s", args, code, wantCode, output)
		}
		if strings.Contains(output, r.env["S3_KEY"]) {
			t.Fatalf("%v shows the key", args)
		}
	}
	expect(exitDone, []string{"init"}, "so are the sinks")
	expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	expect(exitDone, []string{"status", "-detailed-exitcode"}, "complete")
	expect(exitDone, []string{"verify"}, "no findings")
	expect(exitDone, []string{"doctor"}, "archive/csv can be written")
	r.complete()

	// Files that nothing counts are found, and those that are gone.
	if err := os.WriteFile(filepath.Join(r.dir, "archive", "csv", "stray.csv"), []byte("x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	expect(exitFailed, []string{"verify"}, "stray.csv")
	if err := os.Remove(filepath.Join(r.dir, "archive", "csv", "stray.csv")); err != nil {
		t.Fatal(err)
	}

	// A state that is lost is made again.
	if err := os.Rename(filepath.Join(r.dir, ".kustash"), filepath.Join(r.dir, "lost")); err != nil {
		t.Fatal(err)
	}
	expect(exitFailed, []string{"apply", "-auto-approve"}, "kustash state rebuild")
	expect(exitDone, []string{"state", "rebuild"}, "Rebuilt:")
	expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	expect(exitDone, []string{"verify"}, "no findings")
	r.complete()

	every.Store(1)
	expect(exitFailed, []string{"verify", "-sample=1%"}, "check endpoint, region and the network")
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
