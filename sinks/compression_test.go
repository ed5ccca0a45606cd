package sinks_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

func compression(t testing.TB, name string, level int) sinks.Compression {
	t.Helper()
	at := &level
	if level == 0 {
		at = nil
	}
	c, err := sinks.ParseCompression(name, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func pack(t testing.TB, c sinks.Compression, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	l, err := sinks.NewLines(&b, c)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		l.Text = append(l.Text, line...)
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpack(c sinks.Compression, data []byte) (string, error) {
	r, err := sinks.ReadLines(bytes.NewReader(data), int64(len(data)), c)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

func TestParseCompression(t *testing.T) {
	for _, test := range []struct {
		name  string
		level int // 0 stands for none, -1 for 0
		ext   string
		error string // setting and what the error says
	}{
		{"", 0, "csv", ""}, {"none", 0, "csv", ""},
		{"gzip", 0, "csv.gz", ""}, {"gzip", 1, "csv.gz", ""}, {"gzip", 9, "csv.gz", ""},
		{"zstd", 0, "csv.zst", ""}, {"zstd", 1, "csv.zst", ""}, {"zstd", 22, "csv.zst", ""},
		{"gzip", 10, "", "level: 10 is none of the levels 1 to 9 of gzip"},
		{"gzip", -1, "", "level: 0 is none of the levels 1 to 9 of gzip"},
		{"zstd", 23, "", "level: 23 is none of the levels 1 to 22 of zstd"},
		{"zstd", -7, "", "level: -7 is none of the levels 1 to 22 of zstd"},
		{"", 3, "", `level: a level needs compression = "gzip" or "zstd"`},
		{"none", 3, "", `level: a level needs compression = "gzip" or "zstd"`},
		{"zst", 0, "", `compression: "zst" is none of none, gzip and zstd; did you mean "zstd"?`},
		{"GZIP", 0, "", `compression: "GZIP" is none of none, gzip and zstd; did you mean "gzip"?`},
		{"snappy", 0, "", `compression: "snappy" is none of none, gzip and zstd`},
	} {
		level := &test.level
		switch test.level {
		case 0:
			level = nil
		case -1:
			level = new(int)
		}
		c, err := sinks.ParseCompression(test.name, level)
		setting := new(pipeline.SettingError)
		if err != nil && (!errors.As(err, &setting) || err.Error() != test.error) || err == nil && test.error != "" {
			t.Errorf("%q, level %d: %v, want %q", test.name, test.level, err, test.error)
		}
		if err == nil && c.Ext("csv") != test.ext {
			t.Errorf("%q: extension %s, want %s", test.name, c.Ext("csv"), test.ext)
		}
	}
}

// sample is text such as a table has, with something of its own in each line.
func sample(lines int) string {
	var b strings.Builder
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range lines {
		fmt.Fprintf(&b, "2026-01-01T00:00:%02dZ,host-%d,%x,event %d of the session\n", i%60, rng.IntN(40), rng.Uint32(), i)
	}
	return b.String()
}

// Every level gives a file that comes back, with no window larger than readers
// must allow, and equal texts give equal bytes.
func TestLevels(t *testing.T) {
	text := sample(20_000)
	for name, levels := range map[string][]int{"none": {0}, "gzip": {0, 1, 6, 9}, "zstd": {0, 1, 2, 3, 5, 6, 9, 10, 22}} {
		for _, level := range levels {
			c := compression(t, name, level)
			data := pack(t, c, text)
			if got, err := unpack(c, data); err != nil || got != text {
				t.Errorf("%s %d: %d bytes came back, %v, want %d", name, level, len(got), err, len(text))
			}
			if level < 10 && !bytes.Equal(data, pack(t, c, text)) {
				t.Errorf("%s %d: equal texts gave other bytes", name, level)
			}
			if name != "zstd" {
				continue
			}
			var h zstd.Header
			if err := h.Decode(data); err != nil || h.WindowSize > 8<<20 || !h.HasCheckSum {
				t.Errorf("level %d: a window of %d bytes, checksum %v, %v; want at most 8 MB, and one", level, h.WindowSize, h.HasCheckSum, err)
			}
		}
	}
}

// What an open file takes has a bound, whatever is written to it.
func TestCompressionMemory(t *testing.T) {
	text := []byte(sample(20_000))
	for name, levels := range map[string][]int{"gzip": {1, 9}, "zstd": {1, 3, 9, 22}} {
		for _, level := range levels {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			l, err := sinks.NewLines(io.Discard, compression(t, name, level))
			if err != nil {
				t.Fatal(err)
			}
			for range 15 {
				l.Text = append(l.Text, text...)
				if err := l.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
			t.Logf("%s %d: %d KB", name, level, grown>>10)
			if grown > 64<<20 {
				t.Errorf("%s %d: %d MB for an open file, want less than 64", name, level, grown>>20)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The program of the format's authors reads what was written, and the other
// way round.
func TestZstdProgram(t *testing.T) {
	program, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("there is no program zstd to compare with")
	}
	c := compression(t, "zstd", 0)
	for _, text := range []string{"", "a\n", sample(50_000)} {
		run := exec.Command(program, "-dc")
		run.Stdin = bytes.NewReader(pack(t, c, text))
		if got, err := run.Output(); err != nil || string(got) != text {
			t.Errorf("zstd -dc: %d bytes, %v, want %d", len(got), err, len(text))
		}
		run = exec.Command(program, "-c", "-5")
		run.Stdin = strings.NewReader(text)
		packed, err := run.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unpack(c, packed); err != nil || got != text {
			t.Errorf("of zstd -5: %d bytes, %v, want %d", len(got), err, len(text))
		}
	}
}

// Whatever is cut off or changed, unpacking tells, or the text is what it was.
func TestDamagedFrames(t *testing.T) {
	for _, name := range []string{"gzip", "zstd"} {
		c := compression(t, name, 0)
		for _, text := range []string{"", "a,b\n", sample(12)} {
			whole := pack(t, c, text)
			for n := range whole {
				if got, err := unpack(c, whole[:n]); err == nil {
					t.Errorf("%s of %d bytes: %d of %d: no error and %d bytes", name, len(text), n, len(whole), len(got))
				}
			}
			for at := range whole {
				for bit := range 8 {
					damaged := bytes.Clone(whole)
					damaged[at] ^= 1 << bit
					if got, err := unpack(c, damaged); err == nil && got != text {
						t.Errorf("%s of %d bytes: bit %d of byte %d: no error and another text", name, len(text), bit, at)
					}
				}
			}
			if _, err := unpack(c, append(bytes.Clone(whole), "more"...)); err == nil {
				t.Errorf("%s of %d bytes with bytes behind it: no error", name, len(text))
			}
		}
	}
}

// A frame that asks for more memory than any that is written here is refused.
func TestWideWindow(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(256<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(sample(10_000))); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil { // so that the size is not known
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(compression(t, "zstd", 0), b.Bytes()); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("a window of 256 MB: %v, want %v", err, zstd.ErrWindowSizeExceeded)
	}
}

// endless is a text that is one line.
type endless struct{}

func (endless) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestMaxLine(t *testing.T) {
	l, err := sinks.NewLines(io.Discard, sinks.Compression{})
	if err != nil {
		t.Fatal(err)
	}
	l.Text = make([]byte, sinks.MaxLine)
	if err := l.Flush(); err != nil {
		t.Errorf("a line of %d bytes: %v", sinks.MaxLine, err)
	}
	l.Text = l.Text[:cap(l.Text)]
	l.Text = append(l.Text, 0)
	if err := l.Flush(); err == nil || !strings.Contains(err.Error(), "128 MB") {
		t.Errorf("a byte more: %v, want an error that names the bound", err)
	}
	r, err := sinks.ReadLines(endless{}, 1<<40, sinks.Compression{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n, err := io.Copy(io.Discard, r)
		if err == nil || n < sinks.MaxLine || n > sinks.MaxLine+1<<20 {
			t.Errorf("an endless line: %d bytes and %v, want an error after %d", n, err, sinks.MaxLine)
		}
		r.Next()
	}
}

func TestSettingsLine(t *testing.T) {
	for want, settings := range map[string][]sinks.Setting{
		"":                                       nil,
		"header=false":                           {{"header", "false"}},
		`delimiter="\t" null="\\N x" a=b`:        {{"delimiter", "\t"}, {"null", `\N x`}, {"a", "b"}},
		`null="a=\"b\" header=false" c="\u00e9"`: {{"null", `a="b" header=false`}, {"c", "é"}},
		`null=""`:                                {{"null", ""}},
	} {
		line := sinks.SettingsLine(settings)
		if line != want {
			t.Errorf("got %s, want %s", line, want)
		}
		for _, before := range []string{"", "csv ", "csv.zst "} {
			got, err := sinks.ParseSettings(before + line)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(settings) {
				t.Errorf("%s%s: got %q, %v, want %q", before, line, got, err, settings)
			}
		}
	}
	for _, line := range []string{`null="`, `null="a`, `csv null="\x"`} {
		if got, err := sinks.ParseSettings(line); err == nil {
			t.Errorf("%s: %q and no error", line, got)
		}
	}
}
