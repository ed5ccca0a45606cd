package kql

import (
	"math"
	"time"

	"github.com/kustash/kustash/pipeline"
)

var timeFunctions = map[string]*builtin{
	"datetime_add":  {min: 3, max: 3, typ: always(pipeline.Datetime), call: datetimeAdd},
	"datetime_diff": {min: 3, max: 3, typ: always(pipeline.Long), call: datetimeDiff},
	"datetime_part": {min: 2, max: 2, typ: always(pipeline.Long), call: datetimePart},

	"startofday":   {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("day", 0)},
	"endofday":     {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("day", 1)},
	"startofhour":  {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("hour", 0)},
	"startofweek":  {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("week", 0)},
	"endofweek":    {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("week", 1)},
	"startofmonth": {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("month", 0)},
	"endofmonth":   {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("month", 1)},
	"startofyear":  {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("year", 0)},
	"endofyear":    {min: 1, max: 2, typ: always(pipeline.Datetime), call: edge("year", 1)},

	"getyear":     {min: 1, max: 1, typ: always(pipeline.Int), call: part("year")},
	"getmonth":    {min: 1, max: 1, typ: always(pipeline.Int), call: part("month")},
	"monthofyear": {min: 1, max: 1, typ: always(pipeline.Int), call: part("month")},
	"dayofmonth":  {min: 1, max: 1, typ: always(pipeline.Int), call: part("day")},
	"dayofyear":   {min: 1, max: 1, typ: always(pipeline.Int), call: part("dayofyear")},
	"hourofday":   {min: 1, max: 1, typ: always(pipeline.Int), call: part("hour")},
	"dayofweek": {min: 1, max: 1, typ: always(pipeline.Timespan), call: func(a []Value) (Value, error) {
		t, ok := plainTick(a[0])
		if !ok {
			return nil, nil
		}
		return Span(int64(t.Time().Weekday()) * ticksPerDay), nil
	}},
	"make_datetime":   {min: 1, max: 7, typ: always(pipeline.Datetime), call: makeDatetime},
	"format_datetime": {min: 2, max: 2, typ: always(pipeline.String), call: formatDatetime},
	"format_timespan": {min: 2, max: 2, typ: always(pipeline.String), call: formatTimespan},

	"unixtime_seconds_todatetime":      {min: 1, max: 1, typ: always(pipeline.Datetime), call: unixTime(ticksPerSecond, 1)},
	"unixtime_milliseconds_todatetime": {min: 1, max: 1, typ: always(pipeline.Datetime), call: unixTime(ticksPerMilli, 1)},
	"unixtime_microseconds_todatetime": {min: 1, max: 1, typ: always(pipeline.Datetime), call: unixTime(10, 1)},
	"unixtime_nanoseconds_todatetime":  {min: 1, max: 1, typ: always(pipeline.Datetime), call: unixTime(1, 100)},
}

var unixEpoch = pipeline.TickOf(time.Unix(0, 0))

func plainTick(v Value) (pipeline.Tick, bool) {
	t, ok := plain(v).(pipeline.Tick)
	if s, text := plain(v).(string); text {
		return parseDatetime(s)
	}
	return t, ok
}

// unixTime converts n units since 1970, a unit being ticks/per ticks.
func unixTime(ticks, per int64) func([]Value) (Value, error) {
	return func(args []Value) (Value, error) {
		v := plain(args[0])
		if n, ok := asInt(v); ok {
			if n > math.MaxInt64/ticks || n < math.MinInt64/ticks {
				return nil, nil
			}
			return shifted(unixEpoch, Span((n*ticks-modulo(n*ticks, per))/per), 1), nil
		}
		f, ok := asFloat(v)
		f = math.Round(f * float64(ticks) / float64(per))
		if !ok || !(math.Abs(f) < math.MaxInt64) {
			return nil, nil
		}
		return shifted(unixEpoch, Span(f), 1), nil
	}
}

// periods are the units of fixed length.
var periods = map[string]int64{
	"week": 7 * ticksPerDay, "day": ticksPerDay, "hour": ticksPerHour, "minute": ticksPerMinute,
	"second": ticksPerSecond, "millisecond": ticksPerMilli, "microsecond": 10,
}

