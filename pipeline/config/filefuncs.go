package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// maxRead bounds files that functions read.
const maxRead = 64 << 20

// outsideFunctions depend on files, on the environment or on the load. What
// they read is part of the pipeline's hash.
func (l *loader) outsideFunctions() map[string]function.Function {
	return map[string]function.Function{
		"env":        l.envFunc(),
		"sensitive":  l.sensitiveFunc(),
		"file":       l.pathFunc(cty.String, l.readText),
		"fileexists": l.pathFunc(cty.Bool, l.fileExists),
		"fileset": l.pathFunc(cty.Set(cty.String), func(dir string, more []cty.Value) (cty.Value, error) {
			return l.fileSet(dir, more[0].AsString())
		}, param("pattern", cty.String)),
		"basename": l.pathFunc(cty.String, pure(func(p string) string { return path.Base(filepath.ToSlash(p)) })),
		"dirname":  l.pathFunc(cty.String, pure(func(p string) string { return path.Dir(filepath.ToSlash(p)) })),
		"abspath":  l.pathFunc(cty.String, l.absPath),
		"pathexpand": l.pathFunc(cty.String, func(p string, _ []cty.Value) (cty.Value, error) {
			rest, inHome := strings.CutPrefix(p, "~")
			if !inHome || rest != "" && rest[0] != '/' && rest[0] != filepath.Separator {
				return cty.StringVal(p), nil
			}
			home, ok := l.Env("HOME")
			if !ok {
				return cty.StringVal(p), &functionError{"Environment variable not set", "The path begins with ~, but HOME is not set."}
			}
			return cty.StringVal(filepath.ToSlash(home) + rest), nil
		}),
	}
}

// pathFunc makes a function whose first parameter is a path. A sensitive one
// is refused, because paths occur in messages.
func (l *loader) pathFunc(result cty.Type, call func(path string, more []cty.Value) (cty.Value, error), more ...function.Parameter) function.Function {
	first := param("path", cty.String)
	first.AllowMarked = true
	return function.New(&function.Spec{
		Params: append([]function.Parameter{first}, more...),
		Type:   function.StaticReturnType(result),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].IsMarked() {
				return cty.UnknownVal(result), &functionError{"Sensitive value not allowed", "A path occurs in messages, so it cannot be a sensitive value."}
			}
			return call(args[0].AsString(), args[1:])
		},
	})
}

func pure(call func(string) string) func(string, []cty.Value) (cty.Value, error) {
	return func(p string, _ []cty.Value) (cty.Value, error) { return cty.StringVal(call(p)), nil }
}

// under resolves a path that is relative to the pipeline.
func (l *loader) under(p string) string {
	p = filepath.FromSlash(p)
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(l.dir, p)
}

func (l *loader) absPath(p string, _ []cty.Value) (cty.Value, error) {
	abs, err := filepath.Abs(l.under(p))
	return cty.StringVal(filepath.ToSlash(abs)), err
}

func (l *loader) readText(name string, _ []cty.Value) (cty.Value, error) {
	unknown := cty.UnknownVal(cty.String)
	src, err := readRegular(l.under(name), maxRead)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return unknown, &functionError{"File not found", fmt.Sprintf("There is no file %q. A path is relative to the directory of the pipeline.%s", name, l.nearFile(name))}
	case err != nil:
		return unknown, &functionError{"File cannot be read", fmt.Sprintf("The file %q cannot be read: %s.", name, reason(err))}
	case !utf8.Valid(src):
		return unknown, &functionError{"File cannot be read", fmt.Sprintf("The file %q is not text in UTF-8.", name)}
	}
	l.inputs["file "+name] = string(src)
	return cty.StringVal(string(src)), nil
}

// nearFile suggests a file with a similar name.
func (l *loader) nearFile(name string) string {
	dir, base := path.Split(name)
	entries, _ := os.ReadDir(l.under(dir))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	hint := DidYouMean(base, names)
	if dir == "" || hint == "" {
		return hint
	}
	return strings.Replace(hint, ` "`, ` "`+dir, 1)
}

