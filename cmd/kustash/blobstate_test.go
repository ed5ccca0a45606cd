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
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// blobRound is a world of the chaos test whose state is in a container of
// Azurite, behind a proxy that can be taken down.
func blobRound(t *testing.T, seed uint64) (r *round, down *atomic.Bool) {
	t.Helper()
	connection := os.Getenv("KUSTASH_TEST_AZURITE")
	if connection == "" {
		t.Skip("no Azurite: run make azurite-test")
	}
	before, rest, _ := strings.Cut(connection, "BlobEndpoint=")
	endpoint, _, _ := strings.Cut(rest, ";")
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	down = &atomic.Bool{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if down.Load() {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		req.Host = target.Host // it is signed
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r = &round{world: newWorld(t, rand.New(rand.NewPCG(seed, 77)), false), report: &chaosReport{}, tally: &chaosTally{}}
	// A run renews its lock every two seconds, and a busy machine is slow.
	r.env["KUSTASH_TEST_LOCK_LIFETIME"] = "15s"
	r.env["STATE"] = before + "BlobEndpoint=" + endpoint
	r.write("state.kustash.hcl", fmt.Sprintf(`
kustash {
  state "azure_blob" {
    account_url = %q
    account_key = env("KEY")
    container   = "state-%s"
    prefix      = "soc"
  }
}
`, server.URL+target.Path, uuid.NewString()))
	_, key, _ := strings.Cut(connection, "AccountKey=")
	r.env["KEY"], _, _ = strings.Cut(key, ";")
	return r, down
}

// expect runs the tool and looks for words in what it says, and for the secrets
// of the store.
func (r *round) expect(code int, args []string, words ...string) {
	r.t.Helper()
	got, output := r.run(args...)
	for _, w := range words {
		if !strings.Contains(output, w) {
			r.t.Errorf("%v does not say %q:\n%s", args, w, output)
		}
	}
	if got != code {
		r.t.Fatalf("%v: exit %d, want %d\n%s", args, got, code, output)
	}
	if strings.Contains(output, r.env["KEY"]) || strings.Contains(output, "sig=") {
		r.t.Fatalf("%v shows a secret", args)
	}
}

// Everything works with a state in a container, and no secret of it is shown.
func TestBlobState(t *testing.T) {
	r, down := blobRound(t, 1)
	r.expect(exitDone, []string{"init"}, "/state-")
	r.expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	r.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	r.expect(exitDone, []string{"status", "-detailed-exitcode"}, "complete")
	r.expect(exitDone, []string{"verify"}, "no findings")
	r.expect(exitDone, []string{"state", "list"}, "query.crowd")
	r.expect(exitDone, []string{"state", "taint", "query.picked"}, "Tainted")
	r.expect(exitDone, []string{"doctor"}, "state")

	down.Store(true)
	for _, args := range [][]string{{"status"}, {"apply", "-auto-approve"}, {"plan"}} {
		r.expect(exitFailed, args, "cannot be reached", "account_url")
	}
	down.Store(false)
	r.complete()

	// A state that is lost is made again, in another container.
	raw, err := os.ReadFile(filepath.Join(r.dir, "state.kustash.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	r.write("state.kustash.hcl", strings.Replace(string(raw), `"state-`, `"again-`, 1))
	r.expect(exitFailed, []string{"apply", "-auto-approve"}, "kustash state rebuild")
	r.expect(exitDone, []string{"state", "rebuild"}, "Rebuilt:")
	r.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	r.expect(exitDone, []string{"verify"}, "no findings")
}

// Of two runs at once one waits or fails with the name of the other's owner, and
// with the lock ignored nothing is committed twice either.
func TestBlobStateTwoRuns(t *testing.T) {
	for seed, flag := range []string{"", "-lock=false", "-lock=false", "-lock=false"} {
		r, _ := blobRound(t, uint64(10+seed))
		r.usual = 300 * time.Millisecond
		twoRuns(flag)(r)
		r.usual = 0
		r.complete()
	}
}

// A run that is stopped for longer than its lock lives is overtaken, and
// publishes nothing when it goes on.
func TestBlobStateStopped(t *testing.T) {
	r, _ := blobRound(t, 20)
	// The crowd's answers take their time, so that the run is surely under way.
	r.setFaults(emulator.Fault{Match: emulator.Match{Query: "Crowd_CL", Times: 3}, Action: emulator.Action{Delay: time.Second}})
	first := r.program()
	var said strings.Builder
	first.Stdout, first.Stderr = &said, &said
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond)
	r.signal(first, syscall.SIGSTOP)
	if code, output := r.run("apply", "-auto-approve", "-lock-timeout=2m"); code != exitDone || !strings.Contains(output, "Waiting to see") {
		t.Errorf("the successor: exit %d\n%s", code, output)
	}
	r.signal(first, syscall.SIGCONT)
	if err := first.Wait(); err == nil || !strings.Contains(said.String(), "lock was lost") {
		t.Errorf("the one that was stopped ended with %v:\n%s", err, said.String())
	}
	r.complete()
}
