package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// holderEnv makes the test binary a process that holds the lock of the state
// in this folder until it is killed.
const holderEnv = "KUSTASH_TEST_LEDGER_HOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderEnv); dir != "" {
		holdForEver(dir)
	}
	os.Exit(m.Run())
}

func holdForEver(dir string) {
	ctx := context.Background()
	l, err := Open(ctx, NewDir(dir), Options{Who: "child", Operation: "apply", Tool: "test"})
	if err == nil {
		err = l.Append(ctx, entry(pipeline.KindIntended, "a"), entry(pipeline.KindDone, "a"))
	}
	if err == nil {
		err = l.Append(ctx, entry(pipeline.KindDone, "waits")) // lost with the process
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	for {
		time.Sleep(20 * time.Millisecond)
		if err := l.Renew(ctx); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

// startHolder starts a process that tries to hold the lock. The first line that
// it writes is "held", or why not.
func startHolder(t *testing.T, dir string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), holderEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewReader(out)
}

func TestKilledHolder(t *testing.T) {
	ctx := context.Background()
	if _, ok, err := NewDir(t.TempDir()).LockHost(); !ok || err != nil {
		t.Skipf("no host lock here: %v", err)
	}
	dir := t.TempDir()
	opts := Options{Who: "parent", Operation: "apply", Tool: "test"}
	opts.Sleep = func(context.Context, time.Duration) error { return errors.New("it waited") }

	cmd, out := startHolder(t, dir)
	if line, err := out.ReadString('\n'); line != "held\n" {
		t.Fatalf("the holder says %q, %v", line, err)
	}
	if s := mustRead(t, NewDir(dir)); s.Holder == nil || s.Holder.PID != cmd.Process.Pid {
		t.Errorf("holder: got %v, want process %d", s.Holder, cmd.Process.Pid)
	}
	if _, err := Open(ctx, NewDir(dir), opts); !errors.Is(err, pipeline.ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	l := mustOpen(t, NewDir(dir), opts)
	mustAppend(t, l, entry(pipeline.KindIntended, "b"))
	mustClose(t, l)
	checkKeys(t, "entries", mustRead(t, NewDir(dir)).Entries, "intended a", "done a", "intended b")
}

// TestProcessesCompete lets processes start together: one gets the lock.
func TestProcessesCompete(t *testing.T) {
	const rivals = 3
	dir := t.TempDir()
	lines := make([]string, rivals)
	outs := make([]*bufio.Reader, rivals)
	for i := range rivals {
		_, outs[i] = startHolder(t, dir)
	}
	held := 0
	for i := range rivals {
		lines[i], _ = outs[i].ReadString('\n')
		if lines[i] == "held\n" {
			held++
		}
	}
	if held != 1 {
		t.Errorf("got %d holders, want 1: %q", held, lines)
	}
	if s := mustRead(t, NewDir(dir)); len(s.Entries) < 2 || s.Holder == nil || !s.Holder.HostLock {
		t.Errorf("got %d entries, holder %v, want one with the host lock", len(s.Entries), s.Holder)
	}
}
