package azblob

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

func TestCheck(t *testing.T) {
	const account = "https://acct.blob.core.windows.net"
	for _, test := range []struct {
		c    Config
		name string // of the argument that is wrong; "" if none is
		text string
	}{
		{Config{AccountURL: account, Container: "state"}, "", ""},
		{Config{AccountURL: account, Container: "state", SASToken: "?sv=1&sig=2"}, "", ""},
		{Config{AccountURL: "http://127.0.0.1:10000/devstoreaccount1", Container: "state", AccountKey: "a2V5"}, "", ""},
		{Config{AccountURL: account}, "container", "name the container"},
		{Config{Container: "state"}, "account_url", "name the account"},
		{Config{AccountURL: "http://acct.blob.core.windows.net", Container: "state"}, "account_url", "https"},
		{Config{AccountURL: account + "?sig=abc", Container: "state"}, "account_url", "SAS token is an argument"},
		{Config{AccountURL: "acct", Container: "state"}, "account_url", "no address"},
		{Config{AccountURL: account, Container: "state", AccountKey: "a", SASToken: "b"}, "account_key", "one of"},
		{Config{AccountURL: account, Container: "state", ConnectionString: "a"}, "account_url", "names the account already"},
		{Config{AccountURL: account, Container: "state", Prefix: "/x"}, "prefix", "slash"},
	} {
		err := test.c.Check()
		setting, ok := errors.AsType[*pipeline.SettingError](err)
		switch {
		case test.name == "" && err != nil:
			t.Errorf("%+v: %v, want no error", test.c, err)
		case test.name != "" && (!ok || setting.Name != test.name || !strings.Contains(err.Error(), test.text)):
			t.Errorf("%+v: %v, want one about %s that says %q", test.c, err, test.name, test.text)
		}
	}
	if _, err := Open(Config{ConnectionString: "AccountName=x;AccountKey=hunter2", Container: "c"}, nil); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong connection string: %v, want an error without the secret", err)
	}
}

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
		s, err := Open(Config{AccountURL: url + "/acct", Container: "state", SASToken: sas}, nil)
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
