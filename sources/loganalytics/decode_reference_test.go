package loganalytics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kustash/kustash/pipeline"
)

// refAnswer is an answer read by encoding/json, all at once, as the rules of
// the service's reference say.
type refAnswer struct {
	table   string
	tables  int
	columns pipeline.Schema
	rows    [][]any
	failed  bool // holds an error
}

var errReference = errors.New("not an answer")

// refMember keeps the order and the repetitions of keys, which a map loses.
type refMember struct {
	key string
	raw json.RawMessage
}

func refObject(raw []byte) ([]refMember, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errReference
	}
	var members []refMember
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := refMember{key: key.(string)}
		if err := d.Decode(&m.raw); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

// refKeys returns the values of the wanted keys; a repeated one is an error,
// and so is any value that is nested too deeply to be skipped.
func refKeys(raw []byte, wanted ...string) (map[string]json.RawMessage, error) {
	members, err := refObject(raw)
	if err != nil {
		return nil, err
	}
	found := make(map[string]json.RawMessage)
	for _, m := range members {
		known := false
		for _, w := range wanted {
			known = known || m.key == w
		}
		if known && found[m.key] != nil || !known && refDepth(m.raw) > maxDepth {
			return nil, errReference
		}
		if known {
			found[m.key] = m.raw
		}
	}
	return found, nil
}

func refDepth(raw []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '[' || c == '{'):
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == ']' || c == '}'):
			depth--
		}
	}
	return deepest
}

func refList(raw []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return nil, errReference
	}
	return list, nil
}

func refText(raw []byte) (string, error) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", errReference
	}
	return *s, nil
}

func refDecode(body []byte) (*refAnswer, error) {
	if !json.Valid(body) {
		return nil, errReference
	}
	top, err := refKeys(body, "tables", "error", "statistics")
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"error", "statistics"} {
		if refDepth(top[key]) > maxDepth {
			return nil, errReference
		}
	}
	a := &refAnswer{failed: top["error"] != nil && string(top["error"]) != "null"}
	if top["tables"] == nil || string(top["tables"]) == "null" {
		top["tables"] = json.RawMessage("[]")
	}
	tables, err := refList(top["tables"])
	if err != nil || len(tables) == 0 && !a.failed {
		return nil, errReference
	}
	a.tables = len(tables)
	for i, raw := range tables {
		if i == 0 {
			err = a.readTable(raw)
		} else if refDepth(raw) > maxDepth {
			err = errReference
		}
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *refAnswer) readTable(raw []byte) error {
	keys, err := refKeys(raw, "name", "columns", "rows")
	if err != nil {
		return err
	}
	if keys["name"] != nil {
		if a.table, err = refText(keys["name"]); err != nil {
			return err
		}
	}
	columns, err := refList(keys["columns"])
	if err != nil {
		return err
	}
	for _, raw := range columns {
		c, err := refKeys(raw, "name", "type")
		if err != nil {
			return err
		}
		name, err1 := refText(c["name"])
		kind, err2 := refText(c["type"])
		kind = strings.ToLower(kind)
		if kind == "double" {
			kind = "real"
		}
		if err1 != nil || err2 != nil || !pipeline.Type(kind).Valid() {
			return errReference
		}
		a.columns = append(a.columns, pipeline.Column{Name: name, Type: pipeline.Type(kind)})
	}
	rows, err := refList(keys["rows"])
	if err != nil {
		return err
	}
	for _, raw := range rows {
		cells, err := refList(raw)
		if err != nil || len(cells) != len(a.columns) || len(cells) == 0 {
			return errReference
		}
		row := make([]any, len(cells))
		for i, cell := range cells {
			if row[i], err = refCell(cell, a.columns[i].Type); err != nil {
				return err
			}
		}
		a.rows = append(a.rows, row)
	}
	return nil
}

func refCell(raw json.RawMessage, kind pipeline.Type) (any, error) {
	text, err := refText(raw)
	isText := err == nil
	var number json.Number
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	isNumber := !isText && d.Decode(&number) == nil && number != ""
	switch {
	case string(raw) == "null":
		return nil, nil
	case kind == pipeline.Dynamic && !isText:
		if refDepth(raw) > maxDepth {
			return nil, errReference
		}
		return string([]rune(string(raw))), nil
	case kind == pipeline.Bool:
		v, ok := map[string]bool{"true": true, "1": true, "false": false, "0": false}[string(raw)]
		return v, refMust(ok)
	case kind == pipeline.Int && (isNumber || isText):
		v, err := refInteger(string(number) + text)
		return int32(v), refMust(err == nil && v >= math.MinInt32 && v <= math.MaxInt32)
	case kind == pipeline.Long && (isNumber || isText):
		v, err := refInteger(string(number) + text)
		return v, err
	case kind == pipeline.Real && isText:
		v, ok := map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[text]
		return v, refMust(ok)
	case kind == pipeline.Real && isNumber:
		v, err := strconv.ParseFloat(string(number), 64)
		return v, err
	case kind == pipeline.Decimal && isNumber:
		return string(number), nil
	case isText && (kind == pipeline.String || kind == pipeline.Dynamic):
		return text, nil
	case isText:
		return text, refMust(refFits(text, kind))
	}
	return nil, errReference
}

func refMust(ok bool) error {
	if !ok {
		return errReference
	}
	return nil
}

func refInteger(s string) (int64, error) {
	var n json.Number
	if !json.Valid([]byte(s)) || json.Unmarshal([]byte(s), &n) != nil || s != n.String() {
		return 0, errReference
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(s), "e"); ok {
		// A rational of a billion digits takes too long.
		if e, err := strconv.Atoi(exponent); (err != nil || e > 5000 || e < -5000) && strings.Trim(s[:len(s)-len(exponent)-1], "-0.") != "" {
			return 0, errReference
		} else if err != nil || e > 5000 || e < -5000 {
			return 0, nil
		}
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, errReference
	}
	return r.Num().Int64(), nil
}

func refFits(text string, kind pipeline.Type) bool {
	var err error
	switch kind {
	case pipeline.Datetime:
		_, err = pipeline.ParseTime(text)
	case pipeline.Timespan:
		_, err = pipeline.ParseSpan(text)
	case pipeline.Decimal:
		return refDecimal.MatchString(text)
	case pipeline.GUID:
		return refGUID.MatchString(text)
	}
	return err == nil
}

// refDiffers says in what the decoder's answer differs, or nothing.
func refDiffers(a answer, rows [][]any, want *refAnswer) string {
	switch {
	case a.Table != want.table || a.Tables != want.tables || (a.Err != nil) != want.failed:
		return fmt.Sprintf("got table %q of %d, error %v; want %q of %d, an error: %v", a.Table, a.Tables, a.Err, want.table, want.tables, want.failed)
	case fmt.Sprint(a.Columns) != fmt.Sprint(want.columns):
		return fmt.Sprintf("got columns %v, want %v", a.Columns, want.columns)
	case showRows(rows) != showRows(want.rows):
		return fmt.Sprintf("got rows\n%swant\n%s", showRows(rows), showRows(want.rows))
	}
	for _, row := range rows {
		for _, cell := range row {
			if s, ok := cell.(string); ok && !utf8.ValidString(s) {
				return fmt.Sprintf("%q is not UTF-8", s)
			}
		}
	}
	return ""
}
