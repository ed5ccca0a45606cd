package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// roots are the names that references begin with.
var roots = []string{"var", "local", "each", "workspace", "sink", "credential", "path"}

// referenceHabits answers references that other tools have.
var referenceHabits = map[string]string{
	"data":      "There are no data sources.",
	"module":    "There are no modules.",
	"count":     "There is no count; use for_each with each.key and each.value.",
	"self":      "There is no self; write the address, such as workspace.NAME.",
	"terraform": "There are no workspaces of the tool; declare a variable.",
	"env":       `Environment variables are read with env("NAME").`,
	"locals":    "A local value is referred to as local.NAME.",
	"vars":      "A variable is referred to as var.NAME.",
	"variable":  "A variable is referred to as var.NAME.",
	"query":     "A query has no values to refer to.",
	"output":    "An output has no values to refer to; put the value into locals and use it in both places.",
	"kustash":   "The kustash block has no values to refer to.",
}

// scope returns what the references evaluate to. A reference to something that
// does not exist or is itself invalid evaluates to an unknown value, so that it
// is complained of once.
func (l *loader) scope(refs []hcl.Traversal, forEach bool) *hcl.EvalContext {
	objects := make(map[string]map[string]cty.Value)
	for _, root := range roots {
		objects[root] = make(map[string]cty.Value)
	}
	ctx := &hcl.EvalContext{Variables: make(map[string]cty.Value), Functions: l.functions}
	for _, t := range refs {
		root := t.RootName()
		members, known := objects[root]
		switch {
		case !known:
			l.unknownRoot(t)
			ctx.Variables[root] = cty.DynamicVal
		case root == "each":
			l.checkEach(t, forEach)
			ctx.Variables[root] = cty.DynamicVal
		default:
			name, ok := member(t)
			if !ok {
				l.errorAt(t.SourceRange(), "Invalid reference", "%q is not a value of its own. Name one of its members: %s.NAME.", root, root)
				ctx.Variables[root] = cty.DynamicVal
				continue
			}
			if _, done := members[name]; !done {
				members[name] = l.lookUp(root, name, t)
			}
			l.checkMembers(members[name], t)
		}
	}
	for root, members := range objects {
		if _, done := ctx.Variables[root]; !done && len(members) > 0 {
			ctx.Variables[root] = cty.ObjectVal(members)
		}
	}
	return ctx
}

