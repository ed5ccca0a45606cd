package kql

import (
	"maps"

	"github.com/kustash/kustash/pipeline"
)

// builtins are the scalar functions by name. It is not changed after start.
var builtins = func() map[string]*builtin {
	all := map[string]*builtin{}
	for _, group := range []map[string]*builtin{conversions, textFunctions, timeFunctions, mathFunctions, dynamicFunctions, hashFunctions} {
		maps.Copy(all, group)
	}
	return all
}()

func converter(typ pipeline.Type) *builtin {
	return &builtin{min: 1, max: 1, typ: always(typ), call: func(a []Value) (Value, error) { return convert(a[0], typ), nil }}
}

var conversions = map[string]*builtin{
	"tostring":   converter(pipeline.String),
	"tolong":     converter(pipeline.Long),
	"toint":      converter(pipeline.Int),
	"toreal":     converter(pipeline.Real),
	"todouble":   converter(pipeline.Real),
	"todecimal":  converter(pipeline.Decimal),
	"tobool":     converter(pipeline.Bool),
	"toboolean":  converter(pipeline.Bool),
	"todatetime": converter(pipeline.Datetime),
	"totimespan": converter(pipeline.Timespan),
	"toguid":     converter(pipeline.GUID),
	"todynamic":  converter(pipeline.Dynamic),
	"parse_json": converter(pipeline.Dynamic),
	"parsejson":  converter(pipeline.Dynamic),
	"isnull": {min: 1, max: 1, typ: always(pipeline.Bool), nulls: true,
		call: func(a []Value) (Value, error) { return a[0] == nil, nil }},
	"isnotnull": {min: 1, max: 1, typ: always(pipeline.Bool), nulls: true,
		call: func(a []Value) (Value, error) { return a[0] != nil, nil }},
	"isempty": {min: 1, max: 1, typ: always(pipeline.Bool), nulls: true,
		call: func(a []Value) (Value, error) { return text(a[0]) == "", nil }},
	"isnotempty": {min: 1, max: 1, typ: always(pipeline.Bool), nulls: true,
		call: func(a []Value) (Value, error) { return text(a[0]) != "", nil }},
	"notempty": {min: 1, max: 1, typ: always(pipeline.Bool), nulls: true,
		call: func(a []Value) (Value, error) { return text(a[0]) != "", nil }},
	"not": {min: 1, max: 1, typ: always(pipeline.Bool), call: func(a []Value) (Value, error) {
		if yes, ok := plain(a[0]).(bool); ok {
			return !yes, nil
		}
		return nil, nil
	}},
	"coalesce": {min: 1, max: -1, typ: commonType, nulls: true, call: coalesce},
	"gettype": {min: 1, max: 1, typ: always(pipeline.String), nulls: true,
		call: func(a []Value) (Value, error) { return typeName(a[0]), nil }},
	"hash": {min: 1, max: 2, typ: always(pipeline.Long), call: hash},
}

// coalesce returns the first argument that is neither null nor the empty text.
func coalesce(args []Value) (Value, error) {
	for _, v := range args {
		if v != nil && v != Value("") {
			return v, nil
		}
	}
	return args[len(args)-1], nil
}

func typeName(v Value) string {
	switch v := plain(v).(type) {
	case nil:
		return "null"
	case Dynamic:
		if v[0] == '{' {
			return "dictionary"
		}
		return "array"
	default:
		return string(typeOf(v))
	}
}
