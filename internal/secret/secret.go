// Package secret holds a text that must never be shown.
package secret

import "log/slog"

// Text is a password, key or token. Formatting, JSON and logging all give
// "(sensitive)"; only Reveal gives the value, at the place that sends it.
type Text string

const hidden = "(sensitive)"

// Reveal returns the value, to be sent to its verifier and nowhere else.
func (t Text) Reveal() string { return string(t) }

// String implements fmt.Stringer.
func (t Text) String() string { return hidden }

// GoString implements fmt.GoStringer.
func (t Text) GoString() string { return hidden }

// MarshalText implements encoding.TextMarshaler.
func (t Text) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(hidden) }
