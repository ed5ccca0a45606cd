//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/google/uuid"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// blobWorld is a world of the chaos test whose archive is in a container of
// Azurite, with the settings that more adds to each sink.
func blobWorld(t *testing.T, seed uint64, more string) *round {
	t.Helper()
	connection := os.Getenv("KUSTASH_TEST_AZURITE")
	if connection == "" {
		t.Skip("no Azurite: run make azurite-test")
	}
	name := "archive-" + uuid.NewString()
	r := &round{world: newWorld(t, rand.New(rand.NewPCG(seed, 78)), false), report: &chaosReport{}, tally: &chaosTally{}}
	r.env["KUSTASH_TEST_LOCK_LIFETIME"] = "15s"
	r.env["CONNECTION"] = connection
	_, key, _ := strings.Cut(connection, "AccountKey=")
	r.env["KEY"], _, _ = strings.Cut(key, ";")
	r.intoContainer(name, "connection_string = env(\"CONNECTION\")\n"+more)
	client, err := container.NewClientFromConnectionString(connection, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.fetch = func() { download(t, client, filepath.Join(r.dir, "archive")) }
	return r
}

// intoContainer puts the archive into a container, each sink below a prefix of
// its name, with further settings.
func (w *world) intoContainer(container, more string) {
	text := w.read("main.kustash.hcl")
	for _, folder := range []string{"parquet", "csv"} {
		text = strings.Replace(text, fmt.Sprintf("sink \"local\" %q {\n  path = \"archive/%s\"\n", folder, folder),
			fmt.Sprintf("sink \"azure_blob\" %q {\n  container = %q\n  prefix = %q\n  %s\n", folder, container, folder, more), 1)
	}
	w.write("main.kustash.hcl", text)
}

// download puts the blobs of a container into a folder, in place of what is
// there.
func download(t *testing.T, c *container.Client, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	pages := c.NewListBlobsFlatPager(nil)
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range page.Segment.BlobItems {
			path := filepath.Join(dir, filepath.FromSlash(*blob.Name))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.NewBlobClient(*blob.Name).DownloadFile(ctx, f, nil); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The whole tool with an archive in a container: every verb that touches it,
// late rows, replacing, loss and a lost state.
func TestBlobSink(t *testing.T) {
	r := blobWorld(t, 1, `access_tier = "cool"`+"\n  metadata = { team = \"soc\" }\n  tags = { kept = \"years\" }\n")
	r.expect(exitDone, []string{"init"})
	r.expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	r.complete()
	r.expect(exitDone, []string{"doctor"}, "belongs to this pipeline")
	r.expect(exitDone, []string{"apply", "-auto-approve", "-replace=query.picked"}, "Apply complete!")
	r.complete()

	// What somebody deletes is noticed, and comes back from the other sink.
	client, err := container.NewClientFromConnectionString(r.env["CONNECTION"], containerOf(t, r), nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := ""
	current, _ := currentFiles(t, r.shell)
	for name := range current {
		if strings.HasPrefix(name, "parquet/") && name > gone {
			gone = name
		}
	}
	if _, err := client.NewBlobClient(gone).Delete(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	r.expect(exitFailed, []string{"verify"}, "missing", strings.TrimPrefix(gone, "parquet/"))
	r.complete()

	// A state that is lost is made again from what the blobs say.
	if err := os.RemoveAll(filepath.Join(r.dir, ".kustash")); err != nil {
		t.Fatal(err)
	}
	r.expect(exitFailed, []string{"apply", "-auto-approve"}, "kustash state rebuild")
	r.expect(exitDone, []string{"state", "rebuild"}, "Rebuilt:")
	r.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	r.complete()
}

// The example works as it is.
func TestBlobExample(t *testing.T) {
	connection := os.Getenv("KUSTASH_TEST_AZURITE")
	if connection == "" {
		t.Skip("no Azurite: run make azurite-test")
	}
	_, rest, _ := strings.Cut(connection, "BlobEndpoint=")
	endpoint, _, _ := strings.Cut(rest, ";")
	_, rest, _ = strings.Cut(connection, "AccountKey=")
	key, _, _ := strings.Cut(rest, ";")
	data, err := demoTables()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newEmulator(t, emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}}))
	defer server.Close()
	text, err := os.ReadFile("../../examples/cold-storage/main.kustash.hcl")
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, dir: t.TempDir(), env: map[string]string{
		"KUSTASH_VAR_workspace_id": emulator.DemoWorkspaceID, "KUSTASH_VAR_endpoint": server.URL, "KUSTASH_VAR_authority": server.URL,
		"KUSTASH_VAR_account_url": endpoint, "KUSTASH_VAR_account_key": key,
		"AZURE_TENANT_ID": emulator.DemoTenantID, "AZURE_CLIENT_ID": emulator.DemoClientID, "AZURE_CLIENT_SECRET": emulator.DemoClientSecret}}
	s.write("main.kustash.hcl", string(text))
	for _, args := range [][]string{{"init"}, {"apply", "-auto-approve"}, {"verify"}, {"plan", "-detailed-exitcode"}} {
		if code, output := s.run(args...); code != exitDone || strings.Contains(output, key) {
			t.Fatalf("%v: exit %d\n%s", args, code, output)
		}
	}
}

func containerOf(t *testing.T, r *round) string {
	t.Helper()
	_, rest, _ := strings.Cut(r.read("main.kustash.hcl"), `container = "`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

// Runs that die, run beside each other or have to ask a service that is ill
// leave every row exactly once in the container.
func TestBlobSinkChaos(t *testing.T) {
	report := &chaosReport{tallies: make(map[string]*chaosTally)}
	for i, f := range []chaosFault{
		{name: "kill -9 at a random moment", long: 12, strike: killedAtRandom},
		{name: "kill -9 at a step of the commit", long: 12, strike: killedAtStep},
		{name: "two runs at once", long: 2, strike: twoRuns("")},
		{name: "two runs at once, -lock=false", long: 4, strike: twoRuns("-lock=false")},
		{name: "faults of the service", long: 1, strike: serviceFaults},
	} {
		tally := report.of(f.name)
		rounds := 1
		if os.Getenv("KUSTASH_CHAOS") == "long" {
			rounds = f.long
		}
		for n := range rounds {
			r := blobWorld(t, uint64(100*i+n), "")
			r.report, r.tally, r.usual = report, tally, 1500*time.Millisecond
			f.strike(r)
			r.complete()
		}
	}
	t.Logf("\n%s", report)
}

// A run that is stopped beyond the lifetime of its lock publishes nothing in the
// container when it wakes up.
func TestBlobSinkStopped(t *testing.T) {
	r := blobWorld(t, 900, "")
	r.setFaults(emulator.Fault{Match: emulator.Match{Query: "Crowd_CL", Times: 3}, Action: emulator.Action{Delay: time.Second}})
	r.usual = 1500 * time.Millisecond
	stopped(r)
	r.usual = 0
	r.complete()
}

// writeOnlyWorld is a world whose archive is in a container that the tool may
// only write to. trust lets it do everything, at the same place.
func writeOnlyWorld(t *testing.T, seed uint64) (r *round, trust func()) {
	r = blobWorld(t, seed, "")
	whole := r.read("main.kustash.hcl")
	client, err := container.NewClientFromConnectionString(r.env["CONNECTION"], containerOf(t, r), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	address, err := client.GetSASURL(sas.ContainerPermissions{Create: true, Write: true}, time.Now().Add(time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	account, _, _ := strings.Cut(address, "/"+containerOf(t, r))
	declare := func(secret string) {
		r.write("main.kustash.hcl", strings.ReplaceAll(whole, `connection_string = env("CONNECTION")`, fmt.Sprintf("account_url = %q\n  %s", account, secret)))
	}
	_, r.env["SAS_TOKEN"], _ = strings.Cut(address, "?")
	declare(`sas_token = env("SAS_TOKEN")`)
	return r, func() { declare(`account_key = env("KEY")`) }
}

// Who may create and write, and no more, can export night by night; verify says
// what it cannot check, and somebody who may read finds nothing wrong.
func TestBlobWriteOnly(t *testing.T) {
	r, trust := writeOnlyWorld(t, 300)
	r.expect(exitDone, []string{"init"}, "is ready")
	r.expect(exitDone, []string{"doctor"}, "can be written, but not read")
	r.expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	r.expect(exitDone, []string{"apply", "-auto-approve"}, "No changes.")
	r.expect(exitDone, []string{"status", "-detailed-exitcode"}, "complete")
	r.expect(exitFailed, []string{"verify"}, "not re-read", "whether files are missing, or strange ones are there, is not checked", "SAS token lacks the permission")
	trust()
	r.complete()
}

// A run that dies between a publication and its record leaves something that only
// who may read can settle: until then the slice is not done, and the others go on.
func TestBlobWriteOnlyCrash(t *testing.T) {
	r, trust := writeOnlyWorld(t, 301)
	c := r.program("KUSTASH_TEST_CRASH=commit:2")
	if err := c.Run(); err == nil {
		t.Fatal("the run has not died")
	}
	r.expect(exitFailed, []string{"apply", "-auto-approve"}, "conflict", "apply once with an identity that may read")
	r.expect(exitFailed, []string{"apply", "-auto-approve"}, "apply once with an identity that may read")
	trust()
	r.complete()
}
