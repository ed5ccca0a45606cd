package kql

import (
	"math"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

func TestLiterals(t *testing.T) {
	checkValues(t, [][2]string{
		{"9223372036854775807", "long 9223372036854775807"},
		{"-9223372036854775808", "long -9223372036854775808"},
		{"0x1F", "long 31"},
		{"int(7)", "int 7"},
		{"int(null)", "int null"},
		{"1.5", "real 1.5"},
		{"1e3", "real 1000.0"},
		{"real(nan)", "real NaN"},
		{"-real(+inf)", "real -Infinity"},
		{"decimal(0.10101)", "decimal 0.10101"},
		{`"a\tb\"\u00e9"`, "string a\tb\"é"},
		{`'it"s'`, `string it"s`},
		{`@"C:\dir\"`, `string C:\dir\`},
		{`@'it''s'`, "string it's"},
		{`h"secret"`, "string secret"},
		{`h@'\x'`, `string \x`},
		{"```two\nlines \\n```", "string two\nlines \\n"},
		{`"a" 'b'`, "string ab"},
		{"true", "bool true"},
		{"bool(null)", "bool null"},
		{"dynamic(null)", "dynamic null"},
		{`dynamic({"a": [1, -2.5, true, null, 'x']})`, `dynamic {"a":[1,-2.5,true,null,"x"]}`},
		{`dynamic("bare")`, "dynamic bare"},
		{"guid(74BE27DE-1E4E-49D9-B579-FE0B331D3642)", "guid 74be27de-1e4e-49d9-b579-fe0b331d3642"},
		{"1d", "timespan 1.00:00:00"},
		{"2.5h", "timespan 02:30:00"},
		{"100ms", "timespan 00:00:00.1000000"},
		{"1microsecond", "timespan 00:00:00.0000010"},
		{"1tick", "timespan 00:00:00.0000001"},
		{"time(1.02:03:04.5)", "timespan 1.02:03:04.5000000"},
		{"time(-1d)", "timespan -1.00:00:00"},
		{"timespan(null)", "timespan null"},
		{"-30s", "timespan -00:00:30"},
	})
}

func TestDatetimeForms(t *testing.T) {
	for _, c := range [][2]string{
		{"2026", "2026-01-01T00:00:00.0000000Z"},
		{"2026-03", "2026-03-01T00:00:00.0000000Z"},
		{"2026-03-04", "2026-03-04T00:00:00.0000000Z"},
		{"2026-3-4", "2026-03-04T00:00:00.0000000Z"},
		{"2026-03-04T05:06", "2026-03-04T05:06:00.0000000Z"},
		{"2026-03-04 05:06:07", "2026-03-04T05:06:07.0000000Z"},
		{"2026-03-04T05:06:07.1", "2026-03-04T05:06:07.1000000Z"},
		{"2026-03-04T05:06:07.1234567Z", "2026-03-04T05:06:07.1234567Z"},
		{"2026-03-04T05:06:07+02:00", "2026-03-04T03:06:07.0000000Z"},
		{"2026-03-04T05:06:07.5-0130", "2026-03-04T06:36:07.5000000Z"},
		{"Wed, 04 Mar 2026 05:06:07 GMT", "2026-03-04T05:06:07.0000000Z"},
		{"0001-01-01", "0001-01-01T00:00:00.0000000Z"},
		{"9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"},
		{"\"2026-03-04\"", "2026-03-04T00:00:00.0000000Z"},
	} {
		checkValues(t, [][2]string{{"datetime(" + c[0] + ")", "datetime " + c[1]}})
	}
	for _, bad := range []string{"", "x", "2026-13-01", "2026-02-30", "2026-01-01T24:00", "2026-01-01T", "2026-01-01T00:00:00.12345678Z", "26-01-01", "0000-01-01", "10000-01-01", "0001-01-01T00:00+01:00"} {
		if v, ok := parseDatetime(bad); ok {
			t.Errorf("%q: got %v, want a refusal", bad, v)
		}
	}
}

func TestExpressions(t *testing.T) {
	checkValues(t, [][2]string{
		{"1 + 2 * 3 - 4 / 2", "long 5"},
		{"9007199254740993 + 2", "long 9007199254740995"},
		{"int(7) / int(2)", "long 3"},
		{"7 / 2.0", "real 3.5"},
		{"1 / 0", "long null"},
		{"-14 % 12", "long 10"},
		{"14 % -12", "long 2"},
		{"decimal(0.1) + decimal(0.2)", "decimal 0.3"},
		{"datetime(2026-01-02) - datetime(2026-01-01)", "timespan 1.00:00:00"},
		{"datetime(2026-01-01) + 1tick", "datetime 2026-01-01T00:00:00.0000001Z"},
		{"datetime(9999-12-31) + 2d", "datetime null"},
		{"1h / 1m", "real 60.0"},
		{"2 * 1h", "timespan 02:00:00"},
		{"1000000000000000001 == 1000000000000000001", "bool true"},
		{"1000000000000000001 == 1000000000000000000.0", "bool false"},
		{"1 < 1.5 and 'a' < 'b'", "bool true"},
		{"true or bool(null)", "bool true"},
		{"false and bool(null)", "bool false"},
		{"true and bool(null)", "bool null"},
		{"not(bool(null))", "bool null"},
		{"long(null) > 1", "bool null"},
		{"long(null) == 1", "bool false"},
		{"long(null) != 1", "bool true"},
		{"long(null) == long(null)", "bool null"},
		{"long(null) + 1", "long null"},
		{"'Abc' =~ 'aBC'", "bool true"},
		{"'Abc' !~ 'x'", "bool true"},
		{"'hello world' contains 'LO W'", "bool true"},
		{"'hello world' contains_cs 'LO'", "bool false"},
		{"'hello' !contains 'z'", "bool true"},
		{"'hello world' has 'World'", "bool true"},
		{"'hello world' has 'wor'", "bool false"},
		{"'hello world' hasprefix 'wor'", "bool true"},
		{"'hello world' hassuffix 'rld'", "bool true"},
		{"'a-b_c' has 'b'", "bool true"},
		{"'hello' has_cs 'Hello'", "bool false"},
		{"'hello' !has 'hello'", "bool false"},
		{"'hello' startswith 'HE'", "bool true"},
		{"'hello' !startswith_cs 'HE'", "bool true"},
		{"'hello' endswith 'LO'", "bool true"},
		{"'a' in ('a', 'b')", "bool true"},
		{"'A' in ('a')", "bool false"},
		{"'A' in~ ('a')", "bool true"},
		{"'c' !in ('a', 'b')", "bool true"},
		{"3 in (dynamic([1, 2, 3]))", "bool true"},
		{"'x y' has_any ('z', 'y')", "bool true"},
		{"'x y' has_all ('x', 'z')", "bool false"},
		{"5 between (1 .. 5)", "bool true"},
		{"datetime(2026-01-02) between (datetime(2026-01-01) .. 1d)", "bool true"},
		{"'abc12' matches regex @'\\d+$'", "bool true"},
		{"dynamic({'a': {'b': [1, 2]}}).a.b[-1]", "dynamic 2"},
		{"dynamic({'a b': 1})['a b']", "dynamic 1"},
		{"dynamic({'a': 1}).missing", "dynamic null"},
		{"tostring(dynamic({'a': 'x'}).a) == 'x'", "bool true"},
		{"dynamic({'a': 5}).a > 4", "bool true"},
		{"dynamic({'a': 9007199254740993}).a == 9007199254740993", "bool true"},
		{"guid(74be27de-1e4e-49d9-b579-fe0b331d3642) == '74BE27DE-1E4E-49D9-B579-FE0B331D3642'", "bool true"},
	})
}

func TestFunctions(t *testing.T) {
	checkValues(t, [][2]string{
		{"bin(7, 5)", "long 5"},
		{"bin(-7, 5)", "long -10"},
		{"bin(datetime(2026-01-01 10:59:59.9999999), 1h)", "datetime 2026-01-01T10:00:00.0000000Z"},
		{"bin(7.5, 2)", "real 6.0"},
		{"floor(-1.5)", "real -2.0"},
		{"bin(1d, 7h)", "timespan 21:00:00"},
		{"ago(1d) == now() - 1d and now(-1d) == ago(1d)", "bool true"},
		{"datetime_add('month', 1, datetime(2026-01-31))", "datetime 2026-02-28T00:00:00.0000000Z"},
		{"datetime_add('year', -1, datetime(2024-02-29 01:02:03))", "datetime 2023-02-28T01:02:03.0000000Z"},
		{"datetime_add('day', 9223372036854775807, datetime(2026-01-31))", "datetime null"},
		{"datetime_diff('day', datetime(2026-01-02 00:00), datetime(2026-01-01 23:59))", "long 1"},
		{"datetime_diff('month', datetime(2026-01-31), datetime(2025-12-01))", "long 1"},
		{"startofday(datetime(2026-01-01 10:00))", "datetime 2026-01-01T00:00:00.0000000Z"},
		{"startofweek(datetime(2026-01-01))", "datetime 2025-12-28T00:00:00.0000000Z"},
		{"startofmonth(datetime(2026-02-11), -1)", "datetime 2026-01-01T00:00:00.0000000Z"},
		{"endofday(datetime(2026-01-01))", "datetime 2026-01-01T23:59:59.9999999Z"},
		{"endofday(datetime(9999-12-31))", "datetime 9999-12-31T23:59:59.9999999Z"},
		{"endofmonth(datetime(2024-02-01))", "datetime 2024-02-29T23:59:59.9999999Z"},
		{"format_datetime(datetime(2026-03-04 15:06:07.1234567), 'yyyy-MM-dd hh:mm:ss.fffffff tt')", "string 2026-03-04 03:06:07.1234567 PM"},
		{"format_timespan(26h, 'd.hh:mm')", "string 1.02:00"},
		{"todatetime('2026-01-01')", "datetime 2026-01-01T00:00:00.0000000Z"},
		{"todatetime('nonsense')", "datetime null"},
		{"totimespan('01:00:00')", "timespan 01:00:00"},
		{"tolong('12') + toint('3')", "long 15"},
		{"tolong('12.9')", "long 12"},
		{"tolong('x')", "long null"},
		{"toint(3000000000)", "int null"},
		{"toreal('1.5')", "real 1.5"},
		{"tobool('TRUE')", "bool true"},
		{"tostring(1tick)", "string 00:00:00.0000001"},
		{"tostring(long(null))", "string "},
		{"todecimal('1.50')", "decimal 1.50"},
		{"toguid('74be27de1e4e49d9b579fe0b331d3642')", "guid 74be27de-1e4e-49d9-b579-fe0b331d3642"},
		{"parse_json('{\"a\": 1}').a", "dynamic 1"},
		{"gettype(parse_json('[1]'))", "string array"},
		{"gettype(1.0)", "string real"},
		{"gettype(dynamic(null))", "string null"},
		{"strlen('é\U0001F600')", "long 2"},
		{"strcat('a', 1, true, datetime(null))", "string a1true"},
		{"substring('hello', 1, 3)", "string ell"},
		{"substring('hello', -2)", "string lo"},
		{"split('a,b,c', ',')", `dynamic ["a","b","c"]`},
		{"split('a,b,c', ',')[1]", "dynamic b"},
		{"toupper(tolower('AbC'))", "string ABC"},
		{"replace_string('aXa', 'X', 'b')", "string aba"},
		{"replace_regex('a1b2', @'(\\d)', @'<\\1>')", "string a<1>b<2>"},
		{"trim('-+', '--a--')", "string a"},
		{"extract('x=([0-9]+)', 1, 'x=45')", "string 45"},
		{"extract('x=([0-9]+)', 1, 'x=45', typeof(long))", "long 45"},
		{"indexof('hello', 'l')", "long 2"},
		{"iff(1 > 2, 'a', 'b')", "string b"},
		{"iff(true, 1, 2.5)", "real 1.0"},
		{"case(false, 1, true, 2, 3)", "long 2"},
		{"coalesce(long(null), 5)", "long 5"},
		{"isnull(long(null)) and isnotnull(1) and isempty('') and isnotempty('x')", "bool true"},
		{"isnull('')", "bool false"},
		{"abs(-5) + abs(5)", "long 10"},
		{"round(2.567, 2)", "real 2.57"},
		{"min_of(3, 1, 2) + max_of(3, 1, 2)", "long 4"},
		{"bag_pack('a', 1, 'b', 'x')", `dynamic {"a":1,"b":"x"}`},
		{"array_length(dynamic([1, 2]))", "long 2"},
		{"hash_md5('World')", "string f5a7924e621e84c9280a9a27e1bcb7f6"},
		{"hash_sha256('World')", "string 78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524"},
		{"hash('x') == hash('x') and hash('x', 10) between (0 .. 9)", "bool true"},
		{"estimate_data_size(1, '1234567890')", "long 18"},
		{"getyear(datetime(2026-03-04))", "int 2026"},
		{"monthofyear(datetime(2026-03-04)) + dayofmonth(datetime(2026-03-04)) + hourofday(datetime(2026-03-04 05:00))", "long 12"},
		{"unixtime_seconds_todatetime(1)", "datetime 1970-01-01T00:00:01.0000000Z"},
		{"unixtime_milliseconds_todatetime(1772600767123)", "datetime 2026-03-04T05:06:07.1230000Z"},
		{"unixtime_nanoseconds_todatetime(1772600767123456700)", "datetime 2026-03-04T05:06:07.1234567Z"},
		{"ingestion_time()", "datetime null"},
		{"column_ifexists('nothing', 4)", "long 4"},
	})
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		value Value
		want  int64
	}{
		{nil, 0}, {true, 1}, {int32(1), 4}, {int64(1), 8}, {1.5, 8}, {"1234567890", 10}, {"é", 2},
		{pipeline.Tick(0), 8}, {Span(1), 8}, {Decimal("1"), 16}, {GUID(""), 16}, {Dynamic("{}"), 10},
	} {
		if got := Size(c.value); got != c.want {
			t.Errorf("Size(%#v): got %d, want %d", c.value, got, c.want)
		}
	}
}

func TestCompareExtremes(t *testing.T) {
	for _, c := range []struct {
		a, b  Value
		order int
		ok    bool
	}{
		{int64(math.MaxInt64), float64(math.MaxInt64), -1, true}, // the real is 2^63
		{int64(math.MinInt64), float64(math.MinInt64), 0, true},
		{int64(math.MaxInt64), math.Inf(1), -1, true},
		{math.Inf(-1), int64(math.MinInt64), -1, true},
		{int64(1), math.NaN(), 0, false},
		{math.NaN(), math.NaN(), 0, false},
		{int32(5), int64(5), 0, true},
		{Decimal("0.1"), 0.1, -1, true}, // the real is a little more
		{nil, int64(1), 0, false},
		{true, int64(1), 0, false},
		{Dynamic("5"), int64(5), 0, true},
		{Dynamic("x"), "x", 0, true},
		{Dynamic(`{"a":1}`), int64(5), 1, true},
	} {
		order, ok := compare(c.a, c.b)
		if ok != c.ok || ok && order != c.order {
			t.Errorf("compare(%v, %v): got %d, %v, want %d, %v", c.a, c.b, order, ok, c.order, c.ok)
		}
		back, ok := compare(c.b, c.a)
		if ok != c.ok || ok && back != -c.order {
			t.Errorf("compare(%v, %v): got %d, %v, want %d, %v", c.b, c.a, back, ok, -c.order, c.ok)
		}
	}
}
