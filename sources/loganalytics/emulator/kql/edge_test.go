package kql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestParsing: texts that parse, however odd, and texts that do not, each with
// the token at which parsing ends.
func TestParsing(t *testing.T) {
	for _, good := range []string{
		"E // comment without an end",
		"// leading\n\n;;E;;",
		"\uFEFFE\u00a0| count",
		"E|where n==1|where not(n==2)and(n!=3)",
		"E | where n <> 1 and n !in (1,2) and Computer !in~ ('A')",
		"let view = 1; E | where n == view",
		"let search = 2; print search",
		"E | project search = 1, union = 2 | where search == 1 and union == 2",
		"E | summarize count = count(), kind = max(n) by bin(n, 2)",
		"E | render columnchart with (title='x', ycolumns=a, b) ",
		"E | sort by n asc nulls first, Computer nulls last",
		"print dynamic({\"a\": [{'b': datetime(2026)}], 'c': {}})",
		"E | where Tags.[\"s\"] == 'v1' or Tags['s'] == 'v2' or Tags.l[0] == 1",
		"E | summarize hint.strategy=shuffle count() by Computer",
		"union hint.concurrency=4 withsource=\"src\" kind=outer E, U | where src == 'E'",
		"let f = () { let g = (x:long) { x + 1 }; g(2) }; print f()",
	} {
		if _, err := run(t, good); err != nil {
			t.Errorf("%s\n  got %v", good, err)
		}
	}
	for _, c := range [][2]string{
		{".show tables", "."}, {"E || count", "|"}, {"E | ", endOfText}, {"E | where", endOfText}, {"E | where (n > 1", endOfText},
		{"E | project a = ", endOfText}, {"E | take 5 6", "6"}, {"E | top 5", endOfText}, {"E | join E", endOfText},
		{"E | join kind=sideways E on n", "="}, {"E | lookup kind=fullouter E on n", "="}, {"print 'a\nb'", "'a"},
		{`print "\q"`, `"`}, {"print 5x", "5x"}, {"print datetime(2026-13-01)", "datetime(2026-13-01)"},
		{"print datetime(2026", "datetime(2026"}, {"print guid(1)", "guid(1)"}, {"print 99999999999999999999999d", "99999999999999999999999d"},
		{"let = 1; E", "="}, {"let x; E", ";"}, {"set = 1; E", "="}, {"set x = ; E", ";"}, {"set x = 1 | 2; E", "|"},
		{"let f = (a) { 1 }; E", ")"}, {"let f = (a:thing) { 1 }; E", "thing"}, {"let f = () { let x = 1; }; E", "}"},
		{"datatable(a:long)[1", endOfText}, {"datatable(a)[1]", ")"}, {"range x from 1 to 2", endOfText},
		{"print dynamic({a:1})", "a"}, {"print dynamic([1,)", ")"}, {"E | mv-expand Tags to long", endOfText},
		{"E | parse n", endOfText}, {"E | evaluate bag_unpack(Tags)", "evaluate"}, {"E | where n between (1 , 2)", ","},
		{"print \x00", "\x00"}, {"print 1 ) ", ")"}, {"E } ", "}"}, {"E | project-remove n", "project-remove"}, {"E | where a.", "."},
		{strings.Repeat("(", 1000) + "1", "("}, {"print " + strings.Repeat("-", 1000) + "1", "-"},
	} {
		_, err := run(t, c[0])
		var fault *Error
		if !errors.As(err, &fault) || !fault.Syntax() || fault.Token != c[1] {
			t.Errorf("%.60q\n  got %v, want a syntax error at %q", c[0], err, c[1])
		}
	}
}

