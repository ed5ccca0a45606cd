package azblob

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kustash/kustash/internal/azcontainer"
)

// What the service or the network says becomes a message with a next step, and
// without the SAS token that is in every address.
func TestErrors(t *testing.T) {
	const sas = "sv=2024&sig=hunter2"
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-ms-error-code", "AuthorizationPermissionMismatch")
		w.WriteHeader(http.StatusForbidden)
	}))
	defer refusing.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for url, want := range map[string]string{
		refusing.URL: "Storage Blob Data Contributor",
		gone.URL:     "cannot be reached",
	} {
		s, err := Open(Config{azcontainer.Config{AccountURL: url + "/acct", Container: "state", SASToken: sas}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		_, readErr := s.Read(ctx, "ledger/a")
		_, listErr := s.List(ctx, "ledger/", "")
		for _, err := range []error{s.Create(ctx, "ledger/a", nil), readErr, listErr, s.Swap(ctx, "lock.json", nil, nil), s.Delete(ctx, "x")} {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line that says %q and no secret", err, want)
			}
		}
		if place := s.String(); strings.Contains(place, "hunter2") || !strings.HasSuffix(place, "/acct/state") {
			t.Errorf("the place is %s", place)
		}
	}
}
