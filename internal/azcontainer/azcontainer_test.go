package azcontainer

import (
	"errors"
	"strings"
	"testing"

	"github.com/kustash/kustash/internal/secret"
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
		{Config{AccountURL: account, Container: "state", AccountKey: "a", SASToken: "b"}, "sas_token", "one of"},
		{Config{AccountURL: account, Container: "state", ConnectionString: "a"}, "account_url", "names the account already"},
		{Config{AccountURL: account, Container: "state", Prefix: "/x"}, "prefix", "slash"},
		{Config{AccountURL: account, Container: "state/x"}, "container", "prefix"},
		{Config{AccountURL: account + "/state", Container: "state"}, "account_url", "arguments of their own"},
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
	if _, err := (Config{ConnectionString: "AccountName=x;AccountKey=hunter2", Container: "c"}).Open(nil, Patience{Tries: 1}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong connection string: %v, want an error without the secret", err)
	}
}

func TestPlace(t *testing.T) {
	for _, test := range []struct {
		c                Config
		place, authority string
	}{
		{Config{AccountURL: "https://acct.blob.core.windows.net/", Container: "c", Prefix: "prod/"}, "https://acct.blob.core.windows.net/c/prod", ""},
		{Config{AccountURL: "https://acct.dfs.core.windows.net", Container: "c"}, "https://acct.blob.core.windows.net/c", ""},
		{Config{AccountURL: "https://acct.blob.core.usgovcloudapi.net", Container: "c"}, "https://acct.blob.core.usgovcloudapi.net/c", "https://login.microsoftonline.us"},
		{Config{AccountURL: "https://acct.dfs.core.chinacloudapi.cn", Container: "c"}, "https://acct.blob.core.chinacloudapi.cn/c", "https://login.partner.microsoftonline.cn"},
		{Config{ConnectionString: "AccountName=acct;AccountKey=hunter2", Container: "c"}, "https://acct.blob.core.windows.net/c", ""},
		{Config{ConnectionString: secret.Text("BlobEndpoint=http://127.0.0.1:1/acct/?sig=hunter2;SharedAccessSignature=sig=hunter2"), Container: "c"}, "http://127.0.0.1:1/acct/c", ""},
	} {
		if got := test.c.Place(); got != test.place {
			t.Errorf("%+v: the place is %s, want %s", test.c, got, test.place)
		}
		if got := test.c.Authority(); got != test.authority {
			t.Errorf("%+v: the authority is %q, want %q", test.c, got, test.authority)
		}
	}
}
