package azblob

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"github.com/kustash/kustash/internal/azcontainer"
	"github.com/kustash/kustash/internal/azcontainer/wormtest"
	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/sinktest"
)

// withSAS returns the settings with a token of these rights in place of the key.
func withSAS(t *testing.T, c Config, rights sas.ContainerPermissions) Config {
	t.Helper()
	client, err := c.Open(nil, quick)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = client.Create(ctx, nil)
	address, err := client.GetSASURL(rights, time.Now().Add(time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	where, token, _ := strings.Cut(address, "?")
	c.ConnectionString, c.AccountURL, c.SASToken = "", strings.TrimSuffix(where, "/"+c.Container), secret.Text(token)
	return c
}

// Whoever may only create and write can export. What would have to be read is
// said to be unreadable, and never to be missing or damaged.
func TestWriteOnly(t *testing.T) {
	c := azurite(t)
	all := mustOpen(t, c)
	s := mustOpen(t, withSAS(t, c, sas.ContainerPermissions{Create: true, Write: true}))
	sink, err := sinks.New(sinks.Options{Format: formats(t)["csv"], Store: s, Identity: "i"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second run finds its marker
		if err := sink.Enroll(ctx, "lineage"); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := sink.Begin(ctx, sinktest.File(1, sinktest.Columns))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Abort()
	if err := tx.Write(sinktest.Record(sinktest.Columns, sinktest.Extremes())); err != nil {
		t.Fatal(err)
	}
	r, err := tx.Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if len(get(t, all, r.Key)) == 0 {
		t.Error("nothing was written")
	}
	for what, err := range map[string]error{
		"verify": sink.Verify(ctx, r),
		"list":   sink.List(ctx, func(string, int64) error { return nil }),
	} {
		if !errors.Is(err, pipeline.ErrUnreadable) || errors.Is(err, pipeline.ErrMissing) || errors.Is(err, pipeline.ErrMismatch) || strings.Contains(err.Error(), "sig=") {
			t.Errorf("%s: %v, want %v and no secret", what, err, pipeline.ErrUnreadable)
		}
	}
	// A name that is taken is taken, whoever has it.
	second, err := sink.Begin(ctx, sinktest.File(1, sinktest.Columns))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Abort()
	if _, err := second.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.Commit(ctx); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("a second commit: %v, want %v", err, pipeline.ErrExists)
	}
}

// A SAS token that has expired, or is none, is told as that.
func TestExpired(t *testing.T) {
	c := azurite(t)
	client, err := c.Open(nil, quick)
	if err != nil {
		t.Fatal(err)
	}
	address, err := client.GetSASURL(sas.ContainerPermissions{Read: true, Create: true, Write: true}, time.Now().Add(-time.Hour), nil)
	if err != nil {
		address, err = client.GetSASURL(sas.ContainerPermissions{Read: true}, time.Now().Add(time.Second), nil)
		time.Sleep(1500 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	where, token, _ := strings.Cut(address, "?")
	c.ConnectionString, c.AccountURL, c.SASToken = "", strings.TrimSuffix(where, "/"+c.Container), secret.Text(token)
	if err := put(mustOpen(t, c), "x.bin", []byte("x"), sinks.Metadata{}); err == nil || !strings.Contains(err.Error(), "expired") || strings.Contains(err.Error(), "sig=") {
		t.Errorf("%v, want that the token has expired, without it", err)
	}
}

// All ways to say who asks open the same container.
func TestWays(t *testing.T) {
	c := azurite(t)
	if err := put(mustOpen(t, c), "x.bin", []byte("x"), sinks.Metadata{}); err != nil {
		t.Fatal(err)
	}
	keyed, _ := gated(t)
	keyed.Container, keyed.Prefix = c.Container, c.Prefix
	ways := map[string]Config{"key": keyed, "SAS": withSAS(t, c, sas.ContainerPermissions{Read: true, List: true})}
	admin, err := service.NewClientFromConnectionString(c.ConnectionString.Reveal(), nil)
	if err != nil {
		t.Fatal(err)
	}
	public := azurite(t)
	public.Prefix = c.Prefix
	access := service.PublicAccessTypeContainer
	if _, err := admin.CreateContainer(ctx, public.Container, &service.CreateContainerOptions{Access: &access}); err != nil {
		t.Fatal(err)
	}
	if err := put(mustOpen(t, public), "x.bin", []byte("x"), sinks.Metadata{}); err != nil {
		t.Fatal(err)
	}
	ways["anonymous"] = Config{Config: azcontainer.Config{AccountURL: keyed.AccountURL, Container: public.Container, Prefix: c.Prefix}}
	for name, way := range ways {
		if got := get(t, mustOpen(t, way), "x.bin"); string(got) != "x" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Under a policy new objects are written, nothing is replaced, and what would
// delete says why it cannot.
func TestImmutable(t *testing.T) {
	for _, rule := range []wormtest.Rule{wormtest.Policy, wormtest.LegalHold} {
		s := mustOpen(t, Config{Config: azcontainer.Config{AccountURL: wormtest.Serve(t, rule), Container: "worm", SASToken: "sig=x"}})
		if err := put(s, "new.bin", []byte("x"), sinks.Metadata{}); err != nil {
			t.Errorf("%s: a new object: %v", rule, err)
		}
		if err := put(s, "new.bin", []byte("x"), sinks.Metadata{}); !errors.Is(err, pipeline.ErrExists) {
			t.Errorf("%s: over an old one: %v, want %v", rule, err, pipeline.ErrExists)
		}
		if err := s.Remove(ctx, "new.bin"); err == nil || !strings.Contains(err.Error(), "legal hold") {
			t.Errorf("%s: removal: %v, want the reason", rule, err)
		}
		sink, err := sinks.New(sinks.Options{Format: formats(t)["csv"], Store: s})
		if err != nil {
			t.Fatal(err)
		}
		if !sink.Removes() {
			t.Error("it is said not to delete before anybody asked")
		}
		if why, err := sink.Keeps(ctx); err != nil || !strings.Contains(why, string(rule)) || sink.Removes() {
			t.Errorf("%s: it keeps because of %q, %v, and deletes: %v", rule, why, err, sink.Removes())
		}
	}
}

// Folders of a Data Lake are no objects.
func TestFolders(t *testing.T) {
	c := azurite(t)
	s := mustOpen(t, c)
	if err := put(s, "q/x.bin", []byte("x"), sinks.Metadata{}); err != nil {
		t.Fatal(err)
	}
	yes := "true"
	client := s.client.NewBlockBlobClient(s.prefix + "q")
	if _, err := client.UploadBuffer(ctx, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SetMetadata(ctx, map[string]*string{"hdi_isfolder": &yes}, nil); err != nil {
		t.Fatal(err)
	}
	for what, list := range map[string]func(func(string, int64) error) error{
		"list":   func(visit func(string, int64) error) error { return s.List(ctx, visit) },
		"folder": func(visit func(string, int64) error) error { return s.ListFolder(ctx, "q", visit) },
	} {
		var keys []string
		if err := list(func(key string, _ int64) error { keys = append(keys, key); return nil }); err != nil || len(keys) != 1 || keys[0] != "q/x.bin" {
			t.Errorf("%s: %q, %v, want the object", what, keys, err)
		}
	}
	if _, err := s.Open(ctx, "q"); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("open a folder: %v, want %v", err, pipeline.ErrMismatch)
	}
}

func TestCheck(t *testing.T) {
	valid := azcontainer.Config{AccountURL: "https://acct.blob.core.windows.net", Container: "c"}
	for _, test := range []struct {
		c          Config
		name, text string
	}{
		{Config{Config: valid, AccessTier: "frozen"}, "access_tier", "hot, cool, cold and archive"},
		{Config{Config: valid, Metadata: map[string]string{"a-b": "x"}}, "metadata", "letters, digits"},
		{Config{Config: valid, Metadata: map[string]string{"Kustash_rows": "x"}}, "metadata", "the tool's own"},
		{Config{Config: valid, Tags: map[string]string{"1": "", "2": "", "3": "", "4": "", "5": "", "6": "", "7": "", "8": "", "9": "", "10": "", "11": ""}}, "tags", "10 index tags"},
		{Config{}, "container", "name the container"},
	} {
		err := test.c.Check()
		setting, ok := errors.AsType[*pipeline.SettingError](err)
		if !ok || setting.Name != test.name || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%+v: %v, want one about %s that says %q", test.c, err, test.name, test.text)
		}
	}
	if err := (Config{Config: valid, AccessTier: "cool", Metadata: map[string]string{"team": "x"}}).Check(); err != nil {
		t.Error(err)
	}
}

func TestEncode(t *testing.T) {
	for _, text := range []string{"", "plain", "é %20 ü", " spaces ", "a\nb\x00", "100%", "%", "%zz", "%4", "日本"} {
		coded := encode(text)
		if decode(coded) != text {
			t.Errorf("%q becomes %q and comes back as %q", text, coded, decode(coded))
		}
		for i := range len(coded) {
			if coded[i] < ' ' || coded[i] > '~' {
				t.Errorf("%q becomes %q, which no header can hold", text, coded)
			}
		}
	}
}
