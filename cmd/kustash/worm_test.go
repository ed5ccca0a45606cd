package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/internal/azcontainer/wormtest"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// An archive in a container under a policy is fine, as long as nothing has to be
// deleted there; a state in one is not. Doctor says both.
func TestImmutableContainers(t *testing.T) {
	data, err := demoTables()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newEmulator(t, emulator.Config{Data: data}))
	defer server.Close()
	account := wormtest.Serve(t, wormtest.Policy)
	s := &shell{t: t, dir: t.TempDir(), env: map[string]string{}}
	declare := func(state, more string) {
		s.write("main.kustash.hcl", state+workspaceBlock(server.URL)+fmt.Sprintf(`
sink "azure_blob" "worm" {
  account_url = %q
  container   = "worm"
  sas_token   = "sig=hunter2"
  %s
}
query "q" {
  workspace = workspace.w
  kql       = "Syslog"
  window {
    start = %q
    end   = %q
  }
  sinks = [sink.worm]
}
`, account, more, demoStart().Format(time.DateOnly), demoStart().AddDate(0, 0, 1).Format(time.DateOnly)))
	}
	for _, test := range []struct {
		state, more string
		code        int
		want        []string
		not         string
	}{
		{"", "", exitDone, []string{"the container is under an immutability policy", "the state must live elsewhere", `superseded = "keep"`}, "hunter2"},
		{"", `superseded = "keep"`, exitDone, []string{"the container is under an immutability policy"}, "cannot be deleted"},
		{fmt.Sprintf(`kustash { 
  state "azure_blob" {
    account_url = %q
    container   = "worm"
    sas_token   = "sig=hunter2"
  }
}
`, account), "", exitFailed, []string{"keep the state in another container"}, "hunter2"},
	} {
		declare(test.state, test.more)
		code, output := s.run("doctor")
		for _, want := range test.want {
			if !strings.Contains(output, want) {
				t.Errorf("doctor does not say %q:\n%s", want, output)
			}
		}
		if code != test.code || strings.Contains(output, test.not) {
			t.Errorf("exit %d, want %d, and nothing of %q:\n%s", code, test.code, test.not, output)
		}
	}
	declare("", "")
	for _, step := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"apply", "-auto-approve"}, exitDone, "Apply complete!"},
		{[]string{"verify"}, exitDone, "no findings"},
		{[]string{"plan", "-replace=query.q"}, exitFailed, `superseded = "keep"`},
	} {
		if code, output := s.run(step.args...); code != step.code || !strings.Contains(output, step.want) {
			t.Errorf("%v: exit %d, want %d and %q\n%s", step.args, code, step.code, step.want, output)
		}
	}
	declare("", `superseded = "keep"`)
	for _, args := range [][]string{{"apply", "-auto-approve", "-replace=query.q"}, {"verify"}} {
		if code, output := s.run(args...); code != exitDone {
			t.Errorf("%v, keeping: exit %d\n%s", args, code, output)
		}
	}
}
