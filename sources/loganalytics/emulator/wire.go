package emulator

import (
	"context"
	"io"
	"net/http"
	"time"
)

// meter is the response on its way to the client: it counts, and where a fault
// says so it slows down and breaks off.
type meter struct {
	http.ResponseWriter
	status int
	bytes  int64

	cutting bool
	left    int64 // bytes until the connection is cut
	drip    time.Duration
	ctx     context.Context // ends a drip
}

// dripSize is how much is sent between two pauses.
const dripSize = 16 << 10

// WriteHeader implements http.ResponseWriter.
func (m *meter) WriteHeader(status int) {
	m.status = or(m.status, status)
	m.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (m *meter) Write(p []byte) (int, error) {
	m.status = or(m.status, http.StatusOK)
	if m.drip <= 0 {
		return m.send(p)
	}
	sent := 0
	for sent < len(p) {
		pause(m.ctx, m.drip)
		n, err := m.send(p[sent:min(sent+dripSize, len(p))])
		sent += n
		if err != nil {
			return sent, err
		}
		m.flush()
	}
	return sent, nil
}

func (m *meter) send(p []byte) (int, error) {
	last := m.cutting && int64(len(p)) >= m.left
	if last {
		p = p[:m.left]
	}
	n, err := m.ResponseWriter.Write(p)
	m.bytes += int64(n)
	m.left -= int64(n)
	if last {
		m.abort()
	}
	return n, err
}

// finish cuts a body that was shorter than the place of the cut: what has been
// sent is whole, and its end is still missing.
func (m *meter) finish() {
	if m.cutting {
		m.abort()
	}
}

// abort sends what is buffered, so that the client sees a body that breaks off
// and not an empty answer, and drops the connection.
func (m *meter) abort() {
	m.status = or(m.status, http.StatusOK)
	m.flush()
	panic(http.ErrAbortHandler)
}

func (m *meter) flush() { _ = http.NewResponseController(m.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the server's writer.
func (m *meter) Unwrap() http.ResponseWriter { return m.ResponseWriter }

// pause waits unless the client goes away.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// endingWriter passes on so many bytes and swallows the rest: what is sent ends
// early and looks complete to everything below JSON.
type endingWriter struct {
	out   io.Writer
	early bool
	left  int64
}

// Write implements io.Writer.
func (w *endingWriter) Write(p []byte) (int, error) {
	if !w.early {
		return w.out.Write(p)
	}
	n := min(int64(len(p)), w.left)
	w.left -= n
	if _, err := w.out.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// spoilingWriter flips a bit in the checksum at the end of a gzip body.
type spoilingWriter struct {
	out  io.Writer
	tail []byte
}

// gzipTrailer is the length of checksum and size.
const gzipTrailer = 8

// Write implements io.Writer.
func (w *spoilingWriter) Write(p []byte) (int, error) {
	w.tail = append(w.tail, p...)
	if ready := len(w.tail) - gzipTrailer; ready > 0 {
		if _, err := w.out.Write(w.tail[:ready]); err != nil {
			return 0, err
		}
		w.tail = append(w.tail[:0], w.tail[ready:]...)
	}
	return len(p), nil
}

func (w *spoilingWriter) flush() {
	if len(w.tail) == gzipTrailer {
		w.tail[0] ^= 1
	}
	_, _ = w.out.Write(w.tail)
}
