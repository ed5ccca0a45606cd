package azblob

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kustash/kustash/internal/azcontainer"
	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/sinktest"
)

var (
	ctx   = context.Background()
	quick = azcontainer.Patience{Tries: 3, Try: 5 * time.Second, Wait: 250 * time.Millisecond}
)

// azurite returns the settings of an empty place in Microsoft's emulator, or
// skips: "make azurite-test" starts it.
func azurite(t *testing.T) Config {
	t.Helper()
	connection := os.Getenv("KUSTASH_TEST_AZURITE")
	if connection == "" {
		t.Skip("no Azurite: run make azurite-test")
	}
	return Config{Config: azcontainer.Config{ConnectionString: secret.Text(connection), Container: "kustash-" + uuid.NewString(), Prefix: "prod/soc"}}
}

func mustOpen(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := open(c, nil, quick)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func formats(t *testing.T) map[string]sinks.Format {
	t.Helper()
	text, err := csv.New(csv.Options{Compression: "gzip"})
	if err != nil {
		t.Fatal(err)
	}
	columnar, err := parquet.New(parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]sinks.Format{"csv": text, "parquet": columnar}
}

func TestStoreSuite(t *testing.T) {
	sinktest.Store(t, func(t *testing.T) sinks.Store { return mustOpen(t, azurite(t)) })
}

func TestSinkSuite(t *testing.T) {
	for name, format := range formats(t) {
		t.Run(name, func(t *testing.T) {
			sinktest.Sink(t, format, func(t *testing.T) sinks.Store { return mustOpen(t, azurite(t)) })
		})
	}
}

// put publishes an object of one piece.
func put(s *Store, key string, data []byte, m sinks.Metadata) error {
	o, err := s.Create(ctx, key)
	if err != nil {
		return err
	}
	defer o.Abort()
	if _, err := o.Write(data); err != nil {
		return err
	}
	if err := o.Prepare(ctx, m); err != nil {
		return err
	}
	return o.Commit(ctx)
}

func get(t *testing.T, s *Store, key string) []byte {
	t.Helper()
	c, err := s.Open(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	data, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What the settings say of a blob is there, and so is what the tool says,
// whatever characters it is made of.
func TestProperties(t *testing.T) {
	c := azurite(t)
	c.AccessTier, c.Metadata, c.Tags = "cool", map[string]string{"team": "Größe 100%"}, map[string]string{"kept": "ten years"}
	s := mustOpen(t, c)
	m := sinks.Metadata{Lineage: "l", Query: `query.a["é %20 ü"]`, Rows: 3, SHA256: "ab", Schema: "s", Columns: sinktest.Columns, Format: "csv", Replaces: []string{"a/ö"}}
	if err := put(s, "q/x.csv", []byte("a,b\n"), m); err != nil {
		t.Fatal(err)
	}
	got, err := s.blob("q/x.csv").GetProperties(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.AccessTier != "Cool" || *got.ContentType != "text/csv; charset=utf-8" || *got.TagCount != 1 || firstOf(got.Metadata, "team") != "Größe 100%" {
		t.Errorf("tier %s, type %s, %d tags, team %q", *got.AccessTier, *got.ContentType, *got.TagCount, firstOf(got.Metadata, "team"))
	}
	if want := md5.Sum([]byte("a,b\n")); !bytes.Equal(got.ContentMD5, want[:]) {
		t.Errorf("MD5 %x, want %x", got.ContentMD5, want)
	}
	content, err := s.Open(ctx, "q/x.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	back, ok, err := content.Metadata(ctx)
	if err != nil || !ok || fmt.Sprint(back) != fmt.Sprint(m) {
		t.Errorf("metadata %+v, %v, %v\nwant %+v", back, ok, err, m)
	}
}

// Metadata of 500 columns has no room in a blob's own: it is beside it, is not
// listed as data, and goes with the object.
func TestWideMetadata(t *testing.T) {
	s := mustOpen(t, azurite(t))
	m := sinks.Metadata{Lineage: "l", SHA256: "ab", Replaces: []string{}}
	for n := range 500 {
		m.Columns = append(m.Columns, pipeline.Column{Name: fmt.Sprintf("a_column_with_a_name_%d", n), Type: pipeline.String})
	}
	if err := put(s, "q/wide.csv", []byte("x"), m); err != nil {
		t.Fatal(err)
	}
	c, err := s.Open(ctx, "q/wide.csv")
	if err != nil {
		t.Fatal(err)
	}
	got, ok, err := c.Metadata(ctx)
	if err != nil || !ok || len(got.Columns) != 500 || got.Lineage != "l" {
		t.Errorf("%d columns, %v, %v, want 500", len(got.Columns), ok, err)
	}
	var keys []string
	list := func() {
		keys = nil
		if err := s.List(ctx, func(key string, _ int64) error { keys = append(keys, key); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if list(); len(keys) != 2 || !strings.HasPrefix(keys[0], "q/_wide.csv.") {
		t.Errorf("listed %q, want the object and a hidden one", keys)
	}
	// Parquet holds it itself.
	m.Embedded = true
	if err := put(s, "q/wide.parquet", []byte("x"), m); err != nil {
		t.Fatal(err)
	}
	if list(); len(keys) != 3 {
		t.Errorf("listed %q, want nothing beside an object that holds its metadata", keys)
	}
	if err := s.Remove(ctx, "q/wide.csv"); err != nil {
		t.Fatal(err)
	}
	if list(); len(keys) != 1 {
		t.Errorf("listed %q after the removal, want the other object", keys)
	}
}

func random(n int) []byte {
	data := make([]byte, n)
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

// A blob that becomes another one under a reader is noticed.
func TestChangedWhileRead(t *testing.T) {
	s := mustOpen(t, azurite(t))
	data := random(window + 10)
	if err := put(s, "x.bin", data, sinks.Metadata{}); err != nil {
		t.Fatal(err)
	}
	c, err := s.Open(ctx, "x.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ReadAt(make([]byte, 10), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ctx, "x.bin"); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "x.bin", data, sinks.Metadata{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadAt(make([]byte, 10), window); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("%v, want %v", err, pipeline.ErrMismatch)
	}
}

// Blocks that another attempt has left under the name are in nobody's way, and
// are no objects.
func TestLeftBlocks(t *testing.T) {
	s := mustOpen(t, azurite(t))
	crashed, err := s.Create(ctx, "x.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := crashed.Write(random(blockSize + 1)); err != nil {
		t.Fatal(err)
	}
	if err := crashed.Prepare(ctx, sinks.Metadata{}); err != nil {
		t.Fatal(err)
	}
	if err := s.List(ctx, func(key string, _ int64) error { t.Errorf("%s is listed", key); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "x.bin", []byte("whole"), sinks.Metadata{}); err != nil {
		t.Fatal(err)
	}
	if err := crashed.Commit(ctx); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("the one that wakes up late: %v, want %v", err, pipeline.ErrExists)
	}
	if got := get(t, s, "x.bin"); string(got) != "whole" {
		t.Errorf("the object holds %d bytes, want those that were committed", len(got))
	}
}

// However large an object is, three blocks of it are in memory at most.
func TestMemory(t *testing.T) {
	s := mustOpen(t, azurite(t))
	o, err := s.Create(ctx, "large.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Abort()
	piece := random(1 << 20)
	peak := func(pieces int) uint64 {
		var most uint64
		for n := range pieces {
			if _, err := o.Write(piece); err != nil {
				t.Fatal(err)
			}
			if n%8 == 7 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		return most
	}
	few, many := peak(32), peak(160)
	if many > few+3*blockSize {
		t.Errorf("%d MiB in memory after many blocks, %d MiB after few", many>>20, few>>20)
	}
}

// BenchmarkUpload is of one object of 16 blocks.
func BenchmarkUpload(b *testing.B) {
	connection := os.Getenv("KUSTASH_TEST_AZURITE")
	if connection == "" {
		b.Skip("no Azurite: run make azurite-test")
	}
	data := random(64 << 20)
	s, err := open(Config{Config: azcontainer.Config{ConnectionString: secret.Text(connection), Container: "kustash-" + uuid.NewString()}}, nil, quick)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for n := range b.N {
		if err := put(s, fmt.Sprintf("%d.bin", n), data, sinks.Metadata{}); err != nil {
			b.Fatal(err)
		}
	}
}

// A stopped upload gives up what is under way.
func TestAbort(t *testing.T) {
	c, g := gated(t)
	s := mustOpen(t, c)
	var once sync.Once
	arrived := make(chan struct{})
	g.spoilOnce("block", 1, 1000, func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) {
		once.Do(func() { close(arrived) })
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	o, err := s.Create(ctx, "x.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write(random(blockSize)); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := o.Abort(); err != nil {
		t.Error(err)
	}
	o.(*object).upload.wg.Wait() // or the test hangs
}
