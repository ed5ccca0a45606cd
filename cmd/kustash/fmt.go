package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/pipeline/config"
)

var fmtVerb = verb{
	name:  "fmt",
	brief: "bring pipeline files into the canonical layout",
	usage: "[-chdir=DIR] fmt [flags] [FILE | DIRECTORY | -]...",
	help: `Rewrites *.kustash.hcl and *.vars.hcl files in the canonical layout and lists
those that changed. "-" formats standard input to standard output.`,
	run: runFmt,
}

type fmtFlags struct {
	check, diff, recursive, write, list bool
}

func runFmt(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o fmtFlags
	f.BoolVar(&o.check, "check", false, "change nothing; exit with 1 if a file is not formatted")
	f.BoolVar(&o.diff, "diff", false, "show the lines that change")
	f.BoolVar(&o.recursive, "recursive", false, "also the directories below")
	f.BoolVar(&o.write, "write", true, "=false leaves the files as they are")
	f.BoolVar(&o.list, "list", true, "=false does not list the files that change")
	rest, err := p.parse(f, v, args, 1000)
	if err != nil {
		return 0, err
	}
	if len(rest) == 1 && rest[0] == "-" {
		return p.fmtStdin(&o)
	}
	if len(rest) == 0 {
		rest = []string{"."}
	}
	files, err := p.fmtFiles(rest, o.recursive)
	if err != nil {
		return 0, err
	}
	changed := 0
	for _, name := range files {
		differs, err := p.fmtFile(name, &o)
		if err != nil {
			return 0, err
		}
		if differs {
			changed++
		}
	}
	if o.check && changed > 0 {
		return exitFailed, nil
	}
	return exitDone, nil
}

// fmtFiles lists the files to format.
func (p *process) fmtFiles(roots []string, recursive bool) ([]string, error) {
	var files []string
	for _, root := range roots {
		root = p.path(root)
		info, err := os.Stat(root)
		if err != nil {
			return nil, fmt.Errorf("fmt: %w", err)
		}
		if !info.IsDir() {
			files = append(files, root)
			continue
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != root && (!recursive || strings.HasPrefix(d.Name(), ".")):
				return fs.SkipDir
			case !d.IsDir() && isPipelineFile(d.Name()):
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("fmt: %w", err)
		}
	}
	return files, nil
}

// isPipelineFile leaves out JSON, which has no layout of its own.
func isPipelineFile(name string) bool {
	return (config.IsPipelineFile(name) || strings.HasSuffix(name, ".vars.hcl")) && strings.HasSuffix(name, ".hcl")
}

// fmtFile formats one file and reports whether it was not in the layout.
func (p *process) fmtFile(name string, o *fmtFlags) (bool, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return false, fmt.Errorf("fmt: %w", err)
	}
	out, err := p.formatted(src, name)
	if err != nil || bytes.Equal(src, out) {
		return false, err
	}
	if o.list {
		p.printf("%s\n", name)
	}
	if o.diff {
		p.printf("%s", lineDiff(string(src), string(out)))
	}
	if o.check || !o.write {
		return true, nil
	}
	if err := durable.Replace(name, out); err != nil {
		return true, fmt.Errorf("fmt: %w", err)
	}
	return true, nil
}

func (p *process) formatted(src []byte, name string) ([]byte, error) {
	out, diags := config.Format(src, name)
	if diags.HasErrors() {
		files := map[string]*hcl.File{name: {Bytes: src}}
		if err := config.WriteDiagnostics(p.stderr, files, diags, p.style()); err != nil {
			return nil, err
		}
		return nil, errReported
	}
	return out, nil
}

func (p *process) fmtStdin(o *fmtFlags) (int, error) {
	src, err := io.ReadAll(p.stdin)
	if err != nil {
		return 0, fmt.Errorf("fmt: read standard input: %w", err)
	}
	out, err := p.formatted(src, "<stdin>")
	if err != nil {
		return 0, err
	}
	if o.check {
		if !bytes.Equal(src, out) {
			return 0, errors.New("fmt: standard input is not formatted")
		}
		return exitDone, nil
	}
	_, err = p.stdout.Write(out)
	return exitDone, err
}

// lineDiff shows the lines that differ. Formatting keeps the order of lines,
// so the longest common subsequence is not needed: lines that are equal but
// for blanks belong together.
func lineDiff(before, after string) string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	var out strings.Builder
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case i < len(a) && j < len(b) && squeeze(a[i]) == squeeze(b[j]):
			fmt.Fprintf(&out, "-%s\n+%s\n", a[i], b[j])
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || squeeze(a[i]) == ""):
			fmt.Fprintf(&out, "-%s\n", a[i])
			i++
		default:
			fmt.Fprintf(&out, "+%s\n", b[j])
			j++
		}
	}
	return out.String()
}
