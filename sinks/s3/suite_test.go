package s3

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/s3/s3test"
	"github.com/kustash/kustash/sinks/sinktest"
)

var ctx = context.Background()

func start(t *testing.T) *s3test.Server {
	t.Helper()
	return s3test.Start(t, os.Getenv("KUSTASH_TEST_VERSITYGW"))
}

func configOf(server *s3test.Server, prefix string) Config {
	return Config{Bucket: server.Bucket, Prefix: prefix, Endpoint: server.Endpoint, PathStyle: true,
		AccessKeyID: secret.Text(server.KeyID), SecretAccessKey: secret.Text(server.Key)}
}

// impatient makes a store that repeats requests at once, over another client of
// HTTP if there is one.
func impatient(t *testing.T, c Config, over aws.HTTPClient) *Store {
	t.Helper()
	s, err := open(c, func(o *s3.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff, o.RateLimiter = 4, time.Millisecond, ratelimit.None
		})
		if over != nil {
			o.HTTPClient = over
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.wait = 4 * time.Millisecond
	return s
}

func TestStoreSuite(t *testing.T) {
	server := start(t)
	number := 0
	sinktest.Store(t, func(t *testing.T) sinks.Store {
		number++
		return impatient(t, configOf(server, "store/"+fmt.Sprint(number)), nil)
	})
}

func TestSinkSuite(t *testing.T) {
	server := start(t)
	number := 0
	for name, format := range map[string]func() (sinks.Format, error){
		"parquet": func() (sinks.Format, error) { return parquet.New(parquet.Options{}) },
		"csv.gz":  func() (sinks.Format, error) { return csv.New(csv.Options{Compression: "gzip"}) },
		"jsonl":   func() (sinks.Format, error) { return jsonl.New(jsonl.Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			f, err := format()
			if err != nil {
				t.Fatal(err)
			}
			sinktest.Sink(t, f, func(t *testing.T) sinks.Store {
				number++
				return impatient(t, configOf(server, "sink/"+fmt.Sprint(number)), nil)
			})
		})
	}
}

// noise cannot be compressed, and is the same for the same seed.
func noise(n int, seed uint64) []byte {
	data := make([]byte, n)
	random := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = random.Read(data)
	return data
}

// prepared is an object that can be committed.
func prepared(t *testing.T, s sinks.Store, key string, data []byte, m sinks.Metadata) sinks.Object {
	t.Helper()
	o, err := s.Create(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 777_777)
		if _, err := o.Write(rest[:n]); err != nil {
			t.Fatalf("write: %v", err)
		}
		rest = rest[n:]
	}
	if err := o.Prepare(ctx, m); err != nil {
		t.Fatalf("prepare: %v", err)
	}
	return o
}

// holds checks bytes and lineage of an object.
func holds(t *testing.T, s sinks.Store, key string, want []byte, lineage string) {
	t.Helper()
	c, err := s.Open(ctx, key)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer c.Close()
	got := make([]byte, c.Size())
	if _, err := c.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s holds %d bytes, %v, want the %d that were written", key, len(got), err, len(want))
	}
	if m, ok, err := c.Metadata(ctx); err != nil || !ok || m.Lineage != lineage {
		t.Errorf("%s: metadata of %q, %v, %v, want %q", key, m.Lineage, ok, err, lineage)
	}
}

func listUploads(s *Store) *s3.ListMultipartUploadsInput {
	return &s3.ListMultipartUploadsInput{Bucket: s.bucket(), Prefix: s.full("")}
}

// Over https, where the module would send checksums behind the body, they are in
// headers too; what is set for data is not set for what kustash keeps for itself.
func TestHeaders(t *testing.T) {
	server := start(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
	defer proxy.Close()
	c := configOf(server, "p")
	c.Endpoint, c.StorageClass, c.Tags = proxy.URL, "STANDARD", map[string]string{"team": "soc + co"}
	headers := make(map[string]http.Header)
	s := impatient(t, c, doer(func(r *http.Request) (*http.Response, error) {
		headers[nameOf(r)+" "+r.URL.Path] = r.Header
		return proxy.Client().Do(r)
	}))
	for _, size := range []int{10, partSize + 1} {
		key := fmt.Sprintf("a/%d.csv", size)
		if err := write(s, key, noise(size, 9), "l"); err != nil {
			t.Fatal(err)
		}
		holds(t, s, key, noise(size, 9), "l")
	}
	if err := write(s, "_kustash/x.json", nil, "l"); err != nil {
		t.Fatal(err)
	}
	for request, class := range map[string]string{
		"PutObject /archive/p/a/10.csv":                  "STANDARD",
		"CreateMultipartUpload /archive/p/a/8388609.csv": "STANDARD",
		"PutObject /archive/p/_kustash/x.json":           "",
	} {
		h := headers[request]
		if h == nil || h.Get("x-amz-storage-class") != class || (h.Get("x-amz-tagging") == "team=soc+%2B+co") != (class != "") {
			t.Errorf("%s has %v", request, h)
		}
	}
	for request, h := range headers {
		put := strings.HasPrefix(request, "PutObject") || strings.HasPrefix(request, "UploadPart")
		if put != (h.Get("x-amz-checksum-sha256") != "") || h.Get("x-amz-trailer") != "" {
			t.Errorf("%s has %v", request, h)
		}
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// Without a key in the settings it is found where the tools of AWS look; nothing
// else is taken from there.
func TestChain(t *testing.T) {
	server := start(t)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_CONFIG_FILE", file+"-none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1") // says nothing about the place of an archive
	c := configOf(server, "chain")
	c.AccessKeyID, c.SecretAccessKey = "", ""
	s := impatient(t, c, nil)
	if err := write(s, "a/x.csv", []byte("x"), "l"); err == nil || !strings.Contains(err.Error(), "no key of AWS") {
		t.Errorf("without a key: %v", err)
	}
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", server.KeyID, server.Key)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(impatient(t, c, nil), "a/x.csv", []byte("x"), "l"); err != nil {
		t.Errorf("from a file: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", server.KeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.Key)
	if err := write(impatient(t, c, nil), "a/y.csv", []byte("x"), "l"); err != nil {
		t.Errorf("from the environment: %v", err)
	}
}

// An object takes the memory of little more than one part, however long it is.
func TestMemory(t *testing.T) {
	server := start(t)
	s := impatient(t, configOf(server, "memory"), nil)
	data := noise(1<<20, 1)
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	o, err := s.Create(ctx, "a/long.csv")
	if err != nil {
		t.Fatal(err)
	}
	most := uint64(0)
	for range 100 {
		if _, err := o.Write(data); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc)
	}
	if err := o.Prepare(ctx, sinks.Metadata{Embedded: true}); err != nil {
		t.Fatal(err)
	}
	if err := o.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if used := int64(most) - int64(before.HeapAlloc); used > 2*partSize {
		t.Errorf("%d MB were used, want less than two parts", used>>20)
	} else {
		t.Logf("%d MB were used for 100 MB", used>>20)
	}
	c, err := s.Open(ctx, "a/long.csv")
	if err != nil || c.Size() != 100<<20 {
		t.Fatalf("open: %v", err)
	}
	for at := int64(0); at < c.Size(); at += 1 << 20 {
		got := make([]byte, 1<<20)
		if _, err := c.ReadAt(got, at); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("read at %d: %v", at, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&now)
	if used := int64(now.HeapAlloc) - int64(before.HeapAlloc); used > (keptWindows+2)*windowSize {
		t.Errorf("%d MB are used for reading", used>>20)
	}
	runtime.KeepAlive(c)
}
