package loganalytics

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

// one decodes a single value of one column, in the middle of a row so that a
// value's end is seen as well.
func one(t *testing.T, kind, raw string, bytewise bool) (any, error) {
	t.Helper()
	d := newDecoder(`{"tables":[{"columns":[{"name":"a","type":"int"},{"name":"v","type":"` + kind + `"},{"name":"z","type":"string"}],"rows":[[1,` + raw + `,"z"]]}]}`)
	if bytewise {
		d.r = iotest.OneByteReader(d.r)
	}
	_, rows, err := decodeRows(t, d)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || rows[0][0] != int32(1) || rows[0][2] != "z" {
		t.Errorf("%s as %s: its neighbours are %v", raw, kind, rows)
	}
	return rows[0][1], nil
}

func TestDecodeValues(t *testing.T) {
	const guid = "74be27de-1e4e-49d9-b579-fe0b331d3642"
	for kind, values := range map[string][]struct {
		raw  string
		want any
	}{
		"bool": {{"true", true}, {"false", false}, {"0", false}, {"1", true}, {"null", nil}},
		"int": {
			{"0", int32(0)}, {"-0", int32(0)}, {"12345", int32(12345)}, {"2147483647", int32(math.MaxInt32)}, {"-2147483648", int32(math.MinInt32)},
			{`"7"`, int32(7)}, {`"-7"`, int32(-7)}, {"1.0", int32(1)}, {"-1.50e1", int32(-15)}, {"1E3", int32(1000)}, {"null", nil},
		},
		"long": {
			{"1234567890123", int64(1234567890123)}, {"9223372036854775807", int64(math.MaxInt64)}, {"-9223372036854775808", int64(math.MinInt64)},
			{"9007199254740993", int64(1<<53 + 1)}, {"9223372036854775807.0", int64(math.MaxInt64)}, {"922337203685477580.7e1", int64(math.MaxInt64)},
			{"0.1e1", int64(1)}, {"0e99999999999999999999", int64(0)}, {"-0.0", int64(0)}, {"1000e-3", int64(1)}, {`"9223372036854775807"`, int64(math.MaxInt64)},
			{`"\u0031"`, int64(1)}, {"null", nil},
		},
		"real": {
			{"0", 0.0}, {"-0", math.Copysign(0, -1)}, {"-0.0", math.Copysign(0, -1)}, {"1.2", 1.2}, {"12345.6789", 12345.6789}, {"-1e-3", -1e-3}, {"5E+1", 50.0},
			{"1.7976931348623157e308", math.MaxFloat64}, {"4.9E-324", math.SmallestNonzeroFloat64}, {"1e-400", 0.0}, {"0.1", 0.1}, {"123456789012345", 123456789012345.0},
			{"0.30000000000000004", 0.30000000000000004}, {"9007199254740993", 9007199254740992.0}, {"0.000000000000001", 1e-15},
			{`"NaN"`, math.NaN()}, {`"Infinity"`, math.Inf(1)}, {`"-Infinity"`, math.Inf(-1)}, {"null", nil},
		},
		"decimal": {
			{`"0.10101"`, "0.10101"}, {`"-79228162514264337593543950335.0000"`, "-79228162514264337593543950335.0000"}, {`"1E-10"`, "1E-10"}, {`"+1."`, "+1."}, {`".5"`, ".5"},
			{"1.10", "1.10"}, {"-5", "-5"}, {"1e5", "1e5"}, {`"NaN"`, "NaN"}, {`"-Infinity"`, "-Infinity"}, {"null", nil},
		},
		"string": {
			{`""`, ""}, {`"a"`, "a"}, {`"null"`, "null"}, {`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"}, {`"\u0000"`, "\x00"}, {`"\u00fC\u00Fc"`, "üü"}, {`"ü漢😀"`, "ü漢😀"},
			{`"\ud83d\ude00"`, "😀"}, {`"\ud83d"`, "�"}, {`"\ude00"`, "�"}, {`"\ud83dx"`, "�x"}, {`"\ud83d\n"`, "�\n"}, {`"\ud83d\u0041"`, "�A"}, {`"\ud83d\ud83d\ude00"`, "�😀"},
			{`"\ude00\ud83d"`, "��"}, {`"\ud83d\ud83d"`, "��"}, {"\"a\xffb\"", "a�b"}, {"\"\xe2\x82\\n\"", "��\n"}, {"\"\xed\xa0\x80\"", "���"}, {"\"\xc3\\u00a9\"", "�©"}, {"\"\x7f\"", "\x7f"},
			{`"C:\\Windows\\System32"`, `C:\Windows\System32`}, {"null", nil},
		},
		"datetime": {
			{`"2015-12-31T23:59:59.9Z"`, "2015-12-31T23:59:59.9Z"}, {`"2000-01-02T03:04:05Z"`, "2000-01-02T03:04:05Z"}, {`"2023-02-20T11:04:02.6371632Z"`, "2023-02-20T11:04:02.6371632Z"},
			{`"0001-01-01T00:00:00Z"`, "0001-01-01T00:00:00Z"}, {`"9999-12-31T23:59:59.9999999Z"`, "9999-12-31T23:59:59.9999999Z"}, {`"2000-01-02T03:04:05.0000000Z"`, "2000-01-02T03:04:05.0000000Z"},
			{`"2000\u002d01-02T03:04:05Z"`, "2000-01-02T03:04:05Z"}, {"null", nil},
		},
		"timespan": {
			{`"00:00:10"`, "00:00:10"}, {`"00:00:00.1250000"`, "00:00:00.1250000"}, {`"-10675199.02:48:05.4775808"`, "-10675199.02:48:05.4775808"}, {`"1.00:00:00"`, "1.00:00:00"}, {"null", nil},
		},
		"guid": {{`"` + guid + `"`, guid}, {`"` + strings.ToUpper(guid) + `"`, strings.ToUpper(guid)}, {"null", nil}},
		"dynamic": {
			{`"{\"a\":123}"`, `{"a":123}`}, {`"boundedElastic-1"`, "boundedElastic-1"}, {`"123"`, "123"}, {`""`, ""}, {`"\"x\""`, `"x"`},
			{`{"b": 1 ,"a":[null,"\u00e9\n",-1.50e+3,true,{}]}`, `{"b": 1 ,"a":[null,"\u00e9\n",-1.50e+3,true,{}]}`}, {"[]", "[]"}, {"[ ]", "[ ]"}, {"{}", "{}"},
			{"-1.50", "-1.50"}, {"12345678901234567890", "12345678901234567890"}, {"true", "true"}, {"false", "false"}, {"[\"\xff\"]", `["�"]`}, {"null", nil},
		},
		"DOUBLE":   {{"1.5", 1.5}},
		"DateTime": {{`"2000-01-02T03:04:05Z"`, "2000-01-02T03:04:05Z"}},
	} {
		for _, v := range values {
			for _, bytewise := range []bool{false, true} {
				got, err := one(t, kind, v.raw, bytewise)
				if err != nil {
					t.Errorf("%s as %s: %v", v.raw, kind, err)
				} else if got, want := showRows([][]any{{got}}), showRows([][]any{{v.want}}); got != want {
					t.Errorf("%s as %s: got %s want %s", v.raw, kind, got, want)
				}
			}
		}
	}
}

func TestDecodeMisfits(t *testing.T) {
	for kind, values := range map[string][][2]string{
		"bool": {
			{"2", "2 is not true or false"}, {"10", "10 is not true, false, 0 or 1"}, {"1.0", "1.0 is not true, false, 0 or 1"}, {"-0", "-0 is not true or false"},
			{`"true"`, `"true" is not true or false`}, {"[]", "[] is not true or false"},
		},
		"int": {
			{"2147483648", "2147483648 is outside the range of int"}, {"-2147483649", "-2147483649 is outside the range of int"}, {`"2147483648"`, `"2147483648" is outside the range of int`},
			{"1e10", "1e10 is outside the range of int"}, {"1.5", "1.5 is not an integer"}, {"1e-1", "1e-1 is not an integer"}, {"true", "true is not a number"}, {`""`, `"" is not a number`},
			{`" 1"`, `" 1" is not a number`}, {`"+1"`, `"+1" is not a number`}, {`"01"`, `"01" is not a number`}, {`"1.5"`, `"1.5" is not an integer`}, {`"-"`, `"-" is not a number`},
		},
		"long": {
			{"9223372036854775808", "9223372036854775808 is outside the range of long"}, {"-9223372036854775809", "-9223372036854775809 is outside the range of long"},
			{"99999999999999999999999", "99999999999999999999999 is outside the range of long"}, {"1e19", "1e19 is outside the range of long"}, {"1e99999999999999999999", "1e99999999999999999999 is outside the range of long"},
			{"1e18446744073709551616", "1e18446744073709551616 is outside the range of long"}, {"0.1", "0.1 is not an integer"}, {"9223372036854775807.5", "9223372036854775807.5 is not an integer"}, {`"NaN"`, `"NaN" is not a number`}, {`{"a":"\n"}`, `{"a":"\n"} is not a number`},
		},
		"real":     {{"1e400", "1e400 is outside the range of real"}, {`"1.5"`, `"1.5" is not a number`}, {`"nan"`, `"nan" is not a number`}, {"false", "false is not a number"}},
		"decimal":  {{`""`, `"" is not a number`}, {`"1,5"`, `"1,5" is not a number`}, {`"0x1"`, `"0x1" is not a number`}, {`"1e"`, `"1e" is not a number`}, {`"."`, `"." is not a number`}, {"[]", "[] is not a number"}},
		"string":   {{"5", "5 is not a text"}, {"false", "false is not a text"}, {"{}", "{} is not a text"}},
		"datetime": {{`""`, `"" is not a time such as 2026-01-31T08:30:00.1234567Z`}, {`"2026-01-31 08:30:00Z"`, `"2026-01-31 08:30:00Z" is not a time such as 2026-01-31T08:30:00.1234567Z`}, {"5", "5 is not a time"}},
		"timespan": {{`"1s"`, `"1s" is not a timespan such as 1.02:03:04.5678900`}, {"5", "5 is not a timespan"}},
		"guid":     {{`"74be27de"`, `"74be27de" is not a GUID`}, {`"{4be27de-1e4e-49d9-b579-fe0b331d364}"`, `"{4be27de-1e4e-49d9-b579-fe0b331d364}" is not a GUID`}, {"5", "5 is not a GUID"}},
		"dynamic":  {{"[1,]", ""}, {"{1:2}", ""}, {"01", ""}, {"tru", ""}, {`["\q"]`, ""}, {"[\"\n\"]", ""}, {"-", ""}, {"1.", ""}, {".5", ""}, {"+1", ""}, {"1e+", ""}, {"NaN", ""}},
	} {
		for _, v := range values {
			for _, bytewise := range []bool{false, true} {
				got, err := one(t, kind, v[0], bytewise)
				switch want := fmt.Sprintf(`read answer: row 1, column "v" (%s): %s`, kind, v[1]); {
				case err == nil:
					t.Errorf("%s as %s: got %v, want an error", v[0], kind, got)
				case v[1] != "" && err.Error() != want:
					t.Errorf("%s as %s:\ngot  %v\nwant %s", v[0], kind, err, want)
				}
			}
		}
	}
}
