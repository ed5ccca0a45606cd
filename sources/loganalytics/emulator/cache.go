package emulator

import (
	"strings"
	"sync"
	"time"
)

// cacheEntries bounds the cache; the entry that expires first makes room.
const cacheEntries = 256

// cache repeats replies, the stale and the partial ones too, as the service
// does to a client that does not forbid it.
type cache struct {
	lifetime time.Duration

	mu      sync.Mutex
	entries map[string]cached
}

type cached struct {
	answer *answer
	at     time.Time
}

func newCache(lifetime time.Duration) *cache {
	return &cache{lifetime: lifetime, entries: make(map[string]cached)}
}

func cacheKey(parts ...string) string { return strings.Join(parts, "\x00") }

// get returns a reply and its age.
func (c *cache) get(key string, now time.Time, rules cacheRules) (*answer, time.Duration, bool) {
	if c.lifetime < 0 || !rules.read {
		return nil, 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.entries[key]
	age := now.Sub(found.at)
	if !ok || age < 0 || age >= c.lifetime || rules.maxAge >= 0 && age > rules.maxAge {
		return nil, 0, false
	}
	return found.answer, age, true
}

func (c *cache) put(key string, now time.Time, rules cacheRules, a *answer) {
	if c.lifetime < 0 || !rules.store {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= cacheEntries {
		c.evict(now)
	}
	c.entries[key] = cached{a, now}
}

// evict drops what has expired, or else the oldest.
func (c *cache) evict(now time.Time) {
	var oldest string
	for key, entry := range c.entries {
		if now.Sub(entry.at) >= c.lifetime {
			delete(c.entries, key)
		} else if oldest == "" || entry.at.Before(c.entries[oldest].at) {
			oldest = key
		}
	}
	if len(c.entries) >= cacheEntries {
		delete(c.entries, oldest)
	}
}
