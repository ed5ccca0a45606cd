package config

import (
	"bufio"
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// rangeAt returns the place of bytes from start to end in a file.
func rangeAt(src []byte, name string, start, end int) hcl.Range {
	start = min(max(0, start), len(src))
	end = min(max(start, end), len(src))
	return hcl.Range{Filename: name, Start: positionAt(src, name, start), End: positionAt(src, name, end)}
}

func positionAt(src []byte, name string, offset int) hcl.Pos {
	line := bytes.LastIndexByte(src[:offset], '\n') + 1
	at := hcl.Pos{Line: 1 + bytes.Count(src[:line], []byte("\n")), Column: 1, Byte: offset}
	if head := hcl.NewRangeScanner(src[line:offset], name, bufio.ScanLines); head.Scan() {
		at.Column = head.Range().End.Column
	}
	return at
}

// locate returns where bytes of a query's text stand: in the file of the
// expression if they are written out there, in the file that file("…") reads,
// or else at the whole expression.
func (b *body) locate(expr hcl.Expression, text string, offset, length int) hcl.Range {
	whole := expr.Range()
	if length <= 0 || offset < 0 || offset+length > len(text) {
		return whole
	}
	native, ok := hcl.UnwrapExpression(expr).(hclsyntax.Expression)
	if !ok {
		return whole
	}
	if p, ok := native.(*hclsyntax.ParenthesesExpr); ok {
		native = p.Expression
	}
	switch e := native.(type) {
	case *hclsyntax.FunctionCallExpr:
		return b.locateInFile(e, text, offset, length, whole)
	case *hclsyntax.TemplateExpr:
		start, ok1 := b.locateByte(e, text, offset, false)
		end, ok2 := b.locateByte(e, text, offset+length, true)
		src := b.files[whole.Filename]
		if ok1 && ok2 && src != nil && start < end {
			return rangeAt(src.Bytes, whole.Filename, start, end)
		}
	}
	return whole
}

// locateInFile places bytes of a text that is the content of a file.
func (b *body) locateInFile(call *hclsyntax.FunctionCallExpr, text string, offset, length int, whole hcl.Range) hcl.Range {
	if call.Name != "file" || len(call.Args) != 1 {
		return whole
	}
	name, diags := call.Args[0].Value(b.ctx)
	if diags.HasErrors() || name.Type() != cty.String || !name.IsKnown() || name.IsNull() || name.IsMarked() {
		return whole
	}
	// Text in the language is normalised, so offsets hold only if that left
	// the file as it is.
	src := b.inputs["file "+name.AsString()]
	if src != text {
		return whole
	}
	if b.files[name.AsString()] == nil {
		b.files[name.AsString()] = &hcl.File{Bytes: []byte(src)}
	}
	return rangeAt([]byte(src), name.AsString(), offset, offset+length)
}

// locateByte returns the byte in the source that stands for a byte of a
// template's text. An end lies behind the byte before it.
func (b *body) locateByte(e *hclsyntax.TemplateExpr, text string, offset int, end bool) (int, bool) {
	if end {
		offset--
	}
	file := b.files[e.Range().Filename]
	if file == nil {
		return 0, false
	}
	for _, part := range e.Parts {
		length, literal, ok := b.partLength(part)
		if !ok {
			return 0, false
		}
		if offset >= length {
			offset -= length
			continue
		}
		r := part.Range()
		if !literal || !r.CanSliceBytes(file.Bytes) {
			if end {
				return r.End.Byte, true
			}
			return r.Start.Byte, true
		}
		value := part.(*hclsyntax.LiteralValueExpr).Val.AsString()
		at, width, ok := sourceOffset(string(r.SliceBytes(file.Bytes)), value, offset, quotedAt(file.Bytes, e.Range()))
		if end {
			at += width
		}
		return r.Start.Byte + at, ok
	}
	return 0, false
}

// partLength returns how many bytes of text a part of a template makes.
func (b *body) partLength(part hclsyntax.Expression) (length int, literal, ok bool) {
	if l, isLiteral := part.(*hclsyntax.LiteralValueExpr); isLiteral && l.Val.Type() == cty.String && l.Val.IsKnown() && !l.Val.IsNull() {
		return len(l.Val.AsString()), true, true
	}
	v, diags := part.Value(b.ctx)
	if diags.HasErrors() || v.IsMarked() {
		return 0, false, false
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil || !v.IsKnown() || v.IsNull() {
		return 0, false, false
	}
	return len(v.AsString()), false, true
}

// quotedAt reports whether a template is written in quotes, not as a heredoc.
func quotedAt(src []byte, r hcl.Range) bool {
	return r.Start.Byte < len(src) && !bytes.HasPrefix(src[r.Start.Byte:], []byte("<<")) &&
		!bytes.HasPrefix(src[max(0, r.Start.Byte-1):], []byte("\n"))
}

// sourceOffset walks a literal and its value in step and returns the byte and
// the width in the literal of what makes the value's byte at offset. ok is
// false where the two do not fit.
func sourceOffset(src, value string, offset int, quoted bool) (at, width int, ok bool) {
	i := 0
	for j := 0; j < len(value); {
		if j == 0 || value[j-1] == '\n' {
			i += indentation(src[i:]) - indentation(value[j:])
		}
		if i < 0 || i >= len(src) {
			return 0, 0, false
		}
		from, to := 1, 1
		switch {
		case quoted && src[i] == '\\':
			from, to = escape(src[i:], value[j:])
		case strings.HasPrefix(src[i:], "$${"), strings.HasPrefix(src[i:], "%%{"):
			from, to = 3, 2
		case src[i] != value[j]:
			return 0, 0, false
		}
		if offset < j+to {
			return i, from, true
		}
		i, j = i+from, j+to
	}
	return 0, 0, false
}

// escape returns the widths of an escape sequence and of what it stands for.
func escape(src, value string) (from, to int) {
	_, to = utf8.DecodeRuneInString(value)
	switch {
	case strings.HasPrefix(src, `\u`):
		return 6, to
	case strings.HasPrefix(src, `\U`):
		return 10, to
	}
	return 2, to
}

// indentation counts the spaces and tabs a text begins with.
func indentation(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }
