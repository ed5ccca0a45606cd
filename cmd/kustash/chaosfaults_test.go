//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// chaosFault is a way to disturb runs. strike disturbs one or more of them and
// leaves a world in which a run can succeed again.
type chaosFault struct {
	name   string
	long   int // rounds of the long form
	short  int // and of the short one
	strike func(r *round)
	notRun string // why it cannot be done at all
}

func chaosFaults() []chaosFault {
	return []chaosFault{
		{name: "kill -9 at a random moment", long: 80, short: 2, strike: killedAtRandom},
		{name: "kill -9 at a step of the commit", long: 100, short: 2, strike: killedAtStep},
		{name: "stopped, second run, continued", long: 10, short: 1, strike: stopped},
		{name: "two runs at once", long: 8, short: 1, strike: twoRuns("")},
		{name: "two runs at once, -lock=false", long: 12, short: 1, strike: twoRuns("-lock=false")},
		{name: "full disk", long: 10, short: 1, strike: fullDisk},
		{name: "limit of the size of files", long: 6, short: 1, strike: fileLimit},
		{name: "read-only archive", long: 5, short: 1, strike: readOnly("archive")},
		{name: "read-only state", long: 5, short: 1, strike: readOnly(".kustash")},
		{name: "faults of the service", long: 10, short: 1, strike: serviceFaults},
		{name: "clock moved back", long: 6, short: 1, strike: clockBack},
		{name: "failing fsync, rename, close", notRun: "make test fails every call in turn: order_test.go, fault_test.go, dirfault_test.go"},
		{name: "state in a blob store out of reach", notRun: "make azurite-test does: TestBlobState"},
	}
}

// killsInARound is how many runs die before one may complete the archive.
const killsInARound = 3

func killedAtRandom(r *round) {
	for range killsInARound {
		r.killAfter(r.moment())
		r.between()
	}
}

func killedAtStep(r *round) {
	for range killsInARound {
		r.killAtStep()
		r.between()
	}
}

// moment is a time within an undisturbed run.
func (r *round) moment() time.Duration {
	return time.Duration(r.rng.Int64N(int64(r.usual)))
}

// killAfter kills a run at that moment, unless it has ended.
func (r *round) killAfter(moment time.Duration) {
	c := r.start()
	time.Sleep(moment)
	_ = c.Process.Kill() // it may have ended
	_ = c.Wait()
	r.ended(c)
}

// killAtStep lets a run kill itself in the middle of its commits.
func (r *round) killAtStep() {
	steps := []string{"read", "prepare", "intended", "commit", "done"}
	c := r.program(fmt.Sprintf("KUSTASH_TEST_CRASH=%s:%d", steps[r.rng.IntN(len(steps))], 1+r.rng.IntN(6)))
	_ = c.Run() // how it ended is counted
	r.ended(c)
}

// stopped lets another run work while one holds still, and wakes that up.
func stopped(r *round) {
	first := r.start()
	time.Sleep(r.moment())
	r.signal(first, syscall.SIGSTOP)
	r.again([]string{"", "-lock=false"}[r.rng.IntN(2)])
	r.between()
	r.signal(first, syscall.SIGCONT)
	_ = first.Wait() // it may have been overtaken
	r.ended(first)
}