// member returns the NAME of root.NAME or root["NAME"].
func member(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

func (l *loader) lookUp(root, name string, t hcl.Traversal) cty.Value {
	at := t.SourceRange()
	switch root {
	case "path":
		if name == "module" {
			return cty.StringVal(".")
		}
		l.errorAt(at, "Invalid reference", "There is no path.%s; path.module is the directory of the pipeline.", name)
	case "var":
		if v, ok := l.variables[name]; ok {
			return v.value
		}
		l.undeclared(at, "variable", "var."+name, name, sortedKeys(l.variables), fmt.Sprintf("Declare it with variable %q { … }.", name))
	case "local":
		if v, ok := l.locals[name]; ok {
			return l.localValueAt(v, at)
		}
		l.undeclared(at, "local value", "local."+name, name, sortedKeys(l.locals), "Add it to a locals block.")
	default:
		if b, ok := l.blocks[root][name]; ok {
			return l.evaluateAt(b, at)
		}
		if named := kindHabit(l, root, name, t); named != "" {
			l.errorAt(at, "Invalid reference", "A reference does not name the kind: write %s.%s.", root, named)
			return cty.DynamicVal
		}
		advice := fmt.Sprintf("Declare it with %s { … }.", l.exampleOf(root, name))
		l.undeclared(at, root, root+"."+name, name, sortedKeys(l.blocks[root]), advice)
	}
	return cty.DynamicVal
}

// kindHabit recognises sink.local.archive and returns "archive".
func kindHabit(l *loader, root, name string, t hcl.Traversal) string {
	if len(t) < 3 {
		return ""
	}
	next, ok := t[2].(hcl.TraverseAttr)
	if !ok {
		return ""
	}
	_, declared := l.blocks[root][next.Name]
	if declared || slices.Contains(l.kindsOf(root), name) || slices.Contains(laterKinds[root], name) {
		return next.Name
	}
	return ""
}

func (l *loader) undeclared(at hcl.Range, what, reference, name string, names []string, advice string) {
	if hint := DidYouMean(name, names); hint != "" {
		advice = strings.TrimSpace(hint)
	}
	l.errorAt(at, "Reference to undeclared "+what, "The pipeline declares no %s %q, to which %s refers. %s", what, name, reference, advice)
}

func (l *loader) exampleOf(class, name string) string {
	if kinds := l.kindsOf(class); len(kinds) > 0 {
		if slices.Contains(kinds, "client_secret") { // what most have
			kinds = []string{"client_secret"}
		}
		return fmt.Sprintf("%s %q %q", class, kinds[0], name)
	}
	return fmt.Sprintf("%s %q", class, name)
}

func (l *loader) unknownRoot(t hcl.Traversal) {
	root := t.RootName()
	at := t.SourceRange()
	if habit, ok := referenceHabits[root]; ok {
		l.errorAt(at, "Invalid reference", "Nothing is named %q. %s", root, habit)
		return
	}
	if len(t) == 1 {
		for _, class := range []string{"sink", "workspace", "credential"} {
			if _, ok := l.blocks[class][root]; ok {
				l.errorAt(at, "Invalid reference", "Nothing is named %q. Did you mean %q?", root, class+"."+root)
				return
			}
		}
		l.errorAt(at, "Invalid reference", "Nothing is named %q. If a text was meant, put it in quotes.%s", root, DidYouMean(root, roots))
		return
	}
	hint := DidYouMean(root, roots)
	if hint == "" {
		hint = " References begin with " + listed(roots) + "."
	}
	l.errorAt(at, "Invalid reference", "Nothing is named %q.%s", root, hint)
}

func (l *loader) checkEach(t hcl.Traversal, forEach bool) {
	at := t.SourceRange()
	if !forEach {
		l.errorAt(at, "Invalid reference", `"each" can be used only within a block that has the argument for_each.`)
		return
	}
	if name, _ := member(t); name != "key" && name != "value" {
		l.errorAt(at, "Invalid reference", `"each" has the members "key" and "value" only: write each.key or each.value.`)
		l.tell(t[len(t)-1:])
	}
}

// checkMembers complains of a misspelt argument of a workspace, sink or
// credential better than the expression language would.
func (l *loader) checkMembers(v cty.Value, t hcl.Traversal) {
	if len(t) < 3 || l.blocks[t.RootName()] == nil || !v.Type().IsObjectType() {
		return
	}
	step, ok := t[2].(hcl.TraverseAttr)
	if !ok || v.Type().HasAttribute(step.Name) {
		return
	}
	names := sortedKeys(v.Type().AttributeTypes())
	hint := DidYouMean(step.Name, names)
	if hint == "" {
		hint = " There are " + listed(names) + "."
	}
	l.errorAt(step.SrcRange, "Unsupported attribute", "A %s does not have an attribute named %q.%s", t.RootName(), step.Name, hint)
	l.tell(t[2:3])
}

// tell notes that what the expression language will say about these steps has
// been said.
func (l *loader) tell(steps hcl.Traversal) {
	for _, step := range steps {
		l.told[step.SourceRange()] = true
	}
}

// enter begins the evaluation of something; it reports a cycle and returns
// false if that has begun already and not ended.
func (l *loader) enter(address string, at hcl.Range) bool {
	const deepest = 10_000
	if i := slices.Index(l.stack, address); i >= 0 {
		if path := append(slices.Clone(l.stack[i:]), address); len(path) == 2 {
			l.errorAt(at, "Cycle", "%s refers to itself.", address)
		} else {
			l.errorAt(at, "Cycle", "These refer to each other: %s. Take one reference out.", strings.Join(path, " → "))
		}
		return false
	}
	if len(l.stack) >= deepest {
		l.errorAt(at, "Nesting is too deep", "More than %d values refer to each other in a chain.", deepest)
		return false
	}
	l.stack = append(l.stack, address)
	return true
}

func (l *loader) leave() { l.stack = l.stack[:len(l.stack)-1] }
