package kql

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/kustash/kustash/pipeline"
)

var textFunctions = map[string]*builtin{
	"strlen": {min: 1, max: 1, typ: always(pipeline.Long), nulls: true,
		call: func(a []Value) (Value, error) { return int64(utf8.RuneCountInString(text(a[0]))), nil }},
	"string_size": {min: 1, max: 1, typ: always(pipeline.Long), nulls: true,
		call: func(a []Value) (Value, error) { return int64(len(text(a[0]))), nil }},
	"strcat":       {min: 1, max: 64, typ: always(pipeline.String), nulls: true, call: strcat},
	"strcat_array": {min: 2, max: 2, typ: always(pipeline.String), call: strcatArray},
	"substring":    {min: 2, max: 3, typ: always(pipeline.String), call: substring},
	"split":        {min: 2, max: 3, typ: always(pipeline.Dynamic), call: split},
	"tolower": {min: 1, max: 1, typ: always(pipeline.String),
		call: func(a []Value) (Value, error) { return strings.ToLower(text(a[0])), nil }},
	"toupper": {min: 1, max: 1, typ: always(pipeline.String),
		call: func(a []Value) (Value, error) { return strings.ToUpper(text(a[0])), nil }},
	"replace_string": {min: 3, max: 3, typ: always(pipeline.String), nulls: true, call: replaceString},
	"replace_regex":  {min: 3, max: 3, typ: always(pipeline.String), nulls: true, call: replaceRegex},
	"replace":        {min: 3, max: 3, typ: always(pipeline.String), nulls: true, call: func(a []Value) (Value, error) { return replaceRegex([]Value{a[2], a[0], a[1]}) }},
	"trim":           {min: 2, max: 2, typ: always(pipeline.String), call: trimmer(true, true)},
	"trim_start":     {min: 2, max: 2, typ: always(pipeline.String), call: trimmer(true, false)},
	"trim_end":       {min: 2, max: 2, typ: always(pipeline.String), call: trimmer(false, true)},
	"extract":        {min: 3, max: 4, typ: extractType, call: extract},
	"indexof": {min: 2, max: 2, typ: always(pipeline.Long), call: func(a []Value) (Value, error) {
		s := text(a[0])
		at := strings.Index(s, text(a[1]))
		if at > 0 {
			at = utf8.RuneCountInString(s[:at])
		}
		return int64(at), nil
	}},
	"reverse": {min: 1, max: 1, typ: always(pipeline.String), call: func(a []Value) (Value, error) {
		r := []rune(text(a[0]))
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		return string(r), nil
	}},
	"countof": {min: 2, max: 2, typ: always(pipeline.Long), call: func(a []Value) (Value, error) {
		if text(a[1]) == "" {
			return int64(0), nil
		}
		return int64(strings.Count(text(a[0]), text(a[1]))), nil
	}},
	"base64_encode_tostring": {min: 1, max: 1, typ: always(pipeline.String),
		call: func(a []Value) (Value, error) { return base64.StdEncoding.EncodeToString([]byte(text(a[0]))), nil }},
	"base64_decode_tostring": {min: 1, max: 1, typ: always(pipeline.String), call: func(a []Value) (Value, error) {
		raw, err := base64.StdEncoding.DecodeString(text(a[0]))
		if err != nil || !utf8.Valid(raw) {
			return nil, nil
		}
		return string(raw), nil
	}},
}

func strcat(args []Value) (Value, error) {
	var b strings.Builder
	for _, v := range args {
		b.WriteString(text(v))
	}
	return b.String(), nil
}

func strcatArray(args []Value) (Value, error) {
	list, ok := elements(args[0])
	if !ok {
		return nil, nil
	}
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = text(v)
	}
	return strings.Join(parts, text(args[1])), nil
}

// substring counts characters; a negative start counts from the end.
func substring(args []Value) (Value, error) {
	s := []rune(text(args[0]))
	size := int64(len(s))
	start, ok := asInt(plain(args[1]))
	if !ok {
		return nil, nil
	}
	if start < 0 {
		start = max(0, start+size)
	}
	start = min(start, size)
	length := size - start
	if len(args) > 2 {
		n, ok := asInt(plain(args[2]))
		if !ok {
			return nil, nil
		}
		length = max(0, min(length, n))
	}
	return string(s[start : start+length]), nil
}

func split(args []Value) (Value, error) {
	s, by := text(args[0]), text(args[1])
	parts := []string{s}
	if by != "" {
		parts = strings.Split(s, by)
	}
	list := make([]Value, len(parts))
	for i, p := range parts {
		list[i] = p
	}
	if len(args) == 3 {
		v := element(array(list), args[2])
		if v == nil {
			return array(nil), nil
		}
		return array([]Value{v}), nil
	}
	return array(list), nil
}

func replaceString(args []Value) (Value, error) {
	s, old, with := text(args[0]), text(args[1]), text(args[2])
	if old == "" {
		return s, nil
	}
	if n := strings.Count(s, old); n > 0 && len(s)+n*len(with) > maxText {
		return nil, semanticError(codeLimit, "replace_string(): the text is longer than %d bytes", maxText)
	}
	return strings.ReplaceAll(s, old, with), nil
}

func replaceRegex(args []Value) (Value, error) {
	var c regexCache
	re, err := c.get(text(args[1]))
	if err != nil {
		return nil, err
	}
	s, with := text(args[0]), backReferences(text(args[2]))
	if (len(s)+1)*(len(with)+1) > maxText*4 {
		return nil, semanticError(codeLimit, "replace_regex(): the text is longer than %d bytes", maxText)
	}
	return re.ReplaceAllString(s, with), nil
}

// backReferences turns \1 into ${1}.
func backReferences(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '$':
			b.WriteString("$$")
		case s[i] == '\\' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			i++
			b.WriteString("${" + s[i:i+1] + "}")
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// trimmer cuts matches of a regular expression off the ends.
func trimmer(start, end bool) func([]Value) (Value, error) {
	var head, tail = "^(?:", ")$"
	return func(args []Value) (Value, error) {
		s := text(args[1])
		var c regexCache
		if start {
			re, err := c.get(head + text(args[0]) + ")")
			if err != nil {
				return nil, err
			}
			if at := re.FindStringIndex(s); at != nil {
				s = s[at[1]:]
			}
		}
		if end {
			re, err := c.get("(?:" + text(args[0]) + tail)
			if err != nil {
				return nil, err
			}
			if at := re.FindStringIndex(s); at != nil {
				s = s[:at[0]]
			}
		}
		return s, nil
	}
}

// extractType is what the fourth argument of extract names: typeof(long).
func extractType(args []*scalar) pipeline.Type {
	if len(args) == 4 {
		if typ := pipeline.Type(text(args[3].value)); typ.Valid() {
			return typ
		}
	}
	return pipeline.String
}

// extract returns one group of the first match; a fourth argument converts it.
func extract(args []Value) (Value, error) {
	var c regexCache
	re, err := c.get(text(args[0]))
	if err != nil {
		return nil, err
	}
	group, ok := asInt(plain(args[1]))
	found := re.FindStringSubmatch(text(args[2]))
	if !ok || group < 0 || group >= int64(len(found)) {
		return nil, nil
	}
	return found[group], nil
}
