package s3

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

func TestCheck(t *testing.T) {
	with := func(change func(*Config)) Config {
		c := Config{Bucket: "archive", Region: "eu-central-1"}
		change(&c)
		return c
	}
	for _, test := range []struct {
		change func(*Config)
		name   string // of the argument that is wrong; "" if none is
		text   string
	}{
		{func(*Config) {}, "", ""},
		{func(c *Config) { c.Region, c.Endpoint, c.Prefix = "", "https://minio.example.com:9000", "prod/soc/" }, "", ""},
		{func(c *Config) { c.Endpoint = "http://127.0.0.1:9000" }, "", ""},
		{func(c *Config) { c.AccessKeyID, c.SecretAccessKey, c.SessionToken = "a", "b", "c" }, "", ""},
		{func(c *Config) { c.StorageClass, c.SSE, c.KMSKeyID = "STANDARD_IA", "aws:kms", "alias/a" }, "", ""},
		{func(c *Config) {
			c.Metadata, c.Tags = map[string]string{"cost-centre": "12"}, map[string]string{"a": "b"}
		}, "", ""},
		{func(c *Config) { c.StorageClass, c.Endpoint = "COLD", "https://ceph.example.com" }, "", ""},
		{func(c *Config) { c.Bucket = "" }, "bucket", "name the bucket"},
		{func(c *Config) { c.Bucket = "s3://archive/prod" }, "bucket", "no name of a bucket"},
		{func(c *Config) { c.Region = "" }, "region", "name the region"},
		{func(c *Config) { c.Prefix = "/prod" }, "prefix", "slash"},
		{func(c *Config) { c.Prefix = "a//b" }, "prefix", "empty part"},
		{func(c *Config) { c.Endpoint = "http://minio.example.com" }, "endpoint", "https"},
		{func(c *Config) { c.Endpoint = "minio" }, "endpoint", "no address"},
		{func(c *Config) { c.Endpoint = "https://key:sesame@minio" }, "endpoint", "no address"},
		{func(c *Config) { c.AccessKeyID = "a" }, "access_key_id", "secret_access_key"},
		{func(c *Config) { c.SecretAccessKey = "sesame" }, "secret_access_key", "access_key_id"},
		{func(c *Config) { c.SessionToken = "sesame" }, "session_token", "temporary"},
		{func(c *Config) { c.StorageClass = "DEEP_ARCHIVE" }, "storage_class", "lifecycle"},
		{func(c *Config) { c.Metadata = map[string]string{"Cost Centre": "x"} }, "metadata", "no name"},
		{func(c *Config) { c.Metadata = map[string]string{"kustash-rows": "x"} }, "metadata", "taken"},
		{func(c *Config) { c.Metadata = map[string]string{"a": "ä"} }, "metadata", "ASCII"},
		{func(c *Config) { c.Metadata = map[string]string{"a": strings.Repeat("x", 1100)} }, "metadata", "bytes"},
		{func(c *Config) { c.SSE = "kms" }, "sse", "AES256"},
		{func(c *Config) { c.KMSKeyID = "x" }, "kms_key_id", "aws:kms"},
	} {
		err := with(test.change).Check()
		var wrong *pipeline.SettingError
		switch {
		case test.name == "":
			if err != nil {
				t.Errorf("%v, want nil", err)
			}
		case !errors.As(err, &wrong) || wrong.Name != test.name || !strings.Contains(err.Error(), test.text):
			t.Errorf("%v, want one of %s with %q", err, test.name, test.text)
		case strings.Contains(err.Error(), "sesame"):
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func TestPlace(t *testing.T) {
	for want, c := range map[string]Config{
		"eu-central-1/archive":                  {Bucket: "archive", Region: "eu-central-1"},
		"eu-central-1/archive/prod":             {Bucket: "archive", Region: "eu-central-1", Prefix: "prod/"},
		"https://minio.example.com/archive/a/b": {Bucket: "archive", Region: "x", Prefix: "a/b", Endpoint: "https://minio.example.com/"},
	} {
		if got := c.Place(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestFields(t *testing.T) {
	m := sinks.Metadata{Lineage: " l ", Query: "query.a[\"é%20\"]\n", Rows: 3, SHA256: "ab", Replaces: []string{"a,b"}, Tool: "a  b"}
	c := Config{Metadata: map[string]string{"team": "soc"}}
	fields, whole := c.fields(m, "attempt")
	if !whole || fields["team"] != "soc" || fields[attemptName] != "attempt" || fields["kustash-query"] != `query.a["%C3%A9%2520"]%0A` {
		t.Errorf("%v, %v", fields, whole)
	}
	got, err := metadataOf(fields)
	if err != nil || got.Lineage != m.Lineage || got.Query != m.Query || got.Tool != m.Tool || got.Rows != 3 || got.Replaces[0] != "a,b" {
		t.Errorf("read back %+v, %v", got, err)
	}
	fields[lineageName] = "%zz"
	if _, err := metadataOf(fields); err == nil {
		t.Error("damaged metadata were read")
	}
	m.Query = strings.Repeat("q", maxMeta)
	for _, embedded := range []bool{false, true} {
		m.Embedded = embedded
		fields, whole := c.fields(m, "attempt")
		if whole != embedded || fields[shaName] != "ab" || fields[lineageName] != "" || sizeOf(fields) > maxMeta {
			t.Errorf("too long, embedded %v: %v, %v", embedded, fields, whole)
		}
	}
}

// What went wrong is one line that says what to do, without any secret.
func TestExplain(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"HOME", "USERPROFILE"} {
		t.Setenv(name, t.TempDir())
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"} {
		t.Setenv(name, "")
	}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { time.Sleep(100 * time.Millisecond) }))
	defer silent.Close()
	c := Config{Bucket: "archive", Endpoint: silent.URL, PathStyle: true, AccessKeyID: "id", SecretAccessKey: "sesame", SessionToken: "sesame2"}
	none := c
	none.AccessKeyID, none.SecretAccessKey, none.SessionToken = "", "", ""
	always := func(f fault) *line { return &line{spoil: func(int, string, *http.Request) fault { return f }} }
	for name, test := range map[string]struct {
		c    Config
		over interface {
			Do(*http.Request) (*http.Response, error)
		}
		want string
	}{
		"no key":  {none, nil, "no key of AWS was found"},
		"silence": {c, &http.Client{Timeout: 10 * time.Millisecond}, "cannot be reached"},
		"lost":    {c, always(lost), "cannot be reached"},
		"busy":    {c, always(busy), "503 SlowDown"},
		"expired": {c, always(expired), "403 ExpiredToken; the key is temporary and has expired"},
		"denied":  {c, always(denied), "403 AccessDenied; the key may be wrong or have expired, or its identity needs s3:PutObject"},
	} {
		err := write(impatient(t, test.c, test.over), "a/x.csv", []byte("x"), "l")
		if err == nil || !strings.HasPrefix(err.Error(), "write a/x.csv: ") || !strings.Contains(err.Error(), test.want) ||
			strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v, want one line with %q", name, err, test.want)
		}
	}
}
