// Package s3 keeps the objects of a sink in a bucket of Amazon S3, or of another
// service that speaks its language.
//
// An object of up to one part, 8 MiB, is kept in memory and sent whole by
// Commit; a longer one goes up in parts while it is written, 80 GB at most.
// Either way it gets its key in one step, on the condition that nothing has it,
// so a bucket may well be one in which nothing can be replaced or deleted. No
// goroutines are started: an object uses the memory of one part.
//
// What an object says about itself is in its own metadata, in headers that begin
// with x-amz-meta-kustash-. S3 keeps 2 KB there, and takes them before the first
// part of a longer object; what does not fit, or is not known yet, lies beside
// the object, in _<file>.<attempt>.meta.json, and is there first. The attempt is
// a random text in the metadata of each object: by it a commit whose answer was
// lost is told from a key that somebody else has taken.
package s3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Store is a sinks.Store, Sweeper, Prober and Remover in a bucket, which must be
// there. It may be used concurrently, and by several processes.
type Store struct {
	client *s3.Client
	config Config
	prefix string        // of all keys; ends in a slash, or is empty
	wait   time.Duration // before a commit that met another request is repeated
}

var (
	_ sinks.Store   = (*Store)(nil)
	_ sinks.Sweeper = (*Store)(nil)
	_ sinks.Remover = (*Store)(nil)
	_ sinks.Prober  = (*Store)(nil)

	_ sinks.FolderLister = (*Store)(nil)
)

// maxKey is the length of a key in S3, prefix and all.
const maxKey = 1024

// full returns the key in the bucket.
func (s *Store) full(key string) *string { return aws.String(s.prefix + key) }

func (s *Store) bucket() *string { return aws.String(s.config.Bucket) }

// Create implements sinks.Store. A key that is taken is noticed by Commit.
func (s *Store) Create(_ context.Context, key string) (sinks.Object, error) {
	if err := sinks.CheckKey(key); err != nil {
		return nil, err
	}
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	attempt := hex.EncodeToString(random)
	beside := besideKey(key, attempt)
	if err := sinks.CheckKey(beside); err != nil {
		return nil, err
	}
	if n := len(s.prefix + beside); n > maxKey {
		return nil, fmt.Errorf("key %.60q… has %d bytes with prefix and metadata, S3 takes %d; shorten prefix or layout", key, n, maxKey)
	}
	return &object{store: s, key: key, attempt: attempt}, nil
}

// List implements sinks.Store. What the console makes of a folder, an empty
// object whose key ends in a slash, is none.
func (s *Store) List(ctx context.Context, visit func(key string, size int64) error) error {
	return s.list(ctx, "", "", visit)
}

// ListFolder implements sinks.FolderLister.
func (s *Store) ListFolder(ctx context.Context, folder string, visit func(key string, size int64) error) error {
	return s.list(ctx, folder+"/", "/", visit)
}

func (s *Store) list(ctx context.Context, prefix, delimiter string, visit func(key string, size int64) error) error {
	in := &s3.ListObjectsV2Input{Bucket: s.bucket(), Prefix: s.full(prefix), EncodingType: types.EncodingTypeUrl}
	if delimiter != "" {
		in.Delimiter = aws.String(delimiter)
	}
	pages := s3.NewListObjectsV2Paginator(s.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.explain(ctx, "list", s.prefix+prefix, err)
		}
		for _, found := range page.Contents {
			key := aws.ToString(found.Key)
			if page.EncodingType == types.EncodingTypeUrl {
				if key, err = url.QueryUnescape(key); err != nil {
					return fmt.Errorf("list %s: %w", s.prefix+prefix, err)
				}
			}
			key = strings.TrimPrefix(key, s.prefix)
			if key == "" || strings.HasSuffix(key, "/") {
				continue
			}
			if err := visit(key, aws.ToInt64(found.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

// head returns what is known of an object; the error is pipeline.ErrMissing if
// there is none.
func (s *Store) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	found, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: s.bucket(), Key: s.full(key)})
	if status(err) == http.StatusNotFound {
		return nil, fmt.Errorf("%w: %s", pipeline.ErrMissing, s.config.Place()+"/"+key)
	}
	return found, s.explain(ctx, "read", key, err)
}

// Remove implements sinks.Remover.
func (s *Store) Remove(ctx context.Context, key string) error {
	if err := sinks.CheckKey(key); err != nil {
		return err
	}
	found, err := s.head(ctx, key)
	if err != nil {
		return err
	}
	if err := s.remove(ctx, key); err != nil {
		return err
	}
	if attempt := found.Metadata[attemptName]; attempt != "" && found.Metadata[lineageName] == "" {
		return s.remove(ctx, besideKey(key, attempt))
	}
	return nil
}

// remove deletes an object, if there is one.
func (s *Store) remove(ctx context.Context, key string) error {
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: s.bucket(), Key: s.full(key)})
	if status(err) == http.StatusNotFound && code(err) != noBucket {
		return nil
	}
	return s.explain(ctx, "remove", key, err)
}
