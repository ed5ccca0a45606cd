package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// stopTime is how long a command may take to end after an interrupt.
const stopTime = 30 * time.Second

// serveCommand serves while a command runs, in the directory of -chdir, and
// returns the command's exit code. Standard streams are the command's; what the
// emulator says goes to stderr.
func (p *process) serveCommand(ctx context.Context, o emulatorFlags, secure *tls.Config, command []string) (int, error) {
	listen := cmp.Or(o.listen, "127.0.0.1:0") // several tests can run at once
	var asked atomic.Bool
	observe := o.config.Observe
	o.config.Observe = func(x emulator.Exchange) {
		asked.Store(true)
		if observe != nil {
			observe(x)
		}
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	base, wait, err := p.startEmulator(serving, listen, o.config, secure)
	if err != nil {
		return 0, err
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir = p.dir
	c.Stdin, c.Stdout, c.Stderr = p.stdin, p.stdout, p.stderr
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = stopTime
	c.Env = append(os.Environ(),
		"KUSTASH_VAR_endpoint="+base, "KUSTASH_VAR_authority="+base, "KUSTASH_VAR_workspace_id="+emulator.DemoWorkspaceID,
		"AZURE_TENANT_ID="+emulator.DemoTenantID, "AZURE_CLIENT_ID="+emulator.DemoClientID, "AZURE_CLIENT_SECRET="+emulator.DemoClientSecret)
	if name := o.tls.authority(p); name != "" {
		full, err := filepath.Abs(name)
		if err != nil {
			return 0, err
		}
		c.Env = append(c.Env, "KUSTASH_VAR_ca_file="+full)
	}
	err = c.Run()
	stop()
	if waitErr := wait(); waitErr != nil && err == nil {
		err = waitErr
	}
	if c.ProcessState != nil && err != nil && !asked.Load() {
		fmt.Fprintln(p.stderr, p.paint(yellow, "Warning:"), "The command asked the emulator nothing. A pipeline finds it only if its workspace block has "+
			"endpoint = var.endpoint, authority = var.authority and workspace_id = var.workspace_id, as in examples/emulator")
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return exitDone, nil
	case errors.As(err, &exit):
		if exit.ExitCode() == exitPending {
			return exitPending, nil
		}
		return exitFailed, errReported
	}
	return 0, fmt.Errorf("run %s: %w", command[0], err)
}