// months are the units of the calendar.
var months = map[string]int64{"year": 12, "quarter": 3, "month": 1}

// monthAdd moves t by n months; a day that the month lacks becomes its last.
func monthAdd(t pipeline.Tick, n int64) Value {
	if n > 120_000 || n < -120_000 {
		return nil
	}
	at := t.Time()
	index := int64(at.Year())*12 + int64(at.Month()) - 1 + n
	year, month := int(index/12), time.Month(index%12+1)
	if index < 12 {
		return nil
	}
	first, ok := calendar(year, month, 1).(pipeline.Tick)
	if !ok {
		return nil
	}
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return datetimeOf(int64(first) + int64(min(at.Day(), last)-1)*ticksPerDay + int64(t)%ticksPerDay)
}

func datetimeAdd(args []Value) (Value, error) {
	unit := text(args[0])
	n, ok := asInt(plain(args[1]))
	t, isTime := plainTick(args[2])
	if !ok || !isTime {
		return nil, nil
	}
	if m := months[unit]; m > 0 && n < 1_000_000 && n > -1_000_000 {
		return monthAdd(t, n*m), nil
	}
	if unit == "nanosecond" {
		return shifted(t, Span(n/100), 1), nil
	}
	if size := periods[unit]; size > 0 && n < math.MaxInt64/size && n > math.MinInt64/size {
		return shifted(t, Span(n*size), 1), nil
	}
	return nil, unknownUnit("datetime_add", unit)
}

func unknownUnit(fn, unit string) error {
	if months[unit] > 0 || periods[unit] > 0 {
		return nil // the number is out of range: null
	}
	return semanticError(codeOther, "%s(): '%s' is not a part of a datetime", fn, unit)
}

// datetimeDiff counts the unit's boundaries between the two instants.
func datetimeDiff(args []Value) (Value, error) {
	unit := text(args[0])
	a, ok1 := plainTick(args[1])
	b, ok2 := plainTick(args[2])
	if !ok1 || !ok2 {
		return nil, nil
	}
	if m := months[unit]; m > 0 {
		count := func(t pipeline.Tick) int64 {
			at := t.Time()
			return (int64(at.Year())*12 + int64(at.Month()) - 1) / m
		}
		return count(a) - count(b), nil
	}
	switch size := periods[unit]; {
	case unit == "week":
		return int64((a+pipeline.Tick(ticksPerDay))/pipeline.Tick(size) - (b+pipeline.Tick(ticksPerDay))/pipeline.Tick(size)), nil
	case size > 0:
		return int64(a)/size - int64(b)/size, nil
	case unit == "nanosecond":
		return int64(a-b) * 100, nil
	}
	return nil, unknownUnit("datetime_diff", unit)
}

// edge is startof*() with 0 and endof*() with 1: the last tick of the period.
func edge(unit string, after int64) func([]Value) (Value, error) {
	return func(args []Value) (Value, error) {
		t, ok := plainTick(args[0])
		offset := after
		if len(args) == 2 {
			n, isInt := asInt(plain(args[1]))
			ok = ok && isInt && n > -4_000_000 && n < 4_000_000
			offset += n
		}
		if !ok {
			return nil, nil
		}
		start := periodStart(unit, t)
		var v Value
		if m := months[unit]; m > 0 {
			v = monthAdd(start, offset*m)
		} else {
			v = shifted(start, Span(offset*periods[unit]), 1)
		}
		if end, ok := v.(pipeline.Tick); ok && after == 1 {
			return datetimeOf(int64(end) - 1), nil
		} else if !ok && after == 1 && len(args) == 1 {
			return pipeline.MaxTick, nil // the period in which time ends
		}
		return v, nil
	}
}

// periodStart: weeks begin on Sunday, and 0001-01-01 was a Monday.
func periodStart(unit string, t pipeline.Tick) pipeline.Tick {
	at := t.Time()
	switch unit {
	case "year":
		return pipeline.TickOf(time.Date(at.Year(), 1, 1, 0, 0, 0, 0, time.UTC))
	case "month":
		return pipeline.TickOf(time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC))
	case "week":
		day := int64(t)/ticksPerDay - int64(at.Weekday())
		return pipeline.Tick(max(0, day) * ticksPerDay)
	}
	return t - t%pipeline.Tick(periods[unit])
}
