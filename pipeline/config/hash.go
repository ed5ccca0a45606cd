package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// hash covers everything that the pipeline was made from, except sensitive
// values.
func (l *loader) hash() string {
	h := sha256.New()
	for _, name := range sortedKeys(l.inputs) {
		fmt.Fprintf(h, "%q %q\n", name, l.inputs[name])
	}
	for _, name := range sortedKeys(l.variables) {
		v := l.variables[name]
		if v.sensitive || v.value.ContainsMarked() || !v.value.IsWhollyKnown() {
			continue
		}
		text, err := ctyjson.Marshal(v.value, v.value.Type())
		if err != nil {
			text = fmt.Append(nil, v.value.GoString())
		}
		fmt.Fprintf(h, "var %s %q\n", name, text)
	}
	return hex.EncodeToString(h.Sum(nil))
}