func (l *loader) fileExists(name string, _ []cty.Value) (cty.Value, error) {
	info, err := os.Stat(l.under(name))
	found := err == nil && info.Mode().IsRegular()
	l.inputs["exists "+name] = fmt.Sprint(found)
	return cty.BoolVal(found), nil
}

// fileSet returns the regular files below dir whose path from there matches a
// pattern in which "**" stands for any number of folders.
func (l *loader) fileSet(dir, pattern string) (cty.Value, error) {
	unknown := cty.UnknownVal(cty.Set(cty.String))
	if _, err := path.Match(pattern, ""); err != nil {
		return unknown, function.NewArgErrorf(1, "the pattern is not well formed")
	}
	root := l.under(dir)
	parts := strings.Split(pattern, "/")
	const most = 100_000
	var found []cty.Value
	visited := 0
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if visited++; visited > most {
			return fmt.Errorf("more than %d files lie there", most)
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		if e.IsDir() && !strings.Contains(pattern, "**") && strings.Count(rel, "/")+1 >= len(parts) {
			return fs.SkipDir
		}
		if e.Type().IsRegular() && matchParts(parts, strings.Split(rel, "/")) {
			found = append(found, cty.StringVal(rel))
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unknown, &functionError{"Directory cannot be read", fmt.Sprintf("The directory %q cannot be read: %s.", dir, reason(err))}
	}
	if len(found) == 0 {
		return cty.SetValEmpty(cty.String), nil
	}
	return cty.SetVal(found), nil
}

func matchParts(pattern, name []string) bool {
	if len(pattern) == 0 {
		return len(name) == 0
	}
	if pattern[0] == "**" {
		for i := range len(name) + 1 {
			if matchParts(pattern[1:], name[i:]) {
				return true
			}
		}
		return false
	}
	if len(name) == 0 {
		return false
	}
	ok, _ := path.Match(pattern[0], name[0])
	return ok && matchParts(pattern[1:], name[1:])
}

// envFunc reads an environment variable. The value of one whose name tells
// that it is a secret is sensitive.
func (l *loader) envFunc() function.Function {
	name := function.Parameter{Name: "name", Type: cty.String, AllowMarked: true}
	return function.New(&function.Spec{
		Params:   []function.Parameter{name},
		VarParam: &function.Parameter{Name: "default", Type: cty.String, AllowNull: true, AllowMarked: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			if len(args) > 2 {
				return cty.String, function.NewArgErrorf(2, "at most a name and a default are expected")
			}
			return cty.String, nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].IsMarked() {
				return cty.UnknownVal(cty.String), &functionError{"Sensitive value not allowed", "The name of an environment variable occurs in messages, so it cannot be a sensitive value."}
			}
			return l.lookUpEnv(args[0].AsString(), args[1:])
		},
	})
}

// sensitiveFunc marks a value as sensitive.
func (l *loader) sensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowNull: true, AllowMarked: true, AllowDynamicType: true}},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			l.secrets.reads++
			l.secrets.remember(args[0])
			return args[0].Mark(sensitive), nil
		},
	})
}

func (l *loader) lookUpEnv(name string, fallback []cty.Value) (cty.Value, error) {
	text, set := l.Env(name)
	secret := secretName.MatchString(name)
	value := cty.StringVal(text)
	switch {
	case !set && len(fallback) == 0:
		return cty.UnknownVal(cty.String), &functionError{"Environment variable not set",
			fmt.Sprintf("The environment variable %s is not set. Set it, or give a default: env(%q, \"…\").", name, name)}
	case !set:
		value = fallback[0]
	case secret:
		l.secrets.add(text)
	default:
		l.inputs["env "+name] = text
	}
	if secret {
		l.secrets.reads++
		value = value.Mark(sensitive)
	}
	return value, nil
}
