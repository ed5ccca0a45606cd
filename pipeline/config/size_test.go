package config

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "256MB": 256e6, "1.5 GiB": 3 << 29, "64000000": 64e6, "10B": 10, " 2KiB ": 2048,
		"": 0, "MB": 0, "0": 0, "-1MB": 0, "1/2MB": 0, "1e3": 0, "0.5B": 0, "1XB": 0, "99999999999TB": 0, "12 megs": 0,
	} {
		if got, err := parseSize(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
}
