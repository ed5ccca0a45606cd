package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

var emulatorVerb = verb{
	name:  "emulator",
	brief: "serve the query API from a folder of tables, for tests of pipelines",
	usage: "emulator -data=DIR [flags] [-- COMMAND ...]",
	help: `Serves token endpoint and query routes of the Log Analytics API on loopback,
with the limits of the real service, from a folder of tables. A pipeline is
pointed at it by endpoint and authority of its workspace block; nothing else
changes. See examples/emulator for a complete set-up.

The folder of -data holds, for each table, TABLE.json (its columns) and
TABLE.jsonl (a row a line); "kustash demo" leaves such a folder. A saved
function is a file NAME.kql.

With a command behind "--" it serves while the command runs and exits as the
command does. The command finds the service in KUSTASH_VAR_endpoint,
KUSTASH_VAR_authority, KUSTASH_VAR_workspace_id and, with TLS, KUSTASH_VAR_ca_file,
and the credential in AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET:

  kustash emulator -data=tables -- kustash apply -auto-approve

Without a command it serves until interrupted. Smaller limits make small tables
behave like large ones: -limit-rows=100 truncates answers, -rows-per-second=50
makes wide slices time out.

-faults takes a JSON list; the first entry that matches a request is used:

  [{"match": {"every": 5},          "action": {"status": 429, "retry_after": "1"}},
   {"match": {"probability": 0.05}, "action": {"cut": true, "cut_after": 2000}},
   {"match": {"query": "Syslog", "nth": 3}, "action": {"status": 503, "body": "<html></html>"}}]`,
	run: runEmulator,
}

// emulatorAddress is where the demo's pipeline looks for the service.
const emulatorAddress = "127.0.0.1:8737"

// emulatorFlags are the settings of the verb.
type emulatorFlags struct {
	config  emulator.Config
	listen  string
	data    string
	faults  string
	quiet   bool
	deny    string
	denyFor time.Duration
	others  []string
	tls     tlsFlags
}

func (o *emulatorFlags) add(f *flag.FlagSet) {
	c := &o.config
	l := &c.Limits
	f.StringVar(&o.listen, "listen", "", "`address` to listen on, only loopback; port 0 takes a free one (default "+emulatorAddress+", with a command a free port)")
	f.StringVar(&o.data, "data", "", "`folder` with TABLE.json and TABLE.jsonl")
	f.StringVar(&o.faults, "faults", "", "JSON `file` with faults to inject")
	f.BoolVar(&o.quiet, "quiet", false, "do not print requests")
	f.Int64Var(&l.Rows, "limit-rows", 0, "`rows` of an answer (default 500000)")
	f.Int64Var(&l.Bytes, "limit-bytes", 0, "engine `bytes` of an answer (default 64000000)")
	f.Int64Var(&l.GatewayBytes, "limit-gateway-bytes", 0, "`bytes` of an answer's JSON, beyond which it is refused (default 100000000)")
	f.IntVar(&l.GatewayStatus, "gateway-status", 0, "`status` of that refusal, which is not documented (default 400)")
	f.IntVar(&l.Concurrency, "limit-concurrency", 0, "`queries` of a principal at once (default 5)")
	f.IntVar(&l.SearchConcurrency, "limit-search-concurrency", 0, "`queries` of Basic and Auxiliary tables at once (default 2)")
	f.IntVar(&l.Requests, "limit-requests", 0, "`requests` in 30 s (default 200)")
	f.StringVar((*string)(&l.CountBy), "count-by", "", "count them by `what`: principal or address (default both)")
	f.DurationVar(&l.RetryAfter, "retry-after", 0, "`duration` that a 429 asks to wait (default: it does not say)")
	f.Int64Var(&l.RowsPerSecond, "rows-per-second", 0, "`rows` that a query reads in a second, simulated (default any)")
	f.Int64Var(&l.MemoryRows, "memory-rows", 0, "`rows` that a query can hold before its memory ends (default any)")
	f.DurationVar(&c.TokenLifetime, "token-lifetime", 0, "`duration` for which a token is good (default 23h59m59s)")
	f.DurationVar(&c.CacheLifetime, "cache", 0, "`duration` for which an answer is repeated; -1s is never (default 2m)")
	f.BoolVar(&c.TimespanEnds.StartExclusive, "timespan-start-exclusive", false, "timespan excludes its start")
	f.BoolVar(&c.TimespanEnds.EndExclusive, "timespan-end-exclusive", false, "timespan excludes its end")
	f.StringVar((*string)(&c.SearchTime), "search-time", "", "`rule` of times on the search route: union or request (default union)")
	f.BoolVar(&c.OldWording, "old-wording", false, "messages of truncated answers as of 2021")
	f.BoolVar(&c.WholeStatistics, "whole-statistics", false, "statistics of a truncated answer tell its whole size")
	f.BoolVar(&c.FuzzyWarnings, "fuzzy-warnings", false, "a fuzzy union that lacks a table answers with a warning")
	f.BoolVar(&c.NoContent, "no-content", false, "answer 204 while there is not a single row")
	f.BoolVar(&c.HoldBack, "hold-back", false, "late rows: hide each until its ingestion time, $ingestion in TABLE.jsonl")
	f.BoolVar(&c.KeepOrder, "keep-order", false, "give rows in the order of the files")
	f.Uint64Var(&c.Seed, "seed", 0, "`number` that decides the order of rows and the draws of faults")
	f.StringVar(&o.deny, "deny", "", "refuse data in this `way`: denied, denied-unauthorized, denied-network or denied-user")
	f.DurationVar(&o.denyFor, "deny-for", 0, "`duration` after which -deny ends, as when a role takes effect (default never)")
	f.Func("other", "GUID:NAME:`folder` of a further workspace; may be repeated", func(s string) error {
		o.others = append(o.others, s)
		return nil
	})
	o.tls.add(f)
}

