package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// fits reports whether v is null or of the Go type that holds t.
func fits(v kql.Value, t pipeline.Type) bool {
	var ok bool
	switch v.(type) {
	case nil:
		ok = true
	case bool:
		ok = t == pipeline.Bool
	case int32:
		ok = t == pipeline.Int
	case int64:
		ok = t == pipeline.Long
	case float64:
		ok = t == pipeline.Real
	case string:
		ok = t == pipeline.String
	case pipeline.Tick:
		ok = t == pipeline.Datetime
	case kql.Span:
		ok = t == pipeline.Timespan
	case kql.Decimal:
		ok = t == pipeline.Decimal
	case kql.GUID:
		ok = t == pipeline.GUID
	case kql.Dynamic:
		ok = t == pipeline.Dynamic
	}
	return ok
}

// convert makes a cell of a value that a program or a file gives.
func convert(v any, t pipeline.Type) (kql.Value, error) {
	if v == nil && t == pipeline.String {
		return "", nil
	}
	if _, text := v.(string); fits(v, t) && !text {
		return v, nil
	}
	switch v := v.(type) {
	case json.RawMessage:
		return convertJSON(v, t)
	case string:
		return convertText(v, t)
	case time.Time:
		if t == pipeline.Datetime {
			return pipeline.TickOf(v), nil
		}
	default:
		if raw, err := marshal(v); err == nil {
			return convertJSON(raw, t)
		}
	}
	return nil, notA(fmt.Sprint(v), t)
}

// convertJSON makes a cell of a JSON value.
func convertJSON(raw json.RawMessage, t pipeline.Type) (kql.Value, error) {
	raw = bytes.TrimSpace(raw)
	if string(raw) == "null" {
		return convert(nil, t)
	}
	if len(raw) > 0 && raw[0] == '"' {
		if !json.Valid(raw) {
			return nil, notA(string(raw), t)
		}
		return convertText(plainText(raw), t)
	}
	switch t {
	case pipeline.Bool:
		if b := string(raw); b == "true" || b == "false" {
			return b == "true", nil
		}
	case pipeline.Int, pipeline.Long, pipeline.Real, pipeline.Decimal:
		return convertText(string(raw), t)
	case pipeline.Dynamic:
		var b bytes.Buffer
		if err := json.Compact(&b, raw); err == nil {
			return kql.Dynamic(b.String()), nil
		}
	}
	return nil, notA(string(raw), t)
}

var decimalForm = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// convertText makes a cell of a text. An empty one is null in every type that
// has no empty value.
func convertText(s string, t pipeline.Type) (kql.Value, error) {
	switch t {
	case pipeline.String:
		return s, nil
	case pipeline.Dynamic:
		return kql.Dynamic(s), nil
	}
	if s == "" {
		return nil, nil
	}
	var v kql.Value
	var err error
	switch t {
	case pipeline.Bool:
		if s != "true" && s != "false" {
			return nil, notA(strconv.Quote(s), t)
		}
		v = s == "true"
	case pipeline.Int:
		var n int64
		n, err = strconv.ParseInt(s, 10, 32)
		v = int32(n)
	case pipeline.Long:
		v, err = strconv.ParseInt(s, 10, 64)
	case pipeline.Real:
		v, err = parseReal(s)
	case pipeline.Decimal:
		if !decimalForm.MatchString(s) {
			return nil, notA(strconv.Quote(s), t)
		}
		v = kql.Decimal(s)
	case pipeline.Datetime:
		v, err = parseInstant(s)
	case pipeline.Timespan:
		var n int64
		n, err = pipeline.ParseSpan(s)
		v = kql.Span(n)
	case pipeline.GUID:
		if !guidForm.MatchString(s) {
			return nil, notA(strconv.Quote(s), t)
		}
		v = kql.GUID(strings.ToLower(s))
	}
	if err != nil {
		return nil, notA(strconv.Quote(s), t)
	}
	return v, nil
}

func parseReal(s string) (float64, error) {
	switch s {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	if strings.Trim(s, "+-0123456789.eE") != "" {
		return 0, fmt.Errorf("it holds other characters than a number")
	}
	return strconv.ParseFloat(s, 64)
}

func notA(value string, t pipeline.Type) error {
	return fmt.Errorf("%s is not a value of type %s", shorten(value), t)
}
