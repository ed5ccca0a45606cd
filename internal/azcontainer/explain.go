package azcontainer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/kustash/kustash/pipeline"
)

// advice says what to do about an answer, by its code.
var advice = map[bloberror.Code]string{
	bloberror.BlobImmutableDueToPolicy:        "an immutability policy or legal hold protects what is there; it can be neither replaced nor deleted",
	"BlobImmutableDueToLegalHold":             "a legal hold protects what is there; it can be neither replaced nor deleted",
	bloberror.BlobArchived:                    "it is in the archive tier and cannot be read; rehydrate it first",
	bloberror.AuthenticationFailed:            "the key or SAS token is wrong or has expired, or the clock of this machine is",
	bloberror.AuthorizationPermissionMismatch: "the identity needs the role Storage Blob Data Contributor on the container, or the SAS token lacks the permission for this",
	bloberror.ContainerNotFound:               "check account_url and container; whoever may, creates the container: apply does, with the right to",
	bloberror.ContainerBeingDeleted:           "wait until it is deleted, or name another",
	"AuthorizationFailure":                    "the account's firewall does not let this machine in, or the SAS token has expired, or the key or role was taken back",
}

// Explain makes a message of an error of the module, whose own are pages, and
// whose addresses may hold a SAS token. place is Config.Place. Errors about
// rights wrap pipeline.ErrUnreadable where doing is "read" or "list".
func Explain(place, doing, name string, err error) error {
	var refused *azcore.ResponseError
	var address *url.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &address):
		return err
	case errors.As(err, &refused):
		return explainAnswer(place, doing, name, refused)
	case errors.As(err, &address):
		return fmt.Errorf("%s %s: %s cannot be reached: %w; check account_url and the network", doing, name, place, address.Err)
	}
	return fmt.Errorf("%s %s: %w", doing, name, err)
}

func explainAnswer(place, doing, name string, refused *azcore.ResponseError) error {
	code := bloberror.Code(refused.ErrorCode)
	next := advice[code]
	rights := refused.StatusCode == http.StatusForbidden || refused.StatusCode == http.StatusUnauthorized
	if next == "" && rights {
		next = advice[bloberror.AuthorizationPermissionMismatch] + ", or the key or SAS token is wrong or has expired"
	}
	text := fmt.Sprintf("%s %s: %s answered with status %d %s", doing, name, place, refused.StatusCode, refused.ErrorCode)
	if next != "" {
		text += "; " + next
	}
	err := errors.New(strings.TrimSpace(text))
	if (rights || code == bloberror.BlobArchived) && (doing == "read" || doing == "list") {
		return &unreadable{err}
	}
	return err
}

// unreadable is an error that says nothing about the object.
type unreadable struct{ error }

func (e *unreadable) Unwrap() []error { return []error{e.error, pipeline.ErrUnreadable} }
