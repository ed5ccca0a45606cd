package s3

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// chain finds a key as the tools of AWS do: the environment, the files of the
// CLI, single sign-on, a web identity, a container's or a machine's role. It
// looks when it is first asked, so that making a store touches nothing. Nothing
// but the key comes from there: the place of an archive is what its pipeline
// says.
type chain struct {
	region string
	mu     sync.Mutex
	found  aws.CredentialsProvider
}

// noKey is the error of a chain that ends without a key.
type noKey struct{ err error }

func (e *noKey) Error() string { return fmt.Sprintf("no key of AWS was found: %v", e.err) }
func (e *noKey) Unwrap() error { return e.err }

// Retrieve implements aws.CredentialsProvider.
func (c *chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	provider, err := c.provider(ctx)
	if err != nil {
		return aws.Credentials{}, &noKey{err}
	}
	key, err := provider.Retrieve(ctx)
	if err != nil {
		return key, &noKey{err}
	}
	return key, nil
}

func (c *chain) provider(ctx context.Context) (aws.CredentialsProvider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found == nil {
		loaded, err := config.LoadDefaultConfig(ctx, func(o *config.LoadOptions) error {
			o.Region = c.region
			return nil
		})
		if err != nil {
			return nil, err
		}
		c.found = loaded.Credentials
	}
	return c.found, nil
}
