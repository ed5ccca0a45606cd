package config

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// sizes are the units of sizes, in bytes.
var sizes = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// parseSize reads a size such as "256MB" or "1 GiB". A number alone is bytes.
func parseSize(text string) (int64, error) {
	for _, u := range sizes {
		number, ok := strings.CutSuffix(strings.TrimSpace(text), u.name)
		if !ok {
			continue
		}
		n, ok := new(big.Rat).SetString(strings.TrimSpace(number))
		if !ok || strings.ContainsAny(number, "/eE_") {
			break
		}
		n.Mul(n, new(big.Rat).SetInt64(u.bytes))
		if n.Sign() <= 0 || !n.IsInt() || !n.Num().IsInt64() {
			return 0, fmt.Errorf("%q is no size of a file", text)
		}
		return n.Num().Int64(), nil
	}
	return 0, fmt.Errorf(`%q is not a size such as "256MB" or "1GiB"`, text)
}

// size reads an argument that is a size in bytes; 0 if it is left out.
func (b *body) size(name string) int64 {
	text, set, _ := b.text(b.content, name)
	if !set {
		return 0
	}
	n, err := parseSize(text)
	if err != nil {
		b.fail(b.content.Attributes[name], "Unsuitable value", "The value of %q is not suitable: %s.", name, err)
	}
	return n
}

// plural reads an argument that is a number of things, 1 or more; 0 if it is left
// out.
func (b *body) plural(name string) int64 {
	attr, found := b.content.Attributes[name]
	if !found {
		return 0
	}
	b.places[name] = attr.Expr.Range()
	v, ok := b.plain(attr, name, cty.Number)
	if !ok || v.IsNull() {
		return 0
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != big.Exact || n < 1 {
		b.fail(attr, "Unsuitable value", "The value of %q must be a whole number of at least 1.", name)
	}
	return n
}
