package config

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// collectionFunctions work on lists, sets and maps.
var collectionFunctions = map[string]function.Function{
	"alltrue":   simple(cty.Bool, func(args []cty.Value) (cty.Value, error) { return allAre(args[0], true) }, param("list", cty.List(cty.Bool))),
	"anytrue":   simple(cty.Bool, func(args []cty.Value) (cty.Value, error) { return anyIs(args[0], true) }, param("list", cty.List(cty.Bool))),
	"index":     indexFunc,
	"length":    lengthFunc,
	"matchkeys": matchKeysFunc,
	"one":       oneFunc,
	"sum":       simple(cty.Number, func(args []cty.Value) (cty.Value, error) { return sum(args[0]) }, param("list", cty.DynamicPseudoType)),
	"transpose": simple(cty.Map(cty.List(cty.String)), func(args []cty.Value) (cty.Value, error) { return transpose(args[0]) },
		param("values", cty.Map(cty.List(cty.String)))),
}

func allAre(list cty.Value, want bool) (cty.Value, error) {
	for it := list.ElementIterator(); it.Next(); {
		_, v := it.Element()
		switch {
		case !v.IsKnown():
			return cty.UnknownVal(cty.Bool), nil
		case v.IsNull() || v.True() != want:
			return cty.False, nil
		}
	}
	return cty.True, nil
}

func anyIs(list cty.Value, want bool) (cty.Value, error) {
	result := cty.False
	for it := list.ElementIterator(); it.Next(); {
		_, v := it.Element()
		switch {
		case !v.IsKnown():
			result = cty.UnknownVal(cty.Bool)
		case !v.IsNull() && v.True() == want:
			return cty.True, nil
		}
	}
	return result, nil
}

// lengthFunc counts elements, or the characters of a string.
var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
	Type: func(args []cty.Value) (cty.Type, error) {
		ty := args[0].Type()
		if ty != cty.String && !ty.IsCollectionType() && !ty.IsTupleType() && !ty.IsObjectType() {
			return cty.Number, function.NewArgErrorf(0, "a list, a map or a string is required")
		}
		return cty.Number, nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		switch v := args[0]; {
		case v.Type() == cty.String:
			return stdlib.Strlen(v)
		case v.Type().IsObjectType():
			return cty.NumberIntVal(int64(len(v.Type().AttributeTypes()))), nil
		default:
			return v.Length(), nil
		}
	},
})

// indexFunc finds the position of a value in a list.
var indexFunc = function.New(&function.Spec{
	Params: []function.Parameter{param("list", cty.DynamicPseudoType), param("value", cty.DynamicPseudoType)},
	Type: func(args []cty.Value) (cty.Type, error) {
		if ty := args[0].Type(); !ty.IsListType() && !ty.IsTupleType() {
			return cty.Number, function.NewArgErrorf(0, "a list is required")
		}
		return cty.Number, nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		for it := args[0].ElementIterator(); it.Next(); {
			i, v := it.Element()
			if !v.Type().Equals(args[1].Type()) {
				continue
			}
			equal, err := stdlib.Equal(v, args[1])
			if err != nil {
				return cty.UnknownVal(cty.Number), err
			}
			if !equal.IsKnown() {
				return cty.UnknownVal(cty.Number), nil
			}
			if equal.True() {
				return i, nil
			}
		}
		return cty.UnknownVal(cty.Number), errors.New("the list does not contain the value")
	},
})

