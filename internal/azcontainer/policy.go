package azcontainer

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// Keeps returns which rule of a container forbids to replace and to delete what
// is in it; "" if there is none, or if the identity may not ask, as most SAS
// tokens may not
// (https://learn.microsoft.com/azure/storage/blobs/immutable-storage-overview).
func Keeps(ctx context.Context, c *container.Client) (why string, err error) {
	got, err := c.GetProperties(ctx, nil)
	refused, answered := errors.AsType[*azcore.ResponseError](err)
	switch {
	case answered && (refused.StatusCode == http.StatusForbidden || refused.StatusCode == http.StatusUnauthorized),
		bloberror.HasCode(err, bloberror.ContainerNotFound), answered && refused.StatusCode == http.StatusNotFound:
		return "", nil
	case err != nil:
		return "", err
	case is(got.HasImmutabilityPolicy):
		return "the container is under an immutability policy", nil
	case is(got.IsImmutableStorageWithVersioningEnabled):
		return "the container's versions are under an immutability policy", nil
	case is(got.HasLegalHold):
		return "the container is under a legal hold", nil
	}
	return "", nil
}

func is(b *bool) bool { return b != nil && *b }
