package loganalytics

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
)

// wideRow has the shape of a SecurityEvent: many columns, few of them filled.
func wideRow(columns, rows int) []byte {
	var b strings.Builder
	b.WriteString(`{"tables":[{"name":"PrimaryResult","columns":[`)
	for i := range columns {
		kind := "string"
		switch {
		case i == 1:
			kind = "datetime"
		case i%9 == 2:
			kind = "int"
		}
		fmt.Fprintf(&b, `{"name":"Column%d","type":"%s"},`, i, kind)
	}
	text := strings.TrimSuffix(b.String(), ",") + `],"rows":[`
	b.Reset()
	b.WriteString(text)
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`["0f3c2a9e-8d6b-4b8e-9d0f-6a4d7d1c5e2b","2026-01-02T03:04:05.6789012Z"`)
		for i := 2; i < columns; i++ {
			switch {
			case i%9 == 2 && i%2 == 0:
				b.WriteString(",null")
			case i%9 == 2:
				fmt.Fprintf(&b, ",%d", 4600+r%30)
			case i%7 == 0:
				fmt.Fprintf(&b, `,"CONTOSO\\host-%d$"`, r%100)
			case i%13 == 0:
				b.WriteString(`,"C:\\Windows\\System32\\services.exe"`)
			case i%17 == 0:
				b.WriteString(`,"4624 - An account was successfully logged on."`)
			default:
				b.WriteString(`,""`)
			}
		}
		b.WriteByte(']')
	}
	b.WriteString(`]}]}`)
	return []byte(b.String())
}

func longTextRows(rows int) []byte {
	event := `{\"az.sdk.message\":\"Sending batch\",\"size\":500,\"path\":\"C:\\\\Temp\"}`
	plain := strings.Repeat("Special privileges assigned to new logon for Jürgen at the console. ", 30)
	return table(`{"name":"t","type":"datetime"},{"name":"m","type":"string"},{"name":"e","type":"dynamic"}`,
		`["2026-01-02T03:04:05.6789012Z","`+plain+`","`+strings.Repeat(event, 8)+`"]`, rows)
}

func table(columns, row string, rows int) []byte {
	return []byte(`{"tables":[{"name":"PrimaryResult","columns":[` + columns + `],"rows":[` +
		strings.TrimSuffix(strings.Repeat(row+",", rows), ",") + `]}]}`)
}

func BenchmarkDecode(b *testing.B) {
	shapes := []struct {
		name string
		body []byte
	}{
		{"wide-sparse", wideRow(230, 8000)},
		{"long-text", longTextRows(4000)},
		{"tiny-rows", table(`{"name":"i","type":"long"},{"name":"r","type":"real"}`, `[1234567,1.5]`, 400000)},
		{"few-typed", table(`{"name":"t","type":"datetime"},{"name":"g","type":"guid"},{"name":"b","type":"bool"},{"name":"d","type":"timespan"},{"name":"s","type":"string"}`,
			`["2026-01-02T03:04:05.6789012Z","74be27de-1e4e-49d9-b579-fe0b331d3642",false,"00:00:00.1250000","some words"]`, 80000)},
	}
	for _, shape := range shapes {
		b.Run(shape.name, func(b *testing.B) {
			b.SetBytes(int64(len(shape.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decodeAnswer(bytes.NewReader(shape.body), func(arrow.Record) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
