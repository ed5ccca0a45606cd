package config

import (
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// standard are the functions that depend on their arguments only and come
// from the expression language's own libraries.
var standard = map[string]function.Function{
	"abs":             stdlib.AbsoluteFunc,
	"can":             tryfunc.CanFunc,
	"ceil":            stdlib.CeilFunc,
	"chomp":           stdlib.ChompFunc,
	"chunklist":       stdlib.ChunklistFunc,
	"coalesce":        stdlib.CoalesceFunc,
	"coalescelist":    stdlib.CoalesceListFunc,
	"compact":         stdlib.CompactFunc,
	"concat":          stdlib.ConcatFunc,
	"contains":        stdlib.ContainsFunc,
	"csvdecode":       stdlib.CSVDecodeFunc,
	"distinct":        stdlib.DistinctFunc,
	"element":         stdlib.ElementFunc,
	"flatten":         stdlib.FlattenFunc,
	"floor":           stdlib.FloorFunc,
	"format":          stdlib.FormatFunc,
	"formatdate":      stdlib.FormatDateFunc,
	"formatlist":      stdlib.FormatListFunc,
	"indent":          stdlib.IndentFunc,
	"join":            stdlib.JoinFunc,
	"jsondecode":      stdlib.JSONDecodeFunc,
	"jsonencode":      stdlib.JSONEncodeFunc,
	"keys":            stdlib.KeysFunc,
	"lookup":          stdlib.LookupFunc,
	"lower":           stdlib.LowerFunc,
	"max":             stdlib.MaxFunc,
	"merge":           stdlib.MergeFunc,
	"min":             stdlib.MinFunc,
	"parseint":        stdlib.ParseIntFunc,
	"pow":             stdlib.PowFunc,
	"range":           stdlib.RangeFunc,
	"regex":           stdlib.RegexFunc,
	"regexall":        stdlib.RegexAllFunc,
	"reverse":         stdlib.ReverseListFunc,
	"setintersection": stdlib.SetIntersectionFunc,
	"setproduct":      stdlib.SetProductFunc,
	"setsubtract":     stdlib.SetSubtractFunc,
	"setunion":        stdlib.SetUnionFunc,
	"signum":          stdlib.SignumFunc,
	"slice":           stdlib.SliceFunc,
	"sort":            stdlib.SortFunc,
	"split":           stdlib.SplitFunc,
	"strrev":          stdlib.ReverseFunc,
	"substr":          stdlib.SubstrFunc,
	"timeadd":         stdlib.TimeAddFunc,
	"title":           stdlib.TitleFunc,
	"tobool":          stdlib.MakeToFunc(cty.Bool),
	"tolist":          stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
	"tomap":           stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
	"tonumber":        stdlib.MakeToFunc(cty.Number),
	"toset":           stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	"tostring":        stdlib.MakeToFunc(cty.String),
	"trim":            stdlib.TrimFunc,
	"trimprefix":      stdlib.TrimPrefixFunc,
	"trimspace":       stdlib.TrimSpaceFunc,
	"trimsuffix":      stdlib.TrimSuffixFunc,
	"try":             tryfunc.TryFunc,
	"upper":           stdlib.UpperFunc,
	"values":          stdlib.ValuesFunc,
	"yamldecode":      ctyyaml.YAMLDecodeFunc,
	"yamlencode":      ctyyaml.YAMLEncodeFunc,
	"zipmap":          stdlib.ZipmapFunc,
}

// allFunctions returns every function of the language.
func (l *loader) allFunctions() map[string]function.Function {
	all := maps.Clone(standard)
	maps.Copy(all, textFunctions)
	maps.Copy(all, collectionFunctions)
	maps.Copy(all, l.outsideFunctions())
	return all
}

// functionHabits answers functions that other tools have.
var functionHabits = map[string]string{
	"timestamp":     `Plans must not depend on when they are made. A window follows the clock with "now" and "now-30d".`,
	"plantimestamp": `Plans must not depend on when they are made. A window follows the clock with "now" and "now-30d".`,
	"uuid":          "A plan must come out the same each time, so there are no random values.",
	"bcrypt":        "A plan must come out the same each time, so there are no random values.",
	"nonsensitive":  "What is sensitive stays so.",
	"getenv":        `Environment variables are read with env("NAME").`,
	"get_env":       `Environment variables are read with env("NAME").`,
	"list":          "Write [a, b].",
	"map":           "Write { key = value }.",
	"set":           "Write toset([a, b]).",
	"readfile":      `Files are read with file("PATH").`,
	"templatefile":  `Write a heredoc with ${…}, or replace(file("PATH"), "NAME", value).`,
	"concat_ws":     "Write join(separator, list).",
	"len":           "Write length(value).",
	"string":        "Write tostring(value).",
	"number":        "Write tonumber(value).",
	"bool":          "Write tobool(value).",
	"now":           `A window follows the clock with "now" and "now-30d".`,
}

// unknownFunction words the complaint about a call of something else.
func (l *loader) unknownFunction(name string) string {
	if habit, ok := functionHabits[name]; ok {
		return fmt.Sprintf("There is no function named %q. %s", name, habit)
	}
	return fmt.Sprintf("There is no function named %q.%s", name, DidYouMean(name, sortedKeys(l.functions)))
}

// functionError is an error of a function that is worded as a diagnostic and
// shows nothing sensitive.
type functionError struct{ summary, detail string }

func (e *functionError) Error() string { return e.detail }

// simple makes a function of parameters with the given types.
func simple(result cty.Type, call func(args []cty.Value) (cty.Value, error), params ...function.Parameter) function.Function {
	return function.New(&function.Spec{
		Params: params,
		Type:   function.StaticReturnType(result),
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return call(args) },
	})
}

func param(name string, ty cty.Type) function.Parameter {
	return function.Parameter{Name: name, Type: ty}
}
