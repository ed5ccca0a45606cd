package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// What is read of an object comes in windows, a request each, and the last few
// are kept: readers go through an object in small steps, those of Parquet from
// several places at once.
const (
	windowSize  = 2 << 20
	keptWindows = 6
)

// content is an object that is there. Its reads use the context of Open.
type content struct {
	ctx    context.Context
	store  *Store
	key    string
	size   int64
	etag   *string
	fields map[string]string

	mu      sync.Mutex
	windows []window // the one used last comes last
}

type window struct {
	start int64
	data  []byte
}

// Open implements sinks.Store.
func (s *Store) Open(ctx context.Context, key string) (sinks.Content, error) {
	if err := sinks.CheckKey(key); err != nil {
		return nil, err
	}
	found, err := s.head(ctx, key)
	if err != nil {
		return nil, err
	}
	return &content{ctx: ctx, store: s, key: key, size: aws.ToInt64(found.ContentLength), etag: found.ETag, fields: found.Metadata}, nil
}

// Size implements sinks.Content.
func (c *content) Size() int64 { return c.size }

// Close implements io.Closer.
func (c *content) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.windows = nil
	return nil
}

// ReadAt implements io.ReaderAt.
func (c *content) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("%s: read at %d", c.key, off)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for n < len(p) {
		if off >= c.size {
			return n, io.EOF
		}
		w, err := c.window(off - off%windowSize)
		if err != nil {
			return n, err
		}
		took := copy(p[n:], w.data[off-w.start:])
		n, off = n+took, off+int64(took)
	}
	return n, nil
}

// window returns the window that starts there.
func (c *content) window(start int64) (window, error) {
	at := slices.IndexFunc(c.windows, func(w window) bool { return w.start == start })
	var w window
	if at >= 0 {
		w = c.windows[at]
		c.windows = slices.Delete(c.windows, at, at+1)
	} else {
		if len(c.windows) == keptWindows {
			w, c.windows = c.windows[0], slices.Delete(c.windows, 0, 1)
		}
		w.start = start
		n := int(min(windowSize, c.size-start))
		w.data = slices.Grow(w.data[:0], n)[:n]
		if err := c.fetch(w); err != nil {
			return window{}, err
		}
	}
	c.windows = append(c.windows, w)
	return w, nil
}

// fetch reads a window. The module repeats requests, not answers that break off.
func (c *content) fetch(w window) (err error) {
	for range tries {
		var answer *s3.GetObjectOutput
		answer, err = c.store.client.GetObject(c.ctx, &s3.GetObjectInput{
			Bucket: c.store.bucket(), Key: c.store.full(c.key), IfMatch: c.etag,
			Range: aws.String(fmt.Sprintf("bytes=%d-%d", w.start, w.start+int64(len(w.data))-1)),
		})
		switch {
		case status(err) == http.StatusPreconditionFailed:
			return fmt.Errorf("%w: %s was replaced while it was read", pipeline.ErrMismatch, c.key)
		case status(err) == http.StatusNotFound:
			return fmt.Errorf("%w: %s was removed while it was read", pipeline.ErrMissing, c.key)
		case err != nil:
			return c.store.explain(c.ctx, "read", c.key, err)
		case aws.ToInt64(answer.ContentLength) != int64(len(w.data)):
			_ = answer.Body.Close()
			return fmt.Errorf("read %s: %d bytes were asked for, the store sends %d", c.key, len(w.data), aws.ToInt64(answer.ContentLength))
		}
		_, err = io.ReadFull(answer.Body, w.data)
		if err = errors.Join(err, answer.Body.Close()); err == nil {
			return nil
		}
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
	}
	return c.store.explain(c.ctx, "read", c.key, err)
}

// Metadata implements sinks.Content.
func (c *content) Metadata(ctx context.Context) (m sinks.Metadata, ok bool, err error) {
	switch {
	case c.fields[lineageName] != "":
		m, err = metadataOf(c.fields)
	case c.fields[attemptName] != "":
		var raw []byte
		raw, err = c.store.readSmall(ctx, besideKey(c.key, c.fields[attemptName]))
		if errors.Is(err, pipeline.ErrMissing) {
			return m, false, nil
		}
		if err != nil {
			return m, false, err
		}
		err = json.Unmarshal(raw, &m)
	default:
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("%w: its metadata is damaged: %v", pipeline.ErrMismatch, err)
	}
	return m, true, nil
}

func (s *Store) readSmall(ctx context.Context, key string) ([]byte, error) {
	c, err := s.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
}
