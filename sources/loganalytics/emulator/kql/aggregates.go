package kql

import (
	"math"
	"math/big"
	"slices"

	"github.com/kustash/kustash/pipeline"
)

// aggregateKind is an aggregate function of values.
type aggregateKind struct {
	min, max    int
	conditional bool   // the last argument decides whether a row counts
	prefix      string // of the default column name
	typ         func(args []*scalar) pipeline.Type
	nulls       bool // sees nulls too
	start       func(args []*scalar) tally
}

// tally is the state of one aggregate over one group.
type tally interface {
	add(args []Value)
	value() Value
}

func sumType(args []*scalar) pipeline.Type {
	if args[0].typ == pipeline.Int {
		return pipeline.Long
	}
	return args[0].typ
}

func avgType(args []*scalar) pipeline.Type {
	switch t := args[0].typ; t {
	case pipeline.Datetime, pipeline.Timespan, pipeline.Decimal:
		return t
	}
	return pipeline.Real
}

var aggregates = map[string]aggregateKind{
	"count":     {max: 0, prefix: "count", typ: always(pipeline.Long), nulls: true, start: newCount},
	"countif":   {min: 1, max: 1, conditional: true, prefix: "countif", typ: always(pipeline.Long), nulls: true, start: newCount},
	"sum":       {min: 1, max: 1, prefix: "sum", typ: sumType, start: newSum},
	"sumif":     {min: 2, max: 2, conditional: true, prefix: "sumif", typ: sumType, start: newSum},
	"avg":       {min: 1, max: 1, prefix: "avg", typ: avgType, start: newAverage},
	"avgif":     {min: 2, max: 2, conditional: true, prefix: "avgif", typ: avgType, start: newAverage},
	"min":       {min: 1, max: 1, prefix: "min", typ: firstType, start: newExtreme(-1)},
	"max":       {min: 1, max: 1, prefix: "max", typ: firstType, start: newExtreme(1)},
	"minif":     {min: 2, max: 2, conditional: true, prefix: "minif", typ: firstType, start: newExtreme(-1)},
	"maxif":     {min: 2, max: 2, conditional: true, prefix: "maxif", typ: firstType, start: newExtreme(1)},
	"dcount":    {min: 1, max: 2, prefix: "dcount", typ: always(pipeline.Long), start: newDistinct},
	"dcountif":  {min: 2, max: 2, conditional: true, prefix: "dcountif", typ: always(pipeline.Long), start: newDistinct},
	"make_list": {min: 1, max: 2, prefix: "list", typ: always(pipeline.Dynamic), start: newList(false)},
	"makelist":  {min: 1, max: 2, prefix: "list", typ: always(pipeline.Dynamic), start: newList(false)},
	"make_set":  {min: 1, max: 2, prefix: "set", typ: always(pipeline.Dynamic), start: newList(true)},
	"makeset":   {min: 1, max: 2, prefix: "set", typ: always(pipeline.Dynamic), start: newList(true)},
	"make_list_if": {min: 2, max: 2, conditional: true, prefix: "list", typ: always(pipeline.Dynamic),
		start: newList(false)},
	"make_set_if": {min: 2, max: 2, conditional: true, prefix: "set", typ: always(pipeline.Dynamic),
		start: newList(true)},
	"take_anyif":     {min: 2, max: 2, conditional: true, prefix: "take_anyif", typ: firstType, start: newExtreme(0)},
	"count_distinct": {min: 1, max: 1, prefix: "count_distinct", typ: always(pipeline.Long), start: newDistinct},
	"percentile":     {min: 2, max: 2, prefix: "percentile", typ: firstType, start: newPercentile},
}

// call is an aggregate and its bound arguments.
type call struct {
	kind      aggregateKind
	args      []*scalar
	condition *scalar
}

func (c call) start() accumulator {
	return &running{call: c, buffer: make([]Value, len(c.args)), state: c.kind.start(c.args)}
}

type running struct {
	call
	buffer []Value
	state  tally
}

func (r *running) add(row []Value) error {
	if r.condition != nil {
		v, err := r.condition.eval(row)
		if err != nil {
			return err
		}
		if yes, ok := plain(v).(bool); !ok || !yes {
			return nil
		}
	}
	for i, a := range r.args {
		v, err := a.eval(row)
		if err != nil {
			return err
		}
		if v == nil && !r.kind.nulls {
			return nil
		}
		r.buffer[i] = v
	}
	r.state.add(r.buffer)
	return nil
}

