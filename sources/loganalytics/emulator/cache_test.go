package emulator

import (
	"strconv"
	"testing"
	"time"
)

func TestRepliesAreRepeated(t *testing.T) {
	c := newClock()
	data := events(t, "2026-01-01T00:00:00Z")
	r := serve(t, Config{Data: data, Now: c.Now, KeepOrder: true})
	ask := func(want, age string, more ...string) {
		t.Helper()
		got := r.send("POST", queryPath, `{"query":"Events"}`, append([]string{"Prefer", "wait=5"}, more...)...)
		if names := got.decode(t).names(); names != want || got.header.Get("Age") != age {
			t.Errorf("got %q with Age %q, want %q with %q", names, got.header.Get("Age"), want, age)
		}
		if applied := got.header.Get("Preference-Applied"); (applied == "") != (age != "") {
			t.Errorf("Age %q and Preference-Applied %q", age, applied)
		}
	}
	ask("a", "")
	if err := data.Append("Events", Row{"TimeGenerated": "2026-01-02", "Name": "b"}); err != nil {
		t.Fatal(err)
	}
	c.add(54 * time.Second)
	ask("a", "54")
	ask("a", "54", "Cache-Control", "max-age=54")
	ask("ab", "", "Cache-Control", "no-store")
	ask("a", "54")
	ask("ab", "", "Cache-Control", "max-age=53") // and this one is kept
	ask("ab", "0")
	c.add(119 * time.Second)
	ask("ab", "119")
	if err := data.Append("Events", Row{"TimeGenerated": "2026-01-03", "Name": "c"}); err != nil {
		t.Fatal(err)
	}
	ask("abc", "", "Cache-Control", "no-cache")
	c.add(120 * time.Second)
	ask("abc", "")
}

func TestWhatAReplyIsKeptFor(t *testing.T) {
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z"), Principals: []Principal{
		{Tenant: DemoTenantID, ClientID: "one", ClientSecret: "s"}, {Tenant: DemoTenantID, ClientID: "two", ClientSecret: "s"}}})
	two := *r
	two.token = r.login(Config{Principals: r.e.config.Principals[1:]})
	body := `{"query":"Events"}`
	r.send("POST", queryPath, body)
	for name, test := range map[string]struct {
		got    reply
		cached bool
	}{
		"the same again":    {r.send("POST", queryPath, body), true},
		"as GET":            {r.send("GET", queryPath+"?query=Events", ""), true},
		"another timespan":  {r.send("POST", queryPath, `{"query":"Events","timespan":"P1D"}`), false},
		"another text":      {r.send("POST", queryPath, `{"query":"Events "}`), false},
		"statistics too":    {r.send("POST", queryPath, body, "Prefer", "include-statistics=true"), false},
		"another principal": {two.send("POST", queryPath, body), false},
	} {
		if cached := test.got.header.Get("Age") != ""; cached != test.cached || test.got.status != 200 {
			t.Errorf("%s: status %d, from the cache %t, want %t", name, test.got.status, cached, test.cached)
		}
	}
}

func TestPartialRepliesAreRepeatedToo(t *testing.T) {
	r := serve(t, Config{Data: letters(t, 3), Limits: Limits{Rows: 2}})
	for _, age := range []string{"", "0"} {
		got := r.send("POST", queryPath, `{"query":"T"}`)
		if got.decode(t).Error == nil || got.header.Get("Age") != age {
			t.Errorf("got Age %q %s, want a partial answer with Age %q", got.header.Get("Age"), got.body, age)
		}
	}
	r = serve(t, Config{Data: letters(t, 3), CacheLifetime: -1})
	for range 2 {
		if got := r.send("POST", queryPath, `{"query":"T"}`); got.header.Get("Age") != "" {
			t.Errorf("a cache that is off gave Age %q", got.header.Get("Age"))
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(time.Minute)
	start := at("2026-01-01T00:00:00Z")
	rules := cacheRules{true, true, -1}
	for i := range 2 * cacheEntries {
		c.put(strconv.Itoa(i), start.Add(time.Duration(i)*time.Millisecond), rules, &answer{})
	}
	if len(c.entries) > cacheEntries {
		t.Errorf("%d entries", len(c.entries))
	}
	if _, _, ok := c.get("0", start.Add(time.Second), rules); ok {
		t.Error("the oldest is still there")
	}
	if _, _, ok := c.get(strconv.Itoa(2*cacheEntries-1), start.Add(time.Second), rules); !ok {
		t.Error("the newest is gone")
	}
}

func TestStaleAnswers(t *testing.T) {
	d := events(t, "2026-01-01")
	r := serve(t, Config{Data: d})
	r.query("Events", "")
	if err := d.Append("Events", Row{"Name": "b"}); err != nil {
		t.Fatal(err)
	}
	if got := r.query("Events | take 10", ""); len(got.decode(t).names()) != 2 || got.header.Get("Age") != "" {
		t.Errorf("another query: got %s", got.body)
	}
	if err := r.e.SetFaults(Fault{Action: Action{Stale: true}}); err != nil {
		t.Fatal(err)
	}
	if got := r.query("Events", ""); got.decode(t).names() != "a" || got.header.Get("Age") == "" || got.header.Get("Preference-Applied") != "" {
		t.Errorf("a stale answer: got %s, headers %v", got.body, got.header)
	}
}
