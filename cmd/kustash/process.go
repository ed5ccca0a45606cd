package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

// Rules of all terminal output: results go to stdout and can be piped;
// progress, questions and problems go to stderr; a problem begins with
// "Error: " and ends with the next step; colour marks, it never informs.

// process is everything the program touches, so that a test can be a process.
type process struct {
	args   []string
	verbs  []verb
	getenv func(string) string
	lookup func(string) (string, bool)
	dir    string // of the pipeline
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	color  bool
	asks   bool // somebody can answer a question
	bars   bool // stderr is a terminal
	width  int  // of the terminal in columns; 0 is unknown, nothing is wrapped
	retry  pipeline.Retry
	pause  time.Duration // after a throttled request; 0 is the source's own
	clock  func() time.Time
}

// now is this machine's time. It serves tests of clocks that were set: with
// KUSTASH_TEST_CLOCK_OFFSET=DURATION in the environment it is off by that much.
func (p *process) now() time.Time {
	if p.clock != nil {
		return p.clock().UTC()
	}
	if off, err := time.ParseDuration(p.getenv("KUSTASH_TEST_CLOCK_OFFSET")); err == nil {
		return time.Now().Add(off)
	}
	return time.Now()
}

func realProcess() *process {
	p := &process{
		args:   os.Args[1:],
		getenv: os.Getenv,
		lookup: os.LookupEnv,
		dir:    ".",
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		retry:  pipeline.DefaultRetry,
	}
	p.bars = term.IsTerminal(int(os.Stderr.Fd()))
	p.asks = p.bars && term.IsTerminal(int(os.Stdin.Fd()))
	_, noColor := os.LookupEnv("NO_COLOR")
	p.color = p.bars && term.IsTerminal(int(os.Stdout.Fd())) && !noColor
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 20 {
		p.width = w
	}
	return p
}

// extraArgs returns the flags that KUSTASH_CLI_ARGS_verb adds.
func (p *process) extraArgs(verb string) []string {
	return strings.Fields(p.getenv("KUSTASH_CLI_ARGS_" + verb))
}

// problem writes an error to stderr.
func (p *process) problem(err error) {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(p.stderr, p.paint(red, "Error:"), "Stopped by an interrupt; nothing was kept of what was under way")
		return
	}
	fmt.Fprintf(p.stderr, "%s %s\n", p.paint(red, "Error:"), sentence(err.Error()))
	if errors.Is(err, pipeline.ErrAccess) {
		fmt.Fprintln(p.stderr, "\"kustash doctor\" says which step of the set-up is missing.")
	}
}

// sentence begins a text with a capital, unless it begins with a name.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if strings.Trim(first, "abcdefghijklmnopqrstuvwxyz") != "" || first == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// printf writes a result to stdout.
func (p *process) printf(format string, args ...any) { fmt.Fprintf(p.stdout, format, args...) }

// Colours.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
	faint  = "2"
)

// paint marks a text where there is colour.
func (p *process) paint(code, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// flags returns an empty flag set of a verb that knows how to explain itself.
func (p *process) flags(v *verb) *flag.FlagSet {
	f := flag.NewFlagSet(v.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.BoolFunc("no-color", "plain text without colour", func(string) error { p.color = false; return nil })
	return f
}

// parse reads the flags of a verb and returns what is left. Flags may also
// follow the arguments. Help goes to stdout, a mistake names the nearest flag.
func (p *process) parse(f *flag.FlagSet, v *verb, args []string, most int) ([]string, error) {
	var rest []string
	for {
		err := f.Parse(args)
		if err == flag.ErrHelp {
			p.verbHelp(f, v)
			return nil, err
		}
		if err != nil {
			return nil, p.flagError(f, v, err)
		}
		if f.NArg() == 0 {
			break
		}
		if stopped := len(args) - f.NArg(); stopped > 0 && args[stopped-1] == "--" {
			rest = append(rest, f.Args()...)
			break
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
	if len(rest) > most {
		return nil, fmt.Errorf("%s takes %s, but got %q. See \"kustash %s -help\"", v.name, count(most, "argument"), rest[most:], v.name)
	}
	return rest, nil
}

func (p *process) flagError(f *flag.FlagSet, v *verb, err error) error {
	const unknown = "flag provided but not defined: -"
	name, isUnknown := strings.CutPrefix(err.Error(), unknown)
	if !isUnknown {
		return fmt.Errorf("%s: %w. See \"kustash %s -help\"", v.name, err, v.name)
	}
	var names []string
	f.VisitAll(func(f *flag.Flag) { names = append(names, "-"+f.Name) })
	return fmt.Errorf("%s has no flag -%s.%s See \"kustash %s -help\"", v.name, name, config.DidYouMean("-"+name, names), v.name)
}

func (p *process) verbHelp(f *flag.FlagSet, v *verb) {
	fmt.Fprintf(p.stdout, "Usage: kustash %s\n\n%s\n\nFlags:\n", v.usage, strings.TrimSpace(v.help))
	f.VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		if name != "" {
			name = "=" + strings.ToUpper(name)
		}
		label := f.Name + name
		if len(label) > 21 {
			label += "\n" + strings.Repeat(" ", 25)
		}
		fmt.Fprintf(p.stdout, "  -%-22s%s\n", label, text)
	})
}

// count writes a number with its noun.
func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