// oneFunc turns a list of no or one element into null or the element.
var oneFunc = function.New(&function.Spec{
	Params: []function.Parameter{param("list", cty.DynamicPseudoType)},
	Type: func(args []cty.Value) (cty.Type, error) {
		switch ty := args[0].Type(); {
		case ty.IsListType() || ty.IsSetType():
			return ty.ElementType(), nil
		case ty.IsTupleType() && ty.Length() == 0:
			return cty.DynamicPseudoType, nil
		case ty.IsTupleType() && ty.Length() == 1:
			return ty.TupleElementType(0), nil
		case ty.IsTupleType():
			return cty.DynamicPseudoType, function.NewArgErrorf(0, "a list with no or one element is required")
		}
		return cty.DynamicPseudoType, function.NewArgErrorf(0, "a list, set or tuple is required")
	},
	Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
		switch args[0].LengthInt() {
		case 0:
			return cty.NullVal(ty), nil
		case 1:
			it := args[0].ElementIterator()
			it.Next()
			_, v := it.Element()
			return v, nil
		}
		return cty.UnknownVal(ty), function.NewArgErrorf(0, "a list with no or one element is required")
	},
})

// matchKeysFunc keeps the elements of a list whose partner in a second list is
// in a third.
var matchKeysFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		param("values", cty.List(cty.DynamicPseudoType)),
		param("keys", cty.List(cty.DynamicPseudoType)),
		param("searchset", cty.List(cty.DynamicPseudoType)),
	},
	Type: func(args []cty.Value) (cty.Type, error) {
		if ty, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()}); ty == cty.NilType {
			return cty.NilType, errors.New("keys and searchset must be lists of the same type")
		}
		return args[0].Type(), nil
	},
	Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
		if args[0].LengthInt() != args[1].LengthInt() {
			return cty.UnknownVal(ty), errors.New("values and keys must be of the same length")
		}
		var kept []cty.Value
		for i, key := range args[1].AsValueSlice() {
			found, err := stdlib.Contains(args[2], key)
			if err != nil || !found.IsKnown() {
				return cty.UnknownVal(ty), err
			}
			if found.True() {
				kept = append(kept, args[0].Index(cty.NumberIntVal(int64(i))))
			}
		}
		if len(kept) == 0 {
			return cty.ListValEmpty(ty.ElementType()), nil
		}
		return cty.ListVal(kept), nil
	},
})

func sum(list cty.Value) (cty.Value, error) {
	ty := list.Type()
	if !ty.IsListType() && !ty.IsSetType() && !ty.IsTupleType() {
		return cty.UnknownVal(cty.Number), function.NewArgErrorf(0, "a list, set or tuple of numbers is required")
	}
	total := cty.Zero
	for it := list.ElementIterator(); it.Next(); {
		_, v := it.Element()
		n, err := convert.Convert(v, cty.Number)
		switch {
		case err != nil || n.IsNull():
			return cty.UnknownVal(cty.Number), function.NewArgErrorf(0, "every element must be a number")
		case !n.IsKnown():
			return n, nil
		}
		if total, err = stdlib.Add(total, n); err != nil {
			return cty.UnknownVal(cty.Number), err
		}
	}
	return total, nil
}

// transpose swaps keys and values of a map of lists.
func transpose(m cty.Value) (cty.Value, error) {
	lists := make(map[string][]cty.Value)
	for it := m.ElementIterator(); it.Next(); {
		key, list := it.Element()
		if !list.IsKnown() || list.IsNull() {
			return cty.UnknownVal(cty.Map(cty.List(cty.String))), nil
		}
		for inner := list.ElementIterator(); inner.Next(); {
			_, v := inner.Element()
			if !v.IsKnown() {
				return cty.UnknownVal(cty.Map(cty.List(cty.String))), nil
			}
			if v.IsNull() {
				return cty.UnknownVal(cty.Map(cty.List(cty.String))), errors.New("the lists must not hold null")
			}
			lists[v.AsString()] = append(lists[v.AsString()], key)
		}
	}
	if len(lists) == 0 {
		return cty.MapValEmpty(cty.List(cty.String)), nil
	}
	swapped := make(map[string]cty.Value)
	for _, key := range sortedKeys(lists) {
		swapped[key] = cty.ListVal(lists[key])
	}
	return cty.MapVal(swapped), nil
}
