package emulator

import (
	"net/http"
	"testing"
	"time"
)

func TestPrefer(t *testing.T) {
	tests := []struct {
		header []string
		want   preferences
	}{
		{nil, preferences{wait: defaultWait}},
		{[]string{""}, preferences{wait: defaultWait}},
		{[]string{"wait=600"}, preferences{wait: maximumWait, applied: "wait=600"}},
		{[]string{"wait=9999"}, preferences{wait: maximumWait, applied: "wait=9999"}},
		{[]string{"wait=soon, respond-async"}, preferences{wait: defaultWait}},
		{[]string{"include-statistics=true,include-render=true,wait=5"},
			preferences{statistics: true, render: true, wait: 5 * time.Second, applied: "include-statistics=true,include-render=true,wait=5"}},
		{[]string{"Include-Statistics = True", "wait=1"}, preferences{statistics: true, wait: time.Second, applied: "Include-Statistics = True,wait=1"}},
		{[]string{"include-permissions=true,include-dataSources=true"}, preferences{permissions: true, dataSources: true, wait: defaultWait,
			applied: "include-permissions=true,include-dataSources=true"}},
		{[]string{"include-statistics=false"}, preferences{wait: defaultWait, applied: "include-statistics=false"}},
	}
	for _, test := range tests {
		if got := parsePrefer(http.Header{"Prefer": test.header}); got != test.want {
			t.Errorf("%q: got %+v, want %+v", test.header, got, test.want)
		}
	}
}

func TestCacheControl(t *testing.T) {
	tests := []struct {
		header string
		want   cacheRules
	}{
		{"", cacheRules{true, true, -1}},
		{"no-cache", cacheRules{false, true, -1}},
		{"No-Store, max-age=0", cacheRules{false, false, 0}},
		{"max-age=30", cacheRules{true, true, 30 * time.Second}},
		{"max-age=-1", cacheRules{true, true, -1}},
	}
	for _, test := range tests {
		if got := parseCacheControl(http.Header{"Cache-Control": {test.header}}); got != test.want {
			t.Errorf("%q: got %+v, want %+v", test.header, got, test.want)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{"": false, "gzip": true, "deflate, GZIP;q=0.5": true, "gzip;q=0": false,
		"gzip; q=0.000": false, "gzip; q=1": true, "br": false, "gzipped": false, "gzip;q=x": false} {
		if got := acceptsGzip(http.Header{"Accept-Encoding": {header}}); got != want {
			t.Errorf("%q: got %t, want %t", header, got, want)
		}
	}
}
