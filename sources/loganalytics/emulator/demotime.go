package emulator

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// generator makes the rows of one demo table.
type generator struct {
	*rand.Rand
	start, end pipeline.Tick
	n          int // rows made so far
}

func newGenerator(table string, end time.Time, days int, seed uint64) *generator {
	h := fnv.New64a()
	_, _ = h.Write([]byte(table))
	to := pipeline.TickOf(end)
	return &generator{
		Rand:  rand.New(rand.NewPCG(seed, h.Sum64())),
		start: back(to, int64(days)*ticksDay),
		end:   to,
	}
}

// busy is how much happens in each hour of a day.
var busy = [24]int{2, 1, 1, 1, 1, 2, 4, 8, 12, 13, 12, 11, 9, 11, 12, 12, 10, 8, 6, 4, 4, 3, 3, 2}

// times returns n instants in order: burst of them in one tick, some exactly
// on and one tick before the bounds of hours and days, the others spread.
func (g *generator) times(n, burst int) []pipeline.Tick {
	times := make([]pipeline.Tick, 0, n+burst)
	for day := g.start / pipeline.Tick(ticksDay) * pipeline.Tick(ticksDay); day < g.end; day += pipeline.Tick(ticksDay) {
		hour := day + pipeline.Tick(g.IntN(24))*pipeline.Tick(ticksHour)
		times = append(times, day, day-1, hour, hour-1, hour+1)
	}
	tick := g.spread()
	for range burst {
		times = append(times, tick)
	}
	times = slices.DeleteFunc(times, func(t pipeline.Tick) bool { return t < g.start || t >= g.end })
	for len(times) < n {
		t := g.spread()
		times = append(times, t)
		for g.IntN(12) == 0 && len(times) < n {
			times = append(times, t) // small bursts are everyday business
		}
	}
	times = times[:n]
	slices.Sort(times)
	return times
}

// spread returns an instant at which people or their machines are at work.
func (g *generator) spread() pipeline.Tick {
	for {
		t := g.start + pipeline.Tick(g.Int64N(int64(g.end-g.start)))
		hour := int64(t) % ticksDay / ticksHour
		weekday := int64(t) / ticksDay % 7 // 0001-01-01 was a Monday
		weight := busy[hour]
		if weekday > 4 {
			weight = weight/3 + 1
		}
		if g.IntN(14) >= weight {
			continue
		}
		switch g.IntN(5) {
		case 0: // sources that know seconds only
			t -= t % pipeline.Tick(ticksSecond)
		case 1: // or milliseconds
			t -= t % pipeline.Tick(ticksSecond/1000)
		}
		if t >= g.start {
			return t
		}
	}
}

// arrival returns when a row is ready for queries: one to five minutes after
// its time, for a few up to six hours. Rows older than half an hour at the end
// have arrived twenty minutes before it, so that the first run finds them.
func (g *generator) arrival(at pipeline.Tick) pipeline.Tick {
	soon := at + pipeline.Tick(ticksMinute+g.Int64N(4*ticksMinute))
	if g.IntN(40) > 0 {
		return soon
	}
	late := at + pipeline.Tick(30*ticksMinute+g.Int64N(330*ticksMinute))
	if late > g.end-pipeline.Tick(20*ticksMinute) {
		return soon
	}
	return late
}
