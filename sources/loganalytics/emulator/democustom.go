package emulator

import (
	"math"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// The extremes of each type that the custom table goes through.
var (
	extremeLongs = []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 53, 1<<53 + 1, -(1<<53 + 1), 1234567890123456789}
	extremeInts  = []int32{0, 1, -1, math.MaxInt32, math.MinInt32}
	extremeReals = []float64{0, math.Copysign(0, -1), 1, 0.1, 1.0 / 3, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64,
		math.SmallestNonzeroFloat64, 1e21, 1e-7, 123456789012345680, -2.5}
	extremeDecimals = []kql.Decimal{"0", "0.1", "-0.1", "79228162514264337593543950335", "12345678901234567890.123456789012345678", "1.50"}
	extremeSpans    = []kql.Span{0, 1, -1, 10_000_000, math.MaxInt64, math.MinInt64, kql.Span(ticksDay), 36_610_000_001, -kql.Span(ticksHour)}
	extremeTimes    = []pipeline.Tick{0, 1, pipeline.MaxTick, 621355968000000000, 621355967999999999, 636765432101234567}
	// Dynamic values are texts that may or may not be JSON.
	extremePayloads = []kql.Dynamic{`{}`, `[]`, `{"a":1,"b":[true,null,"x"],"c":{"d":1e400}}`, `[1,2.50,"🦊"]`, "123", "true", "bare text",
		`{"not":"closed"`, `"quoted"`, "", `{"n":9007199254740993,"k":"` + "\\u00e4" + `"}`, "two\nlines"}
)

// custom makes a row in which each type takes an extreme in turn, null now and
// then; the periods differ, so that combinations do too.
func (g *generator) custom(pipeline.Tick) Row {
	n := g.n
	row := Row{
		"SourceSystem": "RestAPI", "Sequence": n, "Note": oddTexts[n%len(oddTexts)], "note": oddTexts[(n*7+3)%len(oddTexts)],
		"Flag": n%2 == 0, "Small": extremeInts[n%len(extremeInts)], "Large": extremeLongs[n%len(extremeLongs)],
		"Ratio": extremeReals[n%len(extremeReals)], "Price": extremeDecimals[n%len(extremeDecimals)],
		"Seen": extremeTimes[n%len(extremeTimes)], "Took": extremeSpans[n%len(extremeSpans)], "Key": g.guid(),
		"Payload": extremePayloads[n%len(extremePayloads)],
	}
	nullable := []string{"Flag", "Small", "Large", "Ratio", "Price", "Seen", "Took", "Key", "Payload", "Note", "note"}
	if n%3 == 2 {
		delete(row, nullable[n/3%len(nullable)])
	}
	if n%60 == 59 {
		row["Payload"] = g.big(30_000)
	}
	return row
}
