package config

import "testing"

func TestDidYouMean(t *testing.T) {
	names := []string{"plan", "apply", "status"}
	for given, want := range map[string]string{"pln": ` Did you mean "plan"?`, "aply": ` Did you mean "apply"?`, "xyzzy": ""} {
		if got := DidYouMean(given, names); got != want {
			t.Errorf("DidYouMean(%q) = %q, want %q", given, got, want)
		}
	}
}
