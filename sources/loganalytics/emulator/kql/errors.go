package kql

import (
	"fmt"
	"strings"
)

// Error is a fault of the query text: what the service answers with status
// 400. Codes and texts of SYN0002 and SEM0100 are as recorded from the
// service; those of the other codes are ours.
type Error struct {
	Code    string // "SYN0002", "SEM0100" and so on
	Message string
	Line    int    // 1-based; 0 where the service gives no place
	Pos     int    // 1-based, counted in UTF-16 units
	Token   string // the text at the place, "<EOF>" at the end of the query
}

// Error returns code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Syntax tells whether the text did not parse, as opposed to not making sense.
func (e *Error) Syntax() bool { return strings.HasPrefix(e.Code, "SYN") }

const endOfText = "<EOF>"

func syntaxError(text string, t token) *Error {
	word := t.text
	if t.kind == endToken {
		word = endOfText
	}
	line, pos := place(text, t.off)
	return &Error{
		Code:    "SYN0002",
		Message: fmt.Sprintf("Query could not be parsed at '%s' on line [%d,%d]", word, line, pos),
		Line:    line, Pos: pos, Token: word,
	}
}

// place converts an offset to the service's line and position.
func place(text string, off int) (line, pos int) {
	before := text[:min(off, len(text))]
	line = strings.Count(before, "\n") + 1
	pos = 1
	for _, r := range before[strings.LastIndexByte(before, '\n')+1:] {
		if r > 0xFFFF {
			pos++
		}
		pos++
	}
	return line, pos
}

func semanticError(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// The codes beside SEM0100. Which number the service gives to which fault is
// not recorded for them.
const (
	codeUnresolved = "SEM0100"
	codeTypes      = "SEM0064"
	codeArguments  = "SEM0219"
	codeFunction   = "SEM0260"
	codeDuplicate  = "SEM0079"
	codeOther      = "SEM0001"
	codeLimit      = "E_RUNAWAY_QUERY"
)
