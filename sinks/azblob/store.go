// Package azblob keeps the objects of a sink in a container of Azure Blob
// Storage, with or without the hierarchical namespace of a Data Lake.
//
// An object on its way is a set of uncommitted blocks of its final name, with
// ids that are unique to the attempt: nobody sees them, and the service drops
// them after a week. One request, with If-None-Match: *, makes them the blob. So
// nothing is ever replaced, and a crash leaves nothing to clean up.
//
// Writing needs the permission to create blobs and no more. Who may not read
// leaves verify, and what a lost answer was, in the dark: those errors wrap
// pipeline.ErrUnreadable.
package azblob

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/kustash/kustash/internal/azcontainer"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Config is the block sink "azure_blob".
type Config struct {
	azcontainer.Config
	AccessTier string            `hcl:"access_tier,optional"` // hot, cool, cold or archive; "" is the account's
	Metadata   map[string]string `hcl:"metadata,optional"`    // of every blob, beside the tool's own
	Tags       map[string]string `hcl:"tags,optional"`        // index tags of every blob
}

// tiers are the access tiers of block blobs
// (https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview).
var tiers = map[string]blob.AccessTier{
	"hot": blob.AccessTierHot, "cool": blob.AccessTierCool, "cold": blob.AccessTierCold, "archive": blob.AccessTierArchive,
}

// maxTags is how many index tags a blob may have.
const maxTags = 10

// Check returns what is wrong with the settings, as a *pipeline.SettingError.
// It touches nothing.
func (c Config) Check() error {
	if err := c.Config.Check(); err != nil {
		return err
	}
	if _, ok := tiers[c.AccessTier]; !ok && c.AccessTier != "" {
		return setting("access_tier", "%q is none of hot, cool, cold and archive", c.AccessTier)
	}
	if len(c.Tags) > maxTags {
		return setting("tags", "a blob takes %d index tags, and here are %d", maxTags, len(c.Tags))
	}
	for name := range c.Metadata {
		if !identifier.MatchString(name) {
			return setting("metadata", "%q is no name that blobs take: letters, digits and underscores, no digit first", name)
		}
		if strings.HasPrefix(strings.ToLower(name), metaPrefix) {
			return setting("metadata", "%q: names that begin with %s are the tool's own", name, metaPrefix)
		}
	}
	return nil
}

func setting(name, format string, values ...any) error {
	return &pipeline.SettingError{Name: name, Err: fmt.Errorf(format, values...)}
}

// patience is long: a night's export may well wait for the store.
var patience = azcontainer.Patience{Tries: 6, Try: time.Minute, Wait: 30 * time.Second}

// Store is a sinks.Store, FolderLister and Remover. It may be used concurrently,
// and by several processes. The container is created by the first write, if it
// is not there and the identity may.
type Store struct {
	config Config
	client *container.Client
	prefix string // of all names; ends in a slash, or is empty
	place  string // for messages

	mu    sync.Mutex
	asked bool   // whether what is there has to be kept
	keeps string // why
}

var (
	_ sinks.Store        = (*Store)(nil)
	_ sinks.Remover      = (*Store)(nil)
	_ sinks.FolderLister = (*Store)(nil)
	_ sinks.Keeper       = (*Store)(nil)
)

// New returns the store of the configuration. It touches nothing. token is asked
// where the settings hold no secret; it may be nil then only.
func New(c Config, token azcontainer.Token) (*Store, error) { return open(c, token, patience) }

func open(c Config, token azcontainer.Token, p azcontainer.Patience) (*Store, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	client, err := c.Open(token, p)
	if err != nil {
		return nil, err
	}
	return &Store{config: c, client: client, prefix: c.Folder(), place: c.Place()}, nil
}

// explain makes a message of an error of the module.
func (s *Store) explain(doing, name string, err error) error {
	return azcontainer.Explain(s.place, doing, name, err)
}

func (s *Store) blob(key string) *blob.Client { return s.client.NewBlobClient(s.prefix + key) }

// List implements sinks.Store.
func (s *Store) List(ctx context.Context, visit func(key string, size int64) error) error {
	pager := s.client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: to.Ptr(s.prefix), Include: container.ListBlobsInclude{Metadata: true}})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if bloberror.HasCode(err, bloberror.ContainerNotFound) {
			return nil
		}
		if err != nil {
			return s.explain("list", s.prefix, err)
		}
		if err := s.visit(page.Segment.BlobItems, visit); err != nil {
			return err
		}
	}
	return nil
}

// ListFolder implements sinks.FolderLister.
func (s *Store) ListFolder(ctx context.Context, folder string, visit func(key string, size int64) error) error {
	pager := s.client.NewListBlobsHierarchyPager("/", &container.ListBlobsHierarchyOptions{Prefix: to.Ptr(s.prefix + folder + "/"), Include: container.ListBlobsInclude{Metadata: true}})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if bloberror.HasCode(err, bloberror.ContainerNotFound) {
			return nil
		}
		if err != nil {
			return s.explain("list", folder, err)
		}
		if err := s.visit(page.Segment.BlobItems, visit); err != nil {
			return err
		}
	}
	return nil
}

// visit hands over the objects of a page. Folders of a hierarchical namespace
// are blobs too, by a mark in their metadata
// (https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-known-issues).
func (s *Store) visit(items []*container.BlobItem, visit func(key string, size int64) error) error {
	for _, item := range items {
		if isFolder(item.Metadata) || item.Name == nil || item.Properties == nil || item.Properties.ContentLength == nil {
			continue
		}
		if err := visit(strings.TrimPrefix(*item.Name, s.prefix), *item.Properties.ContentLength); err != nil {
			return err
		}
	}
	return nil
}

// Remove implements sinks.Remover. The object goes first: metadata without it is
// of an object that never came.
func (s *Store) Remove(ctx context.Context, key string) error {
	if err := sinks.CheckKey(key); err != nil {
		return err
	}
	beside, err := s.besideOf(ctx, key)
	if err != nil {
		return err
	}
	if _, err := s.blob(key).Delete(ctx, nil); err != nil {
		if missing(err) {
			return pipeline.ErrMissing
		}
		return s.explain("delete", key, err)
	}
	if beside != "" {
		if _, err := s.blob(beside).Delete(ctx, nil); err != nil && !missing(err) {
			return s.explain("delete", beside, err)
		}
	}
	return nil
}

// missing reports whether an error says that there is no such blob.
func missing(err error) bool {
	return bloberror.HasCode(err, bloberror.BlobNotFound, bloberror.ContainerNotFound)
}

// Keeps implements sinks.Keeper. The container is asked once.
func (s *Store) Keeps(ctx context.Context) (why string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked {
		return s.keeps, nil
	}
	s.keeps, err = azcontainer.Keeps(ctx, s.client)
	s.asked = err == nil
	return s.keeps, s.explain("read", "the container's properties", err)
}

// isFolder reports whether a blob's metadata mark it as a folder.
func isFolder(metadata map[string]*string) bool {
	return slices.Contains(valuesOf(metadata, "hdi_isfolder"), "true")
}
