package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of the wait preference.
const (
	defaultWait = 180 * time.Second
	maximumWait = 600 * time.Second
)

// preferences are what a Prefer header asks for.
type preferences struct {
	statistics  bool
	render      bool
	permissions bool
	dataSources bool
	wait        time.Duration
	applied     string // for Preference-Applied
}

// parsePrefer reads the Prefer headers. What it does not know it ignores, as
// the header's standard wants.
func parsePrefer(h http.Header) preferences {
	p := preferences{wait: defaultWait}
	var applied []string
	for _, part := range strings.Split(strings.Join(h.Values("Prefer"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		yes := strings.EqualFold(value, "true")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "include-statistics":
			p.statistics = yes
		case "include-render":
			p.render = yes
		case "include-permissions":
			p.permissions = yes
		case "include-datasources":
			p.dataSources = yes
		case "response-v1":
		case "wait":
			n, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				continue
			}
			p.wait = min(time.Duration(n)*time.Second, maximumWait)
		default:
			continue
		}
		applied = append(applied, strings.TrimSpace(part))
	}
	p.applied = strings.Join(applied, ",")
	return p
}

// cacheRules are what a Cache-Control header asks for.
type cacheRules struct {
	read   bool
	store  bool
	maxAge time.Duration // negative is any
}

func parseCacheControl(h http.Header) cacheRules {
	c := cacheRules{read: true, store: true, maxAge: -1}
	for _, part := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "=")
		switch name {
		case "no-cache":
			c.read = false
		case "no-store":
			c.read, c.store = false, false
		case "max-age":
			if n, err := strconv.ParseUint(value, 10, 31); err == nil {
				c.maxAge = time.Duration(n) * time.Second
			}
		}
	}
	return c
}

// acceptsGzip reports whether an Accept-Encoding header wants gzip.
func acceptsGzip(h http.Header) bool {
	for _, part := range strings.Split(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, quality, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(quality, " ", ""), "q=")
		if !ok {
			return true
		}
		n, err := strconv.ParseFloat(q, 64)
		return err == nil && n > 0
	}
	return false
}
