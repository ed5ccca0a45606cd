//go:build unix

package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
)

// TestChaos disturbs runs in every way that is known to lose or double rows,
// lets kustash complete the archive, and compares it with the source row by row.
//
// The environment chooses: KUSTASH_CHAOS=long is the form of "make chaos",
// KUSTASH_CHAOS_SEED=N repeats a test, KUSTASH_CHAOS_LATE=0 keeps rows from
// arriving late. A seed fixes data and faults, not how the machine schedules them; one
// round of a seed is repeated by -run 'TestChaos/NAME/NUMBER'.
func TestChaos(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("KUSTASH_CHAOS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	long := os.Getenv("KUSTASH_CHAOS") == "long"
	late := os.Getenv("KUSTASH_CHAOS_LATE") != "0"
	report := &chaosReport{tallies: make(map[string]*chaosTally)}
	usual := undisturbed(t, rand.New(rand.NewPCG(seed, 0)), late)
	t.Logf("KUSTASH_CHAOS_SEED=%d, late rows %t, an undisturbed run takes %v", seed, late, usual.Round(time.Millisecond))
	t.Run("rounds", func(t *testing.T) {
		for kind, f := range chaosFaults() {
			tally := report.of(f.name)
			tally.notRun = f.notRun
			rounds := f.short
			switch {
			case long:
				rounds = f.long
			case testing.Short():
				rounds = min(rounds, 1)
			}
			for n := range rounds {
				t.Run(fmt.Sprintf("%s/%d", f.name, n), func(t *testing.T) {
					t.Parallel()
					rng := rand.New(rand.NewPCG(seed, uint64(1+kind<<32+n)))
					r := &round{world: newWorld(t, rng, late), report: report, tally: tally, usual: usual}
					f.strike(r)
					r.complete()
				})
			}
		}
	})
	t.Logf("\n%s", report)
	if kills := report.kills(); long && kills < 300 && !t.Failed() {
		t.Errorf("%d kills, want at least 300", kills)
	}
}

// undisturbed returns how long a run takes that nothing happens to.
func undisturbed(t *testing.T, rng *rand.Rand, late bool) time.Duration {
	r := &round{world: newWorld(t, rng, late), report: &chaosReport{}, tally: &chaosTally{}}
	started := time.Now()
	c := r.program()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("the undisturbed run: %v\n%s", err, out)
	}
	took := time.Since(started)
	r.complete()
	return took
}

// round is one world and what happens to it.
type round struct {
	*world
	report *chaosReport
	tally  *chaosTally
	usual  time.Duration // of a run that nothing happens to
}

// program is an apply in a process of its own, not yet started.
func (r *round) program(env ...string) *exec.Cmd {
	c := r.process("apply", "-auto-approve")
	c.Env = append(append(c.Env, "KUSTASH_TEST_STATUS="+os.DevNull), env...)
	return c
}

// start begins an apply in a process of its own.
func (r *round) start(flags ...string) *exec.Cmd {
	c := r.program()
	c.Args = append(c.Args, flags...)
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// again applies in this process, with less patience for the service.
func (r *round) again(flags ...string) (code int, output string) {
	r.count(func(y *chaosTally) { y.runs++ })
	args := []string{"apply", "-auto-approve"}
	for _, flag := range flags {
		if flag != "" {
			args = append(args, flag)
		}
	}
	return r.run(args...)
}

// ended counts a process that has been waited for.
func (r *round) ended(c *exec.Cmd) {
	status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	r.count(func(y *chaosTally) {
		y.runs++
		if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			y.kills++
		}
	})
}

// mostReruns is how many runs may pass until the archive is complete. One in
// four is killed; a sound one is enough.
const mostReruns = 8

// complete applies until the archive is complete, and compares.
func (r *round) complete() {
	r.settled()
	for attempt := 1; ; attempt++ {
		if r.usual > 0 && attempt < mostReruns/2 && r.rng.IntN(4) == 0 {
			r.killAfter(r.moment())
			continue
		}
		code, output := r.again()
		r.count(func(y *chaosTally) { y.reruns++ })
		if code == exitDone {
			break
		}
		if attempt == mostReruns {
			r.t.Fatalf("%d reruns have not completed the archive; the last one said:\n%s", attempt, output)
		}
	}
	for _, args := range [][]string{{"verify"}, {"plan", "-detailed-exitcode"}} {
		if code, output := r.run(args...); code != exitDone {
			r.t.Errorf("%s: exit %d\n%s", strings.Join(args, " "), code, output)
		}
	}
	r.compare()
}

// compare holds the archive against the source, row by row.
func (r *round) compare() {
	if r.fetch != nil {
		r.fetch()
	}
	current, done := currentFiles(r.t, r.shell)
	r.count(func(y *chaosTally) { y.slices += done })
	for _, query := range chaosQueries {
		want := r.want(query)
		for _, folder := range []string{"parquet", "csv"} {
			got := archived(r.t, r.shell, folder, query, current)
			d := compareRows(got, want)
			if !d.none() {
				r.t.Errorf("%s in %s: %d rows lost, %d doubled, %d foreign; first %s", query, folder, d.lost, d.doubled, d.foreign, d.first)
			}
			r.count(func(y *chaosTally) {
				y.rows += len(got)
				y.lost += d.lost
				y.doubled += d.doubled + d.foreign
			})
		}
	}
}

// notRun records that a fault cannot be had on this machine.
func (r *round) notRun(why string) { r.count(func(y *chaosTally) { y.notRun = why }) }

func (r *round) count(add func(*chaosTally)) {
	r.report.mu.Lock()
	defer r.report.mu.Unlock()
	add(r.tally)
}

// chaosTally is what has become of the rounds of a fault.
type chaosTally struct {
	runs, kills, reruns, slices, rows, lost, doubled int
	notRun                                           string
}

// chaosReport has the tallies by fault, in order.
type chaosReport struct {
	mu      sync.Mutex
	names   []string
	tallies map[string]*chaosTally
}

func (p *chaosReport) of(name string) *chaosTally {
	p.names = append(p.names, name)
	p.tallies[name] = &chaosTally{}
	return p.tallies[name]
}

func (p *chaosReport) kills() (n int) {
	for _, y := range p.tallies {
		n += y.kills
	}
	return n
}

func (p *chaosReport) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\truns\tkills\treruns\tslices\trows\tlost\tdoubled\tnot run")
	var all chaosTally
	for _, name := range p.names {
		y := p.tallies[name]
		writeTally(w, name, *y)
		all.runs += y.runs
		all.kills += y.kills
		all.reruns += y.reruns
		all.slices += y.slices
		all.rows += y.rows
		all.lost += y.lost
		all.doubled += y.doubled
	}
	writeTally(w, "all", all)
	_ = w.Flush() // into memory
	return text.String()
}

func writeTally(w *tabwriter.Writer, name string, y chaosTally) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", name, y.runs, y.kills, y.reruns, y.slices, y.rows, y.lost, y.doubled, cmp.Or(y.notRun, "-"))
}
