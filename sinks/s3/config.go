package s3

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Config is the block sink "s3".
type Config struct {
	Bucket string `hcl:"bucket"`
	// Region is that of the bucket. With an Endpoint it may be left out: most
	// other services do not care.
	Region string `hcl:"region,optional"`
	Prefix string `hcl:"prefix,optional"` // of all keys

	// Endpoint is the address of another service than Amazon's.
	Endpoint  string `hcl:"endpoint,optional"`
	PathStyle bool   `hcl:"path_style,optional"` // the bucket in the path, not in the host

	// A key, and the token that belongs to a temporary one. With none, they are
	// those of the default chain of AWS.
	AccessKeyID     secret.Text `hcl:"access_key_id,optional"`
	SecretAccessKey secret.Text `hcl:"secret_access_key,optional"`
	SessionToken    secret.Text `hcl:"session_token,optional"`

	// These hold for data, not for the few objects that kustash keeps for itself.
	StorageClass string            `hcl:"storage_class,optional"`
	Metadata     map[string]string `hcl:"metadata,optional"`
	Tags         map[string]string `hcl:"tags,optional"`

	SSE      string `hcl:"sse,optional"` // AES256 or aws:kms; left out, the bucket's own setting holds
	KMSKeyID string `hcl:"kms_key_id,optional"`
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	metaName   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

	// readable are the classes that can be read without being restored first,
	// which committing and verifying need.
	readable = []string{"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"}
)

// Check returns what is wrong with the settings: *pipeline.SettingErrors, joined.
// It touches nothing.
func (c Config) Check() error {
	return errors.Join(c.checkPlace(), c.checkKey(), c.checkObjects())
}

func (c Config) checkPlace() error {
	prefix := strings.TrimSuffix(c.Prefix, "/")
	switch {
	case c.Bucket == "":
		return setting("bucket", errors.New("name the bucket"))
	case !bucketName.MatchString(c.Bucket):
		return setting("bucket", fmt.Errorf("%q is no name of a bucket: 3 to 63 of a-z, 0-9, \".\" and \"-\"; a prefix is an argument of its own", c.Bucket))
	case c.Region == "" && c.Endpoint == "":
		return setting("region", errors.New("name the region of the bucket, such as \"eu-central-1\""))
	case strings.HasPrefix(c.Prefix, "/"):
		return setting("prefix", fmt.Errorf("%q begins with a slash; keys in a bucket do not", c.Prefix))
	case prefix != "" && sinks.CheckKey(prefix) != nil:
		return setting("prefix", sinks.CheckKey(prefix))
	case c.Endpoint == "":
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.User != nil:
		return setting("endpoint", errors.New("it is no address such as https://minio.example.com:9000; keys are arguments of their own"))
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return setting("endpoint", errors.New("it must begin with https; plain http is for loopback addresses only"))
	}
	return nil
}

func (c Config) checkKey() error {
	switch {
	case c.AccessKeyID == "" && c.SecretAccessKey != "":
		return setting("secret_access_key", errors.New("it needs access_key_id beside it"))
	case c.AccessKeyID != "" && c.SecretAccessKey == "":
		return setting("access_key_id", errors.New("it needs secret_access_key beside it; leave out both for the default chain of AWS"))
	case c.AccessKeyID == "" && c.SessionToken != "":
		return setting("session_token", errors.New("it belongs to a temporary key: give access_key_id and secret_access_key too"))
	}
	return nil
}

func (c Config) checkObjects() error {
	if c.StorageClass != "" && c.Endpoint == "" && !slices.Contains(readable, c.StorageClass) {
		return setting("storage_class", fmt.Errorf("%q is none of %s; let a lifecycle rule of the bucket move objects to classes that must be restored before they are read",
			c.StorageClass, strings.Join(readable, ", ")))
	}
	size := 0
	for name, value := range c.Metadata {
		if !metaName.MatchString(name) || strings.HasPrefix(name, metaPrefix) {
			return setting("metadata", fmt.Errorf("%q is no name for it: a-z, 0-9 and \"-\", and %s… are taken", name, metaPrefix))
		}
		if encode(value) != value {
			return setting("metadata", fmt.Errorf("%s: values are plain ASCII text without %%", name))
		}
		size += len(name) + len(value)
	}
	switch {
	case size > maxMeta/2:
		return setting("metadata", fmt.Errorf("%d bytes; S3 keeps %d with an object, and half of them are kustash's", size, maxMeta))
	case len(c.Tags) > 10:
		return setting("tags", fmt.Errorf("%d tags; an object has at most 10", len(c.Tags)))
	case c.SSE != "" && c.SSE != "AES256" && c.SSE != "aws:kms":
		return setting("sse", fmt.Errorf("%q is neither \"AES256\" nor \"aws:kms\"", c.SSE))
	case c.KMSKeyID != "" && c.SSE != "aws:kms":
		return setting("kms_key_id", errors.New("it needs sse = \"aws:kms\""))
	}
	return nil
}

func setting(name string, err error) error { return &pipeline.SettingError{Name: name, Err: err} }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Place names where the sink is, from the settings alone: endpoint or region,
// bucket and prefix.
func (c Config) Place() string {
	where := strings.TrimSuffix(c.Endpoint, "/")
	if where == "" {
		where = c.Region
	}
	return strings.TrimSuffix(where+"/"+c.Bucket+"/"+c.prefix(), "/")
}

// prefix ends in a slash, or is empty.
func (c Config) prefix() string {
	if c.Prefix == "" || strings.HasSuffix(c.Prefix, "/") {
		return c.Prefix
	}
	return c.Prefix + "/"
}

// New returns the store of the configuration. It touches nothing.
func New(c Config) (*Store, error) { return open(c, nil) }

// Bounds of one request and of its repetitions. The longest sends a part; the
// slowest network that is worth using does so in minutes.
const (
	tries    = 5
	tryLimit = 2 * time.Minute
	maxDelay = 5 * time.Second
)

// open lets tests change the options of the client.
func open(c Config, change func(*s3.Options)) (*Store, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	o := s3.Options{
		Region:       c.Region,
		Credentials:  c.credentials(),
		UsePathStyle: c.PathStyle,
		HTTPClient:   awshttp.NewBuildableClient().WithTimeout(tryLimit),
		AppID:        "kustash",
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = tries, maxDelay
			o.RateLimiter = ratelimit.None // one object's trouble takes no tries from another
		}),
		// Checksums are given with each request, in a header: trailers, which the
		// module would use, are refused by some other services.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = aws.String(c.Endpoint)
		if o.Region == "" {
			o.Region = "us-east-1"
		}
	}
	if change != nil {
		change(&o)
	}
	return &Store{client: s3.New(o), config: c, prefix: c.prefix(), wait: time.Second}, nil
}

func (c Config) credentials() aws.CredentialsProvider {
	if c.AccessKeyID != "" {
		return credentials.NewStaticCredentialsProvider(c.AccessKeyID.Reveal(), c.SecretAccessKey.Reveal(), c.SessionToken.Reveal())
	}
	return aws.NewCredentialsCache(&chain{region: c.Region})
}
