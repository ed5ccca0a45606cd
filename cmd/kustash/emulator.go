package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

var emulatorVerb = verb{
	name:  "emulator",
	brief: "serve the query API from a folder of tables, for tests of pipelines",
	usage: "emulator -data=DIR [flags]",
	help: `Serves token endpoint and query routes of the Log Analytics API on loopback
until interrupted, from a folder with TABLE.json (columns) and TABLE.jsonl
(rows) for each table; "kustash demo" leaves such a folder. Point endpoint and
authority of a workspace block at the address it prints.

-faults takes a JSON list; the first entry that matches a request is used:

  [{"match": {"every": 5},          "action": {"status": 429, "retry_after": "1"}},
   {"match": {"probability": 0.05}, "action": {"cut": true, "cut_after": 2000}},
   {"match": {"query": "Syslog", "nth": 3}, "action": {"status": 503, "body": "<html></html>"}}]`,
	run: runEmulator,
}

// emulatorAddress is where the demo's pipeline looks for the service.
const emulatorAddress = "127.0.0.1:8737"

func runEmulator(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o emulator.Config
	listen := f.String("listen", emulatorAddress, "`address` to listen on; only loopback")
	dir := f.String("data", "", "`folder` with TABLE.json and TABLE.jsonl")
	faults := f.String("faults", "", "JSON `file` with faults to inject")
	f.Int64Var(&o.Limits.Rows, "limit-rows", 0, "`rows` of an answer (default 500000)")
	f.Int64Var(&o.Limits.Bytes, "limit-bytes", 0, "engine `bytes` of an answer (default 64000000)")
	f.IntVar(&o.Limits.Concurrency, "limit-concurrency", 0, "`queries` of a principal at once (default 5)")
	f.IntVar(&o.Limits.Requests, "limit-requests", 0, "`requests` of a principal in 30 s (default 200)")
	f.BoolVar(&o.TimespanEnds.StartExclusive, "timespan-start-exclusive", false, "timespan excludes its start")
	f.BoolVar(&o.TimespanEnds.EndExclusive, "timespan-end-exclusive", false, "timespan excludes its end")
	f.BoolVar(&o.OldWording, "old-wording", false, "messages of truncated answers as of 2021")
	f.BoolVar(&o.HoldBack, "hold-back", false, "hide rows until their ingestion time")
	quiet := f.Bool("quiet", false, "do not print requests")
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	if *dir == "" {
		return 0, errors.New("emulator needs the tables: -data=DIR; \"kustash demo\" makes such a folder")
	}
	var err error
	if o.Data, err = emulator.LoadDataset(p.path(*dir)); err != nil {
		return 0, err
	}
	if *faults != "" {
		if o.Faults, err = readFaults(p.path(*faults)); err != nil {
			return 0, err
		}
	}
	if !*quiet {
		o.Observe = p.printExchange
	}
	base, serve, err := p.startEmulator(ctx, *listen, o)
	if err != nil {
		return 0, err
	}
	p.printf("Serving %s at %s\n\n"+
		"  workspace_id  %s\n  tenant_id     %s\n  client_id     %s\n  client_secret %s\n\nInterrupt to end.\n",
		count(len(o.Data.Tables()), "table"), base, emulator.DemoWorkspaceID, emulator.DemoTenantID,
		emulator.DemoClientID, emulator.DemoClientSecret)
	return exitDone, serve()
}

// readFaults reads a file of faults.
func readFaults(name string) ([]emulator.Fault, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("-faults: %w", err)
	}
	defer f.Close()
	faults, err := emulator.ReadFaults(f)
	if err != nil {
		return nil, fmt.Errorf("-faults=%s: %w", name, err)
	}
	return faults, nil
}

// path is a path of the command line, relative to -chdir.
func (p *process) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.dir, name)
}

func (p *process) printExchange(x emulator.Exchange) {
	text := fmt.Sprintf("%s %d %d rows, %s in %v", x.Route, x.Status, x.Rows, size(x.Bytes), x.Took.Round(time.Millisecond))
	if x.Partial {
		text += ", truncated"
	}
	if x.Fault {
		text += ", by a fault"
	}
	fmt.Fprintln(p.stderr, text)
}

// startEmulator listens, and serves in the background. The function it returns
// waits until ctx is done and stops serving.
func (p *process) startEmulator(ctx context.Context, listen string, o emulator.Config) (base string, serve func() error, err error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return "", nil, fmt.Errorf("-listen=%s: write ADDRESS:PORT", listen)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", nil, fmt.Errorf("-listen=%s: the emulator protects nothing, so it listens on loopback only", listen)
	}
	service, err := emulator.New(o)
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w; choose another port with -listen", err)
	}
	server := &http.Server{Handler: service, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	return "http://" + l.Addr().String(), func() error {
		select {
		case <-ctx.Done():
		case err := <-ended:
			return err
		}
		if err := server.Close(); err != nil {
			return err
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}, nil
}

// isDir reports whether there is a directory of this name.
func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