func (r *running) results(dst []Value) ([]Value, error) { return append(dst, r.state.value()), nil }

type countTally int64

func newCount([]*scalar) tally     { return new(countTally) }
func (c *countTally) add([]Value)  { *c++ }
func (c *countTally) value() Value { return int64(*c) }

// sumTally adds exactly; the sum of nothing is 0.
type sumTally struct{ total Value }

func newSum(args []*scalar) tally {
	switch args[0].typ {
	case pipeline.Real:
		return &sumTally{0.0}
	case pipeline.Timespan:
		return &sumTally{Span(0)}
	case pipeline.Decimal:
		return &sumTally{Decimal("0")}
	}
	return &sumTally{int64(0)}
}

func (s *sumTally) add(args []Value) {
	if next := arithmetic("+", s.total, args[0]); next != nil {
		s.total = next
	}
}
func (s *sumTally) value() Value { return s.total }

type averageTally struct {
	total *big.Rat
	odd   float64 // NaN or infinity
	count int64
	typ   pipeline.Type
}

func newAverage(args []*scalar) tally {
	return &averageTally{total: new(big.Rat), typ: avgType(args)}
}

func (a *averageTally) add(args []Value) {
	v := plain(args[0])
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		a.odd += f
		a.count++
		return
	}
	switch x := v.(type) {
	case pipeline.Tick:
		v = int64(x)
	case Span:
		v = int64(x)
	}
	if r := rational(v); r != nil {
		a.total.Add(a.total, r)
		a.count++
	}
}

func (a *averageTally) value() Value {
	if a.count == 0 {
		return nil
	}
	mean := new(big.Rat).Quo(a.total, new(big.Rat).SetInt64(a.count))
	f, _ := mean.Float64()
	switch a.typ {
	case pipeline.Datetime:
		return datetimeOf(floorRat(mean).Int64())
	case pipeline.Timespan:
		return Span(floorRat(mean).Int64())
	case pipeline.Decimal:
		return decimalOf(mean)
	}
	return f + a.odd
}

// extremeTally keeps the least, the greatest or, with direction 0, the first.
type extremeTally struct {
	direction int
	best      Value
	empty     Value
}

func newExtreme(direction int) func([]*scalar) tally {
	return func(args []*scalar) tally { return &extremeTally{direction: direction, empty: missing(args[0].typ)} }
}

func (e *extremeTally) add(args []Value) {
	if order, ok := compare(args[0], e.best); e.best == nil || ok && order*e.direction > 0 {
		e.best = args[0]
	}
}

func (e *extremeTally) value() Value {
	if e.best == nil {
		return e.empty
	}
	return e.best
}

// distinctTally counts exactly where the service estimates.
type distinctTally map[string]bool

func newDistinct([]*scalar) tally        { return distinctTally{} }
func (d distinctTally) add(args []Value) { d[string(appendKey(nil, args[0]))] = true }
func (d distinctTally) value() Value     { return int64(len(d)) }

type listTally struct {
	list []Value
	size int
	seen map[string]bool
}

func newList(set bool) func([]*scalar) tally {
	return func([]*scalar) tally {
		l := &listTally{}
		if set {
			l.seen = map[string]bool{}
		}
		return l
	}
}

// add stops at the second argument's number of values and at the size that a
// dynamic value may have: 1 MiB (documented).
func (l *listTally) add(args []Value) {
	limit := int64(1 << 20)
	if len(args) > 1 {
		if n, ok := asInt(args[1]); ok {
			limit = n
		}
	}
	if l.seen != nil {
		key := string(appendKey(nil, args[0]))
		if l.seen[key] {
			return
		}
		l.seen[key] = true
	}
	l.size += len(text(args[0])) + 2
	if int64(len(l.list)) < limit && l.size <= 1<<20 {
		l.list = append(l.list, args[0])
	}
}

func (l *listTally) value() Value { return array(l.list) }

// percentileTally is the exact nearest rank.
type percentileTally struct {
	list []Value
	rank float64
}

func newPercentile([]*scalar) tally { return &percentileTally{} }

func (p *percentileTally) add(args []Value) {
	p.list = append(p.list, args[0])
	p.rank, _ = asFloat(args[1])
}

func (p *percentileTally) value() Value {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortFunc(p.list, func(v, w Value) int { return orderNulls(v, w, true) })
	at := int(math.Ceil(p.rank/100*float64(len(p.list)))) - 1
	return p.list[max(0, min(at, len(p.list)-1))]
}
