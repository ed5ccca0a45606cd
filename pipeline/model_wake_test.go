package pipeline

import (
	"testing"
	"time"
)

// A writer that wakes up while its successor recovers, neither of them kept out
// by a lock, leaves no object that counts without being there.
func TestModelWakes(t *testing.T) {
	first := modelRun{now: dayStart.Add(49 * time.Hour), print: "fp1:0", sinks: []string{"a"}, limit: 2}
	changed, pieces := first, first
	changed.print, pieces.rows = "fp1:1", 1
	for name, run := range map[string]modelRun{"first": first, "replace": changed, "pieces": pieces} {
		base := newWorld()
		if name == "replace" {
			if err := base.settleDown(first); err != nil {
				t.Fatal(err)
			}
		}
		undisturbed := &process{world: base.copied(), at: -1}
		if _, _, err := undisturbed.run(run); err != nil {
			t.Fatal(err)
		}
		bad, histories := 0, 0
		for at := range undisturbed.steps {
			for wake := range 8 {
				if !modelLong() && (at+wake)%modelShare() != 0 {
					continue
				}
				w := base.copied()
				histories++
				wakeDuring(w, run, at, wake)
				err := w.sound(run, nil)
				if err == nil {
					err = w.settleDown(run)
				}
				if err != nil {
					if bad++; bad <= 5 {
						t.Errorf("%s: stalled at step %d, woken at step %d of the second: %v", name, at, wake, err)
					}
				}
			}
		}
		t.Logf("%s: %d histories, %d bad", name, histories, bad)
	}
}

// wakeDuring stalls a run at one step, starts a second one, and lets the first
// go on to its end when the second has come to the step wake.
func wakeDuring(w *world, run modelRun, at, wake int) {
	parked, resume, ended := make(chan bool), make(chan bool), make(chan bool)
	one := &process{world: w, at: at, how: stalled, other: func() { close(parked); <-resume }}
	go func() {
		defer close(ended)
		_, _, _ = one.run(run)
	}()
	<-parked
	two := &process{world: w, at: wake, how: stalled, other: func() { close(resume); <-ended }}
	_, _, _ = two.run(run)
	select {
	case <-ended:
	default:
		close(resume)
		<-ended
	}
}
