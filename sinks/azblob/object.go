package azblob

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"io/fs"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/google/uuid"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// blockSize is the size of a block: a blob takes 50,000 of them
// (https://learn.microsoft.com/azure/storage/blobs/scalability-targets), so no
// object of this tool is too large.
const blockSize = 4 << 20

// object is a blob on its way.
type object struct {
	store   *Store
	client  *blockblob.Client
	key     string
	attempt uuid.UUID // of nobody else

	block  []byte   // that is being filled
	blocks []string // ids of those that are full, in order
	upload *uploads
	sum    hash.Hash // MD5, which the store keeps and clients compare

	commit *blockblob.CommitBlockListOptions // once it is prepared
	ended  bool
}

// Create implements sinks.Store. A key that is taken is noticed by Commit.
func (s *Store) Create(_ context.Context, key string) (sinks.Object, error) {
	if err := sinks.CheckKey(key); err != nil {
		return nil, err
	}
	o := &object{store: s, client: s.client.NewBlockBlobClient(s.prefix + key), key: key, attempt: uuid.New(), sum: md5.New()}
	o.upload = newUploads(o.stage)
	return o, nil
}

// Write implements io.Writer. Full blocks are sent while more is written; an
// error of one comes with a later Write or with Prepare.
func (o *object) Write(p []byte) (int, error) {
	if o.ended || o.commit != nil {
		return 0, fmt.Errorf("%s: %w", o.key, fs.ErrClosed)
	}
	written := 0
	for len(p) > 0 {
		n := min(len(p), blockSize-len(o.block))
		o.sum.Write(p[:n])
		o.block, p = append(o.block, p[:n]...), p[n:]
		written += n
		if len(o.block) == blockSize {
			if err := o.send(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// blockID returns the id of a block: all ids of a blob have one length, and
// those of another attempt are others.
func (o *object) blockID(n int) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(o.attempt[:16:16], uint32(n)))
}

// send hands the block over to be sent.
func (o *object) send() error {
	id := o.blockID(len(o.blocks))
	o.blocks = append(o.blocks, id)
	block := o.block
	o.block = nil
	return o.upload.add(id, block)
}

// stage sends one block. The module compares a CRC64 of it.
func (o *object) stage(ctx context.Context, id string, data []byte) error {
	err := o.store.inContainer(ctx, func() error {
		_, err := o.client.StageBlock(ctx, id, streaming.NopCloser(bytes.NewReader(data)),
			&blockblob.StageBlockOptions{TransactionalValidation: blob.TransferValidationTypeComputeCRC64()})
		return err
	})
	return o.store.explain("write", o.key, err)
}

// inContainer writes something, and creates the container if it is missing.
func (s *Store) inContainer(ctx context.Context, write func() error) error {
	err := write()
	if !bloberror.HasCode(err, bloberror.ContainerNotFound) {
		return err
	}
	if _, created := s.client.Create(ctx, nil); created != nil && !bloberror.HasCode(created, bloberror.ContainerAlreadyExists) {
		return err
	}
	return write()
}

// Prepare implements sinks.Object: all bytes are at the store, as blocks.
func (o *object) Prepare(ctx context.Context, m sinks.Metadata) error {
	if o.ended || o.commit != nil {
		return fmt.Errorf("%s: %w", o.key, fs.ErrClosed)
	}
	if len(o.block) > 0 {
		_ = o.send() // an error is that of an earlier block
	}
	if err := o.upload.wait(); err != nil {
		o.ended = true
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fields, err := o.fields(ctx, m)
	if err != nil {
		return err
	}
	o.commit = &blockblob.CommitBlockListOptions{
		Metadata:         fields,
		Tags:             o.store.config.Tags,
		HTTPHeaders:      &blob.HTTPHeaders{BlobContentType: to.Ptr(contentType(o.key)), BlobContentMD5: o.sum.Sum(nil)},
		AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}},
	}
	if tier, ok := tiers[o.store.config.AccessTier]; ok {
		o.commit.Tier = &tier
	}
	return nil
}

// Commit implements sinks.Object. The module repeats a request whose answer was
// lost, and then meets its own blob: the attempt in its metadata tells.
func (o *object) Commit(ctx context.Context) error {
	if o.ended || o.commit == nil {
		return fmt.Errorf("%s is not complete", o.key)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := o.store.inContainer(ctx, func() error {
		_, err := o.client.CommitBlockList(ctx, o.blocks, o.commit)
		return err
	})
	switch {
	case err == nil:
	case bloberror.HasCode(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet, bloberror.InvalidBlockList,
		bloberror.BlobImmutableDueToPolicy, "BlobImmutableDueToLegalHold"):
		if err := o.taken(ctx, err); err != nil {
			return err
		}
	default:
		return o.store.explain("publish", o.key, err)
	}
	o.ended = true
	return nil
}

// taken returns nil if the blob that has the name is the one of this attempt.
// The blocks of an attempt are gone, too, when another one was committed.
func (o *object) taken(ctx context.Context, cause error) error {
	found, err := o.client.GetProperties(ctx, nil)
	switch {
	case err == nil && firstOf(found.Metadata, attemptField) == o.attempt.String():
		return nil
	case err == nil:
		return pipeline.ErrExists
	case missing(err):
		return o.store.explain("publish", o.key, cause)
	}
	return fmt.Errorf("%w; %w", pipeline.ErrExists, o.store.explain("read", o.key, headCode(err)))
}

// Abort implements sinks.Object. Uncommitted blocks are dropped by the service.
func (o *object) Abort() error {
	if !o.ended {
		o.ended = true
		o.upload.cancel()
	}
	o.block = nil
	return nil
}
