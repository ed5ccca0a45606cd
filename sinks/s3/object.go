package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// partSize is what is kept in memory of an object, and the size of its parts.
const partSize = 8 << 20

// Bounds of calls that get no context.
const (
	partLimit  = 5 * time.Minute
	abortLimit = time.Minute
)

// object is an object on its way.
type object struct {
	store   *Store
	key     string
	attempt string
	part    []byte                // what has not been sent
	size    int64                 // of all
	upload  string                // id of the upload; "" while part is all there is
	parts   []types.CompletedPart // that were sent
	fields  map[string]string     // metadata of an object without upload
	beside  []byte                // metadata that lies beside the object; nil if there is none
	placed  bool                  // beside has been sent
	unsure  bool                  // a commit may have taken effect
	state   state
	err     error // of Write; nothing works after it
}

type state int

const (
	writing state = iota
	ready
	done
	dropped
)

// Write implements sinks.Object.
func (o *object) Write(p []byte) (n int, err error) {
	switch {
	case o.err != nil:
		return 0, o.err
	case o.state != writing:
		return 0, fmt.Errorf("%s: %w", o.key, fs.ErrClosed)
	}
	for len(p) > 0 {
		if len(o.part) == partSize {
			ctx, cancel := context.WithTimeout(context.Background(), partLimit)
			o.err = o.send(ctx)
			cancel()
			if o.err != nil {
				return n, o.err
			}
		}
		took := min(len(p), partSize-len(o.part))
		o.part = append(o.part, p[:took]...)
		n, p, o.size = n+took, p[took:], o.size+int64(took)
	}
	return n, nil
}

// send uploads what is kept as one part.
func (o *object) send(ctx context.Context) (err error) {
	if o.upload == "" {
		if o.upload, err = o.store.begin(ctx, o.key, o.store.config.ownFields(o.attempt)); err != nil {
			return err
		}
	}
	sent, err := o.store.sendPart(ctx, o.key, o.upload, int32(len(o.parts)+1), o.part)
	if err != nil {
		return err
	}
	o.parts = append(o.parts, sent)
	o.part = o.part[:0]
	return nil
}

// Prepare implements sinks.Object. What fits into one part stays in memory: after
// a crash it is an object that never came, like any other that was not committed.
func (o *object) Prepare(ctx context.Context, m sinks.Metadata) error {
	switch {
	case o.err != nil:
		return o.err
	case o.state != writing:
		return fmt.Errorf("%s: %w", o.key, fs.ErrClosed)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	whole := m.Embedded
	if o.upload != "" {
		if err := o.send(ctx); err != nil {
			return err
		}
	} else {
		o.fields, whole = o.store.config.fields(m, o.attempt)
	}
	if !whole {
		raw, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			return err
		}
		o.beside = append(raw, '\n')
	}
	o.state = ready
	return nil
}

// Commit implements sinks.Object. After an error that is not ErrExists it may
// be called again.
func (o *object) Commit(ctx context.Context) error {
	switch {
	case o.state == done:
		return nil
	case o.state != ready:
		return fmt.Errorf("%s is not complete", o.key)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if o.beside != nil && !o.placed {
		if err := o.store.put(ctx, besideKey(o.key, o.attempt), o.beside, nil, false); err != nil {
			return err
		}
		o.placed = true
	}
	err := o.publish(ctx)
	if status(err) == http.StatusPreconditionFailed || o.upload != "" && code(err) == "NoSuchUpload" {
		err = o.settle(ctx, err)
	}
	switch {
	case err == nil:
		o.state, o.part = done, nil
	case !errors.Is(err, pipeline.ErrExists), errors.Is(err, pipeline.ErrUnreadable):
		o.unsure = true
	default:
		o.unsure = false
	}
	return err
}

// publish gives the object its key. A conflict is another request that was under
// way at the same time, whatever came of it:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (o *object) publish(ctx context.Context) (err error) {
	for try := range tries {
		if o.upload == "" {
			err = o.store.put(ctx, o.key, o.part, o.fields, true)
		} else {
			err = o.store.complete(ctx, o.key, o.upload, o.parts, o.size)
		}
		if status(err) != http.StatusConflict || try == tries-1 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(o.store.wait << try / 4):
		}
	}
	return err
}

// settle finds out whose the object is that has the key: this very attempt's, if
// the answer to an earlier request was lost.
func (o *object) settle(ctx context.Context, cause error) error {
	found, err := o.store.head(ctx, o.key)
	switch {
	case errors.Is(err, pipeline.ErrMissing):
		return cause
	case errors.Is(err, pipeline.ErrUnreadable):
		return fmt.Errorf("%w, perhaps by this very attempt: %w", pipeline.ErrExists, err)
	case err != nil:
		return fmt.Errorf("the key was taken, perhaps by this very attempt: %w", err)
	case found.Metadata[attemptName] != o.attempt:
		return pipeline.ErrExists
	case aws.ToInt64(found.ContentLength) != o.size:
		return fmt.Errorf("%s has %d bytes, %d were written", o.key, aws.ToInt64(found.ContentLength), o.size)
	}
	return nil
}

// Abort implements sinks.Object. Metadata beside an object that may be there
// stays.
func (o *object) Abort() error {
	if o.state == done {
		return nil
	}
	o.state, o.part = dropped, nil
	ctx, cancel := context.WithTimeout(context.Background(), abortLimit)
	defer cancel()
	if o.upload != "" {
		if err := o.store.drop(ctx, o.store.prefix+o.key, o.upload); err != nil {
			return err
		}
		o.upload = ""
	}
	if o.placed && !o.unsure {
		if err := o.store.remove(ctx, besideKey(o.key, o.attempt)); err != nil && !unable(err) {
			return err
		}
		o.placed = false
	}
	return nil
}

// sum is the checksum that the service compares.
func sum(data []byte) *string {
	hash := sha256.Sum256(data)
	return aws.String(base64.StdEncoding.EncodeToString(hash[:]))
}

func body(data []byte) *bytes.Reader { return bytes.NewReader(data) }
