package azblob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// window is how much one request reads: readers go through an object in small
// steps.
const window = 4 << 20

// content is a blob, opened for reading. It stays the one that was opened.
type content struct {
	ctx      context.Context
	store    *Store
	key      string
	client   *blob.Client
	size     int64
	tag      *azcore.ETag
	metadata map[string]*string

	mu   sync.Mutex
	at   int64  // where the window begins
	data []byte // the window
}

// Open implements sinks.Store. The first window comes with it.
func (s *Store) Open(ctx context.Context, key string) (sinks.Content, error) {
	if err := sinks.CheckKey(key); err != nil {
		return nil, err
	}
	c := &content{ctx: ctx, store: s, key: key, client: s.blob(key)}
	found, err := c.client.GetProperties(ctx, nil)
	switch {
	case missing(err):
		return nil, fmt.Errorf("%w: %s/%s", pipeline.ErrMissing, s.place, key)
	case err != nil:
		return nil, s.explain("read", key, headCode(err))
	case isFolder(found.Metadata):
		return nil, fmt.Errorf("%w: %s is a folder", pipeline.ErrMismatch, key)
	case found.ContentLength == nil:
		return nil, fmt.Errorf("read %s: the store does not say how long it is", key)
	}
	c.size, c.tag, c.metadata = *found.ContentLength, found.ETag, found.Metadata
	return c, nil
}

// headCode returns the error of a request without a body, whose code is in the
// headers only.
func headCode(err error) error {
	refused, ok := errors.AsType[*azcore.ResponseError](err)
	if ok && refused.ErrorCode == "" && refused.RawResponse != nil {
		refused.ErrorCode = refused.RawResponse.Header.Get("x-ms-error-code")
	}
	return err
}

// Size implements sinks.Content.
func (c *content) Size() int64 { return c.size }

// Close implements sinks.Content.
func (c *content) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data = nil
	return nil
}

// ReadAt implements io.ReaderAt.
func (c *content) ReadAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(p) && off+int64(n) < c.size {
		at := off + int64(n)
		if at < c.at || at >= c.at+int64(len(c.data)) {
			if err := c.fetch(at); err != nil {
				return n, err
			}
		}
		n += copy(p[n:], c.data[at-c.at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// fetch moves the window. A blob that is another one by now is an error.
func (c *content) fetch(at int64) error {
	length := min(window, c.size-at)
	got, err := c.client.DownloadStream(c.ctx, &blob.DownloadStreamOptions{
		Range:            blob.HTTPRange{Offset: at, Count: length},
		AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: c.tag}},
	})
	switch {
	case bloberror.HasCode(err, bloberror.ConditionNotMet), missing(err):
		return fmt.Errorf("%w: %s was changed while it was read", pipeline.ErrMismatch, c.key)
	case err != nil:
		return c.store.explain("read", c.key, err)
	}
	body := got.NewRetryReader(c.ctx, nil)
	c.data = append(c.data[:0], make([]byte, length)...)
	c.at = at
	_, err = io.ReadFull(body, c.data)
	if err = errors.Join(err, body.Close()); err != nil {
		c.data = nil
		return c.store.explain("read", c.key, err)
	}
	return nil
}

// Metadata implements sinks.Content.
func (c *content) Metadata(ctx context.Context) (m sinks.Metadata, ok bool, err error) {
	if firstOf(c.metadata, metaPrefix+"lineage") == "" {
		return m, false, nil
	}
	m, err = sinks.MetadataOf(func(name string) string { return firstOf(c.metadata, metaPrefix+name) })
	if err != nil {
		return m, false, fmt.Errorf("%w: %w", pipeline.ErrMismatch, err)
	}
	beside := firstOf(c.metadata, besideField)
	if beside == "" {
		return m, true, nil
	}
	rest, err := c.store.Open(ctx, beside)
	if err != nil {
		if errors.Is(err, pipeline.ErrMissing) {
			err = fmt.Errorf("%w: its metadata %s are gone", pipeline.ErrMismatch, beside)
		}
		return m, false, err
	}
	defer rest.Close()
	raw, err := io.ReadAll(io.NewSectionReader(rest, 0, rest.Size()))
	if err != nil {
		return m, false, err
	}
	var all sinks.Metadata
	if err := json.Unmarshal(raw, &all); err != nil {
		return m, false, fmt.Errorf("%w: its metadata %s are damaged: %v", pipeline.ErrMismatch, beside, err)
	}
	if all.SHA256 != m.SHA256 {
		return m, false, fmt.Errorf("%w: its metadata %s are of another object", pipeline.ErrMismatch, beside)
	}
	return all, true, nil
}

// besideOf returns the blob that holds the rest of an object's metadata; "" if
// there is none, or that cannot be read.
func (s *Store) besideOf(ctx context.Context, key string) (string, error) {
	found, err := s.blob(key).GetProperties(ctx, nil)
	switch {
	case missing(err):
		return "", pipeline.ErrMissing
	case err != nil:
		return "", s.explain("read", key, headCode(err))
	}
	return firstOf(found.Metadata, besideField), nil
}
