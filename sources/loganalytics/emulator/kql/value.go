package kql

import (
	"math"
	"math/big"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// Inside an expression of type dynamic a scalar may be any Value; Dynamic then
// holds objects and arrays, or a text as a table gave it. plain undoes the
// ambiguity of the latter as the service's readers do: what reads as a number
// or boolean is one.
func plain(v Value) Value {
	d, ok := v.(Dynamic)
	if !ok || structured(d) {
		return v
	}
	if v, ok := jsonScalar(string(d)); ok {
		return v
	}
	return string(d)
}

func structured(d Dynamic) bool {
	return strings.HasPrefix(string(d), "{") || strings.HasPrefix(string(d), "[")
}

func typeOf(v Value) pipeline.Type {
	switch v.(type) {
	case bool:
		return pipeline.Bool
	case int32:
		return pipeline.Int
	case int64:
		return pipeline.Long
	case float64:
		return pipeline.Real
	case string:
		return pipeline.String
	case pipeline.Tick:
		return pipeline.Datetime
	case Span:
		return pipeline.Timespan
	case Decimal:
		return pipeline.Decimal
	case GUID:
		return pipeline.GUID
	}
	return pipeline.Dynamic
}

// conform makes v the Go type that belongs to a column type. Values that do
// not fit become null, as a conversion function would make them.
func conform(v Value, typ pipeline.Type) Value {
	if v != nil && typeOf(v) == typ {
		return v
	}
	switch {
	case typ == pipeline.String:
		return text(v)
	case v == nil:
		return nil
	case typ == pipeline.Dynamic:
		return Dynamic(text(v))
	}
	return convert(v, typ)
}

// missing is what a cell of the type holds when there is nothing to hold.
func missing(typ pipeline.Type) Value {
	if typ == pipeline.String {
		return ""
	}
	return nil
}

// compare orders two values; ok is false where they have no order: nulls,
// objects, types that do not mix. Integers compare exactly with reals.
func compare(a, b Value) (order int, ok bool) {
	switch x := a.(type) {
	case pipeline.Tick:
		if y, same := b.(pipeline.Tick); same {
			return three(x, y), true
		}
	case int64:
		if y, same := b.(int64); same {
			return three(x, y), true
		}
	case string:
		switch y := b.(type) {
		case string:
			return strings.Compare(x, y), true
		case GUID:
			return strings.Compare(strings.ToLower(x), string(y)), true
		}
	case Span:
		if y, same := b.(Span); same {
			return three(x, y), true
		}
	case GUID:
		switch y := b.(type) {
		case GUID:
			return strings.Compare(string(x), string(y)), true
		case string:
			return strings.Compare(string(x), strings.ToLower(y)), true
		}
	case bool:
		if y, same := b.(bool); same {
			return three(truth(x), truth(y)), true
		}
	}
	if a == nil || b == nil {
		return 0, false
	}
	return compareMixed(a, b)
}

func compareMixed(a, b Value) (order int, ok bool) {
	_, left := a.(Dynamic)
	_, right := b.(Dynamic)
	if left || right {
		x, y := plain(a), plain(b)
		if typeOf(x) != pipeline.Dynamic && typeOf(y) != pipeline.Dynamic {
			if typeOf(x) == pipeline.String || typeOf(y) == pipeline.String {
				return strings.Compare(text(x), text(y)), true
			}
			return compare(x, y)
		}
		return strings.Compare(text(x), text(y)), true
	}
	x, ok1 := asInt(a)
	y, ok2 := asInt(b)
	if ok1 && ok2 {
		return three(x, y), true
	}
	f, real1 := a.(float64)
	g, real2 := b.(float64)
	switch {
	case real1 && real2:
		return three(f, g), !math.IsNaN(f) && !math.IsNaN(g)
	case real1 && (math.IsInf(f, 0) || math.IsNaN(f)):
		return three(f, 0), !math.IsNaN(f) && number(b)
	case real2 && (math.IsInf(g, 0) || math.IsNaN(g)):
		return three(0, g), !math.IsNaN(g) && number(a)
	}
	p, q := rational(a), rational(b)
	if p == nil || q == nil {
		return 0, false
	}
	return p.Cmp(q), true
}

func three[T int | int64 | float64 | pipeline.Tick | Span](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func asInt(v Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int32:
		return int64(v), true
	}
	return 0, false
}

func number(v Value) bool {
	switch v.(type) {
	case int32, int64, float64, Decimal:
		return true
	}
	return false
}

// rational returns the exact value of a number, nil for anything else.
func rational(v Value) *big.Rat {
	switch v := v.(type) {
	case int32:
		return new(big.Rat).SetInt64(int64(v))
	case int64:
		return new(big.Rat).SetInt64(v)
	case float64:
		return new(big.Rat).SetFloat64(v)
	case Decimal:
		if len(v) <= maxDecimalText {
			if r, ok := new(big.Rat).SetString(string(v)); ok {
				return r
			}
		}
	}
	return nil
}

// asFloat converts a number to the nearest real.
func asFloat(v Value) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int32:
		return float64(v), true
	case Decimal:
		if r := rational(v); r != nil {
			f, _ := r.Float64()
			return f, true
		}
	}
	return 0, false
}
