// Package azblob keeps a ledger in a container of Azure Blob Storage.
//
// A segment is created with If-None-Match: *, so the service itself lets one of
// two writers get a number; the lock record is replaced with If-Match. What the
// module repeats may meet its own success: the ledger reads what it finds then.
// Nothing here needs more rights than reading, writing, listing and, for
// checkpoints, deleting blobs of the container: the role Storage Blob Data
// Contributor.
package azblob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/kustash/kustash/internal/azcontainer"
	"github.com/kustash/kustash/pipeline/ledger"
)

// Config is the block state "azure_blob".
type Config struct {
	azcontainer.Config
}

// patience is short: the state is small, and whoever waits for it holds a lock
// that has to be renewed.
var patience = azcontainer.Patience{Tries: 4, Try: 15 * time.Second, Wait: 3 * time.Second}

// Open returns the store. It touches nothing. token is asked where the settings
// hold no secret; it may be nil then only.
func Open(c Config, token azcore.TokenCredential) (*Store, error) {
	client, err := c.Config.Open(token, patience)
	if err != nil {
		return nil, err
	}
	return &Store{client: client, prefix: c.Folder(), place: c.Place()}, nil
}

// Store is a ledger.Store in a container. The container is created by the first
// write if it is not there.
type Store struct {
	client *container.Client
	prefix string // of all names; ends in a slash, or is empty
	place  string // for messages
}

var _ ledger.Store = (*Store)(nil)

// String returns the address of the container, with the prefix.
func (s *Store) String() string { return s.place }

// Create implements ledger.Store.
func (s *Store) Create(ctx context.Context, name string, data []byte) error {
	err := s.upload(ctx, name, data, &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)})
	if bloberror.HasCode(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet) {
		return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	return s.explain("write", name, err)
}

// upload writes a blob in one request, and creates the container if it is
// missing.
func (s *Store) upload(ctx context.Context, name string, data []byte, when *blob.ModifiedAccessConditions) error {
	try := func() error {
		_, err := s.client.NewBlockBlobClient(s.prefix+name).Upload(ctx, streaming.NopCloser(bytes.NewReader(data)),
			&blockblob.UploadOptions{AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: when}})
		return err
	}
	err := try()
	if !bloberror.HasCode(err, bloberror.ContainerNotFound) {
		return err
	}
	if _, err := s.client.Create(ctx, nil); err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		return err
	}
	return try()
}

// Read implements ledger.Store.
func (s *Store) Read(ctx context.Context, name string) ([]byte, error) {
	data, _, err := s.read(ctx, name)
	return data, err
}

func (s *Store) read(ctx context.Context, name string) ([]byte, *azcore.ETag, error) {
	answer, err := s.client.NewBlobClient(s.prefix+name).DownloadStream(ctx, nil)
	if bloberror.HasCode(err, bloberror.BlobNotFound, bloberror.ContainerNotFound) {
		return nil, nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, nil, s.explain("read", name, err)
	}
	body := answer.NewRetryReader(ctx, nil)
	data, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, nil, s.explain("read", name, err)
	}
	if data == nil {
		data = []byte{}
	}
	return data, answer.ETag, nil
}

// List implements ledger.Store. The service lists by prefix only, 5,000 names a
// page, so names before after are passed over here.
func (s *Store) List(ctx context.Context, prefix, after string) ([]string, error) {
	var names []string
	pager := s.client.NewListBlobsHierarchyPager("/", &container.ListBlobsHierarchyOptions{Prefix: to.Ptr(s.prefix + prefix)})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if bloberror.HasCode(err, bloberror.ContainerNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, s.explain("list", prefix, err)
		}
		for _, item := range page.Segment.BlobItems {
			if name := strings.TrimPrefix(*item.Name, s.prefix); name > after {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// Delete implements ledger.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	_, err := s.client.NewBlobClient(s.prefix+name).Delete(ctx, nil)
	if bloberror.HasCode(err, bloberror.BlobNotFound, bloberror.ContainerNotFound) {
		return nil
	}
	return s.explain("delete", name, err)
}

// Swap implements ledger.Store.
func (s *Store) Swap(ctx context.Context, name string, old, data []byte) error {
	when := &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}
	if old != nil {
		got, tag, err := s.read(ctx, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return ledger.ErrChanged
		case err != nil:
			return err
		case !bytes.Equal(got, old):
			return ledger.ErrChanged
		}
		when = &blob.ModifiedAccessConditions{IfMatch: tag}
	}
	err := s.upload(ctx, name, data, when)
	if bloberror.HasCode(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet) {
		return ledger.ErrChanged
	}
	return s.explain("write", name, err)
}

// Try implements ledger.Trier: it writes a blob and deletes it. A container in
// which that is forbidden can hold no state.
func (s *Store) Try(ctx context.Context) error {
	switch why, err := azcontainer.Keeps(ctx, s.client); {
	case err != nil:
		return s.explain("read", "the container's properties", err)
	case why != "":
		return fmt.Errorf("%s, and the state's lock has to be replaced: keep the state in another container, the archive may stay", why)
	}
	const name = "_try"
	if err := s.explain("write", name, s.upload(ctx, name, []byte("try\n"), nil)); err != nil {
		return err
	}
	return s.Delete(ctx, name)
}

// explain makes a message of an error of the module.
func (s *Store) explain(doing, name string, err error) error {
	return azcontainer.Explain(s.place, doing, name, err)
}
