package config

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// textFunctions work on strings.
var textFunctions = map[string]function.Function{
	"startswith": test(strings.HasPrefix, "prefix"),
	"endswith":   test(strings.HasSuffix, "suffix"),
	"replace": simple(cty.String, func(args []cty.Value) (cty.Value, error) {
		return replace(args[0].AsString(), args[1].AsString(), args[2].AsString())
	}, param("str", cty.String), param("substr", cty.String), param("replace", cty.String)),
	"base64encode": text(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }),
	"base64decode": text(func(s string) (string, error) {
		raw, err := base64.StdEncoding.DecodeString(s)
		switch {
		case err != nil:
			return "", errors.New("the text is not base64")
		case !utf8.Valid(raw):
			return "", errors.New("the decoded bytes are not UTF-8")
		}
		return string(raw), nil
	}),
	"urlencode": text(func(s string) (string, error) { return url.QueryEscape(s), nil }),
	"urldecode": text(url.QueryUnescape),
	"md5": text(func(s string) (string, error) {
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	}),
	"sha1": text(func(s string) (string, error) {
		sum := sha1.Sum([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	}),
	"sha256": text(func(s string) (string, error) {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	}),
	"sha512": text(func(s string) (string, error) {
		sum := sha512.Sum512([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	}),
}

// text makes a function from a string to a string.
func text(call func(string) (string, error)) function.Function {
	return simple(cty.String, func(args []cty.Value) (cty.Value, error) {
		s, err := call(args[0].AsString())
		return cty.StringVal(s), err
	}, param("str", cty.String))
}

// test makes a function that compares two strings.
func test(call func(s, with string) bool, name string) function.Function {
	return simple(cty.Bool, func(args []cty.Value) (cty.Value, error) {
		return cty.BoolVal(call(args[0].AsString(), args[1].AsString())), nil
	}, param("str", cty.String), param(name, cty.String))
}

// replace replaces each occurrence of a text, or each match of an expression
// between slashes.
func replace(s, old, with string) (cty.Value, error) {
	if len(old) > 1 && strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
		re, err := regexp.Compile(old[1 : len(old)-1])
		if err != nil {
			return cty.UnknownVal(cty.String), function.NewArgError(1, err)
		}
		return cty.StringVal(re.ReplaceAllString(s, with)), nil
	}
	return cty.StringVal(strings.ReplaceAll(s, old, with)), nil
}