func runEmulator(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	var command []string
	if at := slices.Index(args, "--"); at >= 0 {
		args, command = args[:at], args[at+1:]
		if len(command) == 0 {
			return 0, errors.New(`emulator: no command follows "--"`)
		}
	}
	f := p.flags(v)
	var o emulatorFlags
	o.add(f)
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	if err := o.load(p); err != nil {
		return 0, err
	}
	secure, err := o.tls.config(p)
	if err != nil {
		return 0, err
	}
	if len(command) > 0 {
		return p.serveCommand(ctx, o, secure, command)
	}
	base, serve, err := p.startEmulator(ctx, cmp.Or(o.listen, emulatorAddress), o.config, secure)
	if err != nil {
		return 0, err
	}
	p.printf("Serving %s at %s\n\n"+
		"  workspace_id  %s\n  tenant_id     %s\n  client_id     %s\n  client_secret %s\n",
		count(len(o.config.Data.Tables()), "table"), base, emulator.DemoWorkspaceID, emulator.DemoTenantID,
		emulator.DemoClientID, emulator.DemoClientSecret)
	if name := o.tls.authority(p); name != "" {
		p.printf("  ca_file       %s\n", name)
	}
	p.printf("\nInterrupt to end.\n")
	return exitDone, serve()
}

// load reads what the flags name.
func (o *emulatorFlags) load(p *process) error {
	if o.data == "" {
		return errors.New("emulator needs the tables: -data=DIR; \"kustash demo\" makes such a folder")
	}
	var err error
	if o.config.Data, err = emulator.LoadDataset(p.path(o.data)); err != nil {
		return err
	}
	for _, other := range o.others {
		id, rest, _ := strings.Cut(other, ":")
		name, dir, ok := strings.Cut(rest, ":")
		if !ok {
			return fmt.Errorf("-other=%s: write GUID:NAME:DIR", other)
		}
		data, err := emulator.LoadDataset(p.path(dir))
		if err != nil {
			return fmt.Errorf("-other=%s: %w", other, err)
		}
		if o.config.Others == nil {
			o.config.Others, o.config.Names = make(map[string]*emulator.Dataset), make(map[string]string)
		}
		o.config.Others[id], o.config.Names[id] = data, name
	}
	if o.faults != "" {
		if o.config.Faults, err = readFaults(p.path(o.faults)); err != nil {
			return err
		}
	}
	if o.deny != "" {
		o.config.Principals = []emulator.Principal{{Tenant: emulator.DemoTenantID, ClientID: emulator.DemoClientID,
			ClientSecret: emulator.DemoClientSecret, Access: emulator.Access(o.deny), DeniedFor: o.denyFor}}
	}
	if !o.quiet {
		o.config.Observe = p.printExchange
	}
	return nil
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
	if x.Cached {
		text += ", from the cache"
	}
	if x.Fault {
		text += ", by a fault"
	}
	fmt.Fprintln(p.stderr, text)
}

// startEmulator listens, with TLS if secure is not nil, and serves in the
// background. The function it returns waits until ctx is done and stops serving.
func (p *process) startEmulator(ctx context.Context, listen string, o emulator.Config, secure *tls.Config) (base string, serve func() error, err error) {
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
	server := &http.Server{Handler: service, ReadHeaderTimeout: 10 * time.Second, TLSConfig: secure}
	ended := make(chan error, 1)
	base = "http://" + l.Addr().String()
	if secure == nil {
		go func() { ended <- server.Serve(l) }()
	} else {
		base = "https://" + l.Addr().String()
		go func() { ended <- server.ServeTLS(l, "", "") }()
	}
	return base, func() error {
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
