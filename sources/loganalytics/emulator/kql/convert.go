package kql

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// convert is the family of to*(): null where the value has no such form.
func convert(v Value, typ pipeline.Type) Value {
	if typ == pipeline.Dynamic {
		return parseJSON(v)
	}
	v = plain(v)
	if v == nil || typeOf(v) == typ {
		return v
	}
	switch typ {
	case pipeline.String:
		return text(v)
	case pipeline.Bool:
		return toBool(v)
	case pipeline.Int:
		if n, ok := toLong(v).(int64); ok && n == int64(int32(n)) {
			return int32(n)
		}
		return nil
	case pipeline.Long:
		return toLong(v)
	case pipeline.Real:
		return toReal(v)
	case pipeline.Decimal:
		return toDecimal(v)
	}
	return convertText(v, typ)
}

func toBool(v Value) Value {
	switch v := v.(type) {
	case string:
		b, _ := boolText(strings.TrimSpace(v))
		return b
	case int32, int64, float64:
		f, _ := asFloat(v)
		return f != 0
	}
	return nil
}

func toLong(v Value) Value {
	switch v := v.(type) {
	case bool:
		return int64(truth(v))
	case int64:
		return v
	case int32:
		return int64(v)
	case float64:
		return longOf(v)
	case Decimal:
		if r := rational(v); r != nil {
			if n := new(big.Int).Quo(r.Num(), r.Denom()); n.IsInt64() {
				return n.Int64()
			}
		}
	case pipeline.Tick:
		return int64(v)
	case Span:
		return int64(v)
	case string:
		s := strings.TrimSpace(v)
		if n, ok := integer(s); ok {
			return n
		}
		if f, ok := float(s); ok {
			return longOf(f)
		}
	}
	return nil
}

// longOf cuts off the fraction; what does not fit is null.
func longOf(f float64) Value {
	if !(f >= math.MinInt64 && f < math.MaxInt64) {
		return nil
	}
	return int64(f)
}

func toReal(v Value) Value {
	switch v := v.(type) {
	case bool:
		return float64(truth(v))
	case string:
		f, _ := realText(strings.TrimSpace(v))
		return f
	case Span:
		return float64(v)
	}
	if f, ok := asFloat(v); ok {
		return f
	}
	return nil
}

func toDecimal(v Value) Value {
	switch v := v.(type) {
	case string:
		d, _ := valid(decimalText(strings.TrimSpace(v)))
		return d
	case int32, int64:
		return Decimal(text(v))
	case float64:
		if r := rational(v); r != nil && math.Abs(v) <= 1e35 {
			return decimalOf(r)
		}
	}
	return nil
}

func convertText(v Value, typ pipeline.Type) Value {
	switch x := v.(type) {
	case int64:
		if typ == pipeline.Datetime {
			return datetimeOf(x)
		}
		if typ == pipeline.Timespan {
			return Span(x)
		}
	case string:
		s := strings.TrimSpace(x)
		var out Value
		switch typ {
		case pipeline.Datetime:
			out, _ = valid(parseDatetime(s))
		case pipeline.Timespan:
			out, _ = parseTimespan(s)
		case pipeline.GUID:
			out, _ = guidText(s)
		}
		return out
	}
	return nil
}

// parseJSON is parse_json: text that is no JSON stays a text.
func parseJSON(v Value) Value {
	s, ok := v.(string)
	if !ok {
		return v
	}
	if !json.Valid([]byte(s)) {
		return s
	}
	return fromJSON([]byte(s))
}
