package config

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	envPrefix          = "KUSTASH_VAR_"
	varsFile           = "kustash.vars.hcl"
	autoVarsSuffix     = ".auto.vars.hcl"
	autoVarsJSONSuffix = ".auto.vars.json"
)

// VarArg is one -var or -var-file argument.
type VarArg struct {
	Name  string `json:"name,omitempty"`  // of -var NAME=VALUE
	Value string `json:"value,omitempty"` // of -var NAME=VALUE
	File  string `json:"file,omitempty"`  // of -var-file FILE, relative to the pipeline; then Name is unused
}

// ParseVar reads the argument of -var, NAME=VALUE.
func ParseVar(arg string) (VarArg, error) {
	name, value, ok := strings.Cut(arg, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		return VarArg{}, fmt.Errorf("-var takes NAME=VALUE, such as -var workspace_id=6a…")
	}
	return VarArg{Name: name, Value: value}, nil
}

// assignVariables collects values from all origins, the weakest first, and
// settles every variable.
func (l *loader) assignVariables() {
	for _, name := range sortedKeys(l.variables) {
		if text, ok := l.Env(envPrefix + name); ok {
			l.giveText(l.variables[name], text, envPrefix+name)
		}
	}
	if _, err := os.Stat(filepath.Join(l.dir, varsFile)); err == nil {
		l.giveFile(varsFile)
	}
	for _, name := range l.autoVars() {
		l.giveFile(name)
	}
	for _, arg := range l.Vars {
		if arg.File != "" {
			l.giveFile(arg.File)
			continue
		}
		v, ok := l.variables[arg.Name]
		if !ok {
			l.errorAt(hcl.Range{}, "Value for undeclared variable", "The argument -var %s=… names a variable that the pipeline does not declare.%s",
				arg.Name, DidYouMean(arg.Name, sortedKeys(l.variables)))
			continue
		}
		l.giveText(v, arg.Value, "-var "+arg.Name)
	}
	l.settle()
}

// autoVars returns the files that are read without being named, by name.
func (l *loader) autoVars() []string {
	entries, _ := os.ReadDir(l.dir)
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() && !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, autoVarsSuffix) || strings.HasSuffix(name, autoVarsJSONSuffix)) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// giveText gives a variable a value from the command line or the environment:
// the text itself to one that is a string or has no type, else an expression.
func (l *loader) giveText(v *variable, text, origin string) {
	at := hcl.Range{Filename: origin, Start: hcl.InitialPos, End: hcl.InitialPos}
	l.files[origin] = &hcl.File{Bytes: []byte(text)}
	if v.sensitive {
		l.secrets.add(text)
		at.End.Byte = len(text)
		l.secrets.places = append(l.secrets.places, at)
	}
	if !v.typed || v.want == cty.String {
		v.given, v.givenAt = cty.StringVal(text), at
		return
	}
	value, diags := cty.DynamicVal, hcl.Diagnostics(nil)
	if at, deep := tooDeep([]byte(text), origin); deep {
		l.errorAt(at, "Nesting is too deep", "The value is nested more than %d levels deep.", maxDepth)
		return
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), origin, hcl.InitialPos)
	if !diags.HasErrors() {
		value, diags = expr.Value(nil)
	}
	if diags.HasErrors() {
		l.errorAt(at, "Invalid value for variable", "The value of %q is read as an expression, because the variable is not a string, and it is none: %s. Quote texts within it, such as '[\"a\", \"b\"]'.",
			v.name, l.why(v, diags))
		v.broken = true
		return
	}
	v.given, v.givenAt = value, at
}

// why returns the cause of diagnostics about a value, unless it could show it.
func (l *loader) why(v *variable, diags hcl.Diagnostics) string {
	if v.sensitive {
		return "the reason is not shown because the variable is sensitive"
	}
	return strings.TrimSuffix(diags[0].Detail, ".")
}

// giveFile reads a file of values.
func (l *loader) giveFile(name string) {
	full := name
	if !filepath.IsAbs(name) {
		full = filepath.Join(l.dir, name)
	}
	src, err := readRegular(full, maxFile)
	if err != nil {
		l.errorAt(hcl.Range{}, "File cannot be read", "The file of variable values %s cannot be read: %s.", name, reason(err))
		return
	}
	before := len(l.diags)
	body := l.parse(src, name)
	if len(l.diags) > before && l.anySensitive() {
		l.secrets.places = append(l.secrets.places, hcl.Range{Filename: name, End: hcl.Pos{Byte: len(src)}})
	}
	if body == nil {
		return
	}
	attrs, diags := body.JustAttributes()
	for _, d := range diags {
		d.Detail += fmt.Sprintf(" A file of values holds lines NAME = VALUE only; blocks belong into *%s files.", hclSuffix)
		l.report(d)
	}
	for _, key := range sortedKeys(attrs) {
		a := attrs[key]
		v, ok := l.variables[key]
		if !ok {
			l.errorAt(a.NameRange, "Value for undeclared variable", "The pipeline declares no variable %q.%s", key, DidYouMean(key, sortedKeys(l.variables)))
			continue
		}
		if v.sensitive {
			l.secrets.mask(a.Expr)
			l.secrets.places = append(l.secrets.places, a.Expr.Range())
		}
		value, diags := a.Expr.Value(nil)
		if diags.HasErrors() {
			if v.sensitive {
				l.errorAt(a.NameRange, "Invalid value for variable", "The value of %q is not a constant. Write texts in quotes.", key)
			} else {
				l.report(diags...)
			}
			v.broken = true
			continue
		}
		v.given, v.givenAt = value, a.Expr.Range()
	}
}

// anySensitive reports whether some variable is sensitive, so that a file of
// values that cannot be parsed must not be quoted.
func (l *loader) anySensitive() bool {
	for _, v := range l.variables {
		if v.sensitive {
			return true
		}
	}
	return false
}