// TestRefusals: texts that parse and make no sense, with a part of the message.
func TestRefusals(t *testing.T) {
	for _, c := range [][2]string{
		{"E | where n", "of type bool"},
		{"E | where Computer and true", "needs values of type bool"},
		{"E | extend x = Computer + 1", "cannot be applied to values of types string and long"},
		{"E | extend x = -Computer", "'-' cannot be applied"},
		{"E | extend x = n.a", "not a member"},
		{"E | extend x = n[0]", "has no elements"},
		{"E | extend a = 1, a = 2", "defined twice"},
		{"E | project-rename n = Computer", "defined twice"},
		{"E | project-rename n = nothing", "Failed to resolve column named 'nothing'"},
		{"E | project-rename n = n + 1", "New = Old"},
		{"E | project-away nothing", "Failed to resolve column named 'nothing'"},
		{"E | extend (a, b) = n", "several values"},
		{"E | take -1", "must not be negative"},
		{"E | take n", "Failed to resolve scalar expression named 'n'"},
		{"E | sort by Tags", "has no order"},
		{"E | join E on missing", "named 'missing'"},
		{"E | join E on $left.n == $left.n", "a condition is a column"},
		{"E | join U on $left.n == $right.Computer", "cannot be joined"},
		{"E | mv-expand n", "not dynamic"},
		{"E | mv-expand parse_json('[1]')[n]", "needs a name"},
		{"E | parse Computer with a '-' a", "defined twice"},
		{"E | parse kind=regex Computer with '(' a", "not a regular expression"},
		{"E | where Computer matches regex '('", "not a regular expression"},
		{"E | extend x = count()", "can only be used in summarize"},
		{"E | summarize sum(count())", "can only be used in summarize"},
		{"E | summarize sum()", "expects 1 argument(s)"},
		{"E | summarize arg_max()", "at least 1 argument(s)"},
		{"E | where * > ", "could not be parsed"},
		{"print *", "cannot stand here"},
		{"print iff(1, 2, 3)", "must be of type bool"},
		{"print iff(true, 2)", "expects 3 argument(s)"},
		{"print case(true, 2)", "conditions with values"},
		{"print ago(5)", "must be of type timespan"},
		{"print datetime_add('eon', 1, now())", "not a part of a datetime"},
		{"print datetime_diff('eon', now(), now())", "not a part of a datetime"},
		{"print bag_pack('a')", "at least 2 argument(s)"},
		{"print bag_pack('a', 1, 'b')", "in pairs"},
		{"print E", "Failed to resolve scalar expression named 'E'"},
		{"let x = 1; x | count", "is a scalar, not a table"},
		{"let x = 1; x", "is a scalar, not a table"},
		{"1 + 1", "a table is expected"},
		{"strlen('x')", "Unknown function: 'strlen'."},
		{"let f = (a:long) { a }; print f()", "expects 1 argument(s)"},
		{"let f = (a:long) { a }; print f(1, 2)", "expects 1 argument(s)"},
		{"let f = (x:long) { f(x) }; print f(1)", "Unknown function: 'f'"},
		{"let f = () { print later }; let later = 1; f()", "named 'later'"},
		{"datatable(a:long, b:long)[1]", "do not fill rows"},
		{"datatable(a:long)[n]", "named 'n'"},
		{"range x from 1 to 5 step 0", "do not make a range"},
		{"range x from 'a' to 'b' step 1", "do not make a range"},
		{"declare query_parameters(x:long); E", "has no value"},
		{"set query_now = yesterday; E", "not a datetime"},
		{"table(missing)", "named 'missing'"},
		{"table('missing')", "named 'missing'"},
		{"materialize(E, U)", "expects 1 argument(s)"},
		{"union Q*", "named 'Q*'"},
		{"union isfuzzy=true U, (E | where missing == 1)", "scalar expression named 'missing'"},
		{"workspace('x').E | count", "there is no other resource"},
		{"app('x').requests", "there is no other resource"},
		{"externaldata(a:string)['https://example.com/a.csv'] with (format='csv') | where a == 'x'", "reads no files"},
		{"externaldata(a:string)[", "could not be parsed"},
		{doubling(40), "the text is longer than"},
		{explosion(20), "too complex"},
		{unions(20), "more than 5000000 rows"},
	} {
		_, err := run(t, c[0])
		var fault *Error
		if !errors.As(err, &fault) || !strings.Contains(fault.Error(), c[1]) {
			t.Errorf("%.100s\n  got  %v\n  want %s", c[0], err, c[1])
		}
	}
}

