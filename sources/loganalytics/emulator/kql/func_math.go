package kql

import (
	"math"

	"github.com/kustash/kustash/pipeline"
)

var mathFunctions = map[string]*builtin{
	"bin":     {min: 2, max: 2, typ: binType, call: func(a []Value) (Value, error) { return floor(a[0], a[1]), nil }},
	"floor":   {min: 1, max: 2, typ: binType, call: floorFunction},
	"ceiling": {min: 1, max: 1, typ: always(pipeline.Real), call: realFunction(math.Ceil)},
	"sqrt":    {min: 1, max: 1, typ: always(pipeline.Real), call: realFunction(math.Sqrt)},
	"exp":     {min: 1, max: 1, typ: always(pipeline.Real), call: realFunction(math.Exp)},
	"log":     {min: 1, max: 1, typ: always(pipeline.Real), call: realFunction(math.Log)},
	"log2":    {min: 1, max: 1, typ: always(pipeline.Real), call: realFunction(math.Log2)},
	"log10":   {min: 1, max: 1, typ: always(pipeline.Real), call: realFunction(math.Log10)},
	"pow": {min: 2, max: 2, typ: always(pipeline.Real), call: func(a []Value) (Value, error) {
		x, ok1 := asFloat(plain(a[0]))
		y, ok2 := asFloat(plain(a[1]))
		if !ok1 || !ok2 {
			return nil, nil
		}
		return math.Pow(x, y), nil
	}},
	"abs":   {min: 1, max: 1, typ: firstType, call: abs},
	"sign":  {min: 1, max: 1, typ: always(pipeline.Long), call: sign},
	"round": {min: 1, max: 2, typ: always(pipeline.Real), call: round},
	"isnan": {min: 1, max: 1, typ: always(pipeline.Bool), call: func(a []Value) (Value, error) {
		f, ok := plain(a[0]).(float64)
		return ok && math.IsNaN(f), nil
	}},
	"isfinite": {min: 1, max: 1, typ: always(pipeline.Bool), call: func(a []Value) (Value, error) {
		f, ok := asFloat(plain(a[0]))
		return ok && !math.IsNaN(f) && !math.IsInf(f, 0), nil
	}},
	"min_of": {min: 2, max: -1, typ: commonType, nulls: true, call: extreme(-1)},
	"max_of": {min: 2, max: -1, typ: commonType, nulls: true, call: extreme(1)},
	"binary_and": {min: 2, max: 2, typ: always(pipeline.Long),
		call: bits(func(x, y int64) int64 { return x & y })},
	"binary_or": {min: 2, max: 2, typ: always(pipeline.Long),
		call: bits(func(x, y int64) int64 { return x | y })},
	"binary_xor": {min: 2, max: 2, typ: always(pipeline.Long),
		call: bits(func(x, y int64) int64 { return x ^ y })},
}

// binType: an int stays an int, a long in bins of a real becomes a real.
func binType(args []*scalar) pipeline.Type {
	if len(args) == 2 && args[0].typ != pipeline.Datetime && args[1].typ == pipeline.Real {
		return pipeline.Real
	}
	return args[0].typ
}

func floorFunction(args []Value) (Value, error) {
	if len(args) == 2 {
		return floor(args[0], args[1]), nil
	}
	if f, ok := plain(args[0]).(float64); ok {
		return math.Floor(f), nil
	}
	return floor(args[0], int64(1)), nil
}

func realFunction(f func(float64) float64) func([]Value) (Value, error) {
	return func(args []Value) (Value, error) {
		x, ok := asFloat(plain(args[0]))
		if !ok {
			return nil, nil
		}
		return f(x), nil
	}
}

func abs(args []Value) (Value, error) {
	switch v := plain(args[0]).(type) {
	case float64:
		return math.Abs(v), nil
	case nil:
		return nil, nil
	default:
		zero := arithmetic("-", v, v)
		if order, ok := compare(v, zero); ok && order < 0 {
			return arithmetic("-", zero, v), nil
		}
		return v, nil
	}
}

func sign(args []Value) (Value, error) {
	v := plain(args[0])
	order, ok := compare(v, int64(0))
	if !ok {
		return nil, nil
	}
	return int64(order), nil
}

func round(args []Value) (Value, error) {
	f, ok := asFloat(plain(args[0]))
	if !ok {
		return nil, nil
	}
	digits := int64(0)
	if len(args) == 2 {
		if digits, ok = asInt(plain(args[1])); !ok {
			return nil, nil
		}
	}
	scale := math.Pow(10, float64(digits))
	if scaled := f * scale; !math.IsInf(scaled, 0) && scale != 0 {
		return math.RoundToEven(scaled) / scale, nil
	}
	return f, nil
}

// extreme returns the least or greatest argument that is not null.
func extreme(direction int) func([]Value) (Value, error) {
	return func(args []Value) (Value, error) {
		var best Value
		for _, v := range args {
			if order, ok := compare(v, best); v != nil && (best == nil || ok && order*direction > 0) {
				best = v
			}
		}
		return best, nil
	}
}

func bits(f func(x, y int64) int64) func([]Value) (Value, error) {
	return func(args []Value) (Value, error) {
		x, ok1 := asInt(plain(args[0]))
		y, ok2 := asInt(plain(args[1]))
		if !ok1 || !ok2 {
			return nil, nil
		}
		return f(x, y), nil
	}
}
