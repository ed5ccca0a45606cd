package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// version is the leading numbers of a version.
type version [3]int

var versionSyntax = regexp.MustCompile(`^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:[-+].*)?$`)

// parseVersion reads one to three numbers; parts says how many.
func parseVersion(text string) (v version, parts int, ok bool) {
	m := versionSyntax.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return v, 0, false
	}
	for i, digits := range m[1:] {
		if digits != "" {
			v[i], _ = strconv.Atoi(digits)
			parts = i + 1
		}
	}
	return v, parts, true
}

func (v version) compare(o version) int {
	for i := range v {
		if v[i] != o[i] {
			return v[i] - o[i]
		}
	}
	return 0
}

// satisfies reports whether the version fits all constraints, such as
// ">= 0.1, < 2".
func (v version) satisfies(constraints string) (bool, error) {
	fits := true
	for one := range strings.SplitSeq(constraints, ",") {
		one = strings.TrimSpace(one)
		text := strings.TrimLeft(one, "<>=!~")
		want, parts, ok := parseVersion(text)
		if !ok {
			return false, fmt.Errorf(`%q is not a version constraint such as ">= 0.1"`, clip(one))
		}
		c := v.compare(want)
		switch operator := strings.TrimSuffix(one, text); operator {
		case "", "=", "==":
			fits = fits && c == 0
		case "!=":
			fits = fits && c != 0
		case ">":
			fits = fits && c > 0
		case ">=":
			fits = fits && c >= 0
		case "<":
			fits = fits && c < 0
		case "<=":
			fits = fits && c <= 0
		case "~>":
			fits = fits && c >= 0
			for i := range max(1, parts-1) {
				fits = fits && v[i] == want[i]
			}
		default:
			return false, fmt.Errorf("%q is not an operator; there are =, !=, >, >=, <, <= and ~>", operator)
		}
	}
	return fits, nil
}

// versionFits compares required_version with the tool. Where it does not fit,
// nothing else is worth reporting: the files may be in a later language.
func (l *loader) versionFits() bool {
	if l.settings == nil {
		return true
	}
	content, _, _ := l.settings.Body.PartialContent(settingsSchema)
	attr, set := content.Attributes["required_version"]
	if !set {
		return true
	}
	want := l.literalString(content, "required_version")
	if want == "" {
		return true
	}
	tool, _, known := parseVersion(l.ToolVersion)
	fits, err := tool.satisfies(want)
	if err != nil {
		l.errorAt(attr.Expr.Range(), "Invalid version constraint", "%s", sentence(err.Error()))
		return true
	}
	if known && !fits {
		l.diags = nil
		l.errorAt(attr.Expr.Range(), "Unsupported version", "The pipeline requires kustash %s, and this is %s. Install a version that fits.", want, l.ToolVersion)
		return false
	}
	return true
}
