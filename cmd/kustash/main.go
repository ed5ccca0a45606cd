// Command kustash turns pipeline files into a complete, verifiable archive of
// Microsoft Sentinel and Azure Log Analytics data.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kustash/kustash/pipeline/config"
)

// Exit codes. There are no others.
const (
	exitDone    = 0 // everything that was asked for is done
	exitFailed  = 1 // failed, invalid, or at least one slice is not done
	exitPending = 2 // only with -detailed-exitcode: work is pending
)

func main() {
	os.Exit(run(realProcess()))
}

// verb is one subcommand.
type verb struct {
	name  string
	brief string // one line of the list of verbs
	usage string // what follows "kustash"
	help  string // paragraphs below the usage line
	run   func(ctx context.Context, p *process, v *verb, args []string) (int, error)
}

// allVerbs returns the subcommands in the order in which help lists them.
func allVerbs() []verb {
	return []verb{
		initVerb, validateVerb, planVerb, applyVerb, statusVerb, verifyVerb, connectVerb,
		queryVerb, tablesVerb, doctorVerb, showVerb, outputVerb, stateVerb, forceUnlockVerb, fmtVerb,
		demoVerb, emulatorVerb, versionVerb, completionVerb,
	}
}

// run is the whole program: it returns the exit code.
func run(p *process) int {
	p.verbs = allVerbs()
	args, code, ok := p.globalFlags()
	if !ok {
		return code
	}
	if len(args) == 0 {
		p.help(p.stderr)
		return exitFailed
	}
	v := p.verb(args[0])
	if v == nil {
		p.problem(p.unknownVerb(args[0]))
		return exitFailed
	}
	args = append(p.extraArgs(v.name), args[1:]...)
	ctx, stop := p.interruptible()
	defer stop()
	code, err := v.run(ctx, p, v, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	case err != nil:
		p.problem(err)
		return exitFailed
	}
	return code
}

// errReported ends a verb whose problems the user has seen already.
var errReported = errors.New("reported")

// verb returns the subcommand of this name, or nil.
func (p *process) verb(name string) *verb {
	for i := range p.verbs {
		if p.verbs[i].name == name {
			return &p.verbs[i]
		}
	}
	return nil
}

// verbHabits answers verbs that other tools have.
var verbHabits = map[string]string{
	"destroy": "Nothing kustash does removes archived rows. To start over, delete the archive and its state by hand.",
	"refresh": `The ledger needs no refresh: "kustash plan" asks the workspace each time.`,
	"run":     `The verb is "apply".`,
	"export":  `The verb is "apply".`,
	"check":   `Use "validate" for pipeline files and "verify" for the archive.`,
	"lint":    `The verb is "validate".`,
	"format":  `The verb is "fmt".`,

	"graph":   notYet,
	"console": notYet,
	"report":  notYet,
}

// notYet answers verbs that the language of the tool has and this version not.
const notYet = `This version does not have it yet.`

func (p *process) unknownVerb(name string) error {
	if habit, ok := verbHabits[name]; ok {
		return fmt.Errorf("there is no verb %q. %s", name, habit)
	}
	var names []string
	for _, v := range p.verbs {
		names = append(names, v.name)
	}
	return fmt.Errorf("there is no verb %q.%s See \"kustash -help\"", name, config.DidYouMean(name, names))
}

// globalFlags takes the flags in front of the verb. ok is false if the program
// ends here, with that code.
func (p *process) globalFlags() (args []string, code int, ok bool) {
	args = append(strings.Fields(p.getenv("KUSTASH_CLI_ARGS")), p.args...)
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, _ := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
		switch name {
		case "chdir":
			if value == "" {
				p.problem(errors.New(`-chdir needs a directory: "kustash -chdir=DIR plan"`))
				return nil, exitFailed, false
			}
			p.dir = value
		case "help", "h":
			p.help(p.stdout)
			return nil, exitDone, false
		case "version", "v":
			return append([]string{"version"}, args[1:]...), 0, true
		case "no-color":
			p.color = false
		default:
			p.problem(fmt.Errorf("unknown flag %s in front of the verb; flags of a verb follow it: \"kustash VERB %s\"", args[0], args[0]))
			return nil, exitFailed, false
		}
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "help" {
		if len(args) > 1 {
			return []string{args[1], "-help"}, 0, true
		}
		p.help(p.stdout)
		return nil, exitDone, false
	}
	return args, 0, true
}

func (p *process) help(w io.Writer) {
	fmt.Fprint(w, "Usage: kustash [-chdir=DIR] VERB [flags]\n\n"+
		"Declarative, verifiable export of Microsoft Sentinel and Azure Log Analytics data.\n\n")
	for _, v := range p.verbs {
		fmt.Fprintf(w, "  %-12s%s\n", v.name, v.brief)
	}
	fmt.Fprint(w, "\n"+exitCodesHelp+"\n"+
		"\"kustash VERB -help\" describes a verb. Start with \"kustash demo\": it works offline.\n")
}

const exitCodesHelp = `Exit codes: 0 done; 1 failed, invalid, or at least one slice is not done;
2 only with -detailed-exitcode: work is pending.
`

// interruptible returns a context that the first interrupt cancels, which lets
// commits in flight finish. The second ends the process: what it leaves behind
// is what the next run recovers from.
func (p *process) interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, open := <-signals; !open {
			return
		}
		fmt.Fprintln(p.stderr, "\nInterrupted: no new slice is started, commits in flight finish. Interrupt again to stop at once.")
		cancel()
		if _, open := <-signals; open {
			os.Exit(exitFailed)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}
