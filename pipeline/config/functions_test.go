package config

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestFunctions(t *testing.T) {
	dir := writeFiles(t, map[string]string{"a.kql": "A", "b.txt": "B", "sub/c.kql": "C", "sub/deep/d.kql": "D", "bin": "\xff\xfe"})
	o := testOptions()
	o.Env = lookUp(map[string]string{"HOME": "/home/u", "SET": "v", "NONE": ""})
	l := newLoader(dir, o)
	for in, want := range map[string]string{
		`alltrue([true, true])`:  `true`,
		`alltrue([true, false])`: `false`,
		`alltrue([])`:            `true`,
		`anytrue([false, true])`: `true`,
		`anytrue([])`:            `false`,
		`length("äé")`:           `2`,
		`length([1, 2])`:         `2`,
		`length({ a = 1 })`:      `1`,
		`index(["a", "b"], "b")`: `1`,
		`one([])`:                `null`,
		`one(["x"])`:             `"x"`,
		`one(toset(["x"]))`:      `"x"`,
		`matchkeys(["a", "b", "c"], ["1", "2", "1"], ["1"])`: `["a", "c"]`,
		`sum([1, 2, 0.5])`: `3.5`,
		`sum([])`:          `0`,
		`transpose({ a = ["1", "2"], b = ["2"] })`: "{\n  \"1\" = [\"a\"]\n  \"2\" = [\"a\", \"b\"]\n}",
		`startswith("abc", "ab")`:                  `true`,
		`endswith("abc", "ab")`:                    `false`,
		`replace("a.b.c", ".", "-")`:               `"a-b-c"`,
		`replace("a1b22", "/[0-9]+/", "#")`:        `"a#b#"`,
		`base64decode(base64encode("ä"))`:          `"ä"`,
		`urlencode("a b&c")`:                       `"a+b%26c"`,
		`md5("a")`:                                 `"0cc175b9c0f1b6a831c399e269772661"`,
		`sha1("a")`:                                `"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"`,
		`sha256("")`:                               `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`,
		`length(sha512("a"))`:                      `128`,
		`env("SET")`:                               `"v"`,
		`env("NONE")`:                              `""`,
		`env("UNSET", "d")`:                        `"d"`,
		`env("UNSET", null)`:                       `null`,
		`try(env("UNSET"), "t")`:                   `"t"`,
		`can(env("UNSET"))`:                        `false`,
		`file("a.kql")`:                            `"A"`,
		`fileexists("a.kql")`:                      `true`,
		`fileexists("sub")`:                        `false`,
		`fileset(".", "*.kql")`:                    `["a.kql"]`,
		`fileset(".", "**/*.kql")`:                 `["a.kql", "sub/c.kql", "sub/deep/d.kql"]`,
		`fileset("sub", "*.kql")`:                  `["c.kql"]`,
		`fileset(".", "*/c.*")`:                    `["sub/c.kql"]`,
		`fileset("none", "*")`:                     `[]`,
		`basename("a/b.c")`:                        `"b.c"`,
		`dirname("a/b.c")`:                         `"a"`,
		`pathexpand("~/x")`:                        `"/home/u/x"`,
		`pathexpand("~x")`:                         `"~x"`,
		`yamldecode("a: [1, 2]").a[1]`:             `2`,
		`csvdecode("a,b\n1,2\n")[0].b`:             `"2"`,
		`tolist(toset(["b", "a"]))`:                `["a", "b"]`,
		`tomap({ a = 1 })["a"]`:                    `1`,
		`coalesce("", "x")`:                        `""`,
		`formatdate("YYYY-MM", timeadd("2026-01-31T00:00:00Z", "24h"))`: `"2026-02"`,
		`setproduct(["a"], ["b", "c"])[1][1]`:                           `"c"`,
		`element(["a", "b"], 3)`:                                        `"b"`,
		`substr("hello", -3, 2)`:                                        `"ll"`,
	} {
		expr, diags := hclsyntax.ParseExpression([]byte(in), "x", hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%s: %v", in, diags)
			continue
		}
		l.diags = nil
		v, ok := l.eval(expr, l.scope(nil, false))
		if got := (Output{Value: v}); !ok || got.String() != want {
			t.Errorf("%s = %v %v, want %s", in, ok, l.diags, want)
		}
	}
}

func TestFunctionMistakes(t *testing.T) {
	l := newLoader(writeFiles(t, map[string]string{"bin": "\xff\xfe", "sub/q.kql": "", "dir/x": ""}), testOptions())
	for in, want := range map[string]string{
		`length(3)`:                 "a list, a map or a string is required",
		`index(["a"], "b")`:         "does not contain the value",
		`index("a", "b")`:           "a list is required",
		`one(["a", "b"])`:           "no or one element",
		`one("a")`:                  "a list, set or tuple is required",
		`sum(["x"])`:                "every element must be a number",
		`sum("x")`:                  "a list, set or tuple of numbers",
		`replace("a", "/(/", "")`:   "missing closing )",
		`base64decode("%")`:         "not base64",
		`base64decode("/w==")`:      "not UTF-8",
		`transpose({ a = [null] })`: "must not hold null",
		`matchkeys(["a"], [], [])`:  "same length",
		`file("bin")`:               "is not text in UTF-8",
		`file("dir")`:               "it is a directory",
		`file("sub/p.kql")`:         `Did you mean "sub/q.kql"?`,
		`file("/dev/zero")`:         "not a regular file",
		`fileset(".", "[")`:         "not well formed",
		`env()`:                     "Not enough function arguments",
		`env("A", "b", "c")`:        "at most a name and a default",
		`env(null)`:                 "must not be null",
		`env("UNSET")`:              `give a default: env("UNSET", "…")`,
		`uuid()`:                    "A plan must come out the same each time",
		`strartswith("a", "b")`:     `Did you mean "startswith"?`,
		`nosuch::thing()`:           "There is no function named",
	} {
		expr, diags := hclsyntax.ParseExpression([]byte(in), "x", hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%s: %v", in, diags)
			continue
		}
		l.diags = nil
		_, ok := l.eval(expr, l.scope(nil, false))
		var text []string
		for _, d := range l.diags {
			text = append(text, d.Summary+": "+d.Detail)
		}
		if all := strings.Join(text, "\n"); ok || !strings.Contains(all, want) {
			t.Errorf("%s gives %q, want %q", in, all, want)
		}
	}
}

func TestVersions(t *testing.T) {
	for _, test := range []struct {
		version, constraint string
		want                bool
	}{
		{"0.3.1", ">= 0.1", true}, {"0.3.1", ">= 0.3.1, < 1", true}, {"0.3.1", "> 0.3.1", false}, {"0.3.1", "0.3.1", true},
		{"0.3.1", "= 0.3", false}, {"0.3.1", "!= 0.3.1", false}, {"0.3.1", "~> 0.2", true}, {"0.3.1", "~> 0.3.0", true},
		{"0.3.1", "~> 0.2.0", false}, {"1.0.0", "~> 0.2", false}, {"v1.2.3-rc1", "<=1.2.3", true}, {"10.0.0", "> 9", true}, {"1.9.0", "~> 1", true},
	} {
		v, _, ok := parseVersion(test.version)
		if got, err := v.satisfies(test.constraint); !ok || err != nil || got != test.want {
			t.Errorf("%s fits %q = %v, %v, want %v", test.version, test.constraint, got, err, test.want)
		}
	}
	for _, bad := range []string{"", "x", ">=", "=> 1", "1.2.3.4", ">= 1,", "99999999999999999999"} {
		if got, err := (version{}).satisfies(bad); err == nil {
			t.Errorf("satisfies(%q) = %v, want an error", bad, got)
		}
	}
}
