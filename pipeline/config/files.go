package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
)

const (
	hclSuffix  = ".kustash.hcl"
	jsonSuffix = ".kustash.json"

	// maxFile and maxDepth keep the parser's recursion within bounds.
	maxFile  = 1 << 20
	maxDepth = 200
)

// IsPipelineFile reports whether a file of this name is part of a pipeline.
func IsPipelineFile(name string) bool {
	name = filepath.Base(name)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") {
		return false // what editors leave behind
	}
	return len(name) > len(hclSuffix) && strings.HasSuffix(name, hclSuffix) ||
		len(name) > len(jsonSuffix) && strings.HasSuffix(name, jsonSuffix)
}

// readPipeline parses the pipeline files of the directory. What can be parsed
// of a file with mistakes is returned too.
func (l *loader) readPipeline() []hcl.Body {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		l.errorAt(hcl.Range{}, "Directory cannot be read", "The pipeline directory %s cannot be read: %s.", l.dir, reason(err))
		return nil
	}
	var bodies []hcl.Body
	var others []string
	for _, e := range entries {
		switch {
		case e.IsDir(), strings.HasPrefix(e.Name(), "."):
		case IsPipelineFile(e.Name()):
			if body := l.readFile(e.Name()); body != nil {
				bodies = append(bodies, body)
			}
		case strings.HasSuffix(e.Name(), ".hcl") && e.Name() != varsFile && !strings.HasSuffix(e.Name(), autoVarsSuffix), strings.HasSuffix(e.Name(), ".tf"):
			others = append(others, e.Name())
		}
	}
	if len(bodies) == 0 && len(l.diags) == 0 {
		l.noPipeline(others)
	}
	return bodies
}

func (l *loader) noPipeline(others []string) {
	detail := fmt.Sprintf("The directory %s holds no *%s or *%s file.", l.dir, hclSuffix, jsonSuffix)
	if len(others) > 0 {
		stem, _, _ := strings.Cut(others[0], ".")
		if stem == "kustash" {
			stem = "main"
		}
		detail += fmt.Sprintf(" Files such as %s are not read: rename it to %s.", others[0], stem+hclSuffix)
	} else {
		detail += ` Run "kustash init" to write a starter pipeline, or name another directory with -chdir=DIR.`
	}
	l.errorAt(hcl.Range{}, "No pipeline", "%s", detail)
}

// readFile parses one file of the directory; nil if there is nothing to use.
func (l *loader) readFile(name string) hcl.Body {
	src, err := readRegular(filepath.Join(l.dir, name), maxFile)
	if err != nil {
		l.errorAt(hcl.Range{Filename: name}, "File cannot be read", "The file %s cannot be read: %s.", name, reason(err))
		return nil
	}
	l.inputs["pipeline "+name] = string(src)
	return l.parse(src, name)
}

// parse parses a file and keeps it for quoting.
func (l *loader) parse(src []byte, name string) hcl.Body {
	l.files[name] = &hcl.File{Bytes: src}
	if at, deep := tooDeep(src, name); deep {
		l.errorAt(at, "Nesting is too deep", "This is nested more than %d levels deep. Name parts of it in locals.", maxDepth)
		return nil
	}
	var file *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(name, ".json") {
		file, diags = json.Parse(src, name)
	} else {
		file, diags = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	l.report(diags...)
	if diags.HasErrors() {
		l.secrets.maskSuspicious(src, name)
	}
	if file == nil {
		return nil
	}
	if file.Bytes == nil {
		file.Bytes = src
	}
	l.files[name] = file
	return file.Body
}

// tooDeep finds a bracket, or an operator that stands before its operand, that
// is nested deeper than the recursive parser should follow.
func tooDeep(src []byte, name string) (hcl.Range, bool) {
	if strings.HasSuffix(name, ".json") {
		return jsonTooDeep(src, name)
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	depth, prefixes, questions := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp,
			hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd,
			hclsyntax.TokenCQuote:
			depth = max(0, depth-1)
		case hclsyntax.TokenQuestion:
			questions++
		}
		switch t.Type {
		case hclsyntax.TokenBang, hclsyntax.TokenMinus:
			prefixes++
		case hclsyntax.TokenNewline:
			if depth == 0 {
				questions = 0
			}
			prefixes = 0
		default:
			prefixes = 0
		}
		if depth > maxDepth || prefixes > maxDepth || questions > 10*maxDepth {
			return t.Range, true
		}
	}
	return hcl.Range{}, false
}

func jsonTooDeep(src []byte, name string) (hcl.Range, bool) {
	depth, quoted := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxDepth {
			return rangeAt(src, name, i, i+1), true
		}
	}
	return hcl.Range{}, false
}

// readRegular reads a file of at most limit bytes. Devices and pipes, whose
// end may never come, are refused.
func readRegular(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a directory")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > limit:
		return nil, fmt.Errorf("it has %d bytes, and at most %d are allowed", info.Size(), limit)
	}
	return os.ReadFile(name)
}

// reason returns what happened without the path, which the message names.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}
