package kql

import (
	"encoding/json"
	"slices"

	"github.com/kustash/kustash/pipeline"
)

var dynamicFunctions = map[string]*builtin{
	"pack":       {min: 2, max: -1, typ: always(pipeline.Dynamic), nulls: true, call: pack},
	"bag_pack":   {min: 2, max: -1, typ: always(pipeline.Dynamic), nulls: true, call: pack},
	"pack_array": {min: 1, max: -1, typ: always(pipeline.Dynamic), nulls: true, call: packArray},
	"array_length": {min: 1, max: 1, typ: always(pipeline.Long), call: func(a []Value) (Value, error) {
		if list, ok := elements(a[0]); ok {
			return int64(len(list)), nil
		}
		return nil, nil
	}},
	"bag_keys": {min: 1, max: 1, typ: always(pipeline.Dynamic), call: bagKeys},
	"array_concat": {min: 1, max: -1, typ: always(pipeline.Dynamic), call: func(a []Value) (Value, error) {
		var all []Value
		for _, v := range a {
			list, _ := elements(v)
			all = append(all, list...)
		}
		return array(all), nil
	}},
	"array_sort_asc":  {min: 1, max: 1, typ: always(pipeline.Dynamic), call: sortArray(1)},
	"array_sort_desc": {min: 1, max: 1, typ: always(pipeline.Dynamic), call: sortArray(-1)},
	"set_has_element": {min: 2, max: 2, typ: always(pipeline.Bool), call: func(a []Value) (Value, error) {
		list, ok := elements(a[0])
		if !ok {
			return nil, nil
		}
		key := memberKey(a[1], false)
		return slices.ContainsFunc(list, func(v Value) bool { return memberKey(v, false) == key }), nil
	}},
	"extractjson": {min: 2, max: 2, typ: always(pipeline.String), call: extractJSON},
	"dynamic_to_json": {min: 1, max: 1, typ: always(pipeline.String), call: func(a []Value) (Value, error) {
		return string(appendJSON(nil, a[0])), nil
	}},
}

// bag makes an object of keys and values; of a key that comes twice the last
// value holds.
func bag(pairs []Value) Dynamic {
	out := []byte{'{'}
	last := make(map[string]int, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		last[text(pairs[i])] = i
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if key := text(pairs[i]); last[key] == i {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = appendJSON(append(appendJSON(out, key), ':'), pairs[i+1])
		}
	}
	return Dynamic(append(out, '}'))
}

func pack(args []Value) (Value, error) {
	if len(args)%2 != 0 {
		return nil, semanticError(codeArguments, "bag_pack(): function expects keys and values in pairs.")
	}
	return checkedText(bag(args))
}

func packArray(args []Value) (Value, error) { return checkedText(array(args)) }

func checkedText(d Dynamic) (Value, error) {
	if len(d) > maxText {
		return nil, semanticError(codeLimit, "a dynamic value is longer than %d bytes", maxText)
	}
	return d, nil
}

// bagKeys returns the names of an object, sorted for a stable answer.
func bagKeys(args []Value) (Value, error) {
	d, ok := args[0].(Dynamic)
	var members map[string]json.RawMessage
	if !ok || json.Unmarshal([]byte(d), &members) != nil {
		return nil, nil
	}
	keys := make([]string, 0, len(members))
	for k := range members {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	list := make([]Value, len(keys))
	for i, k := range keys {
		list[i] = k
	}
	return array(list), nil
}

func sortArray(direction int) func([]Value) (Value, error) {
	return func(args []Value) (Value, error) {
		list, ok := elements(args[0])
		if !ok {
			return nil, nil
		}
		slices.SortStableFunc(list, func(x, y Value) int { return direction * orderNulls(x, y, true) })
		return array(list), nil
	}
}

// extractJSON follows a path such as $.a.b[0] and returns the text found.
func extractJSON(args []Value) (Value, error) {
	v := parseJSON(text(args[1]))
	path := lex(text(args[0]))
	if len(path) == 0 || path[0].text != "$" {
		return nil, nil
	}
	for i := 1; i < len(path) && path[i].kind != endToken; i++ {
		switch t := path[i]; t.kind {
		case nameToken:
			v = property(v, t.text)
		case stringToken:
			v = property(v, t.value)
		case numberToken:
			n, _ := integer(t.text)
			v = element(v, n)
		}
	}
	if v == nil {
		return nil, nil
	}
	return text(v), nil
}
