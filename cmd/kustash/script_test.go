package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// TestMain lets the test binary be the program: for scripts, and for tests that
// want to know how much memory a process took.
func TestMain(m *testing.M) {
	if name := os.Getenv("KUSTASH_TEST_STATUS"); name != "" {
		code := run(realProcess())
		status, err := os.ReadFile("/proc/self/status")
		if err == nil {
			err = os.WriteFile(name, status, 0o666)
		}
		if err != nil {
			panic(err)
		}
		os.Exit(code)
	}
	testscript.Main(m, map[string]func(){"kustash": main})
}

// TestScripts runs the scripts of testdata/script. Each is a small session of
// a user: files, commands, what they print, how they exit.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			root, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			for name, value := range map[string]string{
				"EXAMPLES":            filepath.Join(root, "examples"),
				"AZURE_TENANT_ID":     emulator.DemoTenantID,
				"AZURE_CLIENT_ID":     emulator.DemoClientID,
				"AZURE_CLIENT_SECRET": emulator.DemoClientSecret,
				"WORKSPACE":           emulator.DemoWorkspaceID,
				"SECRET":              emulator.DemoClientSecret,
				"NO_COLOR":            "1",
				"DAY0":                demoStart().AddDate(0, 0, -1).Format(time.DateOnly),
				"DAY1":                demoStart().Format(time.DateOnly),
				"DAY2":                demoStart().AddDate(0, 0, 1).Format(time.DateOnly),
				"DAY3":                demoStart().AddDate(0, 0, 2).Format(time.DateOnly),
				"DAY4":                demoStart().AddDate(0, 0, 3).Format(time.DateOnly),
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"service":  startService,
			"count":    countFiles,
			"commands": commandsOf,
			"proofs":   writeProofs,
		},
	})
}

// demoStart is the midnight at which the sample rows of the scripts begin. It
// is a few days back, so that all of them have settled and none is too old.
var demoStart = sync.OnceValue(func() time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -5)
})

// demoTables are three days of sample tables, the same for all scripts.
var demoTables = sync.OnceValues(func() (*emulator.Dataset, error) {
	dir, err := os.MkdirTemp("", "kustash-tables-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := emulator.WriteDemo(dir, demoStart().AddDate(0, 0, 3), 3, 7); err != nil {
		return nil, err
	}
	return emulator.LoadDataset(dir)
})

// startService is the script command "service [option=value]...": it serves
// the sample tables until the script ends and puts the address into ENDPOINT
// and the variables endpoint and authority.
func startService(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! service")
	}
	data, err := demoTables()
	ts.Check(err)
	known, err := newArchiver()
	ts.Check(err)
	archiver := known.principal()
	archiver.ClientSecret = emulator.DemoClientSecret
	c := emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}, Principals: []emulator.Principal{archiver}}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		n, _ := strconv.Atoi(value)
		switch name {
		case "rows":
			c.Limits.Rows = int64(n)
		case "bytes":
			c.Limits.Bytes = int64(n)
		case "data": // a folder of tables in place of the sample
			c.Data, err = emulator.LoadDataset(ts.MkAbs(value))
			ts.Check(err)
		case "faults":
			c.Faults, err = readFaults(ts.MkAbs(value))
			ts.Check(err)
		case "access":
			c.Principals[0].Access = emulator.Access(value)
		default:
			ts.Fatalf("service has no option %q", name)
		}
	}
	service, err := emulator.New(c)
	ts.Check(err)
	server := httptest.NewServer(service)
	ts.Defer(server.Close)
	for _, name := range []string{"ENDPOINT", "KUSTASH_VAR_endpoint", "KUSTASH_VAR_authority"} {
		ts.Setenv(name, server.URL)
	}
	ts.Setenv("KUSTASH_VAR_workspace_id", emulator.DemoWorkspaceID)
}

// writeProofs is the script command "proofs": it writes a certificate with its
// key and a federated token that the service knows into the directory. The
// password of archiver.pfx is in PASSWORD.
func writeProofs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: proofs")
	}
	a, err := newArchiver()
	ts.Check(err)
	for name, content := range map[string][]byte{"archiver.pem": []byte(a.pem), "archiver.pfx": a.pfx, "token": []byte(a.federated)} {
		ts.Check(os.WriteFile(ts.MkAbs(name), content, 0o600))
	}
	ts.Setenv("PASSWORD", a.password)
	ts.Setenv("ARCHIVER_PEM", a.pem)
}

// countFiles is the script command "count N PATTERN": so many files match,
// where "**" stands for any folders.
func countFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: count N PATTERN")
	}
	root, pattern, deep := strings.Cut(args[1], "**/")
	var found []string
	err := filepath.WalkDir(ts.MkAbs(root), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(ts.MkAbs(root), path)
		if err != nil {
			return err
		}
		if deep {
			rel = filepath.Base(rel)
		}
		if ok, err := filepath.Match(pattern, rel); err != nil || !ok {
			return err
		}
		found = append(found, path)
		return nil
	})
	ts.Check(err)
	if got := fmt.Sprint(len(found)); got != args[0] {
		ts.Fatalf("%s files match %s, want %s: %v", got, args[1], args[0], found)
	}
}

// commandsOf is the script command "commands README SCRIPT": it writes the
// commands of all sh blocks of a document into a script.
func commandsOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: commands README SCRIPT")
	}
	var out strings.Builder
	rest := ts.ReadFile(args[0])
	for {
		_, after, ok := strings.Cut(rest, "```sh\n")
		if !ok {
			break
		}
		block, tail, closed := strings.Cut(after, "```")
		if !closed {
			ts.Fatalf("%s: a block has no end", args[0])
		}
		out.WriteString(block)
		rest = tail
	}
	if out.Len() == 0 {
		ts.Fatalf("%s shows no commands", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out.String()), 0o666))
}
