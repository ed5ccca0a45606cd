package sinks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/kustash/kustash/pipeline"
)

// Choice returns the value of a setting that is one of some words; "" is the
// first. Another value is a *pipeline.SettingError, with the word that is near.
func Choice(setting, value string, words ...string) (string, error) {
	if value == "" {
		return words[0], nil
	}
	if slices.Contains(words, value) {
		return value, nil
	}
	last := len(words) - 1
	err := fmt.Errorf("%q is none of %s and %s%s", value, strings.Join(words[:last], ", "), words[last], nearWord(value, words))
	return "", &pipeline.SettingError{Name: setting, Err: err}
}

func nearWord(value string, words []string) string {
	best, distance := "", min(3, len(value))
	for _, word := range words {
		if d := levenshtein.Distance(strings.ToLower(value), word, nil); d < distance {
			best, distance = word, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// Setting is one of a line of Settled: name=value.
type Setting struct{ Name, Value string }

// SettingsLine writes settings in one line of ASCII. Values other than plain
// words stand in quotes.
func SettingsLine(settings []Setting) string {
	var line []string
	for _, s := range settings {
		value := s.Value
		if !plainWord(value) {
			value = strconv.QuoteToASCII(value)
		}
		line = append(line, s.Name+"="+value)
	}
	return strings.Join(line, " ")
}

func plainWord(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return s != ""
}

// ParseSettings returns the settings of Metadata.Format: all but the
// extension.
func ParseSettings(line string) ([]Setting, error) {
	var settings []Setting
	for rest := strings.TrimLeft(line, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		word, _, _ := strings.Cut(rest, " ")
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			rest = rest[len(word):]
			continue
		}
		if !strings.HasPrefix(value, `"`) {
			rest = rest[len(word):]
			settings = append(settings, Setting{name, value})
			continue
		}
		quoted, err := strconv.QuotedPrefix(rest[len(name)+1:])
		if err != nil {
			return nil, fmt.Errorf("its settings %q cannot be read", line)
		}
		rest = rest[len(name)+1+len(quoted):]
		value, err = strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("its settings %q cannot be read", line)
		}
		settings = append(settings, Setting{name, value})
	}
	return settings, nil
}