// doubling makes a text of 2^n letters.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("let a0 = 'x';")
	for i := range n {
		fmt.Fprintf(&b, "let a%d = strcat(a%d, a%d);", i+1, i, i)
	}
	fmt.Fprintf(&b, "print a%d", n)
	return b.String()
}

// unions makes a table of 6 * 2^n rows.
func unions(n int) string {
	var b strings.Builder
	b.WriteString("let a0 = E;")
	for i := range n {
		fmt.Fprintf(&b, "let a%d = union a%d, a%d;", i+1, i, i)
	}
	fmt.Fprintf(&b, "a%d | count", n)
	return b.String()
}

// explosion calls a function that calls two others, n deep.
func explosion(n int) string {
	var b strings.Builder
	b.WriteString("let f0 = (x:long) { x };")
	for i := range n {
		fmt.Fprintf(&b, "let f%d = (x:long) { f%d(x) + f%d(x) };", i+1, i, i)
	}
	fmt.Fprintf(&b, "print f%d(1)", n)
	return b.String()
}

func TestMoreFunctions(t *testing.T) {
	checkValues(t, [][2]string{
		{"1.5 % 1 + 1.5 - 0.5 * 2", "real 1.0"},
		{"decimal(7) % decimal(-2) + decimal(1) / decimal(4) - decimal(0.5) * decimal(2)", "decimal 0.25"},
		{"decimal(1) / decimal(0)", "decimal null"},
		{"1h + 30m - 1s", "timespan 01:29:59"},
		{"90m % 1h", "timespan 00:30:00"},
		{"1h / 2 + 1h * 0.5", "timespan 01:00:00"},
		{"1h / 0s", "real null"},
		{"1d + datetime(2026-01-01)", "datetime 2026-01-02T00:00:00.0000000Z"},
		{"datetime(2026-01-01) - time(null)", "datetime null"},
		{"bin(decimal(7.5), decimal(2))", "decimal 6"},
		{"bin(5, 0)", "long null"},
		{"floor(7, 2) + floor(7)", "long 13"},
		{"tobool('0') or tobool(2) or tobool('x')", "bool true"},
		{"tolong(true) + tolong(1.9) + tolong(decimal(3.9)) + tolong(1tick)", "long 6"},
		{"tolong(1e300)", "long null"},
		{"toreal('-inf')", "real -Infinity"},
		{"todecimal(1) + todecimal(0.5)", "decimal 1.5"},
		{"todecimal('1e3')", "decimal 1000"},
		{"todecimal('1e300')", "decimal null"},
		{"todatetime(637134336000000000)", "datetime 2020-01-01T00:00:00.0000000Z"},
		{"totimespan('1:02')", "timespan 01:02:00"},
		{"totimespan(10)", "timespan 00:00:00.0000010"},
		{"time(5)", "timespan 5.00:00:00"},
		{"toguid('no')", "guid null"},
		{"bag_keys(dynamic({'b': 1, 'a': 2}))", `dynamic ["a","b"]`},
		{"array_sort_desc(dynamic([1, 3, 2]))", "dynamic [3,2,1]"},
		{"array_concat(dynamic([1]), dynamic([2]))", "dynamic [1,2]"},
		{"set_has_element(dynamic(['a']), 'a')", "bool true"},
		{"pack_array(1, 'a', datetime(null))", `dynamic [1,"a",null]`},
		{"strcat_array(dynamic(['a', 1]), '-')", "string a-1"},
		{"extractjson('$.a.b[1]', '{\"a\":{\"b\":[1,2]}}')", "string 2"},
		{"make_datetime(2026, 3, 4, 5, 6, 7.5)", "datetime 2026-03-04T05:06:07.5000000Z"},
		{"make_datetime(2026, 2, 30)", "datetime null"},
		{"pow(2, 10) + sqrt(16) + log10(100)", "real 1030.0"},
		{"sign(-3) + sign(0.5)", "long 0"},
		{"binary_and(6, 3) + binary_or(4, 1) + binary_xor(1, 1)", "long 7"},
		{"isnan(real(nan)) and isfinite(1.5)", "bool true"},
		{"abs(-1h)", "timespan 01:00:00"},
		{"unixtime_seconds_todatetime(1.5)", "datetime 1970-01-01T00:00:01.5000000Z"},
		{"unixtime_seconds_todatetime(9223372036854775807)", "datetime null"},
		{"unixtime_microseconds_todatetime(-1)", "datetime 1969-12-31T23:59:59.9999990Z"},
		{"datetime_diff('week', datetime(2026-01-04), datetime(2026-01-03))", "long 1"},
		{"datetime_part('dayofyear', datetime(2026-02-01))", "long 32"},
		{"dayofweek(datetime(2026-01-04))", "timespan 00:00:00"},
		{"startofyear(datetime(2026-05-06)) == endofyear(datetime(2025-05-06)) + 1tick", "bool true"},
		{"base64_decode_tostring(base64_encode_tostring('\u00e9'))", "string é"},
		{"reverse('ab') == 'ba' and countof('aXaX', 'X') == 2", "bool true"},
		{"trim_start('x+', 'xxaxx') == 'axx' and trim_end('x+', 'xxaxx') == 'xxa'", "bool true"},
		{"split('a b', ' ', 5)", "dynamic []"},
		{"hash(1, 0)", "long null"},
		{"tostring(dynamic({'a': 1}))", `string {"a":1}`},
		{"tostring(1e20)", "string 1E+20"},
		{"todynamic('not json')", "dynamic not json"},
		{"dynamic({'a': 1}) == dynamic({'a': 1})", "bool true"},
		{"dynamic('5') == 5", "bool false"},
	})
	checkQueries(t, [][2]string{
		{"print a = 1, b = 'x' | extend p = pack_all() | project p", `p | {"a":1,"b":"x"}`},
		{"E | search 'a' | project n", "n | 0 | 3"},
		{"print d = dynamic({'b': 2, 'a': 1}) | mv-expand d", `d | {"a":1} | {"b":2}`},
		{"print d = dynamic([]) | mv-expand d", "d"},
		{"print d = dynamic([1, 2, 3]), e = dynamic(['x']) | mv-expand d, x = e to typeof(string) limit 2 | project d, x", "d,x | 1,'x' | 2,''"},
		{"datatable(r:real)[1.5, real(nan), -2.0, real(null)] | sort by r asc", "r | null | NaN | -2.0 | 1.5"},
		{"datatable(r:real, s:timespan, d:decimal, t:datetime)[1.5, 1h, decimal(1), datetime(2026), 2.5, 2h, decimal(2), datetime(2028)] | summarize sum(r), avg(s), sum(s), avg(d), sum(d), avg(t)",
			"sum_r,avg_s,sum_s,avg_d,sum_d,avg_t | 4.0,01:30:00,03:00:00,1.5,3,2027-01-01"},
		{"E | summarize minif(n, n > 2), maxif(n, n < 3), avgif(n, n > 3), dcountif(Computer, n < 2), make_set_if(n, n < 2), make_list(n, 2)",
			"minif_n,maxif_n,avgif_n,dcountif_Computer,set_n,list_n | 3,2,4.5,2,[0,1],[0,1]"},
		{"datatable(g:guid, b:bool, s:timespan)[guid(null), true, 1h, guid(null), true, 1h] | distinct g, b, s", "g,b,s | null,true,01:00:00"},
	})
}

// TestConcurrent: one database serves several evaluations at a time.
func TestConcurrent(t *testing.T) {
	db := burst(t, 2000, 3)
	var wait sync.WaitGroup
	results := make([]string, 4)
	for i := range results {
		wait.Add(1)
		go func() {
			defer wait.Done()
			r, err := Evaluate(context.Background(), "B | where text has '7' or hash(_ItemId, 2) == 0 | sort by TimeGenerated desc, _ItemId asc | summarize count(), make_list(_ItemId, 50)", db, Options{})
			if err != nil {
				results[i] = err.Error()
				return
			}
			results[i] = show(r.Tables[0])
		}()
	}
	wait.Wait()
	for _, got := range results[1:] {
		if got != results[0] {
			t.Errorf("got  %s\nwant %s", got, results[0])
		}
	}
}