func (r *round) signal(c *exec.Cmd, s syscall.Signal) {
	if err := c.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// twoRuns starts a run while another is under way, and may kill one of them.
func twoRuns(flag string) func(r *round) {
	return func(r *round) {
		var args []string
		if flag != "" {
			args = append(args, flag)
		}
		first := r.start(args...)
		time.Sleep(r.moment() / 2)
		second := r.start(args...)
		if r.rng.IntN(3) == 0 {
			time.Sleep(r.moment() / 2)
			_ = first.Process.Kill() // it may have ended
		}
		_, _ = first.Wait(), second.Wait() // at most one need succeed
		r.ended(first)
		r.ended(second)
	}
}

// mount puts a small file system over a folder of the pipeline, if it can.
func (r *round) mount(folder, options string) bool {
	dir := filepath.Join(r.dir, folder)
	if err := os.Mkdir(dir, 0o777); err != nil {
		r.t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "kustash-test", dir).CombinedOutput(); err != nil {
		r.notRun(fmt.Sprintf("no file system can be mounted: %v, %s", err, bytes.TrimSpace(out)))
		return false
	}
	r.t.Cleanup(func() {
		if err := whenFree("umount", dir); err != nil {
			r.t.Error(err)
		}
	})
	return true
}

func (r *round) remount(folder, options string) {
	if err := whenFree("mount", "-o", "remount,"+options, filepath.Join(r.dir, folder)); err != nil {
		r.t.Fatal(err)
	}
}

// whenFree runs a command that fails while a file of the file system is open.
// A process that another round is just starting holds, until it has become
// another program, every file that was open here.
func whenFree(name string, args ...string) error {
	for try := 1; ; try++ {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err == nil {
			return nil
		}
		if try == 100 || !bytes.Contains(out, []byte("busy")) {
			return fmt.Errorf("%s %s: %w, %s", name, strings.Join(args, " "), err, out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// fullDisk has room for a part of the archive, or of the state, only.
func fullDisk(r *round) {
	folder := []string{"archive", ".kustash"}[r.rng.IntN(2)]
	if !r.mount(folder, fmt.Sprintf("size=%dk", 16+4*r.rng.IntN(12))) {
		return
	}
	r.mustFail(r.program(), "no space left")
	r.between()
	r.remount(folder, "size=64m")
}

// fileLimit lets no file grow beyond a block, so that writes end in the middle.
func fileLimit(r *round) {
	c := r.program()
	c.Args = append([]string{"sh", "-c", `trap '' XFSZ; ulimit -f 1; exec "$0" "$@"`, c.Path}, c.Args[1:]...)
	var err error
	if c.Path, err = exec.LookPath("sh"); err != nil {
		r.notRun("there is no shell")
		return
	}
	r.mustFail(c, "file too large")
}

// readOnly turns a folder read-only when a part of the work is done. The run
// before ends by itself: with the lock of one that was killed, the next would
// have to watch it for its lifetime.
func readOnly(folder string) func(r *round) {
	return func(r *round) {
		if !r.mount(folder, "size=64m") {
			return
		}
		r.setFaults(emulator.Fault{Match: emulator.Match{Query: "Crowd_CL"}, Action: emulator.Action{Status: 418}})
		if code, output := r.again(); code != exitFailed {
			r.t.Errorf("a run that could not read a table: exit %d\n%s", code, output)
		}
		r.setFaults()
		r.between()
		r.remount(folder, "ro")
		r.mustFail(r.program(), "read-only file system")
		r.remount(folder, "rw")
	}
}

// serviceFaults lets the service answer in all the ways in which it can fail.
func serviceFaults(r *round) {
	var faults []emulator.Fault
	for _, action := range []emulator.Action{
		{Status: 429, Body: `{"error":{"code":"ThrottledError","message":"slow down"}}`},
		{Status: 503, Body: "<html>unavailable</html>"},
		{Reset: true},
		{Cut: true, CutAfter: r.rng.Int64N(600)},
		{CorruptGzip: true},
		{Takes: time.Hour},
		{Delay: 20 * time.Millisecond},
	} {
		faults = append(faults, emulator.Fault{Match: emulator.Match{Probability: 0.05 + r.rng.Float64()*0.1}, Action: action})
	}
	r.setFaults(faults...)
	for range 2 {
		r.again()
		r.between()
	}
	r.setFaults()
}

func (r *round) setFaults(faults ...emulator.Fault) {
	if err := r.service.SetFaults(faults...); err != nil {
		r.t.Fatal(err)
	}
}

// clockBack begins an archive by the right clock and goes on by one that is a
// little slow, which is let pass, or very slow, which is refused.
func clockBack(r *round) {
	r.killAtStep()
	slow := r.program("KUSTASH_TEST_CLOCK_OFFSET=-45s", "KUSTASH_TEST_CRASH=done:2")
	_ = slow.Run() // how it ended is counted
	r.ended(slow)
	r.mustFail(r.program("KUSTASH_TEST_CLOCK_OFFSET=-2h"), "clock is")
}

// mustFail runs a program that cannot succeed and has to say why.
func (r *round) mustFail(c *exec.Cmd, why string) {
	r.t.Helper()
	out, err := c.CombinedOutput()
	r.ended(c)
	if err == nil || c.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), why) {
		r.t.Errorf("a run that meets %q ended with %v:\n%s", why, err, out)
	}
}
