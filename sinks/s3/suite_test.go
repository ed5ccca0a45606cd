package s3

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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
			o.MaxAttempts, o.MaxBackoff, o.RateLimiter = 4, time.Millisecond, noLimit{}
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

type noLimit struct{}

func (noLimit) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (noLimit) AddTokens(uint) error { return nil }

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
